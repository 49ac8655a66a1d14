package invitations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Which says which invitation is answered: by the token of its link, or by its
// id.
type Which struct {
	Token string
	ID    uuid.UUID
}

// Accepted is what came of accepting an invitation.
type Accepted struct {
	Invitation *Invitation
	// Membership is the person's place in the organization.
	Membership uuid.UUID
}

// Accept makes the viewer a member, or the owner, of the organization that
// invited them. It is for the person whose verified address was invited, in
// person; a token from the letter verifies the address. CONFLICT with
// INVITATION_NOT_PENDING for an invitation that is over, also a transfer whose
// parties are not what they were, and with ALREADY_MEMBER; LIMIT_EXCEEDED where
// there is no room: the invitation then stays PENDING. FORBIDDEN for others,
// NOT_FOUND for an invitation that the viewer may not see, INVALID for a token
// that is not good.
func (s *Service) Accept(ctx context.Context, which Which) (*Accepted, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	f, err := s.named(ctx, which)
	if err != nil {
		return nil, err
	}
	if err := inPerson(access.ViewerFrom(ctx)); err != nil {
		return nil, err
	}
	a := &Accepted{}
	_, err = s.db.Write(ctx, database.Entry{Action: "acceptInvitation", Organization: f.org.ID}, func(ctx context.Context, tx *database.Tx) error {
		after, err := s.accept(ctx, tx, f, which)
		if err != nil {
			return err
		}
		a.Invitation, a.Membership = s.wrapOne(after.row), after.membership
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, s.records.Renew(ctx)
}

// inPerson returns nil for a person who acts themself.
func inPerson(viewer access.Viewer) error {
	if viewer.Kind != access.User || !viewer.Key.IsZero() {
		return fault.New(fault.Forbidden, "this is for people who are signed in, not for applications and API keys")
	}
	return access.CheckOwnHands(viewer)
}

// named returns the invitation that is answered.
func (s *Service) named(ctx context.Context, which Which) (found, error) {
	if (which.Token == "") == (which.ID == uuid.Nil) {
		return found{}, fault.Invalidf("invitationId", "give the token of a link or the id of an invitation")
	}
	if which.Token == "" {
		return s.find(ctx, which.ID)
	}
	row, err := s.linked(ctx, which.Token)
	if err != nil {
		return found{}, err
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	return found{row: row, org: org}, err
}

// linked returns the invitation of a link, which must be the last that was sent;
// INVALID for any other.
func (s *Service) linked(ctx context.Context, raw string) (*ent.Invitation, error) {
	link, err := s.issuer.VerifyLink(raw, token.AcceptInvitation)
	if err != nil {
		return nil, err
	}
	// Whoever holds the link was invited, whatever they can see.
	row, err := s.db.Client().Invitation.Get(access.WithViewer(ctx, access.SystemViewer("invitation link")), link.Subject.UUID)
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("get invitation: %w", err)
	}
	if err != nil || link.Subject.Kind != typeid.Invitation || row.SentCount != link.Count {
		return nil, fault.Invalidf("token", "the link is not valid or has expired")
	}
	return row, nil
}

// outcome is what a transaction did.
type outcome struct {
	row        *ent.Invitation
	membership uuid.UUID
}

// accept carries out an acceptance. The person is in the organization only
// afterwards, so that the guard is not asked; who may is checked here.
func (s *Service) accept(ctx context.Context, tx *database.Tx, f found, which Which) (outcome, error) {
	ctx = database.Unguarded(ctx)
	row, err := lockOne(ctx, tx, f.row.ID)
	if err != nil {
		return outcome{}, err
	}
	if err := checkCount(row, f, which); err != nil {
		return outcome{}, err
	}
	account, err := lockAccount(ctx, tx, uuid.UUID(access.ViewerFrom(ctx).ID))
	if err != nil {
		return outcome{}, err
	}
	if err := checkInvited(row, account, which, roster.AcceptInvitation); err != nil {
		return outcome{}, err
	}
	org, err := s.records.In(tx).Organization(ctx, row.OrganizationID)
	if err != nil {
		return outcome{}, err
	}
	if err := checkInUse(org); err != nil {
		return outcome{}, err
	}
	after, err := roster.MoveInvitation(ctx, tx, row, roster.AcceptInvitation)
	if err != nil {
		return outcome{}, err
	}
	if row.Kind == invitation.KindOWNERSHIP_TRANSFER {
		member, err := handOver(ctx, tx, row, org)
		return outcome{after, member}, err
	}
	if err := verify(ctx, tx, account); err != nil {
		return outcome{}, err
	}
	member, err := admit(ctx, tx, row, account, org)
	return outcome{after, member}, err
}

// checkCount returns nil if a link is still the last that was sent.
func checkCount(row *ent.Invitation, f found, which Which) error {
	if which.Token != "" && row.SentCount != f.row.SentCount {
		return fault.Invalidf("token", "the link is not valid or has expired")
	}
	return nil
}

// checkInvited returns nil if an account is whom an invitation is for. A link
// proves who reads the address; else it must be verified. Nobody accepts what
// they offered themself.
func checkInvited(row *ent.Invitation, account *ent.User, which Which, step roster.InvitationStep) error {
	switch {
	case row.Kind == invitation.KindOWNERSHIP_TRANSFER:
		if row.UserID == nil || *row.UserID != account.ID {
			return fault.New(fault.Forbidden, "only %s can %s it", roster.TheInvited, step)
		}
	case row.EmailKey != account.EmailKey:
		return fault.New(fault.Forbidden, "this invitation was sent to another address than that of your account")
	case which.Token == "" && account.EmailVerifiedAt == nil:
		return fault.New(fault.Forbidden, "verify your address first, or use the link in the letter")
	case step == roster.AcceptInvitation && row.InvitedBy == account.ID:
		return fault.New(fault.Forbidden, "nobody invites themself; ask the owner for access")
	}
	return nil
}

func lockAccount(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.User, error) {
	query := tx.User.Query().Where(user.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	return row, nil
}

// verify writes down that a person has proved to read the address of their
// account.
func verify(ctx context.Context, tx *database.Tx, account *ent.User) error {
	if account.EmailVerifiedAt != nil {
		return nil
	}
	after, err := tx.User.UpdateOne(account).SetEmailVerifiedAt(tx.Now()).SetVersion(account.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("verify address: %w", err)
	}
	change := database.Change{Kind: typeid.User, ID: account.ID, Before: account, After: after}
	if account.HomeOrganizationID != nil {
		change.Organization = *account.HomeOrganizationID
	}
	tx.Record(change)
	return nil
}

// admit makes a person a member as an invitation says; what of its groups is gone
// is left out.
func admit(ctx context.Context, tx *database.Tx, row *ent.Invitation, account *ent.User, org records.Organization) (uuid.UUID, error) {
	joined, err := tx.Membership.Query().Where(membership.OrganizationID(org.ID), membership.UserID(account.ID)).Exist(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("look for membership: %w", err)
	}
	if joined {
		return uuid.Nil, fault.New(fault.Conflict, "you are a member already").Because(fault.AlreadyMember)
	}
	if err := roster.CheckRoom(ctx, tx, org, 1); err != nil {
		return uuid.Nil, err
	}
	groups, err := liveGroups(ctx, tx, row)
	if err != nil {
		return uuid.Nil, err
	}
	if err := checkHandedOn(ctx, tx, row, account, org, groups); err != nil {
		return uuid.Nil, err
	}
	joining := roster.JoiningOf(row)
	for _, g := range groups {
		joining.Groups = append(joining.Groups, g.ID)
	}
	member, err := roster.Join(ctx, tx, org, account.ID, joining)
	if err != nil {
		return uuid.Nil, err
	}
	return member.ID, nil
}

// checkHandedOn returns nil if what an invitation gives may reach whoever accepts
// it: when it was made, nobody knew whose hands the account would be in.
func checkHandedOn(ctx context.Context, tx *database.Tx, row *ent.Invitation, account *ent.User, org records.Organization, groups []*ent.Group) error {
	var grants []access.Grant
	for _, g := range groups {
		group, err := records.LoadGroup(ctx, g)
		if err != nil {
			return err
		}
		grants = append(grants, group.Grants(orgtree.ID(org.ID))...)
	}
	return records.CheckHandedOn(ctx, tx, org, row.InvitedBy, account.ID, grants)
}

// Decline refuses an invitation, as the person whom it is for. With the token
// from the letter nobody needs to be signed in. Errors are those of Accept.
func (s *Service) Decline(ctx context.Context, which Which) (*Invitation, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() && which.Token == "" {
		return nil, fault.New(fault.Unauthenticated, "sign in first, or use the link in the letter")
	}
	f, err := s.named(ctx, which)
	if err != nil {
		return nil, err
	}
	if which.Token == "" && !f.theirs {
		return nil, fault.New(fault.Forbidden, "only %s can %s it", roster.TheInvited, roster.DeclineInvitation)
	}
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return nil, err
	}
	if viewer.IsAnonymous() {
		// Whoever holds the link reads the address; the journal names the link.
		ctx = access.WithViewer(ctx, access.SystemViewer("invitation link"))
	}
	var after *ent.Invitation
	_, err = s.db.Write(ctx, database.Entry{Action: "declineInvitation", Organization: f.org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockOne(ctx, tx, f.row.ID)
		if err != nil {
			return err
		}
		if err := checkCount(row, f, which); err != nil {
			return err
		}
		after, err = roster.MoveInvitation(ctx, tx, row, roster.DeclineInvitation)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(after), nil
}

// Offer is what a link offers to whoever holds it.
type Offer struct {
	Kind             Kind
	Status           roster.InvitationStatus
	OrganizationName string
	Email            string
	ExpiresAt        time.Time
}

// OfLink returns what a link offers. Nobody needs to be signed in. INVALID for a
// link that is not good or is not the last that was sent.
func (s *Service) OfLink(ctx context.Context, raw string) (*Offer, error) {
	row, err := s.linked(ctx, raw)
	if err != nil {
		return nil, err
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if org.Status == orgtree.Deleted {
		return nil, fault.Invalidf("token", "the link is not valid or has expired")
	}
	i := s.wrapOne(row)
	return &Offer{Kind: i.Kind, Status: i.Status, OrganizationName: org.Name, Email: i.Email, ExpiresAt: i.ExpiresAt}, nil
}
