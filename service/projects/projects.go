package projects

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes projects and their SSH keys.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Status is the state of a project.
type Status string

// The states of a project.
const (
	Active   Status = "ACTIVE"
	Deleting Status = "DELETING"
)

// Project is a container inside one organization as the API shows it.
type Project struct {
	ID        typeid.ID
	Name      string
	Region    string
	IsDefault bool
	Status    Status
	CreatedAt time.Time
	Version   int
	// OrganizationID is where the project is, Organizations the set of them that
	// was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	// Siblings are the projects that were loaded together with this one.
	Siblings *batch.Siblings
}

// Identity returns the id.
func (p *Project) Identity() typeid.ID { return p.ID }

func wrap(rows []*ent.Project) []*Project {
	ids, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i], homes[i] = row.ID, row.OrganizationID
	}
	siblings, organizations := batch.Of(ids...), batch.Of(homes...)
	list := make([]*Project, len(rows))
	for i, row := range rows {
		list[i] = &Project{
			ID: typeid.New(typeid.Project, row.ID), Name: row.Name, Region: row.Region, IsDefault: row.IsDefault,
			Status: Status(row.Status), CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
			OrganizationID: row.OrganizationID, Organizations: organizations, Siblings: siblings,
		}
	}
	return list
}

func wrapOne(row *ent.Project) *Project { return wrap([]*ent.Project{row})[0] }

// Get returns a project in which the viewer holds projects:read, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Project, error) {
	row, _, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapOne(row), nil
}

// find returns a project that the viewer can see and its organization.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Project, records.Organization, error) {
	row, err := s.db.Client().Project.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("project")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get project: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ProjectsRead, org.Target().In(orgtree.ID(id))); err != nil {
		return nil, records.Organization{}, fault.Missing("project")
	}
	return row, org, nil
}

// ByID returns a project by its id for all that were named together, or NOT_FOUND
// where the viewer cannot see it.
func (s *Service) ByID(ctx context.Context, siblings *batch.Siblings, id uuid.UUID) (*Project, error) {
	return batch.Load(ctx, siblings, "project", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Project, error) {
		seen, err := s.records.ProjectsWith(ctx, access.ProjectsRead, ids)
		if err != nil {
			return nil, err
		}
		rows, err := s.db.Client().Project.Query().Where(project.IDIn(seen...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load projects: %w", err)
		}
		found := make(map[uuid.UUID]*Project, len(rows))
		for _, p := range wrap(rows) {
			found[p.ID.UUID] = p
		}
		return found, nil
	})
}
