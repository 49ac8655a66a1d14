package focus

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// nativeFormat is what tests know about a provider's own format.
type nativeFormat struct {
	format Format
	// cells returns the least record that is accepted, changed.
	cells func(changes cells) cells
	// cost, currency, start, end and account name columns.
	cost, currency, start, end, account string
}

func nativeFormats() []nativeFormat {
	return []nativeFormat{
		{
			FormatAWS, awsCells, "lineItem/UnblendedCost", "lineItem/CurrencyCode",
			"lineItem/UsageStartDate", "lineItem/UsageEndDate", "bill/PayerAccountId",
		},
		{
			FormatAzure, azureCells, "CostInBillingCurrency", "BillingCurrencyCode",
			"Date", "BillingPeriodEndDate", "BillingProfileId",
		},
		{
			FormatOCI, ociCells, "cost/myCost", "cost/currencyCode",
			"lineItem/intervalUsageStart", "lineItem/intervalUsageEnd", "cost/subscriptionId",
		},
	}
}

func eachNative(t *testing.T, fn func(t *testing.T, n nativeFormat)) {
	t.Helper()
	for _, n := range nativeFormats() {
		t.Run(string(n.format), func(t *testing.T) {
			t.Parallel()
			fn(t, n)
		})
	}
}

func changed(base, changes cells) cells {
	row := maps.Clone(base)
	maps.Copy(row, changes)
	return row
}

func TestFormatIsRecognised(t *testing.T) {
	t.Parallel()
	contents := map[Format]string{FormatFOCUS: file(plain(nil))}
	for _, n := range nativeFormats() {
		contents[n.format] = file(n.cells(nil))
	}
	for format, content := range contents {
		header, rest, _ := strings.Cut(content, "\n")
		for _, content := range []string{content, strings.ToUpper(header) + "\n" + rest, strings.ToLower(header) + "\n" + rest} {
			r, err := NewReader(strings.NewReader(content), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Format() != format {
				t.Errorf("%s is said to be %s, want %s", content, r.Format(), format)
			}
		}
	}
}

func TestColumnIsNamedAsInTheFile(t *testing.T) {
	t.Parallel()
	tests := []struct{ content, name, want string }{
		{file(plain(nil)), "BilledCost", "BilledCost"},
		{file(plain(nil)), "ServiceProviderName", "ProviderName"},
		{file(plain(nil)), "RegionId", "RegionId"},
		{file(awsCells(nil)), "BilledCost", "lineItem/UnblendedCost"},
		{file(awsCells(nil)), "ServiceProviderName", "ServiceProviderName"},
		{file(azureCells(nil)), "ChargePeriodEnd", "Date"},
		{strings.Replace(file(azureCells(nil)), "BillingProfileId", "BillingAccountId", 1), "BillingAccountId", "BillingAccountId"},
		{file(ociCells(nil)), "BillingPeriodStart", "lineItem/intervalUsageStart"},
	}
	for _, test := range tests {
		r, err := NewReader(strings.NewReader(test.content), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Column(test.name); got != test.want {
			t.Errorf("%s of %s is %s, want %s", test.name, r.Format(), got, test.want)
		}
	}
}

func TestNativeHeadersThatAreRefused(t *testing.T) {
	t.Parallel()
	without := func(row cells, names ...string) cells {
		for _, name := range names {
			delete(row, name)
		}
		return row
	}
	both := plain(nil)
	maps.Copy(both, awsCells(nil))
	three := awsCells(ociCells(azureCells(nil)))
	tests := map[string]struct {
		row  cells
		want string
	}{
		"AWS without the cost": {
			without(awsCells(nil), "lineItem/UnblendedCost"),
			"line 1: the header is nearest to AWS_CUR and lacks lineItem/UnblendedCost (BilledCost)",
		},
		"half of AWS": {
			without(awsCells(nil), "lineItem/LineItemType", "lineItem/UsageStartDate", "bill/BillingPeriodEndDate"),
			"line 1: the header is nearest to AWS_CUR and lacks bill/BillingPeriodEndDate (BillingPeriodEnd), " +
				"lineItem/UsageStartDate (ChargePeriodStart), lineItem/LineItemType (ChargeCategory)",
		},
		"Azure without dates": {
			without(azureCells(nil), "Date"),
			"line 1: the header is nearest to AZURE_COST and lacks Date (ChargePeriodStart), Date (ChargePeriodEnd)",
		},
		"an Azure price sheet": {
			cells{"MeterId": "", "MeterCategory": "", "UnitPrice": "", "BillingCurrency": "", "BillingAccountId": ""},
			"line 1: the header is nearest to AZURE_COST and lacks CostInBillingCurrency (BilledCost), " +
				"BillingPeriodStartDate (BillingPeriodStart), BillingPeriodEndDate (BillingPeriodEnd), " +
				"Date (ChargePeriodStart), Date (ChargePeriodEnd), ChargeType (ChargeCategory)",
		},
		"an OCI usage report": {
			without(ociCells(nil), "cost/myCost", "cost/currencyCode", "cost/subscriptionId"),
			"line 1: the header is nearest to OCI_COST and lacks cost/myCost (BilledCost), cost/currencyCode (BillingCurrency)",
		},
		"FOCUS and AWS": {
			both,
			"line 1: the header has the costs of several formats: BilledCost (FOCUS), lineItem/UnblendedCost (AWS_CUR)",
		},
		"AWS with a cost of FOCUS": {
			awsCells(cells{"billedcost": "1"}),
			"line 1: the header has the costs of several formats: BilledCost (FOCUS), lineItem/UnblendedCost (AWS_CUR)",
		},
		"FOCUS with a cost of Azure": {
			plain(cells{"costInBillingCurrency": "1"}),
			"line 1: the header has the costs of several formats: BilledCost (FOCUS), CostInBillingCurrency (AZURE_COST)",
		},
		"three at once": {
			three,
			"line 1: the header has the costs of several formats: lineItem/UnblendedCost (AWS_CUR), " +
				"CostInBillingCurrency (AZURE_COST), cost/myCost (OCI_COST)",
		},
		"a tag in two columns": {
			awsCells(cells{"resourceTags/user:aws:a": "", "resourceTags/aws:a": ""}),
			`line 1: the tag "aws:a" has two columns in the header`,
		},
		"a column twice": {
			awsCells(cells{"Lineitem/unblendedCost": ""}),
			`line 1: column "lineItem/UnblendedCost" of the header is there twice, as column 1 and 7`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(strings.NewReader(file(test.row)), Options{})
			var bad *FileError
			if !errors.As(err, &bad) || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("it is no fault: %v", err)
			}
		})
	}
}

// TestFOCUSKeepsColumnsOfProviders holds that a FOCUS file is one whatever else
// is in it, but for another cost.
func TestFOCUSKeepsColumnsOfProviders(t *testing.T) {
	t.Parallel()
	got := mustRead(t, file(plain(cells{"lineItem/LineItemType": "Usage", "x_lineItem/UnblendedCost": "2", "MeterId": "m"})), Options{})
	want := plainRow(2, func(r *Row) {
		r.Extra = []Field{{"MeterId", "m"}, {"lineItem/LineItemType", "Usage"}, {"x_lineItem/UnblendedCost", "2"}}
	})
	if diff := diffRows([]Row{want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNativeBadRows(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, n nativeFormat) {
		tests := map[string]struct{ column, cell, want string }{
			"no cost":               {n.cost, "", "the value is missing"},
			"NaN":                   {n.cost, "NaN", `"NaN" is not a decimal`},
			"an endless exponent":   {n.cost, "1e20000000", "exponent beyond"},
			"19 digits":             {n.cost, "0.0000000000000000001", "at most 18 digits after"},
			"a decimal comma":       {n.cost, "1,5", "is not a decimal"},
			"no currency":           {n.currency, "NULL", "the value is missing"},
			"a sign as currency":    {n.currency, "€", "is not a currency"},
			"another currency":      {n.currency, "XTS", "the row is in XTS, rows of the same billing account before it are in "},
			"no date":               {n.start, "", "the value is missing"},
			"no such day":           {n.start, "2023-02-30", "is not a"},
			"a number as date":      {n.start, "45000", "is not a"},
			"the year 0":            {n.start, "0000-01-01", "not within the years"},
			"a day without a month": {n.start, "13/31/2023", "is not a"},
			"the end of time":       {n.end, "9999-12-32", "is not a"},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				content := file(n.cells(nil), n.cells(cells{test.column: test.cell}), n.cells(nil))
				rows, bad, err := readAll(strings.NewReader(content), Options{})
				if err != nil || len(rows) != 2 || len(bad) != 1 {
					t.Fatalf("got %d rows, %d bad ones and %v, want 2, 1 and none", len(rows), len(bad), err)
				}
				if bad[0].Line != 3 || bad[0].Column != test.column || !strings.Contains(bad[0].Message, test.want) {
					t.Errorf("got %v, want line 3, column %s: … %s …", bad[0], test.column, test.want)
				}
			})
		}
	})
}

func TestNativeCurrenciesDifferBetweenBillingAccounts(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, n nativeFormat) {
		rows := mustRead(t, file(
			n.cells(nil), n.cells(cells{n.account: "other", n.currency: "JPY"}), n.cells(nil),
		), Options{})
		if len(rows) != 3 || rows[1].BillingCurrency != "JPY" || rows[0].BillingCurrency == "JPY" {
			t.Errorf("got %v", rows)
		}
	})
}

// TestNativePartsAreOneFile holds that the parts in which providers deliver a
// bill can be put behind one another, as they are or compressed.
func TestNativePartsAreOneFile(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, n nativeFormat) {
		part := file(n.cells(nil), n.cells(cells{n.cost: "2"}))
		for name, stored := range map[string]string{
			"plain": part + part, "with a byte order mark": bom + part + bom + part,
			"compressed": compressed(t, part, part), "the header alone": part + part + part[:strings.Index(part, "\n")+1],
		} {
			got := mustRead(t, stored, Options{})
			once := mustRead(t, part, Options{})
			if diff := diffRowsButLines(slices.Concat(once, once), got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if got[2].Line != 5 {
				t.Errorf("%s: the second part begins on line %d", name, got[2].Line)
			}
		}
	})
	content := file(plain(nil))
	_, bad, err := readAll(strings.NewReader(content+content), Options{})
	if err != nil || len(bad) != 1 {
		t.Errorf("a header within FOCUS is %v and %v, want a bad row", bad, err)
	}
}

func TestNativeFilesAreTakenInAnyForm(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, n nativeFormat) {
		content := file(n.cells(cells{"note": "a \"b\", c\nd"}), n.cells(cells{"note": "e"}))
		want := mustRead(t, content, Options{})
		for name, stored := range map[string]string{
			"with a byte order mark": bom + content, "compressed": compressed(t, content),
			"with carriage returns": strings.ReplaceAll(content, "\n", "\r\n"),
		} {
			if diff := diffRows(want, mustRead(t, stored, Options{})); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		for name, stored := range map[string]string{
			"UTF-16": "\xff\xfe" + content, "an open quote": content + "\"", "a bare quote": content + "a\"b\n",
			"NUL": content + "\x00\n", "cut off": compressed(t, content)[:40],
			"semicolons": strings.ReplaceAll(content, ",", ";"),
		} {
			_, _, err := readAll(strings.NewReader(stored), Options{})
			var file *FileError
			if !errors.As(err, &file) {
				t.Errorf("%s: got %v, want a bad file", name, err)
			}
		}
	})
}

func TestNativeDefaults(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, n nativeFormat) {
		record := n.cells(nil)
		delete(record, n.currency)
		o := Options{Defaults: map[string]string{
			"BillingCurrency": "CHF", "BillingAccountName": "Main", "ProviderName": "Sky", "InvoiceIssuerName": "Reseller",
			"BilledCost": "77", "Tags": `{"from":"flag"}`,
		}}
		r := mustRead(t, file(record), o)[0]
		if r.BillingCurrency != "CHF" || r.BillingAccountName != "Main" || r.Provider != "Sky" || r.InvoiceIssuer != "Reseller" {
			t.Errorf("the defaults did not arrive: %+v", r)
		}
		if r.BilledCost.Equal(money.FromInt(77)) {
			t.Error("a default replaced a cost of the file")
		}
		if diff := cmp.Diff(map[string]string{"from": "flag"}, r.Tags); diff != "" {
			t.Error(diff)
		}
		_, err := NewReader(strings.NewReader(file(record)), Options{})
		if want := "nearest to " + string(n.format) + " and lacks "; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		_, err = NewReader(strings.NewReader(file(record)), Options{Defaults: map[string]string{"BillingCurrency": "€"}})
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a bad default is %v", err)
		}
	})
}

// TestNativeCostsAreConserved holds that no amount of a file is lost: it is
// billed, or kept beside what is.
func TestNativeCostsAreConserved(t *testing.T) {
	t.Parallel()
	kinds := map[Format]map[string][]string{
		FormatAWS: {"lineItem/LineItemType": {
			"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "Fee", "RIFee", "SavingsPlanUpfrontFee",
			"SavingsPlanRecurringFee", "Tax", "Credit", "Refund", "EdpDiscount", "SppDiscount", "FlatRateSubscription",
		}},
		FormatAzure: {
			"ChargeType": {
				"Usage", "Purchase", "Refund", "Tax", "Credit", "UnusedReservation", "UnusedSavingsPlan", "RoundingAdjustment",
			},
			"PricingModel": {"OnDemand", "Spot", "Reservation", "SavingsPlan", ""},
		},
		FormatOCI: {"lineItem/isCorrection": {"true", "false", ""}},
	}
	for _, n := range nativeFormats() {
		t.Run(string(n.format), func(t *testing.T) {
			t.Parallel()
			columns := kinds[n.format]
			rapid.Check(t, func(t *rapid.T) {
				var records []cells
				var total money.Decimal
				for range rapid.IntRange(1, 8).Draw(t, "rows") {
					cost := anyAmount().Draw(t, "cost")
					total = total.Add(cost)
					record := n.cells(cells{n.cost: cost.String()})
					for _, column := range slices.Sorted(maps.Keys(columns)) {
						record[column] = rapid.SampledFrom(columns[column]).Draw(t, column)
					}
					records = append(records, record)
				}
				rows, bad, err := readAll(strings.NewReader(file(records...)), Options{})
				if err != nil || len(bad) > 0 || len(rows) != len(records) {
					t.Fatalf("got %d rows, %v, %v", len(rows), bad, err)
				}
				var sum money.Decimal
				for i := range rows {
					sum = sum.Add(rows[i].BilledCost)
					if kept := valueOf(rows[i].Extra, "x_"+n.cost); kept != "" {
						cost, err := parseAmount(kept)
						if err != nil || !rows[i].BilledCost.IsZero() {
							t.Fatalf("%s is kept beside %s: %v", kept, rows[i].BilledCost, err)
						}
						sum = sum.Add(cost)
					}
				}
				if !sum.Equal(total) {
					t.Fatalf("%s came out of %s", sum, total)
				}
			})
		})
	}
}

func TestBillingAccountsThatAreRememberedAreBounded(t *testing.T) {
	t.Parallel()
	known := make(bills)
	for i := range 3 * maxBillingAccounts {
		r := Row{BillingAccountID: strconv.Itoa(i), BillingCurrency: "USD"}
		if bad := known.check(&r); bad != nil {
			t.Fatal(bad)
		}
	}
	if len(known) > maxBillingAccounts {
		t.Errorf("%d are remembered", len(known))
	}
}
