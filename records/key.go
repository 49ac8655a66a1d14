package records

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// keyRow is what of an API key says for whom it stands.
type keyRow struct {
	ID             uuid.UUID  `json:"id"`
	OrganizationID uuid.UUID  `json:"organization_id"`
	SecretHash     string     `json:"secret_hash"`
	ApplicationID  *uuid.UUID `json:"application_id"`
	UserID         *uuid.UUID `json:"user_id"`
	Disabled       bool       `json:"disabled"`
	ExpiresAt      *time.Time `json:"expires_at"`
}

// Bearer returns the session of the API key with this access key, if the hash is
// that of its secret and it is in force at the time of the request. The session
// is bound to the key's organization; what its bearer may do there is for Viewer
// to say. It returns the same UNAUTHENTICATED error for whatever is wrong.
func (s *Store) Bearer(ctx context.Context, accessKey, hash string, at access.Circumstances) (Session, error) {
	key, err := s.key(ctx, apikey.AccessKey(accessKey))
	if err != nil {
		return Session{}, err
	}
	if subtle.ConstantTimeCompare([]byte(key.SecretHash), []byte(hash)) != 1 {
		return Session{}, invalidToken()
	}
	return key.session(at)
}

// BearerOf returns the session of an API key to those who have shown its secret
// before, if it is still in force.
func (s *Store) BearerOf(ctx context.Context, id uuid.UUID, at access.Circumstances) (Session, error) {
	key, err := s.key(ctx, apikey.ID(id))
	if err != nil {
		return Session{}, err
	}
	return key.session(at)
}

// key reads a key together with the person who bears it, in one statement. It
// returns a key without a bearer if there is none.
func (s *Store) key(ctx context.Context, which predicate.APIKey) (keyRow, error) {
	var rows []keyRow
	err := s.client.APIKey.Query().Where(which).
		Modify(func(q *entsql.Selector) {
			bearer := entsql.Table(membership.Table)
			q.LeftJoin(bearer).On(q.C(apikey.FieldMembershipID), bearer.C(membership.FieldID))
			q.Select(
				q.C(apikey.FieldID), q.C(apikey.FieldOrganizationID), q.C(apikey.FieldSecretHash), q.C(apikey.FieldApplicationID),
				bearer.C(membership.FieldUserID), q.C(apikey.FieldDisabled), q.C(apikey.FieldExpiresAt),
			)
		}).
		Scan(unscoped(ctx), &rows)
	if err != nil {
		return keyRow{}, fmt.Errorf("find API key: %w", err)
	}
	if len(rows) == 0 {
		return keyRow{}, nil
	}
	return rows[0], nil
}

func (k keyRow) session(at access.Circumstances) (Session, error) {
	if k.Disabled || k.ExpiresAt != nil && !k.ExpiresAt.After(at.At) {
		return Session{}, invalidToken()
	}
	session := Session{Organization: k.OrganizationID, Key: k.ID, Circumstances: at}
	switch {
	case k.ApplicationID != nil:
		session.Principal = typeid.New(typeid.Application, *k.ApplicationID)
	case k.UserID != nil:
		session.Principal = typeid.New(typeid.User, *k.UserID)
	default:
		return Session{}, invalidToken()
	}
	return session, nil
}

// Maker returns who is told what the viewer makes up: a new secret or somebody's
// password. An application tells it to whoever made the key that it acts with.
func Maker(ctx context.Context, tx *database.Tx) (uuid.UUID, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.Application || viewer.Key.IsZero() {
		return uuid.UUID(viewer.ID), nil
	}
	row, err := tx.APIKey.Query().Where(apikey.ID(uuid.UUID(viewer.Key))).Select(apikey.FieldCreatedBy).Only(unscoped(ctx))
	if err != nil {
		return uuid.Nil, fmt.Errorf("find who made the key: %w", err)
	}
	return row.CreatedBy, nil
}

// GrantsOf returns all that an application was given, by its groups and its
// policies.
func GrantsOf(ctx context.Context, row *ent.Application) ([]access.Grant, error) {
	members, err := row.QueryGroupMembers().
		WithGroup(func(q *ent.GroupQuery) { q.WithGroupProjects().WithPolicies() }).
		All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load groups of application: %w", err)
	}
	policies, err := row.QueryPolicies().All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load policies of application: %w", err)
	}
	organization := orgtree.ID(row.OrganizationID)
	var grants []access.Grant
	for _, member := range members {
		grants = append(grants, GroupOf(member.Edges.Group).Grants(organization)...)
	}
	for _, policy := range policiesOf(policies) {
		grants = append(grants, policy.Grants(organization, orgtree.ID{})...)
	}
	return grants, nil
}
