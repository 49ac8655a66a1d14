package organizations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Update is what updateOrganization is asked for; nil leaves a field as it is.
type Update struct {
	ID                uuid.UUID
	Name              *string
	Slug              *string
	CustomerReference *string
	ExpectedVersion   *int
}

// Update changes an organization's names. Name and slug need org:rename, the
// customer reference partner:update above. CONFLICT for a personal organization
// that was renamed before.
func (s *Service) Update(ctx context.Context, u Update) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgRead, u.ID)
	if err != nil {
		return nil, err
	}
	if err := s.checkUpdate(ctx, org, u); err != nil {
		return nil, err
	}
	made := making{action: "updateOrganization", expectedVersion: u.ExpectedVersion}
	return s.change(ctx, made, org, func(_ context.Context, tx *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		if u.Name != nil && *u.Name != before.Name {
			if before.Personal && before.NameSource == organization.NameSourceGIVEN {
				return fault.New(fault.Conflict, "a personal organization is renamed once, and this one was")
			}
			set.SetName(*u.Name).SetNameSource(organization.NameSourceGIVEN)
		}
		set.SetNillableSlug(u.Slug)
		if u.CustomerReference != nil {
			referenceOf(before).become(*u.CustomerReference, tx.Now()).store(set)
		}
		return nil
	})
}

func (s *Service) checkUpdate(ctx context.Context, org records.Organization, u Update) error {
	viewer := access.ViewerFrom(ctx)
	if u.Name != nil || u.Slug != nil {
		if err := access.Check(viewer, access.OrgRename, org.Target()); err != nil {
			return err
		}
	}
	if u.CustomerReference != nil {
		manager, _ := org.Manager()
		if err := access.CheckThrough(viewer, access.PartnerUpdate, org.Target(), orgtree.ID(manager.ID)); err != nil {
			return err
		}
		if err := checkReference(*u.CustomerReference); err != nil {
			return err
		}
	}
	if u.Name != nil {
		if err := checkName(*u.Name); err != nil {
			return err
		}
	}
	if u.Slug != nil {
		return checkSlug(*u.Slug)
	}
	return nil
}

// SetKind makes an organization a partner or takes that back. Needs
// platform:write. CONFLICT for PARTNER to STANDARD while it manages others.
func (s *Service) SetKind(ctx context.Context, id uuid.UUID, kind orgtree.Kind, expectedVersion *int) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgRead, id)
	if err != nil {
		return nil, err
	}
	if err := s.checkPlatform(ctx); err != nil {
		return nil, err
	}
	if kind == orgtree.Platform || org.Kind == orgtree.Platform {
		return nil, fault.Invalidf("kind", "the platform is the only organization of its kind")
	}
	// The state of the organization must let the platform change it.
	if err := access.Check(access.ViewerFrom(ctx), access.PartnerUpdate, org.Target()); err != nil {
		return nil, err
	}
	made := making{action: "setOrganizationKind", expectedVersion: expectedVersion}
	changed, err := s.change(ctx, made, org, func(ctx context.Context, tx *database.Tx, _ *ent.Organization, set *ent.OrganizationUpdateOne) error {
		if kind == orgtree.Standard {
			if err := checkManagesNobody(ctx, tx, id); err != nil {
				return err
			}
		}
		set.SetKind(kind)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, s.records.Renew(ctx)
}

// checkManagesNobody returns CONFLICT with HAS_MANAGED_ORGS while an organization
// manages others that are not deleted.
func checkManagesNobody(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	managing, err := tx.Organization.Query().
		Where(organization.ParentID(id), organization.StatusNEQ(orgtree.Deleted)).
		Exist(database.Unguarded(ctx)) // An owner may not see what the organization manages.
	if err != nil {
		return fmt.Errorf("look for managed organizations: %w", err)
	}
	if managing {
		return fault.New(fault.Conflict, "the organization manages others").Because(fault.HasManagedOrgs)
	}
	return nil
}

// making is what is made of an organization.
type making struct {
	// action is the mutation's name, and reason what was said about it.
	action, reason  string
	expectedVersion *int
}

// change locks an organization's row, applies a change to it and journals it. The
// organization is as it was when the rights were checked: CONFLICT if its state
// has changed since.
func (s *Service) change(ctx context.Context, m making, org records.Organization, apply func(context.Context, *database.Tx, *ent.Organization, *ent.OrganizationUpdateOne) error) (*Organization, error) {
	var after *ent.Organization
	_, err := s.db.Write(ctx, database.Entry{Action: m.action, Organization: org.ID, Reason: m.reason}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockAs(ctx, tx, org)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(before.Version, m.expectedVersion); err != nil {
			return err
		}
		set := before.Update().SetVersion(before.Version + 1)
		if err := apply(ctx, tx, before, set); err != nil {
			return err
		}
		after, err = set.Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", m.action, err)
		}
		tx.Record(database.Change{Kind: typeid.Organization, ID: org.ID, Organization: org.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapOne(after), nil
}

// lockAs returns an organization whose row stays locked until the transaction
// ends, or CONFLICT if its state is not what it was when rights were checked.
func lockAs(ctx context.Context, tx *database.Tx, org records.Organization) (*ent.Organization, error) {
	row, err := roster.LockOrganization(ctx, tx, org.ID)
	if err != nil {
		return nil, err
	}
	if row.Status != org.Status {
		return nil, fault.New(fault.Conflict, "the state of the organization has just changed; ask again")
	}
	return row, nil
}
