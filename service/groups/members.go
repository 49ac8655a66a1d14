package groups

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// The actions on a group's members.
const (
	adding   = "addGroupMembers"
	removing = "removeGroupMembers"
)

// maxPrincipals bounds one change of a group's members.
const maxPrincipals = 1000

// AddMembers puts users and applications of the organization into a group;
// those that are in it stay. Needs groups:write and the right to grant what the
// group grants, for applications also applications:read. INVALID for a principal
// that is not of the organization.
func (s *Service) AddMembers(ctx context.Context, id uuid.UUID, principals []typeid.ID) (*Group, error) {
	return s.place(ctx, adding, id, principals, func(ctx context.Context, tx *database.Tx, row *ent.Group, found places) error {
		if len(found.missing) > 0 {
			return fault.Invalidf("principalIds", "%s is no user or application of the organization", found.missing[0])
		}
		for _, p := range found.members {
			if found.in[p.id] != nil {
				continue
			}
			create := tx.GroupMember.Create().
				SetID(s.db.NewID()).SetOrganizationID(row.OrganizationID).SetGroupID(id).SetCreatedAt(s.db.Now())
			if p.application {
				create.SetApplicationID(p.id)
			} else {
				create.SetMembershipID(p.id)
			}
			member, err := create.Save(ctx)
			if err != nil {
				return fmt.Errorf("add group member: %w", err)
			}
			tx.Record(database.Change{Kind: typeid.GroupMember, ID: member.ID, Organization: row.OrganizationID, After: member})
		}
		return nil
	})
}

// RemoveMembers takes users and applications out of a group; those that are not
// in it are passed over. Needs what AddMembers needs.
func (s *Service) RemoveMembers(ctx context.Context, id uuid.UUID, principals []typeid.ID) (*Group, error) {
	return s.place(ctx, removing, id, principals, func(ctx context.Context, tx *database.Tx, row *ent.Group, found places) error {
		if err := cancelTransfers(ctx, tx, row, found); err != nil {
			return err
		}
		for _, p := range found.members {
			member := found.in[p.id]
			if member == nil {
				continue
			}
			if err := tx.GroupMember.DeleteOne(member).Exec(ctx); err != nil {
				return fmt.Errorf("remove group member: %w", err)
			}
			tx.Record(database.Change{Kind: typeid.GroupMember, ID: member.ID, Organization: row.OrganizationID, Before: member})
		}
		return nil
	})
}

// cancelTransfers takes back the offer of an ownership to somebody who is an
// administrator no more.
func cancelTransfers(ctx context.Context, tx *database.Tx, row *ent.Group, found places) error {
	if builtinOf(row) != access.Administrators {
		return nil
	}
	var members []uuid.UUID
	for _, p := range found.members {
		if !p.application {
			members = append(members, p.id)
		}
	}
	return roster.CancelTransfersToMembers(ctx, tx, row.OrganizationID, members...)
}

func builtinOf(row *ent.Group) access.Builtin {
	if row.Builtin == nil {
		return ""
	}
	return *row.Builtin
}

// places are principals as a group can hold them.
type places struct {
	members []placed
	// missing are ids that name no principal of the organization.
	missing []typeid.ID
	// in are the rows of those who are in the group, by placed id.
	in map[uuid.UUID]*ent.GroupMember
}

// recipients returns who receives what the group gives: nobody where members
// are removed.
func (p places) recipients(action string) records.Recipients {
	var to records.Recipients
	if action == removing {
		return to
	}
	for _, member := range p.members {
		if member.application {
			to.Applications = append(to.Applications, member.id)
		} else {
			to.Memberships = append(to.Memberships, member.id)
		}
	}
	return to
}

// placed is a membership or an application.
type placed struct {
	id          uuid.UUID
	application bool
}

func (s *Service) place(ctx context.Context, action string, id uuid.UUID, principals []typeid.ID, apply func(context.Context, *database.Tx, *ent.Group, places) error) (*Group, error) {
	if len(principals) > maxPrincipals {
		return nil, fault.Invalidf("principalIds", "at most %d at a time", maxPrincipals)
	}
	row, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := access.Check(viewer, access.GroupsWrite, org.Target()); err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: row.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err = lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := access.CheckPlacing(viewer, builtinOf(row), org.Target()); err != nil {
			return err
		}
		found, err := resolve(ctx, tx, row, org, principals)
		if err != nil {
			return err
		}
		// What the locked row gives is what the change would grant or take.
		if err := checkGroup(ctx, tx, row, org, found.recipients(action), action); err != nil {
			return err
		}
		return apply(ctx, tx, row, found)
	})
	if err != nil {
		return nil, err
	}
	if err := s.records.Renew(ctx); err != nil {
		return nil, err
	}
	return wrap([]*ent.Group{row})[0], nil
}

// resolve finds the principals in the group's organization, in three statements
// whatever their number. Applications are missing for viewers who may not read
// them.
func resolve(ctx context.Context, tx *database.Tx, row *ent.Group, org records.Organization, principals []typeid.ID) (places, error) {
	var users, applications []uuid.UUID
	for _, p := range principals {
		switch p.Kind {
		case typeid.User:
			users = append(users, p.UUID)
		case typeid.Application:
			applications = append(applications, p.UUID)
		default:
			return places{}, fault.Invalidf("principalIds", "%s is neither a user nor an application", p)
		}
	}
	memberships, err := tx.Membership.Query().Where(membership.OrganizationID(row.OrganizationID), membership.UserIDIn(users...)).All(ctx)
	if err != nil {
		return places{}, fmt.Errorf("load memberships: %w", err)
	}
	if access.Check(access.ViewerFrom(ctx), access.ApplicationsRead, org.Target()) != nil {
		applications = nil
	}
	bots, err := tx.Application.Query().Where(application.OrganizationID(row.OrganizationID), application.IDIn(applications...)).All(ctx)
	if err != nil {
		return places{}, fmt.Errorf("load applications: %w", err)
	}
	known := map[typeid.ID]placed{}
	for _, m := range memberships {
		known[typeid.New(typeid.User, m.UserID)] = placed{id: m.ID}
	}
	for _, a := range bots {
		known[typeid.New(typeid.Application, a.ID)] = placed{id: a.ID, application: true}
	}
	found := places{in: map[uuid.UUID]*ent.GroupMember{}}
	for _, p := range principals {
		at, ok := known[p]
		if !ok {
			found.missing = append(found.missing, p)
		} else if !slices.Contains(found.members, at) {
			found.members = append(found.members, at)
		}
	}
	return found, present(ctx, tx, row, found)
}

// present fills in who is in the group.
func present(ctx context.Context, tx *database.Tx, row *ent.Group, found places) error {
	ids := make([]uuid.UUID, len(found.members))
	for i, p := range found.members {
		ids[i] = p.id
	}
	rows, err := tx.GroupMember.Query().
		Where(groupmember.GroupID(row.ID), groupmember.Or(groupmember.MembershipIDIn(ids...), groupmember.ApplicationIDIn(ids...))).
		All(ctx)
	if err != nil {
		return fmt.Errorf("load group members: %w", err)
	}
	for _, member := range rows {
		if member.MembershipID != nil {
			found.in[*member.MembershipID] = member
		} else {
			found.in[*member.ApplicationID] = member
		}
	}
	return nil
}
