package orgtree_test

import (
	"errors"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// life is the whole life of an organization: where each step leads from each
// state, or the code of its refusal. Reopening leads to LOCKED while a lock is
// held.
func life() map[orgtree.Status]map[orgtree.Step]string {
	const conflict, locked, deactivated, gone = "CONFLICT", "ORGANIZATION_LOCKED", "ORGANIZATION_DEACTIVATED", "NOT_FOUND"
	row := func(activate, lock, unlock, deactivate, reopen, del, purge string) map[orgtree.Step]string {
		return map[orgtree.Step]string{
			orgtree.Activating: activate, orgtree.Locking: lock, orgtree.Unlocking: unlock, orgtree.Deactivating: deactivate,
			orgtree.Reopening: reopen, orgtree.Deleting: del, orgtree.Purging: purge,
		}
	}
	return map[orgtree.Status]map[orgtree.Step]string{
		orgtree.PendingActivation: row("ACTIVE", conflict, conflict, conflict, conflict, conflict, conflict),
		orgtree.Active:            row(conflict, "LOCKED", conflict, "DEACTIVATED", conflict, "DELETED", conflict),
		orgtree.Locked:            row(locked, "LOCKED", "ACTIVE", "DEACTIVATED", locked, locked, locked),
		orgtree.Deactivated:       row(deactivated, deactivated, deactivated, deactivated, "ACTIVE", deactivated, "DELETED"),
		orgtree.Deleted:           row(gone, gone, gone, gone, gone, gone, gone),
	}
}

// TestEveryStepInEveryState tries each step in each state, with and without a
// lock.
func TestEveryStepInEveryState(t *testing.T) {
	t.Parallel()
	for from, steps := range life() {
		if len(steps) != len(orgtree.Steps()) {
			t.Fatalf("%s knows %d steps of %d", from, len(steps), len(orgtree.Steps()))
		}
		for _, step := range orgtree.Steps() {
			for _, isLocked := range []bool{false, true} {
				want := steps[step]
				if isLocked && step == orgtree.Reopening && from == orgtree.Deactivated {
					want = "LOCKED"
				}
				to, err := orgtree.Next(from, step, isLocked)
				got := string(to)
				if err != nil {
					got = string(fault.CodeOf(err))
				}
				if got != want || (err != nil) != (to == "") {
					t.Errorf("to %s what is %s, locked %t: %q, %v; want %s", step, from, isLocked, to, err, want)
				}
			}
		}
	}
}

// TestNothingComesBack wants a deleted organization to stay so, and every other
// state to lead there in the end.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	for from := range life() {
		reached := map[orgtree.Status]bool{from: true}
		for range life() {
			for status := range reached {
				for _, step := range orgtree.Steps() {
					if to, err := orgtree.Next(status, step, false); err == nil {
						reached[to] = true
					}
				}
			}
		}
		if !reached[orgtree.Deleted] || from == orgtree.Deleted && len(reached) > 1 {
			t.Errorf("%s leads to %v", from, reached)
		}
		if from != orgtree.PendingActivation && reached[orgtree.PendingActivation] {
			t.Errorf("%s leads back to its beginning", from)
		}
	}
}

func TestRefusalsOfWhatIsDormant(t *testing.T) {
	t.Parallel()
	var refused *fault.Error
	if err := orgtree.PendingActivation.Refusal(); !errors.As(err, &refused) || refused.Reason != fault.NotActivated {
		t.Errorf("%v", err)
	}
	if err := orgtree.Active.Refusal(); !errors.As(err, &refused) || refused.Reason != "" {
		t.Errorf("%v", err)
	}
}

func TestCanLift(t *testing.T) {
	t.Parallel()
	p := path(4) // 1 is the platform, 2 and 3 are partners, 4 is the customer.
	for _, tt := range []struct {
		actor, holder byte
		want          bool
	}{
		{1, 1, true},
		{1, 2, true},
		{1, 3, true},
		{2, 1, false},
		{2, 2, true},
		{2, 3, true},
		{3, 1, false},
		{3, 2, false},
		{3, 3, true},
		{4, 3, false}, // itself
		{4, 4, false},
		{9, 3, false}, // a stranger
		{3, 9, true},  // a lock of one that is not above any more
	} {
		if got := p.CanLift(orgtree.ID{tt.actor}, orgtree.ID{tt.holder}); got != tt.want {
			t.Errorf("%d lifts what %d holds: %t", tt.actor, tt.holder, got)
		}
	}
}
