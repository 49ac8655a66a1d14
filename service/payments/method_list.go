package payments

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/page"
)

// MethodConnection is a page of payment methods.
type MethodConnection struct {
	Edges    []MethodEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many payment methods there are on all pages.
func (c *MethodConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// MethodEdge is a payment method in a page.
type MethodEdge struct {
	Cursor string
	Node   *Method
}

// Methods returns a page of an organization's payment methods, the oldest first:
// none for viewers who do not see them. INVALID for arguments out of bounds.
func (s *Service) Methods(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*MethodConnection, error) {
	type key struct{ methods page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*MethodConnection, error) {
		return s.methodPages(ctx, ids, window)
	})
}

func (s *Service) methodPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*MethodConnection, error) {
	organizations, seen, err := s.records.Seen(ctx, ids, sees)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, paymentmethod.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().PaymentMethod.Query().Where(paymentmethod.OrganizationIDIn(seen...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list payment methods: %w", err)
	}
	methods := make([]*Method, len(rows))
	for i, row := range rows {
		if methods[i], err = wrapMethod(ctx, organizations[row.OrganizationID], row); err != nil {
			return nil, err
		}
	}
	parts := batch.Parts(ids, window, methods,
		func(m *Method) uuid.UUID { return m.home },
		func(m *Method) string { return order.Cursor("", m.ID.UUID.String()) },
		func(cursor string, m *Method) MethodEdge { return MethodEdge{Cursor: cursor, Node: m} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countMethods(ctx, ids, seen)
		})
	pages := make(map[uuid.UUID]*MethodConnection, len(parts))
	for id, part := range parts {
		pages[id] = &MethodConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countMethods(ctx context.Context, ids, seen []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().PaymentMethod.Query().Where(paymentmethod.OrganizationIDIn(seen...)).
		GroupBy(paymentmethod.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count payment methods: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
