package demo

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
)

// Timeline is the clock and the source of ids of a database that is filled with
// a demo. While the demo is made it stands in the past, so that the platform has
// a history; afterwards it is the present. It is safe for concurrent use.
type Timeline struct {
	now   func() time.Time
	newID func() uuid.UUID

	mu sync.Mutex
	// past is the time on the clock, zero in the present.
	past   time.Time
	ids    uint32
	random *rand.Rand
}

// NewTimeline returns a timeline in the present of the clock. The ids that it
// makes up in the past depend on the seed alone.
func NewTimeline(seed uint64, now func() time.Time, newID func() uuid.UUID) *Timeline {
	return &Timeline{now: now, newID: newID, random: newRandom(seed, "ids")}
}

// Options returns what opens a database on this timeline.
func (t *Timeline) Options() database.Options {
	return database.Options{Now: t.Now, NewID: t.NewID, Create: true}
}

// tick is how far the past moves on whenever somebody looks at the clock.
const tick = time.Millisecond

// Now returns the time of the timeline.
func (t *Timeline) Now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past.IsZero() {
		return t.now()
	}
	t.past = t.past.Add(tick)
	return t.past
}

// NewID returns a UUIDv7 of the time of the timeline.
func (t *Timeline) NewID() uuid.UUID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past.IsZero() {
		return t.newID()
	}
	t.ids++
	return idAt(t.past, t.ids, t.random.Uint64())
}

// idAt returns a UUIDv7. Those of one millisecond are in the order of n.
func idAt(at time.Time, n uint32, random uint64) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[0:8], uint64(at.UnixMilli())<<16|uint64(n>>20))
	binary.BigEndian.PutUint64(id[8:16], uint64(n)<<42|random>>22)
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id
}

// moveTo puts the clock to a time in the past, unless it is past that.
func (t *Timeline) moveTo(past time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if past.After(t.past) {
		t.past = past
	}
}

// moveOn moves the clock, which stands in the past.
func (t *Timeline) moveOn(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.past = t.past.Add(d)
}

// arrive ends the past.
func (t *Timeline) arrive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.past = time.Time{}
}
