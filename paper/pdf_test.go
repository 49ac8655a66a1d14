package paper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

// statement returns a document with a number of lines.
func statement(lines int) Document {
	d := Document{
		Title:  "Statement",
		Number: "N-2026-000412",
		Seller: Party{Name: "Nordlicht Cloud GmbH", Address: []string{"Speicherstraße 14", "20457 Hamburg"}, VATID: "DE293847561", Email: "billing@nordlicht.example"},
		Buyer:  Party{Name: "Fabryka Łódź Sp. z o.o.", Address: []string{"ul. Piotrkowska 102", "90-004 Łódź"}, VATID: "PL7250012345", Email: "accounts@fabryka.example"},
		Facts: []Fact{
			{Label: "Month", Value: "October 2026"},
			{Label: "Date of issue", Value: "3 November 2026"},
			{Label: "Due date", Value: "13 November 2026"},
			{Label: "Customer reference", Value: "FAB-0071"},
			{Label: "Order number", Value: "PO 4500012345"},
		},
		Currency: "EUR",
		Notes:    []string{"Please pay to IBAN DE02 1203 0000 0000 2020 51.", "The recipient of the service owes the tax."},
	}
	var sum money.Decimal
	for i := range lines {
		line := Line{Label: fmt.Sprintf("AWS · Service %d", i), Detail: fmt.Sprintf("project %d", i), Amount: money.New(int64(i)*7919-1_000_000, 2)}
		if i%3 == 0 {
			line.Detail = ""
		}
		d.Lines, sum = append(d.Lines, line), sum.Add(line.Amount)
	}
	d.Totals = []Total{{Label: "Subtotal", Amount: sum}, {Label: "VAT 0 %", Amount: money.New(0, 2)}, {Label: "Amount due", Amount: sum}}
	return d
}

func pdfOf(t testing.TB, d Document) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WritePDF(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t testing.TB, d Document) file {
	t.Helper()
	f, err := readPDF(pdfOf(t, d))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOnePage(t *testing.T) {
	t.Parallel()
	f := read(t, statement(2))
	if len(f.pages) != 1 {
		t.Fatalf("%d pages", len(f.pages))
	}
	want := []string{
		"Statement", "N-2026-000412",
		"From", "To", "Nordlicht Cloud GmbH", "Fabryka Łódź Sp. z o.o.", "Speicherstraße 14", "ul. Piotrkowska 102", "20457 Hamburg", "90-004 Łódź",
		"VAT ID DE293847561", "VAT ID PL7250012345", "billing@nordlicht.example", "accounts@fabryka.example",
		"Month", "October 2026", "Date of issue", "3 November 2026", "Due date", "13 November 2026", "Customer reference", "FAB-0071",
		"Order number", "PO 4500012345",
		"Description", "Amount (EUR)",
		"AWS · Service 0", "−10,000.00",
		"AWS · Service 1", "project 1", "−9,920.81",
		"Subtotal", "EUR −19,920.81", "VAT 0 %", "EUR 0.00", "Amount due", "EUR −19,920.81",
		"Please pay to IBAN DE02 1203 0000 0000 2020 51.", "The recipient of the service owes the tax.",
		"Statement N-2026-000412", "Page 1 of 1",
	}
	if diff := cmp.Diff(want, words(f.pages[0])); diff != "" {
		t.Error(diff)
	}
	if f.title != "Statement N-2026-000412" || f.author != "Nordlicht Cloud GmbH" {
		t.Errorf("the file is %q by %q", f.title, f.author)
	}
}

// Every line, every total and every note is there, in order, whatever the number
// of pages; and each page says what it is part of.
func TestManyPages(t *testing.T) {
	t.Parallel()
	d := statement(130)
	f := read(t, d)
	var all []string
	for i, page := range f.pages {
		texts := words(page)
		if want := fmt.Sprintf("Page %d of %d", i+1, len(f.pages)); texts[len(texts)-1] != want {
			t.Errorf("page %d ends with %q, want %q", i+1, texts[len(texts)-1], want)
		}
		if i > 0 {
			head := []string{"Nordlicht Cloud GmbH", "Statement N-2026-000412 · October 2026", "Description", "Amount (EUR)"}
			if diff := cmp.Diff(head, texts[:len(head)]); diff != "" {
				t.Errorf("page %d: %s", i+1, diff)
			}
			texts = texts[len(head):]
		}
		all = append(all, texts[:len(texts)-2]...)
	}
	if len(f.pages) < 5 || len(f.pages) > 9 {
		t.Errorf("%d pages", len(f.pages))
	}
	var want []string
	for _, line := range d.Lines {
		want = append(want, line.Label)
		if line.Detail != "" {
			want = append(want, line.Detail)
		}
		want = append(want, d.figures(line.Amount))
	}
	for _, total := range d.Totals {
		want = append(want, total.Label, "EUR "+d.figures(total.Amount))
	}
	want = append(want, d.Notes...)
	if diff := cmp.Diff(want, all[slices.Index(all, "AWS · Service 0"):]); diff != "" {
		t.Error(diff)
	}
}

func TestTotalsAreNotAlone(t *testing.T) {
	t.Parallel()
	for lines := 8; lines < 32; lines++ {
		f := read(t, statement(lines))
		for i, page := range f.pages {
			texts := words(page)
			if slices.Contains(texts, "Amount due") && !slices.Contains(texts, fmt.Sprintf("AWS · Service %d", lines-1)) {
				t.Errorf("%d lines: page %d has totals without a line", lines, i+1)
			}
		}
	}
}

func TestWatermark(t *testing.T) {
	t.Parallel()
	d := statement(100)
	d.Watermark = "VOID"
	for i, page := range read(t, d).pages {
		if n := len(slices.DeleteFunc(words(page), func(s string) bool { return s != "VOID" })); n != 1 {
			t.Errorf("page %d has %d watermarks", i+1, n)
		}
	}
}

func TestAmountsOfCurrencies(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string][]string{
		"EUR": {"1,234,567.00", "EUR −0.50"},
		"JPY": {"1,234,567", "JPY −0.5"},
		"KWD": {"1,234,567.000", "KWD −0.500"},
	} {
		d := Document{Title: "Credit note", Currency: currency}
		d.Lines = []Line{{Label: "a line", Amount: money.FromInt(1_234_567)}}
		d.Totals = []Total{{Label: "a total", Amount: money.New(-5, 1)}}
		texts := words(read(t, d).pages[0])
		for _, amount := range append(want, "Amount ("+currency+")") {
			if !slices.Contains(texts, amount) {
				t.Errorf("%s: no %q in %q", currency, amount, texts)
			}
		}
	}
}

// Amounts end on one line down the page, and no text leaves its page or lies on
// another, however strange it is.
func TestPlaces(t *testing.T) {
	t.Parallel()
	largest, err := money.Parse("-99999999999999999999.123456789012345678")
	if err != nil {
		t.Fatal(err)
	}
	faces, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	documents := hostile()
	documents["a statement"] = statement(40)
	for name, d := range documents {
		d.Lines = append(d.Lines, Line{Label: d.Title, Amount: largest})
		d.Totals = append(d.Totals, Total{Label: d.Title, Amount: largest})
		d.Watermark = "" // which lies on all others
		for i, page := range read(t, d).pages {
			places := make([]place, len(page))
			for j, p := range page {
				places[j] = placeOf(faces, p)
			}
			for j, p := range places {
				if p.left < leftEdge-0.01 || p.right > rightEdge+0.01 || p.bottom < 10 || p.top > pageHeight-10 {
					t.Errorf("%s: page %d: %q leaves the page: %v", name, i+1, page[j].text, p)
				}
				if isAmount := strings.HasPrefix(page[j].text, "−99,") || strings.HasPrefix(page[j].text, "EUR "); isAmount && p.right < rightEdge-0.01 {
					t.Errorf("%s: page %d: %q ends at %.2f", name, i+1, page[j].text, p.right)
				}
				for k, q := range places[:j] {
					if p.left < q.right && q.left < p.right && p.bottom < q.top && q.bottom < p.top {
						t.Errorf("%s: page %d: %q lies on %q", name, i+1, page[j].text, page[k].text)
					}
				}
			}
		}
	}
}

// place is where a text is, in millimetres from the bottom left.
type place struct{ left, right, bottom, top float64 }

func placeOf(faces faces, p printed) place {
	const points, descent, ascent = 25.4 / 72, 0.2, 0.75
	face := faces.regular
	if p.bold {
		face = faces.bold
	}
	return place{
		left: p.x * points, right: (p.x + face.length(p.text)*p.size) * points,
		bottom: (p.y - descent*p.size) * points, top: (p.y + ascent*p.size) * points,
	}
}

// hostile returns documents with texts that somebody wrote to break them.
func hostile() map[string]Document {
	texts := map[string]string{
		"nothing":      "",
		"space":        " \t\n\u2028 ",
		"controls":     "a\x00b\x1b[31mc\r\nd\x7f",
		"directions":   "invoice\u202egpj.exe\u2066x\u2069",
		"a long word":  strings.Repeat("W", 5_000),
		"many words":   strings.Repeat("many words ", 5_000),
		"marks":        "Z" + strings.Repeat("\u0335\u0301", 2_000),
		"no UTF-8":     "a\xff\xfe\xc0\xafb",
		"PDF":          ") Tj ET endstream endobj (\\) {nb} \\n",
		"a lone slash": "\\",
		"ideographs":   strings.Repeat("山田株式会社", 200),
		"outer planes": strings.Repeat("😀𝔘", 300),
		"noncharacter": "\uffff\ufffe\ufeff",
		"carriage":     "\u0d0d\u0a0a\u0d29\u285c",
	}
	documents := map[string]Document{}
	for name, text := range texts {
		party := Party{Name: text, Address: []string{text, text, text}, VATID: text, Email: text}
		documents[name] = Document{
			Title: text, Number: text, Watermark: text, Seller: party, Buyer: party,
			Facts:    []Fact{{text, text}, {text, text}, {text, text}, {text, text}, {text, text}},
			Currency: "EUR",
			Lines:    []Line{{Label: text, Detail: text, Amount: money.New(-1, 2)}, {Label: text, Amount: money.New(1, 2)}, {Detail: text, Amount: money.New(1, 2)}},
			Totals:   []Total{{Label: text, Amount: money.New(1, 2)}, {Label: text, Amount: money.New(1, 2)}},
			Notes:    []string{text, text},
		}
	}
	long := strings.Repeat("long ", 400)
	crowd := Document{Title: long, Currency: "EUR"}
	for range MaxOthers - 1 {
		crowd.Seller.Address = append(crowd.Seller.Address, long)
		crowd.Facts = append(crowd.Facts, Fact{long, long})
		crowd.Totals = append(crowd.Totals, Total{Label: long, Amount: money.New(1, 2)})
		crowd.Notes = append(crowd.Notes, long)
	}
	documents["a crowd"] = crowd
	return documents
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for name, d := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, page := range read(t, d).pages {
				for _, text := range words(page) {
					if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e }) {
						t.Errorf("%q is printed", text)
					}
				}
			}
		})
	}
}

// What cannot be shown is seen to be missing.
func TestReplacements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"山田 Cloud":           "�� Cloud",
		"a😀b":                "a�b",
		"gpj\u202eexe":       "gpj�exe",
		"a\x00b":             "a�b",
		"Cafe\u0301":         "Café",
		"a\r\n\tb":           "a b",
		"non\u2011breaking":  "non-breaking",
		"Ελλάδα Київ Kraków": "Ελλάδα Київ Kraków",
		"\xff":               "�",
	} {
		d := Document{Title: "Statement", Currency: "EUR", Notes: []string{text}}
		if texts := words(read(t, d).pages[0]); !slices.Contains(texts, want) {
			t.Errorf("%q: no %q in %q", text, want, texts)
		}
	}
}

// What is measured as shown has a glyph in the file.
func TestGlyphs(t *testing.T) {
	t.Parallel()
	faces, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	d := Document{Title: "Statement", Currency: "EUR"}
	var shown []rune
	for r := rune(1); r < 0x11000; r++ {
		if text := clean(string(r)); text == string(r) && faces.regular.width(r) != absent {
			shown = append(shown, r)
		}
	}
	for chunk := range slices.Chunk(shown, 500) {
		d.Notes = append(d.Notes, string(chunk))
	}
	if len(shown) < 500 {
		t.Fatalf("%d characters", len(shown))
	}
	f := read(t, d)
	var glyphs [][]byte
	for _, object := range f.objects {
		if !bytes.Contains(object, []byte("/BaseFont /utf8"+family+"\n")) || !bytes.Contains(object, []byte("/CIDToGIDMap")) {
			continue
		}
		table, err := stream(f.objects[number(object, `/CIDToGIDMap (\d+) 0 R`)])
		if err != nil {
			t.Fatal(err)
		}
		glyphs = append(glyphs, table)
	}
	if len(glyphs) != 1 {
		t.Fatalf("%d regular fonts", len(glyphs))
	}
	for _, r := range shown {
		if glyphs[0][2*r] == 0 && glyphs[0][2*r+1] == 0 {
			t.Errorf("%q has no glyph", r)
		}
	}
}

func TestSameDocumentSameFile(t *testing.T) {
	t.Parallel()
	d := statement(50)
	d.Watermark = "DRAFT"
	for r := rune(0x21); r < 0x2600; r++ {
		if r%64 == 0 {
			d.Notes = append(d.Notes, "")
		}
		d.Notes[len(d.Notes)-1] += string(r)
	}
	want := pdfOf(t, d)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if !bytes.Equal(pdfOf(t, d), want) {
				t.Error("two files differ")
			}
		})
	}
	wait.Wait()
	for _, mark := range []string{"CreationDate", "ModDate", "(D:", "Producer"} {
		if bytes.Contains(want[bytes.LastIndex(want, []byte("endstream")):], []byte(mark)) {
			t.Errorf("the file tells %s", mark)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	tooMany := make([]Line, MaxLines+1)
	overflow := money.New(1, 3000)
	for name, d := range map[string]Document{
		"lines":           {Currency: "EUR", Lines: tooMany},
		"facts":           {Currency: "EUR", Facts: make([]Fact, MaxOthers+1)},
		"totals":          {Currency: "EUR", Totals: make([]Total, MaxOthers+1)},
		"notes":           {Currency: "EUR", Notes: make([]string, MaxOthers+1)},
		"address":         {Currency: "EUR", Buyer: Party{Address: make([]string, MaxOthers+1)}},
		"no currency":     {},
		"wrong currency":  {Currency: "euro"},
		"line overflows":  {Currency: "EUR", Lines: []Line{{Amount: overflow}}},
		"total too large": {Currency: "EUR", Totals: []Total{{Amount: money.New(1, -20)}}},
	} {
		var out bytes.Buffer
		if err := WritePDF(&out, d); err == nil || out.Len() > 0 {
			t.Errorf("%s: a PDF of %d bytes, %v", name, out.Len(), err)
		}
		if err := WriteCSV(&out, d); err == nil || out.Len() > 0 {
			t.Errorf("%s: a CSV of %d bytes, %v", name, out.Len(), err)
		}
	}
}

// full is a writer without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFailingWriter(t *testing.T) {
	t.Parallel()
	if err := WritePDF(full{}, statement(3)); !errors.Is(err, errFull) {
		t.Errorf("PDF: %v", err)
	}
	if err := WriteCSV(full{}, statement(3)); !errors.Is(err, errFull) {
		t.Errorf("CSV: %v", err)
	}
}

// The document that was handed over is not changed.
func TestDocumentIsKept(t *testing.T) {
	t.Parallel()
	d := hostile()["controls"]
	pdfOf(t, d)
	exact := cmp.Comparer(money.Decimal.Equal)
	if diff := cmp.Diff(hostile()["controls"], d, exact); diff != "" {
		t.Error(diff)
	}
}

func FuzzWritePDF(f *testing.F) {
	for _, d := range hostile() {
		f.Add(short(d.Title), "EUR", int64(-5), uint16(3))
	}
	f.Add("AWS · Amazon EC2", "JPY", int64(1), uint16(90))
	f.Fuzz(func(t *testing.T, text, currency string, amount int64, lines uint16) {
		party := Party{Name: text, Address: []string{text}, VATID: text, Email: text}
		d := Document{
			Title: text, Number: text, Watermark: text, Seller: party, Buyer: party, Facts: []Fact{{text, text}}, Currency: currency,
			Lines: slices.Repeat([]Line{{Label: text, Detail: text, Amount: money.New(amount, 2)}}, int(lines%200)), Totals: []Total{{Label: text, Amount: money.New(amount, 2)}}, Notes: []string{text},
		}
		var out bytes.Buffer
		if err := WritePDF(&out, d); err != nil {
			if out.Len() > 0 || d.check() == nil {
				t.Fatalf("%d bytes, %v", out.Len(), err)
			}
			return
		}
		file, err := readPDF(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		printed := 0
		for _, page := range file.pages {
			for _, text := range words(page) {
				if text == d.figures(money.New(amount, 2)) {
					printed++
				}
			}
		}
		if printed < len(d.Lines) {
			t.Errorf("%d of %d amounts are printed", printed, len(d.Lines))
		}
	})
}

func BenchmarkWritePDF(b *testing.B) {
	for _, lines := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			d := statement(lines)
			b.ReportAllocs()
			for b.Loop() {
				if err := WritePDF(io.Discard, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// short returns a seed that the fuzzer need not shorten first.
func short(text string) string { return text[:min(len(text), 100)] }
