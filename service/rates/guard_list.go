package rates

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/priceguard"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
)

// GuardConnection is a page of guards.
type GuardConnection struct {
	Edges    []GuardEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many guards there are on all pages.
func (c *GuardConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// GuardEdge is a guard in a page.
type GuardEdge struct {
	Cursor string
	Node   *Guard
}

// Guards returns a page of the guards that an organization sets, every version,
// the oldest first: none for viewers who do not see its prices. INVALID for
// arguments out of bounds.
func (s *Service) Guards(ctx context.Context, siblings *batch.Siblings, manager uuid.UUID, args page.Args) (*GuardConnection, error) {
	type key struct{ guards page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, manager, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*GuardConnection, error) {
		return s.guardPages(ctx, ids, window)
	})
}

func (s *Service) guardPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*GuardConnection, error) {
	_, readable, err := s.records.Seen(ctx, ids, records.SeesPricesOf)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, priceguard.FieldManagerID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().PriceGuard.Query().Where(priceguard.ManagerIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list price guards: %w", err)
	}
	guards, err := s.wrapGuards(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(ids, window, guards,
		func(g *Guard) uuid.UUID { return g.Manager.ID.UUID },
		func(g *Guard) string { return order.Cursor("", g.ID.UUID.String()) },
		func(cursor string, g *Guard) GuardEdge { return GuardEdge{Cursor: cursor, Node: g} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countGuards(ctx, ids, readable)
		})
	pages := make(map[uuid.UUID]*GuardConnection, len(parts))
	for id, part := range parts {
		pages[id] = &GuardConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countGuards(ctx context.Context, ids, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		ManagerID uuid.UUID `json:"manager_id"`
		Count     int       `json:"count"`
	}
	err := s.db.Client().PriceGuard.Query().Where(priceguard.ManagerIDIn(readable...)).
		GroupBy(priceguard.FieldManagerID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count price guards: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ManagerID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
