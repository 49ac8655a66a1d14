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

// PriceRules returns what Rules does, with what the authors said.
func (s *Store) PriceRules(ctx context.Context, sellers []uuid.UUID) ([]PriceRule, error) {
	return s.priceRules(ctx, billingmultiplier.SellerIDIn(sellers...))
}

// RulesAround returns the price rules of the sellers above an organization, of
// itself and of those below it, in no order and in one statement.
func (s *Store) RulesAround(ctx context.Context, org Organization) ([]pricing.Rule, error) {
	above := make([]uuid.UUID, len(org.Above))
	for i, a := range org.Above {
		above[i] = a.ID
	}
	return rulesOf(s.priceRules(ctx, billingmultiplier.Or(billingmultiplier.SellerIDIn(above...), soldBelow(org.ID))))
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
	return s.NewPriceRules(ctx, rows)
}

// NewPriceRules returns stored rows as pricing reads them, in their order, with
// what the authors said and when guards suspend them.
func (s *Store) NewPriceRules(ctx context.Context, rows []*ent.BillingMultiplier) ([]PriceRule, error) {
	rules := make([]PriceRule, len(rows))
	for i, row := range rows {
		rule, err := Rule(row)
		if err != nil {
			return nil, err
		}
		rules[i] = PriceRule{Rule: rule, Reason: row.Reason, CreatedAt: row.CreatedAt.UTC()}
	}
	return rules, s.suspend(ctx, rules)
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
	directives, err := s.Directives(ctx, scopesOf(organizations), []string{visibleToCustomer, SourceCostVisible}, nil)
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

// ShowsPriceTo reports whether the seller directly above an organization shows it
// the factor and the basis of what it pays, whoever asks.
func (s *Store) ShowsPriceTo(ctx context.Context, org Organization) (bool, error) {
	last := len(org.Above)
	if last == 0 {
		return false, nil
	}
	directives, err := s.Directives(ctx, scopesOf(map[uuid.UUID]Organization{org.ID: org}), []string{visibleToCustomer, SourceCostVisible}, nil)
	if err != nil {
		return false, err
	}
	tiers, err := tiersOf(access.Viewer{}, org, directives)
	if err != nil {
		return false, err
	}
	tiers[last].Buys = true
	return pricing.NewSight(tiers).Edge(last - 1), nil
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

// ReadsBillsOf reports whether the context's viewer reads what an organization
// pays: its own people with billing:read do, and platform:read.
func ReadsBillsOf(ctx context.Context, org Organization) bool {
	viewer := access.ViewerFrom(ctx)
	return seesEveryPrice(viewer, org) || standingAt(viewer, org, len(org.Above)).buys
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
	viewer, ok := viewer.In(path.Leaf())
	if !ok {
		return priceStanding{}
	}
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
	if ReadsBillsOf(ctx, org) {
		return last
	}
	for i := last - 1; i > 0; i-- {
		if standingAt(viewer, org, i).door {
			return i
		}
	}
	return 0
}

// PriceEdge is one edge of a price chain, as a viewer may see it.
type PriceEdge struct {
	Seller *Reference
	Buyer  *Reference
	// Factor is nil where it is not shown.
	Factor *money.Decimal
	// Basis is nil where it is not shown or no rule matches.
	Basis *pricing.Basis
	// Inherited says that no rule matches, so that the buyer pays the seller's
	// own price. It is false where the price is not shown.
	Inherited bool
}

// HiddenEdge returns the edge between two organizations, given by their lines,
// without its price.
func HiddenEdge(ctx context.Context, seller, buyer []Ancestor) *PriceEdge {
	from, to := Refer(ctx, seller), Refer(ctx, buyer)
	return &PriceEdge{Seller: &from, Buyer: &to}
}

// Priced returns the edge with the price of a rule, or with that of no rule for
// an empty basis.
func (e PriceEdge) Priced(factor money.Decimal, basis pricing.Basis) *PriceEdge {
	e.Factor, e.Basis, e.Inherited = &factor, &basis, false
	if basis == "" {
		one := money.FromInt(1)
		e.Factor, e.Basis, e.Inherited = &one, nil, true
	}
	return &e
}
