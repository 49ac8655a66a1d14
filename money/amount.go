package money

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bojanz/currency"

	"github.com/headwater-platform/headwater/fault"
)

// ErrCurrency is returned for arithmetic on amounts of two currencies.
var ErrCurrency = errors.New("the amounts are in different currencies")

// Currency is the code of an ISO 4217 currency, such as EUR.
type Currency string

// ParseCurrency returns the currency of a three-letter code in capitals. The
// error is INVALID; its Field is for the caller.
func ParseCurrency(code string) (Currency, error) {
	if code == "" || !currency.IsValid(code) {
		return "", fault.Invalidf("", "%q is not an ISO 4217 currency code", shorten(code))
	}
	return Currency(code), nil
}

// Digits returns how many digits the minor unit has: 2 for USD, 0 for JPY, 3
// for KWD. A currency that ParseCurrency refuses has 2.
func (c Currency) Digits() int32 {
	digits, ok := currency.GetDigits(string(c))
	if !ok {
		return 2
	}
	return int32(digits)
}

// shorten keeps a text of unknown length out of a message.
func shorten(s string) string {
	const enough = 20
	if len(s) <= enough {
		return s
	}
	return s[:enough] + "…"
}

// Amount is a number of units of one currency.
type Amount struct {
	Decimal  Decimal
	Currency Currency
}

// Add returns a + b, or ErrCurrency if their currencies differ.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("adding %s to %s: %w", b.Currency, a.Currency, ErrCurrency)
	}
	return Amount{Decimal: a.Decimal.Add(b.Decimal), Currency: a.Currency}, nil
}

// Sub returns a − b, or ErrCurrency if their currencies differ.
func (a Amount) Sub(b Amount) (Amount, error) {
	return a.Add(b.Neg())
}

// Neg returns −a.
func (a Amount) Neg() Amount { return Amount{Decimal: a.Decimal.Neg(), Currency: a.Currency} }

// Equal reports whether a and b are the same number of the same currency.
func (a Amount) Equal(b Amount) bool {
	return a.Currency == b.Currency && a.Decimal.Equal(b.Decimal)
}

// Round returns a rounded to the currency's minor unit, half to even.
func (a Amount) Round() Amount {
	return Amount{Decimal: a.Decimal.Round(a.Currency.Digits()), Currency: a.Currency}
}

// String returns the number and the currency: "2.5 EUR".
func (a Amount) String() string { return a.Decimal.String() + " " + string(a.Currency) }

// Totals are sums kept apart by currency. The zero value is empty and ready.
type Totals struct {
	sums map[Currency]Decimal
}

// Add adds the amount to the total of its currency.
func (t *Totals) Add(a Amount) {
	if t.sums == nil {
		t.sums = make(map[Currency]Decimal)
	}
	t.sums[a.Currency] = t.sums[a.Currency].Add(a.Decimal)
}

// Of returns the total in the currency, 0 if nothing was added in it.
func (t *Totals) Of(c Currency) Decimal { return t.sums[c] }

// Amounts returns the totals by the currencies' codes, those of 0 among them.
func (t *Totals) Amounts() []Amount {
	amounts := make([]Amount, 0, len(t.sums))
	for _, c := range slices.Sorted(maps.Keys(t.sums)) {
		amounts = append(amounts, Amount{Decimal: t.sums[c], Currency: c})
	}
	return amounts
}
