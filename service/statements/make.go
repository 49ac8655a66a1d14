package statements

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// makeStatements makes the statements of some buyers that have none yet.
func makeStatements(ctx context.Context, tx *database.Tx, seller uuid.UUID, month pricing.Month, buyers []uuid.UUID) error {
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
	var statements []*ent.StatementCreate
	var lines []*ent.StatementLineCreate
	for start := 0; start < len(sold); {
		end := start + 1
		for end < len(sold) && of(sold[end]) == of(sold[start]) {
			end++
		}
		if !made[of(sold[start])] {
			drawn, its := draw(tx, seller, month, sold[start:end])
			statements, lines = append(statements, drawn), append(lines, its...)
		}
		start = end
	}
	if err := tx.Statement.CreateBulk(statements...).Exec(ctx); err != nil {
		return fmt.Errorf("make statements: %w", err)
	}
	for len(lines) > 0 {
		some := lines[:min(len(lines), linesAtOnce)]
		lines = lines[len(some):]
		if err := tx.StatementLine.CreateBulk(some...).Exec(ctx); err != nil {
			return fmt.Errorf("make statement lines: %w", err)
		}
	}
	return nil
}

// linesAtOnce keeps a statement below the drivers' limits on parameters.
const linesAtOnce = 1000

// party is whom a statement is for, in what.
type party struct {
	buyer    uuid.UUID
	currency money.Currency
}

func of(s database.Sold) party { return party{s.Buyer, s.Currency} }

// draw returns a statement with its lines. They are posted in whole minor units so
// that they add up to the exact sum, rounded once.
func draw(tx *database.Tx, seller uuid.UUID, month pricing.Month, sold []database.Sold) (*ent.StatementCreate, []*ent.StatementLineCreate) {
	shares := make([]money.Share, len(sold))
	for i, line := range sold {
		shares[i] = money.Share{Key: strconv.Itoa(i), Amount: line.Amount}
	}
	posted := money.Allocate(shares, placesOf(sold[0].Currency))
	id := tx.NewID()
	lines := make([]*ent.StatementLineCreate, len(sold))
	for i, line := range sold {
		lines[i] = tx.StatementLine.Create().
			SetID(tx.NewID()).SetStatementID(id).SetPosition(i).
			SetProvider(line.Provider).SetService(line.Service).SetChargeCategory(line.ChargeCategory).
			SetExactAmount(line.Amount.String()).SetAmount(posted[i].String())
	}
	return tx.Statement.Create().
		SetID(id).SetSellerID(seller).SetBuyerID(sold[0].Buyer).SetMonth(month.String()).SetCurrency(string(sold[0].Currency)).
		SetStatus(statement.StatusCLOSED).SetTotal(money.Sum(posted...).String()).SetCreatedAt(tx.Now()), lines
}

// placesOf returns in how many digits after the point a currency is posted. One
// that is not of ISO 4217, such as a provider's tokens, is posted exactly.
func placesOf(c money.Currency) int32 {
	if known, err := money.ParseCurrency(string(c)); err == nil {
		return known.Digits()
	}
	return 18
}
