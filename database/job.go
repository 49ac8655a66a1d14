package database

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent/job"
)

// Job is work that is done later, by whichever process comes first.
type Job struct {
	// Kind says who does it.
	Kind string
	// Payload is what they need to know: ids, and never a secret. It is kept as
	// JSON.
	Payload any
	// Organization is whom it is about, or nil.
	Organization uuid.UUID
	// Key keeps a second job of the kind from waiting beside one with the same
	// key; "" lets any number wait.
	Key string
	// At is when it is due; the zero time is at once.
	At time.Time
}

// Enqueue writes a job that is there once the transaction commits, and not
// otherwise. A job with a key is passed over while one like it waits.
func (tx *Tx) Enqueue(ctx context.Context, j Job) error {
	payload, err := json.Marshal(j.Payload)
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", j.Kind, err)
	}
	if j.At.IsZero() {
		j.At = tx.Now()
	}
	create := tx.Job.Create().
		SetID(tx.NewID()).SetKind(j.Kind).SetPayload(string(payload)).SetStatus(job.StatusPENDING).
		SetRunAt(j.At).SetLastError("").SetCreatedAt(tx.Now())
	if j.Organization != uuid.Nil {
		create.SetOrganizationID(j.Organization)
	}
	if j.Key != "" {
		create.SetUniqueKey(j.Key)
	}
	err = create.OnConflict().DoNothing().Exec(access.WithViewer(ctx, access.SystemViewer("jobs")))
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", j.Kind, err)
	}
	return nil
}
