package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
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
}

// New returns the service. The issuer signs the tokens.
func New(db *database.DB, store *records.Store, issuer token.Issuer) *Service {
	return &Service{db: db, records: store, issuer: issuer}
}

// Session is what a client gets for its credentials.
type Session struct {
	AccessToken string
	ExpiresAt   time.Time
}

// ExchangeAPIKey returns a token for the text of an API key. It is bound to the
// key's organization and ends with the key at the latest. UNAUTHENTICATED, in the
// same words, for whatever is wrong with the key or its bearer.
func (s *Service) ExchangeAPIKey(ctx context.Context, text string) (*Session, error) {
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
	return &Session{AccessToken: signed, ExpiresAt: end}, nil
}
