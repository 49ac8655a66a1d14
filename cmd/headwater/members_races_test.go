package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/typeid"
)

// invite invites somebody to acme as an actor and returns the invitation.
func (w *world) invite(t *testing.T, actor, email string, more map[string]any) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "emails": email}
	for key, value := range more {
		input[key] = value
	}
	answer := w.must(t, actor, mutation("inviteMembers", "results { status invitation { id } }"), map[string]any{"i": input})
	if got := dig(answer, "inviteMembers.results.0.status"); got != "INVITED" {
		t.Fatalf("%s is not invited but %s", email, got)
	}
	return dig(answer, "inviteMembers.results.0.invitation.id")
}

// accepting is the call by which somebody accepts an invitation with its link.
func (w *world) accepting(t *testing.T, actor, id string) call {
	t.Helper()
	return call{actor: actor, name: "acceptInvitation", input: map[string]any{"token": w.invitationLink(t, id, 1)}}
}

// transfer offers acme to one of its administrators and returns the offer.
func (w *world) transfer(t *testing.T, to string) string {
	t.Helper()
	return w.made(t, call{actor: "olga", name: "requestOwnershipTransfer", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids[to]}}, "invitation.id")
}

// answering is the call by which somebody answers an invitation by its id.
func answering(actor, name, id string) call {
	return call{actor: actor, name: name, input: map[string]any{"invitationId": id}}
}

// memberships returns how many places a person has in acme.
func (w *world) memberships(t *testing.T, who string) int {
	t.Helper()
	return one(t, func() (int, error) {
		return w.platform.db.Client().Membership.Query().
			Where(membership.OrganizationID(w.key(t, "acme")), membership.UserID(w.key(t, who))).Count(w.system(t))
	})
}

// invitationStatus returns the state of an invitation as it is stored.
func (w *world) invitationStatus(t *testing.T, id string) invitation.Status {
	t.Helper()
	return one(t, func() (*ent.Invitation, error) {
		return w.platform.db.Client().Invitation.Get(w.system(t), w.parsed(t, id))
	}).Status
}

// owners returns the names of the owners of acme.
func (w *world) owners(t *testing.T) []string {
	t.Helper()
	rows := one(t, func() ([]*ent.Membership, error) {
		return w.platform.db.Client().Membership.Query().Where(membership.OrganizationID(w.key(t, "acme")), membership.Owner(true)).All(w.system(t))
	})
	var names []string
	for _, row := range rows {
		names = append(names, w.names[typeid.New(typeid.User, row.UserID).String()])
	}
	return names
}

func TestOneOfManyAcceptsOfAnInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Postgres(t))
	for round := range rounds() {
		name := fmt.Sprint("guest", round)
		w.person(t, "bravo", name)
		accept := w.accepting(t, name, w.invite(t, "olga", name+"@bravo.example", map[string]any{"role": "EDITOR"}))
		results := w.race(t, accept, accept, accept, accept)
		if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != 3 || w.memberships(t, name) != 1 {
			t.Fatalf("round %d: %v", round, results)
		}
		w.do(t, call{actor: "olga", name: "removeMember", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids[name]}})
	}
}

// TestAcceptWhileCancelled wants one of the two, and nothing of the other.
func TestAcceptWhileCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Postgres(t))
	for round := range rounds() {
		name := fmt.Sprint("guest", round)
		w.person(t, "bravo", name)
		id := w.invite(t, "olga", name+"@bravo.example", nil)
		results := w.race(t, w.accepting(t, name, id), answering("olga", "cancelInvitation", id))
		joined, status := w.memberships(t, name) == 1, w.invitationStatus(t, id)
		switch {
		case results[0] == "y" && joined && status == invitation.StatusACCEPTED && tallyOf(results)["CONFLICT"] == 1:
			w.do(t, call{actor: "olga", name: "removeMember", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids[name]}})
		case results[1] == "y" && !joined && status == invitation.StatusCANCELLED && tallyOf(results)["CONFLICT"] == 1:
		default:
			t.Fatalf("round %d: %v, joined %t, %s", round, results, joined, status)
		}
	}
}

func TestOneOfManyTransfers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Postgres(t))
	w.person(t, "acme", "adam", "acme.administrators")
	w.person(t, "acme", "abel", "acme.administrators")
	offer := func(to string) call {
		return call{actor: "olga", name: "requestOwnershipTransfer", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids[to]}}
	}
	for round := range rounds() {
		results := w.race(t, offer("adam"), offer("abel"), offer("adam"))
		if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != 2 {
			t.Fatalf("round %d: %v", round, results)
		}
		w.cancelTransfers(t)
	}
}

// cancelTransfers takes back whatever acme's owner offered.
func (w *world) cancelTransfers(t *testing.T) {
	t.Helper()
	rows := one(t, func() ([]*ent.Invitation, error) {
		return w.platform.db.Client().Invitation.Query().
			Where(invitation.OrganizationID(w.key(t, "acme")), invitation.KindEQ(invitation.KindOWNERSHIP_TRANSFER), invitation.StatusEQ(invitation.StatusPENDING)).
			All(w.system(t))
	})
	for _, row := range rows {
		w.do(t, answering("olga", "cancelInvitation", typeid.New(typeid.Invitation, row.ID).String()))
	}
}

// TestLeaveDuringTransfer lets whom an organization is offered leave it and accept
// it at the same time: there is one owner at the end, who is in it.
func TestLeaveDuringTransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Postgres(t))
	for round := range rounds() {
		name := fmt.Sprint("heir", round)
		w.person(t, "bravo", name)
		w.do(t, w.accepting(t, name, w.invite(t, "olga", name+"@bravo.example", map[string]any{"role": "ADMINISTRATOR"})))
		id := w.transfer(t, name)
		results := w.race(t,
			answering(name, "acceptInvitation", id),
			call{actor: name, name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
		owners := w.owners(t)
		switch {
		case len(owners) != 1:
			t.Fatalf("round %d: %v, owned by %v", round, results, owners)
		case owners[0] == name && results[0] == "y" && results[1] != "y":
			w.reinstate(t, name)
		case owners[0] == "olga" && results[0] != "y" && results[1] == "y" && w.memberships(t, name) == 0 && w.invitationStatus(t, id) == invitation.StatusCANCELLED:
		default:
			t.Fatalf("round %d: %v, owned by %v, %s", round, results, owners, w.invitationStatus(t, id))
		}
	}
}

// reinstate gives acme back to olga, who is an administrator since she handed it
// over, and lets the other go.
func (w *world) reinstate(t *testing.T, owner string) {
	t.Helper()
	isIn := one(t, func() (bool, error) {
		return w.platform.db.Client().GroupMember.Query().
			Where(groupmember.GroupID(w.key(t, "acme.administrators")), groupmember.MembershipID(w.key(t, "acme.olga"))).Exist(w.system(t))
	})
	if !isIn {
		t.Error("the old owner is no administrator")
	}
	back := w.made(t, call{actor: owner, name: "requestOwnershipTransfer", input: map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["olga"]}}, "invitation.id")
	w.do(t, answering("olga", "acceptInvitation", back),
		call{actor: owner, name: "leaveOrganization", input: map[string]any{"organizationId": w.ids["acme"]}})
}

// TestQuotaOfAcceptsHolds lets fifty people accept at the same time where there is
// room for three.
func TestQuotaOfAcceptsHolds(t *testing.T) {
	t.Parallel()
	const people, room = 50, 3
	w := newWorld(t, dbtest.Postgres(t))
	w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["bravo"], "key": "quotas.users", "value": 100}},
		call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 100}})
	var calls []call
	var ids []string
	for i := range people {
		name := fmt.Sprint("guest", i)
		w.person(t, "bravo", name)
		ids = append(ids, w.invite(t, "olga", name+"@bravo.example", nil))
		calls = append(calls, w.accepting(t, name, ids[i]))
	}
	w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 2 + room}})
	results := w.race(t, calls...)
	if counts := tallyOf(results); counts["y"] != room || counts["LIMIT_EXCEEDED"] != people-room {
		t.Fatalf("told %v", counts)
	}
	for i, id := range ids {
		want := map[bool]invitation.Status{true: invitation.StatusACCEPTED, false: invitation.StatusPENDING}[results[i] == "y"]
		if got := w.invitationStatus(t, id); got != want {
			t.Errorf("the invitation of who was told %s is %s", results[i], got)
		}
	}
}

// TestQuotaOfInvitesHolds invites fifty people at the same time where there is room
// for three.
func TestQuotaOfInvitesHolds(t *testing.T) {
	t.Parallel()
	const people, room = 50, 3
	w := newWorld(t, dbtest.Postgres(t))
	w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 2 + room}})
	results := together(people, func(i int) string {
		answer := w.must(t, "olga", mutation("inviteMembers", "results { status }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "emails": fmt.Sprintf("guest%d@elsewhere.example", i),
		}})
		return dig(answer, "inviteMembers.results.0.status")
	})
	if counts := tallyOf(results); counts["INVITED"] != room || counts["LIMIT_EXCEEDED"] != people-room {
		t.Fatalf("told %v", counts)
	}
	stored := one(t, func() (int, error) {
		return w.platform.db.Client().Invitation.Query().Where(invitation.OrganizationID(w.key(t, "acme"))).Count(w.system(t))
	})
	if stored != room {
		t.Errorf("there are %d invitations", stored)
	}
}

// TestInvitesInFewStatements counts the statements of inviting few people and many,
// of whom some are members already.
func TestInvitesInFewStatements(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := counted(t, url(t))
			w := newWorld(t, db)
			w.do(t, call{actor: "ada", name: "setSetting", input: map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 10000}})
			w.team(t, "acme", "crew")
			invite := func(n int) []string {
				emails := []string{"max@acme.example"}
				for i := range n {
					emails = append(emails, fmt.Sprintf("guest%d-of-%d@elsewhere.example", i, n))
				}
				c.take()
				answer := w.must(t, "olga", mutation("inviteMembers", "results { status }"), map[string]any{"i": map[string]any{
					"organizationId": w.ids["acme"], "emails": emails, "groupIds": []string{w.ids["acme.crew"]},
				}})
				if got := dig(answer, fmt.Sprintf("inviteMembers.results.%d.status", n)); got != "INVITED" {
					t.Errorf("the last of %d is %s", n, got)
				}
				return c.take()
			}
			few, many := invite(5), invite(900)
			if len(few) == 0 || len(many) > len(few) {
				t.Errorf("few take %d statements, many %d:\n%s", len(few), len(many), strings.Join(many, "\n"))
			}
			letters := one(t, func() (int, error) { return db.Client().Job.Query().Count(w.system(t)) })
			if letters < 905 {
				t.Errorf("%d letters for 905 invitations", letters)
			}
		})
	}
}
