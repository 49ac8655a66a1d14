package keys

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes API keys.
type Service struct {
	db      *database.DB
	records *records.Store
	random  io.Reader
}

// New returns the service. Secrets are made of random.
func New(db *database.DB, store *records.Store, random io.Reader) *Service {
	return &Service{db: db, records: store, random: random}
}

// Key is an API key as the API shows it: everything but its secret.
type Key struct {
	ID          typeid.ID
	AccessKey   string
	Description string
	// BearerID is the user or application that calls with the key; Bearers are
	// those of its kind that were loaded together.
	BearerID typeid.ID
	Bearers  *batch.Siblings
	Disabled bool
	// ExpiresAt is nil for never.
	ExpiresAt *time.Time
	CreatedAt time.Time
	// CreatedIP is nil where the address was not known.
	CreatedIP *string
	Version   int
	// DefaultProjectID is nil for none; DefaultProjects are those of all keys
	// that were loaded together.
	DefaultProjectID *uuid.UUID
	DefaultProjects  *batch.Siblings
	// ProjectID is the project that this is a key of, or uuid.Nil.
	ProjectID uuid.UUID
	// OrganizationID is where the key is good, Organizations the set of them that
	// was loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings

	application uuid.UUID
}

// Identity returns the id.
func (k *Key) Identity() typeid.ID { return k.ID }

// withBearer loads what a Key is made of.
func withBearer(query *ent.APIKeyQuery) *ent.APIKeyQuery {
	return query.WithApplication().WithMembership()
}

// isGoing reports whether the bearer of a key that was read withBearer was
// deleted, with the key, before it was read itself.
func isGoing(row *ent.APIKey) bool {
	return row.Edges.Application == nil && row.Edges.Membership == nil
}

// bearerOf returns who bears a key that was read withBearer.
func bearerOf(row *ent.APIKey) typeid.ID {
	if m := row.Edges.Membership; m != nil {
		return typeid.New(typeid.User, m.UserID)
	}
	return typeid.New(typeid.Application, row.Edges.Application.ID)
}

func wrap(rows []*ent.APIKey) []*Key {
	rows = slices.DeleteFunc(rows, isGoing)
	bearers := map[typeid.Kind][]uuid.UUID{}
	var projects []uuid.UUID
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
		bearer := bearerOf(row)
		bearers[bearer.Kind] = append(bearers[bearer.Kind], bearer.UUID)
		if row.DefaultProjectID != nil {
			projects = append(projects, *row.DefaultProjectID)
		}
	}
	siblings := map[typeid.Kind]*batch.Siblings{}
	for kind, ids := range bearers {
		siblings[kind] = batch.Of(ids...)
	}
	organizations, defaults := batch.Of(homes...), batch.Of(projects...)
	list := make([]*Key, len(rows))
	for i, row := range rows {
		list[i] = wrapOne(row)
		list[i].Organizations, list[i].DefaultProjects = organizations, defaults
		list[i].Bearers = siblings[list[i].BearerID.Kind]
	}
	return list
}

// wrapOne returns a key without what it shares with others.
func wrapOne(row *ent.APIKey) *Key {
	key := &Key{
		ID: typeid.New(typeid.APIKey, row.ID), AccessKey: row.AccessKey, Description: row.Description,
		BearerID: bearerOf(row), Disabled: row.Disabled,
		CreatedAt: row.CreatedAt.UTC(), Version: row.Version, DefaultProjectID: row.DefaultProjectID,
		ProjectID: projectOf(row), OrganizationID: row.OrganizationID,
	}
	if row.ApplicationID != nil {
		key.application = *row.ApplicationID
	}
	if row.ExpiresAt != nil {
		at := row.ExpiresAt.UTC()
		key.ExpiresAt = &at
	}
	if row.CreatedIP != "" {
		key.CreatedIP = &row.CreatedIP
	}
	return key
}

// projectOf returns the project that a key is one of, or nil. The row was read
// withBearer.
func projectOf(row *ent.APIKey) uuid.UUID {
	if a := row.Edges.Application; a != nil && a.ProjectID != nil {
		return *a.ProjectID
	}
	return uuid.Nil
}

// Get returns a key that the viewer may list, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Key, error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrap([]*ent.APIKey{found.row})[0], nil
}

// Current returns the key that the request is made with, or nil for none.
func (s *Service) Current(ctx context.Context) (*Key, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Key.IsZero() {
		return nil, nil //nolint:nilnil // a request without a key is an answer
	}
	return s.Get(ctx, uuid.UUID(viewer.Key))
}

// sighted is a key that the viewer may list.
type sighted struct {
	row *ent.APIKey
	org records.Organization
	// own says that the viewer is its bearer.
	own bool
}

// find returns a key that the viewer may list: their own; with apikeys:read
// any but those of projects, and those of a project with sshkeys:read in it. It
// returns NOT_FOUND for all others.
func (s *Service) find(ctx context.Context, id uuid.UUID) (sighted, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return sighted{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := withBearer(s.db.Client().APIKey.Query().Where(apikey.ID(id))).Only(ctx)
	if ent.IsNotFound(err) || err == nil && isGoing(row) {
		return sighted{}, fault.Missing("API key")
	}
	if err != nil {
		return sighted{}, fmt.Errorf("get API key: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return sighted{}, err
	}
	found := sighted{row: row, org: org, own: bears(viewer, row)}
	permission, target := access.APIKeysRead, org.Target()
	switch project := projectOf(row); {
	case found.own:
		permission = access.OrgRead
	case project != uuid.Nil:
		permission, target = access.SSHKeysRead, target.In(orgtree.ID(project))
	}
	if access.Check(viewer, permission, target) != nil {
		return sighted{}, fault.Missing("API key")
	}
	return found, nil
}

// bears reports whether the viewer is the bearer of a key that was read
// withBearer.
func bears(viewer access.Viewer, row *ent.APIKey) bool {
	bearer := bearerOf(row)
	kind := access.User
	if bearer.Kind == typeid.Application {
		kind = access.Application
	}
	return viewer.Kind == kind && viewer.ID == orgtree.ID(bearer.UUID)
}

// Connection is a page of API keys.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many keys there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is an API key in a page.
type Edge struct {
	Cursor string
	Node   *Key
}

// Of returns a page of the keys of an organization that the viewer may list,
// of one bearer if one is named, in the order in which they were made.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, bearer typeid.ID) (*Connection, error) {
	type key struct {
		window page.Window
		bearer typeid.ID
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, bearer}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		visible, err := s.visible(ctx, ids)
		if err != nil {
			return nil, err
		}
		where := apikey.And(append(bornBy(bearer), apikey.OrganizationIDIn(ids...), visible)...)
		return s.pages(ctx, ids, window, apikey.FieldOrganizationID, where, func(k *Key) uuid.UUID { return k.OrganizationID })
	})
}

// OfApplication returns a page of the keys of an application that the viewer may
// list.
func (s *Service) OfApplication(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.ofApplications(ctx, ids, window)
	})
}

func (s *Service) ofApplications(ctx context.Context, applications []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	rows, err := s.db.Client().Application.Query().Where(application.IDIn(applications...)).
		Select(application.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	visible, err := s.visible(ctx, homes)
	if err != nil {
		return nil, err
	}
	where := apikey.And(apikey.ApplicationIDIn(applications...), visible)
	return s.pages(ctx, applications, window, apikey.FieldApplicationID, where, func(k *Key) uuid.UUID { return k.application })
}

// OfProject returns a page of the keys of a project: none for viewers
// without sshkeys:read in it.
func (s *Service) OfProject(ctx context.Context, siblings *batch.Siblings, project uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, project, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.ofProjects(ctx, ids, window)
	})
}

// ofProjects returns the pages of the applications that were made for the
// projects, by project.
func (s *Service) ofProjects(ctx context.Context, projects []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	rows, err := s.db.Client().Application.Query().Where(application.ProjectIDIn(projects...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications of projects: %w", err)
	}
	applications := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		applications[i] = row.ID
	}
	pages, err := s.ofApplications(ctx, applications, window)
	if err != nil {
		return nil, err
	}
	none := func(context.Context) (int, error) { return 0, nil }
	byProject := make(map[uuid.UUID]*Connection, len(projects))
	for _, id := range projects {
		byProject[id] = &Connection{Edges: []Edge{}, count: none}
	}
	for _, row := range rows {
		byProject[*row.ProjectID] = pages[row.ID]
	}
	return byProject, nil
}

// bornBy returns the predicate of the keys of a principal, none for all keys.
func bornBy(bearer typeid.ID) []predicate.APIKey {
	switch bearer.Kind {
	case typeid.User:
		return []predicate.APIKey{apikey.HasMembershipWith(membership.UserID(bearer.UUID))}
	case typeid.Application:
		return []predicate.APIKey{apikey.ApplicationID(bearer.UUID)}
	default:
		return nil
	}
}

// visible returns the predicate of the keys that the viewer may list in
// these organizations. It says what find says.
func (s *Service) visible(ctx context.Context, organizations []uuid.UUID) (predicate.APIKey, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	var open, everyProject, projects []uuid.UUID
	for id, org := range found {
		if access.Check(viewer, access.APIKeysRead, org.Target()) == nil {
			open = append(open, id)
		}
		all, some := viewer.ProjectsWith(access.SSHKeysRead, org.Target())
		if all {
			everyProject = append(everyProject, id)
		}
		for _, p := range some {
			projects = append(projects, uuid.UUID(p))
		}
	}
	return apikey.Or(
		ownKeys(viewer),
		apikey.And(apikey.OrganizationIDIn(open...), apikey.Not(apikey.HasApplicationWith(application.ProjectIDNotNil()))),
		apikey.HasApplicationWith(application.ProjectIDNotNil(), application.Or(
			application.OrganizationIDIn(everyProject...), application.ProjectIDIn(projects...),
		)),
	), nil
}

// ownKeys returns the predicate of the keys that the viewer bears.
func ownKeys(viewer access.Viewer) predicate.APIKey {
	switch viewer.Kind {
	case access.User:
		return apikey.HasMembershipWith(membership.UserID(uuid.UUID(viewer.ID)))
	case access.Application:
		return apikey.ApplicationID(uuid.UUID(viewer.ID))
	case access.System:
	}
	return apikey.IDIn()
}

// pages reads one page of keys for each parent in one statement.
func (s *Service) pages(ctx context.Context, parents []uuid.UUID, window page.Window, column string, where predicate.APIKey, parentOf func(*Key) uuid.UUID) (map[uuid.UUID]*Connection, error) {
	var order database.Order
	modify, err := order.Page(window, column)
	if err != nil {
		return nil, err
	}
	query := withBearer(s.db.Client().APIKey.Query().Where(where))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	parts := batch.Parts(parents, window, wrap(rows), parentOf,
		func(k *Key) string { return order.Cursor("", k.ID.UUID.String()) },
		func(cursor string, k *Key) Edge { return Edge{Cursor: cursor, Node: k} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, column, where)
		})
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, parents []uuid.UUID, column string, where predicate.APIKey) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		ApplicationID  uuid.UUID `json:"application_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().APIKey.Query().Where(where).GroupBy(column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count API keys: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		if column == apikey.FieldApplicationID {
			row.OrganizationID = row.ApplicationID
		}
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(parents, counted), nil
}
