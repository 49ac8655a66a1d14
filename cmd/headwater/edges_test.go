package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
)

// edge is one case at the edge of what people and organizations do, and what must
// be then. It begins with a world of its own, in which acme has its staff.
type edge struct {
	name string
	is   func(t *testing.T, w *world)
}

// TestEdges tries each edge on both databases.
func TestEdges(t *testing.T) {
	t.Parallel()
	for _, e := range edges() {
		t.Run(strings.ReplaceAll(e.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := newWorld(t, db)
				staff(t, w)
				e.is(t, w)
			})
		})
	}
}

// edges are all cases, by subject.
func edges() []edge {
	return slices.Concat(ownershipEdges(), invitationEdges(), memberEdges(), lifeEdges())
}

// about is an input that names acme and one of its people.
func (w *world) about(who string, more ...any) map[string]any {
	input := map[string]any{"organizationId": w.ids["acme"], "userId": w.ids[who]}
	for i := 0; i+1 < len(more); i += 2 {
		input[more[i].(string)] = more[i+1]
	}
	return input
}

func ownershipEdges() []edge {
	return []edge{
		{"last owner", func(t *testing.T, w *world) {
			w.refuses(t, []attack{
				{"removal", call{actor: "gail", name: "removeMember", input: w.about("olga")}, "OWNER_IMMUTABLE"},
				{"a lock", call{actor: "gail", name: "lockMember", input: w.about("olga")}, "OWNER_IMMUTABLE"},
				{"a role", call{actor: "gail", name: "setMemberRole", input: w.about("olga", "role", "MEMBER")}, "OWNER_IMMUTABLE"},
				{"removal by the platform", call{actor: "ada", name: "removeMember", input: w.about("olga")}, "OWNER_IMMUTABLE"},
				{"removal by themself", call{actor: "olga", name: "removeMember", input: w.about("olga")}, "OWNER_IMMUTABLE"},
			})
		}},
		{"owner leaves", func(t *testing.T, w *world) {
			raw := string(w.askWith(t, "olga", mutation("leaveOrganization", "organizationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"]}}))
			if !strings.Contains(raw, `"OWNER_IMMUTABLE"`) || !strings.Contains(raw, `"OWNER_CANNOT_LEAVE"`) {
				t.Error(raw)
			}
		}},
		{"transfer to others than an administrator", func(t *testing.T, w *world) {
			offer := func(actor, to string) call {
				return call{actor: actor, name: "requestOwnershipTransfer", input: w.about(to)}
			}
			w.arrange(t, "person acme lena acme.administrators")
			w.do(t, call{actor: "olga", name: "lockMember", input: w.about("lena")})
			w.refuses(t, []attack{
				{"a member", offer("olga", "max"), "INVALID"},
				{"themself", offer("olga", "olga"), "INVALID"},
				{"who is locked", offer("olga", "lena"), "INVALID"},
				{"a stranger", offer("olga", "rita"), "INVALID"},
				{"by an administrator", offer("adam", "adam"), "F"},
				{"by org:admin", offer("gail", "adam"), "F"},
				{"by the partner", offer("paula", "adam"), "F"},
				{"by the platform", offer("ada", "adam"), "F"},
			})
			id := w.transfer(t, "adam")
			w.refuses(t, []attack{{"by somebody else", answering("gail", "acceptInvitation", id), "F"}})
			w.arrange(t, "membership acme.adam locked")
			w.refuses(t, []attack{{"by who is locked since", answering("adam", "acceptInvitation", id), "CONFLICT"}})
		}},
		{"target of a transfer removed or demoted or locked", func(t *testing.T, w *world) {
			for _, end := range []call{
				{actor: "olga", name: "setMemberRole", input: w.about("adam", "role", "EDITOR")},
				{actor: "olga", name: "removeGroupMembers", input: w.members("acme.administrators", "adam")},
				{actor: "olga", name: "lockMember", input: w.about("adam")},
				{actor: "olga", name: "lockAccount", input: map[string]any{"userId": w.ids["adam"]}},
				{actor: "olga", name: "removeMember", input: w.about("adam")},
			} {
				id := w.transfer(t, "adam")
				w.do(t, end)
				if got := w.invitationStatus(t, id); got != invitation.StatusCANCELLED {
					t.Errorf("after %s the transfer is %s", end.name, got)
				}
				switch end.name {
				case "lockMember":
					w.do(t, call{actor: "olga", name: "unlockMember", input: w.about("adam")})
				case "lockAccount":
					w.do(t, call{actor: "olga", name: "unlockAccount", input: map[string]any{"userId": w.ids["adam"]}})
				case "removeMember":
					return
				}
				w.do(t, call{actor: "olga", name: "setMemberRole", input: w.about("adam", "role", "ADMINISTRATOR")})
			}
		}},
		{"old owner after a transfer", func(t *testing.T, w *world) {
			w.do(t, answering("adam", "acceptInvitation", w.transfer(t, "adam")))
			if got := w.owners(t); len(got) != 1 || got[0] != "adam" {
				t.Errorf("owned by %v", got)
			}
			w.refuses(t, []attack{{"a second time", call{actor: "olga", name: "requestOwnershipTransfer", input: w.about("adam")}, "F"}})
			w.do(t, call{actor: "olga", name: "inviteMembers", input: map[string]any{"organizationId": w.ids["acme"], "emails": "x@y.example"}},
				call{actor: "olga", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
		}},
	}
}

func invitationEdges() []edge {
	return []edge{
		{"inviter may not give what the role gives", func(t *testing.T, w *world) {
			invite := func(actor, role string, groups ...string) call {
				input := map[string]any{"organizationId": w.ids["acme"], "emails": "x@y.example"}
				if role != "" {
					input["role"] = role
				}
				for _, g := range groups {
					input["groupIds"] = []string{w.ids[g]}
				}
				return call{actor: actor, name: "inviteMembers", input: input}
			}
			w.refuses(t, []attack{
				{"an administrator by org:users", invite("uma", "ADMINISTRATOR"), "F"},
				{"an editor by org:users", invite("uma", "EDITOR"), "F"},
				{"org:admin by org:users", invite("uma", "", "acme.admins"), "F"},
				{"org:admin by Administrators", invite("adam", "", "acme.admins"), "F"},
				{"a billing administrator by Administrators", invite("adam", "BILLING_ADMINISTRATOR"), "F"},
				{"a billing administrator by org:admin", invite("gail", "BILLING_ADMINISTRATOR"), "F"},
				{"anybody by org:groups", invite("greg", ""), "F"},
				{"anybody by a member", invite("max", ""), "F"},
				{"a group of elsewhere", invite("olga", "", "bravo.editors"), "INVALID"},
			})
			w.do(t, invite("adam", "ADMINISTRATOR"))
			w.do(t, call{actor: "olga", name: "inviteMembers", input: map[string]any{"organizationId": w.ids["acme"], "emails": "b@y.example", "role": "BILLING_ADMINISTRATOR"}})
		}},
		{"inviter removed before acceptance", func(t *testing.T, w *world) {
			w.person(t, "bravo", "nina")
			id := w.invite(t, "adam", "nina@bravo.example", map[string]any{"role": "EDITOR"})
			w.do(t, call{actor: "olga", name: "removeMember", input: w.about("adam")}, w.accepting(t, "nina", id))
		}},
		{"accept with another e-mail", func(t *testing.T, w *world) {
			w.person(t, "bravo", "nina")
			id := w.invite(t, "olga", "somebody@bravo.example", nil)
			w.arrange(t, "verified nina")
			w.refuses(t, []attack{
				{"by its link", w.accepting(t, "nina", id), "F"},
				{"by its id", answering("nina", "acceptInvitation", id), "-"},
			})
		}},
		{"accept twice and after cancel", func(t *testing.T, w *world) {
			w.person(t, "bravo", "nina")
			id := w.invite(t, "olga", "nina@bravo.example", nil)
			w.do(t, answering("olga", "cancelInvitation", id))
			w.refuses(t, []attack{{"what is cancelled", w.accepting(t, "nina", id), "CONFLICT"}})
			id = w.invite(t, "olga", "nina@bravo.example", nil)
			w.do(t, w.accepting(t, "nina", id))
			w.refuses(t, []attack{{"what is accepted", w.accepting(t, "nina", id), "CONFLICT"}})
		}},
		{"accept when the quota is full", func(t *testing.T, w *world) {
			w.person(t, "bravo", "nina")
			id := w.invite(t, "olga", "nina@bravo.example", nil)
			w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 1}})
			w.refuses(t, []attack{{"where there is no room", w.accepting(t, "nina", id), "LIMIT_EXCEEDED"}})
			if got := w.invitationStatus(t, id); got != invitation.StatusPENDING {
				t.Errorf("the invitation is %s", got)
			}
		}},
		{"group of an invitation deleted", func(t *testing.T, w *world) {
			w.person(t, "bravo", "nina")
			w.team(t, "acme", "gone")
			id := w.invite(t, "olga", "nina@bravo.example", map[string]any{"groupIds": []string{w.ids["acme.gone"], w.ids["acme.plain"]}})
			w.do(t, call{actor: "olga", name: "deleteGroup", input: map[string]any{"groupId": w.ids["acme.gone"]}}, w.accepting(t, "nina", id))
			if places := w.placesIn(t, "nina"); places != 1 {
				t.Errorf("nina is in %d groups", places)
			}
		}},
		{"invitation in the hands of the inviter", func(t *testing.T, w *world) {
			w.person(t, "northwind", "puppet")
			id := w.invite(t, "pia", "puppet@northwind.example", map[string]any{"role": "ADMINISTRATOR"})
			w.do(t, call{actor: "pia", name: "setPassword", input: map[string]any{"userId": w.ids["puppet"], "password": "a password that pia knows"}})
			w.refuses(t, []attack{{"by an account whose password the inviter set", w.accepting(t, "puppet", id), "F"}})
		}},
		{"own address", func(t *testing.T, w *world) {
			answer := w.must(t, "paula", mutation("inviteMembers", "results { status }"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "emails": "paula@northwind.example"}})
			if got := dig(answer, "inviteMembers.results.0.status"); got != "FORBIDDEN" {
				t.Errorf("paula is %s", got)
			}
		}},
	}
}

// placesIn returns in how many groups of acme somebody is.
func (w *world) placesIn(t *testing.T, who string) int {
	t.Helper()
	return one(t, func() (int, error) {
		return w.platform.db.Client().GroupMember.Query().Where(groupmember.HasMembershipWith(
			membership.OrganizationID(w.key(t, "acme")), membership.UserID(w.key(t, who)))).Count(w.system(t))
	})
}

func memberEdges() []edge {
	return []edge{
		{"leaving takes keys and places and orphans policies", func(t *testing.T, w *world) {
			w.arrange(t, "member acme bob")
			w.issueKey(t, "key", "bob", map[string]any{"organizationId": w.ids["acme"]})
			w.policy(t, "books", "olga", "bob", books())
			w.do(t, call{actor: "olga", name: "addGroupMembers", input: w.members("acme.plain", "bob")},
				call{actor: "olga", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]}},
				call{actor: "bob", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
			ctx, client := w.system(t), w.platform.db.Client()
			if n := one(t, func() (int, error) {
				return client.APIKey.Query().Where(apikey.OrganizationID(w.key(t, "acme")), apikey.MembershipIDNotNil()).Count(ctx)
			}); n != 0 {
				t.Errorf("%d keys of people are left", n)
			}
			if n := one(t, func() (int, error) {
				return client.APIKey.Query().Where(apikey.OrganizationID(w.key(t, "acme")), apikey.ApplicationIDNotNil()).Count(ctx)
			}); n != 1 {
				t.Errorf("%d keys of applications are left", n)
			}
			row := one(t, func() (*ent.AccessPolicy, error) {
				return client.AccessPolicy.Query().Where(accesspolicy.ID(w.key(t, "books"))).Only(ctx)
			})
			if row.MembershipID != nil || w.placesIn(t, "bob") != 0 || w.memberships(t, "bob") != 0 {
				t.Errorf("something is left of bob: %v", row)
			}
			w.do(t, call{actor: "bob", name: "updateOrganization", input: map[string]any{"id": w.ids["bravo"], "name": "Bravo"}})
		}},
		{"username and address free after the last membership", func(t *testing.T, w *world) {
			w.do(t, call{actor: "olga", name: "removeMember", input: w.about("max")})
			before := one(t, func() (*ent.User, error) { return w.platform.db.Client().User.Get(w.system(t), w.key(t, "max")) })
			if before.Status != user.StatusDELETED || strings.Contains(before.Email+before.Username+before.Name, "max") || before.HomeOrganizationID != nil {
				t.Errorf("the tombstone says %s %s %s", before.Username, before.Email, before.Name)
			}
			w.refuses(t, []attack{{"the old token", call{actor: "max", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}}, "UNAUTHENTICATED"}})
			w.do(t, call{actor: "olga", name: "createUser", input: map[string]any{"organizationId": w.ids["acme"], "username": "max", "email": "max@acme.example"}})
		}},
		{"home lost with another membership", func(t *testing.T, w *world) {
			w.arrange(t, "member bravo max")
			w.do(t, call{actor: "olga", name: "removeMember", input: w.about("max")})
			row := one(t, func() (*ent.User, error) { return w.platform.db.Client().User.Get(w.system(t), w.key(t, "max")) })
			if row.Status == user.StatusDELETED || row.HomeOrganizationID != nil {
				t.Errorf("max is %s with the home %v", row.Status, row.HomeOrganizationID)
			}
		}},
		{"locked member", func(t *testing.T, w *world) {
			w.issueKey(t, "key", "adam", map[string]any{"organizationId": w.ids["acme"]})
			w.do(t, call{actor: "olga", name: "lockMember", input: w.about("adam")})
			w.refuses(t, []attack{
				{"the key of who is locked", call{actor: "key", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "x"}}, "UNAUTHENTICATED"},
				{"a second lock", call{actor: "olga", name: "lockMember", input: w.about("adam")}, "CONFLICT"},
			})
			w.do(t, call{actor: "olga", name: "unlockMember", input: w.about("adam")},
				call{actor: "key", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "x"}})
			w.refuses(t, []attack{{"unlocking who is not locked", call{actor: "olga", name: "unlockMember", input: w.about("adam")}, "CONFLICT"}})
		}},
		{"roles replace each other and leave billing", func(t *testing.T, w *world) {
			for _, step := range []struct{ role, want string }{
				{"ADMINISTRATOR", "[ADMINISTRATORS BILLING_ADMINISTRATORS]"},
				{"EDITOR", "[BILLING_ADMINISTRATORS EDITORS]"},
				{"BILLING_ADMINISTRATOR", "[BILLING_ADMINISTRATORS EDITORS]"},
				{"MEMBER", "[BILLING_ADMINISTRATORS]"},
			} {
				got := w.made(t, call{actor: "olga", name: "setMemberRole", input: w.about("bill", "role", step.role)}, "membership.builtInRoles")
				if got != step.want {
					t.Errorf("as %s bill is %s, want %s", step.role, got, step.want)
				}
			}
			w.refuses(t, []attack{
				{"a billing administrator by org:admin", call{actor: "gail", name: "setMemberRole", input: w.about("max", "role", "BILLING_ADMINISTRATOR")}, "F"},
				{"by Administrators without the switch", call{actor: "adam", name: "setMemberRole", input: w.about("max", "role", "EDITOR")}, "F"},
				{"by org:users", call{actor: "uma", name: "setMemberRole", input: w.about("max", "role", "EDITOR")}, "F"},
				{"who is no member", call{actor: "olga", name: "setMemberRole", input: w.about("rita", "role", "EDITOR")}, "-"},
			})
		}},
		{"taking away one's own last rights", func(t *testing.T, w *world) {
			w.do(t, call{actor: "gail", name: "setMemberRole", input: w.about("gail", "role", "MEMBER")},
				call{actor: "gail", name: "removeGroupMembers", input: w.members("acme.admins", "gail")},
				call{actor: "gail", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
		}},
		{"org:users and the accounts of administrators", func(t *testing.T, w *world) {
			password := map[string]any{"userId": w.ids["adam"], "password": "a password that uma knows"}
			whose := func(who string) map[string]any { return map[string]any{"userId": w.ids[who]} }
			w.refuses(t, []attack{
				{"a password", call{actor: "uma", name: "setPassword", input: password}, "F"},
				{"a second factor", call{actor: "uma", name: "resetSecondFactor", input: whose("adam")}, "F"},
				{"an address", call{actor: "uma", name: "updateUser", input: map[string]any{"userId": w.ids["adam"], "email": "uma2@acme.example"}}, "F"},
				{"a lock", call{actor: "uma", name: "lockMember", input: w.about("adam")}, "F"},
				{"a lock of the account", call{actor: "uma", name: "lockAccount", input: whose("adam")}, "F"},
				{"removal", call{actor: "uma", name: "removeMember", input: w.about("adam")}, "F"},
				{"a blank address", call{actor: "uma", name: "updateUser", input: map[string]any{"userId": w.ids["max"], "email": ""}}, "INVALID"},
				{"the own password", call{actor: "uma", name: "setPassword", input: map[string]any{"userId": w.ids["uma"], "password": "a password of her own"}}, "F"},
			})
			w.do(t, call{actor: "uma", name: "setPassword", input: map[string]any{"userId": w.ids["max"], "password": "a password that uma knows"}},
				call{actor: "uma", name: "resetSecondFactor", input: whose("max")}, call{actor: "uma", name: "lockAccount", input: whose("max")},
				call{actor: "uma", name: "unlockAccount", input: whose("max")}, call{actor: "uma", name: "removeMember", input: w.about("max")})
		}},
		{"account with a membership elsewhere", func(t *testing.T, w *world) {
			w.arrange(t, "member bravo max")
			w.refuses(t, []attack{
				{"a password", call{actor: "olga", name: "setPassword", input: map[string]any{"userId": w.ids["max"], "password": "a password that olga knows"}}, "F"},
				{"a lock", call{actor: "olga", name: "lockAccount", input: map[string]any{"userId": w.ids["max"]}}, "F"},
				{"by the other organization", call{actor: "bob", name: "lockAccount", input: map[string]any{"userId": w.ids["max"]}}, "F"},
				{"by a stranger", call{actor: "rita", name: "lockAccount", input: map[string]any{"userId": w.ids["max"]}}, "-"},
			})
			w.do(t, call{actor: "olga", name: "lockMember", input: w.about("max")})
		}},
		{"in somebody else's place", func(t *testing.T, w *world) {
			id := w.transfer(t, "adam")
			for _, who := range []string{"adam", "olga"} {
				w.actAs(t, who, "ada")
			}
			w.refuses(t, []attack{
				{"taking over", answering("adam", "acceptInvitation", id), "F"},
				{"leaving", call{actor: "adam", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}}, "F"},
				{"handing over", call{actor: "olga", name: "requestOwnershipTransfer", input: w.about("adam")}, "F"},
				{"a password", call{actor: "olga", name: "setPassword", input: map[string]any{"userId": w.ids["max"], "password": "a password that ada knows"}}, "F"},
				{"a second factor", call{actor: "olga", name: "resetSecondFactor", input: map[string]any{"userId": w.ids["max"]}}, "F"},
				{"an address", call{actor: "olga", name: "updateUser", input: map[string]any{"userId": w.ids["max"], "email": "ada2@platform.example"}}, "F"},
			})
			w.do(t, call{actor: "olga", name: "lockMember", input: w.about("max")})
		}},
		{"member whose last group goes", func(t *testing.T, w *world) {
			w.do(t, call{actor: "olga", name: "removeGroupMembers", input: w.members("acme.users", "uma")})
			if got := w.memberships(t, "uma"); got != 1 {
				t.Errorf("uma has %d places in acme", got)
			}
			w.refuses(t, []attack{{"what the group gave", call{actor: "uma", name: "inviteMembers", input: map[string]any{"organizationId": w.ids["acme"], "emails": "x@y.example"}}, "F"}})
			seen := w.must(t, "uma", `query($id: ID!) { organization(id: $id) { name projects(first: 5) { edges { node { id } } } } }`, map[string]any{"id": w.ids["acme"]})
			if got := dig(seen, "organization.projects.edges"); got != "[]" {
				t.Errorf("uma, who is in no group, sees %s", got)
			}
			w.do(t, call{actor: "uma", name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
		}},
		{"last group with org:admin goes", func(t *testing.T, w *world) {
			gone := map[string]any{"groupId": w.ids["acme.admins"]}
			w.refuses(t, []attack{
				{"by org:groups", call{actor: "greg", name: "deleteGroup", input: gone}, "F"},
				{"by Administrators", call{actor: "adam", name: "deleteGroup", input: gone}, "F"},
			})
			w.do(t, call{actor: "olga", name: "deleteGroup", input: gone},
				call{actor: "olga", name: "createGroup", input: map[string]any{"organizationId": w.ids["acme"], "name": "again", "roles": []string{"org:admin"}}})
		}},
		{"member invited to a group", func(t *testing.T, w *world) {
			answer := w.must(t, "olga", mutation("inviteMembers", "results { status }"), map[string]any{"i": map[string]any{
				"organizationId": w.ids["acme"], "emails": "max@acme.example", "groupIds": []string{w.ids["acme.plain"]},
			}})
			if got := dig(answer, "inviteMembers.results.0.status"); got != "ADDED" || w.placesIn(t, "max") != 1 {
				t.Errorf("max is told %s and is in %d groups", got, w.placesIn(t, "max"))
			}
		}},
		{"owner of a new organization whose address nobody proved", func(t *testing.T, w *world) {
			create := func(who string) call {
				return call{actor: "paula", name: "createOrganization", input: map[string]any{"managedById": w.ids["northwind"], "name": "For " + who, "ownerEmail": who + "@acme.example"}}
			}
			w.arrange(t, "account adam ACTIVE")
			w.refuses(t, []attack{{"somebody with any address", create("adam"), "CONFLICT"}})
			w.arrange(t, "verified adam")
			w.do(t, create("adam"))
		}},
		{"setting a password keeps who knows it", func(t *testing.T, w *world) {
			w.do(t, call{actor: "gail", name: "setPassword", input: map[string]any{"userId": w.ids["max"], "password": "a password that gail knows"}})
			row := one(t, func() (*ent.User, error) { return w.platform.db.Client().User.Get(w.system(t), w.key(t, "max")) })
			if row.CredentialsSetBy == nil || *row.CredentialsSetBy != w.key(t, "gail") || row.CredentialsVersion != 2 || row.Status != user.StatusACTIVE {
				t.Errorf("set by %v, version %d, %s", orNone(row.CredentialsSetBy), row.CredentialsVersion, row.Status)
			}
			w.refuses(t, []attack{{"a short one", call{actor: "gail", name: "setPassword", input: map[string]any{"userId": w.ids["max"], "password": "short"}}, "INVALID"}})
		}},
	}
}

func orNone(id *uuid.UUID) string {
	if id == nil {
		return "nobody"
	}
	return id.String()
}
