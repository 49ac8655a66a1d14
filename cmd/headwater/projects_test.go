package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// project makes a project of acme.
func (w *world) project(t testing.TB, name string) {
	t.Helper()
	answer := w.must(t, "ada", `mutation($i: CreateProjectInput!) { createProject(input: $i) { project { id } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "name": name}})
	w.name("acme."+name, dig(answer, "createProject.project.id"))
}

// machine makes a resource of a project and names it.
func (w *world) machine(t testing.TB, name, actor, project string) {
	t.Helper()
	answer := w.must(t, actor, `mutation($i: RegisterResourceInput!) { registerResource(input: $i) { resource { id } } }`,
		map[string]any{"i": map[string]any{"projectId": w.ids[project], "kind": "vm", "name": "machine of " + name}})
	w.name(name, dig(answer, "registerResource.resource.id"))
}

// sshKey adds the nth public key to a project and names it.
func (w *world) sshKey(t testing.TB, name, actor, project string, n int) {
	t.Helper()
	answer := w.must(t, actor, `mutation($i: AddSshKeyInput!) { addSshKey(input: $i) { sshKey { id } } }`,
		map[string]any{"i": map[string]any{"projectId": w.ids[project], "name": "key of " + name, "publicKey": publicKey(t, n)}})
	w.name(name, dig(answer, "addSshKey.sshKey.id"))
}

// TestDeletedProjectLeavesNothing deletes a project that everything names, and
// looks at what is left, what the rules of policies became and what the journal
// says of it.
func TestDeletedProjectLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.project(t, "web")
		w.project(t, "data")
		w.team(t, "acme", "team")
		web, data := w.key(t, "acme.web"), w.key(t, "acme.data")
		f := furnishing{w: w, client: db.Client(), acme: w.key(t, "acme"), olga: w.key(t, "olga")}
		managed := f.application(t, "Project - web", true, &web)
		f.policy(t, "managed", managed, true, access.Rule{Sets: []access.SetName{access.AllProductsFullAccess}, Scope: access.InProjects(orgtree.ID(web))})
		f.policy(t, "of the application", managed, false, rulesOf(data)...)
		alone := f.policy(t, "web alone", nil, false, rulesOf(web)...)
		both := f.policy(t, "both", nil, false, append(rulesOf(web, data), rulesOf(web)...)...)
		every := f.policy(t, "all", nil, false, access.Rule{Sets: []access.SetName{access.AllProductsReadOnly}, Scope: access.InAllProjects()})
		f.key(t, managed, nil)
		other := f.key(t, f.application(t, "other", false, nil), &web)
		f.joins(t, managed, w.key(t, "acme.team"))
		f.resource(t, web, resource.StatusACTIVE)
		f.resource(t, web, resource.StatusRELEASED)
		kept := f.resource(t, data, resource.StatusACTIVE)
		w.must(t, "olga", contract(t, "AddSshKey"), map[string]any{"input": map[string]any{
			"projectId": w.ids["acme.web"], "name": "laptop", "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPI0AszoKHhPGu3DbmFSWxndkK9unq/Y/LiXkciAycmQ",
		}})
		w.must(t, "olga", mutation("setGroupProjects", "group { id }"), map[string]any{"i": map[string]any{
			"groupId": w.ids["acme.team"], "projectIds": []string{w.ids["acme.web"], w.ids["acme.data"]},
		}})
		before, err := db.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		w.must(t, "olga", contract(t, "DeleteProject"), map[string]any{"input": map[string]any{"projectId": w.ids["acme.web"], "confirmName": "web"}})

		var rows []string
		for _, change := range lastEntry(t, w, before).Edges.Changes {
			rows = append(rows, signOf(change)+change.ResourceKind)
		}
		slices.Sort(rows)
		want := []string{"-app", "-gmb", "-gpr", "-key", "-pol", "-prj", "-res", "-res", "-ssh", "~key", "~pol", "~pol", "~pol"}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		ctx, client := w.system(t), db.Client()
		for id, want := range map[uuid.UUID][]access.Rule{alone: {}, both: rulesOf(data), every: {{Sets: []access.SetName{access.AllProductsReadOnly}, Scope: access.InAllProjects()}}} {
			row := one(t, func() (*ent.AccessPolicy, error) { return client.AccessPolicy.Get(ctx, id) })
			if diff := cmp.Diff(want, row.Rules); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.Name, diff)
			}
		}
		key := one(t, func() (*ent.APIKey, error) { return client.APIKey.Query().Where(apikey.ID(other)).Only(ctx) })
		if key.DefaultProjectID != nil || key.Version != 2 {
			t.Errorf("the other key is %v", key)
		}
		if n := one(t, func() (int, error) { return client.Resource.Query().Where(resource.ID(kept)).Count(ctx) }); n != 1 {
			t.Error("a resource of the other project is gone")
		}
	})
}

// rulesOf returns the rules of a policy for some projects.
func rulesOf(projects ...uuid.UUID) []access.Rule {
	ids := make([]orgtree.ID, len(projects))
	for i, id := range projects {
		ids[i] = orgtree.ID(id)
	}
	return []access.Rule{{Sets: []access.SetName{access.AllProductsReadOnly}, Scope: access.InProjects(ids...)}}
}

// furnishing puts rows into acme.
type furnishing struct {
	w          *world
	client     *ent.Client
	acme, olga uuid.UUID
}

func (f furnishing) application(t *testing.T, name string, managed bool, project *uuid.UUID) *uuid.UUID {
	t.Helper()
	db := f.w.platform.db
	id := db.NewID()
	err := f.client.Application.Create().SetID(id).SetOrganizationID(f.acme).SetName(name).SetDescription("").
		SetManaged(managed).SetNillableProjectID(project).SetCreatedAt(db.Now()).Exec(f.w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return &id
}

func (f furnishing) policy(t *testing.T, name string, application *uuid.UUID, managed bool, rules ...access.Rule) uuid.UUID {
	t.Helper()
	db := f.w.platform.db
	id := db.NewID()
	err := f.client.AccessPolicy.Create().SetID(id).SetOrganizationID(f.acme).SetName(name).SetDescription("").SetTags([]string{}).
		SetRules(rules).SetManaged(managed).SetNillableApplicationID(application).SetCreatedAt(db.Now()).Exec(f.w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f furnishing) key(t *testing.T, application, project *uuid.UUID) uuid.UUID {
	t.Helper()
	db := f.w.platform.db
	id := db.NewID()
	text := typeid.New(typeid.APIKey, id).String()
	err := f.client.APIKey.Create().SetID(id).SetOrganizationID(f.acme).SetAccessKey(text[len(text)-20:]).SetSecretHash("-").
		SetNillableApplicationID(application).SetDescription("").SetNillableDefaultProjectID(project).
		SetCreatedBy(f.olga).SetCreatedIP("").SetCreatedAt(db.Now()).Exec(f.w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f furnishing) joins(t *testing.T, application *uuid.UUID, group uuid.UUID) {
	t.Helper()
	db := f.w.platform.db
	err := f.client.GroupMember.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetGroupID(group).
		SetNillableApplicationID(application).SetCreatedAt(db.Now()).Exec(f.w.system(t))
	if err != nil {
		t.Fatal(err)
	}
}

func (f furnishing) resource(t *testing.T, project uuid.UUID, status resource.Status) uuid.UUID {
	t.Helper()
	db := f.w.platform.db
	id := db.NewID()
	err := f.client.Resource.Create().SetID(id).SetOrganizationID(f.acme).SetProjectID(project).SetKind("vm").SetName("one").
		SetProvider("").SetRegion("").SetInstanceType("").SetExternalID("").SetStatus(status).
		SetCreatedBy(f.olga).SetCreatedAt(db.Now()).Exec(f.w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
