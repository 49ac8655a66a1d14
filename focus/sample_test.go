package focus

import (
	"encoding/csv"
	"math/big" //nolint:depguard // a sum that owes nothing to package money
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

// sampleDirVariable names the directory with the files that the FinOps
// Foundation publishes: its sample data, and under correction-examples the
// examples of the specification.
const sampleDirVariable = "FOCUS_SAMPLE_DIR"

// sample returns a published file.
func sample(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv(sampleDirVariable)
	if dir == "" {
		t.Skipf("to test with the published sample, set %s to the directory that has %s", sampleDirVariable, name)
	}
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatalf("read the published sample: %v", err)
	}
	return string(content)
}

const publishedSample = "focus_sample_1000.csv"

func TestSampleIsReadToTheLastDigit(t *testing.T) {
	t.Parallel()
	content := sample(t, publishedSample)
	rows := mustRead(t, content, Options{})
	if len(rows) != 1000 {
		t.Errorf("got %d rows, want 1000", len(rows))
	}
	for column, value := range map[string]func(*Row) NullDecimal{
		"BilledCost":       func(r *Row) NullDecimal { return Some(r.BilledCost) },
		"EffectiveCost":    func(r *Row) NullDecimal { return r.EffectiveCost },
		"ListCost":         func(r *Row) NullDecimal { return r.ListCost },
		"ContractedCost":   func(r *Row) NullDecimal { return r.ContractedCost },
		"ConsumedQuantity": func(r *Row) NullDecimal { return r.ConsumedQuantity },
		"PricingQuantity":  func(r *Row) NullDecimal { return r.PricingQuantity },
	} {
		var sum money.Decimal
		nulls := 0
		for i := range rows {
			v := value(&rows[i])
			if !v.Valid {
				nulls++
			}
			sum = sum.Add(v.Decimal)
		}
		want, wantNulls := naiveSum(t, content, column)
		got, ok := new(big.Rat).SetString(sum.String())
		if !ok || got.Cmp(want) != 0 || nulls != wantNulls {
			t.Errorf("%s adds up to %s with %d nulls, want %s with %d", column, sum, nulls, want.FloatString(20), wantNulls)
		}
	}
}

// naiveSum adds a column up with nothing but the standard library.
func naiveSum(t *testing.T, content, column string) (sum *big.Rat, nulls int) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sum = new(big.Rat)
	for i, name := range records[0] {
		if name != column {
			continue
		}
		for _, record := range records[1:] {
			cell, ok := new(big.Rat).SetString(record[i])
			if !ok {
				nulls++
				continue
			}
			sum.Add(sum, cell)
		}
	}
	return sum, nulls
}

func TestSampleHasItsQuirks(t *testing.T) {
	t.Parallel()
	count := make(map[string]int)
	for _, r := range mustRead(t, sample(t, publishedSample), Options{}) {
		tally := func(quirk string, is bool) {
			if is {
				count[quirk]++
			}
		}
		tally("provider "+r.Provider, true)
		tally("frequency "+r.ChargeFrequency, true)
		tally("category "+r.ChargeCategory, true)
		tally("class", r.ChargeClass != "")
		tally("contracted cost null", !r.ContractedCost.Valid)
		tally("cost 0", r.BilledCost.IsZero())
		tally("negative usage", r.ChargeCategory == CategoryUsage && r.BilledCost.Sign() < 0)
		tally("negative quantity", r.ConsumedQuantity.Decimal.Sign() < 0)
		tally("Microsoft price as zone", r.Provider == "Microsoft" && strings.ContainsAny(r.AvailabilityZone, "0123456789"))
		tally("both org tags", r.Tags["org"] != "" && r.Tags[" org"] != "")
		tally("billed later", r.ChargePeriodEnd.Before(r.BillingPeriodStart))
		tally("Id kept", len(r.Extra) > 0 && r.Extra[len(r.Extra)-1].Name == "Id")
	}
	want := map[string]int{
		"provider AWS": 942, "provider Microsoft": 51, "provider Oracle": 7,
		"frequency Usage-Based": 999, "frequency One-Time": 1,
		"category Usage": 997, "category Credit": 1, "category Adjustment": 2,
		"contracted cost null": 7, "cost 0": 329, "negative usage": 12, "negative quantity": 12,
		"Microsoft price as zone": 51, "both org tags": 21, "billed later": 1, "Id kept": 1000,
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}

func TestSampleSurvivesBeingWritten(t *testing.T) {
	t.Parallel()
	r, err := NewReader(strings.NewReader(sample(t, publishedSample)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := mustRead(t, sample(t, publishedSample), Options{})
	for _, compress := range []bool{false, true} {
		again := mustRead(t, written(t, WriterOptions{Gzip: compress, Extra: r.ExtraColumns()}, rows...), Options{})
		if diff := diffRows(rows, again); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSampleCorrectionsNeedOnlyDefaults(t *testing.T) {
	t.Parallel()
	o := Options{Defaults: map[string]string{
		"BillingAccountId": "acct", "BillingCurrency": "USD", "ProviderName": "Cloud",
	}}
	original := mustRead(t, sample(t, "correction-examples/closed_scenario_1_original.csv"), o)
	ledger := mustRead(t, sample(t, "correction-examples/closed_scenario_1_ledger.csv"), o)
	if len(original) != 1 || original[0].ChargeClass != "" || !original[0].BilledCost.Equal(money.FromInt(1500)) {
		t.Errorf("the original is %v", original)
	}
	sum := money.Decimal{}
	for _, r := range ledger {
		if r.ChargeClass != ClassCorrection || !r.ChargePeriodStart.Before(r.BillingPeriodStart) {
			t.Errorf("line %d is %s of %v billed in %v", r.Line, r.ChargeClass, r.ChargePeriodStart, r.BillingPeriodStart)
		}
		sum = sum.Add(r.BilledCost)
	}
	if len(ledger) != 3 || !sum.IsZero() {
		t.Errorf("%d corrections add up to %s, want 3 and 0", len(ledger), sum)
	}
}

// nativeSamples are published files in providers' own formats.
var nativeSamples = map[string]struct {
	format     Format
	rows       int
	cost       string // the column that is billed
	categories map[string]int
	currency   string
	list       int // rows whose list cost is known
	tags       int // rows with tags
}{
	"native/aws-cur-sample-anonymous.csv": {
		FormatAWS, 1281, "lineItem/UnblendedCost", map[string]int{CategoryUsage: 1269, CategoryTax: 12}, "USD", 1281, 0,
	},
	"native/azure-ea-sample-anonymous.csv": {
		FormatAzure, 27, "CostInBillingCurrency", map[string]int{CategoryUsage: 27}, "CAD", 0, 27,
	},
	"native/oci-cost-report-scrubbed.csv": {
		FormatOCI, 506, "cost/myCost", map[string]int{CategoryUsage: 506}, "USD", 0, 0,
	},
}

func TestNativeSamplesAreConverted(t *testing.T) {
	t.Parallel()
	for name, want := range nativeSamples {
		t.Run(string(want.format), func(t *testing.T) {
			t.Parallel()
			content := sample(t, name)
			r, err := NewReader(strings.NewReader(content), Options{})
			if err != nil {
				t.Fatal(err)
			}
			rows := mustRead(t, content, Options{})
			if r.Format() != want.format || len(rows) != want.rows {
				t.Errorf("got %d rows of %s, want %d of %s", len(rows), r.Format(), want.rows, want.format)
			}
			var sum money.Decimal
			categories, list, tags := make(map[string]int), 0, 0
			for i := range rows {
				sum = sum.Add(rows[i].BilledCost)
				categories[rows[i].ChargeCategory]++
				if rows[i].ListCost.Valid {
					list++
				}
				if len(rows[i].Tags) > 0 {
					tags++
				}
				checkMandatory(t, &rows[i], want.currency)
			}
			got, ok := new(big.Rat).SetString(sum.String())
			total, _ := naiveSum(t, content, want.cost)
			if !ok || got.Cmp(total) != 0 {
				t.Errorf("the costs add up to %s, want %s", sum, total.FloatString(20))
			}
			if diff := cmp.Diff(want.categories, categories); diff != "" || list != want.list || tags != want.tags {
				t.Errorf("%d rows have a list cost and %d have tags; %s", list, tags, diff)
			}
			for _, compress := range []bool{false, true} {
				stored := written(t, WriterOptions{Gzip: compress, Extra: r.ExtraColumns()}, rows...)
				if diff := diffRowsButLines(rows, mustRead(t, stored, Options{})); diff != "" {
					t.Errorf("as FOCUS: %s", diff)
				}
			}
		})
	}
}

// checkMandatory checks what FOCUS wants of each row and these files can say.
func checkMandatory(t *testing.T, r *Row, currency string) {
	t.Helper()
	for column, value := range map[string]string{
		"BillingAccountId": r.BillingAccountID, "SubAccountId": r.SubAccountID, "ChargeDescription": r.ChargeDescription,
		"ServiceName": r.ServiceName, "ServiceProviderName": r.Provider, "HostProviderName": r.HostProvider,
		"InvoiceIssuerName": r.InvoiceIssuer,
	} {
		if value == "" {
			t.Errorf("line %d has no %s", r.Line, column)
		}
	}
	if r.ChargeCategory == CategoryUsage && (r.SKU == "" || r.Region == "" || !r.PricingQuantity.Valid || r.PricingUnit == "") {
		t.Errorf("line %d: SKU %q, region %q, %v %q", r.Line, r.SKU, r.Region, r.PricingQuantity, r.PricingUnit)
	}
	if !r.EffectiveCost.Valid || !r.ContractedCost.Valid || r.BillingCurrency != currency {
		t.Errorf("line %d: effective %v, contracted %v, in %s", r.Line, r.EffectiveCost, r.ContractedCost, r.BillingCurrency)
	}
	if r.ChargePeriodStart.Before(r.BillingPeriodStart) || r.ChargePeriodEnd.After(r.BillingPeriodEnd) {
		t.Errorf("line %d: charged %v to %v", r.Line, r.ChargePeriodStart, r.ChargePeriodEnd)
	}
	if r.BillingPeriodStart.Day() != 1 || !r.BillingPeriodEnd.Equal(r.BillingPeriodStart.AddDate(0, 1, 0)) {
		t.Errorf("line %d: billed %v to %v", r.Line, r.BillingPeriodStart, r.BillingPeriodEnd)
	}
}
