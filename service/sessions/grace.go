package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/signinattempts"
	"github.com/headwater-platform/headwater/typeid"
)

// settleGrace gives a person time for what their organizations demand and they
// have not done, and ends the time where they have. Where it runs already it goes
// on. The provider of the organization vouching, unless it is nil, has said that
// the person showed a second factor.
func settleGrace(ctx context.Context, tx *database.Tx, a account, person *ent.User, vouching uuid.UUID) error {
	isDue := func(m *ent.Membership) bool {
		done := compliance(person, m)
		done.SecondFactor = done.SecondFactor || vouching == m.OrganizationID
		return !m.Locked && done.Meets(a.demands[m.OrganizationID]) == (m.GraceUntil != nil)
	}
	var due []uuid.UUID
	for _, m := range a.memberships {
		if isDue(m) {
			due = append(due, m.ID)
		}
	}
	rows, err := lockMemberships(ctx, tx, due)
	if err != nil {
		return err
	}
	for _, m := range rows {
		if !isDue(m) {
			continue
		}
		var until time.Time
		if m.GraceUntil == nil {
			until = tx.Now().Add(time.Duration(a.values[m.OrganizationID][gracePeriod].Int()) * time.Second)
		}
		if err := setGrace(ctx, tx, m, until); err != nil {
			return err
		}
	}
	return nil
}

// vouched returns the organization whose provider vouches for the second factor of
// a session, or nil. Only the sessions of providers are bound to an organization.
func vouched(bound uuid.UUID, secondFactor bool) uuid.UUID {
	if !secondFactor {
		return uuid.Nil
	}
	return bound
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

// sweepBatch is how many memberships are looked at in one go.
const sweepBatch = 200

// Sweep locks the members out whose time for what their organization demands is
// over, and takes the end away where the demand is met or gone. It forgets what
// is of no more use: attempts of days ago, and sessions that were over long ago.
// It does nothing twice, so that it may run at any time and on several processes
// at once.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = asSystem(ctx)
	var after uuid.UUID
	for {
		rows, err := s.db.Client().Membership.Query().
			Where(membership.IDGT(after), membership.GraceUntilLTE(s.db.Now()), membership.Locked(false), membership.Owner(false)).
			Order(ent.Asc(membership.FieldID)).Limit(sweepBatch).All(ctx)
		if err != nil {
			return fmt.Errorf("find grace periods that are over: %w", err)
		}
		for _, m := range rows {
			if err := s.sweep(ctx, m); err != nil {
				return err
			}
			after = m.ID
		}
		if len(rows) < sweepBatch {
			return s.forget(ctx)
		}
	}
}

// sweep ends the grace period of one member.
func (s *Service) sweep(ctx context.Context, found *ent.Membership) error {
	a, err := s.withID(ctx, found.UserID)
	if err != nil || a.row == nil {
		return err
	}
	entry := database.Entry{Action: "endGracePeriod", Organization: found.OrganizationID}
	_, err = s.db.Write(ctx, entry, func(ctx context.Context, tx *database.Tx) error {
		person, err := tx.User.Get(ctx, found.UserID)
		if err != nil {
			return fmt.Errorf("get account: %w", err)
		}
		rows, err := lockMemberships(ctx, tx, []uuid.UUID{found.ID})
		if err != nil {
			return err
		}
		for _, m := range rows {
			if m.GraceUntil == nil || tx.Now().Before(*m.GraceUntil) {
				continue
			}
			if compliance(person, m).Meets(a.demands[m.OrganizationID]) {
				return setGrace(ctx, tx, m, time.Time{})
			}
			return lockOut(ctx, tx, m.ID, membership.LockReasonGRACE_EXPIRED)
		}
		return nil
	})
	return err
}

// keptFor is how long a session is kept that is over. The journal keeps that it
// was.
const keptFor = 90 * 24 * time.Hour

// forget removes attempts that count for nothing any more and old sessions. It
// changes nothing that anybody can see, so the journal does not have it.
func (s *Service) forget(ctx context.Context) error {
	_, err := s.db.Write(ctx, database.Entry{Action: "forget"}, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.SignInAttempts.Delete().Where(signinattempts.UpdatedAtLTE(tx.Now().Add(-forgottenAfter))).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget attempts: %w", err)
		}
		_, err = tx.Session.Delete().Where(session.ExpiresAtLTE(tx.Now().Add(-keptFor))).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget sessions: %w", err)
		}
		return nil
	})
	return err
}
