package records

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// NewTaxRate returns a stored tax rate as invoicing reads it.
func NewTaxRate(row *ent.TaxRate) (invoicing.TaxRate, error) {
	r := invoicing.TaxRate{
		ID: orgtree.ID(row.ID), Name: row.Name, Buyer: one(row.BuyerID), Country: row.Country, ReverseCharge: row.ReverseCharge,
	}
	var err error
	if r.Percent, err = money.Parse(row.Percent); err != nil {
		return r, fmt.Errorf("read tax rate %s: %w", row.ID, err)
	}
	if r.Months, err = months(row.FirstMonth, row.LastMonth); err != nil {
		return r, fmt.Errorf("read tax rate %s: %w", row.ID, err)
	}
	return r, nil
}

// NewDiscount returns a stored discount as invoicing reads it.
func NewDiscount(row *ent.Discount) (invoicing.Discount, error) {
	d := invoicing.Discount{
		ID: orgtree.ID(row.ID), Label: row.Description, Buyer: one(row.BuyerID), Mode: invoicing.Mode(row.Mode), Currency: money.Currency(row.Currency),
	}
	value, used, err := ValueOf(row)
	if err != nil {
		return d, err
	}
	d.Remaining = value.Sub(used)
	if row.Percent != nil {
		if d.Percent, err = money.Parse(*row.Percent); err != nil {
			return d, fmt.Errorf("read discount %s: %w", row.ID, err)
		}
	}
	if d.Months, err = months(row.FirstMonth, row.LastMonth); err != nil {
		return d, fmt.Errorf("read discount %s: %w", row.ID, err)
	}
	d.Filters, err = Filters(row.Filters)
	return d, err
}

// ValueOf returns how much a stored discount was worth and how much of that
// statements have used; 0 for a rate.
func ValueOf(row *ent.Discount) (value, used money.Decimal, err error) {
	if row.Value == nil {
		return value, used, nil
	}
	if value, err = money.Parse(*row.Value); err == nil {
		used, err = money.Parse(row.ValueUsed)
	}
	if err != nil {
		return value, used, fmt.Errorf("read discount %s: %w", row.ID, err)
	}
	return value, used, nil
}

// Filters returns the filters that are stored as a document.
func Filters(document string) ([]invoicing.Filter, error) {
	filters := []invoicing.Filter{}
	if err := json.Unmarshal([]byte(document), &filters); err != nil {
		return nil, fmt.Errorf("read filters: %w", err)
	}
	return filters, nil
}

// SupportFee is what a seller charges for a support plan from a month on.
type SupportFee struct {
	Plan       string
	Minimum    money.Decimal
	Percent    money.Decimal
	Currency   money.Currency
	FirstMonth pricing.Month
	Version    int
}

// NewSupportFee returns a stored support fee.
func NewSupportFee(row *ent.SupportFee) (SupportFee, error) {
	f := SupportFee{Plan: string(row.Plan), Currency: money.Currency(row.Currency), Version: row.Version}
	var err error
	if f.Minimum, err = money.Parse(row.Minimum); err != nil {
		return f, fmt.Errorf("read support fee %s: %w", row.ID, err)
	}
	if f.Percent, err = money.Parse(row.Percent); err != nil {
		return f, fmt.Errorf("read support fee %s: %w", row.ID, err)
	}
	if f.FirstMonth, err = pricing.ParseMonth(row.FirstMonth); err != nil {
		return f, fmt.Errorf("read support fee %s: %w", row.ID, err)
	}
	return f, nil
}

// one returns the organization that terms name, zero for all.
func one(id *uuid.UUID) orgtree.ID {
	if id == nil {
		return orgtree.ID{}
	}
	return orgtree.ID(*id)
}

func months(first string, last *string) (invoicing.Months, error) {
	var m invoicing.Months
	var err error
	if m.First, err = pricing.ParseMonth(first); err != nil || last == nil {
		return m, err
	}
	m.Last, err = pricing.ParseMonth(*last)
	return m, err
}
