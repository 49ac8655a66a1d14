package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/typeid"
)

// call is one mutation on its way.
type call struct {
	actor string
	// bearer is an API key to ask with instead of the actor's token.
	bearer string
	name   string
	input  map[string]any
}

// send makes a call, of whose payload it asks for the path, such as group.id, or
// for a selection.
func (w *world) send(t testing.TB, c call, path string) []byte {
	t.Helper()
	names := strings.Split(path, ".")
	selection := strings.Join(names, " { ") + strings.Repeat(" }", len(names)-1)
	if c.bearer == "" {
		return w.askAs(t, w.token(t, c.actor), mutation(c.name, selection), map[string]any{"i": c.input})
	}
	return w.askAs(t, c.bearer, mutation(c.name, selection), map[string]any{"i": c.input})
}

// askAs asks with a bearer of any kind.
func (w *world) askAs(t testing.TB, bearer, document string, variables map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// made makes a call that succeeds and returns what it answers at the path.
func (w *world) made(t testing.TB, c call, path string) string {
	t.Helper()
	raw := w.send(t, c, path)
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s calls %s %v: %s", c.actor, c.name, c.input, raw)
	}
	return dig(answer.Data, c.name+"."+path)
}

// do makes calls that succeed, one after the other.
func (w *world) do(t testing.TB, calls ...call) {
	t.Helper()
	for _, c := range calls {
		w.made(t, c, "clientMutationId")
	}
}

// race makes calls at the same time and returns what each was told.
func (w *world) race(t *testing.T, calls ...call) []string {
	t.Helper()
	return together(len(calls), func(i int) string { return told(t, w.send(t, calls[i], "clientMutationId")) })
}

// doneAfter returns who did what after a revision, in the order of the journal,
// which is that of the commits.
func (w *world) doneAfter(t *testing.T, revision int64) []string {
	t.Helper()
	entries, err := w.platform.db.Client().JournalEntry.Query().Where(journalentry.IDGT(revision)).Order(ent.Asc(journalentry.FieldID)).All(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	actions := make([]string, len(entries))
	for i, entry := range entries {
		actions[i] = entry.ActorName + " " + entry.Action
	}
	return actions
}

// latest returns the revision of the store.
func (w *world) latest(t *testing.T) int64 {
	t.Helper()
	revision, err := w.platform.db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// may returns what a principal may do in an organization, or in a project.
func (w *world) may(t *testing.T, principal, place string) []string {
	t.Helper()
	raw := w.askWith(t, principal, `query($id: ID!) { node(id: $id) { ... on Organization { viewerPermissions } ... on Project { viewerPermissions } } }`, map[string]any{"id": w.ids[place]})
	var answer struct {
		Data struct {
			Node *struct{ ViewerPermissions []string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Data.Node == nil {
		return nil // They cannot even see it.
	}
	return answer.Data.Node.ViewerPermissions
}

// members returns the input of a change of a group's members.
func (w *world) members(group string, principals ...string) map[string]any {
	ids := make([]string, len(principals))
	for i, name := range principals {
		ids[i] = w.ids[name]
	}
	return map[string]any{"groupId": w.ids[group], "principalIds": ids}
}

// revocation takes a right from somebody who uses it at the same time.
type revocation struct {
	name   string
	revoke call
	// acts are what the right is used for, and undo what makes the next round
	// like this one.
	acts []call
	undo []call
}

func revocations(w *world, round int) []revocation {
	fresh := func(word string) string { return fmt.Sprintf("%s-%d", word, round) }
	roles := func(group string, roles ...string) map[string]any {
		return map[string]any{"groupId": w.ids[group], "roles": append([]string{}, roles...)}
	}
	setting := func(scope string, value bool) map[string]any {
		return map[string]any{"scopeId": w.ids[scope], "key": membersSwitch, "value": value}
	}
	return []revocation{
		{
			name:   "a place in the group, while it is handed on",
			revoke: call{actor: "olga", name: "removeGroupMembers", input: w.members("acme.admins", "gail")},
			acts: []call{
				{actor: "gail", name: "addGroupMembers", input: w.members("acme.admins", "max")},
				{actor: "gail", name: "setGroupRoles", input: roles("acme.team", "org:admin")},
				{actor: "gail", name: "createUser", input: map[string]any{"organizationId": w.ids["acme"], "username": fresh("user"), "email": fresh("u") + "@acme.example", "groupIds": []string{w.ids["acme.admins"]}}},
				{actor: "gail", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "authentication.password_min_length", "value": 20 + round}},
			},
			undo: []call{
				{actor: "olga", name: "addGroupMembers", input: w.members("acme.admins", "gail")},
				{actor: "olga", name: "removeGroupMembers", input: w.members("acme.admins", "max")},
				{actor: "olga", name: "setGroupRoles", input: roles("acme.team")},
			},
		},
		{
			name:   "the role of the group",
			revoke: call{actor: "olga", name: "setGroupRoles", input: roles("acme.admins")},
			acts:   []call{{actor: "gail", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": fresh("admins"), "roles": []string{"org:admin"}}}},
			undo:   []call{{actor: "olga", name: "setGroupRoles", input: roles("acme.admins", "org:admin")}},
		},
		{
			name:   "a right in the partner, while it is used below",
			revoke: call{actor: "paula", name: "removeGroupMembers", input: w.members("northwind.admins", "pia")},
			acts: []call{
				{actor: "pia", name: "addGroupMembers", input: w.members("acme.users", "neo")},
				{actor: "pia", name: "setGroupRoles", input: roles("acme.team", "org:users")},
				{actor: "pia", name: "createGroup", input: map[string]any{"organizationId": w.ids["bravo"], "name": fresh("Admins"), "roles": []string{"org:admin"}}},
				{actor: "pia", name: "createOrganization", input: map[string]any{"managedById": w.ids["northwind"], "name": "Venture", "slug": fresh("venture"), "ownerEmail": fresh("owner") + "@venture.example"}},
			},
			undo: []call{
				{actor: "paula", name: "addGroupMembers", input: w.members("northwind.admins", "pia")},
				{actor: "olga", name: "removeGroupMembers", input: w.members("acme.users", "neo")},
				{actor: "olga", name: "setGroupRoles", input: roles("acme.team")},
			},
		},
		{
			name:   "a switch, where it is",
			revoke: call{actor: "olga", name: "setSetting", input: setting("acme", false)},
			acts:   []call{{actor: "adam", name: "addGroupMembers", input: w.members("acme.editors", "neo")}},
			undo: []call{
				{actor: "olga", name: "setSetting", input: setting("acme", true)},
				{actor: "olga", name: "removeGroupMembers", input: w.members("acme.editors", "neo")},
			},
		},
		{
			name:   "a switch, above",
			revoke: call{actor: "ada", name: "setSetting", input: setting("northwind", false)},
			acts:   []call{{actor: "pete", name: "addGroupMembers", input: w.members("northwind.editors", "penny")}, {actor: "seb", name: "addGroupMembers", input: w.members("bravo.editors", "ben")}},
			undo: []call{
				{actor: "ada", name: "setSetting", input: setting("northwind", true)},
				{actor: "ada", name: "removeGroupMembers", input: w.members("northwind.editors", "penny")},
				{actor: "ada", name: "removeGroupMembers", input: w.members("bravo.editors", "ben")},
			},
		},
	}
}

// TestNothingIsDoneByARightThatWasTaken takes a right from somebody who uses it
// at the same time: whatever they do by it is in the journal before the right is
// taken, so that nothing happens after that was answered.
func TestNothingIsDoneByARightThatWasTaken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.team(t, "acme", "team")
		w.person(t, "bravo", "seb", "bravo.administrators")
		w.person(t, "bravo", "ben")
		for _, slug := range []string{"acme", "northwind"} {
			w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids[slug], "key": membersSwitch, "value": true}})
		}
		before, after := 0, 0
		for round := range rounds() {
			for _, r := range revocations(w, round) {
				was := w.latest(t)
				told := w.race(t, append([]call{r.revoke}, r.acts...)...)
				b, a := w.checkRevocation(t, r, told, w.doneAfter(t, was))
				before, after = before+b, after+a
				w.do(t, r.undo...)
			}
		}
		t.Logf("%d acts came before, %d too late", before, after)
	})
}

// checkRevocation returns how many acts came before the right was taken and how
// many too late.
func (w *world) checkRevocation(t *testing.T, r revocation, told, done []string) (before, after int) {
	t.Helper()
	if told[0] != "y" {
		t.Errorf("%s: to take it is told %s", r.name, told[0])
	}
	taken := slices.Index(done, r.revoke.actor+" "+r.revoke.name)
	for _, late := range done[taken+1:] {
		t.Errorf("%s: %s was done after the right was taken: %v, told %v", r.name, late, done, told)
	}
	for i, act := range r.acts {
		switch answer, _, _ := strings.Cut(told[1+i], " "); answer {
		case "y":
			before++
			if !slices.Contains(done, act.actor+" "+act.name) {
				t.Errorf("%s: %s is told of %s that it is done", r.name, act.actor, act.name)
			}
		case "F", "-", "CONFLICT":
			after++
		default:
			t.Errorf("%s: %s %s is told %s", r.name, act.actor, act.name, told[1+i])
		}
	}
	return before, after
}

// pair is two changes each of which somebody may make, but not both: together
// they would put a right into hands that may not hold it.
type pair struct {
	name        string
	first, then call
	// hand is who must not get the permission in the place, if they are in the
	// actor's hands: from the beginning, or by a key that the second call makes.
	hand, place, permission string
}

// TestTwoChangesAtOnceGiveNothing makes two changes at the same time that a
// manager may make one of: what one of them decides upon, the other changes.
func TestTwoChangesAtOnceGiveNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		for round := range rounds() {
			for _, p := range pairs(t, w, round) {
				told := w.race(t, p.first, p.then)
				if counts := tallyOf(told); counts["y"] != 1 || counts["F"] != 1 {
					t.Errorf("%s: told %v, want that one is refused", p.name, told)
				}
				if p.then.name == "createApiKey" && told[1] != "y" {
					continue
				}
				if held := w.may(t, p.hand, p.place); slices.Contains(held, p.permission) {
					t.Errorf("%s: told %v, and now holds %s", p.name, told, p.permission)
				}
			}
		}
	})
}

// pairs makes what each pair is about.
func pairs(t *testing.T, w *world, round int) []pair {
	t.Helper()
	n := 0
	fresh := func(word string) string {
		n++
		return fmt.Sprintf("%s-%d-%d", word, round, n)
	}
	team := func() string {
		name := fresh("team")
		w.team(t, "acme", name)
		return "acme." + name
	}
	// hand makes an account of which the actor knows the password.
	hand := func(actor string) string {
		name := fresh("hand")
		w.name(name, w.made(t, call{actor: actor, name: "createUser", input: map[string]any{
			"organizationId": w.ids["acme"], "username": name, "email": name + "@acme.example",
		}}, "user.id"))
		w.passwordSet(t, w.ids[name], w.ids[actor])
		return name
	}
	bot := func() string {
		name := fresh("bot")
		w.name(name, w.made(t, call{actor: "ada", name: "createApplication", input: map[string]any{"organizationId": w.ids["acme"], "name": name}}, "application.id"))
		return name
	}
	products := []map[string]any{{"permissionSets": []string{"AllProductsFullAccess"}, "allProjects": true}}
	policy := func(principal string) call {
		input := map[string]any{"organizationId": w.ids["acme"], "name": fresh("policy"), "rules": products}
		if principal != "" {
			input["principalId"] = w.ids[principal]
		}
		return call{actor: "ada", name: "createPolicy", input: input}
	}
	admin := func(group string) map[string]any {
		return map[string]any{"groupId": w.ids[group], "roles": []string{"org:admin"}}
	}
	key := func(application string) call {
		return call{actor: "ada", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids[application]}}
	}
	var list []pair
	{
		group, name := team(), hand("pia")
		list = append(list, pair{
			name: "roles and members", first: call{actor: "pia", name: "setGroupRoles", input: admin(group)},
			then: call{actor: "pia", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme", permission: "policies:write",
		})
	}
	{
		group, name := team(), bot()
		w.do(t, key(name))
		list = append(list, pair{
			name: "roles and applications", first: call{actor: "ada", name: "setGroupRoles", input: admin(group)},
			then: call{actor: "ada", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme", permission: "policies:write",
		})
	}
	{
		name := bot()
		list = append(list, pair{
			name: "places and keys", first: call{actor: "ada", name: "addGroupMembers", input: w.members("acme.admins", name)},
			then: key(name),
			hand: name, place: "acme", permission: "policies:write",
		})
	}
	{
		name := bot()
		list = append(list, pair{name: "policies and keys", first: policy(name), then: key(name), hand: name, place: "acme.project", permission: "resources:write"})
	}
	{
		group, name := team(), hand("ada")
		list = append(list, pair{
			name: "policies and members", first: policy(group),
			then: call{actor: "ada", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme.project", permission: "resources:write",
		})
	}
	{
		group, name := team(), hand("ada")
		orphan := w.made(t, policy(""), "policy.id")
		list = append(list, pair{
			name: "principals and members", first: call{actor: "ada", name: "setPolicyPrincipal", input: map[string]any{"policyId": orphan, "principalId": w.ids[group]}},
			then: call{actor: "ada", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme.project", permission: "resources:write",
		})
	}
	{
		group, name := team(), hand("ada")
		c := policy(group)
		c.input["rules"] = []any{}
		empty := w.made(t, c, "policy.id")
		list = append(list, pair{
			name: "rules and members", first: call{actor: "ada", name: "setPolicyRules", input: map[string]any{"policyId": empty, "rules": products}},
			then: call{actor: "ada", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme.project", permission: "resources:write",
		})
	}
	{
		group, name := team(), hand("pia")
		list = append(list, pair{
			name: "projects and members", first: call{actor: "pia", name: "setGroupProjects", input: map[string]any{"groupId": w.ids[group], "projectIds": []string{w.ids["acme.project"]}}},
			then: call{actor: "pia", name: "addGroupMembers", input: w.members(group, name)},
			hand: name, place: "acme.project", permission: "resources:write",
		})
	}
	return list
}

// TestRolesAndNewPeopleAtOnce is a pair of which both may be refused nothing but
// a right: the new person is there only if they did not get it.
func TestRolesAndNewPeopleAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		for round := range rounds() {
			group, name := fmt.Sprintf("team-%d", round), fmt.Sprintf("hand-%d", round)
			w.team(t, "acme", group)
			told := w.race(t,
				call{actor: "pia", name: "setGroupRoles", input: map[string]any{"groupId": w.ids["acme."+group], "roles": []string{"org:admin"}}},
				call{actor: "pia", name: "createUser", input: map[string]any{
					"organizationId": w.ids["acme"], "username": name, "email": name + "@acme.example", "password": "a long password, known to two",
					"groupIds": []string{w.ids["acme."+group]},
				}})
			if counts := tallyOf(told); counts["y"] != 1 || counts["F"] != 1 {
				t.Fatalf("round %d: the roles: %s, the person: %s", round, told[0], told[1])
			}
		}
	})
}

// TestProjectsGoWithAllThatNamesThem deletes a project while policies and groups
// come to name it.
func TestProjectsGoWithAllThatNamesThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.team(t, "acme", "team")
		outcomes := map[string]int{}
		for round := range rounds() {
			id := w.made(t, call{actor: "olga", name: "createProject", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("project-%d", round)}}, "project.id")
			rules := []map[string]any{
				{"permissionSets": []string{"ProjectMember"}, "projectIds": []string{id}},
				{"permissionSets": []string{"CredentialsReadOnly"}, "projectIds": []string{id, w.ids["acme.project"]}},
			}
			old := w.made(t, call{actor: "olga", name: "createPolicy", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("old-%d", round), "rules": rules}}, "policy.id")
			told := w.race(t,
				call{actor: "olga", name: "deleteProject", input: map[string]any{"projectId": id}},
				call{actor: "olga", name: "createPolicy", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("new-%d", round), "rules": rules}},
				call{actor: "gail", name: "setPolicyRules", input: map[string]any{"policyId": old, "rules": rules}},
				call{actor: "gail", name: "setGroupProjects", input: map[string]any{"groupId": w.ids["acme.team"], "projectIds": []string{id}}},
				call{actor: "gail", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "defaultProjectId": id}},
			)
			for i, answer := range told {
				code, _, _ := strings.Cut(answer, " ")
				outcomes[fmt.Sprint(i, code)]++
				if i == 0 && code != "y" && code != "CONFLICT" || !slices.Contains([]string{"y", "-", "INVALID", "CONFLICT"}, code) {
					t.Errorf("round %d: %v", round, told)
				}
			}
			if strings.HasPrefix(told[0], "y") {
				w.checkProjectGone(t, id)
			}
		}
		t.Log(outcomes)
	})
}

// checkProjectGone looks for what still names a project, and for rules without
// projects, which would have to go with their last one.
func (w *world) checkProjectGone(t *testing.T, id string) {
	t.Helper()
	gone := one(t, func() (typeid.ID, error) { return typeid.Parse(id) })
	ctx, client := w.system(t), w.platform.db.Client()
	rows := one(t, func() ([]*ent.AccessPolicy, error) {
		return client.AccessPolicy.Query().Where(accesspolicy.OrganizationID(w.key(t, "acme"))).All(ctx)
	})
	for _, row := range rows {
		for _, rule := range row.Rules {
			if rule.Scope.Kind != access.ScopeProjects {
				continue
			}
			if len(rule.Scope.Projects) == 0 {
				t.Errorf("the policy %s has a rule for no project", row.Name)
			}
			for _, p := range rule.Scope.Projects {
				if uuid.UUID(p) == gone.UUID {
					t.Errorf("the policy %s names a project that is gone", row.Name)
				}
			}
		}
		if strings.HasPrefix(row.Name, "old-") || strings.HasPrefix(row.Name, "new-") {
			for _, rule := range row.Rules {
				if rule.Scope.Kind != access.ScopeProjects {
					t.Errorf("a rule of the policy %s has widened to %s", row.Name, rule.Scope.Kind)
				}
			}
		}
	}
	left := one(t, func() (int, error) {
		return client.GroupProject.Query().Where(groupproject.ProjectID(gone.UUID)).Count(ctx)
	})
	if left != 0 {
		t.Errorf("%d groups are still in a project that is gone", left)
	}
}

// TestGroupsGoAndLeaveOrphans deletes a group while policies are given to it.
func TestGroupsGoAndLeaveOrphans(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		outcomes := map[string]int{}
		rules := []map[string]any{{"permissionSets": []string{"AuditReadOnly"}, "organization": true}}
		for round := range rounds() {
			name := fmt.Sprintf("team-%d", round)
			w.team(t, "acme", name)
			group := w.ids["acme."+name]
			policy := func(word string) call {
				return call{actor: "olga", name: "createPolicy", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprint(word, round), "rules": rules}}
			}
			given, fresh := w.made(t, policy("given"), "policy.id"), policy("fresh")
			fresh.input["principalId"] = group
			told := w.race(t,
				call{actor: "olga", name: "deleteGroup", input: map[string]any{"groupId": group}},
				fresh,
				call{actor: "gail", name: "setPolicyPrincipal", input: map[string]any{"policyId": given, "principalId": group}},
				call{actor: "gail", name: "addGroupMembers", input: w.members("acme."+name, "max")},
			)
			for i, answer := range told {
				code, _, _ := strings.Cut(answer, " ")
				outcomes[fmt.Sprint(i, code)]++
				if i == 0 && code != "y" || !slices.Contains([]string{"y", "-", "INVALID"}, code) {
					t.Errorf("round %d: %v", round, told)
				}
			}
			bound := one(t, func() (int, error) {
				return w.platform.db.Client().AccessPolicy.Query().
					Where(accesspolicy.NameIn(fmt.Sprint("given", round), fmt.Sprint("fresh", round)), accesspolicy.GroupIDNotNil()).Count(w.system(t))
			})
			if bound != 0 {
				t.Errorf("round %d: %d policies are given to a group that is gone: %v", round, bound, told)
			}
		}
		if slices.Contains(w.may(t, "max", "acme"), "audit:read") {
			t.Error("a policy without a principal gives something")
		}
		t.Log(outcomes)
	})
}

// TestQuotasOfRightsHoldUnderConcurrency makes many things at once where few fit.
func TestQuotasOfRightsHoldUnderConcurrency(t *testing.T) {
	t.Parallel()
	const room, writers = 10, 50
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		bot := w.made(t, call{actor: "bob", name: "createApplication", input: map[string]any{"organizationId": w.ids["bravo"], "name": "bot"}}, "application.id")
		for _, tt := range []struct {
			quota, name string
			had         int
			input       func(i int) map[string]any
		}{
			{"quotas.policies", "createPolicy", 0, func(i int) map[string]any {
				return map[string]any{"name": fmt.Sprint("policy ", i), "rules": []map[string]any{{"permissionSets": []string{"AuditReadOnly"}, "organization": true}}}
			}},
			{"quotas.applications", "createApplication", 1, func(i int) map[string]any { return map[string]any{"name": fmt.Sprint("bot ", i)} }},
			{"quotas.api_keys", "createApiKey", 0, func(i int) map[string]any {
				if i%2 == 0 {
					return map[string]any{"applicationId": bot}
				}
				return map[string]any{}
			}},
		} {
			w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["bravo"], "key": tt.quota, "value": room, "side": "MANAGER"}})
			told := together(writers, func(i int) string {
				input := tt.input(i)
				input["organizationId"] = w.ids["bravo"]
				return told(t, w.send(t, call{actor: "bob", name: tt.name, input: input}, "clientMutationId"))
			})
			want := map[string]int{"y": room - tt.had, "LIMIT_EXCEEDED": writers - room + tt.had}
			if diff := gocmp.Diff(want, tallyOf(told)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

// TestKeysEndAtOnce deletes a key while it is used: whatever was done with it
// was done before.
func TestKeysEndAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.name("robot", w.made(t, call{actor: "olga", name: "createApplication", input: map[string]any{"organizationId": w.ids["acme"], "name": "robot"}}, "application.id"))
		w.do(t, call{actor: "olga", name: "addGroupMembers", input: w.members("acme.groups", "robot")})
		for round := range rounds() {
			id, secret := w.newKey(t, call{actor: "olga", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["robot"]}})
			calls := []call{{actor: "olga", name: "deleteApiKey", input: map[string]any{"apiKeyId": id}}}
			for i := range 4 {
				calls = append(calls, call{bearer: secret, name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("robots-%d-%d", round, i)}})
			}
			was := w.latest(t)
			told := w.race(t, calls...)
			done := w.doneAfter(t, was)
			if last := cmp.Or(len(done), 1) - 1; told[0] != "y" || done[last] != "olga deleteApiKey" {
				t.Errorf("round %d: %v, told %v", round, done, told)
			}
			for _, answer := range told[1:] {
				if code, _, _ := strings.Cut(answer, " "); code != "y" && code != "UNAUTHENTICATED" {
					t.Errorf("round %d: told %s", round, answer)
				}
			}
		}
	})
}
