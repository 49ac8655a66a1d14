package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Viewer returns the principal with its standing in every organization that a
// token reaches: all memberships, or the one organization that bound names. It
// returns UNAUTHENTICATED for a principal that is gone or locked, and for a
// bound organization that it is no member of.
func (s *Store) Viewer(ctx context.Context, principal typeid.ID, bound uuid.UUID) (access.Viewer, error) {
	ctx = unscoped(ctx)
	var viewer access.Viewer
	var err error
	switch principal.Kind {
	case typeid.User:
		viewer, err = s.user(ctx, principal.UUID)
	case typeid.Application:
		viewer, err = s.application(ctx, principal.UUID)
	default:
		return access.Viewer{}, fault.New(fault.Unauthenticated, "the token is not valid")
	}
	if ent.IsNotFound(err) {
		return access.Viewer{}, fault.New(fault.Unauthenticated, "the token is not valid")
	}
	if err != nil || bound == uuid.Nil {
		return viewer, err
	}
	return bind(viewer, orgtree.ID(bound))
}

// Renew loads the context's viewer again, so that the rest of the request sees
// what its own change did to the viewer's standings.
func (s *Store) Renew(ctx context.Context) error {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsSystem() || viewer.IsAnonymous() {
		return nil
	}
	kind := typeid.User
	if viewer.Kind == access.Application {
		kind = typeid.Application
	}
	renewed, err := s.Viewer(ctx, typeid.New(kind, uuid.UUID(viewer.ID)), uuid.UUID(viewer.Organization))
	if err != nil {
		return err
	}
	access.Renew(ctx, renewed)
	return nil
}

// bind narrows a viewer to one organization and what flows down from it.
func bind(viewer access.Viewer, organization orgtree.ID) (access.Viewer, error) {
	standing, ok := viewer.Standings[organization]
	if !ok {
		return access.Viewer{}, fault.New(fault.Unauthenticated, "the token is not valid")
	}
	viewer.Organization = organization
	viewer.Standings = map[orgtree.ID]access.Standing{organization: standing}
	return viewer, nil
}

func (s *Store) user(ctx context.Context, id uuid.UUID) (access.Viewer, error) {
	row, err := s.client.User.Get(ctx, id)
	if err != nil {
		return access.Viewer{}, err
	}
	if row.Status == user.StatusLOCKED {
		return access.Viewer{}, fault.New(fault.Unauthenticated, "the token is not valid")
	}
	memberships, err := s.client.Membership.Query().
		Where(membership.UserID(id), membership.Locked(false)).
		WithOrganization().
		WithGroupMembers(func(q *ent.GroupMemberQuery) { q.WithGroup() }).
		All(ctx)
	if err != nil {
		return access.Viewer{}, fmt.Errorf("load standings: %w", err)
	}
	viewer := access.Viewer{Kind: access.User, ID: orgtree.ID(id), Name: row.Username, Standings: map[orgtree.ID]access.Standing{}}
	for _, m := range memberships {
		if m.Edges.Organization.Status == orgtree.Deleted {
			continue
		}
		viewer.Standings[orgtree.ID(m.OrganizationID)] = StandingOf(m, m.Edges.Organization.Kind)
	}
	return viewer, nil
}

// StandingOf returns what a member is in an organization of the kind. The row
// was read with its places in groups and their groups.
func StandingOf(row *ent.Membership, kind orgtree.Kind) access.Standing {
	standing := access.Standing{Kind: kind, Membership: orgtree.ID(row.ID), Owner: row.Owner}
	return withGroups(standing, row.Edges.GroupMembers)
}

func (s *Store) application(ctx context.Context, id uuid.UUID) (access.Viewer, error) {
	row, err := s.client.Application.Query().
		Where(application.ID(id)).
		WithOrganization().
		WithGroupMembers(func(q *ent.GroupMemberQuery) { q.WithGroup() }).
		Only(ctx)
	if err != nil {
		return access.Viewer{}, err
	}
	standing := withGroups(access.Standing{Kind: row.Edges.Organization.Kind}, row.Edges.GroupMembers)
	return access.Viewer{
		Kind: access.Application, ID: orgtree.ID(id), Name: row.Name,
		Standings: map[orgtree.ID]access.Standing{orgtree.ID(row.OrganizationID): standing},
	}, nil
}

// withGroups adds what the groups give to a standing.
func withGroups(standing access.Standing, members []*ent.GroupMember) access.Standing {
	for _, member := range members {
		group := member.Edges.Group
		standing.Groups = append(standing.Groups, orgtree.ID(group.ID))
		for _, role := range group.Roles {
			if !slices.Contains(standing.Roles, role) {
				standing.Roles = append(standing.Roles, role)
			}
		}
		if group.Builtin != nil {
			standing.Builtins = append(standing.Builtins, *group.Builtin)
		}
	}
	slices.Sort(standing.Roles)
	slices.Sort(standing.Builtins)
	return standing
}
