package costs_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
)

func TestReportWhereTags(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		w.use("platform", charge{owner: "customer", cost: "100", tags: map[string]string{"User": "", "Project": "apollo"}})
		reseller, clerk := w.admin("reseller"), w.clerk("reseller")
		for _, tc := range []struct {
			name string
			ctx  context.Context
			tags []costs.Tag
			want string
		}{
			{"no condition", reseller, nil, "163 USD"},
			{"a value", reseller, []costs.Tag{{Key: "User", Values: []string{"ada"}}}, "32 USD"},
			{"one of two values", reseller, []costs.Tag{{Key: "User", Values: []string{"ada", "", "eve"}}}, "132 USD"},
			{"any value", reseller, []costs.Tag{{Key: "User"}}, "132 USD"},
			{"the empty value", reseller, []costs.Tag{{Key: "User", Values: []string{""}}}, "100 USD"},
			{"none of the values", reseller, []costs.Tag{{Key: "User", Values: []string{}}}, "0 USD"},
			{"two tags", reseller, []costs.Tag{{Key: "User"}, {Key: "Project", Values: []string{"apollo"}}}, "120 USD"},
			{"one tag, two ways", reseller, []costs.Tag{{Key: "User", Values: []string{"ada"}}, {Key: "User", Values: []string{"eve"}}}, "0 USD"},
			{"another case", reseller, []costs.Tag{{Key: "user"}}, "0 USD"},
			{"an odd key", reseller, []costs.Tag{{Key: `$["odd"].key`, Values: []string{"it's 100%"}}}, "20 USD"},
			{"a key that is a path", reseller, []costs.Tag{{Key: "[0]"}}, "8 USD"},
			{"quotes", reseller, []costs.Tag{{Key: "User", Values: []string{"' OR '1'='1"}}}, "0 USD"},
			{"to a clerk, those of its customers", clerk, []costs.Tag{{Key: "User"}}, "0 USD"},
		} {
			q := october()
			q.Where.Tags = tc.tags
			if got, err := w.total(tc.ctx, "reseller", q); err != nil || got != tc.want {
				t.Errorf("%s: %s, %v, want %s", tc.name, got, err, tc.want)
			}
			lines, _ := w.add(tc.ctx, "reseller", q.Where)
			if got := lines.Of("USD").String() + " USD"; got != tc.want {
				t.Errorf("%s: the lines add up to %s, want %s", tc.name, got, tc.want)
			}
		}
		q := by(costs.ByService)
		q.Where.Tags = []costs.Tag{{Key: "User", Values: []string{"ada"}}}
		if got := fmt.Sprint(w.rows(reseller, "reseller", q, nil)); got != "[S3: 20 EC2: 12]" {
			t.Errorf("by service: %s", got)
		}
		for name, tags := range map[string][]costs.Tag{
			"no key":          {{}},
			"a long key":      {{Key: strings.Repeat("x", 257)}},
			"a zero byte":     {{Key: "User", Values: []string{"\x00"}}},
			"too many values": {{Key: "User", Values: make([]string, 1001)}},
			"too many tags":   slices.Repeat([]costs.Tag{{Key: "User"}}, 11),
		} {
			where := costs.Where{Tags: tags}
			q := october()
			q.Where = where
			if _, err := w.costs.Report(reseller, w.orgs["reseller"], q); field(err) != "INVALID where.tags" {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := w.costs.Lines(reseller, w.orgs["reseller"], month("2026-10"), where, page.Args{}); field(err) != "INVALID where.tags" {
				t.Errorf("%s, lines: %v", name, err)
			}
		}
	})
}

// add adds up the lines of October 2026 that meet the conditions, page by page,
// and counts them.
func (w *world) add(ctx context.Context, organization string, where costs.Where) (totals money.Totals, n int) {
	w.t.Helper()
	args := page.Args{First: ptr(7)}
	for more := true; more; {
		c, err := w.costs.Lines(ctx, w.orgs[organization], month("2026-10"), where, args)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range c.Edges {
			totals.Add(e.Node.Amount)
		}
		n += len(c.Edges)
		args.After, more = c.PageInfo.EndCursor, c.PageInfo.HasNextPage
		if total, err := c.TotalCount(ctx); err != nil || !more && total != n {
			w.t.Fatalf("%d lines of %d, %v", n, total, err)
		}
	}
	return totals, n
}

// TestLinesAddUpToTheReport wants the lines of a month that meet random
// conditions to add up to the report under the same conditions, in every
// currency, for everybody who may read them.
func TestLinesAddUpToTheReport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price("platform", "1.1", pricing.Source, rates.Selector{Provider: ptr("AWS")})
		w.price("reseller", "1.2345", pricing.Upstream, rates.Selector{})
		random := rand.New(rand.NewPCG(70, 1))
		w.use("platform", randomCharges(random, 150)...)
		w.use("reseller", randomCharges(random, 30, "reseller", "customer", "other customer")...)
		met := 0
		for seed := range uint64(effort.Cases(2000)) {
			random := rand.New(rand.NewPCG(71, seed))
			viewer := []string{"platform", "distributor", "reseller"}[random.IntN(3)]
			of := []string{"reseller", "customer"}[random.IntN(2)]
			ctx := w.admin(viewer)
			if random.IntN(4) == 0 {
				viewer, ctx = of, w.clerk(of)
			}
			q := october()
			q.Where = w.randomWhere(random)
			report, err := w.costs.Report(ctx, w.orgs[of], q)
			if err != nil {
				t.Fatal(err)
			}
			var want money.Totals
			for _, total := range append(report.OtherTotals, report.Total) {
				want.Add(total)
			}
			got, n := w.add(ctx, of, q.Where)
			met += n
			for _, currency := range []money.Currency{"USD", "EUR"} {
				if !got.Of(currency).Equal(want.Of(currency)) {
					t.Fatalf("seed %d, %s of %s: the lines add up to %s, the report to %s: %+v", seed, viewer, of, got.Of(currency), want.Of(currency), q.Where)
				}
			}
		}
		if met == 0 {
			t.Error("no condition was met by any line")
		}
	})
}

// randomCharges are charges within October 2026.
func randomCharges(random *rand.Rand, n int, owners ...string) []charge {
	if owners == nil {
		owners = []string{"reseller", "customer", "customer/blue", "other customer", "other customer/red", "other reseller"}
	}
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	charges := make([]charge, n)
	for i := range charges {
		tags := map[string]string{}
		for _, key := range []string{"User", "Project"} {
			if random.IntN(2) == 0 {
				tags[key] = pick("ada", "apollo", "")
			}
		}
		charges[i] = charge{
			owner: pick(owners...), provider: pick("AWS", "GCP"), service: pick("EC2", "S3"), sku: pick("", "P5"), region: pick("", "eu-1"),
			category: pick(focus.CategoryUsage, focus.CategoryUsage, focus.CategoryCredit, focus.CategoryTax),
			cost:     fmt.Sprintf("%d.%018d", random.IntN(200)-50, random.Int64N(1e18)), currency: pick("USD", "USD", "EUR"),
			on: time.Date(2026, time.October, 1+random.IntN(31), 0, 0, 0, 0, time.UTC).Format(time.DateOnly), tags: tags,
		}
	}
	return charges
}

// randomWhere is up to three conditions.
func (w *world) randomWhere(random *rand.Rand) costs.Where {
	some := func(list ...string) []string {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list[:random.IntN(len(list)+1)]
	}
	ids := func(of map[string]uuid.UUID) []uuid.UUID {
		list := []uuid.UUID{}
		for _, name := range some(slices.Sorted(maps.Keys(of))...) {
			list = append(list, of[name])
		}
		return list
	}
	tag := func() costs.Tag {
		t := costs.Tag{Key: []string{"User", "Project", "none"}[random.IntN(3)]}
		if random.IntN(3) > 0 {
			t.Values = some("ada", "apollo", "", "eve")
		}
		return t
	}
	var where costs.Where
	for range random.IntN(4) {
		switch random.IntN(8) {
		case 0:
			where.Providers = some("AWS", "GCP", "none")
		case 1:
			where.Services = some("EC2", "S3")
		case 2:
			where.SKUs = some("", "P5")
		case 3:
			where.Regions = some("", "eu-1")
		case 4:
			where.ChargeCategories = []pricing.ChargeCategory{pricing.Usage, pricing.Credit}[:random.IntN(3)]
		case 5:
			where.OrganizationIDs = ids(w.orgs)
		case 6:
			where.GroupIDs = ids(w.groups)
		default:
			where.Tags = append(where.Tags, tag())
		}
	}
	return where
}
