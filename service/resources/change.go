package resources

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// NewResource is what registerResource is asked for.
type NewResource struct {
	Project uuid.UUID
	// Group is whose it is; nil for nobody's in particular.
	Group        *uuid.UUID
	Kind         string
	Name         string
	Provider     string
	Region       string
	InstanceType string
	// ExternalID is the outside system's name for it; empty for none.
	ExternalID string
	// Estimate is nil for nothing that allocations are to count.
	Estimate *spending.Quantity
}

func (n NewResource) check() error {
	for _, text := range []struct {
		field, value string
		least, most  int
	}{
		{"kind", n.Kind, 1, 64},
		{"name", n.Name, 1, maxName},
		{"provider", n.Provider, 0, 64},
		{"region", n.Region, 0, maxPlace},
		{"instanceType", n.InstanceType, 0, maxPlace},
		{"externalId", n.ExternalID, 0, 400},
	} {
		if err := checkText(text.field, text.value, text.least, text.most); err != nil {
			return err
		}
	}
	return checkEstimate(n.Estimate)
}

// Register enters what an outside system runs in a project. Needs
// resources:write in it, and of a person a seat in the organization. INVALID for a
// group that the viewer cannot see and for an instance type without a provider,
// CONFLICT for an external id that an active resource of the organization and
// provider has, SETTING_OUT_OF_BOUNDS for a provider or an instance type that may
// not be used there, LIMIT_EXCEEDED where as many run as may, where an allocation
// is used up, and where one has less left than the resource is expected to cost.
func (s *Service) Register(ctx context.Context, n NewResource) (*Resource, error) {
	org, err := s.findProject(ctx, n.Project)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := access.Check(viewer, access.ResourcesWrite, org.Target().In(orgtree.ID(n.Project))); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.Resource
	_, err = s.db.Write(ctx, database.Entry{Action: "registerResource", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := records.HoldProject(ctx, tx, org.ID, n.Project); err != nil {
			return err
		}
		if err := checkSeat(ctx, tx, org); err != nil {
			return err
		}
		if err := checkGroup(ctx, tx, n.Group, org); err != nil {
			return err
		}
		if err := s.checkLaunch(ctx, tx, org, n.Group, spending.Launch{Provider: n.Provider, Type: n.InstanceType, Count: 1}); err != nil {
			return err
		}
		estimate, err := holdEstimate(ctx, tx, org, n.Estimate)
		if err != nil {
			return err
		}
		reserved, err := s.reserve(ctx, tx, org, n.Group, estimate)
		if err != nil {
			return err
		}
		create := tx.Resource.Create().
			SetID(s.db.NewID()).SetOrganizationID(org.ID).SetProjectID(n.Project).SetNillableGroupID(n.Group).
			SetKind(n.Kind).SetName(n.Name).SetProvider(n.Provider).SetRegion(n.Region).
			SetInstanceType(n.InstanceType).SetExternalID(n.ExternalID).SetStatus(resource.StatusACTIVE).
			SetCreatedBy(uuid.UUID(viewer.ID)).SetCreatedAt(s.db.Now())
		if estimate != nil {
			create.SetEstimate(estimate.Amount.String()).SetEstimateUnit(estimate.Unit)
		}
		if row, err = create.Save(ctx); err != nil {
			return fmt.Errorf("register resource: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Resource, ID: row.ID, Organization: org.ID, After: row})
		_, err = countReserved(ctx, tx, reserved)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

// findProject returns the organization of a project that the viewer can see.
func (s *Service) findProject(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	row, err := s.db.Client().Project.Get(ctx, id)
	if ent.IsNotFound(err) {
		return records.Organization{}, fault.Missing("project")
	}
	if err != nil {
		return records.Organization{}, fmt.Errorf("get project: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return records.Organization{}, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ProjectsRead, org.Target().In(orgtree.ID(id))); err != nil {
		return records.Organization{}, fault.Missing("project")
	}
	return org, nil
}

// checkSeat returns FORBIDDEN with the reason NO_SEAT for a person who has no seat
// in the organization. Applications need none.
func checkSeat(ctx context.Context, tx *database.Tx, org records.Organization) error {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return nil
	}
	without, err := tx.Membership.Query().
		Where(membership.OrganizationID(org.ID), membership.UserID(uuid.UUID(viewer.ID)), membership.Seated(false)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for a seat: %w", err)
	}
	if without {
		return fault.New(fault.Forbidden, "a member without a seat starts no resources").Because(fault.NoSeat)
	}
	return nil
}

// checkGroup returns nil for no group and for one of the organization that the
// viewer can see.
func checkGroup(ctx context.Context, tx *database.Tx, id *uuid.UUID, org records.Organization) error {
	if id == nil {
		return nil
	}
	found, err := records.HoldGroup(ctx, tx, org.ID, *id)
	if err != nil {
		return err
	}
	if !found || !records.SeesGroup(ctx, org, *id) {
		return fault.Invalidf("groupId", "%s is no group of the organization", typeid.New(typeid.Group, *id))
	}
	return nil
}

// Update is what updateResource is asked for; nil leaves a field as it is.
type Update struct {
	ID              uuid.UUID
	Name            *string
	Region          *string
	InstanceType    *string
	Estimate        *spending.Quantity
	ExpectedVersion *int
}

func (u Update) check() error {
	for _, text := range []struct {
		field string
		value *string
		least int
		most  int
	}{
		{"name", u.Name, 1, maxName},
		{"region", u.Region, 0, maxPlace},
		{"instanceType", u.InstanceType, 0, maxPlace},
	} {
		if text.value == nil {
			continue
		}
		if err := checkText(text.field, *text.value, text.least, text.most); err != nil {
			return err
		}
	}
	return checkEstimate(u.Estimate)
}

// Update changes an active resource. Needs resources:write in its project. Another
// instance type is refused as Register refuses it, and so is a higher estimate.
func (s *Service) Update(ctx context.Context, u Update) (*Resource, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	return s.change(ctx, "updateResource", u.ID, func(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Resource) (*ent.ResourceUpdateOne, error) {
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return nil, err
		}
		if row.Status == resource.StatusRELEASED {
			return nil, fault.New(fault.Conflict, "the resource was released")
		}
		if u.InstanceType != nil && *u.InstanceType != row.InstanceType {
			l := spending.Launch{Provider: row.Provider, Type: *u.InstanceType, Count: 1}
			if err := s.checkLaunch(ctx, tx, org, row.GroupID, l); err != nil {
				return nil, err
			}
		}
		set := row.Update().SetNillableName(u.Name).SetNillableRegion(u.Region).SetNillableInstanceType(u.InstanceType)
		if u.Estimate == nil {
			return set, nil
		}
		estimate, err := holdEstimate(ctx, tx, org, u.Estimate)
		if err != nil {
			return nil, err
		}
		more, err := risenBy(row, estimate)
		if err != nil {
			return nil, err
		}
		if more.Amount.Sign() > 0 {
			if _, err := s.reserve(ctx, tx, org, row.GroupID, more); err != nil {
				return nil, err
			}
		}
		return set.SetEstimate(estimate.Amount.String()).SetEstimateUnit(estimate.Unit), nil
	})
}

// Release says that an outside system runs the resource no longer. The row
// stays. Needs resources:write in its project; releasing again changes nothing.
func (s *Service) Release(ctx context.Context, id uuid.UUID) (*Resource, error) {
	return s.change(ctx, "releaseResource", id, func(_ context.Context, _ *database.Tx, _ records.Organization, row *ent.Resource) (*ent.ResourceUpdateOne, error) {
		if row.Status == resource.StatusRELEASED {
			return nil, nil
		}
		return row.Update().SetStatus(resource.StatusRELEASED).SetReleasedAt(s.db.Now()), nil
	})
}

// applied makes a change to a resource of an organization. It returns nil where
// nothing is to change.
type applied func(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Resource) (*ent.ResourceUpdateOne, error)

// change locks a resource's row, applies a change to it and journals it.
func (s *Service) change(ctx context.Context, action string, id uuid.UUID, apply applied) (*Resource, error) {
	found, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ResourcesWrite, org.Target().In(orgtree.ID(found.ProjectID))); err != nil {
		return nil, err
	}
	var after *ent.Resource
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		set, err := apply(ctx, tx, org, row)
		if err != nil {
			return err
		}
		if set == nil {
			after = row
			return nil
		}
		after, err = set.SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Resource, ID: id, Organization: row.OrganizationID, Before: row, After: after})
		return recount(ctx, tx, org, row, after)
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, after)
}

func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Resource, error) {
	query := tx.Resource.Query().Where(resource.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("resource")
	}
	if err != nil {
		return nil, fmt.Errorf("lock resource: %w", err)
	}
	return row, nil
}

// The bounds of texts, in characters: of a name, and of a region and an
// instance type.
const (
	maxName  = 200
	maxPlace = 64
)

// checkText returns nil for a text of least to most printable characters
// without spaces at its ends.
func checkText(field, text string, least, most int) error {
	n := utf8.RuneCountInString(text)
	if n < least || n > most || strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.Invalidf(field, "this has %d to %d printable characters and no space at either end", least, most)
	}
	return nil
}
