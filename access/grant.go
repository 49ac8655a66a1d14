package access

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// ScopeKind says what a rule holds in.
type ScopeKind string

// The kinds of scope of a rule. ALL_PROJECTS are all that there are and will be;
// a list of projects never widens to it.
const (
	ScopeOrganization ScopeKind = "ORGANIZATION"
	ScopeProjects     ScopeKind = "PROJECTS"
	ScopeAllProjects  ScopeKind = "ALL_PROJECTS"
)

// Scope is what a rule or grant holds in: the organization, some of its projects
// or all of them.
type Scope struct {
	Kind     ScopeKind    `json:"kind"`
	Projects []orgtree.ID `json:"projects,omitempty"`
}

// InOrganization returns the scope of the organization itself.
func InOrganization() Scope { return Scope{Kind: ScopeOrganization} }

// InAllProjects returns the scope of all projects, also of later ones.
func InAllProjects() Scope { return Scope{Kind: ScopeAllProjects} }

// InProjects returns the scope of some projects.
func InProjects(projects ...orgtree.ID) Scope { return Scope{Kind: ScopeProjects, Projects: projects} }

// Condition says when a rule holds. All that is given must hold.
type Condition struct {
	// CIDRs are the networks that a request must come from; none means any.
	CIDRs []netip.Prefix `json:"cidrs,omitempty"`
	// NotBefore and NotAfter bound the time of a request; nil means no bound.
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
}

// Circumstances are what conditions look at.
type Circumstances struct {
	// Address is where the request comes from; the zero address is in no
	// network.
	Address netip.Addr
	At      time.Time
	// Agent is what the client calls itself. It decides nothing.
	Agent string
}

// Holds reports whether the condition is met.
func (c *Condition) Holds(at Circumstances) bool {
	if c == nil {
		return true
	}
	if c.NotBefore != nil && at.At.Before(*c.NotBefore) || c.NotAfter != nil && at.At.After(*c.NotAfter) {
		return false
	}
	if len(c.CIDRs) == 0 {
		return true
	}
	address := at.Address.Unmap().WithZone("")
	return slices.ContainsFunc(c.CIDRs, func(network netip.Prefix) bool { return network.Contains(address) })
}

// Rule is one line of a policy: permission sets in a scope under a condition.
type Rule struct {
	Sets      []SetName  `json:"sets"`
	Scope     Scope      `json:"scope"`
	Condition *Condition `json:"condition,omitempty"`
}

// Policy is the rules that one principal, or nobody, was given in an
// organization.
type Policy struct {
	ID    orgtree.ID
	Rules []Rule
}

// Bounds of a policy.
const (
	maxRules        = 50
	maxRuleSets     = 50
	maxRuleProjects = 500
	maxRuleNetworks = 50
)

// Bearer says what kind of principal a policy is for.
type Bearer string

// The kinds of bearer of a policy. An orphan has no effect.
const (
	BornByUser        Bearer = "USER"
	BornByApplication Bearer = "APPLICATION"
	BornByGroup       Bearer = "GROUP"
	BornByNobody      Bearer = ""
)

// CheckRules returns nil if a policy of an organization of the kind may have the
// rules and the bearer. It returns INVALID for an unknown set, sets of different
// scope types in one rule, a scope of the wrong type, group roles for a user or
// application, reseller sets outside of partners, and more than 50 rules, 50
// sets, 500 projects or 50 networks.
func CheckRules(rules []Rule, bearer Bearer, kind orgtree.Kind) error {
	if len(rules) > maxRules {
		return fault.Invalidf("rules", "a policy has at most %d rules", maxRules)
	}
	for _, rule := range rules {
		if err := checkSets(rule, bearer, kind); err != nil {
			return err
		}
		if err := checkScope(rule); err != nil {
			return err
		}
		if err := checkCondition(rule.Condition); err != nil {
			return err
		}
	}
	return nil
}

func checkSets(rule Rule, bearer Bearer, kind orgtree.Kind) error {
	if len(rule.Sets) == 0 || len(rule.Sets) > maxRuleSets {
		return fault.Invalidf("rules.permissionSets", "a rule has 1 to %d permission sets", maxRuleSets)
	}
	for _, name := range rule.Sets {
		set, ok := LookupSet(name)
		if !ok {
			return fault.Invalidf("rules.permissionSets", "there is no permission set %q", name)
		}
		if !set.ExistsIn(kind) {
			return fault.Invalidf("rules.permissionSets", "the set %s has no meaning in an organization that is %s", name, kind)
		}
		if slices.Contains(Roles(), Role(name)) && (bearer == BornByUser || bearer == BornByApplication) {
			return fault.Invalidf("rules.permissionSets", "the role %s is given to groups only", name)
		}
		if first, _ := LookupSet(rule.Sets[0]); first.Scope != set.Scope {
			return fault.Invalidf("rules.permissionSets", "the sets %s and %s of one rule have different types of scope", first.Name, name)
		}
	}
	return nil
}

func checkScope(rule Rule) error {
	set, _ := LookupSet(rule.Sets[0])
	switch {
	case !slices.Contains(set.Scope.kinds(), rule.Scope.Kind):
		return fault.Invalidf("rules", "the scope of the set %s is %s", set.Name, set.Scope)
	case rule.Scope.Kind == ScopeProjects && (len(rule.Scope.Projects) == 0 || len(rule.Scope.Projects) > maxRuleProjects):
		return fault.Invalidf("rules.projectIds", "a rule names 1 to %d projects", maxRuleProjects)
	case rule.Scope.Kind != ScopeProjects && len(rule.Scope.Projects) > 0:
		return fault.Invalidf("rules.projectIds", "only the scope of listed projects lists projects")
	}
	return nil
}

// kinds returns the kinds of scope in which sets of the type are given.
func (t ScopeType) kinds() []ScopeKind {
	if t == OrganizationScope {
		return []ScopeKind{ScopeOrganization}
	}
	return []ScopeKind{ScopeProjects, ScopeAllProjects}
}

func checkCondition(c *Condition) error {
	switch {
	case c == nil:
		return nil
	case len(c.CIDRs) > maxRuleNetworks:
		return fault.Invalidf("rules.condition.cidrs", "a condition names at most %d networks", maxRuleNetworks)
	case slices.ContainsFunc(c.CIDRs, isNoNetwork):
		return fault.Invalidf("rules.condition.cidrs", "a network is written such as 192.0.2.0/24 or 2001:db8::/32")
	case c.NotBefore != nil && c.NotAfter != nil && c.NotAfter.Before(*c.NotBefore):
		return fault.Invalidf("rules.condition.notAfter", "this window ends before it begins")
	}
	return nil
}

// isNoNetwork reports whether no address can be in the network: addresses are
// compared in their shortest form.
func isNoNetwork(network netip.Prefix) bool { return !network.IsValid() || network.Addr().Is4In6() }

// WithoutProject returns the rules after a project is gone, and whether that
// changed them. A rule whose list becomes empty goes with it; it never widens.
func WithoutProject(rules []Rule, project orgtree.ID) ([]Rule, bool) {
	kept := make([]Rule, 0, len(rules))
	changed := false
	for _, rule := range rules {
		if slices.Contains(rule.Scope.Projects, project) {
			changed = true
			rule.Scope.Projects = slices.DeleteFunc(slices.Clone(rule.Scope.Projects), func(id orgtree.ID) bool { return id == project })
			if len(rule.Scope.Projects) == 0 {
				continue
			}
		}
		kept = append(kept, rule)
	}
	return kept, changed
}

// SourceKind says where a grant comes from.
type SourceKind string

// The kinds of source. OWNER is ownership and MEMBER what every member has;
// neither is a permission set.
const (
	FromOwnership    SourceKind = "OWNER"
	FromMembership   SourceKind = "MEMBER"
	FromGroupRole    SourceKind = "GROUP_ROLE"
	FromGroupProject SourceKind = "GROUP_PROJECT"
	FromPolicy       SourceKind = "POLICY"
)

// Source is where a grant comes from: in which organization, and through which
// group and policy where there are any.
type Source struct {
	Kind         SourceKind
	Organization orgtree.ID
	Group        orgtree.ID
	Policy       orgtree.ID
}

// Grant is what a principal was given: a permission set in a scope, from a
// source. Set is empty for ownership and membership.
type Grant struct {
	Set       SetName
	Scope     Scope
	Condition *Condition
	Source    Source
}

// Rights are permissions in one organization: in the organization itself, in
// every project of it, and in single projects.
type Rights struct {
	Organization Set
	AllProjects  Set
	Projects     map[orgtree.ID]Set
}

// RightsOf returns what grants give in an organization of the kind under the
// switches, whatever their conditions.
func RightsOf(grants []Grant, kind orgtree.Kind, switches Switches) Rights {
	var r Rights
	for _, g := range grants {
		r.add(g.Scope, permissionsOf(g, kind, switches))
	}
	return r
}

// permissionsOf returns the permissions of one grant.
func permissionsOf(g Grant, kind orgtree.Kind, switches Switches) Set {
	switch g.Source.Kind {
	case FromOwnership:
		return catalogue.existing[kind]
	case FromMembership:
		return catalogue.member
	case FromGroupRole, FromGroupProject, FromPolicy:
	}
	return expand(g.Set, kind, switches)
}

func (r *Rights) add(scope Scope, permissions Set) {
	switch scope.Kind {
	case ScopeOrganization:
		r.Organization |= permissions
	case ScopeAllProjects:
		r.AllProjects |= permissions
	case ScopeProjects:
		if r.Projects == nil {
			r.Projects = make(map[orgtree.ID]Set, len(scope.Projects))
		}
		for _, id := range scope.Projects {
			r.Projects[id] |= permissions
		}
	}
}

// Add adds other rights in the same organization.
func (r *Rights) Add(other Rights) {
	r.Organization |= other.Organization
	r.AllProjects |= other.AllProjects
	for id, permissions := range other.Projects {
		r.add(InProjects(id), permissions)
	}
}

// has reports whether all the permissions are held in the organization or, for
// a project, in the organization, in every project or in that one. What is held
// in every project is held in the organization as a whole.
func (r Rights) has(permissions Set, project orgtree.ID) bool {
	held := r.Organization | r.AllProjects
	if !project.IsZero() {
		held |= r.Projects[project]
	}
	return held&permissions == permissions
}

// Lacks returns the first permission of other that r does not hold where other
// does, or false if r holds everything.
func (r Rights) Lacks(other Rights) (Permission, bool) {
	missing := other.Organization &^ r.Organization &^ (r.AllProjects & catalogue.projects)
	missing |= other.AllProjects &^ (r.Organization | r.AllProjects)
	for id, permissions := range other.Projects {
		missing |= permissions &^ (r.Organization | r.AllProjects | r.Projects[id])
	}
	if missing == 0 {
		return "", false
	}
	return missing.List()[0], true
}

// Group is a group that a principal is in.
type Group struct {
	ID       orgtree.ID
	Roles    []Role
	Builtin  Builtin // empty for others
	Projects []orgtree.ID
	Policies []Policy
}

// BuiltinGroup returns a built-in group as it is made.
func BuiltinGroup(b Builtin) Group {
	return Group{Builtin: b, Policies: []Policy{{Rules: b.Rules()}}}
}

// Grants returns what the group gives to its members.
func (g Group) Grants(organization orgtree.ID) []Grant {
	var grants []Grant
	for _, role := range g.Roles {
		grants = append(grants, Grant{
			Set: SetName(role), Scope: InOrganization(),
			Source: Source{Kind: FromGroupRole, Organization: organization, Group: g.ID},
		})
	}
	if len(g.Projects) > 0 {
		grants = append(grants, Grant{
			Set: ProjectMember, Scope: InProjects(g.Projects...),
			Source: Source{Kind: FromGroupProject, Organization: organization, Group: g.ID},
		})
	}
	for _, p := range g.Policies {
		grants = append(grants, p.Grants(organization, g.ID)...)
	}
	return grants
}

// Grants returns what a policy gives to its bearer, in the group that bears it
// or in none.
func (p Policy) Grants(organization, group orgtree.ID) []Grant {
	var grants []Grant
	for _, rule := range p.Rules {
		for _, set := range rule.Sets {
			grants = append(grants, Grant{
				Set: set, Scope: rule.Scope, Condition: rule.Condition,
				Source: Source{Kind: FromPolicy, Organization: organization, Group: group, Policy: p.ID},
			})
		}
	}
	return grants
}

// compareGrants orders grants by source, then set.
func compareGrants(a, b Grant) int {
	return cmp.Or(
		cmp.Compare(a.Source.Kind, b.Source.Kind), a.Source.Group.Compare(b.Source.Group),
		a.Source.Policy.Compare(b.Source.Policy), cmp.Compare(a.Set, b.Set),
	)
}
