package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
)

func ids(n int) []uuid.UUID {
	list := make([]uuid.UUID, n)
	for i := range list {
		list[i] = uuid.UUID{15: byte(i + 1)}
	}
	return list
}

// texts returns a fetch that counts its calls and names each id.
func texts(calls *atomic.Int32) func(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) {
	return func(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
		calls.Add(1)
		found := map[uuid.UUID]string{}
		for _, id := range ids {
			found[id] = id.String()
		}
		return found, nil
	}
}

// TestLoadsOnceForAll asks from many sides at once for every sibling.
func TestLoadsOnceForAll(t *testing.T) {
	t.Parallel()
	all := ids(50)
	siblings := batch.Of(all...)
	var calls atomic.Int32
	var done sync.WaitGroup
	for range 4 {
		for _, id := range all {
			done.Add(1)
			go func() {
				defer done.Done()
				got, err := batch.Load(t.Context(), siblings, "field", id, texts(&calls))
				if err != nil || got != id.String() {
					t.Errorf("%s: %q, %v", id, got, err)
				}
			}()
		}
	}
	done.Wait()
	if calls.Load() != 1 {
		t.Errorf("fetched %d times", calls.Load())
	}
}

// TestKeysAreApart asks for different fields, and for one field with different
// arguments.
func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	type key struct {
		name string
		size int
	}
	siblings := batch.Of(ids(3)...)
	var calls atomic.Int32
	for _, k := range []any{"a", "b", key{"a", 1}, key{"a", 2}, key{"a", 1}, "a"} {
		if _, err := batch.Load(t.Context(), siblings, k, ids(1)[0], texts(&calls)); err != nil {
			t.Error(err)
		}
	}
	if calls.Load() != 4 {
		t.Errorf("fetched %d times for 4 questions", calls.Load())
	}
}

// TestEachIDOnce gives an id twice.
func TestEachIDOnce(t *testing.T) {
	t.Parallel()
	one := ids(2)
	siblings := batch.Of(one[0], one[1], one[0], one[0])
	_, err := batch.Load(t.Context(), siblings, "field", one[0], func(_ context.Context, asked []uuid.UUID) (map[uuid.UUID]int, error) {
		if !slices.Equal(asked, one) {
			t.Errorf("asked for %v", asked)
		}
		return map[uuid.UUID]int{one[0]: 1}, nil
	})
	if err != nil {
		t.Error(err)
	}
	_, err = batch.Load(t.Context(), siblings, "field", one[1], func(context.Context, []uuid.UUID) (map[uuid.UUID]int, error) {
		t.Error("fetched twice")
		return map[uuid.UUID]int{}, nil
	})
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an id without an answer: %v", err)
	}
}

func TestErrorsReachEverybody(t *testing.T) {
	t.Parallel()
	sentinel := errors.New("no")
	siblings := batch.Of(ids(2)...)
	for _, id := range ids(2) {
		_, err := batch.Load(t.Context(), siblings, "field", id, func(context.Context, []uuid.UUID) (map[uuid.UUID]int, error) { return nil, sentinel })
		if !errors.Is(err, sentinel) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestWaitersGiveUpWithTheirRequest waits for a fetch that hangs.
func TestWaitersGiveUpWithTheirRequest(t *testing.T) {
	t.Parallel()
	siblings := batch.Of(ids(2)...)
	started, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := batch.Load(context.Background(), siblings, "field", ids(2)[0], func(context.Context, []uuid.UUID) (map[uuid.UUID]int, error) {
			close(started)
			<-release
			return map[uuid.UUID]int{ids(2)[0]: 1}, nil
		})
		first <- err
	}()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := batch.Load[int](ctx, siblings, "field", ids(2)[1], nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the waiter got %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestPanicsWakeTheWaiters panics while others wait.
func TestPanicsWakeTheWaiters(t *testing.T) {
	t.Parallel()
	siblings := batch.Of(ids(2)...)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = batch.Load(t.Context(), siblings, "field", ids(2)[0], func(context.Context, []uuid.UUID) (map[uuid.UUID]int, error) { panic("no") })
	}()
	if _, err := batch.Load[int](t.Context(), siblings, "field", ids(2)[1], nil); err == nil {
		t.Error("a waiter got an answer out of a panic")
	}
}

type row struct {
	parent uuid.UUID
	name   string
}

// TestParts cuts the rows of three parents, one of which has none.
func TestParts(t *testing.T) {
	t.Parallel()
	parents := ids(3)
	size := 2
	window, err := page.Args{First: &size}.Window()
	if err != nil {
		t.Fatal(err)
	}
	rows := []row{{parents[0], "a"}, {parents[1], "x"}, {parents[0], "b"}, {parents[0], "c"}}
	var counted atomic.Int32
	parts := batch.Parts(parents, window, rows,
		func(r row) uuid.UUID { return r.parent },
		func(r row) string { return page.Cursor(r.name) },
		func(_ string, r row) string { return r.name },
		func(_ context.Context, asked []uuid.UUID) (map[uuid.UUID]int, error) {
			counted.Add(1)
			return batch.Counts(asked, map[uuid.UUID]int{parents[0]: 3, parents[1]: 1}), nil
		})
	for i, want := range []struct {
		edges []string
		more  bool
		count int
	}{{[]string{"a", "b"}, true, 3}, {[]string{"x"}, false, 1}, {[]string{}, false, 0}} {
		part := parts[parents[i]]
		n, err := part.Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(part.Edges, part.Info.HasNextPage, n)
		if diff := cmp.Diff(fmt.Sprint(want.edges, want.more, want.count), got); diff != "" {
			t.Errorf("parent %d (-want +got):\n%s", i, diff)
		}
	}
	if counted.Load() != 1 {
		t.Errorf("counted %d times", counted.Load())
	}
}
