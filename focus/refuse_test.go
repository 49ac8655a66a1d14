package focus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
)

func TestBadRows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		column, cell string
		want         string
	}{
		"19 digits behind the point":  {"BilledCost", "0.0000000000000000001", "at most 18 digits after"},
		"21 digits before the point":  {"BilledCost", "100000000000000000000", "at most 20 digits before"},
		"too many digits by E":        {"ListCost", "1E-19", "at most 18 digits after"},
		"too many digits in quantity": {"PricingQuantity", "1E20", "at most 20 digits before"},
		"an endless exponent":         {"BilledCost", "1e20000000", "exponent beyond"},
		"an endless small exponent":   {"EffectiveCost", "1e-20000000", "exponent beyond"},
		"an exponent beyond integers": {"ContractedCost", "1e99999999999999999999999999", "exponent beyond"},
		"an endless number":           {"ConsumedQuantity", strings.Repeat("9", 5000), "at most 100 characters"},
		"NaN":                         {"BilledCost", "NaN", `"NaN" is not a decimal`},
		"Inf":                         {"BilledCost", "Inf", `"Inf" is not a decimal`},
		"-Infinity":                   {"BilledCost", "-Infinity", "is not a decimal"},
		"a plus sign":                 {"BilledCost", "+1.5", `"+1.5" is not a decimal`},
		"thousands separators":        {"BilledCost", "1,000.00", `"1,000.00" is not a decimal`},
		"thousands underscores":       {"BilledCost", "1_000", "is not a decimal"},
		"a decimal comma":             {"BilledCost", "1,5", "is not a decimal"},
		"a currency sign":             {"BilledCost", "$1.5", "is not a decimal"},
		"hexadecimal":                 {"BilledCost", "0x10", "is not a decimal"},
		"a space before a number":     {"BilledCost", " 1", "is not a decimal"},
		"digits of another script":    {"BilledCost", "١", "is not a decimal"},
		"no cost":                     {"BilledCost", "NULL", "the value is missing"},
		"no currency":                 {"BillingCurrency", "", "the value is missing"},
		"no account":                  {"BillingAccountId", "(null)", "the value is missing"},
		"no provider":                 {"ProviderName", "", "the value is missing"},
		"no category":                 {"ChargeCategory", "NULL", "the value is missing"},
		"an unknown category":         {"ChargeCategory", "Refund", `"Refund" is none of Usage, Purchase, Tax, Credit, Adjustment`},
		"an unknown class":            {"ChargeClass", "Restated", `"Restated" is neither Correction nor null`},
		"a long currency":             {"BillingCurrency", "seventeen_letters", "longer than the 16 characters"},
		"a currency sign as currency": {"BillingCurrency", "€", "is not a currency"},
		"a currency with a space":     {"BillingCurrency", "US D", "is not a currency"},
		"no start":                    {"BillingPeriodStart", "NULL", "the value is missing"},
		"no end":                      {"BillingPeriodEnd", "", "the value is missing"},
		"no start of the charge":      {"ChargePeriodStart", "", "the value is missing"},
		"no end of the charge":        {"ChargePeriodEnd", "", "the value is missing"},
		"a reversed billing period":   {"BillingPeriodEnd", "2024-08-01", "the billing period does not end after its start"},
		"an empty billing period":     {"BillingPeriodEnd", "2024-09-01", "the billing period does not end after its start"},
		"a reversed charge period":    {"ChargePeriodEnd", "2024-09-18T21:59:59Z", "the charge period ends before its start"},
		"the American order of dates": {"ChargePeriodStart", "9/18/2024", `"9/18/2024" is not a timestamp`},
		"no such day":                 {"ChargePeriodStart", "2024-02-30", "is not a timestamp"},
		"no such hour":                {"ChargePeriodStart", "2024-02-03T25:00:00Z", "is not a timestamp"},
		"a zone by name":              {"ChargePeriodStart", "2024-02-03 01:00:00 CET", "is not a timestamp"},
		"seconds since 1970":          {"ChargePeriodStart", "1726696800", "is not a timestamp"},
		"a long timestamp":            {"ChargePeriodStart", strings.Repeat("2024", 500), "is not a timestamp"},
		"the year 0":                  {"ChargePeriodStart", "0000-01-01", "not within the years 1970 to 9999"},
		"before 1970 in UTC":          {"ChargePeriodStart", "1970-01-01T00:00:00+01:00", "not within the years"},
		"after 9999 in UTC":           {"ChargePeriodEnd", "9999-12-31T23:59:59-01:00", "not within the years"},
		"tags without braces":         {"Tags", `"a": "b"`, "not a JSON object of tags"},
		"tags in a list":              {"Tags", `["a"]`, "not a JSON object of tags"},
		"tags that are a text":        {"Tags", "env=prod", "not a JSON object of tags"},
		"tags that are cut off":       {"Tags", `{"a": "b"`, "not a JSON object of tags"},
		"tags with something behind":  {"Tags", `{"a": "b"} {}`, "not a JSON object of tags"},
		"tags with a comma too many":  {"Tags", `{"a": "b",}`, "not a JSON object of tags"},
		"a tag key without quotes":    {"Tags", `{a: "b"}`, "not a JSON object of tags"},
		"a tag key that is a number":  {"Tags", `{1: "b"}`, "not a JSON object of tags"},
		"a tag without a value":       {"Tags", `{"a"}`, "not a JSON object of tags"},
		"a list in a tag":             {"Tags", `{"a": ["b"]}`, `the value of the tag "a" is not a text`},
		"an object in a tag":          {"Tags", `{"a": {"b": "c"}}`, `the value of the tag "a" is not a text`},
		"a tag twice":                 {"Tags", `{"a": "b", "\u0061": "c"}`, `the tag "a" comes twice`},
		"a NUL in a tag":              {"Tags", `{"a": "\u0000"}`, `the tag "a" holds a NUL character`},
		"a NUL in a tag key":          {"Tags", `{"\u0000": "a"}`, "holds a NUL character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := plain(cells{test.column: plain(nil)[test.column]})
			first := plain(cells{test.column: plain(nil)[test.column], "ChargeDescription": "two\nlines"})
			content := file(first, plain(cells{test.column: test.cell}), good)
			rows, bad, err := readAll(strings.NewReader(content), Options{})
			if err != nil || len(bad) != 1 || len(rows) != 2 {
				t.Fatalf("got %d rows, %d bad ones and %v, want 2, 1 and none", len(rows), len(bad), err)
			}
			if bad[0].Line != 4 || bad[0].Column != test.column || !strings.Contains(bad[0].Message, test.want) {
				t.Errorf("got %v, want line 4, column %s: … %s …", bad[0], test.column, test.want)
			}
			if len(bad[0].Error()) > 300 {
				t.Errorf("the message has %d bytes", len(bad[0].Error()))
			}
			if rows[1].Line != 5 {
				t.Errorf("the row behind the bad one is said to be on line %d, not 5", rows[1].Line)
			}
		})
	}
}

func TestRowsOfAnotherLength(t *testing.T) {
	t.Parallel()
	content := file(plain(nil), plain(nil))
	record := strings.SplitAfter(content, "\n")[2]
	content += strings.Replace(record, "\n", ",\n", 1) + "\"\"\n" + record + "cut,off"
	rows, bad, err := readAll(strings.NewReader(content), Options{})
	if err != nil || len(rows) != 3 {
		t.Fatalf("got %d rows and %v", len(rows), err)
	}
	want := []*RowError{
		{Line: 4, Message: "the row has 10 cells, the header 9"},
		{Line: 5, Message: "the row has 1 cells, the header 9"},
		{Line: 7, Message: "the row has 2 cells, the header 9"},
	}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Error(diff)
	}
}

func TestBadHeaders(t *testing.T) {
	t.Parallel()
	header, _, _ := strings.Cut(file(plain(nil)), "\n")
	tests := map[string]struct{ content, want string }{
		"no mandatory column": {
			"Id,Cost\n1,2\n",
			"line 1: the header is that of no known format; for FOCUS it lacks BilledCost, BillingCurrency, BillingAccountId, BillingPeriodStart, BillingPeriodEnd, " +
				"ChargePeriodStart, ChargePeriodEnd, ChargeCategory, ServiceProviderName (ProviderName)",
		},
		"one is missing": {
			strings.Replace(header, "BilledCost", "billed cost", 1), "line 1: the header is nearest to FOCUS and lacks BilledCost",
		},
		"a column twice": {
			header + ",Id,x_A,Id\n", `line 1: column "Id" of the header is there twice, as column 10 and 12`,
		},
		"a column twice in another case": {
			header + ",billedcost\n", `line 1: column "billedcost" of the header is there twice, as column 1 and 10`,
		},
		"a column without a name": {header + ",,Id\n", "line 1: column 10 of the header has no name"},
		"semicolons": {
			strings.ReplaceAll(header, ",", ";"), `line 1: the cells are separated by ";", not by commas`,
		},
		"tabs": {strings.ReplaceAll(header, ",", "\t"), `line 1: the cells are separated by "\t", not by commas`},
		"too many columns": {
			header + strings.Repeat(",x", maxColumns), "line 1: the header has 4105 columns, more than 4096",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(strings.NewReader(test.content), Options{})
			var file *FileError
			if !errors.As(err, &file) || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNullIsNoDefault(t *testing.T) {
	t.Parallel()
	record := plain(nil)
	delete(record, "BilledCost")
	_, err := NewReader(strings.NewReader(file(record)), Options{Defaults: map[string]string{"BilledCost": "NULL"}})
	if want := "line 1: the header is nearest to FOCUS and lacks BilledCost"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBadDefaults(t *testing.T) {
	t.Parallel()
	content := "Id\n1\n"
	for name, defaults := range map[string]map[string]string{
		"default of column x_Team: there is no such column":                          {"x_Team": "a"},
		"default of column : there is no such column":                                {"": "a"},
		`default of column BilledCost: "much" is not a decimal number`:               {"BilledCost": "much"},
		"default of column ServiceName: the text is not in UTF-8":                    {"ServiceName": "\xff"},
		`default of column ChargeClass: "None" is neither Correction nor null`:       {"ChargeClass": "None"},
		"default of column ServiceProviderName: it is given twice, under both names": {"ServiceProviderName": "a", "serviceprovidername": "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(strings.NewReader(content), Options{Defaults: defaults})
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Invalid || f.Field != "defaults" {
				t.Fatalf("got %v, want INVALID of the defaults", err)
			}
			if !strings.EqualFold(f.Message, name) {
				t.Errorf("got %q", f.Message)
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	content := file(plain(nil), plain(cells{"BillingAccountId": "two\nlines"}))
	packed := compressed(t, content)
	damaged := []byte(packed)
	damaged[len(damaged)-5] ^= 1 // in the checksum
	tests := map[string]struct {
		content string
		want    FileError
	}{
		"empty":                    {"", FileError{0, 0, "the file is empty"}},
		"compressed nothing":       {compressed(t, ""), FileError{0, 0, "the file is empty"}},
		"only a byte order mark":   {"\ufeff", FileError{0, 0, "the file has no header"}},
		"only blank lines":         {"\n\r\n\n\n", FileError{0, 0, "the file has no header"}},
		"UTF-16, little endian":    {"\xff\xfeB\x00i\x00", FileError{0, 0, "the file is in UTF-16, not in UTF-8"}},
		"UTF-16, big endian":       {"\xfe\xff\x00B\x00i", FileError{0, 0, "the file is in UTF-16, not in UTF-8"}},
		"UTF-16 without a mark":    {"B\x00i\x00", FileError{1, 1, "the text holds a NUL character; is the file in UTF-16?"}},
		"a spreadsheet":            {"PK\x03\x04rest", FileError{0, 0, "the file is a ZIP archive or a spreadsheet, not CSV or CSV.gz"}},
		"Parquet":                  {"PAR1rest", FileError{0, 0, "the file is in Parquet, not in CSV or CSV.gz"}},
		"compressed twice":         {compressed(t, packed), FileError{0, 0, "the file is compressed twice"}},
		"compressed UTF-16":        {compressed(t, "\xff\xfeB\x00"), FileError{0, 0, "the file is in UTF-16, not in UTF-8"}},
		"Latin-1 in the header":    {"BilledCost,Gr\xf6\xdfe\n", FileError{1, 12, "the text is not in UTF-8"}},
		"Latin-1 in a row":         {content + "1,2,\xe9", FileError{5, 5, "the text is not in UTF-8"}},
		"a character cut by a row": {content + "\xe2\x82\n\xac", FileError{5, 1, "the text is not in UTF-8"}},
		"a NUL": {content + "1,\"a\n\x00\"\n", FileError{
			5, 3, "the text holds a NUL character; is the file in UTF-16?",
		}},
		"a quote that is not closed": {content + "\n1,\"2\n3", FileError{
			7, 2, "a quoted cell of the record that starts on line 6 is not closed, or text follows its closing quote",
		}},
		"text behind a quote": {content + "1,\"2\"3\n", FileError{
			5, 5, "a quoted cell of the record that starts on line 5 is not closed, or text follows its closing quote",
		}},
		"a quote inside a cell": {content + "1,2\"3\n", FileError{
			5, 4, "a quote stands inside a cell that does not start with one",
		}},
		"a quote in the header": {"Billed\"Cost\n", FileError{
			1, 7, "a quote stands inside a cell that does not start with one",
		}},
		"gzip cut in its header": {packed[:5], FileError{0, 0, "the compressed data ends too early: the file is truncated"}},
		"gzip cut in its data": {packed[:len(packed)-20], FileError{
			0, 0, "the compressed data ends too early: the file is truncated",
		}},
		"gzip cut in its checksum": {packed[:len(packed)-1], FileError{
			5, 0, "the compressed data ends too early: the file is truncated",
		}},
		"gzip with a wrong checksum": {string(damaged), FileError{
			5, 0, "the compressed data is damaged: gzip: invalid checksum",
		}},
		"gzip with text behind it": {packed + "and more, and more", FileError{
			5, 0, "the compressed data is damaged: gzip: invalid header",
		}},
		"gzip of no method": {"\x1f\x8b\x01" + packed[3:], FileError{
			0, 0, "the compressed data is damaged: gzip: invalid header",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad, err := readAll(strings.NewReader(test.content), Options{})
			var got *FileError
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want %v", err, &test.want)
			}
			if test.want.Line == 0 && strings.HasPrefix(name, "gzip cut") {
				got.Line = 0 // depends on how much the decompressor gives
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Error(diff)
			}
			if len(bad) > 0 || len(rows) > 2 {
				t.Errorf("got %d rows and %d bad ones before the error", len(rows), len(bad))
			}
		})
	}
}

func TestNextRepeatsWhatEndedTheFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"the end": file(plain(nil)),
		"a fault": file(plain(nil)) + "1,2\"3\n" + file(plain(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := NewReader(strings.NewReader(content), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			_, first := r.Next()
			for range 3 {
				//nolint:errorlint // it is the very same error
				if row, err := r.Next(); err != first || !cmp.Equal(row, Row{}) {
					t.Errorf("got %v and %v, then %v", first, row, err)
				}
			}
		})
	}
}

func TestErrorsAreFaultsThatNameThePlace(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"line 3, column BilledCost: too much": &RowError{3, "BilledCost", "too much"},
		"line 3: too short":                   &RowError{3, "", "too short"},
		"line 3, column 4: a quote":           &FileError{3, 4, "a quote"},
		"line 3: too long":                    &FileError{3, 0, "too long"},
		"empty":                               &FileError{0, 0, "empty"},
	} {
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Invalid || f.Field != "file" || f.Message != want || err.Error() != want {
			t.Errorf("got %v, as a fault %v, want %s", err, f, want)
		}
	}
}

func TestFailureToReadIsNoFaultOfTheFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	content := file(plain(nil))
	for name, part := range map[string]string{
		"at once":              "",
		"in the magic":         "B",
		"in the header":        content[:20],
		"in a row":             content[:len(content)-5],
		"behind the last row":  content,
		"in compressed header": compressed(t, content)[:5],
		"in compressed data":   compressed(t, content)[:60],
		"behind compressed":    compressed(t, content),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readAll(io.MultiReader(strings.NewReader(part), iotest.ErrReader(broken)), Options{})
			var file *FileError
			if !errors.Is(err, broken) || errors.As(err, &file) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("cut off by the other side", func(t *testing.T) {
		t.Parallel()
		part := compressed(t, content)[:60]
		_, _, err := readAll(io.MultiReader(strings.NewReader(part), iotest.ErrReader(io.ErrUnexpectedEOF)), Options{})
		if fault.CodeOf(err) != fault.Internal || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an end that is none", func(t *testing.T) {
		t.Parallel()
		wrapped := fmt.Errorf("stream reset: %w", io.EOF)
		_, _, err := readAll(io.MultiReader(strings.NewReader(content), iotest.ErrReader(wrapped)), Options{})
		if err == nil || !strings.Contains(err.Error(), "stream reset") || fault.CodeOf(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
	})
	t.Run("that never progresses", func(t *testing.T) {
		t.Parallel()
		_, _, err := readAll(stuck{}, Options{})
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("got %v", err)
		}
	})
}

// stuck is a reader that never returns anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReaderTakesAnyChunks(t *testing.T) {
	t.Parallel()
	content := file(plain(cells{"ServiceName": "仮想マシン", "ChargeDescription": "a\nb"}), plain(nil))
	want := mustRead(t, content, Options{})
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"single bytes":           iotest.OneByteReader,
		"the end with the data":  iotest.DataErrReader,
		"half of what is wanted": iotest.HalfReader,
	} {
		for form, stored := range map[string]string{"plain": content, "gzip": compressed(t, content)} {
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				got, bad, err := readAll(wrap(strings.NewReader(stored)), Options{})
				if err != nil || len(bad) > 0 {
					t.Fatal(bad, err)
				}
				if diff := diffRows(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// endless is a reader that returns head and then fill for ever.
type endless struct {
	head, fill string
	at, read   int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.at < int64(len(e.head)) {
			k := copy(p[n:], e.head[e.at:])
			e.at += int64(k)
			n += k
			continue
		}
		at := int(e.at-int64(len(e.head))) % len(e.fill)
		k := copy(p[n:], e.fill[at:])
		e.at += int64(k)
		n += k
	}
	e.read += int64(n)
	return n, nil
}

func TestRecordWithoutEndIsNotReadIntoMemory(t *testing.T) {
	t.Parallel()
	head := file(plain(nil))
	for name, source := range map[string]*endless{
		"a long cell":             {head: head, fill: "a"},
		"a quoted cell":           {head: head + "\"", fill: "a"},
		"a quoted cell of lines":  {head: head + "\"", fill: "aaaa\n"},
		"a quoted cell of quotes": {head: head + "\"", fill: `""`},
		"many cells":              {head: head, fill: ","},
		"blank lines":             {head: head, fill: "\n"},
		"a header":                {head: "", fill: "a"},
	} {
		for _, limit := range []int64{1000, 100_000, DefaultMaxRecordBytes} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source := *source
				rows, _, err := readAll(&source, Options{MaxRecordBytes: limit})
				var got *FileError
				wantLine := len(rows) + 2
				if source.head == "" {
					wantLine = 1
				}
				if !errors.As(err, &got) || got.Line != wantLine || !strings.Contains(got.Message, "longer than") {
					t.Fatalf("got %v, want the record on line %d to be too long", err, wantLine)
				}
				if most := limit + 3*bufferSize; source.read > most {
					t.Errorf("read %d bytes of a record that may have %d", source.read, limit)
				}
			})
		}
	}
}

func TestLinesAreCountedThroughCellsOfSeveral(t *testing.T) {
	t.Parallel()
	content := file(plain(cells{"x_Z": "the last\ncell\n"}), plain(cells{"x_Z": "\n"}))
	_, _, err := readAll(strings.NewReader(content+strings.Repeat("a", 2000)), Options{MaxRecordBytes: 1000})
	want := "line 7: the record is longer than 1000 bytes"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRecordsMayBeBoundless(t *testing.T) {
	t.Parallel()
	long := plain(cells{"ChargeDescription": strings.Repeat("a", 2*DefaultMaxRecordBytes)})
	o := Options{MaxRecordBytes: math.MaxInt64, MaxContentBytes: math.MaxInt64, MaxRatio: math.MaxInt64}
	if rows := mustRead(t, file(long, plain(nil)), o); len(rows) != 2 {
		t.Errorf("got %d rows", len(rows))
	}
}

func TestRecordBoundIsExact(t *testing.T) {
	t.Parallel()
	head := file(plain(cells{"x_A": "a"}))
	record := strings.SplitAfter(head, "\n")[1]
	for _, size := range []int{1000, bufferSize - 1, bufferSize, bufferSize + 1, 3*bufferSize + 17} {
		padding := strings.Repeat("a", size-len(record))
		content := head + strings.Replace(record, ",a\n", ","+padding+"a\n", 1) + record
		if rows := mustRead(t, content, Options{MaxRecordBytes: int64(size)}); len(rows) != 3 {
			t.Errorf("got %d rows with a record of just %d bytes", len(rows), size)
		}
		rows, _, err := readAll(strings.NewReader(content), Options{MaxRecordBytes: int64(size) - 1})
		var file *FileError
		if !errors.As(err, &file) || file.Line != 3 || len(rows) != 1 {
			t.Errorf("got %d rows and %v with a record of %d bytes, one too many", len(rows), err, size)
		}
	}
}

// bomb returns a small gzip stream of size repeated bytes behind head.
func bomb(t *testing.T, head, fill string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	source := &endless{head: head, fill: fill}
	if _, err := io.CopyN(z, source, int64(size)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompressionBombs(t *testing.T) {
	t.Parallel()
	content := file(plain(nil))
	record := strings.SplitAfter(content, "\n")[1]
	const size = 24 << 20
	for name, test := range map[string]struct {
		fill string
		o    Options
		want string
	}{
		"a record":             {"a", Options{}, "the record is longer than 1048576 bytes"},
		"rows, by their ratio": {record, Options{MaxRatio: 50}, "the file is compressed by more than 50 to 1"},
		"rows, by their size":  {record, Options{MaxContentBytes: 20 << 20}, "the file holds more than 20971520 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := NewReader(bytes.NewReader(bomb(t, content, test.fill, size)), test.o)
			for err == nil {
				_, err = r.Next()
			}
			var file *FileError
			if !errors.As(err, &file) || file.Message != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if r.ContentBytes() > 21<<20 {
				t.Errorf("decompressed %d bytes", r.ContentBytes())
			}
			if _, ok := r.ContentHash(); ok {
				t.Error("a file that was not read to its end has a hash")
			}
		})
	}
	t.Run("the hash alone", func(t *testing.T) {
		t.Parallel()
		_, err := ContentHash(bytes.NewReader(bomb(t, content, record, size)), Options{MaxRatio: 50})
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not a bomb", func(t *testing.T) {
		t.Parallel()
		stored := bomb(t, content, record, len(content)+1000*len(record))
		if rows := mustRead(t, string(stored), Options{MaxRatio: 2}); len(rows) != 1001 {
			t.Errorf("got %d rows", len(rows))
		}
	})
}

func TestContentBoundHoldsForPlainFiles(t *testing.T) {
	t.Parallel()
	_, _, err := readAll(&endless{head: file(plain(nil)), fill: "x\n"}, Options{MaxContentBytes: 1 << 20})
	var file *FileError
	if !errors.As(err, &file) || file.Message != "the file holds more than 1048576 bytes" {
		t.Errorf("got %v", err)
	}
}
