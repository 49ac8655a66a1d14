package pricing

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Till is what an organization pays and takes for the same usage, in one
// currency.
type Till struct {
	// Paid is 0 for the top seller of the edges at hand, whose buyer it is not.
	Paid  money.Decimal
	Taken money.Decimal
	// Cost is what it pays for the part that it sells on.
	Cost money.Decimal
}

// Margin returns what is left to the organization; it is negative for a loss.
func (t Till) Margin() money.Decimal { return t.Taken.Sub(t.Cost) }

// Equal reports whether all amounts are equal.
func (t Till) Equal(o Till) bool {
	return t.Paid.Equal(o.Paid) && t.Taken.Equal(o.Taken) && t.Cost.Equal(o.Cost)
}

// Delta is what a change of prices does to one organization.
type Delta struct {
	Organization orgtree.ID
	// Seller is who it buys from, zero for the top seller of the edges at hand.
	Seller        orgtree.ID
	Currency      money.Currency
	Before, After Till
}

// Deltas returns what makes a difference between the margins before and after a
// change of prices, by organization and currency. Σ over the organizations of
// the margins' differences is the difference of what those pay who sell
// nothing on.
func Deltas(before, after []Margin) []Delta {
	deltas := make(map[holder]*Delta)
	for _, m := range before {
		m.book(deltas, func(d *Delta) *Till { return &d.Before })
	}
	for _, m := range after {
		m.book(deltas, func(d *Delta) *Till { return &d.After })
	}
	var differing []Delta
	for _, d := range deltas {
		if !d.Before.Equal(d.After) {
			differing = append(differing, *d)
		}
	}
	slices.SortFunc(differing, func(a, b Delta) int {
		return cmp.Or(bytes.Compare(a.Organization[:], b.Organization[:]), cmp.Compare(a.Currency, b.Currency))
	})
	return differing
}

// holder is what deltas are summed by.
type holder struct {
	organization orgtree.ID
	currency     money.Currency
}

// book adds the margin to the tills of its seller and its buyer.
func (m *Margin) book(deltas map[holder]*Delta, side func(*Delta) *Till) {
	of := func(organization orgtree.ID) *Delta {
		key := holder{organization, m.Currency}
		if deltas[key] == nil {
			deltas[key] = &Delta{Organization: organization, Currency: m.Currency}
		}
		return deltas[key]
	}
	seller := side(of(m.Edge.Seller))
	seller.Taken = seller.Taken.Add(m.Revenue)
	seller.Cost = seller.Cost.Add(m.Cost)
	bought := of(m.Edge.Buyer)
	bought.Seller = m.Edge.Seller
	buyer := side(bought)
	buyer.Paid = buyer.Paid.Add(m.Revenue)
}
