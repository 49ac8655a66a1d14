package waterfall

import (
	"slices"

	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// Type is what a setting's value is.
type Type string

// The types. A DURATION is ISO 8601 without months and years, a SET an array
// without order, a MAP an object whose keys are inherited one by one, an OBJECT
// one that is inherited as a whole.
const (
	TypeBoolean  Type = "BOOLEAN"
	TypeInteger  Type = "INTEGER"
	TypeDuration Type = "DURATION"
	TypeEnum     Type = "ENUM"
	TypeText     Type = "TEXT"
	TypeSet      Type = "SET"
	TypeList     Type = "LIST"
	TypeMap      Type = "MAP"
	TypeObject   Type = "OBJECT"
)

// Values returns every type, for the schema's enum.
func (Type) Values() []string {
	return []string{
		string(TypeBoolean), string(TypeInteger), string(TypeDuration), string(TypeEnum), string(TypeText),
		string(TypeSet), string(TypeList), string(TypeMap), string(TypeObject),
	}
}

// Merge is how the values of several levels become one.
type Merge string

// The merges. The narrowing ones also make each value the most that later
// levels may have.
const (
	MergeOverride         Merge = "OVERRIDE"
	MergeSet              Merge = "SET"
	MergeMap              Merge = "MAP"
	MergeNarrowingMaximum Merge = "NARROWING_MAXIMUM"
	MergeNarrowingSet     Merge = "NARROWING_SET"
	MergeNarrowingMap     Merge = "NARROWING_MAP"
)

// Values returns every merge, for the schema's enum.
func (Merge) Values() []string {
	return []string{
		string(MergeOverride), string(MergeSet), string(MergeMap),
		string(MergeNarrowingMaximum), string(MergeNarrowingSet), string(MergeNarrowingMap),
	}
}

// The permissions that do not depend on the definition.
const (
	platformPermission = "platform:write"
	userPermission     = "users:write"
)

// Definition is one setting: what it means, where it may be set, by whom, and
// which values it takes. Definitions are code and never change at run time.
type Definition struct {
	Key         string
	Section     string
	Title       string
	Description string

	Type Type
	// Element is the type of a SET's or LIST's elements and of a MAP's values.
	// A MAP of INTEGER is a map of counts, with patterns as keys.
	Element Type
	Merge   Merge
	Levels  []Level
	Default Value
	// Unlimited is the number that clients show as "unlimited"; 0 if there is none.
	Unlimited int64

	// Narrows says that a level's effective value is at the same time the
	// allowed set, or the maximum, for every later level.
	Narrows bool
	// Sensitive says that values may hold secrets, which are never read back.
	Sensitive bool
	// Personal says that a member may set it for themself.
	Personal bool

	// WritePermission is needed where the setting's own organization writes it,
	// ManagePermission where a manager places it on a managed organization.
	WritePermission  string
	ManagePermission string

	// Options are the values of an ENUM as JSON, in declaration order, or the
	// only elements that a SET takes.
	Options []string
	// Min and Max bound an INTEGER, a DURATION in seconds and a map's counts.
	Min, Max int64
	// MaxItems bounds a SET, LIST or MAP; MaxLength, in bytes, each text in it.
	MaxItems, MaxLength int
	// NonEmpty says that a SET of Options keeps at least one element: the first
	// permitted one if nothing else would be left.
	NonEmpty bool
	// CheckText refuses a TEXT, or an element of a SET or LIST.
	CheckText func(text string) error
	// CheckKey refuses a MAP's key.
	CheckKey func(key string) error
	// ReadEntry turns a MAP's value into canonical JSON and says whether it is
	// a secret. Maps of INTEGER do without.
	ReadEntry func(key string, raw []byte) (canonical []byte, secret bool, err error)
	// ReadObject turns an OBJECT, or an element of a LIST of OBJECT, into
	// canonical JSON.
	ReadObject func(raw []byte) (canonical []byte, err error)
}

// SetAt reports whether the setting may be set at the level.
func (d *Definition) SetAt(level Level) bool { return slices.Contains(d.Levels, level) }

// Guardable reports whether bounds can be placed on the setting; the others
// can only be locked.
func (d *Definition) Guardable() bool { return d.domain() != opaque && d.domain() != dictionary }

// Permission returns what is needed to write a value, guard or lock at a level
// on a side. At USER level a member needs nothing for their own personal keys.
func (d *Definition) Permission(level Level, side Side) string {
	switch {
	case level == LevelPlatform:
		return platformPermission
	case level == LevelUser:
		return userPermission
	case side == SideManager:
		return d.ManagePermission
	default:
		return d.WritePermission
	}
}

// domain is the lattice that a type's values and guards live in.
type domain uint8

const (
	opaque     domain = iota // TEXT, LIST, OBJECT: no guard
	flat                     // BOOLEAN, ENUM: the permitted values
	ordered                  // INTEGER, DURATION: an interval
	elements                 // SET: required and allowed elements
	dictionary               // MAP: no guard
	counts                   // MAP of INTEGER: an interval per key
)

func (d *Definition) domain() domain {
	switch d.Type {
	case TypeBoolean, TypeEnum:
		return flat
	case TypeInteger, TypeDuration:
		return ordered
	case TypeSet:
		return elements
	case TypeMap:
		if d.Element == TypeInteger {
			return counts
		}
		return dictionary
	case TypeText, TypeList, TypeObject:
		return opaque
	default:
		return opaque
	}
}

// keyed reports whether levels contribute element by element or key by key.
func (d *Definition) keyed() bool { return d.Type == TypeSet || d.Type == TypeMap }

// options returns the values of a BOOLEAN or ENUM as JSON, in declaration order.
func (d *Definition) options() []string {
	if d.Type == TypeBoolean {
		return []string{"false", "true"}
	}
	return d.Options
}

// Words returns the options as JSON: those of an ENUM are written so, the
// elements of a SET as plain text.
func (d *Definition) Words() []string {
	if d.Type != TypeSet {
		return slices.Clone(d.Options)
	}
	words := make([]string, len(d.Options))
	for i, element := range d.Options {
		words[i] = strictjson.Quote(element)
	}
	return words
}
