package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Priority says how much a ticket matters: P1 is down, P5 a question.
type Priority string

// The priorities, the highest first.
const (
	P1 Priority = "P1"
	P2 Priority = "P2"
	P3 Priority = "P3"
	P4 Priority = "P4"
	P5 Priority = "P5"
)

// Ticket is a question to those who run the platform, as the API shows it.
type Ticket struct {
	ID       typeid.ID
	Subject  string
	Product  string
	Priority Priority
	Status   Status
	// CreatorName is who opened it, also when they are gone.
	CreatorName string
	UpdatedAt   time.Time
	ClosedAt    *time.Time
	CreatedAt   time.Time
	Version     int

	CreatorID uuid.UUID
	Creators  *batch.Siblings
	// ResourceID is what it is about, nil for nothing.
	ResourceID *uuid.UUID
	Resources  *batch.Siblings
	// OrganizationID is whose it is.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	// Siblings are the tickets that were loaded together with this one.
	Siblings *batch.Siblings
}

// Identity returns the id.
func (t *Ticket) Identity() typeid.ID { return t.ID }

// TicketConnection is a page of tickets.
type TicketConnection struct {
	Edges    []TicketEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many tickets there are on all pages.
func (c *TicketConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// TicketEdge is a ticket in a page.
type TicketEdge struct {
	Cursor string
	Node   *Ticket
}

func wrapTickets(rows []*ent.Ticket) []*Ticket {
	ids, makers, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	var about []uuid.UUID
	for i, row := range rows {
		ids[i], makers[i], homes[i] = row.ID, row.CreatedBy, row.OrganizationID
		if row.ResourceID != nil {
			about = append(about, *row.ResourceID)
		}
	}
	siblings, creators, organizations, resources := batch.Of(ids...), batch.Of(makers...), batch.Of(homes...), batch.Of(about...)
	list := make([]*Ticket, len(rows))
	for i, row := range rows {
		list[i] = &Ticket{
			ID: typeid.New(typeid.Ticket, row.ID), Subject: row.Subject, Product: row.Product,
			Priority: Priority(row.Priority), Status: Status(row.Status), CreatorName: row.CreatedByName,
			UpdatedAt: row.UpdatedAt.UTC(), CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
			CreatorID: row.CreatedBy, Creators: creators, ResourceID: row.ResourceID, Resources: resources,
			OrganizationID: row.OrganizationID, Organizations: organizations, Siblings: siblings,
		}
		if row.ClosedAt != nil {
			at := row.ClosedAt.UTC()
			list[i].ClosedAt = &at
		}
	}
	return list
}

// runsPlatform reports whether the viewer holds a permission in the root. Those
// who run the platform read and answer tickets whatever the state of the
// organization.
func (s *Service) runsPlatform(ctx context.Context, p access.Permission) (bool, error) {
	_, err := s.records.CheckPlatform(ctx, p)
	switch fault.CodeOf(err) {
	case "":
		return true, nil
	case fault.Forbidden, fault.Unauthenticated:
		return false, nil
	default:
		return false, err
	}
}

// visible returns the predicate of the tickets of some organizations that the
// viewer may see: all of those with tickets:read and for who reads the platform,
// else those that they opened while they are there. Nothing of a customer's
// tickets flows up to its partner.
func (s *Service) visible(ctx context.Context, ids []uuid.UUID) (predicate.Ticket, error) {
	runs, err := s.runsPlatform(ctx, access.PlatformRead)
	if err != nil || runs {
		return ticket.OrganizationIDIn(ids...), err
	}
	readable, err := s.records.OrganizationsWith(ctx, access.TicketsRead, ids)
	if err != nil {
		return nil, err
	}
	viewer, there := access.ViewerFrom(ctx), []uuid.UUID{}
	for _, id := range ids {
		if _, ok := viewer.Standings[orgtree.ID(id)]; ok {
			there = append(there, id)
		}
	}
	return ticket.Or(
		ticket.OrganizationIDIn(readable...),
		ticket.And(ticket.OrganizationIDIn(there...), ticket.CreatedBy(uuid.UUID(viewer.ID))),
	), nil
}

// Get returns a ticket that the viewer may see, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Ticket, error) {
	row, _, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapTickets([]*ent.Ticket{row})[0], nil
}

// find returns a ticket that the viewer may see with its organization.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Ticket, records.Organization, error) {
	row, err := s.db.Client().Ticket.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("ticket")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get ticket: %w", err)
	}
	seen, err := s.visible(ctx, []uuid.UUID{row.OrganizationID})
	if err != nil {
		return nil, records.Organization{}, err
	}
	isVisible, err := s.db.Client().Ticket.Query().Where(ticket.ID(id), seen).Exist(ctx)
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("look for ticket: %w", err)
	}
	if !isVisible {
		return nil, records.Organization{}, fault.Missing("ticket")
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	return row, org, err
}

// Where says which tickets of a list; conditions are joined by and. The zero
// value of a field says nothing.
type Where struct {
	Status   Status
	Priority Priority
	// Mine says that the viewer opened them.
	Mine bool
}

func (w Where) predicates(ctx context.Context) []predicate.Ticket {
	var list []predicate.Ticket
	if w.Status != "" {
		list = append(list, ticket.StatusEQ(ticket.Status(w.Status)))
	}
	if w.Priority != "" {
		list = append(list, ticket.PriorityEQ(ticket.Priority(w.Priority)))
	}
	if w.Mine {
		list = append(list, ticket.CreatedBy(uuid.UUID(access.ViewerFrom(ctx).ID)))
	}
	return list
}

// Order is how a list is sorted: by priority and then by age, or by age.
type Order struct {
	ByPriority bool
	Descending bool
}

func (o Order) column() database.Order {
	if o.ByPriority {
		return database.Order{Column: ticket.FieldPriority, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

// Of returns a page of an organization's tickets, as far as the viewer may see
// them.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where Where, order Order) (*TicketConnection, error) {
	type key struct {
		window page.Window
		where  Where
		order  Order
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where, order}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*TicketConnection, error) {
		return s.pages(ctx, ids, window, where, order.column())
	})
}

func (s *Service) pages(ctx context.Context, organizations []uuid.UUID, window page.Window, where Where, order database.Order) (map[uuid.UUID]*TicketConnection, error) {
	seen, err := s.visible(ctx, organizations)
	if err != nil {
		return nil, err
	}
	chosen := append(where.predicates(ctx), seen)
	modify, err := order.Page(window, ticket.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Ticket.Query().Where(chosen...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	parts := batch.Parts(organizations, window, wrapTickets(rows),
		func(t *Ticket) uuid.UUID { return t.OrganizationID }, cursorsOf(order), ticketEdge,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var rows []struct {
				OrganizationID uuid.UUID `json:"organization_id"`
				Count          int       `json:"count"`
			}
			err := s.db.Client().Ticket.Query().Where(chosen...).GroupBy(ticket.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
			if err != nil {
				return nil, fmt.Errorf("count tickets: %w", err)
			}
			counted := make(map[uuid.UUID]int, len(rows))
			for _, row := range rows {
				counted[row.OrganizationID] = row.Count
			}
			return batch.Counts(ids, counted), nil
		})
	connections := make(map[uuid.UUID]*TicketConnection, len(parts))
	for id, part := range parts {
		connections[id] = &TicketConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func cursorsOf(order database.Order) func(*Ticket) string {
	return func(t *Ticket) string { return order.Cursor(string(t.Priority), t.ID.UUID.String()) }
}

func ticketEdge(cursor string, t *Ticket) TicketEdge { return TicketEdge{Cursor: cursor, Node: t} }

// Queue returns a page of the tickets of all organizations, for those with
// platform:read; FORBIDDEN for others.
func (s *Service) Queue(ctx context.Context, args page.Args, where Where, order Order) (*TicketConnection, error) {
	if _, err := s.records.CheckPlatform(ctx, access.PlatformRead); err != nil {
		return nil, err
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	modify, err := order.column().Page(window, "")
	if err != nil {
		return nil, err
	}
	chosen := where.predicates(ctx)
	query := s.db.Client().Ticket.Query().Where(chosen...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	rows, more := page.Cut(window, rows)
	edges, info := page.Connect(window, wrapTickets(rows), more, cursorsOf(order.column()), ticketEdge)
	return &TicketConnection{Edges: edges, PageInfo: info, count: func(ctx context.Context) (int, error) {
		n, err := s.db.Client().Ticket.Query().Where(chosen...).Count(ctx)
		if err != nil {
			return 0, fmt.Errorf("count tickets: %w", err)
		}
		return n, nil
	}}, nil
}
