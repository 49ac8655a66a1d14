package usage_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/spending"
)

// units returns how many units an event is by the rates of meterWith.
func units(e metering.Event) money.Decimal {
	switch {
	case e.SKU == "CPU":
		return e.Quantity
	case e.Start.Before(hour(19 * 24)):
		return e.Quantity.Mul(dec("12.5"))
	default:
		return e.Quantity.Mul(dec("11"))
	}
}

// holders returns in whose units an event counts, by the names of the tree.
func (w *world) holders(e metering.Event) []string {
	tiers := []string{"root", "partner", "reseller", "customer"}
	for i, tier := range tiers {
		if w.orgs[tier] == uuid.UUID(e.Owner) {
			tiers = tiers[:i+1]
			break
		}
	}
	if !e.Group.IsZero() {
		tiers = append(tiers[:len(tiers):len(tiers)], "team")
	}
	return tiers
}

// TestUnitsAddUp records random events in two units, with corrections, retries and
// rates that change, and compares what everybody has used, in a period and on each
// day of it, with what follows from the events alone.
func TestUnitsAddUp(t *testing.T) {
	t.Parallel()
	for i := range effort.Cases(200) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				random := rand.New(rand.NewPCG(seed, 1))
				w := newTree(t, db)
				w.meterWith("partner")
				other := must(w.svc.CreateBillingUnit(w.ctx, usage.NewBillingUnit{Organization: w.orgs["partner"], Name: "other", Currency: "USD", Rate: dec("1")}))
				must(w.svc.CreateSKU(w.ctx, usage.NewSKU{Unit: other.ID.UUID, Code: "LICENCE", Name: "Licence", Type: "Licence", Subtype: "Seat", Rate: dec("3")}))
				team := w.group("customer", "team")
				events := w.randomEvents(random, 40, team)
				for rest := inAnyOrder(random, events); len(rest) > 0; {
					n := min(len(rest), 1+random.IntN(25))
					w.record("partner", rest[:n]...)
					w.record("partner", rest[:1+random.IntN(n)]...)
					rest = rest[n:]
				}
				w.record("partner", w.event("licence", "LICENCE", "5", "customer", 30))
				credit := must(db.Client().BillingUnit.Query().Where(billingunit.Name("credit")).Only(w.ctx)).ID

				from := hour(24 * random.IntN(40))
				to := from.AddDate(0, 0, 1+random.IntN(40))
				for _, period := range []struct{ from, to time.Time }{{}, {from, to}} {
					want, wantDays := w.unitsOf(events, period.from, period.to)
					w.compareUnits(credit, team, period.from, period.to, want, wantDays)
				}
			})
		})
	}
}

// unitsOf returns how many units everybody has used in a period, in all and on each
// day, by the names of the tree, from the events alone.
func (w *world) unitsOf(events []metering.Event, from, to time.Time) (all, days map[string]string) {
	sums, byDay := map[string]money.Decimal{}, map[string]money.Decimal{}
	for _, e := range events {
		if !to.IsZero() && (e.Start.Before(from) || !e.Start.Before(to)) {
			continue
		}
		for _, holder := range w.holders(e) {
			day := holder + " " + e.Start.Format(time.DateOnly)
			sums[holder], byDay[day] = sums[holder].Add(units(e)), byDay[day].Add(units(e))
		}
	}
	return written(sums), written(byDay)
}

// compareUnits compares what the database says that everybody has used of a unit.
func (w *world) compareUnits(unit, team uuid.UUID, from, to time.Time, want, wantDays map[string]string) {
	w.t.Helper()
	of := database.Holders{Groups: []uuid.UUID{team}, Units: []uuid.UUID{unit}}
	names := map[uuid.UUID]string{team: "team"}
	for name, id := range w.orgs {
		of.Organizations = append(of.Organizations, id)
		names[id] = name
	}
	all, days := map[string]money.Decimal{}, map[string]money.Decimal{}
	w.write(func(ctx context.Context, tx *database.Tx) error {
		sums, err := tx.SpentOn(ctx, of, from, to)
		if err != nil {
			return err
		}
		for key, sum := range sums {
			if key.Unit == database.Unit(unit) {
				all[names[key.Holder]] = sum
			}
		}
		if to.IsZero() {
			return nil
		}
		byDay, err := tx.SpentByDay(ctx, of, from, to)
		for key, list := range byDay {
			if key.Unit == database.Unit(unit) {
				addDays(days, names[key.Holder], from, list)
			}
		}
		return err
	})
	if got := written(all); !maps.Equal(got, want) {
		w.t.Errorf("from %v to %v\n%v, want\n%v", from, to, got, want)
	}
	if got := written(days); !to.IsZero() && !maps.Equal(got, wantDays) {
		w.t.Errorf("from %v to %v by day\n%v, want\n%v", from, to, got, wantDays)
	}
}

func addDays(days map[string]money.Decimal, holder string, from time.Time, list []spending.Day) {
	for i, day := range list {
		if day.Used {
			days[holder+" "+from.AddDate(0, 0, i).Format(time.DateOnly)] = day.Usage
		}
	}
}

// BenchmarkUnits sums what a partner and its customers have used in units in a
// month, and since ever, of as many events as HEADWATER_BENCH_EVENTS says.
func BenchmarkUnits(b *testing.B) {
	events := benchNumber(b, "HEADWATER_BENCH_EVENTS", 100_000)
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newTree(b, open(b))
			w.meterWith("partner")
			w.fillEvents(events)
			credit := must(w.db.Client().BillingUnit.Query().Only(w.ctx)).ID
			of := database.Holders{Organizations: []uuid.UUID{w.orgs["partner"], w.orgs["customer"]}, Units: []uuid.UUID{credit}}
			for name, period := range map[string]spending.Period{"month": spending.Month, "ever": spending.Forever} {
				b.Run(name, func(b *testing.B) { benchUnits(b, w, of, period) })
			}
		})
	}
}

func benchUnits(b *testing.B, w *world, of database.Holders, period spending.Period) {
	b.Helper()
	from, to := period.Bounds(hour(0))
	for b.Loop() {
		w.write(func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.SpentOn(ctx, of, from, to)
			return err
		})
	}
}

// fillEvents writes events of October and November as RecordUsage does, without
// lines of usage, which no unit needs.
func (w *world) fillEvents(n int) {
	w.t.Helper()
	skus := must(w.db.Client().SKU.Query().Order(ent.Asc(sku.FieldCode)).All(w.ctx))
	const atOnce = 1000
	for first := 0; first < n; first += atOnce {
		w.write(func(ctx context.Context, tx *database.Tx) error {
			rows := make([]*ent.UsageEventCreate, 0, atOnce)
			for i := first; i < min(n, first+atOnce); i++ {
				k := skus[i%len(skus)]
				rows = append(rows, tx.UsageEvent.Create().
					SetID(tx.NewID()).SetOrganizationID(w.orgs["partner"]).SetSkuID(k.ID).SetIdempotencyKey(fmt.Sprint(i)).
					SetOwnerID(w.orgs["customer"]).SetProjectName("").SetUserName("").
					SetQuantity(fmt.Sprintf("%d.%06d", i%100, i)).SetRate([]string{"1", "12.5"}[i%len(skus)]).SetUnitRate("0.37").SetAmount("1").SetCurrency("USD").
					SetStartedAt(hour(i%(60*24))).SetEndedAt(hour(i%(60*24)+1)).SetTags(map[string]string{}).
					SetMonth("2026-10").SetDatasetID(1).SetUsageLineID(int64(i)).SetCreatedAt(w.db.Now()))
			}
			return tx.UsageEvent.CreateBulk(rows...).Exec(ctx)
		})
	}
}
