package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Size is how large a platform is. The platform itself, three partners and a
// sub-partner are there in any case.
type Size struct {
	// Organizations is how many customers there are, at least 1.
	Organizations int
	// Users is how many people there are in all, owners included, at least
	// LeastUsers of the organizations.
	Users int
}

// DefaultSize is that of the demo without flags.
func DefaultSize() Size { return Size{Organizations: 20, Users: 200} }

// Bounds of a size.
const (
	maxOrganizations = 2000
	maxUsers         = 20_000
)

// LeastUsers returns how many people so many customers need: an owner each, the
// people of the platform and the partners, and one for each kind of login.
func LeastUsers(organizations int) int { return organizations + 18 }

// Validate returns an error that names the flag of a size that cannot be made.
func (s Size) Validate() error {
	if s.Organizations < 1 || s.Organizations > maxOrganizations {
		return fmt.Errorf("--organizations: %d is not from 1 to %d", s.Organizations, maxOrganizations)
	}
	if least := LeastUsers(s.Organizations); s.Users < least || s.Users > maxUsers {
		return fmt.Errorf("--users: %d is not from %d, which %d organizations need, to %d", s.Users, least, s.Organizations, maxUsers)
	}
	return nil
}

// Role says what a login is good for.
type Role string

// The roles of logins. Each login is the only one of its role. All but
// the last two belong together: the partner manages the sub-partner and the
// customer. The other partner is a stranger to them, the other customer has
// nothing to do with the first.
const (
	PlatformAdmin   Role = "platform-admin"
	PartnerAdmin    Role = "partner-admin"
	SubpartnerAdmin Role = "subpartner-admin"
	CustomerOwner   Role = "customer-owner"
	CustomerAdmin   Role = "customer-admin"
	Editor          Role = "editor"
	BillingAdmin    Role = "billing-admin"
	OrgUsers        Role = "org-users"
	OrgGroups       Role = "org-groups"
	OrgSettings     Role = "org-settings"
	Member          Role = "member"
	// Application is not a person: it has no password, and nobody signs in with it.
	Application Role = "application"

	OtherPartnerAdmin  Role = "other-partner-admin"
	OtherCustomerOwner Role = "other-customer-owner"
)

// organization is one to be made. Its id and those of its parts are known once
// it is.
type organization struct {
	name, slug string
	kind       orgtree.Kind
	manager    *organization // nil for the platform
	groups     []*group
	people     []*person // the owner first

	id uuid.UUID
}

// group is one to be made, or one that is made with every organization.
type group struct {
	name, description string
	roles             []access.Role
	builtin           access.Builtin

	id uuid.UUID
}

// person is an account to be made, with a membership.
type person struct {
	home                  *organization
	name, username, email string
	groups                []*group
	// login is empty for people who cannot sign in.
	login    Role
	password string

	id         uuid.UUID
	membership uuid.UUID
	viewer     access.Viewer
}

func (p *person) owns() bool { return p.home.people[0] == p }

func (o *organization) owner() *person { return o.people[0] }

// group returns the group with a name, which is there.
func (o *organization) group(name string) *group {
	return o.groups[slices.IndexFunc(o.groups, func(g *group) bool { return g.name == name })]
}

// teams are the groups that give no rights, which hold settings and cost.
func (o *organization) teams() []*group {
	var teams []*group
	for _, g := range o.groups {
		if len(g.roles) == 0 && g.builtin == "" {
			teams = append(teams, g)
		}
	}
	return teams
}

// with returns the first person whose groups give a role, else the owner.
func (o *organization) with(role access.Role) *person {
	for _, p := range o.people {
		for _, g := range p.groups {
			if slices.Contains(g.roles, role) {
				return p
			}
		}
	}
	return o.owner()
}

// administrator returns somebody who may do everything but what owners may.
func (o *organization) administrator() *person { return o.with(access.RoleAdmin) }

// plan is a whole platform before it is made.
type plan struct {
	root *organization
	// alpine, harbor and nordlys are the partners, jura is below alpine.
	alpine, harbor, nordlys, jura *organization
	// customers are in the order in which they are made; the first is alpine's
	// and has a login of every kind.
	customers []*organization
	// application is the first customer's.
	application *application
}

// organizations returns all of them, managers before those whom they manage.
func (p *plan) organizations() []*organization {
	return append([]*organization{p.root, p.alpine, p.jura, p.harbor, p.nordlys}, p.customers...)
}

func (p *plan) partners() []*organization {
	return []*organization{p.alpine, p.jura, p.harbor, p.nordlys}
}

// of returns the customers of a partner.
func (p *plan) of(partner *organization) []*organization {
	return slices.DeleteFunc(slices.Clone(p.customers), func(c *organization) bool { return c.manager != partner })
}

// planner makes up a plan.
type planner struct {
	random *rand.Rand
	names  *names
	plan   *plan
}

func newPlan(seed uint64, size Size) *plan {
	random := newRandom(seed, "plan")
	pl := &planner{random: random, names: newNames(random), plan: &plan{}}
	pl.tiers()
	pl.customers(size.Organizations)
	pl.staff()
	pl.fill(size.Users)
	pl.plan.application = pl.plan.newApplication()
	pl.passwords(seed)
	return pl.plan
}

// The names of groups that are the same everywhere.
const (
	administratorGroup = "IT Administrators"
	settingsGroup      = "Settings Stewards"
	usersGroup         = "People Team"
	leadsGroup         = "Team Leads"
)

// builtins returns the groups that an organization is made with.
func builtins() []*group {
	var made []*group
	for _, b := range access.Builtins() {
		made = append(made, &group{name: b.Label(), builtin: b})
	}
	return made
}

func roleGroups() []*group {
	return []*group{
		{name: administratorGroup, description: "Run the organization", roles: []access.Role{access.RoleAdmin}},
		{name: settingsGroup, description: "Keep settings and security", roles: []access.Role{access.RoleSettings}},
		{name: usersGroup, description: "Welcome people and see them off", roles: []access.Role{access.RoleUsers}},
		{name: leadsGroup, description: "Say who is in which team", roles: []access.Role{access.RoleGroups}},
	}
}

// tiers makes up the platform and the partners.
func (pl *planner) tiers() {
	p := pl.plan
	p.root = &organization{name: "Platform", slug: "platform", kind: orgtree.Platform, groups: append(builtins(), roleGroups()...)}
	p.alpine = pl.partner("Alpine Cloud Partners", "alpine", p.root)
	p.jura = pl.partner("Jura Managed Services", "jura", p.alpine)
	p.harbor = pl.partner("Harbor Digital", "harbor", p.root)
	p.nordlys = pl.partner("Nordlys Systems", "nordlys", p.root)
}

func (pl *planner) partner(name, short string, manager *organization) *organization {
	service := &group{name: "Service Desk", description: "First to answer customers", roles: []access.Role{access.RoleUsers, access.RoleGroups}}
	sales := &group{name: "Sales", description: "Sell and renew"}
	return &organization{
		name: name, slug: short, kind: orgtree.Partner, manager: manager,
		groups: append(append(builtins(), roleGroups()[:2]...), service, sales),
	}
}

// customers makes up those that the partners sell to. The first few are spread
// so that even a small platform has one at each tier.
func (pl *planner) customers(n int) {
	p := pl.plan
	spread := []*organization{p.alpine, p.jura, p.harbor, p.nordlys}
	for i := range n {
		manager := spread[i%len(spread)]
		if i >= len(spread) {
			manager = pick(pl.random, spread)
		}
		p.customers = append(p.customers, pl.customer(manager, i == 0))
	}
}

// customer makes up one; a complete one has every kind of group.
func (pl *planner) customer(manager *organization, complete bool) *organization {
	name := pl.names.company()
	made := &organization{name: name, slug: slug(name), kind: orgtree.Standard, manager: manager, groups: builtins()}
	for i, g := range roleGroups() {
		if complete || i == 0 || chance(pl.random, 40) {
			made.groups = append(made.groups, g)
		}
	}
	teams := shuffled(pl.random, teamNames())[:between(pl.random, 2, 4)]
	for _, team := range teams {
		made.groups = append(made.groups, &group{name: team, description: "The " + strings.ToLower(team) + " team"})
	}
	return made
}

// staff makes up owners and everybody who has a right to do what the story
// needs, with the logins.
func (pl *planner) staff() {
	p := pl.plan
	for _, o := range p.organizations() {
		pl.hire(o)
	}
	pl.hire(p.root, administratorGroup).login = PlatformAdmin
	pl.hire(p.root, settingsGroup)
	for _, partner := range p.partners() {
		pl.hire(partner, administratorGroup)
	}
	p.alpine.administrator().login = PartnerAdmin
	p.jura.administrator().login = SubpartnerAdmin
	p.harbor.administrator().login = OtherPartnerAdmin

	first := p.customers[0]
	first.owner().login = CustomerOwner
	pl.hire(first, administratorGroup).login = CustomerAdmin
	pl.hire(first, access.Editors.Label()).login = Editor
	pl.hire(first, access.BillingAdministrators.Label()).login = BillingAdmin
	pl.hire(first, usersGroup).login = OrgUsers
	pl.hire(first, leadsGroup).login = OrgGroups
	pl.hire(first, settingsGroup).login = OrgSettings
	pl.hire(first, first.teams()[0].name).login = Member
	if len(p.customers) > 1 {
		p.customers[1].owner().login = OtherCustomerOwner
	}
}

// hire makes up a person in an organization and the named groups of it.
func (pl *planner) hire(o *organization, groups ...string) *person {
	name := pl.names.person()
	username := strings.ReplaceAll(strings.ToLower(name), " ", ".")
	p := &person{home: o, name: name, username: username, email: username + "@" + o.slug + ".example"}
	for _, g := range groups {
		p.groups = append(p.groups, o.group(g))
	}
	o.people = append(o.people, p)
	return p
}

// fill makes up people until there are so many: most of them at customers, some
// of whom are larger than others.
func (pl *planner) fill(users int) {
	p := pl.plan
	missing := users
	for _, o := range p.organizations() {
		missing -= len(o.people)
	}
	weighted := append([]*organization{p.root}, p.partners()...)
	for _, c := range p.customers {
		for range between(pl.random, 1, 9) {
			weighted = append(weighted, c)
		}
	}
	for range missing {
		o := pick(pl.random, weighted)
		pl.hire(o, pl.places(o)...)
	}
}

// places returns the groups of a further person: a team or two, and now and then
// one that gives rights.
func (pl *planner) places(o *organization) []string {
	var places []string
	teams := shuffled(pl.random, o.teams())
	for _, team := range teams[:min(len(teams), between(pl.random, 0, 2))] {
		places = append(places, team.name)
	}
	if chance(pl.random, 25) {
		special := slices.DeleteFunc(slices.Clone(o.groups), func(g *group) bool { return len(g.roles) == 0 && g.builtin == "" })
		places = append(places, pick(pl.random, special).name)
	}
	return places
}

// passwords makes up those of the logins.
func (pl *planner) passwords(seed uint64) {
	random := newRandom(seed, "passwords")
	for _, login := range pl.plan.logins() {
		login.password = newPassword(random)
	}
}

// application is one to be made, in the first customer.
type application struct {
	name, description string
	groups            []*group

	id uuid.UUID
}

// newApplication returns the one program of the demo, which keeps settings.
func (p *plan) newApplication() *application {
	home := p.customers[0]
	return &application{
		name: "nightly-sync", description: "Keeps the settings of the teams in step with the directory.",
		groups: []*group{home.group(settingsGroup)},
	}
}

// logins returns the people who can sign in, those of the first customer before
// further ones of the same role.
func (p *plan) logins() []*person {
	order := []Role{
		PlatformAdmin, PartnerAdmin, SubpartnerAdmin, CustomerOwner, CustomerAdmin, Editor, BillingAdmin, OrgUsers, OrgGroups, OrgSettings, Member,
		OtherPartnerAdmin, OtherCustomerOwner,
	}
	var logins []*person
	for _, o := range p.organizations() {
		for _, person := range o.people {
			if person.login != "" {
				logins = append(logins, person)
			}
		}
	}
	slices.SortStableFunc(logins, func(a, b *person) int { return slices.Index(order, a.login) - slices.Index(order, b.login) })
	return logins
}

// Login is a person who can sign in, or an application, which has a name but no
// password.
type Login struct {
	Role     Role
	Username string
	Password string
	// Principal is the user or the application.
	Principal    typeid.ID
	Organization typeid.ID
	// OrganizationName is for people to read.
	OrganizationName string
}
