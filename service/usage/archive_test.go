package usage_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/billingmonth"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/costrollup"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageline"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// TestArchive archives a month once it is old enough and closed on every edge, and
// not before, and goes on where a run broke off. Nothing of the roll-ups changes.
func TestArchive(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.price(price{seller: "root", factor: "1.1", basis: billingmultiplier.BasisSOURCE})
		w.mapSubAccounts(map[string]string{"sub": "customer"})
		kept := map[string]bool{} // by month
		for _, month := range []string{"2026-08", "2026-09", "2026-10"} {
			file := strings.ReplaceAll(archived, "2026-08", month)
			w.load(file, usage.Options{})
			kept[month] = true
		}
		before := w.rollups()
		w.wantLines(kept)
		w.keepsMonths(`1`)
		w.archive()
		w.wantLines(kept) // nothing is closed
		for _, seller := range []string{"root", "partner"} {
			w.closed(seller, "2026-08")
			w.closed(seller, "2026-09")
		}
		w.archive()
		w.wantLines(kept) // the reseller sells it on
		w.closed("reseller", "2026-08")
		w.archive()
		kept["2026-08"] = false
		w.wantLines(kept)
		// A run that broke off has marked and not deleted.
		if err := db.Client().UsageDataset.Update().Where(usagedataset.Month("2026-09")).SetArchivedAt(db.Now()).Exec(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.archive()
		kept["2026-09"] = false
		w.wantLines(kept)
		if diff := cmp.Diff(before, w.rollups()); diff != "" {
			t.Errorf("sums changed: %s", diff)
		}
	})
}

const archived = `BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,ServiceName,SubAccountId
10.5,payer,USD,2026-08-01T00:00:00Z,2026-08-30T00:00:00Z,2026-08-02T00:00:00Z,2026-08-02T01:00:00Z,Usage,AWS,EC2,sub
-0.25,payer,USD,2026-08-01T00:00:00Z,2026-08-30T00:00:00Z,2026-08-03T00:00:00Z,2026-08-03T01:00:00Z,Credit,AWS,EC2,sub
`

func (w *world) archive() {
	w.t.Helper()
	if err := w.svc.Archive(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// keepsMonths sets the policy of the root.
func (w *world) keepsMonths(value string) {
	w.t.Helper()
	target := settings.Target{ScopeID: typeid.New(typeid.Organization, w.orgs["root"]), Key: "policies.archive_cost_months"}
	if _, err := settings.New(w.db, records.New(w.db)).Set(w.ctx, target, "", []byte(value)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) closed(seller, month string) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *database.Tx) error {
		return tx.BillingMonth.Create().SetID(w.db.NewID()).SetSellerID(w.orgs[seller]).SetMonth(month).
			SetStatus(billingmonth.StatusCLOSED).SetCreatedAt(w.db.Now()).Exec(ctx)
	})
}

// wantLines compares which months have lines and prices of them.
func (w *world) wantLines(kept map[string]bool) {
	w.t.Helper()
	for month, want := range kept {
		lines := w.db.Client().UsageLine.Query().Where(usageline.Month(month)).CountX(w.ctx)
		rated := w.db.Client().RatedLine.Query().Where(ratedline.Month(month)).CountX(w.ctx)
		if (lines > 0) != want || (rated > 0) != want {
			w.t.Errorf("%s: %d lines and %d prices, want some: %t", month, lines, rated, want)
		}
	}
}

// rollups returns every roll-up in a text.
func (w *world) rollups() []string {
	w.t.Helper()
	var texts []string
	for _, row := range w.db.Client().CostRollup.Query().Order(costrollup.ByID()).AllX(w.ctx) {
		texts = append(texts, row.String())
	}
	return texts
}
