package checks

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// thing says where something is that a check names, and who can see it.
type thing struct {
	organization uuid.UUID
	// project is nil for what is in no project.
	project uuid.UUID
	// own says that it is the viewer's. Others see it with one of the readable.
	own      bool
	readable []access.Permission
}

// seenBy reports whether the viewer can see the thing, which is in the target.
func (t thing) seenBy(viewer access.Viewer, target access.Target) bool {
	if t.own {
		return true
	}
	for _, p := range t.readable {
		if access.Check(viewer, p, target) == nil {
			return true
		}
	}
	return false
}

// finder finds things of one kind among those within the viewer's reach.
type finder func(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error)

// finders returns how the things of a kind are found.
func finders() map[typeid.Kind]finder {
	return map[typeid.Kind]finder{
		typeid.Project:       findProjects,
		typeid.Group:         findGroups,
		typeid.Membership:    findMemberships,
		typeid.Application:   findApplications,
		typeid.Policy:        findPolicies,
		typeid.APIKey:        findAPIKeys,
		typeid.SSHKey:        findSSHKeys,
		typeid.Resource:      findResources,
		typeid.AccessRequest: findRequests,
	}
}

// locate finds what the checks name, but for organizations, one kind at a time.
// It returns INVALID for an id of something that belongs to no one organization.
func (s *Service) locate(ctx context.Context, checks []Check, field func(i int) string) (map[typeid.ID]thing, error) {
	if !slices.ContainsFunc(checks, func(c Check) bool { return c.Resource.Kind != typeid.Organization }) {
		return nil, nil //nolint:nilnil // organizations are in memory
	}
	finders, ids := finders(), map[typeid.Kind][]uuid.UUID{}
	for i, c := range checks {
		kind := c.Resource.Kind
		if kind == typeid.Organization {
			continue
		}
		if finders[kind] == nil {
			return nil, fault.Invalidf(field(i)+".resourceId", "%q is not the id of something that belongs to an organization or a project", c.Resource)
		}
		ids[kind] = append(ids[kind], c.Resource.UUID)
	}
	things := make(map[typeid.ID]thing, len(ids))
	for kind, keys := range ids {
		found, err := finders[kind](ctx, s.db.Client(), keys)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", kind, err)
		}
		for key, at := range found {
			things[typeid.New(kind, key)] = at
		}
	}
	return things, nil
}

// thingsOf returns what rows are, by id.
func thingsOf[R any](rows []R, err error, of func(R) (uuid.UUID, thing)) (map[uuid.UUID]thing, error) {
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]thing, len(rows))
	for _, row := range rows {
		id, at := of(row)
		found[id] = at
	}
	return found, nil
}

func findProjects(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	rows, err := client.Project.Query().Where(project.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.Project) (uuid.UUID, thing) {
		return row.ID, thing{organization: row.OrganizationID, project: row.ID, readable: []access.Permission{access.ProjectsRead}}
	})
}

func findGroups(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	viewer := access.ViewerFrom(ctx)
	rows, err := client.Group.Query().Where(group.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.Group) (uuid.UUID, thing) {
		own := viewer.Standing(orgtree.ID(row.OrganizationID)).IsIn(orgtree.ID(row.ID))
		return row.ID, thing{organization: row.OrganizationID, own: own, readable: []access.Permission{access.GroupsRead}}
	})
}

func findMemberships(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	viewer := access.ViewerFrom(ctx)
	rows, err := client.Membership.Query().Where(membership.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.Membership) (uuid.UUID, thing) {
		own := is(viewer, access.User, row.UserID)
		return row.ID, thing{organization: row.OrganizationID, own: own, readable: []access.Permission{access.UsersRead}}
	})
}

func findApplications(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	viewer := access.ViewerFrom(ctx)
	rows, err := client.Application.Query().Where(application.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.Application) (uuid.UUID, thing) {
		own := is(viewer, access.Application, row.ID)
		return row.ID, thing{organization: row.OrganizationID, own: own, readable: []access.Permission{access.ApplicationsRead}}
	})
}

func findPolicies(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	rows, err := client.AccessPolicy.Query().Where(accesspolicy.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.AccessPolicy) (uuid.UUID, thing) {
		return row.ID, thing{organization: row.OrganizationID, readable: []access.Permission{access.PoliciesRead}}
	})
}

// findAPIKeys finds keys of people and applications, and those of projects,
// which their managed applications bear.
func findAPIKeys(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	viewer := access.ViewerFrom(ctx)
	rows, err := client.APIKey.Query().Where(apikey.IDIn(ids...)).WithMembership().WithApplication().All(ctx)
	return thingsOf(rows, err, func(row *ent.APIKey) (uuid.UUID, thing) {
		at := thing{organization: row.OrganizationID, readable: []access.Permission{access.APIKeysRead}}
		if bearer := row.Edges.Membership; bearer != nil {
			at.own = is(viewer, access.User, bearer.UserID)
		}
		if bearer := row.Edges.Application; bearer != nil {
			at.own = is(viewer, access.Application, bearer.ID)
			if bearer.ProjectID != nil {
				at.project, at.readable = *bearer.ProjectID, []access.Permission{access.SSHKeysRead}
			}
		}
		return row.ID, at
	})
}

func findSSHKeys(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	rows, err := client.SSHKey.Query().Where(sshkey.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.SSHKey) (uuid.UUID, thing) {
		return row.ID, thing{organization: row.OrganizationID, project: row.ProjectID, readable: []access.Permission{access.SSHKeysRead}}
	})
}

func findResources(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	rows, err := client.Resource.Query().Where(resource.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.Resource) (uuid.UUID, thing) {
		return row.ID, thing{organization: row.OrganizationID, project: row.ProjectID, readable: []access.Permission{access.ResourcesRead}}
	})
}

// findRequests finds requests for access, which the owner and whoever made them
// see.
func findRequests(ctx context.Context, client *ent.Client, ids []uuid.UUID) (map[uuid.UUID]thing, error) {
	viewer := access.ViewerFrom(ctx)
	rows, err := client.AccessRequest.Query().Where(accessrequest.IDIn(ids...)).All(ctx)
	return thingsOf(rows, err, func(row *ent.AccessRequest) (uuid.UUID, thing) {
		own := is(viewer, access.User, row.UserID) || viewer.Standing(orgtree.ID(row.OrganizationID)).Owner
		return row.ID, thing{organization: row.OrganizationID, own: own}
	})
}

// is reports whether the viewer is this user or application.
func is(viewer access.Viewer, kind access.PrincipalKind, id uuid.UUID) bool {
	return viewer.Kind == kind && viewer.ID == orgtree.ID(id)
}
