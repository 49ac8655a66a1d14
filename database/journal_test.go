package database_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// rename changes an organization's name and journals it.
func (f *tree) rename(ctx context.Context, id uuid.UUID, name string) (int64, error) {
	return f.db.Write(ctx, database.Entry{Action: "rename", Organization: id, Reason: "because"}, func(ctx context.Context, tx *database.Tx) error {
		before, err := tx.Organization.Get(ctx, id)
		if err != nil {
			return err
		}
		after, err := before.Update().SetName(name).SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, Before: before, After: after})
		return nil
	})
}

// TestRevisionsAreGapFreeAndOrdered writes from many sides at once while others
// read: whoever sees a revision sees all before it, and none is missing.
func TestRevisionsAreGapFreeAndOrdered(t *testing.T) {
	t.Parallel()
	const writers, writes = 50, 4
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		first, err := db.Revision(t.Context())
		must(t, err)
		ctx := system(t)
		stop := make(chan struct{})
		watched := make(chan error, 1)
		go func() { watched <- watch(ctx, db, stop) }()

		revisions := make(chan int64, writers*writes)
		failures := make(chan error, writers*writes)
		var all sync.WaitGroup
		for w := range writers {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := range writes {
					revision, err := f.rename(ctx, f.organizations()[w%5], fmt.Sprintf("name %d %d", w, i))
					if err != nil {
						failures <- err
						return
					}
					revisions <- revision
				}
			}()
		}
		all.Wait()
		close(stop)
		must(t, <-watched)
		close(revisions)
		close(failures)
		for err := range failures {
			t.Fatal(err)
		}
		seen := map[int64]bool{}
		for r := range revisions {
			seen[r] = true
		}
		for r := first + 1; r <= first+writers*writes; r++ {
			if !seen[r] {
				t.Errorf("nobody was given revision %d", r)
			}
		}
		if len(seen) != writers*writes {
			t.Errorf("%d revisions for %d writes", len(seen), writers*writes)
		}
		if got := db.Seen(); got != first+writers*writes {
			t.Errorf("the process has seen %d", got)
		}
		timesGrow(t, db)
	})
}

// watch looks at the journal until it is told to stop, and fails if the entries
// that it sees are not all from the first to the last.
func watch(ctx context.Context, db *database.DB, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		err := db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
			ids, err := tx.JournalEntry.Query().Order(ent.Asc(journalentry.FieldID)).IDs(ctx)
			if err != nil {
				return err
			}
			for i, id := range ids {
				if id != int64(i+1) {
					return fmt.Errorf("entry %d is in the place of %d", id, i+1)
				}
			}
			changes, err := tx.JournalChange.Query().Order(ent.Desc(journalchange.FieldRevision)).First(ctx)
			if err == nil && len(ids) > 0 && changes.Revision != ids[len(ids)-1] {
				return fmt.Errorf("the last change is of %d, the last entry %d", changes.Revision, ids[len(ids)-1])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

func timesGrow(t *testing.T, db *database.DB) {
	t.Helper()
	entries, err := db.Client().JournalEntry.Query().Order(ent.Asc(journalentry.FieldID)).All(system(t))
	must(t, err)
	for i := 1; i < len(entries); i++ {
		if !entries[i].At.After(entries[i-1].At) {
			t.Errorf("entry %d at %s is not after entry %d at %s", entries[i].ID, entries[i].At, entries[i-1].ID, entries[i-1].At)
		}
	}
}

// TestTimesGrowUnderAStandingClock gives the platform a clock that stands still,
// and then goes back.
func TestTimesGrowUnderAStandingClock(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": dbtest.SQLiteURL(t), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := dbtest.Options()
			now := dbtest.Start()
			options.Now = func() time.Time { return now }
			db, err := database.Open(t.Context(), url, options)
			must(t, err)
			t.Cleanup(func() { must(t, db.Close()) })
			_, err = db.Migrate(t.Context())
			must(t, err)
			f := plant(t, db)
			for i := range 5 {
				now = now.Add(-time.Duration(i) * time.Hour)
				_, err := f.rename(system(t), f.acme, fmt.Sprint(i))
				must(t, err)
			}
			timesGrow(t, db)
		})
	}
}

func TestJournalIsAppendOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		_, err := f.rename(system(t), f.acme, "new")
		must(t, err)
		statements := []string{
			`UPDATE journal_entries SET action = 'nothing'`,
			`DELETE FROM journal_entries`,
			`UPDATE journal_changes SET after = NULL`,
			`DELETE FROM journal_changes`,
			`DELETE FROM journal_changes WHERE revision = 1`,
		}
		if db.Dialect() == "postgres" {
			statements = append(statements, `TRUNCATE journal_changes`, `TRUNCATE journal_entries CASCADE`)
		}
		before, err := db.Client().JournalChange.Query().Count(system(t))
		must(t, err)
		for _, statement := range statements {
			if _, err := db.Client().ExecContext(system(t), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		after, err := db.Client().JournalChange.Query().Count(system(t))
		if err != nil || after != before || after == 0 {
			t.Errorf("%d changes before and %d after, %v", before, after, err)
		}
	})
}

// TestEntriesSayWhoDidWhat reads an entry and its images back.
func TestEntriesSayWhoDidWhat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx := database.WithRequestID(f.as(t, f.acme, orgtree.Standard), "request-7")
		revision, err := f.rename(ctx, f.acme, "New name")
		must(t, err)
		entry, err := db.Client().JournalEntry.Query().Where(journalentry.ID(revision)).WithChanges().Only(system(t))
		must(t, err)
		if entry.ActorKind != journalentry.ActorKindUSER || entry.ActorID == nil || *entry.ActorID != f.people[f.acme] || entry.ActorName != "owner" ||
			entry.Action != "rename" || entry.OrganizationID != f.acme || entry.Reason != "because" || entry.RequestID != "request-7" {
			t.Errorf("the entry is %v", entry)
		}
		if len(entry.Edges.Changes) != 1 {
			t.Fatalf("%d changes", len(entry.Edges.Changes))
		}
		change := entry.Edges.Changes[0]
		if change.Before == nil || !strings.Contains(*change.Before, `"acme"`) || change.After == nil || !strings.Contains(*change.After, `"New name"`) {
			t.Errorf("the change is %v", change)
		}
		if strings.Contains(*change.After, "edges") {
			t.Errorf("the image holds loaded edges: %s", *change.After)
		}
	})
}

// TestImagesHoldNoSecrets journals a person with the hash of a password.
func TestImagesHoldNoSecrets(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		revision, err := db.Write(system(t), database.Entry{Action: "look", Organization: f.acme}, func(ctx context.Context, tx *database.Tx) error {
			person, err := tx.User.Query().Where(user.ID(f.people[f.acme])).WithMemberships().Only(ctx)
			if err != nil {
				return err
			}
			if person.PasswordHash == "" {
				return errors.New("there is no hash to hide")
			}
			tx.Record(database.Change{Kind: typeid.User, ID: person.ID, Organization: f.acme, Before: person, After: person})
			return nil
		})
		must(t, err)
		change, err := db.Client().JournalChange.Query().Where(journalchange.Revision(revision)).Only(system(t))
		must(t, err)
		for _, image := range []string{*change.Before, *change.After} {
			if strings.Contains(image, "argon2id") || strings.Contains(image, "password") || !strings.Contains(image, "owner.acme") {
				t.Errorf("the image is %s", image)
			}
		}
	})
}

// TestFailedWritesLeaveNothing ends transactions in an error, a panic of a
// constraint and a context that is over.
func TestFailedWritesLeaveNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		before, err := db.Revision(t.Context())
		must(t, err)
		sentinel := errors.New("no")
		_, err = db.Write(system(t), database.Entry{Action: "rename", Organization: f.acme}, func(ctx context.Context, tx *database.Tx) error {
			must(t, tx.Organization.UpdateOneID(f.acme).SetName("lost").Exec(ctx))
			tx.Record(database.Change{Kind: typeid.Organization, ID: f.acme, Organization: f.acme})
			return sentinel
		})
		if !errors.Is(err, sentinel) {
			t.Errorf("the error is %v", err)
		}
		gone, cancel := context.WithCancel(system(t))
		_, err = db.Write(gone, database.Entry{Action: "rename", Organization: f.acme}, func(ctx context.Context, tx *database.Tx) error {
			must(t, tx.Organization.UpdateOneID(f.acme).SetName("lost").Exec(ctx))
			tx.Record(database.Change{Kind: typeid.Organization, ID: f.acme, Organization: f.acme})
			cancel()
			return nil
		})
		if err == nil {
			t.Error("a cancelled write succeeded")
		}
		name, err := db.Client().Organization.Query().Where(organization.ID(f.acme)).Select(organization.FieldName).String(system(t))
		if err != nil || name != "acme" {
			t.Errorf("the name is %q, %v", name, err)
		}
		after, err := db.Revision(t.Context())
		if err != nil || after != before {
			t.Errorf("revision %d became %d, %v", before, after, err)
		}
		revision, err := db.Write(system(t), database.Entry{Action: "nothing", Organization: f.acme}, func(context.Context, *database.Tx) error { return nil })
		if err != nil || revision != 0 {
			t.Errorf("a write of nothing has revision %d, %v", revision, err)
		}
	})
}

// TestRowsOutliveTheirTransaction uses what a transaction returned after it.
func TestRowsOutliveTheirTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		var row *ent.Organization
		_, err := db.Write(system(t), database.Entry{Action: "rename", Organization: f.acme}, func(ctx context.Context, tx *database.Tx) error {
			var err error
			row, err = tx.Organization.Query().Where(organization.ID(f.acme)).WithGroups().Only(ctx)
			return err
		})
		must(t, err)
		if row.Name != "acme" || len(row.Edges.Groups) != 1 {
			t.Errorf("the row is %v", row)
		}
		if n, err := row.Unwrap().QueryMemberships().Count(system(t)); err != nil || n != 1 {
			t.Errorf("%d members, %v", n, err)
		}
	})
}

// TestReadsSeeOneSnapshot reads twice in one transaction around a write.
func TestReadsSeeOneSnapshot(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		must(t, db.Read(system(t), func(ctx context.Context, tx *database.Tx) error {
			before, err := tx.Organization.Get(ctx, f.acme)
			must(t, err)
			_, err = f.rename(access.WithViewer(t.Context(), access.SystemViewer("test")), f.acme, "while reading")
			must(t, err)
			after, err := tx.Organization.Get(ctx, f.acme)
			must(t, err)
			if before.Name != after.Name {
				t.Errorf("read %q and then %q", before.Name, after.Name)
			}
			if err := tx.Organization.UpdateOneID(f.acme).SetName("x").Exec(ctx); err == nil {
				t.Error("a reader wrote")
			}
			return nil
		}))
	})
}

// TestWaitForARevision waits for what another process writes.
func TestWaitForARevision(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": dbtest.SQLiteURL(t), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := dbtest.Open(t, url)
			_, err := here.Migrate(t.Context())
			must(t, err)
			there := dbtest.Open(t, url)
			f := plant(t, here)
			now, err := there.Revision(t.Context())
			must(t, err)
			waited := make(chan error, 1)
			go func() { waited <- there.WaitFor(system(t), now+1) }()
			_, err = f.rename(system(t), f.acme, "awaited")
			must(t, err)
			must(t, <-waited)
			if there.Seen() < now+1 {
				t.Errorf("waited for %d and has seen %d", now+1, there.Seen())
			}
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := there.WaitFor(short, now+1000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("waiting for what never comes: %v", err)
			}
		})
	}
}

// TestReservedIDsAreNeverGivenTwice takes blocks from many sides.
func TestReservedIDsAreNeverGivenTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		const takers, size = 20, 7
		firsts := make([]int64, takers)
		errs := make([]error, takers)
		var all sync.WaitGroup
		for i := range takers {
			all.Add(1)
			go func() {
				defer all.Done()
				firsts[i], errs[i] = db.ReserveIDs(context.Background(), "lines", size)
			}()
		}
		all.Wait()
		taken := map[int64]bool{}
		for i, first := range firsts {
			must(t, errs[i])
			for id := first; id < first+size; id++ {
				if taken[id] || id < 1 {
					t.Errorf("id %d was given twice", id)
				}
				taken[id] = true
			}
		}
	})
}
