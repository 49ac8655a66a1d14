package requests

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// lifetime is how long a request waits for an answer.
const lifetime = 7 * 24 * time.Hour

// maxReason bounds a reason, in characters.
const maxReason = 1000

// NewRequest is what requestAccess is asked for.
type NewRequest struct {
	Organization uuid.UUID
	// Role is the built-in group to be placed in, nil for none.
	Role   *access.Builtin
	Reason string
}

// Create asks the owner of an organization to make the viewer a member. The
// viewer is a person who manages the organization through the tree and acts
// without an API key, else FORBIDDEN. CONFLICT with ALREADY_MEMBER for a member,
// with ALREADY_INVITED while an earlier request is open;
// ORGANIZATION_LOCKED and ORGANIZATION_DEACTIVATED for one that is not in use.
func (s *Service) Create(ctx context.Context, n NewRequest) (*Request, error) {
	org, err := s.records.Check(ctx, access.OrgRead, n.Organization)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return nil, fault.New(fault.Forbidden, "only people ask for access")
	}
	if !viewer.Key.IsZero() {
		return nil, fault.New(fault.Forbidden, "a person asks for access, not an API key")
	}
	n.Reason = strings.TrimSpace(n.Reason)
	if length := utf8.RuneCountInString(n.Reason); length == 0 || length > maxReason {
		return nil, fault.Invalidf("reason", "a reason has 1 to %d characters", maxReason)
	}
	var row *ent.AccessRequest
	_, err = s.db.Write(ctx, database.Entry{Action: "requestAccess", Organization: org.ID, Reason: n.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if err := checkOutsider(ctx, tx, org, viewer); err != nil {
			return err
		}
		if err := s.closeExpired(ctx, tx, org, viewer); err != nil {
			return err
		}
		row, err = tx.AccessRequest.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetUserID(uuid.UUID(viewer.ID)).
			SetNillableBuiltin(n.Role).SetReason(n.Reason).SetStatus(accessrequest.StatusPENDING).
			SetExpiresAt(tx.Now().Add(lifetime)).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create access request: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.AccessRequest, ID: row.ID, Organization: org.ID, After: row})
		return records.AnnounceRequest(ctx, tx, org, labelOf(n.Role))
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

// labelOf names what a request asks for.
func labelOf(role *access.Builtin) string {
	if role == nil {
		return "membership"
	}
	return role.Label()
}

// checkOutsider returns nil if the viewer is no member of the organization, sees
// it through the tree, and it is in use.
func checkOutsider(ctx context.Context, tx *database.Tx, org records.Organization, viewer access.Viewer) error {
	member, err := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.UserID(uuid.UUID(viewer.ID))).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for membership: %w", err)
	}
	if member {
		return fault.New(fault.Conflict, "you are a member already").Because(fault.AlreadyMember)
	}
	if err := access.CheckThrough(viewer, access.OrgRead, org.Target(), orgtree.ID{}); err != nil {
		return err
	}
	if org.Status != orgtree.Active {
		return org.Status.Refusal()
	}
	return nil
}

// closeExpired writes down that an earlier request of the viewer has expired, or
// returns ALREADY_INVITED if it has not.
func (s *Service) closeExpired(ctx context.Context, tx *database.Tx, org records.Organization, viewer access.Viewer) error {
	query := tx.AccessRequest.Query().Where(
		accessrequest.OrganizationID(org.ID), accessrequest.UserID(uuid.UUID(viewer.ID)), accessrequest.StatusEQ(accessrequest.StatusPENDING))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock access requests: %w", err)
	}
	for _, row := range rows {
		if statusAt(row, tx.Now()) == Pending {
			return fault.New(fault.Conflict, "you have asked already and wait for an answer").Because(fault.AlreadyInvited)
		}
		if _, err := take(ctx, tx, row, Pending, expiring); err != nil {
			return err
		}
	}
	return nil
}

// Accept makes the person who asked a member, with the place in the built-in
// group that was asked for. It is for the owner alone: FORBIDDEN for whoever
// asked. CONFLICT with INVITATION_NOT_PENDING for a request that is over, or
// whose maker manages the organization no more; LIMIT_EXCEEDED where
// quotas.users leaves no room.
func (s *Service) Accept(ctx context.Context, id uuid.UUID) (*Request, error) {
	request, err := s.decide(ctx, id, accepting, "acceptAccessRequest", s.admit)
	if err != nil {
		return nil, err
	}
	return request, s.records.Renew(ctx)
}

// Decline refuses a request. It is for the owner alone; errors are those of
// Accept.
func (s *Service) Decline(ctx context.Context, id uuid.UUID) (*Request, error) {
	return s.decide(ctx, id, declining, "declineAccessRequest", nil)
}

// Cancel takes a request back. It is for whoever made it; errors are those of
// Accept.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID) (*Request, error) {
	return s.decide(ctx, id, cancelling, "cancelAccessRequest", nil)
}

// effect is what a step does beside changing the request.
type effect func(ctx context.Context, tx *database.Tx, row *ent.AccessRequest, org records.Organization) error

// decide takes a step with a request. Those who decide at the same time wait for
// each other, and all but the first find the request no longer pending.
func (s *Service) decide(ctx context.Context, id uuid.UUID, taken step, action string, then effect) (*Request, error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	org, err := s.records.Organization(ctx, found.OrganizationID)
	if err != nil {
		return nil, err
	}
	if err := checkParty(access.ViewerFrom(ctx), taken, found, org); err != nil {
		return nil, err
	}
	var after *ent.AccessRequest
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		after, err = take(ctx, tx, row, statusAt(row, tx.Now()), taken)
		if err != nil || then == nil {
			return err
		}
		return then(ctx, tx, row, org)
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, after)
}

// checkParty returns nil if the viewer is who may take a step.
func checkParty(viewer access.Viewer, s step, row *ent.AccessRequest, org records.Organization) error {
	by := takenBy(s)
	switch {
	case s == accepting && viewer.IsImpersonated() && viewer.By.ID == orgtree.ID(row.UserID):
		return fault.New(fault.Forbidden, "nobody accepts their own request in somebody else's place")
	case by == theOwner && owns(viewer, org.ID):
		return access.Check(viewer, access.MembersInvite, org.Target()) // not in every state of the organization
	case by == theRequester && viewer.Kind == access.User && viewer.ID == orgtree.ID(row.UserID):
		return nil
	default:
		return fault.New(fault.Forbidden, "only %s can %s it", by, s)
	}
}

// take moves a locked request from its state by a step.
func take(ctx context.Context, tx *database.Tx, row *ent.AccessRequest, from Status, s step) (*ent.AccessRequest, error) {
	to, err := next(from, s)
	if err != nil {
		return nil, err
	}
	after, err := row.Update().
		SetStatus(accessrequest.Status(to)).SetDecidedAt(tx.Now()).SetVersion(row.Version + 1).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s access request: %w", s, err)
	}
	tx.Record(database.Change{Kind: typeid.AccessRequest, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	return after, nil
}

func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.AccessRequest, error) {
	query := tx.AccessRequest.Query().Where(accessrequest.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("access request")
	}
	if err != nil {
		return nil, fmt.Errorf("lock access request: %w", err)
	}
	return row, nil
}

// admit makes the person who asked a member.
func (s *Service) admit(ctx context.Context, tx *database.Tx, row *ent.AccessRequest, org records.Organization) error {
	if err := s.checkStillManages(ctx, tx, row, org); err != nil {
		return err
	}
	if err := roster.CheckRoom(ctx, tx, org, 1); err != nil {
		return err
	}
	var joining roster.Joining
	if row.Builtin != nil {
		id, err := tx.Group.Query().Where(group.OrganizationID(org.ID), group.BuiltinEQ(*row.Builtin)).OnlyID(ctx)
		if err != nil {
			return fmt.Errorf("find built-in group: %w", err)
		}
		joining.Groups = []uuid.UUID{id}
	}
	_, err := roster.Join(ctx, tx, org, row.UserID, joining)
	return err
}

// checkStillManages returns nil if whoever made a request still sees the
// organization through the tree.
func (s *Service) checkStillManages(ctx context.Context, tx *database.Tx, row *ent.AccessRequest, org records.Organization) error {
	requester, err := s.records.In(tx).Viewer(ctx, records.Session{
		Principal: typeid.New(typeid.User, row.UserID), Circumstances: access.Circumstances{At: tx.Now()},
	})
	if err != nil && fault.CodeOf(err) != fault.Unauthenticated {
		return err
	}
	if err != nil || access.CheckThrough(requester, access.OrgRead, org.Target(), orgtree.ID{}) != nil {
		return notPending("whoever made the request manages the organization no more")
	}
	return nil
}
