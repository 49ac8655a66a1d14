package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
)

// Temporary makes an empty database for one process and returns its URL and how
// to remove it, which the caller does once it has closed the database. Without a
// server, and for sqlite://, the database is a file in a temporary directory. On
// a PostgreSQL server it is a new database or, where the role may not make one,
// a schema of its own in the named database, which must then be empty.
//
// It waits for no disk: what is lost with the machine was not meant to last.
func Temporary(ctx context.Context, server string) (location string, remove func(context.Context) error, err error) {
	if server == "" || strings.HasPrefix(server, "sqlite://") {
		return temporaryFile(ctx)
	}
	address, err := url.Parse(server)
	if err != nil {
		return "", nil, errors.New("the database URL cannot be read")
	}
	name, err := temporaryName()
	if err != nil {
		return "", nil, err
	}
	err = execute(ctx, server, "CREATE DATABASE "+name)
	if err == nil {
		address.Path = "/" + name
		return withParameters(address, nil), func(ctx context.Context) error {
			return execute(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
		}, nil
	}
	if !isNotPermitted(err) {
		return "", nil, fmt.Errorf("create a temporary database: %w", err)
	}
	if err := occupy(ctx, server, name); err != nil {
		return "", nil, err
	}
	return withParameters(address, url.Values{"search_path": {name}}), func(ctx context.Context) error {
		return execute(ctx, server, "DROP SCHEMA "+name+" CASCADE")
	}, nil
}

func temporaryFile(ctx context.Context) (location string, remove func(context.Context) error, err error) {
	dir, err := os.MkdirTemp("", "headwater-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	remove = func(context.Context) error { return os.RemoveAll(dir) }
	file := filepath.Join(dir, "headwater.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return "", nil, errors.Join(fmt.Errorf("make a temporary database: %w", err), remove(ctx))
	}
	return "sqlite://" + file, remove, nil
}

// temporaryName returns a name that nothing else has.
func temporaryName() (string, error) {
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("name a temporary database: %w", err)
	}
	return "headwater_demo_" + hex.EncodeToString(random), nil
}

// withParameters returns the URL with parameters of its sessions.
func withParameters(address *url.URL, more url.Values) string {
	query := address.Query()
	query.Set("synchronous_commit", "off")
	for name, values := range more {
		query[name] = values
	}
	changed := *address
	changed.RawQuery = query.Encode()
	return changed.String()
}

// occupy makes a schema in the database that the URL names if nothing is in it.
func occupy(ctx context.Context, server, schema string) error {
	pool, err := sql.Open("postgres", server)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return errors.Join(occupyIn(ctx, pool, schema), pool.Close())
}

func occupyIn(ctx context.Context, pool *sql.DB, schema string) error {
	var relations int
	err := pool.QueryRowContext(ctx, `
		SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'`).Scan(&relations)
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	if relations > 0 {
		return errors.New("the role may not create databases and the database is not empty; name an empty one or a role that may")
	}
	if _, err := pool.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return fmt.Errorf("the role may neither create databases nor use the empty one: %w", err)
	}
	return nil
}

// execute runs one statement on a connection of its own.
func execute(ctx context.Context, server, statement string) error {
	pool, err := sql.Open("postgres", server)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	_, err = pool.ExecContext(ctx, statement)
	return errors.Join(err, pool.Close())
}

// isNotPermitted reports whether PostgreSQL refused for want of a privilege.
func isNotPermitted(err error) bool {
	var failure *pq.Error
	return errors.As(err, &failure) && failure.Code == "42501"
}
