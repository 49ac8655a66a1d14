package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
)

const (
	// feedChannel is where PostgreSQL announces revisions.
	feedChannel = "headwater_journal"
	// feedBatch is how many changes are in memory at a time.
	feedBatch = 500
	// lookWithin bounds one statement of Follow.
	lookWithin = 5 * time.Second
)

// Follow tells the subscribers what other processes commit, until the context
// ends. On PostgreSQL it is notified; on both databases it also looks at the
// journal four times a second, which finds what a lost notification announced.
// A look that fails is not reported but repeated, and Fresh is false meanwhile.
// One Follow runs at a time; a second one waits for the first.
func (db *DB) Follow(ctx context.Context) error {
	db.feed.following.Lock()
	defer db.feed.following.Unlock()
	// A connection of its own, so that busy requests do not make it late.
	pool, err := sql.Open(db.driver, db.source)
	if err != nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	defer func() { _ = pool.Close() }() // It was only read from.
	pool.SetMaxOpenConns(1)
	defer db.feed.freshUntil.Store(0)
	if db.dialect == dialect.Postgres {
		db.feed.listen(ctx, db.source)
	}
	ticker := time.NewTicker(db.feed.lookEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		began := db.running()
		if db.catchUp(ctx, pool) == nil {
			db.feed.freshUntil.Store(int64(began + freshFor))
		}
		select {
		case <-ticker.C:
		case <-db.feed.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// listen wakes Follow whenever the database notifies, until the context ends.
// It need not notice that a connection is dead, because Follow looks anyway.
func (f *feed) listen(ctx context.Context, source string) {
	const soonest, latest = 100 * time.Millisecond, 5 * time.Second
	listener := pq.NewListener(source, soonest, latest, nil)
	go func() {
		// It is notified of nil after a new connection, because of what it may
		// have missed.
		for range listener.NotificationChannel() {
			f.look()
		}
	}()
	// Both wait for a connection that is just being made, so nobody waits for
	// them. A server that refuses to notify is looked at all the same.
	go func() { _ = listener.Listen(feedChannel) }()
	context.AfterFunc(ctx, func() { _ = listener.Close() })
}

// catchUp delivers what was committed since the last look.
func (db *DB) catchUp(ctx context.Context, pool *sql.DB) error {
	through := db.feed.through.Load()
	latest, err := look(ctx, pool)
	if err != nil {
		return err
	}
	switch {
	case db.feed.start(latest):
	case latest < through:
		db.feed.goBack(latest)
		db.seen.Store(latest)
		db.feed.deliver(latest, nil)
	default:
		if err := db.deliverBetween(ctx, pool, through, latest); err != nil {
			return err
		}
	}
	db.see(latest)
	return nil
}

// look returns the latest revision, unless the database takes too long.
func look(ctx context.Context, pool *sql.DB) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	return latestRevision(ctx, pool)
}

// deliverBetween delivers the revisions after one, up to another.
func (db *DB) deliverBetween(ctx context.Context, pool *sql.DB, after, last int64) error {
	from := position{revision: after, sequence: math.MaxInt32}
	for from.revision < last {
		batch, err := readChanges(ctx, pool, from, last)
		if err != nil {
			return err
		}
		db.deliverEach(batch)
		if len(batch) < feedBatch {
			break
		}
		from = batch[len(batch)-1].position
		db.feed.reached(from.revision - 1)
	}
	db.feed.reached(last)
	return nil
}

// deliverEach delivers the revisions of a batch one after the other.
func (db *DB) deliverEach(batch []placed) {
	var changes []Touched
	for i, change := range batch {
		changes = append(changes, change.Touched)
		if i == len(batch)-1 || batch[i+1].revision != change.revision {
			db.feed.deliver(change.revision, changes)
			changes = nil
		}
	}
}

// position is the place of a change in the journal.
type position struct {
	revision int64
	sequence int
}

// placed is a change and its place.
type placed struct {
	Touched
	position
}

// readChanges returns the next changes after a position, up to a revision.
func readChanges(ctx context.Context, pool *sql.DB, from position, last int64) (batch []placed, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	rows, err := pool.QueryContext(ctx, `
		SELECT revision, sequence, resource_kind, resource_id, organization_id, "before", "after"
		FROM journal_changes
		WHERE (revision, sequence) > ($1, $2) AND revision <= $3
		ORDER BY revision, sequence
		LIMIT $4`, from.revision, from.sequence, last, feedBatch)
	if err != nil {
		return nil, fmt.Errorf("read journal changes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close(), rows.Err()) }()
	for rows.Next() {
		var place position
		var change Change
		var before, after *string
		err := rows.Scan(&place.revision, &place.sequence, &change.Kind, &change.ID, &change.Organization, &before, &after)
		if err != nil {
			return nil, fmt.Errorf("read journal changes: %w", err)
		}
		touched, err := touchedBy(change, before, after)
		if err != nil {
			return nil, err
		}
		batch = append(batch, placed{touched, place})
	}
	return batch, nil
}
