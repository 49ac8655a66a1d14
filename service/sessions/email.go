package sessions

import (
	"context"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
)

// ChangeEmail mails a link to the address that the viewer wants to have. The old
// one stays until the link is followed, so that nobody takes an address that they
// do not read. The answer is the same for an address that somebody else has. It
// takes the password: CONFLICT for an account without one.
func (s *Service) ChangeEmail(ctx context.Context, email, password string) error {
	a, err := s.own(ctx)
	if err != nil {
		return err
	}
	if err := roster.CheckEmail("email", email); err != nil {
		return err
	}
	if a.row.Email == email {
		return fault.Invalidf("email", "this is the address already")
	}
	if a.row.PasswordHash == "" {
		return fault.New(fault.Conflict, "the account has no password; set one first")
	}
	if err := s.provePassword(ctx, a, "password", password); err != nil {
		return err
	}
	if err := s.checkMails(ctx, a); err != nil {
		return err
	}
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return err
	}
	_, err = s.db.Write(asSystem(ctx), database.Entry{Action: "changeEmail"}, func(ctx context.Context, tx *database.Tx) error {
		if err := forgive(ctx, tx, countedAccount(a, "")); err != nil {
			return err
		}
		other, err := roster.AccountByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		letter := records.Letter{Template: records.VerifyEmailLetter, Organization: a.home(), User: a.id(), Address: email}
		if other != nil && other.ID != a.id() {
			letter = records.Letter{Template: records.SignUpAgainLetter, Address: other.Email}
		}
		return records.Post(ctx, tx, letter)
	})
	return err
}

// RequestEmailVerification mails a link that proves the viewer's address. CONFLICT
// if it is proved; RATE_LIMITED after too many mails.
func (s *Service) RequestEmailVerification(ctx context.Context) error {
	a, err := s.own(ctx)
	if err != nil {
		return err
	}
	if a.row.EmailVerifiedAt != nil {
		return fault.New(fault.Conflict, "the address is proved already")
	}
	if err := s.checkMails(ctx, a); err != nil {
		return err
	}
	return s.post(ctx, a, records.Letter{Template: records.VerifyEmailLetter, User: a.id()})
}

// checkMails returns RATE_LIMITED if a person has asked for too many mails.
func (s *Service) checkMails(ctx context.Context, a account) error {
	made, err := s.count(ctx, counted{key: keyOf("verify", a.id().String()), pace: paceOfMails()}, countedMails(ctx))
	if err == nil && !made.open {
		return tooMany()
	}
	return err
}

// VerifyEmail proves the address that a mailed link was sent to, and makes it
// that of the account if it is another. INVALID for a link that is not good,
// CONFLICT if somebody else has the address meanwhile.
func (s *Service) VerifyEmail(ctx context.Context, text string) error {
	link, err := s.issuer.VerifyLink(text, token.VerifyEmail)
	if err != nil {
		return err
	}
	a, err := s.linked(ctx, link)
	if err != nil {
		return err
	}
	if link.Address == "" && a.row.EmailVerifiedAt != nil {
		return nil
	}
	return s.follow(ctx, a, link, "verifyEmail", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		set.SetEmailVerifiedAt(tx.Now())
		if link.Address == "" {
			return nil
		}
		set.SetEmail(link.Address).SetEmailKey(roster.EmailKey(link.Address)).SetCredentialsVersion(row.CredentialsVersion + 1)
		if row.Status == user.StatusINVITED && row.PasswordHash != "" {
			set.SetStatus(user.StatusACTIVE)
		}
		return records.Post(ctx, tx, records.Letter{
			Template: records.SecurityLetter, Organization: a.home(), User: row.ID, Address: row.Email,
		})
	})
}
