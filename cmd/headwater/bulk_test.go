package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/internal/effort"
)

// sheetOf returns a sheet with so many people, all of whom join a group.
func sheetOf(name string, n int) string {
	var sheet strings.Builder
	sheet.WriteString("username,email,name,groups\n")
	for i := range n {
		fmt.Fprintf(&sheet, "%s%d,%s%d@acme.example,Person %d,crew\n", name, i, name, i, i)
	}
	return sheet.String()
}

// eachCounted plays on both databases, whose statements are counted.
func eachCounted(t *testing.T, play func(t *testing.T, w *world, c *tally)) {
	t.Helper()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			play(t, newWorld(t, db), c)
		})
	}
}

// TestImportsInFewStatements imports few people and many, 10,000 at full effort:
// each thousand takes some statements more, whatever is in them.
func TestImportsInFewStatements(t *testing.T) {
	t.Parallel()
	many := effort.Cases(10_000)
	eachCounted(t, func(t *testing.T, w *world, c *tally) {
		w.team(t, "acme", "crew")
		w.do(t, call{actor: "olga", name: "setSetting", input: map[string]any{
			"scopeId": w.ids["acme.crew"], "key": "customize.user_defaults", "value": []any{map[string]any{"kind": "home", "name": "Home"}},
		}})
		load := func(name string, n int) int {
			c.take()
			answer := w.must(t, "olga", mutation("importUsers", "created results { line username status error { code message field reason } }"), map[string]any{"i": map[string]any{
				"organizationId": w.ids["acme"], "csv": sheetOf(name, n),
			}})
			if got := dig(answer, "importUsers.created"); got != fmt.Sprint(n) {
				t.Errorf("%s of %d are created", got, n)
			}
			return len(c.take())
		}
		few, all := load("few", 5), load("many", many)
		// Accounts, members, places, resources and letters go in thousands at the
		// most, and four journal images of each person too.
		if most := few + 10*(many/1000+1); few == 0 || all > most {
			t.Errorf("few take %d statements, %d take %d", few, many, all)
		}
		t.Logf("5 people take %d statements, %d take %d", few, many, all)
		ctx, client := w.system(t), w.platform.db.Client()
		for what, count := range map[string]func() (int, error){
			"members": func() (int, error) {
				return client.Membership.Query().Where(membership.HasUserWith(user.UsernameHasPrefix("many"))).Count(ctx)
			},
			"resources": func() (int, error) { return client.Resource.Query().Count(ctx) },
			"letters":   func() (int, error) { return client.Job.Query().Where(job.Kind("mail")).Count(ctx) },
		} {
			if got := one(t, count); got < many {
				t.Errorf("there are %d %s", got, what)
			}
		}
	})
}

// TestSeatsAreNotGivenTwice gives seats to many at once where there are few.
func TestSeatsAreNotGivenTwice(t *testing.T) {
	t.Parallel()
	const people, seats = 20, 5
	w := newWorld(t, dbtest.Postgres(t))
	w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.seats", "value": 2}})
	for i := range people {
		w.person(t, "acme", fmt.Sprintf("person%d", i))
	}
	w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.seats", "value": 2 + seats}})
	results := together(people, func(i int) string {
		return told(t, w.askWith(t, "olga", mutation("updateMember", "clientMutationId"), map[string]any{"i": w.about(fmt.Sprintf("person%d", i), "seated", true)}))
	})
	counts := tallyOf(results)
	if counts["y"] != seats || counts["LIMIT_EXCEEDED"] != people-seats {
		t.Errorf("told %v", counts)
	}
	seated := one(t, func() (int, error) {
		return w.platform.db.Client().Membership.Query().Where(membership.OrganizationID(w.key(t, "acme")), membership.Seated(true)).Count(w.system(t))
	})
	if seated != 2+seats {
		t.Errorf("%d members have one of %d seats", seated, 2+seats)
	}
}

// BenchmarkImportUsers imports 10,000 people over HTTP, and beside it writes the
// rows that this left by hand.
func BenchmarkImportUsers(b *testing.B) {
	beside(b, 10_000, func(w *world, n int) (string, map[string]any) {
		return mutation("importUsers", "created results { line username status error { code message field reason } }"),
			map[string]any{"organizationId": w.ids["acme"], "csv": sheetOf("person", n)}
	})
}

// BenchmarkInviteMembers invites 1,000 people over HTTP, and beside it writes the
// rows that this left by hand.
func BenchmarkInviteMembers(b *testing.B) {
	beside(b, 1000, func(w *world, n int) (string, map[string]any) {
		emails := make([]string, n)
		for i := range emails {
			emails[i] = fmt.Sprintf("guest%d@elsewhere.example", i)
		}
		return mutation("inviteMembers", "results { email status invitation { id status expiresAt } error { code message } }"),
			map[string]any{"organizationId": w.ids["acme"], "emails": strings.Join(emails, "\n"), "groupIds": []string{w.ids["acme.crew"]}}
	})
}

// beside times a request in one world, and in an equal one the plain SQL that
// writes the same rows.
func beside(b *testing.B, n int, request func(w *world, n int) (document string, input map[string]any)) {
	b.Helper()
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			var asked, written time.Duration
			for b.Loop() {
				w, bare := newWorld(b, open(b)), newWorld(b, open(b))
				w.team(b, "acme", "crew")
				bare.team(b, "acme", "crew")
				document, input := request(w, n)
				body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]any{"i": input}})
				if err != nil {
					b.Fatal(err)
				}
				begin := time.Now()
				answer := w.post(b, "olga", body)
				asked += time.Since(begin)
				if strings.Contains(string(answer), `"errors"`) {
					b.Fatalf("%.500s", answer)
				}
				rows := newRows(b, w, bare)
				begin = time.Now()
				writeRows(b, bare, rows, name == "postgres")
				written += time.Since(begin)
			}
			b.ReportMetric(asked.Seconds()*1000/float64(b.N), "request-ms")
			b.ReportMetric(written.Seconds()*1000/float64(b.N), "sql-ms")
			b.ReportMetric(float64(asked)/float64(written), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// table is some rows of a table.
type table struct {
	name    string
	columns []string
	rows    [][]any
}

// newRows returns the rows of one world that another, equal one does not have, in
// an order in which they can be written.
func newRows(b *testing.B, w, bare *world) []table {
	b.Helper()
	var tables []table
	for _, name := range []string{"users", "memberships", "group_members", "invitations", "jobs", "journal_entries", "journal_changes"} {
		known := map[string]bool{}
		for _, row := range readRows(b, bare, name).rows {
			known[fmt.Sprint(row[0])] = true
		}
		all := readRows(b, w, name)
		t := table{name: name, columns: all.columns}
		for _, row := range all.rows {
			if !known[fmt.Sprint(row[0])] {
				t.rows = append(t.rows, row)
			}
		}
		tables = append(tables, t)
	}
	return tables
}

// readRows returns all rows of a table. The id comes first.
func readRows(b *testing.B, w *world, name string) table {
	b.Helper()
	rows, err := w.platform.db.Client().QueryContext(w.system(b), "SELECT * FROM "+name)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			b.Error(err)
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	t := table{name: name, columns: columns}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		for i, value := range row {
			if raw, ok := value.([]byte); ok {
				row[i] = string(raw)
			}
		}
		t.rows = append(t.rows, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return t
}

// writeRows writes rows as somebody would by hand: a thousand in a statement, all
// in one transaction. SQLite takes question marks: it looks numbers up as names.
func writeRows(b *testing.B, w *world, tables []table, numbered bool) {
	b.Helper()
	const batch = 1000
	_, err := w.platform.db.Write(w.system(b), database.Entry{Action: "by hand"}, func(ctx context.Context, tx *database.Tx) error {
		for _, t := range tables {
			for start := 0; start < len(t.rows); start += batch {
				if err := insert(ctx, tx, t, t.rows[start:min(start+batch, len(t.rows))], numbered); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func insert(ctx context.Context, tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, t table, rows [][]any, numbered bool,
) error {
	var query strings.Builder
	var args []any
	fmt.Fprintf(&query, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
	for i, row := range rows {
		if i > 0 {
			query.WriteString(", ")
		}
		query.WriteByte('(')
		for j, value := range row {
			if j > 0 {
				query.WriteString(", ")
			}
			args = append(args, value)
			if numbered {
				fmt.Fprintf(&query, "$%d", len(args))
			} else {
				query.WriteByte('?')
			}
		}
		query.WriteByte(')')
	}
	if _, err := tx.ExecContext(ctx, query.String(), args...); err != nil {
		return fmt.Errorf("insert into %s: %w", t.name, err)
	}
	return nil
}
