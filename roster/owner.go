package roster

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/typeid"
)

// ChangeOwner makes a member the owner of their organization, and the owner until
// then one of its administrators, whose account it returns. The organization is
// held.
func ChangeOwner(ctx context.Context, tx *database.Tx, heir *ent.Membership) (former uuid.UUID, err error) {
	ctx = system(ctx)
	query := tx.Membership.Query().Where(membership.OrganizationID(heir.OrganizationID), membership.Owner(true))
	query.Modify(tx.Lock)
	owner, err := query.Only(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("lock owner: %w", err)
	}
	// In this order: there is one owner at most.
	for _, row := range []*ent.Membership{owner, heir} {
		after, err := row.Update().SetOwner(row == heir).SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return uuid.Nil, fmt.Errorf("change owner: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	}
	return owner.UserID, administer(ctx, tx, owner)
}

// administer puts a member into the built-in group of administrators, unless they
// are in it.
func administer(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	administrators, err := BuiltinGroup(ctx, tx, member.OrganizationID, access.Administrators)
	if err != nil {
		return err
	}
	isIn, err := tx.GroupMember.Query().Where(groupmember.GroupID(administrators.ID), groupmember.MembershipID(member.ID)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look into administrators: %w", err)
	}
	if isIn {
		return nil
	}
	return Place(ctx, tx, member, []uuid.UUID{administrators.ID})
}
