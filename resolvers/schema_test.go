package resolvers

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/headwater-platform/headwater/graph"
	"github.com/headwater-platform/headwater/page"
)

func executable() graphql.ExecutableSchema { return NewSchema(&Resolver{}) }

// own calls fn for every type that the project declares itself.
func own(fn func(d *ast.Definition)) {
	for _, d := range executable().Schema().Types {
		if !d.BuiltIn && !strings.HasPrefix(d.Name, "__") {
			fn(d)
		}
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	check := func(where, description string) {
		text := strings.TrimSpace(description)
		switch {
		case text == "":
			t.Errorf("%s has no description", where)
		case !strings.HasSuffix(text, "."):
			t.Errorf("%s: the description is no sentence: %q", where, text)
		case unicode.IsLower([]rune(text)[0]) && !strings.HasPrefix(text, "true"):
			t.Errorf("%s: the description begins in the middle: %q", where, text)
		}
	}
	own(func(d *ast.Definition) {
		if d.Name == "Query" || d.Name == "Mutation" {
			return // What they are is said of the schema.
		}
		check(d.Name, d.Description)
	})
	own(func(d *ast.Definition) {
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			check(d.Name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				check(d.Name+"."+f.Name+"("+a.Name+")", a.Description)
			}
		}
		for _, v := range d.EnumValues {
			check(d.Name+"."+v.Name, v.Description)
		}
	})
	for name, d := range executable().Schema().Directives {
		if d.Position != nil && d.Position.Src != nil && !d.Position.Src.BuiltIn {
			check("@"+name, d.Description)
		}
	}
}

// TestListsHaveACost fails on a list of objects whose cost does not grow with
// its length. Those that are bounded by something else are named with it.
func TestListsHaveACost(t *testing.T) {
	t.Parallel()
	bounded := map[string]string{
		"Organization.ancestors":               "the depth of the tree",
		"EffectiveSetting.chain":               "the depth of the tree",
		"EffectiveSetting.parts":               "the size of one value",
		"Viewer.sessions":                      "how many a person may have",
		"CostLine.priceChain":                  "the depth of the tree",
		"EffectiveBillingMultiplier.chain":     "the depth of the tree",
		"CostReport.otherTotals":               "the number of currencies",
		"CostReport.other":                     "one number, whatever first is",
		"CloudAccount.groups":                  "how many it may be shared with",
		"UnattributedUsage.costs":              "the number of currencies",
		"UsageImport.billedCosts":              "the number of currencies",
		"MapUsagePayload.mappings":             "what the input names",
		"InviteMembersPayload.results":         "the addresses, which the mutation pays for",
		"ImportUsersPayload.results":           "the sheet; nothing is read for a line of it",
		"SetGroupAllocationsPayload.results":   "the groups, which the mutation pays for",
		"Resource.spec":                        "the size of one value",
		"SetBillingMultiplierPayload.warnings": "the kinds of warning",
		"EndBillingMultiplierPayload.warnings": "the kinds of warning",
		"BillingPlan.warnings":                 "the kinds of warning",
		"BillingMultiplier.suspensions":        "the turns of the guards of one manager",
		"Budget.alerts":                        "how many a budget may have",
		"Organization.priceBounds":             "the number of bases",
	}
	var config graph.Config
	setCosts(&config.Complexity)
	root := reflect.ValueOf(config.Complexity)
	schema := executable().Schema()
	own(func(d *ast.Definition) {
		if d.Kind != ast.Object || strings.HasSuffix(d.Name, "Connection") {
			return // A connection's edges are paid for where it is asked for.
		}
		for _, f := range d.Fields {
			where := d.Name + "." + f.Name
			paged := f.Arguments.ForName("first") != nil
			if strings.HasPrefix(f.Name, "__") || (!paged && !isListOfObjects(schema, f.Type)) {
				continue
			}
			reason, isBounded := bounded[where]
			delete(bounded, where)
			switch costs := hasCost(root, d.Name, f.Name); {
			case costs && isBounded:
				t.Errorf("%s has a cost and need not be excused by %q", where, reason)
			case !costs && !isBounded:
				t.Errorf("%s is a list and has no cost", where)
			}
		}
	})
	for where := range bounded {
		t.Errorf("%s is excused and does not exist", where)
	}
}

func isListOfObjects(schema *ast.Schema, t *ast.Type) bool {
	if t.Elem == nil {
		return false
	}
	return schema.Types[t.Name()].IsCompositeType()
}

// hasCost reports whether the field of the type has a cost function.
func hasCost(root reflect.Value, typeName, fieldName string) bool {
	find := func(v reflect.Value, name string) reflect.Value {
		return v.FieldByNameFunc(func(candidate string) bool { return strings.EqualFold(candidate, name) })
	}
	of := find(root, typeName)
	if !of.IsValid() {
		return false
	}
	cost := find(of, fieldName)
	return cost.IsValid() && !cost.IsNil()
}

func costOf(t *testing.T, document string, variables map[string]any) int {
	t.Helper()
	schema := executable()
	parsed, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		t.Fatal(err)
	}
	if errs := validator.ValidateWithRules(schema.Schema(), parsed, rules.NewDefaultRules()); len(errs) > 0 {
		t.Fatal(errs)
	}
	return complexity.Calculate(context.Background(), schema, parsed.Operations[0], variables)
}

func TestCostMultipliesByPageSize(t *testing.T) {
	t.Parallel()
	const one = `organizations(first: %d) { edges { node { id name } } }`
	single := costOf(t, "{"+fmt.Sprintf(one, 10)+"}", nil)
	items := (single - 1) / 10
	for name, tt := range map[string]struct {
		document  string
		variables map[string]any
		want      int
	}{
		"a page":                {document: "{" + fmt.Sprintf(one, 20) + "}", want: 20*items + 1},
		"no first":              {document: "{ organizations { edges { node { id name } } } }", want: page.DefaultSize*items + 1},
		"last":                  {document: "{ organizations(last: 20) { edges { node { id name } } } }", want: 20*items + 1},
		"a variable":            {document: "query($n: Int) { organizations(first: $n) { edges { node { id name } } } }", variables: map[string]any{"n": 30}, want: 30*items + 1},
		"too large a page":      {document: "{" + fmt.Sprintf(one, 100_000) + "}", want: page.MaxSize*items + 1},
		"a negative page":       {document: "{" + fmt.Sprintf(one, -5) + "}", want: items + 1},
		"an alias":              {document: "{ a: " + fmt.Sprintf(one, 10) + " b: " + fmt.Sprintf(one, 10) + "}", want: 2 * single},
		"a fragment":            {document: "{ ...F } fragment F on Query {" + fmt.Sprintf(one, 10) + "}", want: single},
		"a fragment used twice": {document: "{ a: organizations(first: 10) { edges { ...E } } b: organizations(first: 10) { edges { ...E } } } fragment E on OrganizationEdge { node { id name } }", want: 2 * single},
		"an inline fragment":    {document: "{ ... on Query {" + fmt.Sprintf(one, 10) + "} }", want: single},
		"a name":                {document: "query Cheap {" + fmt.Sprintf(one, 10) + "}", want: single},
	} {
		if got := costOf(t, tt.document, tt.variables); got != tt.want {
			t.Errorf("%s costs %d, want %d", name, got, tt.want)
		}
	}
}

func TestCostOfListsInListsMultiplies(t *testing.T) {
	t.Parallel()
	document := `{ organizations(first: 10) { edges { node { groups(first: 10) { edges { node { members(first: 10) { edges { node { id } } } } } } } } } }`
	if got := costOf(t, document, nil); got < 1000 {
		t.Errorf("10 times 10 times 10 costs %d", got)
	}
	all := costOf(t, `query($id: ID!) { organization(id: $id) { effectiveSettings { key } } }`, nil)
	two := costOf(t, `query($id: ID!) { organization(id: $id) { effectiveSettings(keys: ["a", "b"]) { key } } }`, nil)
	if all <= 10*two {
		t.Errorf("all settings cost %d, two of them %d", all, two)
	}
}

func TestCostSaturates(t *testing.T) {
	t.Parallel()
	inner := "id"
	for range 12 {
		inner = "managedOrganizations(first: 100) { edges { node { " + inner + " } } }"
	}
	if got := costOf(t, "{ organizations(first: 100) { edges { node { "+inner+" } } } }", nil); got < math.MaxInt32 {
		t.Errorf("100 to the power of 13 costs %d", got)
	}
}

// laterOperations are those of the clients' documents that the schema does not
// serve yet.
func laterOperations() []string {
	return []string{
		"PlanMove", "ApplyMove",
		"PlanSettings", "ApplySettings",
	}
}

// TestClientDocumentsValidate fails when an operation that clients send does
// not fit the schema, and when one that is said to come later does.
func TestClientDocumentsValidate(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../cmd/headwater/testdata/contract/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no client documents: %v", err)
	}
	later := laterOperations()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseQuery(&ast.Source{Name: filepath.Base(file), Input: string(content)})
		if err != nil {
			t.Fatal(err)
		}
		for _, operation := range parsed.Operations {
			alone := &ast.QueryDocument{Operations: ast.OperationList{operation}, Fragments: spread(parsed, operation)}
			errs := validator.ValidateWithRules(executable().Schema(), alone, rules.NewDefaultRules())
			i := slices.Index(later, operation.Name)
			switch {
			case i < 0 && len(errs) > 0:
				t.Errorf("%s: %s: %v", filepath.Base(file), operation.Name, errs)
			case i >= 0 && len(errs) == 0:
				t.Errorf("%s: %s is served: take it off the list of those that come later", filepath.Base(file), operation.Name)
			}
			if i >= 0 {
				later = slices.Delete(later, i, i+1)
			}
		}
	}
	for _, name := range later {
		t.Errorf("%s is to come later, but no client document has it", name)
	}
}

// spread returns the fragments of a document that an operation uses.
func spread(document *ast.QueryDocument, operation *ast.OperationDefinition) ast.FragmentDefinitionList {
	used := ast.FragmentDefinitionList{}
	var visit func(set ast.SelectionSet)
	visit = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				visit(s.SelectionSet)
			case *ast.InlineFragment:
				visit(s.SelectionSet)
			case *ast.FragmentSpread:
				if fragment := document.Fragments.ForName(s.Name); fragment != nil && used.ForName(s.Name) == nil {
					used = append(used, fragment)
					visit(fragment.SelectionSet)
				}
			}
		}
	}
	visit(operation.SelectionSet)
	return used
}
