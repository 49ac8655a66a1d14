package rates_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
)

func TestSet(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.set("reseller", "billing.chain_mode", "UPSTREAM")
		first, warnings, err := w.rates.Set(w.admin("reseller"), rates.NewMultiplier{
			Seller: w.orgs["reseller"], Buyer: ptr(w.orgs["customer"]),
			Selector:   rates.Selector{Provider: ptr("AWS"), SKU: ptr(""), ChargeCategory: ptr(pricing.Usage)},
			Factor:     dec("1.250"),
			FirstMonth: month("2026-10"), LastMonth: ptr(month("2027-03")), Reason: "agreed",
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(warnings) != 0 || warnings == nil {
			t.Errorf("warnings without usage: %v", warnings)
		}
		want := map[string]string{
			"seller": "reseller", "buyer": "customer", "factor": "1.25", "basis": "UPSTREAM", "provider": "AWS", "category": "Usage",
			"first": "2026-10", "last": "2027-03", "reason": "agreed",
		}
		got := map[string]string{
			"seller": first.Seller.Name, "buyer": first.Buyer.Name, "factor": first.Factor.String(), "basis": string(first.Basis),
			"provider": *first.Selector.Provider, "category": string(*first.Selector.ChargeCategory),
			"first": first.FirstMonth.String(), "last": first.LastMonth.String(), "reason": first.Reason,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if first.Selector.SKU != nil || first.Version != 1 || first.CreatedAt.IsZero() {
			t.Errorf("got %+v", first)
		}
		again, err := w.rates.Get(w.admin("reseller"), first.ID.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if !again.Factor.Equal(first.Factor) || again.Basis != first.Basis || !again.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("read back %+v, set %+v", again, first)
		}
		change := db.Client().JournalChange.Query().Where(journalchange.ResourceID(first.ID.UUID)).OnlyX(w.ctx)
		entry := db.Client().JournalEntry.GetX(w.ctx, change.Revision)
		if change.Before != nil || !strings.Contains(*change.After, `"basis"`) ||
			entry.Action != "setBillingMultiplier" || entry.OrganizationID != w.orgs["reseller"] || entry.Reason != "agreed" {
			t.Errorf("journal: %+v %+v", entry, change)
		}
	})
}

func TestSetReplaces(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		n := w.rule("reseller", "1.1", pricing.Source)
		if got := w.price(n).Version; got != 1 {
			t.Errorf("first version %d", got)
		}
		_, _, err := w.rates.Set(w.admin("reseller"), n)
		if field(err) != "INVALID reason" {
			t.Errorf("replaced without a reason: %v", err)
		}
		n.Reason, n.Factor = "new contract", dec("1.3")
		if got := w.price(n).Version; got != 2 {
			t.Errorf("second version %d", got)
		}
		next := n
		next.Reason, next.FirstMonth = "", month("2026-12")
		if got := w.price(next).Version; got != 3 {
			t.Errorf("a month that has not begun needs no reason: version %d", got)
		}
		other := n
		other.Reason, other.Buyer = "", ptr(w.orgs["customer"])
		if got := w.price(other).Version; got != 1 {
			t.Errorf("another buyer begins at version %d", got)
		}
		got, err := w.effective(w.admin("platform"), "other customer")
		if err != nil {
			t.Fatal(err)
		}
		if want := ": 1.3 SOURCE"; !strings.HasPrefix(got[0], want) {
			t.Errorf("in force: %v", got)
		}
	})
}

// TestSetAtOnce sets the same rule many times at once and expects every version
// once.
func TestSetAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		const writers = 6
		versions := make([]int, writers)
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				n := w.rule("reseller", "1.1", pricing.Source)
				n.Reason = "race"
				m, _, err := w.rates.Set(w.admin("reseller"), n)
				if err != nil {
					t.Error(err)
					return
				}
				versions[i] = m.Version
			})
		}
		wait.Wait()
		slices.Sort(versions)
		if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 6}, versions); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.set("other reseller", "billing.source_cost_visible", false)
		reseller := w.admin("reseller")
		for _, tc := range []struct {
			name string
			ctx  context.Context
			n    func(n *rates.NewMultiplier)
			want string
		}{
			{"a member", w.member("reseller"), nil, "FORBIDDEN "},
			{"a clerk", w.clerk("reseller"), nil, "FORBIDDEN "},
			{"the customer", w.admin("customer"), nil, "NOT_FOUND "},
			{"a sibling", w.admin("other reseller"), nil, "NOT_FOUND "},
			{"nobody", t.Context(), nil, "UNAUTHENTICATED "},
			{"a seller that is not there", reseller, func(n *rates.NewMultiplier) { n.Seller = db.NewID() }, "NOT_FOUND "},
			{"a seller that sells nothing", reseller, func(n *rates.NewMultiplier) { n.Seller = w.orgs["customer"] }, "INVALID sellerId"},
			{"itself", reseller, func(n *rates.NewMultiplier) { n.Buyer = &n.Seller }, "INVALID buyerId"},
			{"its own seller", reseller, func(n *rates.NewMultiplier) { n.Buyer = ptr(w.orgs["distributor"]) }, "NOT_FOUND "},
			{"a sibling as buyer", reseller, func(n *rates.NewMultiplier) { n.Buyer = ptr(w.orgs["other reseller"]) }, "NOT_FOUND "},
			{"a buyer that is not there", reseller, func(n *rates.NewMultiplier) { n.Buyer = ptr(db.NewID()) }, "NOT_FOUND "},
			{"a buyer two tiers down", w.admin("distributor"), func(n *rates.NewMultiplier) {
				n.Seller, n.Buyer = w.orgs["distributor"], ptr(w.orgs["customer"])
			}, "INVALID buyerId"},
			{"no factor", reseller, func(n *rates.NewMultiplier) { n.Factor = dec("0") }, "INVALID factor"},
			{"a factor below 0", reseller, func(n *rates.NewMultiplier) { n.Factor = dec("-1") }, "INVALID factor"},
			{"seven places", reseller, func(n *rates.NewMultiplier) { n.Factor = dec("1.0000001") }, "INVALID factor"},
			{"seven digits", reseller, func(n *rates.NewMultiplier) { n.Factor = dec("1000000") }, "INVALID factor"},
			{"no first month", reseller, func(n *rates.NewMultiplier) { n.FirstMonth = 0 }, "INVALID firstMonth"},
			{"an end before the beginning", reseller, func(n *rates.NewMultiplier) { n.LastMonth = ptr(month("2026-01")) }, "INVALID lastMonth"},
			{"a basis that is none", reseller, func(n *rates.NewMultiplier) { n.Basis = ptr(pricing.Basis("COST")) }, "INVALID basis"},
			{"a long name", reseller, func(n *rates.NewMultiplier) { n.Selector.SKU = ptr(strings.Repeat("x", 201)) }, "INVALID selector.sku"},
			{"a zero byte", reseller, func(n *rates.NewMultiplier) { n.Selector.Region = ptr("\x00") }, "INVALID selector.region"},
			{"a category that is none", reseller, func(n *rates.NewMultiplier) { n.Selector.ChargeCategory = ptr(pricing.ChargeCategory("Gift")) }, "INVALID selector.chargeCategory"},
			{"a long reason", reseller, func(n *rates.NewMultiplier) { n.Reason = strings.Repeat("x", 501) }, "INVALID reason"},
			{"a zero byte in the reason", reseller, func(n *rates.NewMultiplier) { n.Reason = "a\x00" }, "INVALID reason"},
			{"the source cost where it is closed", w.admin("other reseller"), func(n *rates.NewMultiplier) { n.Seller = w.orgs["other reseller"] }, "FORBIDDEN "},
			{"the list cost where it is closed, by the platform", w.admin("platform"), func(n *rates.NewMultiplier) {
				n.Seller, n.Basis = w.orgs["other reseller"], ptr(pricing.List)
			}, "FORBIDDEN "},
			{"the usual basis where it is closed", w.admin("other reseller"), func(n *rates.NewMultiplier) {
				n.Seller, n.Basis = w.orgs["other reseller"], nil
			}, "FORBIDDEN "},
		} {
			n := w.rule("reseller", "1.1", pricing.Source)
			if tc.n != nil {
				tc.n(&n)
			}
			if _, _, err := w.rates.Set(tc.ctx, n); field(err) != tc.want {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if n := db.Client().BillingMultiplier.Query().CountX(w.ctx); n != 0 {
			t.Errorf("%d rules were set all the same", n)
		}
		upstream := w.rule("other reseller", "1.1", pricing.Upstream)
		if _, _, err := w.rates.Set(w.admin("other reseller"), upstream); err != nil {
			t.Errorf("on its own price where the source cost is closed: %v", err)
		}
	})
}

func TestSetThroughTheTree(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		if _, _, err := w.rates.Set(w.admin("distributor"), w.rule("reseller", "1.1", pricing.Source)); err != nil {
			t.Error(err)
		}
	})
}

// The distributor's 1.05 of the source cost undercuts the 1.10 that it pays for
// AWS: it pays 1750, takes 1685 and loses 65.
func TestSetWarns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		aws := w.rule("platform", "1.10", pricing.Source)
		aws.Selector.Provider = ptr("AWS")
		if got := w.warned(w.admin("platform"), aws); len(got) != 0 {
			t.Errorf("a price that all pass on: %v", got)
		}
		n := w.rule("distributor", "1.05", pricing.Source)
		if diff := cmp.Diff([]string{"NEGATIVE_MARGIN distributor -65 USD"}, w.warned(w.admin("distributor"), n)); diff != "" {
			t.Errorf("its own loss: %s", diff)
		}
		n.Reason = "once more"
		if got := w.warned(w.admin("distributor"), n); len(got) != 0 {
			t.Errorf("nothing gets worse: %v", got)
		}
	})
}

// On half of the list cost the platform takes 900 for AWS, whose usage costs it
// 1500, and passes the rest on.
func TestSetWarnsOnListCost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		n := w.rule("platform", "0.5", pricing.List)
		n.Selector.Provider = ptr("AWS")
		if diff := cmp.Diff([]string{"NEGATIVE_MARGIN platform -600 USD"}, w.warned(w.admin("platform"), n)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetWarnsOfTiersBelow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-10")
		w.price(w.rule("reseller", "1.02", pricing.Source))
		// The reseller takes 1.02 of the source cost of 1700, and now pays 1.05.
		n := w.rule("distributor", "1.05", pricing.Source)
		n.FirstMonth = month("2027-02")
		if diff := cmp.Diff([]string{"NEGATIVE_MARGIN reseller"}, w.warned(w.admin("distributor"), n)); diff != "" {
			t.Errorf("to the tier above the loser: %s", diff)
		}
		n.Factor = dec("1.06")
		if diff := cmp.Diff([]string{"NEGATIVE_MARGIN reseller -68 USD"}, w.warned(w.admin("platform"), n)); diff != "" {
			t.Errorf("to the platform: %s", diff)
		}
		// The rule for another buyer touches none of that usage.
		other := w.rule("distributor", "3", pricing.Source)
		other.Buyer = ptr(w.orgs["other reseller"])
		if got := w.warned(w.admin("distributor"), other); len(got) != 0 {
			t.Errorf("another buyer: %v", got)
		}
	})
}

// Usage of another month than the last is not what a warning is about.
func TestSetWarnsOfLastMonthAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.use("2026-09")
		if got := w.warned(w.admin("distributor"), w.rule("distributor", "0.5", pricing.Source)); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		w.use("2026-10")
		db.Client().UsageDataset.Update().SetStatus("SUPERSEDED").ExecX(w.ctx)
		n := w.rule("distributor", "0.4", pricing.Source)
		n.Reason = "lower still"
		if got := w.warned(w.admin("distributor"), n); len(got) != 0 {
			t.Errorf("of usage that does not count: %v", got)
		}
	})
}

// warned sets a rule and returns its warnings as code, organization and amount.
func (w *world) warned(ctx context.Context, n rates.NewMultiplier) []string {
	w.t.Helper()
	_, warnings, err := w.rates.Set(ctx, n)
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, warning := range warnings {
		text := warning.Code + " " + warning.Organization.Name
		if warning.Amount != nil {
			text += " " + warning.Amount.String()
		}
		if !strings.Contains(warning.Message, warning.Organization.Name) {
			w.t.Errorf("the message does not say who loses: %s", warning.Message)
		}
		list = append(list, text)
	}
	return list
}
