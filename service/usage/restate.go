package usage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// setAside stores a row of a closed month without prices, to be compared with what
// counts once the file has been read.
func (l *loading) setAside(ctx context.Context, row *focus.Row, month pricing.Month) error {
	dataset, err := l.dataset(ctx, row, month)
	if err != nil {
		return err
	}
	id, err := l.lineIDs.take(ctx, 1)
	if err != nil {
		return err
	}
	l.batch.addLine(id, dataset, month, noMonth, row)
	return nil
}

// restated returns the sources of closed months that the file states, in an order
// that does not depend on it.
func (l *loading) restated() []source {
	var restated []source
	for s := range l.datasets {
		if s.month <= l.closed {
			restated = append(restated, s)
		}
	}
	slices.SortFunc(restated, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.billingAccount, b.billingAccount), cmp.Compare(a.month, b.month))
	})
	return restated
}

// correct compares the closed months that the file states with what is closed of
// them, loads the differences as corrections and deletes the rows that were set
// aside for that.
func (s *Service) correct(ctx context.Context, l *loading) error {
	restated := l.restated()
	if len(restated) == 0 {
		return nil
	}
	var counting map[source][]int64
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		stated, err := statedDatasets(ctx, tx, l)
		if err != nil {
			return err
		}
		if err := checkKept(l, stated); err != nil {
			return err
		}
		counting, err = closedDatasets(l, stated)
		return err
	})
	if err != nil {
		return err
	}
	load := func(b *batch) error { return s.loadBatch(ctx, l, b) }
	for _, of := range restated {
		if err := s.correctSource(ctx, l, of, counting[of], load); err != nil {
			return err
		}
	}
	if err := l.passAll(ctx, load); err != nil {
		return err
	}
	return s.db.UnloadSetAside(ctx, l.id, l.closed)
}

// checkKept returns CONFLICT if the lines of a closed month that the file states
// are archived.
func checkKept(l *loading, stated []*ent.UsageDataset) error {
	for _, d := range stated {
		if l.isClosed(d) && d.ArchivedAt != nil {
			return fault.New(fault.Conflict, "the lines of %s are archived: nothing can be compared with them any more", d.Month).
				With("month", d.Month)
		}
	}
	return nil
}

// isClosed reports whether a dataset is of a month that is closed.
func (l *loading) isClosed(d *ent.UsageDataset) bool { return d.Month <= l.closed.String() }

// closedDatasets returns, by source, those of the stated datasets that are closed.
func closedDatasets(l *loading, stated []*ent.UsageDataset) (map[source][]int64, error) {
	closed := map[source][]int64{}
	for _, d := range stated {
		if !l.isClosed(d) {
			continue
		}
		month, err := pricing.ParseMonth(statedMonth(d))
		if err != nil {
			return nil, fmt.Errorf("read the month of dataset %d: %w", d.ID, err)
		}
		of := source{provider: d.Provider, billingAccount: d.BillingAccountID, month: month}
		closed[of] = append(closed[of], d.ID)
	}
	return closed, nil
}

// comparedAtOnce is after how many comparisons at most an import shows that it is
// alive.
const comparedAtOnce = 20_000

// correctSource loads by how much a closed month of a source differs. That is a
// dataset of its own even without a difference: it says that the file was the last
// to state the month.
func (s *Service) correctSource(ctx context.Context, l *loading, of source, counting []int64, load func(*batch) error) error {
	id, err := l.datasetIDs.take(ctx, 1)
	if err != nil {
		return err
	}
	open := l.closed.Next()
	l.batch.datasets.Add(id, l.id, l.importer, of.provider, of.billingAccount, open.String(), of.month.String(), "LOADING")
	compared, corrections := 0, 0
	return s.db.Differences(ctx, l.datasets[of], counting, func(d *database.Difference) error {
		if compared++; compared%comparedAtOnce == 0 {
			if err := l.pass(load); err != nil {
				return err
			}
		}
		if d.IsNone() {
			return nil
		}
		corrections++
		if err := l.correction(ctx, place{dataset: id, month: open}, of, d, corrections); err != nil {
			return err
		}
		return l.flush(ctx, load)
	})
}

// correction puts a difference into the batch, the nth of its source. It is priced
// by the month that priced what it corrects.
func (l *loading) correction(ctx context.Context, in place, of source, d *database.Difference, n int) error {
	row, err := correctionRow(in.month, of, d, n)
	if err != nil {
		return err
	}
	if d.ChargeClass == "" {
		in.price = of.month
	}
	o := l.plan.attribution.ownerOf(row)
	err = l.ledger.rate(row, o, cmp.Or(in.price, priceMonth(row)))
	if bad := (*focus.RowError)(nil); errors.As(err, &bad) { // which names a line, and a correction is none of the file
		return tooLarge(d.Currency)
	}
	if err != nil {
		return err
	}
	l.corrected += int64(len(d.Description) + len(d.Tags) + len(d.ResourceID))
	return l.enter(ctx, in, row, o)
}

// correctionRow returns a difference as a row of a file of the open month would
// state it.
func correctionRow(open pricing.Month, of source, d *database.Difference, n int) (*focus.Row, error) {
	row := &focus.Row{
		Line: n, BilledCost: d.Billed, BillingCurrency: d.Currency, BillingAccountID: of.billingAccount, SubAccountID: d.SubAccountID,
		BillingPeriodStart: open.Start(), BillingPeriodEnd: open.Next().Start(),
		ChargePeriodStart: d.ChargePeriodStart, ChargePeriodEnd: d.ChargePeriodEnd,
		ChargeCategory: d.ChargeCategory, ChargeClass: focus.ClassCorrection, ChargeDescription: d.Description,
		Provider: of.provider, ServiceName: d.Service, SKU: d.SKU, Region: d.Region, ResourceID: d.ResourceID, PricingUnit: d.Unit,
	}
	if d.List != nil {
		row.ListCost = focus.Some(*d.List)
	}
	if d.Quantity != nil {
		row.PricingQuantity = focus.Some(*d.Quantity)
	}
	for _, amount := range []focus.NullDecimal{focus.Some(row.BilledCost), row.ListCost, row.PricingQuantity} {
		if amount.Valid && money.CheckAmount(amount.Decimal) != nil {
			return nil, tooLarge(d.Currency)
		}
	}
	return row, json.Unmarshal([]byte(d.Tags), &row.Tags)
}
