package roster

import (
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// InvitationStatus is the state of an invitation.
type InvitationStatus string

// The states of an invitation. All but PENDING and EXPIRED are final.
const (
	InvitationPending   InvitationStatus = "PENDING"
	InvitationAccepted  InvitationStatus = "ACCEPTED"
	InvitationDeclined  InvitationStatus = "DECLINED"
	InvitationCancelled InvitationStatus = "CANCELLED"
	InvitationExpired   InvitationStatus = "EXPIRED"
)

// InvitationStep is what can happen to an invitation.
type InvitationStep string

// The steps of an invitation.
const (
	AcceptInvitation  InvitationStep = "accept"
	DeclineInvitation InvitationStep = "decline"
	CancelInvitation  InvitationStep = "cancel"
	ResendInvitation  InvitationStep = "resend"
	ExpireInvitation  InvitationStep = "expire"
)

// InvitationParty is who can take a step.
type InvitationParty string

// The parties. The organization is whoever may invite into it, and the owner for
// the ownership.
const (
	TheInvited      InvitationParty = "the invited person"
	TheOrganization InvitationParty = "the organization"
	TheClock        InvitationParty = "the clock"
)

// InvitationTransition is one way from state to state.
type InvitationTransition struct {
	From InvitationStatus
	Step InvitationStep
	By   InvitationParty
	To   InvitationStatus
}

// InvitationTransitions is the whole life of an invitation, of either kind. What
// is not in the table is refused.
func InvitationTransitions() []InvitationTransition {
	return []InvitationTransition{
		{InvitationPending, AcceptInvitation, TheInvited, InvitationAccepted},
		{InvitationPending, DeclineInvitation, TheInvited, InvitationDeclined},
		{InvitationPending, CancelInvitation, TheOrganization, InvitationCancelled},
		{InvitationPending, ResendInvitation, TheOrganization, InvitationPending},
		{InvitationPending, ExpireInvitation, TheClock, InvitationExpired},
		{InvitationExpired, ResendInvitation, TheOrganization, InvitationPending},
	}
}

// NextInvitation returns the state that a step leads to, or CONFLICT with
// INVITATION_NOT_PENDING.
func NextInvitation(from InvitationStatus, step InvitationStep) (InvitationStatus, error) {
	for _, t := range InvitationTransitions() {
		if t.From == from && t.Step == step {
			return t.To, nil
		}
	}
	return "", fault.New(fault.Conflict, "the invitation is %s", from).Because(fault.InvitationNotPending)
}

// InvitationStatusAt returns the state of an invitation at a time: nobody has to
// be there when it expires.
func InvitationStatusAt(row *ent.Invitation, now time.Time) InvitationStatus {
	status := InvitationStatus(row.Status)
	if status == InvitationPending && !now.Before(row.ExpiresAt) {
		return InvitationExpired
	}
	return status
}
