package database

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// RatedDatasets are the datasets that lines come from, by id, with the rating of
// each that counts.
type RatedDatasets map[int64]int

// RatedDatasets returns the datasets that have lines of a query. The conditions of
// its filter are not looked at.
func (tx *Tx) RatedDatasets(ctx context.Context, q CostLineQuery) (RatedDatasets, error) {
	if err := tx.checkKept(ctx, q.Scope.Tier, q.Month.String()); err != nil {
		return nil, err
	}
	s := tx.db.statement()
	s.write("SELECT DISTINCT d.id, d.rating FROM cost_rollups c", counting("c"),
		" WHERE c.organization_id = ", s.arg(q.Scope.Tier), " AND d.month = ", s.arg(q.Month.String()))
	if q.Scope.Customer != nil {
		s.write(" AND c.customer_id = ", s.arg(*q.Scope.Customer))
	}
	return tx.ratedDatasets(ctx, s)
}

// StillCounts reports whether datasets still count with the same ratings.
func (tx *Tx) StillCounts(ctx context.Context, datasets RatedDatasets) (bool, error) {
	const atOnce = 10_000
	ids := make([]int64, 0, len(datasets))
	for id := range datasets {
		ids = append(ids, id)
	}
	for some := range slices.Chunk(ids, atOnce) {
		s := tx.db.statement()
		s.write("SELECT d.id, d.rating FROM usage_datasets d WHERE d.status = 'ACTIVE' AND d.id IN (", list(s, some), ")")
		now, err := tx.ratedDatasets(ctx, s)
		if err != nil {
			return false, err
		}
		for _, id := range some {
			if now[id] != datasets[id] {
				return false, nil
			}
		}
	}
	return true, nil
}

func (tx *Tx) ratedDatasets(ctx context.Context, s *statement) (RatedDatasets, error) {
	datasets := RatedDatasets{}
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var id int64
		var rating int
		err := rows.Scan(&id, &rating)
		datasets[id] = rating
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find datasets: %w", err)
	}
	return datasets, nil
}

// ExportLine is a line of usage with everything that is stored of it. What of it
// may be told to whom is for the caller to decide.
type ExportLine struct {
	CostLine

	Dataset int64
	Rating  int
	// Seller is nil for the provider.
	Seller *uuid.UUID
	// Basis is that of the rule that made the price, "" for none.
	Basis pricing.Basis

	BillingAccountID string
	SubAccountID     string
	ResourceID       string
	// ListCost and Quantity are nil where the provider states none.
	ListCost *string
	Quantity *string
	Unit     string
	// Tags and Extra are JSON objects of texts; Extra is what has no column.
	Tags  string
	Extra string
}

// ExportLines returns the next lines of a query in the order in which they came
// in, at most n.
func (tx *Tx) ExportLines(ctx context.Context, q CostLineQuery, after int64, n int) ([]ExportLine, error) {
	if err := tx.keepJoinOrder(ctx); err != nil {
		return nil, err
	}
	s := tx.db.statement()
	s.write(`SELECT l.id, p.position, l.charge_period_start, l.charge_period_end, l.provider, l.service, l.sku, l.region,
		l.charge_category, l.charge_class, l.description, p.owner_id, p.amount, l.currency,
		p.dataset_id, p.rating, p.seller_id, COALESCE(m.basis, ''), p.billing_account_id, l.sub_account_id, l.resource_id,
		l.list_cost, l.quantity, l.unit, l.tags, l.extra FROM (`)
	s.priced(q, func(column string) {
		s.write(" AND ", column, " > ", s.arg(after), " ORDER BY ", column, " LIMIT ", strconv.Itoa(n))
	})
	s.write(") p JOIN usage_lines l ON l.id = p.line LEFT JOIN billing_multipliers m ON m.id = p.multiplier_id ORDER BY l.id")
	lines := make([]ExportLine, 0, n)
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		line, err := scanExport(rows)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read lines to export: %w", err)
	}
	return lines, nil
}

func scanExport(rows *sql.Rows) (ExportLine, error) {
	var l ExportLine
	var amount string
	var seller uuid.NullUUID
	err := rows.Scan(&l.Line, &l.Position, &l.ChargePeriodStart, &l.ChargePeriodEnd, &l.Facts.Provider, &l.Facts.Service, &l.Facts.SKU,
		&l.Facts.Region, &l.Facts.ChargeCategory, &l.ChargeClass, &l.Description, &l.Owner, &amount, &l.Amount.Currency,
		&l.Dataset, &l.Rating, &seller, &l.Basis, &l.BillingAccountID, &l.SubAccountID, &l.ResourceID,
		&l.ListCost, &l.Quantity, &l.Unit, &l.Tags, &l.Extra)
	if err != nil {
		return ExportLine{}, err
	}
	if seller.Valid {
		l.Seller = &seller.UUID
	}
	utc(&l.ChargePeriodStart, &l.ChargePeriodEnd)
	l.Amount.Decimal, err = money.Parse(amount)
	return l, err
}

func utc(times ...*time.Time) {
	for _, t := range times {
		*t = t.UTC()
	}
}
