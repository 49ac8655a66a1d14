package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Provider is an identity provider as the API shows it: everything but its
// secret.
type Provider struct {
	ID       typeid.ID
	Name     string
	Issuer   string
	ClientID string
	// HasClientSecret says that there is a secret, which nobody can read.
	HasClientSecret bool
	Scopes          []string
	Enabled         bool
	CreatesUsers    bool
	VouchesForMFA   bool
	// GroupClaim is nil where the provider says nothing about groups.
	GroupClaim    *string
	GroupMappings []GroupMapping
	// StartURL is where a sign-in begins, RedirectURL what the provider has to
	// know as the place to send people back to.
	StartURL    string
	RedirectURL string
	CreatedAt   time.Time
	Version     int
	// OrganizationID is whose it is, Organizations the set of them that was
	// loaded together.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
}

// Identity returns the id.
func (p *Provider) Identity() typeid.ID { return p.ID }

// GroupMapping says which group those with a value of the group claim are in.
type GroupMapping struct {
	Value   string
	GroupID typeid.ID
}

// ProviderConnection is a page of providers.
type ProviderConnection struct {
	Edges    []ProviderEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many providers there are on all pages.
func (c *ProviderConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// ProviderEdge is a provider in a page.
type ProviderEdge struct {
	Cursor string
	Node   *Provider
}

// callbackPath is where providers send people back to.
const callbackPath = "/auth/oidc/callback"

// startPath returns where a sign-in through a provider begins.
func startPath(provider uuid.UUID) string {
	return "/auth/oidc/" + typeid.New(typeid.IdentityProvider, provider).String() + "/start"
}

func (s *Service) wrapProviders(rows []*ent.IdentityProvider) []*Provider {
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	organizations, list := batch.Of(homes...), make([]*Provider, len(rows))
	for i, row := range rows {
		p := &Provider{
			ID: typeid.New(typeid.IdentityProvider, row.ID), Name: row.Name, Issuer: row.Issuer, ClientID: row.ClientID,
			HasClientSecret: row.ClientSecret != "", Scopes: row.Scopes, Enabled: row.Enabled, CreatesUsers: row.CreatesUsers,
			VouchesForMFA: row.VouchesForMfa, GroupMappings: mappingsOf(row),
			StartURL: s.Address + startPath(row.ID), RedirectURL: s.Address + callbackPath,
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, OrganizationID: row.OrganizationID, Organizations: organizations,
		}
		if row.GroupClaim != "" {
			p.GroupClaim = &row.GroupClaim
		}
		list[i] = p
	}
	return list
}

// mappingsOf returns the mapping of a provider, by value.
func mappingsOf(row *ent.IdentityProvider) []GroupMapping {
	list := make([]GroupMapping, 0, len(row.GroupMapping))
	for value, group := range row.GroupMapping {
		if id, err := typeid.Parse(group); err == nil {
			list = append(list, GroupMapping{Value: value, GroupID: id})
		}
	}
	slices.SortFunc(list, func(a, b GroupMapping) int { return cmp.Compare(a.Value, b.Value) })
	return list
}

// Provider returns a provider that the viewer may configure, or NOT_FOUND.
func (s *Service) Provider(ctx context.Context, id uuid.UUID) (*Provider, error) {
	row, _, err := s.findProvider(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrapProviders([]*ent.IdentityProvider{row})[0], nil
}

// findProvider returns a provider whose organization gives the viewer
// identity:write, or NOT_FOUND.
func (s *Service) findProvider(ctx context.Context, id uuid.UUID) (*ent.IdentityProvider, records.Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := s.db.Client().IdentityProvider.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("identity provider")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get identity provider: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if err := seen(viewer, org, "identity provider"); err != nil {
		return nil, records.Organization{}, err
	}
	return row, org, nil
}

// seen returns NOT_FOUND for the noun unless the viewer holds identity:write in
// the organization: by being there, whatever state it is in, or through the tree
// as far as its state lets others in.
func seen(viewer access.Viewer, org records.Organization, noun string) error {
	if access.Check(viewer, access.IdentityWrite, org.Target()) == nil {
		return nil
	}
	if here, ok := viewer.In(orgtree.ID(org.ID)); ok {
		code := fault.CodeOf(access.Check(here, access.IdentityWrite, org.Target()))
		if code == fault.OrganizationLocked || code == fault.OrganizationDeactivated {
			return nil
		}
	}
	return fault.Missing(noun)
}

// ProvidersOf returns a page of the providers of an organization, in the order in
// which they were made: none for viewers without identity:write.
func (s *Service) ProvidersOf(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*ProviderConnection, error) {
	type key struct {
		providers bool
		window    page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{true, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ProviderConnection, error) {
		return s.providerPages(ctx, ids, window)
	})
}

// configurable returns those of some organizations in which the viewer holds
// identity:write.
func (s *Service) configurable(ctx context.Context, organizations []uuid.UUID) ([]uuid.UUID, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var open []uuid.UUID
	for id, org := range found {
		if seen(access.ViewerFrom(ctx), org, "organization") == nil {
			open = append(open, id)
		}
	}
	return open, nil
}

func (s *Service) providerPages(ctx context.Context, organizations []uuid.UUID, window page.Window) (map[uuid.UUID]*ProviderConnection, error) {
	open, err := s.configurable(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, identityprovider.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	where := identityprovider.OrganizationIDIn(open...)
	query := s.db.Client().IdentityProvider.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list identity providers: %w", err)
	}
	parts := batch.Parts(organizations, window, s.wrapProviders(rows),
		func(p *Provider) uuid.UUID { return p.OrganizationID },
		func(p *Provider) string { return order.Cursor("", p.ID.UUID.String()) },
		func(cursor string, p *Provider) ProviderEdge { return ProviderEdge{Cursor: cursor, Node: p} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			var counts []counted
			err := s.db.Client().IdentityProvider.Query().Where(where).
				GroupBy(identityprovider.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &counts)
			if err != nil {
				return nil, fmt.Errorf("count identity providers: %w", err)
			}
			return countsOf(ids, counts), nil
		})
	connections := make(map[uuid.UUID]*ProviderConnection, len(parts))
	for id, part := range parts {
		connections[id] = &ProviderConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

// counted is how many rows a parent has.
type counted struct {
	OrganizationID uuid.UUID `json:"organization_id"`
	IssuerID       uuid.UUID `json:"issuer_id"`
	Count          int       `json:"count"`
}

// countsOf returns the counts of parents, 0 for those without rows.
func countsOf(parents []uuid.UUID, counts []counted) map[uuid.UUID]int {
	byParent := make(map[uuid.UUID]int, len(counts))
	for _, c := range counts {
		parent := c.OrganizationID
		if c.IssuerID != uuid.Nil {
			parent = c.IssuerID
		}
		byParent[parent] = c.Count
	}
	return batch.Counts(parents, byParent)
}
