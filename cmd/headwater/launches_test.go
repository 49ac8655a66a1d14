package main

import (
	"fmt"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestLaunchesHoldAtTheLimit enters a hundred machines at once where ten may run:
// ten are entered, and as many come in again as go.
func TestLaunchesHoldAtTheLimit(t *testing.T) {
	t.Parallel()
	const writers, limit, released = 100, 10, 4
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		set := func(actor, scope, key string, value any) {
			w.must(t, actor, mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids[scope], "key": key, "value": value}})
		}
		set("ada", "platform", "cloud.instance_types", []string{"aws/m5.large"})
		set("paula", "northwind", "cloud.instance_limits", map[string]int{"aws/m5.large": limit})
		register := func(prefix string) map[string]int {
			return tallyOf(together(writers, func(i int) string {
				return told(t, w.askWith(t, "olga", mutation("registerResource", "resource { id }"), map[string]any{"i": map[string]any{
					"projectId": w.ids["acme.project"], "kind": "vm", "name": fmt.Sprintf("%s %d", prefix, i), "provider": "aws", "instanceType": "m5.large",
				}}))
			}))
		}
		if got := register("first"); got["y"] != limit || got["LIMIT_EXCEEDED"] != writers-limit {
			t.Errorf("told %v", got)
		}
		running := w.must(t, "olga", `query($id: ID!) { node(id: $id) { ... on Project { resources(first: 100, where: {status: ACTIVE}) { totalCount edges { node { id } } } } } }`,
			map[string]any{"id": w.ids["acme.project"]})
		for i := range released {
			id := dig(running, fmt.Sprintf("node.resources.edges.%d.node.id", i))
			w.must(t, "olga", mutation("releaseResource", "clientMutationId"), map[string]any{"i": map[string]any{"resourceId": id}})
		}
		if got := register("second"); got["y"] != released || got["LIMIT_EXCEEDED"] != writers-released {
			t.Errorf("after %d went: told %v", released, got)
		}
	})
}

// TestReservationsHoldAtTheTotal enters a hundred resources at once in two
// organizations of a partner, each of which is expected to cost a tenth of what
// the partner may use: ten are entered, and a released one makes room for one.
func TestReservationsHoldAtTheTotal(t *testing.T) {
	t.Parallel()
	const writers = 100
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		allocation := w.must(t, "ada", mutation("setAllocation", "allocation { id }"), map[string]any{"i": map[string]any{
			"scopeId": w.ids["northwind"], "total": "1000.00", "unit": "USD", "period": "MONTH",
		}})
		places := []struct{ actor, project string }{{"olga", w.ids["acme.project"]}, {"bob", w.ids["bravo.project"]}}
		register := func(prefix string) map[string]int {
			return tallyOf(together(writers, func(i int) string {
				place := places[i%len(places)]
				return told(t, w.askWith(t, place.actor, mutation("registerResource", "resource { id }"), map[string]any{"i": map[string]any{
					"projectId": place.project, "kind": "vm", "name": fmt.Sprintf("%s %d", prefix, i),
					"estimate": map[string]any{"amount": "100.00", "unit": "USD"},
				}}))
			}))
		}
		if got := register("first"); got["y"] != 10 || got["LIMIT_EXCEEDED"] != writers-10 {
			t.Errorf("told %v", got)
		}
		left := func() string {
			answer := w.must(t, "ada", `query($id: ID!) { node(id: $id) { ... on Allocation { estimated { amount } state } } }`,
				map[string]any{"id": dig(allocation, "setAllocation.allocation.id")})
			return dig(answer, "node.estimated.amount") + " " + dig(answer, "node.state")
		}
		if got := left(); got != "1000 FROZEN" {
			t.Errorf("reserved: %s", got)
		}
		var id string
		for _, place := range places {
			running := w.must(t, place.actor, `query($id: ID!) { node(id: $id) { ... on Project { resources(first: 1, where: {status: ACTIVE}) { edges { node { id } } } } } }`,
				map[string]any{"id": place.project})
			if found := dig(running, "node.resources.edges.0.node.id"); found != "" {
				id = found
				w.must(t, place.actor, mutation("releaseResource", "clientMutationId"), map[string]any{"i": map[string]any{"resourceId": id}})
				break
			}
		}
		if got := left(); got != "900 OK" {
			t.Errorf("reserved after one went: %s", got)
		}
		if got := register("second"); got["y"] != 1 || got["LIMIT_EXCEEDED"] != writers-1 {
			t.Errorf("after one went: told %v", got)
		}
	})
}

// TestSchedulersAreAnsweredFromMemory asks what a scheduler asks, again and again
// while nothing changes: no statement is sent to the database.
func TestSchedulersAreAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": dbtest.SQLiteURL(t), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, statements := counted(t, url)
			w := newWorld(t, db)
			w.team(t, "acme", "crew")
			w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
				"scopeId": w.ids["platform"], "key": "cloud.instance_types", "value": []string{"aws/m5.large"},
			}})
			w.must(t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
				"scopeId": w.ids["acme.crew"], "key": "cloud.instance_limits", "value": map[string]int{"aws/m5.large": 4},
			}})
			w.must(t, "olga", mutation("setAllocation", "allocation { id }"), map[string]any{"i": map[string]any{
				"scopeId": w.ids["acme.crew"], "total": "10", "unit": "USD", "period": "MONTH",
			}})
			ask := func() {
				for _, scope := range []string{"acme", "acme.crew"} {
					w.must(t, "olga", `query($id: ID!) {
						spendState(scopeId: $id) { state headroom { amount } decidedBy { organization { id } } }
						checkLaunch(scopeId: $id, provider: "aws", instanceType: "m5.large", count: 4) { allowed decidedBy { key organization { id } } }
					}`, map[string]any{"id": w.ids[scope]})
				}
			}
			ask()
			statements.take()
			ask()
			if sent := statements.take(); len(sent) > 0 {
				t.Errorf("%d statements: %v", len(sent), sent)
			}
		})
	}
}
