package usage_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/costrollup"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// hour returns an instant of October and November 2026.
func hour(n int) time.Time {
	return time.Date(2026, time.October, 1, n, 0, 0, 0, time.UTC)
}

// meterWith makes a unit of an organization that costs 0.37, and 0.41 from the tenth of
// October on, with the SKUs CPU and GPU, one of which is 12.5 units, and 11 from the
// twentieth on.
func (w *world) meterWith(organization string) {
	w.t.Helper()
	unit := must(w.svc.CreateBillingUnit(w.ctx, usage.NewBillingUnit{Organization: w.orgs[organization], Name: "credit", Currency: "USD", Rate: dec("0.37")}))
	must(w.svc.SetBillingUnitRate(w.ctx, unit.ID.UUID, dec("0.41"), ptr(hour(9*24))))
	for code, rate := range map[string]string{"CPU": "1", "GPU": "12.5"} {
		k := must(w.svc.CreateSKU(w.ctx, usage.NewSKU{Unit: unit.ID.UUID, Code: code, Name: code, Type: "Compute", Subtype: "Hour", Rate: dec(rate)}))
		if code == "GPU" {
			must(w.svc.SetSKURate(w.ctx, k.ID.UUID, dec("11"), ptr(hour(19*24))))
		}
	}
}

// amount returns what an event costs by the rates of meterWith.
func amount(e metering.Event) money.Decimal {
	rate, unitRate := dec("1"), dec("0.37")
	if e.SKU == "GPU" {
		rate = dec("12.5")
		if !e.Start.Before(hour(19 * 24)) {
			rate = dec("11")
		}
	}
	if !e.Start.Before(hour(9 * 24)) {
		unitRate = dec("0.41")
	}
	return e.Quantity.Mul(rate).Mul(unitRate).Round(18)
}

func (w *world) record(organization string, events ...metering.Event) int {
	w.t.Helper()
	told, added, err := w.svc.RecordUsage(w.ctx, w.orgs[organization], events)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, e := range told {
		if e.IdempotencyKey != events[i].Key {
			w.t.Errorf("event %d is %s, want %s", i, e.IdempotencyKey, events[i].Key)
		}
	}
	return added
}

// event returns usage of an organization.
func (w *world) event(key, sku, quantity, owner string, start int) metering.Event {
	return metering.Event{Key: key, SKU: sku, Quantity: dec(quantity), Owner: orgtree.ID(w.orgs[owner]), Start: hour(start), End: hour(start + 1)}
}

// randomEvents returns usage of the partner and those below it, some of it with
// corrections, each behind what it corrects.
func (w *world) randomEvents(random *rand.Rand, n int, group uuid.UUID) []metering.Event {
	var events []metering.Event
	for i := range n {
		owner := []string{"partner", "reseller", "customer"}[random.IntN(3)]
		e := w.event(fmt.Sprint(i), []string{"CPU", "GPU"}[random.IntN(2)], fmt.Sprintf("%d.%06d", random.IntN(100), random.IntN(1e6)), owner, random.IntN(50*24))
		if owner == "customer" && random.IntN(2) == 0 {
			e.Group = orgtree.ID(group)
		}
		if random.IntN(3) == 0 {
			e.Project, e.Tags = "apollo", map[string]string{"queue": fmt.Sprint(i % 3)}
		}
		events = append(events, e)
	}
	for i := range n / 5 {
		of := events[random.IntN(n)]
		of.Corrects, of.Key, of.Quantity = of.Key, fmt.Sprint("correction ", i), of.Quantity.Mul(dec("-0.1")).Round(18)
		events = append(events, of)
	}
	return events
}

// inAnyOrder shuffles events, but for corrections, which stay behind what they
// correct.
func inAnyOrder(random *rand.Rand, events []metering.Event) []metering.Event {
	shuffled := slices.Clone(events)
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	slices.SortStableFunc(shuffled, func(a, b metering.Event) int { return len(a.Corrects) - len(b.Corrects) })
	first := slices.IndexFunc(shuffled, func(e metering.Event) bool { return e.Corrects != "" })
	corrections := slices.Clone(shuffled[first:])
	shuffled = shuffled[:first]
	for _, c := range corrections {
		of := slices.IndexFunc(shuffled, func(e metering.Event) bool { return e.Key == c.Corrects })
		shuffled = slices.Insert(shuffled, of+1+random.IntN(len(shuffled)-of), c)
	}
	return shuffled
}

// bought returns what each organization pays for the usage of each owner, by the
// roll-ups that count.
func (w *world) bought() map[string]string {
	w.t.Helper()
	sums := map[string]money.Decimal{}
	datasets := must(w.db.Client().UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusACTIVE)).All(w.ctx))
	for _, d := range datasets {
		rows := must(w.db.Client().CostRollup.Query().Where(costrollup.DatasetID(d.ID), costrollup.Rating(d.Rating)).All(w.ctx))
		for _, r := range rows {
			key := d.Month + " " + w.name(r.OrganizationID) + " " + w.name(r.OwnerID) + " " + r.Sku
			sums[key] = sums[key].Add(dec(r.Buy))
		}
	}
	return written(sums)
}

func written(sums map[string]money.Decimal) map[string]string {
	texts := map[string]string{}
	for key, sum := range sums {
		texts[key] = sum.String()
	}
	return texts
}

// expected returns what bought does, from the events and the factors alone.
func (w *world) expected(events []metering.Event, factors map[string]string) map[string]string {
	sums := map[string]money.Decimal{}
	for _, e := range events {
		price := amount(e)
		factor := dec("1")
		for _, tier := range []string{"partner", "reseller", "customer"} {
			key := pricing.MonthOf(e.Start).String() + " " + tier + " " + w.name(uuid.UUID(e.Owner)) + " " + e.SKU
			sums[key] = sums[key].Add(price.Mul(factor).Round(18))
			if uuid.UUID(e.Owner) == w.orgs[tier] {
				break
			}
			factor = factor.Mul(dec(factors[tier]))
		}
	}
	return written(sums)
}

// TestEventsInAnyOrderAndBatchesCostTheSame records the same events in any order and
// in batches of any size, some of them twice, while prices change and parts are
// rated again: in the end all costs are those that follow from the events alone.
func TestEventsInAnyOrderAndBatchesCostTheSame(t *testing.T) {
	t.Parallel()
	for i := range effort.Cases(60) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				random := rand.New(rand.NewPCG(seed, 1))
				w := newTree(t, db)
				w.meterWith("partner")
				w.svc.SetPartLines(5 + random.IntN(60))
				events := w.randomEvents(random, 60, w.group("customer", "team"))
				factors := map[string]string{"partner": "1.07", "reseller": "1.033333"}
				added := 0
				for rest := inAnyOrder(random, events); len(rest) > 0; {
					n := min(len(rest), 1+random.IntN(25))
					added += w.record("partner", rest[:n]...)
					if again := w.record("partner", rest[:1+random.IntN(n)]...); again != 0 {
						t.Errorf("%d events were recorded again", again)
					}
					rest = rest[n:]
					if random.IntN(4) == 0 {
						factors["partner"] = fmt.Sprintf("1.%d", 1+random.IntN(99))
						w.reprice("partner", factors["partner"], pricing.Upstream, rates.Selector{Provider: ptr(usage.MeteredProvider)})
					}
					if random.IntN(3) == 0 {
						w.settle()
					}
				}
				for seller, factor := range factors {
					w.reprice(seller, factor, pricing.Upstream, rates.Selector{Provider: ptr(usage.MeteredProvider)})
				}
				w.settle()
				if want, got := w.expected(events, factors), w.bought(); added != len(events) || !maps.Equal(want, got) {
					t.Errorf("%d of %d events cost\n%v, want\n%v", added, len(events), got, want)
				}
				w.checkRated()
				w.checkRollups()
			})
		})
	}
}

// TestACompletePartIsRatedOnce adds events one by one: a part that is complete takes
// no more, its many roll-ups become few, and nothing is lost beside it.
func TestACompletePartIsRatedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.meterWith("partner")
		w.svc.SetPartLines(4)
		var events []metering.Event
		for i := range 10 {
			events = append(events, w.event(fmt.Sprint(i), "CPU", "1.5", "customer", 5))
			w.record("partner", events[i])
		}
		const tiers = 3
		if n := must(db.Client().CostRollup.Query().Count(w.ctx)); n != 10*tiers {
			t.Errorf("%d roll-ups", n)
		}
		if n := w.settle(); n != 2 {
			t.Errorf("%d ratings", n)
		}
		if n := must(db.Client().CostRollup.Query().Count(w.ctx)); n != (1+1+2)*tiers {
			t.Errorf("%d roll-ups in the end", n)
		}
		parts := must(db.Client().UsageDataset.Query().WithImport().Order(ent.Asc(usagedataset.FieldPart)).All(w.ctx))
		for i, want := range []int64{4, 4, 2} {
			if len(parts) != 3 || parts[i].Part != i+1 || parts[i].Edges.Import.RowsStored != want {
				t.Fatalf("part %d of %d: %+v", i, len(parts), parts)
			}
		}
		if want, got := w.expected(events, map[string]string{"partner": "1", "reseller": "1"}), w.bought(); !maps.Equal(want, got) {
			t.Errorf("cost %v, want %v", got, want)
		}
		w.checkRated()
		w.checkRollups()
	})
}

// TestMeteredUsageIsNoFiles keeps the two apart: a file neither replaces what was
// metered nor attributes it, and does not become metered either.
func TestMeteredUsageIsNoFiles(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.meterWith("root")
		event := w.event("1", "CPU", "2", "customer", 5)
		event.Tags = map[string]string{"team": "blue"}
		w.record("root", event)
		before := w.counts()
		for range 2 {
			if n := w.record("root", event); n != 0 {
				t.Errorf("%d events were recorded again", n)
			}
		}
		if after := w.counts(); after != before {
			t.Errorf("a retry has made of %s\n%s", before, after)
		}
		dataset := must(db.Client().UsageDataset.Query().Only(w.ctx))
		row := charge("7", nil)
		row.Provider, row.BillingAccountID = dataset.Provider, dataset.BillingAccountID
		w.load(file(t, row), usage.Options{})
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{{TagKey: ptr("team"), OrganizationID: w.orgs["stranger"]}}); err != nil {
			t.Fatal(err)
		}
		if n := w.settle(); n != 1 {
			t.Errorf("%d ratings, want that of the file", n)
		}
		w.reprice("root", "1.5", pricing.Source, rates.Selector{})
		w.settle()
		owners := map[string]string{}
		for _, l := range w.lines() {
			owners[dec(l.BilledCost).String()] = w.name(l.OrganizationID)
		}
		if fmt.Sprint(owners) != "map[0.74:customer 7:root]" {
			t.Errorf("the usage is %v", owners)
		}
		w.checkRated()
		w.checkRollups()
	})
}

// TestABatchIsRecordedAsAWhole has one bad event among good ones.
func TestABatchIsRecordedAsAWhole(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.meterWith("partner")
		good := w.event("good", "CPU", "2", "customer", 5)
		large := w.event("bad", "GPU", "99999999999999999999", "customer", 5)
		before := w.counts()
		for name, tt := range map[string]struct {
			bad  metering.Event
			code fault.Code
		}{
			"above":                 {w.event("bad", "CPU", "2", "root", 5), fault.NotFound},
			"beside":                {w.event("bad", "CPU", "2", "stranger", 5), fault.NotFound},
			"no SKU":                {w.event("bad", "TPU", "2", "customer", 5), fault.NotFound},
			"too much":              {large, fault.Invalid},
			"the key says more":     {w.event("good", "CPU", "3", "customer", 5), fault.Conflict},
			"nothing to correct":    {metering.Event{Key: "bad", SKU: "CPU", Quantity: dec("-1"), Owner: good.Owner, Start: good.Start, End: good.End, Corrects: "none"}, fault.NotFound},
			"takes too much back":   {metering.Event{Key: "bad", SKU: "CPU", Quantity: dec("-3"), Owner: good.Owner, Start: good.Start, End: good.End, Corrects: "good"}, fault.Invalid},
			"a group of another":    {metering.Event{Key: "bad", SKU: "CPU", Quantity: dec("1"), Owner: good.Owner, Group: orgtree.ID(w.orgs["root"]), Start: good.Start, End: good.End}, fault.NotFound},
			"the future":            {w.event("bad", "CPU", "2", "customer", 60*24), fault.Invalid},
			"nobody's organization": {metering.Event{Key: "bad", SKU: "CPU", Quantity: dec("1"), Start: good.Start, End: good.End}, fault.NotFound},
		} {
			_, _, err := w.svc.RecordUsage(w.ctx, w.orgs["partner"], []metering.Event{good, tt.bad})
			if fault.CodeOf(err) != tt.code {
				t.Errorf("%s: %v, want %s", name, err, tt.code)
			}
			if after := w.counts(); after != before {
				t.Errorf("%s has made of %s\n%s", name, before, after)
			}
		}
		if _, _, err := w.svc.RecordUsage(w.ctx, w.orgs["partner"], make([]metering.Event, 1001)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("1001 events: %v", err)
		}
		correction := metering.Event{Key: "less", SKU: "CPU", Quantity: dec("-1.5"), Owner: good.Owner, Start: good.Start, End: good.End, Corrects: "good"}
		if n := w.record("partner", good, good, correction); n != 2 {
			t.Errorf("%d events are new", n)
		}
	})
}

// TestRecordingBesideRatings records events while prices change and the parts are
// rated again: no rating that comes to its end misses what was added meanwhile.
func TestRecordingBesideRatings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.meterWith("partner")
		w.record("partner", w.event("first", "CPU", "1", "customer", 5))
		done := make(chan struct{})
		var all errgroup.Group
		all.Go(func() error {
			defer close(done)
			for i := range 40 {
				if _, _, err := w.svc.RecordUsage(w.ctx, w.orgs["partner"], []metering.Event{w.event(fmt.Sprint(i), "CPU", "1.5", "customer", 5)}); err != nil {
					return err
				}
			}
			return nil
		})
		for i := 1; ; i++ {
			select {
			case <-done:
				if err := all.Wait(); err != nil {
					t.Fatal(err)
				}
				w.settle()
				if n := len(w.lines()); n != 41 {
					t.Errorf("%d lines", n)
				}
				w.checkRated()
				w.checkRollups()
				return
			default:
				w.reprice("partner", fmt.Sprintf("1.%03d", i), pricing.Upstream, rates.Selector{Provider: ptr(usage.MeteredProvider)})
				w.settle()
			}
		}
	})
}
