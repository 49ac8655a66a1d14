package money_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/money"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number   string
		currency money.Currency
		want     string
	}{
		{"0", "EUR", "0.00"},
		{"1234.5", "USD", "1,234.50"},
		{"-1234567.89", "EUR", "−1,234,567.89"},
		{"-0.01", "EUR", "−0.01"},
		{"999", "EUR", "999.00"},
		{"1234567", "JPY", "1,234,567"},
		{"-12.5", "KWD", "−12.500"},
		{"0.005", "EUR", "0.005"},
		{"1.5", "JPY", "1.5"},
		{"99999999999999999999.999999999999999999", "EUR", "99,999,999,999,999,999,999.999999999999999999"},
		{"1234.5", "", "1,234.50"},
		{"1234.5", "???", "1,234.50"},
		{"100000000000000000000", "EUR", "100,000,000,000,000,000,000.00"},
	} {
		if got := (money.Amount{Decimal: dec(t, c.number), Currency: c.currency}).Figures(); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.number, c.currency, got, c.want)
		}
	}
}

// Nothing is lost on paper: what is read back is the number.
func TestFiguresAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := money.New(rapid.Int64().Draw(t, "n"), rapid.Int32Range(0, money.AmountPlaces).Draw(t, "places"))
		code := rapid.SampledFrom([]money.Currency{"EUR", "JPY", "KWD", "CLF"}).Draw(t, "currency")
		figures := money.Amount{Decimal: d, Currency: code}.Figures()
		back, err := money.Parse(strings.NewReplacer(",", "", "−", "-").Replace(figures))
		if err != nil || !back.Equal(d) {
			t.Fatalf("%s is written %s", d, figures)
		}
	})
}

func TestFiguresOfWhatHasOverflowed(t *testing.T) {
	t.Parallel()
	if got := (money.Amount{Decimal: money.New(1, 3000), Currency: "EUR"}).Figures(); got != "overflow" {
		t.Errorf("got %s", got)
	}
}
