package pricing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// forWorlds runs the check in many random worlds; a failure names the seed.
func forWorlds(t *testing.T, stream uint64, check func(t *testing.T, w *world, fail func(format string, args ...any))) {
	t.Helper()
	t.Parallel()
	for seed := range uint64(effort.Cases(20_000)) {
		check(t, newWorld(stream, seed), func(format string, args ...any) {
			t.Helper()
			t.Fatalf("stream %d, seed %d: %s", stream, seed, fmt.Sprintf(format, args...))
		})
	}
}

func rate(t testing.TB, book *pricing.Book, chain orgtree.Path, line pricing.Line) []pricing.Rated {
	t.Helper()
	rated, err := book.Rate(nil, chain, &line)
	if err != nil {
		t.Fatal(err)
	}
	return rated
}

// text is everything about rated lines that is stored.
func text(rated []pricing.Rated) string {
	var s string
	for _, r := range rated {
		rule := "inherited"
		if !r.Price.Inherited() {
			rule = fmt.Sprintf("rule %x", r.Price.Rule.ID)
		}
		s += fmt.Sprintf("%x>%x %s %s %s\n", r.Price.Edge.Seller, r.Price.Edge.Buyer, r.Amount, r.Price.Factor(), rule)
	}
	return s
}

// slowAmounts rates by the slow selection, exactly and one edge at a time.
func slowAmounts(rules []pricing.Rule, chain orgtree.Path, line pricing.Line) []money.Decimal {
	var amounts []money.Decimal
	exact := line.SourceCost
	for i := range len(chain) - 1 {
		if r := slowWinner(rules, chain[i], chain[i+1], &line); r != nil {
			exact = map[pricing.Basis]money.Decimal{"SOURCE": line.SourceCost, "UPSTREAM": exact, "LIST": line.ListCost}[r.Basis].Mul(r.Factor)
		}
		amounts = append(amounts, exact.Round(18))
	}
	return amounts
}

func TestAmountsAgreeWithSlowRating(t *testing.T) {
	forWorlds(t, 20, func(t *testing.T, w *world, fail func(string, ...any)) {
		book, line := pricing.NewBook(w.rules), w.line()
		for i, want := range slowAmounts(w.rules, w.chain, line) {
			if got := rate(t, book, w.chain, line)[i].Amount; !got.Equal(want) {
				fail("edge %d: got %s, want %s", i, got, want)
			}
		}
	})
}

func TestMarginsTelescope(t *testing.T) {
	forWorlds(t, 21, func(t *testing.T, w *world, fail func(string, ...any)) {
		book := pricing.NewBook(w.rules)
		var charges []pricing.Charge
		var cost, price money.Decimal
		for range 1 + w.rng.IntN(4) {
			c := pricing.Charge{Chain: w.chain, Line: w.line()}
			charges = append(charges, c)
			rated := rate(t, book, c.Chain, c.Line)
			cost = cost.Add(c.Line.SourceCost)
			price = price.Add(rated[len(rated)-1].Amount)
		}
		margins, err := book.Margins(slices.Values(charges))
		if err != nil || len(margins) != len(w.chain)-1 {
			fail("%d margins, %v", len(margins), err)
		}
		var sum money.Decimal
		for i, m := range margins { // by the sellers' ids, which is down the chain
			sum = sum.Add(m.Amount())
			if i > 0 && !m.Cost.Equal(margins[i-1].Revenue) {
				fail("tier %d pays %s, its seller takes %s", i, m.Cost, margins[i-1].Revenue)
			}
		}
		if !margins[0].Cost.Equal(cost) || !sum.Equal(price.Sub(cost)) {
			fail("margins add up to %s, the customer pays %s for a source cost of %s", sum, price, cost)
		}
	})
}

// Whatever a change of prices does, what the tiers gain is what the last one pays
// more, and who is left out of the deltas neither pays nor takes anything else.
func TestDeltasTelescope(t *testing.T) {
	forWorlds(t, 24, func(t *testing.T, w *world, fail func(string, ...any)) {
		line := w.line()
		charges := []pricing.Charge{{Chain: w.chain, Line: line}}
		margins := func(rules []pricing.Rule) []pricing.Margin {
			list, err := pricing.NewBook(rules).Margins(slices.Values(charges))
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		before, after := margins(w.rules), margins(append(slices.Clip(w.rules), w.rule()))
		differing := map[orgtree.ID]bool{}
		var gained, paid money.Decimal
		for _, d := range pricing.Deltas(before, after) {
			differing[d.Organization] = true
			if d.Organization == w.chain.Leaf() {
				paid = paid.Add(d.After.Paid).Sub(d.Before.Paid)
				continue
			}
			gained = gained.Add(d.After.Margin()).Sub(d.Before.Margin())
		}
		if !gained.Equal(paid) {
			fail("the tiers gain %s, the customer pays %s more", gained, paid)
		}
		for i, m := range after {
			if !m.Revenue.Equal(before[i].Revenue) && (!differing[m.Edge.Seller] || !differing[m.Edge.Buyer]) {
				fail("edge %d costs %s and then %s, and its ends do not differ", i, before[i].Revenue, m.Revenue)
			}
			if m.Revenue.Equal(before[i].Revenue) && m.Cost.Equal(before[i].Cost) && differing[m.Edge.Buyer] && i == len(after)-1 {
				fail("the customer pays the same and differs")
			}
		}
	})
}

func TestUpstreamIsTheProductOfTheFactors(t *testing.T) {
	forWorlds(t, 22, func(t *testing.T, w *world, fail func(string, ...any)) {
		for i := range w.rules {
			w.rules[i].Basis = pricing.Upstream
		}
		line := w.line()
		want := line.SourceCost
		for i, r := range rate(t, pricing.NewBook(w.rules), w.chain, line) {
			if rule := slowWinner(w.rules, w.chain[i], w.chain[i+1], &line); rule != nil {
				want = want.Mul(rule.Factor)
			}
			if !r.Price.Exact(&line).Equal(want) || !r.Amount.Equal(want.Round(18)) {
				fail("edge %d: got %s, want %s", i, r.Price.Exact(&line), want)
			}
		}
	})
}

// A rounded amount on one edge must not be what the next edge starts from.
func TestAmountsDoNotComeFromRoundedAmounts(t *testing.T) {
	t.Parallel()
	rules := []pricing.Rule{
		{Seller: platform, Basis: pricing.Upstream, Factor: dec(t, "0.5"), FirstMonth: firstMonth},
		{Seller: distributor, Basis: pricing.Upstream, Factor: dec(t, "2"), FirstMonth: firstMonth},
	}
	line := pricing.Line{Facts: pricing.Facts{ChargeCategory: pricing.Usage}, Month: firstMonth, SourceCost: dec(t, "1e-18")}
	rated := rate(t, pricing.NewBook(rules), exampleWay, line)
	if rated[0].Amount.String() != "0" || rated[1].Amount.String() != "0.000000000000000001" {
		t.Errorf("got %s and %s", rated[0].Amount, rated[1].Amount)
	}
}

// An organization without prices of its own, put between two others, takes the
// buyer's place in the seller's rules and changes nothing below.
func TestPassThroughTierChangesNoPrice(t *testing.T) {
	forWorlds(t, 23, func(t *testing.T, w *world, fail func(string, ...any)) {
		line := w.line()
		at := 1 + w.rng.IntN(len(w.chain)-1)
		tier, buyer := orgtree.ID{0: 7}, w.chain[at]
		rules := slices.Clone(w.rules)
		for i := range rules {
			if rules[i].Seller == w.chain[at-1] && rules[i].Buyer == buyer {
				rules[i].Buyer = tier
			}
		}
		before := rate(t, pricing.NewBook(w.rules), w.chain, line)
		after := rate(t, pricing.NewBook(rules), slices.Insert(slices.Clone(w.chain), at, tier), line)
		for i := range before {
			j := i
			if i >= at-1 {
				j = i + 1
			}
			if !before[i].Amount.Equal(after[j].Amount) {
				fail("edge %d: %s became %s below the new tier", i, before[i].Amount, after[j].Amount)
			}
		}
		if added := after[at]; !added.Price.Inherited() || !added.Amount.Equal(after[at-1].Amount) {
			fail("the new tier sells at %s what it buys at %s", added.Amount, after[at-1].Amount)
		}
	})
}

func TestRatingIsLinear(t *testing.T) {
	forWorlds(t, 24, func(t *testing.T, w *world, fail func(string, ...any)) {
		book := pricing.NewBook(w.rules)
		a, b := w.line(), w.line()
		b.Facts, b.Month = a.Facts, a.Month
		sum, refund := a, a
		sum.SourceCost, sum.ListCost = a.SourceCost.Add(b.SourceCost), a.ListCost.Add(b.ListCost)
		refund.SourceCost, refund.ListCost = a.SourceCost.Neg(), a.ListCost.Neg()
		refunded := rate(t, book, w.chain, refund)
		for i, r := range rate(t, book, w.chain, a) {
			if parts := r.Price.Exact(&a).Add(r.Price.Exact(&b)); !r.Price.Exact(&sum).Equal(parts) {
				fail("edge %d: %s in parts, %s at once", i, parts, r.Price.Exact(&sum))
			}
			if !r.Amount.Add(refunded[i].Amount).IsZero() {
				fail("edge %d: %s is refunded by %s", i, r.Amount, refunded[i].Amount)
			}
		}
	})
}

func TestRulesOfLaterMonthsChangeNoEarlierLine(t *testing.T) {
	forWorlds(t, 25, func(t *testing.T, w *world, fail func(string, ...any)) {
		line := w.line()
		before := text(rate(t, pricing.NewBook(w.rules), w.chain, line))
		rules := slices.Clone(w.rules)
		for range 1 + w.rng.IntN(5) {
			later := w.rule()
			later.FirstMonth = line.Month + 1 + pricing.Month(w.rng.IntN(3))
			later.LastMonth = 0
			later.Version = pricing.NextVersion(later.Subject(), rules)
			rules = append(rules, later)
		}
		for i := range rules { // and every rule may end once the month is over
			if rules[i].LastMonth == 0 && w.rng.IntN(2) == 0 {
				rules[i].LastMonth = max(line.Month, rules[i].FirstMonth)
			}
		}
		if after := text(rate(t, pricing.NewBook(rules), w.chain, line)); after != before {
			fail("before\n%safter\n%s", before, after)
		}
	})
}

func TestRaisingAFactorLowersNoPrice(t *testing.T) {
	raised := 0
	forWorlds(t, 26, func(t *testing.T, w *world, fail func(string, ...any)) {
		if len(w.rules) == 0 {
			return
		}
		line := w.line()
		if line.SourceCost.Sign() < 0 {
			line.SourceCost = line.SourceCost.Neg()
		}
		if line.ListCost.Sign() < 0 {
			line.ListCost = line.ListCost.Neg()
		}
		before := rate(t, pricing.NewBook(w.rules), w.chain, line)
		rules := slices.Clone(w.rules)
		r := &rules[w.rng.IntN(len(rules))]
		r.Factor = r.Factor.Add(w.factor())
		for i, after := range rate(t, pricing.NewBook(rules), w.chain, line) {
			switch after.Amount.Cmp(before[i].Amount) {
			case -1:
				fail("edge %d: %s became %s", i, before[i].Amount, after.Amount)
			case 1:
				raised++
			}
		}
	})
	if raised == 0 {
		t.Error("no price was raised")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	forWorlds(t, 27, func(t *testing.T, w *world, fail func(string, ...any)) {
		lines := make([]pricing.Line, 1+w.rng.IntN(8))
		for i := range lines {
			lines[i] = w.line()
		}
		book := pricing.NewBook(w.rules)
		mixed := slices.Clone(w.rules)
		w.rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		rater := pricing.NewBook(mixed).Rater()
		for range 2 { // the second time from memory
			for _, i := range w.rng.Perm(len(lines)) {
				chain := w.chain[w.rng.IntN(2):] // imported a tier lower, too
				got, err := rater.Rate(nil, chain, &lines[i])
				if want := rate(t, book, chain, lines[i]); err != nil || text(got) != text(want) {
					fail("line %d: %v, got\n%swant\n%s", i, err, text(got), text(want))
				}
			}
		}
	})
}

// A rater meets more lines than it remembers.
func TestRaterForgetsWithoutError(t *testing.T) {
	t.Parallel()
	rules := exampleRules(t, pricing.Upstream)
	rater := pricing.NewBook(rules).Rater()
	line := exampleCharges(t)[0].Line
	var rated []pricing.Rated
	for i := range 40_000 {
		line.Facts.SKU = fmt.Sprint("SKU", i%20_000)
		want := "1155"
		if i%7 == 0 {
			line.Facts.SKU, want = "P5", "1386"
		}
		var err error
		rated, err = rater.Rate(rated[:0], exampleWay, &line)
		if err != nil || rated[2].Amount.String() != want {
			t.Fatalf("line %d: got %v, %v", i, rated, err)
		}
	}
}

func TestAnAmountThatCannotBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	rules := []pricing.Rule{{Seller: platform, Basis: pricing.Upstream, Factor: dec(t, "999999"), FirstMonth: firstMonth}}
	charge := pricing.Charge{Chain: exampleWay, Line: pricing.Line{
		Facts: pricing.Facts{ChargeCategory: pricing.Usage}, Month: firstMonth, SourceCost: dec(t, "1e15"),
	}}
	book := pricing.NewBook(rules)
	if rated, err := book.Rate(nil, charge.Chain, &charge.Line); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("rated %v, %v", rated, err)
	}
	if margins, err := book.Margins(slices.Values([]pricing.Charge{charge})); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("margins %v, %v", margins, err)
	}
}

func TestOwnUsageHasNoEdge(t *testing.T) {
	t.Parallel()
	line := exampleCharges(t)[0].Line
	for _, chain := range []orgtree.Path{nil, {platform}} {
		if rated := rate(t, pricing.NewBook(exampleRules(t, pricing.Source)), chain, line); len(rated) != 0 {
			t.Errorf("chain %v: got %v", chain, rated)
		}
	}
}

func TestMarginsByCurrency(t *testing.T) {
	t.Parallel()
	charges := exampleCharges(t)[:2]
	charges[1].Line.Currency = "EUR"
	charges[1].Chain = exampleWay[:2]
	margins, err := pricing.NewBook(exampleRules(t, pricing.Upstream)).Margins(slices.Values(charges))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range margins {
		got = append(got, fmt.Sprint(m.Edge.Seller[15], m.Currency, " ", m.Amount()))
	}
	if want := []string{"1EUR 50", "1USD 100", "2USD 55", "3USD 231"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLosses(t *testing.T) {
	t.Parallel()
	margins := func(rules []pricing.Rule) []pricing.Margin {
		all, err := pricing.NewBook(rules).Margins(slices.Values(exampleCharges(t)))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	losing := func(before, after []pricing.Rule) []string {
		var all []string
		for _, m := range pricing.Losses(margins(before), margins(after)) {
			all = append(all, fmt.Sprint(m.Edge.Seller[15], m.Amount()))
		}
		return all
	}
	source := exampleRules(t, pricing.Source)
	if got := losing(nil, source); !slices.Equal(got, []string{"2 -65"}) {
		t.Errorf("the example makes %q lose", got)
	}
	if got := losing(source, source); len(got) != 0 {
		t.Errorf("no change makes %q lose", got)
	}
	if got := losing(nil, exampleRules(t, pricing.Upstream)); len(got) != 0 {
		t.Errorf("prices on top of prices make %q lose", got)
	}
	// A platform that raises its price makes the distributor lose, whose own
	// price stands on the source cost.
	dearer := slices.Clone(source)
	dearer[0].Factor = dec(t, "1.30")
	if got := losing(source, dearer); !slices.Equal(got, []string{"2 -365"}) {
		t.Errorf("a dearer platform makes %q lose", got)
	}
	dearer[0].Factor = dec(t, "1.05")
	if got := losing(source, dearer); len(got) != 0 {
		t.Errorf("a cheaper platform makes %q lose", got)
	}
}

func BenchmarkRate(b *testing.B) {
	chain := orgtree.Path{platform, distributor, reseller, customer, {15: 5}}
	book := pricing.NewBook(exampleRules(b, pricing.Upstream))
	lines := make([]pricing.Line, 1000)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range lines {
		lines[i] = exampleCharges(b)[i%4].Line
		lines[i].Facts.SKU = fmt.Sprint("SKU", rng.IntN(100))
		lines[i].SourceCost = money.New(rng.Int64N(1_000_000_000), 11)
	}
	for name, rateOne := range map[string]func([]pricing.Rated, orgtree.Path, *pricing.Line) ([]pricing.Rated, error){
		"book": book.Rate, "rater": book.Rater().Rate,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var rated []pricing.Rated
			i := 0
			for b.Loop() {
				var err error
				if rated, err = rateOne(rated[:0], chain, &lines[i%len(lines)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(len(rated)), "edges")
		})
	}
}
