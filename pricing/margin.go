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

// Compare rates the charges by two books, going through them once, and returns for
// each the margin of every edge that they pass, by seller, buyer and currency. It
// returns INVALID if an amount has too many digits to be stored.
func Compare(before, after *Book, charges iter.Seq[Charge]) (was, is []Margin, err error) {
	first, second := newTills(before), newTills(after)
	for c := range charges {
		if err := first.collect(&c); err != nil {
			return nil, nil, err
		}
		if err := second.collect(&c); err != nil {
			return nil, nil, err
		}
	}
	return first.margins(), second.margins(), nil
}

// tills are what the sellers of a book take and pay.
type tills struct {
	rater *Rater
	edges map[edgeCurrency]*Margin
	rated []Rated
}

func newTills(b *Book) *tills { return &tills{rater: b.Rater(), edges: map[edgeCurrency]*Margin{}} }

// collect adds a charge to the margins of its edges. What a seller pays is the
// amount on the edge above, and for the top seller the source cost.
func (t *tills) collect(c *Charge) (err error) {
	if t.rated, err = t.rater.Rate(t.rated[:0], c.Chain, &c.Line); err != nil {
		return err
	}
	cost := c.Line.SourceCost
	for _, r := range t.rated {
		key := edgeCurrency{edge: r.Price.Edge, currency: c.Line.Currency}
		m := t.edges[key]
		if m == nil {
			m = &Margin{Edge: key.edge, Currency: key.currency}
			t.edges[key] = m
		}
		m.Revenue = m.Revenue.Add(r.Amount)
		m.Cost = m.Cost.Add(cost)
		cost = r.Amount
	}
	return nil
}

// margins returns the margins in their order.
func (t *tills) margins() []Margin {
	all := make([]Margin, 0, len(t.edges))
	for _, m := range t.edges {
		all = append(all, *m)
	}
	slices.SortFunc(all, compareMargins)
	return all
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
