package records

import (
	"context"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// PriceRule is a price rule with what its author said.
type PriceRule struct {
	pricing.Rule
	Reason    string
	CreatedAt time.Time
}

// PriceRules returns every version of every price rule of these sellers, in
// one statement.
func (s *Store) PriceRules(ctx context.Context, sellers []uuid.UUID) ([]PriceRule, error) {
	return s.priceRules(ctx, billingmultiplier.SellerIDIn(sellers...))
}

// PriceRulesAround returns every version of every price rule of the sellers
// above an organization, of itself and of those below it, in one statement.
func (s *Store) PriceRulesAround(ctx context.Context, org Organization) ([]PriceRule, error) {
	above := make([]uuid.UUID, len(org.Above))
	for i, a := range org.Above {
		above[i] = a.ID
	}
	return s.priceRules(ctx, billingmultiplier.Or(billingmultiplier.SellerIDIn(above...), soldBelow(org.ID)))
}

// soldBelow returns the predicate of rules whose seller is the organization or
// below it.
func soldBelow(id uuid.UUID) predicate.BillingMultiplier {
	return func(s *entsql.Selector) {
		t := entsql.Table(ancestry.Table).As("below")
		s.Where(entsql.In(s.C(billingmultiplier.FieldSellerID),
			entsql.Select(t.C(ancestry.FieldOrganizationID)).From(t).Where(entsql.EQ(t.C(ancestry.FieldAncestorID), id))))
	}
}

func (s *Store) priceRules(ctx context.Context, of predicate.BillingMultiplier) ([]PriceRule, error) {
	rows, err := s.client.BillingMultiplier.Query().Where(of).All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load price rules: %w", err)
	}
	rules := make([]PriceRule, len(rows))
	for i, row := range rows {
		rules[i], err = NewPriceRule(row)
		if err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// NewPriceRule returns a stored row as pricing reads it.
func NewPriceRule(row *ent.BillingMultiplier) (PriceRule, error) {
	rule := PriceRule{
		Rule: pricing.Rule{
			ID:     orgtree.ID(row.ID),
			Seller: orgtree.ID(row.SellerID),
			Selector: pricing.Selector{
				Provider: row.Provider, Service: row.Service, SKU: row.Sku, Region: row.Region,
				ChargeCategory: pricing.ChargeCategory(row.ChargeCategory),
			},
			Basis:   pricing.Basis(row.Basis),
			Version: row.Version,
		},
		Reason:    row.Reason,
		CreatedAt: row.CreatedAt.UTC(),
	}
	if row.BuyerID != nil {
		rule.Buyer = orgtree.ID(*row.BuyerID)
	}
	var err error
	if rule.Factor, err = money.Parse(row.Factor); err != nil {
		return PriceRule{}, fmt.Errorf("price rule %s: %w", row.ID, err)
	}
	if rule.FirstMonth, err = pricing.ParseMonth(row.FirstMonth); err != nil {
		return PriceRule{}, fmt.Errorf("price rule %s: %w", row.ID, err)
	}
	if row.LastMonth != nil {
		if rule.LastMonth, err = pricing.ParseMonth(*row.LastMonth); err != nil {
			return PriceRule{}, fmt.Errorf("price rule %s: %w", row.ID, err)
		}
	}
	return rule, nil
}

// Rules returns the rules alone.
func Rules(list []PriceRule) []pricing.Rule {
	rules := make([]pricing.Rule, len(list))
	for i, r := range list {
		rules[i] = r.Rule
	}
	return rules
}

// The settings that say what is shown of a price.
const (
	visibleToCustomer = "billing.visible_to_customer"
	// SourceCostVisible says whether a seller may learn the source cost.
	SourceCostVisible = "billing.source_cost_visible"
)

// Sights returns what the context's viewer sees of the prices along the path of
// each organization, by id, in one statement.
func (s *Store) Sights(ctx context.Context, organizations map[uuid.UUID]Organization) (map[uuid.UUID]pricing.Sight, error) {
	seen := map[uuid.UUID]bool{}
	var scopes []uuid.UUID
	for _, org := range organizations {
		for _, a := range org.Line() {
			if !seen[a.ID] {
				seen[a.ID] = true
				scopes = append(scopes, a.ID)
			}
		}
	}
	directives, err := s.Directives(ctx, scopes, []string{visibleToCustomer, SourceCostVisible}, nil)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	sights := make(map[uuid.UUID]pricing.Sight, len(organizations))
	for id, org := range organizations {
		if seesEveryPrice(viewer, org) {
			sights[id] = pricing.FullSight()
			continue
		}
		tiers, err := tiersOf(viewer, org, directives)
		if err != nil {
			return nil, err
		}
		sights[id] = pricing.NewSight(tiers)
	}
	return sights, nil
}

// seesEveryPrice reports whether the viewer holds platform:read.
func seesEveryPrice(viewer access.Viewer, org Organization) bool {
	root := org.Line()[0]
	return access.Check(viewer, access.PlatformRead, access.Target{Path: org.Path()[:1], Kind: root.Kind}) == nil
}

// SeesPricesOf reports whether the context's viewer sees the prices that an
// organization sets: its own people do, and platform:read.
func SeesPricesOf(ctx context.Context, org Organization) bool {
	viewer := access.ViewerFrom(ctx)
	return seesEveryPrice(viewer, org) || standingAt(viewer, org, len(org.Above)).sells
}

func tiersOf(viewer access.Viewer, org Organization, directives Directives) ([]pricing.Tier, error) {
	shown, ok := catalogue.Lookup(visibleToCustomer)
	if !ok {
		return nil, fmt.Errorf("there is no setting %s", visibleToCustomer)
	}
	open, ok := catalogue.Lookup(SourceCostVisible)
	if !ok {
		return nil, fmt.Errorf("there is no setting %s", SourceCostVisible)
	}
	nodes := org.Nodes()
	tiers := make([]pricing.Tier, len(nodes))
	for i, a := range org.Line() {
		value := func(d *waterfall.Definition) waterfall.Value {
			return waterfall.Resolve(d, waterfall.Steps(nodes[:i+1], directives[d.Key])).Value
		}
		standing := standingAt(viewer, org, i)
		tiers[i] = pricing.Tier{
			Disclosure: pricing.Disclosure(value(shown).String()),
			Closed:     a.Kind == orgtree.Partner && !value(open).Bool(),
			Buys:       standing.buys,
			Sells:      standing.sells,
		}
	}
	return tiers, nil
}

// priceStanding is what a viewer is in one organization of a path, by being
// there and not through the tree.
type priceStanding struct {
	buys  bool // reads what the organization pays
	door  bool // sees what is below the organization
	sells bool // sees the prices that the organization sets
}

func standingAt(viewer access.Viewer, org Organization, i int) priceStanding {
	path := org.Path()[:i+1]
	own, ok := viewer.Standings[path.Leaf()]
	if !ok {
		return priceStanding{}
	}
	viewer.Standings = map[orgtree.ID]access.Standing{path.Leaf(): own}
	buys := access.Check(viewer, access.BillingRead, access.Target{Path: path, Kind: org.Line()[i].Kind}) == nil
	door := len(viewer.Reach().Subtrees) > 0
	return priceStanding{buys: buys, door: door, sells: buys || door}
}

// Standpoint returns at whose prices the context's viewer sees the usage of an
// organization, as a place in its line: its own if they read its bills by being
// there or hold platform:read, else those of the nearest organization above
// that they come in through. It is meaningless for a viewer who does not hold
// billing:read in the organization.
func Standpoint(ctx context.Context, org Organization) int {
	viewer := access.ViewerFrom(ctx)
	last := len(org.Above)
	if seesEveryPrice(viewer, org) || standingAt(viewer, org, last).buys {
		return last
	}
	for i := last - 1; i > 0; i-- {
		if standingAt(viewer, org, i).door {
			return i
		}
	}
	return 0
}
