package terms

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/discount"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Discount is what a seller takes off the statements of customers.
type Discount struct {
	ID     typeid.ID
	Seller *records.Reference
	// Buyer is nil for all direct customers.
	Buyer       *records.Reference
	Description string
	Mode        invoicing.Mode
	// Percent is nil for a VALUE; Value, ValueUsed and ValueRemaining are nil for a
	// RATE.
	Percent                          *money.Decimal
	Value, ValueUsed, ValueRemaining *money.Amount
	Filters                          []invoicing.Filter
	FirstMonth                       pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	// Redeemed says that it comes of a voucher.
	Redeemed  bool
	Reason    string
	Version   int
	CreatedAt time.Time
}

// Identity returns the id.
func (d *Discount) Identity() typeid.ID { return d.ID }

// DiscountConnection is a page of discounts.
type DiscountConnection struct {
	Edges    []DiscountEdge
	PageInfo page.Info

	counter
}

// TotalCount returns how many discounts there are on all pages.
func (c *DiscountConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// DiscountEdge is a discount in a page.
type DiscountEdge struct {
	Cursor string
	Node   *Discount
}

// The bounds of discounts: of a description in characters, and how many for the
// same customers are not over.
const (
	maxDescription = 200
	maxDiscounts   = 100
)

// Worth is how much a discount is, and on what: a percent, or a value and its
// currency.
type Worth struct {
	Description string
	Percent     *money.Decimal
	Value       *money.Decimal
	Currency    *money.Currency
	Filters     []invoicing.Filter
}

// check returns INVALID for what no discount can be.
func (w Worth) check() error {
	switch {
	case w.Description == "" || !fault.IsLine(w.Description, maxDescription):
		return fault.Invalidf("description", "a description is one line of 1 to %d printable characters", maxDescription)
	case (w.Percent == nil) == (w.Value == nil):
		return fault.Invalidf("percent", "a discount is a percent or a value")
	case w.Percent != nil && w.Percent.Sign() <= 0:
		return fault.Invalidf("percent", "the percent of a discount is above 0")
	case (w.Value == nil) != (w.Currency == nil):
		return fault.Invalidf("currency", "a value has a currency, and a percent has none")
	}
	if w.Percent != nil {
		if err := invoicing.CheckPercent("percent", *w.Percent); err != nil {
			return err
		}
	} else if err := checkMinor("value", *w.Value, *w.Currency); err != nil {
		return err
	} else if w.Value.IsZero() {
		return fault.Invalidf("value", "a value is above 0")
	}
	return invoicing.CheckFilters(w.Filters)
}

// checkMinor returns INVALID for an amount that is below 0 or not in whole minor
// units.
func checkMinor(field string, amount money.Decimal, currency money.Currency) error {
	if amount.Sign() < 0 || money.CheckAmount(amount) != nil || !amount.Round(currency.Digits()).Equal(amount) {
		return fault.Invalidf(field, "this is not below 0 and in whole minor units of the currency")
	}
	return nil
}

// mode returns which of the modes it is.
func (w Worth) mode() invoicing.Mode {
	if w.Percent != nil {
		return invoicing.Rate
	}
	return invoicing.Value
}

// currency returns the currency as it is stored, "" for a rate.
func (w Worth) currency() string {
	if w.Currency == nil {
		return ""
	}
	return string(*w.Currency)
}

// filters returns the filters as they are stored.
func (w Worth) filters() (string, error) {
	list := w.Filters
	if list == nil {
		list = []invoicing.Filter{}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("write filters: %w", err)
	}
	return string(text), nil
}

// NewDiscount is what createDiscount is asked for.
type NewDiscount struct {
	Worth
	Seller uuid.UUID
	// Buyer is nil for all direct customers of the seller.
	Buyer      *uuid.UUID
	FirstMonth pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Reason    string
}

// check returns INVALID for what no discount can be. A value is one customer's:
// who of several would use how much of it depended on the order of their
// statements.
func (n NewDiscount) check() error {
	if n.Value != nil && n.Buyer == nil {
		return fault.Invalidf("buyerId", "a value is one customer's")
	}
	if err := database.CheckReason(n.Reason); err != nil {
		return err
	}
	return n.Worth.check()
}

// CreateDiscount gives customers of a seller a discount. Needs billing:write in the
// seller. INVALID for a seller that manages nobody, a buyer that is not directly
// below it, and what no discount can be; PERIOD_CLOSED for a first month that is
// closed, LIMIT_EXCEEDED beyond 100 for the same customers that are not over.
func (s *Service) CreateDiscount(ctx context.Context, n NewDiscount) (*Discount, error) {
	seller, err := s.sellerOf(ctx, n.Seller)
	if err != nil {
		return nil, err
	}
	if err := s.checkBuyer(ctx, seller.ID, n.Buyer); err != nil {
		return nil, err
	}
	months, err := monthsOf(n.FirstMonth, n.LastMonth)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.Discount
	entry := database.Entry{Action: "createDiscount", Organization: seller.ID, Reason: n.Reason}
	_, err = s.db.Write(ctx, entry, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		if err := checkOpen(ctx, tx, seller.ID, invoicing.Months{}, months); err != nil {
			return err
		}
		if err := checkRoom(ctx, tx, seller.ID, n.Buyer); err != nil {
			return err
		}
		row, err = createDiscount(ctx, tx, n, months, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.discount(ctx, row)
}

// checkRoom returns LIMIT_EXCEEDED if the same customers have as many discounts as
// there may be.
func checkRoom(ctx context.Context, tx *database.Tx, seller uuid.UUID, buyer *uuid.UUID) error {
	same := discount.BuyerIDIsNil()
	if buyer != nil {
		same = discount.BuyerID(*buyer)
	}
	now := pricing.MonthOf(tx.Now()).String()
	there, err := tx.Discount.Query().
		Where(discount.SellerID(seller), same, discount.VoucherIDIsNil(), discount.Or(discount.LastMonthIsNil(), discount.LastMonthGTE(now))).
		Count(ctx)
	if err != nil {
		return fmt.Errorf("count discounts: %w", err)
	}
	if there >= maxDiscounts {
		return fault.New(fault.LimitExceeded, "the same customers have at most %d discounts that are not over", maxDiscounts)
	}
	return nil
}

// createDiscount stores a discount, which comes of a voucher if there is one.
func createDiscount(ctx context.Context, tx *database.Tx, n NewDiscount, months invoicing.Months, voucher *uuid.UUID) (*ent.Discount, error) {
	filters, err := n.filters()
	if err != nil {
		return nil, err
	}
	row, err := tx.Discount.Create().
		SetID(tx.NewID()).SetSellerID(n.Seller).SetNillableBuyerID(n.Buyer).SetNillableVoucherID(voucher).
		SetMode(discount.Mode(n.mode())).SetNillablePercent(decimalText(n.Percent)).SetNillableValue(decimalText(n.Value)).SetCurrency(n.currency()).
		SetFilters(filters).SetFirstMonth(months.First.String()).SetNillableLastMonth(monthText(months.Last)).
		SetDescription(n.Description).SetReason(n.Reason).SetNillableActorID(actor(ctx)).SetCreatedAt(tx.Now()).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create discount: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Discount, ID: row.ID, Organization: n.Seller, After: row})
	return row, nil
}

// EndDiscount sets the last month in which a discount holds, nil takes an end away.
// Needs billing:write in the seller, FORBIDDEN for its buyer; NOT_FOUND for a
// discount that the viewer does not see. INVALID for a month before the first,
// PERIOD_CLOSED where a closed month would change.
func (s *Service) EndDiscount(ctx context.Context, id uuid.UUID, last *pricing.Month) (*Discount, error) {
	seen, err := s.findDiscount(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.records.Check(ctx, access.BillingWrite, seen.SellerID); err != nil {
		if fault.CodeOf(err) == fault.NotFound { // They see it as the buyer.
			return nil, fault.New(fault.Forbidden, "the seller says how long a discount holds")
		}
		return nil, err
	}
	var after *ent.Discount
	_, err = s.db.Write(ctx, database.Entry{Action: "endDiscount", Organization: seen.SellerID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seen.SellerID); err != nil {
			return err
		}
		query := tx.Discount.Query().Where(discount.ID(id))
		query.Modify(tx.Lock)
		before, err := query.Only(ctx)
		if err != nil {
			return fmt.Errorf("lock discount: %w", err)
		}
		stored, err := records.NewDiscount(before)
		if err != nil {
			return err
		}
		months, err := monthsOf(stored.Months.First, last)
		if err != nil {
			return err
		}
		if err := checkOpen(ctx, tx, seen.SellerID, stored.Months, months); err != nil {
			return err
		}
		if months == stored.Months {
			after = before
			return nil
		}
		update := before.Update().SetVersion(before.Version + 1)
		if months.Last.IsZero() {
			update.ClearLastMonth()
		} else {
			update.SetLastMonth(months.Last.String())
		}
		if after, err = update.Save(ctx); err != nil {
			return fmt.Errorf("end discount: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Discount, ID: id, Organization: seen.SellerID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.discount(ctx, after)
}

// Discount returns a discount of a seller whose prices the viewer sees, or one that
// comes of a voucher of a buyer whose bills the viewer reads; else NOT_FOUND.
func (s *Service) Discount(ctx context.Context, id uuid.UUID) (*Discount, error) {
	row, err := s.findDiscount(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.discount(ctx, row)
}

func (s *Service) findDiscount(ctx context.Context, id uuid.UUID) (*ent.Discount, error) {
	row, err := s.db.Client().Discount.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("discount")
	}
	if err != nil {
		return nil, fmt.Errorf("get discount: %w", err)
	}
	ids := []uuid.UUID{row.SellerID}
	if row.BuyerID != nil {
		ids = append(ids, *row.BuyerID)
	}
	named, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	if records.SeesPricesOf(ctx, named[row.SellerID]) || row.VoucherID != nil && records.ReadsBillsOf(ctx, named[*row.BuyerID]) {
		return row, nil
	}
	return nil, fault.Missing("discount")
}

func (s *Service) discount(ctx context.Context, row *ent.Discount) (*Discount, error) {
	told, err := s.wrapDiscounts(ctx, []*ent.Discount{row})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

func (s *Service) wrapDiscounts(ctx context.Context, rows []*ent.Discount) ([]*Discount, error) {
	named, err := partiesOf(ctx, s, rows, func(row *ent.Discount) (uuid.UUID, *uuid.UUID) { return row.SellerID, row.BuyerID })
	if err != nil {
		return nil, err
	}
	told := make([]*Discount, len(rows))
	for i, row := range rows {
		stored, err := records.NewDiscount(row)
		if err != nil {
			return nil, err
		}
		told[i] = &Discount{
			ID: typeid.New(typeid.Discount, row.ID), Seller: named.refer(ctx, row.SellerID), Buyer: named.referSome(ctx, row.BuyerID),
			Description: row.Description, Mode: stored.Mode, Filters: stored.Filters,
			FirstMonth: stored.Months.First, LastMonth: someMonth(stored.Months.Last),
			Redeemed: row.VoucherID != nil, Reason: row.Reason, Version: row.Version, CreatedAt: row.CreatedAt.UTC(),
		}
		if stored.Mode == invoicing.Rate {
			told[i].Percent = &stored.Percent
			continue
		}
		value, used, err := records.ValueOf(row)
		if err != nil {
			return nil, err
		}
		in := func(d money.Decimal) *money.Amount { return &money.Amount{Decimal: d, Currency: stored.Currency} }
		told[i].Value, told[i].ValueUsed, told[i].ValueRemaining = in(value), in(used), in(stored.Remaining)
	}
	return told, nil
}

// Discounts returns a page of the discounts that an organization gives, the oldest
// first: none for viewers who do not see its prices. INVALID for arguments out of
// bounds.
func (s *Service) Discounts(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*DiscountConnection, error) {
	l := s.discounts()
	l.name, l.column, l.seen = "discounts", discount.FieldSellerID, records.SeesPricesOf
	l.of = func(row *ent.Discount) uuid.UUID { return row.SellerID }
	l.load = func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]*ent.Discount, error) {
		query := s.db.Client().Discount.Query().Where(discount.SellerIDIn(of...))
		query.Modify(modify)
		return query.All(ctx)
	}
	l.count = func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error) {
		var rows []tally
		err := s.db.Client().Discount.Query().Where(discount.SellerIDIn(of...)).GroupBy(discount.FieldSellerID).Aggregate(ent.Count()).Scan(ctx, &rows)
		return bySeller(rows), err
	}
	return discountPage(l.page(ctx, s, siblings, organization, args))
}

// RedeemedDiscounts returns a page of the discounts that an organization has by
// vouchers, the oldest first: none for viewers who do not read its bills. INVALID
// for arguments out of bounds.
func (s *Service) RedeemedDiscounts(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*DiscountConnection, error) {
	l := s.discounts()
	l.name, l.column, l.seen = "redeemed discounts", discount.FieldBuyerID, records.ReadsBillsOf
	l.of = func(row *ent.Discount) uuid.UUID { return *row.BuyerID }
	l.load = func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]*ent.Discount, error) {
		query := s.db.Client().Discount.Query().Where(discount.BuyerIDIn(of...), discount.VoucherIDNotNil())
		query.Modify(modify)
		return query.All(ctx)
	}
	l.count = func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error) {
		var rows []tally
		err := s.db.Client().Discount.Query().Where(discount.BuyerIDIn(of...), discount.VoucherIDNotNil()).
			GroupBy(discount.FieldBuyerID).Aggregate(ent.Count()).Scan(ctx, &rows)
		counted := make(map[uuid.UUID]int, len(rows))
		for _, row := range rows {
			counted[row.BuyerID] = row.Count
		}
		return counted, err
	}
	return discountPage(l.page(ctx, s, siblings, organization, args))
}

func (s *Service) discounts() listing[*ent.Discount, Discount, DiscountEdge] {
	return listing[*ent.Discount, Discount, DiscountEdge]{
		wrap: s.wrapDiscounts,
		id:   func(row *ent.Discount) uuid.UUID { return row.ID },
		edge: func(cursor string, told *Discount) DiscountEdge { return DiscountEdge{cursor, told} },
	}
}

func discountPage(part batch.Part[DiscountEdge], err error) (*DiscountConnection, error) {
	if err != nil {
		return nil, err
	}
	return &DiscountConnection{Edges: part.Edges, PageInfo: part.Info, counter: counter{part.Count}}, nil
}
