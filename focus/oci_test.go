package focus

import (
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/money"
)

func ociCells(changes cells) cells {
	return changed(cells{
		"cost/myCost": "1.5", "cost/currencyCode": "USD", "cost/subscriptionId": "sub-1", "lineItem/tenantId": "tenancy-1",
		"lineItem/intervalUsageStart": "2023-11-13T07:00Z", "lineItem/intervalUsageEnd": "2023-11-13T08:00:00Z",
	}, changes)
}

func ociRow(change func(*Row)) Row {
	cost := Some(money.New(15, 1))
	r := Row{
		Line: 2, BilledCost: cost.Decimal, EffectiveCost: cost, ContractedCost: cost,
		BillingCurrency: "USD", BillingAccountID: "sub-1", SubAccountID: "tenancy-1",
		BillingPeriodStart: date(2023, 11, 1, 0), BillingPeriodEnd: date(2023, 12, 1, 0),
		ChargePeriodStart: date(2023, 11, 13, 7), ChargePeriodEnd: date(2023, 11, 13, 8),
		ChargeCategory: CategoryUsage, ChargeFrequency: FrequencyUsageBased,
		Provider: "Oracle", HostProvider: "Oracle", InvoiceIssuer: "Oracle",
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestOCIUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells cells
		want  func(*Row)
	}{
		"the least": {nil, nil},
		"every column": {
			cells{
				"product/Description": "an hour", "product/service": "COMPUTE", "cost/productSku": "B1",
				"product/region": "us-sanjose-1", "product/availabilityDomain": "sj-1",
				"product/resourceId": "ocid1.instance.oc1.us-sanjose-1.abc", "usage/billedQuantity": "0.083333333333000000",
				"cost/skuUnitDescription": "Hours", "lineItem/isCorrection": "false", "product/compartmentName": "team",
				"tags/Oracle-Tags.CreatedBy": "ada", "tags/free-form": "x", "tags/none": "",
			},
			func(r *Row) {
				r.ChargeDescription, r.ServiceName, r.ServiceCategory, r.SKU = "an hour", "COMPUTE", "Compute", "B1"
				r.Region, r.AvailabilityZone = "us-sanjose-1", "sj-1"
				r.ResourceID, r.ResourceType = "ocid1.instance.oc1.us-sanjose-1.abc", "instance"
				r.PricingQuantity, r.PricingUnit = Some(money.New(83333333333, 12)), "Hours"
				r.ConsumedQuantity, r.ConsumedUnit = r.PricingQuantity, r.PricingUnit
				r.Tags = map[string]string{"Oracle-Tags.CreatedBy": "ada", "free-form": "x"}
				r.Extra = []Field{
					{"lineItem/isCorrection", "false"}, {"product/compartmentName", "team"},
				}
			},
		},
		"eighteen places": {cells{"cost/myCost": "0.012264277499950943"}, func(r *Row) {
			cost := Some(money.New(12264277499950943, 18))
			r.BilledCost, r.EffectiveCost, r.ContractedCost = cost.Decimal, cost, cost
		}},
		"E-notation": {cells{"cost/myCost": "6.266090E-12"}, func(r *Row) {
			cost := Some(money.New(626609, 17))
			r.BilledCost, r.EffectiveCost, r.ContractedCost = cost.Decimal, cost, cost
		}},
		"a correction": {
			cells{"lineItem/isCorrection": "TRUE", "cost/myCost": "-1.5"},
			func(r *Row) {
				cost := Some(money.New(-15, 1))
				r.BilledCost, r.EffectiveCost, r.ContractedCost, r.ChargeClass = cost.Decimal, cost, cost, ClassCorrection
				r.Extra = []Field{{"lineItem/isCorrection", "TRUE"}}
			},
		},
		"overage beside the cost": {
			cells{"cost/myCostOverage": "0.5"},
			func(r *Row) { r.Extra = []Field{{"cost/myCostOverage", "0.5"}} },
		},
		"no subscription": {cells{"cost/subscriptionId": ""}, func(r *Row) { r.BillingAccountID = "tenancy-1" }},
		"a resource that is not one": {
			cells{"product/resourceId": "oci_vcn"}, func(r *Row) { r.ResourceID = "oci_vcn" },
		},
		"an OCID that reads like null": {
			cells{"product/resourceId": "ocid1.NULL.x"}, func(r *Row) { r.ResourceID = "ocid1.NULL.x" },
		},
		"an interval that ends in the next year": {
			cells{"lineItem/intervalUsageStart": "2023-12-31T23:00Z", "lineItem/intervalUsageEnd": "2024-01-01T00:00:00Z"},
			func(r *Row) {
				r.BillingPeriodStart, r.BillingPeriodEnd = date(2023, 12, 1, 0), date(2024, 1, 1, 0)
				r.ChargePeriodStart, r.ChargePeriodEnd = date(2023, 12, 31, 23), date(2024, 1, 1, 0)
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, file(ociCells(test.cells)), Options{})
			if diff := diffRows([]Row{ociRow(test.want)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOCIRowsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells cells
		want  string
	}{
		"perhaps a correction": {
			cells{"lineItem/isCorrection": "maybe"}, `line 2, column lineItem/isCorrection: "maybe" is neither true nor false`,
		},
		"an interval that ends before it begins": {
			cells{"lineItem/intervalUsageEnd": "2023-11-13T06:00Z"},
			"line 2, column lineItem/intervalUsageEnd: the charge period ends before its start",
		},
		"the end of time": {
			cells{"lineItem/intervalUsageStart": "9999-12-31T23:00Z"},
			"line 2, column lineItem/intervalUsageStart: 10000-01-01 is not within the years 1970 to 9999",
		},
		"no tenancy and no subscription": {
			cells{"cost/subscriptionId": "", "lineItem/tenantId": ""}, "line 2, column cost/subscriptionId: the value is missing",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, bad, err := readAll(strings.NewReader(file(ociCells(test.cells))), Options{})
			if err != nil || len(bad) != 1 || bad[0].Error() != test.want {
				t.Errorf("got  %v and %v\nwant %s", bad, err, test.want)
			}
		})
	}
}
