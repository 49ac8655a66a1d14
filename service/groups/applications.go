package groups

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
)

// OfApplication returns a page of the groups that an application is in, as far
// as the viewer may see them, in the order in which it joined them.
func (s *Service) OfApplication(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.applicationPages(ctx, ids, window)
	})
}

func (s *Service) applicationPages(ctx context.Context, applications []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visibleToApplications(ctx, applications)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, groupmember.FieldApplicationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().GroupMember.Query().Where(visible).WithGroup()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups of applications: %w", err)
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
	parts := batch.Parts(applications, window, rows,
		func(row *ent.GroupMember) uuid.UUID { return *row.ApplicationID },
		func(row *ent.GroupMember) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.GroupMember) Edge { return Edge{Cursor: cursor, Node: shown[row.GroupID]} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countOfApplications(ctx, ids, visible)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visibleToApplications returns the predicate of the places of applications in
// groups that the viewer may see.
func (s *Service) visibleToApplications(ctx context.Context, applications []uuid.UUID) (predicate.GroupMember, error) {
	homes, err := s.db.Client().Application.Query().Where(application.IDIn(applications...)).
		Select(application.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications: %w", err)
	}
	organizations := make([]uuid.UUID, len(homes))
	for i, row := range homes {
		organizations[i] = row.OrganizationID
	}
	visible, err := s.visible(ctx, organizations)
	if err != nil {
		return nil, err
	}
	return groupmember.And(groupmember.ApplicationIDIn(applications...), groupmember.HasGroupWith(visible)), nil
}

func (s *Service) countOfApplications(ctx context.Context, applications []uuid.UUID, visible predicate.GroupMember) (map[uuid.UUID]int, error) {
	var rows []struct {
		ApplicationID uuid.UUID `json:"application_id"`
		Count         int       `json:"count"`
	}
	err := s.db.Client().GroupMember.Query().Where(visible).
		GroupBy(groupmember.FieldApplicationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count groups of applications: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ApplicationID] = row.Count
	}
	return batch.Counts(applications, counted), nil
}
