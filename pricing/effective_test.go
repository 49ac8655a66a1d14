package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// describe writes an entry as "selector: factor basis by seller | edges".
func describe(e *pricing.EffectiveMultiplier) string {
	s := e.Selector
	named := strings.Join(strings.Fields(fmt.Sprint(s.Provider, " ", s.Service, " ", s.SKU, " ", s.Region, " ", s.ChargeCategory)), "+")
	by := "nobody"
	if e.Rule != nil {
		by = fmt.Sprint(e.Rule.Seller[15])
	}
	edges := ""
	for _, p := range e.Chain {
		edges += fmt.Sprintf(" %d-%d %s %s", p.Edge.Seller[15], p.Edge.Buyer[15], p.Factor(), p.Basis())
		if p.Inherited() {
			edges += " inherited"
		}
	}
	return fmt.Sprintf("%s: %s %s by %s |%s", named, e.Factor(), e.Basis(), by, edges)
}

func effective(t *testing.T, rules []pricing.Rule, chain orgtree.Path) []string {
	t.Helper()
	var all []string
	for _, e := range pricing.NewBook(rules).EffectiveMultipliers(chain, month(t, "2026-08")) {
		all = append(all, describe(&e))
	}
	return all
}

func TestEffectiveMultipliers(t *testing.T) {
	t.Parallel()
	upstream, source := exampleRules(t, pricing.Upstream), exampleRules(t, pricing.Source)
	for _, tc := range []struct {
		name  string
		rules []pricing.Rule
		chain orgtree.Path
		want  []string
	}{
		{"no rule", nil, exampleWay[:3], []string{
			": 1 SOURCE by nobody | 1-2 1 UPSTREAM inherited 2-3 1 UPSTREAM inherited",
		}},
		{"the top seller itself", upstream, exampleWay[:1], []string{
			": 1 SOURCE by nobody |",
		}},
		{"the distributor", source, exampleWay[:2], []string{
			": 1 SOURCE by nobody | 1-2 1 UPSTREAM inherited",
			"AWS: 1.1 SOURCE by 1 | 1-2 1.1 SOURCE",
		}},
		// 1.05 on the source cost of everything leaves nothing of the 1.10 above.
		{"the customer, on the source cost", source, exampleWay, []string{
			": 1.05 SOURCE by 2 | 1-2 1 UPSTREAM inherited 2-3 1.05 SOURCE 3-4 1 UPSTREAM inherited",
			"P5: 1.2 SOURCE by 3 | 1-2 1 UPSTREAM inherited 2-3 1.05 SOURCE 3-4 1.2 SOURCE",
		}},
		{"the customer, on top of prices", upstream, exampleWay, []string{
			": 1.05 UPSTREAM by 2 | 1-2 1 UPSTREAM inherited 2-3 1.05 UPSTREAM 3-4 1 UPSTREAM inherited",
			"AWS: 1.05 UPSTREAM by 2 | 1-2 1.1 UPSTREAM 2-3 1.05 UPSTREAM 3-4 1 UPSTREAM inherited",
			"P5: 1.2 UPSTREAM by 3 | 1-2 1 UPSTREAM inherited 2-3 1.05 UPSTREAM 3-4 1.2 UPSTREAM",
			"AWS+P5: 1.2 UPSTREAM by 3 | 1-2 1.1 UPSTREAM 2-3 1.05 UPSTREAM 3-4 1.2 UPSTREAM",
		}},
		{"another customer of the reseller", source, orgtree.Path{platform, distributor, reseller, {15: 9}}, []string{
			": 1.05 SOURCE by 2 | 1-2 1 UPSTREAM inherited 2-3 1.05 SOURCE 3-9 1 UPSTREAM inherited",
		}},
	} {
		if diff := cmp.Diff(tc.want, effective(t, tc.rules, tc.chain)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestEffectiveMultipliersOfCategoriesAndMonths(t *testing.T) {
	t.Parallel()
	rule := func(seller orgtree.ID, s pricing.Selector, factor, first, last string) pricing.Rule {
		r := span(t, first, last)
		r.Seller, r.Buyer, r.Selector, r.Basis, r.Factor = seller, orgtree.ID{}, s, pricing.Upstream, dec(t, factor)
		return r
	}
	rules := []pricing.Rule{
		rule(platform, pricing.Selector{Provider: "AWS"}, "1.1", "2026-01", ""),
		rule(platform, pricing.Selector{Provider: "Azure"}, "1.5", "2026-01", "2026-07"), // over
		rule(platform, pricing.Selector{Region: "eu"}, "1.6", "2026-09", ""),             // not yet
		rule(distributor, pricing.Selector{ChargeCategory: pricing.Credit}, "0.9", "2026-01", ""),
		rule(distributor, pricing.Selector{ChargeCategory: pricing.Purchase}, "0.8", "2026-01", ""),
	}
	want := []string{
		": 1 SOURCE by nobody | 1-2 1 UPSTREAM inherited 2-3 1 UPSTREAM inherited",
		"Credit: 0.9 UPSTREAM by 2 | 1-2 1 UPSTREAM inherited 2-3 0.9 UPSTREAM",
		"Purchase: 0.8 UPSTREAM by 2 | 1-2 1 UPSTREAM inherited 2-3 0.8 UPSTREAM",
		"AWS: 1.1 UPSTREAM by 1 | 1-2 1.1 UPSTREAM 2-3 1 UPSTREAM inherited",
		"AWS+Purchase: 0.8 UPSTREAM by 2 | 1-2 1.1 UPSTREAM 2-3 0.8 UPSTREAM",
	}
	if diff := cmp.Diff(want, effective(t, rules, exampleWay[:3])); diff != "" {
		t.Error(diff)
	}
}

// Every line is priced as an entry that covers it says.
func TestEffectiveMultipliersCoverEveryLine(t *testing.T) {
	forWorlds(t, 30, func(t *testing.T, w *world, fail func(string, ...any)) {
		book, line := pricing.NewBook(w.rules), w.line()
		prices := book.Prices(w.chain, line.Facts, line.Month)
		got := prices[len(prices)-1]
		for _, e := range book.EffectiveMultipliers(w.chain, line.Month) {
			last := e.Chain[len(e.Chain)-1]
			if last.Anchor == got.Anchor && last.Multiplier.Equal(got.Multiplier) && last.Decider == got.Decider && covers(e.Selector, line.Facts) {
				return
			}
		}
		if got.Decider == nil && line.Facts.ChargeCategory != pricing.Usage && line.Facts.ChargeCategory != pricing.Purchase {
			return // a category that no rule names passes
		}
		fail("no entry says that %+v costs %s × %s", line.Facts, got.Anchor, got.Multiplier)
	})
}

// The entry without a category is there though rules name both that it is for.
func TestEffectiveMultipliersWhereEveryCategoryIsNamed(t *testing.T) {
	t.Parallel()
	rules := []pricing.Rule{span(t, "2026-01", ""), span(t, "2026-01", "")}
	rules[0].Selector.ChargeCategory, rules[1].Selector.ChargeCategory = pricing.Usage, pricing.Purchase
	want := []string{
		": 1 SOURCE by nobody | 1-2 1 UPSTREAM inherited",
		"Purchase: 1.1 SOURCE by 1 | 1-2 1.1 SOURCE",
		"Usage: 1.1 SOURCE by 1 | 1-2 1.1 SOURCE",
	}
	if diff := cmp.Diff(want, effective(t, rules, exampleWay[:2])); diff != "" {
		t.Error(diff)
	}
}

func covers(s pricing.Selector, f pricing.Facts) bool {
	fits := func(named, fact string) bool { return named == "" || named == fact }
	if s.ChargeCategory == "" && f.ChargeCategory != pricing.Usage && f.ChargeCategory != pricing.Purchase {
		return false
	}
	return fits(s.Provider, f.Provider) && fits(s.Service, f.Service) && fits(s.SKU, f.SKU) &&
		fits(s.Region, f.Region) && fits(string(s.ChargeCategory), string(f.ChargeCategory))
}

// Where the joins would run away the sellers' own selectors are still there.
func TestEffectiveMultipliersAreBounded(t *testing.T) {
	t.Parallel()
	var rules []pricing.Rule
	for i, seller := range exampleWay[:3] {
		for n := range 60 {
			r := pricing.Rule{Seller: seller, Basis: pricing.Upstream, Factor: money.FromInt(2), FirstMonth: firstMonth, Version: 1}
			*[]*string{&r.Selector.Provider, &r.Selector.Service, &r.Selector.Region}[i] = fmt.Sprint("name", n)
			rules = append(rules, r)
		}
	}
	entries := pricing.NewBook(rules).EffectiveMultipliers(exampleWay, firstMonth)
	if len(entries) != 1+3*60 {
		t.Errorf("%d entries", len(entries))
	}
}
