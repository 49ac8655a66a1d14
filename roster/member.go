package roster

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Joining says how a person joins an organization.
type Joining struct {
	// Owner makes the person the one owner.
	Owner bool
	Tags  []string
	// ExternalID is what the organization's directory calls the person.
	ExternalID string
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
	row, err := tx.Membership.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).SetUserID(person).SetOwner(j.Owner).
		SetTags(j.Tags).SetExternalID(j.ExternalID).SetCreatedAt(tx.Now()).
		Save(system(ctx))
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
