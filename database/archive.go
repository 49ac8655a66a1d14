package database

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/pricing"
)

// Archivists returns the organizations that have imported usage of a month or an
// earlier one whose lines are still there.
func (tx *Tx) Archivists(ctx context.Context, through pricing.Month) ([]uuid.UUID, error) {
	s := tx.db.statement()
	s.write("SELECT DISTINCT CAST(d.organization_id AS TEXT) FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.archived_at IS NULL AND d.month <= ",
		s.arg(through.String()))
	ids, err := tx.ids(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("list importers: %w", err)
	}
	return ids, nil
}

// Archivable returns the datasets of an importing organization, at most n, of a
// month or an earlier one that count and whose lines nobody needs any more: it has
// closed the month, and so has everybody who sells the usage on.
func (tx *Tx) Archivable(ctx context.Context, importer uuid.UUID, through pricing.Month, n int) ([]int64, error) {
	const closed = "SELECT 1 FROM billing_months b WHERE b.status = 'CLOSED' AND b.month = d.month AND b.seller_id = "
	s := tx.db.statement()
	s.write("SELECT d.id FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.archived_at IS NULL AND d.organization_id = ", s.arg(importer),
		" AND d.month <= ", s.arg(through.String()), " AND EXISTS (", closed, "d.organization_id)",
		` AND NOT EXISTS (
			SELECT 1 FROM cost_rollups c WHERE c.dataset_id = d.id AND c.rating = d.rating AND c.customer_id IS NOT NULL
				AND NOT EXISTS (`, closed, `c.organization_id)) ORDER BY d.id LIMIT `, s.arg(n))
	return tx.datasets(ctx, s)
}

// Unloadable returns the archived datasets whose lines are still there.
func (tx *Tx) Unloadable(ctx context.Context) ([]int64, error) {
	s := tx.db.statement()
	s.write(`SELECT d.id FROM usage_datasets d WHERE d.archived_at IS NOT NULL
		AND EXISTS (SELECT 1 FROM usage_lines l WHERE l.dataset_id = d.id) ORDER BY d.id`)
	return tx.datasets(ctx, s)
}

func (tx *Tx) datasets(ctx context.Context, s *statement) ([]int64, error) {
	var ids []int64
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list datasets: %w", err)
	}
	return ids, nil
}

// UnloadLines deletes the lines of an archived dataset, and what they cost on each
// edge, in short transactions. Its daily roll-ups stay. What is left if it breaks
// off can be unloaded again.
func (db *DB) UnloadLines(ctx context.Context, dataset int64) error {
	const its = `dataset_id IN (SELECT d.id FROM usage_datasets d WHERE d.id = $1 AND d.archived_at IS NOT NULL)`
	for _, table := range []string{"rated_lines", "usage_lines"} {
		if err := db.unload(ctx, table, its, dataset); err != nil {
			return err
		}
	}
	return nil
}

// checkKept returns CONFLICT if lines of usage in months that an organization
// pays for are archived.
func (tx *Tx) checkKept(ctx context.Context, tier uuid.UUID, months ...string) error {
	s := tx.db.statement()
	s.write("SELECT COALESCE(MIN(d.month), '') FROM usage_datasets d WHERE d.archived_at IS NOT NULL AND d.month IN (", list(s, months), ")",
		" AND EXISTS (SELECT 1 FROM cost_rollups c WHERE c.dataset_id = d.id AND c.rating = d.rating AND c.organization_id = ", s.arg(tier), ")")
	month, err := tx.oneMonth(ctx, s)
	if err != nil {
		return fmt.Errorf("look for archived usage: %w", err)
	}
	if month.IsZero() {
		return nil
	}
	return fault.New(fault.Conflict, "the lines of %s are archived: its sums by day are kept, and nothing that tags tell", month).With("month", month.String())
}
