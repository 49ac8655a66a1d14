package focus

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/internal/effort"
)

// usage returns a file of 44 columns, in the widths and with the repetitions of
// a real one: 100 accounts, 720 hours, and a cost of its own for each row.
func usage(rows int) []byte {
	var b bytes.Buffer
	header := []string{
		"AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency",
		"BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
		"ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountCategory",
		"CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus", "CommitmentDiscountType",
		"ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
		"InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit",
		"ProviderName", "PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType",
		"ServiceCategory", "Id", "ServiceName", "SkuId", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
	}
	b.WriteString(`"` + strings.Join(header, `","`) + "\"\n")
	for i := range rows {
		writeUsage(&b, i)
	}
	return b.Bytes()
}

func writeUsage(b *bytes.Buffer, i int) {
	day, hour, account := i/24%29+1, i%24, i%100
	cost := fmt.Sprintf("0.%08d990", i%100_000_000)
	fmt.Fprintf(b, `NULL,%s,"1234567890123","SunBird","USD","2024-10-01 00:00:00","2024-09-01 00:00:00",`, cost)
	b.WriteString(`"Usage",NULL,"$0.008 per used capacity unit-hour (or partial hour) of a load balancer",`)
	fmt.Fprintf(b, `"Usage-Based","2024-09-%02d %02d:59:59","2024-09-%02d %02d:00:00",NULL,NULL,NULL,NULL,NULL,`,
		day, hour, day, hour)
	fmt.Fprintf(b, `0.%06d490000000,"LCU-Hours",%s,0.008,%s,"Amazon Web Services, Inc.",%s,"0.008","Standard",`,
		i%1_000_000, cost, cost, cost)
	fmt.Fprintf(b, `0.%06d49000,"LCU-Hours","AWS","Amazon Web Services, Inc.","us-west-2","US West (Oregon)",`, i%1_000_000)
	fmt.Fprintf(b, `"arn:cloud:balancing:us-west-2:%012d:balancer/app/tungsten/%032x",NULL,NULL,"Networking",%d,`,
		account, i, i)
	fmt.Fprintf(b, `"Elastic Load Balancing","2ETY8Y42%04d","2ETY8Y42%04d.JRTCKXETXF.6YS6EN2CT7","%012d","Zenith %d",`,
		i%300, i%300, account, account)
	fmt.Fprintf(b, `"{""application"": ""BrightLens"", ""environment"": ""dev"", ""OrganizationID"": ""org-%d""}"`+"\n", account)
}

func BenchmarkReader(b *testing.B) {
	content := usage(20_000)
	benchmarkReader(b, content, len(content))
}

func BenchmarkReaderGzip(b *testing.B) {
	content := usage(20_000)
	benchmarkReader(b, []byte(compressed(b, string(content))), len(content))
}

func BenchmarkReaderSample(b *testing.B) {
	content := sample(b, publishedSample)
	benchmarkReader(b, []byte(content), len(content))
}

func benchmarkReader(b *testing.B, stored []byte, size int) {
	b.Helper()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(stored), Options{})
		for err == nil {
			_, err = r.Next()
			rows++
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		rows--
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkBareCSV is the floor: the same records, no cell looked at.
func BenchmarkBareCSV(b *testing.B) {
	content := usage(20_000)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(content))
		r.ReuseRecord = true
		_, err := r.Read()
		for err == nil {
			_, err = r.Read()
			rows++
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		rows--
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWriter(b *testing.B) {
	rows := mustRead(b, string(usage(1000)), Options{})
	b.ReportAllocs()
	w, err := NewWriter(io.Discard, WriterOptions{Extra: []string{"Id"}})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		if err := w.Write(&rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "rows/s")
}

// TestReaderAllocatesTwicePerRow allows for the text of the record and for its
// extra cells. It is not parallel: it counts the allocations of the process.
func TestReaderAllocatesTwicePerRow(t *testing.T) {
	content := usage(3000)
	r, err := NewReader(bytes.NewReader(content), Options{})
	if err != nil {
		t.Fatal(err)
	}
	next := func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		next() // fills the memo
	}
	if n := testing.AllocsPerRun(1000, next); n > 2 {
		t.Errorf("a row takes %v allocations", n)
	}
}

// TestMemoryDoesNotGrowWithTheFile is not parallel: it measures the heap of the
// whole process. Each row has a tag and a timestamp of its own, so that what is
// remembered would grow if it could.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	rows := effort.Cases(1_000_000)
	source, sink := io.Pipe()
	go func() {
		sink.CloseWithError(writeDistinct(sink, rows))
	}()
	r, err := NewReader(source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var early uint64
	for n := range rows {
		if _, err := r.Next(); err != nil {
			t.Fatalf("row %d: %v", n, err)
		}
		if n == rows/10 {
			early = heapInUse()
		}
	}
	if late := heapInUse(); late > early+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes over %d bytes of text", early, late, r.ContentBytes())
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v behind the last row", err)
	}
}

// TestMemoStaysSmall is not parallel: it measures the heap of the whole process.
// Each cell is cut from a record that is a thousand times as long.
func TestMemoStaysSmall(t *testing.T) {
	m := newMemo()
	early := heapInUse()
	filler := strings.Repeat("a", 1<<20)
	for i := range 100 {
		record := filler + fmt.Sprintf(`{"a":"%d"}2024-01-01T00:00:%02dZ`, i, i%60)
		cell, end, _ := strings.Cut(record[len(filler):], "}")
		if _, err := m.tags(record[len(filler):len(filler)+len(cell)+1], parseTags); err != nil {
			t.Fatal(err)
		}
		if _, err := m.time(end, parseTime); err != nil {
			t.Fatal(err)
		}
	}
	if late := heapInUse(); late > early+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
	for i := range max(maxMemoTags, maxMemoTimes) + 1 {
		if _, err := m.tags(fmt.Sprintf(`{"b":"%d"}`, i), parseTags); err != nil {
			t.Fatal(err)
		}
		if _, err := m.time(fmt.Sprintf("2024-01-01T00:00:00.%05dZ", i), parseTime); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.knownTags) > maxMemoTags || len(m.knownTimes) > maxMemoTimes {
		t.Errorf("%d tags and %d times are remembered", len(m.knownTags), len(m.knownTimes))
	}
	long := `{"c":"` + filler + `"}`
	if tags, err := m.tags(long, parseTags); err != nil || tags["c"] != filler {
		t.Errorf("a long tag is not read: %v", err)
	}
	if _, ok := m.knownTags[long]; ok {
		t.Error("a long tag is remembered")
	}
	runtime.KeepAlive(m)
}

func writeDistinct(w io.Writer, rows int) error {
	record := plain(cells{"ChargePeriodEnd": "END", "Tags": "TAGS"})
	header, template, _ := strings.Cut(file(record), "\n")
	if _, err := io.WriteString(w, header+"\n"); err != nil {
		return err
	}
	for i := range rows {
		end := fmt.Sprintf("2024-%02d-%02d %02d:%02d:%02d.%03d", i%3+10, i%28+1, i%24, i%60, i/60%60, i%1000)
		tags := fmt.Sprintf(`"{""a"":""%0500d""}"`, i)
		if _, err := io.WriteString(w, strings.NewReplacer("END", end, "TAGS", tags).Replace(template)); err != nil {
			return err
		}
	}
	return nil
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestUsageLooksLikeTheSample keeps the benchmark honest.
func TestUsageLooksLikeTheSample(t *testing.T) {
	t.Parallel()
	published := sample(t, publishedSample)
	header, _, _ := strings.Cut(published, "\n")
	generated := string(usage(1000))
	if got, _, _ := strings.Cut(generated, "\n"); got != strings.TrimSuffix(header, "\r") {
		t.Errorf("the columns are %s", got)
	}
	if ratio := float64(len(generated)) / float64(len(published)); ratio < 0.8 || ratio > 1.2 {
		t.Errorf("a row has %.2f times the bytes of a published one", ratio)
	}
}

// TestFileOnDisk reads a file as a caller does, by its name.
func TestFileOnDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usage.csv.gz")
	if err := os.WriteFile(path, []byte(written(t, WriterOptions{Gzip: true}, plainRow(2, nil))), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, bad, err := readAll(f, Options{})
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	if diff := diffRows([]Row{plainRow(2, nil)}, rows); diff != "" {
		t.Error(diff)
	}
}
