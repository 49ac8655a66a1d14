package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestRightsToApplicationsAndKeys is TestRights for applications and API keys,
// with the people of TestRightsInProjects. The application deployer has
// org:settings; "a boss" is one with org:admin, "plain" one without rights.
func TestRightsToApplicationsAndKeys(t *testing.T) {
	t.Parallel()
	const actors = `ada pat paula pia penny pete sven rita bob cora  olga gail seth uma greg adam edna bill max deployer  mia kim ron`
	const matrix = `
create application              y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F         F   F   F
read plain                      y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   -         -   -   -
rename plain                    y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   -         -   -   -
rename deployer                 y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   F         -   -   -
rename a boss                   y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -         -   -   -
delete plain                    y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   -         -   -   -
delete a boss                   y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -         -   -   -
key of oneself                  F   -   F     F   -     -    -    -    -   -     y    y    y    y   y    y    y    y    y   INV       y   y   y
key of plain                    y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F         F   F   F
key of deployer                 y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F         F   F   F
key of a boss                   F   -   F     F   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F         F   F   F
key of the project              F   -   F     F   -     -    -    -    -   -     y    F    -    -   -    y    y    -    -   -         F   F   F
read key of max                 y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    y   -         -   -   -
change key of max               F   -   -     -   -     -    -    -    -   -     F    F    -    -   -    F    -    -    y   -         -   -   -
rotate key of max               F   -   -     -   -     -    -    -    -   -     F    F    -    -   -    F    -    -    y   -         -   -   -
delete key of max               y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    y   -         -   -   -
read key of deployer            y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   y         -   -   -
change key of deployer          y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   y         -   -   -
rotate key of deployer          y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   y         -   -   -
delete key of deployer          y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   y         -   -   -
rotate key of a boss            F   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -         -   -   -
enable key of a boss            y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -         -   -   -
delete key of a boss            y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   -         -   -   -
read key of the project         -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   y
change key of the project       -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   F
rotate key of the project       -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   F   F
delete key of the project       -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    y    y    -    -   -         -   y   F
`
	who := strings.Fields(actors)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.settleProjects(t)
		w.arrange(t, "application acme.boss acme.admins")
		operations := keyAttempts()
		for row := range strings.Lines(strings.TrimSpace(matrix)) {
			name, cells := rowOf(t, row, len(who))
			try, ok := operations[name]
			if !ok {
				t.Fatalf("what is %q?", name)
			}
			delete(operations, name)
			for i, actor := range who {
				got := told(t, try(t, w, actor))
				if strings.HasPrefix(got, "INVALID ") {
					got = "INV"
				}
				if got != cells[i] {
					t.Errorf("%s: %s is told %s, want %s", name, actor, got, cells[i])
				}
			}
		}
		for name := range operations {
			t.Errorf("%s is in no row", name)
		}
	})
}

// keyAttempts returns what is tried on applications and API keys. Each is tried
// on a thing that was made for it.
func keyAttempts() map[string]attempt {
	n := 0
	mutate := func(name string, input func(t *testing.T, w *world) map[string]any) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			n++
			return w.askWith(t, actor, mutation(name, "clientMutationId"), map[string]any{"i": input(t, w)})
		}
	}
	read := func(thing func(t *testing.T, w *world) string) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			n++
			return w.askWith(t, actor, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": thing(t, w)})
		}
	}
	plain := func(t *testing.T, w *world) string {
		t.Helper()
		name := fmt.Sprintf("plain-%d", n)
		w.arrange(t, "application acme."+name)
		return w.ids[name]
	}
	named := func(name string) func(*testing.T, *world) string {
		return func(_ *testing.T, w *world) string { return w.ids[name] }
	}
	boss := func(t *testing.T, w *world) string {
		t.Helper()
		name := fmt.Sprintf("boss-%d", n)
		w.arrange(t, "application acme."+name+" acme.admins")
		return w.ids[name]
	}
	rename := func(thing func(*testing.T, *world) string) attempt {
		return mutate("updateApplication", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"applicationId": thing(t, w), "description": fmt.Sprint(n)}
		})
	}
	remove := func(thing func(*testing.T, *world) string) attempt {
		return mutate("deleteApplication", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"applicationId": thing(t, w)}
		})
	}
	// make makes a key that is told whose it is by a field of its input.
	make := func(field, whose string) attempt {
		return mutate("createApiKey", func(t *testing.T, w *world) map[string]any {
			input := map[string]any{"organizationId": w.ids["acme"]}
			if field != "" {
				input[field] = w.ids[whose]
			}
			if whose == "plain" {
				input[field] = plain(t, w)
			}
			return input
		})
	}
	key := func(maker, field, whose string) func(*testing.T, *world) string {
		return func(t *testing.T, w *world) string {
			t.Helper()
			input := map[string]any{"organizationId": w.ids["acme"]}
			if field != "" {
				input[field] = w.ids[whose]
			}
			w.issueKey(t, "fresh", maker, input)
			return w.ids["fresh"]
		}
	}
	change := func(name string, thing func(*testing.T, *world) string, more map[string]any) attempt {
		return mutate(name, func(t *testing.T, w *world) map[string]any {
			input := map[string]any{"apiKeyId": thing(t, w)}
			for member, value := range more {
				input[member] = value
			}
			return input
		})
	}
	describe := map[string]any{"description": "changed"}
	ofMax, ofDeployer := key("max", "", ""), key("olga", "applicationId", "deployer")
	ofBoss, ofProject := key("olga", "applicationId", "boss"), key("olga", "projectId", "acme.site")
	disabled := func(t *testing.T, w *world) string {
		t.Helper()
		id := ofBoss(t, w)
		w.must(t, "olga", mutation("updateApiKey", "clientMutationId"), map[string]any{"i": map[string]any{"apiKeyId": id, "disabled": true}})
		return id
	}
	return map[string]attempt{
		"create application": mutate("createApplication", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("made-%d", n)}
		}),
		"read plain":                read(plain),
		"rename plain":              rename(plain),
		"rename deployer":           rename(named("deployer")),
		"rename a boss":             rename(named("boss")),
		"delete plain":              remove(plain),
		"delete a boss":             remove(boss),
		"key of oneself":            make("", ""),
		"key of plain":              make("applicationId", "plain"),
		"key of deployer":           make("applicationId", "deployer"),
		"key of a boss":             make("applicationId", "boss"),
		"key of the project":        make("projectId", "acme.site"),
		"read key of max":           read(ofMax),
		"change key of max":         change("updateApiKey", ofMax, describe),
		"rotate key of max":         change("rotateApiKey", ofMax, nil),
		"delete key of max":         change("deleteApiKey", ofMax, nil),
		"read key of deployer":      read(ofDeployer),
		"change key of deployer":    change("updateApiKey", ofDeployer, describe),
		"rotate key of deployer":    change("rotateApiKey", ofDeployer, nil),
		"delete key of deployer":    change("deleteApiKey", ofDeployer, nil),
		"rotate key of a boss":      change("rotateApiKey", ofBoss, nil),
		"enable key of a boss":      change("updateApiKey", disabled, map[string]any{"disabled": false}),
		"delete key of a boss":      change("deleteApiKey", ofBoss, nil),
		"read key of the project":   read(ofProject),
		"change key of the project": change("updateApiKey", ofProject, describe),
		"rotate key of the project": change("rotateApiKey", ofProject, nil),
		"delete key of the project": change("deleteApiKey", ofProject, nil),
	}
}
