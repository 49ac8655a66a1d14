package main

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/records"
)

// publicKey returns the nth of many public keys.
func publicKey(t testing.TB, n int) string {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(n))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// TestQuotasHoldAtTheLimit makes far more than there is room for, all at once.
func TestQuotasHoldAtTheLimit(t *testing.T) {
	t.Parallel()
	const writers, limit = 50, 10
	for name, tt := range map[string]struct {
		quota  records.Quota
		action string
		input  func(t *testing.T, w *world, i int) map[string]any
		// room is how many more there may be.
		room int
	}{
		"users": {records.QuotaUsers, "createUser", func(_ *testing.T, w *world, i int) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "username": fmt.Sprintf("u%d", i), "email": fmt.Sprintf("u%d@acme.example", i)}
		}, limit - 2},
		"groups": {records.QuotaGroups, "createGroup", func(_ *testing.T, w *world, i int) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("group %d", i)}
		}, limit},
		"projects": {records.QuotaProjects, "createProject", func(_ *testing.T, w *world, i int) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprintf("project %d", i)}
		}, limit - 1},
		"SSH keys": {records.QuotaSSHKeys, "addSshKey", func(t *testing.T, w *world, i int) map[string]any {
			t.Helper()
			return map[string]any{"projectId": w.ids["acme.project"], "name": fmt.Sprintf("key %d", i), "publicKey": publicKey(t, i)}
		}, limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				w.must(t, "paula", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
					"scopeId": w.ids["acme"], "key": tt.quota, "value": limit, "side": "MANAGER",
				}})
				results := together(writers, func(i int) string {
					return told(t, w.askWith(t, "olga", mutation(tt.action, "clientMutationId"), map[string]any{"i": tt.input(t, w, i)}))
				})
				if counts := tallyOf(results); counts["y"] != tt.room || counts["LIMIT_EXCEEDED"] != writers-tt.room {
					t.Errorf("%d were to fit: %v", tt.room, counts)
				}
			})
		})
	}
}

// TestProjectGoesWithWhatComes deletes an empty project while somebody puts
// something into it or names it: what comes first decides, and nothing is left
// behind.
func TestProjectGoesWithWhatComes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "team")
		for round := range rounds() {
			name := fmt.Sprintf("project-%d", round)
			w.project(t, name)
			id := w.ids["acme."+name]
			comes := []func() []byte{
				func() []byte {
					return w.askWith(t, "olga", mutation("registerResource", "resource { id }"), map[string]any{"i": map[string]any{"projectId": id, "kind": "vm", "name": name}})
				},
				func() []byte {
					return w.askWith(t, "olga", mutation("addSshKey", "sshKey { id }"), map[string]any{"i": map[string]any{"projectId": id, "name": name, "publicKey": publicKey(t, round)}})
				},
				func() []byte {
					return w.askWith(t, "olga", mutation("setGroupProjects", "group { id }"), map[string]any{"i": map[string]any{"groupId": w.ids["acme.team"], "projectIds": []string{id}}})
				},
				func() []byte {
					return w.askWith(t, "olga", mutation("createGroup", "group { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "name": name, "projectIds": []string{id}}})
				},
			}[round%4]
			results := together(2, func(i int) string {
				if i == 0 {
					return told(t, w.askWith(t, "olga", mutation("deleteProject", "projectId"), map[string]any{"i": map[string]any{"projectId": id}}))
				}
				return told(t, comes())
			})
			checkGone(t, w, "acme."+name, round%4 > 1, results)
		}
	})
}

// checkGone wants a race between the deletion of a project and
// something that comes to have ended in one of the outcomes that there may be. isName
// says that what comes names the project and is not in it.
func checkGone(t *testing.T, w *world, name string, isName bool, results []string) {
	t.Helper()
	gone := results[0] == "y"
	came := results[1]
	refused := came == "-" || strings.HasPrefix(came, "INVALID ")
	switch {
	case gone && came == "y" && isName: // It was named, and then it went.
	case gone && refused:
	case !gone && strings.HasPrefix(results[0], "CONFLICT ") && came == "y" && !isName:
	default:
		t.Errorf("%s: deleting it: %s, what came: %s", name, results[0], came)
	}
	if !gone {
		return
	}
	ctx, client, id := w.system(t), w.platform.db.Client(), w.key(t, name)
	left := one(t, func() (int, error) { return client.Resource.Query().Where(resource.ProjectID(id)).Count(ctx) }) +
		one(t, func() (int, error) { return client.SSHKey.Query().Where(sshkey.ProjectID(id)).Count(ctx) }) +
		one(t, func() (int, error) { return client.GroupProject.Query().Where(groupproject.ProjectID(id)).Count(ctx) })
	if left != 0 {
		t.Errorf("%s is gone and %d things name it", name, left)
	}
}

// TestOneOfManyRegisters registers the same thing many times at once.
func TestOneOfManyRegisters(t *testing.T) {
	t.Parallel()
	const writers = 8
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for name, input := range map[string]map[string]any{
			"registerResource": {"projectId": w.ids["acme.project"], "kind": "vm", "name": "one", "provider": "aws", "externalId": "i-1"},
			"addSshKey":        {"projectId": w.ids["acme.project"], "name": "one", "publicKey": publicKey(t, 1)},
			"createProject":    {"organizationId": w.ids["acme"], "name": "one"},
		} {
			results := together(writers, func(int) string {
				return told(t, w.askWith(t, "olga", mutation(name, "clientMutationId"), map[string]any{"i": input}))
			})
			if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != writers-1 {
				t.Errorf("%s: %v", name, results)
			}
		}
	})
}

// TestProjectsOfAGroupAreThoseOfOneWriter replaces the projects of a group by
// different ones at once.
func TestProjectsOfAGroupAreThoseOfOneWriter(t *testing.T) {
	t.Parallel()
	const writers = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "team")
		sets := make([][]string, writers)
		for i := range writers {
			for j := range 2 {
				name := fmt.Sprintf("p%d", 2*i+j)
				w.project(t, name)
				sets[i] = append(sets[i], w.ids["acme."+name])
			}
		}
		for round := range rounds() {
			results := together(writers, func(i int) string {
				return told(t, w.askWith(t, "olga", mutation("setGroupProjects", "group { id }"), map[string]any{"i": map[string]any{"groupId": w.ids["acme.team"], "projectIds": sets[i]}}))
			})
			if counts := tallyOf(results); counts["y"] != writers {
				t.Fatalf("round %d: %v", round, results)
			}
			answer := w.must(t, "olga", `query($id: ID!) { node(id: $id) { ... on Group { projects { edges { node { id } } } } } }`, map[string]any{"id": w.ids["acme.team"]})
			var reached []string
			for i := range 2 * writers {
				if id := dig(answer, fmt.Sprintf("node.projects.edges.%d.node.id", i)); id != "" {
					reached = append(reached, id)
				}
			}
			if !slices.ContainsFunc(sets, func(set []string) bool { return slices.Equal(set, reached) }) {
				encoded, err := json.Marshal(answer)
				t.Fatalf("round %d: %s, %v", round, encoded, err)
			}
		}
	})
}
