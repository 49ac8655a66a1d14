package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
)

// TestQuotasOfKeysHoldAtTheLimit makes far more applications and keys than there
// is room for, all at once.
func TestQuotasOfKeysHoldAtTheLimit(t *testing.T) {
	t.Parallel()
	const writers, limit = 50, 10
	for quota, tt := range map[string]struct {
		action string
		input  func(w *world, i int) map[string]any
	}{
		"quotas.applications": {"createApplication", func(w *world, i int) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("application %d", i)}
		}},
		"quotas.api_keys": {"createApiKey", func(w *world, i int) map[string]any {
			return []map[string]any{
				{"organizationId": w.ids["acme"]},
				{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]},
				{"organizationId": w.ids["acme"], "projectId": w.ids["acme.project"]},
			}[i%3]
		}},
	} {
		t.Run(quota, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				if quota == "quotas.api_keys" {
					w.arrange(t, "application acme.deployer")
				}
				w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
					"scopeId": w.ids["acme"], "key": quota, "value": limit, "side": "MANAGER",
				}})
				results := together(writers, func(i int) string {
					return told(t, w.askWith(t, "olga", mutation(tt.action, "clientMutationId"), map[string]any{"i": tt.input(w, i)}))
				})
				if counts := tallyOf(results); counts["y"] != limit || counts["LIMIT_EXCEEDED"] != writers-limit {
					t.Errorf("%v", counts)
				}
			})
		})
	}
}

// TestFirstKeysOfAProjectShareAnApplication makes the first keys of a project at
// once: one of them makes the application, and all are its.
func TestFirstKeysOfAProjectShareAnApplication(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			name := fmt.Sprintf("project-%d", round)
			w.project(t, name)
			id := w.key(t, "acme."+name)
			results := together(writers, func(int) string {
				return told(t, w.askWith(t, "olga", mutation("createApiKey", "clientMutationId"), map[string]any{"i": map[string]any{
					"organizationId": w.ids["acme"], "projectId": w.ids["acme."+name],
				}}))
			})
			if counts := tallyOf(results); counts["y"] != writers {
				t.Fatalf("round %d: %v", round, results)
			}
			bearer := one(t, func() (int, error) {
				return db.Client().Application.Query().Where(application.ProjectID(id)).Count(w.system(t))
			})
			keys := one(t, func() (int, error) {
				return db.Client().APIKey.Query().Where(apikey.HasApplicationWith(application.ProjectID(id))).Count(w.system(t))
			})
			if bearer != 1 || keys != writers {
				t.Errorf("round %d: %d applications with %d keys", round, bearer, keys)
			}
		}
	})
}

// TestNoKeyOutlivesItsApplication deletes an application while keys are made for
// it and turned over.
func TestNoKeyOutlivesItsApplication(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			name := fmt.Sprintf("bot-%d", round)
			w.arrange(t, "application acme."+name)
			w.issueKey(t, name+".key", "olga", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids[name]})
			results := together(4, func(i int) string {
				switch i {
				case 0:
					return told(t, w.askWith(t, "olga", mutation("deleteApplication", "applicationId"), map[string]any{"i": map[string]any{"applicationId": w.ids[name]}}))
				case 1:
					return told(t, w.askWith(t, "olga", mutation("rotateApiKey", "clientMutationId"), map[string]any{"i": map[string]any{"apiKeyId": w.ids[name+".key"]}}))
				default:
					return told(t, w.askWith(t, "olga", mutation("createApiKey", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids[name]}}))
				}
			})
			for i, result := range results {
				if result != "y" && (i == 0 || result != "-") {
					t.Fatalf("round %d: %v", round, results)
				}
			}
			left := one(t, func() (int, error) { return db.Client().APIKey.Query().Count(w.system(t)) })
			if left != 0 {
				t.Fatalf("round %d: %d keys are left: %v", round, left, results)
			}
		}
	})
}

// TestOneSecretOfAKeyIsGood turns a key over many times at once: the secret that
// is good in the end is one of those that were told.
func TestOneSecretOfAKeyIsGood(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.issueKey(t, "key", "max", map[string]any{"organizationId": w.ids["acme"]})
		for round := range rounds() {
			secrets := together(writers, func(int) string {
				return dig(w.must(t, "max", mutation("rotateApiKey", "secret"), map[string]any{"i": map[string]any{"apiKeyId": w.ids["key"]}}), "rotateApiKey.secret")
			})
			good := 0
			for _, secret := range secrets {
				if told, _ := present(t, w.url, secret); told.Status == http.StatusOK {
					good++
				}
			}
			if old, _ := present(t, w.url, w.bearers["key"]); good != 1 || old.Status != http.StatusUnauthorized {
				t.Fatalf("round %d: %d secrets are good, and the first is told %+v", round, good, old)
			}
		}
	})
}

// TestStatementsDoNotDependOnHowManyKeys asks the same of few and of many
// applications and keys, as their owner and with a key, and counts statements.
func TestStatementsDoNotDependOnHowManyKeys(t *testing.T) {
	t.Parallel()
	const keys = `totalCount edges { node { description bearer { __typename id name ... on User { email } } organization { name } defaultProject { name } viewerPermissions } }`
	questions := map[string]string{
		"applications": `query($id: ID!) { organization(id: $id) { applications(first: 50, orderBy: {field: NAME}) {
			totalCount edges { node { name organization { name } viewerPermissions groups(first: 3) { totalCount edges { node { name } } } apiKeys(first: 3) { ` + keys + ` } } } } } }`,
		"keys":             `query($id: ID!) { organization(id: $id) { apiKeys(first: 100) { ` + keys + ` } } }`,
		"keys of projects": `query($id: ID!) { organization(id: $id) { projects(first: 50) { edges { node { name apiKeys(first: 3) { ` + keys + ` } } } } } }`,
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newWorld(t, db)
			w.arrange(t, "application acme.deployer acme.administrators")
			w.issueKey(t, "key", "olga", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]})
			ask := func() map[string][]string {
				counts := map[string][]string{}
				for question, document := range questions {
					for _, actor := range []string{"olga", "key"} {
						c.take()
						answer := string(w.askWith(t, actor, document, map[string]any{"id": w.ids["acme"]}))
						if strings.Contains(answer, `"errors"`) || !strings.Contains(answer, "key 1") {
							t.Fatalf("%s by %s: %s", question, actor, answer)
						}
						counts[question+" by "+actor] = c.take()
					}
				}
				return counts
			}
			w.fillKeys(t, 0, 2)
			ask() // What memory lacks is read once.
			few := ask()
			w.fillKeys(t, 2, 20)
			ask()
			many := ask()
			for question := range few {
				if len(few[question]) == 0 || len(few[question]) != len(many[question]) {
					t.Errorf("%s takes %d statements for few and %d for many:\n%s", question, len(few[question]), len(many[question]), strings.Join(many[question], "\n"))
				}
			}
		})
	}
}

// fillKeys makes applications and projects with keys.
func (w *world) fillKeys(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		bot, project := fmt.Sprintf("bot-%d", i), fmt.Sprintf("project-%d", i)
		w.arrange(t, "application acme."+bot+" acme.editors")
		w.project(t, project)
		for j, input := range []map[string]any{{}, {"applicationId": w.ids[bot]}, {"projectId": w.ids["acme."+project]}} {
			input["organizationId"], input["description"] = w.ids["acme"], fmt.Sprintf("key %d", i)
			input["defaultProjectId"] = w.ids["acme."+project]
			w.issueKey(t, fmt.Sprintf("key-%d-%d", i, j), "olga", input)
		}
	}
}
