package sessions

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// lifetime is that of an access token.
const lifetime = 15 * time.Minute

// Service gives out tokens.
type Service struct {
	db      *database.DB
	records *records.Store
	issuer  token.Issuer
	hasher  *password.Hasher
	random  io.Reader
}

// New returns the service. The issuer signs the tokens, the hasher checks
// passwords, and the secrets of refresh tokens are random.
func New(db *database.DB, store *records.Store, issuer token.Issuer, hasher *password.Hasher, random io.Reader) *Service {
	return &Service{db: db, records: store, issuer: issuer, hasher: hasher, random: random}
}

// Tokens are what a client gets for its credentials.
type Tokens struct {
	AccessToken string
	ExpiresAt   time.Time
	// RefreshToken is empty for what has no session.
	RefreshToken string
}

// ExchangeAPIKey returns a token for the text of an API key. It is bound to the
// key's organization and ends with the key at the latest. UNAUTHENTICATED, in the
// same words, for whatever is wrong with the key or its bearer.
func (s *Service) ExchangeAPIKey(ctx context.Context, text string) (*Tokens, error) {
	key, err := token.ParseAPIKey(text)
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	at := access.Circumstances{Address: access.CircumstancesFrom(ctx).Address, At: now}
	session, err := s.records.Bearer(ctx, key.AccessKey(), key.Hash(), at)
	if err != nil {
		return nil, err
	}
	if _, err := s.records.Viewer(ctx, session); err != nil {
		return nil, err
	}
	end := now.Add(lifetime).Truncate(time.Second)
	signed, err := s.issuer.Sign(token.Claims{
		Subject:      session.Principal,
		Organization: typeid.New(typeid.Organization, session.Organization),
		Key:          typeid.New(typeid.APIKey, session.Key),
		IssuedAt:     now,
		ExpiresAt:    end,
	})
	if err != nil {
		return nil, fmt.Errorf("exchange API key: %w", err)
	}
	return &Tokens{AccessToken: signed, ExpiresAt: end}, nil
}

// begun is a session with the refresh token that was made for it last.
type begun struct {
	id, person uuid.UUID
	// organization is the one that the next access token is bound to, or nil.
	organization uuid.UUID
	expiresAt    time.Time
	refresh      token.Refresh
}

// sign returns the tokens of a session. The access token ends with the session
// at the latest.
func (s *Service) sign(b begun) (*Tokens, error) {
	now := s.db.Now()
	end := now.Add(lifetime)
	if b.expiresAt.Before(end) {
		end = b.expiresAt
	}
	end = end.Truncate(time.Second)
	claims := token.Claims{
		Subject: typeid.New(typeid.User, b.person), Session: typeid.New(typeid.Session, b.id), IssuedAt: now, ExpiresAt: end,
	}
	if b.organization != uuid.Nil {
		claims.Organization = typeid.New(typeid.Organization, b.organization)
	}
	signed, err := s.issuer.Sign(claims)
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	return &Tokens{AccessToken: signed, ExpiresAt: end, RefreshToken: b.refresh.Text()}, nil
}

// viewerOf returns the person of a session as the session makes them.
func (s *Service) viewerOf(ctx context.Context, b begun) (access.Viewer, error) {
	at := access.CircumstancesFrom(ctx)
	at.At = s.db.Now()
	return s.records.Viewer(ctx, records.Session{
		Principal: typeid.New(typeid.User, b.person), Organization: b.organization, SignIn: b.id, Circumstances: at,
	})
}

// asPerson returns a context in which a person acts who was recognized by a
// secret, such as a password, and not by the token of the request. The guard lets
// them through: their own account, its sessions and memberships may lie anywhere
// in the tree, and nothing else is read or written in it.
func asPerson(ctx context.Context, id uuid.UUID, username string) context.Context {
	return database.Unguarded(access.WithViewer(ctx, access.Viewer{Kind: access.User, ID: orgtree.ID(id), Name: username}))
}

// asSystem returns a context in which the sign-in itself acts: before anybody is
// known, and in what it does to an account because somebody could not sign in.
func asSystem(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("sign-in"))
}

// refused is the one answer to a sign-in that fails, whatever the reason.
func refused() error {
	return fault.New(fault.Unauthenticated, "the username, the password or the code is not right, or there were too many attempts")
}
