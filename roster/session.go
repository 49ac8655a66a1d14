package roster

import (
	"context"
	"fmt"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/typeid"
)

// EndSessions ends the sign-ins that satisfy all of the predicates and have not
// ended, for a reason.
func EndSessions(ctx context.Context, tx *database.Tx, reason session.EndReason, which ...predicate.Session) error {
	ctx = system(ctx)
	query := tx.Session.Query().Where(append(which, session.EndedAtIsNil())...).Order(ent.Asc(session.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock sessions: %w", err)
	}
	for _, row := range rows {
		after, err := tx.Session.UpdateOne(row).SetEndedAt(tx.Now()).SetEndReason(reason).SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		change := database.Change{Kind: typeid.Session, ID: row.ID, Before: row, After: after}
		if row.OrganizationID != nil {
			change.Organization = *row.OrganizationID
		}
		tx.Record(change)
	}
	return nil
}
