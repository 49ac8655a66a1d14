package money

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/headwater-platform/headwater/fault"
)

// Bounds of a text, all checked before anything is expanded.
const (
	maxText     = 100 // bytes
	maxDigits   = 40  // from the first that is not 0 to the last
	maxExponent = 30  // as written after the E
)

// Parse reads a decimal such as "-0.50" or "35.2E-7". A leading plus sign,
// thousands separators, spaces, a point without a digit on both sides, NaN and
// infinities are refused, as is a text of more than 100 bytes, a number of
// more than 40 significant digits (zeros at the end of a fraction aside), and
// an exponent beyond ±30. The error is INVALID; its Field is for the caller.
func Parse(s string) (Decimal, error) {
	if len(s) > maxText {
		return Decimal{}, fault.Invalidf("", "a decimal has at most %d characters, this has %d", maxText, len(s))
	}
	unsigned, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, ok := cutExponent(unsigned)
	if !ok {
		return Decimal{}, notDecimal(s)
	}
	if exponent > maxExponent || exponent < -maxExponent {
		return Decimal{}, fault.Invalidf("", "%q has an exponent beyond ±%d", s, maxExponent)
	}
	integer, fraction, point := strings.Cut(mantissa, ".")
	if integer == "" || point && fraction == "" {
		return Decimal{}, notDecimal(s)
	}
	fraction = strings.TrimRight(fraction, "0")

	var c coefficient
	if !c.read(integer) || !c.read(fraction) {
		return Decimal{}, notDecimal(s)
	}
	if c.digits > maxDigits {
		return Decimal{}, fault.Invalidf("", "%q has more than %d significant digits", s, maxDigits)
	}
	return c.decimal(negative, len(fraction)-exponent), nil
}

// ParseAmount reads a decimal as Parse does and returns INVALID too for one
// that an amount cannot hold: more than 20 digits before the point or 18 after.
func ParseAmount(s string) (Decimal, error) {
	d, err := Parse(s)
	if err != nil {
		return Decimal{}, err
	}
	if err := CheckAmount(d); err != nil {
		return Decimal{}, err
	}
	return d, nil
}

// ParseFactor reads the factor of a price as Parse does and returns INVALID
// too for one that CheckFactor refuses.
func ParseFactor(s string) (Decimal, error) {
	d, err := Parse(s)
	if err != nil {
		return Decimal{}, err
	}
	if err := CheckFactor(d); err != nil {
		return Decimal{}, err
	}
	return d, nil
}

func notDecimal(s string) error {
	return fault.Invalidf("", "%q is not a decimal number", s)
}

// cutExponent cuts the E-notation off. An exponent of more digits than any
// that is allowed comes back as one beyond the bounds.
func cutExponent(s string) (mantissa string, exponent int, ok bool) {
	i := strings.IndexByte(s, 'E')
	if i < 0 {
		i = strings.IndexByte(s, 'e')
	}
	if i < 0 {
		return s, 0, true
	}
	exponent, ok = readExponent(s[i+1:])
	return s[:i], exponent, ok
}

// readExponent reads the digits after the E with their optional sign: a plus
// is written there by widespread number formatters.
func readExponent(s string) (int, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if digits == "" {
		return 0, false
	}
	n := 0
	for i := range len(digits) {
		digit, ok := digitAt(digits, i)
		if !ok {
			return 0, false
		}
		n = min(n*10+int(digit), maxExponent+1)
	}
	if negative {
		return -n, true
	}
	return n, true
}

func digitAt(s string, i int) (byte, bool) {
	digit := s[i] - '0'
	return digit, digit <= 9
}

// coefficient collects digits, a machine word at a time.
type coefficient struct {
	whole  apd.BigInt // the full words so far
	word   uint64     // the word being filled
	filled int        // digits in the word
	digits int        // significant digits in all
}

// read appends the digits of s and reports whether it holds nothing else.
func (c *coefficient) read(s string) bool {
	for i := range len(s) {
		digit, ok := digitAt(s, i)
		if !ok {
			return false
		}
		if digit == 0 && c.digits == 0 {
			continue
		}
		if c.filled == digitsPerWord {
			c.flush()
		}
		c.word = c.word*10 + uint64(digit)
		c.filled++
		c.digits++
	}
	return true
}

// flush moves the word into the whole.
func (c *coefficient) flush() {
	var n apd.BigInt
	if c.digits > c.filled {
		n.SetUint64(wordPow10(c.filled))
		c.whole.Mul(&c.whole, &n)
	}
	n.SetUint64(c.word)
	c.whole.Add(&c.whole, &n)
	c.word, c.filled = 0, 0
}

// decimal returns the digits read as a number of the scale.
func (c *coefficient) decimal(negative bool, scale int) Decimal {
	c.flush()
	d := Decimal{coef: c.whole, scale: scale}
	if negative {
		d = d.Neg()
	}
	return d.bounded()
}
