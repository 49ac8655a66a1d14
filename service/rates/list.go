package rates

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// MultiplierConnection is a page of price rules.
type MultiplierConnection struct {
	Edges    []MultiplierEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many rules there are on all pages.
func (c *MultiplierConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// MultiplierEdge is a price rule in a page.
type MultiplierEdge struct {
	Cursor string
	Node   *Multiplier
}

// Multipliers returns a page of the price rules that an organization sets, every
// version, the oldest first, or those in force in a month: none for viewers who do
// not see its prices. INVALID for arguments out of bounds.
func (s *Service) Multipliers(ctx context.Context, siblings *batch.Siblings, seller uuid.UUID, month *pricing.Month, args page.Args) (*MultiplierConnection, error) {
	type key struct {
		month  pricing.Month
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	k := key{window: window}
	if month != nil {
		k.month = *month
	}
	return batch.Load(ctx, siblings, k, seller, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*MultiplierConnection, error) {
		return s.multiplierPages(ctx, ids, inForce(k.month), window)
	})
}

// inForce returns the predicate of rules in force in a month, of all for none.
func inForce(m pricing.Month) predicate.BillingMultiplier {
	if m.IsZero() {
		return billingmultiplier.And()
	}
	return billingmultiplier.And(
		billingmultiplier.FirstMonthLTE(m.String()),
		billingmultiplier.Or(billingmultiplier.LastMonthIsNil(), billingmultiplier.LastMonthGTE(m.String())),
	)
}

func (s *Service) multiplierPages(ctx context.Context, ids []uuid.UUID, which predicate.BillingMultiplier, window page.Window) (map[uuid.UUID]*MultiplierConnection, error) {
	_, readable, err := s.records.Seen(ctx, ids, records.SeesPricesOf)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, billingmultiplier.FieldSellerID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().BillingMultiplier.Query().Where(billingmultiplier.SellerIDIn(readable...), which)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list billing multipliers: %w", err)
	}
	multipliers, err := s.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(ids, window, multipliers,
		func(m *Multiplier) uuid.UUID { return m.Seller.ID.UUID },
		func(m *Multiplier) string { return order.Cursor("", m.ID.UUID.String()) },
		func(cursor string, m *Multiplier) MultiplierEdge { return MultiplierEdge{Cursor: cursor, Node: m} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countMultipliers(ctx, ids, readable, which)
		})
	pages := make(map[uuid.UUID]*MultiplierConnection, len(parts))
	for id, part := range parts {
		pages[id] = &MultiplierConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

// wrap returns stored rules as the viewer sees them, in their order.
func (s *Service) wrap(ctx context.Context, rows []*ent.BillingMultiplier) ([]*Multiplier, error) {
	rules, err := s.records.NewPriceRules(ctx, rows)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, 2*len(rows))
	for _, row := range rows {
		ids = append(ids, row.SellerID)
		if row.BuyerID != nil {
			ids = append(ids, *row.BuyerID)
		}
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	multipliers := make([]*Multiplier, len(rows))
	for i, r := range rules {
		var buyer []records.Ancestor
		if !r.Buyer.IsZero() {
			buyer = organizations[uuid.UUID(r.Buyer)].Line()
		}
		multipliers[i] = multiplier(ctx, r, organizations[uuid.UUID(r.Seller)].Line(), buyer)
	}
	return multipliers, nil
}

func (s *Service) countMultipliers(ctx context.Context, ids, readable []uuid.UUID, which predicate.BillingMultiplier) (map[uuid.UUID]int, error) {
	var rows []struct {
		SellerID uuid.UUID `json:"seller_id"`
		Count    int       `json:"count"`
	}
	err := s.db.Client().BillingMultiplier.Query().Where(billingmultiplier.SellerIDIn(readable...), which).
		GroupBy(billingmultiplier.FieldSellerID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count billing multipliers: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.SellerID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
