package waterfall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/fault"
)

// Change is the part of a directive that a write changes.
type Change string

// The parts of a directive.
const (
	ChangeValue Change = "VALUE"
	ChangeGuard Change = "GUARD"
	ChangeLock  Change = "LOCK"
)

// Refusal is a write that an earlier step, or the definition, does not permit.
// Its code is SETTING_LOCKED, SETTING_OUT_OF_BOUNDS or INVALID.
type Refusal struct { //nolint:errname // it is the domain's word for what CheckWrite answers
	Code fault.Code
	// Field is the offending input field, for INVALID.
	Field string
	// By is who decided; for INVALID it is the default.
	By Origin

	key    string
	reason string
}

// Error names no node: Message does.
func (r *Refusal) Error() string {
	return string(r.Code) + ": " + r.Message(func(o Origin) string { return strings.ToLower(string(o.Node.Level)) })
}

// Message returns the sentence for the client. The names of nodes come from the
// caller, who knows what the reader may see.
func (r *Refusal) Message(name func(Origin) string) string {
	if r.Code == fault.SettingLocked {
		return fmt.Sprintf("%s is locked by %s", r.key, nameOf(r.By, name))
	}
	if r.Code == fault.SettingOutOfBounds {
		return fmt.Sprintf("%s: %s permits %s", r.key, nameOf(r.By, name), r.reason)
	}
	return fmt.Sprintf("%s %s", r.key, r.reason)
}

// CheckWrite returns nil if the directive may be written as it is, or a
// *Refusal. before are the steps that the fold visits earlier; written is the
// complete new directive and changed the part that is new in it. Taking a part
// away is always permitted. The check is a courtesy to the writer: the fold
// itself lets nothing past a lock or a guard.
func CheckWrite(d *Definition, before []Step, written Directive, changed Change) error {
	earlier := foldSteps(begin(d, standard()), before)
	tip := earlier.apply(Step{Node: written.Node, Side: written.Side, Author: written.Author})
	if r := tip.check(written, changed); r != nil {
		r.key = d.Key
		return r
	}
	return nil
}

func (f *fold) check(written Directive, changed Change) *Refusal {
	switch {
	case changed == ChangeValue && written.Operation != nil:
		return f.checkValue(*written.Operation)
	case changed == ChangeGuard && written.Guard != nil:
		return f.checkGuard(*written.Guard)
	case changed == ChangeLock && written.Locked:
		return f.checkLevel()
	default:
		return nil
	}
}

func (f *fold) checkLevel() *Refusal {
	if f.definition.SetAt(f.step.Node.Level) {
		return nil
	}
	levels := make([]string, len(f.definition.Levels))
	for i, level := range f.definition.Levels {
		levels[i] = string(level)
	}
	return &Refusal{
		Code: fault.Invalid, Field: "scopeId", By: f.origin(0),
		reason: "can be set at " + strings.Join(levels, ", ") + " only",
	}
}

// checkValue looks at what the operation itself asks for: of a set or map at
// the elements and keys that it names, not at what it inherits.
func (f *fold) checkValue(op Operation) *Refusal {
	if r := f.checkLevel(); r != nil {
		return r
	}
	if f.lock != unlocked {
		return &Refusal{Code: fault.SettingLocked, By: f.origin(f.lock)}
	}
	wish := edit(f.definition, f.request, op, f.index)
	effective := project(f.definition, f.interval, wish, f.before)
	for _, a := range alterations(f.definition, f.interval, wish, effective.value) {
		if !f.definition.keyed() || has(op.put, a.key) || has(op.drop, a.key) {
			return f.outOfBounds(a.by)
		}
	}
	if f.definition.NonEmpty && len(f.interval.keep(wish.present())) == 0 {
		return &Refusal{Code: fault.Invalid, Field: "value", By: f.origin(0), reason: errNonEmpty.Error()}
	}
	return nil
}

// checkGuard refuses a guard that has nothing in common with what is permitted.
func (f *fold) checkGuard(g Guard) *Refusal {
	if r := f.checkLevel(); r != nil {
		return r
	}
	if f.lock != unlocked {
		return f.checkLockedGuard(g)
	}
	switch f.definition.domain() {
	case ordered:
		return f.checkEdges(g)
	case flat:
		if _, ok := narrow(f.definition, f.interval, g, f.index); !ok {
			return f.outOfBounds(f.interval.last())
		}
		return nil
	case elements:
		return f.checkElementsGuard(g)
	case counts:
		return f.checkCountsGuard(g)
	case opaque, dictionary:
		return nil
	default:
		return nil
	}
}

// checkLockedGuard permits a guard under a lock if the locked value fits it.
func (f *fold) checkLockedGuard(g Guard) *Refusal {
	alone, ok := narrow(f.definition, interval{}, g, f.index)
	wish := request{value: f.value, members: marks(f.value.entries, f.index, false)}
	if !ok || !project(f.definition, alone, wish, nil).value.Equal(f.value) {
		return &Refusal{Code: fault.SettingLocked, By: f.origin(f.lock)}
	}
	return nil
}

func (f *fold) checkEdges(g Guard) *Refusal {
	v := f.interval
	if g.min != nil && v.max.set && g.min.number > v.max.value.number {
		return f.outOfBounds(v.max.by)
	}
	if g.max != nil && v.min.set && g.max.number < v.min.value.number {
		return f.outOfBounds(v.min.by)
	}
	return nil
}

func (f *fold) checkElementsGuard(g Guard) *Refusal {
	for _, element := range g.required {
		if !f.interval.allows(element) {
			return f.outOfBounds(f.interval.excluder(element))
		}
	}
	for _, m := range f.interval.required {
		if g.allowed != nil && !slices.Contains(g.allowed, m.key) {
			return f.outOfBounds(m.by)
		}
	}
	if _, ok := narrow(f.definition, f.interval, g, f.index); !ok {
		return f.outOfBounds(f.interval.last())
	}
	return nil
}

func (f *fold) checkCountsGuard(g Guard) *Refusal {
	v := f.interval
	for _, key := range byGenerality(keysOf(g.low), keysOf(g.high), keysOf(v.low), keysOf(v.high)) {
		atLeast, rises := cover(g.low, key)
		high, capped := cover(v.high, key)
		if rises && capped && atLeast.number > high.number {
			return f.outOfBounds(high.by)
		}
		atMost, falls := cover(g.high, key)
		low, bounded := cover(v.low, key)
		if falls && bounded && atMost.number < low.number {
			return f.outOfBounds(low.by)
		}
	}
	return nil
}

func (f *fold) outOfBounds(by int) *Refusal {
	return &Refusal{Code: fault.SettingOutOfBounds, By: f.origin(by), reason: f.bounds().String()}
}

// String describes the bounds for a person.
func (b Bounds) String() string {
	var parts []string
	for _, part := range []struct {
		words string
		bound *Bound
	}{{"at least ", b.Min}, {"at most ", b.Max}, {"only ", b.Allowed}, {"only what includes ", b.Required}} {
		if part.bound != nil {
			parts = append(parts, part.words+brief(part.bound.JSON))
		}
	}
	return strings.Join(parts, ", ")
}
