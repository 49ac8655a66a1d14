package requests

import (
	"errors"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/fault"
)

// TestEveryTransition tries each step in each state.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	possible := map[Status]map[step]Status{
		Pending: {accepting: Accepted, declining: Declined, cancelling: Cancelled, expiring: Expired},
	}
	for _, from := range []Status{Pending, Accepted, Declined, Cancelled, Expired} {
		for _, s := range []step{accepting, declining, cancelling, expiring} {
			want, isPossible := possible[from][s]
			got, err := next(from, s)
			var refused *fault.Error
			switch {
			case isPossible && (err != nil || got != want):
				t.Errorf("to %s what is %s leads to %q, %v; want %s", s, from, got, err, want)
			case !isPossible && (!errors.As(err, &refused) || refused.Code != fault.Conflict || refused.Reason != fault.InvitationNotPending):
				t.Errorf("to %s what is %s leads to %q, %v", s, from, got, err)
			}
		}
	}
}

func TestEveryStepHasItsParty(t *testing.T) {
	t.Parallel()
	for s, want := range map[step]party{accepting: theOwner, declining: theOwner, cancelling: theRequester, expiring: theClock} {
		if got := takenBy(s); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}

func TestRequestsExpireByTheClock(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		status accessrequest.Status
		now    time.Time
		want   Status
	}{
		{accessrequest.StatusPENDING, end.Add(-time.Microsecond), Pending},
		{accessrequest.StatusPENDING, end, Expired},
		{accessrequest.StatusPENDING, end.Add(time.Hour), Expired},
		{accessrequest.StatusACCEPTED, end.Add(time.Hour), Accepted},
		{accessrequest.StatusDECLINED, end.Add(time.Hour), Declined},
		{accessrequest.StatusCANCELLED, end.Add(time.Hour), Cancelled},
		{accessrequest.StatusEXPIRED, end.Add(-time.Hour), Expired},
	} {
		row := &ent.AccessRequest{Status: tt.status, ExpiresAt: end}
		if got := statusAt(row, tt.now); got != tt.want {
			t.Errorf("%s at %s is %s, want %s", tt.status, tt.now, got, tt.want)
		}
	}
}
