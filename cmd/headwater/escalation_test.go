package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/resolvers"
	"github.com/headwater-platform/headwater/typeid"
)

// The allowed set: what somebody, and everybody whose password they set or whose
// key they hold, may do in an organization at the end of whatever they try. It
// is a function of what they may do at the beginning and the union of
//
//  1. what they may do at the beginning;
//  2. everything, where they are the owner;
//  3. everything but what belongs to owners, where they are in the organization
//     and hold policies:write without condition, since they can write themselves
//     any policy;
//  4. what a plain member may do, where they may make or invite people, since
//     such a person may be their own;
//  5. what the switches give to Administrators, where they hold the rest of the
//     set OrganizationManager and may flip the switches;
//  6. what flows down from this union in the organizations above.
//
// In a project it is what they may do in it at the beginning, together with the
// allowed set of its organization. The rights of conditions count at the
// beginning as if the condition did not hold.
const (
	fuzzMember   = `org:read quota:read tickets:open`
	fuzzUnowned  = `org:reopen org:deactivate org:delete org:transfer billingadmin:assign`
	fuzzSwitched = `billing:read billing:write users:lock members:role members:remove`
	// fuzzManager is the set OrganizationManager with both switches off.
	fuzzManager = `org:read settings:read settings:write security:write users:read users:write members:invite groups:read groups:write
		applications:read applications:write apikeys:read apikeys:write policies:read audit:read quota:read plan:read webhooks:write
		allocations:write projects:read projects:write tickets:open tickets:read tickets:write`
	// fuzzDelegable flows down from a partner to those who hold it there and
	// partner:read, fuzzWithDoor to all who hold partner:read there.
	fuzzDelegable = `org:rename settings:read settings:write security:write identity:write users:read users:write users:lock
		members:invite members:role members:remove groups:read groups:write groups:roles projects:read allocations:write audit:read
		webhooks:write cloudaccounts:read cloudaccounts:write partner:read partner:create partner:update partner:lock
		partner:multiplier partner:limits`
	fuzzWithDoor = `org:read billing:read quota:read`
	// fuzzPlatform flows down from the platform with platform:write; platform:read
	// alone gives what ends in :read of it.
	fuzzPlatform = `org:read org:rename org:reopen org:deactivate org:delete settings:read settings:write security:write
		identity:write users:read users:write users:lock members:invite members:role members:remove billingadmin:assign groups:read
		groups:write groups:roles applications:read applications:write apikeys:read apikeys:write policies:read policies:write
		projects:read projects:write billing:read billing:write allocations:write plan:read plan:write tickets:read tickets:write
		audit:read quota:read webhooks:write cloudaccounts:read cloudaccounts:write usage:import usage:map partner:read
		partner:create partner:update partner:lock partner:multiplier partner:limits`
)

// rights are permissions that somebody has in one place.
type rights map[string]bool

func (r rights) add(words string) {
	for word := range strings.FieldsSeq(words) {
		r[word] = true
	}
}

func (r rights) hasAll(words string) bool {
	for word := range strings.FieldsSeq(words) {
		if !r[word] {
			return false
		}
	}
	return true
}

// beginning is what the actor may do in an organization at the start.
type beginning struct {
	held     rights
	isOwner  bool
	isMember bool
	// projects is what they may do in each project.
	projects map[string]rights
}

// allowedIn returns the allowed set in an organization below others, of which
// the first is the platform and the rest are partners.
func allowedIn(path []beginning) rights {
	here := path[len(path)-1]
	allowed := rights{}
	for word := range here.held { // 1
		allowed[word] = true
	}
	if here.isOwner || here.isMember && here.held["policies:write"] { // 2, 3
		for _, p := range access.Permissions() {
			allowed[string(p)] = here.isOwner || !slices.Contains(strings.Fields(fuzzUnowned), string(p))
		}
	}
	for i := range path[:len(path)-1] { // 6
		above := allowedIn(path[:i+1])
		if i == 0 {
			allowed.addPlatform(above)
		} else {
			allowed.addPartner(above)
		}
	}
	if allowed["users:write"] || allowed["members:invite"] { // 4
		allowed.add(fuzzMember)
	}
	if allowed["groups:roles"] && allowed.hasAll(fuzzManager) { // 5
		allowed.add(fuzzSwitched)
	}
	return allowed
}

func (r rights) addPlatform(above rights) {
	for word := range strings.FieldsSeq(fuzzPlatform) {
		if above["platform:write"] || above["platform:read"] && strings.HasSuffix(word, ":read") {
			r[word] = true
		}
	}
}

func (r rights) addPartner(above rights) {
	if !above["partner:read"] {
		return
	}
	r.add(fuzzWithDoor)
	for word := range strings.FieldsSeq(fuzzDelegable) {
		if above[word] {
			r[word] = true
		}
	}
	if above.hasAll("groups:roles usage:map") { // as only owners and org:admin have
		r["org:reopen"] = true
	}
}

// land is a part of the tree in which sequences play: a partner with a customer,
// and a partner below it with another customer. The platform belongs to it.
type land struct {
	slugs []string // platform, partner, customer, below, another
	// paths are the slugs from the root to each organization.
	paths map[string][]string
}

// settleLand makes a land with one group of each role, some people and an
// application in each organization.
func settleLand(t *testing.T, w *world, number int) *land {
	t.Helper()
	name := func(word string) string { return fmt.Sprintf("%s%d", word, number) }
	partner, customer, below, another := name("partner"), name("customer"), name("below"), name("another")
	w.organization(t, partner, "PARTNER", "platform", name("pam"))
	w.organization(t, customer, "STANDARD", partner, name("carl"))
	w.organization(t, below, "PARTNER", partner, name("bea"))
	w.organization(t, another, "STANDARD", below, name("ann"))
	for _, slug := range []string{partner, customer, below} {
		for _, role := range []string{"admin", "settings", "users", "groups"} {
			w.team(t, slug, role, "org:"+role)
		}
		w.team(t, slug, "team")
	}
	w.do(t, call{actor: "ada", name: "setGroupProjects", input: map[string]any{"groupId": w.ids[customer+".team"], "projectIds": []string{w.ids[customer+".project"]}}})
	w.person(t, customer, name("max"))
	w.person(t, customer, name("gus"), customer+".admin")
	w.person(t, partner, name("pia"), partner+".admin")
	w.arrange(t, "application "+customer+"."+name("bot")+" "+customer+".settings")
	return &land{
		slugs: []string{"platform", partner, customer, below, another},
		paths: map[string][]string{
			"platform": {"platform"}, partner: {"platform", partner}, customer: {"platform", partner, customer},
			below: {"platform", partner, below}, another: {"platform", partner, below, another},
		},
	}
}

// role is a way to begin.
type role struct {
	name string
	// at is where the actor is, as an index of the land's slugs.
	at int
	// owner says that the actor is the owner who is there; else they are a new
	// person, or a new application, in these groups.
	owner       bool
	application bool
	groups      []string
	// sets are given by a policy of their own, for a while only if condition is
	// there.
	sets      []string
	condition *access.Condition
	// also says that the actor is one of the Administrators of the customer.
	also bool
}

const atPlatform, atPartner, atCustomer, atBelow = 0, 1, 2, 3

// roles returns all ways to begin.
func roles() []role {
	network := &access.Condition{CIDRs: loopback()}
	return []role{
		{name: "a plain member", at: atCustomer},
		{name: "org:admin", at: atCustomer, groups: []string{"admin"}},
		{name: "org:settings", at: atCustomer, groups: []string{"settings"}},
		{name: "org:users", at: atCustomer, groups: []string{"users"}},
		{name: "org:groups", at: atCustomer, groups: []string{"groups"}},
		{name: "org:users and org:groups", at: atCustomer, groups: []string{"users", "groups"}},
		{name: "Administrators", at: atCustomer, groups: []string{"administrators"}},
		{name: "Editors", at: atCustomer, groups: []string{"editors"}},
		{name: "Billing Administrators", at: atCustomer, groups: []string{"billing"}},
		{name: "a member of a project", at: atCustomer, groups: []string{"team", "groups"}},
		{name: "IAMManager", at: atCustomer, sets: []string{"IAMManager"}},
		{name: "IAMManager from a network", at: atCustomer, sets: []string{"IAMManager"}, condition: network},
		{name: "OrganizationManager from a network", at: atCustomer, groups: []string{"users"}, sets: []string{"OrganizationManager"}, condition: network},
		{name: "CredentialsFullAccess", at: atCustomer, sets: []string{"CredentialsFullAccess"}},
		{name: "an application with org:admin", at: atCustomer, application: true, groups: []string{"admin"}},
		{name: "an application with org:users", at: atCustomer, application: true, groups: []string{"users", "groups"}},
		{name: "a partner's owner", at: atPartner, owner: true},
		{name: "a partner's org:admin", at: atPartner, groups: []string{"admin"}},
		{name: "a partner's org:admin who administers a customer", at: atPartner, groups: []string{"admin"}, also: true},
		{name: "a partner's Administrators", at: atPartner, groups: []string{"administrators"}},
		{name: "a partner's Administrators with ResellerFullAccess", at: atPartner, groups: []string{"administrators"}, sets: []string{"ResellerFullAccess"}},
		{name: "a partner's org:users with ResellerFullAccess", at: atPartner, groups: []string{"users", "groups"}, sets: []string{"ResellerFullAccess"}},
		{name: "a partner's Billing Administrators with ResellerFullAccess", at: atPartner, groups: []string{"billing"}, sets: []string{"ResellerFullAccess"}},
		{name: "a sub-partner's owner", at: atBelow, owner: true},
		{name: "a sub-partner's org:admin", at: atBelow, groups: []string{"admin"}},
		{name: "the platform's owner", at: atPlatform, owner: true},
		{name: "the platform's org:settings", at: atPlatform, groups: []string{"settings"}},
		{name: "PlatformReadOnly", at: atPlatform, sets: []string{"PlatformReadOnly"}},
	}
}

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// owners are the names of who owns the organizations of a land, by at.
func (l *land) ownerAt(at int) string {
	number := strings.TrimPrefix(l.slugs[atPartner], "partner")
	return []string{"ada", "pam" + number, "carl" + number, "bea" + number}[at]
}

// hand is the actor, or an account or application in the actor's hands: its id
// and what it asks with.
type hand struct{ id, bearer string }

// found is what there is in one organization, as ids.
type found struct {
	groups, builtins, users, applications, policies, projects, keys []string
}

// sequence is one actor who tries mutations.
type sequence struct {
	w      *world
	t      *testing.T
	land   *land
	random *rand.Rand
	number int
	role   role
	hands  []hand
	// by is whose turn it is.
	by hand
	// conditional is the policy that the actor has for a while.
	conditional uuid.UUID
	// there is what is in the organizations, by slug.
	there map[string]*found
	story []string
	made  int
}

// any returns a random element, or nothing of nothing.
func pickOf[T any](p *sequence, list []T) T {
	var none T
	if len(list) == 0 {
		return none
	}
	return list[p.random.IntN(len(list))]
}

// slug returns an organization, more often one where the actor is or whom they
// manage.
func (p *sequence) slug() string {
	if p.random.IntN(10) > 0 {
		home := p.land.slugs[p.role.at]
		var inside []string
		for _, slug := range p.land.slugs {
			if slices.Contains(p.land.paths[slug], home) {
				inside = append(inside, slug)
			}
		}
		return pickOf(p, inside)
	}
	return pickOf(p, p.land.slugs)
}

func (p *sequence) name(word string) string {
	p.made++
	return fmt.Sprintf("%s-%d-%d", word, p.number, p.made)
}

// principal returns a user or an application of an organization, every other
// time one that is in the actor's hands.
func (p *sequence) principal(slug string) string {
	if p.random.IntN(2) == 0 {
		return pickOf(p, p.hands).id
	}
	f := p.there[slug]
	return pickOf(p, slices.Concat(f.users, f.applications))
}

func (p *sequence) group(slug string) string {
	f := p.there[slug]
	if p.random.IntN(4) == 0 {
		return pickOf(p, f.builtins)
	}
	return pickOf(p, f.groups)
}

func (p *sequence) roles() []string {
	return []string{pickOf(p, []string{"org:admin", "org:settings", "org:users", "org:groups"})}
}

// rules returns one rule, or two.
func (p *sequence) rules(slug string) []map[string]any {
	var rules []map[string]any
	for range 1 + p.random.IntN(2) {
		set := pickOf(p, access.PermissionSets())
		rule := map[string]any{"permissionSets": []string{string(set.Name)}}
		switch {
		case set.Scope == access.OrganizationScope:
			rule["organization"] = true
		case p.random.IntN(2) == 0:
			rule["allProjects"] = true
		default:
			rule["projectIds"] = []string{pickOf(p, p.there[slug].projects)}
		}
		if p.random.IntN(6) == 0 {
			rule["condition"] = map[string]any{"cidrs": []string{"127.0.0.0/8", "::1/128"}}
		}
		rules = append(rules, rule)
	}
	return rules
}

// move is one kind of mutation.
type move struct {
	name string
	// path is what of the answer then is given.
	path string
	// weight is how often it is tried beside the others.
	weight int
	input  func(p *sequence, slug string) map[string]any
	// then notes what the answer has made.
	then func(p *sequence, slug, id string, input map[string]any)
}

// moves returns every mutation that may touch rights.
func moves() []move {
	in := func(list func(f *found) *[]string) func(p *sequence, slug, id string, input map[string]any) {
		return func(p *sequence, slug, id string, _ map[string]any) {
			if f := p.there[slug]; f != nil {
				of := list(f)
				*of = append(*of, id)
			}
		}
	}
	groups := in(func(f *found) *[]string { return &f.groups })
	policies := in(func(f *found) *[]string { return &f.policies })
	scope := func(p *sequence, slug string) map[string]any {
		id := p.w.ids[slug]
		if p.random.IntN(8) == 0 {
			id = p.group(slug)
		}
		input := map[string]any{"scopeId": id, "key": pickOf(p, []string{billingSwitch, membersSwitch})}
		if p.random.IntN(3) == 0 {
			input["side"] = "MANAGER"
		}
		return input
	}
	policy := func(p *sequence, slug string) map[string]any {
		return map[string]any{"policyId": pickOf(p, p.there[slug].policies)}
	}
	return []move{
		{"createUser", "user.id", 8, newPerson, personMade},
		{"importUsers", "created", 6, importedPerson, personImported},
		{"createGroup", "group.id", 4, func(p *sequence, slug string) map[string]any {
			input := map[string]any{"organizationId": p.w.ids[slug], "name": p.name("group")}
			if p.random.IntN(2) == 0 {
				input["roles"] = p.roles()
			}
			if p.random.IntN(3) == 0 {
				input["projectIds"] = []string{pickOf(p, p.there[slug].projects)}
			}
			return input
		}, groups},
		{"updateGroup", "group.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"groupId": p.group(slug), "name": p.name("renamed"), "rank": 3}
		}, nil},
		{"setGroupRoles", "group.id", 6, func(p *sequence, slug string) map[string]any {
			return map[string]any{"groupId": p.group(slug), "roles": p.roles()}
		}, nil},
		{"setGroupProjects", "group.id", 4, func(p *sequence, slug string) map[string]any {
			return map[string]any{"groupId": p.group(slug), "projectIds": []string{pickOf(p, p.there[slug].projects)}}
		}, nil},
		{"addGroupMembers", "group.id", 12, func(p *sequence, slug string) map[string]any {
			return map[string]any{"groupId": p.group(slug), "principalIds": []string{p.principal(slug)}}
		}, nil},
		{"removeGroupMembers", "group.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"groupId": p.group(slug), "principalIds": []string{p.principal(slug)}}
		}, nil},
		{"deleteGroup", "groupId", 1, func(p *sequence, slug string) map[string]any { return map[string]any{"groupId": p.group(slug)} }, nil},
		{"createPolicy", "policy.id", 8, func(p *sequence, slug string) map[string]any {
			input := map[string]any{"organizationId": p.w.ids[slug], "name": p.name("policy"), "rules": p.rules(slug)}
			switch p.random.IntN(5) {
			case 0:
			case 1, 2:
				input["principalId"] = p.group(slug)
			default:
				input["principalId"] = p.principal(slug)
			}
			return input
		}, policies},
		{"updatePolicy", "policy.id", 1, func(p *sequence, slug string) map[string]any {
			return merged(policy(p, slug), map[string]any{"name": p.name("renamed")})
		}, nil},
		{"setPolicyRules", "policy.id", 6, func(p *sequence, slug string) map[string]any {
			return merged(policy(p, slug), map[string]any{"rules": p.rules(slug)})
		}, nil},
		{"setPolicyPrincipal", "policy.id", 6, func(p *sequence, slug string) map[string]any {
			principal := p.principal(slug)
			if p.random.IntN(2) == 0 {
				principal = p.group(slug)
			}
			return merged(policy(p, slug), map[string]any{"principalId": principal})
		}, nil},
		{"clonePolicy", "policy.id", 2, func(p *sequence, slug string) map[string]any {
			return merged(policy(p, slug), map[string]any{"name": p.name("clone"), "keepPrincipal": p.random.IntN(2) == 0})
		}, policies},
		{"resetBuiltinPolicy", "policy.id", 1, policy, nil},
		{"deletePolicy", "policyId", 1, policy, nil},
		{"createApplication", "application.id", 4, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "name": p.name("app")}
		}, in(func(f *found) *[]string { return &f.applications })},
		{"updateApplication", "application.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"applicationId": pickOf(p, p.there[slug].applications), "name": p.name("renamed")}
		}, nil},
		{"deleteApplication", "applicationId", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"applicationId": pickOf(p, p.there[slug].applications)}
		}, nil},
		{"createApiKey", keyPath, 8, newKey, keyMade},
		{"createScimToken", "scimToken.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "name": p.name("scim")}
		}, nil},
		{"rotateApiKey", keyPath, 3, func(p *sequence, slug string) map[string]any {
			return map[string]any{"apiKeyId": pickOf(p, p.there[slug].keys)}
		}, keyMade},
		{"updateApiKey", "apiKey.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"apiKeyId": pickOf(p, p.there[slug].keys), "disabled": p.random.IntN(2) == 0}
		}, nil},
		{"deleteApiKey", "apiKeyId", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"apiKeyId": pickOf(p, p.there[slug].keys)}
		}, nil},
		{"createProject", "project.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "name": p.name("project")}
		}, in(func(f *found) *[]string { return &f.projects })},
		{"updateProject", "project.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"projectId": pickOf(p, p.there[slug].projects), "name": p.name("renamed")}
		}, nil},
		{"deleteProject", "projectId", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"projectId": pickOf(p, p.there[slug].projects)}
		}, nil},
		{"registerResource", "resource.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"projectId": pickOf(p, p.there[slug].projects), "groupId": p.group(slug), "kind": "instance", "name": p.name("resource")}
		}, nil},
		{"setSetting", "revision", 4, func(p *sequence, slug string) map[string]any {
			return merged(scope(p, slug), map[string]any{"value": p.random.IntN(2) == 0})
		}, nil},
		{"unsetSetting", "revision", 1, scope, nil},
		{"guardSetting", "revision", 1, func(p *sequence, slug string) map[string]any {
			return merged(scope(p, slug), map[string]any{"allowed": []bool{p.random.IntN(2) == 0}})
		}, nil},
		{"lockSetting", "revision", 1, scope, nil},
		{"unlockSetting", "revision", 1, scope, nil},
		{"createOrganization", "organization.id", 1, func(p *sequence, slug string) map[string]any {
			name := p.name("venture")
			return map[string]any{"managedById": p.w.ids[slug], "name": "Venture", "slug": name, "ownerEmail": name + "@venture.example", "kind": pickOf(p, []string{"STANDARD", "PARTNER"})}
		}, nil},
		{"updateOrganization", "organization.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"id": p.w.ids[slug], "customerReference": p.name("reference")}
		}, nil},
		{"setOrganizationKind", "organization.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"id": p.w.ids[slug], "kind": pickOf(p, []string{"STANDARD", "PARTNER"})}
		}, nil},
		{"inviteMembers", "clientMutationId", 6, func(p *sequence, slug string) map[string]any {
			input := map[string]any{
				"organizationId": p.w.ids[slug], "emails": p.w.addressOf(p.t, p.principal(slug)),
				"role": pickOf(p, []string{"ADMINISTRATOR", "EDITOR", "BILLING_ADMINISTRATOR", "MEMBER"}), "clientMutationId": "-",
			}
			if p.random.IntN(2) == 0 {
				input["groupIds"] = []string{p.group(slug)}
			}
			return input
		}, invitedMade},
		{"setMemberRole", "membership.id", 6, func(p *sequence, slug string) map[string]any {
			return map[string]any{
				"organizationId": p.w.ids[slug], "userId": p.principal(slug),
				"role": pickOf(p, []string{"ADMINISTRATOR", "EDITOR", "BILLING_ADMINISTRATOR", "MEMBER"}),
			}
		}, nil},
		{"setPassword", "user.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"userId": p.principal(slug), "password": "a password that the setter knows"}
		}, takenOver},
		{"updateUser", "user.id", 2, func(p *sequence, slug string) map[string]any {
			return map[string]any{"userId": p.principal(slug), "email": p.name("mine") + "@fuzz.example"}
		}, takenOver},
		{"removeMember", "userId", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "userId": pickOf(p, p.there[slug].users)}
		}, nil},
		{"lockMember", "membership.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "userId": pickOf(p, p.there[slug].users)}
		}, nil},
		{"unlockMember", "membership.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "userId": p.principal(slug)}
		}, nil},
		{"reassignOwner", "organization.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "userId": p.principal(slug), "reason": "The owner is lost."}
		}, nil},
		{"requestAccess", "accessRequest.id", 1, func(p *sequence, slug string) map[string]any {
			return map[string]any{"organizationId": p.w.ids[slug], "role": "ADMINISTRATORS", "reason": "To help."}
		}, nil},
	}
}

// untouching are the mutations that touch no right, each with its reason.
func untouching() map[string]string {
	return map[string]string{
		"createIdentityProvider": "see TestTrustIsNoEscalation", "updateIdentityProvider": "see TestTrustIsNoEscalation", "deleteIdentityProvider": "a way in that ends",
		"createTrustedIssuer": "see TestTrustIsNoEscalation", "updateTrustedIssuer": "see TestTrustIsNoEscalation", "deleteTrustedIssuer": "a way in that ends",
		"addTrustedSubject": "see TestTrustIsNoEscalation", "removeTrustedSubject": "a way in that ends", "deleteScimToken": "rights that end",
		"updateMember": "a seat and tags, which give nothing", "beginLinkIdentity": "a way in of one's own", "linkIdentity": "a way in of one's own", "unlinkIdentity": "a way in that ends",
		"exchangeSignInCode": "a session of one's own", "retryJob": "work that was to be done",
		"addSshKey": "a public key", "updateSshKey": "a public key", "deleteSshKey": "a public key",
		"updateResource": "an entry of the registry", "releaseResource": "an entry of the registry",
		"resendInvitation": "a letter", "cancelInvitation": "an offer that ends", "declineInvitation": "an offer that ends",
		"acceptInvitation":         "what inviteMembers gives; hands accept what they are offered",
		"requestOwnershipTransfer": "what an owner has, who gives it away",
		"leaveOrganization":        "rights that are given up",
		"lockAccount":              "rights that rest", "unlockAccount": "rights that rested",
		"resetSecondFactor": "no password", "sendPasswordReset": "a letter to the person",
		"exchangeApiKey":       "a token that is worth what its key is worth",
		"setBillingMultiplier": "prices", "endBillingMultiplier": "prices", "planBillingMultiplier": "nothing is changed",
		"setBudget": "nothing is stopped", "deleteBudget": "nothing is stopped", "addBudgetAlert": "a letter", "removeBudgetAlert": "a letter",
		"addBillingContact": "letters to an address that signs in to nothing", "removeBillingContact": "letters",
		"addPaymentMethod": "how money is paid", "setDefaultPaymentMethod": "how money is paid", "removePaymentMethod": "how money is paid",
		"createWebhook": "see TestWebhooksHearWhatTheyMay", "updateWebhook": "see TestWebhooksHearWhatTheyMay", "rotateWebhookSecret": "a secret that gives no right",
		"deleteWebhook": "messages that end", "testWebhook": "a message", "replayWebhookDelivery": "a message",
		"setPriceGuard": "bounds of prices", "endPriceGuard": "bounds of prices",
		"createCloudAccount": "costs", "confirmCloudAccount": "costs", "updateCloudAccount": "costs",
		"rotateCloudAccountCredentials": "a secret that is never told", "deleteCloudAccount": "costs",
		"closeBillingMonth": "costs", "markStatementPaid": "costs", "voidStatement": "costs", "issueCreditNote": "costs", "updateBillingProfile": "a name on bills",
		"createTaxRate": "costs", "endTaxRate": "costs", "createDiscount": "costs", "endDiscount": "costs", "setSupportFee": "costs",
		"createVoucher": "costs", "endVoucher": "costs", "redeemVoucher": "costs",
		"setAllocation": "a limit", "setGroupAllocations": "limits", "deleteAllocation": "a limit", "resumeAllocation": "a limit",
		"createThreshold": "a limit", "updateThreshold": "a limit", "deleteThreshold": "a limit",
		"createBillingUnit": "costs", "updateBillingUnit": "costs", "setBillingUnitRate": "costs", "deleteBillingUnit": "costs",
		"createSku": "costs", "updateSku": "costs", "setSkuRate": "costs", "archiveSku": "costs", "restoreSku": "costs", "recordUsage": "costs",
		"mapUsage": "costs", "deleteUsageMapping": "costs", "importUsage": "costs",
		"acceptAccessRequest": "what the owner gives, who is in nobody's hands", "declineAccessRequest": "a request that ends", "cancelAccessRequest": "a request that ends",
		"impersonate": "of those who run the platform, on nobody who does; TestNobodyImpersonatesUpwards tries it", "endImpersonation": "a session that ends",
		"createAnnouncement": "a text", "updateAnnouncement": "a text", "deleteAnnouncement": "a text",
		"changeSupportPlan": "what support costs",
		"openTicket":        "a question", "replyTicket": "a text", "setTicketPriority": "a question",
		"resolveTicket": "a question", "closeTicket": "a question", "reopenTicket": "a question",
		"activateOrganization": "a state, which the owner alone begins",
		"lockOrganization":     "rights that rest", "unlockOrganization": "rights that rested",
		"deactivateOrganization": "rights that rest", "reopenOrganization": "rights that rested", "deleteOrganization": "rights that end",
	}
}

func merged(a, b map[string]any) map[string]any {
	maps.Copy(a, b)
	return a
}

// newPerson returns the input of a person, whose password the maker knows now
// and then.
func newPerson(p *sequence, slug string) map[string]any {
	name := p.name("person")
	input := map[string]any{"organizationId": p.w.ids[slug], "username": name, "email": name + "@fuzz.example"}
	if p.random.IntN(2) == 0 {
		input["groupIds"] = []string{p.group(slug)}
		if p.random.IntN(2) == 0 {
			input["password"] = "a password that the maker knows"
		}
	}
	return input
}

// importedPerson returns the input of a sheet with a person who joins a group.
func importedPerson(p *sequence, slug string) map[string]any {
	name, group := p.name("imported"), "gone"
	if id, err := typeid.Parse(p.group(slug)); err == nil {
		if row, err := p.w.platform.db.Client().Group.Get(p.w.system(p.t), id.UUID); err == nil {
			group = row.Name
		}
	}
	return map[string]any{
		"organizationId": p.w.ids[slug], "clientMutationId": name,
		"csv": fmt.Sprintf("username,email,groups\n%s,%s@fuzz.example,%s\n", name, name, group),
	}
}

// personImported remembers the person of a sheet, whose password others may set.
// A sheet with an unknown group makes nobody.
func personImported(p *sequence, slug, created string, input map[string]any) {
	p.t.Helper()
	if created == "0" {
		return
	}
	name, _ := input["clientMutationId"].(string)
	id := typeid.New(typeid.User, one(p.t, func() (*ent.User, error) {
		return p.w.platform.db.Client().User.Query().Where(user.Username(name)).Only(p.w.system(p.t))
	}).ID).String()
	p.w.name(name, id)
	p.there[slug].users = append(p.there[slug].users, id)
}

// personMade puts a person whose password was set into the actor's hands, and
// one who was given nothing as well, as if it had been: a password takes long.
func personMade(p *sequence, slug, id string, input map[string]any) {
	p.t.Helper()
	name, _ := input["username"].(string)
	p.w.name(name, id)
	p.there[slug].users = append(p.there[slug].users, id)
	_, isGrouped := input["groupIds"]
	_, isKnown := input["password"]
	if !isKnown && (isGrouped || !strings.HasPrefix(p.by.id, "usr_")) {
		return
	}
	if !isKnown {
		p.w.passwordSet(p.t, id, p.by.id)
	}
	p.hands = append(p.hands, hand{id, p.w.token(p.t, name)})
}

// addressOf returns the address of a person, "" for an application and for a
// person who is gone.
func (w *world) addressOf(t *testing.T, id string) string {
	t.Helper()
	if !strings.HasPrefix(id, "usr_") {
		return ""
	}
	row, err := w.platform.db.Client().User.Get(w.system(t), uuidOf(t, id))
	if err != nil {
		return ""
	}
	return row.Email
}

// invitedMade lets the hands that were invited accept by the link in the letter.
func invitedMade(p *sequence, slug, _ string, input map[string]any) {
	p.t.Helper()
	address, _ := input["emails"].(string)
	for _, h := range p.hands {
		if p.w.addressOf(p.t, h.id) != address {
			continue
		}
		row, err := p.w.platform.db.Client().Invitation.Query().Where(
			invitation.OrganizationID(uuidOf(p.t, p.w.ids[slug])), invitation.Email(address), invitation.StatusEQ(invitation.StatusPENDING),
		).Only(p.w.system(p.t))
		if ent.IsNotFound(err) {
			continue // A member already.
		}
		if err != nil {
			p.t.Fatal(err)
		}
		link := p.w.invitationLink(p.t, typeid.New(typeid.Invitation, row.ID).String(), row.SentCount)
		p.w.send(p.t, call{bearer: h.bearer, name: "acceptInvitation", input: map[string]any{"token": link}}, "clientMutationId")
	}
}

// takenOver puts an account into the actor's hands.
func takenOver(p *sequence, _, id string, _ map[string]any) {
	p.t.Helper()
	p.hands = append(p.hands, hand{id, p.w.token(p.t, p.w.names[id])})
}

// keyPath asks for all that a new key tells.
const keyPath = "apiKey { id bearer { id } } secret"

// newKey returns the input of a key of whoever asks, of an application or of a
// project.
func newKey(p *sequence, slug string) map[string]any {
	input := map[string]any{"organizationId": p.w.ids[slug]}
	switch p.random.IntN(4) {
	case 0:
	case 1:
		input["projectId"] = pickOf(p, p.there[slug].projects)
	default:
		input["applicationId"] = pickOf(p, p.there[slug].applications)
	}
	return input
}

// keyMade puts whoever bears a key into the hands of whoever was told its secret.
func keyMade(p *sequence, slug, told string, _ map[string]any) {
	var key struct {
		APIKey struct {
			ID     string
			Bearer struct{ ID string }
		} `json:"apiKey"`
		Secret string
	}
	if err := json.Unmarshal([]byte(told), &key); err != nil || key.Secret == "" {
		p.t.Fatalf("%v: %s", err, told)
	}
	p.there[slug].keys = append(p.there[slug].keys, key.APIKey.ID)
	p.hands = append(p.hands, hand{key.APIKey.Bearer.ID, key.Secret})
}

// passwordSet says that somebody knows the password of an account.
func (w *world) passwordSet(t *testing.T, account, by string) {
	t.Helper()
	w.change(t, func(ctx context.Context, tx *database.Tx) (database.Change, error) {
		before, err := tx.User.Get(ctx, uuidOf(t, account))
		if err != nil {
			return database.Change{}, err
		}
		after, err := before.Update().SetCredentialsSetBy(uuidOf(t, by)).Save(ctx)
		return database.Change{Kind: typeid.User, ID: before.ID, Organization: *before.HomeOrganizationID, Before: before, After: after}, err
	})
}

// change makes one change that no mutation makes.
func (w *world) change(t testing.TB, make func(context.Context, *database.Tx) (database.Change, error)) {
	t.Helper()
	_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "test"}, func(ctx context.Context, tx *database.Tx) error {
		change, err := make(ctx, tx)
		if err == nil {
			tx.Record(change)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func uuidOf(t testing.TB, id string) uuid.UUID {
	t.Helper()
	return one(t, func() (typeid.ID, error) { return typeid.Parse(id) }).UUID
}

// begin makes the actor and returns what they may do at the start.
func (p *sequence) begin() map[string]beginning {
	home := p.land.slugs[p.role.at]
	actor := fmt.Sprintf("actor-%d", p.number)
	switch {
	case p.role.owner:
		actor = p.land.ownerAt(p.role.at)
	case p.role.application:
		p.w.arrange(p.t, "application "+home+"."+actor+" "+strings.Join(p.places(home), " "))
	default:
		p.w.person(p.t, home, actor, p.places(home)...)
	}
	var conditional []access.Rule
	for _, name := range p.role.sets {
		rule := access.Rule{Sets: []access.SetName{access.SetName(name)}, Scope: access.InOrganization(), Condition: p.role.condition}
		if set, _ := access.LookupSet(access.SetName(name)); set.Scope == access.ProjectScope {
			rule.Scope = access.InAllProjects()
		}
		if p.role.condition != nil {
			conditional = append(conditional, rule)
			continue
		}
		p.w.grant(p.t, home+"."+actor, rule)
	}
	places := []string{home}
	if p.role.also {
		customer := p.land.slugs[atCustomer]
		p.w.arrange(p.t, "member "+customer+" "+actor)
		p.w.do(p.t, call{actor: "ada", name: "addGroupMembers", input: p.w.members(customer+".administrators", actor)})
		places = append(places, customer)
	}
	p.hands = []hand{{p.w.ids[actor], p.w.token(p.t, actor)}}
	held := p.measure(p.hands[0])
	if len(conditional) > 0 {
		p.conditional = p.w.grant(p.t, home+"."+actor, conditional...)
	}
	begun := map[string]beginning{}
	for _, slug := range p.land.slugs {
		begun[slug] = beginning{
			held: held[p.w.ids[slug]], isOwner: p.role.owner && slug == home, isMember: slices.Contains(places, slug), projects: held,
		}
	}
	return begun
}

// places returns groups for the actor, new ones for roles and projects.
func (p *sequence) places(slug string) []string {
	var names []string
	for _, word := range p.role.groups {
		name := fmt.Sprintf("%s-%d", word, p.number)
		switch word {
		case "administrators", "editors", "billing":
			name = word
		case "team":
			p.w.team(p.t, slug, name)
			p.w.do(p.t, call{actor: "ada", name: "setGroupProjects", input: map[string]any{"groupId": p.w.ids[slug+"."+name], "projectIds": []string{p.w.ids[slug+".project"]}}})
		default:
			p.w.team(p.t, slug, name, "org:"+word)
		}
		names = append(names, slug+"."+name)
	}
	return names
}

// survey notes what there is in the organizations.
func (p *sequence) survey() {
	p.t.Helper()
	const all = `query($id: ID!) { organization(id: $id) {
		groups(first: 100) { edges { node { id builtin } } } members(first: 100) { edges { node { user { id } } } }
		applications(first: 100) { edges { node { id } } } policies(first: 100) { edges { node { id } } }
		projects(first: 100) { edges { node { id } } } apiKeys(first: 100) { edges { node { id } } }
	} }`
	p.there = map[string]*found{}
	for _, slug := range p.land.slugs {
		answer := p.w.must(p.t, "ada", all, map[string]any{"id": p.w.ids[slug]})
		f := &found{}
		for list, of := range map[string]*[]string{
			"groups": &f.groups, "members": &f.users, "applications": &f.applications, "policies": &f.policies, "projects": &f.projects, "apiKeys": &f.keys,
		} {
			for _, node := range nodesOf(answer, list) {
				switch {
				case node.Builtin != "":
					f.builtins = append(f.builtins, node.ID)
				case node.User.ID != "":
					*of = append(*of, node.User.ID)
				default:
					*of = append(*of, node.ID)
				}
			}
		}
		p.there[slug] = f
	}
}

type listed struct {
	ID, Builtin string
	User        struct{ ID string }
}

// nodesOf returns the nodes of a list of an organization.
func nodesOf(answer any, list string) []listed {
	encoded, err := json.Marshal(answer.(map[string]any)["organization"].(map[string]any)[list])
	if err != nil {
		return nil
	}
	var connection struct{ Edges []struct{ Node listed } }
	if err := json.Unmarshal(encoded, &connection); err != nil {
		return nil
	}
	nodes := make([]listed, len(connection.Edges))
	for i, edge := range connection.Edges {
		nodes[i] = edge.Node
	}
	return nodes
}

// measure returns what a hand may do in every organization and project, by id.
func (p *sequence) measure(h hand) map[string]rights {
	p.t.Helper()
	var document strings.Builder
	var ids []string
	for _, slug := range p.land.slugs {
		ids = append(append(ids, p.w.ids[slug]), p.there[slug].projects...)
	}
	for i, id := range ids {
		fmt.Fprintf(&document, "n%d: node(id: %q) { ... on Organization { viewerPermissions } ... on Project { viewerPermissions } } ", i, id)
	}
	raw := p.w.askAs(p.t, h.bearer, "{ "+document.String()+"}", nil)
	var answer struct {
		Data map[string]*struct{ ViewerPermissions []string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		p.t.Fatalf("%v: %s", err, raw)
	}
	held := map[string]rights{}
	for i, id := range ids {
		held[id] = rights{}
		if node := answer.Data[fmt.Sprint("n", i)]; node != nil {
			held[id].add(strings.Join(node.ViewerPermissions, " "))
		}
	}
	return held
}

// try lets one hand try one mutation, and reports what it was told.
func (p *sequence) try(m move) string {
	p.t.Helper()
	slug := p.slug()
	p.by = pickOf(p, p.hands)
	if p.random.IntN(2) == 0 {
		p.by = p.hands[0]
	}
	input := m.input(p, slug)
	encoded, err := json.Marshal(input)
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.Contains(string(encoded), `""`) {
		return "nothing to try it with"
	}
	raw := p.w.send(p.t, call{bearer: p.by.bearer, name: m.name, input: input}, m.path)
	result := told(p.t, raw)
	if strings.Contains(result, "ask again") {
		p.t.Errorf("%s, with nobody beside: told %s", m.name, result)
	}
	code, _, _ := strings.Cut(result, " ")
	if code != "y" {
		return code
	}
	p.story = append(p.story, fmt.Sprintf("%s: %s(%s) at %s", p.by.id, m.name, encoded, slug))
	if m.then == nil {
		return code
	}
	var answer struct {
		Data map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		p.t.Fatal(err)
	}
	told := string(answer.Data[m.name])
	if m.path != keyPath {
		var payload any
		if err := json.Unmarshal(answer.Data[m.name], &payload); err != nil {
			p.t.Fatal(err)
		}
		told = dig(payload, m.path)
	}
	m.then(p, slug, told, input)
	return code
}

// excess returns what the hands may do at the end beyond what they are allowed.
func (p *sequence) excess(begun map[string]beginning) []string {
	p.t.Helper()
	var beyond []string
	for _, h := range p.hands {
		held := p.measure(h)
		for _, slug := range p.land.slugs {
			var path []beginning
			for _, above := range p.land.paths[slug] {
				path = append(path, begun[above])
			}
			allowed := allowedIn(path)
			beyond = append(beyond, notIn(h.id+" in "+slug, held[p.w.ids[slug]], allowed)...)
			for _, project := range p.there[slug].projects {
				inProject := maps.Clone(allowed)
				maps.Copy(inProject, begun[slug].projects[project])
				beyond = append(beyond, notIn(h.id+" in the project "+project+" of "+slug, held[project], inProject)...)
			}
		}
	}
	return beyond
}

func notIn(who string, held, allowed rights) []string {
	var beyond []string
	for word := range held {
		if !allowed[word] {
			beyond = append(beyond, who+": "+word)
		}
	}
	return beyond
}

// end takes what was given for a while.
func (p *sequence) end() {
	if p.role.condition == nil {
		return
	}
	p.w.change(p.t, func(ctx context.Context, tx *database.Tx) (database.Change, error) {
		row, err := tx.AccessPolicy.Get(ctx, p.conditional)
		if err != nil {
			return database.Change{}, err
		}
		return database.Change{Kind: typeid.Policy, ID: row.ID, Organization: row.OrganizationID, Before: row}, tx.AccessPolicy.DeleteOne(row).Exec(ctx)
	})
}

// sequencesPerLand is how many sequences there are in one land.
const sequencesPerLand = 4

// TestNobodyEscalates lets people of every role try random sequences of
// mutations, with their own token and with every password and key that they come
// by: nobody ends with more than the allowed set.
func TestNobodyEscalates(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	tried := triable()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		n := effort.Cases(500)
		told, done := map[string]int{}, map[string]int{}
		var l *land
		for number := range n {
			random := rand.New(rand.NewPCG(seed, uint64(number)))
			if number%sequencesPerLand == 0 {
				l = settleLand(t, w, number)
			}
			p := &sequence{w: w, t: t, land: l, random: random, number: number, role: roles()[(uint64(number)+seed)%uint64(len(roles()))]}
			p.survey()
			begun := p.begin()
			p.survey()
			for range 8 + random.IntN(13) {
				m := pickOf(p, tried)
				code := p.try(m)
				told[code]++
				if code == "y" {
					done[m.name]++
				}
			}
			p.end()
			if beyond := p.excess(begun); len(beyond) > 0 {
				t.Fatalf("seed %d, sequence %d: %s ends with\n  %s\nby\n  %s", seed, number, p.role.name, strings.Join(beyond, "\n  "), strings.Join(p.story, "\n  "))
			}
		}
		t.Logf("%d sequences; told %v; done %v", n, told, done)
		for code := range told {
			if !slices.Contains([]string{"y", "F", "-", "INVALID", "CONFLICT", "LIMIT_EXCEEDED", "SETTING_LOCKED", "SETTING_OUT_OF_BOUNDS", "OWNER_IMMUTABLE", "UNAUTHENTICATED", "nothing to try it with"}, code) {
				t.Errorf("%d were told %s", told[code], code)
			}
		}
		if told["y"] < n {
			t.Errorf("only %d mutations in %d sequences were done", told["y"], n)
		}
		if never := neverDone(done); n >= 500 && len(never) > maxNeverDone {
			t.Errorf("%d of %d kinds of mutations were never done: %v", len(never), len(moves()), never)
		}
	})
}

// maxNeverDone is how many kinds of mutations may be done in none of 500
// sequences: some are done once in a hundred of them.
const maxNeverDone = 7

// neverDone returns the moves that were not done.
func neverDone(done map[string]int) []string {
	var never []string
	for _, m := range moves() {
		if done[m.name] == 0 {
			never = append(never, m.name)
		}
	}
	return never
}

// triable returns the moves, each as often as its weight.
func triable() []move {
	var list []move
	for _, m := range moves() {
		list = append(list, slices.Repeat([]move{m}, m.weight)...)
	}
	return list
}

// TestEveryMutationIsTriedOrTouchesNoRight fails for a mutation that the
// sequences do not know.
func TestEveryMutationIsTriedOrTouchesNoRight(t *testing.T) {
	t.Parallel()
	known := untouching()
	maps.Copy(known, ownAccount())
	for _, m := range moves() {
		known[m.name] = "tried"
	}
	for _, field := range resolvers.NewSchema(&resolvers.Resolver{}).Schema().Mutation.Fields {
		if known[field.Name] == "" {
			t.Errorf("%s is not tried", field.Name)
		}
		delete(known, field.Name)
	}
	for name := range known {
		t.Errorf("there is no mutation %s", name)
	}
}

// TestHandsAreFollowedThroughKeys lets the platform's owner set a password with
// the key of an application, and the key or the application is gone afterwards:
// the account stays in the owner's hands.
func TestHandsAreFollowedThroughKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		staff(t, w)
		for i, end := range []string{"deleteApiKey", "rotateApiKey", "deleteApplication"} {
			bot := w.made(t, call{actor: "ada", name: "createApplication", input: map[string]any{"organizationId": w.ids["acme"], "name": fmt.Sprint("bot ", i)}}, "application.id")
			w.do(t, call{actor: "ada", name: "addGroupMembers", input: map[string]any{"groupId": w.ids["acme.users"], "principalIds": []string{bot}}})
			id, secret := w.newKey(t, call{actor: "ada", name: "createApiKey", input: map[string]any{"organizationId": w.ids["acme"], "applicationId": bot}})
			username := fmt.Sprint("hand", i)
			person := w.made(t, call{bearer: secret, name: "createUser", input: map[string]any{
				"organizationId": w.ids["acme"], "username": username, "email": username + "@acme.example", "password": "a password that the maker knows",
			}}, "user.id")
			ends := map[string]map[string]any{"deleteApiKey": {"apiKeyId": id}, "rotateApiKey": {"apiKeyId": id}, "deleteApplication": {"applicationId": bot}}
			w.do(t, call{actor: "olga", name: end, input: ends[end]})
			got := told(t, w.send(t, call{actor: "ada", name: "addGroupMembers", input: map[string]any{"groupId": w.ids["acme.admins"], "principalIds": []string{person}}}, "group.id"))
			if got != "F" {
				t.Errorf("after %s, to give the role to the account is told %s", end, got)
			}
		}
	})
}

// newKey makes a key and returns its id and its secret.
func (w *world) newKey(t *testing.T, c call) (id, secret string) {
	t.Helper()
	raw := w.send(t, c, keyPath)
	var answer struct {
		Data struct {
			CreateAPIKey struct {
				APIKey struct{ ID string } `json:"apiKey"`
				Secret string
			} `json:"createApiKey"`
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Data.CreateAPIKey.Secret == "" {
		t.Fatalf("%v: %s", err, raw)
	}
	return answer.Data.CreateAPIKey.APIKey.ID, answer.Data.CreateAPIKey.Secret
}
