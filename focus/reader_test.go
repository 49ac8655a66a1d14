package focus

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/money"
)

// everyColumn has a value for each field of a Row, under the names of FOCUS
// 1.0, and two columns that Row has no field for.
const everyColumn = `BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,` +
	`BillingAccountId,BillingAccountName,SubAccountId,SubAccountName,` +
	`BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,` +
	`ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,` +
	`ProviderName,PublisherName,InvoiceIssuerName,ServiceName,ServiceCategory,SkuId,SkuPriceId,` +
	`RegionId,RegionName,AvailabilityZone,ResourceId,ResourceName,ResourceType,` +
	`ConsumedQuantity,ConsumedUnit,PricingQuantity,PricingUnit,PricingCategory,Tags,ListUnitPrice,x_Team
0.25,0.2,0.5,0.3,EUR,b1,Billing One,s1,Sub One,` +
	`2025-01-01T00:00:00Z,2025-02-01T00:00:00Z,2025-01-05T10:00:00Z,2025-01-05T11:00:00Z,` +
	`Usage,Correction,One hour of a machine,Usage-Based,` +
	`Cloud,Host,Issuer,Machines,Compute,sku,sku.price,` +
	`eu-1,Europe One,eu-1a,r1,Resource One,Machine,` +
	`1,Hours,2,Hour,Standard,"{""env"": ""prod""}",0.25,blue
`

func everyField() Row {
	return Row{
		Line:       2,
		BilledCost: money.New(25, 2), EffectiveCost: Some(money.New(2, 1)), ListCost: Some(money.New(5, 1)),
		ContractedCost: Some(money.New(3, 1)), BillingCurrency: "EUR",
		BillingAccountID: "b1", BillingAccountName: "Billing One", SubAccountID: "s1", SubAccountName: "Sub One",
		BillingPeriodStart: date(2025, 1, 1, 0), BillingPeriodEnd: date(2025, 2, 1, 0),
		ChargePeriodStart: date(2025, 1, 5, 10), ChargePeriodEnd: date(2025, 1, 5, 11),
		ChargeCategory: CategoryUsage, ChargeClass: ClassCorrection,
		ChargeDescription: "One hour of a machine", ChargeFrequency: FrequencyUsageBased,
		Provider: "Cloud", HostProvider: "Host", InvoiceIssuer: "Issuer",
		ServiceName: "Machines", ServiceCategory: "Compute", SKU: "sku", SKUPrice: "sku.price",
		Region: "eu-1", RegionName: "Europe One", AvailabilityZone: "eu-1a",
		ResourceID: "r1", ResourceName: "Resource One", ResourceType: "Machine",
		ConsumedQuantity: Some(money.New(1, 0)), ConsumedUnit: "Hours",
		PricingQuantity: Some(money.New(2, 0)), PricingUnit: "Hour", PricingCategory: "Standard",
		Tags:  map[string]string{"env": "prod"},
		Extra: []Field{{"ListUnitPrice", "0.25"}, {"x_Team", "blue"}},
	}
}

func TestReaderKnowsEveryColumnOfEveryVersion(t *testing.T) {
	t.Parallel()
	newNames := strings.NewReplacer("ProviderName", "ServiceProviderName", "PublisherName", "HostProviderName")
	header, rest, _ := strings.Cut(everyColumn, "\n")
	for name, content := range map[string]string{
		"FOCUS 1.0 to 1.2": everyColumn,
		"FOCUS 1.3 to 1.4": newNames.Replace(everyColumn),
		"in upper case":    strings.ReplaceAll(strings.ToUpper(header), "X_TEAM", "x_Team") + "\n" + rest,
		"in lower case":    strings.ReplaceAll(strings.ToLower(header), "x_team", "x_Team") + "\n" + rest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, content, Options{})
			for i := range got[0].Extra { // keeps the case of the file
				if strings.EqualFold(got[0].Extra[i].Name, "ListUnitPrice") {
					got[0].Extra[i].Name = "ListUnitPrice"
				}
			}
			if diff := diffRows([]Row{everyField()}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReaderPrefersTheNewNameAndKeepsTheOldOne(t *testing.T) {
	t.Parallel()
	got := mustRead(t, file(plain(cells{"ServiceProviderName": "Datadog", "PublisherName": "Datadog"})), Options{})
	want := plainRow(2, func(r *Row) {
		r.Provider, r.HostProvider = "Datadog", "Datadog"
		r.Extra = []Field{{"ProviderName", "AWS"}}
	})
	if diff := diffRows([]Row{want}, got); diff != "" {
		t.Error(diff)
	}
}

// TestQuirks holds what published files of providers contain although the
// specification forbids or does not mention it.
func TestQuirks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells cells
		want  func(*Row)
	}{
		"NULL is null":          {cells{"ResourceId": "NULL", "ListCost": "NULL", "Tags": "NULL", "x_A": "NULL"}, nil},
		"(null) is null":        {cells{"ChargeClass": "(null)", "ListCost": "(null)", "x_A": "(null)"}, nil},
		"the empty one is null": {cells{"ChargeClass": "", "ListCost": "", "Tags": "", "x_A": ""}, nil},
		"other spellings are not null": {
			cells{"ResourceId": "null", "ResourceName": "Null", "RegionId": " NULL", "RegionName": "(NULL)"},
			func(r *Row) {
				r.ResourceID, r.ResourceName, r.Region, r.RegionName = "null", "Null", " NULL", "(NULL)"
			},
		},
		"a mandatory cost is null": {
			cells{"ContractedCost": "NULL", "EffectiveCost": "0", "ListCost": "2"},
			func(r *Row) { r.EffectiveCost, r.ListCost = Some(money.FromInt(0)), Some(money.FromInt(2)) },
		},
		"costs rounded to integers stay as they are": {
			cells{"BilledCost": "0.00000080000", "EffectiveCost": "0.00000000000", "ContractedCost": "0.00000000000"},
			func(r *Row) {
				r.BilledCost = money.New(8, 7)
				r.EffectiveCost, r.ContractedCost = Some(money.FromInt(0)), Some(money.FromInt(0))
			},
		},
		"a price shifted into the availability zone": {
			cells{"AvailabilityZone": "0.05"},
			func(r *Row) { r.AvailabilityZone = "0.05" },
		},
		"a refund that is not marked": {
			cells{"BilledCost": "-0.000001", "ConsumedQuantity": "-2", "PricingQuantity": "-2", "ChargeClass": "NULL"},
			func(r *Row) {
				r.BilledCost = money.New(-1, 6)
				r.ConsumedQuantity, r.PricingQuantity = Some(money.FromInt(-2)), Some(money.FromInt(-2))
			},
		},
		"a credit": {
			cells{"BilledCost": "-2.6137", "ChargeCategory": "Credit"},
			func(r *Row) { r.BilledCost, r.ChargeCategory = money.New(-26137, 4), CategoryCredit },
		},
		"a positive adjustment without a list cost": {
			cells{"ChargeCategory": "Adjustment", "ListCost": "0"},
			func(r *Row) { r.ChargeCategory, r.ListCost = CategoryAdjustment, Some(money.FromInt(0)) },
		},
		"a list cost that is not price times quantity": {
			cells{"ListCost": "0.5", "ListUnitPrice": "9.28", "PricingQuantity": "3"},
			func(r *Row) {
				r.ListCost, r.PricingQuantity = Some(money.New(5, 1)), Some(money.FromInt(3))
				r.Extra = []Field{{"ListUnitPrice", "9.28"}}
			},
		},
		"the most digits": {
			cells{"BilledCost": "99999999999999999999.999999999999999999", "ListCost": "-0.000000000000000001"},
			func(r *Row) {
				r.BilledCost = money.New(1, -20).Sub(money.New(1, 18))
				r.ListCost = Some(money.New(-1, 18))
			},
		},
		"zeros behind the digits that count": {
			cells{"BilledCost": "2.000000000000000000000000", "ConsumedQuantity": "826.000000000000000"},
			func(r *Row) { r.BilledCost, r.ConsumedQuantity = money.FromInt(2), Some(money.FromInt(826)) },
		},
		"E-notation": {
			cells{"BilledCost": "35.2E-7", "ListCost": "6.266090E-12", "ConsumedQuantity": "1e3", "PricingQuantity": "1E+3"},
			func(r *Row) {
				r.BilledCost, r.ListCost = money.New(352, 8), Some(money.New(626609, 17))
				r.ConsumedQuantity, r.PricingQuantity = Some(money.FromInt(1000)), Some(money.FromInt(1000))
			},
		},
		"a column of its own without x_": {
			cells{"Id": "11472"},
			func(r *Row) { r.Extra = []Field{{"Id", "11472"}} },
		},
		"the frequency in another case": {
			cells{"ChargeFrequency": "Usage-based"},
			func(r *Row) { r.ChargeFrequency = FrequencyUsageBased },
		},
		"an unknown frequency": {
			cells{"ChargeFrequency": "Weekly"},
			func(r *Row) { r.ChargeFrequency = "Weekly" },
		},
		"the category and class in another case": {
			cells{"ChargeCategory": "TAX", "ChargeClass": "correction"},
			func(r *Row) { r.ChargeCategory, r.ChargeClass = CategoryTax, ClassCorrection },
		},
		"tag keys that differ by a space": {
			cells{"Tags": `{"env": "prod", "org": "trey", " org": "kay"}`},
			func(r *Row) {
				r.Tags = map[string]string{"env": "prod", "org": "trey"}
				r.Tags[" org"] = "kay"
			},
		},
		"tags that are not texts": {
			cells{"Tags": `{"n":1.50,"big":123456789012345678901234567890,"yes":true,"no":false,"none":null,"e":"\u00e9\n"}`},
			func(r *Row) {
				r.Tags = map[string]string{
					"n": "1.50", "big": "123456789012345678901234567890",
					"yes": "true", "no": "false", "none": "", "e": "é\n",
				}
			},
		},
		"tags with the null marker inside": {
			cells{"Tags": `{"test": ",NULL,NULL,"}`},
			func(r *Row) { r.Tags = map[string]string{"test": ",NULL,NULL,"} },
		},
		"many plain tags": {
			cells{"Tags": `{"a":"1", "b": "2","":"", "c d":" e "}`},
			func(r *Row) { r.Tags = map[string]string{"a": "1", "b": "2", "": "", "c d": " e "} },
		},
		"no tags in an object": {cells{"Tags": ` { } `}, nil},
		"a charge without cost": {
			cells{"BilledCost": "0.00000000000"},
			func(r *Row) { r.BilledCost = money.Decimal{} },
		},
		"billed in the month after": {
			cells{"BillingPeriodStart": "2024-10-01 00:00:00", "BillingPeriodEnd": "2024-11-01 00:00:00"},
			func(r *Row) {
				r.BillingPeriodStart, r.BillingPeriodEnd = date(2024, 10, 1, 0), date(2024, 11, 1, 0)
			},
		},
		"a charge at an instant": {
			cells{"ChargePeriodEnd": "2024-09-18T22:00:00Z"},
			func(r *Row) { r.ChargePeriodEnd = r.ChargePeriodStart },
		},
		"a virtual currency": {
			cells{"BillingCurrency": "Credits_v2-Token"},
			func(r *Row) { r.BillingCurrency = "Credits_v2-Token" },
		},
		"commas, quotes and line breaks in a text": {
			cells{"ChargeDescription": "a \"b\", c\nd", "x_Note": "\n"},
			func(r *Row) {
				r.ChargeDescription = "a \"b\", c\nd"
				r.Extra = []Field{{"x_Note", "\n"}}
			},
		},
		"carriage returns in a text": {
			cells{"ChargeDescription": "a\r\nb\rc", "x_Note": "d\r\ne"},
			func(r *Row) {
				r.ChargeDescription = "a\nb\nc"
				r.Extra = []Field{{"x_Note", "d\ne"}}
			},
		},
		"other scripts": {
			cells{"ServiceName": "仮想マシン 🚀", "x_Ort": "Zürich"},
			func(r *Row) {
				r.ServiceName = "仮想マシン 🚀"
				r.Extra = []Field{{"x_Ort", "Zürich"}}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, file(plain(test.cells)), Options{})
			if diff := diffRows([]Row{plainRow(2, test.want)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	evening := date(2024, 9, 18, 20)
	tests := map[string]time.Time{
		"2024-09-18T20:00:00Z":         evening,
		"2024-09-18T20:00:00":          evening,
		"2024-09-18 20:00:00":          evening,
		"2024-09-18 20:00:00Z":         evening,
		"2024-09-18 20:00:00 UTC":      evening,
		"2024-09-18T22:00:00+02:00":    evening,
		"2024-09-18T14:30:00-05:30":    evening,
		"2024-09-18T20:00Z":            evening,
		"2024-09-18T20:00":             evening,
		"2024-09-18 20:00":             evening,
		"2024-09-18T20:00:00.000Z":     evening,
		"2024-09-18 20:00:00.25":       evening.Add(250 * time.Millisecond),
		"2024-09-18T20:00:00.0000001Z": evening.Add(100 * time.Nanosecond),
		"2024-09-18":                   date(2024, 9, 18, 0),
	}
	for cell, want := range tests {
		t.Run(cell, func(t *testing.T) {
			t.Parallel()
			got := mustRead(t, file(plain(cells{"ChargePeriodStart": cell})), Options{})[0].ChargePeriodStart
			if !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestReaderKeepsRepeatedRowsAndThoseOfOtherPeriods(t *testing.T) {
	t.Parallel()
	september := plain(cells{"SkuId": "one", "ListCost": "1"})
	august := plain(cells{
		"SkuId": "one", "ListCost": "2", // one SKU may have several prices
		"BillingPeriodStart": "2024-08-01", "BillingPeriodEnd": "2024-09-01",
	})
	got := mustRead(t, file(september, september, august), Options{})
	first := func(r *Row) { r.SKU, r.ListCost = "one", Some(money.FromInt(1)) }
	want := []Row{plainRow(2, first), plainRow(3, first), plainRow(4, func(r *Row) {
		r.SKU, r.ListCost = "one", Some(money.FromInt(2))
		r.BillingPeriodStart, r.BillingPeriodEnd = date(2024, 8, 1, 0), date(2024, 9, 1, 0)
	})}
	if diff := diffRows(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReaderAcceptsFormsOfOneFile(t *testing.T) {
	t.Parallel()
	content := file(plain(cells{"ServiceName": "S"}), plain(cells{"ServiceName": "T"}))
	half := len(content) / 2
	service := func(name string) func(*Row) { return func(r *Row) { r.ServiceName = name } }
	want := []Row{plainRow(2, service("S")), plainRow(3, service("T"))}
	for name, form := range map[string]string{
		"plain":                         content,
		"without the last line feed":    strings.TrimSuffix(content, "\n"),
		"CRLF":                          strings.ReplaceAll(content, "\n", "\r\n"),
		"CRLF without the last":         strings.TrimSuffix(strings.ReplaceAll(content, "\n", "\r\n"), "\r\n"),
		"byte order mark":               "\ufeff" + content,
		"blank lines at the end":        content + "\n\r\n",
		"gzip":                          compressed(t, content),
		"gzip of a byte order mark":     compressed(t, "\ufeff"+content),
		"gzip of several members":       compressed(t, content[:half], "", content[half:]),
		"quotes around the first field": "\ufeff\"" + strings.Replace(content, ",", "\",", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := diffRows(want, mustRead(t, form, Options{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowsKnowTheLineTheyStartOn(t *testing.T) {
	t.Parallel()
	long := plain(cells{"ChargeDescription": "three\nline\nfeeds\n"})
	content := file(long, plain(nil), long) + "\n\n"
	content += strings.TrimPrefix(file(long), strings.SplitAfter(file(long), "\n")[0])
	var lines []int
	for _, row := range mustRead(t, content, Options{}) {
		lines = append(lines, row.Line)
	}
	if diff := cmp.Diff([]int{2, 6, 7, 13}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestRowsStayValid(t *testing.T) {
	t.Parallel()
	var records []cells
	var want []Row
	for i := range 200 {
		name := strings.Repeat(string(rune('a'+i%26)), i)
		record := plain(cells{"ServiceName": name, "Tags": `{"k":"` + name + `"}`, "Id": "x" + name, "Zone": "NULL"})
		records = append(records, record)
		want = append(want, mustRead(t, file(record), Options{})...)
	}
	got := mustRead(t, file(records...), Options{})
	if diff := diffRowsButLines(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsFillColumnsThatAreMissing(t *testing.T) {
	t.Parallel()
	record := plain(cells{"SubAccountName": "NULL"})
	for _, name := range []string{"BillingCurrency", "BillingAccountId", "ProviderName"} {
		delete(record, name)
	}
	got := mustRead(t, file(record), Options{Defaults: map[string]string{
		"billingcurrency": "EUR", "BillingAccountId": "b", "ServiceProviderName": "Oracle",
		"ListCost": "7.25", "Tags": `{"a":"b"}`, "SubAccountName": "unused", "BilledCost": "9", "RegionId": "",
		"ContractedCost": "(null)",
	}})
	want := plainRow(2, func(r *Row) {
		r.BillingCurrency, r.BillingAccountID, r.Provider = "EUR", "b", "Oracle"
		r.ListCost, r.Tags = Some(money.New(725, 2)), map[string]string{"a": "b"}
	})
	if diff := diffRows([]Row{want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReaderNamesExtraColumns(t *testing.T) {
	t.Parallel()
	r, err := NewReader(strings.NewReader("x_B,BilledCost,Id,BillingCurrency,BillingAccountId,ProviderName,"+
		"BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceProviderName,\"a\rb\"\n"),
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x_B", "Id", "ProviderName", "a\nb"}, r.ExtraColumns()); diff != "" {
		t.Error(diff)
	}
}
