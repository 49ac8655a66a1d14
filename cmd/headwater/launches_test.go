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
