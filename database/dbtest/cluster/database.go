package cluster

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/lib/pq"
)

// Database returns the URL of a fresh database that is dropped when the test
// ends. A migrate that is not nil has prepared it: it is called once per process,
// with the URL of a template that is copied per test, and must close what it
// opens. Two functions are two templates; a closure is told by its code alone, so
// it must not do different things for what it captures.
func Database(tb testing.TB, migrate func(url string) error) string {
	tb.Helper()
	s, err := shared.open(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	source := "template0"
	if migrate != nil {
		if source, err = s.template(tb.Context(), migrate); err != nil {
			tb.Fatal(err)
		}
	}
	name := s.name()
	if err := s.create(tb.Context(), name, source); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.drop(context.WithoutCancel(tb.Context()), name); err != nil {
			tb.Error(err)
		}
	})
	return s.url(name)
}

// template is a database that is prepared once and copied per test.
type template struct {
	once sync.Once
	name string
	err  error
}

func (s *server) template(ctx context.Context, migrate func(url string) error) (string, error) {
	key := reflect.ValueOf(migrate).Pointer()
	s.mu.Lock()
	t, ok := s.templates[key]
	if !ok {
		t = &template{}
		s.templates[key] = t
	}
	s.mu.Unlock()

	t.once.Do(func() {
		t.name = s.name()
		if t.err = s.create(ctx, t.name, "template0"); t.err != nil {
			return
		}
		if err := migrate(s.url(t.name)); err != nil {
			t.err = fmt.Errorf("migrate the template of the test databases: %w", err)
		}
	})
	return t.name, t.err
}

// name returns a new name; server.leftovers knows its form.
func (s *server) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("headwater_test_%d_%d", s.owner, s.made)
}

func (s *server) create(ctx context.Context, name, source string) error {
	statement := "CREATE DATABASE " + pq.QuoteIdentifier(name) + " TEMPLATE " + pq.QuoteIdentifier(source)
	if _, err := s.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("create the test database %s: %w", name, err)
	}
	return nil
}

func (s *server) drop(ctx context.Context, name string) error {
	if _, err := s.db.ExecContext(ctx, "DROP DATABASE "+pq.QuoteIdentifier(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the test database %s: %w", name, err)
	}
	return nil
}

func (s *server) url(database string) string {
	address := *s.address
	address.Path = "/" + database
	return address.String()
}
