package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// decidedSets is every permission set as decided: its scope, in what kinds of
// organizations it exists, and what it holds there. ! marks what
// OrganizationManager holds only under members.administrators_manage_members, ?
// only under members.administrators_manage_billing, and @ what holds only in
// partners and the platform, # in the platform alone.
const decidedSets = `
org:admin             | organization | all      | org:read org:rename settings:read settings:write security:write identity:write users:read users:write users:lock members:invite members:role members:remove groups:read groups:write groups:roles applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write billing:read billing:write allocations:write plan:read tickets:open tickets:read tickets:write audit:read quota:read webhooks:write cloudaccounts:read cloudaccounts:write @usage:import @usage:map @partner:read @partner:create @partner:update @partner:lock @partner:multiplier @partner:limits #platform:read #platform:write
org:settings          | organization | all      | org:read settings:read settings:write security:write quota:read webhooks:write allocations:write
org:users             | organization | all      | org:read users:read users:write users:lock members:invite members:remove groups:read
org:groups            | organization | all      | org:read users:read groups:read groups:write
OrganizationManager   | organization | all      | org:read settings:read settings:write security:write users:read users:write members:invite groups:read groups:write applications:read applications:write apikeys:read apikeys:write policies:read projects:read projects:write tickets:open tickets:read tickets:write audit:read quota:read plan:read webhooks:write allocations:write ?billing:read ?billing:write !users:lock !members:role !members:remove
OrganizationReadOnly  | organization | all      | org:read quota:read plan:read projects:read
IAMManager            | organization | all      | org:read users:read users:write users:lock members:invite members:role members:remove groups:read groups:write applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write
IAMReadOnly           | organization | all      | org:read users:read groups:read applications:read apikeys:read policies:read projects:read
ProjectManager        | organization | all      | org:read projects:read projects:write
ProjectReadOnly       | organization | all      | org:read projects:read
BillingManager        | organization | all      | org:read quota:read plan:read billing:read billing:write
BillingReadOnly       | organization | all      | org:read billing:read
SupportTicketManager  | organization | all      | org:read tickets:open tickets:read tickets:write
SupportTicketReadOnly | organization | all      | org:read tickets:read
SupportPlanManager    | organization | all      | org:read plan:read plan:write
AuditReadOnly         | organization | all      | org:read audit:read
ResellerFullAccess    | organization | managers | @partner:read @partner:create @partner:update @partner:lock @partner:multiplier @partner:limits
ResellerReadOnly      | organization | managers | @partner:read
PlatformReadOnly      | organization | platform | #platform:read
AllProductsFullAccess | project      | all      | projects:read resources:read resources:write
AllProductsReadOnly   | project      | all      | projects:read resources:read
CredentialsFullAccess | project      | all      | projects:read sshkeys:read sshkeys:write projectkeys:write
CredentialsReadOnly   | project      | all      | projects:read sshkeys:read
ProjectMember         | project      | all      | projects:read resources:read resources:write
`

// sourceSets is what the sources say of the sets that are kept, as far as they
// say it in permissions.
const sourceSets = `
org:admin             | org:read org:rename settings:read settings:write security:write users:read users:write users:lock members:invite members:role members:remove groups:read groups:write groups:roles applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write billing:read billing:write plan:read tickets:open tickets:read tickets:write audit:read quota:read partner:read partner:create partner:update partner:lock partner:multiplier partner:limits platform:read platform:write
org:settings          | org:read settings:read settings:write security:write quota:read
org:users             | org:read users:read users:write users:lock members:invite members:remove groups:read
org:groups            | org:read users:read groups:read groups:write
OrganizationManager   | projects:read projects:write users:read users:write users:lock members:invite members:role members:remove groups:read groups:write applications:read applications:write apikeys:read apikeys:write policies:read policies:write billing:read billing:write tickets:open tickets:read tickets:write
OrganizationReadOnly  | org:read quota:read
IAMManager            | users:read users:write users:lock members:invite members:role members:remove groups:read groups:write applications:read applications:write apikeys:read apikeys:write policies:read policies:write projects:read projects:write
IAMReadOnly           | users:read groups:read applications:read apikeys:read policies:read
ProjectManager        | projects:read projects:write
ProjectReadOnly       | projects:read
BillingManager        | billing:read billing:write
BillingReadOnly       | billing:read
SupportTicketManager  | tickets:open tickets:read tickets:write
SupportTicketReadOnly | tickets:read
SupportPlanManager    | plan:read plan:write
AuditReadOnly         | audit:read
ResellerFullAccess    | partner:read partner:create partner:update partner:lock partner:multiplier partner:limits
ResellerReadOnly      | partner:read
PlatformReadOnly      | platform:read
AllProductsFullAccess | resources:read resources:write
AllProductsReadOnly   | resources:read
CredentialsFullAccess | sshkeys:read sshkeys:write projectkeys:write
CredentialsReadOnly   | sshkeys:read
ProjectMember         | resources:read resources:write
`

// deviations are all the permissions that a set as decided holds beyond the
// source (+) or does not hold although the source says so (-), and why.
const deviations = `
org:admin             | +identity:write +cloudaccounts:read +cloudaccounts:write +webhooks:write +allocations:write +usage:import +usage:map | it is everything but what belongs to the owner, and these came with what the platform does beyond the sources
org:settings          | +webhooks:write +allocations:write | the third source counts webhooks and thresholds among the settings; identity:write and cloudaccounts:* are held back
OrganizationManager   | +org:read +quota:read +plan:read +audit:read | Administrators of the first source see the organization page, its support plan and what happened
OrganizationManager   | +settings:read +settings:write +security:write +webhooks:write +allocations:write | Administrators of the unified model configure the organization
OrganizationManager   | -policies:write | it would let every Administrator write themself any right; the owner may add IAMManager
OrganizationReadOnly  | +plan:read +projects:read | Editors see which projects and plan there are
IAMManager            | +org:read | whoever has a right somewhere sees where
IAMReadOnly           | +org:read +projects:read | IAMManager manages projects, so this one reads them
ProjectManager        | +org:read | whoever has a right somewhere sees where
ProjectReadOnly       | +org:read | whoever has a right somewhere sees where
BillingManager        | +org:read +quota:read +plan:read | the built-in policy names it alone, and plans and quotas are what is paid for; projects are labels of costs
BillingReadOnly       | +org:read | whoever has a right somewhere sees where
SupportTicketManager  | +org:read | whoever has a right somewhere sees where
SupportTicketReadOnly | +org:read | whoever has a right somewhere sees where
SupportPlanManager    | +org:read | whoever has a right somewhere sees where
AuditReadOnly         | +org:read | whoever has a right somewhere sees where
AllProductsFullAccess | +projects:read | whoever works in a project sees it, for them and in lists
AllProductsReadOnly   | +projects:read | the same
CredentialsFullAccess | +projects:read | the same
CredentialsReadOnly   | +projects:read | the same
ProjectMember         | +projects:read | the same
`

// replaced are the sets of the sources that are not kept, what is given instead,
// and why.
const replaced = `
IAMUserManager               | org:users                                         | the role of the third source is the same slice
IAMUserReadOnly              | IAMReadOnly                                       | no source separates who reads users from who reads groups
IAMGroupManager              | org:groups                                        | the role of the third source is the same slice
IAMGroupReadOnly             | IAMReadOnly                                       | as for users
IAMApplicationManager        | OrganizationManager IAMManager                    | whoever makes an application's key holds the rights of the application: it needs the rights of a manager anyway
IAMApplicationReadOnly       | IAMReadOnly                                       | as for users
IAMPolicyManager             | IAMManager                                        | whoever writes policies may write themself the rest of IAMManager
IAMPolicyReadOnly            | IAMReadOnly                                       | as for users
AbuseTicketManager           | SupportTicketManager                              | there is one kind of ticket
AuditTrailFullAccess         | AuditReadOnly                                     | the journal cannot be changed by anybody
AuditTrailReadOnly           | AuditReadOnly                                     | the journal of one platform has one name
NotificationManagerFullAccess | org:settings OrganizationManager BillingManager   | webhooks are settings, alerts are billing
NotificationManagerReadOnly  | org:settings BillingReadOnly                      | as above, to read
EnvironmentalImpactReadOnly  |                                                   | there is no such report
SSHKeysFullAccess            | CredentialsFullAccess                             | SSH keys and the API keys of a project are given together, as in the first source
SSHKeysReadOnly              | CredentialsReadOnly                               | as above, to read
InstancesFullAccess          | AllProductsFullAccess                             | a registry of resources knows kinds, not products: the sets of single products come with none of them
InstancesReadOnly            | AllProductsReadOnly                               | the same
ObjectStorageObjectsWrite    | AllProductsFullAccess                             | the sets of single verbs of single products: the same
`

// rows cuts the lines of a table.
func rows(table string) [][]string {
	var cut [][]string
	for line := range strings.Lines(strings.TrimSpace(table)) {
		parts := strings.Split(line, "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		cut = append(cut, parts)
	}
	return cut
}

// TestDecidedSets lists every set and nothing else.
func TestDecidedSets(t *testing.T) {
	t.Parallel()
	var names []access.SetName
	for _, row := range rows(decidedSets) {
		set, ok := access.LookupSet(access.SetName(row[0]))
		if !ok {
			t.Fatalf("there is no set %s", row[0])
		}
		names = append(names, set.Name)
		if got := strings.ToLower(string(set.Scope)); got != row[1] {
			t.Errorf("%s is given in a %s, want %s", set.Name, got, row[1])
		}
		for _, kind := range kinds() {
			if got, want := set.ExistsIn(kind), existsIn(row[2], kind); got != want {
				t.Errorf("%s exists in a %s: %t", set.Name, kind, got)
			}
			for _, switches := range allSwitches() {
				if diff := cmp.Diff(holdsIn(row, kind, switches), contents(set, kind, switches)); diff != "" {
					t.Errorf("%s in a %s under %+v (-want +got):\n%s", set.Name, kind, switches, diff)
				}
			}
		}
	}
	var all []access.SetName
	for _, set := range access.PermissionSets() {
		all = append(all, set.Name)
		if set.Description == "" {
			t.Errorf("%s is not described", set.Name)
		}
	}
	if diff := cmp.Diff(names, all); diff != "" {
		t.Errorf("sets (-listed +in the catalogue):\n%s", diff)
	}
}

func kinds() []orgtree.Kind {
	return []orgtree.Kind{orgtree.Platform, orgtree.Partner, orgtree.Standard}
}

func existsIn(where string, kind orgtree.Kind) bool {
	return where == "all" || kind == orgtree.Platform || where == "managers" && kind == orgtree.Partner
}

// holdsIn returns what a row of decidedSets says.
func holdsIn(row []string, kind orgtree.Kind, switches access.Switches) string {
	if !existsIn(row[2], kind) {
		return ""
	}
	var held []string
	for word := range strings.FieldsSeq(row[3]) {
		name := strings.TrimLeft(word, "!?@#")
		holds := map[byte]bool{
			'!': switches.ManageMembers, '?': switches.ManageBilling,
			'@': kind != orgtree.Standard, '#': kind == orgtree.Platform,
		}
		if is, marked := holds[word[0]]; is || !marked {
			held = append(held, name)
		}
	}
	return sorted(strings.Join(held, " "))
}

// contents returns what a policy with the set gives.
func contents(set access.PermissionSet, kind orgtree.Kind, switches access.Switches) string {
	scope := access.InOrganization()
	if set.Scope == access.ProjectScope {
		scope = access.InProjects(ours())
	}
	rights := access.RightsOf(policyOf(orgtree.ID{41}, scope, set.Name).Grants(customer(), orgtree.ID{}), kind, switches)
	return words(append(rights.Organization.List(), rights.Projects[ours()].List()...))
}

// TestEveryDeviation finds exactly the listed differences between the sources
// and what was decided.
func TestEveryDeviation(t *testing.T) {
	t.Parallel()
	want, found := map[string]string{}, map[string]string{}
	for _, row := range rows(deviations) {
		if row[2] == "" {
			t.Errorf("no reason why %s differs", row[0])
		}
		want[row[0]] = sorted(want[row[0]] + " " + row[1])
	}
	decided := map[string]string{}
	for _, row := range rows(decidedSets) {
		decided[row[0]] = strings.NewReplacer("!", "", "?", "", "@", "", "#", "").Replace(row[3])
	}
	sources := rows(sourceSets)
	for _, row := range sources {
		var differs []string
		for word := range strings.FieldsSeq(without(decided[row[0]], row[1])) {
			differs = append(differs, "+"+word)
		}
		for word := range strings.FieldsSeq(without(row[1], decided[row[0]])) {
			differs = append(differs, "-"+word)
		}
		if len(differs) > 0 {
			found[row[0]] = sorted(strings.Join(differs, " "))
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("deviations (-listed +found):\n%s", diff)
	}
	if len(sources) != len(decided) {
		t.Errorf("%d sets have a source, %d were decided", len(sources), len(decided))
	}
}

// TestReplacedSets has no set of the sources that is not kept, and only sets
// that there are instead.
func TestReplacedSets(t *testing.T) {
	t.Parallel()
	for _, row := range rows(replaced) {
		if _, ok := access.LookupSet(access.SetName(row[0])); ok || row[2] == "" {
			t.Errorf("%s is kept, or goes without a reason", row[0])
		}
		for name := range strings.FieldsSeq(row[1]) {
			if _, ok := access.LookupSet(access.SetName(name)); !ok {
				t.Errorf("%s is given instead of %s, and does not exist", name, row[0])
			}
		}
	}
}

// TestOwnerOnly has no set with what belongs to the owner.
func TestOwnerOnly(t *testing.T) {
	t.Parallel()
	const ofManagers = "usage:import usage:map partner:read partner:create partner:update partner:lock partner:multiplier partner:limits"
	const ownerOnly = "org:transfer org:deactivate org:delete org:reopen billingadmin:assign"
	for _, p := range access.Permissions() {
		for _, kind := range kinds() {
			sets := access.SetsWith(p, kind, access.Switches{ManageBilling: true, ManageMembers: true})
			meaningless := kind == orgtree.Standard && slices.Contains(strings.Fields(ofManagers), string(p)) ||
				kind != orgtree.Platform && strings.HasPrefix(string(p), "platform:")
			if got, want := len(sets) == 0, meaningless || slices.Contains(strings.Fields(ownerOnly), string(p)); got != want {
				t.Errorf("%s of a %s is in %v", p, kind, sets)
			}
		}
	}
}

// TestBuiltinGroups lists the rules that the policies of built-in groups are made
// with.
func TestBuiltinGroups(t *testing.T) {
	t.Parallel()
	everyProject := access.Rule{Sets: []access.SetName{access.AllProductsFullAccess, access.CredentialsFullAccess}, Scope: access.InAllProjects()}
	inOrganization := func(set access.SetName) access.Rule {
		return access.Rule{Sets: []access.SetName{set}, Scope: access.InOrganization()}
	}
	for b, want := range map[access.Builtin][]access.Rule{
		access.Administrators: {inOrganization(access.OrganizationManager), everyProject},
		access.Editors:        {inOrganization(access.OrganizationReadOnly), everyProject},
		// The first source adds OrganizationReadOnly. BillingManager holds what of
		// it they need; names of projects they see as labels of costs.
		access.BillingAdministrators: {inOrganization(access.BillingManager)},
		"OTHERS":                     nil,
	} {
		if diff := cmp.Diff(want, b.Rules()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b, diff)
		}
		if err := access.CheckRules(b.Rules(), access.BornByGroup, orgtree.Standard); err != nil {
			t.Errorf("%s could not be written as a policy: %v", b, err)
		}
	}
}

// TestOwnerExtendsAdministrators adds a set to the built-in policy, as an owner
// may: Administrators write policies then.
func TestOwnerExtendsAdministrators(t *testing.T) {
	t.Parallel()
	group := access.BuiltinGroup(access.Administrators)
	before := member(customer(), access.Place{Groups: []access.Group{group}})
	group.Policies[0].Rules = append(group.Policies[0].Rules, access.Rule{Sets: []access.SetName{access.IAMManager}, Scope: access.InOrganization()})
	after := member(customer(), access.Place{Groups: []access.Group{group}})
	if access.Check(before, access.PoliciesWrite, targetOf(customer())) == nil || access.Check(after, access.PoliciesWrite, targetOf(customer())) != nil {
		t.Error("the policy of Administrators does not say what they may")
	}
}
