package focus

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/money"
)

// azureFacts are what a charge says beside the fields of Row.
type azureFacts struct {
	kind string
	// otherwiseBilled says that BilledCost is not that of the file.
	otherwiseBilled bool
}

// azureLayout converts the cost and usage details of Azure: exports of
// Enterprise Agreements and of Microsoft Customer and Partner Agreements. They
// name the columns alike but for the case. A file may hold many subscriptions,
// which are the sub-accounts, and several billing accounts: the enrollment of
// an Enterprise Agreement, the billing profile of the others, since that is
// what an invoice is of. Export whole billing accounts and actual costs.
//
// Dates are as in the United States (9/30/2023) or of ISO 8601, and days, which
// the end of the billing period is part of: the period ends a day later. The
// charge period is the day. The category is that of the charge type: unused
// reservations and plans are Usage, a Refund is a Purchase and a correction, as
// Microsoft has it, and what belongs nowhere else is Adjustment.
//
// Costs:
//
//   - BilledCost is the cost in the billing currency. In amortized exports usage
//     that a reservation or a savings plan covers, and what is unused of it, has
//     a cost that is not billed: it is billed at 0, and the cost is kept. The
//     purchase itself is only in exports of actual costs.
//   - EffectiveCost is the cost in the billing currency, of commitments that are
//     bought 0. It is unknown for covered usage in exports of actual costs.
//   - ListCost of usage is the pay-as-you-go cost, which only Microsoft Customer
//     Agreements state. It is unknown otherwise, since unit prices are not of
//     the unit that the quantity is in.
//   - ContractedCost is the cost, and unknown for covered usage.
//
// The region is in lower case and without spaces, since files write it in
// several ways. What the publisher of a marketplace offer is called, x_PublisherName,
// is not who hosts it.
func azureLayout() *layout {
	f := &azureFacts{}
	return &layout{
		format: FormatAzure,
		origins: []origin{
			from("CostInBillingCurrency").to(billedCost).keepIf(&f.otherwiseBilled),
			from("BillingCurrency", "BillingCurrencyCode").to(billingCurrency),
			from("BillingProfileId", "BillingAccountId").to("BillingAccountId"),
			from("BillingProfileName", "BillingAccountName").to("BillingAccountName"),
			from("SubscriptionId").to("SubAccountId"),
			from("SubscriptionName").to("SubAccountName"),
			from("BillingPeriodStartDate").with(azureBillingStart, "BillingPeriodStart"),
			from("BillingPeriodEndDate").with(azureBillingEnd, billingPeriodEnd),
			from("Date").with(azureDay, "ChargePeriodStart", chargePeriodEnd),
			from("ChargeType").with(f.readKind, "ChargeCategory", "ChargeClass").keep(),
			from("Frequency").with(azureFrequency, "ChargeFrequency"),
			from("ProductName", "Product").to("ChargeDescription"),
			from("PartnerName").to("InvoiceIssuerName"),
			from("MeterCategory", "ConsumedService").to("ServiceName"),
			from("ServiceFamily").with(azureFamily, "ServiceCategory").keep(),
			from("MeterId").to("SkuId"),
			from("PartNumber", "ProductId").to("SkuPriceId"),
			from("ResourceLocation").with(azureRegion, "RegionId", "RegionName"),
			from("AvailabilityZone").to("AvailabilityZone"),
			from("ResourceId", "InstanceId").to("ResourceId"),
			from("ResourceName").to("ResourceName"),
			from("Quantity").to("PricingQuantity"),
			from("UnitOfMeasure").to("PricingUnit"),
			from("PricingModel").with(azureModel, "PricingCategory").keep(),
			from("PaygCostInBillingCurrency").to("ListCost").keep(),
			from("Tags").with(azureTags, tagsColumn),
		},
		constants: map[string]string{
			"ServiceProviderName": "Microsoft", "HostProviderName": "Microsoft", "InvoiceIssuerName": "Microsoft",
		},
		reset:  func() { *f = azureFacts{} },
		settle: f.settle,
	}
}

// The charge types that are more than a category, in lower case.
const (
	azureRefund            = "refund"
	azureUnusedReservation = "unusedreservation"
	azureUnusedPlan        = "unusedsavingsplan"
)

// azureCategory returns the category of a charge type, "" if it is unknown.
func azureCategory(kind string) string {
	switch kind {
	case "usage", azureUnusedReservation, azureUnusedPlan:
		return CategoryUsage
	case "purchase", azureRefund:
		return CategoryPurchase
	case "tax":
		return CategoryTax
	case "credit":
		return CategoryCredit
	}
	return ""
}

func azureFrequency(_ *memo, r *Row, cell string) error {
	switch strings.ToLower(cell) {
	case "usagebased":
		r.ChargeFrequency = FrequencyUsageBased
	case "recurring":
		r.ChargeFrequency = FrequencyRecurring
	case "onetime":
		r.ChargeFrequency = FrequencyOneTime
	}
	return nil
}

func azureModel(_ *memo, r *Row, cell string) error {
	switch strings.ToLower(cell) {
	case "ondemand":
		r.PricingCategory = pricingStandard
	case "spot":
		r.PricingCategory = pricingDynamic
	case "reservation", "savingsplan":
		r.PricingCategory = pricingCommitted
	}
	return nil
}

// azureFamily reads a service family, most of which FOCUS has as categories.
func azureFamily(_ *memo, r *Row, cell string) error {
	switch family := strings.ToLower(cell); family {
	case "compute", "storage", "databases", "networking", "analytics", "integration", "security", "identity", "web", "media":
		r.ServiceCategory = strings.ToUpper(family[:1]) + family[1:]
	case "containers":
		r.ServiceCategory = "Compute"
	case "ai + machine learning":
		r.ServiceCategory = "AI and Machine Learning"
	case "developer tools":
		r.ServiceCategory = "Developer Tools"
	case "internet of things":
		r.ServiceCategory = "Internet of Things"
	case "management and governance":
		r.ServiceCategory = "Management and Governance"
	default:
		r.ServiceCategory = "Other"
	}
	return nil
}

func (f *azureFacts) readKind(_ *memo, r *Row, cell string) (err error) {
	f.kind = strings.ToLower(cell)
	if f.kind == azureRefund {
		r.ChargeClass = ClassCorrection
	}
	r.ChargeCategory, err = orAdjustment(azureCategory(f.kind), cell)
	return err
}

func (f *azureFacts) settle(r *Row) *RowError {
	stated, list := Some(r.BilledCost), r.ListCost
	committed := r.PricingCategory == pricingCommitted
	unrelated(r)
	switch {
	case r.ChargeCategory == CategoryPurchase && committed:
		r.EffectiveCost = Some(money.Decimal{})
	case r.ChargeCategory != CategoryUsage:
	case committed || f.kind == azureUnusedReservation || f.kind == azureUnusedPlan:
		consumed(r)
		r.BilledCost = money.Decimal{}
		r.ListCost, r.ContractedCost = list, NullDecimal{}
		if stated.Decimal.IsZero() {
			r.EffectiveCost = NullDecimal{}
		}
	default:
		consumed(r)
		r.ListCost = list
	}
	f.otherwiseBilled = !r.BilledCost.Equal(stated.Decimal)
	return nil
}

func azureBillingStart(m *memo, r *Row, cell string) (err error) {
	r.BillingPeriodStart, err = m.time(cell, parseDay)
	return err
}

func azureBillingEnd(m *memo, r *Row, cell string) error {
	last, err := m.time(cell, parseDay)
	if err != nil {
		return err
	}
	r.BillingPeriodEnd, err = nextDay(last)
	return err
}

func azureDay(m *memo, r *Row, cell string) (err error) {
	if r.ChargePeriodStart, err = m.time(cell, parseDay); err != nil {
		return err
	}
	r.ChargePeriodEnd, err = nextDay(r.ChargePeriodStart)
	return err
}

// parseDay reads a day as in the United States, or one of ISO 8601 with or
// without the time of day, which does not count.
func parseDay(cell string) (time.Time, error) {
	if !strings.Contains(cell, "/") {
		t, err := parseTime(cell)
		return t.Truncate(24 * time.Hour), err
	}
	t, err := time.Parse("1/2/2006", cell)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a day such as 9/30/2023 (month, day, year) or 2023-09-30", cell)
	}
	return within(t)
}

func azureRegion(_ *memo, r *Row, cell string) error {
	r.RegionName = unifyLineBreaks(cell)
	r.Region = nullAsEmpty(strings.ToLower(strings.ReplaceAll(r.RegionName, " ", "")))
	return nil
}

// azureTags reads tags that are a JSON object, or the inside of one.
func azureTags(m *memo, r *Row, cell string) (err error) {
	r.Tags, err = m.tags(cell, func(cell string) (map[string]string, error) {
		if !strings.HasPrefix(strings.TrimSpace(cell), "{") {
			cell = "{" + cell + "}"
		}
		return parseTags(cell)
	})
	return err
}
