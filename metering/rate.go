package metering

import (
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// Rate is what one of something comes to from an instant on: one of a quantity in
// units, or one unit in money.
type Rate struct {
	Amount money.Decimal
	// From is zero for the first, which holds since ever.
	From time.Time
}

// Rates are those of one thing, the earliest first.
type Rates []Rate

// At returns the rate that holds at an instant, 0 if there is none.
func (r Rates) At(t time.Time) Rate {
	var found Rate
	for _, rate := range r {
		if rate.From.After(t) {
			break
		}
		found = rate
	}
	return found
}

// CheckNext returns INVALID for a rate that cannot follow these: what is no rate,
// and one that does not begin after all of them.
func (r Rates) CheckNext(next Rate) error {
	if err := CheckRate(next.Amount); err != nil {
		return err
	}
	for _, rate := range r {
		if !next.From.After(rate.From) {
			return fault.Invalidf("effectiveFrom", "a rate begins after the one before, which does at %s", rate.From.Format(time.RFC3339Nano))
		}
	}
	return nil
}

// CheckRate returns INVALID for what is no rate: below 0, or with more than 20
// digits before or 18 after the point.
func CheckRate(amount money.Decimal) error {
	if err := money.CheckAmount(amount); err != nil || amount.Sign() < 0 {
		return fault.Invalidf("rate", "a rate is at least 0, with at most 20 digits before and 18 after the point")
	}
	return nil
}

// Cost returns what a quantity costs by the rates of its SKU and its unit, rounded
// once to 18 digits after the point, half to even. INVALID for more than an amount
// can hold.
func Cost(quantity, rate, unitRate money.Decimal) (money.Decimal, error) {
	cost := quantity.Mul(rate).Mul(unitRate).Round(money.AmountPlaces)
	if err := money.CheckAmount(cost); err != nil {
		return money.Decimal{}, fault.Invalidf("quantity", "this costs more than an amount can hold")
	}
	return cost, nil
}
