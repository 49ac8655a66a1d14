package records

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// ProjectsWith returns those of the projects in which the context's viewer holds
// the permission.
func (s *Store) ProjectsWith(ctx context.Context, p access.Permission, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.client.Project.Query().
		Where(project.IDIn(ids...)).
		Select(project.FieldID, project.FieldOrganizationID).
		All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load organizations of projects: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	organizations, err := s.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	var held []uuid.UUID
	for _, row := range rows {
		if access.Check(viewer, p, organizations[row.OrganizationID].Target().In(orgtree.ID(row.ID))) == nil {
			held = append(held, row.ID)
		}
	}
	return held, nil
}

// OrganizationsWith returns those of the organizations in which the context's
// viewer holds the permission, in the order given; empty, not nil, if it is none.
func (s *Store) OrganizationsWith(ctx context.Context, p access.Permission, ids []uuid.UUID) ([]uuid.UUID, error) {
	organizations, err := s.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	viewer, held := access.ViewerFrom(ctx), []uuid.UUID{}
	for _, id := range ids {
		if access.Check(viewer, p, organizations[id].Target()) == nil {
			held = append(held, id)
		}
	}
	return held, nil
}

// HoldProjects returns the projects of an organization among the ids. They
// cannot be deleted until the transaction ends, so whoever puts something into a
// project, or names it, holds it first.
func HoldProjects(ctx context.Context, tx *database.Tx, organization uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]*ent.Project, error) {
	query := tx.Project.Query().Where(project.OrganizationID(organization), project.IDIn(ids...)).Order(ent.Asc(project.FieldID))
	query.Modify(keep)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("hold projects: %w", err)
	}
	found := make(map[uuid.UUID]*ent.Project, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// HoldProject is HoldProjects for one, or NOT_FOUND.
func HoldProject(ctx context.Context, tx *database.Tx, organization, id uuid.UUID) (*ent.Project, error) {
	found, err := HoldProjects(ctx, tx, organization, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	row, ok := found[id]
	if !ok {
		return nil, fault.Missing("project")
	}
	return row, nil
}

// HoldGroup reports whether an organization has a group, which then cannot be
// deleted until the transaction ends.
func HoldGroup(ctx context.Context, tx *database.Tx, organization, id uuid.UUID) (bool, error) {
	query := tx.Group.Query().Where(group.OrganizationID(organization), group.ID(id))
	query.Modify(keep)
	rows, err := query.All(ctx)
	if err != nil {
		return false, fmt.Errorf("hold group: %w", err)
	}
	return len(rows) == 1, nil
}

// keep locks the rows that a query reads as rows that refer to them do. On
// SQLite a write transaction already excludes all others.
func keep(s *entsql.Selector) {
	if s.Dialect() == dialect.Postgres {
		s.For(entsql.LockKeyShare)
	}
}
