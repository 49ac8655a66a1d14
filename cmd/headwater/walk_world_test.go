package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/notice"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/ent/webhookdelivery"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// object is one thing of the walk's world.
type object struct {
	kind, id string
	// slugs are the organizations that it belongs to: one, but for people.
	slugs   []string
	project string
	// who is whose it is: the person of a membership, the bearer of a key.
	who string
	// in are who is in it.
	in []string
	// asks are the organizations that a person asks to join.
	asks []string
	// buyer is who pays a statement.
	buyer string
	// inForce says that an announcement is told to everybody.
	inForce bool
	// tells are texts that no other object has, by the field that shows them.
	tells map[string]string
}

// furnish makes one of everything in every organization of the walk, and the
// people who walk. Texts say where they are from.
func furnish(t *testing.T, w *world, o *oracle, walkers []*walker) {
	t.Helper()
	w.organization(t, "dusk", "STANDARD", "northwind", "dora")
	slugs := slices.Sorted(maps.Keys(o.places))
	for _, slug := range slugs {
		furnishOrganization(t, w, slug)
	}
	for _, a := range walkers {
		enrol(t, w, a)
	}
	for _, slug := range slugs {
		w.furnishWithAccess(t, slug, o.places[slug].manager)
		w.furnishWithIdentity(t, slug)
	}
	w.person(t, "acme", "idler")
	for slug, owner := range map[string]string{"acme": "olga", "bravo": "bob", "northwind": "paula"} {
		w.issueKey(t, slug+".projectKey", owner, map[string]any{"organizationId": w.ids[slug], "projectId": w.ids[site(slug)], "description": "project-key-of-" + slug})
	}
	w.furnishWithPrices(t)
	w.furnishWithAnnouncements(t)
	err := w.platform.db.Client().User.Update().SetLastLoginAt(w.platform.db.Now()).Exec(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	err = w.platform.db.Client().Membership.Update().SetGraceUntil(w.platform.db.Now().Add(time.Hour)).Exec(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	w.must(t, "ada", mutation("createScimToken", "scimToken { id }"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "name": "directory-of-acme"}})
	w.failedJob(t, "ruin")
	w.arrange(t, "organization dusk DEACTIVATED")
	w.close(t, "dusk")
}

// close deactivates an organization that was locked before, and says more of it
// than any has to say of itself: when it ended, and what bills called it.
func (w *world) close(t *testing.T, slug string) {
	t.Helper()
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		before, err := tx.Organization.Get(ctx, id)
		if err != nil {
			return database.Change{}, err
		}
		now := tx.Now()
		after, err := before.Update().SetStatus(orgtree.Deactivated).
			SetLockedBy(organization.LockedByPARTNER).SetLockedByOrganizationID(*before.ParentID).SetLockReason("Unpaid.").SetLockedAt(now).
			SetDeactivatedAt(now).SetDeactivationReason("Moving.").SetPurgeAt(now.Add(orgtree.Grace)).SetDeletedAt(now).
			SetCustomerReferenceBefore("former-reference").
			Save(ctx)
		return database.Change{Kind: typeid.Organization, ID: id, Before: before, After: after}, err
	})
}

// failedJob makes a job of a kind that was given up.
func (w *world) failedJob(t testing.TB, kind string) uuid.UUID {
	t.Helper()
	db := w.platform.db
	row := one(t, func() (*ent.Job, error) {
		return db.Client().Job.Create().SetID(db.NewID()).SetKind(kind).SetPayload("{}").SetStatus(job.StatusFAILED).
			SetAttempts(12).SetLastError("trouble-of-the-platform").SetRunAt(db.Now()).SetFinishedAt(db.Now()).SetCreatedAt(db.Now()).
			SetOrganizationID(w.key(t, "acme")).Save(w.system(t))
	})
	return row.ID
}

// furnishOrganization makes what mutations make: a group with a place in it and
// settings at every level.
func furnishOrganization(t *testing.T, w *world, slug string) {
	t.Helper()
	setting := func(scope, key, operation string, value any) {
		w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": w.ids[scope], "key": key, "operation": operation, "value": value,
		}})
	}
	setting(slug, "policies.approved_regions", "APPEND", []string{"region-of-" + slug})
	if slug != "platform" {
		w.must(t, "ada", mutation("updateOrganization", "organization { id }"), map[string]any{"i": map[string]any{
			"id": w.ids[slug], "customerReference": "reference-of-" + slug,
		}})
	}
	w.name(slug+".crew", dig(w.must(t, "ada", mutation("createGroup", "group { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids[slug], "name": "crew-of-" + slug, "description": "What the crew of " + slug + " is for.",
	}}), "createGroup.group.id"))
	setting(slug+".crew", "variables", "SET", map[string]any{"CREW": "variable-of-" + slug})
	w.arrange(t, "application "+slug+".bot-of-"+slug+" "+slug+".crew")
	w.person(t, slug, "plain-of-"+slug, slug+".crew")
	setting(slug+".plain-of-"+slug, "customize.theme", "SET", map[string]any{"primary": "#102030"})
}

// enrol makes a walker and puts them where they stand.
func enrol(t *testing.T, w *world, a *walker) {
	t.Helper()
	if _, withKey := strings.CutSuffix(a.name, "+key"); withKey {
		w.giveKey(t, a)
		return
	}
	if w.ids[a.who] != "" {
		return // An owner, or a token of somebody who is there already.
	}
	for i, slug := range slices.Sorted(maps.Keys(a.standings)) {
		var groups []string
		for _, is := range a.standings[slug] {
			if group := w.groupOf(t, slug, is); group != "" {
				groups = append(groups, group)
			}
		}
		switch {
		case a.who == "deployer":
			w.arrange(t, "application "+slug+".deployer "+strings.Join(groups, " "))
		case i == 0:
			w.person(t, slug, a.who, groups...)
		default:
			w.arrange(t, "member "+slug+" "+a.who)
		}
	}
}

// giveKey makes the API key that a walker asks with, in the one organization
// where they stand.
func (w *world) giveKey(t *testing.T, a *walker) {
	t.Helper()
	slug := slices.Collect(maps.Keys(a.standings))[0]
	input, maker := map[string]any{"organizationId": w.ids[slug]}, a.who
	if strings.HasPrefix(w.ids[a.who], "app_") {
		input["applicationId"], maker = w.ids[a.who], w.names[typeid.New(typeid.User, w.owner(t, slug)).String()]
	}
	w.issueKey(t, a.name, maker, input)
}

// groupOf returns the name of the group that makes its members what a column of
// the table of rights says, or "" for what needs none.
func (w *world) groupOf(t *testing.T, slug, column string) string {
	t.Helper()
	switch column {
	case "OW", "ME":
		return ""
	case "AD":
		return slug + ".administrators"
	case "ED":
		return slug + ".editors"
	case "BA":
		return slug + ".billing"
	case "CR":
		return slug + ".crew"
	}
	name := slug + "-" + column
	if w.ids[slug+"."+name] != "" {
		return slug + "." + name
	}
	roles := map[string]string{"GA": "org:admin", "GS": "org:settings", "GU": "org:users", "GG": "org:groups"}
	if role, ok := roles[column]; ok {
		w.team(t, slug, name, role)
		return slug + "." + name
	}
	w.team(t, slug, name)
	sets := map[string]access.SetName{"RF": access.ResellerFullAccess, "RR": access.ResellerReadOnly, "PR": access.PlatformReadOnly}
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.AccessPolicy.Create().SetID(tx.NewID()).SetOrganizationID(id).
			SetName("policy-of-" + name).SetDescription("").SetTags([]string{}).SetGroupID(w.key(t, slug+"."+name)).
			SetRules([]access.Rule{{Sets: []access.SetName{sets[column]}, Scope: access.InOrganization()}}).
			SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.Policy, ID: row.ID, After: row}, err
	})
	return slug + "." + name
}

// store makes one row behind the API's back, and tells whoever remembers.
func (w *world) store(t *testing.T, slug string, make func(context.Context, *database.Tx, uuid.UUID) (database.Change, error)) uuid.UUID {
	t.Helper()
	var made uuid.UUID
	organization := w.key(t, slug)
	_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "test", Organization: organization}, func(ctx context.Context, tx *database.Tx) error {
		change, err := make(ctx, tx, organization)
		if err != nil {
			return err
		}
		made, change.Organization = change.ID, organization
		tx.Record(change)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// furnishWithAccess makes what belongs to projects, applications and policies,
// and what those above ask and did.
func (w *world) furnishWithAccess(t *testing.T, slug, manager string) {
	t.Helper()
	bot, crew := w.key(t, "bot-of-"+slug), w.key(t, slug+".crew")
	maker := w.key(t, "plain-of-"+slug)
	home := w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.Project.Create().SetID(tx.NewID()).SetOrganizationID(id).SetName("site-of-" + slug).SetRegion("").
			SetStatus("ACTIVE").SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.Project, ID: row.ID, After: row}, err
	})
	w.name(site(slug), typeid.New(typeid.Project, home).String())
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.GroupProject.Create().SetID(tx.NewID()).SetOrganizationID(id).SetGroupID(crew).SetProjectID(home).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.GroupProject, ID: row.ID, After: row}, err
	})
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.SSHKey.Create().SetID(tx.NewID()).SetOrganizationID(id).SetProjectID(home).SetName("ssh-of-" + slug).
			SetPublicKey("ssh-ed25519 key-of-" + slug).SetFingerprint("SHA256:print-of-" + slug).SetCreatedBy(maker).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.SSHKey, ID: row.ID, After: row}, err
	})
	for name, status := range map[string]resource.Status{"server": resource.StatusACTIVE, "ruin": resource.StatusRELEASED} {
		w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
			create := tx.Resource.Create().SetID(tx.NewID()).SetOrganizationID(id).SetProjectID(home).SetGroupID(crew).SetKind(name).
				SetName(name + "-of-" + slug).SetProvider("aws").SetRegion("eu").SetInstanceType("small").SetExternalID(name + "-in-" + slug).SetEstimate("12.5").SetEstimateUnit("EUR").
				SetStatus(status).SetCreatedBy(maker).SetCreatedAt(tx.Now()).SetSpec(map[string]string{"size": "size-of-" + slug})
			if status == resource.StatusRELEASED {
				create.SetReleasedAt(tx.Now())
			}
			row, err := create.Save(ctx)
			return database.Change{Kind: typeid.Resource, ID: row.ID, After: row}, err
		})
	}
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.AccessPolicy.Create().SetID(tx.NewID()).SetOrganizationID(id).SetName("policy-of-" + slug).
			SetDescription("What the policy of " + slug + " is for.").SetTags([]string{"tag-of-" + slug}).SetApplicationID(bot).
			SetRules([]access.Rule{{Sets: []access.SetName{access.AllProductsReadOnly}, Scope: access.InProjects(orgtree.ID(home))}}).
			SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.Policy, ID: row.ID, After: row}, err
	})
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, _ uuid.UUID) (database.Change, error) {
		row, err := tx.Application.UpdateOneID(bot).SetTags([]string{"bot-tag-of-" + slug}).Save(ctx)
		return database.Change{Kind: typeid.Application, ID: bot, After: row}, err
	})
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		before := one(t, func() (*ent.Membership, error) {
			return tx.Membership.Query().Where(membership.OrganizationID(id), membership.UserID(maker)).Only(ctx)
		})
		row, err := before.Update().SetTags([]string{"member-tag-of-" + slug}).SetSeated(false).Save(ctx)
		return database.Change{Kind: typeid.Membership, ID: row.ID, Before: before, After: row}, err
	})
	w.ticketRow(t, slug, "OPEN")
	w.ticketRow(t, slug, "CLOSED")
	for _, status := range []invitation.Status{invitation.StatusPENDING, invitation.StatusCANCELLED} {
		w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
			address := strings.ToLower(string(status)) + "@invited-by-" + slug + ".example"
			create := tx.Invitation.Create().SetID(tx.NewID()).SetOrganizationID(id).SetKind(invitation.KindMEMBERSHIP).SetStatus(status).
				SetEmail(address).SetEmailKey(address).SetGroups([]string{crew.String()}).SetTags([]string{"guest-of-" + slug}).
				SetExpiresAt(tx.Now().AddDate(0, 0, 7)).SetInvitedBy(maker).SetCreatedAt(tx.Now())
			if status == invitation.StatusCANCELLED {
				create.SetDecidedAt(tx.Now())
			}
			row, err := create.Save(ctx)
			return database.Change{Kind: typeid.Invitation, ID: row.ID, After: row}, err
		})
	}
	w.keyRow(t, slug, "BOT", func(create *ent.APIKeyCreate) { create.SetApplicationID(bot).SetDefaultProjectID(home) })
	w.keyRow(t, slug, "MEMBER", func(create *ent.APIKeyCreate) {
		create.SetMembershipID(w.key(t, slug+".plain-of-"+slug)).SetExpiresAt(w.platform.db.Now().AddDate(1, 0, 0))
	})
	if manager == "-" {
		return
	}
	above := w.owner(t, manager)
	for _, status := range []accessrequest.Status{accessrequest.StatusPENDING, accessrequest.StatusDECLINED} {
		w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
			create := tx.AccessRequest.Create().SetID(tx.NewID()).SetOrganizationID(id).SetUserID(above).
				SetReason(strings.ToLower(string(status)) + "-reason-for-" + slug).SetBuiltin(access.Editors).
				SetStatus(status).SetExpiresAt(tx.Now().AddDate(0, 0, 7)).SetCreatedAt(tx.Now())
			if status == accessrequest.StatusDECLINED {
				create.SetDecidedAt(tx.Now())
			}
			row, err := create.Save(ctx)
			return database.Change{Kind: typeid.AccessRequest, ID: row.ID, After: row}, err
		})
	}
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.Notice.Create().SetID(tx.NewID()).SetOrganizationID(id).SetKind(notice.KindRIGHTS_GRANTED).SetActorID(above).
			SetActorOrganizationID(w.key(t, manager)).SetAction("setGroupRoles").SetSubject("subject-of-" + slug).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.Notice, ID: row.ID, After: row}, err
	})
}

// furnishWithIdentity makes ways to sign in: a provider that is out of use, which
// the owner is linked to, and an issuer whose subject is the application.
func (w *world) furnishWithIdentity(t *testing.T, slug string) {
	t.Helper()
	provider := w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.IdentityProvider.Create().SetID(tx.NewID()).SetOrganizationID(id).SetName("provider-of-" + slug).
			SetIssuer("https://login-of-" + slug + ".example").SetClientID("client-of-" + slug).SetClientSecret("").SetScopes([]string{"scope-of-" + slug}).
			SetEnabled(false).SetGroupClaim("claim-of-" + slug).SetGroupMapping(map[string]string{"value-of-" + slug: w.ids[slug+".crew"]}).
			SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.IdentityProvider, ID: row.ID, After: row}, err
	})
	w.name(slug+".provider", typeid.New(typeid.IdentityProvider, provider).String())
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.LinkedIdentity.Create().SetID(tx.NewID()).SetOrganizationID(id).SetUserID(w.owner(t, slug)).SetProviderID(provider).
			SetIssuer("https://login-of-" + slug + ".example").SetSubject("linked-in-" + slug).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.LinkedIdentity, ID: row.ID, After: row}, err
	})
	issuer := w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.TrustedIssuer.Create().SetID(tx.NewID()).SetOrganizationID(id).SetName("issuer-of-" + slug).
			SetIssuer("https://ci-of-" + slug + ".example").SetAudience("audience-of-" + slug).SetJwksURL("https://ci-of-" + slug + ".example/keys").SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.TrustedIssuer, ID: row.ID, After: row}, err
	})
	w.name(slug+".issuer", typeid.New(typeid.TrustedIssuer, issuer).String())
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.TrustedSubject.Create().SetID(tx.NewID()).SetOrganizationID(id).SetIssuerID(issuer).SetSubject("subject-in-" + slug).
			SetApplicationID(w.key(t, "bot-of-"+slug)).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.TrustedSubject, ID: row.ID, After: row}, err
	})
}

// owner returns the person who owns an organization.
func (w *world) owner(t *testing.T, slug string) uuid.UUID {
	t.Helper()
	row := one(t, func() (*ent.Membership, error) {
		return w.platform.db.Client().Membership.Query().
			Where(membership.Owner(true), membership.OrganizationID(w.key(t, slug))).Only(w.system(t))
	})
	return row.UserID
}

// keyRow makes an API key that nobody knows the secret of.
func (w *world) keyRow(t *testing.T, slug, bearer string, born func(*ent.APIKeyCreate)) {
	t.Helper()
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		create := tx.APIKey.Create().SetID(tx.NewID()).SetOrganizationID(id).SetDescription(strings.ToLower(bearer) + "-key-of-" + slug).
			SetAccessKey(strings.ReplaceAll(fmt.Sprintf("%-20s", strings.ToUpper(bearer+slug)), " ", "0")).SetSecretHash("hash-of-" + slug).
			SetCreatedBy(w.owner(t, slug)).SetCreatedIP("192.0.2.1").SetCreatedAt(tx.Now())
		born(create)
		row, err := create.Save(ctx)
		return database.Change{Kind: typeid.APIKey, ID: row.ID, After: row}, err
	})
}

// ticketRow makes a ticket of a member, about a server, and returns its id.
func (w *world) ticketRow(t *testing.T, slug, status string) string {
	t.Helper()
	id := w.store(t, slug, func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		server := one(t, func() (uuid.UUID, error) {
			return tx.Resource.Query().Where(resource.OrganizationID(id), resource.StatusEQ(resource.StatusACTIVE)).FirstID(ctx)
		})
		create := tx.Ticket.Create().SetID(tx.NewID()).SetOrganizationID(id).SetSubject("subject-of-ticket-of-" + slug).SetProduct("product-of-" + slug).
			SetResourceID(server).SetPriority(ticket.PriorityP3).SetStatus(ticket.Status(status)).
			SetCreatedBy(w.key(t, "plain-of-"+slug)).SetCreatedByName("author-of-" + slug).SetUpdatedAt(tx.Now()).SetCreatedAt(tx.Now())
		if status == "CLOSED" {
			create.SetClosedAt(tx.Now())
		}
		row, err := create.Save(ctx)
		return database.Change{Kind: typeid.Ticket, ID: row.ID, After: row}, err
	})
	w.store(t, slug, func(ctx context.Context, tx *database.Tx, organization uuid.UUID) (database.Change, error) {
		row, err := tx.TicketMessage.Create().SetID(tx.NewID()).SetOrganizationID(organization).SetTicketID(id).SetAuthorID(w.key(t, "plain-of-"+slug)).
			SetAuthorName("author-of-" + slug).SetBody("text-of-ticket-of-" + slug).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.TicketMessage, ID: row.ID, After: row}, err
	})
	return typeid.New(typeid.Ticket, id).String()
}

// furnishWithAnnouncements makes one announcement that is in force and one that
// is planned.
func (w *world) furnishWithAnnouncements(t *testing.T) {
	t.Helper()
	for title, start := range map[string]string{"told": "2026-11-01T00:00:00Z", "planned": "2030-01-01T00:00:00Z"} {
		answer := w.must(t, "ada", mutation("createAnnouncement", "announcement { id }"), map[string]any{"i": map[string]any{
			"title": title + "-announcement", "body": title + "-text", "severity": "CRITICAL", "startsAt": start, "endsAt": "2040-01-01T00:00:00Z",
		}})
		w.name("platform."+title, dig(answer, "createAnnouncement.announcement.id"))
	}
}

// walkMonth is the month of the usage of the walk.
func walkMonth() time.Time { return time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC) }

// furnishWithPrices maps and imports usage of every organization under
// northwind, and sets prices on every edge above it.
func (w *world) furnishWithPrices(t *testing.T) {
	t.Helper()
	mappings := []map[string]any{}
	slugs := []string{"northwind", "fjord", "acme", "bravo", "cove"}
	for _, slug := range slugs {
		mappings = append(mappings, map[string]any{
			"subAccountId": "account-of-" + slug, "tagKey": "tag", "tagValue": "of-" + slug, "organizationId": w.ids[slug], "groupId": w.ids[slug+".crew"],
			"firstMonth": "2026-01", "lastMonth": "2031-01",
		})
	}
	w.must(t, "ada", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["northwind"], "mappings": mappings}})
	for _, slug := range slugs {
		answer := w.must(t, "paula", mutation("createCloudAccount", "cloudAccount { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "name": "cloud-of-" + slug, "provider": "aws", "providerAccountId": "cloud-account-of-" + slug,
			"groupIds": []string{w.ids[slug+".crew"]}, "credentials": "hush",
		}})
		w.name(slug+".cloud", dig(answer, "createCloudAccount.cloudAccount.id"))
	}
	for i, edge := range [][2]string{{"platform", "northwind"}, {"northwind", "acme"}, {"northwind", "fjord"}, {"northwind", ""}, {"fjord", "cove"}} {
		input := map[string]any{
			"sellerId": w.ids[edge[0]], "factor": fmt.Sprintf("1.07%04d", 1001+i), "firstMonth": "2026-09", "lastMonth": "2031-01", "basis": "UPSTREAM",
			"reason": "price-of-" + edge[0] + "-to-" + edge[1],
		}
		if edge[1] != "" {
			input["buyerId"] = w.ids[edge[1]]
		}
		answer := w.must(t, "ada", mutation("setBillingMultiplier", "billingMultiplier { id }"), map[string]any{"i": input})
		w.name(edge[0]+".price-to-"+edge[1], dig(answer, "setBillingMultiplier.billingMultiplier.id"))
	}
	for i, manager := range []string{"platform", "northwind", "fjord"} {
		input := map[string]any{
			"managerId": w.ids[manager], "min": fmt.Sprintf("0.97%04d", 1001+i), "lastMonth": "2031-01", "reason": "bounds-of-" + manager,
		}
		if manager == "northwind" {
			// It suspends a price of fjord in one month.
			input["sellerId"], input["basis"], input["max"], input["firstMonth"] = w.ids["fjord"], "UPSTREAM", "1.061234", "2031-01"
		}
		answer := w.must(t, "ada", mutation("setPriceGuard", "priceGuard { id }"), map[string]any{"i": input})
		w.name(manager+".guard", dig(answer, "setPriceGuard.priceGuard.id"))
	}
	w.furnishWithAllocations(t, slugs)
	w.furnishWithPayments(t, slugs)
	w.furnishWithTerms(t)
	if err := w.platform.db.Client().CloudAccount.Update().SetLastUsageAt(walkMonth()).Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
	file := append(w.usageFile(t, walkMonth(), slugs...), "this row cannot be read\n"...)
	if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "northwind"), bytes.NewReader(file), usage.Options{SkipBadRows: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.platform.services.Allocations.CheckAll(w.system(t)); err != nil {
		t.Fatal(err)
	}
	w.furnishWithStatements(t, slugs)
	for _, slug := range []string{"platform", "northwind", "fjord"} {
		w.furnishWithMetering(t, slug)
	}
}

// furnishWithMetering makes what an organization meters.
func (w *world) furnishWithMetering(t *testing.T, slug string) {
	t.Helper()
	answer := w.must(t, "ada", mutation("createBillingUnit", "billingUnit { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids[slug], "name": "unit-of-" + slug, "currency": "USD", "rate": "2",
	}})
	w.name(slug+".unit", dig(answer, "createBillingUnit.billingUnit.id"))
	answer = w.must(t, "ada", mutation("createSku", "sku { id }"), map[string]any{"i": map[string]any{
		"billingUnitId": w.ids[slug+".unit"], "code": "code-of-sku-of-" + slug, "name": "name-of-sku-of-" + slug, "type": "Compute", "subtype": "Hour",
	}})
	w.name(slug+".sku", dig(answer, "createSku.sku.id"))
	w.must(t, "ada", mutation("setBillingUnitRate", "clientMutationId"), map[string]any{"i": map[string]any{
		"billingUnitId": w.ids[slug+".unit"], "rate": "3", "effectiveFrom": "2026-10-02T00:00:00Z",
	}})
	w.must(t, "ada", mutation("setSkuRate", "clientMutationId"), map[string]any{"i": map[string]any{
		"skuId": w.ids[slug+".sku"], "rate": "3", "effectiveFrom": "2026-10-02T00:00:00Z",
	}})
	w.must(t, "ada", mutation("archiveSku", "clientMutationId"), map[string]any{"i": map[string]any{"skuId": w.ids[slug+".sku"]}})
	answer = w.must(t, "ada", mutation("createSku", "sku { id }"), map[string]any{"i": map[string]any{
		"billingUnitId": w.ids[slug+".unit"], "code": "code-of-metered-sku-of-" + slug, "name": "name-of-metered-sku-of-" + slug, "type": "Compute", "subtype": "Hour",
	}})
	w.name(slug+".metered", dig(answer, "createSku.sku.id"))
	event := w.event("key-of-event-of-"+slug, "code-of-metered-sku-of-"+slug, slug)
	event["groupId"], event["project"], event["user"] = w.ids[slug+".crew"], "project-in-event-of-"+slug, "user-in-event-of-"+slug
	event["tags"] = []map[string]any{{"name": "queue", "value": "fast"}}
	correction := maps.Clone(event)
	correction["idempotencyKey"], correction["corrects"], correction["quantity"] = "key-of-correction-of-"+slug, event["idempotencyKey"], "-0.5"
	w.must(t, "ada", mutation("recordUsage", "recordedCount"), map[string]any{"i": map[string]any{
		"organizationId": w.ids[slug], "events": []map[string]any{event, correction},
	}})
}

// furnishWithTerms says what sellers charge and take off beside their prices.
func (w *world) furnishWithTerms(t *testing.T) {
	t.Helper()
	for _, slug := range []string{"platform", "northwind", "fjord"} {
		tax := w.must(t, "ada", mutation("createTaxRate", "taxRate { id }"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[slug], "name": "tax-of-" + slug, "percent": "7.1", "firstMonth": "2026-09",
		}})
		w.name(slug+".tax", dig(tax, "createTaxRate.taxRate.id"))
		w.must(t, "ada", mutation("setSupportFee", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[slug], "plan": "BUSINESS", "minimum": "7.3", "currency": "USD", "percent": "1", "firstMonth": "2026-09",
		}})
		discount := w.must(t, "ada", mutation("createDiscount", "discount { id }"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[slug], "description": "less-of-" + slug, "percent": "7.4", "firstMonth": "2026-09", "lastMonth": "2031-01", "reason": "reason-of-" + slug,
			"filters": []map[string]any{{"field": "SKU", "value": "filter-of-" + slug, "exclude": true}},
		}})
		w.name(slug+".discount", dig(discount, "createDiscount.discount.id"))
	}
	for buyer, seller := range map[string]string{"northwind": "platform", "acme": "northwind", "cove": "fjord"} {
		voucher := w.must(t, "ada", mutation("createVoucher", "code"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "description": "voucher-of-" + seller, "value": "7.5", "currency": "USD", "months": 3, "maxRedemptions": 7,
			"redeemableFrom": "2026-01-01T00:00:00Z", "redeemableUntil": "2031-01-01T00:00:00Z",
			"filters": []map[string]any{{"field": "SERVICE", "value": "voucher-filter-of-" + seller}},
		}})
		w.must(t, "ada", mutation("redeemVoucher", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids[buyer], "code": dig(voucher, "createVoucher.code")}})
		w.must(t, "ada", mutation("createVoucher", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids[seller], "description": "rate-of-" + seller, "percent": "7.6",
		}})
	}
	err := w.platform.db.Client().SupportPlanPeriod.Create().SetID(uuid.New()).SetOrganizationID(w.key(t, "bravo")).SetPlan("BUSINESS").
		SetStartsAt(walkMonth().AddDate(-1, 0, 0)).SetChangedBy(w.key(t, "ada")).SetCreatedAt(walkMonth()).Exec(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	w.must(t, "ada", mutation("createTaxRate", "clientMutationId"), map[string]any{"i": map[string]any{
		"sellerId": w.ids["northwind"], "buyerId": w.ids["acme"], "country": "DE", "name": "tax-of-acme", "percent": "7.2", "firstMonth": "2026-09", "lastMonth": "2031-01",
	}})
}

// furnishWithAllocations limits organizations and their groups, in their own names
// and in their managers'.
func (w *world) furnishWithAllocations(t *testing.T, slugs []string) {
	t.Helper()
	managers := map[string]string{"northwind": "platform", "fjord": "northwind", "acme": "northwind", "bravo": "northwind", "cove": "fjord"}
	for i, slug := range slugs {
		at := "percent"
		if i%2 == 0 {
			at = "amount"
		}
		threshold := w.must(t, "ada", mutation("createThreshold", "threshold { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "name": "threshold" + slug, at: "0.0001", "severity": "ALERT",
			"description": "threshold-of-" + slug, "emails": []string{"told-by-" + slug + "@example.com"},
		}})
		w.name(slug+".threshold", dig(threshold, "createThreshold.threshold.id"))
		var parent any
		for _, author := range []string{slug, managers[slug]} {
			answer := w.must(t, "ada", mutation("setAllocation", "allocation { id }"), map[string]any{"i": map[string]any{
				"scopeId": w.ids[slug], "authorId": w.ids[author], "total": fmt.Sprintf("7770%d.5", i+1), "unit": "USD", "period": "NONE",
			}})
			parent = dig(answer, "setAllocation.allocation.id")
			w.name(slug+".allocation-by-"+author, dig(answer, "setAllocation.allocation.id"))
		}
		answer := w.must(t, "ada", mutation("setAllocation", "allocation { id }"), map[string]any{"i": map[string]any{
			"scopeId": w.ids[slug+".crew"], "total": fmt.Sprintf("8880%d.5", i+1), "unit": "USD", "period": "MONTH", "parentId": parent,
		}})
		w.name(slug+".allocation-of-crew", dig(answer, "setAllocation.allocation.id"))
	}
}

// furnishWithPayments tells organizations how they pay and what they mean to.
func (w *world) furnishWithPayments(t *testing.T, slugs []string) {
	t.Helper()
	for i, slug := range slugs {
		contact := w.must(t, "ada", mutation("addBillingContact", "billingContact { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "name": "contact-of-" + slug, "email": "bills-of-" + slug + "@example.com",
		}})
		w.name(slug+".contact", dig(contact, "addBillingContact.billingContact.id"))
		card := w.must(t, "ada", mutation("addPaymentMethod", "paymentMethod { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "kind": "CARD", "processor": "acquirer", "reference": "card-of-" + slug, "label": "label-of-" + slug, "lastMonth": "2031-01",
		}})
		w.name(slug+".card", dig(card, "addPaymentMethod.paymentMethod.id"))
		w.must(t, "ada", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "amount": fmt.Sprintf("6660%d.5", i+1),
		}})
		alert := w.must(t, "ada", mutation("addBudgetAlert", "budget { alerts { id } }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "percent": "0.0001", "emails": []string{"warned-by-" + slug + "@example.com"},
		}})
		w.name(slug+".alert", dig(alert, "addBudgetAlert.budget.alerts.0.id"))
		w.furnishWithWebhook(t, slug)
	}
	now := w.platform.db.Now()
	fired := w.platform.db.Client().BudgetAlert.Update().SetFiredMonth(now.Format("2006-01")).SetFiredAt(now).SetFiredSpent("5")
	if err := fired.Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
}

// furnishWithWebhook gives an organization a webhook that was called once.
func (w *world) furnishWithWebhook(t *testing.T, slug string) {
	t.Helper()
	hook := w.must(t, "ada", mutation("createWebhook", "webhook { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids[slug], "name": "webhook-of-" + slug, "url": "https://hooks.example/of-" + slug, "events": []string{"spending.threshold_reached"},
	}})
	w.name(slug+".webhook", dig(hook, "createWebhook.webhook.id"))
	delivery := w.must(t, "ada", mutation("testWebhook", "delivery { id }"), map[string]any{"i": map[string]any{"webhookId": w.ids[slug+".webhook"]}})
	w.name(slug+".delivery", dig(delivery, "testWebhook.delivery.id"))
	client, now := w.platform.db.Client(), w.platform.db.Now()
	called := client.WebhookDelivery.UpdateOneID(w.key(t, slug+".delivery")).
		SetStatus(webhookdelivery.StatusFAILED).SetAttempts(1).SetResponseStatus(410).SetProblem(webhookdelivery.ProblemREFUSED).ClearNextAttemptAt().SetFinishedAt(now)
	if err := called.Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
	failing := client.Webhook.UpdateOneID(w.key(t, slug+".webhook")).SetFailures(1).SetFailingSince(now).SetFormerSecretUntil(now.AddDate(5, 0, 0))
	if slug == "cove" {
		failing.SetEnabled(false).SetDisabledReason(webhook.DisabledReasonGONE)
	}
	if err := failing.Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
}

// furnishWithStatements imports usage of the month before and closes that.
func (w *world) furnishWithStatements(t *testing.T, slugs []string) {
	t.Helper()
	month := walkMonth().AddDate(0, -1, 0)
	file := w.usageFile(t, month, slugs...)
	if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "northwind"), bytes.NewReader(file), usage.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, seller := range []string{"northwind", "fjord"} {
		w.must(t, "ada", mutation("closeBillingMonth", "statementCount"), map[string]any{"i": map[string]any{"sellerId": w.ids[seller], "month": month.Format("2006-01")}})
	}
	for i, row := range one(t, func() ([]*ent.Statement, error) { return w.platform.db.Client().Statement.Query().All(w.system(t)) }) {
		id := typeid.New(typeid.Statement, row.ID).String()
		w.name(fmt.Sprintf("statement-%d", i), id)
		if i%2 == 0 {
			w.must(t, "ada", mutation("markStatementPaid", "clientMutationId"), map[string]any{"i": map[string]any{"statementId": id, "paymentReference": fmt.Sprintf("payment-of-%d", i)}})
			w.must(t, "ada", mutation("issueCreditNote", "clientMutationId"), map[string]any{"i": map[string]any{
				"statementId": id, "lines": []map[string]any{{"reason": fmt.Sprintf("line-of-%d", i), "amount": "0.01"}}, "reason": fmt.Sprintf("credit-of-%d", i),
			}})
		} else {
			w.must(t, "ada", mutation("voidStatement", "clientMutationId"), map[string]any{"i": map[string]any{"statementId": id, "reason": fmt.Sprintf("reason-of-%d", i)}})
		}
	}
}

// issued makes a statement of northwind for acme that is to be paid, and returns its
// id.
func (w *world) issued(t *testing.T, number int64) string {
	t.Helper()
	row, err := w.platform.db.Client().Statement.Create().SetID(uuid.New()).SetSellerID(w.key(t, "northwind")).SetBuyerID(w.key(t, "acme")).
		SetMonth("2026-01").SetCurrency(fmt.Sprintf("T%d", number)).SetStatus(statement.StatusISSUED).SetNumber(1000 + number).SetTotal("5").
		SetCreatedAt(dbtest.Start()).Save(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return typeid.New(typeid.Statement, row.ID).String()
}

// usageFile returns a file with a line of usage of each organization in a month.
func (w *world) usageFile(t *testing.T, month time.Time, slugs ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	rows := one(t, func() (*focus.Writer, error) { return focus.NewWriter(&file, focus.WriterOptions{}) })
	for _, slug := range slugs {
		if err := rows.Write(w.charge(t, month, slug)); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// charge returns a line of usage of an organization.
func (w *world) charge(t *testing.T, start time.Time, slug string) *focus.Row {
	t.Helper()
	cost, err := money.Parse("12.5")
	if err != nil {
		t.Fatal(err)
	}
	return &focus.Row{
		BilledCost: cost, ListCost: focus.Some(cost), BillingCurrency: "USD", BillingAccountID: "northwind",
		BillingPeriodStart: start, BillingPeriodEnd: start.AddDate(0, 1, 0),
		ChargePeriodStart: start.Add(time.Hour), ChargePeriodEnd: start.Add(2 * time.Hour),
		ChargeCategory: focus.CategoryUsage, Provider: "AWS", ServiceName: "service-of-" + slug, SKU: "sku-of-" + slug, Region: "eu",
		SubAccountID: "account-of-" + slug, Tags: map[string]string{"tag": "of-" + slug},
	}
}

// census returns every object of the world, read behind the API's back.
func census(t *testing.T, w *world) map[string]*object {
	t.Helper()
	ctx, client := w.system(t), w.platform.db.Client()
	c := &counter{w: w, objects: map[string]*object{}}
	for _, row := range one(t, func() ([]*ent.Organization, error) { return client.Organization.Query().All(ctx) }) {
		o := c.add("Organization", typeid.New(typeid.Organization, row.ID), row.ID)
		o.tells["name"], o.tells["customerReference"] = row.Name, row.CustomerReference
		if row.Slug == "platform" {
			o.tells = map[string]string{} // Everybody is told of "the platform".
		}
	}
	for _, row := range one(t, func() ([]*ent.User, error) { return client.User.Query().WithMemberships().All(ctx) }) {
		o := c.add("User", typeid.New(typeid.User, row.ID))
		o.who = w.names[o.id]
		o.tells["username"], o.tells["email"] = row.Username, row.Email
		for _, m := range row.Edges.Memberships {
			o.slugs = append(o.slugs, c.slug(m.OrganizationID))
		}
	}
	for _, row := range one(t, func() ([]*ent.Membership, error) { return client.Membership.Query().All(ctx) }) {
		c.add("Membership", typeid.New(typeid.Membership, row.ID), row.OrganizationID).who = c.person(row.UserID)
	}
	for _, row := range one(t, func() ([]*ent.Application, error) { return client.Application.Query().All(ctx) }) {
		o := c.add("Application", typeid.New(typeid.Application, row.ID), row.OrganizationID)
		o.who, o.tells["name"] = row.Name, row.Name
		if row.ProjectID != nil {
			o.project = c.project(*row.ProjectID)
		}
	}
	for _, row := range one(t, func() ([]*ent.Ticket, error) { return client.Ticket.Query().All(ctx) }) {
		o := c.add("Ticket", typeid.New(typeid.Ticket, row.ID), row.OrganizationID)
		o.who, o.tells["subject"], o.tells["product"] = c.person(row.CreatedBy), row.Subject, row.Product
	}
	for _, row := range one(t, func() ([]*ent.Announcement, error) { return client.Announcement.Query().All(ctx) }) {
		o := c.add("Announcement", typeid.New(typeid.Announcement, row.ID), row.OrganizationID)
		o.inForce, o.tells["title"], o.tells["body"] = !row.StartsAt.After(w.platform.db.Now()), row.Title, row.Body
	}
	c.addAccess(t)
	c.addIdentity(t)
	c.addBilling(t)
	return c.objects
}

// counter counts the objects of a world.
type counter struct {
	w       *world
	objects map[string]*object
}

func (c *counter) slug(id uuid.UUID) string {
	return c.w.names[typeid.New(typeid.Organization, id).String()]
}

func (c *counter) person(id uuid.UUID) string {
	return c.w.names[typeid.New(typeid.User, id).String()]
}

func (c *counter) add(kind string, id typeid.ID, organizations ...uuid.UUID) *object {
	o := &object{kind: kind, id: id.String(), tells: map[string]string{}}
	for _, organization := range organizations {
		o.slugs = append(o.slugs, c.slug(organization))
	}
	c.objects[o.id] = o
	return o
}

// project names the project that something is in.
func (c *counter) project(id uuid.UUID) string {
	return c.w.names[typeid.New(typeid.Project, id).String()]
}

func (c *counter) addAccess(t *testing.T) {
	t.Helper()
	ctx, client := c.w.system(t), c.w.platform.db.Client()
	for _, row := range one(t, func() ([]*ent.Group, error) {
		return client.Group.Query().WithMembers(func(q *ent.GroupMemberQuery) { q.WithMembership().WithApplication() }).All(ctx)
	}) {
		o := c.add("Group", typeid.New(typeid.Group, row.ID), row.OrganizationID)
		if row.Builtin == nil {
			o.tells["name"] = row.Name
		}
		for _, m := range row.Edges.Members {
			if m.Edges.Application != nil {
				o.in = append(o.in, m.Edges.Application.Name)
			} else {
				o.in = append(o.in, c.person(m.Edges.Membership.UserID))
			}
		}
	}
	for _, row := range one(t, func() ([]*ent.Project, error) { return client.Project.Query().All(ctx) }) {
		o := c.add("Project", typeid.New(typeid.Project, row.ID), row.OrganizationID)
		if o.project = c.project(row.ID); !row.IsDefault {
			o.tells["name"] = row.Name
		}
	}
	for _, row := range one(t, func() ([]*ent.SSHKey, error) { return client.SSHKey.Query().All(ctx) }) {
		o := c.add("SSHKey", typeid.New(typeid.SSHKey, row.ID), row.OrganizationID)
		o.project = c.project(row.ProjectID)
		o.tells["name"], o.tells["publicKey"], o.tells["fingerprint"] = row.Name, row.PublicKey, row.Fingerprint
	}
	for _, row := range one(t, func() ([]*ent.Resource, error) { return client.Resource.Query().All(ctx) }) {
		o := c.add("Resource", typeid.New(typeid.Resource, row.ID), row.OrganizationID)
		o.project = c.project(row.ProjectID)
		o.tells["name"], o.tells["externalId"] = row.Name, row.ExternalID
	}
	for _, row := range one(t, func() ([]*ent.AccessPolicy, error) {
		return client.AccessPolicy.Query().Order(ent.Asc(accesspolicy.FieldID)).All(ctx)
	}) {
		o := c.add("Policy", typeid.New(typeid.Policy, row.ID), row.OrganizationID)
		if !row.Managed {
			o.tells["name"] = row.Name
		}
	}
	for _, row := range one(t, func() ([]*ent.APIKey, error) {
		return client.APIKey.Query().WithMembership().WithApplication().All(ctx)
	}) {
		o := c.add("APIKey", typeid.New(typeid.APIKey, row.ID), row.OrganizationID)
		if row.Edges.Membership != nil {
			o.who = c.person(row.Edges.Membership.UserID)
		} else {
			o.who = row.Edges.Application.Name
			if row.Edges.Application.ProjectID != nil {
				o.project = c.project(*row.Edges.Application.ProjectID)
			}
		}
		o.tells["accessKey"], o.tells["description"] = row.AccessKey, row.Description
	}
	for _, row := range one(t, func() ([]*ent.AccessRequest, error) { return client.AccessRequest.Query().All(ctx) }) {
		o := c.add("AccessRequest", typeid.New(typeid.AccessRequest, row.ID), row.OrganizationID)
		o.who, o.tells["reason"] = c.person(row.UserID), row.Reason
		asker := c.objects[typeid.New(typeid.User, row.UserID).String()]
		asker.asks = append(asker.asks, o.slugs...)
	}
	for _, row := range one(t, func() ([]*ent.Invitation, error) { return client.Invitation.Query().All(ctx) }) {
		c.add("Invitation", typeid.New(typeid.Invitation, row.ID), row.OrganizationID).tells["email"] = row.Email
	}
	for _, row := range one(t, func() ([]*ent.Notice, error) { return client.Notice.Query().All(ctx) }) {
		o := c.add("Notice", typeid.New(typeid.Notice, row.ID), row.OrganizationID)
		if strings.HasPrefix(row.Subject, "subject-of-") { // Others are names of groups.
			o.tells["subject"] = row.Subject
		}
	}
}

func (c *counter) addIdentity(t *testing.T) {
	t.Helper()
	ctx, client := c.w.system(t), c.w.platform.db.Client()
	for _, row := range one(t, func() ([]*ent.IdentityProvider, error) { return client.IdentityProvider.Query().All(ctx) }) {
		o := c.add("IdentityProvider", typeid.New(typeid.IdentityProvider, row.ID), row.OrganizationID)
		o.tells["name"], o.tells["clientId"] = row.Name, row.ClientID
	}
	for _, row := range one(t, func() ([]*ent.LinkedIdentity, error) { return client.LinkedIdentity.Query().All(ctx) }) {
		o := c.add("LinkedIdentity", typeid.New(typeid.LinkedIdentity, row.ID), row.OrganizationID)
		o.who, o.tells["subject"] = c.person(row.UserID), row.Subject
	}
	for _, row := range one(t, func() ([]*ent.TrustedIssuer, error) { return client.TrustedIssuer.Query().All(ctx) }) {
		o := c.add("TrustedIssuer", typeid.New(typeid.TrustedIssuer, row.ID), row.OrganizationID)
		o.tells["name"], o.tells["audience"] = row.Name, row.Audience
	}
	for _, row := range one(t, func() ([]*ent.TrustedSubject, error) { return client.TrustedSubject.Query().All(ctx) }) {
		c.add("TrustedSubject", typeid.New(typeid.TrustedSubject, row.ID), row.OrganizationID).tells["subject"] = row.Subject
	}
}

func (c *counter) addBilling(t *testing.T) {
	t.Helper()
	ctx, client := c.w.system(t), c.w.platform.db.Client()
	for _, row := range one(t, func() ([]*ent.BillingMultiplier, error) { return client.BillingMultiplier.Query().All(ctx) }) {
		o := c.add("BillingMultiplier", typeid.New(typeid.Multiplier, row.ID), row.SellerID)
		o.tells["reason"], o.tells["factor"] = row.Reason, row.Factor
	}
	for _, row := range one(t, func() ([]*ent.PriceGuard, error) { return client.PriceGuard.Query().All(ctx) }) {
		c.add("PriceGuard", typeid.New(typeid.PriceGuard, row.ID), row.ManagerID).tells["reason"] = row.Reason
	}
	for _, row := range one(t, func() ([]*ent.TaxRate, error) { return client.TaxRate.Query().All(ctx) }) {
		c.add("TaxRate", typeid.New(typeid.TaxRate, row.ID), row.SellerID)
	}
	for _, row := range one(t, func() ([]*ent.Discount, error) { return client.Discount.Query().All(ctx) }) {
		o := c.add("Discount", typeid.New(typeid.Discount, row.ID), row.SellerID)
		o.tells["reason"] = row.Reason
		if row.VoucherID != nil {
			o.buyer = c.slug(*row.BuyerID)
		}
	}
	for _, row := range one(t, func() ([]*ent.Voucher, error) { return client.Voucher.Query().All(ctx) }) {
		c.add("Voucher", typeid.New(typeid.Voucher, row.ID), row.SellerID)
	}
	for _, row := range one(t, func() ([]*ent.SupportFee, error) { return client.SupportFee.Query().All(ctx) }) {
		c.add("SupportFee", typeid.New(typeid.SupportFee, row.ID), row.SellerID)
	}
	for _, row := range one(t, func() ([]*ent.CloudAccount, error) { return client.CloudAccount.Query().All(ctx) }) {
		o := c.add("CloudAccount", typeid.New(typeid.CloudAccount, row.ID), row.OrganizationID)
		o.tells["name"] = row.Name
	}
	for _, row := range one(t, func() ([]*ent.BillingUnit, error) { return client.BillingUnit.Query().All(ctx) }) {
		c.add("BillingUnit", typeid.New(typeid.BillingUnit, row.ID), row.OrganizationID).tells["name"] = row.Name
	}
	for _, row := range one(t, func() ([]*ent.SKU, error) { return client.SKU.Query().All(ctx) }) {
		o := c.add("SKU", typeid.New(typeid.SKU, row.ID), row.OrganizationID)
		if !strings.HasPrefix(row.Code, "code-of-metered-") { // which lines of usage tell, too
			o.tells["code"], o.tells["name"] = row.Code, row.Name
		}
	}
	for _, row := range one(t, func() ([]*ent.UsageEvent, error) { return client.UsageEvent.Query().All(ctx) }) {
		c.add("UsageEvent", typeid.New(typeid.UsageEvent, row.ID), row.OrganizationID).tells["idempotencyKey"] = row.IdempotencyKey
	}
	for _, row := range one(t, func() ([]*ent.Allocation, error) { return client.Allocation.Query().All(ctx) }) {
		o := c.add("Allocation", typeid.New(typeid.Allocation, row.ID), row.OrganizationID)
		if row.GroupID != nil {
			o.in = c.objects[typeid.New(typeid.Group, *row.GroupID).String()].in
		}
	}
	for _, row := range one(t, func() ([]*ent.BillingContact, error) { return client.BillingContact.Query().All(ctx) }) {
		o := c.add("BillingContact", typeid.New(typeid.BillingContact, row.ID), row.OrganizationID)
		o.tells["name"], o.tells["email"] = row.Name, row.Email
	}
	for _, row := range one(t, func() ([]*ent.PaymentMethod, error) { return client.PaymentMethod.Query().All(ctx) }) {
		o := c.add("PaymentMethod", typeid.New(typeid.PaymentMethod, row.ID), row.OrganizationID)
		o.tells["reference"], o.tells["label"] = row.Reference, row.Label
	}
	for _, row := range one(t, func() ([]*ent.BudgetAlert, error) { return client.BudgetAlert.Query().WithBudget().All(ctx) }) {
		o := c.add("BudgetAlert", typeid.New(typeid.BudgetAlert, row.ID), row.OrganizationID)
		o.tells["emails"], o.tells["amount"] = row.Emails[0], row.Edges.Budget.Amount
	}
	for _, row := range one(t, func() ([]*ent.Webhook, error) { return client.Webhook.Query().All(ctx) }) {
		o := c.add("Webhook", typeid.New(typeid.Webhook, row.ID), row.OrganizationID)
		o.tells["name"], o.tells["url"] = row.Name, row.URL
	}
	for _, row := range one(t, func() ([]*ent.WebhookDelivery, error) { return client.WebhookDelivery.Query().All(ctx) }) {
		c.add("WebhookDelivery", typeid.New(typeid.WebhookDelivery, row.ID), row.OrganizationID)
	}
	for _, row := range one(t, func() ([]*ent.Statement, error) { return client.Statement.Query().All(ctx) }) {
		o := c.add("Statement", typeid.New(typeid.Statement, row.ID), row.SellerID)
		o.buyer = c.slug(row.BuyerID)
		o.tells["reason"], o.tells["paymentReference"] = row.Reason, row.PaymentReference
	}
	for _, row := range one(t, func() ([]*ent.CreditNote, error) { return client.CreditNote.Query().All(ctx) }) {
		o := c.add("CreditNote", typeid.New(typeid.CreditNote, row.ID), row.SellerID)
		o.buyer = c.slug(row.BuyerID)
		o.tells["reason"] = row.Reason
	}
	for _, row := range one(t, func() ([]*ent.Threshold, error) { return client.Threshold.Query().All(ctx) }) {
		o := c.add("Threshold", typeid.New(typeid.Threshold, row.ID), row.OrganizationID)
		o.tells["description"] = row.Description
		if len(row.Emails) > 0 {
			o.tells["emails"] = row.Emails[0]
		}
	}
	for _, row := range one(t, func() ([]*ent.UsageMapping, error) { return client.UsageMapping.Query().All(ctx) }) {
		o := c.add("UsageMapping", typeid.New(typeid.UsageMapping, row.ID), row.ImporterID)
		if !strings.HasPrefix(row.SubAccountID, "cloud-account-of-") { // which the cloud account tells, too
			o.tells["subAccountId"] = row.SubAccountID
		}
	}
	for _, row := range one(t, func() ([]*ent.UsageImport, error) { return client.UsageImport.Query().All(ctx) }) {
		if !strings.HasPrefix(row.ContentHash, "metered ") { // whose id nobody is told
			c.add("UsageImport", typeid.New(typeid.UsageImport, row.ID), row.OrganizationID)
		}
	}
	for _, row := range one(t, func() ([]*ent.Job, error) { return client.Job.Query().All(ctx) }) {
		o := c.add("Job", typeid.New(typeid.Job, row.ID), c.w.key(t, "platform"))
		if row.LastError != "" {
			o.tells["lastError"] = row.LastError
		}
	}
}

// nowhere is an id of a kind that names nothing.
func nowhere(kind string) string { return kind + "_01h455vb4pex5vsknk084sn02q" }
