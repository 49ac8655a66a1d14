package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/discount"
	"github.com/headwater-platform/headwater/ent/statementitem"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/usage"
)

// TestValuesAreUsedOnce has many close two months at once, some of whom give up on
// the way: what statements take off is what discounts have been used for, no more
// than they are worth, and everything on each statement adds up.
func TestValuesAreUsedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		slugs := []string{"acme", "bravo", "fjord"}
		mappings := []map[string]any{}
		for _, slug := range slugs {
			mappings = append(mappings, map[string]any{"subAccountId": "account-of-" + slug, "organizationId": w.ids[slug]})
		}
		w.must(t, "paula", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "mappings": mappings}})
		for slug, value := range map[string]string{"acme": "0.05", "bravo": "1000000", "fjord": "3"} {
			w.must(t, "paula", mutation("createDiscount", "clientMutationId"), map[string]any{"i": map[string]any{
				"sellerId": w.ids["northwind"], "buyerId": w.ids[slug], "description": "a gift", "value": value, "currency": "USD", "firstMonth": "2026-09",
			}})
		}
		w.must(t, "paula", mutation("createDiscount", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids["northwind"], "description": "a third", "percent": "33.3333", "firstMonth": "2026-09",
		}})
		w.must(t, "paula", mutation("createTaxRate", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids["northwind"], "name": "VAT", "percent": "19.6", "firstMonth": "2026-09",
		}})
		for back := range 2 {
			file := w.usageFile(t, walkMonth().AddDate(0, -back, 0), slugs...)
			if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "northwind"), bytes.NewReader(file), usage.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{"2026-09", "2026-10"} {
			month, err := pricing.ParseMonth(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, told := range together(20, func(i int) string {
				ctx, cancel := context.WithTimeout(w.system(t), time.Duration(i+1)*2*time.Millisecond)
				defer cancel()
				_, _, err := w.platform.services.Statements.Close(ctx, w.key(t, "northwind"), month)
				return string(fault.CodeOf(err))
			}) {
				if told != "" && told != string(fault.Internal) { // gave up
					t.Errorf("%s: %s", text, told)
				}
			}
			if _, _, err := w.platform.services.Statements.Close(w.system(t), w.key(t, "northwind"), month); err != nil {
				t.Fatal(err)
			}
		}
		w.checkUse(t)
	})
}

// checkUse adds up what is on statements and what was used of discounts.
func (w *world) checkUse(t *testing.T) {
	t.Helper()
	ctx, client := w.system(t), w.platform.db.Client()
	statements := one(t, func() ([]*ent.Statement, error) { return client.Statement.Query().All(ctx) })
	if len(statements) != 6 {
		t.Errorf("%d statements", len(statements))
	}
	for _, row := range statements {
		var sum, reductions money.Decimal
		for _, line := range one(t, func() ([]*ent.StatementLine, error) {
			return client.StatementLine.Query().Where(statementline.StatementID(row.ID)).All(ctx)
		}) {
			sum = sum.Add(decimalOf(t, line.Amount))
		}
		for _, item := range one(t, func() ([]*ent.StatementItem, error) {
			return client.StatementItem.Query().Where(statementitem.StatementID(row.ID)).All(ctx)
		}) {
			sum = sum.Add(decimalOf(t, item.Amount))
			if item.Kind == statementitem.KindDISCOUNT {
				reductions = reductions.Add(decimalOf(t, item.Amount))
			}
		}
		if !sum.Equal(decimalOf(t, row.Total)) || !reductions.Equal(decimalOf(t, row.Discount)) || reductions.IsZero() {
			t.Errorf("a statement of %s, less %s, says %s, less %s", row.Total, row.Discount, sum, reductions)
		}
	}
	for _, row := range one(t, func() ([]*ent.Discount, error) {
		return client.Discount.Query().Where(discount.ModeEQ(discount.ModeVALUE)).All(ctx)
	}) {
		var taken money.Decimal
		for _, item := range one(t, func() ([]*ent.StatementItem, error) {
			return client.StatementItem.Query().Where(statementitem.DiscountID(row.ID)).All(ctx)
		}) {
			taken = taken.Sub(decimalOf(t, item.Amount))
		}
		if used := decimalOf(t, row.ValueUsed); !used.Equal(taken) || used.Cmp(decimalOf(t, *row.Value)) > 0 || used.IsZero() {
			t.Errorf("%s of %s are used, statements take %s off", used, *row.Value, taken)
		}
	}
}

// TestAVoucherIsRedeemedOnce has many redeem one voucher at once: one of them has
// it if it can be redeemed once, else each customer once.
func TestAVoucherIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for actor, slug := range map[string]string{"olga": "acme", "bob": "bravo"} {
			w.must(t, actor, mutation("addPaymentMethod", "clientMutationId"), map[string]any{"i": map[string]any{
				"organizationId": w.ids[slug], "kind": "CARD", "processor": "acquirer", "reference": slug, "label": "card",
			}})
		}
		for _, tt := range []struct {
			most any
			want int
		}{{1, 1}, {nil, 2}} {
			code := dig(w.must(t, "paula", mutation("createVoucher", "code"), map[string]any{"i": map[string]any{
				"sellerId": w.ids["northwind"], "description": "for one", "percent": "5", "maxRedemptions": tt.most,
			}}), "createVoucher.code")
			told := together(20, func(i int) string {
				actor, slug := "olga", "acme"
				if i%2 == 0 {
					actor, slug = "bob", "bravo"
				}
				answer := w.askWith(t, actor, mutation("redeemVoucher", "discount { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids[slug], "code": code}})
				return string(answer)
			})
			got := 0
			for _, answer := range told {
				switch {
				case !strings.Contains(answer, `"errors"`):
					got++
				case !strings.Contains(answer, "NOT_FOUND") && !strings.Contains(answer, "CONFLICT"):
					t.Errorf("told %s", answer)
				}
			}
			if got != tt.want {
				t.Errorf("%d have redeemed it, want %d", got, tt.want)
			}
		}
		ctx, client := w.system(t), db.Client()
		for _, row := range one(t, func() ([]*ent.Voucher, error) { return client.Voucher.Query().All(ctx) }) {
			made := one(t, func() (int, error) { return client.Discount.Query().Where(discount.VoucherID(row.ID)).Count(ctx) })
			if row.Redemptions != made {
				t.Errorf("%d redemptions and %d discounts", row.Redemptions, made)
			}
		}
	})
}

// TestCreditNotesTakeBackNoMoreThanThereIs has many credit a statement at once.
func TestCreditNotesTakeBackNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		id := w.issued(t, 1) // of 5
		told := together(20, func(i int) string {
			return string(w.askWith(t, "paula", mutation("issueCreditNote", "creditNote { number }"), map[string]any{"i": map[string]any{
				"statementId": id, "lines": []map[string]any{{"reason": fmt.Sprintf("reason %d", i), "amount": "0.9"}},
			}}))
		})
		var numbers []int64
		for _, row := range one(t, func() ([]*ent.CreditNote, error) { return db.Client().CreditNote.Query().All(w.system(t)) }) {
			numbers = append(numbers, row.Number)
		}
		if slices.Sort(numbers); !slices.Equal(numbers, []int64{1, 2, 3, 4, 5}) {
			t.Errorf("the credit notes are %v: %v", numbers, told)
		}
	})
}
