package access

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/headwater-platform/headwater/orgtree"
)

// PrincipalKind says what kind of principal acts.
type PrincipalKind string

// The kinds of principal. SYSTEM is the platform itself: the command line, a
// job, the login; the journal shows it by name.
const (
	User        PrincipalKind = "USER"
	Application PrincipalKind = "APPLICATION"
	System      PrincipalKind = "SYSTEM"
)

// Standing is what a principal is in one organization.
type Standing struct {
	Kind       orgtree.Kind
	Membership orgtree.ID
	Owner      bool
	// Groups are the groups that the principal is in.
	Groups   []orgtree.ID
	Roles    []Role
	Builtins []Builtin
}

// permissions returns the rights that the standing gives in its organization.
func (s Standing) permissions() permissionSet {
	set := s.granted()
	set.add(memberPermissions())
	return set
}

// granted returns the rights beyond those that every member has.
func (s Standing) granted() permissionSet {
	set := permissionSet{}
	if s.Owner {
		set.add(ownerPermissions(s.Kind))
	}
	for _, role := range s.Roles {
		set.add(rolePermissions(role, s.Kind))
	}
	for _, builtin := range s.Builtins {
		set.add(builtinPermissions(builtin))
	}
	return set
}

// Viewer is who asks: a principal and its standing in the organizations that
// its token reaches. The zero Viewer is nobody and may do nothing.
type Viewer struct {
	Kind PrincipalKind
	// ID is the user or application; zero for the system.
	ID orgtree.ID
	// Name is what the journal shows.
	Name string
	// Organization is the one organization that the token is bound to, or zero.
	Organization orgtree.ID
	// Standings are the viewer's memberships within the token's reach.
	Standings map[orgtree.ID]Standing
}

// SystemViewer returns the platform itself under the name of what runs, such as
// "bootstrap". It may do everything.
func SystemViewer(name string) Viewer { return Viewer{Kind: System, Name: name} }

// IsSystem reports whether the platform itself acts.
func (v Viewer) IsSystem() bool { return v.Kind == System }

// IsAnonymous reports whether nobody is signed in.
func (v Viewer) IsAnonymous() bool { return v.Kind == "" }

// Reach is the part of the tree that a viewer can see at all: single
// organizations and whole subtrees.
type Reach struct {
	Everything    bool
	Organizations []orgtree.ID
	Subtrees      []orgtree.ID
}

// Reach returns the viewer's visible part of the tree, ids in ascending order.
func (v Viewer) Reach() Reach {
	if v.IsSystem() {
		return Reach{Everything: true}
	}
	var r Reach
	for id, standing := range v.Standings {
		if standing.opensDoor() {
			r.Subtrees = append(r.Subtrees, id)
		} else {
			r.Organizations = append(r.Organizations, id)
		}
	}
	slices.SortFunc(r.Organizations, compareID)
	slices.SortFunc(r.Subtrees, compareID)
	return r
}

func compareID(a, b orgtree.ID) int { return slices.Compare(a[:], b[:]) }

type viewerKey struct{}

// WithViewer returns a context in which the viewer acts.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	current := &atomic.Pointer[Viewer]{}
	current.Store(&v)
	return context.WithValue(ctx, viewerKey{}, current)
}

// ViewerFrom returns who acts in the context, or the zero Viewer if nobody was
// put there.
func ViewerFrom(ctx context.Context) Viewer {
	current, ok := ctx.Value(viewerKey{}).(*atomic.Pointer[Viewer])
	if !ok {
		return Viewer{}
	}
	return *current.Load()
}

// Renew replaces the viewer of a context and of all contexts made from it, after
// a change of the viewer's own standings. The principal stays the same.
func Renew(ctx context.Context, v Viewer) {
	if current, ok := ctx.Value(viewerKey{}).(*atomic.Pointer[Viewer]); ok {
		current.Store(&v)
	}
}
