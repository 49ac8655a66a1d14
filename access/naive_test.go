package access_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/orgtree"
)

// A second evaluator: the tables as text, read one word at a time. It shares
// nothing with the package but the shape of what it is asked.

// What flows down from a partner, and what never does from the platform.
const (
	naiveReads = `org:read settings:read users:read groups:read applications:read apikeys:read policies:read projects:read
		billing:read plan:read tickets:read audit:read quota:read cloudaccounts:read partner:read platform:read resources:read sshkeys:read`
	naiveManaging  = `partner:read partner:create partner:update partner:lock partner:multiplier partner:limits`
	naiveWithDoor  = `org:read billing:read quota:read`
	naiveDelegable = `org:rename settings:read settings:write security:write identity:write users:read users:write users:lock
		members:invite members:role members:remove groups:read groups:write groups:roles projects:read allocations:write
		audit:read webhooks:write cloudaccounts:read cloudaccounts:write ` + naiveManaging
	naiveNeverByPlatform = `org:transfer tickets:open platform:read platform:write resources:read resources:write sshkeys:read
		sshkeys:write projectkeys:write`
	naiveOfManagers = naiveManaging + ` usage:import usage:map`
	naiveOfPlatform = `platform:read platform:write`
	naiveMember     = `org:read quota:read tickets:open`
	naiveEverywhere = `org:read org:rename org:reopen org:deactivate org:delete org:transfer settings:read settings:write
		security:write identity:write users:read users:write users:lock members:invite members:role members:remove
		billingadmin:assign groups:read groups:write groups:roles applications:read applications:write apikeys:read
		apikeys:write policies:read policies:write projects:read projects:write billing:read billing:write allocations:write
		plan:read plan:write tickets:open tickets:read tickets:write audit:read quota:read webhooks:write cloudaccounts:read
		cloudaccounts:write resources:read resources:write sshkeys:read sshkeys:write projectkeys:write`
)

func naiveBuiltin(b access.Builtin) (organization, everyProject []string) {
	products := []string{"AllProductsFullAccess", "CredentialsFullAccess"}
	switch string(b) {
	case "ADMINISTRATORS":
		return []string{"OrganizationManager"}, products
	case "EDITORS":
		return []string{"OrganizationReadOnly"}, products
	case "BILLING_ADMINISTRATORS":
		return []string{"BillingManager"}, nil
	}
	return nil, nil
}

// naive is the tables, cut into words.
type naive struct {
	// sets holds, for each kind and switches, the permissions of each set.
	sets map[orgtree.Kind]map[access.Switches]map[string][]string
	text map[string][]string
}

func newNaive() naive {
	n := naive{sets: map[orgtree.Kind]map[access.Switches]map[string][]string{}, text: map[string][]string{}}
	for _, kind := range kinds() {
		n.sets[kind] = map[access.Switches]map[string][]string{}
		for _, switches := range allSwitches() {
			n.sets[kind][switches] = map[string][]string{}
			for _, row := range rows(decidedSets) {
				n.sets[kind][switches][row[0]] = strings.Fields(holdsIn(row, kind, switches))
			}
		}
	}
	return n
}

// in reports whether a word is in a table of text.
func (n naive) in(word access.Permission, text string) bool {
	list, ok := n.text[text]
	if !ok {
		list = strings.Fields(text)
		n.text[text] = list
	}
	return slices.Contains(list, string(word))
}

// naiveGrant is a set in an organization, in all of its projects or in some.
type naiveGrant struct {
	set      string
	everyone bool // ownership
	member   bool
	scope    string
	projects []orgtree.ID
}

// grants lists what a place gives now.
func (n naive) grants(p access.Place, at access.Circumstances) []naiveGrant {
	list := []naiveGrant{{member: true, scope: "ORGANIZATION"}}
	if p.Owner {
		list = append(list, naiveGrant{everyone: true, scope: "ORGANIZATION"})
	}
	policies := slices.Clone(p.Policies)
	for _, g := range p.Groups {
		for _, role := range g.Roles {
			list = append(list, naiveGrant{set: string(role), scope: "ORGANIZATION"})
		}
		for _, project := range g.Projects {
			list = append(list, naiveGrant{set: "ProjectMember", scope: "PROJECTS", projects: []orgtree.ID{project}})
		}
		organization, everyProject := naiveBuiltin(g.Builtin)
		for _, set := range organization {
			list = append(list, naiveGrant{set: set, scope: "ORGANIZATION"})
		}
		for _, set := range everyProject {
			list = append(list, naiveGrant{set: set, scope: "ALL_PROJECTS"})
		}
		if g.Builtin == "" {
			policies = append(policies, g.Policies...)
		}
	}
	for _, policy := range policies {
		for _, rule := range policy.Rules {
			if !n.holds(rule.Condition, at) {
				continue
			}
			for _, set := range rule.Sets {
				list = append(list, naiveGrant{set: string(set), scope: string(rule.Scope.Kind), projects: rule.Scope.Projects})
			}
		}
	}
	return list
}

// holds reads a condition with another package of networks.
func (n naive) holds(c *access.Condition, at access.Circumstances) bool {
	if c == nil {
		return true
	}
	if c.NotBefore != nil && at.At.UnixNano() < c.NotBefore.UnixNano() {
		return false
	}
	if c.NotAfter != nil && at.At.UnixNano() > c.NotAfter.UnixNano() {
		return false
	}
	for _, cidr := range c.CIDRs {
		if _, network, err := net.ParseCIDR(cidr.String()); err == nil && network.Contains(net.ParseIP(at.Address.String())) {
			return true
		}
	}
	return len(c.CIDRs) == 0
}

// exists reports whether a permission has a meaning in a kind.
func (n naive) exists(p access.Permission, kind orgtree.Kind) bool {
	switch kind {
	case orgtree.Platform:
		return n.in(p, naiveEverywhere) || n.in(p, naiveOfManagers) || n.in(p, naiveOfPlatform)
	case orgtree.Partner:
		return n.in(p, naiveEverywhere) || n.in(p, naiveOfManagers)
	default:
		return n.in(p, naiveEverywhere)
	}
}

func (n naive) gives(g naiveGrant, p access.Permission, place access.Place) bool {
	switch {
	case g.everyone:
		return n.exists(p, place.Kind)
	case g.member:
		return n.in(p, naiveMember)
	}
	return slices.Contains(n.sets[place.Kind][place.Switches][g.set], string(p))
}

// here reports whether a place gives a permission in its organization, or in a
// project of it. What is held in every project is held in all of them together.
func (n naive) here(place access.Place, at access.Circumstances, p access.Permission, project orgtree.ID) bool {
	for _, g := range n.grants(place, at) {
		if n.gives(g, p, place) && (g.scope != "PROJECTS" || slices.Contains(g.projects, project)) {
			return true
		}
	}
	return false
}

// below reports whether a place above gives a permission in organizations of the
// kind.
func (n naive) below(place access.Place, at access.Circumstances, p access.Permission, kind orgtree.Kind) bool {
	if !n.exists(p, kind) && !n.in(p, naiveManaging) {
		return false
	}
	own := func(p access.Permission) bool {
		for _, g := range n.grants(place, at) {
			if g.scope == "ORGANIZATION" && n.gives(g, p, place) {
				return true
			}
		}
		return false
	}
	switch place.Kind {
	case orgtree.Platform:
		everything := own("platform:write") && !n.in(p, naiveNeverByPlatform)
		return everything || own("platform:read") && n.in(p, naiveReads) && !n.in(p, naiveNeverByPlatform)
	case orgtree.Partner:
		manager := place.Owner
		for _, g := range n.grants(place, at) {
			manager = manager || g.set == "org:admin"
		}
		through := n.in(p, naiveWithDoor) || n.in(p, naiveDelegable) && own(p) || p == "org:reopen" && manager
		return own("partner:read") && through
	default:
		return false
	}
}

// question is what the evaluators are asked.
type question struct {
	places        []access.Place
	circumstances access.Circumstances
	key           bool
	anonymous     bool
	permission    access.Permission
	target        access.Target
}

func (q question) viewer() access.Viewer {
	if q.anonymous {
		return access.Viewer{}
	}
	v := viewerWith(map[orgtree.ID]*access.Standing{})
	v.Circumstances = q.circumstances
	if q.key {
		v.Key = orgtree.ID{77}
	}
	for _, place := range q.places {
		v.Standings[place.Organization] = access.NewStanding(place, q.circumstances)
	}
	return v
}

// held reports whether a permission is given in the target, flows down to it, or
// would flow down to it from an organization that is locked.
func (n naive) held(q question, p access.Permission) (here, through, withheld bool) {
	for depth, organization := range q.target.Path {
		for _, place := range q.places {
			if place.Organization != organization {
				continue
			}
			switch {
			case depth == len(q.target.Path)-1:
				here = here || n.here(place, q.circumstances, p, q.target.Project)
			case place.Status == "LOCKED" && !n.in(p, naiveReads):
				withheld = withheld || n.below(place, q.circumstances, p, q.target.Kind)
			default:
				through = through || n.below(place, q.circumstances, p, q.target.Kind)
			}
		}
	}
	return here, through, withheld
}

// usable reports whether a permission that is held may be used in the state.
func (n naive) usable(q question, p access.Permission, here, through bool) bool {
	var hereToo, throughToo string
	switch q.target.Status {
	case "LOCKED":
		hereToo, throughToo = naiveReads+" billing:write tickets:open org:deactivate", naiveReads+" partner:lock org:deactivate"
	case "PENDING_ACTIVATION":
		hereToo, throughToo = naiveReads+" org:rename tickets:open", naiveReads+" org:rename"
	case "DEACTIVATED":
		hereToo, throughToo = naiveReads+" billing:write tickets:open org:reopen", "org:read partner:read org:reopen"
		if q.key {
			hereToo = naiveReads
		}
	case "DELETED":
		hereToo, throughToo = "", "org:read partner:read billing:read audit:read"
	default:
		return here || through
	}
	return here && n.in(p, hereToo) || through && n.in(p, throughToo)
}

// answer returns the code of the refusal, or nothing.
func (n naive) answer(q question) fault.Code {
	if q.anonymous {
		return "UNAUTHENTICATED"
	}
	here, through, withheld := n.held(q, q.permission)
	if n.usable(q, q.permission, here, through) {
		return ""
	}
	ofState := map[orgtree.Status]fault.Code{
		"PENDING_ACTIVATION": "CONFLICT", "LOCKED": "ORGANIZATION_LOCKED", "DEACTIVATED": "ORGANIZATION_DEACTIVATED", "DELETED": "NOT_FOUND",
	}[q.target.Status]
	if here || through {
		return ofState
	}
	seesHere, seesThrough, _ := n.held(q, "org:read")
	if !n.usable(q, "org:read", seesHere, seesThrough) {
		return "NOT_FOUND"
	}
	if seesHere, seesThrough, _ := n.held(q, "projects:read"); q.target.Project != (orgtree.ID{}) && !seesHere && !seesThrough {
		return "NOT_FOUND"
	}
	if withheld && n.usable(q, q.permission, false, true) {
		return "ORGANIZATION_LOCKED"
	}
	if withheld {
		return ofState
	}
	return "FORBIDDEN"
}

// TestTwoEvaluatorsAgree asks both evaluators the same random questions, and
// asks for explanations.
func TestTwoEvaluatorsAgree(t *testing.T) {
	t.Parallel()
	const each = 25
	n, answers := newNaive(), map[fault.Code]int{}
	for seed := range uint64(max(1, effort.Cases(100_000)/each)) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := randomWorld(random)
		for i := range each {
			q := w.question(random)
			want := n.answer(q)
			answers[want]++
			if got := fault.CodeOf(access.Check(q.viewer(), q.permission, q.target)); got != want {
				t.Fatalf("seed %d, question %d: %q, the naive evaluator says %q: %+v", seed, i, got, want, q)
			}
			if why := n.explained(q, want); why != "" {
				t.Fatalf("seed %d, question %d: %s: %+v", seed, i, why, q)
			}
			if i > 0 {
				continue
			}
			if got, want := words(q.viewer().Allowed(q.target)), n.allowed(q); got != want {
				t.Fatalf("seed %d: allowed is %q, the naive evaluator says %q: %+v", seed, got, want, q)
			}
		}
	}
	for _, code := range []fault.Code{"", "UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN", "ORGANIZATION_LOCKED", "ORGANIZATION_DEACTIVATED", "CONFLICT"} {
		if answers[code] < 10 {
			t.Errorf("%d questions are answered with %q", answers[code], code)
		}
	}
}

func (n naive) allowed(q question) string {
	var held []access.Permission
	for _, p := range access.Permissions() {
		q.permission = p
		if n.answer(q) == "" {
			held = append(held, p)
		}
	}
	return words(held)
}

// explained returns what is wrong with the explanation of an answer.
func (n naive) explained(q question, want fault.Code) string {
	e := access.Explain(q.viewer(), q.permission, q.target, access.DefaultSwitches())
	here, through, withheld := n.held(q, q.permission)
	held := !q.anonymous && (here || through || withheld)
	switch {
	case fault.CodeOf(e.Refusal) != want:
		return fmt.Sprintf("explained is %v", e.Refusal)
	case held != (len(e.Grants) > 0):
		return fmt.Sprintf("held is %t, and there are %d grants", held, len(e.Grants))
	case held && len(e.Sets) > 0:
		return fmt.Sprintf("held, and given by %v", e.Sets)
	}
	for _, lead := range e.Grants {
		if !suffices(lead, q) {
			return fmt.Sprintf("%+v does not give it", lead)
		}
	}
	for _, set := range e.Sets {
		if !slices.Contains(n.sets[q.target.Kind][access.DefaultSwitches()][string(set)], string(q.permission)) {
			return fmt.Sprintf("the set %s does not hold it", set)
		}
	}
	return ""
}

// suffices reports whether somebody who was given nothing but the one grant holds
// the permission. What flows down from a partner needs its door too, which
// another grant may have opened.
func suffices(lead access.Lead, q question) bool {
	q.target.Status = orgtree.Active
	for _, place := range q.places {
		if place.Organization != lead.Source.Organization {
			continue
		}
		place.Status = orgtree.Active
		place.Owner, place.Groups, place.Policies = lead.Source.Kind == access.FromOwnership, nil, nil
		if lead.Set != "" {
			place.Policies = []access.Policy{{Rules: []access.Rule{{Sets: []access.SetName{lead.Set}, Scope: lead.Scope, Condition: lead.Condition}}}}
		}
		if lead.Through && place.Kind == orgtree.Partner {
			place.Policies = append(place.Policies, policyOf(orgtree.ID{42}, access.InOrganization(), access.ResellerReadOnly))
		}
		q.places = []access.Place{place}
		return access.Check(q.viewer(), q.permission, q.target) == nil && lead.Through == (lead.Source.Organization != q.target.Path.Leaf())
	}
	return false
}

// world is a random tree, and somebody with places in it.
type world struct {
	targets []access.Target
	places  []access.Place
}

func randomWorld(random *rand.Rand) world {
	w := world{targets: []access.Target{{Path: orgtree.Path{{1}}, Kind: orgtree.Platform, Status: orgtree.Active}}}
	for i := range 3 + random.IntN(8) {
		above := w.targets[random.IntN(len(w.targets))]
		if above.Kind == orgtree.Standard || above.Path.Depth() == 5 {
			above = w.targets[0]
		}
		kind := orgtree.Standard
		if random.IntN(2) == 0 {
			kind = orgtree.Partner
		}
		w.targets = append(w.targets, access.Target{Path: above.Path.Child(orgtree.ID{byte(i + 2)}), Kind: kind, Status: pick(random, statuses())})
	}
	for _, target := range w.targets {
		if random.IntN(3) == 0 {
			w.places = append(w.places, randomPlace(random, target))
		}
	}
	return w
}

func statuses() []orgtree.Status {
	return []orgtree.Status{
		orgtree.Active, orgtree.Active, orgtree.Active, orgtree.Active, orgtree.PendingActivation,
		orgtree.Locked, orgtree.Deactivated, orgtree.Deleted,
	}
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// projectOf returns one of three projects of an organization.
func projectOf(organization orgtree.ID, i int) orgtree.ID {
	return orgtree.ID{0: 0xff, 1: organization[0], 2: byte(i)}
}

func randomPlace(random *rand.Rand, target access.Target) access.Place {
	place := access.Place{
		Organization: target.Path.Leaf(), Kind: target.Kind, Status: target.Status,
		Switches: pick(random, allSwitches()), Owner: random.IntN(8) == 0,
	}
	for i := range random.IntN(3) {
		place.Groups = append(place.Groups, randomGroup(random, place.Organization, i))
	}
	for i := range random.IntN(3) {
		place.Policies = append(place.Policies, randomPolicy(random, place.Organization, i))
	}
	return place
}

func randomGroup(random *rand.Rand, organization orgtree.ID, i int) access.Group {
	if random.IntN(3) == 0 {
		return access.BuiltinGroup(pick(random, access.Builtins()))
	}
	g := access.Group{ID: orgtree.ID{0: 0xfe, 1: organization[0], 2: byte(i)}}
	for range random.IntN(2) {
		g.Roles = append(g.Roles, pick(random, access.Roles()))
	}
	for range random.IntN(2) {
		g.Projects = append(g.Projects, projectOf(organization, random.IntN(3)))
	}
	for j := range random.IntN(2) {
		g.Policies = append(g.Policies, randomPolicy(random, organization, 10*i+j))
	}
	return g
}

func randomPolicy(random *rand.Rand, organization orgtree.ID, i int) access.Policy {
	p := access.Policy{ID: orgtree.ID{0: 0xfd, 1: organization[0], 2: byte(i)}}
	for range 1 + random.IntN(2) {
		set := pick(random, access.PermissionSets())
		rule := access.Rule{Sets: []access.SetName{set.Name}, Scope: access.InOrganization(), Condition: randomCondition(random)}
		if set.Scope == access.ProjectScope {
			rule.Scope = pick(random, []access.Scope{
				access.InAllProjects(), access.InProjects(projectOf(organization, random.IntN(3)), projectOf(organization, random.IntN(3))),
			})
		}
		p.Rules = append(p.Rules, rule)
	}
	return p
}

// randomCondition is about the addresses and hours that randomCircumstances come
// from.
func randomCondition(random *rand.Rand) *access.Condition {
	if random.IntN(2) == 0 {
		return nil
	}
	c := &access.Condition{}
	networks := []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1/128"}
	for range random.IntN(3) {
		c.CIDRs = append(c.CIDRs, netip.MustParsePrefix(pick(random, networks)))
	}
	hour := func() *time.Time {
		at := now().At.Add(time.Duration(random.IntN(5)-2) * time.Hour)
		return pick(random, []*time.Time{nil, &at})
	}
	c.NotBefore, c.NotAfter = hour(), hour()
	return c
}

func randomCircumstances(random *rand.Rand) access.Circumstances {
	addresses := []string{"10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1", "::ffff:10.1.2.3", "2001:db8::1", "2001:db9::1", "::1"}
	return access.Circumstances{
		Address: netip.MustParseAddr(pick(random, addresses)),
		At:      now().At.Add(time.Duration(random.IntN(5)-2) * time.Hour),
	}
}

// question asks for something in the world, mostly where the person has a place
// on the path.
func (w world) question(random *rand.Rand) question {
	target := pick(random, w.targets)
	if len(w.places) > 0 && random.IntN(2) == 0 {
		home := pick(random, w.places).Organization
		below := slices.DeleteFunc(slices.Clone(w.targets), func(t access.Target) bool { return !t.Path.Contains(home) })
		target = pick(random, below)
	}
	if random.IntN(3) == 0 {
		target = target.In(projectOf(target.Path.Leaf(), random.IntN(3)))
	}
	permission := access.Permission("no:such")
	if random.IntN(200) > 0 {
		permission = pick(random, access.Permissions())
	}
	return question{
		places: w.places, circumstances: randomCircumstances(random), permission: permission, target: target,
		key: random.IntN(4) == 0, anonymous: random.IntN(50) == 0,
	}
}
