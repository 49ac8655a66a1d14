package access

// Permission is one atomic right in an organization, written area:verb.
type Permission string

// The permissions. Those marked owner-only are in no permission set: only
// ownership gives them.
const (
	OrgRead       Permission = "org:read"
	OrgRename     Permission = "org:rename"
	OrgReopen     Permission = "org:reopen"     // owner-only, and of managers
	OrgDeactivate Permission = "org:deactivate" // owner-only
	OrgDelete     Permission = "org:delete"     // owner-only
	OrgTransfer   Permission = "org:transfer"   // owner-only

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
	BillingAdminAssign Permission = "billingadmin:assign" // owner-only

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
	PlanWrite          Permission = "plan:write" // owner-only, or by the set SupportPlanManager
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
)

// Permissions returns every permission, in the order of the catalogue.
func Permissions() []Permission {
	return []Permission{
		OrgRead, OrgRename, OrgReopen, OrgDeactivate, OrgDelete, OrgTransfer,
		SettingsRead, SettingsWrite, SecurityWrite, IdentityWrite,
		UsersRead, UsersWrite, UsersLock, MembersInvite, MembersRole, MembersRemove, BillingAdminAssign,
		GroupsRead, GroupsWrite, GroupsRoles,
		ApplicationsRead, ApplicationsWrite, APIKeysRead, APIKeysWrite, PoliciesRead, PoliciesWrite, ProjectsRead, ProjectsWrite,
		BillingRead, BillingWrite, AllocationsWrite, PlanRead, PlanWrite, TicketsOpen, TicketsRead, TicketsWrite, AuditRead, QuotaRead,
		WebhooksWrite, CloudAccountsRead, CloudAccountsWrite, UsageImport, UsageMap,
		PartnerRead, PartnerCreate, PartnerUpdate, PartnerLock, PartnerMultiplier, PartnerLimits,
		PlatformRead, PlatformWrite,
	}
}

func partnerPermissions() []Permission {
	return []Permission{PartnerRead, PartnerCreate, PartnerUpdate, PartnerLock, PartnerMultiplier, PartnerLimits}
}
