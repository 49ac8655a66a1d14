package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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
	// key; "" lets any number wait. A job waits until it has been done, so one
	// that is being done counts too.
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
		err := tx.Job.CreateBulk(rows...).OnConflict().DoNothing().Exec(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // ent misses the ids of jobs that were passed over
			return fmt.Errorf("enqueue jobs: %w", err)
		}
	}
	tx.enqueued = true
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

// Enqueued tells of jobs that this process enqueued: one value for any number
// of them. One who waits for it hears of each.
func (db *DB) Enqueued() <-chan struct{} { return db.jobs }

// wake tells whoever waits for jobs.
func (db *DB) wake() {
	select {
	case db.jobs <- struct{}{}:
	default: // They have been told and not looked yet.
	}
}

// ClaimedJob is a job that a process works on. It is its own until the lease is
// over.
type ClaimedJob struct {
	ID      uuid.UUID
	Kind    string
	Payload []byte
	// Attempt counts the claims of the job, from 1. With the id it says which
	// claim this is.
	Attempt int
}

// ClaimJob takes the job of some kinds that has been due for longest, or returns
// false if none is due. Nobody else takes it before the lease is over: then
// another process may, because this one has died.
func (db *DB) ClaimJob(ctx context.Context, kinds []string, lease time.Duration) (ClaimedJob, bool, error) {
	now := db.Now()
	due, err := db.isJobDue(ctx, kinds, now)
	if err != nil || !due {
		return ClaimedJob{}, false, err
	}
	done, err := db.takeTurn(ctx)
	if err != nil {
		return ClaimedJob{}, false, err
	}
	defer done()
	s := db.statement()
	s.write(`
		WITH due AS MATERIALIZED (
			SELECT id FROM jobs WHERE `, s.dueJobs(kinds, now), ` ORDER BY run_at, id LIMIT 1`, s.skipLocked(), `
		)
		UPDATE jobs SET run_at = `, s.arg(now.Add(lease)), `, attempts = attempts + 1
		FROM due WHERE jobs.id = due.id
		RETURNING jobs.id, kind, payload, attempts`)
	job, found, err := scanJob(db.pool.QueryContext(ctx, s.text.String(), s.args...))
	if err != nil {
		return ClaimedJob{}, false, fmt.Errorf("claim job: %w", err)
	}
	return job, found, nil
}

// isJobDue reports whether there is something to claim, so that looking for it
// does not keep writers waiting.
func (db *DB) isJobDue(ctx context.Context, kinds []string, now time.Time) (bool, error) {
	if len(kinds) == 0 {
		return false, nil
	}
	s := db.statement()
	s.write(`SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE `, s.dueJobs(kinds, now), ` LIMIT 1) due`)
	rows, err := db.pool.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return false, fmt.Errorf("look for jobs: %w", err)
	}
	numbers, err := scanRow(rows, 1)
	if err != nil {
		return false, fmt.Errorf("look for jobs: %w", err)
	}
	return numbers[0] > 0, nil
}

// dueJobs returns the condition of the jobs of some kinds that are due.
func (s *statement) dueJobs(kinds []string, now time.Time) string {
	return "status = 'PENDING' AND run_at <= " + s.arg(now) + " AND kind IN (" + list(s, kinds) + ")"
}

// skipLocked makes processes that claim at the same time take different rows. On
// SQLite only one writes at a time.
func (s *statement) skipLocked() string {
	if s.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// scanJob returns the only job of some rows, or false for none.
func scanJob(rows *sql.Rows, err error) (ClaimedJob, bool, error) {
	if err != nil {
		return ClaimedJob{}, false, err
	}
	if !rows.Next() {
		return ClaimedJob{}, false, errors.Join(rows.Err(), rows.Close())
	}
	var job ClaimedJob
	err = rows.Scan(&job.ID, &job.Kind, &job.Payload, &job.Attempt)
	return job, err == nil, errors.Join(err, rows.Close(), rows.Err())
}

// hopeless is an error that trying again does not mend.
type hopeless struct{ err error }

func (h hopeless) Error() string { return h.err.Error() }
func (h hopeless) Unwrap() error { return h.err }

// Hopeless returns an error that ends a job at once, because trying again would
// lead to it again.
func Hopeless(err error) error { return hopeless{err} }

// IsHopeless reports whether trying again is in vain.
func IsHopeless(err error) bool { return errors.As(err, &hopeless{}) }
