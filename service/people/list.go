package people

import (
	"context"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqljson"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/roster"
)

// MemberStatus is the state of a membership as lists show it.
type MemberStatus string

// The states of a membership; the first that fits counts.
const (
	MemberLocked  MemberStatus = "LOCKED"
	MemberInvited MemberStatus = "INVITED"
	MemberNoSeat  MemberStatus = "NO_SEAT"
	MemberActive  MemberStatus = "ACTIVE"
)

// Status returns the state of a membership.
func (m *Membership) Status() MemberStatus {
	switch {
	case m.Locked || m.User.Status == Locked:
		return MemberLocked
	case m.User.Status == Invited:
		return MemberInvited
	case !m.seated:
		return MemberNoSeat
	default:
		return MemberActive
	}
}

// in returns the predicate of the memberships in a state.
func (s MemberStatus) in() predicate.Membership {
	open := membership.And(membership.Locked(false), membership.HasUserWith(user.StatusNEQ(user.StatusLOCKED)))
	invited := membership.HasUserWith(user.StatusEQ(user.StatusINVITED))
	switch s {
	case MemberLocked:
		return membership.Not(open)
	case MemberInvited:
		return membership.And(open, invited)
	case MemberNoSeat:
		return membership.And(open, membership.Not(invited), membership.Seated(false))
	case MemberActive:
		return membership.And(open, membership.Not(invited), membership.Seated(true))
	default:
		return membership.IDIn()
	}
}

// MemberWhere says which members of a list; conditions are joined by and.
type MemberWhere struct {
	// Search is a part of the username, the name or the address.
	Search string
	// Status are the states of which one must fit; nil is any.
	Status []MemberStatus
	// Group is a group that they are in.
	Group      *uuid.UUID
	Builtin    *access.Builtin
	MFAEnabled *bool
	Tag        *string
	Owner      *bool
}

// key returns the condition as a map key.
func (w MemberWhere) key() string {
	return fmt.Sprintf("%q %v %v %v %v %v %v", w.Search, w.Status, orNil(w.Group), orNil(w.Builtin), orNil(w.MFAEnabled), orNil(w.Tag), orNil(w.Owner))
}

func orNil[T any](p *T) any {
	if p == nil {
		return nil
	}
	return fmt.Sprintf("%q", fmt.Sprint(*p))
}

// check returns INVALID for a tag that no member can have.
func (w MemberWhere) check() error {
	if w.Tag == nil {
		return nil
	}
	return roster.CheckTag("where.tag", *w.Tag)
}

// isIn reports whether a viewer is in a group.
func isIn(viewer access.Viewer, group uuid.UUID) bool {
	for _, s := range viewer.Standings {
		if s.IsIn(orgtree.ID(group)) {
			return true
		}
	}
	return false
}

// predicates returns the conditions on memberships. Whether somebody is in a group
// is told to those who may see the group: with groups:read there, or in it.
func (w MemberWhere) predicates(ctx context.Context, groupReaders []uuid.UUID) []predicate.Membership {
	var list []predicate.Membership
	if w.Search != "" {
		list = append(list, membership.HasUserWith(user.Or(
			database.ContainsFold(user.FieldUsername, w.Search), database.ContainsFold(user.FieldName, w.Search), database.ContainsFold(user.FieldEmail, w.Search),
		)))
	}
	if w.Status != nil {
		states := make([]predicate.Membership, len(w.Status))
		for i, status := range w.Status {
			states[i] = status.in()
		}
		list = append(list, membership.Or(append(states, membership.IDIn())...))
	}
	if w.Group != nil {
		list = append(list, membership.HasGroupMembersWith(groupmember.GroupID(*w.Group)))
		if !isIn(access.ViewerFrom(ctx), *w.Group) {
			list = append(list, membership.OrganizationIDIn(groupReaders...))
		}
	}
	if w.Builtin != nil {
		list = append(list, membership.HasGroupMembersWith(groupmember.HasGroupWith(group.BuiltinEQ(*w.Builtin))))
	}
	if w.MFAEnabled != nil {
		list = append(list, membership.HasUserWith(user.MfaEnabled(*w.MFAEnabled)))
	}
	if w.Tag != nil {
		list = append(list, func(s *entsql.Selector) { s.Where(sqljson.ValueContains(s.C(membership.FieldTags), *w.Tag)) })
	}
	if w.Owner != nil {
		list = append(list, membership.Owner(*w.Owner))
	}
	return list
}

// MemberOrder is how a list of members is sorted.
type MemberOrder struct {
	Field      MemberField
	Descending bool
}

// MemberField is what members are sorted by.
type MemberField int

// What members are sorted by.
const (
	ByAge MemberField = iota
	ByUsername
	ByName
	ByEmail
	ByLastLogin
)

// order returns how the rows of a list are sorted.
func (o MemberOrder) order() database.Order {
	by := database.Order{Descending: o.Descending}
	switch o.Field {
	case ByUsername:
		by.By = ofUser(user.FieldUsernameKey)
	case ByName:
		by.By = ofUser(user.FieldName)
	case ByEmail:
		by.By = ofUser(user.FieldEmailKey)
	case ByLastLogin:
		by.By = &database.Expression{
			Write: func(b *entsql.Builder, s *entsql.Selector) {
				b.WriteString("COALESCE((")
				userColumn(b, s, user.FieldLastLoginAt)
				b.WriteString("), ").Arg(never()).WriteString(")")
			},
			Value: func(text string) (any, error) { return time.Parse(time.RFC3339Nano, text) },
		}
	case ByAge:
	}
	return by
}

// never is when those last signed in who never did.
func never() time.Time { return time.Unix(0, 0).UTC() }

// ofUser sorts memberships by a text column of their user, without regard to case.
func ofUser(column string) *database.Expression {
	return &database.Expression{
		Write: func(b *entsql.Builder, s *entsql.Selector) {
			b.WriteString("LOWER((")
			userColumn(b, s, column)
			b.WriteString("))")
		},
	}
}

// userColumn writes the query of a column of the user of a membership.
func userColumn(b *entsql.Builder, s *entsql.Selector, column string) {
	b.WriteString("SELECT ").Ident("sorted").WriteString(".").Ident(column).
		WriteString(" FROM ").Ident(user.Table).WriteString(" AS ").Ident("sorted").
		WriteString(" WHERE ").Ident("sorted").WriteString(".").Ident(user.FieldID).WriteString(" = ").Ident(s.C(membership.FieldUserID))
}

// cursor returns the cursor of a membership.
func (o MemberOrder) cursor(m *Membership) string {
	text := ""
	switch o.Field {
	case ByUsername:
		text = m.User.Username
	case ByName:
		text = m.User.Name
	case ByEmail:
		text = m.User.email
	case ByLastLogin:
		at := never()
		if m.lastLoginAt != nil {
			at = m.lastLoginAt.UTC()
		}
		text = at.Format(time.RFC3339Nano)
	case ByAge:
	}
	return o.order().Cursor(text, m.ID.UUID.String())
}

// Members returns a page of an organization's members: all of them with
// users:read, else the viewer alone. INVALID for a tag that nobody can have.
func (s *Service) Members(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args, where MemberWhere, order MemberOrder) (*MembershipConnection, error) {
	type key struct {
		window page.Window
		where  string
		order  MemberOrder
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	if err := where.check(); err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window, where.key(), order}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*MembershipConnection, error) {
		visible, err := s.visibleMembers(ctx, ids)
		if err != nil {
			return nil, err
		}
		readers, err := s.allowedIn(ctx, access.GroupsRead, ids)
		if err != nil {
			return nil, err
		}
		l := memberList{
			column: membership.FieldOrganizationID, parentOf: func(m *Membership) uuid.UUID { return m.OrganizationID },
			where: membership.And(append(where.predicates(ctx, readers), visible)...), order: order,
		}
		return s.pages(ctx, ids, window, l)
	})
}

// memberList is which memberships belong to a parent, and how they are sorted.
type memberList struct {
	// column names the parent, and parentOf returns it.
	column   string
	parentOf func(*Membership) uuid.UUID
	where    predicate.Membership
	order    MemberOrder
}

// pages reads one page of memberships for each parent in one statement.
func (s *Service) pages(ctx context.Context, parents []uuid.UUID, window page.Window, l memberList) (map[uuid.UUID]*MembershipConnection, error) {
	modify, err := l.order.order().Page(window, l.column)
	if err != nil {
		return nil, err
	}
	query := withPeople(s.db.Client().Membership.Query().Where(l.where))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	parts := batch.Parts(parents, window, wrapMemberships(rows), l.parentOf, l.order.cursor,
		func(cursor string, m *Membership) MembershipEdge { return MembershipEdge{Cursor: cursor, Node: m} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.count(ctx, ids, l.column, l.where)
		})
	connections := make(map[uuid.UUID]*MembershipConnection, len(parts))
	for id, part := range parts {
		connections[id] = &MembershipConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func (s *Service) count(ctx context.Context, parents []uuid.UUID, column string, where predicate.Membership) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		UserID         uuid.UUID `json:"user_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Membership.Query().Where(where).GroupBy(column).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		if column == membership.FieldUserID {
			row.OrganizationID = row.UserID
		}
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(parents, counted), nil
}
