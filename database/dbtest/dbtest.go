// Package dbtest gives tests a migrated database of each kind: SQLite in a
// temporary file and a real PostgreSQL. It never skips: a PostgreSQL that
// cannot be had fails the test and says what to install.
package dbtest

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest/cluster"
)

// Each runs fn as a parallel subtest on SQLite and on PostgreSQL, each with an
// empty migrated database of its own.
func Each(t *testing.T, fn func(t *testing.T, db *database.DB)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, open(t))
		})
	}
}

// EachTimed is Each for what takes longer than a test: the clock of each database
// is moved by hand.
func EachTimed(t *testing.T, fn func(t *testing.T, db *database.DB, clock *Clock)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) (*database.DB, *Clock){"sqlite": SQLiteTimed, "postgres": PostgresTimed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, clock := open(t)
			fn(t, db, clock)
		})
	}
}

// SQLiteTimed is SQLite with the clock of the database.
func SQLiteTimed(tb testing.TB) (*database.DB, *Clock) {
	tb.Helper()
	url := SQLiteURL(tb)
	if err := migrate(url); err != nil {
		tb.Fatal(err)
	}
	clock := &Clock{}
	return openWith(tb, url, clock.options()), clock
}

// PostgresTimed is Postgres with the clock of the database.
func PostgresTimed(tb testing.TB) (*database.DB, *Clock) {
	tb.Helper()
	clock := &Clock{}
	return openWith(tb, PostgresURL(tb), clock.options()), clock
}

// SQLite returns an empty migrated database in a temporary file.
func SQLite(tb testing.TB) *database.DB {
	tb.Helper()
	url := SQLiteURL(tb)
	if err := migrate(url); err != nil {
		tb.Fatal(err)
	}
	return open(tb, url)
}

// SQLiteURL returns the URL of a database file that does not exist yet.
func SQLiteURL(tb testing.TB) string {
	tb.Helper()
	return "sqlite://" + tb.TempDir() + "/test.db"
}

// Postgres returns an empty migrated database on a real server.
func Postgres(tb testing.TB) *database.DB {
	tb.Helper()
	return open(tb, PostgresURL(tb))
}

// PostgresURL returns the URL of an empty migrated database on a real server.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	return cluster.Database(tb, migrate)
}

// Open opens a database at the URL with the clock and ids of tests and closes
// it with the test.
func Open(tb testing.TB, url string) *database.DB {
	tb.Helper()
	return open(tb, url)
}

func open(tb testing.TB, url string) *database.DB {
	tb.Helper()
	return openWith(tb, url, Options())
}

func openWith(tb testing.TB, url string, options database.Options) *database.DB {
	tb.Helper()
	db, err := database.Open(context.Background(), url, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close database: %v", err)
		}
	})
	return db
}

func migrate(url string) error {
	ctx := context.Background()
	db, err := database.Open(ctx, url, Options())
	if err != nil {
		return err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	return db.Close()
}

// Start is when the clock of tests begins.
func Start() time.Time { return time.Date(2026, time.November, 21, 9, 0, 0, 0, time.UTC) }

// Options returns a clock that begins at Start and moves on by a millisecond
// each time it is read, and ids that count up. Two databases opened so see the
// same times and ids, which keeps recorded answers stable.
func Options() database.Options { return (&Clock{}).options() }

// Clock is the clock of a database of tests: it begins at Start, moves on by a
// millisecond each time it is read, and leaps when it is told to.
type Clock struct {
	mu    sync.Mutex
	now   time.Duration
	taken uint64
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += time.Millisecond
	return Start().Add(c.now)
}

// Advance moves the clock on.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += by
}

func (c *Clock) newID() uuid.UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken++
	return sequentialID(c.taken)
}

func (c *Clock) options() database.Options {
	return database.Options{Now: c.Now, NewID: c.newID, Create: true}
}

// sequentialID returns the nth id: a UUIDv7 whose time is Start and whose
// random part is n.
func sequentialID(n uint64) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[0:8], uint64(Start().UnixMilli())<<16|0x7000)
	binary.BigEndian.PutUint64(id[8:16], 1<<63|n)
	return id
}
