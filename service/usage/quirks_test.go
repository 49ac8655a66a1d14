package usage_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/service/usage"
)

// cells are a row of a file by column.
type cells map[string]string

// plainCells are a row without any quirk, of sub-account "sub-1".
func plainCells() cells {
	return cells{
		"BilledCost": "10", "ListCost": "12", "EffectiveCost": "10", "ContractedCost": "10",
		"BillingAccountId": "1234567890123", "BillingAccountName": "SunBird", "BillingCurrency": "USD",
		"BillingPeriodStart": "2024-09-01 00:00:00", "BillingPeriodEnd": "2024-10-01 00:00:00",
		"ChargePeriodStart": "2024-09-18 22:00:00", "ChargePeriodEnd": "2024-09-18 23:00:00",
		"ChargeCategory": "Usage", "ChargeClass": "NULL", "ChargeDescription": "an hour", "ChargeFrequency": "Usage-Based",
		"ProviderName": "AWS", "PublisherName": "Amazon Web Services, Inc.", "InvoiceIssuerName": "Amazon Web Services, Inc.",
		"ServiceName": "EC2", "ServiceCategory": "Compute", "SkuId": "P5", "SkuPriceId": "P5.1", "RegionId": "us-west-2",
		"SubAccountId": "sub-1", "PricingQuantity": "1", "PricingUnit": "Hours", "Tags": "NULL",
	}
}

// sheet returns a file of rows that differ from the plain one as given.
func sheet(t *testing.T, rows ...cells) string {
	t.Helper()
	columns := plainCells()
	for _, row := range rows {
		maps.Copy(columns, row)
	}
	header := slices.Sorted(maps.Keys(columns))
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	records := [][]string{header}
	for _, row := range rows {
		whole := plainCells()
		maps.Copy(whole, row)
		record := make([]string, len(header))
		for i, column := range header {
			record[i] = whole[column]
		}
		records = append(records, record)
	}
	if err := out.WriteAll(records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// quirk is a peculiarity of real files and what must become of it.
type quirk struct {
	name string
	rows []cells
	// want are some facts about each stored row.
	want []string
	fact func(w *world, line *line) string
}

func TestQuirksOfRealFiles(t *testing.T) {
	t.Parallel()
	for _, q := range quirks() {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newTree(t, db)
				priceTree(w)
				w.mapSubAccounts(map[string]string{"sub-1": "customer"})
				imported := w.load(sheet(t, q.rows...), usage.Options{})
				if imported.RowsStored != len(q.rows) {
					t.Errorf("stored %d of %d rows", imported.RowsStored, len(q.rows))
				}
				var got []string
				for _, line := range w.lines() {
					got = append(got, q.fact(w, line))
				}
				if diff := cmp.Diff(q.want, got); diff != "" {
					t.Errorf("facts differ (-want +got):\n%s", diff)
				}
				w.checkRated()
				w.checkRollups()
			})
		})
	}
}

func quirks() []quirk {
	return []quirk{
		{
			name: "several providers, accounts and issuers in one file",
			rows: []cells{
				{},
				{"ProviderName": "Microsoft", "BillingAccountId": "EA-1", "InvoiceIssuerName": "Microsoft"},
				{"ProviderName": "Oracle", "InvoiceIssuerName": "Oracle"},
				{"InvoiceIssuerName": "Amazon Web Services Canada"},
			},
			want: []string{"AWS 1234567890123", "Microsoft EA-1", "Oracle 1234567890123", "AWS 1234567890123"},
			fact: func(w *world, line *line) string {
				d := w.dataset(line)
				return d.Provider + " " + d.BillingAccountID
			},
		},
		{
			name: "null is written in three ways, also where there should be none",
			rows: []cells{
				{"ContractedCost": "NULL", "RegionId": "NULL", "SkuId": "NULL"},
				{"ContractedCost": "", "RegionId": "", "SkuId": "", "ChargeClass": ""},
				{"ContractedCost": "(null)", "RegionId": "(null)", "SkuId": "(null)", "Tags": "(null)"},
			},
			want: []string{"// no contracted cost", "// no contracted cost", "// no contracted cost"},
			fact: func(w *world, line *line) string {
				if _, ok := extra(w, line)["ContractedCost"]; ok {
					return "a contracted cost"
				}
				return line.Region + "/" + line.Sku + "/" + line.ChargeClass + " no contracted cost"
			},
		},
		{
			name: "times without T and zone, and a charge of September in the bill of October",
			rows: []cells{
				{},
				{
					"BillingPeriodStart": "2024-10-01 00:00:00", "BillingPeriodEnd": "2024-11-01 00:00:00",
					"ChargePeriodStart": "2024-09-30 22:00:00", "ChargePeriodEnd": "2024-09-30 23:00:00",
				},
				{"ChargePeriodStart": "2024-09-18", "ChargePeriodEnd": "2024-09-19"},
			},
			want: []string{
				"2024-09 from 2024-09-18T22:00:00Z", "2024-10 from 2024-09-30T22:00:00Z", "2024-09 from 2024-09-18T00:00:00Z",
			},
			fact: func(_ *world, line *line) string {
				return line.Month + " from " + line.ChargePeriodStart.UTC().Format(time.RFC3339)
			},
		},
		{
			name: "costs that the provider rounded away are kept and not used",
			rows: []cells{{"BilledCost": "0.0160599", "EffectiveCost": "0.00000000000", "ContractedCost": "0"}},
			want: []string{"0.0160599, effective 0"},
			fact: func(w *world, line *line) string {
				return plain(line.BilledCost) + ", effective " + extra(w, line)["EffectiveCost"]
			},
		},
		{
			name: "a price in the column of the availability zone is only text",
			rows: []cells{{"AvailabilityZone": "9.28"}},
			want: []string{"9.28"},
			fact: func(w *world, line *line) string { return extra(w, line)["AvailabilityZone"] },
		},
		{
			name: "refunds are priced, credits and adjustments pass through",
			rows: []cells{
				{"BilledCost": "-10", "ListCost": "-12", "PricingQuantity": "-1"},
				{"BilledCost": "-2.6137", "ListCost": "0", "ChargeCategory": "Credit"},
				{"BilledCost": "3", "ListCost": "0", "ChargeCategory": "Adjustment"},
			},
			want: []string{"-15.12", "-2.6137", "3"},
			fact: (*world).customerPrice,
		},
		{
			name: "list cost is taken as stated, never from the unit price",
			rows: []cells{
				{"ListCost": "0.0000123456", "ListUnitPrice": "0.4", "PricingQuantity": "0.31"},
				{"ListCost": "NULL"},
			},
			want: []string{"0.000015555456", "12.6"},
			fact: (*world).customerPrice,
		},
		{
			name: "eighteen decimal places and E-notation",
			rows: []cells{
				{"BilledCost": "0.000000000000000001", "PricingQuantity": "2.000000000000001"},
				{"BilledCost": "6.266090E-12", "PricingQuantity": "1234567890.123456"},
				{"BilledCost": "0.00000080000", "PricingQuantity": "1E3"},
			},
			want: []string{
				"0.000000000000000001 for 2.000000000000001", "0.00000000000626609 for 1234567890.123456", "0.0000008 for 1000",
			},
			fact: func(_ *world, line *line) string {
				return plain(line.BilledCost) + " for " + plain(*line.Quantity)
			},
		},
		{
			name: "foreign columns, spellings of the frequency and spaces in tag keys are kept apart",
			rows: []cells{
				{"Id": "11472", "x_Operation": "Run", "ChargeFrequency": "Usage-based", "Tags": `{" org": "a", "org": "b"}`},
				{"Id": "11473", "SkuPriceId": "P5.2", "ChargeFrequency": "Usage-Based", "Tags": `{"note": "a \"tab\"\tand \\ slash"}`},
			},
			want: []string{
				`Id 11472 Usage-Based P5.1 map[ org:a org:b]`, `Id 11473 Usage-Based P5.2 map[note:a "tab"` + "\t" + `and \ slash]`,
			},
			fact: func(w *world, line *line) string {
				x := extra(w, line)
				return "Id " + x["Id"] + " " + x["ChargeFrequency"] + " " + x["SkuPriceId"] + " " + fmt.Sprint(object(w.t, line.Tags))
			},
		},
		{
			name: "rows that cost nothing are rows",
			rows: []cells{{"BilledCost": "0.00000000000", "ListCost": "0"}, {"BilledCost": "0", "ListCost": "0"}},
			want: []string{"0", "0"},
			fact: func(_ *world, line *line) string { return plain(line.BilledCost) },
		},
		{
			name: "a correction is priced by the month that it corrects and counts in its own",
			rows: []cells{
				{
					"ChargeClass": "Correction", "BilledCost": "-10", "ListCost": "-12",
					"ChargePeriodStart": "2019-12-31 00:00:00", "ChargePeriodEnd": "2019-12-31 01:00:00",
				},
			},
			want: []string{"-10 in 2024-09"}, // there were no rules in 2019
			fact: func(w *world, line *line) string { return w.customerPrice(line) + " in " + line.Month },
		},
	}
}

// dataset returns the dataset of a line.
func (w *world) dataset(line *line) *ent.UsageDataset {
	w.t.Helper()
	d, err := w.db.Client().UsageDataset.Query().Where(usagedataset.ID(line.DatasetID)).Only(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// customerPrice returns what a line costs its owner.
func (w *world) customerPrice(line *line) string {
	w.t.Helper()
	rated := w.ratedLines(line)
	return plain(rated[len(rated)-1].Amount)
}

// plain returns an amount without the zeros that a database adds.
func plain(amount string) string { return dec(amount).String() }

func extra(w *world, line *line) map[string]string { return object(w.t, line.Extra) }

func object(t testing.TB, text string) map[string]string {
	t.Helper()
	var o map[string]string
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}
