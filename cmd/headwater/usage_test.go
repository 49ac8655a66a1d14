package main

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
)

// eachDatabase runs a test on an empty platform on each database, by the URL.
func eachDatabase(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := address(t)
			mustRun(t, "migrate", "up", "--database-url", url)
			mustRun(t, "bootstrap", "--database-url", url, "--username", "ada", "--email", "ada@platform.example")
			fn(t, url)
		})
	}
}

// openPool opens a PostgreSQL or SQLite database behind the platform's back.
func openPool(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, source := "postgres", url
	if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
		driver, source = "sqlite", file
	}
	pool, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// importJSON imports a file and returns what --json says.
func importJSON(t *testing.T, url string, args ...string) importLine {
	t.Helper()
	text := mustRun(t, append([]string{"usage", "import", "--database-url", url, "--organization", "platform", "--json"}, args...)...)
	var line importLine
	if err := json.Unmarshal([]byte(text), &line); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	return line
}

// checkImport imports a file twice, after mapping some of its sub-accounts, and
// wants that every row is stored and the costs add up to those of the file.
func checkImport(t *testing.T, url, file string, subAccounts []string) {
	t.Helper()
	arguments := []string{"usage", "map", "--database-url", url, "--organization", "platform", "--to", "platform"}
	for _, account := range subAccounts {
		arguments = append(arguments, "--sub-account", account)
	}
	if mapped := mustRun(t, arguments...); strings.Count(mapped, "\n") != len(subAccounts) {
		t.Errorf("mapped %s", mapped)
	}
	sums, rows, unmapped := fileSums(t, file, subAccounts)
	first := importJSON(t, url, file)
	if first.RowsRead != rows || first.RowsStored != rows || first.UnattributedRows != unmapped || first.Status != "ACTIVE" || first.RowsSkipped+first.ErrorCount+len(first.Errors) > 0 {
		t.Errorf("of %d rows, %d of them unmapped, got %+v", rows, unmapped, first)
	}
	if diff := cmp.Diff(sums, first.sums()); diff != "" {
		t.Errorf("billed cost (-file +import): %s", diff)
	}
	before := tablesOf(t, url)
	if diff := cmp.Diff(first, importJSON(t, url, file)); diff != "" {
		t.Errorf("the second import says something else: %s", diff)
	}
	if diff := cmp.Diff(before, tablesOf(t, url)); diff != "" {
		t.Errorf("the second import changed something: %s", diff)
	}
	if actors := texts(t, url, `SELECT actor_kind || ' ' || actor_name FROM journal_entries WHERE action = 'importUsage'`); !slices.Equal(actors, []string{"SYSTEM usage import"}) {
		t.Errorf("the journal names %q", actors)
	}
}

func (l importLine) sums() map[string]string {
	sums := map[string]string{}
	for _, cost := range l.BilledCosts {
		sums[string(cost.Currency)] = cost.Amount.String()
	}
	return sums
}

// fileSums adds up the column BilledCost without the code that imports.
func fileSums(t *testing.T, name string, mapped []string) (sums map[string]string, rows, unmapped int) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil {
		t.Fatal(err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	cost, currency, account := slices.Index(header, "BilledCost"), slices.Index(header, "BillingCurrency"), slices.Index(header, "SubAccountId")
	totals := &money.Totals{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		amount, err := money.Parse(strings.TrimSpace(record[cost]))
		if err != nil {
			t.Fatal(err)
		}
		totals.Add(money.Amount{Decimal: amount, Currency: money.Currency(record[currency])})
		rows++
		if !slices.Contains(mapped, record[account]) {
			unmapped++
		}
	}
	sums = map[string]string{}
	for _, total := range totals.Amounts() {
		sums[string(total.Currency)] = total.Decimal.String()
	}
	return sums, rows, unmapped
}

// tablesOf counts what an import changes, and the revision.
func tablesOf(t *testing.T, url string) map[string]int {
	t.Helper()
	pool, counts := openPool(t, url), map[string]int{}
	for _, table := range []string{"usage_imports", "usage_datasets", "usage_lines", "rated_lines", "cost_rollups", "journal_entries"} {
		var n int
		if err := pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

// subAccountsOf returns the first n sub-accounts of a file.
func subAccountsOf(t *testing.T, name string, n int) []string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := focus.NewReader(file, focus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for len(found) < n {
		row, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if row.SubAccountID != "" && !slices.Contains(found, row.SubAccountID) {
			found = append(found, row.SubAccountID)
		}
	}
	return found
}

func TestImportOfDemoUsage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usage.csv")
	mustRun(t, "demo", "--organizations", "3", "--write-usage", file)
	eachDatabase(t, func(t *testing.T, url string) { checkImport(t, url, file, subAccountsOf(t, file, 2)) })
}

func TestImportOfThePublishedSample(t *testing.T) {
	t.Parallel()
	const variable, name = "FOCUS_SAMPLE_DIR", "focus_sample_1000.csv"
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skipf("to test with the published sample, set %s to the directory that has %s", variable, name)
	}
	file := filepath.Join(dir, name)
	eachDatabase(t, func(t *testing.T, url string) { checkImport(t, url, file, subAccountsOf(t, file, 7)) })
}

func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		file := mustRun(t, "demo", "--organizations", "1", "--write-usage", "-")
		process := start(t, []string{"HEADWATER_DATABASE_URL=" + url}, "usage", "import", "--organization", "platform", "-")
		process.Stdin = strings.NewReader(file)
		var stdout, stderr bytes.Buffer
		process.Stdout, process.Stderr = &stdout, &stderr
		if err := process.Run(); err != nil {
			t.Fatalf("%v: %s", err, &stderr)
		}
		rows := strings.Count(file, "\n") - 1
		for _, want := range []string{"is ACTIVE\n", fmt.Sprintf("rows: %d read, %d stored, 0 skipped, %d unattributed\n", rows, rows, rows), " USD\n"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("got %s, want %s", &stdout, want)
			}
		}
	})
}

func TestImportWithBadRows(t *testing.T) {
	t.Parallel()
	good := mustRun(t, "demo", "--organizations", "1", "--write-usage", "-")
	lines := strings.SplitAfter(good, "\n")
	_, rest, _ := strings.Cut(lines[2], ",")
	lines[2] = "much," + rest
	file := filepath.Join(t.TempDir(), "usage.csv")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	eachDatabase(t, func(t *testing.T, url string) {
		before := tablesOf(t, url)
		line := mustFail(t, "usage", "import", "--database-url", url, "--organization", "platform", file)
		if !strings.Contains(line, "line 3") || !strings.Contains(line, "BilledCost") {
			t.Errorf("got %s", line)
		}
		if diff := cmp.Diff(before, tablesOf(t, url)); diff != "" {
			t.Errorf("a refused file changed something: %s", diff)
		}
		exit, stdout, stderr := command(t, "usage", "import", "--database-url", url, "--organization", "platform", "--skip-bad-rows", file)
		if exit != 0 || !strings.Contains(stdout, "1 skipped") || !strings.Contains(stderr, "skipped line 3, BilledCost: ") {
			t.Errorf("exit status %d, %s, %s", exit, stdout, stderr)
		}
		if again := importJSON(t, url, "--skip-bad-rows", file); again.RowsSkipped != 1 || again.ErrorCount != 1 || again.Errors[0].Line != 3 {
			t.Errorf("got %+v", again)
		}
	})
}

func TestImportThatCannotBe(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.SQLiteURL(t), t.TempDir()
	mustRun(t, "migrate", "up", "--database-url", url)
	mustRun(t, "bootstrap", "--database-url", url, "--username", "ada", "--email", "ada@platform.example")
	file := filepath.Join(dir, "usage.csv")
	if err := os.WriteFile(file, []byte("Cost\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no organization":  {[]string{"usage", "import", "--organization", "nowhere", file}, `no organization "nowhere"`},
		"no file":          {[]string{"usage", "import", "--organization", "platform", dir + "/missing"}, "no such file"},
		"a directory":      {[]string{"usage", "import", "--organization", "platform", dir}, "is a directory"},
		"no FOCUS file":    {[]string{"usage", "import", "--organization", "platform", file}, "BilledCost"},
		"an unknown owner": {[]string{"usage", "map", "--organization", "platform", "--sub-account", "1", "--to", "nobody"}, `no organization "nobody"`},
		"no month":         {[]string{"usage", "map", "--organization", "platform", "--sub-account", "1", "--to", "platform", "--first-month", "October"}, "a month is written as in 2026-11"},
		"a month too late": {[]string{"usage", "map", "--organization", "platform", "--sub-account", "1", "--to", "platform", "--first-month", "2026-11", "--last-month", "2026-10"}, "before the first"},
		"an empty account": {[]string{"usage", "map", "--organization", "platform", "--sub-account=", "--to", "platform"}, "names a sub-account"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if line := mustFail(t, append(test.args, "--database-url", url)...); !strings.Contains(line, test.want) {
				t.Errorf("got %q, want %q", line, test.want)
			}
		})
	}
}

func TestImportTakesColumnsFromFlags(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(mustRun(t, "demo", "--organizations", "1", "--write-usage", "-")), "\n")
	header := strings.Replace(lines[0], "BillingCurrency", "Currency", 1)
	file := filepath.Join(t.TempDir(), "usage.csv")
	if err := os.WriteFile(file, []byte(header+"\n"+lines[1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eachDatabase(t, func(t *testing.T, url string) {
		line := mustFail(t, "usage", "import", "--database-url", url, "--organization", "platform", file)
		if !strings.Contains(line, "BillingCurrency") {
			t.Errorf("got %q", line)
		}
		if imported := importJSON(t, url, "--column", "BillingCurrency=CHF", file); imported.BilledCosts[0].Currency != "CHF" {
			t.Errorf("got %+v", imported)
		}
	})
}

// TestImportTellsTheFormatOfProviders imports a report in two parts, as a
// provider delivers it, and tells its format. That of a FOCUS file goes without
// saying.
func TestImportTellsTheFormatOfProviders(t *testing.T) {
	t.Parallel()
	const part = "CostInBillingCurrency,BillingCurrency,BillingProfileId,BillingPeriodStartDate,BillingPeriodEndDate,Date,ChargeType\n" +
		"1.5E-07,CAD,profile,9/1/2023,9/30/2023,9/2/2023,Usage\n"
	focusFile := mustRun(t, "demo", "--organizations", "1", "--write-usage", "-")
	dir := t.TempDir()
	for name, content := range map[string]string{"native.csv": part + part, "focus.csv": focusFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eachDatabase(t, func(t *testing.T, url string) {
		run := func(name string) string {
			return mustRun(t, "usage", "import", "--database-url", url, "--organization", "platform", filepath.Join(dir, name))
		}
		_, rest, _ := strings.Cut(run("native.csv"), "\n")
		if want := "format: AZURE_COST\nrows: 2 read, 2 stored, 0 skipped, 2 unattributed\nbilled: 0.0000003 CAD\n"; rest != want {
			t.Errorf("got %s, want %s", rest, want)
		}
		if told := run("focus.csv"); strings.Contains(told, "format") {
			t.Errorf("got %s", told)
		}
	})
}

// TestReadmeMapsAnAccountOfTheDemo keeps the example of the README true.
func TestReadmeMapsAnAccountOfTheDemo(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	account := regexp.MustCompile(`usage map .*--sub-account (\S+)`).FindSubmatch(readme)
	if account == nil || !strings.Contains(mustRun(t, "demo", "--write-usage", "-"), ","+string(account[1])+",") {
		t.Errorf("the usage of the demo has no sub-account %s", account)
	}
}
