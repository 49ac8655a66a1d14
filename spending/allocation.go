package spending

import (
	"slices"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Quantity is an amount of a currency or of a billing unit.
type Quantity struct {
	Amount money.Decimal
	// Unit is an ISO 4217 currency or a billing unit: its name where it is shown, else
	// its id.
	Unit string
}

// Period is how long a total lasts before it is there anew, in UTC.
type Period string

// The periods.
const (
	Forever Period = "NONE"
	Month   Period = "MONTH"
	Quarter Period = "QUARTER"
	Year    Period = "YEAR"
)

// Bounds returns the period that an instant lies in: from its first day,
// inclusive, to the first day of the next one. That of Forever has no bounds and
// both are zero.
func (p Period) Bounds(at time.Time) (from, to time.Time) {
	at = at.UTC()
	var months int
	switch p {
	case Month:
		months = 1
	case Quarter:
		months = 3
	case Year:
		months = 12
	default:
		return time.Time{}, time.Time{}
	}
	first := (int(at.Month())-1)/months*months + 1
	from = time.Date(at.Year(), time.Month(first), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, months, 0)
}

// Contains reports whether a period lasts at least as long as another.
func (p Period) Contains(other Period) bool {
	order := []Period{Month, Quarter, Year, Forever}
	return slices.Index(order, p) >= slices.Index(order, other)
}

// Severity is what a threshold does, from least to most.
type Severity string

// The severities: tell somebody; start nothing new; and end what runs.
const (
	Alert    Severity = "ALERT"
	Freeze   Severity = "FREEZE"
	Shutdown Severity = "SHUTDOWN"
)

// state returns the state of an allocation whose threshold of the severity is
// reached.
func (s Severity) state() State {
	switch s {
	case Shutdown:
		return ShutDown
	case Freeze:
		return Frozen
	default:
		return Alerted
	}
}

// Basis is what a threshold is compared with.
type Basis string

// The bases: what was used, that with what resources that run are expected to
// cost yet, and what will have been used at the end of the period.
const (
	Actual              Basis = "ACTUAL"
	ActualPlusEstimated Basis = "ACTUAL_PLUS_ESTIMATED"
	Forecasted          Basis = "FORECAST"
)

// State is what an allocation lets happen, from best to worst.
type State string

// The states: everything; everything, but somebody is told; nothing new; and
// what runs ends, too.
const (
	OK       State = "OK"
	Alerted  State = "ALERT"
	Frozen   State = "FROZEN"
	ShutDown State = "SHUTDOWN"
)

// Worse reports whether a state lets less happen than another.
func (s State) Worse(than State) bool { return s.rank() > than.rank() }

// Starts reports whether new work may start.
func (s State) Starts() bool { return !s.Worse(Alerted) }

func (s State) rank() int { return slices.Index([]State{OK, Alerted, Frozen, ShutDown}, s) }

// Threshold is a part of an allocation's total at which something happens.
type Threshold struct {
	ID   orgtree.ID
	Name string
	// Percent of the total, or Amount in the unit of the allocation: one of them
	// is nil.
	Percent, Amount *money.Decimal
	Basis           Basis
	Severity        Severity
}

// maxPercent bounds percentages: more than all of a total can be used.
const maxPercent = 10_000

// Check returns INVALID for a threshold that names not exactly one of a percent
// above 0, at most 10 000 and with at most 4 digits after the point, and an
// amount above 0; and for a forecast that does more than alert, because it may be
// wrong.
func (t Threshold) Check() error {
	if (t.Percent == nil) == (t.Amount == nil) {
		return fault.Invalidf("percent", "a threshold is either a percent or an amount")
	}
	if p := t.Percent; p != nil {
		if p.Sign() <= 0 || p.Cmp(money.FromInt(maxPercent)) > 0 || !p.Round(4).Equal(*p) {
			return fault.Invalidf("percent", "a percent is above 0, at most %d and has at most 4 digits after the point", maxPercent)
		}
	}
	if a := t.Amount; a != nil {
		if err := money.CheckAmount(*a); err != nil || a.Sign() <= 0 {
			return fault.Invalidf("amount", "the amount of a threshold is above 0, with at most 20 digits before and 18 after the point")
		}
	}
	if t.Basis == Forecasted && t.Severity != Alert {
		return fault.Invalidf("severity", "a forecast can be wrong, so a threshold on it can only alert")
	}
	return nil
}

// At returns the amount at which the threshold of an allocation is reached.
func (t Threshold) At(total money.Decimal) money.Decimal {
	if t.Amount != nil {
		return *t.Amount
	}
	return total.Mul(*t.Percent).Mul(money.New(1, 2)) // one hundredth
}

// Spent is how much of an allocation is gone in its period.
type Spent struct {
	Total money.Decimal
	// Used is what was used, Reserved what is expected of resources that run.
	Used, Reserved money.Decimal
	// Forecast is what will have been used at the end of the period, nil where
	// that cannot be said.
	Forecast *money.Decimal
}

// Headroom returns how much is left, below 0 if more is gone.
func (s Spent) Headroom() money.Decimal { return s.Total.Sub(s.Used).Sub(s.Reserved) }

// on returns what a basis is, and false where that cannot be said.
func (s Spent) on(b Basis) (money.Decimal, bool) {
	switch {
	case b == ActualPlusEstimated:
		return s.Used.Add(s.Reserved), true
	case b == Forecasted && s.Forecast == nil:
		return money.Decimal{}, false
	case b == Forecasted:
		return *s.Forecast, true
	default:
		return s.Used, true
	}
}

// Reaches reports whether so much is gone that the threshold is reached.
func (s Spent) Reaches(t Threshold) bool {
	value, ok := s.on(t.Basis)
	return ok && value.Cmp(t.At(s.Total)) >= 0
}

// Assess returns the state of an allocation and the threshold that decides, nil
// where the total does or nothing is reached. At 100 percent nothing new starts,
// with thresholds or without. A shutdown that has fired is in force until it is
// taken back, whatever is used by then; so shut, the threshold of it, may be one
// that is not reached or does not exist any more. Of several thresholds that do
// the same the highest decides.
func Assess(s Spent, thresholds []Threshold, shut *orgtree.ID) (State, *orgtree.ID) {
	if shut != nil {
		return ShutDown, shut
	}
	state, by := OK, (*orgtree.ID)(nil)
	var highest money.Decimal
	for _, t := range thresholds {
		if !s.Reaches(t) {
			continue
		}
		reached, at := t.Severity.state(), t.At(s.Total)
		if reached.Worse(state) || reached == state && at.Cmp(highest) > 0 {
			state, by, highest = reached, &t.ID, at
		}
	}
	if s.Headroom().Sign() <= 0 && !state.Worse(Alerted) {
		return Frozen, nil
	}
	return state, by
}

// Fire returns the thresholds that are reached and have not fired yet in the
// period, in their order, and of these the ones to tell about: of several with
// the same severity the highest.
func Fire(s Spent, thresholds []Threshold, fired func(orgtree.ID) bool) (fires, tell []Threshold) {
	for _, t := range thresholds {
		if s.Reaches(t) && !fired(t.ID) {
			fires = append(fires, t)
		}
	}
	for _, severity := range []Severity{Alert, Freeze, Shutdown} {
		var loudest *Threshold
		for _, t := range fires {
			if t.Severity == severity && (loudest == nil || t.At(s.Total).Cmp(loudest.At(s.Total)) > 0) {
				loudest = &t
			}
		}
		if loudest != nil {
			tell = append(tell, *loudest)
		}
	}
	return fires, tell
}

// Rearmed returns those of the thresholds that have fired which a new total puts
// out of reach again: they fire once more when they are reached. Less use does not
// rearm, because credits come and go.
func Rearmed(before, after Spent, fired []Threshold) []Threshold {
	if after.Total.Cmp(before.Total) <= 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(fired), after.Reaches)
}

// Holder is an allocation with what decides about it.
type Holder struct {
	ID orgtree.ID
	Spent
	Unit  string
	State State
	// By is the threshold that decides, nil for the total or for none.
	By *orgtree.ID
}

// Join returns the allocation that decides about work to which all of them apply:
// the worst one, of several the one with least of its total left. It returns
// false if there is none.
func Join(holders []Holder) (Holder, bool) {
	var worst Holder
	for i, h := range holders {
		if i == 0 || h.State.Worse(worst.State) || h.State == worst.State && h.tighterThan(worst) {
			worst = h
		}
	}
	return worst, len(holders) > 0
}

// Tightest returns the allocation of which the least part is left, and false if
// there is none.
func Tightest(holders []Holder) (Holder, bool) {
	var tightest Holder
	for i, h := range holders {
		if i == 0 || h.tighterThan(tightest) {
			tightest = h
		}
	}
	return tightest, len(holders) > 0
}

// tighterThan reports whether less of the total is left, as a part of it.
func (h Holder) tighterThan(other Holder) bool {
	return h.Headroom().Mul(other.Total).Cmp(other.Headroom().Mul(h.Total)) < 0
}

// Fits reports whether a quantity fits into what the allocation has left. One of
// another unit does.
func (h Holder) Fits(q Quantity) bool {
	return h.Unit != q.Unit || q.Amount.Sign() <= 0 || h.Headroom().Cmp(q.Amount) >= 0
}
