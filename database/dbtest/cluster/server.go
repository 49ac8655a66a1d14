package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"

	"github.com/lib/pq"
)

// Variable names the server to use instead of a private one. Its user must be
// allowed to create databases.
const Variable = "TEST_DATABASE_URL"

// advice ends every error about a server that cannot be had.
const advice = "install PostgreSQL 14 or newer (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql) " +
	"or set " + Variable + "=postgres://user:password@host/database"

// lockClass marks the advisory locks by which test processes show that they live.
const lockClass = 0x6877

// URL returns the address of the server's maintenance database. It starts the
// server where need be, and keeps it for as long as the process lives.
func URL(ctx context.Context) (string, error) {
	s, err := shared.open(ctx)
	if err != nil {
		return "", err
	}
	return s.address.String(), nil
}

// shared is the one server of this test process.
var shared process

// process opens the server once for all tests of the process.
type process struct {
	mu     sync.Mutex
	opened bool
	server *server
	err    error
}

func (p *process) open(ctx context.Context) (*server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.opened {
		p.server, p.err = openServer(ctx)
		p.opened = true
	}
	return p.server, p.err
}

// server is a running PostgreSQL and what this process has made in it.
type server struct {
	address *url.URL
	hold    *os.File // keeps a private cluster alive; nil for a named server
	db      *sql.DB
	alive   *sql.Conn // holds the advisory lock of owner
	owner   int32     // begins the names of all databases of this process

	mu        sync.Mutex
	made      int
	templates map[uintptr]*template
}

func openServer(ctx context.Context) (*server, error) {
	s := &server{owner: rand.Int32(), templates: map[uintptr]*template{}}
	var err error
	if s.address, s.hold, err = locate(ctx); err != nil {
		return nil, err
	}
	if s.db, err = sql.Open("postgres", s.address.String()); err != nil {
		return nil, fmt.Errorf("open the PostgreSQL of the tests: %w", err)
	}
	if err := s.announce(ctx); err != nil {
		return nil, fmt.Errorf("connect to the PostgreSQL of the tests at %s: %w", s.address.Redacted(), err)
	}
	return s, nil
}

// locate returns the address of a running server and, for a private one, the
// file that keeps it alive while it is open.
func locate(ctx context.Context) (*url.URL, *os.File, error) {
	if value := os.Getenv(Variable); value != "" {
		address, err := parseAddress(value)
		return address, nil, err
	}
	place, err := defaultPlace()
	if err != nil {
		return nil, nil, fmt.Errorf("no PostgreSQL for the tests: %w; %s", err, advice)
	}
	dir, hold, err := place.join(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("no PostgreSQL for the tests: %w; %s", err, advice)
	}
	return socketAddress(dir), hold, nil
}

// parseAddress never repeats the value, which may hold a password.
func parseAddress(value string) (*url.URL, error) {
	address, err := url.Parse(value)
	if err != nil || (address.Scheme != "postgres" && address.Scheme != "postgresql") {
		return nil, errors.New(Variable + " is not a URL of the form postgres://user:password@host/database")
	}
	return address, nil
}

// socketAddress returns the address of the server that listens in dir.
func socketAddress(dir string) *url.URL {
	query := url.Values{"host": {dir}, "sslmode": {"disable"}}
	return &url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/postgres", RawQuery: query.Encode()}
}

// announce takes the lock that shows that the process lives and drops what
// processes that no longer live have left behind.
func (s *server) announce(ctx context.Context) error {
	var err error
	if s.alive, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if _, err := s.alive.ExecContext(ctx, "SELECT pg_advisory_lock($1, $2)", lockClass, s.owner); err != nil {
		return err
	}
	leftovers, err := s.leftovers(ctx)
	if err != nil {
		return err
	}
	for name, owner := range leftovers {
		if err := s.sweep(ctx, name, owner); err != nil {
			return fmt.Errorf("drop the leftover database %s: %w", name, err)
		}
	}
	return nil
}

// leftovers returns the databases of other processes with their owners.
func (s *server) leftovers(ctx context.Context) (map[string]int32, error) {
	rows, err := s.alive.QueryContext(ctx, "SELECT datname FROM pg_database WHERE datname LIKE 'headwater\\_test\\_%'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]int32{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		var owner int32
		if n, _ := fmt.Sscanf(name, "headwater_test_%d_", &owner); n == 1 && owner != s.owner {
			found[name] = owner
		}
	}
	return found, rows.Err()
}

// sweep drops the database if its owner is gone.
func (s *server) sweep(ctx context.Context, name string, owner int32) error {
	var gone bool
	if err := s.alive.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, owner).Scan(&gone); err != nil {
		return err
	}
	if !gone {
		return nil
	}
	if _, err := s.alive.ExecContext(ctx, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)"); err != nil {
		return err
	}
	_, err := s.alive.ExecContext(ctx, "SELECT pg_advisory_unlock($1, $2)", lockClass, owner)
	return err
}
