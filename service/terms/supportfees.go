package terms

import (
	"context"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/supportfee"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// SupportFee is what a seller charges for a support plan from a month on.
type SupportFee struct {
	ID         typeid.ID
	Seller     *records.Reference
	Plan       string
	Minimum    money.Amount
	Percent    money.Decimal
	FirstMonth pricing.Month
	Version    int
	CreatedAt  time.Time
}

// Identity returns the id.
func (f *SupportFee) Identity() typeid.ID { return f.ID }

// SupportFeeConnection is a page of support fees.
type SupportFeeConnection struct {
	Edges    []SupportFeeEdge
	PageInfo page.Info

	counter
}

// TotalCount returns how many support fees there are on all pages.
func (c *SupportFeeConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// SupportFeeEdge is a support fee in a page.
type SupportFeeEdge struct {
	Cursor string
	Node   *SupportFee
}

// NewSupportFee is what setSupportFee is asked for.
type NewSupportFee struct {
	Seller     uuid.UUID
	Plan       string
	Minimum    money.Decimal
	Currency   money.Currency
	Percent    money.Decimal
	FirstMonth pricing.Month
}

// check returns INVALID for what no support fee can be.
func (n NewSupportFee) check() error {
	if supportfee.PlanValidator(supportfee.Plan(n.Plan)) != nil {
		return fault.Invalidf("plan", "the plan that every organization has costs nothing")
	}
	if err := checkMinor("minimum", n.Minimum, n.Currency); err != nil {
		return err
	}
	return invoicing.CheckPercent("percent", n.Percent)
}

// SetSupportFee says what a seller charges for a support plan from a month on: it
// adds a version. Needs billing:write in the seller. INVALID for a seller that
// manages nobody and what no fee can be, PERIOD_CLOSED for a month that is closed.
func (s *Service) SetSupportFee(ctx context.Context, n NewSupportFee) (*SupportFee, error) {
	seller, err := s.sellerOf(ctx, n.Seller)
	if err != nil {
		return nil, err
	}
	months, err := monthsOf(n.FirstMonth, nil)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.SupportFee
	_, err = s.db.Write(ctx, database.Entry{Action: "setSupportFee", Organization: seller.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		if err := checkOpen(ctx, tx, seller.ID, invoicing.Months{}, months); err != nil {
			return err
		}
		versions, err := tx.SupportFee.Query().Where(supportfee.SellerID(seller.ID), supportfee.PlanEQ(supportfee.Plan(n.Plan))).Count(ctx)
		if err != nil {
			return fmt.Errorf("count versions: %w", err)
		}
		row, err = tx.SupportFee.Create().
			SetID(tx.NewID()).SetSellerID(seller.ID).SetPlan(supportfee.Plan(n.Plan)).SetMinimum(n.Minimum.String()).
			SetCurrency(string(n.Currency)).SetPercent(n.Percent.String()).SetFirstMonth(months.First.String()).
			SetVersion(versions + 1).SetNillableActorID(actor(ctx)).SetCreatedAt(tx.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("create support fee: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SupportFee, ID: row.ID, Organization: seller.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.supportFee(ctx, row)
}

// SupportFee returns a support fee of a seller whose prices the viewer sees, or
// NOT_FOUND.
func (s *Service) SupportFee(ctx context.Context, id uuid.UUID) (*SupportFee, error) {
	row, err := s.db.Client().SupportFee.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("support fee")
	}
	if err != nil {
		return nil, fmt.Errorf("get support fee: %w", err)
	}
	seller, err := s.records.Organization(ctx, row.SellerID)
	if err != nil {
		return nil, err
	}
	if !records.SeesPricesOf(ctx, seller) {
		return nil, fault.Missing("support fee")
	}
	return s.supportFee(ctx, row)
}

func (s *Service) supportFee(ctx context.Context, row *ent.SupportFee) (*SupportFee, error) {
	told, err := s.wrapSupportFees(ctx, []*ent.SupportFee{row})
	if err != nil {
		return nil, err
	}
	return told[0], nil
}

func (s *Service) wrapSupportFees(ctx context.Context, rows []*ent.SupportFee) ([]*SupportFee, error) {
	named, err := partiesOf(ctx, s, rows, func(row *ent.SupportFee) (uuid.UUID, *uuid.UUID) { return row.SellerID, nil })
	if err != nil {
		return nil, err
	}
	told := make([]*SupportFee, len(rows))
	for i, row := range rows {
		f, err := records.NewSupportFee(row)
		if err != nil {
			return nil, err
		}
		told[i] = &SupportFee{
			ID: typeid.New(typeid.SupportFee, row.ID), Seller: named.refer(ctx, row.SellerID), Plan: f.Plan,
			Minimum: money.Amount{Decimal: f.Minimum, Currency: f.Currency}, Percent: f.Percent, FirstMonth: f.FirstMonth,
			Version: f.Version, CreatedAt: row.CreatedAt.UTC(),
		}
	}
	return told, nil
}

// SupportFees returns a page of what an organization charges for support plans, the
// oldest first: none for viewers who do not see its prices. INVALID for arguments
// out of bounds.
func (s *Service) SupportFees(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*SupportFeeConnection, error) {
	part, err := s.supportFees().page(ctx, s, siblings, organization, args)
	if err != nil {
		return nil, err
	}
	return &SupportFeeConnection{Edges: part.Edges, PageInfo: part.Info, counter: counter{part.Count}}, nil
}

func (s *Service) supportFees() listing[*ent.SupportFee, SupportFee, SupportFeeEdge] {
	return listing[*ent.SupportFee, SupportFee, SupportFeeEdge]{
		name: "support fees", column: supportfee.FieldSellerID, seen: records.SeesPricesOf, wrap: s.wrapSupportFees,
		load: func(ctx context.Context, of []uuid.UUID, modify func(*entsql.Selector)) ([]*ent.SupportFee, error) {
			query := s.db.Client().SupportFee.Query().Where(supportfee.SellerIDIn(of...))
			query.Modify(modify)
			return query.All(ctx)
		},
		count: func(ctx context.Context, of []uuid.UUID) (map[uuid.UUID]int, error) {
			var rows []tally
			err := s.db.Client().SupportFee.Query().Where(supportfee.SellerIDIn(of...)).GroupBy(supportfee.FieldSellerID).Aggregate(ent.Count()).Scan(ctx, &rows)
			return bySeller(rows), err
		},
		of:   func(row *ent.SupportFee) uuid.UUID { return row.SellerID },
		id:   func(row *ent.SupportFee) uuid.UUID { return row.ID },
		edge: func(cursor string, told *SupportFee) SupportFeeEdge { return SupportFeeEdge{cursor, told} },
	}
}
