package database

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// maxAttempts bounds how often a write is tried when the database gave it up
// for another's sake.
const maxAttempts = 4

// Tx is a transaction. Its client is guarded as the database's is.
type Tx struct {
	*ent.Client
	db      *DB
	journal *journal
	// enqueued says that there are new jobs.
	enqueued bool
}

// Read runs fn in a read-only transaction: all of its statements see one
// snapshot.
func (db *DB) Read(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if db.dialect == dialect.Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.client.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin read: %w", err)
	}
	err = fn(ent.NewTxContext(ctx, tx), &Tx{Client: tx.Client(), db: db})
	return errors.Join(translate(err), tx.Rollback())
}

// Write runs fn in a transaction and commits it together with the journal entry
// that describes it. It returns the entry's revision. An error of fn or of the
// commit changes nothing. fn may run again if the database gave the transaction
// up for another's sake, so it must not keep state between runs.
//
// A transaction that recorded no change writes no entry and returns 0.
func (db *DB) Write(ctx context.Context, entry Entry, fn func(ctx context.Context, tx *Tx) error) (int64, error) {
	for attempt := 1; ; attempt++ {
		revision, err := db.writeOnce(ctx, entry, fn)
		if err == nil || attempt == maxAttempts || !isGivenUp(err) {
			return revision, translate(err)
		}
	}
}

func (db *DB) writeOnce(ctx context.Context, entry Entry, fn func(ctx context.Context, tx *Tx) error) (int64, error) {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	raw, err := db.client.Tx(ctx)
	if err != nil {
		return 0, fmt.Errorf("begin write: %w", err)
	}
	tx := &Tx{Client: raw.Client(), db: db, journal: &journal{}}
	revision, err := func() (int64, error) {
		if err := db.hold(ent.NewTxContext(ctx, raw), tx, entry.Organization); err != nil {
			return 0, err
		}
		if err := fn(ent.NewTxContext(ctx, raw), tx); err != nil {
			return 0, err
		}
		return tx.appendJournal(ctx, entry)
	}()
	if err != nil {
		return 0, errors.Join(err, ignoreDone(raw.Rollback()))
	}
	if err := raw.Commit(); err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	db.announce(revision, tx.journal.touched)
	if tx.enqueued {
		db.wake()
	}
	return revision, nil
}

// announce tells the subscribers of an own revision, 0 for none.
func (db *DB) announce(revision int64, changes []Touched) {
	if revision == 0 {
		return
	}
	db.feed.deliver(revision, changes)
	db.feed.delivered(revision)
	db.see(revision)
}

// takeTurn makes the writers of this process to SQLite wait for each other in
// the order in which they came. SQLite lets a waiting writer try again now and
// then, so that under steady writing some would never get through. The caller
// calls done when it has written, and writes nothing else before.
func (db *DB) takeTurn(ctx context.Context) (done func(), err error) {
	if db.dialect != dialect.SQLite {
		return func() {}, nil
	}
	select {
	case db.turn <- struct{}{}:
		return func() { <-db.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to write: %w", ctx.Err())
	}
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// isGivenUp reports whether a transaction was ended because of another: by
// PostgreSQL for a serialization failure or a deadlock, or because what it rests
// on has changed.
func isGivenUp(err error) bool {
	if errors.Is(err, errOvertaken) {
		return true
	}
	var failure *pq.Error
	return errors.As(err, &failure) && (failure.Code == "40001" || failure.Code == "40P01")
}

// Lock makes a query lock the rows it reads until the transaction ends. Pass it
// to Modify. On SQLite a write transaction already excludes all others.
func (tx *Tx) Lock(s *entsql.Selector) {
	if tx.db.dialect == dialect.Postgres {
		s.ForUpdate()
	}
}

// LockTree makes changes to the shape of the tree wait for each other until the
// transaction ends. It is taken before any row is locked.
func (tx *Tx) LockTree(ctx context.Context) error { return tx.lockNamed(ctx, lockTree) }

// LockLaunches makes those who start something in an organization wait for each
// other until the transaction ends.
func (tx *Tx) LockLaunches(ctx context.Context, organization uuid.UUID) error {
	// The earlier half of a UUID is a time, and above the other locks as a number.
	return tx.lockNamed(ctx, int(binary.BigEndian.Uint64(organization[:8])&math.MaxInt64))
}

// The advisory locks of PostgreSQL, one number per thing that is locked.
const (
	lockTree      = 0x48_57_01
	lockMigration = 0x48_57_02
)

func (tx *Tx) lockNamed(ctx context.Context, name int) error {
	if tx.db.dialect != dialect.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", name); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// maxReason bounds the reason of an entry, in bytes.
const maxReason = 500

// CheckReason returns INVALID for what cannot be the reason of an entry. None is
// fine.
func CheckReason(reason string) error {
	if len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
		return fault.Invalidf("reason", "a reason is a text of at most %d bytes", maxReason)
	}
	return nil
}

// CheckVersion returns CONFLICT if a client expected another version of a row
// than it has. A client that expects nothing always passes.
func CheckVersion(actual int, expected *int) error {
	if expected == nil || *expected == actual {
		return nil
	}
	return fault.New(fault.Conflict, "this has changed since: it has version %d, you expected %d", actual, *expected).
		Because(fault.VersionMismatch)
}
