package focus

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

func azureCells(changes cells) cells {
	return changed(cells{
		"CostInBillingCurrency": "1.5", "BillingCurrencyCode": "CAD", "BillingProfileId": "12345678",
		"BillingPeriodStartDate": "9/1/2023", "BillingPeriodEndDate": "9/30/2023", "Date": "9/2/2023", "ChargeType": "Usage",
	}, changes)
}

func azureRow(change func(*Row)) Row {
	cost := Some(money.New(15, 1))
	r := Row{
		Line: 2, BilledCost: cost.Decimal, EffectiveCost: cost, ContractedCost: cost,
		BillingCurrency: "CAD", BillingAccountID: "12345678",
		BillingPeriodStart: date(2023, 9, 1, 0), BillingPeriodEnd: date(2023, 10, 1, 0),
		ChargePeriodStart: date(2023, 9, 2, 0), ChargePeriodEnd: date(2023, 9, 3, 0),
		ChargeCategory: CategoryUsage,
		Provider:       "Microsoft", HostProvider: "Microsoft", InvoiceIssuer: "Microsoft",
		Extra: []Field{{"ChargeType", "Usage"}},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func azureKind(kind, category string) func(*Row) {
	return func(r *Row) {
		r.ChargeCategory, r.ListCost, r.Extra = category, Some(r.BilledCost), []Field{{"ChargeType", kind}}
	}
}

func TestAzureColumnsOfBothAgreements(t *testing.T) {
	t.Parallel()
	row := azureCells(cells{
		"BillingProfileName": "Main", "SubscriptionId": "sub-1", "SubscriptionName": "Team",
		"ProductName": "a disk", "MeterCategory": "Storage", "ConsumedService": "Microsoft.Storage", "ServiceFamily": "Storage",
		"MeterId": "meter", "ResourceLocation": "US East 2", "ResourceId": "/subscriptions/sub-1/disk",
		"Quantity": "2.5E-3", "UnitOfMeasure": "10K", "PricingModel": "OnDemand", "Frequency": "UsageBased",
		"PayGPrice": "3", "UnitPrice": "2", "PublisherName": "Canonical",
	})
	want := func(extra ...Field) Row {
		return azureRow(func(r *Row) {
			r.BillingAccountName, r.SubAccountID, r.SubAccountName = "Main", "sub-1", "Team"
			r.ChargeDescription, r.ServiceName, r.ServiceCategory, r.SKU = "a disk", "Storage", "Storage", "meter"
			r.Region, r.RegionName, r.ResourceID = "useast2", "US East 2", "/subscriptions/sub-1/disk"
			r.PricingQuantity, r.PricingUnit, r.PricingCategory = Some(money.New(25, 4)), "10K", "Standard"
			r.ConsumedQuantity, r.ConsumedUnit, r.ChargeFrequency = r.PricingQuantity, r.PricingUnit, FrequencyUsageBased
			r.Extra = extra
		})
	}
	enterprise := changed(row, cells{"PartNumber": "AAA-1", "ResourceName": "disk", "AvailabilityZone": "1"})
	enterprise["BillingAccountId"], enterprise["BillingAccountName"] = "12345678", "Enrollment"
	ea := want(
		Field{"ChargeType", "Usage"}, Field{"ConsumedService", "Microsoft.Storage"}, Field{"PayGPrice", "3"},
		Field{"PricingModel", "OnDemand"}, Field{"ServiceFamily", "Storage"}, Field{"UnitPrice", "2"},
		Field{"x_BillingAccountId", "12345678"}, Field{"x_BillingAccountName", "Enrollment"}, Field{"x_PublisherName", "Canonical"},
	)
	ea.SKUPrice, ea.ResourceName, ea.AvailabilityZone = "AAA-1", "disk", "1"
	check := func(name string, row cells, want Row) {
		got := mustRead(t, file(row), Options{})
		// The order is that of the file, which differs in the test alone.
		sortFields(want.Extra)
		sortFields(got[0].Extra)
		if diff := diffRows([]Row{want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	check("EA", enterprise, ea)

	customer := cells{}
	for name, cell := range row {
		customer[strings.ToLower(name[:1])+name[1:]] = cell
	}
	delete(customer, "billingCurrencyCode")
	customer["billingCurrency"], customer["billingAccountId"] = "CAD", "uuid:root"
	customer["date"], customer["billingPeriodEndDate"] = "09/02/2023", "2023-09-30T00:00:00Z"
	customer["paygCostInBillingCurrency"], customer["productId"], customer["partnerName"] = "1.8", "product", "Contoso"
	mca := want(
		Field{"chargeType", "Usage"}, Field{"consumedService", "Microsoft.Storage"}, Field{"payGPrice", "3"},
		Field{"paygCostInBillingCurrency", "1.8"}, Field{"pricingModel", "OnDemand"}, Field{"serviceFamily", "Storage"},
		Field{"unitPrice", "2"}, Field{"x_billingAccountId", "uuid:root"}, Field{"x_publisherName", "Canonical"},
	)
	mca.ListCost, mca.SKUPrice, mca.InvoiceIssuer = Some(money.New(18, 1)), "product", "Contoso"
	check("MCA", customer, mca)
}

func sortFields(fields []Field) {
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}

func TestAzureCharges(t *testing.T) {
	t.Parallel()
	zero := Some(money.Decimal{})
	tests := map[string]struct {
		cells cells
		want  func(*Row)
	}{
		"usage":    {nil, nil},
		"purchase": {cells{"ChargeType": "Purchase"}, azureKind("Purchase", CategoryPurchase)},
		"tax":      {cells{"ChargeType": "Tax"}, azureKind("Tax", CategoryTax)},
		"credit":   {cells{"ChargeType": "Credit"}, azureKind("Credit", CategoryCredit)},
		"rounding": {cells{"ChargeType": "RoundingAdjustment"}, azureKind("RoundingAdjustment", CategoryAdjustment)},
		"refund": {cells{"ChargeType": "Refund"}, func(r *Row) {
			azureKind("Refund", CategoryPurchase)(r)
			r.ChargeClass = ClassCorrection
		}},
		"a reservation that is bought": {
			cells{"ChargeType": "Purchase", "PricingModel": "Reservation", "Frequency": "OneTime"},
			func(r *Row) {
				azureKind("Purchase", CategoryPurchase)(r)
				r.PricingCategory, r.ChargeFrequency, r.EffectiveCost = "Committed", FrequencyOneTime, zero
				r.Extra = append(r.Extra, Field{"PricingModel", "Reservation"})
			},
		},
		"covered usage of an amortized export": {
			cells{"PricingModel": "SavingsPlan"},
			func(r *Row) {
				r.BilledCost, r.PricingCategory, r.ContractedCost = money.Decimal{}, "Committed", NullDecimal{}
				r.Extra = []Field{{"ChargeType", "Usage"}, {"x_CostInBillingCurrency", "1.5"}, {"PricingModel", "SavingsPlan"}}
			},
		},
		"covered usage of an actual export": {
			cells{"PricingModel": "Reservation", "CostInBillingCurrency": "0"},
			func(r *Row) {
				r.BilledCost, r.PricingCategory = money.Decimal{}, "Committed"
				r.EffectiveCost, r.ContractedCost = NullDecimal{}, NullDecimal{}
				r.Extra = append(r.Extra, Field{"PricingModel", "Reservation"})
			},
		},
		"an unused reservation": {
			cells{"ChargeType": "UnusedReservation"},
			func(r *Row) {
				r.BilledCost, r.ContractedCost = money.Decimal{}, NullDecimal{}
				r.Extra = []Field{{"ChargeType", "UnusedReservation"}, {"x_CostInBillingCurrency", "1.5"}}
			},
		},
		"spot": {cells{"PricingModel": "Spot"}, func(r *Row) {
			r.PricingCategory = "Dynamic"
			r.Extra = append(r.Extra, Field{"PricingModel", "Spot"})
		}},
		"an unknown frequency and model": {
			cells{"PricingModel": "Barter", "Frequency": "Weekly"},
			func(r *Row) { r.Extra = append(r.Extra, Field{"PricingModel", "Barter"}) },
		},
		"E-notation": {cells{"CostInBillingCurrency": "1.60101E-07"}, func(r *Row) {
			cost := Some(money.New(160101, 12))
			r.BilledCost, r.EffectiveCost, r.ContractedCost = cost.Decimal, cost, cost
		}},
		"the last day of a year": {
			cells{"Date": "12/31/2023", "BillingPeriodEndDate": "12/31/2023"},
			func(r *Row) {
				r.ChargePeriodStart, r.ChargePeriodEnd = date(2023, 12, 31, 0), date(2024, 1, 1, 0)
				r.BillingPeriodEnd = date(2024, 1, 1, 0)
			},
		},
		"times of day": {
			cells{"Date": "2023-09-02T12:30:00Z", "BillingPeriodEndDate": "2023-09-30T23:59:59"}, nil,
		},
		"an unknown family": {
			cells{"ServiceFamily": "Quantum"},
			func(r *Row) {
				r.ServiceCategory = "Other"
				r.Extra = append(r.Extra, Field{"ServiceFamily", "Quantum"})
			},
		},
		"a service by its provider": {
			cells{"MeterCategory": "", "ConsumedService": "Microsoft.Sql"},
			func(r *Row) {
				r.ServiceName = "Microsoft.Sql"
				r.Extra = append(r.Extra, Field{"ConsumedService", "Microsoft.Sql"})
			},
		},
		"a region that reads like null": {
			cells{"ResourceLocation": "(N U LL)"}, func(r *Row) { r.Region, r.RegionName = "", "(N U LL)" },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, file(azureCells(test.cells)), Options{})
			if diff := diffRows([]Row{azureRow(test.want)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAzureTags(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]map[string]string{
		`"a": "b","c": "d"`:           {"a": "b", "c": "d"},
		`{"a": "b","c": "d"}`:         {"a": "b", "c": "d"},
		` {"a": "b"} `:                {"a": "b"},
		`"hidden-link": "{\"x\": 1}"`: {"hidden-link": `{"x": 1}`},
		`{}`:                          nil,
		` `:                           nil,
	} {
		got := mustRead(t, file(azureCells(cells{"Tags": cell})), Options{})
		if diff := cmp.Diff(want, got[0].Tags); diff != "" {
			t.Errorf("%s: %s", cell, diff)
		}
	}
}

func TestAzureRowsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells cells
		want  string
	}{
		"the European order of dates": {
			cells{"BillingPeriodEndDate": "30/9/2023"},
			`line 2, column BillingPeriodEndDate: "30/9/2023" is not a day such as 9/30/2023 (month, day, year) or 2023-09-30`,
		},
		"a time behind a date": {
			cells{"Date": "9/2/2023 12:00:00 AM"},
			`line 2, column Date: "9/2/2023 12:00:00 AM" is not a day such as 9/30/2023 (month, day, year) or 2023-09-30`,
		},
		"a day that is not there": {
			cells{"Date": "2/29/2023"},
			`line 2, column Date: "2/29/2023" is not a day such as 9/30/2023 (month, day, year) or 2023-09-30`,
		},
		"the end of time": {
			cells{"Date": "12/31/9999"}, "line 2, column Date: 10000-01-01 is not within the years 1970 to 9999",
		},
		"before time": {
			cells{"Date": "12/31/1969"}, "line 2, column Date: 1969-12-31 is not within the years 1970 to 9999",
		},
		"a bill that ends before it begins": {
			cells{"BillingPeriodEndDate": "8/31/2023"},
			"line 2, column BillingPeriodEndDate: the billing period does not end after its start",
		},
		"tags with a comma too many": {
			cells{"Tags": `"a": "b",`}, `line 2, column Tags: "{\"a\": \"b\",}" is not a JSON object of tags`,
		},
		"tags that close too early": {
			cells{"Tags": `"a": "b"}, {"c": "d"`},
			`line 2, column Tags: "{\"a\": \"b\"}, {\"c\": \"d\"}" is not a JSON object of tags`,
		},
		"a date for a type": {cells{"ChargeType": "9/2/2023"}, `line 2, column ChargeType: "9/2/2023" is not a kind of charge`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, bad, err := readAll(strings.NewReader(file(azureCells(test.cells))), Options{})
			if err != nil || len(bad) != 1 || bad[0].Error() != test.want {
				t.Errorf("got  %v and %v\nwant %s", bad, err, test.want)
			}
		})
	}
}
