package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
)

// PrincipalConnection is a page of principals.
type PrincipalConnection struct {
	Edges    []PrincipalEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many principals there are on all pages.
func (c *PrincipalConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// PrincipalEdge is a principal in a page.
type PrincipalEdge struct {
	Cursor string
	Node   records.Principal
}

// GroupMembers returns a page of the users and applications in a group: the
// users with users:read in its organization, the applications with
// applications:read, and the viewer.
func (s *Service) GroupMembers(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*PrincipalConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*PrincipalConnection, error) {
		return s.groupPages(ctx, ids, window)
	})
}

func (s *Service) groupPages(ctx context.Context, groups []uuid.UUID, window page.Window) (map[uuid.UUID]*PrincipalConnection, error) {
	where, err := s.visibleInGroups(ctx, groups)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, groupmember.FieldGroupID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().GroupMember.Query().Where(where).
		WithApplication().
		WithMembership(func(q *ent.MembershipQuery) { q.WithUser() })
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list group members: %w", err)
	}
	// A principal may go, with its place, before it is read itself.
	rows = slices.DeleteFunc(rows, func(row *ent.GroupMember) bool {
		return row.Edges.Application == nil && (row.Edges.Membership == nil || row.Edges.Membership.Edges.User == nil)
	})
	var accounts []*ent.User
	var bots []*ent.Application
	for _, row := range rows {
		if row.Edges.Membership != nil {
			accounts = append(accounts, row.Edges.Membership.Edges.User)
		} else {
			bots = append(bots, row.Edges.Application)
		}
	}
	users, applications := wrapUsers(accounts), map[uuid.UUID]*Application{}
	for _, a := range wrapApplications(bots) {
		applications[a.ID.UUID] = a
	}
	show := func(cursor string, m *ent.GroupMember) PrincipalEdge {
		if m.Edges.Membership == nil {
			return PrincipalEdge{Cursor: cursor, Node: applications[*m.ApplicationID]}
		}
		return PrincipalEdge{Cursor: cursor, Node: users[m.Edges.Membership.UserID]}
	}
	parts := batch.Parts(groups, window, rows,
		func(m *ent.GroupMember) uuid.UUID { return m.GroupID },
		func(m *ent.GroupMember) string { return order.Cursor("", m.ID.String()) },
		show, s.countInGroups)
	connections := make(map[uuid.UUID]*PrincipalConnection, len(parts))
	for id, part := range parts {
		connections[id] = &PrincipalConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// GroupMemberCount returns how many principals of a group the viewer can see.
func (s *Service) GroupMemberCount(ctx context.Context, siblings *batch.Siblings, id uuid.UUID) (int, error) {
	return batch.Load(ctx, siblings, "memberCount", id, s.countInGroups)
}

func (s *Service) countInGroups(ctx context.Context, groups []uuid.UUID) (map[uuid.UUID]int, error) {
	where, err := s.visibleInGroups(ctx, groups)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		GroupID uuid.UUID `json:"group_id"`
		Count   int       `json:"count"`
	}
	err = s.db.Client().GroupMember.Query().Where(where).
		GroupBy(groupmember.FieldGroupID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count group members: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.GroupID] = row.Count
	}
	return batch.Counts(groups, counted), nil
}

// visibleInGroups returns the predicate of the principals that the viewer may
// see in these groups.
func (s *Service) visibleInGroups(ctx context.Context, groups []uuid.UUID) (predicate.GroupMember, error) {
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(groups...)).Select(group.FieldID, group.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	var withPeople, withApplications []uuid.UUID
	for _, row := range rows {
		target := organizations[row.OrganizationID].Target()
		if access.Check(viewer, access.UsersRead, target) == nil {
			withPeople = append(withPeople, row.ID)
		}
		if access.Check(viewer, access.ApplicationsRead, target) == nil {
			withApplications = append(withApplications, row.ID)
		}
	}
	return groupmember.And(
		groupmember.GroupIDIn(groups...),
		groupmember.Or(
			groupmember.And(groupmember.GroupIDIn(withPeople...), groupmember.MembershipIDNotNil()),
			groupmember.And(groupmember.GroupIDIn(withApplications...), groupmember.ApplicationIDNotNil()),
			self(ctx),
		),
	), nil
}

// self returns the predicate of the viewer's own places in groups.
func self(ctx context.Context) predicate.GroupMember {
	viewer := access.ViewerFrom(ctx)
	switch viewer.Kind {
	case access.User:
		return groupmember.HasMembershipWith(membership.UserID(uuid.UUID(viewer.ID)))
	case access.Application:
		return groupmember.ApplicationID(uuid.UUID(viewer.ID))
	case access.System:
	}
	return groupmember.IDIn()
}

// Viewer is who is asking.
type Viewer struct {
	Principal records.Principal
	User      *User
	// OrganizationID is the organization that the token is bound to, or nil.
	OrganizationID *uuid.UUID
}

// Viewer returns who is asking, or nil for nobody.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() || viewer.IsSystem() {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	v := &Viewer{}
	if viewer.Organization != (orgtree.ID{}) {
		id := uuid.UUID(viewer.Organization)
		v.OrganizationID = &id
	}
	if viewer.Kind == access.Application {
		application, err := s.Application(ctx, uuid.UUID(viewer.ID))
		v.Principal = application
		return v, err
	}
	self, err := s.User(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return nil, err
	}
	v.Principal, v.User = self, self
	return v, nil
}

// Mine returns a page of the viewer's memberships, as far as the token reaches.
func (s *Service) Mine(ctx context.Context, args page.Args) (*MembershipConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	id := uuid.UUID(access.ViewerFrom(ctx).ID)
	connections, err := s.pages(ctx, []uuid.UUID{id}, window, memberList{
		column: membership.FieldUserID, parentOf: func(m *Membership) uuid.UUID { return m.User.ID.UUID }, where: mine(ctx),
	})
	if err != nil {
		return nil, err
	}
	return connections[id], nil
}
