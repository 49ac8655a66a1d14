package pricing

import "iter"

// Margins returns the margins of the charges by one book.
func (b *Book) Margins(charges iter.Seq[Charge]) ([]Margin, error) {
	margins, _, err := Compare(b, b, charges)
	return margins, err
}
