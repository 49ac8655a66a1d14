package roster

import (
	"errors"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/fault"
)

// TestEveryInvitationTransition tries each step in each state.
func TestEveryInvitationTransition(t *testing.T) {
	t.Parallel()
	possible := map[InvitationStatus]map[InvitationStep]InvitationStatus{
		InvitationPending: {
			AcceptInvitation: InvitationAccepted, DeclineInvitation: InvitationDeclined, CancelInvitation: InvitationCancelled,
			ResendInvitation: InvitationPending, ExpireInvitation: InvitationExpired,
		},
		InvitationExpired:  {ResendInvitation: InvitationPending},
		InvitationAccepted: {}, InvitationDeclined: {}, InvitationCancelled: {},
	}
	for from, steps := range possible {
		for _, step := range []InvitationStep{AcceptInvitation, DeclineInvitation, CancelInvitation, ResendInvitation, ExpireInvitation} {
			want, isPossible := steps[step]
			got, err := NextInvitation(from, step)
			var refused *fault.Error
			switch {
			case isPossible && (err != nil || got != want):
				t.Errorf("to %s what is %s leads to %q, %v; want %s", step, from, got, err, want)
			case !isPossible && (!errors.As(err, &refused) || refused.Code != fault.Conflict || refused.Reason != fault.InvitationNotPending):
				t.Errorf("to %s what is %s leads to %q, %v", step, from, got, err)
			}
		}
	}
}

func TestInvitationsExpireByTheClock(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		status invitation.Status
		now    time.Time
		want   InvitationStatus
	}{
		{invitation.StatusPENDING, end.Add(-time.Microsecond), InvitationPending},
		{invitation.StatusPENDING, end, InvitationExpired},
		{invitation.StatusPENDING, end.Add(time.Hour), InvitationExpired},
		{invitation.StatusACCEPTED, end.Add(time.Hour), InvitationAccepted},
		{invitation.StatusCANCELLED, end.Add(time.Hour), InvitationCancelled},
		{invitation.StatusEXPIRED, end.Add(-time.Hour), InvitationExpired},
	} {
		if got := InvitationStatusAt(&ent.Invitation{Status: tt.status, ExpiresAt: end}, tt.now); got != tt.want {
			t.Errorf("%s at %s is %s, want %s", tt.status, tt.now, got, tt.want)
		}
	}
}
