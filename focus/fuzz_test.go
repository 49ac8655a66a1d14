package focus

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzReader reads arbitrary files: reading ends after at most one call per
// line, stays within its bounds, and what it accepts survives being written.
func FuzzReader(f *testing.F) {
	content := file(plain(cells{"Tags": `{"a":1}`, "Id": "7"}), plain(cells{"BilledCost": "1e20000000"}))
	for _, seed := range []string{
		"", content, everyColumn, "\ufeff" + content, compressed(f, content), compressed(f, compressed(f, content)),
		strings.ReplaceAll(content, "\n", "\r\n"), content + "\"", content + "\n,\n\"\n\",", "\xff\xfea\x00",
		compressed(f, content)[:30], compressed(f, strings.Repeat("\n", 1<<16)),
		file(awsCells(nil)), file(azureCells(nil)), file(ociCells(nil)), file(awsCells(nil)) + file(awsCells(nil)),
	} {
		f.Add([]byte(seed))
	}
	options := Options{MaxRecordBytes: 4096, MaxContentBytes: 1 << 20, MaxRatio: 100}
	f.Fuzz(func(t *testing.T, stored []byte) {
		r, err := NewReader(bytes.NewReader(stored), options)
		if err != nil {
			return
		}
		var rows []Row
		line := 1
		for calls := 0; ; calls++ {
			row, err := r.Next()
			var bad *RowError
			if err != nil && !errors.As(err, &bad) {
				checkEnd(t, r, err)
				break
			}
			if bad == nil {
				rows = append(rows, row)
			} else {
				row.Line = bad.Line
			}
			if row.Line <= line {
				t.Fatalf("line %d comes behind line %d", row.Line, line)
			}
			line = row.Line
			if calls > 1<<20 {
				t.Fatal("reading does not end")
			}
		}
		checkRewritten(t, rows, r.ExtraColumns())
	})
}

func checkEnd(t *testing.T, r *Reader, err error) {
	t.Helper()
	if r.ContentBytes() > 1<<20+2*bufferSize {
		t.Errorf("%d bytes were decompressed", r.ContentBytes())
	}
	_, hashed := r.ContentHash()
	var file *FileError
	if errors.Is(err, io.EOF) != hashed || !hashed && !errors.As(err, &file) {
		t.Errorf("the file ended with %v; a hash is there: %t", err, hashed)
	}
}

// checkRewritten checks that the rows are the same after a write and a read.
func checkRewritten(t *testing.T, rows []Row, extra []string) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, WriterOptions{Extra: extra})
	if err != nil {
		return // the file has both names of a column
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatalf("a row that was read cannot be written: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again, bad, err := readAll(&b, Options{})
	if err != nil || len(bad) > 0 {
		t.Fatalf("what was written cannot be read: %v, %v", bad, err)
	}
	if diff := diffRowsButLines(rows, again); diff != "" {
		t.Error(diff)
	}
}

// FuzzWriter writes arbitrary texts and numbers: what is accepted is read back
// unchanged.
func FuzzWriter(f *testing.F) {
	f.Add("acct", "USD", "Usage", "a\r\nb", "key", "value", "1.5")
	f.Add("a\rb", "EUR", "credit", "a\r\r\nb", "", "", "0")
	f.Add("NULL", "(null)", "tax", "\xff", " key", "\x00", "-1e-18")
	f.Fuzz(func(t *testing.T, account, currency, category, description, key, value, cost string) {
		amount, err := parseAmount(cost)
		if err != nil {
			return
		}
		row := plainRow(0, func(r *Row) {
			r.BillingAccountID, r.BillingCurrency, r.ChargeCategory = account, currency, category
			r.ChargeDescription, r.Tags, r.BilledCost = description, map[string]string{key: value}, amount
			r.Extra = []Field{{"x_A", value}}
		})
		var b bytes.Buffer
		w, err := NewWriter(&b, WriterOptions{Extra: []string{"x_A"}})
		if err != nil {
			t.Fatal(err)
		}
		if w.Write(&row) != nil {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got := mustRead(t, b.String(), Options{})
		want := row
		want.BillingAccountID, want.ChargeDescription = unifyLineBreaks(account), unifyLineBreaks(description)
		want.ChargeCategory, _ = chargeCategory(category)
		if isNull(description) {
			want.ChargeDescription = ""
		}
		want.Extra = []Field{{"x_A", unifyLineBreaks(value)}}
		if isNull(value) {
			want.Extra = nil
		}
		if diff := diffRowsButLines([]Row{want}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzTags holds the fast way to read tags against the JSON decoder.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"b"}`, `{ "a": "b",  "c": "d"}`, `{"a":"b",}`, `{"a":"b"}}`, `{"a":"b","a":"b"}`, `{"a":"\u0041"}`,
		"{\"a\":\"\n\"}", `{"":""}`, `{"a" :"b"}`, `{"a":"b" }`, `{"a":"b"`, `{"a":1}`, "{\"a\":\"\x7f\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		fast, ok := parsePlainTags(cell)
		if !ok || notText(cell) != "" {
			return
		}
		slow, err := parseAnyTags(cell)
		if err != nil {
			t.Fatalf("the decoder refuses what the fast way reads as %q: %v", fast, err)
		}
		if diff := cmp.Diff(slow, fast); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzAWS reads line items of arbitrary cells.
func FuzzAWS(f *testing.F) {
	for _, kind := range []string{"Usage", "SavingsPlanNegation", "RIFee", "Tax", "EdpDiscount", "Refund", "12"} {
		f.Add(kind, "1.5", "0.5", "2023-11-04T22:00:00Z", "resourceTags/user:a", "b", `{"user_a":"b"}`)
	}
	f.Add("SavingsPlanCoveredUsage", "1e20000000", "NaN", "", "resource_tags", "NULL", `{"product_name":"NULL"}`)
	f.Fuzz(func(t *testing.T, kind, cost, amount, start, name, cell, object string) {
		checkNative(t, "lineItem/UnblendedCost", awsCells(cells{
			"lineItem/LineItemType": kind, "lineItem/UnblendedCost": cost, "lineItem/UsageStartDate": start,
			"reservation/EffectiveCost": amount, "savingsPlan/UsedCommitment": amount, "reservation/UnusedRecurringFee": amount,
			"pricing/publicOnDemandCost": amount, "lineItem/ProductCode": cell, "bill/BillType": cell,
			"product": object, "resource_tags": object, name: cell,
		}))
	})
}

// FuzzAzure reads charges of arbitrary cells.
func FuzzAzure(f *testing.F) {
	f.Add("Usage", "Reservation", "1.5", "9/2/2023", "9/30/2023", `"a": "b"`, "x_BillingAccountId", "East US")
	f.Add("UnusedSavingsPlan", "Spot", "1E-07", "2023-09-02", "12/31/9999", `{"a": "b"}`, "PublisherName", "(NU LL)")
	f.Add("12", "", "NaN", "13/2/2023", "", "{", "Tags", "NULL")
	f.Fuzz(func(t *testing.T, kind, model, cost, day, last, tags, name, cell string) {
		checkNative(t, "CostInBillingCurrency", azureCells(cells{
			"ChargeType": kind, "PricingModel": model, "CostInBillingCurrency": cost, "Date": day, "BillingPeriodEndDate": last,
			"Tags": tags, "ResourceLocation": cell, "Frequency": cell, "ServiceFamily": cell, "BillingAccountId": cell, name: cell,
		}))
	})
}

// FuzzOCI reads usage of arbitrary cells.
func FuzzOCI(f *testing.F) {
	f.Add("6.266090E-12", "2023-11-13T07:00Z", "2023-11-13T08:00:00Z", "true", "tags/a.b", "ocid1.instance.oc1.x")
	f.Add("-0.012264277499950943", "9999-12-31", "", "no", "tags/", "ocid1.NULL.x")
	f.Fuzz(func(t *testing.T, cost, start, end, correction, name, cell string) {
		checkNative(t, "cost/myCost", ociCells(cells{
			"cost/myCost": cost, "lineItem/intervalUsageStart": start, "lineItem/intervalUsageEnd": end,
			"lineItem/isCorrection": correction, "product/resourceId": cell, "product/service": cell, name: cell,
		}))
	})
}

// checkNative checks that a record is refused, or billed or kept at its cost,
// and as FOCUS the same. Twice, since cells are remembered.
func checkNative(t *testing.T, cost string, record cells) {
	t.Helper()
	r, err := NewReader(strings.NewReader(file(record, record)), Options{})
	if err != nil {
		return
	}
	var rows []Row
	for {
		row, err := r.Next()
		var bad *RowError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			break
		}
		rows = append(rows, row)
		stated, err := parseAmount(record[cost])
		if kept := valueOf(row.Extra, "x_"+cost); kept != "" && row.BilledCost.IsZero() {
			continue
		}
		if err != nil || !row.BilledCost.Equal(stated) {
			t.Fatalf("%s is billed at %s: %v", record[cost], row.BilledCost, err)
		}
	}
	if len(rows) == 1 {
		t.Fatal("the same row is read once and refused once")
	}
	if len(rows) == 2 {
		if diff := diffRowsButLines(rows[:1], rows[1:]); diff != "" {
			t.Error(diff)
		}
	}
	checkRewritten(t, rows, r.ExtraColumns())
}
