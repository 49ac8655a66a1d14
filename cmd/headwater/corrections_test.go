package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// corrected is a way in which a provider corrects what it billed for May.
type corrected struct {
	name string
	// closed says that May is closed before the correction comes, which is then of
	// June's bill.
	closed bool
	rows   []string
	// May and June are what acme and bravo owe by their statements, paid what
	// northwind pays the provider for both.
	may, june map[string]string
	paid      string
}

// May's bill, as it came in first: acme's 1500.
const billOfMay = "1500,2000,{{may}},Usage,,R-111,USG-123,acct-acme"

// corrections are the kinds of corrections that FOCUS gives examples of: usage
// that was given to the wrong resource in part, usage that came late, costs that
// were wrong by line and as a whole. Each comes as a difference and as a reversal
// of what was billed with what should have been; while the month is open also as a
// file that replaces the one before.
//
// northwind sells at 1.2 in May and at 2 from June on. What corrects May is priced
// by May; adjustments pass as they are.
func corrections() []corrected {
	const (
		june       = "{{june}},Usage,Correction,"
		adjustment = "{{june}},Adjustment,Correction,"
	)
	reallocated := map[string]string{"acme": "-360", "bravo": "360"} // 300 × 1.2
	return []corrected{
		{
			"reallocated in part, by difference", true,
			[]string{"-300,-400," + june + "R-111,USG-123,acct-acme", "300,400," + june + "R-222,USG-123,acct-bravo"},
			map[string]string{"acme": "1800"},
			reallocated, "1500",
		},
		{
			"reallocated in part, by reversal", true,
			[]string{
				"-1500,-2000," + june + "R-111,USG-123,acct-acme", "1200,1600," + june + "R-111,USG-123,acct-acme",
				"300,400," + june + "R-222,USG-123,acct-bravo",
			},
			map[string]string{"acme": "1800"},
			reallocated, "1500",
		},
		{
			"late usage", true,
			[]string{"1500,2000," + june + ",USG-123,acct-bravo"},
			map[string]string{"acme": "1800"},
			map[string]string{"bravo": "1800"},
			"3000",
		},
		{
			"costs by line, by difference", true,
			[]string{"0.001,0.001," + adjustment + ",USG-123,acct-acme", "0.011,0.011," + adjustment + ",USG-456,acct-acme"},
			map[string]string{"acme": "1800"},
			map[string]string{"acme": "0.01"},
			"1500.012", // 0.012, rounded once
		},
		{
			"costs by line, by reversal", true,
			[]string{
				"-1500,-2000," + june + "R-111,USG-123,acct-acme", "1500,2000," + june + "R-111,USG-123,acct-acme",
				"0.012,0.012," + adjustment + ",USG-123,acct-acme",
			},
			map[string]string{"acme": "1800"},
			map[string]string{"acme": "0.01"},
			"1500.012",
		},
		{
			"the cost as a whole", true,
			[]string{"0.002,0.002," + adjustment + ",(null),"},
			map[string]string{"acme": "1800"},
			map[string]string{},
			"1500.002",
		},
		{
			"reallocated while open, by difference", false,
			[]string{
				billOfMay, "-300,-400,{{may}},Usage,Correction,R-111,USG-123,acct-acme", "300,400,{{may}},Usage,Correction,R-222,USG-123,acct-bravo",
			},
			map[string]string{"acme": "1440", "bravo": "360"},
			map[string]string{},
			"1500",
		},
		{
			"reallocated while open, by reversal", false,
			[]string{
				billOfMay, "-1500,-2000,{{may}},Usage,Correction,R-111,USG-123,acct-acme", "1200,1600,{{may}},Usage,Correction,R-111,USG-123,acct-acme",
				"300,400,{{may}},Usage,Correction,R-222,USG-123,acct-bravo",
			},
			map[string]string{"acme": "1440", "bravo": "360"},
			map[string]string{},
			"1500",
		},
		{
			"reallocated while open, by replacement", false,
			[]string{"1200,1600,{{may}},Usage,,R-111,USG-123,acct-acme", "300,400,{{may}},Usage,,R-222,USG-123,acct-bravo"},
			map[string]string{"acme": "1440", "bravo": "360"},
			map[string]string{},
			"1500",
		},
		{
			"late usage while open, by replacement", false,
			[]string{billOfMay, "100,100,{{may}},Usage,,,USG-123,acct-bravo"},
			map[string]string{"acme": "1800", "bravo": "120"},
			map[string]string{},
			"1600",
		},
		{
			"the cost as a whole while open, by replacement", false,
			[]string{billOfMay, "0.002,0.002,{{may}},Adjustment,,,(null),"},
			map[string]string{"acme": "1800"},
			map[string]string{},
			"1500.002",
		},
	}
}

// billFile returns a file of rows of the bill of May or June.
func billFile(rows ...string) string {
	const header = "BilledCost,ListCost,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass," +
		"ResourceId,SkuId,SubAccountId,BillingAccountId,BillingCurrency,ProviderName\n"
	const charged = "2026-05-01T00:00:00Z,2026-05-01T01:00:00Z"
	return header + strings.NewReplacer(
		"{{may}}", "2026-05-01T00:00:00Z,2026-06-01T00:00:00Z,"+charged, "{{june}}", "2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,"+charged,
	).Replace(strings.Join(rows, ",payer,USD,Cloud\n")+",payer,USD,Cloud\n")
}

// TestCorrections brings corrections in as a partner would, and wants that what
// customers owe comes to what it should have been in both styles.
func TestCorrections(t *testing.T) {
	t.Parallel()
	for _, c := range corrections() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				w.must(t, "paula", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "mappings": []any{
					map[string]any{"subAccountId": "acct-acme", "organizationId": w.ids["acme"]}, map[string]any{"subAccountId": "acct-bravo", "organizationId": w.ids["bravo"]},
				}}})
				for _, price := range [][2]string{{"2026-05", "1.2"}, {"2026-06", "2"}} {
					w.must(t, "paula", mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
						"sellerId": w.ids["northwind"], "factor": price[1], "basis": "SOURCE", "firstMonth": price[0], "reason": "because",
					}})
				}
				w.bringBill(t, billFile(billOfMay))
				if c.closed {
					w.closeBill(t, "2026-05")
				}
				w.bringBill(t, billFile(c.rows...))
				if !c.closed {
					w.closeBill(t, "2026-05")
				}
				w.closeBill(t, "2026-06")
				for month, want := range map[string]map[string]string{"2026-05": c.may, "2026-06": c.june} {
					got := map[string]string{}
					for _, buyer := range []exampleTier{{"acme", "olga"}, {"bravo", "bob"}} {
						for _, owed := range w.owed(t, buyer) {
							if of, total, _ := strings.Cut(owed, " "); of == month {
								got[buyer.slug] = total
							}
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("owed for %s: %s", month, diff)
					}
				}
				if got := w.paidForBills(t); got != c.paid {
					t.Errorf("northwind pays %s, want %s", got, c.paid)
				}
			})
		})
	}
}

func (w *world) bringBill(t *testing.T, file string) {
	t.Helper()
	answer := w.upload(t, "paula", `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { status } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "file": nil}}, "variables.i.file", []byte(file))
	if !strings.Contains(string(answer), `"status":"ACTIVE"`) {
		t.Fatalf("import: %s", answer)
	}
}

func (w *world) closeBill(t *testing.T, month string) {
	t.Helper()
	w.must(t, "paula", mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": w.ids["northwind"], "month": month}})
}

// paidForBills returns what northwind pays for the usage of May and June.
func (w *world) paidForBills(t *testing.T) string {
	t.Helper()
	return dig(w.must(t, "paula", `query($id: ID!) { organization(id: $id) {
		costs(from: "2026-05-01T00:00:00Z", to: "2026-07-01T00:00:00Z", interval: NONE) { total { amount } }
	} }`, map[string]any{"id": w.ids["northwind"]}), "organization.costs.total.amount")
}

// TestPublishedCorrections imports the published example of a correction after a
// closed period by the command line. It has no columns for account, currency and
// provider, which come from flags.
func TestPublishedCorrections(t *testing.T) {
	t.Parallel()
	const variable = "FOCUS_SAMPLE_DIR"
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skipf("to test with the published examples, set %s to the directory that has correction-examples", variable)
	}
	eachDatabase(t, func(t *testing.T, url string) {
		for _, name := range []string{"closed_scenario_1_original.csv", "closed_scenario_1_ledger.csv"} {
			importJSON(t, url, "--column", "BillingAccountId=acct", "--column", "BillingCurrency=USD", "--column", "ProviderName=Cloud",
				filepath.Join(dir, "correction-examples", name))
		}
		// May has what was billed, June the reversal and both halves of what it should
		// have been: 1500, and -1500 + 1200 + 300.
		sums := map[string]string{}
		for _, line := range texts(t, url, `SELECT l.month || ' ' || l.resource_id || ' ' || l.billed_cost FROM usage_lines l
			JOIN usage_datasets d ON d.id = l.dataset_id WHERE d.status = 'ACTIVE'`) {
			words := strings.Fields(line)
			key := strings.Join(words[:2], " ")
			sum := decimalOf(t, words[2])
			if before, ok := sums[key]; ok {
				sum = sum.Add(decimalOf(t, before))
			}
			sums[key] = sum.String()
		}
		want := map[string]string{"2025-05 R-111": "1500", "2025-06 R-111": "-300", "2025-06 R-222": "300"}
		if diff := cmp.Diff(want, sums); diff != "" {
			t.Error(diff)
		}
		months := texts(t, url, `SELECT month || ' ' || status FROM usage_datasets ORDER BY month`)
		if !slices.Equal(months, []string{"2025-05 ACTIVE", "2025-06 ACTIVE"}) {
			t.Errorf("the datasets are %q", months)
		}
	})
}
