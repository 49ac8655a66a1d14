package focus

import (
	"time"

	"github.com/headwater-platform/headwater/money"
)

// column is a column of FOCUS that Row has a field for.
type column struct {
	name string // since FOCUS 1.3
	// alias is the name until FOCUS 1.2 where that differs. It is understood,
	// and written.
	alias string
	// mandatory columns are those without which a charge cannot be dated,
	// owned or added up; FOCUS has more of them than providers fill.
	mandatory bool

	read  func(m *memo, r *Row, cell string) error // cell is not null
	write func(r *Row) string                      // "" is null
}

// columns returns all columns in the order in which they are written.
func columns() []column {
	return []column{
		amount(billedCost, func(r *Row) *money.Decimal { return &r.BilledCost }).must(),
		nullable(effectiveCost, func(r *Row) *NullDecimal { return &r.EffectiveCost }),
		nullable("ListCost", func(r *Row) *NullDecimal { return &r.ListCost }),
		nullable("ContractedCost", func(r *Row) *NullDecimal { return &r.ContractedCost }),
		checked(billingCurrency, func(r *Row) *string { return &r.BillingCurrency }, currency).must(),
		text("BillingAccountId", func(r *Row) *string { return &r.BillingAccountID }).must(),
		text("BillingAccountName", func(r *Row) *string { return &r.BillingAccountName }),
		text("SubAccountId", func(r *Row) *string { return &r.SubAccountID }),
		text("SubAccountName", func(r *Row) *string { return &r.SubAccountName }),
		instant("BillingPeriodStart", func(r *Row) *time.Time { return &r.BillingPeriodStart }).must(),
		instant(billingPeriodEnd, func(r *Row) *time.Time { return &r.BillingPeriodEnd }).must(),
		instant("ChargePeriodStart", func(r *Row) *time.Time { return &r.ChargePeriodStart }).must(),
		instant(chargePeriodEnd, func(r *Row) *time.Time { return &r.ChargePeriodEnd }).must(),
		checked("ChargeCategory", func(r *Row) *string { return &r.ChargeCategory }, chargeCategory).must(),
		checked("ChargeClass", func(r *Row) *string { return &r.ChargeClass }, chargeClass),
		text("ChargeDescription", func(r *Row) *string { return &r.ChargeDescription }),
		checked("ChargeFrequency", func(r *Row) *string { return &r.ChargeFrequency }, chargeFrequency),
		text("ServiceProviderName", func(r *Row) *string { return &r.Provider }).must().until12("ProviderName"),
		text("HostProviderName", func(r *Row) *string { return &r.HostProvider }).until12("PublisherName"),
		text("InvoiceIssuerName", func(r *Row) *string { return &r.InvoiceIssuer }),
		text("ServiceName", func(r *Row) *string { return &r.ServiceName }),
		text("ServiceCategory", func(r *Row) *string { return &r.ServiceCategory }),
		text("SkuId", func(r *Row) *string { return &r.SKU }),
		text("SkuPriceId", func(r *Row) *string { return &r.SKUPrice }),
		text("RegionId", func(r *Row) *string { return &r.Region }),
		text("RegionName", func(r *Row) *string { return &r.RegionName }),
		text("AvailabilityZone", func(r *Row) *string { return &r.AvailabilityZone }),
		text("ResourceId", func(r *Row) *string { return &r.ResourceID }),
		text("ResourceName", func(r *Row) *string { return &r.ResourceName }),
		text("ResourceType", func(r *Row) *string { return &r.ResourceType }),
		nullable("ConsumedQuantity", func(r *Row) *NullDecimal { return &r.ConsumedQuantity }),
		text("ConsumedUnit", func(r *Row) *string { return &r.ConsumedUnit }),
		nullable("PricingQuantity", func(r *Row) *NullDecimal { return &r.PricingQuantity }),
		text("PricingUnit", func(r *Row) *string { return &r.PricingUnit }),
		text("PricingCategory", func(r *Row) *string { return &r.PricingCategory }),
		tags(tagsColumn, func(r *Row) *map[string]string { return &r.Tags }),
	}
}

// The columns that the package itself speaks of.
const (
	billedCost       = "BilledCost"
	effectiveCost    = "EffectiveCost"
	billingCurrency  = "BillingCurrency"
	tagsColumn       = "Tags"
	billingPeriodEnd = "BillingPeriodEnd"
	chargePeriodEnd  = "ChargePeriodEnd"
)

// isMandatory reports whether the column of this name is mandatory.
func isMandatory(name string) bool {
	c, ok := columnNamed(name)
	return ok && c.mandatory
}

func (c column) must() column {
	c.mandatory = true
	return c
}

func (c column) until12(alias string) column {
	c.alias = alias
	return c
}

// written returns the name of the column in FOCUS 1.0.
func (c column) written() string {
	if c.alias != "" {
		return c.alias
	}
	return c.name
}

func text(name string, at func(*Row) *string) column {
	return checked(name, at, func(cell string) (string, error) { return cell, nil })
}

// checked is a text that accept refuses or brings into its one spelling.
func checked(name string, at func(*Row) *string, accept func(string) (string, error)) column {
	return column{
		name:  name,
		write: func(r *Row) string { return *at(r) },
		read: func(_ *memo, r *Row, cell string) (err error) {
			*at(r), err = accept(unifyLineBreaks(cell))
			return err
		},
	}
}

func amount(name string, at func(*Row) *money.Decimal) column {
	return column{
		name:  name,
		write: func(r *Row) string { return at(r).String() },
		read: func(_ *memo, r *Row, cell string) (err error) {
			*at(r), err = parseAmount(cell)
			return err
		},
	}
}

func nullable(name string, at func(*Row) *NullDecimal) column {
	return column{
		name: name,
		write: func(r *Row) string {
			if !at(r).Valid {
				return ""
			}
			return at(r).Decimal.String()
		},
		read: func(_ *memo, r *Row, cell string) (err error) {
			n := at(r)
			n.Valid = true
			n.Decimal, err = parseAmount(cell)
			return err
		},
	}
}

func instant(name string, at func(*Row) *time.Time) column {
	return column{
		name:  name,
		write: func(r *Row) string { return at(r).UTC().Format(time.RFC3339Nano) },
		read: func(m *memo, r *Row, cell string) (err error) {
			*at(r), err = m.time(cell, parseTime)
			return err
		},
	}
}

func tags(name string, at func(*Row) *map[string]string) column {
	return column{
		name:  name,
		write: func(r *Row) string { return formatTags(*at(r)) },
		read: func(m *memo, r *Row, cell string) (err error) {
			*at(r), err = m.tags(cell, parseTags)
			return err
		},
	}
}
