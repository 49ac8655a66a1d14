package access

import (
	"slices"

	"github.com/headwater-platform/headwater/orgtree"
)

// Explanation says why a permission is held in a target, or what is missing.
type Explanation struct {
	// Refusal is what Check returns; nil if the permission may be used.
	Refusal error
	// Grants are those that give the permission, also where the state of the
	// organization does not let it be used. Those of the target come first, then
	// those above it, nearest first.
	Grants []Lead
	// Sets are the permission sets that would give it, where no grant does: none
	// for what only ownership gives.
	Sets []SetName
	// Unmet are grants that would lead to it, or open the door for it, if their
	// condition held.
	Unmet []Lead
}

// Lead is a grant that leads to a permission.
type Lead struct {
	Grant
	// Through says that the right flows down from the organization of the
	// source.
	Through bool
}

// Explain returns why Check answers as it does. switches are those of the
// target.
func Explain(v Viewer, p Permission, t Target, switches Switches) Explanation {
	e := Explanation{Refusal: Check(v, p, t)}
	for i := len(t.Path) - 1; i >= 0; i-- {
		s, ok := v.Standings[t.Path[i]]
		if !ok {
			continue
		}
		if i == len(t.Path)-1 {
			e.Grants = append(e.Grants, s.leadsHere(p, t)...)
		} else {
			e.Grants = append(e.Grants, s.leadsBelow(p, t.Kind)...)
		}
	}
	if len(e.Grants) == 0 && e.Refusal != nil {
		e.Sets, e.Unmet = SetsWith(p, t.Kind, switches), v.unmet(p, t)
	}
	return e
}

// unmet returns the grants that would lead to a permission if their condition
// held, in the order of Explain.
func (v Viewer) unmet(p Permission, t Target) []Lead {
	var unmet []Lead
	for i := len(t.Path) - 1; i >= 0; i-- {
		s, ok := v.Standings[t.Path[i]]
		if !ok || !s.Conditional {
			continue
		}
		var leads []Lead
		if s = newStanding(s.Place, func(*Condition) bool { return true }); i == len(t.Path)-1 {
			leads = s.leadsHere(p, t)
		} else if leads = s.leadsBelow(p, t.Kind); len(leads) > 0 {
			leads = append(leads, s.leadsBelow(OrgRead, t.Kind)...) // the door
		}
		for _, lead := range leads {
			if !lead.Condition.Holds(v.Circumstances) && !slices.ContainsFunc(unmet, lead.same) {
				unmet = append(unmet, lead)
			}
		}
	}
	return unmet
}

// same reports whether another lead is by the same rule of the same source.
func (l Lead) same(other Lead) bool {
	return compareGrants(l.Grant, other.Grant) == 0 && l.Condition == other.Condition
}

// leadsHere returns the grants that give a permission in the standing's own
// organization.
func (s *Standing) leadsHere(p Permission, t Target) []Lead {
	var leads []Lead
	for _, g := range s.Grants {
		given := RightsOf([]Grant{g}, s.Kind, s.Switches)
		if given.has(bit(p), t.Project) && bit(p) != 0 {
			leads = append(leads, Lead{Grant: g})
		}
	}
	return leads
}

// leadsBelow returns the grants by which a permission flows down to
// organizations of the kind, or would if the standing's were not locked.
func (s *Standing) leadsBelow(p Permission, kind orgtree.Kind) []Lead {
	if !flowTo(s.held, kind).Has(p) {
		return nil
	}
	var leads []Lead
	for _, g := range s.Grants {
		if s.leads(g, p) {
			leads = append(leads, Lead{Grant: g, Through: true})
		}
	}
	return leads
}

// leads reports whether a permission that flows down does so because of the
// grant.
func (s *Standing) leads(g Grant, p Permission) bool {
	given := permissionsOf(g, s.Kind, s.Switches)
	if g.Scope.Kind != ScopeOrganization {
		return false
	}
	if s.Kind == orgtree.Platform {
		return given.Has(PlatformWrite) && catalogue.platformWrite.Has(p) || given.Has(PlatformRead) && catalogue.platformRead.Has(p)
	}
	switch {
	case catalogue.partnerFlow[withDoor].Has(p):
		return given.Has(PartnerRead)
	case catalogue.partnerFlow[byManager].Has(p):
		return manages(g)
	default:
		return given.Has(p)
	}
}
