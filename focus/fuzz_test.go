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
