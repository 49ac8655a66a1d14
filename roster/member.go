package roster

import (
	"context"
	"fmt"
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
	// Owner makes the person the one owner.
	Owner bool
	Tags  []string
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

// Join makes a person a member of an organization that has room. CONFLICT if
// they are one.
func Join(ctx context.Context, tx *database.Tx, organization, person uuid.UUID, j Joining) (*ent.Membership, error) {
	if j.Tags == nil {
		j.Tags = []string{}
	}
	create := tx.Membership.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).SetUserID(person).SetOwner(j.Owner).
		SetTags(j.Tags).SetCreatedAt(tx.Now()).
		SetExternalID(j.Directory.ExternalID).
		SetDirectoryName(j.Directory.UserName).SetDirectoryKey(strings.ToLower(j.Directory.UserName)).
		SetGivenName(j.Directory.GivenName).SetFamilyName(j.Directory.FamilyName)
	if j.ID != nil {
		create.SetID(*j.ID)
	}
	if j.Directory.Locked {
		create.SetLocked(true).SetLockReason(membership.LockReasonMANUAL)
	}
	row, err := create.Save(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("create membership: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: organization, After: row})
	return row, nil
}

// Place puts a new member into groups of the organization. The groups are there,
// and whoever acts may give what they give.
func Place(ctx context.Context, tx *database.Tx, member *ent.Membership, groups []uuid.UUID) error {
	for _, id := range groups {
		place, err := tx.GroupMember.Create().
			SetID(tx.NewID()).SetOrganizationID(member.OrganizationID).SetGroupID(id).SetMembershipID(member.ID).SetCreatedAt(tx.Now()).
			Save(system(ctx))
		if err != nil {
			return fmt.Errorf("join group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: member.OrganizationID, After: place})
	}
	return nil
}
