package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/crypto/ssh"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/billingcontact"
	"github.com/headwater-platform/headwater/ent/billingunit"
	"github.com/headwater-platform/headwater/ent/budgetalert"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/ent/threshold"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// tryChanges tries every mutation as everybody with an input that is good, and
// compares whether it is done, FORBIDDEN or NOT_FOUND with the rule.
func (k *walk) tryChanges(t *testing.T, changes map[string]attempted) {
	t.Helper()
	type attempt struct {
		mutation string
		a        *walker
	}
	var attempts []attempt
	for _, f := range k.schema.Mutation.Fields {
		if k.visibility.of("Mutation." + f.Name).is("own account") {
			continue // It does not depend on anybody's place.
		}
		if _, known := changes[f.Name]; !known {
			if strict {
				t.Errorf("with what is %s tried?", f.Name)
			}
			continue
		}
		for _, a := range k.walkers {
			attempts = append(attempts, attempt{f.Name, a})
		}
	}
	for _, try := range some(k.random, attempts) {
		input, target := changes[try.mutation](t)
		r := k.visibility.of("Mutation." + try.mutation)
		want := "y"
		switch {
		case r.is("public"):
		case try.a.isNobody():
			want = "UNAUTHENTICATED"
		case !k.sees(try.a, target):
			want = "-"
		case !k.allows(try.a, r, target):
			want = "F"
		}
		got := told(t, k.change(t, try.a.name, try.mutation, input))
		if try.mutation == "requestAccess" && want == "y" && !k.isPerson(try.a) {
			want = "F" // Neither an application nor an API key can ask.
		}
		if strings.HasSuffix(try.mutation, "AccessRequest") || try.mutation == "requestAccess" {
			got = regexp.MustCompile("^CONFLICT .*").ReplaceAllString(got, "y") // It was asked, or answered, before.
		}
		if try.mutation == "changeSupportPlan" {
			got = regexp.MustCompile("^CONFLICT .*").ReplaceAllString(got, "y") // Somebody before has chosen the plan.
		}
		if try.mutation == "leaveOrganization" {
			got = regexp.MustCompile("^OWNER_IMMUTABLE .*").ReplaceAllString(got, "y") // Nobody else is in there.
		}
		if try.mutation == "activateOrganization" && want == "y" && !k.isPerson(try.a) {
			want = "F" // The owner agrees to the terms in person.
		}
		if try.mutation == "deleteOrganization" || try.mutation == "reassignOwner" {
			got = regexp.MustCompile("^(CONFLICT|INVALID) .*").ReplaceAllString(got, "y")
		}
		if got != want && !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s %v on %s: %s is told %s, want %s", try.mutation, input, k.title(target), try.a.name, got, want)
		}
	}
}

// isPerson reports whether a walker is somebody who is signed in.
func (k *walk) isPerson(a *walker) bool {
	return strings.HasPrefix(k.ids[a.who], "usr_") && !strings.HasSuffix(a.name, "+key")
}

// tryHiddenIDs puts into every place of every mutation and question that takes an
// id one that names something hidden, and one that names nothing: the answers
// are the same to the letter.
func (k *walk) tryHiddenIDs(t *testing.T, changes map[string]attempted) {
	t.Helper()
	probes := k.probes(t, changes)
	type attempt struct {
		probe
		a      *walker
		hidden *object
	}
	var attempts []attempt
	for _, a := range k.walkers {
		for _, p := range probes {
			for _, kind := range p.kinds {
				if hidden := k.hiddenFrom(a, kind, p.where); hidden != nil {
					attempts = append(attempts, attempt{p, a, hidden})
				}
			}
		}
	}
	for _, try := range some(k.random, attempts) {
		prefix, _, _ := strings.Cut(try.hidden.id, "_")
		there, gone := inOrder(t, try.put(t, try.a, try.hidden.id)), inOrder(t, try.put(t, try.a, nowhere(prefix)))
		if there, gone := strings.ReplaceAll(there, try.hidden.id, "…"), strings.ReplaceAll(gone, nowhere(prefix), "…"); there != gone {
			t.Errorf("%s puts %s, which is hidden, into %s and is told %s instead of %s", try.a.name, k.title(try.hidden), try.where, there, gone)
		}
	}
}

// inOrder returns an answer with its errors in an order of their own: fields are
// resolved at the same time, so they come in any.
func inOrder(t *testing.T, answer string) string {
	t.Helper()
	var decoded struct {
		Data       json.RawMessage   `json:"data"`
		Errors     []json.RawMessage `json:"errors"`
		Extensions json.RawMessage   `json:"extensions"`
	}
	if err := json.Unmarshal([]byte(answer), &decoded); err != nil {
		return answer
	}
	slices.SortFunc(decoded.Errors, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return string(one(t, func() ([]byte, error) { return json.Marshal(decoded) }))
}

// change posts one mutation, importUsage as a form with its file.
func (k *walk) change(t *testing.T, actor, name string, input map[string]any) []byte {
	t.Helper()
	if name != "importUsage" {
		return k.askWith(t, actor, mutation(name, "clientMutationId"), map[string]any{"i": input})
	}
	return k.upload(t, actor, mutation(name, "clientMutationId"), map[string]any{"i": input}, "variables.i.file", k.usageFile(t, walkMonth(), "northwind"))
}

// attempted returns an input that is good, and the object whose organization or
// project the rule is about. What it is destroyed by the mutation is made for
// one attempt only.
type attempted func(t *testing.T) (input map[string]any, target *object)

// changes are the attempts at each mutation.
func (k *walk) changes(t *testing.T) map[string]attempted {
	t.Helper()
	n := 0
	fresh := func(word string) string {
		n++
		return fmt.Sprintf("%s-%d", word, n)
	}
	issued := func(t *testing.T, more map[string]any) (map[string]any, *object) {
		n++
		id := k.issued(t, int64(n))
		input := map[string]any{"statementId": id}
		maps.Copy(input, more)
		return input, &object{kind: "Statement", id: id, slugs: []string{"northwind"}, buyer: "acme"}
	}
	at := func(name string) *object { return k.objects[k.ids[name]] }
	on := func(field, name string, more map[string]any) attempted {
		return func(*testing.T) (map[string]any, *object) {
			input := map[string]any{field: k.ids[name]}
			maps.Copy(input, more)
			return input, at(name)
		}
	}
	named := func(field, name string, more map[string]any) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			input, target := on(field, name, more)(t)
			input["name"] = fresh("new")
			return input, target
		}
	}
	// gone makes what is gone after the attempt: in acme, by its owner.
	gone := func(field, kind, create, noun string, input func() map[string]any, project string) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, kind)
			made := k.must(t, "olga", mutation(create, noun+" { id }"), map[string]any{"i": input()})
			id := dig(made, create+"."+noun+".id")
			if noun == "project" {
				project = "acme." + id
			}
			return map[string]any{field: id}, &object{kind: kind, id: id, slugs: []string{"acme"}, project: project}
		}
	}
	// ticket makes one in a state for each attempt.
	ticket := func(status string, more map[string]any) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			id := k.ticketRow(t, "acme", status)
			input := map[string]any{"ticketId": id}
			maps.Copy(input, more)
			return input, &object{kind: "Ticket", id: id, slugs: []string{"acme"}, who: "plain-of-acme"}
		}
	}
	// living puts cove into a state for each attempt.
	living := func(status orgtree.Status, more map[string]any) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			k.live(t, "cove", status)
			input := map[string]any{"id": k.ids["cove"]}
			maps.Copy(input, more)
			return input, at("cove")
		}
	}
	inAcme := func(more map[string]any) func() map[string]any {
		return func() map[string]any {
			input := map[string]any{"organizationId": k.ids["acme"], "name": fresh("gone")}
			maps.Copy(input, more)
			return input
		}
	}
	// invitation makes one to acme that waits, of somebody who does not walk.
	invitation := func(t *testing.T) (map[string]any, *object) {
		made := k.must(t, "olga", mutation("inviteMembers", "results { invitation { id } }"), map[string]any{"i": map[string]any{
			"organizationId": k.ids["acme"], "emails": []string{fresh("waiting") + "@acme.example"},
		}})
		id := dig(made, "inviteMembers.results.0.invitation.id")
		return map[string]any{"invitationId": id}, &object{kind: "Invitation", id: id, slugs: []string{"acme"}}
	}
	// newcomer makes somebody in acme who has no rights.
	newcomer := func(t *testing.T) string {
		username := fresh("newcomer")
		return dig(k.must(t, "olga", mutation("createUser", "user { id }"), map[string]any{"i": map[string]any{
			"organizationId": k.ids["acme"], "username": username, "email": username + "@acme.example",
		}}), "createUser.user.id")
	}
	member := func(before string) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			input := map[string]any{"organizationId": k.ids["acme"], "userId": newcomer(t)}
			if before != "" {
				k.must(t, "olga", mutation(before, "clientMutationId"), map[string]any{"i": input})
			}
			return input, at("acme")
		}
	}
	account := func(before string, more map[string]any) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			input := map[string]any{"userId": newcomer(t)}
			if before != "" {
				k.must(t, "olga", mutation(before, "clientMutationId"), map[string]any{"i": input})
			}
			target := &object{kind: "User", id: input["userId"].(string), slugs: []string{"acme"}}
			maps.Copy(input, more)
			if input["email"] != nil {
				input["email"] = fresh("changed") + "@acme.example"
			}
			return input, target
		}
	}
	// metered makes a unit or a SKU of northwind for each attempt.
	metered := func(kind string, more map[string]any) attempted {
		return func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, kind)
			field, make := "billingUnitId", k.billingUnit
			if kind == "SKU" {
				field, make = "skuId", k.sku
			}
			id := make(t, fresh("gone"))
			input := map[string]any{field: id}
			maps.Copy(input, more)
			return input, &object{kind: kind, id: id, slugs: []string{"northwind"}}
		}
	}
	k.idle(t)
	setting := map[string]any{"key": "policies.no_public_ip"}
	key := func() map[string]any {
		return map[string]any{"projectId": k.ids["acme.site"], "name": "ssh", "publicKey": sshKey(fresh("ssh"))}
	}
	return map[string]attempted{
		"createOrganization": func(*testing.T) (map[string]any, *object) {
			slug := fresh("venture")
			return map[string]any{"managedById": k.ids["northwind"], "name": "Venture", "slug": slug, "ownerEmail": slug + "@venture.example"}, at("northwind")
		},
		"updateOrganization":     on("id", "acme", map[string]any{"name": "Acme"}),
		"setOrganizationKind":    on("id", "bravo", map[string]any{"kind": "STANDARD"}),
		"activateOrganization":   living(orgtree.PendingActivation, map[string]any{"termsVersion": "1"}),
		"lockOrganization":       living(orgtree.Active, map[string]any{"reason": "Unpaid."}),
		"unlockOrganization":     living(orgtree.Locked, nil),
		"deactivateOrganization": living(orgtree.Active, map[string]any{"confirm": "Deactivate"}),
		"reopenOrganization":     living(orgtree.Deactivated, nil),
		// These are not done to an organization that others try to change: it is
		// not empty, and the person is no administrator.
		"deleteOrganization": on("id", "acme", nil),
		"reassignOwner":      on("organizationId", "acme", map[string]any{"userId": k.ids["plain-of-acme"], "reason": "The owner is lost."}),
		"createUser": func(*testing.T) (map[string]any, *object) {
			username := fresh("user")
			return map[string]any{"organizationId": k.ids["acme"], "username": username, "email": username + "@acme.example"}, at("acme")
		},
		"importUsers": func(*testing.T) (map[string]any, *object) {
			username := fresh("imported")
			return map[string]any{"organizationId": k.ids["acme"], "csv": "username,email\n" + username + "," + username + "@acme.example\n"}, at("acme")
		},
		"updateMember": on("organizationId", "acme", map[string]any{"userId": k.ids["plain-of-acme"], "tags": []string{"changed"}}),

		// What is done to the platform needs no more than to be there.
		"impersonate": func(*testing.T) (map[string]any, *object) {
			return map[string]any{"userId": k.ids["olga"], "reason": "To help."}, at("platform.told")
		},
		"endImpersonation": func(*testing.T) (map[string]any, *object) { return map[string]any{}, at("platform.told") },
		"createAnnouncement": func(*testing.T) (map[string]any, *object) {
			return map[string]any{"title": "News"}, at("platform.told")
		},
		"updateAnnouncement": on("announcementId", "platform.told", map[string]any{"severity": "CRITICAL"}),
		"deleteAnnouncement": func(t *testing.T) (map[string]any, *object) {
			made := k.must(t, "ada", mutation("createAnnouncement", "announcement { id }"), map[string]any{"i": map[string]any{"title": fresh("gone")}})
			return map[string]any{"announcementId": dig(made, "createAnnouncement.announcement.id")}, at("platform.told")
		},

		"changeSupportPlan": func(*testing.T) (map[string]any, *object) {
			plans := []string{"ADVANCED", "BUSINESS"}
			n++
			return map[string]any{"organizationId": k.ids["acme"], "plan": plans[n%2], "confirm": "I understand"}, at("acme")
		},
		"openTicket":        on("organizationId", "acme", map[string]any{"subject": "Help", "description": "It is broken."}),
		"replyTicket":       ticket("OPEN", map[string]any{"body": "More."}),
		"setTicketPriority": ticket("OPEN", map[string]any{"priority": "P2"}),
		"resolveTicket":     ticket("OPEN", nil),
		"closeTicket":       ticket("RESOLVED", nil),
		"reopenTicket":      ticket("RESOLVED", nil),

		"createGroup":        named("organizationId", "acme", nil),
		"updateGroup":        on("groupId", "acme.idle", map[string]any{"description": "Idle."}),
		"setGroupRoles":      on("groupId", "acme.idle", map[string]any{"roles": []string{}}),
		"setGroupProjects":   on("groupId", "acme.idle", map[string]any{"projectIds": []string{}}),
		"addGroupMembers":    on("groupId", "acme.idle", map[string]any{"principalIds": []string{k.ids["plain-of-acme"]}}),
		"removeGroupMembers": on("groupId", "acme.idle", map[string]any{"principalIds": []string{k.ids["plain-of-acme"]}}),
		"deleteGroup":        gone("groupId", "Group", "createGroup", "group", inAcme(nil), ""),

		"setSetting":    on("scopeId", "acme", map[string]any{"key": "policies.no_public_ip", "value": true}),
		"unsetSetting":  on("scopeId", "acme", setting),
		"guardSetting":  on("scopeId", "acme", map[string]any{"key": "policies.no_public_ip", "allowed": []bool{false, true}}),
		"lockSetting":   on("scopeId", "acme", setting),
		"unlockSetting": on("scopeId", "acme", setting),

		"createPolicy":       named("organizationId", "acme", map[string]any{"rules": []map[string]any{{"permissionSets": []string{"ProjectReadOnly"}, "organization": true}}}),
		"updatePolicy":       on("policyId", "acme.idlePolicy", map[string]any{"description": "Idle."}),
		"setPolicyRules":     on("policyId", "acme.idlePolicy", map[string]any{"rules": []map[string]any{{"permissionSets": []string{"ProjectReadOnly"}, "organization": true}}}),
		"setPolicyPrincipal": on("policyId", "acme.idlePolicy", nil),
		"clonePolicy":        named("policyId", "acme.idlePolicy", nil),
		"resetBuiltinPolicy": on("policyId", "acme.editorsPolicy", nil),
		"deletePolicy":       gone("policyId", "Policy", "createPolicy", "policy", inAcme(map[string]any{"rules": []any{}}), ""),

		"createApplication": named("organizationId", "acme", nil),
		"updateApplication": on("applicationId", "acme.idleApplication", map[string]any{"description": "Idle."}),
		"deleteApplication": gone("applicationId", "Application", "createApplication", "application", inAcme(nil), ""),
		"createApiKey":      on("organizationId", "acme", map[string]any{"applicationId": k.ids["acme.idleApplication"]}),
		"updateApiKey":      on("apiKeyId", "acme.idleKey", map[string]any{"description": "Idle."}),
		"rotateApiKey":      on("apiKeyId", "acme.idleKey", nil),
		"deleteApiKey": gone("apiKeyId", "APIKey", "createApiKey", "apiKey", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "applicationId": k.ids["acme.idleApplication"]}
		}, ""),
		"exchangeApiKey": func(*testing.T) (map[string]any, *object) {
			return map[string]any{"secret": k.bearers["adam+key"]}, at("acme")
		},

		"createScimToken": named("organizationId", "acme", nil),
		"deleteScimToken": gone("scimTokenId", "Application", "createScimToken", "scimToken", inAcme(nil), ""),

		"createProject":    named("organizationId", "acme", nil),
		"updateProject":    on("projectId", "acme.site", map[string]any{"name": "site-of-acme"}),
		"deleteProject":    gone("projectId", "Project", "createProject", "project", inAcme(nil), ""),
		"addSshKey":        func(*testing.T) (map[string]any, *object) { return key(), at("acme.site") },
		"updateSshKey":     on("sshKeyId", "acme.ssh", map[string]any{"name": "ssh-of-acme"}),
		"deleteSshKey":     gone("sshKeyId", "SSHKey", "addSshKey", "sshKey", key, "acme.site"),
		"registerResource": named("projectId", "acme.site", map[string]any{"kind": "server"}),
		"updateResource":   on("resourceId", "acme.server", map[string]any{"name": "server-of-acme"}),
		"releaseResource":  on("resourceId", "acme.ruin", nil),

		"requestAccess":        on("organizationId", "acme", map[string]any{"reason": "Let me in."}),
		"acceptAccessRequest":  on("accessRequestId", "acme.request", nil),
		"declineAccessRequest": on("accessRequestId", "acme.request", nil),
		"cancelAccessRequest":  on("accessRequestId", "acme.request", nil),

		"inviteMembers": func(*testing.T) (map[string]any, *object) {
			return map[string]any{"organizationId": k.ids["acme"], "emails": []string{fresh("invited") + "@acme.example"}}, at("acme")
		},
		"resendInvitation":         invitation,
		"cancelInvitation":         invitation,
		"acceptInvitation":         invitation,
		"declineInvitation":        invitation,
		"requestOwnershipTransfer": on("organizationId", "acme", map[string]any{"userId": k.ids["adam"]}),
		"leaveOrganization":        on("organizationId", "cove", nil),
		"removeMember":             member(""),
		"setMemberRole":            on("organizationId", "acme", map[string]any{"userId": k.ids["plain-of-acme"], "role": "MEMBER"}),
		"lockMember":               member(""),
		"unlockMember":             member("lockMember"),
		"lockAccount":              account("", nil),
		"unlockAccount":            account("lockAccount", nil),
		"resetSecondFactor":        account("", nil),
		"setPassword":              account("", map[string]any{"password": "a password that is long enough"}),
		"sendPasswordReset":        account("", nil),
		"updateUser":               account("", map[string]any{"email": "changed@acme.example"}),
		"createIdentityProvider":   named("organizationId", "acme", map[string]any{"issuer": k.providerURL(t), "clientId": "client", "enabled": false}),
		"updateIdentityProvider":   on("identityProviderId", "acme.provider", map[string]any{"name": "provider-of-acme"}),
		"deleteIdentityProvider": gone("identityProviderId", "IdentityProvider", "createIdentityProvider", "identityProvider",
			inAcme(map[string]any{"issuer": k.providerURL(t), "clientId": "client"}), ""),
		"createTrustedIssuer": func(*testing.T) (map[string]any, *object) {
			word := fresh("issuer")
			return map[string]any{"organizationId": k.ids["acme"], "name": word, "issuer": k.providerURL(t), "audience": word}, at("acme")
		},
		"updateTrustedIssuer": on("trustedIssuerId", "acme.issuer", map[string]any{"name": "issuer-of-acme"}),
		"deleteTrustedIssuer": gone("trustedIssuerId", "TrustedIssuer", "createTrustedIssuer", "trustedIssuer", func() map[string]any {
			word := fresh("issuer")
			return map[string]any{"organizationId": k.ids["acme"], "name": word, "issuer": k.providerURL(t), "audience": word}
		}, ""),
		"addTrustedSubject": func(*testing.T) (map[string]any, *object) {
			return map[string]any{"trustedIssuerId": k.ids["acme.issuer"], "subject": fresh("subject"), "userId": k.ids["idler"]}, at("acme.issuer")
		},
		"removeTrustedSubject": gone("trustedSubjectId", "TrustedSubject", "addTrustedSubject", "trustedSubject", func() map[string]any {
			return map[string]any{"trustedIssuerId": k.ids["acme.issuer"], "subject": fresh("subject"), "userId": k.ids["idler"]}
		}, ""),

		"setBillingMultiplier":  on("sellerId", "northwind", map[string]any{"buyerId": k.ids["acme"], "factor": "1.2", "firstMonth": "2026-12"}),
		"planBillingMultiplier": on("sellerId", "northwind", map[string]any{"buyerId": k.ids["acme"], "factor": "1.2", "firstMonth": "2026-12"}),
		"endBillingMultiplier":  on("id", "northwind.price-to-acme", map[string]any{"lastMonth": "2030-12"}),
		"setPriceGuard":         on("managerId", "northwind", map[string]any{"sellerId": k.ids["fjord"], "min": "0.9", "firstMonth": "2030-01"}),
		"endPriceGuard":         on("id", "northwind.guard", map[string]any{"lastMonth": "2030-12"}),
		"createTaxRate":         on("sellerId", "northwind", map[string]any{"name": "tax", "percent": "5", "firstMonth": "2026-12"}),
		"createDiscount":        on("sellerId", "northwind", map[string]any{"description": "less", "percent": "5", "firstMonth": "2026-12", "lastMonth": "2026-12"}),
		"endDiscount":           on("discountId", "northwind.discount", map[string]any{"lastMonth": "2030-12"}),
		"createVoucher":         on("sellerId", "northwind", map[string]any{"description": "less", "percent": "5"}),
		"endVoucher": func(t *testing.T) (map[string]any, *object) {
			return map[string]any{"voucherId": dig(k.voucher(t), "voucher.id")}, &object{kind: "Voucher", slugs: []string{"northwind"}}
		},
		"redeemVoucher": func(t *testing.T) (map[string]any, *object) {
			return map[string]any{"organizationId": k.ids["acme"], "code": dig(k.voucher(t), "code")}, at("acme")
		},
		"setSupportFee": on("sellerId", "northwind", map[string]any{"plan": "ADVANCED", "minimum": "5", "currency": "USD", "firstMonth": "2026-12"}),
		"endTaxRate":    on("taxRateId", "northwind.tax", map[string]any{"lastMonth": "2030-12"}),
		"mapUsage": on("organizationId", "northwind", map[string]any{
			"mappings": []map[string]any{{"subAccountId": "account-of-acme", "organizationId": k.ids["acme"]}},
		}),
		"createCloudAccount": func(*testing.T) (map[string]any, *object) {
			input := map[string]any{"organizationId": k.ids["acme"], "name": fresh("new"), "provider": "aws", "providerAccountId": fresh("account")}
			return input, at("acme")
		},
		"confirmCloudAccount":           on("cloudAccountId", "acme.cloud", nil),
		"updateCloudAccount":            on("cloudAccountId", "acme.cloud", map[string]any{"groupIds": []string{k.ids["acme.crew"]}}),
		"rotateCloudAccountCredentials": on("cloudAccountId", "acme.cloud", map[string]any{"credentials": "hush"}),
		"deleteCloudAccount": gone("cloudAccountId", "CloudAccount", "createCloudAccount", "cloudAccount", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "name": fresh("gone"), "provider": "aws", "providerAccountId": fresh("account")}
		}, ""),
		"deleteUsageMapping": func(t *testing.T) (map[string]any, *object) {
			id := k.mapping(t, fresh("sub-account"))
			return map[string]any{"usageMappingId": id}, &object{kind: "UsageMapping", id: id, slugs: []string{"northwind"}}
		},
		"retryJob": func(t *testing.T) (map[string]any, *object) {
			id := typeid.New(typeid.Job, k.failedJob(t, "ruin")).String()
			return map[string]any{"jobId": id}, &object{kind: "Job", id: id, slugs: []string{"platform"}}
		},
		"importUsage": on("organizationId", "northwind", map[string]any{"file": nil}),

		"createBillingUnit": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "BillingUnit")
			return map[string]any{"organizationId": k.ids["northwind"], "name": fresh("gone"), "currency": "USD", "rate": "1"}, at("northwind")
		},
		"updateBillingUnit":  on("billingUnitId", "northwind.unit", map[string]any{"name": "unit-of-northwind"}),
		"setBillingUnitRate": metered("BillingUnit", map[string]any{"rate": "2.5"}),
		"deleteBillingUnit":  metered("BillingUnit", nil),
		"createSku": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "SKU")
			return map[string]any{"billingUnitId": k.ids["northwind.unit"], "code": fresh("gone"), "name": "new", "type": "Compute", "subtype": "Hour"}, at("northwind.unit")
		},
		"updateSku":  on("skuId", "northwind.sku", map[string]any{"name": "name-of-sku-of-northwind"}),
		"setSkuRate": metered("SKU", map[string]any{"rate": "2.5"}),
		"archiveSku": on("skuId", "northwind.sku", nil),
		"restoreSku": on("skuId", "northwind.sku", nil),
		"recordUsage": func(t *testing.T) (map[string]any, *object) {
			event := k.event(fresh("event"), "code-of-metered-sku-of-northwind", "acme")
			event["groupId"] = k.ids["acme.crew"]
			return map[string]any{"organizationId": k.ids["northwind"], "events": []map[string]any{event}}, at("northwind")
		},

		"setBudget": on("organizationId", "acme", map[string]any{"amount": "66604.5"}),
		"deleteBudget": func(t *testing.T) (map[string]any, *object) {
			k.must(t, "ada", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": k.ids["acme"], "amount": "66604.5"}})
			return map[string]any{"organizationId": k.ids["acme"]}, at("acme")
		},
		"addBudgetAlert": func(t *testing.T) (map[string]any, *object) { return k.nextAlert(t), at("acme") },
		"removeBudgetAlert": func(t *testing.T) (map[string]any, *object) {
			answer := k.must(t, "ada", mutation("addBudgetAlert", "budget { alerts { id } }"), map[string]any{"i": k.nextAlert(t)})
			id := dig(answer, "addBudgetAlert.budget.alerts.0.id")
			return map[string]any{"budgetAlertId": id}, &object{kind: "BudgetAlert", id: id, slugs: []string{"acme"}}
		},
		"addBillingContact": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "BillingContact")
			return map[string]any{"organizationId": k.ids["acme"], "email": fresh("bills") + "@acme.example"}, at("acme")
		},
		"removeBillingContact": gone("billingContactId", "BillingContact", "addBillingContact", "billingContact", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "email": fresh("bills") + "@acme.example"}
		}, ""),
		"addPaymentMethod": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "PaymentMethod")
			return map[string]any{"organizationId": k.ids["acme"], "kind": "CARD", "processor": "acquirer", "reference": fresh("card"), "label": "new"}, at("acme")
		},
		"setDefaultPaymentMethod": on("paymentMethodId", "acme.card", nil),
		"removePaymentMethod": gone("paymentMethodId", "PaymentMethod", "addPaymentMethod", "paymentMethod", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "kind": "SEPA_DEBIT", "processor": "acquirer", "reference": fresh("debit"), "label": "new"}
		}, ""),
		"createWebhook": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "Webhook")
			return map[string]any{"organizationId": k.ids["acme"], "name": fresh("gone"), "url": "https://hooks.example", "events": []string{"spending.threshold_reached"}}, at("acme")
		},
		"updateWebhook":       on("webhookId", "acme.webhook", map[string]any{"name": "webhook-of-acme"}),
		"rotateWebhookSecret": on("webhookId", "acme.webhook", nil),
		"deleteWebhook": gone("webhookId", "Webhook", "createWebhook", "webhook", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "name": fresh("gone"), "url": "https://hooks.example", "events": []string{"spending.threshold_reached"}}
		}, ""),
		"testWebhook":           on("webhookId", "acme.webhook", nil),
		"replayWebhookDelivery": on("deliveryId", "acme.delivery", nil),
		"updateBillingProfile":  on("organizationId", "acme", map[string]any{"company": "Acme Ltd"}),
		"closeBillingMonth":     on("sellerId", "northwind", map[string]any{"month": "2026-09"}),
		"markStatementPaid":     func(t *testing.T) (map[string]any, *object) { return issued(t, nil) },
		"issueCreditNote": func(t *testing.T) (map[string]any, *object) {
			return issued(t, map[string]any{"lines": []map[string]any{{"reason": "because", "amount": "1"}}})
		},
		"voidStatement": func(t *testing.T) (map[string]any, *object) { return issued(t, map[string]any{"reason": "because"}) },
		// Totals are high enough for others to start something.
		"setAllocation": on("scopeId", "acme", map[string]any{"total": "500000", "unit": "USD", "period": "QUARTER"}),
		"setGroupAllocations": on("organizationId", "acme", map[string]any{
			"allocations": []map[string]any{{"groupId": k.ids["acme.crew"], "total": "500000", "unit": "USD"}},
		}),
		"resumeAllocation": on("allocationId", "acme.allocation-by-acme", nil),
		"deleteAllocation": gone("allocationId", "Allocation", "setAllocation", "allocation", func() map[string]any {
			return map[string]any{"scopeId": k.ids["acme"], "authorId": k.ids["acme"], "total": "500000", "unit": "EUR", "period": "MONTH"}
		}, ""),
		"createThreshold": func(t *testing.T) (map[string]any, *object) {
			k.makeRoom(t, "Threshold")
			return map[string]any{"organizationId": k.ids["acme"], "name": inLetters(fresh("")), "percent": "5", "severity": "ALERT"}, at("acme")
		},
		"updateThreshold": on("thresholdId", "acme.threshold", map[string]any{"labelColor": "#00ff00"}),
		"deleteThreshold": gone("thresholdId", "Threshold", "createThreshold", "threshold", func() map[string]any {
			return map[string]any{"organizationId": k.ids["acme"], "name": inLetters(fresh("")), "percent": "5", "severity": "ALERT"}
		}, ""),
	}
}

// inLetters returns a text with letters in the place of digits.
func inLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'a' + r - '0'
		}
		if r < 'a' || r > 'z' {
			return 'x'
		}
		return r
	}, text)
}

// makeRoom clears away what attempts have left of a kind of which an organization
// may have few.
func (k *walk) makeRoom(t *testing.T, kind string) {
	t.Helper()
	client, err := k.platform.db.Client(), error(nil)
	switch kind {
	case "IdentityProvider":
		_, err = client.IdentityProvider.Delete().Where(identityprovider.NameHasPrefix("gone-")).Exec(k.system(t))
	case "SKU", "BillingUnit":
		if _, err = client.SKU.Delete().Where(sku.CodeHasPrefix("gone-")).Exec(k.system(t)); err == nil {
			_, err = client.BillingUnit.Delete().Where(billingunit.NameContains("gone-")).Exec(k.system(t))
		}
	case "TrustedIssuer":
		_, err = client.TrustedIssuer.Delete().
			Where(trustedissuer.NameHasPrefix("issuer-"), trustedissuer.NameNEQ("issuer-of-acme")).Exec(k.system(t))
	case "BillingContact":
		_, err = client.BillingContact.Delete().Where(billingcontact.NameEQ("")).Exec(k.system(t))
	case "PaymentMethod":
		_, err = client.PaymentMethod.Delete().Where(paymentmethod.LabelEQ("new"), paymentmethod.IsDefault(false)).Exec(k.system(t))
	case "Threshold":
		_, err = client.Threshold.Delete().Where(threshold.DescriptionEQ("")).Exec(k.system(t))
	case "Webhook":
		_, err = client.Webhook.Delete().Where(webhook.NameHasPrefix("gone-")).Exec(k.system(t))
	case "BudgetAlert":
		_, err = client.BudgetAlert.Delete().Where(budgetalert.OrganizationID(k.key(t, "acme"))).Exec(k.system(t))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// nextAlert makes room for an alert of the budget of acme, which there is then, and
// returns what asks for one.
func (k *walk) nextAlert(t *testing.T) map[string]any {
	t.Helper()
	k.must(t, "ada", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": k.ids["acme"], "amount": "66604.5"}})
	k.makeRoom(t, "BudgetAlert")
	return map[string]any{"organizationId": k.ids["acme"], "percent": "50"}
}

// idle makes things in acme that give nobody anything, so that nothing but the
// rule stands in the way of changing them, and names the rest that is changed.
func (k *walk) idle(t *testing.T) {
	t.Helper()
	make := func(name, kind, create, noun string, input map[string]any) {
		input["organizationId"] = k.ids["acme"]
		id := dig(k.must(t, "olga", mutation(create, noun+" { id }"), map[string]any{"i": input}), create+"."+noun+".id")
		k.name("acme."+name, id)
		k.objects[id] = &object{kind: kind, id: id, slugs: []string{"acme"}}
	}
	// Every attempt at a member makes one, and each at an invitation.
	k.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": k.ids["acme"], "key": "quotas.users", "value": 100000}})
	make("idle", "Group", "createGroup", "group", map[string]any{"name": "idle"})
	make("idlePolicy", "Policy", "createPolicy", "policy", map[string]any{"name": "idle", "rules": []any{}})
	make("idleApplication", "Application", "createApplication", "application", map[string]any{"name": "idle"})
	make("idleKey", "APIKey", "createApiKey", "apiKey", map[string]any{"applicationId": k.ids["acme.idleApplication"]})
	for _, o := range k.objects {
		if !slices.Equal(o.slugs, []string{"acme"}) {
			continue
		}
		switch name := o.tells["name"]; {
		case o.kind == "SSHKey":
			k.name("acme.ssh", o.id)
		case name == "server-of-acme":
			k.name("acme.server", o.id)
		case name == "ruin-of-acme":
			k.name("acme.ruin", o.id)
		}
	}
	// Whoever asks here has no way in, so that the owner lets nobody in.
	request := k.store(t, "acme", func(ctx context.Context, tx *database.Tx, id uuid.UUID) (database.Change, error) {
		row, err := tx.AccessRequest.Create().SetID(tx.NewID()).SetOrganizationID(id).SetUserID(k.key(t, "plain-of-northwind")).SetReason("").
			SetStatus(accessrequest.StatusPENDING).SetExpiresAt(tx.Now().AddDate(0, 0, 7)).SetCreatedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.AccessRequest, ID: row.ID, After: row}, err
	})
	k.name("acme.request", typeid.New(typeid.AccessRequest, request).String())
	k.objects[k.ids["acme.request"]] = &object{kind: "AccessRequest", id: k.ids["acme.request"], slugs: []string{"acme"}, who: "plain-of-northwind"}
	answer := k.must(t, "olga", `query($id: ID!) { node(id: $id) { ... on Group { policies(first: 1) { edges { node { id } } } } } }`, map[string]any{"id": k.ids["acme.editors"]})
	k.name("acme.editorsPolicy", dig(answer, "node.policies.edges.0.node.id"))
}

// sshKey returns a public key that is made of a word.
func sshKey(word string) string {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, word)
	public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// probe is a place into which an id is put.
type probe struct {
	where string
	// kinds are the types of object that the place is for.
	kinds []string
	// put asks with the id in the place.
	put func(t *testing.T, a *walker, id string) string
}

// probes are all places of the schema that take an id.
func (k *walk) probes(t *testing.T, changes map[string]attempted) []probe {
	t.Helper()
	var probes []probe
	for _, f := range k.schema.Mutation.Fields {
		if _, known := changes[f.Name]; !known {
			continue
		}
		input := k.schema.Types[f.Arguments.ForName("input").Type.Name()]
		for _, path := range k.idPaths(input, nil) {
			probes = append(probes, probe{
				where: "Mutation." + f.Name + " " + strings.Join(path, "."), kinds: k.kindsOf(path[len(path)-1], f.Name),
				put: func(t *testing.T, a *walker, id string) string {
					t.Helper()
					input, _ := changes[f.Name](t)
					k.place(input, path, k.schema.Types[f.Arguments.ForName("input").Type.Name()], id)
					return cost.ReplaceAllString(string(k.change(t, a.name, f.Name, input)), "")
				},
			})
		}
	}
	questions := k.idQuestions()
	for _, subject := range k.idSubjects() {
		document, known := questions[subject]
		if !known {
			if strict {
				t.Errorf("how is an id asked for in %s?", subject)
			}
			continue
		}
		name := strings.TrimSuffix(subject[strings.LastIndexAny(subject, ".(")+1:], ")")
		probes = append(probes, probe{where: subject, kinds: k.kindsOf(name, subject), put: func(t *testing.T, a *walker, id string) string {
			t.Helper()
			return k.answerTo(t, a, document, fmt.Sprintf(`{"id": %q, "at": %q}`, id, k.ids[k.home(a)]), nil).raw
		}})
	}
	return probes
}

// idPaths returns where an input takes ids.
func (k *walk) idPaths(input *ast.Definition, above []string) [][]string {
	var paths [][]string
	for _, f := range input.Fields {
		path := append(slices.Clone(above), f.Name)
		switch inner := k.schema.Types[f.Type.Name()]; {
		case inner.Name == "ID":
			paths = append(paths, path)
		case inner.Kind == ast.InputObject:
			paths = append(paths, k.idPaths(inner, path)...)
		}
	}
	return paths
}

// place puts an id into an input.
func (k *walk) place(input map[string]any, path []string, of *ast.Definition, id string) {
	f := of.Fields.ForName(path[0])
	isList := f.Type.Elem != nil
	if len(path) == 1 && isList {
		input[path[0]] = []string{id}
	} else if len(path) == 1 {
		input[path[0]] = id
	}
	if len(path) > 1 {
		inner := map[string]any{}
		switch of.Fields.ForName(path[0]).Type.Name() {
		case "PolicyRuleInput": // A rule for projects.
			inner["permissionSets"] = []string{"AllProductsReadOnly"}
		case "IdentityGroupMappingInput":
			inner["value"] = "value"
		case "UsageMappingInput":
			inner["subAccountId"], inner["organizationId"] = "account-of-acme", k.ids["acme"]
		}
		k.place(inner, path[1:], k.schema.Types[f.Type.Name()], id)
		input[path[0]] = inner
		if isList {
			input[path[0]] = []map[string]any{inner}
		}
	}
}

// kindsOf returns the types of object that a place is for, by its name.
func (k *walk) kindsOf(name, where string) []string {
	switch noun := strings.TrimSuffix(strings.TrimSuffix(name, "s"), "Id"); noun {
	case "scope":
		return []string{"Organization", "Group", "Membership"}
	case "principal", "bearer":
		return []string{"User", "Application", "Group"}
	case "managedBy", "seller", "buyer", "placedBy", "organization":
		return []string{"Organization"}
	case "defaultProject":
		return []string{"Project"}
	case "apiKey":
		return []string{"APIKey"}
	case "sshKey":
		return []string{"SSHKey"}
	case "sku":
		return []string{"SKU"}
	case "accessRequest":
		return []string{"AccessRequest"}
	case "invitation":
		return []string{"Invitation"}
	case "id", "resource":
		if strings.Contains(where, "rganization") {
			return []string{"Organization"}
		}
		if !strings.HasPrefix(where, "Query.") && !strings.HasPrefix(where, "AccessCheckInput.") || strings.Contains(where, "Resource") {
			return []string{"Resource"}
		}
		return slices.Sorted(maps.Keys(k.ordered))
	default:
		return []string{strings.ToUpper(noun[:1]) + noun[1:]}
	}
}

// idSubjects returns the arguments and conditions of questions that take an id.
func (k *walk) idSubjects() []string {
	var subjects []string
	for _, subject := range subjectsOf(k.schema) {
		kind, field, _ := strings.Cut(subject, ".")
		d := k.schema.Types[kind]
		if strings.HasSuffix(field, ")") || d != nil && d.Kind == ast.InputObject && d.Fields.ForName(field) != nil && d.Fields.ForName(field).Type.Name() == "ID" {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// idQuestions are documents that ask with the id $id, of the organization $at.
func (k *walk) idQuestions() map[string]string {
	between := k.arguments("Organization.costs")
	return map[string]string{
		"Query.node(id)":                       "query($id: ID!) { node(id: $id) { id } }",
		"Query.organization(id)":               "query($id: ID!) { organization(id: $id) { id } }",
		"Query.spendState(scopeId)":            `query($id: ID!) { spendState(scopeId: $id) { state headroom { amount } decidedBy { allocation { id } threshold { id } organization { id name } } } }`,
		"Query.checkLaunch(scopeId)":           `query($id: ID!) { checkLaunch(scopeId: $id, provider: "aws", instanceType: "m5.large", count: 1) { allowed decidedBy { key because organization { id name } } } }`,
		"AccessCheckInput.resourceId":          `query($id: ID!) { explainAccess(check: {permission: "org:read", resourceId: $id}) { allowed } }`,
		"AccessCheckInput.principalId":         `query($id: ID!, $at: ID!) { checkAccess(checks: [{permission: "org:read", resourceId: $at, principalId: $id}]) { allowed } }`,
		"Query.permissionSets(organizationId)": "query($id: ID!) { permissionSets(organizationId: $id) { name } }",
		"Organization.apiKeys(bearerId)":       "query($id: ID!, $at: ID!) { organization(id: $at) { apiKeys(bearerId: $id) { totalCount edges { node { id } } } } }",
		"OrganizationWhereInput.managedById":   "query($id: ID!, $at: ID!) { organizations(where: {managedById: $id}) { totalCount edges { node { id } } } organization(id: $at) { managedOrganizations(recursive: true, where: {managedById: $id}) { totalCount edges { node { id } } } } }",
		"PolicyWhereInput.principalId":         "query($id: ID!, $at: ID!) { organization(id: $at) { policies(where: {principalId: $id}) { totalCount edges { node { id } } } } }",
		"CostWhereInput.organizationIds":       "query($id: ID!, $at: ID!) { organization(id: $at) { costs(" + between + ", where: {organizationIds: [$id]}) { total { amount } rows { key } } } }",
		"MembershipWhereInput.groupId":         "query($id: ID!, $at: ID!) { organization(id: $at) { members(first: 5, where: {groupId: $id}) { totalCount edges { node { id } } } } }",
		"CostWhereInput.groupIds":              "query($id: ID!, $at: ID!) { organization(id: $at) { costs(" + between + ", where: {groupIds: [$id]}) { total { amount } rows { key } } } }",
	}
}

// home returns an organization that a walker stands in, or one that nobody sees.
func (k *walk) home(a *walker) string {
	for _, slug := range slices.Sorted(maps.Keys(a.standings)) {
		return slug
	}
	return "southgate"
}

// hiddenFrom returns some object of a kind that a walker may not see, nor name in
// a place, or nil.
func (k *walk) hiddenFrom(a *walker, kind, where string) *object {
	var hidden []*object
	for _, id := range k.ordered[kind] {
		o := k.objects[id]
		isScope := strings.HasSuffix(where, "scopeId") && k.allows(a, k.visibility.of(o.kind+".scope"), o)
		isBilled := strings.HasPrefix(where, "CostWhereInput") && k.allows(a, k.visibility.of(o.kind+".billed"), o)
		if !k.sees(a, o) && !k.isNamed(a, o) && !isScope && !isBilled {
			hidden = append(hidden, o)
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	return hidden[k.random.IntN(len(hidden))]
}
