package sessions

import (
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
)

// totpSecretSize and recoveryCodeSize are in bytes of randomness.
const (
	totpSecretSize   = 20
	recoveryCodeSize = 10
	recoveryCodes    = 10
)

// NewFactor is what an authenticator is set up with. It is told once.
type NewFactor struct {
	Secret string
	// URI holds the secret as authenticators read it from a picture.
	URI string
}

// Proof is how a person shows once more that they are themself: the password, or
// a code of the second factor.
type Proof struct {
	Password string
	Code     string
}

// BeginSecondFactor makes the secret of a second factor, which counts for nothing
// until a code of it confirms that the person has it. It takes the password of an
// account that has one. CONFLICT if there is a second factor.
func (s *Service) BeginSecondFactor(ctx context.Context, password string) (*NewFactor, error) {
	a, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	if a.row.PasswordHash != "" {
		if err := s.provePassword(ctx, a, "password", password); err != nil {
			return nil, err
		}
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return nil, err
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: root.Name, AccountName: a.row.Username, Period: uint(codePeriod / time.Second), SecretSize: totpSecretSize,
		Digits: codeDigits, Algorithm: codeHash, Rand: s.random,
	})
	if err != nil {
		return nil, fmt.Errorf("make second factor: %w", err)
	}
	sealed, err := s.issuer.Keys.Seal(key.Secret(), sealOf(a.row))
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, a, "beginSecondFactor", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if row.MfaEnabled {
			return fault.New(fault.Conflict, "there is a second factor; disable it first")
		}
		set.SetTotpSecret(sealed)
		return forgive(ctx, tx, countedAccount(a, ""))
	})
	if err != nil {
		return nil, err
	}
	return &NewFactor{Secret: key.Secret(), URI: key.URL()}, nil
}

// ConfirmSecondFactor turns the second factor on that was begun, for a code of
// it, and returns the recovery codes, which are told once. INVALID for a wrong
// code, CONFLICT where none was begun.
func (s *Service) ConfirmSecondFactor(ctx context.Context, code string) ([]string, error) {
	a, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	codes, err := newRecoveryCodes(s.random)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, a, "confirmSecondFactor", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if row.MfaEnabled || row.TotpSecret == "" {
			return fault.New(fault.Conflict, "no second factor was begun that waits for its first code")
		}
		step, ok := s.stepOf(row, code)
		if !ok {
			return fault.Invalidf("code", "this is not the code of the moment")
		}
		set.SetMfaEnabled(true).SetTotpStep(step).SetRecoveryCodes(hashesOf(row, codes))
		return warn(ctx, tx, row)
	})
	return codes, err
}

// DisableSecondFactor turns the second factor off, for the password or a code.
// Organizations that demand one give time for another. INVALID for a wrong proof,
// CONFLICT where there is none.
func (s *Service) DisableSecondFactor(ctx context.Context, p Proof) error {
	return s.withProof(ctx, p, "disableSecondFactor", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		set.SetMfaEnabled(false).ClearTotpSecret().ClearRecoveryCodes()
		return warn(ctx, tx, row)
	})
}

// RegenerateRecoveryCodes makes new recovery codes, for the password or a code,
// and returns them once. The old ones are worth nothing. INVALID for a wrong
// proof, CONFLICT where there is no second factor.
func (s *Service) RegenerateRecoveryCodes(ctx context.Context, p Proof) ([]string, error) {
	codes, err := newRecoveryCodes(s.random)
	if err != nil {
		return nil, err
	}
	err = s.withProof(ctx, p, "regenerateRecoveryCodes", func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		set.SetRecoveryCodes(hashesOf(row, codes))
		return warn(ctx, tx, row)
	})
	return codes, err
}

// withProof changes the viewer's account, which has a second factor, after a
// proof.
func (s *Service) withProof(ctx context.Context, p Proof, action string, edit edit) error {
	a, err := s.own(ctx)
	if err != nil {
		return err
	}
	shown, err := s.prove(ctx, a, p)
	if err != nil {
		return err
	}
	return s.change(ctx, a, action, func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if !row.MfaEnabled {
			return fault.New(fault.Conflict, "there is no second factor")
		}
		if shown.used() {
			if err := shown.spend(row, set); err != nil {
				return fault.Invalidf("code", "this code is not good any more")
			}
		}
		if err := edit(ctx, tx, row, set); err != nil {
			return err
		}
		return forgive(ctx, tx, countedAccount(a, ""))
	})
}

// prove returns nil if the viewer has shown the password or a code, and the
// second factor that this spends. Attempts are slowed down as sign-ins are:
// whoever found an open session is not to guess the password there.
func (s *Service) prove(ctx context.Context, a account, p Proof) (factor, error) {
	if p.Code == "" {
		return factor{}, s.provePassword(ctx, a, "password", p.Password)
	}
	made, err := s.count(ctx, countedAccount(a, ""))
	if err != nil {
		return factor{}, err
	}
	if !made.open {
		return factor{}, tooMany()
	}
	shown, ok := s.factorOf(a.row, p.Code)
	if !ok {
		if err := s.lockAfterFailures(ctx, a, made); err != nil {
			return factor{}, err
		}
		return factor{}, fault.Invalidf("code", "this is neither the code of the moment nor a recovery code that is left")
	}
	return shown, nil
}

// provePassword returns INVALID of the field unless a password is the viewer's,
// and RATE_LIMITED after too many attempts.
func (s *Service) provePassword(ctx context.Context, a account, field, password string) error {
	made, err := s.count(ctx, countedAccount(a, ""))
	if err != nil {
		return err
	}
	if !made.open {
		return tooMany()
	}
	right, err := s.hasher.Verify(ctx, password, a.passwordHash())
	if err != nil {
		return err
	}
	if right {
		return nil
	}
	if err := s.lockAfterFailures(ctx, a, made); err != nil {
		return err
	}
	return fault.Invalidf(field, "this is not the password")
}

func tooMany() error {
	return fault.New(fault.RateLimited, "there were too many attempts; wait before the next one")
}

// newRecoveryCodes returns codes that each stand in for the second factor once.
func newRecoveryCodes(random io.Reader) ([]string, error) {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var drawn [recoveryCodeSize]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return nil, fmt.Errorf("make recovery codes: %w", err)
		}
		text := base32.StdEncoding.EncodeToString(drawn[:])
		codes[i] = strings.Join([]string{text[0:4], text[4:8], text[8:12], text[12:16]}, "-")
	}
	return codes, nil
}

func hashesOf(row *ent.User, codes []string) []string {
	hashes := make([]string, len(codes))
	for i, code := range codes {
		hashes[i] = recoveryHash(row, code)
	}
	return hashes
}

// own loads the account of a person who acts with their own hands.
func (s *Service) own(ctx context.Context) (account, error) {
	viewer := access.ViewerFrom(ctx)
	if err := checkOwnHands(viewer); err != nil {
		return account{}, err
	}
	a, err := s.withID(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return account{}, err
	}
	if !a.isOpen() {
		return account{}, invalidToken()
	}
	return a, nil
}

// edit adds to the change of a locked account.
type edit func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error

// change changes an account for its person, whose rights follow what they do with
// it. CONFLICT if the password has changed since the account was loaded, FORBIDDEN
// while the platform is being worked on.
func (s *Service) change(ctx context.Context, a account, action string, edit edit) error {
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return err
	}
	// The attempts and the memberships that a change touches are not within the
	// person's reach.
	_, err := s.db.Write(database.Unguarded(ctx), database.Entry{Action: action}, func(ctx context.Context, tx *database.Tx) error {
		tx.About(a.home())
		row, err := lockUser(ctx, tx, a.id())
		if err != nil {
			return err
		}
		if row.PasswordHash != a.row.PasswordHash {
			return fault.New(fault.Conflict, "the password has just changed; ask again")
		}
		return s.edit(ctx, tx, a, row, edit)
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}

// edit changes a locked account and what follows from it in the organizations of
// the person.
func (s *Service) edit(ctx context.Context, tx *database.Tx, a account, row *ent.User, edit edit) error {
	set := row.Update().SetVersion(row.Version + 1)
	if err := edit(ctx, tx, row, set); err != nil {
		return err
	}
	after, err := saveUser(ctx, tx, row, set)
	if err != nil {
		return err
	}
	return settleGrace(ctx, tx, a, after, uuid.Nil)
}

// warn tells a person by mail that something about their sign-in has changed.
func warn(ctx context.Context, tx *database.Tx, row *ent.User) error {
	letter := records.Letter{Template: records.SecurityLetter, User: row.ID}
	if row.HomeOrganizationID != nil {
		letter.Organization = *row.HomeOrganizationID
	}
	return records.Post(ctx, tx, letter)
}
