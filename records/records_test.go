package records_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// line is a path of the four tiers.
func line() []records.Ancestor {
	return []records.Ancestor{
		{ID: uuid.UUID{1}, Name: "Root", Kind: orgtree.Platform},
		{ID: uuid.UUID{2}, Name: "North", Kind: orgtree.Partner},
		{ID: uuid.UUID{3}, Name: "Sub", Kind: orgtree.Partner},
		{ID: uuid.UUID{4}, Name: "Acme", Kind: orgtree.Standard},
	}
}

func as(ctx context.Context, in uuid.UUID, place access.Place) context.Context {
	place.Organization = orgtree.ID(in)
	return access.WithViewer(ctx, access.Viewer{
		Kind: access.User, ID: orgtree.ID{99},
		Standings: map[orgtree.ID]*access.Standing{place.Organization: access.NewStanding(place, access.Circumstances{})},
	})
}

// TestReferRedactsAboveTheViewersTree names each organization of a path as
// several people may see it.
func TestReferRedactsAboveTheViewersTree(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"the system":        {access.WithViewer(t.Context(), access.SystemViewer("job")), "Root, North, Sub, Acme"},
		"the platform":      {as(t.Context(), uuid.UUID{1}, access.Place{Kind: orgtree.Platform, Owner: true}), "Root, North, Sub, Acme"},
		"the partner":       {as(t.Context(), uuid.UUID{2}, access.Place{Kind: orgtree.Partner, Owner: true}), "the platform, North, Sub, Acme"},
		"the sub-partner":   {as(t.Context(), uuid.UUID{3}, access.Place{Kind: orgtree.Partner, Owner: true}), "the platform, your partner, Sub, Acme"},
		"the customer":      {as(t.Context(), uuid.UUID{4}, access.Place{Kind: orgtree.Standard}), "the platform, your partner, your partner, Acme"},
		"a partner's guest": {as(t.Context(), uuid.UUID{2}, access.Place{Kind: orgtree.Partner}), "the platform, North, your partner, your organization"},
		"a stranger":        {as(t.Context(), uuid.UUID{9}, access.Place{Kind: orgtree.Standard, Owner: true}), "the platform, your partner, your partner, your organization"},
		"nobody":            {t.Context(), "the platform, your partner, your partner, your organization"},
	} {
		var names []string
		for i, a := range line() {
			reference := records.Refer(tt.ctx, line()[:i+1])
			names = append(names, reference.Name)
			if redacted := reference.Name != a.Name; reference.Redacted != redacted || (reference.ID == nil) != redacted || reference.Kind != a.Kind {
				t.Errorf("%s: %+v of %s", name, reference, a.Name)
			}
		}
		if got := strings.Join(names, ", "); got != tt.want {
			t.Errorf("%s reads %s, want %s", name, got, tt.want)
		}
	}
}

func TestOrganizationOnItsPath(t *testing.T) {
	t.Parallel()
	above := line()
	org := records.Organization{ID: uuid.UUID{4}, Name: "Acme", Kind: orgtree.Standard, Status: orgtree.Active, Above: above[:3]}
	if diff := cmp.Diff(above, org.Line()); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(orgtree.Path{{1}, {2}, {3}, {4}}, org.Path()); diff != "" {
		t.Errorf("the path (-want +got):\n%s", diff)
	}
	if manager, ok := org.Manager(); !ok || manager.Name != "Sub" {
		t.Errorf("the manager is %v", manager)
	}
	if _, ok := (records.Organization{ID: uuid.UUID{1}, Kind: orgtree.Platform}).Manager(); ok {
		t.Error("the root has a manager")
	}
	var levels []waterfall.Level
	for _, n := range org.Nodes() {
		levels = append(levels, n.Level)
	}
	if diff := cmp.Diff([]waterfall.Level{waterfall.LevelPlatform, waterfall.LevelPartner, waterfall.LevelPartner, waterfall.LevelOrganization}, levels); diff != "" {
		t.Errorf("the levels (-want +got):\n%s", diff)
	}
	then := org.WithKinds(map[uuid.UUID]orgtree.Kind{{4}: orgtree.Partner, {3}: orgtree.Standard})
	if then.Kind != orgtree.Partner || then.Above[2].Kind != orgtree.Standard || org.Kind != orgtree.Standard || org.Above[2].Kind != orgtree.Partner {
		t.Errorf("with other kinds: %+v, and the original: %+v", then, org)
	}
}

// platform is a root, a partner and its customer, with the people that were
// made with them.
type platform struct {
	db                        *database.DB
	store                     *records.Store
	root, admin, north, acme  uuid.UUID
	acmeOwner, acmeMembership uuid.UUID
}

func found(t *testing.T, db *database.DB) *platform {
	t.Helper()
	store := records.New(db)
	service := organizations.New(db, store, orgtree.MaxDepth)
	root, admin, err := service.Bootstrap(t.Context(), organizations.FirstAdministrator{Username: "ada", Email: "ada@platform.example"})
	must(t, err)
	p := &platform{db: db, store: store, root: root, admin: admin}
	ctx := p.as(t, typeid.New(typeid.User, admin), uuid.Nil)
	north, err := service.Create(ctx, organizations.NewOrganization{ManagedBy: &root, Name: "North", Slug: "north", Kind: orgtree.Partner, OwnerEmail: "n@north.example"})
	must(t, err)
	p.north = north.ID.UUID
	acme, err := service.Create(ctx, organizations.NewOrganization{ManagedBy: &p.north, Name: "Acme", Slug: "acme", OwnerEmail: "o@acme.example"})
	must(t, err)
	p.acme = acme.ID.UUID
	place, err := db.Client().Membership.Query().All(access.WithViewer(t.Context(), access.SystemViewer("test")))
	must(t, err)
	for _, m := range place {
		if m.OrganizationID == p.acme {
			p.acmeMembership, p.acmeOwner = m.ID, m.UserID
		}
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func system(t *testing.T) context.Context {
	t.Helper()
	return access.WithViewer(t.Context(), access.SystemViewer("test"))
}

// viewer returns the viewer of a session.
func (p *platform) viewer(t *testing.T, principal typeid.ID, bound uuid.UUID) (access.Viewer, error) {
	t.Helper()
	return p.store.Viewer(t.Context(), records.Session{Principal: principal, Organization: bound})
}

// as returns a context in which a principal acts.
func (p *platform) as(t *testing.T, principal typeid.ID, bound uuid.UUID) context.Context {
	t.Helper()
	viewer, err := p.viewer(t, principal, bound)
	must(t, err)
	return access.WithViewer(t.Context(), viewer)
}

func TestViewers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := found(t, db)
		owner := typeid.New(typeid.User, p.acmeOwner)
		viewer, err := p.viewer(t, owner, uuid.Nil)
		must(t, err)
		if standing := viewer.Standings[orgtree.ID(p.acme)]; len(viewer.Standings) != 1 || !standing.Owner || standing.Kind != orgtree.Standard || viewer.Kind != access.User {
			t.Errorf("the owner is %+v", viewer)
		}
		bound, err := p.viewer(t, owner, p.acme)
		must(t, err)
		if bound.Organization != orgtree.ID(p.acme) || len(bound.Standings) != 1 {
			t.Errorf("the bound owner is %+v", bound)
		}
		for name, tt := range map[string]struct {
			principal typeid.ID
			bound     uuid.UUID
		}{
			"nobody we know":              {typeid.New(typeid.User, db.NewID()), uuid.Nil},
			"no application":              {typeid.New(typeid.Application, p.acmeOwner), uuid.Nil},
			"a group":                     {typeid.New(typeid.Group, p.acmeOwner), uuid.Nil},
			"bound to another's":          {owner, p.north},
			"bound to what is not there":  {owner, db.NewID()},
			"bound to a place in between": {typeid.New(typeid.User, p.admin), p.acme},
		} {
			if _, err := p.viewer(t, tt.principal, tt.bound); fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, db.Client().Membership.UpdateOneID(p.acmeMembership).SetLocked(true).Exec(system(t)))
		locked, err := p.viewer(t, owner, uuid.Nil)
		if err != nil || len(locked.Standings) != 0 {
			t.Errorf("with a locked membership: %+v, %v", locked, err)
		}
		must(t, db.Client().User.UpdateOneID(p.acmeOwner).SetStatus(user.StatusLOCKED).Exec(system(t)))
		if _, err := p.viewer(t, owner, uuid.Nil); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("with a locked account: %v", err)
		}
	})
}

func TestLookUps(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		empty := records.New(db)
		if _, err := empty.Root(t.Context()); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("an empty platform has a root: %v", err)
		}
		p := found(t, db)
		many, err := p.store.Organizations(t.Context(), []uuid.UUID{p.acme, p.root, db.NewID()})
		must(t, err)
		if len(many) != 2 || many[p.acme].Name != "Acme" || len(many[p.acme].Above) != 2 || many[p.acme].Above[0].ID != p.root || len(many[p.root].Above) != 0 {
			t.Errorf("found %+v", many)
		}
		bySlug, err := p.store.BySlug(t.Context(), "acme")
		if err != nil || bySlug.ID != p.acme {
			t.Errorf("by slug: %+v, %v", bySlug, err)
		}
		for name, err := range map[string]error{
			"an unknown slug": second(p.store.BySlug(t.Context(), "nowhere")),
			"an unknown id":   second(p.store.Organization(t.Context(), db.NewID())),
			"out of reach":    second(p.store.Check(p.as(t, typeid.New(typeid.User, p.acmeOwner), uuid.Nil), access.OrgRead, p.north)),
		} {
			if fault.CodeOf(err) != fault.NotFound || err.Error() != fault.Missing("organization").Error() {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := p.store.Check(t.Context(), access.OrgRead, p.acme); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("nobody: %v", err)
		}
		none, err := p.store.Organizations(t.Context(), nil)
		if err != nil || len(none) != 0 {
			t.Errorf("none: %v, %v", none, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestRenewSeesTheChange takes rights away in the middle of a request.
func TestRenewSeesTheChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := found(t, db)
		ctx := p.as(t, typeid.New(typeid.User, p.acmeOwner), uuid.Nil)
		must(t, db.Client().Membership.UpdateOneID(p.acmeMembership).SetOwner(false).Exec(system(t)))
		must(t, p.store.Renew(ctx))
		if access.ViewerFrom(ctx).Standings[orgtree.ID(p.acme)].Owner {
			t.Error("the viewer still owns the organization")
		}
		must(t, p.store.Renew(system(t)))
		must(t, p.store.Renew(t.Context()))
	})
}

// TestKindsOfThePast asks what an organization was before it became a partner.
func TestKindsOfThePast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := found(t, db)
		ctx := p.as(t, typeid.New(typeid.User, p.admin), uuid.Nil)
		service := organizations.New(db, p.store, orgtree.MaxDepth)
		times := []time.Time{db.Now()}
		for _, kind := range []orgtree.Kind{orgtree.Partner, orgtree.Standard, orgtree.Partner} {
			_, err := service.SetKind(ctx, p.acme, kind, nil)
			must(t, err)
			times = append(times, db.Now())
		}
		for i, want := range []orgtree.Kind{orgtree.Standard, orgtree.Partner, orgtree.Standard, ""} {
			kinds, err := p.store.KindsAt(t.Context(), []uuid.UUID{p.acme, p.north}, times[i])
			must(t, err)
			if kinds[p.acme] != want || kinds[p.north] != "" {
				t.Errorf("at time %d: %v, want %q", i, kinds, want)
			}
		}
	})
}
