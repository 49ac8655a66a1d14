package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/resolvers"
)

// strict says that a field without a rule fails the test.
const strict = true

// TestEveryFieldHasARule holds testdata/visibility.txt against the schema: a new
// field, mutation or condition fails the test until somebody says who may see it.
func TestEveryFieldHasARule(t *testing.T) {
	t.Parallel()
	v := newVisibility(t)
	v.strict = strict
	v.check(t, resolvers.NewSchema(&resolvers.Resolver{}).Schema())
}

// TestNobodySeesBeyondTheirRights walks through the schema as people of every
// place and compares what they are told with the rules of
// testdata/visibility.txt, by an own reading of the model of rights:
//
//   - every field of every object that there is, by its id and through the lists
//     that lead to it. No answer may hold an id or a text of what the viewer may
//     not see, and what may not be seen is told of as what does not exist;
//   - every condition and order of every list, which may tell no more than the
//     fields that they read, and pages and counts;
//   - every place that takes an id, with one of something hidden;
//   - every mutation.
//
// At full effort everything is tried as everybody, else some.
func TestNobodySeesBeyondTheirRights(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		k := newWalk(t, db, seed)
		for _, a := range k.walkers {
			k.ask(t, a)
		}
		k.compareLists(t)
		k.checkAnswered(t)
		k.tryConditions(t)
		changes := k.changes(t)
		k.tryHiddenIDs(t, changes)
		k.tryChanges(t, changes)
	})
}

// walk is the world with what is known of it.
type walk struct {
	*world
	*oracle
	visibility *visibility
	schema     *ast.Schema
	random     *rand.Rand
	walkers    []*walker
	objects    map[string]*object
	// ordered are the ids of the objects by kind.
	ordered map[string][]string
	// checkable are the kinds that rights can be asked about.
	checkable []string
	// truths are the values of fields, as whoever may see them first saw them.
	truths map[string]string
	// lists are the ids that each walker found in each list of an object, whole.
	lists map[string]map[*walker][]string
	// counts are what the counts of lists said to each walker.
	counts map[string]map[*walker]int
	// asked are the documents by kind.
	asked map[string][]string
	// answered counts by rule who was shown something, and who was not.
	answered map[string]int
}

func newWalk(t *testing.T, db *database.DB, seed uint64) *walk {
	t.Helper()
	k := &walk{
		world: newWorld(t, db), oracle: newOracle(t), visibility: newVisibility(t), walkers: newWalkers(t),
		schema: resolvers.NewSchema(&resolvers.Resolver{}).Schema(), random: rand.New(rand.NewPCG(seed, 1)),
		ordered: map[string][]string{}, truths: map[string]string{}, lists: map[string]map[*walker][]string{}, answered: map[string]int{},
		counts: map[string]map[*walker]int{}, asked: map[string][]string{},
		checkable: []string{"Organization", "Project", "Group", "Membership", "Application", "Policy", "APIKey", "SSHKey", "Resource", "AccessRequest"},
	}
	furnish(t, k.world, k.oracle, k.walkers)
	k.objects = census(t, k.world)
	for _, id := range slices.Sorted(maps.Keys(k.objects)) {
		k.ordered[k.objects[id].kind] = append(k.ordered[k.objects[id].kind], id)
	}
	return k
}

// some returns some of a list: all at full effort, else a twentieth and at least
// one.
func some[T any](random *rand.Rand, list []T) []T {
	chosen := slices.Clone(list)
	random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	return chosen[:min(len(chosen), effort.Cases(len(chosen)))]
}

// ask asks for everything as one walker.
func (k *walk) ask(t *testing.T, a *walker) {
	t.Helper()
	marks := k.marks(a)
	for _, kind := range slices.Sorted(maps.Keys(k.ordered)) {
		if _, inSchema := k.schema.Types[kind]; !inSchema || !isNode(k.schema, k.schema.Types[kind]) {
			continue
		}
		var shown, hidden []string
		for _, id := range k.ordered[kind] {
			if k.sees(a, k.objects[id]) {
				shown = append(shown, id)
			} else {
				hidden = append(hidden, id)
			}
		}
		for _, id := range append(some(k.random, shown), some(k.random, hidden)...) {
			k.askFor(t, a, k.objects[id], marks)
		}
	}
	k.askWithoutID(t, a, marks)
}

// askFor asks for one object: all of its fields at once, and those that are
// refused to some apart.
func (k *walk) askFor(t *testing.T, a *walker, o *object, marks []mark) {
	t.Helper()
	for _, document := range k.documents(o.kind) {
		answer := k.answer(t, a, document, o.id, marks)
		if !k.sees(a, o) {
			k.checkMissing(t, a, o, document, answer)
			return
		}
		if answer.Data["node"] == nil || len(answer.Errors) > 0 {
			t.Errorf("%s sees %s and asks %s: %s", a.name, k.title(o), document, answer.raw)
			return
		}
		k.inspect(t, a, o.kind, answer.Data["node"], o, true)
	}
	for _, f := range k.schema.Types[o.kind].Fields {
		r := k.visibility.of(o.kind + "." + f.Name)
		if !r.refuses() {
			continue
		}
		document := fmt.Sprintf("query($id: ID!) { node(id: $id) { ... on %s { %s } } }", o.kind, k.field(o.kind, f, map[string]int{}, 3))
		answer := k.answer(t, a, document, o.id, marks)
		want := k.refusal(a, r, o)
		if got := answer.code(); got != want {
			t.Errorf("%s asks %s of %s: %q, want %q: %s", a.name, f.Name, k.title(o), got, want, answer.raw)
		}
		k.note(o.kind+"."+f.Name, want == "")
	}
}

// documents ask for everything of an object of a kind, in as many parts as the
// bound on documents makes of it.
func (k *walk) documents(kind string) []string {
	const bound = 900
	if known, ok := k.asked[kind]; ok {
		return known
	}
	parts, size := []string{""}, 0
	for _, f := range k.schema.Types[kind].Fields {
		if k.visibility.of(kind + "." + f.Name).refuses() {
			continue
		}
		selection := k.field(kind, f, map[string]int{kind: 1}, 3)
		n := len(names.FindAllString(selection, -1))
		if size+n > bound {
			parts, size = append(parts, ""), 0
		}
		parts[len(parts)-1] += " " + selection
		size += n
	}
	for i, part := range parts {
		parts[i] = fmt.Sprintf("query($id: ID!) { node(id: $id) { __typename id ... on %s {%s } } }", kind, part)
	}
	k.asked[kind] = parts
	return parts
}

// names are the fields and fragments of a selection.
var names = regexp.MustCompile(`(^| )(\w|\.\.\.)`)

// refusal returns what a walker is told who asks for what has the rule: "" for
// those who may see it.
func (k *walk) refusal(a *walker, r rule, o *object) string {
	if k.allows(a, r, o) {
		return ""
	}
	k.inAnyState = true
	defer func() { k.inAnyState = false }()
	if k.allows(a, r, o) {
		return "ORGANIZATION_DEACTIVATED"
	}
	return r.otherwise
}

// checkMissing wants that an object which a walker may not see is told of in the
// same words as one that does not exist.
func (k *walk) checkMissing(t *testing.T, a *walker, o *object, document string, answer answer) {
	t.Helper()
	prefix, _, _ := strings.Cut(o.id, "_")
	missing := k.answer(t, a, document, nowhere(prefix), nil)
	if there, gone := strings.ReplaceAll(answer.raw, o.id, "…"), strings.ReplaceAll(missing.raw, nowhere(prefix), "…"); there != gone {
		t.Errorf("%s may not see %s, which is told apart from what does not exist: %s instead of %s", a.name, k.title(o), there, gone)
	}
	want := "NOT_FOUND"
	if a.isNobody() {
		want = "UNAUTHENTICATED"
	}
	if got := answer.code(); got != want || answer.Data["node"] != nil {
		t.Errorf("%s may not see %s and is told %q: %s", a.name, k.title(o), got, answer.raw)
	}
	k.note(o.kind, false)
}

// title names an object in failures.
func (k *walk) title(o *object) string {
	if name := k.names[o.id]; name != "" {
		return o.kind + " " + name
	}
	return fmt.Sprintf("%s %s of %s %v", o.kind, o.id, strings.Join(o.slugs, ", "), o.tells)
}

// note counts that somebody was shown something, or not.
func (k *walk) note(subject string, shown bool) {
	if shown {
		k.answered[subject]++
	} else {
		k.answered[subject+" hidden"]++
	}
}

// checkAnswered wants that every rule was tried on somebody who is shown it and,
// if it can hide something, on somebody who is not.
func (k *walk) checkAnswered(t *testing.T) {
	t.Helper()
	for subject, r := range k.visibility.rules {
		kind, field, _ := strings.Cut(subject, ".")
		d := k.schema.Types[kind]
		if d == nil || !isNode(k.schema, d) || strings.HasSuffix(field, ")") {
			continue
		}
		if k.answered[subject] == 0 && !r.is("nobody") && field != "" && !isException(field) {
			t.Errorf("nobody was shown %s", subject)
		}
		if r.otherwise != "" && k.answered[subject+" hidden"] == 0 && !r.includes(k.visibility.of(kind)) {
			t.Errorf("%s was hidden from nobody", subject)
		}
	}
}

// answer is what a request is answered.
type answer struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
	raw string
}

// code returns the code of the first error, or "".
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// cost is left out of answers: it is the same whatever there is.
var cost = regexp.MustCompile(`,"extensions":\{"cost":\{[^}]*\}\}`)

// answer asks, and looks in the answer for marks of what the walker may not see.
func (k *walk) answer(t *testing.T, a *walker, document, id string, marks []mark) answer {
	t.Helper()
	variables := ""
	if id != "" {
		variables = fmt.Sprintf(`{"id": %q}`, id)
	}
	return k.answerTo(t, a, document, variables, marks)
}

func (k *walk) answerWith(t *testing.T, a *walker, document string, variables any, marks []mark) answer {
	t.Helper()
	encoded, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	return k.answerTo(t, a, document, string(encoded), marks)
}

func (k *walk) answerTo(t *testing.T, a *walker, document, variables string, marks []mark) answer {
	t.Helper()
	raw := k.world.ask(t, a.name, document, variables)
	var answer answer
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	answer.raw = cost.ReplaceAllString(string(raw), "")
	switch answer.code() {
	case "INTERNAL", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "COMPLEXITY_LIMIT_EXCEEDED":
		t.Fatalf("%s asks %s %s: %s", a.name, document, variables, raw)
	}
	for _, m := range marks {
		values := strings.Count(answer.raw, m.text) - strings.Count(answer.raw, m.text+":") // not the names of fields
		if values > 0 && !strings.Contains(variables, m.text) {
			t.Errorf("%s learns of %s of %s from %s %s: %s", a.name, m.text, k.title(m.of), brief(document), variables, around(answer.raw, m.text))
		}
	}
	return answer
}

// brief returns what failures show of something long.
func brief(value any) string {
	text := fmt.Sprint(value)
	return text[:min(len(text), 200)]
}

// around returns a text with what stands beside it.
func around(text, what string) string {
	at := strings.Index(text, what)
	return text[max(0, at-200):min(len(text), at+200)]
}

// mark is an id or a text that tells of an object.
type mark struct {
	text string
	of   *object
}

// marks returns what tells of the objects, and of the fields of objects, that a
// walker may not see.
func (k *walk) marks(a *walker) []mark {
	var marks []mark
	for _, kind := range slices.Sorted(maps.Keys(k.ordered)) {
		for _, id := range k.ordered[kind] {
			o := k.objects[id]
			if !k.sees(a, o) && !k.isNamed(a, o) {
				marks = append(marks, mark{id, o})
			}
			for field, text := range o.tells {
				r, ok := k.visibility.find(kind + "." + field)
				shown := k.sees(a, o) && (!ok || k.allows(a, r, o)) || r.otherwise == "" && k.isNamed(a, o)
				if text != "" && !shown {
					marks = append(marks, mark{`"` + text + `"`, o})
				}
			}
		}
	}
	for _, slug := range slices.Sorted(maps.Keys(k.places)) {
		if !k.holdsAtOrBelow(a, slug) {
			marks = append(marks, mark{"region-of-" + slug, &object{kind: "the settings of", id: slug}})
		}
	}
	return marks
}

// isNamed reports whether an object that cannot be asked for may be named to a
// walker all the same.
func (k *walk) isNamed(a *walker, o *object) bool {
	return k.allows(a, k.visibility.of(o.kind+".named"), o)
}

// holdsAtOrBelow reports whether a walker sees an organization or one below it,
// to which its settings flow.
func (k *walk) holdsAtOrBelow(a *walker, slug string) bool {
	for below := range k.places {
		if !k.holds(a, "org:read", below, "") {
			continue
		}
		for at := below; at != "-"; at = k.places[at].manager {
			if at == slug {
				return true
			}
		}
	}
	return false
}

// sees reports whether a walker may see that an object exists.
func (k *walk) sees(a *walker, o *object) bool {
	r, ok := k.visibility.find(o.kind)
	return ok && k.allows(a, r, o)
}

// allows reports whether a walker meets a rule about an object.
func (k *walk) allows(a *walker, r rule, o *object) bool {
	return slices.ContainsFunc(r.needs, func(need string) bool { return k.meets(a, need, o) })
}

// meets reports whether a walker meets one need about an object.
func (k *walk) meets(a *walker, need string, o *object) bool {
	if need == "told on login pages" {
		return o.inForce
	}
	if a.isNobody() {
		return false
	}
	somewhere := func(holds func(slug string) bool) bool { return slices.ContainsFunc(o.slugs, holds) }
	switch need {
	case "always", "part", "those seen", "counted", "own rights", "own roles":
		return true
	case "nobody":
		return false
	case "self":
		return o.who == a.who && (o.kind == "User" || somewhere(func(slug string) bool { return k.holds(a, "org:read", slug, "") }))
	case "in it":
		return slices.Contains(o.in, a.who) && somewhere(func(slug string) bool { return k.here(a, "org:read", slug, "") })
	case "in force":
		return o.inForce
	case "owner":
		return somewhere(func(slug string) bool { return k.owns(a, slug) })
	}
	if need == "owner where they ask" {
		return slices.ContainsFunc(o.asks, func(slug string) bool { return k.owns(a, slug) })
	}
	permission, where, _ := strings.Cut(need, " ")
	switch where {
	case "in its project":
		return o.project != "" && somewhere(func(slug string) bool { return k.here(a, permission, slug, o.project) })
	case "for no project":
		return o.project == "" && somewhere(func(slug string) bool { return k.holds(a, permission, slug, "") })
	case "above":
		return somewhere(func(slug string) bool { return k.through(a, permission, slug) })
	case "of the buyer":
		return o.buyer != "" && k.here(a, permission, o.buyer, "")
	case "of the manager":
		return somewhere(func(slug string) bool { return k.fromManager(a, permission, slug) })
	case "at the manager":
		return somewhere(func(slug string) bool { return k.atManager(a, permission, slug) })
	case "upwards":
		return somewhere(func(slug string) bool { return k.holdsUpTo(a, permission, slug) })
	case "here":
		return somewhere(func(slug string) bool { return k.here(a, permission, slug, o.project) })
	case "at the root":
		return k.here(a, permission, "platform", "")
	default:
		return somewhere(func(slug string) bool { return k.holds(a, permission, slug, o.project) })
	}
}

// holdsUpTo reports whether a walker holds a permission in an organization or in
// one above it.
func (k *walk) holdsUpTo(a *walker, permission, slug string) bool {
	for ; slug != "-"; slug = k.places[slug].manager {
		if k.holds(a, permission, slug, "") {
			return true
		}
	}
	return false
}

// inspect compares an answer with the rules, all the way down. whole says that
// lists are long enough to hold everything.
func (k *walk) inspect(t *testing.T, a *walker, kind string, value any, of *object, whole bool) {
	t.Helper()
	members, ok := value.(map[string]any)
	if !ok {
		return
	}
	if name, ok := members["__typename"].(string); ok {
		kind = name
	}
	if id, ok := members["id"].(string); ok && k.objects[id] != nil {
		of = k.objects[id]
		if !k.sees(a, of) && !k.isNamed(a, of) {
			t.Errorf("%s is shown %s", a.name, k.title(of))
			return
		}
		k.note(kind, true)
	}
	for _, name := range sortedKeys(members) {
		f := k.schema.Types[kind].Fields.ForName(name)
		if f == nil {
			continue // __typename
		}
		k.inspectField(t, a, kind, f, members, of, whole)
	}
}

// inspectField compares one field of an answer with its rule.
func (k *walk) inspectField(t *testing.T, a *walker, kind string, f *ast.FieldDefinition, members map[string]any, of *object, whole bool) {
	t.Helper()
	subject, value := kind+"."+f.Name, members[f.Name]
	r := k.visibility.of(subject)
	inner := k.schema.Types[f.Type.Name()]
	isObject := isNode(k.schema, k.schema.Types[kind])
	if isObject && !k.allows(a, r, of) {
		if !isEmpty(value) {
			t.Errorf("%s is shown %s of %s: %s", a.name, f.Name, k.title(of), brief(value))
		}
		k.note(subject, false)
		return
	}
	if isObject && !isEmpty(value) {
		k.note(subject, true)
	}
	switch {
	case r.is("own rights"):
		k.compareRights(t, a, of, value)
	case r.is("counted"):
		key := kind + "." + strings.TrimSuffix(f.Name, "Count") + "s of " + of.id
		if k.counts[key] == nil {
			k.counts[key] = map[*walker]int{}
		}
		k.counts[key][a] = int(value.(float64))
	case r.is("those seen"):
		k.inspectList(t, a, subject, value, of, whole)
	case isObject && inner.IsLeafType() && !r.is("own roles"):
		k.compareTruth(t, a, subject, value, of)
	case isObject && isNode(k.schema, inner):
		k.compareTruth(t, a, subject, idOf(value), of)
	}
	if !inner.IsCompositeType() {
		return
	}
	elements, ok := value.([]any)
	if !ok {
		elements = []any{value}
	}
	for _, element := range elements {
		// What a list holds is looked at for itself, and its own lists are cut.
		k.inspect(t, a, inner.Name, element, of, whole && !isNode(k.schema, inner) && !inner.IsAbstractType())
	}
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		edges, ok := v["edges"].([]any)
		return ok && len(edges) == 0 && v["totalCount"] == 0.0
	}
	return false
}

func idOf(value any) any {
	if members, ok := value.(map[string]any); ok {
		return members["id"]
	}
	return nil
}

// compareTruth wants that all who may see a field see the same.
func (k *walk) compareTruth(t *testing.T, a *walker, subject string, value any, of *object) {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	key := subject + " of " + of.id
	if truth, known := k.truths[key]; known && truth != string(encoded) {
		t.Errorf("%s is shown %s as %s of %s, others %s", a.name, encoded, subject, k.title(of), truth)
	}
	k.truths[key] = string(encoded)
}

// compareRights compares what the API says that a walker may do with the tables.
func (k *walk) compareRights(t *testing.T, a *walker, of *object, value any) {
	t.Helper()
	if len(of.slugs) != 1 {
		t.Fatalf("in which organization is %s?", k.title(of))
	}
	var got []string
	for _, p := range value.([]any) {
		got = append(got, p.(string))
	}
	if want := k.rights(a, of.slugs[0], of.project); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		t.Errorf("%s may do %v with %s, want %v", a.name, got, k.title(of), want)
	}
}

// inspectList notes what a whole list holds, and wants that its count is true.
func (k *walk) inspectList(t *testing.T, a *walker, subject string, value any, of *object, whole bool) {
	t.Helper()
	found := []string{}
	elements, plain := value.([]any)
	if id := idOf(value); id != nil || value == nil {
		elements, plain = []any{value}, true // One that is shown if it may be seen.
	} else if connection, ok := value.(map[string]any); ok {
		edges, _ := connection["edges"].([]any)
		for _, edge := range edges {
			elements = append(elements, edge.(map[string]any)["node"])
		}
		more, _ := connection["pageInfo"].(map[string]any)["hasNextPage"].(bool)
		if total, ok := connection["totalCount"].(float64); ok && (more && int(total) <= len(elements) || !more && int(total) != len(elements)) {
			t.Errorf("%s finds %d in %s of %s, and more: %t, of %v", a.name, len(elements), subject, k.title(of), more, total)
		}
		if whole = whole && !more; !whole {
			return
		}
	}
	for _, element := range elements {
		if id, ok := idOf(element).(string); ok && k.objects[id] != nil {
			found = append(found, id)
		}
	}
	if !whole && !plain {
		return
	}
	key := subject + " of " + of.id
	if k.lists[key] == nil {
		k.lists[key] = map[*walker][]string{}
	}
	slices.Sort(found)
	k.lists[key][a] = found
}

// compareLists wants that everybody found in each list exactly what they may see
// of what anybody found in it.
func (k *walk) compareLists(t *testing.T) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(k.lists)) {
		union := map[string]bool{}
		for _, found := range k.lists[key] {
			for _, id := range found {
				union[id] = true
			}
		}
		for a, found := range k.lists[key] {
			want := []string{}
			for _, id := range slices.Sorted(maps.Keys(union)) {
				if k.sees(a, k.objects[id]) {
					want = append(want, id)
				}
			}
			if !reflect.DeepEqual(found, want) {
				t.Errorf("%s finds %v in %s, want %v", a.name, k.titles(found), key, k.titles(want))
			}
			if n, ok := k.counts[key][a]; ok && n != len(found) {
				t.Errorf("%s counts %d in %s and finds %v", a.name, n, key, k.titles(found))
			}
		}
	}
}

func (k *walk) titles(ids []string) []string {
	titles := make([]string, len(ids))
	for i, id := range ids {
		titles[i] = k.title(k.objects[id])
	}
	return titles
}

// page sizes: of the lists of an object that is asked for by its id, of a list that
// is asked for alone, and of the lists in those.
const (
	wholePage = 40
	longPage  = 100
	cutPage   = 2
)

// arguments are what fields need to be asked for.
func (k *walk) arguments(subject string) string {
	month := walkMonth()
	between := fmt.Sprintf("from: %q, to: %q, interval: MONTH", month.Format("2006-01-02T15:04:05Z"), month.AddDate(0, 1, 0).Format("2006-01-02T15:04:05Z"))
	return map[string]string{
		"Organization.activeUsers":       fmt.Sprintf("month: %q", month.Format("2006-01")),
		"Organization.costs":             between + ", groupBy: ORGANIZATION",
		"Organization.costLines":         fmt.Sprintf("month: %q, first: 10", month.Format("2006-01")),
		"Organization.priceBounds":       `month: "2031-01"`,
		"Organization.unattributedUsage": fmt.Sprintf("month: %q", month.Format("2006-01")),
	}[subject]
}

// selection returns all fields of a type, down to a depth, entering each type at
// most twice on the way. Fields that are refused to some are left out: they
// would take everything else with them.
func (k *walk) selection(name string, entered map[string]int, depth int) string {
	definition := k.schema.Types[name]
	if depth <= 1 && (definition.IsAbstractType() || isNode(k.schema, definition)) {
		return "__typename id"
	}
	if definition.IsAbstractType() {
		parts := []string{"__typename"}
		for _, possible := range k.schema.PossibleTypes[name] {
			parts = append(parts, "... on "+possible.Name+" { "+k.selection(possible.Name, entered, 0)+" }")
		}
		return strings.Join(parts, " ")
	}
	entered = maps.Clone(entered)
	entered[name]++
	parts := []string{"__typename"}
	for _, f := range definition.Fields {
		if k.visibility.of(name + "." + f.Name).refuses() {
			continue
		}
		if selection := k.field(name, f, entered, depth); selection != "" {
			parts = append(parts, selection)
		}
	}
	return strings.Join(parts, " ")
}

// field returns a field with its arguments and all that is in it, or "" for one
// that needs unknown arguments or lies too deep.
func (k *walk) field(kind string, f *ast.FieldDefinition, entered map[string]int, depth int) string {
	if strings.HasPrefix(f.Name, "__") {
		return ""
	}
	arguments := k.arguments(kind + "." + f.Name)
	for _, a := range f.Arguments {
		switch {
		case arguments != "":
		case a.Name == "first" && depth >= 3:
			arguments = fmt.Sprintf("first: %d", wholePage)
		case a.Name == "first":
			arguments = fmt.Sprintf("first: %d", cutPage)
		case a.Name == "keys":
			arguments = `keys: ["policies.approved_regions", "variables"]`
		case a.Type.NonNull && a.DefaultValue == nil:
			return ""
		}
	}
	if arguments != "" {
		arguments = "(" + arguments + ")"
	}
	inner := k.schema.Types[f.Type.Name()]
	if !inner.IsCompositeType() {
		return f.Name + arguments
	}
	if depth == 0 || entered[inner.Name] >= 2 {
		return ""
	}
	weight := 1
	if strings.HasSuffix(inner.Name, "Connection") || strings.HasSuffix(inner.Name, "Edge") {
		weight = 0 // What matters is what the list is of.
	}
	return f.Name + arguments + " { " + k.selection(inner.Name, entered, depth-weight) + " }"
}
