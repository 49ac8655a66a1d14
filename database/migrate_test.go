package database_test

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/database/dbtest/cluster"
)

// emptyURLs returns databases that nobody has migrated.
func emptyURLs(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"sqlite": dbtest.SQLiteURL(t), "postgres": cluster.Database(t, nil)}
}

func TestMigrateOnceAndNoMore(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, url)
			if err := db.CheckMigrated(t.Context()); !errors.Is(err, database.ErrBehind) {
				t.Errorf("an empty database: %v", err)
			}
			known, err := db.Migrations(t.Context())
			must(t, err)
			for _, m := range known {
				if m.AppliedAt != nil {
					t.Errorf("%s is applied to an empty database", m.Version)
				}
			}
			applied, err := db.Migrate(t.Context())
			must(t, err)
			if len(applied) != len(known) || len(known) < 2 {
				t.Errorf("applied %v of %d", applied, len(known))
			}
			again, err := db.Migrate(t.Context())
			if err != nil || len(again) != 0 {
				t.Errorf("a second time: %v, %v", again, err)
			}
			must(t, db.CheckMigrated(t.Context()))
			known, err = db.Migrations(t.Context())
			must(t, err)
			for _, m := range known {
				if m.AppliedAt == nil {
					t.Errorf("%s is not applied", m.Version)
				}
			}
		})
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, url)
			_, err := db.Migrate(t.Context())
			must(t, err)
			_, err = db.Client().ExecContext(system(t), `INSERT INTO schema_migrations (version, applied_at) VALUES ('9999_from_the_future', 1)`)
			must(t, err)
			if err := db.CheckMigrated(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("check: %v", err)
			}
			if _, err := db.Migrate(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("migrate: %v", err)
			}
			if _, err := db.Migrations(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("list: %v", err)
			}
		})
	}
}

// TestManyProcessesMigrateAtOnce opens the same empty database many times.
func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const processes = 6
			var all sync.WaitGroup
			applied := make([][]string, processes)
			errs := make([]error, processes)
			for i := range processes {
				db := dbtest.Open(t, url)
				all.Add(1)
				go func() {
					defer all.Done()
					applied[i], errs[i] = db.Migrate(t.Context())
				}()
			}
			all.Wait()
			times := map[string]int{}
			for i := range processes {
				must(t, errs[i])
				for _, version := range applied[i] {
					times[version]++
				}
			}
			if len(times) < 2 {
				t.Errorf("applied only %v", times)
			}
			for version, n := range times {
				if n != 1 {
					t.Errorf("%s was applied %d times", version, n)
				}
			}
		})
	}
}

// TestBothDatabasesHaveTheSameMigrations compares the lists.
func TestBothDatabasesHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	lists := map[string]string{}
	for name, url := range emptyURLs(t) {
		known, err := dbtest.Open(t, url).Migrations(t.Context())
		must(t, err)
		for _, m := range known {
			lists[name] += m.Version + "\n"
		}
	}
	if lists["sqlite"] != lists["postgres"] || lists["sqlite"] == "" {
		t.Errorf("they differ: %q and %q", lists["sqlite"], lists["postgres"])
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	options := dbtest.Options()
	options.Create = false
	for url, want := range map[string]string{
		"":                              "must begin with",
		"mysql://localhost/headwater":   "must begin with",
		"sqlite://":                     "names no file",
		"sqlite:///no/such/folder/x.db": "there is no database",
		"postgres://nobody:hush@127.0.0.1:1/x?sslmode=disable&connect_timeout=2": "connect to database",
	} {
		db, err := database.Open(t.Context(), url, options)
		if err == nil {
			must(t, db.Close())
			t.Errorf("%q opens", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestSQLiteUpholdsForeignKeys looks at the connection's settings, on which the
// rest depends.
func TestSQLiteUpholdsForeignKeys(t *testing.T) {
	t.Parallel()
	db := dbtest.SQLite(t)
	for pragma, want := range map[string]string{"foreign_keys": "1", "journal_mode": "wal"} {
		rows, err := db.Client().QueryContext(system(t), "PRAGMA "+pragma)
		must(t, err)
		if got := scanText(t, rows); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func scanText(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	var text string
	if !rows.Next() {
		t.Fatal("no row")
	}
	must(t, rows.Scan(&text))
	must(t, errors.Join(rows.Close(), rows.Err()))
	return text
}
