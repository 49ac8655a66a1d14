package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// administering is something that the home of an account does with it.
type administering struct {
	person uuid.UUID
	needs  access.Permission
	action string
	// takeover says that it puts the account into the hands of whoever does it.
	takeover bool
	// owners says that it may be done to the owner of an organization.
	owners bool
}

// edit changes a locked account.
type edit func(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) (*ent.UserUpdateOne, error)

// LockAccount locks an account, ends its sessions and takes back what it was
// offered. It is for the organization that administers the account; see
// administer. OWNER_IMMUTABLE for the owner of an organization, CONFLICT for an
// account that is locked.
func (s *Service) LockAccount(ctx context.Context, person uuid.UUID) (*User, error) {
	a := administering{person: person, needs: access.UsersLock, action: "lockAccount"}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, _ uuid.UUID) (*ent.UserUpdateOne, error) {
		if row.Status == user.StatusLOCKED {
			return nil, fault.New(fault.Conflict, "the account is LOCKED")
		}
		if err := roster.EndSessions(ctx, tx, session.EndReasonREVOKED, session.UserID(row.ID)); err != nil {
			return nil, err
		}
		return tx.User.UpdateOne(row).SetStatus(user.StatusLOCKED), roster.CancelTransfersOf(ctx, tx, row.ID)
	})
}

// UnlockAccount unlocks an account; grace periods begin anew. Errors are those of
// LockAccount.
func (s *Service) UnlockAccount(ctx context.Context, person uuid.UUID) (*User, error) {
	a := administering{person: person, needs: access.UsersLock, action: "unlockAccount"}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, _ uuid.UUID) (*ent.UserUpdateOne, error) {
		if row.Status != user.StatusLOCKED {
			return nil, fault.New(fault.Conflict, "the account is %s", row.Status)
		}
		status := user.StatusACTIVE
		if row.PasswordHash == "" && row.LastLoginAt == nil {
			status = user.StatusINVITED
		}
		return tx.User.UpdateOne(row).SetStatus(status), restartGrace(ctx, tx, row.ID)
	})
}

// ResetSecondFactor takes the second factor from an account and ends its
// sessions. It is for the organization that administers the account, and for
// those who hold all that the person holds; see administer.
func (s *Service) ResetSecondFactor(ctx context.Context, person uuid.UUID) (*User, error) {
	a := administering{person: person, needs: access.UsersLock, action: "resetSecondFactor", takeover: true, owners: true}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) (*ent.UserUpdateOne, error) {
		if err := roster.EndSessions(ctx, tx, session.EndReasonREVOKED, session.UserID(row.ID)); err != nil {
			return nil, err
		}
		if err := restartGrace(ctx, tx, row.ID); err != nil {
			return nil, err
		}
		set := tx.User.UpdateOne(row).SetMfaEnabled(false).SetTotpSecret("").SetTotpStep(0).ClearRecoveryCodes()
		return set, post(ctx, tx, records.SecurityLetter, row, home)
	})
}

// SetPassword sets the password of an account and ends its sessions. Errors are
// those of ResetSecondFactor; INVALID for a password that is too short or too
// long.
func (s *Service) SetPassword(ctx context.Context, person uuid.UUID, password string) (*User, error) {
	a := administering{person: person, needs: access.UsersLock, action: "setPassword", takeover: true, owners: true}
	home, err := s.administered(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := s.checkPassword(ctx, password, home); err != nil {
		return nil, err
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) (*ent.UserUpdateOne, error) {
		set, err := takenOver(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		if row.Status == user.StatusINVITED {
			set.SetStatus(user.StatusACTIVE)
		}
		if err := roster.EndSessions(ctx, tx, session.EndReasonPASSWORD_CHANGED, session.UserID(row.ID)); err != nil {
			return nil, err
		}
		return set.SetPasswordHash(hash), post(ctx, tx, records.SecurityLetter, row, home)
	})
}

// checkPassword returns INVALID unless a password is as long as the home of an
// account wants it.
func (s *Service) checkPassword(ctx context.Context, password string, home records.Organization) error {
	least, err := s.records.Value(ctx, home, "authentication.password_min_length")
	if err != nil {
		return err
	}
	if length := utf8.RuneCountInString(password); int64(length) < least.Int() || length > maxPassword {
		return fault.Invalidf("password", "a password has %d to %d characters", least.Int(), maxPassword)
	}
	return nil
}

// takenOver begins a change of what an account is signed in with: links that were
// mailed are worth nothing, and who may know the password is kept.
func takenOver(ctx context.Context, tx *database.Tx, row *ent.User) (*ent.UserUpdateOne, error) {
	set := tx.User.UpdateOne(row).SetCredentialsVersion(row.CredentialsVersion + 1)
	if access.ViewerFrom(ctx).IsSystem() {
		return set.ClearCredentialsSetBy(), nil
	}
	by, err := records.Maker(ctx, tx)
	return set.SetCredentialsSetBy(by), err
}

// SendPasswordReset sends a person a link to set a new password. Errors are those
// of LockAccount, but it is done for owners too.
func (s *Service) SendPasswordReset(ctx context.Context, person uuid.UUID) (*User, error) {
	a := administering{person: person, needs: access.UsersLock, action: "sendPasswordReset", owners: true}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) (*ent.UserUpdateOne, error) {
		if row.Status == user.StatusLOCKED {
			return nil, fault.New(fault.Conflict, "the account is LOCKED")
		}
		return nil, post(ctx, tx, records.ResetPasswordLetter, row, home)
	})
}

func post(ctx context.Context, tx *database.Tx, template string, to *ent.User, home uuid.UUID) error {
	return records.Post(ctx, tx, records.Letter{Template: template, Organization: home, User: to.ID})
}

// UserUpdate is what updateUser is asked for; nil leaves a field as it is.
type UserUpdate struct {
	ID                    uuid.UUID
	Name, Username, Email *string
}

// UpdateUser changes an account. People change their own name; all else is for
// the organization that administers the account, with users:write there and all
// that the person holds; see administer. CONFLICT for a username or an address
// that is taken.
func (s *Service) UpdateUser(ctx context.Context, u UserUpdate) (*User, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	if isSelf(ctx, u.ID) && u.Username == nil && u.Email == nil {
		return s.rename(ctx, u)
	}
	a := administering{person: u.ID, needs: access.UsersWrite, action: "updateUser", takeover: true, owners: true}
	return s.administer(ctx, a, func(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) (*ent.UserUpdateOne, error) {
		set := tx.User.UpdateOne(row)
		if u.Email != nil && *u.Email != row.Email {
			var err error
			if set, err = takenOver(ctx, tx, row); err != nil {
				return nil, err
			}
			set.SetEmail(*u.Email).SetEmailKey(roster.EmailKey(*u.Email)).ClearEmailVerifiedAt()
			if err := post(ctx, tx, records.VerifyEmailLetter, row, home); err != nil {
				return nil, err
			}
		}
		if u.Username != nil {
			set.SetUsername(*u.Username).SetUsernameKey(strings.ToLower(*u.Username))
		}
		return set.SetNillableName(u.Name), nil
	})
}

func (u UserUpdate) check() error {
	if u.Name != nil {
		if *u.Name == "" {
			return fault.Invalidf("name", "a name is not blank")
		}
		if err := roster.CheckName(*u.Name); err != nil {
			return err
		}
	}
	if u.Username != nil {
		if err := roster.CheckUsername(*u.Username); err != nil {
			return err
		}
	}
	if u.Email != nil {
		return roster.CheckEmail("email", *u.Email)
	}
	return nil
}

// rename changes the viewer's own name.
func (s *Service) rename(ctx context.Context, u UserUpdate) (*User, error) {
	if !access.ViewerFrom(ctx).Key.IsZero() {
		return nil, fault.New(fault.Forbidden, "people change their name in person")
	}
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return nil, err
	}
	_, err := s.db.Write(ctx, database.Entry{Action: "updateUser"}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAccount(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		return save(ctx, tx, row, tx.User.UpdateOne(row).SetNillableName(u.Name))
	})
	if err != nil {
		return nil, err
	}
	return s.User(ctx, u.ID)
}

// administered returns the organization that administers an account which the
// viewer can see, if that is for the viewer to do. FORBIDDEN for accounts that
// are administered elsewhere or by their person alone, for one's own and, where
// credentials are concerned, while somebody else acts in the viewer's place.
func (s *Service) administered(ctx context.Context, a administering) (records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if _, err := s.User(ctx, a.person); err != nil {
		return records.Organization{}, err
	}
	if a.takeover {
		if err := access.CheckOwnHands(viewer); err != nil {
			return records.Organization{}, err
		}
	}
	if isSelf(ctx, a.person) {
		return records.Organization{}, fault.New(fault.Forbidden, "this is your own account; others administer it, you change it where you sign in")
	}
	row, err := s.db.Client().User.Get(ctx, a.person)
	if err != nil {
		return records.Organization{}, fmt.Errorf("get user: %w", err)
	}
	if row.HomeOrganizationID == nil {
		return records.Organization{}, notAdministered()
	}
	home, err := s.records.Organization(ctx, *row.HomeOrganizationID)
	if err != nil {
		return records.Organization{}, err
	}
	if err := access.Check(viewer, a.needs, home.Target()); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			err = notAdministered()
		}
		return records.Organization{}, err
	}
	return home, nil
}

func notAdministered() error {
	return fault.New(fault.Forbidden, "your organization does not administer this account; lock or remove the membership instead")
}

// administer makes a change to an account in the name of its home: while the
// person has no membership outside of what the home manages, and for those who may
// grant all that the person was granted in there. An edit of nil changes nothing.
func (s *Service) administer(ctx context.Context, a administering, change edit) (*User, error) {
	home, err := s.administered(ctx, a)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: a.action, Organization: home.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAccount(ctx, tx, a.person)
		if err != nil {
			return err
		}
		if row.HomeOrganizationID == nil || *row.HomeOrganizationID != home.ID {
			return notAdministered()
		}
		if err := s.checkPlaces(ctx, tx, a, home); err != nil {
			return err
		}
		set, err := change(ctx, tx, row, home.ID)
		if err != nil || set == nil {
			return err
		}
		return save(ctx, tx, row, set)
	})
	if err != nil {
		return nil, err
	}
	return s.User(ctx, a.person)
}

func lockAccount(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.User, error) {
	query := tx.User.Query().Where(user.ID(id), user.StatusNEQ(user.StatusDELETED))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("user")
	}
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	return row, nil
}

func save(ctx context.Context, tx *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
	after, err := set.SetVersion(row.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	change := database.Change{Kind: typeid.User, ID: row.ID, Before: row, After: after}
	if row.HomeOrganizationID != nil {
		change.Organization = *row.HomeOrganizationID
	}
	tx.Record(change)
	return nil
}

// checkPlaces returns nil if all places of a person are within the reach of the
// home of their account, and the viewer may act on each.
func (s *Service) checkPlaces(ctx context.Context, tx *database.Tx, a administering, home records.Organization) error {
	// Places out of the viewer's reach are what this is about.
	rows, err := records.WithPlace(tx.Membership.Query().Where(membership.UserID(a.person))).WithUser().All(database.Unguarded(ctx))
	if err != nil {
		return fmt.Errorf("load memberships: %w", err)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.OrganizationID
	}
	inside := s.records.In(tx)
	organizations, err := inside.Organizations(ctx, ids)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if !slices.Contains(organizations[row.OrganizationID].Path(), orgtree.ID(home.ID)) {
			return fault.New(fault.Forbidden, "this person is a member elsewhere too, so that nobody but themself changes the account; lock or remove the membership instead")
		}
	}
	standings, err := inside.Standings(ctx, rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := checkPlace(ctx, tx, a, row, organizations[row.OrganizationID], standings[row.ID]); err != nil {
			return err
		}
	}
	return nil
}

// checkPlace returns nil if the viewer may act on a person who has a place.
func checkPlace(ctx context.Context, tx *database.Tx, a administering, row *ent.Membership, org records.Organization, standing *access.Standing) error {
	if row.Owner {
		if !a.owners {
			return ownerImmutable()
		}
		return access.CheckTakeover(access.ViewerFrom(ctx), standing, org.Target())
	}
	return checkMember(ctx, tx, org, row, records.Recipients{OwnHands: a.takeover}, a.action)
}

// restartGrace makes the time that a person has to do what sign-ins demand begin
// anew in all of their organizations.
func restartGrace(ctx context.Context, tx *database.Tx, person uuid.UUID) error {
	// They may be out of the viewer's reach, and were checked.
	ctx = database.Unguarded(ctx)
	rows, err := tx.Membership.Query().Where(membership.UserID(person), membership.GraceUntilNotNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("load grace periods: %w", err)
	}
	for _, row := range rows {
		if err := update(ctx, tx, row, tx.Membership.UpdateOne(row).ClearGraceUntil()); err != nil {
			return err
		}
	}
	return nil
}
