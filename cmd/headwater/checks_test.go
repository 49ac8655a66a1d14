package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/typeid"
)

const checkDocument = `query($checks: [AccessCheckInput!]!) { checkAccess(checks: $checks) { allowed } }`

// checksOf returns n checks of olga's: about herself and others, on things of
// every kind.
func checksOf(t *testing.T, w *world, n int) []map[string]any {
	t.Helper()
	policy := one(t, func() (uuid.UUID, error) {
		return w.platform.db.Client().AccessPolicy.Query().Where(accesspolicy.GroupID(w.key(t, "acme.editors"))).OnlyID(w.system(t))
	})
	resources := []string{
		w.ids["acme"], w.ids["acme.project"], w.ids["acme.editors"], w.ids["acme.max"], w.ids["deployer"], w.ids["bravo"],
		typeid.New(typeid.Policy, policy).String(), w.ids["acme.request"],
	}
	principals := []string{"", w.ids["max"], w.ids["deployer"], w.ids["acme.editors"], w.ids["uma"]}
	list := make([]map[string]any, n)
	for i := range list {
		list[i] = map[string]any{"permission": "settings:write", "resourceId": resources[i%len(resources)]}
		if principal := principals[i/len(resources)%len(principals)]; principal != "" && resources[i%len(resources)] != w.ids["bravo"] {
			list[i]["principalId"] = principal
		}
	}
	return list
}

// TestChecksInBulk counts the statements of few and of many checks.
func TestChecksInBulk(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newForgetfulWorld(t, db)
			staff(t, w)
			answer := w.must(t, "paula", mutation("requestAccess", "accessRequest { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "reason": "To help."}})
			w.name("acme.request", dig(answer, "requestAccess.accessRequest.id"))
			ask := func(n int) (statements, allowed int) {
				checks := checksOf(t, w, n)
				c.take()
				answer := w.must(t, "olga", checkDocument, map[string]any{"checks": checks})
				statements = len(c.take())
				encoded, err := json.Marshal(answer)
				if err != nil {
					t.Fatal(err)
				}
				decided := strings.Count(string(encoded), "allowed")
				if decided != n {
					t.Errorf("%d checks have %d answers", n, decided)
				}
				return statements, strings.Count(string(encoded), "true")
			}
			few, _ := ask(40)
			many, allowed := ask(1000)
			if few == 0 || few != many {
				t.Errorf("40 checks take %d statements, 1000 take %d", few, many)
			}
			if allowed == 0 || allowed == 1000 {
				t.Errorf("%d of 1000 are allowed", allowed)
			}
			if got := told(t, w.askWith(t, "olga", checkDocument, map[string]any{"checks": checksOf(t, w, 1001)})); !strings.HasPrefix(got, "INVALID") {
				t.Errorf("1001 checks: %s", got)
			}
		})
	}
}

// TestOwnChecksReadNothing asks about oneself on organizations that are in
// memory.
func TestOwnChecksReadNothing(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newWorld(t, db)
			var checks []map[string]any
			for _, slug := range []string{"northwind", "fjord", "acme", "bravo", "cove", "platform"} {
				checks = append(checks, map[string]any{"permission": "settings:write", "resourceId": w.ids[slug]})
			}
			w.must(t, "paula", checkDocument, map[string]any{"checks": checks})
			c.take()
			w.must(t, "paula", checkDocument, map[string]any{"checks": checks})
			for _, statement := range c.take() {
				// Following the journal goes on meanwhile.
				if !strings.Contains(statement, "counters") && !strings.Contains(statement, "journal") && !strings.HasPrefix(statement, "BEGIN") {
					t.Errorf("a statement: %s", statement)
				}
			}
		})
	}
}

// TestChecksAgreeWithWhatHappens lets people of every role ask what they and the
// others may do, and compares with viewerPermissions.
func TestChecksAgreeWithWhatHappens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		people := []string{"olga", "gail", "seth", "uma", "greg", "adam", "edna", "bill", "max", "neo", "deployer", "paula", "pia", "pete", "sven", "rita", "ada"}
		for _, slug := range []string{"acme", "northwind", "cove"} {
			for _, who := range people {
				theirs := map[access.Permission]bool{}
				own := w.ask(t, who, fmt.Sprintf(`{ organization(id: %q) { viewerPermissions } }`, w.ids[slug]), "")
				var answer struct {
					Data struct {
						Organization *struct{ ViewerPermissions []access.Permission }
					}
				}
				if err := json.Unmarshal(own, &answer); err != nil {
					t.Fatal(err)
				}
				if answer.Data.Organization != nil {
					for _, p := range answer.Data.Organization.ViewerPermissions {
						theirs[p] = true
					}
				}
				for _, asker := range []string{who, "ada"} {
					var checks []map[string]any
					for _, p := range access.Permissions() {
						checks = append(checks, map[string]any{"principalId": w.ids[who], "permission": p, "resourceId": w.ids[slug]})
					}
					decisions, _ := w.must(t, asker, checkDocument, map[string]any{"checks": checks}).(map[string]any)["checkAccess"].([]any)
					for i, p := range access.Permissions() {
						if got := dig(decisions[i], "allowed") == "true"; got != theirs[p] {
							t.Errorf("%s in %s, asked by %s: %s is allowed: %t, and listed: %t", who, slug, asker, p, got, theirs[p])
						}
					}
				}
			}
		}
	})
}
