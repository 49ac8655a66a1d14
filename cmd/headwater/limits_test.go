package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
)

// TestLongestTexts tries texts of exactly the greatest length, in letters that
// take several bytes, and of one more.
func TestLongestTexts(t *testing.T) {
	t.Parallel()
	letters := func(n int) string { return strings.Repeat("ü", n) }
	for name, tt := range map[string]struct {
		mutation string
		longest  int
		actor    string
		input    func(w *world, text string) map[string]any
	}{
		"organization": {"createOrganization", 100, "paula", func(w *world, text string) map[string]any {
			return map[string]any{"managedById": w.ids["northwind"], "name": text, "ownerEmail": fmt.Sprintf("o%d@long.example", len(text))}
		}},
		"customer reference": {"updateOrganization", 100, "paula", func(w *world, text string) map[string]any {
			return map[string]any{"id": w.ids["acme"], "customerReference": text}
		}},
		"group": {"createGroup", 64, "paula", func(w *world, text string) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": text}
		}},
		"group whose small letters are longer": {"createGroup", 64, "paula", func(w *world, text string) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": strings.ReplaceAll(text, "ü", "İ")}
		}},
		"group description": {"updateGroup", 200, "paula", func(w *world, text string) map[string]any {
			return map[string]any{"groupId": w.ids["acme.editors"], "description": text}
		}},
		"application": {"createApplication", 64, "olga", func(w *world, text string) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": text}
		}},
		"application description": {"createApplication", 200, "olga", func(w *world, text string) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprint(len(text)), "description": text}
		}},
		"API key description": {"createApiKey", 200, "olga", func(w *world, text string) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "description": text}
		}},
		"person": {"createUser", 200, "paula", func(w *world, text string) map[string]any {
			name := fmt.Sprintf("u%d", len(text))
			return map[string]any{"organizationId": w.ids["acme"], "username": name, "email": name + "@long.example", "name": text}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				document := mutation(tt.mutation, "clientMutationId")
				if got := told(t, w.askWith(t, tt.actor, document, map[string]any{"i": tt.input(w, letters(tt.longest))})); got != "y" {
					t.Errorf("%d letters: %s", tt.longest, got)
				}
				if got := told(t, w.askWith(t, tt.actor, document, map[string]any{"i": tt.input(w, letters(tt.longest+1))})); !strings.HasPrefix(got, "INVALID") {
					t.Errorf("%d letters: %s, want INVALID", tt.longest+1, got)
				}
			})
		})
	}
}

func TestTreeIsAtMostSixteenDeep(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		manager := "northwind"
		for depth := 2; depth <= orgtree.MaxDepth; depth++ {
			slug := fmt.Sprintf("level-%d", depth)
			w.organization(t, slug, "PARTNER", manager, fmt.Sprintf("owner%d", depth))
			manager = slug
		}
		deepest := w.must(t, "ada", `query($id: ID!) { organization(id: $id) { depth ancestors { id } effectiveSettings(keys: ["quotas.users"]) { chain { level } } } }`,
			map[string]any{"id": w.ids[manager]})
		if got := dig(deepest, "organization.depth"); got != fmt.Sprint(orgtree.MaxDepth) {
			t.Errorf("the deepest organization has depth %s", got)
		}
		answer := w.askWith(t, "ada", mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
			"managedById": w.ids[manager], "name": "Too deep", "ownerEmail": "deep@deep.example",
		}})
		if got := told(t, answer); !strings.HasPrefix(got, "LIMIT_EXCEEDED") {
			t.Errorf("one level deeper: %s", got)
		}
	})
}

// TestPagesHaveADefaultSize fills every connection with more than a page and
// asks for it without saying how much.
func TestPagesHaveADefaultSize(t *testing.T) {
	t.Parallel()
	const n = page.DefaultSize + 10
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		crowd(t, w, n)
		document := `query($acme: ID!, $northwind: ID!, $team: ID!) {
			organizations { ...N }
			organization(id: $northwind) { managedOrganizations { ...N } all: managedOrganizations(recursive: true) { ...N } }
			acme: organization(id: $acme) { groups { totalCount edges { cursor } } members { totalCount edges { cursor } } projects { totalCount edges { cursor } } }
			team: node(id: $team) { ... on Group { members { totalCount edges { cursor } } } }
			viewer { memberships { totalCount edges { cursor } } }
		}
		fragment N on OrganizationConnection { totalCount edges { cursor } }`
		answer := w.must(t, "paula", document, map[string]any{"acme": w.ids["acme"], "northwind": w.ids["northwind"], "team": w.ids["acme.team"]})
		connections := 0
		walkConnections(answer, "", func(path string, edges []any, total int) {
			connections++
			if len(edges) != page.DefaultSize || total < n {
				t.Errorf("%s has %d of %d edges, want %d of at least %d", path, len(edges), total, page.DefaultSize, n)
			}
		})
		if connections != 8 {
			t.Errorf("looked at %d connections", connections)
		}
	})
}

// crowd makes n customers of northwind that paula is also a member of, and n of
// everything in acme.
func crowd(t *testing.T, w *world, n int) {
	t.Helper()
	w.team(t, "acme", "team")
	principals := []string{}
	for i := range n {
		slug := fmt.Sprintf("customer-%d", i)
		w.organization(t, slug, "STANDARD", "northwind", fmt.Sprintf("owner%d", i))
		w.person(t, "acme", fmt.Sprintf("person%d", i))
		w.team(t, "acme", fmt.Sprintf("team-%d", i))
		principals = append(principals, w.ids[fmt.Sprintf("person%d", i)])
	}
	w.must(t, "ada", mutation("addGroupMembers", "group { id }"), map[string]any{"i": map[string]any{"groupId": w.ids["acme.team"], "principalIds": principals}})
	ctx, client := w.system(t), w.platform.db.Client()
	for i := range n {
		err := client.Project.Create().SetID(w.platform.db.NewID()).SetOrganizationID(w.key(t, "acme")).SetName(fmt.Sprintf("project-%d", i)).
			SetRegion("").SetStatus(project.StatusACTIVE).SetCreatedAt(w.platform.db.Now()).Exec(ctx)
		if err != nil {
			t.Fatal(err)
		}
		err = client.Membership.Create().SetID(w.platform.db.NewID()).SetOrganizationID(w.key(t, fmt.Sprintf("customer-%d", i))).
			SetUserID(w.key(t, "paula")).SetCreatedAt(w.platform.db.Now()).Exec(ctx)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// walkConnections calls fn for everything that has edges.
func walkConnections(value any, path string, fn func(path string, edges []any, total int)) {
	switch v := value.(type) {
	case map[string]any:
		if edges, ok := v["edges"].([]any); ok {
			total, _ := v["totalCount"].(float64)
			fn(path, edges, int(total))
		}
		for key, member := range v {
			walkConnections(member, path+"."+key, fn)
		}
	case []any:
		for _, element := range v {
			walkConnections(element, path, fn)
		}
	}
}

// TestEverySettingAnswersEverywhere reads all settings at every node as
// everybody who may, and finds a chain that ends at the node.
func TestEverySettingAnswersEverywhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		definitions := w.must(t, "max", contract(t, "SettingDefinitions"), nil)
		list, _ := definitions.(map[string]any)["settingDefinitions"].([]any)
		if len(list) == 0 {
			t.Fatal("there are no settings")
		}
		for _, actor := range []string{"ada", "paula", "olga", "max", "deployer"} {
			raw := w.askWith(t, actor, contract(t, "EffectiveSettings"), map[string]any{"organizationId": w.ids["acme"]})
			var answer struct {
				Data struct {
					Organization struct {
						EffectiveSettings []struct {
							Key   string
							Chain []struct{ Level, Because string }
						}
					}
				}
			}
			if err := json.Unmarshal(raw, &answer); err != nil {
				t.Fatal(err)
			}
			settings := answer.Data.Organization.EffectiveSettings
			if len(settings) != len(list) {
				t.Fatalf("%s reads %d settings of %d: %s", actor, len(settings), len(list), raw)
			}
			for i, s := range settings {
				if want := dig(list[i], "key"); s.Key != want {
					t.Errorf("%s reads %s in the place of %s", actor, s.Key, want)
				}
				if n := len(s.Chain); n != 4 || s.Chain[n-1].Level != "ORGANIZATION" {
					t.Errorf("%s reads a chain of %d steps for %s", actor, n, s.Key)
				}
			}
		}
	})
}
