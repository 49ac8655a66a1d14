package pricing_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// world is a random chain with random rules on and beside it, small enough
// that rules meet.
type world struct {
	rng   *rand.Rand
	chain orgtree.Path
	rules []pricing.Rule
}

// firstMonth is the first of the six months that worlds are about.
const firstMonth pricing.Month = 2026 * 12

func newWorld(stream, seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(stream, seed))}
	for i := range 2 + w.rng.IntN(5) {
		w.chain = append(w.chain, orgtree.ID{0: 1, 15: byte(i)})
	}
	for range w.rng.IntN(20) {
		w.rules = append(w.rules, w.rule())
	}
	return w
}

func (w *world) rule() pricing.Rule {
	seller := w.rng.IntN(len(w.chain))
	r := pricing.Rule{
		ID:         orgtree.ID{byte(len(w.rules) + 1)},
		Seller:     w.chain[seller],
		Selector:   w.selector(),
		Basis:      pick(w.rng, pricing.Source, pricing.Upstream, pricing.List),
		Factor:     w.factor(),
		FirstMonth: firstMonth + pricing.Month(w.rng.IntN(6)),
	}
	if w.rng.IntN(2) == 0 {
		r.LastMonth = r.FirstMonth + pricing.Month(w.rng.IntN(4))
	}
	switch w.rng.IntN(4) {
	case 0:
		r.Buyer = w.chain[min(seller+1, len(w.chain)-1)]
	case 1:
		r.Buyer = orgtree.ID{0: 2} // another customer
	}
	r.Version = pricing.NextVersion(r.Subject(), w.rules)
	return r
}

func (w *world) factor() money.Decimal { return money.New(1+w.rng.Int64N(3_000_000), 6) }

// selector names a field in one of three cases.
func (w *world) selector() pricing.Selector {
	return pricing.Selector{
		Provider:       pick(w.rng, "", "", "", "AWS", "Azure"),
		Service:        pick(w.rng, "", "", "", "", "EC2", "S3"),
		SKU:            pick(w.rng, "", "", "", "", "P5", "G6"),
		Region:         pick(w.rng, "", "", "", "", "eu", "us"),
		ChargeCategory: pick(w.rng, "", "", "", "", pricing.Usage, pricing.Purchase, pricing.Credit, pricing.Tax),
	}
}

func (w *world) line() pricing.Line {
	return pricing.Line{
		Facts: pricing.Facts{
			Provider:       pick(w.rng, "", "AWS", "AWS", "Azure", "GCP"),
			Service:        pick(w.rng, "", "EC2", "S3", "RDS"),
			SKU:            pick(w.rng, "", "P5", "G6", "T4"),
			Region:         pick(w.rng, "", "eu", "us", "ap"),
			ChargeCategory: pick(w.rng, pricing.Usage, pricing.Usage, pricing.Usage, pricing.Purchase, pricing.Tax, pricing.Credit, pricing.Adjustment),
		},
		Month:      firstMonth + pricing.Month(w.rng.IntN(7)),
		Currency:   "USD",
		SourceCost: w.cost(),
		ListCost:   w.cost(),
	}
}

// cost is a random cost of either sign with up to 18 places.
func (w *world) cost() money.Decimal {
	return money.New(w.rng.Int64N(2_000_000_000)-500_000_000, int32(w.rng.IntN(19)))
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// slowWinner finds the winning rule by comparing every pair, field by field.
func slowWinner(rules []pricing.Rule, seller, buyer orgtree.ID, line *pricing.Line) *pricing.Rule {
	var best *pricing.Rule
	for i := range rules {
		r := &rules[i]
		if r.Seller == seller && slowMatches(r, buyer, line) && (best == nil || slowBeats(r, best)) {
			best = r
		}
	}
	return best
}

func slowMatches(r *pricing.Rule, buyer orgtree.ID, line *pricing.Line) bool {
	if line.Month < r.FirstMonth || r.LastMonth != 0 && line.Month > r.LastMonth {
		return false
	}
	if r.Buyer != (orgtree.ID{}) && r.Buyer != buyer {
		return false
	}
	if c := r.Selector.ChargeCategory; c == "" {
		if line.Facts.ChargeCategory != "Usage" && line.Facts.ChargeCategory != "Purchase" {
			return false
		}
	} else if c != line.Facts.ChargeCategory {
		return false
	}
	fits := func(rule, fact string) bool { return rule == "" || rule == fact }
	return fits(r.Selector.SKU, line.Facts.SKU) && fits(r.Selector.Service, line.Facts.Service) &&
		fits(r.Selector.Provider, line.Facts.Provider) && fits(r.Selector.Region, line.Facts.Region)
}

func slowBeats(a, b *pricing.Rule) bool {
	named := func(r *pricing.Rule) []bool {
		s := r.Selector
		return []bool{s.SKU != "", s.Service != "", s.Provider != "", s.Region != "", s.ChargeCategory != "", r.Buyer != orgtree.ID{}}
	}
	for i, n := range named(a) {
		if n != named(b)[i] {
			return n
		}
	}
	return a.Version > b.Version
}

func TestWinnerAgreesWithSlowSelection(t *testing.T) {
	t.Parallel()
	won := 0
	for seed := range uint64(effort.Cases(20_000)) {
		w := newWorld(10, seed)
		book := pricing.NewBook(w.rules)
		for range 5 {
			line := w.line()
			for i := range len(w.chain) - 1 {
				edge := pricing.Edge{Seller: w.chain[i], Buyer: w.chain[i+1]}
				want := slowWinner(w.rules, edge.Seller, edge.Buyer, &line)
				got, ok := book.Winner(edge, line.Facts, line.Month)
				if ok != (want != nil) || ok && got.ID != want.ID {
					t.Fatalf("seed %d: %+v on edge %d is priced by %+v, want %+v", seed, line.Facts, i, got, want)
				}
				if ok {
					won++
				}
			}
		}
	}
	if won == 0 {
		t.Fatal("no line met a rule")
	}
}

// Each rule beats every rule after it, though those have later versions, but
// for the last two, which differ in nothing else.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	selectors := []pricing.Rule{
		{Selector: pricing.Selector{SKU: "P5"}},
		{Selector: pricing.Selector{Service: "EC2", Provider: "AWS", Region: "eu", ChargeCategory: pricing.Usage}, Buyer: distributor},
		{Selector: pricing.Selector{Service: "EC2"}},
		{Selector: pricing.Selector{Provider: "AWS", Region: "eu", ChargeCategory: pricing.Usage}, Buyer: distributor},
		{Selector: pricing.Selector{Provider: "AWS"}},
		{Selector: pricing.Selector{Region: "eu", ChargeCategory: pricing.Usage}, Buyer: distributor},
		{Selector: pricing.Selector{Region: "eu"}},
		{Selector: pricing.Selector{ChargeCategory: pricing.Usage}, Buyer: distributor},
		{Selector: pricing.Selector{ChargeCategory: pricing.Usage}},
		{Buyer: distributor},
		{Version: 30},
		{Version: 20},
	}
	for i := range selectors {
		r := &selectors[i]
		r.ID, r.Seller, r.Basis, r.Factor, r.FirstMonth = orgtree.ID{byte(i + 1)}, platform, pricing.Source, money.FromInt(1), firstMonth
		r.Version = cmp.Or(r.Version, i+1)
	}
	facts := pricing.Facts{Provider: "AWS", Service: "EC2", SKU: "P5", Region: "eu", ChargeCategory: pricing.Usage}
	for i := range selectors {
		rules := slices.Clone(selectors[i:])
		slices.Reverse(rules)
		got, ok := pricing.NewBook(rules).Winner(pricing.Edge{Seller: platform, Buyer: distributor}, facts, firstMonth)
		if !ok || got.ID != selectors[i].ID {
			t.Errorf("%d of the rules: got %+v, want %+v", len(rules), got, selectors[i])
		}
	}
}

func TestCategories(t *testing.T) {
	t.Parallel()
	open := pricing.Rule{Seller: platform, Basis: pricing.Source, Factor: money.FromInt(2), FirstMonth: firstMonth}
	named := open
	named.Selector.ChargeCategory = pricing.Tax
	edge := pricing.Edge{Seller: platform, Buyer: distributor}
	for category, matches := range map[pricing.ChargeCategory][2]bool{
		pricing.Usage:      {true, false},
		pricing.Purchase:   {true, false},
		pricing.Tax:        {false, true},
		pricing.Credit:     {false, false},
		pricing.Adjustment: {false, false},
	} {
		for i, rule := range []pricing.Rule{open, named} {
			_, ok := pricing.NewBook([]pricing.Rule{rule}).Winner(edge, pricing.Facts{ChargeCategory: category}, firstMonth)
			if ok != matches[i] {
				t.Errorf("%s matched by a rule that names %q: %v", category, rule.Selector.ChargeCategory, ok)
			}
		}
	}
}
