package waterfall

import "slices"

// Status is what became of what a step says.
type Status string

// The statuses. For a setting whose merge is OVERRIDE exactly one entry of the
// chain is APPLIED or CLAMPED: the source. A SHADOWED value changes nothing; a
// value of a narrowing key is never shadowed, since it bounds what comes later.
const (
	StatusInherit  Status = "INHERIT"  // says nothing about the value
	StatusApplied  Status = "APPLIED"  // counts
	StatusShadowed Status = "SHADOWED" // a later step asks for something else
	StatusClamped  Status = "CLAMPED"  // counts as far as a guard permits
	StatusBlocked  Status = "BLOCKED"  // an earlier lock binds it
	StatusConflict Status = "CONFLICT" // its guard leaves nothing permitted
)

// Values returns every status, for the schema's enum.
func (Status) Values() []string {
	return []string{
		string(StatusInherit), string(StatusApplied), string(StatusShadowed),
		string(StatusClamped), string(StatusBlocked), string(StatusConflict),
	}
}

// Action is something that can be done to a setting at a node.
type Action string

// The actions: the operations of a value, then the rest.
const (
	ActionSet     Action = "SET"
	ActionReplace Action = "REPLACE"
	ActionAppend  Action = "APPEND"
	ActionRemove  Action = "REMOVE"
	ActionReset   Action = "RESET"
	ActionUnset   Action = "UNSET"
	ActionGuard   Action = "GUARD"
	ActionLock    Action = "LOCK"
	ActionUnlock  Action = "UNLOCK"
)

// Values returns every action, for the schema's enum.
func (Action) Values() []string {
	return []string{
		string(ActionSet), string(ActionReplace), string(ActionAppend), string(ActionRemove), string(ActionReset),
		string(ActionUnset), string(ActionGuard), string(ActionLock), string(ActionUnlock),
	}
}

// Resolution is an effective value and why it is that one.
type Resolution struct {
	Definition *Definition
	Value      Value
	// Source is the step that decided; for sets and maps the last that
	// contributed, and Parts tells for each element or key.
	Source Origin
	Parts  []Part
	// Inherited says that the source is not the last step's own node.
	Inherited bool
	// Pinned says that the node has a value operation of its own, whether or
	// not it changes anything.
	Pinned bool
	// LockedBy is the earlier lock that binds the node, or nil.
	LockedBy *Origin
	// ClampedBy is the bound that keeps the value from what was asked, or nil.
	ClampedBy *Clamp
	// Guard is what the value had to fit into.
	Guard Bounds
	// IfUnset is the value without the node's own value operation.
	IfUnset Value
	// Chain holds the default and then every step.
	Chain []ChainEntry
	// Actions are what the setting's type, level and locks let the node's own
	// organization do; who may do it is another question.
	Actions []Action
}

// Part is where an element of a set, or the value of a map's key, comes from.
type Part struct {
	Key     string // of a map
	Element string // of a set
	Source  Origin
}

// Clamp is a bound that is in force and what was asked instead, both as JSON
// with secrets concealed.
type Clamp struct {
	Bound     []byte
	Requested []byte
	By        Origin
}

// Bounds are the guards and ceilings in force. A nil bound does not bind.
type Bounds struct {
	Min, Max, Allowed, Required *Bound
}

// Bound is one bound as JSON and every step that had a part in it, root first.
type Bound struct {
	JSON []byte
	By   []Origin
}

// ChainEntry is what one step says and what became of it.
type ChainEntry struct {
	Origin
	// Kind is empty where the step has no value operation.
	Kind OperationKind
	// Requested is JSON with secrets concealed, or nil.
	Requested []byte
	Guarded   bool
	Locked    bool
	Status    Status
	// By is the step that shadows, clamps or blocks this one, or nil.
	By *Origin
	// bound is what the step runs into.
	bound []byte
}

// IsLocked reports whether an earlier lock binds the node.
func (r Resolution) IsLocked() bool { return r.LockedBy != nil }

func (f *fold) resolution() Resolution {
	source := f.origin(f.source)
	r := Resolution{
		Definition: f.definition,
		Value:      f.value,
		Source:     source,
		Inherited:  source.Side != SideOwn || source.Node != f.step.Node,
		Pinned:     f.step.Side == SideOwn && f.step.Directive != nil && f.step.Directive.Operation != nil,
		Guard:      f.bounds(),
		IfUnset:    f.ifUnset(),
		Parts:      f.parts(),
		Chain:      make([]ChainEntry, f.index+1),
	}
	for step := f; step != nil; step = step.before {
		r.Chain[step.index] = step.entry(f)
	}
	if lock := f.lockedAt(); lock != unlocked {
		r.LockedBy = f.by(lock)
	}
	if altered := f.altered(); len(altered) > 0 {
		r.ClampedBy = &Clamp{
			Bound: altered[0].bound, By: f.origin(altered[0].by),
			Requested: f.request.asked(f.definition).JSON(),
		}
	}
	r.Actions = f.actions(r)
	return r
}

// ifUnset returns the value without the last step's own operation.
func (f *fold) ifUnset() Value {
	if f.before == nil || f.step.Directive == nil || f.step.Directive.Operation == nil {
		return f.value
	}
	without := *f.step.Directive
	without.Operation = nil
	step := f.step
	step.Directive = &without
	return f.before.apply(step).value
}

// lockedAt returns the lock that binds the last step, which its own lock does
// not but the earlier guard does that its own guard conflicts with.
func (f *fold) lockedAt() int {
	if f.lock == f.index {
		return unlocked
	}
	return f.lock
}

func (f *fold) altered() []alteration {
	return f.rules.alterations(f.definition, f.interval, f.request, f.value)
}

func (f *fold) parts() []Part {
	if !f.definition.keyed() {
		return nil
	}
	parts := make([]Part, len(f.value.entries))
	for i, e := range f.value.entries {
		parts[i] = Part{Source: f.origin(f.sources[i])}
		if f.definition.Type == TypeSet {
			parts[i].Element = e.key
		} else {
			parts[i].Key = e.key
		}
	}
	return parts
}

// entry returns the chain entry of the step f as seen from the last step.
func (f *fold) entry(tip *fold) ChainEntry {
	e := ChainEntry{Origin: f.step.Origin(), Status: f.rules.status(f, tip)}
	if f.before == nil {
		e.Requested = f.definition.Default.JSON()
	}
	if d := f.step.Directive; d != nil {
		e.Guarded, e.Locked = d.Guard != nil, d.Locked
		if d.Operation != nil {
			e.Kind, e.Requested = d.Operation.Kind(), d.Operation.Requested()
		}
		if e.Kind == OperationReset {
			e.Requested = f.definition.Default.JSON()
		}
	}
	e.By, e.bound = f.decidedBy(tip, e.Status)
	return e
}

// decidedBy returns the step that kept f from having its way, and the bound
// that it ran into.
func (f *fold) decidedBy(tip *fold, status Status) (*Origin, []byte) {
	switch status {
	case StatusBlocked, StatusShadowed:
		if f.outcome == blocked {
			return tip.by(f.before.lock), nil
		}
		if tip.overrules(f) {
			return tip.by(tip.interval.excluder(f.wish().text)), tip.interval.shown(f.definition)
		}
		return tip.by(tip.successor(f.index)), nil
	case StatusConflict:
		return tip.by(f.lock), nil
	case StatusClamped:
		if a, found := f.clampedAt(tip); found {
			return tip.by(a.by), a.bound
		}
	case StatusInherit, StatusApplied:
	}
	return nil, nil
}

// status is what became of what the step f says, as seen from the last step.
func status(f, tip *fold) Status {
	switch {
	case f.outcome == blocked:
		return StatusBlocked
	case f.outcome == refused:
		return StatusConflict
	case f.before != nil && f.operation() == nil:
		return StatusInherit
	case tip.overrules(f) && f.step.Directive.Guard == nil && !f.step.Directive.Locked:
		return StatusBlocked
	case !f.stands(tip):
		return StatusShadowed
	}
	if _, clamped := f.clampedAt(tip); clamped {
		return StatusClamped
	}
	return StatusApplied
}

// overrules reports whether a guard undid the later wish f for a boolean or
// enum, so that an earlier step still decides.
func (f *fold) overrules(later *fold) bool {
	return f.definition.domain() == flat && later.index > f.source
}

// wish returns the scalar that the step asks for.
func (f *fold) wish() Value {
	if op := f.operation(); op != nil && op.base == ofNothing {
		return op.value
	}
	return f.definition.Default
}

// stands reports whether anything that the step asked for still counts.
func (f *fold) stands(tip *fold) bool {
	switch {
	case f.definition.domain() == flat:
		return f.index == tip.source
	case !f.definition.Narrows:
		return tip.request.lives(f.index)
	}
	return f.before != nil || tip.request.lives(0) || tip.ceilingBy(0)
}

// clampedAt returns the first bound that the wish of a step that stands ran
// into: for a narrowing key already when it was made, for the others in the end.
func (f *fold) clampedAt(tip *fold) (alteration, bool) {
	if f.definition.Narrows && f.before != nil {
		if a, found := f.ranInto(f.index); found {
			return a, true
		}
	}
	return tip.ranInto(f.index)
}

func (f *fold) ranInto(step int) (alteration, bool) {
	for _, a := range f.altered() {
		if a.wished == step {
			return a, true
		}
	}
	return alteration{}, false
}

// ceilingBy reports whether a bound in force comes from the step.
func (f *fold) ceilingBy(step int) bool {
	by := func(m mark) bool { return m.by == step }
	return (f.interval.max.set && f.interval.max.by == step) || slices.ContainsFunc(f.interval.high, by) ||
		slices.ContainsFunc(f.interval.layers, func(l layer) bool { return l.by == step })
}

// successor returns the latest step that decided anew what an earlier one had.
func (f *fold) successor(step int) int {
	if !f.definition.keyed() {
		return f.source
	}
	latest := f.request.base
	for _, m := range f.request.members {
		if m.by > latest && f.at(step).touches(m.key) {
			latest = m.by
		}
	}
	return latest
}

// touches reports whether the step's operation decides about the key.
func (f *fold) touches(key string) bool {
	op := f.operation()
	return op == nil || op.base != inherited || has(op.put, key) || has(op.drop, key)
}

// bounds returns the interval as clients see it.
func (f *fold) bounds() Bounds {
	v, d := f.interval, f.definition
	var b Bounds
	if v.min.set {
		b.Min = f.bound(v.min.value.JSON(), v.min.by)
	}
	if v.max.set {
		b.Max = f.bound(v.max.value.JSON(), v.max.by)
	}
	if len(v.layers) > 0 {
		b.Allowed = f.bound(v.shown(d), layersBy(v.layers)...)
	}
	if len(v.required) > 0 {
		b.Required = f.bound(Set(keysOf(v.required)...).JSON(), marksBy(v.required)...)
	}
	if len(v.low) > 0 {
		b.Min = f.bound(gather(mapShape, v.low, 0).value.JSON(), marksBy(v.low)...)
	}
	if len(v.high) > 0 {
		b.Max = f.bound(gather(mapShape, v.high, 0).value.JSON(), marksBy(v.high)...)
	}
	return b
}

func (f *fold) bound(shown []byte, by ...int) *Bound {
	slices.Sort(by)
	b := &Bound{JSON: shown}
	for _, step := range slices.Compact(by) {
		b.By = append(b.By, f.origin(step))
	}
	return b
}

func layersBy(layers []layer) []int {
	by := make([]int, len(layers))
	for i, l := range layers {
		by[i] = l.by
	}
	return by
}

func marksBy(marks []mark) []int {
	by := make([]int, len(marks))
	for i, m := range marks {
		by[i] = m.by
	}
	return by
}

// by returns who spoke at a step, for the optional fields.
func (f *fold) by(step int) *Origin {
	origin := f.origin(step)
	return &origin
}

// actions returns what the last step's own organization could do.
func (f *fold) actions(r Resolution) []Action {
	d := f.step.Directive
	if d == nil {
		d = &Directive{}
	}
	var can []Action
	if f.definition.SetAt(f.step.Node.Level) && !r.IsLocked() {
		can = append(can, f.definition.edits()...)
	}
	if d.Operation != nil {
		can = append(can, ActionUnset)
	}
	if f.definition.SetAt(f.step.Node.Level) {
		if f.definition.Guardable() {
			can = append(can, ActionGuard)
		}
		if !d.Locked {
			can = append(can, ActionLock)
		}
	}
	if d.Locked {
		can = append(can, ActionUnlock)
	}
	return can
}

// edits returns the value operations of the definition's type.
func (d *Definition) edits() []Action {
	switch d.Type {
	case TypeSet:
		return []Action{ActionReplace, ActionAppend, ActionRemove, ActionReset}
	case TypeMap:
		return []Action{ActionSet, ActionReplace, ActionRemove, ActionReset}
	case TypeBoolean, TypeInteger, TypeDuration, TypeEnum, TypeText, TypeList, TypeObject:
		return []Action{ActionSet, ActionReset}
	default:
		return []Action{ActionSet, ActionReset}
	}
}
