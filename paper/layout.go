package paper

// block is a part of a document that is not divided between pages. Lengths are
// in millimetres.
type block struct {
	// before is the space above it, which is left out at the top of a page and
	// below the head of the table that is repeated there.
	before float64
	height float64
	// draw prints it below a line across the page.
	draw func(top float64)
	// row is a block of the table, whose head is repeated above it where it
	// begins a page.
	row bool
	// stay is a block that is on the page of the next one.
	stay bool
}

// placed is a block with its place on a page.
type placed struct {
	block
	top float64
}

// layout is where the blocks of a document are on its pages.
type layout struct {
	// first and further are where the text of the first page and of all others
	// begins, bottom is where it ends.
	first, further, bottom float64
	// head is the head of the table.
	head block
}

// pages puts blocks on pages, at least one. A block is beyond the bottom only if
// it does not fit an empty page.
func (l layout) pages(blocks []block) [][]placed {
	var pages [][]placed
	var page []placed
	top := l.first
	place := func(b block, space float64) {
		page = append(page, placed{block: b, top: top + space})
		top += space + b.height
	}
	for len(blocks) > 0 {
		group, space := l.together(blocks), 0.0
		if len(page) > 0 {
			space = group[0].before
		}
		if len(page) > 0 && top+height(group) > l.bottom {
			pages, page, top, space = append(pages, page), nil, l.further, 0
			if group[0].row {
				place(l.head, 0)
			}
		}
		place(group[0], space)
		for _, b := range group[1:] {
			place(b, b.before)
		}
		blocks = blocks[len(group):]
	}
	return append(pages, page)
}

// together returns the blocks that are on the page of the first one: those that
// it stays with, unless they are more than a page has room for.
func (l layout) together(blocks []block) []block {
	n := 1
	for n < len(blocks) && blocks[n-1].stay {
		n++
	}
	if height(blocks[:n]) > l.bottom-l.further-l.head.height {
		n = 1
	}
	return blocks[:n]
}

// height returns the height of blocks and of the spaces above them.
func height(blocks []block) float64 {
	sum := 0.0
	for _, b := range blocks {
		sum += b.before + b.height
	}
	return sum
}
