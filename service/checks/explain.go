package checks

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
)

// Explanation says why a permission is held, or what is missing.
type Explanation struct {
	Allowed bool
	// Reason is the code of the refusal, nil if the permission may be used.
	Reason *string
	// Grants are those that give the permission, also where the state of the
	// organization does not let it be used.
	Grants []*Grant
	// Missing is nil where a grant gives the permission.
	Missing *Missing
}

// Missing is a permission that no grant gives.
type Missing struct {
	Permission access.Permission
	// PermissionSets would give it; none where no set does.
	PermissionSets []string
	// Unmet are grants that would give it, or open the door for it, if their
	// condition held.
	Unmet []*Grant
	// Note says why no set does, nil where one does.
	Note *string
	// Grantors could give it.
	Grantors []Grantor
}

// Explain answers one check with its reasons. What Check takes it takes too,
// and it returns what Check returns; about the viewer it returns NOT_FOUND for
// what lies outside their tree or may not be seen by them.
func (s *Service) Explain(ctx context.Context, c Check) (*Explanation, error) {
	q, err := s.question(ctx, []Check{c}, func(int) string { return "check" })
	if err != nil {
		return nil, err
	}
	subject, target, err := q.resolve(0, c)
	if err != nil {
		return nil, err
	}
	org := q.organizations[uuid.UUID(target.Path.Leaf())]
	switches, err := s.records.Switches(ctx, map[uuid.UUID]records.Organization{org.ID: org})
	if err != nil {
		return nil, err
	}
	why := access.Explain(subject, c.Permission, target, switches[org.ID])
	e := &Explanation{Allowed: why.Refusal == nil}
	if code := fault.CodeOf(why.Refusal); code != "" {
		if q.isOwn(c) && code == fault.NotFound {
			return nil, about(fault.Missing("resource"), "check.resourceId")
		}
		reason := string(code)
		e.Reason = &reason
	}
	if e.Grants, err = s.leadsTo(ctx, org, why.Grants); err != nil {
		return nil, err
	}
	if why.Refusal == nil || len(why.Grants) > 0 {
		return e, nil
	}
	if e.Missing, err = s.missing(ctx, c.Permission, org, why.Sets); err != nil {
		return nil, err
	}
	e.Missing.Unmet, err = s.leadsTo(ctx, org, why.Unmet)
	return e, err
}

// leadsTo shows grants that lead to a permission in an organization: from it and
// from those above.
func (s *Service) leadsTo(ctx context.Context, org records.Organization, grants []access.Lead) ([]*Grant, error) {
	line, path := org.Line(), org.Path()
	above := make([]uuid.UUID, len(org.Above))
	for i, a := range org.Above {
		above[i] = a.ID
	}
	organizations, err := s.records.Organizations(ctx, append(above, org.ID))
	if err != nil {
		return nil, err
	}
	leads := make([]located, len(grants))
	for i, lead := range grants {
		at := slices.Index(path, lead.Source.Organization)
		leads[i] = located{lead, line[:at+1], organizations[uuid.UUID(path[at])].Target()}
	}
	return s.show(ctx, leads)
}

// missing says what would give a permission in an organization, and who could
// see to it.
func (s *Service) missing(ctx context.Context, p access.Permission, org records.Organization, sets []access.SetName) (*Missing, error) {
	m := &Missing{Permission: p, PermissionSets: make([]string, len(sets)), Grantors: []Grantor{}}
	if len(sets) == 0 {
		note := noteOn(p, org.Kind)
		m.Note = &note
		return m, nil
	}
	for i, set := range sets {
		m.PermissionSets[i] = string(set)
	}
	var err error
	m.Grantors, err = s.grantors(ctx, org, sets)
	return m, err
}

// noteOn says why no set gives a permission in organizations of the kind.
func noteOn(p access.Permission, kind orgtree.Kind) string {
	every := access.Switches{ManageBilling: true, ManageMembers: true}
	switch {
	case len(access.SetsWith(p, orgtree.Platform, every)) == 0:
		return "Only ownership gives this. It is transferred, not granted."
	case len(access.SetsWith(p, orgtree.Partner, every)) == 0:
		return "This has a meaning in the platform's own organization only."
	case kind == orgtree.Standard:
		return "This is a right of those who manage the organization. It is given in theirs."
	default:
		return "No permission set gives this here."
	}
}
