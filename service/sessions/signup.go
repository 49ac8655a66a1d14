package sessions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// selfService is the setting of the platform that lets people sign up.
const selfService = "platform.self_service_signup"

// paceOfSignUps is how sign-ups from one address are slowed down.
func paceOfSignUps() pace { return pace{free: 10, first: time.Minute, longest: time.Hour} }

// NewPerson is what signUp is asked for.
type NewPerson struct {
	Username, Email, Name, Password string
	// Invitation is the token of a mailed invitation, or "".
	Invitation string
}

// SignUp makes an account for somebody and the organization that comes with it,
// and mails a link that proves the address. Whoever comes with an invitation that
// was mailed to the address has proved it. FORBIDDEN where the platform wants
// nobody without an invitation, INVALID for what cannot be, CONFLICT for a
// username that is taken, RATE_LIMITED after too many from one address. An
// address that has an account gets a letter that says so, and the caller the
// answer for a new one.
func (s *Service) SignUp(ctx context.Context, n NewPerson) error {
	nobody, err := s.withID(asSystem(ctx), uuid.Nil)
	if err != nil {
		return err
	}
	if err := checkNewPerson(nobody, n); err != nil {
		return err
	}
	invited := n.Invitation != ""
	if invited {
		if err := s.checkInvited(ctx, n); err != nil {
			return err
		}
	}
	if err := s.checkSignUps(ctx, invited); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, n.Password)
	if err != nil {
		return err
	}
	err = s.signUp(ctx, n, hash, invited)
	if fault.CodeOf(err) == fault.Conflict {
		return s.signUp(ctx, n, hash, invited) // Somebody was first; now they are there.
	}
	return err
}

// checkNewPerson returns INVALID unless a person can be called so and has a
// password that will do. nobody is who has no organization.
func checkNewPerson(nobody account, n NewPerson) error {
	nobody.row = &ent.User{Username: n.Username, Email: n.Email, Name: n.Name}
	for _, err := range []error{
		roster.CheckUsername(n.Username), roster.CheckEmail("email", n.Email), roster.CheckName(n.Name),
		nobody.checkPassword("password", n.Password),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSignUps returns nil if the platform takes a new person now.
func (s *Service) checkSignUps(ctx context.Context, invited bool) error {
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return err
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return err
	}
	open, err := s.records.Value(ctx, root, selfService)
	if err != nil {
		return err
	}
	if !open.Bool() && !invited {
		return fault.New(fault.Forbidden, "accounts are made for those who are invited")
	}
	address := networkOf(access.CircumstancesFrom(ctx).Address)
	made, err := s.count(ctx, counted{key: keyOf("sign-ups from", address), pace: paceOfSignUps()})
	if err == nil && !made.open {
		return tooMany()
	}
	return err
}

// checkInvited returns INVALID unless the token is that of an invitation which
// waits for an answer and was mailed to the address.
func (s *Service) checkInvited(ctx context.Context, n NewPerson) error {
	link, err := s.issuer.VerifyLink(n.Invitation, token.AcceptInvitation)
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		return fault.Invalidf("invitationToken", "%s", refusal.Message)
	}
	if err != nil {
		return err
	}
	row, err := s.db.Client().Invitation.Query().Where(invitation.ID(link.Subject.UUID)).Only(asSystem(ctx))
	if err != nil && !ent.IsNotFound(err) {
		return fmt.Errorf("find invitation: %w", err)
	}
	if err != nil || link.Subject.Kind != typeid.Invitation || row.SentCount != link.Count ||
		roster.InvitationStatusAt(row, s.db.Now()) != roster.InvitationPending {
		return fault.Invalidf("invitationToken", "the link is not valid or has expired")
	}
	if row.EmailKey != roster.EmailKey(n.Email) {
		return fault.Invalidf("email", "the invitation was sent to another address")
	}
	return nil
}

// signUp makes the account, unless the address has one.
func (s *Service) signUp(ctx context.Context, n NewPerson, hash string, invited bool) error {
	_, err := s.db.Write(access.WithViewer(ctx, access.SystemViewer("sign-up")), database.Entry{Action: "signUp"}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockTree(ctx); err != nil {
			return err
		}
		taken, err := tx.User.Query().Where(user.UsernameKey(strings.ToLower(n.Username)), user.StatusNEQ(user.StatusDELETED)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look for username: %w", err)
		}
		if taken {
			return fault.New(fault.Conflict, "this username is taken").Because(fault.NameTaken)
		}
		other, err := roster.AccountByEmail(ctx, tx, n.Email)
		if err != nil {
			return err
		}
		if other != nil {
			return records.Post(ctx, tx, records.Letter{Template: records.SignUpAgainLetter, Address: other.Email})
		}
		return found(ctx, tx, n, hash, invited)
	})
	return err
}

// found makes an account and its organization.
func found(ctx context.Context, tx *database.Tx, n NewPerson, hash string, invited bool) error {
	account := roster.NewAccount{Username: n.Username, Email: n.Email, Name: strings.TrimSpace(n.Name), PasswordHash: hash}
	if invited {
		now := tx.Now()
		account.VerifiedAt = &now
	}
	row, err := roster.CreateAccount(ctx, tx, account)
	if err != nil {
		return err
	}
	if _, err := roster.FoundPersonal(ctx, tx, row); err != nil {
		return err
	}
	if invited {
		return nil
	}
	return records.Post(ctx, tx, records.Letter{Template: records.VerifyEmailLetter, User: row.ID})
}
