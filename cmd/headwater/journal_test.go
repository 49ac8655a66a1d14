package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/resolvers"
)

// TestEveryMutationIsJournaled makes each change once and reads the one entry
// that it left: who, what, where, and an image for every row.
func TestEveryMutationIsJournaled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "team")
		w.arrange(t, "application acme.deployer acme.team")
		w.issueKey(t, "key", "ada", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]})
		w.policy(t, "acme.books", "ada", "", books())
		w.project(t, "doomed")
		w.machine(t, "acme.machine", "olga", "acme.project")
		w.sshKey(t, "acme.laptop", "olga", "acme.project", 1)
		changed := map[string]bool{"exchangeApiKey": true} // It changes nothing.
		for name := range ownAccount() {
			changed[name] = true // See TestSignInsAreJournaled.
		}
		for _, name := range toldElsewhere() {
			changed[name] = true
		}
		// Whoever asks for access does not answer, and nobody from above reaches what
		// is in a project.
		actors := map[string]string{
			"acceptAccessRequest": "olga", "declineAccessRequest": "cora",
			"registerResource": "olga", "updateResource": "olga", "releaseResource": "olga",
			"addSshKey": "olga", "updateSshKey": "olga", "deleteSshKey": "olga",
			"endImpersonation": "max", "openTicket": "olga", "reopenTicket": "olga",
			"activateOrganization": "max",
		}
		w.personal(t, "max", "home")
		w.arrange(t, "person bravo ben bravo.administrators\naccount ben ACTIVE")
		announcement := dig(w.must(t, "ada", mutation("createAnnouncement", "announcement { id }"), map[string]any{"i": map[string]any{"title": "News"}}), "createAnnouncement.announcement.id")
		ticket := dig(w.must(t, "olga", mutation("openTicket", "ticket { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "subject": "Help", "description": "Please.",
		}}), "openTicket.ticket.id")
		w.actAs(t, "max", "ada")
		toAccept, toDecline, toCancel := w.request(t, "paula", "acme", "EDITORS"), w.request(t, "paula", "cove", ""), w.request(t, "ada", "bravo", "")
		for _, tt := range []struct {
			name  string
			input map[string]any
			where string
			// rows are the kinds of the changed rows: + made, - gone, ~ changed.
			rows []string
		}{
			{"createOrganization", map[string]any{"managedById": w.ids["northwind"], "name": "New", "slug": "new", "ownerEmail": "n@new.example"}, "", []string{"+grp", "+grp", "+grp", "+mem", "+org", "+pol", "+pol", "+pol", "+prj", "+usr"}},
			{"updateOrganization", map[string]any{"id": w.ids["acme"], "name": "Acme Two", "expectedVersion": 1}, "acme", []string{"~org"}},
			{"setOrganizationKind", map[string]any{"id": w.ids["acme"], "kind": "PARTNER"}, "acme", []string{"~org"}},
			{"createUser", map[string]any{"organizationId": w.ids["acme"], "username": "nina", "email": "nina@acme.example", "groupIds": []string{w.ids["acme.team"]}}, "acme", []string{"+gmb", "+mem", "+usr"}},
			{"endImpersonation", map[string]any{}, "acme", []string{"~ses"}},
			{"impersonate", map[string]any{"userId": w.ids["olga"], "reason": "because"}, "acme", []string{"+ntc", "+ses"}},
			{"createAnnouncement", map[string]any{"title": "More"}, "platform", []string{"+ann"}},
			{"updateAnnouncement", map[string]any{"announcementId": announcement, "title": "Better"}, "platform", []string{"~ann"}},
			{"deleteAnnouncement", map[string]any{"announcementId": announcement}, "platform", []string{"-ann"}},
			{"changeSupportPlan", map[string]any{"organizationId": w.ids["acme"], "plan": "BUSINESS", "confirm": "I understand"}, "acme", []string{"+spp", "+spp"}},
			{"openTicket", map[string]any{"organizationId": w.ids["acme"], "subject": "Help", "description": "Please."}, "acme", []string{"+tkt", "+tmg"}},
			{"replyTicket", map[string]any{"ticketId": ticket, "body": "Here."}, "acme", []string{"+tmg", "~tkt"}},
			{"setTicketPriority", map[string]any{"ticketId": ticket, "priority": "P1"}, "acme", []string{"~tkt"}},
			{"resolveTicket", map[string]any{"ticketId": ticket}, "acme", []string{"~tkt"}},
			{"closeTicket", map[string]any{"ticketId": ticket}, "acme", []string{"~tkt"}},
			{"reopenTicket", map[string]any{"ticketId": ticket}, "acme", []string{"~tkt"}},
			{"createGroup", map[string]any{"organizationId": w.ids["acme"], "name": "second"}, "acme", []string{"+grp"}},
			{"updateGroup", map[string]any{"groupId": w.ids["acme.team"], "rank": 7}, "acme", []string{"~grp"}},
			{"setGroupRoles", map[string]any{"groupId": w.ids["acme.team"], "roles": []string{"org:users"}}, "acme", []string{"~grp"}},
			{"addGroupMembers", map[string]any{"groupId": w.ids["acme.team"], "principalIds": []string{w.ids["max"], w.ids["olga"]}}, "acme", []string{"+gmb", "+gmb"}},
			{"removeGroupMembers", map[string]any{"groupId": w.ids["acme.team"], "principalIds": []string{w.ids["olga"]}}, "acme", []string{"-gmb"}},
			{"setSetting", map[string]any{"scopeId": w.ids["acme.team"], "key": "customize.locale", "value": "fr", "reason": "because"}, "acme", []string{"+dir"}},
			{"lockSetting", map[string]any{"scopeId": w.ids["acme.team"], "key": "customize.locale", "reason": "because"}, "acme", []string{"+dir", "~dir"}},
			{"unlockSetting", map[string]any{"scopeId": w.ids["acme.team"], "key": "customize.locale", "reason": "because"}, "acme", []string{"+dir", "~dir"}},
			{"unsetSetting", map[string]any{"scopeId": w.ids["acme.team"], "key": "customize.locale", "reason": "because"}, "acme", []string{"+dir", "~dir"}},
			{"guardSetting", map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "max": 50, "reason": "because"}, "acme", []string{"+dir"}},
			{"createApplication", map[string]any{"organizationId": w.ids["acme"], "name": "second"}, "acme", []string{"+app"}},
			{"createApiKey", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]}, "acme", []string{"+key"}},
			{"updateApplication", map[string]any{"applicationId": w.ids["deployer"], "name": "renamed"}, "acme", []string{"~app"}},
			{"updateApiKey", map[string]any{"apiKeyId": w.ids["key"], "disabled": true}, "acme", []string{"~key"}},
			{"rotateApiKey", map[string]any{"apiKeyId": w.ids["key"]}, "acme", []string{"~key"}},
			{"deleteApiKey", map[string]any{"apiKeyId": w.ids["key"]}, "acme", []string{"-key"}},
			{"deleteApplication", map[string]any{"applicationId": w.ids["deployer"]}, "acme", []string{"-app", "-gmb", "-key"}},
			{"createPolicy", w.policyInput("max", books()), "acme", []string{"+pol"}},
			{"updatePolicy", map[string]any{"policyId": w.ids["acme.books"], "name": "Books"}, "acme", []string{"~pol"}},
			{"setPolicyRules", map[string]any{"policyId": w.ids["acme.books"], "rules": []any{}}, "acme", []string{"~pol"}},
			{"setPolicyPrincipal", map[string]any{"policyId": w.ids["acme.books"], "principalId": w.ids["acme.team"]}, "acme", []string{"~pol"}},
			{"clonePolicy", map[string]any{"policyId": w.ids["acme.books"], "name": "More books", "keepPrincipal": true}, "acme", []string{"+pol"}},
			{"resetBuiltinPolicy", map[string]any{"policyId": w.ids["platform.editors-policy"]}, "platform", []string{"~pol"}},
			{"deletePolicy", map[string]any{"policyId": w.ids["acme.books"]}, "acme", []string{"-pol"}},
			{"requestAccess", map[string]any{"organizationId": w.ids["acme"], "reason": "because"}, "acme", []string{"+ntc", "+req"}},
			{"acceptAccessRequest", map[string]any{"accessRequestId": toAccept}, "acme", []string{"+gmb", "+mem", "~req"}},
			{"declineAccessRequest", map[string]any{"accessRequestId": toDecline}, "cove", []string{"~req"}},
			{"cancelAccessRequest", map[string]any{"accessRequestId": toCancel}, "bravo", []string{"~req"}},
			{"createProject", map[string]any{"organizationId": w.ids["acme"], "name": "new"}, "acme", []string{"+prj"}},
			{"updateProject", map[string]any{"projectId": w.ids["acme.project"], "name": "home"}, "acme", []string{"~prj"}},
			{"deleteProject", map[string]any{"projectId": w.ids["acme.doomed"]}, "acme", []string{"-prj"}},
			{"setGroupProjects", map[string]any{"groupId": w.ids["acme.team"], "projectIds": []string{w.ids["acme.project"]}}, "acme", []string{"+gpr", "+ntc", "~grp"}},
			{"registerResource", map[string]any{"projectId": w.ids["acme.project"], "groupId": w.ids["acme.team"], "kind": "vm", "name": "new"}, "acme", []string{"+res"}},
			{"updateResource", map[string]any{"resourceId": w.ids["acme.machine"], "region": "eu"}, "acme", []string{"~res"}},
			{"releaseResource", map[string]any{"resourceId": w.ids["acme.machine"]}, "acme", []string{"~res"}},
			{"addSshKey", map[string]any{"projectId": w.ids["acme.project"], "name": "new", "publicKey": publicKey(t, 2)}, "acme", []string{"+ssh"}},
			{"updateSshKey", map[string]any{"sshKeyId": w.ids["acme.laptop"], "disabled": true}, "acme", []string{"~ssh"}},
			{"deleteSshKey", map[string]any{"sshKeyId": w.ids["acme.laptop"]}, "acme", []string{"-ssh"}},
			{"deleteGroup", map[string]any{"groupId": w.ids["acme.team"]}, "acme", []string{"+ntc", "-gmb", "-gmb", "-gpr", "-grp", "~dir", "~pol", "~res"}},
			{"activateOrganization", map[string]any{"id": w.ids["home"], "termsVersion": "1"}, "home", []string{"~org"}},
			{"reassignOwner", map[string]any{"organizationId": w.ids["bravo"], "userId": w.ids["ben"], "reason": "because"}, "bravo", []string{"+gmb", "+ntc", "~mem", "~mem"}},
			{"lockOrganization", map[string]any{"id": w.ids["bravo"], "reason": "because"}, "bravo", []string{"~org"}},
			{"unlockOrganization", map[string]any{"id": w.ids["bravo"]}, "bravo", []string{"~org"}},
			{"deactivateOrganization", map[string]any{"id": w.ids["bravo"], "confirm": "Deactivate", "reason": "because"}, "bravo", []string{"~org"}},
			{"reopenOrganization", map[string]any{"id": w.ids["bravo"]}, "bravo", []string{"~org"}},
			{"deleteOrganization", map[string]any{"id": w.ids["bravo"]}, "bravo", []string{
				"-gmb", "-gmb", "-grp", "-grp", "-grp", "-mem", "-mem", "-pol", "-pol", "-pol", "-prj", "~org", "~usr", "~usr",
			}},
		} {
			before, err := db.Revision(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			actor, ok := actors[tt.name]
			if !ok {
				actor = "ada"
			}
			w.must(t, actor, mutation(tt.name, "clientMutationId"), map[string]any{"i": tt.input})
			changed[tt.name] = true
			entry := lastEntry(t, w, before)
			if tt.name == "endImpersonation" {
				if entry.ActingAsName != actor || entry.ActingAsID == nil || *entry.ActingAsID != w.key(t, actor) {
					t.Errorf("%s: the entry is %v", tt.name, entry)
				}
				delete(w.bearers, actor)
				actor = "ada" // Whoever acts comes first.
			}
			if entry.Action != tt.name || entry.ActorName != actor || entry.ActorID == nil || *entry.ActorID != w.key(t, actor) || entry.RequestID == "" {
				t.Errorf("%s: the entry is %v", tt.name, entry)
			}
			if tt.where != "" && entry.OrganizationID != w.key(t, tt.where) {
				t.Errorf("%s: the entry is about %s", tt.name, entry.OrganizationID)
			}
			if reason, _ := tt.input["reason"].(string); entry.Reason != reason {
				t.Errorf("%s: the reason is %q, want %q", tt.name, entry.Reason, reason)
			}
			var rows []string
			for _, change := range entry.Edges.Changes {
				rows = append(rows, signOf(change)+change.ResourceKind)
			}
			slices.Sort(rows)
			slices.Sort(tt.rows)
			if diff := cmp.Diff(tt.rows, rows); diff != "" {
				t.Errorf("%s: rows (-want +got):\n%s", tt.name, diff)
			}
		}
		for _, field := range resolvers.NewSchema(&resolvers.Resolver{}).Schema().Mutation.Fields {
			if !changed[field.Name] && !strings.Contains(field.Name, "Billing") && !strings.Contains(field.Name, "Usage") {
				t.Errorf("%s was not tried", field.Name)
			}
		}
	})
}

func signOf(change *ent.JournalChange) string {
	switch {
	case change.Before == nil:
		return "+"
	case change.After == nil:
		return "-"
	default:
		return "~"
	}
}

// lastEntry returns the one entry after a revision.
func lastEntry(t *testing.T, w *world, after int64) *ent.JournalEntry {
	t.Helper()
	entries, err := w.platform.db.Client().JournalEntry.Query().
		Where(journalentry.IDGT(after)).
		WithChanges(func(q *ent.JournalChangeQuery) { q.Order(ent.Asc(journalchange.FieldSequence)) }).
		All(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Fatalf("%d entries after %d", len(entries), after)
	}
	for i, change := range entries[0].Edges.Changes {
		if change.Sequence != i {
			t.Errorf("change %d has the sequence %d", i, change.Sequence)
		}
	}
	return entries[0]
}

// TestRefusalsLeaveNoEntry tries what is refused at every stage.
func TestRefusalsLeaveNoEntry(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for i, tt := range []struct {
			actor, name string
			input       map[string]any
		}{
			{"max", "createGroup", map[string]any{"organizationId": w.ids["acme"], "name": "x"}},
			{"olga", "createGroup", map[string]any{"organizationId": w.ids["acme"], "name": "Editors"}},
			{"olga", "createGroup", map[string]any{"organizationId": w.ids["acme"], "name": ""}},
			{"paula", "createOrganization", map[string]any{"managedById": w.ids["northwind"], "name": "x", "slug": "acme", "ownerEmail": "new@x.example"}},
			{"olga", "createUser", map[string]any{"organizationId": w.ids["acme"], "username": "fresh", "email": "MAX@acme.example"}},
			{"olga", "setSetting", map[string]any{"scopeId": w.ids["acme"], "key": "policies.no_public_ip", "value": true, "expectedVersion": 4}},
			{"olga", "updateOrganization", map[string]any{"id": w.ids["acme"], "slug": "bravo"}},
			{"olga", "addGroupMembers", map[string]any{"groupId": w.ids["acme.editors"], "principalIds": []string{w.ids["max"], w.ids["bob"]}}},
			{"olga", "deleteGroup", map[string]any{"groupId": w.ids["acme.editors"]}},
		} {
			if got := told(t, w.askWith(t, tt.actor, mutation(tt.name, "clientMutationId"), map[string]any{"i": tt.input})); got == "y" {
				t.Errorf("%d: %s %v is possible", i, tt.name, tt.input)
			}
		}
		after, err := db.Revision(t.Context())
		if err != nil || after != w.revision {
			t.Errorf("revision %d became %d, %v", w.revision, after, err)
		}
		people, err := db.Client().User.Query().Count(w.system(t))
		if err != nil || fmt.Sprint(people) != "8" {
			t.Errorf("%d people, %v", people, err)
		}
	})
}

// toldElsewhere are the mutations whose rows other tests read: the stories and
// edges of invitations and members, the sign-ins through providers, the tokens of
// directories.
func toldElsewhere() []string {
	return []string{
		"createScimToken", "deleteScimToken",
		"createIdentityProvider", "updateIdentityProvider", "deleteIdentityProvider",
		"createTrustedIssuer", "updateTrustedIssuer", "deleteTrustedIssuer", "addTrustedSubject", "removeTrustedSubject",
		"beginLinkIdentity", "linkIdentity", "unlinkIdentity", "exchangeSignInCode",
		"inviteMembers", "resendInvitation", "cancelInvitation", "acceptInvitation", "declineInvitation", "requestOwnershipTransfer",
		"leaveOrganization", "removeMember", "setMemberRole", "lockMember", "unlockMember", "lockAccount", "unlockAccount",
		"resetSecondFactor", "setPassword", "sendPasswordReset", "updateUser", "retryJob",
	}
}
