package settings

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/waterfall"
)

// place is where settings apply: an organization, a group of it, or a member
// with their groups in order.
type place struct {
	organization records.Organization
	groups       []records.Named
	// builtin says that the one group is a built-in one, which holds no
	// settings.
	builtin bool
	member  *member
}

type member struct {
	membership uuid.UUID
	user       uuid.UUID
	username   string
	standing   *access.Standing
}

// id returns the id of the scope.
func (p place) id() uuid.UUID {
	switch {
	case p.member != nil:
		return p.member.membership
	case len(p.groups) > 0:
		return p.groups[len(p.groups)-1].ID
	default:
		return p.organization.ID
	}
}

// nodes returns the nodes of the waterfall from the root to the place.
func (p place) nodes() []waterfall.Node {
	nodes := p.organization.Nodes()
	for _, g := range p.groups {
		nodes = append(nodes, waterfall.Node{Level: waterfall.LevelGroup, ID: orgtree.ID(g.ID)})
	}
	if p.member != nil {
		nodes = append(nodes, waterfall.Node{Level: waterfall.LevelUser, ID: orgtree.ID(p.member.membership)})
	}
	return nodes
}

// level returns the level of the place itself.
func (p place) level() waterfall.Level {
	nodes := p.nodes()
	return nodes[len(nodes)-1].Level
}

// isSelf reports whether the viewer is the member.
func (p place) isSelf(viewer access.Viewer) bool {
	return p.member != nil && viewer.Kind == access.User && orgtree.ID(p.member.user) == viewer.ID
}

// checkRead returns nil if the viewer may see what applies at the place.
func (p place) checkRead(viewer access.Viewer) error {
	target := p.organization.Target()
	switch {
	case p.member != nil:
		if p.isSelf(viewer) {
			return access.Check(viewer, access.OrgRead, target)
		}
		return access.Check(viewer, access.UsersRead, target)
	case len(p.groups) > 0:
		if viewer.Standing(target.Path.Leaf()).IsIn(orgtree.ID(p.id())) {
			return access.Check(viewer, access.OrgRead, target)
		}
		if access.Check(viewer, access.SettingsRead, target) == nil {
			return nil
		}
		return access.Check(viewer, access.GroupsRead, target)
	default:
		return access.Check(viewer, access.OrgRead, target)
	}
}

// groupPlaces returns the places of groups that the viewer can see.
func (s *Service) groupPlaces(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]place, error) {
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).All(ctx)
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
	places := make(map[uuid.UUID]place, len(rows))
	for _, row := range rows {
		places[row.ID] = place{
			organization: organizations[row.OrganizationID],
			groups:       []records.Named{{ID: row.ID, Name: row.Name}},
			builtin:      row.Builtin != nil,
		}
	}
	return places, nil
}

// memberPlaces returns the places of members that the viewer can see.
func (s *Service) memberPlaces(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]place, error) {
	rows, err := records.WithPlace(s.db.Client().Membership.Query().Where(membership.IDIn(ids...)).WithUser()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load members: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	standings, err := s.records.Standings(ctx, rows)
	if err != nil {
		return nil, err
	}
	places := make(map[uuid.UUID]place, len(rows))
	for _, row := range rows {
		places[row.ID] = place{
			organization: organizations[row.OrganizationID],
			groups:       inOrder(row.Edges.GroupMembers),
			member: &member{
				membership: row.ID, user: row.UserID, username: row.Edges.User.Username,
				standing: standings[row.ID],
			},
		}
	}
	return places, nil
}

// inOrder returns a member's groups in the order in which their settings apply.
func inOrder(members []*ent.GroupMember) []records.Named {
	groups := make([]*ent.Group, len(members))
	for i, m := range members {
		groups[i] = m.Edges.Group
	}
	var named []records.Named
	for _, g := range records.InSettingOrder(groups) {
		named = append(named, records.Named{ID: g.ID, Name: g.Name})
	}
	return named
}

// placeOf returns the place that a scope id names and that the viewer can see,
// or NOT_FOUND.
func (s *Service) placeOf(ctx context.Context, scope Scope) (place, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return place{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	var places map[uuid.UUID]place
	var err error
	switch scope.Kind {
	case OrganizationScope:
		org, err := s.records.Check(ctx, access.OrgRead, scope.ID)
		return place{organization: org}, err
	case GroupScope:
		places, err = s.groupPlaces(ctx, []uuid.UUID{scope.ID})
	case MembershipScope:
		places, err = s.memberPlaces(ctx, []uuid.UUID{scope.ID})
	}
	if err != nil {
		return place{}, err
	}
	found, ok := places[scope.ID]
	if !ok {
		return place{}, fault.Missing("scope")
	}
	if err := found.checkRead(access.ViewerFrom(ctx)); err != nil {
		return place{}, fault.Missing("scope") // Who may not list it learns nothing of it, whatever the reason.
	}
	return found, nil
}
