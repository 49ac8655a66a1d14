package applications

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/people"
)

// Service reads and changes applications and API keys.
type Service struct {
	db      *database.DB
	records *records.Store
	random  io.Reader
}

// New returns the service. Secrets are made of random.
func New(db *database.DB, store *records.Store, random io.Reader) *Service {
	return &Service{db: db, records: store, random: random}
}

// Where says which applications of a list; conditions are joined by and. The
// zero value of a field says nothing.
type Where struct {
	NameContains string
	// Managed asks for those that the platform made, or for the others.
	Managed, NotManaged bool
}

func (w Where) predicates() []predicate.Application {
	var list []predicate.Application
	if w.NameContains != "" {
		list = append(list, database.ContainsFold(application.FieldName, w.NameContains))
	}
	if w.Managed {
		list = append(list, application.Managed(true))
	}
	if w.NotManaged {
		list = append(list, application.Managed(false))
	}
	return list
}

// Order is how a list is sorted: by age, or by name.
type Order struct {
	ByName     bool
	Descending bool
}

func (o Order) column() database.Order {
	if o.ByName {
		return database.Order{Column: application.FieldName, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

// Connection is a page of applications.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many applications there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is an application in a page.
type Edge struct {
	Cursor string
	Node   *people.Application
}

// Of returns a page of an organization's applications: all of them with
// applications:read, else the viewer alone.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where Where, order Order) (*Connection, error) {
	type key struct {
		window page.Window
		where  Where
		order  Order
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where, order}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window, where, order.column())
	})
}

func (s *Service) pages(ctx context.Context, organizations []uuid.UUID, window page.Window, where Where, order database.Order) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visible(ctx, organizations)
	if err != nil {
		return nil, err
	}
	modify, err := order.Page(window, application.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	predicates := append(where.predicates(), visible)
	query := s.db.Client().Application.Query().Where(predicates...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list applications: %w", err)
	}
	parts := batch.Parts(organizations, window, people.ApplicationsOf(rows),
		func(a *people.Application) uuid.UUID { return a.OrganizationID },
		func(a *people.Application) string { return order.Cursor(a.Name, a.ID.UUID.String()) },
		func(cursor string, a *people.Application) Edge { return Edge{Cursor: cursor, Node: a} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, predicates)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visible returns the predicate of the applications that the viewer may see in
// these organizations.
func (s *Service) visible(ctx context.Context, organizations []uuid.UUID) (predicate.Application, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	var open []uuid.UUID
	for id, org := range found {
		if access.Check(viewer, access.ApplicationsRead, org.Target()) == nil {
			open = append(open, id)
		}
	}
	self := application.IDIn()
	if viewer.Kind == access.Application {
		self = application.ID(uuid.UUID(viewer.ID))
	}
	return application.And(
		application.OrganizationIDIn(organizations...),
		application.Or(application.OrganizationIDIn(open...), self),
	), nil
}

func (s *Service) count(ctx context.Context, organizations []uuid.UUID, where []predicate.Application) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Application.Query().Where(slices.Clone(where)...).
		GroupBy(application.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count applications: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(organizations, counted), nil
}
