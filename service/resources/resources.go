package resources

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes the registry.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Status is the state of a resource.
type Status string

// The states of a resource. A released one stays in the registry.
const (
	Active   Status = "ACTIVE"
	Released Status = "RELEASED"
)

// SpecEntry is one thing that a resource is to be like.
type SpecEntry struct{ Name, Value string }

// specOf returns what a resource is to be like, in the order of the names.
func specOf(row *ent.Resource) []SpecEntry {
	entries := make([]SpecEntry, 0, len(row.Spec))
	for _, name := range slices.Sorted(maps.Keys(row.Spec)) {
		entries = append(entries, SpecEntry{name, row.Spec[name]})
	}
	return entries
}

// Resource is an entry of the registry as the API shows it.
type Resource struct {
	ID           typeid.ID
	Name         string
	Kind         string
	Status       Status
	Provider     string
	Region       string
	InstanceType string
	ExternalID   string
	Spec         []SpecEntry
	CreatedAt    time.Time
	ReleasedAt   *time.Time
	Version      int
	// ProjectID is where it runs, GroupID whose it is, if it is a group's, and
	// CreatorID who registered it; each with the set of those that were loaded
	// together.
	ProjectID uuid.UUID
	Projects  *batch.Siblings
	GroupID   *uuid.UUID
	Groups    *batch.Siblings
	CreatorID uuid.UUID
	Creators  *batch.Siblings
	// OrganizationID is that of the project.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings

	row   *ent.Resource
	units records.UnitNames
}

// Estimate returns what the resource is expected to cost yet, nil for nothing.
func (r *Resource) Estimate() (*spending.Quantity, error) {
	e, err := estimateOf(r.row)
	if e != nil {
		e.Unit = r.units.Of(e.Unit)
	}
	return e, err
}

// Identity returns the id.
func (r *Resource) Identity() typeid.ID { return r.ID }

// Connection is a page of resources.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many resources there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a resource in a page.
type Edge struct {
	Cursor string
	Node   *Resource
}

// wrap returns resources as the API shows them, with what their units are called.
func (s *Service) wrap(ctx context.Context, rows []*ent.Resource) ([]*Resource, error) {
	var units []string
	projects, makers, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	var owners []uuid.UUID
	for i, row := range rows {
		units = append(units, row.EstimateUnit)
		projects[i], makers[i], homes[i] = row.ProjectID, row.CreatedBy, row.OrganizationID
		if row.GroupID != nil {
			owners = append(owners, *row.GroupID)
		}
	}
	names, err := records.NamesOf(ctx, s.db.Client(), units)
	if err != nil {
		return nil, err
	}
	inProjects, groups, creators, organizations := batch.Of(projects...), batch.Of(owners...), batch.Of(makers...), batch.Of(homes...)
	list := make([]*Resource, len(rows))
	for i, row := range rows {
		list[i] = &Resource{
			ID: typeid.New(typeid.Resource, row.ID), Name: row.Name, Kind: row.Kind, Status: Status(row.Status),
			Provider: row.Provider, Region: row.Region, InstanceType: row.InstanceType, ExternalID: row.ExternalID, Spec: specOf(row),
			CreatedAt: row.CreatedAt.UTC(), ReleasedAt: database.InUTC(row.ReleasedAt), Version: row.Version,
			ProjectID: row.ProjectID, Projects: inProjects, GroupID: row.GroupID, Groups: groups,
			CreatorID: row.CreatedBy, Creators: creators, OrganizationID: row.OrganizationID, Organizations: organizations,
			row: row, units: names,
		}
	}
	return list, nil
}

func (s *Service) wrapOne(ctx context.Context, row *ent.Resource) (*Resource, error) {
	wrapped, err := s.wrap(ctx, []*ent.Resource{row})
	if err != nil {
		return nil, err
	}
	return wrapped[0], nil
}

// Get returns a resource of a project in which the viewer holds resources:read,
// or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Resource, error) {
	row, _, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

// find returns a resource that the viewer can see and the organization of its
// project.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Resource, records.Organization, error) {
	row, err := s.db.Client().Resource.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("resource")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get resource: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ResourcesRead, org.Target().In(orgtree.ID(row.ProjectID))); err != nil {
		return nil, records.Organization{}, fault.Missing("resource")
	}
	return row, org, nil
}

// Where says which resources of a list; conditions are joined by and. The zero
// value of a field says nothing.
type Where struct {
	Status Status
	Kind   string
}

func (w Where) predicates() []predicate.Resource {
	var list []predicate.Resource
	if w.Status != "" {
		list = append(list, resource.StatusEQ(resource.Status(w.Status)))
	}
	if w.Kind != "" {
		list = append(list, resource.Kind(w.Kind))
	}
	return list
}

// Of returns a page of a project's resources, released ones too: none for
// viewers without resources:read in it.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, project uuid.UUID, args page.Args, where Where) (*Connection, error) {
	type key struct {
		window page.Window
		where  Where
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where}, project, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window, where)
	})
}

func (s *Service) pages(ctx context.Context, projects []uuid.UUID, window page.Window, where Where) (map[uuid.UUID]*Connection, error) {
	readable, err := s.records.ProjectsWith(ctx, access.ResourcesRead, projects)
	if err != nil {
		return nil, err
	}
	visible := append(where.predicates(), resource.ProjectIDIn(readable...))
	var order database.Order
	modify, err := order.Page(window, resource.FieldProjectID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Resource.Query().Where(visible...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list resources: %w", err)
	}
	wrapped, err := s.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(projects, window, wrapped,
		func(r *Resource) uuid.UUID { return r.ProjectID },
		func(r *Resource) string { return order.Cursor("", r.ID.UUID.String()) },
		func(cursor string, r *Resource) Edge { return Edge{Cursor: cursor, Node: r} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, visible)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, projects []uuid.UUID, visible []predicate.Resource) (map[uuid.UUID]int, error) {
	var rows []struct {
		ProjectID uuid.UUID `json:"project_id"`
		Count     int       `json:"count"`
	}
	err := s.db.Client().Resource.Query().Where(visible...).
		GroupBy(resource.FieldProjectID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count resources: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ProjectID] = row.Count
	}
	return batch.Counts(projects, counted), nil
}

// ByID returns one of the resources that are named together, or NOT_FOUND for
// viewers who may not see it.
func (s *Service) ByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*Resource, error) {
	return batch.Load(ctx, named, "resource", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Resource, error) {
		rows, err := s.db.Client().Resource.Query().Where(resource.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load resources: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		organizations, err := s.records.Organizations(ctx, homes)
		if err != nil {
			return nil, err
		}
		viewer := access.ViewerFrom(ctx)
		rows = slices.DeleteFunc(rows, func(row *ent.Resource) bool {
			return access.Check(viewer, access.ResourcesRead, organizations[row.OrganizationID].Target().In(orgtree.ID(row.ProjectID))) != nil
		})
		wrapped, err := s.wrap(ctx, rows)
		if err != nil {
			return nil, err
		}
		seen := make(map[uuid.UUID]*Resource, len(rows))
		for _, r := range wrapped {
			seen[r.ID.UUID] = r
		}
		return seen, nil
	})
}
