package records_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// estate is a large platform: 10 000 organizations down to depth 5, each with
// three groups and five people. A person is a member of one organization and in
// two of its groups; the first of each owns it. Every fifth organization says
// something about a setting that decides rights.
type estate struct {
	db            *database.DB
	organizations []uuid.UUID
	users         []uuid.UUID
	// conditional are people who also have a policy for some addresses.
	conditional []uuid.UUID
}

const (
	estateOrganizations = 10_000
	estateBranches      = 9 // below an organization that has any
	estateGroups        = 3 // of an organization
	estateUsers         = 5 // of an organization
	estatePoliced       = 100
)

// batched runs create for each batch of the numbers below n.
func batched(n int, create func(from, to int) error) error {
	const size = 400 // rows have a dozen columns, and statements 32 767 variables
	for from := 0; from < n; from += size {
		if err := create(from, min(from+size, n)); err != nil {
			return err
		}
	}
	return nil
}

// settle fills an empty database with the estate, behind the journal's back.
func settle(b *testing.B, db *database.DB) *estate {
	b.Helper()
	e := &estate{db: db}
	for range estateOrganizations {
		e.organizations = append(e.organizations, db.NewID())
	}
	for range estateOrganizations * estateUsers {
		e.users = append(e.users, db.NewID())
	}
	e.conditional = e.users[len(e.users)-estatePoliced:]
	ctx := access.WithViewer(b.Context(), access.SystemViewer("bench"))
	_, err := db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		for _, fill := range []func(context.Context, *database.Tx) error{e.fillOrganizations, e.fillPeople, e.fillGroups, e.fillRest} {
			if err := fill(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func (e *estate) fillOrganizations(ctx context.Context, tx *database.Tx) error {
	return batched(estateOrganizations, func(from, to int) error {
		var rows []*ent.OrganizationCreate
		var lines []*ent.AncestryCreate
		for n := from; n < to; n++ {
			kind, depth := orgtree.Standard, 0
			if n*estateBranches+1 < estateOrganizations {
				kind = orgtree.Partner
			}
			for above := n; ; above = (above - 1) / estateBranches {
				lines = append(lines, tx.Ancestry.Create().SetOrganizationID(e.organizations[n]).SetAncestorID(e.organizations[above]).SetDistance(depth))
				if above == 0 {
					break
				}
				depth++
			}
			name := fmt.Sprintf("organization-%d", n)
			row := tx.Organization.Create().SetID(e.organizations[n]).SetDepth(depth).SetName(name).SetSlug(name).SetStatus(orgtree.Active).SetCreatedAt(e.db.Now())
			if n == 0 {
				kind = orgtree.Platform
			} else {
				row.SetParentID(e.organizations[(n-1)/estateBranches])
			}
			rows = append(rows, row.SetKind(kind))
		}
		if err := tx.Organization.CreateBulk(rows...).Exec(ctx); err != nil {
			return err
		}
		return tx.Ancestry.CreateBulk(lines...).Exec(ctx)
	})
}

// membership returns the id of the nth user's membership.
func (e *estate) membership(n int) uuid.UUID {
	id := e.users[n]
	id[0] ^= 0xff
	return id
}

func (e *estate) fillPeople(ctx context.Context, tx *database.Tx) error {
	return batched(len(e.users), func(from, to int) error {
		var people []*ent.UserCreate
		var places []*ent.MembershipCreate
		for n := from; n < to; n++ {
			name := fmt.Sprintf("user-%d", n)
			people = append(people, tx.User.Create().SetID(e.users[n]).SetUsername(name).SetUsernameKey(name).SetEmail(name+"@x.example").SetEmailKey(name+"@x.example").
				SetName(name).SetStatus(user.StatusACTIVE).SetCreatedAt(e.db.Now()))
			places = append(places, tx.Membership.Create().SetID(e.membership(n)).SetUserID(e.users[n]).
				SetOrganizationID(e.organizations[n/estateUsers]).SetOwner(n%estateUsers == 0).SetCreatedAt(e.db.Now()))
		}
		if err := tx.User.CreateBulk(people...).Exec(ctx); err != nil {
			return err
		}
		return tx.Membership.CreateBulk(places...).Exec(ctx)
	})
}

func (e *estate) fillGroups(ctx context.Context, tx *database.Tx) error {
	roles := [][]access.Role{{access.RoleAdmin}, {access.RoleSettings, access.RoleUsers}, {}}
	return batched(estateOrganizations, func(from, to int) error {
		var rows []*ent.GroupCreate
		var members []*ent.GroupMemberCreate
		for n := from; n < to; n++ {
			for g := range estateGroups {
				id, name := e.db.NewID(), fmt.Sprintf("group %d", g)
				rows = append(rows, tx.Group.Create().SetID(id).SetOrganizationID(e.organizations[n]).SetName(name).SetNameKey(name).SetDescription("").
					SetRoles(roles[g]).SetRank(g).SetCreatedAt(e.db.Now()))
				for u := range estateUsers {
					if u%estateGroups != g {
						members = append(members, tx.GroupMember.Create().SetID(e.db.NewID()).SetOrganizationID(e.organizations[n]).SetGroupID(id).
							SetMembershipID(e.membership(n*estateUsers+u)).SetCreatedAt(e.db.Now()))
					}
				}
			}
		}
		if err := tx.Group.CreateBulk(rows...).Exec(ctx); err != nil {
			return err
		}
		return tx.GroupMember.CreateBulk(members...).Exec(ctx)
	})
}

func (e *estate) fillRest(ctx context.Context, tx *database.Tx) error {
	var directives []*ent.SettingDirectiveCreate
	for n := 0; n < estateOrganizations; n += 5 {
		directives = append(directives, tx.SettingDirective.Create().SetID(e.db.NewID()).SetOrganizationID(e.organizations[n]).
			SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(e.organizations[n]).SetKey(forestKeys()[n%2]).
			SetAuthorOrganizationID(e.organizations[n]).SetLocked(n == 0).SetVersion(1).SetValidFrom(e.db.Now()).SetReason(""))
	}
	if err := tx.SettingDirective.CreateBulk(directives...).Exec(ctx); err != nil {
		return err
	}
	var policies []*ent.AccessPolicyCreate
	rule := access.Rule{
		Sets: []access.SetName{access.PermissionSets()[0].Name}, Scope: access.InOrganization(),
		Condition: &access.Condition{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	}
	for n := len(e.users) - estatePoliced; n < len(e.users); n++ {
		policies = append(policies, tx.AccessPolicy.Create().SetID(e.db.NewID()).SetOrganizationID(e.organizations[n/estateUsers]).SetName("p").SetDescription("").
			SetTags([]string{}).SetRules([]access.Rule{rule}).SetMembershipID(e.membership(n)).SetCreatedAt(e.db.Now()))
	}
	return tx.AccessPolicy.CreateBulk(policies...).Exec(ctx)
}

func session(id uuid.UUID) records.Session {
	return records.Session{
		Principal:     typeid.New(typeid.User, id),
		Circumstances: access.Circumstances{Address: netip.MustParseAddr("10.1.2.3")},
	}
}

// question is somebody who asks about an organization at or below their own.
type question struct {
	user         uuid.UUID
	organization uuid.UUID
	ctx          context.Context
	viewer       access.Viewer
	target       access.Target
}

// questions returns n of them, each with another person and organization.
func (e *estate) questions(b *testing.B, store *records.Store, n int) []question {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	list := make([]question, n)
	for i := range list {
		place := random.IntN(estateOrganizations)
		asker := place
		for range random.IntN(3) {
			asker = max(0, (asker-1)/estateBranches)
		}
		q := question{organization: e.organizations[place], user: e.users[asker*estateUsers+random.IntN(estateUsers)]}
		viewer, err := store.Viewer(b.Context(), session(q.user))
		if err != nil {
			b.Fatal(err)
		}
		org, err := store.Organization(b.Context(), q.organization)
		if err != nil {
			b.Fatal(err)
		}
		q.viewer, q.target, q.ctx = viewer, org.Target(), access.WithViewer(b.Context(), viewer)
		list[i] = q
	}
	return list
}

// load loads everything into memory.
func (e *estate) load(b *testing.B, store *records.Store, what []uuid.UUID, load func(id uuid.UUID) error) {
	b.Helper()
	for _, id := range what {
		if err := load(id); err != nil {
			b.Fatal(err)
		}
	}
	if s := store.Statistics(); s.Evictions > 0 {
		b.Fatalf("not everything fits: %+v", s)
	}
}

// BenchmarkWarm asks memory, each time somebody else about something else.
func BenchmarkWarm(b *testing.B) {
	e := settle(b, dbtest.SQLite(b))
	store := records.New(e.db)
	follow(b, e.db)
	list := e.questions(b, store, 1<<14)
	var seen error
	each := func(name string, list []question, ask func(q *question) error) {
		b.Run(name, func(b *testing.B) {
			if !e.db.Fresh() {
				b.Fatal("memory is not asked")
			}
			before := store.Statistics().Misses
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				seen = ask(&list[i%len(list)])
			}
			if missed := store.Statistics().Misses - before; missed > 0 {
				b.Errorf("%d were not in memory", missed)
			}
		})
	}
	each("access.Check", list, func(q *question) error { return access.Check(q.viewer, access.OrgRead, q.target) })
	each("records.Check", list, func(q *question) error {
		_, err := store.Check(q.ctx, access.OrgRead, q.organization)
		return err
	})
	each("records.Viewer", list, func(q *question) error {
		_, err := store.Viewer(q.ctx, session(q.user))
		return err
	})
	var conditional []question
	for _, id := range e.conditional {
		if _, err := store.Viewer(b.Context(), session(id)); err != nil {
			b.Fatal(err)
		}
		conditional = append(conditional, question{user: id, ctx: b.Context()})
	}
	each("records.Viewer/conditional", conditional, func(q *question) error {
		_, err := store.Viewer(q.ctx, session(q.user))
		return err
	})
	if seen != nil {
		b.Error(seen)
	}
}

// heap returns the bytes that are in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// BenchmarkMemory measures what 10 000 organizations with their paths, and
// 10 000 principals with their standings, take in memory, and how near the
// estimate is that the limit goes by.
func BenchmarkMemory(b *testing.B) {
	e := settle(b, dbtest.SQLite(b))
	store := records.New(e.db)
	follow(b, e.db)
	measure := func(name string, what []uuid.UUID, load func(id uuid.UUID) error) {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				before, estimated := heap(), store.Statistics()
				e.load(b, store, what, load)
				after := store.Statistics()
				taken, n := heap()-before, after.Records-estimated.Records
				if n > 0 {
					b.ReportMetric(float64(taken)/float64(n), "B/record")
					b.ReportMetric(float64(after.Bytes-estimated.Bytes)/float64(taken), "estimated/taken")
				}
			}
		})
	}
	measure("organizations", e.organizations, func(id uuid.UUID) error {
		_, err := store.Organization(b.Context(), id)
		return err
	})
	measure("principals", e.users[:10_000], func(id uuid.UUID) error {
		_, err := store.Viewer(b.Context(), session(id))
		return err
	})
	runtime.KeepAlive(store)
}

// BenchmarkCold asks a store that keeps nothing, so that each answer is read.
func BenchmarkCold(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			e := settle(b, open(b))
			store := records.NewWithin(e.db, 0)
			follow(b, e.db)
			random := rand.New(rand.NewPCG(1, 1))
			b.Run("organization", func(b *testing.B) {
				for b.Loop() {
					if _, err := store.Organization(b.Context(), e.organizations[random.IntN(estateOrganizations)]); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("viewer", func(b *testing.B) {
				for b.Loop() {
					if _, err := store.Viewer(b.Context(), session(e.users[random.IntN(len(e.users))])); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
