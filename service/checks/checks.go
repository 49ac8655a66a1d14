package checks

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
)

// Service answers checks.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// ViewerPermissions returns what the viewer may do in an organization.
// organizations are those that are asked for together with it.
func (s *Service) ViewerPermissions(ctx context.Context, organizations *batch.Siblings, organization uuid.UUID) ([]access.Permission, error) {
	return s.ViewerPermissionsIn(ctx, organizations, organization, uuid.Nil)
}

// ViewerPermissionsIn returns what the viewer may do in a project of an
// organization, or in the organization itself for the nil project.
func (s *Service) ViewerPermissionsIn(ctx context.Context, organizations *batch.Siblings, organization, project uuid.UUID) ([]access.Permission, error) {
	type key struct{}
	org, err := batch.Load(ctx, organizations, key{}, organization, s.records.Organizations)
	if err != nil {
		return nil, err
	}
	return access.ViewerFrom(ctx).Allowed(org.Target().In(orgtree.ID(project))), nil
}
