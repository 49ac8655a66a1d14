package spending

import (
	"time"

	"github.com/headwater-platform/headwater/money"
)

// Day is what one day of a period has cost, in one currency.
type Day struct {
	// Usage is the sum of the charge category Usage. Used says that there is such a
	// charge, even if all of them add up to nothing.
	Usage money.Decimal
	Used  bool
	// Other is the sum of the purchases, credits, taxes and adjustments.
	Other money.Decimal
}

// DaysBetween returns how many days lie whole between the beginning of a day and a
// later time, both in UTC.
func DaysBetween(from, to time.Time) int { return int(to.Sub(from) / (24 * time.Hour)) }

// ForecastDays is how many complete days need to have usage before there is a
// forecast.
const ForecastDays = 3

// places are those of a forecast, as many as an amount has.
const places = 18

// Forecast returns what a period will have cost at its end if it goes on as it
// has begun: usage at the average of the days so far, actual ÷ elapsed × period
// as Oracle's budgets forecast it, and all other charges as they are, for these
// do not come every day. It is rounded to 18 places, half to even.
//
// Days are those of the period from its first, of which this many are complete;
// those that the period has and the list has not cost nothing so far. A day has
// elapsed if there is usage on it or on a later one, because providers report
// late. There is no forecast before ForecastDays complete days have usage.
//
// Flat usage is forecast exactly, and no usage without negative days below what
// it has come to.
func Forecast(days []Day, complete, period int) (money.Decimal, bool) {
	var usage, other money.Decimal
	elapsed, used := 0, 0
	for i, day := range days {
		usage, other = usage.Add(day.Usage), other.Add(day.Other)
		if !day.Used {
			continue
		}
		elapsed = i + 1
		if i < complete {
			used++
		}
	}
	if used < ForecastDays || period < len(days) {
		return money.Decimal{}, false
	}
	rest := usage.Mul(money.FromInt(int64(period-elapsed))).Div(int64(elapsed), places)
	return money.Sum(usage, rest, other), true
}
