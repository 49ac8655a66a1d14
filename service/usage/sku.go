package usage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/ent/usageevent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// SKU is something that an organization meters.
type SKU struct {
	ID   typeid.ID
	Code string
	Name string
	Type string
	// Subtype is what one of its quantity is.
	Subtype      string
	Service      string
	Organization *records.Reference
	Unit         *BillingUnit
	// Rate is how many units one is now.
	Rate money.Decimal
	// ArchivedAt is nil while it is metered.
	ArchivedAt *time.Time
	CreatedAt  time.Time
	Version    int

	OrganizationID uuid.UUID

	rates metering.Rates
}

// Identity returns the id.
func (k *SKU) Identity() typeid.ID { return k.ID }

// Rates returns how many units one is and was, the latest first: 20, or as many as
// are asked for, from 1 to 100.
func (k *SKU) Rates(first *int) ([]*MeteringRate, error) { return latest(k.rates, first) }

// NewSKU is what createSku is asked for.
type NewSKU struct {
	Unit uuid.UUID
	Code string
	Name string
	Type string
	// Subtype is what one of its quantity is.
	Subtype string
	// Service is "" for the type.
	Service string
	// Rate is how many units one is until another is set.
	Rate money.Decimal
}

// check returns INVALID for what no SKU can be.
func (n NewSKU) check() error {
	if !isText(n.Code) || strings.TrimSpace(n.Code) == "" || len(n.Code) > maxName {
		return fault.Invalidf("code", "a code has 1 to %d bytes", maxName)
	}
	for _, named := range []struct{ field, text string }{{"name", n.Name}, {"type", n.Type}, {"subtype", n.Subtype}} {
		if err := checkNoun(named.field, named.text, maxSKUName); err != nil {
			return err
		}
	}
	if !isText(n.Service) || strings.TrimSpace(n.Service) == "" || len(n.Service) > maxName {
		return fault.Invalidf("service", "a service has 1 to %d bytes", maxName)
	}
	return metering.CheckRate(n.Rate)
}

// CreateSKU makes a SKU of the organization whose unit it is sold in, with how many
// units one is. Needs usage:import; NOT_FOUND for a unit that the viewer does not
// see, INVALID for what no SKU can be, CONFLICT for a code that is taken,
// LIMIT_EXCEEDED beyond 1000 SKUs.
func (s *Service) CreateSKU(ctx context.Context, n NewSKU) (*SKU, error) {
	org, err := s.unitHome(ctx, n.Unit)
	if err != nil {
		return nil, err
	}
	if n.Service == "" {
		n.Service = n.Type
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	id := s.db.NewID()
	_, err = s.db.Write(ctx, database.Entry{Action: "createSku", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockUnit(ctx, tx, n.Unit); err != nil {
			return err
		}
		there, err := tx.SKU.Query().Where(sku.OrganizationID(org.ID)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count SKUs: %w", err)
		}
		if there >= maxSKUs {
			return fault.New(fault.LimitExceeded, "an organization has at most %d SKUs", maxSKUs)
		}
		row, err := tx.SKU.Create().
			SetID(id).SetOrganizationID(org.ID).SetUnitID(n.Unit).SetCode(n.Code).SetName(n.Name).SetType(n.Type).SetSubtype(n.Subtype).
			SetService(n.Service).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create SKU: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SKU, ID: id, Organization: org.ID, After: row})
		return addRate(ctx, tx, rated{organization: org.ID, sku: &id}, metering.Rate{Amount: n.Rate})
	})
	if err != nil {
		return nil, err
	}
	return s.SKU(ctx, id)
}

// SKUUpdate is what updateSku is asked for; nil leaves a field as it is.
type SKUUpdate struct {
	ID                           uuid.UUID
	Name, Type, Subtype, Service *string
	ExpectedVersion              *int
}

// apply returns the SKU as it will be.
func (u SKUUpdate) apply(row *ent.SKU) (NewSKU, error) {
	n := NewSKU{Code: row.Code, Name: row.Name, Type: row.Type, Subtype: row.Subtype, Service: row.Service}
	for _, field := range []struct {
		to  *string
		set *string
	}{{&n.Name, u.Name}, {&n.Type, u.Type}, {&n.Subtype, u.Subtype}, {&n.Service, u.Service}} {
		if field.set != nil {
			*field.to = *field.set
		}
	}
	return n, n.check()
}

// UpdateSKU changes what a SKU is called. Lines of usage that there are keep what
// they say. Needs usage:import; NOT_FOUND for one that the viewer does not see,
// INVALID for what no SKU can be, CONFLICT for another version than expected.
func (s *Service) UpdateSKU(ctx context.Context, u SKUUpdate) (*SKU, error) {
	return s.changeSKU(ctx, "updateSku", u.ID, func(row *ent.SKU) (*ent.SKUUpdateOne, error) {
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return nil, err
		}
		n, err := u.apply(row)
		if err != nil {
			return nil, err
		}
		return row.Update().SetName(n.Name).SetType(n.Type).SetSubtype(n.Subtype).SetService(n.Service), nil
	})
}

// SetSKURate sets how many units one of a SKU is from an instant on, nil for now.
// Usage that was recorded before keeps what it costs. Needs usage:import; refuses
// what SetBillingUnitRate does.
func (s *Service) SetSKURate(ctx context.Context, id uuid.UUID, rate money.Decimal, from *time.Time) (*SKU, error) {
	org, err := s.skuHome(ctx, id)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "setSkuRate", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.LockUsage(ctx, org.ID); err != nil {
			return err
		}
		if _, err := lockSKU(ctx, tx, id); err != nil {
			return err
		}
		return setRate(ctx, tx, rated{organization: org.ID, sku: &id}, rate, from)
	})
	if err != nil {
		return nil, err
	}
	return s.SKU(ctx, id)
}

// ArchiveSKU ends the metering of a SKU. Archiving it again changes nothing. Needs
// usage:import; NOT_FOUND for one that the viewer does not see.
func (s *Service) ArchiveSKU(ctx context.Context, id uuid.UUID) (*SKU, error) {
	return s.changeSKU(ctx, "archiveSku", id, func(row *ent.SKU) (*ent.SKUUpdateOne, error) {
		if row.ArchivedAt != nil {
			return nil, nil
		}
		return row.Update().SetArchivedAt(s.db.Now()), nil
	})
}

// RestoreSKU takes the archiving of a SKU back. Restoring one that is not archived
// changes nothing. Needs usage:import; NOT_FOUND for one that the viewer does not
// see.
func (s *Service) RestoreSKU(ctx context.Context, id uuid.UUID) (*SKU, error) {
	return s.changeSKU(ctx, "restoreSku", id, func(row *ent.SKU) (*ent.SKUUpdateOne, error) {
		if row.ArchivedAt == nil {
			return nil, nil
		}
		return row.Update().ClearArchivedAt(), nil
	})
}

// changeSKU locks a SKU, applies a change to it, nil for none, and journals it.
func (s *Service) changeSKU(ctx context.Context, action string, id uuid.UUID, apply func(*ent.SKU) (*ent.SKUUpdateOne, error)) (*SKU, error) {
	org, err := s.skuHome(ctx, id)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockSKU(ctx, tx, id)
		if err != nil {
			return err
		}
		update, err := apply(before)
		if err != nil || update == nil {
			return err
		}
		after, err := update.SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.SKU, ID: id, Organization: org.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.SKU(ctx, id)
}

// deleteSKUs deletes the SKUs of a unit. CONFLICT if there is usage of one. The
// caller has locked the usage.
func deleteSKUs(ctx context.Context, tx *database.Tx, unit uuid.UUID) error {
	used, err := tx.UsageEvent.Query().Where(usageevent.HasSkuWith(sku.UnitID(unit))).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for usage: %w", err)
	}
	if used {
		return fault.New(fault.Conflict, "usage was recorded in this unit: archive its SKUs instead")
	}
	rows, err := tx.SKU.Query().Where(sku.UnitID(unit)).Order(ent.Asc(sku.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load SKUs: %w", err)
	}
	for _, row := range rows {
		tx.Record(database.Change{Kind: typeid.SKU, ID: row.ID, Organization: row.OrganizationID, Before: row})
	}
	if _, err := tx.SKU.Delete().Where(sku.UnitID(unit)).Exec(ctx); err != nil {
		return fmt.Errorf("delete SKUs: %w", err)
	}
	return nil
}

// SKU returns a SKU of an organization in which the viewer holds usage:import, or
// NOT_FOUND.
func (s *Service) SKU(ctx context.Context, id uuid.UUID) (*SKU, error) {
	row, err := s.db.Client().SKU.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("SKU")
	}
	if err != nil {
		return nil, fmt.Errorf("get SKU: %w", err)
	}
	held, err := s.holds(ctx, access.UsageImport, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fault.Missing("SKU")
	}
	skus, err := s.wrapSKUs(ctx, []*ent.SKU{row})
	if err == nil && len(skus) == 0 {
		err = fault.Missing("SKU")
	}
	if err != nil {
		return nil, err
	}
	return skus[0], nil
}

// skuHome returns the organization of a SKU that the viewer may change, or
// NOT_FOUND if they do not see it.
func (s *Service) skuHome(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	seen, err := s.SKU(ctx, id)
	if err != nil {
		return records.Organization{}, err
	}
	return s.checkImporter(ctx, access.UsageImport, seen.OrganizationID)
}

func lockSKU(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.SKU, error) {
	query := tx.SKU.Query().Where(sku.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("SKU")
	}
	if err != nil {
		return nil, fmt.Errorf("lock SKU: %w", err)
	}
	return row, nil
}

// wrapSKUs returns SKUs with their units and rates, in a number of statements that
// does not depend on how many they are. One whose unit has just been deleted is left
// out.
func (s *Service) wrapSKUs(ctx context.Context, rows []*ent.SKU) ([]*SKU, error) {
	var ids, unitIDs []uuid.UUID
	for _, row := range rows {
		ids, unitIDs = append(ids, row.ID), append(unitIDs, row.UnitID)
	}
	units, err := s.unitsByID(ctx, unitIDs)
	if err != nil {
		return nil, err
	}
	rates, err := ratesOfSKUs(ctx, s.db.Client(), ids)
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	skus := make([]*SKU, 0, len(rows))
	for _, row := range rows {
		unit, ok := units[row.UnitID]
		if !ok {
			continue
		}
		skus = append(skus, &SKU{
			ID: typeid.New(typeid.SKU, row.ID), Code: row.Code, Name: row.Name, Type: row.Type, Subtype: row.Subtype, Service: row.Service,
			Organization: unit.Organization, Unit: unit, Rate: rates[row.ID].At(now).Amount, ArchivedAt: database.InUTC(row.ArchivedAt),
			CreatedAt: row.CreatedAt.UTC(), Version: row.Version, OrganizationID: row.OrganizationID, rates: rates[row.ID],
		})
	}
	return skus, nil
}

func (s *Service) unitsByID(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*BillingUnit, error) {
	rows, err := s.db.Client().BillingUnit.Query().Where(billingunit.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load billing units: %w", err)
	}
	wrapped, err := s.wrapUnits(ctx, rows)
	if err != nil {
		return nil, err
	}
	units := make(map[uuid.UUID]*BillingUnit, len(wrapped))
	for _, unit := range wrapped {
		units[unit.ID.UUID] = unit
	}
	return units, nil
}
