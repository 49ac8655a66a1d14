package waterfall

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

var (
	errTwice    = errors.New("names an element twice")
	errNonEmpty = errors.New("needs at least one element")
)

// ParseValue reads a value from JSON and checks it against the definition. It
// returns INVALID for the field "value".
func (d *Definition) ParseValue(raw []byte) (Value, error) {
	v, err := d.readValue(raw)
	if err != nil {
		return Value{}, d.invalid("value", err)
	}
	return v, nil
}

func (d *Definition) invalid(field string, err error) error {
	return fault.Invalidf(field, "%s: %v", d.Key, err)
}

func (d *Definition) readValue(raw []byte) (Value, error) {
	switch d.Type {
	case TypeBoolean:
		b, err := strictjson.Bool(raw)
		return Boolean(b), err
	case TypeInteger:
		n, err := d.readCount(raw)
		return Integer(n), err
	case TypeDuration:
		return d.readDuration(raw)
	case TypeEnum:
		return d.readOption(raw)
	case TypeText:
		text, err := d.readText(raw)
		return Text(text), err
	case TypeSet:
		entries, err := d.readElements(raw)
		if err == nil && d.NonEmpty && len(entries) == 0 {
			err = errNonEmpty
		}
		return Value{shape: setShape, entries: entries}, err
	case TypeMap:
		entries, err := d.readEntries(raw)
		return Value{shape: mapShape, entries: entries}, err
	case TypeList:
		return d.readList(raw)
	case TypeObject:
		return d.readObject(raw)
	default:
		return Value{}, fmt.Errorf("has the unknown type %s", d.Type)
	}
}

// readCount reads an INTEGER or one of a map's counts.
func (d *Definition) readCount(raw []byte) (int64, error) {
	n, err := strictjson.Integer(raw)
	if err == nil && (n < d.Min || n > d.Max) {
		err = fmt.Errorf("must be between %d and %d", d.Min, d.Max)
	}
	return n, err
}

func (d *Definition) readDuration(raw []byte) (Value, error) {
	text, err := strictjson.Text(raw)
	if err != nil {
		return Value{}, errDuration
	}
	length, err := parseDuration(text)
	if seconds := length.seconds(); err == nil && (seconds < d.Min || seconds > d.Max) {
		err = fmt.Errorf("must be between %s and %s", wholeDuration(d.Min), wholeDuration(d.Max))
	}
	return length.value(), err
}

// readOption reads an ENUM's value. A number may also be given as a text.
func (d *Definition) readOption(raw []byte) (Value, error) {
	token := string(bytes.TrimSpace(raw))
	if text, err := strictjson.Text(raw); err == nil {
		token = strictjson.Quote(text)
		if slices.Contains(d.Options, text) {
			token = text
		}
	}
	if !slices.Contains(d.Options, token) {
		return Value{}, fmt.Errorf("must be one of %s", strings.Join(d.Options, ", "))
	}
	return Value{shape: scalarShape, text: token}, nil
}

func (d *Definition) readText(raw []byte) (string, error) {
	text, err := strictjson.Text(raw)
	if err != nil {
		return "", err
	}
	return text, d.checkText(text)
}

func (d *Definition) checkText(text string) error {
	if len(text) > d.MaxLength {
		return fmt.Errorf("may hold texts of at most %d bytes", d.MaxLength)
	}
	if d.CheckText != nil {
		return d.CheckText(text)
	}
	return nil
}

// readElements reads the elements of a SET in any order.
func (d *Definition) readElements(raw []byte) ([]entry, error) {
	items, err := d.readItems(raw)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(items))
	for i, item := range items {
		text, err := d.readText(item)
		if err != nil {
			return nil, err
		}
		if len(d.Options) > 0 && !slices.Contains(d.Options, text) {
			return nil, fmt.Errorf("takes only %s", strings.Join(d.Options, ", "))
		}
		entries[i] = entry{key: text}
	}
	entries = sorted(entries)
	if len(entries) < len(items) {
		return nil, errTwice
	}
	return entries, nil
}

func (d *Definition) readItems(raw []byte) ([][]byte, error) {
	items, err := strictjson.Array(raw)
	if err != nil {
		return nil, err
	}
	if len(items) > d.MaxItems {
		return nil, fmt.Errorf("may hold at most %d elements", d.MaxItems)
	}
	return items, nil
}

// readKeys reads the keys of a MAP that are to be deleted.
func (d *Definition) readKeys(raw []byte) ([]entry, error) {
	items, err := d.readItems(raw)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(items))
	for i, item := range items {
		key, err := strictjson.Text(item)
		if err != nil {
			return nil, err
		}
		if err := d.checkKey(key); err != nil {
			return nil, err
		}
		entries[i] = entry{key: key}
	}
	entries = sorted(entries)
	if len(entries) < len(items) {
		return nil, errTwice
	}
	return entries, nil
}

func (d *Definition) checkKey(key string) error {
	if key == "" || len(key) > d.MaxLength {
		return fmt.Errorf("may have keys of 1 to %d bytes", d.MaxLength)
	}
	if d.CheckKey != nil {
		return d.CheckKey(key)
	}
	return nil
}

// readEntries reads the keys and values of a MAP.
func (d *Definition) readEntries(raw []byte) ([]entry, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return nil, err
	}
	if len(members) > d.MaxItems {
		return nil, fmt.Errorf("may hold at most %d keys", d.MaxItems)
	}
	entries := make([]entry, len(members))
	for i, m := range members {
		if err := d.checkKey(m.Name); err != nil {
			return nil, err
		}
		if entries[i], err = d.readEntry(m.Name, m.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return sorted(entries), nil
}

func (d *Definition) readEntry(key string, raw []byte) (entry, error) {
	if d.domain() == counts {
		n, err := d.readCount(raw)
		return countEntry(key, n), err
	}
	canonical, secret, err := d.ReadEntry(key, raw)
	return entry{key: key, text: string(canonical), secret: secret}, err
}

func (d *Definition) readList(raw []byte) (Value, error) {
	items, err := d.readItems(raw)
	if err != nil {
		return Value{}, err
	}
	seen := map[string]bool{}
	b := []byte("[")
	for i, item := range items {
		element, err := d.readListElement(item)
		if err != nil {
			return Value{}, err
		}
		if seen[string(element)] {
			return Value{}, errTwice
		}
		seen[string(element)] = true
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, element...)
	}
	return Value{shape: scalarShape, text: string(append(b, ']'))}, nil
}

func (d *Definition) readListElement(raw []byte) ([]byte, error) {
	if d.Element == TypeObject {
		return d.ReadObject(raw)
	}
	text, err := d.readText(raw)
	return []byte(strictjson.Quote(text)), err
}

func (d *Definition) readObject(raw []byte) (Value, error) {
	canonical, err := d.ReadObject(raw)
	return Value{shape: scalarShape, text: string(canonical)}, err
}
