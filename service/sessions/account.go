package sessions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// The settings that are read beside the demands on sign-ins.
const (
	attemptsBeforeLock = "authentication.login_attempts_before_lock"
	gracePeriod        = "authentication.grace_period"
	passwordMinLength  = "authentication.password_min_length"
)

// account is a person who wants in, with what their organizations demand. It may
// be nobody's: then it demands what the platform does, and was as much work to
// load.
type account struct {
	// row is nil for nobody.
	row         *ent.User
	memberships []*ent.Membership
	root        uuid.UUID
	demands     map[uuid.UUID]access.Demands
	values      map[uuid.UUID]map[string]waterfall.Value
}

// named loads the account that somebody signs in to, by username or address. The
// two cannot be mixed up: only addresses have an @.
func (s *Service) named(ctx context.Context, name string) (account, error) {
	key := strings.ToLower(name)
	return s.account(ctx, user.Or(user.UsernameKey(key), user.EmailKey(roster.EmailKey(name))))
}

// withID loads the account with an id.
func (s *Service) withID(ctx context.Context, id uuid.UUID) (account, error) {
	return s.account(ctx, user.ID(id))
}

// account loads an account, in as many statements whether there is one or not.
func (s *Service) account(ctx context.Context, where predicate.User) (account, error) {
	ctx = asSystem(ctx)
	var a account
	row, err := s.db.Client().User.Query().Where(where, user.StatusNEQ(user.StatusDELETED)).Only(ctx)
	switch {
	case err == nil:
		a.row = row
	case !ent.IsNotFound(err):
		return account{}, fmt.Errorf("find account: %w", err)
	}
	a.memberships, err = s.db.Client().Membership.Query().Where(membership.UserID(a.id())).All(ctx)
	if err != nil {
		return account{}, fmt.Errorf("load memberships: %w", err)
	}
	return a, s.learn(ctx, &a)
}

// learn reads what the organizations of an account demand, and the platform.
func (s *Service) learn(ctx context.Context, a *account) error {
	root, err := s.records.Root(ctx)
	if err != nil {
		return err
	}
	a.root = root.ID
	ids := []uuid.UUID{root.ID}
	for _, m := range a.memberships {
		ids = append(ids, m.OrganizationID)
	}
	if a.row != nil && a.row.HomeOrganizationID != nil {
		ids = append(ids, *a.row.HomeOrganizationID)
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return err
	}
	if a.demands, err = s.records.Demands(ctx, organizations); err != nil {
		return err
	}
	definitions, err := definitionsOf(attemptsBeforeLock, gracePeriod, passwordMinLength)
	if err != nil {
		return err
	}
	a.values, err = s.records.Values(ctx, organizations, definitions)
	return err
}

func definitionsOf(keys ...string) ([]*waterfall.Definition, error) {
	definitions := make([]*waterfall.Definition, len(keys))
	for i, key := range keys {
		d, ok := catalogue.Lookup(key)
		if !ok {
			return nil, fmt.Errorf("there is no setting %s", key)
		}
		definitions[i] = d
	}
	return definitions, nil
}

// id returns the account's, or nil for nobody.
func (a account) id() uuid.UUID {
	if a.row == nil {
		return uuid.Nil
	}
	return a.row.ID
}

// home returns the organization that administers the account, or nil.
func (a account) home() uuid.UUID {
	if a.row == nil || a.row.HomeOrganizationID == nil {
		return uuid.Nil
	}
	return *a.row.HomeOrganizationID
}

// passwordHash returns that of the account, or "" where there is none.
func (a account) passwordHash() string {
	if a.row == nil {
		return ""
	}
	return a.row.PasswordHash
}

// isOpen reports whether anybody may sign in to the account.
func (a account) isOpen() bool {
	return a.row != nil && a.row.Status != user.StatusLOCKED
}

// takesPasswords reports whether the organization that administers the account
// lets its people sign in by password.
func (a account) takesPasswords() bool {
	home := a.home()
	return home == uuid.Nil || a.demands[home].Password
}

// places returns the ids of the organizations that a session reaches: all that the
// person is a member of and not locked out from, or the one that it is bound to.
func (a account) places(bound uuid.UUID) []uuid.UUID {
	var ids []uuid.UUID
	for _, m := range a.memberships {
		if !m.Locked && (bound == uuid.Nil || m.OrganizationID == bound) {
			ids = append(ids, m.OrganizationID)
		}
	}
	return ids
}

// everywhere returns the ids of all organizations that have a say in the account:
// those that the person is a member of, and the one that administers it.
func (a account) everywhere() []uuid.UUID {
	var ids []uuid.UUID
	for _, m := range a.memberships {
		ids = append(ids, m.OrganizationID)
	}
	if home := a.home(); home != uuid.Nil {
		ids = append(ids, home)
	}
	return ids
}

// longest is how long a session of somebody without an organization lasts.
const longest = 90 * 24 * time.Hour

// sessionDuration returns how long a new session lasts: as long as the most
// generous organization wants it to. That each admits sessions which are too old
// for it to no more is for access to see.
func (a account) sessionDuration(bound uuid.UUID) time.Duration {
	var most time.Duration
	for _, id := range a.places(bound) {
		most = max(most, a.demands[id].MaxDuration)
	}
	if most == 0 {
		return longest
	}
	return most
}

// compliance returns how far the person has done what an organization demands.
func compliance(row *ent.User, m *ent.Membership) access.Compliance {
	c := access.Compliance{SecondFactor: row.MfaEnabled, OwnPassword: row.CredentialsSetBy == nil}
	if m.GraceUntil != nil {
		c.GraceUntil = *m.GraceUntil
	}
	return c
}
