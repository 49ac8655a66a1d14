package invoicing_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

func dec(t testing.TB, s string) money.Decimal {
	t.Helper()
	d, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cents is the precision of most currencies.
func cents(r money.Rounding) invoicing.Precision { return invoicing.Precision{Places: 2, Rounding: r} }

// told is a statement in words.
func told(s invoicing.Statement) string {
	var b strings.Builder
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "%s %s %s %s\n", l.Provider, l.Service, l.Category, l.Amount)
	}
	for _, r := range s.Reductions {
		fmt.Fprintf(&b, "less %s %s\n", r.Label, r.Amount)
	}
	for _, f := range s.Fees {
		fmt.Fprintf(&b, "fee %s %s\n", f.Label, f.Amount)
	}
	for _, x := range s.Taxes {
		fmt.Fprintf(&b, "tax %s %s%% of %s: %s\n", x.Name, x.Percent, x.Base, x.Amount)
	}
	fmt.Fprintf(&b, "total %s", s.Total())
	return b.String()
}

func TestDraw(t *testing.T) {
	t.Parallel()
	usage := func(service, sku, amount string) invoicing.Charge {
		return invoicing.Charge{Provider: "AWS", Service: service, SKU: sku, Category: pricing.Usage, Amount: dec(t, amount)}
	}
	rate := func(label, percent string, filters ...invoicing.Filter) invoicing.Discount {
		return invoicing.Discount{Label: label, Mode: invoicing.Rate, Percent: dec(t, percent), Filters: filters}
	}
	value := func(label, remaining string, filters ...invoicing.Filter) invoicing.Discount {
		return invoicing.Discount{Label: label, Mode: invoicing.Value, Remaining: dec(t, remaining), Filters: filters}
	}
	tax := invoicing.Charge{Provider: "AWS", Service: "VAT", Category: pricing.Tax, Amount: dec(t, "7")}
	for name, tt := range map[string]struct {
		charges []invoicing.Charge
		terms   invoicing.Terms
		want    string
	}{
		"nothing": {want: "total 0"},
		"lines by largest remainder": {
			charges: []invoicing.Charge{usage("A", "", "11.0044"), usage("B", "", "11.0044"), usage("C", "", "11.0044")},
			want:    "AWS A Usage 11.01\nAWS B Usage 11\nAWS C Usage 11\ntotal 33.01",
		},
		"a rate on one SKU of a line": {
			charges: []invoicing.Charge{usage("A", "p5", "10"), usage("A", "t3", "20")},
			terms:   invoicing.Terms{Discounts: []invoicing.Discount{rate("p5", "50", invoicing.Filter{Field: invoicing.SKU, Value: "p5"})}},
			want:    "AWS A Usage 30\nless p5 -5\ntotal 25",
		},
		"one of several names, and not another": {
			charges: []invoicing.Charge{usage("A", "p5", "10"), usage("B", "p5", "20"), usage("C", "p5", "40"), usage("C", "t3", "80")},
			terms: invoicing.Terms{Discounts: []invoicing.Discount{rate("some", "10",
				invoicing.Filter{Field: invoicing.Service, Value: "A"}, invoicing.Filter{Field: invoicing.Service, Value: "C"},
				invoicing.Filter{Field: invoicing.SKU, Value: "t3", Exclude: true})}},
			want: "AWS A Usage 10\nAWS B Usage 20\nAWS C Usage 120\nless some -5\ntotal 145",
		},
		"values take what rates leave, and no more": {
			charges: []invoicing.Charge{usage("A", "", "100")},
			terms:   invoicing.Terms{Discounts: []invoicing.Discount{rate("a tenth", "10"), value("gift", "30"), value("more", "1000")}},
			want:    "AWS A Usage 100\nless a tenth -10\nless gift -30\nless more -60\ntotal 0",
		},
		"nothing off what is not above 0": {
			charges: []invoicing.Charge{{Provider: "AWS", Service: "A", Category: pricing.Credit, Amount: dec(t, "-10")}, usage("A", "", "3")},
			terms:   invoicing.Terms{Discounts: []invoicing.Discount{rate("all", "100"), value("gift", "30")}},
			want:    "AWS A Credit -10\nAWS A Usage 3\ntotal -7",
		},
		"a provider's tax passes through": {
			charges: []invoicing.Charge{usage("A", "", "100"), tax},
			terms: invoicing.Terms{
				Discounts: []invoicing.Discount{rate("all", "100")},
				Taxes:     []invoicing.TaxRate{{Name: "VAT", Percent: dec(t, "20")}},
			},
			want: "AWS A Usage 100\nAWS VAT Tax 7\nless all -100\ntax VAT 20% of 0: 0\ntotal 7",
		},
		"a fee on what discounts leave, and taxes on both": {
			charges: []invoicing.Charge{usage("A", "", "1000")},
			terms: invoicing.Terms{
				Discounts: []invoicing.Discount{rate("a tenth", "10")},
				Fee:       &invoicing.SupportFee{Label: "support", Minimum: dec(t, "50"), Percent: dec(t, "10")},
				Taxes:     []invoicing.TaxRate{{Name: "GST", Percent: dec(t, "5")}, {Name: "QST", Percent: dec(t, "9.975")}},
			},
			want: "AWS A Usage 1000\nless a tenth -100\nfee support 90\ntax GST 5% of 990: 49.5\ntax QST 9.975% of 990: 98.75\ntotal 1138.25",
		},
		"the least fee": {
			terms: invoicing.Terms{Fee: &invoicing.SupportFee{Label: "support", Minimum: dec(t, "50"), Percent: dec(t, "10")}},
			want:  "fee support 50\ntotal 50",
		},
		"half a unit of tax goes to the even one": {
			charges: []invoicing.Charge{usage("A", "", "0.5")},
			terms:   invoicing.Terms{Taxes: []invoicing.TaxRate{{Name: "one", Percent: dec(t, "1")}, {Name: "three", Percent: dec(t, "3")}}},
			want:    "AWS A Usage 0.5\ntax one 1% of 0.5: 0\ntax three 3% of 0.5: 0.02\ntotal 0.52",
		},
	} {
		if diff := cmp.Diff(tt.want, told(invoicing.Draw(tt.charges, tt.terms, cents(money.HalfEven)))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// random returns charges of a few lines and terms of every kind.
func random(rng *rand.Rand) ([]invoicing.Charge, invoicing.Terms) {
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	percent := func() money.Decimal { return money.New(rng.Int64N(1_000_001), 4) }
	var charges []invoicing.Charge
	for _, provider := range []string{"AWS", "OCI"} {
		for _, service := range []string{"A", "B"} {
			for _, category := range []pricing.ChargeCategory{pricing.Credit, pricing.Tax, pricing.Usage} {
				for i := range rng.IntN(3) {
					amount := money.New(rng.Int64N(2_000_000)-500_000, int32(rng.IntN(8)))
					charges = append(charges, invoicing.Charge{Provider: provider, Service: service, SKU: fmt.Sprint(i), Category: category, Amount: amount})
				}
			}
		}
	}
	var terms invoicing.Terms
	for i := range rng.IntN(5) {
		d := invoicing.Discount{ID: orgtree.ID{byte(i + 1)}, Mode: invoicing.Rate, Percent: percent()}
		if rng.IntN(2) == 0 {
			d = invoicing.Discount{ID: d.ID, Mode: invoicing.Value, Remaining: money.New(rng.Int64N(100_000), 2)}
		}
		if rng.IntN(3) > 0 {
			d.Filters = append(d.Filters, invoicing.Filter{Field: invoicing.Provider, Value: pick("AWS", "OCI")})
		}
		if rng.IntN(3) == 0 {
			d.Filters = append(d.Filters, invoicing.Filter{Field: invoicing.SKU, Value: pick("0", "1"), Exclude: rng.IntN(2) == 0})
		}
		terms.Discounts = append(terms.Discounts, d)
	}
	if rng.IntN(2) == 0 {
		terms.Fee = &invoicing.SupportFee{Minimum: money.New(rng.Int64N(10_000), 2), Percent: percent()}
	}
	for range rng.IntN(3) {
		terms.Taxes = append(terms.Taxes, invoicing.TaxRate{Percent: percent()})
	}
	return charges, terms
}

// TestStatementsAddUp adds up what random statements say, by hand.
func TestStatementsAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(50_000)) {
		charges, terms := random(rand.New(rand.NewPCG(29, seed)))
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("seed %d: %s", seed, fmt.Sprintf(format, args...))
		}
		whole := func(what string, d money.Decimal) {
			t.Helper()
			if !d.Round(2).Equal(d) {
				fail("%s is %s", what, d)
			}
		}
		rounding := []money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up}[seed%4]
		s := invoicing.Draw(charges, terms, cents(rounding))
		var exact, lines, passed, reductions, fees, taxes money.Decimal
		for _, c := range charges {
			exact = exact.Add(c.Amount)
		}
		for _, l := range s.Lines {
			whole("a line", l.Amount)
			lines = lines.Add(l.Amount)
			if l.Category == pricing.Tax {
				passed = passed.Add(l.Amount)
			}
		}
		if !lines.Equal(exact.RoundBy(rounding, 2)) {
			fail("the lines are %s, the charges %s", lines, exact)
		}
		for _, r := range s.Reductions {
			whole("a discount", r.Amount)
			if r.Amount.Sign() >= 0 {
				fail("a discount of %s", r.Amount)
			}
			if d := terms.Discounts[r.Discount[0]-1]; d.Mode == invoicing.Value && d.Remaining.Add(r.Amount).Sign() < 0 {
				fail("a discount of %s, of which %s is left", r.Amount, d.Remaining)
			}
			reductions = reductions.Add(r.Amount)
		}
		for _, f := range s.Fees {
			whole("a fee", f.Amount)
			fees = fees.Add(f.Amount)
		}
		base := lines.Sub(passed).Add(reductions).Add(fees)
		for _, x := range s.Taxes {
			whole("a tax", x.Amount)
			if !x.Base.Equal(base) || !x.Amount.Equal(base.Mul(x.Percent).Mul(money.New(1, 2)).RoundBy(rounding, 2)) {
				fail("a tax is %s on %s and not on %s", x.Amount, x.Base, base)
			}
			taxes = taxes.Add(x.Amount)
		}
		if got, want := s.Total(), lines.Add(reductions).Add(fees).Add(taxes); !got.Equal(want) || !s.Discount().Equal(reductions) || !s.Fee().Equal(fees) || !s.Tax().Equal(taxes) {
			fail("the total is %s, want %s", got, want)
		}
	}
}

// TestDiscountsLeaveNothingNegative takes several discounts off one provider's
// charges: together they are never more than what its lines amount to, and another
// provider's lines and taxes that pass through are never touched.
func TestDiscountsLeaveNothingNegative(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(50_000)) {
		charges, terms := random(rand.New(rand.NewPCG(30, seed)))
		for i := range terms.Discounts {
			d := &terms.Discounts[i]
			d.Filters = append([]invoicing.Filter{{Field: invoicing.Provider, Value: "AWS"}}, d.Filters...)
			d.Filters = d.Filters[:1]
		}
		s := invoicing.Draw(charges, terms, cents([]money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up}[seed%4]))
		var base money.Decimal
		for _, l := range s.Lines {
			if l.Provider == "AWS" && l.Category != pricing.Tax {
				base = base.Add(l.Amount)
			}
		}
		if left := base.Add(s.Discount()); left.Sign() < 0 && !s.Discount().IsZero() {
			t.Fatalf("seed %d: %s is taken off %s", seed, s.Discount(), base)
		}
	}
}

func TestRatesFor(t *testing.T) {
	t.Parallel()
	acme := orgtree.ID{1}
	rates := []invoicing.TaxRate{
		{Name: "general", Months: invoicing.Months{First: 10}},
		{Name: "german", Country: "DE", Months: invoicing.Months{First: 10, Last: 20}},
		{Name: "german too", Country: "DE", Months: invoicing.Months{First: 10}},
		{Name: "reverse", Country: "DE", ReverseCharge: true, Months: invoicing.Months{First: 10}},
		{Name: "exempt", Buyer: acme, Months: invoicing.Months{First: 15}},
	}
	for _, tt := range []struct {
		customer invoicing.Customer
		month    pricing.Month
		want     string
	}{
		{invoicing.Customer{}, 9, ""},
		{invoicing.Customer{}, 10, "general"},
		{invoicing.Customer{Country: "FR", VATID: "1"}, 10, "general"},
		{invoicing.Customer{Country: "DE"}, 20, "german, german too"},
		{invoicing.Customer{Country: "DE"}, 21, "german too"},
		{invoicing.Customer{Country: "DE", VATID: "1"}, 20, "reverse"},
		{invoicing.Customer{ID: acme, Country: "DE", VATID: "1"}, 14, "reverse"},
		{invoicing.Customer{ID: acme, Country: "DE", VATID: "1"}, 15, "exempt"},
	} {
		var names []string
		for _, r := range invoicing.RatesFor(rates, tt.customer, tt.month) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, ", "); got != tt.want {
			t.Errorf("%+v in %d: %s, want %s", tt.customer, tt.month, got, tt.want)
		}
	}
}

func TestDiscountsFor(t *testing.T) {
	t.Parallel()
	acme, bravo := orgtree.ID{1}, orgtree.ID{2}
	always := invoicing.Months{First: 1}
	discounts := []invoicing.Discount{
		{Label: "value", Mode: invoicing.Value, Buyer: acme, Currency: "USD", Months: always},
		{Label: "euros", Mode: invoicing.Value, Buyer: acme, Currency: "EUR", Months: always},
		{Label: "all", Mode: invoicing.Rate, Months: always},
		{Label: "hers", Mode: invoicing.Rate, Buyer: bravo, Months: always},
		{Label: "later", Mode: invoicing.Rate, Months: invoicing.Months{First: 3}},
		{Label: "over", Mode: invoicing.Rate, Months: invoicing.Months{First: 1, Last: 1}},
		{Label: "his", Mode: invoicing.Rate, Buyer: acme, Months: always},
	}
	var labels []string
	for _, d := range invoicing.DiscountsFor(discounts, invoicing.Customer{ID: acme}, 2, "USD") {
		labels = append(labels, d.Label)
	}
	if diff := cmp.Diff([]string{"all", "his", "value"}, labels); diff != "" {
		t.Error(diff)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	many := make([]invoicing.Filter, invoicing.MaxFilters+1)
	for name, err := range map[string]error{
		"a negative percent":       invoicing.CheckPercent("p", dec(t, "-0.1")),
		"more than all":            invoicing.CheckPercent("p", dec(t, "100.0001")),
		"a percent of five places": invoicing.CheckPercent("p", dec(t, "1.00001")),
		"no first month":           invoicing.Months{Last: 3}.Check(),
		"an end before":            invoicing.Months{First: 4, Last: 3}.Check(),
		"many filters":             invoicing.CheckFilters(many),
		"a filter of nothing":      invoicing.CheckFilters(many[:1]),
		"a discount on taxes":      invoicing.CheckFilters([]invoicing.Filter{{Field: invoicing.ChargeCategory, Value: "Tax"}}),
		"no category":              invoicing.CheckFilters([]invoicing.Filter{{Field: invoicing.ChargeCategory, Value: "usage"}}),
	} {
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"nothing": invoicing.CheckPercent("p", money.Decimal{}), "all": invoicing.CheckPercent("p", dec(t, "100")),
		"one month": invoicing.Months{First: 3, Last: 3}.Check(), "for good": invoicing.Months{First: 3}.Check(),
		"filters": invoicing.CheckFilters([]invoicing.Filter{{Field: invoicing.ChargeCategory, Value: "Usage"}, {Field: invoicing.SKU, Value: "p5", Exclude: true}}),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCreditNotes credits random parts of a statement until all is credited: then
// all of each tax is, and nothing more can be.
func TestCreditNotes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		rng := rand.New(rand.NewPCG(31, seed))
		of := invoicing.Credited{Untaxed: money.New(1+rng.Int64N(100_000), 2)}
		for range rng.IntN(3) {
			of.Taxes = append(of.Taxes, invoicing.CreditedTax{Amount: money.New(rng.Int64N(50_000), 2)})
		}
		for of.Credited.Cmp(of.Untaxed) < 0 {
			rest := of.Untaxed.Sub(of.Credited)
			part := money.New(1+rng.Int64N(30_000), 2)
			if part.Cmp(rest) > 0 {
				if _, err := invoicing.Credit(of, []money.Decimal{part}, 2); fault.CodeOf(err) != fault.LimitExceeded {
					t.Fatalf("seed %d: %s of %s: %v", seed, part, rest, err)
				}
				part = rest
			}
			taxes, err := invoicing.Credit(of, []money.Decimal{part}, 2)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			of.Credited = of.Credited.Add(part)
			for i, tax := range taxes {
				if tax.Sign() < 0 || !tax.Round(2).Equal(tax) {
					t.Fatalf("seed %d: a tax of %s is credited", seed, tax)
				}
				of.Taxes[i].Credited = of.Taxes[i].Credited.Add(tax)
			}
		}
		for _, tax := range of.Taxes {
			if !tax.Credited.Equal(tax.Amount) {
				t.Fatalf("seed %d: %s of %s are credited", seed, tax.Credited, tax.Amount)
			}
		}
	}
}

func TestCreditRefuses(t *testing.T) {
	t.Parallel()
	of := invoicing.Credited{Untaxed: dec(t, "10"), Credited: dec(t, "4")}
	for amount, want := range map[string]fault.Code{
		"0": fault.Invalid, "-1": fault.Invalid, "0.001": fault.Invalid, "6.01": fault.LimitExceeded, "6": "",
	} {
		if _, err := invoicing.Credit(of, []money.Decimal{dec(t, amount)}, 2); fault.CodeOf(err) != want && (want != "" || err != nil) {
			t.Errorf("%s: %v", amount, err)
		}
	}
	if _, err := invoicing.Credit(invoicing.Credited{Untaxed: dec(t, "-5")}, []money.Decimal{dec(t, "1")}, 2); fault.CodeOf(err) != fault.LimitExceeded {
		t.Errorf("of a statement that is owed to the buyer: %v", err)
	}
}

func TestMonthsDiffer(t *testing.T) {
	t.Parallel()
	const closed = pricing.Month(10)
	for _, tt := range []struct {
		before, after invoicing.Months
		want          bool
	}{
		{invoicing.Months{}, invoicing.Months{First: 11}, false},
		{invoicing.Months{}, invoicing.Months{First: 10}, true},
		{invoicing.Months{First: 8}, invoicing.Months{First: 8, Last: 10}, false},
		{invoicing.Months{First: 8}, invoicing.Months{First: 8, Last: 9}, true},
		{invoicing.Months{First: 8, Last: 9}, invoicing.Months{First: 8}, true},
		{invoicing.Months{First: 8, Last: 12}, invoicing.Months{First: 8}, false},
		{invoicing.Months{First: 12}, invoicing.Months{First: 12, Last: 12}, false},
	} {
		if got := tt.before.Differ(tt.after, closed); got != tt.want {
			t.Errorf("%v and %v: %v", tt.before, tt.after, got)
		}
	}
}
