package costs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
)

func TestLinesAtWhosePrices(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example(pricing.Upstream)
		for _, tc := range []struct {
			name string
			ctx  context.Context
			of   string
			want []string
		}{
			{"a customer", w.admin("customer"), "customer", []string{"EC2: 1386", "S3: 577.5", "Compute: 210", "Promotion: -100"}},
			{"its clerk", w.clerk("customer"), "customer", []string{"EC2: 1386", "S3: 577.5", "Compute: 210", "Promotion: -100"}},
			{"its seller", w.admin("reseller"), "customer", []string{
				"EC2: 1386, reseller > customer 1.2 UPSTREAM", "S3: 577.5, reseller > customer 1",
				"Compute: 210, reseller > customer 1", "Promotion: -100, reseller > customer 1",
			}},
			{"the tier above", w.admin("distributor"), "customer", []string{
				"EC2: 1155, distributor > reseller 1.05 UPSTREAM", "S3: 577.5, distributor > reseller 1.05 UPSTREAM",
				"Compute: 210, distributor > reseller 1.05 UPSTREAM", "Promotion: -100, distributor > reseller 1",
			}},
			{"the platform", w.admin("platform"), "customer", []string{
				"EC2: 1386, platform > distributor 1.1 UPSTREAM, distributor > reseller 1.05 UPSTREAM, reseller > customer 1.2 UPSTREAM",
				"S3: 577.5, platform > distributor 1.1 UPSTREAM, distributor > reseller 1.05 UPSTREAM, reseller > customer 1",
				"Compute: 210, platform > distributor 1, distributor > reseller 1.05 UPSTREAM, reseller > customer 1",
				"Promotion: -100, platform > distributor 1, distributor > reseller 1, reseller > customer 1",
			}},
			{"the importer, of itself", w.admin("platform"), "platform", []string{"EC2: 1000", "S3: 500", "Compute: 200", "Promotion: -100"}},
			{"a reseller, of itself", w.admin("reseller"), "reseller", []string{"EC2: 1155", "S3: 577.5", "Compute: 210", "Promotion: -100"}},
			{"a sibling, of itself", w.admin("other customer"), "other customer", nil},
		} {
			got, err := w.lines(tc.ctx, tc.of)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.name, diff)
			}
		}
		for name, ctx := range map[string]context.Context{
			"a sibling": w.admin("other customer"), "a sibling of the seller": w.admin("other reseller"), "a clerk of the seller": w.clerk("reseller"),
		} {
			if _, err := w.lines(ctx, "customer"); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.lines(w.member("customer"), "customer"); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("a member: %v", err)
		}
	})
}

func TestLinesShowWhatTheSellerShows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example(pricing.Upstream)
		for _, step := range []struct {
			seller, shows string
			want          string // the first line
		}{
			{"reseller", "NONE", "EC2: 1386"},
			{"reseller", "FACTOR", "EC2: 1386, your partner > customer 1.2 UPSTREAM"},
			{"reseller", "CHAIN", "EC2: 1386, your partner > customer 1.2 UPSTREAM"},
			{"distributor", "FACTOR", "EC2: 1386, your partner > your partner 1.05 UPSTREAM, your partner > customer 1.2 UPSTREAM"},
		} {
			w.set(step.seller, "billing.visible_to_customer", step.shows)
			got, err := w.lines(w.admin("customer"), "customer")
			if err != nil {
				t.Fatal(err)
			}
			if got[0] != step.want {
				t.Errorf("%s shows %s: %s, want %s", step.seller, step.shows, got[0], step.want)
			}
		}
	})
}

func TestLine(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price("reseller", "2", pricing.Source, rates.Selector{})
		w.use("platform", charge{
			owner: "customer", cost: "1.5", currency: "EUR", sku: "P5", region: "eu-1", category: focus.CategoryUsage,
			class: focus.ClassCorrection, on: "2026-09-30", billed: "2026-10",
		})
		line := func(ctx context.Context) *costs.Line {
			c, err := w.costs.Lines(ctx, w.orgs["reseller"], month("2026-10"), costs.Where{}, page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Edges) != 1 {
				t.Fatalf("%d lines", len(c.Edges))
			}
			return c.Edges[0].Node
		}
		l := line(w.admin("reseller"))
		got := strings.TrimSpace(fmt.Sprintln(l.ChargePeriodStart, l.ChargePeriodEnd, l.Provider, l.Service, l.SKU, l.Region, l.ChargeCategory, *l.ChargeClass, l.Description, l.Organization.Name, l.Amount))
		want := "2026-09-30 23:00:00 +0000 UTC 2026-10-01 00:00:00 +0000 UTC AWS EC2 P5 eu-1 Usage Correction a charge customer 1.5 EUR"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if owner := line(w.clerk("reseller")).Organization; owner.Name != "a customer" || owner.ID != nil || !owner.Redacted {
			t.Errorf("a clerk is told whose it is: %+v", owner)
		}
		theirs, err := w.costs.Lines(w.admin("customer"), w.orgs["customer"], month("2026-10"), costs.Where{}, page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Edges[0].Node.ID == l.ID {
			t.Error("one id for two prices")
		}
	})
}

// A description that names a price is for those who know the price.
func TestLinesDescribe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mapped()
		w.useRows(secretive())
		for viewer, want := range map[string]string{"platform": "$0.10 per hour", "reseller": "", "customer": ""} {
			c, err := w.costs.Lines(w.admin(viewer), w.orgs["customer"], month("2026-10"), costs.Where{}, page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Edges[0].Node.Description; got != want {
				t.Errorf("%s: %q, want %q", viewer, got, want)
			}
		}
		c, err := w.costs.Lines(w.admin("platform"), w.orgs["platform"], month("2026-10"), costs.Where{}, page.Args{})
		if err != nil || c.Edges[0].Node.Description != "$0.10 per hour" {
			t.Errorf("the importer, of itself: %v, %v", c, err)
		}
	})
}

func TestLinesInPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		var want []string
		// What others bring in and what it brings in itself, by turns.
		for i := range 3 {
			for _, importer := range []string{"platform", "reseller"} {
				service := fmt.Sprintf("%s-%d", importer, i)
				want = append(want, service)
				w.use(importer, charge{owner: "customer", cost: "1", service: service}, charge{owner: "customer", cost: "1", service: service, on: "2026-09-02"})
			}
		}
		ctx := w.admin("reseller")
		read := func(args page.Args) ([]string, page.Info) {
			c, err := w.costs.Lines(ctx, w.orgs["reseller"], month("2026-10"), costs.Where{}, args)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := c.TotalCount(ctx); err != nil || n != len(want) {
				t.Errorf("total %d, %v", n, err)
			}
			var services []string
			for _, e := range c.Edges {
				services = append(services, e.Node.Service)
			}
			return services, c.PageInfo
		}
		var forward []string
		args := page.Args{First: ptr(2)}
		for more := true; more; {
			services, info := read(args)
			forward = append(forward, services...)
			args.After, more = info.EndCursor, info.HasNextPage
		}
		if diff := cmp.Diff(want, forward); diff != "" {
			t.Errorf("forward: %s", diff)
		}
		var backward []string
		args = page.Args{Last: ptr(4)}
		for more := true; more; {
			services, info := read(args)
			backward = append(services, backward...)
			args.Before, more = info.StartCursor, info.HasPreviousPage
		}
		if diff := cmp.Diff(want, backward); diff != "" {
			t.Errorf("backward: %s", diff)
		}
		for name, args := range map[string]page.Args{
			"INVALID first":  {First: ptr(0)},
			"INVALID last":   {Last: ptr(101)},
			"INVALID after":  {After: ptr(page.Cursor("x"))},
			"INVALID before": {Before: ptr("x")},
		} {
			if _, err := w.costs.Lines(ctx, w.orgs["reseller"], month("2026-10"), costs.Where{}, args); field(err) != name {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Counting and paging see the same lines for whoever comes in through the tree.
func TestLinesThroughTheTree(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mixedUsage()
		w.use("reseller", charge{owner: "customer", cost: "77"})
		for _, tc := range []struct {
			viewer, of string
			want       int
		}{
			{"platform", "reseller", 7},
			{"distributor", "reseller", 6},
			{"reseller", "reseller", 7},
			{"distributor", "customer", 3},
			{"reseller", "customer", 4},
			{"distributor", "other reseller", 1},
		} {
			ctx := w.admin(tc.viewer)
			c, err := w.costs.Lines(ctx, w.orgs[tc.of], month("2026-10"), costs.Where{}, page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			total, err := c.TotalCount(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Edges) != tc.want || total != tc.want {
				t.Errorf("%s of %s: %d lines, %d in all, want %d", tc.viewer, tc.of, len(c.Edges), total, tc.want)
			}
		}
		// What another distributor sold to the reseller is none of this one's business.
		db.Client().RatedLine.Update().Where(ratedline.BuyerID(w.orgs["reseller"])).SetSellerID(w.orgs["other distributor"]).ExecX(w.ctx)
		if lines, err := w.lines(w.admin("distributor"), "reseller"); err != nil || len(lines) != 0 {
			t.Errorf("sold by another: %v, %v", lines, err)
		}
	})
}
