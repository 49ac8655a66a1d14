package sessions

import (
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
)

// State says whether a session is good for anything.
type State string

// The states of a session. All but LIVE are final.
const (
	Live    State = "LIVE"
	Expired State = "EXPIRED"
	Ended   State = "ENDED"
)

// step is what can end a session.
type step string

const (
	signingOut       step = "sign out"
	revoking         step = "revoke"
	reusing          step = "show an old refresh token"
	replacing        step = "make room"
	changingPassword step = "change the password"
)

// party is who takes a step.
type party string

const (
	theSession  party = "whoever has the session"
	thePerson   party = "the person"
	anybody     party = "anybody who has an old refresh token"
	thePlatform party = "the platform"
)

// transition is one way in which a session ends.
type transition struct {
	from State
	step step
	by   party
	to   session.EndReason
}

// transitions is the whole life of a session. What is not in the table does not
// happen: a session that has ended keeps its first reason, and one that has
// expired needs no other end.
func transitions() []transition {
	return []transition{
		{Live, signingOut, theSession, session.EndReasonSIGNED_OUT},
		{Live, revoking, thePerson, session.EndReasonREVOKED},
		{Live, reusing, anybody, session.EndReasonREUSED},
		{Live, replacing, thePlatform, session.EndReasonREPLACED},
		{Expired, replacing, thePlatform, session.EndReasonREPLACED},
		{Live, changingPassword, thePerson, session.EndReasonPASSWORD_CHANGED},
	}
}

// endOf returns why a session has ended after a step, or false if the step ends
// nothing.
func endOf(from State, s step) (session.EndReason, bool) {
	for _, t := range transitions() {
		if t.from == from && t.step == s {
			return t.to, true
		}
	}
	return "", false
}

// stateAt returns the state of a session at a time.
func stateAt(row *ent.Session, now time.Time) State {
	switch {
	case row.EndedAt != nil:
		return Ended
	case !now.Before(row.ExpiresAt):
		return Expired
	default:
		return Live
	}
}
