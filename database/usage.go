package database

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
)

// LoadUsage writes a batch of an import's rows, in the order given, in one
// transaction and touches the import. Callers keep batches short, since on
// SQLite nobody else writes meanwhile. It returns CONFLICT, and writes nothing,
// if the import is not LOADING any more: a sweep took it for dead.
func (db *DB) LoadUsage(ctx context.Context, importID uuid.UUID, rows ...*Rows) error {
	return db.load(ctx, rows, func(tx *sql.Tx) error { return db.touch(ctx, tx, importID) })
}

// load writes a batch of rows in one transaction, unless it is not to be gone on
// with, and leaves the database to others for a moment.
func (db *DB) load(ctx context.Context, rows []*Rows, goOn func(tx *sql.Tx) error) error {
	if err := db.commitRows(ctx, rows, goOn); err != nil {
		return translate(err)
	}
	return db.breathe(ctx)
}

func (db *DB) commitRows(ctx context.Context, rows []*Rows, goOn func(tx *sql.Tx) error) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin load: %w", err)
	}
	if err := db.writeRows(ctx, tx, rows, goOn); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit load: %w", err)
	}
	return nil
}

func (db *DB) writeRows(ctx context.Context, tx *sql.Tx, rows []*Rows, goOn func(tx *sql.Tx) error) error {
	if err := db.delayDurability(ctx, tx); err != nil {
		return err
	}
	if err := goOn(tx); err != nil {
		return err
	}
	for _, r := range rows {
		if err := r.write(ctx, tx, db.dialect); err != nil {
			return fmt.Errorf("load %s: %w", r.table, err)
		}
	}
	return nil
}

// breather is how long a loader leaves SQLite to others after a batch. A writer
// of another process looks only every tenth of a second whether it may go on.
const breather = 20 * time.Millisecond

func (db *DB) breathe(ctx context.Context) error {
	if db.dialect != dialect.SQLite {
		return nil
	}
	select {
	case <-time.After(breather):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// touch notes that the import is alive.
func (db *DB) touch(ctx context.Context, tx *sql.Tx, importID uuid.UUID) error {
	result, err := tx.ExecContext(ctx,
		`UPDATE usage_imports SET touched_at = $1 WHERE id = $2 AND status = 'LOADING'`, db.Now(), importID)
	if err != nil {
		return fmt.Errorf("touch import: %w", err)
	}
	touched, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("touch import: %w", err)
	}
	if touched == 0 {
		return fault.New(fault.Conflict, "the import stood still for too long and was cleared away")
	}
	return nil
}

// delayDurability lets a batch commit without waiting for the disk. Its rows
// count only after the activation of the import or the rating has committed, and
// that waits for everything that was committed before.
func (db *DB) delayDurability(ctx context.Context, tx *sql.Tx) error {
	if db.dialect != dialect.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SET LOCAL synchronous_commit TO off"); err != nil {
		return fmt.Errorf("delay durability: %w", err)
	}
	return nil
}

// unloadStep is how many ids one statement of UnloadUsage goes through.
const unloadStep = 5000

// UnloadUsage deletes a FAILED import with everything that it loaded, in short
// transactions. What is left if it breaks off can be unloaded again.
func (db *DB) UnloadUsage(ctx context.Context, importID uuid.UUID) error {
	const its = `dataset_id IN (
		SELECT d.id FROM usage_datasets d JOIN usage_imports i ON i.id = d.import_id
		WHERE d.import_id = $1 AND i.status = 'FAILED')`
	for _, table := range []string{"cost_rollups", "rated_lines", "usage_lines"} {
		if err := db.unload(ctx, table, its, importID); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DELETE FROM usage_datasets WHERE import_id IN (SELECT id FROM usage_imports WHERE id = $1 AND status = 'FAILED')`,
		`DELETE FROM usage_imports WHERE id = $1 AND status = 'FAILED'`,
	} {
		if err := db.execute(ctx, statement, importID); err != nil {
			return fmt.Errorf("unload import: %w", err)
		}
	}
	return nil
}

// unload deletes the rows of a table that meet a condition about $1 and so on, by
// ranges of ids. IS TRUE keeps planners from an index for the condition, by which every
// step would go through all rows of a dataset, and + 0 from the ids, by which the
// first and last would be sought through all rows of the table.
func (db *DB) unload(ctx context.Context, table, condition string, about ...any) error {
	rows, err := db.pool.QueryContext(ctx, "SELECT COALESCE(MIN(id + 0), 0), COALESCE(MAX(id + 0), -1) FROM "+table+" WHERE "+condition, about...) //nolint:gosec // both are constants
	if err != nil {
		return fmt.Errorf("unload %s: %w", table, err)
	}
	bounds, err := scanRow(rows, 2)
	if err != nil {
		return fmt.Errorf("unload %s: %w", table, err)
	}
	part := fmt.Sprintf("DELETE FROM %s WHERE id >= $%d AND id < $%d AND (%s) IS TRUE", table, len(about)+1, len(about)+2, condition)
	for from := bounds[0]; from <= bounds[1]; from += unloadStep {
		if err := db.execute(ctx, part, append(slices.Clone(about), from, from+unloadStep)...); err != nil {
			return fmt.Errorf("unload %s: %w", table, err)
		}
	}
	return nil
}

// execute runs one statement in a transaction of its own.
func (db *DB) execute(ctx context.Context, statement string, args ...any) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	_, err = db.pool.ExecContext(ctx, statement, args...)
	return err
}

// lockMappings is the advisory lock of PostgreSQL for what usage is mapped to.
const lockMappings = 0x48_57_03

// LockMappings makes changes of usage mappings, of all organizations, wait for
// each other until the transaction ends: a sub-account is nobody's twice.
func (tx *Tx) LockMappings(ctx context.Context) error { return tx.lockNamed(ctx, lockMappings) }

// LockUsage makes the activations of an organization's imports wait for each
// other until the transaction ends.
func (tx *Tx) LockUsage(ctx context.Context, organization uuid.UUID) error {
	// The later half of a UUID is below 0 as a number, so it is none of the
	// other locks.
	return tx.lockNamed(ctx, int(int64(binary.BigEndian.Uint64(organization[8:])))) //nolint:gosec // the overflow is meant
}
