package statements

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementitem"
	"github.com/headwater-platform/headwater/invoicing"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// party is whom a statement is for, in what.
type party struct {
	buyer    uuid.UUID
	currency money.Currency
}

// makeStatements makes the statements of some buyers that have none yet, by the
// terms that hold for them in the month. What they use of discounts is written in
// the same transaction.
func makeStatements(ctx context.Context, tx *database.Tx, seller uuid.UUID, month pricing.Month, rounding money.Rounding, fees map[string]records.SupportFee, buyers []uuid.UUID) error {
	there, err := tx.Statement.Query().
		Where(statement.SellerID(seller), statement.Month(month.String()), statement.BuyerIDIn(buyers...)).All(ctx)
	if err != nil {
		return fmt.Errorf("find statements: %w", err)
	}
	made := make(map[party]bool, len(there))
	for _, row := range there {
		made[party{row.BuyerID, money.Currency(row.Currency)}] = true
	}
	sold, err := tx.SoldTo(ctx, seller, month, buyers)
	if err != nil {
		return err
	}
	terms, err := termsOf(ctx, tx, seller, month, fees, buyers)
	if err != nil {
		return err
	}
	d := drawer{tx: tx, seller: seller, month: month}
	for _, p := range terms.partiesOf(sold) {
		if made[p.party] {
			continue
		}
		drawn := invoicing.Draw(p.charges, terms.of(p.party), invoicing.Precision{Places: placesOf(p.currency), Rounding: rounding})
		if len(drawn.Lines)+len(drawn.Fees) == 0 {
			continue // of a fee that comes to nothing
		}
		d.draw(p.party, drawn)
		if err := terms.use(ctx, tx, drawn.Reductions); err != nil {
			return err
		}
	}
	return d.store(ctx)
}

// charged is a party with what it was charged, in the order of the lines.
type charged struct {
	party
	charges []invoicing.Charge
}

// linesAtOnce keeps a statement below the drivers' limits on parameters.
const linesAtOnce = 1000

// drawer collects the rows of statements.
type drawer struct {
	tx         *database.Tx
	seller     uuid.UUID
	month      pricing.Month
	statements []*ent.StatementCreate
	lines      []*ent.StatementLineCreate
	items      []*ent.StatementItemCreate
}

func (d *drawer) draw(p party, s invoicing.Statement) {
	id := d.tx.NewID()
	d.statements = append(d.statements, d.tx.Statement.Create().
		SetID(id).SetSellerID(d.seller).SetBuyerID(p.buyer).SetMonth(d.month.String()).SetCurrency(string(p.currency)).
		SetStatus(statement.StatusCLOSED).SetDiscount(s.Discount().String()).SetFees(s.Fee().String()).SetTax(s.Tax().String()).
		SetTotal(s.Total().String()).SetCreatedAt(d.tx.Now()))
	for i, line := range s.Lines {
		d.lines = append(d.lines, d.tx.StatementLine.Create().
			SetID(d.tx.NewID()).SetStatementID(id).SetPosition(i).
			SetProvider(line.Provider).SetService(line.Service).SetChargeCategory(string(line.Category)).
			SetExactAmount(line.Exact.String()).SetAmount(line.Amount.String()))
	}
	position := 0
	item := func(kind statementitem.Kind, label string, amount money.Decimal) *ent.StatementItemCreate {
		create := d.tx.StatementItem.Create().
			SetID(d.tx.NewID()).SetStatementID(id).SetPosition(position).SetKind(kind).SetLabel(label).SetAmount(amount.String())
		d.items = append(d.items, create)
		position++
		return create
	}
	for _, r := range s.Reductions {
		item(statementitem.KindDISCOUNT, r.Label, r.Amount).SetDiscountID(uuid.UUID(r.Discount)).SetNillablePercent(written(r.Percent))
	}
	for _, f := range s.Fees {
		item(statementitem.KindFEE, f.Label, f.Amount)
	}
	for _, t := range s.Taxes {
		item(statementitem.KindTAX, t.Name, t.Amount).SetPercent(t.Percent.String()).SetBase(t.Base.String()).SetReverseCharge(t.ReverseCharge)
	}
}

func written(d *money.Decimal) *string {
	if d == nil {
		return nil
	}
	text := d.String()
	return &text
}

// store writes the rows.
func (d *drawer) store(ctx context.Context) error {
	if err := d.tx.Statement.CreateBulk(d.statements...).Exec(ctx); err != nil {
		return fmt.Errorf("make statements: %w", err)
	}
	for lines := d.lines; len(lines) > 0; {
		some := lines[:min(len(lines), linesAtOnce)]
		lines = lines[len(some):]
		if err := d.tx.StatementLine.CreateBulk(some...).Exec(ctx); err != nil {
			return fmt.Errorf("make statement lines: %w", err)
		}
	}
	for items := d.items; len(items) > 0; {
		some := items[:min(len(items), linesAtOnce)]
		items = items[len(some):]
		if err := d.tx.StatementItem.CreateBulk(some...).Exec(ctx); err != nil {
			return fmt.Errorf("make statement items: %w", err)
		}
	}
	return nil
}

// placesOf returns in how many digits after the point a currency is posted. One
// that is not of ISO 4217, such as a provider's tokens, is posted exactly.
func placesOf(c money.Currency) int32 {
	if known, err := money.ParseCurrency(string(c)); err == nil {
		return known.Digits()
	}
	return 18
}
