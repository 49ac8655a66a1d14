package resources

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// checkEstimate returns INVALID for an amount that no allocation can have.
func checkEstimate(e *spending.Quantity) error {
	if e == nil {
		return nil
	}
	if err := money.CheckAmount(e.Amount); err != nil || e.Amount.Sign() < 0 {
		return fault.Invalidf("estimate.amount", "an estimate is at least 0, with at most 20 digits before and 18 after the point")
	}
	return nil
}

// holdEstimate returns an estimate with its unit as it is stored: a currency or, by
// id or name, a billing unit of the organization or one above it, limited there or
// not. Allocations come and go, and whoever sends estimates in a unit goes on.
// INVALID for what is neither.
func holdEstimate(ctx context.Context, tx *database.Tx, org records.Organization, e *spending.Quantity) (*spending.Quantity, error) {
	if e == nil {
		return nil, nil //nolint:nilnil // nothing is expected
	}
	if _, err := money.ParseCurrency(e.Unit); err == nil {
		return e, nil
	}
	unit, found, err := records.HoldUnit(ctx, tx, org, e.Unit, org.LineIDs(), nil)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.Invalidf("estimate.unit", "an estimate is in an ISO 4217 currency or a billing unit")
	}
	return &spending.Quantity{Amount: e.Amount, Unit: unit}, nil
}

// estimateOf returns what a stored resource is expected to cost, nil for nothing.
func estimateOf(row *ent.Resource) (*spending.Quantity, error) {
	if row.Estimate == nil {
		return nil, nil //nolint:nilnil // nothing is expected
	}
	amount, err := money.Parse(*row.Estimate)
	if err != nil {
		return nil, fmt.Errorf("read estimate: %w", err)
	}
	return &spending.Quantity{Amount: amount, Unit: row.EstimateUnit}, nil
}

// risenBy returns by how much an estimate is more than the one that a resource has.
func risenBy(row *ent.Resource, e *spending.Quantity) (*spending.Quantity, error) {
	before, err := estimateOf(row)
	if err != nil {
		return nil, err
	}
	if before == nil || before.Unit != e.Unit {
		return e, nil
	}
	return &spending.Quantity{Amount: e.Amount.Sub(before.Amount), Unit: e.Unit}, nil
}

// allocationKey stands in a decision for allocations, where another has the name of
// a setting.
const allocationKey = "allocation"

// frozenBy returns the decision that nothing new may start because of what was
// spent, nil if it may.
func (s *Service) frozenBy(ctx context.Context, org records.Organization, group *uuid.UUID) (*LaunchDecision, error) {
	allowance, err := s.records.Allowance(ctx, org, group)
	if err != nil {
		return nil, err
	}
	worst, limited := spending.Join(allowance.Holders(s.db.Now()))
	if !limited || worst.State.Starts() {
		return nil, nil //nolint:nilnil // nothing decides
	}
	d := &LaunchDecision{DecidedBy: &LaunchReason{Key: allocationKey, Because: frozenText(worst.State)}}
	line := org.Line()
	for _, a := range allowance.Allocations {
		i := slices.IndexFunc(line, func(above records.Ancestor) bool { return above.ID == a.Organization })
		if a.ID == uuid.UUID(worst.ID) && i >= 0 {
			reference := records.Refer(ctx, line[:i+1])
			d.DecidedBy.Organization = &reference
		}
	}
	return d, nil
}

func frozenText(state spending.State) string {
	if state == spending.ShutDown {
		return "An allocation has been shut down, so nothing may run here."
	}
	return "An allocation is used up, so nothing new may start here."
}

// reserve refuses what is not to be started because of what was spent, and returns
// the allocations that an estimate counts in, which nobody else reserves from until
// the transaction ends. LIMIT_EXCEEDED if nothing new may start, or if the
// estimate is more than is left of one of them; nil reserves nothing.
func (s *Service) reserve(ctx context.Context, tx *database.Tx, org records.Organization, group *uuid.UUID, e *spending.Quantity) ([]*ent.Allocation, error) {
	reserves := e != nil && e.Amount.Sign() > 0
	var locked []*ent.Allocation
	if reserves {
		var err error
		if locked, err = lockAllocations(ctx, tx, org, group, e.Unit); err != nil {
			return nil, err
		}
		if locked, err = countReserved(ctx, tx, locked); err != nil {
			return nil, err
		}
	}
	allowance, err := s.records.In(tx).Allowance(ctx, org, group)
	if err != nil {
		return nil, err
	}
	holders := allowance.Holders(tx.Now())
	if worst, limited := spending.Join(holders); limited && !worst.State.Starts() {
		return nil, fault.New(fault.LimitExceeded, "%s", frozenText(worst.State)).With("key", allocationKey)
	}
	for _, h := range holders {
		if !reserves {
			break
		}
		if !h.Fits(*e) {
			exceeded := fault.New(fault.LimitExceeded, "%s %s is more than the allocation has left.", e.Amount, allowance.Names.Of(e.Unit))
			return nil, exceeded.With("key", allocationKey)
		}
	}
	return locked, nil
}

// lockAllocations returns the allocations in a unit that work in an organization or
// a group counts in, in the order in which all lock them.
func lockAllocations(ctx context.Context, tx *database.Tx, org records.Organization, group *uuid.UUID, unit string) ([]*ent.Allocation, error) {
	applies := []predicate.Allocation{allocation.And(allocation.OrganizationIDIn(org.LineIDs()...), allocation.GroupIDIsNil())}
	if group != nil {
		applies = append(applies, allocation.GroupID(*group))
	}
	query := tx.Allocation.Query().Where(allocation.Unit(unit), allocation.Or(applies...)).Order(ent.Asc(allocation.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(database.Unguarded(ctx)) // those above limit it, seen or not
	if err != nil {
		return nil, fmt.Errorf("lock allocations: %w", err)
	}
	return rows, nil
}

// recount writes into the allocations that a resource's estimate counted in, or
// counts in now, what is reserved.
func recount(ctx context.Context, tx *database.Tx, org records.Organization, before, after *ent.Resource) error {
	if before.Estimate == nil && after.Estimate == nil {
		return nil
	}
	units := slices.Compact([]string{min(before.EstimateUnit, after.EstimateUnit), max(before.EstimateUnit, after.EstimateUnit)})
	for _, unit := range units {
		rows, err := lockAllocations(ctx, tx, org, after.GroupID, unit)
		if err != nil {
			return err
		}
		if _, err := countReserved(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

// countReserved writes into allocations what the resources that run are expected to
// cost, and returns them as they are then.
func countReserved(ctx context.Context, tx *database.Tx, rows []*ent.Allocation) ([]*ent.Allocation, error) {
	var of database.Holders
	for _, row := range rows {
		if row.GroupID != nil {
			of.Groups = append(of.Groups, *row.GroupID)
		} else {
			of.Organizations = append(of.Organizations, row.OrganizationID)
		}
	}
	sums, err := tx.EstimatedOn(ctx, of)
	if err != nil {
		return nil, err
	}
	counted := slices.Clone(rows)
	for i, row := range rows {
		holder := row.OrganizationID
		if row.GroupID != nil {
			holder = *row.GroupID
		}
		sum := sums[database.SpendKey{Holder: holder, Unit: row.Unit}]
		before, err := money.Parse(row.Reserved)
		if err != nil {
			return nil, fmt.Errorf("read allocation: %w", err)
		}
		if before.Equal(sum) {
			continue
		}
		counted[i], err = row.Update().SetReserved(sum.String()).Save(database.Unguarded(ctx)) // as they were locked
		if err != nil {
			return nil, fmt.Errorf("count what is reserved: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Allocation, ID: row.ID, Organization: row.OrganizationID, Before: row, After: counted[i]})
	}
	return counted, nil
}
