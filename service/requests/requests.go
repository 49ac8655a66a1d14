package requests

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes requests for access, and reads notices.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Request is a request for access as the API shows it.
type Request struct {
	ID   typeid.ID
	User Requester
	// Role is the built-in group that is asked for, nil for none.
	Role      *access.Builtin
	Reason    string
	Status    Status
	ExpiresAt time.Time
	DecidedAt *time.Time
	CreatedAt time.Time

	organization  uuid.UUID
	organizations *batch.Siblings
}

// Identity returns the id.
func (r *Request) Identity() typeid.ID { return r.ID }

// Requester is who asks, as they show themselves to the owner.
type Requester struct {
	ID       typeid.ID
	Username string
	Name     string
}

// Connection is a page of requests.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many requests there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a request in a page.
type Edge struct {
	Cursor string
	Node   *Request
}

// Get returns a request that the viewer made, or that was made to an
// organization of theirs; NOT_FOUND for others.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Request, error) {
	row, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

// Organization returns the organization of a request as the viewer may see it.
func (s *Service) Organization(ctx context.Context, r *Request) (*records.Reference, error) {
	org, err := batch.Load(ctx, r.organizations, "record", r.organization, s.records.Organizations)
	if err != nil {
		return nil, err
	}
	reference := records.Refer(ctx, org.Line())
	return &reference, nil
}

// Of returns a page of an organization's requests, the newest first: all of them
// for its owner, else those that the viewer made.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		where := accessrequest.And(accessrequest.OrganizationIDIn(ids...), visible(access.ViewerFrom(ctx)))
		return s.pages(ctx, ids, window, accessrequest.FieldOrganizationID, where, func(row *ent.AccessRequest) uuid.UUID { return row.OrganizationID })
	})
}

// Mine returns a page of the requests that the viewer made, the newest first, as
// far as their tree reaches.
func (s *Service) Mine(ctx context.Context, args page.Args) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	id := uuid.UUID(viewer.ID)
	connections, err := s.pages(ctx, []uuid.UUID{id}, window, accessrequest.FieldUserID, mine(viewer), func(row *ent.AccessRequest) uuid.UUID { return row.UserID })
	if err != nil {
		return nil, err
	}
	return connections[id], nil
}

// visible returns the predicate of the requests that the viewer made, or that
// were made to organizations of theirs.
func visible(viewer access.Viewer) predicate.AccessRequest {
	return accessrequest.Or(mine(viewer), accessrequest.OrganizationIDIn(owned(viewer)...))
}

func mine(viewer access.Viewer) predicate.AccessRequest {
	if viewer.Kind != access.User {
		return accessrequest.IDIn()
	}
	return accessrequest.UserID(uuid.UUID(viewer.ID))
}

// owned returns the organizations that the viewer owns.
func owned(viewer access.Viewer) []uuid.UUID {
	var ids []uuid.UUID
	for id, standing := range viewer.Standings {
		if standing.Owner {
			ids = append(ids, uuid.UUID(id))
		}
	}
	return ids
}

func owns(viewer access.Viewer, organization uuid.UUID) bool {
	return viewer.Standing(orgtree.ID(organization)).Owner
}

// order is that of requests and notices: the newest first.
func order() database.Order { return database.Order{Descending: true} }

// pages reads one page of requests for each parent in one statement.
func (s *Service) pages(ctx context.Context, parents []uuid.UUID, window page.Window, column string, where predicate.AccessRequest, parentOf func(*ent.AccessRequest) uuid.UUID) (map[uuid.UUID]*Connection, error) {
	modify, err := order().Page(window, column)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().AccessRequest.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list access requests: %w", err)
	}
	shown, err := s.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	parts := batch.Parts(parents, window, rows, parentOf,
		func(row *ent.AccessRequest) string { return order().Cursor("", row.ID.String()) },
		func(cursor string, row *ent.AccessRequest) Edge { return Edge{Cursor: cursor, Node: shown[row.ID]} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, column, where)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, parents []uuid.UUID, column string, where predicate.AccessRequest) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		UserID         uuid.UUID `json:"user_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().AccessRequest.Query().Where(where).GroupBy(column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count access requests: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		if column == accessrequest.FieldUserID {
			row.OrganizationID = row.UserID
		}
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(parents, counted), nil
}

// wrap shows requests with who made them, by id. By asking, people show
// themselves to the owner, who need not see their organization.
func (s *Service) wrap(ctx context.Context, rows []*ent.AccessRequest) (map[uuid.UUID]*Request, error) {
	homes, users := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i], users[i] = row.OrganizationID, row.UserID
	}
	people, err := s.people(ctx, users)
	if err != nil {
		return nil, err
	}
	organizations, now := batch.Of(homes...), s.db.Now()
	shown := make(map[uuid.UUID]*Request, len(rows))
	for _, row := range rows {
		shown[row.ID] = &Request{
			ID: typeid.New(typeid.AccessRequest, row.ID), User: people[row.UserID], Role: row.Builtin, Reason: row.Reason,
			Status: statusAt(row, now), ExpiresAt: row.ExpiresAt.UTC(), DecidedAt: database.InUTC(row.DecidedAt), CreatedAt: row.CreatedAt.UTC(),
			organization: row.OrganizationID, organizations: organizations,
		}
	}
	return shown, nil
}

func (s *Service) wrapOne(ctx context.Context, row *ent.AccessRequest) (*Request, error) {
	shown, err := s.wrap(ctx, []*ent.AccessRequest{row})
	return shown[row.ID], err
}

func (s *Service) people(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Requester, error) {
	// They may be out of the viewer's reach.
	rows, err := s.db.Client().User.Query().Where(user.IDIn(ids...)).All(database.Unguarded(ctx))
	if err != nil {
		return nil, fmt.Errorf("load requesters: %w", err)
	}
	people := make(map[uuid.UUID]Requester, len(rows))
	for _, row := range rows {
		people[row.ID] = Requester{ID: typeid.New(typeid.User, row.ID), Username: row.Username, Name: row.Name}
	}
	return people, nil
}

// find returns a request that the viewer can see, or NOT_FOUND.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.AccessRequest, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := s.db.Client().AccessRequest.Query().Where(accessrequest.ID(id), visible(viewer)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("access request")
	}
	if err != nil {
		return nil, fmt.Errorf("get access request: %w", err)
	}
	return row, nil
}
