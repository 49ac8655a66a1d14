package pricing_test

import (
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// The chain of the worked example: a platform, a distributor, a reseller and
// its customer.
var (
	platform    = orgtree.ID{15: 1}
	distributor = orgtree.ID{15: 2}
	reseller    = orgtree.ID{15: 3}
	customer    = orgtree.ID{15: 4}
	exampleWay  = orgtree.Path{platform, distributor, reseller, customer}
)

func dec(t testing.TB, s string) money.Decimal {
	t.Helper()
	d, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func month(t testing.TB, s string) pricing.Month {
	t.Helper()
	m, err := pricing.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// exampleRules are 1.10 of the platform on AWS, 1.05 of the distributor on
// everything and 1.20 of the reseller on one SKU, all on the basis.
func exampleRules(t testing.TB, basis pricing.Basis) []pricing.Rule {
	t.Helper()
	first := month(t, "2026-08")
	return []pricing.Rule{
		{ID: orgtree.ID{1}, Seller: platform, Selector: pricing.Selector{Provider: "AWS"}, Basis: basis, Factor: dec(t, "1.10"), FirstMonth: first, Version: 1},
		{ID: orgtree.ID{2}, Seller: distributor, Basis: basis, Factor: dec(t, "1.05"), FirstMonth: first, Version: 1},
		{ID: orgtree.ID{3}, Seller: reseller, Buyer: customer, Selector: pricing.Selector{SKU: "P5"}, Basis: basis, Factor: dec(t, "1.20"), FirstMonth: first, Version: 1},
	}
}

func exampleCharges(t testing.TB) []pricing.Charge {
	t.Helper()
	line := func(facts pricing.Facts, source, list string) pricing.Charge {
		return pricing.Charge{Chain: exampleWay, Line: pricing.Line{
			Facts: facts, Month: month(t, "2026-08"), Currency: "USD", SourceCost: dec(t, source), ListCost: dec(t, list),
		}}
	}
	return []pricing.Charge{
		line(pricing.Facts{Provider: "AWS", Service: "EC2", SKU: "P5", ChargeCategory: pricing.Usage}, "1000.00", "1200.00"),
		line(pricing.Facts{Provider: "AWS", Service: "S3", SKU: "S3-1", ChargeCategory: pricing.Usage}, "500.00", "600.00"),
		line(pricing.Facts{Provider: "GCP", Service: "Compute", SKU: "N2", ChargeCategory: pricing.Usage}, "200.00", "250.00"),
		line(pricing.Facts{Provider: "AWS", Service: "Promotion", ChargeCategory: pricing.Credit}, "-100.00", "0"),
	}
}

func TestWorkedExample(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		basis   pricing.Basis
		lines   [][]string // per line: what the distributor, the reseller and the customer pay
		totals  []string   // and in all
		margins []string   // of the platform, the distributor and the reseller
	}{
		{
			// Each seller multiplies what it pays itself:
			// 1000 × 1.10 = 1100, × 1.05 = 1155, × 1.20 = 1386.
			basis: pricing.Upstream,
			lines: [][]string{
				{"1100", "1155", "1386"},
				{"550", "577.5", "577.5"},
				{"200", "210", "210"},
				{"-100", "-100", "-100"},
			},
			totals:  []string{"1750", "1842.5", "2073.5"},
			margins: []string{"150", "92.5", "231"},
		},
		{
			// Each seller multiplies the source cost and passes its own buy price
			// where it has no rule. The distributor's 1.05 on everything undercuts
			// the 1.10 that it pays for AWS.
			basis: pricing.Source,
			lines: [][]string{
				{"1100", "1050", "1200"},
				{"550", "525", "525"},
				{"200", "210", "210"},
				{"-100", "-100", "-100"},
			},
			totals:  []string{"1750", "1685", "1835"},
			margins: []string{"150", "-65", "150"},
		},
		{
			// Each seller multiplies the list cost, of 1200, 600 and 250:
			//   P5       1200 × 1.10 = 1320   1200 × 1.05 = 1260   1200 × 1.20 = 1440
			//   S3        600 × 1.10 =  660    600 × 1.05 =  630   no rule:     630
			//   Compute   no rule:      200    250 × 1.05 = 262.5  no rule:     262.5
			//   credit    no rule:     -100    no rule:     -100   no rule:    -100
			//   total                  2080               2052.5              2232.5
			basis: pricing.List,
			lines: [][]string{
				{"1320", "1260", "1440"},
				{"660", "630", "630"},
				{"200", "262.5", "262.5"},
				{"-100", "-100", "-100"},
			},
			totals:  []string{"2080", "2052.5", "2232.5"},
			margins: []string{"480", "-27.5", "180"},
		},
	} {
		t.Run(string(tc.basis), func(t *testing.T) {
			t.Parallel()
			book := pricing.NewBook(exampleRules(t, tc.basis))
			charges := exampleCharges(t)
			for i, c := range charges {
				if diff := cmp.Diff(tc.lines[i], amounts(t, book, c)); diff != "" {
					t.Errorf("line %d: %s", i, diff)
				}
			}
			margins, err := book.Margins(slices.Values(charges))
			if err != nil {
				t.Fatal(err)
			}
			var totals, left []string
			for _, m := range margins {
				totals = append(totals, m.Revenue.String())
				left = append(left, m.Amount().String())
			}
			if diff := cmp.Diff(tc.totals, totals); diff != "" {
				t.Errorf("totals: %s", diff)
			}
			if diff := cmp.Diff(tc.margins, left); diff != "" {
				t.Errorf("margins: %s", diff)
			}
		})
	}
}

// amounts returns what the charge costs on each edge.
func amounts(t testing.TB, book *pricing.Book, c pricing.Charge) []string {
	t.Helper()
	rated, err := book.Rate(nil, c.Chain, &c.Line)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range rated {
		all = append(all, r.Amount.String())
	}
	return all
}

// The provider takes back 200 of August's P5 in September, when every price is
// another: the correction has August's factors.
func TestCorrectionHasTheFactorsOfItsCharge(t *testing.T) {
	t.Parallel()
	rules := exampleRules(t, pricing.Upstream)
	for i, r := range exampleRules(t, pricing.Upstream) {
		r.ID, r.FirstMonth, r.Version, r.Factor = orgtree.ID{9, byte(i)}, month(t, "2026-09"), 2, dec(t, "3")
		rules = append(rules, r)
	}
	book := pricing.NewBook(rules)
	charge := exampleCharges(t)[0]
	charge.Line.SourceCost = dec(t, "-200")
	august, september := month(t, "2026-08").Start(), month(t, "2026-09").Start()

	charge.Line.Month = pricing.MonthFor(pricing.Correction, september, august.AddDate(0, 0, 30))
	if diff := cmp.Diff([]string{"-220", "-231", "-277.2"}, amounts(t, book, charge)); diff != "" {
		t.Errorf("correction: %s", diff)
	}
	charge.Line.Month = pricing.MonthFor("", september, august)
	if diff := cmp.Diff([]string{"-600", "-1800", "-5400"}, amounts(t, book, charge)); diff != "" {
		t.Errorf("any other line billed in September: %s", diff)
	}
}

// A reseller that should have taken 1.15 gives back 1386.00 and takes 1328.25.
// Nobody above notices.
func TestResellersOwnMistake(t *testing.T) {
	t.Parallel()
	rules := exampleRules(t, pricing.Upstream)
	charge := exampleCharges(t)[0]
	wrong := amounts(t, pricing.NewBook(rules), charge)
	rules[2].Factor = dec(t, "1.15")
	right := amounts(t, pricing.NewBook(rules), charge)
	if diff := cmp.Diff(wrong[:2], right[:2]); diff != "" {
		t.Errorf("the edges above: %s", diff)
	}
	if right[2] != "1328.25" {
		t.Errorf("the customer pays %s", right[2])
	}
	if net := dec(t, right[2]).Sub(dec(t, wrong[2])); net.String() != "-57.75" {
		t.Errorf("the difference is %s", net)
	}
}

// The published sample of the FinOps Foundation, at 1.10 × 1.05 × 1.20 on
// every row: nothing is lost between the rows and the total.
func TestPublishedSample(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("FOCUS_SAMPLE_DIR")
	if folder == "" {
		t.Skip("FOCUS_SAMPLE_DIR is not set")
	}
	book := pricing.NewBook(everyCategory(t))
	rater := book.Rater()
	var totals money.Totals
	rows := 0
	for line := range sampleLines(t, filepath.Join(folder, "focus_sample_1000.csv")) {
		rated, err := rater.Rate(nil, exampleWay, &line)
		if err != nil {
			t.Fatal(err)
		}
		totals.Add(money.Amount{Decimal: rated[2].Amount, Currency: line.Currency})
		rows++
	}
	if rows != 1000 {
		t.Errorf("read %d rows", rows)
	}
	if got := totals.Of("USD"); got.String() != "28.44103424638014" {
		t.Errorf("the total is %s", got)
	}
	if got := totals.Of("USD").Round(2).String(); got != "28.44" {
		t.Errorf("rounded once it is %s", got)
	}
}

// everyCategory returns the rules of the example on every line whatsoever.
func everyCategory(t testing.TB) []pricing.Rule {
	t.Helper()
	var rules []pricing.Rule
	for _, r := range exampleRules(t, pricing.Upstream) {
		for i, c := range pricing.ChargeCategory("").Values() {
			r.ID[1] = byte(i)
			r.FirstMonth = month(t, "2024-01")
			r.Selector = pricing.Selector{ChargeCategory: pricing.ChargeCategory(c)}
			rules = append(rules, r)
		}
	}
	return rules
}

func sampleLines(t testing.TB, path string) func(func(pricing.Line) bool) {
	t.Helper()
	return func(yield func(pricing.Line) bool) {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		reader := csv.NewReader(file)
		header, err := reader.Read()
		if err != nil {
			t.Fatal(err)
		}
		for {
			row, err := reader.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cell := func(column string) string { return row[slices.Index(header, column)] }
			line := pricing.Line{
				Facts: pricing.Facts{
					Provider: cell("ProviderName"), Service: cell("ServiceName"), SKU: cell("SkuId"), Region: cell("RegionId"),
					ChargeCategory: pricing.ChargeCategory(cell("ChargeCategory")),
				},
				Month:    month(t, cell("BillingPeriodStart")[:7]),
				Currency: money.Currency(cell("BillingCurrency")), SourceCost: dec(t, cell("BilledCost")),
			}
			if !yield(line) {
				return
			}
		}
	}
}
