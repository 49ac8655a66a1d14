package access

import (
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// Target is the organization, or the project in it, that a right is asked for.
type Target struct {
	Path   orgtree.Path
	Kind   orgtree.Kind
	Status orgtree.Status
	// Project is zero for the organization itself.
	Project orgtree.ID
}

// In returns the target of a project of the organization.
func (t Target) In(project orgtree.ID) Target {
	t.Project = project
	return t
}

// Check returns nil if the viewer holds the permission in the target. It
// returns UNAUTHENTICATED for nobody, NOT_FOUND where the viewer cannot even
// read the organization or the project, ORGANIZATION_LOCKED, also for a right
// that flows down from a locked one, ORGANIZATION_DEACTIVATED and CONFLICT with NOT_ACTIVATED where that is all
// that stands in the way, and FORBIDDEN otherwise.
func Check(v Viewer, p Permission, t Target) error {
	if v.IsSystem() {
		return nil
	}
	if v.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	here, through := v.holds(p, t)
	if !here && !through {
		return refusal(v, p, t)
	}
	return checkStatus(v, p, t, here, through)
}

// holds reports whether the viewer was given the permission in the target by
// being there, and whether it flows down to it.
func (v Viewer) holds(p Permission, t Target) (here, through bool) {
	want := bit(p)
	if want == 0 {
		return false, false
	}
	last := len(t.Path) - 1
	for i, id := range t.Path {
		s, ok := v.Standings[id]
		switch {
		case !ok:
		case i == last:
			here = s.rights.has(want, t.Project)
		case flowTo(s.flow, t.Kind)&want != 0:
			through = true
		}
	}
	return here, through
}

// flowTo returns what of a flow has a meaning in organizations of the kind.
// Rights of a partner over what it manages hold whatever the kind.
func flowTo(flow Set, kind orgtree.Kind) Set {
	return flow & (catalogue.existing[kind] | catalogue.overManaged)
}

// rights returns every right of the viewer in the target; lasting, only those
// that no condition limits.
func (v Viewer) rights(t Target, lasting bool) Rights {
	if v.IsSystem() {
		return Rights{Organization: catalogue.all, AllProjects: catalogue.all}
	}
	var r Rights
	for i, id := range t.Path {
		s, ok := v.Standings[id]
		if !ok {
			continue
		}
		own, flow := s.rights, s.flow
		if lasting {
			own, flow = s.lasting, s.lastingFlow
		}
		if i == len(t.Path)-1 {
			r.Add(own)
		} else {
			r.Organization |= flowTo(flow, t.Kind)
		}
	}
	return r
}

// Allowed returns what Check lets the viewer do in the target, in the order of
// the catalogue.
func (v Viewer) Allowed(t Target) []Permission {
	r := v.rights(t, false)
	held := r.Organization | r.AllProjects
	if !t.Project.IsZero() {
		held |= r.Projects[t.Project]
	}
	allowed := []Permission{}
	for _, p := range held.List() {
		if Check(v, p, t) == nil {
			allowed = append(allowed, p)
		}
	}
	return allowed
}

// CheckSelf returns nil if the viewer may change what is their own in the
// target, which takes no more than being there while it is in use. It returns
// FORBIDDEN for those who only come in through the tree.
func CheckSelf(v Viewer, t Target) error {
	if err := Check(v, OrgRead, t); err != nil {
		return err
	}
	if _, here := v.Standings[t.Path.Leaf()]; !here && !v.IsSystem() {
		return fault.New(fault.Forbidden, "only those who are in the organization have something of their own there")
	}
	return checkStatus(v, UsersWrite, t, true, false)
}

// refusal says no: as if the organization or project did not exist to those who
// cannot even read it.
func refusal(v Viewer, p Permission, t Target) error {
	if here, through := v.holds(OrgRead, t); !usable(v, OrgRead, t.Status, here, through) {
		return again(catalogue.missingOrganization)
	}
	if !t.Project.IsZero() {
		if here, through := v.holds(ProjectsRead, t); !here && !through {
			return again(catalogue.missingProject)
		}
	}
	if v.withheld(p, t) {
		if !allowedThrough(p, t.Status) {
			return t.Status.Refusal()
		}
		return again(catalogue.lockedAbove)
	}
	if forbidden, known := catalogue.forbidden[p]; known {
		return again(forbidden)
	}
	return forbids(p)
}

// withheld reports whether a permission would flow down to the target if the
// organization from which it flows were not locked.
func (v Viewer) withheld(p Permission, t Target) bool {
	for _, id := range t.Path.Ancestors() {
		if s, ok := v.Standings[id]; ok && flowTo(s.held&^s.flow, t.Kind).Has(p) {
			return true
		}
	}
	return false
}

// again returns a refusal of its own for each caller, who may add to it.
func again(refusal fault.Error) *fault.Error { return &refusal }

// checkStatus refuses what the state of the organization does not allow.
// Whoever holds a right in two ways may take the better one.
func checkStatus(v Viewer, p Permission, t Target, here, through bool) error {
	if v.IsSystem() || usable(v, p, t.Status, here, through) {
		return nil
	}
	return t.Status.Refusal()
}

// usable reports whether a right that is held here, or flows down, may be used
// in the organization's state.
func usable(v Viewer, p Permission, status orgtree.Status, here, through bool) bool {
	return here && allowedHere(v, p, status) || through && allowedThrough(p, status)
}

// allowedHere reports whether an organization's own people may use a right in
// its state. Before its activation they read, name it and open tickets; locked,
// they read, pay, open tickets and deactivate it; deactivated, they reopen it,
// and API keys only read; deleted, it is gone.
func allowedHere(v Viewer, p Permission, status orgtree.Status) bool {
	switch status {
	case orgtree.PendingActivation:
		return p.IsRead() || p == OrgRename || p == TicketsOpen
	case orgtree.Locked:
		return p.IsRead() || p == BillingWrite || p == TicketsOpen || p == OrgDeactivate
	case orgtree.Deactivated:
		if !v.Key.IsZero() {
			return p.IsRead()
		}
		return p.IsRead() || p == BillingWrite || p == TicketsOpen || p == OrgReopen
	case orgtree.Deleted:
		return false
	case orgtree.Active:
	}
	return true
}

// allowedThrough reports whether whoever comes in through the tree may use a
// right in the organization's state. Before its activation they read and name
// it; locked, they read, unlock and deactivate it; deactivated, they see it and
// reopen it; of a deleted one they see the tombstone and what it owed.
func allowedThrough(p Permission, status orgtree.Status) bool {
	switch status {
	case orgtree.PendingActivation:
		return p.IsRead() || p == OrgRename
	case orgtree.Locked:
		return p.IsRead() || p == PartnerLock || p == OrgDeactivate
	case orgtree.Deactivated:
		return p == OrgRead || p == PartnerRead || p == OrgReopen
	case orgtree.Deleted:
		return p == OrgRead || p == PartnerRead || p == BillingRead || p == AuditRead
	case orgtree.Active:
	}
	return true
}

// above returns the viewer with nothing but the standings above the target,
// from via upwards, or all of them for the zero via.
func (v Viewer) above(t Target, via orgtree.ID) Viewer {
	standings := make(map[orgtree.ID]*Standing, len(t.Path))
	for _, id := range t.Path.Ancestors() {
		if s, ok := v.Standings[id]; ok {
			standings[id] = s
		}
		if id == via {
			break
		}
	}
	v.Standings = standings
	return v
}

// CheckThrough returns nil if the permission flows down to the target from an
// organization on its path or from above that one: the right to act there in
// that organization's name. It returns what Check returns otherwise.
func CheckThrough(v Viewer, p Permission, t Target, via orgtree.ID) error {
	if v.IsSystem() {
		return nil
	}
	if _, through := v.above(t, via).holds(p, t); !through {
		return refusal(v, p, t)
	}
	return checkStatus(v, p, t, false, true)
}
