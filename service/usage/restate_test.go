package usage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageline"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// correcting are the options of an import that corrects closed months.
func correcting() usage.Options { return usage.Options{CorrectClosedMonths: true} }

// inMonth lets a charge be of a month of 2026.
func inMonth(month time.Month) func(*focus.Row) {
	return func(r *focus.Row) {
		r.BillingPeriodStart = time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
		r.BillingPeriodEnd = r.BillingPeriodStart.AddDate(0, 1, 0)
		r.ChargePeriodStart = r.BillingPeriodStart.Add(90 * time.Minute)
		r.ChargePeriodEnd = r.ChargePeriodStart.Add(time.Hour)
	}
}

// of changes a row by several changes.
func of(changes ...func(*focus.Row)) func(*focus.Row) {
	return func(r *focus.Row) {
		for _, change := range changes {
			change(r)
		}
	}
}

// monthPrices gives the tiers prices that are others in every month from August
// 2026 on: what each adds is a tenth more.
func (w *world) monthPrices() {
	w.t.Helper()
	for i, month := range []string{"2026-08", "2026-09", "2026-10", "2026-11", "2026-12"} {
		for seller, p := range map[string]struct {
			tenths int64
			sku    string
			basis  billingmultiplier.Basis
		}{
			"root": {110, "", billingmultiplier.BasisUPSTREAM}, "partner": {105, "", billingmultiplier.BasisUPSTREAM},
			"reseller": {120, "P5", billingmultiplier.BasisLIST},
		} {
			w.write(func(ctx context.Context, tx *database.Tx) error {
				return tx.BillingMultiplier.Create().SetID(w.db.NewID()).SetSellerID(w.orgs[seller]).SetVersion(i + 1).
					SetProvider("").SetService("").SetSku(p.sku).SetRegion("").SetChargeCategory("").
					SetBasis(p.basis).SetFactor(money.New(p.tenths+int64(10*i), 2).String()).SetFirstMonth(month).SetLastMonth(month).
					SetReason("").SetCreatedAt(w.db.Now()).Exec(ctx)
			})
		}
	}
}

// corrections returns the lines that correct closed months: which month by which,
// the cost, the class and what each tier pays.
func (w *world) corrections() []string {
	w.t.Helper()
	var texts []string
	for _, d := range must(w.db.Client().UsageDataset.Query().
		Where(usagedataset.CorrectsNEQ(""), usagedataset.StatusEQ(usagedataset.StatusACTIVE)).Order(ent.Asc("id")).All(w.ctx)) {
		for _, l := range must(d.QueryUsageLines().Order(ent.Asc("id")).All(w.ctx)) {
			text := fmt.Sprintf("%s in %s: %s %s", d.Corrects, l.Month, plain(l.BilledCost), l.ChargeClass)
			for _, r := range must(w.db.Client().RatedLine.Query().
				Where(ratedline.UsageLineID(l.ID), ratedline.Rating(d.Rating)).Order(ent.Asc("position")).All(w.ctx))[1:] {
				text += " " + w.name(r.BuyerID) + " " + plain(r.Amount)
			}
			texts = append(texts, text)
		}
	}
	return texts
}

func (w *world) wantCorrections(when string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.corrections()); diff != "" {
		w.t.Errorf("corrections %s (-want +got):\n%s", when, diff)
	}
}

// TestAClosedMonthIsRestated closes August and brings other statements of it in:
// what differs is booked in September at the prices of August, and again compared
// with August once September is closed too.
func TestAClosedMonthIsRestated(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.monthPrices()
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		august, september := inMonth(time.August), inMonth(time.September)
		first := w.load(file(t, charge("1000", august), charge("1", of(september, func(r *focus.Row) { r.BillingAccountID = "acct-2" }))), usage.Options{})
		w.closed("root", "2026-08")
		w.closed("partner", "2026-08")

		restated := file(t, charge("800", august), charge("7", september))
		before := w.counts()
		_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(restated), usage.Options{})
		if fault.CodeOf(err) != fault.PeriodClosed || !strings.Contains(fmt.Sprint(err), "correctClosedMonths") {
			t.Errorf("without the option: %v", err)
		}
		if after := w.counts(); after != before {
			t.Errorf("the refused file left something:\n%s\n%s", before, after)
		}

		second := w.load(restated, correcting())
		w.wantCorrections("after the second statement", "2026-08 in 2026-09: -200 Correction partner -220 reseller -231 customer -240")
		if second.RowsRead != 2 || second.RowsStored != 2 || fmt.Sprint(second.BilledCosts) != "[-193 USD]" {
			t.Errorf("it tells of %d rows, %d stored, %v", second.RowsRead, second.RowsStored, second.BilledCosts)
		}
		if got := w.status(first); got != usage.Superseded {
			t.Errorf("the first import is %s", got)
		}
		before = w.counts()
		if again := w.load(restated, correcting()); again.ID != second.ID || w.counts() != before {
			t.Errorf("the same statement again changes something:\n%s\n%s", before, w.counts())
		}

		third := w.load(file(t, charge("850", august)), correcting())
		w.wantCorrections("after the third", "2026-08 in 2026-09: -150 Correction partner -165 reseller -173.25 customer -180")
		if got := w.status(second); got != usage.Superseded {
			t.Errorf("the second import is %s", got)
		}
		if got := w.activeCost(); got != "858" { // 1000 - 150, 7 of September, 1 of the other account
			t.Errorf("%s counts", got)
		}
		// September's own file leaves them alone.
		w.load(file(t, charge("8", september)), correcting())
		w.wantCorrections("after another file of September", "2026-08 in 2026-09: -150 Correction partner -165 reseller -173.25 customer -180")

		w.closed("root", "2026-09")
		w.load(file(t, charge("900", august), charge("2", of(august, func(r *focus.Row) { r.Tags = map[string]string{"b": "2", "a": "1"} }))), correcting())
		w.wantCorrections("in October", "2026-08 in 2026-09: -150 Correction partner -165 reseller -173.25 customer -180",
			"2026-08 in 2026-10: 50 Correction partner 55 reseller 57.75 customer 60",
			"2026-08 in 2026-10: 2 Correction partner 2.2 reseller 2.31 customer 2.4")
		fourth := w.load(file(t, charge("850", of(august, func(r *focus.Row) { r.Line = 9 }))), correcting())
		if fourth.ID == third.ID {
			t.Error("what was restated since is taken for known")
		}
		w.wantCorrections("after what September has closed", "2026-08 in 2026-09: -150 Correction partner -165 reseller -173.25 customer -180")
		if fourth.RowsStored != 0 || w.activeCost() != "859" {
			t.Errorf("%d rows are stored, %s counts", fourth.RowsStored, w.activeCost())
		}
	})
}

// TestCorrectionsArePricedByWhatTheyCorrect restates rows whose charges are of
// another month than their bill: what is no correction itself is priced by the bill,
// also when it is rated again.
func TestCorrectionsArePricedByWhatTheyCorrect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.monthPrices()
		w.mapSubAccounts(map[string]string{"sub-1": "partner", "sub-2": "stranger"})
		late := of(inMonth(time.September), func(r *focus.Row) {
			r.ChargePeriodStart = time.Date(2026, time.August, 31, 23, 0, 0, 0, time.UTC)
		})
		corrects := of(late, func(r *focus.Row) { r.ChargeClass = focus.ClassCorrection })
		w.load(file(t, charge("100", late), charge("100", corrects)), usage.Options{})
		w.closed("root", "2026-09")
		w.load(file(t, charge("90", late), charge("80", corrects)), correcting())
		want := []string{"2026-09 in 2026-10: -10 Correction partner -12", "2026-09 in 2026-10: -20 Correction partner -22"}
		w.wantCorrections("as they are imported", want...)

		_, _, err := rates.New(db, records.New(db)).Set(w.ctx, rates.NewMultiplier{
			Seller: w.orgs["root"], Factor: dec("9"), Basis: ptr(pricing.Source), FirstMonth: must(pricing.ParseMonth("2026-10")), Reason: "because",
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := w.settle(); n != 1 {
			t.Errorf("a price leads to %d ratings", n)
		}
		w.wantCorrections("at another price of October", want...)
		w.mapSubAccounts(map[string]string{"sub-1": "reseller"})
		if n := w.settle(); n != 1 {
			t.Errorf("a mapping leads to %d ratings", n)
		}
		w.wantCorrections("of another owner", "2026-09 in 2026-10: -10 Correction partner -12 reseller -13.8",
			"2026-09 in 2026-10: -20 Correction partner -22 reseller -23.1")
		w.checkRollups()
		w.mapSubAccounts(map[string]string{"sub-1": "partner"})
		w.settle()

		w.load(file(t, charge("100", late), charge("100", corrects)), correcting())
		w.wantCorrections("after all is as it was")
		w.load(file(t, charge("100", corrects)), correcting())
		w.wantCorrections("after one is gone", "2026-09 in 2026-10: -100 Correction partner -120")
	})
}

// TestCorrectionsAreArchived archives a month that corrects another: what it comes to
// stays, and the month that is corrected cannot be compared any more.
func TestCorrectionsAreArchived(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.monthPrices()
		w.mapSubAccounts(map[string]string{"sub-1": "partner"})
		august := inMonth(time.August)
		w.load(file(t, charge("10", august)), usage.Options{})
		w.closed("root", "2026-08")
		w.load(file(t, charge("9", august)), correcting())
		w.closed("root", "2026-09")
		w.keepsMonths(`1`)
		before := w.rollups()
		w.archive()
		w.wantLines(map[string]bool{"2026-08": false, "2026-09": false})
		if diff := cmp.Diff(before, w.rollups()); diff != "" {
			t.Errorf("sums changed: %s", diff)
		}
		_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(file(t, charge("8", august))), correcting())
		if fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%v, want a conflict", err)
		}
	})
}

// TestClosedMonthsThatCannotBeCompared wants CONFLICT and nothing changed for what
// is archived and for months that are closed while the file comes in, before they
// are compared and after that.
func TestClosedMonthsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	for name, interfere := range map[string]func(w *world){
		"archived": func(w *world) {
			if err := w.db.Client().UsageDataset.Update().Where(usagedataset.Month("2026-08")).SetArchivedAt(w.db.Now()).Exec(w.ctx); err != nil {
				w.t.Fatal(err)
			}
		},
		"closed": func(w *world) { w.closed("root", "2026-09") },
	} {
		for step, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				dbtest.Each(t, func(t *testing.T, db *database.DB) {
					w := newTree(t, db)
					august, october := inMonth(time.August), inMonth(time.October)
					w.load(file(t, charge("10", august)), usage.Options{})
					w.closed("root", "2026-08")
					before := w.counts()
					o, told := correcting(), 0
					o.Progress = func(usage.Progress) {
						if told == step {
							interfere(w)
						}
						told++
					}
					_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(file(t, charge("9", august), charge("1", october))), o)
					if fault.CodeOf(err) != fault.Conflict {
						t.Errorf("%v, want a conflict", err)
					}
					if after := w.counts(); after != before {
						t.Errorf("something was left behind:\n%s\n%s", before, after)
					}
				})
			})
		}
	}
}

// TestADeadCorrectionIsSweptAway lets an import die while it corrects a closed
// month, at every batch.
func TestADeadCorrectionIsSweptAway(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": migrated(t, dbtest.SQLiteURL(t)), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := dbtest.Start()
			options := dbtest.Options()
			options.Now = func() time.Time { return now }
			db, err := database.Open(t.Context(), url, options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			w := newTree(t, db)
			w.monthPrices()
			w.mapSubAccounts(map[string]string{"sub-1": "customer"})
			statement := func(cost string) string {
				rows := make([]focus.Row, 10)
				for i := range rows {
					rows[i] = charge(cost, of(inMonth(time.August), func(r *focus.Row) { r.Region = fmt.Sprint("region-", i) }))
				}
				return file(t, rows...)
			}
			w.load(statement("1"), usage.Options{})
			w.closed("root", "2026-08")
			w.svc.SetBatch(3)
			before, rounds := w.counts(), 0
			for died := true; died; rounds++ {
				told := 0
				o := correcting()
				o.Progress = func(usage.Progress) {
					if told++; told != rounds+1 {
						return
					}
					if got := len(w.corrections()); got > 0 {
						t.Errorf("%d corrections count already", got)
					}
					now = now.Add(time.Hour)
					if err := w.svc.Sweep(w.ctx); err != nil {
						t.Error(err)
					}
					if after := w.counts(); after != before {
						t.Errorf("the sweep left something:\n%s\n%s", before, after)
					}
				}
				_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(statement("0.5")), o)
				died = told > rounds
				if died && fault.CodeOf(err) != fault.Conflict {
					t.Errorf("an import that was swept away goes on: %v", err)
				}
				if after := w.counts(); died && after != before {
					t.Errorf("something was left behind:\n%s\n%s", before, after)
				}
			}
			if rounds < 8 || w.activeCost() != "5" || len(w.corrections()) != 10 {
				t.Errorf("after %d rounds %s counts, with %d corrections", rounds, w.activeCost(), len(w.corrections()))
			}
		})
	}
}

// TestRestatementsAtTheSameTime brings different statements of a closed month in at
// once: one of them counts in the end, as a whole.
func TestRestatementsAtTheSameTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		august := inMonth(time.August)
		w.load(file(t, charge("1000", august)), usage.Options{})
		w.closed("root", "2026-08")
		var all errgroup.Group
		for i := range 4 {
			all.Go(func() error {
				restated := file(t, charge(fmt.Sprint(i), august), charge("1", of(august, func(r *focus.Row) { r.Region = fmt.Sprint("region-", i) })))
				_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(restated), correcting())
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		var sum money.Decimal
		for _, d := range must(db.Client().UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusACTIVE)).WithUsageLines().All(w.ctx)) {
			for _, l := range d.Edges.UsageLines {
				sum = sum.Add(dec(l.BilledCost))
			}
		}
		if n := len(w.corrections()); n != 2 || sum.Cmp(dec("1")) < 0 || sum.Cmp(dec("4")) > 0 {
			t.Errorf("%d corrections, %s counts", n, sum)
		}
	})
}

// statements are what a provider states of its billing accounts and months, of each
// the last.
type statements map[string][]focus.Row

// restate states some of them anew: rows are dropped, doubled, tagged otherwise, or
// cost something else, others are added.
func (s statements) restate(random *rand.Rand) []focus.Row {
	var all []focus.Row
	for range 1 + random.IntN(3) {
		account, month := fmt.Sprint("acct-", random.IntN(2)), time.Month(8+random.IntN(3))
		key := fmt.Sprint(account, " ", int(month))
		var rows []focus.Row
		for _, row := range s[key] {
			switch random.IntN(8) {
			case 0:
				continue
			case 1:
				rows = append(rows, row)
			case 2:
				row.BilledCost = money.New(random.Int64N(20_000)-2_000, 3)
			case 3:
				row.Tags = map[string]string{"team": fmt.Sprint(random.IntN(2)), "\"odd\"": "ä"}
			case 4:
				row.PricingQuantity = focus.Some(money.New(random.Int64N(100), 1))
			}
			rows = append(rows, row)
		}
		for range random.IntN(6) {
			rows = append(rows, charge(money.New(random.Int64N(20_000)-2_000, 3).String(), of(inMonth(month), func(r *focus.Row) {
				r.BillingAccountID, r.SubAccountID, r.SKU = account, fmt.Sprint("sub-", random.IntN(4)), []string{"P5", "S3"}[random.IntN(2)]
				r.ChargePeriodStart = r.BillingPeriodStart.AddDate(0, -random.IntN(2), random.IntN(2))
				r.ChargePeriodEnd = r.ChargePeriodStart.Add(time.Hour)
				r.ChargeClass = []string{"", "", focus.ClassCorrection}[random.IntN(3)]
				r.BillingCurrency = []string{"USD", "USD", "EUR"}[random.IntN(3)]
				if random.IntN(2) == 0 {
					r.ListCost = focus.NullDecimal{}
				}
			})))
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if slices.ContainsFunc(all, func(r focus.Row) bool {
			return r.BillingAccountID == account && r.BillingPeriodStart.Month() == month
		}) || len(rows) == 0 {
			continue
		}
		s[key] = rows
		all = append(all, rows...)
	}
	return all
}

// TestRestatementsOfClosedMonths closes months and restates them in any order and in
// batches of any size. What counts of a source is always what its last file states,
// at every tier as if nothing had ever been closed, and nothing of a closed month
// changes any more.
func TestRestatementsOfClosedMonths(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range effort.Cases(40) {
				seed := rand.Uint64()
				random := rand.New(rand.NewPCG(seed, 1))
				w, never := newTree(t, open(t)), newTree(t, dbtest.SQLite(t))
				for _, w := range []*world{w, never} {
					w.monthPrices()
					w.mapSubAccounts(map[string]string{"sub-0": "customer", "sub-1": "reseller", "sub-2": "partner"})
				}
				last, closed := statements{}, 7
				for range 6 + random.IntN(8) {
					if closed < 11 && random.IntN(4) == 0 {
						closed++
						w.closed([]string{"root", "partner"}[random.IntN(2)], fmt.Sprintf("2026-%02d", closed))
						continue
					}
					before := w.closedLines(closed)
					rows := last.restate(random)
					if len(rows) == 0 {
						continue
					}
					w.svc.SetBatch(1 + random.IntN(20))
					w.load(file(t, rows...), correcting())
					if diff := cmp.Diff(before, w.closedLines(closed)); diff != "" {
						t.Fatalf("seed %d: closed months changed:\n%s", seed, diff)
					}
				}
				for _, rows := range last {
					never.load(file(t, rows...), usage.Options{})
				}
				if diff := cmp.Diff(never.stated(), w.stated()); diff != "" {
					t.Fatalf("seed %d (-as if never closed +closed):\n%s", seed, diff)
				}
				w.settle()
				w.checkTelescoped(t, fmt.Sprintf("seed %d", seed))
			}
		})
	}
}

// closedLines returns what closed months have: lines and what they cost.
func (w *world) closedLines(closed int) []string {
	w.t.Helper()
	through := fmt.Sprintf("2026-%02d", closed)
	var texts []string
	active := usagedataset.StatusEQ(usagedataset.StatusACTIVE)
	for _, l := range must(w.db.Client().UsageLine.Query().Where(usageline.MonthLTE(through), usageline.HasDatasetWith(active)).Order(ent.Asc("id")).All(w.ctx)) {
		texts = append(texts, l.String())
	}
	for _, r := range must(w.db.Client().RatedLine.Query().Where(ratedline.MonthLTE(through), ratedline.HasDatasetWith(active)).Order(ent.Asc("id")).All(w.ctx)) {
		texts = append(texts, r.String())
	}
	return texts
}

// stated returns what lines come to that have everything in common, by the source
// that states them: cost, list cost, quantity and what each tier pays. What comes to
// nothing is left out.
func (w *world) stated() map[string]string {
	w.t.Helper()
	sums := map[string]map[string]money.Decimal{}
	for _, d := range must(w.db.Client().UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusACTIVE)).All(w.ctx)) {
		month := d.Month
		if d.Corrects != "" {
			month = d.Corrects
		}
		for _, l := range must(d.QueryUsageLines().All(w.ctx)) {
			class := l.ChargeClass
			if l.PriceMonth != nil {
				class = ""
			}
			key := fmt.Sprint(d.BillingAccountID, month, l.SubAccountID, l.Sku, l.ChargePeriodStart.UTC(), class, l.Currency, object(w.t, l.Tags))
			if sums[key] == nil {
				sums[key] = map[string]money.Decimal{}
			}
			add := func(name, amount string) { sums[key][name] = sums[key][name].Add(dec(amount)) }
			add("cost", l.BilledCost)
			list := l.BilledCost
			if l.ListCost != nil {
				list = *l.ListCost
			}
			add("list", list)
			if l.Quantity != nil {
				add("quantity", *l.Quantity)
			}
			for _, r := range must(w.db.Client().RatedLine.Query().Where(ratedline.UsageLineID(l.ID), ratedline.Rating(d.Rating)).All(w.ctx)) {
				add(w.name(r.BuyerID), r.Amount)
			}
		}
	}
	texts := map[string]string{}
	for key, amounts := range sums {
		for name, amount := range amounts {
			if !amount.IsZero() {
				texts[key+" "+name] = amount.String()
			}
		}
	}
	return texts
}
