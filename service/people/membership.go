package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Leave ends the viewer's own membership, whatever the state of the organization.
// OWNER_IMMUTABLE for the owner; FORBIDDEN for applications, API keys and whoever
// acts in somebody else's place, and for those who are no member.
func (s *Service) Leave(ctx context.Context, organization uuid.UUID) error {
	org, err := s.records.Check(ctx, access.OrgRead, organization)
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User || !viewer.Key.IsZero() || viewer.IsImpersonated() {
		return fault.New(fault.Forbidden, "people leave in person")
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "leaveOrganization", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockMember(ctx, tx, org.ID, uuid.UUID(viewer.ID))
		if fault.CodeOf(err) == fault.NotFound {
			return fault.New(fault.Forbidden, "only members leave an organization")
		}
		if err != nil {
			return err
		}
		if _, err := nextMember(memberStateOf(row), leaving); err != nil {
			return err
		}
		return roster.Leave(ctx, tx, row)
	})
	if err != nil {
		return err
	}
	return s.renewOrForget(ctx)
}

// renewOrForget renews the viewer, who may have ended themself.
func (s *Service) renewOrForget(ctx context.Context) error {
	err := s.records.Renew(ctx)
	if fault.CodeOf(err) == fault.Unauthenticated {
		access.Renew(ctx, access.Viewer{})
		return nil
	}
	return err
}

// Remove ends somebody's membership. Needs members:remove and the right to grant
// what the member was granted. OWNER_IMMUTABLE for the owner, NOT_FOUND for those
// who are no member.
func (s *Service) Remove(ctx context.Context, organization, person uuid.UUID) error {
	err := s.change(ctx, changing{organization, person, access.MembersRemove, "removeMember", removing}, roster.Leave)
	if err != nil {
		return err
	}
	return s.renewOrForget(ctx)
}

// LockMember locks a membership. Needs users:lock and the right to grant what the
// member was granted. OWNER_IMMUTABLE for the owner, CONFLICT for one that is
// locked, NOT_FOUND for those who are no member.
func (s *Service) LockMember(ctx context.Context, organization, person uuid.UUID) (*Membership, error) {
	return s.changed(ctx, changing{organization, person, access.UsersLock, "lockMember", locking}, func(ctx context.Context, tx *database.Tx, row *ent.Membership) error {
		set := tx.Membership.UpdateOne(row).SetLocked(true).SetLockReason(membership.LockReasonMANUAL)
		if err := update(ctx, tx, row, set); err != nil {
			return err
		}
		return roster.CancelTransfersTo(ctx, tx, organization, person)
	})
}

// UnlockMember unlocks a membership, whose grace period begins anew. Errors are
// those of LockMember.
func (s *Service) UnlockMember(ctx context.Context, organization, person uuid.UUID) (*Membership, error) {
	return s.changed(ctx, changing{organization, person, access.UsersLock, "unlockMember", unlocking}, func(ctx context.Context, tx *database.Tx, row *ent.Membership) error {
		return update(ctx, tx, row, tx.Membership.UpdateOne(row).SetLocked(false).ClearLockReason().ClearGraceUntil())
	})
}

// MemberUpdate is what updateMember is asked for; nil leaves a field as it is.
type MemberUpdate struct {
	Organization, Person uuid.UUID
	Seated               *bool
	Tags                 []string
}

// UpdateMember gives a member a seat or takes it, and sets the tags. Needs
// users:write. LIMIT_EXCEEDED where there is no seat, INVALID for tags that cannot
// be, NOT_FOUND for those who are no member.
func (s *Service) UpdateMember(ctx context.Context, u MemberUpdate) (*Membership, error) {
	org, err := s.records.Check(ctx, access.UsersWrite, u.Organization)
	if err != nil {
		return nil, err
	}
	if err := roster.CheckTags(u.Tags); err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "updateMember", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockMember(ctx, tx, org.ID, u.Person)
		if err != nil {
			return err
		}
		if u.Seated != nil && *u.Seated && !row.Seated {
			if err := records.CheckQuota(ctx, tx, org, records.QuotaSeats, 1); err != nil {
				return err
			}
		}
		set := tx.Membership.UpdateOne(row).SetNillableSeated(u.Seated)
		if u.Tags != nil {
			set.SetTags(u.Tags)
		}
		return update(ctx, tx, row, set)
	})
	if err != nil {
		return nil, err
	}
	return s.memberOf(ctx, u.Organization, u.Person)
}

func update(ctx context.Context, tx *database.Tx, row *ent.Membership, set *ent.MembershipUpdateOne) error {
	after, err := set.SetVersion(row.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("update membership: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	return nil
}

// changing is a step that somebody takes with another's membership.
type changing struct {
	organization, person uuid.UUID
	needs                access.Permission
	action               string
	step                 memberStep
}

// change takes a step with a membership of somebody who is not the owner.
func (s *Service) change(ctx context.Context, c changing, apply func(ctx context.Context, tx *database.Tx, row *ent.Membership) error) error {
	org, err := s.records.Check(ctx, c.needs, c.organization)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: c.action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockMember(ctx, tx, org.ID, c.person)
		if err != nil {
			return err
		}
		if row.Owner {
			return ownerImmutable()
		}
		if err := checkMember(ctx, tx, org, row, records.Recipients{}, c.action); err != nil {
			return err
		}
		if _, err := nextMember(memberStateOf(row), c.step); err != nil {
			return err
		}
		return apply(ctx, tx, row)
	})
	return err
}

// changed is change, and returns the membership as it is then.
func (s *Service) changed(ctx context.Context, c changing, apply func(ctx context.Context, tx *database.Tx, row *ent.Membership) error) (*Membership, error) {
	if err := s.change(ctx, c, apply); err != nil {
		return nil, err
	}
	return s.memberOf(ctx, c.organization, c.person)
}

func ownerImmutable() error {
	return fault.New(fault.OwnerImmutable, "this is the owner of the organization, who stays as they are until it is handed over")
}

// memberOf returns a membership after a change of it, with the viewer as they are
// since.
func (s *Service) memberOf(ctx context.Context, organization, person uuid.UUID) (*Membership, error) {
	row, err := withPeople(s.db.Client().Membership.Query().Where(membership.OrganizationID(organization), membership.UserID(person))).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("get membership: %w", err)
	}
	return wrapMemberships([]*ent.Membership{row})[0], s.renewOrForget(ctx)
}

// lockMember returns a membership with its place and its person. Its row stays
// locked until the transaction ends. NOT_FOUND for those who are no member.
func lockMember(ctx context.Context, tx *database.Tx, organization, person uuid.UUID) (*ent.Membership, error) {
	query := records.WithPlace(tx.Membership.Query().Where(membership.OrganizationID(organization), membership.UserID(person))).WithUser()
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("member")
	}
	if err != nil {
		return nil, fmt.Errorf("lock membership: %w", err)
	}
	return row, nil
}

// checkMember returns nil if the viewer may act on a member: what the member was
// granted must be within what the viewer may grant. The owner is told of the
// action where somebody of a managing tier may.
func checkMember(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Membership, to records.Recipients, action string) error {
	var grants []access.Grant
	place := records.PlaceOf(row)
	for _, g := range place.Groups {
		grants = append(grants, g.Grants(orgtree.ID(org.ID))...)
	}
	for _, policy := range place.Policies {
		grants = append(grants, policy.Grants(orgtree.ID(org.ID), orgtree.ID{})...)
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{Grants: grants, To: to, Action: action, Subject: row.Edges.User.Username})
}

// SetRole moves a member between the built-in groups: administrators, editors and
// plain members replace each other, billing administrators are added. Needs
// members:role, or billingadmin:assign, and the right to grant what is given and
// taken. OWNER_IMMUTABLE for the owner, NOT_FOUND for those who are no member.
func (s *Service) SetRole(ctx context.Context, organization, person uuid.UUID, role access.MemberRole) (*Membership, error) {
	needed := access.MembersRole
	if role == access.AsBillingAdministrator {
		needed = access.BillingAdminAssign
	}
	org, err := s.records.Check(ctx, needed, organization)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "setMemberRole", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockMember(ctx, tx, org.ID, person)
		if err != nil {
			return err
		}
		if row.Owner {
			return ownerImmutable()
		}
		return setRole(ctx, tx, org, row, role)
	})
	if err != nil {
		return nil, err
	}
	return s.memberOf(ctx, organization, person)
}

// replaced returns the built-in groups that a role takes its member out of.
func replaced(role access.MemberRole) []access.Builtin {
	switch role {
	case access.AsAdministrator:
		return []access.Builtin{access.Editors}
	case access.AsEditor:
		return []access.Builtin{access.Administrators}
	case access.AsMember:
		return []access.Builtin{access.Administrators, access.Editors}
	case access.AsBillingAdministrator:
	}
	return nil
}

func setRole(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.Membership, role access.MemberRole) error {
	in := map[access.Builtin]*ent.GroupMember{}
	for _, place := range row.Edges.GroupMembers {
		if g := place.Edges.Group; g.Builtin != nil {
			in[*g.Builtin] = place
		}
	}
	for _, builtin := range replaced(role) {
		if place := in[builtin]; place != nil {
			if err := leaveBuiltin(ctx, tx, org, place); err != nil {
				return err
			}
		}
	}
	if role == access.AsMember || role == access.AsEditor {
		if err := roster.CancelTransfersTo(ctx, tx, org.ID, row.UserID); err != nil {
			return err
		}
	}
	builtin, joins := role.Builtin()
	if !joins || in[builtin] != nil {
		return nil
	}
	group, err := roster.BuiltinGroup(ctx, tx, org.ID, builtin)
	if err != nil {
		return err
	}
	err = roster.CheckPlacing(ctx, tx, []*ent.Group{group}, records.Recipients{Memberships: []uuid.UUID{row.ID}}, org, "setMemberRole")
	if err != nil {
		return err
	}
	return roster.Place(ctx, tx, row, []uuid.UUID{group.ID})
}

// leaveBuiltin takes a member out of a built-in group.
func leaveBuiltin(ctx context.Context, tx *database.Tx, org records.Organization, place *ent.GroupMember) error {
	if err := roster.CheckPlacing(ctx, tx, []*ent.Group{place.Edges.Group}, records.Recipients{}, org, "setMemberRole"); err != nil {
		return err
	}
	if _, err := tx.GroupMember.Delete().Where(groupmember.ID(place.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("leave built-in group: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: org.ID, Before: place})
	return nil
}
