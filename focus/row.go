package focus

import (
	"time"

	"github.com/headwater-platform/headwater/money"
)

// The values of Row.ChargeCategory.
const (
	CategoryUsage      = "Usage"
	CategoryPurchase   = "Purchase"
	CategoryTax        = "Tax"
	CategoryCredit     = "Credit"
	CategoryAdjustment = "Adjustment"
)

// ClassCorrection is the one value of Row.ChargeClass that is not null: the row
// corrects a billing period that is closed.
const ClassCorrection = "Correction"

// The values of Row.ChargeFrequency that FOCUS names. Their spelling differs
// between providers and is unified; other texts are kept as they are.
const (
	FrequencyOneTime    = "One-Time"
	FrequencyRecurring  = "Recurring"
	FrequencyUsageBased = "Usage-Based"
)

// The values of Row.PricingCategory that providers' own formats are converted
// to. Those of a FOCUS file are kept as they are.
const (
	pricingStandard  = "Standard"
	pricingDynamic   = "Dynamic"
	pricingCommitted = "Committed"
)

// Row is one charge. A null text is "", a null timestamp does not occur.
type Row struct {
	// Line is the physical line of the file, from 1, on which the record
	// starts. The Writer ignores it.
	Line int

	BilledCost     money.Decimal
	EffectiveCost  NullDecimal
	ListCost       NullDecimal
	ContractedCost NullDecimal
	// BillingCurrency is an ISO 4217 code or the name of a virtual currency:
	// 1 to 16 letters, digits, hyphens and underscores.
	BillingCurrency string

	BillingAccountID   string
	BillingAccountName string
	SubAccountID       string
	SubAccountName     string

	// Periods are in UTC, from the start up to but without the end. A billing
	// period is not empty; a charge period may be a single instant.
	BillingPeriodStart time.Time
	BillingPeriodEnd   time.Time
	ChargePeriodStart  time.Time
	ChargePeriodEnd    time.Time

	ChargeCategory    string
	ChargeClass       string
	ChargeDescription string
	ChargeFrequency   string

	// Provider sells the service (ServiceProviderName, until FOCUS 1.2
	// ProviderName); HostProvider runs what it stands on (HostProviderName,
	// until FOCUS 1.2 PublisherName).
	Provider        string
	HostProvider    string
	InvoiceIssuer   string
	ServiceName     string
	ServiceCategory string

	SKU      string // SkuId
	SKUPrice string // SkuPriceId

	Region           string // RegionId
	RegionName       string
	AvailabilityZone string
	ResourceID       string
	ResourceName     string
	ResourceType     string

	ConsumedQuantity NullDecimal
	ConsumedUnit     string
	PricingQuantity  NullDecimal
	PricingUnit      string
	PricingCategory  string

	// Tags may be shared with other rows and must not be changed. Keys are as
	// written: " org" is not "org".
	Tags map[string]string
	// Extra holds the cells of all other columns that are not null, under the
	// names and in the order of the file; see Reader.ExtraColumns. It may reveal
	// costs.
	Extra []Field
}

// Field is a cell of a column that Row has no field for.
type Field struct {
	Name  string
	Value string
}

// NullDecimal is a decimal that may be null.
type NullDecimal struct {
	Decimal money.Decimal
	Valid   bool // false for null
}

// Some returns d as a NullDecimal that is not null.
func Some(d money.Decimal) NullDecimal { return NullDecimal{Decimal: d, Valid: true} }
