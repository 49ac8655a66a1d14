package invitations

import (
	"context"
	"fmt"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/roster"
)

// sweepBatch is how many invitations one transaction of a sweep closes.
const sweepBatch = 500

// Sweep writes down which invitations have expired, organization by organization,
// and returns how many. Nothing depends on it but the journal: what has expired
// is EXPIRED to everybody whether or not it was swept.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	ctx = access.WithViewer(ctx, access.SystemViewer("expired invitations"))
	swept := 0
	for {
		first, err := s.db.Client().Invitation.Query().
			Where(invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtLTE(s.db.Now())).
			Order(ent.Asc(invitation.FieldExpiresAt, invitation.FieldID)).First(ctx)
		if ent.IsNotFound(err) {
			return swept, nil
		}
		if err != nil {
			return swept, fmt.Errorf("look for expired invitations: %w", err)
		}
		n := 0
		_, err = s.db.Write(ctx, database.Entry{Action: "expireInvitations", Organization: first.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
			query := tx.Invitation.Query().
				Where(invitation.OrganizationID(first.OrganizationID), invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtLTE(tx.Now())).
				Order(ent.Asc(invitation.FieldID)).Limit(sweepBatch)
			query.Modify(tx.Lock)
			rows, err := query.All(ctx)
			if err != nil {
				return fmt.Errorf("lock expired invitations: %w", err)
			}
			n = len(rows)
			return roster.ExpireInvitations(ctx, tx, rows)
		})
		if err != nil {
			return swept, err
		}
		swept += n
	}
}
