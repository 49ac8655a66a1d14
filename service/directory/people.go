package directory

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes people and groups for directories.
type Service struct {
	db      *database.DB
	records *records.Store
	random  io.Reader
}

// New returns the service. The secrets of tokens are made of random.
func New(db *database.DB, store *records.Store, random io.Reader) *Service {
	return &Service{db: db, records: store, random: random}
}

// What a directory asks for, as the database knows it.
type (
	// Query selects, sorts and pages.
	Query = database.DirectoryQuery
	// Term is a condition.
	Term = database.DirectoryTerm
)

// Place is a group as its member sees it, or a member as the group does.
type Place struct {
	ID   uuid.UUID
	Name string
}

// Person is somebody in an organization as its directory sees them.
type Person struct {
	database.DirectoryPerson
	Groups []Place
}

// organization returns the organization that the bearer of a request acts in, with
// a permission there. FORBIDDEN for a token that is of no single organization.
func (s *Service) organization(ctx context.Context, p access.Permission) (records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return records.Organization{}, fault.New(fault.Unauthenticated, "a directory needs a token")
	}
	if viewer.Organization.IsZero() {
		return records.Organization{}, fault.New(fault.Forbidden, "use a token that is bound to one organization")
	}
	org, err := s.records.Organization(ctx, uuid.UUID(viewer.Organization))
	if err != nil {
		return records.Organization{}, err
	}
	return org, access.Check(viewer, p, org.Target())
}

// People returns a page of people and how many there are. Needs users:read.
func (s *Service) People(ctx context.Context, q Query) ([]Person, int, error) {
	org, err := s.organization(ctx, access.UsersRead)
	if err != nil {
		return nil, 0, err
	}
	var people []Person
	var total int
	err = s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		people, total, err = s.people(ctx, tx, org, q)
		return err
	})
	return people, total, err
}

// Person returns one of the people, or NOT_FOUND.
func (s *Service) Person(ctx context.Context, id uuid.UUID) (*Person, error) {
	people, _, err := s.People(ctx, Query{Where: &Term{Column: database.DirectoryID, Comparison: database.DirectoryEqual, Value: id}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(people) == 0 {
		return nil, fault.Missing("user")
	}
	return &people[0], nil
}

func (s *Service) people(ctx context.Context, tx *database.Tx, org records.Organization, q Query) ([]Person, int, error) {
	q.Organization, q.Now = org.ID, s.db.Now()
	rows, total, err := tx.DirectoryPeople(ctx, q)
	if err != nil || len(rows) == 0 {
		return nil, total, err
	}
	ids := make([]uuid.UUID, len(rows))
	people := make([]Person, len(rows))
	at := make(map[uuid.UUID]int, len(rows))
	for i, row := range rows {
		ids[i], people[i], at[row.ID] = row.ID, Person{DirectoryPerson: row}, i
	}
	places, err := tx.GroupMember.Query().Where(groupmember.MembershipIDIn(ids...)).WithGroup().Order(ent.Asc(groupmember.FieldID)).All(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("load groups of people: %w", err)
	}
	for _, place := range places {
		if place.Edges.Group != nil {
			p := &people[at[*place.MembershipID]]
			p.Groups = append(p.Groups, Place{ID: place.GroupID, Name: place.Edges.Group.Name})
		}
	}
	return people, total, nil
}

// personIn returns one of the people as a transaction sees them, or NOT_FOUND.
func (s *Service) personIn(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*Person, error) {
	people, _, err := s.people(ctx, tx, org, Query{Where: &Term{Column: database.DirectoryID, Comparison: database.DirectoryEqual, Value: id}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(people) == 0 {
		return nil, fault.Missing("user")
	}
	return &people[0], nil
}

// Create takes a person in: with a new account, which the organization
// administers, or by an invitation to whoever has the address already. The answer
// is the same. Needs users:write. CONFLICT with NAME_TAKEN, ALREADY_MEMBER or
// ALREADY_INVITED for somebody who is in the organization already.
func (s *Service) Create(ctx context.Context, n Person) (*Person, error) {
	org, err := s.organization(ctx, access.UsersWrite)
	if err != nil {
		return nil, err
	}
	if err := checkPerson(n); err != nil {
		return nil, err
	}
	if err := roster.CheckEmail("emails", n.Email); err != nil {
		return nil, err
	}
	if !n.Active {
		if err := access.Check(access.ViewerFrom(ctx), access.UsersLock, org.Target()); err != nil {
			return nil, err
		}
	}
	var made *Person
	_, err = s.db.Write(ctx, database.Entry{Action: "scimCreateUser", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := roster.CheckRoom(ctx, tx, org, 1); err != nil {
			return err
		}
		if err := s.checkFree(ctx, tx, org, n, nil); err != nil {
			return err
		}
		id, err := take(ctx, tx, org, n)
		if err != nil {
			return err
		}
		made, err = s.personIn(ctx, tx, org, id)
		return err
	})
	return made, err
}

// take makes somebody a member, or invites who has an account. It returns the id
// by which the directory knows them.
func take(ctx context.Context, tx *database.Tx, org records.Organization, n Person) (uuid.UUID, error) {
	said := roster.Directory{
		ExternalID: n.ExternalID, UserName: n.UserName, Name: n.Name, GivenName: n.GivenName, FamilyName: n.FamilyName, Locked: !n.Active,
	}
	account, err := roster.AccountByEmail(ctx, tx, n.Email)
	if err != nil {
		return uuid.Nil, err
	}
	if account != nil {
		invited, err := roster.Invite(ctx, tx, org.ID, []roster.Invited{{Email: n.Email, User: &account.ID, Directory: said}})
		if err != nil {
			return uuid.Nil, err
		}
		return invited[0].ID, nil
	}
	username, err := usernameOf(ctx, tx, n.UserName)
	if err != nil {
		return uuid.Nil, err
	}
	account, err = roster.CreateAccount(ctx, tx, roster.NewAccount{Username: username, Email: n.Email, Name: n.Name, Home: &org.ID})
	if err != nil {
		return uuid.Nil, err
	}
	member, err := roster.Join(ctx, tx, org, account.ID, roster.Joining{Directory: said})
	if err != nil {
		return uuid.Nil, err
	}
	return member.ID, roster.Welcome(ctx, tx, org.ID, account)
}

// usernameOf returns the name in a directory if it can be the username of a new
// account, else "", so that one is made of the address.
func usernameOf(ctx context.Context, tx *database.Tx, name string) (string, error) {
	if roster.CheckUsername(name) != nil {
		return "", nil //nolint:nilerr // another is made of the address
	}
	taken, err := tx.User.Query().Where(user.UsernameKey(strings.ToLower(name)), user.StatusNEQ(user.StatusDELETED)).
		Exist(access.WithViewer(ctx, access.SystemViewer("directory"))) // usernames are taken on the whole platform
	if err != nil {
		return "", fmt.Errorf("look for username: %w", err)
	}
	if taken {
		return "", nil
	}
	return name, nil
}

// checkFree returns CONFLICT if somebody else in the organization has the name, the
// external id or the address.
func (s *Service) checkFree(ctx context.Context, tx *database.Tx, org records.Organization, n Person, self *uuid.UUID) error {
	for _, unique := range []struct {
		column database.DirectoryColumn
		value  string
		fault  *fault.Error
	}{
		{database.DirectoryUserName, strings.ToLower(n.UserName), fault.New(fault.Conflict, "somebody in the organization has this userName").Because(fault.NameTaken)},
		{database.DirectoryExternalID, n.ExternalID, fault.New(fault.Conflict, "somebody in the organization has this externalId").Because(fault.NameTaken)},
		{database.DirectoryEmail, roster.EmailKey(n.Email), fault.New(fault.Conflict, "somebody in the organization has this address").Because(fault.AlreadyMember)},
	} {
		if unique.value == "" {
			continue
		}
		term := Term{Column: unique.column, Comparison: database.DirectoryEqual, Value: unique.value}
		if self != nil {
			term = Term{All: []Term{term, {Column: database.DirectoryID, Comparison: database.DirectoryNotEqual, Value: *self}}}
		}
		_, total, err := tx.DirectoryPeople(ctx, Query{Organization: org.ID, Now: s.db.Now(), Where: &term})
		if err != nil {
			return err
		}
		if total > 0 {
			return unique.fault
		}
	}
	if self != nil {
		return nil
	}
	return closeExpired(ctx, tx, org, n.Email)
}

// closeExpired writes down that an invitation of the address has expired, or
// returns CONFLICT if it has not.
func closeExpired(ctx context.Context, tx *database.Tx, org records.Organization, email string) error {
	rows, err := roster.LockInvitations(ctx, tx, invitation.OrganizationID(org.ID), invitation.EmailKey(roster.EmailKey(email)),
		invitation.KindEQ(invitation.KindMEMBERSHIP), invitation.StatusEQ(invitation.StatusPENDING))
	if err != nil || len(rows) == 0 {
		return err
	}
	if roster.InvitationStatusAt(rows[0], tx.Now()) == roster.InvitationPending {
		return fault.New(fault.Conflict, "this address is invited already").Because(fault.AlreadyInvited)
	}
	return roster.ExpireInvitations(ctx, tx, rows)
}

// maxUserName and the other bounds are in characters.
const (
	maxUserName   = 254
	maxExternalID = 400
	maxNamePart   = 200
)

// checkPerson returns INVALID unless a person can be what a directory says.
func checkPerson(n Person) error {
	unprintable := strings.ContainsFunc(n.UserName, func(r rune) bool { return !unicode.IsPrint(r) })
	if length := utf8.RuneCountInString(n.UserName); length < 1 || length > maxUserName || unprintable || strings.TrimSpace(n.UserName) != n.UserName {
		return fault.Invalidf("userName", "a userName has 1 to %d printable characters and no space at either end", maxUserName)
	}
	if utf8.RuneCountInString(n.ExternalID) > maxExternalID {
		return fault.Invalidf("externalId", "an externalId has at most %d characters", maxExternalID)
	}
	for _, part := range []string{n.GivenName, n.FamilyName} {
		if utf8.RuneCountInString(part) > maxNamePart {
			return fault.Invalidf("name", "a part of a name has at most %d characters", maxNamePart)
		}
	}
	return roster.CheckName(n.Name)
}

// Change changes a person: change gets what is there, locked until it is done, and
// says what shall be. It may be called again. Needs users:write, to lock or unlock
// users:lock, and in either case rights that cover those of the person. What the
// organization does not administer of an account stays as it is. OWNER_IMMUTABLE
// where the owner would be locked.
func (s *Service) Change(ctx context.Context, id uuid.UUID, change func(*Person) error) (*Person, error) {
	org, err := s.organization(ctx, access.UsersRead)
	if err != nil {
		return nil, err
	}
	var after *Person
	_, err = s.db.Write(ctx, database.Entry{Action: "scimUpdateUser", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := s.personIn(ctx, tx, org, id)
		if err != nil {
			return err
		}
		wanted := *before
		if err := change(&wanted); err != nil {
			return err
		}
		if err := s.apply(ctx, tx, org, before, wanted); err != nil {
			return err
		}
		after, err = s.personIn(ctx, tx, org, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return after, s.records.Renew(ctx)
}

// apply writes what is to be changed of a person.
func (s *Service) apply(ctx context.Context, tx *database.Tx, org records.Organization, before *Person, wanted Person) error {
	viewer := access.ViewerFrom(ctx)
	said := wanted.UserName != before.UserName || wanted.ExternalID != before.ExternalID ||
		wanted.GivenName != before.GivenName || wanted.FamilyName != before.FamilyName
	named, locked := wanted.Name != before.Name, wanted.Active != before.Active
	if said || named {
		if err := access.Check(viewer, access.UsersWrite, org.Target()); err != nil {
			return err
		}
		if err := checkPerson(wanted); err != nil {
			return err
		}
		if err := s.checkFree(ctx, tx, org, Person{DirectoryPerson: database.DirectoryPerson{UserName: wanted.UserName, ExternalID: wanted.ExternalID}}, &before.ID); err != nil {
			return err
		}
	}
	if locked {
		if err := access.Check(viewer, access.UsersLock, org.Target()); err != nil {
			return err
		}
	}
	if !said && !named && !locked {
		return nil
	}
	if before.Pending {
		return changeInvitation(ctx, tx, before.ID, wanted)
	}
	row, err := s.lockMember(ctx, tx, org, before.ID)
	if err != nil {
		return err
	}
	if named && before.Homed {
		if err := rename(ctx, tx, org, row, wanted.Name); err != nil {
			return err
		}
	}
	if said || locked {
		return changeMember(ctx, tx, row, wanted, locked)
	}
	return nil
}

// lockMember locks a member whom the viewer may act on.
func (s *Service) lockMember(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*ent.Membership, error) {
	query := tx.Membership.Query().Where(membership.ID(id), membership.OrganizationID(org.ID))
	query.Modify(tx.Lock)
	if _, err := query.Only(ctx); ent.IsNotFound(err) {
		return nil, fault.Missing("user")
	} else if err != nil {
		return nil, fmt.Errorf("lock membership: %w", err)
	}
	row, err := records.WithPlace(tx.Membership.Query().Where(membership.ID(id))).Only(access.WithViewer(ctx, access.SystemViewer("directory")))
	if err != nil {
		return nil, fmt.Errorf("load member's rights: %w", err)
	}
	standings, err := s.records.In(tx).Standings(ctx, []*ent.Membership{row})
	if err != nil {
		return nil, err
	}
	return row, access.CheckMember(access.ViewerFrom(ctx), standings[row.ID], org.Target())
}

// changeMember writes what the directory says of a member.
func changeMember(ctx context.Context, tx *database.Tx, row *ent.Membership, wanted Person, locked bool) error {
	if locked && row.Owner {
		return fault.New(fault.OwnerImmutable, "the owner cannot be locked")
	}
	set := tx.Membership.UpdateOne(row).SetVersion(row.Version + 1).SetExternalID(wanted.ExternalID).
		SetDirectoryName(wanted.UserName).SetDirectoryKey(strings.ToLower(wanted.UserName)).
		SetGivenName(wanted.GivenName).SetFamilyName(wanted.FamilyName)
	switch {
	case locked && wanted.Active:
		set.SetLocked(false).ClearLockReason()
	case locked:
		set.SetLocked(true).SetLockReason(membership.LockReasonMANUAL)
	}
	after, err := set.Save(ctx)
	if err != nil {
		return fmt.Errorf("change member: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	if !locked || wanted.Active {
		return nil
	}
	if err := roster.CancelTransfersTo(ctx, tx, row.OrganizationID, row.UserID); err != nil {
		return err
	}
	return roster.EndSessions(ctx, tx, session.EndReasonREVOKED, session.UserID(row.UserID), session.OrganizationID(row.OrganizationID))
}

// rename writes the name of a member whose account the organization administers.
func rename(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Membership, name string) error {
	query := tx.User.Query().Where(user.ID(row.UserID))
	query.Modify(tx.Lock)
	account, err := query.Only(ctx)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	after, err := tx.User.UpdateOne(account).SetName(name).SetVersion(account.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("rename account: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.User, ID: account.ID, Organization: org.ID, Before: account, After: after})
	return nil
}

// changeInvitation writes what the directory says of somebody it has invited.
func changeInvitation(ctx context.Context, tx *database.Tx, id uuid.UUID, wanted Person) error {
	row, err := lockInvitation(ctx, tx, id)
	if err != nil {
		return err
	}
	after, err := tx.Invitation.UpdateOne(row).SetVersion(row.Version + 1).SetExternalID(wanted.ExternalID).
		SetDirectoryName(wanted.UserName).SetDirectoryKey(strings.ToLower(wanted.UserName)).
		SetName(wanted.Name).SetGivenName(wanted.GivenName).SetFamilyName(wanted.FamilyName).SetLocked(!wanted.Active).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("change invitation: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	return nil
}

func lockInvitation(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Invitation, error) {
	rows, err := roster.LockInvitations(ctx, tx, invitation.ID(id), invitation.StatusEQ(invitation.StatusPENDING))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Missing("user")
	}
	return rows[0], nil
}

// Remove ends a membership, or takes back the invitation of somebody who is
// pending. Needs members:remove and rights that cover those of the person.
// OWNER_IMMUTABLE for the owner. check may refuse what is there.
func (s *Service) Remove(ctx context.Context, id uuid.UUID, check func(*Person) error) error {
	org, err := s.organization(ctx, access.UsersRead)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "scimDeleteUser", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		found, err := s.personIn(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if err := check(found); err != nil {
			return err
		}
		if err := access.Check(access.ViewerFrom(ctx), access.MembersRemove, org.Target()); err != nil {
			return err
		}
		if found.Pending {
			row, err := lockInvitation(ctx, tx, id)
			if err != nil {
				return err
			}
			_, err = roster.MoveInvitation(ctx, tx, row, roster.CancelInvitation)
			return err
		}
		row, err := s.lockMember(ctx, tx, org, id)
		if err != nil {
			return err
		}
		return roster.Leave(ctx, tx, row)
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}
