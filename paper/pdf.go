package paper

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// The measures of a page, A4.
const (
	pageWidth  = 210.0
	pageHeight = 297.0
	leftEdge   = 20.0
	rightEdge  = pageWidth - leftEdge
	measure    = rightEdge - leftEdge // as printers call the length of a line
	topFirst   = 18.0
	topFurther = 28.0
	bottom     = pageHeight - 24.0
	gutter     = 8.0
)

// The colours: one, and shades of ink.
const (
	accent colour = 0x0f6d8c
	ink    colour = 0x17212b
	grey   colour = 0x5d6b76
	hair   colour = 0xdde3e7
	tint   colour = 0xf1f6f8
)

// WritePDF writes a document as a PDF of A4 pages, which has the fonts that it
// needs. A label that is longer than its place is cut with an ellipsis, an amount
// never. A document beyond the bounds of this package is refused, and nothing is
// written.
func WritePDF(w io.Writer, d Document) error {
	if err := d.check(); err != nil {
		return err
	}
	pen, err := newPen()
	if err != nil {
		return fmt.Errorf("write PDF: %w", err)
	}
	s := &sheet{pen: pen, Document: d.clean()}
	s.describe()
	s.print()
	file, err := s.bytes()
	if err != nil {
		return fmt.Errorf("write PDF: %w", err)
	}
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("write PDF: %w", err)
	}
	return nil
}

// sheet is a document on its way to paper.
type sheet struct {
	*pen
	Document
}

// describe fills in what the file says about itself.
func (s *sheet) describe() {
	s.pdf.SetTitle(metadata(s.name()), true)
	s.pdf.SetAuthor(metadata(s.Seller.Name), true)
}

// name returns what the document is called: title and number.
func (s *sheet) name() string { return strings.TrimSpace(s.Title + " " + s.Number) }

// print lays the document out and prints its pages.
func (s *sheet) print() {
	layout := layout{first: topFirst, further: topFurther, bottom: bottom, head: s.tableHead()}
	pages := layout.pages(slices.Concat(s.masthead(), s.parties(), s.facts(), s.table(), s.totals(), s.notes()))
	for i, page := range pages {
		s.pdf.AddPage()
		if i > 0 {
			s.runningHead()
		}
		for _, b := range page {
			b.draw(b.top)
		}
		s.foot(i+1, len(pages))
		s.watermark()
	}
}

// watermark prints the watermark across the page, as large as it fits and so
// faint that what is below it can be read.
func (s *sheet) watermark() {
	if s.Watermark == "" {
		return
	}
	const (
		length, largest, smallest = 190.0, 120.0, 24.0
		degrees, strength         = 52, 0.07
	)
	look := bold(largest, ink)
	if wanted := s.width(look, s.face(look).show(s.Watermark)); wanted > length {
		look.size = max(smallest, largest*length/wanted)
	}
	s.pdf.SetAlpha(strength, "Normal")
	s.slanted(look, pageWidth/2, pageHeight/2, degrees, s.fit(look, s.Watermark, length))
	s.pdf.SetAlpha(1, "Normal")
}

// runningHead prints from whom and what the document is, above a further page.
func (s *sheet) runningHead() {
	const baseline, rule = 17.0, 20.0
	what := s.name()
	if len(s.Facts) > 0 && s.Facts[0].Value != "" {
		what += " · " + s.Facts[0].Value
	}
	look := plain(8, grey)
	s.text(look, leftEdge, baseline, s.fit(look, s.Seller.Name, measure/2-gutter))
	s.textRight(look, baseline, s.fit(look, what, measure/2))
	s.fill(hair, leftEdge, rule, measure, 0.2)
}

// foot prints the foot of a page.
func (s *sheet) foot(number, of int) {
	const rule, baseline = pageHeight - 18.0, pageHeight - 13.0
	look := plain(7.5, grey)
	page := fmt.Sprintf("Page %d of %d", number, of)
	s.fill(hair, leftEdge, rule, measure, 0.2)
	s.text(look, leftEdge, baseline, s.fit(look, s.name(), measure-gutter-s.width(look, page)))
	s.textRight(look, baseline, page)
}
