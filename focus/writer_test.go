package focus

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// written returns the file of the rows.
func written(t testing.TB, o WriterOptions, rows ...Row) string {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, o)
	if err != nil {
		t.Fatalf("write header: %v", err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatalf("write row %d: %v", i, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return b.String()
}

func TestWriterWritesFOCUS10(t *testing.T) {
	t.Parallel()
	least := plainRow(0, func(r *Row) { r.BilledCost = money.New(8, 7) })
	got := written(t, WriterOptions{Extra: []string{"x_Team", "ListUnitPrice"}}, everyField(), least)
	header, rows, _ := strings.Cut(everyColumn, "\n")
	header = strings.Replace(header, "Tags,ListUnitPrice,x_Team", "Tags,x_Team,ListUnitPrice", 1)
	rows = strings.Replace(rows, "0.25,blue\n", "blue,0.25\n", 1)
	rows = strings.Replace(rows, `{""env"": ""prod""}`, `{""env"":""prod""}`, 1)
	rows += "0.0000008,,,,USD,acct,,,,2024-09-01T00:00:00Z,2024-10-01T00:00:00Z," +
		"2024-09-18T22:00:00Z,2024-09-18T23:00:00Z,Usage,,,,AWS,,,,,,,,,,,,,,,,,,,,\n"
	if diff := cmp.Diff(header+"\n"+rows, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriterLeavesOutExtraCellsThatAreNotNamed(t *testing.T) {
	t.Parallel()
	for _, o := range []WriterOptions{{}, {Gzip: true}, {Extra: []string{"x_Empty"}}} {
		got := mustRead(t, written(t, o, everyField()), Options{})
		want := everyField()
		want.Extra = nil
		if diff := diffRows([]Row{want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestWriterWritesNullsAlike wants a text that is read as null to be written as
// what is null is.
func TestWriterWritesNullsAlike(t *testing.T) {
	t.Parallel()
	odd := plainRow(2, func(r *Row) {
		r.BillingAccountName, r.ResourceName, r.Extra = "NULL", "(null)", []Field{{"x_A", "NULL"}}
	})
	o := WriterOptions{Extra: []string{"x_A"}}
	if diff := cmp.Diff(written(t, o, plainRow(2, nil)), written(t, o, odd)); diff != "" {
		t.Error(diff)
	}
}

func TestWriterCompresses(t *testing.T) {
	t.Parallel()
	got := written(t, WriterOptions{Gzip: true}, everyField())
	if !strings.HasPrefix(got, gzipMagic) {
		t.Errorf("the file starts with %q", got[:2])
	}
	if again := written(t, WriterOptions{Gzip: true}, everyField()); again != got {
		t.Error("the same rows give another file")
	}
}

func TestWriterRefusesWhatCannotBeReadBack(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Row)
		column string
		want   string
	}{
		"no category":     {func(r *Row) { r.ChargeCategory = "" }, "ChargeCategory", "the value is missing"},
		"unknown class":   {func(r *Row) { r.ChargeClass = "Late" }, "ChargeClass", "neither Correction nor null"},
		"no account":      {func(r *Row) { r.BillingAccountID = "" }, "BillingAccountId", "the value is missing"},
		"account NULL":    {func(r *Row) { r.BillingAccountID = "NULL" }, "BillingAccountId", "the value is missing"},
		"no provider":     {func(r *Row) { r.Provider = "" }, "ProviderName", "the value is missing"},
		"bad currency":    {func(r *Row) { r.BillingCurrency = "€" }, "BillingCurrency", "is not a currency"},
		"no period":       {func(r *Row) { r.ChargePeriodStart = time.Time{} }, "ChargePeriodStart", "not within the years"},
		"reversed period": {func(r *Row) { r.ChargePeriodEnd = date(2000, 1, 1, 0) }, "ChargePeriodEnd", "ends before"},
		"empty period":    {func(r *Row) { r.BillingPeriodEnd = r.BillingPeriodStart }, "BillingPeriodEnd", "does not end after"},
		"many digits":     {func(r *Row) { r.BilledCost = money.New(1, 19) }, "BilledCost", "at most 18 digits"},
		"large quantity":  {func(r *Row) { r.ConsumedQuantity = Some(money.New(1, -20)) }, "ConsumedQuantity", "at most 20 digits"},
		"an overflow":     {func(r *Row) { r.BilledCost = money.New(1, 3000) }, "BilledCost", "is not a decimal"},
		"not UTF-8":       {func(r *Row) { r.ServiceName = "\xff" }, "ServiceName", "not in UTF-8"},
		"a NUL":           {func(r *Row) { r.ResourceID = "a\x00" }, "ResourceId", "NUL"},
		"a tag key":       {func(r *Row) { r.Tags = map[string]string{"\xff": ""} }, "Tags", "not in UTF-8"},
		"a tag value":     {func(r *Row) { r.Tags = map[string]string{"a": "\xff"} }, "Tags", "not in UTF-8"},
		"a tag of NUL":    {func(r *Row) { r.Tags = map[string]string{"a": "\x00"} }, "Tags", "NUL"},
		"an extra cell":   {func(r *Row) { r.Extra = []Field{{"x_A", "\xff"}} }, "x_A", "not in UTF-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w, err := NewWriter(&b, WriterOptions{Extra: []string{"x_A"}})
			if err != nil {
				t.Fatal(err)
			}
			row := plainRow(0, test.change)
			var bad *RowError
			if err := w.Write(&row); !errors.As(err, &bad) || bad.Column != test.column || !strings.Contains(bad.Message, test.want) {
				t.Errorf("got %v, want column %s: %s", err, test.column, test.want)
			}
			good := plainRow(2, nil)
			if err := errors.Join(w.Write(&good), w.Close()); err != nil {
				t.Fatal(err)
			}
			if diff := diffRows([]Row{good}, mustRead(t, b.String(), Options{})); diff != "" {
				t.Errorf("the refused row left something behind: %s", diff)
			}
		})
	}
}

func TestWriterRefusesNamesOfExtraColumns(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{
		{""},
		{"BilledCost"},
		{"billedcost"},
		{"ProviderName"},
		{"ServiceProviderName"},
		{"publishername"},
		{"x_A", "x_a"},
		{"\xff"},
		{"a\x00"},
		{"a\rb"},
	} {
		_, err := NewWriter(io.Discard, WriterOptions{Extra: names})
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Invalid || f.Field != "extra" {
			t.Errorf("%q: got %v", names, err)
		}
	}
}

// full is a writer that takes room bytes and fails then.
type full struct{ room int }

var errFull = errors.New("disk full")

func (f *full) Write(p []byte) (int, error) {
	f.room -= len(p)
	if f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterReportsWhatItCouldNotWrite(t *testing.T) {
	t.Parallel()
	row := plainRow(0, func(r *Row) { r.ServiceName = strings.Repeat("仮想", 3000) })
	for _, compress := range []bool{false, true} {
		for _, room := range []int{0, 30, 5000} {
			w, err := NewWriter(&full{room}, WriterOptions{Gzip: compress})
			for range 20 {
				if err == nil {
					err = w.Write(&row)
				}
			}
			if w != nil {
				err = errors.Join(err, w.Close())
			}
			if compress && room == 5000 {
				if err != nil {
					t.Errorf("compressed rows do not fit: %v", err)
				}
				continue
			}
			if !errors.Is(err, errFull) {
				t.Errorf("compressed %t, room %d: got %v", compress, room, err)
			}
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`x_[A-Za-z0-9 ,"]{1,8}`), 0, 4, strings.ToLower).Draw(t, "names")
		rows := rapid.SliceOfN(anyRow(names), 0, 6).Draw(t, "rows")
		o := WriterOptions{Gzip: rapid.Bool().Draw(t, "gzip"), Extra: names}
		var b bytes.Buffer
		w, err := NewWriter(&b, o)
		if err != nil {
			t.Fatalf("header: %v", err)
		}
		for i := range rows {
			if err := w.Write(&rows[i]); err != nil {
				t.Fatalf("row %d: %v", i, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, bad, err := readAll(&b, Options{})
		if err != nil || len(bad) > 0 {
			t.Fatal(bad, err)
		}
		if diff := diffRowsButLines(rows, got); diff != "" {
			t.Error(diff)
		}
	})
}

// anyRow draws a row as a Reader returns it.
func anyRow(extra []string) *rapid.Generator[Row] {
	return rapid.Custom(func(t *rapid.T) Row {
		text := func(name string) string { return anyText().Draw(t, name) }
		must := func(name string) string { return anyText().Filter(notEmpty).Draw(t, name) }
		optional := func(name string) NullDecimal {
			if rapid.Bool().Draw(t, name+" null") {
				return NullDecimal{}
			}
			return Some(anyAmount().Draw(t, name))
		}
		at := rapid.SliceOfN(anyTime(), 4, 4).Draw(t, "instants")
		slices.SortFunc(at[:2], time.Time.Compare)
		slices.SortFunc(at[2:], time.Time.Compare)
		r := Row{
			BilledCost: anyAmount().Draw(t, "billed"), EffectiveCost: optional("effective"),
			ListCost: optional("list"), ContractedCost: optional("contracted"),
			BillingCurrency:  rapid.StringMatching(`[A-Za-z0-9_-]{1,16}`).Filter(notNull).Draw(t, "currency"),
			BillingAccountID: must("account"), BillingAccountName: text("account name"),
			SubAccountID: text("sub-account"), SubAccountName: text("sub-account name"),
			BillingPeriodStart: at[0], BillingPeriodEnd: at[1].Add(time.Nanosecond),
			ChargePeriodStart: at[2], ChargePeriodEnd: at[3],
			ChargeCategory: rapid.SampledFrom([]string{
				CategoryUsage, CategoryPurchase, CategoryTax, CategoryCredit, CategoryAdjustment,
			}).Draw(t, "category"),
			ChargeClass:       rapid.SampledFrom([]string{"", ClassCorrection}).Draw(t, "class"),
			ChargeDescription: text("description"),
			ChargeFrequency: rapid.SampledFrom([]string{
				"", FrequencyOneTime, FrequencyRecurring, FrequencyUsageBased, "Weekly",
			}).Draw(t, "frequency"),
			Provider: must("provider"), HostProvider: text("host"), InvoiceIssuer: text("issuer"),
			ServiceName: text("service"), ServiceCategory: text("service category"),
			SKU: text("sku"), SKUPrice: text("sku price"),
			Region: text("region"), RegionName: text("region name"), AvailabilityZone: text("zone"),
			ResourceID: text("resource"), ResourceName: text("resource name"), ResourceType: text("resource type"),
			ConsumedQuantity: optional("consumed"), ConsumedUnit: text("consumed unit"),
			PricingQuantity: optional("priced"), PricingUnit: text("pricing unit"), PricingCategory: text("pricing"),
			Tags: rapid.MapOf(rapid.StringOf(anyRune()), rapid.StringOf(anyRune())).Draw(t, "tags"),
		}
		for _, name := range extra {
			if value := text(name); value != "" {
				r.Extra = append(r.Extra, Field{name, value})
			}
		}
		return r
	})
}

// anyTime draws a time up to but without the last nanosecond of the year 9999.
func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(0, 253402300799).Draw(t, "seconds")
		return time.Unix(seconds, rapid.Int64Range(0, 999_999_998).Draw(t, "nanoseconds")).UTC()
	})
}

// anyText draws a text that is not one of the null markers and has line feeds
// for line breaks.
func anyText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.ReplaceAll(rapid.StringOf(anyRune()).Draw(t, "text"), "\r", "\n")
	}).Filter(notNull)
}

func anyRune() *rapid.Generator[rune] {
	return rapid.RuneFrom([]rune("NULa,\"'\\ \t\n\r<&{}é仮🚀\u2028\ufeff\ufffd")).Filter(func(r rune) bool { return r != 0 })
}

func anyAmount() *rapid.Generator[money.Decimal] {
	return rapid.Custom(func(t *rapid.T) money.Decimal {
		whole := money.FromInt(rapid.Int64().Draw(t, "whole"))
		return whole.Add(money.New(rapid.Int64Range(-999999999999999999, 999999999999999999).Draw(t, "fraction"), 18))
	})
}

func notEmpty(s string) bool { return s != "" }

func notNull(s string) bool { return s == "" || !isNull(s) }

func TestWrittenNullMarkersReadBackAsNull(t *testing.T) {
	t.Parallel()
	row := plainRow(2, func(r *Row) {
		r.ServiceName, r.ResourceID, r.Extra = "NULL", "(null)", []Field{{"x_A", "NULL"}}
	})
	got := mustRead(t, written(t, WriterOptions{Extra: []string{"x_A"}}, row), Options{})
	if diff := diffRows([]Row{plainRow(2, nil)}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriterWritesTimesInUTC(t *testing.T) {
	t.Parallel()
	row := plainRow(2, nil)
	row.ChargePeriodStart = row.ChargePeriodStart.In(time.FixedZone("", 2*60*60))
	if got := written(t, WriterOptions{}, row); !strings.Contains(got, ",2024-09-18T22:00:00Z,") {
		t.Errorf("got %s", got)
	}
}

func TestColumnsHaveOneNameEach(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, c := range columns() {
		for _, name := range []string{c.name, c.alias} {
			if name != "" && seen[name] {
				t.Errorf("%s is the name of two columns", name)
			}
			seen[name] = true
		}
	}
	if len(slices.Collect(maps.Keys(seen))) < 36 {
		t.Errorf("there are only %d names", len(seen))
	}
}
