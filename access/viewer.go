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

// Place is what a principal is and was given in one organization.
type Place struct {
	Organization orgtree.ID
	Kind         orgtree.Kind
	Status       orgtree.Status
	Switches     Switches
	// Membership is zero for an application.
	Membership orgtree.ID
	Owner      bool
	// Demands are what the organization demands of the member's sign-in, and
	// Compliance is how far they have done it.
	Demands    Demands
	Compliance Compliance
	// Groups are the groups that the principal is in, Policies its own.
	Groups   []Group
	Policies []Policy
}

// Standing is what a principal is in one organization, and the rights that
// follow from it there and below. It never changes once it is made.
type Standing struct {
	Place
	// Roles and Builtins are those of the groups, sorted, each once.
	Roles    []Role
	Builtins []Builtin
	// Grants are those whose condition holds, ownership and membership first.
	Grants []Grant
	// Conditional says that a grant of the place has a condition, so that the
	// standing is good for one request only.
	Conditional bool

	rights  Rights // what the grants give here
	lasting Rights // what they give whatever the circumstances
	flow    Set    // what flows down to the organizations below
	held    Set    // what would flow down if the organization were not locked
	// lastingFlow is what flows down of the lasting rights.
	lastingFlow Set
}

// NewStanding returns the standing of a place under the circumstances.
func NewStanding(place Place, at Circumstances) *Standing {
	return newStanding(place, func(c *Condition) bool { return c.Holds(at) })
}

func newStanding(place Place, holds func(*Condition) bool) *Standing {
	s := &Standing{Place: place}
	var lasting []Grant
	for _, g := range place.grants() {
		if g.Condition == nil {
			lasting = append(lasting, g)
		} else {
			s.Conditional = true
		}
		if holds(g.Condition) {
			s.Grants = append(s.Grants, g)
		}
	}
	for _, g := range place.Groups {
		s.Roles = append(s.Roles, g.Roles...)
		if g.Builtin != "" {
			s.Builtins = append(s.Builtins, g.Builtin)
		}
	}
	slices.Sort(s.Roles)
	slices.Sort(s.Builtins)
	s.Roles, s.Builtins = slices.Compact(s.Roles), slices.Compact(s.Builtins)
	s.rights, s.lasting = RightsOf(s.Grants, place.Kind, place.Switches), RightsOf(lasting, place.Kind, place.Switches)
	s.held, s.lastingFlow = flowOf(s.Grants, s.rights.Organization, place.Kind), flowOf(lasting, s.lasting.Organization, place.Kind)
	s.flow = s.held
	if place.Status == orgtree.Locked {
		s.flow, s.lastingFlow = s.flow&catalogue.reads, s.lastingFlow&catalogue.reads
	}
	return s
}

// grants returns all that the place gives, in the order in which it is
// explained.
func (p Place) grants() []Grant {
	whole := InOrganization()
	var grants []Grant
	if p.Owner {
		grants = append(grants, Grant{Scope: whole, Source: Source{Kind: FromOwnership, Organization: p.Organization}})
	}
	grants = append(grants, Grant{Scope: whole, Source: Source{Kind: FromMembership, Organization: p.Organization}})
	var given []Grant
	for _, g := range p.Groups {
		given = append(given, g.Grants(p.Organization)...)
	}
	for _, policy := range p.Policies {
		given = append(given, policy.Grants(p.Organization, orgtree.ID{})...)
	}
	slices.SortStableFunc(given, compareGrants)
	return append(grants, given...)
}

// flowOf returns what flows down from an organization of the kind, where the
// grants give the rights own. A partner's rights flow as far as they are
// delegable; with the door come reading the organization and what it costs. The
// platform's are a fixed list: writing gives nearly everything, reading every
// read. From a locked organization, whose people change nothing at home, nothing
// but reads flow down.
func flowOf(grants []Grant, own Set, kind orgtree.Kind) Set {
	if kind == orgtree.Platform {
		switch {
		case own.Has(PlatformWrite):
			return catalogue.platformWrite
		case own.Has(PlatformRead):
			return catalogue.platformRead
		}
		return 0
	}
	if kind != orgtree.Partner || !own.Has(PartnerRead) {
		return 0
	}
	flow := catalogue.partnerFlow[withDoor] | own&catalogue.partnerFlow[delegable]
	if slices.ContainsFunc(grants, manages) {
		flow |= catalogue.partnerFlow[byManager]
	}
	return flow
}

// manages reports whether a grant is ownership or org:admin.
func manages(g Grant) bool {
	return g.Source.Kind == FromOwnership || g.Set == SetName(RoleAdmin)
}

// opensDoor reports whether the standing lets the viewer see below its
// organization.
func (s *Standing) opensDoor() bool { return s.flow != 0 }

// Rights returns what the standing gives in its organization, beyond what every
// member has, whatever the circumstances of its conditions.
func (s *Standing) Rights() Rights {
	given := slices.DeleteFunc(s.grants(), func(g Grant) bool { return g.Source.Kind == FromMembership })
	return RightsOf(given, s.Kind, s.Switches)
}

// Viewer is who asks: a principal and its standing in the organizations that
// its token reaches. The zero Viewer is nobody and may do nothing. Its standings
// may be shared between requests and are never changed.
type Viewer struct {
	Kind PrincipalKind
	// ID is the user or application; zero for the system.
	ID orgtree.ID
	// Name is what the journal shows.
	Name string
	// Organization is the one organization that the token is bound to, or zero.
	Organization orgtree.ID
	// Key is the API key that the request was made with, or zero.
	Key orgtree.ID
	// SignIn is how the session of the request began.
	SignIn SignIn
	// By is who acts in the viewer's place, or zero for the viewer.
	By Actor
	// Circumstances are those of the request.
	Circumstances
	// Standings are the viewer's places within the token's reach.
	Standings map[orgtree.ID]*Standing
}

// SystemViewer returns the platform itself under the name of what runs, such as
// "bootstrap". It may do everything.
func SystemViewer(name string) Viewer { return Viewer{Kind: System, Name: name} }

// IsSystem reports whether the platform itself acts.
func (v Viewer) IsSystem() bool { return v.Kind == System }

// IsAnonymous reports whether nobody is signed in.
func (v Viewer) IsAnonymous() bool { return v.Kind == "" }

// IsIn reports whether the principal is in the group.
func (s *Standing) IsIn(group orgtree.ID) bool {
	return slices.ContainsFunc(s.Groups, func(g Group) bool { return g.ID == group })
}

// Standing returns the viewer's place in an organization, or an empty one.
func (v Viewer) Standing(organization orgtree.ID) *Standing {
	if s, ok := v.Standings[organization]; ok {
		return s
	}
	return &Standing{}
}

// In returns the viewer with nothing but the standing in one organization, or
// false if there is none.
func (v Viewer) In(organization orgtree.ID) (Viewer, bool) {
	s, ok := v.Standings[organization]
	if !ok {
		return v, false
	}
	v.Standings = map[orgtree.ID]*Standing{organization: s}
	return v, true
}

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
	slices.SortFunc(r.Organizations, orgtree.ID.Compare)
	slices.SortFunc(r.Subtrees, orgtree.ID.Compare)
	return r
}

type circumstancesKey struct{}

// WithCircumstances returns a context that knows how a request came.
func WithCircumstances(ctx context.Context, c Circumstances) context.Context {
	return context.WithValue(ctx, circumstancesKey{}, c)
}

// CircumstancesFrom returns how the request came, or nothing.
func CircumstancesFrom(ctx context.Context) Circumstances {
	c, _ := ctx.Value(circumstancesKey{}).(Circumstances)
	return c
}

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
// a change of the viewer's own standings, or when somebody has signed in or out.
func Renew(ctx context.Context, v Viewer) {
	if current, ok := ctx.Value(viewerKey{}).(*atomic.Pointer[Viewer]); ok {
		current.Store(&v)
	}
}
