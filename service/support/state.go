package support

import (
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// Status is the state of a ticket.
type Status string

// The states of a ticket.
const (
	Open            Status = "OPEN"
	WaitingCustomer Status = "WAITING_CUSTOMER"
	Resolved        Status = "RESOLVED"
	Closed          Status = "CLOSED"
)

// step is what can happen to a ticket.
type step string

const (
	replying     step = "reply to"
	prioritizing step = "prioritize"
	resolving    step = "resolve"
	closing      step = "close"
	reopening    step = "reopen"
)

// party is who takes a step.
type party string

const (
	theCustomer party = "the customer"
	theSupport  party = "support"
)

// transition is one way from state to state.
type transition struct {
	from Status
	step step
	by   party
	to   Status
}

// transitions is the whole life of a ticket. What is not in the table is
// refused.
func transitions() []transition {
	return []transition{
		{Open, replying, theCustomer, Open},
		{WaitingCustomer, replying, theCustomer, Open},
		{Resolved, replying, theCustomer, Open},
		{Open, replying, theSupport, WaitingCustomer},
		{WaitingCustomer, replying, theSupport, WaitingCustomer},
		{Resolved, replying, theSupport, WaitingCustomer},

		{Open, prioritizing, theCustomer, Open},
		{WaitingCustomer, prioritizing, theCustomer, WaitingCustomer},
		{Resolved, prioritizing, theCustomer, Resolved},
		{Open, prioritizing, theSupport, Open},
		{WaitingCustomer, prioritizing, theSupport, WaitingCustomer},
		{Resolved, prioritizing, theSupport, Resolved},

		{Open, resolving, theSupport, Resolved},
		{WaitingCustomer, resolving, theSupport, Resolved},

		{Open, closing, theCustomer, Closed},
		{WaitingCustomer, closing, theCustomer, Closed},
		{Resolved, closing, theCustomer, Closed},
		{Resolved, closing, theSupport, Closed},

		{Resolved, reopening, theCustomer, Open},
		{Closed, reopening, theCustomer, Open},
	}
}

// next returns the state that a step of a party leads to. FORBIDDEN for a step
// that only the other party ever takes, CONFLICT for one that is not possible in
// the state.
func next(from Status, s step, by party) (Status, error) {
	theirs := false
	for _, t := range transitions() {
		if t.step != s || t.by != by {
			continue
		}
		theirs = true
		if t.from == from {
			return t.to, nil
		}
	}
	if !theirs {
		return "", fault.New(fault.Forbidden, "%s does not %s a ticket", by, s)
	}
	return "", fault.New(fault.Conflict, "%s does not %s a ticket that is %s", by, s, from)
}

// reopenable is how long after it was closed a ticket can be opened again.
const reopenable = 14 * 24 * time.Hour

// checkReopening returns CONFLICT for a ticket that was closed too long ago.
func checkReopening(closedAt *time.Time, now time.Time) error {
	if closedAt != nil && !now.Before(closedAt.Add(reopenable)) {
		return fault.New(fault.Conflict, "a ticket is reopened within 14 days; open another one")
	}
	return nil
}
