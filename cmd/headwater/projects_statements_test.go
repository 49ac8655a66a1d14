package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestStatementsDoNotDependOnHowManyProjects asks the same of few and of many
// projects with what is in them, as their owner and as a member of groups, and
// counts statements.
func TestStatementsDoNotDependOnHowManyProjects(t *testing.T) {
	t.Parallel()
	const (
		resources = `resources(first: 3) { totalCount edges { node { name project { name } group { name } createdBy { name } viewerPermissions } } }`
		keys      = `sshKeys(first: 3) { totalCount edges { node { name project { name } createdBy { name } viewerPermissions } } }`
	)
	questions := map[string]string{
		"projects": `query($id: ID!) { organization(id: $id) { projects(first: 50, where: {nameContains: "p"}, orderBy: {field: NAME}) {
			totalCount edges { node { name organization { name } viewerPermissions ` + resources + keys + ` groups(first: 3) { totalCount edges { node { name } } } } } } } }`,
		"projects of groups": `query($id: ID!) { organization(id: $id) { groups(first: 50) { edges { node { projects(first: 3) {
			totalCount edges { node { name organization { name } ` + resources + keys + ` } } } } } } } }`,
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newWorld(t, db)
			ask := func() map[string][]string {
				counts := map[string][]string{}
				for question, document := range questions {
					for _, actor := range []string{"olga", "max"} {
						c.take()
						answer := string(w.askWith(t, actor, document, map[string]any{"id": w.ids["acme"]}))
						if strings.Contains(answer, `"errors"`) || !strings.Contains(answer, "machine 1") {
							t.Fatalf("%s by %s: %s", question, actor, answer)
						}
						counts[question+" by "+actor] = c.take()
					}
				}
				return counts
			}
			w.fillProjects(t, 0, 2)
			few := ask()
			w.fillProjects(t, 2, 20)
			many := ask()
			for question := range few {
				if len(few[question]) == 0 || len(few[question]) != len(many[question]) {
					t.Errorf("%s takes %d statements for few and %d for many:\n%s", question, len(few[question]), len(many[question]), strings.Join(many[question], "\n"))
				}
			}
		})
	}
}

// fillProjects makes projects of acme, each with a group that max is in, a
// resource and an SSH key.
func (w *world) fillProjects(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		name := fmt.Sprintf("p%d", i)
		w.project(t, name)
		project := w.ids["acme."+name]
		answer := w.must(t, "olga", mutation("createGroup", "group { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "name": "team " + name, "projectIds": []string{project},
		}})
		group := dig(answer, "createGroup.group.id")
		w.must(t, "olga", mutation("addGroupMembers", "group { id }"), map[string]any{"i": map[string]any{"groupId": group, "principalIds": []string{w.ids["max"]}}})
		w.must(t, "max", mutation("registerResource", "resource { id }"), map[string]any{"i": map[string]any{
			"projectId": project, "groupId": group, "kind": "vm", "name": fmt.Sprintf("machine %d", i),
		}})
		w.must(t, "olga", mutation("addSshKey", "sshKey { id }"), map[string]any{"i": map[string]any{"projectId": project, "name": "laptop", "publicKey": publicKey(t, i)}})
	}
}
