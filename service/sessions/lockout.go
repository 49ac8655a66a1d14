package sessions

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/membership"
)

// lockAfterFailures locks a person out of the organizations that want it after
// so many failed sign-ins in a row. Owners are never locked out.
func (s *Service) lockAfterFailures(ctx context.Context, a account, made attempt) error {
	if !made.open {
		return nil
	}
	for _, m := range a.memberships {
		if m.Owner || m.Locked || int64(made.failures) < a.values[m.OrganizationID][attemptsBeforeLock].Int() {
			continue
		}
		entry := database.Entry{Action: "lockAfterFailedSignIns", Organization: m.OrganizationID}
		_, err := s.db.Write(asSystem(ctx), entry, func(ctx context.Context, tx *database.Tx) error {
			return lockOut(ctx, tx, m.ID, membership.LockReasonFAILED_SIGN_INS)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lockOut locks a membership that is not locked yet and not an owner's.
func lockOut(ctx context.Context, tx *database.Tx, id uuid.UUID, reason membership.LockReason) error {
	rows, err := lockMemberships(ctx, tx, []uuid.UUID{id})
	if err != nil {
		return err
	}
	for _, m := range rows {
		if m.Owner || m.Locked {
			continue
		}
		set := m.Update().SetLocked(true).SetLockReason(reason).SetVersion(m.Version + 1)
		if err := saveMembership(ctx, tx, m, set); err != nil {
			return err
		}
	}
	return nil
}
