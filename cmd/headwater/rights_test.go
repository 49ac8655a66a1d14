package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// TestRights tries every operation as everybody, against the decided matrix:
// a row is an operation, a column who tries it, and a cell what they are told.
//
//	y  it is done
//	F  FORBIDDEN
//	-  NOT_FOUND: it lies outside their tree, or they may not know of it
func TestRights(t *testing.T) {
	t.Parallel()
	const actors = `ada pat paula pia penny pete sven rita bob cora  olga gail seth uma greg adam edna bill max deployer`
	const matrix = `
read acme                       y   -   y     y   -     -    -    -    -   -     y    y    y    y   y    y    y    y    y   y
read northwind                  y   -   y     y   y     y    -    -    -   -     -    -    -    -   -    -    -    -    -   -
read cove                       y   -   y     y   -     -    y    -    -   y     -    -    -    -   -    -    -    -    -   -
rename acme                     y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
reference of acme               y   -   y     y   -     -    -    -    -   -     F    F    F    F   F    F    F    F    F   F
create under northwind          y   -   y     y   F     F    -    -    -   -     -    -    -    -   -    -    -    -    -   -
create partner under northwind  y   -   F     F   F     F    -    -    -   -     -    -    -    -   -    -    -    -    -   -
kind of bravo                   y   -   F     F   -     -    -    -    F   -     -    -    -    -   -    -    -    -    -   -
create standalone               F   F   F     F   F     F    F    F    F   F     F    F    F    F   F    F    F    F    F   F
create user                     y   -   y     y   -     -    -    -    -   -     y    y    F    y   F    y    F    F    F   F
create administrator            y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
create group                    y   -   y     y   -     -    -    -    -   -     y    y    F    F   y    y    F    F    F   F
create group with roles         y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
create group with rank          y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F
set roles                       y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
rank of a group                 y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    y    -    -    -   -
rename group                    y   -   y     y   -     -    -    -    -   -     y    y    -    F   y    y    -    -    -   -
join plain group                y   -   y     y   -     -    -    -    -   -     y    y    -    F   y    y    -    -    -   -
join settings group             y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    y    -    -    -   F
join admins group               y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
join Administrators             y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
join Billing Administrators     y   -   F     F   -     -    -    -    -   -     y    F    -    F   F    F    -    F    -   -
leave admins group              y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
delete plain group              y   -   y     y   -     -    -    -    -   -     y    y    -    F   y    y    -    -    -   -
delete admins group             y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
policies of acme                y   -   y     y   -     -    -    -    -   -     y    y    y    F   F    y    F    F    F   y
security of acme                y   -   y     y   -     -    -    -    -   -     y    y    y    F   F    y    F    F    F   y
identity of acme                y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
members switch of acme          y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
unset members switch            y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
guard members switch            y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
lock members switch             y   -   y     y   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
quota of acme                   y   -   y     y   -     -    -    -    -   -     F    F    F    F   F    F    F    F    F   F
quota of acme by its manager    y   -   y     y   -     -    -    -    -   -     F    F    F    F   F    F    F    F    F   F
cloud of acme                   y   -   y     y   -     -    -    -    -   -     y    y    y    F   F    y    F    F    F   y
cloud of acme by its manager    y   -   y     y   -     -    -    -    -   -     F    F    F    F   F    F    F    F    F   F
policies of acme by its manager y   -   y     y   -     -    -    -    -   -     F    F    F    F   F    F    F    F    F   F
policies of northwind           y   -   y     y   F     y    -    -    -   -     -    -    -    -   -    -    -    -    -   -
currency of northwind           y   -   y     y   F     F    -    -    -   -     -    -    -    -   -    -    -    -    -   -
policies of the platform        y   F   -     -   -     -    -    -    -   -     -    -    -    -   -    -    -    -    -   -
platform setting                y   F   -     -   -     -    -    -    -   -     -    -    -    -   -    -    -    -    -   -
variables of a root group       y   y   -     -   -     -    -    -    -   -     -    -    -    -   -    -    -    -    -   -
theme of max                    y   -   y     y   -     -    -    -    -   -     y    y    -    y   F    y    -    -    y   -
theme of gail                   y   -   y     y   -     -    -    -    -   -     y    y    -    F   F    F    -    -    -   -
theme of olga                   F   -   F     F   -     -    -    -    -   -     y    F    -    F   F    F    -    -    -   -
settings of max                 y   -   y     y   -     -    -    -    -   -     y    y    -    y   y    y    -    -    y   -
variables of a group            y   -   y     y   -     -    -    -    -   -     y    y    y    F   F    y    -    -    -   y
settings of a group             y   -   y     y   -     -    -    -    -   -     y    y    -    y   y    y    -    -    -   -
membership of max               y   -   y     y   -     -    -    -    -   -     y    y    -    y   y    y    -    -    y   -
person max                      y   -   y     y   -     -    -    -    -   -     y    y    -    y   y    y    -    -    y   -
project of acme                 y   -   y     y   -     -    -    -    -   -     y    y    -    -   -    y    y    -    -   -
application of acme             y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   y
policy of acme                  y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    y    -    -    -   -
permission sets of acme         y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    y    F    F    F   F
create policy                   y   -   F     F   -     -    -    -    -   -     y    y    F    F   F    F    F    F    F   F
rename policy                   y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -
rules of a policy               y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -
principal of a policy           y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -
clone policy                    y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -
delete policy                   y   -   -     -   -     -    -    -    -   -     y    y    -    -   -    F    -    -    -   -
rules of Administrators         F   -   -     -   -     -    -    -    -   -     y    F    -    -   -    F    -    -    -   -
reset Administrators            F   -   -     -   -     -    -    -    -   -     y    F    -    -   -    F    -    -    -   -
group of acme                   y   -   y     y   -     -    -    -    -   -     y    y    -    y   y    y    -    -    -   -
check on max in acme            y   -   y     y   -     -    -    -    -   -     y    y    F    y   y    y    F    F    y   F
explain max in acme             y   -   y     y   -     -    -    -    -   -     y    y    F    y   y    y    F    F    y   F
check oneself in acme           y   y   y     y   y     y    y    y    y   y     y    y    y    y   y    y    y    y    y   y
explain oneself in acme         y   -   y     y   -     -    -    -    -   -     y    y    y    y   y    y    y    y    y   y
ask for access to dune          y   -   y     y   -     -    -    -    -   -     -    -    -    -   -    -    -    -    -   -
answer a request to acme        -   -   -     -   -     -    -    -    -   -     y    -    -    -   -    -    -    -    -   -
`
	who := strings.Fields(actors)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		operations := attempts()
		for row := range strings.Lines(strings.TrimSpace(matrix)) {
			name, cells := rowOf(t, row, len(who))
			try, ok := operations[name]
			if !ok {
				t.Fatalf("what is %q?", name)
			}
			delete(operations, name)
			for i, actor := range who {
				if got := told(t, try(t, w, actor)); got != cells[i] {
					t.Errorf("%s: %s is told %s, want %s", name, actor, got, cells[i])
				}
			}
		}
		for name := range operations {
			t.Errorf("%s is in no row", name)
		}
	})
}

// rowOf returns the name of an operation and one cell per actor.
func rowOf(t *testing.T, row string, n int) (string, []string) {
	t.Helper()
	words := strings.Fields(row)
	if len(words) <= n {
		t.Fatalf("too few cells: %q", row)
	}
	return strings.Join(words[:len(words)-n], " "), words[len(words)-n:]
}

// staff adds people of every role to the world.
func staff(t *testing.T, w *world) {
	t.Helper()
	w.team(t, "platform", "settings", "org:settings")
	w.person(t, "platform", "pat", "platform.settings")
	w.team(t, "platform", "plain")
	w.team(t, "northwind", "admins", "org:admin")
	w.person(t, "northwind", "pia", "northwind.admins")
	w.person(t, "northwind", "penny")
	w.person(t, "northwind", "pete", "northwind.administrators")
	w.team(t, "acme", "plain")
	for team, role := range map[string]string{"admins": "org:admin", "settings": "org:settings", "users": "org:users", "groups": "org:groups"} {
		w.team(t, "acme", team, role)
	}
	w.person(t, "acme", "gail", "acme.admins")
	w.person(t, "acme", "seth", "acme.settings")
	w.person(t, "acme", "uma", "acme.users")
	w.person(t, "acme", "greg", "acme.groups")
	w.person(t, "acme", "adam", "acme.administrators")
	w.person(t, "acme", "edna", "acme.editors")
	w.person(t, "acme", "bill", "acme.billing")
	w.person(t, "acme", "neo")
	w.arrange(t, "application acme.deployer acme.settings")
	w.policy(t, "acme.books", "ada", "acme.plain", books())
}

// attempt is one operation, tried by an actor. It returns the answer.
type attempt func(t *testing.T, w *world, actor string) []byte

func attempts() map[string]attempt {
	n := 0
	fresh := func(word string) string {
		n++
		return fmt.Sprintf("%s-%d", word, n)
	}
	mutate := func(name, selection string, input func(t *testing.T, w *world) map[string]any) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, mutation(name, selection), map[string]any{"i": input(t, w)})
		}
	}
	set := func(scope, key string, value any, more map[string]any) attempt {
		return mutate("setSetting", "revision", func(_ *testing.T, w *world) map[string]any {
			input := map[string]any{"scopeId": w.ids[scope], "key": key, "value": value}
			for name, member := range more {
				input[name] = member
			}
			return input
		})
	}
	change := func(name string, more map[string]any) attempt {
		return mutate(name, "revision", func(_ *testing.T, w *world) map[string]any {
			input := map[string]any{"scopeId": w.ids["acme"], "key": "members.administrators_manage_members"}
			for name, member := range more {
				input[name] = member
			}
			return input
		})
	}
	node := func(name, selection string) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, `query($id: ID!) { node(id: $id) { id `+selection+` } }`, map[string]any{"id": w.ids[name]})
		}
	}
	join := func(group func(t *testing.T, w *world) string) attempt {
		return mutate("addGroupMembers", "group { id }", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": group(t, w), "principalIds": []string{w.ids["neo"]}}
		})
	}
	named := func(name string) func(*testing.T, *world) string {
		return func(_ *testing.T, w *world) string { return w.ids[name] }
	}
	read := func(name string) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, `query($id: ID!) { organization(id: $id) { id effectiveSettings(keys: ["policies.no_public_ip"]) { value } } }`, map[string]any{"id": w.ids[name]})
		}
	}
	organization := func(manager, kind string) attempt {
		return mutate("createOrganization", "organization { id }", func(_ *testing.T, w *world) map[string]any {
			slug := fresh("venture")
			input := map[string]any{"name": "Venture", "slug": slug, "kind": kind}
			if manager != "" {
				input["managedById"], input["ownerEmail"] = w.ids[manager], slug+"@venture.example"
			}
			return input
		})
	}
	check := func(document, principal string) attempt {
		return func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			check := map[string]any{"permission": "org:read", "resourceId": w.ids["acme"]}
			if principal != "" {
				check["principalId"] = w.ids[principal]
			}
			return w.askWith(t, actor, document, map[string]any{"check": check})
		}
	}
	const (
		checking   = `query($check: AccessCheckInput!) { checkAccess(checks: [$check]) { allowed } }`
		explaining = `query($check: AccessCheckInput!) { explainAccess(check: $check) { allowed } }`
	)
	asManager := map[string]any{"side": "MANAGER"}
	return map[string]attempt{
		"check on max in acme":    check(checking, "max"),
		"explain max in acme":     check(explaining, "max"),
		"check oneself in acme":   check(checking, ""),
		"explain oneself in acme": check(explaining, ""),
		"ask for access to dune": mutate("requestAccess", "accessRequest { id }", func(t *testing.T, w *world) map[string]any {
			if w.ids["dune"] == "" {
				w.organization(t, "dune", "STANDARD", "northwind", "dora")
			}
			return map[string]any{"organizationId": w.ids["dune"], "reason": "To help."}
		}),
		"answer a request to acme": mutate("declineAccessRequest", "accessRequest { id }", func(t *testing.T, w *world) map[string]any {
			helper := fresh("helper")
			w.person(t, "northwind", helper, "northwind.admins")
			return map[string]any{"accessRequestId": w.request(t, helper, "acme", "")}
		}),
		"read acme":      read("acme"),
		"read northwind": read("northwind"),
		"read cove":      read("cove"),
		"rename acme": mutate("updateOrganization", "organization { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"id": w.ids["acme"], "name": "Acme"}
		}),
		"reference of acme": mutate("updateOrganization", "organization { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"id": w.ids["acme"], "customerReference": "C-1"}
		}),
		"create under northwind":         organization("northwind", "STANDARD"),
		"create partner under northwind": organization("northwind", "PARTNER"),
		"create standalone":              organization("", "STANDARD"),
		"kind of bravo": mutate("setOrganizationKind", "organization { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"id": w.ids["bravo"], "kind": "STANDARD"}
		}),
		"create user":          mutate("createUser", "user { id }", newUser(fresh, "")),
		"create administrator": mutate("createUser", "user { id }", newUser(fresh, "acme.administrators")),
		"create group": mutate("createGroup", "group { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fresh("group")}
		}),
		"create group with roles": mutate("createGroup", "group { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fresh("group"), "roles": []string{"org:groups"}}
		}),
		"create group with rank": mutate("createGroup", "group { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"organizationId": w.ids["acme"], "name": fresh("group"), "rank": 7}
		}),
		"set roles": mutate("setGroupRoles", "group { id }", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh), "roles": []string{"org:groups"}}
		}),
		"rank of a group": mutate("updateGroup", "group { id }", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh), "rank": 9}
		}),
		"rename group": mutate("updateGroup", "group { id }", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh), "name": fresh("renamed")}
		}),
		"join plain group":            join(func(t *testing.T, w *world) string { t.Helper(); return newGroup(t, w, fresh) }),
		"join settings group":         join(named("acme.settings")),
		"join admins group":           join(named("acme.admins")),
		"join Administrators":         join(named("acme.administrators")),
		"join Billing Administrators": join(named("acme.billing")),
		"leave admins group": mutate("removeGroupMembers", "group { id }", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh, "org:admin"), "principalIds": []string{w.ids["neo"]}}
		}),
		"delete plain group": mutate("deleteGroup", "groupId", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh)}
		}),
		"delete admins group": mutate("deleteGroup", "groupId", func(t *testing.T, w *world) map[string]any {
			return map[string]any{"groupId": newGroup(t, w, fresh, "org:admin")}
		}),
		"policies of acme":                set("acme", "policies.no_public_ip", true, nil),
		"security of acme":                set("acme", "authentication.mfa_required", true, nil),
		"identity of acme":                set("acme", "authentication.methods", []string{"password"}, nil),
		"members switch of acme":          set("acme", "members.administrators_manage_members", false, nil),
		"unset members switch":            change("unsetSetting", nil),
		"guard members switch":            change("guardSetting", map[string]any{"allowed": []bool{false, true}}),
		"lock members switch":             change("lockSetting", nil),
		"quota of acme":                   set("acme", "quotas.users", 50, nil),
		"quota of acme by its manager":    set("acme", "quotas.users", 50, asManager),
		"cloud of acme":                   set("acme", "cloud.providers", []string{"aws"}, nil),
		"cloud of acme by its manager":    set("acme", "cloud.providers", []string{"aws"}, asManager),
		"policies of acme by its manager": set("acme", "policies.no_public_ip", true, asManager),
		"policies of northwind":           set("northwind", "policies.no_public_ip", true, nil),
		"currency of northwind":           set("northwind", "billing.currency", "EUR", nil),
		"policies of the platform":        set("platform", "policies.no_public_ip", true, nil),
		"platform setting":                set("platform", "platform.public_name", "Headwater", nil),
		"variables of a root group":       set("platform.plain", "variables", map[string]any{"A": "b"}, nil),
		"theme of max":                    set("acme.max", "customize.theme", map[string]any{"primary": "#102030"}, nil),
		"theme of gail":                   set("acme.gail", "customize.theme", map[string]any{"primary": "#102030"}, nil),
		"theme of olga":                   set("acme.olga", "customize.theme", map[string]any{"primary": "#102030"}, nil),
		"variables of a group":            set("acme.groups", "variables", map[string]any{"A": "b"}, nil),
		"settings of max":                 node("acme.max", `... on Membership { effectiveSettings(keys: ["customize.theme"]) { value } }`),
		"settings of a group":             node("acme.users", `... on Group { effectiveSettings(keys: ["customize.theme"]) { value } }`),
		"membership of max":               node("acme.max", `... on Membership { owner }`),
		"person max":                      node("max", `... on User { username }`),
		"project of acme":                 node("acme.project", `... on Project { name }`),
		"application of acme":             node("deployer", `... on Application { name }`),
		"policy of acme":                  node("acme.books", `... on Policy { name }`),
		"permission sets of acme": func(t *testing.T, w *world, actor string) []byte {
			t.Helper()
			return w.askWith(t, actor, `query($id: ID!) { permissionSets(organizationId: $id) { name } }`, map[string]any{"id": w.ids["acme"]})
		},
		"create policy": mutate("createPolicy", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return w.policyInput("max", books())
		}),
		"rename policy": mutate("updatePolicy", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.books"], "name": "Books"}
		}),
		"rules of a policy": mutate("setPolicyRules", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.books"], "rules": []any{books()}}
		}),
		"principal of a policy": mutate("setPolicyPrincipal", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.books"], "principalId": w.ids["acme.plain"]}
		}),
		"clone policy": mutate("clonePolicy", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.books"], "name": "More books"}
		}),
		"delete policy": mutate("deletePolicy", "policyId", func(t *testing.T, w *world) map[string]any {
			t.Helper()
			w.policy(t, "acme.doomed", "ada", "", books())
			return map[string]any{"policyId": w.ids["acme.doomed"]}
		}),
		"rules of Administrators": mutate("setPolicyRules", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.administrators-policy"], "rules": []any{map[string]any{"permissionSets": []string{"OrganizationManager"}, "organization": true}}}
		}),
		"reset Administrators": mutate("resetBuiltinPolicy", "policy { id }", func(_ *testing.T, w *world) map[string]any {
			return map[string]any{"policyId": w.ids["acme.administrators-policy"]}
		}),
		"group of acme": node("acme.admins", `... on Group { name }`),
	}
}

// newGroup makes a group of acme for one attempt only.
func newGroup(t *testing.T, w *world, fresh func(string) string, roles ...string) string {
	t.Helper()
	name := fresh("team")
	w.team(t, "acme", name, append([]string{}, roles...)...)
	return w.ids["acme."+name]
}

// newUser returns the input of a person who joins acme and a group of it.
func newUser(fresh func(string) string, group string) func(t *testing.T, w *world) map[string]any {
	return func(_ *testing.T, w *world) map[string]any {
		username := fresh("user")
		input := map[string]any{"organizationId": w.ids["acme"], "username": username, "email": username + "@acme.example"}
		if group != "" {
			input["groupIds"] = []string{w.ids[group]}
		}
		return input
	}
}

// mutation returns a document that calls one mutation with the input $i. A price
// is planned with the input that sets it.
func mutation(name, selection string) string {
	input := strings.ToUpper(name[:1]) + name[1:]
	if name == "planBillingMultiplier" {
		input = "SetBillingMultiplier"
	}
	return fmt.Sprintf("mutation($i: %sInput!) { %s(input: $i) { %s } }", input, name, selection)
}

// askWith asks with variables of any kind.
func (w *world) askWith(t *testing.T, actor, document string, variables any) []byte {
	t.Helper()
	encoded, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	return w.ask(t, actor, document, string(encoded))
}

// told sums an answer up in one sign, or in its code.
func told(t *testing.T, raw []byte) string {
	t.Helper()
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if len(answer.Errors) == 0 {
		return "y"
	}
	switch code := answer.Errors[0].Extensions.Code; code {
	case "FORBIDDEN":
		return "F"
	case "NOT_FOUND":
		return "-"
	default:
		return code + " (" + answer.Errors[0].Message + ")"
	}
}
