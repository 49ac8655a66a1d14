package spending_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/spending"
)

func dec(t rapid.TB, s string) money.Decimal {
	t.Helper()
	d, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// used returns days with usage; "" is a day without.
func used(t rapid.TB, amounts ...string) []spending.Day {
	t.Helper()
	days := make([]spending.Day, len(amounts))
	for i, amount := range amounts {
		if amount != "" {
			days[i] = spending.Day{Usage: dec(t, amount), Used: true}
		}
	}
	return days
}

func TestForecast(t *testing.T) {
	t.Parallel()
	fee := used(t, "10", "10", "10")
	fee[1].Other = dec(t, "500")
	credit := append(used(t, "10", "10", "10"), spending.Day{Other: dec(t, "-7")})
	for _, tt := range []struct {
		name             string
		days             []spending.Day
		complete, period int
		want             string // "" for none
	}{
		{"flat", used(t, "10", "10", "10"), 3, 30, "300"},
		{"not flat", used(t, "1", "2", "3"), 3, 30, "60"},
		{"what does not come out even", used(t, "1", "0", "0", "0", "0", "0", "0.5"), 7, 30, "6.428571428571428571"},
		{"the last day of the period", used(t, "1", "2", "4"), 3, 3, "7"},
		{"a purchase counts once", fee, 3, 30, "800"},
		{"a credit after the last usage", credit, 4, 30, "293"},
		{"days without usage in between have elapsed", used(t, "", "10", "", "10", "10"), 5, 30, "180"},
		{"days without usage at the end are reported late", used(t, "10", "10", "10", "", ""), 5, 30, "300"},
		{"usage that costs nothing", used(t, "0", "0", "0"), 3, 30, "0"},
		{"refunds", used(t, "-1", "-1", "-1"), 3, 30, "-30"},
		{"two days", used(t, "10", "10"), 2, 30, ""},
		{"the third is not over", used(t, "10", "10", "10"), 2, 30, ""},
		{"three are over, and the fourth counts too", used(t, "10", "10", "10", "2"), 3, 28, "224"},
		{"two of three days have usage", used(t, "10", "", "10"), 3, 30, ""},
		{"purchases alone", []spending.Day{{Other: dec(t, "9")}, {Other: dec(t, "9")}, {Other: dec(t, "9")}}, 3, 30, ""},
		{"no days", nil, 3, 30, ""},
		{"more days than the period has", used(t, "1", "1", "1", "1"), 4, 3, ""},
	} {
		got, ok := spending.Forecast(tt.days, tt.complete, tt.period)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%s: %s, %v, want %q", tt.name, got, ok, tt.want)
		}
	}
}

// period is a period that has come far enough to be forecast.
type period struct {
	days []spending.Day
	n    int
}

func drawPeriod(t *rapid.T, least int64) period {
	days := make([]spending.Day, rapid.IntRange(spending.ForecastDays, 40).Draw(t, "days"))
	for i := range days {
		days[i] = spending.Day{Usage: drawAmount(t, least), Other: drawAmount(t, -1e15), Used: i < spending.ForecastDays || rapid.Bool().Draw(t, "used")}
		if !days[i].Used {
			days[i].Usage = money.Decimal{}
		}
	}
	return period{days, len(days) + rapid.IntRange(0, 400).Draw(t, "rest")}
}

func drawAmount(t *rapid.T, least int64) money.Decimal {
	return money.New(rapid.Int64Range(least, 1e15).Draw(t, "amount"), rapid.Int32Range(0, 18).Draw(t, "places"))
}

func (p period) forecast(t *rapid.T) money.Decimal {
	got, ok := spending.Forecast(p.days, len(p.days), p.n)
	if !ok {
		t.Fatal("no forecast")
	}
	return got
}

// with returns the period with other days.
func (p period) with(change func(d spending.Day) spending.Day) period {
	days := make([]spending.Day, len(p.days))
	for i, d := range p.days {
		days[i] = change(d)
	}
	return period{days, p.n}
}

func (p period) actual() money.Decimal {
	var sum money.Decimal
	for _, d := range p.days {
		sum = money.Sum(sum, d.Usage, d.Other)
	}
	return sum
}

// elapsed is the number of the last day with usage.
func (p period) elapsed() int {
	last := 0
	for i, d := range p.days {
		if d.Used {
			last = i + 1
		}
	}
	return last
}

func TestFlatUsageIsForecastExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, amount := drawPeriod(t, 0), drawAmount(t, -1e15)
		flat := p.with(func(spending.Day) spending.Day { return spending.Day{Usage: amount, Used: true} })
		if got, want := flat.forecast(t), amount.Mul(money.FromInt(int64(p.n))); !got.Equal(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestForecastIsNotBelowWhatThereIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPeriod(t, 0)
		if got := p.forecast(t); got.Cmp(p.actual()) < 0 {
			t.Fatalf("got %s of %s", got, p.actual())
		}
	})
}

func TestForecastIsWhatThereIsWhenThePeriodIsOver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPeriod(t, -1e15)
		p.days[len(p.days)-1].Used = true
		p.n = len(p.days)
		if got := p.forecast(t); !got.Equal(p.actual()) {
			t.Fatalf("got %s, want %s", got, p.actual())
		}
	})
}

// TestForecastIsLinear wants twice the usage to be forecast as twice the amount,
// what is refunded as its negative, and other charges to add to it as they are;
// but for the last place, which is rounded.
func TestForecastIsLinear(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, fee := drawPeriod(t, -1e15), drawAmount(t, -1e15)
		got := p.forecast(t)
		negated := p.with(func(d spending.Day) spending.Day {
			return spending.Day{Usage: d.Usage.Neg(), Other: d.Other.Neg(), Used: d.Used}
		})
		if !negated.forecast(t).Equal(got.Neg()) {
			t.Fatalf("negated: %s, want %s", negated.forecast(t), got.Neg())
		}
		two := money.FromInt(2)
		twice := p.with(func(d spending.Day) spending.Day {
			return spending.Day{Usage: d.Usage.Mul(two), Other: d.Other.Mul(two), Used: d.Used}
		})
		if off := twice.forecast(t).Sub(got.Mul(two)); off.Cmp(money.New(1, 18)) > 0 || off.Neg().Cmp(money.New(1, 18)) > 0 {
			t.Fatalf("twice: off by %s", off)
		}
		more := p.with(func(d spending.Day) spending.Day { return d })
		more.days[0].Other = more.days[0].Other.Add(fee)
		if want := got.Add(fee); !more.forecast(t).Equal(want) {
			t.Fatalf("with a fee: %s, want %s", more.forecast(t), want)
		}
	})
}

// TestForecastIsTheAverageOverThePeriod multiplies out what the forecast divides
// by, and wants it to be off by no more than half of the last place.
func TestForecastIsTheAverageOverThePeriod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPeriod(t, -1e15)
		var usage, other money.Decimal
		for _, d := range p.days {
			usage, other = usage.Add(d.Usage), other.Add(d.Other)
		}
		elapsed := money.FromInt(int64(p.elapsed()))
		off := p.forecast(t).Sub(other).Mul(elapsed).Sub(usage.Mul(money.FromInt(int64(p.n))))
		if off.Sign() < 0 {
			off = off.Neg()
		}
		if off.Cmp(elapsed.Mul(money.New(5, 19))) > 0 {
			t.Fatalf("off by %s of %s days", off, elapsed)
		}
	})
}
