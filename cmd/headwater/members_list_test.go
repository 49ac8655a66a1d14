package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/typeid"
)

// TestMembersPageByPage sorts members in every order, many of whom have the same
// name or have never signed in: pages of any size, from either end, hold what the
// whole list does.
func TestMembersPageByPage(t *testing.T) {
	t.Parallel()
	const people = 12
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		random := rand.New(rand.NewPCG(seed, 1))
		for i := range people {
			w.person(t, "acme", fmt.Sprintf("person%d", i))
			id := w.key(t, fmt.Sprintf("person%d", i))
			_, err := db.Write(w.system(t), database.Entry{Action: "arrange"}, func(ctx context.Context, tx *database.Tx) error {
				set := tx.User.UpdateOneID(id).SetName([]string{"Ann", "ann", "Bea", "Éva"}[random.IntN(4)])
				if random.IntN(2) == 0 {
					set.SetLastLoginAt(dbtest.Start().Add(time.Duration(random.IntN(3)) * 1_001 * time.Microsecond))
				}
				row, err := set.Save(ctx)
				tx.Record(database.Change{Kind: typeid.User, ID: id, After: row})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, field := range []string{"USERNAME", "NAME", "EMAIL", "LAST_LOGIN", "CREATED_AT"} {
			for _, direction := range []string{"ASC", "DESC"} {
				order := fmt.Sprintf("orderBy: {field: %s, direction: %s}", field, direction)
				all, _ := w.membersPage(t, "first: 100, "+order)
				if len(all) != people+2 {
					t.Fatalf("%d members", len(all))
				}
				for range max(1, effort.Cases(20)) {
					size := 1 + random.IntN(5)
					for _, way := range []string{"first", "last"} {
						if got := w.membersPaged(t, way, size, order); !slices.Equal(got, all) {
							t.Errorf("%s, %s: %d: %v, want %v", order, way, size, got, all)
						}
					}
				}
			}
		}
	})
}

// membersPage returns the usernames on a page of acme's members and the cursors at
// its ends, with whether there is more in each direction.
func (w *world) membersPage(t *testing.T, arguments string) (names []string, page map[string]string) {
	t.Helper()
	answer := w.must(t, "olga", fmt.Sprintf(
		`query($id: ID!) { organization(id: $id) { members(%s) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { user { username } } } } } }`,
		arguments), map[string]any{"id": w.ids["acme"]})
	for i := 0; ; i++ {
		name := dig(answer, fmt.Sprintf("organization.members.edges.%d.node.user.username", i))
		if name == "" {
			break
		}
		names = append(names, name)
	}
	page = map[string]string{}
	for _, field := range []string{"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"} {
		page[field] = dig(answer, "organization.members.pageInfo."+field)
	}
	return names, page
}

// membersPaged reads all members in pages, from the beginning or from the end.
func (w *world) membersPaged(t *testing.T, way string, size int, order string) []string {
	t.Helper()
	var all []string
	more := ""
	for range 20 {
		names, page := w.membersPage(t, fmt.Sprintf("%s: %d, %s%s", way, size, order, more))
		if way == "first" {
			all, more = append(all, names...), fmt.Sprintf(", after: %q", page["endCursor"])
			if page["hasNextPage"] != "true" {
				return all
			}
			continue
		}
		all, more = append(names, all...), fmt.Sprintf(", before: %q", page["startCursor"])
		if page["hasPreviousPage"] != "true" {
			return all
		}
	}
	t.Errorf("%s, %s: %d: there is no end", order, way, size)
	return all
}
