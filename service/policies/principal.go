package policies

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// bearer is the principal of a policy as the store keeps it. The zero bearer is
// nobody.
type bearer struct {
	kind access.Bearer
	// key is the membership, application or group.
	key uuid.UUID
}

// bearerOf returns the bearer of a policy's row.
func bearerOf(row *ent.AccessPolicy) bearer {
	switch {
	case row.MembershipID != nil:
		return bearer{access.BornByUser, *row.MembershipID}
	case row.ApplicationID != nil:
		return bearer{access.BornByApplication, *row.ApplicationID}
	case row.GroupID != nil:
		return bearer{access.BornByGroup, *row.GroupID}
	default:
		return bearer{}
	}
}

// recipients returns who receives what the policy gives.
func (b bearer) recipients() records.Recipients {
	switch b.kind {
	case access.BornByUser:
		return records.Recipients{Memberships: []uuid.UUID{b.key}}
	case access.BornByApplication:
		return records.Recipients{Applications: []uuid.UUID{b.key}}
	case access.BornByGroup:
		return records.Recipients{Groups: []uuid.UUID{b.key}}
	case access.BornByNobody:
	}
	return records.Recipients{}
}

// grants returns what the rules give through the bearer: nothing to nobody.
func (b bearer) grants(org records.Organization, rules []access.Rule) []access.Grant {
	var through orgtree.ID
	switch b.kind {
	case access.BornByNobody:
		return nil
	case access.BornByGroup:
		through = orgtree.ID(b.key)
	case access.BornByUser, access.BornByApplication:
	}
	return access.Policy{Rules: rules}.Grants(orgtree.ID(org.ID), through)
}

// put writes the bearer into a row that is made or changed.
func (b bearer) put(m *ent.AccessPolicyMutation) {
	if b.kind == access.BornByUser {
		m.SetMembershipID(b.key)
	} else {
		m.ClearMembershipID()
	}
	if b.kind == access.BornByApplication {
		m.SetApplicationID(b.key)
	} else {
		m.ClearApplicationID()
	}
	if b.kind == access.BornByGroup {
		m.SetGroupID(b.key)
	} else {
		m.ClearGroupID()
	}
}

// hold finds a principal of the organization and locks its row, so that it
// neither goes nor, for a group, gets members until the transaction ends. It
// returns the zero bearer for a nil id, INVALID for what is no principal of the
// organization, and MANAGED_READONLY for the application of a project.
func hold(ctx context.Context, tx *database.Tx, org records.Organization, principal *typeid.ID) (bearer, error) {
	if principal == nil {
		return bearer{}, nil
	}
	b, err := lock(ctx, tx, org, *principal)
	if ent.IsNotFound(err) {
		return bearer{}, fault.Invalidf("principalId", "this is no user, application or group of the organization")
	}
	return b, err
}

func lock(ctx context.Context, tx *database.Tx, org records.Organization, principal typeid.ID) (bearer, error) {
	switch principal.Kind {
	case typeid.User:
		query := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.UserID(principal.UUID))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if err != nil {
			return bearer{}, fmt.Errorf("lock membership: %w", err)
		}
		return bearer{access.BornByUser, row.ID}, nil
	case typeid.Application:
		query := tx.Application.Query().Where(application.OrganizationID(org.ID), application.ID(principal.UUID))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if err != nil {
			return bearer{}, fmt.Errorf("lock application: %w", err)
		}
		if row.Managed {
			return bearer{}, managedReadonly("the application of a project has the rights of the project alone")
		}
		return bearer{access.BornByApplication, row.ID}, nil
	case typeid.Group:
		query := tx.Group.Query().Where(group.OrganizationID(org.ID), group.ID(principal.UUID))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if err != nil {
			return bearer{}, fmt.Errorf("lock group: %w", err)
		}
		return bearer{access.BornByGroup, row.ID}, nil
	default:
		return bearer{}, fault.Invalidf("principalId", "this is no user, application or group of the organization")
	}
}
