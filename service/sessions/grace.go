package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/typeid"
)

// beginGrace gives a person time for what their organizations demand and they
// have not done, from the first sign-in on. Where the time runs already it goes
// on.
func beginGrace(ctx context.Context, tx *database.Tx, a account, person *ent.User) error {
	var due []uuid.UUID
	for _, m := range a.memberships {
		c := compliance(person, m)
		if !m.Locked && m.GraceUntil == nil && !c.Meets(a.demands[m.OrganizationID]) {
			due = append(due, m.ID)
		}
	}
	rows, err := lockMemberships(ctx, tx, due)
	if err != nil {
		return err
	}
	for _, m := range rows {
		if m.Locked || m.GraceUntil != nil {
			continue
		}
		period := time.Duration(a.values[m.OrganizationID][gracePeriod].Int()) * time.Second
		if err := setGrace(ctx, tx, m, tx.Now().Add(period)); err != nil {
			return err
		}
	}
	return nil
}

// lockMemberships returns memberships that stay as they are until the
// transaction ends.
func lockMemberships(ctx context.Context, tx *database.Tx, ids []uuid.UUID) ([]*ent.Membership, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query := tx.Membership.Query().Where(membership.IDIn(ids...)).Order(ent.Asc(membership.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock memberships: %w", err)
	}
	return rows, nil
}

// setGrace sets until when a member has time, or takes the end away if it is the
// zero time.
func setGrace(ctx context.Context, tx *database.Tx, m *ent.Membership, until time.Time) error {
	set := m.Update().SetVersion(m.Version + 1)
	if until.IsZero() {
		set.ClearGraceUntil()
	} else {
		set.SetGraceUntil(until)
	}
	return saveMembership(ctx, tx, m, set)
}

func saveMembership(ctx context.Context, tx *database.Tx, before *ent.Membership, set *ent.MembershipUpdateOne) error {
	after, err := set.Save(ctx)
	if err != nil {
		return fmt.Errorf("update membership: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after})
	return nil
}
