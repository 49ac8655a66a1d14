package groups

import (
	"context"
	"fmt"
	"slices"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
)

// OfApplication returns a page of the groups that an application is in, as far
// as the viewer may see them, in the order in which it joined them.
func (s *Service) OfApplication(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*Connection, error) {
	return s.ofPrincipal(ctx, siblings, id, args, principals{
		column: groupmember.FieldApplicationID,
		of:     func(row *ent.GroupMember) uuid.UUID { return *row.ApplicationID },
		homes: func(ctx context.Context, ids []uuid.UUID) (homes []uuid.UUID, err error) {
			err = s.db.Client().Application.Query().Where(application.IDIn(ids...)).Select(application.FieldOrganizationID).Scan(ctx, &homes)
			return homes, err
		},
	})
}

// OfMember returns a page of the groups that a member is in, as OfApplication
// does.
func (s *Service) OfMember(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*Connection, error) {
	return s.ofPrincipal(ctx, siblings, id, args, principals{
		column: groupmember.FieldMembershipID,
		of:     func(row *ent.GroupMember) uuid.UUID { return *row.MembershipID },
		homes: func(ctx context.Context, ids []uuid.UUID) (homes []uuid.UUID, err error) {
			err = s.db.Client().Membership.Query().Where(membership.IDIn(ids...)).Select(membership.FieldOrganizationID).Scan(ctx, &homes)
			return homes, err
		},
	})
}

// principals is a kind of what is in groups.
type principals struct {
	// column names the principal of a place in a group, and of returns it.
	column string
	of     func(*ent.GroupMember) uuid.UUID
	// homes returns the organizations of some of them.
	homes func(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error)
}

func (s *Service) ofPrincipal(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args, kind principals) (*Connection, error) {
	type key struct {
		column string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{kind.column, window}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.principalPages(ctx, ids, window, kind)
	})
}

func (s *Service) principalPages(ctx context.Context, ids []uuid.UUID, window page.Window, kind principals) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visibleTo(ctx, ids, kind)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, kind.column)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().GroupMember.Query().Where(visible).WithGroup()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups of principals: %w", err)
	}
	// A group may go before it is read itself.
	rows = slices.DeleteFunc(rows, func(row *ent.GroupMember) bool { return row.Edges.Group == nil })
	groups := make([]*ent.Group, len(rows))
	for i, row := range rows {
		groups[i] = row.Edges.Group
	}
	shown := make(map[uuid.UUID]*Group, len(rows))
	for _, g := range wrap(groups) {
		shown[g.ID.UUID] = g
	}
	parts := batch.Parts(ids, window, rows, kind.of,
		func(row *ent.GroupMember) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.GroupMember) Edge { return Edge{Cursor: cursor, Node: shown[row.GroupID]} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countOf(ctx, ids, visible, kind)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visibleTo returns the predicate of the places of principals in groups that the
// viewer may see.
func (s *Service) visibleTo(ctx context.Context, ids []uuid.UUID, kind principals) (predicate.GroupMember, error) {
	homes, err := kind.homes(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("load organizations of principals: %w", err)
	}
	visible, err := s.visible(ctx, homes)
	if err != nil {
		return nil, err
	}
	these := make([]any, len(ids))
	for i, id := range ids {
		these[i] = id
	}
	return groupmember.And(func(q *entsql.Selector) { q.Where(entsql.In(q.C(kind.column), these...)) }, groupmember.HasGroupWith(visible)), nil
}

func (s *Service) countOf(ctx context.Context, ids []uuid.UUID, visible predicate.GroupMember, kind principals) (map[uuid.UUID]int, error) {
	var rows []struct {
		ApplicationID uuid.UUID `json:"application_id"`
		MembershipID  uuid.UUID `json:"membership_id"`
		Count         int       `json:"count"`
	}
	err := s.db.Client().GroupMember.Query().Where(visible).GroupBy(kind.column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count groups of principals: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		id := row.ApplicationID
		if kind.column == groupmember.FieldMembershipID {
			id = row.MembershipID
		}
		counted[id] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
