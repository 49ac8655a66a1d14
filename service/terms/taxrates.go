package terms

import (
	"context"
	"fmt"
	"regexp"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/taxrate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// TaxRate is a tax that a seller charges.
type TaxRate struct {
	ID     typeid.ID
	Seller *records.Reference
	// Buyer is nil for all direct customers.
	Buyer   *records.Reference
	Name    string
	Percent money.Decimal
	// Country is nil for any.
	Country       *string
	ReverseCharge bool
	FirstMonth    pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Version   int
	CreatedAt time.Time
}

// Identity returns the id.
func (r *TaxRate) Identity() typeid.ID { return r.ID }

// TaxRateConnection is a page of tax rates.
type TaxRateConnection struct {
	Edges    []TaxRateEdge
	PageInfo page.Info

	counter
}

// TotalCount returns how many tax rates there are on all pages.
func (c *TaxRateConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// TaxRateEdge is a tax rate in a page.
type TaxRateEdge struct {
	Cursor string
	Node   *TaxRate
}

// The bounds of tax rates: of a name in characters, and how many of a seller are
// not over.
const (
	maxName     = 100
	maxTaxRates = 200
)

// country is a code of ISO 3166-1 alpha-2.
var country = regexp.MustCompile(`^[A-Z]{2}$`)

// NewTaxRate is what createTaxRate is asked for.
type NewTaxRate struct {
	Seller uuid.UUID
	// Buyer is nil for all direct customers of the seller.
	Buyer   *uuid.UUID
	Name    string
	Percent money.Decimal
	// Country is "" for any.
	Country       string
	ReverseCharge bool
	FirstMonth    pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
}

// check returns INVALID for what no tax rate can be.
func (n NewTaxRate) check() error {
	if n.Name == "" || !fault.IsLine(n.Name, maxName) {
		return fault.Invalidf("name", "a name is one line of 1 to %d printable characters", maxName)
	}
	if n.Country != "" && !country.MatchString(n.Country) {
		return fault.Invalidf("country", "a country is two capital letters, as in ISO 3166-1")
	}
	if n.ReverseCharge && !n.Percent.IsZero() {
		return fault.Invalidf("percent", "a reverse charge has a percent of 0: the customer owes the tax")
	}
	return invoicing.CheckPercent("percent", n.Percent)
}

// CreateTaxRate adds a tax that a seller charges. Needs billing:write in the
// seller. INVALID for a seller that manages nobody, a buyer that is not directly
// below it, and what no tax rate can be; PERIOD_CLOSED for a first month that is
// closed, LIMIT_EXCEEDED beyond 200 that are not over.
func (s *Service) CreateTaxRate(ctx context.Context, n NewTaxRate) (*TaxRate, error) {
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
	var row *ent.TaxRate
	_, err = s.db.Write(ctx, database.Entry{Action: "createTaxRate", Organization: seller.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		if err := checkOpen(ctx, tx, seller.ID, invoicing.Months{}, months); err != nil {
			return err
		}
		now := pricing.MonthOf(tx.Now()).String()
		there, err := tx.TaxRate.Query().Where(taxrate.SellerID(seller.ID), taxrate.Or(taxrate.LastMonthIsNil(), taxrate.LastMonthGTE(now))).Count(ctx)
		if err != nil {
			return fmt.Errorf("count tax rates: %w", err)
		}
		if there >= maxTaxRates {
			return fault.New(fault.LimitExceeded, "a seller has at most %d tax rates that are not over", maxTaxRates)
		}
		row, err = tx.TaxRate.Create().
			SetID(tx.NewID()).SetSellerID(seller.ID).SetNillableBuyerID(n.Buyer).SetName(n.Name).SetPercent(n.Percent.String()).
			SetCountry(n.Country).SetReverseCharge(n.ReverseCharge).SetFirstMonth(months.First.String()).SetNillableLastMonth(monthText(months.Last)).
			SetNillableActorID(actor(ctx)).SetCreatedAt(tx.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("create tax rate: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TaxRate, ID: row.ID, Organization: seller.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.taxRate(ctx, row)
}

// EndTaxRate sets the last month in which a tax is charged, nil takes an end away.
// Needs billing:write in the seller; NOT_FOUND for a rate that the viewer does not
// see. INVALID for a month before the first, PERIOD_CLOSED where a closed month
// would change.
func (s *Service) EndTaxRate(ctx context.Context, id uuid.UUID, last *pricing.Month) (*TaxRate, error) {
	seen, err := s.TaxRate(ctx, id)
	if err != nil {
		return nil, err
	}
	seller := seen.Seller.ID.UUID
	if _, err := s.records.Check(ctx, access.BillingWrite, seller); err != nil {
		return nil, err
	}
	var after *ent.TaxRate
	_, err = s.db.Write(ctx, database.Entry{Action: "endTaxRate", Organization: seller}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller); err != nil {
			return err
		}
		before, err := tx.TaxRate.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("get tax rate: %w", err)
		}
		stored, err := records.NewTaxRate(before)
		if err != nil {
			return err
		}
		months, err := monthsOf(stored.Months.First, last)
		if err != nil {
			return err
		}
		if err := checkOpen(ctx, tx, seller, stored.Months, months); err != nil {
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
			return fmt.Errorf("end tax rate: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TaxRate, ID: id, Organization: seller, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.taxRate(ctx, after)
}

// TaxRate returns a tax rate of a seller whose prices the viewer sees, or
// NOT_FOUND.
func (s *Service) TaxRate(ctx context.Context, id uuid.UUID) (*TaxRate, error) {
	row, err := s.db.Client().TaxRate.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("tax rate")
	}
	if err != nil {
		return nil, fmt.Errorf("get tax rate: %w", err)
	}
	seller, err := s.records.Organization(ctx, row.SellerID)
	if err != nil {
		return nil, err
	}
	if !records.SeesPricesOf(ctx, seller) {
		return nil, fault.Missing("tax rate")
	}
	return s.taxRate(ctx, row)
}

func (s *Service) taxRate(ctx context.Context, row *ent.TaxRate) (*TaxRate, error) {
	told, err := s.wrapTaxRates(ctx, []*ent.TaxRate{row})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

func (s *Service) wrapTaxRates(ctx context.Context, rows []*ent.TaxRate) ([]*TaxRate, error) {
	named, err := partiesOf(ctx, s, rows, func(row *ent.TaxRate) (uuid.UUID, *uuid.UUID) { return row.SellerID, row.BuyerID })
	if err != nil {
		return nil, err
	}
	told := make([]*TaxRate, len(rows))
	for i, row := range rows {
		r, err := records.NewTaxRate(row)
		if err != nil {
			return nil, err
		}
		told[i] = &TaxRate{
			ID: typeid.New(typeid.TaxRate, row.ID), Seller: named.refer(ctx, row.SellerID), Buyer: named.referSome(ctx, row.BuyerID),
			Name: r.Name, Percent: r.Percent, ReverseCharge: r.ReverseCharge, FirstMonth: r.Months.First, LastMonth: someMonth(r.Months.Last),
			Version: row.Version, CreatedAt: row.CreatedAt.UTC(),
		}
		if r.Country != "" {
			told[i].Country = &r.Country
		}
	}
	return told, nil
}

// TaxRates returns a page of the taxes that an organization charges, the oldest
// first: none for viewers who do not see its prices. INVALID for arguments out of
// bounds.
func (s *Service) TaxRates(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*TaxRateConnection, error) {
	part, err := s.taxRates().page(ctx, s, siblings, organization, args)
	if err != nil {
		return nil, err
	}
	return &TaxRateConnection{Edges: part.Edges, PageInfo: part.Info, counter: counter{part.Count}}, nil
}

func (s *Service) taxRates() listing[*ent.TaxRate, TaxRate, TaxRateEdge] {
	return listing[*ent.TaxRate, TaxRate, TaxRateEdge]{
		name: "tax rates", column: taxrate.FieldSellerID, seen: records.SeesPricesOf, wrap: s.wrapTaxRates,
		load: func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]*ent.TaxRate, error) {
			query := s.db.Client().TaxRate.Query().Where(taxrate.SellerIDIn(of...))
			query.Modify(modify)
			return query.All(ctx)
		},
		count: func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error) {
			var rows []tally
			err := s.db.Client().TaxRate.Query().Where(taxrate.SellerIDIn(of...)).GroupBy(taxrate.FieldSellerID).Aggregate(ent.Count()).Scan(ctx, &rows)
			return bySeller(rows), err
		},
		of:   func(row *ent.TaxRate) uuid.UUID { return row.SellerID },
		id:   func(row *ent.TaxRate) uuid.UUID { return row.ID },
		edge: func(cursor string, told *TaxRate) TaxRateEdge { return TaxRateEdge{cursor, told} },
	}
}
