package costs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// secret is a number that differs between two worlds that are else the same, and
// whose business it is.
type secret struct {
	// buyer and seller are the ends of the edge that a factor belongs to, or "" and
	// the platform for what the provider charges.
	buyer, seller string
}

// concerns reports whether an organization knows the secret, or may compute it.
func (s secret) concerns(organization string) bool {
	return organization == s.buyer || organization == s.seller || organization == "platform"
}

// forest is a random tree with random prices, the same for the same seed but for
// the secret.
type forest struct {
	*world
	random  *rand.Rand
	parents map[string]string
	names   []string // parents first
	secret  secret
}

// plant grows the tree, sets the prices and imports usage. The value of the secret
// is one of two.
func plant(t *testing.T, db *database.DB, seed uint64, value int) *forest {
	t.Helper()
	f := &forest{
		world: &world{
			t: t, db: db, costs: costs.New(db, records.New(db)),
			ctx:  access.WithViewer(t.Context(), access.SystemViewer("test")),
			orgs: map[string]uuid.UUID{}, groups: map[string]uuid.UUID{}, kinds: map[string]orgtree.Kind{},
		},
		random: rand.New(rand.NewPCG(72, seed)), parents: map[string]string{}, names: []string{"platform"},
	}
	f.grow("platform", "", orgtree.Platform)
	partners := []string{"platform"}
	for i := range 6 {
		name, parent := fmt.Sprint("org-", i), partners[f.random.IntN(len(partners))]
		kind := orgtree.Partner
		if i > 3 {
			kind = orgtree.Standard
		} else {
			partners = append(partners, name)
		}
		f.grow(name, parent, kind)
		f.parents[name] = parent
		f.names = append(f.names, name)
	}
	ofProvider := seed%3 == 0
	f.secret = secret{seller: "platform"}
	if !ofProvider {
		f.secret.buyer = f.names[1+f.random.IntN(len(f.names)-1)]
		f.secret.seller = f.parents[f.secret.buyer]
	}
	f.disclose()
	f.charge(ofProvider, value)
	f.bill(ofProvider, value)
	return f
}

// disclose lets sellers show their prices, but for the one whose factor is secret.
func (f *forest) disclose() {
	for _, name := range f.names[:5] {
		shown := []string{"NONE", "FACTOR", "CHAIN"}[f.random.IntN(3)]
		if name == f.secret.seller {
			shown = "NONE"
		}
		f.set(name, "billing.visible_to_customer", shown)
	}
}

// charge sets a price on every edge. Whoever buys at a secret price sells at a
// factor of the provider's cost or list, and where the provider's cost is secret
// everybody is charged by its list.
func (f *forest) charge(ofProvider bool, value int) {
	for _, buyer := range f.names[1:] {
		seller := f.parents[buyer]
		basis := []pricing.Basis{pricing.Source, pricing.Upstream, pricing.List}[f.random.IntN(3)]
		factor := fmt.Sprintf("1.%03d", f.random.IntN(1000))
		switch {
		case ofProvider && seller == "platform":
			basis = pricing.List
		case ofProvider && basis == pricing.Source, seller == f.secret.buyer && basis == pricing.Upstream:
			basis = pricing.List
		}
		if buyer == f.secret.buyer {
			factor = []string{"1.1", "3.7"}[value]
		}
		_, _, err := rates.New(f.db, records.New(f.db)).Set(f.ctx, rates.NewMultiplier{
			Seller: f.orgs[seller], Buyer: ptr(f.orgs[buyer]), Factor: dec(factor), Basis: &basis, FirstMonth: month("2026-08"),
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// bill imports usage of everybody. It tells the provider's cost in every column
// that does.
func (f *forest) bill(ofProvider bool, value int) {
	var rows []focus.Row
	var mappings []usage.NewMapping
	for _, owner := range f.names {
		mappings = append(mappings, usage.NewMapping{SubAccountID: ptr("account " + owner), OrganizationID: f.orgs[owner]})
		for i := range 4 + f.random.IntN(4) {
			cost := fmt.Sprint(1+f.random.IntN(1000), ".", f.random.IntN(100))
			list := fmt.Sprint(1000+f.random.IntN(1000), ".", f.random.IntN(100))
			category := []string{focus.CategoryUsage, focus.CategoryUsage, focus.CategoryPurchase, focus.CategoryCredit}[f.random.IntN(4)]
			if ofProvider {
				category = focus.CategoryUsage // all else passes at the provider's cost
				cost = []string{cost, "77.5"}[value]
			}
			row := charge{
				cost: cost, list: list, category: category, service: []string{"EC2", "S3"}[f.random.IntN(2)],
				on:   []string{"2026-10-30", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04", "2026-11-10"}[(i+f.random.IntN(2))%6],
				tags: map[string]string{"User": []string{"ada", "max"}[f.random.IntN(2)]},
			}.row("payer")
			row.SubAccountID, row.SubAccountName = "account "+owner, owner
			row.EffectiveCost, row.ContractedCost = focus.Some(dec(cost)), focus.Some(dec(cost))
			row.PricingQuantity, row.PricingUnit = focus.Some(dec("2")), "Hours"
			row.ChargeDescription, row.AvailabilityZone, row.SKUPrice = "USD "+cost+" per hour", cost, "price-"+cost
			row.BillingAccountName, row.PricingCategory, row.InvoiceIssuer = "costs "+cost, "Committed "+cost, "AWS "+cost
			row.Extra = []focus.Field{{Name: "ContractedUnitPrice", Value: cost}, {Name: "x_Cost", Value: cost}}
			rows = append(rows, row)
		}
	}
	if _, err := usage.New(f.db, records.New(f.db)).MapUsage(f.ctx, f.orgs["platform"], mappings); err != nil {
		f.t.Fatal(err)
	}
	f.useRows(rows...)
}

// everything returns all that a viewer is told about every organization's costs,
// errors included.
func (f *forest) everything(ctx context.Context, random *rand.Rand) string {
	f.t.Helper()
	var b strings.Builder
	say := func(about string, value any, err error) {
		if err != nil {
			value = err.Error()
		}
		text, err := json.Marshal(value)
		if err != nil {
			f.t.Fatal(err)
		}
		fmt.Fprintln(&b, about, string(text))
	}
	for _, of := range f.names {
		for _, perspective := range []costs.Perspective{costs.Buy, costs.Sell, costs.Margin} {
			groupings := append(groupings(), costs.ByTag)
			q := costs.Query{
				From: day("2026-11-01"), To: day("2026-12-01"), Interval: costs.Day, Perspective: perspective,
				GroupBy: &groupings[random.IntN(len(groupings))], TagKey: ptr("User"),
			}
			if random.IntN(2) == 0 {
				q.Where.Tags = []costs.Tag{{Key: "User", Values: []string{"ada"}}}
			}
			report, err := f.costs.Report(ctx, f.orgs[of], q)
			if err != nil {
				say(of+" report", nil, err)
				continue
			}
			say(of+" report", report, nil)
			rows, err := report.Rows(ctx, ptr(1+random.IntN(3)))
			say(of+" rows", rows, err)
			other, err := report.Other(ptr(1))
			say(of+" other", other, err)
			forecast, err := report.Forecast(ctx)
			say(of+" forecast", forecast, err)
		}
		for _, m := range []string{"2026-10", "2026-11"} {
			lines, err := f.costs.Lines(ctx, f.orgs[of], month(m), costs.Where{}, page.Args{First: ptr(100)})
			if err != nil {
				say(of+" lines", nil, err)
				continue
			}
			say(of+" lines", lines, nil)
			count, err := lines.TotalCount(ctx)
			say(of+" count", count, err)
		}
		for _, customer := range append([]string{""}, f.names...) {
			o := costs.ExportOptions{Format: []costs.Format{costs.FOCUS, costs.CSV}[random.IntN(2)]}
			if customer != "" {
				o.Customer = ptr(f.orgs[customer])
			}
			export, err := f.costs.Export(ctx, f.orgs[of], month("2026-11"), o)
			if err != nil {
				say(of+" export "+customer, nil, err)
				continue
			}
			var file strings.Builder
			err = export.Write(ctx, &file)
			say(of+" export "+customer, []string{export.Name, file.String()}, err)
		}
	}
	return b.String()
}

// TestNobodyIsToldAnothersPrices compares two worlds that differ in a price which
// changes nothing that others pay: what a seller itself is charged, while it sells
// at a factor of the provider's cost, or what the provider charges, while everybody
// is charged by its list. Nobody but the two ends of the edge, and the platform, is
// told anything else, in any report, line, file or error.
func TestNobodyIsToldAnothersPrices(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		for seed := range uint64(effort.Cases(40)) {
			t.Run(fmt.Sprint(name, " seed ", seed), func(t *testing.T) {
				t.Parallel()
				a, b := plant(t, open(t), seed, 0), plant(t, open(t), seed, 1)
				told := 0
				for i, viewer := range a.names {
					for role, as := range map[string]func(*forest) context.Context{
						"administrator": func(f *forest) context.Context { return f.admin(viewer) },
						"clerk":         func(f *forest) context.Context { return f.clerk(viewer) },
					} {
						questions := func() *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }
						diff := cmp.Diff(strings.Split(a.everything(as(a), questions()), "\n"), strings.Split(b.everything(as(b), questions()), "\n"))
						if a.secret.concerns(viewer) {
							told += len(diff)
							continue
						}
						if diff != "" {
							t.Errorf("the %s of %s is told of the price between %q and %q:\n%.3000s", role, viewer, a.secret.seller, a.secret.buyer, diff)
						}
					}
				}
				if told == 0 {
					t.Error("there was nothing to tell")
				}
			})
		}
	}
}
