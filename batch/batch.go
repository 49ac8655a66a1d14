// Package batch answers the same question for all objects of a list at once.
//
// Objects that were loaded together are siblings. When a resolver asks for a
// field of one of them, the field is loaded for all of them in one go, and the
// other resolvers wait for that. So the number of statements of a query depends
// on its shape and never on how many objects it returns.
package batch

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
)

// Siblings are the ids of objects that were loaded together. They live as long
// as one request.
type Siblings struct {
	ids   []uuid.UUID
	mu    sync.Mutex
	loads map[any]*load
}

type load struct {
	done   chan struct{}
	values any
	err    error
}

// Of returns the siblings with these ids, each once.
func Of(ids ...uuid.UUID) *Siblings {
	seen := make(map[uuid.UUID]bool, len(ids))
	s := &Siblings{loads: map[any]*load{}}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			s.ids = append(s.ids, id)
		}
	}
	return s
}

// Load returns the value of one of the siblings under a key, which names the
// field and its arguments and must be comparable. The first caller fetches the
// values of all siblings; fetch is called once per key. NOT_FOUND for an id that
// fetch had nothing for.
func Load[V any](ctx context.Context, s *Siblings, key any, id uuid.UUID, fetch func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]V, error)) (V, error) {
	var none V
	s.mu.Lock()
	l, started := s.loads[key]
	if !started {
		l = &load{done: make(chan struct{})}
		s.loads[key] = l
	}
	s.mu.Unlock()
	if !started {
		run(ctx, l, s.ids, fetch)
	}
	select {
	case <-l.done:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if l.err != nil {
		return none, l.err
	}
	values, _ := l.values.(map[uuid.UUID]V)
	value, ok := values[id]
	if !ok {
		return none, fault.Missing("object")
	}
	return value, nil
}

// run fetches and wakes whoever waits, also when fetch panics.
func run[V any](ctx context.Context, l *load, ids []uuid.UUID, fetch func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]V, error)) {
	defer close(l.done)
	l.err = context.Canceled
	values, err := fetch(ctx, ids)
	l.values, l.err = values, err
}
