package pricing

import (
	"bytes"
	"cmp"
	"iter"
	"slices"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Charge is a line with the chain of organizations that sell it: from the
// importing one down to the owner.
type Charge struct {
	Chain orgtree.Path
	Line  Line
}

// Margin is what a seller takes from and pays for the lines of an edge, in
// one currency.
type Margin struct {
	Edge     Edge
	Currency money.Currency
	Revenue  money.Decimal
	Cost     money.Decimal
}

// Amount returns what is left to the seller; it is negative for a loss.
func (m *Margin) Amount() money.Decimal { return m.Revenue.Sub(m.Cost) }

// edgeCurrency is what margins are summed by.
type edgeCurrency struct {
	edge     Edge
	currency money.Currency
}

// Margins rates the charges by the book and returns the margin of every edge
// that they pass, by seller, buyer and currency. It returns INVALID if an
// amount has too many digits to be stored.
func (b *Book) Margins(charges iter.Seq[Charge]) ([]Margin, error) {
	tills := make(map[edgeCurrency]*Margin)
	rater := b.Rater()
	var rated []Rated
	for c := range charges {
		var err error
		rated, err = rater.Rate(rated[:0], c.Chain, &c.Line)
		if err != nil {
			return nil, err
		}
		collect(tills, rated, &c.Line)
	}
	margins := make([]Margin, 0, len(tills))
	for _, m := range tills {
		margins = append(margins, *m)
	}
	slices.SortFunc(margins, compareMargins)
	return margins, nil
}

// collect adds a rated line to the margins of its edges. What a seller pays is
// the amount on the edge above, and for the top seller the source cost.
func collect(tills map[edgeCurrency]*Margin, rated []Rated, line *Line) {
	cost := line.SourceCost
	for _, r := range rated {
		key := edgeCurrency{edge: r.Price.Edge, currency: line.Currency}
		m := tills[key]
		if m == nil {
			m = &Margin{Edge: key.edge, Currency: key.currency}
			tills[key] = m
		}
		m.Revenue = m.Revenue.Add(r.Amount)
		m.Cost = m.Cost.Add(cost)
		cost = r.Amount
	}
}

func compareMargins(a, b Margin) int {
	return cmp.Or(
		bytes.Compare(a.Edge.Seller[:], b.Edge.Seller[:]),
		bytes.Compare(a.Edge.Buyer[:], b.Edge.Buyer[:]),
		cmp.Compare(a.Currency, b.Currency),
	)
}

// Losses returns the margins of after that are negative and less than the
// margin of the same edge and currency was before: what a change of prices
// would make a seller lose.
func Losses(before, after []Margin) []Margin {
	was := make(map[edgeCurrency]money.Decimal, len(before))
	for _, m := range before {
		was[edgeCurrency{edge: m.Edge, currency: m.Currency}] = m.Amount()
	}
	var losses []Margin
	for _, m := range after {
		amount := m.Amount()
		if amount.Sign() < 0 && amount.Cmp(was[edgeCurrency{edge: m.Edge, currency: m.Currency}]) < 0 {
			losses = append(losses, m)
		}
	}
	return losses
}
