package usage_test

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
)

// BenchmarkMonth takes generated rows of a month through four tiers, once for each
// database:
//
//	import    reads the file, prices every line on each edge and stores it
//	bare      writes all rows that the import has written into the same tables of
//	          another database by COPY alone, which knows nothing of usage and prices
//	          (PostgreSQL only)
//	price     sets another price of the platform, which is tried on the month
//	rate      rates everything again at that price
//	report    shows a partner with a tenth of the customers, a thousand at full
//	          size, what it sold by service
//	restate   closes the month and states it anew, one row in a hundred otherwise
//	plain     sums the same from the same table by a statement that is written by hand
//	          (PostgreSQL only)
//
// The number of rows is that of HEADWATER_BENCH_ROWS, of customers that of
// HEADWATER_BENCH_CUSTOMERS: a full month has 1 000 000 and 10 000.
func BenchmarkMonth(b *testing.B) {
	rows, customers := benchNumber(b, "HEADWATER_BENCH_ROWS", 20_000), benchNumber(b, "HEADWATER_BENCH_CUSTOMERS", 60)
	path, restated := filepath.Join(b.TempDir(), "usage.csv"), filepath.Join(b.TempDir(), "restated.csv")
	generate(b, path, rows, customers, 0)
	generate(b, restated, rows, customers, benchRestated)
	b.Run("sqlite", func(b *testing.B) {
		w := benchWorld(b, dbtest.SQLite(b), customers)
		benchImport(b, w, "import", path, rows, rows)
		benchRate(b, w, rows)
		benchReport(b, w)
		benchRestate(b, w, restated, rows)
		b.ReportMetric(0, "ns/op") // of all this is nobody's
	})
	b.Run("postgres", func(b *testing.B) {
		url := dbtest.PostgresURL(b)
		w := benchWorld(b, dbtest.Open(b, url), customers)
		seconds := benchImport(b, w, "import", path, rows, rows)
		bare := bareCopy(b, url, dbtest.PostgresURL(b))
		b.ReportMetric(float64(rows)/bare, "bare-rows/s")
		b.ReportMetric(bare/seconds, "import/bare")
		benchRate(b, w, rows)
		report, plain := benchReport(b, w), plainReport(b, w, url)
		b.ReportMetric(plain*1000, "plain-ms")
		b.ReportMetric(report/plain, "report/plain")
		benchRestate(b, w, restated, rows)
		b.ReportMetric(0, "ns/op")
	})
}

// benchNumber returns the number that a variable of the environment holds.
func benchNumber(b *testing.B, variable string, usual int) int {
	b.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q is no number from 1", variable, text)
	}
	return n
}

// benchRate changes the platform's price for everybody and rates the month again.
func benchRate(b *testing.B, w *world, rows int) {
	b.Helper()
	start := time.Now()
	w.reprice("root", "1.08", pricing.Source, rates.Selector{})
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "price-ms")
	debug.FreeOSMemory()
	forgetPeak()
	start = time.Now()
	for w.settle() > 0 { // a long rating is cut into jobs
	}
	b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rate-rows/s")
	if peak, ok := peakMiB(); ok {
		b.ReportMetric(peak, "rate-MiB")
	}
	if waiting := must(w.svc.RatingProgress(w.ctx, batch.Of(w.orgs["root"]), w.orgs["root"])); waiting.Datasets > 0 {
		b.Fatalf("%+v waits", waiting)
	}
}

// benchTimes is how often a question is asked, of which the fastest counts.
const benchTimes = 5

// benchReport asks what a reseller sold by service and returns the seconds that
// takes.
func benchReport(b *testing.B, w *world) float64 {
	b.Helper()
	service, by := costs.New(w.db, records.New(w.db)), costs.ByService
	month := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
	query := costs.Query{From: month, To: month.AddDate(0, 1, 0), Interval: costs.None, GroupBy: &by, Perspective: costs.Sell}
	fastest := math.Inf(1)
	for range benchTimes {
		start := time.Now()
		report := must(service.Report(w.ctx, w.orgs["reseller-0"], query))
		if rows := must(report.Rows(w.ctx, nil)); len(rows) != benchServices {
			b.Fatalf("%d rows", len(rows))
		}
		fastest = min(fastest, time.Since(start).Seconds())
	}
	b.ReportMetric(fastest*1000, "report-ms")
	return fastest
}

// plainReport returns the seconds that the sums of benchReport take by SQL.
func plainReport(b *testing.B, w *world, url string) float64 {
	b.Helper()
	db, fastest := plainDatabase(b, url), math.Inf(1)
	for range benchTimes {
		start, n := time.Now(), 0
		rows, err := db.QueryContext(b.Context(), `SELECT c.service, c.currency, SUM(c.sell) FROM cost_rollups c
			JOIN usage_datasets d ON d.id = c.dataset_id AND d.rating = c.rating AND d.status = 'ACTIVE'
			WHERE c.organization_id = $1 AND c.day >= '2026-10-01Z' AND c.day < '2026-11-01Z' AND c.customer_id IS NOT NULL
			GROUP BY c.service, c.currency ORDER BY SUM(c.sell) DESC LIMIT 50`, w.orgs["reseller-0"])
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
			n++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != benchServices {
			b.Fatalf("%d rows, %v", n, err)
		}
		fastest = min(fastest, time.Since(start).Seconds())
	}
	return fastest
}

const (
	benchPartners  = 5
	benchResellers = 10
	benchSKUs      = 12
	benchServices  = benchSKUs / 3
)

// benchWorld returns four tiers, each of which prices what it sells. Customers are
// those of the resellers.
func benchWorld(b *testing.B, db *database.DB, customers int) *world {
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
	for i := range customers {
		name := fmt.Sprintf("customer-%d", i)
		w.grow(name, fmt.Sprintf("reseller-%d", i%benchResellers), orgtree.Standard)
		if owners[subAccount(i)] = name; len(owners) == 1000 || i == customers-1 {
			w.mapSubAccounts(owners)
			clear(owners)
		}
	}
	return w
}

func subAccount(customer int) string { return fmt.Sprintf("%012d", 430_000_000_000+customer*7919) }

// benchRestated is every which row costs something else when a month is restated.
const benchRestated = 100

// benchRestate closes the month and brings in what the provider states of it then.
func benchRestate(b *testing.B, w *world, path string, rows int) {
	b.Helper()
	w.closed("root", "2026-10")
	benchImport(b, w, "restate", path, rows, (rows+benchRestated-1)/benchRestated)
}

// generate writes hourly charges of one month, the same for the same number; every
// which row is to cost something else, 0 for none.
func generate(b *testing.B, path string, rows, customers, which int) {
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
		row := benchRow(random, customers, i*720/rows)
		if which > 0 && i%which == 0 {
			row.BilledCost = row.BilledCost.Add(money.New(1, 0))
		}
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
func benchRow(random *rand.Rand, customers, hour int) focus.Row {
	sku := random.IntN(benchSKUs)
	customer := random.IntN(customers)
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

// benchImport imports the file, of which so many rows are stored, reports its speed
// and memory and returns the seconds it took.
func benchImport(b *testing.B, w *world, what, path string, rows, stored int) float64 {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	debug.FreeOSMemory()
	forgetPeak()
	start := time.Now()
	imported, err := w.svc.Import(w.ctx, w.orgs["root"], f, usage.Options{CorrectClosedMonths: true})
	if err != nil {
		b.Fatal(err)
	}
	seconds := time.Since(start).Seconds()
	if imported.RowsStored != stored || imported.UnattributedRows != 0 {
		b.Fatalf("stored %d of %d rows, %d without an owner", imported.RowsStored, rows, imported.UnattributedRows)
	}
	b.ReportMetric(float64(rows)/seconds, what+"-rows/s")
	if peak, ok := peakMiB(); ok {
		b.ReportMetric(peak, what+"-MiB")
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
