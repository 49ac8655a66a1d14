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
// customer reference partner:update above.
func (s *Service) Update(ctx context.Context, u Update) (*Organization, error) {
	if err := s.checkUpdate(ctx, u); err != nil {
		return nil, err
	}
	return s.change(ctx, "updateOrganization", u.ID, u.ExpectedVersion, func(_ context.Context, _ *database.Tx, _ *ent.Organization, set *ent.OrganizationUpdateOne) error {
		set.SetNillableName(u.Name).SetNillableSlug(u.Slug).SetNillableCustomerReference(u.CustomerReference)
		return nil
	})
}

func (s *Service) checkUpdate(ctx context.Context, u Update) error {
	org, err := s.records.Check(ctx, access.OrgRead, u.ID)
	if err != nil {
		return err
	}
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
		if len([]rune(*u.CustomerReference)) > 100 {
			return fault.Invalidf("customerReference", "a customer reference has at most 100 characters")
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
	changed, err := s.change(ctx, "setOrganizationKind", id, expectedVersion, func(ctx context.Context, tx *database.Tx, _ *ent.Organization, set *ent.OrganizationUpdateOne) error {
		if kind == orgtree.Standard {
			managing, err := tx.Organization.Query().Where(organization.ParentID(id)).Exist(ctx)
			if err != nil {
				return fmt.Errorf("look for managed organizations: %w", err)
			}
			if managing {
				return fault.New(fault.Conflict, "the organization manages others").Because(fault.HasManagedOrgs)
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

// change locks an organization's row, applies a change to it and journals it.
func (s *Service) change(ctx context.Context, action string, id uuid.UUID, expectedVersion *int, apply func(context.Context, *database.Tx, *ent.Organization, *ent.OrganizationUpdateOne) error) (*Organization, error) {
	var after *ent.Organization
	_, err := s.db.Write(ctx, database.Entry{Action: action, Organization: id}, func(ctx context.Context, tx *database.Tx) error {
		before, err := roster.LockOrganization(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(before.Version, expectedVersion); err != nil {
			return err
		}
		set := before.Update().SetVersion(before.Version + 1)
		if err := apply(ctx, tx, before, set); err != nil {
			return err
		}
		after, err = set.Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapOne(after), nil
}
