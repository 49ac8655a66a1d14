package usage

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// BillingUnit is what an organization sells the usage in that it meters itself.
type BillingUnit struct {
	ID           typeid.ID
	Name         string
	Currency     money.Currency
	Organization *records.Reference
	// Rate is what one costs now.
	Rate      money.Decimal
	CreatedAt time.Time
	Version   int

	OrganizationID uuid.UUID

	rates metering.Rates
}

// Identity returns the id.
func (u *BillingUnit) Identity() typeid.ID { return u.ID }

// Rates returns what one costs and has cost, the latest first: 20, or as many as
// are asked for, from 1 to 100.
func (u *BillingUnit) Rates(first *int) ([]*MeteringRate, error) { return latest(u.rates, first) }

// Bounds of what an organization meters in. Names are counted in characters.
const (
	maxUnits     = 100
	maxUnitName  = 100
	maxSKUs      = 1000
	maxSKUName   = 100
	maxRateCount = 1000
)

// NewBillingUnit is what createBillingUnit is asked for.
type NewBillingUnit struct {
	Organization uuid.UUID
	Name         string
	// Currency is one of ISO 4217.
	Currency money.Currency
	// Rate is what one costs until another is set.
	Rate money.Decimal
}

func (n NewBillingUnit) check() error {
	if err := checkUnitName(n.Name); err != nil {
		return err
	}
	if _, err := money.ParseCurrency(string(n.Currency)); err != nil {
		return fault.Invalidf("currency", "a billing unit is in an ISO 4217 currency")
	}
	return metering.CheckRate(n.Rate)
}

// checkUnitName returns INVALID for what no unit is called. Allocations are in
// currencies or in units, by name or by id, so none is called like another.
func checkUnitName(name string) error {
	_, isCurrency := money.ParseCurrency(name)
	if _, isUnit := database.UnitID(name); isUnit || isCurrency == nil {
		return fault.Invalidf("name", "a billing unit is not called like a currency or an id")
	}
	return checkNoun("name", name, maxUnitName)
}

// checkNoun returns INVALID for what is no text of 1 to most characters.
func checkNoun(field, text string, most int) error {
	if !isText(text) || strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > most {
		return fault.Invalidf(field, "this has 1 to %d characters", most)
	}
	return nil
}

// CreateBillingUnit makes a unit with what one costs. Needs usage:import. INVALID
// for a bad name, currency or rate, CONFLICT for a name that is taken,
// LIMIT_EXCEEDED beyond 100 units.
func (s *Service) CreateBillingUnit(ctx context.Context, n NewBillingUnit) (*BillingUnit, error) {
	org, err := s.checkImporter(ctx, access.UsageImport, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.BillingUnit
	_, err = s.db.Write(ctx, database.Entry{Action: "createBillingUnit", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		there, err := tx.BillingUnit.Query().Where(billingunit.OrganizationID(org.ID)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count billing units: %w", err)
		}
		if there >= maxUnits {
			return fault.New(fault.LimitExceeded, "an organization has at most %d billing units", maxUnits)
		}
		row, err = tx.BillingUnit.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetName(n.Name).SetCurrency(string(n.Currency)).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create billing unit: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingUnit, ID: row.ID, Organization: org.ID, After: row})
		return addRate(ctx, tx, rated{organization: org.ID, unit: &row.ID}, metering.Rate{Amount: n.Rate})
	})
	if err != nil {
		return nil, err
	}
	return s.BillingUnit(ctx, row.ID)
}

// UpdateBillingUnit renames a unit. Needs usage:import; NOT_FOUND for one that the
// viewer does not see, CONFLICT for a name that is taken and for another version
// than expected.
func (s *Service) UpdateBillingUnit(ctx context.Context, id uuid.UUID, name string, expectedVersion *int) (*BillingUnit, error) {
	org, err := s.unitHome(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := checkUnitName(name); err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "updateBillingUnit", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockUnit(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(before.Version, expectedVersion); err != nil {
			return err
		}
		after, err := before.Update().SetName(name).SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("update billing unit: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingUnit, ID: id, Organization: org.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.BillingUnit(ctx, id)
}

// SetBillingUnitRate sets what one of a unit costs from an instant on, nil for now.
// Usage that was recorded before keeps what it costs. Needs usage:import; NOT_FOUND
// for a unit that the viewer does not see, INVALID for what is no rate and for one
// that does not begin after the one before, PERIOD_CLOSED for one that begins in a
// closed month, LIMIT_EXCEEDED beyond 1000 rates.
func (s *Service) SetBillingUnitRate(ctx context.Context, id uuid.UUID, rate money.Decimal, from *time.Time) (*BillingUnit, error) {
	org, err := s.unitHome(ctx, id)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "setBillingUnitRate", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockUsage(ctx, org.ID); err != nil {
			return err
		}
		if _, err := lockUnit(ctx, tx, id); err != nil {
			return err
		}
		return setRate(ctx, tx, rated{organization: org.ID, unit: &id}, rate, from)
	})
	if err != nil {
		return nil, err
	}
	return s.BillingUnit(ctx, id)
}

// DeleteBillingUnit deletes a unit with its SKUs and rates. Needs usage:import;
// NOT_FOUND for one that the viewer does not see, CONFLICT if usage was recorded in
// it, or if an allocation or the estimate of an active resource is in it.
func (s *Service) DeleteBillingUnit(ctx context.Context, id uuid.UUID) error {
	org, err := s.unitHome(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteBillingUnit", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockUsage(ctx, org.ID); err != nil {
			return err
		}
		row, err := lockUnit(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkUnlimited(ctx, tx, id); err != nil {
			return err
		}
		if err := deleteSKUs(ctx, tx, id); err != nil {
			return err
		}
		if err := tx.BillingUnit.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete billing unit: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingUnit, ID: id, Organization: org.ID, Before: row})
		return nil
	})
	return err
}

// checkUnlimited returns CONFLICT for a unit that an allocation, or the estimate of
// an active resource, is in. Whoever sets one holds the unit first.
func checkUnlimited(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	unit := database.Unit(id)
	ctx = database.Unguarded(ctx) // wherever it is
	limits, err := tx.Allocation.Query().Where(allocation.Unit(unit)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for allocations: %w", err)
	}
	expected, err := tx.Resource.Query().Where(resource.EstimateUnit(unit), resource.StatusEQ(resource.StatusACTIVE)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for estimates: %w", err)
	}
	if limits || expected {
		return fault.New(fault.Conflict, "allocations or estimates of resources are in this unit")
	}
	return nil
}

// BillingUnit returns a unit of an organization in which the viewer holds
// usage:import, or NOT_FOUND.
func (s *Service) BillingUnit(ctx context.Context, id uuid.UUID) (*BillingUnit, error) {
	row, err := s.db.Client().BillingUnit.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("billing unit")
	}
	if err != nil {
		return nil, fmt.Errorf("get billing unit: %w", err)
	}
	held, err := s.holds(ctx, access.UsageImport, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fault.Missing("billing unit")
	}
	units, err := s.wrapUnits(ctx, []*ent.BillingUnit{row})
	if err != nil {
		return nil, err
	}
	return units[0], nil
}

// unitHome returns the organization of a unit that the viewer may change, or
// NOT_FOUND if they do not see it.
func (s *Service) unitHome(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	seen, err := s.BillingUnit(ctx, id)
	if err != nil {
		return records.Organization{}, err
	}
	return s.checkImporter(ctx, access.UsageImport, seen.OrganizationID)
}

func lockUnit(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.BillingUnit, error) {
	query := tx.BillingUnit.Query().Where(billingunit.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("billing unit")
	}
	if err != nil {
		return nil, fmt.Errorf("lock billing unit: %w", err)
	}
	return row, nil
}

// wrapUnits returns units with their organizations and rates in a statement each.
func (s *Service) wrapUnits(ctx context.Context, rows []*ent.BillingUnit) ([]*BillingUnit, error) {
	var ids, organizationIDs []uuid.UUID
	for _, row := range rows {
		ids, organizationIDs = append(ids, row.ID), append(organizationIDs, row.OrganizationID)
	}
	organizations, err := s.records.Organizations(ctx, organizationIDs)
	if err != nil {
		return nil, err
	}
	rates, err := ratesOfUnits(ctx, s.db.Client(), ids)
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	units := make([]*BillingUnit, len(rows))
	for i, row := range rows {
		units[i] = &BillingUnit{
			ID: typeid.New(typeid.BillingUnit, row.ID), Name: row.Name, Currency: money.Currency(row.Currency),
			Organization: organizations[row.OrganizationID].Refer(ctx), Rate: rates[row.ID].At(now).Amount,
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, OrganizationID: row.OrganizationID, rates: rates[row.ID],
		}
	}
	return units, nil
}
