package records

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// record is what is in memory under one key: an organization or a principal.
type record struct {
	organization *organizationRecord
	principal    *principalRecord
}

// organizationRecord is what an organization itself says: nothing in it is
// inherited.
type organizationRecord struct {
	id uuid.UUID
	// parent is nil for the root.
	parent     uuid.UUID
	name, slug string
	kind       orgtree.Kind
	status     orgtree.Status
	directives []directiveRecord
	groups     map[uuid.UUID]access.Group
	// groupDirectives are those of its groups, by group.
	groupDirectives map[uuid.UUID][]directiveRecord
	// allowance has its own and its groups' allocations, and its own thresholds.
	allowance Allowance
	// units are what its own billing units are called.
	units UnitNames
	// path is what was last made of this record and those above it.
	path atomic.Pointer[path]
}

// directiveRecord is a live directive of an organization.
type directiveRecord struct {
	key       string
	directive waterfall.Directive
	// err is what is wrong with it. It concerns those who read the key.
	err error
	// length is that of the operation and the guard as they are stored.
	length int
}

// principalRecord is what was given to a user or an application.
type principalRecord struct {
	id     uuid.UUID
	kind   access.PrincipalKind
	name   string
	locked bool
	places []placeRecord
	// sessions are those that have not ended, by id.
	sessions map[uuid.UUID]sessionRecord
	// secondFactor and ownPassword are what organizations demand of people.
	secondFactor, ownPassword bool
	// viewer is what was last made of this record and the organizations of its
	// places.
	viewer atomic.Pointer[remembered]
}

// placeRecord is what a principal is and was given in one organization.
type placeRecord struct {
	organization uuid.UUID
	// membership is nil for an application.
	membership uuid.UUID
	owner      bool
	locked     bool
	graceUntil time.Time
	groups     []uuid.UUID
	policies   []access.Policy
}

// sessionRecord is one sign-in of a person.
type sessionRecord struct {
	method       access.SignInMethod
	at, end      time.Time
	secondFactor bool
	impersonator uuid.UUID
}

// touchedKeys returns the keys and aliases of the records that a change touches.
func touchedKeys(change database.Touched) []uuid.UUID {
	switch change.Kind {
	case typeid.Organization, typeid.User, typeid.Application:
		return []uuid.UUID{change.ID}
	case typeid.Session:
		return change.Named("user_id")
	case typeid.Membership:
		return append(change.Named("user_id"), change.ID)
	case typeid.GroupMember, typeid.APIKey:
		return append(change.Named("membership_id"), change.Named("application_id")...)
	case typeid.Allocation, typeid.Threshold, typeid.BillingUnit:
		return []uuid.UUID{change.Organization}
	case typeid.Group, typeid.GroupProject, typeid.Project: // What ends takes its edges along.
		return []uuid.UUID{change.Organization}
	case typeid.Policy:
		keys := append(change.Named("membership_id"), change.Named("application_id")...)
		if len(change.Named("group_id")) > 0 {
			keys = append(keys, change.Organization)
		}
		return keys
	case typeid.Directive:
		return []uuid.UUID{change.Organization} // Those of members are in no record, but few.
	default:
		return nil
	}
}

// Estimates of what things take in memory, in bytes, with what is made of them.
// BenchmarkMemory measures them.
const (
	sizeOfKept         = 200
	sizeOfOrganization = 1100
	sizeOfDirective    = 400
	sizeOfGroup        = 320
	sizeOfPrincipal    = 500
	sizeOfPlace        = 650
	sizeOfPolicy       = 200
	sizeOfRule         = 300
	sizeOfReference    = 40
	sizeOfSession      = 160
	sizeOfAllocation   = 500
	sizeOfThreshold    = 300
	sizeOfUnit         = 150
)

func (o *organizationRecord) size() int64 {
	size := sizeOfKept + sizeOfOrganization + len(o.name) + len(o.slug)
	for _, d := range o.directives {
		size += sizeOfDirective + 2*d.length
	}
	size += len(o.allowance.Allocations) * sizeOfAllocation
	size += len(o.allowance.Thresholds[o.id]) * sizeOfThreshold
	size += len(o.units) * sizeOfUnit
	for _, list := range o.groupDirectives {
		for _, d := range list {
			size += sizeOfDirective + 2*d.length
		}
	}
	for _, g := range o.groups {
		size += sizeOfGroup + len(g.Projects)*sizeOfReference + sizeOfPolicies(g.Policies)
	}
	return int64(size)
}

func (p *principalRecord) size() int64 {
	size := sizeOfKept + sizeOfPrincipal + len(p.name) + len(p.sessions)*sizeOfSession
	for _, place := range p.places {
		size += sizeOfPlace + len(place.groups)*(sizeOfReference+sizeOfGroup) + 2*sizeOfPolicies(place.policies)
	}
	return int64(size)
}

func sizeOfPolicies(policies []access.Policy) int {
	size := 0
	for _, policy := range policies {
		size += sizeOfPolicy
		for _, rule := range policy.Rules {
			size += sizeOfRule + (len(rule.Sets)+len(rule.Scope.Projects))*sizeOfReference
		}
	}
	return size
}
