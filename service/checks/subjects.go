package checks

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// subject is a principal that somebody else asks about, with those of its places
// that the asker may know of.
type subject struct {
	kind   access.PrincipalKind
	id     uuid.UUID
	places []access.Place
}

// viewer returns the subject as it would ask under the circumstances.
func (s *subject) viewer(at access.Circumstances) access.Viewer {
	viewer := access.Viewer{
		Kind: s.kind, ID: orgtree.ID(s.id), Circumstances: at,
		Standings: make(map[orgtree.ID]*access.Standing, len(s.places)),
	}
	for _, place := range s.places {
		viewer.Standings[place.Organization] = access.NewStanding(place, at)
	}
	return viewer
}

// claim is a place that a principal may have: it counts if the asker holds read
// where it is.
type claim struct {
	principal typeid.ID
	place     access.Place
	read      access.Permission
	// void places make the principal visible and give nothing.
	void bool
}

// subjectsOf returns the principals of the checks that the viewer can see, but
// for the viewer. It returns INVALID for an id that is no principal's.
func (s *Service) subjectsOf(ctx context.Context, q *question, checks []Check) (map[typeid.ID]*subject, error) {
	ids := map[typeid.Kind][]uuid.UUID{}
	for i, c := range checks {
		if q.isOwn(c) {
			continue
		}
		switch kind := c.Principal.Kind; kind {
		case typeid.User, typeid.Application, typeid.Group:
			ids[kind] = append(ids[kind], c.Principal.UUID)
		default:
			return nil, fault.Invalidf(q.field(i)+".principalId", "%q is neither a user, an application nor a group", c.Principal)
		}
	}
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // nobody is asked about
	}
	var claims []claim
	for kind, find := range map[typeid.Kind]func(context.Context, []uuid.UUID) ([]claim, error){
		typeid.User: s.claimsOfUsers, typeid.Application: s.claimsOfApplications, typeid.Group: s.claimsOfGroups,
	} {
		if len(ids[kind]) == 0 {
			continue
		}
		found, err := find(ctx, ids[kind])
		if err != nil {
			return nil, err
		}
		claims = append(claims, found...)
	}
	return s.grantClaims(ctx, q.viewer, claims)
}

// grantClaims keeps the claims that the viewer may know of, by principal.
func (s *Service) grantClaims(ctx context.Context, viewer access.Viewer, claims []claim) (map[typeid.ID]*subject, error) {
	places, homes := make([]access.Place, len(claims)), make([]uuid.UUID, len(claims))
	for i, c := range claims {
		places[i], homes[i] = c.place, uuid.UUID(c.place.Organization)
	}
	places, err := s.records.Settle(ctx, places)
	if err != nil {
		return nil, err
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	subjects := map[typeid.ID]*subject{}
	for i, c := range claims {
		org, ok := organizations[homes[i]]
		if !ok || access.Check(viewer, c.read, org.Target()) != nil {
			continue
		}
		found := subjects[c.principal]
		if found == nil {
			found = &subject{kind: access.User, id: c.principal.UUID}
			if c.principal.Kind != typeid.User {
				found.kind = access.Application
			}
			subjects[c.principal] = found
		}
		if !c.void && places[i].Status != orgtree.Deleted {
			found.places = append(found.places, places[i])
		}
	}
	return subjects, nil
}

// claimsOfUsers returns the memberships of people within the viewer's reach. A
// locked one gives nothing, nor does any of a locked account.
func (s *Service) claimsOfUsers(ctx context.Context, ids []uuid.UUID) ([]claim, error) {
	rows, err := records.WithPlace(s.db.Client().Membership.Query().Where(membership.UserIDIn(ids...))).WithUser().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load memberships: %w", err)
	}
	claims := make([]claim, len(rows))
	for i, row := range rows {
		claims[i] = claim{
			principal: typeid.New(typeid.User, row.UserID), place: records.PlaceOf(row), read: access.UsersRead,
			void: row.Locked || row.Edges.User.Status == user.StatusLOCKED,
		}
	}
	return claims, nil
}

func (s *Service) claimsOfApplications(ctx context.Context, ids []uuid.UUID) ([]claim, error) {
	rows, err := records.WithApplicationPlace(s.db.Client().Application.Query().Where(application.IDIn(ids...))).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load applications: %w", err)
	}
	claims := make([]claim, len(rows))
	for i, row := range rows {
		claims[i] = claim{principal: typeid.New(typeid.Application, row.ID), place: records.ApplicationPlaceOf(row), read: access.ApplicationsRead}
	}
	return claims, nil
}

// claimsOfGroups returns what somebody is who is in a group and was given
// nothing else.
func (s *Service) claimsOfGroups(ctx context.Context, ids []uuid.UUID) ([]claim, error) {
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).WithGroupProjects().WithPolicies().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	claims := make([]claim, len(rows))
	for i, row := range rows {
		place := access.Place{Organization: orgtree.ID(row.OrganizationID), Groups: []access.Group{records.GroupOf(row)}}
		claims[i] = claim{principal: typeid.New(typeid.Group, row.ID), place: place, read: access.GroupsRead}
	}
	return claims, nil
}
