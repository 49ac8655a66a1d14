package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/usage"
)

// teamTag is the tag that says which team of a customer a row is for.
const teamTag = "team"

// WriteUsage writes the usage that Generate brings in for the same seed and size
// in the present as a FOCUS file. It returns an error that names the flag for a
// size that cannot be made.
func WriteUsage(w io.Writer, seed uint64, size Size, now time.Time, compress bool) error {
	if err := size.Validate(); err != nil {
		return err
	}
	return writeRows(w, newPlan(seed, size).usage(seed, newCalendar(now)), compress)
}

func writeRows(w io.Writer, rows iter.Seq[*focus.Row], compress bool) error {
	file, err := focus.NewWriter(w, focus.WriterOptions{Gzip: compress})
	if err != nil {
		return err
	}
	for row := range rows {
		if err := file.Write(row); err != nil {
			return err
		}
	}
	return file.Close()
}

// mappingsAtOnce is how many mappings one call sets.
const mappingsAtOnce = 1000

// mapUsage says whose the accounts are, and which team's the tagged rows.
func (b *builder) mapUsage(ctx context.Context) error {
	b.tell("usage mappings")
	var mappings []usage.NewMapping
	for _, a := range b.plan.accounts(b.options.Seed) {
		if a.owner == nil {
			continue
		}
		mappings = append(mappings, usage.NewMapping{SubAccountID: &a.id, OrganizationID: a.owner.id})
		for _, team := range a.teams() {
			key, value := teamTag, slug(team.name)
			mappings = append(mappings, usage.NewMapping{SubAccountID: &a.id, TagKey: &key, TagValue: &value, OrganizationID: a.owner.id, GroupID: &team.id})
		}
	}
	as, err := b.as(ctx, b.plan.root.administrator())
	if err != nil {
		return err
	}
	for some := range slices.Chunk(mappings, mappingsAtOnce) {
		if _, err := b.Usage.MapUsage(as, b.plan.root.id, some); err != nil {
			return fmt.Errorf("map usage: %w", err)
		}
	}
	return nil
}

// teams returns those whose workloads run in the account, each once.
func (a *account) teams() []*group {
	var teams []*group
	for _, w := range a.workloads {
		if w.team != nil && !slices.Contains(teams, w.team) {
			teams = append(teams, w.team)
		}
	}
	return teams
}

// importUsage brings the usage in as the platform's administrator would. The
// file is written while it is read.
func (b *builder) importUsage(ctx context.Context) (*usage.Import, error) {
	as, err := b.as(ctx, b.plan.root.administrator())
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	var work errgroup.Group
	work.Go(func() error {
		err := writeRows(writer, b.plan.usage(b.options.Seed, b.calendar), false)
		return errors.Join(err, writer.CloseWithError(err))
	})
	imported, err := b.Usage.Import(as, b.plan.root.id, reader, usage.Options{})
	closeErr := reader.CloseWithError(err)
	writeErr := work.Wait()
	if err == nil {
		err = errors.Join(writeErr, closeErr)
	}
	if err != nil {
		return nil, fmt.Errorf("import usage: %w", err)
	}
	return imported, nil
}

// usage returns the rows of all months, oldest first.
func (p *plan) usage(seed uint64, c calendar) iter.Seq[*focus.Row] {
	accounts := p.accounts(seed)
	return func(yield func(*focus.Row) bool) {
		for i, month := range c.months {
			// Each month has numbers of its own, so that the present does not
			// change what was.
			m := metering{calendar: c, month: month, index: i, random: newRandom(seed, "usage of "+month.String())}
			if !m.rows(accounts, yield) {
				return
			}
		}
	}
}

// metering makes up the rows of one month.
type metering struct {
	calendar calendar
	month    pricing.Month
	index    int
	random   *rand.Rand
}

func (m *metering) rows(accounts []*account, yield func(*focus.Row) bool) bool {
	for _, a := range accounts {
		for row := range m.monthly(a) {
			if !yield(row) {
				return false
			}
		}
	}
	for day := m.month.Start(); day.Before(m.month.Next().Start()); day = day.AddDate(0, 0, 1) {
		for _, a := range accounts {
			for i := range a.workloads {
				row := m.daily(a, i, day)
				// A day that is not over yet takes its numbers all the same.
				if row != nil && !row.ChargePeriodEnd.After(m.calendar.now) && !yield(row) {
					return false
				}
			}
		}
	}
	return true
}

// row returns what all rows of an account in the month share.
func (m *metering) row(a *account, start, end time.Time) *focus.Row {
	return &focus.Row{
		BillingCurrency:  a.provider.currency,
		BillingAccountID: a.provider.billingAccount, BillingAccountName: a.provider.billedTo,
		SubAccountID: a.id, SubAccountName: a.name,
		BillingPeriodStart: m.month.Start(), BillingPeriodEnd: m.month.Next().Start(),
		ChargePeriodStart: start, ChargePeriodEnd: end,
		Provider: a.provider.name, HostProvider: a.provider.name, InvoiceIssuer: a.provider.name,
	}
}

// daily returns a day's row of a workload, nil for a day without use.
func (m *metering) daily(a *account, i int, day time.Time) *focus.Row {
	w := &a.workloads[i]
	quantity := m.quantity(w, day)
	if quantity.IsZero() {
		return nil
	}
	row := m.row(a, day, day.AddDate(0, 0, 1))
	row.ChargeCategory, row.ChargeFrequency = focus.CategoryUsage, focus.FrequencyUsageBased
	row.ChargeDescription = w.product.description
	row.ServiceName, row.ServiceCategory, row.SKU = w.product.service, w.product.category, w.product.sku
	row.Region, row.RegionName = w.region, w.regionName
	row.ResourceID, row.ResourceName, row.ResourceType = w.resource, w.name, w.product.resource
	row.ConsumedQuantity, row.ConsumedUnit = focus.Some(quantity), w.product.unit
	row.PricingQuantity, row.PricingUnit, row.PricingCategory = focus.Some(quantity), w.product.unit, "Standard"
	row.Tags = w.tags()
	cost := quantity.Mul(decimal(w.product.cost))
	row.BilledCost, row.EffectiveCost, row.ContractedCost = cost, focus.Some(cost), focus.Some(cost)
	row.ListCost = focus.Some(quantity.Mul(decimal(w.product.list)))
	if a.committed && i == 0 {
		// Paid for by the month's purchase: used, and free.
		row.BilledCost, row.PricingCategory = money.Decimal{}, "Committed"
	}
	return row
}

func (w *workload) tags() map[string]string {
	tags := map[string]string{"environment": w.environment}
	if w.team != nil {
		tags[teamTag] = slug(w.team.name)
	}
	if w.project != "" {
		tags["Project"] = w.project
	}
	if w.user != "" {
		tags["User"] = w.user
	}
	return tags
}

// quantity returns how much of a product a workload used on a day; machines in
// hours, volumes as a day's share of a month.
func (m *metering) quantity(w *workload, day time.Time) money.Decimal {
	percent := int64(between(m.random, 85, 115))
	busy := chance(m.random, 30)
	size := int64(w.size)
	switch w.product.pattern {
	case steady:
		return money.FromInt(24 * size)
	case weekdays:
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			return money.Decimal{}
		}
		return money.New(size*percent*10, 2) // some ten hours
	case bursts:
		if !busy {
			return money.Decimal{}
		}
		return money.New(size*percent*8, 2)
	case volume:
		grown := size * int64(1000+10*m.index*30+10*day.Day()) / 1000 // a percent a day
		return money.New(grown*1000/30, 3)
	case traffic:
		return money.New(size*percent, 2)
	}
	return money.Decimal{}
}

// monthly returns the rows of an account that come once a month: support and
// commitments, a credit now and then, a correction, taxes.
func (m *metering) monthly(a *account) iter.Seq[*focus.Row] {
	start := m.month.Start()
	var rows []*focus.Row
	charge := func(category, description string, cost money.Decimal) *focus.Row {
		row := m.row(a, start, m.month.Next().Start())
		row.ChargeCategory, row.ChargeDescription, row.ChargeFrequency = category, description, focus.FrequencyRecurring
		row.ServiceName, row.ServiceCategory = "Support", "Other"
		row.BilledCost, row.EffectiveCost, row.ListCost = cost, focus.Some(cost), focus.Some(cost)
		rows = append(rows, row)
		return row
	}
	if a.committed {
		w := &a.workloads[0]
		hours := money.FromInt(int64(24 * w.size * m.month.Next().Start().AddDate(0, 0, -1).Day()))
		cost := hours.Mul(decimal(w.product.cost)).Mul(money.New(72, 2)).Round(2)
		row := charge(focus.CategoryPurchase, "Commitment for "+w.product.description, cost)
		row.ServiceName, row.ServiceCategory, row.SKU = w.product.service, w.product.category, w.product.sku
		row.Region, row.RegionName, row.EffectiveCost = w.region, w.regionName, focus.Some(money.Decimal{})
	}
	if chance(m.random, 50) {
		charge(focus.CategoryPurchase, "Business support", money.FromInt(int64(between(m.random, 29, 200))))
	}
	if chance(m.random, 25) {
		credit := charge(focus.CategoryCredit, "Promotional credit", money.New(-int64(between(m.random, 1_000, 25_000)), 2))
		credit.ChargeFrequency, credit.ListCost = focus.FrequencyOneTime, focus.NullDecimal{}
	}
	if m.index > 0 && chance(m.random, 15) {
		refund := charge(focus.CategoryUsage, "Correction of an hour that was billed twice", money.New(-int64(between(m.random, 100, 9_000)), 3))
		refund.ChargeClass, refund.ChargeFrequency = focus.ClassCorrection, focus.FrequencyOneTime
		refund.ChargePeriodStart, refund.ChargePeriodEnd = m.month.Prev().Start().AddDate(0, 0, 9), m.month.Prev().Start().AddDate(0, 0, 10)
		refund.ServiceName, refund.ServiceCategory = a.workloads[0].product.service, a.workloads[0].product.category
		refund.SKU, refund.Region, refund.RegionName = a.workloads[0].product.sku, a.workloads[0].region, a.workloads[0].regionName
	}
	if a.provider.currency == "EUR" {
		charge(focus.CategoryTax, "Value added tax", money.New(int64(between(m.random, 1_000, 9_000)), 2))
	}
	if a.owner == nil {
		// Billed to the account as a whole, which is nobody's.
		row := charge(focus.CategoryPurchase, "Enterprise support", money.FromInt(850))
		row.SubAccountID, row.SubAccountName = "", ""
	}
	return slices.Values(rows)
}
