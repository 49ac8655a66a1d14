package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/jobs"
)

// clock is one that tests turn on.
type clock struct{ moved atomic.Int64 }

func (c *clock) now() time.Time          { return dbtest.Start().Add(time.Duration(c.moved.Load())) }
func (c *clock) pass(time time.Duration) { c.moved.Add(int64(time)) }

// process is one that does jobs.
type process struct {
	*jobs.Service
	db    *database.DB
	clock *clock
}

// on runs fn with the URL of a database of each kind.
func on(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	for name, create := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := create(t)
			db := dbtest.Open(t, url)
			if _, err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			fn(t, url)
		})
	}
}

// start returns a process on a database.
func start(t *testing.T, url string, c *clock) process {
	t.Helper()
	db, err := database.Open(t.Context(), url, database.Options{Now: c.now, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return process{jobs.New(db, records.New(db)), db, c}
}

func (p process) enqueue(t *testing.T, list ...database.Job) {
	t.Helper()
	_, err := p.db.Write(system(t), database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		for _, j := range list {
			if err := tx.Enqueue(ctx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run does what is due and returns how many jobs that were.
func (p process) run(t *testing.T) int {
	t.Helper()
	n, err := p.RunDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// only returns the only job of a kind.
func (p process) only(t *testing.T, kind string) *ent.Job {
	t.Helper()
	row, err := p.db.Client().Job.Query().Where(job.Kind(kind)).Only(system(t))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func system(t *testing.T) context.Context {
	t.Helper()
	return access.WithViewer(t.Context(), access.SystemViewer("test"))
}

func TestAJobIsDoneByThePlatform(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		var told string
		p.Handle("greet", func(ctx context.Context, payload []byte) error {
			viewer := access.ViewerFrom(ctx)
			if _, limited := ctx.Deadline(); !limited || !viewer.IsSystem() {
				t.Error("the handler has no deadline or no rights")
			}
			told = viewer.Name + " " + string(payload)
			return nil
		})
		p.enqueue(t, database.Job{Kind: "greet", Payload: "ada"}, database.Job{Kind: "of a newer version", Payload: 1})
		if n := p.run(t); n != 1 || told != `jobs: greet "ada"` {
			t.Errorf("did %d jobs: %s", n, told)
		}
		if row := p.only(t, "greet"); row.Status != job.StatusDONE || row.Attempts != 1 || row.FinishedAt == nil {
			t.Errorf("got %v", row)
		}
		if row := p.only(t, "of a newer version"); row.Status != job.StatusPENDING || row.Attempts != 0 {
			t.Errorf("a job that nobody knows is %v", row)
		}
		if n := p.run(t); n != 0 {
			t.Errorf("did %d jobs again", n)
		}
	})
}

func TestFailuresAreTriedAgainUntilTheyAreGivenUp(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		tried := 0
		p.Handle("fail", func(context.Context, []byte) error {
			tried++
			if tried == 2 {
				panic("of a handler")
			}
			return errors.New("no luck\n" + strings.Repeat("x", 2000))
		})
		p.enqueue(t, database.Job{Kind: "fail", Payload: 1})
		for attempt, delay := 1, time.Minute; attempt <= 12; attempt++ {
			if n, err := p.RunDue(t.Context()); n != 1 || err == nil || !strings.HasPrefix(err.Error(), "fail: ") {
				t.Fatalf("attempt %d: %d, %v", attempt, n, err)
			}
			row := p.only(t, "fail")
			if attempt == 12 {
				break
			}
			if row.Status != job.StatusPENDING || !row.RunAt.Equal(p.clock.now().Add(delay)) {
				t.Fatalf("after attempt %d it is %v at %s", attempt, row, p.clock.now())
			}
			p.clock.pass(delay - time.Microsecond)
			if n := p.run(t); n != 0 {
				t.Fatalf("it was tried before %s", delay)
			}
			p.clock.pass(time.Microsecond)
			delay = min(2*delay, 6*time.Hour)
		}
		row := p.only(t, "fail")
		if row.Status != job.StatusFAILED || row.Attempts != 12 || tried != 12 || !strings.HasPrefix(row.LastError, "no luck x") || len(row.LastError) > 1000 {
			t.Errorf("tried %d times, got %v", tried, row)
		}
		if got, want := p.Counts(), []jobs.Count{{"fail", jobs.GaveUp, 1}, {"fail", jobs.Postponed, 11}}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("counted %v", got)
		}
		p.clock.pass(100 * time.Hour)
		if n := p.run(t); n != 0 {
			t.Error("it was tried after it was given up")
		}
	})
}

func TestWhatIsHopelessIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		p.Handle("fail", func(context.Context, []byte) error { return database.Hopeless(errors.New("never")) })
		p.enqueue(t, database.Job{Kind: "fail", Payload: 1})
		if _, err := p.RunDue(t.Context()); err == nil {
			t.Error("no error was told")
		}
		if row := p.only(t, "fail"); row.Status != job.StatusFAILED || row.LastError != "never" {
			t.Errorf("got %v", row)
		}
	})
}

// TestAnotherProcessTakesOver lets a process die in the middle of a job: it has
// claimed it, and nothing more is heard of it.
func TestAnotherProcessTakesOver(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		c := &clock{}
		dying, other := start(t, url, c), start(t, url, c)
		done := 0
		other.Handle("work", func(context.Context, []byte) error { done++; return nil })
		dying.enqueue(t, database.Job{Kind: "work", Payload: 1})
		if _, found, err := dying.db.ClaimJob(system(t), []string{"work"}, 5*time.Minute); err != nil || !found {
			t.Fatalf("claimed nothing: %v", err)
		}
		c.pass(5*time.Minute - time.Microsecond)
		if n := other.run(t); n != 0 {
			t.Fatal("a job was taken from a process that may live")
		}
		c.pass(time.Microsecond)
		if n := other.run(t); n != 1 || done != 1 {
			t.Fatalf("the other process did %d jobs", n)
		}
		if row := other.only(t, "work"); row.Status != job.StatusDONE || row.Attempts != 2 {
			t.Errorf("got %v", row)
		}
	})
}

// TestAJobThatKillsIsGivenUp lets every process die of a job.
func TestAJobThatKillsIsGivenUp(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		p.Handle("kill", func(context.Context, []byte) error { t.Error("it was begun once more"); return nil })
		p.enqueue(t, database.Job{Kind: "kill", Payload: 1})
		for range 12 {
			if _, found, err := p.db.ClaimJob(system(t), []string{"kill"}, time.Minute); err != nil || !found {
				t.Fatalf("claimed nothing: %v", err)
			}
			p.clock.pass(time.Minute)
		}
		if _, err := p.RunDue(t.Context()); err == nil || p.only(t, "kill").Status != job.StatusFAILED {
			t.Errorf("%v: %v", err, p.only(t, "kill"))
		}
	})
}

// TestALateProcessSettlesNothing lets a process come back after another has
// taken over.
func TestALateProcessSettlesNothing(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		c := &clock{}
		late, other := start(t, url, c), start(t, url, c)
		other.Handle("work", func(context.Context, []byte) error { return errors.New("not yet") })
		late.Handle("work", func(context.Context, []byte) error {
			c.pass(6 * time.Minute)
			_, err := other.RunDue(t.Context())
			if err == nil {
				t.Error("the other process did nothing")
			}
			return nil
		})
		late.enqueue(t, database.Job{Kind: "work", Payload: 1})
		late.run(t)
		if row := other.only(t, "work"); row.Status != job.StatusPENDING || row.Attempts != 2 || row.LastError != "not yet" {
			t.Errorf("got %v", row)
		}
	})
}

// TestWhatRecursIsDoneByOne runs processes at once, and again after a restart.
func TestWhatRecursIsDoneByOne(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		c := &clock{}
		var done atomic.Int64
		all := func(want int64) {
			t.Helper()
			var running sync.WaitGroup
			for range 3 {
				p := start(t, url, c)
				p.Every(time.Hour, "sweep", func(context.Context, []byte) error {
					if done.Add(1) == 3 {
						return database.Hopeless(errors.New("this time"))
					}
					return nil
				})
				running.Go(func() { _, _ = p.RunDue(t.Context()) })
			}
			running.Wait()
			if got := done.Load(); got != want {
				t.Errorf("after %s it was done %d times, want %d", time.Duration(c.moved.Load()), got, want)
			}
		}
		all(1)
		all(1)
		c.pass(time.Hour - time.Microsecond)
		all(1)
		c.pass(time.Microsecond)
		all(2)
		c.pass(10 * time.Hour)
		all(3) // It fails and goes on all the same.
		c.pass(time.Hour)
		all(4)
	})
}

func TestEndedJobsAreSwept(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		p.Handle("done", func(context.Context, []byte) error { return nil })
		p.Handle("failed", func(context.Context, []byte) error { return database.Hopeless(errors.New("never")) })
		p.enqueue(t, database.Job{Kind: "done", Payload: 1}, database.Job{Kind: "failed", Payload: 1}, database.Job{Kind: "waits", Payload: 1})
		_, _ = p.RunDue(t.Context())
		left := func() int {
			n, err := p.db.Client().Job.Query().Count(system(t))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, step := range []struct {
			pass time.Duration
			left int
		}{{30 * 24 * time.Hour, 3}, {time.Microsecond, 1}} {
			p.clock.pass(step.pass)
			if err := p.Sweep(system(t), nil); err != nil {
				t.Fatal(err)
			}
			if n := left(); n != step.left {
				t.Errorf("%d jobs are left, want %d", n, step.left)
			}
		}
	})
}

// TestRunWakesAndEndsInPeace lets Run do what is enqueued while it waits, and
// stops it in the middle of a job.
func TestRunWakesAndEndsInPeace(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, url string) {
		p := start(t, url, &clock{})
		begun, end := make(chan struct{}), make(chan struct{})
		p.Handle("long", func(ctx context.Context, _ []byte) error {
			close(begun)
			<-end
			return ctx.Err()
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.Run(ctx, slog.New(slog.DiscardHandler))
		}()
		p.enqueue(t, database.Job{Kind: "long", Payload: 1})
		<-begun
		stop()
		select {
		case <-ended:
			t.Error("it ended before the job")
		default:
		}
		close(end)
		<-ended
		if row := p.only(t, "long"); row.Status != job.StatusDONE {
			t.Errorf("got %v", row)
		}
	})
}
