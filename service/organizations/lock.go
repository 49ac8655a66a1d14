package organizations

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
)

// LockTier says who holds the lock of an organization.
type LockTier string

// The tiers that lock.
const (
	ByPartner  LockTier = "PARTNER"
	ByPlatform LockTier = "PLATFORM"
)

// Lock keeps the people of an organization from changing anything.
type Lock struct {
	By LockTier
	// Organization is in whose name it was locked.
	Organization records.Reference
	Reason       string
	At           time.Time
}

// lock is a lock as it is stored.
type lock struct {
	by     LockTier
	holder uuid.UUID
	reason string
	at     time.Time
}

// lockOf returns the lock of a row, or nil.
func lockOf(row *ent.Organization) *lock {
	if row.LockedBy == nil || row.LockedByOrganizationID == nil || row.LockedAt == nil {
		return nil
	}
	return &lock{by: LockTier(*row.LockedBy), holder: *row.LockedByOrganizationID, reason: row.LockReason, at: row.LockedAt.UTC()}
}

// LockOf returns the lock that is held on an organization, or nil. Whoever sees
// the organization sees it, above their own tree by its tier.
func (s *Service) LockOf(ctx context.Context, o *Organization) (*Lock, error) {
	if o.lock == nil {
		return nil, nil //nolint:nilnil // it is not locked
	}
	record, err := s.recordOf(ctx, o)
	if err != nil {
		return nil, err
	}
	shown := &Lock{By: o.lock.by, Reason: o.lock.reason, At: o.lock.at}
	line := record.Above
	if i := slices.IndexFunc(line, func(a records.Ancestor) bool { return a.ID == o.lock.holder }); i >= 0 {
		line = line[:i+1]
	}
	shown.Organization = records.Refer(ctx, line)
	return shown, nil
}

// maxReason bounds a reason, in characters.
const maxReason = 1000

// reasonOf returns a reason without space at its ends, or INVALID.
func reasonOf(reason string, required bool) (string, error) {
	reason = strings.TrimSpace(reason)
	if required && reason == "" {
		return "", fault.Invalidf("reason", "say why: a reason has 1 to %d characters", maxReason)
	}
	if utf8.RuneCountInString(reason) > maxReason {
		return "", fault.Invalidf("reason", "a reason has at most %d characters", maxReason)
	}
	return reason, nil
}

// Lock locks an organization in the name of the highest organization above it in
// which the viewer may: of the platform or of a partner. Needs partner:lock from
// above. It replaces a lock that the viewer may lift; FORBIDDEN for others.
// INVALID without a reason, CONFLICT for the platform.
func (s *Service) Lock(ctx context.Context, id uuid.UUID, reason string) (*Organization, error) {
	org, by, err := s.locker(ctx, id)
	if err != nil {
		return nil, err
	}
	reason, err = reasonOf(reason, true)
	if err != nil {
		return nil, err
	}
	made := making{action: "lockOrganization", reason: reason}
	return s.change(ctx, made, org, func(_ context.Context, tx *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		to, err := orgtree.Next(before.Status, orgtree.Locking, before.LockedBy != nil)
		if err != nil {
			return err
		}
		if err := checkHolder(org, lockOf(before), by, "replace"); err != nil {
			return err
		}
		tier := organization.LockedByPARTNER
		if by == org.Path()[0] {
			tier = organization.LockedByPLATFORM
		}
		set.SetStatus(to).SetLockedBy(tier).SetLockedByOrganizationID(uuid.UUID(by)).SetLockReason(reason).SetLockedAt(tx.Now())
		return nil
	})
}

// Unlock lifts the lock of an organization. Needs partner:lock from above, and
// that the lock is not held by an organization higher up than the viewer's:
// FORBIDDEN. CONFLICT for one that is not locked.
func (s *Service) Unlock(ctx context.Context, id uuid.UUID) (*Organization, error) {
	org, by, err := s.locker(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, making{action: "unlockOrganization"}, org, func(_ context.Context, _ *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		to, err := orgtree.Next(before.Status, orgtree.Unlocking, before.LockedBy != nil)
		if err != nil {
			return err
		}
		if err := checkHolder(org, lockOf(before), by, "lift"); err != nil {
			return err
		}
		set.SetStatus(to).ClearLockedBy().ClearLockedByOrganizationID().ClearLockReason().ClearLockedAt()
		return nil
	})
}

// locker returns an organization that the viewer may lock, and in whose name.
func (s *Service) locker(ctx context.Context, id uuid.UUID) (records.Organization, orgtree.ID, error) {
	org, err := s.records.Check(ctx, access.OrgRead, id)
	if err != nil {
		return records.Organization{}, orgtree.ID{}, err
	}
	viewer := access.ViewerFrom(ctx)
	if org.Kind == orgtree.Platform {
		if err := access.Check(viewer, access.PlatformWrite, org.Target()); err != nil {
			return records.Organization{}, orgtree.ID{}, err
		}
		return records.Organization{}, orgtree.ID{}, ofThePlatform()
	}
	manager, _ := org.Manager()
	if err := access.CheckThrough(viewer, access.PartnerLock, org.Target(), orgtree.ID(manager.ID)); err != nil {
		return records.Organization{}, orgtree.ID{}, err
	}
	by, _ := viewer.ViaHighest(access.PartnerLock, org.Target())
	return org, by, nil
}

// ofThePlatform refuses what ends an organization, for the root.
func ofThePlatform() error {
	return fault.New(fault.Conflict, "the platform itself is neither locked nor closed")
}

// checkHolder returns FORBIDDEN unless whoever acts in the name of an
// organization may do something with a lock that another may hold.
func checkHolder(org records.Organization, held *lock, by orgtree.ID, what string) error {
	if held == nil || org.Path().CanLift(by, orgtree.ID(held.holder)) {
		return nil
	}
	if held.by == ByPlatform {
		return fault.New(fault.Forbidden, "only the platform may %s a lock of the platform", what)
	}
	return fault.New(fault.Forbidden, "only whoever locked the organization, or those above, may %s the lock", what)
}
