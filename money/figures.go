package money

import "strings"

// minus is the sign of a negative number on paper: as wide as a digit, unlike a
// hyphen.
const minus = "−"

// Figures returns the number as it stands on paper, without the currency:
// "−1,234.50". Thousands are grouped, and there are as many digits after the
// point as the currency's minor unit has, or more where the number has more:
// nothing is rounded. What has overflowed is "overflow".
//
// The formatter of package currency is not used, because it calculates with 19
// digits or with 39 and writes NaN where they are too few.
func (a Amount) Figures() string {
	if a.Decimal.Overflowed() {
		return a.Decimal.String()
	}
	digits, negative := strings.CutPrefix(a.Decimal.String(), "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if missing := int(a.Currency.Digits()) - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}

	var b strings.Builder
	if negative {
		b.WriteString(minus)
	}
	writeGrouped(&b, whole)
	if fraction != "" {
		b.WriteByte('.')
		b.WriteString(fraction)
	}
	return b.String()
}

// writeGrouped writes digits with a comma before each three from the right.
func writeGrouped(b *strings.Builder, digits string) {
	for i := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
}
