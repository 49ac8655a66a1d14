package allocations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
)

// Connection is a page of allocations.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many allocations there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is an allocation in a page.
type Edge struct {
	Cursor string
	Node   *Allocation
}

// Of returns a page of the allocations of an organization and its groups that the
// viewer may see, the oldest first. INVALID for arguments out of bounds.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*Connection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{"allocations", window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window)
	})
}

func (s *Service) pages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visibleIn(ctx, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, allocation.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Allocation.Query().Where(visible)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list allocations: %w", err)
	}
	wrapped, err := s.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(ids, window, wrapped,
		func(a *Allocation) uuid.UUID { return a.OrganizationID },
		func(a *Allocation) string { return order.Cursor("", a.ID.UUID.String()) },
		func(cursor string, a *Allocation) Edge { return Edge{Cursor: cursor, Node: a} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, visible)
		})
	pages := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		pages[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

// visibleIn returns the predicate of the allocations of some organizations that
// the viewer may see; see sees.
func (s *Service) visibleIn(ctx context.Context, ids []uuid.UUID) (predicate.Allocation, error) {
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	var whole, groups []uuid.UUID
	for _, id := range ids {
		if sees(ctx, organizations[id], nil) {
			whole = append(whole, id)
		} else if standing, ok := viewer.Standings[orgtree.ID(id)]; ok {
			for _, g := range standing.Groups {
				groups = append(groups, uuid.UUID(g.ID))
			}
		}
	}
	return allocation.Or(allocation.OrganizationIDIn(whole...), allocation.GroupIDIn(groups...)), nil
}

func (s *Service) count(ctx context.Context, ids []uuid.UUID, visible predicate.Allocation) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Allocation.Query().Where(visible).
		GroupBy(allocation.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count allocations: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
