package database

import (
	"context"
	"time"

	"github.com/headwater-platform/headwater/access"
)

// RuleOf returns the guard's rule of an entity: the column that names its
// organization, whether it is confined in another way, and whether it is for the
// system alone.
func RuleOf(entity string) (column string, confined, system, known bool) {
	r, known := rules()[entity]
	return r.organization, r.confine != nil || r.own != "", r.system, known
}

// RuledEntities returns how many entities have a rule.
func RuledEntities() int { return len(rules()) }

// LookEvery sets how often Follow looks at the journal when nothing wakes it.
func (db *DB) LookEvery(d time.Duration) { db.feed.lookEvery = d }

// FeedBatch is how many changes Follow reads at a time.
const FeedBatch = feedBatch

// Execute runs a statement behind the platform's back.
func (db *DB) Execute(ctx context.Context, statement string) error {
	_, err := db.pool.ExecContext(ctx, statement)
	return err
}

// Blocked begins a transaction, runs a statement in it and returns how to end it.
func (db *DB) Blocked(ctx context.Context, statement string) (end func() error, err error) {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, statement)
	return tx.Rollback, err
}

// Count returns the number that a query behind the platform's back gives.
func (db *DB) Count(ctx context.Context, query string) (n int, err error) {
	err = db.pool.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// MigrateBefore applies the migrations before the named one.
func (db *DB) MigrateBefore(ctx context.Context, version string) error {
	ctx = access.WithViewer(ctx, access.SystemViewer("migrate"))
	if err := db.createMigrationTable(ctx); err != nil {
		return err
	}
	known, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range known {
		if m.Version >= version {
			return nil
		}
		if _, err := db.apply(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
