package statements

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service closes months and reads statements.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Status is what has become of a statement.
type Status string

// The states of a statement: made, sent with its number, paid, and taken back.
const (
	Closed Status = "CLOSED"
	Issued Status = "ISSUED"
	Paid   Status = "PAID"
	Void   Status = "VOID"
)

// dueAfter is how long a buyer has to pay.
const dueAfter = 10 * 24 * time.Hour

// Statement is what a buyer owes a seller for a month, in one currency.
type Statement struct {
	ID     typeid.ID
	Seller *records.Reference
	Buyer  *records.Reference
	Month  pricing.Month
	Status Status
	// Number is nil until it is issued.
	Number *string
	// Discount is not above 0.
	Discount, Fees, Tax money.Amount
	// Total is what is to be paid.
	Total money.Amount
	// IssuedAt and DueAt are nil until it is issued, SettledAt until it is paid or
	// void.
	IssuedAt, DueAt, SettledAt *time.Time
	PaymentReference           string
	// Reason is why it is void.
	Reason    string
	Version   int
	CreatedAt time.Time
	// Siblings are the statements that were loaded together.
	Siblings *batch.Siblings
}

// Identity returns the id.
func (s *Statement) Identity() typeid.ID { return s.ID }

// TotalDiscount returns what discounts take off, which is not above 0.
func (s *Statement) TotalDiscount() money.Amount { return s.Discount }

// TotalFees returns the sum of the fees.
func (s *Statement) TotalFees() money.Amount { return s.Fees }

// TotalTax returns the sum of the taxes.
func (s *Statement) TotalTax() money.Amount { return s.Tax }

// TotalUntaxed returns what is charged without taxes.
func (s *Statement) TotalUntaxed() money.Amount { return s.amount(s.Total.Decimal.Sub(s.Tax.Decimal)) }

// TotalUndiscounted returns the sum of the lines.
func (s *Statement) TotalUndiscounted() money.Amount {
	return s.amount(s.TotalUntaxed().Decimal.Sub(s.Fees.Decimal).Sub(s.Discount.Decimal))
}

// amount returns an amount in the currency of the statement.
func (s *Statement) amount(d money.Decimal) money.Amount {
	return money.Amount{Decimal: d, Currency: s.Total.Currency}
}

// numberText returns the number of a statement as it is written.
func numberText(n *int64) *string {
	if n == nil {
		return nil
	}
	written := fmt.Sprintf("%06d", *n)
	return &written
}

// Get returns a statement that the viewer may see, or NOT_FOUND. Who reads the
// buyer's bills sees it, and who sees the seller's prices.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Statement, error) {
	row, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	wrapped, err := s.wrap(ctx, []*ent.Statement{row})
	if err != nil {
		return nil, err
	}
	return wrapped[0], nil
}

// find returns a statement that the viewer may see.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Statement, error) {
	row, err := s.db.Client().Statement.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, missing()
	}
	if err != nil {
		return nil, fmt.Errorf("get statement: %w", err)
	}
	parties, err := s.records.Organizations(ctx, []uuid.UUID{row.SellerID, row.BuyerID})
	if err != nil {
		return nil, err
	}
	if !records.ReadsBillsOf(ctx, parties[row.BuyerID]) && !records.SeesPricesOf(ctx, parties[row.SellerID]) {
		return nil, missing()
	}
	return row, nil
}

func missing() error { return fault.Missing("statement") }

// wrap returns statements with their parties, in one statement.
func (s *Service) wrap(ctx context.Context, rows []*ent.Statement) ([]*Statement, error) {
	var ids []uuid.UUID
	for _, row := range rows {
		ids = append(ids, row.SellerID, row.BuyerID)
	}
	parties, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	wrapped, all := make([]*Statement, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		all[i] = row.ID
	}
	siblings := batch.Of(all...)
	for i, row := range rows {
		month, err := pricing.ParseMonth(row.Month)
		if err != nil {
			return nil, fmt.Errorf("read statement %s: %w", row.ID, err)
		}
		var sums [4]money.Amount
		for i, text := range []string{row.Discount, row.Fees, row.Tax, row.Total} {
			sums[i].Currency = money.Currency(row.Currency)
			if sums[i].Decimal, err = money.Parse(text); err != nil {
				return nil, fmt.Errorf("read statement %s: %w", row.ID, err)
			}
		}
		wrapped[i] = &Statement{
			ID: typeid.New(typeid.Statement, row.ID), Seller: parties[row.SellerID].Refer(ctx), Buyer: parties[row.BuyerID].Refer(ctx),
			Month: month, Status: Status(row.Status), Number: numberText(row.Number), Discount: sums[0], Fees: sums[1], Tax: sums[2], Total: sums[3],
			IssuedAt: database.InUTC(row.IssuedAt), DueAt: database.InUTC(row.DueAt), SettledAt: database.InUTC(row.SettledAt),
			PaymentReference: row.PaymentReference, Reason: row.Reason, Version: row.Version, CreatedAt: row.CreatedAt.UTC(), Siblings: siblings,
		}
	}
	return wrapped, nil
}
