package money

import (
	"cmp"
	"slices"
)

// Share is one part of a sum that is to be posted in whole units. Key breaks
// ties between equal remainders and should be unique among the shares.
type Share struct {
	Key    string
	Amount Decimal
}

// Allocate returns what to post for each share, in the order of the shares,
// with the given places, so that the posted amounts add up to the sum of the
// shares rounded half to even. Each is cut towards −∞ and the units that are
// missing go, one each, to the largest remainders, ties by key. No posted
// amount is a whole unit away from its share, whatever the signs, and the
// order of the shares does not matter.
func Allocate(shares []Share, places int32) []Decimal {
	var exact Decimal
	for _, s := range shares {
		exact = exact.Add(s.Amount)
	}
	return AllocateTotal(exact.Round(places), shares, places)
}

// AllocateTotal is Allocate for a total that is given: one with these places that
// is less than a unit away from the sum of the shares, such as the amount at which
// the sum was posted itself. Shares that are whole units stay as they are if the
// total is their sum.
func AllocateTotal(total Decimal, shares []Share, places int32) []Decimal {
	posted := make([]Decimal, len(shares))
	order := make([]int, len(shares))
	var cut Decimal
	for i, s := range shares {
		posted[i] = s.Amount.floor(int(places))
		order[i] = i
		cut = cut.Add(posted[i])
	}
	slices.SortFunc(order, func(i, j int) int {
		return byRemainder(shares[i], shares[j], posted[i], posted[j])
	})

	unit := New(1, places)
	missing := total.Sub(cut)
	for _, i := range order {
		if missing.Sign() <= 0 || missing.Overflowed() {
			break
		}
		posted[i] = posted[i].Add(unit)
		missing = missing.Sub(unit)
	}
	return posted
}

// byRemainder orders the larger remainder first. Of shares with one key and
// one remainder the smaller comes first, so that the order given never counts.
func byRemainder(a, b Share, cutA, cutB Decimal) int {
	return cmp.Or(
		b.Amount.Sub(cutB).Cmp(a.Amount.Sub(cutA)),
		cmp.Compare(a.Key, b.Key),
		a.Amount.Cmp(b.Amount),
	)
}
