package records

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
)

// memory keeps records that were read from the database, within a bound on
// their size. A record that is kept equals what the database held at the
// revision that through returns: touch drops it when a later one changes it.
// Losing a record costs time and nothing else.
type memory[R any] struct {
	// limit is in bytes, as the records estimate their size.
	limit int64
	// through returns the revision up to which touch was told everything.
	through func() int64

	shards  [shardCount]shard[R]
	flights singleflight.Group

	// mu is held to change which records there are, and taken before a shard's
	// lock. Whoever holds it may read a shard without that.
	mu      sync.Mutex
	size    int64
	aliases map[uuid.UUID]*kept[R]
	// ring are all records in the order in which hand asks them to go.
	ring []*kept[R]
	hand int
	// recent tells what was touched while a snapshot was being read.
	recent touches
	// epoch counts how often everything was forgotten.
	epoch int

	misses, drops, evictions atomic.Int64
}

// shardCount is a power of two; the last byte of a key chooses the shard.
const shardCount = 64

// shard holds a part of the records, so that those who look one up rarely wait
// for each other.
type shard[R any] struct {
	mu      sync.RWMutex
	records map[uuid.UUID]*kept[R]
	hits    atomic.Int64
	_       [24]byte // A shard fills a cache line.
}

// stored is a record as it was read.
type stored[R any] struct {
	key uuid.UUID
	// aliases are other rows that the record was made from, such as the
	// memberships of a user: touching one of them drops the record. A row is in
	// one record only.
	aliases []uuid.UUID
	// size is an estimate in bytes.
	size   int64
	record R
}

// snapshot is what was read at one revision.
type snapshot[R any] struct {
	revision int64
	records  []stored[R]
}

// kept is a record in memory, or one that is not kept and is dropped from the
// beginning. Whoever holds a kept record may use it as long as it is current.
type kept[R any] struct {
	stored[R]
	revision int64 // that it was read at
	state    atomic.Uint32
	place    int // in the ring
}

// The bits of a kept record's state.
const (
	droppedBit = 1 << iota
	usedBit    // since the hand passed
)

// current reports whether the record is still what the database holds, and
// notes that it is used.
func (k *kept[R]) current() bool {
	state := k.state.Load()
	if state&droppedBit != 0 {
		return false
	}
	if state&usedBit == 0 {
		k.state.Or(usedBit)
	}
	return true
}

func newMemory[R any](limit int64, through func() int64) *memory[R] {
	m := &memory[R]{limit: limit, through: through}
	m.reset()
	return m
}

func (m *memory[R]) shardOf(key uuid.UUID) *shard[R] { return &m.shards[key[15]%shardCount] }

// get returns the record of a key if it is in memory and current.
func (m *memory[R]) get(key uuid.UUID) (*kept[R], bool) {
	s := m.shardOf(key)
	s.mu.RLock()
	k, ok := s.records[key]
	s.mu.RUnlock()
	if !ok || !k.current() {
		return nil, false
	}
	s.hits.Add(1)
	return k, true
}

// byAlias returns the record that an alias is of if it is in memory and current.
func (m *memory[R]) byAlias(alias uuid.UUID) (*kept[R], bool) {
	m.mu.Lock()
	k, ok := m.aliases[alias]
	m.mu.Unlock()
	if !ok || !k.current() {
		return nil, false
	}
	return k, true
}

const (
	// loadAttempts bounds how often a snapshot is read again because something
	// was touched meanwhile. The last one is read for one caller alone.
	loadAttempts = 4
	// loadWithin bounds a read that several callers may wait for.
	loadWithin = 30 * time.Second
)

// load reads the record of a key, with whatever else read returns, keeps it and
// returns it. Callers that ask for the same key at the same time share a read;
// one that gives up does not end it. Whatever touch was told before load was
// called is in what it returns, which lacks the key if there is no such thing.
func (m *memory[R]) load(ctx context.Context, key uuid.UUID, read func(context.Context) (snapshot[R], error)) (map[uuid.UUID]*kept[R], error) {
	m.misses.Add(1)
	for range loadAttempts - 1 {
		flight := m.flights.DoChan(string(key[:]), func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadWithin)
			defer cancel()
			return m.readAndKeep(ctx, []uuid.UUID{key}, read)
		})
		select {
		case result := <-flight:
			if result.Err != nil {
				return nil, result.Err
			}
			found, ok := result.Val.(*reading[R])
			if ok && m.stands(found) {
				return found.records, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	found, err := m.readAndKeep(ctx, []uuid.UUID{key}, read)
	if err != nil {
		return nil, err
	}
	return found.records, nil
}

// loadAll does what load does for several keys at once, and shares no read.
func (m *memory[R]) loadAll(ctx context.Context, keys []uuid.UUID, read func(context.Context) (snapshot[R], error)) (map[uuid.UUID]*kept[R], error) {
	m.misses.Add(int64(len(keys)))
	found, err := m.readAndKeep(ctx, keys, read)
	if err != nil {
		return nil, err
	}
	return found.records, nil
}

// reading is what a read brought and what it depends on.
type reading[R any] struct {
	revision int64
	epoch    int
	// keys are those that were asked for, of the records and their aliases.
	keys    []uuid.UUID
	records map[uuid.UUID]*kept[R]
}

// readAndKeep reads a snapshot for the keys and keeps its records if they are
// current.
func (m *memory[R]) readAndKeep(ctx context.Context, keys []uuid.UUID, read func(context.Context) (snapshot[R], error)) (*reading[R], error) {
	m.mu.Lock()
	epoch := m.epoch
	m.mu.Unlock()
	snap, err := read(ctx)
	if err != nil {
		return nil, err
	}
	r := &reading[R]{revision: snap.revision, epoch: epoch, keys: slices.Clone(keys), records: make(map[uuid.UUID]*kept[R], len(snap.records))}
	for _, s := range snap.records {
		r.keys = append(append(r.keys, s.key), s.aliases...)
	}
	m.keep(r, snap.records)
	return r, nil
}

// keep puts records into memory. Those that were touched after they were read,
// or that were read at a revision of which touch has not been told yet, are
// returned as dropped.
func (m *memory[R]) keep(r *reading[R], records []stored[R]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keeps := m.through() >= r.revision && m.untouched(r)
	for _, s := range records {
		if !keeps {
			k := &kept[R]{stored: s}
			k.state.Store(droppedBit)
			r.records[s.key] = k
			continue
		}
		r.records[s.key] = m.insert(s, r.revision)
	}
	m.evict()
}

// insert returns the record that is there, which is the same, or puts a new one.
func (m *memory[R]) insert(s stored[R], revision int64) *kept[R] {
	shard := m.shardOf(s.key)
	if there, ok := shard.records[s.key]; ok {
		return there
	}
	k := &kept[R]{stored: s, revision: revision, place: len(m.ring)}
	k.state.Store(usedBit)
	m.ring = append(m.ring, k)
	m.size += s.size
	for _, alias := range s.aliases {
		if other, ok := m.aliases[alias]; ok {
			m.remove(other)
		}
		m.aliases[alias] = k
	}
	shard.mu.Lock()
	shard.records[s.key] = k
	shard.mu.Unlock()
	return k
}

// stands reports whether nothing that a reading depends on was touched since.
func (m *memory[R]) stands(r *reading[R]) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.untouched(r)
}

func (m *memory[R]) untouched(r *reading[R]) bool {
	if r.epoch != m.epoch {
		return false
	}
	for _, key := range r.keys {
		if m.recent.after(key, r.revision) {
			return false
		}
	}
	return true
}

// touch drops the records of these keys, or with these aliases, because a
// revision changed them. Those that were read since know of it.
func (m *memory[R]) touch(revision int64, keys []uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		m.recent.note(key, revision)
		for _, among := range []map[uuid.UUID]*kept[R]{m.shardOf(key).records, m.aliases} {
			if k, ok := among[key]; ok && k.revision < revision {
				m.remove(k)
				m.drops.Add(1)
			}
		}
	}
}

// forget drops everything.
func (m *memory[R]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.ring {
		k.state.Or(droppedBit)
	}
	m.drops.Add(int64(len(m.ring)))
	m.reset()
	m.epoch++
}

func (m *memory[R]) reset() {
	m.size, m.ring, m.hand, m.aliases, m.recent = 0, nil, 0, map[uuid.UUID]*kept[R]{}, newTouches(touchLimit)
	for i := range m.shards {
		m.shards[i].mu.Lock()
		m.shards[i].records = map[uuid.UUID]*kept[R]{}
		m.shards[i].mu.Unlock()
	}
}

// evict removes records until the rest is within the limit. The hand goes round
// and passes over those that were used since it came by last.
func (m *memory[R]) evict() {
	for m.size > m.limit && len(m.ring) > 0 {
		m.hand %= len(m.ring)
		k := m.ring[m.hand]
		if k.state.Load()&usedBit != 0 {
			k.state.And(^uint32(usedBit))
			m.hand++
			continue
		}
		m.remove(k)
		m.evictions.Add(1)
	}
}

// remove takes a record out. Whoever holds it sees that it is dropped.
func (m *memory[R]) remove(k *kept[R]) {
	k.state.Or(droppedBit)
	shard := m.shardOf(k.key)
	shard.mu.Lock()
	delete(shard.records, k.key)
	shard.mu.Unlock()
	for _, alias := range k.aliases {
		if m.aliases[alias] == k {
			delete(m.aliases, alias)
		}
	}
	last := len(m.ring) - 1
	m.ring[k.place] = m.ring[last]
	m.ring[k.place].place = k.place
	m.ring[last] = nil
	m.ring = m.ring[:last]
	m.size -= k.size
}

// Statistics says how a memory is doing.
type Statistics struct {
	// Records and Bytes are what is in memory; bytes are an estimate.
	Records, Bytes int64
	// Hits, Misses, Drops and Evictions count since the start: records that
	// were found, reads because one was not, records that a change dropped, and
	// records that made room.
	Hits, Misses, Drops, Evictions int64
}

func (m *memory[R]) statistics() Statistics {
	s := Statistics{Misses: m.misses.Load(), Drops: m.drops.Load(), Evictions: m.evictions.Load()}
	for i := range m.shards {
		s.Hits += m.shards[i].hits.Load()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Records, s.Bytes = int64(len(m.ring)), m.size
	return s
}

// touchLimit is how many touches are remembered, which has to last for as long
// as a snapshot is being read.
const touchLimit = 1 << 14

// touches are the latest touches: which key at which revision.
type touches struct {
	limit  int
	latest map[uuid.UUID]int64
	log    []touch
	next   int
	// floor is the latest revision that was forgotten. What was read before it
	// may have been touched since.
	floor int64
}

type touch struct {
	key      uuid.UUID
	revision int64
}

func newTouches(limit int) touches { return touches{limit: limit, latest: map[uuid.UUID]int64{}} }

// note remembers a touch in the place of the oldest.
func (t *touches) note(key uuid.UUID, revision int64) {
	if len(t.log) < t.limit {
		t.log = append(t.log, touch{key, revision})
	} else {
		old := t.log[t.next]
		t.floor = max(t.floor, old.revision)
		if t.latest[old.key] == old.revision {
			delete(t.latest, old.key)
		}
		t.log[t.next] = touch{key, revision}
		t.next = (t.next + 1) % t.limit
	}
	t.latest[key] = max(t.latest[key], revision)
}

// after reports whether the key may have been touched after a revision.
func (t *touches) after(key uuid.UUID, revision int64) bool {
	return revision < t.floor || t.latest[key] > revision
}
