package database_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// use migrates a temporary database.
func use(t *testing.T, location string) {
	t.Helper()
	db, err := database.Open(t.Context(), location, dbtest.Options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.CheckMigrated(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestTemporaryFile(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"", "sqlite://some.db"} {
		location, remove, err := database.Temporary(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		use(t, location)
		file := strings.TrimPrefix(location, "sqlite://")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read the file: %v, %v", info.Mode(), err)
		}
		if err := remove(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("the file is still there: %v", err)
		}
	}
}

// count returns the one number that a query gives.
func count(t *testing.T, server, query string, args ...any) int {
	t.Helper()
	pool := open(t, server)
	var n int
	if err := pool.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func open(t *testing.T, server string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func TestTemporaryDatabase(t *testing.T) {
	t.Parallel()
	server := dbtest.PostgresURL(t)
	location, remove, err := database.Temporary(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	use(t, location)
	address, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	const exists = `SELECT COUNT(*) FROM pg_database WHERE datname = $1`
	name := strings.TrimPrefix(address.Path, "/")
	if !strings.HasPrefix(name, "headwater_demo_") || count(t, server, exists, name) != 1 {
		t.Errorf("there is no database %s", name)
	}
	if err := remove(t.Context()); err != nil {
		t.Error(err)
	}
	if count(t, server, exists, name) != 0 {
		t.Errorf("the database %s is still there", name)
	}
}

// asGuest returns the URL of an empty database, and with a session in a role that
// may not make databases, which the user of the tests must be able to take.
func asGuest(t *testing.T) (owner, guest string) {
	t.Helper()
	owner = dbtest.PostgresURL(t)
	pool := open(t, owner)
	for _, statement := range []string{"DROP SCHEMA public CASCADE", "GRANT CREATE ON DATABASE " + nameOf(t, owner) + " TO pg_monitor"} {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return owner, owner + "&role=pg_monitor"
}

func nameOf(t *testing.T, location string) string {
	t.Helper()
	address, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(address.Path, "/")
}

const relations = `SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'headwater%'`

func TestTemporarySchemaInAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	owner, guest := asGuest(t)
	location, remove, err := database.Temporary(t.Context(), guest)
	if err != nil {
		t.Fatal(err)
	}
	if nameOf(t, location) != nameOf(t, owner) {
		t.Errorf("it is elsewhere: %s", location)
	}
	use(t, location)
	if count(t, owner, relations) == 0 {
		t.Error("the schema is empty")
	}
	if err := remove(t.Context()); err != nil {
		t.Error(err)
	}
	if left := count(t, owner, relations); left != 0 {
		t.Errorf("%d relations are left", left)
	}
}

func TestTemporaryLeavesADatabaseAlone(t *testing.T) {
	t.Parallel()
	owner, guest := asGuest(t)
	pool := open(t, owner)
	for _, statement := range []string{"CREATE SCHEMA somebody", "CREATE TABLE somebody.things (id bigint)"} {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := database.Temporary(t.Context(), guest)
	if err == nil || !strings.Contains(err.Error(), "the database is not empty") {
		t.Errorf("got %v", err)
	}
	if left := count(t, owner, relations); left != 0 {
		t.Errorf("%d relations were made", left)
	}
}

func TestTemporaryNeedsAServer(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"postgres://127.0.0.1:1/none?sslmode=disable", "postgres://%zz"} {
		if _, _, err := database.Temporary(context.Background(), server); err == nil || strings.Contains(err.Error(), "%zz") {
			t.Errorf("%s: got %v", server, err)
		}
	}
}
