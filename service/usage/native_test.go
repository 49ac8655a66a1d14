package usage_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/service/usage"
)

// nativeSample is a published file in a provider's own format.
type nativeSample struct {
	file             string
	format           focus.Format
	cost, subAccount string // names of columns
	currency         money.Currency
	dataset          string // the one that it makes
}

func nativeSamples() []nativeSample {
	return []nativeSample{
		{
			"aws-cur-sample-anonymous.csv", focus.FormatAWS, "lineItem/UnblendedCost", "lineItem/UsageAccountId", "USD",
			"AWS 123412340534 2023-11",
		},
		{
			"azure-ea-sample-anonymous.csv", focus.FormatAzure, "CostInBillingCurrency", "SubscriptionId", "CAD",
			"Microsoft 12345678 2023-09",
		},
		{
			"oci-cost-report-scrubbed.csv", focus.FormatOCI, "cost/myCost", "lineItem/tenantId", "USD",
			"Oracle ocid1.organizationssubscription.oc1.us-sanjose-1.amaaaaaa33abj3qa7lv6zso4gq45je75qdvql5fmgrmzlic6nbtm33hlbt5q 2023-11",
		},
	}
}

func TestNativeSamples(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("FOCUS_SAMPLE_DIR")
	if folder == "" {
		t.Skip("FOCUS_SAMPLE_DIR names no folder with the published samples")
	}
	for _, sample := range nativeSamples() {
		t.Run(string(sample.format), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(filepath.Join(folder, "native", sample.file))
			if err != nil {
				t.Fatal(err)
			}
			rows, total, subAccounts := sample.plainly(t, content)
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newTree(t, db)
				priceTree(w)
				// The last sub-account is nobody's, if there is another.
				owners := map[string]string{}
				for i, sub := range subAccounts[:max(1, len(subAccounts)-1)] {
					owners[sub] = []string{"customer", "reseller", "partner"}[i%3]
				}
				w.mapSubAccounts(owners)
				w.checkConserved(content, sample, rows, total)
				w.checkRated()
				w.checkRollups()
				w.checkNativeOwners(owners)
			})
		})
	}
}

// plainly returns the number of rows, their costs and the sub-accounts of a
// file, without the package focus.
func (s nativeSample) plainly(t *testing.T, content []byte) (rows int, total money.Decimal, subAccounts []string) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cost, sub := slices.Index(records[0], s.cost), slices.Index(records[0], s.subAccount)
	for _, record := range records[1:] {
		total = total.Add(dec(record[cost]))
		if !slices.Contains(subAccounts, record[sub]) {
			subAccounts = append(subAccounts, record[sub])
		}
	}
	return len(records) - 1, total, subAccounts
}

// checkConserved imports the file and checks that what is reported and what is
// stored are what the file states, in one dataset.
func (w *world) checkConserved(content []byte, sample nativeSample, rows int, total money.Decimal) {
	w.t.Helper()
	var format focus.Format
	imported := w.load(string(content), usage.Options{Progress: func(p usage.Progress) { format = p.Format }})
	if format != sample.format || imported.RowsRead != rows || imported.RowsStored != rows || imported.RowsSkipped != 0 {
		w.t.Errorf("of %s, read %d and stored %d of %d rows", format, imported.RowsRead, imported.RowsStored, rows)
	}
	if want := []money.Amount{{Decimal: total, Currency: sample.currency}}; !slices.EqualFunc(want, imported.BilledCosts, money.Amount.Equal) {
		w.t.Errorf("the billed cost is %v, that of the file %v", imported.BilledCosts, want)
	}
	var stored money.Decimal
	datasets := map[string]bool{}
	for _, line := range w.lines() {
		stored = stored.Add(dec(line.BilledCost))
		d := w.dataset(line)
		datasets[d.Provider+" "+d.BillingAccountID+" "+d.Month] = true
	}
	if !stored.Equal(total) {
		w.t.Errorf("the lines add up to %s, the file to %s", stored, total)
	}
	if diff := cmp.Diff(map[string]bool{sample.dataset: true}, datasets); diff != "" {
		w.t.Error(diff)
	}
}

// checkNativeOwners checks whose each line is.
func (w *world) checkNativeOwners(owners map[string]string) {
	w.t.Helper()
	for _, line := range w.lines() {
		want, mapped := owners[line.SubAccountID]
		if !mapped {
			want = "root"
		}
		if got := w.name(line.OrganizationID); got != want || line.Attributed != mapped {
			w.t.Errorf("line %d of %s is %s's, want %s's", line.Line, line.SubAccountID, got, want)
		}
	}
}

// A report of two parts, as AWS delivers it.
const awsHeader = "bill/PayerAccountId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId," +
	"lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UnblendedCost,lineItem/CurrencyCode,product/sku," +
	"resourceTags/user:team\n"

func awsItem(kind, cost, sku, tag string) string {
	return "111,2023-11-01T00:00:00Z,2023-12-01T00:00:00Z,sub-1," + kind + ",2023-11-04T22:00:00Z,2023-11-04T23:00:00Z," +
		cost + ",USD," + sku + "," + tag + "\n"
}

// TestCommitmentsCostNobodyTwice holds that usage which a Savings Plan covers
// costs its owner nothing, although what takes its cost back is nobody's.
func TestCommitmentsCostNobodyTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		priceTree(w)
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{
			{TagKey: ptr("team"), TagValue: ptr("a"), OrganizationID: w.orgs["customer"]},
		}); err != nil {
			t.Fatal(err)
		}
		imported := w.load(awsHeader+awsItem("SavingsPlanCoveredUsage", "10", "S1", "a")+awsItem("Usage", "10", "S1", "a")+
			awsHeader+awsItem("SavingsPlanNegation", "-10", "", "")+awsItem("SavingsPlanRecurringFee", "7", "", ""), usage.Options{})
		if imported.RowsStored != 4 || !imported.BilledCosts[0].Decimal.Equal(dec("17")) {
			t.Errorf("stored %d rows at %v", imported.RowsStored, imported.BilledCosts)
		}
		var got []string
		for _, line := range w.lines() {
			got = append(got, w.name(line.OrganizationID)+" "+plain(line.BilledCost)+" "+extra(w, line)["x_lineItem/UnblendedCost"])
		}
		want := []string{"customer 0 10", "customer 10 ", "root 0 -10", "root 7 "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.checkRated()
		w.checkRollups()
	})
}

// TestNativeFilesThatAreRefused holds that errors name the columns of the file.
func TestNativeFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		before := w.counts()
		long := strings.Repeat("s", 300)
		for name, test := range map[string]struct{ content, want string }{
			"half a header": {
				strings.Replace(awsHeader, "lineItem/UnblendedCost", "cost", 1) + awsItem("Usage", "10", "S1", "a"),
				"line 1: the header is nearest to AWS_CUR and lacks lineItem/UnblendedCost (BilledCost)",
			},
			"a bad cost": {awsHeader + awsItem("Usage", "ten", "S1", "a"), "line 2, column lineItem/UnblendedCost: "},
			"a long SKU": {awsHeader + awsItem("Usage", "1", long, "a"), "line 2, column product/sku: the text is longer than 200 bytes"},
			"two currencies": {
				awsHeader + awsItem("Usage", "1", "S1", "a") + strings.Replace(awsItem("Usage", "1", "S1", "a"), "USD", "INR", 1),
				"line 3, column lineItem/CurrencyCode: the row is in INR, ",
			},
		} {
			_, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(test.content), usage.Options{})
			if fault.CodeOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		}
		if after := w.counts(); after != before {
			t.Errorf("refused files changed something:\n%s\n%s", before, after)
		}
	})
}
