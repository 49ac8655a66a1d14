package paper

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/headwater-platform/headwater/money"
)

// The kinds of usual rows of a CSV file.
const (
	kindLine  Kind = "line"
	kindTotal Kind = "total"
)

// columns returns the columns of a CSV file. New ones are added at the end.
func columns() []string {
	return []string{"kind", "label", "detail", "amount", "currency", "number", "seller", "buyer"}
}

// WriteCSV writes the lines and the totals of a document as RFC 4180 describes
// it, in UTF-8, with a header: kind, label, detail, amount, currency, number,
// seller, buyer. The kind is "line" or "total", or a Kind; the amount is a plain
// decimal, such as -1234.5. A text that a spreadsheet would take for a formula
// begins with an apostrophe. A document beyond the bounds of this package is
// refused before anything is written.
func WriteCSV(w io.Writer, d Document) error {
	if err := d.check(); err != nil {
		return err
	}
	number, seller, buyer := cell(d.Number), cell(d.Seller.Name), cell(d.Buyer.Name)
	row := func(kind Kind, label, detail string, amount money.Decimal) []string {
		return []string{string(kind), cell(label), cell(detail), amount.String(), d.Currency, number, seller, buyer}
	}

	out := csv.NewWriter(w)
	out.UseCRLF = true
	// What cannot be written is told by Flush, once for all rows.
	_ = out.Write(columns())
	for _, line := range d.Lines {
		_ = out.Write(row(cmp.Or(line.Kind, kindLine), line.Label, line.Detail, line.Amount))
	}
	for _, total := range d.Totals {
		_ = out.Write(row(cmp.Or(total.Kind, kindTotal), total.Label, "", total.Amount))
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// formulaStarts are the characters that a formula begins with. Spreadsheets take
// the wide forms for the narrow ones.
const formulaStarts = "=+-@＝＋－＠"

// cell returns a text that every spreadsheet shows as text.
func cell(text string) string {
	text = clean(text)
	if text != "" && strings.ContainsRune(formulaStarts, []rune(text)[0]) {
		return "'" + text
	}
	return text
}
