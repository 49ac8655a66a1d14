package database

import (
	"time"

	"github.com/google/uuid"
)

// Now returns what the database's Now does.
func (tx *Tx) Now() time.Time { return tx.db.Now() }

// InUTC returns a stored instant in UTC, nil for none.
func InUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// NewID returns what the database's NewID does.
func (tx *Tx) NewID() uuid.UUID { return tx.db.NewID() }
