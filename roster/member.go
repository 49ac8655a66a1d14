package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Joining says how a person joins an organization.
type Joining struct {
	// Groups are groups of the organization that the person joins; whoever acts may
	// give what they give.
	Groups []uuid.UUID
	Tags   []string
	// ID is what the membership was announced as, nil for a new one.
	ID *uuid.UUID
	// Directory is what the organization's directory says of the person.
	Directory Directory
}

// Directory is what the directory of an organization says of a person, all of it
// empty where it says nothing.
type Directory struct {
	// ExternalID is the directory's id for the person.
	ExternalID string
	// UserName is what the person signs in with there, often an address.
	UserName string
	// Name, GivenName and FamilyName are the person's. The name of a member is that
	// of the account.
	Name, GivenName, FamilyName string
	// Locked says that the person is a member in vain.
	Locked bool
}

// JoiningOf returns how a person joins who accepts an invitation: as the directory
// said that invited them, under the id that it knows.
func JoiningOf(row *ent.Invitation) Joining {
	return Joining{
		ID: &row.ID, Tags: row.Tags,
		Directory: Directory{
			ExternalID: row.ExternalID, UserName: row.DirectoryName, GivenName: row.GivenName, FamilyName: row.FamilyName, Locked: row.Locked,
		},
	}
}

// CheckRoom returns LIMIT_EXCEEDED if the organization has no room for so many
// more members. Those who ask about one organization wait for each other until
// the transaction ends, so it is asked before anybody joins.
func CheckRoom(ctx context.Context, tx *database.Tx, org records.Organization, more int) error {
	return records.CheckQuota(ctx, tx, org, records.QuotaUsers, more)
}

// Newcomer is a person who joins an organization, and how.
type Newcomer struct {
	Person uuid.UUID
	Joining
}

// Join makes a person a member of an organization that has room, as JoinAll does.
func Join(ctx context.Context, tx *database.Tx, org records.Organization, person uuid.UUID, j Joining) (*ent.Membership, error) {
	rows, err := JoinAll(ctx, tx, org, []Newcomer{{person, j}})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// JoinAll makes people members of an organization that has room for them, puts
// them into groups of it and copies the default resources for them, in few
// statements whatever their number. Those who come first get a seat while there is
// one; the others join without. CONFLICT for somebody who is a member.
func JoinAll(ctx context.Context, tx *database.Tx, org records.Organization, list []Newcomer) ([]*ent.Membership, error) {
	if len(list) == 0 {
		return nil, nil
	}
	seats, err := records.Room(ctx, tx, org, records.QuotaSeats)
	if err != nil {
		return nil, err
	}
	creates, groups := make([]*ent.MembershipCreate, len(list)), make(map[uuid.UUID][]uuid.UUID, len(list))
	for i, n := range list {
		creates[i], groups[n.Person] = newMember(tx, org.ID, n).SetSeated(i < seats), n.Groups
	}
	rows, err := saveMembers(ctx, tx, creates)
	if err != nil {
		return nil, err
	}
	var places []Placing
	for _, row := range rows {
		for _, group := range groups[row.UserID] {
			places = append(places, Placing{Member: row.ID, Group: group})
		}
	}
	if err := PlaceAll(ctx, tx, org.ID, places); err != nil {
		return nil, err
	}
	return rows, copyDefaults(ctx, tx, org, list)
}

// Own makes a person the owner of an organization that has none yet. They have a
// seat, and begin with nothing.
func Own(ctx context.Context, tx *database.Tx, organization, person uuid.UUID) error {
	create := newMember(tx, organization, Newcomer{Person: person}).SetOwner(true)
	_, err := saveMembers(ctx, tx, []*ent.MembershipCreate{create})
	return err
}

func newMember(tx *database.Tx, organization uuid.UUID, n Newcomer) *ent.MembershipCreate {
	create := tx.Membership.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).SetUserID(n.Person).
		SetTags(notNil(n.Tags)).SetCreatedAt(tx.Now()).
		SetExternalID(n.Directory.ExternalID).
		SetDirectoryName(n.Directory.UserName).SetDirectoryKey(strings.ToLower(n.Directory.UserName)).
		SetGivenName(n.Directory.GivenName).SetFamilyName(n.Directory.FamilyName)
	if n.ID != nil {
		create.SetID(*n.ID)
	}
	if n.Directory.Locked {
		create.SetLocked(true).SetLockReason(membership.LockReasonMANUAL)
	}
	return create
}

// joinBatch keeps an INSERT of accounts, members, places or resources below the
// drivers' limits on parameters.
const joinBatch = 1000

func saveMembers(ctx context.Context, tx *database.Tx, creates []*ent.MembershipCreate) ([]*ent.Membership, error) {
	var made []*ent.Membership
	for batch := range slices.Chunk(creates, joinBatch) {
		rows, err := tx.Membership.CreateBulk(batch...).Save(system(ctx))
		if err != nil {
			return nil, fmt.Errorf("create memberships: %w", err)
		}
		for _, row := range rows {
			tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, After: row})
		}
		made = append(made, rows...)
	}
	return made, nil
}

// Placing is a member, by the membership, who comes into a group.
type Placing struct{ Member, Group uuid.UUID }

// Place puts a member into groups, as PlaceAll does.
func Place(ctx context.Context, tx *database.Tx, member *ent.Membership, groups []uuid.UUID) error {
	places := make([]Placing, len(groups))
	for i, id := range groups {
		places[i] = Placing{Member: member.ID, Group: id}
	}
	return PlaceAll(ctx, tx, member.OrganizationID, places)
}

// PlaceAll puts members of an organization into groups of it, in few statements
// whatever their number. They are not in the groups yet, and whoever acts may give
// what they give.
func PlaceAll(ctx context.Context, tx *database.Tx, organization uuid.UUID, places []Placing) error {
	for batch := range slices.Chunk(places, joinBatch) {
		creates := make([]*ent.GroupMemberCreate, len(batch))
		for i, p := range batch {
			creates[i] = tx.GroupMember.Create().
				SetID(tx.NewID()).SetOrganizationID(organization).SetGroupID(p.Group).SetMembershipID(p.Member).SetCreatedAt(tx.Now())
		}
		rows, err := tx.GroupMember.CreateBulk(creates...).Save(system(ctx))
		if err != nil {
			return fmt.Errorf("join groups: %w", err)
		}
		for _, row := range rows {
			tx.Record(database.Change{Kind: typeid.GroupMember, ID: row.ID, Organization: organization, After: row})
		}
	}
	return nil
}
