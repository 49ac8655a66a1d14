package requests

import (
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// Status is the state of a request for access.
type Status string

// The states of a request. All but PENDING are final.
const (
	Pending   Status = "PENDING"
	Accepted  Status = "ACCEPTED"
	Declined  Status = "DECLINED"
	Cancelled Status = "CANCELLED"
	Expired   Status = "EXPIRED"
)

// step is what can happen to a request.
type step string

const (
	accepting  step = "accept"
	declining  step = "decline"
	cancelling step = "cancel"
	expiring   step = "expire"
)

// party is who can take a step.
type party string

const (
	theOwner     party = "the owner"
	theRequester party = "whoever made the request"
	theClock     party = "the clock"
)

// transition is one way from state to state.
type transition struct {
	from Status
	step step
	by   party
	to   Status
}

// transitions is the whole life of a request. What is not in the table is
// refused.
func transitions() []transition {
	return []transition{
		{Pending, accepting, theOwner, Accepted},
		{Pending, declining, theOwner, Declined},
		{Pending, cancelling, theRequester, Cancelled},
		{Pending, expiring, theClock, Expired},
	}
}

// next returns the state that a step leads to, or CONFLICT with
// INVITATION_NOT_PENDING.
func next(from Status, s step) (Status, error) {
	for _, t := range transitions() {
		if t.from == from && t.step == s {
			return t.to, nil
		}
	}
	return "", notPending("the request is %s", from)
}

// takenBy returns who can take a step.
func takenBy(s step) party {
	for _, t := range transitions() {
		if t.step == s {
			return t.by
		}
	}
	return ""
}

// statusAt returns the state of a request at a time: nobody has to be there when
// it expires.
func statusAt(row *ent.AccessRequest, now time.Time) Status {
	status := Status(row.Status)
	if status == Pending && !now.Before(row.ExpiresAt) {
		return Expired
	}
	return status
}

func notPending(format string, args ...any) error {
	return fault.New(fault.Conflict, format, args...).Because(fault.InvitationNotPending)
}
