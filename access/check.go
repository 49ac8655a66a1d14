package access

import (
	"slices"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// Target is the organization that a right is asked for.
type Target struct {
	Path   orgtree.Path
	Kind   orgtree.Kind
	Status orgtree.Status
}

// permissionSet is a set of permissions.
type permissionSet map[Permission]struct{}

func newPermissionSet(permissions []Permission) permissionSet {
	set := make(permissionSet, len(permissions))
	set.add(permissions)
	return set
}

func (s permissionSet) add(permissions []Permission) {
	for _, p := range permissions {
		s[p] = struct{}{}
	}
}

func (s permissionSet) has(p Permission) bool {
	_, ok := s[p]
	return ok
}

// opensDoor reports whether the standing lets the viewer see below its
// organization.
func (s Standing) opensDoor() bool {
	switch s.Kind {
	case orgtree.Partner:
		return s.permissions().has(PartnerRead)
	case orgtree.Platform:
		return s.permissions().has(PlatformRead)
	default:
		return false
	}
}

// delegable returns the rights of a partner that flow down to the organizations
// it manages.
func delegable() []Permission {
	return []Permission{
		OrgRead, OrgRename, SettingsRead, SettingsWrite, SecurityWrite, IdentityWrite,
		UsersRead, UsersWrite, UsersLock, MembersInvite, MembersRole, MembersRemove,
		GroupsRead, GroupsWrite, GroupsRoles, ProjectsRead, QuotaRead, AuditRead,
		CloudAccountsRead, CloudAccountsWrite, WebhooksWrite, AllocationsWrite,
	}
}

// flowDown returns the rights that a standing in an organization gives in every
// organization below it. A partner's rights flow as far as they are delegable,
// and with the door come reading the organization and what it costs; partner
// rights hold for the whole subtree. The platform's rights are a fixed list:
// writing gives everything but the owner's transfer, reading gives every read.
func (s Standing) flowDown(target orgtree.Kind) permissionSet {
	if !s.opensDoor() {
		return nil
	}
	own := s.permissions()
	flow := permissionSet{}
	if s.Kind == orgtree.Platform {
		for _, p := range Permissions() {
			if platformGives(own, p, target) {
				flow[p] = struct{}{}
			}
		}
		return flow
	}
	flow.add([]Permission{OrgRead, QuotaRead, BillingRead})
	if s.Owner || slices.Contains(s.Roles, RoleAdmin) {
		flow.add([]Permission{OrgReopen}) // At home it is the owner's alone.
	}
	for _, p := range slices.Concat(delegable(), partnerPermissions()) {
		if own.has(p) {
			flow[p] = struct{}{}
		}
	}
	return flow
}

func platformGives(own permissionSet, p Permission, target orgtree.Kind) bool {
	switch p {
	case OrgTransfer, PlatformRead, PlatformWrite:
		return false
	case OrgRead, SettingsRead, UsersRead, GroupsRead, ApplicationsRead, APIKeysRead, PoliciesRead, ProjectsRead,
		BillingRead, PlanRead, TicketsRead, AuditRead, QuotaRead, CloudAccountsRead, PartnerRead:
		return true
	case UsageImport, UsageMap:
		return own.has(PlatformWrite) && target.CanManage()
	default:
		return own.has(PlatformWrite)
	}
}

// rights returns every right of the viewer in the target.
func (v Viewer) rights(t Target) permissionSet {
	if v.IsSystem() {
		return newPermissionSet(Permissions())
	}
	set := permissionSet{}
	for _, id := range t.Path {
		standing, ok := v.Standings[id]
		if !ok {
			continue
		}
		if id == t.Path.Leaf() {
			for p := range standing.permissions() {
				set[p] = struct{}{}
			}
			continue
		}
		for p := range standing.flowDown(t.Kind) {
			set[p] = struct{}{}
		}
	}
	return set
}

// Allowed returns what Check lets the viewer do in the target, in the order of
// the catalogue.
func (v Viewer) Allowed(t Target) []Permission {
	set := v.rights(t)
	allowed := make([]Permission, 0, len(set))
	for _, p := range Permissions() {
		if set.has(p) && checkStatus(v, p, t) == nil {
			allowed = append(allowed, p)
		}
	}
	return allowed
}

// Check returns nil if the viewer holds the permission in the target. It
// returns UNAUTHENTICATED for nobody, NOT_FOUND where the viewer cannot even
// read the organization, and FORBIDDEN otherwise.
func Check(v Viewer, p Permission, t Target) error {
	if v.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	if v.rights(t).has(p) {
		return checkStatus(v, p, t)
	}
	return refusal(v, p, t)
}

// CheckSelf returns nil if the viewer may change what is their own in the
// target, which takes no more than being there while it is in use.
func CheckSelf(v Viewer, t Target) error {
	if err := Check(v, OrgRead, t); err != nil {
		return err
	}
	return checkStatus(v, UsersWrite, t)
}

// refusal says no: as if the organization did not exist to those who cannot
// even read it.
func refusal(v Viewer, p Permission, t Target) error {
	if !v.rights(t).has(OrgRead) {
		return fault.Missing("organization")
	}
	return fault.New(fault.Forbidden, "this needs the permission %s", p)
}

// checkStatus refuses writes in organizations that are not in use. A locked
// organization's own people keep billing and tickets; whoever comes in through
// the tree keeps reading.
func checkStatus(v Viewer, p Permission, t Target) error {
	if v.IsSystem() || isRead(p) {
		return nil
	}
	_, member := v.Standings[t.Path.Leaf()]
	switch t.Status {
	case orgtree.Locked:
		if !member || (p != BillingWrite && p != TicketsOpen) {
			return fault.New(fault.OrganizationLocked, "the organization is locked")
		}
	case orgtree.Deactivated:
		if p != OrgReopen && p != TicketsOpen && p != BillingWrite {
			return fault.New(fault.OrganizationDeactivated, "the organization is deactivated")
		}
	case orgtree.Deleted:
		return fault.Missing("organization")
	case orgtree.Active, orgtree.PendingActivation:
	}
	return nil
}

// CheckThrough returns nil if the permission flows down to the target from an
// organization on its path or from above that one: the right to act there in
// that organization's name. It returns what Check returns otherwise.
func CheckThrough(v Viewer, p Permission, t Target, via orgtree.ID) error {
	if v.IsSystem() {
		return nil
	}
	above := Viewer{Kind: v.Kind, ID: v.ID, Standings: map[orgtree.ID]Standing{}}
	for _, id := range t.Path.Ancestors() {
		if standing, ok := v.Standings[id]; ok {
			above.Standings[id] = standing
		}
		if id == via {
			break
		}
	}
	if !above.rights(t).has(p) {
		return refusal(v, p, t)
	}
	return checkStatus(v, p, t)
}

func isRead(p Permission) bool {
	switch p {
	case OrgRead, SettingsRead, UsersRead, GroupsRead, ApplicationsRead, APIKeysRead, PoliciesRead, ProjectsRead,
		BillingRead, PlanRead, TicketsRead, AuditRead, QuotaRead, CloudAccountsRead, PartnerRead, PlatformRead:
		return true
	default:
		return false
	}
}

// CheckPlacing returns nil if the viewer may put principals into a group or take
// them out: built-in groups need members:role, billing administrators
// billingadmin:assign instead, and every group what CheckGrant asks.
func CheckPlacing(v Viewer, roles []Role, builtin *Builtin, t Target) error {
	if builtin == nil {
		return CheckGrant(v, roles, "", t)
	}
	needed := MembersRole
	if *builtin == BillingAdministrators {
		needed = BillingAdminAssign
	}
	if err := Check(v, needed, t); err != nil {
		return err
	}
	return CheckGrant(v, roles, *builtin, t)
}

// CheckGrant returns nil if the viewer may give the roles to a group in the
// target, or put a principal into a group that has them: what is granted must
// be within the viewer's own rights there. Holders of policies:write and tree
// viewers with groups:roles are exempt, because they could grant it anyway.
func CheckGrant(v Viewer, roles []Role, builtin Builtin, t Target) error {
	standing := Standing{Kind: t.Kind, Roles: roles}
	if builtin != "" {
		standing.Builtins = []Builtin{builtin}
	}
	if v.mayGrantAnything(t) {
		return nil
	}
	if p, missing := v.lacks(standing.granted(), t); missing {
		return fault.New(fault.Forbidden, "this would grant the permission %s, which you do not hold", p)
	}
	return nil
}

// CheckMember returns nil if the viewer may act on a member of the target who
// stands there so: what the member was granted must be within the viewer's own
// rights. The exemptions are those of CheckGrant, but nobody is exempt where the
// member is the owner.
func CheckMember(v Viewer, member Standing, t Target) error {
	if !member.Owner && v.mayGrantAnything(t) {
		return nil
	}
	if p, missing := v.lacks(member.granted(), t); missing {
		return fault.New(fault.Forbidden, "this person holds the permission %s, which you do not hold", p)
	}
	return nil
}

func (v Viewer) mayGrantAnything(t Target) bool {
	rights := v.rights(t)
	_, member := v.Standings[t.Path.Leaf()]
	return rights.has(PoliciesWrite) || (!member && rights.has(GroupsRoles))
}

// lacks returns the first of some permissions that the viewer does not hold in
// the target.
func (v Viewer) lacks(granted permissionSet, t Target) (Permission, bool) {
	rights := v.rights(t)
	for _, p := range Permissions() {
		if granted.has(p) && !rights.has(p) {
			return p, true
		}
	}
	return "", false
}
