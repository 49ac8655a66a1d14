package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/signinflow"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// What a provider may look like.
const (
	maxProviders  = 100
	maxName       = 64
	maxClientID   = 200
	maxSecret     = 1000
	maxScopes     = 20
	maxScope      = 100
	maxGroupClaim = 100
	maxMappings   = 200
	maxValue      = 200
)

// NewProvider is what createIdentityProvider is asked for.
type NewProvider struct {
	Organization  uuid.UUID
	Name          string
	Issuer        string
	ClientID      string
	ClientSecret  string
	Scopes        []string
	Enabled       bool
	CreatesUsers  bool
	VouchesForMFA bool
	GroupClaim    string
	GroupMappings []GroupMapping
}

// CreateProvider adds an identity provider to an organization, once it answers
// as one. Needs identity:write, and for one that is in use at once all that a
// member may have, by being there: FORBIDDEN else. INVALID for a provider that
// does not answer, CONFLICT for a name that is taken, LIMIT_EXCEEDED where there
// are too many.
func (s *Service) CreateProvider(ctx context.Context, n NewProvider) (*Provider, error) {
	org, err := s.records.Check(ctx, access.IdentityWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, err
	}
	mapping, err := checkProvider(n)
	if err != nil {
		return nil, err
	}
	if err := s.checkAnswers(ctx, n.Issuer); err != nil {
		return nil, err
	}
	id := s.db.NewID()
	sealed, err := s.seal(n.ClientSecret, id)
	if err != nil {
		return nil, err
	}
	var row *ent.IdentityProvider
	_, err = s.db.Write(ctx, database.Entry{Action: "createIdentityProvider", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := checkProviderRoom(ctx, tx, org); err != nil {
			return err
		}
		create := tx.IdentityProvider.Create().
			SetID(id).SetOrganizationID(org.ID).SetName(n.Name).SetIssuer(n.Issuer).SetClientID(n.ClientID).SetClientSecret(sealed).
			SetScopes(n.Scopes).SetEnabled(n.Enabled).SetCreatesUsers(n.CreatesUsers).SetVouchesForMfa(n.VouchesForMFA).
			SetGroupClaim(n.GroupClaim).SetGroupMapping(mapping).SetCreatedAt(tx.Now())
		row, err = create.Save(ctx)
		if err != nil {
			return fmt.Errorf("create identity provider: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.IdentityProvider, ID: id, Organization: org.ID, After: row})
		return checkPower(ctx, tx, org, nil, row, "createIdentityProvider")
	})
	if err != nil {
		return nil, err
	}
	return s.wrapProviders([]*ent.IdentityProvider{row})[0], nil
}

// checkProvider returns the mapping as it is stored, or INVALID for what is wrong
// with a provider.
func checkProvider(n NewProvider) (map[string]string, error) {
	for _, err := range []error{
		checkLength("name", n.Name, 1, maxName),
		checkLength("clientId", n.ClientID, 1, maxClientID),
		checkLength("clientSecret", n.ClientSecret, 0, maxSecret),
		checkLength("groupClaim", n.GroupClaim, 0, maxGroupClaim),
		checkScopes(n.Scopes),
	} {
		if err != nil {
			return nil, err
		}
	}
	return checkMappings(n.GroupMappings)
}

func checkLength(field, text string, least, most int) error {
	if length := utf8.RuneCountInString(text); length < least || length > most || len(text) > 4*most {
		return fault.Invalidf(field, "this has %d to %d characters", least, most)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) || text != strings.TrimSpace(text) {
		return fault.Invalidf(field, "this has no line breaks and no spaces around it")
	}
	return nil
}

func checkScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return fault.Invalidf("scopes", "there are at most %d scopes", maxScopes)
	}
	for _, scope := range scopes {
		if scope == "" || len(scope) > maxScope || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return fault.Invalidf("scopes", "%.40q is no scope", scope)
		}
	}
	return nil
}

// checkMappings returns a mapping as it is stored.
func checkMappings(mappings []GroupMapping) (map[string]string, error) {
	if len(mappings) > maxMappings {
		return nil, fault.Invalidf("groupMappings", "at most %d values are mapped", maxMappings)
	}
	stored := make(map[string]string, len(mappings))
	for _, m := range mappings {
		if err := checkLength("groupMappings", m.Value, 1, maxValue); err != nil {
			return nil, err
		}
		if _, twice := stored[m.Value]; twice {
			return nil, fault.Invalidf("groupMappings", "%.40q is mapped twice", m.Value)
		}
		if _, err := m.GroupID.Expect("groupMappings", typeid.Group); err != nil {
			return nil, err
		}
		stored[m.Value] = m.GroupID.String()
	}
	return stored, nil
}

// checkAnswers returns INVALID unless an OpenID provider answers at the issuer.
// What it answered instead is logged and not told.
func (s *Service) checkAnswers(ctx context.Context, issuer string) error {
	if err := s.checkIssuer(issuer); err != nil {
		return err
	}
	if err := s.Directory.Discover(ctx, issuer); err != nil {
		return &fault.Error{Code: fault.Invalid, Field: "issuer", Message: "no OpenID provider that can be used answers at this issuer", Err: err}
	}
	return nil
}

// checkIssuer returns INVALID for what cannot be another's issuer.
func (s *Service) checkIssuer(issuer string) error {
	if err := s.Directory.CheckURL(issuer); err != nil {
		return fault.Invalidf("issuer", "%s", err)
	}
	if issuer == s.OwnIssuer {
		return fault.Invalidf("issuer", "this is the platform itself")
	}
	return nil
}

// seal returns the secret of a provider's client as it is stored.
func (s *Service) seal(secret string, provider uuid.UUID) (string, error) {
	if secret == "" {
		return "", nil
	}
	return s.Keys.Seal(secret, binding(provider))
}

// binding says what the sealed secret of a provider belongs to.
func binding(provider uuid.UUID) string {
	return typeid.New(typeid.IdentityProvider, provider).String() + " client secret"
}

// checkProviderRoom returns LIMIT_EXCEEDED if the organization has all providers
// that it may have. Whoever asks holds the organization.
func checkProviderRoom(ctx context.Context, tx *database.Tx, org records.Organization) error {
	n, err := tx.IdentityProvider.Query().Where(identityprovider.OrganizationID(org.ID)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count identity providers: %w", err)
	}
	if n >= maxProviders {
		return fault.New(fault.LimitExceeded, "an organization has at most %d identity providers", maxProviders)
	}
	return nil
}

// checkPower returns nil if the viewer may change a provider so. Who controls
// one that is in use can act as all but the owner, and who writes its mapping can
// place people into groups. before is nil for a new provider.
func checkPower(ctx context.Context, tx *database.Tx, org records.Organization, before, after *ent.IdentityProvider, action string) error {
	if before == nil || !sameMapping(before, after) || after.Enabled && !before.Enabled {
		if err := checkMappedGroups(ctx, tx, org, after, action); err != nil {
			return err
		}
	}
	if !after.Enabled || before != nil && before.Enabled && sameTrust(before, after) {
		return nil
	}
	everything := access.Grant{Set: access.SetName(access.RoleAdmin), Scope: access.InOrganization()}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: []access.Grant{everything}, To: records.Recipients{OwnHands: true}, Action: action, Subject: after.Name,
	})
}

func sameMapping(a, b *ent.IdentityProvider) bool {
	return a.GroupClaim == b.GroupClaim && slices.Equal(mappingsOf(a), mappingsOf(b))
}

// sameTrust reports whether two states of a provider let the same people in with
// the same power.
func sameTrust(a, b *ent.IdentityProvider) bool {
	return a.ClientID == b.ClientID && a.ClientSecret == b.ClientSecret && slices.Equal(a.Scopes, b.Scopes) &&
		a.CreatesUsers == b.CreatesUsers && a.VouchesForMfa == b.VouchesForMfa && sameMapping(a, b)
}

// checkMappedGroups returns nil if the viewer may put people into all groups of a
// mapping: they are groups of the organization that people made, and what they
// give the viewer may grant.
func checkMappedGroups(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.IdentityProvider, action string) error {
	if len(row.GroupMapping) == 0 {
		return nil
	}
	if err := access.CheckPlacing(access.ViewerFrom(ctx), "", org.Target()); err != nil {
		return err
	}
	groups, err := mappedGroups(ctx, tx, row)
	if err != nil {
		return err
	}
	var grants []access.Grant
	var names []string
	for _, m := range mappingsOf(row) {
		found, ok := groups[m.GroupID.UUID]
		if !ok {
			return fault.Invalidf("groupMappings", "one of these is no group of the organization that people made")
		}
		group, err := records.LoadGroup(ctx, found)
		if err != nil {
			return err
		}
		grants = append(grants, group.Grants(orgtree.ID(org.ID))...)
		if !slices.Contains(names, found.Name) {
			names = append(names, found.Name)
		}
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{Grants: grants, Action: action, Subject: strings.Join(names, ", ")})
}

// ProviderUpdate is what updateIdentityProvider is asked for; nil leaves a field
// as it is.
type ProviderUpdate struct {
	ID              uuid.UUID
	Name            *string
	ClientID        *string
	ClientSecret    *string
	Scopes          []string
	Enabled         *bool
	CreatesUsers    *bool
	VouchesForMFA   *bool
	GroupClaim      *string
	GroupMappings   []GroupMapping
	ExpectedVersion *int
}

// UpdateProvider changes a provider. Taking it out of use ends the sessions that
// were opened through it. Needs what CreateProvider needs. The issuer stays what
// it is: people are linked to it.
func (s *Service) UpdateProvider(ctx context.Context, u ProviderUpdate) (*Provider, error) {
	row, org, err := s.providerToChange(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var after *ent.IdentityProvider
	_, err = s.db.Write(ctx, database.Entry{Action: "updateIdentityProvider", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err = lockProvider(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		if after, err = s.applyUpdate(ctx, row, u); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.IdentityProvider, ID: row.ID, Organization: org.ID, Before: row, After: after})
		if err := checkPower(ctx, tx, org, row, after, "updateIdentityProvider"); err != nil {
			return err
		}
		if row.Enabled && !after.Enabled {
			return endSessions(ctx, tx, row.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.wrapProviders([]*ent.IdentityProvider{after})[0], nil
}

// providerToChange returns a provider that the viewer may change by their own
// hands, in the state in which its organization is.
func (s *Service) providerToChange(ctx context.Context, id uuid.UUID) (*ent.IdentityProvider, records.Organization, error) {
	row, org, err := s.findProvider(ctx, id)
	if err != nil {
		return nil, org, err
	}
	return row, org, checkChange(access.ViewerFrom(ctx), org)
}

// checkChange returns nil if the viewer may change how an organization's people
// sign in, by their own hands and in the state in which it is.
func checkChange(viewer access.Viewer, org records.Organization) error {
	if err := access.Check(viewer, access.IdentityWrite, org.Target()); err != nil {
		return err
	}
	return access.CheckOwnHands(viewer)
}

// applyUpdate changes the fields of a locked provider.
func (s *Service) applyUpdate(ctx context.Context, row *ent.IdentityProvider, u ProviderUpdate) (*ent.IdentityProvider, error) {
	n := NewProvider{
		Name: or(u.Name, row.Name), ClientID: or(u.ClientID, row.ClientID), ClientSecret: or(u.ClientSecret, ""), Scopes: row.Scopes,
		GroupClaim: or(u.GroupClaim, row.GroupClaim), GroupMappings: mappingsOf(row),
	}
	if u.Scopes != nil {
		n.Scopes = u.Scopes
	}
	if u.GroupMappings != nil {
		n.GroupMappings = u.GroupMappings
	}
	mapping, err := checkProvider(n)
	if err != nil {
		return nil, err
	}
	set := row.Update().
		SetName(n.Name).SetClientID(n.ClientID).SetScopes(n.Scopes).SetEnabled(or(u.Enabled, row.Enabled)).
		SetCreatesUsers(or(u.CreatesUsers, row.CreatesUsers)).SetVouchesForMfa(or(u.VouchesForMFA, row.VouchesForMfa)).
		SetGroupClaim(n.GroupClaim).SetGroupMapping(mapping).SetVersion(row.Version + 1)
	if u.ClientSecret != nil {
		sealed, err := s.seal(*u.ClientSecret, row.ID)
		if err != nil {
			return nil, err
		}
		set.SetClientSecret(sealed)
	}
	after, err := set.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("update identity provider: %w", err)
	}
	return after, nil
}

// or returns what a pointer points at, or the other value.
func or[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

func lockProvider(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.IdentityProvider, error) {
	query := tx.IdentityProvider.Query().Where(identityprovider.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("identity provider")
	}
	if err != nil {
		return nil, fmt.Errorf("lock identity provider: %w", err)
	}
	return row, nil
}

// DeleteProvider removes a provider with its links, and ends the sessions that
// were opened through it. Needs identity:write.
func (s *Service) DeleteProvider(ctx context.Context, id uuid.UUID) error {
	_, org, err := s.providerToChange(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteIdentityProvider", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockProvider(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := endSessions(ctx, tx, id); err != nil {
			return err
		}
		if err := forgetPeople(ctx, tx, id); err != nil {
			return err
		}
		if err := tx.IdentityProvider.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete identity provider: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.IdentityProvider, ID: id, Organization: org.ID, Before: row})
		return nil
	})
	return err
}

// forgetPeople removes the links of a provider and the sign-ins that are under
// way. They are other people's, so the platform does it.
func forgetPeople(ctx context.Context, tx *database.Tx, provider uuid.UUID) error {
	ctx = asPlatform(ctx)
	links, err := tx.LinkedIdentity.Query().Where(linkedidentity.ProviderID(provider)).All(ctx)
	if err != nil {
		return fmt.Errorf("load links: %w", err)
	}
	for _, row := range links {
		tx.Record(database.Change{Kind: typeid.LinkedIdentity, ID: row.ID, Organization: row.OrganizationID, Before: row})
	}
	if _, err := tx.LinkedIdentity.Delete().Where(linkedidentity.ProviderID(provider)).Exec(ctx); err != nil {
		return fmt.Errorf("delete links: %w", err)
	}
	if _, err := tx.SignInFlow.Delete().Where(signinflow.ProviderID(provider)).Exec(ctx); err != nil {
		return fmt.Errorf("delete sign-ins: %w", err)
	}
	return nil
}

// endSessions ends the sessions that were opened through a provider. They are
// other people's, so the platform does it.
func endSessions(ctx context.Context, tx *database.Tx, provider uuid.UUID) error {
	ctx = asPlatform(ctx)
	rows, err := tx.Session.Query().Where(session.ProviderID(provider), session.EndedAtIsNil()).Order(ent.Asc(session.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load sessions: %w", err)
	}
	for _, row := range rows {
		after, err := row.Update().SetEndedAt(tx.Now()).SetEndReason(session.EndReasonREVOKED).SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		change := database.Change{Kind: typeid.Session, ID: row.ID, Before: row, After: after}
		if row.OrganizationID != nil {
			change.Organization = *row.OrganizationID
		}
		tx.Record(change)
	}
	return nil
}
