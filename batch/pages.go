package batch

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/page"
)

// Counter counts the rows of several parents at once: 0 for a parent without
// any.
type Counter func(ctx context.Context, parents []uuid.UUID) (map[uuid.UUID]int, error)

// Part is the page of one parent: the edges, where they lie, and the count of
// all of the parent's rows, taken only if somebody asks and then for all
// parents at once.
type Part[E any] struct {
	Edges []E
	Info  page.Info
	Count func(ctx context.Context) (int, error)
}

// Parts cuts the rows that were read for a window, one window for each parent,
// into the parents' pages. cursor and edge say how a row is shown.
func Parts[R, E any](parents []uuid.UUID, w page.Window, rows []R, parent func(R) uuid.UUID, cursor func(R) string, edge func(cursor string, row R) E, count Counter) map[uuid.UUID]Part[E] {
	lists := map[uuid.UUID][]R{}
	for _, row := range rows {
		lists[parent(row)] = append(lists[parent(row)], row)
	}
	siblings := Of(parents...)
	parts := make(map[uuid.UUID]Part[E], len(parents))
	for _, id := range parents {
		list, more := page.Cut(w, lists[id])
		edges, info := page.Connect(w, list, more, cursor, edge)
		parts[id] = Part[E]{Edges: edges, Info: info, Count: func(ctx context.Context) (int, error) {
			return Load(ctx, siblings, "count", id, count)
		}}
	}
	return parts
}

// Counts returns the counts of all parents from those that have any.
func Counts(parents []uuid.UUID, counted map[uuid.UUID]int) map[uuid.UUID]int {
	counts := make(map[uuid.UUID]int, len(parents))
	for _, id := range parents {
		counts[id] = counted[id]
	}
	return counts
}
