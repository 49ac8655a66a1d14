package access_test

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// The organizations of the tests: a platform, a partner, a partner below it and
// its customer, and another partner.
func root() orgtree.ID     { return orgtree.ID{1} }
func partner() orgtree.ID  { return orgtree.ID{2} }
func sub() orgtree.ID      { return orgtree.ID{3} }
func customer() orgtree.ID { return orgtree.ID{4} }
func other() orgtree.ID    { return orgtree.ID{5} }

// The projects of the customer: one that groups of the tests list, one that none
// does.
func ours() orgtree.ID   { return orgtree.ID{21} }
func theirs() orgtree.ID { return orgtree.ID{22} }

func targetOf(id orgtree.ID) access.Target {
	switch id {
	case root():
		return access.Target{Path: orgtree.Path{root()}, Kind: orgtree.Platform, Status: orgtree.Active}
	case partner():
		return access.Target{Path: orgtree.Path{root(), partner()}, Kind: orgtree.Partner, Status: orgtree.Active}
	case sub():
		return access.Target{Path: orgtree.Path{root(), partner(), sub()}, Kind: orgtree.Partner, Status: orgtree.Active}
	case other():
		return access.Target{Path: orgtree.Path{root(), other()}, Kind: orgtree.Partner, Status: orgtree.Active}
	default:
		return access.Target{Path: orgtree.Path{root(), partner(), sub(), customer()}, Kind: orgtree.Standard, Status: orgtree.Active}
	}
}

func kindOf(id orgtree.ID) orgtree.Kind { return targetOf(id).Kind }

// now is when the requests of the tests come, from nowhere in particular.
func now() access.Circumstances {
	return access.Circumstances{
		Address: netip.MustParseAddr("192.0.2.7"),
		At:      time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC),
	}
}

// standing returns what a place gives now.
func standing(in orgtree.ID, place access.Place) *access.Standing {
	place.Organization, place.Kind, place.Status = in, kindOf(in), orgtree.Active
	return access.NewStanding(place, now())
}

// member returns a viewer with one place, under the default switches.
func member(in orgtree.ID, place access.Place) access.Viewer {
	if place.Switches == (access.Switches{}) {
		place.Switches = access.DefaultSwitches()
	}
	return viewerWith(map[orgtree.ID]*access.Standing{in: standing(in, place)})
}

func viewerWith(standings map[orgtree.ID]*access.Standing) access.Viewer {
	return access.Viewer{Kind: access.User, ID: orgtree.ID{99}, Name: "viewer", Circumstances: now(), Standings: standings}
}

func owner(in orgtree.ID) access.Viewer { return member(in, access.Place{Owner: true}) }

func withRole(in orgtree.ID, roles ...access.Role) access.Viewer {
	return member(in, access.Place{Groups: []access.Group{{ID: orgtree.ID{31}, Roles: roles}}})
}

func withBuiltin(in orgtree.ID, builtins ...access.Builtin) access.Viewer {
	var place access.Place
	for _, b := range builtins {
		place.Groups = append(place.Groups, access.BuiltinGroup(b))
	}
	return member(in, place)
}

// withSets returns a viewer with a policy that gives sets in the organization.
func withSets(in orgtree.ID, sets ...access.SetName) access.Viewer {
	return member(in, access.Place{Policies: []access.Policy{policyOf(orgtree.ID{41}, access.InOrganization(), sets...)}})
}

func policyOf(id orgtree.ID, scope access.Scope, sets ...access.SetName) access.Policy {
	return access.Policy{ID: id, Rules: []access.Rule{{Sets: sets, Scope: scope}}}
}

// words returns permissions in alphabetical order.
func words(permissions []access.Permission) string {
	texts := make([]string, len(permissions))
	for i, p := range permissions {
		texts[i] = string(p)
	}
	return sorted(strings.Join(texts, " "))
}

// sorted returns the words of a text in alphabetical order, each once.
func sorted(text string) string {
	list := strings.Fields(text)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// without returns the words of a text that are not in another.
func without(text, others string) string {
	gone := strings.Fields(others)
	return strings.Join(slices.DeleteFunc(strings.Fields(text), func(word string) bool { return slices.Contains(gone, word) }), " ")
}
