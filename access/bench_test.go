package access_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// tree is 10 000 organizations to a depth of 5, with 3 groups and 5 people in
// each.
type tree struct {
	targets []access.Target
	viewers []access.Viewer
}

const (
	treeSize  = 10_000
	treeDepth = 5
	treeWidth = 6 // of a partner; 6 to the 5th is enough
)

func numbered(kind byte, n int) orgtree.ID {
	id := orgtree.ID{kind}
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func newTree(random *rand.Rand) tree {
	t := tree{targets: []access.Target{{Path: orgtree.Path{numbered(1, 0)}, Kind: orgtree.Platform, Status: orgtree.Active}}}
	for above := 0; len(t.targets) < treeSize; above++ {
		width := treeWidth
		if above == 0 {
			width = 8
		}
		path := t.targets[above].Path
		for range min(width, treeSize-len(t.targets)) {
			child := access.Target{Path: path.Child(numbered(1, len(t.targets))), Kind: orgtree.Partner, Status: orgtree.Active}
			if child.Path.Depth() == treeDepth {
				child.Kind = orgtree.Standard
			}
			t.targets = append(t.targets, child)
		}
	}
	for i, target := range t.targets {
		for n := range 5 {
			t.viewers = append(t.viewers, t.person(random, target, 5*i+n, n))
		}
	}
	return t
}

// person makes an owner, an Administrator, a member of two groups, one of one and
// one of none. Some are also people of an organization above.
func (t tree) person(random *rand.Rand, target access.Target, id, n int) access.Viewer {
	group := access.Group{ID: numbered(2, 3*id), Roles: []access.Role{access.RoleUsers}}
	products := access.Group{ID: numbered(2, 3*id+1), Projects: []orgtree.ID{numbered(3, id)}}
	places := []access.Place{
		{Owner: true},
		{Groups: []access.Group{access.BuiltinGroup(access.Administrators)}},
		{Groups: []access.Group{group, products}},
		{Groups: []access.Group{products}},
		{},
	}
	v := access.Viewer{Kind: access.User, ID: numbered(4, id), Standings: map[orgtree.ID]*access.Standing{}}
	put := func(target access.Target, place access.Place) {
		place.Organization, place.Kind, place.Status = target.Path.Leaf(), target.Kind, target.Status
		place.Switches = access.DefaultSwitches()
		v.Standings[place.Organization] = access.NewStanding(place, access.Circumstances{})
	}
	put(target, places[n])
	if above := target.Path.Ancestors(); n == 1 && len(above) > 0 {
		i := random.IntN(len(above))
		kind := orgtree.Partner
		if i == 0 {
			kind = orgtree.Platform
		}
		put(access.Target{Path: above[:i+1], Kind: kind, Status: orgtree.Active}, access.Place{Groups: []access.Group{{Roles: []access.Role{access.RoleAdmin}}}})
	}
	return v
}

// BenchmarkCheck asks for a right of another viewer in another organization each
// time: the goal is 2 µs and 2 allocations.
func BenchmarkCheck(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	t := newTree(random)
	type ask struct {
		viewer     *access.Viewer
		target     access.Target
		permission access.Permission
	}
	asked := map[string]func(viewer int) access.Target{
		"at home":   func(viewer int) access.Target { return t.targets[viewer/5] },
		"anywhere":  func(int) access.Target { return pick(random, t.targets) },
		"a project": func(viewer int) access.Target { return t.targets[viewer/5].In(numbered(3, viewer)) },
	}
	for _, name := range []string{"at home", "anywhere", "a project"} {
		asks := make([]ask, 1<<16)
		for i := range asks {
			viewer := random.IntN(len(t.viewers))
			asks[i] = ask{&t.viewers[viewer], asked[name](viewer), pick(random, access.Permissions())}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			allowed, i := 0, 0
			for b.Loop() {
				a := &asks[i%len(asks)]
				if access.Check(*a.viewer, a.permission, a.target) == nil {
					allowed++
				}
				i++
			}
			b.ReportMetric(float64(allowed)/float64(b.N), "allowed/op")
		})
	}
}

// BenchmarkAllowed lists the rights of another viewer each time.
func BenchmarkAllowed(b *testing.B) {
	t := newTree(rand.New(rand.NewPCG(1, 1)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := i % len(t.viewers)
		_ = t.viewers[n].Allowed(t.targets[n/5])
	}
}

// BenchmarkNewStanding compiles a place with two groups and a policy.
func BenchmarkNewStanding(b *testing.B) {
	place := access.Place{
		Organization: customer(), Kind: orgtree.Standard, Switches: access.DefaultSwitches(),
		Groups:   []access.Group{access.BuiltinGroup(access.Administrators), {ID: orgtree.ID{31}, Roles: []access.Role{access.RoleUsers}}},
		Policies: []access.Policy{policyOf(orgtree.ID{41}, access.InProjects(ours()), access.ProjectMember)},
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = access.NewStanding(place, access.Circumstances{})
	}
}
