package money

import (
	"bytes"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/headwater-platform/headwater/fault"
)

// String returns d in plain notation without an exponent and without zeros at
// the end of a fraction: "0.0000008", "-2.5", "100", "0". What has overflowed
// is "overflow".
func (d Decimal) String() string {
	var buffer [64]byte
	text, err := d.AppendText(buffer[:0])
	if err != nil {
		return "overflow"
	}
	return string(text)
}

// AppendText appends what String returns to b, without allocating where b has
// room and d fits 128 bits, as every stored amount does. It returns an error
// if d has overflowed.
func (d Decimal) AppendText(b []byte) ([]byte, error) {
	if d.Overflowed() {
		return b, fault.New(fault.Invalid, "the number is too large")
	}
	var magnitude apd.BigInt // never a copy of coef: copies share large digits
	if magnitude.Abs(&d.coef); d.Sign() < 0 {
		b = append(b, '-')
	}
	var buffer [64]byte
	digits := appendDigits(buffer[:0], &magnitude)
	if d.scale <= 0 {
		return appendZeros(append(b, digits...), -d.scale), nil
	}
	return appendFraction(b, digits, d.scale), nil
}

// MarshalText returns what String returns; in JSON a decimal is therefore a
// string. It returns an error if d has overflowed.
func (d Decimal) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText sets d as Parse does.
func (d *Decimal) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// appendFraction appends the digits with the point before the last scale of
// them, less the zeros at the end.
func appendFraction(b, digits []byte, scale int) []byte {
	whole := len(digits) - scale
	if whole <= 0 {
		b = append(b, '0', '.')
		b = appendZeros(b, -whole)
		return append(b, bytes.TrimRight(digits, "0")...)
	}
	b = append(b, digits[:whole]...)
	fraction := bytes.TrimRight(digits[whole:], "0")
	if len(fraction) == 0 {
		return b
	}
	b = append(b, '.')
	return append(b, fraction...)
}

// appendDigits appends the digits of n ≥ 0, a machine word at a time.
func appendDigits(b []byte, n *apd.BigInt) []byte {
	if n.IsUint64() {
		return strconv.AppendUint(b, n.Uint64(), 10)
	}
	var unit, high, low apd.BigInt
	pow10(&unit, digitsPerWord)
	high.QuoRem(n, &unit, &low)
	b = appendDigits(b, &high)

	var buffer [digitsPerWord + 1]byte
	word := strconv.AppendUint(buffer[:0], low.Uint64(), 10)
	b = appendZeros(b, digitsPerWord-len(word))
	return append(b, word...)
}

func appendZeros(b []byte, n int) []byte {
	for range n {
		b = append(b, '0')
	}
	return b
}
