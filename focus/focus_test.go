package focus

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headwater-platform/headwater/money"
)

// cells are the cells of one record by column.
type cells map[string]string

// plain returns the cells of the least row that is accepted, changed.
func plain(changes cells) cells {
	row := cells{
		"BilledCost": "1.5", "BillingCurrency": "USD", "BillingAccountId": "acct", "ProviderName": "AWS",
		"BillingPeriodStart": "2024-09-01T00:00:00Z", "BillingPeriodEnd": "2024-10-01T00:00:00Z",
		"ChargePeriodStart": "2024-09-18T22:00:00Z", "ChargePeriodEnd": "2024-09-18T23:00:00Z",
		"ChargeCategory": "Usage",
	}
	maps.Copy(row, changes)
	return row
}

// plainRow returns what the cells of plain say, changed.
func plainRow(line int, change func(*Row)) Row {
	r := Row{
		Line: line, BilledCost: money.New(15, 1), BillingCurrency: "USD", BillingAccountID: "acct", Provider: "AWS",
		BillingPeriodStart: date(2024, 9, 1, 0), BillingPeriodEnd: date(2024, 10, 1, 0),
		ChargePeriodStart: date(2024, 9, 18, 22), ChargePeriodEnd: date(2024, 9, 18, 23),
		ChargeCategory: CategoryUsage,
	}
	if change != nil {
		change(&r)
	}
	return r
}

func date(year, month, day, hour int) time.Time {
	return time.Date(year, time.Month(month), day, hour, 0, 0, 0, time.UTC)
}

// file returns a CSV file of the records. All have the columns of the first,
// in alphabetical order.
func file(records ...cells) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	header := slices.Sorted(maps.Keys(records[0]))
	write := func(record []string) {
		if err := w.Write(record); err != nil {
			panic(err)
		}
	}
	write(header)
	for _, r := range records {
		record := make([]string, len(header))
		for i, name := range header {
			record[i] = r[name]
		}
		write(record)
	}
	w.Flush()
	return b.String()
}

func compressed(t testing.TB, contents ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, content := range contents {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// readAll returns the good rows, the bad ones, and what ended the file, which
// is nil behind the last row.
func readAll(r io.Reader, o Options) (rows []Row, bad []*RowError, err error) {
	reader, err := NewReader(r, o)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := reader.Next()
		var rowError *RowError
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.As(err, &rowError):
			bad = append(bad, rowError)
		case errors.Is(err, io.EOF):
			return rows, bad, nil
		default:
			return rows, bad, err
		}
	}
}

// mustRead returns the rows of a file without fault.
func mustRead(t testing.TB, content string, o Options) []Row {
	t.Helper()
	rows, bad, err := readAll(strings.NewReader(content), o)
	if err != nil {
		t.Fatalf("read file: %v", err)
	}
	if len(bad) > 0 {
		t.Fatalf("bad row: %v", bad[0])
	}
	return rows
}

func diffRows(want, got []Row) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

func diffRowsButLines(want, got []Row) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Row{}, "Line"))
}
