package demo

import (
	"fmt"
	"math/rand/v2"

	"github.com/headwater-platform/headwater/money"
)

// The names that usage and prices share.
const (
	aws    = "AWS"
	azure  = "Microsoft"
	google = "Google Cloud"
	nordic = "Nordic OpenStack"

	s3     = "Amazon Simple Storage Service"
	gpuSKU = "p4d.24xlarge-hour"
)

// provider is where usage comes from: one billing account, one currency.
type provider struct {
	name, currency             string
	billingAccount, billedTo   string
	regions, regionNames       []string
	products                   []product
	newSubAccount, newResource func(*rand.Rand) string
}

// pattern is how much of a product is used from day to day.
type pattern int

// The patterns.
const (
	steady   pattern = iota // so many machines, around the clock
	weekdays                // so many machines, on working days
	bursts                  // many machines on some days
	volume                  // an amount that grows slowly
	traffic                 // an amount that differs from day to day
)

// product is one SKU with its prices per unit: what the platform pays and what
// the provider lists.
type product struct {
	service, category, sku, description, unit, resource string
	cost, list                                          string
	pattern                                             pattern
}

func providers() map[string]provider {
	return map[string]provider{
		aws: {
			name: aws, currency: "USD", billingAccount: "611400071100", billedTo: "Summit payer",
			regions: []string{"eu-west-1", "eu-central-1", "us-east-1"}, regionNames: []string{"Europe (Ireland)", "Europe (Frankfurt)", "US East (N. Virginia)"},
			newSubAccount: func(r *rand.Rand) string { return fmt.Sprintf("%012d", 200_000_000_000+r.Int64N(700_000_000_000)) },
			newResource:   func(r *rand.Rand) string { return fmt.Sprintf("i-%016x", r.Uint64()) },
			products: []product{
				{"Amazon Elastic Compute Cloud", "Compute", "c6i.4xlarge-hour", "c6i.4xlarge Linux hour", "Hours", "Virtual machine", "0.6528", "0.68", steady},
				{"Amazon Elastic Compute Cloud", "Compute", "m6i.2xlarge-hour", "m6i.2xlarge Linux hour", "Hours", "Virtual machine", "0.36864", "0.384", weekdays},
				{"Amazon Elastic Compute Cloud", "Compute", gpuSKU, "p4d.24xlarge Linux hour", "Hours", "Virtual machine", "29.4957", "32.7726", bursts},
				{s3, "Storage", "s3-standard-gb-month", "S3 Standard storage", "GB-Months", "Bucket", "0.02208", "0.023", volume},
				{"Amazon Relational Database Service", "Databases", "db.r6g.large-hour", "PostgreSQL db.r6g.large hour", "Hours", "Database", "0.2304", "0.24", steady},
				{"AWS Data Transfer", "Networking", "egress-gb", "Data transfer out", "GB", "Gateway", "0.0855", "0.09", traffic},
			},
		},
		azure: {
			name: azure, currency: "USD", billingAccount: "/providers/Microsoft.Billing/billingAccounts/7700412", billedTo: "Summit Cloud Exchange",
			regions: []string{"westeurope", "northeurope"}, regionNames: []string{"West Europe", "North Europe"},
			newSubAccount: func(r *rand.Rand) string {
				return fmt.Sprintf("/subscriptions/%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
			},
			newResource: func(r *rand.Rand) string { return fmt.Sprintf("vm-%06x", r.IntN(1<<24)) },
			products: []product{
				{"Virtual Machines", "Compute", "Standard_D4s_v5", "D4s v5 hour", "Hours", "Virtual machine", "0.2208", "0.23", steady},
				{"Virtual Machines", "Compute", "Standard_E8s_v5", "E8s v5 hour", "Hours", "Virtual machine", "0.57984", "0.604", weekdays},
				{"Storage Accounts", "Storage", "blob-hot-gb-month", "Hot LRS blob storage", "GB-Months", "Storage account", "0.018816", "0.0196", volume},
				{"Azure SQL Database", "Databases", "sql-gp-vcore-hour", "General purpose vCore hour", "Hours", "Database", "0.24288", "0.253", steady},
			},
		},
		google: {
			name: google, currency: "USD", billingAccount: "01B2C3-4D5E6F-708192", billedTo: "Summit Cloud Exchange",
			regions: []string{"europe-west4", "us-central1"}, regionNames: []string{"Netherlands", "Iowa"},
			newSubAccount: func(r *rand.Rand) string {
				return fmt.Sprintf("summit-%s-%06d", pick(r, passwordWords()), r.IntN(1_000_000))
			},
			newResource: func(r *rand.Rand) string { return fmt.Sprintf("projects/instances/%d", r.Int64N(1<<53)) },
			products: []product{
				{"Compute Engine", "Compute", "n2-standard-8-hour", "N2 standard 8 hour", "Hours", "Virtual machine", "0.388481", "0.427", steady},
				{"Compute Engine", "Compute", "a2-highgpu-1g-hour", "A2 high GPU hour", "Hours", "Virtual machine", "3.673385", "4.0374", bursts},
				{"BigQuery", "Analytics", "bq-analysis-tib", "Analysis", "TiB", "Dataset", "5.6875", "6.25", traffic},
				{"Cloud Storage", "Storage", "gcs-standard-gib-month", "Standard storage", "GiB-Months", "Bucket", "0.0182", "0.02", volume},
			},
		},
		nordic: {
			name: nordic, currency: "EUR", billingAccount: "NO-OSL-0042", billedTo: "Nordlys Systems",
			regions: []string{"no-osl-1"}, regionNames: []string{"Oslo"},
			newSubAccount: func(r *rand.Rand) string { return fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()) },
			newResource:   func(r *rand.Rand) string { return fmt.Sprintf("%08x-%04x", r.Uint32(), r.IntN(1<<16)) },
			products: []product{
				{"Compute", "Compute", "m1.xlarge", "m1.xlarge hour", "Hours", "Virtual machine", "0.141", "0.15", steady},
				{"Compute", "Compute", "g1.large", "g1.large with GPU, hour", "Hours", "Virtual machine", "1.0716", "1.14", bursts},
				{"Object Storage", "Storage", "object-gb-month", "Object storage", "GB-Months", "Container", "0.0141", "0.015", volume},
				{"Network", "Networking", "egress-gb", "Traffic out", "GB", "Router", "0.0094", "0.01", traffic},
			},
		},
	}
}

// decimal reads a number of the tables above.
func decimal(text string) money.Decimal {
	d, err := money.ParseAmount(text)
	if err != nil {
		panic(err) // the tables are constant
	}
	return d
}
