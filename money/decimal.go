package money

import (
	"cmp"

	"github.com/cockroachdb/apd/v3"
)

// Bounds of one value. A value within them has at most some 2400 digits on
// either side of the point, which a chain of sixteen factors and the sum of
// any number of amounts stay far below.
const (
	maxBits  = 8192
	maxScale = 2000
	overflow = maxScale + 1
)

// Decimal is an exact decimal number. It is immutable, so copies may be shared
// between goroutines; the zero value is 0. Two decimals of one value may be
// kept differently, so they are compared by Cmp or Equal, never by ==.
//
// Add, Sub, Mul and Neg are exact. A result of more than some 2400 digits, as
// only a loop over its own result can reach, is not a number any more: it and
// everything computed from it reports Overflowed, cannot be marshaled, and
// prints as a text that no database and no parser takes for a number.
type Decimal struct {
	_ [0]func() // refuses ==, which would tell 1.5 from 1.50

	// The value is coef × 10^-scale. The scale overflow marks no number. Large
	// coefficients are shared by copies of the struct, so that coef is only ever
	// written in a Decimal that its function has just made.
	coef  apd.BigInt
	scale int
}

// FromInt returns the integer as a decimal.
func FromInt(n int64) Decimal { return New(n, 0) }

// New returns n × 10^-places, so that New(105, 2) is 1.05. More than 2000
// places in either direction overflow.
func New(n int64, places int32) Decimal {
	d := Decimal{scale: int(places)}
	d.coef.SetInt64(n)
	return d.bounded()
}

// Add returns d + e.
func (d Decimal) Add(e Decimal) Decimal {
	if d.Overflowed() || e.Overflowed() {
		return overflowed()
	}
	var sum Decimal
	a, b := align(&d, &e, &sum)
	sum.coef.Add(a, b)
	return sum.bounded()
}

// Sub returns d − e.
func (d Decimal) Sub(e Decimal) Decimal {
	if d.Overflowed() || e.Overflowed() {
		return overflowed()
	}
	var difference Decimal
	a, b := align(&d, &e, &difference)
	difference.coef.Sub(a, b)
	return difference.bounded()
}

// Mul returns d × e.
func (d Decimal) Mul(e Decimal) Decimal {
	if d.Overflowed() || e.Overflowed() {
		return overflowed()
	}
	product := Decimal{scale: d.scale + e.scale}
	product.coef.Mul(&d.coef, &e.coef)
	return product.bounded()
}

// Neg returns −d.
func (d Decimal) Neg() Decimal {
	if d.coef.Sign() == 0 {
		return d // apd would make it a negative zero
	}
	negative := Decimal{scale: d.scale}
	negative.coef.Neg(&d.coef)
	return negative
}

// Cmp returns -1, 0 or +1 as d is less than, equal to or greater than e. What
// has overflowed is greater than every number and equal to itself.
func (d Decimal) Cmp(e Decimal) int {
	if d.Overflowed() || e.Overflowed() {
		return cmp.Compare(rank(d), rank(e))
	}
	if d.scale == e.scale {
		return d.coef.Cmp(&e.coef)
	}
	var scratch Decimal
	a, b := align(&d, &e, &scratch)
	return a.Cmp(b)
}

// Equal reports whether d and e are the same number: 1.5 equals 1.50.
func (d Decimal) Equal(e Decimal) bool { return d.Cmp(e) == 0 }

// Sign returns -1, 0 or +1 as d is negative, zero or positive.
func (d Decimal) Sign() int { return d.coef.Sign() }

// IsZero reports whether d is 0.
func (d Decimal) IsZero() bool { return d.coef.Sign() == 0 && !d.Overflowed() }

// Overflowed reports whether d left the bounds of a number; see Decimal.
func (d Decimal) Overflowed() bool { return d.scale == overflow }

// Round returns d with at most the given number of digits after the point,
// half to even. Beside Div it is the only operation of a Decimal that is not
// exact. A negative number of places rounds to tens, hundreds and so on.
func (d Decimal) Round(places int32) Decimal {
	quotient, remainder, unit, exact := d.split(int(places))
	if exact {
		return d
	}
	half := remainder.Lsh(&remainder, 1).CmpAbs(&unit)
	if half > 0 || half == 0 && quotient.coef.Bit(0) == 1 {
		quotient.step(d.Sign())
	}
	return quotient.bounded()
}

// Div returns d ÷ n with at most the given number of digits after the point, half
// to even. What is divided by 0 overflows.
func (d Decimal) Div(n int64, places int32) Decimal {
	if n == 0 || places > maxScale || places < -maxScale || d.Overflowed() {
		return overflowed()
	}
	quotient := Decimal{scale: int(places)}
	var dividend, divisor, unit, product, remainder apd.BigInt
	dividend.Set(&d.coef)
	divisor.SetInt64(n)
	if more := quotient.scale - d.scale; more >= 0 {
		pow10(&unit, more)
		dividend.Set(product.Mul(&dividend, &unit))
	} else {
		pow10(&unit, -more)
		divisor.Set(product.Mul(&divisor, &unit))
	}
	quotient.coef.QuoRem(&dividend, &divisor, &remainder)
	half := remainder.Lsh(&remainder, 1).CmpAbs(&divisor)
	if half > 0 || half == 0 && quotient.coef.Bit(0) == 1 {
		quotient.step(d.Sign() * divisor.Sign())
	}
	return quotient.bounded()
}

// Part returns d × numerator ÷ denominator with at most the given number of digits
// after the point, half to even, rounded once. A part of 0 overflows.
func (d Decimal) Part(numerator, denominator Decimal, places int32) Decimal {
	product := d.Mul(numerator)
	if denominator.Sign() == 0 || places > maxScale || places < -maxScale || product.Overflowed() || denominator.Overflowed() {
		return overflowed()
	}
	quotient := Decimal{scale: int(places)}
	var dividend, divisor, unit, remainder apd.BigInt
	dividend.Set(&product.coef)
	divisor.Set(&denominator.coef)
	more := quotient.scale - product.scale + denominator.scale
	pow10(&unit, max(more, -more))
	if more >= 0 {
		dividend.Mul(&product.coef, &unit)
	} else {
		divisor.Mul(&denominator.coef, &unit)
	}
	quotient.coef.QuoRem(&dividend, &divisor, &remainder)
	half := remainder.Lsh(&remainder, 1).CmpAbs(&divisor)
	if half > 0 || half == 0 && quotient.coef.Bit(0) == 1 {
		quotient.step(d.Sign() * numerator.Sign() * denominator.Sign())
	}
	return quotient.bounded()
}

// floor returns the greatest number with the given places that is not above d.
func (d Decimal) floor(places int) Decimal {
	quotient, remainder, _, exact := d.split(places)
	if exact {
		return d
	}
	if remainder.Sign() < 0 {
		quotient.step(-1)
	}
	return quotient.bounded()
}

// split returns d cut towards zero after the given places, what was cut off
// and the unit it is counted in; or exact if there is nothing to cut off.
func (d *Decimal) split(places int) (quotient Decimal, remainder, unit apd.BigInt, exact bool) {
	if d.scale <= places || d.Overflowed() {
		return quotient, remainder, unit, true
	}
	quotient.scale = places
	// A unit of twice the digits tells the same: all of d lies below its half.
	drop := min(d.scale-places, d.coef.BitLen()+1)
	pow10(&unit, drop)
	quotient.coef.QuoRem(&d.coef, &unit, &remainder)
	return quotient, remainder, unit, false
}

// step moves d by one unit of its last place, up or down by the sign.
func (d *Decimal) step(sign int) {
	var one apd.BigInt
	one.SetInt64(int64(sign))
	d.coef.Add(&d.coef, &one)
}

// bounded returns d, with zero in its plain form, or what has overflowed.
func (d Decimal) bounded() Decimal {
	if d.coef.Sign() == 0 {
		return Decimal{}
	}
	if d.scale > maxScale || d.scale < -maxScale || d.coef.BitLen() > maxBits {
		return overflowed()
	}
	return d
}

func overflowed() Decimal { return Decimal{scale: overflow} }

// rank orders numbers below what has overflowed.
func rank(d Decimal) int {
	if d.Overflowed() {
		return 1
	}
	return 0
}

// align returns the coefficients of d and e at one scale, which it sets in
// into; the coefficient of into is the scratch space.
func align(d, e, into *Decimal) (a, b *apd.BigInt) {
	switch {
	case d.scale < e.scale:
		into.scale = e.scale
		pow10(&into.coef, e.scale-d.scale)
		return into.coef.Mul(&into.coef, &d.coef), &e.coef
	case d.scale > e.scale:
		into.scale = d.scale
		pow10(&into.coef, d.scale-e.scale)
		return &d.coef, into.coef.Mul(&into.coef, &e.coef)
	default:
		into.scale = d.scale
		return &d.coef, &e.coef
	}
}

// digitsPerWord is how many decimal digits always fit in a machine word.
const digitsPerWord = 19

// pow10 sets z to 10^n for n ≥ 0.
func pow10(z *apd.BigInt, n int) {
	z.SetUint64(wordPow10(n % digitsPerWord))
	var word apd.BigInt
	word.SetUint64(wordPow10(digitsPerWord))
	for range n / digitsPerWord {
		var product apd.BigInt // a factor that is also the result costs an allocation
		z.Set(product.Mul(z, &word))
	}
}

// wordPow10 returns 10^n for 0 ≤ n ≤ digitsPerWord.
func wordPow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// Sum returns the sum of the values, 0 for none.
func Sum(values ...Decimal) Decimal {
	var sum Decimal
	for _, v := range values {
		sum = sum.Add(v)
	}
	return sum
}
