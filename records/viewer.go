package records

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Session is what a request was made with.
type Session struct {
	// Principal is the user or application.
	Principal typeid.ID
	// Organization is the one that the session is bound to, or nil for all
	// memberships.
	Organization uuid.UUID
	// Key is the API key of the request, or nil.
	Key uuid.UUID
	// SignIn is the sign-in that the token of the request belongs to, or nil.
	SignIn uuid.UUID
	access.Circumstances
}

func invalidToken() error { return fault.New(fault.Unauthenticated, "the token is not valid") }

// Viewer returns the principal of a session with its standing in every
// organization that the session reaches: all memberships whose organizations
// admit how the person signed in, or the one that it is bound to. It returns
// UNAUTHENTICATED for a principal that is gone or locked, for a sign-in that has
// ended, and for a bound organization that it is no member of.
func (s *Store) Viewer(ctx context.Context, session Session) (access.Viewer, error) {
	viewer, err := s.viewer(ctx, session)
	if err != nil {
		return access.Viewer{}, err
	}
	viewer.Key = orgtree.ID(session.Key)
	if session.Organization == uuid.Nil {
		return viewer, nil
	}
	bound, ok := viewer.In(orgtree.ID(session.Organization))
	if !ok {
		return access.Viewer{}, invalidToken()
	}
	bound.Organization = orgtree.ID(session.Organization)
	return bound, nil
}

// Renew loads the context's viewer again, so that the rest of the request sees
// what its own change did to the viewer's standings.
func (s *Store) Renew(ctx context.Context) error {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsSystem() || viewer.IsAnonymous() {
		return nil
	}
	renewed, err := s.Viewer(ctx, Session{
		Principal: PrincipalID(viewer), Organization: uuid.UUID(viewer.Organization), Key: uuid.UUID(viewer.Key),
		SignIn: uuid.UUID(viewer.SignIn.Session), Circumstances: viewer.Circumstances,
	})
	if err != nil {
		return err
	}
	access.Renew(ctx, renewed)
	return nil
}

// PrincipalID returns the id of a viewer who is a user or an application.
func PrincipalID(viewer access.Viewer) typeid.ID {
	if viewer.Kind == access.Application {
		return typeid.New(typeid.Application, uuid.UUID(viewer.ID))
	}
	return typeid.New(typeid.User, uuid.UUID(viewer.ID))
}

// viewer returns the viewer of a session from memory, or from one snapshot of
// the database.
func (s *Store) viewer(ctx context.Context, session Session) (access.Viewer, error) {
	if session.Principal.Kind != typeid.User && session.Principal.Kind != typeid.Application {
		return access.Viewer{}, invalidToken()
	}
	if s.recalls() {
		viewer, ok, err := s.recallViewer(ctx, session)
		if ok || err != nil {
			return viewer, err
		}
	}
	if s.db == nil {
		return s.readViewer(unscoped(ctx), session)
	}
	return s.viewerAtOnce(unscoped(ctx), session)
}

// viewerAtOnce reads the viewer of a session in one snapshot of the database.
func (s *Store) viewerAtOnce(ctx context.Context, session Session) (viewer access.Viewer, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		viewer, err = s.In(tx).readViewer(ctx, session)
		return err
	})
	return viewer, err
}

// readViewer reads the viewer of a session from the database.
func (s *Store) readViewer(ctx context.Context, session Session) (access.Viewer, error) {
	read := s.user
	if session.Principal.Kind == typeid.Application {
		read = s.application
	}
	viewer, err := read(ctx, session)
	if ent.IsNotFound(err) {
		return access.Viewer{}, invalidToken()
	}
	return viewer, err
}

func (s *Store) user(ctx context.Context, session Session) (access.Viewer, error) {
	id := session.Principal.UUID
	row, err := s.client.User.Get(ctx, id)
	if err != nil {
		return access.Viewer{}, err
	}
	if !isUsable(row) {
		return access.Viewer{}, invalidToken()
	}
	sessions, err := s.sessionNamed(ctx, id, session.SignIn)
	if err != nil {
		return access.Viewer{}, err
	}
	rows, err := WithPlace(s.client.Membership.Query().Where(membership.UserID(id), membership.Locked(false))).All(ctx)
	if err != nil {
		return access.Viewer{}, fmt.Errorf("load standings: %w", err)
	}
	places := make([]access.Place, len(rows))
	for i, m := range rows {
		places[i] = placeOf(m)
		places[i].Compliance = access.Compliance{SecondFactor: row.MfaEnabled, OwnPassword: row.CredentialsSetBy == nil, GraceUntil: graceOf(m)}
	}
	standings, err := s.standings(ctx, places, session.Circumstances)
	if err != nil {
		return access.Viewer{}, err
	}
	viewer := access.Viewer{Kind: access.User, ID: orgtree.ID(id), Name: row.Username, Standings: byOrganization(standings)}
	return s.signedIn(ctx, viewer, session, sessions)
}

func (s *Store) application(ctx context.Context, session Session) (access.Viewer, error) {
	id := session.Principal.UUID
	row, err := s.client.Application.Query().
		Where(application.ID(id)).
		WithPolicies().
		WithGroupMembers(withGroup).
		Only(ctx)
	if err != nil {
		return access.Viewer{}, err
	}
	place := access.Place{
		Organization: orgtree.ID(row.OrganizationID),
		Groups:       groupsOf(row.Edges.GroupMembers), Policies: policiesOf(row.Edges.Policies),
	}
	standings, err := s.standings(ctx, []access.Place{place}, session.Circumstances)
	if err != nil {
		return access.Viewer{}, err
	}
	viewer := access.Viewer{Kind: access.Application, ID: orgtree.ID(id), Name: row.Name, Standings: byOrganization(standings)}
	return s.signedIn(ctx, viewer, session, nil)
}

// WithPlace loads what the place of a member is made of.
func WithPlace(query *ent.MembershipQuery) *ent.MembershipQuery {
	return query.WithPolicies().WithGroupMembers(withGroup)
}

func withGroup(q *ent.GroupMemberQuery) {
	q.WithGroup(func(q *ent.GroupQuery) { q.WithGroupProjects().WithPolicies() })
}

// placeOf returns the place of a member whose row was read WithPlace.
func placeOf(row *ent.Membership) access.Place {
	return access.Place{
		Organization: orgtree.ID(row.OrganizationID), Membership: orgtree.ID(row.ID), Owner: row.Owner,
		Groups: groupsOf(row.Edges.GroupMembers), Policies: policiesOf(row.Edges.Policies),
	}
}

// Standings returns what members are in their organizations, by membership, as
// far as no condition of a grant depends on a request. The rows were read
// WithPlace.
func (s *Store) Standings(ctx context.Context, rows []*ent.Membership) (map[uuid.UUID]*access.Standing, error) {
	places := make([]access.Place, len(rows))
	for i, row := range rows {
		places[i] = placeOf(row)
	}
	list, err := s.standings(unscoped(ctx), places, access.Circumstances{})
	if err != nil {
		return nil, err
	}
	standings := make(map[uuid.UUID]*access.Standing, len(rows))
	for i, row := range rows {
		standings[row.ID] = list[i]
	}
	return standings, nil
}

// byOrganization returns the standings of one principal by organization. Places
// in deleted organizations give none.
func byOrganization(list []*access.Standing) map[orgtree.ID]*access.Standing {
	standings := make(map[orgtree.ID]*access.Standing, len(list))
	for _, standing := range list {
		if standing.Status != orgtree.Deleted {
			standings[standing.Organization] = standing
		}
	}
	return standings
}

// standings returns the standing of each place, with the kind, state and
// switches of its organization.
func (s *Store) standings(ctx context.Context, places []access.Place, at access.Circumstances) ([]*access.Standing, error) {
	ids := make([]uuid.UUID, len(places))
	for i, p := range places {
		ids[i] = uuid.UUID(p.Organization)
	}
	organizations, err := s.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	saying, err := s.sayings(ctx, organizations)
	if err != nil {
		return nil, err
	}
	standings := make([]*access.Standing, len(places))
	for i, p := range places {
		org := organizations[uuid.UUID(p.Organization)]
		p.Kind, p.Status = org.Kind, org.Status
		p.Switches, p.Demands = saying[org.ID].switches, saying[org.ID].demands
		standings[i] = access.NewStanding(p, at)
	}
	return standings, nil
}

func groupsOf(members []*ent.GroupMember) []access.Group {
	groups := make([]access.Group, len(members))
	for i, m := range members {
		groups[i] = GroupOf(m.Edges.Group)
	}
	return groups
}

// GroupOf returns a group as rights see it. The row was read with its projects
// and policies.
func GroupOf(row *ent.Group) access.Group {
	group := access.Group{ID: orgtree.ID(row.ID), Roles: row.Roles, Policies: policiesOf(row.Edges.Policies)}
	if row.Builtin != nil {
		group.Builtin = *row.Builtin
	}
	for _, p := range row.Edges.GroupProjects {
		group.Projects = append(group.Projects, orgtree.ID(p.ProjectID))
	}
	return group
}

func policiesOf(rows []*ent.AccessPolicy) []access.Policy {
	policies := make([]access.Policy, len(rows))
	for i, row := range rows {
		policies[i] = access.Policy{ID: orgtree.ID(row.ID), Rules: row.Rules}
	}
	return policies
}
