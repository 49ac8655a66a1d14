package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/job"
)

const (
	// workers is how many jobs a process does at a time.
	workers = 4
	// lease is how long a job is left to the process that claimed it.
	lease = 5 * time.Minute
	// deadline is how long a handler may take: it ends before the lease does.
	deadline = 4 * time.Minute
	// look is how often a process looks for jobs that others enqueued.
	look = time.Second
	// grace is how long running jobs may take to end once the process is told to
	// stop. What is cut off then is tried again.
	grace = 10 * time.Second
	// keep is how long a job stays once it has ended.
	keep = 30 * 24 * time.Hour
)

// Handler does the work of a job, as the platform itself and until the context
// ends. It may run more than once for one job. The payload is the JSON of what
// the job was enqueued with. Its error, which holds no secret, is shown to
// administrators, and the job is tried again later unless database.Hopeless says
// that this is in vain.
type Handler func(ctx context.Context, payload []byte) error

// kind is how jobs of one kind are done.
type kind struct {
	handle Handler
	// every is how often it is done whether or not somebody asks, or 0.
	every time.Duration
}

// Handle makes a handler do the jobs of a kind. It is called before any job runs.
func (s *Service) Handle(name string, handler Handler) { s.kinds[name] = kind{handle: handler} }

// Every makes a handler run again and again, with an empty payload: as soon as
// any process runs jobs, and an interval after it ended. There is one such job at
// a time, however many processes there are. It is called before any job runs.
func (s *Service) Every(interval time.Duration, name string, handler Handler) {
	s.kinds[name] = kind{handle: handler, every: interval}
}

// names returns the kinds that this process can do, sorted. Jobs of others wait
// for a process that can.
func (s *Service) names() []string { return slices.Sorted(maps.Keys(s.kinds)) }

// Run does jobs as they become due until the context ends, then lets those that
// run end and returns. Failures are logged and tried again.
func (s *Service) Run(ctx context.Context, logger *slog.Logger) {
	working, stop := endingAfter(ctx, grace)
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, workers)
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	begun := false
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if !begun {
			begun = told(working, logger, "begin recurring jobs", s.begin(working))
		}
		// The claim outlasts the context, so that none is lost on the way.
		claimed, found, err := s.db.ClaimJob(context.WithoutCancel(ctx), s.names(), lease)
		if told(working, logger, "claim a job", err) && found {
			running.Go(func() {
				defer func() { <-free }()
				_ = s.work(working, logger, claimed)
			})
			continue
		}
		<-free
		select {
		case <-s.db.Enqueued():
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// endingAfter returns a context that ends some time after another.
func endingAfter(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-later.Done():
		}
	})
	return later, func() { forget(); cancel() }
}

// told logs an error, if there is one, and reports whether there is none.
func told(ctx context.Context, logger *slog.Logger, what string, err error) bool {
	if err != nil {
		logger.WarnContext(ctx, "cannot "+what, "error", err)
	}
	return err == nil
}

// RunDue does everything that is due, one after the other, until nothing is, and
// returns how many jobs that were with the errors of those that failed. It is for
// those who own the clock.
func (s *Service) RunDue(ctx context.Context) (n int, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	var failures []error
	for {
		claimed, found, err := s.db.ClaimJob(ctx, s.names(), lease)
		if err != nil {
			return n, err
		}
		if !found {
			return n, errors.Join(failures...)
		}
		n++
		failures = append(failures, s.work(ctx, slog.New(slog.DiscardHandler), claimed))
	}
}

// begin enqueues what recurs, where it does not wait already.
func (s *Service) begin(ctx context.Context) error {
	_, err := s.db.Write(asSystem(ctx), database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		for _, name := range s.names() {
			if s.kinds[name].every == 0 {
				continue
			}
			if err := s.enqueueNext(ctx, tx, name, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (s *Service) enqueueNext(ctx context.Context, tx *database.Tx, name string, at time.Time) error {
	return tx.Enqueue(ctx, database.Job{Kind: name, Payload: struct{}{}, Key: name, At: at})
}

// work does a job and writes down what became of it. It returns why the job
// failed.
func (s *Service) work(ctx context.Context, logger *slog.Logger, claimed database.ClaimedJob) error {
	failure := s.attempt(ctx, logger, claimed)
	outcome := outcomeOf(claimed, failure)
	s.counts.add(Count{Kind: claimed.Kind, Outcome: outcome})
	if failure != nil {
		logger.WarnContext(ctx, "job failed", "job", claimed.ID, "kind", claimed.Kind, "attempt", claimed.Attempt, "error", failure)
	}
	// What was done is written down even if it took until the process stops.
	err := s.settle(context.WithoutCancel(ctx), claimed, outcome, failure)
	told(ctx, logger, "write down the outcome of a job", err)
	if failure != nil {
		failure = fmt.Errorf("%s: %w", claimed.Kind, failure)
	}
	return errors.Join(failure, err)
}

// attempt calls the handler, unless the job has been tried often enough: then
// processes died of it. A panic is a failure.
func (s *Service) attempt(ctx context.Context, logger *slog.Logger, claimed database.ClaimedJob) (err error) {
	if claimed.Attempt > maxAttempts {
		return database.Hopeless(fmt.Errorf("it was begun %d times and never came to an end", maxAttempts))
	}
	ctx, cancel := context.WithTimeout(access.WithViewer(ctx, access.SystemViewer("jobs: "+claimed.Kind)), deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			logger.ErrorContext(ctx, "job panicked", "job", claimed.ID, "kind", claimed.Kind, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("it broke off unexpectedly; the log says where")
		}
	}()
	return s.kinds[claimed.Kind].handle(ctx, claimed.Payload)
}

// outcomeOf returns the step that follows an attempt.
func outcomeOf(claimed database.ClaimedJob, failure error) Outcome {
	switch {
	case failure == nil:
		return Succeeded
	case claimed.Attempt >= maxAttempts || database.IsHopeless(failure):
		return GaveUp
	default:
		return Postponed
	}
}

// settle writes down the outcome of a job, and in the same transaction makes what
// recurs wait again. It does nothing if the job is no longer this process's:
// whoever took it over settles it.
func (s *Service) settle(ctx context.Context, claimed database.ClaimedJob, outcome Outcome, failure error) error {
	_, err := s.db.Write(asSystem(ctx), database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		to, err := next(Pending, outcome.step())
		if err != nil {
			return err
		}
		update := tx.Job.Update().
			Where(job.ID(claimed.ID), job.Attempts(claimed.Attempt), job.StatusEQ(job.StatusPENDING)).
			SetStatus(job.Status(to)).SetLastError(textOf(failure))
		if to == Pending {
			update.SetRunAt(tx.Now().Add(delayAfter(claimed.Attempt)))
		} else {
			update.SetRunAt(tx.Now()).SetFinishedAt(tx.Now())
		}
		changed, err := update.Save(ctx)
		if err != nil {
			return fmt.Errorf("settle job: %w", err)
		}
		if every := s.kinds[claimed.Kind].every; changed == 1 && to != Pending && every > 0 {
			return s.enqueueNext(ctx, tx, claimed.Kind, tx.Now().Add(every))
		}
		return nil
	})
	return err
}

// maxError bounds the text of an error that is kept, in bytes.
const maxError = 1000

// textOf returns the text of an error as it is kept: one line of bounded length.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "�")), " ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError-len("…")], "") + "…"
	}
	return text
}

// Sweep deletes jobs that ended long ago. It is a Handler.
func (s *Service) Sweep(ctx context.Context, _ []byte) error {
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Job.Delete().
			Where(job.StatusNEQ(job.StatusPENDING), job.FinishedAtLT(tx.Now().Add(-keep))).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("delete finished jobs: %w", err)
		}
		return nil
	})
	return err
}

// Outcome is what became of an attempt.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Postponed Outcome = "postponed"
	GaveUp    Outcome = "failed"
)

func (o Outcome) step() step {
	switch o {
	case Succeeded:
		return finishing
	case Postponed:
		return postponing
	default:
		return givingUp
	}
}

// Count is how often attempts at jobs of a kind had an outcome.
type Count struct {
	Kind    string
	Outcome Outcome
	N       int64
}

// counts are the attempts of this process.
type counts struct {
	mu     sync.Mutex
	counts map[Count]int64
}

func (c *counts) add(of Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[Count]int64{}
	}
	c.counts[of]++
}

// Counts returns how often attempts of this process had which outcome, by kind
// and outcome.
func (s *Service) Counts() []Count {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	var list []Count
	for of, n := range s.counts.counts {
		of.N = n
		list = append(list, of)
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(string(a.Outcome), string(b.Outcome)))
	})
	return list
}
