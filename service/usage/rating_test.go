package usage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/costrollup"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/jobs"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// settle does the jobs that are due and returns how many those were.
func (w *world) settle() int {
	w.t.Helper()
	does := jobs.New(w.db, records.New(w.db))
	does.Handle(database.RateUsage, w.svc.Rate)
	n, err := does.RunDue(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// reprice sets a price of a seller through the service, for all of its direct
// customers.
func (w *world) reprice(seller, factor string, basis pricing.Basis, selector rates.Selector) {
	w.t.Helper()
	_, _, err := rates.New(w.db, records.New(w.db)).Set(w.ctx, rates.NewMultiplier{
		Seller: w.orgs[seller], Selector: selector, Factor: dec(factor), Basis: &basis, FirstMonth: must(pricing.ParseMonth("2026-01")), Reason: "because",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestPricesRateWhatCameIn sets prices after usage came in: it is rated again,
// once, and nothing but what the price is about.
func TestPricesRateWhatCameIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		w.load(file(t, charge("10", nil), charge("5", func(r *focus.Row) { r.SubAccountID = "nobody's" }),
			charge("-3", func(r *focus.Row) { r.ChargeCategory = focus.CategoryCredit })), usage.Options{})
		w.load(file(t, charge("7", func(r *focus.Row) { r.Provider = "Oracle" })), usage.Options{})
		if n := w.settle(); n != 0 {
			t.Errorf("%d ratings of what has just come in", n)
		}
		for _, step := range []struct {
			name  string
			set   func()
			rated int
		}{
			{"a price for all", func() { w.reprice("root", "1.1", pricing.Source, rates.Selector{}) }, 2},
			{"a price for one provider", func() { w.reprice("partner", "1.5", pricing.Upstream, rates.Selector{Provider: ptr("Oracle")}) }, 1},
			{"a price of who sells none of it", func() { w.reprice("stranger", "2", pricing.Upstream, rates.Selector{}) }, 0},
			{"two prices at once", func() {
				w.reprice("reseller", "1.2", pricing.Upstream, rates.Selector{})
				w.reprice("root", "1.3", pricing.List, rates.Selector{})
			}, 2},
			{"a mapping", func() { w.mapSubAccounts(map[string]string{"nobody's": "reseller"}) }, 2},
			{"the same mapping", func() { w.mapSubAccounts(map[string]string{"nobody's": "reseller"}) }, 0},
			{"another owner", func() { w.mapSubAccounts(map[string]string{"sub-1": "reseller"}) }, 2},
		} {
			before := w.ratings()
			step.set()
			waiting, err := w.svc.RatingProgress(w.ctx, batch.Of(w.orgs["root"]), w.orgs["root"])
			if err != nil || waiting.Datasets != step.rated || waiting.LinesDone != 0 || (waiting.Lines == 0) != (step.rated == 0) {
				t.Errorf("%s: %+v waits, %v", step.name, waiting, err)
			}
			w.settle()
			rated := 0
			for id, rating := range w.ratings() {
				if rating != before[id] {
					rated++
				}
			}
			if rated != step.rated {
				t.Errorf("%s: %d datasets were rated again, want %d", step.name, rated, step.rated)
			}
			if waiting, err := w.svc.RatingProgress(w.ctx, batch.Of(w.orgs["root"]), w.orgs["root"]); err != nil || *waiting != (usage.RatingProgress{}) {
				t.Errorf("%s: %+v waits in the end, %v", step.name, waiting, err)
			}
			w.checkRated()
			w.checkRollups()
		}
	})
}

// ratings returns the rating that counts of each dataset.
func (w *world) ratings() map[int64]int {
	w.t.Helper()
	ratings := map[int64]int{}
	for _, d := range must(w.db.Client().UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusACTIVE)).All(w.ctx)) {
		ratings[d.ID] = d.Rating
	}
	return ratings
}

// TestChangesWhileAnImportLoads changes a price, or whose the usage is, after an
// import has read the prices and mappings and before it is activated: the import
// is rated again.
func TestChangesWhileAnImportLoads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(w *world)
		owner  string
	}{
		"a price":   {func(w *world) { w.reprice("partner", "1.25", pricing.Upstream, rates.Selector{}) }, "customer"},
		"a mapping": {func(w *world) { w.mapSubAccounts(map[string]string{"sub-1": "reseller"}) }, "reseller"},
		"a cloud account": {func(w *world) {
			_, err := w.svc.CreateCloudAccount(w.viewer("root", orgtree.Platform), usage.NewCloudAccount{
				Organization: w.orgs["partner"], Name: "new", Provider: "aws", ProviderAccountID: "sub-2", Importer: ptr(w.orgs["root"]),
			})
			if err != nil {
				w.t.Error(err)
			}
		}, "customer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newTree(t, db)
				w.mapSubAccounts(map[string]string{"sub-1": "customer"})
				rows := make([]focus.Row, 2100)
				for i := range rows {
					rows[i] = charge("1.5", func(r *focus.Row) {
						if i == 0 {
							r.SubAccountID = "sub-2"
						}
					})
				}
				once := false
				w.load(file(t, rows...), usage.Options{Progress: func(usage.Progress) {
					if !once {
						once = true
						tt.change(w)
					}
				}})
				if n := w.settle(); n != 1 {
					t.Errorf("%d ratings", n)
				}
				lines := w.lines()
				if got := w.name(lines[len(lines)-1].OrganizationID); got != tt.owner {
					t.Errorf("the usage is of the %s, want the %s", got, tt.owner)
				}
				if got := w.name(lines[0].OrganizationID); (got != "root") != (name == "a cloud account") {
					t.Errorf("the usage of the account is of the %s", got)
				}
				w.checkRated()
				w.checkRollups()
			})
		})
	}
}

// TestRatingsAreResumedAndOvertaken breaks ratings off at every place and lets
// several go on with them: what counts is always one whole rating, and in the end
// that of the last price.
func TestRatingsAreResumedAndOvertaken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		w := newTree(t, db)
		w.svc.SetStretch(150)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		const rowCount = 1500
		rows := make([]focus.Row, rowCount)
		for i := range rows {
			rows[i] = charge("1", func(r *focus.Row) { r.SKU = fmt.Sprint("sku-", i%9) })
		}
		w.load(file(t, rows...), usage.Options{})
		dataset := must(db.Client().UsageDataset.Query().Only(w.ctx)).ID
		payload := fmt.Sprintf(`{"dataset": %d}`, dataset)
		for range effort.Cases(60) {
			w.reprice("partner", fmt.Sprintf("1.%d", 1+random.IntN(9)), pricing.Upstream, rates.Selector{})
			var all errgroup.Group
			for range 2 {
				ctx, cancel := context.WithTimeout(w.ctx, time.Duration(random.IntN(80))*time.Millisecond)
				defer cancel()
				all.Go(func() error {
					if err := w.svc.Rate(ctx, []byte(payload)); ctx.Err() == nil {
						return err
					}
					return nil
				})
			}
			if err := all.Wait(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			w.checkWhole(rowCount)
		}
		w.settle()
		w.checkRated()
		w.checkRollups()
		if left := must(db.Client().Job.Query().Where(job.Kind(database.RateUsage), job.StatusNEQ(job.StatusDONE)).Count(w.ctx)); left != 0 {
			t.Errorf("%d jobs are left", left)
		}
	})
}

// checkWhole checks that the roll-ups and the rated lines that count are those of
// all rows at one price.
func (w *world) checkWhole(rows int) {
	w.t.Helper()
	dataset := must(w.db.Client().UsageDataset.Query().Only(w.ctx))
	var sold, rolled money.Decimal
	prices := map[string]bool{}
	rated := must(w.db.Client().RatedLine.Query().Where(ratedline.Rating(dataset.Rating), ratedline.SellerID(w.orgs["partner"])).All(w.ctx))
	for _, r := range rated {
		prices[r.Amount] = true
		sold = sold.Add(dec(r.Amount))
	}
	for _, r := range must(w.db.Client().CostRollup.Query().Where(costrollup.Rating(dataset.Rating), costrollup.OrganizationID(w.orgs["partner"])).All(w.ctx)) {
		rolled = rolled.Add(dec(r.Sell))
	}
	if len(rated) != rows || len(prices) != 1 || !rolled.Equal(sold) {
		w.t.Errorf("%d lines at the prices %v add up to %s, the roll-ups to %s", len(rated), prices, sold, rolled)
	}
}
