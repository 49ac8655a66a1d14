package database

import (
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
)

// Order is how a list is sorted: by a text column without regard to case, or by
// an expression, if there is one, then by id. Ids grow with time, so an Order
// without either is the order of age.
type Order struct {
	Column     string
	By         *Expression
	Descending bool
}

// Expression is what a list is sorted by where that is no column of its own.
type Expression struct {
	// Write writes it for the rows of a selector; it is never NULL.
	Write func(b *entsql.Builder, s *entsql.Selector)
	// Value returns what the text of a cursor is compared as, or an error for a
	// text that is no such value. It is nil for a text in lower case, which the
	// database makes of both: it has its own idea of it.
	Value func(text string) (any, error)
}

// sorts reports whether the order is another than that of age.
func (o Order) sorts() bool { return o.Column != "" || o.By != nil }

// write writes what the rows are sorted by.
func (o Order) write(b *entsql.Builder, s *entsql.Selector) {
	if o.By != nil {
		o.By.Write(b, s)
		return
	}
	b.WriteString("LOWER(").Ident(s.C(o.Column)).WriteString(")")
}

// argument writes a value to compare with.
func (o Order) argument(b *entsql.Builder, value any) {
	if o.By != nil && o.By.Value != nil {
		b.Arg(value)
		return
	}
	b.WriteString("LOWER(").Arg(value).WriteString(")")
}

// Cursor returns the cursor of a row.
func (o Order) Cursor(text, id string) string {
	if !o.sorts() {
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

// bound returns the values of a cursor, of which the id is the last; nil for none.
func (o Order) bound(field, cursor string) ([]any, error) {
	if cursor == "" {
		return nil, nil
	}
	n := 1
	if o.sorts() {
		n = 2
	}
	texts, err := page.Values(field, cursor, n)
	if err != nil {
		return nil, err
	}
	foreign := fault.Invalidf(field, "this is no cursor of this list")
	if _, err := uuid.Parse(texts[n-1]); err != nil {
		return nil, foreign
	}
	values := make([]any, n)
	for i, text := range texts {
		values[i] = text
	}
	if o.By != nil && o.By.Value != nil {
		if values[0], err = o.By.Value(texts[0]); err != nil {
			return nil, foreign
		}
	}
	return values, nil
}

// beyond returns the predicate of rows that come after the values in ascending
// order, or before them in descending order.
func (o Order) beyond(s *entsql.Selector, values []any, descending bool) *entsql.Predicate {
	compare := entsql.GT
	if descending {
		compare = entsql.LT
	}
	id := compare(s.C("id"), values[len(values)-1])
	if !o.sorts() {
		return id
	}
	against := func(op entsql.Op) *entsql.Predicate {
		return entsql.P(func(b *entsql.Builder) {
			o.write(b, s)
			b.WriteOp(op)
			o.argument(b, values[0])
		})
	}
	return entsql.Or(against(opOf(descending)), entsql.And(against(entsql.OpEQ), id))
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
	if o.sorts() {
		list = append(list, entsql.ExprFunc(func(b *entsql.Builder) {
			o.write(b, s)
			b.WriteString(direction)
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
