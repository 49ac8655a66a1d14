package database_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// beginImport makes an import of a platform with one dataset, number 1.
func beginImport(t *testing.T, db *database.DB) (context.Context, uuid.UUID) {
	t.Helper()
	ctx := access.WithViewer(t.Context(), access.SystemViewer("test"))
	root, id := db.NewID(), db.NewID()
	_, err := db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		if err := tx.Organization.Create().SetID(root).SetKind(orgtree.Platform).SetDepth(0).
			SetName("root").SetSlug("root").SetStatus(orgtree.Active).SetCreatedAt(db.Now()).Exec(ctx); err != nil {
			return err
		}
		if err := tx.UsageImport.Create().SetID(id).SetOrganizationID(root).SetStatus(usageimport.StatusLOADING).
			SetContentHash("").SetErrors("[]").SetBilledCosts("[]").SetCreatedAt(db.Now()).SetTouchedAt(db.Now()).Exec(ctx); err != nil {
			return err
		}
		return tx.UsageDataset.Create().SetID(1).SetImportID(id).SetOrganizationID(root).
			SetProvider("AWS").SetBillingAccountID("1").SetMonth("2026-10").SetStatus("LOADING").Exec(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, id
}

func rollupRows() *database.Rows {
	return database.NewRows("cost_rollups",
		"id", "dataset_id", "rating", "organization_id", "customer_id", "owner_id", "group_id", "day", "provider", "service",
		"sku", "region", "charge_category", "currency", "buy", "sell", "lines")
}

// TestLoadedRowsReadBack loads what is hard to write down: control characters,
// backslashes, null beside texts like it, every place of an amount.
func TestLoadedRowsReadBack(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", `\N`, "NULL", "tab\there", "line\nfeed", "return\rhere", `back\slash`, `\.`, "\\\n", `quote"and'`, "ünïcödé 漢字", "\x01\x7f",
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, importID := beginImport(t, db)
		day := time.Date(2026, time.October, 3, 4, 5, 6, 7000, time.UTC)
		rows := rollupRows()
		var want []string
		for i, text := range texts {
			var customer any
			if i%2 == 0 {
				customer = uuid.Max
			}
			rows.Add(int64(i+1), int64(1), int64(1), uuid.Nil, customer, uuid.Max.String(), nil, day, text, text+text, "", "", "Usage", "USD",
				"-12345678901234567890.000000000000000001", "0.5", int64(i))
			want = append(want, fmt.Sprintf("%d %q %q %v %v -12345678901234567890.000000000000000001 %d", i+1, text, text+text, customer != nil, day, i))
		}
		if rows.Len() != len(texts) {
			t.Errorf("%d rows, want %d", rows.Len(), len(texts))
		}
		if err := db.LoadUsage(ctx, importID, rows, rollupRows()); err != nil {
			t.Fatal(err)
		}
		stored, err := db.Client().CostRollup.Query().Order(ent.Asc("id")).All(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range stored {
			got = append(got, fmt.Sprintf("%d %q %q %v %v %s %d", r.ID, r.Provider, r.Service, r.CustomerID != nil, r.Day.UTC(), r.Buy, r.Lines))
			if r.GroupID != nil || r.OwnerID != uuid.Max || r.OrganizationID != uuid.Nil {
				t.Errorf("row %d: got %+v", r.ID, r)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows differ (-want +got):\n%s", diff)
		}
	})
}

// TestEveryNumberOfRows loads numbers of rows around what one statement takes.
func TestEveryNumberOfRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, importID := beginImport(t, db)
		id, want := int64(0), 0
		for _, n := range []int{0, 1, 61, 62, 63, 124, 125, 700} {
			rows := rollupRows()
			for range n {
				id++
				rows.Add(id, int64(1), int64(1), uuid.Nil, nil, uuid.Nil, nil, db.Now(), "", "", "", "", "", "", "1", "1", int64(1))
			}
			if err := db.LoadUsage(ctx, importID, rows); err != nil {
				t.Fatal(err)
			}
			want += n
			if got := db.Client().CostRollup.Query().CountX(ctx); got != want {
				t.Fatalf("%d rows after %d more, want %d", got, n, want)
			}
		}
	})
}

// TestLoadIsAllOrNothing breaks a batch in its last row.
func TestLoadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, importID := beginImport(t, db)
		row := func(id, dataset int64) *database.Rows {
			rows := rollupRows()
			rows.Add(id, dataset, int64(1), uuid.Nil, nil, uuid.Nil, nil, db.Now(), "", "", "", "", "", "", "1", "1", int64(1))
			return rows
		}
		ragged := row(3, 1)
		ragged.Add("one cell too many")
		for name, last := range map[string]*database.Rows{"no such dataset": row(2, 99), "the same id": row(1, 1), "ragged": ragged} {
			if err := db.LoadUsage(ctx, importID, row(1, 1), last); err == nil {
				t.Errorf("%s is accepted", name)
			}
			if n := db.Client().CostRollup.Query().CountX(ctx); n != 0 {
				t.Errorf("%s: %d rows stay", name, n)
			}
		}
	})
}

func TestOnlyFailedImportsAreUnloaded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, importID := beginImport(t, db)
		rows := rollupRows()
		for id := range int64(12_000) {
			rows.Add(id, int64(1), int64(1), uuid.Nil, nil, uuid.Nil, nil, db.Now(), "", "", "", "", "", "", "1", "1", int64(1))
		}
		if err := db.LoadUsage(ctx, importID, rows); err != nil {
			t.Fatal(err)
		}
		count := func() string {
			client := db.Client()
			return fmt.Sprint(client.UsageImport.Query().CountX(ctx), client.UsageDataset.Query().CountX(ctx), client.CostRollup.Query().CountX(ctx))
		}
		for _, step := range []struct {
			status usageimport.Status
			want   string
		}{
			{usageimport.StatusLOADING, "1 1 12000"},
			{usageimport.StatusACTIVE, "1 1 12000"},
			{usageimport.StatusSUPERSEDED, "1 1 12000"},
			{usageimport.StatusFAILED, "0 0 0"},
		} {
			if _, err := db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
				return tx.UsageImport.Update().SetStatus(step.status).Exec(ctx)
			}); err != nil {
				t.Fatal(err)
			}
			err := db.LoadUsage(ctx, importID)
			if want := step.status != usageimport.StatusLOADING; (fault.CodeOf(err) == fault.Conflict) != want {
				t.Errorf("loading into an import that is %s: %v", step.status, err)
			}
			if err := db.UnloadUsage(ctx, importID); err != nil {
				t.Fatal(err)
			}
			if got := count(); got != step.want {
				t.Errorf("%s: imports, datasets and rows are %s, want %s", step.status, got, step.want)
			}
		}
	})
}
