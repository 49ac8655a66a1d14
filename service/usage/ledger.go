package usage

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// ledger turns rows whose owner is known into rated lines and roll-ups.
type ledger struct {
	rater               *pricing.Rater
	rollups             *rollups
	ratedIDs, rollupIDs *sequence
	// rated is what the row at hand costs on each edge.
	rated []pricing.Rated
}

// newLedger returns a ledger that keeps some roll-ups in memory.
func newLedger(db *database.DB, rater *pricing.Rater, rollups int) *ledger {
	return &ledger{
		rater:     rater,
		rollups:   newRollups(rollups),
		ratedIDs:  &sequence{db: db, table: "rated_lines"},
		rollupIDs: &sequence{db: db, table: "cost_rollups"},
	}
}

// entry is where a row is entered.
type entry struct {
	dataset int64
	rating  int
	line    int64
	month   pricing.Month
}

// rate finds what the row costs on each edge of its chain at the prices of a month.
// enter follows.
func (l *ledger) rate(row *focus.Row, o *owner, month pricing.Month) error {
	line := pricingLine(row, month)
	rated, err := l.rater.Rate(l.rated[:0], o.chain, &line)
	if fault.CodeOf(err) == fault.Invalid {
		return &focus.RowError{Line: row.Line, Column: "BilledCost", Message: "the price of this row has too many digits"}
	}
	if err != nil {
		return fmt.Errorf("rate line %d: %w", row.Line, err)
	}
	l.rated = rated
	return nil
}

// priceMonth returns the month by whose prices a row of a file is priced.
func priceMonth(row *focus.Row) pricing.Month {
	return pricing.MonthFor(pricing.ChargeClass(row.ChargeClass), row.BillingPeriodStart, row.ChargePeriodStart)
}

// pricingLine returns the row as pricing sees it. A provider that states no
// list price sells at list.
func pricingLine(row *focus.Row, month pricing.Month) pricing.Line {
	list := row.BilledCost
	if row.ListCost.Valid {
		list = row.ListCost.Decimal
	}
	return pricing.Line{
		Facts: pricing.Facts{
			Provider: row.Provider, Service: row.ServiceName, SKU: row.SKU, Region: row.Region,
			ChargeCategory: pricing.ChargeCategory(row.ChargeCategory),
		},
		Month:      month,
		Currency:   money.Currency(row.BillingCurrency),
		SourceCost: row.BilledCost,
		ListCost:   list,
	}
}

// enter adds the row that was rated last to the batch and to the roll-ups.
func (l *ledger) enter(ctx context.Context, b *batch, e entry, row *focus.Row, o *owner) error {
	id, err := l.ratedIDs.take(ctx, int64(len(o.tiers)))
	if err != nil {
		return err
	}
	add := func(position int, seller, rule any, amount money.Decimal) {
		b.rated.Add(
			id+int64(position), e.dataset, int64(e.rating), e.line, int64(position), e.month.String(), seller, o.tiers[position],
			o.tiers[o.edges()], o.group, o.attributed, rule, amount.String(),
		)
	}
	add(0, nil, nil, row.BilledCost)
	for i, r := range l.rated {
		add(i+1, o.tiers[i], ruleCell(r.Price.Rule), r.Amount)
	}
	l.rollups.add(e.dataset, row, o, l.rated)
	return nil
}

// ruleCell returns the rule that decided on an edge as a cell, NULL where the
// buyer inherits its seller's price.
func ruleCell(rule *pricing.Rule) any {
	if rule == nil {
		return nil
	}
	return uuid.UUID(rule.ID)
}

// full reports whether the roll-ups are to be flushed.
func (l *ledger) full() bool { return l.rollups.full() }

// flush puts the roll-ups so far into batches and begins anew. next returns the
// batch that the next ones go into.
func (l *ledger) flush(ctx context.Context, rating int, next func() (*batch, error)) error {
	for key, sum := range l.rollups.sums {
		id, err := l.rollupIDs.take(ctx, int64(len(sum.buys)))
		if err != nil {
			return err
		}
		b, err := next()
		if err != nil {
			return err
		}
		if err := sum.addTo(b.rollups, id, rating, &key); err != nil {
			return err
		}
	}
	clear(l.rollups.sums)
	return nil
}
