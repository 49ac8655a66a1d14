package usage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	batches "github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/ent/usageevent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Event is usage that an organization has metered, with what it costs.
type Event struct {
	ID             typeid.ID
	IdempotencyKey string
	// SKU says what was used.
	SKU      *SKU
	Quantity money.Decimal
	// Rate and UnitRate are those that it was recorded at.
	Rate, UnitRate money.Decimal
	Amount         money.Amount
	// Organization is whose usage it is, Group the group there, nil for none and for
	// one that is gone or out of the viewer's reach.
	Organization *records.Reference
	Group        *records.GroupReference
	// Project and User are nil for none.
	Project, User      *string
	StartedAt, EndedAt time.Time
	Tags               []*EventTag
	// Corrects is the key of the event that it corrects, nil for none.
	Corrects *string
	// Month is the billing month.
	Month      pricing.Month
	RecordedAt time.Time

	// MeteringID is who has metered it.
	MeteringID uuid.UUID
}

// Identity returns the id.
func (e *Event) Identity() typeid.ID { return e.ID }

// EventTag is something that is said of an event.
type EventTag struct{ Name, Value string }

// EventConnection is a page of usage events.
type EventConnection struct {
	Edges    []EventEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many events there are on all pages.
func (c *EventConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// EventEdge is a usage event in a page.
type EventEdge struct {
	Cursor string
	Node   *Event
}

// Event returns what an organization has metered in which the viewer holds
// usage:import, or NOT_FOUND.
func (s *Service) Event(ctx context.Context, id uuid.UUID) (*Event, error) {
	row, err := s.db.Client().UsageEvent.Query().Where(usageevent.ID(id)).WithSku().WithCorrects().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("usage event")
	}
	if err != nil {
		return nil, fmt.Errorf("get usage event: %w", err)
	}
	held, err := s.holds(ctx, access.UsageImport, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fault.Missing("usage event")
	}
	events, err := s.wrapEvents(ctx, []*ent.UsageEvent{row})
	if err != nil {
		return nil, err
	}
	return events[0], nil
}

// Events returns a page of what an organization has metered, the first recorded
// first: all, or what is billed in a month; none for viewers without usage:import.
// INVALID for arguments out of bounds.
func (s *Service) Events(ctx context.Context, siblings *batches.Siblings, organization uuid.UUID, month *pricing.Month, args page.Args) (*EventConnection, error) {
	type key struct {
		what   string
		month  string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batches.Load(ctx, siblings, key{"usage events", monthText(month), window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*EventConnection, error) {
		return s.eventPages(ctx, ids, month, window)
	})
}

func (s *Service) eventPages(ctx context.Context, ids []uuid.UUID, month *pricing.Month, window page.Window) (map[uuid.UUID]*EventConnection, error) {
	readable, err := s.records.OrganizationsWith(ctx, access.UsageImport, ids)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, usageevent.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	of := usageevent.OrganizationIDIn(readable...)
	if month != nil {
		of = usageevent.And(of, usageevent.Month(month.String()))
	}
	query := s.db.Client().UsageEvent.Query().Where(of).WithSku().WithCorrects()
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list usage events: %w", err)
	}
	events, err := s.wrapEvents(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batches.Parts(ids, window, events,
		func(e *Event) uuid.UUID { return e.MeteringID },
		func(e *Event) string { return order.Cursor("", e.ID.UUID.String()) },
		func(cursor string, e *Event) EventEdge { return EventEdge{Cursor: cursor, Node: e} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []organizationCount
			err := s.db.Client().UsageEvent.Query().Where(of).
				GroupBy(usageevent.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			return counted(ids, counts), err
		})
	pages := make(map[uuid.UUID]*EventConnection, len(parts))
	for id, part := range parts {
		pages[id] = &EventConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

// named are the things that events name, by id.
type named struct {
	organizations map[uuid.UUID]records.Organization
	groups        map[uuid.UUID]*records.GroupReference
	skus          map[uuid.UUID]*SKU
}

// wrapEvents returns events that were read with their SKUs and what they correct,
// with everything that they name in a statement each.
func (s *Service) wrapEvents(ctx context.Context, rows []*ent.UsageEvent) ([]*Event, error) {
	its, err := s.namedBy(ctx, rows)
	if err != nil {
		return nil, err
	}
	events := make([]*Event, len(rows))
	for i, row := range rows {
		said, err := eventOf(row)
		if err != nil {
			return nil, err
		}
		if events[i], err = s.wrapEvent(ctx, row, said, its); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func (s *Service) wrapEvent(ctx context.Context, row *ent.UsageEvent, said metering.Event, its named) (*Event, error) {
	e := &Event{
		ID: typeid.New(typeid.UsageEvent, row.ID), IdempotencyKey: said.Key, SKU: its.skus[row.SkuID], Quantity: said.Quantity,
		Organization: its.organizations[row.OwnerID].Refer(ctx), Project: optional(said.Project), User: optional(said.User),
		StartedAt: said.Start, EndedAt: said.End, Tags: []*EventTag{}, Corrects: optional(said.Corrects),
		RecordedAt: row.CreatedAt.UTC(), MeteringID: row.OrganizationID,
	}
	if row.GroupID != nil {
		e.Group = its.groups[*row.GroupID]
	}
	for _, name := range slices.Sorted(maps.Keys(said.Tags)) {
		e.Tags = append(e.Tags, &EventTag{Name: name, Value: said.Tags[name]})
	}
	var err error
	if e.Month, err = pricing.ParseMonth(row.Month); err != nil {
		return nil, fmt.Errorf("read the month of event %s: %w", row.ID, err)
	}
	e.Amount.Currency = money.Currency(row.Currency)
	for _, number := range []struct {
		to   *money.Decimal
		text string
	}{{&e.Rate, row.Rate}, {&e.UnitRate, row.UnitRate}, {&e.Amount.Decimal, row.Amount}} {
		if *number.to, err = money.Parse(number.text); err != nil {
			return nil, fmt.Errorf("read the amounts of event %s: %w", row.ID, err)
		}
	}
	return e, nil
}

// namedBy loads what events name.
func (s *Service) namedBy(ctx context.Context, rows []*ent.UsageEvent) (named, error) {
	its := named{groups: map[uuid.UUID]*records.GroupReference{}, skus: map[uuid.UUID]*SKU{}}
	var owners, groupIDs, skuIDs []uuid.UUID
	for _, row := range rows {
		owners, skuIDs = append(owners, row.OwnerID), append(skuIDs, row.SkuID)
		if row.GroupID != nil {
			groupIDs = append(groupIDs, *row.GroupID)
		}
	}
	var err error
	if its.organizations, err = s.records.Organizations(ctx, unique(owners)); err != nil {
		return named{}, err
	}
	groups, err := s.db.Client().Group.Query().Where(group.IDIn(unique(groupIDs)...)).All(ctx)
	if err != nil {
		return named{}, fmt.Errorf("load groups: %w", err)
	}
	for _, g := range groups {
		its.groups[g.ID] = &records.GroupReference{ID: typeid.New(typeid.Group, g.ID), Name: g.Name}
	}
	skus, err := s.db.Client().SKU.Query().Where(sku.IDIn(unique(skuIDs)...)).All(ctx)
	if err != nil {
		return named{}, fmt.Errorf("load SKUs: %w", err)
	}
	wrapped, err := s.wrapSKUs(ctx, skus)
	if err != nil {
		return named{}, err
	}
	for _, k := range wrapped {
		its.skus[k.ID.UUID] = k
	}
	return its, nil
}
