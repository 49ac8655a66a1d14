package database_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/database/dbtest/cluster"
	"github.com/headwater-platform/headwater/ent"
)

// emptyURLs returns databases that nobody has migrated.
func emptyURLs(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"sqlite": dbtest.SQLiteURL(t), "postgres": cluster.Database(t, nil)}
}

func TestMigrateOnceAndNoMore(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, url)
			if err := db.CheckMigrated(t.Context()); !errors.Is(err, database.ErrBehind) {
				t.Errorf("an empty database: %v", err)
			}
			known, err := db.Migrations(t.Context())
			must(t, err)
			for _, m := range known {
				if m.AppliedAt != nil {
					t.Errorf("%s is applied to an empty database", m.Version)
				}
			}
			applied, err := db.Migrate(t.Context())
			must(t, err)
			if len(applied) != len(known) || len(known) < 2 {
				t.Errorf("applied %v of %d", applied, len(known))
			}
			again, err := db.Migrate(t.Context())
			if err != nil || len(again) != 0 {
				t.Errorf("a second time: %v, %v", again, err)
			}
			must(t, db.CheckMigrated(t.Context()))
			known, err = db.Migrations(t.Context())
			must(t, err)
			for _, m := range known {
				if m.AppliedAt == nil {
					t.Errorf("%s is not applied", m.Version)
				}
			}
		})
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, url)
			_, err := db.Migrate(t.Context())
			must(t, err)
			_, err = db.Client().ExecContext(system(t), `INSERT INTO schema_migrations (version, applied_at) VALUES ('9999_from_the_future', 1)`)
			must(t, err)
			if err := db.CheckMigrated(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("check: %v", err)
			}
			if _, err := db.Migrate(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("migrate: %v", err)
			}
			if _, err := db.Migrations(t.Context()); !errors.Is(err, database.ErrNewer) {
				t.Errorf("list: %v", err)
			}
		})
	}
}

// TestManyProcessesMigrateAtOnce opens the same empty database many times.
func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const processes = 6
			var all sync.WaitGroup
			applied := make([][]string, processes)
			errs := make([]error, processes)
			for i := range processes {
				db := dbtest.Open(t, url)
				all.Add(1)
				go func() {
					defer all.Done()
					applied[i], errs[i] = db.Migrate(t.Context())
				}()
			}
			all.Wait()
			times := map[string]int{}
			for i := range processes {
				must(t, errs[i])
				for _, version := range applied[i] {
					times[version]++
				}
			}
			if len(times) < 2 {
				t.Errorf("applied only %v", times)
			}
			for version, n := range times {
				if n != 1 {
					t.Errorf("%s was applied %d times", version, n)
				}
			}
		})
	}
}

// TestBothDatabasesHaveTheSameMigrations compares the lists.
func TestBothDatabasesHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	lists := map[string]string{}
	for name, url := range emptyURLs(t) {
		known, err := dbtest.Open(t, url).Migrations(t.Context())
		must(t, err)
		for _, m := range known {
			lists[name] += m.Version + "\n"
		}
	}
	if lists["sqlite"] != lists["postgres"] || lists["sqlite"] == "" {
		t.Errorf("they differ: %q and %q", lists["sqlite"], lists["postgres"])
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	options := dbtest.Options()
	options.Create = false
	for url, want := range map[string]string{
		"":                              "must begin with",
		"mysql://localhost/headwater":   "must begin with",
		"sqlite://":                     "names no file",
		"sqlite:///no/such/folder/x.db": "there is no database",
		"postgres://nobody:hush@127.0.0.1:1/x?sslmode=disable&connect_timeout=2": "connect to database",
	} {
		db, err := database.Open(t.Context(), url, options)
		if err == nil {
			must(t, db.Close())
			t.Errorf("%q opens", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestSQLiteUpholdsForeignKeys looks at the connection's settings, on which the
// rest depends.
func TestSQLiteUpholdsForeignKeys(t *testing.T) {
	t.Parallel()
	db := dbtest.SQLite(t)
	for pragma, want := range map[string]string{"foreign_keys": "1", "journal_mode": "wal"} {
		rows, err := db.Client().QueryContext(system(t), "PRAGMA "+pragma)
		must(t, err)
		if got := scanText(t, rows); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func scanText(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	var text string
	if !rows.Next() {
		t.Fatal("no row")
	}
	must(t, rows.Scan(&text))
	must(t, errors.Join(rows.Close(), rows.Err()))
	return text
}

// TestRatedUsageSurvives migrates usage of the time when lines said whose they
// are: what everybody pays, and who used it, is what it was.
func TestRatedUsageSurvives(t *testing.T) {
	t.Parallel()
	const root, partner, customer, group = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b",
		"00000000-0000-0000-0000-00000000000c", "00000000-0000-0000-0000-00000000000d"
	for name, url := range emptyURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, ctx := dbtest.Open(t, url), system(t)
			must(t, db.MigrateBefore(ctx, "0005"))
			line := func(id int, organization, group string, attributed bool, cost string) string {
				return fmt.Sprintf(`INSERT INTO usage_lines (id, dataset_id, line, importer_id, organization_id, group_id, attributed, month,
					charge_period_start, charge_period_end, provider, service, sku, region, sub_account_id, resource_id, charge_category,
					charge_class, description, billed_cost, currency, unit, tags, extra)
					VALUES (%d, 1, %d, '%s', '%s', %s, %v, '2026-10', '2026-10-01 00:00:00', '2026-10-01 01:00:00', 'AWS', 'EC2', 'P5', 'eu', 's', '',
					'Usage', '', '', '%s', 'USD', '', '{}', '{}')`, id, id, root, organization, group, attributed, cost)
			}
			rated := func(id, line, position int, seller, buyer, amount string) string {
				return fmt.Sprintf(`INSERT INTO rated_lines (id, dataset_id, usage_line_id, position, month, seller_id, buyer_id, amount)
					VALUES (%d, 1, %d, %d, '2026-10', '%s', '%s', '%s')`, id, line, position, seller, buyer, amount)
			}
			statements := []string{
				`INSERT INTO usage_imports (id, organization_id, status, content_hash, errors, billed_costs, created_at, touched_at)
					VALUES ('` + partner + `', '` + root + `', 'ACTIVE', 'h', '[]', '[]', '2026-11-01 00:00:00', '2026-11-01 00:00:00')`,
				`INSERT INTO usage_datasets (id, import_id, organization_id, provider, billing_account_id, month, status)
					VALUES (1, '` + partner + `', '` + root + `', 'AWS', '1', '2026-10', 'ACTIVE')`,
				line(1, customer, "'"+group+"'", true, "1"), line(2, root, "NULL", false, "0.000000000000000001"),
				rated(1, 1, 0, root, partner, "11"), rated(2, 1, 1, partner, customer, "12.1"),
				`INSERT INTO counters (id, value, instant) VALUES ('rated_lines', 10000, 0)`,
			}
			organization := func(id, kind, parent string, depth int) string {
				return fmt.Sprintf(`INSERT INTO organizations (id, kind, name, slug, status, depth, parent_id, created_at)
					VALUES ('%s', '%s', 'x', '%s', 'ACTIVE', %d, %s, '2026-11-01 00:00:00')`, id, kind, id, depth, parent)
			}
			statements = append([]string{organization(root, "PLATFORM", "NULL", 0), organization(partner, "PARTNER", "'"+root+"'", 1)}, statements...)
			for _, statement := range statements {
				_, err := db.Client().ExecContext(ctx, statement)
				must(t, err)
			}
			_, err := db.Migrate(ctx)
			must(t, err)
			rows, err := db.Client().RatedLine.Query().Order(ent.Asc("usage_line_id", "position")).All(ctx)
			must(t, err)
			var got []string
			for _, r := range rows {
				text := fmt.Sprintf("line %d %d: %s pays %s of %s's, attributed %v, group %v, rating %d", r.UsageLineID, r.Position, last(&r.BuyerID),
					strings.TrimRight(strings.TrimRight(r.Amount, "0"), "."), last(&r.OwnerID), r.Attributed, last(r.GroupID), r.Rating)
				got = append(got, text+", to "+last(r.SellerID))
			}
			want := []string{
				"line 1 0: a pays 1 of c's, attributed true, group d, rating 1, to nobody",
				"line 1 1: b pays 11 of c's, attributed true, group d, rating 1, to a",
				"line 1 2: c pays 12.1 of c's, attributed true, group d, rating 1, to b",
				"line 2 0: a pays 0.000000000000000001 of a's, attributed false, group nobody, rating 1, to nobody",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			next, err := db.ReserveIDs(ctx, "rated_lines", 1)
			must(t, err)
			for _, r := range rows {
				if r.ID >= next {
					t.Errorf("the id %d is handed out again", r.ID)
				}
			}
		})
	}
}

// last returns the last digit of an id.
func last(id *uuid.UUID) string {
	if id == nil {
		return "nobody"
	}
	return id.String()[35:]
}
