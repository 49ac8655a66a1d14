package statements

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingprofile"
	"github.com/headwater-platform/headwater/ent/discount"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/supportfee"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/ent/taxrate"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// terms are what holds for some customers of a seller in a month beside prices.
type terms struct {
	month     pricing.Month
	buyers    []uuid.UUID
	customers map[uuid.UUID]invoicing.Customer
	taxes     []invoicing.TaxRate
	discounts []invoicing.Discount
	// rows are the discounts as they are stored, locked.
	rows map[orgtree.ID]*ent.Discount
	// fees are those of the plans of customers that cost something.
	fees map[uuid.UUID]invoicing.SupportFee
}

// termsOf loads the terms of some customers. The discounts are locked, so that two
// months do not use the same value.
func termsOf(ctx context.Context, tx *database.Tx, seller uuid.UUID, month pricing.Month, fees map[string]records.SupportFee, buyers []uuid.UUID) (*terms, error) {
	t := &terms{
		month: month, buyers: buyers, customers: make(map[uuid.UUID]invoicing.Customer, len(buyers)),
		rows: map[orgtree.ID]*ent.Discount{}, fees: map[uuid.UUID]invoicing.SupportFee{},
	}
	for _, load := range []func() error{
		func() error { return t.loadCustomers(ctx, tx, buyers) },
		func() error { return t.loadTaxes(ctx, tx, seller, buyers) },
		func() error { return t.loadDiscounts(ctx, tx, seller, buyers) },
		func() error { return t.loadFees(ctx, tx, fees, buyers) },
	} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// loadCustomers reads what taxes depend on, as it is when the month is closed.
func (t *terms) loadCustomers(ctx context.Context, tx *database.Tx, buyers []uuid.UUID) error {
	profiles, err := tx.BillingProfile.Query().Where(billingprofile.OrganizationIDIn(buyers...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load billing profiles: %w", err)
	}
	for _, id := range buyers {
		t.customers[id] = invoicing.Customer{ID: orgtree.ID(id)}
	}
	for _, row := range profiles {
		t.customers[row.OrganizationID] = invoicing.Customer{ID: orgtree.ID(row.OrganizationID), Country: row.Country, VATID: row.VatID}
	}
	return nil
}

func (t *terms) loadTaxes(ctx context.Context, tx *database.Tx, seller uuid.UUID, buyers []uuid.UUID) error {
	month := t.month.String()
	rows, err := tx.TaxRate.Query().
		Where(
			taxrate.SellerID(seller), taxrate.FirstMonthLTE(month), taxrate.Or(taxrate.LastMonthIsNil(), taxrate.LastMonthGTE(month)),
			taxrate.Or(taxrate.BuyerIDIsNil(), taxrate.BuyerIDIn(buyers...)),
		).
		Order(ent.Asc(taxrate.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load tax rates: %w", err)
	}
	t.taxes = make([]invoicing.TaxRate, len(rows))
	for i, row := range rows {
		if t.taxes[i], err = records.NewTaxRate(row); err != nil {
			return err
		}
	}
	return nil
}

func (t *terms) loadDiscounts(ctx context.Context, tx *database.Tx, seller uuid.UUID, buyers []uuid.UUID) error {
	month := t.month.String()
	query := tx.Discount.Query().
		Where(
			discount.SellerID(seller), discount.FirstMonthLTE(month), discount.Or(discount.LastMonthIsNil(), discount.LastMonthGTE(month)),
			discount.Or(discount.BuyerIDIsNil(), discount.BuyerIDIn(buyers...)),
		).
		Order(ent.Asc(discount.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock discounts: %w", err)
	}
	t.discounts = make([]invoicing.Discount, len(rows))
	for i, row := range rows {
		if t.discounts[i], err = records.NewDiscount(row); err != nil {
			return err
		}
		t.rows[orgtree.ID(row.ID)] = row
	}
	return nil
}

func (t *terms) loadFees(ctx context.Context, tx *database.Tx, fees map[string]records.SupportFee, buyers []uuid.UUID) error {
	if len(fees) == 0 {
		return nil
	}
	rows, err := tx.SupportPlanPeriod.Query().
		Where(planOf(t.month), supportplanperiod.PlanIn(plansOf(fees)...), supportplanperiod.OrganizationIDIn(buyers...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load support plans: %w", err)
	}
	for _, row := range rows {
		fee := fees[string(row.Plan)]
		t.fees[row.OrganizationID] = invoicing.SupportFee{
			Label: "Support plan " + fee.Plan[:1] + strings.ToLower(fee.Plan[1:]), Minimum: fee.Minimum, Percent: fee.Percent, Currency: fee.Currency,
		}
	}
	return nil
}

// planOf returns the predicate of the plan that an organization had when a month
// ended. Since a smaller plan begins with a month, that is the largest of it.
func planOf(month pricing.Month) predicate.SupportPlanPeriod {
	end := month.Next().Start()
	return supportplanperiod.And(
		supportplanperiod.StartsAtLT(end),
		supportplanperiod.Or(supportplanperiod.EndsAtIsNil(), supportplanperiod.EndsAtGTE(end)),
	)
}

// plansOf returns the plans that cost something.
func plansOf(fees map[string]records.SupportFee) []supportplanperiod.Plan {
	plans := make([]supportplanperiod.Plan, 0, len(fees))
	for plan := range fees {
		plans = append(plans, supportplanperiod.Plan(plan))
	}
	slices.Sort(plans)
	return plans
}

// feesOf returns what a seller charges for support plans in a month, by plan: the
// latest version that has begun by then, if it is anything.
func feesOf(ctx context.Context, tx *database.Tx, seller uuid.UUID, month pricing.Month) (map[string]records.SupportFee, error) {
	rows, err := tx.SupportFee.Query().
		Where(supportfee.SellerID(seller), supportfee.FirstMonthLTE(month.String())).
		Order(ent.Asc(supportfee.FieldVersion)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load support fees: %w", err)
	}
	fees := map[string]records.SupportFee{}
	for _, row := range rows {
		fee, err := records.NewSupportFee(row)
		if err != nil {
			return nil, err
		}
		fees[fee.Plan] = fee
		if fee.Minimum.IsZero() && fee.Percent.IsZero() {
			delete(fees, fee.Plan)
		}
	}
	return fees, nil
}

// partiesOf returns whom there may be a statement for, with what they were sold:
// those of the usage in its order, and those with a fee in a currency in which
// they were sold nothing.
func (t *terms) partiesOf(sold []database.Sold) []charged {
	var list []charged
	with := map[party]bool{}
	for _, s := range sold {
		p := party{s.Buyer, s.Currency}
		if !with[p] {
			with[p] = true
			list = append(list, charged{party: p})
		}
		last := &list[len(list)-1]
		last.charges = append(last.charges, invoicing.Charge{
			Provider: s.Provider, Service: s.Service, SKU: s.SKU, Category: pricing.ChargeCategory(s.ChargeCategory), Amount: s.Amount,
		})
	}
	for _, buyer := range t.buyers {
		if p := (party{buyer, t.fees[buyer].Currency}); p.currency != "" && !with[p] {
			list = append(list, charged{party: p})
		}
	}
	return list
}

// of returns the terms of one statement.
func (t *terms) of(p party) invoicing.Terms {
	customer := t.customers[p.buyer]
	of := invoicing.Terms{
		Discounts: invoicing.DiscountsFor(t.discounts, customer, t.month, p.currency),
		Taxes:     invoicing.RatesFor(t.taxes, customer, t.month),
	}
	if fee, has := t.fees[p.buyer]; has && fee.Currency == p.currency {
		of.Fee = &fee
	}
	return of
}

// use writes down how much a statement has used of values. A value is one
// customer's and in one currency, so nothing else in the transaction uses it.
func (t *terms) use(ctx context.Context, tx *database.Tx, reductions []invoicing.Reduction) error {
	for _, r := range reductions {
		row := t.rows[r.Discount]
		if row.Mode != discount.ModeVALUE {
			continue
		}
		if err := addUse(ctx, tx, row, r.Amount.Neg()); err != nil {
			return err
		}
	}
	return nil
}

// addUse adds to what statements have used of a value; a void statement takes its
// part back.
func addUse(ctx context.Context, tx *database.Tx, before *ent.Discount, more money.Decimal) error {
	_, used, err := records.ValueOf(before)
	if err != nil {
		return err
	}
	after, err := before.Update().SetValueUsed(used.Add(more).String()).SetVersion(before.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("use discount: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Discount, ID: before.ID, Organization: before.SellerID, Before: before, After: after})
	return nil
}
