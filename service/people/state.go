package people

import (
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// memberStatus is the state of a person in an organization. Of those who are
// INVITED there is an invitation, of those who are REMOVED nothing but the
// journal.
type memberStatus string

// The states of a person in an organization.
const (
	memberInvited memberStatus = "INVITED"
	memberActive  memberStatus = "ACTIVE"
	memberLocked  memberStatus = "LOCKED"
	memberRemoved memberStatus = "REMOVED"
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
	from memberStatus
	step memberStep
	to   memberStatus
}

// memberTransitions is the whole life of a person in an organization. What is not
// in the table is refused. The owner takes no step but joining.
func memberTransitions() []memberTransition {
	return []memberTransition{
		{memberInvited, joining, memberActive},
		{memberActive, locking, memberLocked},
		{memberLocked, unlocking, memberActive},
		{memberActive, leaving, memberRemoved},
		{memberActive, removing, memberRemoved},
		{memberLocked, removing, memberRemoved},
		{memberRemoved, joining, memberActive},
	}
}

// nextMember returns the state that a step leads to: NOT_FOUND where there is no
// membership, else CONFLICT for a step that its state does not allow.
func nextMember(from memberStatus, step memberStep) (memberStatus, error) {
	for _, t := range memberTransitions() {
		if t.from == from && t.step == step {
			return t.to, nil
		}
	}
	if from == memberInvited || from == memberRemoved {
		return "", fault.Missing("member")
	}
	if step == joining {
		return "", fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember)
	}
	return "", fault.New(fault.Conflict, "the membership is %s", from)
}

// memberStatusOf returns the state of a membership.
func memberStatusOf(row *ent.Membership) memberStatus {
	if row.Locked {
		return memberLocked
	}
	return memberActive
}
