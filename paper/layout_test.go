package paper

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every block is placed once, in order, below the one before and above the
// bottom; a page that begins with a row of the table has its head.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := layout{first: 10, further: 20, bottom: 120, head: block{height: 7}}
		room := l.bottom - l.further - l.head.height
		blocks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) block {
			return block{
				before: float64(rapid.IntRange(0, 30).Draw(t, "before")),
				height: float64(rapid.IntRange(1, int(room)).Draw(t, "height")),
				row:    rapid.Bool().Draw(t, "row"),
				stay:   rapid.Bool().Draw(t, "stay"),
			}
		}), 0, 60).Draw(t, "blocks")
		for i := range blocks { // marks each, for a func cannot be compared
			blocks[i].before += float64(i) / 1000
		}

		var all []block
		for i, page := range l.pages(blocks) {
			if i > 0 && len(page) == 0 {
				t.Fatalf("page %d is empty", i+1)
			}
			end := l.first
			if i > 0 {
				end = l.further
				if page[0].height == l.head.height && page[0].before == 0 && len(page) > 1 && page[1].row {
					end, page = page[0].top+page[0].height, page[1:]
				} else if page[0].row {
					t.Fatalf("page %d begins without a head", i+1)
				}
			}
			for _, p := range page {
				if p.top < end || p.top+p.height > l.bottom {
					t.Fatalf("page %d: a block is at %v to %v, after %v", i+1, p.top, p.top+p.height, end)
				}
				end = p.top + p.height
				all = append(all, p.block)
			}
		}
		same := func(a, b block) bool { return a.before == b.before && a.height == b.height }
		if !slices.EqualFunc(all, blocks, same) {
			t.Fatalf("%d blocks are %d, or not in order", len(blocks), len(all))
		}
	})
}

func TestBlocksStayTogether(t *testing.T) {
	t.Parallel()
	l := layout{first: 0, further: 0, bottom: 100}
	for name, c := range map[string]struct {
		blocks []block
		want   []int
	}{
		"none":           {nil, []int{0}},
		"all fit":        {[]block{{height: 50}, {height: 50}}, []int{2}},
		"a break":        {[]block{{height: 50}, {height: 51}}, []int{1, 1}},
		"together":       {[]block{{height: 50}, {height: 30, stay: true}, {height: 30}}, []int{1, 2}},
		"apart":          {[]block{{height: 50}, {height: 30}, {height: 30}}, []int{2, 1}},
		"too many":       {[]block{{height: 60, stay: true}, {height: 30, stay: true}, {height: 30}}, []int{1, 2}},
		"space at a top": {[]block{{height: 50}, {before: 40, height: 90}, {height: 10}}, []int{1, 2}},
	} {
		var got []int
		for _, page := range l.pages(c.blocks) {
			got = append(got, len(page))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v blocks on the pages, want %v", name, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	faces, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	face := faces.regular
	width := face.length("0000000000")
	for text, want := range map[string][]string{
		"":                                   nil,
		"one":                                {"one"},
		"one two":                            {"one two"},
		"0000000000":                         {"0000000000"},
		"0000000000 1":                       {"0000000000", "1"},
		"00000000001":                        {"0000000000", "1"},
		"one two three":                      {"one two", "three"},
		"0 00000000000000 1":                 {"0", "0000000000", "0000 1"},
		"000000 000000 000000":               {"000000", "000000", "000000"},
		"00000 00000 00000 000":              {"00000", "00000", "00000 000"},
		"000000 000000 000000 000000 000000": {"000000", "000000", "000000 0…"},
	} {
		if got := face.wrap(text, width, 3); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// A line is as wide as it may be at most, and nothing but spaces and what is cut
// off at the end is missing.
func TestWrapKeeps(t *testing.T) {
	t.Parallel()
	faces, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	face := faces.bold
	rapid.Check(t, func(t *rapid.T) {
		text := face.show(clean(rapid.StringOfN(rapid.RuneFrom([]rune("  iiWWłé山-")), 0, 200, -1).Draw(t, "text")))
		width, most := float64(rapid.IntRange(2, 30).Draw(t, "width")), rapid.IntRange(1, 200).Draw(t, "most")
		lines := face.wrap(text, width, most)
		if len(lines) > most {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if face.length(line) > width || line == "" || strings.TrimSpace(line) != line {
				t.Fatalf("%q is a line", line)
			}
		}
		without := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		got, cut := strings.CutSuffix(strings.Join(lines, ""), ellipsis)
		if cut && !strings.HasPrefix(without(text), without(got)) || !cut && without(text) != without(got) {
			t.Fatalf("%q is %q", text, lines)
		}
	})
}
