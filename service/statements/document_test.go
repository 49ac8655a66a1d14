package statements

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/paper"
	"github.com/headwater-platform/headwater/pricing"
)

// drawn returns a random statement as it is told.
func drawn(rng *rand.Rand) (*Statement, []*Line, *items) {
	percent := func() money.Decimal { return money.New(1+rng.Int64N(1_000_000), 4) }
	var charges []invoicing.Charge
	for i := range 1 + rng.IntN(5) {
		for range 1 + rng.IntN(3) {
			category := []pricing.ChargeCategory{pricing.Usage, pricing.Credit, pricing.Tax}[i%3]
			amount := money.New(rng.Int64N(3_000_000)-500_000, 4)
			charges = append(charges, invoicing.Charge{Provider: "AWS", Service: fmt.Sprint(i), Category: category, Amount: amount})
		}
	}
	terms := invoicing.Terms{
		Discounts: []invoicing.Discount{{Mode: invoicing.Rate, Percent: percent()}, {Mode: invoicing.Value, Remaining: money.New(rng.Int64N(10_000), 2)}},
		Fee:       &invoicing.SupportFee{Percent: percent(), Minimum: money.New(rng.Int64N(2)*500, 2)},
	}
	for range rng.IntN(3) {
		terms.Taxes = append(terms.Taxes, invoicing.TaxRate{Percent: percent()})
	}
	s := invoicing.Draw(charges, terms, invoicing.Precision{Places: 2})
	in := func(d money.Decimal) money.Amount { return money.Amount{Decimal: d, Currency: "EUR"} }
	st := &Statement{Status: Issued, Discount: in(s.Discount()), Fees: in(s.Fee()), Tax: in(s.Tax()), Total: in(s.Total())}
	var lines []*Line
	for _, l := range s.Lines {
		lines = append(lines, &Line{Provider: l.Provider, Service: l.Service, ChargeCategory: l.Category, Amount: in(l.Amount)})
	}
	beside := &items{}
	for _, r := range s.Reductions {
		beside.discounts = append(beside.discounts, &Discount{Label: r.Label, Percent: r.Percent, Amount: in(r.Amount)})
	}
	for _, f := range s.Fees {
		beside.fees = append(beside.fees, &Fee{Label: f.Label, Amount: in(f.Amount)})
	}
	for _, t := range s.Taxes {
		beside.taxes = append(beside.taxes, &Tax{Name: t.Name, Percent: t.Percent, Base: in(t.Base), Amount: in(t.Amount)})
	}
	return st, lines, beside
}

// printed adds up a document: its lines, and the taxes among its totals.
func printed(d paper.Document) (untaxed, taxes money.Decimal) {
	for _, line := range d.Lines {
		untaxed = untaxed.Add(line.Amount)
	}
	for _, total := range d.Totals {
		if total.Kind == paper.Tax {
			taxes = taxes.Add(total.Amount)
		}
	}
	return untaxed, taxes
}

// TestDocumentsAddUp adds up everything that is printed of random statements.
func TestDocumentsAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		st, lines, beside := drawn(rand.New(rand.NewPCG(32, seed)))
		d := documentOf(st, lines, beside, paper.Party{}, paper.Party{})
		untaxed, taxes := printed(d)
		last := d.Totals[len(d.Totals)-1]
		if last.Kind != "" || !untaxed.Add(taxes).Equal(last.Amount) || !last.Amount.Equal(st.Total.Decimal) {
			t.Fatalf("seed %d: lines of %s and taxes of %s are a total of %s", seed, untaxed, taxes, last.Amount)
		}
		for _, total := range d.Totals {
			if total.Kind == paper.Subtotal && !total.Amount.Equal(untaxed) {
				t.Fatalf("seed %d: lines of %s are a subtotal of %s", seed, untaxed, total.Amount)
			}
		}
		lineSum := st.TotalUndiscounted().Decimal
		if got := lineSum.Add(st.TotalDiscount().Decimal).Add(st.TotalFees().Decimal); !got.Equal(st.TotalUntaxed().Decimal) {
			t.Fatalf("seed %d: %s is not %s", seed, got, st.TotalUntaxed())
		}
	}
}

// TestCreditDocumentsAddUp does so with a credit note.
func TestCreditDocumentsAddUp(t *testing.T) {
	t.Parallel()
	in := func(n int64) money.Amount { return money.Amount{Decimal: money.New(n, 2), Currency: "EUR"} }
	number := "000007"
	n := &CreditNote{Number: "C000001", Reason: "as agreed", Untaxed: in(150), Tax: in(30), Total: in(180), IssuedAt: time.Unix(0, 0).UTC()}
	d := creditDocumentOf(n, &Statement{Number: &number}, &creditItems{
		lines: []*CreditLine{{Reason: "an outage", Amount: in(100)}, {Reason: "and another", Amount: in(50)}},
		taxes: []*CreditTax{{Name: "VAT", Percent: money.FromInt(20), Amount: in(30)}},
	})
	untaxed, taxes := printed(d)
	if !untaxed.Add(taxes).Equal(d.Totals[len(d.Totals)-1].Amount) || !untaxed.Equal(d.Totals[0].Amount) {
		t.Errorf("%s and %s in %+v", untaxed, taxes, d.Totals)
	}
	if d.Facts[2].Value != number || d.Notes[0] != "as agreed" || d.Number != n.Number {
		t.Errorf("it says %+v", d)
	}
}
