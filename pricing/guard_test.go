package pricing_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

var (
	manager    = orgtree.ID{1}
	guarded    = orgtree.ID{2}
	notGuarded = orgtree.ID{3}
)

func TestCheckGuard(t *testing.T) {
	t.Parallel()
	guard := pricing.Guard{Manager: manager, Seller: guarded, Basis: pricing.Upstream, Min: dec(t, "1"), Max: dec(t, "1.15"), FirstMonth: month(t, "2026-12")}
	all := pricing.Guard{Manager: manager, Min: dec(t, "1.1"), FirstMonth: month(t, "2026-12"), Version: 1}
	for _, tc := range []struct {
		name     string
		change   func(g *pricing.Guard)
		existing []pricing.Guard
		field    string // "" for a guard that may be added
	}{
		{"as it is", func(*pricing.Guard) {}, nil, ""},
		{"one bound", func(g *pricing.Guard) { g.Min = money.Decimal{} }, nil, ""},
		{"every basis and seller", func(g *pricing.Guard) { g.Basis, g.Seller = "", orgtree.ID{} }, nil, ""},
		{"one factor alone", func(g *pricing.Guard) { g.Min = g.Max }, nil, ""},
		{"no bound", func(g *pricing.Guard) { g.Min, g.Max = money.Decimal{}, money.Decimal{} }, nil, "min"},
		{"bounds the wrong way round", func(g *pricing.Guard) { g.Min = dec(t, "1.16") }, nil, "max"},
		{"seven places", func(g *pricing.Guard) { g.Min = dec(t, "1.0000001") }, nil, "min"},
		{"below 0", func(g *pricing.Guard) { g.Max = dec(t, "-1") }, nil, "max"},
		{"an unknown basis", func(g *pricing.Guard) { g.Basis = "COST" }, nil, "basis"},
		{"itself", func(g *pricing.Guard) { g.Seller = manager }, nil, "sellerId"},
		{"a month that has begun", func(g *pricing.Guard) { g.FirstMonth = month(t, "2026-11") }, nil, "firstMonth"},
		{"an end before the start", func(g *pricing.Guard) { g.LastMonth = month(t, "2026-11") }, nil, "lastMonth"},
		{"room beside another", func(*pricing.Guard) {}, []pricing.Guard{all}, ""},
		{"no room beside another", func(g *pricing.Guard) { g.Max = dec(t, "1.05") }, []pricing.Guard{all}, "min"},
		{"in time before another", func(g *pricing.Guard) { g.Max, g.LastMonth = dec(t, "1.05"), month(t, "2026-12") }, []pricing.Guard{later(all)}, ""},
		{"no room later on", func(g *pricing.Guard) { g.Max = dec(t, "1.05") }, []pricing.Guard{later(all)}, "min"},
		{"in place of one without room", func(g *pricing.Guard) { g.Max = dec(t, "1.2") }, []pricing.Guard{narrow(t, guard)}, ""},
		{"all, against one seller's", func(g *pricing.Guard) { g.Seller, g.Basis, g.Min = orgtree.ID{}, "", dec(t, "1.11") }, []pricing.Guard{narrow(t, guard)}, "min"},
	} {
		g := guard
		tc.change(&g)
		err := pricing.CheckGuard(g, tc.existing, month(t, "2026-11"))
		if got := fieldOf(err); got != tc.field || (err != nil) != (tc.field != "") {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// later returns the guard as it would begin a month later.
func later(g pricing.Guard) pricing.Guard {
	g.FirstMonth = g.FirstMonth.Next()
	return g
}

// narrow returns the guard as an earlier version that allows one factor.
func narrow(t *testing.T, g pricing.Guard) pricing.Guard {
	g.Min, g.Max, g.Version = dec(t, "1.1"), dec(t, "1.1"), 1
	return g
}

func fieldOf(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Invalid {
		return ""
	}
	return f.Field
}

func TestCheckGuardEnd(t *testing.T) {
	t.Parallel()
	current := month(t, "2026-11")
	endless := pricing.Guard{FirstMonth: month(t, "2026-09")}
	short := pricing.Guard{FirstMonth: month(t, "2026-09"), LastMonth: month(t, "2026-12")}
	for _, tc := range []struct {
		name  string
		guard pricing.Guard
		last  string
		ok    bool
	}{
		{"with the current month", endless, "2026-11", true},
		{"later", endless, "2027-03", true},
		{"with a month that is over", endless, "2026-10", false},
		{"earlier than it would", short, "2026-11", true},
		{"as it does", short, "2026-12", true},
		{"later than it would", short, "2027-01", false},
	} {
		if err := pricing.CheckGuardEnd(tc.guard, month(t, tc.last), current); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// A guard that arrives later leaves what has been sold before alone, and from its
// first month on the rule that names less holds: not the earlier version of the
// same rule, and no factor that nobody has set.
func TestAGuardSuspends(t *testing.T) {
	t.Parallel()
	customer := orgtree.ID{4}
	rules := []pricing.Rule{
		{ID: orgtree.ID{10}, Seller: guarded, Basis: pricing.Upstream, Factor: dec(t, "1.02"), FirstMonth: month(t, "2026-01"), Version: 1},
		{ID: orgtree.ID{11}, Seller: guarded, Selector: pricing.Selector{SKU: "P5"}, Basis: pricing.Upstream, Factor: dec(t, "1.1"), FirstMonth: month(t, "2026-01"), Version: 1},
		{ID: orgtree.ID{12}, Seller: guarded, Selector: pricing.Selector{SKU: "P5"}, Basis: pricing.Upstream, Factor: dec(t, "1.2"), FirstMonth: month(t, "2026-01"), Version: 2},
	}
	guards := []pricing.Guard{{Manager: manager, Seller: guarded, Max: dec(t, "1.15"), FirstMonth: month(t, "2026-12"), LastMonth: month(t, "2027-01")}}
	for i := range rules {
		rules[i].Suspensions = pricing.Suspensions(rules[i], guards, manager)
	}
	if err := pricing.CheckBounds(rules[1]); err != nil {
		t.Error(err)
	}
	if err := pricing.CheckBounds(rules[2]); fieldOf(err) != "factor" {
		t.Errorf("out of bounds: %v", err)
	}
	book := pricing.NewBook(rules)
	for m, want := range map[string]string{"2026-11": "1.2", "2026-12": "1.02", "2027-01": "1.02", "2027-02": "1.2"} {
		won, ok := book.Winner(pricing.Edge{Seller: guarded, Buyer: customer}, pricing.Facts{SKU: "P5"}, month(t, m))
		if !ok || won.Factor.String() != want {
			t.Errorf("%s: %v, want %s", m, won, want)
		}
	}
}

// TestSuspensionsMonthByMonth compares the spans with every guard asked about
// every month.
func TestSuspensionsMonthByMonth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		r := rand.New(rand.NewPCG(77, seed))
		guards := randomGuards(t, r)
		rule := pricing.Rule{
			Seller: guarded, Basis: pick(r, pricing.Source, pricing.Upstream), Factor: factorOf(t, r),
			FirstMonth: month(t, "2026-01") + pricing.Month(r.IntN(6)),
		}
		if r.IntN(2) == 0 {
			rule.LastMonth = rule.FirstMonth + pricing.Month(r.IntN(8))
		}
		spans := pricing.Suspensions(rule, guards, manager)
		for m := month(t, "2025-12"); m < month(t, "2027-06"); m++ {
			held := 0
			for _, s := range spans {
				if s.FirstMonth <= m && (s.LastMonth.IsZero() || m <= s.LastMonth) {
					held++
				}
			}
			if want := rule.InForce(m) && breaks(rule, guards, m); held != 1 && want || held != 0 && !want {
				t.Fatalf("seed %d: %s: in %d spans, breaks %v: %+v of %+v", seed, m, held, want, spans, guards)
			}
		}
	}
}

func randomGuards(t *testing.T, r *rand.Rand) []pricing.Guard {
	var guards []pricing.Guard
	for range r.IntN(6) {
		g := pricing.Guard{
			Manager: pick(r, manager, manager, manager, notGuarded), Seller: pick(r, orgtree.ID{}, guarded, guarded, notGuarded),
			Basis: pick(r, "", pricing.Source, pricing.Upstream), FirstMonth: month(t, "2026-01") + pricing.Month(r.IntN(10)),
		}
		if r.IntN(2) == 0 {
			g.LastMonth = g.FirstMonth + pricing.Month(r.IntN(5))
		}
		if g.Min = factorOf(t, r); r.IntN(2) == 0 {
			g.Min, g.Max = money.Decimal{}, g.Min
		}
		g.Version = pricing.NextGuardVersion(g, guards)
		guards = append(guards, g)
	}
	return guards
}

func factorOf(t *testing.T, r *rand.Rand) money.Decimal {
	return pick(r, dec(t, "1"), dec(t, "1.05"), dec(t, "1.1"), dec(t, "1.15"), dec(t, "1.2"))
}

// breaks reports whether a rule is out of the bounds of a guard that no later
// version of itself replaces.
func breaks(rule pricing.Rule, guards []pricing.Guard, m pricing.Month) bool {
	for _, g := range guards {
		binds := g.Manager == manager && (g.Seller == rule.Seller || g.Seller.IsZero()) && (g.Basis == rule.Basis || g.Basis == "")
		for _, o := range guards {
			replaces := o.Manager == g.Manager && o.Seller == g.Seller && o.Basis == g.Basis && o.Version > g.Version && o.InForce(m)
			binds = binds && !replaces
		}
		if !binds || !g.InForce(m) {
			continue
		}
		if !g.Min.IsZero() && rule.Factor.Cmp(g.Min) < 0 || !g.Max.IsZero() && rule.Factor.Cmp(g.Max) > 0 {
			return true
		}
	}
	return false
}
