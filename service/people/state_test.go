package people

import (
	"testing"

	"github.com/headwater-platform/headwater/fault"
)

// TestEveryMemberTransition tries each step in each state.
func TestEveryMemberTransition(t *testing.T) {
	t.Parallel()
	possible := map[memberState]map[memberStep]memberState{
		stateInvited: {joining: stateActive},
		stateActive:  {locking: stateLocked, leaving: stateRemoved, removing: stateRemoved},
		stateLocked:  {unlocking: stateActive, removing: stateRemoved},
		stateRemoved: {joining: stateActive},
	}
	refusals := map[memberState]fault.Code{
		stateInvited: fault.NotFound, stateActive: fault.Conflict, stateLocked: fault.Conflict, stateRemoved: fault.NotFound,
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
