package policies

import (
	"context"
	"fmt"

	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqljson"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Where says which policies of a list; conditions are joined by and.
type Where struct {
	// Principal is a user, an application or a group.
	Principal    *typeid.ID
	Orphan       *bool
	Managed      *bool
	NameContains *string
	Tag          *string
}

// Order is how a list is sorted.
type Order struct {
	ByName     bool
	Descending bool
}

func (o Order) column() database.Order {
	if o.ByName {
		return database.Order{Column: accesspolicy.FieldName, Descending: o.Descending}
	}
	return database.Order{Descending: o.Descending}
}

// Connection is a page of policies.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many policies there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a policy in a page.
type Edge struct {
	Cursor string
	Node   *Policy
}

// list is what a page of policies is asked with. It is comparable where its
// conditions are.
type list struct {
	window page.Window
	order  Order
	where  conditions
}

// Of returns a page of an organization's policies: none for viewers without
// policies:read. INVALID for arguments out of bounds.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where Where, order Order) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	chosen, err := where.conditions()
	if err != nil {
		return nil, err
	}
	asked := list{window, order, chosen}
	return batch.Load(ctx, siblings, asked, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		readable, err := s.records.OrganizationsWith(ctx, access.PoliciesRead, ids)
		if err != nil {
			return nil, err
		}
		return s.pages(ctx, ids, asked, accesspolicy.FieldOrganizationID, accesspolicy.OrganizationIDIn(readable...))
	})
}

// OfGroup returns a page of the policies whose principal is a group: none for
// viewers without policies:read.
func (s *Service) OfGroup(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	asked := list{window: window}
	type key struct {
		list
		ofGroup bool
	}
	return batch.Load(ctx, siblings, key{asked, true}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).Select(group.FieldOrganizationID).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load groups: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		readable, err := s.records.OrganizationsWith(ctx, access.PoliciesRead, homes)
		if err != nil {
			return nil, err
		}
		visible := accesspolicy.And(accesspolicy.GroupIDIn(ids...), accesspolicy.OrganizationIDIn(readable...))
		return s.pages(ctx, ids, asked, accesspolicy.FieldGroupID, visible)
	})
}

// pages reads one page of the visible policies for each parent in a fixed
// number of statements.
func (s *Service) pages(ctx context.Context, parents []uuid.UUID, asked list, column string, visible predicate.AccessPolicy) (map[uuid.UUID]*Connection, error) {
	order := asked.order.column()
	modify, err := order.Page(asked.window, column)
	if err != nil {
		return nil, err
	}
	where := append(asked.where.predicates(), visible)
	query := withPrincipal(s.db.Client().AccessPolicy.Query().Where(where...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	parts := batch.Parts(parents, asked.window, wrap(rows),
		func(p *Policy) uuid.UUID {
			if column == accesspolicy.FieldGroupID {
				return p.PrincipalID.UUID
			}
			return p.OrganizationID
		},
		func(p *Policy) string { return order.Cursor(p.Name, p.ID.UUID.String()) },
		func(cursor string, p *Policy) Edge { return Edge{Cursor: cursor, Node: p} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, column, where)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, parents []uuid.UUID, column string, where []predicate.AccessPolicy) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		GroupID        uuid.UUID `json:"group_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().AccessPolicy.Query().Where(where...).GroupBy(column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count policies: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		if column == accesspolicy.FieldGroupID {
			row.OrganizationID = row.GroupID
		}
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(parents, counted), nil
}

// conditions are a Where that can be compared: nothing is asked where a text is
// empty or an answer neither yes nor no.
type conditions struct {
	principal       typeid.ID
	orphan, managed answer
	name, tag       string
}

type answer int

const (
	either answer = iota
	yes
	no
)

func answerOf(b *bool) answer {
	switch {
	case b == nil:
		return either
	case *b:
		return yes
	default:
		return no
	}
}

// conditions returns INVALID for a principal that is none and for a tag that no
// policy can have.
func (w Where) conditions() (conditions, error) {
	c := conditions{orphan: answerOf(w.Orphan), managed: answerOf(w.Managed)}
	if w.NameContains != nil {
		c.name = *w.NameContains
	}
	if w.Tag != nil {
		c.tag = *w.Tag
		if err := roster.CheckTag("where.tag", c.tag); err != nil {
			return conditions{}, err
		}
	}
	if w.Principal == nil {
		return c, nil
	}
	c.principal = *w.Principal
	switch c.principal.Kind {
	case typeid.User, typeid.Application, typeid.Group:
		return c, nil
	default:
		return conditions{}, fault.Invalidf("where.principalId", "%s is no user, application or group", c.principal)
	}
}

func (c conditions) predicates() []predicate.AccessPolicy {
	var list []predicate.AccessPolicy
	switch c.principal.Kind {
	case typeid.User:
		list = append(list, accesspolicy.HasMembershipWith(membership.UserID(c.principal.UUID)))
	case typeid.Application:
		list = append(list, accesspolicy.ApplicationID(c.principal.UUID))
	case typeid.Group:
		list = append(list, accesspolicy.GroupID(c.principal.UUID))
	default:
	}
	switch orphan := accesspolicy.And(accesspolicy.MembershipIDIsNil(), accesspolicy.ApplicationIDIsNil(), accesspolicy.GroupIDIsNil()); c.orphan {
	case yes:
		list = append(list, orphan)
	case no:
		list = append(list, accesspolicy.Not(orphan))
	case either:
	}
	if c.managed != either {
		list = append(list, accesspolicy.Managed(c.managed == yes))
	}
	if c.name != "" {
		list = append(list, database.ContainsFold(accesspolicy.FieldName, c.name))
	}
	if c.tag != "" {
		list = append(list, func(s *entsql.Selector) { s.Where(sqljson.ValueContains(s.C(accesspolicy.FieldTags), c.tag)) })
	}
	return list
}
