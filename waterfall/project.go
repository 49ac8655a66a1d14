package waterfall

import (
	"slices"
	"strings"
)

// projection is a request drawn into an interval.
type projection struct {
	value Value
	// source is the step that decided, sources the one behind each entry of a
	// set or map.
	source  int
	sources []int
	// forced says that nobody asked for the value: it is the first permitted.
	forced bool
}

// project returns the request as far as the interval permits it: clamped for
// numbers, (S ∪ required) ∩ allowed for sets. A boolean or enum that is not
// permitted falls back to the latest of the earlier effective values that is,
// else to the first permitted in declaration order; the latter holds too for a
// set that may not be empty and would be.
func project(d *Definition, v interval, r request, earlier *fold) projection {
	switch d.domain() {
	case ordered:
		return projection{value: v.clamp(r.value), source: r.last}
	case flat:
		return v.nearest(d, r, earlier)
	case elements:
		return gather(setShape, v.orFirst(d, v.keep(r.present())), r.last)
	case counts:
		return gather(mapShape, v.count(r.present()), r.last)
	case dictionary:
		return gather(mapShape, r.present(), r.last)
	case opaque:
		return projection{value: r.value, source: r.last}
	default:
		return projection{value: r.value, source: r.last}
	}
}

// nearest returns the value of a BOOLEAN or ENUM that stands for the wish. The
// step that decided is the one that asked for the value, even if a later one
// asked for something that is not permitted.
func (v interval) nearest(d *Definition, r request, earlier *fold) projection {
	permitted := v.permitted(d)
	if slices.Contains(permitted, r.value.text) {
		return projection{value: r.value, source: r.last}
	}
	for f := earlier; f != nil; f = f.before {
		if !f.forced && slices.Contains(permitted, f.value.text) {
			return projection{value: f.value, source: f.source}
		}
	}
	return projection{value: option(d, permitted[0]), source: r.last, forced: true}
}

// option returns the value of a BOOLEAN or ENUM that is written so.
func option(d *Definition, text string) Value {
	if d.Type == TypeBoolean {
		return Boolean(text == "true")
	}
	return Value{shape: scalarShape, text: text}
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

// orFirst returns the elements, or the first permitted one if the set may not
// be empty and would be.
func (v interval) orFirst(d *Definition, kept []mark) []mark {
	if !d.NonEmpty || len(kept) > 0 {
		return kept
	}
	for _, element := range d.Options {
		if v.allows(element) {
			return []mark{{entry: entry{key: element}, by: v.last()}}
		}
	}
	return kept
}

// count returns for every key that the wish or the interval names the count
// nearest to the wish. A key that nobody counts stays out, and so does one that
// only the interval names if a pattern already says the same.
func (v interval) count(wish []mark) []mark {
	if len(v.low) == 0 && len(v.high) == 0 {
		return wish
	}
	var kept []mark
	for _, key := range byGenerality(keysOf(wish), keysOf(v.low), keysOf(v.high)) {
		m, counted := v.countOf(wish, key)
		if counted && (has(wish, key) || !implied(kept, m)) {
			kept = put(kept, m)
		}
	}
	return kept
}

// countOf returns the count for a key and the step that decided it.
func (v interval) countOf(wish []mark, key string) (mark, bool) {
	m, asked := cover(wish, key)
	if high, capped := cover(v.high, key); capped && (!asked || m.number > high.number) {
		m, asked = high, true
	}
	if low, bounded := cover(v.low, key); asked && bounded && m.number < low.number {
		m = low
	}
	return mark{entry: countEntry(key, m.number), by: m.by}, asked
}

func gather(s shape, kept []mark, source int) projection {
	p := projection{
		source:  source,
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
	key    string // of a set or map
	wished int    // the step that wished
	by     int    // the step that set the bound
	bound  []byte
}

// alterations returns every difference between the request and the effective
// value, with the bound that made it.
func alterations(d *Definition, v interval, r request, effective Value) []alteration {
	switch d.domain() {
	case ordered:
		return alteredNumber(v, r, effective)
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

func alteredNumber(v interval, r request, effective Value) []alteration {
	bound := v.min
	switch {
	case effective.number == r.value.number:
		return nil
	case effective.number < r.value.number:
		bound = v.max
	}
	return []alteration{{wished: r.base, by: bound.by, bound: bound.value.JSON()}}
}

func alteredElements(d *Definition, v interval, r request, effective Value) []alteration {
	var altered []alteration
	for _, m := range r.present() {
		if !effective.Has(m.key) {
			altered = append(altered, alteration{key: m.key, wished: m.by, by: v.excluder(m.key), bound: Set(v.allowed()...).JSON()})
		}
	}
	for _, m := range v.required {
		if wish, found := find(r.members, m.key); !found || wish.absent {
			altered = append(altered, alteration{key: m.key, wished: r.decider(m.key), by: m.by, bound: Set(keysOf(v.required)...).JSON()})
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
			key: e.key, wished: r.wisher(e.key), by: bound.by, bound: writeMap([]entry{countEntry(e.key, bound.number)}, true),
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
