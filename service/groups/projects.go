package groups

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// maxProjects bounds how many projects a group reaches.
const maxProjects = 1000

// SetProjects replaces the projects that a group reaches. Needs groups:write and
// the right to grant what a member has in the old and the new ones. INVALID for
// a project that the viewer cannot see in the organization.
func (s *Service) SetProjects(ctx context.Context, id uuid.UUID, projects []uuid.UUID, expectedVersion *int) (*Group, error) {
	projects, err := distinct(projects)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "setGroupProjects", id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.Group, org records.Organization) (*ent.GroupUpdateOne, error) {
		if err := access.Check(access.ViewerFrom(ctx), access.GroupsWrite, org.Target()); err != nil {
			return nil, err
		}
		if row.Builtin != nil {
			return nil, builtinImmutable("the projects of a built-in group are those of its policy")
		}
		if err := checkProjects(ctx, tx, projects, org); err != nil {
			return nil, err
		}
		old, err := row.QueryGroupProjects().Order(ent.Asc(groupproject.FieldID)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load projects of group: %w", err)
		}
		reached := make([]uuid.UUID, len(old))
		for i, r := range old {
			reached[i] = r.ProjectID
		}
		err = records.CheckGranting(ctx, tx, org, records.Granting{
			Grants: access.Group{Projects: keysOf(slices.Concat(reached, projects))}.Grants(orgtree.ID(org.ID)),
			To:     records.Recipients{Groups: []uuid.UUID{row.ID}}, Action: "setGroupProjects", Subject: row.Name,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range old {
			if slices.Contains(projects, r.ProjectID) {
				continue
			}
			if err := tx.GroupProject.DeleteOne(r).Exec(ctx); err != nil {
				return nil, fmt.Errorf("take project from group: %w", err)
			}
			tx.Record(database.Change{Kind: typeid.GroupProject, ID: r.ID, Organization: org.ID, Before: r})
		}
		added := slices.DeleteFunc(slices.Clone(projects), func(id uuid.UUID) bool { return slices.Contains(reached, id) })
		return row.Update(), s.addProjects(ctx, tx, row, added)
	})
}

// addProjects lets a group reach more projects.
func (s *Service) addProjects(ctx context.Context, tx *database.Tx, row *ent.Group, projects []uuid.UUID) error {
	for _, id := range projects {
		added, err := tx.GroupProject.Create().
			SetID(s.db.NewID()).SetOrganizationID(row.OrganizationID).SetGroupID(row.ID).SetProjectID(id).SetCreatedAt(s.db.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("add project to group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.GroupProject, ID: added.ID, Organization: row.OrganizationID, After: added})
	}
	return nil
}

// checkProjects returns nil if the viewer can see all of the projects in the
// organization, and makes them stay until the transaction ends. What they may
// not see is the same to them as what there is not.
func checkProjects(ctx context.Context, tx *database.Tx, projects []uuid.UUID, org records.Organization) error {
	if len(projects) == 0 {
		return nil
	}
	held, err := records.HoldProjects(ctx, tx, org.ID, projects)
	if err != nil {
		return err
	}
	all, some := access.ViewerFrom(ctx).ProjectsWith(access.ProjectsRead, org.Target())
	for _, id := range projects {
		if _, ok := held[id]; !ok || !all && !slices.Contains(some, orgtree.ID(id)) {
			return fault.Invalidf("projectIds", "%s is no project of the organization", typeid.New(typeid.Project, id))
		}
	}
	return nil
}

// distinct returns the projects in their order, each once, or INVALID if they
// are too many.
func distinct(ids []uuid.UUID) ([]uuid.UUID, error) {
	if len(ids) > maxProjects {
		return nil, fault.Invalidf("projectIds", "a group reaches at most %d projects", maxProjects)
	}
	list := make([]uuid.UUID, 0, len(ids))
	for _, id := range ids {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list, nil
}

func keysOf(ids []uuid.UUID) []orgtree.ID {
	keys := make([]orgtree.ID, len(ids))
	for i, id := range ids {
		keys[i] = orgtree.ID(id)
	}
	return keys
}

// OfProject returns a page of the groups that reach a project, as far as the
// viewer may see them, in the order in which they came to reach it.
func (s *Service) OfProject(ctx context.Context, siblings *batch.Siblings, project uuid.UUID, args page.Args) (*Connection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{"groups", window}, project, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.projectPages(ctx, ids, window)
	})
}

func (s *Service) projectPages(ctx context.Context, projects []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visibleOfProjects(ctx, projects)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, groupproject.FieldProjectID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().GroupProject.Query().Where(visible).WithGroup()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups of projects: %w", err)
	}
	found := make([]*ent.Group, len(rows))
	for i, row := range rows {
		found[i] = row.Edges.Group
	}
	shown := make(map[uuid.UUID]*Group, len(rows))
	for _, g := range wrap(found) {
		shown[g.ID.UUID] = g
	}
	parts := batch.Parts(projects, window, rows,
		func(row *ent.GroupProject) uuid.UUID { return row.ProjectID },
		func(row *ent.GroupProject) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.GroupProject) Edge { return Edge{Cursor: cursor, Node: shown[row.GroupID]} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countOfProjects(ctx, ids, visible)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visibleOfProjects returns the predicate of the groups of projects that the
// viewer may see.
func (s *Service) visibleOfProjects(ctx context.Context, projects []uuid.UUID) (predicate.GroupProject, error) {
	rows, err := s.db.Client().Project.Query().Where(project.IDIn(projects...)).Select(project.FieldID, project.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load projects: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	open, mine, err := s.seen(ctx, homes)
	if err != nil {
		return nil, err
	}
	return groupproject.And(
		groupproject.ProjectIDIn(projects...),
		groupproject.Or(groupproject.OrganizationIDIn(open...), groupproject.GroupIDIn(mine...)),
	), nil
}

// seen returns the organizations of which the viewer may read every group, and
// the groups that they are in.
func (s *Service) seen(ctx context.Context, organizations []uuid.UUID) (open, mine []uuid.UUID, err error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, nil, err
	}
	viewer := access.ViewerFrom(ctx)
	for id, org := range found {
		if access.Check(viewer, access.GroupsRead, org.Target()) == nil {
			open = append(open, id)
		}
		for _, g := range viewer.Standing(orgtree.ID(id)).Groups {
			mine = append(mine, uuid.UUID(g.ID))
		}
	}
	return open, mine, nil
}

func (s *Service) countOfProjects(ctx context.Context, projects []uuid.UUID, visible predicate.GroupProject) (map[uuid.UUID]int, error) {
	var rows []struct {
		ProjectID uuid.UUID `json:"project_id"`
		Count     int       `json:"count"`
	}
	err := s.db.Client().GroupProject.Query().Where(visible).
		GroupBy(groupproject.FieldProjectID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count groups of projects: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ProjectID] = row.Count
	}
	return batch.Counts(projects, counted), nil
}

// leaveProjects journals what a group reaches before it goes, and takes it from
// the resources that are its.
func leaveProjects(ctx context.Context, tx *database.Tx, row *ent.Group) error {
	reached, err := row.QueryGroupProjects().Order(ent.Asc(groupproject.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load projects of group: %w", err)
	}
	for _, r := range reached {
		tx.Record(database.Change{Kind: typeid.GroupProject, ID: r.ID, Organization: row.OrganizationID, Before: r})
	}
	query := tx.Resource.Query().Where(resource.GroupID(row.ID)).Order(ent.Asc(resource.FieldID))
	query.Modify(tx.Lock)
	resources, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock resources of group: %w", err)
	}
	for _, r := range resources {
		after, err := r.Update().ClearGroupID().SetVersion(r.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("take resource from group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Resource, ID: r.ID, Organization: row.OrganizationID, Before: r, After: after})
	}
	return nil
}
