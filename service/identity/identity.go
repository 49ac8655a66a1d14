package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
)

// Service configures providers and issuers, and signs people in through them.
type Service struct {
	db      *database.DB
	records *records.Store
	Options
}

// Options is what the service is made of. All fields are required.
type Options struct {
	Directory *idp.Directory
	// Keys seal the secrets of clients.
	Keys *token.Keys
	// Random is what codes are made of.
	Random io.Reader
	// Address is where people reach the platform, without a slash at its end.
	Address string
	// OwnIssuer is the issuer of the platform's own tokens.
	OwnIssuer string
	// Open opens the session of somebody who signed in, and makes them the viewer
	// of the rest of the request.
	Open func(ctx context.Context, s SignedIn) (*Session, error)
}

// New returns the service.
func New(db *database.DB, store *records.Store, o Options) *Service {
	return &Service{db: db, records: store, Options: o}
}

// SignedIn is who has signed in through a provider.
type SignedIn struct {
	User         uuid.UUID
	Provider     uuid.UUID
	Organization uuid.UUID
	// MFA says that the provider vouches for a second factor.
	MFA bool
}

// Session is what a client gets for its code.
type Session struct {
	AccessToken  string
	ExpiresAt    time.Time
	RefreshToken string
}

// signIn is the name under which the platform acts while nobody is signed in.
const signIn = "sign-in"

// asPlatform returns a context in which the platform itself acts: nobody is
// signed in yet, and whom a provider's word reaches is what is to be found out.
func asPlatform(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer(signIn))
}

// checkPerson returns nil for a person who acts by themself and not by an API
// key.
func checkPerson(viewer access.Viewer) error {
	if viewer.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	if viewer.Kind != access.User || !viewer.Key.IsZero() {
		return fault.New(fault.Forbidden, "people link themselves; applications and API keys do not")
	}
	return access.CheckOwnHands(viewer)
}

// secret returns a new random text.
func (s *Service) secret() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, raw); err != nil {
		return "", fmt.Errorf("make a code: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// hashOf returns what of a secret text is stored.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Sweep deletes the sign-ins that were not finished in time.
func (s *Service) Sweep(ctx context.Context) error {
	_, err := s.db.Write(asPlatform(ctx), database.Entry{Action: "sweepSignIns"}, deleteExpired)
	return err
}
