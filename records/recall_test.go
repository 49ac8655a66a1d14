package records_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// follow makes a database follow until the test ends, and returns when it is
// fresh.
func follow(tb testing.TB, db *database.DB) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- db.Follow(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("follow: %v", err)
		}
	})
	await(tb, "the first look at the journal", db.Fresh)
}

// await returns when the condition is true.
func await(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	late, again := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-late.C:
			tb.Fatalf("%s does not come", what)
		}
	}
}

// forest is a tree with people, applications, groups, policies and settings, all
// of which change at random.
type forest struct {
	random        *rand.Rand
	newID         func() uuid.UUID
	now           func() time.Time
	root          uuid.UUID
	organizations []uuid.UUID
	parents       map[uuid.UUID]uuid.UUID
	users         []uuid.UUID
	applications  map[uuid.UUID]uuid.UUID // by id, the organization
	projects      map[uuid.UUID]uuid.UUID // by organization
}

// the settings that the forest says something about.
func forestKeys() []string {
	return []string{"members.administrators_manage_billing", "members.administrators_manage_members", "policies.no_public_ip"}
}

// grow makes a root, partners below it, customers below these, and people.
func grow(t *testing.T, db *database.DB, random *rand.Rand) *forest {
	t.Helper()
	f := &forest{
		random: random, newID: db.NewID, now: db.Now,
		parents: map[uuid.UUID]uuid.UUID{}, applications: map[uuid.UUID]uuid.UUID{}, projects: map[uuid.UUID]uuid.UUID{},
	}
	f.write(t, db, func(ctx context.Context, tx *database.Tx) error {
		for i := range 9 {
			parent, kind := uuid.Nil, orgtree.Platform
			switch {
			case i >= 4:
				parent, kind = f.organizations[1+i%3], orgtree.Standard
			case i > 0:
				parent, kind = f.organizations[(i-1)/2], orgtree.Partner
			}
			if err := f.plantOrganization(ctx, tx, i, parent, kind); err != nil {
				return err
			}
		}
		for i := range 8 {
			id, name := f.newID(), fmt.Sprintf("user%d", i)
			row, err := tx.User.Create().SetID(id).SetUsername(name).SetUsernameKey(name).SetEmail(name + "@x.example").SetEmailKey(name + "@x.example").
				SetName(name).SetStatus(user.StatusACTIVE).SetCreatedAt(f.now()).Save(ctx)
			if err != nil {
				return err
			}
			tx.Record(database.Change{Kind: typeid.User, ID: id, Organization: f.root, After: row})
			f.users = append(f.users, id)
		}
		return nil
	})
	return f
}

func (f *forest) plantOrganization(ctx context.Context, tx *database.Tx, i int, parent uuid.UUID, kind orgtree.Kind) error {
	id, name, depth := f.newID(), fmt.Sprintf("org%d", i), 0
	for above := parent; above != uuid.Nil; above = f.parents[above] {
		depth++
	}
	create := tx.Organization.Create().SetID(id).SetKind(kind).SetDepth(depth).SetName(name).SetSlug(name).SetStatus(orgtree.Active).SetCreatedAt(f.now())
	if parent != uuid.Nil {
		create.SetParentID(parent)
	} else {
		f.root = id
	}
	row, err := create.Save(ctx)
	if err != nil {
		return err
	}
	f.parents[id], f.organizations = parent, append(f.organizations, id)
	for above, distance := id, 0; above != uuid.Nil; above, distance = f.parents[above], distance+1 {
		if err := tx.Ancestry.Create().SetOrganizationID(id).SetAncestorID(above).SetDistance(distance).Exec(ctx); err != nil {
			return err
		}
	}
	app, home := f.newID(), f.newID()
	f.applications[app], f.projects[id] = id, home
	bot, err := tx.Application.Create().SetID(app).SetOrganizationID(id).SetName("bot").SetDescription("").SetCreatedAt(f.now()).Save(ctx)
	if err != nil {
		return err
	}
	err = tx.Project.Create().SetID(home).SetOrganizationID(id).SetName("default").SetRegion("").SetIsDefault(true).SetStatus(project.StatusACTIVE).SetCreatedAt(f.now()).Exec(ctx)
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: row})
	tx.Record(database.Change{Kind: typeid.Application, ID: app, Organization: id, After: bot})
	return err
}

func (f *forest) write(t *testing.T, db *database.DB, fn func(ctx context.Context, tx *database.Tx) error) int64 {
	t.Helper()
	revision, err := db.Write(system(t), database.Entry{Action: "grow", Organization: f.root}, fn)
	must(t, err)
	return revision
}

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// disturb changes something at random and returns what.
func (f *forest) disturb(t *testing.T, db *database.DB) (string, int64) {
	t.Helper()
	changes := []struct {
		name   string
		change func(ctx context.Context, tx *database.Tx) error
	}{
		{"organization", f.changeOrganization},
		{"move", f.move},
		{"account", f.changeUser},
		{"membership", f.changeMembership},
		{"membership", f.changeMembership},
		{"group", f.changeGroup},
		{"group", f.changeGroup},
		{"group member", f.changeGroupMember},
		{"group member", f.changeGroupMember},
		{"group project", f.changeGroupProject},
		{"policy", f.changePolicy},
		{"policy", f.changePolicy},
		{"directive", f.changeDirective},
		{"directive", f.changeDirective},
	}
	c := pick(f.random, changes)
	return c.name, f.write(t, db, c.change)
}

func (f *forest) changeOrganization(ctx context.Context, tx *database.Tx) error {
	id := pick(f.random, f.organizations)
	before, err := tx.Organization.Get(ctx, id)
	if err != nil {
		return err
	}
	update := before.Update()
	switch {
	case f.random.IntN(3) == 0:
		update.SetName(fmt.Sprintf("name %d", f.random.IntN(100)))
	case f.random.IntN(2) == 0 || id == f.root:
		update.SetStatus(pick(f.random, []orgtree.Status{orgtree.Active, orgtree.Locked, orgtree.Deactivated, orgtree.Deleted}))
	default:
		update.SetKind(pick(f.random, []orgtree.Kind{orgtree.Partner, orgtree.Standard}))
	}
	after, err := update.Save(ctx)
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, Before: before, After: after})
	return err
}

// move hangs an organization below another one.
func (f *forest) move(ctx context.Context, tx *database.Tx) error {
	id, parent := pick(f.random, f.organizations[1:]), pick(f.random, f.organizations)
	for above := parent; above != uuid.Nil; above = f.parents[above] {
		if above == id {
			return nil // That would be a circle.
		}
	}
	before, err := tx.Organization.Get(ctx, id)
	if err != nil {
		return err
	}
	after, err := before.Update().SetParentID(parent).Save(ctx)
	if err != nil {
		return err
	}
	f.parents[id] = parent
	if _, err := tx.Ancestry.Delete().Where(ancestry.DistanceGT(0)).Exec(ctx); err != nil {
		return err
	}
	for _, below := range f.organizations {
		for above, distance := f.parents[below], 1; above != uuid.Nil; above, distance = f.parents[above], distance+1 {
			if err := tx.Ancestry.Create().SetOrganizationID(below).SetAncestorID(above).SetDistance(distance).Exec(ctx); err != nil {
				return err
			}
		}
	}
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, Before: before, After: after})
	return nil
}

func (f *forest) changeUser(ctx context.Context, tx *database.Tx) error {
	id := pick(f.random, f.users)
	before, err := tx.User.Get(ctx, id)
	if err != nil {
		return err
	}
	status := user.StatusACTIVE
	if f.random.IntN(3) == 0 {
		status = user.StatusLOCKED
	}
	after, err := before.Update().SetStatus(status).SetUsername(fmt.Sprintf("%s%d", before.Name, f.random.IntN(10))).Save(ctx)
	tx.Record(database.Change{Kind: typeid.User, ID: id, Organization: f.root, Before: before, After: after})
	return err
}

func (f *forest) changeMembership(ctx context.Context, tx *database.Tx) error {
	id, organization := pick(f.random, f.users), pick(f.random, f.organizations)
	before, err := tx.Membership.Query().Where(membership.UserID(id), membership.OrganizationID(organization)).Only(ctx)
	if ent.IsNotFound(err) {
		row, err := tx.Membership.Create().SetID(f.newID()).SetOrganizationID(organization).SetUserID(id).SetCreatedAt(f.now()).Save(ctx)
		if err == nil {
			tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: organization, After: row})
		}
		return err
	}
	if err != nil {
		return err
	}
	switch f.random.IntN(4) {
	case 0:
		if _, err := tx.AccessPolicy.Delete().Where(accesspolicy.MembershipID(before.ID)).Exec(ctx); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Membership, ID: before.ID, Organization: organization, Before: before})
		return tx.Membership.DeleteOne(before).Exec(ctx)
	case 1:
		owners, err := tx.Membership.Query().Where(membership.OrganizationID(organization), membership.Owner(true)).All(ctx)
		if err != nil {
			return err
		}
		for _, owner := range owners {
			after, err := owner.Update().SetOwner(false).Save(ctx)
			if err != nil {
				return err
			}
			tx.Record(database.Change{Kind: typeid.Membership, ID: owner.ID, Organization: organization, Before: owner, After: after})
		}
		after, err := before.Update().SetOwner(true).Save(ctx)
		tx.Record(database.Change{Kind: typeid.Membership, ID: before.ID, Organization: organization, Before: before, After: after})
		return err
	default:
		after, err := before.Update().SetLocked(!before.Locked).Save(ctx)
		tx.Record(database.Change{Kind: typeid.Membership, ID: before.ID, Organization: organization, Before: before, After: after})
		return err
	}
}

func (f *forest) changeGroup(ctx context.Context, tx *database.Tx) error {
	rows, err := tx.Group.Query().All(ctx)
	if err != nil {
		return err
	}
	roles := []access.Role{}
	for _, role := range access.Roles() {
		if f.random.IntN(3) == 0 {
			roles = append(roles, role)
		}
	}
	if len(rows) < 6 || len(rows) < 20 && f.random.IntN(3) == 0 {
		organization, name := pick(f.random, f.organizations), f.newID().String()
		row, err := tx.Group.Create().SetID(f.newID()).SetOrganizationID(organization).SetName(name).SetNameKey(name).SetDescription("").
			SetRoles(roles).SetRank(0).SetCreatedAt(f.now()).Save(ctx)
		if err == nil {
			tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: organization, After: row})
		}
		return err
	}
	before := pick(f.random, rows)
	if f.random.IntN(4) == 0 { // Its members and projects go with it, and nobody records that.
		if _, err := tx.AccessPolicy.Delete().Where(accesspolicy.GroupID(before.ID)).Exec(ctx); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Group, ID: before.ID, Organization: before.OrganizationID, Before: before})
		return tx.Group.DeleteOne(before).Exec(ctx)
	}
	after, err := before.Update().SetRoles(roles).Save(ctx)
	tx.Record(database.Change{Kind: typeid.Group, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after})
	return err
}

// aGroup returns a group and somebody of its organization, if there are any.
func (f *forest) aGroup(ctx context.Context, tx *database.Tx) (row *ent.Group, member, app *uuid.UUID, err error) {
	rows, err := tx.Group.Query().All(ctx)
	if err != nil || len(rows) == 0 {
		return nil, nil, nil, err
	}
	row = pick(f.random, rows)
	members, err := tx.Membership.Query().Where(membership.OrganizationID(row.OrganizationID)).IDs(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(members) > 0 && f.random.IntN(3) > 0 {
		member = &members[f.random.IntN(len(members))]
		return row, member, nil, nil
	}
	for id, organization := range f.applications {
		if organization == row.OrganizationID {
			app = &id
		}
	}
	return row, nil, app, nil
}

func (f *forest) changeGroupMember(ctx context.Context, tx *database.Tx) error {
	row, member, app, err := f.aGroup(ctx, tx)
	if err != nil || row == nil {
		return err
	}
	of := []predicate.GroupMember{groupmember.GroupID(row.ID)}
	if member != nil {
		of = append(of, groupmember.MembershipID(*member))
	} else {
		of = append(of, groupmember.ApplicationID(*app))
	}
	before, err := tx.GroupMember.Query().Where(of...).Only(ctx)
	if err == nil {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: before.ID, Organization: row.OrganizationID, Before: before})
		return tx.GroupMember.DeleteOne(before).Exec(ctx)
	}
	if !ent.IsNotFound(err) {
		return err
	}
	after, err := tx.GroupMember.Create().SetID(f.newID()).SetOrganizationID(row.OrganizationID).SetGroupID(row.ID).
		SetNillableMembershipID(member).SetNillableApplicationID(app).SetCreatedAt(f.now()).Save(ctx)
	if err == nil {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: after.ID, Organization: row.OrganizationID, After: after})
	}
	return err
}

func (f *forest) changeGroupProject(ctx context.Context, tx *database.Tx) error {
	row, _, _, err := f.aGroup(ctx, tx)
	if err != nil || row == nil {
		return err
	}
	before, err := tx.GroupProject.Query().Where(groupproject.GroupID(row.ID)).Only(ctx)
	if err == nil {
		tx.Record(database.Change{Kind: typeid.GroupProject, ID: before.ID, Organization: row.OrganizationID, Before: before})
		return tx.GroupProject.DeleteOne(before).Exec(ctx)
	}
	if !ent.IsNotFound(err) {
		return err
	}
	after, err := tx.GroupProject.Create().SetID(f.newID()).SetOrganizationID(row.OrganizationID).SetGroupID(row.ID).
		SetProjectID(f.projects[row.OrganizationID]).SetCreatedAt(f.now()).Save(ctx)
	if err == nil {
		tx.Record(database.Change{Kind: typeid.GroupProject, ID: after.ID, Organization: row.OrganizationID, After: after})
	}
	return err
}

// rules returns what a policy says: something of the organization or its
// project, perhaps only for some addresses.
func (f *forest) rules(organization uuid.UUID) []access.Rule {
	sets := slices.DeleteFunc(access.PermissionSets(), func(s access.PermissionSet) bool { return slices.Contains(access.Roles(), access.Role(s.Name)) })
	set := pick(f.random, sets)
	rule := access.Rule{Sets: []access.SetName{set.Name}, Scope: access.InOrganization()}
	if set.Scope != access.OrganizationScope {
		rule.Scope = pick(f.random, []access.Scope{access.InAllProjects(), access.InProjects(orgtree.ID(f.projects[organization]))})
	}
	if f.random.IntN(3) == 0 {
		rule.Condition = &access.Condition{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	}
	return []access.Rule{rule}
}

func (f *forest) changePolicy(ctx context.Context, tx *database.Tx) error {
	rows, err := tx.AccessPolicy.Query().All(ctx)
	if err != nil {
		return err
	}
	if len(rows) < 4 || len(rows) < 16 && f.random.IntN(3) == 0 {
		row, member, app, err := f.aGroup(ctx, tx)
		if err != nil || row == nil {
			return err
		}
		create := tx.AccessPolicy.Create().SetID(f.newID()).SetOrganizationID(row.OrganizationID).SetName("p").SetDescription("").SetTags([]string{}).
			SetRules(f.rules(row.OrganizationID)).SetCreatedAt(f.now())
		if f.random.IntN(2) == 0 {
			create.SetGroupID(row.ID)
		} else {
			create.SetNillableMembershipID(member).SetNillableApplicationID(app)
		}
		after, err := create.Save(ctx)
		if err == nil {
			tx.Record(database.Change{Kind: typeid.Policy, ID: after.ID, Organization: row.OrganizationID, After: after})
		}
		return err
	}
	before := pick(f.random, rows)
	switch f.random.IntN(3) {
	case 0:
		tx.Record(database.Change{Kind: typeid.Policy, ID: before.ID, Organization: before.OrganizationID, Before: before})
		return tx.AccessPolicy.DeleteOne(before).Exec(ctx)
	case 1: // It becomes an orphan.
		after, err := before.Update().ClearGroupID().ClearMembershipID().ClearApplicationID().Save(ctx)
		tx.Record(database.Change{Kind: typeid.Policy, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after})
		return err
	default:
		after, err := before.Update().SetRules(f.rules(before.OrganizationID)).Save(ctx)
		tx.Record(database.Change{Kind: typeid.Policy, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after})
		return err
	}
}

func (f *forest) changeDirective(ctx context.Context, tx *database.Tx) error {
	id, key := pick(f.random, f.organizations), pick(f.random, forestKeys())
	author := id
	if parent := f.parents[id]; parent != uuid.Nil && f.random.IntN(2) == 0 {
		author = parent
	}
	version := 1
	live, err := tx.SettingDirective.Query().Where(settingdirective.ScopeID(id), settingdirective.Key(key), settingdirective.AuthorOrganizationID(author)).
		Order(ent.Desc(settingdirective.FieldVersion)).First(ctx)
	switch {
	case ent.IsNotFound(err):
	case err != nil:
		return err
	default:
		version = live.Version + 1
		if live.ValidTo == nil {
			if _, err := tx.CloseDirective(ctx, live, f.now()); err != nil || f.random.IntN(3) == 0 {
				return err
			}
		}
	}
	definition, ok := catalogue.Lookup(key)
	if !ok {
		return fmt.Errorf("there is no setting %s", key)
	}
	operation, err := definition.ParseOperation(waterfall.OperationSet, []byte(fmt.Sprint(f.random.IntN(2) == 0)))
	if err != nil {
		return err
	}
	encoded, err := operation.Encode()
	if err != nil {
		return err
	}
	row, err := tx.SettingDirective.Create().SetID(f.newID()).SetOrganizationID(id).SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(id).
		SetKey(key).SetAuthorOrganizationID(author).SetOperation(string(encoded)).SetLocked(f.random.IntN(4) == 0).
		SetVersion(version).SetValidFrom(f.now()).SetReason("").Save(ctx)
	if err == nil {
		tx.Record(database.Change{Kind: typeid.Directive, ID: row.ID, Organization: id, After: row})
	}
	return err
}

// addresses are where requests come from.
func addresses() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.0.2.1")}
}

// describe returns everything that a store says about the forest.
func (f *forest) describe(ctx context.Context, store *records.Store) (map[string]string, error) {
	said := map[string]string{}
	organizations, err := store.Organizations(ctx, append(slices.Clone(f.organizations), uuid.Max))
	if err != nil {
		return nil, err
	}
	switches, err := store.Switches(ctx, organizations)
	if err != nil {
		return nil, err
	}
	for _, id := range f.organizations {
		if err := f.describeOrganization(ctx, store, id, said); err != nil {
			return nil, err
		}
		said[id.String()+" switches"] = fmt.Sprint(switches[id])
	}
	for _, principal := range f.principals() {
		for _, address := range addresses() {
			key := fmt.Sprint(principal, " from ", address)
			viewer, err := store.Viewer(ctx, records.Session{Principal: principal, Circumstances: access.Circumstances{Address: address}})
			if fault.CodeOf(err) == fault.Unauthenticated {
				said[key] = "refused"
				continue
			}
			if err != nil {
				return nil, err
			}
			if said[key], err = describeViewer(viewer, organizations); err != nil {
				return nil, err
			}
		}
	}
	return said, nil
}

func (f *forest) principals() []typeid.ID {
	var ids []typeid.ID
	for _, id := range f.users {
		ids = append(ids, typeid.New(typeid.User, id))
	}
	for id := range f.applications {
		ids = append(ids, typeid.New(typeid.Application, id))
	}
	return ids
}

func (f *forest) describeOrganization(ctx context.Context, store *records.Store, id uuid.UUID, said map[string]string) error {
	org, err := store.Organization(ctx, id)
	if err != nil {
		return err
	}
	said[id.String()] = fmt.Sprint(org.Name, org.Slug, org.Kind, org.Status, org.Above, org.Path(), org.Target())
	for _, key := range forestKeys() {
		value, err := store.Value(ctx, org, key)
		if err != nil {
			return err
		}
		said[id.String()+" "+key] = value.String()
	}
	return nil
}

func describeViewer(viewer access.Viewer, organizations map[uuid.UUID]records.Organization) (string, error) {
	out := []string{fmt.Sprint(viewer.Kind, viewer.ID, viewer.Name, viewer.Organization, viewer.Address)}
	for id, standing := range viewer.Standings {
		grants, err := json.Marshal(standing.Grants)
		if err != nil {
			return "", err
		}
		var groups []string
		for _, g := range standing.Groups {
			groups = append(groups, fmt.Sprint(g.ID))
		}
		slices.Sort(groups)
		out = append(out, fmt.Sprint(id, standing.Kind, standing.Status, standing.Switches, standing.Membership, standing.Owner,
			standing.Roles, standing.Builtins, standing.Conditional, groups, string(grants)))
	}
	for id, org := range organizations {
		out = append(out, fmt.Sprint(id, viewer.Allowed(org.Target())))
	}
	slices.Sort(out)
	return strings.Join(out, "\n"), nil
}

// compare asks a store's memory and then the database, and reports whether both
// answered at the same revision. It returns an error if they differ then.
func (f *forest) compare(ctx context.Context, db *database.DB, store *records.Store) (bool, error) {
	before, err := db.Revision(ctx)
	if err != nil || !db.Fresh() {
		return false, err
	}
	recalled, err := f.describe(ctx, store)
	if err != nil {
		return false, err
	}
	same := false
	err = db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		revision, err := tx.Revision(ctx)
		if err != nil || revision != before {
			return err
		}
		same = true
		read, err := f.describe(ctx, store.In(tx))
		if err != nil {
			return err
		}
		if diff := cmp.Diff(read, recalled); diff != "" {
			return fmt.Errorf("at revision %d memory differs (-database +memory): %s", revision, diff)
		}
		return nil
	})
	return same, err
}

// TestMemoryEqualsTheDatabase changes a forest at random through two processes,
// while both are asked for everything: whenever the database stands still for
// the length of a question, memory answers what the database says.
func TestMemoryEqualsTheDatabase(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location := url(t)
			here := dbtest.Open(t, location)
			_, err := here.Migrate(t.Context())
			must(t, err)
			there := dbtest.Open(t, location)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			f := grow(t, here, rand.New(rand.NewPCG(seed, 0)))
			compareUnderChange(t, f, here, there)
		})
	}
}

func compareUnderChange(t *testing.T, f *forest, here, there *database.DB) {
	t.Helper()
	const burst = 12
	stores := map[*database.DB]*records.Store{here: records.New(here), there: records.NewWithin(there, 30_000)}
	for db := range stores {
		follow(t, db)
	}
	ctx := system(t)
	var asked, moving atomic.Int64
	for range effort.Cases(400) {
		stop, failures := make(chan struct{}), make(chan error, len(stores))
		var readers sync.WaitGroup
		for db, store := range stores {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					same, err := f.compare(ctx, db, store)
					if err != nil {
						failures <- err
						return
					}
					if same {
						moving.Add(1)
					}
				}
			})
		}
		var revision int64
		var done []string
		for range burst {
			db := here
			if f.random.IntN(2) == 0 {
				db = there
			}
			what, at := f.disturb(t, db)
			done, revision = append(done, what), max(revision, at)
		}
		close(stop)
		readers.Wait()
		close(failures)
		must(t, errors.Join(<-failures, <-failures))
		for db, store := range stores {
			must(t, db.WaitFor(ctx, revision))
			await(t, "hearing of everything", func() bool {
				same, err := f.compare(ctx, db, store)
				if err != nil {
					t.Fatalf("after %v: %v", done, err)
				}
				return same
			})
			asked.Add(1)
		}
	}
	for _, store := range stores {
		if s := store.Statistics(); s.Hits == 0 || s.Misses == 0 || s.Drops == 0 || s.Records == 0 {
			t.Errorf("memory was not used: %+v", s)
		}
	}
	if s := stores[there].Statistics(); s.Evictions == 0 || s.Bytes > 30_000 {
		t.Errorf("the small memory did not stay small: %+v", s)
	}
	t.Logf("asked %d times at rest and %d times in motion", asked.Load(), moving.Load())
}

// TestAChangeDropsWhatItTouches counts what each change costs: one record, in a
// forest that is all in memory.
func TestAChangeDropsWhatItTouches(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := grow(t, db, rand.New(rand.NewPCG(1, 1)))
		store := records.New(db)
		follow(t, db)
		ctx := system(t)
		place := f.newID()
		root := f.organizations[0]
		group, policy := f.newID(), f.newID()
		var inGroup *ent.GroupMember
		steps := []struct {
			name   string
			drops  int64
			change func(ctx context.Context, tx *database.Tx) error
		}{
			{"a new membership", 1, func(ctx context.Context, tx *database.Tx) error {
				row, err := tx.Membership.Create().SetID(place).SetOrganizationID(root).SetUserID(f.users[0]).SetCreatedAt(f.now()).Save(ctx)
				tx.Record(database.Change{Kind: typeid.Membership, ID: place, Organization: root, After: row})
				return err
			}},
			{"a new group", 1, func(ctx context.Context, tx *database.Tx) error {
				row, err := tx.Group.Create().SetID(group).SetOrganizationID(root).SetName("g").SetNameKey("g").SetDescription("").
					SetRoles([]access.Role{access.RoleAdmin}).SetRank(0).SetCreatedAt(f.now()).Save(ctx)
				tx.Record(database.Change{Kind: typeid.Group, ID: group, Organization: root, After: row})
				return err
			}},
			{"a place in the group", 1, func(ctx context.Context, tx *database.Tx) error {
				var err error
				inGroup, err = tx.GroupMember.Create().SetID(f.newID()).SetOrganizationID(root).SetGroupID(group).SetMembershipID(place).SetCreatedAt(f.now()).Save(ctx)
				tx.Record(database.Change{Kind: typeid.GroupMember, ID: inGroup.ID, Organization: root, After: inGroup})
				return err
			}},
			{"a policy of the group", 1, func(ctx context.Context, tx *database.Tx) error {
				row, err := tx.AccessPolicy.Create().SetID(policy).SetOrganizationID(root).SetName("p").SetDescription("").SetTags([]string{}).
					SetRules(f.rules(root)).SetCreatedAt(f.now()).SetGroupID(group).Save(ctx)
				tx.Record(database.Change{Kind: typeid.Policy, ID: policy, Organization: root, After: row})
				return err
			}},
			{"the policy for a member instead", 2, func(ctx context.Context, tx *database.Tx) error {
				before, err := tx.AccessPolicy.Get(ctx, policy)
				if err != nil {
					return err
				}
				after, err := before.Update().ClearGroupID().SetMembershipID(place).Save(ctx)
				tx.Record(database.Change{Kind: typeid.Policy, ID: policy, Organization: root, Before: before, After: after})
				return err
			}},
			{"the end of the place in the group", 1, func(ctx context.Context, tx *database.Tx) error {
				tx.Record(database.Change{Kind: typeid.GroupMember, ID: inGroup.ID, Organization: root, Before: inGroup})
				return tx.GroupMember.DeleteOneID(inGroup.ID).Exec(ctx)
			}},
			{"a directive", 1, func(ctx context.Context, tx *database.Tx) error {
				row, err := tx.SettingDirective.Create().SetID(f.newID()).SetOrganizationID(root).SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(root).
					SetKey(forestKeys()[0]).SetAuthorOrganizationID(root).SetLocked(true).SetVersion(1).SetValidFrom(f.now()).SetReason("").Save(ctx)
				tx.Record(database.Change{Kind: typeid.Directive, ID: row.ID, Organization: root, After: row})
				return err
			}},
			{"a directive of a group", 1, func(ctx context.Context, tx *database.Tx) error {
				row, err := tx.SettingDirective.Create().SetID(f.newID()).SetOrganizationID(root).SetScopeKind(settingdirective.ScopeKindGROUP).SetScopeID(group).
					SetKey(forestKeys()[0]).SetAuthorOrganizationID(root).SetLocked(true).SetVersion(1).SetValidFrom(f.now()).SetReason("").Save(ctx)
				tx.Record(database.Change{Kind: typeid.Directive, ID: row.ID, Organization: root, After: row})
				return err
			}},
			{"a name", 1, func(ctx context.Context, tx *database.Tx) error {
				before, err := tx.Organization.Get(ctx, root)
				if err != nil {
					return err
				}
				after, err := before.Update().SetName("Other").Save(ctx)
				tx.Record(database.Change{Kind: typeid.Organization, ID: root, Organization: root, Before: before, After: after})
				return err
			}},
			{"what nobody keeps", 0, func(_ context.Context, tx *database.Tx) error {
				tx.Record(database.Change{Kind: typeid.Multiplier, ID: f.newID(), Organization: root, After: &ent.BillingMultiplier{SellerID: root}})
				return nil
			}},
		}
		for _, step := range steps {
			_, err := f.describe(ctx, store)
			must(t, err)
			await(t, "being fresh", db.Fresh)
			before := store.Statistics()
			f.write(t, db, step.change)
			if got := store.Statistics(); got.Drops-before.Drops != step.drops || before.Records-got.Records != step.drops {
				t.Errorf("%s dropped %d of %d records, want %d", step.name, got.Drops-before.Drops, before.Records, step.drops)
			}
			if before.Records != int64(len(f.organizations)+len(f.principals())) {
				t.Errorf("before %s there were %d records", step.name, before.Records)
			}
		}
	})
}

// TestATransactionIsNotAnsweredFromMemory asks within a transaction for what it
// changed itself.
func TestATransactionIsNotAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := grow(t, db, rand.New(rand.NewPCG(1, 1)))
		store := records.New(db)
		follow(t, db)
		name := func(ctx context.Context, s *records.Store) string {
			org, err := s.Organization(ctx, f.root)
			must(t, err)
			return org.Name
		}
		f.write(t, db, func(ctx context.Context, tx *database.Tx) error {
			before, err := tx.Organization.Get(ctx, f.root)
			if err != nil {
				return err
			}
			if got := name(ctx, store); got != "org0" {
				t.Errorf("it is called %s", got)
			}
			after, err := before.Update().SetName("Other").Save(ctx)
			if got := name(ctx, store.In(tx)); got != "Other" {
				t.Errorf("the transaction calls it %s", got)
			}
			tx.Record(database.Change{Kind: typeid.Organization, ID: f.root, Organization: f.root, Before: before, After: after})
			return err
		})
		if got := name(system(t), store); got != "Other" {
			t.Errorf("after the change it is called %s", got)
		}
	})
}

// TestNothingHasTheNilID asks for the id that stands above the root.
func TestNothingHasTheNilID(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		store := records.New(db)
		follow(t, db)
		for _, ids := range [][]uuid.UUID{{uuid.Nil}, {uuid.Nil, uuid.New()}} {
			if found, err := store.Organizations(t.Context(), ids); err != nil || len(found) != 0 {
				t.Errorf("%v, %v", found, err)
			}
		}
		if _, err := store.Organization(t.Context(), uuid.Nil); fault.CodeOf(err) != fault.NotFound {
			t.Error(err)
		}
	})
}
