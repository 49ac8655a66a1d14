package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// paceOfMails is how mails are slowed down that anybody can make the platform
// send to one person.
func paceOfMails() pace { return pace{free: 3, first: time.Minute, longest: time.Hour} }

// ChangePassword replaces the viewer's password by one of their own and ends
// their other sessions. INVALID for a wrong one and for a new one that is too
// short or too easy to guess, RATE_LIMITED after too many attempts.
func (s *Service) ChangePassword(ctx context.Context, current, replacement string) error {
	a, err := s.own(ctx)
	if err != nil {
		return err
	}
	if err := a.checkPassword("newPassword", replacement); err != nil {
		return err
	}
	if current == replacement {
		return fault.Invalidf("newPassword", "this is the old password")
	}
	if err := s.provePassword(ctx, a, "currentPassword", current); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, replacement)
	if err != nil {
		return err
	}
	but := uuid.UUID(access.ViewerFrom(ctx).SignIn.Session)
	return s.change(ctx, a, "changePassword", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if err := s.setPassword(ctx, tx, a, row, set, hash, but); err != nil {
			return err
		}
		return forgive(ctx, tx, countedAccount(a, ""))
	})
}

// setPassword gives an account a password that nobody but the person knows, and
// ends the sessions but one, which may be nil. Links that were mailed before are
// worth nothing from now on.
func (s *Service) setPassword(ctx context.Context, tx *database.Tx, a account, row *ent.User, set *ent.UserUpdateOne, hash string, but uuid.UUID) error {
	set.SetPasswordHash(hash).ClearCredentialsSetBy().SetCredentialsVersion(row.CredentialsVersion + 1)
	if _, err := endAll(ctx, tx, row.ID, but, changingPassword, a.home()); err != nil {
		return err
	}
	return warn(ctx, tx, row)
}

// checkPassword returns INVALID of the field unless a password will do wherever
// the person is a member; where they are nowhere the platform says what will do.
func (a account) checkPassword(field, password string) error {
	least := int64(0)
	for _, id := range a.everywhere() {
		least = max(least, a.values[id][passwordMinLength].Int())
	}
	if least == 0 {
		least = a.values[a.root][passwordMinLength].Int()
	}
	var names []string
	if a.row != nil {
		names = []string{a.row.Username, a.row.Email, a.row.Name}
	}
	return roster.CheckPassword(field, password, least, names...)
}

// RequestPasswordReset mails a link to set a password to whoever has an account
// that takes one. The answer is the same whether there is one or not, and however
// often it is asked; mails are few.
func (s *Service) RequestPasswordReset(ctx context.Context, name string) error {
	a, err := s.named(ctx, name)
	if err != nil {
		return err
	}
	made, err := s.count(ctx, counted{key: keyOf("reset", a.countedAs(name)), pace: paceOfMails()}, countedMails(ctx))
	if err != nil || !made.open || !a.isOpen() || !a.takesPasswords() {
		return err
	}
	return s.post(ctx, a, records.Letter{Template: records.ResetPasswordLetter, User: a.id()})
}

// countedMails is an address that mails are asked for from.
func countedMails(ctx context.Context) counted {
	return counted{key: keyOf("mails from", networkOf(access.CircumstancesFrom(ctx).Address)), pace: paceOfAddresses()}
}

// post makes a mail to a person go out. It changes nothing, so the journal does
// not have it.
func (s *Service) post(ctx context.Context, a account, letter records.Letter) error {
	letter.Organization = a.home()
	_, err := s.db.Write(asSystem(ctx), database.Entry{Action: letter.Template}, func(ctx context.Context, tx *database.Tx) error {
		return records.Post(ctx, tx, letter)
	})
	return err
}

// ResetPassword sets the password of the account that a mailed link names. The
// link proves the address as well, so that an INVITED account is ACTIVE then. All
// sessions end. An account whose address nobody had proved, and which no
// organization made, loses the second factor and the linked identities: whoever
// set them up need not be who reads the mail. INVALID for a link that is not
// good, and for a password as of ChangePassword.
func (s *Service) ResetPassword(ctx context.Context, text, replacement string) error {
	link, err := s.issuer.VerifyLink(text, token.SetPassword)
	if err != nil {
		return err
	}
	a, err := s.linked(ctx, link)
	if err != nil {
		return err
	}
	if err := a.checkPassword("newPassword", replacement); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, replacement)
	if err != nil {
		return err
	}
	return s.follow(ctx, a, link, "resetPassword", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if row.EmailVerifiedAt == nil {
			set.SetEmailVerifiedAt(tx.Now())
			if err := disown(ctx, tx, row, set); err != nil {
				return err
			}
		}
		set.SetStatus(user.StatusACTIVE)
		if err := s.setPassword(ctx, tx, a, row, set, hash, uuid.Nil); err != nil {
			return err
		}
		return forgive(ctx, tx, countedAccount(a, ""))
	})
}

// disown takes from an account that nobody made for the person what somebody else
// may have set up before the address was proved.
func disown(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
	if row.HomeOrganizationID != nil {
		return nil
	}
	set.SetMfaEnabled(false).ClearTotpSecret().ClearRecoveryCodes()
	identities, err := tx.LinkedIdentity.Query().Where(linkedidentity.UserID(row.ID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load linked identities: %w", err)
	}
	for _, identity := range identities {
		if err := tx.LinkedIdentity.DeleteOne(identity).Exec(ctx); err != nil {
			return fmt.Errorf("unlink identity: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.LinkedIdentity, ID: identity.ID, Organization: identity.OrganizationID, Before: identity})
	}
	return nil
}

// linked loads the account of a mailed link, or returns INVALID for a link that
// is not good any more.
func (s *Service) linked(ctx context.Context, link token.Link) (account, error) {
	if link.Subject.Kind != typeid.User {
		return account{}, deadLink()
	}
	a, err := s.withID(ctx, link.Subject.UUID)
	if err != nil {
		return account{}, err
	}
	if !a.isOpen() || a.row.CredentialsVersion != link.Count {
		return account{}, deadLink()
	}
	return a, nil
}

func deadLink() error {
	return fault.Invalidf("token", "the link is not valid or has expired")
}

// follow changes the account of a mailed link as its person, if the link is still
// good. FORBIDDEN while the platform is being worked on.
func (s *Service) follow(ctx context.Context, a account, link token.Link, action string, edit edit) error {
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return err
	}
	_, err := s.db.Write(asPerson(ctx, a.id(), a.row.Username), database.Entry{Action: action}, func(ctx context.Context, tx *database.Tx) error {
		tx.About(a.home())
		row, err := lockUser(ctx, tx, a.id())
		if fault.CodeOf(err) == fault.Unauthenticated || (err == nil && row.CredentialsVersion != link.Count) {
			return deadLink()
		}
		if err != nil {
			return err
		}
		return s.edit(ctx, tx, a, row, edit)
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}
