package database_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
)

// namesakes makes organizations below several managers, many of which share a
// name, differ from another in case only or are written in other alphabets.
func namesakes(t *testing.T, db *database.DB, random *rand.Rand, n int) {
	t.Helper()
	f := plant(t, db)
	names := []string{"alpha", "Alpha", "ALPHA", "beta", "élan", "Élan", "Zürich", "zulu", "Ωmega", "日本", "a b", "a-b", "ab", "%", "_", "'quoted\"", "same", "same"}
	managers := []uuid.UUID{f.root, f.north, f.south}
	for i := range n {
		manager := managers[random.IntN(len(managers))]
		depth := 2
		if manager == f.root {
			depth = 1
		}
		must(t, db.Client().Organization.Create().SetID(db.NewID()).SetKind(orgtree.Standard).SetParentID(manager).SetDepth(depth).
			SetName(names[random.IntN(len(names))]).SetSlug(fmt.Sprintf("slug-%d", i)).SetStatus(orgtree.Active).SetCreatedAt(db.Now()).Exec(system(t)))
	}
}

// readPage reads one page and tells whether there is more.
func readPage(t *testing.T, db *database.DB, order database.Order, args page.Args) (items []*ent.Organization, info page.Info) {
	t.Helper()
	window, err := args.Window()
	must(t, err)
	modify, err := order.Page(window, "")
	must(t, err)
	query := db.Client().Organization.Query()
	query.Modify(modify)
	rows, err := query.All(system(t))
	must(t, err)
	items, more := page.Cut(window, rows)
	cursors := make([]string, len(items))
	for i, item := range items {
		cursors[i] = order.Cursor(item.Name, item.ID.String())
	}
	return items, window.Describe(cursors, more)
}

func idsOf(rows []*ent.Organization) []uuid.UUID {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// TestPagesPutTogetherAreTheList walks forwards and backwards in pages of random
// sizes, in every order, and puts the list together again.
func TestPagesPutTogetherAreTheList(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		random := rand.New(rand.NewPCG(seed, 2))
		namesakes(t, db, random, 60)
		for _, order := range []database.Order{{}, {Descending: true}, {Column: organization.FieldName}, {Column: organization.FieldName, Descending: true}} {
			hundred := page.MaxSize
			whole, info := readPage(t, db, order, page.Args{First: &hundred})
			if len(whole) != 65 || info.HasNextPage || info.HasPreviousPage {
				t.Fatalf("%v: the list has %d items, %v", order, len(whole), info)
			}
			ordered(t, order, whole)
			for range effort.Cases(100) {
				forwards, backwards := walk(t, db, order, random, false), walk(t, db, order, random, true)
				if !slices.Equal(forwards, idsOf(whole)) {
					t.Fatalf("seed %d, %v: forwards the pages make another list", seed, order)
				}
				if !slices.Equal(backwards, idsOf(whole)) {
					t.Fatalf("seed %d, %v: backwards the pages make another list", seed, order)
				}
			}
		}
	})
}

// ordered fails if names or ids are out of order. Where names differ in more
// than ASCII, each database has its own idea.
func ordered(t *testing.T, order database.Order, list []*ent.Organization) {
	t.Helper()
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		if order.Descending {
			a, b = b, a
		}
		sameName := strings.EqualFold(a.Name, b.Name) || order.Column == ""
		if sameName && isASCII(a.Name) && slices.Compare(a.ID[:], b.ID[:]) >= 0 {
			t.Errorf("%v: %s %q comes before %s %q", order, a.ID, a.Name, b.ID, b.Name)
		}
	}
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 127 })
}

// walk reads all pages, of random sizes, and returns the ids in the order of the
// list.
func walk(t *testing.T, db *database.DB, order database.Order, random *rand.Rand, backwards bool) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	var cursor *string
	for range 1000 {
		size := 1 + random.IntN(20)
		args := page.Args{First: &size, After: cursor}
		if backwards {
			args = page.Args{Last: &size, Before: cursor}
		}
		items, info := readPage(t, db, order, args)
		if backwards {
			ids = append(idsOf(items), ids...)
			if !info.HasPreviousPage {
				return ids
			}
			cursor = info.StartCursor
			continue
		}
		ids = append(ids, idsOf(items)...)
		if !info.HasNextPage {
			return ids
		}
		cursor = info.EndCursor
	}
	t.Fatal("the pages do not end")
	return nil
}

// TestPagePerParent reads one page for each of several managers at once and
// compares with a page for each alone.
func TestPagePerParent(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		random := rand.New(rand.NewPCG(seed, 3))
		namesakes(t, db, random, 60)
		for _, order := range []database.Order{{}, {Column: organization.FieldName, Descending: true}} {
			for _, backwards := range []bool{false, true} {
				size := 1 + random.IntN(10)
				args := page.Args{First: &size}
				if backwards {
					args = page.Args{Last: &size}
				}
				window, err := args.Window()
				must(t, err)
				together, err := order.Page(window, organization.FieldParentID)
				must(t, err)
				query := db.Client().Organization.Query().Where(organization.ParentIDNotNil())
				query.Modify(together)
				rows, err := query.All(system(t))
				must(t, err)
				byParent := map[uuid.UUID][]*ent.Organization{}
				for _, row := range rows {
					byParent[*row.ParentID] = append(byParent[*row.ParentID], row)
				}
				if len(byParent) != 3 {
					t.Fatalf("pages of %d managers", len(byParent))
				}
				for parent, got := range byParent {
					alone, err := order.Page(window, "")
					must(t, err)
					query := db.Client().Organization.Query().Where(organization.ParentID(parent))
					query.Modify(alone)
					want, err := query.All(system(t))
					must(t, err)
					if !slices.Equal(idsOf(got), idsOf(want)) {
						t.Errorf("seed %d, %v, backwards %v: the page of %s differs", seed, order, backwards, parent)
					}
				}
			}
		}
	})
}

// TestCursorsOfOtherListsAreRefused gives an order the cursor of another.
func TestCursorsOfOtherListsAreRefused(t *testing.T) {
	t.Parallel()
	byAge, byName := database.Order{}, database.Order{Column: organization.FieldName}
	id := uuid.MustParse("01a1fd55-7a80-7000-8000-000000000001").String()
	for name, tt := range map[string]struct {
		order  database.Order
		cursor string
	}{
		"a name where ages are asked for": {byAge, byName.Cursor("x", id)},
		"an age where names are":          {byName, byAge.Cursor("", id)},
		"no id":                           {byAge, page.Cursor("'; DROP TABLE organizations; --")},
		"no id beside a name":             {byName, page.Cursor("x", "1")},
	} {
		if _, err := tt.order.Page(page.Window{Size: 10, After: tt.cursor}, ""); err == nil {
			t.Errorf("%s is taken for a cursor", name)
		}
		if _, err := tt.order.Page(page.Window{Size: 10, Before: tt.cursor}, ""); err == nil {
			t.Errorf("%s is taken for a cursor", name)
		}
	}
}

// TestContainsFoldTakesWildcardsLiterally looks for texts that LIKE would read.
func TestContainsFoldTakesWildcardsLiterally(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		for i, name := range []string{"100%", "1000", "a_b", "axb", `back\slash`, "ACME Two"} {
			must(t, db.Client().Organization.Create().SetID(db.NewID()).SetKind(orgtree.Standard).SetParentID(f.root).SetDepth(1).
				SetName(name).SetSlug(fmt.Sprintf("slug-%d", i)).SetStatus(orgtree.Active).SetCreatedAt(db.Now()).Exec(system(t)))
		}
		for text, want := range map[string]int{"0%": 1, "a_b": 1, `\`: 1, "acme": 2, "ACME": 2, "%": 1, "nothing": 0, "": 11} {
			n, err := db.Client().Organization.Query().Where(database.ContainsFold(organization.FieldName, text)).Count(system(t))
			if err != nil || n != want {
				t.Errorf("%d names contain %q, want %d (%v)", n, text, want, err)
			}
		}
	})
}
