package cluster

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestURL(t *testing.T) {
	t.Parallel()
	address, err := URL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := URL(t.Context())
	if err != nil || again != address {
		t.Errorf("a second call gives %q, %v, want %q", again, err, address)
	}
	if v := query[int](t, address, "SELECT current_setting('server_version_num')::int"); v < 140000 {
		t.Errorf("version %d, want 14 or newer", v)
	}
}

func TestLocateHonoursTheEnvironment(t *testing.T) {
	const given = "postgres://me:secret@db.example:5433/main?sslmode=require"
	t.Setenv(Variable, given)
	address, hold, err := locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if address.String() != given || hold != nil {
		t.Errorf("got %s with hold %v, want the given URL alone", address, hold)
	}
	s := server{address: address}
	if got, want := s.url("other"), "postgres://me:secret@db.example:5433/other?sslmode=require"; got != want {
		t.Errorf("a database of it is %q, want %q", got, want)
	}
}

func TestLocateRefusesWhatIsNoURL(t *testing.T) {
	for _, value := range []string{"host=localhost password=secret", "mysql://me:secret@localhost/db", "postgres://me:secret@%zz/"} {
		t.Setenv(Variable, value)
		_, _, err := locate(t.Context())
		if err == nil || !strings.Contains(err.Error(), Variable) {
			t.Errorf("%q: got %v, want an error that names %s", value, err, Variable)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the password: %v", value, err)
		}
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	migrate := func(url string) error {
		migrated.Add(1)
		return execute(url, "CREATE TABLE thing (id int PRIMARY KEY)")
	}
	var dropped string
	t.Run("each test has its own copy of the template", func(t *testing.T) {
		a, b := Database(t, migrate), Database(t, migrate)
		if err := execute(a, "INSERT INTO thing VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		if n := query[int](t, b, "SELECT count(*) FROM thing"); n != 0 {
			t.Errorf("the other database has %d rows, want none", n)
		}
		dropped = query[string](t, a, "SELECT current_database()")
	})
	if n := migrated.Load(); n != 1 {
		t.Errorf("migrated %d times, want once", n)
	}
	address, err := URL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, address, "SELECT count(*) FROM pg_database WHERE datname = '"+dropped+"'"); n != 0 {
		t.Errorf("the database %s outlived its test", dropped)
	}
}

func TestDatabaseWithoutMigrationIsEmpty(t *testing.T) {
	t.Parallel()
	address := Database(t, nil)
	if n := query[int](t, address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
		t.Errorf("%d tables, want none", n)
	}
}

func TestTemplateFailsEachTime(t *testing.T) {
	t.Parallel()
	s, err := shared.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no such column")
	migrate := func(string) error { return broken }
	for range 2 {
		if _, err := s.template(t.Context(), migrate); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
}

func TestLeftoversOfDeadProcessesAreDropped(t *testing.T) {
	t.Parallel()
	address, err := URL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dead, err := openServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dead.db.Close()
	name := dead.name()
	if err := dead.create(t.Context(), name, "template0"); err != nil {
		t.Fatal(err)
	}
	count := "SELECT count(*) FROM pg_database WHERE datname = '" + name + "'"

	join := func() {
		next, err := openServer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next.alive.Close()
		next.db.Close()
	}
	join()
	if n := query[int](t, address, count); n != 1 {
		t.Fatal("the database of a living process was dropped")
	}
	dead.alive.Close()
	dead.db.Close()
	eventually(t, "the sweep of "+name, func() bool {
		join()
		return query[int](t, address, count) == 0
	})
}

// eventually asks until the answer is yes; a minute of no fails the test.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func execute(url, statement string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

func query[T any](t *testing.T, url, statement string) T {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var value T
	if err := db.QueryRowContext(t.Context(), statement).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
