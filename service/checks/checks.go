package checks

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service answers checks.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// ViewerPermissions returns what the viewer may do in an organization.
// organizations are those that are asked for together with it.
func (s *Service) ViewerPermissions(ctx context.Context, organizations *batch.Siblings, organization uuid.UUID) ([]access.Permission, error) {
	return s.ViewerPermissionsIn(ctx, organizations, organization, uuid.Nil)
}

// ViewerPermissionsIn returns what the viewer may do in a project of an
// organization, or in the organization itself for the nil project.
func (s *Service) ViewerPermissionsIn(ctx context.Context, organizations *batch.Siblings, organization, project uuid.UUID) ([]access.Permission, error) {
	type key struct{}
	org, err := batch.Load(ctx, organizations, key{}, organization, s.records.Organizations)
	if err != nil {
		return nil, err
	}
	return access.ViewerFrom(ctx).Allowed(org.Target().In(orgtree.ID(project))), nil
}

// MaxChecks is how many checks one question holds.
const MaxChecks = 1000

// Check is the question whether a principal holds a permission on a resource.
type Check struct {
	// Principal is a user, an application or a group; the zero id is the viewer.
	Principal  typeid.ID
	Permission access.Permission
	// Resource is anything that belongs to an organization or a project.
	Resource typeid.ID
	// Address is where the principal would ask from, for conditions on networks.
	// The zero address is the viewer's own for the viewer, and in no network for
	// anybody else.
	Address netip.Addr
}

// Decision is the answer to a check.
type Decision struct{ Allowed bool }

// Check answers checks in their order, in a number of statements that does not
// depend on how many they are.
//
// About oneself anything may be asked: what lies outside the viewer's tree, or
// may not be seen by them, is not allowed, as what does not exist. About others
// it takes users:read where the resource is, and a principal that the viewer can
// see; of its standings those count that lie in organizations in which the
// viewer holds users:read, for an application applications:read, for a group
// groups:read. It returns INVALID for more than 1000 checks and for
// ids of the wrong kind, FORBIDDEN and NOT_FOUND for others, each naming the
// check.
func (s *Service) Check(ctx context.Context, checks []Check) ([]*Decision, error) {
	if len(checks) > MaxChecks {
		return nil, fault.Invalidf("checks", "at most %d checks at a time", MaxChecks)
	}
	q, err := s.question(ctx, checks, func(i int) string { return fmt.Sprintf("checks.%d", i) })
	if err != nil {
		return nil, err
	}
	decisions, list := make([]Decision, len(checks)), make([]*Decision, len(checks))
	for i, c := range checks {
		subject, target, err := q.resolve(i, c)
		switch {
		case err == nil:
			decisions[i].Allowed = access.Check(subject, c.Permission, target) == nil
		case !q.isOwn(c) || fault.CodeOf(err) != fault.NotFound:
			return nil, err
		}
		list[i] = &decisions[i]
	}
	return list, nil
}

// question is some checks with all that is needed to answer them.
type question struct {
	viewer access.Viewer
	at     access.Circumstances
	// field names a check by its place in the input.
	field func(i int) string
	// things are where the resources are, but for organizations.
	things        map[typeid.ID]thing
	organizations map[uuid.UUID]records.Organization
	subjects      map[typeid.ID]*subject
	// cast are the viewers that were made of subjects and the viewer so far.
	cast map[role]access.Viewer
}

// role is a principal that asks from an address.
type role struct {
	principal typeid.ID
	address   netip.Addr
}

// question loads what the checks are about.
func (s *Service) question(ctx context.Context, checks []Check, field func(i int) string) (*question, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	q := &question{viewer: viewer, at: access.CircumstancesFrom(ctx), field: field}
	if q.at.At.IsZero() {
		q.at.At = s.db.Now()
	}
	var err error
	if q.things, err = s.locate(ctx, checks, field); err != nil {
		return nil, err
	}
	homes := make([]uuid.UUID, 0, len(checks))
	for _, c := range checks {
		if c.Resource.Kind == typeid.Organization {
			homes = append(homes, c.Resource.UUID)
		} else if at, ok := q.things[c.Resource]; ok {
			homes = append(homes, at.organization)
		}
	}
	if q.organizations, err = s.records.Organizations(ctx, homes); err != nil {
		return nil, err
	}
	q.subjects, err = s.subjectsOf(ctx, q, checks)
	return q, err
}

// isOwn reports whether a check is about the viewer.
func (q *question) isOwn(c Check) bool {
	return c.Principal.IsZero() || !q.viewer.IsSystem() && c.Principal == records.PrincipalID(q.viewer)
}

// resolve returns whom a check is about, as a viewer, and what it is about. It
// returns NOT_FOUND for what the viewer cannot see, and FORBIDDEN without
// users:read.
func (q *question) resolve(i int, c Check) (access.Viewer, access.Target, error) {
	target, ok := q.target(c.Resource)
	if !ok {
		return access.Viewer{}, target, about(fault.Missing("resource"), q.field(i)+".resourceId")
	}
	if q.isOwn(c) {
		return q.self(c.Address), target, nil
	}
	if err := access.Check(q.viewer, access.UsersRead, target.In(orgtree.ID{})); err != nil {
		return access.Viewer{}, target, about(err, q.field(i)+".principalId")
	}
	subject, ok := q.subjects[c.Principal]
	if !ok {
		return access.Viewer{}, target, about(fault.Missing("principal"), q.field(i)+".principalId")
	}
	return q.as(c.Principal, subject, c.Address), target, nil
}

// target returns what a resource is to access checks, or false if it is nothing
// that the viewer can see.
func (q *question) target(resource typeid.ID) (access.Target, bool) {
	at := thing{organization: resource.UUID, readable: []access.Permission{access.OrgRead}}
	if resource.Kind != typeid.Organization {
		found, ok := q.things[resource]
		if !ok {
			return access.Target{}, false
		}
		at = found
	}
	org, ok := q.organizations[at.organization]
	if !ok {
		return access.Target{}, false
	}
	target := org.Target().In(orgtree.ID(at.project))
	return target, at.seenBy(q.viewer, target)
}

// self returns the viewer, asking from an address if one is given.
func (q *question) self(address netip.Addr) access.Viewer {
	if !address.IsValid() {
		return q.viewer
	}
	as := role{address: address}
	if viewer, ok := q.cast[as]; ok {
		return viewer
	}
	viewer := q.viewer
	viewer.Circumstances = access.Circumstances{Address: address, At: q.at.At}
	viewer.Standings = make(map[orgtree.ID]*access.Standing, len(q.viewer.Standings))
	for id, standing := range q.viewer.Standings {
		viewer.Standings[id] = access.NewStanding(standing.Place, viewer.Circumstances)
	}
	return q.remember(as, viewer)
}

// as returns a subject as a viewer who asks from an address.
func (q *question) as(id typeid.ID, subject *subject, address netip.Addr) access.Viewer {
	as := role{id, address}
	if viewer, ok := q.cast[as]; ok {
		return viewer
	}
	return q.remember(as, subject.viewer(access.Circumstances{Address: address, At: q.at.At}))
}

func (q *question) remember(as role, viewer access.Viewer) access.Viewer {
	if q.cast == nil {
		q.cast = map[role]access.Viewer{}
	}
	q.cast[as] = viewer
	return viewer
}

// about returns a fault that names the input field.
func about(err error, field string) error {
	f, ok := err.(*fault.Error) //nolint:errorlint // access returns its faults as they are
	if !ok {
		return err
	}
	named := *f
	named.Field = field
	return &named
}
