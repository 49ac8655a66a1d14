package waterfall

// State is the fold of some steps: all that later steps need to know. It never
// changes, so the state of an ancestor can be kept and folded on for each of
// its descendants.
type State struct{ tip *fold }

// Start returns the state of the definition's own default.
func Start(d *Definition) State { return State{tip: begin(d, standard())} }

// Apply returns the state after one more step.
func (s State) Apply(step Step) State { return State{tip: s.tip.apply(step)} }

// Value returns the effective value after the steps so far.
func (s State) Value() Value { return s.tip.value }

// Resolution returns the effective value after the steps so far and why it is
// that one, as the node of the last step sees it.
func (s State) Resolution() Resolution { return s.tip.resolution() }

// Resolve folds the steps of a path.
func Resolve(d *Definition, steps []Step) Resolution {
	return foldSteps(begin(d, standard()), steps).resolution()
}

// fold is one step's place in a chain that leads back to the default.
type fold struct {
	definition *Definition
	rules      *rules
	before     *fold // nil for the default
	index      int
	step       Step

	request  request
	interval interval
	projection
	// lock is the step that binds all later ones, or unlocked.
	lock    int
	outcome outcome
}

const unlocked = -1

// outcome is what became of a step's directive.
type outcome uint8

const (
	silent  outcome = iota // it says nothing
	heard                  // it counts
	blocked                // an earlier lock binds it
	refused                // its guard leaves nothing permitted
)

// rules are the parts of the fold.
type rules struct {
	locked      func(f *fold) bool
	seal        func(f *fold, next Step) interval
	narrow      func(d *Definition, earlier interval, g Guard, by int) (interval, bool)
	edit        func(d *Definition, r request, op Operation, by int) request
	project     func(d *Definition, v interval, r request, earlier *fold) projection
	alterations func(d *Definition, v interval, r request, effective Value) []alteration
	status      func(f, tip *fold) Status
}

func standard() *rules {
	return &rules{
		locked: locked, seal: seal, narrow: narrow, edit: edit,
		project: project, alterations: alterations, status: status,
	}
}

func begin(d *Definition, rules *rules) *fold {
	f := &fold{definition: d, rules: rules, request: start(d, 0), lock: unlocked, outcome: heard}
	f.step.Node.Level = LevelDefault
	f.projection = rules.project(d, f.interval, f.request, nil)
	return f
}

func foldSteps(f *fold, steps []Step) *fold {
	for _, step := range steps {
		f = f.apply(step)
	}
	return f
}

// apply folds one more step. A step that says nothing, or that a lock binds,
// passes on what came before.
func (f *fold) apply(step Step) *fold {
	next := &fold{
		definition: f.definition, rules: f.rules, before: f, index: f.index + 1, step: step,
		request: f.request, interval: f.interval, projection: f.projection, lock: f.lock,
	}
	spoken := next.spoken()
	if f.rules.locked(f) {
		if spoken != nil {
			next.outcome = blocked
		}
		return next
	}
	next.interval = f.rules.seal(f, step)
	if spoken != nil {
		next.hear(*spoken)
	}
	return next
}

// hear lets the step's directive count: its guard and then its lock bind its
// own value and every later step.
func (f *fold) hear(spoken Directive) {
	if spoken.Guard != nil {
		narrowed, ok := f.rules.narrow(f.definition, f.interval, *spoken.Guard, f.index)
		if !ok { // the earlier guard stands as if it had locked
			f.outcome, f.lock = refused, f.interval.last()
			return
		}
		f.interval = narrowed
	}
	if spoken.Operation != nil {
		f.request = f.rules.edit(f.definition, f.request, *spoken.Operation, f.index)
	}
	f.projection = f.rules.project(f.definition, f.interval, f.request, f.before)
	if spoken.Locked {
		f.lock = f.index
	}
	f.outcome = heard
}

// spoken returns what the step says, or nil. A directive at a level where the
// setting cannot be set says nothing.
func (f *fold) spoken() *Directive {
	d := f.step.Directive
	if d == nil || d.IsEmpty() || !f.definition.SetAt(f.step.Node.Level) {
		return nil
	}
	return d
}

// locked reports whether the steps after this one are bound by a lock.
func locked(f *fold) bool { return f.lock != unlocked }

// seal returns the interval for the steps after this one. The value that a
// narrowing key has here is the most that they may have, if this step set it;
// what holds at the platform, set or not, is the most for everybody below.
func seal(f *fold, next Step) interval {
	if !f.definition.Narrows || !f.binds(next) {
		return f.interval
	}
	by := f.index
	if f.operation() == nil {
		by = 0
	}
	narrowed, _ := f.rules.narrow(f.definition, f.interval, ceiling(f.definition, f.value), by)
	return narrowed
}

// binds reports whether this step's value of a narrowing key binds the next.
func (f *fold) binds(next Step) bool {
	if f.index > 0 && f.operation() != nil {
		return true
	}
	return f.atTop() && next.Node.Level != LevelPlatform
}

// operation returns the value operation that counts at this step, or nil.
func (f *fold) operation() *Operation {
	if f.outcome != heard || f.step.Directive == nil {
		return nil
	}
	return f.step.Directive.Operation
}

func (f *fold) atTop() bool {
	return f.step.Node.Level == LevelDefault || f.step.Node.Level == LevelPlatform
}

// last returns the step that narrowed an allowed set last.
func (v interval) last() int {
	if len(v.layers) == 0 {
		return 0
	}
	return v.layers[len(v.layers)-1].by
}

// at returns the fold as it was at an earlier step.
func (f *fold) at(index int) *fold {
	for f.index > index {
		f = f.before
	}
	return f
}

// origin returns who spoke at an earlier step.
func (f *fold) origin(index int) Origin { return f.at(index).step.Origin() }
