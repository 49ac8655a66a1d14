package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// August of the worked example, and what the provider takes back of it: by a row of
// September, or by stating August anew.
const (
	exampleHeader = "BilledCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
		"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass,ProviderName,ServiceName,SkuId,SubAccountId\n"
	exampleAugust = exampleHeader +
		"1000,1200,payer,USD,2026-08-01,2026-09-01,2026-08-02,2026-08-03,Usage,,AWS,EC2,P5,acct-cove\n" +
		"500,600,payer,USD,2026-08-01,2026-09-01,2026-08-02,2026-08-03,Usage,,AWS,S3,S3-1,acct-cove\n" +
		"200,250,payer,USD,2026-08-01,2026-09-01,2026-08-02,2026-08-03,Usage,,GCP,Compute,N2,acct-cove\n" +
		"-100,0,payer,USD,2026-08-01,2026-09-01,2026-08-02,2026-08-03,Credit,,AWS,Promotion,,acct-cove\n"
	exampleSeptember = exampleHeader +
		"-200,-240,payer,USD,2026-09-01,2026-10-01,2026-08-02,2026-08-03,Usage,Correction,AWS,EC2,P5,acct-cove\n"
)

// TestWorkedExampleThroughTheAPI prices the worked example on every basis as
// people would: each tier sets its price, the platform uploads the usage, and each
// buyer reads what it pays line by line, what it keeps, and what its statements
// say. Then prices treble, and 200 of August's P5 are taken back in September at
// August's prices, in both ways.
//
// The numbers are worked out by hand. Of a chain platform → northwind → fjord →
// cove the platform takes 1.10 for AWS, northwind 1.05 for everything and fjord
// 1.20 for P5.
func TestWorkedExampleThroughTheAPI(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		basis string
		// Per service: what northwind, fjord and cove pay.
		lines map[string][3]string
		// What they pay in all, and what the platform, northwind and fjord keep.
		pay, keep [3]string
		// What they are given back in September.
		back [3]string
	}{
		{
			// 1000 × 1.10 = 1100, × 1.05 = 1155, × 1.20 = 1386; the S3 line without
			// the last, Compute at GCP without the first and the last.
			"UPSTREAM",
			map[string][3]string{
				"EC2": {"1100", "1155", "1386"}, "S3": {"550", "577.5", "577.5"}, "Compute": {"200", "210", "210"}, "Promotion": {"-100", "-100", "-100"},
			},
			[3]string{"1750", "1842.5", "2073.5"},
			[3]string{"150", "92.5", "231"},
			[3]string{"-220", "-231", "-277.2"}, // -200 × 1.10, × 1.05, × 1.20
		},
		{
			// Each times the source cost, and what the seller pays where it has no rule.
			"SOURCE",
			map[string][3]string{
				"EC2": {"1100", "1050", "1200"}, "S3": {"550", "525", "525"}, "Compute": {"200", "210", "210"}, "Promotion": {"-100", "-100", "-100"},
			},
			[3]string{"1750", "1685", "1835"},
			[3]string{"150", "-65", "150"},
			[3]string{"-220", "-210", "-240"}, // -200 × 1.10, -200 × 1.05, -200 × 1.20
		},
		{
			// Each times the list cost of 1200, 600 and 250.
			"LIST",
			map[string][3]string{
				"EC2": {"1320", "1260", "1440"}, "S3": {"660", "630", "630"}, "Compute": {"200", "262.5", "262.5"}, "Promotion": {"-100", "-100", "-100"},
			},
			[3]string{"2080", "2052.5", "2232.5"},
			[3]string{"480", "-27.5", "180"},
			[3]string{"-264", "-252", "-288"}, // -240 × 1.10, -240 × 1.05, -240 × 1.20
		},
	} {
		for name, takeBack := range map[string]func(w *world, t *testing.T){
			"by a row":   func(w *world, t *testing.T) { w.uploadExample(t, exampleSeptember) }, //nolint:thelper // one step of the test
			"by another": (*world).restateExample,
		} {
			t.Run(tc.basis+" "+name, func(t *testing.T) {
				t.Parallel()
				dbtest.Each(t, func(t *testing.T, db *database.DB) {
					w := newWorld(t, db)
					w.must(t, "ada", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{
						"organizationId": w.ids["platform"], "mappings": []any{map[string]any{"subAccountId": "acct-cove", "organizationId": w.ids["cove"]}},
					}})
					w.sellExample(t, tc.basis, "2026-08", "1.10", "1.05", "1.20")
					w.uploadExample(t, exampleAugust)
					for i, buyer := range exampleTiers()[1:] {
						lines := map[string]string{}
						for service, prices := range tc.lines {
							lines[service] = prices[i]
						}
						if diff := cmp.Diff(lines, w.paidInAugust(t, buyer)); diff != "" {
							t.Errorf("%s pays: %s", buyer.slug, diff)
						}
					}
					var keep [3]string
					for i, seller := range exampleTiers()[:3] {
						keep[i] = w.exampleTotal(t, seller, "MARGIN")
					}
					if keep != tc.keep {
						t.Errorf("the sellers keep %v, want %v", keep, tc.keep)
					}
					w.closeExample(t, "2026-08")
					w.sellExample(t, tc.basis, "2026-09", "3", "3", "3")
					takeBack(w, t)
					w.closeExample(t, "2026-09")
					for i, buyer := range exampleTiers()[1:] {
						want := []string{"2026-09 " + tc.back[i], "2026-08 " + tc.pay[i]}
						if diff := cmp.Diff(want, w.owed(t, buyer)); diff != "" {
							t.Errorf("the statements of %s: %s", buyer.slug, diff)
						}
					}
				})
			})
		}
	}
}

// exampleTier is an organization of the chain and who acts for it.
type exampleTier struct{ slug, actor string }

func exampleTiers() []exampleTier {
	return []exampleTier{{"platform", "ada"}, {"northwind", "paula"}, {"fjord", "sven"}, {"cove", "cora"}}
}

// sellExample sets the price of each tier from a month on.
func (w *world) sellExample(t *testing.T, basis, month string, factors ...string) {
	t.Helper()
	selectors := []map[string]any{{"provider": "AWS"}, nil, {"sku": "P5"}}
	for i, tier := range exampleTiers()[:3] {
		w.must(t, tier.actor, mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[tier.slug], "selector": selectors[i], "factor": factors[i], "basis": basis, "firstMonth": month, "reason": "because",
		}})
	}
}

func (w *world) uploadExample(t *testing.T, file string) {
	t.Helper()
	answer := w.upload(t, "ada", `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { rowsStored unattributedRows } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids["platform"], "file": nil}}, "variables.i.file", []byte(file))
	if want := fmt.Sprintf(`"rowsStored":%d,"unattributedRows":0}`, strings.Count(file, "\n")-1); !strings.Contains(string(answer), want) {
		t.Fatalf("import: %s", answer)
	}
}

// restateExample states August anew, with 200 less of P5.
func (w *world) restateExample(t *testing.T) {
	t.Helper()
	restated := strings.Replace(exampleAugust, "\n1000,1200,", "\n800,960,", 1)
	answer := w.upload(t, "ada", `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { rowsRead rowsStored billedCosts { amount } } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids["platform"], "file": nil, "correctClosedMonths": true}}, "variables.i.file", []byte(restated))
	if want := `"rowsRead":4,"rowsStored":1,"billedCosts":[{"amount":"-200"}]`; !strings.Contains(string(answer), want) {
		t.Fatalf("import: %s", answer)
	}
}

func (w *world) closeExample(t *testing.T, month string) {
	t.Helper()
	w.jobs(t)
	for _, tier := range exampleTiers()[:3] {
		answer := w.must(t, tier.actor, mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": w.ids[tier.slug], "month": month}})
		if dig(answer, "closeBillingMonth.statementCount") != "1" {
			t.Errorf("%s closes %s: %v", tier.slug, month, answer)
		}
	}
}

// paidInAugust returns what a buyer paid by service.
func (w *world) paidInAugust(t *testing.T, buyer exampleTier) map[string]string {
	t.Helper()
	answer := w.must(t, buyer.actor, `query($id: ID!) { organization(id: $id) {
		costs(from: "2026-08-01T00:00:00Z", to: "2026-09-01T00:00:00Z", interval: NONE, groupBy: SERVICE) { rows(first: 50) { key total { amount } } }
	} }`, map[string]any{"id": w.ids[buyer.slug]})
	paid := map[string]string{}
	for i := 0; dig(answer, fmt.Sprintf("organization.costs.rows.%d.key", i)) != ""; i++ {
		row := fmt.Sprintf("organization.costs.rows.%d.", i)
		paid[dig(answer, row+"key")] = dig(answer, row+"total.amount")
	}
	return paid
}

func (w *world) exampleTotal(t *testing.T, tier exampleTier, perspective string) string {
	t.Helper()
	return dig(w.must(t, tier.actor, `query($id: ID!, $p: CostPerspective) { organization(id: $id) {
		costs(from: "2026-08-01T00:00:00Z", to: "2026-09-01T00:00:00Z", interval: NONE, perspective: $p) { total { amount } }
	} }`, map[string]any{"id": w.ids[tier.slug], "p": perspective}), "organization.costs.total.amount")
}

// owed returns the months and totals of a buyer's statements.
func (w *world) owed(t *testing.T, buyer exampleTier) []string {
	t.Helper()
	answer := w.must(t, buyer.actor, `query($id: ID!) { organization(id: $id) { statements(first: 9) { edges { node { month total { amount } } } } } }`, map[string]any{"id": w.ids[buyer.slug]})
	var all []string
	for i := 0; dig(answer, fmt.Sprintf("organization.statements.edges.%d.node.month", i)) != ""; i++ {
		node := fmt.Sprintf("organization.statements.edges.%d.node.", i)
		all = append(all, dig(answer, node+"month")+" "+dig(answer, node+"total.amount"))
	}
	return all
}
