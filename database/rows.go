package database

import (
	"database/sql"
	"errors"
)

// scanRow returns the n numbers of the only row and closes the rows.
func scanRow(rows *sql.Rows, n int) ([]int64, error) {
	numbers := make([]int64, n)
	targets := make([]any, n)
	for i := range numbers {
		targets[i] = &numbers[i]
	}
	if !rows.Next() {
		return nil, errors.Join(errors.New("no row"), rows.Err(), rows.Close())
	}
	err := rows.Scan(targets...)
	return numbers, errors.Join(err, rows.Close(), rows.Err())
}
