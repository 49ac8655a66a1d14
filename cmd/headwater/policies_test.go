package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/resolvers"
)

// TestStatementsOfPoliciesDoNotDependOnHowMany reads few and many policies of
// every kind of principal, with their projects.
func TestStatementsOfPoliciesDoNotDependOnHowMany(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newWorld(t, db)
			w.team(t, "acme", "team")
			w.arrange(t, "application acme.deployer")
			document := `query($id: ID!) { organization(id: $id) {
				policies(first: 100) { totalCount edges { node { viewerPermissions organization { name } principal { id name } rules { permissionSets projects { name } } } } }
				groups(first: 100) { edges { node { policies(first: 3) { totalCount edges { node { principal { name } } } } } } }
			} }`
			populate := func(n int) {
				for range n {
					for _, principal := range []string{"max", "deployer", "acme.team", ""} {
						w.policy(t, "policy of "+principal, "olga", principal, map[string]any{"permissionSets": []string{"AllProductsReadOnly"}, "projectIds": []string{w.ids["acme.project"]}})
					}
				}
			}
			count := func() []string {
				c.take()
				w.must(t, "olga", document, map[string]any{"id": w.ids["acme"]})
				return c.take()
			}
			populate(1)
			few := count()
			populate(10)
			many := count()
			if len(few) == 0 || len(few) != len(many) {
				t.Errorf("%d statements for few and %d for many:\n%s", len(few), len(many), strings.Join(many, "\n"))
			}
		})
	}
}

// TestPolicyOfAGroupThatGoes gives a policy to a group while the group is
// deleted: the policy is refused or left as an orphan.
func TestPolicyOfAGroupThatGoes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			name := fmt.Sprintf("team-%d", round)
			w.team(t, "acme", name)
			group := "acme." + name
			rule := map[string]any{"permissionSets": []string{"AuditReadOnly"}, "organization": true}
			results := together(2, func(i int) string {
				if i == 0 {
					return told(t, w.askWith(t, "olga", mutation("createPolicy", "policy { id }"), map[string]any{"i": w.policyInput(group, rule)}))
				}
				return told(t, w.askWith(t, "olga", mutation("deleteGroup", "groupId"), map[string]any{"i": map[string]any{"groupId": w.ids[group]}}))
			})
			if results[1] != "y" || results[0] != "y" && !strings.HasPrefix(results[0], "INVALID") {
				t.Fatalf("round %d: %v", round, results)
			}
			left, err := db.Client().AccessPolicy.Query().Where(accesspolicy.GroupID(w.key(t, group))).Count(w.system(t))
			if err != nil || left > 0 {
				t.Fatalf("round %d: %d policies of a group that is gone, %v", round, left, err)
			}
		}
	})
}

// TestDocumentedPolicies validates the documents that docs/access.md shows.
func TestDocumentedPolicies(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindAllStringSubmatch(string(content), -1)
	if len(blocks) < 2 {
		t.Fatalf("the page shows only %d documents", len(blocks))
	}
	schema := resolvers.NewSchema(&resolvers.Resolver{}).Schema()
	for _, block := range blocks {
		if _, errs := gqlparser.LoadQueryWithRules(schema, block[1], rules.NewDefaultRules()); len(errs) > 0 {
			t.Errorf("%v in\n%s", errs, block[1])
		}
	}
}
