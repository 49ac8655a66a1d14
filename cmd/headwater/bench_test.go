package main

import (
	"encoding/json"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// BenchmarkHTTP asks over HTTP with a real token, one request at a time: all
// effective settings of an organization at depth 3 with their reasons, their
// values alone and, beside them, a question that needs nothing but the viewer.
func BenchmarkHTTP(b *testing.B) {
	questions := []struct{ name, document string }{
		{"typename", `{ __typename }`},
		{"settingValues", `query($o: ID!) { organization(id: $o) { settingValues } }`},
		{"effectiveSettings", `query($o: ID!) { organization(id: $o) { effectiveSettings {
			key value inherited pinned locked version source { level organization { id name } }
			chain { level organization { id name } side operation requested status because } ifUnset allowedOperations } } }`},
	}
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			w.must(b, "ada", `mutation($o: ID!) { setSetting(input: {scopeId: $o, key: "policies.no_public_ip", value: true}) { revision } }`,
				map[string]any{"o": w.ids["northwind"]})
			for _, q := range questions {
				body, err := json.Marshal(map[string]any{"query": q.document, "variables": map[string]string{"o": w.ids["cove"]}})
				if err != nil {
					b.Fatal(err)
				}
				b.Run(q.name, func(b *testing.B) {
					for b.Loop() {
						w.post(b, "cora", body)
					}
				})
			}
		})
	}
}
