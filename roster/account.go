package roster

import (
	"context"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// NewAccount is the account of a person to be.
type NewAccount struct {
	// Username is made from the address if empty.
	Username string
	Email    string
	// Name is the username if empty.
	Name string
	// PasswordHash makes the account ACTIVE; without one it is INVITED.
	PasswordHash string
	// SetBy is who knows the password, unless the person chose it.
	SetBy *uuid.UUID
	// Home is the organization that administers the account; nil for people who
	// signed up themselves.
	Home *uuid.UUID
	// VerifiedAt is when the person proved to read the address, or nil.
	VerifiedAt *time.Time
}

// usernamePattern is what a username looks like.
func usernamePattern() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`) }

// CheckUsername returns INVALID unless a username can be one.
func CheckUsername(username string) error {
	if !usernamePattern().MatchString(username) {
		return fault.Invalidf("username", "a username has 1 to 64 letters, digits, . and -")
	}
	return nil
}

// maxEmail is how many bytes an address has at most.
const maxEmail = 254

// CheckEmail returns INVALID for the field unless a text is an e-mail address.
func CheckEmail(field, email string) error {
	if address, err := mail.ParseAddress(email); err != nil || address.Address != email || len(email) > maxEmail {
		return fault.Invalidf(field, "this is no e-mail address")
	}
	return nil
}

// CheckName returns INVALID unless a person can be called so.
func CheckName(name string) error {
	if utf8.RuneCountInString(name) > 200 {
		return fault.Invalidf("name", "a name has at most 200 characters")
	}
	return nil
}

// maxPassword bounds the work of hashing, in characters.
const maxPassword = 1000

// variety is of how many different characters a password is at least.
const variety = 5

// CheckPassword returns INVALID of the field unless a password has so many
// characters at least, is not one of the names that its person goes by, and does
// not repeat a few characters.
func CheckPassword(field, password string, least int64, names ...string) error {
	if length := utf8.RuneCountInString(password); int64(length) < least || length > maxPassword {
		return fault.Invalidf(field, "a password has %d to %d characters", least, maxPassword)
	}
	for _, name := range names {
		if name != "" && strings.EqualFold(strings.TrimSpace(password), name) {
			return fault.Invalidf(field, "this is what the person is called")
		}
	}
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	if len(different) < variety {
		return fault.Invalidf(field, "a password has at least %d different characters", variety)
	}
	return nil
}

// EmailKey returns the form in which addresses are compared.
func EmailKey(email string) string { return strings.ToLower(email) }

// CreateAccount makes an account. The parts are checked. CONFLICT for a username
// or an address that is taken.
func CreateAccount(ctx context.Context, tx *database.Tx, n NewAccount) (*ent.User, error) {
	if n.Username == "" {
		var err error
		if n.Username, err = freeUsername(system(ctx), tx, n.Email); err != nil {
			return nil, err
		}
	}
	rows, err := CreateAccounts(ctx, tx, []NewAccount{n})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// CreateAccounts makes accounts that have a username, in few statements whatever
// their number. Errors are those of CreateAccount.
func CreateAccounts(ctx context.Context, tx *database.Tx, list []NewAccount) ([]*ent.User, error) {
	made := make([]*ent.User, 0, len(list))
	for batch := range slices.Chunk(list, joinBatch) {
		creates := make([]*ent.UserCreate, len(batch))
		for i, n := range batch {
			creates[i] = newAccount(tx, n)
		}
		rows, err := tx.User.CreateBulk(creates...).Save(system(ctx))
		if err != nil {
			return nil, fmt.Errorf("create users: %w", err)
		}
		made = append(made, rows...)
	}
	for _, row := range made {
		change := database.Change{Kind: typeid.User, ID: row.ID, After: row}
		if row.HomeOrganizationID != nil {
			change.Organization = *row.HomeOrganizationID
		}
		tx.Record(change)
	}
	return made, nil
}

func newAccount(tx *database.Tx, n NewAccount) *ent.UserCreate {
	if n.Name == "" {
		n.Name = n.Username
	}
	status := user.StatusINVITED
	if n.PasswordHash != "" {
		status = user.StatusACTIVE
	}
	return tx.User.Create().
		SetID(tx.NewID()).
		SetUsername(n.Username).SetUsernameKey(strings.ToLower(n.Username)).
		SetEmail(n.Email).SetEmailKey(EmailKey(n.Email)).SetNillableEmailVerifiedAt(n.VerifiedAt).
		SetName(n.Name).SetStatus(status).SetNillableHomeOrganizationID(n.Home).
		SetPasswordHash(n.PasswordHash).SetNillableCredentialsSetBy(n.SetBy).
		SetCreatedAt(tx.Now())
}

// Welcome mails each of some new accounts without a password a link to set the
// first one, in the name of an organization.
func Welcome(ctx context.Context, tx *database.Tx, organization uuid.UUID, accounts ...*ent.User) error {
	letters := make([]records.Letter, len(accounts))
	for i, account := range accounts {
		letters[i] = records.Letter{Template: records.WelcomeLetter, Organization: organization, User: account.ID}
	}
	return records.PostAll(ctx, tx, letters)
}

// AccountByEmail returns the live account with an address, or nil.
func AccountByEmail(ctx context.Context, tx *database.Tx, email string) (*ent.User, error) {
	row, err := tx.User.Query().Where(user.EmailKey(EmailKey(email)), user.StatusNEQ(user.StatusDELETED)).Only(system(ctx))
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // nobody is an answer here
	}
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return row, nil
}
