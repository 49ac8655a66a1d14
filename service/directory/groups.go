package directory

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Group is a group of an organization as its directory sees it. Applications in it
// are none of the directory's.
type Group struct {
	database.DirectoryGroup
	// Members are nil where they were not asked for.
	Members []Place
}

// Groups returns a page of groups and how many there are, with their members if
// asked for. Needs groups:read, for the members also users:read.
func (s *Service) Groups(ctx context.Context, q Query, withMembers bool) ([]Group, int, error) {
	org, err := s.organization(ctx, access.GroupsRead)
	if err != nil {
		return nil, 0, err
	}
	var groups []Group
	var total int
	err = s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		groups, total, err = s.groups(ctx, tx, org, q, withMembers)
		return err
	})
	return groups, total, err
}

// Group returns one of the groups, or NOT_FOUND.
func (s *Service) Group(ctx context.Context, id uuid.UUID, withMembers bool) (*Group, error) {
	groups, _, err := s.Groups(ctx, only(id), withMembers)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, fault.Missing("group")
	}
	return &groups[0], nil
}

func only(id uuid.UUID) Query {
	return Query{Where: &Term{Column: database.DirectoryID, Comparison: database.DirectoryEqual, Value: id}, Limit: 1}
}

func (s *Service) groups(ctx context.Context, tx *database.Tx, org records.Organization, q Query, withMembers bool) ([]Group, int, error) {
	q.Organization, q.Now = org.ID, s.db.Now()
	rows, total, err := tx.DirectoryGroups(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	ids, groups, at := make([]uuid.UUID, len(rows)), make([]Group, len(rows)), make(map[uuid.UUID]int, len(rows))
	for i, row := range rows {
		ids[i], groups[i], at[row.ID] = row.ID, Group{DirectoryGroup: row}, i
	}
	if !withMembers || len(rows) == 0 || access.Check(access.ViewerFrom(ctx), access.UsersRead, org.Target()) != nil {
		return groups, total, nil //nolint:nilerr // who may not know the members is told of none
	}
	places, err := tx.GroupMember.Query().Where(groupmember.GroupIDIn(ids...), groupmember.MembershipIDNotNil()).
		WithMembership(func(q *ent.MembershipQuery) { q.WithUser() }).Order(ent.Asc(groupmember.FieldID)).All(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("load members of groups: %w", err)
	}
	for _, place := range places {
		if m := place.Edges.Membership; m != nil && m.Edges.User != nil {
			g := &groups[at[place.GroupID]]
			g.Members = append(g.Members, Place{ID: m.ID, Name: m.Edges.User.Name})
		}
	}
	return groups, total, nil
}

func (s *Service) groupIn(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID, withMembers bool) (*Group, error) {
	groups, _, err := s.groups(ctx, tx, org, only(id), withMembers)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, fault.Missing("group")
	}
	return &groups[0], nil
}

// NewGroup is a group to be.
type NewGroup struct {
	Name       string
	ExternalID string
	Members    []uuid.UUID
}

// CreateGroup makes a group without rights. Needs groups:write. CONFLICT with
// NAME_TAKEN for a name or an external id that another group has; INVALID for a
// member who is none of the organization.
func (s *Service) CreateGroup(ctx context.Context, n NewGroup) (*Group, error) {
	org, err := s.organization(ctx, access.GroupsWrite)
	if err != nil {
		return nil, err
	}
	if err := checkGroup(n.Name, n.ExternalID); err != nil {
		return nil, err
	}
	var made *Group
	_, err = s.db.Write(ctx, database.Entry{Action: "scimCreateGroup", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := createGroup(ctx, tx, org, n.Name, n.ExternalID, nil)
		if err != nil {
			return err
		}
		if err := s.place(ctx, tx, org, row, n.Members, nil); err != nil {
			return err
		}
		made, err = s.groupIn(ctx, tx, org, row.ID, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, s.records.Renew(ctx)
}

// createGroup makes a group at the end of the ranks.
func createGroup(ctx context.Context, tx *database.Tx, org records.Organization, name, externalID string, roles []access.Role) (*ent.Group, error) {
	if err := records.CheckQuota(ctx, tx, org, records.QuotaGroups, 1); err != nil {
		return nil, err
	}
	rank := 0
	last, err := tx.Group.Query().Where(group.OrganizationID(org.ID)).Order(ent.Desc(group.FieldRank)).First(ctx)
	switch {
	case err == nil:
		rank = last.Rank + 1
	case !ent.IsNotFound(err):
		return nil, fmt.Errorf("find last group: %w", err)
	}
	if roles == nil {
		roles = []access.Role{}
	}
	row, err := tx.Group.Create().
		SetID(tx.NewID()).SetOrganizationID(org.ID).SetName(name).SetNameKey(strings.ToLower(name)).SetDescription("").
		SetExternalID(externalID).SetRoles(roles).SetRank(rank).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create group: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: org.ID, After: row})
	return row, nil
}

// Step is a change of a group: of its name or external id where they are not nil,
// then of its members. Those of All replace everybody who is in it.
type Step struct {
	Name, ExternalID *string
	Add, Remove      []uuid.UUID
	All              *[]uuid.UUID
}

// batchRows is how many rows one statement writes at most.
const batchRows = 1000

// maxMembers bounds how many members one request names.
const maxMembers = 10_000

// ChangeGroup takes steps with a group, one after the other and all or none. Needs
// groups:write and the right to give what the group gives, for built-in groups what
// placing people in them needs. BUILTIN_IMMUTABLE for the name of one. INVALID for
// a member who is none of the organization. check may refuse what is there.
func (s *Service) ChangeGroup(ctx context.Context, id uuid.UUID, steps []Step, check func(*Group) error) (*Group, error) {
	org, err := s.organization(ctx, access.GroupsRead)
	if err != nil {
		return nil, err
	}
	var after *Group
	_, err = s.db.Write(ctx, database.Entry{Action: "scimUpdateGroup", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockGroup(ctx, tx, org, id)
		if err != nil {
			return err
		}
		before, err := s.groupIn(ctx, tx, org, id, false)
		if err != nil {
			return err
		}
		if err := check(before); err != nil {
			return err
		}
		for _, step := range steps {
			if row, err = s.takeStep(ctx, tx, org, row, step); err != nil {
				return err
			}
		}
		after, err = s.groupIn(ctx, tx, org, id, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	return after, s.records.Renew(ctx)
}

func (s *Service) takeStep(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Group, step Step) (*ent.Group, error) {
	row, err := renameGroup(ctx, tx, org, row, step)
	if err != nil {
		return nil, err
	}
	if step.All == nil && len(step.Add) == 0 && len(step.Remove) == 0 {
		return row, nil
	}
	add, remove := step.Add, step.Remove
	if step.All != nil {
		there, err := tx.GroupMember.Query().Where(groupmember.GroupID(row.ID), groupmember.MembershipIDNotNil()).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load members of group: %w", err)
		}
		wanted := make(map[uuid.UUID]bool, len(*step.All))
		for _, id := range *step.All {
			wanted[id] = true
		}
		invited, err := roster.LockInvitations(ctx, tx, invitation.OrganizationID(org.ID), invitation.StatusEQ(invitation.StatusPENDING), invitation.DirectoryKeyNEQ(""))
		if err != nil {
			return nil, err
		}
		for _, i := range invited {
			if !wanted[i.ID] {
				remove = append(remove, i.ID)
			}
		}
		for _, place := range there {
			if !wanted[*place.MembershipID] {
				remove = append(remove, *place.MembershipID)
			}
		}
		add = *step.All
	}
	return row, s.place(ctx, tx, org, row, add, remove)
}

// renameGroup writes the name and the external id of a group.
func renameGroup(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Group, step Step) (*ent.Group, error) {
	name, externalID := row.Name, row.ExternalID
	if step.Name != nil {
		name = *step.Name
	}
	if step.ExternalID != nil {
		externalID = *step.ExternalID
	}
	if name == row.Name && externalID == row.ExternalID {
		return row, nil
	}
	if err := access.Check(access.ViewerFrom(ctx), access.GroupsWrite, org.Target()); err != nil {
		return nil, err
	}
	if row.Builtin != nil {
		return nil, fault.New(fault.Conflict, "a built-in group keeps its name").Because(fault.BuiltinImmutable)
	}
	if err := checkGroup(name, externalID); err != nil {
		return nil, err
	}
	after, err := row.Update().SetName(name).SetNameKey(strings.ToLower(name)).SetExternalID(externalID).SetVersion(row.Version + 1).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("change group: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: org.ID, Before: row, After: after})
	return after, nil
}

// place puts members of the organization into a group, those that are in it
// already stay, and takes others out.
func (s *Service) place(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Group, add, remove []uuid.UUID) error {
	if len(add)+len(remove) > maxMembers {
		return fault.New(fault.LimitExceeded, "at most %d members change at a time", maxMembers)
	}
	there, err := tx.GroupMember.Query().Where(groupmember.GroupID(row.ID), groupmember.MembershipIDNotNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("load members of group: %w", err)
	}
	in := make(map[uuid.UUID]*ent.GroupMember, len(there))
	for _, member := range there {
		in[*member.MembershipID] = member
	}
	leaving, err := s.leaving(ctx, tx, org, row, remove)
	if err != nil {
		return err
	}
	remove = slices.DeleteFunc(slices.Clone(remove), func(id uuid.UUID) bool { return in[id] == nil })
	add = slices.DeleteFunc(slices.Clone(add), func(id uuid.UUID) bool { return in[id] != nil })
	if len(add)+len(remove)+len(leaving) == 0 {
		return nil
	}
	members, invited, err := known(ctx, tx, org, add)
	if err != nil {
		return err
	}
	builtin := access.Builtin("")
	if row.Builtin != nil {
		builtin = *row.Builtin
	}
	if err := access.CheckPlacing(access.ViewerFrom(ctx), builtin, org.Target()); err != nil {
		return err
	}
	if err := roster.CheckPlacing(ctx, tx, []*ent.Group{row}, records.Recipients{Memberships: members}, org, "scimUpdateGroup"); err != nil {
		return err
	}
	if err := putIn(ctx, tx, row, members, invited); err != nil {
		return err
	}
	if err := withdraw(ctx, tx, row, leaving); err != nil {
		return err
	}
	return takeOut(ctx, tx, row, in, remove)
}

// lockInvited locks those of the ids that are people whom the directory has invited.
func lockInvited(ctx context.Context, tx *database.Tx, org records.Organization, ids []uuid.UUID) ([]*ent.Invitation, error) {
	return roster.LockInvitations(ctx, tx, invitation.OrganizationID(org.ID), invitation.IDIn(ids...),
		invitation.StatusEQ(invitation.StatusPENDING), invitation.DirectoryKeyNEQ(""))
}

// leaving returns the invitations among the ids by which people would join a group.
func (s *Service) leaving(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Group, ids []uuid.UUID) ([]*ent.Invitation, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := lockInvited(ctx, tx, org, ids)
	return slices.DeleteFunc(rows, func(i *ent.Invitation) bool { return !slices.Contains(i.Groups, row.ID.String()) }), err
}

// withdraw takes a group out of invitations.
func withdraw(ctx context.Context, tx *database.Tx, row *ent.Group, rows []*ent.Invitation) error {
	for _, before := range rows {
		left := slices.DeleteFunc(slices.Clone(before.Groups), func(id string) bool { return id == row.ID.String() })
		after, err := tx.Invitation.UpdateOne(before).SetGroups(left).SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("take group out of invitation: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Invitation, ID: before.ID, Organization: row.OrganizationID, Before: before, After: after})
	}
	return nil
}

// known parts members of the organization from people who are invited to be. Both
// are returned once each; INVALID for anybody else.
func known(ctx context.Context, tx *database.Tx, org records.Organization, ids []uuid.UUID) (members []uuid.UUID, invited []*ent.Invitation, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	members, err = tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.IDIn(ids...)).Order(ent.Asc(membership.FieldID)).IDs(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("load members: %w", err)
	}
	invited, err = lockInvited(ctx, tx, org, ids)
	if err != nil {
		return nil, nil, err
	}
	found := make(map[uuid.UUID]bool, len(ids))
	for _, id := range members {
		found[id] = true
	}
	for _, row := range invited {
		found[row.ID] = true
	}
	for _, id := range ids {
		if !found[id] {
			return nil, nil, fault.Invalidf("members", "one of these is no user of the organization")
		}
	}
	return members, invited, nil
}

// putIn writes the places of members, and who is invited joins the group with the
// organization.
func putIn(ctx context.Context, tx *database.Tx, row *ent.Group, members []uuid.UUID, invited []*ent.Invitation) error {
	places := make([]roster.Placing, len(members))
	for i, id := range members {
		places[i] = roster.Placing{Member: id, Group: row.ID}
	}
	if err := roster.PlaceAll(ctx, tx, row.OrganizationID, places); err != nil {
		return err
	}
	for _, before := range invited {
		if slices.Contains(before.Groups, row.ID.String()) {
			continue
		}
		after, err := tx.Invitation.UpdateOne(before).SetGroups(append(slices.Clone(before.Groups), row.ID.String())).SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("add group to invitation: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Invitation, ID: before.ID, Organization: row.OrganizationID, Before: before, After: after})
	}
	return nil
}

func takeOut(ctx context.Context, tx *database.Tx, row *ent.Group, in map[uuid.UUID]*ent.GroupMember, remove []uuid.UUID) error {
	ids := make([]uuid.UUID, 0, len(remove))
	for _, id := range remove {
		if place := in[id]; place != nil {
			ids = append(ids, place.ID)
			tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: row.OrganizationID, Before: place})
			delete(in, id)
		}
	}
	for some := range slices.Chunk(ids, batchRows) {
		if _, err := tx.GroupMember.Delete().Where(groupmember.IDIn(some...)).Exec(ctx); err != nil {
			return fmt.Errorf("remove group members: %w", err)
		}
	}
	return nil
}

func lockGroup(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID) (*ent.Group, error) {
	query := tx.Group.Query().Where(group.ID(id), group.OrganizationID(org.ID))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("group")
	}
	if err != nil {
		return nil, fmt.Errorf("lock group: %w", err)
	}
	return row, nil
}

// groupName is what a group's name looks like.
func groupName() *regexp.Regexp {
	return regexp.MustCompile(`^[\p{L}\p{N}._-](?:[\p{L}\p{N} ._-]*[\p{L}\p{N}._-])?$`)
}

func checkGroup(name, externalID string) error {
	if utf8.RuneCountInString(name) > 64 || !groupName().MatchString(name) {
		return fault.Invalidf("displayName", "a group's name has 1 to 64 letters, digits, spaces, ., _ and -, and no space at either end")
	}
	if utf8.RuneCountInString(externalID) > maxExternalID {
		return fault.Invalidf("externalId", "an externalId has at most %d characters", maxExternalID)
	}
	return nil
}
