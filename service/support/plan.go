package support

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// PlanName names a support plan.
type PlanName string

// The support plans, from the least to the most.
const (
	Basic      PlanName = "BASIC"
	Advanced   PlanName = "ADVANCED"
	Business   PlanName = "BUSINESS"
	Enterprise PlanName = "ENTERPRISE"
)

// Plan is a support plan of the catalogue. Its fee for a month is the larger of
// the fixed fee and the share of what the organization spends.
type Plan struct {
	Name PlanName
	// FirstResponse is how long an answer takes at most.
	FirstResponse time.Duration
	MonthlyFee    money.Amount
	// SpendShare is a fraction: 0.05 is five percent.
	SpendShare money.Decimal
}

// ResponseMinutes returns how long an answer takes at most.
func (p *Plan) ResponseMinutes() int { return int(p.FirstResponse / time.Minute) }

// Plans returns the catalogue, from the least to the most.
func Plans() []*Plan {
	euro := func(n int64) money.Amount { return money.Amount{Decimal: money.FromInt(n), Currency: "EUR"} }
	return []*Plan{
		{Basic, 8 * time.Hour, euro(0), money.New(0, 2)},
		{Advanced, 2 * time.Hour, euro(50), money.New(5, 2)},
		{Business, 30 * time.Minute, euro(250), money.New(10, 2)},
		{Enterprise, 15 * time.Minute, euro(999), money.New(20, 2)},
	}
}

// rank returns the place of a plan in the catalogue.
func rank(name PlanName) int {
	return slices.IndexFunc(Plans(), func(p *Plan) bool { return p.Name == name })
}

// planNamed returns a plan of the catalogue.
func planNamed(name PlanName) *Plan { return Plans()[rank(name)] }

// period is a time in which an organization has a plan. The periods of an
// organization follow each other without a gap; the last has no end.
type period struct {
	// id is nil for a period that is not written yet.
	id         uuid.UUID
	plan       PlanName
	start, end time.Time // the zero end is none
}

// holds reports whether the period is the one at a time.
func (p period) holds(at time.Time) bool {
	return !at.Before(p.start) && (p.end.IsZero() || at.Before(p.end))
}

// currentOf returns the index of the period at a time. Before the first it is
// the first.
func currentOf(history []period, at time.Time) int {
	return max(slices.IndexFunc(history, func(p period) bool { return p.holds(at) }), 0)
}

// changed returns the history of an organization's plans, the oldest period
// first, after a change to a plan. More takes effect now, less when the month of
// UTC ends; either takes the place of a change that is planned, and a change to
// the plan that holds takes a planned one back. CONFLICT where nothing would
// change.
func changed(history []period, to PlanName, now time.Time) ([]period, error) {
	at := currentOf(history, now)
	current := history[at]
	planned := history[at+1:]
	history = slices.Clone(history[:at+1])
	switch {
	case current.plan == to && len(planned) == 0:
		return nil, fault.New(fault.Conflict, "the organization has this plan already")
	case current.plan == to:
		history[at].end = time.Time{}
		return history, nil
	case rank(to) > rank(current.plan):
		return begin(history, to, now), nil
	case len(planned) > 0 && planned[0].plan == to:
		return nil, fault.New(fault.Conflict, "this change is planned already")
	default:
		return begin(history, to, monthAfter(now)), nil
	}
}

// begin makes a plan follow the last period of a history from a time on. A
// period that would be over as it begins never was: its plan is replaced.
func begin(history []period, to PlanName, from time.Time) []period {
	last := &history[len(history)-1]
	if !from.After(last.start) {
		last.plan, last.end = to, time.Time{}
		return history
	}
	last.end = from
	return append(history, period{plan: to, start: from})
}

// monthAfter returns when the month of an instant ends, in UTC.
func monthAfter(t time.Time) time.Time {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
}
