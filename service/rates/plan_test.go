package rates_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
)

// planned returns the deltas of a plan, one line each.
func (w *world) planned(ctx context.Context, n rates.NewMultiplier) (digest string, deltas []string) {
	w.t.Helper()
	plan, err := w.rates.Plan(ctx, n)
	if err != nil {
		w.t.Fatal(err)
	}
	if plan.Month != month("2026-10") || plan.DeltaCount != len(plan.Deltas) {
		w.t.Errorf("the plan is of %s with %d of %d deltas", plan.Month, len(plan.Deltas), plan.DeltaCount)
	}
	for _, d := range plan.Deltas {
		text := string(d.Role) + " " + d.Organization.Name + ": " + d.Before.String() + " → " + d.After.String()
		if d.MarginBefore != nil {
			text += ", margin " + d.MarginBefore.Decimal.String() + " → " + d.MarginAfter.Decimal.String()
		}
		deltas = append(deltas, text)
	}
	return plan.Digest, deltas
}

// The customer's usage of 1000 + 500 + 200 at AWS and GCP, and a credit of 100
// that no price touches, is sold at 1.10 for AWS by the platform.
func TestPlan(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		w.example()
		n := w.rule("distributor", "1.10", pricing.Upstream)
		n.Reason = "dearer"
		for _, tt := range []struct {
			who  string
			want []string
		}{
			// 1.05 × 1850 − 100 = 1842.5 and 1.10 × 1850 − 100 = 1935; the
			// reseller's 1.20 on P5 makes 1155 into 1386, and 1210 into 1452.
			{"distributor", []string{
				"SELLER distributor: 1842.5 USD → 1935 USD, margin 92.5 → 185",
				"BUYER reseller: 1842.5 USD → 1935 USD",
			}},
			{"platform", []string{
				"DOWNSTREAM customer: 2073.5 USD → 2177 USD",
				"SELLER distributor: 1842.5 USD → 1935 USD, margin 92.5 → 185",
				"BUYER reseller: 1842.5 USD → 1935 USD, margin 231 → 242",
			}},
		} {
			_, got := w.planned(w.admin(tt.who), n)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("to the %s: %s", tt.who, diff)
			}
		}
		if got := db.Client().BillingMultiplier.Query().CountX(w.ctx); got != 3 {
			t.Errorf("a plan leaves %d rules, want 3", got)
		}
		if _, err := w.rates.Plan(w.member("distributor"), n); field(err) != "FORBIDDEN " {
			t.Errorf("a member plans: %v", err)
		}
		n.Reason = ""
		if _, err := w.rates.Plan(w.admin("distributor"), n); field(err) != "INVALID reason" {
			t.Errorf("without the reason that setting needs: %v", err)
		}
	})
}

// A plan that nothing has touched is carried out. One that shows something else
// by now is refused, and nothing is changed; what a plan does not show may
// change.
func TestSetAsPlanned(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		w.example()
		n := w.rule("distributor", "1.10", pricing.Upstream)
		n.Reason = "dearer"
		rules := func() int { return db.Client().BillingMultiplier.Query().CountX(w.ctx) }
		stale := func(name string) {
			t.Helper()
			before := rules()
			if _, _, err := w.rates.Set(w.admin("distributor"), n); field(err) != "PLAN_STALE " || rules() != before {
				t.Errorf("%s: %v and %d rules", name, err, rules()-before)
			}
		}

		n.PlanDigest = "something else"
		stale("another digest")
		n.PlanDigest, _ = w.planned(w.admin("distributor"), n)
		n.Factor = dec("1.11")
		stale("another factor")
		n.Factor = dec("1.10")
		w.price(w.rule("platform", "1.01", pricing.Upstream))
		stale("another price above")
		n.PlanDigest, _ = w.planned(w.admin("distributor"), n)
		w.use("2026-10")
		below := w.rule("reseller", "1.3", pricing.Upstream)
		w.price(below)
		planned, _ := w.planned(w.admin("distributor"), n)
		if planned != n.PlanDigest {
			t.Error("a price that the plan does not show makes another plan")
		}
		m, _, err := w.rates.Set(w.admin("distributor"), n)
		if err != nil || m.Version != 2 {
			t.Fatalf("as planned: %v, %v", m, err)
		}
		stale("the same again")
	})
}

func TestEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		first := w.price(w.rule("distributor", "1.05", pricing.Source))
		n := w.rule("distributor", "1.2", pricing.Source)
		n.FirstMonth = month("2026-12")
		second := w.price(n)
		end := func(who string, m *rates.Multiplier, last, reason string) (*rates.Multiplier, []*rates.Warning, error) {
			e := rates.End{ID: m.ID.UUID, Reason: reason}
			if last != "" {
				e.LastMonth = month(last)
			}
			return w.rates.End(w.admin(who), e)
		}
		for _, tt := range []struct{ name, who, last, reason, want string }{
			{"by a stranger", "other distributor", "2027-01", "", "NOT_FOUND "},
			{"by the buyer", "reseller", "2027-01", "", "NOT_FOUND "},
			{"before it begins", "distributor", "2026-10", "because", "INVALID lastMonth"},
			{"a text that is too long", "distributor", "2027-01", string(make([]byte, 501)), "INVALID reason"},
		} {
			if _, _, err := end(tt.who, first, tt.last, tt.reason); field(err) != tt.want {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		}
		ended, warnings, err := end("distributor", second, "2027-02", "")
		if err != nil || *ended.LastMonth != month("2027-02") || ended.Version != 2 || len(warnings) != 0 {
			t.Fatalf("got %+v, %v, %v", ended, warnings, err)
		}
		again, err := w.rates.Get(w.ctx, second.ID.UUID)
		if err != nil || *again.LastMonth != month("2027-02") {
			t.Errorf("read back %+v, %v", again, err)
		}
		if open, _, err := end("platform", second, "", ""); err != nil || open.LastMonth != nil {
			t.Errorf("by platform:write, without an end: %+v, %v", open, err)
		}
	})
}

// When the distributor's price ends, its customer pays what the distributor
// pays: the reseller's 1.02 of the source cost is then a loss.
func TestEndWarns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		w.price(w.rule("platform", "1.10", pricing.Source))
		cheap := w.price(w.rule("distributor", "1.01", pricing.Source))
		w.price(w.rule("reseller", "1.02", pricing.Source))
		_, warnings, err := w.rates.End(w.ctx, rates.End{ID: cheap.ID.UUID, LastMonth: month("2026-12")})
		if err != nil || len(warnings) != 1 || warnings[0].Organization.Name != "reseller" || warnings[0].Amount.String() != "-136 USD" {
			t.Errorf("got %v, %v", warnings, err)
		}
		// Nothing is different before the first month after the end.
		row := db.Client().BillingMultiplier.Query().Where(billingmultiplier.ID(cheap.ID.UUID)).OnlyX(w.ctx)
		if row.LastMonth == nil || *row.LastMonth != "2026-12" {
			t.Errorf("the rule ends in %v", row.LastMonth)
		}
	})
}
