package pricing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// The people of the chain: those of an organization, those who only read its
// bills and sell for it, and those who only come in through it.
const (
	nobody = iota
	people
	door
)

// tiers returns the four tiers of the worked example: what each shows its
// customers, and what the viewer is in each.
func tiers(shows [4]pricing.Disclosure, standing [4]int) []pricing.Tier {
	list := make([]pricing.Tier, 4)
	for i := range list {
		list[i] = pricing.Tier{Disclosure: shows[i], Buys: standing[i] == people, Sells: standing[i] != nobody}
	}
	return list
}

func TestSightOfEdges(t *testing.T) {
	t.Parallel()
	const (
		none   = pricing.ShowNone
		factor = pricing.ShowFactor
		chain  = pricing.ShowChain
	)
	for _, tc := range []struct {
		name     string
		shows    [4]pricing.Disclosure
		standing [4]int
		edges    []bool // platform → distributor → reseller → customer
		chain    bool
	}{
		{"a customer by default", [4]pricing.Disclosure{none, none, none, none}, [4]int{3: people}, []bool{false, false, false}, false},
		{"a customer who is shown the factor", [4]pricing.Disclosure{none, none, factor, none}, [4]int{3: people}, []bool{false, false, true}, false},
		{"a customer who is shown a chain that is closed above", [4]pricing.Disclosure{none, none, chain, none}, [4]int{3: people}, []bool{false, false, true}, true},
		{"a customer who is shown what its seller is shown", [4]pricing.Disclosure{none, factor, chain, none}, [4]int{3: people}, []bool{false, true, true}, true},
		{"a customer who is shown everything", [4]pricing.Disclosure{factor, chain, chain, none}, [4]int{3: people}, []bool{true, true, true}, true},
		{"a seller in the middle that shows only the factor", [4]pricing.Disclosure{chain, factor, chain, none}, [4]int{3: people}, []bool{false, true, true}, true},
		{"a reseller looking at its customer", [4]pricing.Disclosure{none, none, none, none}, [4]int{2: people}, []bool{false, false, true}, true},
		{"a reseller who is shown the factor", [4]pricing.Disclosure{none, factor, none, none}, [4]int{2: people}, []bool{false, true, true}, true},
		{"who comes in through the reseller", [4]pricing.Disclosure{none, factor, none, none}, [4]int{2: door}, []bool{false, false, true}, true},
		{"a distributor looking two tiers down", [4]pricing.Disclosure{none, none, chain, chain}, [4]int{1: people}, []bool{false, true, false}, true},
		{"a nobody", [4]pricing.Disclosure{chain, chain, chain, chain}, [4]int{}, []bool{false, false, false}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := pricing.NewSight(tiers(tc.shows, tc.standing))
			got := []bool{s.Edge(0), s.Edge(1), s.Edge(2)}
			if diff := cmp.Diff(tc.edges, got); diff != "" {
				t.Errorf("edges: %s", diff)
			}
			if s.Chain() != tc.chain {
				t.Errorf("chain: %t", s.Chain())
			}
			for i := range got {
				if got[i] && !s.Known(i) {
					t.Errorf("edge %d is shown and not known", i)
				}
			}
		})
	}
}

func TestSightOfClosedSeller(t *testing.T) {
	t.Parallel()
	list := tiers([4]pricing.Disclosure{pricing.ShowChain, pricing.ShowChain, pricing.ShowChain, pricing.ShowChain}, [4]int{2: people})
	list[2].Closed = true
	s := pricing.NewSight(list)
	if s.Edge(0) || s.Edge(1) || s.Known(0) || s.Known(1) {
		t.Error("a seller that must not learn the source cost is shown a factor above it")
	}
	if !s.Edge(2) {
		t.Error("it does not see its own price")
	}
	list[2].Buys, list[2].Sells, list[3].Buys = false, false, true
	s = pricing.NewSight(list)
	if s.Edge(0) || s.Edge(1) || !s.Edge(2) {
		t.Error("its customer is shown more than it is shown itself")
	}
}

func TestSightOfPrice(t *testing.T) {
	t.Parallel()
	// Only the platform has a rule: everybody below inherits it.
	one := pricing.NewBook([]pricing.Rule{{
		ID: orgtree.ID{1}, Seller: platform, Basis: pricing.Source, Factor: dec(t, "1.10"), FirstMonth: month(t, "2026-08"), Version: 1,
	}})
	inherited := one.Prices(exampleWay, pricing.Facts{ChargeCategory: pricing.Usage}, month(t, "2026-08"))
	own := pricing.NewBook(exampleRules(t, pricing.Source)).
		Prices(exampleWay, pricing.Facts{Provider: "AWS", SKU: "P5", ChargeCategory: pricing.Usage}, month(t, "2026-08"))
	const (
		none   = pricing.ShowNone
		factor = pricing.ShowFactor
	)
	for _, tc := range []struct {
		name     string
		shows    [4]pricing.Disclosure
		standing [4]int
		prices   []pricing.Price
		want     bool
	}{
		{"a customer's own, not shown", [4]pricing.Disclosure{factor, factor, none}, [4]int{3: people}, own, false},
		{"a customer's own, shown", [4]pricing.Disclosure{none, none, factor}, [4]int{3: people}, own, true},
		{"an inherited one, shown by every seller", [4]pricing.Disclosure{factor, factor, factor}, [4]int{3: people}, inherited, true},
		{"an inherited one, hidden at the top", [4]pricing.Disclosure{none, factor, factor}, [4]int{3: people}, inherited, false},
		{"an inherited one, hidden in the middle", [4]pricing.Disclosure{factor, none, factor}, [4]int{3: people}, inherited, false},
		{"the seller's own", [4]pricing.Disclosure{}, [4]int{2: people}, own, true},
		{"the seller's, which it inherits and is not shown", [4]pricing.Disclosure{}, [4]int{2: people}, inherited, false},
		{"the seller's, which it inherits and is shown", [4]pricing.Disclosure{factor, factor, none}, [4]int{2: people}, inherited, true},
		{"who comes in through the seller does not read its bills", [4]pricing.Disclosure{factor, factor, none}, [4]int{2: door}, inherited, false},
		{"two tiers up", [4]pricing.Disclosure{factor, factor, factor}, [4]int{1: people}, own, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := pricing.NewSight(tiers(tc.shows, tc.standing)).Price(tc.prices); got != tc.want {
				t.Errorf("got %t", got)
			}
		})
	}
	if !pricing.FullSight().Price(own) || !pricing.FullSight().Edge(0) || !pricing.FullSight().Chain() {
		t.Error("full sight is not full")
	}
}

// TestSightExplains checks that an entry which only a hidden rule sets apart is
// not accounted for by what is seen.
func TestSightExplains(t *testing.T) {
	t.Parallel()
	book := pricing.NewBook(exampleRules(t, pricing.Upstream))
	sight := pricing.NewSight(tiers([4]pricing.Disclosure{}, [4]int{2: people}))
	got := map[pricing.Selector]bool{}
	for _, e := range book.EffectiveMultipliers(exampleWay, month(t, "2026-08")) {
		got[e.Selector] = sight.Explains(&e)
	}
	want := map[pricing.Selector]bool{
		{}:                           true,
		{SKU: "P5"}:                  true,  // the reseller's own
		{Provider: "AWS"}:            false, // the platform's
		{Provider: "AWS", SKU: "P5"}: false, // both
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
