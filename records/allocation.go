package records

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/threshold"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/spending"
)

// Allocation is how much an organization or a group may use in a period, as far
// as the state of work depends on it.
type Allocation struct {
	ID uuid.UUID
	// Organization is the one that uses it, or whose group does.
	Organization uuid.UUID
	// Group is nil for the whole organization.
	Group *uuid.UUID
	// Author is the organization or its manager. Its thresholds apply.
	Author uuid.UUID
	// Unit is a currency, or a billing unit by its id.
	Unit   string
	Period spending.Period
	Total  money.Decimal
	// Used and Forecast are of the period that begins at PeriodStart, zero for
	// one without periods.
	Used        money.Decimal
	Forecast    *money.Decimal
	PeriodStart time.Time
	Reserved    money.Decimal
	// ShutBy is the threshold that has shut it down, nil for none.
	ShutBy *uuid.UUID
}

// NewAllocation returns an allocation as it is stored.
func NewAllocation(row *ent.Allocation) (Allocation, error) {
	a := Allocation{
		ID: row.ID, Organization: row.OrganizationID, Group: row.GroupID, Author: row.AuthorID,
		Unit: row.Unit, Period: spending.Period(row.Period), ShutBy: row.ShutBy,
	}
	if row.PeriodStart != nil {
		a.PeriodStart = row.PeriodStart.UTC()
	}
	for _, stored := range []struct {
		text   string
		amount *money.Decimal
	}{{row.Total, &a.Total}, {row.Used, &a.Used}, {row.Reserved, &a.Reserved}} {
		parsed, err := money.Parse(stored.text)
		if err != nil {
			return Allocation{}, fmt.Errorf("read allocation %s: %w", row.ID, err)
		}
		*stored.amount = parsed
	}
	var err error
	a.Forecast, err = optionalDecimal(row.Forecast)
	if err != nil {
		return Allocation{}, fmt.Errorf("read allocation %s: %w", row.ID, err)
	}
	return a, nil
}

func optionalDecimal(stored *string) (*money.Decimal, error) {
	if stored == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	d, err := money.Parse(*stored)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// Spent returns how much is gone in the period that an instant lies in. What was
// found in an earlier period is not of this one: usage that has come in since
// would have been found.
func (a Allocation) Spent(at time.Time) spending.Spent {
	s := spending.Spent{Total: a.Total, Reserved: a.Reserved}
	if from, _ := a.Period.Bounds(at); from.Equal(a.PeriodStart) {
		s.Used, s.Forecast = a.Used, a.Forecast
	}
	return s
}

// Holder returns the allocation with its state at an instant by thresholds.
func (a Allocation) Holder(at time.Time, thresholds []spending.Threshold) spending.Holder {
	h := spending.Holder{ID: orgtree.ID(a.ID), Spent: a.Spent(at), Unit: a.Unit}
	var shut *orgtree.ID
	if a.ShutBy != nil {
		shut = (*orgtree.ID)(a.ShutBy)
	}
	h.State, h.By = spending.Assess(h.Spent, thresholds, shut)
	return h
}

// NewThreshold returns a threshold as it is stored.
func NewThreshold(row *ent.Threshold) (spending.Threshold, error) {
	t := spending.Threshold{
		ID: orgtree.ID(row.ID), Name: row.Name, Basis: spending.Basis(row.Basis), Severity: spending.Severity(row.Severity),
	}
	var err error
	if t.Percent, err = optionalDecimal(row.Percent); err == nil {
		t.Amount, err = optionalDecimal(row.Amount)
	}
	if err != nil {
		return spending.Threshold{}, fmt.Errorf("read threshold %s: %w", row.ID, err)
	}
	return t, nil
}

// Allowance is what limits the spending of work at a place: the allocations of
// the place and of all that it is in, and the thresholds of their authors.
type Allowance struct {
	Allocations []Allocation
	// Thresholds are by the organization that has set them.
	Thresholds map[uuid.UUID][]spending.Threshold
	// Names are those of the units of the allocations.
	Names UnitNames
}

// Holders returns the allocations with their states at an instant.
func (a Allowance) Holders(at time.Time) []spending.Holder {
	holders := make([]spending.Holder, len(a.Allocations))
	for i, allocation := range a.Allocations {
		holders[i] = allocation.Holder(at, a.Thresholds[allocation.Author])
	}
	return holders
}

// Allowance returns what limits the spending of an organization or, if it is not
// nil, a group of it.
func (s *Store) Allowance(ctx context.Context, org Organization, group *uuid.UUID) (Allowance, error) {
	if s.recalls() {
		found, err := s.paths(ctx, []uuid.UUID{org.ID})
		if err != nil {
			return Allowance{}, err
		}
		if p, ok := found[org.ID]; ok {
			return p.allowance(group), nil
		}
	}
	ids := org.LineIDs()
	applies := allocation.And(allocation.OrganizationIDIn(ids...), allocation.GroupIDIsNil())
	if group != nil {
		applies = allocation.Or(applies, allocation.GroupID(*group))
	}
	a, err := readAllowance(ctx, s.client, applies, ids)
	if err != nil {
		return Allowance{}, err
	}
	a.Names, err = NamesOf(ctx, s.client, Units(a.Allocations))
	return a, err
}

// allowance returns what limits the spending at the end of the path.
func (p *path) allowance(group *uuid.UUID) Allowance {
	a := Allowance{Thresholds: map[uuid.UUID][]spending.Threshold{}}
	for i, k := range p.records {
		o := k.record.organization
		a.Thresholds[o.id] = o.allowance.Thresholds[o.id]
		for _, allocation := range o.allowance.Allocations {
			ofGroup := group != nil && i == len(p.records)-1 && allocation.Group != nil && *allocation.Group == *group
			if allocation.Group == nil || ofGroup {
				a.Allocations = append(a.Allocations, allocation)
			}
		}
	}
	a.Names = p.unitNames(a.Allocations)
	return a
}

// unitNames returns what the billing units of allocations are called, which belong
// to organizations of the path; nil for allocations in currencies, as most are.
func (p *path) unitNames(allocations []Allocation) UnitNames {
	var names UnitNames
	for _, k := range p.records {
		its := k.record.organization.units
		for _, a := range allocations {
			name, ok := its[a.Unit]
			if !ok {
				continue
			}
			if names == nil {
				names = UnitNames{}
			}
			names[a.Unit] = name
		}
	}
	return names
}

// readUnits adds what their billing units are called to organizations.
func readUnits(ctx context.Context, tx *database.Tx, ids []uuid.UUID, found map[uuid.UUID]*organizationRecord) error {
	rows, err := tx.BillingUnit.Query().Where(billingunit.OrganizationIDIn(ids...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load billing units: %w", err)
	}
	for _, row := range rows {
		o := found[row.OrganizationID]
		if o.units == nil {
			o.units = UnitNames{}
		}
		o.units[database.Unit(row.ID)] = row.Name
	}
	return nil
}

// readAllowances adds their allocations and thresholds to organizations.
func readAllowances(ctx context.Context, tx *database.Tx, ids []uuid.UUID, found map[uuid.UUID]*organizationRecord) error {
	all, err := readAllowance(ctx, tx.Client, allocation.OrganizationIDIn(ids...), ids)
	if err != nil {
		return err
	}
	for _, a := range all.Allocations {
		o := found[a.Organization]
		o.allowance.Allocations = append(o.allowance.Allocations, a)
	}
	for id, thresholds := range all.Thresholds {
		found[id].allowance.Thresholds = map[uuid.UUID][]spending.Threshold{id: thresholds}
	}
	return nil
}

func readAllowance(ctx context.Context, client *ent.Client, which predicate.Allocation, authors []uuid.UUID) (Allowance, error) {
	rows, err := client.Allocation.Query().Where(which).Order(ent.Asc(allocation.FieldID)).All(unscoped(ctx))
	if err != nil {
		return Allowance{}, fmt.Errorf("load allocations: %w", err)
	}
	a := Allowance{Allocations: make([]Allocation, len(rows))}
	for i, row := range rows {
		if a.Allocations[i], err = NewAllocation(row); err != nil {
			return Allowance{}, err
		}
	}
	a.Thresholds, err = Thresholds(ctx, client, authors)
	return a, err
}

// Thresholds returns the thresholds that organizations have set, by organization
// and in the order in which they were made.
func Thresholds(ctx context.Context, client *ent.Client, authors []uuid.UUID) (map[uuid.UUID][]spending.Threshold, error) {
	rows, err := client.Threshold.Query().Where(threshold.OrganizationIDIn(authors...)).Order(ent.Asc(threshold.FieldID)).All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load thresholds: %w", err)
	}
	thresholds := map[uuid.UUID][]spending.Threshold{}
	for _, row := range rows {
		t, err := NewThreshold(row)
		if err != nil {
			return nil, err
		}
		thresholds[row.OrganizationID] = append(thresholds[row.OrganizationID], t)
	}
	return thresholds, nil
}
