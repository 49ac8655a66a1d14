package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/service/jobs"
)

// rateUsage is the main of a process that rates the usage that waits for it, and
// ends.
func rateUsage() {
	p, err := openPlatform(context.Background(), os.Args[1], commandBounds())
	if err == nil {
		does := jobs.New(p.db, p.records)
		does.Handle(database.RateUsage, p.services.Usage.Rate)
		_, err = does.RunDue(asSystem(context.Background(), "jobs"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// killing is a world whose usage other processes import and rate, which are
// killed while they do.
type killing struct {
	*world
	url    string
	random *rand.Rand
	// files are two files of the same month, by how many rows of acme's at a cost
	// of 1 they have.
	files map[int]string
	// rows and percent are what counts, as far as it is known: that of acme's price
	// of 1.1 is 110.
	rows, percent []int
}

// TestKilledProcessesLoseNothing kills processes that import usage and rate it
// again at any point of that. What counts is always one file at one price, as a
// whole, and in the end what it would have been without.
func TestKilledProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKilling(t, address(t), 4000, 5100)
			k.check(t)
			k.kill(t, effort.Cases(50), k.killOnce, k.check)
			k.finish(t)
		})
	}
}

// newKilling returns a world with files of so many rows, of which the first has come
// in at a price of 110 percent.
func newKilling(t *testing.T, url string, files ...int) *killing {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	mustRun(t, "migrate", "up", "--database-url", url)
	k := &killing{world: newWorld(t, dbtest.Open(t, url)), url: url, random: rand.New(rand.NewPCG(seed, 1)), files: map[int]string{}}
	k.mapping(t, "account-of-acme")
	for _, rows := range files {
		k.files[rows] = k.write(t, rows)
	}
	k.reprice(t, 110)
	k.run(t, 0, "headwater", k.importing(files[0])...)
	k.rows, k.percent = []int{files[0]}, []int{110}
	return k
}

// TestKilledCorrectionsLoseNothing kills processes that restate a closed month. What
// counts of it and its corrections is always one file as a whole.
func TestKilledCorrectionsLoseNothing(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKilling(t, address(t), 4000, 300, 6500)
			k.closeBill(t, walkMonth().Format("2006-01"))
			k.kill(t, effort.Cases(40), k.killCorrection, k.checkCorrected)
			if err := k.platform.services.Usage.Sweep(k.system(t)); err != nil {
				t.Fatal(err)
			}
			k.rows = []int{300}
			k.run(t, 0, "headwater", k.correcting(300)...)
			k.checkCorrected(t)
			k.wantNothingLeft(t)
		})
	}
}

// kill goes on until once, which returns 1 for a process that was killed, has killed
// so many, and checks what is left after each.
func (k *killing) kill(t *testing.T, wanted int, once func(*testing.T) int, check func(*testing.T)) {
	t.Helper()
	for killed, round := 0, 0; killed < wanted; round++ {
		if round > 10*wanted {
			t.Fatalf("only %d of %d processes were killed in time", killed, round)
		}
		killed += once(t)
		check(t)
	}
}

// killCorrection lets a process restate the closed month by one of the other files,
// and kills it some time later. It returns 1 if it had not ended by then.
func (k *killing) killCorrection(t *testing.T) int {
	t.Helper()
	other := 300
	if k.rows[0] == other {
		other = 6500
	}
	k.rows = append(k.rows, other)
	return k.run(t, k.soon(), "headwater", k.correcting(other)...)
}

// soon is after which time a process is killed.
func (k *killing) soon() time.Duration {
	return time.Duration(20+k.random.IntN(600)) * time.Millisecond
}

func (k *killing) correcting(rows int) []string {
	return append(k.importing(rows), "--correct-closed-months")
}

// checkCorrected wants that the closed month comes to one of the files with what
// corrects it, and remembers which.
func (k *killing) checkCorrected(t *testing.T) {
	t.Helper()
	buy, sell, lines := k.told(t, walkMonth().AddDate(0, 1, 0))
	for _, rows := range k.rows {
		corrections := max(rows-4000, 4000-rows) // one for each row that was added or is gone
		if fmt.Sprint(rows) == buy && fmt.Sprint(corrections) == lines && soldAt(t, sell, rows, 110) {
			k.rows = []int{rows}
			return
		}
	}
	t.Fatalf("the month costs %s and is sold for %s, with %s corrections; it is one of %v rows", buy, sell, lines, k.rows)
}

// told returns what the month of the files costs northwind, what it is sold for, and
// how many lines are billed in a month.
func (k *killing) told(t *testing.T, billed time.Time) (buy, sell, lines string) {
	t.Helper()
	month := walkMonth()
	answer := k.must(t, "paula", `query($id: ID!, $from: Time!, $to: Time!, $month: Month!) { organization(id: $id) {
		buy: costs(from: $from, to: $to, interval: NONE, perspective: BUY) { total { amount } }
		sell: costs(from: $from, to: $to, interval: NONE, perspective: SELL) { total { amount } }
		costLines(month: $month, first: 1) { totalCount }
	} }`, map[string]any{"id": k.ids["northwind"], "from": month, "to": month.AddDate(0, 1, 0), "month": monthText(billed)})
	return dig(answer, "organization.buy.total.amount"), dig(answer, "organization.sell.total.amount"), dig(answer, "organization.costLines.totalCount")
}

// soldAt reports whether so many rows are sold at so many percent of what they cost,
// which is 1 for each.
func soldAt(t *testing.T, sell string, rows, percent int) bool {
	t.Helper()
	return decimalOf(t, sell).Equal(decimalOf(t, fmt.Sprintf("%d.%02d", rows*percent/100, rows*percent%100)))
}

// write writes a file of usage of acme's.
func (k *killing) write(t *testing.T, rows int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usage.csv")
	file := one(t, func() (*os.File, error) { return os.Create(path) })
	out := one(t, func() (*focus.Writer, error) { return focus.NewWriter(file, focus.WriterOptions{}) })
	for i := range rows {
		row := k.charge(t, walkMonth(), "acme")
		row.BilledCost, row.SKU, row.ResourceID = decimalOf(t, "1"), fmt.Sprint("sku-", i%50), fmt.Sprint("resource-", i)
		if err := out.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func (k *killing) importing(rows int) []string {
	return []string{"usage", "import", "--database-url", k.url, "--organization", "northwind", k.files[rows]}
}

// killOnce lets a process import the other file, or rate usage at another price,
// and kills it some time later. It returns 1 if it had not ended by then.
func (k *killing) killOnce(t *testing.T) int {
	t.Helper()
	after := k.soon()
	if k.random.IntN(2) == 0 {
		other := map[int]int{4000: 5100, 5100: 4000}[k.rows[0]]
		k.rows = append(k.rows, other)
		return k.run(t, after, "headwater", k.importing(other)...)
	}
	percent := 101 + k.random.IntN(90)
	k.reprice(t, percent)
	k.percent = append(k.percent, percent)
	return k.run(t, after, "headwater-rating", k.url)
}

// run runs a process, kills it after a time unless that is 0, and lets what it
// held be taken over as if the leases were over. It returns 1 if it was killed.
func (k *killing) run(t *testing.T, after time.Duration, name string, args ...string) (killed int) {
	t.Helper()
	process := exec.CommandContext(t.Context(), name, args...)
	output := &written{}
	process.Stdout, process.Stderr = output, output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = process.Process.Kill() })
		defer timer.Stop()
	}
	err := process.Wait()
	switch {
	case err == nil:
	case after > 0 && process.ProcessState.ExitCode() == -1:
		killed = 1
	default:
		t.Fatalf("%s %v: %v\n%s", name, args, err, output)
	}
	ctx, client, past := k.system(t), k.platform.db.Client(), dbtest.Start().Add(-time.Hour)
	if err := client.Job.Update().Where(job.StatusEQ(job.StatusPENDING)).SetRunAt(past).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if err := client.UsageImport.Update().Where(usageimport.StatusEQ(usageimport.StatusLOADING)).SetTouchedAt(past).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	return killed
}

// reprice sets northwind's price for all customers to so many percent of what it
// pays.
func (k *killing) reprice(t *testing.T, percent int) {
	t.Helper()
	k.must(t, "paula", mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
		"sellerId": k.ids["northwind"], "factor": fmt.Sprintf("%d.%02d", percent/100, percent%100), "basis": "UPSTREAM",
		"firstMonth": "2026-01", "reason": "because",
	}})
}

// check wants that one of the files counts at one of the prices, whole, and
// remembers which.
func (k *killing) check(t *testing.T) {
	t.Helper()
	buy, sell, lines := k.told(t, walkMonth())
	for _, rows := range k.rows {
		for _, percent := range k.percent {
			if fmt.Sprint(rows) == buy && lines == buy && soldAt(t, sell, rows, percent) {
				k.rows, k.percent = []int{rows}, append([]int{percent}, k.percent[max(0, len(k.percent)-1):]...)
				return
			}
		}
	}
	t.Fatalf("%s lines cost %s and are sold for %s; it is one of %v rows at one of %v percent", lines, buy, sell, k.rows, k.percent)
}

// finish lets a process do what is left, and wants that nothing is left over and
// that the last price holds.
func (k *killing) finish(t *testing.T) {
	t.Helper()
	last := k.percent[len(k.percent)-1]
	if err := k.platform.services.Usage.Sweep(k.system(t)); err != nil {
		t.Fatal(err)
	}
	k.run(t, 0, "headwater-rating", k.url)
	k.percent = []int{last}
	k.check(t)
	k.wantNothingLeft(t)
}

// wantNothingLeft wants that what killed processes have left over is gone.
func (k *killing) wantNothingLeft(t *testing.T) {
	t.Helper()
	ctx, client := k.system(t), k.platform.db.Client()
	for name, count := range map[string]func(context.Context) (int, error){
		"imports that load or failed": client.UsageImport.Query().Where(usageimport.StatusIn(usageimport.StatusLOADING, usageimport.StatusFAILED)).Count,
		"datasets that load":          client.UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusLOADING)).Count,
		"jobs that wait":              client.Job.Query().Where(job.StatusEQ(job.StatusPENDING), job.Kind(database.RateUsage)).Count,
	} {
		if n := one(t, func() (int, error) { return count(ctx) }); n != 0 {
			t.Errorf("%d %s are left", n, name)
		}
	}
	left := texts(t, k.url, `SELECT COUNT(*) FROM rated_lines r JOIN usage_datasets d ON d.id = r.dataset_id WHERE d.status = 'ACTIVE' AND r.rating <> d.rating`)
	if left[0] != "0" {
		t.Errorf("%s rated lines of other ratings are left", left[0])
	}
}

func decimalOf(t *testing.T, text string) money.Decimal {
	t.Helper()
	return one(t, func() (money.Decimal, error) { return money.Parse(text) })
}
