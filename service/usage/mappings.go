package usage

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	batches "github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usagemapping"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/typeid"
)

// MappingConnection is a page of mappings.
type MappingConnection struct {
	Edges    []MappingEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many mappings there are on all pages.
func (c *MappingConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// MappingEdge is a mapping in a page.
type MappingEdge struct {
	Cursor string
	Node   *Mapping
}

// Mappings returns a page of an importing organization's mappings, the oldest
// first: none for viewers without usage:map. INVALID for arguments out of bounds.
func (s *Service) Mappings(ctx context.Context, siblings *batches.Siblings, importer uuid.UUID, args page.Args) (*MappingConnection, error) {
	type key struct {
		what   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batches.Load(ctx, siblings, key{"mappings", window}, importer, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*MappingConnection, error) {
		return s.mappingPages(ctx, ids, window)
	})
}

func (s *Service) mappingPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*MappingConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.UsageMap, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, usagemapping.FieldImporterID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().UsageMapping.Query().Where(usagemapping.ImporterIDIn(readable...)).WithGroup()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list mappings: %w", err)
	}
	mappings, err := s.wrapMappings(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batches.Parts(ids, window, mappings,
		func(m *Mapping) uuid.UUID { return m.Importer },
		func(m *Mapping) string { return order.Cursor("", m.ID.UUID.String()) },
		func(cursor string, m *Mapping) MappingEdge { return MappingEdge{Cursor: cursor, Node: m} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countMappings(ctx, ids, readable)
		})
	pages := make(map[uuid.UUID]*MappingConnection, len(parts))
	for id, part := range parts {
		pages[id] = &MappingConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) wrapMappings(ctx context.Context, rows []*ent.UsageMapping) ([]*Mapping, error) {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.OrganizationID
	}
	owners, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	mappings := make([]*Mapping, len(rows))
	for i, row := range rows {
		if mappings[i], err = wrapMapping(ctx, row, owners[row.OrganizationID], row.Edges.Group); err != nil {
			return nil, err
		}
	}
	return mappings, nil
}

func (s *Service) countMappings(ctx context.Context, ids, readable []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		ImporterID uuid.UUID `json:"importer_id"`
		Count      int       `json:"count"`
	}
	err := s.db.Client().UsageMapping.Query().Where(usagemapping.ImporterIDIn(readable...)).
		GroupBy(usagemapping.FieldImporterID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count mappings: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ImporterID] = row.Count
	}
	return batches.Counts(ids, counted), nil
}

// DeleteMapping deletes a mapping. What it fitted in open months is attributed
// again in the background. Needs usage:map in the importing organization;
// NOT_FOUND for those who may not map there.
func (s *Service) DeleteMapping(ctx context.Context, id uuid.UUID) error {
	m, err := s.Mapping(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.records.Check(ctx, access.UsageMap, m.Importer); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteUsageMapping", Organization: m.Importer}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockMappings(ctx); err != nil {
			return err
		}
		if err := tx.LockUsage(ctx, m.Importer); err != nil {
			return err
		}
		before, err := tx.UsageMapping.Get(ctx, id)
		if ent.IsNotFound(err) {
			return nil // Somebody else has deleted it meanwhile.
		}
		if err != nil {
			return fmt.Errorf("get mapping: %w", err)
		}
		if err := tx.UsageMapping.DeleteOne(before).Exec(ctx); err != nil {
			return fmt.Errorf("delete mapping: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.UsageMapping, ID: id, Organization: m.Importer, Before: before})
		return attributeAgain(ctx, tx, m.Importer, value(m.FirstMonth))
	})
	return err
}

// Unattributed is the usage of one sub-account that no mapping gives an owner.
type Unattributed struct {
	Provider     string
	SubAccountID *string
	Lines        int
	// Costs are what the importing organization pays for it, per currency.
	Costs []money.Amount
}

// Unattributed returns what nobody owns of the usage that an organization brought
// in for a billing month, by sub-account, at most 1000. Needs usage:import.
func (s *Service) Unattributed(ctx context.Context, importer uuid.UUID, month pricing.Month) ([]*Unattributed, error) {
	if _, err := s.records.Check(ctx, access.UsageImport, importer); err != nil {
		return nil, err
	}
	var list []*Unattributed
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		sums, err := tx.UnattributedUsage(ctx, importer, month)
		list = gather(sums)
		return err
	})
	return list, err
}

// gather joins the currencies of one sub-account, which follow one another.
func gather(sums []database.UnattributedSum) []*Unattributed {
	list := []*Unattributed{}
	for _, sum := range sums {
		last := len(list) - 1
		if last < 0 || list[last].Provider != sum.Provider || text(list[last].SubAccountID) != sum.SubAccountID {
			list = append(list, &Unattributed{Provider: sum.Provider, SubAccountID: optional(sum.SubAccountID)})
			last++
		}
		list[last].Lines += sum.Lines
		list[last].Costs = append(list[last].Costs, sum.Cost)
	}
	return list
}
