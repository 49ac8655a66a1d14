package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// mappedGroups returns the groups of a provider's mapping that are there: those
// of its organization that people made.
func mappedGroups(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider) (map[uuid.UUID]*ent.Group, error) {
	var ids []uuid.UUID
	for _, m := range mappingsOf(provider) {
		ids = append(ids, m.GroupID.UUID)
	}
	rows, err := tx.Group.Query().Where(group.IDIn(ids...), group.OrganizationID(provider.OrganizationID), group.BuiltinIsNil()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load mapped groups: %w", err)
	}
	found := make(map[uuid.UUID]*ent.Group, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// regroup puts a member into the groups that the provider's word maps to, and
// takes them out of the others that are mapped. Groups that nothing maps to are
// left alone.
func regroup(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, member *ent.Membership, values []string) error {
	if provider.GroupClaim == "" || len(provider.GroupMapping) == 0 {
		return nil
	}
	groups, err := mappedGroups(ctx, tx, provider)
	if err != nil {
		return err
	}
	wanted := map[uuid.UUID]bool{}
	for _, m := range mappingsOf(provider) {
		if _, ok := groups[m.GroupID.UUID]; ok {
			wanted[m.GroupID.UUID] = wanted[m.GroupID.UUID] || slices.Contains(values, m.Value)
		}
	}
	mapped := make([]uuid.UUID, 0, len(wanted))
	for id := range wanted {
		mapped = append(mapped, id)
	}
	slices.SortFunc(mapped, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	places, err := tx.GroupMember.Query().Where(groupmember.MembershipID(member.ID), groupmember.GroupIDIn(mapped...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load places: %w", err)
	}
	for _, place := range places {
		if wanted[place.GroupID] {
			wanted[place.GroupID] = false // They are there already.
			continue
		}
		if err := tx.GroupMember.DeleteOne(place).Exec(ctx); err != nil {
			return fmt.Errorf("leave group: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: place.OrganizationID, Before: place})
	}
	joining := slices.DeleteFunc(mapped, func(id uuid.UUID) bool { return !wanted[id] })
	return roster.Place(ctx, tx, member, joining)
}
