package access_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// TestProjectsWith lists the projects of somebody who reaches them in every way.
func TestProjectsWith(t *testing.T) {
	t.Parallel()
	root, partner, org, first, second, third := orgtree.ID{1}, orgtree.ID{2}, orgtree.ID{3}, orgtree.ID{4}, orgtree.ID{5}, orgtree.ID{6}
	rule := func(scope access.Scope, sets ...access.SetName) access.Policy {
		return access.Policy{Rules: []access.Rule{{Sets: sets, Scope: scope}}}
	}
	at := func(id orgtree.ID, kind orgtree.Kind, owner bool, groups []access.Group, policies ...access.Policy) access.Viewer {
		place := access.Place{Organization: id, Kind: kind, Owner: owner, Groups: groups, Policies: policies}
		return access.Viewer{Kind: access.User, ID: orgtree.ID{9}, Standings: map[orgtree.ID]*access.Standing{
			id: access.NewStanding(place, access.Circumstances{}),
		}}
	}
	member := func(groups []access.Group, policies ...access.Policy) access.Viewer {
		return at(org, orgtree.Standard, false, groups, policies...)
	}
	for name, tt := range map[string]struct {
		viewer     access.Viewer
		permission access.Permission
		status     orgtree.Status
		all        bool
		projects   []orgtree.ID
	}{
		"nobody":            {viewer: access.Viewer{}, permission: access.ProjectsRead},
		"the system":        {viewer: access.SystemViewer("test"), permission: access.ResourcesWrite, all: true},
		"the owner":         {viewer: at(org, orgtree.Standard, true, nil), permission: access.SSHKeysWrite, all: true},
		"a plain member":    {viewer: member(nil), permission: access.ProjectsRead},
		"of the whole":      {viewer: member(nil, rule(access.InOrganization(), access.ProjectReadOnly)), permission: access.ProjectsRead, all: true},
		"not its resources": {viewer: member(nil, rule(access.InOrganization(), access.ProjectReadOnly)), permission: access.ResourcesRead},
		"of all projects":   {viewer: member(nil, rule(access.InAllProjects(), access.AllProductsReadOnly)), permission: access.ProjectsRead, all: true},
		"of a group's and a policy's": {
			viewer:     member([]access.Group{{Projects: []orgtree.ID{third, first}}}, rule(access.InProjects(second), access.CredentialsReadOnly)),
			permission: access.ProjectsRead, projects: []orgtree.ID{first, second, third},
		},
		"resources of a group's alone": {
			viewer:     member([]access.Group{{Projects: []orgtree.ID{third}}}, rule(access.InProjects(second), access.CredentialsReadOnly)),
			permission: access.ResourcesRead, projects: []orgtree.ID{third},
		},
		"reading in a locked one": {
			viewer: member([]access.Group{{Projects: []orgtree.ID{first}}}), permission: access.ResourcesRead, status: orgtree.Locked, projects: []orgtree.ID{first},
		},
		"writing in a locked one": {viewer: member([]access.Group{{Projects: []orgtree.ID{first}}}), permission: access.ResourcesWrite, status: orgtree.Locked},
		"from above":              {viewer: at(partner, orgtree.Partner, true, nil), permission: access.ProjectsRead, all: true},
		"resources from above":    {viewer: at(partner, orgtree.Partner, true, nil), permission: access.ResourcesRead},
		"projects above": {
			viewer: at(partner, orgtree.Partner, false, []access.Group{{Projects: []orgtree.ID{first}}}), permission: access.ProjectsRead,
		},
	} {
		status := tt.status
		if status == "" {
			status = orgtree.Active
		}
		target := access.Target{Path: orgtree.Path{root, partner, org}, Kind: orgtree.Standard, Status: status}
		all, projects := tt.viewer.ProjectsWith(tt.permission, target)
		if diff := cmp.Diff(tt.projects, projects); diff != "" || all != tt.all {
			t.Errorf("%s: all %t (-want +got):\n%s", name, all, diff)
		}
	}
}
