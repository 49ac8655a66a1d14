package database

import (
	"database/sql/driver"
	"fmt"
	"sync"

	"entgo.io/ent/dialect"
	"modernc.org/sqlite"

	"github.com/headwater-platform/headwater/money"
)

// registerExactSum gives SQLite the aggregate exact_sum, which adds amounts
// that are kept as text without ever going through floating point. SQLite's own
// SUM would.
var registerExactSum = sync.OnceValue(func() error { //nolint:gochecknoglobals // the driver registers functions once per process
	err := sqlite.RegisterFunction("exact_sum", &sqlite.FunctionImpl{
		NArgs:         1,
		Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &exactSum{}, nil },
	})
	if err != nil {
		return fmt.Errorf("register exact_sum: %w", err)
	}
	return nil
})

// ExactSum returns the SQL that adds up an amount column exactly, as text, and
// "0" for no rows.
func (db *DB) ExactSum(column string) string {
	if db.dialect == dialect.Postgres {
		return "COALESCE(SUM(" + column + "), 0)"
	}
	return "exact_sum(" + column + ")"
}

// exactSum adds decimals.
type exactSum struct{ total money.Decimal }

func (s *exactSum) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	amount, ok, err := decimalOf(args[0])
	if err != nil || !ok {
		return err
	}
	s.total = s.total.Add(amount)
	return nil
}

func (s *exactSum) WindowInverse(_ *sqlite.FunctionContext, args []driver.Value) error {
	amount, ok, err := decimalOf(args[0])
	if err != nil || !ok {
		return err
	}
	s.total = s.total.Sub(amount)
	return nil
}

func (s *exactSum) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	return s.total.String(), nil
}

func (s *exactSum) Final(*sqlite.FunctionContext) {}

// decimalOf reads an amount; ok is false for NULL, which sums skip.
func decimalOf(value driver.Value) (amount money.Decimal, ok bool, err error) {
	switch v := value.(type) {
	case nil:
		return money.Decimal{}, false, nil
	case string:
		amount, err = money.Parse(v)
	case int64:
		amount = money.FromInt(v)
	default:
		err = fmt.Errorf("exact_sum of a %T", value)
	}
	return amount, err == nil, err
}
