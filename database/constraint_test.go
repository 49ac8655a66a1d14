package database_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// TestTheDatabaseItselfRefuses breaks every rule that the database upholds, as
// the system, for which no service and no guard stands in the way.
func TestTheDatabaseItselfRefuses(t *testing.T) {
	t.Parallel()
	type attempt func(ctx context.Context, c *ent.Client) error
	statement := func(query string, args ...any) attempt {
		return func(ctx context.Context, c *ent.Client) error {
			_, err := c.ExecContext(ctx, query, args...)
			return err
		}
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		now, nowhere := db.Now(), db.NewID()
		newOrganization := func(kind orgtree.Kind, parent *uuid.UUID, depth int, slug string) attempt {
			return func(ctx context.Context, c *ent.Client) error {
				return c.Organization.Create().SetID(db.NewID()).SetKind(kind).SetNillableParentID(parent).SetDepth(depth).SetName("x").SetSlug(slug).
					SetStatus(orgtree.Active).SetCreatedAt(now).Exec(ctx)
			}
		}
		newPerson := func(username, email string) attempt {
			return func(ctx context.Context, c *ent.Client) error {
				return c.User.Create().SetID(db.NewID()).SetUsername(username).SetUsernameKey(strings.ToLower(username)).SetEmail(email).SetEmailKey(strings.ToLower(email)).
					SetName("").SetStatus(user.StatusACTIVE).SetCreatedAt(now).Exec(ctx)
			}
		}
		newDirective := func(version int, validTo int) attempt {
			return func(ctx context.Context, c *ent.Client) error {
				create := c.SettingDirective.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetScopeKind(settingdirective.ScopeKindORGANIZATION).SetScopeID(f.acme).
					SetKey("policies.no_public_ip").SetAuthorOrganizationID(f.acme).SetVersion(version).SetValidFrom(now).SetReason("")
				if validTo != 0 {
					create.SetValidTo(now.AddDate(0, 0, validTo))
				}
				return create.Exec(ctx)
			}
		}
		for name, tt := range map[string]struct {
			try attempt
			// code is the fault that a client sees, INTERNAL where no client can
			// cause it.
			code   fault.Code
			reason fault.Reason
			field  string
		}{
			"a second root":                      {try: newOrganization(orgtree.Platform, nil, 0, "second"), code: fault.Conflict},
			"a root below another":               {try: newOrganization(orgtree.Platform, &f.north, 2, "second"), code: fault.Internal},
			"a customer without a manager":       {try: newOrganization(orgtree.Standard, nil, 0, "orphan"), code: fault.Internal},
			"depth 0 below a manager":            {try: newOrganization(orgtree.Standard, &f.north, 0, "shallow"), code: fault.Internal},
			"depth 17":                           {try: newOrganization(orgtree.Standard, &f.north, 17, "deep"), code: fault.Internal},
			"a manager that does not exist":      {try: newOrganization(orgtree.Standard, &nowhere, 2, "lost"), code: fault.Internal},
			"a slug twice":                       {try: newOrganization(orgtree.Standard, &f.north, 2, "acme"), code: fault.Conflict, reason: fault.NameTaken, field: "slug"},
			"an organization below itself":       {try: statement(`UPDATE organizations SET parent_id = id WHERE slug = 'acme'`), code: fault.Internal},
			"deleting a manager":                 {try: statement(`DELETE FROM organizations WHERE slug = 'north'`), code: fault.Internal},
			"deleting an organization in use":    {try: statement(`DELETE FROM organizations WHERE slug = 'acme'`), code: fault.Internal},
			"an organization above itself":       {try: statement(`INSERT INTO organization_ancestries (organization_id, ancestor_id, distance) VALUES ($1, $1, 2)`, f.acme), code: fault.Internal},
			"two organizations at one distance":  {try: statement(`INSERT INTO organization_ancestries (organization_id, ancestor_id, distance) VALUES ($1, $2, 1)`, f.acme, f.south), code: fault.Internal},
			"a distance of 0 to another":         {try: statement(`INSERT INTO organization_ancestries (organization_id, ancestor_id, distance) VALUES ($1, $2, 0)`, f.acme, f.bay), code: fault.Internal},
			"an ancestor twice":                  {try: statement(`INSERT INTO organization_ancestries (organization_id, ancestor_id, distance) VALUES ($1, $2, 5)`, f.acme, f.north), code: fault.Internal},
			"a username twice":                   {try: newPerson("OWNER.acme", "new@x.example"), code: fault.Conflict, reason: fault.NameTaken, field: "username"},
			"an e-mail address twice":            {try: newPerson("new", "ACME@x.example"), code: fault.Conflict, reason: fault.NameTaken, field: "email"},
			"deleting a member's account":        {try: statement(`DELETE FROM users WHERE username = 'owner.acme'`), code: fault.Internal},
			"one live directive twice":           {try: newDirective(7, 0), code: fault.Internal},
			"a directive that ends at its start": {try: newDirective(8, -1), code: fault.Internal},
			"a version of a directive twice":     {try: newDirective(1, 1), code: fault.Internal},
			"a second owner": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Membership.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetUserID(f.people[f.bay]).SetOwner(true).SetCreatedAt(now).Exec(ctx)
			}, code: fault.OwnerImmutable},
			"a member twice": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Membership.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetUserID(f.people[f.acme]).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Conflict, reason: fault.AlreadyMember},
			"a group's name twice": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Group.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetName("TEAM").SetNameKey("team").SetDescription("").SetRoles([]access.Role{}).SetRank(1).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Conflict, reason: fault.NameTaken, field: "name"},
			"a member of a group twice": {try: func(ctx context.Context, c *ent.Client) error {
				return c.GroupMember.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetGroupID(f.groups[f.acme]).SetMembershipID(f.memberships[f.acme]).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Internal},
			"a place in a group for nobody": {try: func(ctx context.Context, c *ent.Client) error {
				return c.GroupMember.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetGroupID(f.groups[f.acme]).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Internal},
			"a second default project": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Project.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetName("second").SetRegion("").SetIsDefault(true).SetStatus(project.StatusACTIVE).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Internal},
			"a project's name twice": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Project.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetName("default").SetRegion("").SetStatus(project.StatusACTIVE).SetCreatedAt(now).Exec(ctx)
			}, code: fault.Conflict, reason: fault.NameTaken, field: "name"},
			"an SSH key of a project twice": {try: func(ctx context.Context, c *ent.Client) error {
				return twice(func() error {
					return c.SSHKey.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetProjectID(c.Project.Query().Where(project.OrganizationID(f.acme)).FirstIDX(ctx)).
						SetName("laptop").SetPublicKey("ssh-ed25519 AAAA").SetFingerprint("SHA256:x").SetCreatedBy(f.people[f.acme]).SetCreatedAt(now).Exec(ctx)
				})
			}, code: fault.Conflict, field: "publicKey"},
			"an external id of active resources twice": {try: func(ctx context.Context, c *ent.Client) error {
				return twice(func() error {
					return c.Resource.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetProjectID(c.Project.Query().Where(project.OrganizationID(f.acme)).FirstIDX(ctx)).
						SetKind("vm").SetName("one").SetProvider("aws").SetRegion("").SetInstanceType("").SetExternalID("i-1").SetStatus(resource.StatusACTIVE).
						SetCreatedBy(f.people[f.acme]).SetCreatedAt(now).Exec(ctx)
				})
			}, code: fault.Conflict, field: "externalId"},
			"an application's name twice": {try: func(ctx context.Context, c *ent.Client) error {
				return c.Application.Create().SetID(db.NewID()).SetOrganizationID(f.acme).SetName("bot").SetDescription("").SetCreatedAt(now).Exec(ctx)
			}, code: fault.Conflict, reason: fault.NameTaken, field: "name"},
		} {
			_, err := db.Write(system(t), database.Entry{Action: "break", Organization: f.root}, func(ctx context.Context, tx *database.Tx) error {
				return tt.try(ctx, tx.Client)
			})
			if err == nil {
				t.Errorf("%s is possible", name)
				continue
			}
			var shown *fault.Error
			if !errors.As(err, &shown) {
				shown = &fault.Error{Code: fault.Internal}
			}
			if shown.Code != tt.code || shown.Reason != tt.reason || shown.Field != tt.field {
				t.Errorf("%s: %s %s %q, want %s %s %q (%v)", name, shown.Code, shown.Reason, shown.Field, tt.code, tt.reason, tt.field, err)
			}
			if shown.Code != fault.Internal && shown.Err == nil {
				t.Errorf("%s: the cause is lost", name)
			}
		}
	})
}

// TestWhatGoesTogether deletes a group, a membership and an application, which
// take their places in groups along.
func TestWhatGoesTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		f := plant(t, db)
		ctx, c := system(t), db.Client()
		places := func() int {
			n, err := c.GroupMember.Query().Count(ctx)
			must(t, err)
			return n
		}
		before := places()
		must(t, c.Group.DeleteOneID(f.groups[f.acme]).Exec(ctx))
		must(t, c.Membership.DeleteOneID(f.memberships[f.bay]).Exec(ctx))
		if got := places(); got != before-2 {
			t.Errorf("%d places in groups became %d", before, got)
		}
	})
}

// twice does the same thing two times.
func twice(do func() error) error {
	if err := do(); err != nil {
		return fmt.Errorf("the first time: %w", err)
	}
	return do()
}
