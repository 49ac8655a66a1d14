package access

import (
	"time"

	"github.com/headwater-platform/headwater/orgtree"
)

// SignInMethod says how a person signed in.
type SignInMethod string

// The methods. One who is impersonated did not sign in; the other did.
const (
	ByPassword      SignInMethod = "PASSWORD"
	ByOIDC          SignInMethod = "OIDC"
	ByImpersonation SignInMethod = "IMPERSONATION"
)

// SignIn is how the session of a request began. The zero SignIn is no session:
// an API key, or a token that the operator printed.
type SignIn struct {
	Session orgtree.ID
	Method  SignInMethod
	At      time.Time
	// SecondFactor says that one was shown, or that the provider vouches for one.
	SecondFactor bool
}

// Demands are what the settings of an organization demand of the sign-ins of its
// people.
type Demands struct {
	// Password and OIDC say whether the methods are allowed.
	Password, OIDC bool
	// MaxDuration is how long a session is good after the sign-in; 0 is forever.
	MaxDuration time.Duration
	// SecondFactor says that everybody needs one, OwnPassword that a password
	// which somebody else set is to be replaced. Both have until the end of the
	// grace period.
	SecondFactor, OwnPassword bool
}

// Compliance is how far a member has done what an organization demands.
type Compliance struct {
	SecondFactor bool
	// OwnPassword is false as long as somebody else knows the password.
	OwnPassword bool
	// GraceUntil is when the member is shut out, or zero if no grace period has
	// begun.
	GraceUntil time.Time
}

// Meets reports whether somebody has done what an organization demands.
func (c Compliance) Meets(d Demands) bool {
	return (c.SecondFactor || !d.SecondFactor) && (c.OwnPassword || !d.OwnPassword)
}

// Admits reports whether a person who signed in so gets into the organization of
// the standing at a time: the method is allowed, the session is not too old, and
// the person has done what is demanded or still has time to. A second factor that
// the provider of an organization vouches for is as good as one of the account:
// such a session reaches that organization alone. It is about people;
// applications are always admitted.
func (s *Standing) Admits(in SignIn, at time.Time) bool {
	switch in.Method {
	case ByImpersonation:
		return true
	case ByPassword:
		if !s.Demands.Password {
			return false
		}
	case ByOIDC:
		if !s.Demands.OIDC {
			return false
		}
	}
	if in.Method != "" && s.Demands.MaxDuration > 0 && !at.Before(in.At.Add(s.Demands.MaxDuration)) {
		return false
	}
	c := s.Compliance
	c.SecondFactor = c.SecondFactor || in.SecondFactor
	return c.Meets(s.Demands) || c.GraceUntil.IsZero() || at.Before(c.GraceUntil)
}

// Admitted returns the viewer without the standings whose organizations do not
// admit them at the time of the request.
func (v Viewer) Admitted() Viewer {
	if v.Kind != User {
		return v
	}
	var admitted map[orgtree.ID]*Standing
	for id, s := range v.Standings {
		if s.Admits(v.SignIn, v.At) {
			continue
		}
		if admitted == nil {
			admitted = make(map[orgtree.ID]*Standing, len(v.Standings))
			for id, s := range v.Standings {
				admitted[id] = s
			}
		}
		delete(admitted, id)
	}
	if admitted != nil {
		v.Standings = admitted
	}
	return v
}

// Actor is a person who acts in another's place.
type Actor struct {
	ID   orgtree.ID
	Name string
}

// IsImpersonated reports whether somebody else acts in the viewer's place.
func (v Viewer) IsImpersonated() bool { return !v.By.ID.IsZero() }
