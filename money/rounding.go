package money

// Rounding says which of two neighbours takes the place of a number between them.
type Rounding string

// The ways to round: to the nearer one, and halves to the even one or away from 0;
// always towards 0, or always away from it.
const (
	HalfEven Rounding = "HALF_EVEN"
	HalfUp   Rounding = "HALF_UP"
	Down     Rounding = "DOWN"
	Up       Rounding = "UP"
)

// RoundBy returns d with at most the given number of digits after the point, as
// Round does but for the way; half to even for one that is none of the four.
func (d Decimal) RoundBy(r Rounding, places int32) Decimal {
	quotient, remainder, unit, exact := d.split(int(places))
	if exact {
		return d
	}
	if remainder.Sign() == 0 { // What is cut off are zeros.
		return quotient.bounded()
	}
	half := remainder.Lsh(&remainder, 1).CmpAbs(&unit)
	if away(r, half, quotient.coef.Bit(0) == 1) {
		quotient.step(d.Sign())
	}
	return quotient.bounded()
}

// away reports whether a number is rounded away from 0: half is how what would be
// cut off compares with half a unit, odd whether what would be left is odd.
func away(r Rounding, half int, odd bool) bool {
	switch r {
	case Up:
		return true
	case Down:
		return false
	case HalfUp:
		return half >= 0
	case HalfEven:
	}
	return half > 0 || half == 0 && odd
}
