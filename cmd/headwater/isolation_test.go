package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/resolvers"
)

// TestNobodySeesBeyondTheirTree asks for everything that the schema has, as
// people of every place, starting from what they can see, from every id that
// there is and through every filter; and looks in the answers for the ids,
// names and addresses of what is not theirs.
func TestNobodySeesBeyondTheirTree(t *testing.T) {
	t.Parallel()
	all := []string{"platform", "northwind", "southgate", "fjord", "acme", "bravo", "cove"}
	visible := map[string][]string{
		"paula":           {"northwind", "fjord", "acme", "bravo", "cove"},
		"paula@northwind": {"northwind", "fjord", "acme", "bravo", "cove"},
		"pia":             {"northwind", "fjord", "acme", "bravo", "cove"},
		"penny":           {"northwind"},
		"pete":            {"northwind"},
		"sven":            {"fjord", "cove"},
		"rita":            {"southgate"},
		"gus":             {"southgate", "acme"},
		"gus@southgate":   {"southgate"},
		"gus@acme":        {"acme"},
		"bob":             {"bravo"},
		"cora":            {"cove"},
		"olga":            {"acme"},
		"max":             {"acme"},
		"deployer":        {"acme"},
		"nobody":          {},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.person(t, "southgate", "gus")
		w.arrange(t, "member acme gus")
		w.issueKey(t, "acme.key", "olga", map[string]any{"organizationId": w.ids["acme"]})
		w.issueKey(t, "bravo.key", "bob", map[string]any{"organizationId": w.ids["bravo"], "projectId": w.ids["bravo.project"], "defaultProjectId": w.ids["bravo.project"]})
		owners := []string{"ada", "paula", "rita", "sven", "olga", "bob", "cora"}
		for i, slug := range all {
			w.project(t, slug, "site")
			w.machine(t, slug+".machine", owners[i], slug+".site")
			w.sshKey(t, slug+".laptop", owners[i], slug+".site", 1)
		}
		spread(t, w, all)
		g := generator{schema: resolvers.NewSchema(&resolvers.Resolver{}).Schema()}
		questions := g.questions(w)
		if len(questions) < 100 {
			t.Fatalf("only %d questions", len(questions))
		}
		for actor, theirs := range visible {
			answered := 0
			forbidden := marks(t, w, all, theirs)
			for _, question := range questions {
				answer := string(w.ask(t, actor, question, ""))
				if strings.Contains(answer, "GRAPHQL_") || strings.Contains(answer, "COMPLEXITY") || strings.Contains(answer, "INTERNAL") {
					t.Fatalf("%s asks %s: %s", actor, question, answer)
				}
				if !strings.Contains(answer, `"errors"`) {
					answered++
				}
				for _, mark := range forbidden {
					if strings.Contains(answer, mark) && !strings.Contains(question, mark) {
						t.Errorf("%s learns of %s from %s: %s", actor, mark, question, answer)
					}
				}
			}
			if answered == 0 {
				t.Errorf("%s was answered nothing", actor)
			}
		}
	})
}

// spread sets a setting in every organization that says where it is, which
// effective values alone may tell those below.
func spread(t *testing.T, w *world, organizations []string) {
	t.Helper()
	for _, slug := range organizations {
		w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": w.ids[slug], "key": "policies.approved_regions", "operation": "APPEND", "value": []string{"somewhere"}, "reason": "said in " + slug,
		}})
	}
	for _, slug := range []string{"northwind", "fjord", "acme", "bravo", "cove"} {
		w.must(t, "ada", mutation("updateOrganization", "organization { id }"), map[string]any{"i": map[string]any{"id": w.ids[slug], "customerReference": "reference-of-" + slug}})
	}
	w.name("cove.request", w.request(t, "sven", "cove", ""))
	notices := w.must(t, "cora", `query($o: ID!) { organization(id: $o) { notices { edges { node { id } } } } }`, map[string]any{"o": w.ids["cove"]})
	w.name("cove.notice", dig(notices, "organization.notices.edges.0.node.id"))
}

// marks returns what tells of the organizations that are not visible: ids,
// names and addresses of them and of whoever and whatever is in them.
func marks(t *testing.T, w *world, all, visible []string) []string {
	t.Helper()
	var list []string
	for _, slug := range all {
		if slices.Contains(visible, slug) {
			continue
		}
		if slug != "platform" { // Everybody is told of "the platform".
			list = append(list, `"`+strings.ToUpper(slug[:1])+slug[1:]+`"`, `"`+slug+`"`)
		}
		list = append(list, "reference-of-"+slug, "said in "+slug, " of "+slug+".machine", " of "+slug+".laptop")
		for name, id := range w.ids {
			inside, isInside := strings.CutPrefix(name, slug+".")
			if name == slug || isInside {
				list = append(list, id)
			}
			// The guest is seen in both of his organizations, and whoever asks for
			// access shows himself to the owner.
			shown := inside == "gus" || inside == "sven" && slices.Contains(visible, "cove")
			if person := w.ids[inside]; isInside && !shown && strings.HasPrefix(person, "usr_") {
				list = append(list, person, `"`+inside+`"`, inside+"@"+slug+".example")
			}
		}
	}
	return list
}

// generator writes questions for a schema.
type generator struct{ schema *ast.Schema }

// questions returns documents that ask for everything: every field of every
// list, everything by its id, and every filter.
func (g generator) questions(w *world) []string {
	var list []string
	for _, arguments := range []string{
		"first: 50", "last: 50", "first: 50, where: {memberOf: false}", "first: 50, where: {memberOf: true}", `first: 50, where: {nameContains: "o"}`,
		"first: 50, where: {kind: PARTNER}", "first: 50, where: {status: ACTIVE}", "first: 50, orderBy: {field: NAME, direction: DESC}",
	} {
		list = append(list, "{ organizations("+arguments+") { totalCount pageInfo { startCursor endCursor } edges { cursor node { id name slug managedBy { id name } } } } }")
	}
	for name, id := range w.ids {
		if !strings.Contains(name, ".") && strings.HasPrefix(id, "org_") {
			list = append(list, fmt.Sprintf(`{ organizations(where: {managedById: "%s"}) { edges { node { name } } } }`, id))
		}
	}
	for _, f := range g.schema.Types["Organization"].Fields {
		if selection := deepest(func(depth int) string { return g.field(f, map[string]int{"Organization": 1}, depth) }); selection != "" {
			list = append(list, "{ organizations(first: 5) { edges { node { "+selection+" } } } }")
		}
	}
	for _, f := range g.schema.Types["Viewer"].Fields {
		if selection := deepest(func(depth int) string { return g.field(f, map[string]int{"Viewer": 1}, depth) }); selection != "" {
			list = append(list, "{ viewer { "+selection+" } }")
		}
	}
	kinds := map[string]string{"org": "Organization", "usr": "User", "mem": "Membership", "grp": "Group", "app": "Application", "prj": "Project", "key": "APIKey", "pol": "Policy", "req": "AccessRequest", "ntc": "Notice", "res": "Resource", "ssh": "SSHKey"}
	// Roles have no id of their own, so that it cannot be asked for beside others'.
	explained := strings.Replace(g.selection("AccessExplanation", map[string]int{}, 3), "on RoleReference { id ", "on RoleReference { ", 1)
	for _, id := range w.ids {
		list = append(list, fmt.Sprintf(`{ explainAccess(check: {permission: "policies:write", resourceId: %q}) { %s } }`, id, explained))
		if slices.Contains([]string{"usr", "app", "grp"}, id[:3]) {
			list = append(list, fmt.Sprintf(`{ explainAccess(check: {permission: "org:read", resourceId: %q, principalId: %q}) { %s } }`, w.ids["acme"], id, explained))
		}
		kind := kinds[id[:3]]
		list = append(list, fmt.Sprintf(`{ node(id: "%s") { __typename id ... on %s { %s } } }`, id, kind, deepest(func(depth int) string { return g.selection(kind, map[string]int{}, depth-1) })))
	}
	return list
}

// deepest returns what write makes of the greatest depth, 4 at most, at which one
// document may ask for it.
func deepest(write func(depth int) string) string {
	name := regexp.MustCompile(`(^| )(\w|\.\.\.)`)
	for depth := 4; ; depth-- {
		selection := write(depth)
		if depth == 1 || len(name.FindAllString(selection, -1)) < 500 {
			return selection
		}
	}
}

// selection returns all fields of a type, down to a depth, entering each type at
// most twice on the way.
func (g generator) selection(name string, entered map[string]int, depth int) string {
	definition := g.schema.Types[name]
	if definition.Kind == ast.Interface || definition.Kind == ast.Union {
		parts := []string{"__typename"}
		for _, possible := range g.schema.PossibleTypes[name] {
			if inner := g.selection(possible.Name, entered, 0); inner != "" {
				parts = append(parts, "... on "+possible.Name+" { "+inner+" }")
			}
		}
		return strings.Join(parts, " ")
	}
	entered = maps.Clone(entered)
	entered[name]++
	var parts []string
	for _, f := range definition.Fields {
		if selection := g.field(f, entered, depth); selection != "" {
			parts = append(parts, selection)
		}
	}
	return strings.Join(parts, " ")
}

// field returns a field with its arguments and all that is in it, or "" for one
// that needs arguments or lies too deep.
func (g generator) field(f *ast.FieldDefinition, entered map[string]int, depth int) string {
	if strings.HasPrefix(f.Name, "__") {
		return ""
	}
	arguments := ""
	for _, a := range f.Arguments {
		switch {
		case a.Name == "first":
			arguments = "(first: 3)"
		case a.Name == "keys":
			arguments = `(keys: ["policies.approved_regions"])`
		case a.Type.NonNull && a.DefaultValue == nil:
			return ""
		}
	}
	inner := g.schema.Types[f.Type.Name()]
	if !inner.IsCompositeType() {
		return f.Name + arguments
	}
	if depth == 0 || entered[inner.Name] >= 2 {
		return ""
	}
	cost := 1
	if strings.HasSuffix(inner.Name, "Connection") || strings.HasSuffix(inner.Name, "Edge") {
		cost = 0 // What matters is what the list is of.
	}
	selection := g.selection(inner.Name, entered, depth-cost)
	if selection == "" {
		return ""
	}
	return f.Name + arguments + " { " + selection + " }"
}
