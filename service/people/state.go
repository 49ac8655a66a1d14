package people

import (
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// memberState is the state of a person in an organization. Of those who are
// INVITED there is an invitation, of those who are REMOVED nothing but the
// journal.
type memberState string

// The states of a person in an organization.
const (
	stateInvited memberState = "INVITED"
	stateActive  memberState = "ACTIVE"
	stateLocked  memberState = "LOCKED"
	stateRemoved memberState = "REMOVED"
)

// memberStep is what can happen to a person in an organization.
type memberStep string

const (
	joining   memberStep = "join"
	locking   memberStep = "lock"
	unlocking memberStep = "unlock"
	leaving   memberStep = "leave"
	removing  memberStep = "remove"
)

// memberTransition is one way from state to state.
type memberTransition struct {
	from memberState
	step memberStep
	to   memberState
}

// memberTransitions is the whole life of a person in an organization. What is not
// in the table is refused. The owner takes no step but joining.
func memberTransitions() []memberTransition {
	return []memberTransition{
		{stateInvited, joining, stateActive},
		{stateActive, locking, stateLocked},
		{stateLocked, unlocking, stateActive},
		{stateActive, leaving, stateRemoved},
		{stateActive, removing, stateRemoved},
		{stateLocked, removing, stateRemoved},
		{stateRemoved, joining, stateActive},
	}
}

// nextMember returns the state that a step leads to: NOT_FOUND where there is no
// membership, else CONFLICT for a step that its state does not allow.
func nextMember(from memberState, step memberStep) (memberState, error) {
	for _, t := range memberTransitions() {
		if t.from == from && t.step == step {
			return t.to, nil
		}
	}
	if from == stateInvited || from == stateRemoved {
		return "", fault.Missing("member")
	}
	if step == joining {
		return "", fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember)
	}
	return "", fault.New(fault.Conflict, "the membership is %s", from)
}

// memberStateOf returns the state of a membership.
func memberStateOf(row *ent.Membership) memberState {
	if row.Locked {
		return stateLocked
	}
	return stateActive
}
