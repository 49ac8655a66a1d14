package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/typeid"
)

// second is what others may take to hear of a change.
const second = time.Second

// ear remembers what a subscriber heard.
type ear struct {
	mu    sync.Mutex
	heard map[int64][]database.Touched
	order []int64
	// lost counts how often it was told to forget everything.
	lost  int
	spoke chan struct{}
}

// subscribe returns an ear of the database.
func subscribe(db *database.DB) *ear {
	e := &ear{heard: map[int64][]database.Touched{}, spoke: make(chan struct{}, 1)}
	db.Subscribe(func(revision int64, changes []database.Touched) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if changes == nil {
			e.lost++
		}
		e.heard[revision] = append(e.heard[revision], changes...)
		e.order = append(e.order, revision)
		select {
		case e.spoke <- struct{}{}:
		default:
		}
	})
	return e
}

// of returns what was heard of a revision.
func (e *ear) of(revision int64) ([]database.Touched, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	changes, ok := e.heard[revision]
	return changes, ok
}

// waitFor fails the test unless the revision is heard of in time.
func (e *ear) waitFor(t *testing.T, revision int64, within time.Duration) {
	t.Helper()
	if !e.hears(revision, within) {
		t.Fatalf("revision %d was not heard of within %s", revision, within)
	}
}

// hears waits until the revision is heard of and reports whether it is in time.
func (e *ear) hears(revision int64, within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		if _, ok := e.of(revision); ok {
			return true
		}
		select {
		case <-e.spoke:
		case <-late.C:
			return false
		}
	}
}

// eventually fails the test unless the condition comes true in time.
func eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	late, again := time.NewTimer(within), time.NewTicker(time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s did not happen within %s", what, within)
		}
	}
}

// follow makes the database follow until the test ends or stop is called, and
// returns when it is fresh.
func follow(t *testing.T, db *database.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- db.Follow(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("follow: %v", err)
		}
	})
	t.Cleanup(stop)
	eventually(t, 10*second, "the first look", db.Fresh)
	return stop
}

// eachPair runs fn on two handles of one database, which are two processes.
func eachPair(t *testing.T, fn func(t *testing.T, here, there *database.DB)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location := url(t)
			here := dbtest.Open(t, location)
			_, err := here.Migrate(t.Context())
			must(t, err)
			fn(t, here, dbtest.Open(t, location))
		})
	}
}

// touch writes a revision that changes n made-up organizations and nothing else.
func touch(ctx context.Context, db *database.DB, n int) (int64, error) {
	return db.Write(ctx, database.Entry{Action: "touch", Organization: uuid.Max}, func(_ context.Context, tx *database.Tx) error {
		for range n {
			id := db.NewID()
			tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: &ent.Organization{ID: id}})
		}
		return nil
	})
}

// TestOwnChangesAreHeardOfAtOnce asks what subscribers know when Write returns.
func TestOwnChangesAreHeardOfAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		e := subscribe(db)
		id, group, other, membership, organization := db.NewID(), db.NewID(), db.NewID(), db.NewID(), db.NewID()
		revision, err := db.Write(system(t), database.Entry{Action: "place", Organization: organization}, func(_ context.Context, tx *database.Tx) error {
			tx.Record(database.Change{
				Kind: typeid.GroupMember, ID: id, Organization: organization,
				Before: &ent.GroupMember{ID: id, OrganizationID: organization, GroupID: group, MembershipID: &membership},
				After:  &ent.GroupMember{ID: id, OrganizationID: organization, GroupID: other, MembershipID: &membership},
			})
			return nil
		})
		must(t, err)
		changes, ok := e.of(revision)
		want := []database.Touched{{
			Kind: typeid.GroupMember, ID: id, Organization: organization,
			References: []database.Reference{
				{Column: "group_id", ID: group},
				{Column: "membership_id", ID: membership},
				{Column: "organization_id", ID: organization},
				{Column: "group_id", ID: other},
			},
		}}
		if diff := cmp.Diff(want, changes); !ok || diff != "" {
			t.Errorf("heard %v: %s", ok, diff)
		}
		if diff := cmp.Diff([]uuid.UUID{group, other}, changes[0].Named("group_id")); diff != "" {
			t.Error(diff)
		}
		if ids := changes[0].Named("user_id"); len(ids) > 0 {
			t.Errorf("user_id named %v", ids)
		}

		told := len(e.order)
		refusal := errors.New("no")
		if _, err := db.Write(system(t), database.Entry{Action: "place"}, func(_ context.Context, tx *database.Tx) error {
			tx.Record(database.Change{Kind: typeid.Organization, ID: id})
			return refusal
		}); !errors.Is(err, refusal) {
			t.Errorf("the error is %v", err)
		}
		if _, err := touch(system(t), db, 0); err != nil || len(e.order) != told {
			t.Errorf("after what changed nothing %d revisions were heard of, %v", len(e.order), err)
		}
	})
}

// TestOthersHear writes in one process and listens in another, which also
// reads what it missed while it did not follow.
func TestOthersHear(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, here, there *database.DB) {
		old, err := touch(system(t), here, 1)
		must(t, err)
		e := subscribe(there)
		stop := follow(t, there)
		if there.Seen() != old {
			t.Errorf("the first look saw %d, want %d", there.Seen(), old)
		}
		revision, err := touch(system(t), here, 1)
		must(t, err)
		e.waitFor(t, revision, second)
		eventually(t, second, "seeing the revision", func() bool { return there.Seen() == revision && there.Fresh() })
		if _, ok := e.of(old); ok {
			t.Error("what happened before was delivered")
		}

		stop()
		if there.Fresh() {
			t.Error("a process that follows no longer is fresh")
		}
		const large = 2*database.FeedBatch + 7
		first := revision + 1
		for i, n := range []int{1, large, 1, database.FeedBatch - 1, 1, 3} {
			got, err := touch(system(t), here, n)
			must(t, err)
			if got != first+int64(i) {
				t.Fatalf("revision %d, want %d", got, first+int64(i))
			}
			revision = got
		}
		follow(t, there)
		for i, n := range []int{1, large, 1, database.FeedBatch - 1, 1, 3} {
			ids := map[uuid.UUID]bool{}
			changes, _ := e.of(first + int64(i))
			for _, c := range changes {
				ids[c.ID] = true
			}
			if len(ids) != n || len(changes) != n {
				t.Errorf("of revision %d %d changes were heard of, %d different ones, want %d", first+int64(i), len(changes), len(ids), n)
			}
		}
		if there.Seen() != revision {
			t.Errorf("has seen %d, want %d", there.Seen(), revision)
		}
	})
}

// TestNotificationsAreHeard makes a process look at the journal only when it is
// notified, and cuts the line in between.
func TestNotificationsAreHeard(t *testing.T) {
	t.Parallel()
	url := dbtest.PostgresURL(t)
	here, there := dbtest.Open(t, url), dbtest.Open(t, url)
	there.LookEvery(time.Hour)
	e := subscribe(there)
	follow(t, there)
	listening := func() bool {
		n, err := here.Count(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`)
		return err == nil && n == 1
	}
	eventually(t, 10*second, "listening", listening)
	revision, err := touch(system(t), here, 1)
	must(t, err)
	e.waitFor(t, revision, 5*second)

	must(t, here.Execute(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`))
	revision, err = touch(system(t), here, 1)
	must(t, err)
	e.waitFor(t, revision, 5*second)
	eventually(t, 10*second, "listening again", listening)
	revision, err = touch(system(t), here, 1)
	must(t, err)
	e.waitFor(t, revision, 5*second)
}

// TestLostConnectionsDelayNothing ends the connections that the other process
// follows with, again and again: it hears of each change within a second all
// the same, but for a few where the machine has other things to do.
func TestLostConnectionsDelayNothing(t *testing.T) {
	t.Parallel()
	url := dbtest.PostgresURL(t)
	here, there := dbtest.Open(t, url), dbtest.Open(t, url)
	e := subscribe(there)
	follow(t, there)
	cases, late := effort.Cases(60), 0
	for range cases {
		must(t, here.Execute(t.Context(), `
			SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND (query LIKE 'LISTEN %' OR query LIKE '%FROM counters%' OR query LIKE '%FROM journal_changes%')`))
		revision, err := touch(system(t), here, 1)
		must(t, err)
		if !e.hears(revision, second) {
			late++
			e.waitFor(t, revision, 10*second)
		}
	}
	if late > 1+cases/10 {
		t.Errorf("%d of %d changes were heard of after more than a second", late, cases)
	}
}

// TestNobodyIsFreshWhoCannotLook takes the journal away and gives it back.
func TestNobodyIsFreshWhoCannotLook(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, here, there *database.DB) {
		if there.Fresh() {
			t.Error("a process that does not follow is fresh")
		}
		follow(t, there)
		must(t, here.Execute(t.Context(), `ALTER TABLE counters RENAME TO elsewhere`))
		eventually(t, second, "going stale", func() bool { return !there.Fresh() })
		must(t, here.Execute(t.Context(), `ALTER TABLE elsewhere RENAME TO counters`))
		eventually(t, second, "recovering", there.Fresh)
	})
}

// TestNobodyIsFreshWhoHangs makes the look at the journal wait.
func TestNobodyIsFreshWhoHangs(t *testing.T) {
	t.Parallel()
	url := dbtest.PostgresURL(t)
	here, there := dbtest.Open(t, url), dbtest.Open(t, url)
	follow(t, there)
	end, err := here.Blocked(t.Context(), `LOCK TABLE counters IN ACCESS EXCLUSIVE MODE`)
	must(t, err)
	eventually(t, second, "going stale", func() bool { return !there.Fresh() })
	must(t, end())
	eventually(t, second, "recovering", there.Fresh)
}

// TestTheJournalGoesBack restores an earlier state under a running process.
func TestTheJournalGoesBack(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, here, there *database.DB) {
		for range 3 {
			_, err := touch(system(t), here, 1)
			must(t, err)
		}
		e := subscribe(there)
		follow(t, there)
		must(t, here.Execute(t.Context(), `UPDATE counters SET value = 1 WHERE id = 'journal'`))
		e.waitFor(t, 1, second)
		if e.lost != 1 {
			t.Errorf("was told %d times to forget", e.lost)
		}
		eventually(t, second, "being fresh again", there.Fresh)
		if there.Seen() != 1 {
			t.Errorf("has seen %d", there.Seen())
		}
	})
}

// TestFreshMeansNothingMissed writes from both processes at once. Whoever is
// fresh has heard of all that it knows of; and whoever waited for a revision is
// fresh only if it has heard of that.
func TestFreshMeansNothingMissed(t *testing.T) {
	t.Parallel()
	const writers = 4
	eachPair(t, func(t *testing.T, here, there *database.DB) {
		writes := effort.Cases(400)
		ears := map[*database.DB]*ear{here: subscribe(here), there: subscribe(there)}
		follow(t, here)
		follow(t, there)
		check := func(db *database.DB) error {
			seen := db.Seen()
			if !db.Fresh() {
				return nil
			}
			for r := int64(1); r <= seen; r++ {
				if _, ok := ears[db].of(r); !ok {
					return fmt.Errorf("fresh at %d without having heard of %d", seen, r)
				}
			}
			return nil
		}
		var all sync.WaitGroup
		failures := make(chan error, 2*writers)
		for w := range 2 * writers {
			db, other := here, there
			if w%2 == 1 {
				db, other = there, here
			}
			all.Go(func() {
				for range writes {
					revision, err := touch(system(t), db, 1)
					if err == nil {
						err = errors.Join(check(db), other.WaitFor(system(t), revision), check(other))
					}
					if err == nil && other.Fresh() {
						if _, ok := ears[other].of(revision); !ok {
							err = fmt.Errorf("fresh without having heard of %d, which was waited for", revision)
						}
					}
					if err != nil {
						failures <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(failures)
		for err := range failures {
			t.Error(err)
		}
		last := int64(2 * writers * writes)
		eventually(t, second, "hearing of everything", func() bool {
			_, one := ears[here].of(last)
			_, two := ears[there].of(last)
			return one && two && here.Fresh() && there.Fresh()
		})
		must(t, errors.Join(check(here), check(there)))
	})
}
