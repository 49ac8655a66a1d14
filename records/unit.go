package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/predicate"
)

// UnitNames are what billing units are called, by the units of allocations.
type UnitNames map[string]string

// Of returns what the unit of an allocation is called. A currency is called by its
// code.
func (n UnitNames) Of(unit string) string {
	if name, ok := n[unit]; ok {
		return name
	}
	return unit
}

// Units returns what allocations are in.
func Units(allocations []Allocation) []string {
	units := make([]string, len(allocations))
	for i, a := range allocations {
		units[i] = a.Unit
	}
	return units
}

// NamesOf returns what those of the units of allocations are called that are
// billing units, whoever asks: who sees an allocation knows what it is in.
func NamesOf(ctx context.Context, client *ent.Client, units []string) (UnitNames, error) {
	ids := unitIDs(units)
	names := make(UnitNames, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	rows, err := client.BillingUnit.Query().Where(billingunit.IDIn(ids...)).All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("name billing units: %w", err)
	}
	for _, row := range rows {
		names[database.Unit(row.ID)] = row.Name
	}
	return names, nil
}

// unitIDs returns the billing units among the units of allocations.
func unitIDs(units []string) []uuid.UUID {
	var ids []uuid.UUID
	for _, unit := range units {
		if id, ok := database.UnitID(unit); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// HoldUnit returns the billing unit that somebody names for an organization by its
// id or its name, as an allocation has it, and false if there is none: a unit of one
// of the owners, or one of the others. Of several with the name it is that of the
// organization that is nearest on the line. It then cannot be deleted until the
// transaction ends.
func HoldUnit(ctx context.Context, tx *database.Tx, org Organization, asked string, owners []uuid.UUID, others []string) (string, bool, error) {
	query := tx.BillingUnit.Query().Where(named(asked), billingunit.Or(billingunit.OrganizationIDIn(owners...), billingunit.IDIn(unitIDs(others)...)))
	query.Modify(keep)
	rows, err := query.All(unscoped(ctx))
	if err != nil {
		return "", false, fmt.Errorf("hold billing unit: %w", err)
	}
	if len(rows) == 0 {
		return "", false, nil
	}
	line := org.Line()
	place := func(row *ent.BillingUnit) int {
		return slices.IndexFunc(line, func(a Ancestor) bool { return a.ID == row.OrganizationID })
	}
	nearest := slices.MaxFunc(rows, func(a, b *ent.BillingUnit) int { return place(a) - place(b) })
	return database.Unit(nearest.ID), true, nil
}

// named returns the predicate of the billing unit that somebody names.
func named(asked string) predicate.BillingUnit {
	if id, ok := database.UnitID(asked); ok {
		return billingunit.ID(id)
	}
	return billingunit.Name(asked)
}
