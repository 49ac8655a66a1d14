package pricing

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/headwater-platform/headwater/orgtree"
)

// Book is a set of rules arranged for looking up. It is immutable and may be
// shared between goroutines.
type Book struct {
	sellers map[orgtree.ID]*shelf
}

// shelf holds the rules of one seller.
type shelf struct {
	precedences []precedence // those that occur, greatest first
	rules       map[target][]*Rule
}

// NewBook arranges the rules, in any order, of any number of sellers. Rules
// of one subject should differ in version; the one that starts later, then the
// one with the greater id, counts as the later version if they do not.
func NewBook(rules []Rule) *Book {
	b := &Book{sellers: make(map[orgtree.ID]*shelf)}
	for _, r := range rules {
		b.shelve(&r)
	}
	for _, s := range b.sellers {
		slices.Sort(s.precedences)
		slices.Reverse(s.precedences)
		for _, versions := range s.rules {
			slices.SortFunc(versions, laterFirst)
		}
	}
	return b
}

func (b *Book) shelve(r *Rule) {
	s := b.sellers[r.Seller]
	if s == nil {
		s = &shelf{rules: make(map[target][]*Rule)}
		b.sellers[r.Seller] = s
	}
	if p := precedenceOf(r.Selector, r.Buyer); !slices.Contains(s.precedences, p) {
		s.precedences = append(s.precedences, p)
	}
	t := target{buyer: r.Buyer, selector: r.Selector}
	s.rules[t] = append(s.rules[t], r)
}

func laterFirst(a, b *Rule) int {
	return cmp.Or(
		cmp.Compare(b.Version, a.Version),
		cmp.Compare(b.FirstMonth, a.FirstMonth),
		bytes.Compare(b.ID[:], a.ID[:]),
	)
}

// Winner returns the rule of the edge's seller that prices lines of the facts
// and month for the edge's buyer, or false if none matches. The rule must not
// be changed.
func (b *Book) Winner(e Edge, facts Facts, m Month) (*Rule, bool) {
	s := b.sellers[e.Seller]
	if s == nil {
		return nil, false
	}
	for _, p := range s.precedences {
		t, possible := p.target(facts, e.Buyer)
		if !possible {
			continue
		}
		if r := inForce(s.rules[t], m); r != nil && !r.suspended(m) {
			return r, true
		}
	}
	return nil, false
}

// inForce returns the version that counts in the month, nil if there is none.
func inForce(versions []*Rule, m Month) *Rule {
	for _, r := range versions {
		if r.InForce(m) {
			return r
		}
	}
	return nil
}

// selectors returns what the rules name that are in force on the edge in the
// month, each once, in a fixed order.
func (b *Book) selectors(e Edge, m Month) []Selector {
	s := b.sellers[e.Seller]
	if s == nil {
		return nil
	}
	var named []Selector
	for t, versions := range s.rules {
		if !t.buyer.IsZero() && t.buyer != e.Buyer {
			continue
		}
		if r := inForce(versions, m); r != nil && !r.suspended(m) {
			named = append(named, t.selector)
		}
	}
	slices.SortFunc(named, compareSelectors)
	return slices.Compact(named)
}
