package metering_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
)

func dec(s string) money.Decimal {
	d, err := money.Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// day returns an instant of November.
func day(n int) time.Time { return time.Date(2026, time.November, n, 0, 0, 0, 0, time.UTC) }

func TestTheRateOfAnInstant(t *testing.T) {
	t.Parallel()
	rates := metering.Rates{{Amount: dec("1")}, {Amount: dec("2"), From: day(10)}, {Amount: dec("3"), From: day(20)}}
	for name, tt := range map[string]struct {
		rates metering.Rates
		at    time.Time
		want  string
	}{
		"none":                {nil, day(1), "0"},
		"long before":         {rates, time.Time{}, "1"},
		"before the second":   {rates, day(10).Add(-1), "1"},
		"where it begins":     {rates, day(10), "2"},
		"between":             {rates, day(15), "2"},
		"from the last on":    {rates, day(20), "3"},
		"long after the last": {rates, day(30), "3"},
	} {
		if got := tt.rates.At(tt.at).Amount; !got.Equal(dec(tt.want)) {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestWhichRateFollows(t *testing.T) {
	t.Parallel()
	rates := metering.Rates{{Amount: dec("1")}, {Amount: dec("2"), From: day(10)}}
	for name, tt := range map[string]struct {
		next  metering.Rate
		field string
	}{
		"a later one":      {metering.Rate{Amount: dec("0"), From: day(11)}, ""},
		"one at the same":  {metering.Rate{Amount: dec("1"), From: day(10)}, "effectiveFrom"},
		"an earlier one":   {metering.Rate{Amount: dec("1"), From: day(9)}, "effectiveFrom"},
		"less than 0":      {metering.Rate{Amount: dec("-0.1"), From: day(11)}, "rate"},
		"too many digits":  {metering.Rate{Amount: dec("0.1234567890123456789"), From: day(11)}, "rate"},
		"too large a rate": {metering.Rate{Amount: dec("1E20"), From: day(11)}, "rate"},
	} {
		err := rates.CheckNext(tt.next)
		if (err == nil) != (tt.field == "") || err != nil && (fault.CodeOf(err) != fault.Invalid || fieldOf(err) != tt.field) {
			t.Errorf("%s: %v, want a fault of %q", name, err, tt.field)
		}
	}
}

func TestWhatAQuantityCosts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ quantity, rate, unitRate, want string }{
		"a whole":             {"10", "2", "0.5", "10"},
		"nothing":             {"0", "2", "0.5", "0"},
		"what is taken back":  {"-3", "1", "1.1", "-3.3"},
		"down to even":        {"0.5", "0.000000000000000001", "1", "0"},
		"up to even":          {"1.5", "0.000000000000000001", "1", "0.000000000000000002"},
		"rounded once":        {"0.5", "0.5", "0.000000000000000006", "0.000000000000000002"},
		"what is taken, even": {"-1.5", "0.000000000000000001", "1", "-0.000000000000000002"},
	} {
		got, err := metering.Cost(dec(tt.quantity), dec(tt.rate), dec(tt.unitRate))
		if err != nil || !got.Equal(dec(tt.want)) {
			t.Errorf("%s: %s, want %s, %v", name, got, tt.want, err)
		}
	}
	if _, err := metering.Cost(dec("1E15"), dec("1E4"), dec("10")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("more than an amount: %v", err)
	}
}

// TestCorrectionsCostWhatTheyTakeBack takes any event back: what is left costs 0.
func TestCorrectionsCostWhatTheyTakeBack(t *testing.T) {
	t.Parallel()
	const seed = 11
	random := rand.New(rand.NewPCG(seed, seed))
	number := func(most int64) money.Decimal { return money.New(random.Int64N(most), int32(random.IntN(9))) }
	for range effort.Cases(20_000) {
		quantity, rate, unitRate := number(1e12), number(1e9), number(1e9)
		there, err := metering.Cost(quantity, rate, unitRate)
		if err != nil {
			continue
		}
		back, err := metering.Cost(quantity.Neg(), rate, unitRate)
		if err != nil || !there.Add(back).IsZero() {
			t.Fatalf("seed %d: %s × %s × %s is %s, and back %s, %v", seed, quantity, rate, unitRate, there, back, err)
		}
	}
}

// TestRatesDoNotDependOnWhatFollows adds rates: those of instants before stay.
func TestRatesDoNotDependOnWhatFollows(t *testing.T) {
	t.Parallel()
	const seed = 12
	random := rand.New(rand.NewPCG(seed, seed))
	for range effort.Cases(2_000) {
		rates := metering.Rates{{Amount: money.FromInt(random.Int64N(100))}}
		for range random.IntN(10) {
			next := metering.Rate{Amount: money.FromInt(random.Int64N(100)), From: day(1 + random.IntN(28))}
			if rates.CheckNext(next) != nil {
				continue
			}
			after := append(slices.Clone(rates), next)
			for n := range 40 {
				want := rates.At(day(n)).Amount
				if !day(n).Before(next.From) {
					want = next.Amount
				}
				if got := after.At(day(n)).Amount; !got.Equal(want) {
					t.Fatalf("seed %d: %s on the %dth of %v, want %s", seed, got, n, after, want)
				}
			}
			rates = after
		}
	}
}

// fieldOf returns the input field that an error is about, "" for none.
func fieldOf(err error) string {
	var refused *fault.Error
	if errors.As(err, &refused) {
		return refused.Field
	}
	return ""
}
