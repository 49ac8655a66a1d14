package paper

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

func csvOf(t testing.TB, d Document) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteCSV(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCSV(t *testing.T) {
	t.Parallel()
	d := statement(2)
	d.Seller.Name = `Nordlicht, "Cloud"`
	d.Totals = append(d.Totals[:1:1], Total{Kind: Tax, Label: "VAT", Amount: money.New(5, 0)})
	d.Lines = append(d.Lines, Line{Kind: Discount, Label: "a gift", Amount: money.New(-5, 0)})
	want := strings.Join([]string{
		`kind,label,detail,amount,currency,number,seller,buyer`,
		`line,AWS · Service 0,,-10000,EUR,N-2026-000412,"Nordlicht, ""Cloud""",Fabryka Łódź Sp. z o.o.`,
		`line,AWS · Service 1,project 1,-9920.81,EUR,N-2026-000412,"Nordlicht, ""Cloud""",Fabryka Łódź Sp. z o.o.`,
		`discount,a gift,,-5,EUR,N-2026-000412,"Nordlicht, ""Cloud""",Fabryka Łódź Sp. z o.o.`,
		`total,Subtotal,,-19920.81,EUR,N-2026-000412,"Nordlicht, ""Cloud""",Fabryka Łódź Sp. z o.o.`,
		`tax,VAT,,5,EUR,N-2026-000412,"Nordlicht, ""Cloud""",Fabryka Łódź Sp. z o.o.`,
		``,
	}, "\r\n")
	if diff := cmp.Diff(want, csvOf(t, d)); diff != "" {
		t.Error(diff)
	}
	if got := csvOf(t, Document{Currency: "EUR"}); got != "kind,label,detail,amount,currency,number,seller,buyer\r\n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestCells(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"=1+1":                          "'=1+1",
		"+49 40 123":                    "'+49 40 123",
		"-10 % discount":                "'-10 % discount",
		"@SUM(A1)":                      "'@SUM(A1)",
		"\t=1":                          "'=1",
		"\r\n=1":                        "'=1",
		" =1":                           "'=1",
		"＝1":                            "'＝1",
		"a=1":                           "a=1",
		"'=1":                           "'=1",
		"a\r\nb\tc":                     "a b c",
		"a\x00b\u202ec":                 "a�b�c",
		"\xff":                          "�",
		"山田 😀":                          "山田 😀",
		strings.Repeat("é", MaxText):    strings.Repeat("é", MaxText),
		strings.Repeat("é", MaxText+1):  strings.Repeat("é", MaxText-1) + "…",
		strings.Repeat(" ", 5000) + "a": "…",
	} {
		if got := cell(text); got != want {
			t.Errorf("%.40q is %.40q, want %.40q", text, got, want)
		}
	}
}

func FuzzWriteCSV(f *testing.F) {
	for _, d := range hostile() {
		f.Add(short(d.Title), short(d.Title), "EUR", int64(-5), int32(2))
	}
	f.Add("=cmd|' /C calc'!A0", "\t@a", "JPY", int64(7), int32(0))
	f.Fuzz(func(t *testing.T, label, name, currency string, amount int64, places int32) {
		d := Document{
			Currency: currency, Number: name, Seller: Party{Name: name}, Buyer: Party{Name: label},
			Lines:  []Line{{Label: label, Detail: name, Amount: money.New(amount, places)}},
			Totals: []Total{{Label: name, Amount: money.New(amount, places)}},
		}
		var out bytes.Buffer
		if err := WriteCSV(&out, d); err != nil {
			if out.Len() > 0 || d.check() == nil {
				t.Fatalf("%d bytes, %v", out.Len(), err)
			}
			return
		}
		if !utf8.Valid(out.Bytes()) {
			t.Errorf("no UTF-8: %q", out.String())
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows[1:] {
			if got, err := money.Parse(row[3]); err != nil || !got.Equal(money.New(amount, places)) {
				t.Errorf("the amount is %q", row[3])
			}
			for _, text := range slices.Delete(row, 3, 4) {
				if strings.IndexAny(text, "=+-@\t\r") == 0 || strings.ContainsAny(text, "\r\n\x00") {
					t.Errorf("a cell is %q", text)
				}
			}
		}
	})
}

func BenchmarkWriteCSV(b *testing.B) {
	d := statement(1_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteCSV(&bytes.Buffer{}, d); err != nil {
			b.Fatal(err)
		}
	}
}
