package records

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// The settings that say what administrators may do, and how people come in.
const (
	manageBilling   = "members.administrators_manage_billing"
	manageMembers   = "members.administrators_manage_members"
	signInMethods   = "authentication.methods"
	sessionDuration = "authentication.session_max_duration"
	secondFactor    = "authentication.mfa_required"
	ownPassword     = "authentication.password_renewal_required"
	maintenance     = "platform.maintenance"
)

func saidKeys() []string {
	return []string{manageBilling, manageMembers, signInMethods, sessionDuration, secondFactor, ownPassword, maintenance}
}

// said is what the settings of an organization say about rights.
type said struct {
	switches access.Switches
	demands  access.Demands
	// maintenance says that the platform is being worked on.
	maintenance bool
}

// Switches returns what the settings of some organizations say that their
// administrators may do, in one statement at most.
func (s *Store) Switches(ctx context.Context, organizations map[uuid.UUID]Organization) (map[uuid.UUID]access.Switches, error) {
	sayings, err := s.sayings(ctx, organizations)
	if err != nil {
		return nil, err
	}
	switches := make(map[uuid.UUID]access.Switches, len(organizations))
	for id, say := range sayings {
		switches[id] = say.switches
	}
	return switches, nil
}

// Demands returns what the settings of some organizations demand of the sign-ins
// of their people, in one statement at most.
func (s *Store) Demands(ctx context.Context, organizations map[uuid.UUID]Organization) (map[uuid.UUID]access.Demands, error) {
	sayings, err := s.sayings(ctx, organizations)
	if err != nil {
		return nil, err
	}
	demands := make(map[uuid.UUID]access.Demands, len(organizations))
	for id, say := range sayings {
		demands[id] = say.demands
	}
	return demands, nil
}

// sayings returns what the settings of some organizations say about rights, in
// one statement at most.
func (s *Store) sayings(ctx context.Context, organizations map[uuid.UUID]Organization) (map[uuid.UUID]said, error) {
	sayings := make(map[uuid.UUID]said, len(organizations))
	if len(organizations) == 0 {
		return sayings, nil
	}
	directives, err := s.Directives(ctx, scopesOf(organizations), saidKeys(), nil)
	if err != nil {
		return nil, err
	}
	for id, org := range organizations {
		if sayings[id], err = saidBy(org, directives); err != nil {
			return nil, err
		}
	}
	return sayings, nil
}

// saidBy returns what the directives on the path of an organization say about
// rights.
func saidBy(org Organization, directives Directives) (said, error) {
	definitions := make([]*waterfall.Definition, 0, len(saidKeys()))
	for _, key := range saidKeys() {
		d, ok := catalogue.Lookup(key)
		if !ok {
			return said{}, fmt.Errorf("there is no setting %s", key)
		}
		definitions = append(definitions, d)
	}
	values := valuesOf(org, directives, definitions)
	methods := values[signInMethods]
	return said{
		switches: access.Switches{ManageBilling: values[manageBilling].Bool(), ManageMembers: values[manageMembers].Bool()},
		demands: access.Demands{
			Password: methods.Has("password"), OIDC: methods.Has("oidc"),
			MaxDuration:  time.Duration(values[sessionDuration].Int()) * time.Second,
			SecondFactor: values[secondFactor].Bool(), OwnPassword: values[ownPassword].Bool(),
		},
		maintenance: values[maintenance].Bool(),
	}, nil
}
