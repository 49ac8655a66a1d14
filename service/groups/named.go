package groups

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
)

// ByID returns one of the groups that are named together, or NOT_FOUND for
// viewers who may not see it.
func (s *Service) ByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*Group, error) {
	return batch.Load(ctx, named, "group", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Group, error) {
		rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load groups: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		organizations, err := s.records.Organizations(ctx, homes)
		if err != nil {
			return nil, err
		}
		var visible []*ent.Group
		for _, row := range rows {
			readable := access.Check(access.ViewerFrom(ctx), access.GroupsRead, organizations[row.OrganizationID].Target()) == nil
			if readable || isIn(ctx, row) {
				visible = append(visible, row)
			}
		}
		seen := make(map[uuid.UUID]*Group, len(visible))
		for _, g := range wrap(visible) {
			seen[g.ID.UUID] = g
		}
		return seen, nil
	})
}
