// Package paper is how a statement or a credit note looks: as a PDF to read, and
// as a CSV file to calculate with.
//
// It owns the layout, the fonts, the columns, and what keeps texts that people
// wrote from breaking either. It does not own what a document says: it is handed
// a complete one and prints it, without a clock and without chance, so that the
// same document is the same file, byte by byte.
package paper

import (
	"fmt"

	"github.com/headwater-platform/headwater/money"
)

// The bounds of a document.
const (
	// MaxLines is how many lines a document has at most.
	MaxLines = 100_000
	// MaxOthers is how many facts, totals, notes, and lines of an address a
	// document has at most, of each.
	MaxOthers = 1_000
	// MaxText is how many characters of each text are printed; an ellipsis takes
	// the place of the last one where more are cut off.
	MaxText = 1_000
)

// Document is a statement or a credit note, complete and in its final words. No
// text is too strange to be printed: line breaks and runs of spaces become one
// space, and � stands for a character that cannot be shown.
type Document struct {
	// Title is what it is: "Statement", "Credit note" or "Draft of a statement".
	Title string
	// Number is "" for a draft.
	Number string
	// Watermark is printed large behind the text of every page, such as "DRAFT"
	// or "VOID"; "" for none.
	Watermark string
	// Seller is from whom it is, Buyer to whom.
	Seller, Buyer Party
	// Facts stand at the top: month, date of issue, due date, customer reference,
	// order number and so on. The value of the first, the month, is repeated at
	// the head of every further page.
	Facts []Fact
	// Currency is the ISO 4217 code of all amounts.
	Currency string
	// Lines are what was charged, in order.
	Lines []Line
	// Totals are subtotal, discounts, taxes, total, paid and due, in order. The
	// last one is printed strong.
	Totals []Total
	// Notes are the paragraphs at the end: how to pay, the reason of a tax rate.
	Notes []string
}

// Party is one side of a document. Whatever is "" is left out.
type Party struct {
	Name    string
	Address []string
	VATID   string
	Email   string
}

// Fact is a label with its value.
type Fact struct{ Label, Value string }

// Kind says in a CSV file what a row is. The zero Kind is a usual line or a usual
// total.
type Kind string

// The kinds of rows beside usual ones. Lines, discounts, fees and taxes add up to
// the total.
const (
	Discount Kind = "discount"
	Fee      Kind = "fee"
	Subtotal Kind = "subtotal"
	Tax      Kind = "tax"
)

// Line is one thing that was charged or credited.
type Line struct {
	Kind Kind
	// Label is what it is, such as "AWS · Amazon EC2".
	Label string
	// Detail is a second, smaller line, or "".
	Detail string
	// Amount is in the precision of the currency's minor unit. It is printed with
	// all digits that it has.
	Amount money.Decimal
}

// Total is a sum with its label. Amount is as that of a Line.
type Total struct {
	Kind   Kind
	Label  string
	Amount money.Decimal
}

// check returns an error for a document that is not one: more of anything than
// its bounds allow, no currency, or an amount that money.CheckAmount refuses.
func (d Document) check() error {
	if len(d.Lines) > MaxLines {
		return fmt.Errorf("a document has at most %d lines, not %d", MaxLines, len(d.Lines))
	}
	for _, n := range []int{len(d.Facts), len(d.Totals), len(d.Notes), len(d.Seller.Address), len(d.Buyer.Address)} {
		if n > MaxOthers {
			return fmt.Errorf("a document has at most %d facts, totals, notes and lines of an address, not %d", MaxOthers, n)
		}
	}
	if _, err := money.ParseCurrency(d.Currency); err != nil {
		return fmt.Errorf("no currency of a document: %q", d.Currency)
	}
	for i, line := range d.Lines {
		if money.CheckAmount(line.Amount) != nil {
			return fmt.Errorf("line %d: the amount does not fit", i+1)
		}
	}
	for i, total := range d.Totals {
		if money.CheckAmount(total.Amount) != nil {
			return fmt.Errorf("total %d: the amount does not fit", i+1)
		}
	}
	return nil
}

// figures returns an amount of the document as it is printed.
func (d Document) figures(amount money.Decimal) string {
	return money.Amount{Decimal: amount, Currency: money.Currency(d.Currency)}.Figures()
}

// clean returns the document with texts that are safe to print.
func (d Document) clean() Document {
	d.Title, d.Number, d.Watermark = clean(d.Title), clean(d.Number), clean(d.Watermark)
	d.Seller, d.Buyer = d.Seller.clean(), d.Buyer.clean()
	d.Facts = each(d.Facts, func(f Fact) Fact { return Fact{clean(f.Label), clean(f.Value)} })
	d.Lines = each(d.Lines, func(l Line) Line { return Line{l.Kind, clean(l.Label), clean(l.Detail), l.Amount} })
	d.Totals = each(d.Totals, func(t Total) Total { return Total{t.Kind, clean(t.Label), t.Amount} })
	d.Notes = each(d.Notes, clean)
	return d
}

func (p Party) clean() Party {
	return Party{Name: clean(p.Name), Address: each(p.Address, clean), VATID: clean(p.VATID), Email: clean(p.Email)}
}

// each returns what change makes of each of the items.
func each[T any](items []T, change func(T) T) []T {
	changed := make([]T, len(items))
	for i, item := range items {
		changed[i] = change(item)
	}
	return changed
}
