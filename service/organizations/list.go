package organizations

import (
	"context"
	"fmt"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
)

// Where says which organizations of a list; conditions are joined by and.
type Where struct {
	NameContains *string
	Kind         *orgtree.Kind
	// Status is nil for all but the deleted ones.
	Status    *orgtree.Status
	LockedBy  *LockTier
	ManagedBy *uuid.UUID
	MemberOf  *bool
}

// Order is how a list is sorted.
type Order struct {
	ByName     bool
	Descending bool
}

func (o Order) column() database.Order {
	if o.ByName {
		return database.Order{Column: organization.FieldName, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

func (o Order) cursor(org *Organization) string {
	return o.column().Cursor(org.Name, org.ID.UUID.String())
}

func edge(cursor string, org *Organization) Edge { return Edge{Cursor: cursor, Node: org} }

// Connection is a page of organizations.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many organizations there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is an organization in a page.
type Edge struct {
	Cursor string
	Node   *Organization
}

// List returns a page of the organizations that the viewer can see. INVALID for
// arguments out of bounds.
func (s *Service) List(ctx context.Context, args page.Args, where Where, order Order) (*Connection, error) {
	if where.ManagedBy != nil {
		// A manager out of sight manages nothing: the filter must not tell who
		// is above the viewer's own tree.
		seen, err := s.db.Client().Organization.Query().Where(organization.ID(*where.ManagedBy)).Exist(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for manager: %w", err)
		}
		if !seen {
			where.ManagedBy = &uuid.Nil
		}
	}
	return s.list(ctx, args, order, predicates(ctx, where))
}

// Managed returns a page of the organizations below an organization: those it
// manages itself, or all of them at any depth.
func (s *Service) Managed(ctx context.Context, o *Organization, args page.Args, recursive bool, where Where, order Order) (*Connection, error) {
	type key struct {
		window    page.Window
		order     Order
		recursive bool
		where     whereKey
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	if recursive {
		return s.list(ctx, args, order, append(predicates(ctx, where), below(o.ID.UUID)))
	}
	return batch.Load(ctx, o.Siblings, key{window, order, recursive, where.key()}, o.ID.UUID,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
			return s.managed(ctx, ids, window, order, predicates(ctx, where))
		})
}

// whereKey is a Where that can be compared.
type whereKey struct {
	name     string
	kind     orgtree.Kind
	status   orgtree.Status
	lockedBy LockTier
	manager  uuid.UUID
	memberOf int
}

func (w Where) key() whereKey {
	k := whereKey{}
	if w.NameContains != nil {
		k.name = *w.NameContains
	}
	if w.Kind != nil {
		k.kind = *w.Kind
	}
	if w.Status != nil {
		k.status = *w.Status
	}
	if w.LockedBy != nil {
		k.lockedBy = *w.LockedBy
	}
	if w.ManagedBy != nil {
		k.manager = *w.ManagedBy
	}
	if w.MemberOf != nil {
		k.memberOf = 1
		if *w.MemberOf {
			k.memberOf = 2
		}
	}
	return k
}

func (s *Service) list(ctx context.Context, args page.Args, order Order, where []predicate.Organization) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	modify, err := order.column().Page(window, "")
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Organization.Query().Where(where...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list organizations: %w", err)
	}
	count := func(ctx context.Context) (int, error) {
		n, err := s.db.Client().Organization.Query().Where(where...).Count(ctx)
		if err != nil {
			return 0, fmt.Errorf("count organizations: %w", err)
		}
		return n, nil
	}
	rows, more := page.Cut(window, rows)
	c := &Connection{count: count}
	c.Edges, c.PageInfo = page.Connect(window, wrap(rows), more, order.cursor, edge)
	return c, nil
}

// managed reads one page for each manager in one statement.
func (s *Service) managed(ctx context.Context, managers []uuid.UUID, window page.Window, order Order, where []predicate.Organization) (map[uuid.UUID]*Connection, error) {
	modify, err := order.column().Page(window, organization.FieldParentID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Organization.Query().Where(append(where, organization.ParentIDIn(managers...))...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list managed organizations: %w", err)
	}
	parts := batch.Parts(managers, window, wrap(rows),
		func(o *Organization) uuid.UUID { return *o.parent }, order.cursor, edge,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countManaged(ctx, ids, where)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) countManaged(ctx context.Context, managers []uuid.UUID, where []predicate.Organization) (map[uuid.UUID]int, error) {
	var rows []struct {
		ParentID uuid.UUID `json:"parent_id"`
		Count    int       `json:"count"`
	}
	err := s.db.Client().Organization.Query().
		Where(append(where, organization.ParentIDIn(managers...))...).
		GroupBy(organization.FieldParentID).
		Aggregate(ent.Count()).
		Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count managed organizations: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.ParentID] = row.Count
	}
	return batch.Counts(managers, counted), nil
}

func predicates(ctx context.Context, w Where) []predicate.Organization {
	var list []predicate.Organization
	if w.NameContains != nil {
		list = append(list, database.ContainsFold(organization.FieldName, *w.NameContains))
	}
	if w.Kind != nil {
		list = append(list, organization.KindEQ(*w.Kind))
	}
	if w.Status != nil {
		list = append(list, organization.StatusEQ(*w.Status))
	} else {
		list = append(list, organization.StatusNEQ(orgtree.Deleted))
	}
	if w.LockedBy != nil {
		list = append(list, organization.LockedByEQ(organization.LockedBy(*w.LockedBy)))
	}
	if w.ManagedBy != nil {
		list = append(list, organization.ParentID(*w.ManagedBy))
	}
	if w.MemberOf != nil {
		mine := organization.HasMembershipsWith(membership.UserID(uuid.UUID(access.ViewerFrom(ctx).ID)))
		if !*w.MemberOf {
			mine = organization.Not(mine)
		}
		list = append(list, mine)
	}
	return list
}

// below returns the predicate of organizations under another at any depth.
func below(id uuid.UUID) predicate.Organization {
	return func(s *entsql.Selector) {
		t := entsql.Table(ancestry.Table).As("below")
		s.Where(entsql.In(s.C(organization.FieldID), entsql.Select(t.C(ancestry.FieldOrganizationID)).From(t).
			Where(entsql.And(entsql.EQ(t.C(ancestry.FieldAncestorID), id), entsql.GT(t.C(ancestry.FieldDistance), 0)))))
	}
}
