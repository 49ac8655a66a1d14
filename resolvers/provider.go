package resolvers

import (
	"github.com/headwater-platform/headwater/graph/model"
	"github.com/headwater-platform/headwater/service/identity"
	"github.com/headwater-platform/headwater/typeid"
)

func newIdentityProvider(input model.CreateIdentityProviderInput) (identity.NewProvider, error) {
	organization, err := input.OrganizationID.Expect("organizationId", typeid.Organization)
	scopes := input.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	return identity.NewProvider{
		Organization: organization, Name: input.Name, Issuer: input.Issuer, ClientID: input.ClientID, ClientSecret: valueOf(input.ClientSecret),
		Scopes: scopes, Enabled: input.Enabled == nil || *input.Enabled, CreatesUsers: valueOf(input.CreatesUsers),
		VouchesForMFA: valueOf(input.VouchesForMfa), GroupClaim: valueOf(input.GroupClaim), GroupMappings: groupMappings(input.GroupMappings),
	}, err
}

// groupMappings returns nil for no list, and a list that is empty for one.
func groupMappings(inputs []*model.IdentityGroupMappingInput) []identity.GroupMapping {
	if inputs == nil {
		return nil
	}
	mappings := make([]identity.GroupMapping, len(inputs))
	for i, m := range inputs {
		mappings[i] = identity.GroupMapping{Value: m.Value, GroupID: m.GroupID}
	}
	return mappings
}
