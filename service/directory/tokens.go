package directory

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Token is what the directory of an organization calls with: an application that
// the platform made and its one key.
type Token struct {
	// ID is the application's.
	ID        typeid.ID
	Name      string
	AccessKey string
	// ExpiresAt is nil for never.
	ExpiresAt *time.Time
	CreatedAt time.Time
}

// The application of a token is called after it, and joins a group that is made
// where it is first needed.
const (
	namePrefix = "SCIM – "
	groupLabel = "SCIM provisioning"
	maxName    = 57
)

// NewToken is what createScimToken is asked for.
type NewToken struct {
	Organization uuid.UUID
	Name         string
	// ExpiresAt is nil for never, where the organization allows that.
	ExpiresAt *time.Time
}

// CreateToken makes a token and returns it with its text, which nobody can read
// again. Needs identity:write and groups:roles, and all rights of the group that
// tokens are in, since they come into the hands of whoever asks. CONFLICT with
// NAME_TAKEN for the name of another token; INVALID for an end that is past or
// later than the organization allows.
func (s *Service) CreateToken(ctx context.Context, n NewToken) (*Token, string, error) {
	org, err := s.records.Check(ctx, access.IdentityWrite, n.Organization)
	if err != nil {
		return nil, "", err
	}
	if err := checkHands(access.ViewerFrom(ctx)); err != nil {
		return nil, "", err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.GroupsRoles, org.Target()); err != nil {
		return nil, "", err
	}
	if err := checkTokenName(n.Name); err != nil {
		return nil, "", err
	}
	if err := s.checkLife(ctx, n.ExpiresAt, org); err != nil {
		return nil, "", err
	}
	secret, err := token.NewAPIKey(s.random)
	if err != nil {
		return nil, "", err
	}
	var made *Token
	_, err = s.db.Write(ctx, database.Entry{Action: "createScimToken", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		for _, quota := range []records.Quota{records.QuotaApplications, records.QuotaAPIKeys} {
			if err := records.CheckQuota(ctx, tx, org, quota, 1); err != nil {
				return err
			}
		}
		bearer, err := createBearer(ctx, tx, org, n.Name)
		if err != nil {
			return err
		}
		made, err = createKey(ctx, tx, bearer, n.ExpiresAt, secret)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return made, secret.Text(), s.records.Renew(ctx)
}

// checkHands returns FORBIDDEN for a person who acts in another's place: they make
// and delete no tokens.
func checkHands(viewer access.Viewer) error {
	if viewer.IsImpersonated() {
		return fault.New(fault.Forbidden, "nobody makes or deletes tokens in another's place")
	}
	return nil
}

func checkTokenName(name string) error {
	unprintable := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if length := utf8.RuneCountInString(name); length < 1 || length > maxName || unprintable || strings.TrimSpace(name) != name {
		return fault.Invalidf("name", "a name has 1 to %d printable characters and no space at either end", maxName)
	}
	return nil
}

// The setting that bounds the life of new keys, and its value for no bound.
const (
	maxDuration = "authentication.api_key_max_duration"
	unlimited   = 36500 * 24 * time.Hour
)

func (s *Service) checkLife(ctx context.Context, end *time.Time, org records.Organization) error {
	now := s.db.Now()
	if end != nil && !end.After(now) {
		return fault.Invalidf("expiresAt", "a token ends in the future")
	}
	value, err := s.records.Value(ctx, org, maxDuration)
	if err != nil {
		return err
	}
	longest := time.Duration(value.Int()) * time.Second
	if longest < unlimited && (end == nil || end.After(now.Add(longest))) {
		return fault.Invalidf("expiresAt", "a key of this organization ends after %s at the latest, as its setting %s says", value, maxDuration)
	}
	return nil
}

// createBearer makes the application of a token and puts it into the group of
// tokens, if the viewer may hold what that gives.
func createBearer(ctx context.Context, tx *database.Tx, org records.Organization, name string) (*ent.Application, error) {
	home, err := provisioning(ctx, tx, org)
	if err != nil {
		return nil, err
	}
	row, err := tx.Application.Create().
		SetID(tx.NewID()).SetOrganizationID(org.ID).SetManaged(true).
		SetName(namePrefix + name).SetDescription("Bears the token of a directory.").SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create application of token: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: org.ID, After: row})
	to := records.Recipients{Applications: []uuid.UUID{row.ID}, OwnHands: true}
	if err := roster.CheckPlacing(ctx, tx, []*ent.Group{home}, to, org, "createScimToken"); err != nil {
		return nil, err
	}
	place, err := tx.GroupMember.Create().
		SetID(tx.NewID()).SetOrganizationID(org.ID).SetGroupID(home.ID).SetApplicationID(row.ID).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("add token to group: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: org.ID, After: place})
	return row, nil
}

// provisioning returns the group that tokens are in, locked.
func provisioning(ctx context.Context, tx *database.Tx, org records.Organization) (*ent.Group, error) {
	query := tx.Group.Query().Where(group.OrganizationID(org.ID), group.NameKey(strings.ToLower(groupLabel)))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return createGroup(ctx, tx, org, groupLabel, "", []access.Role{access.RoleGroups, access.RoleUsers})
	}
	if err != nil {
		return nil, fmt.Errorf("lock group of tokens: %w", err)
	}
	return row, nil
}

func createKey(ctx context.Context, tx *database.Tx, bearer *ent.Application, end *time.Time, secret token.APIKey) (*Token, error) {
	by, err := records.Maker(ctx, tx)
	if err != nil {
		return nil, err
	}
	address := ""
	if from := access.ViewerFrom(ctx).Address; from.IsValid() {
		address = from.WithZone("").Unmap().String()
	}
	row, err := tx.APIKey.Create().
		SetID(tx.NewID()).SetOrganizationID(bearer.OrganizationID).SetApplicationID(bearer.ID).
		SetAccessKey(secret.AccessKey()).SetSecretHash(secret.Hash()).SetDescription(bearer.Name).SetNillableExpiresAt(end).
		SetCreatedAt(tx.Now()).SetCreatedBy(by).SetCreatedIP(address).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create key of token: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.APIKey, ID: row.ID, Organization: bearer.OrganizationID, After: row})
	return wrapToken(bearer, row), nil
}

func wrapToken(bearer *ent.Application, key *ent.APIKey) *Token {
	t := &Token{
		ID: typeid.New(typeid.Application, bearer.ID), Name: strings.TrimPrefix(bearer.Name, namePrefix),
		AccessKey: key.AccessKey, CreatedAt: bearer.CreatedAt.UTC(),
	}
	if key.ExpiresAt != nil {
		at := key.ExpiresAt.UTC()
		t.ExpiresAt = &at
	}
	return t
}

// DeleteToken deletes a token with its application and key. Needs identity:write;
// NOT_FOUND for what is no token, and for those who do not see its application.
func (s *Service) DeleteToken(ctx context.Context, id uuid.UUID) error {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	found, err := s.db.Client().Application.Query().Where(application.ID(id), application.Managed(true), application.ProjectIDIsNil()).Only(ctx)
	if ent.IsNotFound(err) {
		return fault.Missing("SCIM token")
	}
	if err != nil {
		return fmt.Errorf("get application of token: %w", err)
	}
	if _, hidden := s.records.Check(ctx, access.ApplicationsRead, found.OrganizationID); hidden != nil && access.ViewerFrom(ctx).ID != orgtree.ID(id) {
		return fault.Missing("SCIM token")
	}
	org, err := s.records.Check(ctx, access.IdentityWrite, found.OrganizationID)
	if err != nil {
		return err
	}
	if err := checkHands(access.ViewerFrom(ctx)); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteScimToken", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Application.Query().Where(application.ID(id))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return fault.Missing("SCIM token")
		}
		if err != nil {
			return fmt.Errorf("lock application of token: %w", err)
		}
		return deleteBearer(ctx, tx, row)
	})
	if err != nil {
		return err
	}
	if viewer := access.ViewerFrom(ctx); viewer.ID == orgtree.ID(id) {
		access.Renew(ctx, access.Viewer{}) // It has deleted itself.
		return nil
	}
	return s.records.Renew(ctx)
}

func deleteBearer(ctx context.Context, tx *database.Tx, row *ent.Application) error {
	keys, err := tx.APIKey.Query().Where(apikey.ApplicationID(row.ID)).Order(ent.Asc(apikey.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load keys of token: %w", err)
	}
	for _, key := range keys {
		if err := tx.APIKey.DeleteOne(key).Exec(ctx); err != nil {
			return fmt.Errorf("delete key of token: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: row.OrganizationID, Before: key})
	}
	if err := records.OrphanPolicies(ctx, tx, records.Recipients{Applications: []uuid.UUID{row.ID}}); err != nil {
		return err
	}
	places, err := tx.GroupMember.Query().Where(groupmember.ApplicationID(row.ID)).Order(ent.Asc(groupmember.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups of token: %w", err)
	}
	for _, place := range places {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: row.OrganizationID, Before: place})
	}
	if err := tx.Application.DeleteOne(row).Exec(ctx); err != nil {
		return fmt.Errorf("delete application of token: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Application, ID: row.ID, Organization: row.OrganizationID, Before: row})
	return nil
}

// Tokens returns the tokens of an organization, the oldest first: none for viewers
// without applications:read there, since each is an application.
func (s *Service) Tokens(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID) ([]*Token, error) {
	return batch.Load(ctx, siblings, "scimTokens", organization, s.tokensOf)
}

func (s *Service) tokensOf(ctx context.Context, organizations []uuid.UUID) (map[uuid.UUID][]*Token, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	tokens := make(map[uuid.UUID][]*Token, len(organizations))
	var open []uuid.UUID
	for _, id := range organizations {
		tokens[id] = []*Token{}
		if org, ok := found[id]; ok && access.Check(access.ViewerFrom(ctx), access.ApplicationsRead, org.Target()) == nil {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return tokens, nil
	}
	rows, err := s.db.Client().Application.Query().
		Where(application.OrganizationIDIn(open...), application.Managed(true), application.ProjectIDIsNil()).
		WithAPIKeys().Order(ent.Asc(application.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	for _, row := range rows {
		for _, key := range row.Edges.APIKeys {
			tokens[row.OrganizationID] = append(tokens[row.OrganizationID], wrapToken(row, key))
		}
	}
	return tokens, nil
}
