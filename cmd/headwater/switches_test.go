package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/typeid"
)

// The settings that say what the built-in group Administrators may do.
const (
	billingSwitch = "members.administrators_manage_billing"
	membersSwitch = "members.administrators_manage_members"
)

// flip is one way to change a switch.
type flip struct {
	name  string
	input map[string]any
	// forAll says that it is possible on a switch for whoever may change it.
	forAll bool
}

// flips returns every operation on settings that could change what a switch is,
// in an order that leaves it as it was. Settings have no other.
func flips(value bool) []flip {
	return []flip{
		{"setSetting", map[string]any{"value": value}, true},
		{"setSetting", map[string]any{"operation": "REPLACE", "value": value}, true},
		{"setSetting", map[string]any{"operation": "APPEND", "value": []bool{value}}, false},
		{"setSetting", map[string]any{"operation": "REMOVE", "value": []bool{!value}}, false},
		{"guardSetting", map[string]any{"allowed": []bool{value}}, true},
		{"lockSetting", nil, true},
		{"unlockSetting", nil, true},
		{"guardSetting", nil, true},
		{"setSetting", map[string]any{"operation": "RESET"}, true},
		{"unsetSetting", nil, true},
	}
}

// TestSwitchesAreForThoseWhoGiveRoles tries to flip what Administrators may do,
// by every operation, at every level and on both sides, as everybody. A cell is
// what all of the operations are told:
//
//	y  done
//	F  FORBIDDEN
//	-  NOT_FOUND
//	I  INVALID: switches are set at organizations, whoever asks
//	U  UNAUTHENTICATED
func TestSwitchesAreForThoseWhoGiveRoles(t *testing.T) {
	t.Parallel()
	const places = `acme acme/MANAGER northwind northwind/MANAGER platform acme.team acme.neo`
	const matrix = `
olga     y F  - -  -  I I   owner
gail     y F  - -  -  I I   org:admin
seth     F F  - -  -  I -   org:settings
uma      F F  - -  -  I I   org:users
greg     F F  - -  -  I I   org:groups
adam     F F  - -  -  I I   Administrators
edna     F F  - -  -  - -   Editors
bill     F F  - -  -  - -   Billing Administrators
max      F F  - -  -  - -   a plain member
ivan     F F  - -  -  I I   IAMManager
deployer F F  - -  -  I -   an application with org:settings
paula    y y  y F  -  I I   owner of the partner
pia      y y  y F  -  I I   org:admin of the partner
pete     - -  F F  -  - -   Administrators of the partner, without a door
rhea     F F  F F  -  I I   Administrators of the partner, with ResellerFullAccess
seb      F F  F F  -  I -   org:settings of the partner, with ResellerFullAccess
ursa     F F  F F  -  I I   org:users of the partner, with ResellerFullAccess
sven     - -  - -  -  - -   owner of another partner of the partner
bob      - -  - -  -  - -   owner of another customer
ada      y y  y y  y  I I   owner of the platform
pat      - -  - -  F  - -   org:settings of the platform
peri     F F  F F  F  I I   PlatformReadOnly
nobody   U U  U U  U  U U   nobody
`
	columns := strings.Fields(places)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		resellers(t, w)
		w.team(t, "acme", "team")
		for _, value := range []bool{true, false} { // one that is the default of each switch, and the other
			for _, key := range []string{billingSwitch, membersSwitch} {
				w.arrangeSwitch(t, key, value)
				for row := range strings.Lines(strings.TrimSpace(matrix)) {
					cells := strings.Fields(row)
					before := w.switched(t)
					for i, place := range columns {
						w.tryFlips(t, cells[0], place, key, !value, cells[1+i])
					}
					if slices.Contains(cells[:1+len(columns)], "y") {
						w.arrangeSwitch(t, key, value) // What was set before is gone.
					}
					if diff := gocmp.Diff(before, w.switched(t)); diff != "" {
						t.Errorf("%s by %s left (-before +after):\n%s", key, cells[0], diff)
					}
				}
			}
		}
	})
}

// arrangeSwitch sets a switch where it is tried.
func (w *world) arrangeSwitch(t *testing.T, key string, value bool) {
	t.Helper()
	w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["acme"], "key": key, "value": value}})
}

// tryFlips tries all operations on a switch as one actor in one place. Whoever
// may not flip it changes nothing, neither the switch nor what it is for.
func (w *world) tryFlips(t *testing.T, actor, place, key string, value bool, want string) {
	t.Helper()
	scope, side, isManager := strings.Cut(place, "/")
	var document, declared strings.Builder
	variables := map[string]any{}
	tried := map[string]flip{}
	for i, f := range flips(value) {
		if want == "y" && !f.forAll {
			continue
		}
		input := map[string]any{"scopeId": w.ids[scope], "key": key}
		if isManager {
			input["side"] = side
		}
		maps.Copy(input, f.input)
		name := fmt.Sprintf("f%d", i)
		fmt.Fprintf(&declared, "$%s: %s%sInput! ", name, strings.ToUpper(f.name[:1]), f.name[1:])
		fmt.Fprintf(&document, "%s: %s(input: $%s) { revision } ", name, f.name, name)
		variables[name], tried[name] = input, f
	}
	answers := toldEach(t, w.askWith(t, actor, "mutation("+declared.String()+") { "+document.String()+"}", variables))
	for name, f := range tried {
		got := cmp.Or(answers[name], "y")
		if got != want {
			t.Errorf("%s %v of %s at %s by %s is told %q, want %s", f.name, f.input, key, place, actor, got, want)
		}
	}
}

// toldEach sums up in one sign what each field of a document was told; those
// that were done are left out.
func toldEach(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	var answer struct {
		Errors []struct {
			Path       []any
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	signs := map[string]string{"FORBIDDEN": "F", "NOT_FOUND": "-", "INVALID": "I", "UNAUTHENTICATED": "U"}
	told := map[string]string{}
	for _, e := range answer.Errors {
		if len(e.Path) == 0 {
			t.Fatalf("an error of no field: %s", raw)
		}
		sign, ok := signs[e.Extensions.Code]
		if !ok {
			sign = e.Extensions.Code
		}
		told[fmt.Sprint(e.Path[0])] = sign
	}
	return told
}

// switched returns the values of the switches in three tiers, and what an
// administrator may do under them.
func (w *world) switched(t *testing.T) []any {
	t.Helper()
	const values = `query($p: ID!, $n: ID!, $a: ID!, $keys: [String!]!) {
		platform: organization(id: $p) { settingValues(keys: $keys) }
		northwind: organization(id: $n) { settingValues(keys: $keys) }
		acme: organization(id: $a) { settingValues(keys: $keys) }
	}`
	return []any{
		w.must(t, "ada", values, map[string]any{"p": w.ids["platform"], "n": w.ids["northwind"], "a": w.ids["acme"], "keys": []string{billingSwitch, membersSwitch}}),
		w.must(t, "adam", `query($id: ID!) { organization(id: $id) { viewerPermissions } }`, map[string]any{"id": w.ids["acme"]}),
	}
}

// resellers adds people to the staff whose rights come from policies.
func resellers(t *testing.T, w *world) {
	t.Helper()
	w.team(t, "northwind", "settings", "org:settings")
	w.team(t, "northwind", "users", "org:users")
	w.person(t, "northwind", "rhea", "northwind.administrators")
	w.person(t, "northwind", "seb", "northwind.settings")
	w.person(t, "northwind", "ursa", "northwind.users")
	w.person(t, "northwind", "bella", "northwind.billing")
	w.person(t, "acme", "ivan")
	w.person(t, "platform", "peri")
	for name, set := range map[string]string{
		"northwind.rhea": "ResellerFullAccess", "northwind.seb": "ResellerFullAccess", "northwind.ursa": "ResellerFullAccess",
		"northwind.bella": "ResellerFullAccess", "acme.ivan": "IAMManager", "platform.peri": "PlatformReadOnly",
	} {
		w.grant(t, name, access.Rule{Sets: []access.SetName{access.SetName(set)}, Scope: access.InOrganization()})
	}
}

// grant gives a member or a group, which are known by names such as acme.max, a
// policy of its own, and returns its id.
func (w *world) grant(t testing.TB, bearer string, rules ...access.Rule) uuid.UUID {
	t.Helper()
	db := w.platform.db
	slug, _, _ := strings.Cut(bearer, ".")
	id := db.NewID()
	_, err := db.Write(w.system(t), database.Entry{Action: "test", Organization: w.key(t, slug)}, func(ctx context.Context, tx *database.Tx) error {
		create := tx.AccessPolicy.Create().SetID(id).SetOrganizationID(w.key(t, slug)).
			SetName("Given to " + bearer).SetDescription("").SetTags([]string{}).SetRules(rules).SetCreatedAt(db.Now())
		if strings.HasPrefix(w.ids[bearer], "grp_") {
			create.SetGroupID(w.key(t, bearer))
		} else {
			create.SetMembershipID(w.key(t, bearer))
		}
		row, err := create.Save(ctx)
		if err == nil {
			tx.Record(database.Change{Kind: typeid.Policy, ID: row.ID, Organization: row.OrganizationID, After: row})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
