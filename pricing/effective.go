package pricing

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// EffectiveMultiplier is what a buyer pays for the lines of a selector.
type EffectiveMultiplier struct {
	Selector Selector
	// Rule decides the price: the seller's own or, if the buyer inherits, the
	// nearest above. It is nil if the lines pass at their source cost.
	Rule *Rule
	// Chain is the price on each edge, top seller first; the last is the
	// buyer's.
	Chain []Price
}

// Basis returns the basis of the deciding rule, Source if there is none.
func (e *EffectiveMultiplier) Basis() Basis {
	if e.Rule == nil {
		return Source
	}
	return e.Rule.Basis
}

// Factor returns the factor of the deciding rule, 1 if there is none.
func (e *EffectiveMultiplier) Factor() money.Decimal {
	if e.Rule == nil {
		return money.FromInt(1)
	}
	return e.Rule.Factor
}

// maxEffective bounds the entries that EffectiveMultipliers makes by joining
// selectors of different edges.
const maxEffective = 1000

// EffectiveMultipliers returns what the last organization of the chain pays in
// the month, and why: one entry per selector that makes a difference to it,
// the most general first.
//
// The empty selector is always there. Every entry holds for the lines of its
// selector that no more particular entry covers; lines of Tax, Credit and
// Adjustment that none covers pass at their source cost. Another selector is
// there if the rules that its price is made of name exactly its fields, all
// together: so a rule that a seller further down overrides by another basis
// is left out, and where one seller names a provider and the next a SKU there
// are entries for the provider, for the SKU, and for the SKU of the provider.
// The last kind is left out where it would make more than a thousand entries.
func (b *Book) EffectiveMultipliers(chain orgtree.Path, m Month) []EffectiveMultiplier {
	var entries []EffectiveMultiplier
	for _, s := range b.candidates(chain, m) {
		// The selector is also the facts of a line that it selects and that no
		// selector of other fields does.
		prices := b.Prices(chain, Facts(s), m)
		if s != joined(prices) {
			continue
		}
		entry := EffectiveMultiplier{Selector: s, Chain: prices}
		if len(prices) > 0 {
			entry.Rule = prices[len(prices)-1].Decider
		}
		entries = append(entries, entry)
	}
	return entries
}

// candidates returns the empty selector, those of the rules in force along the
// chain and what these join to, the most general first.
func (b *Book) candidates(chain orgtree.Path, m Month) []Selector {
	known := map[Selector]bool{{}: true}
	all := []Selector{{}}
	for i := range len(chain) - 1 {
		named := b.selectors(Edge{Seller: chain[i], Buyer: chain[i+1]}, m)
		above := all
		if len(above)*len(named) > maxEffective {
			above = all[:1]
		}
		for _, a := range above {
			for _, s := range named {
				j, ok := a.join(s)
				if !ok || known[j] {
					continue
				}
				known[j] = true
				all = append(all, j)
			}
		}
	}
	slices.SortFunc(all, compareSelectors)
	return all
}

// joined returns the fields that the rules name together which the last of
// the prices is made of: those since the anchor. Without a rule it is empty.
func joined(prices []Price) Selector {
	var named Selector
	for i := len(prices) - 1; i >= 0; i-- {
		rule := prices[i].Rule
		if rule == nil {
			continue
		}
		named, _ = named.join(rule.Selector)
		if rule.Basis != Upstream {
			break
		}
	}
	return named
}

// join returns the selector of the lines that both select, or false if a field
// is named differently.
func (s Selector) join(o Selector) (Selector, bool) {
	j, ok := s, true
	for _, field := range []struct {
		mine   *string
		theirs string
	}{
		{&j.Provider, o.Provider},
		{&j.Service, o.Service},
		{&j.SKU, o.SKU},
		{&j.Region, o.Region},
		{(*string)(&j.ChargeCategory), string(o.ChargeCategory)},
	} {
		ok = ok && (*field.mine == "" || field.theirs == "" || *field.mine == field.theirs)
		*field.mine = cmp.Or(*field.mine, field.theirs)
	}
	return j, ok
}

// compareSelectors orders selectors that name fewer fields first, then those
// that lose against the other, then by the names.
func compareSelectors(a, b Selector) int {
	p, q := precedenceOf(a, orgtree.ID{}), precedenceOf(b, orgtree.ID{})
	return cmp.Or(
		cmp.Compare(bits.OnesCount8(uint8(p)), bits.OnesCount8(uint8(q))),
		cmp.Compare(p, q),
		cmp.Compare(a.SKU, b.SKU),
		cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.Region, b.Region),
		cmp.Compare(a.ChargeCategory, b.ChargeCategory),
	)
}
