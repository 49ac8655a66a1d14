package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/job"
)

// enqueue writes jobs in one transaction, which fails with an error in the end.
func enqueue(ctx context.Context, db *database.DB, failure error, jobs ...database.Job) error {
	_, err := db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		for _, j := range jobs {
			if err := tx.Enqueue(ctx, j); err != nil {
				return err
			}
		}
		return failure
	})
	return err
}

func TestEnqueuedIsWhatCommits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, about := system(t), db.NewID()
		lost := errors.New("lost")
		if err := enqueue(ctx, db, lost, database.Job{Kind: "lost", Payload: 1}); !errors.Is(err, lost) {
			t.Fatal(err)
		}
		select {
		case <-db.Enqueued():
			t.Error("what was rolled back was told")
		default:
		}
		at := dbtest.Start().Add(time.Hour)
		must(t, enqueue(ctx, db, nil,
			database.Job{Kind: "kept", Payload: map[string]int{"n": 1}, Organization: about, Key: "one", At: at},
			database.Job{Kind: "kept", Payload: map[string]int{"n": 2}, Key: "one"},
			database.Job{Kind: "kept", Payload: map[string]int{"n": 3}, Key: "two"},
			database.Job{Kind: "other", Payload: map[string]int{"n": 4}, Key: "one"},
		))
		must(t, enqueue(ctx, db, nil,
			database.Job{Kind: "kept", Payload: map[string]int{"n": 5}, Key: "two"},
			database.Job{Kind: "kept", Payload: map[string]int{"n": 6}},
			database.Job{Kind: "kept", Payload: map[string]int{"n": 7}},
		))
		<-db.Enqueued()
		rows, err := db.Client().Job.Query().Order(job.ByID()).All(ctx)
		must(t, err)
		got := ""
		for _, row := range rows {
			got += row.Payload[len(row.Payload)-2 : len(row.Payload)-1]
		}
		if got != "13467" {
			t.Errorf("the jobs %s wait, want 13467", got)
		}
		first := rows[0]
		if !first.RunAt.Equal(at) || first.OrganizationID == nil || *first.OrganizationID != about || first.Status != job.StatusPENDING {
			t.Errorf("got %v", first)
		}
		must(t, rows[0].Update().SetStatus(job.StatusDONE).Exec(ctx))
		must(t, enqueue(ctx, db, nil, database.Job{Kind: "kept", Payload: 8, Key: "one"}))
		if n, err := db.Client().Job.Query().Where(job.UniqueKey("one"), job.Kind("kept")).Count(ctx); err != nil || n != 2 {
			t.Errorf("%d jobs, %v: one that was done stands in the way", n, err)
		}
	})
}

func TestClaimsInOrderOfTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, start := system(t), dbtest.Start()
		must(t, enqueue(ctx, db, nil,
			database.Job{Kind: "a", Payload: "later", At: start.Add(-time.Minute)},
			database.Job{Kind: "a", Payload: "first", At: start.Add(-time.Hour)},
			database.Job{Kind: "a", Payload: "not yet", At: start.Add(time.Hour)},
			database.Job{Kind: "b", Payload: "not ours", At: start.Add(-2 * time.Hour)},
		))
		for _, want := range []string{`"first"`, `"later"`, ""} {
			claimed, found, err := db.ClaimJob(ctx, []string{"a", "c"}, time.Minute)
			must(t, err)
			if found != (want != "") || string(claimed.Payload) != want || found && claimed.Attempt != 1 {
				t.Errorf("claimed %+v, want %s", claimed, want)
			}
		}
		if _, found, err := db.ClaimJob(ctx, nil, time.Minute); err != nil || found {
			t.Errorf("somebody who can do nothing claimed a job: %v", err)
		}
	})
}

// TestNobodyClaimsTwice claims jobs from many connections at once.
func TestNobodyClaimsTwice(t *testing.T) {
	t.Parallel()
	const claimers, jobs = 8, 40
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := system(t)
		var list []database.Job
		for n := range jobs {
			list = append(list, database.Job{Kind: "a", Payload: n})
		}
		must(t, enqueue(ctx, db, nil, list...))
		var mu sync.Mutex
		var all sync.WaitGroup
		times := map[uuid.UUID]int{}
		for range claimers {
			all.Go(func() {
				for {
					claimed, found, err := db.ClaimJob(ctx, []string{"a"}, time.Hour)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if found {
						times[claimed.ID]++
					}
					// A claimer that finds another's row locked looks again.
					end := len(times) == jobs
					mu.Unlock()
					if end {
						return
					}
				}
			})
		}
		all.Wait()
		for id, n := range times {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
	})
}

func TestHopelessKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("outside: %w", database.Hopeless(cause))
	if !database.IsHopeless(err) || !errors.Is(err, cause) || err.Error() != "outside: cause" || database.IsHopeless(cause) {
		t.Errorf("got %v", err)
	}
}
