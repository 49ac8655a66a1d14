package orgtree

import (
	"slices"
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// Grace is how long a deactivated organization can be reopened before it is
// purged.
const Grace = 10 * 24 * time.Hour

// Step is what can happen to an organization.
type Step string

// The steps of a life.
const (
	Activating   Step = "activate"
	Locking      Step = "lock"
	Unlocking    Step = "unlock"
	Deactivating Step = "deactivate"
	Reopening    Step = "reopen"
	Deleting     Step = "delete"
	Purging      Step = "purge"
)

// Steps returns every step.
func Steps() []Step {
	return []Step{Activating, Locking, Unlocking, Deactivating, Reopening, Deleting, Purging}
}

// transition is one way from state to state.
type transition struct {
	from Status
	step Step
	to   Status
	// whileLocked is where it leads instead while somebody holds a lock.
	whileLocked Status
}

// transitions is the whole life of an organization. What is not in the table is
// refused. A lock may be replaced by one from higher up, and outlasts a
// deactivation.
func transitions() []transition {
	return []transition{
		{PendingActivation, Activating, Active, ""},
		{Active, Locking, Locked, ""},
		{Active, Deactivating, Deactivated, ""},
		{Active, Deleting, Deleted, ""},
		{Locked, Locking, Locked, ""},
		{Locked, Unlocking, Active, ""},
		{Locked, Deactivating, Deactivated, ""},
		{Deactivated, Reopening, Active, Locked},
		{Deactivated, Purging, Deleted, ""},
	}
}

// Next returns the state that a step leads to. isLocked says that somebody holds
// a lock. A step that the state does not allow is refused as Refusal says.
func Next(from Status, step Step, isLocked bool) (Status, error) {
	for _, t := range transitions() {
		if t.from != from || t.step != step {
			continue
		}
		if isLocked && t.whileLocked != "" {
			return t.whileLocked, nil
		}
		return t.to, nil
	}
	return "", from.Refusal()
}

// Refusal says why something cannot be done in a state: ORGANIZATION_LOCKED,
// ORGANIZATION_DEACTIVATED, NOT_FOUND for what is deleted, CONFLICT with
// NOT_ACTIVATED for what is dormant, and CONFLICT for what is in use.
func (s Status) Refusal() error {
	switch s {
	case Locked:
		return fault.New(fault.OrganizationLocked, "the organization is locked")
	case Deactivated:
		return fault.New(fault.OrganizationDeactivated, "the organization is deactivated")
	case PendingActivation:
		return fault.New(fault.Conflict, "the organization is not activated yet").Because(fault.NotActivated)
	case Active:
		return fault.New(fault.Conflict, "the organization is active")
	case Deleted:
	}
	return fault.Missing("organization")
}

// CanLift reports whether whoever acts in the name of one organization above the
// leaf may lift, or replace, a lock that another one holds: if they are the same
// or the first is the higher. A lock of an organization that is not above any
// more is nobody's.
func (p Path) CanLift(actor, holder ID) bool {
	above := p.Ancestors()
	acts, holds := slices.Index(above, actor), slices.Index(above, holder)
	return acts >= 0 && (holds < 0 || acts <= holds)
}
