package organizations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes organizations.
type Service struct {
	db       *database.DB
	records  *records.Store
	maxDepth int
}

// New returns the service. maxDepth bounds the tree; the root has depth 0.
func New(db *database.DB, store *records.Store, maxDepth int) *Service {
	return &Service{db: db, records: store, maxDepth: maxDepth}
}

// Organization is a node of the tree as the API shows it.
type Organization struct {
	ID        typeid.ID
	Name      string
	Slug      string
	Kind      orgtree.Kind
	Status    orgtree.Status
	Depth     int
	CreatedAt time.Time
	Version   int
	// Personal says that it came with its owner's account.
	Personal bool
	// DeactivatedAt and PurgeAt are nil unless it is deactivated, DeletedAt unless
	// it is deleted.
	DeactivatedAt, PurgeAt, DeletedAt *time.Time
	// DeactivationReason is nil where none was given.
	DeactivationReason *string
	// Siblings are the organizations that were loaded together with this one.
	Siblings *batch.Siblings

	parent    *uuid.UUID
	reference reference
	lock      *lock
}

// Identity returns the id.
func (o *Organization) Identity() typeid.ID { return o.ID }

// wrap returns rows as siblings of each other.
func wrap(rows []*ent.Organization) []*Organization {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	siblings := batch.Of(ids...)
	list := make([]*Organization, len(rows))
	for i, row := range rows {
		list[i] = &Organization{
			ID: typeid.New(typeid.Organization, row.ID), Name: row.Name, Slug: row.Slug, Kind: row.Kind, Status: row.Status,
			Depth: row.Depth, CreatedAt: row.CreatedAt.UTC(), Version: row.Version, Siblings: siblings,
			Personal: row.Personal, DeactivatedAt: database.InUTC(row.DeactivatedAt), PurgeAt: database.InUTC(row.PurgeAt), DeletedAt: database.InUTC(row.DeletedAt),
			parent: row.ParentID, reference: referenceOf(row), lock: lockOf(row),
		}
		if row.DeactivationReason != "" {
			list[i].DeactivationReason = &row.DeactivationReason
		}
	}
	return list
}

func wrapOne(row *ent.Organization) *Organization { return wrap([]*ent.Organization{row})[0] }

// Get returns an organization that the viewer can see, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Organization, error) {
	row, err := s.db.Client().Organization.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("organization")
	}
	if err != nil {
		return nil, fmt.Errorf("get organization: %w", err)
	}
	return wrapOne(row), nil
}

// Of returns the organizations of the ids as the viewer can see them, by id.
// Ids out of reach are missing from the answer.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, id uuid.UUID) (*Organization, error) {
	return batch.Load(ctx, siblings, "organization", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Organization, error) {
		rows, err := s.db.Client().Organization.Query().Where(organization.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load organizations: %w", err)
		}
		found := make(map[uuid.UUID]*Organization, len(rows))
		for _, org := range wrap(rows) {
			found[org.ID.UUID] = org
		}
		return found, nil
	})
}

// recordOf returns the organization with its path, loaded for all siblings.
func (s *Service) recordOf(ctx context.Context, o *Organization) (records.Organization, error) {
	return batch.Load(ctx, o.Siblings, "record", o.ID.UUID, s.records.Organizations)
}

// ManagedBy returns the manager as the viewer may see it: nil for the root and
// directly under it.
func (s *Service) ManagedBy(ctx context.Context, o *Organization) (*records.Reference, error) {
	if o.parent == nil {
		return nil, nil //nolint:nilnil // the root is managed by nobody
	}
	record, err := s.recordOf(ctx, o)
	if err != nil {
		return nil, err
	}
	manager, _ := record.Manager()
	if manager.Kind == orgtree.Platform {
		return nil, nil //nolint:nilnil // directly under the root an organization stands by itself
	}
	reference := records.Refer(ctx, record.Above)
	return &reference, nil
}

// Ancestors returns the organizations above, root first, as the viewer may see
// them.
func (s *Service) Ancestors(ctx context.Context, o *Organization) ([]*records.Reference, error) {
	record, err := s.recordOf(ctx, o)
	if err != nil {
		return nil, err
	}
	references := make([]*records.Reference, len(record.Above))
	for i := range record.Above {
		reference := records.Refer(ctx, record.Above[:i+1])
		references[i] = &reference
	}
	return references, nil
}

// ViewerRoles returns what the viewer is by membership: OWNER, group roles and
// built-in groups.
func (s *Service) ViewerRoles(ctx context.Context, o *Organization) []string {
	standing, ok := access.ViewerFrom(ctx).Standings[orgtree.ID(o.ID.UUID)]
	if !ok {
		return []string{}
	}
	roles := []string{}
	if standing.Owner {
		roles = append(roles, "OWNER")
	}
	for _, role := range standing.Roles {
		roles = append(roles, string(role))
	}
	for _, builtin := range standing.Builtins {
		roles = append(roles, string(builtin))
	}
	return roles
}

// ViewerPermissions returns what the viewer may do in the organization.
func (s *Service) ViewerPermissions(ctx context.Context, o *Organization) ([]access.Permission, error) {
	record, err := s.recordOf(ctx, o)
	if err != nil {
		return nil, err
	}
	return access.ViewerFrom(ctx).Allowed(record.Target()), nil
}
