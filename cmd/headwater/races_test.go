package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
)

// together runs fn n times at once and returns what each was told.
func together(n int, fn func(i int) string) []string {
	results := make([]string, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	done.Add(n)
	for i := range n {
		go func() {
			defer done.Done()
			ready.Done()
			ready.Wait()
			results[i] = fn(i)
		}()
	}
	done.Wait()
	return results
}

// tallyOf counts what was told, by code.
func tallyOf(results []string) map[string]int {
	counts := map[string]int{}
	for _, r := range results {
		code, _, _ := strings.Cut(r, " ")
		counts[code]++
	}
	return counts
}

// rounds is how often a race is run.
func rounds() int { return effort.Cases(100) }

func TestOneOfManyWritersOfAVersionWins(t *testing.T) {
	t.Parallel()
	const writers = 8
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for version := range rounds() {
			results := together(writers, func(i int) string {
				return told(t, w.askWith(t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
					"scopeId": w.ids["acme"], "key": "authentication.password_min_length", "value": 20 + (version*writers+i)%90, "expectedVersion": version,
				}}))
			})
			if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != writers-1 {
				t.Fatalf("round %d: %v", version, results)
			}
		}
	})
}

func TestWritersOfOneSetLoseNothing(t *testing.T) {
	t.Parallel()
	const writers = 8
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		results := together(writers, func(i int) string {
			return told(t, w.askWith(t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
				"scopeId": w.ids["acme"], "key": "policies.approved_regions", "operation": "APPEND", "value": []string{fmt.Sprintf("region-%d", i)},
			}}))
		})
		if counts := tallyOf(results); counts["y"] != writers {
			t.Fatal(results)
		}
		answer := w.must(t, "olga", `query($id: ID!) { organization(id: $id) { settingValues(keys: ["policies.approved_regions"]) } }`, map[string]any{"id": w.ids["acme"]})
		for i := range writers {
			if got := dig(answer, "organization.settingValues"); !strings.Contains(got, fmt.Sprintf("region-%d", i)) {
				t.Errorf("region-%d is missing from %s", i, got)
			}
		}
	})
}

func TestOneOfManyTakesASlug(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			results := together(writers, func(i int) string {
				return told(t, w.askWith(t, "paula", mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
					"managedById": w.ids[[]string{"northwind", "fjord"}[i%2]], "name": "Same", "slug": fmt.Sprintf("same-%d", round),
					"ownerEmail": fmt.Sprintf("o%d@same%d.example", i, round),
				}}))
			})
			if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != writers-1 {
				t.Fatalf("round %d: %v", round, results)
			}
		}
	})
}

// TestOrganizationsOfOneName lets the service find the slugs and usernames, for
// which the writers must not stumble over each other.
func TestOrganizationsOfOneName(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		results := together(writers, func(i int) string {
			return told(t, w.askWith(t, "paula", mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
				"managedById": w.ids[[]string{"northwind", "fjord"}[i%2]], "name": "Same", "ownerEmail": fmt.Sprintf("owner@same%d.example", i),
			}}))
		})
		for _, r := range results {
			if r != "y" {
				t.Error(r)
			}
		}
	})
}

// TestKindAndCustomersAgree makes a partner STANDARD while somebody puts a
// customer under it: one of them must lose.
func TestKindAndCustomersAgree(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			slug := fmt.Sprintf("partner-%d", round)
			w.organization(t, slug, "PARTNER", "platform", fmt.Sprintf("partner%d", round))
			results := together(2, func(i int) string {
				if i == 0 {
					return told(t, w.askWith(t, "ada", mutation("setOrganizationKind", "organization { id }"), map[string]any{"i": map[string]any{"id": w.ids[slug], "kind": "STANDARD"}}))
				}
				return told(t, w.askWith(t, "ada", mutation("createOrganization", "organization { id }"), map[string]any{"i": map[string]any{
					"managedById": w.ids[slug], "name": "Customer", "ownerEmail": fmt.Sprintf("c@customer%d.example", round),
				}}))
			})
			if counts := tallyOf(results); counts["y"] != 1 {
				t.Fatalf("round %d: the kind: %s, the customer: %s", round, results[0], results[1])
			}
		}
	})
}

func TestOneOfManyGroupsTakesAName(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		results := together(writers, func(i int) string {
			name := "Twins"
			if i%2 == 0 {
				name = "twins"
			}
			return told(t, w.askWith(t, "olga", mutation("createGroup", "group { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "name": name}}))
		})
		if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != writers-1 {
			t.Fatal(results)
		}
	})
}

// TestMembersJoinOnce adds the same person to a group many times at once.
func TestMembersJoinOnce(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "team")
		results := together(writers, func(int) string {
			return told(t, w.askWith(t, "olga", mutation("addGroupMembers", "group { id }"), map[string]any{"i": map[string]any{
				"groupId": w.ids["acme.team"], "principalIds": []string{w.ids["max"]},
			}}))
		})
		if counts := tallyOf(results); counts["y"] != writers {
			t.Fatal(results)
		}
	})
}
