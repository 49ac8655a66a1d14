package usage_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/usage"
)

func TestRealSample(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("FOCUS_SAMPLE_DIR")
	if folder == "" {
		t.Skip("FOCUS_SAMPLE_DIR names no folder with the published sample")
	}
	content, err := os.ReadFile(filepath.Join(folder, "focus_sample_1000.csv"))
	if err != nil {
		t.Fatal(err)
	}
	total, subAccounts := readPlainly(t, content)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		priceTree(w)
		owners := map[string]string{}
		for i, sub := range subAccounts {
			owners[sub] = []string{"customer", "reseller", "partner"}[i%3]
		}
		w.mapSubAccounts(owners)

		first, err := w.svc.Import(w.ctx, w.orgs["root"], bytes.NewReader(content), usage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if first.RowsRead != 1000 || first.RowsStored != 1000 || first.RowsSkipped != 0 || first.UnattributedRows != 0 {
			t.Errorf("read %d, stored %d, skipped %d, unattributed %d",
				first.RowsRead, first.RowsStored, first.RowsSkipped, first.UnattributedRows)
		}
		if len(first.BilledCosts) != 1 || !first.BilledCosts[0].Equal(money.Amount{Decimal: total, Currency: "USD"}) {
			t.Errorf("the billed cost is %v, that of the file %s", first.BilledCosts, total)
		}
		var stored money.Decimal
		for _, line := range w.lines() {
			stored = stored.Add(dec(line.BilledCost))
		}
		if !stored.Equal(total) {
			t.Errorf("the lines add up to %s, the file to %s", stored, total)
		}
		w.checkRated()
		w.checkRollups()

		before := w.counts()
		for name, again := range map[string]io.Reader{"sought": bytes.NewReader(content), "piped": io.MultiReader(bytes.NewReader(content))} {
			second, err := w.svc.Import(w.ctx, w.orgs["root"], again, usage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if second.ID != first.ID || second.Status != usage.Active {
				t.Errorf("%s: the same content became another import, %s", name, second.Status)
			}
			if after := w.counts(); after != before {
				t.Errorf("%s: the same content changed something:\n%s\n%s", name, before, after)
			}
		}
	})
}

// readPlainly returns the sum of the billed costs of a file and its
// sub-accounts, without the package focus.
func readPlainly(t *testing.T, content []byte) (total money.Decimal, subAccounts []string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cost, sub := slices.Index(rows[0], "BilledCost"), slices.Index(rows[0], "SubAccountId")
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		total = total.Add(dec(row[cost]))
		if row[sub] != "" && row[sub] != "NULL" {
			seen[row[sub]] = true
		}
	}
	return total, slices.Sorted(maps.Keys(seen))
}

// priceTree gives every tier of newTree a price on another basis.
func priceTree(w *world) {
	w.t.Helper()
	w.price(price{seller: "root", basis: billingmultiplier.BasisSOURCE, factor: "1.1"})
	w.price(price{seller: "partner", basis: billingmultiplier.BasisLIST, factor: "1.05"})
	w.price(price{seller: "reseller", sku: "P5", basis: billingmultiplier.BasisUPSTREAM, factor: "1.2"})
}

// checkRated compares every rated line with what pricing says to the stored
// usage line, and expects one for every edge.
func (w *world) checkRated() {
	w.t.Helper()
	book, seen := w.book(), 0
	for _, line := range w.lines() {
		chain := w.chain(line)
		want, err := book.Rate(nil, chain, ptr(lineOf(line)))
		if err != nil {
			w.t.Fatal(err)
		}
		rated := w.ratedLines(line)
		if len(rated) != len(want) {
			w.t.Fatalf("line %d has %d prices, want %d", line.Line, len(rated), len(want))
		}
		seen += len(rated) + 1
		for i, r := range want {
			got := rated[i]
			if got.UsageLineID != line.ID || got.Position != i+1 || got.OwnerID != line.OrganizationID || got.Month != line.Month || got.DatasetID != line.DatasetID ||
				value(got.SellerID) != uuid.UUID(chain[i]) || got.BuyerID != uuid.UUID(chain[i+1]) || !dec(got.Amount).Equal(r.Amount) {
				w.t.Fatalf("line %d, edge %d: got %+v, want %s", line.Line, i, got, r.Amount)
			}
			if (got.MultiplierID == nil) != r.Price.Inherited() || got.MultiplierID != nil && *got.MultiplierID != uuid.UUID(r.Price.Rule.ID) {
				w.t.Fatalf("line %d, edge %d: the rule is %v", line.Line, i, got.MultiplierID)
			}
		}
	}
	stored, err := w.db.Client().RatedLine.Query().Count(w.ctx)
	if err != nil || stored != seen {
		w.t.Errorf("%d of %d prices are of no line, %v", stored-seen, stored, err)
	}
}

func (w *world) book() *pricing.Book {
	w.t.Helper()
	rules, err := records.New(w.db).Rules(w.ctx, slices.Collect(maps.Values(w.orgs)))
	if err != nil {
		w.t.Fatal(err)
	}
	return pricing.NewBook(rules)
}

// chain returns the path from the importing organization to the owner of a line.
func (w *world) chain(line *line) orgtree.Path {
	w.t.Helper()
	owner, err := records.New(w.db).Organization(w.ctx, line.OrganizationID)
	if err != nil {
		w.t.Fatal(err)
	}
	return owner.Path().From(orgtree.ID(line.ImporterID))
}

func lineOf(line *line) pricing.Line {
	source := dec(line.BilledCost)
	list := source
	if line.ListCost != nil {
		list = dec(*line.ListCost)
	}
	billed, err := pricing.ParseMonth(line.Month)
	if err != nil {
		panic(err)
	}
	return pricing.Line{
		Facts: pricing.Facts{
			Provider: line.Provider, Service: line.Service, SKU: line.Sku, Region: line.Region,
			ChargeCategory: pricing.ChargeCategory(line.ChargeCategory),
		},
		Month:      pricing.MonthFor(pricing.ChargeClass(line.ChargeClass), billed.Start(), line.ChargePeriodStart),
		SourceCost: source, ListCost: list,
	}
}

// rollup is a roll-up by names, the sums aside.
type rollup struct {
	dataset                        int64
	organization, customer, owner  uuid.UUID
	group                          uuid.UUID
	day                            string
	provider, service, sku, region string
	category, currency             string
}

type sums struct {
	Buy, Sell string
	Lines     int64
}

// checkRollups compares the roll-ups with sums that are taken from the lines.
func (w *world) checkRollups() {
	w.t.Helper()
	want, got := map[rollup]sums{}, map[rollup]sums{}
	for _, line := range w.lines() {
		w.rollUp(want, line)
	}
	rows, err := w.db.Client().CostRollup.Query().WithDataset().All(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Rating != r.Edges.Dataset.Rating {
			w.t.Errorf("a roll-up of rating %d is left, %d counts", r.Rating, r.Edges.Dataset.Rating)
			continue
		}
		addSums(got, rollup{
			r.DatasetID, r.OrganizationID, value(r.CustomerID), r.OwnerID, value(r.GroupID), r.Day.UTC().Format(time.DateTime),
			r.Provider, r.Service, r.Sku, r.Region, r.ChargeCategory, r.Currency,
		}, dec(r.Buy), dec(r.Sell), r.Lines)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rollup{})); diff != "" {
		w.t.Errorf("the roll-ups differ from the lines (-lines +roll-ups):\n%s", diff)
	}
}

// rollUp adds what a line costs on each tier of its chain.
func (w *world) rollUp(into map[rollup]sums, line *line) {
	w.t.Helper()
	chain := w.chain(line)
	rated := w.ratedLines(line)
	buy := dec(line.BilledCost)
	for i, id := range chain {
		var customer uuid.UUID
		var sell money.Decimal
		if i < len(rated) {
			customer, sell = rated[i].BuyerID, dec(rated[i].Amount)
		}
		addSums(into, rollup{
			line.DatasetID, uuid.UUID(id), customer, line.OrganizationID, value(line.GroupID),
			line.ChargePeriodStart.UTC().Truncate(24 * time.Hour).Format(time.DateTime),
			line.Provider, line.Service, line.Sku, line.Region, line.ChargeCategory, line.Currency,
		}, buy, sell, 1)
		buy = sell
	}
}

// ratedLines returns the prices of a line on its edges, from the top down.
func (w *world) ratedLines(line *line) []*ent.RatedLine {
	w.t.Helper()
	rated, err := w.db.Client().RatedLine.Query().
		Where(ratedline.UsageLineID(line.ID), ratedline.Rating(line.rating), ratedline.PositionGT(0)).Order(ent.Asc(ratedline.FieldPosition)).
		All(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return rated
}

func addSums(into map[rollup]sums, key rollup, buy, sell money.Decimal, lines int64) {
	was := into[key]
	if was.Lines == 0 {
		was = sums{Buy: "0", Sell: "0"}
	}
	into[key] = sums{Buy: dec(was.Buy).Add(buy).String(), Sell: dec(was.Sell).Add(sell).String(), Lines: was.Lines + lines}
}

func value(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

func TestRestatementReplacesItsSources(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		other := func(r *focus.Row) { r.BillingAccountID = "acct-2" }
		first := w.load(file(t, charge("10", nil), charge("5", other)), usage.Options{})
		second := w.load(file(t, charge("7", nil), charge("1", nil)), usage.Options{})

		if got := w.activeCost(); got != "13" {
			t.Errorf("%s counts, want 5 of the first file and 8 of the second", got)
		}
		if got := w.status(first); got != usage.Superseded {
			t.Errorf("the import that was restated in part is %s", got)
		}
		if got := w.status(second); got != usage.Active {
			t.Errorf("the restating import is %s", got)
		}
		third := w.load(file(t, charge("10", nil), charge("5", other)), usage.Options{})
		if third.ID == first.ID || w.activeCost() != "15" {
			t.Errorf("the first file again does not restate the second: %s counts", w.activeCost())
		}
		changes, err := db.Client().JournalEntry.Query().WithChanges().All(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, entry := range changes {
			actions = append(actions, fmt.Sprintf("%s %d", entry.Action, len(entry.Edges.Changes)))
		}
		if diff := cmp.Diff([]string{"importUsage 1", "importUsage 2", "importUsage 2"}, actions); diff != "" {
			t.Errorf("an import is one entry, with a change of each import (-want +got):\n%s", diff)
		}
	})
}

// activeCost returns the sum of what counts.
func (w *world) activeCost() string {
	w.t.Helper()
	var sum money.Decimal
	for _, line := range w.lines() {
		if w.dataset(line).Status == usagedataset.StatusACTIVE {
			sum = sum.Add(dec(line.BilledCost))
		}
	}
	return sum.String()
}

func (w *world) status(i *usage.Import) usage.Status {
	w.t.Helper()
	now, err := w.svc.Get(w.ctx, i.ID.UUID)
	if err != nil {
		w.t.Fatal(err)
	}
	return now.Status
}

func TestUnattributedRowsStayWithTheImporter(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		imported := w.load(file(t, charge("10", nil), charge("5", func(r *focus.Row) { r.SubAccountID = "sub-2" }),
			charge("1", func(r *focus.Row) { r.SubAccountID = "" })), usage.Options{})
		if imported.UnattributedRows != 2 {
			t.Errorf("%d rows are unattributed, want 2", imported.UnattributedRows)
		}
		var got []string
		for _, line := range w.lines() {
			got = append(got, fmt.Sprint(w.name(line.OrganizationID), line.Attributed, len(w.ratedLines(line))))
		}
		if diff := cmp.Diff([]string{"customertrue 3", "rootfalse 0", "rootfalse 0"}, got); diff != "" {
			t.Errorf("owner, attributed, edges (-want +got):\n%s", diff)
		}
		w.checkRollups()
	})
}

func TestGroupsOwnRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		group := w.group("customer", "research")
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{
			{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs["customer"], GroupID: &group},
		}); err != nil {
			t.Fatal(err)
		}
		w.load(file(t, charge("10", nil)), usage.Options{})
		if got := w.lines()[0].GroupID; got == nil || *got != group {
			t.Errorf("the row is of group %v", got)
		}
		w.checkRollups()
	})
}

// badFiles are files that are refused, with a part of the reason.
func badFiles(t *testing.T) map[string]struct{ content, reason string } {
	t.Helper()
	good := charge("10", nil)
	many := make([]focus.Row, 5000)
	for i := range many {
		many[i] = charge("0.01", nil)
	}
	whole := file(t, many...)
	var zipped bytes.Buffer
	out := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(out, whole); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]struct{ content, reason string }{
		"nothing":             {"", "the file is empty"},
		"another header":      {"a,b\n1,2\n", "line 1: the header is that of no known format; for FOCUS it lacks BilledCost, "},
		"a column twice":      {strings.Replace(sheet(t, cells{}), "ServiceCategory", "ServiceName", 1), "line 1: "},
		"a cell too few":      {sheet(t, cells{}) + "1,2,3\n", "line 3: "},
		"a cell too many":     {strings.TrimSuffix(sheet(t, cells{}, cells{}), "\n") + ",1\n", "line 3: "},
		"bad decimal":         {sheet(t, cells{}, cells{"BilledCost": "1,5"}), "line 3, column BilledCost: "},
		"no number":           {sheet(t, cells{"BilledCost": "NaN"}), "line 2, column BilledCost: "},
		"no end":              {sheet(t, cells{"ListCost": "-Infinity"}), "line 2, column ListCost: "},
		"an endless exponent": {sheet(t, cells{}, cells{"BilledCost": "1e20000000"}), "line 3, column BilledCost: "},
		"too small to keep":   {sheet(t, cells{"BilledCost": "1E-19"}), "line 2, column BilledCost: "},
		"no month":            {sheet(t, cells{"BillingPeriodStart": "soon"}), "line 2, column BillingPeriodStart: "},
		"a month that ends before it begins": {
			sheet(t, cells{"BillingPeriodEnd": "2024-08-01 00:00:00"}), "line 2, column BillingPeriodEnd: ",
		},
		"no currency":        {sheet(t, cells{"BillingCurrency": "US D"}), "line 2, column BillingCurrency: "},
		"UTF-16":             {utf16LE(sheet(t, cells{})), "the file is in UTF-16"},
		"UTF-16, unmarked":   {strings.TrimPrefix(utf16LE(sheet(t, cells{})), "\xff\xfe"), "line 1, column 1: the text holds a NUL"},
		"a quote not closed": {sheet(t, cells{}) + "\"1,2\n", "line 3, column 6: a quoted cell of the record that starts on line 3 is not closed"},
		"a quote in a cell":  {sheet(t, cells{}) + "1\"2,3\n", "line 3, column 2: a quote stands inside"},
		"bad row at the end": {
			whole + strings.Repeat("x,", 35) + "x\n", "line 5002, column BilledCost: ",
		},
		"truncated gzip":    {zipped.String()[:zipped.Len()/2], "truncated"},
		"another encoding":  {strings.Replace(file(t, good, good), "EC2", "EC\xe9", 1), "UTF-8"},
		"endless provider":  {sheet(t, cells{"ProviderName": strings.Repeat("A", 201)}), "line 2, column ProviderName: the text is longer than 200"},
		"price out of size": {sheet(t, cells{"BilledCost": "99999999999999999999", "SubAccountId": "sub-1"}), "line 2, column BilledCost: the price of this row has too many digits"},
		"sum out of size":   {sheet(t, cells{"BilledCost": "60000000000000000000", "SubAccountId": ""}, cells{"BilledCost": "60000000000000000000", "SubAccountId": ""}), "more digits"},
	}
}

func TestRefusedFilesChangeNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		priceTree(w)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		w.load(file(t, charge("10", nil)), usage.Options{})
		before := w.counts()
		for name, bad := range badFiles(t) {
			for how, r := range map[string]io.Reader{
				"sought": strings.NewReader(bad.content), "piped": io.MultiReader(strings.NewReader(bad.content)),
			} {
				_, err := w.svc.Import(w.ctx, w.orgs["root"], r, usage.Options{})
				if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), bad.reason) {
					t.Errorf("%s, %s: got %v, want INVALID with %q", name, how, err, bad.reason)
				}
				if after := w.counts(); after != before {
					t.Errorf("%s, %s: something was left behind:\n%s\n%s", name, how, before, after)
				}
			}
		}
	})
}

// utf16LE returns an ASCII text as spreadsheets save it for Windows.
func utf16LE(text string) string {
	encoded := []byte("\xff\xfe")
	for i := range len(text) {
		encoded = append(encoded, text[i], 0)
	}
	return string(encoded)
}

// repeated reads a text again and again, as long as it is asked to.
type repeated struct {
	text string
	read int64
}

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r.text[(r.read+int64(n))%int64(len(r.text)):])
	}
	r.read += int64(n)
	return n, nil
}

// TestEndlessFilesAreRefusedInTime imports files that would fill the memory or the
// database: a line of 2 GB, a small file that decompresses to as much, and a file
// of bad rows that are skipped.
func TestEndlessFilesAreRefusedInTime(t *testing.T) {
	t.Parallel()
	const huge = 2 << 30
	header, row, _ := strings.Cut(sheet(t, cells{}), "\n")
	var bomb bytes.Buffer
	packed := must(gzip.NewWriterLevel(&bomb, gzip.BestSpeed))
	if _, err := io.Copy(packed, io.MultiReader(strings.NewReader(header+"\n\""), io.LimitReader(&repeated{text: "a"}, 64<<20))); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		before := w.counts()
		for _, tt := range []struct {
			name, head, fill, want string
		}{
			{"a line of 2 GB", header + "\n", "a", "line 2: the record is longer than"},
			{"a quoted cell of 2 GB", header + "\n" + row + "\"", "a\n", "line 3: the record is longer than"},
			{"a header of 2 GB", "", "a,", "line 1: the record is longer than"},
		} {
			source := &repeated{text: tt.fill}
			_, err := w.svc.Import(w.ctx, w.orgs["root"], io.MultiReader(strings.NewReader(tt.head), io.LimitReader(source, huge)), usage.Options{SkipBadRows: true})
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
			if source.read > 2<<20 {
				t.Errorf("%s: %d bytes were read", tt.name, source.read)
			}
		}
		_, err := w.svc.Import(w.ctx, w.orgs["root"], bytes.NewReader(bomb.Bytes()), usage.Options{SkipBadRows: true})
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "compressed by more than") {
			t.Errorf("a gzip bomb: %v", err)
		}
		if after := w.counts(); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

// TestForms imports one content in the forms that people send it in: all bring the
// same lines. Rows that are there twice count twice, rows in several currencies
// add up apart, and usage of other months, the next ones among them, is of those.
func TestForms(t *testing.T) {
	t.Parallel()
	plain := sheet(t, cells{"ChargeDescription": "two, \"quoted\""}, cells{}, cells{}, cells{"BilledCost": "-2.5e-1"}, cells{"BillingCurrency": "EUR", "BilledCost": "1E+1"},
		cells{"BillingPeriodStart": "2024-08-01", "BillingPeriodEnd": "2024-09-01"}, cells{"BillingPeriodStart": "2030-02-01", "BillingPeriodEnd": "2030-03-01"})
	var packed bytes.Buffer
	out := gzip.NewWriter(&packed)
	if _, err := io.WriteString(out, "\ufeff"+plain); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"plain": plain, "byte order mark": "\ufeff" + plain, "CRLF": strings.ReplaceAll(plain, "\n", "\r\n"),
		"CRLF and the mark": "\ufeff" + strings.ReplaceAll(plain, "\n", "\r\n"), "gzip": packed.String(), "no line feed at the end": strings.TrimSuffix(plain, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newTree(t, db)
				w.mapSubAccounts(map[string]string{"sub-1": "customer"})
				imported := w.load(content, usage.Options{})
				if got := fmt.Sprint(imported.RowsRead, imported.RowsStored, imported.BilledCosts); got != "7 7 [10 EUR 49.75 USD]" {
					t.Errorf("got %s", got)
				}
				sums := map[string]money.Decimal{}
				for _, line := range w.lines() {
					sums[line.Month+" "+line.Currency] = sums[line.Month+" "+line.Currency].Add(dec(line.BilledCost))
				}
				want := map[string]string{"2024-08 USD": "10", "2024-09 USD": "29.75", "2024-09 EUR": "10", "2030-02 USD": "10"}
				got := map[string]string{}
				for key, sum := range sums {
					got[key] = sum.String()
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				w.checkRollups()
			})
		})
	}
}

func TestBrokenReaderChangesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		before, broken := w.counts(), errors.New("the line is dead")
		r := io.MultiReader(strings.NewReader(file(t, charge("10", nil))), failing{broken})
		if _, err := w.svc.Import(w.ctx, w.orgs["root"], r, usage.Options{}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if after := w.counts(); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestCallerThatGoesAwayLeavesNothing cancels the import while it is loading.
func TestCallerThatGoesAwayLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		before := w.counts()
		rows := make([]focus.Row, 5000)
		for i := range rows {
			rows[i] = charge("0.01", nil)
		}
		ctx, cancel := context.WithCancel(w.ctx)
		defer cancel()
		_, err := w.svc.Import(ctx, w.orgs["root"], strings.NewReader(file(t, rows...)), usage.Options{
			Progress: func(usage.Progress) { cancel() },
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if after := w.counts(); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

func TestBadRowsAreSkippedAndReported(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		rows := []cells{{}, {"BilledCost": "much"}, {"ChargeCategory": "Gift"}, {"BilledCost": "2"}}
		for range 150 {
			rows = append(rows, cells{"BillingCurrency": ""})
		}
		imported := w.load(sheet(t, rows...), usage.Options{SkipBadRows: true})
		if imported.RowsRead != 154 || imported.RowsStored != 2 || imported.RowsSkipped != 152 || imported.ErrorCount != 152 {
			t.Errorf("read %d, stored %d, skipped %d, errors %d",
				imported.RowsRead, imported.RowsStored, imported.RowsSkipped, imported.ErrorCount)
		}
		if len(imported.RowErrors) != 100 {
			t.Errorf("%d errors are reported, want the first 100", len(imported.RowErrors))
		}
		var places []string
		for _, e := range imported.RowErrors[:3] {
			places = append(places, fmt.Sprint(e.Line, e.Column))
		}
		if diff := cmp.Diff([]string{"3BilledCost", "4ChargeCategory", "6BillingCurrency"}, places); diff != "" {
			t.Errorf("places (-want +got):\n%s", diff)
		}
		if got := w.activeCost(); got != "12" {
			t.Errorf("%s counts, want 12", got)
		}
		again, err := w.svc.Get(w.ctx, imported.ID.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(imported, again); diff != "" {
			t.Errorf("it is stored otherwise (-want +got):\n%s", diff)
		}
	})
}

func TestColumnsThatAreMissingComeFromDefaults(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		content := strings.Replace(sheet(t, cells{}), "ProviderName", "x_Provider", 1)
		w.load(content, usage.Options{Defaults: map[string]string{"ProviderName": "Hetzner"}})
		if got := w.lines()[0].Provider; got != "Hetzner" {
			t.Errorf("the provider is %s", got)
		}
		_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(content), usage.Options{Defaults: map[string]string{"Nonsense": "1"}})
		if err != nil {
			t.Errorf("the content is known, whatever the defaults: %v", err)
		}
	})
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		rows := make([]focus.Row, 4500)
		for i := range rows {
			rows[i] = charge("0.01", nil)
		}
		content := file(t, rows...)
		var told []usage.Progress
		w.load(content, usage.Options{Progress: func(p usage.Progress) { told = append(told, p) }})
		if len(told) < 3 || told[len(told)-1] != (usage.Progress{Format: focus.FormatFOCUS, Rows: 4500, Bytes: int64(len(content))}) {
			t.Errorf("told %v of %d bytes", told, len(content))
		}
		if !slices.IsSortedFunc(told, func(a, b usage.Progress) int { return a.Rows - b.Rows }) {
			t.Errorf("progress goes back: %v", told)
		}
	})
}

// TestManyDifferentRollups makes more roll-ups than are kept in memory.
func TestManyDifferentRollups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		rows := make([]focus.Row, 31_000)
		for i := range rows {
			rows[i] = charge("0.1", func(r *focus.Row) { r.SKU = fmt.Sprintf("sku-%d", i%30_500) })
		}
		w.load(file(t, rows...), usage.Options{})
		rollups, err := db.Client().CostRollup.Query().All(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var cost money.Decimal
		var lines int64
		for _, r := range rollups {
			cost, lines = cost.Add(dec(r.Buy)), lines+r.Lines
		}
		if cost.String() != "3100" || lines != 31_000 {
			t.Errorf("%d lines add up to %s", lines, cost)
		}
		if len(rollups) <= 30_500 {
			t.Errorf("%d roll-ups were all kept until the end", len(rollups))
		}
	})
}

func TestBatchSizeAndOrderDoNotMatter(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		rows := make([]focus.Row, 2500)
		for i := range rows {
			rows[i] = charge(fmt.Sprintf("0.%03d1", i%1000), func(r *focus.Row) {
				r.SKU = fmt.Sprintf("sku-%d", i%7)
				r.ChargePeriodStart = r.ChargePeriodStart.AddDate(0, 0, i%5)
				r.ChargePeriodEnd = r.ChargePeriodStart.Add(time.Hour)
			})
		}
		w := newTree(t, db)
		priceTree(w)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		w.load(file(t, rows...), usage.Options{})
		forwards := w.activeRollups()
		slices.Reverse(rows)
		w.load(file(t, rows...), usage.Options{})
		if diff := cmp.Diff(forwards, w.activeRollups()); diff != "" {
			t.Errorf("the order of rows matters (-forwards +backwards):\n%s", diff)
		}
	})
}

// activeRollups returns the sums that count, whatever their dataset.
func (w *world) activeRollups() map[string]sums {
	w.t.Helper()
	rows, err := w.db.Client().CostRollup.Query().WithDataset().All(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	active := map[string]sums{}
	for _, r := range rows {
		if r.Edges.Dataset.Status != usagedataset.StatusACTIVE {
			continue
		}
		key := fmt.Sprint(w.name(r.OrganizationID), w.name(value(r.CustomerID)), w.name(r.OwnerID), r.Day.UTC(), r.Sku)
		was, ok := active[key]
		if !ok {
			was = sums{Buy: "0", Sell: "0"}
		}
		active[key] = sums{
			Buy: dec(was.Buy).Add(dec(r.Buy)).String(), Sell: dec(was.Sell).Add(dec(r.Sell)).String(), Lines: was.Lines + r.Lines,
		}
	}
	return active
}

func TestWhoMayImport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		content := file(t, charge("10", nil))
		for _, tt := range []struct {
			name, importer string
			ctx            context.Context
			want           fault.Code
		}{
			{"own administrator", "partner", w.viewer("partner", orgtree.Partner), ""},
			{"the platform's administrator", "partner", w.viewer("root", orgtree.Platform), ""},
			{"the manager above", "reseller", w.viewer("partner", orgtree.Partner), fault.Forbidden},
			{"somebody else", "partner", w.viewer("stranger", orgtree.Partner), fault.NotFound},
			{"a customer", "customer", w.viewer("customer", orgtree.Standard), fault.Forbidden},
			{"the system for a customer", "customer", w.ctx, fault.Invalid},
			{"nobody", "partner", t.Context(), fault.Unauthenticated},
		} {
			_, err := w.svc.Import(tt.ctx, w.orgs[tt.importer], strings.NewReader(content), usage.Options{})
			if got := fault.CodeOf(err); got != tt.want {
				t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
			}
		}
		imported, err := w.svc.Import(w.viewer("partner", orgtree.Partner), w.orgs["partner"], strings.NewReader(content), usage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			ctx  context.Context
			want fault.Code
		}{
			"own administrator":            {w.viewer("partner", orgtree.Partner), ""},
			"the platform's administrator": {w.viewer("root", orgtree.Platform), ""},
			"a manager below":              {w.viewer("reseller", orgtree.Partner), fault.NotFound},
			"somebody else":                {w.viewer("stranger", orgtree.Partner), fault.NotFound},
		} {
			_, err := w.svc.Get(tt.ctx, imported.ID.UUID)
			if got := fault.CodeOf(err); got != tt.want {
				t.Errorf("%s reads: got %q (%v), want %q", name, got, err, tt.want)
			}
		}
	})
}

// TestChainBeginsAtTheImporter imports as a middle tier: nobody above has a
// price in it.
func TestChainBeginsAtTheImporter(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		priceTree(w)
		ctx := w.viewer("partner", orgtree.Partner)
		if _, err := w.svc.MapUsage(ctx, w.orgs["partner"], []usage.NewMapping{
			{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs["customer"]},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.svc.Import(ctx, w.orgs["partner"], strings.NewReader(file(t, charge("10", nil))), usage.Options{}); err != nil {
			t.Fatal(err)
		}
		var edges []string
		for _, r := range w.ratedLines(w.lines()[0]) {
			edges = append(edges, fmt.Sprintf("%s>%s %s", w.name(value(r.SellerID)), w.name(r.BuyerID), plain(r.Amount)))
		}
		if diff := cmp.Diff([]string{"partner>reseller 10.5", "reseller>customer 12.6"}, edges); diff != "" {
			t.Errorf("edges (-want +got):\n%s", diff)
		}
		w.checkRollups()
	})
}

func TestSweepClearsWhatADeadProcessLeft(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": migrated(t, dbtest.SQLiteURL(t)), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := dbtest.Start()
			options := dbtest.Options()
			options.Now = func() time.Time { return now }
			db, err := database.Open(t.Context(), url, options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			w := newTree(t, db)
			rows := make([]focus.Row, 5000)
			for i := range rows {
				rows[i] = charge("0.01", nil)
			}
			content := file(t, rows...)
			before := w.counts()

			// The import stops in the middle, as if its process had died, and
			// looks around.
			_, err = w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(content), usage.Options{Progress: func(p usage.Progress) {
				if p.Rows > 2000 {
					return
				}
				if err := w.svc.Sweep(w.ctx); err != nil {
					t.Error(err)
				}
				if n := len(w.lines()); n == 0 {
					t.Error("a living import was swept away")
				}
				if got := w.activeCost(); got != "0" {
					t.Errorf("%s counts already", got)
				}
				now = now.Add(time.Hour)
				if err := w.svc.Sweep(w.ctx); err != nil {
					t.Error(err)
				}
				if after := w.counts(); after != before {
					t.Errorf("the sweep left something:\n%s\n%s", before, after)
				}
			}})
			if fault.CodeOf(err) != fault.Conflict {
				t.Errorf("an import that was swept away goes on: %v", err)
			}
			if after := w.counts(); after != before {
				t.Errorf("something was left behind:\n%s\n%s", before, after)
			}
			w.load(content, usage.Options{})
		})
	}
}

// migrated returns the URL of a database after migrating it.
func migrated(t *testing.T, url string) string {
	t.Helper()
	db, err := database.Open(t.Context(), url, dbtest.Options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return url
}

// TestConcurrentImports brings different statements of the same sources in at
// the same time, each of them twice.
func TestConcurrentImports(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		priceTree(w)
		w.mapSubAccounts(map[string]string{"sub-1": "customer"})
		const statements, rows = 4, 2500
		contents := make([]string, statements)
		for n := range contents {
			list := make([]focus.Row, rows)
			for i := range list {
				list[i] = charge(fmt.Sprint(n+1), func(r *focus.Row) { r.BillingAccountID = fmt.Sprintf("acct-%d", i%3) })
			}
			contents[n] = file(t, list...)
		}
		var all errgroup.Group
		for i := range 2 * statements {
			all.Go(func() error {
				_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(contents[i%statements]), usage.Options{})
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		datasets, err := db.Client().UsageDataset.Query().Where(usagedataset.StatusEQ(usagedataset.StatusACTIVE)).WithUsageLines().All(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		imports := map[uuid.UUID]bool{}
		lines := 0
		for _, d := range datasets {
			imports[d.ImportID] = true
			lines += len(d.Edges.UsageLines)
		}
		if len(datasets) != 3 || len(imports) != 1 || lines != rows {
			t.Errorf("%d datasets of %d imports with %d lines are active", len(datasets), len(imports), lines)
		}
		active, err := db.Client().UsageImport.Query().Where(usageimport.StatusEQ(usageimport.StatusACTIVE)).Count(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		unfinished, err := db.Client().UsageImport.Query().
			Where(usageimport.StatusIn(usageimport.StatusLOADING, usageimport.StatusFAILED)).Count(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if active != 1 || unfinished != 0 {
			t.Errorf("%d imports are active, %d unfinished", active, unfinished)
		}
	})
}
