package applications

import (
	"context"
	"fmt"
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
	"github.com/headwater-platform/headwater/service/people"
	"github.com/headwater-platform/headwater/typeid"
)

// Key is an API key as the API shows it: everything but its secret.
type Key struct {
	ID          typeid.ID
	AccessKey   string
	Description string
	Bearer      records.Principal
	Disabled    bool
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
	return query.WithApplication().WithMembership(func(q *ent.MembershipQuery) { q.WithUser() })
}

// isGoing reports whether the bearer of a key that was read withBearer was
// deleted, with the key, before it was read itself.
func isGoing(row *ent.APIKey) bool {
	if row.ApplicationID != nil {
		return row.Edges.Application == nil
	}
	return row.Edges.Membership == nil || row.Edges.Membership.Edges.User == nil
}

func wrapKeys(rows []*ent.APIKey) []*Key {
	rows = slices.DeleteFunc(rows, isGoing)
	var users []*ent.User
	var bots []*ent.Application
	var projects []uuid.UUID
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
		if m := row.Edges.Membership; m != nil {
			users = append(users, m.Edges.User)
		} else {
			bots = append(bots, row.Edges.Application)
		}
		if row.DefaultProjectID != nil {
			projects = append(projects, *row.DefaultProjectID)
		}
	}
	accounts, applications := people.UsersOf(users), people.ApplicationsOf(bots)
	organizations, defaults := batch.Of(homes...), batch.Of(projects...)
	list := make([]*Key, len(rows))
	for i, row := range rows {
		list[i] = wrapKey(row)
		list[i].Organizations, list[i].DefaultProjects = organizations, defaults
		if m := row.Edges.Membership; m != nil {
			list[i].Bearer = accounts[m.UserID]
		} else {
			list[i].Bearer, applications = applications[0], applications[1:]
		}
	}
	return list
}

// wrapKey returns a key without what it shares with others.
func wrapKey(row *ent.APIKey) *Key {
	key := &Key{
		ID: typeid.New(typeid.APIKey, row.ID), AccessKey: row.AccessKey, Description: row.Description, Disabled: row.Disabled,
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

// Key returns a key that the viewer may list, or NOT_FOUND.
func (s *Service) Key(ctx context.Context, id uuid.UUID) (*Key, error) {
	found, err := s.findKey(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapKeys([]*ent.APIKey{found.row})[0], nil
}

// Current returns the key that the request is made with, or nil for none.
func (s *Service) Current(ctx context.Context) (*Key, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Key.IsZero() {
		return nil, nil //nolint:nilnil // a request without a key is an answer
	}
	return s.Key(ctx, uuid.UUID(viewer.Key))
}

// foundKey is a key that the viewer may list.
type foundKey struct {
	row *ent.APIKey
	org records.Organization
	// own says that the viewer is its bearer.
	own bool
}

// findKey returns a key that the viewer may list: their own; with apikeys:read
// any but those of projects, and those of a project with sshkeys:read in it. It
// returns NOT_FOUND for all others.
func (s *Service) findKey(ctx context.Context, id uuid.UUID) (foundKey, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return foundKey{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := withBearer(s.db.Client().APIKey.Query().Where(apikey.ID(id))).Only(ctx)
	if ent.IsNotFound(err) || err == nil && isGoing(row) {
		return foundKey{}, fault.Missing("API key")
	}
	if err != nil {
		return foundKey{}, fmt.Errorf("get API key: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return foundKey{}, err
	}
	found := foundKey{row: row, org: org, own: bears(viewer, row)}
	permission, target := access.APIKeysRead, org.Target()
	switch project := projectOf(row); {
	case found.own:
		permission = access.OrgRead
	case project != uuid.Nil:
		permission, target = access.SSHKeysRead, target.In(orgtree.ID(project))
	}
	if access.Check(viewer, permission, target) != nil {
		return foundKey{}, fault.Missing("API key")
	}
	return found, nil
}

// bears reports whether the viewer is the bearer of a key that was read
// withBearer.
func bears(viewer access.Viewer, row *ent.APIKey) bool {
	if m := row.Edges.Membership; m != nil {
		return viewer.Kind == access.User && viewer.ID == orgtree.ID(m.UserID)
	}
	return viewer.Kind == access.Application && viewer.ID == orgtree.ID(*row.ApplicationID)
}

// KeyConnection is a page of API keys.
type KeyConnection struct {
	Edges    []KeyEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many keys there are on all pages.
func (c *KeyConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// KeyEdge is an API key in a page.
type KeyEdge struct {
	Cursor string
	Node   *Key
}

// KeysOf returns a page of the keys of an organization that the viewer may list,
// of one bearer if one is named, in the order in which they were made.
func (s *Service) KeysOf(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, bearer typeid.ID) (*KeyConnection, error) {
	type key struct {
		window page.Window
		bearer typeid.ID
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, bearer}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*KeyConnection, error) {
		visible, err := s.visibleKeys(ctx, ids)
		if err != nil {
			return nil, err
		}
		where := apikey.And(append(bornBy(bearer), apikey.OrganizationIDIn(ids...), visible)...)
		return s.keyPages(ctx, ids, window, apikey.FieldOrganizationID, where, func(k *Key) uuid.UUID { return k.OrganizationID })
	})
}

// KeysOfApplication returns a page of the keys of an application that the viewer
// may list.
func (s *Service) KeysOfApplication(ctx context.Context, a *people.Application, args page.Args) (*KeyConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, a.Siblings, key{window}, a.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*KeyConnection, error) {
		return s.keysOfApplications(ctx, ids, window)
	})
}

func (s *Service) keysOfApplications(ctx context.Context, applications []uuid.UUID, window page.Window) (map[uuid.UUID]*KeyConnection, error) {
	rows, err := s.db.Client().Application.Query().Where(application.IDIn(applications...)).
		Select(application.FieldOrganizationID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications: %w", err)
	}
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	visible, err := s.visibleKeys(ctx, homes)
	if err != nil {
		return nil, err
	}
	where := apikey.And(apikey.ApplicationIDIn(applications...), visible)
	return s.keyPages(ctx, applications, window, apikey.FieldApplicationID, where, func(k *Key) uuid.UUID { return k.application })
}

// KeysOfProject returns a page of the keys of a project: none for viewers
// without sshkeys:read in it.
func (s *Service) KeysOfProject(ctx context.Context, siblings *batch.Siblings, project uuid.UUID, args page.Args) (*KeyConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, project, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*KeyConnection, error) {
		return s.keysOfProjects(ctx, ids, window)
	})
}

// keysOfProjects returns the pages of the applications that were made for the
// projects, by project.
func (s *Service) keysOfProjects(ctx context.Context, projects []uuid.UUID, window page.Window) (map[uuid.UUID]*KeyConnection, error) {
	rows, err := s.db.Client().Application.Query().Where(application.ProjectIDIn(projects...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications of projects: %w", err)
	}
	applications := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		applications[i] = row.ID
	}
	pages, err := s.keysOfApplications(ctx, applications, window)
	if err != nil {
		return nil, err
	}
	none := func(context.Context) (int, error) { return 0, nil }
	byProject := make(map[uuid.UUID]*KeyConnection, len(projects))
	for _, id := range projects {
		byProject[id] = &KeyConnection{Edges: []KeyEdge{}, count: none}
	}
	for _, row := range rows {
		byProject[*row.ProjectID] = pages[row.ID]
	}
	return byProject, nil
}

// bornBy returns the predicate of the keys of a principal, none for all keys.
func bornBy(bearer typeid.ID) []predicate.APIKey {
	switch bearer.Kind { //nolint:exhaustive // nothing else bears a key
	case typeid.User:
		return []predicate.APIKey{apikey.HasMembershipWith(membership.UserID(bearer.UUID))}
	case typeid.Application:
		return []predicate.APIKey{apikey.ApplicationID(bearer.UUID)}
	default:
		return nil
	}
}

// visibleKeys returns the predicate of the keys that the viewer may list in
// these organizations. It says what findKey says.
func (s *Service) visibleKeys(ctx context.Context, organizations []uuid.UUID) (predicate.APIKey, error) {
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

// keyPages reads one page of keys for each parent in one statement.
func (s *Service) keyPages(ctx context.Context, parents []uuid.UUID, window page.Window, column string, where predicate.APIKey, parentOf func(*Key) uuid.UUID) (map[uuid.UUID]*KeyConnection, error) {
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
	parts := batch.Parts(parents, window, wrapKeys(rows), parentOf,
		func(k *Key) string { return order.Cursor("", k.ID.UUID.String()) },
		func(cursor string, k *Key) KeyEdge { return KeyEdge{Cursor: cursor, Node: k} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countKeys(ctx, ids, column, where)
		})
	connections := make(map[uuid.UUID]*KeyConnection, len(parts))
	for id, part := range parts {
		connections[id] = &KeyConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) countKeys(ctx context.Context, parents []uuid.UUID, column string, where predicate.APIKey) (map[uuid.UUID]int, error) {
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
