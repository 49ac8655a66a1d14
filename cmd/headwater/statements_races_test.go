package main

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/service/usage"
)

// TestAMonthIsClosedOnce has many close the same months at once, of two sellers one
// below the other: every statement is made once, its lines add up, the numbers of
// each seller have no gap, and the journal tells of each closing and issue once.
func TestAMonthIsClosedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		slugs := []string{"acme", "bravo", "cove", "fjord"}
		mappings := []map[string]any{}
		for _, slug := range slugs {
			mappings = append(mappings, map[string]any{"subAccountId": "account-of-" + slug, "organizationId": w.ids[slug]})
		}
		w.must(t, "paula", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "mappings": mappings}})
		w.must(t, "paula", mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids["northwind"], "factor": "1.033333", "firstMonth": "2026-01",
		}})
		for back := range 2 {
			file := w.usageFile(t, walkMonth().AddDate(0, -back, 0), slugs...)
			if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "northwind"), bytes.NewReader(file), usage.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, month := range []string{"2026-09", "2026-10"} {
			for _, seller := range []struct{ slug, actor string }{{"northwind", "paula"}, {"fjord", "sven"}} {
				told := together(20, func(int) string {
					answer := w.must(t, seller.actor, mutation("closeBillingMonth", "statementCount statements { id number status total { amount } }"),
						map[string]any{"i": map[string]any{"sellerId": w.ids[seller.slug], "month": month}})
					return fmt.Sprint(answer)
				})
				if slices.Sort(told); told[0] != told[len(told)-1] {
					t.Errorf("%s of %s: told %s and %s", month, seller.slug, told[0], told[len(told)-1])
				}
			}
		}
		w.checkStatements(t, "northwind", 6)
		w.checkStatements(t, "fjord", 2)
		for action, want := range map[string]int{"closeBillingMonth": 4, "issueStatements": 8} {
			got, err := db.Client().JournalEntry.Query().Where(journalentry.Action(action)).Count(w.system(t))
			if err != nil || got != want {
				t.Errorf("%d entries of %s, want %d: %v", got, action, want, err)
			}
		}
	})
}

// checkStatements wants a seller to have some statements, numbered from 1 without a
// gap, whose lines add up in whole cents.
func (w *world) checkStatements(t *testing.T, seller string, want int) {
	t.Helper()
	ctx, client := w.system(t), w.platform.db.Client()
	var numbers []int64
	for _, row := range one(t, func() ([]*ent.Statement, error) { return client.Statement.Query().All(ctx) }) {
		if row.SellerID != w.key(t, seller) {
			continue
		}
		numbers = append(numbers, *row.Number)
		lines := one(t, func() ([]*ent.StatementLine, error) {
			return client.StatementLine.Query().Where(statementline.StatementID(row.ID)).All(ctx)
		})
		var posted, exact money.Decimal
		for _, line := range lines {
			amount := decimalOf(t, line.Amount)
			if !amount.Round(2).Equal(amount) {
				t.Errorf("a line of %s", line.Amount)
			}
			posted, exact = posted.Add(amount), exact.Add(decimalOf(t, line.ExactAmount))
		}
		if total := decimalOf(t, row.Total); len(lines) == 0 || !posted.Equal(total) || !exact.Round(2).Equal(total) {
			t.Errorf("statement %d of %s: lines of %s, exactly %s", *row.Number, row.Total, posted, exact)
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != int64(i+1) {
			t.Errorf("the numbers of %s are %v", seller, numbers)
			break
		}
	}
	if len(numbers) != want {
		t.Errorf("%s has %d statements, want %d", seller, len(numbers), want)
	}
}
