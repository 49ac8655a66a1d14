package payments

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
)

// Service reads and changes payment methods and contacts.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// checkOwn returns the organization if the viewer keeps its bills: by holding
// billing:write there, or in the platform. Those who manage it hold that, too, and
// may not: whoever is told about a bill learns what it comes to.
func (s *Service) checkOwn(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	org, err := s.records.Check(ctx, access.BillingWrite, id)
	if err != nil {
		return records.Organization{}, err
	}
	if !records.ReadsBillsOf(ctx, org) {
		return records.Organization{}, fault.New(fault.Forbidden, "an organization's own people keep its bills")
	}
	return org, nil
}

// sees reports whether the viewer sees how an organization pays: who reads its
// bills does, and of those who see it whoever keeps the bills of its manager, to
// whom it pays.
func sees(ctx context.Context, org records.Organization) bool {
	if records.ReadsBillsOf(ctx, org) {
		return true
	}
	manager, managed := org.Manager()
	if !managed || !records.Sees(access.ViewerFrom(ctx).Reach(), org.Line()) {
		return false
	}
	viewer, there := access.ViewerFrom(ctx).In(orgtree.ID(manager.ID))
	seller := access.Target{Path: org.Path()[:len(org.Path())-1], Kind: manager.Kind}
	return there && access.Check(viewer, access.BillingWrite, seller) == nil
}
