package waterfall

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/headwater-platform/headwater/fault"
)

// law is a sentence that holds for every path and every directive. check
// returns why a world breaks it, or nothing.
type law struct {
	name   string
	covers func(d *Definition) bool
	check  func(w *world) string
}

func laws() []law {
	return []law{
		{"a cached prefix folds on as the path does", nil, prefixCaching},
		{"edits of one directive compose", nil, editsCompose},
		{"guards are associative", isAssociative, guardsAssociate},
		{"a node without directive changes nothing", nil, identity},
		{"a repeated step changes nothing", nil, idempotence},
		{"nothing changes a value after a lock", nil, leftZero},
		{"everything after a lock is blocked by it", nil, completeness},
		{"locking and unlocking restores everything", nil, lockRoundTrip},
		{"a guard never widens and never empties", (*Definition).Guardable, noWidening},
		{"projection is a homomorphism and idempotent", isLattice, homomorphism},
		{"the effective value is permitted", nil, soundness},
		{"lowering a bound raises nothing", isLattice, monotoneCeilings},
		{"no value exceeds a narrowing value above it", narrows, ceilingsHold},
		{"a directive changes nothing outside its subtree", nil, isolation},
		{"a moved subtree folds as if it had always been there", nil, moves},
		{"an override has one source", isOverride, uniqueSource},
		{"what is blocked or shadowed can be deleted", nil, counterfactual},
		{"a clamp is shown if and only if it clamps", nil, clampNecessity},
		{"booleans and enums fall back as written", isFlat, fallsBack},
		{"sets and maps are what their last contributors made them", isPlainKeyed, lastContributor},
		{"a permitted write has its way and a refused one would not", nil, courtesy},
	}
}

// isAssociative covers all guards but those of sets that may not be empty:
// whether two of these leave nothing depends on what is required before them.
func isAssociative(d *Definition) bool { return d.Guardable() && !d.NonEmpty }

func isFlat(d *Definition) bool     { return d.domain() == flat }
func isOverride(d *Definition) bool { return d.Merge == MergeOverride }
func narrows(d *Definition) bool    { return d.Narrows }

func isPlainKeyed(d *Definition) bool { return d.keyed() && !d.Narrows && !d.NonEmpty }

// isLattice covers the ordered and set types, whose guards are never empty.
func isLattice(d *Definition) bool { return d.Guardable() && d.domain() != flat && !d.NonEmpty }

func prefixCaching(w *world) string {
	k := w.IntN(len(w.steps) + 1)
	cached := w.fold(w.steps[:k])
	before := show(cached.resolution())
	foldSteps(cached, w.walk(w.path, w.someDirectives(w.path))) // a sibling folds on too
	whole, split := w.fold(w.steps), foldSteps(cached, w.steps[k:])
	if a, b := show(whole.resolution()), show(split.resolution()); a != b {
		return fmt.Sprintf("cut at %d\n%s\nthe whole is\n%s", k, b, a)
	}
	if after := show(cached.resolution()); after != before {
		return fmt.Sprintf("folding on changed the cached state\n%s\ninto\n%s", before, after)
	}
	return ""
}

func editsCompose(w *world) string {
	a, b := w.oneOperation(), w.oneOperation()
	r := w.fold(w.steps).request
	stepwise := w.rules.edit(w.definition, w.rules.edit(w.definition, r, a, 90), b, 91).asked(w.definition)
	joined := w.rules.edit(w.definition, r, a.Then(b), 90).asked(w.definition)
	if !stepwise.Equal(joined) {
		return fmt.Sprintf("%s then %s makes %s, together %s", a.parts(true), b.parts(true), stepwise.JSON(), joined.JSON())
	}
	return ""
}

func guardsAssociate(w *world) string {
	g, h, k := w.someGuard(), w.someGuard(), w.someGuard()
	narrow := func(v interval, g Guard) (interval, bool) { return w.rules.narrow(w.definition, v, g, 1) }
	first, ok := narrow(interval{}, g)
	left, leftOK := first, ok
	for _, next := range []Guard{h, k} {
		if leftOK {
			left, leftOK = narrow(left, next)
		}
	}
	inner, innerOK := narrow(interval{}, h)
	if innerOK {
		inner, innerOK = narrow(inner, k)
	}
	right, rightOK := first, ok && innerOK
	if rightOK {
		right, rightOK = narrow(first, asGuard(w.definition, inner))
	}
	if leftOK != rightOK || (leftOK && !w.sameBounds(left, right)) {
		return fmt.Sprintf("%s, %s, %s: one by one %v %t, the last two first %v %t",
			must(g.Encode()), must(h.Encode()), must(k.Encode()), left, leftOK, right, rightOK)
	}
	return ""
}

// asGuard returns the guard that says what the interval does.
func asGuard(d *Definition, v interval) Guard {
	var g Guard
	if d.domain() == flat {
		g.allowed = v.permitted(d)
	}
	if v.min.set {
		g.min = &v.min.value
	}
	if v.max.set {
		g.max = &v.max.value
	}
	if len(v.layers) > 0 {
		g.allowed = v.allowed()
	}
	g.required = keysOf(v.required)
	for _, m := range v.low {
		g.low = append(g.low, m.entry)
	}
	for _, m := range v.high {
		g.high = append(g.high, m.entry)
	}
	return g
}

func identity(w *world) string {
	i := w.IntN(len(w.steps) + 1)
	node := Node{Level: LevelPlatform, ID: id(200)}
	if i > 0 {
		node.Level = w.steps[i-1].Node.Level
	}
	inert := Step{Node: node, Side: SideOwn, Author: node.ID}
	if w.chance(50) {
		inert.Directive = &Directive{Node: node, Author: node.ID}
	}
	steps := slices.Insert(slices.Clone(w.steps), i, inert)
	a, b := w.fold(w.steps), w.fold(steps)
	if !a.value.Equal(b.value) || a.origin(a.source) != b.origin(b.source) || !w.sameBelow(a, b) || (a.lock == unlocked) != (b.lock == unlocked) {
		return fmt.Sprintf("inserted at %d\n%s\nwithout\n%s", i, show(b.resolution()), show(a.resolution()))
	}
	return ""
}

func idempotence(w *world) string {
	i := w.IntN(len(w.steps))
	a, b := w.fold(w.steps), w.fold(slices.Insert(slices.Clone(w.steps), i, w.steps[i]))
	if !a.value.Equal(b.value) || !w.sameBelow(a, b) {
		return fmt.Sprintf("step %d twice\n%s\nonce\n%s", i, show(b.resolution()), show(a.resolution()))
	}
	return ""
}

func leftZero(w *world) string {
	lock, at := -1, w.fold(nil)
	for i, step := range w.steps {
		if d := step.Directive; lock < 0 && d != nil && d.Locked {
			lock, at = i, w.fold(w.steps[:i+1])
		}
	}
	if end := w.fold(w.steps); lock >= 0 && !end.value.Equal(at.value) {
		return fmt.Sprintf("%s at the lock of step %d, %s in the end", at.value.JSON(), lock, end.value.JSON())
	}
	return ""
}

func completeness(w *world) string {
	r := w.fold(w.steps).resolution()
	var lock *Origin
	for i, step := range w.steps {
		e := r.Chain[i+1]
		if lock != nil && step.Directive != nil && !step.Directive.IsEmpty() && (e.Status != StatusBlocked || *e.By != *lock) {
			return fmt.Sprintf("step %d is %s by %s after the lock by %s", i, e.Status, showOrigin(e.By), showOrigin(lock))
		}
		if lock != nil && i == len(w.steps)-1 && (r.LockedBy == nil || *r.LockedBy != *lock) {
			return fmt.Sprintf("lockedBy is %s after the lock by %s", showOrigin(r.LockedBy), showOrigin(lock))
		}
		if lock == nil && step.Directive != nil && step.Directive.Locked && e.Status != StatusConflict {
			lock = &e.Origin
		}
		if e.Status == StatusConflict {
			return "" // stands as if the earlier guard had locked
		}
	}
	return ""
}

func lockRoundTrip(w *world) string {
	before, stored := show(w.fold(w.steps).resolution()), showSteps(w.steps)
	i := w.IntN(len(w.steps))
	locked := slices.Clone(w.steps)
	directive := Directive{Node: locked[i].Node, Author: locked[i].Author}
	if locked[i].Directive != nil {
		directive = *locked[i].Directive
	}
	directive.Locked = true
	locked[i].Directive = &directive
	w.fold(locked).resolution()
	if after := show(w.fold(w.steps).resolution()); after != before || showSteps(w.steps) != stored {
		return fmt.Sprintf("after locking and unlocking step %d\n%s\nbefore\n%s", i, after, before)
	}
	if a, b := w.fold(w.steps[:i+1]), w.fold(locked[:i+1]); a.lock == unlocked && !a.value.Equal(b.value) {
		return fmt.Sprintf("the lock changed the value of its own step from %s to %s", a.value.JSON(), b.value.JSON())
	}
	return ""
}

func noWidening(w *world) string {
	v := interval{}
	for _, step := range w.steps {
		if step.Directive == nil || step.Directive.Guard == nil {
			continue
		}
		next, ok := w.rules.narrow(w.definition, v, *step.Directive.Guard, 1)
		if !ok {
			continue
		}
		some := false
		for _, value := range w.candidates() {
			inside := permits(w.definition, next, value)
			some = some || inside
			if inside && !permits(w.definition, v, value) {
				return fmt.Sprintf("%s widened to %s", must(step.Directive.Guard.Encode()), value.JSON())
			}
		}
		if !some {
			return fmt.Sprintf("%s left nothing", must(step.Directive.Guard.Encode()))
		}
		v = next
	}
	return ""
}

func homomorphism(w *world) string {
	d := w.definition
	g, h, x := w.someGuard(), w.someGuard(), must(d.ParseValue([]byte(w.someValue())))
	onlyG, _ := w.rules.narrow(d, interval{}, g, 1)
	onlyH, _ := w.rules.narrow(d, interval{}, h, 1)
	both, _ := w.rules.narrow(d, onlyG, h, 1)
	one, two := w.into(both, x), w.into(onlyG, w.into(onlyH, x))
	if !same(d, one, two) {
		return fmt.Sprintf("%s into %s after %s is %s, one after the other %s", x.JSON(), must(h.Encode()), must(g.Encode()), one.JSON(), two.JSON())
	}
	if again := w.into(both, one); !again.Equal(one) {
		return fmt.Sprintf("%s projects to %s and that to %s", x.JSON(), one.JSON(), again.JSON())
	}
	return ""
}

// into projects a value into an interval.
func (w *world) into(v interval, x Value) Value {
	return w.rules.project(w.definition, v, request{value: x, members: marks(x.entries, 1, false)}, nil).value
}

func soundness(w *world) string {
	for f := w.fold(w.steps); f != nil; f = f.before {
		if !permits(w.definition, f.interval, f.value) {
			return fmt.Sprintf("%s after step %d is not permitted by %+v", f.value.JSON(), f.index, f.bounds())
		}
	}
	return ""
}

func monotoneCeilings(w *world) string {
	i := w.IntN(len(w.steps))
	if w.steps[i].Directive == nil {
		return ""
	}
	lower := w.lowered(*w.steps[i].Directive)
	steps := slices.Clone(w.steps)
	steps[i].Directive = &lower
	a, b := w.fold(w.steps), w.fold(steps)
	if !within(w.definition, b.value, a.value) {
		return fmt.Sprintf("lowering step %d to %s raised %s to %s", i, showSteps(steps[i:i+1]), a.value.JSON(), b.value.JSON())
	}
	return ""
}

// lowered returns the directive with less permitted, or less asked for.
func (w *world) lowered(d Directive) Directive {
	if d.Guard != nil {
		g := w.loweredGuard(*d.Guard)
		d.Guard = &g
		return d
	}
	if d.Operation == nil {
		return d
	}
	op := *d.Operation
	switch {
	case len(op.put) > 0 && w.definition.domain() == counts:
		op.put = slices.Clone(op.put)
		op.put[0] = countEntry(op.put[0].key, op.put[0].number/2)
	case len(op.put) > 0:
		op.put = op.put[1:]
	case op.base == ofNothing && w.definition.domain() == ordered:
		op.value = w.number(op.value.number / 2)
	}
	d.Operation = &op
	return d
}

func (w *world) loweredGuard(g Guard) Guard {
	lower := Guard{required: g.required}
	if g.max != nil {
		half := w.number(g.max.number / 2)
		lower.max = &half
	}
	if g.allowed != nil {
		lower.allowed, lower.required = []string{}, nil
		if len(g.allowed) > 0 {
			lower.allowed = g.allowed[1:]
		}
		for _, element := range g.required {
			if slices.Contains(lower.allowed, element) {
				lower.required = append(lower.required, element)
			}
		}
	}
	for _, e := range g.high {
		lower.high = append(lower.high, countEntry(e.key, e.number/2))
	}
	return lower
}

func ceilingsHold(w *world) string {
	end := w.fold(w.steps)
	for f := end.before; f != nil; f = f.before {
		sets := f.index > 0 && f.operation() != nil
		leaves := f.step.Node.Level == LevelPlatform && end.step.Node.Level != LevelPlatform
		if (sets || leaves) && !within(w.definition, end.value, f.value) {
			return fmt.Sprintf("%s in the end exceeds %s at step %d", end.value.JSON(), f.value.JSON(), f.index)
		}
	}
	return ""
}

func isolation(w *world) string {
	tree := w.someTree()
	before := tree.resolve(w)
	changed := w.IntN(len(tree.directives))
	was := tree.directives[changed]
	tree.directives[changed] = w.someDirective(was.Node, was.Author)
	after := tree.resolve(w)
	for leaf := range before {
		path := tree.pathTo(leaf)
		on := slices.ContainsFunc(path, func(n Node) bool { return n.ID == was.Node.ID })
		speaks := slices.ContainsFunc(path, func(n Node) bool { return n.ID == was.Author })
		if before[leaf] != after[leaf] && (!on || !speaks) {
			return fmt.Sprintf("a directive at %d by %d changed organization %d from\n%s\nto\n%s",
				was.Node.ID[0], was.Author[0], leaf+1, before[leaf], after[leaf])
		}
	}
	return ""
}

// tree is organizations with their managers; the first is the root.
type tree struct {
	managers   []int
	directives []Directive
}

// someTree returns a tree whose directives are also by organizations that are
// not above their node.
func (w *world) someTree() *tree {
	t := &tree{managers: []int{0}}
	for n := 1; n < 8; n++ {
		t.managers = append(t.managers, w.IntN(n))
	}
	for n := range t.managers {
		for author := range t.managers {
			if n == author || w.chance(15) {
				path := t.pathTo(n)
				t.directives = append(t.directives, w.someDirective(path[len(path)-1], id(author+1)))
			}
		}
	}
	return t
}

func (t *tree) pathTo(n int) []Node {
	if n == 0 {
		return []Node{{Level: LevelPlatform, ID: id(1)}}
	}
	return append(t.pathTo(t.managers[n]), Node{Level: LevelPartner, ID: id(n + 1)})
}

func (t *tree) resolve(w *world) []string {
	shown := make([]string, len(t.managers))
	for n := range t.managers {
		shown[n] = show(w.fold(w.walk(t.pathTo(n), t.directives)).resolution())
	}
	return shown
}

func moves(w *world) string {
	t := w.someTree()
	moved, to := 7, w.IntN(7) // the last organization manages nobody
	t.managers[moved] = to
	state := w.fold(w.walk(t.pathTo(to), t.directives))
	path := t.pathTo(moved)
	node := path[len(path)-1]
	for _, author := range path { // the root first, the node itself last
		i := slices.IndexFunc(t.directives, func(d Directive) bool { return d.Node == node && d.Author == author.ID })
		step := Step{Node: node, Side: SideManager, Author: author.ID}
		if author.ID == node.ID {
			step.Side = SideOwn
		}
		if i >= 0 {
			step.Directive = &t.directives[i]
		}
		if i >= 0 || author.ID == node.ID {
			state = state.apply(step)
		}
	}
	if a, b := show(w.fold(w.walk(path, t.directives)).resolution()), show(state.resolution()); a != b {
		return fmt.Sprintf("moved below %d\n%s\nthe fold of its new manager's path and itself is\n%s", to+1, a, b)
	}
	return ""
}

func uniqueSource(w *world) string {
	r := w.fold(w.steps).resolution()
	var deciding []ChainEntry
	for _, e := range r.Chain {
		if e.Status == StatusApplied || e.Status == StatusClamped {
			deciding = append(deciding, e)
		}
	}
	if len(deciding) != 1 || deciding[0].Origin != r.Source {
		return "not one source\n" + show(r)
	}
	asked := must(w.definition.ParseValue(deciding[0].Requested))
	if granted := asked.Equal(r.Value); granted != (deciding[0].Status == StatusApplied) {
		return "the source's status does not fit its value\n" + show(r)
	}
	return ""
}

func counterfactual(w *world) string {
	r := w.fold(w.steps).resolution()
	for i, step := range w.steps {
		left := Directive{}
		switch r.Chain[i+1].Status {
		case StatusBlocked:
		case StatusShadowed:
			left = *step.Directive
			left.Operation = nil
		default:
			continue
		}
		steps := slices.Clone(w.steps)
		steps[i].Directive = &left
		without := w.fold(steps).resolution()
		if !without.Value.Equal(r.Value) || without.Source != r.Source {
			return fmt.Sprintf("without the %s step %d\n%s\nwith it\n%s", r.Chain[i+1].Status, i, show(without), show(r))
		}
	}
	return ""
}

func clampNecessity(w *world) string {
	f := w.fold(w.steps)
	r := f.resolution()
	if clamped := !f.request.asked(w.definition).Equal(f.value); clamped != (r.ClampedBy != nil) {
		return "asked for " + string(f.request.asked(w.definition).JSON()) + "\n" + show(r)
	}
	return ""
}

// fallsBack recomputes booleans and enums from the sentence in the design.
func fallsBack(w *world) string {
	d := w.definition
	permitted := d.options()
	asked, value := d.Default, d.Default
	effective := []Value{value}
	for _, step := range w.steps {
		s := step.Directive
		if s == nil || s.IsEmpty() {
			continue
		}
		if s.Guard != nil {
			left := slices.DeleteFunc(slices.Clone(permitted), func(o string) bool { return !slices.Contains(s.Guard.allowed, o) })
			if len(left) == 0 {
				break
			}
			permitted = left
		}
		if s.Operation != nil {
			asked = d.Default
			if s.Operation.base == ofNothing {
				asked = s.Operation.value
			}
		}
		value = option(d, permitted[0])
		for _, candidate := range append(slices.Clone(effective), asked) { // the last one wins
			if slices.Contains(permitted, candidate.text) {
				value = candidate
			}
		}
		effective = append(effective, value)
		if s.Locked {
			break
		}
	}
	if got := w.fold(w.steps).value; !got.Equal(value) {
		return fmt.Sprintf("is %s, should be %s", got.JSON(), value.JSON())
	}
	return ""
}

// lastContributor recomputes sets and maps from their directives, one key at a
// time, and compares sources too. Guards are left to the other laws.
func lastContributor(w *world) string {
	var steps []Step
	for _, step := range w.steps {
		if step.Directive == nil || step.Directive.Operation == nil {
			continue
		}
		steps = append(steps, Step{Node: step.Node, Side: step.Side, Author: step.Author, Directive: &Directive{Operation: step.Directive.Operation}})
	}
	r := w.fold(steps).resolution()
	got := map[string]Origin{}
	for _, p := range r.Parts {
		got[p.Key+p.Element] = p.Source
	}
	for _, key := range append(mapKeys(), elementNames()...) {
		present, source := w.definition.Default.Has(key), Origin{Node: Node{Level: LevelDefault}}
		for _, step := range steps {
			op := step.Directive.Operation
			switch {
			case has(op.put, key):
				present, source = true, step.Origin()
			case has(op.drop, key), op.base == ofNothing:
				present = false
			case op.base == ofDefault:
				present, source = w.definition.Default.Has(key), step.Origin()
			}
		}
		if from, found := got[key]; found != present || (found && from != source) {
			return fmt.Sprintf("%q: %t by %s, should be %t by %s", key, found, showOrigin(&from), present, showOrigin(&source))
		}
	}
	return ""
}

// courtesy compares the check of a write with the fold.
func courtesy(w *world) string {
	i := w.IntN(len(w.steps))
	before, step := w.steps[:i], w.steps[i]
	op := w.oneOperation()
	written := Directive{Node: step.Node, Side: step.Side, Author: step.Author, Operation: &op}
	step.Directive = &written
	err := CheckWrite(w.definition, before, written, ChangeValue)
	f := w.fold(before).apply(step)
	status := f.resolution().Chain[f.index].Status
	if err == nil {
		if status == StatusBlocked || (status == StatusClamped && !w.definition.keyed()) {
			return fmt.Sprintf("%s at step %d was let in and is %s", op.parts(true), i, status)
		}
		return ""
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return "not a refusal: " + err.Error()
	}
	if (refusal.Code == fault.SettingLocked) != (f.outcome == blocked) {
		return fmt.Sprintf("%s at step %d: %v, but its outcome is %d", op.parts(true), i, err, f.outcome)
	}
	if refusal.Code == fault.SettingOutOfBounds && status != StatusClamped && status != StatusBlocked {
		return fmt.Sprintf("%s at step %d was refused but is %s", op.parts(true), i, status)
	}
	return ""
}

// permits reports whether the interval permits the value, as the design says it.
func permits(d *Definition, v interval, x Value) bool {
	switch d.domain() {
	case ordered:
		return (!v.min.set || x.number >= v.min.value.number) && (!v.max.set || x.number <= v.max.value.number)
	case flat:
		return len(v.layers) == 0 || slices.Contains(v.allowed(), x.text)
	case elements:
		for _, m := range v.required {
			if !x.Has(m.key) {
				return false
			}
		}
		for _, element := range x.Elements() {
			if len(v.layers) > 0 && !slices.Contains(v.allowed(), element) {
				return false
			}
		}
		return !d.NonEmpty || len(x.entries) > 0
	case counts:
		for _, thing := range thingNames() {
			n := countFor(x.entries, thing)
			if n > countFor(v.high, thing) || (n != math.MaxInt64 && n < floorFor(v.low, thing)) {
				return false
			}
		}
	default:
	}
	return true
}

// countFor returns the most of a thing; nothing said is no limit.
func countFor[E keyed](entries []E, thing string) int64 {
	for _, key := range patterns(thing) {
		for _, e := range entries {
			if e.name() == key {
				return numberOf(e)
			}
		}
	}
	return math.MaxInt64
}

func floorFor(entries []mark, thing string) int64 {
	if n := countFor(entries, thing); n != math.MaxInt64 {
		return n
	}
	return 0
}

func numberOf(e keyed) int64 {
	if m, ok := e.(mark); ok {
		return m.number
	}
	return e.(entry).number
}

// within reports whether a is at most b.
func within(d *Definition, a, b Value) bool {
	switch d.domain() {
	case ordered:
		return a.number <= b.number
	case elements:
		return !slices.ContainsFunc(a.Elements(), func(e string) bool { return !b.Has(e) })
	case counts:
		return !slices.ContainsFunc(thingNames(), func(t string) bool { return countFor(a.entries, t) > countFor(b.entries, t) })
	default:
		return true
	}
}

func same(d *Definition, a, b Value) bool {
	if d.domain() == counts {
		return within(d, a, b) && within(d, b, a)
	}
	return a.Equal(b)
}

// candidates returns every value of a small type, or some of a large one.
func (w *world) candidates() []Value {
	var all []Value
	switch d := w.definition; d.domain() {
	case ordered:
		for n := range int64(10) {
			all = append(all, w.number(n))
		}
	case flat:
		for _, o := range d.options() {
			all = append(all, option(d, o))
		}
	case elements:
		for subset := range 1 << len(d.universe()) {
			var some []string
			for i, element := range d.universe() {
				if subset>>i&1 == 1 {
					some = append(some, element)
				}
			}
			all = append(all, Set(some...))
		}
	default: // counts: everything projects to something that is permitted
		all = append(all, w.countMaps()...)
	}
	return all
}

func (w *world) countMaps() []Value {
	v := interval{}
	for _, step := range w.steps {
		if step.Directive != nil && step.Directive.Guard != nil {
			v, _ = narrow(w.definition, v, *step.Directive.Guard, 1)
		}
	}
	all := []Value{EmptyMap(), gather(mapShape, v.count(nil), 0).value}
	for range 30 {
		x := must(w.definition.ParseValue([]byte(w.someMap())))
		all = append(all, x, gather(mapShape, v.count(marks(x.entries, 1, false)), 0).value)
	}
	return all
}

// sameBelow reports whether two folds bind the steps below them alike.
func (w *world) sameBelow(a, b *fold) bool {
	below := Step{Node: Node{Level: LevelUser, ID: id(201)}, Side: SideOwn}
	return w.sameBounds(a.apply(below).interval, b.apply(below).interval)
}

func (w *world) sameBounds(a, b interval) bool {
	if w.definition.domain() == counts {
		return !slices.ContainsFunc(thingNames(), func(t string) bool {
			return countFor(a.high, t) != countFor(b.high, t) || floorFor(a.low, t) != floorFor(b.low, t)
		})
	}
	return a.min.value.Equal(b.min.value) && a.max.value.Equal(b.max.value) && a.min.set == b.min.set && a.max.set == b.max.set &&
		(len(a.layers) == 0) == (len(b.layers) == 0) && (len(a.layers) == 0 || slices.Equal(a.allowed(), b.allowed())) &&
		slices.Equal(keysOf(a.required), keysOf(b.required))
}
