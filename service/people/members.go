package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/typeid"
)

// Membership is a person's place in an organization as the API shows it.
type Membership struct {
	ID           typeid.ID
	User         *User
	Owner        bool
	Locked       bool
	Roles        []access.Role
	BuiltInRoles []access.Builtin
	CreatedAt    time.Time
	// Organization is where the place is, Organizations the set of them that
	// was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	// Siblings are the memberships that were loaded together with this one.
	Siblings *batch.Siblings

	lastLoginAt *time.Time
	mfaEnabled  bool
	graceUntil  *time.Time
	seated      bool
	tags        []string
}

// Identity returns the id.
func (m *Membership) Identity() typeid.ID { return m.ID }

// MembershipConnection is a page of memberships.
type MembershipConnection struct {
	Edges    []MembershipEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many memberships there are on all pages.
func (c *MembershipConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// MembershipEdge is a membership in a page.
type MembershipEdge struct {
	Cursor string
	Node   *Membership
}

// withPeople loads what a Membership is made of.
func withPeople(query *ent.MembershipQuery) *ent.MembershipQuery {
	return query.WithUser().WithGroupMembers(func(q *ent.GroupMemberQuery) { q.WithGroup() })
}

func wrapMemberships(rows []*ent.Membership) []*Membership {
	ids := make([]uuid.UUID, len(rows))
	homes := make([]uuid.UUID, len(rows))
	users := make([]*ent.User, len(rows))
	for i, row := range rows {
		ids[i], homes[i], users[i] = row.ID, row.OrganizationID, row.Edges.User
	}
	siblings, organizations, people := batch.Of(ids...), batch.Of(homes...), wrapUsers(users)
	list := make([]*Membership, len(rows))
	for i, row := range rows {
		list[i] = &Membership{
			ID: typeid.New(typeid.Membership, row.ID), User: people[row.UserID], Owner: row.Owner, Locked: row.Locked,
			Roles: []access.Role{}, BuiltInRoles: []access.Builtin{}, CreatedAt: row.CreatedAt.UTC(),
			OrganizationID: row.OrganizationID, Organizations: organizations, Siblings: siblings,
			mfaEnabled: row.Edges.User.MfaEnabled, seated: row.Seated, tags: notNil(row.Tags),
		}
		if at := row.Edges.User.LastLoginAt; at != nil {
			utc := at.UTC()
			list[i].lastLoginAt = &utc
		}
		if until := row.GraceUntil; until != nil {
			utc := until.UTC()
			list[i].graceUntil = &utc
		}
		for _, member := range row.Edges.GroupMembers {
			list[i].addGroup(member.Edges.Group)
		}
	}
	return list
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (m *Membership) addGroup(group *ent.Group) {
	for _, role := range group.Roles {
		if !slices.Contains(m.Roles, role) {
			m.Roles = append(m.Roles, role)
		}
	}
	if group.Builtin != nil {
		m.BuiltInRoles = append(m.BuiltInRoles, *group.Builtin)
	}
	slices.Sort(m.Roles)
	slices.Sort(m.BuiltInRoles)
}

// Membership returns a membership that the viewer can see: their own, or one of
// an organization in which they hold users:read. NOT_FOUND otherwise.
func (s *Service) Membership(ctx context.Context, id uuid.UUID) (*Membership, error) {
	row, err := withPeople(s.db.Client().Membership.Query().Where(membership.ID(id))).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("membership")
	}
	if err != nil {
		return nil, fmt.Errorf("get membership: %w", err)
	}
	if !isSelf(ctx, row.UserID) {
		if _, err := s.records.Check(ctx, access.UsersRead, row.OrganizationID); err != nil {
			return nil, fault.Missing("membership")
		}
	}
	return wrapMemberships([]*ent.Membership{row})[0], nil
}

// visibleMembers returns the predicate of the members that the viewer may see
// in these organizations.
func (s *Service) visibleMembers(ctx context.Context, organizations []uuid.UUID) (predicate.Membership, error) {
	open, err := s.allowedIn(ctx, access.UsersRead, organizations)
	if err != nil {
		return nil, err
	}
	return membership.And(
		membership.OrganizationIDIn(organizations...),
		membership.Or(membership.OrganizationIDIn(open...), mine(ctx)),
	), nil
}

// allowedIn returns those of the organizations in which the viewer holds a
// permission.
func (s *Service) allowedIn(ctx context.Context, p access.Permission, organizations []uuid.UUID) ([]uuid.UUID, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var allowed []uuid.UUID
	for id, org := range found {
		if access.Check(access.ViewerFrom(ctx), p, org.Target()) == nil {
			allowed = append(allowed, id)
		}
	}
	return allowed, nil
}

// mine returns the predicate of the viewer's own memberships.
func mine(ctx context.Context) predicate.Membership {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return membership.IDIn()
	}
	return membership.UserID(uuid.UUID(viewer.ID))
}

// MemberCount returns how many members of an organization the viewer can see.
func (s *Service) MemberCount(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID) (int, error) {
	return batch.Load(ctx, siblings, "memberCount", organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
		visible, err := s.visibleMembers(ctx, ids)
		if err != nil {
			return nil, err
		}
		return s.count(ctx, ids, membership.FieldOrganizationID, visible)
	})
}

// Owner returns the owner of an organization, or nil for viewers who may not
// see them.
func (s *Service) Owner(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID) (*User, error) {
	return batch.Load(ctx, siblings, "owner", organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*User, error) {
		visible, err := s.visibleMembers(ctx, ids)
		if err != nil {
			return nil, err
		}
		rows, err := s.db.Client().Membership.Query().Where(membership.Owner(true), visible).WithUser().All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load owners: %w", err)
		}
		owners := make(map[uuid.UUID]*User, len(ids))
		for _, id := range ids {
			owners[id] = nil
		}
		for i, m := range wrapMemberships(rows) {
			owners[rows[i].OrganizationID] = m.User
		}
		return owners, nil
	})
}

// LastLoginAt returns when a member last signed in, or nil for viewers without
// users:read.
func (s *Service) LastLoginAt(ctx context.Context, m *Membership) (*time.Time, error) {
	visible, err := s.detailsOf(ctx, m)
	if err != nil || !visible {
		return nil, err
	}
	return m.lastLoginAt, nil
}

// MFAEnabled returns whether a member has a second factor, or nil for viewers
// without users:read.
func (s *Service) MFAEnabled(ctx context.Context, m *Membership) (*bool, error) {
	visible, err := s.detailsOf(ctx, m)
	if err != nil || !visible {
		return nil, err
	}
	return &m.mfaEnabled, nil
}

// Seated returns whether a member may start resources, or nil for viewers without
// users:read.
func (s *Service) Seated(ctx context.Context, m *Membership) (*bool, error) {
	visible, err := s.detailsOf(ctx, m)
	if err != nil || !visible {
		return nil, err
	}
	return &m.seated, nil
}

// Tags returns the tags of a member, or nil for viewers without users:read.
func (s *Service) Tags(ctx context.Context, m *Membership) ([]string, error) {
	visible, err := s.detailsOf(ctx, m)
	if err != nil || !visible {
		return nil, err
	}
	return m.tags, nil
}

// GraceUntil returns when a member is shut out unless they do what the
// organization demands of sign-ins, or nil if nothing is open and for viewers
// without users:read.
func (s *Service) GraceUntil(ctx context.Context, m *Membership) (*time.Time, error) {
	visible, err := s.detailsOf(ctx, m)
	if err != nil || !visible {
		return nil, err
	}
	return m.graceUntil, nil
}

func (s *Service) detailsOf(ctx context.Context, m *Membership) (bool, error) {
	if isSelf(ctx, m.User.ID.UUID) {
		return true, nil
	}
	return batch.Load(ctx, m.Organizations, "users:read", m.OrganizationID, s.readsPeople)
}
