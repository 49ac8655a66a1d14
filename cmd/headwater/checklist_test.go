package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// checklist is what must hold of rights at the least, and the tests and
// conversations that show it. What is not there yet has no mutation that could
// break it: budgets and payments.
const checklist = `
the matrices of the sources, both switches flipped     TestFirstSource TestSecondSource TestThirdSource TestUnified
the switches, through the API                          TestSwitchesDecideWhatAdministratorsDo TestSwitchesAreForThoseWhoGiveRoles
org:groups does not reach org:admin                    TestOrgGroupsDoesNotReachOrgAdmin TestRights TestNobodyEscalates
org:users does not act on an administrator             TestOrgUsersDoesNotActOnAdministrators TestEscalationMatrix
Administrators do not move people between roles        TestSwitchesDecideWhatAdministratorsDo TestRights
a key of an application outlives its maker             api-keys.txtar
a person's key goes with the membership                api-keys.txtar
an expired key, the key of a locked bearer             TestBadKeys api-keys.txtar
a deactivated organization                             TestStatuses api-keys.txtar
a project that goes shrinks a rule and never widens it TestProjectsGoWithAllThatNamesThem TestWithoutProject policies-of-projects.txtar
a partner without ResellerFullAccess sees nothing      TestWhatAPartnerSees TestNobodySeesBeyondTheirRights
a partner with it sees its own and no siblings         TestWhatAPartnerSees TestNobodySeesBeyondTheirRights
Billing Administrators leave a customer's users alone  TestWhatAPartnerSees
a partner does not lift what the platform locked       platform-locks.txtar
a partner reads nothing of the never-list              TestWhatAPartnerSees TestNeverThroughTheTree
an empty group and an orphan grant nothing             TestOrphansAndEmptyGroups TestGroupsGoAndLeaveOrphans TestWhatGrantsNothing
union of policies, one of which does not hold          TestUnionOfPolicies policies-conditions.txtar
quotas at their limit under concurrency                TestQuotasOfRightsHoldUnderConcurrency TestQuotasHoldAtTheLimit TestQuotasOfKeysHoldAtTheLimit
the owner stays, is not locked and keeps the role      TestEdges members.txtar
a transfer, its target demoted, accepted twice         TestEdges members.txtar TestOneOfManyTransfers TestLeaveDuringTransfer
an invitation that expires, is cancelled, sent again   invitations.txtar TestEveryInvitationTransition TestAcceptWhileCancelled TestOneOfManyAcceptsOfAnInvitation
addresses of invitations without regard to case        invitations.txtar
org:users does not reset, lock or remove an admin      TestEdges
an invitation gives no more than who invites has       TestEdges TestNobodyEscalates
quotas of members under concurrency                    TestQuotaOfAcceptsHolds TestQuotaOfInvitesHolds
the owner's account is for nobody else                 TestRights TestOrgUsersDoesNotActOnAdministrators
two answers to one request                             TestOneAnswerToARequest
`

// cases are those at the edges of what people and organizations do, and what
// shows them. The platform keeps no countries and no cards.
const cases = `
last owner                                             TestEdges/last-owner
owner leaves                                           TestEdges/owner-leaves
owner's account is lost                                TestEdges/owner's-account-is-lost reassign-owner.txtar
transfer to others than an administrator               TestEdges/transfer-to-others-than-an-administrator
target of a transfer removed or demoted                TestEdges/target-of-a-transfer-removed-or-demoted-or-locked
deactivation while a transfer waits                    TestEdges/owner-closes-it-while-a-transfer-waits
old owner after a transfer                             TestEdges/old-owner-after-a-transfer
leaving and removal                                    TestEdges/leaving-takes-keys-and-places-and-orphans-policies
keys of applications outlive who made them             TestEdges/leaving-takes-keys-and-places-and-orphans-policies api-keys.txtar
keys of a locked member                                TestEdges/locked-member
the end of a key                                       api-keys.txtar TestBadKeys
deleting a key in use                                  api-keys.txtar
last group with org:admin                              TestEdges/last-group-with-org:admin-goes
empty group                                            TestOrphansAndEmptyGroups
group with a policy                                    TestGroupsGoAndLeaveOrphans TestEdges/group-of-an-invitation-deleted
built-in group                                         groups.txtar
project that rules and groups name                     policies-of-projects.txtar TestProjectsGoWithAllThatNamesThem
organization with projects                             TestEdges/organization-with-projects organization-delete.txtar
partner with customers                                 TestEdges/partner-with-customers organization-purge.txtar
deactivated organization                               TestEdges/deactivated-and-not-yet-purged organization-purge.txtar
purge                                                  organization-purge.txtar
locked organization                                    TestEdges/locked locked.txtar organization-locks.txtar
customers of a locked partner                          TestEdges/partner-that-is-locked TestTwoEvaluatorsAgree
member invited again                                   invitations.txtar
address invited twice                                  invitations.txtar
many addresses                                         invitations.txtar
invitation to more than the inviter has                TestEdges/inviter-may-not-give-what-the-role-gives
inviter removed before acceptance                      TestEdges/inviter-removed-before-acceptance
accepted with another address                          TestEdges/accept-with-another-e-mail
accepted twice, after cancelling                       TestEdges/accept-twice-and-after-cancel
accepted without room                                  TestEdges/accept-when-the-quota-is-full
member invited to a group                              TestEdges/member-invited-to-a-group
member whose last group goes                           TestEdges/member-whose-last-group-goes
role of the owner                                      TestEdges/last-owner members.txtar
one's own last rights                                  TestEdges/taking-away-one's-own-last-rights
org:groups and the group with org:admin                TestOrgGroupsDoesNotReachOrgAdmin
org:users and administrators                           TestEdges/org:users-and-the-accounts-of-administrators
what the platform made                                 applications.txtar policies-built-in.txtar
username used again                                    TestEdges/username-and-address-free-after-the-last-membership
last way to sign in                                    sets.txtar
renaming                                               organization-personal.txtar
customer reference late in the month                   customer-reference.txtar
activation without a payment method                    organization-personal.txtar
`

// TestChecklistNamesWhatIsThere fails for a line that points nowhere.
func TestChecklistNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../../access/*_test.go", "../../roster/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", pattern, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, declaration := range parsed.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok {
					there[f.Name.Name] = true
				}
			}
		}
	}
	for _, e := range edges() {
		there["TestEdges/"+strings.ReplaceAll(e.name, " ", "-")] = true
	}
	for line := range strings.Lines(strings.TrimSpace(checklist) + "\n" + strings.TrimSpace(cases)) {
		named := 0
		for word := range strings.FieldsSeq(line) {
			switch {
			case strings.HasPrefix(word, "Test"):
				named++
				if !there[word] {
					t.Errorf("there is no %s", word)
				}
			case strings.HasSuffix(word, ".txtar"):
				named++
				if _, err := os.Stat("testdata/conversations/" + word); err != nil {
					t.Error(err)
				}
			}
		}
		if named == 0 {
			t.Errorf("nothing shows %q", line)
		}
	}
}

// attack is a call of somebody who must be told want.
type attack struct {
	what string
	call
	want string
}

// refuses makes every call and fails where one is told anything else.
func (w *world) refuses(t *testing.T, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		if got, _, _ := strings.Cut(told(t, w.send(t, a.call, "clientMutationId")), " "); got != a.want {
			t.Errorf("%s: %s is told %s, want %s", a.what, a.actor, got, a.want)
		}
	}
}

func TestOrgGroupsDoesNotReachOrgAdmin(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.team(t, "acme", "team")
		admin := []map[string]any{{"permissionSets": []string{"org:admin"}, "organization": true}}
		own := w.made(t, call{actor: "greg", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "own"}}, "group.id")
		w.do(t, call{actor: "greg", name: "addGroupMembers", input: map[string]any{"groupId": own, "principalIds": []string{w.ids["greg"]}}})
		before := w.may(t, "greg", "acme")
		w.refuses(t, []attack{
			{"roles of a group", call{actor: "greg", name: "setGroupRoles", input: map[string]any{"groupId": w.ids["acme.team"], "roles": []string{"org:admin"}}}, "F"},
			{"roles of the own group", call{actor: "greg", name: "setGroupRoles", input: map[string]any{"groupId": own, "roles": []string{"org:groups"}}}, "F"},
			{"a new group with roles", call{actor: "greg", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "Mine", "roles": []string{"org:admin"}}}, "F"},
			{"a new group with projects", call{actor: "greg", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "Mine", "projectIds": []string{w.ids["acme.project"]}}}, "INVALID"},
			{"a place in the group", call{actor: "greg", name: "addGroupMembers", input: w.members("acme.admins", "greg")}, "F"},
			{"a place for another", call{actor: "greg", name: "addGroupMembers", input: w.members("acme.admins", "max")}, "F"},
			{"a place in a built-in group", call{actor: "greg", name: "addGroupMembers", input: w.members("acme.administrators", "greg")}, "F"},
			{"somebody out of the group", call{actor: "greg", name: "removeGroupMembers", input: w.members("acme.admins", "gail")}, "F"},
			{"the end of the group", call{actor: "greg", name: "deleteGroup", input: map[string]any{"groupId": w.ids["acme.admins"]}}, "F"},
			{"an account in the group", call{actor: "greg", name: "createUser", input: map[string]any{"organizationId": w.ids["acme"], "username": "new", "email": "new@acme.example", "groupIds": []string{w.ids["acme.admins"]}}}, "F"},
			{"an invitation into the group", call{actor: "greg", name: "inviteMembers", input: map[string]any{"organizationId": w.ids["acme"], "emails": "x@y.example", "groupIds": []string{w.ids["acme.admins"]}}}, "F"},
			{"a role", call{actor: "greg", name: "setMemberRole", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["greg"], "role": "ADMINISTRATOR"}}, "F"},
			{"a policy", call{actor: "greg", name: "createPolicy", input: map[string]any{"organizationId": w.ids["acme"], "name": "Mine", "principalId": own, "rules": admin}}, "F"},
			{"a key of an application", call{actor: "greg", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]}}, "F"},
		})
		if diff := gocmp.Diff(before, w.may(t, "greg", "acme")); diff != "" {
			t.Errorf("greg (-before +after):\n%s", diff)
		}
	})
}

func TestOrgUsersDoesNotActOnAdministrators(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		theme := func(actor, of string) call {
			return call{actor: actor, name: "setSetting", input: map[string]any{"scopeId": w.ids[of], "key": "customize.theme", "value": map[string]any{"primary": "#102030"}}}
		}
		w.do(t, theme("uma", "acme.max"))
		w.refuses(t, []attack{
			{"settings of an org:admin", theme("uma", "acme.gail"), "F"},
			{"settings of an administrator", theme("uma", "acme.adam"), "F"},
			{"settings of the owner", theme("uma", "acme.olga"), "F"},
			{"settings of the owner, by org:admin", theme("gail", "acme.olga"), "F"},
			{"settings of the owner, by the partner", theme("paula", "acme.olga"), "F"},
			{"a place of an administrator", call{actor: "uma", name: "removeGroupMembers", input: w.members("acme.administrators", "adam")}, "F"},
			{"a new administrator", call{actor: "uma", name: "createUser", input: map[string]any{"organizationId": w.ids["acme"], "username": "new", "email": "new@acme.example", "groupIds": []string{w.ids["acme.admins"]}}}, "F"},
		})
	})
}

// TestSwitchesDecideWhatAdministratorsDo flips both switches of an organization
// and looks at what its administrators may do, and at what they do.
func TestSwitchesDecideWhatAdministratorsDo(t *testing.T) {
	t.Parallel()
	billing, members := strings.Fields("billing:read billing:write"), strings.Fields("users:lock members:role members:remove")
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		promotion := call{actor: "adam", name: "addGroupMembers", input: w.members("acme.editors", "max")}
		for _, tt := range []struct{ billing, members bool }{{true, false}, {false, true}, {true, true}, {false, false}} {
			for key, value := range map[string]bool{billingSwitch: tt.billing, membersSwitch: tt.members} {
				w.do(t, call{actor: "olga", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": key, "value": value}})
			}
			held := w.may(t, "adam", "acme")
			for list, want := range map[*[]string]bool{&billing: tt.billing, &members: tt.members} {
				for _, p := range *list {
					if slices.Contains(held, p) != want {
						t.Errorf("%+v: adam holds %s: %t", tt, p, !want)
					}
				}
			}
			if slices.Contains(held, "billingadmin:assign") || slices.Contains(held, "groups:roles") {
				t.Errorf("%+v: adam holds %v", tt, held)
			}
			want := map[bool]string{true: "y", false: "F"}[tt.members]
			if got := told(t, w.send(t, promotion, "group.id")); got != want {
				t.Errorf("%+v: to make an editor adam is told %s, want %s", tt, got, want)
			}
			lock := map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["neo"]}
			for _, name := range []string{"lockMember", "unlockMember"} {
				if got := told(t, w.send(t, call{actor: "adam", name: name, input: lock}, "membership.id")); got != want {
					t.Errorf("%+v: to %s adam is told %s, want %s", tt, name, got, want)
				}
			}
			if got := told(t, w.send(t, call{actor: "adam", name: "removeMember", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["gail"]}}, "userId")); got != "F" {
				t.Errorf("%+v: to remove an org:admin adam is told %s", tt, got)
			}
			demotion := call{actor: "adam", name: "setMemberRole", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["max"], "role": "MEMBER"}}
			if got := told(t, w.send(t, demotion, "membership.id")); got != want {
				t.Errorf("%+v: to make a member of the editor adam is told %s, want %s", tt, got, want)
			}
			w.refuses(t, []attack{
				{"a billing administrator by role", call{actor: "adam", name: "setMemberRole", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["max"], "role": "BILLING_ADMINISTRATOR"}}, "F"},
				{"a billing administrator", call{actor: "adam", name: "addGroupMembers", input: w.members("acme.billing", "max")}, "F"},
				{"an org:admin", call{actor: "adam", name: "addGroupMembers", input: w.members("acme.admins", "max")}, "F"},
			})
			if !slices.Contains(w.may(t, "bill", "acme"), "billing:write") {
				t.Errorf("%+v: Billing Administrators lost billing", tt)
			}
		}
	})
}

// TestWhatAPartnerSees asks as people of a partner with and without
// ResellerFullAccess.
func TestWhatAPartnerSees(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		resellers(t, w)
		for _, tt := range []struct{ actor, sees string }{
			{"pete", "northwind"},
			{"penny", "northwind"},
			{"rhea", "northwind fjord acme bravo cove"},
			{"bella", "northwind fjord acme bravo cove"},
			{"paula", "northwind fjord acme bravo cove"},
			{"sven", "fjord cove"},
		} {
			for _, slug := range strings.Fields("platform northwind southgate fjord acme bravo cove") {
				want := map[bool]string{true: "y", false: "-"}[slices.Contains(strings.Fields(tt.sees), slug)]
				if got := told(t, w.askWith(t, tt.actor, `query($id: ID!) { organization(id: $id) { id } }`, map[string]any{"id": w.ids[slug]})); got != want {
					t.Errorf("%s reads %s: told %s, want %s", tt.actor, slug, got, want)
				}
			}
		}
		const inside = `query($id: ID!) { organization(id: $id) {
			policies(first: 5) { totalCount } applications(first: 5) { totalCount } apiKeys(first: 5) { totalCount }
		} }`
		w.do(t, call{actor: "olga", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]}})
		for actor, sees := range map[string]bool{"paula": false, "pia": false, "rhea": false, "olga": true} {
			answer := w.must(t, actor, inside, map[string]any{"id": w.ids["acme"]})
			for _, list := range []string{"policies", "applications", "apiKeys"} {
				if count := dig(answer, "organization."+list+".totalCount"); (count != "0") != sees {
					t.Errorf("%s counts %s %s", actor, count, list)
				}
			}
		}
		for _, actor := range []string{"paula", "pia", "rhea", "ada"} {
			for _, p := range w.may(t, actor, "acme.project") {
				if strings.HasPrefix(p, "resources:") || strings.HasPrefix(p, "sshkeys:") || strings.HasPrefix(p, "projectkeys:") {
					t.Errorf("%s holds %s in a customer's project", actor, p)
				}
			}
		}
		w.refuses(t, []attack{
			{"a customer's new person", call{actor: "bella", name: "createUser", input: map[string]any{"organizationId": w.ids["acme"], "username": "new", "email": "new@acme.example"}}, "F"},
			{"an invitation to a customer", call{actor: "bella", name: "inviteMembers", input: map[string]any{"organizationId": w.ids["acme"], "emails": "x@y.example"}}, "F"},
			{"a customer's person removed", call{actor: "bella", name: "removeMember", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["max"]}}, "F"},
			{"a customer's group", call{actor: "bella", name: "addGroupMembers", input: w.members("acme.users", "max")}, "-"},
			{"a customer's member", call{actor: "bella", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme.max"], "key": "customize.theme", "value": map[string]any{"primary": "#102030"}}}, "-"},
			{"a customer's settings", call{actor: "bella", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "policies.no_public_ip", "value": true}}, "F"},
			{"a customer's policy", call{actor: "paula", name: "createPolicy", input: map[string]any{"organizationId": w.ids["acme"], "name": "Ours", "rules": []any{}}}, "F"},
			{"a customer's application", call{actor: "paula", name: "createApplication", input: map[string]any{"organizationId": w.ids["acme"], "name": "ours"}}, "F"},
			{"a key of a customer's application", call{actor: "paula", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]}}, "F"},
			{"a key in a customer", call{actor: "paula", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"]}}, "F"},
			{"a resource of a customer", call{actor: "paula", name: "registerResource", input: map[string]any{"projectId": w.ids["acme.project"], "kind": "instance", "name": "ours"}}, "F"},
		})
	})
}

// TestWhatGrantsNothing gives policies to an empty group and to nobody.
func TestWhatGrantsNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		w.team(t, "acme", "team")
		before := w.may(t, "max", "acme")
		w.grant(t, "acme.team", access.Rule{Sets: []access.SetName{access.AuditReadOnly}, Scope: access.InOrganization()})
		w.do(t, call{actor: "olga", name: "createPolicy", input: map[string]any{
			"organizationId": w.ids["acme"], "name": "Orphan", "rules": []map[string]any{{"permissionSets": []string{"AuditReadOnly"}, "organization": true}},
		}})
		if diff := gocmp.Diff(before, w.may(t, "max", "acme")); diff != "" {
			t.Errorf("without a place in the group (-before +after):\n%s", diff)
		}
		w.do(t, call{actor: "olga", name: "addGroupMembers", input: w.members("acme.team", "max")})
		if !slices.Contains(w.may(t, "max", "acme"), "audit:read") {
			t.Error("the group gives nothing to who is in it")
		}
		w.do(t, call{actor: "olga", name: "deleteGroup", input: map[string]any{"groupId": w.ids["acme.team"]}})
		if diff := gocmp.Diff(before, w.may(t, "max", "acme")); diff != "" {
			t.Errorf("after the group (-before +after):\n%s", diff)
		}
	})
}
