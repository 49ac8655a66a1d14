package access_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
)

// The allowed set: what somebody and the accounts in their hands may end with,
// whatever they do, as a function of what they begin with. In an organization it
// is the union of
//
//  1. what they begin with there;
//  2. everything that an owner has, where they own it, which may be because they
//     made it;
//  3. everything but what belongs to owners, where they begin as a member with
//     policies:write in the organization and without condition, since they could
//     write themselves any policy;
//  4. what a member of a built-in group has, where the owner let them in as one;
//  5. what a member of nothing has, where they may create or invite people, since
//     such an account may be their own;
//  6. what the switches give Administrators, where they may hold the rest of the
//     set OrganizationManager and set the switches (groups:roles), which are a
//     setting;
//  7. what flows down from this union in the organizations above.
//
// In particular those who come in through the tree end with nothing in their own
// hands that does not flow to them anyway, but for 5; and nobody else ends with
// anything but what they began with.
type ceiling struct {
	n       naive
	c       *company
	actor   orgtree.ID
	began   *company // as it was
	let     map[orgtree.ID][]access.Builtin
	reached map[orgtree.ID]map[access.Permission]bool
}

const (
	switched = `billing:read billing:write users:lock members:role members:remove`
	unowned  = `org:reopen org:deactivate org:delete org:transfer billingadmin:assign`
)

// of returns the allowed set in an organization, or in a project of it.
func (l *ceiling) of(o *org, project orgtree.ID) map[access.Permission]bool {
	allowed := map[access.Permission]bool{}
	add := func(list []access.Permission) {
		for _, p := range list {
			allowed[p] = true
		}
	}
	begun := l.began.org(o.id)
	if begun != nil {
		add(l.began.viewer(l.actor).Allowed(begun.In(project))) // 1
	}
	owns := o.owner == l.actor || o.made && slices.Contains(l.c.hands(l.actor), o.owner)
	switch {
	case owns: // 2
		add(l.where(o.Kind, func(access.Permission) bool { return true }))
	case begun != nil && l.writesPolicies(begun): // 3
		add(l.where(o.Kind, func(p access.Permission) bool { return !l.n.in(p, unowned) }))
	}
	for _, b := range l.let[o.id] { // 4
		add(l.member(b, o.Kind, begun))
	}
	for _, above := range o.Path.Ancestors() { // 7
		add(l.flow(l.c.org(above), o.Kind))
	}
	if allowed[access.UsersWrite] || allowed[access.MembersInvite] { // 5
		add(l.listed(naiveMember))
	}
	if allowed[access.GroupsRoles] && l.manages(allowed, o.Kind) { // 6
		add(l.listed(switched))
	}
	return allowed
}

// member returns what a member of a built-in group has, under the switches as
// they were.
func (l *ceiling) member(b access.Builtin, kind orgtree.Kind, begun *org) []access.Permission {
	place := access.Place{Kind: kind, Switches: access.DefaultSwitches(), Groups: []access.Group{{Builtin: b}}}
	if begun != nil {
		place.Switches = begun.switches
	}
	return only(func(p access.Permission) bool { return l.n.here(place, now(), p, orgtree.ID{}) })
}

func (l *ceiling) listed(text string) []access.Permission {
	var list []access.Permission
	for word := range strings.FieldsSeq(text) {
		list = append(list, access.Permission(word))
	}
	return list
}

func (l *ceiling) where(kind orgtree.Kind, is func(access.Permission) bool) []access.Permission {
	return slices.DeleteFunc(access.Permissions(), func(p access.Permission) bool { return !l.n.exists(p, kind) || !is(p) })
}

// writesPolicies reports whether the actor begins with policies:write as a
// member, unconditionally.
func (l *ceiling) writesPolicies(o *org) bool {
	place, there := l.began.place(l.actor, o)
	if !there {
		return false
	}
	for _, g := range l.n.grants(unconditional(place), now()) {
		if g.scope == "ORGANIZATION" && l.n.gives(g, access.PoliciesWrite, place) {
			return true
		}
	}
	return false
}

// unconditional returns a place without the rules that have a condition.
func unconditional(place access.Place) access.Place {
	strip := func(policies []access.Policy) []access.Policy {
		var kept []access.Policy
		for _, p := range policies {
			p.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r access.Rule) bool { return r.Condition != nil })
			kept = append(kept, p)
		}
		return kept
	}
	place.Policies, place.Groups = strip(place.Policies), slices.Clone(place.Groups)
	for i := range place.Groups {
		place.Groups[i].Policies = strip(place.Groups[i].Policies)
	}
	return place
}

// manages reports whether everything in OrganizationManager is there but what the
// switches give.
func (l *ceiling) manages(allowed map[access.Permission]bool, kind orgtree.Kind) bool {
	return !slices.ContainsFunc(l.n.sets[kind][access.Switches{}]["OrganizationManager"], func(word string) bool {
		return !allowed[access.Permission(word)]
	})
}

// flow returns what flows down from the allowed set of an organization.
func (l *ceiling) flow(above *org, kind orgtree.Kind) []access.Permission {
	allowed, cached := l.reached[above.id]
	if !cached {
		allowed = l.of(above, orgtree.ID{})
		l.reached[above.id] = allowed
	}
	return only(func(p access.Permission) bool {
		switch {
		case !l.n.exists(p, kind) && !l.n.in(p, naiveManaging):
			return false
		case above.Kind == orgtree.Platform:
			return !l.n.in(p, naiveNeverByPlatform) && (allowed[access.PlatformWrite] || allowed[access.PlatformRead] && l.n.in(p, naiveReads))
		case !allowed[access.PartnerRead]:
			return false
		}
		return l.n.in(p, naiveWithDoor) || l.n.in(p, naiveDelegable) && allowed[p] ||
			p == access.OrgReopen && allowed[access.GroupsRoles] && allowed[access.UsageMap]
	})
}

func only(is func(access.Permission) bool) []access.Permission {
	return slices.DeleteFunc(access.Permissions(), func(p access.Permission) bool { return !is(p) })
}

// actors are ways to begin: places of one actor in the organizations of
// newCompany, which are in this order.
func actors() map[string]func(c *company, actor *principal) {
	const root, one, below, customer, another = 0, 1, 2, 3, 4
	return map[string]func(c *company, actor *principal){
		"a plain member":           in(customer),
		"the owner":                owns(customer),
		"Administrators":           in(customer, ofBuiltin(access.Administrators)),
		"Editors":                  in(customer, ofBuiltin(access.Editors)),
		"Billing Administrators":   in(customer, ofBuiltin(access.BillingAdministrators)),
		"org:admin":                in(customer, ofRole(access.RoleAdmin)),
		"org:settings":             in(customer, ofRole(access.RoleSettings)),
		"org:users":                in(customer, ofRole(access.RoleUsers)),
		"org:groups":               in(customer, ofRole(access.RoleGroups)),
		"org:users and org:groups": in(customer, ofRole(access.RoleUsers), ofRole(access.RoleGroups)),
		"Administrators and org:groups, Editors elsewhere": both(
			in(customer, ofBuiltin(access.Administrators), ofRole(access.RoleGroups)), in(another, ofBuiltin(access.Editors))),
		"a member of a project":                   in(customer, ofProject),
		"keys of projects without resources":      in(customer, ofPolicy(nil, access.CredentialsFullAccess, access.IAMReadOnly)),
		"IAMManager":                              in(customer, ofPolicy(nil, access.IAMManager)),
		"IAMManager for an hour":                  in(customer, ofPolicy(anHour(), access.IAMManager)),
		"OrganizationManager for an hour":         in(customer, ofPolicy(anHour(), access.OrganizationManager), ofRole(access.RoleUsers)),
		"SupportPlanManager and org:groups":       in(customer, ofPolicy(nil, access.SupportPlanManager), ofRole(access.RoleGroups)),
		"a partner's owner":                       owns(one),
		"a partner's org:admin":                   in(one, ofRole(access.RoleAdmin)),
		"a partner's Administrators":              in(one, ofBuiltin(access.Administrators)),
		"a partner's Administrators with clients": in(one, ofBuiltin(access.Administrators), ofPolicy(nil, access.ResellerFullAccess)),
		"a partner's billing with clients":        in(one, ofBuiltin(access.BillingAdministrators), ofPolicy(nil, access.ResellerFullAccess)),
		"a partner's org:users with clients":      in(one, ofRole(access.RoleUsers), ofPolicy(nil, access.ResellerFullAccess)),
		"a partner's org:groups with clients":     in(one, ofRole(access.RoleGroups), ofRole(access.RoleUsers), ofPolicy(nil, access.ResellerFullAccess)),
		"a partner's ResellerReadOnly":            in(one, ofPolicy(nil, access.ResellerReadOnly)),
		"a partner's IAMManager":                  in(one, ofPolicy(nil, access.IAMManager)),
		"a sub-partner's owner":                   owns(below),
		"a sub-partner's org:admin":               in(below, ofRole(access.RoleAdmin)),
		"a partner's owner as a client's member":  both(owns(one), in(customer)),
		"a partner's org:admin as a client's Editors": both(
			in(one, ofRole(access.RoleAdmin)), in(customer, ofBuiltin(access.Editors))),
		"a partner's org:admin as a client's Administrators": both(
			in(one, ofRole(access.RoleAdmin)), in(customer, ofBuiltin(access.Administrators))),
		"a partner's org:admin who keeps a client's applications": both(
			in(one, ofRole(access.RoleAdmin)), in(another, ofPolicy(nil, access.SupportTicketManager, access.BillingReadOnly), ofProject)),
		"the platform's owner":               owns(root),
		"the platform's org:admin":           in(root, ofRole(access.RoleAdmin)),
		"the platform's org:users":           in(root, ofRole(access.RoleUsers)),
		"the platform's Administrators":      in(root, ofBuiltin(access.Administrators)),
		"the platform's IAMManager":          in(root, ofPolicy(nil, access.IAMManager)),
		"the platform's PlatformReadOnly":    in(root, ofPolicy(nil, access.PlatformReadOnly)),
		"the platform's org:admin, a member": both(in(root, ofRole(access.RoleAdmin)), in(customer)),
		"an application of a customer":       application(customer, ofRole(access.RoleAdmin)),
		"an application of a partner":        application(one, ofRole(access.RoleAdmin)),
	}
}

type given func(c *company, o *org, actor *principal)

func in(i int, grants ...given) func(c *company, actor *principal) {
	return func(c *company, actor *principal) {
		o := c.orgs[i]
		o.members = append(o.members, actor.id)
		for _, give := range grants {
			give(c, o, actor)
		}
	}
}

func owns(i int) func(c *company, actor *principal) {
	return func(c *company, actor *principal) {
		in(i)(c, actor)
		c.orgs[i].owner = actor.id
	}
}

func application(i int, grants ...given) func(c *company, actor *principal) {
	return func(c *company, actor *principal) {
		actor.application, actor.home = true, c.orgs[i].id
		for _, give := range grants {
			give(c, c.orgs[i], actor)
		}
	}
}

func both(a, b func(c *company, actor *principal)) func(c *company, actor *principal) {
	return func(c *company, actor *principal) {
		a(c, actor)
		b(c, actor)
	}
}

func ofBuiltin(b access.Builtin) given {
	return func(c *company, o *org, actor *principal) {
		g := find(c.groups, func(g *group) bool { return g.org == o.id && g.builtin == b })
		g.members = append(g.members, actor.id)
	}
}

func ofRole(role access.Role) given {
	return func(c *company, o *org, actor *principal) {
		g := find(c.groups, func(g *group) bool { return g.org == o.id && slices.Equal(g.roles, []access.Role{role}) })
		g.members = append(g.members, actor.id)
	}
}

func ofProject(c *company, o *org, actor *principal) {
	g := find(c.groups, func(g *group) bool { return g.org == o.id && len(g.projects) > 0 })
	g.members = append(g.members, actor.id)
}

func ofPolicy(condition *access.Condition, sets ...access.SetName) given {
	return func(c *company, o *org, actor *principal) {
		p := &policy{id: c.id(), org: o.id, bearer: actor.id}
		for _, name := range sets {
			rule := access.Rule{Sets: []access.SetName{name}, Scope: access.InOrganization(), Condition: condition}
			if set, _ := access.LookupSet(name); set.Scope == access.ProjectScope {
				rule.Scope = access.InAllProjects()
			}
			p.rules = append(p.rules, rule)
		}
		c.policies = append(c.policies, p)
	}
}

func anHour() *access.Condition {
	from, to := now().At.Add(-time.Minute), now().At.Add(time.Hour)
	return &access.Condition{NotBefore: &from, NotAfter: &to}
}

// sequence lets an actor try random mutations, with any of its hands, and returns
// how it ended with more than it may.
func sequence(n naive, begin func(c *company, actor *principal), d deciders, seed uint64, done map[string]int) string {
	random := rand.New(rand.NewPCG(seed, 2))
	c, began := newCompany(d), newCompany(d)
	actor := orgtree.ID{0xaa}
	for i, o := range began.orgs {
		o.switches = pick(random, allSwitches())
		c.orgs[i].switches = o.switches
	}
	for _, each := range []*company{c, began} {
		p := &principal{id: actor}
		each.principals = append(each.principals, p)
		begin(each, p)
	}
	let, tried := map[orgtree.ID][]access.Builtin{}, mutations()
	var story []string
	for range 40 {
		by := pick(random, c.hands(actor))
		if random.IntN(25) == 0 {
			c.letIn(by, let, random)
			continue
		}
		if m := pick(random, tried); m.try(c, by, random) == nil {
			done[m.name]++
			story = append(story, m.name)
		}
	}
	l := &ceiling{n: n, c: c, actor: actor, began: began, let: let, reached: map[orgtree.ID]map[access.Permission]bool{}}
	if excess := l.excess(); excess != "" {
		return fmt.Sprintf("%s after %s", excess, strings.Join(story, ", "))
	}
	return ""
}

// letIn is an access request that the owner accepts, who is nobody's hand.
func (c *company) letIn(by orgtree.ID, let map[orgtree.ID][]access.Builtin, random *rand.Rand) {
	o := c.anOrg(by, random)
	if c.check(by, access.OrgRead, o.Target) != nil || c.principal(by).application || slices.Contains(o.members, by) {
		return
	}
	b := pick(random, access.Builtins())
	g := find(c.groups, func(g *group) bool { return g.org == o.id && g.builtin == b })
	o.members, g.members = append(o.members, by), append(g.members, by)
	let[o.id] = append(let[o.id], b)
}

// excess returns a permission that one of the hands ended with and must not.
func (l *ceiling) excess() string {
	for _, hand := range l.c.hands(l.actor) {
		v := l.c.viewer(hand)
		for i, o := range l.c.orgs {
			for _, project := range append([]*project{{}}, l.c.projects...) {
				if project.id != (orgtree.ID{}) && project.org != o.id {
					continue
				}
				allowed := l.of(o, project.id)
				for _, p := range v.Allowed(o.In(project.id)) {
					if !allowed[p] {
						return fmt.Sprintf("%s in organization %d, a %s", p, i, o.Kind)
					}
				}
			}
		}
	}
	return ""
}

// TestAllowedSet looks at the allowed set of some in a customer, before anything
// was tried.
func TestAllowedSet(t *testing.T) {
	t.Parallel()
	const customer = 3
	const member = " " + naiveMember
	for name, want := range map[string]string{
		"a plain member":                     member,
		"org:groups":                         member + " users:read groups:read groups:write",
		"a partner's org:admin":              member + " org:reopen billing:read " + naiveDelegable,
		"a partner's billing with clients":   "org:read quota:read billing:read " + naiveManaging,
		"a partner's org:users with clients": member + " billing:read users:read users:write users:lock members:invite members:remove groups:read " + naiveManaging,
		"a partner's Administrators":         "",
		"the platform's Administrators":      "",
		"org:admin":                          without(naiveEverywhere, unowned),
		"the owner":                          naiveEverywhere,
		"the platform's org:admin":           without(naiveEverywhere, naiveNeverByPlatform) + member + " " + naiveManaging,
	} {
		c, actor := newCompany(soundDeciders()), &principal{id: orgtree.ID{0xaa}}
		c.principals = append(c.principals, actor)
		actors()[name](c, actor)
		l := &ceiling{n: newNaive(), c: c, actor: actor.id, began: c, reached: map[orgtree.ID]map[access.Permission]bool{}}
		allowed := l.of(c.orgs[customer], orgtree.ID{})
		got := words(only(func(p access.Permission) bool { return allowed[p] }))
		if diff := cmp.Diff(sorted(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestNoEscalation lets everybody try.
func TestNoEscalation(t *testing.T) {
	t.Parallel()
	all, done := actors(), map[string]int{}
	var mutex sync.Mutex
	each := uint64(effort.Cases(10_000)/len(all) + 1)
	t.Run("as", func(t *testing.T) {
		for name, begin := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n, mine := newNaive(), map[string]int{}
				for seed := range each {
					if excess := sequence(n, begin, soundDeciders(), seed, mine); excess != "" {
						t.Fatalf("seed %d: %s", seed, excess)
					}
				}
				mutex.Lock()
				defer mutex.Unlock()
				for name, times := range mine {
					done[name] += times
				}
			})
		}
	})
	for _, m := range mutations() {
		if done[m.name] == 0 {
			t.Errorf("nobody ever succeeded with %s", m.name)
		}
	}
}

// TestEscalationIsFound breaks the rules one by one: each time somebody ends with
// more than they may.
func TestEscalationIsFound(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		actor  string
		breaks func(d *deciders)
	}{
		"own hands are not looked at": {"a partner's org:admin", func(d *deciders) {
			d.granting = func(v access.Viewer, g access.Granting, t access.Target) (bool, error) {
				g.OwnHands = false
				return access.CheckGranting(v, g, t)
			}
		}},
		"hands are not followed": {"a partner's owner", func(d *deciders) { d.closed = false }},
		"anything may be granted": {"org:groups", func(d *deciders) {
			d.granting = func(access.Viewer, access.Granting, access.Target) (bool, error) { return false, nil }
		}},
		"any application's key may be made": {"Administrators", func(d *deciders) {
			d.takeover = func(access.Viewer, *access.Standing, access.Target) error { return nil }
		}},
		"any password may be set": {"org:users", func(d *deciders) {
			d.takeover = func(access.Viewer, *access.Standing, access.Target) error { return nil }
		}},
		"credentials are set as members are locked": {"a partner's owner", func(d *deciders) { d.takeover = access.CheckMember }},
		"what holds for an hour may be granted for ever": {"IAMManager for an hour", func(d *deciders) {
			d.granting = func(v access.Viewer, g access.Granting, t access.Target) (bool, error) {
				return access.CheckGranting(lasting(v), g, t)
			}
		}},
		"policies:write may be taken through the tree": {"the platform's org:admin", func(d *deciders) {
			d.granting = func(v access.Viewer, g access.Granting, t access.Target) (bool, error) {
				if _, through := v.Via(access.PoliciesWrite, t); through {
					g.Rights.Organization &^= access.SetOf(access.PoliciesWrite)
				}
				return access.CheckGranting(v, g, t)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, n, begin := soundDeciders(), newNaive(), actors()[tt.actor]
			tt.breaks(&d)
			for seed := range uint64(3_000) {
				if sequence(n, begin, d, seed, map[string]int{}) != "" {
					t.Logf("found at seed %d", seed)
					return
				}
			}
			t.Error("nobody ended with more than they may")
		})
	}
}

// lasting returns the viewer as if no condition limited their policies.
func lasting(v access.Viewer) access.Viewer {
	standings := map[orgtree.ID]*access.Standing{}
	for id, s := range v.Standings {
		place := s.Place
		place.Policies = nil
		for _, p := range s.Policies {
			p.Rules = slices.Clone(p.Rules)
			for i := range p.Rules {
				p.Rules[i].Condition = nil
			}
			place.Policies = append(place.Policies, p)
		}
		standings[id] = access.NewStanding(place, v.Circumstances)
	}
	v.Standings = standings
	return v
}
