package costs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// export returns the file of October 2026.
func (w *world) export(ctx context.Context, organization string, o costs.ExportOptions) (string, error) {
	e, err := w.costs.Export(ctx, w.orgs[organization], month("2026-10"), o)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := e.Write(ctx, &b); err != nil {
		return "", err
	}
	return b.String(), nil
}

// exported returns the rows of the FOCUS file.
func (w *world) exported(ctx context.Context, organization string, o costs.ExportOptions) []focus.Row {
	w.t.Helper()
	file, err := w.export(ctx, organization, o)
	if err != nil {
		w.t.Fatal(err)
	}
	reader, err := focus.NewReader(strings.NewReader(file), focus.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	var rows []focus.Row
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

// of are the options of a customer's bill.
func (w *world) of(customer string) costs.ExportOptions {
	return costs.ExportOptions{Customer: ptr(w.orgs[customer])}
}

func TestExportAtWhosePrices(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.example(pricing.Upstream)
		for _, tc := range []struct {
			name string
			ctx  context.Context
			of   string
			o    costs.ExportOptions
			want string // issuer and prices, or the code
		}{
			{"a customer", w.admin("customer"), "customer", costs.ExportOptions{}, "reseller 1386 577.5 210 -100"},
			{"its clerk", w.clerk("customer"), "customer", costs.ExportOptions{}, "reseller 1386 577.5 210 -100"},
			{"its seller", w.admin("reseller"), "customer", costs.ExportOptions{}, "reseller 1386 577.5 210 -100"},
			{"its seller, as a sale", w.admin("reseller"), "reseller", w.of("customer"), "reseller 1386 577.5 210 -100"},
			{"another customer of the seller", w.admin("reseller"), "reseller", w.of("other customer"), ""},
			{"the tier above", w.admin("distributor"), "customer", costs.ExportOptions{}, "distributor 1155 577.5 210 -100"},
			{"the tier above, of the reseller", w.admin("distributor"), "reseller", costs.ExportOptions{}, "distributor 1155 577.5 210 -100"},
			{"the tier above, as a sale", w.admin("distributor"), "distributor", w.of("reseller"), "distributor 1155 577.5 210 -100"},
			{"the tier above, as the reseller's sale", w.admin("distributor"), "reseller", w.of("customer"), "FORBIDDEN"},
			{"the platform, as the reseller's sale", w.admin("platform"), "reseller", w.of("customer"), "reseller 1386 577.5 210 -100"},
			{"the platform, of itself", w.admin("platform"), "platform", costs.ExportOptions{}, " 1000 500 200 -100"},
			{"a customer of a customer", w.admin("distributor"), "distributor", w.of("customer"), "INVALID customerId"},
			{"itself", w.admin("reseller"), "reseller", w.of("reseller"), "INVALID customerId"},
			{"one above", w.admin("reseller"), "reseller", w.of("distributor"), "NOT_FOUND "},
			{"one that is not", w.admin("reseller"), "reseller", costs.ExportOptions{Customer: ptr(uuid.New())}, "NOT_FOUND "},
			{"to a clerk, a customer", w.clerk("reseller"), "reseller", w.of("customer"), "NOT_FOUND "},
			{"to a clerk, what it pays", w.clerk("reseller"), "reseller", costs.ExportOptions{}, "distributor 1155 577.5 210 -100"},
			{"a member", w.member("customer"), "customer", costs.ExportOptions{}, "FORBIDDEN "},
			{"a sibling", w.admin("other customer"), "customer", costs.ExportOptions{}, "NOT_FOUND "},
			{"a customer, of its seller", w.admin("customer"), "reseller", costs.ExportOptions{}, "NOT_FOUND "},
			{"nobody", t.Context(), "customer", costs.ExportOptions{}, "UNAUTHENTICATED "},
			{"an unknown format", w.admin("customer"), "customer", costs.ExportOptions{Format: "xlsx"}, "INVALID format"},
		} {
			if _, err := w.export(tc.ctx, tc.of, tc.o); err != nil {
				if strings.TrimSpace(field(err)) != strings.TrimSpace(tc.want) {
					t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
				}
				continue
			}
			got := ""
			for i, row := range w.exported(tc.ctx, tc.of, tc.o) {
				if i == 0 {
					got = row.InvoiceIssuer
				}
				got += " " + row.BilledCost.String()
			}
			if got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
		}
	})
}

// secretive is a row that tells the provider's prices wherever it can.
func secretive() focus.Row {
	row := charge{
		owner: "customer", cost: "100", list: "125", provider: "AWS", service: "EC2", sku: "P5", region: "eu-1",
		tags: map[string]string{"User": "ada"},
	}.row("payer")
	row.EffectiveCost, row.ContractedCost = focus.Some(dec("90")), focus.Some(dec("95"))
	row.BillingAccountName, row.InvoiceIssuer, row.HostProvider = "The Platform's Account", "AWS EMEA", "AWS"
	row.SubAccountID, row.SubAccountName = "platform customer", "Customer's account"
	row.ChargeDescription = "$0.10 per hour"
	row.ChargeFrequency = focus.FrequencyUsageBased
	row.SKUPrice, row.PricingCategory = "P5-committed", "Committed"
	row.AvailabilityZone, row.RegionName, row.ServiceCategory = "0.05", "Ireland", "Compute"
	row.ResourceID, row.ResourceName, row.ResourceType = "i-1", "node", "machine"
	row.PricingQuantity, row.PricingUnit = focus.Some(dec("1000")), "Hours"
	row.ConsumedQuantity, row.ConsumedUnit = focus.Some(dec("1000")), "Hours"
	row.Extra = []focus.Field{
		{Name: "ContractedUnitPrice", Value: "0.095"},
		{Name: "ListUnitPrice", Value: "0.125"},
		{Name: "x_Discount", Value: "0.2"},
		{Name: "CommitmentDiscountId", Value: "savings-plan"},
	}
	return row
}

// useRows imports rows as the platform, whose sub-accounts are mapped already.
func (w *world) useRows(rows ...focus.Row) {
	w.t.Helper()
	var b bytes.Buffer
	var extra []string
	for _, f := range rows[0].Extra {
		extra = append(extra, f.Name)
	}
	out, err := focus.NewWriter(&b, focus.WriterOptions{Extra: extra})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if err := out.Write(&row); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		w.t.Fatal(err)
	}
	if _, err := usage.New(w.db, records.New(w.db)).Import(w.ctx, w.orgs["platform"], &b, usage.Options{}); err != nil {
		w.t.Fatal(err)
	}
}

// mapped says whose the sub-account of secretive rows is.
func (w *world) mapped() {
	w.t.Helper()
	mappings := []usage.NewMapping{{SubAccountID: ptr("platform customer"), OrganizationID: w.orgs["customer"]}}
	if _, err := usage.New(w.db, records.New(w.db)).MapUsage(w.ctx, w.orgs["platform"], mappings); err != nil {
		w.t.Fatal(err)
	}
}

// TestExportTellsTheBuyerOneCost exports a row that tells the provider's prices
// wherever it can, and looks at every column.
func TestExportTellsTheBuyerOneCost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mapped()
		w.price("reseller", "1.5", pricing.Source, rates.Selector{})
		w.useRows(secretive())
		price := focus.Some(dec("150"))
		want := secretive()
		want.Line, want.Extra = 2, nil
		want.BilledCost, want.EffectiveCost, want.ContractedCost, want.ListCost = price.Decimal, price, price, price
		want.InvoiceIssuer, want.BillingAccountName = "reseller", "customer"
		want.BillingAccountID = typeid.New(typeid.Organization, w.orgs["customer"]).String()
		want.ChargeDescription, want.SKUPrice, want.PricingCategory, want.AvailabilityZone = "", "", "", ""
		for name, ctx := range map[string]context.Context{"the customer": w.admin("customer"), "its seller": w.admin("reseller"), "the platform": w.ctx} {
			if diff := cmp.Diff([]focus.Row{want}, w.exported(ctx, "customer", costs.ExportOptions{}), sameDecimal()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		hidden := want
		hidden.BilledCost, hidden.InvoiceIssuer, hidden.BillingAccountName = dec("100"), "distributor", "reseller"
		hidden.BillingAccountID = typeid.New(typeid.Organization, w.orgs["reseller"]).String()
		cost := focus.Some(hidden.BilledCost)
		hidden.EffectiveCost, hidden.ContractedCost, hidden.ListCost = cost, cost, cost
		hidden.SubAccountID, hidden.SubAccountName, hidden.ResourceID, hidden.ResourceName, hidden.Tags = "", "", "", "", nil
		if diff := cmp.Diff([]focus.Row{hidden}, w.exported(w.clerk("reseller"), "reseller", costs.ExportOptions{}), sameDecimal()); diff != "" {
			t.Errorf("to a clerk: %s", diff)
		}
		own := secretive()
		own.Line, own.Extra = 2, nil
		if diff := cmp.Diff([]focus.Row{own}, w.exported(w.admin("platform"), "platform", costs.ExportOptions{}), sameDecimal()); diff != "" {
			t.Errorf("the importer: %s", diff)
		}
	})
}

func sameDecimal() cmp.Option { return cmp.Comparer(money.Decimal.Equal) }

// TestExportTellsListCosts wants the provider's list cost where the price is a
// factor of it that the seller shows, and nowhere else.
func TestExportTellsListCosts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.price("reseller", "0.8", pricing.List, rates.Selector{Service: ptr("EC2")})
		w.price("reseller", "1.5", pricing.Source, rates.Selector{Service: ptr("S3")})
		w.use("platform",
			charge{owner: "customer", cost: "100", list: "125", service: "EC2"},
			charge{owner: "customer", cost: "100", list: "125", service: "S3"},
			charge{owner: "customer", cost: "100", list: "125", service: "Lambda"},
		)
		lists := func() string {
			var texts []string
			for _, row := range w.exported(w.ctx, "customer", costs.ExportOptions{}) {
				texts = append(texts, row.ListCost.Decimal.String()+" of "+row.BilledCost.String())
			}
			return strings.Join(texts, ", ")
		}
		for _, step := range []struct{ shows, want string }{
			{"NONE", "100 of 100, 150 of 150, 100 of 100"},
			{"FACTOR", "125 of 100, 150 of 150, 100 of 100"},
			{"CHAIN", "125 of 100, 150 of 150, 100 of 100"},
		} {
			w.set("reseller", "billing.visible_to_customer", step.shows)
			if got := lists(); got != step.want {
				t.Errorf("the seller shows %s: %s, want %s", step.shows, got, step.want)
			}
		}
	})
}

func TestExportTable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mapped()
		w.price("reseller", "1.5", pricing.Source, rates.Selector{})
		odd := secretive()
		odd.ServiceName, odd.SKU, odd.Region, odd.BilledCost = "=cmd|' /C calc'!A0", "+1", "-1", dec("-3")
		odd.ChargeCategory, odd.ChargeDescription, odd.Tags = focus.CategoryCredit, "Promotion", nil
		w.useRows(secretive(), odd)
		got, err := w.export(w.admin("customer"), "customer", costs.ExportOptions{Format: costs.CSV})
		if err != nil {
			t.Fatal(err)
		}
		id := typeid.New(typeid.Organization, w.orgs["customer"]).String()
		want := `chargePeriodStart,chargePeriodEnd,seller,organizationId,organization,provider,service,sku,region,chargeCategory,chargeClass,description,subAccountId,resourceId,quantity,unit,amount,currency,tags
2026-10-02T23:00:00Z,2026-10-03T00:00:00Z,reseller,` + id + `,customer,AWS,EC2,P5,eu-1,Usage,,,platform customer,i-1,1000,Hours,150,USD,"{""User"":""ada""}"
2026-10-02T23:00:00Z,2026-10-03T00:00:00Z,reseller,` + id + `,customer,AWS,'=cmd|' /C calc'!A0,'+1,'-1,Credit,,Promotion,platform customer,i-1,1000,Hours,-3,USD,
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		packed, err := w.export(w.admin("customer"), "customer", costs.ExportOptions{Format: costs.CSV, Gzip: true})
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := gzip.NewReader(strings.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(unpacked); err != nil || string(text) != want {
			t.Errorf("compressed: %v, %s", err, text)
		}
		file, err := w.export(w.clerk("reseller"), "reseller", costs.ExportOptions{Format: costs.CSV})
		if err != nil || !strings.Contains(file, "distributor,,a customer,AWS") || strings.Contains(file, "i-1") {
			t.Errorf("to a clerk: %v, %s", err, file)
		}
	})
}

func TestExportNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for _, tc := range []struct {
			of         string
			o          costs.ExportOptions
			name, kind string
		}{
			{"other customer", costs.ExportOptions{}, "usage-other-customer-2026-10.focus.csv", "text/csv; charset=utf-8"},
			{"reseller", costs.ExportOptions{Customer: ptr(w.orgs["customer"]), Format: costs.CSV}, "usage-customer-2026-10.csv", "text/csv; charset=utf-8"},
			{"reseller", costs.ExportOptions{Format: costs.CSV, Gzip: true}, "usage-reseller-2026-10.csv.gz", "application/gzip"},
		} {
			e, err := w.costs.Export(w.ctx, w.orgs[tc.of], month("2026-10"), tc.o)
			if err != nil || e.Name != tc.name || e.Type != tc.kind {
				t.Errorf("%+v, %v, want %s", e, err, tc.name)
			}
		}
	})
}

// TestExportsAddUpToTheReport wants the bill of a month to be what the report of
// it says, whoever asks, over several pages.
func TestExportsAddUpToTheReport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.manyLines(1500)
		for _, tc := range []struct{ viewer, of string }{
			{"platform", "platform"}, {"reseller", "reseller"}, {"distributor", "reseller"}, {"reseller", "customer"}, {"distributor", "customer"}, {"customer", "customer"},
		} {
			ctx := w.admin(tc.viewer)
			sums := map[string]string{}
			report, err := w.costs.Report(ctx, w.orgs[tc.of], october())
			if err != nil {
				t.Fatal(err)
			}
			for _, total := range append(report.OtherTotals, report.Total) {
				sums[string(total.Currency)] = total.Decimal.String()
			}
			got := map[string]string{}
			for _, row := range w.exported(ctx, tc.of, costs.ExportOptions{}) {
				sum := dec("0")
				if s, ok := got[row.BillingCurrency]; ok {
					sum = dec(s)
				}
				got[row.BillingCurrency] = sum.Add(row.BilledCost).String()
			}
			if diff := cmp.Diff(sums, got); diff != "" {
				t.Errorf("%s of %s (-report +export): %s", tc.viewer, tc.of, diff)
			}
		}
	})
}

// overtaken is a writer that lets something happen once some bytes are written.
type overtaken struct {
	bytes.Buffer
	happen func()
}

func (o *overtaken) Write(p []byte) (int, error) {
	if o.happen != nil {
		o.happen()
		o.happen = nil
	}
	return o.Buffer.Write(p)
}

// TestExportIsOfOneRating lets usage come in and be priced again while it is
// exported.
func TestExportIsOfOneRating(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.manyLines(2500)
		ctx := w.admin("customer")
		undisturbed, err := w.export(ctx, "customer", costs.ExportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		write := func(happen func()) (string, error) {
			e, err := w.costs.Export(ctx, w.orgs["customer"], month("2026-10"), costs.ExportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			out := &overtaken{happen: happen}
			err = e.Write(ctx, out)
			return out.String(), err
		}
		for _, tc := range []struct {
			name   string
			happen func()
		}{
			{"usage of another", func() { w.use("platform", charge{owner: "other reseller", cost: "1"}) }}, // while the file is still the same
			{"more usage", func() { w.use("platform", charge{owner: "customer", cost: "1"}) }},
			{"usage of another importer", func() { w.use("distributor", charge{owner: "customer", cost: "1"}) }},
		} {
			// More usage comes in with what is read next, and is not in the file.
			file, err := write(tc.happen)
			if err != nil || tc.name == "usage of another" && file != undisturbed {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if file, err := write(nil); err != nil || strings.Count(file, "\n") != strings.Count(undisturbed, "\n")+2 {
			t.Errorf("what came in is not exported later: %v", err)
		}
		for name, change := range map[string]func(*world){
			"rated again": func(w *world) { w.db.Client().UsageDataset.Update().AddRating(1).ExecX(w.ctx) },
			"restated": func(w *world) {
				w.db.Client().UsageDataset.Update().SetStatus(usagedataset.StatusSUPERSEDED).ExecX(w.ctx)
			},
		} {
			if _, err := write(func() { change(w) }); fault.CodeOf(err) != fault.Conflict {
				t.Errorf("%s: %v", name, err)
			}
			db.Client().UsageDataset.Update().SetRating(1).SetStatus(usagedataset.StatusACTIVE).ExecX(w.ctx)
		}
	})
}

// manyLines imports lines of October 2026 in one file.
func (w *world) manyLines(n int) {
	w.t.Helper()
	w.price("platform", "1.1", pricing.Source, rates.Selector{})
	w.price("reseller", "1.2345", pricing.Upstream, rates.Selector{})
	charges := make([]charge, n)
	for i := range charges {
		charges[i] = charge{
			owner: "customer", cost: fmt.Sprintf("%d.%018d", i%97, i*i), currency: []string{"USD", "EUR"}[i%2],
			sku: fmt.Sprint("sku-", i%7), tags: map[string]string{"n": fmt.Sprint(i)},
		}
	}
	w.use("platform", charges...)
}

// TestExportsOfExports imports a bill into another installation, on the other kind
// of database, exports what came in, and wants the same bytes; then once more, from
// that.
func TestExportsOfExports(t *testing.T) {
	t.Parallel()
	other := map[string]func(testing.TB) *database.DB{"sqlite": dbtest.Postgres, "postgres": dbtest.SQLite}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.mapped()
		w.price("reseller", "1.2345", pricing.Source, rates.Selector{})
		odd := secretive()
		odd.Line, odd.ChargeDescription, odd.ServiceName = 0, "Two\nlines, \"quoted\"", "Größe, 大"
		odd.Tags = map[string]string{"": "empty", "<&>": "\u00a0org", "z": "\u2028", "a\\b": `"`}
		odd.BillingPeriodEnd = day("2026-10-31")
		odd.ChargePeriodStart = odd.ChargePeriodStart.Add(123456000)
		odd.ChargeClass, odd.ListCost, odd.AvailabilityZone, odd.ServiceCategory, odd.HostProvider = focus.ClassCorrection, focus.NullDecimal{}, "eu-1a", "", ""
		tiny := secretive()
		tiny.BilledCost, tiny.ChargePeriodEnd, tiny.SKU = dec("-0.000000000000000001"), tiny.ChargePeriodStart, ""
		w.useRows(secretive(), odd, tiny)
		w.mixedUsage()
		db.Client().Organization.UpdateOneID(w.orgs["customer"]).SetName("NULL").ExecX(w.ctx)
		for _, of := range []string{"customer", "reseller", "platform"} {
			file, err := w.export(w.admin(of), of, costs.ExportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(file, "\n") < 4 {
				t.Fatalf("%s: nothing to import", of)
			}
			for range 2 {
				again := standalone(t, other[path.Base(t.Name())](t), file)
				if diff := cmp.Diff(file, again); diff != "" {
					t.Fatalf("%s: %s", of, diff)
				}
				file = again
			}
		}
	})
}

// standalone imports a file into an installation of its own and exports what that
// pays.
func standalone(t *testing.T, db *database.DB, file string) string {
	t.Helper()
	w := &world{
		t: t, db: db, costs: costs.New(db, records.New(db)),
		ctx:  access.WithViewer(t.Context(), access.SystemViewer("test")),
		orgs: map[string]uuid.UUID{}, groups: map[string]uuid.UUID{}, kinds: map[string]orgtree.Kind{},
	}
	w.grow("platform", "", orgtree.Platform)
	if _, err := usage.New(db, records.New(db)).Import(w.ctx, w.orgs["platform"], strings.NewReader(file), usage.Options{}); err != nil {
		t.Fatal(err)
	}
	again, err := w.export(w.admin("platform"), "platform", costs.ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return again
}
