package access_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
)

// law is a sentence that holds in every world. check returns how a world breaks
// it, or nothing.
type law struct {
	name  string
	check func(w world, random *rand.Rand) string
}

func laws() []law {
	return []law{
		{"the order of grants changes nothing", orderChangesNothing},
		{"two grants give what each gives", union},
		{"more grants never give less", moreIsMore},
		{"nothing flows up or sideways", onlyDown},
		{"whoever sees an organization reads it, and nobody else", reachIsReading},
		{"whoever may do something reads where they do it", rightsImplyReading},
		{"a project that goes takes rights and gives none", projectsShrink},
		{"rights hold all of themselves and of their parts", rightsAreSets},
		{"what is granted by somebody is theirs", grantingIsSubset},
		{"what is lost is noticed", lossIsNoticed},
		{"a right in projects is the same one by one", projectsOneByOne},
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(effort.Cases(5_000)) {
				random := rand.New(rand.NewPCG(seed, 3))
				w := randomWorld(random)
				for i := range w.targets {
					w.targets[i].Status = orgtree.Active
				}
				for i := range w.places {
					w.places[i].Status = orgtree.Active
				}
				if broken := l.check(w, random); broken != "" {
					t.Fatalf("seed %d: %s\n%+v", seed, broken, w)
				}
			}
		})
	}
}

func (w world) viewer() access.Viewer {
	return question{places: w.places, circumstances: now()}.viewer()
}

// with returns the world with other places.
func (w world) with(places ...access.Place) world {
	w.places = places
	return w
}

// rights lists all that a viewer may do anywhere, in organizations and in their
// projects.
func (w world) rights() map[string]string {
	held := map[string]string{}
	v := w.viewer()
	for _, t := range w.targets {
		for i := range 3 {
			held[t.Path.Leaf().String()] = words(v.Allowed(t))
			project := projectOf(t.Path.Leaf(), i)
			held[project.String()] = words(v.Allowed(t.In(project)))
		}
	}
	return held
}

func shuffled[T any](random *rand.Rand, list []T) []T {
	list = slices.Clone(list)
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func orderChangesNothing(w world, random *rand.Rand) string {
	var places []access.Place
	for _, place := range shuffled(random, w.places) {
		place.Policies, place.Groups = shuffled(random, place.Policies), shuffled(random, place.Groups)
		for i, g := range place.Groups {
			g.Policies, g.Roles = shuffled(random, g.Policies), shuffled(random, g.Roles)
			place.Groups[i] = g
		}
		places = append(places, place)
	}
	return cmp.Diff(w.rights(), w.with(places...).rights())
}

// union splits a place in two. The door of one part may let through what the
// other part gives, so the law is about the organization itself.
func union(w world, random *rand.Rand) string {
	for i, place := range w.places {
		one, other := place, place
		one.Groups, other.Policies, other.Owner = nil, nil, false
		t := w.target(place.Organization)
		if random.IntN(2) == 0 {
			t = t.In(projectOf(place.Organization, random.IntN(3)))
		}
		allowed := func(p access.Place) string { return words(w.with(p).viewer().Allowed(t)) }
		if diff := cmp.Diff(sorted(allowed(one)+" "+allowed(other)), allowed(w.places[i])); diff != "" {
			return diff
		}
	}
	return ""
}

func (w world) target(id orgtree.ID) access.Target {
	return w.targets[slices.IndexFunc(w.targets, func(t access.Target) bool { return t.Path.Leaf() == id })]
}

func moreIsMore(w world, random *rand.Rand) string {
	if len(w.places) == 0 {
		return ""
	}
	places := slices.Clone(w.places)
	more := &places[random.IntN(len(places))]
	more.Groups = append(slices.Clone(more.Groups), randomGroup(random, more.Organization, 9))
	more.Policies = append(slices.Clone(more.Policies), randomPolicy(random, more.Organization, 9))
	after := w.with(places...).rights()
	for id, before := range w.rights() {
		if lost := without(before, after[id]); lost != "" {
			return "lost " + lost
		}
	}
	return ""
}

func onlyDown(w world, _ *rand.Rand) string {
	for _, place := range w.places {
		v := w.with(place).viewer()
		for _, t := range w.targets {
			if held := words(v.Allowed(t)); !t.Path.Contains(place.Organization) && held != "" {
				return "elsewhere: " + held
			}
		}
	}
	return ""
}

func reachIsReading(w world, _ *rand.Rand) string {
	v := w.viewer()
	reach := v.Reach()
	for _, t := range w.targets {
		sees := slices.Contains(reach.Organizations, t.Path.Leaf()) ||
			slices.ContainsFunc(t.Path, func(id orgtree.ID) bool { return slices.Contains(reach.Subtrees, id) })
		if reads := access.Check(v, access.OrgRead, t) == nil; sees != reads {
			return "sees and reads are two things"
		}
	}
	if !slices.IsSortedFunc(reach.Organizations, orgtree.ID.Compare) || !slices.IsSortedFunc(reach.Subtrees, orgtree.ID.Compare) {
		return "out of order"
	}
	return ""
}

func rightsImplyReading(w world, _ *rand.Rand) string {
	v := w.viewer()
	for _, t := range w.targets {
		for i := range 3 {
			for _, in := range []access.Target{t, t.In(projectOf(t.Path.Leaf(), i))} {
				if held := v.Allowed(in); len(held) > 0 && !slices.Contains(held, access.OrgRead) {
					return "rights without reading: " + words(held)
				}
			}
		}
	}
	return ""
}

func projectsShrink(w world, random *rand.Rand) string {
	if len(w.places) == 0 {
		return ""
	}
	gone := projectOf(pick(random, w.places).Organization, random.IntN(3))
	var places []access.Place
	for _, place := range w.places {
		place.Policies = slices.Clone(place.Policies)
		for i, p := range place.Policies {
			rules, changed := access.WithoutProject(p.Rules, gone)
			if again, more := access.WithoutProject(rules, gone); more || !cmp.Equal(rules, again, cmp.Comparer(sameCondition)) {
				return "a project goes twice"
			}
			if !changed && !cmp.Equal(p.Rules, rules, cmp.Comparer(sameCondition)) {
				return "nothing changed, and something did"
			}
			place.Policies[i].Rules = rules
		}
		places = append(places, place)
	}
	before, after := w.rights(), w.with(places...).rights()
	for id, now := range after {
		if gained := without(now, before[id]); gained != "" {
			return "gained " + gained
		}
		if lost := without(before[id], now); lost != "" && id != gone.String() {
			return "lost elsewhere: " + lost
		}
	}
	return ""
}

func sameCondition(a, b *access.Condition) bool { return a == b }

func rightsAreSets(w world, _ *rand.Rand) string {
	var all, reversed access.Rights
	var parts []access.Rights
	for _, place := range w.places {
		parts = append(parts, access.NewStanding(place, now()).Rights())
	}
	for i, part := range parts {
		all.Add(part)
		reversed.Add(parts[len(parts)-1-i])
	}
	if p, lacks := all.Lacks(reversed); lacks {
		return "the order of sums matters: " + string(p)
	}
	for _, part := range parts {
		if p, lacks := all.Lacks(part); lacks {
			return "a sum lacks " + string(p)
		}
		if p, lacks := (access.Rights{}).Lacks(part); lacks == cmp.Equal(part, access.Rights{}) {
			return "nothing holds " + string(p)
		}
	}
	return ""
}

// grantingIsSubset grants random rights: unless the viewer is exempt, they hold
// each of them.
func grantingIsSubset(w world, random *rand.Rand) string {
	v, t := w.viewer(), pick(random, w.targets)
	place := randomPlace(random, t)
	place.Owner = false
	rights := access.NewStanding(place, now()).Rights()
	_, writes := v.Standings[t.Path.Leaf()]
	writes = writes && access.Check(viewerWith(map[orgtree.ID]*access.Standing{t.Path.Leaf(): v.Standings[t.Path.Leaf()]}), access.PoliciesWrite, t) == nil
	if _, err := access.CheckGranting(v, access.Granting{Rights: rights, OwnHands: true}, t); err != nil || writes {
		return ""
	}
	for _, p := range rights.Organization.List() {
		if access.Check(v, p, t) != nil {
			return "grants what they do not hold: " + string(p)
		}
	}
	for project, given := range rights.Projects {
		for _, p := range given.List() {
			if access.Check(v, p, t.In(project)) != nil {
				return "grants in a project what they do not hold: " + string(p)
			}
		}
	}
	for _, p := range rights.AllProjects.List() {
		if access.Check(v, p, t.In(projectOf(t.Path.Leaf(), 7))) != nil {
			return "grants in every project what they do not hold: " + string(p)
		}
	}
	return ""
}

// lossIsNoticed takes something from somebody, or gives them other places.
func lossIsNoticed(w world, random *rand.Rand) string {
	later := w.with(slices.Clone(w.places)...)
	for i := range later.places {
		place := &later.places[i]
		switch random.IntN(6) {
		case 0:
			place.Owner = !place.Owner
		case 1:
			place.Groups = nil
		case 2:
			place.Policies = nil
		case 3:
			place.Switches = pick(random, allSwitches())
		case 4:
			*place = randomPlace(random, w.target(place.Organization))
		}
	}
	if random.IntN(4) == 0 && len(later.places) > 0 {
		later.places = later.places[1:]
	}
	if w.viewer().Lost(w.viewer()) {
		return "lost nothing, and noticed it"
	}
	before, after := w.rights(), later.rights()
	for id := range before {
		if lost := without(before[id], after[id]); lost != "" && !w.viewer().Lost(later.viewer()) {
			return "lost " + lost
		}
	}
	return w.lostGranting(later, random)
}

// lostGranting grants something that could be granted before.
func (w world) lostGranting(later world, random *rand.Rand) string {
	t := pick(random, w.targets)
	g := access.Granting{Rights: access.NewStanding(randomPlace(random, t), now()).Rights(), OwnHands: random.IntN(2) == 0}
	_, before := access.CheckGranting(w.viewer(), g, t)
	_, after := access.CheckGranting(later.viewer(), g, t)
	if before == nil && after != nil && !w.viewer().Lost(later.viewer()) {
		return "lost granting: " + after.Error()
	}
	return ""
}

func projectsOneByOne(w world, random *rand.Rand) string {
	v, t, p := w.viewer(), pick(random, w.targets), pick(random, access.Permissions())
	all, some := v.ProjectsWith(p, t)
	for i := range 4 {
		project := projectOf(t.Path.Leaf(), i)
		if got, want := access.Check(v, p, t.In(project)) == nil, all || slices.Contains(some, project); got != want {
			return "in a project, and not in the list: " + string(p)
		}
	}
	return ""
}
