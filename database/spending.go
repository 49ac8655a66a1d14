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
)

// SpendKey is whose spending a sum is of, in what.
type SpendKey struct {
	// Holder is an organization or a group.
	Holder uuid.UUID
	Unit   string
}

// Holders are organizations and groups whose spending is summed. A group's is
// that of its own usage at the price that its organization pays.
type Holders struct {
	Organizations, Groups []uuid.UUID
}

// SpentOn returns what the usage at and below organizations, and that of groups,
// costs in a period, per currency: at the prices that the organizations
// themselves pay. From and to are UTC day bounds, both zero for all time.
func (tx *Tx) SpentOn(ctx context.Context, of Holders, from, to time.Time) (map[SpendKey]money.Decimal, error) {
	sums := map[SpendKey]money.Decimal{}
	s := tx.db.statement()
	s.write("SELECT CAST(c.organization_id AS TEXT), c.currency, ", tx.db.ExactSum("c.buy"), " FROM cost_rollups c", counting("c"),
		" WHERE c.organization_id IN (", list(s, of.Organizations), ")", s.on("c.day", from, to), " GROUP BY c.organization_id, c.currency")
	if err := tx.addSums(ctx, s, sums); err != nil {
		return nil, fmt.Errorf("sum the spending of organizations: %w", err)
	}
	// A group's usage is its organization's own, so the tier is the owner.
	s = tx.db.statement()
	s.write("SELECT CAST(c.group_id AS TEXT), c.currency, ", tx.db.ExactSum("c.buy"), " FROM cost_rollups c", counting("c"),
		" JOIN groups g ON g.id = c.group_id AND g.organization_id = c.organization_id",
		" WHERE c.group_id IN (", list(s, of.Groups), ")", s.on("c.day", from, to), " GROUP BY c.group_id, c.currency")
	if err := tx.addSums(ctx, s, sums); err != nil {
		return nil, fmt.Errorf("sum the spending of groups: %w", err)
	}
	return sums, nil
}

// SpentByDay returns what SpentOn does for each day of a period, from its first, to
// tell usage from what does not come every day. From and to are UTC day bounds.
func (tx *Tx) SpentByDay(ctx context.Context, of Holders, from, to time.Time) (map[SpendKey][]spending.Day, error) {
	days := map[SpendKey][]spending.Day{}
	for _, by := range []struct{ holder, join string }{
		{"c.organization_id", ""},
		{"c.group_id", " JOIN groups g ON g.id = c.group_id AND g.organization_id = c.organization_id"},
	} {
		ids := of.Organizations
		if by.join != "" {
			ids = of.Groups
		}
		s := tx.db.statement()
		s.write("SELECT CAST(", by.holder, " AS TEXT), c.currency, ", s.step(StepDay), " AS step, c.charge_category, ", tx.db.ExactSum("c.buy"),
			" FROM cost_rollups c", counting("c"), by.join, " WHERE ", by.holder, " IN (", list(s, ids), ")", s.on("c.day", from, to),
			" GROUP BY ", by.holder, ", c.currency, step, c.charge_category")
		err := tx.each(ctx, s, func(rows *sql.Rows) error { return scanDay(rows, from, to, days) })
		if err != nil {
			return nil, fmt.Errorf("sum the spending of days: %w", err)
		}
	}
	return days, nil
}

// scanDay adds what one kind of charge has cost on one day.
func scanDay(rows *sql.Rows, from, to time.Time, days map[SpendKey][]spending.Day) error {
	var holder, unit, day, category, text string
	if err := rows.Scan(&holder, &unit, &day, &category, &text); err != nil {
		return err
	}
	id, err := uuid.Parse(holder)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return err
	}
	amount, err := money.Parse(text)
	if err != nil {
		return err
	}
	key := SpendKey{Holder: id, Unit: unit}
	if days[key] == nil {
		days[key] = make([]spending.Day, daysBetween(from, to))
	}
	d := &days[key][daysBetween(from, at)]
	if category == string(pricing.Usage) {
		d.Usage, d.Used = d.Usage.Add(amount), true
	} else {
		d.Other = d.Other.Add(amount)
	}
	return nil
}

// daysBetween returns how many days lie between two UTC day bounds.
func daysBetween(from, to time.Time) int { return int(to.Sub(from) / (24 * time.Hour)) }

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
		var holder, unit, text string
		if err := rows.Scan(&holder, &unit, &text); err != nil {
			return err
		}
		id, err := uuid.Parse(holder)
		if err != nil {
			return err
		}
		sum, err := money.Parse(text)
		sums[SpendKey{Holder: id, Unit: unit}] = sum
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
