package invitations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// RequestTransfer asks an administrator of an organization to take it over. It is
// for the owner, in person. INVALID for anybody but another member who is an
// administrator and not locked; CONFLICT with ALREADY_INVITED while somebody is
// asked.
func (s *Service) RequestTransfer(ctx context.Context, organization, to uuid.UUID) (*Invitation, error) {
	org, err := s.records.Check(ctx, access.OrgTransfer, organization)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := inPerson(viewer); err != nil {
		return nil, err
	}
	if uuid.UUID(viewer.ID) == to {
		return nil, fault.Invalidf("userId", "you own it already")
	}
	var row *ent.Invitation
	_, err = s.db.Write(ctx, database.Entry{Action: "requestOwnershipTransfer", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		heir, err := checkHeir(ctx, tx, org, to)
		if err != nil {
			return err
		}
		if err := closeExpiredTransfer(ctx, tx, org.ID); err != nil {
			return err
		}
		row, err = roster.OfferOwnership(ctx, tx, org.ID, heir)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(row), nil
}

// checkHeir returns the person to whom an organization can be handed over, or
// INVALID.
func checkHeir(ctx context.Context, tx *database.Tx, org records.Organization, person uuid.UUID) (*ent.User, error) {
	member, err := administrator(ctx, tx, org.ID, person)
	if err != nil {
		return nil, err
	}
	if member == nil || member.Owner {
		return nil, fault.Invalidf("userId", "this is no administrator of the organization who could take it over")
	}
	return member.Edges.User, nil
}

// administrator returns the membership of an administrator who is not locked,
// with the account, or nil if the person is none.
func administrator(ctx context.Context, tx *database.Tx, organization, person uuid.UUID) (*ent.Membership, error) {
	query := tx.Membership.Query().Where(
		membership.OrganizationID(organization), membership.UserID(person), membership.Locked(false),
		membership.HasUserWith(user.StatusNotIn(user.StatusLOCKED, user.StatusDELETED)),
		membership.HasGroupMembersWith(groupmember.HasGroupWith(group.BuiltinEQ(access.Administrators))),
	).WithUser()
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // nobody is an answer here
	}
	if err != nil {
		return nil, fmt.Errorf("find administrator: %w", err)
	}
	return row, nil
}

// closeExpiredTransfer writes down that an earlier offer has expired, if it has.
func closeExpiredTransfer(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	rows, err := roster.LockInvitations(ctx, tx, invitation.OrganizationID(organization),
		invitation.KindEQ(invitation.KindOWNERSHIP_TRANSFER), invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtLTE(tx.Now()))
	if err != nil {
		return err
	}
	return roster.ExpireInvitations(ctx, tx, rows)
}

// handOver makes whom an organization was offered its owner, and the owner until
// then an administrator. CONFLICT with INVITATION_NOT_PENDING if either is not
// any more what they were when it was offered.
func handOver(ctx context.Context, tx *database.Tx, row *ent.Invitation, org records.Organization) (uuid.UUID, error) {
	heir, err := administrator(ctx, tx, org.ID, *row.UserID)
	if err != nil {
		return uuid.Nil, err
	}
	owner, err := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.Owner(true)).Only(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("find owner: %w", err)
	}
	if heir == nil || owner.UserID != row.InvitedBy {
		return uuid.Nil, fault.New(fault.Conflict, "the offer is not good any more").Because(fault.InvitationNotPending)
	}
	_, err = roster.ChangeOwner(ctx, tx, heir)
	return heir.ID, err
}
