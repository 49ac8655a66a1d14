package resolvers

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
)

// creator returns the person or application that made something, or nil for who
// is gone and for whom the viewer may not see. creators are those that are asked
// for together with it.
func (r *Resolver) creator(ctx context.Context, creators *batch.Siblings, id uuid.UUID) (records.Principal, error) {
	user, err := r.People.UserByID(ctx, creators, id)
	if err == nil {
		return user, nil
	}
	if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	application, err := r.People.ApplicationByID(ctx, creators, id)
	if err == nil {
		return application, nil
	}
	if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	return nil, nil //nolint:nilnil // what cannot be seen is an answer
}
