package records

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// Rules returns the price rules of the sellers, in no order, with when guards
// suspend them. Whoever shows one of them checks first that the viewer may see it.
func (s *Store) Rules(ctx context.Context, sellers []uuid.UUID) ([]pricing.Rule, error) {
	return rulesOf(s.PriceRules(ctx, sellers))
}

func rulesOf(list []PriceRule, err error) ([]pricing.Rule, error) {
	if err != nil {
		return nil, err
	}
	rules := make([]pricing.Rule, len(list))
	for i, r := range list {
		rules[i] = r.Rule
	}
	return rules, nil
}

// Rule returns a stored row as pricing reads it. The row's charge category is
// spelled as FOCUS does. It does not know of guards.
func Rule(row *ent.BillingMultiplier) (pricing.Rule, error) {
	rule := pricing.Rule{
		ID:     orgtree.ID(row.ID),
		Seller: orgtree.ID(row.SellerID),
		Selector: pricing.Selector{
			Provider: row.Provider, Service: row.Service, SKU: row.Sku, Region: row.Region,
			ChargeCategory: pricing.ChargeCategory(row.ChargeCategory),
		},
		Basis:   pricing.Basis(row.Basis),
		Version: row.Version,
	}
	if row.BuyerID != nil {
		rule.Buyer = orgtree.ID(*row.BuyerID)
	}
	var err error
	if rule.Factor, err = money.ParseFactor(row.Factor); err != nil {
		return pricing.Rule{}, fmt.Errorf("price rule %s: factor %q: %w", row.ID, row.Factor, err)
	}
	if rule.FirstMonth, err = pricing.ParseMonth(row.FirstMonth); err != nil {
		return pricing.Rule{}, fmt.Errorf("price rule %s: first month %q: %w", row.ID, row.FirstMonth, err)
	}
	if row.LastMonth == nil {
		return rule, nil
	}
	if rule.LastMonth, err = pricing.ParseMonth(*row.LastMonth); err != nil {
		return pricing.Rule{}, fmt.Errorf("price rule %s: last month %q: %w", row.ID, *row.LastMonth, err)
	}
	return rule, nil
}
