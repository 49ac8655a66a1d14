package waterfall

import (
	"slices"
	"strings"
)

// interval is the guard channel after some steps: everything that is still
// permitted, and which step forbade the rest. It only narrows. Steps are named
// by their index in the fold.
type interval struct {
	min, max edge    // INTEGER, DURATION
	layers   []layer // BOOLEAN, ENUM, SET: what is allowed, each layer within the one before
	required []mark  // SET
	low      []mark  // MAP of INTEGER
	high     []mark
}

// edge is one end of an interval of numbers.
type edge struct {
	value Value
	by    int
	set   bool
}

// layer is an allowed set and the step that narrowed it to this.
type layer struct {
	allowed []string
	by      int
}

// mark is an entry and the step that decided it. An absent one was removed.
type mark struct {
	entry
	by     int
	absent bool
}

// narrow returns what the guard leaves of the interval. What came earlier
// dominates: for numbers and sets the guard is first drawn into the interval,
// so that something is always permitted. It returns false if nothing would be,
// which can happen to booleans, enums and sets that may not be empty.
func narrow(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
	switch d.domain() {
	case ordered:
		return narrowNumbers(earlier, g, by), true
	case flat:
		return narrowOptions(d, earlier, g, by)
	case elements:
		return narrowElements(d, earlier, g, by)
	case counts:
		return narrowCounts(earlier, g, by), true
	case opaque, dictionary:
		return earlier, true
	default:
		return earlier, true
	}
}

// ceiling returns the guard that a narrowing key's value is for later steps.
func ceiling(d *Definition, v Value) Guard {
	switch d.domain() {
	case ordered:
		return Guard{max: &v}
	case elements:
		return Guard{allowed: v.Elements()}
	case counts:
		return Guard{high: v.entries}
	case flat, opaque, dictionary:
		return Guard{}
	default:
		return Guard{}
	}
}

func narrowNumbers(earlier interval, g Guard, by int) interval {
	next := earlier
	if g.min != nil {
		if v := earlier.clamp(*g.min); !earlier.min.set || v.number > earlier.min.value.number {
			next.min = edge{value: v, by: by, set: true}
		}
	}
	if g.max != nil {
		if v := earlier.clamp(*g.max); !earlier.max.set || v.number < earlier.max.value.number {
			next.max = edge{value: v, by: by, set: true}
		}
	}
	return next
}

// clamp returns the number or duration within the interval that is nearest.
func (v interval) clamp(wish Value) Value {
	if v.max.set && wish.number > v.max.value.number {
		wish = v.max.value
	}
	if v.min.set && wish.number < v.min.value.number {
		wish = v.min.value
	}
	return wish
}

func narrowOptions(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
	permitted := earlier.permitted(d)
	left := make([]string, 0, len(permitted))
	for _, option := range permitted {
		if slices.Contains(g.allowed, option) {
			left = append(left, option)
		}
	}
	if len(left) == 0 {
		return earlier, false
	}
	if len(left) == len(permitted) {
		return earlier, true
	}
	return earlier.under(left, by), true
}

// permitted returns the values of a BOOLEAN or ENUM that are left, in
// declaration order.
func (v interval) permitted(d *Definition) []string {
	if len(v.layers) == 0 {
		return d.options()
	}
	return v.allowed()
}

func narrowElements(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
	next := earlier
	if g.allowed != nil {
		wanted := slices.Clone(g.allowed)
		for _, m := range earlier.required {
			wanted = append(wanted, m.key)
		}
		slices.Sort(wanted)
		wanted = slices.DeleteFunc(slices.Compact(wanted), func(e string) bool { return !earlier.allows(e) })
		if d.NonEmpty && len(wanted) == 0 {
			return earlier, false
		}
		if len(earlier.layers) == 0 || len(wanted) < len(earlier.allowed()) {
			next = earlier.under(wanted, by)
		}
	}
	for _, element := range g.required {
		if _, found := find(next.required, element); !found && earlier.allows(element) {
			next.required = put(next.required, mark{entry: entry{key: element}, by: by})
		}
	}
	return next, true
}

// under returns the interval with one more layer.
func (v interval) under(allowed []string, by int) interval {
	v.layers = append(slices.Clip(v.layers), layer{allowed: allowed, by: by})
	return v
}

// allowed returns the innermost layer; there must be one.
func (v interval) allowed() []string { return v.layers[len(v.layers)-1].allowed }

// allows reports whether an element may be in the set.
func (v interval) allows(element string) bool {
	return len(v.layers) == 0 || slices.Contains(v.allowed(), element)
}

// excluder returns the step that forbade a value or element, the first one.
func (v interval) excluder(element string) int {
	for _, l := range v.layers {
		if !slices.Contains(l.allowed, element) {
			return l.by
		}
	}
	return 0
}

func narrowCounts(earlier interval, g Guard, by int) interval {
	next := earlier
	next.low = earlier.draw(g.low, earlier.low, by)
	next.high = earlier.draw(g.high, earlier.high, by)
	return next
}

// draw returns one side of the interval, low or high, drawn in as far as the
// guard asks and the interval lets it, for every key that either names.
func (v interval) draw(asked []entry, side []mark, by int) []mark {
	if len(asked) == 0 {
		return side
	}
	var drawn []mark
	for _, key := range byGenerality(keysOf(asked), keysOf(v.low), keysOf(v.high)) {
		before, had := cover(side, key)
		wish, asks := cover(asked, key)
		if !asks && !had {
			continue
		}
		next := mark{entry: countEntry(key, before.number), by: before.by}
		if n := v.clampCount(key, wish.number); asks && (!had || n != before.number) {
			next = mark{entry: countEntry(key, n), by: by}
		}
		if has(asked, key) || has(side, key) || !implied(drawn, next) {
			drawn = put(drawn, next)
		}
	}
	return drawn
}

// clampCount returns the count within the interval that is nearest to n.
func (v interval) clampCount(key string, n int64) int64 {
	if high, capped := cover(v.high, key); capped && n > high.number {
		n = high.number
	}
	if low, bounded := cover(v.low, key); bounded && n < low.number {
		n = low.number
	}
	return n
}

// implied reports whether a more general key already says the same.
func implied(marks []mark, m mark) bool {
	general, found := cover(marks, m.key)
	return found && general.number == m.number
}

func has[E keyed](entries []E, key string) bool {
	_, found := find(entries, key)
	return found
}

func keysOf[E keyed](entries []E) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.name()
	}
	return keys
}

// byGenerality returns the keys of all lists, each once, patterns before what
// they cover.
func byGenerality(lists ...[]string) []string {
	keys := slices.Concat(lists...)
	slices.SortFunc(keys, func(a, b string) int {
		if byLength := len(patterns(a)) - len(patterns(b)); byLength != 0 {
			return byLength
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(keys)
}

// marks returns the entries as one step's.
func marks(entries []entry, by int, absent bool) []mark {
	marked := make([]mark, len(entries))
	for i, e := range entries {
		marked[i] = mark{entry: e, by: by, absent: absent}
	}
	return marked
}

// put returns the marks with one more, or one changed.
func put(current []mark, m mark) []mark { return overlay(current, []mark{m}) }

// overlay returns the marks of both, by key; where both name one, the later's.
// Neither is changed.
func overlay(current, later []mark) []mark {
	if len(later) == 0 {
		return current
	}
	merged := make([]mark, 0, len(current)+len(later))
	for len(current) > 0 && len(later) > 0 {
		order := strings.Compare(current[0].key, later[0].key)
		if order < 0 {
			merged, current = append(merged, current[0]), current[1:]
			continue
		}
		merged, later = append(merged, later[0]), later[1:]
		if order == 0 {
			current = current[1:]
		}
	}
	return append(append(merged, current...), later...)
}

// shown returns the innermost layer as JSON.
func (v interval) shown(d *Definition) []byte {
	if d.domain() == flat {
		return []byte("[" + strings.Join(v.allowed(), ",") + "]")
	}
	return Set(v.allowed()...).JSON()
}
