package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// Service reads and changes settings.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Definitions returns every setting in the order of the sidebar. It returns
// UNAUTHENTICATED for nobody.
func (s *Service) Definitions(ctx context.Context) ([]*waterfall.Definition, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	return catalogue.Definitions(), nil
}

// definitionsOf returns the definitions of keys, all if none is named, in the
// order of the sidebar. INVALID names an unknown key.
func definitionsOf(keys []string) ([]*waterfall.Definition, error) {
	if keys == nil {
		return catalogue.Definitions(), nil
	}
	wanted := map[string]bool{}
	for _, key := range keys {
		if _, ok := catalogue.Lookup(key); !ok {
			return nil, fault.Invalidf("keys", "there is no setting %.100q", key)
		}
		wanted[key] = true
	}
	var found []*waterfall.Definition
	for _, d := range catalogue.Definitions() {
		if wanted[d.Key] {
			found = append(found, d)
		}
	}
	return found, nil
}

func keysOf(definitions []*waterfall.Definition) []string {
	keys := make([]string, len(definitions))
	for i, d := range definitions {
		keys[i] = d.Key
	}
	return keys
}

// Of returns what applies to one of some organizations that the viewer can see,
// and why: some keys or, for nil, all. An instant in the past answers from
// history. INVALID for unknown keys, for the future and for times before the
// organization existed.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, keys []string, asOf *time.Time) ([]*Effective, error) {
	definitions, err := definitionsOf(keys)
	if err != nil {
		return nil, err
	}
	if asOf != nil && asOf.After(s.db.Now()) {
		return nil, fault.Invalidf("asOf", "the future is not known")
	}
	return batch.Load(ctx, siblings, keyOf("settings", keys, asOf), organization,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Effective, error) {
			return s.ofOrganizations(ctx, ids, definitions, asOf)
		})
}

// keyOf returns a comparable name of a question.
func keyOf(noun string, keys []string, asOf *time.Time) string {
	return fmt.Sprint(noun, len(keys), keys == nil, keys, asOf)
}

func (s *Service) ofOrganizations(ctx context.Context, ids []uuid.UUID, definitions []*waterfall.Definition, asOf *time.Time) (map[uuid.UUID][]*Effective, error) {
	organizations, err := s.readable(ctx, ids)
	if err != nil {
		return nil, err
	}
	if asOf != nil {
		if err := s.travel(ctx, organizations, *asOf); err != nil {
			return nil, err
		}
	}
	places := make(map[uuid.UUID]place, len(organizations))
	for id, org := range organizations {
		places[id] = place{organization: org}
	}
	return s.effective(ctx, places, definitions, asOf)
}

// travel puts organizations back to what they were at an instant.
func (s *Service) travel(ctx context.Context, organizations map[uuid.UUID]records.Organization, at time.Time) error {
	var line []uuid.UUID
	for id, org := range organizations {
		if at.Before(createdAt(id)) {
			return fault.Invalidf("asOf", "the organization did not exist then")
		}
		line = append(line, org.LineIDs()...)
	}
	kinds, err := s.records.KindsAt(ctx, line, at)
	if err != nil {
		return err
	}
	for id, org := range organizations {
		organizations[id] = org.WithKinds(kinds)
	}
	return nil
}

// createdAt returns the time that a UUIDv7 was made, to the millisecond.
func createdAt(id uuid.UUID) time.Time {
	seconds, nanos := id.Time().UnixTime()
	return time.Unix(seconds, nanos).UTC()
}

// Values returns the values alone, as one JSON object: some keys or, for nil,
// all. It is loaded for all siblings at once.
func (s *Service) Values(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, keys []string) (json.RawMessage, error) {
	definitions, err := definitionsOf(keys)
	if err != nil {
		return nil, err
	}
	values, err := batch.Load(ctx, siblings, keyOf("values", keys, nil), organization,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]map[string]waterfall.Value, error) {
			organizations, err := s.readable(ctx, ids)
			if err != nil {
				return nil, err
			}
			return s.records.Values(ctx, organizations, definitions)
		})
	if err != nil {
		return nil, err
	}
	shown := make(map[string]json.RawMessage, len(values))
	for key, value := range values {
		shown[key] = value.JSON()
	}
	encoded, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("encode setting values: %w", err)
	}
	return encoded, nil
}

// readable returns organizations with their paths, each of which the viewer may
// read.
func (s *Service) readable(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]records.Organization, error) {
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, org := range organizations {
		if err := access.Check(access.ViewerFrom(ctx), access.OrgRead, org.Target()); err != nil {
			return nil, err
		}
	}
	return organizations, nil
}

// OfGroup returns what applies to a group: the organization's settings folded
// with that group's alone. FORBIDDEN for viewers outside the group without
// groups:read.
func (s *Service) OfGroup(ctx context.Context, siblings *batch.Siblings, group uuid.UUID, keys []string) ([]*Effective, error) {
	return s.ofPlaces(ctx, siblings, group, keys, s.groupPlaces)
}

// OfMember returns what applies to a member: the organization's settings folded
// with those of all their groups in order, then their own. FORBIDDEN for others
// without users:read.
func (s *Service) OfMember(ctx context.Context, siblings *batch.Siblings, membership uuid.UUID, keys []string) ([]*Effective, error) {
	return s.ofPlaces(ctx, siblings, membership, keys, s.memberPlaces)
}

// ofPlaces returns what applies to one of some places inside organizations,
// loaded and checked for all of them at once.
func (s *Service) ofPlaces(ctx context.Context, siblings *batch.Siblings, scope uuid.UUID, keys []string, load func(context.Context, []uuid.UUID) (map[uuid.UUID]place, error)) ([]*Effective, error) {
	definitions, err := definitionsOf(keys)
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, keyOf("settings", keys, nil), scope, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Effective, error) {
		places, err := load(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			if err := p.checkRead(access.ViewerFrom(ctx)); err != nil {
				return nil, err
			}
		}
		return s.effective(ctx, places, definitions, nil)
	})
}

// LoginPage is what an organization's login page shows.
type LoginPage struct {
	OrganizationName      string
	Theme                 json.RawMessage
	LoginBanner           json.RawMessage // nil where there is none
	AuthenticationMethods []string
	// IdentityProviders are those that people can sign in through.
	IdentityProviders []LoginProvider
}

// LoginProvider is an identity provider as a login page shows it.
type LoginProvider struct {
	ID   typeid.ID
	Name string
}

// LoginPage returns what a login page shows, to anybody. NOT_FOUND for a slug
// that no living organization has.
func (s *Service) LoginPage(ctx context.Context, slug string) (*LoginPage, error) {
	const theme, banner, methods = "customize.theme", "customize.login_banner", "authentication.methods"
	org, err := s.records.BySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	if org.Status == orgtree.Deleted {
		return nil, fault.Missing("organization")
	}
	definitions, err := definitionsOf([]string{theme, banner, methods})
	if err != nil {
		return nil, err
	}
	all, err := s.records.Values(ctx, map[uuid.UUID]records.Organization{org.ID: org}, definitions)
	if err != nil {
		return nil, err
	}
	values := all[org.ID]
	page := &LoginPage{OrganizationName: org.Name, Theme: values[theme].JSON()}
	if shown := values[banner].JSON(); string(shown) != "{}" {
		page.LoginBanner = shown
	}
	if err := json.Unmarshal(values[methods].JSON(), &page.AuthenticationMethods); err != nil {
		return nil, fmt.Errorf("decode %s: %w", methods, err)
	}
	if values[methods].Has("oidc") {
		if page.IdentityProviders, err = s.loginProviders(ctx, org.ID); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// loginProviders returns the providers in use of an organization, by name.
func (s *Service) loginProviders(ctx context.Context, organization uuid.UUID) ([]LoginProvider, error) {
	rows, err := s.db.Client().IdentityProvider.Query().
		Where(identityprovider.OrganizationID(organization), identityprovider.Enabled(true)).
		Order(ent.Asc(identityprovider.FieldName)).
		All(access.WithViewer(ctx, access.SystemViewer("login-page"))) // Whoever signs in is nobody yet.
	if err != nil {
		return nil, fmt.Errorf("load providers of login page: %w", err)
	}
	providers := make([]LoginProvider, len(rows))
	for i, row := range rows {
		providers[i] = LoginProvider{ID: typeid.New(typeid.IdentityProvider, row.ID), Name: row.Name}
	}
	return providers, nil
}
