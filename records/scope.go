package records

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Scope returns the organization that an id names or whose group it names, and
// the group if it is one. NOT_FOUND for what the context's viewer does not see: an
// organization without org:read, a group of others without groups:read. INVALID
// for an id of anything else, with scopeId as the field.
func (s *Store) Scope(ctx context.Context, scope typeid.ID) (Organization, *uuid.UUID, error) {
	if scope.Kind == typeid.Organization {
		org, err := s.Check(ctx, access.OrgRead, scope.UUID)
		return org, nil, err
	}
	id, err := scope.Expect("scopeId", typeid.Group)
	if err != nil {
		return Organization{}, nil, err
	}
	home, err := s.homeOf(ctx, id)
	if err != nil {
		return Organization{}, nil, err
	}
	org, err := s.Organization(ctx, home)
	if err != nil {
		return Organization{}, nil, err
	}
	if !SeesGroup(ctx, org, id) {
		return Organization{}, nil, fault.Missing("group")
	}
	return org, &id, nil
}

// homeOf returns the organization that a group is of, or NOT_FOUND.
func (s *Store) homeOf(ctx context.Context, group uuid.UUID) (uuid.UUID, error) {
	if s.recalls() {
		if k, ok := s.memory.byAlias(group); ok && k.record.organization != nil {
			return k.record.organization.id, nil
		}
	}
	row, err := s.client.Group.Get(unscoped(ctx), group)
	if ent.IsNotFound(err) {
		return uuid.Nil, fault.Missing("group")
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("get group: %w", err)
	}
	return row.OrganizationID, nil
}

// SeesGroup reports whether the context's viewer sees a group of the organization:
// who is in it does, and groups:read.
func SeesGroup(ctx context.Context, org Organization, id uuid.UUID) bool {
	viewer := access.ViewerFrom(ctx)
	return viewer.Standing(orgtree.ID(org.ID)).IsIn(orgtree.ID(id)) || access.Check(viewer, access.GroupsRead, org.Target()) == nil
}
