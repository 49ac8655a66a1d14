package focus

import (
	"fmt"
	"strings"
	"time"
)

// ociLayout converts the cost reports of Oracle Cloud Infrastructure. A report
// holds some hours of a tenancy, which is the sub-account; the billing account
// is the subscription, or the tenancy if a row has none. Names of tenancies are
// unknown, and compartments are kept.
//
// The charge period is the interval of the usage. Reports do not name the
// period that is billed: it is the calendar month, in UTC, that the interval
// begins in. All rows are Usage. A row that says so is a correction, though it
// may correct what has not been invoiced yet.
//
// BilledCost, EffectiveCost and ContractedCost are what a report calls my cost:
// the quantity at the price of the contract, up to 18 decimal places and never
// computed here. It is the cost of usage that a commitment to spend covers too:
// overage is kept and not added. List prices are unknown, and so are credits,
// taxes and purchases, which are not in these reports.
//
// Tags are the columns tags/*, with the namespace before a dot. The type of a
// resource is that in its OCID.
func ociLayout() *layout {
	return &layout{
		format: FormatOCI,
		origins: []origin{
			from("cost/myCost").to(billedCost),
			from("cost/currencyCode").to(billingCurrency),
			from("cost/subscriptionId", "lineItem/tenantId").to("BillingAccountId"),
			from("lineItem/tenantId").to("SubAccountId"),
			from("lineItem/intervalUsageStart").with(ociStart, "ChargePeriodStart", "BillingPeriodStart", billingPeriodEnd),
			from("lineItem/intervalUsageEnd").to(chargePeriodEnd),
			from("lineItem/isCorrection").with(ociClass, "ChargeClass").keep(),
			from("product/Description").to("ChargeDescription"),
			from("product/service").with(ociService, "ServiceName", "ServiceCategory"),
			from("cost/productSku").to("SkuId"),
			from("product/region").to("RegionId"),
			from("product/availabilityDomain").to("AvailabilityZone"),
			from("product/resourceId").with(ociResource, "ResourceId", "ResourceType"),
			from("usage/billedQuantity").to("PricingQuantity"),
			from("cost/skuUnitDescription", "cost/billingUnitReadable").to("PricingUnit"),
		},
		constants: map[string]string{
			"ServiceProviderName": "Oracle", "HostProviderName": "Oracle", "InvoiceIssuerName": "Oracle",
			"ChargeCategory": CategoryUsage, "ChargeFrequency": FrequencyUsageBased,
		},
		tag: func(name string) (key string, ok bool) {
			key, ok = strings.CutPrefix(name, "tags/")
			return key, ok && key != ""
		},
		settle: func(r *Row) *RowError {
			cost := Some(r.BilledCost)
			r.EffectiveCost, r.ContractedCost = cost, cost
			consumed(r)
			return nil
		},
	}
}

func ociStart(m *memo, r *Row, cell string) error {
	start, err := m.time(cell, parseTime)
	if err != nil {
		return err
	}
	month := time.Date(start.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC)
	r.ChargePeriodStart, r.BillingPeriodStart = start, month
	r.BillingPeriodEnd, err = within(month.AddDate(0, 1, 0))
	return err
}

func ociClass(_ *memo, r *Row, cell string) error {
	switch strings.ToLower(cell) {
	case "true":
		r.ChargeClass = ClassCorrection
		return nil
	case "false":
		return nil
	default:
		return fmt.Errorf("%.40q is neither true nor false", cell)
	}
}

// ociService reads a service, and knows the categories of common ones.
func ociService(_ *memo, r *Row, cell string) error {
	r.ServiceName = unifyLineBreaks(cell)
	switch strings.ToLower(cell) {
	case "compute", "functions":
		r.ServiceCategory = "Compute"
	case "block_storage", "object_storage", "objectstore", "file_storage":
		r.ServiceCategory = "Storage"
	case "database", "mysql", "nosql":
		r.ServiceCategory = "Databases"
	case "network", "virtual_cloud_network", "load_balancer":
		r.ServiceCategory = "Networking"
	case "telemetry", "logging":
		r.ServiceCategory = "Management and Governance"
	case "oracle_streaming_service", "streaming":
		r.ServiceCategory = "Integration"
	case "kms":
		r.ServiceCategory = "Security"
	}
	return nil
}

// ociResource reads an OCID, ocid1.instance.oc1..., or another name.
func ociResource(_ *memo, r *Row, cell string) error {
	r.ResourceID = unifyLineBreaks(cell)
	if parts := strings.SplitN(r.ResourceID, ".", 3); len(parts) == 3 && strings.HasPrefix(parts[0], "ocid") {
		r.ResourceType = nullAsEmpty(parts[1])
	}
	return nil
}
