package records_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	signin "github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// signIn writes a session of a person, in whose place somebody may act.
func (p *platform) signIn(t *testing.T, person uuid.UUID, method signin.Method, impersonator *uuid.UUID) uuid.UUID {
	t.Helper()
	id := p.db.NewID()
	p.write(t, func(ctx context.Context, tx *database.Tx) {
		row, err := tx.Session.Create().SetID(id).SetUserID(person).SetMethod(method).SetNillableImpersonatorID(impersonator).
			SetAddress("").SetUserAgent("").SetLastSeenAt(tx.Now()).SetExpiresAt(tx.Now().Add(time.Hour)).SetCreatedAt(tx.Now()).Save(ctx)
		must(t, err)
		tx.Record(database.Change{Kind: typeid.Session, ID: id, After: row})
	})
	return id
}

// signOut ends a session.
func (p *platform) signOut(t *testing.T, id uuid.UUID) {
	t.Helper()
	p.write(t, func(ctx context.Context, tx *database.Tx) {
		before, err := tx.Session.Get(ctx, id)
		must(t, err)
		after, err := before.Update().SetEndedAt(tx.Now()).SetEndReason(signin.EndReasonSIGNED_OUT).Save(ctx)
		must(t, err)
		tx.Record(database.Change{Kind: typeid.Session, ID: id, Before: before, After: after})
	})
}

// say places a value of a setting on an organization.
func (p *platform) say(t *testing.T, organization uuid.UUID, key, value string) {
	t.Helper()
	definition, ok := catalogue.Lookup(key)
	if !ok {
		t.Fatalf("there is no setting %s", key)
	}
	operation, err := definition.ParseOperation(waterfall.OperationReplace, []byte(value))
	must(t, err)
	encoded, err := operation.Encode()
	must(t, err)
	p.write(t, func(ctx context.Context, tx *database.Tx) {
		row, err := tx.SettingDirective.Create().SetID(tx.NewID()).SetOrganizationID(organization).
			SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(organization).SetAuthorOrganizationID(organization).
			SetKey(key).SetOperation(string(encoded)).SetVersion(1).SetValidFrom(tx.Now()).SetReason("").Save(ctx)
		must(t, err)
		tx.Record(database.Change{Kind: typeid.Directive, ID: row.ID, Organization: organization, After: row})
	})
}

func (p *platform) write(t *testing.T, fn func(ctx context.Context, tx *database.Tx)) {
	t.Helper()
	_, err := p.db.Write(system(t), database.Entry{Action: "test", Organization: p.root}, func(ctx context.Context, tx *database.Tx) error {
		fn(ctx, tx)
		return nil
	})
	must(t, err)
}

// eachWay runs a test with a store that answers from memory and with one that
// reads everything from the database.
func eachWay(t *testing.T, test func(t *testing.T, p *platform)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := found(t, db)
		p.store = records.NewWithin(db, 0)
		test(t, p)
	})
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := found(t, db)
		follow(t, db)
		test(t, p)
	})
}

// TestSignInsEnd asks with the session of a person until it is over, by its end,
// by signing out, and by being somebody else's.
func TestSignInsEnd(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, p *platform) {
		t.Helper()
		person := typeid.New(typeid.User, p.acmeOwner)
		id := p.signIn(t, p.acmeOwner, signin.MethodPASSWORD, nil)
		ask := func(who typeid.ID, at time.Time) (access.Viewer, error) {
			return p.store.Viewer(t.Context(), records.Session{Principal: who, SignIn: id, Circumstances: access.Circumstances{At: at}})
		}
		now := p.db.Now()
		viewer, err := ask(person, now)
		if err != nil || viewer.SignIn.Method != access.ByPassword || len(viewer.Standings) != 1 || viewer.IsImpersonated() {
			t.Fatalf("%+v, %v", viewer, err)
		}
		for name, try := range map[string]func() (access.Viewer, error){
			"after its end": func() (access.Viewer, error) { return ask(person, now.Add(2*time.Hour)) },
			"of another":    func() (access.Viewer, error) { return ask(typeid.New(typeid.User, p.admin), now) },
			"that is unknown": func() (access.Viewer, error) {
				return p.store.Viewer(t.Context(), records.Session{Principal: person, SignIn: p.db.NewID()})
			},
		} {
			if _, err := try(); fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("a session %s: %v", name, err)
			}
		}
		p.signOut(t, id)
		if _, err := ask(person, now); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("after signing out: %v", err)
		}
	})
}

// TestDemandsShutOut changes what an organization demands under an open session.
func TestDemandsShutOut(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, p *platform) {
		t.Helper()
		id := p.signIn(t, p.acmeOwner, signin.MethodPASSWORD, nil)
		standings := func() int {
			viewer, err := p.store.Viewer(t.Context(), records.Session{
				Principal: typeid.New(typeid.User, p.acmeOwner), SignIn: id, Circumstances: access.Circumstances{At: p.db.Now()},
			})
			must(t, err)
			return len(viewer.Standings)
		}
		if got := standings(); got != 1 {
			t.Fatalf("%d standings", got)
		}
		p.say(t, p.north, "authentication.methods", `["oidc"]`)
		if got := standings(); got != 0 {
			t.Errorf("a password is good for %d organizations that want a provider", got)
		}
		free, err := p.store.Viewer(t.Context(), records.Session{Principal: typeid.New(typeid.User, p.acmeOwner), Circumstances: access.Circumstances{At: p.db.Now()}})
		if err != nil || len(free.Standings) != 1 {
			t.Errorf("without a session: %d standings, %v", len(free.Standings), err)
		}
	})
}

// TestImpersonatorMustStayOne acts in somebody's place until the rights to do so
// are gone.
func TestImpersonatorMustStayOne(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, p *platform) {
		t.Helper()
		id := p.signIn(t, p.acmeOwner, signin.MethodIMPERSONATION, &p.admin)
		ask := func() (access.Viewer, error) {
			return p.store.Viewer(t.Context(), records.Session{
				Principal: typeid.New(typeid.User, p.acmeOwner), SignIn: id, Circumstances: access.Circumstances{At: p.db.Now()},
			})
		}
		viewer, err := ask()
		if err != nil || viewer.By.ID != orgtree.ID(p.admin) || viewer.By.Name != "ada" || viewer.ID != orgtree.ID(p.acmeOwner) {
			t.Fatalf("%+v, %v", viewer, err)
		}
		p.write(t, func(ctx context.Context, tx *database.Tx) {
			before, err := tx.User.Get(ctx, p.admin)
			must(t, err)
			var after *ent.User
			after, err = before.Update().SetStatus("LOCKED").Save(ctx)
			must(t, err)
			tx.Record(database.Change{Kind: typeid.User, ID: p.admin, Before: before, After: after})
		})
		if _, err := ask(); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("a locked administrator acts in somebody's place: %v", err)
		}
	})
}
