package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// entities returns ent's client of every entity by name.
func entities(client *ent.Client) map[string]reflect.Value {
	found := map[string]reflect.Value{}
	clients := reflect.ValueOf(client).Elem()
	for i := range clients.NumField() {
		if name, ok := strings.CutSuffix(clients.Field(i).Type().String(), "Client"); ok && clients.Type().Field(i).IsExported() {
			found[strings.TrimPrefix(name, "*ent.")] = clients.Field(i)
		}
	}
	return found
}

// call calls a method that returns (something, error) or an error.
func call(on reflect.Value, method string, args ...any) (reflect.Value, error) {
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		in[i] = reflect.ValueOf(arg)
	}
	out := on.MethodByName(method).Call(in)
	last := out[len(out)-1]
	if err, ok := last.Interface().(error); ok {
		return out[0], err
	}
	return out[0], nil
}

func builder(client reflect.Value, method string) reflect.Value {
	return client.MethodByName(method).Call(nil)[0]
}

func TestEveryEntityHasARule(t *testing.T) {
	t.Parallel()
	all := entities(ent.NewClient())
	if len(all) < 15 {
		t.Fatalf("found only %d entities", len(all))
	}
	for name := range all {
		if _, _, _, known := database.RuleOf(name); !known {
			t.Errorf("%s has no rule: nobody can read it", name)
		}
	}
	if database.RuledEntities() != len(all) {
		t.Errorf("there are %d rules for %d entities", database.RuledEntities(), len(all))
	}
}

func TestNobodyReadsOrWrites(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		plant(t, db)
		for name, client := range entities(db.Client()) {
			for what, try := range map[string]func() error{
				"count":  func() error { _, err := call(builder(client, "Query"), "Count", t.Context()); return err },
				"all":    func() error { _, err := call(builder(client, "Query"), "All", t.Context()); return err },
				"create": func() error { _, err := call(builder(client, "Create"), "Save", t.Context()); return err },
				"update": func() error { _, err := call(builder(client, "Update"), "Save", t.Context()); return err },
				"delete": func() error { _, err := call(builder(client, "Delete"), "Exec", t.Context()); return err },
			} {
				if code := fault.CodeOf(try()); code != fault.Unauthenticated {
					t.Errorf("%s of %s by nobody: %q, want UNAUTHENTICATED", what, name, code)
				}
			}
		}
	})
}

func TestSystemEntitiesAreForTheSystem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx := f.as(t, f.root, orgtree.Platform)
		n := 0
		for name, client := range entities(db.Client()) {
			if _, _, isSystem, _ := database.RuleOf(name); !isSystem {
				continue
			}
			n++
			for _, method := range []string{"Count", "All"} {
				if _, err := call(builder(client, "Query"), method, ctx); err == nil {
					t.Errorf("%s: a platform administrator reads it unscoped", name)
				}
			}
			if _, err := call(builder(client, "Delete"), "Exec", ctx); err == nil {
				t.Errorf("%s: a platform administrator deletes it", name)
			}
			if _, err := call(builder(client, "Query"), "Count", system(t)); err != nil {
				t.Errorf("%s: the system cannot read it: %v", name, err)
			}
		}
		if n == 0 {
			t.Error("there are none")
		}
	})
}

// tableOf returns the table of an entity, which its own query names.
func tableOf(t *testing.T, name string) string {
	t.Helper()
	tables := map[string]string{
		"Organization": "organizations", "Ancestry": "organization_ancestries", "Membership": "memberships", "Application": "applications",
		"Group": "groups", "GroupMember": "group_members", "Project": "projects", "SettingDirective": "setting_directives",
		"BillingMultiplier": "billing_multipliers", "PriceGuard": "price_guards", "UsageMapping": "usage_mappings", "CloudAccount": "cloud_accounts", "UsageImport": "usage_imports",
		"UsageDataset": "usage_datasets", "AccessPolicy": "policies", "GroupProject": "group_projects", "APIKey": "api_keys", "SSHKey": "ssh_keys",
		"Resource": "resources", "AccessRequest": "access_requests", "Notice": "notices", "JournalEntry": "journal_entries", "JournalChange": "journal_changes",
		"Invitation": "invitations", "IdentityProvider": "identity_providers", "TrustedIssuer": "trusted_issuers", "TrustedSubject": "trusted_subjects",
		"SupportPlanPeriod": "support_plan_periods", "Ticket": "tickets", "TicketMessage": "ticket_messages", "Announcement": "announcements", "Activity": "activities",
		"BillingContact": "billing_contacts", "PaymentMethod": "payment_methods", "Webhook": "webhooks", "WebhookDelivery": "webhook_deliveries", "Budget": "budgets", "BudgetAlert": "budget_alerts",
		"Allocation": "allocations", "Threshold": "thresholds", "ThresholdFiring": "threshold_firings",
		"BillingUnit": "billing_units", "SKU": "skus", "MeteringRate": "metering_rates", "UsageEvent": "usage_events",
		"BillingMonth": "billing_months", "BillingProfile": "billing_profiles",
		"TaxRate": "tax_rates", "Voucher": "vouchers", "SupportFee": "support_fees",
	}
	table, ok := tables[name]
	if !ok {
		t.Fatalf("what is the table of %s?", name)
	}
	return table
}

// TestReadsStayWithinReach counts the rows of every entity as several people,
// through the guard and by SQL.
func TestReadsStayWithinReach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		f.journalOf(t)
		for who, tt := range map[string]struct {
			ctx   context.Context
			reach []uuid.UUID
		}{
			"a platform owner": {f.as(t, f.root, orgtree.Platform), f.organizations()},
			"a partner":        {f.as(t, f.north, orgtree.Partner), []uuid.UUID{f.north, f.acme}},
			"another partner":  {f.as(t, f.south, orgtree.Partner), []uuid.UUID{f.south, f.bay}},
			"a customer":       {f.as(t, f.acme, orgtree.Standard), []uuid.UUID{f.acme}},
			"a stranger":       {access.WithViewer(t.Context(), access.Viewer{Kind: access.User, ID: orgtree.ID(db.NewID())}), nil},
		} {
			for name, client := range entities(db.Client()) {
				column, confined, isSystem, _ := database.RuleOf(name)
				if confined || isSystem {
					continue
				}
				got, err := call(builder(client, "Query"), "Count", tt.ctx)
				must(t, err)
				want := countIn(t, db, tableOf(t, name), column, tt.reach)
				if got.Interface() != want {
					t.Errorf("%s sees %v rows of %s, want %d", who, got, name, want)
				}
				if len(tt.reach) > 0 && want == 0 {
					t.Errorf("%s: there is nothing to see of %s", who, name)
				}
			}
			people, err := db.Client().User.Query().IDs(tt.ctx)
			must(t, err)
			if len(people) != len(tt.reach) {
				t.Errorf("%s sees %d people, want %d", who, len(people), len(tt.reach))
			}
		}
	})
}

// countIn counts the rows of a table that belong to the organizations.
func countIn(t *testing.T, db *database.DB, table, column string, organizations []uuid.UUID) int {
	t.Helper()
	total := 0
	for _, id := range organizations {
		rows, err := db.Client().QueryContext(system(t), fmt.Sprintf(`SELECT COUNT(*) FROM "%s" WHERE "%s" = $1`, table, column), id)
		must(t, err)
		total += scanCount(t, rows)
	}
	return total
}

func scanCount(t *testing.T, rows *sql.Rows) int {
	t.Helper()
	n := 0
	if !rows.Next() {
		t.Fatal(errors.Join(errors.New("no row"), rows.Err()))
	}
	must(t, rows.Scan(&n))
	must(t, errors.Join(rows.Close(), rows.Err()))
	return n
}

// TestUpdatesStayWithinReach changes the versions of all rows of every entity
// that has them, as a partner, and finds only its own changed.
func TestUpdatesStayWithinReach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx := f.as(t, f.north, orgtree.Partner)
		n := 0
		for name, client := range entities(db.Client()) {
			update := builder(client, "Update")
			if _, _, isSystem, _ := database.RuleOf(name); isSystem || !update.MethodByName("AddVersion").IsValid() {
				continue
			}
			n++
			update.MethodByName("AddVersion").Call([]reflect.Value{reflect.ValueOf(1)})
			changed, err := call(update, "Save", ctx)
			must(t, err)
			want := 2
			if name == "Session" {
				want = 1 // A person's own are nobody else's.
			}
			if changed.Interface() != want {
				t.Errorf("a partner changes %v rows of %s, want %d", changed, name, want)
			}
		}
		if n < 8 {
			t.Errorf("tried only %d entities", n)
		}
	})
}

// TestDeletesStayWithinReach deletes everything that it can as a stranger.
func TestDeletesStayWithinReach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		stranger := access.WithViewer(t.Context(), access.Viewer{Kind: access.User, ID: orgtree.ID(db.NewID())})
		for name, client := range entities(db.Client()) {
			if _, _, isSystem, _ := database.RuleOf(name); isSystem || strings.HasPrefix(name, "Journal") {
				continue // The journal refuses to lose anything, see TestJournalIsAppendOnly.
			}
			gone, err := call(builder(client, "Delete"), "Exec", stranger)
			must(t, err)
			if gone.Interface() != 0 {
				t.Errorf("a stranger deletes %v rows of %s", gone, name)
			}
		}
		gone, err := db.Client().Group.Delete().Where(group.ID(f.groups[f.bay])).Exec(f.as(t, f.north, orgtree.Partner))
		if err != nil || gone != 0 {
			t.Errorf("a partner deletes another's group: %d, %v", gone, err)
		}
		gone, err = db.Client().Group.Delete().Where(group.ID(f.groups[f.acme])).Exec(f.as(t, f.north, orgtree.Partner))
		if err != nil || gone != 1 {
			t.Errorf("a partner cannot delete its customer's group: %d, %v", gone, err)
		}
	})
}

// TestCreatesStayWithinReach makes rows in its own organization and in others.
func TestCreatesStayWithinReach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		now := db.Now()
		n := 0
		unique := func() string { n++; return fmt.Sprintf("new-%d", n) }
		for name, create := range map[string]func(ctx context.Context, tx *ent.Client, where uuid.UUID) error{
			"Organization": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.Organization.Create().SetID(db.NewID()).SetKind(orgtree.Standard).SetParentID(where).SetDepth(2).SetName("x").SetSlug(unique()).
					SetStatus(orgtree.Active).SetCreatedAt(now).Exec(ctx)
			},
			"Membership": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.Membership.Create().SetID(db.NewID()).SetOrganizationID(where).SetUserID(f.people[f.root]).SetCreatedAt(now).Exec(ctx)
			},
			"Application": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.Application.Create().SetID(db.NewID()).SetOrganizationID(where).SetName(unique()).SetDescription("").SetCreatedAt(now).Exec(ctx)
			},
			"Group": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				name := unique()
				return tx.Group.Create().SetID(db.NewID()).SetOrganizationID(where).SetName(name).SetNameKey(name).SetDescription("").SetRoles([]access.Role{}).SetRank(1).SetCreatedAt(now).Exec(ctx)
			},
			"Project": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.Project.Create().SetID(db.NewID()).SetOrganizationID(where).SetName(unique()).SetRegion("").SetStatus(project.StatusACTIVE).SetCreatedAt(now).Exec(ctx)
			},
			"SettingDirective": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.SettingDirective.Create().SetID(db.NewID()).SetOrganizationID(where).SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(where).
					SetKey("quotas.users").SetAuthorOrganizationID(where).SetLocked(true).SetValidFrom(now).SetReason("").Exec(ctx)
			},
			"AccessPolicy": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.AccessPolicy.Create().SetID(db.NewID()).SetOrganizationID(where).SetName("x").SetDescription("").SetTags([]string{}).SetRules([]access.Rule{}).SetCreatedAt(now).Exec(ctx)
			},
			"AccessRequest": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.AccessRequest.Create().SetID(db.NewID()).SetOrganizationID(where).SetUserID(f.people[f.north]).SetReason("").SetStatus("PENDING").
					SetExpiresAt(now).SetCreatedAt(now).Exec(ctx)
			},
			"CloudAccount": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.CloudAccount.Create().SetID(db.NewID()).SetOrganizationID(where).SetName(unique()).SetProvider("aws").SetProviderAccountID(unique()).
					SetStatus(cloudaccount.StatusPENDING).SetGroupIds([]uuid.UUID{}).SetCredentials("").SetCreatedAt(now).Exec(ctx)
			},
			"UsageMapping": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				return tx.UsageMapping.Create().SetID(db.NewID()).SetImporterID(where).SetSubAccountID(unique()).SetTagKey("").SetTagValue("").SetOrganizationID(where).SetCreatedAt(now).Exec(ctx)
			},
			"User": func(ctx context.Context, tx *ent.Client, where uuid.UUID) error {
				name := unique()
				return tx.User.Create().SetID(db.NewID()).SetUsername(name).SetUsernameKey(name).SetEmail(name).SetEmailKey(name).SetName("").SetStatus(user.StatusINVITED).
					SetHomeOrganizationID(where).SetCreatedAt(now).Exec(ctx)
			},
		} {
			ctx := f.as(t, f.north, orgtree.Partner)
			if err := create(ctx, db.Client(), f.acme); err != nil {
				t.Errorf("a partner cannot make a %s in its customer: %v", name, err)
			}
			for place, where := range map[string]uuid.UUID{"the platform": f.root, "another partner": f.south, "another's customer": f.bay, "nowhere": db.NewID()} {
				if code := fault.CodeOf(create(ctx, db.Client(), where)); code != fault.NotFound {
					t.Errorf("a partner makes a %s in %s: %q, want NOT_FOUND", name, place, code)
				}
			}
		}
	})
}

// TestUpdatesMoveNothingOutOfReach gives rows to organizations out of reach.
func TestUpdatesMoveNothingOutOfReach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx := f.as(t, f.north, orgtree.Partner)
		for name, err := range map[string]error{
			"a group":         db.Client().Group.UpdateOneID(f.groups[f.acme]).SetOrganizationID(f.bay).Exec(ctx),
			"all groups":      db.Client().Group.Update().SetOrganizationID(f.bay).Exec(ctx),
			"a membership":    db.Client().Membership.UpdateOneID(f.memberships[f.acme]).SetOrganizationID(f.bay).Exec(ctx),
			"an organization": db.Client().Organization.Update().Where(organization.ID(f.acme)).SetParentID(f.south).Exec(ctx),
			"a person's home": db.Client().User.UpdateOneID(f.people[f.acme]).SetHomeOrganizationID(f.bay).Exec(ctx),
		} {
			if code := fault.CodeOf(err); code != fault.NotFound {
				t.Errorf("%s moves out of reach: %q, want NOT_FOUND", name, code)
			}
		}
	})
}

// TestUnguardedKeepsTheActor lets everything through and changes nothing about
// who acts.
func TestUnguardedKeepsTheActor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx := database.Unguarded(f.as(t, f.acme, orgtree.Standard))
		n, err := db.Client().Organization.Query().Count(ctx)
		if err != nil || n != len(f.organizations()) {
			t.Errorf("%d organizations, %v", n, err)
		}
		if viewer := access.ViewerFrom(ctx); viewer.ID != orgtree.ID(f.people[f.acme]) {
			t.Errorf("acts as %v", viewer)
		}
	})
}
