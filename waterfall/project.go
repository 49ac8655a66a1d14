package waterfall

import (
	"slices"
	"strings"
)

// projection is a value drawn into an interval, with the step that each entry
// of a set or map comes from.
type projection struct {
	value   Value
	sources []int
}

// project returns the request as far as the interval permits it: clamped for
// numbers, (S ∪ required) ∩ allowed for sets. A boolean or enum that is not
// permitted falls back to the latest of the earlier effective values that is,
// else to the first permitted in declaration order; so does a set that may not
// be empty and would be.
func project(d *Definition, v interval, r request, earlier *fold) projection {
	switch d.domain() {
	case ordered:
		if n := v.clamp(r.value.number); n != r.value.number {
			return projection{value: d.number(n)}
		}
		return projection{value: r.value}
	case flat:
		return projection{value: v.nearest(d, r.value, earlier)}
	case elements:
		return projectElements(d, v, r, earlier)
	case counts:
		return projectCounts(v, r)
	case dictionary:
		return gather(mapShape, r.present())
	case opaque:
		return projection{value: r.value}
	default:
		return projection{value: r.value}
	}
}

// nearest returns the value of a BOOLEAN or ENUM that stands for the wish.
func (v interval) nearest(d *Definition, wish Value, earlier *fold) Value {
	permitted := v.permitted(d)
	if slices.Contains(permitted, wish.text) {
		return wish
	}
	for f := earlier; f != nil; f = f.before {
		if slices.Contains(permitted, f.value.text) {
			return f.value
		}
	}
	return option(d, permitted[0])
}

// option returns the value of a BOOLEAN or ENUM that is written so.
func option(d *Definition, text string) Value {
	if d.Type == TypeBoolean {
		return Boolean(text == "true")
	}
	return Value{shape: scalarShape, text: text}
}

func projectElements(d *Definition, v interval, r request, earlier *fold) projection {
	kept := v.keep(r.present())
	if d.NonEmpty && len(kept) == 0 {
		kept = v.fallback(d, earlier)
	}
	return gather(setShape, kept)
}

// keep returns (S ∪ required) ∩ allowed.
func (v interval) keep(wish []mark) []mark {
	kept := slices.DeleteFunc(slices.Clone(wish), func(m mark) bool { return !v.allows(m.key) })
	for _, m := range v.required {
		if !has(kept, m.key) {
			kept = put(kept, m)
		}
	}
	return kept
}

// fallback returns what a set that may not be empty holds when nothing of the
// wish is left.
func (v interval) fallback(d *Definition, earlier *fold) []mark {
	for f := earlier; f != nil; f = f.before {
		if kept := v.keep(marks(f.value.entries, f.index, false)); len(kept) > 0 {
			return kept
		}
	}
	for _, element := range d.Options {
		if v.allows(element) {
			return []mark{{entry: entry{key: element}}}
		}
	}
	return nil
}

// projectCounts takes for every key that the wish or the interval names the
// count nearest to the wish; a key that nobody counts stays out.
func projectCounts(v interval, r request) projection {
	wish := r.present()
	if len(v.low) == 0 && len(v.high) == 0 {
		return gather(mapShape, wish)
	}
	var kept []mark
	for _, key := range byGenerality(keysOf(wish), keysOf(v.low), keysOf(v.high)) {
		m, counted := v.count(wish, key)
		if counted && (has(wish, key) || !implied(kept, m)) {
			kept = put(kept, m)
		}
	}
	return gather(mapShape, kept)
}

// count returns the count for a key and the step that decided it.
func (v interval) count(wish []mark, key string) (mark, bool) {
	m, asked := cover(wish, key)
	if high, capped := cover(v.high, key); capped && (!asked || m.number > high.number) {
		m, asked = high, true
	}
	if low, bounded := cover(v.low, key); asked && bounded && m.number < low.number {
		m = low
	}
	return mark{entry: countEntry(key, m.number), by: m.by}, asked
}

func gather(s shape, kept []mark) projection {
	p := projection{
		value:   Value{shape: s, entries: make([]entry, len(kept))},
		sources: make([]int, len(kept)),
	}
	for i, m := range kept {
		p.value.entries[i], p.sources[i] = m.entry, m.by
	}
	return p
}

// alteration is a wish that the interval does not grant.
type alteration struct {
	wished int // the step that wished
	by     int // the step that set the bound
	bound  []byte
}

// alterations returns every difference between the request and the effective
// value, with the bound that made it.
func alterations(d *Definition, v interval, r request, effective Value) []alteration {
	switch d.domain() {
	case ordered:
		return alteredNumber(d, v, r, effective)
	case flat:
		if effective.Equal(r.value) {
			return nil
		}
		bound := []byte("[" + strings.Join(v.permitted(d), ",") + "]")
		return []alteration{{wished: r.base, by: v.excluder(r.value.text), bound: bound}}
	case elements:
		return alteredElements(d, v, r, effective)
	case counts:
		return alteredCounts(v, r, effective)
	case opaque, dictionary:
		return nil
	default:
		return nil
	}
}

func alteredNumber(d *Definition, v interval, r request, effective Value) []alteration {
	bound := v.min
	switch {
	case effective.number == r.value.number:
		return nil
	case effective.number < r.value.number:
		bound = v.max
	}
	return []alteration{{wished: r.base, by: bound.by, bound: d.number(bound.n).JSON()}}
}

func alteredElements(d *Definition, v interval, r request, effective Value) []alteration {
	var altered []alteration
	for _, m := range r.present() {
		if !effective.Has(m.key) {
			altered = append(altered, alteration{wished: m.by, by: v.excluder(m.key), bound: Set(v.allowed()...).JSON()})
		}
	}
	for _, m := range v.required {
		if wish, found := find(r.members, m.key); !found || wish.absent {
			altered = append(altered, alteration{wished: r.decider(m.key), by: m.by, bound: Set(keysOf(v.required)...).JSON()})
		}
	}
	if len(altered) == 0 && !effective.Equal(r.asked(d)) { // it may not be empty
		altered = append(altered, alteration{wished: r.last, bound: effective.JSON()})
	}
	return altered
}

func alteredCounts(v interval, r request, effective Value) []alteration {
	wish := r.present()
	var altered []alteration
	for _, e := range effective.entries {
		asked, found := cover(wish, e.key)
		if found && asked.number == e.number {
			continue
		}
		side := v.high
		if found && asked.number < e.number {
			side = v.low
		}
		bound, _ := cover(side, e.key)
		altered = append(altered, alteration{
			wished: r.wisher(e.key), by: bound.by, bound: writeMap([]entry{countEntry(e.key, bound.number)}, true),
		})
	}
	return altered
}

// wisher returns the step whose wish for a count was not granted: the one that
// named or removed the key, or whatever covers it.
func (r request) wisher(key string) int {
	if m, found := cover(r.members, key); found {
		return m.by
	}
	return r.base
}
