package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/page"
)

// ApplicationWhere says which applications of a list; conditions are joined by and. The
// zero value of a field says nothing.
type ApplicationWhere struct {
	NameContains string
	// Managed asks for those that the platform made, or for the others.
	Managed, NotManaged bool
}

func (w ApplicationWhere) predicates() []predicate.Application {
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

// ApplicationOrder is how a list is sorted: by age, or by name.
type ApplicationOrder struct {
	ByName     bool
	Descending bool
}

func (o ApplicationOrder) column() database.Order {
	if o.ByName {
		return database.Order{Column: application.FieldName, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

// ApplicationConnection is a page of applications.
type ApplicationConnection struct {
	Edges    []ApplicationEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many applications there are on all pages.
func (c *ApplicationConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// ApplicationEdge is an application in a page.
type ApplicationEdge struct {
	Cursor string
	Node   *Application
}

// Applications returns a page of an organization's applications: all of them with
// applications:read, else the viewer alone.
func (s *Service) Applications(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where ApplicationWhere, order ApplicationOrder) (*ApplicationConnection, error) {
	type key struct {
		window page.Window
		where  ApplicationWhere
		order  ApplicationOrder
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where, order}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ApplicationConnection, error) {
		return s.applicationPages(ctx, ids, window, where, order.column())
	})
}

func (s *Service) applicationPages(ctx context.Context, organizations []uuid.UUID, window page.Window, where ApplicationWhere, order database.Order) (map[uuid.UUID]*ApplicationConnection, error) {
	visible, err := s.visibleApplications(ctx, organizations)
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
	parts := batch.Parts(organizations, window, wrapApplications(rows),
		func(a *Application) uuid.UUID { return a.OrganizationID },
		func(a *Application) string { return order.Cursor(a.Name, a.ID.UUID.String()) },
		func(cursor string, a *Application) ApplicationEdge { return ApplicationEdge{Cursor: cursor, Node: a} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countApplications(ctx, ids, predicates)
		})
	connections := make(map[uuid.UUID]*ApplicationConnection, len(parts))
	for id, part := range parts {
		connections[id] = &ApplicationConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visibleApplications returns the predicate of the applications that the viewer may see in
// these organizations.
func (s *Service) visibleApplications(ctx context.Context, organizations []uuid.UUID) (predicate.Application, error) {
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

func (s *Service) countApplications(ctx context.Context, organizations []uuid.UUID, where []predicate.Application) (map[uuid.UUID]int, error) {
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
