package database

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// ClosedThrough returns the last month that an organization, or one below it, has
// closed as a seller; zero for none. Its usage of that month and of those before
// does not change any more. The caller has locked the usage.
func (tx *Tx) ClosedThrough(ctx context.Context, importer uuid.UUID) (pricing.Month, error) {
	s := tx.db.statement()
	s.write(`SELECT COALESCE(MAX(b.month), '') FROM billing_months b
		JOIN organization_ancestries a ON a.organization_id = b.seller_id WHERE a.ancestor_id = `, s.arg(importer))
	month, err := tx.oneMonth(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("find closed months: %w", err)
	}
	return month, nil
}

// FirstUnclosed returns the first month of which a seller has sold usage and which
// it has not closed; zero for none.
func (tx *Tx) FirstUnclosed(ctx context.Context, seller uuid.UUID) (pricing.Month, error) {
	s := tx.db.statement()
	s.write("SELECT COALESCE(MIN(d.month), '') FROM cost_rollups c", counting("c"), " WHERE c.organization_id = ", s.arg(seller),
		" AND c.customer_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM billing_months b WHERE b.seller_id = ", s.arg(seller), " AND b.month = d.month)")
	month, err := tx.oneMonth(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("find open months: %w", err)
	}
	return month, nil
}

// oneMonth returns the month that a statement returns, zero for "".
func (tx *Tx) oneMonth(ctx context.Context, s *statement) (pricing.Month, error) {
	var text string
	if err := tx.each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&text) }); err != nil || text == "" {
		return 0, err
	}
	return pricing.ParseMonth(text)
}

// HasUsage reports whether usage that one of some organizations has imported
// counts, and AwaitsRating whether some of it of a month has to be rated again.
func (tx *Tx) HasUsage(ctx context.Context, importers []uuid.UUID) (bool, error) {
	s := tx.db.statement()
	s.write("SELECT COUNT(*) FROM (SELECT 1 FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.organization_id IN (", list(s, importers), ") LIMIT 1) x")
	return tx.any(ctx, s)
}

// AwaitsRating reports whether usage of a month that one of some organizations has
// imported has to be rated again.
func (tx *Tx) AwaitsRating(ctx context.Context, importers []uuid.UUID, month pricing.Month) (bool, error) {
	s := tx.db.statement()
	s.write("SELECT COUNT(*) FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.rating <> d.rating_wanted AND d.month = ", s.arg(month.String()),
		" AND d.organization_id IN (", list(s, importers), ")")
	return tx.any(ctx, s)
}

func (tx *Tx) any(ctx context.Context, s *statement) (bool, error) {
	var n int
	err := tx.each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&n) })
	if err != nil {
		return false, fmt.Errorf("look for usage: %w", err)
	}
	return n > 0, nil
}

// Buyers returns the next direct customers that a seller has sold usage of a
// billing month to, by id after one: at most n.
func (tx *Tx) Buyers(ctx context.Context, seller uuid.UUID, month pricing.Month, after uuid.UUID, n int) ([]uuid.UUID, error) {
	s := tx.db.statement()
	s.write("SELECT DISTINCT CAST(c.customer_id AS TEXT) AS buyer FROM cost_rollups c", counting("c"), " WHERE c.organization_id = ", s.arg(seller),
		" AND d.month = ", s.arg(month.String()), " AND c.customer_id > ", s.arg(after), " ORDER BY buyer LIMIT ", s.arg(n))
	ids, err := tx.ids(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("list buyers: %w", err)
	}
	return ids, nil
}

// ids returns the ids that a statement returns, as texts.
func (tx *Tx) ids(ctx context.Context, s *statement) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		id, err := uuid.Parse(text)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// Sold is what a seller charges a buyer for the usage of one SKU.
type Sold struct {
	Buyer          uuid.UUID
	Currency       money.Currency
	Provider       string
	Service        string
	ChargeCategory string
	SKU            string
	Amount         money.Decimal
}

// SoldTo returns what a seller charges buyers for the usage of a billing month, by
// buyer, currency, provider, service, charge category and SKU, in that order.
func (tx *Tx) SoldTo(ctx context.Context, seller uuid.UUID, month pricing.Month, buyers []uuid.UUID) ([]Sold, error) {
	s := tx.db.statement()
	const key = "c.customer_id, c.currency, c.provider, c.service, c.charge_category, c.sku"
	s.write("SELECT CAST(c.customer_id AS TEXT), c.currency, c.provider, c.service, c.charge_category, c.sku, ", tx.db.ExactSum("c.sell"),
		" FROM cost_rollups c", counting("c"), " WHERE c.organization_id = ", s.arg(seller), " AND d.month = ", s.arg(month.String()),
		" AND c.customer_id IN (", list(s, buyers), ") GROUP BY ", key, " ORDER BY ", key)
	var sold []Sold
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var line Sold
		var buyer, amount string
		if err := rows.Scan(&buyer, &line.Currency, &line.Provider, &line.Service, &line.ChargeCategory, &line.SKU, &amount); err != nil {
			return err
		}
		var err error
		if line.Buyer, err = uuid.Parse(buyer); err != nil {
			return err
		}
		line.Amount, err = money.Parse(amount)
		sold = append(sold, line)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum what was sold: %w", err)
	}
	return sold, nil
}
