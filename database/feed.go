package database

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/typeid"
)

// Touched is a row that a committed transaction changed, with the rows that it
// refers to.
type Touched struct {
	Kind         typeid.Kind
	ID           uuid.UUID
	Organization uuid.UUID
	// References are what its columns named before and after, each once.
	References []Reference
}

// Reference is a row that a column such as "membership_id" names.
type Reference struct {
	Column string
	ID     uuid.UUID
}

// Named returns what a column named before and after the change.
func (t Touched) Named(column string) []uuid.UUID {
	var ids []uuid.UUID
	for _, r := range t.References {
		if r.Column == column {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// Subscriber is told what a revision changed. It is called from many sides at
// once, must not block, and does not keep the slice. A revision may come again,
// in parts, or before an earlier one. Without changes it says that the database
// has gone back to the revision, as after restoring it: whatever was learned
// from it counts for nothing.
type Subscriber func(revision int64, changes []Touched)

// Subscribe makes a subscriber hear of every change that this process commits
// from now on, before Write returns, and of those of others while Follow runs.
func (db *DB) Subscribe(subscriber Subscriber) {
	db.feed.mu.Lock()
	defer db.feed.mu.Unlock()
	// Whoever is delivering keeps the list as it was.
	db.feed.subscribers = append(slices.Clone(db.feed.subscribers), subscriber)
}

// freshFor is for how long a look at the journal says that nothing was missed.
const freshFor = 700 * time.Millisecond

// Fresh reports whether the subscribers have heard of every change that this
// process knows of and of every other that was committed more than 700 ms ago.
// It is false unless Follow runs and reaches the database.
func (db *DB) Fresh() bool {
	return db.feed.through.Load() >= db.seen.Load() && db.running() < time.Duration(db.feed.freshUntil.Load())
}

// Heard returns the revision up to which the subscribers have heard of every
// change.
func (db *DB) Heard() int64 { return db.feed.through.Load() }

// running returns for how long the database has been open.
func (db *DB) running() time.Duration {
	return time.Since(db.opened) //nolint:forbidigo // freshness is about real time, whatever the platform's clock says
}

// aheadLimit bounds how many own revisions are remembered behind a gap. Follow
// reads those that are forgotten.
const aheadLimit = 10_000

// feed is what this process has heard of the journal.
type feed struct {
	// lookEvery is how often Follow looks at the journal when nothing wakes it.
	lookEvery time.Duration
	// following is held by the one Follow that runs.
	following sync.Mutex
	// wake makes Follow look at once.
	wake chan struct{}
	// freshUntil is in nanoseconds since the database was opened.
	freshUntil atomic.Int64
	// through is the revision up to which all have been delivered.
	through atomic.Int64

	// mu is held to change what follows, and through.
	mu          sync.Mutex
	subscribers []Subscriber
	// started says that Follow has looked at the journal once.
	started bool
	// ahead are own revisions that were delivered before an earlier one.
	ahead map[int64]bool
}

func newFeed() *feed {
	return &feed{lookEvery: 250 * time.Millisecond, wake: make(chan struct{}, 1), ahead: map[int64]bool{}}
}

// deliver tells the subscribers what a revision changed.
func (f *feed) deliver(revision int64, changes []Touched) {
	f.mu.Lock()
	subscribers := f.subscribers
	f.mu.Unlock()
	for _, subscriber := range subscribers {
		subscriber(revision, changes)
	}
}

// look wakes Follow.
func (f *feed) look() {
	select {
	case f.wake <- struct{}{}:
	default: // It is about to look.
	}
}

// delivered notes that an own revision was delivered.
func (f *feed) delivered(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.started && len(f.ahead) >= aheadLimit {
		clear(f.ahead)
	}
	if f.started || revision == f.through.Load()+1 {
		f.ahead[revision] = true
	}
	f.close()
}

// reached notes that all up to a revision were delivered.
func (f *feed) reached(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.through.Store(max(revision, f.through.Load()))
	maps.DeleteFunc(f.ahead, func(r int64, _ bool) bool { return r <= f.through.Load() })
	f.close()
}

// close moves through over the revisions that were delivered ahead of it.
func (f *feed) close() {
	for next := f.through.Load() + 1; f.ahead[next]; next++ {
		delete(f.ahead, next)
		f.through.Store(next)
	}
}

// start notes where the journal was when Follow first looked, and reports
// whether that is now. What is older needs no delivery: nobody was told before
// that what they know is fresh.
func (f *feed) start(revision int64) bool {
	f.mu.Lock()
	first := !f.started
	f.started = true
	f.mu.Unlock()
	if first {
		f.reached(revision)
	}
	return first
}

// goBack notes that the database is at an earlier revision than it was.
func (f *feed) goBack(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.ahead)
	f.through.Store(revision)
}

// touchedBy returns what a change says to subscribers, from its two images.
func touchedBy(change Change, images ...*string) (Touched, error) {
	touched := Touched{Kind: change.Kind, ID: change.ID, Organization: change.Organization}
	for _, image := range images {
		if image == nil {
			continue
		}
		references, err := referencesIn(*image)
		if err != nil {
			return Touched{}, fmt.Errorf("image of %s %s: %w", change.Kind, change.ID, err)
		}
		for _, r := range references {
			if !slices.Contains(touched.References, r) {
				touched.References = append(touched.References, r)
			}
		}
	}
	return touched, nil
}

// referencesIn returns the ids in those columns of an image that end in "_id".
func referencesIn(image string) ([]Reference, error) {
	var columns map[string]json.RawMessage
	if err := json.Unmarshal([]byte(image), &columns); err != nil {
		return nil, err
	}
	var references []Reference
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if !strings.HasSuffix(column, "_id") {
			continue
		}
		// Others name what is not a row of this database.
		if id, err := uuid.Parse(strings.Trim(string(columns[column]), `"`)); err == nil {
			references = append(references, Reference{Column: column, ID: id})
		}
	}
	return references, nil
}
