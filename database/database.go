package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"
	_ "github.com/lib/pq"  // the PostgreSQL driver
	_ "modernc.org/sqlite" // the SQLite driver

	"github.com/headwater-platform/headwater/ent"
)

// Options are what a database needs from the process it runs in.
type Options struct {
	// Now is the clock. Times are kept in UTC, to the microsecond.
	Now func() time.Time
	// NewID returns the id of a new row, a UUIDv7.
	NewID func() uuid.UUID
	// Create makes the file of SQLite, for its owner alone, where there is none.
	Create bool
	// Observe is called with every statement of the client, without its
	// arguments, unless it is nil. Tests count with it.
	Observe func(statement string)
}

// ErrNoDatabase says that there is no file where the URL of SQLite points.
var ErrNoDatabase = errors.New("there is no database; run: headwater migrate up")

// DB is an open database. All reads and writes of the platform go through it.
type DB struct {
	client  *ent.Client
	pool    *sql.DB
	dialect string
	options Options
	// driver and source are what further connections are made with.
	driver, source string
	opened         time.Time
	feed           *feed
	// seen is the newest revision that this process knows of.
	seen atomic.Int64
	// turn is held by the one writer of this process on SQLite.
	turn   chan struct{}
	holder Holder
	// jobs holds a value while there are new jobs that nobody looked for.
	jobs chan struct{}
}

// Open connects to the database that the URL names: sqlite://PATH for a file,
// or postgres://… through lib/pq. It does not migrate. The error never holds
// the URL's password.
func Open(ctx context.Context, rawURL string, options Options) (*DB, error) {
	driver, dialectName, source, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if dialectName == dialect.SQLite {
		if err := registerExactSum(); err != nil {
			return nil, err
		}
		if err := prepareFile(strings.TrimPrefix(rawURL, "sqlite://"), options.Create); err != nil {
			return nil, err
		}
	}
	pool, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool.SetMaxOpenConns(maxConnections(dialectName))
	pool.SetMaxIdleConns(maxConnections(dialectName))
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to database: %w", err), pool.Close())
	}
	db := &DB{
		pool: pool, dialect: dialectName, options: options, driver: driver, source: source,
		opened: time.Now(), //nolint:forbidigo // what running measures from
		feed:   newFeed(), turn: make(chan struct{}, 1), jobs: make(chan struct{}, 1),
	}
	db.client = guarded(ent.NewClient(ent.Driver(observed(entsql.OpenDB(dialectName, pool), options.Observe))))
	return db, nil
}

// observed returns the driver, with every statement shown to observe.
func observed(driver dialect.Driver, observe func(statement string)) dialect.Driver {
	if observe == nil {
		return driver
	}
	return dialect.DebugWithContext(driver, func(_ context.Context, line ...any) {
		// ent writes a statement as "… query=SELECT … args=[…]", and a line
		// without arguments for the beginning and the end of a transaction.
		statement, _, found := strings.Cut(fmt.Sprint(line...), " args=")
		if _, text, isQuery := strings.Cut(statement, "query="); found && isQuery {
			observe(text)
		}
	})
}

// prepareFile makes the file of a new database, or returns ErrNoDatabase where
// none may be made. It holds hashes of passwords, so nobody else may read it.
func prepareFile(path string, create bool) error {
	if !create {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return ErrNoDatabase
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return file.Close()
}

func maxConnections(dialectName string) int {
	if dialectName == dialect.SQLite {
		return 8
	}
	return 32
}

// parseURL returns the driver, the dialect and the data source of a URL.
func parseURL(rawURL string) (driver, dialectName, source string, err error) {
	switch scheme, rest, _ := strings.Cut(rawURL, "://"); scheme {
	case "postgres", "postgresql":
		return "postgres", dialect.Postgres, rawURL, nil
	case "sqlite":
		if rest == "" {
			return "", "", "", errors.New("the database URL sqlite:// names no file")
		}
		return "sqlite", dialect.SQLite, sqliteSource(rest), nil
	default:
		return "", "", "", errors.New("the database URL must begin with sqlite:// or postgres://")
	}
}

// sqliteSource returns the data source of a file: foreign keys upheld, writers
// queued at the start of their transaction instead of failing in the middle.
func sqliteSource(path string) string {
	q := url.Values{}
	for _, pragma := range []string{"foreign_keys(1)", "journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(10000)", "cache_size(-16000)"} {
		q.Add("_pragma", pragma)
	}
	q.Set("_txlock", "immediate")
	q.Set("_time_format", "sqlite")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Close releases the connections.
func (db *DB) Close() error { return db.client.Close() }

// Ping returns an error if the database does not answer.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// Dialect returns "postgres" or "sqlite3", as ent spells them.
func (db *DB) Dialect() string { return db.dialect }

// Client returns the guarded client, for reads outside a transaction.
func (db *DB) Client() *ent.Client { return db.client }

// Now returns the time of the injected clock in UTC, to the microsecond.
func (db *DB) Now() time.Time { return db.options.Now().UTC().Truncate(time.Microsecond) }

// NewID returns the id of a new row.
func (db *DB) NewID() uuid.UUID { return db.options.NewID() }
