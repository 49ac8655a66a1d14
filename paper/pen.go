package paper

import (
	"bytes"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// colour is red, green and blue, a byte each.
type colour uint32

func (c colour) rgb() (red, green, blue int) {
	return int(c >> 16 & 0xff), int(c >> 8 & 0xff), int(c & 0xff)
}

// style is how a text looks. Its size is in points.
type style struct {
	bold   bool
	size   float64
	colour colour
}

func plain(size float64, c colour) style { return style{size: size, colour: c} }

func bold(size float64, c colour) style { return style{bold: true, size: size, colour: c} }

// em returns the size in millimetres.
func (s style) em() float64 { return s.size * 25.4 / 72 }

// family is the name of the fonts in the file.
const family = "go"

// pen prints on the pages of a PDF. Places and lengths are in millimetres, from
// the top left; a text is placed by its baseline. What goes wrong is told when
// the file is finished.
type pen struct {
	pdf   *fpdf.Fpdf
	faces faces
}

func newPen() (*pen, error) {
	faces, err := newFaces()
	if err != nil {
		return nil, err
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCompression(true)
	pdf.SetProducer("", false)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetCreationDate(noDate())
	pdf.SetModificationDate(noDate())
	pdf.AddUTF8FontFromBytes(family, "", goregular.TTF)
	pdf.AddUTF8FontFromBytes(family, "B", gobold.TTF)
	return &pen{pdf: pdf, faces: faces}, nil
}

func (p *pen) face(s style) *face {
	if s.bold {
		return p.faces.bold
	}
	return p.faces.regular
}

// wrap returns the lines of a text; see face.wrap.
func (p *pen) wrap(s style, text string, width float64, most int) []string {
	face := p.face(s)
	return face.wrap(face.show(text), width/s.em(), most)
}

// fit returns a text that is not wider than a length; see face.fit.
func (p *pen) fit(s style, text string, width float64) string {
	face := p.face(s)
	return face.fit(face.show(text), width/s.em())
}

// width returns how wide a text is that can be shown.
func (p *pen) width(s style, text string) float64 { return p.face(s).length(text) * s.em() }

// text prints a text that can be shown.
func (p *pen) text(s style, x, y float64, text string) {
	if text == "" {
		return
	}
	p.use(s)
	p.pdf.Text(x, y, text)
}

// textRight prints a text that ends at the right edge.
func (p *pen) textRight(s style, y float64, text string) {
	p.text(s, rightEdge-p.width(s, text), y, text)
}

// lines prints lines of a text, the first on the baseline y.
func (p *pen) lines(s style, x, y, leading float64, lines []string) {
	for i, line := range lines {
		p.text(s, x, y+float64(i)*leading, line)
	}
}

// slanted prints a text that rises around a point.
func (p *pen) slanted(s style, x, y, degrees float64, text string) {
	p.use(s) // outside of what is rotated, at whose end the file forgets the font
	p.pdf.TransformBegin()
	p.pdf.TransformRotate(degrees, x, y)
	p.pdf.Text(x-p.width(s, text)/2, y+s.em()*capHeight/2, text)
	p.pdf.TransformEnd()
}

// capHeight is how high a capital letter is, in ems.
const capHeight = 0.72

func (p *pen) use(s style) {
	weight := ""
	if s.bold {
		weight = "B"
	}
	p.pdf.SetFont(family, weight, s.size)
	p.pdf.SetTextColor(s.colour.rgb())
}

// fill paints a rectangle.
func (p *pen) fill(c colour, x, y, width, height float64) {
	p.pdf.SetFillColor(c.rgb())
	p.pdf.Rect(x, y, width, height, "F")
}

// bytes finishes the file.
func (p *pen) bytes() ([]byte, error) {
	var file bytes.Buffer
	if err := p.pdf.Output(&file); err != nil {
		return nil, err
	}
	return undated(file.Bytes()), nil
}

// noDate is the date that fpdf is given, which writes one in any case.
func noDate() time.Time { return time.Unix(0, 0).UTC() }

// undated overwrites the dates at the end of a file with as many spaces: nobody
// told when the document was made.
func undated(file []byte) []byte {
	for _, key := range []string{"/CreationDate", "/ModDate"} {
		entry := []byte(key + " (D:" + noDate().Format("20060102150405") + ")")
		if at := bytes.LastIndex(file, entry); at >= 0 {
			copy(file[at:], bytes.Repeat([]byte(" "), len(entry)))
		}
	}
	return file
}
