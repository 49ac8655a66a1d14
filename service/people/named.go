package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// UserByID returns one of the people that are named together, or NOT_FOUND for
// viewers who may not see them.
func (s *Service) UserByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*User, error) {
	return batch.Load(ctx, named, "user", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*User, error) {
		rows, err := s.db.Client().User.Query().Where(user.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load people: %w", err)
		}
		readable, err := s.readable(ctx, ids)
		if err != nil {
			return nil, err
		}
		var visible []*ent.User
		for _, row := range rows {
			if readable[row.ID] || isSelf(ctx, row.ID) {
				visible = append(visible, row)
			}
		}
		return wrapUsers(visible), nil
	})
}

// ApplicationByID returns one of the applications that are named together, or
// NOT_FOUND for viewers who may not see it.
func (s *Service) ApplicationByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*Application, error) {
	return batch.Load(ctx, named, "application", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Application, error) {
		rows, err := s.db.Client().Application.Query().Where(application.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load applications: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		organizations, err := s.records.Organizations(ctx, homes)
		if err != nil {
			return nil, err
		}
		seen := make(map[uuid.UUID]*Application, len(rows))
		for _, row := range rows {
			if access.Check(access.ViewerFrom(ctx), access.ApplicationsRead, organizations[row.OrganizationID].Target()) == nil {
				seen[row.ID] = wrapApplication(row)
			}
		}
		return seen, nil
	})
}

// Bearer returns who bears an API key, one of those of a kind that are named
// together. Whoever may list a key may know its bearer.
func (s *Service) Bearer(ctx context.Context, named *batch.Siblings, id typeid.ID) (records.Principal, error) {
	return batch.Load(ctx, named, "bearer", id.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]records.Principal, error) {
		if id.Kind == typeid.Application {
			return s.applicationsOf(ctx, ids)
		}
		return s.usersOf(ctx, ids)
	})
}

func (s *Service) applicationsOf(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]records.Principal, error) {
	rows, err := s.db.Client().Application.Query().Where(application.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications: %w", err)
	}
	found := make(map[uuid.UUID]records.Principal, len(rows))
	for _, a := range wrapApplications(rows) {
		found[a.ID.UUID] = a
	}
	return found, nil
}

func (s *Service) usersOf(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]records.Principal, error) {
	rows, err := s.db.Client().User.Query().Where(user.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load people: %w", err)
	}
	found := make(map[uuid.UUID]records.Principal, len(rows))
	for id, u := range wrapUsers(rows) {
		found[id] = u
	}
	return found, nil
}
