package roster

import (
	"context"
	"fmt"
	"strings"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// InvitationLifetime is how long an invitation waits for an answer.
const InvitationLifetime = 7 * 24 * time.Hour

// Invited is who is invited to join, and as what.
type Invited struct {
	// Email is an address that CheckEmail took.
	Email string
	// User is the account with the address, or nil.
	User *uuid.UUID
	// Builtin and Groups are what the person joins; Tags are put on the
	// membership.
	Builtin *access.Builtin
	Groups  []uuid.UUID
	Tags    []string
	// Directory is what the organization's directory says of the person, where it
	// is the directory that invites.
	Directory Directory
}

// Invite invites people to join an organization and makes the letters go out, in
// few statements whatever their number. Nobody of them is a member or has an
// invitation that is PENDING, there is room for them, and whoever acts may give
// what they are given. CONFLICT for two invitations of one address.
func Invite(ctx context.Context, tx *database.Tx, organization uuid.UUID, list []Invited) ([]*ent.Invitation, error) {
	by := inviter(ctx)
	var made []*ent.Invitation
	for start := 0; start < len(list); start += invitationBatch {
		var creates []*ent.InvitationCreate
		for _, i := range list[start:min(start+invitationBatch, len(list))] {
			creates = append(creates, tx.Invitation.Create().
				SetID(tx.NewID()).SetOrganizationID(organization).
				SetKind(invitation.KindMEMBERSHIP).SetStatus(invitation.StatusPENDING).
				SetEmail(i.Email).SetEmailKey(EmailKey(i.Email)).SetNillableUserID(i.User).
				SetNillableBuiltin(i.Builtin).SetGroups(textsOf(i.Groups)).SetTags(notNil(i.Tags)).
				SetExternalID(i.Directory.ExternalID).SetLocked(i.Directory.Locked).
				SetDirectoryName(i.Directory.UserName).SetDirectoryKey(strings.ToLower(i.Directory.UserName)).
				SetName(i.Directory.Name).SetGivenName(i.Directory.GivenName).SetFamilyName(i.Directory.FamilyName).
				SetExpiresAt(tx.Now().Add(InvitationLifetime)).SetInvitedBy(by).SetCreatedAt(tx.Now()))
		}
		rows, err := tx.Invitation.CreateBulk(creates...).Save(system(ctx))
		if err != nil {
			return nil, fmt.Errorf("create invitations: %w", err)
		}
		made = append(made, rows...)
	}
	letters := make([]records.Letter, len(made))
	for i, row := range made {
		tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: organization, After: row})
		letters[i] = letterOf(row)
	}
	return made, records.PostAll(ctx, tx, letters)
}

// invitationBatch keeps an INSERT of invitations below the drivers' limits on
// parameters.
const invitationBatch = 1000

// OfferOwnership asks a member to take an organization over. CONFLICT while
// somebody else is asked.
func OfferOwnership(ctx context.Context, tx *database.Tx, organization uuid.UUID, to *ent.User) (*ent.Invitation, error) {
	row, err := tx.Invitation.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).
		SetKind(invitation.KindOWNERSHIP_TRANSFER).SetStatus(invitation.StatusPENDING).
		SetEmail(to.Email).SetEmailKey(to.EmailKey).SetUserID(to.ID).
		SetExpiresAt(tx.Now().Add(InvitationLifetime)).SetInvitedBy(inviter(ctx)).SetCreatedAt(tx.Now()).
		Save(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("offer ownership: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: organization, After: row})
	return row, records.Post(ctx, tx, letterOf(row))
}

// letterOf returns the letter that tells of an invitation.
func letterOf(row *ent.Invitation) records.Letter {
	l := records.Letter{Template: records.InvitationLetter, Organization: row.OrganizationID, Invitation: row.ID}
	if row.Kind == invitation.KindOWNERSHIP_TRANSFER {
		l.Template, l.User = records.TransferLetter, *row.UserID
	}
	return l
}

// inviter returns who invites, as they are known to the journal.
func inviter(ctx context.Context) uuid.UUID {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsImpersonated() {
		return uuid.UUID(viewer.By.ID)
	}
	return uuid.UUID(viewer.ID)
}

// LockInvitations returns the invitations that satisfy all of the predicates, in
// the order of their ids. Their rows stay locked until the transaction ends.
func LockInvitations(ctx context.Context, tx *database.Tx, where ...predicate.Invitation) ([]*ent.Invitation, error) {
	query := tx.Invitation.Query().Where(where...).Order(ent.Asc(invitation.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("lock invitations: %w", err)
	}
	return rows, nil
}

// MoveInvitation takes a step with a locked invitation; sending it again makes
// its end later, and earlier links worth nothing. CONFLICT with
// INVITATION_NOT_PENDING for a step that its state does not allow.
func MoveInvitation(ctx context.Context, tx *database.Tx, row *ent.Invitation, step InvitationStep) (*ent.Invitation, error) {
	to, err := NextInvitation(InvitationStatusAt(row, tx.Now()), step)
	if err != nil {
		return nil, err
	}
	set := tx.Invitation.UpdateOne(row).SetStatus(invitation.Status(to)).SetVersion(row.Version + 1)
	if step == ResendInvitation {
		set.SetSentCount(row.SentCount + 1).SetExpiresAt(tx.Now().Add(InvitationLifetime)).ClearDecidedAt()
	} else {
		set.SetDecidedAt(tx.Now())
	}
	after, err := set.Save(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("%s invitation: %w", step, err)
	}
	tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	if step != ResendInvitation {
		return after, nil
	}
	return after, records.Post(ctx, tx, letterOf(after))
}

// ExpireInvitations writes down that locked invitations, which are PENDING, have
// expired, in one statement.
func ExpireInvitations(ctx context.Context, tx *database.Tx, rows []*ent.Invitation) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	now := tx.Now()
	_, err := tx.Invitation.Update().Where(invitation.IDIn(ids...)).
		SetStatus(invitation.StatusEXPIRED).SetDecidedAt(now).AddVersion(1).
		Save(system(ctx))
	if err != nil {
		return fmt.Errorf("expire invitations: %w", err)
	}
	for _, row := range rows {
		after := *row
		after.Status, after.DecidedAt, after.Version = invitation.StatusEXPIRED, &now, row.Version+1
		tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: row.OrganizationID, Before: row, After: &after})
	}
	return nil
}

// CancelTransfers takes back an open offer of the ownership of an organization:
// whoever made it owns it no more, or the organization ends.
func CancelTransfers(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	return cancelTransfers(ctx, tx, invitation.OrganizationID(organization))
}

// CancelTransfersTo takes back an open offer of the ownership of an organization
// to one of its people, who is locked or is an administrator no more.
func CancelTransfersTo(ctx context.Context, tx *database.Tx, organization uuid.UUID, people ...uuid.UUID) error {
	return cancelTransfers(ctx, tx, invitation.OrganizationID(organization), invitation.UserIDIn(people...))
}

// CancelTransfersToMembers is CancelTransfersTo for people who are named by their
// memberships.
func CancelTransfersToMembers(ctx context.Context, tx *database.Tx, organization uuid.UUID, members ...uuid.UUID) error {
	rows, err := tx.Membership.Query().Where(membership.IDIn(members...)).Select(membership.FieldUserID).All(system(ctx))
	if err != nil {
		return fmt.Errorf("load members: %w", err)
	}
	people := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		people[i] = row.UserID
	}
	return CancelTransfersTo(ctx, tx, organization, people...)
}

// CancelTransfersOf takes back every open offer of an ownership to a person, whose
// account is locked or ends.
func CancelTransfersOf(ctx context.Context, tx *database.Tx, person uuid.UUID) error {
	return cancelTransfers(ctx, tx, invitation.UserID(person))
}

func cancelTransfers(ctx context.Context, tx *database.Tx, which ...predicate.Invitation) error {
	rows, err := LockInvitations(ctx, tx, append(which, invitation.KindEQ(invitation.KindOWNERSHIP_TRANSFER), invitation.StatusEQ(invitation.StatusPENDING))...)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if InvitationStatusAt(row, tx.Now()) == InvitationExpired {
			if err := ExpireInvitations(ctx, tx, []*ent.Invitation{row}); err != nil {
				return err
			}
			continue
		}
		if _, err := MoveInvitation(ctx, tx, row, CancelInvitation); err != nil {
			return err
		}
	}
	return nil
}

// CountInvited returns how many people are invited to join an organization and
// have not answered.
func CountInvited(ctx context.Context, tx *database.Tx, organization uuid.UUID) (int, error) {
	n, err := tx.Invitation.Query().Where(
		invitation.OrganizationID(organization), invitation.KindEQ(invitation.KindMEMBERSHIP),
		invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtGT(tx.Now()),
	).Count(system(ctx))
	if err != nil {
		return 0, fmt.Errorf("count invitations: %w", err)
	}
	return n, nil
}

// OpenInvitations returns the invitations of some addresses, as EmailKey makes
// them, that wait for an answer, by address. Those that have expired are written
// down as such and make room for new ones.
func OpenInvitations(ctx context.Context, tx *database.Tx, organization uuid.UUID, keys []string) (map[string]*ent.Invitation, error) {
	pending, err := LockInvitations(ctx, tx, invitation.OrganizationID(organization), invitation.EmailKeyIn(keys...),
		invitation.KindEQ(invitation.KindMEMBERSHIP), invitation.StatusEQ(invitation.StatusPENDING))
	if err != nil {
		return nil, err
	}
	open := map[string]*ent.Invitation{}
	var expired []*ent.Invitation
	for _, row := range pending {
		if InvitationStatusAt(row, tx.Now()) == InvitationExpired {
			expired = append(expired, row)
		} else {
			open[row.EmailKey] = row
		}
	}
	return open, ExpireInvitations(ctx, tx, expired)
}

// RoomToInvite returns how many more people an organization can invite: members
// and those who are invited count.
func RoomToInvite(ctx context.Context, tx *database.Tx, org records.Organization) (int, error) {
	room, err := records.Room(ctx, tx, org, records.QuotaUsers)
	if err != nil {
		return 0, err
	}
	waiting, err := CountInvited(ctx, tx, org.ID)
	return max(0, room-waiting), err
}

// DropGroups takes groups that go out of the open invitations of their
// organization, which then offer the rest.
func DropGroups(ctx context.Context, tx *database.Tx, organization uuid.UUID, groups ...uuid.UUID) error {
	rows, err := LockInvitations(ctx, tx, invitation.OrganizationID(organization),
		invitation.StatusIn(invitation.StatusPENDING, invitation.StatusEXPIRED), naming(groups))
	if err != nil {
		return err
	}
	gone := make(map[string]bool, len(groups))
	for _, id := range groups {
		gone[id.String()] = true
	}
	for _, row := range rows {
		left := []string{}
		for _, id := range row.Groups {
			if !gone[id] {
				left = append(left, id)
			}
		}
		after, err := tx.Invitation.UpdateOne(row).SetGroups(left).SetVersion(row.Version + 1).Save(system(ctx))
		if err != nil {
			return fmt.Errorf("take group out of invitation: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Invitation, ID: row.ID, Organization: organization, Before: row, After: after})
	}
	return nil
}

// naming returns the predicate of the invitations that name one of the groups.
func naming(groups []uuid.UUID) predicate.Invitation {
	return func(s *entsql.Selector) {
		var names []*entsql.Predicate
		for _, id := range groups {
			names = append(names, entsql.P(func(b *entsql.Builder) {
				b.WriteString("CAST(").Ident(s.C(invitation.FieldGroups)).WriteString(" AS TEXT) LIKE ").Arg("%" + id.String() + "%")
			}))
		}
		s.Where(entsql.Or(names...))
	}
}

func textsOf(ids []uuid.UUID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
