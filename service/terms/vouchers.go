package terms

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/discount"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/ent/voucher"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Voucher is a discount that whoever has its code may take.
type Voucher struct {
	ID          typeid.ID
	Seller      *records.Reference
	Description string
	Mode        invoicing.Mode
	// Percent is nil for a VALUE, Value is nil for a RATE.
	Percent *money.Decimal
	Value   *money.Amount
	Filters []invoicing.Filter
	// Months is nil for a discount without an end.
	Months         *int
	RedeemableFrom time.Time
	// RedeemableUntil is nil for no end.
	RedeemableUntil *time.Time
	// MaxRedemptions is nil for once by each customer.
	MaxRedemptions *int
	Redemptions    int
	Version        int
	CreatedAt      time.Time
}

// Identity returns the id.
func (v *Voucher) Identity() typeid.ID { return v.ID }

// VoucherConnection is a page of vouchers.
type VoucherConnection struct {
	Edges    []VoucherEdge
	PageInfo page.Info

	counter
}

// TotalCount returns how many vouchers there are on all pages.
func (c *VoucherConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// VoucherEdge is a voucher in a page.
type VoucherEdge struct {
	Cursor string
	Node   *Voucher
}

// The bounds of vouchers: for how many months their discounts hold, how often they
// are redeemed, and how many of a seller can be.
const (
	maxMonths      = 120
	maxRedemptions = 1_000_000
	maxVouchers    = 1000
)

// NewVoucher is what createVoucher is asked for.
type NewVoucher struct {
	Worth
	Seller uuid.UUID
	// Months is nil for a discount without an end.
	Months *int
	// RedeemableFrom is nil for now, RedeemableUntil for no end.
	RedeemableFrom, RedeemableUntil *time.Time
	// MaxRedemptions is nil for once by each customer.
	MaxRedemptions *int
}

// check returns INVALID for what no voucher can be.
func (n NewVoucher) check(now time.Time) error {
	from := now
	if n.RedeemableFrom != nil {
		from = *n.RedeemableFrom
	}
	switch {
	case n.Months != nil && (*n.Months < 1 || *n.Months > maxMonths):
		return fault.Invalidf("months", "a discount holds for 1 to %d months", maxMonths)
	case n.MaxRedemptions != nil && (*n.MaxRedemptions < 1 || *n.MaxRedemptions > maxRedemptions):
		return fault.Invalidf("maxRedemptions", "a voucher is redeemed 1 to %d times", maxRedemptions)
	case n.RedeemableUntil != nil && !n.RedeemableUntil.After(from):
		return fault.Invalidf("redeemableUntil", "a voucher ends after it begins")
	}
	return n.Worth.check()
}

// codeBytes is how much chance is in a code: too much to be guessed by trying, so
// tries need not be counted.
const codeBytes = 10

// newCode returns a code such as ABCD-EFGH-2345-WXYZ.
func newCode(random io.Reader) (string, error) {
	var chance [codeBytes]byte
	if _, err := io.ReadFull(random, chance[:]); err != nil {
		return "", fmt.Errorf("make code: %w", err)
	}
	text := base32.StdEncoding.EncodeToString(chance[:])
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:], nil
}

// hashOf returns what is stored of a code. People write codes in small letters and
// leave out what divides them.
func hashOf(code string) string {
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// CreateVoucher makes a voucher and returns it with its code, which is not told
// again. Needs billing:write in the seller. INVALID for a seller that manages
// nobody and what no voucher can be, LIMIT_EXCEEDED beyond 1000 that can be
// redeemed.
func (s *Service) CreateVoucher(ctx context.Context, n NewVoucher) (*Voucher, string, error) {
	seller, err := s.sellerOf(ctx, n.Seller)
	if err != nil {
		return nil, "", err
	}
	if err := n.check(s.db.Now()); err != nil {
		return nil, "", err
	}
	filters, err := n.filters()
	if err != nil {
		return nil, "", err
	}
	code, err := newCode(s.random)
	if err != nil {
		return nil, "", err
	}
	var row *ent.Voucher
	_, err = s.db.Write(ctx, database.Entry{Action: "createVoucher", Organization: seller.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		now := tx.Now()
		there, err := tx.Voucher.Query().
			Where(voucher.SellerID(seller.ID), voucher.Or(voucher.RedeemableUntilIsNil(), voucher.RedeemableUntilGT(now))).Count(ctx)
		if err != nil {
			return fmt.Errorf("count vouchers: %w", err)
		}
		if there >= maxVouchers {
			return fault.New(fault.LimitExceeded, "a seller has at most %d vouchers that can be redeemed", maxVouchers)
		}
		create := tx.Voucher.Create().
			SetID(tx.NewID()).SetSellerID(seller.ID).SetCodeHash(hashOf(code)).
			SetMode(voucher.Mode(n.mode())).SetNillablePercent(decimalText(n.Percent)).SetNillableValue(decimalText(n.Value)).SetCurrency(n.currency()).
			SetFilters(filters).SetNillableMonths(n.Months).SetDescription(n.Description).
			SetRedeemableFrom(now).SetNillableRedeemableUntil(n.RedeemableUntil).SetNillableMaxRedemptions(n.MaxRedemptions).
			SetNillableActorID(actor(ctx)).SetCreatedAt(now)
		if n.RedeemableFrom != nil {
			create.SetRedeemableFrom(*n.RedeemableFrom)
		}
		if row, err = create.Save(ctx); err != nil {
			return fmt.Errorf("create voucher: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Voucher, ID: row.ID, Organization: seller.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	told, err := s.voucher(ctx, row)
	return told, code, err
}

// EndVoucher ends a voucher: nobody redeems it any more. One that is over stays as
// it is. Needs billing:write in the seller; NOT_FOUND for one that the viewer does
// not see.
func (s *Service) EndVoucher(ctx context.Context, id uuid.UUID) (*Voucher, error) {
	seen, err := s.Voucher(ctx, id)
	if err != nil {
		return nil, err
	}
	seller := seen.Seller.ID.UUID
	if _, err := s.records.Check(ctx, access.BillingWrite, seller); err != nil {
		return nil, err
	}
	var after *ent.Voucher
	_, err = s.db.Write(ctx, database.Entry{Action: "endVoucher", Organization: seller}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Voucher.Query().Where(voucher.ID(id))
		query.Modify(tx.Lock)
		before, err := query.Only(ctx)
		if err != nil {
			return fmt.Errorf("lock voucher: %w", err)
		}
		if before.RedeemableUntil != nil && !before.RedeemableUntil.After(tx.Now()) {
			after = before
			return nil
		}
		if after, err = before.Update().SetRedeemableUntil(tx.Now()).SetVersion(before.Version + 1).Save(ctx); err != nil {
			return fmt.Errorf("end voucher: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Voucher, ID: id, Organization: seller, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.voucher(ctx, after)
}

// Redeem makes a discount of a voucher of the organization's manager, from this
// month on. Needs billing:write. NOT_FOUND for a code that cannot be redeemed there
// and now: whether there is such a code and why it is of no use is the same answer.
// CONFLICT for a voucher that the organization has redeemed, and where it has no
// payment method that can be used.
func (s *Service) Redeem(ctx context.Context, organization uuid.UUID, code string) (*Discount, error) {
	org, err := s.records.Check(ctx, access.BillingWrite, organization)
	if err != nil {
		return nil, err
	}
	seller, managed := org.Manager()
	if !managed {
		return nil, useless()
	}
	var row *ent.Discount
	_, err = s.db.Write(ctx, database.Entry{Action: "redeemVoucher", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := checkPays(ctx, tx, org.ID); err != nil {
			return err
		}
		ctx = database.Unguarded(ctx) // the voucher is the seller's, whom its customers do not reach
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		query := tx.Voucher.Query().Where(voucher.CodeHash(hashOf(code)), voucher.SellerID(seller.ID))
		query.Modify(tx.Lock)
		found, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return useless()
		}
		if err != nil {
			return fmt.Errorf("lock voucher: %w", err)
		}
		row, err = redeem(ctx, tx, found, org.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.discount(ctx, row)
}

// checkPays returns CONFLICT if an organization has no payment method that can be
// used: what a voucher does not pay it has to.
func checkPays(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	pays, err := tx.PaymentMethod.Query().
		Where(
			paymentmethod.OrganizationID(organization),
			paymentmethod.Or(paymentmethod.LastMonthIsNil(), paymentmethod.LastMonthGTE(pricing.MonthOf(tx.Now()).String())),
		).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("find payment method: %w", err)
	}
	if !pays {
		return fault.New(fault.Conflict, "a voucher is redeemed by who has a payment method").Because(fault.PaymentMethodRequired)
	}
	return nil
}

func useless() error {
	return fault.New(fault.NotFound, "there is no voucher with this code that can be redeemed")
}

// redeem makes the discount of a voucher that is locked, as its seller is.
func redeem(ctx context.Context, tx *database.Tx, v *ent.Voucher, organization uuid.UUID) (*ent.Discount, error) {
	redeemed, err := tx.Discount.Query().Where(discount.VoucherID(v.ID), discount.BuyerID(organization)).Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("find redemption: %w", err)
	}
	if redeemed {
		return nil, fault.New(fault.Conflict, "the organization has redeemed this voucher already")
	}
	now := tx.Now()
	if now.Before(v.RedeemableFrom) || v.RedeemableUntil != nil && !now.Before(*v.RedeemableUntil) ||
		v.MaxRedemptions != nil && v.Redemptions >= *v.MaxRedemptions {
		return nil, useless()
	}
	after, err := v.Update().SetRedemptions(v.Redemptions + 1).SetVersion(v.Version + 1).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("redeem voucher: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Voucher, ID: v.ID, Organization: v.SellerID, Before: v, After: after})
	worth, err := worthOf(v)
	if err != nil {
		return nil, err
	}
	months := invoicing.Months{First: pricing.MonthOf(now)}
	if v.Months != nil {
		months.Last = months.First + pricing.Month(*v.Months) - 1 //nolint:gosec // at most 120
	}
	return createDiscount(ctx, tx, NewDiscount{Worth: worth, Seller: v.SellerID, Buyer: &organization}, months, &v.ID)
}

// worthOf returns how much the discount of a voucher is.
func worthOf(v *ent.Voucher) (Worth, error) {
	w := Worth{Description: v.Description}
	for _, d := range []struct {
		text *string
		to   **money.Decimal
	}{{v.Percent, &w.Percent}, {v.Value, &w.Value}} {
		if d.text == nil {
			continue
		}
		read, err := money.Parse(*d.text)
		if err != nil {
			return Worth{}, fmt.Errorf("read voucher %s: %w", v.ID, err)
		}
		*d.to = &read
	}
	if v.Value != nil {
		currency := money.Currency(v.Currency)
		w.Currency = &currency
	}
	var err error
	w.Filters, err = records.Filters(v.Filters)
	return w, err
}

// Voucher returns a voucher of a seller whose prices the viewer sees, or NOT_FOUND.
func (s *Service) Voucher(ctx context.Context, id uuid.UUID) (*Voucher, error) {
	row, err := s.db.Client().Voucher.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("voucher")
	}
	if err != nil {
		return nil, fmt.Errorf("get voucher: %w", err)
	}
	seller, err := s.records.Organization(ctx, row.SellerID)
	if err != nil {
		return nil, err
	}
	if !records.SeesPricesOf(ctx, seller) {
		return nil, fault.Missing("voucher")
	}
	return s.voucher(ctx, row)
}

func (s *Service) voucher(ctx context.Context, row *ent.Voucher) (*Voucher, error) {
	told, err := s.wrapVouchers(ctx, []*ent.Voucher{row})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

func (s *Service) wrapVouchers(ctx context.Context, rows []*ent.Voucher) ([]*Voucher, error) {
	named, err := partiesOf(ctx, s, rows, func(row *ent.Voucher) (uuid.UUID, *uuid.UUID) { return row.SellerID, nil })
	if err != nil {
		return nil, err
	}
	told := make([]*Voucher, len(rows))
	for i, row := range rows {
		worth, err := worthOf(row)
		if err != nil {
			return nil, err
		}
		told[i] = &Voucher{
			ID: typeid.New(typeid.Voucher, row.ID), Seller: named.refer(ctx, row.SellerID), Description: row.Description,
			Mode: worth.mode(), Percent: worth.Percent, Filters: worth.Filters, Months: row.Months,
			RedeemableFrom: row.RedeemableFrom.UTC(), MaxRedemptions: row.MaxRedemptions, Redemptions: row.Redemptions,
			Version: row.Version, CreatedAt: row.CreatedAt.UTC(),
		}
		if worth.Value != nil {
			told[i].Value = &money.Amount{Decimal: *worth.Value, Currency: *worth.Currency}
		}
		if row.RedeemableUntil != nil {
			until := row.RedeemableUntil.UTC()
			told[i].RedeemableUntil = &until
		}
	}
	return told, nil
}

// Vouchers returns a page of the vouchers of an organization, the oldest first:
// none for viewers who do not see its prices. INVALID for arguments out of bounds.
func (s *Service) Vouchers(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*VoucherConnection, error) {
	part, err := s.vouchers().page(ctx, s, siblings, organization, args)
	if err != nil {
		return nil, err
	}
	return &VoucherConnection{Edges: part.Edges, PageInfo: part.Info, counter: counter{part.Count}}, nil
}

func (s *Service) vouchers() listing[*ent.Voucher, Voucher, VoucherEdge] {
	return listing[*ent.Voucher, Voucher, VoucherEdge]{
		name: "vouchers", column: voucher.FieldSellerID, seen: records.SeesPricesOf, wrap: s.wrapVouchers,
		load: func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]*ent.Voucher, error) {
			query := s.db.Client().Voucher.Query().Where(voucher.SellerIDIn(of...))
			query.Modify(modify)
			return query.All(ctx)
		},
		count: func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error) {
			var rows []tally
			err := s.db.Client().Voucher.Query().Where(voucher.SellerIDIn(of...)).GroupBy(voucher.FieldSellerID).Aggregate(ent.Count()).Scan(ctx, &rows)
			return bySeller(rows), err
		},
		of:   func(row *ent.Voucher) uuid.UUID { return row.SellerID },
		id:   func(row *ent.Voucher) uuid.UUID { return row.ID },
		edge: func(cursor string, told *Voucher) VoucherEdge { return VoucherEdge{cursor, told} },
	}
}
