package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/typeid"
)

// Entry describes one change of the platform for the journal. Who acts comes
// from the context's viewer.
type Entry struct {
	// Action is the mutation's name, such as "createOrganization".
	Action string
	// Organization is the one that the change concerns first.
	Organization uuid.UUID
	// Reason is what the actor said about it.
	Reason string
}

// Change is one row that a transaction changed. Before and After are the ent
// entities; nil means that the row does not exist on that side.
type Change struct {
	Kind         typeid.Kind
	ID           uuid.UUID
	Organization uuid.UUID
	Before       any
	After        any
}

// journal is the buffer of a transaction's changes.
type journal struct {
	changes []Change
	// organization replaces the entry's, where it is known only inside.
	organization uuid.UUID
	// touched is what the changes are to subscribers.
	touched []Touched
	basis   Basis
}

// Record buffers a change for the entry of this transaction.
func (tx *Tx) Record(change Change) { tx.journal.changes = append(tx.journal.changes, change) }

// About sets the organization of this transaction's entry, where it is known
// only inside the transaction.
func (tx *Tx) About(organization uuid.UUID) { tx.journal.organization = organization }

type requestIDKey struct{}

// WithRequestID returns a context whose journal entries name the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// appendJournal writes the buffered changes under the next revision. The
// counter row is the last thing that a transaction locks, so that writers wait
// for each other only while they commit; that is what makes revisions gap-free
// and ordered as commits are.
func (tx *Tx) appendJournal(ctx context.Context, entry Entry) (int64, error) {
	changes := tx.journal.changes
	if len(changes) == 0 {
		return 0, nil
	}
	if tx.journal.organization != uuid.Nil {
		entry.Organization = tx.journal.organization
	}
	rows := make([]*ent.JournalChangeCreate, len(changes))
	tx.journal.touched = make([]Touched, len(changes))
	for i, change := range changes {
		var err error
		if rows[i], tx.journal.touched[i], err = tx.changeRow(i, change); err != nil {
			return 0, err
		}
	}
	viewer := access.ViewerFrom(ctx)
	ctx = access.WithViewer(ctx, access.SystemViewer("journal"))
	revision, at, err := tx.nextRevision(ctx)
	if err != nil {
		return 0, err
	}
	if err := tx.checkBasis(ctx, revision); err != nil {
		return 0, err
	}
	if err := tx.entryRow(ctx, entry, viewer).SetID(revision).SetAt(at).Exec(ctx); err != nil {
		return 0, fmt.Errorf("append journal entry: %w", err)
	}
	for _, row := range rows {
		row.SetRevision(revision)
	}
	for start := 0; start < len(rows); start += journalBatch {
		batch := rows[start:min(start+journalBatch, len(rows))]
		if err := tx.JournalChange.CreateBulk(batch...).Exec(ctx); err != nil {
			return 0, fmt.Errorf("append journal changes: %w", err)
		}
	}
	return revision, tx.notify(ctx, revision)
}

// notify makes PostgreSQL announce a revision to the other processes when the
// transaction commits.
func (tx *Tx) notify(ctx context.Context, revision int64) error {
	if tx.db.dialect != dialect.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, $2)", feedChannel, strconv.FormatInt(revision, 10)); err != nil {
		return fmt.Errorf("announce revision: %w", err)
	}
	return nil
}

// journalBatch keeps an INSERT of changes below the drivers' limits on
// parameters.
const journalBatch = 1000

// changeRow returns a change as it is stored, and as subscribers hear of it.
func (tx *Tx) changeRow(sequence int, change Change) (*ent.JournalChangeCreate, Touched, error) {
	before, err := image(change.Before)
	if err != nil {
		return nil, Touched{}, err
	}
	after, err := image(change.After)
	if err != nil {
		return nil, Touched{}, err
	}
	touched, err := touchedBy(change, before, after)
	if err != nil {
		return nil, Touched{}, err
	}
	return tx.JournalChange.Create().
		SetSequence(sequence).
		SetResourceKind(string(change.Kind)).
		SetResourceID(change.ID).
		SetOrganizationID(change.Organization).
		SetNillableBefore(before).
		SetNillableAfter(after), touched, nil
}

func (tx *Tx) entryRow(ctx context.Context, entry Entry, viewer access.Viewer) *ent.JournalEntryCreate {
	requestID, _ := ctx.Value(requestIDKey{}).(string)
	row := tx.JournalEntry.Create().
		SetActorKind(journalentry.ActorKind(viewer.Kind)).
		SetActorName(viewer.Name).
		SetAction(entry.Action).
		SetOrganizationID(entry.Organization).
		SetReason(entry.Reason).
		SetRequestID(requestID)
	switch {
	case viewer.IsImpersonated():
		row.SetActorID(uuid.UUID(viewer.By.ID)).SetActorName(viewer.By.Name).
			SetActingAsID(uuid.UUID(viewer.ID)).SetActingAsName(viewer.Name)
	case !viewer.ID.IsZero():
		row.SetActorID(uuid.UUID(viewer.ID))
	}
	return row
}

// image returns the JSON of an entity as the journal keeps it: every column but
// the sensitive ones, which ent leaves out, directives without their secrets,
// and all without loaded edges.
func image(entity any) (*string, error) {
	if entity == nil {
		return nil, nil //nolint:nilnil // an absent image says that the row did not exist
	}
	if row, ok := entity.(*ent.SettingDirective); ok {
		entity = concealed(row)
	}
	encoded, err := json.Marshal(entity)
	if err != nil {
		return nil, fmt.Errorf("image of %T: %w", entity, err)
	}
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &columns); err != nil {
		return nil, fmt.Errorf("image of %T: %w", entity, err)
	}
	delete(columns, "edges")
	encoded, err = json.Marshal(columns)
	if err != nil {
		return nil, fmt.Errorf("image of %T: %w", entity, err)
	}
	text := string(encoded)
	return &text, nil
}

// nextRevision takes the next number of the journal and its time, which is the
// clock's but always later than the entry before.
func (tx *Tx) nextRevision(ctx context.Context) (int64, time.Time, error) {
	now := tx.db.Now().UnixMicro()
	rows, err := tx.QueryContext(ctx, `
		INSERT INTO counters (id, value, instant) VALUES ('journal', 1, $1)
		ON CONFLICT (id) DO UPDATE SET
			value = counters.value + 1,
			instant = CASE WHEN counters.instant >= excluded.instant THEN counters.instant + 1 ELSE excluded.instant END
		RETURNING value, instant`, now)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("take revision: %w", err)
	}
	numbers, err := scanRow(rows, 2)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("take revision: %w", err)
	}
	return numbers[0], time.UnixMicro(numbers[1]).UTC(), nil
}

// ReserveIDs takes a block of n consecutive ids of a bulk table and returns the
// first. The block is never handed out again, whether or not it is used.
func (db *DB) ReserveIDs(ctx context.Context, table string, n int64) (int64, error) {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	rows, err := db.pool.QueryContext(ctx, `
		INSERT INTO counters (id, value, instant) VALUES ($1, $2, 0)
		ON CONFLICT (id) DO UPDATE SET value = counters.value + excluded.value
		RETURNING value`, table, n)
	if err != nil {
		return 0, fmt.Errorf("reserve ids: %w", err)
	}
	numbers, err := scanRow(rows, 1)
	if err != nil {
		return 0, fmt.Errorf("reserve ids: %w", err)
	}
	return numbers[0] - n + 1, nil
}

// Revision returns the latest revision of the journal, 0 before the first.
func (db *DB) Revision(ctx context.Context) (int64, error) {
	revision, err := latestRevision(ctx, db.pool)
	if err != nil {
		return 0, err
	}
	db.see(revision)
	return revision, nil
}

// Revision returns the latest revision that the transaction sees, 0 before the
// first.
func (tx *Tx) Revision(ctx context.Context) (int64, error) {
	revision, err := latestRevision(ctx, tx)
	if err != nil {
		return 0, err
	}
	tx.db.see(revision)
	return revision, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func latestRevision(ctx context.Context, on querier) (int64, error) {
	rows, err := on.QueryContext(ctx, `SELECT COALESCE(MAX(value), 0) FROM counters WHERE id = 'journal'`)
	if err != nil {
		return 0, fmt.Errorf("read revision: %w", err)
	}
	numbers, err := scanRow(rows, 1)
	if err != nil {
		return 0, fmt.Errorf("read revision: %w", err)
	}
	return numbers[0], nil
}

// Seen returns the newest revision that this process knows of: at least that of
// its own latest write.
func (db *DB) Seen() int64 { return db.seen.Load() }

// see notes that a revision exists, and wakes Follow if it has to read it.
func (db *DB) see(revision int64) {
	for known := db.seen.Load(); revision > known && !db.seen.CompareAndSwap(known, revision); known = db.seen.Load() {
	}
	if revision > db.feed.through.Load() {
		db.feed.look()
	}
}

// revisionPoll is how often WaitFor looks again.
const revisionPoll = 20 * time.Millisecond

// WaitFor returns once the database has reached a revision, or with the error
// of the context that ended first.
func (db *DB) WaitFor(ctx context.Context, revision int64) error {
	ticker := time.NewTicker(revisionPoll)
	defer ticker.Stop()
	for db.Seen() < revision {
		reached, err := db.Revision(ctx)
		if err != nil {
			return err
		}
		if reached >= revision {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
