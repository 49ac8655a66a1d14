package focus

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

func awsCells(changes cells) cells {
	return changed(cells{
		"lineItem/UnblendedCost": "1.5", "lineItem/CurrencyCode": "USD", "lineItem/LineItemType": "Usage",
		"bill/PayerAccountId": "111111111111", "bill/BillingPeriodStartDate": "2023-11-01T00:00:00.000Z",
		"bill/BillingPeriodEndDate": "2023-12-01T00:00:00.000Z",
		"lineItem/UsageStartDate":   "2023-11-04T22:00:00.000Z", "lineItem/UsageEndDate": "2023-11-04T23:00:00.000Z",
	}, changes)
}

func awsRow(change func(*Row)) Row {
	cost := Some(money.New(15, 1))
	r := Row{
		Line: 2, BilledCost: cost.Decimal, EffectiveCost: cost, ContractedCost: cost,
		BillingCurrency: "USD", BillingAccountID: "111111111111",
		BillingPeriodStart: date(2023, 11, 1, 0), BillingPeriodEnd: date(2023, 12, 1, 0),
		ChargePeriodStart: date(2023, 11, 4, 22), ChargePeriodEnd: date(2023, 11, 4, 23),
		ChargeCategory: CategoryUsage, ChargeFrequency: FrequencyUsageBased,
		Provider: "AWS", HostProvider: "AWS", InvoiceIssuer: "AWS",
		Extra: []Field{{"lineItem/LineItemType", "Usage"}},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// awsKind changes the row to what another line item type makes of it, but for
// the costs.
func awsKind(kind, category, frequency string) func(*Row) {
	return func(r *Row) {
		r.ChargeCategory, r.ChargeFrequency = category, frequency
		r.ListCost = Some(r.BilledCost)
		r.Extra = []Field{{"lineItem/LineItemType", kind}}
	}
}

func TestAWSNames(t *testing.T) {
	t.Parallel()
	for legacy, want := range map[string]string{
		"lineItem/UnblendedCost":               "line_item_unblended_cost",
		"bill/BillingPeriodStartDate":          "bill_billing_period_start_date",
		"pricing/publicOnDemandCost":           "pricing_public_on_demand_cost",
		"product/sku":                          "product_sku",
		"product/ProductName":                  "product_product_name",
		"savingsPlan/SavingsPlanEffectiveCost": "savings_plan_savings_plan_effective_cost",
		"reservation/ReservationARN":           "reservation_reservation_a_r_n",
	} {
		if got := snake(legacy); got != want {
			t.Errorf("%s is %s, want %s", legacy, got, want)
		}
	}
}

// everyAWSColumn returns a record with all columns that the format reads.
func everyAWSColumn() (cells, Row) {
	row := awsCells(cells{
		"bill/PayerAccountName": "Main", "bill/InvoicingEntity": "Amazon Web Services Canada, Inc.", "bill/BillType": "Anniversary",
		"lineItem/UsageAccountId": "222222222222", "lineItem/UsageAccountName": "Team",
		"lineItem/LineItemDescription": "an hour", "lineItem/ProductCode": "AmazonEC2", "lineItem/ResourceId": "i-1",
		"lineItem/AvailabilityZone": "us-east-1a", "lineItem/UsageAmount": "3", "lineItem/UsageType": "BoxUsage:m5.large",
		"product/ProductName": "Amazon Elastic Compute Cloud", "product/sku": "SKU1", "product/regionCode": "us-east-1",
		"product/region": "us-east-1", "product/location": "US East (N. Virginia)",
		"pricing/RateCode": "SKU1.TERM.RATE", "pricing/unit": "Hrs", "pricing/publicOnDemandCost": "2.0", "pricing/term": "OnDemand",
	})
	return row, awsRow(func(r *Row) {
		r.BillingAccountName, r.InvoiceIssuer = "Main", "Amazon Web Services Canada, Inc."
		r.SubAccountID, r.SubAccountName = "222222222222", "Team"
		r.ChargeDescription, r.ResourceID, r.AvailabilityZone = "an hour", "i-1", "us-east-1a"
		r.ServiceName, r.ServiceCategory = "Amazon Elastic Compute Cloud", "Compute"
		r.SKU, r.SKUPrice, r.Region, r.RegionName = "SKU1", "SKU1.TERM.RATE", "us-east-1", "US East (N. Virginia)"
		r.PricingQuantity, r.PricingUnit, r.PricingCategory = Some(money.FromInt(3)), "Hrs", "Standard"
		r.ConsumedQuantity, r.ConsumedUnit = r.PricingQuantity, r.PricingUnit
		r.ListCost = Some(money.FromInt(2))
	})
}

func TestAWSColumnsUnderBothNames(t *testing.T) {
	t.Parallel()
	row, want := everyAWSColumn()
	want.Extra = []Field{
		{"bill/BillType", "Anniversary"},
		{"lineItem/LineItemType", "Usage"},
		{"lineItem/ProductCode", "AmazonEC2"},
		{"lineItem/UsageType", "BoxUsage:m5.large"},
		{"pricing/term", "OnDemand"},
		{"product/region", "us-east-1"},
	}
	if diff := diffRows([]Row{want}, mustRead(t, file(row), Options{})); diff != "" {
		t.Errorf("legacy: %s", diff)
	}
	later := cells{}
	for name, cell := range row {
		later[snake(name)] = cell
	}
	for i := range want.Extra {
		want.Extra[i].Name = snake(want.Extra[i].Name)
	}
	if diff := diffRows([]Row{want}, mustRead(t, file(later), Options{})); diff != "" {
		t.Errorf("CUR 2.0: %s", diff)
	}
}

func TestAWSLineItems(t *testing.T) {
	t.Parallel()
	adjustment := func(kind string) func(*Row) { return awsKind(kind, CategoryAdjustment, "") }
	zero := Some(money.Decimal{})
	tests := map[string]struct {
		cells cells
		want  func(*Row)
	}{
		"usage":  {nil, nil},
		"tax":    {cells{"lineItem/LineItemType": "Tax"}, awsKind("Tax", CategoryTax, "")},
		"credit": {cells{"lineItem/LineItemType": "Credit"}, awsKind("Credit", CategoryCredit, "")},
		"a refund of usage": {cells{"lineItem/LineItemType": "Refund"}, func(r *Row) {
			awsKind("Refund", CategoryUsage, "")(r)
			r.ChargeClass = ClassCorrection
		}},
		"a refund of a reservation": {
			cells{"lineItem/LineItemType": "Refund", "reservation/ReservationARN": "arn"},
			func(r *Row) {
				awsKind("Refund", CategoryPurchase, "")(r)
				r.ChargeClass = ClassCorrection
				r.Extra = append(r.Extra, Field{"reservation/ReservationARN", "arn"})
			},
		},
		"the tax in a bill of refunds": {
			cells{"lineItem/LineItemType": "Tax", "bill/BillType": "Refund"},
			func(r *Row) {
				awsKind("Tax", CategoryTax, "")(r)
				r.ChargeClass = ClassCorrection
				r.Extra = []Field{{"bill/BillType", "Refund"}, {"lineItem/LineItemType", "Tax"}}
			},
		},
		"a bundled discount":     {cells{"lineItem/LineItemType": "BundledDiscount"}, adjustment("BundledDiscount")},
		"an enterprise discount": {cells{"lineItem/LineItemType": "EdpDiscount"}, adjustment("EdpDiscount")},
		"a reseller's discount":  {cells{"lineItem/LineItemType": "SppDiscount"}, adjustment("SppDiscount")},
		"a private rate":         {cells{"lineItem/LineItemType": "PrivateRateDiscount"}, adjustment("PrivateRateDiscount")},
		"a type of tomorrow":     {cells{"lineItem/LineItemType": "SomethingNew"}, adjustment("SomethingNew")},
		"a fee":                  {cells{"lineItem/LineItemType": "Fee"}, awsKind("Fee", CategoryPurchase, FrequencyOneTime)},
		"a subscription": {
			cells{"lineItem/LineItemType": "FlatRateSubscription"},
			awsKind("FlatRateSubscription", CategoryPurchase, FrequencyRecurring),
		},
		"the upfront fee of a reservation": {
			cells{"lineItem/LineItemType": "Fee", "reservation/ReservationARN": "arn"},
			func(r *Row) {
				awsKind("Fee", CategoryPurchase, FrequencyOneTime)(r)
				r.EffectiveCost = zero
				r.Extra = append(r.Extra, Field{"reservation/ReservationARN", "arn"})
			},
		},
		"the monthly fee of a reservation, partly unused": {
			cells{
				"lineItem/LineItemType": "RIFee", "reservation/UnusedRecurringFee": "0.25",
				"reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "0.5",
			},
			func(r *Row) {
				awsKind("RIFee", CategoryPurchase, FrequencyRecurring)(r)
				r.EffectiveCost = Some(money.New(75, 2))
				r.Extra = append(r.Extra, Field{"reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "0.5"},
					Field{"reservation/UnusedRecurringFee", "0.25"})
			},
		},
		"a plan's recurring fee, partly unused": {
			cells{
				"lineItem/LineItemType": "SavingsPlanRecurringFee", "savingsPlan/TotalCommitmentToDate": "1.5",
				"savingsPlan/UsedCommitment": "1.2",
			},
			func(r *Row) {
				awsKind("SavingsPlanRecurringFee", CategoryPurchase, FrequencyRecurring)(r)
				r.EffectiveCost = Some(money.New(3, 1))
				r.Extra = append(r.Extra, Field{"savingsPlan/TotalCommitmentToDate", "1.5"}, Field{"savingsPlan/UsedCommitment", "1.2"})
			},
		},
		"a plan's upfront fee": {
			cells{"lineItem/LineItemType": "SavingsPlanUpfrontFee"},
			func(r *Row) {
				awsKind("SavingsPlanUpfrontFee", CategoryPurchase, FrequencyOneTime)(r)
				r.EffectiveCost = zero
			},
		},
		"usage that a plan covers": {
			cells{
				"lineItem/LineItemType": "SavingsPlanCoveredUsage", "savingsPlan/SavingsPlanEffectiveCost": "1.1",
				"pricing/publicOnDemandCost": "1.6",
			},
			func(r *Row) {
				r.ContractedCost, r.EffectiveCost, r.ListCost = Some(r.BilledCost), Some(money.New(11, 1)), Some(money.New(16, 1))
				r.BilledCost, r.PricingCategory = money.Decimal{}, "Committed"
				r.Extra = []Field{
					{"lineItem/LineItemType", "SavingsPlanCoveredUsage"},
					{"x_lineItem/UnblendedCost", "1.5"},
					{"savingsPlan/SavingsPlanEffectiveCost", "1.1"},
				}
			},
		},
		"what takes its cost back": {
			cells{
				"lineItem/LineItemType": "SavingsPlanNegation", "lineItem/UnblendedCost": "-1.5", "lineItem/UsageAmount": "3",
				"pricing/publicOnDemandCost": "0",
			},
			func(r *Row) {
				r.BilledCost, r.PricingCategory = money.Decimal{}, "Committed"
				r.EffectiveCost, r.ContractedCost, r.ListCost = zero, zero, zero
				r.Extra = []Field{
					{"lineItem/LineItemType", "SavingsPlanNegation"},
					{"x_lineItem/UnblendedCost", "-1.5"},
					{"pricing/publicOnDemandCost", "0"},
				}
			},
		},
		"usage that a reservation covers": {
			cells{
				"lineItem/LineItemType": "DiscountedUsage", "lineItem/UnblendedCost": "0", "reservation/EffectiveCost": "0.9",
				"pricing/publicOnDemandCost": "1.6",
			},
			func(r *Row) {
				r.BilledCost, r.PricingCategory = money.Decimal{}, "Committed"
				r.EffectiveCost, r.ListCost, r.ContractedCost = Some(money.New(9, 1)), Some(money.New(16, 1)), Some(money.New(16, 1))
				r.Extra = []Field{{"lineItem/LineItemType", "DiscountedUsage"}, {"reservation/EffectiveCost", "0.9"}}
			},
		},
		"the category in another case": {cells{"lineItem/LineItemType": "TAX"}, awsKind("TAX", CategoryTax, "")},
		"usage without a public price": {
			cells{"pricing/publicOnDemandCost": "0.0"},
			func(r *Row) { r.Extra = append(r.Extra, Field{"pricing/publicOnDemandCost", "0.0"}) },
		},
		"usage that is free": {
			cells{"pricing/publicOnDemandCost": "0.0", "lineItem/UnblendedCost": "0.0"},
			func(r *Row) {
				r.BilledCost, r.EffectiveCost, r.ContractedCost, r.ListCost = money.Decimal{}, zero, zero, zero
			},
		},
		"discounts in columns": {
			cells{"discount/TotalDiscount": "-0.3", "lineItem/NetUnblendedCost": "1.2"},
			func(r *Row) {
				net := Some(money.New(12, 1))
				r.BilledCost, r.EffectiveCost, r.ContractedCost = net.Decimal, net, net
				r.Extra = []Field{
					{"discount/TotalDiscount", "-0.3"},
					{"lineItem/LineItemType", "Usage"},
					{"lineItem/NetUnblendedCost", "1.2"},
					{"x_lineItem/UnblendedCost", "1.5"},
				}
			},
		},
		"discounts in rows": {
			cells{"lineItem/NetUnblendedCost": "1.2"},
			func(r *Row) { r.Extra = append(r.Extra, Field{"lineItem/NetUnblendedCost", "1.2"}) },
		},
		"E-notation": {
			cells{"lineItem/UnblendedCost": "5.2E-9"},
			func(r *Row) {
				cost := Some(money.New(52, 10))
				r.BilledCost, r.EffectiveCost, r.ContractedCost = cost.Decimal, cost, cost
			},
		},
		"a service without a name": {
			cells{"lineItem/ProductCode": "AWSGlue", "product/ProductName": ""},
			func(r *Row) {
				r.ServiceName, r.ServiceCategory = "AWSGlue", "Analytics"
				r.Extra = append(r.Extra, Field{"lineItem/ProductCode", "AWSGlue"})
			},
		},
		"the map of a product": {
			cells{"product": `{"product_name":"Amazon S3","group":"g"}`},
			func(r *Row) {
				r.ServiceName = "Amazon S3"
				r.Extra = append(r.Extra, Field{"product", `{"product_name":"Amazon S3","group":"g"}`})
			},
		},
		"a spot instance": {
			cells{"pricing/term": "Spot"},
			func(r *Row) {
				r.PricingCategory = "Dynamic"
				r.Extra = append(r.Extra, Field{"pricing/term", "Spot"})
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, file(awsCells(test.cells)), Options{})
			if diff := diffRows([]Row{awsRow(test.want)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWSTags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells cells
		want  map[string]string
	}{
		"columns": {
			cells{
				"resourceTags/user:Name": "a", "resourceTags/user:name": "b", "resourceTags/user:x y": "c",
				"resourceTags/aws:createdBy": "d", "resourceTags/user:none": "", "resourceTags/other": "e\rf",
			},
			map[string]string{"Name": "a", "name": "b", "x y": "c", "aws:createdBy": "d", "other": "e\nf"},
		},
		"columns of a table": {
			cells{"resource_tags_user_cost_center": "a", "resource_tags_aws_created_by": "b"},
			map[string]string{"cost_center": "a", "aws:created_by": "b"},
		},
		"a map": {
			cells{"resource_tags": `{"user_team":"a","aws_created_by":"b"}`},
			map[string]string{"team": "a", "aws:created_by": "b"},
		},
		"another map": {
			cells{"tags": `{"resourceTags/user:team":"a","accountTag/unit":"b"}`},
			map[string]string{"team": "a", "accountTag/unit": "b"},
		},
		"an empty map": {cells{"resource_tags": "{}"}, nil},
		"both maps":    {cells{"resource_tags": `{"user_a":"1"}`, "tags": `{"user_b":"2"}`}, map[string]string{"a": "1"}},
		"a map and columns": {
			cells{"resource_tags": `{"user_a":"1"}`, "resourceTags/user:b": "2"}, map[string]string{"a": "1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Twice, since tags are remembered and must stay as they are.
			for _, r := range mustRead(t, file(awsCells(test.cells), awsCells(test.cells)), Options{}) {
				if diff := cmp.Diff(test.want, r.Tags); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAWSRowsThatAreRefused(t *testing.T) {
	t.Parallel()
	most := "99999999999999999999"
	tests := map[string]struct {
		cells cells
		want  string
	}{
		"a number for a type": {
			cells{"lineItem/LineItemType": "12.5"}, `line 2, column lineItem/LineItemType: "12.5" is not a kind of charge`,
		},
		"a type that ends well": {
			cells{"lineItem/LineItemType": "1Subscription"}, `line 2, column lineItem/LineItemType: "1Subscription" is not a kind of charge`,
		},
		"no type": {cells{"lineItem/LineItemType": ""}, "line 2, column lineItem/LineItemType: the value is missing"},
		"a bill that does not end": {
			cells{"bill/BillingPeriodEndDate": "2023-11-01T00:00:00Z"},
			"line 2, column bill/BillingPeriodEndDate: the billing period does not end after its start",
		},
		"usage that ends before it began": {
			cells{"lineItem/UsageEndDate": "2023-11-01T00:00:00Z"},
			"line 2, column lineItem/UsageEndDate: the charge period ends before its start",
		},
		"a bad amount that no fee needs": {
			cells{"savingsPlan/UsedCommitment": "much"}, `line 2, column savingsPlan/UsedCommitment: "much" is not a decimal number`,
		},
		"more unused than an amount holds": {
			cells{
				"lineItem/LineItemType": "RIFee", "reservation/UnusedRecurringFee": most,
				"reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": most,
			},
			"line 2, column reservation/UnusedRecurringFee: the cost has more digits than an amount",
		},
		"a tag twice":       {cells{"resource_tags": `{"user_a":"1","a":"2"}`}, `line 2, column resource_tags: the tag "a" comes twice`},
		"tags without JSON": {cells{"resource_tags": "a=b"}, `line 2, column resource_tags: "a=b" is not a JSON object of tags`},
		"a product that is no map": {
			cells{"product": "EC2"}, `line 2, column product: "EC2" is not a JSON object of tags`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, bad, err := readAll(strings.NewReader(file(awsCells(test.cells))), Options{})
			if err != nil || len(bad) != 1 || bad[0].Error() != test.want {
				t.Errorf("got  %v and %v\nwant %s", bad, err, test.want)
			}
		})
	}
}
