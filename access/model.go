package access

import (
	"slices"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// This file is the whole model of rights: what permissions there are and where
// they have a meaning, which sets hold them, what a member has without any, what
// the built-in groups get, and what flows down the tree. Everything else in the
// package only reads it.

// The permissions.
const (
	OrgRead       Permission = "org:read"
	OrgRename     Permission = "org:rename"
	OrgReopen     Permission = "org:reopen"
	OrgDeactivate Permission = "org:deactivate"
	OrgDelete     Permission = "org:delete"
	OrgTransfer   Permission = "org:transfer"

	SettingsRead  Permission = "settings:read"
	SettingsWrite Permission = "settings:write"
	SecurityWrite Permission = "security:write"
	IdentityWrite Permission = "identity:write"

	UsersRead          Permission = "users:read"
	UsersWrite         Permission = "users:write"
	UsersLock          Permission = "users:lock"
	MembersInvite      Permission = "members:invite"
	MembersRole        Permission = "members:role"
	MembersRemove      Permission = "members:remove"
	BillingAdminAssign Permission = "billingadmin:assign"

	GroupsRead  Permission = "groups:read"
	GroupsWrite Permission = "groups:write"
	GroupsRoles Permission = "groups:roles"

	ApplicationsRead  Permission = "applications:read"
	ApplicationsWrite Permission = "applications:write"
	APIKeysRead       Permission = "apikeys:read"
	APIKeysWrite      Permission = "apikeys:write"
	PoliciesRead      Permission = "policies:read"
	PoliciesWrite     Permission = "policies:write"
	ProjectsRead      Permission = "projects:read"
	ProjectsWrite     Permission = "projects:write"

	BillingRead        Permission = "billing:read"
	BillingWrite       Permission = "billing:write"
	AllocationsWrite   Permission = "allocations:write"
	PlanRead           Permission = "plan:read"
	PlanWrite          Permission = "plan:write"
	TicketsOpen        Permission = "tickets:open"
	TicketsRead        Permission = "tickets:read"
	TicketsWrite       Permission = "tickets:write"
	AuditRead          Permission = "audit:read"
	QuotaRead          Permission = "quota:read"
	WebhooksWrite      Permission = "webhooks:write"
	CloudAccountsRead  Permission = "cloudaccounts:read"
	CloudAccountsWrite Permission = "cloudaccounts:write"
	UsageImport        Permission = "usage:import"
	UsageMap           Permission = "usage:map"

	PartnerRead       Permission = "partner:read"
	PartnerCreate     Permission = "partner:create"
	PartnerUpdate     Permission = "partner:update"
	PartnerLock       Permission = "partner:lock"
	PartnerMultiplier Permission = "partner:multiplier"
	PartnerLimits     Permission = "partner:limits"

	PlatformRead  Permission = "platform:read"
	PlatformWrite Permission = "platform:write"

	ResourcesRead    Permission = "resources:read"
	ResourcesWrite   Permission = "resources:write"
	SSHKeysRead      Permission = "sshkeys:read"
	SSHKeysWrite     Permission = "sshkeys:write"
	ProjectKeysWrite Permission = "projectkeys:write"
)

// meaning says where a permission has a meaning.
type meaning int

const (
	everywhere  meaning = iota // in every organization
	managers                   // in partners and the platform
	thePlatform                // in the platform alone
	aProject                   // in a project; nothing of it flows down the tree
)

// way says how a permission flows down from a partner to what it manages.
type way int

const (
	stays     way = iota // not at all: the never-list
	delegable            // for those who hold it in the partner
	withDoor             // for everybody who comes through the door
	byManager            // for the partner's owner and org:admin
)

// permissionRow is one permission of the model.
type permissionRow struct {
	Permission
	meaning   meaning
	read      bool
	ownerOnly bool // in no permission set: only ownership gives it
	partner   way  // how it flows down from a partner
	platform  bool // whether platform:write gives it below the root; reads come with platform:read
}

// permissionTable is the catalogue of permissions. The columns are those of
// permissionRow.
func permissionTable() []permissionRow {
	const read, owner, platform = true, true, true
	return []permissionRow{
		{OrgRead, everywhere, read, !owner, withDoor, platform},
		{OrgRename, everywhere, !read, !owner, delegable, platform},
		{OrgReopen, everywhere, !read, owner, byManager, platform},
		{OrgDeactivate, everywhere, !read, owner, stays, platform},
		{OrgDelete, everywhere, !read, owner, stays, platform},
		{OrgTransfer, everywhere, !read, owner, stays, !platform},

		{SettingsRead, everywhere, read, !owner, delegable, platform},
		{SettingsWrite, everywhere, !read, !owner, delegable, platform},
		{SecurityWrite, everywhere, !read, !owner, delegable, platform},
		{IdentityWrite, everywhere, !read, !owner, delegable, platform},

		{UsersRead, everywhere, read, !owner, delegable, platform},
		{UsersWrite, everywhere, !read, !owner, delegable, platform},
		{UsersLock, everywhere, !read, !owner, delegable, platform},
		{MembersInvite, everywhere, !read, !owner, delegable, platform},
		{MembersRole, everywhere, !read, !owner, delegable, platform},
		{MembersRemove, everywhere, !read, !owner, delegable, platform},
		{BillingAdminAssign, everywhere, !read, owner, stays, platform},

		{GroupsRead, everywhere, read, !owner, delegable, platform},
		{GroupsWrite, everywhere, !read, !owner, delegable, platform},
		{GroupsRoles, everywhere, !read, !owner, delegable, platform},

		{ApplicationsRead, everywhere, read, !owner, stays, platform},
		{ApplicationsWrite, everywhere, !read, !owner, stays, platform},
		{APIKeysRead, everywhere, read, !owner, stays, platform},
		{APIKeysWrite, everywhere, !read, !owner, stays, platform},
		{PoliciesRead, everywhere, read, !owner, stays, platform},
		{PoliciesWrite, everywhere, !read, !owner, stays, platform},
		{ProjectsRead, everywhere, read, !owner, delegable, platform}, // to choose a group's projects
		{ProjectsWrite, everywhere, !read, !owner, stays, platform},

		{BillingRead, everywhere, read, !owner, withDoor, platform},
		{BillingWrite, everywhere, !read, !owner, stays, platform},
		{AllocationsWrite, everywhere, !read, !owner, delegable, platform},
		{PlanRead, everywhere, read, !owner, stays, platform},
		{PlanWrite, everywhere, !read, !owner, stays, platform},
		{TicketsOpen, everywhere, !read, !owner, stays, !platform}, // a member's own
		{TicketsRead, everywhere, read, !owner, stays, platform},
		{TicketsWrite, everywhere, !read, !owner, stays, platform},
		{AuditRead, everywhere, read, !owner, delegable, platform},
		{QuotaRead, everywhere, read, !owner, withDoor, platform},
		{WebhooksWrite, everywhere, !read, !owner, delegable, platform},
		{CloudAccountsRead, everywhere, read, !owner, delegable, platform},
		{CloudAccountsWrite, everywhere, !read, !owner, delegable, platform},
		{UsageImport, managers, !read, !owner, stays, platform},
		{UsageMap, managers, !read, !owner, stays, platform},

		// What a partner does to the organizations that it manages is a right in
		// the partner, and holds below it whatever the kind there.
		{PartnerRead, managers, read, !owner, delegable, platform},
		{PartnerCreate, managers, !read, !owner, delegable, platform},
		{PartnerUpdate, managers, !read, !owner, delegable, platform},
		{PartnerLock, managers, !read, !owner, delegable, platform},
		{PartnerMultiplier, managers, !read, !owner, delegable, platform},
		{PartnerLimits, managers, !read, !owner, delegable, platform},

		{PlatformRead, thePlatform, read, !owner, stays, !platform},
		{PlatformWrite, thePlatform, !read, !owner, stays, !platform},

		{ResourcesRead, aProject, read, !owner, stays, !platform},
		{ResourcesWrite, aProject, !read, !owner, stays, !platform},
		{SSHKeysRead, aProject, read, !owner, stays, !platform},
		{SSHKeysWrite, aProject, !read, !owner, stays, !platform},
		{ProjectKeysWrite, aProject, !read, !owner, stays, !platform},
	}
}

// SetName names a permission set.
type SetName string

// Role is a permission set that a group gives to all of its members. Roles
// cannot be given to individual people.
type Role string

// The group roles.
const (
	RoleAdmin    Role = "org:admin"
	RoleSettings Role = "org:settings"
	RoleUsers    Role = "org:users"
	RoleGroups   Role = "org:groups"
)

// Roles returns every group role.
func Roles() []Role { return []Role{RoleAdmin, RoleSettings, RoleUsers, RoleGroups} }

// The permission sets of policies. The group roles are sets too.
const (
	OrganizationManager   SetName = "OrganizationManager"
	OrganizationReadOnly  SetName = "OrganizationReadOnly"
	IAMManager            SetName = "IAMManager"
	IAMReadOnly           SetName = "IAMReadOnly"
	ProjectManager        SetName = "ProjectManager"
	ProjectReadOnly       SetName = "ProjectReadOnly"
	BillingManager        SetName = "BillingManager"
	BillingReadOnly       SetName = "BillingReadOnly"
	SupportTicketManager  SetName = "SupportTicketManager"
	SupportTicketReadOnly SetName = "SupportTicketReadOnly"
	SupportPlanManager    SetName = "SupportPlanManager"
	AuditReadOnly         SetName = "AuditReadOnly"
	ResellerFullAccess    SetName = "ResellerFullAccess"
	ResellerReadOnly      SetName = "ResellerReadOnly"
	PlatformReadOnly      SetName = "PlatformReadOnly"
	AllProductsFullAccess SetName = "AllProductsFullAccess"
	AllProductsReadOnly   SetName = "AllProductsReadOnly"
	CredentialsFullAccess SetName = "CredentialsFullAccess"
	CredentialsReadOnly   SetName = "CredentialsReadOnly"
	ProjectMember         SetName = "ProjectMember"
)

// ScopeType says what a permission set can be given in.
type ScopeType string

// The types of scope.
const (
	OrganizationScope ScopeType = "ORGANIZATION"
	ProjectScope      ScopeType = "PROJECT"
)

// PermissionSet is an entry of the catalogue of sets.
type PermissionSet struct {
	Name        SetName
	Scope       ScopeType
	Description string
	// Permissions hold where they have a meaning; of OrganizationManager, those
	// that the organization's switches allow.
	Permissions Set

	meaning meaning // where the whole set has a meaning
}

// ExistsIn reports whether policies of organizations of the kind may name the
// set.
func (s PermissionSet) ExistsIn(kind orgtree.Kind) bool { return s.meaning.in(kind) }

// setTable is the catalogue of permission sets. of makes a set, and all is every
// permission of an organization that is not for owners alone.
func setTable(of func(...Permission) Set, all Set) []PermissionSet {
	const organization, project = OrganizationScope, ProjectScope
	partner := of(PartnerRead, PartnerCreate, PartnerUpdate, PartnerLock, PartnerMultiplier, PartnerLimits)
	projects := of(ProjectsRead, ProjectsWrite)
	billing := of(BillingRead, BillingWrite)
	tickets := of(TicketsOpen, TicketsRead, TicketsWrite)
	return []PermissionSet{
		{SetName(RoleAdmin), organization, "Everything but what belongs to the owner, the support plan and what is in projects. In a partner also its customers, in the platform also the platform.", all &^ of(PlanWrite), everywhere},
		{SetName(RoleSettings), organization, "Settings, webhooks and allocations.", of(OrgRead, SettingsRead, SettingsWrite, SecurityWrite, QuotaRead, WebhooksWrite, AllocationsWrite), everywhere},
		{SetName(RoleUsers), organization, "People: create, invite, lock and remove them.", of(OrgRead, UsersRead, UsersWrite, UsersLock, MembersInvite, MembersRemove, GroupsRead), everywhere},
		{SetName(RoleGroups), organization, "Groups and their members, without roles.", of(OrgRead, UsersRead, GroupsRead, GroupsWrite), everywhere},

		{OrganizationManager, organization, "Settings, people, groups, applications, projects and support; billing and the roles of members as the organization's settings say.", of(
			OrgRead, SettingsRead, SettingsWrite, SecurityWrite, UsersRead, UsersWrite, MembersInvite,
			GroupsRead, GroupsWrite, ApplicationsRead, ApplicationsWrite, APIKeysRead, APIKeysWrite, PoliciesRead,
			AuditRead, QuotaRead, PlanRead, WebhooksWrite, AllocationsWrite) | projects | tickets | billing | of(switchedMembers()...), everywhere},
		{OrganizationReadOnly, organization, "The organization, its quotas, support plan and projects, to read.", of(OrgRead, QuotaRead, PlanRead, ProjectsRead), everywhere},
		{IAMManager, organization, "People, groups, applications, API keys, policies and projects.", of(
			OrgRead, UsersRead, UsersWrite, UsersLock, MembersInvite, MembersRole, MembersRemove, GroupsRead, GroupsWrite,
			ApplicationsRead, ApplicationsWrite, APIKeysRead, APIKeysWrite, PoliciesRead, PoliciesWrite) | projects, everywhere},
		{IAMReadOnly, organization, "People, groups, applications, API keys, policies and projects, to read.", of(OrgRead, UsersRead, GroupsRead, ApplicationsRead, APIKeysRead, PoliciesRead, ProjectsRead), everywhere},
		{ProjectManager, organization, "Create, rename, list and delete projects.", of(OrgRead) | projects, everywhere},
		{ProjectReadOnly, organization, "List projects.", of(OrgRead, ProjectsRead), everywhere},
		{BillingManager, organization, "Bills, means of payment, budgets.", of(OrgRead, QuotaRead, PlanRead) | billing, everywhere},
		{BillingReadOnly, organization, "Bills, to read.", of(OrgRead, BillingRead), everywhere},
		{SupportTicketManager, organization, "All tickets.", of(OrgRead) | tickets, everywhere},
		{SupportTicketReadOnly, organization, "All tickets, to read.", of(OrgRead, TicketsRead), everywhere},
		{SupportPlanManager, organization, "The support plan.", of(OrgRead, PlanRead, PlanWrite), everywhere},
		{AuditReadOnly, organization, "The journal.", of(OrgRead, AuditRead), everywhere},
		{ResellerFullAccess, organization, "The organizations that a partner manages: create, edit, lock, price and limit them.", partner, managers},
		{ResellerReadOnly, organization, "The organizations that a partner manages, to read.", of(PartnerRead), managers},
		{PlatformReadOnly, organization, "Everything on the platform, to read.", of(PlatformRead), thePlatform},

		{AllProductsFullAccess, project, "Resources of the project.", of(ProjectsRead, ResourcesRead, ResourcesWrite), everywhere},
		{AllProductsReadOnly, project, "Resources of the project, to read.", of(ProjectsRead, ResourcesRead), everywhere},
		{CredentialsFullAccess, project, "SSH keys and API keys of the project.", of(ProjectsRead, SSHKeysRead, SSHKeysWrite, ProjectKeysWrite), everywhere},
		{CredentialsReadOnly, project, "SSH keys and API keys of the project, to read.", of(ProjectsRead, SSHKeysRead), everywhere},
		{ProjectMember, project, "Resources of the project, for members of its groups.", of(ProjectsRead, ResourcesRead, ResourcesWrite), everywhere},
	}
}

// Switches are the settings of an organization that say what the set
// OrganizationManager holds in it.
type Switches struct {
	ManageBilling bool // members.administrators_manage_billing
	ManageMembers bool // members.administrators_manage_members
}

// DefaultSwitches returns the switches as they are where nobody set them.
func DefaultSwitches() Switches { return Switches{ManageBilling: true} }

// switchedBilling is what the first switch takes from OrganizationManager.
func switchedBilling() []Permission { return []Permission{BillingRead, BillingWrite} }

// switchedMembers is what the second one gives it.
func switchedMembers() []Permission { return []Permission{UsersLock, MembersRole, MembersRemove} }

// memberPermissions is what every member has without any grant.
func memberPermissions() []Permission { return []Permission{OrgRead, QuotaRead, TicketsOpen} }

// Builtin names one of the groups that are made with every organization.
type Builtin string

// The built-in groups.
const (
	Administrators        Builtin = "ADMINISTRATORS"
	Editors               Builtin = "EDITORS"
	BillingAdministrators Builtin = "BILLING_ADMINISTRATORS"
)

// Values returns every built-in group, for the store's enum.
func (Builtin) Values() []string {
	return []string{string(Administrators), string(Editors), string(BillingAdministrators)}
}

// Builtins returns every built-in group, in the order of their ranks.
func Builtins() []Builtin { return []Builtin{Administrators, Editors, BillingAdministrators} }

// Label returns the name that the group and its policy are made with.
func (b Builtin) Label() string {
	switch b {
	case Administrators:
		return "Administrators"
	case Editors:
		return "Editors"
	case BillingAdministrators:
		return "Billing Administrators"
	}
	return string(b)
}

// Rules returns the rules that the managed policy of the group is made with.
func (b Builtin) Rules() []Rule {
	everyProject := Rule{Sets: []SetName{AllProductsFullAccess, CredentialsFullAccess}, Scope: InAllProjects()}
	switch b {
	case Administrators:
		return []Rule{{Sets: []SetName{OrganizationManager}, Scope: InOrganization()}, everyProject}
	case Editors:
		return []Rule{{Sets: []SetName{OrganizationReadOnly}, Scope: InOrganization()}, everyProject}
	case BillingAdministrators:
		return []Rule{{Sets: []SetName{BillingManager}, Scope: InOrganization()}}
	}
	return nil
}

// in reports whether something has a meaning in organizations of the kind.
func (m meaning) in(kind orgtree.Kind) bool {
	switch m {
	case managers:
		return kind.CanManage()
	case thePlatform:
		return kind == orgtree.Platform
	case everywhere, aProject:
		return true
	}
	return false
}

// model is the tables as sets, for the evaluator.
type model struct {
	permissions []permissionRow
	bits        map[Permission]Set
	sets        []PermissionSet
	byName      map[SetName]int

	all, reads, projects Set
	existing             map[orgtree.Kind]Set // what has a meaning in a kind
	partnerFlow          map[way]Set
	platformWrite        Set // what platform:write gives below the root
	platformRead         Set // what platform:read gives below the root

	overManaged Set // rights of a partner over what it manages

	member, billingSwitch, memberSwitch Set

	// What refusals say, made once: formatting takes longer than deciding.
	missingOrganization, missingProject, lockedAbove fault.Error
	forbidden                                        map[Permission]fault.Error
}

// catalogue is the model. It never changes.
var catalogue = newModel()

func newModel() *model {
	m := &model{
		permissions: permissionTable(), bits: map[Permission]Set{},
		existing: map[orgtree.Kind]Set{}, partnerFlow: map[way]Set{}, byName: map[SetName]int{},
	}
	var ownerOnly Set
	for i, row := range m.permissions {
		place := Set(1) << i
		m.bits[row.Permission] = place
		m.all |= place
		for _, kind := range []orgtree.Kind{orgtree.Platform, orgtree.Partner, orgtree.Standard} {
			if row.meaning.in(kind) {
				m.existing[kind] |= place
			}
		}
		m.partnerFlow[row.partner] |= place
		if row.read {
			m.reads |= place
		}
		if row.ownerOnly {
			ownerOnly |= place
		}
		if row.meaning == aProject {
			m.projects |= place
		}
		if row.platform {
			m.platformWrite |= place
			if row.read {
				m.platformRead |= place
			}
		}
	}
	m.sets = setTable(m.setOf, m.all&^ownerOnly&^m.projects)
	for i, set := range m.sets {
		m.byName[set.Name] = i
	}
	m.overManaged = m.setOf(PartnerRead, PartnerCreate, PartnerUpdate, PartnerLock, PartnerMultiplier, PartnerLimits)
	m.member = m.setOf(memberPermissions()...)
	m.billingSwitch, m.memberSwitch = m.setOf(switchedBilling()...), m.setOf(switchedMembers()...)
	m.missingOrganization, m.missingProject = *fault.Missing("organization"), *fault.Missing("project")
	m.lockedAbove = *fault.New(fault.OrganizationLocked, "the organization that manages it is locked")
	m.forbidden = make(map[Permission]fault.Error, len(m.permissions))
	for _, row := range m.permissions {
		m.forbidden[row.Permission] = *forbids(row.Permission)
	}
	return m
}

// forbids is FORBIDDEN for lack of a permission.
func forbids(p Permission) *fault.Error {
	return fault.New(fault.Forbidden, "this needs the permission %s", p)
}

func (m *model) setOf(permissions ...Permission) Set {
	var set Set
	for _, p := range permissions {
		set |= m.bits[p]
	}
	return set
}

// PermissionSets returns the catalogue of sets.
func PermissionSets() []PermissionSet { return slices.Clone(catalogue.sets) }

// LookupSet returns a set of the catalogue by its name.
func LookupSet(name SetName) (PermissionSet, bool) {
	i, ok := catalogue.byName[name]
	if !ok {
		return PermissionSet{}, false
	}
	return catalogue.sets[i], true
}

// SetsWith returns the names of the sets that hold a permission in
// organizations of the kind under the switches, in the order of the catalogue.
func SetsWith(p Permission, kind orgtree.Kind, switches Switches) []SetName {
	var names []SetName
	for _, set := range catalogue.sets {
		if expand(set.Name, kind, switches).Has(p) {
			names = append(names, set.Name)
		}
	}
	return names
}

// expand returns what a set holds in organizations of the kind under the
// switches.
func expand(name SetName, kind orgtree.Kind, switches Switches) Set {
	set, ok := LookupSet(name)
	if !ok || !set.ExistsIn(kind) {
		return 0
	}
	permissions := set.Permissions
	if name == OrganizationManager {
		if !switches.ManageBilling {
			permissions &^= catalogue.billingSwitch
		}
		if !switches.ManageMembers {
			permissions &^= catalogue.memberSwitch
		}
	}
	return permissions & catalogue.existing[kind]
}
