package records

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// Quota is a setting that bounds how many things of a kind an organization has.
type Quota string

// The quotas. What the platform makes by itself, such as built-in groups and
// managed applications and policies, does not count.
const (
	QuotaUsers        Quota = "quotas.users"
	QuotaGroups       Quota = "quotas.groups"
	QuotaApplications Quota = "quotas.applications"
	QuotaPolicies     Quota = "quotas.policies"
	QuotaAPIKeys      Quota = "quotas.api_keys" //nolint:gosec // the name of a setting
	QuotaProjects     Quota = "quotas.projects"
	QuotaSSHKeys      Quota = "quotas.ssh_keys"
	// QuotaSeats counts the members who may start resources.
	QuotaSeats Quota = "quotas.seats"
)

// unlimited is the value of a quota that bounds nothing.
const unlimited = 2147483647

// CheckQuota returns LIMIT_EXCEEDED if the organization has no room for so many
// more. It makes those who count in the same organization wait for each other
// until the transaction ends, so it is called before anything is added.
func CheckQuota(ctx context.Context, tx *database.Tx, org Organization, quota Quota, adding int) error {
	if adding <= 0 {
		return nil
	}
	most, had, err := counted(ctx, tx, org, quota)
	if err != nil || most == unlimited {
		return err
	}
	if int64(had)+int64(adding) > most {
		return fault.New(fault.LimitExceeded, "the organization may have %d of these, as its setting %s says; it has %d", most, quota, had).
			Because(fault.QuotaExceeded)
	}
	return nil
}

// Room returns how many more things of a quota the organization has room for, 0
// if it has too many, and makes those who count wait for each other as CheckQuota
// does.
func Room(ctx context.Context, tx *database.Tx, org Organization, quota Quota) (int, error) {
	most, had, err := counted(ctx, tx, org, quota)
	if err != nil || most == unlimited {
		return unlimited, err
	}
	return int(max(0, most-int64(had))), nil
}

// counted returns what a quota allows and how much of it is used, which is left
// open where it is unlimited.
func counted(ctx context.Context, tx *database.Tx, org Organization, quota Quota) (most int64, had int, err error) {
	store := In(tx)
	value, err := store.Value(ctx, org, string(quota))
	if err != nil || value.Int() == unlimited {
		return unlimited, 0, err
	}
	if _, err := holdOrganization(ctx, tx, org.ID); err != nil {
		return 0, 0, err
	}
	had, err = store.count(ctx, org, quota)
	return value.Int(), had, err
}

// holdOrganization locks an organization's row, if there is one, for others who
// do the same, without standing in the way of rows that refer to it. It returns
// the state of the organization, "" for none.
func holdOrganization(ctx context.Context, tx *database.Tx, id uuid.UUID) (orgtree.Status, error) {
	query := tx.Organization.Query().Where(organization.ID(id)).Select(organization.FieldID, organization.FieldStatus)
	query.Modify(func(s *entsql.Selector) {
		if s.Dialect() == dialect.Postgres {
			s.For(entsql.LockNoKeyUpdate)
		}
	})
	rows, err := query.All(unscoped(ctx))
	if err != nil {
		return "", fmt.Errorf("hold organization: %w", err)
	}
	if len(rows) == 0 {
		return "", nil
	}
	return rows[0].Status, nil
}

// count returns how many things of a quota the organization has.
func (s *Store) count(ctx context.Context, org Organization, quota Quota) (int, error) {
	ctx = unscoped(ctx)
	var n int
	var err error
	switch quota {
	case QuotaUsers:
		n, err = s.client.Membership.Query().Where(membership.OrganizationID(org.ID)).Count(ctx)
	case QuotaGroups:
		n, err = s.client.Group.Query().Where(group.OrganizationID(org.ID), group.BuiltinIsNil()).Count(ctx)
	case QuotaApplications:
		n, err = s.client.Application.Query().Where(application.OrganizationID(org.ID), application.Managed(false)).Count(ctx)
	case QuotaPolicies:
		n, err = s.client.AccessPolicy.Query().Where(accesspolicy.OrganizationID(org.ID), accesspolicy.Managed(false)).Count(ctx)
	case QuotaAPIKeys:
		n, err = s.client.APIKey.Query().Where(apikey.OrganizationID(org.ID)).Count(ctx)
	case QuotaProjects:
		n, err = s.client.Project.Query().Where(project.OrganizationID(org.ID)).Count(ctx)
	case QuotaSeats:
		n, err = s.client.Membership.Query().Where(membership.OrganizationID(org.ID), membership.Seated(true)).Count(ctx)
	case QuotaSSHKeys:
		n, err = s.client.SSHKey.Query().Where(sshkey.OrganizationID(org.ID)).Count(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("count for %s: %w", quota, err)
	}
	return n, nil
}
