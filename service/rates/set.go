package rates

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmonth"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// NewMultiplier is what setBillingMultiplier is asked for.
type NewMultiplier struct {
	Seller uuid.UUID
	// Buyer is nil for all direct customers of the seller.
	Buyer    *uuid.UUID
	Selector Selector
	Factor   money.Decimal
	// Basis is nil for what billing.chain_mode of the seller says.
	Basis      *pricing.Basis
	FirstMonth pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Reason    string
	// PlanDigest is that of the plan that the author has seen, "" for none.
	PlanDigest string
}

// chainMode is the setting that fills in the basis of a rule.
const chainMode = "billing.chain_mode"

// Set adds a version of a price rule and returns it with what its author should
// know. It needs partner:multiplier in the seller. INVALID for a seller that
// manages nobody, a buyer that is not directly below it, a bad factor, selector
// or month, a factor out of the bounds that the seller's manager has set, and
// where a rule of a month that has begun is replaced without a reason; FORBIDDEN for a basis that would tell the seller the source cost;
// PERIOD_CLOSED for a month that is closed; PLAN_STALE if the digest of a plan
// is given and Plan would say something else by now. Usage of the months in which
// the rule holds is rated again in the background.
func (s *Service) Set(ctx context.Context, n NewMultiplier) (*Multiplier, []*Warning, error) {
	d, err := s.draft(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	warnings, err := s.foresee(ctx, d, n.PlanDigest)
	if err != nil {
		return nil, nil, err
	}
	row, err := s.add(ctx, d.seller, d.change.rule, n)
	if err != nil {
		return nil, nil, err
	}
	added, err := s.records.NewPriceRules(ctx, []*ent.BillingMultiplier{row})
	if err != nil {
		return nil, nil, err
	}
	return multiplier(ctx, added[0], d.seller.Line(), d.buyer), warnings, nil
}

// foresee returns what the author should know before the rule is set. PLAN_STALE
// if there is a digest and it is not that of the plan by now.
func (s *Service) foresee(ctx context.Context, d draft, digest string) ([]*Warning, error) {
	if digest == "" {
		return s.warnings(ctx, d.seller, d.change)
	}
	plan, err := s.plan(ctx, d)
	if err != nil {
		return nil, err
	}
	if plan.Digest != digest {
		return nil, fault.New(fault.PlanStale, "prices or usage have changed since the plan; plan again")
	}
	return plan.Warnings, nil
}

// draft is a rule that may be set as far as is known before the transaction.
type draft struct {
	seller records.Organization
	// buyer is the line of the buyer, nil for all.
	buyer  []records.Ancestor
	change change
}

// draft checks what Set is asked for. The rule has the version that it would
// get now.
func (s *Service) draft(ctx context.Context, n NewMultiplier) (draft, error) {
	seller, err := s.records.Check(ctx, access.PartnerMultiplier, n.Seller)
	if err != nil {
		return draft{}, err
	}
	if !seller.Kind.CanManage() {
		return draft{}, fault.Invalidf("sellerId", "this organization manages no others")
	}
	buyer, err := s.buyerOf(ctx, n)
	if err != nil {
		return draft{}, err
	}
	rule, err := s.ruleOf(ctx, n, seller)
	if err != nil {
		return draft{}, err
	}
	rules, err := s.records.RulesAround(ctx, seller)
	if err != nil {
		return draft{}, err
	}
	months, err := s.months(ctx, s.db.Client(), seller.ID)
	if err != nil {
		return draft{}, err
	}
	if err := pricing.CheckChange(pricing.Change{Rule: rule, Reason: n.Reason}, rules, months); err != nil {
		return draft{}, err
	}
	if err := checkBounds(ctx, s.records, seller, rule); err != nil {
		return draft{}, err
	}
	return draft{seller: seller, buyer: buyer, change: addition(rule, rules, months.Current)}, nil
}

// buyerOf returns the line of the buyer, nil for all: INVALID if it is not
// directly below the seller, NOT_FOUND out of the viewer's sight.
func (s *Service) buyerOf(ctx context.Context, n NewMultiplier) ([]records.Ancestor, error) {
	if n.Buyer == nil {
		return nil, nil
	}
	buyer, err := s.records.Organization(ctx, *n.Buyer)
	if err != nil {
		return nil, err
	}
	if !records.Sees(access.ViewerFrom(ctx).Reach(), buyer.Line()) || buyer.Status == orgtree.Deleted {
		return nil, fault.Missing("organization")
	}
	if manager, ok := buyer.Manager(); !ok || manager.ID != n.Seller {
		return nil, fault.Invalidf("buyerId", "the buyer is not directly below the seller")
	}
	return buyer.Line(), nil
}

// ruleOf returns the rule that is asked for, without id and version.
func (s *Service) ruleOf(ctx context.Context, n NewMultiplier, seller records.Organization) (pricing.Rule, error) {
	rule := pricing.Rule{
		Seller: orgtree.ID(n.Seller), Selector: n.Selector.facts(), Factor: n.Factor, FirstMonth: n.FirstMonth,
	}
	if n.Buyer != nil {
		rule.Buyer = orgtree.ID(*n.Buyer)
	}
	if n.LastMonth != nil {
		rule.LastMonth = *n.LastMonth
	}
	err := database.CheckReason(n.Reason)
	if err != nil {
		return pricing.Rule{}, err
	}
	if rule.Basis, err = s.basisOf(ctx, n.Basis, seller); err != nil {
		return pricing.Rule{}, err
	}
	return rule, rule.Validate()
}

// basisOf returns the basis of a rule, by the seller's setting if none is asked
// for. A seller to whom the source cost is closed prices on what it pays
// itself, since it could divide by any other factor. The platform is not such
// a seller: what it pays is the source cost.
func (s *Service) basisOf(ctx context.Context, asked *pricing.Basis, seller records.Organization) (pricing.Basis, error) {
	var basis pricing.Basis
	if asked != nil {
		basis = *asked
	} else {
		usual, err := s.records.Value(ctx, seller, chainMode)
		if err != nil {
			return "", err
		}
		basis = pricing.Basis(usual.String())
	}
	if basis == pricing.Upstream || seller.Kind == orgtree.Platform {
		return basis, nil
	}
	open, err := s.records.Value(ctx, seller, records.SourceCostVisible)
	if err != nil {
		return "", err
	}
	if !open.Bool() {
		return "", fault.New(fault.Forbidden, "a price on the provider's cost needs billing.source_cost_visible; use the basis UPSTREAM")
	}
	return basis, nil
}

// add stores the next version of a rule. Sellers change their prices one after
// the other, so that no version is lost. PLAN_STALE if a plan was seen and it is
// not the version that was planned.
func (s *Service) add(ctx context.Context, seller records.Organization, rule pricing.Rule, n NewMultiplier) (*ent.BillingMultiplier, error) {
	var row *ent.BillingMultiplier
	_, err := s.db.Write(ctx, database.Entry{Action: "setBillingMultiplier", Organization: seller.ID, Reason: n.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		existing, err := ofSubject(ctx, tx, rule.Subject())
		if err != nil {
			return err
		}
		months, err := s.months(ctx, tx.Client, seller.ID)
		if err != nil {
			return err
		}
		if err := pricing.CheckChange(pricing.Change{Rule: rule, Reason: n.Reason}, existing, months); err != nil {
			return err
		}
		if err := checkBounds(ctx, s.records.In(tx), seller, rule); err != nil {
			return err
		}
		planned := rule.Version
		rule.Version = pricing.NextVersion(rule.Subject(), existing)
		if n.PlanDigest != "" && rule.Version != planned {
			return fault.New(fault.PlanStale, "the price has been changed since the plan; plan again")
		}
		if row, err = s.insert(ctx, tx, rule, n.Reason); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Multiplier, ID: row.ID, Organization: seller.ID, After: row})
		return tx.WantRepriced(ctx, repriced(seller, rule, rule.FirstMonth))
	})
	return row, err
}

// checkBounds returns INVALID for a rule whose factor is out of the bounds that
// the seller's manager has set for one of its months. It is a courtesy: a rule
// that is set at the same time as a guard is suspended by it.
func checkBounds(ctx context.Context, store *records.Store, seller records.Organization, rule pricing.Rule) error {
	manager, managed := seller.Manager()
	if !managed {
		return nil
	}
	guards, err := store.GuardsOn(ctx, []uuid.UUID{seller.ID})
	if err != nil {
		return err
	}
	rule.Suspensions = pricing.Suspensions(rule, guards, orgtree.ID(manager.ID))
	return pricing.CheckBounds(rule)
}

// repriced returns the usage that a rule prices from a month on.
func repriced(seller records.Organization, rule pricing.Rule, first pricing.Month) database.Repriced {
	r := database.Repriced{Seller: seller.ID, Path: seller.Path(), Selector: rule.Selector, First: first}
	if !rule.Buyer.IsZero() {
		buyer := uuid.UUID(rule.Buyer)
		r.Buyer = &buyer
	}
	return r
}

// current returns the month of now.
func (s *Service) current() pricing.Month { return pricing.MonthOf(s.db.Now()) }

// months returns which months the prices of a seller may still change in. A seller
// closes a month for all its customers at once.
func (s *Service) months(ctx context.Context, client *ent.Client, seller uuid.UUID) (pricing.Months, error) {
	months := pricing.Months{Current: s.current()}
	rows, err := client.BillingMonth.Query().Where(billingmonth.SellerID(seller)).All(ctx)
	if err != nil {
		return pricing.Months{}, fmt.Errorf("load closed months: %w", err)
	}
	for _, row := range rows {
		closed, err := pricing.ParseMonth(row.Month)
		if err != nil {
			return pricing.Months{}, fmt.Errorf("read closed month: %w", err)
		}
		months.Closed = append(months.Closed, closed)
	}
	return months, nil
}

// ofSubject returns the versions of a rule.
func ofSubject(ctx context.Context, tx *database.Tx, subject pricing.Subject) ([]pricing.Rule, error) {
	buyer := billingmultiplier.BuyerIDIsNil()
	if !subject.Buyer.IsZero() {
		buyer = billingmultiplier.BuyerID(uuid.UUID(subject.Buyer))
	}
	rows, err := tx.BillingMultiplier.Query().
		Where(
			billingmultiplier.SellerID(uuid.UUID(subject.Seller)), buyer,
			billingmultiplier.Provider(subject.Selector.Provider), billingmultiplier.Service(subject.Selector.Service),
			billingmultiplier.Sku(subject.Selector.SKU), billingmultiplier.Region(subject.Selector.Region),
			billingmultiplier.ChargeCategory(string(subject.Selector.ChargeCategory)),
		).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load versions: %w", err)
	}
	versions := make([]pricing.Rule, len(rows))
	for i, row := range rows {
		if versions[i], err = records.Rule(row); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

func (s *Service) insert(ctx context.Context, tx *database.Tx, rule pricing.Rule, reason string) (*ent.BillingMultiplier, error) {
	create := tx.BillingMultiplier.Create().
		SetID(s.db.NewID()).SetSellerID(uuid.UUID(rule.Seller)).
		SetProvider(rule.Selector.Provider).SetService(rule.Selector.Service).SetSku(rule.Selector.SKU).
		SetRegion(rule.Selector.Region).SetChargeCategory(string(rule.Selector.ChargeCategory)).
		SetBasis(billingmultiplier.Basis(rule.Basis)).SetFactor(rule.Factor.String()).
		SetFirstMonth(rule.FirstMonth.String()).SetVersion(rule.Version).
		SetReason(reason).SetCreatedAt(s.db.Now())
	if !rule.Buyer.IsZero() {
		create.SetBuyerID(uuid.UUID(rule.Buyer))
	}
	if !rule.LastMonth.IsZero() {
		create.SetLastMonth(rule.LastMonth.String())
	}
	if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
		create.SetActorID(uuid.UUID(actor))
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create billing multiplier: %w", err)
	}
	return row, nil
}
