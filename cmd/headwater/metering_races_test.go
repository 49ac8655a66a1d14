package main

import (
	"fmt"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usageevent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// TestAnEventIsRecordedOnce has 50 record the same event at once, in batches with
// others: it is recorded once and costs what it costs once, and each of the others,
// which contradict each other two by two, is one of the two.
func TestAnEventIsRecordedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.sku(t, "CPU")
		const many = 50
		told := together(many, func(i int) string {
			same, other := w.event("same", "CPU", "acme"), w.event(fmt.Sprint("other ", i/2), "CPU", "bravo")
			other["quantity"] = fmt.Sprint(1 + i%2)
			events := []map[string]any{same, other}
			if i%3 == 0 {
				events = []map[string]any{other, same}
			}
			return w.records(t, events...)
		})
		counts := tallyOf(told)
		if counts["y"] != many/2 || counts[string(fault.Conflict)] != many/2 {
			t.Errorf("told %v", counts)
		}
		if n := one(t, func() (int, error) { return db.Client().UsageEvent.Query().Count(w.system(t)) }); n != 1+many/2 {
			t.Errorf("%d events", n)
		}
		event := one(t, func() (*ent.UsageEvent, error) {
			return db.Client().UsageEvent.Query().Where(usageevent.IdempotencyKey("same")).Only(w.system(t))
		})
		answer := w.must(t, "paula", `query($id: ID!) { organization(id: $id) { costs(from: "2026-10-01T00:00:00Z", to: "2026-11-01T00:00:00Z", groupBy: ORGANIZATION, interval: NONE) { rows { key total { amount } } } } }`,
			map[string]any{"id": w.ids["northwind"]})
		for i := range 2 {
			row := fmt.Sprintf("organization.costs.rows.%d.", i)
			if dig(answer, row+"key") == w.ids["acme"] && dig(answer, row+"total.amount") == decimalOf(t, event.Amount).String() {
				return
			}
		}
		t.Errorf("the event of %s costs %v", event.Amount, answer)
	})
}

// TestUsageIsRecordedOrTheMonthIsClosed records usage of a month while the month is
// closed: what was recorded is on the statement, and what was refused is not.
func TestUsageIsRecordedOrTheMonthIsClosed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.sku(t, "CPU")
		if got := w.records(t, w.event("first", "CPU", "acme")); got != "y" {
			t.Fatal(got)
		}
		const many = 30
		told := together(many, func(i int) string {
			if i%10 == 5 {
				input := map[string]any{"sellerId": w.ids["northwind"], "month": "2026-10"}
				return "closes:" + told(t, w.send(t, call{actor: "paula", name: "closeBillingMonth", input: input}, "statementCount"))
			}
			return w.records(t, w.event(fmt.Sprint(i), "CPU", "acme"))
		})
		counts := tallyOf(told)
		if counts["closes:y"] != 3 || counts["y"]+counts[string(fault.PeriodClosed)] != many-3 {
			t.Errorf("told %v", counts)
		}
		var recorded money.Decimal
		for _, row := range one(t, func() ([]*ent.UsageEvent, error) { return db.Client().UsageEvent.Query().All(w.system(t)) }) {
			recorded = recorded.Add(decimalOf(t, row.Amount))
		}
		statement := one(t, func() (*ent.Statement, error) { return db.Client().Statement.Query().Only(w.system(t)) })
		if !decimalOf(t, statement.Total).Equal(recorded) {
			t.Errorf("%s was recorded, the statement is of %s", recorded, statement.Total)
		}
		w.checkStatements(t, "northwind", 1)
	})
}

// TestAUnitIsLimitedByOrDeleted deletes units while allocations and estimates in them
// are set: whatever remains is in a unit that there is.
func TestAUnitIsLimitedByOrDeleted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		const many = 20
		units := make([]string, many)
		for i := range units {
			units[i] = w.billingUnit(t, fmt.Sprint("unit ", i))
		}
		attempts := []func(i int) call{
			func(i int) call {
				return call{actor: "paula", name: "deleteBillingUnit", input: map[string]any{"billingUnitId": units[i]}}
			},
			func(i int) call {
				return call{actor: "paula", name: "setAllocation", input: map[string]any{"scopeId": w.ids["acme"], "total": "5", "unit": fmt.Sprint("unit ", i), "period": "MONTH"}}
			},
			func(i int) call {
				return call{actor: "olga", name: "registerResource", input: map[string]any{
					"projectId": w.ids["acme.project"], "kind": "job", "name": fmt.Sprint(i), "estimate": map[string]any{"amount": "1", "unit": units[i]},
				}}
			},
		}
		counts := tallyOf(together(len(attempts)*many, func(i int) string {
			return fmt.Sprint(i%len(attempts), told(t, w.send(t, attempts[i%len(attempts)](i/len(attempts)), "clientMutationId")))
		}))
		if counts["0y"]+counts["0"+string(fault.Conflict)] != many || counts["1y"]+counts["1"+string(fault.Invalid)] != many ||
			counts["2y"]+counts["2"+string(fault.Invalid)] != many {
			t.Errorf("told %v", counts)
		}
		left := map[string]bool{}
		for _, unit := range one(t, func() ([]*ent.BillingUnit, error) { return db.Client().BillingUnit.Query().All(w.system(t)) }) {
			left[database.Unit(unit.ID)] = true
		}
		for _, row := range one(t, func() ([]*ent.Allocation, error) { return db.Client().Allocation.Query().All(w.system(t)) }) {
			if !left[row.Unit] {
				t.Errorf("an allocation is in %s, which is gone", row.Unit)
			}
		}
		for _, row := range one(t, func() ([]*ent.Resource, error) { return db.Client().Resource.Query().All(w.system(t)) }) {
			if row.EstimateUnit != "" && !left[row.EstimateUnit] {
				t.Errorf("an estimate is in %s, which is gone", row.EstimateUnit)
			}
		}
	})
}

// records has usage recorded by northwind and returns what is told.
func (w *world) records(t *testing.T, events ...map[string]any) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["northwind"], "events": events}
	return told(t, w.send(t, call{actor: "paula", name: "recordUsage", input: input}, "recordedCount"))
}
