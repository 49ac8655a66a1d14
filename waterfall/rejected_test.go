package waterfall

import (
	"slices"
	"testing"
)

// TestKeepingTheEarlierGuardIsNotAssociative is the first of two designs that
// look right: on an empty intersection the earlier set of permitted values
// stays and later guards count again. Folded from the left, and with the last
// two guards joined first, it gives different answers, so no prefix could be
// cached. Ours locks instead.
func TestKeepingTheEarlierGuardIsNotAssociative(t *testing.T) {
	t.Parallel()
	keep := func(earlier, later []string) []string {
		left := slices.DeleteFunc(slices.Clone(earlier), func(o string) bool { return !slices.Contains(later, o) })
		if len(left) == 0 {
			return earlier
		}
		return left
	}
	g, h, k := []string{`"a"`, `"b"`}, []string{`"c"`}, []string{`"a"`}
	if left, right := keep(keep(g, h), k), keep(g, keep(h, k)); slices.Equal(left, right) {
		t.Fatalf("the rejected design gives %v both ways", left)
	}

	d := enumOfTests()
	guards := []Guard{{allowed: g}, {allowed: h}, {allowed: k}}
	if permitAny(d, guards) {
		t.Error("something is permitted from the left")
	}
	if permitAny(d, guards[1:]) {
		t.Error("something is permitted by the last two")
	}
	r := Resolve(d, guardSteps(guards))
	if s := r.Chain[2].Status; s != StatusConflict {
		t.Errorf("the second guard is %s", s)
	}
	if s := r.Chain[3].Status; s != StatusBlocked {
		t.Errorf("the third guard is %s", s)
	}
	if r.Value.text != `"b"` || r.LockedBy == nil || r.LockedBy.Node.Level != LevelPlatform {
		t.Errorf("not the first guard's value and lock: %s", show(r))
	}
}

// TestOperatorFiltersAreNotAssociative is the second: a parent names the
// operations that its children may use. Filtering each step, and joining two
// steps first, give different answers. A guard that requires the element says
// the same and gives one answer.
func TestOperatorFiltersAreNotAssociative(t *testing.T) {
	t.Parallel()
	d := setOfTests()
	appendX := must(d.ParseOperation(OperationAppend, []byte(`["e"]`)))
	removeX := must(d.ParseOperation(OperationRemove, []byte(`["e"]`)))
	filtered := func(ops ...Operation) Value {
		r := start(d, 0)
		for _, op := range ops {
			if len(op.put) > 0 || len(op.drop) == 0 { // no removals below
				r = edit(d, r, op, 1)
			}
		}
		return r.asked(d)
	}
	if left, right := filtered(appendX, removeX), filtered(appendX.Then(removeX)); left.Equal(right) {
		t.Fatalf("the rejected design gives %s both ways", left.JSON())
	}

	required := must(d.ParseGuard(GuardInput{Required: []byte(`["e"]`)}))
	joined := appendX.Then(removeX)
	parent := Step{Node: Node{Level: LevelPlatform, ID: id(1)}, Side: SideOwn, Directive: &Directive{Guard: &required}}
	below := func(n int, op *Operation) Step {
		return Step{Node: Node{Level: LevelPartner, ID: id(n)}, Side: SideOwn, Directive: &Directive{Operation: op}}
	}
	left := Resolve(d, []Step{parent, below(2, &appendX), below(3, &removeX)})
	right := Resolve(d, []Step{parent, below(2, &joined)})
	if !left.Value.Equal(right.Value) || !left.Value.Has("e") {
		t.Errorf("step by step %s, joined %s", left.Value.JSON(), right.Value.JSON())
	}
}

func enumOfTests() *Definition { return definitions()[1] }

func setOfTests() *Definition { return definitions()[6] }

// permitAny reports whether the guards, one after the other, leave anything.
func permitAny(d *Definition, guards []Guard) bool {
	v, ok := interval{}, true
	for _, g := range guards {
		if ok {
			v, ok = narrow(d, v, g, 1)
		}
	}
	return ok
}

// guardSteps returns a path on which each organization sets one guard.
func guardSteps(guards []Guard) []Step {
	steps := make([]Step, len(guards))
	for i := range guards {
		level := LevelPartner
		if i == 0 {
			level = LevelPlatform
		}
		steps[i] = Step{Node: Node{Level: level, ID: id(i + 1)}, Side: SideOwn, Author: id(i + 1), Directive: &Directive{Guard: &guards[i]}}
	}
	return steps
}
