package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// bill is usage of acme's, brought in by northwind.
const bill = `BilledCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeDescription,ProviderName,ServiceName,SubAccountId,ListUnitPrice
100,125,payer,USD,2026-10-01,2026-11-01,2026-10-02,2026-10-03,Usage,$0.10 per hour,AWS,EC2,acct-acme,0.125
7,7,payer,USD,2026-10-01,2026-11-01,2026-10-02,2026-10-03,Usage,Its own,AWS,EC2,acct-own,0.125
`

// sellUsage imports the bill, which northwind sells at 1.5.
func (w *world) sellUsage(t *testing.T) {
	t.Helper()
	w.must(t, "paula", `mutation($in: MapUsageInput!) { mapUsage(input: $in) { mappings { id } } }`, map[string]any{"in": map[string]any{
		"organizationId": w.ids["northwind"], "mappings": []any{map[string]any{"subAccountId": "acct-acme", "organizationId": w.ids["acme"]}},
	}})
	w.must(t, "paula", `mutation($in: SetBillingMultiplierInput!) { setBillingMultiplier(input: $in) { billingMultiplier { id } } }`, map[string]any{"in": map[string]any{
		"sellerId": w.ids["northwind"], "factor": "1.5", "basis": "SOURCE", "firstMonth": "2026-10",
	}})
	answer := w.upload(t, "paula", `mutation($in: ImportUsageInput!) { importUsage(input: $in) { import { rowsStored } } }`,
		map[string]any{"in": map[string]any{"organizationId": w.ids["northwind"], "file": nil}}, "variables.in.file", []byte(bill))
	if !strings.Contains(string(answer), `"rowsStored":2`) {
		t.Fatalf("import: %s", answer)
	}
}

// fetch returns what an actor gets at an address.
func (w *world) fetch(t *testing.T, actor string, query url.Values) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/exports/usage?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if actor != "nobody" {
		request.Header.Set("Authorization", "Bearer "+w.token(t, actor))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

func TestUsageIsExported(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.sellUsage(t)
		ask := func(organization string, more ...string) url.Values {
			query := url.Values{"organizationId": {w.ids[organization]}, "month": {"2026-10"}}
			for i := 0; i < len(more); i += 2 {
				query.Add(more[i], more[i+1])
			}
			return query
		}
		for _, tc := range []struct {
			actor  string
			query  url.Values
			status int
			want   string // of the content
		}{
			{"olga", ask("acme"), 200, "\n150,150,150,150,USD," + w.ids["acme"] + ",Acme,acct-acme,"},
			{"olga", ask("acme", "format", "csv"), 200, ",Northwind," + w.ids["acme"] + ",Acme,AWS,EC2,,,Usage,,,acct-acme,,,,150,USD,\n"},
			{"paula", ask("northwind", "customerId", w.ids["acme"], "format", "focus"), 200, "\n150,150,150,150,USD,"},
			{"paula", ask("northwind"), 200, "\n7,,7,,USD,payer,,acct-own,"},
			{"max", ask("acme"), 403, `"code":"FORBIDDEN"`},
			{"olga", ask("bravo"), 404, `"code":"NOT_FOUND"`},
			{"olga", ask("northwind"), 404, `"code":"NOT_FOUND"`},
			{"olga", ask("acme", "customerId", w.ids["northwind"]), 404, `"code":"NOT_FOUND"`},
			{"nobody", ask("acme"), 401, `"code":"UNAUTHENTICATED"`},
			{"olga", ask("acme", "month", "2026-11"), 400, `"field":"month"`},
			{"olga", url.Values{"organizationId": {w.ids["acme"]}}, 400, `"field":"month"`},
			{"olga", url.Values{"organizationId": {w.ids["olga"]}, "month": {"2026-10"}}, 400, `"field":"organizationId"`},
			{"olga", url.Values{"month": {"2026-10"}}, 400, `"field":"organizationId"`},
			{"olga", ask("acme", "customerId", "x"), 400, `"field":"customerId"`},
			{"olga", ask("acme", "format", "pdf"), 400, `"field":"format"`},
			{"olga", ask("acme", "compress", "zip"), 400, `"field":"compress"`},
			{"olga", ask("acme", "perspective", "SELL"), 400, `"field":"perspective"`},
		} {
			response, content := w.fetch(t, tc.actor, tc.query)
			if response.StatusCode != tc.status || !strings.Contains(content, tc.want) {
				t.Errorf("%s asks %s: %d: %s", tc.actor, tc.query, response.StatusCode, content)
			}
			if tc.actor == "olga" && (strings.Contains(content, "0.1") || strings.Contains(content, "payer")) {
				t.Errorf("the provider's prices or accounts are told: %s", content)
			}
		}
		response, packed := w.fetch(t, "olga", ask("acme", "compress", "gzip"))
		if name := response.Header.Get("Content-Disposition"); name != "attachment; filename=usage-acme-2026-10.focus.csv.gz" || !strings.HasPrefix(packed, "\x1f\x8b") {
			t.Errorf("compressed: %s, %q", name, packed[:2])
		}
		if response.Header.Get("X-Request-Id") == "" || response.Header.Get("X-Headwater-Revision") == "" {
			t.Errorf("the headers are %v", response.Header)
		}
	})
}

// TestUsageExportCommand exports by the command line what was imported by it.
func TestUsageExportCommand(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, address string) {
		dir := t.TempDir()
		file := filepath.Join(dir, "usage.csv")
		if err := os.WriteFile(file, []byte(bill), 0o600); err != nil {
			t.Fatal(err)
		}
		importJSON(t, address, file)
		arguments := func(more ...string) []string {
			return append([]string{"usage", "export", "--database-url", address, "--organization", "platform", "--month", "2026-10"}, more...)
		}
		text := mustRun(t, arguments()...)
		if strings.Count(text, "\n") != 3 || !strings.Contains(text, "\n100,,125,,USD,payer,") || strings.Contains(text, "ListUnitPrice") {
			t.Errorf("got %s", text)
		}
		out := filepath.Join(dir, "out.csv")
		if said := mustRun(t, arguments("--output", out)...); said != "" {
			t.Errorf("it says %s", said)
		}
		written, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(written)); diff != "" {
			t.Error(diff)
		}
		if table := mustRun(t, arguments("--format", "csv")...); !strings.HasPrefix(table, "chargePeriodStart,") {
			t.Errorf("got %s", table)
		}
		for name, tc := range map[string]struct {
			args []string
			want string
		}{
			"no month":        {arguments("--month", "October"), "no month"},
			"no organization": {arguments("--organization", "nowhere"), `no organization "nowhere"`},
			"no customer":     {arguments("--customer", "nowhere"), `no organization "nowhere"`},
			"itself":          {arguments("--customer", "platform"), "no direct customer"},
			"no directory":    {arguments("--output", filepath.Join(dir, "missing", "out.csv")), "no such file"},
		} {
			if line := mustFail(t, tc.args...); !strings.Contains(line, tc.want) {
				t.Errorf("%s: %q, want %q", name, line, tc.want)
			}
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 2 {
			t.Errorf("there are %v, %v", left, err)
		}
	})
}
