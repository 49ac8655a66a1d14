package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmonth"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/statementline"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/pricing"
)

// What is sold in each month: to more customers than are dealt with in one
// transaction, so that a kill comes between two of them as well as within one.
const (
	soldCustomers  = 105
	soldLines      = 8                 // of each customer
	soldStatements = soldCustomers + 1 // one customer pays in two currencies
	soldPrice      = "1.033333"
	soldOtherPrice = "1.5"
)

// soldMonth is the n-th month of usage. All are long over, whatever the clock
// says.
func soldMonth(n int) pricing.Month {
	return pricing.MonthOf(time.Date(2001, time.January+time.Month(n), 1, 0, 0, 0, 0, time.UTC))
}

// mortal is a server in a process of its own, which is killed and started again
// on the same database.
type mortal struct {
	location, key, token string
	// seller is the platform, customers buy from it.
	seller    string
	customers []string
	seed      uint64
	random    *rand.Rand
	// db is the same database, for what a client does not see.
	db *database.DB

	url     string
	process *exec.Cmd
	said    written
	// took is how long each stage took when nobody was killed, sold what the
	// usage of a month was sold for then at each price.
	took map[string]time.Duration
	sold map[string]string
}

// TestKilledServersLoseNothing kills servers at any point of an upload of usage,
// of rating it again and of closing its month. Every month has the same usage, so
// each has to come to what the first one did, in which nobody was killed: the same
// costs, statements and lines, and numbers that go on without a gap.
func TestKilledServersLoseNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, location string) {
		s := newMortal(t, location)
		undisturbed, _ := s.month(t, 0, "")
		killed, months, wanted := map[string]int{}, 1, max(3, effort.Cases(50))
		for ; killed["import"]+killed["rating"]+killed["close"] < wanted; months++ {
			if months > 10*wanted {
				t.Fatalf("seed %d: only %v of %d were killed in time", s.seed, killed, wanted)
			}
			stage := slices.MinFunc([]string{"import", "rating", "close"}, func(a, b string) int { return killed[a] - killed[b] })
			got, died := s.month(t, months, stage)
			if died {
				killed[stage]++
			}
			if diff := cmp.Diff(undisturbed, got); diff != "" {
				t.Fatalf("seed %d: the server was killed at the %s of month %d (-undisturbed +killed):\n%s", s.seed, stage, months, diff)
			}
		}
		t.Logf("killed at %v, in %d months", killed, months)
		s.checkNothingIsLeft(t, months)
	})
}

// newMortal starts a server on an empty platform and makes customers of it.
func newMortal(t *testing.T, location string) *mortal {
	t.Helper()
	s := &mortal{
		location: location, key: filepath.Join(t.TempDir(), "key.pem"), seed: rand.Uint64(),
		took: map[string]time.Duration{}, sold: map[string]string{},
	}
	t.Logf("seed %d", s.seed)
	s.random = rand.New(rand.NewPCG(s.seed, 1))
	s.token = strings.TrimSpace(mustRun(t, "token", "--user", "ada", "--database-url", location, "--signing-key-file", s.key))
	s.db = one(t, func() (*database.DB, error) { return openDatabase(t.Context(), location) })
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	s.start(t)
	t.Cleanup(s.die)
	s.seller = dig(s.must(t, `{ viewer { memberships(first: 1) { edges { node { organization { id } } } } } }`, nil), "viewer.memberships.edges.0.node.organization.id")
	mappings := []map[string]any{}
	for i := range soldCustomers {
		answer := s.must(t, mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
			"managedById": s.seller, "name": fmt.Sprint("Customer ", i), "ownerEmail": fmt.Sprintf("owner@customer%d.example", i),
		}})
		s.customers = append(s.customers, dig(answer, "createOrganization.organization.id"))
		mappings = append(mappings, map[string]any{"subAccountId": fmt.Sprint("account-", i), "organizationId": s.customers[i]})
	}
	s.must(t, mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": s.seller, "mappings": mappings}})
	if err := s.reprice(t, soldPrice, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a server, as if what the one before had claimed were free again.
func (s *mortal) start(t *testing.T) {
	t.Helper()
	ctx, client, past := asSystem(t.Context(), "test"), s.db.Client(), clock().Add(-time.Hour)
	if err := client.Job.Update().Where(job.StatusEQ(job.StatusPENDING)).SetRunAt(past).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if err := client.UsageImport.Update().Where(usageimport.StatusEQ(usageimport.StatusLOADING)).SetTouchedAt(past).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	s.process = start(t, []string{
		"HEADWATER_DATABASE_URL=" + s.location, "HEADWATER_SIGNING_KEY_FILE=" + s.key, "HEADWATER_ADDR=127.0.0.1:0",
		"HEADWATER_LIMIT_RATE_PER_MINUTE=1000000", "HEADWATER_LOG_LEVEL=error",
	}, "serve", "--print-json")
	s.process.Stderr = &s.said
	stdout := one(t, s.process.StdoutPipe)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var told ready
	if err == nil {
		err = json.Unmarshal([]byte(line), &told)
	}
	if err != nil {
		t.Fatalf("seed %d: the server says %q: %v, %s", s.seed, line, err, &s.said)
	}
	s.url = told.URL
}

// die kills the server, if it has not been already, and waits for its end.
func (s *mortal) die() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// errDied is what a client learns of a server that was killed.
var errDied = errors.New("the server died")

// send sends a request and returns its data, or errDied.
func (s *mortal) send(t *testing.T, contentType string, body io.Reader) (any, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, errDied
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, errDied
	}
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("seed %d: the server answers %s", s.seed, raw)
	}
	return answer.Data, nil
}

func (s *mortal) ask(t *testing.T, document string, variables any) (any, error) {
	t.Helper()
	body := one(t, func() ([]byte, error) { return json.Marshal(map[string]any{"query": document, "variables": variables}) })
	return s.send(t, "application/json", bytes.NewReader(body))
}

func (s *mortal) must(t *testing.T, document string, variables any) any {
	t.Helper()
	return one(t, func() (any, error) { return s.ask(t, document, variables) })
}

// month brings the usage of a month in, has it rated at another price and back,
// and closes it. The server is killed at one of these, "" for none. It returns what
// the month came to and whether the server died before it had done what it was
// killed at.
func (s *mortal) month(t *testing.T, n int, killedAt string) (came string, died bool) {
	t.Helper()
	for _, stage := range []struct {
		name string
		do   func() error
		// again does what is left to do after the server has died.
		again func() error
		price string
	}{
		{"import", func() error { return s.upload(t, n) }, func() error { return s.upload(t, n) }, soldPrice},
		{"rating", func() error { return s.rate(t, n, soldOtherPrice) }, func() error { return s.rateAgain(t, n) }, soldOtherPrice},
		{"rating back", func() error { return s.rate(t, n, soldPrice) }, nil, soldPrice},
		{"close", func() error { return s.closeMonth(t, n) }, func() error { return s.closeAgain(t, n) }, soldPrice},
	} {
		if killedAt == stage.name {
			died = s.disturb(t, stage.name, stage.do)
			if died {
				s.checkWhole(t, n, stage.name)
			}
			if err := stage.again(); err != nil {
				t.Fatal(err)
			}
		} else {
			began := time.Now()
			if err := stage.do(); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				s.took[stage.name] = time.Since(began)
			}
		}
		if n == 0 {
			s.sold[stage.price] = s.costs(t, n)
		}
		if got := s.costs(t, n); got != s.sold[stage.price] {
			t.Fatalf("seed %d: after the %s month %d costs %s, want %s", s.seed, stage.name, n, got, s.sold[stage.price])
		}
	}
	return s.statements(t, n), died
}

// disturb kills the server while it does something and starts another. It returns
// whether the client had heard nothing by then.
func (s *mortal) disturb(t *testing.T, stage string, do func() error) (died bool) {
	t.Helper()
	after := time.Duration(s.random.Float64() * float64(s.took[stage]))
	process := s.process.Process
	timer := time.AfterFunc(after, func() { _ = process.Kill() })
	defer timer.Stop()
	err := do()
	if err != nil && !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	s.die()
	s.start(t)
	return err != nil
}

// checkWhole wants that what counts after a kill is all of a state or nothing.
func (s *mortal) checkWhole(t *testing.T, n int, stage string) {
	t.Helper()
	may := map[string][]string{
		"import": {s.sold["nothing"], s.sold[soldPrice]},
		"rating": {s.sold[soldPrice], s.sold[soldOtherPrice]},
		"close":  {s.sold[soldPrice]},
	}[stage]
	if got := s.costs(t, n); !slices.Contains(may, got) {
		t.Fatalf("seed %d: killed at the %s month %d costs %s, want one of %q", s.seed, stage, n, got, may)
	}
}

// upload uploads the usage of a month.
func (s *mortal) upload(t *testing.T, n int) error {
	t.Helper()
	if n == 0 {
		s.sold["nothing"] = s.costs(t, n)
	}
	var file bytes.Buffer
	rows := one(t, func() (*focus.Writer, error) { return focus.NewWriter(&file, focus.WriterOptions{}) })
	start := soldMonth(n).Start()
	for i := range soldCustomers * soldLines {
		customer, line := i%soldCustomers, i/soldCustomers
		row := &focus.Row{
			BilledCost: decimalOf(t, fmt.Sprintf("%d.0%03d", line%3, 371+customer)), BillingCurrency: "USD", BillingAccountID: "payer",
			BillingPeriodStart: start, BillingPeriodEnd: soldMonth(n).Next().Start(),
			ChargePeriodStart: start.Add(time.Duration(line) * 24 * time.Hour), ChargePeriodEnd: start.Add(time.Duration(line+1) * 24 * time.Hour),
			ChargeCategory: focus.CategoryUsage, Provider: "AWS", ServiceName: fmt.Sprint("service-", line%4), SKU: fmt.Sprint("sku-", line%8), Region: "eu",
			SubAccountID: fmt.Sprint("account-", customer),
		}
		if i == 0 {
			row.BillingCurrency = "EUR"
		}
		if err := rows.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	contentType, body := form(t, `mutation($i: ImportUsageInput!) { importUsage(input: $i) { import { status rowsStored } } }`,
		map[string]any{"i": map[string]any{"organizationId": s.seller, "file": nil}}, "variables.i.file", file.Bytes())
	answer, err := s.send(t, contentType, body)
	if err == nil && dig(answer, "importUsage.import.rowsStored") != fmt.Sprint(soldCustomers*soldLines) {
		t.Fatalf("seed %d: month %d: %v", s.seed, n, answer)
	}
	return err
}

// reprice sets the price for everybody from a month on.
func (s *mortal) reprice(t *testing.T, factor string, n int) error {
	t.Helper()
	_, err := s.ask(t, mutation("setBillingMultiplier", "clientMutationId"), map[string]any{"i": map[string]any{
		"sellerId": s.seller, "factor": factor, "basis": "SOURCE", "firstMonth": soldMonth(n).String(), "reason": "because",
	}})
	return err
}

// rate sets a price and waits until the usage of the month has it.
func (s *mortal) rate(t *testing.T, n int, price string) error {
	t.Helper()
	if err := s.reprice(t, price, n); err != nil {
		return err
	}
	return s.rated(t)
}

// rateAgain waits for a rating that the server may have died before or in. The
// price is set anew only if it was not.
func (s *mortal) rateAgain(t *testing.T, n int) error {
	t.Helper()
	rules := texts(t, s.location, fmt.Sprintf(`SELECT factor FROM billing_multipliers WHERE first_month = '%s' ORDER BY version DESC`, soldMonth(n)))
	if len(rules) == 0 || !decimalOf(t, rules[0]).Equal(decimalOf(t, soldOtherPrice)) {
		return s.rate(t, n, soldOtherPrice)
	}
	return s.rated(t)
}

// rated waits until no usage waits for another rating.
func (s *mortal) rated(t *testing.T) error {
	t.Helper()
	return s.until(t, "usage is rated", func() (bool, error) {
		answer, err := s.ask(t, `query($id: ID!) { organization(id: $id) { usageRating { datasets } } }`, map[string]any{"id": s.seller})
		return err == nil && dig(answer, "organization.usageRating.datasets") == "0", err
	})
}

// until waits for something that the server does by itself.
func (s *mortal) until(t *testing.T, what string, done func() (bool, error)) error {
	t.Helper()
	look, late := time.NewTicker(10*time.Millisecond), time.NewTimer(2*time.Minute)
	defer look.Stop()
	defer late.Stop()
	for {
		is, err := done()
		if is || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-late.C:
			t.Fatalf("seed %d: it takes too long until %s: %s", s.seed, what, &s.said)
		}
	}
}

func (s *mortal) closeMonth(t *testing.T, n int) error {
	t.Helper()
	answer, err := s.ask(t, mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{
		"sellerId": s.seller, "month": soldMonth(n).String(),
	}})
	if err == nil && dig(answer, "closeBillingMonth.statementCount") != fmt.Sprint(soldStatements) {
		t.Fatalf("seed %d: month %d: %v", s.seed, n, answer)
	}
	return err
}

// closeAgain waits for the job that goes on with a month, if it was begun, or asks
// once more.
func (s *mortal) closeAgain(t *testing.T, n int) error {
	t.Helper()
	ctx, month := asSystem(t.Context(), "test"), s.db.Client().BillingMonth.Query().Where(billingmonth.Month(soldMonth(n).String()))
	if one(t, func() (bool, error) { return month.Clone().Exist(ctx) }) && s.random.IntN(2) == 0 {
		return s.until(t, "the month is closed", func() (bool, error) {
			return month.Clone().Where(billingmonth.StatusEQ(billingmonth.StatusCLOSED)).Exist(ctx)
		})
	}
	return s.closeMonth(t, n)
}

// costs returns what the usage of a month costs and is sold for, and how many lines
// it has.
func (s *mortal) costs(t *testing.T, n int) string {
	t.Helper()
	month := soldMonth(n)
	answer := s.must(t, `query($id: ID!, $customer: ID!, $from: Time!, $to: Time!, $month: Month!) {
		organization(id: $id) {
			buy: costs(from: $from, to: $to, interval: NONE, perspective: BUY) { total { amount } otherTotals { amount currency } }
			sell: costs(from: $from, to: $to, interval: NONE, perspective: SELL) { total { amount } otherTotals { amount currency } }
		}
		customer: organization(id: $customer) { costLines(month: $month, first: 1) { totalCount } }
	}`, map[string]any{"id": s.seller, "customer": s.customers[1], "from": month.Start(), "to": month.Next().Start(), "month": month.String()})
	return string(one(t, func() ([]byte, error) { return json.Marshal(answer) }))
}

// statements returns what is in the statements of a month, their numbers as if it
// were the first.
func (s *mortal) statements(t *testing.T, n int) string {
	t.Helper()
	ctx, client := asSystem(t.Context(), "test"), s.db.Client()
	var all strings.Builder
	for _, st := range one(t, func() ([]*ent.Statement, error) {
		return client.Statement.Query().Where(statement.Month(soldMonth(n).String())).Order(ent.Asc(statement.FieldNumber)).All(ctx)
	}) {
		fmt.Fprintf(&all, "%d %s %s %s %s\n", *st.Number-int64(n*soldStatements), st.BuyerID, st.Status, st.Total, st.Currency)
		for _, l := range one(t, func() ([]*ent.StatementLine, error) {
			return client.StatementLine.Query().Where(statementline.StatementID(st.ID)).Order(ent.Asc(statementline.FieldPosition)).All(ctx)
		}) {
			fmt.Fprintf(&all, "  %d %s %s %s %s %s\n", l.Position, l.Provider, l.Service, l.ChargeCategory, l.Amount, l.ExactAmount)
		}
	}
	return all.String()
}

// checkNothingIsLeft wants that nothing is half done or done twice in the end.
func (s *mortal) checkNothingIsLeft(t *testing.T, months int) {
	t.Helper()
	ctx, client := asSystem(t.Context(), "test"), s.db.Client()
	const sources = soldCustomers * soldLines
	for _, left := range []struct {
		what  string
		count func() (int, error)
		want  int
	}{
		{"imports that load or failed", func() (int, error) {
			return client.UsageImport.Query().Where(usageimport.StatusIn(usageimport.StatusLOADING, usageimport.StatusFAILED)).Count(ctx)
		}, 0},
		{"jobs that failed", func() (int, error) { return client.Job.Query().Where(job.StatusEQ(job.StatusFAILED)).Count(ctx) }, 0},
		{"lines of usage", func() (int, error) { return client.UsageLine.Query().Count(ctx) }, months * sources},
		{"prices of lines", func() (int, error) { return client.RatedLine.Query().Where(ratedline.PositionGT(0)).Count(ctx) }, months * sources},
		{"months", func() (int, error) {
			return client.BillingMonth.Query().Where(billingmonth.StatusEQ(billingmonth.StatusCLOSED)).Count(ctx)
		}, months},
		{"statements", func() (int, error) { return client.Statement.Query().Count(ctx) }, months * soldStatements},
		{"closings in the journal", func() (int, error) {
			return client.JournalEntry.Query().Where(journalentry.Action("closeBillingMonth")).Count(ctx)
		}, months},
		{"imports in the journal", func() (int, error) {
			return client.JournalEntry.Query().Where(journalentry.Action("importUsage")).Count(ctx)
		}, months},
	} {
		if n := one(t, left.count); n != left.want {
			t.Errorf("seed %d: %d %s, want %d", s.seed, n, left.what, left.want)
		}
	}
	if said := s.said.String(); said != "" {
		t.Errorf("seed %d: the servers say %s", s.seed, said)
	}
}
