package support

import (
	"testing"
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// TestEveryTransition tries each step in each state as each party.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	// The rows are steps, the columns OPEN, WAITING_CUSTOMER, RESOLVED, CLOSED.
	const no, not = "CONFLICT", "FORBIDDEN"
	states := []Status{Open, WaitingCustomer, Resolved, Closed}
	for by, table := range map[party]map[step][]string{
		theCustomer: {
			replying:     {"OPEN", "OPEN", "OPEN", no},
			prioritizing: {"OPEN", "WAITING_CUSTOMER", "RESOLVED", no},
			resolving:    {not, not, not, not},
			closing:      {"CLOSED", "CLOSED", "CLOSED", no},
			reopening:    {no, no, "OPEN", "OPEN"},
		},
		theSupport: {
			replying:     {"WAITING_CUSTOMER", "WAITING_CUSTOMER", "WAITING_CUSTOMER", no},
			prioritizing: {"OPEN", "WAITING_CUSTOMER", "RESOLVED", no},
			resolving:    {"RESOLVED", "RESOLVED", no, no},
			closing:      {no, no, "CLOSED", no},
			reopening:    {not, not, not, not},
		},
	} {
		for s, row := range table {
			for i, want := range row {
				got, err := next(states[i], s, by)
				if err != nil {
					got = Status(fault.CodeOf(err))
				}
				if string(got) != want {
					t.Errorf("%s, %s what is %s: %s, want %s", by, s, states[i], got, want)
				}
			}
		}
	}
}

// TestReopeningHasAnEnd reopens around the end of the time for it.
func TestReopeningHasAnEnd(t *testing.T) {
	t.Parallel()
	closed := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]fault.Code{0: "", reopenable - time.Microsecond: "", reopenable: fault.Conflict, 10 * reopenable: fault.Conflict} {
		if got := fault.CodeOf(checkReopening(&closed, closed.Add(after))); got != want {
			t.Errorf("after %s: %q, want %q", after, got, want)
		}
	}
	if err := checkReopening(nil, closed); err != nil {
		t.Errorf("what was never closed: %v", err)
	}
}
