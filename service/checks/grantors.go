package checks

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Grantor is who could give a permission: a principal by its id or, for the zero
// id, what they are.
type Grantor struct {
	ID   typeid.ID
	Role RoleReference
}

// Granter is a principal who could give a permission, or a role in its place.
type Granter interface{ IsPrincipal() }

// RoleReference names what somebody is, in place of who they are.
type RoleReference struct {
	// ID is that of a manager that the viewer sees, else nil.
	ID   *typeid.ID
	Name string
	// Organization is where they are that.
	Organization records.Reference
}

// IsPrincipal marks that a role stands for principals.
func (*RoleReference) IsPrincipal() {}

// maxGrantors bounds how many are named beside the owner and the managers.
const maxGrantors = 20

// grantors returns who could give one of the sets in an organization: its owner,
// the groups, people and applications that may write policies there, and its
// managers. Groups without members could not.
func (s *Service) grantors(ctx context.Context, org records.Organization, sets []access.SetName) ([]Grantor, error) {
	switches, err := s.records.Switches(ctx, map[uuid.UUID]records.Organization{org.ID: org})
	if err != nil {
		return nil, err
	}
	w := &writers{viewer: access.ViewerFrom(ctx), org: org, switches: switches[org.ID], here: records.Refer(ctx, org.Line())}
	for _, add := range []func(context.Context, *writers) error{s.addOwner, s.addGroups, s.addBearers} {
		if err := add(ctx, w); err != nil {
			return nil, err
		}
	}
	for i := len(org.Above) - 1; i >= 0; i-- {
		if manager := org.Above[i]; canGiveFromAbove(manager.Kind, sets) {
			reference := records.Refer(ctx, org.Above[:i+1])
			w.addRole(RoleReference{ID: reference.ID, Name: reference.Name, Organization: reference})
		}
	}
	return w.list, nil
}

// canGiveFromAbove reports whether a manager of the kind could give one of the
// sets: a partner by a role of a group, by a built-in group or by a group's
// project, the platform also by a policy.
func canGiveFromAbove(kind orgtree.Kind, sets []access.SetName) bool {
	if kind == orgtree.Platform {
		return true
	}
	within := []access.SetName{access.ProjectMember}
	for _, role := range access.Roles() {
		within = append(within, access.SetName(role))
	}
	for _, builtin := range []access.Builtin{access.Administrators, access.Editors} {
		for _, rule := range builtin.Rules() {
			within = append(within, rule.Sets...)
		}
	}
	return slices.ContainsFunc(sets, func(set access.SetName) bool { return slices.Contains(within, set) })
}

// writers collects who may write policies in an organization.
type writers struct {
	viewer   access.Viewer
	org      records.Organization
	switches access.Switches
	// here is the organization as the viewer may see it.
	here records.Reference
	list []Grantor
}

func (w *writers) sees(p access.Permission) bool {
	return access.Check(w.viewer, p, w.org.Target()) == nil
}

// write returns the set by which grants let somebody write policies, whatever
// the circumstances.
func (w *writers) write(grants []access.Grant) (access.SetName, bool) {
	for _, g := range grants {
		rights := access.RightsOf([]access.Grant{g}, w.org.Kind, w.switches)
		if g.Condition == nil && rights.Organization.Has(access.PoliciesWrite) {
			return g.Set, true
		}
	}
	return "", false
}

// add adds a principal by its id if the viewer may know it, else by its role.
func (w *writers) add(id typeid.ID, known bool, role string) {
	if !known {
		w.addRole(RoleReference{Name: role, Organization: w.here})
		return
	}
	if len(w.list) <= maxGrantors && !slices.ContainsFunc(w.list, func(g Grantor) bool { return g.ID == id }) {
		w.list = append(w.list, Grantor{ID: id})
	}
}

// addRole adds a role, once unless it tells which organization it is of.
func (w *writers) addRole(role RoleReference) {
	if role.ID != nil || !slices.ContainsFunc(w.list, func(g Grantor) bool { return g.Role.ID == nil && g.Role.Name == role.Name }) {
		w.list = append(w.list, Grantor{Role: role})
	}
}

func (s *Service) addOwner(ctx context.Context, w *writers) error {
	row, err := s.db.Client().Membership.Query().Where(membership.OrganizationID(w.org.ID), membership.Owner(true)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil // A standalone organization may wait for its owner.
	}
	if err != nil {
		return fmt.Errorf("find owner: %w", err)
	}
	w.add(typeid.New(typeid.User, row.UserID), is(w.viewer, access.User, row.UserID) || w.sees(access.UsersRead), "owner")
	return nil
}

func (s *Service) addGroups(ctx context.Context, w *writers) error {
	rows, err := s.db.Client().Group.Query().
		Where(group.OrganizationID(w.org.ID), group.HasMembers()).
		Order(ent.Asc(group.FieldID)).
		WithGroupProjects().WithPolicies().
		All(ctx)
	if err != nil {
		return fmt.Errorf("load groups: %w", err)
	}
	for _, row := range rows {
		if set, ok := w.write(records.GroupOf(row).Grants(orgtree.ID(w.org.ID))); ok {
			w.add(typeid.New(typeid.Group, row.ID), seesGroup(w.viewer, w.org.Target(), orgtree.ID(row.ID)), string(set))
		}
	}
	return nil
}

// addBearers adds the people and applications that have a policy of their own.
func (s *Service) addBearers(ctx context.Context, w *writers) error {
	rows, err := s.db.Client().AccessPolicy.Query().
		Where(accesspolicy.OrganizationID(w.org.ID), accesspolicy.GroupIDIsNil(), accesspolicy.Or(accesspolicy.MembershipIDNotNil(), accesspolicy.ApplicationIDNotNil())).
		Order(ent.Asc(accesspolicy.FieldID)).
		WithMembership().
		All(ctx)
	if err != nil {
		return fmt.Errorf("load policies: %w", err)
	}
	for _, row := range rows {
		set, ok := w.write(access.Policy{ID: orgtree.ID(row.ID), Rules: row.Rules}.Grants(orgtree.ID(w.org.ID), orgtree.ID{}))
		switch bearer := row.Edges.Membership; {
		case !ok:
		case bearer != nil:
			w.add(typeid.New(typeid.User, bearer.UserID), is(w.viewer, access.User, bearer.UserID) || w.sees(access.UsersRead), string(set))
		default:
			id := *row.ApplicationID
			w.add(typeid.New(typeid.Application, id), is(w.viewer, access.Application, id) || w.sees(access.ApplicationsRead), string(set))
		}
	}
	return nil
}
