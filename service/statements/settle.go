package statements

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// The bounds of texts: of a payment's reference in characters, of a reason in
// bytes.
const (
	maxReference = 200
	maxReason    = 500
)

// Pay says that an issued statement was paid. Needs billing:write in the seller;
// NOT_FOUND for one that the viewer does not see. CONFLICT for one that is paid or
// void already.
func (s *Service) Pay(ctx context.Context, id uuid.UUID, reference string) (*Statement, error) {
	if len([]rune(reference)) > maxReference || strings.ContainsRune(reference, 0) {
		return nil, fault.Invalidf("paymentReference", "a reference has at most %d characters", maxReference)
	}
	return s.settle(ctx, database.Entry{Action: "markStatementPaid"}, id, func(set *ent.StatementUpdateOne) {
		set.SetStatus(statement.StatusPAID).SetPaymentReference(reference)
	})
}

// Void takes an issued statement back. It keeps its number. Needs billing:write in
// the seller; NOT_FOUND for one that the viewer does not see, INVALID without a
// reason. CONFLICT for one that is paid or void already.
func (s *Service) Void(ctx context.Context, id uuid.UUID, reason string) (*Statement, error) {
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason || strings.ContainsRune(reason, 0) {
		return nil, fault.Invalidf("reason", "a reason has 1 to %d bytes", maxReason)
	}
	return s.settle(ctx, database.Entry{Action: "voidStatement", Reason: reason}, id, func(set *ent.StatementUpdateOne) {
		set.SetStatus(statement.StatusVOID).SetReason(reason)
	})
}

// settle changes the status of an issued statement.
func (s *Service) settle(ctx context.Context, entry database.Entry, id uuid.UUID, apply func(set *ent.StatementUpdateOne)) (*Statement, error) {
	row, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.records.Check(ctx, access.BillingWrite, row.SellerID); err != nil {
		if fault.CodeOf(err) == fault.NotFound { // They see it as the buyer.
			return nil, fault.New(fault.Forbidden, "the seller says what becomes of a statement")
		}
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
		apply(set)
		if after, err = set.Save(ctx); err != nil {
			return fmt.Errorf("settle statement: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Statement, ID: id, Organization: row.SellerID, Before: before, After: after})
		return nil
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
