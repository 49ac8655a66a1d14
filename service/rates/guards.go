package rates

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/priceguard"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Guard is one version of the bounds that an organization sets for the factors of
// those that it manages.
type Guard struct {
	ID      typeid.ID
	Manager *records.Reference
	// Seller is nil for all that the manager manages.
	Seller *records.Reference
	// Basis is nil for every one.
	Basis *pricing.Basis
	// Min and Max are nil for no bound.
	Min        *money.Decimal
	Max        *money.Decimal
	FirstMonth pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Version   int
	Reason    string
	CreatedAt time.Time
}

// Identity returns the id.
func (g *Guard) Identity() typeid.ID { return g.ID }

// Bounds are those of the factors of one basis. Nil fields are no bound.
type Bounds struct {
	Basis    pricing.Basis
	Min      *money.Decimal
	MinSince *pricing.Month
	Max      *money.Decimal
	MaxSince *pricing.Month
}

// NewGuard is what setPriceGuard is asked for.
type NewGuard struct {
	Manager uuid.UUID
	// Seller is nil for all that the manager manages.
	Seller *uuid.UUID
	// Basis is nil for every one.
	Basis *pricing.Basis
	// Min and Max are nil for no bound.
	Min *money.Decimal
	Max *money.Decimal
	// FirstMonth is nil for the next one.
	FirstMonth *pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Reason    string
}

// GuardEnd is what endPriceGuard is asked for.
type GuardEnd struct {
	ID        uuid.UUID
	LastMonth pricing.Month
	Reason    string
}

// SetGuard adds a version of the bounds of others' factors and returns it. It says
// nothing of their prices, so that nobody learns a price by trying bounds. It
// needs partner:multiplier in the managing organization. INVALID for one that
// manages nobody, a seller that is not directly below it or manages nobody, and
// for what pricing.CheckGuard refuses.
func (s *Service) SetGuard(ctx context.Context, n NewGuard) (*Guard, error) {
	manager, err := s.records.Check(ctx, access.PartnerMultiplier, n.Manager)
	if err != nil {
		return nil, err
	}
	if !manager.Kind.CanManage() {
		return nil, fault.Invalidf("managerId", "this organization manages no others")
	}
	if err := s.checkGuarded(ctx, n); err != nil {
		return nil, err
	}
	guard, err := s.guardOf(n)
	if err != nil {
		return nil, err
	}
	var row *ent.PriceGuard
	_, err = s.db.Write(ctx, database.Entry{Action: "setPriceGuard", Organization: manager.ID, Reason: n.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, manager.ID); err != nil {
			return err
		}
		existing, err := guardsOf(ctx, tx, manager.ID)
		if err != nil {
			return err
		}
		if err := pricing.CheckGuard(guard, existing, s.current()); err != nil {
			return err
		}
		guard.Version = pricing.NextGuardVersion(guard, existing)
		if row, err = s.insertGuard(ctx, tx, guard, n.Reason); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.PriceGuard, ID: row.ID, Organization: manager.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.wrapGuard(ctx, row)
}

// checkGuarded returns INVALID if the seller that a guard names is not one that
// the manager manages, NOT_FOUND out of the viewer's sight.
func (s *Service) checkGuarded(ctx context.Context, n NewGuard) error {
	if n.Seller == nil {
		return nil
	}
	seller, err := s.records.Organization(ctx, *n.Seller)
	if err != nil {
		return err
	}
	if !records.Sees(access.ViewerFrom(ctx).Reach(), seller.Line()) || seller.Status == orgtree.Deleted {
		return fault.Missing("organization")
	}
	if manager, ok := seller.Manager(); !ok || manager.ID != n.Manager {
		return fault.Invalidf("sellerId", "the seller is not directly below the manager")
	}
	if !seller.Kind.CanManage() {
		return fault.Invalidf("sellerId", "this organization sells to no others")
	}
	return nil
}

// guardOf returns the guard that is asked for, without id and version.
func (s *Service) guardOf(n NewGuard) (pricing.Guard, error) {
	if err := database.CheckReason(n.Reason); err != nil {
		return pricing.Guard{}, err
	}
	g := pricing.Guard{Manager: orgtree.ID(n.Manager), FirstMonth: s.current().Next()}
	if n.Seller != nil {
		g.Seller = orgtree.ID(*n.Seller)
	}
	if n.Basis != nil {
		g.Basis = *n.Basis
	}
	if n.FirstMonth != nil {
		g.FirstMonth = *n.FirstMonth
	}
	if n.LastMonth != nil {
		g.LastMonth = *n.LastMonth
	}
	for _, bound := range []struct {
		field string
		asked *money.Decimal
		value *money.Decimal
	}{{"min", n.Min, &g.Min}, {"max", n.Max, &g.Max}} {
		if bound.asked == nil {
			continue
		}
		if bound.asked.Sign() <= 0 {
			return pricing.Guard{}, fault.Invalidf(bound.field, "a bound is greater than 0")
		}
		*bound.value = *bound.asked
	}
	return g, nil
}

func (s *Service) insertGuard(ctx context.Context, tx *database.Tx, g pricing.Guard, reason string) (*ent.PriceGuard, error) {
	create := tx.PriceGuard.Create().
		SetID(s.db.NewID()).SetManagerID(uuid.UUID(g.Manager)).SetBasis(string(g.Basis)).
		SetFirstMonth(g.FirstMonth.String()).SetVersion(g.Version).SetReason(reason).SetCreatedAt(s.db.Now())
	if !g.Seller.IsZero() {
		create.SetSellerID(uuid.UUID(g.Seller))
	}
	if !g.Min.IsZero() {
		create.SetMin(g.Min.String())
	}
	if !g.Max.IsZero() {
		create.SetMax(g.Max.String())
	}
	if !g.LastMonth.IsZero() {
		create.SetLastMonth(g.LastMonth.String())
	}
	if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
		create.SetActorID(uuid.UUID(actor))
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create price guard: %w", err)
	}
	return row, nil
}

// EndGuard sets the last month in which a guard holds and returns it. It needs
// partner:multiplier in the managing organization; NOT_FOUND for a guard that the
// viewer does not see. INVALID for a month that is over, and for one after the
// guard's last.
func (s *Service) EndGuard(ctx context.Context, e GuardEnd) (*Guard, error) {
	if err := database.CheckReason(e.Reason); err != nil {
		return nil, err
	}
	seen, err := s.Guard(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	manager, err := s.records.Check(ctx, access.PartnerMultiplier, seen.Manager.ID.UUID)
	if err != nil {
		return nil, err
	}
	var after *ent.PriceGuard
	_, err = s.db.Write(ctx, database.Entry{Action: "endPriceGuard", Organization: manager.ID, Reason: e.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, manager.ID); err != nil {
			return err
		}
		before, err := tx.PriceGuard.Get(ctx, e.ID)
		if err != nil {
			return fmt.Errorf("get price guard: %w", err)
		}
		guard, err := records.Guard(before)
		if err != nil {
			return err
		}
		if err := pricing.CheckGuardEnd(guard, e.LastMonth, s.current()); err != nil {
			return err
		}
		if after = before; guard.LastMonth == e.LastMonth {
			return nil
		}
		if after, err = before.Update().SetLastMonth(e.LastMonth.String()).Save(ctx); err != nil {
			return fmt.Errorf("end price guard: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.PriceGuard, ID: after.ID, Organization: manager.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.wrapGuard(ctx, after)
}

// Guard returns a guard of an organization whose prices the viewer sees, or
// NOT_FOUND.
func (s *Service) Guard(ctx context.Context, id uuid.UUID) (*Guard, error) {
	row, err := s.db.Client().PriceGuard.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("price guard")
	}
	if err != nil {
		return nil, fmt.Errorf("get price guard: %w", err)
	}
	manager, err := s.records.Organization(ctx, row.ManagerID)
	if err != nil {
		return nil, err
	}
	if !records.SeesPricesOf(ctx, manager) {
		return nil, fault.Missing("price guard")
	}
	return s.wrapGuard(ctx, row)
}

func (s *Service) wrapGuard(ctx context.Context, row *ent.PriceGuard) (*Guard, error) {
	list, err := s.wrapGuards(ctx, []*ent.PriceGuard{row})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// wrapGuards returns stored guards as the viewer sees them, in their order.
func (s *Service) wrapGuards(ctx context.Context, rows []*ent.PriceGuard) ([]*Guard, error) {
	ids := make([]uuid.UUID, 0, 2*len(rows))
	for _, row := range rows {
		ids = append(ids, row.ManagerID)
		if row.SellerID != nil {
			ids = append(ids, *row.SellerID)
		}
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	guards := make([]*Guard, len(rows))
	for i, row := range rows {
		stored, err := records.Guard(row)
		if err != nil {
			return nil, err
		}
		guards[i] = &Guard{
			ID:      typeid.New(typeid.PriceGuard, row.ID),
			Manager: refer(ctx, organizations[row.ManagerID].Line()),
			Basis:   named(stored.Basis), Min: bound(stored.Min), Max: bound(stored.Max),
			FirstMonth: stored.FirstMonth, LastMonth: lastMonth(stored.LastMonth), Version: stored.Version,
			Reason: row.Reason, CreatedAt: row.CreatedAt.UTC(),
		}
		if row.SellerID != nil {
			guards[i].Seller = refer(ctx, organizations[*row.SellerID].Line())
		}
	}
	return guards, nil
}

// bound returns nil for no bound.
func bound(d money.Decimal) *money.Decimal {
	if d.IsZero() {
		return nil
	}
	return &d
}

func guardsOf(ctx context.Context, tx *database.Tx, manager uuid.UUID) ([]pricing.Guard, error) {
	rows, err := tx.PriceGuard.Query().Where(priceguard.ManagerID(manager)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load price guards: %w", err)
	}
	guards := make([]pricing.Guard, len(rows))
	for i, row := range rows {
		if guards[i], err = records.Guard(row); err != nil {
			return nil, err
		}
	}
	return guards, nil
}

// Bounds returns between which factors an organization may sell in a month, the
// current one if nil: one entry for every basis that is bounded, none for viewers
// who do not see its prices. It is loaded for all siblings at once.
func (s *Service) Bounds(ctx context.Context, siblings *batch.Siblings, seller uuid.UUID, month *pricing.Month) ([]*Bounds, error) {
	type key struct{ bounds pricing.Month }
	m := s.current()
	if month != nil {
		m = *month
	}
	return batch.Load(ctx, siblings, key{m}, seller, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Bounds, error) {
		organizations, err := s.records.Organizations(ctx, ids)
		if err != nil {
			return nil, err
		}
		guards, err := s.records.GuardsOn(ctx, ids)
		if err != nil {
			return nil, err
		}
		bounds := make(map[uuid.UUID][]*Bounds, len(ids))
		for _, id := range ids {
			bounds[id] = []*Bounds{}
			manager, managed := organizations[id].Manager()
			if managed && records.SeesPricesOf(ctx, organizations[id]) {
				bounds[id] = boundsOf(guards, manager.ID, id, m)
			}
		}
		return bounds, nil
	})
}

func boundsOf(guards []pricing.Guard, manager, seller uuid.UUID, m pricing.Month) []*Bounds {
	list := []*Bounds{}
	for _, basis := range []pricing.Basis{pricing.Source, pricing.Upstream, pricing.List} {
		b := pricing.BoundsOf(guards, orgtree.ID(manager), orgtree.ID(seller), basis, m)
		bounds := &Bounds{Basis: basis}
		if b.Min != nil {
			bounds.Min, bounds.MinSince = &b.Min.Min, &b.Min.FirstMonth
		}
		if b.Max != nil {
			bounds.Max, bounds.MaxSince = &b.Max.Max, &b.Max.FirstMonth
		}
		if b != (pricing.Bounds{}) {
			list = append(list, bounds)
		}
	}
	return list
}
