package usage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageline"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// history is what happened to the usage of a world: files came in, and prices and
// mappings changed before and after that.
type history struct {
	files   [][]focus.Row
	changes []func(w *world)
}

// newHistory makes one up. The files are of few billing accounts and months, so
// that some replace others.
func newHistory(random *rand.Rand) history {
	var h history
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for range 2 + random.IntN(4) {
		account, month := fmt.Sprint("acct-", random.IntN(2)), time.Date(2026, time.Month(8+random.IntN(3)), 1, 0, 0, 0, 0, time.UTC)
		var rows []focus.Row
		for range 1 + random.IntN(120) {
			rows = append(rows, charge(money.New(random.Int64N(2_000_000)-200_000, int32(random.IntN(18))).String(), func(r *focus.Row) {
				r.BillingAccountID, r.BillingPeriodStart, r.BillingPeriodEnd = account, month, month.AddDate(0, 1, 0)
				r.ChargePeriodStart = month.AddDate(0, -random.IntN(2), random.IntN(4))
				r.ChargePeriodEnd = r.ChargePeriodStart.Add(time.Hour)
				r.SubAccountID, r.SKU, r.BillingCurrency = fmt.Sprint("sub-", random.IntN(4)), fmt.Sprint("sku-", random.IntN(3)), pick("USD", "USD", "EUR")
				r.ChargeCategory = pick(focus.CategoryUsage, focus.CategoryUsage, focus.CategoryCredit, focus.CategoryTax)
				r.ChargeClass = pick("", "", focus.ClassCorrection)
				if random.IntN(3) > 0 {
					r.ListCost = focus.NullDecimal{}
				}
			}))
		}
		h.files = append(h.files, rows)
	}
	for range 3 + random.IntN(6) {
		if random.IntN(3) == 0 {
			mapping := usage.NewMapping{SubAccountID: ptr(fmt.Sprint("sub-", random.IntN(4)))}
			if random.IntN(2) == 0 {
				mapping.FirstMonth = ptr(must(pricing.ParseMonth(pick("2026-07", "2026-08", "2026-09"))))
			}
			owner := pick("partner", "reseller", "customer")
			h.changes = append(h.changes, func(w *world) {
				mapping.OrganizationID = w.orgs[owner]
				must(w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{mapping}))
			})
			continue
		}
		seller, factor := pick("root", "partner", "reseller"), money.New(1+random.Int64N(3_000_000), 6).String()
		basis := []pricing.Basis{pricing.Source, pricing.Upstream, pricing.List}[random.IntN(3)]
		selector := []rates.Selector{{}, {}, {SKU: ptr("sku-1")}, {ChargeCategory: ptr(pricing.Credit)}}[random.IntN(4)]
		h.changes = append(h.changes, func(w *world) { w.reprice(seller, factor, basis, selector) })
	}
	return h
}

// TestHistoryDoesNotMatter brings usage in while prices and mappings change, in
// batches and stretches of any size, and then in another world after all of these
// changes, in other batches and in another order of rows. What counts in the end is
// the same, to the last digit: what was rated again is what a full recomputation
// comes to. And it adds up: what a tier takes is what the next pays, what all of
// them keep is what owners pay above the source.
func TestHistoryDoesNotMatter(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range effort.Cases(40) {
				seed := rand.Uint64()
				random := rand.New(rand.NewPCG(seed, 1))
				h := newHistory(random)
				lived, recomputed := newTree(t, open(t)), newTree(t, dbtest.SQLite(t))
				lived.live(t, random, h)
				recomputed.recompute(t, random, h)
				if diff := cmp.Diff(recomputed.counting(), lived.counting()); diff != "" {
					t.Fatalf("seed %d (-recomputed +lived):\n%s", seed, diff)
				}
				lived.checkTelescoped(t, fmt.Sprintf("seed %d", seed))
			}
		})
	}
}

// live lets files come in and changes happen in any order.
func (w *world) live(t *testing.T, random *rand.Rand, h history) {
	t.Helper()
	for i, j := 0, 0; i < len(h.files) || j < len(h.changes); {
		if j == len(h.changes) || i < len(h.files) && random.IntN(2) == 0 {
			w.svc.SetBatch(1 + random.IntN(50))
			w.load(file(t, h.files[i]...), usage.Options{})
			i++
		} else {
			h.changes[j](w)
			j++
		}
		if random.IntN(2) == 0 {
			w.svc.SetStretch(1 + random.IntN(60))
			w.settle()
		}
	}
	w.settle()
}

// recompute makes all changes first, and brings what has not been replaced in
// afterwards, its rows in any order.
func (w *world) recompute(t *testing.T, random *rand.Rand, h history) {
	t.Helper()
	for _, change := range h.changes {
		change(w)
	}
	for i, rows := range h.files {
		replaced := slices.ContainsFunc(h.files[i+1:], func(later []focus.Row) bool {
			return later[0].BillingAccountID == rows[0].BillingAccountID && later[0].BillingPeriodStart.Equal(rows[0].BillingPeriodStart)
		})
		if replaced {
			continue
		}
		mixed := slices.Clone(rows)
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		w.svc.SetBatch(1 + random.IntN(500))
		w.load(file(t, mixed...), usage.Options{})
	}
	if n := w.settle(); n > 0 {
		t.Errorf("%d ratings of what was rated by the last price", n)
	}
}

// counting returns the roll-ups that count, by names.
func (w *world) counting() map[string]sums {
	w.t.Helper()
	all := map[string]sums{}
	for _, r := range must(w.db.Client().CostRollup.Query().WithDataset().All(w.ctx)) {
		if d := r.Edges.Dataset; d.Status != usagedataset.StatusACTIVE || r.Rating != d.Rating {
			continue
		}
		key := strings.Join([]string{
			r.Edges.Dataset.BillingAccountID, r.Edges.Dataset.Month, w.name(r.OrganizationID), w.name(value(r.CustomerID)), w.name(r.OwnerID),
			r.Day.UTC().Format(time.DateOnly), r.Sku, r.ChargeCategory, r.Currency,
		}, " ")
		was, ok := all[key]
		if !ok {
			was = sums{Buy: "0", Sell: "0"}
		}
		all[key] = sums{Buy: dec(was.Buy).Add(dec(r.Buy)).String(), Sell: dec(was.Sell).Add(dec(r.Sell)).String(), Lines: was.Lines + r.Lines}
	}
	return all
}

// checkTelescoped wants that the roll-ups of each tier are the sums of the rated
// lines, and that the tiers keep what owners pay above the source, in each
// currency.
func (w *world) checkTelescoped(t *testing.T, which string) {
	t.Helper()
	client := w.db.Client()
	currencies := map[int64]string{}
	bought, sold := map[string]money.Decimal{}, map[string]money.Decimal{} // by organization and currency
	source, paid := map[string]money.Decimal{}, map[string]money.Decimal{} // by currency
	for _, line := range must(client.UsageLine.Query().Where(usageline.HasDatasetWith(usagedataset.StatusEQ(usagedataset.StatusACTIVE))).All(w.ctx)) {
		currencies[line.ID] = line.Currency
		source[line.Currency] = source[line.Currency].Add(dec(line.BilledCost))
	}
	for _, r := range must(client.RatedLine.Query().Where(ratedline.HasDatasetWith(usagedataset.StatusEQ(usagedataset.StatusACTIVE))).WithDataset().All(w.ctx)) {
		if r.Rating != r.Edges.Dataset.Rating {
			t.Errorf("%s: rating %d is left, %d counts", which, r.Rating, r.Edges.Dataset.Rating)
			continue
		}
		currency, amount := currencies[r.UsageLineID], dec(r.Amount)
		buyer := w.name(r.BuyerID) + " " + currency
		bought[buyer] = bought[buyer].Add(amount)
		if r.SellerID != nil {
			seller := w.name(*r.SellerID) + " " + currency
			sold[seller] = sold[seller].Add(amount)
		}
		if r.BuyerID == r.OwnerID {
			paid[currency] = paid[currency].Add(amount)
		}
	}
	kept := map[string]money.Decimal{}
	for _, r := range must(client.CostRollup.Query().WithDataset().All(w.ctx)) {
		if r.Edges.Dataset.Status != usagedataset.StatusACTIVE {
			continue
		}
		who := w.name(r.OrganizationID) + " " + r.Currency
		bought[who], sold[who] = bought[who].Sub(dec(r.Buy)), sold[who].Sub(dec(r.Sell))
		if r.CustomerID != nil {
			kept[r.Currency] = kept[r.Currency].Add(dec(r.Sell)).Sub(dec(r.Buy))
		}
	}
	for what, left := range map[string]map[string]money.Decimal{"buys": bought, "sells": sold} {
		for who, sum := range left {
			if !sum.IsZero() {
				t.Errorf("%s: what %s %s differs between lines and roll-ups by %s", which, who, what, sum)
			}
		}
	}
	for currency, sum := range source {
		if got, want := kept[currency], paid[currency].Sub(sum); !got.Equal(want) {
			t.Errorf("%s: in %s the tiers keep %s, owners pay %s above the source", which, currency, got, want)
		}
	}
}
