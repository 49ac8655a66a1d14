package database

import (
	"time"

	"github.com/google/uuid"
)

// Now returns what the database's Now does.
func (tx *Tx) Now() time.Time { return tx.db.Now() }

// NewID returns what the database's NewID does.
func (tx *Tx) NewID() uuid.UUID { return tx.db.NewID() }
