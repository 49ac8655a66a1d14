package paper

import (
	"fmt"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// face is a font that texts are measured with. It is not safe for concurrent use.
type face struct {
	font   *sfnt.Font
	buffer sfnt.Buffer
	// widths are in ems, by character; absent marks one without a glyph.
	widths map[rune]float64
}

// absent is the width of a character that a font lacks.
const absent = -1

// faces are the fonts of a document.
type faces struct{ regular, bold *face }

func newFaces() (faces, error) {
	regular, err := newFace(goregular.TTF)
	if err != nil {
		return faces{}, fmt.Errorf("read regular font: %w", err)
	}
	bold, err := newFace(gobold.TTF)
	if err != nil {
		return faces{}, fmt.Errorf("read bold font: %w", err)
	}
	return faces{regular: regular, bold: bold}, nil
}

func newFace(ttf []byte) (*face, error) {
	parsed, err := sfnt.Parse(ttf)
	if err != nil {
		return nil, err
	}
	return &face{font: parsed, widths: map[rune]float64{}}, nil
}

// width returns the width of a character in ems, or absent.
func (f *face) width(r rune) float64 {
	width, known := f.widths[r]
	if !known {
		width = f.lookUp(r)
		f.widths[r] = width
	}
	return width
}

func (f *face) lookUp(r rune) float64 {
	const perEm = 1000
	if r > 0xFFFF { // fpdf embeds nothing beyond the basic plane
		return absent
	}
	glyph, err := f.font.GlyphIndex(&f.buffer, r)
	if err != nil || glyph == 0 {
		return absent
	}
	advance, err := f.font.GlyphAdvance(&f.buffer, glyph, fixed.I(perEm), font.HintingNone)
	if err != nil {
		return absent
	}
	return float64(advance) / 64 / perEm
}

// show returns a clean text with the characters that the font has; others are
// replaced by one that looks the same, or else by unknown.
func (f *face) show(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case f.width(r) != absent:
			return r
		case r == '\u2010', r == '\u2011': // hyphens with another name
			return '-'
		default:
			return unknown
		}
	}, text)
}

// length returns the width of a text that can be shown, in ems.
func (f *face) length(text string) float64 {
	length := 0.0
	for _, r := range text {
		length += f.width(r)
	}
	return length
}

// fit returns the text, or as much of its beginning with an ellipsis as is not
// wider than a number of ems.
func (f *face) fit(text string, width float64) string {
	if f.length(text) <= width {
		return text
	}
	head, _ := f.split(text, width-f.length(ellipsis))
	return strings.TrimRight(head, " ") + ellipsis
}

// split parts a text where it becomes wider than a number of ems.
func (f *face) split(text string, width float64) (head, tail string) {
	for i, r := range text {
		if width -= f.width(r); width < 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// wrap breaks a text into lines that are not wider than a number of ems, between
// words where it can. What is left after most lines is cut off with an ellipsis.
// A text of nothing has no lines.
func (f *face) wrap(text string, width float64, most int) []string {
	var lines []string
	for text != "" {
		if len(lines) == most-1 {
			return append(lines, f.fit(text, width))
		}
		var line string
		line, text = f.line(text, width)
		lines = append(lines, line)
	}
	return lines
}

// line returns the first line of a text and the rest, neither with a space at the
// break. A line has at least one character.
func (f *face) line(text string, width float64) (line, rest string) {
	line, rest = f.split(text, width)
	if rest == "" {
		return line, ""
	}
	if strings.HasPrefix(rest, " ") {
		return line, rest[1:]
	}
	if space := strings.LastIndexByte(line, ' '); space > 0 {
		return text[:space], text[space+1:]
	}
	if line == "" {
		first := len(string([]rune(text)[:1]))
		return text[:first], text[first:]
	}
	return line, rest
}
