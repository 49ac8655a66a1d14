package waterfall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// seed makes every run the same; a failing case prints it with its number.
const seed = 20260401

// everywhere is the levels at which the definitions of these tests are set.
func everywhere() []Level {
	return []Level{LevelPlatform, LevelPartner, LevelOrganization, LevelGroup, LevelUser}
}

// definitions returns a small one of every type and merge, so that random
// directives meet often.
func definitions() []*Definition {
	verbatim := func(_ string, raw []byte) ([]byte, bool, error) {
		text, err := strictjson.Text(raw)
		return []byte(strictjson.Quote(text)), false, err
	}
	object := func(raw []byte) ([]byte, error) {
		if _, err := strictjson.Object(raw); err != nil {
			return nil, err
		}
		var canonical bytes.Buffer
		err := json.Compact(&canonical, raw)
		return canonical.Bytes(), err
	}
	all := []*Definition{
		{Key: "flag", Type: TypeBoolean, Default: Boolean(false)},
		{Key: "color", Type: TypeEnum, Options: []string{`"a"`, `"b"`, `"c"`, `"d"`}, Default: Text("b")},
		{Key: "number", Type: TypeInteger, Max: 9, Default: Integer(5)},
		{Key: "period", Type: TypeDuration, Max: 9, Default: Seconds(5)},
		{Key: "limit", Type: TypeInteger, Max: 9, Default: Integer(9), Narrows: true},
		{Key: "budget", Type: TypeInteger, Max: 9, Default: Integer(6), Narrows: true},
		{Key: "tags", Type: TypeSet, Element: TypeText, MaxItems: 9, MaxLength: 9, Default: Set("a", "b")},
		{Key: "offer", Type: TypeSet, Element: TypeText, MaxItems: 9, MaxLength: 9, Default: Set("a", "b", "c", "d"), Narrows: true},
		{Key: "list", Type: TypeSet, Element: TypeText, MaxItems: 9, MaxLength: 9, Default: Set(), Narrows: true},
		{Key: "ways", Type: TypeSet, Element: TypeText, Options: []string{"a", "b", "c", "d"}, MaxItems: 9, MaxLength: 9, Default: Set("a"), NonEmpty: true},
		{Key: "names", Type: TypeMap, Element: TypeText, MaxItems: 9, MaxLength: 9, Default: EmptyMap(), ReadEntry: verbatim},
		{Key: "stock", Type: TypeMap, Element: TypeInteger, Max: 9, MaxItems: 9, MaxLength: 9, Default: EmptyMap()},
		{Key: "caps", Type: TypeMap, Element: TypeInteger, Max: 9, MaxItems: 9, MaxLength: 9, Default: EmptyMap(), Narrows: true},
		{Key: "text", Type: TypeText, MaxLength: 9, Default: Text("")},
		{Key: "order", Type: TypeList, Element: TypeText, MaxItems: 9, MaxLength: 9, Default: EmptyList()},
		{Key: "record", Type: TypeObject, ReadObject: object, Default: EmptyObject()},
	}
	for _, d := range all {
		d.Levels, d.Merge = everywhere(), mergeForTest(d)
	}
	return all
}

func mergeForTest(d *Definition) Merge {
	if d.keyed() || d.Narrows {
		return MergeSet // anything that is not an override
	}
	return MergeOverride
}

// world is one random case: a setting, the rules under test, and steps.
type world struct {
	*rand.Rand
	definition *Definition
	rules      *rules
	walk       func(path []Node, directives []Directive) []Step
	path       []Node
	directives []Directive
	steps      []Step
}

func newWorld(random *rand.Rand, d *Definition, m mutant) *world {
	w := &world{Rand: random, definition: d, rules: standard(), walk: Steps}
	if m.breaks != nil {
		m.breaks(w.rules)
	}
	if m.walk != nil {
		w.walk = m.walk
	}
	w.path = w.somePath()
	w.directives = w.someDirectives(w.path)
	w.steps = w.walk(w.path, w.directives)
	return w
}

func id(n int) orgtree.ID { return orgtree.ID{byte(n), byte(n >> 8)} }

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

func (w *world) somePath() []Node {
	path := []Node{{Level: LevelPlatform, ID: id(1)}}
	add := func(level Level, n int) {
		for range n {
			path = append(path, Node{Level: level, ID: id(len(path) + 1)})
		}
	}
	add(LevelPartner, w.IntN(4))
	add(LevelOrganization, w.IntN(2))
	add(LevelGroup, w.IntN(3))
	add(LevelUser, w.IntN(2))
	return path
}

func (w *world) someDirectives(path []Node) []Directive {
	var all []Directive
	for i, node := range path {
		for _, manager := range managers(path, i) {
			if w.chance(20) {
				all = append(all, w.someDirective(node, manager))
			}
		}
		if w.chance(65) {
			all = append(all, w.someDirective(node, home(path, i)))
		}
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (w *world) someDirective(node Node, author orgtree.ID) Directive {
	d := Directive{Node: node, Author: author, Locked: w.chance(8)}
	if w.chance(75) {
		op := w.someOperation()
		d.Operation = &op
	}
	if w.definition.Guardable() && w.chance(35) {
		g := w.someGuard()
		d.Guard = &g
	}
	return d
}

func (w *world) someOperation() Operation {
	op := w.oneOperation()
	if w.definition.keyed() && w.chance(25) {
		op = op.Then(w.oneOperation())
	}
	return op
}

func (w *world) oneOperation() Operation {
	kinds := []OperationKind{OperationSet}
	switch w.definition.Type {
	case TypeSet:
		kinds = []OperationKind{OperationReplace, OperationAppend, OperationRemove}
	case TypeMap:
		kinds = []OperationKind{OperationReplace, OperationSet, OperationSet, OperationRemove}
	default:
	}
	kind := kinds[w.IntN(len(kinds))]
	raw := w.someValue()
	if w.definition.keyed() && kind != OperationReplace && len(raw) == 2 {
		kind = OperationReset // an edit must name something
	}
	switch {
	case kind == OperationReset, w.chance(8):
		kind, raw = OperationReset, ""
	case kind == OperationRemove && w.definition.Type == TypeMap:
		raw = jsonTexts(append(w.some(mapKeys()[1:], 2), "*"))
	}
	return must(w.definition.ParseOperation(kind, []byte(raw)))
}

// someValue returns a random value as JSON.
func (w *world) someValue() string {
	d := w.definition
	switch d.Type {
	case TypeBoolean:
		return strconv.FormatBool(w.chance(50))
	case TypeEnum:
		return d.Options[w.IntN(len(d.Options))]
	case TypeInteger, TypeDuration:
		return string(w.number(w.Int64N(10)).JSON())
	case TypeText:
		return strictjson.Quote(elementNames()[w.IntN(5)])
	case TypeSet, TypeList:
		elements := w.some(d.universe(), 3)
		if len(elements) == 0 && d.NonEmpty {
			elements = []string{"b"}
		}
		return jsonTexts(elements)
	case TypeMap:
		return w.someMap()
	case TypeObject:
		return fmt.Sprintf(`{"a":%d}`, w.IntN(5))
	default:
		return "null"
	}
}

func (w *world) someMap() string {
	members := w.some(mapKeys(), 3)
	for i, key := range members {
		value := strconv.Itoa(w.IntN(10))
		if w.definition.Element == TypeText {
			value = strictjson.Quote(value)
		}
		members[i] = strictjson.Quote(key) + ":" + value
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (w *world) someGuard() Guard {
	for {
		if g, err := w.definition.ParseGuard(w.someGuardInput()); err == nil {
			return g
		}
	}
}

func (w *world) someGuardInput() GuardInput {
	var input GuardInput
	switch w.definition.domain() {
	case flat:
		input.Allowed = []byte("[" + strings.Join(w.some(w.definition.options(), 3), ",") + "]")
	case elements:
		if w.chance(75) {
			input.Allowed = []byte(jsonTexts(w.some(w.definition.universe(), 4)))
		}
		if w.chance(40) {
			input.Required = []byte(jsonTexts(w.some(w.definition.universe(), 1)))
		}
	default:
		if w.chance(45) {
			input.Min = []byte(w.someValue())
		}
		if w.chance(75) {
			input.Max = []byte(w.someValue())
		}
	}
	return input
}

// some returns at most n of the texts, each once.
func (w *world) some(texts []string, n int) []string {
	picked := slices.Clone(texts)
	w.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked[:min(w.IntN(n+1), len(picked))]
}

func (w *world) fold(steps []Step) *fold { return foldSteps(begin(w.definition, w.rules), steps) }

// number returns an INTEGER or DURATION, as the definition says.
func (w *world) number(n int64) Value {
	if w.definition.Type == TypeDuration {
		return Seconds(n)
	}
	return Integer(n)
}

func elementNames() []string { return []string{"a", "b", "c", "d", "e"} }

func mapKeys() []string { return []string{"*", "a/*", "a/x", "a/y", "b/*", "b/x"} }

// thingNames are what counts are looked up for: every key but the patterns,
// and one that nothing but a pattern names.
func thingNames() []string {
	return []string{"a/x", "a/y", "a/z", "b/x", "b/z", "c/z", "a/*", "b/*", "*"}
}

func (d *Definition) universe() []string {
	if len(d.Options) > 0 {
		return d.Options
	}
	return elementNames()
}

func jsonTexts(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strictjson.Quote(text)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// show writes a resolution down, everything but the sentences.
func show(r Resolution) string {
	var b strings.Builder
	fmt.Fprintf(&b, "value %s source %s inherited %t pinned %t unset %s", r.Value.JSON(), showOrigin(&r.Source), r.Inherited, r.Pinned, r.IfUnset.JSON())
	fmt.Fprintf(&b, " locked %s actions %v", showOrigin(r.LockedBy), r.Actions)
	if c := r.ClampedBy; c != nil {
		fmt.Fprintf(&b, " clamped %s asked %s by %s", c.Bound, c.Requested, showOrigin(&c.By))
	}
	for _, bound := range []*Bound{r.Guard.Min, r.Guard.Max, r.Guard.Allowed, r.Guard.Required} {
		if bound != nil {
			fmt.Fprintf(&b, " bound %s by %v", bound.JSON, bound.By)
		}
	}
	for _, p := range r.Parts {
		fmt.Fprintf(&b, " part %s%s by %s", p.Key, p.Element, showOrigin(&p.Source))
	}
	for _, e := range r.Chain {
		fmt.Fprintf(&b, "\n  %s %s %s %s by %s", showOrigin(&e.Origin), e.Kind, e.Requested, e.Status, showOrigin(e.By))
	}
	return b.String()
}

func showOrigin(o *Origin) string {
	if o == nil {
		return "-"
	}
	return fmt.Sprintf("%s:%d/%d", o.Node.Level, o.Node.ID[0], o.Author[0])
}

// showSteps writes the steps of a failing case down.
func showSteps(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		origin := s.Origin()
		fmt.Fprintf(&b, "\n  %s", showOrigin(&origin))
		if d := s.Directive; d != nil {
			if d.Operation != nil {
				fmt.Fprintf(&b, " %s", d.Operation.parts(true))
			}
			if d.Guard != nil {
				fmt.Fprintf(&b, " guard %s", must(d.Guard.Encode()))
			}
			if d.Locked {
				b.WriteString(" locked")
			}
		}
	}
	return b.String()
}

// broken runs one law on random cases and describes the first that breaks it.
func broken(l law, m mutant, cases int) (failure string) {
	all := definitions()
	for n := range cases {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		d := all[n%len(all)]
		if l.covers != nil && !l.covers(d) {
			continue
		}
		w := newWorld(random, d, m)
		if why := l.check(w); why != "" {
			return fmt.Sprintf("seed %d, case %d, %s: %s%s", seed, n, d.Key, why, showSteps(w.steps))
		}
	}
	return ""
}

// TestLaws tries every law on random directives of every type.
func TestLaws(t *testing.T) {
	t.Parallel()
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if failure := broken(l, mutant{}, effort.Cases(l.cases())); failure != "" {
				t.Error(failure)
			}
		})
	}
}

// cases returns how many cases to try so that 20 000 are of a type that the law
// is about.
func (l law) cases() int {
	if l.covers == nil {
		return 20_000
	}
	all, covered := definitions(), 0
	for _, d := range all {
		if l.covers(d) {
			covered++
		}
	}
	return 20_000 * len(all) / covered
}
