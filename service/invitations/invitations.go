package invitations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes invitations.
type Service struct {
	db      *database.DB
	records *records.Store
	issuer  token.Issuer
}

// New returns the service. The issuer has signed the links of the letters.
func New(db *database.DB, store *records.Store, issuer token.Issuer) *Service {
	return &Service{db: db, records: store, issuer: issuer}
}

// Kind says what an invitation offers.
type Kind string

// The kinds of invitation.
const (
	OfMembership Kind = "MEMBERSHIP"
	OfOwnership  Kind = "OWNERSHIP_TRANSFER"
)

// Invitation is an invitation as the API shows it.
type Invitation struct {
	ID     typeid.ID
	Kind   Kind
	Status roster.InvitationStatus
	Email  string
	// Role is what the person becomes by the built-in groups, GroupIDs what they
	// join besides.
	Role      access.MemberRole
	GroupIDs  []typeid.ID
	Tags      []string
	SentCount int
	ExpiresAt time.Time
	DecidedAt *time.Time
	CreatedAt time.Time
	Version   int

	organization  uuid.UUID
	organizations *batch.Siblings
}

// Identity returns the id.
func (i *Invitation) Identity() typeid.ID { return i.ID }

// Connection is a page of invitations.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many invitations there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is an invitation in a page.
type Edge struct {
	Cursor string
	Node   *Invitation
}

// Where says which invitations of a list; conditions are joined by and. The zero
// value of a field says nothing.
type Where struct {
	Status roster.InvitationStatus
	Kind   Kind
}

// predicates returns the conditions at a time: what has expired is EXPIRED
// whether or not it was noticed.
func (w Where) predicates(now time.Time) []predicate.Invitation {
	var list []predicate.Invitation
	if w.Kind != "" {
		list = append(list, invitation.KindEQ(invitation.Kind(w.Kind)))
	}
	switch w.Status {
	case "":
	case roster.InvitationPending:
		list = append(list, open(now))
	case roster.InvitationExpired:
		list = append(list, invitation.Or(
			invitation.StatusEQ(invitation.StatusEXPIRED),
			invitation.And(invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtLTE(now)),
		))
	default:
		list = append(list, invitation.StatusEQ(invitation.Status(w.Status)))
	}
	return list
}

// open returns the predicate of the invitations that wait for an answer.
func open(now time.Time) predicate.Invitation {
	return invitation.And(invitation.StatusEQ(invitation.StatusPENDING), invitation.ExpiresAtGT(now))
}

// Get returns an invitation of the viewer's, or of an organization in which they
// may see invitations; NOT_FOUND for others.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Invitation, error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrapOne(found.row), nil
}

// Organization returns the organization of an invitation. Whoever sees the
// invitation may know who invites.
func (s *Service) Organization(ctx context.Context, i *Invitation) (*records.Reference, error) {
	org, err := batch.Load(ctx, i.organizations, "record", i.organization, s.records.Organizations)
	if err != nil {
		return nil, err
	}
	id := typeid.New(typeid.Organization, org.ID)
	return &records.Reference{ID: &id, Name: org.Name, Kind: org.Kind}, nil
}

// Of returns a page of an organization's invitations, the newest first: all of
// them with members:invite or users:read, else none.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where Where) (*Connection, error) {
	type key struct {
		window page.Window
		where  Where
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		visible, err := s.visibleIn(ctx, ids)
		if err != nil {
			return nil, err
		}
		which := invitation.And(append(where.predicates(s.db.Now()), invitation.OrganizationIDIn(visible...))...)
		return s.pages(ctx, list{
			parents: ids, window: window, column: invitation.FieldOrganizationID, where: which,
			parentOf: func(row *ent.Invitation) uuid.UUID { return row.OrganizationID },
			count:    func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) { return s.count(ctx, ids, which) },
		})
	})
}

// visibleIn returns those of some organizations whose invitations the viewer may
// see.
func (s *Service) visibleIn(ctx context.Context, organizations []uuid.UUID) ([]uuid.UUID, error) {
	found, err := s.records.Organizations(ctx, organizations)
	if err != nil {
		return nil, err
	}
	var visible []uuid.UUID
	for id, org := range found {
		if sees(access.ViewerFrom(ctx), org) {
			visible = append(visible, id)
		}
	}
	return visible, nil
}

// sees reports whether a viewer may see the invitations of an organization.
func sees(viewer access.Viewer, org records.Organization) bool {
	return access.Check(viewer, access.MembersInvite, org.Target()) == nil || access.Check(viewer, access.UsersRead, org.Target()) == nil
}

// Mine returns a page of the open invitations of the viewer, the newest first.
func (s *Service) Mine(ctx context.Context, args page.Args) (*Connection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	which, err := s.ofViewer(ctx)
	if err != nil {
		return nil, err
	}
	// The viewer is no member yet of those who invite.
	ctx = database.Unguarded(ctx)
	me := uuid.UUID(access.ViewerFrom(ctx).ID)
	which = invitation.And(which, open(s.db.Now()))
	connections, err := s.pages(ctx, list{
		parents: []uuid.UUID{me}, window: window, where: which,
		parentOf: func(*ent.Invitation) uuid.UUID { return me },
		count: func(ctx context.Context, _ []uuid.UUID) (map[uuid.UUID]int, error) {
			n, err := s.db.Client().Invitation.Query().Where(which).Count(database.Unguarded(ctx))
			return map[uuid.UUID]int{me: n}, err
		},
	})
	if err != nil {
		return nil, err
	}
	return connections[me], nil
}

// ofViewer returns the predicate of the invitations that are for the viewer: to
// join, to their verified address; to own, to themself. A token that is bound to
// an organization is good for the invitations of that one alone.
func (s *Service) ofViewer(ctx context.Context) (predicate.Invitation, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return invitation.IDIn(), nil
	}
	account, err := s.db.Client().User.Get(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return nil, fmt.Errorf("load account: %w", err)
	}
	which := invitation.And(invitation.KindEQ(invitation.KindOWNERSHIP_TRANSFER), invitation.UserID(account.ID))
	if account.EmailVerifiedAt != nil {
		which = invitation.Or(which, invitation.And(invitation.KindEQ(invitation.KindMEMBERSHIP), invitation.EmailKey(account.EmailKey)))
	}
	if viewer.Organization != (orgtree.ID{}) {
		which = invitation.And(which, invitation.OrganizationID(uuid.UUID(viewer.Organization)))
	}
	return which, nil
}

// order is that of invitations: the newest first.
func order() database.Order { return database.Order{Descending: true} }

// list is a list of invitations for each of some parents.
type list struct {
	parents []uuid.UUID
	window  page.Window
	// column is that of the parent, "" where there is one parent of all rows.
	column   string
	where    predicate.Invitation
	parentOf func(*ent.Invitation) uuid.UUID
	count    batch.Counter
}

// pages reads one page of invitations for each parent in one statement.
func (s *Service) pages(ctx context.Context, l list) (map[uuid.UUID]*Connection, error) {
	modify, err := order().Page(l.window, l.column)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Invitation.Query().Where(l.where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	shown := s.wrap(rows)
	parts := batch.Parts(l.parents, l.window, rows, l.parentOf,
		func(row *ent.Invitation) string { return order().Cursor("", row.ID.String()) },
		func(cursor string, row *ent.Invitation) Edge { return Edge{Cursor: cursor, Node: shown[row.ID]} },
		l.count)
	connections := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		connections[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, organizations []uuid.UUID, where predicate.Invitation) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Invitation.Query().Where(where).GroupBy(invitation.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count invitations: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(organizations, counted), nil
}

// wrap shows invitations, by id.
func (s *Service) wrap(rows []*ent.Invitation) map[uuid.UUID]*Invitation {
	homes := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i] = row.OrganizationID
	}
	organizations, now := batch.Of(homes...), s.db.Now()
	shown := make(map[uuid.UUID]*Invitation, len(rows))
	for _, row := range rows {
		shown[row.ID] = &Invitation{
			ID: typeid.New(typeid.Invitation, row.ID), Kind: Kind(row.Kind), Status: roster.InvitationStatusAt(row, now),
			Email: row.Email, Role: roleOf(row), GroupIDs: typedGroups(row), Tags: row.Tags, SentCount: row.SentCount,
			ExpiresAt: row.ExpiresAt.UTC(), DecidedAt: database.InUTC(row.DecidedAt), CreatedAt: row.CreatedAt.UTC(), Version: row.Version,
			organization: row.OrganizationID, organizations: organizations,
		}
	}
	return shown
}

func (s *Service) wrapOne(row *ent.Invitation) *Invitation {
	return s.wrap([]*ent.Invitation{row})[row.ID]
}

func roleOf(row *ent.Invitation) access.MemberRole {
	if row.Builtin == nil {
		return access.AsMember
	}
	return row.Builtin.Role()
}

// groupsOf returns the groups that an invitation names.
func groupsOf(row *ent.Invitation) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(row.Groups))
	for _, text := range row.Groups {
		if id, err := uuid.Parse(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func typedGroups(row *ent.Invitation) []typeid.ID {
	ids := []typeid.ID{}
	for _, id := range groupsOf(row) {
		ids = append(ids, typeid.New(typeid.Group, id))
	}
	return ids
}

// found is an invitation as it was found for the viewer.
type found struct {
	row *ent.Invitation
	org records.Organization
	// theirs says that it is for the viewer.
	theirs bool
}

// find returns an invitation that the viewer can see, or NOT_FOUND.
func (s *Service) find(ctx context.Context, id uuid.UUID) (found, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return found{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	// The viewer may be outside of the organization that invites them.
	row, err := s.db.Client().Invitation.Get(database.Unguarded(ctx), id)
	if ent.IsNotFound(err) {
		return found{}, fault.Missing("invitation")
	}
	if err != nil {
		return found{}, fmt.Errorf("get invitation: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return found{}, err
	}
	f := found{row: row, org: org}
	if f.theirs, err = s.isForViewer(ctx, id); err != nil {
		return found{}, err
	}
	if !f.theirs && !sees(viewer, org) {
		return found{}, fault.Missing("invitation")
	}
	return f, nil
}

func (s *Service) isForViewer(ctx context.Context, id uuid.UUID) (bool, error) {
	which, err := s.ofViewer(ctx)
	if err != nil {
		return false, err
	}
	// As in find.
	theirs, err := s.db.Client().Invitation.Query().Where(invitation.ID(id), which).Exist(database.Unguarded(ctx))
	if err != nil {
		return false, fmt.Errorf("look whose invitation it is: %w", err)
	}
	return theirs, nil
}

// checkInUse returns nil if an organization is in use.
func checkInUse(org records.Organization) error {
	switch org.Status {
	case orgtree.Locked:
		return fault.New(fault.OrganizationLocked, "the organization is locked")
	case orgtree.Deactivated:
		return fault.New(fault.OrganizationDeactivated, "the organization is deactivated")
	case orgtree.Deleted:
		return fault.Missing("invitation")
	case orgtree.Active, orgtree.PendingActivation:
	}
	return nil
}
