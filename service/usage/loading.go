package usage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// Bounds of a file, so that memory does not grow with it.
const (
	// maxName bounds, in bytes, the texts that rows are told apart by.
	maxName = 200
	// maxDatasets bounds billing accounts times months.
	maxDatasets = 10_000
	// maxSubAccounts bounds how many are remembered, to say when their usage came.
	maxSubAccounts = 10_000
	maxCurrencies  = 100
	maxRowErrors   = 100
)

// Bounds of a batch: it ends with the row that reaches one of them.
const (
	batchLines   = 2000
	batchRollups = 5000
	batchBytes   = 2 << 20 // of the decompressed file
)

// batch is what one transaction loads.
type batch struct {
	datasets, lines, rated, rollups *database.Rows
	reached                         Progress
}

func newBatch() *batch {
	return &batch{
		datasets: database.NewRows("usage_datasets",
			"id", "import_id", "organization_id", "provider", "billing_account_id", "month", "corrects", "status"),
		lines: database.NewRows("usage_lines",
			"id", "dataset_id", "line", "month", "charge_period_start", "charge_period_end", "provider", "service", "sku", "region", "sub_account_id", "resource_id",
			"charge_category", "charge_class", "price_month", "description", "billed_cost", "list_cost", "currency",
			"quantity", "unit", "tags", "extra"),
		rated: database.NewRows("rated_lines",
			"id", "dataset_id", "rating", "usage_line_id", "position", "month", "seller_id", "buyer_id", "owner_id", "group_id",
			"attributed", "multiplier_id", "amount"),
		rollups: database.NewRows("cost_rollups",
			"id", "dataset_id", "rating", "organization_id", "customer_id", "owner_id", "group_id", "day", "provider", "service",
			"sku", "region", "charge_category", "currency", "buy", "sell", "lines"),
	}
}

// source is what a dataset states the usage of.
type source struct {
	provider, billingAccount string
	month                    pricing.Month
}

// loading is an import on its way: it reads the file and turns it into batches.
type loading struct {
	id       uuid.UUID
	importer uuid.UUID
	plan     plan
	reader   *focus.Reader
	options  Options
	ledger   *ledger

	// closed is the last month that is closed, where rows of closed months are
	// compared with what counts of these; zero where they are not. Their datasets
	// are only for that.
	closed   pricing.Month
	datasets map[source]int64
	// subAccounts are those of the rows, at most maxSubAccounts of them.
	subAccounts map[string]bool
	totals      money.Totals
	// currencies is how many the totals have.
	currencies map[string]bool

	read, stored, unattributed, bad int
	rowErrors                       []RowError
	hash                            [32]byte

	datasetIDs, lineIDs *sequence

	batch      *batch
	batchBegan int64 // as bytes says
	// corrected is how long the texts of corrections are.
	corrected int64
	// most is how many lines a batch has.
	most int
}

func newLoading(db *database.DB, row *ent.UsageImport, p plan, reader *focus.Reader, o Options, most int) *loading {
	return &loading{
		id: row.ID, importer: row.OrganizationID, plan: p, reader: reader, options: o,
		ledger:   newLedger(db, p.rater, maxRollups),
		datasets: map[source]int64{}, subAccounts: map[string]bool{},
		currencies: map[string]bool{},
		datasetIDs: &sequence{db: db, table: "usage_datasets"},
		lineIDs:    &sequence{db: db, table: "usage_lines"},
		batch:      newBatch(), most: most,
	}
}

// progress tells whoever wants to know.
func (l *loading) progress(p Progress) {
	if l.options.Progress != nil {
		l.options.Progress(p)
	}
}

// readAll reads the file to its end and passes batches on.
func (l *loading) readAll(ctx context.Context, pass func(*batch) error) error {
	for {
		row, err := l.reader.Next()
		if errors.Is(err, io.EOF) {
			return l.finish(ctx, pass)
		}
		if err == nil {
			err = l.named(l.add(ctx, &row))
		}
		if err := l.count(err); err != nil {
			return err
		}
		if err := l.flush(ctx, pass); err != nil {
			return err
		}
	}
}

// named returns the error with the name that the file gives the column it is
// about.
func (l *loading) named(err error) error {
	var bad *focus.RowError
	if errors.As(err, &bad) {
		bad.Column = l.reader.Column(bad.Column)
	}
	return err
}

// flush passes on what has become large enough.
func (l *loading) flush(ctx context.Context, pass func(*batch) error) error {
	if l.ledger.full() {
		if err := l.flushRollups(ctx, pass); err != nil {
			return err
		}
	}
	if l.batch.lines.Len() < l.most && l.bytes()-l.batchBegan < batchBytes {
		return nil
	}
	return l.pass(pass)
}

// bytes returns how much of the decompressed file was read and how long the
// corrections are that it led to.
func (l *loading) bytes() int64 { return l.reader.ContentBytes() + l.corrected }

// count counts a row that was read with this error, and returns the error
// unless it is about a row that may be skipped.
func (l *loading) count(err error) error {
	l.read++
	var bad *focus.RowError
	if !errors.As(err, &bad) || !l.options.SkipBadRows {
		return err
	}
	l.bad++
	if len(l.rowErrors) < maxRowErrors {
		l.rowErrors = append(l.rowErrors, RowError{Line: bad.Line, Column: bad.Column, Message: bad.Message})
	}
	return nil
}

// pass hands the batch on and begins the next.
func (l *loading) pass(pass func(*batch) error) error {
	l.batch.reached = Progress{Format: l.reader.Format(), Rows: l.read, Bytes: l.reader.BytesRead()}
	if err := pass(l.batch); err != nil {
		return err
	}
	l.batch = newBatch()
	l.batchBegan = l.bytes()
	return nil
}

// finish passes on what is left of the file and checks the sums.
func (l *loading) finish(ctx context.Context, pass func(*batch) error) error {
	l.hash, _ = l.reader.ContentHash()
	return l.passAll(ctx, pass)
}

// passAll passes on what is left and checks the sums.
func (l *loading) passAll(ctx context.Context, pass func(*batch) error) error {
	for _, total := range l.totals.Amounts() {
		if err := money.CheckAmount(total.Decimal); err != nil {
			return tooLarge(string(total.Currency))
		}
	}
	if err := l.flushRollups(ctx, pass); err != nil {
		return err
	}
	return l.pass(pass)
}

// add puts a row with its prices into the batch. A *focus.RowError leaves
// everything as it was.
func (l *loading) add(ctx context.Context, row *focus.Row) error {
	if err := checkNames(row); err != nil {
		return err
	}
	month := pricing.MonthOf(row.BillingPeriodStart)
	if month <= l.closed {
		return l.setAside(ctx, row, month)
	}
	o := l.plan.attribution.ownerOf(row)
	if err := l.ledger.rate(row, o, priceMonth(row)); err != nil {
		return err
	}
	dataset, err := l.dataset(ctx, row, month)
	if err != nil {
		return err
	}
	return l.enter(ctx, place{dataset: dataset, month: month}, row, o)
}

// place is where a row belongs.
type place struct {
	dataset int64
	month   pricing.Month
	// price is by which month it is priced; noMonth if it says that itself.
	price pricing.Month
}

// noMonth is none of those that there are.
const noMonth pricing.Month = 0

// enter puts a row into the batch with the prices that were found last.
func (l *loading) enter(ctx context.Context, in place, row *focus.Row, o *owner) error {
	if err := l.total(row); err != nil {
		return err
	}
	id, err := l.lineIDs.take(ctx, 1)
	if err != nil {
		return err
	}
	l.batch.addLine(id, in.dataset, in.month, in.price, row)
	e := entry{dataset: in.dataset, rating: firstRating, line: id, month: in.month}
	if err := l.ledger.enter(ctx, l.batch, e, row, o); err != nil {
		return err
	}
	l.stored++
	if !l.subAccounts[row.SubAccountID] && len(l.subAccounts) < maxSubAccounts {
		l.subAccounts[strings.Clone(row.SubAccountID)] = true
	}
	if !o.attributed {
		l.unattributed++
	}
	return nil
}

// firstRating is the number of the rating that an import makes.
const firstRating = 1

// checkNames refuses texts that rows are told apart by and that are too long
// for that.
func checkNames(row *focus.Row) error {
	for _, name := range []struct{ column, value string }{
		{"ServiceProviderName", row.Provider},
		{"BillingAccountId", row.BillingAccountID},
		{"SubAccountId", row.SubAccountID},
		{"ServiceName", row.ServiceName},
		{"SkuId", row.SKU},
		{"RegionId", row.Region},
	} {
		if len(name.value) > maxName {
			return &focus.RowError{Line: row.Line, Column: name.column, Message: fmt.Sprintf("the text is longer than %d bytes", maxName)}
		}
	}
	return nil
}

// dataset returns the dataset of the row's source and makes it if need be.
func (l *loading) dataset(ctx context.Context, row *focus.Row, month pricing.Month) (int64, error) {
	s := source{provider: row.Provider, billingAccount: row.BillingAccountID, month: month}
	if id, ok := l.datasets[s]; ok {
		return id, nil
	}
	if len(l.datasets) == maxDatasets {
		return 0, &focus.FileError{Line: row.Line, Message: fmt.Sprintf("the file has more than %d billing accounts and months", maxDatasets)}
	}
	id, err := l.datasetIDs.take(ctx, 1)
	if err != nil {
		return 0, err
	}
	s.provider, s.billingAccount = strings.Clone(s.provider), strings.Clone(s.billingAccount)
	l.datasets[s] = id
	l.batch.datasets.Add(id, l.id, l.importer, s.provider, s.billingAccount, month.String(), noMonth.String(), "LOADING")
	return id, nil
}

// total adds the row to the sums of the import.
func (l *loading) total(row *focus.Row) error {
	currency := row.BillingCurrency
	if !l.currencies[currency] {
		if len(l.currencies) == maxCurrencies {
			return &focus.FileError{Line: row.Line, Message: fmt.Sprintf("the file has more than %d currencies", maxCurrencies)}
		}
		currency = strings.Clone(currency)
		l.currencies[currency] = true
	}
	l.totals.Add(money.Amount{Decimal: row.BilledCost, Currency: money.Currency(currency)})
	return nil
}

// addLine puts a row into the batch as it is stored. It says by which month it is
// priced itself if price is noMonth.
func (b *batch) addLine(id, dataset int64, month, price pricing.Month, row *focus.Row) {
	b.lines.Add(
		id, dataset, int64(row.Line), month.String(),
		row.ChargePeriodStart, row.ChargePeriodEnd, row.Provider, row.ServiceName, row.SKU, row.Region, row.SubAccountID,
		row.ResourceID, row.ChargeCategory, row.ChargeClass, monthCell(price), row.ChargeDescription,
		row.BilledCost.String(), amountCell(row.ListCost), row.BillingCurrency,
		amountCell(row.PricingQuantity), row.PricingUnit, tagsDocument(row.Tags), extraDocument(row),
	)
}

// monthCell returns a month as a cell, NULL for none.
func monthCell(m pricing.Month) any {
	if m.IsZero() {
		return nil
	}
	return m.String()
}

// amountCell returns an amount as a cell.
func amountCell(d focus.NullDecimal) any {
	if !d.Valid {
		return nil
	}
	return d.Decimal.String()
}

// flushRollups passes the roll-ups so far on and begins anew. Roll-ups of the
// same facts may follow: readers add them up.
func (l *loading) flushRollups(ctx context.Context, pass func(*batch) error) error {
	return l.ledger.flush(ctx, firstRating, func() (*batch, error) {
		if l.batch.rollups.Len() < batchRollups {
			return l.batch, nil
		}
		err := l.pass(pass)
		return l.batch, err
	})
}

// tooLarge refuses a file whose costs add up to what no amount can hold.
func tooLarge(currency string) error {
	return &focus.FileError{Message: fmt.Sprintf("the costs in %s add up to more digits than an amount has", currency)}
}

// sequence hands out ascending ids of a table.
type sequence struct {
	db        *database.DB
	table     string
	next, end int64
}

// reserved is how many ids are taken from the database at a time, so that the
// counter is touched rarely. What an import leaves over is never used.
const reserved = 10_000

// hold takes n ids ahead, so that as many are handed out without the database.
func (s *sequence) hold(ctx context.Context, n int64) error {
	first, err := s.db.ReserveIDs(ctx, s.table, n)
	if err != nil {
		return err
	}
	s.next, s.end = first, first+n
	return nil
}

// take returns the first of n consecutive ids.
func (s *sequence) take(ctx context.Context, n int64) (int64, error) {
	if s.next+n > s.end {
		block := max(n, reserved)
		first, err := s.db.ReserveIDs(ctx, s.table, block)
		if err != nil {
			return 0, err
		}
		s.next, s.end = first, first+block
	}
	first := s.next
	s.next += n
	return first, nil
}
