package checks

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Grant is something that a principal was given, as the viewer may see it.
type Grant struct {
	// PermissionSet is nil for ownership and for what every member has.
	PermissionSet *string
	Scope         Scope
	Source        Source
	// Through says that the right flows down from the organization of the
	// source, Conditional that it holds only under a condition.
	Through     bool
	Conditional bool
}

// Scope is what a grant holds in.
type Scope struct {
	Kind access.ScopeKind
	// ProjectIDs are those of the listed projects that the viewer can see.
	ProjectIDs []typeid.ID
}

// Source is where a grant comes from.
type Source struct {
	Kind         access.SourceKind
	Organization records.Reference
	// Group and Policy are nil where there is none and where the viewer may not
	// read it.
	Group  *records.GroupReference
	Policy *PolicyReference
}

// PolicyReference is a policy as it is named as a source.
type PolicyReference struct {
	ID   typeid.ID
	Name string
}

// located is a grant with the path of the organization that it was given in.
type located struct {
	access.Lead
	line []records.Ancestor
	// target is that organization, as far as its groups and policies are
	// concerned.
	target access.Target
}

// show returns grants as the viewer may see them, in two statements at most.
func (s *Service) show(ctx context.Context, leads []located) ([]*Grant, error) {
	names, err := s.namesOf(ctx, leads)
	if err != nil {
		return nil, err
	}
	viewer, shown := access.ViewerFrom(ctx), make([]*Grant, len(leads))
	for i, lead := range leads {
		g := &Grant{
			Scope:   Scope{Kind: lead.Scope.Kind, ProjectIDs: []typeid.ID{}},
			Source:  Source{Kind: lead.Source.Kind, Organization: records.Refer(ctx, lead.line)},
			Through: lead.Through, Conditional: lead.Condition != nil,
		}
		if lead.Set != "" {
			name := string(lead.Set)
			g.PermissionSet = &name
		}
		for _, id := range lead.Scope.Projects {
			if access.Check(viewer, access.ProjectsRead, lead.target.In(id)) == nil {
				g.Scope.ProjectIDs = append(g.Scope.ProjectIDs, typeid.New(typeid.Project, uuid.UUID(id)))
			}
		}
		if id := lead.Source.Group; !id.IsZero() && seesGroup(viewer, lead.target, id) {
			g.Source.Group = &records.GroupReference{ID: typeid.New(typeid.Group, uuid.UUID(id)), Name: names[id]}
		}
		if id := lead.Source.Policy; !id.IsZero() && access.Check(viewer, access.PoliciesRead, lead.target) == nil {
			g.Source.Policy = &PolicyReference{ID: typeid.New(typeid.Policy, uuid.UUID(id)), Name: names[id]}
		}
		shown[i] = g
	}
	return shown, nil
}

// seesGroup reports whether the viewer may know of a group of the target.
func seesGroup(viewer access.Viewer, target access.Target, id orgtree.ID) bool {
	return viewer.Standing(target.Path.Leaf()).IsIn(id) || access.Check(viewer, access.GroupsRead, target) == nil
}

// namesOf returns the names of the groups and policies that grants come from,
// as far as they lie within the viewer's reach.
func (s *Service) namesOf(ctx context.Context, leads []located) (map[orgtree.ID]string, error) {
	var groups, policies []uuid.UUID
	for _, lead := range leads {
		if !lead.Source.Group.IsZero() {
			groups = append(groups, uuid.UUID(lead.Source.Group))
		}
		if !lead.Source.Policy.IsZero() {
			policies = append(policies, uuid.UUID(lead.Source.Policy))
		}
	}
	names := map[orgtree.ID]string{}
	if len(groups) > 0 {
		rows, err := s.db.Client().Group.Query().Where(group.IDIn(groups...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("name groups: %w", err)
		}
		for _, row := range rows {
			names[orgtree.ID(row.ID)] = row.Name
		}
	}
	if len(policies) > 0 {
		rows, err := s.db.Client().AccessPolicy.Query().Where(accesspolicy.IDIn(policies...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("name policies: %w", err)
		}
		for _, row := range rows {
			names[orgtree.ID(row.ID)] = row.Name
		}
	}
	return names, nil
}

// given is a principal with what its place in one organization gives it.
type given struct {
	id     uuid.UUID
	grants []access.Grant
	home   uuid.UUID
	// own says that the viewer is the principal, or is in the group.
	own bool
}

// GrantsOfMember returns all that a member was given in the organization, with
// its sources: nothing for a locked membership, and for viewers who are neither
// the member nor hold users:read. members are those who are asked for together.
func (s *Service) GrantsOfMember(ctx context.Context, members *batch.Siblings, id uuid.UUID) ([]*Grant, error) {
	type key struct{}
	return batch.Load(ctx, members, key{}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Grant, error) {
		rows, err := records.WithPlace(s.db.Client().Membership.Query().Where(membership.IDIn(ids...))).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load memberships: %w", err)
		}
		list := make([]given, len(rows))
		for i, row := range rows {
			list[i] = given{id: row.ID, home: row.OrganizationID, own: is(access.ViewerFrom(ctx), access.User, row.UserID)}
			if !row.Locked {
				list[i].grants = records.PlaceOf(row).Given()
			}
		}
		return s.showGiven(ctx, ids, list)
	})
}

// GrantsOfApplication returns all that an application was given, as
// GrantsOfMember does.
func (s *Service) GrantsOfApplication(ctx context.Context, applications *batch.Siblings, id uuid.UUID) ([]*Grant, error) {
	type key struct{}
	return batch.Load(ctx, applications, key{}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Grant, error) {
		rows, err := records.WithApplicationPlace(s.db.Client().Application.Query().Where(application.IDIn(ids...))).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load applications: %w", err)
		}
		list := make([]given, len(rows))
		for i, row := range rows {
			list[i] = given{
				id: row.ID, home: row.OrganizationID, own: is(access.ViewerFrom(ctx), access.Application, row.ID),
				grants: records.ApplicationPlaceOf(row).Given(),
			}
		}
		return s.showGiven(ctx, ids, list)
	})
}

// GrantsOfGroup returns all that a group gives to those who are in it, with its
// sources: nothing for viewers who are not in it and do not hold users:read.
func (s *Service) GrantsOfGroup(ctx context.Context, groups *batch.Siblings, id uuid.UUID) ([]*Grant, error) {
	type key struct{}
	return batch.Load(ctx, groups, key{}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Grant, error) {
		rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).WithGroupProjects().WithPolicies().All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load groups: %w", err)
		}
		list := make([]given, len(rows))
		for i, row := range rows {
			home := orgtree.ID(row.OrganizationID)
			list[i] = given{
				id: row.ID, home: row.OrganizationID, own: access.ViewerFrom(ctx).Standing(home).IsIn(orgtree.ID(row.ID)),
				grants: records.GroupOf(row).Grants(home),
			}
		}
		return s.showGiven(ctx, ids, list)
	})
}

// showGiven returns what each of the principals was given, as the viewer may see
// it.
func (s *Service) showGiven(ctx context.Context, ids []uuid.UUID, list []given) (map[uuid.UUID][]*Grant, error) {
	homes := make([]uuid.UUID, len(list))
	for i, g := range list {
		homes[i] = g.home
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	var (
		leads  []located
		owners []uuid.UUID
	)
	for _, g := range list {
		org := organizations[g.home]
		target := org.Target()
		if !g.own && access.Check(access.ViewerFrom(ctx), access.UsersRead, target) != nil {
			continue
		}
		for _, grant := range g.grants {
			leads = append(leads, located{access.Lead{Grant: grant}, org.Line(), target})
			owners = append(owners, g.id)
		}
	}
	shown, err := s.show(ctx, leads)
	if err != nil {
		return nil, err
	}
	grants := make(map[uuid.UUID][]*Grant, len(ids))
	for _, id := range ids {
		grants[id] = []*Grant{}
	}
	for i, g := range shown {
		grants[owners[i]] = append(grants[owners[i]], g)
	}
	return grants, nil
}
