package waterfall

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// OperationKind is what a value operation does.
type OperationKind string

// The kinds. EDIT is only shown: it is several edits of one directive that no
// other word describes.
const (
	OperationSet     OperationKind = "SET"
	OperationReplace OperationKind = "REPLACE"
	OperationAppend  OperationKind = "APPEND"
	OperationRemove  OperationKind = "REMOVE"
	OperationReset   OperationKind = "RESET"
	OperationEdit    OperationKind = "EDIT"
)

// Values returns every kind, for the schema's enum.
func (OperationKind) Values() []string {
	return []string{
		string(OperationSet), string(OperationReplace), string(OperationAppend),
		string(OperationRemove), string(OperationReset), string(OperationEdit),
	}
}

// Operation is the value part of a directive in its normal form: what it starts
// from, then what it puts and what it drops. No key is both put and dropped,
// and what starts from nothing drops nothing.
type Operation struct {
	shape shape
	base  base
	value Value   // of a scalar, list or object that is SET
	put   []entry // elements of a set, keys and values of a map
	drop  []entry // their names alone
}

// base is what an operation starts from.
type base uint8

const (
	inherited base = iota // what comes from above
	ofNothing             // nothing: the operation replaces
	ofDefault             // the definition's default
)

// ParseOperation reads one operation as a client writes it. SET takes the value,
// for a map the keys to change; REPLACE the whole set or map; APPEND and REMOVE
// the elements, for a map REMOVE the keys to delete; RESET takes nothing. SET of
// a set is a REPLACE, REPLACE of anything else than a set or map a SET. It
// returns INVALID for the field "operation" or "value".
func (d *Definition) ParseOperation(kind OperationKind, raw []byte) (Operation, error) {
	op, err := d.readOperation(kind, raw)
	if errors.Is(err, errKind) {
		return Operation{}, fault.Invalidf("operation", "%s: %s cannot be used on a %s", d.Key, kind, d.Type)
	}
	if err != nil {
		return Operation{}, d.invalid("value", err)
	}
	return op, nil
}

var (
	errKind  = errors.New("operation does not fit the type")
	errReset = errors.New("RESET takes no value")
	errEmpty = errors.New("names nothing to change")
	errEdits = errors.New("puts and drops the same thing, or drops from nothing")
)

func (d *Definition) readOperation(kind OperationKind, raw []byte) (Operation, error) {
	if kind == OperationReset {
		if len(raw) > 0 && string(raw) != "null" {
			return Operation{}, errReset
		}
		return Operation{shape: d.shape(), base: ofDefault}, nil
	}
	switch d.Type {
	case TypeSet:
		return d.readSetOperation(kind, raw)
	case TypeMap:
		return d.readMapOperation(kind, raw)
	case TypeBoolean, TypeInteger, TypeDuration, TypeEnum, TypeText, TypeList, TypeObject:
		if kind != OperationSet && kind != OperationReplace {
			return Operation{}, errKind
		}
		v, err := d.readValue(raw)
		return Operation{shape: scalarShape, base: ofNothing, value: v}, err
	default:
		return Operation{}, errKind
	}
}

func (d *Definition) readSetOperation(kind OperationKind, raw []byte) (Operation, error) {
	op := Operation{shape: setShape}
	var err error
	switch kind {
	case OperationSet, OperationReplace:
		var v Value
		v, err = d.readValue(raw)
		op.base, op.put = ofNothing, v.entries
	case OperationAppend:
		op.put, err = d.readElements(raw)
	case OperationRemove:
		op.drop, err = d.readElements(raw)
	case OperationReset, OperationEdit:
		return Operation{}, errKind
	default:
		return Operation{}, errKind
	}
	if err == nil && op.isEmpty() {
		err = errEmpty
	}
	return op, err
}

func (d *Definition) readMapOperation(kind OperationKind, raw []byte) (Operation, error) {
	op := Operation{shape: mapShape}
	var err error
	switch kind {
	case OperationReplace:
		op.base = ofNothing
		op.put, err = d.readEntries(raw)
	case OperationSet:
		op.put, err = d.readEntries(raw)
	case OperationRemove:
		op.drop, err = d.readKeys(raw)
	case OperationAppend, OperationReset, OperationEdit:
		return Operation{}, errKind
	default:
		return Operation{}, errKind
	}
	if err == nil && op.isEmpty() {
		err = errEmpty
	}
	return op, err
}

// isEmpty reports whether the operation changes nothing, whatever it meets.
func (o Operation) isEmpty() bool { return o.base == inherited && len(o.put)+len(o.drop) == 0 }

// Then returns the operation that does what o does and then what next does:
// how a second write to the same directive joins the first. One that starts
// from nothing or from the default forgets what was before.
func (o Operation) Then(next Operation) Operation {
	if next.base != inherited || next.shape == scalarShape {
		return next
	}
	joined := Operation{shape: o.shape, base: o.base}
	joined.put = union(without(o.put, next.drop), next.put)
	if o.base != ofNothing {
		joined.drop = union(without(o.drop, next.put), next.drop)
	}
	return joined
}

// Fits reports INVALID where joining edits made the operation larger than the
// definition allows.
func (d *Definition) Fits(op Operation) error {
	if d.keyed() && max(len(op.put), len(op.drop)) > d.MaxItems {
		return fault.Invalidf("value", "%s: may hold at most %d elements", d.Key, d.MaxItems)
	}
	if d.NonEmpty && op.base == ofNothing && len(op.put) == 0 {
		return d.invalid("value", errNonEmpty)
	}
	return nil
}

// Kind returns the word that describes the operation.
func (o Operation) Kind() OperationKind {
	switch {
	case o.base == ofNothing && o.shape == scalarShape:
		return OperationSet
	case o.base == ofNothing:
		return OperationReplace
	case o.base == ofDefault && len(o.put)+len(o.drop) == 0:
		return OperationReset
	case o.base == ofDefault, len(o.put) > 0 && len(o.drop) > 0:
		return OperationEdit
	case len(o.drop) > 0:
		return OperationRemove
	case o.shape == mapShape:
		return OperationSet
	default:
		return OperationAppend
	}
}

// Requested returns what the operation asks for, as clients see it, with
// secrets concealed: the value, the elements or the keys; for an EDIT an object
// of its parts; for a RESET nil.
func (o Operation) Requested() []byte { return o.requested(false) }

// Equal reports whether two operations are the same, secrets included.
func (o Operation) Equal(other Operation) bool {
	return o.shape == other.shape && o.base == other.base && o.value.Equal(other.value) &&
		slices.Equal(o.put, other.put) && slices.Equal(o.drop, other.drop)
}

func (o Operation) requested(reveal bool) []byte {
	put := Value{shape: o.shape, entries: o.put}
	drop := Value{shape: setShape, entries: o.drop}
	switch o.Kind() {
	case OperationReset:
		return nil
	case OperationRemove:
		return drop.JSON()
	case OperationEdit:
		return o.parts(reveal)
	case OperationSet, OperationReplace, OperationAppend:
		if o.shape == scalarShape {
			return []byte(o.value.text)
		}
		return put.write(reveal)
	default:
		return put.write(reveal)
	}
}

// parts writes the normal form as an object.
func (o Operation) parts(reveal bool) []byte {
	b := []byte("{")
	field := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, strictjson.Quote(name)...), ':'), value...)
	}
	put := Value{shape: o.shape, entries: o.put}
	switch {
	case o.base == ofNothing && o.shape == scalarShape:
		field("set", []byte(o.value.text))
	case o.base == ofNothing:
		field("replace", put.write(reveal))
	case o.base == ofDefault:
		field("reset", []byte("true"))
	}
	if o.base != ofNothing && len(o.put) > 0 {
		field(putName(o.shape), put.write(reveal))
	}
	if len(o.drop) > 0 {
		field("remove", Value{shape: setShape, entries: o.drop}.JSON())
	}
	return append(b, '}')
}

// Encode returns the normal form as JSON for the store, secrets included.
func (o Operation) Encode() ([]byte, error) {
	if o.shape == noShape {
		return nil, errKind
	}
	return o.parts(true), nil
}

// DecodeOperation reads what Encode wrote and checks it against the definition.
func (d *Definition) DecodeOperation(encoded []byte) (Operation, error) {
	members, err := strictjson.Object(encoded)
	if err != nil {
		return Operation{}, fmt.Errorf("decode operation of %s: %w", d.Key, err)
	}
	op := Operation{shape: d.shape()}
	for _, m := range members {
		if err := d.decodePart(&op, m); err != nil {
			return Operation{}, fmt.Errorf("decode operation of %s: %s: %w", d.Key, m.Name, err)
		}
	}
	if overlap(op.put, op.drop) || (op.base == ofNothing && len(op.drop) > 0) {
		return Operation{}, fmt.Errorf("decode operation of %s: %w", d.Key, errEdits)
	}
	if op.isEmpty() {
		return Operation{}, fmt.Errorf("decode operation of %s: %w", d.Key, errEmpty)
	}
	return op, nil
}

func (d *Definition) decodePart(op *Operation, m strictjson.Member) (err error) {
	switch {
	case m.Name == "reset":
		op.base = ofDefault
		return nil
	case m.Name == "set" && op.shape == scalarShape:
		op.base = ofNothing
		op.value, err = d.readValue(m.Value)
		return err
	case m.Name == "replace" && op.shape != scalarShape:
		op.base = ofNothing
		op.put, err = d.readPut(m.Value)
		return err
	case m.Name == putName(op.shape) && op.shape != scalarShape:
		op.put, err = d.readPut(m.Value)
		return err
	case m.Name == "remove" && op.shape != scalarShape:
		op.drop, err = d.readDrop(m.Value)
		return err
	default:
		return errKind
	}
}

func (d *Definition) readPut(raw []byte) ([]entry, error) {
	if d.Type == TypeMap {
		return d.readEntries(raw)
	}
	return d.readElements(raw)
}

func (d *Definition) readDrop(raw []byte) ([]entry, error) {
	if d.Type == TypeMap {
		return d.readKeys(raw)
	}
	return d.readElements(raw)
}

func (d *Definition) shape() shape {
	switch d.Type {
	case TypeSet:
		return setShape
	case TypeMap:
		return mapShape
	case TypeBoolean, TypeInteger, TypeDuration, TypeEnum, TypeText, TypeList, TypeObject:
		return scalarShape
	default:
		return scalarShape
	}
}

func putName(s shape) string {
	if s == mapShape {
		return "set"
	}
	return "append"
}

// union returns the entries of both; where both name a key, the later's.
func union(earlier, later []entry) []entry {
	if len(earlier) == 0 {
		return later
	}
	return sorted(append(without(earlier, later), later...))
}

// without returns the entries whose keys the others do not name.
func without(entries, others []entry) []entry {
	kept := make([]entry, 0, len(entries))
	for _, e := range entries {
		if _, found := find(others, e.key); !found {
			kept = append(kept, e)
		}
	}
	return kept
}

func overlap(a, b []entry) bool { return len(without(a, b)) < len(a) }
