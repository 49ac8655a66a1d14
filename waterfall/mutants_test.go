package waterfall

import (
	"slices"
	"testing"
)

// mutant is a fold with a seeded bug and the law that must notice it.
type mutant struct {
	name   string
	law    string
	breaks func(r *rules)
	walk   func(path []Node, directives []Directive) []Step
}

// TestLawsKillMutants fails for a seeded bug that its law does not notice, and
// for a law that no bug proves able to fail.
func TestLawsKillMutants(t *testing.T) {
	t.Parallel()
	byName, proven := map[string]law{}, map[string]bool{}
	for _, l := range laws() {
		byName[l.name] = l
	}
	for _, m := range mutants() {
		l, found := byName[m.law]
		if !found {
			t.Fatalf("%s names the unknown law %q", m.name, m.law)
		}
		proven[l.name] = true
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if broken(l, m, l.cases()) == "" {
				t.Errorf("survives: %s", l.name)
			}
		})
	}
	for name := range byName {
		if !proven[name] {
			t.Errorf("no mutant breaks the law: %s", name)
		}
	}
}

func mutants() []mutant {
	return slices.Concat(guardMutants(), valueMutants(), lockMutants(), reportMutants(), walkMutants())
}

func guardMutants() []mutant {
	return []mutant{
		{name: "the later guard dominates", law: "a guard never widens and never empties", breaks: func(r *rules) {
			r.narrow = func(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
				later, ok := narrow(d, interval{}, g, by)
				if !ok {
					return earlier, false
				}
				return narrow(d, later, asGuard(d, earlier), by)
			}
		}},
		{name: "the later guard replaces", law: "a guard never widens and never empties", breaks: func(r *rules) {
			r.narrow = func(d *Definition, _ interval, g Guard, by int) (interval, bool) { return narrow(d, interval{}, g, by) }
		}},
		{name: "an empty intersection keeps the earlier guard and goes on", law: "guards are associative", breaks: func(r *rules) {
			r.narrow = func(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
				v, _ := narrow(d, earlier, g, by)
				return v, true
			}
		}},
		{name: "disjoint numbers leave nothing", law: "the effective value is permitted", breaks: func(r *rules) {
			r.narrow = func(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
				v, ok := narrow(d, earlier, g, by)
				if g.min != nil && (!earlier.min.set || g.min.number > earlier.min.value.number) {
					v.min = edge{value: *g.min, by: by, set: true}
				}
				return v, ok
			}
		}},
		{name: "required is not drawn into allowed", law: "projection is a homomorphism and idempotent", breaks: func(r *rules) {
			r.narrow = func(d *Definition, earlier interval, g Guard, by int) (interval, bool) {
				v, ok := narrow(d, earlier, g, by)
				if ok && d.domain() == elements && g.allowed != nil {
					v = earlier.under(g.allowed, by)
				}
				return v, ok
			}
		}},
		{name: "a tight bound lets far wishes through", law: "lowering a bound raises nothing", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				if d.domain() == ordered && v.max.set && req.value.number > v.max.value.number+3 {
					v.max.set = false
				}
				return project(d, v, req, earlier)
			}
		}},
		{name: "narrowing is forgotten", law: "no value exceeds a narrowing value above it", breaks: func(r *rules) {
			r.seal = func(f *fold, _ Step) interval { return f.interval }
		}},
		{name: "a guard binds only later steps", law: "the effective value is permitted", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				if earlier != nil {
					v = earlier.interval
				}
				return project(d, v, req, earlier)
			}
		}},
		{name: "a silent step narrows", law: "a node without directive changes nothing", breaks: func(r *rules) {
			r.seal = func(f *fold, next Step) interval {
				if f.outcome != silent {
					return seal(f, next)
				}
				v, _ := narrow(f.definition, f.interval, ceiling(f.definition, f.value), f.index)
				return v
			}
		}},
	}
}

func valueMutants() []mutant {
	return []mutant{
		{name: "removals are forgotten", law: "edits of one directive compose", breaks: func(r *rules) {
			r.edit = func(d *Definition, req request, op Operation, by int) request {
				op.drop = nil
				return edit(d, req, op, by)
			}
		}},
		{name: "a removal does not reach what is inherited", law: "sets and maps are what their last contributors made them", breaks: func(r *rules) {
			r.edit = func(d *Definition, req request, op Operation, by int) request {
				if op.base == inherited {
					op.drop = without(op.drop, req.asked(d).entries)
				}
				return edit(d, req, op, by)
			}
		}},
		{name: "RESET keeps what comes from above", law: "edits of one directive compose", breaks: func(r *rules) {
			r.edit = func(d *Definition, req request, op Operation, by int) request {
				if op.base == ofDefault {
					op.base = inherited
				}
				return edit(d, req, op, by)
			}
		}},
		{name: "an element that is there already is taken out", law: "a repeated step changes nothing", breaks: func(r *rules) {
			r.edit = func(d *Definition, req request, op Operation, by int) request {
				if d.Type == TypeSet && op.base == inherited {
					there := req.asked(d).entries
					op.drop = union(op.drop, without(op.put, without(op.put, there)))
					op.put = without(op.put, there)
				}
				return edit(d, req, op, by)
			}
		}},
		{name: "edits write into shared memory", law: "a cached prefix folds on as the path does", breaks: func(r *rules) {
			r.edit = func(d *Definition, req request, op Operation, by int) request {
				for i := range req.members {
					req.members[i].absent = req.members[i].absent || has(op.drop, req.members[i].key)
				}
				return edit(d, req, op, by)
			}
		}},
		{name: "what is required is forgotten", law: "the effective value is permitted", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				v.required = nil
				return project(d, v, req, earlier)
			}
		}},
		{name: "the clamp is off by one", law: "the effective value is permitted", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				if v.max.set {
					v.max.value = Integer(v.max.value.number + 1)
				}
				return project(d, v, req, earlier)
			}
		}},
		{name: "the clamp forgets the lower bound", law: "projection is a homomorphism and idempotent", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				if v.max.set {
					v.min.set = false
				}
				return project(d, v, req, earlier)
			}
		}},
		{name: "patterns cover nothing", law: "no value exceeds a narrowing value above it", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, earlier *fold) projection {
				v.high = slices.DeleteFunc(slices.Clone(v.high), func(m mark) bool { return m.key == "a/*" })
				return project(d, v, req, earlier)
			}
		}},
		{name: "the first permitted comes before earlier values", law: "booleans and enums fall back as written", breaks: func(r *rules) {
			r.project = func(d *Definition, v interval, req request, _ *fold) projection { return project(d, v, req, nil) }
		}},
	}
}

func lockMutants() []mutant {
	return []mutant{
		{name: "locks are ignored", law: "nothing changes a value after a lock", breaks: func(r *rules) {
			r.locked = func(*fold) bool { return false }
		}},
		{name: "a lock binds the next step only", law: "nothing changes a value after a lock", breaks: func(r *rules) {
			r.locked = func(f *fold) bool { return locked(f) && f.lock == f.index }
		}},
		{name: "an override ignores the lock", law: "everything after a lock is blocked by it", breaks: func(r *rules) {
			r.locked = func(f *fold) bool { return locked(f) && f.definition.keyed() }
		}},
		{name: "a lock outlives its removal", law: "locking and unlocking restores everything", breaks: func(r *rules) {
			stuck := map[Origin]bool{}
			r.locked = func(f *fold) bool {
				origin := f.step.Origin()
				stuck[origin] = stuck[origin] || f.lock == f.index
				if stuck[origin] {
					f.lock = f.index
				}
				return locked(f)
			}
		}},
	}
}

func reportMutants() []mutant {
	return []mutant{
		{name: "the clamp's provenance is lost", law: "a clamp is shown if and only if it clamps", breaks: func(r *rules) {
			r.alterations = func(*Definition, interval, request, Value) []alteration { return nil }
		}},
		{name: "a clamp is shown where nothing is clamped", law: "a clamp is shown if and only if it clamps", breaks: func(r *rules) {
			r.alterations = func(d *Definition, v interval, req request, effective Value) []alteration {
				if v.max.set && len(alterations(d, v, req, effective)) == 0 {
					return []alteration{{wished: req.last, by: v.max.by}}
				}
				return alterations(d, v, req, effective)
			}
		}},
		{name: "blocked is shown as applied", law: "everything after a lock is blocked by it", breaks: func(r *rules) {
			r.status = func(f, tip *fold) Status { return instead(status(f, tip), StatusBlocked, StatusApplied) }
		}},
		{name: "shadows are not reported", law: "an override has one source", breaks: func(r *rules) {
			r.status = func(f, tip *fold) Status { return instead(status(f, tip), StatusShadowed, StatusApplied) }
		}},
		{name: "clamped is shown as applied", law: "an override has one source", breaks: func(r *rules) {
			r.status = func(f, tip *fold) Status { return instead(status(f, tip), StatusClamped, StatusApplied) }
		}},
		{name: "everything but the latest is shadowed", law: "what is blocked or shadowed can be deleted", breaks: func(r *rules) {
			r.status = func(f, tip *fold) Status {
				if s := status(f, tip); f.index == tip.request.last {
					return s
				}
				return instead(status(f, tip), StatusApplied, StatusShadowed)
			}
		}},
		{name: "a conflict is shown as blocked", law: "what is blocked or shadowed can be deleted", breaks: func(r *rules) {
			r.status = func(f, tip *fold) Status { return instead(status(f, tip), StatusConflict, StatusBlocked) }
		}},
		{name: "what is refused on writing is let in on reading", law: "a permitted write has its way and a refused one would not", breaks: func(r *rules) {
			r.seal = func(f *fold, _ Step) interval { return interval{} }
		}},
	}
}

func instead(s, of, other Status) Status {
	if s == of {
		return other
	}
	return s
}

func walkMutants() []mutant {
	return []mutant{
		{name: "anybody may speak at a node", law: "a directive changes nothing outside its subtree", walk: func(path []Node, directives []Directive) []Step {
			var steps []Step
			for _, step := range Steps(path, directives) {
				for i := range directives {
					if d := &directives[i]; d.Node.ID == step.Node.ID && step.Side == SideOwn && d.Author != step.Author {
						steps = append(steps, Step{Node: step.Node, Side: SideManager, Author: d.Author, Directive: d})
					}
				}
				if step.Side == SideOwn {
					steps = append(steps, step)
				}
			}
			return steps
		}},
		{name: "an organization speaks before its managers", law: "a moved subtree folds as if it had always been there", walk: func(path []Node, directives []Directive) []Step {
			steps := Steps(path, directives)
			slices.SortStableFunc(steps, func(a, b Step) int {
				if a.Node != b.Node || a.Side == b.Side {
					return 0
				}
				if a.Side == SideOwn {
					return -1
				}
				return 1
			})
			return steps
		}},
		{name: "the nearest manager speaks first", law: "a moved subtree folds as if it had always been there", walk: func(path []Node, directives []Directive) []Step {
			steps := Steps(path, directives)
			for i := 1; i < len(steps); i++ {
				if steps[i].Side == SideManager && steps[i-1].Side == SideManager && steps[i].Node == steps[i-1].Node {
					steps[i-1], steps[i] = steps[i], steps[i-1]
				}
			}
			return steps
		}},
	}
}
