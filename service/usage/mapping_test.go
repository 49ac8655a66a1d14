package usage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/usage"
)

// fits is a mapping by words: "sub/key/value" to an organization.
func (w *world) fits(words, organization string) usage.NewMapping {
	parts := strings.Split(words, "/")
	return usage.NewMapping{
		SubAccountID: &parts[0], TagKey: &parts[1], TagValue: &parts[2], OrganizationID: w.orgs[organization],
	}
}

// TestClosestMappingWins takes the winner away again and again: whoever is next
// in the order must win then.
func TestClosestMappingWins(t *testing.T) {
	t.Parallel()
	order := []string{"s/a/1", "s/b/1", "/a/1", "/b/1", "s/a/", "s/b/", "/a/", "/b/", "s//"}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for i := range order {
			importer := fmt.Sprint("importer-", i)
			w.grow(importer, "root", orgtree.Partner)
			var mappings []usage.NewMapping
			for n, words := range order[i:] {
				owner := fmt.Sprint(importer, "-", i+n)
				w.grow(owner, importer, orgtree.Standard)
				m := w.fits(words, owner)
				if *m.SubAccountID != "" {
					// No two organizations import the same sub-account.
					m.SubAccountID = ptr(fmt.Sprint("s", i))
				}
				mappings = append(mappings, m)
			}
			if _, err := w.svc.MapUsage(w.ctx, w.orgs[importer], mappings); err != nil {
				t.Fatal(err)
			}
			content := file(t, charge("1", func(r *focus.Row) {
				r.SubAccountID = fmt.Sprint("s", i)
				r.Tags = map[string]string{"a": "1", "b": "1", "c": "1"}
			}))
			if _, err := w.svc.Import(w.ctx, w.orgs[importer], strings.NewReader(content), usage.Options{}); err != nil {
				t.Fatal(err)
			}
			lines := w.lines()
			if got, want := w.name(lines[len(lines)-1].OrganizationID), fmt.Sprint(importer, "-", i); got != want {
				t.Errorf("of %v the row goes to %s", order[i:], got)
			}
		}
	})
}

func TestMappingsThatDoNotFit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{
			w.fits("sub-2//", "customer"), w.fits("sub-2/org/a", "customer"), w.fits("/org/b", "customer"), w.fits("/Org/", "customer"),
		}); err != nil {
			t.Fatal(err)
		}
		imported := w.load(file(t,
			charge("1", func(r *focus.Row) { r.Tags = map[string]string{"org": "a"} }),
			charge("1", func(r *focus.Row) { r.Tags = map[string]string{"org ": "b", "note": "b"} }), //nolint:gocritic // the space is the point
			charge("1", nil),
		), usage.Options{})
		if imported.UnattributedRows != 3 {
			t.Errorf("%d of 3 rows fit no mapping", imported.UnattributedRows)
		}
	})
}

func TestMappingIsReplaced(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		group := w.group("customer", "research")
		mapOne := func(m usage.NewMapping) *usage.Mapping {
			mapped, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{m})
			if err != nil {
				t.Fatal(err)
			}
			return mapped[0]
		}
		first := mapOne(usage.NewMapping{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs["partner"]})
		if first.TagKey != nil || first.TagValue != nil || first.Group != nil || *first.SubAccountID != "sub-1" || first.Organization.Name != "partner" {
			t.Errorf("got %+v", first)
		}
		before := w.counts()
		if again := mapOne(usage.NewMapping{SubAccountID: ptr("sub-1"), TagKey: ptr(""), OrganizationID: w.orgs["partner"]}); again.ID != first.ID {
			t.Errorf("the same mapping became another one")
		}
		if after := w.counts(); after != before {
			t.Errorf("the same mapping changed something:\n%s\n%s", before, after)
		}
		second := mapOne(usage.NewMapping{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs["customer"], GroupID: &group})
		if second.ID != first.ID || second.Organization.Name != "customer" || second.Group == nil || second.Group.Name != "research" {
			t.Errorf("got %+v", second)
		}
		read, err := w.svc.Mapping(w.ctx, first.ID.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(second, read); diff != "" {
			t.Errorf("it is stored otherwise (-want +got):\n%s", diff)
		}
		third := mapOne(usage.NewMapping{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs["customer"]})
		if third.Group != nil {
			t.Errorf("the group stays: %+v", third.Group)
		}
		rows, err := db.Client().UsageMapping.Query().All(w.ctx)
		if err != nil || len(rows) != 1 || rows[0].Version != 3 || rows[0].GroupID != nil {
			t.Errorf("got %v, %v", rows, err)
		}
	})
}

func TestRefusedMappings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["stranger"], []usage.NewMapping{
			{SubAccountID: ptr("taken"), OrganizationID: w.orgs["stranger"]},
		}); err != nil {
			t.Fatal(err)
		}
		partners, customer := w.group("partner", "partners"), w.orgs["customer"]
		many := make([]usage.NewMapping, 1001)
		for i := range many {
			many[i] = usage.NewMapping{SubAccountID: ptr(fmt.Sprint(i)), OrganizationID: customer}
		}
		before := w.counts()
		for name, tt := range map[string]struct {
			mappings []usage.NewMapping
			code     fault.Code
			field    string
		}{
			"nothing named":       {[]usage.NewMapping{w.fits("//", "customer")}, fault.Invalid, "mappings.0.subAccountId"},
			"a value alone":       {[]usage.NewMapping{w.fits("s//", "customer"), w.fits("s//1", "customer")}, fault.Invalid, "mappings.1.tagKey"},
			"twice":               {[]usage.NewMapping{w.fits("s/a/", "customer"), w.fits("s/a/", "partner")}, fault.Invalid, "mappings.1.subAccountId"},
			"endless sub-account": {[]usage.NewMapping{w.fits(strings.Repeat("s", 201)+"//", "customer")}, fault.Invalid, "mappings.0.subAccountId"},
			"endless key":         {[]usage.NewMapping{w.fits("/"+strings.Repeat("s", 257)+"/", "customer")}, fault.Invalid, "mappings.0.tagKey"},
			"endless value":       {[]usage.NewMapping{w.fits("/a/"+strings.Repeat("s", 257), "customer")}, fault.Invalid, "mappings.0.tagValue"},
			"NUL":                 {[]usage.NewMapping{w.fits("/a/\x00", "customer")}, fault.Invalid, "mappings.0.tagValue"},
			"not UTF-8":           {[]usage.NewMapping{w.fits("\xff//", "customer")}, fault.Invalid, "mappings.0.subAccountId"},
			"too many":            {many, fault.Invalid, "mappings"},
			"beside the importer": {[]usage.NewMapping{w.fits("s//", "stranger")}, fault.NotFound, "mappings.0.organizationId"},
			"above the importer":  {[]usage.NewMapping{w.fits("s//", "root")}, fault.NotFound, "mappings.0.organizationId"},
			"nowhere":             {[]usage.NewMapping{{SubAccountID: ptr("s"), OrganizationID: uuid.Max}}, fault.NotFound, "mappings.0.organizationId"},
			"group of another":    {[]usage.NewMapping{{SubAccountID: ptr("s"), OrganizationID: customer, GroupID: &partners}}, fault.NotFound, "mappings.0.groupId"},
			"group of nobody":     {[]usage.NewMapping{{SubAccountID: ptr("s"), OrganizationID: customer, GroupID: ptr(uuid.Max)}}, fault.NotFound, "mappings.0.groupId"},
			"taken":               {[]usage.NewMapping{w.fits("s//", "customer"), w.fits("taken//", "customer")}, fault.Conflict, "mappings.1.subAccountId"},
			"taken, of one tag":   {[]usage.NewMapping{w.fits("taken/a/1", "customer")}, fault.Conflict, "mappings.0.subAccountId"},
		} {
			_, err := w.svc.MapUsage(w.viewer("partner", orgtree.Partner), w.orgs["partner"], tt.mappings)
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != tt.code || f.Field != tt.field {
				t.Errorf("%s: got %v of field %q, want %s of %q", name, err, fieldOf(f), tt.code, tt.field)
			}
			if err != nil && strings.Contains(err.Error(), "stranger") {
				t.Errorf("%s: the error names the other: %v", name, err)
			}
			if after := w.counts(); after != before {
				t.Errorf("%s: something changed:\n%s\n%s", name, before, after)
			}
		}
	})
}

func fieldOf(f *fault.Error) string {
	if f == nil {
		return ""
	}
	return f.Field
}

// TestOutsideAndNowhereSoundAlike compares the errors to the word.
func TestOutsideAndNowhereSoundAlike(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		ctx := w.viewer("partner", orgtree.Partner)
		texts := map[string]bool{}
		for _, id := range []uuid.UUID{w.orgs["stranger"], w.orgs["root"], uuid.Max} {
			_, err := w.svc.MapUsage(ctx, w.orgs["partner"], []usage.NewMapping{{SubAccountID: ptr("s"), OrganizationID: id}})
			texts[fmt.Sprintf("%#v", err)] = true
		}
		if len(texts) != 1 {
			t.Errorf("got %v", texts)
		}
	})
}

func TestWhoMayMap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		for _, tt := range []struct {
			name, importer string
			ctx            context.Context
			want           fault.Code
		}{
			{"own administrator", "partner", w.viewer("partner", orgtree.Partner), ""},
			{"the platform's administrator", "partner", w.viewer("root", orgtree.Platform), ""},
			{"the manager above", "reseller", w.viewer("partner", orgtree.Partner), fault.Forbidden},
			{"somebody else", "partner", w.viewer("stranger", orgtree.Partner), fault.NotFound},
			{"a customer", "customer", w.viewer("customer", orgtree.Standard), fault.Forbidden},
			{"the system for a customer", "customer", w.ctx, fault.Invalid},
			{"nobody", "partner", t.Context(), fault.Unauthenticated},
		} {
			_, err := w.svc.MapUsage(tt.ctx, w.orgs[tt.importer], []usage.NewMapping{
				{SubAccountID: ptr("sub-of-" + tt.importer), OrganizationID: w.orgs["customer"]},
			})
			if got := fault.CodeOf(err); got != tt.want {
				t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
			}
		}
		mapped, err := db.Client().UsageMapping.Query().OnlyID(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			ctx  context.Context
			want fault.Code
		}{
			"own administrator": {w.viewer("partner", orgtree.Partner), ""},
			"a manager below":   {w.viewer("reseller", orgtree.Partner), fault.NotFound},
			"somebody else":     {w.viewer("stranger", orgtree.Partner), fault.NotFound},
		} {
			_, err := w.svc.Mapping(tt.ctx, mapped)
			if got := fault.CodeOf(err); got != tt.want {
				t.Errorf("%s reads: got %q (%v), want %q", name, got, err, tt.want)
			}
		}
	})
}

// TestSubAccountIsClaimedOnce claims a sub-account while another organization's
// claim of it is about to be committed.
func TestSubAccountIsClaimedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		claimed := make(chan error, 1)
		w.write(func(ctx context.Context, tx *database.Tx) error {
			if err := tx.LockMappings(ctx); err != nil {
				return err
			}
			if err := tx.UsageMapping.Create().SetID(db.NewID()).SetImporterID(w.orgs["stranger"]).
				SetSubAccountID("sub-1").SetTagKey("").SetTagValue("").SetOrganizationID(w.orgs["stranger"]).
				SetCreatedAt(db.Now()).Exec(ctx); err != nil {
				return err
			}
			go func() {
				_, err := w.svc.MapUsage(w.ctx, w.orgs["partner"], []usage.NewMapping{w.fits("sub-1//", "partner")})
				claimed <- err
			}()
			return waitForLock(ctx, tx, db, claimed)
		})
		if err := <-claimed; fault.CodeOf(err) != fault.Conflict {
			t.Errorf("the second claim got %v", err)
		}
	})
}

// waitForLock returns when PostgreSQL makes somebody wait for an advisory lock.
// On SQLite there is nothing to wait for: nobody begins to write meanwhile.
func waitForLock(ctx context.Context, tx *database.Tx, db *database.DB, other chan error) error {
	for db.Dialect() == dialect.Postgres && len(other) == 0 {
		rows, err := tx.QueryContext(ctx, `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		if err != nil {
			return err
		}
		waiting := rows.Next()
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if waiting {
			return nil
		}
	}
	return nil
}

// TestMappingsHoldForMonths maps one sub-account to others over time: the latest
// first month that has begun decides, by the month of the charge.
func TestMappingsHoldForMonths(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTree(t, db)
		m := func(organization, first, last string) usage.NewMapping {
			n := usage.NewMapping{SubAccountID: ptr("sub-1"), OrganizationID: w.orgs[organization]}
			if first != "" {
				n.FirstMonth = ptr(must(pricing.ParseMonth(first)))
			}
			if last != "" {
				n.LastMonth = ptr(must(pricing.ParseMonth(last)))
			}
			return n
		}
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{
			m("partner", "", "2026-07"), m("reseller", "2026-09", ""), m("customer", "2026-10", "2026-10"),
		}); err != nil {
			t.Fatal(err)
		}
		var rows []focus.Row
		for i := range 6 {
			rows = append(rows, charge("1", func(r *focus.Row) {
				r.ChargePeriodStart = time.Date(2026, time.June+time.Month(i), 30, 23, 0, 0, 0, time.UTC)
				r.ChargePeriodEnd = r.ChargePeriodStart.Add(time.Hour)
			}))
		}
		w.load(file(t, rows...), usage.Options{})
		owners := func() (names []string) {
			for _, line := range w.lines() {
				names = append(names, w.name(line.OrganizationID))
			}
			return names
		}
		if diff := cmp.Diff([]string{"partner", "partner", "root", "reseller", "customer", "reseller"}, owners()); diff != "" {
			t.Errorf("June to November: %s", diff)
		}
		if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], []usage.NewMapping{m("customer", "2026-10", "")}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if diff := cmp.Diff([]string{"partner", "partner", "root", "reseller", "customer", "customer"}, owners()); diff != "" {
			t.Errorf("without an end: %s", diff)
		}
		w.checkRated()
		w.checkRollups()
	})
}
