package access_test

import (
	"math/rand/v2"
	"testing"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
)

// impersonators are people and what is no person, by what they are.
func impersonators() map[string]access.Viewer {
	key, machine, bound, behind := owner(root()), owner(root()), owner(root()), owner(root())
	key.Key = orgtree.ID{71}
	machine.Kind = access.Application
	bound.Organization = root()
	behind.By = access.Actor{ID: orgtree.ID{72}, Name: "ada"}
	return map[string]access.Viewer{
		"nobody":                      {},
		"the system":                  access.SystemViewer("test"),
		"an owner of the platform":    owner(root()),
		"its org:admin":               withRole(root(), access.RoleAdmin),
		"one bound to it":             bound,
		"an owner with a key":         key,
		"an application of all":       machine,
		"somebody in another's place": behind,
		"a reader of the platform":    withSets(root(), access.PlatformReadOnly),
		"an Administrator there":      withBuiltin(root(), access.Administrators),
		"a manager of its people":     withSets(root(), access.IAMManager),
		"a member there":              member(root(), access.Place{}),
		"an owner of a partner":       owner(partner()),
		"an owner of a customer":      owner(customer()),
		"a member of a customer":      member(customer(), access.Place{}),
	}
}

// TestOnlyPlatformAdministratorsImpersonate tries every kind of actor on every
// kind of person.
func TestOnlyPlatformAdministratorsImpersonate(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		"an owner of the platform": {"an Administrator there", "a manager of its people", "a member there", "an owner of a partner", "an owner of a customer", "a member of a customer"},
		"its org:admin":            {"a manager of its people", "a member there", "an owner of a partner", "an owner of a customer", "a member of a customer"},
		"one bound to it":          {"an Administrator there", "a manager of its people", "a member there", "an owner of a partner", "an owner of a customer", "a member of a customer"},
	}
	for name, actor := range impersonators() {
		may := map[string]bool{}
		for _, person := range allowed[name] {
			may[person] = true
		}
		for other, person := range impersonators() {
			err := access.CheckImpersonation(actor, orgtree.ID{98}, person.Standings[root()], targetOf(root()))
			// Those who are no person stand for a person who is what they are.
			want := fault.Forbidden
			switch {
			case actor.IsAnonymous():
				want = fault.Unauthenticated
			case may[other] || allowed[name] != nil && person.Standings[root()] == nil:
				want = ""
			}
			if got := fault.CodeOf(err); got != want {
				t.Errorf("%s in the place of %s: %q, want %q: %v", name, other, got, want, err)
			}
		}
	}
}

func TestNobodyActsInTheirOwnPlace(t *testing.T) {
	t.Parallel()
	actor := owner(root())
	if err := access.CheckImpersonation(actor, actor.ID, nil, targetOf(root())); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("oneself: %v", err)
	}
}

// TestNobodyImpersonatesUpwards lets random people of the platform act in each
// other's places: whoever may, gains no right over the platform or below it, and
// cannot go on to a third.
func TestNobodyImpersonatesUpwards(t *testing.T) {
	t.Parallel()
	target, succeeded := targetOf(root()), 0
	for seed := range uint64(effort.Cases(40_000)) {
		random := rand.New(rand.NewPCG(seed, 17))
		there := access.NewStanding(randomPlace(random, target), now())
		actor := viewerWith(map[orgtree.ID]*access.Standing{root(): access.NewStanding(randomPlace(random, target), now())})
		if access.CheckImpersonation(actor, orgtree.ID{98}, there, target) != nil {
			continue
		}
		succeeded++
		person := viewerWith(map[orgtree.ID]*access.Standing{root(): there})
		person.ID, person.By = orgtree.ID{98}, access.Actor{ID: actor.ID, Name: actor.Name}
		if access.Check(actor, access.PlatformWrite, target) != nil {
			t.Fatalf("seed %d: without platform:write", seed)
		}
		for _, below := range []orgtree.ID{root(), partner(), customer()} {
			for _, p := range person.Allowed(targetOf(below)) {
				if access.Check(actor, p, targetOf(below)) != nil {
					t.Fatalf("seed %d: gains %s in %s", seed, p, below)
				}
			}
		}
		if access.CheckImpersonation(person, orgtree.ID{97}, nil, target) == nil {
			t.Fatalf("seed %d: goes on to a third", seed)
		}
	}
	if succeeded < 20 {
		t.Errorf("only %d succeeded", succeeded)
	}
}

func TestOwnHands(t *testing.T) {
	t.Parallel()
	if err := access.CheckOwnHands(owner(customer())); err != nil {
		t.Error(err)
	}
	if err := access.CheckOwnHands(impersonators()["somebody in another's place"]); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("in another's place: %v", err)
	}
}
