package usage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/meteringrate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/typeid"
)

// MeteringRate is what one of a unit costs, or how many units one of a SKU is, from
// an instant on.
type MeteringRate struct {
	Rate money.Decimal
	// EffectiveFrom is nil for the first, which holds since ever.
	EffectiveFrom *time.Time
}

// latest returns rates as they are told, the latest first: 20, or as many as are
// asked for, from 1 to 100.
func latest(rates metering.Rates, first *int) ([]*MeteringRate, error) {
	window, err := page.Args{First: first}.Window()
	if err != nil {
		return nil, err
	}
	told := []*MeteringRate{}
	for i := len(rates) - 1; i >= 0 && len(told) < window.Size; i-- {
		rate := &MeteringRate{Rate: rates[i].Amount}
		if from := rates[i].From; !from.IsZero() {
			rate.EffectiveFrom = &from
		}
		told = append(told, rate)
	}
	return told, nil
}

// rated is what a rate is of: a unit or a SKU.
type rated struct {
	organization uuid.UUID
	unit, sku    *uuid.UUID
}

// setRate adds a rate from an instant on, nil for now. The caller has locked the
// usage and what the rate is of.
func setRate(ctx context.Context, tx *database.Tx, of rated, amount money.Decimal, from *time.Time) error {
	next := metering.Rate{Amount: amount, From: tx.Now().UTC().Truncate(time.Microsecond)}
	if from != nil {
		next.From = from.UTC().Truncate(time.Microsecond)
	}
	rates, err := of.rates(ctx, tx.Client)
	if err != nil {
		return err
	}
	if err := rates.CheckNext(next); err != nil {
		return err
	}
	if len(rates) >= maxRateCount {
		return fault.New(fault.LimitExceeded, "a history has at most %d rates", maxRateCount)
	}
	closed, err := tx.ClosedThrough(ctx, of.organization)
	if err != nil {
		return err
	}
	if month := pricing.MonthOf(next.From); month <= closed {
		return fault.New(fault.PeriodClosed, "%s is closed: a rate begins in a later month", month).With("month", month.String())
	}
	return addRate(ctx, tx, of, next)
}

// rates returns those of one unit or SKU.
func (r rated) rates(ctx context.Context, client *ent.Client) (metering.Rates, error) {
	if r.unit != nil {
		rates, err := ratesOfUnits(ctx, client, []uuid.UUID{*r.unit})
		return rates[*r.unit], err
	}
	rates, err := ratesOfSKUs(ctx, client, []uuid.UUID{*r.sku})
	return rates[*r.sku], err
}

// addRate writes a rate.
func addRate(ctx context.Context, tx *database.Tx, of rated, rate metering.Rate) error {
	create := tx.MeteringRate.Create().
		SetID(tx.NewID()).SetOrganizationID(of.organization).SetNillableUnitID(of.unit).SetNillableSkuID(of.sku).
		SetRate(rate.Amount.String()).SetCreatedAt(tx.Now())
	if !rate.From.IsZero() {
		create.SetEffectiveFrom(rate.From)
	}
	if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
		create.SetActorID(uuid.UUID(actor))
	}
	row, err := create.Save(ctx)
	if err != nil {
		return fmt.Errorf("add rate: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.MeteringRate, ID: row.ID, Organization: of.organization, After: row})
	return nil
}

// ratesOfUnits returns the rates of units.
func ratesOfUnits(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]metering.Rates, error) {
	rows, err := client.MeteringRate.Query().Where(meteringrate.UnitIDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load rates: %w", err)
	}
	return history(rows, func(row *ent.MeteringRate) uuid.UUID { return *row.UnitID })
}

// ratesOfSKUs returns the rates of SKUs.
func ratesOfSKUs(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]metering.Rates, error) {
	rows, err := client.MeteringRate.Query().Where(meteringrate.SkuIDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load rates: %w", err)
	}
	return history(rows, func(row *ent.MeteringRate) uuid.UUID { return *row.SkuID })
}

// history returns the rates of each thing in the order in which they begin.
func history(rows []*ent.MeteringRate, of func(*ent.MeteringRate) uuid.UUID) (map[uuid.UUID]metering.Rates, error) {
	rates := map[uuid.UUID]metering.Rates{}
	for _, row := range rows {
		amount, err := money.Parse(row.Rate)
		if err != nil {
			return nil, fmt.Errorf("read rate %s: %w", row.ID, err)
		}
		rate := metering.Rate{Amount: amount}
		if row.EffectiveFrom != nil {
			rate.From = row.EffectiveFrom.UTC()
		}
		rates[of(row)] = append(rates[of(row)], rate)
	}
	for _, its := range rates {
		slices.SortFunc(its, func(a, b metering.Rate) int { return a.From.Compare(b.From) })
	}
	return rates, nil
}
