// Package page is the arithmetic of Relay connections: which rows to read for
// first, after, last and before, and what to tell about the page.
//
// It owns limits, cursors and page information. It does not own SQL, which
// package database makes from a Window.
package page

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/headwater-platform/headwater/fault"
)

// The sizes of a page.
const (
	DefaultSize = 50
	MaxSize     = 100
)

// Args are the arguments of a connection, as a client gave them.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Window says which rows make a page. It is comparable.
type Window struct {
	// Size is how many rows the page has at most, 1 to MaxSize.
	Size int
	// After and Before are cursors that bound the page, or "".
	After  string
	Before string
	// Backward reads the last rows instead of the first.
	Backward bool
}

// Window returns the window that the arguments ask for, or INVALID: a size out
// of bounds, first together with last, or a cursor that is none.
func (a Args) Window() (Window, error) {
	w := Window{Size: DefaultSize}
	if a.First != nil && a.Last != nil {
		return Window{}, fault.Invalidf("last", "ask for either first or last")
	}
	if a.First != nil {
		w.Size = *a.First
		if err := checkSize("first", w.Size); err != nil {
			return Window{}, err
		}
	}
	if a.Last != nil {
		w.Size, w.Backward = *a.Last, true
		if err := checkSize("last", w.Size); err != nil {
			return Window{}, err
		}
	}
	if a.After != nil {
		w.After = *a.After
		if _, err := decode("after", w.After); err != nil {
			return Window{}, err
		}
	}
	if a.Before != nil {
		w.Before = *a.Before
		if _, err := decode("before", w.Before); err != nil {
			return Window{}, err
		}
	}
	return w, nil
}

func checkSize(field string, size int) error {
	if size < 1 || size > MaxSize {
		return fault.Invalidf(field, "a page has 1 to %d items", MaxSize)
	}
	return nil
}

// Size returns how many items a connection with these arguments can have, for
// the static cost of a query. Sizes out of bounds count as the nearest bound;
// the connection itself refuses them.
func Size(first, last *int) int {
	size := DefaultSize
	if first != nil {
		size = *first
	}
	if last != nil {
		size = *last
	}
	return min(max(size, 1), MaxSize)
}

// Info tells where a page lies in the whole list.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Cut takes the rows that were read for a window, one more than its size if
// there are that many, in the order in which they were read. It returns the
// page in the order of the list, and whether there is more beyond it.
func Cut[T any](w Window, rows []T) (items []T, more bool) {
	more = len(rows) > w.Size
	items = rows[:min(len(rows), w.Size)]
	if w.Backward {
		items = slices.Clone(items)
		slices.Reverse(items)
	}
	return items, more
}

// Describe returns the information of a page with these cursors, in the order
// of the list.
func (w Window) Describe(cursors []string, more bool) Info {
	info := Info{HasNextPage: more, HasPreviousPage: w.After != ""}
	if w.Backward {
		info = Info{HasNextPage: w.Before != "", HasPreviousPage: more}
	}
	if len(cursors) > 0 {
		info.StartCursor, info.EndCursor = &cursors[0], &cursors[len(cursors)-1]
	}
	return info
}

// Connect returns the edges of a page and where it lies. nodes are in the order
// of the list.
func Connect[N, E any](w Window, nodes []N, more bool, cursor func(N) string, edge func(cursor string, node N) E) ([]E, Info) {
	edges := make([]E, len(nodes))
	cursors := make([]string, len(nodes))
	for i, node := range nodes {
		cursors[i] = cursor(node)
		edges[i] = edge(cursors[i], node)
	}
	return edges, w.Describe(cursors, more)
}

// Cursor returns the opaque cursor of a row that sorts by these values.
func Cursor(values ...string) string {
	encoded, err := json.Marshal(values)
	if err != nil {
		return "" // Strings always encode.
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// Values returns the n values of a cursor that Cursor made, or INVALID.
func Values(field, cursor string, n int) ([]string, error) {
	values, err := decode(field, cursor)
	if err != nil {
		return nil, err
	}
	if len(values) != n {
		return nil, notCursor(field)
	}
	return values, nil
}

func decode(field, cursor string) ([]string, error) {
	encoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, notCursor(field)
	}
	var values []string
	if err := json.Unmarshal(encoded, &values); err != nil || len(values) == 0 {
		return nil, notCursor(field)
	}
	return values, nil
}

func notCursor(field string) error {
	return fault.Invalidf(field, "this is no cursor of this list")
}
