package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// tally counts the statements of a database.
type tally struct {
	mu         sync.Mutex
	statements []string
}

func (c *tally) observe(statement string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, statement)
}

// take returns what was counted and begins again.
func (c *tally) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.statements
	c.statements = nil
	return taken
}

// counted opens an empty migrated database whose statements are counted.
func counted(t *testing.T, url string) (*database.DB, *tally) {
	t.Helper()
	c := &tally{}
	options := dbtest.Options()
	options.Observe = c.observe
	db, err := database.Open(context.Background(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db, c
}

// TestStatementsDoNotDependOnHowMany asks the same of few and of many
// organizations with groups and members, and counts statements.
func TestStatementsDoNotDependOnHowMany(t *testing.T) {
	t.Parallel()
	questions := map[string]struct{ document, variables string }{
		"Organizations":   {contract(t, "Organizations"), `{"first": 100}`},
		"Organization":    {contract(t, "Organization"), `{"id": "%s"}`},
		"PartnerOverview": {contract(t, "PartnerOverview"), `{"id": "%s", "first": 100}`},
		"Settings":        {`query { organizations(first: 100) { edges { node { effectiveSettings(keys: ["quotas.users"]) { value chain { because } } settingValues(keys: ["variables"]) } } } }`, ""},
		"People": {`query { organizations(first: 100) { edges { node { owner { email } members(first: 2) { totalCount edges { node { lastLoginAt organization { name managedBy { name } } user { email }
			effectiveSettings(keys: ["customize.locale"]) { value } } } } } } } }`, ""},
		"Groups": {`query { organizations(first: 100) { edges { node { groups(first: 3) { totalCount edges { node { memberCount members { totalCount edges { node { id ... on User { email } } } }
			effectiveSettings(keys: ["variables"]) { value } } } } projects { totalCount edges { node { name } } } } } } }`, ""},
		"Access": {`query { organizations(first: 100) { edges { node {
			accessRequests(first: 2) { totalCount edges { node { organization { name } user { name } } } } notices(first: 2) { totalCount edges { node { actor { name } } } }
			groups(first: 3) { edges { node { viewerPermissions effectiveGrants { source { group { name } policy { name } } } } } }
			members(first: 2) { edges { node { viewerPermissions effectiveGrants { source { group { name } policy { name } } } } } } } } } }`, ""},
		"Tree": {`query { organizations(first: 100) { edges { node { managedBy { name } ancestors { name } viewerPermissions customerReference
			managedOrganizations(first: 2) { totalCount edges { node { memberCount owner { email } } } } } } } }`, ""},
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newForgetfulWorld(t, db)
			ask := func() map[string][]string {
				counts := map[string][]string{}
				for question, q := range questions {
					variables := strings.ReplaceAll(q.variables, "%s", w.ids["northwind"])
					c.take()
					if answer := w.ask(t, "paula", q.document, variables); strings.Contains(string(answer), `"errors"`) {
						t.Fatalf("%s: %s", question, answer)
					}
					counts[question] = c.take()
				}
				return counts
			}
			populate(t, w, 0, 3)
			few := ask()
			populate(t, w, 3, 40)
			many := ask()
			for question := range questions {
				if len(few[question]) == 0 {
					t.Errorf("%s: nothing was counted", question)
				}
				if len(few[question]) != len(many[question]) {
					t.Errorf("%s takes %d statements for few and %d for many:\n%s", question, len(few[question]), len(many[question]), strings.Join(many[question], "\n"))
				}
			}
		})
	}
}

// populate makes customers of northwind, each with a group of its own, two
// people in it and settings.
func populate(t *testing.T, w *world, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		slug := fmt.Sprintf("customer-%d", i)
		w.organization(t, slug, "STANDARD", "northwind", fmt.Sprintf("owner%d", i))
		w.team(t, slug, "team")
		w.person(t, slug, fmt.Sprintf("first%d", i), slug+".team")
		w.person(t, slug, fmt.Sprintf("second%d", i), slug+".team")
		w.request(t, "paula", slug, "EDITORS")
		w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": w.ids[slug+".team"], "key": "variables", "value": map[string]any{"I": fmt.Sprint(i)},
		}})
	}
}
