package paper

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// printed is one text on a page, its place in points from the bottom left.
type printed struct {
	x, y, size float64
	bold       bool
	text       string
}

// file is what a reader finds in a PDF.
type file struct {
	objects       map[int][]byte
	pages         [][]printed
	title, author string
	bold          map[string]bool
}

// readPDF reads what WritePDF has written.
//
// Every place where it looks is found by the table at the end of the
// file, as a viewer does it.
func readPDF(data []byte) (file, error) {
	f := file{objects: map[int][]byte{}, bold: map[string]bool{}}
	trailer, err := f.readObjects(data)
	if err != nil {
		return file{}, err
	}
	f.readFonts()
	info := f.objects[number(trailer, `/Info (\d+) 0 R`)]
	if f.title, err = property(info, "Title"); err != nil {
		return file{}, err
	}
	if f.author, err = property(info, "Author"); err != nil {
		return file{}, err
	}
	root := f.objects[number(trailer, `/Root (\d+) 0 R`)]
	tree := f.objects[number(root, `/Pages (\d+) 0 R`)]
	kids := regexp.MustCompile(`/Kids \[([^]]*)\]`).FindSubmatch(tree)
	if kids == nil {
		return file{}, fmt.Errorf("no pages: %.200q", tree)
	}
	for _, kid := range regexp.MustCompile(`(\d+) 0 R`).FindAllSubmatch(kids[1], -1) {
		content, err := stream(f.objects[number(f.objects[number(kid[0], `(\d+)`)], `/Contents (\d+) 0 R`)])
		if err != nil {
			return file{}, fmt.Errorf("page %d: %w", len(f.pages)+1, err)
		}
		page, err := f.readPage(content)
		if err != nil {
			return file{}, fmt.Errorf("page %d: %w", len(f.pages)+1, err)
		}
		f.pages = append(f.pages, page)
	}
	if count := number(tree, `/Count (\d+)`); count != len(f.pages) {
		return file{}, fmt.Errorf("%d pages are %d", count, len(f.pages))
	}
	return f, nil
}

// readObjects reads the objects and returns the trailer.
func (f *file) readObjects(data []byte) (trailer []byte, err error) {
	start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(data)
	if start == nil {
		return nil, fmt.Errorf("no end of file")
	}
	at, _ := strconv.Atoi(string(start[1]))
	if at > len(data) || !bytes.HasPrefix(data[at:], []byte("xref\n")) {
		return nil, fmt.Errorf("no table of objects at %d", at)
	}
	table, trailer, found := bytes.Cut(data[at:], []byte("trailer"))
	if !found {
		return nil, fmt.Errorf("no trailer")
	}
	for i, entry := range bytes.Split(bytes.TrimSpace(table), []byte("\n"))[3:] {
		offset, err := strconv.Atoi(string(entry[:10]))
		name := fmt.Sprintf("%d 0 obj\n", i+1)
		if err != nil || !bytes.HasPrefix(data[offset:], []byte(name)) {
			return nil, fmt.Errorf("object %d is not at %d", i+1, offset)
		}
		f.objects[i+1] = object(data[offset+len(name) : at])
	}
	return trailer, nil
}

// object returns the object that data begins with.
func object(data []byte) []byte {
	object, _, _ := bytes.Cut(data, []byte("\nendobj"))
	head, _, found := bytes.Cut(object, []byte("stream\n"))
	if !found {
		return object
	}
	end := len(head) + len("stream\n") + number(head, `/Length (\d+)`) + len("\nendstream")
	return data[:min(end, len(data))] // a stream may hold anything
}

// stream returns the content of an object that is one.
func stream(object []byte) ([]byte, error) {
	head, rest, found := bytes.Cut(object, []byte("stream\n"))
	if !found {
		return nil, fmt.Errorf("no stream")
	}
	length := number(head, `/Length (\d+)`)
	if length > len(rest) || !bytes.HasPrefix(rest[length:], []byte("\nendstream")) {
		return nil, fmt.Errorf("the stream is not %d long", length)
	}
	if !bytes.Contains(head, []byte("/FlateDecode")) {
		return rest[:length], nil
	}
	content, err := zlib.NewReader(bytes.NewReader(rest[:length]))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(content)
}

// readPage reads the texts of a page.
func (f *file) readPage(content []byte) ([]printed, error) {
	var page []printed
	var now printed
	font := regexp.MustCompile(`^BT /F(\w+) ([\d.]+) Tf ET\n`)
	text := regexp.MustCompile(`^(?:q [\d. ]+ rg )?BT (-?[\d.]+) (-?[\d.]+) Td \(`)
	for len(content) > 0 {
		if match := font.FindSubmatch(content); match != nil {
			now.bold = f.bold[string(match[1])]
			now.size, _ = strconv.ParseFloat(string(match[2]), 64)
			content = content[len(match[0]):]
			continue
		}
		match := text.FindSubmatch(content)
		if match == nil {
			_, content, _ = bytes.Cut(content, []byte("\n"))
			continue
		}
		now.x, _ = strconv.ParseFloat(string(match[1]), 64)
		now.y, _ = strconv.ParseFloat(string(match[2]), 64)
		var err error
		if now.text, content, err = readString(content[len(match[0]):]); err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(content, []byte(" Tj ET")) {
			return nil, fmt.Errorf("%q is followed by %.20q", now.text, content)
		}
		page = append(page, now)
	}
	return page, nil
}

// readFonts finds out which fonts are bold.
func (f *file) readFonts() {
	for _, object := range f.objects {
		for _, font := range regexp.MustCompile(`/F(\w+) (\d+) 0 R`).FindAllSubmatch(object, -1) {
			f.bold[string(font[1])] = bytes.Contains(f.objects[number(font[2], `(\d+)`)], []byte("/BaseFont /utf8"+family+"B"))
		}
	}
}

// readString reads UTF-16 up to the parenthesis that ends it.
func readString(content []byte) (text string, rest []byte, err error) {
	var raw []byte
	for i := 0; i < len(content); i++ {
		switch c := content[i]; c {
		case ')':
			if len(raw)%2 != 0 {
				return "", nil, fmt.Errorf("half a character in %q", raw)
			}
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
			}
			return string(utf16.Decode(units)), content[i+1:], nil
		case '\\':
			i++
			if c = content[i]; c == 'r' {
				c = '\r'
			}
			raw = append(raw, c)
		case '(':
			return "", nil, fmt.Errorf("a parenthesis in a text")
		default:
			raw = append(raw, c)
		}
	}
	return "", nil, fmt.Errorf("a text without an end")
}

// property reads an entry of the information about a file, "" if it has none.
func property(info []byte, key string) (string, error) {
	_, value, found := bytes.Cut(info, []byte("/"+key+" ("))
	if !found {
		return "", nil
	}
	text, _, err := readString(value)
	return strings.TrimPrefix(text, "\uFEFF"), err
}

// number returns the number that a pattern finds, 0 if it finds nothing.
func number(object []byte, pattern string) int {
	match := regexp.MustCompile(pattern).FindSubmatch(object)
	if match == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(match[1]))
	return n
}

// words returns the texts of a page in the order in which they were printed.
func words(page []printed) []string {
	texts := make([]string, len(page))
	for i, p := range page {
		texts[i] = p.text
	}
	return texts
}
