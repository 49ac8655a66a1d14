package organizations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// Reassignment is what reassignOwner is asked for.
type Reassignment struct {
	Organization uuid.UUID
	// User is one of the organization's administrators.
	User   uuid.UUID
	Reason string
}

// Reassign gives an organization whose owner is lost to one of its
// administrators. It needs groups:roles from above, which a partner's owner and
// org:admin hold, and the platform's administrators; FORBIDDEN for others, for
// those who act in somebody's place, and where the organization would come into
// the viewer's own hands. INVALID for somebody who is no administrator, is locked
// or has not signed in yet. The owner until then becomes an administrator; both
// get a letter, and a transfer that is under way is cancelled.
func (s *Service) Reassign(ctx context.Context, r Reassignment) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgRead, r.Organization)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	manager, _ := org.Manager()
	if err := access.CheckThrough(viewer, access.GroupsRoles, org.Target(), orgtree.ID(manager.ID)); err != nil {
		return nil, err
	}
	if viewer.IsImpersonated() {
		return nil, fault.New(fault.Forbidden, "nobody gives an organization away in another's place")
	}
	r.Reason, err = reasonOf(r.Reason, true)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "reassignOwner", Organization: org.ID, Reason: r.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockAs(ctx, tx, org); err != nil {
			return err
		}
		return reassign(ctx, tx, org, r.User)
	})
	if err != nil {
		return nil, err
	}
	if err := s.records.Renew(ctx); err != nil {
		return nil, err
	}
	return s.Get(ctx, org.ID)
}

func reassign(ctx context.Context, tx *database.Tx, org records.Organization, person uuid.UUID) error {
	heir, err := heirOf(ctx, tx, org, person)
	if err != nil {
		return err
	}
	owning := access.Grant{Scope: access.InOrganization(), Source: access.Source{Kind: access.FromOwnership, Organization: orgtree.ID(org.ID)}}
	err = records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: []access.Grant{owning}, To: records.Recipients{Memberships: []uuid.UUID{heir.ID}}, Action: "reassignOwner", Subject: heir.Edges.User.Name,
	})
	if err != nil {
		return err
	}
	if err := roster.CancelTransfers(ctx, tx, org.ID); err != nil {
		return err
	}
	former, err := roster.ChangeOwner(ctx, tx, heir)
	if err != nil {
		return err
	}
	if err := records.Post(ctx, tx, records.Letter{Template: records.FormerOwnerLetter, Organization: org.ID, User: former}); err != nil {
		return err
	}
	return records.Post(ctx, tx, records.Letter{Template: records.OwnerLetter, Organization: org.ID, User: heir.UserID})
}

// heirOf returns the membership of an administrator who can become the owner, or
// NOT_FOUND and INVALID.
func heirOf(ctx context.Context, tx *database.Tx, org records.Organization, person uuid.UUID) (*ent.Membership, error) {
	query := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.UserID(person)).WithUser()
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("user")
	}
	if err != nil {
		return nil, fmt.Errorf("lock membership: %w", err)
	}
	if row.Owner {
		return nil, fault.Invalidf("userId", "this person owns the organization already")
	}
	administers, err := tx.GroupMember.Query().
		Where(groupmember.MembershipID(row.ID), groupmember.HasGroupWith(group.BuiltinEQ(access.Administrators))).
		Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for administrators: %w", err)
	}
	if !administers {
		return nil, fault.Invalidf("userId", "only an administrator of the organization can become its owner")
	}
	if row.Locked || row.Edges.User.Status != user.StatusACTIVE {
		return nil, fault.Invalidf("userId", "this person cannot sign in")
	}
	return row, nil
}
