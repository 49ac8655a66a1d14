package platform

import (
	"context"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
)

// Service is what those do who run the platform.
type Service struct {
	db      *database.DB
	records *records.Store
	// issuer signs the tokens of impersonations.
	issuer token.Issuer
}

// New returns the service. Without the keys of an issuer everything but an
// impersonation can be done.
func New(db *database.DB, store *records.Store, issuer token.Issuer) *Service {
	return &Service{db: db, records: store, issuer: issuer}
}

// Status is what everybody may know of the platform.
type Status struct {
	PublicName  string
	Maintenance bool
}

// Status returns what everybody may know of the platform, also without a token.
func (s *Service) Status(ctx context.Context) (*Status, error) {
	const publicName, maintenance = "platform.public_name", "platform.maintenance"
	root, err := s.records.Root(ctx)
	if err != nil {
		return nil, err
	}
	name, err := s.records.Value(ctx, root, publicName)
	if err != nil {
		return nil, err
	}
	isMaintained, err := s.records.Value(ctx, root, maintenance)
	if err != nil {
		return nil, err
	}
	return &Status{PublicName: name.String(), Maintenance: isMaintained.Bool()}, nil
}
