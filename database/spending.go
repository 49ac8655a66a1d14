package database

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// Unit returns how sums, allocations and estimates have a billing unit: they name it
// by its id, so that another name changes none of them.
func Unit(id uuid.UUID) string { return typeid.New(typeid.BillingUnit, id).String() }

// UnitID returns the billing unit that an allocation or an estimate is in, and
// false for a currency.
func UnitID(unit string) (uuid.UUID, bool) {
	id, err := typeid.Parse(unit)
	return id.UUID, err == nil && id.Kind == typeid.BillingUnit
}

// SpendKey is whose spending a sum is of, in what.
type SpendKey struct {
	// Holder is an organization or a group.
	Holder uuid.UUID
	// Unit is a currency, or a billing unit as Unit has it.
	Unit string
}

// Holders are organizations and groups whose spending is summed. A group's is
// that of its own usage at the price that its organization pays.
type Holders struct {
	Organizations, Groups []uuid.UUID
	// Units are the billing units that are summed too, besides currencies.
	Units []uuid.UUID
}

// holding is a kind of holders: the column that names them, and what has to be
// joined for it.
type holding struct {
	column, join string
	ids          []uuid.UUID
}

// ofCosts returns the holders of roll-ups. A group's usage is its organization's
// own, so the tier is the owner.
func (of Holders) ofCosts() []holding {
	return []holding{
		{"c.organization_id", "", of.Organizations},
		{"c.group_id", " JOIN groups g ON g.id = c.group_id AND g.organization_id = c.organization_id", of.Groups},
	}
}

// ofEvents returns the holders of usage events: whose they are and all above, and
// their groups.
func (of Holders) ofEvents() []holding {
	return []holding{
		{"a.ancestor_id", " JOIN organization_ancestries a ON a.organization_id = e.owner_id", of.Organizations},
		{"e.group_id", "", of.Groups},
	}
}

// SpentOn returns what the usage at and below organizations, and that of groups,
// comes to in a period: per currency, at the prices that the organizations
// themselves pay, and per billing unit that is asked for, not rounded. From and to
// are UTC day bounds, both zero for all time.
func (tx *Tx) SpentOn(ctx context.Context, of Holders, from, to time.Time) (map[SpendKey]money.Decimal, error) {
	sums := map[SpendKey]money.Decimal{}
	for _, h := range of.ofCosts() {
		s := tx.db.statement()
		s.write("SELECT CAST(", h.column, " AS TEXT), c.currency, ", tx.db.ExactSum("c.buy"), " FROM cost_rollups c", counting("c"), h.join,
			" WHERE ", h.column, " IN (", list(s, h.ids), ")", s.on("c.day", from, to), " GROUP BY ", h.column, ", c.currency")
		if err := tx.addSums(ctx, s, sums); err != nil {
			return nil, fmt.Errorf("sum spending: %w", err)
		}
	}
	err := tx.eachMetered(ctx, of, "''", from, to, func(m metered) error {
		sums[m.key] = sums[m.key].Add(m.units)
		return nil
	})
	return sums, err
}

// SpentByDay returns what SpentOn does for each day of a period, from its first, to
// tell usage from what does not come every day. From and to are UTC day bounds.
func (tx *Tx) SpentByDay(ctx context.Context, of Holders, from, to time.Time) (map[SpendKey][]spending.Day, error) {
	days := spentDays{from: from, to: to, of: map[SpendKey][]spending.Day{}}
	for _, h := range of.ofCosts() {
		s := tx.db.statement()
		s.write("SELECT CAST(", h.column, " AS TEXT), c.currency, ", s.step(StepDay), " AS step, c.charge_category, ", tx.db.ExactSum("c.buy"),
			" FROM cost_rollups c", counting("c"), h.join, " WHERE ", h.column, " IN (", list(s, h.ids), ")", s.on("c.day", from, to),
			" GROUP BY ", h.column, ", c.currency, step, c.charge_category")
		if err := tx.each(ctx, s, days.scan); err != nil {
			return nil, fmt.Errorf("sum the spending of days: %w", err)
		}
	}
	err := tx.eachMetered(ctx, of, tx.db.statement().day("e.started_at"), from, to, func(m metered) error {
		return days.add(m.key, m.day, string(pricing.Usage), m.units)
	})
	return days.of, err
}

// metered is what was metered by one rate of SKUs.
type metered struct {
	key SpendKey
	// day is that on which it began, "" if days are not told apart.
	day   string
	units money.Decimal
}

// eachMetered calls add for what was metered at and below organizations, and of
// groups, in the billing units that are asked for, and began in a period: the
// quantities times the rates that the SKUs had. The database adds quantities of one
// rate, because SQLite multiplies no decimals.
func (tx *Tx) eachMetered(ctx context.Context, of Holders, day string, from, to time.Time, add func(metered) error) error {
	if len(of.Units) == 0 {
		return nil
	}
	for _, h := range of.ofEvents() {
		s := tx.db.statement()
		s.write("SELECT CAST(", h.column, " AS TEXT), CAST(k.unit_id AS TEXT), ", day, " AS day, CAST(e.rate AS TEXT), ", tx.db.ExactSum("e.quantity"),
			" FROM usage_events e JOIN skus k ON k.id = e.sku_id", h.join,
			" WHERE k.unit_id IN (", list(s, of.Units), ") AND ", h.column, " IN (", list(s, h.ids), ")", s.on("e.started_at", from, to),
			" GROUP BY ", h.column, ", k.unit_id, day, e.rate")
		err := tx.each(ctx, s, func(rows *sql.Rows) error {
			m, err := scanMetered(rows)
			if err != nil {
				return err
			}
			return add(m)
		})
		if err != nil {
			return fmt.Errorf("sum billing units: %w", err)
		}
	}
	return nil
}

func scanMetered(rows *sql.Rows) (metered, error) {
	var holder, unit uuid.UUID
	var m metered
	var rateText, quantityText string
	if err := rows.Scan(&holder, &unit, &m.day, &rateText, &quantityText); err != nil {
		return metered{}, err
	}
	rate, err := money.Parse(rateText)
	if err != nil {
		return metered{}, err
	}
	quantity, err := money.Parse(quantityText)
	m.key = SpendKey{Holder: holder, Unit: Unit(unit)}
	m.units = quantity.Mul(rate)
	return m, err
}

// spentDays are the days of a period, by who has spent in what.
type spentDays struct {
	from, to time.Time
	of       map[SpendKey][]spending.Day
}

// scan adds what one kind of charge has cost on one day.
func (d spentDays) scan(rows *sql.Rows) error {
	var key SpendKey
	var day, category, text string
	if err := rows.Scan(&key.Holder, &key.Unit, &day, &category, &text); err != nil {
		return err
	}
	amount, err := money.Parse(text)
	if err != nil {
		return err
	}
	return d.add(key, day, category, amount)
}

func (d spentDays) add(key SpendKey, day, category string, amount money.Decimal) error {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return err
	}
	if d.of[key] == nil {
		d.of[key] = make([]spending.Day, spending.DaysBetween(d.from, d.to))
	}
	its := &d.of[key][spending.DaysBetween(d.from, at)]
	if category == string(pricing.Usage) {
		its.Usage, its.Used = its.Usage.Add(amount), true
	} else {
		its.Other = its.Other.Add(amount)
	}
	return nil
}

// on returns the condition that a day lies in a period, "" for all time.
func (s *statement) on(day string, from, to time.Time) string {
	if to.IsZero() {
		return ""
	}
	return " AND " + day + " >= " + s.arg(from) + " AND " + day + " < " + s.arg(to)
}

// EstimatedOn returns what the resources that run at and below organizations, and
// in groups, are expected to cost yet, per unit.
func (tx *Tx) EstimatedOn(ctx context.Context, of Holders) (map[SpendKey]money.Decimal, error) {
	sums := map[SpendKey]money.Decimal{}
	const running = "r.status = 'ACTIVE' AND r.estimate IS NOT NULL"
	s := tx.db.statement()
	s.write("SELECT CAST(a.ancestor_id AS TEXT), r.estimate_unit, ", tx.db.ExactSum("r.estimate"),
		" FROM organization_ancestries a JOIN resources r ON r.organization_id = a.organization_id WHERE ", running,
		" AND a.ancestor_id IN (", list(s, of.Organizations), ") GROUP BY a.ancestor_id, r.estimate_unit")
	if err := tx.addSums(ctx, s, sums); err != nil {
		return nil, fmt.Errorf("sum the estimates of organizations: %w", err)
	}
	s = tx.db.statement()
	s.write("SELECT CAST(r.group_id AS TEXT), r.estimate_unit, ", tx.db.ExactSum("r.estimate"), " FROM resources r WHERE ", running,
		" AND r.group_id IN (", list(s, of.Groups), ") GROUP BY r.group_id, r.estimate_unit")
	if err := tx.addSums(ctx, s, sums); err != nil {
		return nil, fmt.Errorf("sum the estimates of groups: %w", err)
	}
	return sums, nil
}

// addSums adds the sums that a statement returns: of whom, in what, how much.
func (tx *Tx) addSums(ctx context.Context, s *statement, sums map[SpendKey]money.Decimal) error {
	return tx.each(ctx, s, func(rows *sql.Rows) error {
		var key SpendKey
		var text string
		if err := rows.Scan(&key.Holder, &key.Unit, &text); err != nil {
			return err
		}
		sum, err := money.Parse(text)
		sums[key] = sum
		return err
	})
}

// AllocationsBelow returns the next allocations of the organizations at and below
// one, or of all for the nil id, by id after one: at most n.
func (tx *Tx) AllocationsBelow(ctx context.Context, organization, after uuid.UUID, n int) ([]uuid.UUID, error) {
	return tx.idsBelow(ctx, "allocations", organization, after, n)
}

// BudgetsBelow is AllocationsBelow for budgets.
func (tx *Tx) BudgetsBelow(ctx context.Context, organization, after uuid.UUID, n int) ([]uuid.UUID, error) {
	return tx.idsBelow(ctx, "budgets", organization, after, n)
}

// idsBelow returns the next ids of a table whose rows belong to organizations at
// and below one, or to any for the nil id, after one: at most n.
func (tx *Tx) idsBelow(ctx context.Context, table string, organization, after uuid.UUID, n int) ([]uuid.UUID, error) {
	s := tx.db.statement()
	s.write("SELECT CAST(x.id AS TEXT) FROM ", table, " x WHERE x.id > ", s.arg(after))
	if organization != uuid.Nil {
		s.write(" AND ", s.below("x.organization_id", organization))
	}
	s.write(" ORDER BY x.id LIMIT ", s.arg(n))
	ids, err := tx.ids(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", table, err)
	}
	return ids, nil
}

// CheckSpending is the kind of job that looks at what allocations have left.
const CheckSpending = "check-spending"

// CheckSpendingJob is what such a job works on.
type CheckSpendingJob struct {
	// Organization is the one at and below which the allocations are; the nil id
	// is all.
	Organization uuid.UUID `json:"organization"`
}

// EnqueueCheck has the allocations at and below an importing organization looked
// at, because of usage of it that counts from now on. What says which usage that
// is: a job that runs already may have looked before.
func (tx *Tx) EnqueueCheck(ctx context.Context, importer uuid.UUID, what string) error {
	return tx.Enqueue(ctx, Job{
		Kind: CheckSpending, Payload: CheckSpendingJob{Organization: importer}, Organization: importer, Key: what,
	})
}
