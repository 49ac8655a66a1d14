package demo_test

import (
	"bytes"
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/demo"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/budgets"
	"github.com/headwater-platform/headwater/service/groups"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/people"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/statements"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// present is that of all demos here: late in a month.
func present() time.Time { return time.Date(2026, time.November, 21, 9, 0, 0, 0, time.UTC) }

// world is a generated platform.
type world struct {
	db       *database.DB
	services demo.Services
	made     *demo.Platform
	ctx      context.Context
}

func servicesOn(db *database.DB) demo.Services {
	store, hasher := records.New(db), password.NewHasher(2)
	return demo.Services{
		Allocations: allocations.New(db, store), Budgets: budgets.New(db, store), Statements: statements.New(db, store),
		Terms: terms.New(db, store, cryptorand.Reader), Groups: groups.New(db, store), Organizations: organizations.New(db, store, orgtree.MaxDepth),
		People: people.New(db, store, hasher), Rates: rates.New(db, store), Settings: settings.New(db, store),
		Usage: usage.New(db, store), Records: store, Hasher: hasher,
	}
}

// generate fills the migrated database at the URL.
func generate(tb testing.TB, url string, seed uint64, size demo.Size) *world {
	tb.Helper()
	later := present()
	timeline := demo.NewTimeline(seed, func() time.Time { later = later.Add(time.Microsecond); return later }, uuid.New)
	options := dbtest.Options()
	options.Now, options.NewID = timeline.Now, timeline.NewID
	db, err := database.Open(tb.Context(), url, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close database: %v", err)
		}
	})
	if _, err := db.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	services := servicesOn(db)
	made, err := demo.Generate(tb.Context(), db, timeline, services, demo.Options{Seed: seed, Size: size})
	if err != nil {
		tb.Fatalf("seed %d, %+v: %v", seed, size, err)
	}
	ctx := access.WithViewer(tb.Context(), access.SystemViewer("test"))
	return &world{db: db, services: services, made: made, ctx: ctx}
}

// TestPlatform makes the same platform on both databases and looks at it.
func TestPlatform(t *testing.T) {
	t.Parallel()
	size := demo.Size{Organizations: 8, Users: 60}
	worlds := map[string]*world{
		"sqlite":   generate(t, dbtest.SQLiteURL(t), 5, size),
		"postgres": generate(t, dbtest.PostgresURL(t), 5, size),
	}
	t.Run("is the same on both", func(t *testing.T) {
		t.Parallel()
		if diff := gocmp.Diff(worlds["sqlite"].image(t), worlds["postgres"].image(t)); diff != "" {
			t.Errorf("-sqlite +postgres:\n%s", diff)
		}
	})
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("has its size", func(t *testing.T) { t.Parallel(); checkSize(t, w, size) })
			t.Run("has its usage", func(t *testing.T) { t.Parallel(); checkUsage(t, w, 5, size) })
			t.Run("logins", func(t *testing.T) { t.Parallel(); checkLogins(t, w) })
			t.Run("tells at every tier", func(t *testing.T) { t.Parallel(); checkTiers(t, w) })
			t.Run("prices on every edge", func(t *testing.T) { t.Parallel(); checkPrices(t, w) })
			t.Run("has bills and limits", func(t *testing.T) { t.Parallel(); checkBills(t, w) })
			t.Run("clamps and blocks", func(t *testing.T) { t.Parallel(); checkConflicts(t, w) })
			t.Run("has a history", func(t *testing.T) { t.Parallel(); checkHistory(t, w) })
		})
	}
}

// image returns what makes the platform, by tables, in a form that does not
// depend on the database.
func (w *world) image(t *testing.T) map[string][]string {
	t.Helper()
	image := map[string][]string{}
	add := func(table string, row any) {
		encoded, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		var columns map[string]any
		if err := json.Unmarshal(encoded, &columns); err != nil {
			t.Fatal(err)
		}
		delete(columns, "edges")
		for column, value := range columns {
			columns[column] = normal(t, value)
		}
		image[table] = append(image[table], fmt.Sprint(columns))
	}
	client := w.db.Client()
	for _, row := range must(client.Organization.Query().All(w.ctx))(t) {
		add("organizations", row)
	}
	for _, row := range must(client.User.Query().All(w.ctx))(t) {
		add("users", row)
	}
	for _, row := range must(client.Membership.Query().All(w.ctx))(t) {
		add("memberships", row)
	}
	for _, row := range must(client.Group.Query().All(w.ctx))(t) {
		add("groups", row)
	}
	for _, row := range must(client.GroupMember.Query().All(w.ctx))(t) {
		add("group members", row)
	}
	for _, row := range must(client.SettingDirective.Query().All(w.ctx))(t) {
		add("directives", row)
	}
	for _, row := range must(client.BillingMultiplier.Query().All(w.ctx))(t) {
		row.Factor = money.Decimal.String(must(money.Parse(row.Factor))(t))
		add("multipliers", row)
	}
	for _, row := range must(client.UsageMapping.Query().All(w.ctx))(t) {
		add("mappings", row)
	}
	for _, row := range must(client.JournalEntry.Query().Where(journalentry.AtLT(present())).All(w.ctx))(t) {
		add("journal", row)
	}
	image["usage"] = []string{fmt.Sprint(w.made.Usage.RowsStored, w.made.Usage.UnattributedRows, w.made.Usage.BilledCosts)}
	for _, rows := range image {
		slices.Sort(rows)
	}
	return image
}

// normal returns a value whose documents and times are spelled one way.
func normal(t *testing.T, value any) any {
	t.Helper()
	text, ok := value.(string)
	if !ok {
		return value
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UTC().String()
	}
	var document any
	if json.Unmarshal([]byte(text), &document) == nil {
		return document
	}
	return text
}

// must returns a function that returns the value or fails the test.
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

func checkSize(t *testing.T, w *world, size demo.Size) {
	for kind, want := range map[orgtree.Kind]int{orgtree.Platform: 1, orgtree.Partner: 4, orgtree.Standard: size.Organizations} {
		if got := must(w.db.Client().Organization.Query().Where(organization.KindEQ(kind)).Count(w.ctx))(t); got != want {
			t.Errorf("%d organizations are %s, want %d", got, kind, want)
		}
	}
	if got := must(w.db.Client().User.Query().Count(w.ctx))(t); got != size.Users {
		t.Errorf("there are %d people, want %d", got, size.Users)
	}
}

// checkUsage adds up the file that the same seed writes.
func checkUsage(t *testing.T, w *world, seed uint64, size demo.Size) {
	if w.made.Usage.RowsStored < 100 || w.made.Usage.RowsSkipped > 0 || w.made.Usage.UnattributedRows == 0 {
		t.Errorf("got %+v", w.made.Usage)
	}
	for _, compress := range []bool{false, true} {
		var file bytes.Buffer
		if err := demo.WriteUsage(&file, seed, size, present(), compress); err != nil {
			t.Fatal(err)
		}
		sums, rows := addUp(t, &file)
		if rows != w.made.Usage.RowsStored {
			t.Errorf("the file has %d rows, %d were stored", rows, w.made.Usage.RowsStored)
		}
		if diff := gocmp.Diff(fmt.Sprint(sums.Amounts()), fmt.Sprint(w.made.Usage.BilledCosts)); diff != "" {
			t.Errorf("the costs of the file and of the import differ: %s", diff)
		}
	}
}

func addUp(t *testing.T, file io.Reader) (*money.Totals, int) {
	t.Helper()
	reader := must(focus.NewReader(file, focus.Options{}))(t)
	sums, rows := &money.Totals{}, 0
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return sums, rows
		}
		if err != nil {
			t.Fatal(err)
		}
		sums.Add(money.Amount{Decimal: row.BilledCost, Currency: money.Currency(row.BillingCurrency)})
		rows++
	}
}

// checkLogins wants that whoever can sign in has the password that is told, is
// active and sees something, and that nobody else has a password.
func checkLogins(t *testing.T, w *world) {
	hashed := must(w.db.Client().User.Query().Where(user.PasswordHashNEQ("")).Count(w.ctx))(t)
	people := slices.DeleteFunc(slices.Clone(w.made.Logins), func(l demo.Login) bool { return l.Role == demo.Application })
	if hashed != len(people) || len(people) != len(w.made.Logins)-1 {
		t.Errorf("%d people have a password, %d logins are told", hashed, len(people))
	}
	if waiting := must(w.db.Client().Job.Query().Where(job.Kind(records.MailJob)).Count(w.ctx))(t); waiting != 0 {
		t.Errorf("%d letters of the past are to be sent", waiting)
	}
	bot := w.login(t, demo.Application)
	viewer := must(w.services.Records.Viewer(t.Context(), records.Session{Principal: bot.Principal}))(t)
	if standing := viewer.Standing(orgtree.ID(bot.Organization.UUID)); !slices.Equal(standing.Roles, []access.Role{access.RoleSettings}) {
		t.Errorf("the application %s has the roles %v", bot.Username, standing.Roles)
	}
	for i, login := range people {
		row := must(w.db.Client().User.Query().Where(user.Username(login.Username)).Only(w.ctx))(t)
		if row.MfaEnabled {
			t.Errorf("%s would need a second factor, which nobody has", login.Username)
		}
		if i == 0 {
			if same := must(argon2id.ComparePasswordAndHash(login.Password, row.PasswordHash))(t); !same {
				t.Errorf("%s has another password", login.Username)
			}
		}
		viewer := must(w.services.Records.Viewer(t.Context(), records.Session{Principal: typeid.New(typeid.User, row.ID)}))(t)
		ctx := access.WithViewer(t.Context(), viewer)
		values := must(w.services.Settings.Values(ctx, batch.Of(login.Organization.UUID), login.Organization.UUID, nil))(t)
		if row.Status != user.StatusACTIVE || len(values) < 100 {
			t.Errorf("%s is %s and sees %s", login.Username, row.Status, values)
		}
	}
}

// checkBills wants a month with statements, one of which is paid and has a discount
// and a tax, and machines that count in what they are limited by.
func checkBills(t *testing.T, w *world) {
	issued, paid := 0, 0
	for _, s := range must(w.db.Client().Statement.Query().All(w.ctx))(t) {
		switch s.Status {
		case statement.StatusISSUED:
			issued++
		case statement.StatusPAID:
			paid++
			if s.Discount == "0" || s.Tax == "0" {
				t.Errorf("what is paid has a discount of %s and a tax of %s", s.Discount, s.Tax)
			}
		default:
			t.Errorf("a statement is %s", s.Status)
		}
	}
	if issued == 0 || paid == 0 {
		t.Errorf("%d statements are to be paid, %d are paid", issued, paid)
	}
	if err := w.services.Allocations.CheckAll(w.ctx); err != nil {
		t.Fatal(err)
	}
	limits := must(w.db.Client().Allocation.Query().All(w.ctx))(t)
	for _, a := range limits {
		if used := must(money.Parse(a.Used))(t); used.Sign() <= 0 {
			t.Errorf("nothing was used of %s %s", a.Total, a.Unit)
		}
	}
	if len(limits) < 2 {
		t.Errorf("%d allocations", len(limits))
	}
}

// checkTiers wants values, guards and locks from the platform to the members.
func checkTiers(t *testing.T, w *world) {
	orgs := map[uuid.UUID]*ent.Organization{}
	for _, o := range must(w.db.Client().Organization.Query().All(w.ctx))(t) {
		orgs[o.ID] = o
	}
	found, keys := map[string]int{}, map[string]bool{}
	for _, d := range must(w.db.Client().SettingDirective.Query().All(w.ctx))(t) {
		tier := string(d.ScopeKind)
		if o := orgs[d.ScopeID]; o != nil {
			tier = fmt.Sprint(o.Kind, o.Depth)
			if o.Kind == orgtree.Standard {
				tier = string(o.Kind)
			}
		}
		side := waterfall.SideOwn
		if d.AuthorOrganizationID != d.OrganizationID {
			side = waterfall.SideManager
		}
		keys[d.Key] = true
		for part, there := range map[string]bool{"value": d.Operation != nil, "guard": d.Guard != nil, "lock": d.Locked, string(side): true} {
			if there {
				found[tier+" "+part]++
			}
		}
	}
	for _, tier := range []string{"PLATFORM0", "PARTNER1", "PARTNER2", "STANDARD", "GROUP", "MEMBERSHIP"} {
		for _, part := range []string{"value", "guard", "lock"} {
			// Nothing that a member may set can be bounded, only locked.
			if found[tier+" "+part] == 0 && tier+part != "MEMBERSHIPguard" {
				t.Errorf("there is no %s at %s", part, tier)
			}
		}
	}
	for _, tier := range []string{"PARTNER1", "STANDARD"} {
		if found[tier+" MANAGER"] == 0 {
			t.Errorf("no manager placed anything at %s", tier)
		}
	}
	if len(keys) < 25 {
		t.Errorf("only %d keys are set", len(keys))
	}
}

// checkPrices wants a rule on every kind of edge, in every basis.
func checkPrices(t *testing.T, w *world) {
	edges, bases, months, ended := map[string]int{}, map[string]int{}, map[string]bool{}, 0
	for _, r := range must(w.db.Client().BillingMultiplier.Query().All(w.ctx))(t) {
		seller := must(w.db.Client().Organization.Get(w.ctx, r.SellerID))(t)
		buyer := "all"
		if r.BuyerID != nil {
			buyer = string(must(w.db.Client().Organization.Get(w.ctx, *r.BuyerID))(t).Kind)
		}
		edges[fmt.Sprintf("%s%d→%s", seller.Kind, seller.Depth, buyer)]++
		bases[string(r.Basis)]++
		months[r.FirstMonth] = true
		if r.LastMonth != nil {
			ended++
		}
	}
	for _, edge := range []string{"PLATFORM0→all", "PLATFORM0→PARTNER", "PARTNER1→all", "PARTNER1→PARTNER", "PARTNER1→STANDARD", "PARTNER2→all", "PARTNER2→STANDARD"} {
		if edges[edge] == 0 {
			t.Errorf("there is no price %s: %v", edge, edges)
		}
	}
	if len(bases) != 3 || len(months) != 3 || ended == 0 {
		t.Errorf("bases %v, first months %v, %d ended", bases, months, ended)
	}
}

// checkConflicts wants settings of the first customer that others overrule.
func checkConflicts(t *testing.T, w *world) {
	customer := w.login(t, demo.CustomerAdmin).Organization.UUID
	effective := must(w.services.Settings.Of(w.ctx, batch.Of(customer), customer, nil, nil))(t)
	statuses := map[string]int{}
	for _, e := range effective {
		for _, step := range e.Chain {
			statuses[string(step.Status)]++
		}
	}
	for _, status := range []string{"APPLIED", "SHADOWED", "INHERIT", "CLAMPED", "BLOCKED"} {
		if statuses[status] == 0 {
			t.Errorf("no step is %s: %v", status, statuses)
		}
	}
}

func (w *world) login(t *testing.T, role demo.Role) demo.Login {
	t.Helper()
	i := slices.IndexFunc(w.made.Logins, func(l demo.Login) bool { return l.Role == role })
	if i < 0 {
		t.Fatalf("nobody is %s", role)
	}
	return w.made.Logins[i]
}

// checkHistory wants a journal that goes back three months, told by people, and
// settings as they were.
func checkHistory(t *testing.T, w *world) {
	entries := must(w.db.Client().JournalEntry.Query().Order(ent.Asc(journalentry.FieldID)).All(w.ctx))(t)
	people := 0
	for i, e := range entries {
		if i > 0 && !e.At.After(entries[i-1].At) {
			t.Fatalf("revision %d of %s follows %s", e.ID, e.At, entries[i-1].At)
		}
		if e.ActorKind == journalentry.ActorKindUSER {
			people++
		}
	}
	first, last := entries[0].At, entries[len(entries)-1].At
	if first.After(present().AddDate(0, -2, -20)) || last.Before(present()) || last.After(present().Add(time.Minute)) {
		t.Errorf("the journal goes from %s to %s", first, last)
	}
	if people < len(entries)*9/10 {
		t.Errorf("people did only %d of %d things", people, len(entries))
	}

	customer := w.login(t, demo.CustomerAdmin).Organization.UUID
	before := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
	const key = "customize.timezone"
	then := must(w.services.Settings.Of(w.ctx, batch.Of(customer), customer, []string{key}, &before))(t)
	now := must(w.services.Settings.Of(w.ctx, batch.Of(customer), customer, []string{key}, nil))(t)
	if string(then[0].Value) != `"Europe/Paris"` || string(now[0].Value) != `"Europe/Zurich"` {
		t.Errorf("the time zone was %s and is %s", then[0].Value, now[0].Value)
	}
}

// TestStoryFitsEverySeed makes small platforms of many seeds and sizes: nothing
// of the story is ever refused.
func TestStoryFitsEverySeed(t *testing.T) {
	t.Parallel()
	for range effort.Cases(40) {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			organizations := 1 + random.IntN(6)
			size := demo.Size{Organizations: organizations, Users: demo.LeastUsers(organizations) + random.IntN(20)}
			w := generate(t, dbtest.SQLiteURL(t), seed, size)
			checkSize(t, w, size)
			checkUsage(t, w, seed, size)
		})
	}
}

func TestUsageDoesNotChangeWhatWas(t *testing.T) {
	t.Parallel()
	size := demo.Size{Organizations: 4, Users: 40}
	rows := func(now time.Time) []string {
		var file bytes.Buffer
		if err := demo.WriteUsage(&file, 9, size, now, false); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSpace(file.Bytes()), []byte("\n"))
		text := make([]string, len(lines))
		for i, line := range lines {
			text[i] = string(line)
		}
		slices.SortFunc(text, cmp.Compare)
		return text
	}
	then, later := rows(present()), rows(present().AddDate(0, 0, 3))
	if len(later) <= len(then) {
		t.Errorf("%d rows became %d", len(then), len(later))
	}
	for _, row := range then {
		if _, found := slices.BinarySearch(later, row); !found {
			t.Fatalf("three days later this row is gone: %s", row)
		}
	}
}

func TestFirstDayOfAMonth(t *testing.T) {
	t.Parallel()
	for _, now := range []time.Time{
		time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, time.February, 29, 23, 59, 59, 0, time.UTC),
		time.Date(2026, time.January, 1, 12, 0, 0, 0, time.FixedZone("", -11*60*60)),
	} {
		var file bytes.Buffer
		if err := demo.WriteUsage(&file, 1, demo.Size{Organizations: 4, Users: 40}, now, false); err != nil {
			t.Fatal(err)
		}
		reader := must(focus.NewReader(&file, focus.Options{}))(t)
		months := map[string]bool{}
		for {
			row, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			months[row.BillingPeriodStart.Format("2006-01")] = true
			if row.ChargeCategory == focus.CategoryUsage && row.ChargePeriodEnd.After(now) {
				t.Fatalf("at %s something is used until %s", now, row.ChargePeriodEnd)
			}
		}
		if len(months) != 3 || !months[now.UTC().Format("2006-01")] {
			t.Errorf("at %s the usage is of %v", now, months)
		}
	}
}

func TestDatabaseThatIsNotEmpty(t *testing.T) {
	t.Parallel()
	url := dbtest.SQLiteURL(t)
	size := demo.Size{Organizations: 1, Users: demo.LeastUsers(1)}
	w := generate(t, url, 1, size)
	timeline := demo.NewTimeline(1, present, uuid.New)
	if _, err := demo.Generate(t.Context(), w.db, timeline, w.services, demo.Options{Seed: 1, Size: size}); err == nil {
		t.Error("a second demo was made in the same database")
	}
}

func BenchmarkGenerate(b *testing.B) {
	for name, url := range map[string]func() string{
		"sqlite":   func() string { return dbtest.SQLiteURL(b) },
		"postgres": func() string { return dbtest.PostgresURL(b) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				generate(b, url(), 1, demo.DefaultSize())
			}
		})
	}
}
