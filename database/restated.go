package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// Difference is by how much the lines of a month that have everything in common
// but their amounts differ between what a file states and what counts.
type Difference struct {
	Service, SKU, Region     string
	SubAccountID, ResourceID string
	ChargeCategory           string
	ChargeClass              string
	Description              string
	ChargePeriodStart        time.Time
	ChargePeriodEnd          time.Time
	Currency, Unit           string
	Tags                     string // a JSON object
	Billed                   money.Decimal
	// List and Quantity are nil where none of the lines has one. A line without a
	// list cost has its billed cost as that.
	List, Quantity *money.Decimal
}

// IsNone reports whether the lines come to the same.
func (d *Difference) IsNone() bool {
	return d.Billed.IsZero() && (d.List == nil || d.List.IsZero()) && (d.Quantity == nil || d.Quantity.IsZero())
}

// identity is what lines have in common that are compared as one. What a line
// corrects that is itself of a correction keeps that class; see usage_lines.price_month.
var identity = []string{ //nolint:gochecknoglobals // constant
	"l.service", "l.sku", "l.region", "l.sub_account_id", "l.resource_id", "l.charge_category",
	"CASE WHEN l.price_month IS NULL THEN l.charge_class ELSE '' END", "l.description", "l.charge_period_start", "l.charge_period_end",
	"l.currency", "l.unit", "l.tags",
}

// Differences tells each by how much the lines of a dataset differ from those of
// others together, in the order in which the lines came in: once for all that have
// everything in common, even if they do not differ, so that the caller knows that
// it goes on. Memory does not grow with the lines.
func (db *DB) Differences(ctx context.Context, stated int64, counting []int64, each func(*Difference) error) error {
	s := db.statement()
	now := "l.dataset_id = " + s.arg(stated)
	columns := append([]string{}, identity...)
	for _, amount := range []string{"l.billed_cost", "COALESCE(l.list_cost, l.billed_cost)", "l.quantity"} {
		columns = append(columns,
			"CAST("+db.ExactSum("CASE WHEN "+now+" THEN "+amount+" END")+" AS TEXT)",
			"CAST("+db.ExactSum("CASE WHEN "+now+" THEN NULL ELSE "+amount+" END")+" AS TEXT)")
	}
	s.write("SELECT ", strings.Join(columns, ", "), ", COUNT(l.list_cost), COUNT(l.quantity) FROM usage_lines l WHERE l.dataset_id IN (",
		list(s, append([]int64{stated}, counting...)), ") GROUP BY ", strings.Join(identity, ", "), " ORDER BY MIN(l.id)")
	rows, err := db.pool.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return fmt.Errorf("compare usage lines: %w", err)
	}
	for rows.Next() {
		d, err := scanDifference(rows)
		if err == nil {
			err = each(&d)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("compare usage lines: %w", err)
	}
	return nil
}

func scanDifference(rows *sql.Rows) (Difference, error) {
	var d Difference
	var sums [6]string
	var lists, quantities int64
	err := rows.Scan(&d.Service, &d.SKU, &d.Region, &d.SubAccountID, &d.ResourceID, &d.ChargeCategory, &d.ChargeClass, &d.Description,
		&d.ChargePeriodStart, &d.ChargePeriodEnd, &d.Currency, &d.Unit, &d.Tags,
		&sums[0], &sums[1], &sums[2], &sums[3], &sums[4], &sums[5], &lists, &quantities)
	if err != nil {
		return Difference{}, fmt.Errorf("compare usage lines: %w", err)
	}
	d.ChargePeriodStart, d.ChargePeriodEnd = d.ChargePeriodStart.UTC(), d.ChargePeriodEnd.UTC()
	var differences [3]money.Decimal
	for i := range differences {
		now, err := money.Parse(sums[2*i])
		if err != nil {
			return Difference{}, fmt.Errorf("compare usage lines: %w", err)
		}
		was, err := money.Parse(sums[2*i+1])
		if err != nil {
			return Difference{}, fmt.Errorf("compare usage lines: %w", err)
		}
		differences[i] = now.Sub(was)
	}
	d.Billed = differences[0]
	if lists > 0 {
		d.List = &differences[1]
	}
	if quantities > 0 {
		d.Quantity = &differences[2]
	}
	return d, nil
}

// UnloadSetAside deletes what an import that is LOADING has loaded of a month and of
// those before, which has no prices, in short transactions. Nothing is loaded into
// these meanwhile.
func (db *DB) UnloadSetAside(ctx context.Context, importID uuid.UUID, through pricing.Month) error {
	const its = `SELECT d.id FROM usage_datasets d JOIN usage_imports i ON i.id = d.import_id
		WHERE d.import_id = $1 AND d.month <= $2 AND i.status = 'LOADING'`
	if err := db.unload(ctx, "usage_lines", "dataset_id IN ("+its+")", importID, through.String()); err != nil {
		return err
	}
	if err := db.execute(ctx, "DELETE FROM usage_datasets WHERE id IN ("+its+")", importID, through.String()); err != nil {
		return fmt.Errorf("unload what was set aside: %w", err)
	}
	return nil
}
