package records

import (
	"context"
	"fmt"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/typeid"
)

// OrphanPolicies takes the policies from principals that go, inside the
// transaction that deletes them and before it does. A policy stays without a
// principal and has no effect; a managed one was made with its principal and
// goes with it. Each is recorded.
func OrphanPolicies(ctx context.Context, tx *database.Tx, of Recipients) error {
	query := tx.AccessPolicy.Query().
		Where(accesspolicy.Or(
			accesspolicy.MembershipIDIn(of.Memberships...),
			accesspolicy.ApplicationIDIn(of.Applications...),
			accesspolicy.GroupIDIn(of.Groups...),
		)).
		Order(ent.Asc(accesspolicy.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock policies of principals: %w", err)
	}
	for _, row := range rows {
		if err := orphan(ctx, tx, row); err != nil {
			return err
		}
	}
	return nil
}

func orphan(ctx context.Context, tx *database.Tx, row *ent.AccessPolicy) error {
	change := database.Change{Kind: typeid.Policy, ID: row.ID, Organization: row.OrganizationID, Before: row}
	if row.Managed {
		if err := tx.AccessPolicy.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete managed policy: %w", err)
		}
		tx.Record(change)
		return nil
	}
	after, err := row.Update().
		ClearMembershipID().ClearApplicationID().ClearGroupID().
		SetVersion(row.Version + 1).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("orphan policy: %w", err)
	}
	change.After = after
	tx.Record(change)
	return nil
}
