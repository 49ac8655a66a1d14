package database_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/announcement"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/notice"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// tree is a root with two partners, each with a customer, and in every
// organization one row of everything.
type tree struct {
	db   *database.DB
	root uuid.UUID
	// north and south are partners, acme and bay their customers.
	north, south, acme, bay uuid.UUID
	people                  map[uuid.UUID]uuid.UUID // the owner of each
	groups                  map[uuid.UUID]uuid.UUID
	memberships             map[uuid.UUID]uuid.UUID
	imports                 map[uuid.UUID]uuid.UUID
}

func system(t *testing.T) context.Context {
	t.Helper()
	return access.WithViewer(t.Context(), access.SystemViewer("test"))
}

// as returns a context in which the owner of an organization acts.
func (f *tree) as(t *testing.T, organization uuid.UUID, kind orgtree.Kind) context.Context {
	t.Helper()
	return access.WithViewer(t.Context(), access.Viewer{
		Kind: access.User, ID: orgtree.ID(f.people[organization]), Name: "owner",
		Standings: map[orgtree.ID]*access.Standing{
			orgtree.ID(organization): access.NewStanding(access.Place{Organization: orgtree.ID(organization), Kind: kind, Owner: true}, access.Circumstances{}),
		},
	})
}

// organizations returns all of them.
func (f *tree) organizations() []uuid.UUID {
	return []uuid.UUID{f.root, f.north, f.south, f.acme, f.bay}
}

func plant(t *testing.T, db *database.DB) *tree {
	t.Helper()
	f := &tree{
		db: db, people: map[uuid.UUID]uuid.UUID{}, groups: map[uuid.UUID]uuid.UUID{},
		memberships: map[uuid.UUID]uuid.UUID{}, imports: map[uuid.UUID]uuid.UUID{},
	}
	f.write(t, func(ctx context.Context, tx *database.Tx) {
		f.root = f.organization(t, ctx, tx, "root", orgtree.Platform, nil, 0)
		f.north = f.organization(t, ctx, tx, "north", orgtree.Partner, []uuid.UUID{f.root}, 1)
		f.south = f.organization(t, ctx, tx, "south", orgtree.Partner, []uuid.UUID{f.root}, 1)
		f.acme = f.organization(t, ctx, tx, "acme", orgtree.Standard, []uuid.UUID{f.north, f.root}, 2)
		f.bay = f.organization(t, ctx, tx, "bay", orgtree.Standard, []uuid.UUID{f.south, f.root}, 2)
	})
	return f
}

// write runs fn as the system and fails the test on an error.
func (f *tree) write(t *testing.T, fn func(ctx context.Context, tx *database.Tx)) {
	t.Helper()
	_, err := f.db.Write(system(t), database.Entry{Action: "plant", Organization: f.root}, func(ctx context.Context, tx *database.Tx) error {
		fn(ctx, tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// terms writes what an organization charges and takes off beside its prices.
func (f *tree) terms(t *testing.T, ctx context.Context, tx *database.Tx, id uuid.UUID) { //nolint:revive // the test comes first
	t.Helper()
	db, now := f.db, f.db.Now()
	must(t, tx.TaxRate.Create().SetID(db.NewID()).SetSellerID(id).SetName("VAT").SetPercent("20").SetCountry("").SetReverseCharge(false).
		SetFirstMonth("2026-01").SetCreatedAt(now).Exec(ctx))
	must(t, tx.Discount.Create().SetID(db.NewID()).SetSellerID(id).SetMode("RATE").SetPercent("5").SetCurrency("").SetFilters("[]").
		SetFirstMonth("2026-01").SetDescription("less").SetReason("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.Voucher.Create().SetID(db.NewID()).SetSellerID(id).SetCodeHash(id.String()).SetMode("RATE").SetPercent("5").SetCurrency("").SetFilters("[]").
		SetDescription("less").SetRedeemableFrom(now).SetCreatedAt(now).Exec(ctx))
	must(t, tx.SupportFee.Create().SetID(db.NewID()).SetSellerID(id).SetPlan("BUSINESS").SetMinimum("5").SetCurrency("USD").SetPercent("1").
		SetFirstMonth("2026-01").SetCreatedAt(now).Exec(ctx))
}

// organization writes an organization with one row of everything. above are the
// organizations above it, nearest first.
func (f *tree) organization(t *testing.T, ctx context.Context, tx *database.Tx, slug string, kind orgtree.Kind, above []uuid.UUID, depth int) uuid.UUID { //nolint:revive // the test comes first
	t.Helper()
	db, now := f.db, f.db.Now()
	id := db.NewID()
	create := tx.Organization.Create().SetID(id).SetKind(kind).SetDepth(depth).SetName(slug).SetSlug(slug).SetStatus(orgtree.Active).SetCreatedAt(now)
	if len(above) > 0 {
		create.SetParentID(above[0])
	}
	must(t, create.Exec(ctx))
	must(t, tx.Ancestry.Create().SetOrganizationID(id).SetAncestorID(id).SetDistance(0).Exec(ctx))
	for i, a := range above {
		must(t, tx.Ancestry.Create().SetOrganizationID(id).SetAncestorID(a).SetDistance(i+1).Exec(ctx))
	}
	person := db.NewID()
	must(t, tx.User.Create().SetID(person).SetUsername("owner."+slug).SetUsernameKey("owner."+slug).SetEmail(slug+"@x.example").SetEmailKey(slug+"@x.example").
		SetName(slug).SetStatus(user.StatusACTIVE).SetHomeOrganizationID(id).SetPasswordHash("argon2id-secret").SetCreatedAt(now).Exec(ctx))
	place := db.NewID()
	must(t, tx.Membership.Create().SetID(place).SetOrganizationID(id).SetUserID(person).SetOwner(true).SetCreatedAt(now).Exec(ctx))
	group := db.NewID()
	must(t, tx.Group.Create().SetID(group).SetOrganizationID(id).SetName("Team").SetNameKey("team").SetDescription("").SetRoles([]access.Role{}).SetRank(0).SetCreatedAt(now).Exec(ctx))
	must(t, tx.GroupMember.Create().SetID(db.NewID()).SetOrganizationID(id).SetGroupID(group).SetMembershipID(place).SetCreatedAt(now).Exec(ctx))
	home, bot := db.NewID(), db.NewID()
	must(t, tx.Application.Create().SetID(bot).SetOrganizationID(id).SetName("bot").SetDescription("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.Project.Create().SetID(home).SetOrganizationID(id).SetName("default").SetRegion("").SetIsDefault(true).SetStatus(project.StatusACTIVE).SetCreatedAt(now).Exec(ctx))
	must(t, tx.SettingDirective.Create().SetID(db.NewID()).SetOrganizationID(id).SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(id).
		SetKey("policies.no_public_ip").SetAuthorOrganizationID(id).SetLocked(true).SetVersion(1).SetValidFrom(now).SetReason("").Exec(ctx))
	must(t, tx.BillingMultiplier.Create().SetID(db.NewID()).SetSellerID(id).SetProvider("").SetService("").SetSku("").SetRegion("").SetChargeCategory("").
		SetBasis(billingmultiplier.BasisSOURCE).SetFactor("1.1").SetFirstMonth("2026-01").SetReason("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.PriceGuard.Create().SetID(db.NewID()).SetManagerID(id).SetBasis("").SetMin("1").SetFirstMonth("2026-01").SetReason("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.UsageMapping.Create().SetID(db.NewID()).SetImporterID(id).SetSubAccountID(slug).SetTagKey("").SetTagValue("").SetOrganizationID(id).SetCreatedAt(now).Exec(ctx))
	must(t, tx.CloudAccount.Create().SetID(db.NewID()).SetOrganizationID(id).SetName(slug).SetProvider("aws").SetProviderAccountID(slug).
		SetStatus(cloudaccount.StatusPENDING).SetGroupIds([]uuid.UUID{}).SetCredentials("").SetCreatedAt(now).Exec(ctx))
	unit := db.NewID()
	must(t, tx.BillingUnit.Create().SetID(unit).SetOrganizationID(id).SetName("credit").SetCurrency("USD").SetCreatedAt(now).Exec(ctx))
	thing := db.NewID()
	must(t, tx.SKU.Create().SetID(thing).SetOrganizationID(id).SetUnitID(unit).SetCode("CPU").SetName("CPU").SetType("Compute").SetSubtype("Hour").
		SetService("Compute").SetCreatedAt(now).Exec(ctx))
	must(t, tx.UsageEvent.Create().SetID(db.NewID()).SetOrganizationID(id).SetSkuID(thing).SetIdempotencyKey("1").SetOwnerID(id).SetProjectName("").SetUserName("").
		SetQuantity("1").SetRate("1").SetUnitRate("1").SetAmount("1").SetCurrency("USD").SetStartedAt(now).SetEndedAt(now).SetTags(map[string]string{}).
		SetMonth("2026-01").SetDatasetID(int64(len(f.people)+1)).SetUsageLineID(int64(len(f.people)+1)).SetCreatedAt(now).Exec(ctx))
	must(t, tx.MeteringRate.Create().SetID(db.NewID()).SetOrganizationID(id).SetUnitID(unit).SetRate("1").SetCreatedAt(now).Exec(ctx))
	limit := db.NewID()
	must(t, tx.Allocation.Create().SetID(limit).SetOrganizationID(id).SetAuthorID(id).SetUnit("USD").SetPeriod("MONTH").
		SetTotal("5").SetUsed("0").SetReserved("0").SetCreatedAt(now).Exec(ctx))
	must(t, tx.Threshold.Create().SetID(db.NewID()).SetOrganizationID(id).SetName("warning").SetPercent("85").SetBasis("ACTUAL").SetSeverity("ALERT").
		SetLabelColor("").SetDescription("").SetEmails([]string{}).SetCreatedAt(now).Exec(ctx))
	must(t, tx.ThresholdFiring.Create().SetID(db.NewID()).SetOrganizationID(id).SetAllocationID(limit).SetThresholdID(db.NewID()).SetThresholdName("warning").
		SetSeverity("ALERT").SetPeriod("").SetUsed("5").SetTotal("5").SetCreatedAt(now).Exec(ctx))
	must(t, tx.BillingMonth.Create().SetID(db.NewID()).SetSellerID(id).SetMonth("2025-12").SetStatus("CLOSED").SetCreatedAt(now).Exec(ctx))
	must(t, tx.BillingProfile.Create().SetID(db.NewID()).SetOrganizationID(id).SetCompany(slug).SetAddress([]string{}).SetCountry("").SetVatID("").
		SetEmail("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.BillingContact.Create().SetID(db.NewID()).SetOrganizationID(id).SetName("").SetEmail(slug+"@bills.example").SetCreatedAt(now).Exec(ctx))
	must(t, tx.PaymentMethod.Create().SetID(db.NewID()).SetOrganizationID(id).SetKind("CARD").SetProcessor("acquirer").SetReference(slug).SetLabel("card").
		SetIsDefault(true).SetCreatedAt(now).Exec(ctx))
	budget := db.NewID()
	must(t, tx.Budget.Create().SetID(budget).SetOrganizationID(id).SetCurrency("USD").SetAmount("5").SetEnabled(true).SetCreatedAt(now).Exec(ctx))
	must(t, tx.BudgetAlert.Create().SetID(db.NewID()).SetOrganizationID(id).SetBudgetID(budget).SetPercent("80").SetEmails([]string{}).SetCreatedAt(now).Exec(ctx))
	hook := db.NewID()
	must(t, tx.Webhook.Create().SetID(hook).SetOrganizationID(id).SetName("alerts").SetURL("https://hooks.example").SetEvents([]string{}).
		SetIncludeManaged(false).SetSecret("sealed").SetCreatedAt(now).Exec(ctx))
	must(t, tx.WebhookDelivery.Create().SetID(db.NewID()).SetOrganizationID(id).SetWebhookID(hook).SetMessageID(hook).SetEvent("webhook.test").SetPayload("{}").
		SetStatus("PENDING").SetNextAttemptAt(now).SetCreatedAt(now).Exec(ctx))
	must(t, tx.Statement.Create().SetID(db.NewID()).SetSellerID(id).SetBuyerID(id).SetMonth("2025-12").SetCurrency("USD").SetStatus("ISSUED").SetNumber(1).
		SetTotal("5").SetCreatedAt(now).Exec(ctx))
	f.terms(t, ctx, tx, id)
	imported := db.NewID()
	must(t, tx.UsageImport.Create().SetID(imported).SetOrganizationID(id).SetStatus(usageimport.StatusACTIVE).SetContentHash(slug).SetErrors("[]").SetBilledCosts("{}").
		SetCreatedAt(now).SetTouchedAt(now).Exec(ctx))
	must(t, tx.UsageDataset.Create().SetID(int64(len(f.people)+1)).SetImportID(imported).SetOrganizationID(id).SetProvider("aws").SetBillingAccountID(slug).SetMonth("2026-01").
		SetStatus(usagedataset.StatusACTIVE).Exec(ctx))
	f.rights(t, ctx, tx, id, bot, group, home, person)
	f.signIn(t, ctx, tx, id, bot, person, slug)
	f.support(t, ctx, tx, id, person)
	tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: &ent.Organization{ID: id, Name: slug}})
	f.people[id], f.groups[id], f.memberships[id], f.imports[id] = person, group, place, imported
	return id
}

// rights writes a row of everything about rights and of what is in projects.
func (f *tree) rights(t *testing.T, ctx context.Context, tx *database.Tx, id, bot, group, home, person uuid.UUID) { //nolint:revive // the test comes first
	t.Helper()
	db, now := f.db, f.db.Now()
	must(t, tx.AccessPolicy.Create().SetID(db.NewID()).SetOrganizationID(id).SetName("orphan").SetDescription("").SetTags([]string{}).SetRules([]access.Rule{}).SetCreatedAt(now).Exec(ctx))
	must(t, tx.GroupProject.Create().SetID(db.NewID()).SetOrganizationID(id).SetGroupID(group).SetProjectID(home).SetCreatedAt(now).Exec(ctx))
	must(t, tx.APIKey.Create().SetID(db.NewID()).SetOrganizationID(id).SetAccessKey(id.String()[18:]).SetSecretHash("hash").SetApplicationID(bot).SetDescription("").
		SetCreatedBy(person).SetCreatedIP("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.SSHKey.Create().SetID(db.NewID()).SetOrganizationID(id).SetProjectID(home).SetName("laptop").SetPublicKey("ssh-ed25519").SetFingerprint("SHA256").
		SetCreatedBy(person).SetCreatedAt(now).Exec(ctx))
	must(t, tx.Resource.Create().SetID(db.NewID()).SetOrganizationID(id).SetProjectID(home).SetKind("vm").SetName("one").SetProvider("").SetRegion("").SetInstanceType("").
		SetExternalID("").SetStatus(resource.StatusACTIVE).SetCreatedBy(person).SetCreatedAt(now).Exec(ctx))
	must(t, tx.AccessRequest.Create().SetID(db.NewID()).SetOrganizationID(id).SetUserID(person).SetReason("").SetStatus(accessrequest.StatusPENDING).
		SetExpiresAt(now).SetCreatedAt(now).Exec(ctx))
	must(t, tx.Notice.Create().SetID(db.NewID()).SetOrganizationID(id).SetKind(notice.KindACCESS_REQUESTED).SetActorID(person).SetActorOrganizationID(id).
		SetAction("requestAccess").SetSubject("").SetCreatedAt(now).Exec(ctx))
}

// signIn writes a row of everything about how people come in.
func (f *tree) signIn(t *testing.T, ctx context.Context, tx *database.Tx, id, bot, person uuid.UUID, slug string) { //nolint:revive // the test comes first
	t.Helper()
	db, now := f.db, f.db.Now()
	must(t, tx.Invitation.Create().SetID(db.NewID()).SetOrganizationID(id).SetKind(invitation.KindMEMBERSHIP).SetStatus(invitation.StatusPENDING).
		SetEmail("new@x.example").SetEmailKey("new@x.example").SetInvitedBy(person).SetExpiresAt(now).SetCreatedAt(now).Exec(ctx))
	provider := db.NewID()
	must(t, tx.IdentityProvider.Create().SetID(provider).SetOrganizationID(id).SetName("idp").SetIssuer("https://idp.example").SetClientID("headwater").SetScopes([]string{}).
		SetGroupClaim("").SetGroupMapping(map[string]string{}).SetCreatedAt(now).Exec(ctx))
	must(t, tx.LinkedIdentity.Create().SetID(db.NewID()).SetUserID(person).SetOrganizationID(id).SetProviderID(provider).
		SetIssuer("https://idp.example").SetSubject("1").SetCreatedAt(now).Exec(ctx))
	issuer := db.NewID()
	must(t, tx.TrustedIssuer.Create().SetID(issuer).SetOrganizationID(id).SetName("ci").SetIssuer("https://ci.example").SetAudience(slug).SetJwksURL("").SetCreatedAt(now).Exec(ctx))
	must(t, tx.TrustedSubject.Create().SetID(db.NewID()).SetOrganizationID(id).SetIssuerID(issuer).SetSubject("deploy").SetApplicationID(bot).SetCreatedAt(now).Exec(ctx))
	must(t, tx.Session.Create().SetID(db.NewID()).SetUserID(person).SetMethod(session.MethodPASSWORD).SetAddress("").SetUserAgent("").
		SetLastSeenAt(now).SetExpiresAt(now).SetCreatedAt(now).Exec(ctx))
	must(t, tx.Activity.Create().SetID(db.NewID()).SetOrganizationID(id).SetUserID(person).SetMonth("2026-01").Exec(ctx))
}

// support writes a row of everything about support.
func (f *tree) support(t *testing.T, ctx context.Context, tx *database.Tx, id, person uuid.UUID) { //nolint:revive // the test comes first
	t.Helper()
	db, now := f.db, f.db.Now()
	must(t, tx.SupportPlanPeriod.Create().SetID(db.NewID()).SetOrganizationID(id).SetPlan(supportplanperiod.PlanBASIC).SetStartsAt(now).SetChangedBy(person).SetCreatedAt(now).Exec(ctx))
	asked := db.NewID()
	must(t, tx.Ticket.Create().SetID(asked).SetOrganizationID(id).SetSubject("Help").SetProduct("").SetPriority(ticket.PriorityP3).SetStatus(ticket.StatusOPEN).
		SetCreatedBy(person).SetCreatedByName("").SetUpdatedAt(now).SetCreatedAt(now).Exec(ctx))
	must(t, tx.TicketMessage.Create().SetID(db.NewID()).SetOrganizationID(id).SetTicketID(asked).SetAuthorID(person).SetAuthorName("").SetBody("Please.").SetCreatedAt(now).Exec(ctx))
	must(t, tx.Announcement.Create().SetID(db.NewID()).SetOrganizationID(id).SetTitle("News").SetBody("").SetSeverity(announcement.SeverityINFO).SetStartsAt(now).SetCreatedAt(now).Exec(ctx))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// journalOf writes a journal entry of its own for each organization, so that
// entries can be told apart by where they belong.
func (f *tree) journalOf(t *testing.T) {
	t.Helper()
	for _, id := range f.organizations() {
		_, err := f.db.Write(system(t), database.Entry{Action: "touch", Organization: id}, func(_ context.Context, tx *database.Tx) error {
			tx.Record(database.Change{Kind: typeid.Organization, ID: id, Organization: id, After: &ent.Organization{ID: id}})
			return nil
		})
		must(t, err)
	}
	n, err := f.db.Client().JournalEntry.Query().Where(journalentry.Action("touch")).Count(system(t))
	must(t, err)
	if n != len(f.organizations()) {
		t.Fatalf("%d entries", n)
	}
}
