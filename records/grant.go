package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/notice"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// Recipients are who would receive rights: members, applications, and all who
// are in groups. It is empty where rights are only taken.
type Recipients struct {
	Memberships  []uuid.UUID
	Applications []uuid.UUID
	Groups       []uuid.UUID
	// People are accounts that are no members yet.
	People []uuid.UUID
	// OwnHands says that whoever acts would hold the rights: they are told the
	// secret of a key.
	OwnHands bool
}

// Granting is a change that gives or takes rights.
type Granting struct {
	// Grants are what is given or taken.
	Grants []access.Grant
	To     Recipients
	// Action is the mutation's name and Subject what gives the rights, such as a
	// group: the owner is told of both.
	Action, Subject string
}

// CheckGranting is the loaded form of access.CheckGranting, inside the
// transaction that makes the change: it finds out whether the rights would come
// into the viewer's own hands, and leaves a notice for the owner where the
// viewer is exempt because they come in through the tree.
func CheckGranting(ctx context.Context, tx *database.Tx, org Organization, g Granting) error {
	store := In(tx)
	switches, err := store.Switches(ctx, map[uuid.UUID]Organization{org.ID: org})
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if err := store.checkHandsBehind(ctx, viewer, g.To); err != nil {
		return err
	}
	own, err := store.inOwnHands(ctx, uuid.UUID(viewer.ID), g.To)
	if err != nil {
		return err
	}
	granting := access.Granting{Rights: access.RightsOf(g.Grants, org.Kind, switches[org.ID]), OwnHands: own}
	exempt, err := access.CheckGranting(viewer, granting, org.Target())
	if err != nil || !exempt {
		return err
	}
	return notify(ctx, tx, org, access.GroupsRoles, notice.KindRIGHTS_GRANTED, g.Action, g.Subject)
}

// CheckHandedOn returns nil if rights that somebody gave with an invitation may
// reach whoever accepts it. Where the giver may hold the credentials of the other,
// the rights come into the giver's own hands, and must be within what the giver
// holds today; FORBIDDEN otherwise, until the other chooses a password.
func CheckHandedOn(ctx context.Context, tx *database.Tx, org Organization, giver, receiver uuid.UUID, grants []access.Grant) error {
	store := In(tx)
	if giver == uuid.Nil || len(grants) == 0 {
		return nil // The platform itself has no hands.
	}
	shared, err := store.shareHands(unscoped(ctx), giver, receiver)
	if err != nil || !shared {
		return err
	}
	refusal := fault.New(fault.Forbidden, "whoever invited you may know your password; choose your own first")
	by, err := store.principalViewer(ctx, giver, access.Circumstances{At: tx.Now()})
	if fault.CodeOf(err) == fault.Unauthenticated {
		return refusal
	}
	if err != nil {
		return err
	}
	switches, err := store.Switches(ctx, map[uuid.UUID]Organization{org.ID: org})
	if err != nil {
		return err
	}
	granting := access.Granting{Rights: access.RightsOf(grants, org.Kind, switches[org.ID]), OwnHands: true}
	if _, err := access.CheckGranting(by, granting, org.Target()); err != nil {
		return refusal
	}
	return nil
}

// shareHands reports whether somebody may hold the credentials of both
// principals, or one those of the other.
func (s *Store) shareHands(ctx context.Context, a, b uuid.UUID) (bool, error) {
	own, err := s.holders(ctx, []uuid.UUID{a})
	if err != nil {
		return false, err
	}
	theirs, err := s.holders(ctx, []uuid.UUID{b})
	if err != nil {
		return false, err
	}
	for id := range theirs {
		if own[id] {
			return true, nil
		}
	}
	return false, nil
}

// principalViewer returns a user or an application as a viewer, whichever has the
// id, or UNAUTHENTICATED.
func (s *Store) principalViewer(ctx context.Context, id uuid.UUID, at access.Circumstances) (access.Viewer, error) {
	viewer, err := s.Viewer(ctx, Session{Principal: typeid.New(typeid.User, id), Circumstances: at})
	if fault.CodeOf(err) != fault.Unauthenticated {
		return viewer, err
	}
	return s.Viewer(ctx, Session{Principal: typeid.New(typeid.Application, id), Circumstances: at})
}

// maxSubject is how much of a subject a notice keeps, in bytes.
const maxSubject = 1000

// shortened returns as much of a text as a notice keeps, in whole characters.
func shortened(text string) string {
	if len(text) <= maxSubject {
		return text
	}
	return strings.ToValidUTF8(text[:maxSubject], "")
}

// notify leaves a notice for the owner of what somebody of a managing tier did
// or asks, by the permission that flows down to them.
func notify(ctx context.Context, tx *database.Tx, org Organization, by access.Permission, kind notice.Kind, action, subject string) error {
	above, ok := access.ViewerFrom(ctx).Via(by, org.Target())
	if !ok {
		return fmt.Errorf("leave a notice: %s does not flow down to %s", by, org.ID)
	}
	return leaveNotice(ctx, tx, org, uuid.UUID(above), kind, action, subject)
}

// leaveNotice leaves a notice of what the viewer did or asks with the rights of
// an organization.
func leaveNotice(ctx context.Context, tx *database.Tx, org Organization, by uuid.UUID, kind notice.Kind, action, subject string) error {
	row, err := tx.Notice.Create().
		SetID(tx.NewID()).SetOrganizationID(org.ID).SetKind(kind).
		SetActorID(uuid.UUID(access.ViewerFrom(ctx).ID)).SetActorOrganizationID(by).
		SetAction(action).SetSubject(shortened(subject)).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("leave a notice: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Notice, ID: row.ID, Organization: org.ID, After: row})
	return nil
}

// AnnounceRequest leaves a notice that somebody of a managing tier asks to
// become a member.
func AnnounceRequest(ctx context.Context, tx *database.Tx, org Organization, subject string) error {
	return notify(ctx, tx, org, access.OrgRead, notice.KindACCESS_REQUESTED, "requestAccess", subject)
}

// checkHandsBehind returns FORBIDDEN if rights would come into the hands of
// whoever acts in the viewer's place: what they are given there would outlast
// their being there.
func (s *Store) checkHandsBehind(ctx context.Context, viewer access.Viewer, to Recipients) error {
	if !viewer.IsImpersonated() {
		return nil
	}
	own, err := s.inOwnHands(ctx, uuid.UUID(viewer.By.ID), to)
	if err == nil && own {
		return fault.New(fault.Forbidden, "nobody gives rights to themself in somebody else's place")
	}
	return err
}

// AnnounceImpersonation leaves a notice that somebody of the platform acts in the
// place of a member.
func AnnounceImpersonation(ctx context.Context, tx *database.Tx, org Organization, person string) error {
	return leaveNotice(ctx, tx, org, org.Line()[0].ID, notice.KindIMPERSONATED, "impersonate", person)
}

// inOwnHands reports whether one of the recipients is in the hands of whoever
// acts: they are the same, or somebody may hold the credentials of both.
func (s *Store) inOwnHands(ctx context.Context, actor uuid.UUID, to Recipients) (bool, error) {
	ctx, viewer := unscoped(ctx), access.ViewerFrom(ctx)
	if to.OwnHands {
		return true, nil
	}
	recipients, err := s.principals(ctx, to)
	if err != nil || len(recipients) == 0 || viewer.IsSystem() {
		return false, err
	}
	own, err := s.holders(ctx, []uuid.UUID{actor})
	if err != nil {
		return false, err
	}
	theirs, err := s.holders(ctx, recipients)
	if err != nil {
		return false, err
	}
	for id := range theirs {
		if own[id] {
			return true, nil
		}
	}
	return false, nil
}

// principals returns the users and applications among recipients.
func (s *Store) principals(ctx context.Context, to Recipients) ([]uuid.UUID, error) {
	memberships, ids := slices.Clone(to.Memberships), slices.Concat(to.Applications, to.People)
	if len(to.Groups) > 0 {
		rows, err := s.client.GroupMember.Query().Where(groupmember.GroupIDIn(to.Groups...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load group members: %w", err)
		}
		for _, row := range rows {
			if row.MembershipID != nil {
				memberships = append(memberships, *row.MembershipID)
			} else {
				ids = append(ids, *row.ApplicationID)
			}
		}
	}
	if len(memberships) == 0 {
		return ids, nil
	}
	rows, err := s.client.Membership.Query().Where(membership.IDIn(memberships...)).Select(membership.FieldUserID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load members: %w", err)
	}
	for _, row := range rows {
		ids = append(ids, row.UserID)
	}
	return ids, nil
}

// holders returns some principals with everybody who may hold their
// credentials: who set a person's password, who made a key of an application,
// and who holds the credentials of these.
func (s *Store) holders(ctx context.Context, principals []uuid.UUID) (map[uuid.UUID]bool, error) {
	held := map[uuid.UUID]bool{}
	for next := principals; len(next) > 0; {
		var fresh []uuid.UUID
		for _, id := range next {
			if !held[id] {
				held[id] = true
				fresh = append(fresh, id)
			}
		}
		var err error
		next, err = s.credentialsOf(ctx, fresh)
		if err != nil {
			return nil, err
		}
	}
	return held, nil
}

// credentialsOf returns who set the passwords of people and who made the keys of
// applications.
func (s *Store) credentialsOf(ctx context.Context, principals []uuid.UUID) ([]uuid.UUID, error) {
	if len(principals) == 0 {
		return nil, nil
	}
	people, err := s.client.User.Query().Where(user.IDIn(principals...), user.CredentialsSetByNotNil()).Select(user.FieldCredentialsSetBy).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load who set passwords: %w", err)
	}
	var setters []uuid.UUID
	for _, row := range people {
		setters = append(setters, *row.CredentialsSetBy)
	}
	keys, err := s.client.APIKey.Query().
		Where(apikey.HasApplicationWith(application.IDIn(principals...))).
		Select(apikey.FieldCreatedBy).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load who made keys: %w", err)
	}
	for _, row := range keys {
		setters = append(setters, row.CreatedBy)
	}
	return setters, nil
}

// LoadGroup returns a group with its projects and policies as rights see it.
func LoadGroup(ctx context.Context, row *ent.Group) (access.Group, error) {
	projects, err := row.QueryGroupProjects().All(unscoped(ctx))
	if err != nil {
		return access.Group{}, fmt.Errorf("load projects of group: %w", err)
	}
	policies, err := row.QueryPolicies().All(unscoped(ctx))
	if err != nil {
		return access.Group{}, fmt.Errorf("load policies of group: %w", err)
	}
	row.Edges.GroupProjects, row.Edges.Policies = projects, policies
	return GroupOf(row), nil
}
