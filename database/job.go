package database

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
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
func (tx *Tx) Enqueue(ctx context.Context, j Job) error { return tx.EnqueueAll(ctx, []Job{j}) }

// jobBatch keeps an INSERT of jobs below the drivers' limits on parameters.
const jobBatch = 1000

// EnqueueAll is Enqueue for many jobs, in few statements.
func (tx *Tx) EnqueueAll(ctx context.Context, jobs []Job) error {
	ctx = access.WithViewer(ctx, access.SystemViewer("jobs"))
	for start := 0; start < len(jobs); start += jobBatch {
		var rows []*ent.JobCreate
		for _, j := range jobs[start:min(start+jobBatch, len(jobs))] {
			row, err := tx.jobRow(j)
			if err != nil {
				return fmt.Errorf("enqueue %s: %w", j.Kind, err)
			}
			rows = append(rows, row)
		}
		if err := tx.Job.CreateBulk(rows...).OnConflict().DoNothing().Exec(ctx); err != nil {
			return fmt.Errorf("enqueue jobs: %w", err)
		}
	}
	return nil
}

func (tx *Tx) jobRow(j Job) (*ent.JobCreate, error) {
	payload, err := json.Marshal(j.Payload)
	if err != nil {
		return nil, err
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
	return create, nil
}
