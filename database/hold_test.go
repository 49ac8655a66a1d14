package database_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// TestOvertakenChangesRunAgain lets other changes come first while one is being
// made that rests on an organization.
func TestOvertakenChangesRunAgain(t *testing.T) {
	t.Parallel()
	db := dbtest.Postgres(t) // SQLite has one writer, who is never overtaken.
	f := plant(t, db)
	rested, unrelated, own := f.organizations()[1], f.organizations()[2], f.organizations()[3]
	db.HoldWith(func(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
		if organization != own {
			return nil
		}
		revision, err := tx.Revision(ctx)
		tx.RestOn(database.Basis{
			Revision: revision, Organizations: []uuid.UUID{rested}, But: []typeid.Kind{typeid.Resource}, Resources: []uuid.UUID{f.organizations()[4]},
		})
		return err
	})
	for _, tt := range []struct {
		name    string
		kind    typeid.Kind
		changes uuid.UUID
		// times is how often something comes first.
		times, runs int
		code        fault.Code
	}{
		{"what it rests on", typeid.Organization, rested, 1, 2, ""},
		{"a single thing that it rests on, of whatever kind", typeid.Resource, f.organizations()[4], 1, 2, ""},
		{"something else", typeid.Organization, unrelated, 1, 1, ""},
		{"what makes no difference", typeid.Resource, rested, 1, 1, ""},
		{"what it rests on, again and again", typeid.Organization, rested, 10, 4, fault.Conflict},
	} {
		runs, left := 0, tt.times
		ctx := system(t)
		_, err := db.Write(ctx, database.Entry{Action: "rest", Organization: own}, func(inside context.Context, tx *database.Tx) error {
			runs++
			if left > 0 {
				left--
				if _, err := f.touch(ctx, tt.kind, tt.changes); err != nil {
					return err
				}
			}
			row, err := tx.Organization.Get(inside, own)
			tx.Record(database.Change{Kind: "org", ID: own, Organization: own, Before: row, After: row})
			return err
		})
		if runs != tt.runs || fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %d runs, want %d, and %v", tt.name, runs, tt.runs, err)
		}
	}
}

// touch records a change of a thing of an organization, which has its id.
func (f *tree) touch(ctx context.Context, kind typeid.Kind, id uuid.UUID) (int64, error) {
	return f.db.Write(ctx, database.Entry{Action: "touch", Organization: id}, func(ctx context.Context, tx *database.Tx) error {
		row, err := tx.Organization.Get(ctx, id)
		tx.Record(database.Change{Kind: kind, ID: id, Organization: id, Before: row, After: row})
		return err
	})
}

// TestHolderRefuses asks the holder of every change in an organization.
func TestHolderRefuses(t *testing.T) {
	t.Parallel()
	refusal := errors.New("not now")
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		held := f.organizations()[1]
		db.HoldWith(func(_ context.Context, _ *database.Tx, organization uuid.UUID) error {
			if organization == held {
				return refusal
			}
			return nil
		})
		if _, err := f.rename(system(t), held, "New"); !errors.Is(err, refusal) {
			t.Errorf("a held organization: %v", err)
		}
		if _, err := f.rename(system(t), f.organizations()[2], "New"); err != nil {
			t.Errorf("another one: %v", err)
		}
		_, err := db.Write(system(t), database.Entry{Action: "nowhere"}, func(context.Context, *database.Tx) error { return nil })
		if err != nil {
			t.Errorf("a change that concerns no organization: %v", err)
		}
	})
}
