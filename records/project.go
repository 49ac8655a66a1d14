package records

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/fault"
)

// HoldProjects returns the projects of an organization among the ids. They
// cannot be deleted until the transaction ends, so whoever puts something into a
// project, or names it, holds it first.
func HoldProjects(ctx context.Context, tx *database.Tx, organization uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]*ent.Project, error) {
	query := tx.Project.Query().Where(project.OrganizationID(organization), project.IDIn(ids...)).Order(ent.Asc(project.FieldID))
	query.Modify(func(s *entsql.Selector) {
		if s.Dialect() == dialect.Postgres {
			s.For(entsql.LockKeyShare)
		}
	})
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
