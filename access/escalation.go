package access

import (
	"github.com/headwater-platform/headwater/fault"
)

// Granting is a change that gives principals rights in an organization, or takes
// rights from them.
type Granting struct {
	// Rights are what is given or taken.
	Rights Rights
	// OwnHands says that the viewer would get hold of the rights: among those who
	// receive them are the viewer, an application whose key the viewer made, or
	// an account whose credentials the viewer set. It is false for rights that
	// are only taken.
	OwnHands bool
}

// CheckGranting is the rule against escalation: what is granted must be within
// the viewer's own rights in the target, as far as no condition limits them.
// Exempt are those who hold policies:write by being there, since they could
// write themselves any policy; the owner holds everything anyway. Exempt are
// also those who come in through the tree with groups:roles, so that a partner
// can make a customer's first administrators, but never where the grant comes
// into their own hands. exempt reports that this last exemption was used: the
// owner is to be told.
//
// It returns FORBIDDEN otherwise, and says nothing of the permission that the
// change itself needs.
func CheckGranting(v Viewer, g Granting, t Target) (exempt bool, err error) {
	p, missing := v.lacks(g.Rights, g.OwnHands, t)
	if !missing || v.writesPolicies(t) {
		return false, nil
	}
	if v.grantsThroughTree(t) && !g.OwnHands {
		return true, nil
	}
	return false, fault.New(fault.Forbidden, "this would grant the permission %s, which you do not hold", p)
}

// CheckMember returns nil if the viewer may act on a member of the target: lock,
// remove or change them. What the member was granted must be within the viewer's
// own rights. The exemptions are those of CheckGranting, but nobody is exempt
// where the member is the owner.
func CheckMember(v Viewer, member *Standing, t Target) error {
	if p, missing := v.lacks(member.Rights(), false, t); missing && (member.Owner || !v.writesPolicies(t) && !v.grantsThroughTree(t)) {
		return fault.New(fault.Forbidden, "this person holds the permission %s, which you do not hold", p)
	}
	return nil
}

// CheckTakeover returns nil if the viewer may set the credentials of a member of
// the target, which puts the member's rights into the viewer's hands: they must
// be within the viewer's own.
func CheckTakeover(v Viewer, member *Standing, t Target) error {
	if p, missing := v.lacks(member.Rights(), true, t); missing && (member.Owner || !v.writesPolicies(t)) {
		return fault.New(fault.Forbidden, "this person holds the permission %s, which you do not hold", p)
	}
	return nil
}

// lacks returns a permission of the rights that the viewer does not hold in the
// target without condition, or false if they hold everything. Whoever gets hold
// of policies:write there could then write themselves any policy, so that it is
// not enough to hold it through the tree.
func (v Viewer) lacks(rights Rights, ownHands bool, t Target) (Permission, bool) {
	if ownHands && rights.Organization.Has(PoliciesWrite) && !v.writesPolicies(t) {
		return PoliciesWrite, true
	}
	return v.rights(t, true).Lacks(rights)
}

// writesPolicies reports whether the viewer holds policies:write by being in the
// target.
func (v Viewer) writesPolicies(t Target) bool {
	s, ok := v.Standings[t.Path.Leaf()]
	return v.IsSystem() || ok && s.lasting.Organization.Has(PoliciesWrite)
}

// grantsThroughTree reports whether groups:roles flows down to the target for
// the viewer.
func (v Viewer) grantsThroughTree(t Target) bool {
	for _, id := range t.Path.Ancestors() {
		if s, ok := v.Standings[id]; ok && flowTo(s.lastingFlow, t.Kind).Has(GroupsRoles) {
			return true
		}
	}
	return false
}

// CheckPlacing returns nil if the viewer may put principals into a group or take
// them out at all: built-in groups need members:role, billing administrators
// billingadmin:assign, and all others groups:write. What the group gives is for
// CheckGranting.
func CheckPlacing(v Viewer, builtin Builtin, t Target) error {
	switch builtin {
	case Administrators, Editors:
		return Check(v, MembersRole, t)
	case BillingAdministrators:
		return Check(v, BillingAdminAssign, t)
	default:
		return Check(v, GroupsWrite, t)
	}
}
