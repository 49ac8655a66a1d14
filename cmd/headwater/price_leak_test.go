package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/resolvers"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// twin is one of two worlds that a viewer must not be able to tell apart. Both
// come from the same seed and have the same ids and clock. They differ in a secret:
//
//   - "cost": the provider charges several times as much, and the platform sells at
//     a factor that is as many times less. Nobody sells on the provider's cost, which
//     is closed to them; whoever may sell on it can always divide.
//   - "edge": what a seller asks of a buyer, who sells at factors of the provider's
//     cost or list, so that nobody below pays another price.
//   - "meter": what a unit costs that northwind meters its own machines in, which it
//     sells at a factor that is as many times less, while nobody below sells on what
//     it costs.
//   - "sibling": how much an organization uses, at which prices it sells, and which
//     totals and budgets it has.
type twin struct {
	*world
	sent    *tally
	random  *rand.Rand
	parents map[string]string
	owners  map[string]string
	// slugs are the organizations, those above first.
	slugs  []string
	second bool
	// secret is what differs, buyer whose price or usage, seller who asks it.
	secret, buyer, seller string
	// times is how many times the provider's cost, or northwind's unit, is more in the
	// second world.
	times int64
}

// newTwin grows a random tree and settles what is bought and sold in it.
func newTwin(t *testing.T, url string, seed uint64, second bool) *twin {
	t.Helper()
	db, sent := counted(t, url)
	// A world that remembers reads the journal now and then, which would be counted.
	w := &twin{world: newForgetfulWorld(t, db), sent: sent, random: rand.New(rand.NewPCG(seed, 2)), second: second}
	w.parents = map[string]string{"northwind": "platform", "southgate": "platform", "fjord": "northwind", "acme": "northwind", "bravo": "northwind", "cove": "fjord"}
	w.owners = map[string]string{"northwind": "paula", "southgate": "rita", "fjord": "sven", "acme": "olga", "bravo": "bob", "cove": "cora"}
	w.slugs = []string{"platform", "northwind", "southgate", "fjord", "acme", "bravo", "cove"}
	w.grow(t)
	w.secret = pick(w.random, "cost", "edge", "meter", "sibling")
	w.buyer = pick(w.random, w.slugs[1:]...)
	switch w.seller = w.parents[w.buyer]; w.secret {
	case "cost":
		w.buyer, w.seller = "", "platform"
	case "meter":
		w.buyer, w.seller = "", "northwind"
	}
	w.times = pick(w.random, int64(2), 4, 5, 8)
	w.disclose(t)
	w.offer(t)
	w.sell(t)
	if w.secret == "cost" || w.secret == "meter" {
		w.set(t, w.seller, "billing.source_cost_visible", false) // Who sells on it has set its prices by then.
	}
	w.limit(t)
	for i := range 3 {
		w.use(t, walkMonth().AddDate(0, i-1, 0))
		w.meter(t, walkMonth().AddDate(0, i-1, 0))
	}
	if err := w.platform.services.Allocations.CheckAll(w.system(t)); err != nil {
		t.Fatal(err)
	}
	for _, seller := range w.sellers() {
		w.must(t, "ada", mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": w.ids[seller], "month": monthText(walkMonth().AddDate(0, -1, 0))}})
	}
	w.credit(t)
	return w
}

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// grow adds organizations to the tree.
func (w *twin) grow(t *testing.T) {
	t.Helper()
	above := []string{"platform", "northwind", "southgate", "fjord"}
	for i := range 1 + w.random.IntN(3) {
		slug, owner, parent, kind := fmt.Sprint("twig-", i), fmt.Sprint("owner-", i), pick(w.random, above...), pick(w.random, "PARTNER", "STANDARD")
		w.organization(t, slug, kind, parent, owner)
		w.parents[slug], w.owners[slug], w.slugs = parent, owner, append(w.slugs, slug)
		if kind == "PARTNER" {
			above = append(above, slug)
		}
	}
}

// sellers are the organizations with customers, those above first.
func (w *twin) sellers() []string {
	return slices.DeleteFunc(slices.Clone(w.slugs), func(slug string) bool {
		return !slices.Contains(slices.Collect(maps.Values(w.parents)), slug)
	})
}

// within reports whether an organization is another or below it.
func (w *twin) within(slug, other string) bool {
	for ; slug != ""; slug = w.parents[slug] {
		if slug == other {
			return true
		}
	}
	return false
}

// concerns reports whether an organization may know the secret or learn of it: the
// ends of an edge and, as the price is a warning's business there, those above; of
// what is used, those above; and of prices that change, those below.
func (w *twin) concerns(slug string) bool {
	switch w.secret {
	case "cost":
		return slug == "platform"
	case "meter":
		return w.within("northwind", slug)
	case "edge":
		return slug == w.buyer || w.within(w.seller, slug)
	default:
		return w.within(w.buyer, slug) || w.within(slug, w.buyer)
	}
}

// differs returns one of two values: the second in the second world, if the secret
// is of a kind and about the organization.
func (w *twin) differs(secret, slug, first, second string) string {
	if w.second && w.secret == secret && w.buyer == slug {
		return second
	}
	return first
}

// disclose lets sellers show their prices, but for the one whose price is secret.
func (w *twin) disclose(t *testing.T) {
	t.Helper()
	for _, seller := range w.sellers() {
		shown := pick(w.random, "NONE", "FACTOR", "CHAIN")
		if seller == w.seller {
			shown = "NONE"
		}
		w.set(t, seller, "billing.visible_to_customer", shown)
	}
}

func (w *twin) set(t *testing.T, slug, key string, value any) {
	t.Helper()
	w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids[slug], "key": key, "value": value}})
}

// sell sets prices on every edge, some for a part of the charges alone, and bounds of
// them, taxes, discounts, and vouchers that are redeemed.
func (w *twin) sell(t *testing.T) {
	t.Helper()
	for _, buyer := range w.slugs[1:] {
		w.price(t, buyer, nil, "2.75")
		if w.random.IntN(2) == 0 {
			w.price(t, buyer, pick(w.random, map[string]any{"service": "compute"}, map[string]any{"provider": "AWS", "sku": "large"}, map[string]any{"region": "eu"}), "3.25")
		}
	}
	for _, seller := range w.sellers() {
		w.must(t, "ada", mutation("createTaxRate", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "name": "VAT", "percent": pick(w.random, "7", "19"), "firstMonth": "2026-08",
		}})
		w.must(t, "ada", mutation("createDiscount", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "description": "less", "percent": pick(w.random, "3", "10"), "firstMonth": "2026-08", "lastMonth": "2031-01", "reason": "because",
		}})
		if manager := w.parents[seller]; manager != "" {
			w.must(t, "ada", mutation("setPriceGuard", "clientMutationId"), map[string]any{"i": map[string]any{
				"managerId": w.ids[manager], "sellerId": w.ids[seller], "max": pick(w.random, "1.4", "9"), "reason": "because",
			}})
		}
		answer := w.must(t, "ada", mutation("createVoucher", "code"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "description": "a present", "percent": pick(w.random, "1", "2"),
		}})
		for _, buyer := range w.slugs[1:] {
			if w.parents[buyer] == seller && w.random.IntN(2) == 0 {
				w.must(t, w.owners[buyer], mutation("addPaymentMethod", "clientMutationId"), map[string]any{"i": map[string]any{
					"organizationId": w.ids[buyer], "processor": "stripe", "kind": "CARD", "reference": "card-of-" + buyer, "label": "account",
				}})
				w.must(t, w.owners[buyer], mutation("redeemVoucher", "clientMutationId"), map[string]any{"i": map[string]any{
					"organizationId": w.ids[buyer], "code": dig(answer, "createVoucher.code"),
				}})
			}
		}
	}
}

// price sets what a buyer pays for all charges or those of a selector. Where the price
// is secret it is another one in the second world.
func (w *twin) price(t *testing.T, buyer string, selector map[string]any, other string) {
	t.Helper()
	seller := w.parents[buyer]
	factor := money.New(101+w.random.Int64N(99), 2)
	basis := pick(w.random, "SOURCE", "UPSTREAM", "LIST")
	switch {
	case w.secret == "cost" && seller == "platform":
		basis = "UPSTREAM"
		if w.second {
			factor = factor.Div(w.times, 6)
		}
	case w.secret == "meter" && w.within(seller, "northwind"):
		basis = "UPSTREAM"
	case w.secret == "cost" && basis == "SOURCE", w.secret == "edge" && seller == w.buyer && basis == "UPSTREAM":
		basis = "LIST"
	}
	text := w.differs("edge", buyer, factor.String(), other)
	text = w.differs("sibling", seller, text, "2.5")
	input := map[string]any{
		"sellerId": w.ids[seller], "buyerId": w.ids[buyer], "factor": text, "basis": basis, "firstMonth": "2026-08", "reason": "because",
	}
	if selector != nil {
		input["selector"] = selector
	}
	w.must(t, "ada", mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": input})
}

// offer has northwind meter its own machines, and sell them at prices of their own.
func (w *twin) offer(t *testing.T) {
	t.Helper()
	rate, factor := money.New(40, 2), money.New(13, 1) // which no guard suspends
	if w.second && w.secret == "meter" {
		rate, factor = rate.Mul(money.New(w.times, 0)), factor.Div(w.times, 6)
	}
	answer := w.must(t, "ada", mutation("createBillingUnit", "billingUnit { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids["northwind"], "name": "hours", "currency": "USD", "rate": rate.String(),
	}})
	w.must(t, "ada", mutation("createSku", "clientMutationId"), map[string]any{"i": map[string]any{
		"billingUnitId": dig(answer, "createBillingUnit.billingUnit.id"), "code": "node", "name": "node", "type": "machine", "subtype": "hour", "rate": "1.25",
	}})
	for _, buyer := range w.slugs {
		if w.parents[buyer] == "northwind" {
			w.must(t, "ada", mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
				"sellerId": w.ids["northwind"], "buyerId": w.ids[buyer], "factor": factor.String(), "basis": "UPSTREAM", "firstMonth": "2026-08", "reason": "because",
				"selector": map[string]any{"provider": "Metering"},
			}})
		}
	}
}

// meter records what those below northwind used of its machines in a month.
func (w *twin) meter(t *testing.T, month time.Time) {
	t.Helper()
	var events []map[string]any
	for _, slug := range w.slugs {
		if !w.within(slug, "northwind") {
			continue
		}
		quantity := money.New(10+w.random.Int64N(990), 1)
		if w.differs("sibling", slug, "", "more") != "" {
			quantity = quantity.Add(money.New(3, 0))
		}
		start := month.AddDate(0, 0, w.random.IntN(15))
		events = append(events, map[string]any{
			"idempotencyKey": monthText(month) + slug, "sku": "node", "quantity": quantity.String(), "organizationId": w.ids[slug],
			"startedAt": start.Format(time.RFC3339), "endedAt": start.Add(time.Hour).Format(time.RFC3339),
		})
	}
	w.must(t, "ada", mutation("recordUsage", "recordedCount"), map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "events": events}})
}

// credit takes something of some statements back.
func (w *twin) credit(t *testing.T) {
	t.Helper()
	statements := one(t, func() ([]*ent.Statement, error) {
		return w.platform.db.Client().Statement.Query().Order(ent.Asc(statement.FieldID)).All(w.system(t))
	})
	for _, s := range statements {
		if w.random.IntN(3) == 0 {
			w.must(t, "ada", mutation("issueCreditNote", "clientMutationId"), map[string]any{"i": map[string]any{
				"statementId": typeid.New(typeid.Statement, s.ID).String(), "lines": []map[string]any{{"reason": "a favour", "amount": "1"}},
			}})
		}
	}
}

// limit says how much organizations may use, and how much they mean to.
func (w *twin) limit(t *testing.T) {
	t.Helper()
	for _, slug := range w.slugs[1:] {
		w.must(t, "ada", mutation("createThreshold", "clientMutationId"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "name": "early", "percent": w.differs("sibling", slug, "1", "2"), "severity": "ALERT",
		}})
		for _, author := range []string{slug, w.parents[slug]} {
			w.must(t, "ada", mutation("setAllocation", "clientMutationId"), map[string]any{"i": map[string]any{
				"scopeId": w.ids[slug], "authorId": w.ids[author], "total": w.differs("sibling", slug, "10000", "20000"), "unit": "USD", "period": "MONTH",
			}})
		}
		if w.within(slug, "northwind") {
			w.must(t, "ada", mutation("setAllocation", "clientMutationId"), map[string]any{"i": map[string]any{
				"scopeId": w.ids[slug], "total": w.differs("sibling", slug, "100", "200"), "unit": "hours", "period": "MONTH",
			}})
		}
		w.must(t, "ada", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "amount": w.differs("sibling", slug, "300", "400"),
		}})
		w.must(t, "ada", mutation("addBudgetAlert", "clientMutationId"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "percent": w.differs("sibling", slug, "50", "60"), "emails": []string{"ops@" + slug + ".test"},
		}})
		project := w.must(t, "ada", mutation("createProject", "project { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids[slug], "name": "apollo"}})
		w.must(t, w.owners[slug], mutation("registerResource", "clientMutationId"), map[string]any{"i": map[string]any{
			"projectId": dig(project, "createProject.project.id"), "kind": "cluster", "name": "one",
			"estimate": map[string]any{"amount": w.differs("sibling", slug, "5", "6"), "unit": "USD"},
		}})
	}
}

// use imports usage of everybody in a month. It tells the provider's cost in every
// column that does.
func (w *twin) use(t *testing.T, month time.Time) {
	t.Helper()
	var file bytes.Buffer
	rows := one(t, func() (*focus.Writer, error) { return focus.NewWriter(&file, focus.WriterOptions{}) })
	mappings := []map[string]any{}
	for _, slug := range w.slugs {
		mappings = append(mappings, map[string]any{"subAccountId": "account-of-" + slug, "organizationId": w.ids[slug]})
		for i := range 2 + w.random.IntN(3) {
			row := w.charge(t, month.AddDate(0, 0, 2*i), slug)
			row.BillingPeriodStart, row.BillingPeriodEnd, row.BillingAccountID = month, month.AddDate(0, 1, 0), "payer"
			if w.random.IntN(3) == 0 {
				row.BillingAccountID, row.BillingCurrency = "payer in Europe", "EUR"
			}
			row.ServiceName, row.SKU = pick(w.random, "compute", "storage"), pick(w.random, "small", "large")
			cost, list := money.New(100+w.random.Int64N(9900), 2), money.New(10_000+w.random.Int64N(9900), 2)
			if w.differs("sibling", slug, "", "more") != "" {
				cost, list = cost.Add(money.New(7, 0)), list.Add(money.New(9, 0))
			}
			if w.second && w.secret == "cost" {
				cost = cost.Mul(money.New(w.times, 0))
			}
			row.BilledCost, row.ListCost, row.EffectiveCost, row.ContractedCost = cost, focus.Some(list), focus.Some(cost), focus.Some(cost)
			row.ChargeDescription = "USD " + cost.String() + " per hour"
			if err := rows.Write(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	w.must(t, "ada", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["platform"], "mappings": mappings}})
	if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "platform"), &file, usage.Options{}); err != nil {
		t.Fatal(err)
	}
}

// question is what a viewer asks: a document with variables, or an export.
type question struct {
	document  string
	variables map[string]any
	export    url.Values
}

// battery returns what a viewer asks about everybody: all fields that there are,
// as the schema says, each that is refused to some also alone; every report, files,
// the nodes of others by their ids, and changes, most of which are refused.
func (w *twin) battery(t *testing.T, k *walk, random *rand.Rand, slug string) []question {
	t.Helper()
	var all []question
	ask := func(document string, variables map[string]any) {
		all = append(all, question{document: document, variables: variables})
	}
	others := slices.Clone(w.slugs)
	random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for i, of := range append([]string{slug}, others[:4]...) {
		id := map[string]any{"id": w.ids[of]}
		for _, document := range k.documents("Organization") {
			ask(document, id)
		}
		for _, f := range k.schema.Types["Organization"].Fields {
			if k.visibility.of("Organization."+f.Name).refuses() && (i == 0 || random.IntN(3) == 0) {
				ask(fmt.Sprintf("query($id: ID!) { node(id: $id) { ... on Organization { %s } } }", k.field("Organization", f, map[string]int{}, 3)), id)
			}
		}
		ask(`query($id: ID!) { node(id: $id) { ... on Organization { budget { alerts { percent } }
			projects(first: 5) { edges { node { resources(first: 5) { edges { node { estimate { amount unit } } } } } } }
		} } }`, id)
		w.askCosts(random, of, ask)
		ask(`query($id: ID!) { spendState(scopeId: $id) { state headroom { amount } decidedBy { organization { id } } } }`, id)
		ask(`query($id: ID!) { checkLaunch(scopeId: $id, provider: "aws", instanceType: "m5.large", count: 1) { allowed } }`, id)
		for _, format := range []string{"csv", "focus"} {
			all = append(all, question{export: url.Values{"organizationId": {w.ids[slug]}, "customerId": {w.ids[of]}, "month": {"2026-10"}, "format": {format}}})
		}
	}
	w.askNodes(t, k, random, ask)
	w.change(random, slug, ask)
	return all
}

// askCosts asks for reports and lines of an organization.
func (w *twin) askCosts(random *rand.Rand, of string, ask func(string, map[string]any)) {
	for _, perspective := range []string{"BUY", "SELL", "MARGIN"} {
		for _, by := range []string{"ORGANIZATION", "CUSTOMER", pick(random, "GROUP", "PROJECT", "USER", "PROVIDER", "SERVICE", "SKU", "REGION"), "TAG"} {
			ask(`query($id: ID!, $p: CostPerspective, $by: CostGroupBy, $tag: String, $where: CostWhereInput, $from: Time!, $to: Time!, $every: CostInterval!, $n: Int) {
				node(id: $id) { ... on Organization { costs(from: $from, to: $to, interval: $every, perspective: $p, groupBy: $by, tagKey: $tag, where: $where) {
					total { amount currency } otherTotals { amount currency } previousTotal { amount } forecast { amount }
					rows(first: $n) { key label total { amount } previousTotal { amount } series { start amount } } other(first: $n) { amount }
				} } } }`,
				map[string]any{
					"id": w.ids[of], "p": perspective, "by": by, "tag": map[bool]any{true: "tag"}[by == "TAG"], "n": 1 + random.IntN(5), "every": pick(random, "DAY", "MONTH", "NONE"),
					"from": pick(random, "2026-09-01T00:00:00Z", "2026-11-01T00:00:00Z"), "to": "2026-12-01T00:00:00Z",
					"where": pick(random, nil, map[string]any{"services": []string{"compute"}}, map[string]any{"organizationIds": []string{w.ids[pick(random, w.slugs...)]}}),
				})
		}
	}
	for _, month := range []string{"2026-09", "2026-11"} {
		ask(`query($id: ID!, $m: Month!) { node(id: $id) { ... on Organization {
			costLines(month: $m, first: 100) { totalCount pageInfo { endCursor } edges { cursor node {
				id description organization { id name } amount { amount currency } priceChain { seller { id } buyer { id } factor basis inherited } } } }
			effectiveBillingMultipliers(month: $m) { factor basis source { level organization { id } billingMultiplier { id factor } } chain { seller { id } buyer { id } factor basis inherited } }
		} } }`, map[string]any{"id": w.ids[of], "m": month})
	}
}

// askNodes asks for things by their ids, whoever's they are, and for files.
func (w *twin) askNodes(t *testing.T, k *walk, random *rand.Rand, ask func(string, map[string]any)) {
	t.Helper()
	things := census(t, w.world)
	kinds := []string{"Statement", "BillingMultiplier", "Allocation", "Threshold", "TaxRate", "Discount", "Voucher", "CreditNote", "PriceGuard", "BillingUnit", "UsageEvent", "UsageImport", "CostLine"}
	for _, id := range slices.Sorted(maps.Keys(things)) {
		kind := things[id].kind
		if !slices.Contains(kinds, kind) || k.schema.Types[kind] == nil || kind != "Statement" && random.IntN(4) > 0 {
			continue
		}
		for _, document := range k.documents(kind) {
			ask(document, map[string]any{"id": id})
		}
		if kind == "Statement" {
			ask(`query($id: ID!) { node(id: $id) { ... on Statement { pdf: document(format: PDF) { fileName content } csv: document(format: CSV) { fileName content } } } }`, map[string]any{"id": id})
		}
	}
}

// change plans and sets prices and limits of others and of one's own, in open and
// in closed months.
func (w *twin) change(random *rand.Rand, slug string, ask func(string, map[string]any)) {
	for _, buyer := range w.slugs[1:] {
		seller := w.parents[buyer]
		if seller != slug && random.IntN(3) > 0 {
			continue
		}
		input := map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "buyerId": w.ids[buyer], "factor": pick(random, "0.01", "0.9", "1.7"), "basis": pick(random, "SOURCE", "UPSTREAM", "LIST"),
			"firstMonth": pick(random, "2026-09", "2026-11", "2026-12"), "reason": "because",
		}}
		ask(mutation("planBillingMultiplier", `plan { digest month deltaCount deltas { organization { id } role before { amount } after { amount } marginBefore { amount } marginAfter { amount } }
			warnings { code message organization { id } amount { amount } } }`), input)
		ask(mutation("setBillingMultiplier", "billingMultiplier { id factor version } warnings { code message organization { id } amount { amount } }"), input)
		ask(mutation("setPriceGuard", "priceGuard { id }"), map[string]any{"i": map[string]any{"managerId": w.ids[seller], "sellerId": w.ids[buyer], "max": "1.05"}})
		ask(mutation("setAllocation", "allocation { used { amount } headroom { amount } state }"), map[string]any{"i": map[string]any{
			"scopeId": w.ids[buyer], "total": "1", "unit": "USD", "period": "YEAR",
		}})
		ask(mutation("closeBillingMonth", "statementCount statements { number total { amount } }"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "month": pick(random, "2026-09", "2026-10", "2026-11"),
		}})
	}
}

// What a world numbers as it goes: ids, cursors and moments of the test's clock,
// which counts how often it was read. A secret may move them, as other people's work
// does.
var (
	numbered = regexp.MustCompile(`\b[a-z]+_[0-9a-z]{26}\b|"(?:cursor|startCursor|endCursor)":"[^"]*"`)
	moments  = regexp.MustCompile(`:\d\d(\.\d+)?Z`)
)

// mask names what a world numbers by the order in which the viewer meets it.
func mask(text string, met map[string]string) string {
	text = numbered.ReplaceAllStringFunc(text, func(found string) string {
		if met[found] == "" {
			met[found] = fmt.Sprintf("<%d>", len(met))
		}
		return met[found]
	})
	return moments.ReplaceAllString(text, ":00Z")
}

// answers asks everything and returns what comes back, with the statements that each
// question took: how long an answer takes depends on them.
func (w *twin) answers(t *testing.T, slug string, questions []question) []string {
	t.Helper()
	var all []string
	met := map[string]string{}
	for _, q := range questions {
		w.sent.take()
		var text string
		if q.export != nil {
			response, content := w.fetch(t, w.owners[slug], q.export)
			text = fmt.Sprint(response.StatusCode, " ", content)
		} else {
			text = string(w.askWith(t, w.owners[slug], q.document, q.variables))
		}
		for _, failure := range []string{`"INTERNAL"`, `"GRAPHQL_VALIDATION_FAILED"`, `"COMPLEXITY_LIMIT_EXCEEDED"`} {
			if strings.Contains(text, failure) {
				t.Fatalf("%s asks %s: %.2000s", slug, brief(q.document), text)
			}
		}
		sent := w.sent.take()
		slices.Sort(sent)
		asked := fmt.Sprint(brief(q.document), q.variables, q.export)
		all = append(all, mask(asked+"\n"+text, met)+"\n"+strings.Join(sent, "\n"))
	}
	return all
}

// TestNoAnswerTellsAnothersPrice compares twins: two worlds that differ in what a
// viewer must not learn, and in nothing that they may. To every question they are
// answered the same, and at the same cost in statements. What the
// platform itself and the organizations of the secret are told does differ, or
// nothing was compared.
func TestNoAnswerTellsAnothersPrice(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	asked := &amountsAsked{schema: resolvers.NewSchema(&resolvers.Resolver{}).Schema(), fields: map[string]bool{}, documents: map[string]bool{}}
	same := t.Run("twins", func(t *testing.T) {
		for name, d := range map[string]struct {
			open   func(testing.TB) string
			worlds int
		}{"sqlite": {dbtest.SQLiteURL, 80}, "postgres": {dbtest.PostgresURL, 20}} {
			for i := range uint64(effort.Cases(d.worlds)) {
				t.Run(fmt.Sprint(name, " ", i), func(t *testing.T) {
					t.Parallel()
					compareTwins(t, asked, seed+i, func() string { return d.open(t) })
				})
			}
		}
	})
	if same {
		asked.checkAll(t)
	}
}

// amountsAsked are the fields that tell an amount which the questions have asked for.
type amountsAsked struct {
	schema    *ast.Schema
	mu        sync.Mutex
	fields    map[string]bool
	documents map[string]bool
}

// amount reports whether a field tells one.
func amount(f *ast.FieldDefinition) bool {
	return slices.Contains([]string{"Money", "Quantity", "Decimal"}, f.Type.Name())
}

// add notes what a document asks for.
func (a *amountsAsked) add(t *testing.T, document string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.documents[document] || document == "" {
		return
	}
	a.documents[document] = true
	query, err := gqlparser.LoadQueryWithRules(a.schema, document, rules.NewDefaultRules())
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	for _, operation := range query.Operations {
		a.walk(operation.SelectionSet)
	}
}

func (a *amountsAsked) walk(set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if amount(s.Definition) {
				a.fields[s.ObjectDefinition.Name+"."+s.Name] = true
			}
			a.walk(s.SelectionSet)
		case *ast.InlineFragment:
			a.walk(s.SelectionSet)
		}
	}
}

// checkAll wants that every amount that the schema tells was asked for.
func (a *amountsAsked) checkAll(t *testing.T) {
	t.Helper()
	for _, kind := range a.schema.Types {
		for _, f := range kind.Fields {
			name := kind.Name + "." + f.Name
			if kind.Kind == ast.Object && amount(f) && !a.fields[name] {
				t.Errorf("nobody has asked for %s", name)
			}
		}
	}
}

// compareTwins has two viewers ask in both of two worlds.
func compareTwins(t *testing.T, asked *amountsAsked, seed uint64, open func() string) {
	t.Helper()
	first, second := newTwin(t, open(), seed, false), newTwin(t, open(), seed, true)
	k := &walk{visibility: newVisibility(t), schema: resolvers.NewSchema(&resolvers.Resolver{}).Schema(), asked: map[string][]string{}}
	about := fmt.Sprintf("seed %d: the %s of %q from %q", seed, first.secret, first.buyer, first.seller)
	for _, w := range []*twin{first, second} {
		w.owners["platform"] = "ada"
	}
	viewers := slices.DeleteFunc(slices.Clone(first.slugs), first.concerns)
	first.random.Shuffle(len(viewers), func(i, j int) { viewers[i], viewers[j] = viewers[j], viewers[i] })
	for _, viewer := range viewers[:min(2, len(viewers))] {
		questions := func(w *twin) []question { return w.battery(t, k, rand.New(rand.NewPCG(seed, 3)), viewer) }
		for _, q := range questions(first) {
			asked.add(t, q.document)
		}
		want, got := first.answers(t, viewer, questions(first)), second.answers(t, viewer, questions(second))
		for i := range want {
			if diff := cmp.Diff(want[i], got[i]); diff != "" {
				t.Fatalf("%s is told to %s: %.4000s", about, viewer, diff)
			}
		}
	}
	questions := func(w *twin) []question { return w.battery(t, k, rand.New(rand.NewPCG(seed, 3)), "platform") }
	if slices.Equal(first.answers(t, "platform", questions(first)), second.answers(t, "platform", questions(second))) {
		t.Errorf("%s is the same in both worlds", about)
	}
}
