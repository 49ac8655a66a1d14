package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwater-platform/headwater/database"
	meter "github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/budgets"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/spending"
)

// The machines that Alpine runs itself, and what it sells them in.
const (
	nodeHours = "node hours"
	cpuNode   = "CPU_NODE_HOUR"
	gpuNode   = "GPU_NODE_HOUR"
)

// agree makes the terms that hold from the first month on: taxes and a discount,
// what Alpine meters in, and what may be spent.
func (b *builder) agree(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{b.tax, b.reward, b.offerMachines, b.limit, b.budget} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tax lets the partners that bill customers charge the tax of their countries.
func (b *builder) tax(ctx context.Context) error {
	p := b.plan
	for _, t := range []struct {
		seller        *organization
		name, percent string
	}{
		{p.alpine, "MWST", "8.1"}, {p.jura, "TVA", "8.1"}, {p.harbor, "USt", "19"}, {p.nordlys, "MVA", "25"},
	} {
		as, err := b.as(ctx, t.seller.administrator())
		if err != nil {
			return err
		}
		_, err = b.Terms.CreateTaxRate(as, terms.NewTaxRate{
			Seller: t.seller.id, Name: t.name, Percent: decimal(t.percent), FirstMonth: b.calendar.months[0],
		})
		if err != nil {
			return fmt.Errorf("tax of %s: %w", t.seller.name, err)
		}
	}
	return nil
}

// reward gives the first customer a discount.
func (b *builder) reward(ctx context.Context) error {
	as, err := b.as(ctx, b.plan.alpine.administrator())
	if err != nil {
		return err
	}
	percent := decimal("3")
	_, err = b.Terms.CreateDiscount(as, terms.NewDiscount{
		Worth:  terms.Worth{Description: "Customer since the first day", Percent: &percent},
		Seller: b.plan.alpine.id, Buyer: &b.plan.customers[0].id, FirstMonth: b.calendar.months[0],
	})
	if err != nil {
		return fmt.Errorf("discount: %w", err)
	}
	return nil
}

// offerMachines makes what Alpine sells its own machines in.
func (b *builder) offerMachines(ctx context.Context) error {
	as, err := b.as(ctx, b.plan.alpine.administrator())
	if err != nil {
		return err
	}
	unit, err := b.Usage.CreateBillingUnit(as, usage.NewBillingUnit{
		Organization: b.plan.alpine.id, Name: nodeHours, Currency: "USD", Rate: decimal("0.42"),
	})
	if err != nil {
		return fmt.Errorf("unit of %s: %w", b.plan.alpine.name, err)
	}
	for _, k := range []struct{ code, name, rate string }{{cpuNode, "CPU node", "1"}, {gpuNode, "GPU node", "7.5"}} {
		_, err := b.Usage.CreateSKU(as, usage.NewSKU{
			Unit: unit.ID.UUID, Code: k.code, Name: k.name, Type: "Compute", Subtype: "Hour", Service: "Alpine HPC", Rate: decimal(k.rate),
		})
		if err != nil {
			return fmt.Errorf("SKU %s: %w", k.code, err)
		}
	}
	return nil
}

// limit gives the first customer node hours, which it divides among its teams, and
// says when somebody is told.
func (b *builder) limit(ctx context.Context) error {
	first := b.plan.customers[0]
	partner, err := b.as(ctx, b.plan.alpine.administrator())
	if err != nil {
		return err
	}
	owner, err := b.as(ctx, first.owner())
	if err != nil {
		return err
	}
	given, err := b.Allocations.Set(partner, allocations.NewAllocation{
		Scope: first.scope(), Total: decimal("6000"), Unit: nodeHours, Period: spending.Month,
	})
	if err != nil {
		return fmt.Errorf("allocation: %w", err)
	}
	for _, team := range first.teams() {
		_, err := b.Allocations.Set(owner, allocations.NewAllocation{
			Scope: team.scope(), Total: decimal("2000"), Unit: nodeHours, Period: spending.Month, Parent: &given.ID.UUID,
		})
		if err != nil {
			return fmt.Errorf("allocation of %s: %w", team.name, err)
		}
	}
	for _, t := range []struct {
		name, percent, color string
		severity             spending.Severity
	}{
		{"warning", "60", "#ffaa00", spending.Alert}, {"full", "95", "#cc2200", spending.Freeze},
	} {
		percent := decimal(t.percent)
		_, err := b.Allocations.CreateThreshold(owner, allocations.NewThreshold{
			Organization: first.id, Name: t.name, Percent: &percent, Basis: spending.Actual, Severity: t.severity, LabelColor: t.color,
		})
		if err != nil {
			return fmt.Errorf("threshold %s: %w", t.name, err)
		}
	}
	return nil
}

// budget says what the first customer means to spend.
func (b *builder) budget(ctx context.Context) error {
	first := b.plan.customers[0]
	as, err := b.as(ctx, first.owner())
	if err != nil {
		return err
	}
	if _, err := b.Budgets.Set(as, budgets.NewBudget{Organization: first.id, Amount: decimal("10000"), Enabled: true}); err != nil {
		return fmt.Errorf("budget: %w", err)
	}
	if _, err := b.Budgets.AddAlert(as, budgets.NewAlert{Organization: first.id, Percent: decimal("80")}); err != nil {
		return fmt.Errorf("alert of the budget: %w", err)
	}
	return nil
}

// meter records what the first customer's teams used of Alpine's machines until
// now.
func (b *builder) meter(ctx context.Context) error {
	as, err := b.as(ctx, b.plan.alpine.administrator())
	if err != nil {
		return err
	}
	random := newRandom(b.options.Seed, "machines")
	for _, month := range b.calendar.months {
		events := b.nodesOf(random, month)
		if len(events) == 0 {
			continue
		}
		if _, _, err := b.Usage.RecordUsage(as, b.plan.alpine.id, events); err != nil {
			return fmt.Errorf("usage of machines in %s: %w", month, err)
		}
	}
	return nil
}

// nodesOf returns one job of each team for each day of a month that is over by now.
func (b *builder) nodesOf(random *rand.Rand, month pricing.Month) []meter.Event {
	first := b.plan.customers[0]
	var events []meter.Event
	for day := month.Start(); day.Before(month.Next().Start()); day = day.AddDate(0, 0, 1) {
		for _, team := range first.teams() {
			sku, nodes, hours := cpuNode, between(random, 1, 8), between(random, 1, 16)
			if chance(random, 20) {
				sku, nodes = gpuNode, 1
			}
			began := day.Add(time.Duration(between(random, 0, 24-hours)) * time.Hour)
			ended := began.Add(time.Duration(hours) * time.Hour)
			if ended.After(b.calendar.now) {
				continue
			}
			events = append(events, meter.Event{
				Key: fmt.Sprintf("job-%s-%s", day.Format("20060102"), team.id), SKU: sku, Quantity: money.FromInt(int64(nodes * hours)),
				Owner: orgtree.ID(first.id), Group: orgtree.ID(team.id), Start: began, End: ended,
				Tags: map[string]string{"queue": pick(random, []string{"batch", "interactive"})},
			})
		}
	}
	return events
}

// bill records the usage of the machines and closes the first month from the top
// down, so that everybody has statements. The first customer pays.
func (b *builder) bill(ctx context.Context) error {
	if err := b.meter(ctx); err != nil {
		return err
	}
	for _, seller := range append([]*organization{b.plan.root}, b.plan.partners()...) {
		as, err := b.as(ctx, seller.administrator())
		if err != nil {
			return err
		}
		made, _, err := b.Statements.Close(as, seller.id, b.calendar.months[0])
		if err != nil {
			return fmt.Errorf("close %s of %s: %w", b.calendar.months[0], seller.name, err)
		}
		for _, s := range made {
			if s.Buyer.ID.UUID != b.plan.customers[0].id {
				continue
			}
			if _, err := b.Statements.Pay(as, s.ID.UUID, "bank transfer"); err != nil {
				return fmt.Errorf("pay statement %s: %w", s.ID, err)
			}
		}
	}
	_, err := b.db.Write(asSystem(ctx), database.Entry{Action: "settleIn", Organization: b.plan.root.id}, dropLetters)
	return err
}
