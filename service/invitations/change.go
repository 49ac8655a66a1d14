package invitations

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// Resend sends an invitation again that is PENDING or EXPIRED: it is good for
// seven days from now, and earlier links are worth nothing. Needs members:invite
// and the right to grant what it grants; of a transfer, to be the owner.
// CONFLICT with INVITATION_NOT_PENDING in other states, ALREADY_MEMBER for
// somebody who has joined, ALREADY_INVITED where a later invitation is open;
// LIMIT_EXCEEDED where there is no room.
func (s *Service) Resend(ctx context.Context, id uuid.UUID) (*Invitation, error) {
	return s.change(ctx, id, roster.ResendInvitation, "resendInvitation", func(ctx context.Context, tx *database.Tx, row *ent.Invitation, org records.Organization) error {
		if row.Kind == invitation.KindOWNERSHIP_TRANSFER {
			_, err := checkHeir(ctx, tx, org, *row.UserID)
			return err
		}
		return s.checkStillInvitable(ctx, tx, row, org)
	})
}

// checkStillInvitable returns nil if whom an invitation is for could be invited
// today. One that has expired takes its place anew.
func (s *Service) checkStillInvitable(ctx context.Context, tx *database.Tx, row *ent.Invitation, org records.Organization) error {
	// The account may be out of the viewer's reach; nothing is told of it.
	joined, err := tx.Membership.Query().
		Where(membership.OrganizationID(org.ID), membership.HasUserWith(user.EmailKey(row.EmailKey), user.StatusNEQ(user.StatusDELETED))).
		Exist(database.Unguarded(ctx))
	if err != nil {
		return err
	}
	if joined {
		return fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember)
	}
	if roster.InvitationStatusAt(row, tx.Now()) == roster.InvitationPending {
		return nil
	}
	room, err := roster.RoomToInvite(ctx, tx, org)
	if err == nil && room == 0 {
		err = fault.New(fault.LimitExceeded, "the organization has no room for another member").Because(fault.QuotaExceeded)
	}
	return err
}

// Cancel takes an invitation back that is PENDING. Needs what Resend needs;
// CONFLICT with INVITATION_NOT_PENDING in other states.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID) (*Invitation, error) {
	return s.change(ctx, id, roster.CancelInvitation, "cancelInvitation", nil)
}

// guard is what has to hold beside the state of an invitation for a step.
type guard func(ctx context.Context, tx *database.Tx, row *ent.Invitation, org records.Organization) error

// change takes a step with an invitation that is for its organization to take.
func (s *Service) change(ctx context.Context, id uuid.UUID, step roster.InvitationStep, action string, holds guard) (*Invitation, error) {
	f, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := f.checkOrganization(ctx, step); err != nil {
		return nil, err
	}
	var after *ent.Invitation
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: f.org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockOne(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkGiven(ctx, tx, row, f.org, action); err != nil {
			return err
		}
		if _, err := roster.NextInvitation(roster.InvitationStatusAt(row, tx.Now()), step); err != nil {
			return err
		}
		if holds != nil {
			if err := holds(ctx, tx, row, f.org); err != nil {
				return err
			}
		}
		after, err = roster.MoveInvitation(ctx, tx, row, step)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(after), nil
}

// checkOrganization returns nil if the viewer may take the organization's steps:
// invite for it, or own it.
func (f found) checkOrganization(ctx context.Context, step roster.InvitationStep) error {
	needed := access.MembersInvite
	if f.row.Kind == invitation.KindOWNERSHIP_TRANSFER {
		needed = access.OrgTransfer
	}
	err := access.Check(access.ViewerFrom(ctx), needed, f.org.Target())
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.Forbidden, "only %s can %s it", roster.TheOrganization, step) // It sees the invitation, not the organization.
	}
	return err
}

// lockOne returns an invitation whose row stays locked until the transaction ends,
// or NOT_FOUND.
func lockOne(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Invitation, error) {
	rows, err := roster.LockInvitations(ctx, tx, invitation.ID(id))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Missing("invitation")
	}
	return rows[0], nil
}

// checkGiven returns nil if the viewer may give what an invitation gives today,
// which also whoever takes it back has to be able to.
func checkGiven(ctx context.Context, tx *database.Tx, row *ent.Invitation, org records.Organization, action string) error {
	groups, err := liveGroups(ctx, tx, row)
	if err != nil || len(groups) == 0 {
		return err
	}
	var to records.Recipients
	if row.UserID != nil && action == "resendInvitation" {
		to.People = []uuid.UUID{*row.UserID}
	}
	if row.Builtin != nil && *row.Builtin == access.BillingAdministrators {
		if err := access.CheckPlacing(access.ViewerFrom(ctx), *row.Builtin, org.Target()); err != nil {
			return err
		}
	}
	return roster.CheckPlacing(ctx, tx, groups, to, org, action)
}

// liveGroups returns the groups of an invitation that there are still, the
// built-in one of its role among them.
func liveGroups(ctx context.Context, tx *database.Tx, row *ent.Invitation) ([]*ent.Group, error) {
	ids := groupsOf(row)
	which := group.IDIn(ids...)
	if row.Builtin != nil {
		which = group.Or(which, group.BuiltinEQ(*row.Builtin))
	}
	if row.Builtin == nil && len(ids) == 0 {
		return nil, nil
	}
	// Whoever is invited is not in the organization yet.
	rows, err := tx.Group.Query().Where(group.OrganizationID(row.OrganizationID), which).Order(ent.Asc(group.FieldID)).All(database.Unguarded(ctx))
	return slices.Clip(rows), err
}
