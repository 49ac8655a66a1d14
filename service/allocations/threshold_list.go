package allocations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/threshold"
	"github.com/headwater-platform/headwater/page"
)

// ThresholdConnection is a page of thresholds.
type ThresholdConnection struct {
	Edges    []ThresholdEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many thresholds there are on all pages.
func (c *ThresholdConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// ThresholdEdge is a threshold in a page.
type ThresholdEdge struct {
	Cursor string
	Node   *Threshold
}

// Thresholds returns a page of the thresholds that an organization has set, the
// oldest first: none for viewers without org:read. INVALID for arguments out of
// bounds.
func (s *Service) Thresholds(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*ThresholdConnection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{"thresholds", window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ThresholdConnection, error) {
		return s.thresholdPages(ctx, ids, window)
	})
}

func (s *Service) thresholdPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*ThresholdConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.OrgRead, ids)
	if err != nil {
		return nil, err
	}
	organizations, err := s.records.Organizations(ctx, readable)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, threshold.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Threshold.Query().Where(threshold.OrganizationIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list thresholds: %w", err)
	}
	wrapped := make([]*Threshold, len(rows))
	for i, row := range rows {
		if wrapped[i], err = s.wrapThreshold(ctx, organizations[row.OrganizationID], row); err != nil {
			return nil, err
		}
	}
	parts := batch.Parts(ids, window, wrapped,
		func(t *Threshold) uuid.UUID { return t.OrganizationID },
		func(t *Threshold) string { return order.Cursor("", t.ID.UUID.String()) },
		func(cursor string, t *Threshold) ThresholdEdge { return ThresholdEdge{Cursor: cursor, Node: t} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countThresholds(ctx, ids, readable)
		})
	pages := make(map[uuid.UUID]*ThresholdConnection, len(parts))
	for id, part := range parts {
		pages[id] = &ThresholdConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countThresholds(ctx context.Context, ids, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Threshold.Query().Where(threshold.OrganizationIDIn(readable...)).
		GroupBy(threshold.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count thresholds: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}

// ThresholdByID returns one of the thresholds that are named together, or
// NOT_FOUND for viewers who may not see it.
func (s *Service) ThresholdByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*Threshold, error) {
	return batch.Load(ctx, named, "threshold", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Threshold, error) {
		rows, err := s.db.Client().Threshold.Query().Where(threshold.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load thresholds: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		organizations, err := s.records.Organizations(ctx, homes)
		if err != nil {
			return nil, err
		}
		seen := make(map[uuid.UUID]*Threshold, len(rows))
		for _, row := range rows {
			org := organizations[row.OrganizationID]
			if !seesThresholds(ctx, org) {
				continue
			}
			if seen[row.ID], err = s.wrapThreshold(ctx, org, row); err != nil {
				return nil, err
			}
		}
		return seen, nil
	})
}
