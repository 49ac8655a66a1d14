package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/money"
)

// publishedFile is a real billing file, the columns of which are read without the
// package focus.
type publishedFile struct {
	name, cost, currency, subAccount string
}

func publishedFiles() []publishedFile {
	return []publishedFile{
		{"focus_sample_1000.csv", "BilledCost", "BillingCurrency", "SubAccountId"},
		{"native/aws-cur-sample-anonymous.csv", "lineItem/UnblendedCost", "lineItem/CurrencyCode", "lineItem/UsageAccountId"},
		{"native/azure-ea-sample-anonymous.csv", "CostInBillingCurrency", "BillingCurrencyCode", "SubscriptionId"},
		{"native/oci-cost-report-scrubbed.csv", "cost/myCost", "cost/currencyCode", "lineItem/tenantId"},
	}
}

// TestPublishedFilesAreConserved sells real files through every tier and closes
// their months. No amount is lost on the way from the file to the statements: what
// is stored is what the file states, what a seller takes is what its buyers pay,
// statements are the sums of their lines and of the usage. And what each buyer
// exports, another installation imports and exports again to the same bytes.
func TestPublishedFilesAreConserved(t *testing.T) {
	t.Parallel()
	const variable = "FOCUS_SAMPLE_DIR"
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skipf("to test with the published files, set %s to the directory that has them", variable)
	}
	for _, published := range publishedFiles() {
		t.Run(published.name, func(t *testing.T) {
			t.Parallel()
			content := one(t, func() ([]byte, error) { return os.ReadFile(filepath.Join(dir, published.name)) })
			sums, subAccounts := published.plainly(t, content)
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				w.sellPublished(t, subAccounts)
				if diff := cmp.Diff(sums, w.importPublished(t, content)); diff != "" {
					t.Errorf("(-file +import): %s", diff)
				}
				w.checkSidesAgree(t)
				var months []string
				for _, d := range one(t, func() ([]*ent.UsageDataset, error) { return db.Client().UsageDataset.Query().All(w.system(t)) }) {
					months = append(months, d.Month)
				}
				slices.Sort(months)
				months = slices.Compact(months)
				for _, month := range months {
					for _, tier := range exampleTiers()[:3] {
						w.must(t, tier.actor, mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": w.ids[tier.slug], "month": month}})
					}
				}
				w.checkExplained(t, published.name, "9999-12")
				for _, buyer := range exampleTiers() {
					w.checkRoundTrip(t, buyer, months[0])
				}
			})
		})
	}
}

// plainly returns the sums of a file by currency, and its sub-accounts.
func (p publishedFile) plainly(t *testing.T, content []byte) (sums map[string]string, subAccounts []string) {
	t.Helper()
	rows := one(t, csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff")))).ReadAll)
	cost, currency, account := slices.Index(rows[0], p.cost), slices.Index(rows[0], p.currency), slices.Index(rows[0], p.subAccount)
	var totals money.Totals
	for _, row := range rows[1:] {
		totals.Add(money.Amount{Decimal: decimalOf(t, row[cost]), Currency: money.Currency(row[currency])})
		if row[account] != "" && row[account] != "NULL" && !slices.Contains(subAccounts, row[account]) {
			subAccounts = append(subAccounts, row[account])
		}
	}
	sums = map[string]string{}
	for _, total := range totals.Amounts() {
		sums[string(total.Currency)] = total.Decimal.String()
	}
	return sums, subAccounts
}

// sellPublished sets a price on every tier, and maps all sub-accounts but the last
// of several.
func (w *world) sellPublished(t *testing.T, subAccounts []string) {
	t.Helper()
	for i, price := range [][2]string{{"SOURCE", "1.07"}, {"UPSTREAM", "1.033333"}, {"LIST", "1.2"}} {
		tier := exampleTiers()[i]
		w.must(t, tier.actor, mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[tier.slug], "basis": price[0], "factor": price[1], "firstMonth": "2023-01",
		}})
	}
	owners, mappings := []string{"cove", "acme", "fjord", "northwind", "bravo"}, []any{}
	for i, account := range subAccounts[:max(1, len(subAccounts)-1)] {
		mappings = append(mappings, map[string]any{"subAccountId": account, "organizationId": w.ids[owners[i%len(owners)]]})
	}
	w.must(t, "ada", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["platform"], "mappings": mappings}})
}

// importPublished imports a file as the platform and returns what it cost, by
// currency.
func (w *world) importPublished(t *testing.T, content []byte) map[string]string {
	t.Helper()
	raw := w.upload(t, "ada", `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { status rowsSkipped billedCosts { amount currency } } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids["platform"], "file": nil}}, "variables.i.file", content)
	if !strings.Contains(string(raw), `"status":"ACTIVE","rowsSkipped":0`) {
		t.Fatalf("import: %s", raw)
	}
	return moneyIn(t, raw, "importUsage.import.billedCosts")
}

// moneyIn returns the amounts of a list in an answer, by currency.
func moneyIn(t *testing.T, raw []byte, path string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for i := 0; idIn(t, raw, fmt.Sprintf("%s.%d.currency", path, i)) != ""; i++ {
		sums[idIn(t, raw, fmt.Sprintf("%s.%d.currency", path, i))] = idIn(t, raw, fmt.Sprintf("%s.%d.amount", path, i))
	}
	return sums
}

// checkSidesAgree wants that what each seller takes is what its buyers pay, in each
// currency.
func (w *world) checkSidesAgree(t *testing.T) {
	t.Helper()
	for seller, buyers := range map[string][]string{"platform": {"northwind"}, "northwind": {"fjord", "acme", "bravo"}, "fjord": {"cove"}} {
		left := w.amounts(t, seller, "SELL")
		if len(left) == 0 {
			t.Errorf("%s sells nothing", seller)
		}
		for _, buyer := range buyers {
			for currency, amount := range w.amounts(t, buyer, "BUY") {
				left[currency] = left[currency].Sub(amount)
			}
		}
		for currency, amount := range left {
			if !amount.IsZero() {
				t.Errorf("%s takes %s %s more than its buyers pay", seller, amount, currency)
			}
		}
	}
}

// amounts returns what an organization pays or takes, by currency, whenever.
func (w *world) amounts(t *testing.T, organization, perspective string) map[string]money.Decimal {
	t.Helper()
	sums := map[string]money.Decimal{}
	for year := 2023; year < 2026; year++ {
		raw := w.askWith(t, "ada", `query($id: ID!, $p: CostPerspective, $from: Time!, $to: Time!) { organization(id: $id) {
			costs(from: $from, to: $to, interval: NONE, perspective: $p) { total { amount currency } otherTotals { amount currency } }
		} }`, map[string]any{
			"id": w.ids[organization], "p": perspective, "from": fmt.Sprintf("%d-01-01T00:00:00Z", year), "to": fmt.Sprintf("%d-01-01T00:00:00Z", year+1),
		})
		currency := idIn(t, raw, "organization.costs.total.currency")
		sums[currency] = sums[currency].Add(decimalOf(t, idIn(t, raw, "organization.costs.total.amount")))
		for currency, amount := range moneyIn(t, raw, "organization.costs.otherTotals") {
			sums[currency] = sums[currency].Add(decimalOf(t, amount))
		}
	}
	return sums
}

// checkRoundTrip exports what a buyer pays for a month, imports it elsewhere and
// wants the export of that to be the same.
func (w *world) checkRoundTrip(t *testing.T, buyer exampleTier, month string) {
	t.Helper()
	ask := func(w *world, actor, organization string) string {
		response, content := w.fetch(t, actor, url.Values{"organizationId": {w.ids[organization]}, "month": {month}})
		if response.StatusCode != 200 {
			t.Fatalf("export of %s: %s", organization, content)
		}
		return content
	}
	file := ask(w, buyer.actor, buyer.slug)
	if strings.Count(file, "\n") < 2 {
		if buyer.slug == "cove" {
			t.Errorf("the export of %s is empty", buyer.slug)
		}
		return // some pay for nothing of their own
	}
	other := newWorld(t, dbtest.SQLite(t))
	other.importPublished(t, []byte(file))
	if diff := cmp.Diff(file, ask(other, "ada", "platform")); diff != "" {
		t.Errorf("%s: %s", buyer.slug, diff)
	}
}
