package page_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
)

func pointer[T any](v T) *T { return &v }

func TestWindow(t *testing.T) {
	t.Parallel()
	cursor := page.Cursor("a", "b")
	for name, tt := range map[string]struct {
		args  page.Args
		want  page.Window
		field string
	}{
		"nothing":          {page.Args{}, page.Window{Size: page.DefaultSize}, ""},
		"first":            {page.Args{First: pointer(7)}, page.Window{Size: 7}, ""},
		"the first after":  {page.Args{First: pointer(7), After: &cursor}, page.Window{Size: 7, After: cursor}, ""},
		"last":             {page.Args{Last: pointer(7)}, page.Window{Size: 7, Backward: true}, ""},
		"the last before":  {page.Args{Last: pointer(7), Before: &cursor}, page.Window{Size: 7, Before: cursor, Backward: true}, ""},
		"between":          {page.Args{First: pointer(1), After: &cursor, Before: &cursor}, page.Window{Size: 1, After: cursor, Before: cursor}, ""},
		"the smallest":     {page.Args{First: pointer(1)}, page.Window{Size: 1}, ""},
		"the largest":      {page.Args{Last: pointer(page.MaxSize)}, page.Window{Size: page.MaxSize, Backward: true}, ""},
		"too small":        {page.Args{First: pointer(0)}, page.Window{}, "first"},
		"negative":         {page.Args{Last: pointer(-1)}, page.Window{}, "last"},
		"too large":        {page.Args{First: pointer(page.MaxSize + 1)}, page.Window{}, "first"},
		"both":             {page.Args{First: pointer(1), Last: pointer(1)}, page.Window{}, "last"},
		"no cursor":        {page.Args{After: pointer("x y")}, page.Window{}, "after"},
		"an empty cursor":  {page.Args{Before: pointer("")}, page.Window{}, "before"},
		"another's cursor": {page.Args{Before: pointer("eyJhIjoxfQ")}, page.Window{}, "before"},
	} {
		got, err := tt.args.Window()
		var f *fault.Error
		if errors.As(err, &f) != (tt.field != "") || (f != nil && (f.Code != fault.Invalid || f.Field != tt.field)) {
			t.Errorf("%s: %v, want a fault of %q", name, err, tt.field)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first, last *int
		want        int
	}{
		{nil, nil, page.DefaultSize}, {pointer(3), nil, 3}, {nil, pointer(4), 4}, {pointer(-9), nil, 1}, {pointer(1 << 40), nil, page.MaxSize},
	} {
		if got := page.Size(tt.first, tt.last); got != tt.want {
			t.Errorf("a page of %v, %v has %d items, want %d", tt.first, tt.last, got, tt.want)
		}
	}
}

// TestCursorsComeBack makes cursors of any values and reads them again.
func TestCursorsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "values")
		got, err := page.Values("after", page.Cursor(values...), len(values))
		if err != nil || !slices.Equal(got, values) {
			t.Fatalf("%q came back as %q, %v", values, got, err)
		}
		if _, err := page.Values("after", page.Cursor(values...), len(values)+1); fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("%d values pass for %d: %v", len(values), len(values)+1, err)
		}
	})
}

// TestPagesMakeTheList cuts a list into pages forwards and backwards, as the
// database reads them, and puts it together again.
func TestPagesMakeTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%03d", i)
		}
		for _, backward := range []bool{false, true} {
			var got []string
			cursor := ""
			for range n + 1 {
				w := page.Window{Size: rapid.IntRange(1, 9).Draw(t, "size"), Backward: backward}
				if backward {
					w.Before = cursor
				} else {
					w.After = cursor
				}
				items, more := page.Cut(w, read(w, list))
				edges, info := page.Connect(w, items, more, func(s string) string { return page.Cursor(s) }, func(_ string, s string) string { return s })
				if len(edges) > 0 && (*info.StartCursor != page.Cursor(edges[0]) || *info.EndCursor != page.Cursor(edges[len(edges)-1])) {
					t.Fatalf("the page %v says it lies at %+v", edges, info)
				}
				if backward {
					got = append(slices.Clone(edges), got...)
					if more != info.HasPreviousPage || info.HasNextPage != (cursor != "") {
						t.Fatalf("%+v of a page with more %t after %q", info, more, cursor)
					}
				} else {
					got = append(got, edges...)
					if more != info.HasNextPage || info.HasPreviousPage != (cursor != "") {
						t.Fatalf("%+v of a page with more %t after %q", info, more, cursor)
					}
				}
				if !more {
					break
				}
				cursor = *info.EndCursor
				if backward {
					cursor = *info.StartCursor
				}
			}
			if !slices.Equal(got, list) {
				t.Fatalf("backward %t: %v, want %v", backward, got, list)
			}
		}
	})
}

// read returns the rows of a window as the database would: one more than its
// size, the nearest to the cursor first.
func read(w page.Window, list []string) []string {
	rows := slices.Clone(list)
	if w.Backward {
		slices.Reverse(rows)
	}
	from := 0
	if cursor := w.After + w.Before; cursor != "" {
		from = 1 + slices.IndexFunc(rows, func(s string) bool { return page.Cursor(s) == cursor })
	}
	return rows[from:min(from+w.Size+1, len(rows))]
}

func TestEmptyPage(t *testing.T) {
	t.Parallel()
	w := page.Window{Size: 5}
	items, more := page.Cut(w, []int{})
	if len(items) != 0 || more {
		t.Errorf("%v, %t", items, more)
	}
	if diff := cmp.Diff(page.Info{}, w.Describe(nil, false)); diff != "" {
		t.Error(diff)
	}
}

// TestCutLeavesTheRowsAlone turns a page around without touching what was read.
func TestCutLeavesTheRowsAlone(t *testing.T) {
	t.Parallel()
	rows := []int{3, 2, 1}
	items, more := page.Cut(page.Window{Size: 2, Backward: true}, rows)
	if !slices.Equal(items, []int{2, 3}) || !more || !slices.Equal(rows, []int{3, 2, 1}) {
		t.Errorf("%v of %v, more %t", items, rows, more)
	}
}
