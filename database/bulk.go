package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// Rows are rows of one table that wait to be loaded. They must not be used by
// several goroutines at once.
type Rows struct {
	table   string
	columns []string
	cells   []any
}

// NewRows returns the rows of a table, none yet. The names are written into SQL
// as they are, so they never come from input.
func NewRows(table string, columns ...string) *Rows {
	return &Rows{table: table, columns: columns}
}

// Add appends a row of one cell per column: what database/sql takes as an
// argument, times in UTC and amounts as text.
func (r *Rows) Add(cells ...any) { r.cells = append(r.cells, cells...) }

// Len returns how many rows there are.
func (r *Rows) Len() int { return len(r.cells) / len(r.columns) }

// Load writes rows in the transaction, in the order given. Neither the guard nor the
// journal sees them, and their ids are reserved before it begins.
func (tx *Tx) Load(ctx context.Context, rows ...*Rows) error {
	for _, r := range rows {
		whole := max(1, insertParameters/len(r.columns)) * len(r.columns)
		for cells := range slices.Chunk(r.cells, whole) {
			s := tx.db.statement()
			s.write("INSERT INTO ", r.table, " (", strings.Join(r.columns, ", "), ") VALUES ")
			for row := range slices.Chunk(cells, len(r.columns)) {
				if len(s.args) > 0 {
					s.write(", ")
				}
				s.write("(", list(s, row), ")")
			}
			if _, err := tx.ExecContext(ctx, s.text.String(), s.args...); err != nil {
				return fmt.Errorf("load %s: %w", r.table, err)
			}
		}
	}
	return nil
}

// write loads the rows: by COPY on PostgreSQL, by INSERTs of many rows on
// SQLite. Neither the guard nor the journal sees them.
func (r *Rows) write(ctx context.Context, tx *sql.Tx, dialectName string) error {
	if len(r.cells)%len(r.columns) != 0 {
		return fmt.Errorf("%d cells do not make rows of %d columns", len(r.cells), len(r.columns))
	}
	if r.Len() == 0 {
		return nil
	}
	if dialectName == dialect.Postgres {
		return r.copy(ctx, tx)
	}
	return r.insert(ctx, tx)
}

// copy streams the rows to PostgreSQL. The driver reports what the server
// refused with a later row or with the empty call that ends the stream.
func (r *Rows) copy(ctx context.Context, tx *sql.Tx) error {
	stmt, err := tx.PrepareContext(ctx, "COPY "+r.table+" ("+strings.Join(r.columns, ", ")+") FROM STDIN")
	if err != nil {
		return fmt.Errorf("begin copy: %w", err)
	}
	err = r.stream(ctx, stmt)
	return errors.Join(err, stmt.Close())
}

func (r *Rows) stream(ctx context.Context, stmt *sql.Stmt) error {
	for start := 0; start < len(r.cells); start += len(r.columns) {
		if _, err := stmt.ExecContext(ctx, r.cells[start:start+len(r.columns)]...); err != nil {
			return fmt.Errorf("copy: %w", err)
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return fmt.Errorf("end copy: %w", err)
	}
	return nil
}

// insertParameters is how many values an INSERT carries: enough to make the
// statement's own cost small, far below SQLite's limit of 32766.
const insertParameters = 1000

// insert writes the rows many at a time.
func (r *Rows) insert(ctx context.Context, tx *sql.Tx) error {
	whole := max(1, insertParameters/len(r.columns)) * len(r.columns)
	rest := len(r.cells) % whole
	if err := r.insertBy(ctx, tx, whole, r.cells[:len(r.cells)-rest]); err != nil {
		return err
	}
	return r.insertBy(ctx, tx, rest, r.cells[len(r.cells)-rest:])
}

// insertBy writes cells by a statement that takes n of them at a time.
func (r *Rows) insertBy(ctx context.Context, tx *sql.Tx, n int, cells []any) error {
	if len(cells) == 0 {
		return nil
	}
	row := "(" + strings.Repeat("?, ", len(r.columns)-1) + "?)"
	values := strings.Repeat(row+", ", n/len(r.columns)-1) + row
	statement := "INSERT INTO " + r.table + " (" + strings.Join(r.columns, ", ") + ") VALUES " + values //nolint:gosec // see NewRows
	stmt, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("prepare insert: %w", err)
	}
	for start := 0; start < len(cells); start += n {
		if _, err := stmt.ExecContext(ctx, cells[start:start+n]...); err != nil {
			return errors.Join(fmt.Errorf("insert: %w", err), stmt.Close())
		}
	}
	return stmt.Close()
}
