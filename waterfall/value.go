package waterfall

import (
	"slices"
	"strconv"
	"strings"

	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// Value is one value of a setting. It never changes after it is made; the zero
// Value is no value at all.
type Value struct {
	shape   shape
	text    string  // a scalar, list or object as canonical JSON
	number  int64   // a BOOLEAN as 0 or 1, an INTEGER, a DURATION in seconds
	timed   bool    // a DURATION, which can be written in several ways
	entries []entry // the elements of a SET, the keys of a MAP, sorted by key
}

// entry is one element of a set or one key of a map.
type entry struct {
	key    string
	text   string // a map's value as canonical JSON; empty in a set
	number int64  // the value in a map of counts
	secret bool
}

type shape uint8

const (
	noShape shape = iota
	scalarShape
	setShape
	mapShape
)

// Boolean returns a BOOLEAN value.
func Boolean(b bool) Value {
	if b {
		return Value{shape: scalarShape, text: "true", number: 1}
	}
	return Value{shape: scalarShape, text: "false"}
}

// Integer returns an INTEGER value.
func Integer(n int64) Value {
	return Value{shape: scalarShape, text: strconv.FormatInt(n, 10), number: n}
}

// Seconds returns a DURATION value.
func Seconds(n int64) Value { return wholeDuration(n).value() }

func (d duration) value() Value {
	return Value{shape: scalarShape, text: strictjson.Quote(d.String()), number: d.seconds(), timed: true}
}

// Text returns a TEXT value, or an ENUM value that is a text.
func Text(text string) Value { return Value{shape: scalarShape, text: strictjson.Quote(text)} }

// Set returns a SET value of texts.
func Set(elements ...string) Value {
	entries := make([]entry, len(elements))
	for i, element := range elements {
		entries[i] = entry{key: element}
	}
	return Value{shape: setShape, entries: sorted(entries)}
}

// EmptyMap returns a MAP value without keys.
func EmptyMap() Value { return Value{shape: mapShape} }

// EmptyList returns a LIST value without elements.
func EmptyList() Value { return Value{shape: scalarShape, text: "[]"} }

// EmptyObject returns an OBJECT value without fields.
func EmptyObject() Value { return Value{shape: scalarShape, text: "{}"} }

// IsZero reports whether there is no value at all.
func (v Value) IsZero() bool { return v.shape == noShape }

// JSON returns the value as clients see it: canonical, with secrets concealed.
func (v Value) JSON() []byte { return v.write(false) }

// Reveal returns the value as canonical JSON with its secrets. It is for the
// store and for what runs with them, never for an answer, a log or the journal.
func (v Value) Reveal() []byte { return v.write(true) }

// Equal reports whether two values are the same, secrets included. Durations
// are the same if they are equally long.
func (v Value) Equal(other Value) bool {
	if v.timed && other.timed {
		return v.number == other.number
	}
	return v.shape == other.shape && v.text == other.text && slices.Equal(v.entries, other.entries)
}

// Bool returns a BOOLEAN's value.
func (v Value) Bool() bool { return v.number != 0 }

// Int returns an INTEGER's value, or the seconds of a DURATION.
func (v Value) Int() int64 { return v.number }

// String returns a TEXT's or ENUM's value, and any other value as JSON with
// secrets concealed.
func (v Value) String() string {
	if strings.HasPrefix(v.text, `"`) {
		if text, err := strictjson.Text([]byte(v.text)); err == nil {
			return text
		}
	}
	return string(v.JSON())
}

// Elements returns the elements of a SET or the keys of a MAP, sorted.
func (v Value) Elements() []string {
	keys := make([]string, len(v.entries))
	for i, e := range v.entries {
		keys[i] = e.key
	}
	return keys
}

// Has reports whether a SET holds the element or a MAP the key.
func (v Value) Has(key string) bool {
	_, found := find(v.entries, key)
	return found
}

// Count returns how many a map of counts allows of a thing: by its own key,
// else by `<first part>/*`, else by `*`. Without any of them nothing bounds it.
func (v Value) Count(key string) (int64, bool) {
	e, found := cover(v.entries, key)
	return e.number, found
}

func (v Value) write(reveal bool) []byte {
	switch v.shape {
	case setShape:
		return writeSet(v.entries)
	case mapShape:
		return writeMap(v.entries, reveal)
	case scalarShape:
		return []byte(v.text)
	case noShape:
		return []byte("null")
	default:
		return []byte("null")
	}
}

func writeSet(entries []entry) []byte {
	b := []byte("[")
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, strictjson.Quote(e.key)...)
	}
	return append(b, ']')
}

func writeMap(entries []entry, reveal bool) []byte {
	b := []byte("{")
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, strictjson.Quote(e.key)...), ':')
		if e.secret && !reveal {
			b = append(b, `{"secret":true}`...)
			continue
		}
		b = append(b, e.text...)
	}
	return append(b, '}')
}

// sorted returns the entries by key, each key once.
func sorted(entries []entry) []entry {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.key == b.key })
}

// keyed is what is kept sorted by a key.
type keyed interface{ name() string }

func (e entry) name() string { return e.key }

func find[E keyed](entries []E, key string) (found E, ok bool) {
	i, ok := slices.BinarySearchFunc(entries, key, func(e E, key string) int { return strings.Compare(e.name(), key) })
	if ok {
		found = entries[i]
	}
	return found, ok
}

// cover returns the entry that speaks for a key in a map of counts: the most
// specific one.
func cover[E keyed](entries []E, key string) (found E, ok bool) {
	for _, name := range patterns(key) {
		if found, ok = find(entries, name); ok {
			return found, true
		}
	}
	return found, false
}

// patterns returns the names under which a key is looked up, most specific
// first: "aws/c5.large", "aws/*", "*".
func patterns(key string) []string {
	if key == "*" {
		return []string{"*"}
	}
	first, _, nested := strings.Cut(key, "/")
	if !nested || key == first+"/*" {
		return []string{key, "*"}
	}
	return []string{key, first + "/*", "*"}
}
