package costs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
)

// TestWorkedExample prices the worked example through the rules of every tier
// and reads the totals and margins of all of them.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		basis pricing.Basis
		want  map[string][3]string // per tier: what it pays, charges, keeps
	}{
		{pricing.Upstream, map[string][3]string{
			"platform":    {"1600 USD", "1750 USD", "150 USD"},
			"distributor": {"1750 USD", "1842.5 USD", "92.5 USD"},
			"reseller":    {"1842.5 USD", "2073.5 USD", "231 USD"},
			"customer":    {"2073.5 USD", "0 USD", "0 USD"},
		}},
		{pricing.Source, map[string][3]string{
			"platform":    {"1600 USD", "1750 USD", "150 USD"},
			"distributor": {"1750 USD", "1685 USD", "-65 USD"},
			"reseller":    {"1685 USD", "1835 USD", "150 USD"},
			"customer":    {"1835 USD", "0 USD", "0 USD"},
		}},
	} {
		t.Run(string(tc.basis), func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				w.example(tc.basis)
				got := map[string][3]string{}
				for tier := range tc.want {
					var amounts [3]string
					for i, p := range []costs.Perspective{costs.Buy, costs.Sell, costs.Margin} {
						q := october()
						q.Perspective = p
						var err error
						if amounts[i], err = w.total(w.admin(tier), tier, q); err != nil {
							t.Fatal(err)
						}
					}
					got[tier] = amounts
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				for _, g := range groupings() {
					w.rows(w.admin("reseller"), "reseller", by(g), nil) // adds up
				}
			})
		})
	}
}

func groupings() []costs.GroupBy {
	return []costs.GroupBy{
		costs.ByOrganization, costs.ByCustomer, costs.ByGroup, costs.ByProject, costs.ByUser, costs.ByProvider, costs.ByService, costs.BySKU, costs.ByRegion,
	}
}

func TestReportAtWhosePrices(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example(pricing.Upstream)
		for _, tc := range []struct {
			name string
			ctx  context.Context
			of   string
			p    costs.Perspective
			want string // the total or the code
		}{
			{"the platform sees what a customer pays", w.admin("platform"), "customer", costs.Buy, "2073.5 USD"},
			{"the platform sees what a reseller keeps", w.admin("platform"), "reseller", costs.Margin, "231 USD"},
			{"a customer", w.admin("customer"), "customer", costs.Buy, "2073.5 USD"},
			{"a customer's clerk", w.clerk("customer"), "customer", costs.Buy, "2073.5 USD"},
			{"its seller", w.admin("reseller"), "customer", costs.Buy, "2073.5 USD"},
			{"the tier above sees its own selling price", w.admin("distributor"), "customer", costs.Buy, "1842.5 USD"},
			{"and of the reseller the same", w.admin("distributor"), "reseller", costs.Buy, "1842.5 USD"},
			{"but not what the reseller charges", w.admin("distributor"), "reseller", costs.Sell, "FORBIDDEN"},
			{"nor keeps", w.admin("distributor"), "reseller", costs.Margin, "FORBIDDEN"},
			{"nor what the customer charges", w.admin("distributor"), "customer", costs.Sell, "FORBIDDEN"},
			{"a reseller's clerk sees its margin", w.clerk("reseller"), "reseller", costs.Margin, "231 USD"},
			{"but not its customers", w.clerk("reseller"), "customer", costs.Buy, "NOT_FOUND"},
			{"a member", w.member("customer"), "customer", costs.Buy, "FORBIDDEN"},
			{"a sibling", w.admin("other customer"), "customer", costs.Buy, "NOT_FOUND"},
			{"a sibling of the seller", w.admin("other reseller"), "customer", costs.Buy, "NOT_FOUND"},
			{"a customer, of its seller", w.admin("customer"), "reseller", costs.Buy, "NOT_FOUND"},
			{"nobody", t.Context(), "customer", costs.Buy, "UNAUTHENTICATED"},
			{"a sibling, of itself", w.admin("other customer"), "other customer", costs.Buy, "0 USD"},
		} {
			q := october()
			q.Perspective = tc.p
			got, err := w.total(tc.ctx, tc.of, q)
			if err != nil {
				got = string(fault.CodeOf(err))
			}
			if got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
		}
	})
}

// Whoever comes in through the tree sees the usage of one customer of a customer
// and not that of the others.
func TestReportTwoTiersDown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		for of, want := range map[string]string{"reseller": "63 USD", "customer": "28 USD", "other customer": "32 USD", "other reseller": "1000 USD"} {
			if got, err := w.total(w.admin("distributor"), of, october()); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", of, got, err, want)
			}
		}
	})
}

// Whoever comes in through the tree sees no usage that was sold past them.
func TestReportOfOwnImport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("platform", charge{owner: "customer", cost: "10"})
		w.use("reseller", charge{owner: "customer", cost: "7"}, charge{owner: "reseller", cost: "1"})
		for viewer, want := range map[string]string{"platform": "18 USD", "distributor": "10 USD", "reseller": "18 USD"} {
			got, err := w.total(w.admin(viewer), "reseller", october())
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: %s, want %s", viewer, got, want)
			}
		}
		q := october()
		q.Perspective = costs.Sell
		if got, err := w.total(w.admin("reseller"), "reseller", q); err != nil || got != "17 USD" {
			t.Errorf("sold on: %s, %v", got, err)
		}
	})
}

func TestReportRefuses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for _, tc := range []struct {
			name   string
			change func(q *costs.Query)
			want   string
		}{
			{"not the beginning of a day", func(q *costs.Query) { q.From = q.From.Add(time.Microsecond) }, "INVALID from"},
			{"the beginning of a day elsewhere", func(q *costs.Query) { q.To = q.To.Add(-5 * time.Hour) }, "INVALID to"},
			{"no day", func(q *costs.Query) { q.To = q.From }, "INVALID to"},
			{"backward", func(q *costs.Query) { q.To = q.From.AddDate(0, 0, -1) }, "INVALID to"},
			{"too long", func(q *costs.Query) { q.To = q.From.AddDate(0, 0, 401) }, "INVALID to"},
			{"a tag without key", func(q *costs.Query) { q.GroupBy = ptr(costs.ByTag) }, "INVALID tagKey"},
			{"a tag with an empty key", func(q *costs.Query) { q.GroupBy, q.TagKey = ptr(costs.ByTag), ptr("") }, "INVALID tagKey"},
			{"a tag with a long key", func(q *costs.Query) { q.GroupBy, q.TagKey = ptr(costs.ByTag), ptr(strings.Repeat("x", 257)) }, "INVALID tagKey"},
			{"a tag with a zero byte", func(q *costs.Query) { q.GroupBy, q.TagKey = ptr(costs.ByTag), ptr("\x00") }, "INVALID tagKey"},
			{"no such grouping", func(q *costs.Query) { q.GroupBy = ptr(costs.GroupBy("COLOUR")) }, "INVALID groupBy"},
			{"no such interval", func(q *costs.Query) { q.Interval = "HOUR" }, "INVALID interval"},
			{"no such perspective", func(q *costs.Query) { q.Perspective = "THEIRS" }, "INVALID perspective"},
			{"a zero byte in a filter", func(q *costs.Query) { q.Where.SKUs = []string{"\x00"} }, "INVALID where.skus"},
			{"too many values", func(q *costs.Query) { q.Where.Regions = make([]string, 1001) }, "INVALID where.regions"},
			{"too many organizations", func(q *costs.Query) { q.Where.OrganizationIDs = make([]uuid.UUID, 1001) }, "INVALID where.organizationIds"},
			{"too many groups", func(q *costs.Query) { q.Where.GroupIDs = make([]uuid.UUID, 1001) }, "INVALID where.groupIds"},
			{"too many categories", func(q *costs.Query) { q.Where.ChargeCategories = make([]pricing.ChargeCategory, 1001) }, "INVALID where.chargeCategories"},
		} {
			q := october()
			tc.change(&q)
			if _, err := w.costs.Report(w.admin("customer"), w.orgs["customer"], q); field(err) != tc.want {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		q := october()
		q.From, q.To = q.From.In(time.FixedZone("east", 3600)), q.From.AddDate(0, 0, 400)
		report, err := w.costs.Report(w.admin("customer"), w.orgs["customer"], q)
		if err != nil {
			t.Fatalf("the longest period: %v", err)
		}
		for _, first := range []int{0, -1, 101} {
			if _, err := report.Rows(w.ctx, &first); field(err) != "INVALID first" {
				t.Errorf("%d rows: %v", first, err)
			}
			if _, err := report.Other(&first); field(err) != "INVALID first" {
				t.Errorf("other than %d rows: %v", first, err)
			}
		}
	})
}

// TestReportIsExact adds up amounts that floating point gets wrong, from the
// roll-ups and from the lines.
func TestReportIsExact(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		amounts := []string{"0.1", "0.2", "-0.3", "0.000000000000000001", "12345678901234567890.5", "-12345678901234567890.25", "9007199254740993"}
		var charges []charge
		for i, amount := range amounts {
			charges = append(charges, charge{owner: "customer", cost: amount, sku: string(rune('a' + i)), tags: map[string]string{"User": "ada"}})
		}
		w.use("platform", charges...)
		const want = "9007199254740993.250000000000000001"
		if got, err := w.total(w.admin("customer"), "customer", october()); err != nil || got != want+" USD" {
			t.Errorf("roll-ups: %s, %v", got, err)
		}
		if diff := cmp.Diff([]string{"ada: " + want}, w.rows(w.admin("customer"), "customer", by(costs.ByUser), nil)); diff != "" {
			t.Errorf("lines: %s", diff)
		}
		rows := w.rows(w.admin("customer"), "customer", by(costs.BySKU), nil)
		if rows[0] != "e: 12345678901234567890.5" || rows[1] != "g: 9007199254740993" || rows[len(rows)-1] != "f: -12345678901234567890.25" {
			t.Errorf("not by size: %v", rows)
		}
		q := october()
		q.Perspective = costs.Margin
		if got, err := w.total(w.admin("reseller"), "reseller", q); err != nil || got != "0 USD" {
			t.Errorf("margin: %s, %v", got, err)
		}
	})
}

func TestReportPeriods(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.set("platform", "billing.currency", "EUR")
		w.use("platform",
			charge{owner: "customer", cost: "1", currency: "EUR", on: "2026-09-30", billed: "2026-10"},
			charge{owner: "customer", cost: "256", currency: "USD", on: "2026-09-30"},
			charge{owner: "customer", cost: "2", currency: "EUR", on: "2026-10-01"},
			charge{owner: "customer", cost: "4", currency: "EUR", on: "2026-10-31"},
			charge{owner: "customer", cost: "8", currency: "EUR", on: "2026-11-01"},
			charge{owner: "customer", cost: "16", currency: "USD", on: "2026-10-15"},
			charge{owner: "customer", cost: "32", currency: "CHF", on: "2026-10-15"},
			charge{owner: "customer", cost: "64", currency: "EUR", on: "2026-08-30", billed: "2026-10"},
			charge{owner: "customer", cost: "128", currency: "EUR", on: "2026-10-31", service: "S3"},
		)
		ctx := w.admin("customer")
		report, err := w.costs.Report(ctx, w.orgs["customer"], october())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{report.Total.String(), report.PreviousTotal.String()}
		for _, other := range report.OtherTotals {
			got = append(got, other.String())
		}
		// The 31 days before 1 October begin on 31 August.
		if diff := cmp.Diff([]string{"134 EUR", "1 EUR", "32 CHF", "16 USD"}, got); diff != "" {
			t.Error(diff)
		}
		q := by(costs.ByService)
		q.From = day("2026-09-30")
		q.Interval = costs.Day
		if diff := cmp.Diff([]string{"S3: 2026-10-31 128", "EC2: 2026-09-30 1, 2026-10-01 2, 2026-10-31 4"}, w.series(q)); diff != "" {
			t.Errorf("by day: %s", diff)
		}
		q.Interval = costs.Month
		if diff := cmp.Diff([]string{"S3: 2026-10-01 128", "EC2: 2026-09-01 1, 2026-10-01 6"}, w.series(q)); diff != "" {
			t.Errorf("by month: %s", diff)
		}
		q.Interval = costs.None
		if diff := cmp.Diff([]string{"S3:", "EC2:"}, w.series(q)); diff != "" {
			t.Errorf("no series: %s", diff)
		}
		q.GroupBy, q.Interval = nil, costs.Month
		if diff := cmp.Diff([]string{"Total: 2026-09-01 1, 2026-10-01 134"}, w.series(q)); diff != "" {
			t.Errorf("everything: %s", diff)
		}
		q = by(costs.ByTag)
		q.TagKey, q.Interval = ptr("none"), costs.Day
		if diff := cmp.Diff([]string{"None: 2026-10-01 2, 2026-10-31 132"}, w.series(q)); diff != "" {
			t.Errorf("from the lines: %s", diff)
		}
	})
}

// TestRowsHavePreviousTotals compares the totals of rows of the period before with
// a report of that period.
func TestRowsHavePreviousTotals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price("reseller", "1.1", pricing.Source, rates.Selector{})
		w.use("platform",
			charge{owner: "customer", cost: "0.1", service: "EC2", on: "2026-10-31"},
			charge{owner: "customer", cost: "0.2", service: "EC2", on: "2026-09-30", tags: map[string]string{"User": "ada"}},
			charge{owner: "customer", cost: "-0.000000000000000001", service: "EC2", on: "2026-09-29"},
			charge{owner: "customer", cost: "7", service: "EC2", on: "2026-08-30"},
			charge{owner: "customer", cost: "64", service: "EC2", currency: "EUR", on: "2026-09-15"},
			charge{owner: "customer", cost: "5", service: "gone", on: "2026-09-15"},
			charge{owner: "customer", cost: "3", service: "new", on: "2026-10-15"},
			charge{owner: "other customer", cost: "9", service: "EC2", on: "2026-09-15"},
		)
		for g, want := range map[costs.GroupBy][]string{
			costs.ByService: {"new: 3.3 after 0", "EC2: 0.11 after 0.219999999999999999"},
			costs.ByUser:    {"None: 3.41 after 5.499999999999999999"},
		} {
			report, err := w.costs.Report(w.admin("customer"), w.orgs["customer"], by(g))
			if err != nil {
				t.Fatal(err)
			}
			if report.PreviousTotal.String() != "5.719999999999999999 USD" {
				t.Errorf("%s: the previous total is %s", g, report.PreviousTotal)
			}
			rows, err := report.Rows(w.admin("customer"), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				got = append(got, row.Label+": "+row.Total.Decimal.String()+" after "+row.PreviousTotal.Decimal.String())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", g, diff)
			}
		}
	})
}

// series returns the rows of a report of the customer as "label: start amount, …".
func (w *world) series(q costs.Query) []string {
	w.t.Helper()
	ctx := w.admin("customer")
	report, err := w.costs.Report(ctx, w.orgs["customer"], q)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := report.Rows(ctx, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var points []string
		for _, p := range row.Series {
			points = append(points, " "+p.Start.Format(time.DateOnly)+" "+p.Amount.String())
		}
		lines[i] = row.Label + ":" + strings.Join(points, ",")
	}
	return lines
}

func TestReportRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		for _, tc := range []struct {
			by   costs.GroupBy
			tag  string
			want []string
		}{
			{costs.ByOrganization, "", []string{"other customer: 32", "customer: 28", "reseller: 3"}},
			{costs.ByCustomer, "", []string{"other customer: 32", "customer: 28", "reseller: 3"}},
			{costs.ByGroup, "", []string{"None: 35", "red: 20", "blue: 8"}},
			{costs.ByProvider, "", []string{"AWS: 53", "GCP: 10"}},
			{costs.ByService, "", []string{"S3: 40", "EC2: 23"}},
			{costs.BySKU, "", []string{"None: 60", "P5: 3"}},
			{costs.ByRegion, "", []string{"None: 63"}},
			{costs.ByProject, "", []string{"None: 33", "apollo: 30"}},
			{costs.ByUser, "", []string{"ada: 32", "None: 31"}},
			{costs.ByTag, `$["odd"].key`, []string{"None: 43", "it's 100%: 20"}},
			{costs.ByTag, "[0]", []string{"None: 55", "zero: 8"}},
			{costs.ByTag, "user", []string{"None: 63"}},
		} {
			q := by(tc.by)
			if tc.tag != "" {
				q.TagKey = &tc.tag
			}
			if diff := cmp.Diff(tc.want, w.rows(w.admin("reseller"), "reseller", q, nil)); diff != "" {
				t.Errorf("%s %s: %s", tc.by, tc.tag, diff)
			}
		}
		if diff := cmp.Diff([]string{"other customer: 32"}, w.rows(w.admin("reseller"), "reseller", by(costs.ByOrganization), ptr(1))); diff != "" {
			t.Errorf("the first: %s", diff)
		}
	})
}

// mixedUsage imports usage of 63 at and below the reseller, all at its source
// cost, and of 1000 beside it.
func (w *world) mixedUsage() {
	w.t.Helper()
	w.use("platform",
		charge{owner: "reseller", cost: "3", sku: "P5"},
		charge{owner: "customer", cost: "10", provider: "GCP", service: "S3", tags: map[string]string{"Project": "apollo"}},
		charge{owner: "customer", cost: "10", service: "S3"},
		charge{owner: "customer/blue", cost: "8", tags: map[string]string{"[0]": "zero"}},
		charge{owner: "other customer", cost: "12", tags: map[string]string{"User": "ada"}},
		charge{owner: "other customer/red", cost: "20", service: "S3", tags: map[string]string{"Project": "apollo", "User": "ada", `$["odd"].key`: "it's 100%"}},
		charge{owner: "other reseller", cost: "1000", tags: map[string]string{"User": "eve"}},
	)
}

// Whoever reads the bills of a seller without seeing its customers is told what
// all of them cost, and not who they are.
func TestReportToAClerk(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		clerk := w.clerk("reseller")
		for g, want := range map[costs.GroupBy][]string{
			costs.ByOrganization: {"Customers: 60", "reseller: 3"},
			costs.ByCustomer:     {"Customers: 60", "reseller: 3"},
			costs.ByGroup:        {"None, or not shown: 63"},
			costs.ByProject:      {"None, or not shown: 63"},
			costs.ByUser:         {"None, or not shown: 63"},
			costs.ByProvider:     {"AWS: 53", "GCP: 10"},
		} {
			if diff := cmp.Diff(want, w.rows(clerk, "reseller", by(g), nil)); diff != "" {
				t.Errorf("%s: %s", g, diff)
			}
		}
		report, err := w.costs.Report(clerk, w.orgs["reseller"], by(costs.ByOrganization))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := report.Rows(clerk, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Key != "" || rows[1].Key == "" {
			t.Errorf("keys %q, %q", rows[0].Key, rows[1].Key)
		}
	})
}

// TestReportByCustomer reads what each tier pays, charges and keeps by customer:
// whoever comes in through the tree sees it at its own price, and nothing of what
// the tiers below charge.
func TestReportByCustomer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example(pricing.Upstream)
		w.use("platform",
			charge{owner: "other customer", cost: "100", tags: map[string]string{"User": "ada"}},
			charge{owner: "reseller", cost: "10", tags: map[string]string{"User": "ada"}},
			charge{owner: "other reseller", cost: "20"}, charge{owner: "distributor", cost: "40"},
		)
		for _, tc := range []struct {
			viewer, of string
			p          costs.Perspective
			want       string
		}{
			{"reseller", "reseller", costs.Buy, "[customer: 1842.5 other customer: 115.5 reseller: 11.55]"},
			{"reseller", "reseller", costs.Sell, "[customer: 2073.5 other customer: 115.5]"},
			{"reseller", "reseller", costs.Margin, "[customer: 231 other customer: 0]"},
			{"distributor", "distributor", costs.Buy, "[reseller: 1871 distributor: 44 other reseller: 22]"},
			{"distributor", "distributor", costs.Sell, "[reseller: 1969.55 other reseller: 23.1]"},
			{"distributor", "distributor", costs.Margin, "[reseller: 98.55 other reseller: 1.1]"},
			{"distributor", "reseller", costs.Buy, "[customer: 1842.5 other customer: 115.5 reseller: 11.55]"},
			{"distributor", "customer", costs.Buy, "[customer: 1842.5]"},
			{"platform", "platform", costs.Margin, "[distributor: 167]"},
			{"platform", "reseller", costs.Margin, "[customer: 231 other customer: 0]"},
			{"platform", "reseller", costs.Sell, "[customer: 2073.5 other customer: 115.5]"},
			{"customer", "customer", costs.Buy, "[customer: 2073.5]"},
			{"customer", "customer", costs.Margin, "[]"},
		} {
			q := by(costs.ByCustomer)
			q.Perspective = tc.p
			if got := fmt.Sprint(w.rows(w.admin(tc.viewer), tc.of, q, nil)); got != tc.want {
				t.Errorf("%s, %s of %s: %s, want %s", tc.viewer, tc.p, tc.of, got, tc.want)
			}
		}
		q := by(costs.ByCustomer)
		q.Where.Tags = []costs.Tag{{Key: "User"}}
		for viewer, of := range map[string]string{"reseller": "reseller", "distributor": "reseller"} {
			if got := fmt.Sprint(w.rows(w.admin(viewer), of, q, nil)); got != "[other customer: 115.5 reseller: 11.55]" {
				t.Errorf("%s, from the lines: %s", viewer, got)
			}
		}
		q = by(costs.ByCustomer)
		q.Perspective = costs.Margin
		if _, err := w.total(w.admin("distributor"), "reseller", q); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("what another tier keeps: %v", err)
		}
		if got := fmt.Sprint(w.rows(w.clerk("reseller"), "reseller", q, nil)); got != "[Customers: 231]" {
			t.Errorf("to a clerk: %s", got)
		}
	})
}

func TestReportWhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		w.use("platform", charge{owner: "customer", cost: "500", category: focus.CategoryTax, region: "eu-1"})
		ids := func(names ...string) []uuid.UUID {
			list := []uuid.UUID{}
			for _, name := range names {
				list = append(list, w.orgs[name])
			}
			return list
		}
		reseller, clerk := w.admin("reseller"), w.clerk("reseller")
		for _, tc := range []struct {
			name  string
			ctx   context.Context
			where costs.Where
			want  string
		}{
			{"nothing", reseller, costs.Where{}, "563 USD"},
			{"a provider", reseller, costs.Where{Providers: []string{"GCP"}}, "10 USD"},
			{"two providers", reseller, costs.Where{Providers: []string{"GCP", "AWS"}}, "563 USD"},
			{"an unknown provider", reseller, costs.Where{Providers: []string{"gcp"}}, "0 USD"},
			{"none of the providers", reseller, costs.Where{Providers: []string{}}, "0 USD"},
			{"a service of a provider", reseller, costs.Where{Providers: []string{"GCP"}, Services: []string{"EC2"}}, "0 USD"},
			{"a SKU", reseller, costs.Where{SKUs: []string{"P5"}}, "3 USD"},
			{"no SKU", reseller, costs.Where{SKUs: []string{""}}, "560 USD"},
			{"a region", reseller, costs.Where{Regions: []string{"eu-1"}}, "500 USD"},
			{"a category", reseller, costs.Where{ChargeCategories: []pricing.ChargeCategory{pricing.Tax}}, "500 USD"},
			{"none of the categories", reseller, costs.Where{ChargeCategories: []pricing.ChargeCategory{}}, "0 USD"},
			{"quotes", reseller, costs.Where{Services: []string{"' OR '1'='1"}}, "0 USD"},
			{"an organization", reseller, costs.Where{OrganizationIDs: ids("other customer")}, "32 USD"},
			{"an organization and those below", reseller, costs.Where{OrganizationIDs: ids("reseller")}, "563 USD"},
			{"one twice", reseller, costs.Where{OrganizationIDs: ids("other customer", "other customer", "reseller")}, "563 USD"},
			{"none of the organizations", reseller, costs.Where{OrganizationIDs: ids()}, "0 USD"},
			{"a group", reseller, costs.Where{GroupIDs: []uuid.UUID{w.groups["red"]}}, "20 USD"},
			{"a group of another", reseller, costs.Where{OrganizationIDs: ids("customer"), GroupIDs: []uuid.UUID{w.groups["red"]}}, "0 USD"},
			{"the organization above", reseller, costs.Where{OrganizationIDs: ids("distributor")}, "0 USD"},
			{"the root", reseller, costs.Where{OrganizationIDs: ids("platform")}, "0 USD"},
			{"a sibling", reseller, costs.Where{OrganizationIDs: ids("other reseller")}, "0 USD"},
			{"none that exists", reseller, costs.Where{OrganizationIDs: []uuid.UUID{uuid.New()}}, "0 USD"},
			{"to a clerk, a customer", clerk, costs.Where{OrganizationIDs: ids("customer")}, "0 USD"},
			{"to a clerk, a customer's group", clerk, costs.Where{GroupIDs: []uuid.UUID{w.groups["red"]}}, "0 USD"},
			{"to a clerk, its own organization", clerk, costs.Where{OrganizationIDs: ids("reseller")}, "563 USD"},
			{"to a clerk, the root", clerk, costs.Where{OrganizationIDs: ids("platform")}, "0 USD"},
		} {
			q := october()
			q.Where = tc.where
			got, err := w.total(tc.ctx, "reseller", q)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
			q.GroupBy = ptr(costs.ByUser)
			if fromLines, err := w.total(tc.ctx, "reseller", q); err != nil || fromLines != got {
				t.Errorf("%s, from the lines: %s, %v, want %s", tc.name, fromLines, err, got)
			}
		}
	})
}

// What is still loading, or was superseded, does not count.
func TestReportOfActiveDatasets(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		db.Client().UsageDataset.Update().SetStatus("SUPERSEDED").ExecX(w.ctx)
		for _, q := range []costs.Query{october(), by(costs.ByUser)} {
			if got, err := w.total(w.admin("reseller"), "reseller", q); err != nil || got != "0 USD" {
				t.Errorf("%s, %v", got, err)
			}
		}
		if lines, err := w.lines(w.admin("reseller"), "reseller"); err != nil || len(lines) != 0 {
			t.Errorf("%v, %v", lines, err)
		}
	})
}

// The key of a row is the id of its thing.
func TestReportKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("platform", charge{owner: "customer/blue", cost: "1", sku: "P5"})
		for g, prefix := range map[costs.GroupBy]string{costs.ByOrganization: "org_", costs.ByGroup: "grp_", costs.BySKU: "P5"} {
			report, err := w.costs.Report(w.ctx, w.orgs["customer"], by(g))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := report.Rows(w.ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 1 || !strings.HasPrefix(rows[0].Key, prefix) {
				t.Errorf("%s: %+v", g, rows)
			}
		}
		db.Client().Group.DeleteOneID(w.groups["blue"]).ExecX(w.ctx)
		if diff := cmp.Diff([]string{"A deleted group: 1"}, w.rows(w.ctx, "customer", by(costs.ByGroup), nil)); diff != "" {
			t.Error(diff)
		}
	})
}
