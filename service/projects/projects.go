// Package projects reads the projects of organizations.
//
// It owns who may see which project. It does not own what is in a project.
package projects

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads projects.
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
}

// Identity returns the id.
func (p *Project) Identity() typeid.ID { return p.ID }

// Connection is a page of projects.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many projects there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a project in a page.
type Edge struct {
	Cursor string
	Node   *Project
}

func wrap(row *ent.Project) *Project {
	return &Project{
		ID: typeid.New(typeid.Project, row.ID), Name: row.Name, Region: row.Region, IsDefault: row.IsDefault,
		Status: Status(row.Status), CreatedAt: row.CreatedAt.UTC(),
	}
}

// Get returns a project of an organization in which the viewer holds
// projects:read, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Project, error) {
	row, err := s.db.Client().Project.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("project")
	}
	if err != nil {
		return nil, fmt.Errorf("get project: %w", err)
	}
	if _, err := s.records.Check(ctx, access.ProjectsRead, row.OrganizationID); err != nil {
		return nil, fault.Missing("project")
	}
	return wrap(row), nil
}

// Of returns a page of an organization's projects: none for viewers without
// projects:read.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window)
	})
}

func (s *Service) pages(ctx context.Context, organizations []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	readable, err := s.readable(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, project.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Project.Query().Where(project.OrganizationIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	parts := batch.Parts(organizations, window, rows,
		func(row *ent.Project) uuid.UUID { return row.OrganizationID },
		func(row *ent.Project) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.Project) Edge { return Edge{Cursor: cursor, Node: wrap(row)} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, readable)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) readable(ctx context.Context, organizations []uuid.UUID) ([]uuid.UUID, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var readable []uuid.UUID
	for _, id := range organizations {
		if slices.Contains(access.ViewerFrom(ctx).Allowed(found[id].Target()), access.ProjectsRead) {
			readable = append(readable, id)
		}
	}
	return readable, nil
}

func (s *Service) count(ctx context.Context, organizations, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Project.Query().Where(project.OrganizationIDIn(readable...)).
		GroupBy(project.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count projects: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(organizations, counted), nil
}
