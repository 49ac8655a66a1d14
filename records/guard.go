package records

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/priceguard"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// GuardsOn returns the guards that bound the factors of the organizations, in no
// order: those of their managers. Whoever shows one checks first that the viewer
// may see it.
func (s *Store) GuardsOn(ctx context.Context, sellers []uuid.UUID) ([]pricing.Guard, error) {
	rows, err := s.client.PriceGuard.Query().Where(func(q *entsql.Selector) {
		t := entsql.Table(organization.Table).As("sellers")
		ids := make([]any, len(sellers))
		for i, id := range sellers {
			ids[i] = id
		}
		q.Where(entsql.In(q.C(priceguard.FieldManagerID),
			entsql.Select(t.C(organization.FieldParentID)).From(t).Where(entsql.In(t.C(organization.FieldID), ids...))))
	}).All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load price guards: %w", err)
	}
	guards := make([]pricing.Guard, len(rows))
	for i, row := range rows {
		if guards[i], err = Guard(row); err != nil {
			return nil, err
		}
	}
	return guards, nil
}

// Guard returns a stored row as pricing reads it.
func Guard(row *ent.PriceGuard) (pricing.Guard, error) {
	g := pricing.Guard{ID: orgtree.ID(row.ID), Manager: orgtree.ID(row.ManagerID), Basis: pricing.Basis(row.Basis), Version: row.Version}
	if row.SellerID != nil {
		g.Seller = orgtree.ID(*row.SellerID)
	}
	for _, bound := range []struct {
		stored *string
		value  *money.Decimal
	}{{row.Min, &g.Min}, {row.Max, &g.Max}} {
		if bound.stored == nil {
			continue
		}
		var err error
		if *bound.value, err = money.ParseFactor(*bound.stored); err != nil {
			return pricing.Guard{}, fmt.Errorf("price guard %s: bound %q: %w", row.ID, *bound.stored, err)
		}
	}
	var err error
	if g.FirstMonth, err = pricing.ParseMonth(row.FirstMonth); err != nil {
		return pricing.Guard{}, fmt.Errorf("price guard %s: first month %q: %w", row.ID, row.FirstMonth, err)
	}
	if row.LastMonth == nil {
		return g, nil
	}
	if g.LastMonth, err = pricing.ParseMonth(*row.LastMonth); err != nil {
		return pricing.Guard{}, fmt.Errorf("price guard %s: last month %q: %w", row.ID, *row.LastMonth, err)
	}
	return g, nil
}

// suspend says of every rule when guards keep it from holding.
func (s *Store) suspend(ctx context.Context, rules []PriceRule) error {
	sellers := make([]uuid.UUID, len(rules))
	for i, r := range rules {
		sellers[i] = uuid.UUID(r.Seller)
	}
	slices.SortFunc(sellers, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	sellers = slices.Compact(sellers)
	if len(sellers) == 0 {
		return nil
	}
	guards, err := s.GuardsOn(ctx, sellers)
	if err != nil || len(guards) == 0 {
		return err
	}
	managers, err := s.managersOf(ctx, sellers)
	if err != nil {
		return err
	}
	for i := range rules {
		rules[i].Suspensions = pricing.Suspensions(rules[i].Rule, guards, managers[rules[i].Seller])
	}
	return nil
}

func (s *Store) managersOf(ctx context.Context, ids []uuid.UUID) (map[orgtree.ID]orgtree.ID, error) {
	rows, err := s.client.Organization.Query().Where(organization.IDIn(ids...), organization.ParentIDNotNil()).
		Select(organization.FieldID, organization.FieldParentID).All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load managers: %w", err)
	}
	managers := make(map[orgtree.ID]orgtree.ID, len(rows))
	for _, row := range rows {
		managers[orgtree.ID(row.ID)] = orgtree.ID(*row.ParentID)
	}
	return managers, nil
}
