package terms

import (
	"context"
	"fmt"
	"io"
	"slices"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmonth"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Service reads and changes terms.
type Service struct {
	db      *database.DB
	records *records.Store
	random  io.Reader
}

// New returns the service. random is where the codes of vouchers come from.
func New(db *database.DB, store *records.Store, random io.Reader) *Service {
	return &Service{db: db, records: store, random: random}
}

// sellerOf returns an organization whose terms the viewer may change. INVALID for
// one that manages no others.
func (s *Service) sellerOf(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	seller, err := s.records.Check(ctx, access.BillingWrite, id)
	if err != nil {
		return records.Organization{}, err
	}
	if !seller.Kind.CanManage() {
		return records.Organization{}, fault.Invalidf("sellerId", "this organization manages no others")
	}
	return seller, nil
}

// checkBuyer returns INVALID for a buyer that is not directly below the seller,
// and NOT_FOUND for one out of the viewer's sight. Terms without a buyer are for
// all.
func (s *Service) checkBuyer(ctx context.Context, seller uuid.UUID, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	buyer, err := s.records.Organization(ctx, *id)
	if err != nil {
		return err
	}
	if !records.Sees(access.ViewerFrom(ctx).Reach(), buyer.Line()) || buyer.Status == orgtree.Deleted {
		return fault.Missing("organization")
	}
	if manager, ok := buyer.Manager(); !ok || manager.ID != seller {
		return fault.Invalidf("buyerId", "the buyer is not directly below the seller")
	}
	return nil
}

// monthsOf returns the months in which terms hold, as they are asked for.
func monthsOf(first pricing.Month, last *pricing.Month) (invoicing.Months, error) {
	months := invoicing.Months{First: first}
	if last != nil {
		months.Last = *last
	}
	return months, months.Check()
}

// checkOpen returns PERIOD_CLOSED if a change of the months in which terms hold
// would change what a closed month was charged by. The seller is locked.
func checkOpen(ctx context.Context, tx *database.Tx, seller uuid.UUID, before, after invoicing.Months) error {
	last, err := tx.BillingMonth.Query().Where(billingmonth.SellerID(seller)).Order(ent.Desc(billingmonth.FieldMonth)).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the last closed month: %w", err)
	}
	through, err := pricing.ParseMonth(last.Month)
	if err != nil {
		return fmt.Errorf("read the last closed month: %w", err)
	}
	if before.Differ(after, through) {
		return fault.New(fault.PeriodClosed, "%s is closed", through).With("month", through.String())
	}
	return nil
}

// actor returns who acts, nil for the platform itself.
func actor(ctx context.Context) *uuid.UUID {
	id := access.ViewerFrom(ctx).ID
	if id.IsZero() {
		return nil
	}
	return (*uuid.UUID)(&id)
}

// monthText returns a month as it is stored, nil for none.
func monthText(m pricing.Month) *string {
	if m.IsZero() {
		return nil
	}
	text := m.String()
	return &text
}

// someMonth returns nil for no month.
func someMonth(m pricing.Month) *pricing.Month {
	if m.IsZero() {
		return nil
	}
	return &m
}

func decimalText(d *money.Decimal) *string {
	if d == nil {
		return nil
	}
	text := d.String()
	return &text
}

// parties are the organizations that terms name.
type parties map[uuid.UUID]records.Organization

func (p parties) refer(ctx context.Context, id uuid.UUID) *records.Reference {
	return p[id].Refer(ctx)
}

// referSome returns nil for nobody.
func (p parties) referSome(ctx context.Context, id *uuid.UUID) *records.Reference {
	if id == nil {
		return nil
	}
	return p.refer(ctx, *id)
}

// partiesOf returns the sellers and buyers of rows.
func partiesOf[R any](ctx context.Context, s *Service, rows []R, named func(R) (seller uuid.UUID, buyer *uuid.UUID)) (parties, error) {
	var ids []uuid.UUID
	for _, row := range rows {
		seller, buyer := named(row)
		ids = append(ids, seller)
		if buyer != nil {
			ids = append(ids, *buyer)
		}
	}
	return s.records.Organizations(ctx, ids)
}

// listing is how terms of one kind are listed: rows as they are stored and as they
// are told.
type listing[R, T, E any] struct {
	name string
	// seen says whether the viewer sees those of an organization.
	seen   func(ctx context.Context, org records.Organization) bool
	column string
	load   func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]R, error)
	count  func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error)
	of     func(R) uuid.UUID
	id     func(R) uuid.UUID
	wrap   func(ctx context.Context, rows []R) ([]*T, error)
	edge   func(cursor string, told *T) E
}

// page returns a page of the terms of an organization, the oldest first: none for
// viewers who do not see them. INVALID for arguments out of bounds.
func (l listing[R, T, E]) page(ctx context.Context, s *Service, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (batch.Part[E], error) {
	type key struct {
		name   string
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return batch.Part[E]{}, err
	}
	return batch.Load(ctx, siblings, key{l.name, window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]batch.Part[E], error) {
		return l.pages(ctx, s, ids, window)
	})
}

func (l listing[R, T, E]) pages(ctx context.Context, s *Service, ids []uuid.UUID, window page.Window) (map[uuid.UUID]batch.Part[E], error) {
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	readable := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return !l.seen(ctx, organizations[id]) })
	var order database.Order
	modify, err := order.Page(window, l.column)
	if err != nil {
		return nil, err
	}
	rows, err := l.load(ctx, readable, modify)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.name, err)
	}
	told, err := l.wrap(ctx, rows)
	if err != nil {
		return nil, err
	}
	places := make([]int, len(rows))
	for i := range rows {
		places[i] = i
	}
	return batch.Parts(ids, window, places,
		func(i int) uuid.UUID { return l.of(rows[i]) },
		func(i int) string { return order.Cursor("", l.id(rows[i]).String()) },
		func(cursor string, i int) E { return l.edge(cursor, told[i]) },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			counted, err := l.count(ctx, readable)
			if err != nil {
				return nil, fmt.Errorf("count %s: %w", l.name, err)
			}
			return batch.Counts(ids, counted), nil
		}), nil
}

// counter is how many terms there are on all pages.
type counter struct {
	count func(ctx context.Context) (int, error)
}

// tally is how many rows an organization has.
type tally struct {
	SellerID uuid.UUID `json:"seller_id"`
	BuyerID  uuid.UUID `json:"buyer_id"`
	Count    int       `json:"count"`
}

// bySeller returns how many rows each seller has.
func bySeller(rows []tally) map[uuid.UUID]int {
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.SellerID] = row.Count
	}
	return counted
}
