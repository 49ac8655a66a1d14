package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database/migrations"
)

// Migration is one versioned change of the schema.
type Migration struct {
	// Version is the file's name without its ending; versions sort in order.
	Version string
	// AppliedAt is when it was applied to this database, or nil.
	AppliedAt *time.Time

	statements string
}

// ErrNewer says that the database was migrated by a newer binary.
var ErrNewer = errors.New("the database is newer than this binary")

// ErrBehind says that the database lacks migrations of this binary.
var ErrBehind = errors.New("the database needs migrating; run: headwater migrate up")

// Migrations returns the migrations of this binary in order, each with the time
// it was applied to this database. It returns ErrNewer if the database has
// migrations that the binary does not know.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) {
	known, err := db.knownMigrations()
	if err != nil {
		return nil, err
	}
	applied, err := db.appliedMigrations(ctx)
	if err != nil {
		return nil, err
	}
	for i := range known {
		if at, ok := applied[known[i].Version]; ok {
			known[i].AppliedAt = &at
			delete(applied, known[i].Version)
		}
	}
	if len(applied) > 0 {
		return nil, ErrNewer
	}
	return known, nil
}

// CheckMigrated returns nil if the database has every migration of this binary,
// ErrBehind or ErrNewer otherwise.
func (db *DB) CheckMigrated(ctx context.Context) error {
	known, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range known {
		if m.AppliedAt == nil {
			return ErrBehind
		}
	}
	return nil
}

// Migrate applies what is missing, each migration in a transaction of its own,
// and returns the versions that it applied. Processes that migrate at the same
// time wait for each other.
func (db *DB) Migrate(ctx context.Context) ([]string, error) {
	ctx = access.WithViewer(ctx, access.SystemViewer("migrate"))
	if err := db.createMigrationTable(ctx); err != nil {
		return nil, err
	}
	known, err := db.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	var applied []string
	for _, m := range known {
		done, err := db.apply(ctx, m)
		if err != nil {
			return applied, fmt.Errorf("migration %s: %w", m.Version, err)
		}
		if done {
			applied = append(applied, m.Version)
		}
	}
	return applied, nil
}

func (db *DB) apply(ctx context.Context, m Migration) (done bool, err error) {
	_, err = db.Write(ctx, Entry{}, func(ctx context.Context, tx *Tx) error {
		if err := tx.lockNamed(ctx, lockMigration); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT COUNT(*) FROM schema_migrations WHERE version = $1`, m.Version)
		if err != nil {
			return err
		}
		count, err := scanRow(rows, 1)
		if err != nil || count[0] > 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, m.statements); err != nil {
			return err
		}
		done = true
		_, err = tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)`, m.Version, db.Now().UnixMicro())
		return err
	})
	return done, err
}

func (db *DB) createMigrationTable(ctx context.Context) error {
	_, err := db.pool.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY, applied_at bigint NOT NULL)`)
	if isCreatedMeanwhile(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create migration table: %w", err)
	}
	return nil
}

// isCreatedMeanwhile reports whether another process created a table on
// PostgreSQL between the look and the write: the table itself is there, or the
// row type of the same name.
func isCreatedMeanwhile(err error) bool {
	const duplicateTable, duplicateObject, uniqueViolation = "42P07", "42710", "23505"
	var failure *pq.Error
	return errors.As(err, &failure) && slices.Contains([]string{duplicateTable, duplicateObject, uniqueViolation}, string(failure.Code))
}

func (db *DB) knownMigrations() ([]Migration, error) {
	files, folder := fs.FS(migrations.SQLite), "sqlite"
	if db.dialect == dialect.Postgres {
		files, folder = migrations.Postgres, "postgres"
	}
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	known := make([]Migration, 0, len(entries))
	for _, e := range entries {
		statements, err := fs.ReadFile(files, folder+"/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", e.Name(), err)
		}
		known = append(known, Migration{Version: strings.TrimSuffix(e.Name(), ".sql"), statements: string(statements)})
	}
	slices.SortFunc(known, func(a, b Migration) int { return strings.Compare(a.Version, b.Version) })
	return known, nil
}

func (db *DB) appliedMigrations(ctx context.Context) (map[string]time.Time, error) {
	exists, err := db.hasMigrationTable(ctx)
	if err != nil || !exists {
		return map[string]time.Time{}, err
	}
	rows, err := db.pool.QueryContext(ctx, `SELECT version, applied_at FROM schema_migrations`)
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	applied := map[string]time.Time{}
	for rows.Next() {
		var version string
		var at int64
		if err := rows.Scan(&version, &at); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		applied[version] = time.UnixMicro(at).UTC()
	}
	return applied, errors.Join(rows.Err(), rows.Close())
}

func (db *DB) hasMigrationTable(ctx context.Context) (bool, error) {
	query := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'`
	if db.dialect == dialect.Postgres {
		query = `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'schema_migrations'`
	}
	rows, err := db.pool.QueryContext(ctx, query)
	if err != nil {
		return false, fmt.Errorf("look for the migration table: %w", err)
	}
	count, err := scanRow(rows, 1)
	if err != nil {
		return false, fmt.Errorf("look for the migration table: %w", err)
	}
	return count[0] > 0, nil
}
