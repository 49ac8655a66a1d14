package database

import (
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
)

// Order is how a list is sorted: by a text column without regard to case, if
// one is named, then by id. Ids grow with time, so an Order without a column is
// the order of age.
type Order struct {
	Column     string
	Descending bool
}

// Cursor returns the cursor of a row.
func (o Order) Cursor(text, id string) string {
	if o.Column == "" {
		return page.Cursor(id)
	}
	return page.Cursor(text, id)
}

// Page returns a modifier that reads the rows of a window, one more than its
// size so that the caller learns whether there are more. parent is the column
// whose every value gets a page of its own, or "" for one page in all; with
// several parents the rows come grouped in no particular order of parents.
// INVALID for a cursor of another list.
func (o Order) Page(w page.Window, parent string) (func(*entsql.Selector), error) {
	after, err := o.bound("after", w.After)
	if err != nil {
		return nil, err
	}
	before, err := o.bound("before", w.Before)
	if err != nil {
		return nil, err
	}
	return func(s *entsql.Selector) {
		if after != nil {
			s.Where(o.beyond(s, after, o.Descending))
		}
		if before != nil {
			s.Where(o.beyond(s, before, !o.Descending))
		}
		descending := o.Descending != w.Backward
		if parent == "" {
			s.OrderExpr(o.expressions(s, descending)...)
			s.Limit(w.Size + 1)
			return
		}
		limitPerParent(s, parent, w.Size+1, o.expressions(s, descending))
	}, nil
}

// bound returns the values of a cursor, nil for none.
func (o Order) bound(field, cursor string) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	n := 1
	if o.Column != "" {
		n = 2
	}
	values, err := page.Values(field, cursor, n)
	if err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(values[n-1]); err != nil {
		return nil, fault.Invalidf(field, "this is no cursor of this list")
	}
	return values, nil
}

// beyond returns the predicate of rows that come after the values in ascending
// order, or before them in descending order.
func (o Order) beyond(s *entsql.Selector, values []string, descending bool) *entsql.Predicate {
	compare := entsql.GT
	if descending {
		compare = entsql.LT
	}
	id := compare(s.C("id"), values[len(values)-1])
	if o.Column == "" {
		return id
	}
	return entsql.Or(
		entsql.P(func(b *entsql.Builder) {
			b.WriteString("LOWER(").Ident(s.C(o.Column)).WriteString(")").WriteOp(opOf(descending)).WriteString("LOWER(").Arg(values[0]).WriteString(")")
		}),
		entsql.And(
			entsql.P(func(b *entsql.Builder) {
				b.WriteString("LOWER(").Ident(s.C(o.Column)).WriteString(") = LOWER(").Arg(values[0]).WriteString(")")
			}),
			id,
		),
	)
}

func opOf(descending bool) entsql.Op {
	if descending {
		return entsql.OpLT
	}
	return entsql.OpGT
}

func (o Order) expressions(s *entsql.Selector, descending bool) []entsql.Querier {
	direction := " ASC"
	if descending {
		direction = " DESC"
	}
	var list []entsql.Querier
	if o.Column != "" {
		list = append(list, entsql.ExprFunc(func(b *entsql.Builder) {
			b.WriteString("LOWER(").Ident(s.C(o.Column)).WriteString(")" + direction)
		}))
	}
	return append(list, entsql.ExprFunc(func(b *entsql.Builder) { b.Ident(s.C("id")).WriteString(direction) }))
}

// limitPerParent narrows a query to the first rows of each value of the parent
// column, by the row's number within its parent.
func limitPerParent(s *entsql.Selector, parent string, limit int, order []entsql.Querier) {
	numbered := s.Clone()
	numbered.AppendSelectExprAs(entsql.RowNumber().PartitionBy(s.C(parent)).OrderExpr(order...), "number_in_parent")
	columns := s.UnqualifiedColumns()
	outer := entsql.Dialect(s.Dialect()).Select().From(numbered.As(s.TableName()))
	outer.Select(prefixed(outer, columns)...)
	outer.Where(entsql.LTE(outer.C("number_in_parent"), limit))
	outer.OrderBy(outer.C("number_in_parent"))
	*s = *outer
}

func prefixed(s *entsql.Selector, columns []string) []string {
	qualified := make([]string, len(columns))
	for i, c := range columns {
		qualified[i] = s.C(c)
	}
	return qualified
}

// ContainsFold returns the predicate that a text column contains the text,
// without regard to case. Wildcards in the text stand for themselves.
func ContainsFold(column, text string) func(*entsql.Selector) {
	return func(s *entsql.Selector) { s.Where(entsql.ContainsFold(s.C(column), text)) }
}
