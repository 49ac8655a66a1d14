package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
)

// GroupsToJoin returns the groups with these ids, each of the organization; else
// INVALID. Nobody but an owner appoints billing administrators, and built-in
// groups need members:role; other groups come with the new person.
func GroupsToJoin(ctx context.Context, tx *database.Tx, ids []uuid.UUID, org records.Organization) ([]*ent.Group, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	rows, err := tx.Group.Query().Where(group.IDIn(ids...), group.OrganizationID(org.ID)).Order(ent.Asc(group.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	if len(rows) != len(ids) {
		return nil, fault.Invalidf("groupIds", "one of these is no group of the organization")
	}
	for _, row := range rows {
		if row.Builtin == nil {
			continue
		}
		if err := access.CheckPlacing(access.ViewerFrom(ctx), *row.Builtin, org.Target()); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// BuiltinGroup returns the built-in group of an organization.
func BuiltinGroup(ctx context.Context, tx *database.Tx, organization uuid.UUID, builtin access.Builtin) (*ent.Group, error) {
	row, err := tx.Group.Query().Where(group.OrganizationID(organization), group.BuiltinEQ(builtin)).Only(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("find built-in group: %w", err)
	}
	return row, nil
}

// CheckPlacing returns nil if the viewer may give people what the groups give, or
// take it from them if there are no recipients. The owner is told of the action
// where somebody of a managing tier may.
func CheckPlacing(ctx context.Context, tx *database.Tx, groups []*ent.Group, to records.Recipients, org records.Organization, action string) error {
	var grants []access.Grant
	names := make([]string, len(groups))
	for i, row := range groups {
		group, err := records.LoadGroup(ctx, row)
		if err != nil {
			return err
		}
		grants, names[i] = append(grants, group.Grants(orgtree.ID(org.ID))...), row.Name
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: grants, To: to, Action: action, Subject: strings.Join(names, ", "),
	})
}
