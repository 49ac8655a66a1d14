package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// RateUsage is the kind of job that attributes and prices a dataset again.
const RateUsage = "rate-usage"

// RateUsageJob is what such a job works on.
type RateUsageJob struct {
	Dataset int64 `json:"dataset"`
}

// RatingOf returns the job that brings a dataset to a rating, from a line on.
func RatingOf(organization uuid.UUID, dataset int64, rating int, reached int64) Job {
	return Job{
		Kind: RateUsage, Payload: RateUsageJob{Dataset: dataset}, Organization: organization,
		Key: fmt.Sprintf("%d:%d:%d", dataset, rating, reached),
	}
}

// Repriced says which usage another price makes a difference to.
type Repriced struct {
	// Seller is whose price it is, Path the way from the root down to it.
	Seller uuid.UUID
	Path   orgtree.Path
	// Buyer is nil for all direct customers.
	Buyer    *uuid.UUID
	Selector pricing.Selector
	// First is the first month in which the price is another.
	First pricing.Month
}

// WantRepriced makes the datasets with usage that another price makes a
// difference to wait for another rating, and enqueues it. It waits for imports
// that are being activated, and they for it, so that no usage is missed.
func (tx *Tx) WantRepriced(ctx context.Context, r Repriced) error {
	for _, importer := range r.Path {
		if err := tx.LockUsage(ctx, uuid.UUID(importer)); err != nil {
			return err
		}
	}
	s := tx.db.statement()
	s.write("SELECT d.id FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.month >= ", s.arg(r.First.String()),
		" AND EXISTS (SELECT 1 FROM cost_rollups c WHERE c.dataset_id = d.id AND c.rating = d.rating AND c.organization_id = ", s.arg(r.Seller))
	if r.Buyer != nil {
		s.write(" AND c.customer_id = ", s.arg(*r.Buyer))
	} else {
		s.write(" AND c.customer_id IS NOT NULL")
	}
	for _, named := range []struct{ column, value string }{
		{"c.provider", r.Selector.Provider},
		{"c.service", r.Selector.Service},
		{"c.sku", r.Selector.SKU},
		{"c.region", r.Selector.Region},
		{"c.charge_category", string(r.Selector.ChargeCategory)},
	} {
		if named.value != "" {
			s.write(" AND ", named.column, " = ", s.arg(named.value))
		}
	}
	s.write(")")
	return tx.want(ctx, s)
}

// WantAttributed makes the datasets that an organization imported, of a month and
// later, wait for another rating, and enqueues it. Whose usage is that it metered
// itself is said by the events. The caller has locked the usage.
func (tx *Tx) WantAttributed(ctx context.Context, importer uuid.UUID, first pricing.Month) error {
	s := tx.db.statement()
	s.write("SELECT d.id FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.organization_id = ", s.arg(importer),
		" AND d.part = 0 AND d.month >= ", s.arg(first.String()))
	return tx.want(ctx, s)
}

// WantRated makes the datasets of an import wait for another rating, because
// mappings or prices have changed since it began, or so that the roll-ups of what
// came in bit by bit become one.
func (tx *Tx) WantRated(ctx context.Context, importID uuid.UUID) error {
	s := tx.db.statement()
	s.write("SELECT d.id FROM usage_datasets d WHERE d.import_id = ", s.arg(importID))
	return tx.want(ctx, s)
}

// want asks for another rating of the datasets that a statement finds.
func (tx *Tx) want(ctx context.Context, which *statement) error {
	s := &statement{args: which.args, postgres: which.postgres}
	s.write("UPDATE usage_datasets SET rating_wanted = rating_wanted + 1 WHERE id IN (", which.text.String(),
		") RETURNING organization_id, id, rating_wanted, 0")
	return tx.enqueueRatings(ctx, s)
}

// enqueueRatings enqueues the ratings that a statement finds: importer, dataset,
// number and the last line reached.
func (tx *Tx) enqueueRatings(ctx context.Context, which *statement) error {
	var jobs []Job
	err := tx.each(ctx, which, func(rows *sql.Rows) error {
		var organization uuid.UUID
		var dataset, reached int64
		var rating int
		err := rows.Scan(&organization, &dataset, &rating, &reached)
		jobs = append(jobs, RatingOf(organization, dataset, rating, reached))
		return err
	})
	if err != nil {
		return fmt.Errorf("find ratings: %w", err)
	}
	return tx.EnqueueAll(ctx, jobs)
}

// PricesChangedSince reports whether a price or a mapping of one of the
// organizations has changed after a revision of the journal.
func (tx *Tx) PricesChangedSince(ctx context.Context, revision int64, organizations []uuid.UUID) (bool, error) {
	s := tx.db.statement()
	s.write("SELECT COUNT(*) FROM journal_changes c WHERE c.revision > ", s.arg(revision),
		" AND c.resource_kind IN ('mul', 'map') AND c.organization_id IN (", list(s, organizations), ")")
	var n int
	err := tx.each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&n) })
	if err != nil {
		return false, fmt.Errorf("look for changed prices: %w", err)
	}
	return n > 0, nil
}

// Rating is a rating of a dataset that is being loaded.
type Rating struct {
	Dataset  int64
	Importer uuid.UUID
	Number   int
	// Reached is the last line of usage whose rows and roll-ups it has.
	Reached int64

	claim int64
}

// BeginRating claims the rating that a dataset waits for, from whoever was
// loading it, and goes on where that came to. It returns false if the dataset
// waits for none, or does not count any more.
func (db *DB) BeginRating(ctx context.Context, dataset int64) (Rating, bool, error) {
	r, found, err := db.claimRating(ctx, dataset)
	if err != nil || !found {
		return Rating{}, false, err
	}
	const ahead = `dataset_id = $1 AND usage_line_id > (SELECT rating_reached FROM usage_datasets WHERE id = $1)
		AND rating = (SELECT rating_loading FROM usage_datasets WHERE id = $1)`
	return r, true, db.unload(ctx, "rated_lines", ahead, dataset)
}

func (db *DB) claimRating(ctx context.Context, dataset int64) (r Rating, found bool, err error) {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return Rating{}, false, err
	}
	defer done()
	rows, err := db.pool.QueryContext(ctx, `
		UPDATE usage_datasets SET
			rating_reached = CASE WHEN rating_loading = rating_wanted THEN rating_reached ELSE 0 END,
			rating_loading = rating_wanted, rating_claim = rating_claim + 1
		WHERE id = $1 AND status = 'ACTIVE' AND rating <> rating_wanted
		RETURNING organization_id, rating_loading, rating_reached, rating_claim`, dataset)
	if err != nil {
		return Rating{}, false, fmt.Errorf("claim rating: %w", err)
	}
	r.Dataset, found = dataset, rows.Next()
	if found {
		err = rows.Scan(&r.Importer, &r.Number, &r.Reached, &r.claim)
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return Rating{}, false, fmt.Errorf("claim rating: %w", err)
	}
	return r, found, nil
}

// ErrOvertaken says that a rating is not to be gone on with: another is wanted by
// now, or somebody else has claimed it.
var ErrOvertaken = errors.New("the rating was overtaken")

// LoadRating writes a batch of a rating's rows, in one transaction, and notes
// what it has reached. It returns ErrOvertaken, and writes nothing, if the rating
// is not to be gone on with.
func (db *DB) LoadRating(ctx context.Context, r Rating, rows ...*Rows) error {
	return db.load(ctx, rows, func(tx *sql.Tx) error {
		return goneOn(tx.ExecContext(ctx, `
			UPDATE usage_datasets SET rating_reached = $1
			WHERE id = $2 AND status = 'ACTIVE' AND rating_wanted = $3 AND rating_claim = $4`, r.Reached, r.Dataset, r.Number, r.claim))
	})
}

// goneOn returns ErrOvertaken if a statement has changed no row.
func goneOn(result sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("go on with rating: %w", err)
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("go on with rating: %w", err)
	}
	if changed == 0 {
		return ErrOvertaken
	}
	return nil
}

// ActivateRating makes a rating that has reached the end count in place of the
// one before. It returns ErrOvertaken if it is not to be gone on with.
func (tx *Tx) ActivateRating(ctx context.Context, r Rating) error {
	return goneOn(tx.ExecContext(ctx, `
		UPDATE usage_datasets SET rating = rating_loading, rating_loading = 0, rating_reached = 0
		WHERE id = $1 AND status = 'ACTIVE' AND rating_wanted = $2 AND rating_claim = $3`, r.Dataset, r.Number, r.claim))
}

// UnloadRatings deletes what other ratings than the one that counts and the one
// that is being loaded have left of a dataset, in short transactions.
func (db *DB) UnloadRatings(ctx context.Context, dataset int64) error {
	const left = `dataset_id = $1 AND rating NOT IN (
		SELECT rating FROM usage_datasets WHERE id = $1 UNION ALL SELECT rating_loading FROM usage_datasets WHERE id = $1)`
	for _, table := range []string{"cost_rollups", "rated_lines"} {
		if err := db.unload(ctx, table, left, dataset); err != nil {
			return err
		}
	}
	return nil
}

// StoredLine is a line of usage as far as its owner and its price depend on it.
type StoredLine struct {
	ID                int64
	Line              int
	Month             pricing.Month
	ChargePeriodStart time.Time
	SubAccountID      string
	Facts             pricing.Facts
	ChargeClass       string
	// PriceMonth is zero where class and periods say by which month it is priced.
	PriceMonth pricing.Month
	Currency   string
	BilledCost string
	// ListCost is nil where the provider states none.
	ListCost *string
	// Tags are a JSON object.
	Tags string
	// Owner is whose it is, with the group, where the event that was metered says
	// so.
	Owner, Group uuid.NullUUID
}

// StoredLines returns the next lines of a dataset in the order of their ids, at
// most n.
func (db *DB) StoredLines(ctx context.Context, dataset, after int64, n int) ([]StoredLine, error) {
	rows, err := db.pool.QueryContext(ctx, `
		SELECT l.id, l.line, l.month, l.charge_period_start, l.sub_account_id, l.provider, l.service, l.sku, l.region, l.charge_category,
			l.charge_class, COALESCE(l.price_month, ''), l.currency, l.billed_cost, l.list_cost, l.tags, e.owner_id, e.group_id
		FROM usage_lines l LEFT JOIN usage_events e ON e.usage_line_id = l.id
		WHERE l.dataset_id = $1 AND l.id > $2 ORDER BY l.id LIMIT $3`, dataset, after, n)
	if err != nil {
		return nil, fmt.Errorf("read usage lines: %w", err)
	}
	lines := make([]StoredLine, 0, n)
	for rows.Next() {
		line, err := scanStored(rows)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read usage line: %w", err), rows.Close())
		}
		lines = append(lines, line)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read usage lines: %w", err)
	}
	return lines, nil
}

func scanStored(rows *sql.Rows) (StoredLine, error) {
	var l StoredLine
	var month, price string
	err := rows.Scan(&l.ID, &l.Line, &month, &l.ChargePeriodStart, &l.SubAccountID, &l.Facts.Provider, &l.Facts.Service, &l.Facts.SKU,
		&l.Facts.Region, &l.Facts.ChargeCategory, &l.ChargeClass, &price, &l.Currency, &l.BilledCost, &l.ListCost, &l.Tags, &l.Owner, &l.Group)
	if err != nil {
		return StoredLine{}, err
	}
	l.ChargePeriodStart = l.ChargePeriodStart.UTC()
	if err := l.PriceMonth.UnmarshalText([]byte(price)); err != nil {
		return StoredLine{}, err
	}
	l.Month, err = pricing.ParseMonth(month)
	return l, err
}

// EnqueueRatings enqueues the ratings that are wanted and that no job is about, as
// after one that has failed for good.
func (tx *Tx) EnqueueRatings(ctx context.Context) error {
	s := tx.db.statement()
	s.write(`SELECT organization_id, id, rating_wanted, CASE WHEN rating_loading = rating_wanted THEN rating_reached ELSE 0 END
		FROM usage_datasets WHERE status = 'ACTIVE' AND rating <> rating_wanted`)
	return tx.enqueueRatings(ctx, s)
}

// RatingProgress is how far the ratings have come that an organization's usage
// waits for.
type RatingProgress struct {
	Datasets int
	// Lines is how many lines of usage these have, Done how many of them are
	// rated again.
	Lines, Done int
}

// RatingProgress returns how far the ratings of importing organizations have
// come; those that wait for none are left out.
func (db *DB) RatingProgress(ctx context.Context, importers []uuid.UUID) (map[uuid.UUID]RatingProgress, error) {
	s := db.statement()
	s.write(`SELECT d.organization_id, COUNT(DISTINCT d.id), COUNT(l.id),
			COUNT(CASE WHEN d.rating_loading = d.rating_wanted AND l.id <= d.rating_reached THEN 1 END)
		FROM usage_datasets d LEFT JOIN usage_lines l ON l.dataset_id = d.id
		WHERE d.organization_id IN (`, list(s, importers), `) AND d.status = 'ACTIVE' AND d.rating <> d.rating_wanted
		GROUP BY d.organization_id`)
	rows, err := db.pool.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return nil, fmt.Errorf("count ratings: %w", err)
	}
	progress := map[uuid.UUID]RatingProgress{}
	for rows.Next() {
		var importer uuid.UUID
		var p RatingProgress
		if err := rows.Scan(&importer, &p.Datasets, &p.Lines, &p.Done); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		progress[importer] = p
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("count ratings: %w", err)
	}
	return progress, nil
}
