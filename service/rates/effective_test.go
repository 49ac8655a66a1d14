package rates_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
)

func TestEffectiveForThePlatform(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example()
		got, err := w.effective(w.admin("platform"), "customer")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			": 1.05 UPSTREAM by PARTNER distributor with 1.05, platform > distributor inherited, distributor > reseller 1.05 UPSTREAM, reseller > customer inherited",
			"AWS: 1.05 UPSTREAM by PARTNER distributor with 1.05, platform > distributor 1.1 UPSTREAM, distributor > reseller 1.05 UPSTREAM, reseller > customer inherited",
			"P5: 1.2 UPSTREAM by PARTNER reseller with 1.2, platform > distributor inherited, distributor > reseller 1.05 UPSTREAM, reseller > customer 1.2 UPSTREAM",
			"AWS P5: 1.2 UPSTREAM by PARTNER reseller with 1.2, platform > distributor 1.1 UPSTREAM, distributor > reseller 1.05 UPSTREAM, reseller > customer 1.2 UPSTREAM",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEffectiveShowsWhatTheSellerShows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example()
		for _, step := range []struct {
			name  string
			shows map[string]string
			want  []string
		}{
			{"nothing by default", nil, []string{":"}},
			{"the factor", map[string]string{"reseller": "FACTOR"}, []string{":", "P5: 1.2 UPSTREAM"}},
			{"a chain that is closed above", map[string]string{"reseller": "CHAIN"}, []string{
				":, the platform > your partner, your partner > your partner, your partner > customer inherited",
				"P5: 1.2 UPSTREAM by PARTNER your partner, the platform > your partner, your partner > your partner, your partner > customer 1.2 UPSTREAM",
			}},
			{"what the seller is shown itself", map[string]string{"reseller": "CHAIN", "distributor": "FACTOR"}, []string{
				": 1.05 UPSTREAM by PARTNER your partner, the platform > your partner, your partner > your partner 1.05 UPSTREAM, your partner > customer inherited",
				"P5: 1.2 UPSTREAM by PARTNER your partner, the platform > your partner, your partner > your partner 1.05 UPSTREAM, your partner > customer 1.2 UPSTREAM",
			}},
		} {
			for seller, disclosure := range step.shows {
				w.set(seller, "billing.visible_to_customer", disclosure)
			}
			for who, ctx := range map[string]context.Context{"admin": w.admin("customer"), "clerk": w.clerk("customer")} {
				got, err := w.effective(ctx, "customer")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(step.want, got); diff != "" {
					t.Errorf("%s, to an %s: %s", step.name, who, diff)
				}
			}
		}
	})
}

func TestEffectiveForSellers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example()
		for _, tc := range []struct {
			name, viewer, of string
			want             []string
		}{
			{"its own price to its customer", "reseller", "customer", []string{
				":, the platform > your partner, your partner > reseller, reseller > customer inherited",
				"P5: 1.2 UPSTREAM by PARTNER reseller with 1.2, the platform > your partner, your partner > reseller, reseller > customer 1.2 UPSTREAM",
			}},
			{"nothing of what a reseller charges", "distributor", "customer", []string{
				":, the platform > distributor, distributor > reseller 1.05 UPSTREAM, reseller > customer",
			}},
			{"its own price to the reseller", "distributor", "reseller", []string{
				": 1.05 UPSTREAM by PARTNER distributor with 1.05, the platform > distributor, distributor > reseller 1.05 UPSTREAM",
			}},
			{"nothing of what it pays", "distributor", "distributor", []string{":"}},
		} {
			got, err := w.effective(w.admin(tc.viewer), tc.of)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.name, diff)
			}
		}
	})
}

func TestEffectiveOfInheritedPrice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price(w.rule("platform", "1.10", pricing.Source))
		w.set("platform", "billing.visible_to_customer", "FACTOR")
		got, err := w.effective(w.admin("customer"), "customer")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{": 1.1 SOURCE"}, got); diff != "" {
			t.Errorf("shown by every seller: %s", diff)
		}
		w.set("platform", "billing.source_cost_visible", false)
		if got, err = w.effective(w.admin("reseller"), "reseller"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{":"}, got); diff != "" {
			t.Errorf("to a seller that must not learn the source cost: %s", diff)
		}
	})
}

func TestEffectiveNeedsBillingRead(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for _, tc := range []struct {
			name string
			ctx  context.Context
			of   string
			want fault.Code
		}{
			{"a member", w.member("customer"), "customer", fault.Forbidden},
			{"a sibling", w.admin("other customer"), "customer", fault.NotFound},
			{"another distributor", w.admin("other distributor"), "customer", fault.NotFound},
			{"a customer, of its seller", w.admin("customer"), "reseller", fault.NotFound},
			{"a clerk, of a customer below", w.clerk("reseller"), "customer", fault.NotFound},
			{"nobody", t.Context(), "customer", fault.Unauthenticated},
		} {
			if _, err := w.effective(tc.ctx, tc.of); fault.CodeOf(err) != tc.want {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		// One organization that is refused does not refuse its siblings.
		siblings := batch.Of(w.orgs["customer"], w.orgs["other customer"])
		if _, err := w.rates.Effective(w.admin("customer"), siblings, w.orgs["customer"], nil); err != nil {
			t.Error(err)
		}
	})
}

func TestEffectiveOfAnotherMonth(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		later := w.rule("platform", "1.5", pricing.Source)
		later.FirstMonth = month("2027-01")
		w.price(later)
		for m, want := range map[string]string{"2026-12": "1", "2027-01": "1.5"} {
			m := month(m)
			list, err := w.rates.Effective(w.ctx, batch.Of(w.orgs["customer"]), w.orgs["customer"], &m)
			if err != nil {
				t.Fatal(err)
			}
			if got := list[0].Factor.String(); got != want {
				t.Errorf("%s: factor %s, want %s", m, got, want)
			}
		}
	})
}

// TestEffectiveTellsNothingHidden changes every price that a viewer must not
// see and expects the same answer.
func TestEffectiveTellsNothingHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	w.example()
	w.set("reseller", "billing.visible_to_customer", "FACTOR")
	own := w.rule("distributor", "1.07", pricing.Upstream)
	own.Selector.Provider = ptr("AWS")
	w.price(own)
	for _, tc := range []struct {
		viewer, of string
		hidden     []string // the sellers whose prices the viewer must not see
	}{
		{"customer", "customer", []string{"platform", "distributor"}},
		{"reseller", "customer", []string{"platform", "distributor"}},
		{"reseller", "reseller", []string{"platform", "distributor"}},
		{"distributor", "customer", []string{"platform", "reseller"}},
		{"distributor", "reseller", []string{"platform"}},
	} {
		before, err := w.effective(w.admin(tc.viewer), tc.of)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range w.changes(tc.hidden) {
			w.price(n)
			after, err := w.effective(w.admin(tc.viewer), tc.of)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Fatalf("%s sees of %s that a price changed to %s %s: %s", tc.viewer, tc.of, n.Factor, *n.Basis, diff)
			}
		}
	}
}

// changes returns new prices of sellers, of every basis and for every kind of
// usage.
func (w *world) changes(sellers []string) []rates.NewMultiplier {
	var list []rates.NewMultiplier
	for _, seller := range sellers {
		for _, basis := range []pricing.Basis{pricing.Source, pricing.Upstream, pricing.List} {
			for _, selector := range []rates.Selector{
				{}, {Provider: ptr("AWS")}, {SKU: ptr("P5")}, {Region: ptr("eu-1")}, {ChargeCategory: ptr(pricing.Credit)},
			} {
				n := w.rule(seller, "7.5", basis)
				n.Selector, n.Reason = selector, "to see who notices"
				list = append(list, n)
			}
		}
	}
	return list
}

// TestEffectiveStopsAtTheDecider shows a customer the factor of the distributor
// that its reseller passes on, and nothing of what the distributor pays.
func TestEffectiveStopsAtTheDecider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	w.price(w.rule("distributor", "1.05", pricing.Upstream))
	w.set("platform", "billing.visible_to_customer", "FACTOR")
	want := []string{": 1.05 UPSTREAM"}
	for _, selector := range []rates.Selector{{}, {Provider: ptr("AWS")}, {SKU: ptr("P5")}, {Region: ptr("eu-1")}} {
		n := w.rule("platform", "7.5", pricing.Source)
		n.Selector = selector
		w.price(n)
		got, err := w.effective(w.admin("customer"), "customer")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	tax := w.rule("platform", "1.2", pricing.Source)
	tax.Selector.ChargeCategory = ptr(pricing.Tax)
	w.price(tax)
	got, err := w.effective(w.admin("customer"), "customer")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, ": 1.2 SOURCE"), got); diff != "" {
		t.Errorf("tax, which every tier passes on: %s", diff)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		n := w.rule("reseller", "1.2", pricing.Source)
		n.Buyer = ptr(w.orgs["customer"])
		set := w.price(n)
		for _, tc := range []struct {
			name string
			ctx  context.Context
			sees bool
		}{
			{"the platform", w.admin("platform"), true},
			{"the seller", w.admin("reseller"), true},
			{"the seller's clerk", w.clerk("reseller"), true},
			{"a member of the seller", w.member("reseller"), false},
			{"the seller's seller", w.admin("distributor"), false},
			{"the buyer", w.admin("customer"), false},
			{"a sibling of the seller", w.admin("other reseller"), false},
		} {
			got, err := w.rates.Get(tc.ctx, set.ID.UUID)
			if tc.sees != (err == nil) || !tc.sees && fault.CodeOf(err) != fault.NotFound {
				t.Errorf("%s: %v", tc.name, err)
			}
			if tc.sees && (!got.Factor.Equal(dec("1.2")) || got.ID != set.ID) {
				t.Errorf("%s: %+v", tc.name, got)
			}
		}
		if _, err := w.rates.Get(w.ctx, uuid.Nil); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("no such rule: %v", err)
		}
	})
}
