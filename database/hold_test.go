package database_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
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
		tx.RestOn(revision, []uuid.UUID{rested}, []uuid.UUID{f.organizations()[4]})
		return err
	})
	for _, tt := range []struct {
		name    string
		changes uuid.UUID
		// times is how often something comes first.
		times, runs int
		code        fault.Code
	}{
		{"what it rests on", rested, 1, 2, ""},
		{"a single resource that it rests on", f.organizations()[4], 1, 2, ""},
		{"something else", unrelated, 1, 1, ""},
		{"what it rests on, again and again", rested, 10, 4, fault.Conflict},
	} {
		runs, left := 0, tt.times
		ctx := system(t)
		_, err := db.Write(ctx, database.Entry{Action: "rest", Organization: own}, func(inside context.Context, tx *database.Tx) error {
			runs++
			if left > 0 {
				left--
				if _, err := f.rename(ctx, tt.changes, fmt.Sprintf("%s %d", tt.name, runs)); err != nil {
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
