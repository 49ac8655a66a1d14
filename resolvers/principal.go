package resolvers

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/checks"
	"github.com/headwater-platform/headwater/service/policies"
	"github.com/headwater-platform/headwater/service/projects"
	"github.com/headwater-platform/headwater/typeid"
)

// principal returns one of the principals of a kind that are named together, or
// nil for viewers who may not see it.
func (r *Resolver) principal(ctx context.Context, named *batch.Siblings, id typeid.ID) (records.Principal, error) {
	switch id.Kind {
	case typeid.User:
		return seen(r.People.UserByID(ctx, named, id.UUID))
	case typeid.Application:
		return seen(r.People.ApplicationByID(ctx, named, id.UUID))
	case typeid.Group:
		return seen(r.Groups.ByID(ctx, named, id.UUID))
	default:
		return nil, fault.Missing("principal")
	}
}

// seen returns nil for a principal that the viewer may not see.
func seen[T records.Principal](principal T, err error) (records.Principal, error) {
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return nil, nil //nolint:nilnil // whom one may not see is not told
	case err != nil:
		return nil, err
	default:
		return principal, nil
	}
}

// granters returns those who could give a permission: principals, and roles in
// the place of those whom the viewer may not know.
func (r *Resolver) granters(ctx context.Context, grantors []checks.Grantor) ([]checks.Granter, error) {
	ids := make([]uuid.UUID, len(grantors))
	for i, grantor := range grantors {
		ids[i] = grantor.ID.UUID
	}
	named, list := batch.Of(ids...), make([]checks.Granter, 0, len(grantors))
	for _, grantor := range grantors {
		if grantor.ID.IsZero() {
			list = append(list, &grantor.Role)
			continue
		}
		principal, err := r.principal(ctx, named, grantor.ID)
		if err != nil {
			return nil, err
		}
		if principal != nil {
			list = append(list, principal)
		}
	}
	return list, nil
}

// visible returns the things that ids name, without those that the viewer may not
// see.
func visible[T any](ctx context.Context, ids []uuid.UUID, byID func(context.Context, uuid.UUID) (T, error)) ([]T, error) {
	list := make([]T, 0, len(ids))
	for _, id := range ids {
		thing, err := byID(ctx, id)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
		case err != nil:
			return nil, err
		default:
			list = append(list, thing)
		}
	}
	return list, nil
}

// projectsOf returns the projects of a policy's rule that the viewer can see.
func (r *Resolver) projectsOf(ctx context.Context, rule *policies.Rule) ([]*projects.Project, error) {
	return visible(ctx, rule.ProjectIDs, func(ctx context.Context, id uuid.UUID) (*projects.Project, error) {
		return r.Projects.ByID(ctx, rule.Projects, id)
	})
}
