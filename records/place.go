package records

import (
	"context"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/orgtree"
)

// PlaceOf returns what a member is and was given in the organization, without
// what the organization says. The row was read WithPlace.
func PlaceOf(row *ent.Membership) access.Place { return placeOf(row) }

// WithApplicationPlace loads what the place of an application is made of.
func WithApplicationPlace(query *ent.ApplicationQuery) *ent.ApplicationQuery {
	return query.WithPolicies().WithGroupMembers(withGroup)
}

// ApplicationPlaceOf returns what an application is and was given in its
// organization, as PlaceOf does. The row was read WithApplicationPlace.
func ApplicationPlaceOf(row *ent.Application) access.Place {
	return access.Place{
		Organization: orgtree.ID(row.OrganizationID),
		Groups:       groupsOf(row.Edges.GroupMembers), Policies: policiesOf(row.Edges.Policies),
	}
}

// Settle returns the places with what their organizations say: kind, state and
// switches.
func (s *Store) Settle(ctx context.Context, places []access.Place) ([]access.Place, error) {
	standings, err := s.standings(unscoped(ctx), places, access.Circumstances{})
	if err != nil {
		return nil, err
	}
	settled := make([]access.Place, len(places))
	for i, standing := range standings {
		settled[i] = standing.Place
	}
	return settled, nil
}
