package waterfall

// request is the value channel after some steps: what was asked for, before
// any guard, and which step asked. Steps are named by their index in the fold.
type request struct {
	value   Value  // of a scalar, list or object
	members []mark // of a set or map, removed ones included
	// base is the step that last started afresh; last the last that contributed.
	base, last int
}

// edit returns the request after an operation. The latest SET wins, set edits
// compose element by element and map edits key by key.
func edit(d *Definition, r request, op Operation, by int) request {
	next := request{value: r.value, members: r.members, base: r.base, last: by}
	switch op.base {
	case ofNothing:
		next = request{value: op.value, base: by, last: by}
	case ofDefault:
		next = start(d, by)
	case inherited:
	}
	next.members = overlay(next.members, marks(op.put, by, false))
	next.members = overlay(next.members, marks(op.drop, by, true))
	return next
}

// start returns the request for the definition's default.
func start(d *Definition, by int) request {
	r := request{base: by, last: by}
	if d.shape() == scalarShape {
		r.value = d.Default
		return r
	}
	r.members = marks(d.Default.entries, by, false)
	return r
}

// asked returns the request as a value.
func (r request) asked(d *Definition) Value {
	if d.shape() == scalarShape {
		return r.value
	}
	present := r.present()
	entries := make([]entry, len(present))
	for i, m := range present {
		entries[i] = m.entry
	}
	return Value{shape: d.shape(), entries: entries}
}

// present returns the members that were not removed.
func (r request) present() []mark {
	kept := make([]mark, 0, len(r.members))
	for _, m := range r.members {
		if !m.absent {
			kept = append(kept, m)
		}
	}
	return kept
}

// decider returns the step that decided whether a key is there.
func (r request) decider(key string) int {
	if m, found := find(r.members, key); found {
		return m.by
	}
	return r.base
}

// lives reports whether anything that the step asked for still stands.
func (r request) lives(step int) bool {
	if r.base == step {
		return true
	}
	for _, m := range r.members {
		if m.by == step {
			return true
		}
	}
	return false
}
