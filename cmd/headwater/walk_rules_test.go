package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// visibility is the rule of every field, mutation and condition of the schema:
// what one needs to see it, and what others see instead.
type visibility struct {
	rules map[string]rule
	// strict demands a rule for everything.
	strict bool
}

// rule is one rule of testdata/visibility.txt.
type rule struct {
	// needs are the ways to it; one is enough.
	needs []string
	// otherwise is what others get: NULL, EMPTY, FORBIDDEN or NOT_FOUND.
	otherwise string
}

func (r rule) is(need string) bool { return len(r.needs) == 1 && r.needs[0] == need }

// refuses reports whether those who may not see it are refused, and so the whole
// object with it.
func (r rule) refuses() bool { return r.otherwise == "FORBIDDEN" || r.otherwise == "NOT_FOUND" }

// includes reports whether all who meet another rule meet this one. That of a
// field that nobody hides any more still says what it is about.
func (r rule) includes(other rule) bool {
	return !slices.ContainsFunc(other.needs, func(need string) bool { return !slices.Contains(r.needs, need) })
}

// newVisibility reads testdata/visibility.txt, which says how it is written.
func newVisibility(t *testing.T) *visibility {
	t.Helper()
	content, err := os.ReadFile("testdata/visibility.txt")
	if err != nil {
		t.Fatal(err)
	}
	v := &visibility{rules: map[string]rule{}}
	block := ""
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(line, "#")
		subjects, text, _ := strings.Cut(line, ": ")
		words := strings.Fields(subjects)
		switch {
		case len(words) == 0:
			continue
		case line[0] != ' ':
			block = strings.TrimSuffix(words[0], ":")
			if strings.TrimSpace(text) != "" {
				v.add(t, block, text)
			}
		default:
			for _, name := range words {
				v.add(t, block+"."+name, text)
			}
		}
	}
	return v
}

func (v *visibility) add(t *testing.T, subject, text string) {
	t.Helper()
	if _, twice := v.rules[subject]; twice {
		t.Errorf("%s has two rules", subject)
	}
	needs, otherwise, _ := strings.Cut(strings.TrimSpace(text), " else ")
	r := rule{otherwise: otherwise}
	for need := range strings.SplitSeq(needs, " or ") {
		if need = strings.TrimSpace(need); need == "" {
			t.Errorf("%s: what is %q?", subject, text)
		}
		r.needs = append(r.needs, need)
	}
	if !slices.Contains([]string{"", "NULL", "EMPTY", "FORBIDDEN", "NOT_FOUND"}, otherwise) {
		t.Errorf("%s: what is else %q?", subject, otherwise)
	}
	v.rules[subject] = r
}

// check compares the rules with the schema: everything has one, and every rule
// is about something.
func (v *visibility) check(t *testing.T, schema *ast.Schema) {
	t.Helper()
	used := map[string]bool{}
	for _, subject := range subjectsOf(schema) {
		key := v.key(subject)
		used[key] = true
		if _, ok := v.rules[key]; ok {
			continue
		}
		if v.strict {
			t.Errorf("%s has no rule in testdata/visibility.txt: say there who may see it", subject)
		} else {
			t.Logf("%s has no rule", subject)
		}
	}
	for subject := range v.rules {
		if _, field, _ := strings.Cut(subject, "."); !used[subject] && !isException(field) {
			t.Errorf("%s has a rule and is not in the schema", subject)
		}
	}
}

// isException reports whether a rule names no field, but says who may be told of
// objects that they cannot ask for: anywhere, as the scope of a setting, in a
// bill.
func isException(field string) bool {
	return slices.Contains([]string{"named", "scope", "billed"}, field)
}

// key returns the name under which the rule of a subject is kept: its own, or
// one that ends so.
func (v *visibility) key(subject string) string {
	if _, ok := v.rules[subject]; ok {
		return subject
	}
	for key := range v.rules {
		if ending, ok := strings.CutPrefix(key, "*"); ok && strings.HasSuffix(subject, ending) {
			return key
		}
	}
	return subject
}

// find returns the rule of a subject, or false if it has none.
func (v *visibility) find(subject string) (rule, bool) {
	r, ok := v.rules[v.key(subject)]
	return r, ok
}

// of returns the rule of a subject, or an empty one that nobody meets.
func (v *visibility) of(subject string) rule { return v.rules[v.key(subject)] }

// subjectsOf returns all that needs a rule: every type with an id and every
// field that can be reached from a query, every mutation, and every argument and
// input field by which a query chooses or orders.
func subjectsOf(schema *ast.Schema) []string {
	var subjects []string
	for _, f := range schema.Mutation.Fields {
		subjects = append(subjects, "Mutation."+f.Name)
	}
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		d := schema.Types[name]
		if seen[name] || d == nil || !d.IsCompositeType() && d.Kind != ast.InputObject || strings.HasPrefix(name, "__") {
			return
		}
		seen[name] = true
		for _, possible := range schema.PossibleTypes[name] {
			visit(possible.Name)
		}
		if d.IsAbstractType() {
			return // Its fields are those of the types that it may be.
		}
		if isNode(schema, d) {
			subjects = append(subjects, name)
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			subjects = append(subjects, name+"."+f.Name)
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
				if a.Type.Name() == "ID" {
					subjects = append(subjects, name+"."+f.Name+"("+a.Name+")")
				}
			}
		}
	}
	visit("Query")
	// What a mutation answers with beyond what queries reach.
	for _, f := range schema.Mutation.Fields {
		visit(f.Type.Name())
	}
	slices.Sort(subjects)
	return subjects
}

// isNode reports whether objects of a type can be asked for by their id.
func isNode(schema *ast.Schema, d *ast.Definition) bool {
	return slices.Contains(schema.PossibleTypes["Node"], schema.Types[d.Name])
}
