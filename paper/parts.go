package paper

import "slices"

// masthead returns the title and the number.
func (s *sheet) masthead() []block {
	const leading = 9.5
	look, under := bold(25, ink), plain(11, accent)
	title := s.wrap(look, s.Title, measure, 2)
	number := s.fit(under, s.Number, measure)
	height := 9 + leading*float64(len(title))
	if number != "" {
		height += 6
	}
	return []block{{
		height: height,
		draw: func(top float64) {
			s.fill(accent, leftEdge, top, 14, 1.4)
			s.lines(look, leftEdge, top+13, leading, title)
			s.text(under, leftEdge, top+11+leading*float64(len(title)), number)
		},
	}}
}

// styled is a line of text with its look.
type styled struct {
	style
	text string
}

// parties returns seller and buyer side by side, a block for each line.
func (s *sheet) parties() []block {
	const (
		leading = 4.3
		column  = measure/2 - gutter/2
	)
	seller, buyer := s.party("From", s.Seller, column), s.party("To", s.Buyer, column)
	blocks := make([]block, max(len(seller), len(buyer)))
	for i := range blocks {
		blocks[i] = block{height: leading, draw: func(top float64) {
			if i < len(seller) {
				s.text(seller[i].style, leftEdge, top+leading-1, seller[i].text)
			}
			if i < len(buyer) {
				s.text(buyer[i].style, rightEdge-column, top+leading-1, buyer[i].text)
			}
		}}
	}
	blocks[0].before = 6
	return blocks
}

// party returns the lines of one side.
func (s *sheet) party(role string, p Party, column float64) []styled {
	lines := []styled{{bold(7.5, accent), role}}
	add := func(look style, text string) {
		for _, line := range s.wrap(look, text, column, 2) {
			lines = append(lines, styled{look, line})
		}
	}
	add(bold(10, ink), p.Name)
	for _, line := range p.Address {
		add(plain(8.5, ink), line)
	}
	if p.VATID != "" {
		add(plain(8.5, grey), "VAT ID "+p.VATID)
	}
	add(plain(8.5, grey), p.Email)
	return lines
}

// facts returns the facts in columns, a block for each row of them.
func (s *sheet) facts() []block {
	const columns = 4
	var blocks []block
	for row := range slices.Chunk(s.Facts, columns) {
		blocks = append(blocks, s.factRow(row, (measure-gutter)/columns))
	}
	if len(blocks) > 0 {
		blocks[0].before = 7
	}
	return blocks
}

func (s *sheet) factRow(facts []Fact, column float64) block {
	const padding, leading = 3.4, 4.2
	label, value := plain(7.5, grey), bold(9, ink)
	values := make([][]string, len(facts))
	most := 1
	for i, fact := range facts {
		values[i] = s.wrap(value, fact.Value, column-3, 3)
		most = max(most, len(values[i]))
	}
	rowHeight := padding + 4 + leading*float64(most) + 2.2
	return block{height: rowHeight, draw: func(top float64) {
		s.fill(tint, leftEdge, top, measure, rowHeight)
		for i, fact := range facts {
			x := leftEdge + gutter/2 + float64(i)*column
			s.text(label, x, top+padding+2.4, s.fit(label, fact.Label, column-3))
			s.lines(value, x, top+padding+6.8, leading, values[i])
		}
	}}
}

// tableHead returns the head of the table.
func (s *sheet) tableHead() block {
	const rowHeight, baseline = 7.0, 4.2
	look := bold(7.5, grey)
	return block{height: rowHeight, stay: true, draw: func(top float64) {
		s.text(look, leftEdge, top+baseline, "Description")
		s.textRight(look, top+baseline, "Amount ("+s.Currency+")")
		s.fill(accent, leftEdge, top+rowHeight-0.5, measure, 0.5)
	}}
}

// table returns the head of the table and its lines.
func (s *sheet) table() []block {
	if len(s.Lines) == 0 {
		return nil
	}
	amounts, widest := make([]string, len(s.Lines)), 0.0
	for i, line := range s.Lines {
		amounts[i] = s.figures(line.Amount)
		widest = max(widest, s.width(plain(lineSize, ink), amounts[i]))
	}
	head := s.tableHead()
	head.before = 8
	blocks := []block{head}
	for i, line := range s.Lines {
		blocks = append(blocks, s.row(line, amounts[i], measure-widest-gutter))
	}
	blocks[len(blocks)-1].stay = len(s.Totals) > 0
	return blocks
}

// lineSize is the size of a line of the table.
const lineSize = 9

// row returns a line of the table. room is how wide its texts may be.
func (s *sheet) row(line Line, amount string, room float64) block {
	const padding, leading, detailLeading, most = 1.8, 4.2, 3.8, 3
	look, under := plain(lineSize, ink), plain(7.5, grey)
	label, detail := s.wrap(look, line.Label, room, most), s.wrap(under, line.Detail, room, most)
	labelHeight := leading * float64(len(label))
	rowHeight := padding + max(leading, labelHeight+detailLeading*float64(len(detail))) + padding
	return block{height: rowHeight, row: true, draw: func(top float64) {
		s.lines(look, leftEdge, top+padding+3.2, leading, label)
		s.lines(under, leftEdge, top+padding+labelHeight+2.8, detailLeading, detail)
		s.textRight(look, top+padding+3.2, amount)
		s.fill(hair, leftEdge, top+rowHeight-0.1, measure, 0.2)
	}}
}

// totals returns the totals, the last one strong.
func (s *sheet) totals() []block {
	blocks := make([]block, len(s.Totals))
	for i, total := range s.Totals {
		blocks[i] = s.total(total, i == len(s.Totals)-1)
	}
	if len(blocks) > 0 {
		blocks[len(blocks)-1].before = 1.2
		blocks[0].before = 4
	}
	return blocks
}

func (s *sheet) total(total Total, last bool) block {
	const usual = 85.0
	look, strong, padding, leading := plain(9, ink), plain(9, ink), 1.3, 4.2
	if last {
		look, strong, padding, leading = bold(11, ink), bold(13, ink), 2.6, 5.0
	}
	amount := s.Currency + " " + s.figures(total.Amount)
	amountWidth := s.width(strong, amount)
	column := min(measure, max(usual, amountWidth+usual/2))
	label := s.wrap(look, total.Label, column-amountWidth-gutter/2, 3)
	rowHeight := padding + leading*float64(max(1, len(label))) + padding
	return block{height: rowHeight, stay: !last, draw: func(top float64) {
		if last {
			s.fill(accent, rightEdge-column, top, column, 0.5)
		}
		baseline := top + padding + leading - 1
		s.lines(look, rightEdge-column, baseline, leading, label)
		s.textRight(strong, baseline, amount)
	}}
}

// notes returns the paragraphs at the end, a block for each line of them.
func (s *sheet) notes() []block {
	const leading = 4.2
	look := plain(8.5, grey)
	var blocks []block
	for _, note := range s.Notes {
		lines := s.wrap(look, note, measure, MaxText)
		for i, line := range lines {
			b := block{height: leading, stay: i < len(lines)-1, draw: func(top float64) {
				s.text(look, leftEdge, top+3.2, line)
			}}
			if i == 0 {
				b.before = 2.5
			}
			blocks = append(blocks, b)
		}
	}
	if len(blocks) > 0 {
		blocks[0].before = 9
	}
	return blocks
}
