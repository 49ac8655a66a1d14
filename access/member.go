package access

// MemberRole names what a member is by the built-in groups: a label for people,
// not a right of its own.
type MemberRole string

// The roles of members. MEMBER is to be in none of the built-in groups but,
// perhaps, that of the billing administrators.
const (
	AsAdministrator        MemberRole = "ADMINISTRATOR"
	AsEditor               MemberRole = "EDITOR"
	AsBillingAdministrator MemberRole = "BILLING_ADMINISTRATOR"
	AsMember               MemberRole = "MEMBER"
)

// Builtin returns the built-in group that makes a member of the role, or false
// for a plain member.
func (r MemberRole) Builtin() (Builtin, bool) {
	switch r {
	case AsAdministrator:
		return Administrators, true
	case AsEditor:
		return Editors, true
	case AsBillingAdministrator:
		return BillingAdministrators, true
	case AsMember:
	}
	return "", false
}

// Role returns the role that being in the group makes.
func (b Builtin) Role() MemberRole {
	switch b {
	case Administrators:
		return AsAdministrator
	case Editors:
		return AsEditor
	case BillingAdministrators:
		return AsBillingAdministrator
	}
	return AsMember
}
