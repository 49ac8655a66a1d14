package access_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// company is a platform with everybody on it, small enough to be changed by
// random mutations. It decides each of them as the services do.
type company struct {
	orgs       []*org
	principals []*principal
	groups     []*group
	policies   []*policy
	projects   []*project
	last       uint64
	deciders
}

type org struct {
	access.Target
	id       orgtree.ID
	switches access.Switches
	owner    orgtree.ID
	members  []orgtree.ID // with the owner and without applications
	made     bool         // during the sequence
}

// principal is a user, or an application of its home.
type principal struct {
	id          orgtree.ID
	application bool
	home        orgtree.ID
	setBy       orgtree.ID   // of a user: who set the password
	keysBy      []orgtree.ID // of an application: who made its keys
}

type group struct {
	id, org  orgtree.ID
	roles    []access.Role
	builtin  access.Builtin
	projects []orgtree.ID
	members  []orgtree.ID
}

type policy struct {
	id, org orgtree.ID
	rules   []access.Rule
	bearer  orgtree.ID // a principal, a group, or nobody
	builtin bool
}

type project struct {
	id, org, application orgtree.ID
}

// deciders are the functions that decide, so that a test can break them.
type deciders struct {
	granting func(access.Viewer, access.Granting, access.Target) (bool, error)
	takeover func(access.Viewer, *access.Standing, access.Target) error
	placing  func(access.Viewer, access.Builtin, access.Target) error
	closed   bool // whether hands are followed to whoever set their credentials
}

func soundDeciders() deciders {
	return deciders{granting: access.CheckGranting, takeover: access.CheckTakeover, placing: access.CheckPlacing, closed: true}
}

var errRefused = errors.New("refused")

func (c *company) id() orgtree.ID {
	c.last++
	var id orgtree.ID
	binary.BigEndian.PutUint64(id[8:], c.last)
	return id
}

// find returns the thing with the id, or nil.
func find[T any](list []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

func (c *company) org(id orgtree.ID) *org {
	return find(c.orgs, func(o *org) bool { return o.id == id })
}

func (c *company) principal(id orgtree.ID) *principal {
	return find(c.principals, func(p *principal) bool { return p.id == id })
}

func (c *company) group(id orgtree.ID) *group {
	return find(c.groups, func(g *group) bool { return g.id == id })
}

// newCompany returns a platform with two partners, one of them with a partner and
// customers below it, and an organization of its own. In each are the people that
// one would want the rights of.
func newCompany(d deciders) *company {
	c := &company{deciders: d}
	root := c.found(nil, orgtree.Platform)
	one := c.found(root, orgtree.Partner)
	below := c.found(one, orgtree.Partner)
	c.found(below, orgtree.Standard)
	c.found(one, orgtree.Standard)
	other := c.found(root, orgtree.Partner)
	c.found(other, orgtree.Standard)
	c.found(root, orgtree.Standard)
	for _, o := range c.orgs {
		c.populate(o)
	}
	return c
}

// found makes an organization with its owner, a project and the built-in groups.
func (c *company) found(above *org, kind orgtree.Kind) *org {
	o := &org{id: c.id(), switches: access.DefaultSwitches()}
	o.Target = access.Target{Path: orgtree.Path{o.id}, Kind: kind, Status: orgtree.Active}
	if above != nil {
		o.Path = above.Path.Child(o.id)
	}
	c.orgs = append(c.orgs, o)
	o.owner = c.person(o).id
	c.project(o)
	for _, b := range access.Builtins() {
		g := &group{id: c.id(), org: o.id, builtin: b}
		c.groups = append(c.groups, g)
		c.policies = append(c.policies, &policy{id: c.id(), org: o.id, rules: b.Rules(), bearer: g.id, builtin: true})
	}
	return o
}

// person makes a member who set their own password.
func (c *company) person(o *org) *principal {
	p := &principal{id: c.id(), home: o.id}
	c.principals = append(c.principals, p)
	o.members = append(o.members, p.id)
	return p
}

// project makes a project with its managed application.
func (c *company) project(o *org) {
	p := &project{id: c.id(), org: o.id}
	app := &principal{id: c.id(), application: true, home: o.id}
	p.application = app.id
	c.projects, c.principals = append(c.projects, p), append(c.principals, app)
	c.policies = append(c.policies, &policy{
		id: c.id(), org: o.id, bearer: app.id,
		rules: []access.Rule{{Sets: []access.SetName{access.AllProductsFullAccess}, Scope: access.InProjects(p.id)}},
	})
}

// populate adds groups with every role, one with a project, one that writes
// policies, an application with rights and one without, each with nobody or
// somebody in it.
func (c *company) populate(o *org) {
	for _, role := range access.Roles() {
		c.groups = append(c.groups, &group{id: c.id(), org: o.id, roles: []access.Role{role}, members: []orgtree.ID{c.person(o).id}})
	}
	project := find(c.projects, func(p *project) bool { return p.org == o.id })
	iam := &group{id: c.id(), org: o.id, members: []orgtree.ID{c.person(o).id}}
	c.groups = append(c.groups, iam,
		&group{id: c.id(), org: o.id},
		&group{id: c.id(), org: o.id, projects: []orgtree.ID{project.id}, members: []orgtree.ID{c.person(o).id}})
	iamManager := []access.Rule{{Sets: []access.SetName{access.IAMManager}, Scope: access.InOrganization()}}
	for range 2 {
		app := &principal{id: c.id(), application: true, home: o.id}
		c.principals = append(c.principals, app)
		c.policies = append(c.policies, &policy{id: c.id(), org: o.id, rules: iamManager, bearer: app.id})
		iamManager = nil // The second one has nothing.
	}
	c.policies = append(c.policies, &policy{
		id: c.id(), org: o.id, bearer: iam.id,
		rules: []access.Rule{{Sets: []access.SetName{access.IAMManager}, Scope: access.InOrganization()}},
	})
}

// place returns what a principal has in an organization, or false if it is not
// there.
func (c *company) place(of orgtree.ID, o *org) (access.Place, bool) {
	p := c.principal(of)
	if p.application && p.home != o.id || !p.application && !slices.Contains(o.members, of) {
		return access.Place{}, false
	}
	place := access.Place{
		Organization: o.id, Kind: o.Kind, Status: o.Status, Switches: o.switches, Owner: o.owner == of, Policies: c.borne(of, o.id),
	}
	for _, g := range c.groups {
		if g.org == o.id && slices.Contains(g.members, of) {
			place.Groups = append(place.Groups, c.whole(g))
		}
	}
	return place, true
}

// whole returns a group with its policies.
func (c *company) whole(g *group) access.Group {
	return access.Group{ID: g.id, Roles: g.roles, Builtin: g.builtin, Projects: g.projects, Policies: c.borne(g.id, g.org)}
}

func (c *company) borne(by, in orgtree.ID) []access.Policy {
	var borne []access.Policy
	for _, p := range c.policies {
		if p.bearer == by && p.org == in {
			borne = append(borne, access.Policy{ID: p.id, Rules: p.rules})
		}
	}
	return borne
}

func (c *company) standing(of orgtree.ID, o *org) *access.Standing {
	place, ok := c.place(of, o)
	if !ok {
		return nil
	}
	return access.NewStanding(place, now())
}

func (c *company) viewer(of orgtree.ID) access.Viewer {
	v := viewerWith(map[orgtree.ID]*access.Standing{})
	v.ID = of
	if c.principal(of).application {
		v.Kind = access.Application
	}
	for _, o := range c.orgs {
		if s := c.standing(of, o); s != nil {
			v.Standings[o.id] = s
		}
	}
	return v
}

// credentialsOf returns who set the credentials of a principal.
func (p *principal) credentialsOf() []orgtree.ID {
	setters := slices.Clone(p.keysBy)
	if p.setBy != (orgtree.ID{}) {
		setters = append(setters, p.setBy)
	}
	return setters
}

// hands returns an actor and every principal whose credentials it set, itself or
// by another of its hands.
func (c *company) hands(actor orgtree.ID) []orgtree.ID {
	hands := []orgtree.ID{actor}
	for i := 0; i < len(hands); i++ {
		for _, p := range c.principals {
			if slices.Contains(p.credentialsOf(), hands[i]) && !slices.Contains(hands, p.id) {
				hands = append(hands, p.id)
			}
		}
	}
	return hands
}

// holders returns principals and all who may hold their credentials.
func (c *company) holders(of []orgtree.ID) []orgtree.ID {
	held := slices.Clone(of)
	for i := 0; c.closed && i < len(held); i++ {
		for _, setter := range c.principal(held[i]).credentialsOf() {
			if !slices.Contains(held, setter) {
				held = append(held, setter)
			}
		}
	}
	return held
}

// checkGranting decides as records.CheckGranting does.
func (c *company) checkGranting(by orgtree.ID, o *org, grants []access.Grant, to ...orgtree.ID) error {
	own, theirs := c.holders([]orgtree.ID{by}), c.holders(c.among(to))
	g := access.Granting{
		Rights:   access.RightsOf(grants, o.Kind, o.switches),
		OwnHands: slices.ContainsFunc(theirs, func(id orgtree.ID) bool { return slices.Contains(own, id) }),
	}
	_, err := c.granting(c.viewer(by), g, o.Target)
	return err
}

// among returns principals, groups replaced by who is in them.
func (c *company) among(recipients []orgtree.ID) []orgtree.ID {
	var principals []orgtree.ID
	for _, id := range recipients {
		if g := c.group(id); g != nil {
			principals = append(principals, g.members...)
		} else if c.principal(id) != nil {
			principals = append(principals, id)
		}
	}
	return principals
}

func (c *company) check(by orgtree.ID, p access.Permission, t access.Target) error {
	return access.Check(c.viewer(by), p, t)
}

// mutation is one attempt at a random change by somebody.
type mutation struct {
	name string
	try  func(c *company, by orgtree.ID, random *rand.Rand) error
}

func mutations() []mutation {
	return []mutation{
		{"createUser", (*company).createUser},
		{"resetPassword", (*company).resetPassword},
		{"inviteOneself", (*company).inviteOneself},
		{"removeMember", (*company).removeMember},
		{"createApplication", (*company).createApplication},
		{"createApiKey of an application", (*company).createKey},
		{"createApiKey of a project", (*company).createProjectKey},
		{"deleteApiKey", (*company).deleteKey},
		{"createGroup", (*company).createGroup},
		{"deleteGroup", (*company).deleteGroup},
		{"setGroupRoles", (*company).setGroupRoles},
		{"setGroupProjects", (*company).setGroupProjects},
		{"addGroupMembers", (*company).addGroupMembers},
		{"removeGroupMembers", (*company).removeGroupMembers},
		{"createPolicy", (*company).createPolicy},
		{"attachPolicy", (*company).attachPolicy},
		{"setPolicyRules", (*company).setPolicyRules},
		{"deletePolicy", (*company).deletePolicy},
		{"flip a switch", (*company).flip},
		{"createProject", (*company).createProject},
		{"deleteProject", (*company).deleteProject},
		{"createOrganization", (*company).createOrganization},
	}
}

// anOrg returns an organization, mostly one that the actor can see.
func (c *company) anOrg(by orgtree.ID, random *rand.Rand) *org {
	var seen []*org
	for _, o := range c.orgs {
		if c.check(by, access.OrgRead, o.Target) == nil {
			seen = append(seen, o)
		}
	}
	if len(seen) == 0 || random.IntN(10) == 0 {
		return pick(random, c.orgs)
	}
	return pick(random, seen)
}

// some returns a thing for which something holds, or nil.
func some[T any](random *rand.Rand, list []*T, is func(*T) bool) *T {
	fitting := slices.DeleteFunc(slices.Clone(list), func(x *T) bool { return !is(x) })
	if len(fitting) == 0 {
		return nil
	}
	return pick(random, fitting)
}

func (c *company) aGroup(o *org, random *rand.Rand) *group {
	return some(random, c.groups, func(g *group) bool { return g.org == o.id })
}

func (c *company) aPrincipal(o *org, random *rand.Rand) *principal {
	return some(random, c.principals, func(p *principal) bool { _, there := c.place(p.id, o); return there })
}

// join checks that somebody who is new may be put into groups.
func (c *company) join(by orgtree.ID, o *org, groups []*group, newcomer orgtree.ID) error {
	var grants []access.Grant
	for _, g := range groups {
		if g.builtin != "" {
			if err := c.placing(c.viewer(by), g.builtin, o.Target); err != nil {
				return err
			}
		}
		grants = append(grants, c.whole(g).Grants(o.id)...)
	}
	if err := c.checkGranting(by, o, grants, newcomer); err != nil {
		return err
	}
	for _, g := range groups {
		g.members = append(g.members, newcomer)
	}
	return nil
}

func (c *company) groupsOf(o *org, random *rand.Rand) []*group {
	var groups []*group
	for range random.IntN(3) {
		if g := c.aGroup(o, random); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

func (c *company) createUser(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if err := c.check(by, access.UsersWrite, o.Target); err != nil {
		return err
	}
	p := &principal{id: c.id(), home: o.id}
	if random.IntN(3) > 0 {
		p.setBy = by
	}
	c.principals = append(c.principals, p)
	if err := c.join(by, o, c.groupsOf(o, random), p.id); err != nil {
		c.principals = c.principals[:len(c.principals)-1]
		return err
	}
	o.members = append(o.members, p.id)
	return nil
}

// resetPassword is for people who are nowhere but in their home and below it.
func (c *company) resetPassword(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := some(random, c.principals, func(p *principal) bool { return !p.application && p.home == o.id })
	if p == nil {
		return errRefused
	}
	if err := c.check(by, access.UsersLock, o.Target); err != nil {
		return err
	}
	for _, at := range c.orgs {
		s := c.standing(p.id, at)
		if s == nil {
			continue
		}
		if !at.Path.Contains(o.id) {
			return errRefused
		}
		if err := c.takeover(c.viewer(by), s, at.Target); err != nil {
			return err
		}
	}
	p.setBy = by
	return nil
}

// inviteOneself invites the actor's own address, which accepts.
func (c *company) inviteOneself(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if c.principal(by).application || slices.Contains(o.members, by) {
		return errRefused
	}
	if err := c.check(by, access.MembersInvite, o.Target); err != nil {
		return err
	}
	if err := c.join(by, o, c.groupsOf(o, random), by); err != nil {
		return err
	}
	o.members = append(o.members, by)
	return nil
}

func (c *company) removeMember(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := some(random, c.principals, func(p *principal) bool { return slices.Contains(o.members, p.id) && p.id != o.owner })
	if p == nil {
		return errRefused
	}
	if err := c.check(by, access.MembersRemove, o.Target); err != nil {
		return err
	}
	if err := access.CheckMember(c.viewer(by), c.standing(p.id, o), o.Target); err != nil {
		return err
	}
	is := func(id orgtree.ID) bool { return id == p.id }
	o.members = slices.DeleteFunc(o.members, is)
	for _, g := range c.groups {
		if g.org == o.id {
			g.members = slices.DeleteFunc(g.members, is)
		}
	}
	c.orphan(p.id, o.id)
	return nil
}

// orphan takes the policies of a bearer who goes.
func (c *company) orphan(bearer, in orgtree.ID) {
	for _, p := range c.policies {
		if p.bearer == bearer && p.org == in {
			p.bearer = orgtree.ID{}
		}
	}
}

func (c *company) createApplication(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if err := c.check(by, access.ApplicationsWrite, o.Target); err != nil {
		return err
	}
	c.principals = append(c.principals, &principal{id: c.id(), application: true, home: o.id})
	return nil
}

func (c *company) createKey(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	app := some(random, c.principals, func(p *principal) bool { return p.application && p.home == o.id })
	if app == nil {
		return errRefused
	}
	if err := c.check(by, access.APIKeysWrite, o.Target); err != nil {
		return err
	}
	return c.makeKey(by, app, o)
}

func (c *company) makeKey(by orgtree.ID, app *principal, o *org) error {
	if err := c.takeover(c.viewer(by), c.standing(app.id, o), o.Target); err != nil {
		return err
	}
	app.keysBy = append(app.keysBy, by)
	return nil
}

func (c *company) createProjectKey(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := some(random, c.projects, func(p *project) bool { return p.org == o.id })
	if p == nil {
		return errRefused
	}
	if err := c.check(by, access.ProjectKeysWrite, o.In(p.id)); err != nil {
		return err
	}
	return c.makeKey(by, c.principal(p.application), o)
}

func (c *company) deleteKey(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	app := some(random, c.principals, func(p *principal) bool { return p.home == o.id && len(p.keysBy) > 0 })
	if app == nil {
		return errRefused
	}
	if err := c.check(by, access.APIKeysWrite, o.Target); err != nil {
		return err
	}
	app.keysBy = app.keysBy[1:]
	return nil
}

func (c *company) createGroup(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if err := c.check(by, access.GroupsWrite, o.Target); err != nil {
		return err
	}
	g := &group{id: c.id(), org: o.id, roles: someRoles(random), projects: c.someProjects(o, random)}
	if len(g.roles) > 0 {
		if err := c.check(by, access.GroupsRoles, o.Target); err != nil {
			return err
		}
	}
	if err := c.checkGranting(by, o, c.whole(g).Grants(o.id)); err != nil {
		return err
	}
	c.groups = append(c.groups, g)
	return nil
}

func someRoles(random *rand.Rand) []access.Role {
	var roles []access.Role
	for range random.IntN(3) {
		roles = append(roles, pick(random, access.Roles()))
	}
	return roles
}

func (c *company) someProjects(o *org, random *rand.Rand) []orgtree.ID {
	var projects []orgtree.ID
	for range random.IntN(2) {
		if p := some(random, c.projects, func(p *project) bool { return p.org == o.id }); p != nil {
			projects = append(projects, p.id)
		}
	}
	return projects
}

func (c *company) deleteGroup(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	g := c.aGroup(o, random)
	if g.builtin != "" {
		return errRefused
	}
	if err := c.check(by, access.GroupsWrite, o.Target); err != nil {
		return err
	}
	if err := c.checkGranting(by, o, c.whole(g).Grants(o.id)); err != nil {
		return err
	}
	c.orphan(g.id, o.id)
	c.groups = slices.DeleteFunc(c.groups, func(other *group) bool { return other == g })
	return nil
}

func (c *company) setGroupRoles(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	g, roles := c.aGroup(o, random), someRoles(random)
	if g.builtin != "" {
		return errRefused
	}
	if err := c.check(by, access.GroupsRoles, o.Target); err != nil {
		return err
	}
	both := access.Group{Roles: slices.Concat(roles, g.roles)}
	if err := c.checkGranting(by, o, both.Grants(o.id), g.id); err != nil {
		return err
	}
	g.roles = roles
	return nil
}

func (c *company) setGroupProjects(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	g, projects := c.aGroup(o, random), c.someProjects(o, random)
	if g.builtin != "" {
		return errRefused
	}
	if err := c.check(by, access.GroupsWrite, o.Target); err != nil {
		return err
	}
	both := access.Group{Projects: slices.Concat(projects, g.projects)}
	if err := c.checkGranting(by, o, both.Grants(o.id), g.id); err != nil {
		return err
	}
	g.projects = projects
	return nil
}

// placeIn checks what adding to a group and removing from it need.
func (c *company) placeIn(by orgtree.ID, o *org, g *group, to ...orgtree.ID) error {
	if err := c.check(by, access.GroupsWrite, o.Target); err != nil {
		return err
	}
	if err := c.placing(c.viewer(by), g.builtin, o.Target); err != nil {
		return err
	}
	return c.checkGranting(by, o, c.whole(g).Grants(o.id), to...)
}

func (c *company) addGroupMembers(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	g, p := c.aGroup(o, random), c.aPrincipal(o, random)
	if slices.Contains(g.members, p.id) {
		return errRefused
	}
	if err := c.placeIn(by, o, g, p.id); err != nil {
		return err
	}
	g.members = append(g.members, p.id)
	return nil
}

func (c *company) removeGroupMembers(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	g := c.aGroup(o, random)
	if len(g.members) == 0 {
		return errRefused
	}
	if err := c.placeIn(by, o, g); err != nil {
		return err
	}
	gone := pick(random, g.members)
	g.members = slices.DeleteFunc(g.members, func(id orgtree.ID) bool { return id == gone })
	return nil
}

// aBearer returns a principal or group of the organization, or nobody.
func (c *company) aBearer(o *org, random *rand.Rand) (orgtree.ID, access.Bearer) {
	switch random.IntN(5) {
	case 0:
		return orgtree.ID{}, access.BornByNobody
	case 1, 2:
		return c.aGroup(o, random).id, access.BornByGroup
	default:
		p := c.aPrincipal(o, random)
		if p.application {
			return p.id, access.BornByApplication
		}
		return p.id, access.BornByUser
	}
}

func (c *company) someRules(o *org, random *rand.Rand) []access.Rule {
	set := pick(random, access.PermissionSets())
	rule := access.Rule{Sets: []access.SetName{set.Name}, Scope: access.InOrganization()}
	if set.Scope == access.ProjectScope {
		rule.Scope = access.InAllProjects()
		if projects := c.someProjects(o, random); len(projects) > 0 {
			rule.Scope = access.InProjects(projects...)
		}
	}
	return []access.Rule{rule}
}

func (c *company) createPolicy(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := &policy{id: c.id(), org: o.id, rules: c.someRules(o, random)}
	bearer, kind := c.aBearer(o, random)
	if err := c.checkPolicy(by, o, p.rules, bearer, kind); err != nil {
		return err
	}
	p.bearer = bearer
	c.policies = append(c.policies, p)
	return nil
}

// checkPolicy checks that somebody may give a bearer rules.
func (c *company) checkPolicy(by orgtree.ID, o *org, rules []access.Rule, bearer orgtree.ID, kind access.Bearer) error {
	if err := c.check(by, access.PoliciesWrite, o.Target); err != nil {
		return err
	}
	if err := access.CheckRules(rules, kind, o.Kind); err != nil {
		return err
	}
	return c.checkGranting(by, o, access.Policy{Rules: rules}.Grants(o.id, orgtree.ID{}), bearer)
}

// aPolicy returns a policy that people wrote.
func (c *company) aPolicy(o *org, random *rand.Rand) *policy {
	return some(random, c.policies, func(p *policy) bool { return p.org == o.id && !p.builtin })
}

func (c *company) attachPolicy(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := c.aPolicy(o, random)
	bearer, kind := c.aBearer(o, random)
	if p == nil {
		return errRefused
	}
	if err := c.checkPolicy(by, o, p.rules, bearer, kind); err != nil {
		return err
	}
	p.bearer = bearer
	return nil
}

func (c *company) setPolicyRules(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p, rules := c.aPolicy(o, random), c.someRules(o, random)
	if p == nil {
		return errRefused
	}
	kind := access.BornByUser // The strictest, whoever bears it.
	if c.group(p.bearer) != nil {
		kind = access.BornByGroup
	}
	if err := c.checkPolicy(by, o, slices.Concat(p.rules, rules), p.bearer, kind); err != nil {
		return err
	}
	p.rules = rules
	return nil
}

func (c *company) deletePolicy(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := c.aPolicy(o, random)
	if p == nil {
		return errRefused
	}
	if err := c.checkPolicy(by, o, p.rules, orgtree.ID{}, access.BornByNobody); err != nil {
		return err
	}
	c.policies = slices.DeleteFunc(c.policies, func(other *policy) bool { return other == p })
	return nil
}

// flip changes a switch, on the organization's own side or as one of its
// managers.
func (c *company) flip(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if err := c.check(by, access.GroupsRoles, o.Target); err != nil {
		return err
	}
	o.switches = pick(random, allSwitches())
	return nil
}

func (c *company) createProject(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	if err := c.check(by, access.ProjectsWrite, o.Target); err != nil {
		return err
	}
	c.project(o)
	return nil
}

func (c *company) deleteProject(by orgtree.ID, random *rand.Rand) error {
	o := c.anOrg(by, random)
	p := some(random, c.projects, func(p *project) bool { return p.org == o.id })
	if p == nil {
		return errRefused
	}
	if err := c.check(by, access.ProjectsWrite, o.Target); err != nil {
		return err
	}
	for _, policy := range c.policies {
		policy.rules, _ = access.WithoutProject(policy.rules, p.id)
	}
	for _, g := range c.groups {
		g.projects = slices.DeleteFunc(slices.Clone(g.projects), func(id orgtree.ID) bool { return id == p.id })
	}
	c.projects = slices.DeleteFunc(c.projects, func(other *project) bool { return other == p })
	return nil
}

// createOrganization makes a standalone organization, which the actor owns, or
// one that is managed and that an invited person owns.
func (c *company) createOrganization(by orgtree.ID, random *rand.Rand) error {
	if random.IntN(2) == 0 {
		if c.principal(by).application {
			return errRefused
		}
		o := c.found(c.orgs[0], orgtree.Standard)
		o.made, o.owner, o.members = true, by, []orgtree.ID{by}
		return nil
	}
	above := c.anOrg(by, random)
	if err := c.check(by, access.PartnerCreate, above.Target); err != nil || !above.Kind.CanManage() {
		return errRefused
	}
	c.found(above, orgtree.Standard).made = true
	return nil
}
