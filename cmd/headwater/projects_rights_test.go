package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestRightsInProjects is TestRights for projects and what is in them. Beside
// the staff there are mia, in a group that reaches acme.site, and kim and ron,
// whom policies give the credentials of acme.site: to write and to read.
func TestRightsInProjects(t *testing.T) {
	t.Parallel()
	const actors = `ada pat paula pia penny pete sven rita bob cora  olga gail seth uma greg adam edna bill max deployer  mia kim ron`
	const matrix = `
create project                  y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F         F   F   F
rename project                  y   -   F     F   -     -    -    -    -   -     y    y    -    -   -    y    F    -    -   -         F   F   F
rename another project          y   -   F     F   -     -    -    -    -   -     y    y    -    -   -    y    F    -    -   -         -   -   -
delete project                  y   -   F     F   -     -    -    -    -   -     y    y    -    -   -    y    F    -    -   -         -   -   -
read project                    y   -   y     y   -     -    -    -    -   -     y    y    -    -   -    y    y    -    -   -         y   y   y
read another project            y   -   y     y   -     -    -    -    -   -     y    y    -    -   -    y    y    -    -   -         -   -   -
projects of a group             y   -   y     y   -     -    -    -    -   -     y    y    -    F   INV  y    -    -    -   -         -   -   -
create group with projects      y   -   y     y   -     -    -    -    -   -     y    y    F    F   INV  y    F    F    F   F         F   F   F
register resource               F   -   F     F   -     -    -    -    -   -     y    F    -    -   -    y    y    -    -   -         y   F   F
register in another project     F   -   F     F   -     -    -    -    -   -     y    F    -    -   -    y    y    -    -   -         -   -   -
read resource                   -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         y   -   -
update resource                 -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         y   -   -
release resource                -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         y   -   -
add SSH key                     F   -   F     F   -     -    -    -    -   -     y    F    -    -   -    y    y    -    -   -         F   y   F
read SSH key                    -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   y
update SSH key                  -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   F
delete SSH key                  -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   F
`
	who := strings.Fields(actors)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.settleProjects(t)
		operations := projectAttempts()
		for row := range strings.Lines(strings.TrimSpace(matrix)) {
			name, cells := rowOf(t, row, len(who))
			try, ok := operations[name]
			if !ok {
				t.Fatalf("what is %q?", name)
			}
			delete(operations, name)
			for i, actor := range who {
				got := told(t, try(t, w, actor))
				if strings.HasPrefix(got, "INVALID ") {
					got = "INV"
				}
				if got != cells[i] {
					t.Errorf("%s: %s is told %s, want %s", name, actor, got, cells[i])
				}
			}
		}
		for name := range operations {
			t.Errorf("%s is in no row", name)
		}
	})
}

// settleProjects makes the project acme.site with what is in it and people who
// have rights in it alone.
func (w *world) settleProjects(t *testing.T) {
	t.Helper()
	w.project(t, "site")
	answer := w.must(t, "olga", mutation("createGroup", "group { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids["acme"], "name": "crew", "projectIds": []string{w.ids["acme.site"]},
	}})
	w.name("acme.crew", dig(answer, "createGroup.group.id"))
	w.person(t, "acme", "mia", "acme.crew")
	for name, set := range map[string]string{"kim": "CredentialsFullAccess", "ron": "CredentialsReadOnly"} {
		w.person(t, "acme", name)
		w.must(t, "olga", mutation("createPolicy", "policy { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "name": name, "principalId": w.ids[name],
			"rules": []any{map[string]any{"permissionSets": []string{set}, "projectIds": []string{w.ids["acme.site"]}}},
		}})
	}
}

// projectAttempts are the operations of TestRightsInProjects. What is changed
// or deleted is made for one attempt only.
func projectAttempts() map[string]attempt {
	n := 0
	fresh := func() int {
		n++
		return n
	}
	mutate := func(name, selection string, input func(t *testing.T, w *world) map[string]any) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, mutation(name, selection), map[string]any{"i": input(t, w)})
		}
	}
	read := func(id func(t *testing.T, w *world) string) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id(t, w)})
		}
	}
	named := func(name string) func(*testing.T, *world) string {
		return func(_ *testing.T, w *world) string { return w.ids[name] }
	}
	project := func(t *testing.T, w *world) string {
		t.Helper()
		name := "project-" + fmt.Sprint(fresh())
		w.project(t, name)
		return w.ids["acme."+name]
	}
	resource := func(t *testing.T, w *world) string {
		t.Helper()
		w.machine(t, "acme.one", "olga", "acme.site")
		return w.ids["acme.one"]
	}
	key := func(t *testing.T, w *world) string {
		t.Helper()
		w.sshKey(t, "acme.laptop", "olga", "acme.site", fresh())
		return w.ids["acme.laptop"]
	}
	register := func(name string) attempt {
		return mutate("registerResource", "resource { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"projectId": w.ids[name], "kind": "vm", "name": "one"}
		})
	}
	rename := func(name string) attempt {
		return mutate("updateProject", "project { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"projectId": w.ids[name], "name": fmt.Sprintf("renamed-%d", fresh())}
		})
	}
	return map[string]attempt{
		"create project": mutate("createProject", "project { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("new-%d", fresh())}
		}),
		"rename project":         rename("acme.site"),
		"rename another project": rename("acme.project"),
		"delete project": mutate("deleteProject", "projectId", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"projectId": project(t, w)}
		}),
		"read project":         read(named("acme.site")),
		"read another project": read(named("acme.project")),
		"projects of a group": mutate("setGroupProjects", "group { id }", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"groupId": newGroup(t, w, func(word string) string { return fmt.Sprintf("%s-%d", word, fresh()) }), "projectIds": []string{w.ids["acme.site"]}}
		}),
		"create group with projects": mutate("createGroup", "group { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("with-%d", fresh()), "projectIds": []string{w.ids["acme.site"]}}
		}),
		"register resource":           register("acme.site"),
		"register in another project": register("acme.project"),
		"read resource":               read(resource),
		"update resource": mutate("updateResource", "resource { id }", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"resourceId": resource(t, w), "name": "two"}
		}),
		"release resource": mutate("releaseResource", "resource { id }", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"resourceId": resource(t, w)}
		}),
		"add SSH key": mutate("addSshKey", "sshKey { id }", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"projectId": w.ids["acme.site"], "name": "one", "publicKey": publicKey(t, fresh())}
		}),
		"read SSH key": read(key),
		"update SSH key": mutate("updateSshKey", "sshKey { id }", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"sshKeyId": key(t, w), "disabled": true}
		}),
		"delete SSH key": mutate("deleteSshKey", "sshKeyId", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			return map[string]any{"sshKeyId": key(t, w)}
		}),
	}
}
