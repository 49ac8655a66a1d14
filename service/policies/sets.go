package policies

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/records"
)

// PermissionSet is an entry of the catalogue with what it holds in one
// organization.
type PermissionSet struct {
	Name        string
	Scope       access.ScopeType
	Description string
	Permissions []access.Permission
}

// PermissionSets returns the sets that policies of an organization may name,
// each with what it holds there under the organization's switches. Needs
// policies:read.
func (s *Service) PermissionSets(ctx context.Context, organization uuid.UUID) ([]*PermissionSet, error) {
	org, err := s.records.Check(ctx, access.PoliciesRead, organization)
	if err != nil {
		return nil, err
	}
	switches, err := s.records.Switches(ctx, map[uuid.UUID]records.Organization{org.ID: org})
	if err != nil {
		return nil, err
	}
	var list []*PermissionSet
	for _, set := range access.PermissionSets() {
		if !set.ExistsIn(org.Kind) {
			continue
		}
		held := access.RightsOf([]access.Grant{{
			Set: set.Name, Scope: access.InOrganization(), Source: access.Source{Kind: access.FromPolicy},
		}}, org.Kind, switches[org.ID])
		list = append(list, &PermissionSet{
			Name: string(set.Name), Scope: set.Scope, Description: set.Description, Permissions: held.Organization.List(),
		})
	}
	return list, nil
}
