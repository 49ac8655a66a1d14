package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// live puts an organization into a state, as if its steps had been taken. A lock
// is that of its manager.
func (w *world) live(t *testing.T, slug string, status orgtree.Status) {
	t.Helper()
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		before, err := tx.Organization.Get(ctx, id)
		if err != nil {
			return database.Change{}, err
		}
		cleared, err := before.Update().
			ClearLockedBy().ClearLockedByOrganizationID().ClearLockReason().ClearLockedAt().ClearDeactivatedAt().ClearPurgeAt().
			Save(ctx)
		if err != nil {
			return database.Change{}, err
		}
		set := cleared.Update().SetStatus(status)
		switch now := tx.Now(); status {
		case orgtree.Locked:
			set.SetLockedBy(organization.LockedByPARTNER).SetLockedByOrganizationID(*before.ParentID).SetLockReason("Unpaid.").SetLockedAt(now)
		case orgtree.Deactivated:
			set.SetDeactivatedAt(now).SetPurgeAt(now.Add(orgtree.Grace))
		case orgtree.PendingActivation, orgtree.Active, orgtree.Deleted:
		}
		after, err := set.Save(ctx)
		return database.Change{Kind: typeid.Organization, ID: id, Before: before, After: after}, err
	})
}

// stepAsked is how a step is asked for, and by whom: everything else by the
// platform's administrator, who may do all of it.
func stepAsked(step orgtree.Step, id string) (mutation string, input map[string]any, byOwner bool) {
	input = map[string]any{"id": id}
	switch step {
	case orgtree.Activating:
		input["termsVersion"], byOwner = "1", true
	case orgtree.Locking:
		input["reason"] = "Unpaid."
	case orgtree.Deactivating:
		input["confirm"] = "Deactivate"
	case orgtree.Unlocking, orgtree.Reopening, orgtree.Deleting, orgtree.Purging:
	}
	return string(step) + "Organization", input, byOwner
}

// TestEveryStepOfALife asks for each step in each state and compares the answer,
// and where it leads, with the table of the pure package.
func TestEveryStepOfALife(t *testing.T) {
	t.Parallel()
	statuses := []orgtree.Status{orgtree.PendingActivation, orgtree.Active, orgtree.Locked, orgtree.Deactivated, orgtree.Deleted}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for i, from := range statuses {
			for j, step := range orgtree.Steps() {
				if step == orgtree.Purging {
					continue // Nobody asks for it.
				}
				slug, owner := fmt.Sprintf("life-%d-%d", i, j), fmt.Sprintf("owner%d%d", i, j)
				w.organization(t, slug, "STANDARD", "northwind", owner)
				w.live(t, slug, from)
				name, input, byOwner := stepAsked(step, w.ids[slug])
				actor := "ada"
				if byOwner {
					actor = owner
				}
				got := codeOf(t, w.askWith(t, actor, mutation(name, "clientMutationId"), map[string]any{"i": input}))
				to, err := orgtree.Next(from, step, from == orgtree.Locked)
				if want := fault.CodeOf(err); got != want {
					t.Errorf("to %s what is %s: %q, want %q", step, from, got, want)
				}
				if err != nil {
					to = from
				}
				row := one(t, func() (*ent.Organization, error) {
					return w.platform.db.Client().Organization.Get(w.system(t), w.key(t, slug))
				})
				if row.Status != to {
					t.Errorf("to %s what is %s led to %s, want %s", step, from, row.Status, to)
				}
			}
		}
	})
}

// codeOf returns the code of the first error of an answer, or "".
func codeOf(t *testing.T, raw []byte) fault.Code {
	t.Helper()
	var answer struct {
		Errors []struct{ Extensions struct{ Code fault.Code } }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if len(answer.Errors) == 0 {
		return ""
	}
	return answer.Errors[0].Extensions.Code
}

// TestPurgeLeavesATombstone fills an organization with one of everything and
// waits for its purge.
func TestPurgeLeavesATombstone(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		acme := w.key(t, "acme")
		w.fill(t)
		w.must(t, "olga", mutation("deactivateOrganization", "clientMutationId"), map[string]any{"i": map[string]any{"id": w.ids["acme"], "confirm": "Deactivate"}})
		ctx, client := w.system(t), db.Client()
		waiting := one(t, func() (*ent.Job, error) {
			return client.Job.Query().Where(job.Kind("purge"), job.OrganizationID(acme)).Only(ctx)
		})
		row := one(t, func() (*ent.Organization, error) { return client.Organization.Get(ctx, acme) })
		if !waiting.RunAt.Equal(*row.PurgeAt) || row.PurgeAt.Sub(*row.DeactivatedAt) != orgtree.Grace {
			t.Errorf("closed at %s, purged at %s by a job of %s", row.DeactivatedAt, row.PurgeAt, waiting.RunAt)
		}
		if offers := one(t, func() (int, error) {
			return client.Invitation.Query().Where(invitation.OrganizationID(acme), invitation.KindEQ(invitation.KindOWNERSHIP_TRANSFER), invitation.StatusEQ(invitation.StatusCANCELLED)).Count(ctx)
		}); offers != 1 {
			t.Errorf("%d transfers are cancelled by closing, want 1", offers)
		}
		clock.Advance(orgtree.Grace)
		w.jobs(t)
		w.checkTombstone(t, acme)
		entry := one(t, func() (*ent.JournalEntry, error) {
			return client.JournalEntry.Query().Where(journalentry.Action("purgeOrganization")).Only(ctx)
		})
		if entry.OrganizationID != acme {
			t.Errorf("the journal has the purge in %v", entry.OrganizationID)
		}
	})
}

// fill puts one of everything into acme.
func (w *world) fill(t *testing.T) {
	t.Helper()
	w.team(t, "acme", "team", "org:users")
	w.person(t, "acme", "erin", "acme.team")
	w.arrange(t, "member acme rita\nmember southgate max\napplication acme.deployer acme.team")
	w.project(t, "site")
	w.must(t, "olga", mutation("addSshKey", "clientMutationId"), map[string]any{"i": map[string]any{"projectId": w.ids["acme.site"], "name": "key", "publicKey": publicKey(t, 1)}})
	w.cloudAccount(t, "olga", "1")
	w.must(t, "olga", mutation("registerResource", "clientMutationId"), map[string]any{"i": map[string]any{"projectId": w.ids["acme.site"], "kind": "server", "name": "one", "groupId": w.ids["acme.team"]}})
	w.must(t, "olga", mutation("setGroupProjects", "clientMutationId"), map[string]any{"i": map[string]any{"groupId": w.ids["acme.team"], "projectIds": []string{w.ids["acme.site"]}}})
	w.issueKey(t, "key.app", "olga", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]})
	w.issueKey(t, "key.project", "olga", map[string]any{"organizationId": w.ids["acme"], "projectId": w.ids["acme.site"]})
	w.issueKey(t, "key.max", "max", map[string]any{"organizationId": w.ids["acme"]})
	w.policy(t, "policy.team", "olga", "acme.team", books())
	w.policy(t, "policy.nobody", "olga", "", books())
	for _, scope := range []string{"acme", "acme.team", "acme.max"} {
		w.must(t, "olga", mutation("setSetting", "clientMutationId"), map[string]any{"i": map[string]any{"scopeId": w.ids[scope], "key": "customize.locale", "value": "fr"}})
	}
	w.must(t, "paula", mutation("requestAccess", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "reason": "To help."}})
	_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "test", Organization: w.key(t, "acme")}, w.fillIn(t))
	if err != nil {
		t.Fatal(err)
	}
}

// fillIn makes what comes from elsewhere: who was invited, who signs in how.
func (w *world) fillIn(t *testing.T) func(context.Context, *database.Tx) error {
	t.Helper()
	acme, max := w.key(t, "acme"), w.key(t, "max")
	return func(ctx context.Context, tx *database.Tx) error {
		now, provider, issuer := tx.Now(), tx.NewID(), tx.NewID()
		for _, kind := range []invitation.Kind{invitation.KindMEMBERSHIP, invitation.KindOWNERSHIP_TRANSFER} {
			create := tx.Invitation.Create().SetID(tx.NewID()).SetOrganizationID(acme).SetKind(kind).SetStatus(invitation.StatusPENDING).
				SetEmail("new@acme.example").SetEmailKey("new@acme.example").SetExpiresAt(now.Add(orgtree.Grace)).SetInvitedBy(max).SetCreatedAt(now)
			if err := create.Exec(ctx); err != nil {
				return err
			}
		}
		for _, create := range []interface{ Exec(context.Context) error }{
			tx.IdentityProvider.Create().SetID(provider).SetOrganizationID(acme).SetName("sso").SetIssuer("https://sso.example").SetClientID("c").
				SetScopes([]string{}).SetGroupClaim("").SetGroupMapping(map[string]string{}).SetCreatedAt(now),
			tx.LinkedIdentity.Create().SetID(tx.NewID()).SetUserID(max).SetOrganizationID(acme).SetProviderID(provider).SetIssuer("https://sso.example").SetSubject("max").SetCreatedAt(now),
			tx.TrustedIssuer.Create().SetID(issuer).SetOrganizationID(acme).SetName("ci").SetIssuer("https://ci.example").SetAudience("headwater").SetJwksURL("").SetCreatedAt(now),
			tx.TrustedSubject.Create().SetID(tx.NewID()).SetOrganizationID(acme).SetIssuerID(issuer).SetSubject("max").SetMembershipID(w.key(t, "acme.max")).SetCreatedAt(now),
			tx.Session.Create().SetID(tx.NewID()).SetUserID(max).SetMethod(session.MethodOIDC).SetOrganizationID(acme).SetAddress("").SetUserAgent("").
				SetLastSeenAt(now).SetExpiresAt(now.Add(30 * orgtree.Grace)).SetCreatedAt(now),
			tx.Session.Create().SetID(tx.NewID()).SetUserID(w.key(t, "erin")).SetMethod(session.MethodPASSWORD).SetAddress("").SetUserAgent("").
				SetLastSeenAt(now).SetExpiresAt(now.Add(30 * orgtree.Grace)).SetCreatedAt(now),
			tx.Session.Create().SetID(tx.NewID()).SetUserID(max).SetMethod(session.MethodPASSWORD).SetAddress("").SetUserAgent("elsewhere").
				SetLastSeenAt(now).SetExpiresAt(now.Add(30 * orgtree.Grace)).SetCreatedAt(now),
			tx.Ticket.Create().SetID(tx.NewID()).SetOrganizationID(acme).SetSubject("Help").SetProduct("").SetPriority(ticket.PriorityP3).SetStatus(ticket.StatusOPEN).
				SetCreatedBy(max).SetCreatedByName("max").SetUpdatedAt(now).SetCreatedAt(now),
			tx.SupportPlanPeriod.Create().SetID(tx.NewID()).SetOrganizationID(acme).SetPlan(supportplanperiod.PlanBUSINESS).SetStartsAt(now).SetEndsAt(now.Add(3 * orgtree.Grace)).SetChangedBy(max).SetCreatedAt(now),
			tx.SupportPlanPeriod.Create().SetID(tx.NewID()).SetOrganizationID(acme).SetPlan(supportplanperiod.PlanBASIC).SetStartsAt(now.Add(3 * orgtree.Grace)).SetChangedBy(max).SetCreatedAt(now),
		} {
			if err := create.Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkTombstone wants nothing of an organization to work any more, and what was
// billed or journaled to be there.
func (w *world) checkTombstone(t *testing.T, id uuid.UUID) {
	t.Helper()
	ctx, client := w.system(t), w.platform.db.Client()
	for name, tt := range map[string]struct {
		count func(context.Context) (int, error)
		want  int
	}{
		"SSH keys":               {client.SSHKey.Query().Where(sshkey.OrganizationID(id)).Count, 0},
		"cloud accounts":         {client.CloudAccount.Query().Where(cloudaccount.OrganizationID(id)).Count, 0},
		"API keys":               {client.APIKey.Query().Where(apikey.OrganizationID(id)).Count, 0},
		"policies":               {client.AccessPolicy.Query().Where(accesspolicy.OrganizationID(id)).Count, 0},
		"groups":                 {client.Group.Query().Where(group.OrganizationID(id)).Count, 0},
		"group members":          {client.GroupMember.Query().Where(groupmember.OrganizationID(id)).Count, 0},
		"group projects":         {client.GroupProject.Query().Where(groupproject.OrganizationID(id)).Count, 0},
		"applications":           {client.Application.Query().Where(application.OrganizationID(id)).Count, 0},
		"memberships":            {client.Membership.Query().Where(membership.OrganizationID(id)).Count, 0},
		"live settings":          {client.SettingDirective.Query().Where(settingdirective.OrganizationID(id), settingdirective.ValidToIsNil()).Count, 0},
		"past settings":          {client.SettingDirective.Query().Where(settingdirective.OrganizationID(id)).Count, 3},
		"open invitations":       {client.Invitation.Query().Where(invitation.OrganizationID(id), invitation.StatusEQ(invitation.StatusPENDING)).Count, 0},
		"cancelled invitations":  {client.Invitation.Query().Where(invitation.OrganizationID(id), invitation.StatusEQ(invitation.StatusCANCELLED)).Count, 2},
		"cancelled requests":     {client.AccessRequest.Query().Where(accessrequest.OrganizationID(id), accessrequest.StatusEQ(accessrequest.StatusCANCELLED)).Count, 1},
		"released resources":     {client.Resource.Query().Where(resource.OrganizationID(id), resource.StatusEQ(resource.StatusRELEASED), resource.ReleasedAtNotNil(), resource.GroupIDIsNil()).Count, 1},
		"projects":               {client.Project.Query().Where(project.OrganizationID(id)).Count, 1}, // that of the resource
		"providers":              {client.IdentityProvider.Query().Where(identityprovider.OrganizationID(id)).Count, 0},
		"linked identities":      {client.LinkedIdentity.Query().Where(linkedidentity.OrganizationID(id)).Count, 0},
		"trusted issuers":        {client.TrustedIssuer.Query().Where(trustedissuer.OrganizationID(id)).Count, 0},
		"trusted subjects":       {client.TrustedSubject.Query().Where(trustedsubject.OrganizationID(id)).Count, 0},
		"open sessions of max":   {client.Session.Query().Where(session.UserID(w.key(t, "max")), session.EndedAtIsNil()).Count, 1},
		"open sessions of erin":  {client.Session.Query().Where(session.UserID(w.key(t, "erin")), session.EndedAtIsNil()).Count, 0},
		"open tickets":           {client.Ticket.Query().Where(ticket.OrganizationID(id), ticket.StatusNEQ(ticket.StatusCLOSED)).Count, 0},
		"closed tickets":         {client.Ticket.Query().Where(ticket.OrganizationID(id), ticket.StatusEQ(ticket.StatusCLOSED), ticket.ClosedAtNotNil()).Count, 1},
		"support plans":          {client.SupportPlanPeriod.Query().Where(supportplanperiod.OrganizationID(id)).Count, 1},
		"open support plans":     {client.SupportPlanPeriod.Query().Where(supportplanperiod.OrganizationID(id), supportplanperiod.EndsAtGT(w.platform.db.Now())).Count, 0},
		"accounts with home":     {client.User.Query().Where(user.HomeOrganizationID(id)).Count, 0},
		"ended accounts":         {client.User.Query().Where(user.IDIn(w.key(t, "olga"), w.key(t, "erin")), user.StatusEQ(user.StatusDELETED)).Count, 2},
		"accounts that go on":    {client.User.Query().Where(user.IDIn(w.key(t, "max"), w.key(t, "rita")), user.StatusNEQ(user.StatusDELETED)).Count, 2},
		"the tombstone":          {client.Organization.Query().Where(organization.ID(id), organization.StatusEQ(orgtree.Deleted), organization.Name("Acme"), organization.DeletedAtNotNil(), organization.PurgeAtIsNil()).Count, 1},
		"places of rita at home": {client.Membership.Query().Where(membership.UserID(w.key(t, "rita"))).Count, 1},
	} {
		if got := one(t, func() (int, error) { return tt.count(ctx) }); got != tt.want {
			t.Errorf("%d %s, want %d", got, name, tt.want)
		}
	}
}

// TestOneOfClosingAndCreatingWins closes a partner while somebody puts a customer
// below it.
func TestOneOfClosingAndCreatingWins(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			slug, owner := fmt.Sprintf("partner-%d", round), fmt.Sprintf("partner%d", round)
			w.organization(t, slug, "PARTNER", "platform", owner)
			results := together(2, func(i int) string {
				if i == 0 {
					return told(t, w.askWith(t, owner, mutation("deactivateOrganization", "clientMutationId"), map[string]any{"i": map[string]any{"id": w.ids[slug], "confirm": "Deactivate"}}))
				}
				return told(t, w.askWith(t, []string{owner, "ada"}[round%2], mutation("createOrganization", "clientMutationId"), map[string]any{"i": map[string]any{
					"managedById": w.ids[slug], "name": "Customer", "ownerEmail": fmt.Sprintf("c@customer%d.example", round),
				}}))
			})
			if counts := tallyOf(results); counts["y"] != 1 {
				t.Fatalf("round %d: closing: %s, creating: %s", round, results[0], results[1])
			}
		}
	})
}

// TestOneOfDeletingAndCreatingWins deletes an organization while its owner makes
// a project in it.
func TestOneOfDeletingAndCreatingWins(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			slug, owner := fmt.Sprintf("customer-%d", round), fmt.Sprintf("customer%d", round)
			w.organization(t, slug, "STANDARD", "northwind", owner)
			results := together(2, func(i int) string {
				if i == 0 {
					return told(t, w.askWith(t, "ada", mutation("deleteOrganization", "clientMutationId"), map[string]any{"i": map[string]any{"id": w.ids[slug]}}))
				}
				return told(t, w.askWith(t, []string{owner, "ada"}[round%2], mutation("createProject", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids[slug], "name": "site"}}))
			})
			if counts := tallyOf(results); counts["y"] != 1 {
				t.Fatalf("round %d: deleting: %s, creating: %s", round, results[0], results[1])
			}
			left := one(t, func() (int, error) {
				return w.platform.db.Client().Project.Query().Where(project.OrganizationID(w.key(t, slug))).Count(w.system(t))
			})
			if results[0] == "y" && left != 0 {
				t.Fatalf("round %d: %d projects are left", round, left)
			}
		}
	})
}

// TestOneOfPurgingAndReopeningWins reopens an organization in the moment in which
// it is purged.
func TestOneOfPurgingAndReopeningWins(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		for round := range rounds() {
			slug := fmt.Sprintf("customer-%d", round)
			w.organization(t, slug, "STANDARD", "northwind", fmt.Sprintf("customer%d", round))
			w.live(t, slug, orgtree.Deactivated)
			row := one(t, func() (*ent.Organization, error) { return db.Client().Organization.Get(w.system(t), w.key(t, slug)) })
			// A few milliseconds before its end: each looks at the clock some times.
			clock.Advance(row.PurgeAt.Sub(clock.Now()) - 12_000_000)
			results := together(2, func(i int) string {
				if i == 0 {
					if err := w.platform.services.Organizations.Purge(t.Context(), row.ID); err != nil {
						return err.Error()
					}
					return "done"
				}
				return told(t, w.askWith(t, "paula", mutation("reopenOrganization", "clientMutationId"), map[string]any{"i": map[string]any{"id": w.ids[slug]}}))
			})
			after := one(t, func() (*ent.Organization, error) { return db.Client().Organization.Get(w.system(t), row.ID) })
			reopened := results[1] == "y"
			switch {
			case results[0] != "done":
				t.Fatalf("round %d: %s", round, results[0])
			case reopened != (after.Status == orgtree.Active):
				t.Fatalf("round %d: reopening: %s, and it is %s", round, results[1], after.Status)
			case !reopened && !strings.HasPrefix(results[1], "CONFLICT") && results[1] != "-":
				t.Fatalf("round %d: reopening: %s", round, results[1])
			}
		}
	})
}

// TestNobodyTakesAnOrganizationIntoTheirHands reassigns an organization to an
// account whose password the one who acts has set.
func TestNobodyTakesAnOrganizationIntoTheirHands(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.person(t, "acme", "erin", "acme.administrators")
		ctx := access.WithViewer(t.Context(), access.SystemViewer("test"))
		err := db.Client().User.UpdateOneID(w.key(t, "erin")).SetStatus(user.StatusACTIVE).SetCredentialsSetBy(w.key(t, "paula")).Exec(ctx)
		if err != nil {
			t.Fatal(err)
		}
		reassign := func(actor string) string {
			return told(t, w.askWith(t, actor, mutation("reassignOwner", "clientMutationId"), map[string]any{"i": map[string]any{
				"organizationId": w.ids["acme"], "userId": w.ids["erin"], "reason": "The owner is lost.",
			}}))
		}
		if got := reassign("paula"); got != "F" {
			t.Errorf("paula gives it to an account in her hands: %s", got)
		}
		if got := reassign("ada"); got != "y" {
			t.Errorf("ada gives it to an account in somebody else's hands: %s", got)
		}
		to := map[string]bool{}
		for _, letter := range one(t, func() ([]*ent.Job, error) { return db.Client().Job.Query().Where(job.Kind(records.MailJob)).All(ctx) }) {
			var l records.Letter
			if err := json.Unmarshal([]byte(letter.Payload), &l); err != nil {
				t.Fatal(err)
			}
			to[l.Template+" "+w.names[typeid.New(typeid.User, l.User).String()]] = true
		}
		if !to["owner erin"] || !to["former-owner olga"] {
			t.Errorf("letters go to %v", to)
		}
	})
}

// lifeEdges are the cases of organizations that are closed, locked or lost.
func lifeEdges() []edge {
	closing := func(actor, slug string) func(w *world) call {
		return func(w *world) call {
			return call{actor: actor, name: "deactivateOrganization", input: map[string]any{"id": w.ids[slug], "confirm": "Deactivate"}}
		}
	}
	acme := func(w *world, actor, name string, more ...any) call {
		input := map[string]any{"id": w.ids["acme"]}
		for i := 0; i+1 < len(more); i += 2 {
			input[more[i].(string)] = more[i+1]
		}
		return call{actor: actor, name: name, input: input}
	}
	open := func(w *world) call {
		return call{actor: "max", name: "openTicket", input: map[string]any{"organizationId": w.ids["acme"], "subject": "Help", "description": "What now?"}}
	}
	leave := func(w *world) call {
		return call{actor: "max", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}}
	}
	group := func(w *world, actor string) call {
		return call{actor: actor, name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "late"}}
	}
	return []edge{
		{"owner's account is lost", func(t *testing.T, w *world) {
			w.refuses(t, []attack{
				{"to a member", call{actor: "paula", name: "reassignOwner", input: w.about("max", "reason", "Lost.")}, "INVALID"},
				{"by org:admin of it", call{actor: "gail", name: "reassignOwner", input: w.about("adam", "reason", "Lost.")}, "F"},
				{"without a reason", call{actor: "paula", name: "reassignOwner", input: w.about("adam", "reason", "")}, "INVALID"},
			})
			err := w.platform.db.Client().User.UpdateOneID(w.key(t, "adam")).SetStatus(user.StatusACTIVE).Exec(w.system(t))
			if err != nil {
				t.Fatal(err)
			}
			w.do(t, call{actor: "paula", name: "reassignOwner", input: w.about("adam", "reason", "Lost.")})
			if got := w.owners(t); len(got) != 1 || got[0] != "adam" {
				t.Errorf("owned by %v", got)
			}
		}},
		{"owner closes it while a transfer waits", func(t *testing.T, w *world) {
			id := w.transfer(t, "adam")
			w.do(t, closing("olga", "acme")(w))
			if got := w.invitationStatus(t, id); got != invitation.StatusCANCELLED {
				t.Errorf("the transfer is %s", got)
			}
		}},
		{"organization with projects", func(t *testing.T, w *world) {
			w.project(t, "site")
			w.refuses(t, []attack{{"deletion", acme(w, "olga", "deleteOrganization"), "CONFLICT"}})
			w.do(t, closing("olga", "acme")(w))
		}},
		{"partner with customers", func(t *testing.T, w *world) {
			w.refuses(t, []attack{
				{"closing", closing("paula", "northwind")(w), "CONFLICT"},
				{"closing by the platform", closing("ada", "northwind")(w), "CONFLICT"},
				{"deletion", call{actor: "paula", name: "deleteOrganization", input: map[string]any{"id": w.ids["northwind"]}}, "CONFLICT"},
			})
		}},
		{"deactivated and not yet purged", func(t *testing.T, w *world) {
			w.issueKey(t, "key.olga", "olga", map[string]any{"organizationId": w.ids["acme"]})
			w.do(t, closing("olga", "acme")(w))
			w.refuses(t, []attack{
				{"a group", group(w, "olga"), "ORGANIZATION_DEACTIVATED"},
				{"a group by the platform", group(w, "ada"), "ORGANIZATION_DEACTIVATED"},
				{"reopening by an administrator", acme(w, "adam", "reopenOrganization"), "F"},
				{"reopening with an API key", acme(w, "key.olga", "reopenOrganization"), "ORGANIZATION_DEACTIVATED"},
			})
			w.must(t, "key.olga", `query($id: ID!) { organization(id: $id) { name members { totalCount } } }`, map[string]any{"id": w.ids["acme"]})
			w.do(t, open(w), leave(w), acme(w, "paula", "reopenOrganization"))
		}},
		{"partner that is locked", func(t *testing.T, w *world) {
			rename := func(actor string) call { return acme(w, actor, "updateOrganization", "name", "By "+actor) }
			w.do(t, rename("paula"), call{actor: "ada", name: "lockOrganization", input: map[string]any{"id": w.ids["northwind"], "reason": "Unpaid."}})
			w.refuses(t, []attack{
				{"a change of a customer", rename("paula"), "ORGANIZATION_LOCKED"},
				{"a customer's lock", acme(w, "paula", "lockOrganization", "reason", "Mine."), "ORGANIZATION_LOCKED"},
				{"a new customer", call{actor: "paula", name: "createOrganization", input: map[string]any{"managedById": w.ids["northwind"], "name": "New", "ownerEmail": "n@new.example"}}, "ORGANIZATION_LOCKED"},
			})
			w.must(t, "paula", `query($id: ID!) { organization(id: $id) { name } }`, map[string]any{"id": w.ids["acme"]})
			w.do(t, rename("olga"), rename("ada"))
		}},
		{"locked", func(t *testing.T, w *world) {
			w.do(t, acme(w, "paula", "lockOrganization", "reason", "Unpaid."))
			w.refuses(t, []attack{
				{"a group", group(w, "olga"), "ORGANIZATION_LOCKED"},
				{"unlocking by the owner", acme(w, "olga", "unlockOrganization"), "F"},
				{"deletion", acme(w, "olga", "deleteOrganization"), "ORGANIZATION_LOCKED"},
			})
			w.must(t, "max", `query($id: ID!) { organization(id: $id) { name lock { reason } } }`, map[string]any{"id": w.ids["acme"]})
			w.do(t, open(w), leave(w), acme(w, "paula", "unlockOrganization"), group(w, "olga"))
		}},
	}
}
