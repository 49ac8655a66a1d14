package people

import (
	"testing"

	"github.com/headwater-platform/headwater/fault"
)

// TestEveryMemberTransition tries each step in each state.
func TestEveryMemberTransition(t *testing.T) {
	t.Parallel()
	possible := map[memberStatus]map[memberStep]memberStatus{
		memberInvited: {joining: memberActive},
		memberActive:  {locking: memberLocked, leaving: memberRemoved, removing: memberRemoved},
		memberLocked:  {unlocking: memberActive, removing: memberRemoved},
		memberRemoved: {joining: memberActive},
	}
	refusals := map[memberStatus]fault.Code{
		memberInvited: fault.NotFound, memberActive: fault.Conflict, memberLocked: fault.Conflict, memberRemoved: fault.NotFound,
	}
	for from, steps := range possible {
		for _, step := range []memberStep{joining, locking, unlocking, leaving, removing} {
			want, isPossible := steps[step]
			got, err := nextMember(from, step)
			switch {
			case isPossible && (err != nil || got != want):
				t.Errorf("to %s who is %s leads to %q, %v; want %s", step, from, got, err, want)
			case !isPossible && fault.CodeOf(err) != refusals[from]:
				t.Errorf("to %s who is %s leads to %q, %v; want %s", step, from, got, err, refusals[from])
			}
		}
	}
}
