package usage

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	batches "github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/page"
)

// BillingUnitConnection is a page of billing units.
type BillingUnitConnection struct {
	Edges    []BillingUnitEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many units there are on all pages.
func (c *BillingUnitConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// BillingUnitEdge is a billing unit in a page.
type BillingUnitEdge struct {
	Cursor string
	Node   *BillingUnit
}

// SKUConnection is a page of SKUs.
type SKUConnection struct {
	Edges    []SKUEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many SKUs there are on all pages.
func (c *SKUConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// SKUEdge is a SKU in a page.
type SKUEdge struct {
	Cursor string
	Node   *SKU
}

// listed is what a page is asked for by.
type listed struct {
	what   string
	window page.Window
}

// BillingUnits returns a page of an organization's billing units, the oldest first:
// none for viewers without usage:import. INVALID for arguments out of bounds.
func (s *Service) BillingUnits(ctx context.Context, siblings *batches.Siblings, organization uuid.UUID, args page.Args) (*BillingUnitConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	key := listed{"billing units", window}
	return batches.Load(ctx, siblings, key, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*BillingUnitConnection, error) {
		return s.unitPages(ctx, ids, window)
	})
}

func (s *Service) unitPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*BillingUnitConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.UsageImport, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, billingunit.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().BillingUnit.Query().Where(billingunit.OrganizationIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list billing units: %w", err)
	}
	units, err := s.wrapUnits(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batches.Parts(ids, window, units,
		func(u *BillingUnit) uuid.UUID { return u.OrganizationID },
		func(u *BillingUnit) string { return order.Cursor("", u.ID.UUID.String()) },
		func(cursor string, u *BillingUnit) BillingUnitEdge { return BillingUnitEdge{Cursor: cursor, Node: u} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []organizationCount
			err := s.db.Client().BillingUnit.Query().Where(billingunit.OrganizationIDIn(readable...)).
				GroupBy(billingunit.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			return counted(ids, counts), err
		})
	pages := make(map[uuid.UUID]*BillingUnitConnection, len(parts))
	for id, part := range parts {
		pages[id] = &BillingUnitConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

// SKUs returns a page of an organization's SKUs, the oldest first: none for viewers
// without usage:import. INVALID for arguments out of bounds.
func (s *Service) SKUs(ctx context.Context, siblings *batches.Siblings, organization uuid.UUID, args page.Args) (*SKUConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batches.Load(ctx, siblings, listed{"SKUs", window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*SKUConnection, error) {
		return s.skuPages(ctx, ids, window)
	})
}

func (s *Service) skuPages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*SKUConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.UsageImport, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, sku.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().SKU.Query().Where(sku.OrganizationIDIn(readable...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list SKUs: %w", err)
	}
	skus, err := s.wrapSKUs(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batches.Parts(ids, window, skus,
		func(k *SKU) uuid.UUID { return k.OrganizationID },
		func(k *SKU) string { return order.Cursor("", k.ID.UUID.String()) },
		func(cursor string, k *SKU) SKUEdge { return SKUEdge{Cursor: cursor, Node: k} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []organizationCount
			err := s.db.Client().SKU.Query().Where(sku.OrganizationIDIn(readable...)).
				GroupBy(sku.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			return counted(ids, counts), err
		})
	pages := make(map[uuid.UUID]*SKUConnection, len(parts))
	for id, part := range parts {
		pages[id] = &SKUConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

// organizationCount is how many of something an organization has.
type organizationCount struct {
	OrganizationID uuid.UUID `json:"organization_id"`
	Count          int       `json:"count"`
}

func counted(ids []uuid.UUID, counts []organizationCount) map[uuid.UUID]int {
	byID := make(map[uuid.UUID]int, len(counts))
	for _, c := range counts {
		byID[c.OrganizationID] = c.Count
	}
	return batches.Counts(ids, byID)
}
