package focus

import (
	"fmt"
	"strings"

	"github.com/headwater-platform/headwater/money"
)

// awsFacts are what a line item says beside the fields of Row.
type awsFacts struct {
	kind, bill, term, product string
	productName               string
	cost, net                 NullDecimal

	reservation       string
	reservedCost      NullDecimal // of usage that a reservation covers
	unusedUpfront     NullDecimal
	unusedRecurring   NullDecimal
	planCost          NullDecimal // of usage that a Savings Plan covers
	committed, usedUp NullDecimal

	// otherwiseBilled and notListed say that BilledCost and ListCost are not
	// those of the file, which are kept then.
	otherwiseBilled, notListed bool
}

// awsLayout converts AWS cost and usage reports: legacy ones with names such as
// lineItem/UnblendedCost, and CUR 2.0 and tables made of legacy ones with names
// such as line_item_unblended_cost. A report is the bill of one payer account
// and month, which AWS delivers in parts.
//
// Periods are those of the bill and of the line item. The category is that of
// the line item type:
//
//   - Usage, DiscountedUsage, SavingsPlanCoveredUsage and SavingsPlanNegation
//     are Usage.
//   - Fee, RIFee, SavingsPlanUpfrontFee, SavingsPlanRecurringFee and
//     subscriptions are Purchase.
//   - Tax is Tax and Credit is Credit.
//   - A Refund is of usage, or of a purchase if it names a reservation: FOCUS
//     counts refunds with what they refund.
//   - BundledDiscount, EdpDiscount, PrivateRateDiscount, RiVolumeDiscount,
//     SppDiscount and whatever else is a row of its own are Adjustment: FOCUS
//     keeps Credit for what is granted, such as promotions.
//
// Refunds, and everything in a bill of the type Refund, are corrections.
//
// Costs:
//
//   - BilledCost is the unblended cost. If the report has discounts as columns
//     (discount/TotalDiscount) instead of rows, it is the net unblended cost.
//   - What a Savings Plan covers has an unblended cost that a
//     SavingsPlanNegation takes back. FOCUS bills the plan alone: both are
//     billed at 0, whoever owns them, and the unblended cost is kept.
//   - EffectiveCost is the billed cost, but for commitments: covered usage has
//     the share that AWS states, an upfront fee 0, and a recurring fee what of
//     the commitment nothing used. FOCUS would put that on a row of its own.
//   - ListCost of usage is the public on-demand cost. It is unknown if that is
//     0 for usage that costs something, as in the marketplace.
//   - ContractedCost is the billed cost, of covered usage the cost without the
//     commitment.
//
// Tags are the columns resourceTags/*, user tags without the prefix user:, or
// the maps resource_tags and tags; names that AWS has changed into
// resource_tags_user_team are taken as they are, as team. ServiceCategory is
// known of common services only; names of sub-accounts only in CUR 2.0.
func awsLayout(has columnSet) *layout {
	f := &awsFacts{}
	_, netting := has.any(aws("discount/TotalDiscount").names)
	products := newMemo()
	return &layout{
		format: FormatAWS,
		origins: []origin{
			aws("lineItem/UnblendedCost").with(f.readCost, billedCost).keepIf(&f.otherwiseBilled),
			aws("lineItem/CurrencyCode").to(billingCurrency),
			aws("bill/PayerAccountId").to("BillingAccountId"),
			aws("bill/PayerAccountName").to("BillingAccountName"),
			aws("lineItem/UsageAccountId").to("SubAccountId"),
			aws("lineItem/UsageAccountName").to("SubAccountName"),
			aws("bill/BillingPeriodStartDate").to("BillingPeriodStart"),
			aws("bill/BillingPeriodEndDate").to(billingPeriodEnd),
			aws("lineItem/UsageStartDate").to("ChargePeriodStart"),
			aws("lineItem/UsageEndDate").to(chargePeriodEnd),
			aws("lineItem/LineItemType").with(f.readKind, "ChargeCategory", "ChargeClass", "ChargeFrequency").keep(),
			aws("lineItem/LineItemDescription").to("ChargeDescription"),
			aws("bill/InvoicingEntity").to("InvoiceIssuerName"),
			aws("product/ProductName").to("ServiceName"),
			aws("product/sku").to("SkuId"),
			aws("pricing/RateCode").to("SkuPriceId"),
			aws("product/regionCode", "product/region").to("RegionId"),
			aws("product/location").to("RegionName"),
			aws("lineItem/AvailabilityZone").to("AvailabilityZone"),
			aws("lineItem/ResourceId").to("ResourceId"),
			aws("lineItem/UsageAmount").to("PricingQuantity"),
			aws("pricing/unit").to("PricingUnit"),
			aws("pricing/publicOnDemandCost").to("ListCost").keepIf(&f.notListed),
			from("resource_tags", "tags").with(awsTagMap, tagsColumn),

			aws("lineItem/ProductCode").fact(&f.product),
			from("product").with(f.readProduct(products)).keep(),
			aws("bill/BillType").fact(&f.bill),
			aws("pricing/term").fact(&f.term),
			aws("lineItem/NetUnblendedCost").amount(&f.net),
			aws("reservation/ReservationARN").fact(&f.reservation),
			aws("reservation/EffectiveCost").amount(&f.reservedCost),
			aws("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod").amount(&f.unusedUpfront),
			aws("reservation/UnusedRecurringFee").amount(&f.unusedRecurring),
			aws("savingsPlan/SavingsPlanEffectiveCost").amount(&f.planCost),
			aws("savingsPlan/TotalCommitmentToDate").amount(&f.committed),
			aws("savingsPlan/UsedCommitment").amount(&f.usedUp),
		},
		constants: map[string]string{
			"ServiceProviderName": "AWS", "HostProviderName": "AWS", "InvoiceIssuerName": "AWS",
		},
		tag:    awsTag,
		reset:  func() { *f = awsFacts{} },
		settle: func(r *Row) *RowError { return f.settle(r, netting) },
	}
}

// aws begins a line of the table: columns under the names of legacy reports and
// of CUR 2.0.
func aws(legacy ...string) origin {
	var names []string
	for _, name := range legacy {
		names = append(names, name, snake(name))
	}
	return from(names...)
}

// snake returns the name that a column of a legacy report has in CUR 2.0:
// savingsPlan/SavingsPlanARN is savings_plan_savings_plan_a_r_n.
func snake(legacy string) string {
	var b strings.Builder
	first := true
	for _, c := range legacy {
		upper := c >= 'A' && c <= 'Z'
		switch {
		case c == '/':
			b.WriteByte('_')
		case upper && !first:
			b.WriteByte('_')
			fallthrough
		default:
			b.WriteString(strings.ToLower(string(c)))
		}
		first = c == '/'
	}
	return b.String()
}

// The line item types that are more than a category, in lower case.
const (
	awsUsage         = "usage"
	awsReserved      = "discountedusage"
	awsPlanned       = "savingsplancoveredusage"
	awsNegation      = "savingsplannegation"
	awsFee           = "fee"
	awsReservedFee   = "rifee"
	awsPlanUpfront   = "savingsplanupfrontfee"
	awsPlanRecurring = "savingsplanrecurringfee"
	awsRefund        = "refund"
)

// awsCategory returns the category of a line item type, "" if it is unknown.
func awsCategory(kind string) string {
	switch kind {
	case awsUsage, awsReserved, awsPlanned, awsNegation, awsRefund:
		return CategoryUsage
	case awsFee, awsReservedFee, awsPlanUpfront, awsPlanRecurring:
		return CategoryPurchase
	case "tax":
		return CategoryTax
	case "credit":
		return CategoryCredit
	}
	return ""
}

// awsFrequency returns how often there is a charge of a line item type.
func awsFrequency(kind string) string {
	switch kind {
	case awsUsage, awsReserved, awsPlanned, awsNegation:
		return FrequencyUsageBased
	case awsFee, awsPlanUpfront:
		return FrequencyOneTime
	case awsReservedFee, awsPlanRecurring:
		return FrequencyRecurring
	}
	return ""
}

func (f *awsFacts) readCost(_ *memo, r *Row, cell string) (err error) {
	r.BilledCost, err = parseAmount(cell)
	f.cost = Some(r.BilledCost)
	return err
}

func (f *awsFacts) readKind(_ *memo, r *Row, cell string) (err error) {
	f.kind = strings.ToLower(cell)
	r.ChargeFrequency = awsFrequency(f.kind)
	if strings.HasSuffix(f.kind, "subscription") && isWord(cell) {
		r.ChargeCategory, r.ChargeFrequency = CategoryPurchase, FrequencyRecurring
		return nil
	}
	r.ChargeCategory, err = orAdjustment(awsCategory(f.kind), cell)
	return err
}

// readProduct reads the map of product attributes of CUR 2.0.
func (f *awsFacts) readProduct(known *memo) func(*memo, *Row, string) error {
	return func(_ *memo, _ *Row, cell string) error {
		product, err := known.tags(cell, parseTags)
		f.productName = product["product_name"]
		return err
	}
}

func (f *awsFacts) settle(r *Row, netting bool) *RowError {
	if netting && f.net.Valid {
		r.BilledCost = f.net.Decimal
	}
	f.settleService(r)
	if f.kind == awsRefund && f.reservation != "" {
		r.ChargeCategory = CategoryPurchase
	}
	if f.kind == awsRefund || strings.EqualFold(f.bill, awsRefund) {
		r.ChargeClass = ClassCorrection
	}
	var bad *RowError
	switch {
	case f.kind == awsRefund || r.ChargeCategory != CategoryUsage && r.ChargeCategory != CategoryPurchase:
		f.notListed = true
		unrelated(r)
	case r.ChargeCategory == CategoryPurchase:
		bad = f.settlePurchase(r)
	default:
		f.settleUsage(r)
	}
	f.otherwiseBilled = f.cost.Valid && !r.BilledCost.Equal(f.cost.Decimal)
	return bad
}

// settleService names the service, which legacy reports have a column for.
func (f *awsFacts) settleService(r *Row) {
	for _, name := range []string{f.productName, f.product} {
		if r.ServiceName == "" {
			r.ServiceName = nullAsEmpty(name)
		}
	}
	if r.ServiceCategory == "" {
		r.ServiceCategory = awsServiceCategory(f.product)
	}
}

func (f *awsFacts) settlePurchase(r *Row) (bad *RowError) {
	f.notListed = true
	unrelated(r)
	upfront := f.kind == awsPlanUpfront || f.kind == awsFee && f.reservation != ""
	switch {
	case upfront:
		r.EffectiveCost = Some(money.Decimal{})
	case f.kind == awsReservedFee:
		r.EffectiveCost, bad = sum("reservation/UnusedRecurringFee", f.unusedUpfront.Decimal.Add(f.unusedRecurring.Decimal))
	case f.kind == awsPlanRecurring:
		r.EffectiveCost, bad = sum("savingsPlan/UsedCommitment", f.committed.Decimal.Sub(f.usedUp.Decimal))
	}
	return bad
}

func (f *awsFacts) settleUsage(r *Row) {
	consumed(r)
	switch f.kind {
	case awsNegation:
		// FOCUS has no such row: it is one of nothing.
		r.BilledCost = money.Decimal{}
		unrelated(r)
		r.PricingQuantity, r.ConsumedQuantity = NullDecimal{}, NullDecimal{}
		r.PricingCategory, f.notListed = pricingCommitted, true
		return
	case awsPlanned:
		r.ContractedCost, r.EffectiveCost = f.cost, f.planCost
		r.BilledCost, r.PricingCategory = money.Decimal{}, pricingCommitted
		return
	case awsReserved:
		r.ContractedCost, r.EffectiveCost = r.ListCost, f.reservedCost
		r.PricingCategory = pricingCommitted
		return
	}
	cost := Some(r.BilledCost)
	r.ContractedCost, r.EffectiveCost = cost, cost
	r.PricingCategory = awsModel(f.term)
	if r.ListCost.Valid && r.ListCost.Decimal.IsZero() && !r.BilledCost.IsZero() {
		r.ListCost, f.notListed = NullDecimal{}, true
	}
}

// awsModel returns the pricing category of a pricing term.
func awsModel(term string) string {
	switch strings.ToLower(term) {
	case "ondemand":
		return pricingStandard
	case "spot":
		return pricingDynamic
	case "reserved":
		return pricingCommitted
	}
	return ""
}

// awsServiceCategory returns the category of a common service by its product
// code, "" for others.
func awsServiceCategory(product string) string {
	switch product {
	case "AmazonEC2", "AWSLambda", "AmazonLightsail", "AmazonECS", "AmazonEKS":
		return "Compute"
	case "AmazonS3", "AmazonGlacier", "AmazonS3GlacierDeepArchive", "AmazonEFS", "AmazonFSx", "AWSBackup":
		return "Storage"
	case "AmazonRDS", "AmazonDynamoDB", "AmazonElastiCache", "AmazonRedshift", "AmazonNeptune", "AmazonDocDB":
		return "Databases"
	case "AmazonVPC", "AWSELB", "AmazonRoute53", "AmazonCloudFront", "AWSDataTransfer", "AWSDirectConnect":
		return "Networking"
	case "AWSGlue", "AmazonAthena", "AmazonKinesis", "ElasticMapReduce":
		return "Analytics"
	case "AWSQueueService", "AmazonSNS", "AWSEvents":
		return "Integration"
	case "AmazonSageMaker", "AmazonBedrock":
		return "AI and Machine Learning"
	case "AmazonCloudWatch", "AWSCloudTrail", "AWSConfig", "AWSSystemsManager":
		return "Management and Governance"
	case "AWSSecretsManager", "awswaf", "AmazonGuardDuty":
		return "Security"
	case "awskms":
		return "Identity"
	}
	return ""
}

// awsTag returns the key of the tag that a column is about.
func awsTag(name string) (key string, ok bool) {
	for _, prefix := range []string{"resourceTags/", "resource_tags_"} {
		if rest, found := strings.CutPrefix(name, prefix); found && rest != "" {
			key = awsTagKey(rest)
			return key, key != ""
		}
	}
	return "", false
}

// awsTagKey returns the key of a tag as its owner wrote it. Those of AWS keep
// their prefix, as FOCUS asks.
func awsTagKey(key string) string {
	key = strings.TrimPrefix(key, "resourceTags/")
	for _, prefix := range []string{"user:", "user_"} {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			return rest
		}
	}
	if rest, ok := strings.CutPrefix(key, "aws_"); ok {
		return "aws:" + rest
	}
	return key
}

// awsTagMap reads the tags of CUR 2.0, a map of its own names.
func awsTagMap(m *memo, r *Row, cell string) (err error) {
	r.Tags, err = m.tags(cell, func(cell string) (map[string]string, error) {
		written, err := parseTags(cell)
		if err != nil {
			return nil, err
		}
		tags := make(map[string]string, len(written))
		for name, value := range written {
			key := awsTagKey(name)
			if _, twice := tags[key]; twice {
				return nil, fmt.Errorf("the tag %.40q comes twice", key)
			}
			tags[key] = value
		}
		return tags, nil
	})
	return err
}
