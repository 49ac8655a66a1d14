package groups

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
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// NewGroup is what createGroup is asked for.
type NewGroup struct {
	Organization uuid.UUID
	Name         string
	Description  string
	Roles        []access.Role
	// Projects are those that it reaches.
	Projects []uuid.UUID
	// Rank is nil for the last place.
	Rank *int
}

// Create makes a group. Needs groups:write, with roles also groups:roles and
// the right to grant them, with projects the right to grant what a member has in
// them, with a rank also settings:write.
func (s *Service) Create(ctx context.Context, n NewGroup) (*Group, error) {
	org, err := s.records.Check(ctx, access.GroupsWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := checkName(n.Name); err != nil {
		return nil, err
	}
	if err := checkDescription(n.Description); err != nil {
		return nil, err
	}
	projects, err := distinct(n.Projects)
	if err != nil {
		return nil, err
	}
	roles := inOrder(n.Roles)
	if len(roles) > 0 {
		if err := access.Check(viewer, access.GroupsRoles, org.Target()); err != nil {
			return nil, err
		}
	}
	if n.Rank != nil {
		if err := checkRank(viewer, *n.Rank, org); err != nil {
			return nil, err
		}
	}
	var row *ent.Group
	_, err = s.db.Write(ctx, database.Entry{Action: "createGroup", Organization: n.Organization}, func(ctx context.Context, tx *database.Tx) error {
		if err := records.CheckQuota(ctx, tx, org, records.QuotaGroups, 1); err != nil {
			return err
		}
		if err := checkProjects(ctx, tx, projects, org); err != nil {
			return err
		}
		err := records.CheckGranting(ctx, tx, org, records.Granting{
			Grants: access.Group{Roles: roles, Projects: keysOf(projects)}.Grants(orgtree.ID(org.ID)), Action: "createGroup", Subject: n.Name,
		})
		if err != nil {
			return err
		}
		rank, err := rankOf(ctx, tx, n)
		if err != nil {
			return err
		}
		row, err = tx.Group.Create().
			SetID(s.db.NewID()).SetOrganizationID(n.Organization).
			SetName(n.Name).SetNameKey(strings.ToLower(n.Name)).SetDescription(n.Description).
			SetRoles(roles).SetRank(rank).SetCreatedAt(s.db.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Group, ID: row.ID, Organization: n.Organization, After: row})
		return s.addProjects(ctx, tx, row, projects)
	})
	if err != nil {
		return nil, err
	}
	return wrap([]*ent.Group{row})[0], nil
}

// rankOf returns the asked rank, or one after all others.
func rankOf(ctx context.Context, tx *database.Tx, n NewGroup) (int, error) {
	if n.Rank != nil {
		return *n.Rank, nil
	}
	last, err := tx.Group.Query().Where(group.OrganizationID(n.Organization)).Order(ent.Desc(group.FieldRank)).First(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find last group: %w", err)
	}
	return min(last.Rank+1, maxRank), nil
}

// Update is what updateGroup is asked for; nil leaves a field as it is.
type Update struct {
	ID              uuid.UUID
	Name            *string
	Description     *string
	Rank            *int
	ExpectedVersion *int
}

// Update changes name, description or rank. Needs groups:write, for the rank
// settings:write. BUILTIN_IMMUTABLE for the name of a built-in group.
func (s *Service) Update(ctx context.Context, u Update) (*Group, error) {
	return s.change(ctx, "updateGroup", u.ID, u.ExpectedVersion, func(_ context.Context, tx *database.Tx, row *ent.Group, org records.Organization) (*ent.GroupUpdateOne, error) {
		set := row.Update()
		viewer := access.ViewerFrom(ctx)
		if u.Name != nil || u.Description != nil {
			if err := access.Check(viewer, access.GroupsWrite, org.Target()); err != nil {
				return nil, err
			}
		}
		if u.Name != nil {
			if row.Builtin != nil {
				return nil, builtinImmutable("a built-in group keeps its name")
			}
			if err := checkName(*u.Name); err != nil {
				return nil, err
			}
			set.SetName(*u.Name).SetNameKey(strings.ToLower(*u.Name))
		}
		if u.Description != nil {
			if err := checkDescription(*u.Description); err != nil {
				return nil, err
			}
			set.SetDescription(*u.Description)
		}
		if u.Rank != nil {
			if err := checkRank(viewer, *u.Rank, org); err != nil {
				return nil, err
			}
			set.SetRank(*u.Rank)
		}
		return set, nil
	})
}

// SetRoles replaces a group's roles. Needs groups:roles and the right to grant
// the old and the new ones.
func (s *Service) SetRoles(ctx context.Context, id uuid.UUID, roles []access.Role, expectedVersion *int) (*Group, error) {
	roles = inOrder(roles)
	return s.change(ctx, "setGroupRoles", id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.Group, org records.Organization) (*ent.GroupUpdateOne, error) {
		if row.Builtin != nil {
			return nil, builtinImmutable("a built-in group has no roles")
		}
		if err := access.Check(access.ViewerFrom(ctx), access.GroupsRoles, org.Target()); err != nil {
			return nil, err
		}
		err := records.CheckGranting(ctx, tx, org, records.Granting{
			Grants: access.Group{Roles: slices.Concat(roles, row.Roles)}.Grants(orgtree.ID(org.ID)),
			To:     records.Recipients{Groups: []uuid.UUID{row.ID}}, Action: "setGroupRoles", Subject: row.Name,
		})
		if err != nil {
			return nil, err
		}
		return row.Update().SetRoles(roles), nil
	})
}

// change locks a group's row, applies a change to it and journals it.
func (s *Service) change(ctx context.Context, action string, id uuid.UUID, expectedVersion *int, apply func(context.Context, *database.Tx, *ent.Group, records.Organization) (*ent.GroupUpdateOne, error)) (*Group, error) {
	before, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	var after *ent.Group
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: before.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, expectedVersion); err != nil {
			return err
		}
		set, err := apply(ctx, tx, row, org)
		if err != nil {
			return err
		}
		after, err = set.SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Group, ID: id, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.records.Renew(ctx); err != nil {
		return nil, err
	}
	return wrap([]*ent.Group{after})[0], nil
}

// Delete removes a group with its places, closes its settings and leaves its
// policies without a principal and its resources without a group. Needs what placing members needs.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	found, org, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if err := access.Check(viewer, access.GroupsWrite, org.Target()); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteGroup", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.Builtin != nil {
			return builtinImmutable("a built-in group cannot be deleted")
		}
		if err := checkGroup(ctx, tx, row, org, records.Recipients{}, "deleteGroup"); err != nil {
			return err
		}
		if err := s.closeSettings(ctx, tx, id); err != nil {
			return err
		}
		if err := records.OrphanPolicies(ctx, tx, records.Recipients{Groups: []uuid.UUID{id}}); err != nil {
			return err
		}
		if err := leaveProjects(ctx, tx, row); err != nil {
			return err
		}
		if err := roster.DropGroups(ctx, tx, row.OrganizationID, id); err != nil {
			return err
		}
		members, err := tx.GroupMember.Query().Where(groupmember.GroupID(id)).All(ctx)
		if err != nil {
			return fmt.Errorf("load group members: %w", err)
		}
		for _, member := range members {
			tx.Record(database.Change{Kind: typeid.GroupMember, ID: member.ID, Organization: row.OrganizationID, Before: member})
		}
		if err := tx.Group.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Group, ID: id, Organization: row.OrganizationID, Before: row})
		return nil
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}

// closeSettings ends the settings of a group that goes.
func (s *Service) closeSettings(ctx context.Context, tx *database.Tx, group uuid.UUID) error {
	live, err := tx.SettingDirective.Query().Where(settingdirective.ScopeID(group), settingdirective.ValidToIsNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("load group's settings: %w", err)
	}
	for _, row := range live {
		if _, err := tx.CloseDirective(ctx, row, s.db.Now()); err != nil {
			return err
		}
	}
	return nil
}

// find returns a group that the viewer can see and its organization.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Group, records.Organization, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, records.Organization{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	row, err := s.db.Client().Group.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("group")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get group: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if !isIn(ctx, row) {
		if err := access.Check(access.ViewerFrom(ctx), access.GroupsRead, org.Target()); err != nil {
			return nil, records.Organization{}, fault.Missing("group")
		}
	}
	return row, org, nil
}

func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Group, error) {
	query := tx.Group.Query().Where(group.ID(id))
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

func builtinImmutable(message string) error {
	return fault.New(fault.Conflict, "%s", message).Because(fault.BuiltinImmutable)
}

// namePattern is what a group's name looks like.
func namePattern() *regexp.Regexp {
	return regexp.MustCompile(`^[\p{L}\p{N}._-](?:[\p{L}\p{N} ._-]*[\p{L}\p{N}._-])?$`)
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > 64 || !namePattern().MatchString(name) {
		return fault.Invalidf("name", "a group's name has 1 to 64 letters, digits, spaces, ., _ and -, and no space at either end")
	}
	return nil
}

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > 200 {
		return fault.Invalidf("description", "a description has at most 200 characters")
	}
	return nil
}

const maxRank = 1_000_000

func checkRank(viewer access.Viewer, rank int, org records.Organization) error {
	if rank < 0 || rank > maxRank {
		return fault.Invalidf("rank", "a rank lies between 0 and %d", maxRank)
	}
	return access.Check(viewer, access.SettingsWrite, org.Target())
}

// checkGroup returns nil if the viewer may give, or take, all that a group gives.
func checkGroup(ctx context.Context, tx *database.Tx, row *ent.Group, org records.Organization, to records.Recipients, action string) error {
	group, err := records.LoadGroup(ctx, row)
	if err != nil {
		return err
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: group.Grants(orgtree.ID(org.ID)), To: to, Action: action, Subject: row.Name,
	})
}

// inOrder returns the roles sorted, each once.
func inOrder(roles []access.Role) []access.Role {
	sorted := slices.Clone(roles)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if sorted == nil {
		return []access.Role{}
	}
	return sorted
}
