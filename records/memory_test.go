package records

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/internal/effort"
)

// numbered returns the nth key.
func numbered(n int) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// settled is a memory that was told everything of every revision.
func settled(limit int64) *memory[int] {
	return newMemory[int](limit, func() int64 { return 1 << 40 })
}

// reads returns a read of one record of size 1 at a revision, and how often it
// was called.
func reads(revision int64, key uuid.UUID, record int, aliases ...uuid.UUID) (func(context.Context) (snapshot[int], error), *atomic.Int64) {
	calls := &atomic.Int64{}
	return func(context.Context) (snapshot[int], error) {
		calls.Add(1)
		return snapshot[int]{revision: revision, records: []stored[int]{{key: key, aliases: aliases, size: 1, record: record}}}, nil
	}, calls
}

func load(t *testing.T, m *memory[int], key uuid.UUID, read func(context.Context) (snapshot[int], error)) *kept[int] {
	t.Helper()
	found, err := m.load(t.Context(), key, read)
	if err != nil {
		t.Fatal(err)
	}
	return found[key]
}

func TestMemoryKeepsWhatWasRead(t *testing.T) {
	t.Parallel()
	m, key := settled(10), numbered(1)
	if _, ok := m.get(key); ok {
		t.Error("an empty memory knows the key")
	}
	read, _ := reads(1, key, 7)
	k := load(t, m, key, read)
	if k.record != 7 || !k.current() {
		t.Errorf("the record is %v", k.record)
	}
	if again, ok := m.get(key); !ok || again != k {
		t.Error("the record was not kept")
	}
	want := Statistics{Records: 1, Bytes: 1, Hits: 1, Misses: 1}
	if got := m.statistics(); got != want {
		t.Errorf("statistics are %+v, want %+v", got, want)
	}
}

func TestMemoryDropsWhatIsTouched(t *testing.T) {
	t.Parallel()
	key, alias, other := numbered(1), numbered(2), numbered(3)
	for name, touched := range map[string]uuid.UUID{"the key": key, "an alias": alias} {
		m := settled(10)
		read, _ := reads(1, key, 7, alias)
		k := load(t, m, key, read)
		otherRead, _ := reads(1, other, 8)
		bystander := load(t, m, other, otherRead)
		m.touch(1, []uuid.UUID{touched})
		if !k.current() {
			t.Errorf("touching %s dropped what knew of it", name)
		}
		m.touch(2, []uuid.UUID{touched})
		if _, ok := m.get(key); ok || k.current() {
			t.Errorf("touching %s left the record", name)
		}
		if !bystander.current() {
			t.Errorf("touching %s dropped another record", name)
		}
		m.touch(3, []uuid.UUID{alias, key})
		want := Statistics{Records: 1, Bytes: 1, Misses: 2, Drops: 1}
		if got := m.statistics(); got != want {
			t.Errorf("statistics are %+v, want %+v", got, want)
		}
	}
}

// TestMemoryRefusesWhatWasTouchedWhileItWasRead touches a key, an alias or the
// absence of a thing in the middle of reading it.
func TestMemoryRefusesWhatWasTouchedWhileItWasRead(t *testing.T) {
	t.Parallel()
	key, alias, absent := numbered(1), numbered(2), numbered(3)
	for name, touched := range map[string]uuid.UUID{"the key": key, "an alias": alias} {
		m := settled(10)
		revision := int64(4)
		k := load(t, m, key, func(context.Context) (snapshot[int], error) {
			seen := revision
			if revision == 4 {
				revision = 5
				m.touch(revision, []uuid.UUID{touched})
			}
			return snapshot[int]{revision: seen, records: []stored[int]{{key: key, aliases: []uuid.UUID{alias}, size: 1, record: int(seen)}}}, nil
		})
		if k.record != 5 || !k.current() {
			t.Errorf("%s was touched while it was read: got the state of %d, current %v", name, k.record, k.current())
		}
	}
	m, made := settled(10), false
	k := load(t, m, absent, func(context.Context) (snapshot[int], error) {
		if !made {
			made = true
			m.touch(2, []uuid.UUID{absent})
			return snapshot[int]{revision: 1}, nil
		}
		return snapshot[int]{revision: 2, records: []stored[int]{{key: absent, size: 1, record: 9}}}, nil
	})
	if k == nil || k.record != 9 {
		t.Error("what was made while it was read is absent")
	}
}

// TestMemoryDoesNotTrustWhatCameTooEarly reads at a revision of which nothing
// was told yet: others that are kept may be older.
func TestMemoryDoesNotTrustWhatCameTooEarly(t *testing.T) {
	t.Parallel()
	through := int64(3)
	m, key := newMemory[int](10, func() int64 { return through }), numbered(1)
	early, _ := reads(4, key, 7)
	k := load(t, m, key, early)
	if k.record != 7 || k.current() {
		t.Errorf("the record is %d, current %v", k.record, k.current())
	}
	if _, ok := m.get(key); ok {
		t.Error("it was kept")
	}
	through = 4
	if !load(t, m, key, early).current() {
		t.Error("it was not kept when everything was told")
	}
}

func TestMemoryKnowsNothingOfAbsence(t *testing.T) {
	t.Parallel()
	m, key, calls := settled(10), numbered(1), 0
	for range 3 {
		if k := load(t, m, key, func(context.Context) (snapshot[int], error) { calls++; return snapshot[int]{revision: 1}, nil }); k != nil {
			t.Errorf("the record is %v", k.record)
		}
	}
	if calls != 3 {
		t.Errorf("looked %d times for what is not there", calls)
	}
}

func TestMemoryReadsSeveralAtOnce(t *testing.T) {
	t.Parallel()
	m, keys := settled(10), []uuid.UUID{numbered(1), numbered(2), numbered(3)}
	snap := snapshot[int]{revision: 1, records: []stored[int]{{key: keys[0], size: 1, record: 1}, {key: keys[1], size: 1, record: 2}}}
	for _, touched := range []bool{true, false} {
		found, err := m.loadAll(t.Context(), keys, func(context.Context) (snapshot[int], error) {
			if touched {
				m.touch(2, keys[1:2])
			}
			return snap, nil
		})
		if err != nil || len(found) != 2 || found[keys[0]].record != 1 || found[keys[1]].record != 2 {
			t.Fatalf("found %v, %v", found, err)
		}
		if found[keys[0]].current() == touched || found[keys[1]].current() == touched {
			t.Errorf("touched while it was read %v: current %v, %v", touched, found[keys[0]].current(), found[keys[1]].current())
		}
		snap.revision = 2
	}
	failure := errors.New("no")
	if _, err := m.loadAll(t.Context(), keys, func(context.Context) (snapshot[int], error) { return snap, failure }); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
}

func TestMemoryForgets(t *testing.T) {
	t.Parallel()
	m, key := settled(10), numbered(1)
	read, calls := reads(5, key, 7)
	k := load(t, m, key, read)
	m.forget()
	if _, ok := m.get(key); ok || k.current() {
		t.Error("it is still there")
	}
	forgot := false
	k = load(t, m, key, func(ctx context.Context) (snapshot[int], error) {
		if !forgot {
			forgot = true
			m.forget()
		}
		return read(ctx)
	})
	if calls.Load() != 3 || !k.current() {
		t.Errorf("read %d times, current %v", calls.Load(), k.current())
	}
}

// TestMemoryStaysWithinItsLimit loads more than fits while some records are
// used all the time.
func TestMemoryStaysWithinItsLimit(t *testing.T) {
	t.Parallel()
	const limit, all, used = 100, 1000, 20
	m := settled(limit)
	fetch := func(n int) *kept[int] {
		if k, ok := m.get(numbered(n)); ok {
			return k
		}
		read, _ := reads(1, numbered(n), n, numbered(all+n))
		return load(t, m, numbered(n), read)
	}
	lost := map[*kept[int]]bool{}
	for n := range all {
		lost[fetch(n)] = true
		for u := range used {
			if fetch(u).record != u {
				t.Fatalf("record %d is another", u)
			}
		}
		if s := m.statistics(); s.Bytes > limit || s.Records != s.Bytes {
			t.Fatalf("after %d: %+v", n, s)
		}
	}
	for u := range used {
		if _, ok := m.get(numbered(u)); !ok {
			t.Errorf("record %d was used all the time and is gone", u)
		}
	}
	n := 0
	for k := range lost {
		if k.current() {
			n++
		}
	}
	// When the hand goes round for the first time everything was used.
	if s := m.statistics(); s.Records != limit || len(m.aliases) != limit || n > limit || s.Misses > all+used || s.Evictions != s.Misses-limit {
		t.Errorf("%d records are current: %+v, %d aliases", n, s, len(m.aliases))
	}
	tiny := settled(0)
	read, _ := reads(1, numbered(1), 7)
	if k := load(t, tiny, numbered(1), read); k.record != 7 || k.current() {
		t.Errorf("a memory without room gave %v, current %v", k.record, k.current())
	}
}

// TestMemoryReadsOnceForAll asks from many sides at once; one of them gives up.
func TestMemoryReadsOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, key := settled(10), numbered(1)
		read, calls := reads(1, key, 7)
		release := make(chan struct{})
		slow := func(ctx context.Context) (snapshot[int], error) {
			<-release
			if ctx.Err() != nil {
				return snapshot[int]{}, ctx.Err()
			}
			return read(ctx)
		}
		impatient, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := m.load(impatient, key, slow)
			gaveUp <- err
		}()
		synctest.Wait()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if found, err := m.load(t.Context(), key, slow); err != nil || found[key].record != 7 {
					t.Errorf("got %v, %v", found, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		close(release)
		all.Wait()
		if calls.Load() != 1 {
			t.Errorf("read %d times", calls.Load())
		}
	})
}

// TestMemoryReadsAgainForWhoKnowsMore joins a read that began before a change
// and ends after it.
func TestMemoryReadsAgainForWhoKnowsMore(t *testing.T) {
	t.Parallel()
	m, key := settled(10), numbered(1)
	failure := errors.New("no")
	if _, err := m.load(t.Context(), key, func(context.Context) (snapshot[int], error) { return snapshot[int]{}, failure }); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	revision := int64(0)
	k := load(t, m, key, func(context.Context) (snapshot[int], error) {
		revision++ // Something changes it during every read.
		m.touch(revision, []uuid.UUID{key})
		return snapshot[int]{revision: revision - 1, records: []stored[int]{{key: key, size: 1, record: int(revision)}}}, nil
	})
	if revision != loadAttempts || k.record != loadAttempts || k.current() {
		t.Errorf("read %d times and got %d, current %v", revision, k.record, k.current())
	}
}

func TestTouchesForgetFromTheOldest(t *testing.T) {
	t.Parallel()
	log := newTouches(3)
	for revision := range int64(5) {
		log.note(numbered(int(revision)), revision+1)
	}
	for name, c := range map[string]struct {
		key      int
		revision int64
		want     bool
	}{
		"remembered":                {4, 4, true},
		"read at that revision":     {4, 5, false},
		"another":                   {9, 2, false},
		"forgotten and read before": {0, 0, true},
		"forgotten and read since":  {0, 2, false},
		"older than the log":        {9, 1, true},
	} {
		if got := log.after(numbered(c.key), c.revision); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if len(log.latest) != 3 {
		t.Errorf("%d keys are remembered", len(log.latest))
	}
}

// journal is a database of numbers that two processes write: each key holds the
// revision that changed it last.
type journal struct {
	mu       sync.Mutex
	values   map[uuid.UUID]int64
	history  map[uuid.UUID][]int64
	revision int64
	// told is what touch was told of each key, when it had returned.
	told    sync.Map
	through atomic.Int64
	done    map[int64]bool
}

type told struct {
	revision int64
	keys     []uuid.UUID
}

// write changes keys and returns their revision.
func (j *journal) write(keys []uuid.UUID) told {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.revision++
	for _, key := range keys {
		j.values[key] = j.revision
		j.history[key] = append(j.history[key], j.revision)
	}
	return told{j.revision, keys}
}

// tell tells the memory of a revision.
func (j *journal) tell(m *memory[int64], change told) {
	m.touch(change.revision, change.keys)
	for _, key := range change.keys {
		j.told.Store(key, change.revision)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done[change.revision] = true
	for j.done[j.through.Load()+1] {
		j.through.Add(1)
	}
}

// read reads a snapshot of keys.
func (j *journal) read(keys []uuid.UUID) snapshot[int64] {
	j.mu.Lock()
	defer j.mu.Unlock()
	snap := snapshot[int64]{revision: j.revision}
	for _, key := range keys {
		snap.records = append(snap.records, stored[int64]{key: key, size: 1, record: j.values[key]})
	}
	return snap
}

// atOnce reports whether the keys held these values at one revision.
func (j *journal) atOnce(values map[uuid.UUID]int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	from, until := int64(0), j.revision+1
	for key, value := range values {
		from = max(from, value)
		for _, revision := range j.history[key] {
			if revision > value {
				until = min(until, revision)
				break
			}
		}
	}
	return from < until
}

// TestMemoryIsNeverStale reads and writes from many sides. What is read is never
// older than what the memory was told before, and records that are current
// together were true together.
func TestMemoryIsNeverStale(t *testing.T) {
	t.Parallel()
	const keys, sides = 24, 4
	seed := rand.Uint64()
	j := &journal{values: map[uuid.UUID]int64{}, history: map[uuid.UUID][]int64{}, done: map[int64]bool{}}
	m := newMemory[int64](keys*2/3, j.through.Load)
	var all sync.WaitGroup
	failures := make(chan error, 3*sides)
	report := func(side int, err error) { failures <- fmt.Errorf("seed %d, side %d: %w", seed, side, err) }
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for side := range sides {
		random := rand.New(rand.NewPCG(seed, uint64(side)))
		writers.Go(func() {
			for range effort.Cases(20_000) {
				change := j.write([]uuid.UUID{numbered(random.IntN(keys)), numbered(random.IntN(keys))})
				if side == 0 { // Another process, of which one hears late.
					all.Go(func() { j.tell(m, change) })
					continue
				}
				j.tell(m, change)
				if err := j.check(t.Context(), m, random.IntN(keys)); err != nil {
					report(side, err)
					return
				}
			}
		})
	}
	for side := range sides {
		random := rand.New(rand.NewPCG(seed, uint64(sides+side)))
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := j.check(t.Context(), m, random.IntN(keys)); err != nil {
					report(sides+side, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	all.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if s := m.statistics(); s.Hits == 0 || s.Misses == 0 || s.Drops == 0 || s.Evictions == 0 {
		t.Errorf("something did not happen: %+v", s)
	}
}

// check reads a number and those above it in a tree through the memory, all at
// once if one is missing.
func (j *journal) check(ctx context.Context, m *memory[int64], n int) error {
	path := []uuid.UUID{numbered(n)}
	for n > 0 {
		n /= 2
		path = append(path, numbered(n))
	}
	told := map[uuid.UUID]int64{}
	for _, key := range path {
		if revision, ok := j.told.Load(key); ok {
			told[key], _ = revision.(int64)
		}
	}
	records := map[uuid.UUID]*kept[int64]{}
	for _, key := range path {
		k, ok := m.get(key)
		if !ok {
			read := func(context.Context) (snapshot[int64], error) { return j.read(path), nil }
			var err error
			if records, err = m.load(ctx, path[0], read); err != nil {
				return err
			}
			break
		}
		records[key] = k
	}
	values, together := map[uuid.UUID]int64{}, true
	for _, key := range path {
		k, ok := records[key]
		if !ok {
			return fmt.Errorf("key %s is missing", key)
		}
		values[key] = k.record
		if k.record < told[key] {
			return fmt.Errorf("got the value of revision %d after being told of %d", k.record, told[key])
		}
	}
	for _, k := range records {
		together = k.current() && together
	}
	if together && !j.atOnce(values) {
		return fmt.Errorf("the values %v were never true together", values)
	}
	return nil
}

// BenchmarkMemoryGet looks up records that are there, from all processors.
func BenchmarkMemoryGet(b *testing.B) {
	const keys = 1 << 16
	m := settled(keys)
	for n := range keys {
		read, _ := reads(1, numbered(n), n)
		if _, err := m.load(b.Context(), numbered(n), read); err != nil {
			b.Fatal(err)
		}
	}
	var side atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		random := rand.New(rand.NewPCG(1, side.Add(1)))
		for pb.Next() {
			if _, ok := m.get(numbered(random.IntN(keys))); !ok {
				b.Error("a record is gone")
				return
			}
		}
	})
}
