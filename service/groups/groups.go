package groups

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes groups.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Group is a group as the API shows it.
type Group struct {
	ID          typeid.ID
	Name        string
	Description string
	Builtin     *access.Builtin
	Roles       []access.Role
	Rank        int
	CreatedAt   time.Time
	Version     int
	// OrganizationID is where the group is, Organizations the set of them that
	// was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	// Siblings are the groups that were loaded together with this one.
	Siblings *batch.Siblings
}

// Identity returns the id.
func (g *Group) Identity() typeid.ID { return g.ID }

// IsPrincipal marks that rights can be given to a group.
func (g *Group) IsPrincipal() {}

// Connection is a page of groups.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many groups there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a group in a page.
type Edge struct {
	Cursor string
	Node   *Group
}

func wrap(rows []*ent.Group) []*Group {
	ids, homes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i], homes[i] = row.ID, row.OrganizationID
	}
	siblings, organizations := batch.Of(ids...), batch.Of(homes...)
	list := make([]*Group, len(rows))
	for i, row := range rows {
		list[i] = &Group{
			ID: typeid.New(typeid.Group, row.ID), Name: row.Name, Description: row.Description, Builtin: row.Builtin,
			Roles: row.Roles, Rank: row.Rank, CreatedAt: row.CreatedAt.UTC(), Version: row.Version, Siblings: siblings,
			OrganizationID: row.OrganizationID, Organizations: organizations,
		}
	}
	return list
}

// Get returns a group that the viewer is in or whose organization lets them
// read groups, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Group, error) {
	row, err := s.db.Client().Group.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("group")
	}
	if err != nil {
		return nil, fmt.Errorf("get group: %w", err)
	}
	if !isIn(ctx, row) {
		if _, err := s.records.Check(ctx, access.GroupsRead, row.OrganizationID); err != nil {
			return nil, fault.Missing("group")
		}
	}
	return wrap([]*ent.Group{row})[0], nil
}

func isIn(ctx context.Context, row *ent.Group) bool {
	return access.ViewerFrom(ctx).Standing(orgtree.ID(row.OrganizationID)).IsIn(orgtree.ID(row.ID))
}

// Of returns a page of an organization's groups, in the order in which they
// were made: all of them with groups:read, else those the viewer is in.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window)
	})
}

func (s *Service) pages(ctx context.Context, organizations []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	visible, err := s.visible(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, group.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Group.Query().Where(visible)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	parts := batch.Parts(organizations, window, wrap(rows),
		func(g *Group) uuid.UUID { return g.OrganizationID },
		func(g *Group) string { return order.Cursor("", g.ID.UUID.String()) },
		func(cursor string, g *Group) Edge { return Edge{Cursor: cursor, Node: g} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, visible)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// visible returns the predicate of the groups that the viewer may see in these
// organizations.
func (s *Service) visible(ctx context.Context, organizations []uuid.UUID) (predicate.Group, error) {
	open, mine, err := s.seen(ctx, organizations)
	if err != nil {
		return nil, err
	}
	return group.Or(group.OrganizationIDIn(open...), group.IDIn(mine...)), nil
}

func (s *Service) count(ctx context.Context, organizations []uuid.UUID, visible predicate.Group) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Group.Query().Where(visible).
		GroupBy(group.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count groups: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(organizations, counted), nil
}
