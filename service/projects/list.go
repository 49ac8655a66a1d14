package projects

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/page"
)

// Where says which projects of a list; conditions are joined by and. The zero
// value of a field says nothing.
type Where struct {
	NameContains string
	Status       Status
}

func (w Where) predicates() []predicate.Project {
	var list []predicate.Project
	if w.NameContains != "" {
		list = append(list, database.ContainsFold(project.FieldName, w.NameContains))
	}
	if w.Status != "" {
		list = append(list, project.StatusEQ(project.Status(w.Status)))
	}
	return list
}

// Order is how a list is sorted.
type Order struct {
	ByName     bool
	Descending bool
}

func (o Order) column() database.Order {
	if o.ByName {
		return database.Order{Column: project.FieldName, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

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

func edge(cursor string, p *Project) Edge { return Edge{Cursor: cursor, Node: p} }

// Of returns a page of an organization's projects: all of them with
// projects:read there, else those in which the viewer holds it.
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
	everywhere, single, err := s.readable(ctx, organizations)
	if err != nil {
		return nil, err
	}
	visible := append(where.predicates(), project.Or(project.OrganizationIDIn(everywhere...), project.IDIn(single...)))
	modify, err := order.Page(window, project.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Project.Query().Where(visible...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	parts := batch.Parts(organizations, window, wrap(rows),
		func(p *Project) uuid.UUID { return p.OrganizationID },
		func(p *Project) string { return order.Cursor(p.Name, p.ID.UUID.String()) }, edge,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, visible)
		})
	return connections(parts), nil
}

func connections(parts map[uuid.UUID]batch.Part[Edge]) map[uuid.UUID]*Connection {
	list := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		list[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return list
}

// readable returns the organizations of which the viewer may read every
// project, and the single projects that they may read in the others.
func (s *Service) readable(ctx context.Context, organizations []uuid.UUID) (everywhere, single []uuid.UUID, err error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, nil, err
	}
	viewer := access.ViewerFrom(ctx)
	for id, org := range found {
		all, some := viewer.ProjectsWith(access.ProjectsRead, org.Target())
		if all {
			everywhere = append(everywhere, id)
		}
		for _, p := range some {
			single = append(single, uuid.UUID(p))
		}
	}
	return everywhere, single, nil
}

func (s *Service) count(ctx context.Context, organizations []uuid.UUID, visible []predicate.Project) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Project.Query().Where(visible...).
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

// OfGroup returns a page of the projects that a group reaches, as far as the
// viewer may read them, in the order in which it came to reach them.
func (s *Service) OfGroup(ctx context.Context, siblings *batch.Siblings, group uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, group, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.groupPages(ctx, ids, window)
	})
}

func (s *Service) groupPages(ctx context.Context, groups []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visibleInGroups(ctx, groups)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, groupproject.FieldGroupID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().GroupProject.Query().Where(visible).WithProject()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list projects of groups: %w", err)
	}
	projects := make([]*ent.Project, len(rows))
	for i, row := range rows {
		projects[i] = row.Edges.Project
	}
	shown := make(map[uuid.UUID]*Project, len(rows))
	for _, p := range wrap(projects) {
		shown[p.ID.UUID] = p
	}
	parts := batch.Parts(groups, window, rows,
		func(row *ent.GroupProject) uuid.UUID { return row.GroupID },
		func(row *ent.GroupProject) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.GroupProject) Edge { return edge(cursor, shown[row.ProjectID]) },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countInGroups(ctx, ids, visible)
		})
	return connections(parts), nil
}

// visibleInGroups returns the predicate of the projects of groups that the
// viewer may see.
func (s *Service) visibleInGroups(ctx context.Context, groups []uuid.UUID) (predicate.GroupProject, error) {
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(groups...)).Select(group.FieldID, group.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	everywhere, single, err := s.readable(ctx, homes)
	if err != nil {
		return nil, err
	}
	return groupproject.And(
		groupproject.GroupIDIn(groups...),
		groupproject.Or(groupproject.OrganizationIDIn(everywhere...), groupproject.ProjectIDIn(single...)),
	), nil
}

func (s *Service) countInGroups(ctx context.Context, groups []uuid.UUID, visible predicate.GroupProject) (map[uuid.UUID]int, error) {
	var rows []struct {
		GroupID uuid.UUID `json:"group_id"`
		Count   int       `json:"count"`
	}
	err := s.db.Client().GroupProject.Query().Where(visible).
		GroupBy(groupproject.FieldGroupID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count projects of groups: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.GroupID] = row.Count
	}
	return batch.Counts(groups, counted), nil
}
