package access

import (
	"slices"

	"github.com/headwater-platform/headwater/orgtree"
)

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

// Label returns the name that the group is made with.
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

// ownerPermissions returns what the owner of an organization of the kind has.
func ownerPermissions(kind orgtree.Kind) []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return !existsIn(p, kind) })
}

// existsIn reports whether a permission has a meaning in organizations of the
// kind: partner rights in partners and the platform, platform rights in the
// platform alone.
func existsIn(p Permission, kind orgtree.Kind) bool {
	switch p {
	case PlatformRead, PlatformWrite:
		return kind == orgtree.Platform
	case PartnerRead, PartnerCreate, PartnerUpdate, PartnerLock, PartnerMultiplier, PartnerLimits, UsageImport, UsageMap:
		return kind.CanManage()
	default:
		return true
	}
}

// rolePermissions returns what a group role gives in an organization of the
// kind.
func rolePermissions(role Role, kind orgtree.Kind) []Permission {
	switch role {
	case RoleAdmin:
		return slices.DeleteFunc(ownerPermissions(kind), func(p Permission) bool {
			switch p {
			case OrgReopen, OrgDeactivate, OrgDelete, OrgTransfer, BillingAdminAssign, PlanWrite:
				return true
			default:
				return false
			}
		})
	case RoleSettings:
		return []Permission{OrgRead, SettingsRead, SettingsWrite, SecurityWrite, QuotaRead, WebhooksWrite, AllocationsWrite}
	case RoleUsers:
		return []Permission{OrgRead, UsersRead, UsersWrite, UsersLock, MembersInvite, MembersRemove, GroupsRead}
	case RoleGroups:
		return []Permission{OrgRead, UsersRead, GroupsRead, GroupsWrite}
	}
	return nil
}

// builtinPermissions returns what a built-in group gives in its organization,
// with both member switches at their defaults: administrators manage billing
// and do not manage members.
func builtinPermissions(builtin Builtin) []Permission {
	switch builtin {
	case Administrators:
		return []Permission{
			OrgRead, SettingsRead, SettingsWrite, SecurityWrite, UsersRead, UsersWrite, MembersInvite,
			GroupsRead, GroupsWrite, ApplicationsRead, ApplicationsWrite, APIKeysRead, APIKeysWrite, PoliciesRead,
			ProjectsRead, ProjectsWrite, TicketsOpen, TicketsRead, TicketsWrite, AuditRead, QuotaRead, PlanRead,
			WebhooksWrite, AllocationsWrite, BillingRead, BillingWrite,
		}
	case Editors:
		return []Permission{OrgRead, QuotaRead, PlanRead, ProjectsRead, TicketsOpen}
	case BillingAdministrators:
		return []Permission{OrgRead, QuotaRead, PlanRead, BillingRead, BillingWrite, TicketsOpen}
	}
	return nil
}

// memberPermissions returns what every member has.
func memberPermissions() []Permission {
	return []Permission{OrgRead, QuotaRead, TicketsOpen}
}
