package usage_test

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// BenchmarkImport imports generated rows through four tiers. On PostgreSQL it
// then writes the same rows into the same tables of another database by a bare
// COPY, which knows nothing of usage and prices, to compare with. The number of
// rows is that of HEADWATER_BENCH_ROWS.
func BenchmarkImport(b *testing.B) {
	rows := benchRows(b)
	path := filepath.Join(b.TempDir(), "usage.csv")
	generate(b, path, rows)
	b.Run("sqlite", func(b *testing.B) {
		for b.Loop() {
			w := benchWorld(b, dbtest.SQLite(b))
			benchImport(b, w, path, rows)
		}
	})
	b.Run("postgres", func(b *testing.B) {
		for b.Loop() {
			url := dbtest.PostgresURL(b)
			w := benchWorld(b, dbtest.Open(b, url))
			seconds := benchImport(b, w, path, rows)
			bare := bareCopy(b, url, dbtest.PostgresURL(b))
			b.ReportMetric(float64(rows)/bare, "bare-rows/s")
			b.ReportMetric(bare/seconds, "of-bare")
		}
	})
}

// BenchmarkRate rates what BenchmarkImport imports again, after the platform has
// changed its price for everybody.
func BenchmarkRate(b *testing.B) {
	rows := benchRows(b)
	path := filepath.Join(b.TempDir(), "usage.csv")
	generate(b, path, rows)
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := benchWorld(b, open(b))
				benchImport(b, w, path, rows)
				w.reprice("root", "1.08", pricing.Source, rates.Selector{})
				debug.FreeOSMemory()
				forgetPeak()
				b.StartTimer()
				start := time.Now()
				w.settle()
				b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
				if peak, ok := peakMiB(); ok {
					b.ReportMetric(peak, "peak-MiB")
				}
			}
		})
	}
}

func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("HEADWATER_BENCH_ROWS")
	if text == "" {
		return 20_000
	}
	rows, err := strconv.Atoi(text)
	if err != nil || rows < 1 {
		b.Fatalf("HEADWATER_BENCH_ROWS=%q is no number of rows", text)
	}
	return rows
}

const (
	benchPartners  = 5
	benchResellers = 10
	benchCustomers = 60
	benchSKUs      = 12
)

// benchWorld returns four tiers, each of which prices what it sells.
func benchWorld(b *testing.B, db *database.DB) *world {
	b.Helper()
	w := newWorld(b, db)
	w.price(price{seller: "root", basis: billingmultiplier.BasisSOURCE, factor: "1.07"})
	w.price(price{seller: "root", sku: "SKU-3", basis: billingmultiplier.BasisLIST, factor: "0.95"})
	for i := range benchPartners {
		name := fmt.Sprintf("partner-%d", i)
		w.grow(name, "root", orgtree.Partner)
		w.price(price{seller: name, basis: billingmultiplier.BasisUPSTREAM, factor: "1.05"})
	}
	for i := range benchResellers {
		name := fmt.Sprintf("reseller-%d", i)
		w.grow(name, fmt.Sprintf("partner-%d", i%benchPartners), orgtree.Partner)
		w.price(price{seller: name, sku: "SKU-1", basis: billingmultiplier.BasisUPSTREAM, factor: "1.2"})
	}
	owners := map[string]string{}
	for i := range benchCustomers {
		name := fmt.Sprintf("customer-%d", i)
		w.grow(name, fmt.Sprintf("reseller-%d", i%benchResellers), orgtree.Standard)
		owners[subAccount(i)] = name
	}
	w.mapSubAccounts(owners)
	return w
}

func subAccount(customer int) string { return fmt.Sprintf("%012d", 430_000_000_000+customer*7919) }

// generate writes hourly charges of one month, the same for the same number.
func generate(b *testing.B, path string, rows int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buffered := bufio.NewWriterSize(f, 1<<20)
	out, err := focus.NewWriter(buffered, focus.WriterOptions{Extra: []string{"ListUnitPrice", "ContractedUnitPrice", "x_Operation"}})
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		row := benchRow(random, i*720/rows)
		if err := out.Write(&row); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), buffered.Flush()); err != nil {
		b.Fatal(err)
	}
}

// benchRow returns a charge of an hour of the month with the columns that
// providers fill.
func benchRow(random *rand.Rand, hour int) focus.Row {
	sku := random.IntN(benchSKUs)
	customer := random.IntN(benchCustomers)
	month := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
	quantity := money.New(random.Int64N(1_000_000), 9)
	cost := quantity.Mul(money.New(int64(sku)*37+4, 4))
	return focus.Row{
		BilledCost: cost, EffectiveCost: focus.Some(cost), ListCost: focus.Some(cost.Mul(money.New(11, 1))), ContractedCost: focus.Some(cost),
		BillingCurrency: "USD", BillingAccountID: "1234567890123", BillingAccountName: "SunBird",
		SubAccountID: subAccount(customer), SubAccountName: fmt.Sprintf("Atlas Nimbus %d", customer),
		BillingPeriodStart: month, BillingPeriodEnd: month.AddDate(0, 1, 0),
		ChargePeriodStart: month.Add(time.Duration(hour) * time.Hour), ChargePeriodEnd: month.Add(time.Duration(hour+1) * time.Hour),
		ChargeCategory: focus.CategoryUsage, ChargeFrequency: focus.FrequencyUsageBased,
		ChargeDescription: fmt.Sprintf("$0.00%d per request in tier %d in US West (Oregon)", sku*37+4, sku),
		Provider:          "AWS", HostProvider: "AWS", InvoiceIssuer: "Amazon Web Services, Inc.",
		ServiceName: fmt.Sprintf("Amazon Service %d", sku/3), ServiceCategory: "Compute",
		SKU: fmt.Sprintf("SKU-%d", sku), SKUPrice: fmt.Sprintf("SKU-%d.JRTCKXETXF.6YS6EN2CT7", sku),
		Region: "us-west-2", RegionName: "US West (Oregon)",
		ResourceID:       fmt.Sprintf("arn:aws:ec2:us-west-2:%s:instance/i-%016x", subAccount(customer), random.Uint64()>>40),
		ConsumedQuantity: focus.Some(quantity), ConsumedUnit: "Requests",
		PricingQuantity: focus.Some(quantity), PricingUnit: "Requests", PricingCategory: "Standard",
		Tags:  map[string]string{"application": fmt.Sprintf("app-%d", customer%7), "environment": "dev", "business_unit": "ViennaAI"},
		Extra: []focus.Field{{Name: "ListUnitPrice", Value: "0.0004"}, {Name: "ContractedUnitPrice", Value: "0.0004"}, {Name: "x_Operation", Value: "RunInstances"}},
	}
}

// benchImport imports the file, reports its speed and memory and returns the
// seconds it took.
func benchImport(b *testing.B, w *world, path string, rows int) float64 {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	debug.FreeOSMemory()
	forgetPeak()
	start := time.Now()
	imported, err := w.svc.Import(w.ctx, w.orgs["root"], f, usage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	seconds := time.Since(start).Seconds()
	if imported.RowsStored != rows || imported.UnattributedRows != 0 {
		b.Fatalf("stored %d of %d rows, %d without an owner", imported.RowsStored, rows, imported.UnattributedRows)
	}
	b.ReportMetric(float64(rows)/seconds, "rows/s")
	if peak, ok := peakMiB(); ok {
		b.ReportMetric(peak, "peak-MiB")
	}
	return seconds
}

// forgetPeak makes Linux count the greatest resident size anew.
func forgetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peakMiB returns the greatest resident size of the process, where Linux tells.
func peakMiB() (float64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0, false
	}
	kib, err := strconv.ParseFloat(string(found[1]), 64)
	return kib / 1024, err == nil
}

// bareCopy copies what an import wrote in one database into the same tables of
// another and returns the seconds that the copying alone takes: the rows come
// from a file as COPY reads them.
func bareCopy(b *testing.B, from, to string) float64 {
	b.Helper()
	source, target := plainDatabase(b, from), plainDatabase(b, to)
	var seconds float64
	for _, table := range []string{
		"organizations", "usage_imports", "usage_datasets", "usage_lines", "rated_lines", "cost_rollups",
	} {
		path := filepath.Join(b.TempDir(), table)
		columns := export(b, source, table, path)
		start := time.Now()
		copyIn(b, target, fmt.Sprintf("COPY %s (%s) FROM STDIN", table, columns), path)
		switch table {
		case "organizations", "usage_imports", "usage_datasets":
			// Only what the others hang on.
		default:
			seconds += time.Since(start).Seconds()
		}
	}
	return seconds
}

func plainDatabase(b *testing.B, url string) *sql.DB {
	b.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

// export writes a table as COPY reads it and returns its columns.
func export(b *testing.B, db *sql.DB, table, path string) string {
	b.Helper()
	order := "id"
	if table == "organizations" {
		order = "depth"
	}
	rows, err := db.QueryContext(b.Context(), "SELECT * FROM "+table+" ORDER BY "+order)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)
	cells, targets := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			b.Fatal(err)
		}
		texts := make([]string, len(cells))
		for i, cell := range cells {
			texts[i] = `\N`
			if cell != nil {
				texts[i] = escape.Replace(string(cell))
			}
		}
		fmt.Fprintln(out, strings.Join(texts, "\t"))
	}
	if err := errors.Join(rows.Err(), out.Flush()); err != nil {
		b.Fatal(err)
	}
	return `"` + strings.Join(columns, `", "`) + `"`
}

// copier is the driver's statement of a COPY, which takes rows as they are
// sent.
type copier interface {
	driver.Stmt
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// copyIn sends the file in one COPY and one transaction.
func copyIn(b *testing.B, db *sql.DB, statement, path string) {
	b.Helper()
	conn, err := db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	err = conn.Raw(func(raw any) error {
		stmt, err := raw.(driver.Conn).Prepare(statement)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return errors.Join(send(b.Context(), stmt.(copier), f), stmt.Close())
	})
	if err := errors.Join(err, tx.Commit()); err != nil {
		b.Fatal(err)
	}
}

func send(ctx context.Context, stmt copier, r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := stmt.CopyData(ctx, strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
}
