package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageline"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/typeid"
)

// editing is a world in which months are closed one after the other, while
// everything that may be edited is.
type editing struct {
	*world
	seed   uint64
	random *rand.Rand
	// open is the first month that is not closed.
	open time.Time
	// rules and mappings are what was made on the way, accounts counts what has a
	// name of its own.
	rules, mappings []string
	accounts        int
	// told counts what the edits were answered.
	told map[string]int
}

// TestClosedMonthsDoNotChange makes random edits of prices, mappings, accounts,
// usage, settings and the tree, in open and in closed months. Whatever comes of
// them, statements of closed months stay what they were, to the byte: their rows
// and their documents. And they stay explained by the lines of usage that they sum
// up.
func TestClosedMonthsDoNotChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		e := &editing{world: newWorld(t, db), seed: seed, random: rand.New(rand.NewPCG(seed, 1)), told: map[string]int{}}
		e.open = walkMonth().AddDate(0, -3, 0) // July, and so on to October
		for _, owner := range e.sold() {
			e.mapAccount(t, "account-of-"+owner, owner, "")
		}
		stored := map[string]string{}
		for range 4 {
			e.closeNext(t)
			checkKept(t, e.seed, stored, e.stored(t))
			stored = e.stored(t)
			printed := e.printed(t)
			for range effort.Cases(100) {
				e.edit(t)
				e.jobs(t)
				if diff := cmp.Diff(stored, e.stored(t)); diff != "" {
					t.Fatalf("seed %d: statements of closed months changed: %s", e.seed, diff)
				}
			}
			if diff := cmp.Diff(printed, e.printed(t)); diff != "" {
				t.Fatalf("seed %d: documents of closed months changed: %s", e.seed, diff)
			}
			e.checkExplained(t, fmt.Sprintf("seed %d", seed), monthText(e.open))
		}
		if e.told["y"] == 0 || e.told["PERIOD_CLOSED"] == 0 || e.told["INTERNAL"] > 0 {
			t.Errorf("seed %d: the edits were answered %v", seed, e.told)
		}
	})
}

// sold are the organizations that usage is mapped to.
func (e *editing) sold() []string { return []string{"northwind", "fjord", "acme", "bravo", "cove"} }

func (e *editing) one(of ...string) string { return of[e.random.IntN(len(of))] }

// month is one around the first that is open.
func (e *editing) month() time.Time { return e.open.AddDate(0, e.random.IntN(4)-2, 0) }

func monthText(at time.Time) string { return at.Format("2006-01") }

// closeNext brings usage of the first open month in, rates it at some price and
// closes it, from the top down.
func (e *editing) closeNext(t *testing.T) {
	t.Helper()
	e.bring(t, e.open)
	e.price(t)
	e.jobs(t)
	for _, seller := range []string{"platform", "northwind", "fjord"} {
		e.must(t, "ada", mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": e.ids[seller], "month": monthText(e.open)}})
	}
	e.open = e.open.AddDate(0, 1, 0)
}

// say remembers what an edit was answered and returns it, "y" for yes.
func (e *editing) say(t *testing.T, raw []byte) string {
	t.Helper()
	said, _, _ := strings.Cut(told(t, raw), " ")
	e.told[said]++
	return said
}

// edit changes something.
func (e *editing) edit(t *testing.T) {
	t.Helper()
	switch e.random.IntN(10) {
	case 0, 1, 2:
		e.price(t)
	case 3:
		e.endPrice(t)
	case 4:
		e.mapAccount(t, "account-of-"+e.one(e.sold()...), e.one(e.sold()...), e.one("", monthText(e.month())))
	case 5:
		e.unmap(t)
	case 6, 7:
		e.bring(t, e.month())
	case 8:
		e.account(t)
	default:
		e.organize(t)
	}
}

// price sets a price of somebody.
func (e *editing) price(t *testing.T) {
	t.Helper()
	edges := [][2]string{{"platform", "northwind"}, {"northwind", "acme"}, {"northwind", "fjord"}, {"northwind", ""}, {"fjord", "cove"}, {"fjord", ""}}
	edge := edges[e.random.IntN(len(edges))]
	input := map[string]any{
		"sellerId": e.ids[edge[0]], "factor": fmt.Sprintf("%d.%06d", e.random.IntN(3), 1+e.random.IntN(999_999)),
		"basis": e.one("SOURCE", "UPSTREAM", "LIST"), "firstMonth": monthText(e.month()), "reason": "because",
	}
	if edge[1] != "" {
		input["buyerId"] = e.ids[edge[1]]
	}
	switch e.random.IntN(4) {
	case 0:
		input["selector"] = map[string]any{"service": "service-of-" + e.one(e.sold()...)}
	case 1:
		input["selector"] = map[string]any{"chargeCategory": e.one("CREDIT", "TAX", "USAGE")}
	default:
	}
	raw := e.askWith(t, "ada", mutation("setBillingMultiplier", "billingMultiplier { id }"), map[string]any{"i": input})
	if e.say(t, raw) == "y" {
		e.rules = append(e.rules, idIn(t, raw, "setBillingMultiplier.billingMultiplier.id"))
	}
}

// idIn returns what is at a path of an answer's data.
func idIn(t *testing.T, raw []byte, path string) string {
	t.Helper()
	var answer struct{ Data any }
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return dig(answer.Data, path)
}

func (e *editing) endPrice(t *testing.T) {
	t.Helper()
	if len(e.rules) == 0 {
		return
	}
	e.say(t, e.askWith(t, "ada", mutation("endBillingMultiplier", "billingMultiplier { id }"), map[string]any{"i": map[string]any{
		"id": e.one(e.rules...), "lastMonth": monthText(e.month()), "reason": "because",
	}}))
}

// mapAccount says whose a sub-account of the platform's usage is.
func (e *editing) mapAccount(t *testing.T, account, owner, first string) {
	t.Helper()
	mapping := map[string]any{"subAccountId": account, "organizationId": e.ids[owner]}
	if first != "" {
		mapping["firstMonth"] = first
	}
	raw := e.askWith(t, "ada", mutation("mapUsage", "mappings { id }"), map[string]any{"i": map[string]any{
		"organizationId": e.ids["platform"], "mappings": []any{mapping},
	}})
	if e.say(t, raw) == "y" {
		e.mappings = append(e.mappings, idIn(t, raw, "mapUsage.mappings.0.id"))
	}
}

func (e *editing) unmap(t *testing.T) {
	t.Helper()
	if len(e.mappings) <= len(e.sold()) {
		return
	}
	e.say(t, e.askWith(t, "ada", mutation("deleteUsageMapping", "clientMutationId"), map[string]any{"i": map[string]any{
		"usageMappingId": e.one(e.mappings[len(e.sold()):]...),
	}}))
}

// account makes a cloud account, which maps usage by itself.
func (e *editing) account(t *testing.T) {
	t.Helper()
	e.accounts++
	e.say(t, e.askWith(t, "ada", mutation("createCloudAccount", "cloudAccount { id }"), map[string]any{"i": map[string]any{
		"organizationId": e.ids[e.one(e.sold()...)], "name": fmt.Sprint("account ", e.accounts), "provider": "aws",
		"providerAccountId": e.one(fmt.Sprint("new-", e.accounts), "lost-account"), "importerId": e.ids["platform"],
	}}))
}

// organize changes the tree and its settings.
func (e *editing) organize(t *testing.T) {
	t.Helper()
	switch e.random.IntN(4) {
	case 0:
		e.accounts++
		e.say(t, e.askWith(t, "ada", mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
			"managedById": e.ids[e.one("platform", "northwind", "fjord")], "name": "New", "ownerEmail": fmt.Sprintf("owner@new%d.example", e.accounts),
		}}))
	case 1:
		e.say(t, e.askWith(t, "ada", mutation("setOrganizationKind", "organization { id }"), map[string]any{"i": map[string]any{
			"id": e.ids[e.one("acme", "bravo", "cove", "fjord")], "kind": e.one("PARTNER", "STANDARD"),
		}}))
	case 2:
		slug := e.one("acme", "bravo", "cove")
		e.say(t, e.askWith(t, "ada", mutation("lockOrganization", "organization { id }"), map[string]any{"i": map[string]any{"id": e.ids[slug], "reason": "because"}}))
		e.say(t, e.askWith(t, "ada", mutation("unlockOrganization", "organization { id }"), map[string]any{"i": map[string]any{"id": e.ids[slug]}}))
	default:
		settings := [][2]any{{"billing.currency", "EUR"}, {"billing.chain_mode", "LIST"}, {"billing.rounding", "HALF_UP"}, {"billing.visible_to_customer", "CHAIN"}}
		setting := settings[e.random.IntN(len(settings))]
		e.say(t, e.askWith(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": e.ids[e.one("platform", "northwind", "fjord")], "key": setting[0], "value": setting[1],
		}}))
	}
}

// bring imports a file of usage of a month: charges, credits, corrections of the
// month before and lines in another currency.
func (e *editing) bring(t *testing.T, month time.Time) {
	t.Helper()
	var file bytes.Buffer
	rows := one(t, func() (*focus.Writer, error) { return focus.NewWriter(&file, focus.WriterOptions{}) })
	add := func(slug string, change func(*focus.Row)) {
		row := e.charge(t, month, slug)
		row.BilledCost, row.ListCost = e.amount(), focus.Some(e.amount())
		change(row)
		if err := rows.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	for _, slug := range append(e.sold(), "nobody") {
		for range 1 + e.random.IntN(3) {
			add(slug, func(r *focus.Row) { r.SKU = fmt.Sprint("sku-", e.random.IntN(3)) })
		}
	}
	add("acme", func(r *focus.Row) { r.BillingCurrency = "EUR" })
	add("cove", func(r *focus.Row) { r.ChargeCategory, r.BilledCost = focus.CategoryCredit, r.BilledCost.Neg() })
	add(e.one(e.sold()...), func(r *focus.Row) {
		r.ChargeClass, r.ChargePeriodStart, r.ChargePeriodEnd = focus.ClassCorrection, month.AddDate(0, -1, 0), month.AddDate(0, -1, 1)
		r.BilledCost = r.BilledCost.Neg()
	})
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	e.say(t, e.upload(t, "ada", `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { id } } }`,
		map[string]any{"i": map[string]any{"organizationId": e.ids["platform"], "file": nil}}, "variables.i.file", file.Bytes()))
}

// amount is one with many digits.
func (e *editing) amount() money.Decimal { return money.New(1+e.random.Int64N(1_000_000_000), 7) }

// stored returns every statement with its lines as they are stored.
func (e *editing) stored(t *testing.T) map[string]string {
	t.Helper()
	ctx, client := e.system(t), e.platform.db.Client()
	all := map[string]string{}
	for _, row := range one(t, func() ([]*ent.Statement, error) { return client.Statement.Query().All(ctx) }) {
		all[row.ID.String()] = row.String()
	}
	for _, line := range one(t, func() ([]*ent.StatementLine, error) {
		return client.StatementLine.Query().Order(ent.Asc(statementline.FieldStatementID, statementline.FieldPosition)).All(ctx)
	}) {
		all[line.StatementID.String()] += "\n" + line.String()
	}
	return all
}

// printed returns what the documents of every statement hold.
func (e *editing) printed(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for id := range e.stored(t) {
		node := typeid.New(typeid.Statement, uuid.MustParse(id)).String()
		answer := e.must(t, "ada", `query($id: ID!) { node(id: $id) { ... on Statement {
			number status total { amount currency } lines(first: 100) { edges { node { label amount { amount } } } }
			pdf: document(format: PDF) { fileName content } csv: document(format: CSV) { fileName content }
		} } }`, map[string]any{"id": node})
		if len(dig(answer, "node.pdf.content")) < 1000 || len(dig(answer, "node.csv.content")) < 20 {
			t.Fatalf("seed %d: the documents of %s are %v", e.seed, node, answer)
		}
		all[id] = string(one(t, func() ([]byte, error) { return json.Marshal(answer) }))
	}
	return all
}

// checkKept wants that what was is there as it was, whatever came to it.
func checkKept(t *testing.T, seed uint64, before, after map[string]string) {
	t.Helper()
	for id, text := range before {
		if diff := cmp.Diff(text, after[id]); diff != "" {
			t.Fatalf("seed %d: statement %s changed: %s", seed, id, diff)
		}
	}
}

// checkExplained wants that the lines of every statement add up to its total, and
// exactly to the prices of the usage that it is about; and that all usage of the
// months before the first open one is on a statement.
func (w *world) checkExplained(t *testing.T, which, open string) {
	t.Helper()
	ctx, client := w.system(t), w.platform.db.Client()
	currencies := map[int64]string{}
	for _, line := range one(t, func() ([]*ent.UsageLine, error) {
		return client.UsageLine.Query().Where(usageline.HasDatasetWith(usagedataset.StatusEQ(usagedataset.StatusACTIVE))).All(ctx)
	}) {
		currencies[line.ID] = line.Currency
	}
	type edge struct {
		seller, buyer   uuid.UUID
		month, currency string
	}
	used := map[edge]money.Decimal{}
	for _, r := range one(t, func() ([]*ent.RatedLine, error) {
		return client.RatedLine.Query().Where(ratedline.PositionGT(0), ratedline.HasDatasetWith(usagedataset.StatusEQ(usagedataset.StatusACTIVE))).WithDataset().All(ctx)
	}) {
		if r.Rating == r.Edges.Dataset.Rating {
			key := edge{*r.SellerID, r.BuyerID, r.Month, currencies[r.UsageLineID]}
			used[key] = used[key].Add(decimalOf(t, r.Amount))
		}
	}
	statements := one(t, func() ([]*ent.Statement, error) {
		return client.Statement.Query().Order(ent.Asc(statement.FieldMonth)).All(ctx)
	})
	for _, row := range statements {
		var posted, exact money.Decimal
		lines := client.StatementLine.Query().Where(statementline.StatementID(row.ID))
		for _, line := range one(t, func() ([]*ent.StatementLine, error) { return lines.All(ctx) }) {
			posted, exact = posted.Add(decimalOf(t, line.Amount)), exact.Add(decimalOf(t, line.ExactAmount))
		}
		sum := used[edge{row.SellerID, row.BuyerID, row.Month, row.Currency}]
		if total := decimalOf(t, row.Total); !posted.Equal(total) || !exact.Equal(sum) || !sum.Round(2).Equal(total) {
			t.Errorf("%s: %s: its lines add up to %s, exactly %s, the usage to %s", which, row, posted, exact, sum)
		}
		delete(used, edge{row.SellerID, row.BuyerID, row.Month, row.Currency})
	}
	for key, sum := range used {
		if key.month < open {
			t.Errorf("%s: %s of %v is on no statement", which, sum, key)
		}
	}
	if len(statements) == 0 {
		t.Errorf("%s: there are no statements", which)
	}
}
