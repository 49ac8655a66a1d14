package costs_test

import (
	"context"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
)

// Today is 21 November 2026.
func TestReportForecast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price("reseller", "1.5", pricing.Source, rates.Selector{})
		w.use("platform",
			charge{owner: "customer", cost: "1000", on: "2026-10-31"},
			charge{owner: "customer", cost: "1", on: "2026-11-01", tags: map[string]string{"User": "ada"}},
			charge{owner: "customer", cost: "2", on: "2026-11-02", tags: map[string]string{"User": "ada"}},
			charge{owner: "customer", cost: "1", on: "2026-11-02", region: "eu-1", tags: map[string]string{"User": "ada"}},
			charge{owner: "customer", cost: "100", currency: "EUR", on: "2026-11-05"},
			charge{owner: "customer", cost: "8", on: "2026-11-10", service: "S3"},
			charge{owner: "customer", cost: "400", on: "2026-11-01", category: focus.CategoryPurchase, service: "Support"},
			charge{owner: "customer", cost: "-6", on: "2026-11-20", category: focus.CategoryCredit, service: "Support"},
		)
		november := costs.Query{From: day("2026-11-01"), To: day("2026-12-01"), Interval: costs.None}
		with := func(change func(q *costs.Query)) costs.Query {
			q := november
			change(&q)
			return q
		}
		for _, tc := range []struct {
			name string
			ctx  context.Context
			of   string
			q    costs.Query
			want string
		}{
			// 12 in ten days are 36 in thirty, at 1.5; purchases are at 1.5 too, credits pass.
			{"a month", w.admin("customer"), "customer", november, "648 USD"},
			{"what the seller pays", w.admin("reseller"), "reseller", november, "430 USD"},
			{"what the seller keeps", w.admin("reseller"), "reseller", with(func(q *costs.Query) { q.Perspective = costs.Margin }), "218 USD"},
			{"usage alone", w.admin("customer"), "customer", with(func(q *costs.Query) { q.Where.ChargeCategories = []pricing.ChargeCategory{pricing.Usage} }), "54 USD"},
			{"two months", w.admin("customer"), "customer", with(func(q *costs.Query) { q.To = day("2027-01-01") }), "703.8 USD"},
			{"a month until today", w.admin("customer"), "customer", with(func(q *costs.Query) { q.To = day("2026-11-22") }), "631.8 USD"},
			{"a month until yesterday", w.admin("customer"), "customer", with(func(q *costs.Query) { q.To = day("2026-11-21") }), ""},
			{"the last month", w.admin("customer"), "customer", october(), ""},
			{"the next month", w.admin("customer"), "customer", costs.Query{From: day("2026-12-01"), To: day("2027-01-01"), Interval: costs.None}, ""},
			{"two days of usage", w.admin("customer"), "customer", with(func(q *costs.Query) { q.Where.Services = []string{"EC2"} }), ""},
			{"two days of usage with a tag", w.admin("customer"), "customer", with(func(q *costs.Query) { q.Where.Tags = []costs.Tag{{Key: "User"}} }), ""},
			{"no usage", w.admin("other customer"), "other customer", november, ""},
		} {
			report, err := w.costs.Report(tc.ctx, w.orgs[tc.of], tc.q)
			if err != nil {
				t.Fatal(err)
			}
			forecast, err := report.Forecast(tc.ctx)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if forecast != nil {
				got = forecast.String()
			}
			if got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
		}
		w.use("platform", charge{owner: "customer", cost: "0.5", on: "2026-11-12", tags: map[string]string{"User": "ada"}})
		q := with(func(q *costs.Query) { q.Where.Tags = []costs.Tag{{Key: "User"}} })
		report, err := w.costs.Report(w.admin("customer"), w.orgs["customer"], q)
		if err != nil {
			t.Fatal(err)
		}
		if forecast, err := report.Forecast(w.admin("customer")); err != nil || forecast == nil || forecast.String() != "16.875 USD" {
			t.Errorf("from the lines: %v, %v", forecast, err)
		}
	})
}
