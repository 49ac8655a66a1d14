package waterfall

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// GuardInput is a guard as a client writes it. Ordered types take min and max,
// maps of counts objects of them per key, booleans and enums allowed, sets
// allowed and required. Absent and null bounds do not bind.
type GuardInput struct {
	Min      json.RawMessage `json:"min,omitempty"`
	Max      json.RawMessage `json:"max,omitempty"`
	Allowed  json.RawMessage `json:"allowed,omitempty"`
	Required json.RawMessage `json:"required,omitempty"`
}

// IsEmpty reports whether no bound is given, which removes a guard.
func (g GuardInput) IsEmpty() bool {
	return !given(g.Min) && !given(g.Max) && !given(g.Allowed) && !given(g.Required)
}

// Guard is the bounds that one directive sets.
type Guard struct {
	shown GuardInput // canonical

	min, max *Value
	// allowed is nil where every element is; for booleans and enums it holds
	// JSON in declaration order.
	allowed  []string
	required []string
	low      []entry
	high     []entry
}

var (
	errUnguardable = errors.New("cannot be bounded, only locked")
	errNoBound     = errors.New("needs at least one bound")
	errOrder       = errors.New("min must not exceed max")
	errNothing     = errors.New("must leave something permitted")
	errNotAllowed  = errors.New("must be allowed to be required")
	errWrongBound  = errors.New("cannot bound this type")
)

// ParseGuard reads a guard and checks it against the definition. It returns
// INVALID for the field "min", "max", "allowed" or "required".
func (d *Definition) ParseGuard(input GuardInput) (Guard, error) {
	switch {
	case !d.Guardable():
		return Guard{}, d.invalid(input.firstField(), errUnguardable)
	case input.IsEmpty():
		return Guard{}, d.invalid("allowed", errNoBound)
	}
	switch d.domain() {
	case ordered:
		return d.parseInterval(input)
	case flat:
		return d.parsePermitted(input)
	case elements:
		return d.parseElements(input)
	case counts:
		return d.parseCounts(input)
	case opaque, dictionary:
		return Guard{}, d.invalid(input.firstField(), errUnguardable)
	default:
		return Guard{}, d.invalid(input.firstField(), errUnguardable)
	}
}

// Min returns the lower bound as JSON, or nil.
func (g Guard) Min() []byte { return g.shown.Min }

// Max returns the upper bound as JSON, or nil.
func (g Guard) Max() []byte { return g.shown.Max }

// Allowed returns the permitted values or elements as JSON, or nil for all.
func (g Guard) Allowed() []byte { return g.shown.Allowed }

// Required returns the required elements as JSON, or nil for none.
func (g Guard) Required() []byte { return g.shown.Required }

// Encode returns the guard as JSON for the store.
func (g Guard) Encode() ([]byte, error) {
	encoded, err := json.Marshal(g.shown)
	if err != nil {
		return nil, fmt.Errorf("encode guard: %w", err)
	}
	return encoded, nil
}

// DecodeGuard reads what Encode wrote and checks it against the definition.
func (d *Definition) DecodeGuard(encoded []byte) (Guard, error) {
	var input GuardInput
	if err := json.Unmarshal(encoded, &input); err != nil {
		return Guard{}, fmt.Errorf("decode guard of %s: %w", d.Key, err)
	}
	g, err := d.ParseGuard(input)
	if err != nil {
		return Guard{}, fmt.Errorf("decode guard of %s: %w", d.Key, err)
	}
	return g, nil
}

func (d *Definition) parseInterval(input GuardInput) (Guard, error) {
	if field := input.unexpected("allowed", "required"); field != "" {
		return Guard{}, d.invalid(field, errWrongBound)
	}
	var g Guard
	var err error
	if g.min, g.shown.Min, err = d.readEdge(input.Min); err != nil {
		return Guard{}, d.invalid("min", err)
	}
	if g.max, g.shown.Max, err = d.readEdge(input.Max); err != nil {
		return Guard{}, d.invalid("max", err)
	}
	if g.min != nil && g.max != nil && g.min.number > g.max.number {
		return Guard{}, d.invalid("min", errOrder)
	}
	return g, nil
}

func (d *Definition) readEdge(raw json.RawMessage) (*Value, json.RawMessage, error) {
	if !given(raw) {
		return nil, nil, nil
	}
	v, err := d.readValue(raw)
	if err != nil {
		return nil, nil, err
	}
	return &v, v.JSON(), nil
}

func (d *Definition) parsePermitted(input GuardInput) (Guard, error) {
	if field := input.unexpected("min", "max", "required"); field != "" {
		return Guard{}, d.invalid(field, errWrongBound)
	}
	items, err := strictjson.Array(input.Allowed)
	if err != nil {
		return Guard{}, d.invalid("allowed", err)
	}
	if len(items) == 0 {
		return Guard{}, d.invalid("allowed", errNothing)
	}
	listed := map[string]bool{}
	for _, item := range items {
		v, err := d.readValue(item)
		if err != nil {
			return Guard{}, d.invalid("allowed", err)
		}
		listed[v.text] = true
	}
	var g Guard
	for _, option := range d.options() {
		if listed[option] {
			g.allowed = append(g.allowed, option)
		}
	}
	g.shown.Allowed = []byte("[" + strings.Join(g.allowed, ",") + "]")
	return g, nil
}

func (d *Definition) parseElements(input GuardInput) (Guard, error) {
	if field := input.unexpected("min", "max"); field != "" {
		return Guard{}, d.invalid(field, errWrongBound)
	}
	var g Guard
	if given(input.Allowed) {
		entries, err := d.readElements(input.Allowed)
		if err != nil {
			return Guard{}, d.invalid("allowed", err)
		}
		if d.NonEmpty && len(entries) == 0 {
			return Guard{}, d.invalid("allowed", errNothing)
		}
		g.allowed, g.shown.Allowed = names(entries), writeSet(entries)
	}
	if given(input.Required) {
		entries, err := d.readElements(input.Required)
		if err != nil {
			return Guard{}, d.invalid("required", err)
		}
		g.required, g.shown.Required = names(entries), writeSet(entries)
	}
	for _, element := range g.required {
		if g.allowed != nil && !slices.Contains(g.allowed, element) {
			return Guard{}, d.invalid("required", errNotAllowed)
		}
	}
	return g, nil
}

func (d *Definition) parseCounts(input GuardInput) (Guard, error) {
	if field := input.unexpected("allowed", "required"); field != "" {
		return Guard{}, d.invalid(field, errWrongBound)
	}
	var g Guard
	var err error
	if given(input.Min) {
		if g.low, err = d.readEntries(input.Min); err != nil {
			return Guard{}, d.invalid("min", err)
		}
		g.shown.Min = writeMap(g.low, true)
	}
	if given(input.Max) {
		if g.high, err = d.readEntries(input.Max); err != nil {
			return Guard{}, d.invalid("max", err)
		}
		g.shown.Max = writeMap(g.high, true)
	}
	for _, key := range names(union(g.low, g.high)) {
		low, bounded := cover(g.low, key)
		high, capped := cover(g.high, key)
		if bounded && capped && low.number > high.number {
			return Guard{}, d.invalid("min", errOrder)
		}
	}
	return g, nil
}

func (g GuardInput) firstField() string {
	switch {
	case given(g.Min):
		return "min"
	case given(g.Max):
		return "max"
	case given(g.Required):
		return "required"
	default:
		return "allowed"
	}
}

// unexpected returns the first of the fields that is given.
func (g GuardInput) unexpected(fields ...string) string {
	parts := map[string]json.RawMessage{"min": g.Min, "max": g.Max, "allowed": g.Allowed, "required": g.Required}
	for _, field := range fields {
		if given(parts[field]) {
			return field
		}
	}
	return ""
}

func given(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null"
}

// names returns the keys of entries. It is never nil: no element is not every
// element.
func names(entries []entry) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.key
	}
	return keys
}

func countEntry(key string, n int64) entry {
	return entry{key: key, text: strconv.FormatInt(n, 10), number: n}
}
