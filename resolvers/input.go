package resolvers

import (
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/graph/model"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// valueOf returns what a pointer points at, or the zero value.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// optionalID returns the UUID of an id of the kind, nil for none, or INVALID.
func optionalID(field string, kind typeid.Kind, id *typeid.ID) (*uuid.UUID, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // an absent id is an answer
	}
	key, err := id.Expect(field, kind)
	if err != nil {
		return nil, err
	}
	return &key, nil
}

// given returns the elements of a list, none of which is null.
func given[T any](list []*T) []T {
	values := make([]T, len(list))
	for i, p := range list {
		values[i] = *p
	}
	return values
}

// idsOf returns the UUIDs of ids of the kind, or INVALID.
func idsOf(field string, kind typeid.Kind, ids []typeid.ID) ([]uuid.UUID, error) {
	keys := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		key, err := id.Expect(field, kind)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

func organizationWhere(where *model.OrganizationWhereInput) (organizations.Where, error) {
	if where == nil {
		return organizations.Where{}, nil
	}
	manager, err := optionalID("where.managedById", typeid.Organization, where.ManagedByID)
	return organizations.Where{
		NameContains: where.NameContains, Kind: where.Kind, Status: where.Status, ManagedBy: manager, MemberOf: where.MemberOf,
	}, err
}

func organizationOrder(order *model.OrganizationOrder) organizations.Order {
	if order == nil {
		return organizations.Order{}
	}
	return organizations.Order{
		ByName:     order.Field == model.OrganizationOrderFieldName,
		Descending: order.Direction == model.OrderDirectionDesc,
	}
}

// settingTarget returns the directive that an input names.
func settingTarget(scope typeid.ID, key string, side *waterfall.Side, placedBy *typeid.ID, expectedVersion *int, reason *string) (settings.Target, error) {
	manager, err := optionalID("placedById", typeid.Organization, placedBy)
	return settings.Target{
		ScopeID: scope, Key: key, Side: valueOf(side), PlacedBy: manager, ExpectedVersion: expectedVersion, Reason: valueOf(reason),
	}, err
}
