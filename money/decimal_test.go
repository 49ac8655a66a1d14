package money_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
)

// dec reads a decimal of a test, of any size that arithmetic may reach.
func dec(t testing.TB, s string) money.Decimal {
	t.Helper()
	d, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rat reads the text of a decimal the slow and certain way.
func rat(t testing.TB, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is not a number", s)
	}
	return r
}

// randomText returns a decimal of up to 40 digits in one of the notations.
func randomText(rng *rand.Rand) string {
	var b strings.Builder
	if rng.IntN(2) == 0 {
		b.WriteByte('-')
	}
	for range 1 + rng.IntN(20) {
		b.WriteByte(byte('0' + rng.IntN(10)))
	}
	if rng.IntN(3) > 0 {
		b.WriteByte('.')
		for range 1 + rng.IntN(20) {
			b.WriteByte(byte('0' + rng.IntN(10)))
		}
	}
	if rng.IntN(4) == 0 {
		b.WriteString([]string{"E-7", "e+3", "E12", "e-30", "E0"}[rng.IntN(5)])
	}
	return b.String()
}

func TestArithmeticAgreesWithRationals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(200_000)) {
		rng := rand.New(rand.NewPCG(1, seed))
		x, y := randomText(rng), randomText(rng)
		a, b, p, q := dec(t, x), dec(t, y), rat(t, x), rat(t, y)
		for name, pair := range map[string]struct {
			got  money.Decimal
			want *big.Rat
		}{
			"sum":        {a.Add(b), new(big.Rat).Add(p, q)},
			"difference": {a.Sub(b), new(big.Rat).Sub(p, q)},
			"product":    {a.Mul(b), new(big.Rat).Mul(p, q)},
			"powers":     {a.Mul(b).Mul(a).Mul(b), new(big.Rat).Mul(new(big.Rat).Mul(p, q), new(big.Rat).Mul(p, q))},
			"negative":   {a.Neg(), new(big.Rat).Neg(p)},
			"itself":     {a, p},
		} {
			if rat(t, pair.got.String()).Cmp(pair.want) != 0 {
				t.Fatalf("seed %d: %s of %s and %s is %s, want %s", seed, name, x, y, pair.got, pair.want.RatString())
			}
			if pair.got.Sign() != pair.want.Sign() || pair.got.IsZero() != (pair.want.Sign() == 0) {
				t.Fatalf("seed %d: sign of the %s of %s and %s is %d", seed, name, x, y, pair.got.Sign())
			}
		}
		if a.Cmp(b) != p.Cmp(q) || a.Equal(b) != (p.Cmp(q) == 0) {
			t.Fatalf("seed %d: %s compared with %s is %d", seed, x, y, a.Cmp(b))
		}
	}
}

// TestDivAgreesWithRationals multiplies a quotient out again and wants it to be
// off by half of the last place at most, and the even one of two that are as near.
func TestDivAgreesWithRationals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(100_000)) {
		rng := rand.New(rand.NewPCG(3, seed))
		x, n, places := randomText(rng), rng.Int64N(2000)-1000, rng.Int32N(25)-2
		if rng.IntN(3) == 0 {
			n = 1 << rng.IntN(62) // so that halves occur
		}
		if n == 0 {
			continue
		}
		got := dec(t, x).Div(n, places)
		unit := rat(t, money.New(1, places).String())
		off := new(big.Rat).Sub(rat(t, got.String()), new(big.Rat).Quo(rat(t, x), big.NewRat(n, 1)))
		units := new(big.Rat).Quo(rat(t, got.String()), unit)
		half := new(big.Rat).Quo(off.Abs(off), unit).Cmp(big.NewRat(1, 2))
		if !units.IsInt() || half > 0 || half == 0 && units.Num().Bit(0) == 1 {
			t.Fatalf("seed %d: %s ÷ %d is %s with %d places", seed, x, n, got, places)
		}
	}
}

func TestPartAgreesWithRationals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(100_000)) {
		rng := rand.New(rand.NewPCG(4, seed))
		d, n, by, places := randomText(rng), randomText(rng), randomText(rng), rng.IntN(25)-2
		if rng.IntN(3) == 0 {
			by = strconv.Itoa(1 << rng.IntN(20)) // so that halves occur
		}
		if dec(t, by).IsZero() {
			continue
		}
		exact := new(big.Rat).Quo(new(big.Rat).Mul(rat(t, d), rat(t, n)), rat(t, by))
		got := dec(t, d).Part(dec(t, n), dec(t, by), int32(places))
		if want := roundedRat(exact, places); rat(t, got.String()).Cmp(want) != 0 {
			t.Fatalf("seed %d: %s × %s ÷ %s with %d places is %s", seed, d, n, by, places, got)
		}
	}
	if got := money.FromInt(1).Part(money.FromInt(1), money.Decimal{}, 2); !got.Overflowed() {
		t.Errorf("a part of 0: %s", got)
	}
}

func TestDiv(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		d      string
		n      int64
		places int32
		want   string
	}{
		{"1", 3, 2, "0.33"},
		{"2", 3, 2, "0.67"},
		{"1", 8, 2, "0.12"},
		{"3", 8, 2, "0.38"},
		{"-1", 8, 2, "-0.12"},
		{"-3", 8, 2, "-0.38"},
		{"1", -8, 2, "-0.12"},
		{"-3", -8, 2, "0.38"},
		{"0", 7, 18, "0"},
		{"10", 5, 0, "2"},
		{"149", 10, -1, "10"},
		{"1.5", math.MinInt64, 2, "0"},
	} {
		if got := dec(t, tc.d).Div(tc.n, tc.places); got.String() != tc.want {
			t.Errorf("%s ÷ %d is %s, want %s", tc.d, tc.n, got, tc.want)
		}
	}
	for name, got := range map[string]money.Decimal{
		"by 0": money.FromInt(1).Div(0, 2), "0 by 0": money.Decimal{}.Div(0, 2),
		"many places": money.FromInt(1).Div(3, math.MaxInt32), "few places": money.FromInt(1).Div(3, math.MinInt32),
		"what has overflowed": money.New(1, 3000).Div(2, 2),
	} {
		if !got.Overflowed() {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestOperationsDoNotChangeTheirOperands(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		rng := rand.New(rand.NewPCG(2, seed))
		a, b := dec(t, randomText(rng)), dec(t, randomText(rng))
		before := a.String() + " " + b.String()
		c := a
		_ = c.Add(b).Mul(c).Sub(b).Neg().Round(3)
		_, _ = a.Div(7, 20), a.Div(-3, -2)
		_, _, _ = a.Cmp(b), a.Round(-2), money.Sum(a, b, c)
		_ = money.Allocate([]money.Share{{Key: "a", Amount: a}, {Key: "b", Amount: b}}, 2)
		if after := a.String() + " " + b.String(); after != before {
			t.Fatalf("seed %d: %s became %s", seed, before, after)
		}
	}
}

// roundedRat rounds half to even by integers alone.
func roundedRat(r *big.Rat, places int) *big.Rat {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(places, -places))), nil)
	unit := new(big.Rat).SetInt(power)
	if places > 0 {
		unit.Inv(unit)
	}
	units := new(big.Rat).Quo(r, unit)
	floor := new(big.Int).Div(units.Num(), units.Denom())
	rest := new(big.Rat).Sub(units, new(big.Rat).SetInt(floor))
	switch half := rest.Cmp(big.NewRat(1, 2)); {
	case half > 0, half == 0 && floor.Bit(0) == 1:
		floor.Add(floor, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(floor), unit)
}

func TestRoundAgreesWithRationals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(100_000)) {
		rng := rand.New(rand.NewPCG(3, seed))
		text, places := randomText(rng), rng.IntN(60)-25
		if rng.IntN(3) == 0 { // a tie at some place
			text = strings.TrimRight(strings.TrimRight(dec(t, text).String(), "0"), ".") + "5"
		}
		d, err := money.Parse(text)
		if err != nil {
			continue // the 5 made it too long
		}
		got := d.Round(int32(places))
		if want := roundedRat(rat(t, text), places); rat(t, got.String()).Cmp(want) != 0 {
			t.Fatalf("seed %d: %s rounded to %d places is %s, want %s", seed, text, places, got, want.FloatString(max(places, 0)))
		}
	}
}

func TestRoundBy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][4]string{ // half even, half up, down, up
		"0.125": {"0.12", "0.13", "0.12", "0.13"}, "-0.125": {"-0.12", "-0.13", "-0.12", "-0.13"},
		"0.135": {"0.14", "0.14", "0.13", "0.14"}, "0.1201": {"0.12", "0.12", "0.12", "0.13"},
		"-0.1299": {"-0.13", "-0.13", "-0.12", "-0.13"}, "0.12": {"0.12", "0.12", "0.12", "0.12"}, "0": {"0", "0", "0", "0"},
		"0.001": {"0", "0", "0", "0.01"}, "-0.001": {"0", "0", "0", "-0.01"},
	} {
		for i, r := range []money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up} {
			if got := dec(t, text).RoundBy(r, 2); !got.Equal(dec(t, want[i])) {
				t.Errorf("%s %s is %s, want %s", text, r, got, want[i])
			}
			longer := dec(t, text).Mul(money.FromInt(100)).Mul(money.New(1, 2)) // The same with zeros after it.
			if got := longer.RoundBy(r, 2); !got.Equal(dec(t, want[i])) {
				t.Errorf("%s with zeros after it %s is %s, want %s", text, r, got, want[i])
			}
		}
	}
	for seed := range uint64(effort.Cases(20_000)) {
		rng := rand.New(rand.NewPCG(5, seed))
		d, places := dec(t, randomText(rng)), rng.Int32N(25)-2
		if got := d.RoundBy(money.HalfEven, places); !got.Equal(d.Round(places)) || !d.RoundBy("", places).Equal(got) {
			t.Fatalf("seed %d: %s with %d places is %s", seed, d, places, got)
		}
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in     string
		places int32
		want   string
	}{
		{"0.125", 2, "0.12"},
		{"0.375", 2, "0.38"},
		{"-0.125", 2, "-0.12"},
		{"-0.375", 2, "-0.38"},
		{"0.1250000000000000000000000000000001", 2, "0.13"},
		{"2.5", 0, "2"},
		{"3.5", 0, "4"},
		{"0.5", 0, "0"},
		{"-0.5", 0, "0"},
		{"9.995", 2, "10"},
		{"1.5", 18, "1.5"},
		{"1250", -2, "1200"},
		{"1350", -2, "1400"},
		{"49", -2, "0"},
		{"51", -2, "100"},
		{"9999999999999999999999999999999999999999", -39, "10000000000000000000000000000000000000000"},
		{"9", math.MinInt32, "0"},
		{"0.9", math.MaxInt32, "0.9"},
		{"1e-30", 0, "0"},
	} {
		if got := dec(t, tc.in).Round(tc.places).String(); got != tc.want {
			t.Errorf("%s rounded to %d places is %s, want %s", tc.in, tc.places, got, tc.want)
		}
	}
}

func TestOverflowIsLoudAndSticky(t *testing.T) {
	t.Parallel()
	large, small := dec(t, "1e30"), dec(t, "1e-30")
	for range 30 { // squaring overflows after a few steps and stays so
		large, small = large.Mul(large), small.Mul(small)
	}
	digits := dec(t, "9999999999999999999999999999999999999999")
	for range 10 {
		digits = digits.Mul(digits)
	}
	one := money.FromInt(1)
	for name, d := range map[string]money.Decimal{
		"large": large, "small": small, "digits": digits,
		"sum": one.Add(large), "difference": one.Sub(large), "product": one.Mul(small), "zero": money.FromInt(0).Mul(large),
		"negative": large.Neg(), "rounded": small.Round(2), "new": money.New(1, math.MaxInt32), "newer": money.New(1, math.MinInt32),
	} {
		if !d.Overflowed() || d.IsZero() {
			t.Errorf("%s: overflowed is %v, zero is %v", name, d.Overflowed(), d.IsZero())
		}
		if _, err := d.MarshalText(); err == nil {
			t.Errorf("%s: can be marshaled", name)
		}
		if _, err := money.Parse(d.String()); err == nil {
			t.Errorf("%s: %q can be read as a number", name, d)
		}
		if money.CheckAmount(d) == nil {
			t.Errorf("%s: passes for an amount", name)
		}
		if d.Cmp(one) <= 0 || one.Cmp(d) >= 0 || !d.Equal(large) {
			t.Errorf("%s: is not above every number", name)
		}
	}
}

func TestSum(t *testing.T) {
	t.Parallel()
	if got := money.Sum(); !got.IsZero() {
		t.Errorf("sum of nothing is %s", got)
	}
	if got := money.Sum(dec(t, "0.1"), dec(t, "0.2"), dec(t, "-0.3")); !got.IsZero() {
		t.Errorf("0.1 + 0.2 - 0.3 is %s", got)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]money.Decimal{
		"1.05":                 money.New(105, 2),
		"-10500":               money.New(-105, -2),
		"0":                    money.New(0, 900),
		"-9223372036854775808": money.FromInt(math.MinInt64),
	} {
		if got.String() != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	var zero money.Decimal
	if zero.String() != "0" || !zero.Equal(money.FromInt(0)) {
		t.Errorf("the zero value is %s", zero)
	}
}

func TestFitAmount(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 20)
	for amount, want := range map[string]string{
		"12.5":                         "12.5",
		"-0.0000000000000000005":       "0",
		"0.0000000000000000015":        "0.000000000000000002",
		nines + ".5":                   nines + ".5",
		"1" + strings.Repeat("0", 20):  nines,
		"-3" + nines:                   "-" + nines,
		nines + ".9999999999999999999": nines,
	} {
		fit := money.FitAmount(dec(t, amount))
		if fit.String() != want {
			t.Errorf("%s fits as %s, want %s", amount, fit, want)
		}
		if err := money.CheckAmount(fit); err != nil {
			t.Errorf("%s: %v", amount, err)
		}
	}
}
