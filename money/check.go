package money

import "github.com/headwater-platform/headwater/fault"

// AmountPlaces is how many digits a stored amount has after the point.
const AmountPlaces = 18

// The other digits of what is stored: amounts are NUMERIC(38,18), factors
// NUMERIC(12,6).
const (
	amountIntegerDigits = 20
	factorIntegerDigits = 6
	factorPlaces        = 6
)

// CheckAmount returns nil if d fits an amount as it is stored, NUMERIC(38,18):
// at most 20 digits before the point and 18 after it, trailing zeros aside.
// Otherwise it returns INVALID.
func CheckAmount(d Decimal) error {
	return d.checkDigits("an amount", amountIntegerDigits, AmountPlaces)
}

// FitAmount returns d as it can be stored as an amount: rounded to 18 digits after
// the point, half to even, and no further from 0 than 20 digits before it allow.
// It is for sums of others' amounts, which nobody can be asked to mend.
func FitAmount(d Decimal) Decimal {
	d = d.Round(AmountPlaces)
	if CheckAmount(d) == nil {
		return d
	}
	most := Decimal{}
	for range amountIntegerDigits {
		most = most.Mul(FromInt(10)).Add(FromInt(9))
	}
	if d.Sign() < 0 {
		return most.Neg()
	}
	return most
}

// CheckFactor returns nil if d fits the factor of a price as it is stored,
// NUMERIC(12,6): above 0, at most 6 digits before the point and 6 after it.
// Otherwise it returns INVALID.
func CheckFactor(d Decimal) error {
	if d.Sign() < 0 || d.IsZero() {
		return fault.Invalidf("", "a factor is greater than 0")
	}
	return d.checkDigits("a factor", factorIntegerDigits, factorPlaces)
}

// checkDigits returns INVALID unless d has at most the given digits before and
// after the point.
func (d Decimal) checkDigits(noun string, integer, fraction int32) error {
	if d.scale > int(fraction) && !d.Round(fraction).Equal(d) {
		return fault.Invalidf("", "%s has at most %d digits after the decimal point", noun, fraction)
	}
	if d.surelyShorter(int(integer)) {
		return nil
	}
	limit := New(1, -integer)
	if d.Cmp(limit) >= 0 || d.Cmp(limit.Neg()) <= 0 {
		return fault.Invalidf("", "%s has at most %d digits before the decimal point", noun, integer)
	}
	return nil
}

// surelyShorter reports whether d is less than 10^digits either side of 0 by
// the bits of its coefficient alone. False means that only a comparison tells.
func (d *Decimal) surelyShorter(digits int) bool {
	const millibitsPerDigit = 3321 // less than 1000 × log2(10)
	return !d.Overflowed() && d.coef.BitLen()*1000 <= (digits+d.scale)*millibitsPerDigit
}
