package sessions

import (
	"context"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
)

// Credentials are what somebody signs in with.
type Credentials struct {
	// Username is the username or the e-mail address.
	Username string
	Password string
	// TOTP is a one-time code or a recovery code, for accounts that have a second
	// factor.
	TOTP string
}

// Login signs in a person by password and makes them the viewer of the rest of
// the request. UNAUTHENTICATED in the same words and after the same work for
// whatever is wrong: an account that does not exist, has no password, is locked or
// whose organization does not let its people sign in so, a wrong password, a
// second factor that is missing or wrong, and too many attempts. Each costs one
// hash and the same statements.
func (s *Service) Login(ctx context.Context, c Credentials) (*Tokens, error) {
	a, err := s.named(ctx, c.Username)
	if err != nil {
		return nil, err
	}
	account, address := countedAccount(a, c.Username), countedAddress(ctx)
	made, err := s.count(ctx, account, address)
	if err != nil {
		return nil, err
	}
	right, err := s.hasher.Verify(ctx, c.Password, a.passwordHash())
	if err != nil {
		return nil, err
	}
	factor, shown := s.secondFactor(a.row, c.TOTP)
	if !made.open || !right || !shown || !a.isOpen() || !a.takesPasswords() {
		if err := s.lockAfterFailures(ctx, a, made); err != nil {
			return nil, err
		}
		return nil, refused()
	}
	o := Opening{User: a.id(), Method: access.ByPassword, SecondFactor: factor.used(), Action: "login"}
	return s.open(ctx, a, o, func(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if row.PasswordHash != a.row.PasswordHash {
			return refused() // It was changed meanwhile.
		}
		if err := factor.spend(row, set); err != nil {
			return err
		}
		return forgive(ctx, tx, account, address)
	})
}
