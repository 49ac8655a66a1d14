package database

import (
	"context"
	"errors"
	"fmt"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// Holder is asked at the beginning of every change that concerns an
// organization first, within its transaction: it may lock what the change will
// decide upon, refuse it, and say with RestOn what must not change meanwhile.
type Holder func(ctx context.Context, tx *Tx, organization uuid.UUID) error

// HoldWith makes a holder hold for every change from now on. It is called before
// the database is used.
func (db *DB) HoldWith(holder Holder) { db.holder = holder }

func (db *DB) hold(ctx context.Context, tx *Tx, organization uuid.UUID) error {
	if db.holder == nil || organization == uuid.Nil {
		return nil
	}
	return db.holder(ctx, tx, organization)
}

// Basis is what a transaction decided upon.
type Basis struct {
	// Revision is that of the decision.
	Revision int64
	// Organizations are those in which nothing may have changed since, but things of
	// the kinds in But.
	Organizations []uuid.UUID
	But           []typeid.Kind
	// Resources are the ids of things, wherever they are, that may not have changed.
	Resources []uuid.UUID
}

// RestOn says what the transaction decides upon. If some of it is changed by
// another transaction that commits first, this one is given up and runs again.
func (tx *Tx) RestOn(b Basis) { tx.journal.basis = b }

// errOvertaken ends a transaction that decided upon what is no longer so.
var errOvertaken = errors.New("overtaken by another change")

// overtaken is what a client is told when its change was overtaken again and
// again.
func overtaken() error {
	return fault.New(fault.Conflict, "what you may do here is changing; ask again")
}

// checkBasis returns errOvertaken if another transaction has changed what this
// one rests on. The counter of the journal is locked, so that nobody commits
// between this and the end.
func (tx *Tx) checkBasis(ctx context.Context, revision int64) error {
	b := tx.journal.basis
	if b.Revision == 0 || revision == b.Revision+1 {
		return nil
	}
	kinds := make([]string, len(b.But))
	for i, kind := range b.But {
		kinds[i] = string(kind)
	}
	on := []predicate.JournalChange{
		journalchange.And(journalchange.OrganizationIDIn(b.Organizations...), journalchange.ResourceKindNotIn(kinds...)),
		journalchange.ResourceIDIn(b.Resources...),
	}
	isOvertaken, err := tx.JournalChange.Query().
		Where(
			entsql.FieldGT(journalchange.FieldRevision, b.Revision),
			entsql.FieldLT(journalchange.FieldRevision, revision),
			journalchange.Or(on...),
		).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for overtaking changes: %w", err)
	}
	if isOvertaken {
		return errOvertaken
	}
	return nil
}
