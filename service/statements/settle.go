package statements

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/creditnote"
	"github.com/headwater-platform/headwater/ent/discount"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementitem"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// maxReference bounds the reference of a payment, in characters.
const maxReference = 200

// Pay says that an issued statement was paid. Needs billing:write in the seller;
// NOT_FOUND for one that the viewer does not see. CONFLICT for one that is paid or
// void already.
func (s *Service) Pay(ctx context.Context, id uuid.UUID, reference string) (*Statement, error) {
	if len([]rune(reference)) > maxReference || strings.ContainsRune(reference, 0) {
		return nil, fault.Invalidf("paymentReference", "a reference has at most %d characters", maxReference)
	}
	return s.settle(ctx, database.Entry{Action: "markStatementPaid"}, records.StatementPaid, id, func(_ context.Context, _ *database.Tx, set *ent.StatementUpdateOne) error {
		set.SetStatus(statement.StatusPAID).SetPaymentReference(reference)
		return nil
	})
}

// Void takes an issued statement back. It keeps its number, and what it has used of
// values of discounts can be used again. Needs billing:write in the seller;
// NOT_FOUND for one that the viewer does not see, INVALID without a reason.
// CONFLICT for one that is paid or void already, or of which something is credited.
func (s *Service) Void(ctx context.Context, id uuid.UUID, reason string) (*Statement, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, fault.Invalidf("reason", "say why: a statement is taken back for a reason")
	}
	if err := database.CheckReason(reason); err != nil {
		return nil, err
	}
	return s.settle(ctx, database.Entry{Action: "voidStatement", Reason: reason}, records.StatementVoided, id, func(ctx context.Context, tx *database.Tx, set *ent.StatementUpdateOne) error {
		credited, err := tx.CreditNote.Query().Where(creditnote.StatementID(id)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("find credit notes: %w", err)
		}
		if credited {
			return fault.New(fault.Conflict, "some of the statement is credited: credit the rest")
		}
		set.SetStatus(statement.StatusVOID).SetReason(reason)
		return giveBack(ctx, tx, id)
	})
}

// giveBack gives discounts back what a statement has used of their values.
func giveBack(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	ctx = asSystem(ctx) // what is on a statement is read with it
	items, err := tx.StatementItem.Query().Where(statementitem.StatementID(id), statementitem.DiscountIDNotNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("list discounts of the statement: %w", err)
	}
	taken := make(map[uuid.UUID]money.Decimal, len(items))
	ids := make([]uuid.UUID, len(items))
	for i, item := range items {
		ids[i] = *item.DiscountID
		if taken[ids[i]], err = money.Parse(item.Amount); err != nil {
			return fmt.Errorf("read statement item %s: %w", item.ID, err)
		}
	}
	query := tx.Discount.Query().Where(discount.IDIn(ids...), discount.ModeEQ(discount.ModeVALUE)).Order(ent.Asc(discount.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock discounts: %w", err)
	}
	for _, row := range rows {
		if err := addUse(ctx, tx, row, taken[row.ID]); err != nil {
			return err
		}
	}
	return nil
}

// settle changes the status of an issued statement and tells webhooks.
func (s *Service) settle(ctx context.Context, entry database.Entry, event records.Event, id uuid.UUID, apply func(ctx context.Context, tx *database.Tx, set *ent.StatementUpdateOne) error) (*Statement, error) {
	row, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.checkSeller(ctx, row); err != nil {
		return nil, err
	}
	var after *ent.Statement
	entry.Organization = row.SellerID
	_, err = s.db.Write(ctx, entry, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Statement.Query().Where(statement.ID(id))
		query.Modify(tx.Lock)
		before, err := query.Only(ctx)
		if err != nil {
			return fmt.Errorf("lock statement: %w", err)
		}
		if before.Status != statement.StatusISSUED {
			return fault.New(fault.Conflict, "the statement is %s", before.Status)
		}
		set := before.Update().SetSettledAt(tx.Now()).SetVersion(before.Version + 1)
		if err := apply(ctx, tx, set); err != nil {
			return err
		}
		if after, err = set.Save(ctx); err != nil {
			return fmt.Errorf("settle statement: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Statement, ID: id, Organization: row.SellerID, Before: before, After: after})
		return announce(ctx, tx, event, []*ent.Statement{after}, nil)
	})
	if err != nil {
		return nil, err
	}
	wrapped, err := s.wrap(ctx, []*ent.Statement{after})
	if err != nil {
		return nil, err
	}
	return wrapped[0], nil
}
