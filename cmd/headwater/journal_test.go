package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/webhookdelivery"
	"github.com/headwater-platform/headwater/resolvers"
	"github.com/headwater-platform/headwater/typeid"
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
		for _, name := range slices.Concat(ofMembers(), ofTrust()) {
			changed[name] = true // See TestChangesOfMembersAreJournaled and TestChangesOfTrustAreJournaled.
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
		methods := []string{w.card(t, "2"), w.card(t, "3"), w.debit(t, "4")}
		for _, tt := range []journaled{
			{"createOrganization", map[string]any{"managedById": w.ids["northwind"], "name": "New", "slug": "new", "ownerEmail": "n@new.example"}, "", []string{"+grp", "+grp", "+grp", "+mem", "+org", "+pol", "+pol", "+pol", "+prj", "+usr"}},
			{"updateOrganization", map[string]any{"id": w.ids["acme"], "name": "Acme Two", "expectedVersion": 1}, "acme", []string{"~org"}},
			{"setOrganizationKind", map[string]any{"id": w.ids["acme"], "kind": "PARTNER"}, "acme", []string{"~org"}},
			{"createUser", map[string]any{"organizationId": w.ids["acme"], "username": "nina", "email": "nina@acme.example", "groupIds": []string{w.ids["acme.team"]}}, "acme", []string{"+gmb", "+mem", "+usr"}},
			{"importUsers", map[string]any{"organizationId": w.ids["acme"], "csv": "username,email,groups\nnora,nora@acme.example,Editors\n,bob@bravo.example,\nx,bob@bravo.example,\n", "skipInvalid": true}, "acme", []string{"+gmb", "+inv", "+mem", "+ntc", "+usr"}},
			{"updateMember", map[string]any{"organizationId": w.ids["acme"], "userId": w.ids["max"], "seated": false, "tags": []string{"night"}}, "acme", []string{"~mem"}},
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
			{"setBillingMultiplier", map[string]any{"sellerId": w.ids["northwind"], "factor": "1.1", "firstMonth": "2026-12", "reason": "because"}, "northwind", []string{"+mul"}},
			{"endBillingMultiplier", map[string]any{"id": w.price(t), "lastMonth": "2027-01", "reason": "because"}, "northwind", []string{"~mul"}},
			{"setPriceGuard", map[string]any{"managerId": w.ids["northwind"], "min": "1", "reason": "because"}, "northwind", []string{"+pgd"}},
			{"endPriceGuard", map[string]any{"id": w.guard(t), "lastMonth": "2027-01", "reason": "because"}, "northwind", []string{"~pgd"}},
			{"mapUsage", map[string]any{"organizationId": w.ids["northwind"], "mappings": []map[string]any{{"subAccountId": "1", "organizationId": w.ids["acme"]}}}, "northwind", []string{"+map"}},
			{"createCloudAccount", map[string]any{"organizationId": w.ids["acme"], "name": "main", "provider": "aws", "providerAccountId": "7", "credentials": "hush"}, "acme", []string{"+cla", "+map"}},
			{"confirmCloudAccount", map[string]any{"cloudAccountId": w.cloudAccount(t, "olga", "8")}, "acme", []string{"+map", "~cla"}},
			{"updateCloudAccount", map[string]any{"cloudAccountId": w.cloudAccount(t, "olga", "9"), "name": "renamed"}, "acme", []string{"~cla"}},
			{"rotateCloudAccountCredentials", map[string]any{"cloudAccountId": w.cloudAccount(t, "olga", "10"), "credentials": "hush"}, "acme", []string{"~cla"}},
			{"deleteCloudAccount", map[string]any{"cloudAccountId": w.cloudAccount(t, "paula", "11")}, "acme", []string{"-cla", "~map"}},
			{"createBillingUnit", map[string]any{"organizationId": w.ids["northwind"], "name": "new", "currency": "USD", "rate": "2"}, "northwind", []string{"+mrt", "+unt"}},
			{"updateBillingUnit", map[string]any{"billingUnitId": w.billingUnit(t, "one"), "name": "renamed"}, "northwind", []string{"~unt"}},
			{"setBillingUnitRate", map[string]any{"billingUnitId": w.billingUnit(t, "two"), "rate": "3"}, "northwind", []string{"+mrt"}},
			{"createSku", map[string]any{"billingUnitId": w.billingUnit(t, "three"), "code": "new", "name": "new", "type": "Compute", "subtype": "Hour"}, "northwind", []string{"+mrt", "+sku"}},
			{"updateSku", map[string]any{"skuId": w.sku(t, "four"), "name": "renamed"}, "northwind", []string{"~sku"}},
			{"setSkuRate", map[string]any{"skuId": w.sku(t, "five"), "rate": "3"}, "northwind", []string{"+mrt"}},
			{"archiveSku", map[string]any{"skuId": w.sku(t, "six")}, "northwind", []string{"~sku"}},
			{"restoreSku", map[string]any{"skuId": w.archivedSKU(t, "seven")}, "northwind", []string{"~sku"}},
			{"deleteBillingUnit", map[string]any{"billingUnitId": w.unitOfSKU(t, "eight")}, "northwind", []string{"-sku", "-unt"}},
			{"recordUsage", map[string]any{"organizationId": w.ids["northwind"], "events": []map[string]any{
				w.event("one", w.skuCode(t, "nine"), "acme"), w.event("two", "nine", "northwind"),
			}}, "northwind", []string{"+uev", "+uev"}},
			{"deleteUsageMapping", map[string]any{"usageMappingId": w.mapping(t, "2")}, "northwind", []string{"-map"}},
			{"setBudget", map[string]any{"organizationId": w.ids["acme"], "amount": "100"}, "acme", []string{"~bud"}},
			{"addBudgetAlert", map[string]any{"organizationId": w.ids["acme"], "percent": "80"}, "acme", []string{"+bal"}},
			{"removeBudgetAlert", map[string]any{"budgetAlertId": w.budgetAlert(t)}, "acme", []string{"-bal"}},
			{"deleteBudget", map[string]any{"organizationId": w.ids["acme"]}, "acme", []string{"-bal", "-bud"}},
			{"addBillingContact", map[string]any{"organizationId": w.ids["acme"], "email": "bills@acme.example"}, "acme", []string{"+bct"}},
			{"removeBillingContact", map[string]any{"billingContactId": w.contact(t)}, "acme", []string{"-bct"}},
			{"addPaymentMethod", map[string]any{"organizationId": w.ids["acme"], "kind": "CARD", "processor": "acquirer", "reference": "1", "label": "card"}, "acme", []string{"+pmt"}},
			{"setDefaultPaymentMethod", map[string]any{"paymentMethodId": methods[1]}, "acme", []string{"~pmt", "~pmt"}},
			{"removePaymentMethod", map[string]any{"paymentMethodId": methods[2]}, "acme", []string{"-pmt"}},
			{"createWebhook", map[string]any{"organizationId": w.ids["acme"], "name": "alerts", "url": "https://hooks.example", "events": []string{"statement.issued"}}, "acme", []string{"+whk"}},
			{"updateWebhook", map[string]any{"webhookId": w.webhook(t, "one"), "enabled": false}, "acme", []string{"~whk"}},
			{"rotateWebhookSecret", map[string]any{"webhookId": w.webhook(t, "two")}, "acme", []string{"~whk"}},
			{"testWebhook", map[string]any{"webhookId": w.webhook(t, "three")}, "acme", []string{"+dlv"}},
			{"replayWebhookDelivery", map[string]any{"deliveryId": w.delivery(t, "four")}, "acme", []string{"+dlv"}},
			{"deleteWebhook", map[string]any{"webhookId": w.webhook(t, "five")}, "acme", []string{"-whk"}},
			{"updateBillingProfile", map[string]any{"organizationId": w.ids["acme"], "company": "Acme Ltd", "country": "DE"}, "acme", []string{"+bpr"}},
			{"createTaxRate", map[string]any{"sellerId": w.ids["northwind"], "name": "VAT", "percent": "20", "firstMonth": "2026-12"}, "northwind", []string{"+tax"}},
			{"endTaxRate", map[string]any{"taxRateId": w.taxRate(t), "lastMonth": "2027-01"}, "northwind", []string{"~tax"}},
			{"createDiscount", map[string]any{"sellerId": w.ids["northwind"], "description": "less", "percent": "5", "firstMonth": "2026-12", "reason": "because"}, "northwind", []string{"+dsc"}},
			{"endDiscount", map[string]any{"discountId": w.discount(t, "northwind"), "lastMonth": "2027-01"}, "northwind", []string{"~dsc"}},
			{"createVoucher", map[string]any{"sellerId": w.ids["northwind"], "description": "less", "percent": "5"}, "northwind", []string{"+vch"}},
			{"endVoucher", map[string]any{"voucherId": dig(w.voucher(t), "voucher.id")}, "northwind", []string{"~vch"}},
			{"redeemVoucher", map[string]any{"organizationId": w.ids["acme"], "code": dig(w.voucher(t), "code")}, "acme", []string{"+dsc", "~vch"}},
			{"setSupportFee", map[string]any{"sellerId": w.ids["northwind"], "plan": "BUSINESS", "minimum": "5", "currency": "USD", "firstMonth": "2026-12"}, "northwind", []string{"+fee"}},
			{"markStatementPaid", map[string]any{"statementId": w.issued(t, 1), "paymentReference": "wire"}, "northwind", []string{"~stm"}},
			{"voidStatement", map[string]any{"statementId": w.issued(t, 2), "reason": "because"}, "northwind", []string{"~stm"}},
			{"issueCreditNote", map[string]any{"statementId": w.issued(t, 3), "lines": []map[string]any{{"reason": "late", "amount": "2"}}, "reason": "because"}, "northwind", []string{"+crn"}},
			{"setAllocation", map[string]any{"scopeId": w.ids["acme"], "authorId": w.ids["acme"], "total": "5", "unit": "USD", "period": "MONTH"}, "acme", []string{"+alc"}},
			{"setGroupAllocations", map[string]any{"organizationId": w.ids["acme"], "allocations": []map[string]any{{"groupId": w.ids["acme.editors"], "total": "5", "unit": "USD"}}}, "acme", []string{"+alc"}},
			{"createThreshold", map[string]any{"organizationId": w.ids["acme"], "name": "warning", "percent": "5", "severity": "ALERT"}, "acme", []string{"+thr"}},
			{"updateThreshold", map[string]any{"thresholdId": w.threshold(t, "other"), "percent": "6"}, "acme", []string{"~thr"}},
			{"deleteThreshold", map[string]any{"thresholdId": w.threshold(t, "doomed")}, "acme", []string{"-thr"}},
			{"resumeAllocation", map[string]any{"allocationId": w.shutAllocation(t)}, "acme", []string{"~alc"}},
			{"deleteAllocation", map[string]any{"allocationId": w.allocation(t, "acme", "GBP")}, "acme", []string{"-alc"}},
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
			actor, ok := actors[tt.name]
			if !ok {
				actor = "ada"
			}
			w.journals(t, actor, "clientMutationId", tt)
			changed[tt.name] = true
		}
		for _, field := range resolvers.NewSchema(&resolvers.Resolver{}).Schema().Mutation.Fields {
			if !changed[field.Name] && !strings.HasPrefix(field.Name, "plan") && field.Name != "importUsage" && field.Name != "closeBillingMonth" { // which have tests of their own
				t.Errorf("%s was not tried", field.Name)
			}
		}
	})
}

// billingUnit makes a billing unit of northwind and returns its id.
func (w *world) billingUnit(t *testing.T, name string) string {
	t.Helper()
	answer := w.must(t, "paula", mutation("createBillingUnit", "billingUnit { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids["northwind"], "name": name, "currency": "USD", "rate": "2",
	}})
	return dig(answer, "createBillingUnit.billingUnit.id")
}

// sku makes a SKU of northwind and returns its id.
func (w *world) sku(t *testing.T, code string) string {
	t.Helper()
	answer := w.must(t, "paula", mutation("createSku", "sku { id }"), map[string]any{"i": map[string]any{
		"billingUnitId": w.billingUnit(t, "unit of "+code), "code": code, "name": code, "type": "Compute", "subtype": "Hour",
	}})
	return dig(answer, "createSku.sku.id")
}

// skuCode makes a SKU of northwind and returns its code.
func (w *world) skuCode(t *testing.T, code string) string {
	t.Helper()
	w.sku(t, code)
	return code
}

// event is usage of an organization in October as recordUsage takes it.
func (w *world) event(key, sku, owner string) map[string]any {
	return map[string]any{
		"idempotencyKey": key, "sku": sku, "quantity": "1.5", "organizationId": w.ids[owner],
		"startedAt": "2026-10-05T00:00:00Z", "endedAt": "2026-10-05T01:00:00Z",
	}
}

// archivedSKU makes a SKU that is archived and returns its id.
func (w *world) archivedSKU(t *testing.T, code string) string {
	t.Helper()
	id := w.sku(t, code)
	w.must(t, "paula", mutation("archiveSku", "clientMutationId"), map[string]any{"i": map[string]any{"skuId": id}})
	return id
}

// unitOfSKU makes a SKU and returns the id of its unit.
func (w *world) unitOfSKU(t *testing.T, code string) string {
	t.Helper()
	answer := w.must(t, "paula", "query($id: ID!) { node(id: $id) { ... on SKU { unit { id } } } }", map[string]any{"id": w.sku(t, code)})
	return dig(answer, "node.unit.id")
}

// cloudAccount enters a cloud account of acme and returns its id.
func (w *world) cloudAccount(t *testing.T, actor, account string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "name": "account " + account, "provider": "aws", "providerAccountId": account}
	answer := w.must(t, actor, mutation("createCloudAccount", "cloudAccount { id }"), map[string]any{"i": input})
	return dig(answer, "createCloudAccount.cloudAccount.id")
}

// mapping maps a sub-account of northwind to acme and returns the mapping's id.
func (w *world) mapping(t *testing.T, subAccount string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["northwind"], "mappings": []map[string]any{{"subAccountId": subAccount, "organizationId": w.ids["acme"]}}}
	answer := w.must(t, "paula", mutation("mapUsage", "mappings { id }"), map[string]any{"i": input})
	return dig(answer, "mapUsage.mappings.0.id")
}

// threshold makes a threshold of acme and returns its id.
func (w *world) threshold(t *testing.T, name string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "name": name, "percent": "50", "severity": "ALERT"}
	return dig(w.must(t, "olga", mutation("createThreshold", "threshold { id }"), map[string]any{"i": input}), "createThreshold.threshold.id")
}

// allocation sets an allocation of an organization or a group and returns its id.
func (w *world) allocation(t *testing.T, scope, unit string) string {
	t.Helper()
	input := map[string]any{"scopeId": w.ids[scope], "total": "5", "unit": unit, "period": "MONTH"}
	return dig(w.must(t, "olga", mutation("setAllocation", "allocation { id }"), map[string]any{"i": input}), "setAllocation.allocation.id")
}

// shutAllocation sets an allocation of a group of acme that a threshold has shut down which is
// gone by now.
func (w *world) shutAllocation(t *testing.T) string {
	t.Helper()
	id := w.allocation(t, "acme.editors", "EUR")
	parsed, err := typeid.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.platform.db.Client().Allocation.UpdateOneID(parsed.UUID).SetShutBy(uuid.New()).Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
	return id
}

// taxRate makes a tax of northwind and returns its id.
func (w *world) taxRate(t *testing.T) string {
	t.Helper()
	input := map[string]any{"sellerId": w.ids["northwind"], "name": "GST", "percent": "5", "firstMonth": "2026-12"}
	return dig(w.must(t, "paula", mutation("createTaxRate", "taxRate { id }"), map[string]any{"i": input}), "createTaxRate.taxRate.id")
}

// discount makes a discount of a seller and returns its id.
func (w *world) discount(t *testing.T, seller string) string {
	t.Helper()
	input := map[string]any{"sellerId": w.ids[seller], "description": "less", "percent": "5", "firstMonth": "2026-12"}
	return dig(w.must(t, "ada", mutation("createDiscount", "discount { id }"), map[string]any{"i": input}), "createDiscount.discount.id")
}

// voucher makes a voucher of northwind and returns it with its code.
func (w *world) voucher(t *testing.T) any {
	t.Helper()
	input := map[string]any{"sellerId": w.ids["northwind"], "description": "less", "percent": "5"}
	return w.must(t, "ada", mutation("createVoucher", "code voucher { id }"), map[string]any{"i": input}).(map[string]any)["createVoucher"]
}

// price sets a price of northwind for acme and returns its id.
func (w *world) price(t *testing.T) string {
	t.Helper()
	input := map[string]any{"sellerId": w.ids["northwind"], "buyerId": w.ids["acme"], "factor": "1.1", "firstMonth": "2026-12"}
	answer := w.must(t, "paula", mutation("setBillingMultiplier", "billingMultiplier { id }"), map[string]any{"i": input})
	return dig(answer, "setBillingMultiplier.billingMultiplier.id")
}

// guard bounds the factors of those that northwind manages and returns its id.
func (w *world) guard(t *testing.T) string {
	t.Helper()
	answer := w.must(t, "paula", mutation("setPriceGuard", "priceGuard { id }"), map[string]any{"i": map[string]any{"managerId": w.ids["northwind"], "max": "9"}})
	return dig(answer, "setPriceGuard.priceGuard.id")
}

// budgetAlert gives the budget of acme another alert and returns its id.
func (w *world) budgetAlert(t *testing.T) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "percent": "10"}
	w.must(t, "olga", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "amount": "100"}})
	return dig(w.must(t, "olga", mutation("addBudgetAlert", "budget { alerts { id } }"), map[string]any{"i": input}), "addBudgetAlert.budget.alerts.0.id")
}

// webhook makes a webhook of acme and returns its id.
func (w *world) webhook(t *testing.T, name string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "name": name, "url": "https://hooks.example", "events": []string{"statement.paid"}}
	return dig(w.must(t, "olga", mutation("createWebhook", "webhook { id }"), map[string]any{"i": input}), "createWebhook.webhook.id")
}

// delivery makes a webhook of acme and returns the id of a delivery that has ended.
func (w *world) delivery(t *testing.T, name string) string {
	t.Helper()
	answer := w.must(t, "olga", mutation("testWebhook", "delivery { id }"), map[string]any{"i": map[string]any{"webhookId": w.webhook(t, name)}})
	id := dig(answer, "testWebhook.delivery.id")
	ended := w.platform.db.Client().WebhookDelivery.UpdateOneID(w.parsed(t, id)).
		SetStatus(webhookdelivery.StatusFAILED).ClearNextAttemptAt().SetFinishedAt(w.platform.db.Now())
	if err := ended.Exec(w.system(t)); err != nil {
		t.Fatal(err)
	}
	return id
}

// contact adds a billing contact of acme and returns its id.
func (w *world) contact(t *testing.T) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "email": "more@acme.example"}
	return dig(w.must(t, "olga", mutation("addBillingContact", "billingContact { id }"), map[string]any{"i": input}), "addBillingContact.billingContact.id")
}

// card adds a card of acme and returns its id.
func (w *world) card(t *testing.T, reference string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "kind": "CARD", "processor": "acquirer", "reference": reference, "label": "card"}
	return dig(w.must(t, "olga", mutation("addPaymentMethod", "paymentMethod { id }"), map[string]any{"i": input}), "addPaymentMethod.paymentMethod.id")
}

// debit adds a SEPA debit of acme, which has a card, and returns its id.
func (w *world) debit(t *testing.T, reference string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids["acme"], "kind": "SEPA_DEBIT", "processor": "acquirer", "reference": reference, "label": "debit"}
	return dig(w.must(t, "olga", mutation("addPaymentMethod", "paymentMethod { id }"), map[string]any{"i": input}), "addPaymentMethod.paymentMethod.id")
}

// journaled is a change and the one entry that it leaves.
type journaled struct {
	name  string
	input map[string]any
	// where is the slug of the organization that the entry is about, if that is
	// known.
	where string
	// rows are the kinds of the changed rows: + made, - gone, ~ changed.
	rows []string
}

// journals makes a change and compares the entry that it leaves. It returns the
// answer, of which the selection is asked for.
func (w *world) journals(t *testing.T, actor, selection string, want journaled) any {
	t.Helper()
	before, err := w.platform.db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer := w.must(t, actor, mutation(want.name, selection), map[string]any{"i": want.input})
	entry := lastEntry(t, w, before)
	if want.name == "endImpersonation" {
		if entry.ActingAsName != actor || entry.ActingAsID == nil || *entry.ActingAsID != w.key(t, actor) {
			t.Errorf("%s: the entry is %v", want.name, entry)
		}
		delete(w.bearers, actor)
		actor = "ada" // Whoever acts comes first.
	}
	if entry.Action != want.name || entry.ActorName != actor || entry.ActorID == nil || *entry.ActorID != w.key(t, actor) || entry.RequestID == "" {
		t.Errorf("%s: the entry is %v", want.name, entry)
	}
	if want.where != "" && entry.OrganizationID != w.key(t, want.where) {
		t.Errorf("%s: the entry is about %s", want.name, entry.OrganizationID)
	}
	if reason, _ := want.input["reason"].(string); entry.Reason != reason {
		t.Errorf("%s: the reason is %q, want %q", want.name, entry.Reason, reason)
	}
	var rows []string
	for _, change := range entry.Edges.Changes {
		rows = append(rows, signOf(change)+change.ResourceKind)
	}
	slices.Sort(rows)
	slices.Sort(want.rows)
	if diff := cmp.Diff(want.rows, rows); diff != "" {
		t.Errorf("%s: rows (-want +got):\n%s", want.name, diff)
	}
	return answer
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

// ofMembers are the mutations of TestChangesOfMembersAreJournaled.
func ofMembers() []string {
	return []string{
		"inviteMembers", "resendInvitation", "cancelInvitation", "acceptInvitation", "declineInvitation", "requestOwnershipTransfer",
		"leaveOrganization", "removeMember", "setMemberRole", "lockMember", "unlockMember", "lockAccount", "unlockAccount",
		"resetSecondFactor", "setPassword", "sendPasswordReset", "updateUser", "retryJob",
	}
}

// TestChangesOfMembersAreJournaled lets people come, become something and go.
func TestChangesOfMembersAreJournaled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.person(t, "acme", "gail", "acme.administrators")
		w.person(t, "acme", "nina")
		w.person(t, "acme", "rolf")
		w.arrange(t, "verified bob\nverified gail")
		tried := map[string]bool{}
		does := func(actor, name string, input map[string]any, rows ...string) any {
			t.Helper()
			tried[name] = true
			selection := "clientMutationId"
			if name == "inviteMembers" {
				selection = "results { invitation { id } }"
			}
			return w.journals(t, actor, selection, journaled{name, input, "acme", rows})
		}
		invite := func(emails ...string) []string {
			t.Helper()
			rows := slices.Repeat([]string{"+inv"}, len(emails))
			answer := does("olga", "inviteMembers", map[string]any{"organizationId": w.ids["acme"], "emails": emails, "role": "EDITOR"}, rows...)
			ids := make([]string, len(emails))
			for i := range emails {
				ids[i] = dig(answer, fmt.Sprintf("inviteMembers.results.%d.invitation.id", i))
			}
			return ids
		}
		ids := invite("bob@bravo.example", "new@acme.example", "rita@southgate.example")
		does("olga", "resendInvitation", map[string]any{"invitationId": ids[1]}, "~inv")
		does("olga", "cancelInvitation", map[string]any{"invitationId": ids[1]}, "~inv")
		does("rita", "declineInvitation", map[string]any{"token": w.invitationLink(t, ids[2], 1)}, "~inv")
		does("bob", "acceptInvitation", map[string]any{"invitationId": ids[0]}, "+gmb", "+mem", "~inv")
		does("olga", "setMemberRole", w.about("bob", "role", "ADMINISTRATOR"), "+gmb", "-gmb")
		does("bob", "leaveOrganization", map[string]any{"organizationId": w.ids["acme"]}, "-gmb", "-mem")
		does("olga", "lockMember", w.about("nina"), "~mem")
		does("olga", "unlockMember", w.about("nina"), "~mem")
		nina := map[string]any{"userId": w.ids["nina"]}
		does("olga", "lockAccount", nina, "~usr")
		does("olga", "unlockAccount", nina, "~usr")
		does("olga", "setPassword", map[string]any{"userId": w.ids["nina"], "password": "correct horse battery"}, "~usr")
		does("olga", "resetSecondFactor", nina, "~usr")
		tried["sendPasswordReset"] = true // It sends a letter and changes nothing.
		does("olga", "updateUser", map[string]any{"userId": w.ids["nina"], "name": "Nina N."}, "~usr")
		does("olga", "removeMember", w.about("rolf"), "-mem", "~usr")
		offer := dig(w.must(t, "olga", mutation("requestOwnershipTransfer", "invitation { id }"), map[string]any{"i": w.about("gail")}), "requestOwnershipTransfer.invitation.id")
		does("olga", "cancelInvitation", map[string]any{"invitationId": offer}, "~inv")
		does("olga", "requestOwnershipTransfer", w.about("gail"), "+inv")
		failed := typeid.New(typeid.Job, w.failedJob(t, "mail"))
		tried["retryJob"] = true
		w.journals(t, "ada", "clientMutationId", journaled{"retryJob", map[string]any{"jobId": failed.String()}, "platform", []string{"~job"}})
		for _, name := range ofMembers() {
			if !tried[name] {
				t.Errorf("%s was not tried", name)
			}
		}
	})
}

// ofTrust are the mutations of TestChangesOfTrustAreJournaled.
func ofTrust() []string {
	return []string{
		"createScimToken", "deleteScimToken",
		"createIdentityProvider", "updateIdentityProvider", "deleteIdentityProvider",
		"createTrustedIssuer", "updateTrustedIssuer", "deleteTrustedIssuer", "addTrustedSubject", "removeTrustedSubject",
		"beginLinkIdentity", "linkIdentity", "unlinkIdentity", "exchangeSignInCode",
	}
}

// TestChangesOfTrustAreJournaled decides whom acme believes, and believes them.
func TestChangesOfTrustAreJournaled(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.arrange(v.t, "application acme.deployer")
		tried := map[string]bool{}
		does := func(name, answer string, input map[string]any, rows ...string) string {
			v.t.Helper()
			tried[name] = true
			told := v.journals(v.t, "olga", answer+" { id }", journaled{name, input, "acme", rows})
			return dig(told, name+"."+answer+".id")
		}
		gone := func(name, id string, rows ...string) {
			v.t.Helper()
			tried[name] = true
			key := strings.TrimPrefix(strings.TrimPrefix(name, "delete"), "remove")
			key = strings.ToLower(key[:1]) + key[1:] + "Id"
			v.journals(v.t, "olga", "clientMutationId", journaled{name, map[string]any{key: id}, "acme", rows})
		}
		acme := v.ids["acme"]
		gone("deleteScimToken", does("createScimToken", "scimToken", map[string]any{"organizationId": acme, "name": "HR"}, "+app", "+gmb", "+grp", "+key"), "-app", "-gmb", "-key")
		other := does("createIdentityProvider", "identityProvider", map[string]any{
			"organizationId": acme, "name": "Other", "issuer": v.provider.url, "clientId": "other",
		}, "+idp")
		does("updateIdentityProvider", "identityProvider", map[string]any{"identityProviderId": other, "name": "Another"}, "~idp")
		gone("deleteIdentityProvider", other, "-idp")
		issuer := does("createTrustedIssuer", "trustedIssuer", map[string]any{
			"organizationId": acme, "name": "CI", "issuer": "https://ci.acme.example", "audience": "headwater", "jwksUrl": v.provider.url + "/keys",
		}, "+iss")
		does("updateTrustedIssuer", "trustedIssuer", map[string]any{"trustedIssuerId": issuer, "name": "Builds"}, "~iss")
		subject := map[string]any{"trustedIssuerId": issuer, "subject": "main", "applicationId": v.ids["deployer"]}
		gone("removeTrustedSubject", does("addTrustedSubject", "trustedSubject", subject, "+tsb"), "-tsb")
		gone("deleteTrustedIssuer", issuer, "-iss")

		begun := v.must(v.t, "olga", mutation("beginLinkIdentity", "url"), map[string]any{"i": map[string]any{"identityProviderId": v.ids["idp"], "returnTo": "/linked"}})
		tried["beginLinkIdentity"] = true // It writes the state of the browser, which is no change that anybody sees.
		v.provider.is(subjectOfOlga())
		end, _, _ := v.open(dig(begun, "beginLinkIdentity.url"))
		linked := does("linkIdentity", "linkedIdentity", map[string]any{"code": end.Query().Get("code")}, "+lnk")
		code := v.signIn(subjectOfOlga())
		before := one(v.t, func() (int64, error) { return v.platform.db.Revision(v.t.Context()) })
		if _, refusal := v.exchange(code); refusal != "" {
			v.t.Fatal(refusal)
		}
		tried["exchangeSignInCode"] = true
		if entry := lastEntry(v.t, v.world, before); entry.Action != "exchangeSignInCode" || entry.ActorName != "olga" {
			v.t.Errorf("the sign-in left %v", entry)
		}
		tried["unlinkIdentity"] = true
		v.journals(v.t, "olga", "clientMutationId", journaled{"unlinkIdentity", map[string]any{"linkedIdentityId": linked}, "acme", []string{"-lnk"}})
		for _, name := range ofTrust() {
			if !tried[name] {
				v.t.Errorf("%s was not tried", name)
			}
		}
	})
}

func subjectOfOlga() subject { return subject{id: "olga-at-idp", email: "private@mail.example"} }
