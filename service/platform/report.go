package platform

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/activity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
)

// Report is the platform in numbers: as it is, and in a month.
type Report struct {
	Month pricing.Month
	// Organizations are counted by kind and status, those of which there are none
	// left out.
	Organizations []OrganizationCount
	// CreatedOrganizations and DeletedOrganizations are those of the month.
	CreatedOrganizations, DeletedOrganizations int
	// Accounts are those that are not deleted, Memberships their places.
	Accounts, Memberships int
	// ActiveUsers are those who signed in during the month, each once.
	ActiveUsers int
}

// OrganizationCount is how many organizations there are of a kind and status.
type OrganizationCount struct {
	Kind   orgtree.Kind
	Status orgtree.Status
	Count  int
}

// Report returns the platform in numbers, for those with platform:read. It takes
// a fixed number of statements.
func (s *Service) Report(ctx context.Context, month pricing.Month) (*Report, error) {
	if _, err := s.records.CheckPlatform(ctx, access.PlatformRead); err != nil {
		return nil, err
	}
	report := &Report{Month: month}
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error { return report.fill(ctx, tx) })
	if err != nil {
		return nil, err
	}
	return report, nil
}

// fill counts in one snapshot.
func (r *Report) fill(ctx context.Context, tx *database.Tx) error {
	err := tx.Organization.Query().
		GroupBy(organization.FieldKind, organization.FieldStatus).
		Aggregate(ent.Count()).
		Scan(ctx, &r.Organizations)
	if err != nil {
		return fmt.Errorf("count organizations: %w", err)
	}
	slices.SortFunc(r.Organizations, func(a, b OrganizationCount) int {
		return strings.Compare(string(a.Kind)+" "+string(a.Status), string(b.Kind)+" "+string(b.Status))
	})
	start, end := r.Month.Start(), r.Month.Next().Start()
	for _, count := range []struct {
		into *int
		take func(context.Context) (int, error)
	}{
		{&r.CreatedOrganizations, tx.Organization.Query().Where(organization.CreatedAtGTE(start), organization.CreatedAtLT(end)).Count},
		{&r.DeletedOrganizations, tx.Organization.Query().Where(organization.DeletedAtGTE(start), organization.DeletedAtLT(end)).Count},
		{&r.Accounts, tx.User.Query().Where(user.StatusNEQ(user.StatusDELETED)).Count},
		{&r.Memberships, tx.Membership.Query().Where(membership.HasOrganizationWith(organization.StatusNEQ(orgtree.Deleted))).Count},
		{&r.ActiveUsers, func(ctx context.Context) (int, error) { return activeUsers(ctx, tx, r.Month) }},
	} {
		if *count.into, err = count.take(ctx); err != nil {
			return fmt.Errorf("count for the report: %w", err)
		}
	}
	return nil
}

// activeUsers counts those who were active anywhere in a month, each once.
func activeUsers(ctx context.Context, tx *database.Tx, month pricing.Month) (int, error) {
	var counted []struct {
		People int `json:"people"`
	}
	err := tx.Activity.Query().Where(activity.Month(month.String())).
		Modify(func(q *entsql.Selector) {
			q.Select(entsql.As(entsql.Count(entsql.Distinct(q.C(activity.FieldUserID))), "people"))
		}).
		Scan(ctx, &counted)
	if err != nil || len(counted) == 0 {
		return 0, err
	}
	return counted[0].People, nil
}

// ActiveOrganization is an organization with how many of its people were active
// in a month.
type ActiveOrganization struct {
	// OrganizationID is the organization, Organizations those of the same page.
	OrganizationID uuid.UUID
	Organizations  *batch.Siblings
	ActiveUsers    int
}

// ActivityConnection is a page of organizations with their active people.
type ActivityConnection struct {
	Edges    []ActivityEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many organizations had active people.
func (c *ActivityConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// ActivityEdge is an organization with its active people in a page.
type ActivityEdge struct {
	Cursor string
	Node   *ActiveOrganization
}

// activeRow is how many people were active in an organization.
type activeRow struct {
	OrganizationID uuid.UUID `json:"organization_id"`
	People         int       `json:"people"`
}

// ByOrganization returns a page of the organizations in which anybody was active
// in the month of a report, the largest number first.
func (s *Service) ByOrganization(ctx context.Context, r *Report, args page.Args) (*ActivityConnection, error) {
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	modify, err := largestFirst(window)
	if err != nil {
		return nil, err
	}
	var rows []activeRow
	err = s.db.Client().Activity.Query().Where(activity.Month(r.Month.String())).Modify(modify).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count active people: %w", err)
	}
	rows, more := page.Cut(window, rows)
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.OrganizationID
	}
	organizations := batch.Of(ids...)
	edges, info := page.Connect(window, rows, more, cursorOf, func(cursor string, row activeRow) ActivityEdge {
		return ActivityEdge{Cursor: cursor, Node: &ActiveOrganization{OrganizationID: row.OrganizationID, Organizations: organizations, ActiveUsers: row.People}}
	})
	return &ActivityConnection{Edges: edges, PageInfo: info, count: func(ctx context.Context) (int, error) {
		return s.activeOrganizations(ctx, r.Month)
	}}, nil
}

// activeOrganizations counts the organizations in which anybody was active.
func (s *Service) activeOrganizations(ctx context.Context, month pricing.Month) (int, error) {
	var counted []struct {
		Organizations int `json:"organizations"`
	}
	err := s.db.Client().Activity.Query().Where(activity.Month(month.String())).
		Modify(func(q *entsql.Selector) {
			q.Select(entsql.As(entsql.Count(entsql.Distinct(q.C(activity.FieldOrganizationID))), "organizations"))
		}).
		Scan(ctx, &counted)
	if err != nil {
		return 0, fmt.Errorf("count active organizations: %w", err)
	}
	if len(counted) == 0 {
		return 0, nil
	}
	return counted[0].Organizations, nil
}

func cursorOf(row activeRow) string {
	return page.Cursor(strconv.Itoa(row.People), row.OrganizationID.String())
}

// largestFirst returns a modifier that counts the active people of each
// organization and reads the counts of a window, the largest first and those
// that are equal by age of the organization. INVALID for a cursor of another
// list.
func largestFirst(w page.Window) (func(*entsql.Selector), error) {
	after, err := boundOf("after", w.After)
	if err != nil {
		return nil, err
	}
	before, err := boundOf("before", w.Before)
	if err != nil {
		return nil, err
	}
	return func(q *entsql.Selector) {
		id, people := q.C(activity.FieldOrganizationID), entsql.Count("*")
		q.Select(id, entsql.As(people, "people")).GroupBy(id)
		var bounds []*entsql.Predicate
		if after != nil {
			bounds = append(bounds, beyond(id, people, *after, false))
		}
		if before != nil {
			bounds = append(bounds, beyond(id, people, *before, true))
		}
		if len(bounds) > 0 {
			q.Having(entsql.And(bounds...))
		}
		direction, tie := " DESC", " ASC"
		if w.Backward {
			direction, tie = tie, direction
		}
		q.OrderExpr(entsql.Expr(people + direction))
		q.OrderExpr(entsql.ExprFunc(func(b *entsql.Builder) { b.Ident(id).WriteString(tie) }))
		q.Limit(w.Size + 1)
	}, nil
}

// boundOf returns the row of a cursor, nil for none.
func boundOf(field, cursor string) (*activeRow, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // no bound is an answer
	}
	values, err := page.Values(field, cursor, 2)
	if err != nil {
		return nil, err
	}
	var row activeRow
	if row.People, err = strconv.Atoi(values[0]); err != nil {
		return nil, fault.Invalidf(field, "this is no cursor of this list")
	}
	if row.OrganizationID, err = uuid.Parse(values[1]); err != nil {
		return nil, fault.Invalidf(field, "this is no cursor of this list")
	}
	return &row, nil
}

// beyond returns the predicate of groups that come after a row, or before it.
func beyond(id, people string, row activeRow, before bool) *entsql.Predicate {
	fewer, later := entsql.OpLT, entsql.GT(id, row.OrganizationID)
	if before {
		fewer, later = entsql.OpGT, entsql.LT(id, row.OrganizationID)
	}
	compare := func(op entsql.Op) *entsql.Predicate {
		return entsql.P(func(b *entsql.Builder) { b.WriteString(people).WriteOp(op).Arg(row.People) })
	}
	return entsql.Or(compare(fewer), entsql.And(compare(entsql.OpEQ), later))
}

// ActiveUsers returns how many people were active in an organization in a month,
// or nil for viewers without users:read there.
func (s *Service) ActiveUsers(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, month pricing.Month) (*int, error) {
	type key struct{ month pricing.Month }
	return batch.Load(ctx, siblings, key{month}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*int, error) {
		organizations, err := s.records.Organizations(ctx, ids)
		if err != nil {
			return nil, err
		}
		viewer := access.ViewerFrom(ctx)
		counts, readable := make(map[uuid.UUID]*int, len(ids)), []uuid.UUID{}
		for _, id := range ids {
			counts[id] = nil
			if access.Check(viewer, access.UsersRead, organizations[id].Target()) == nil {
				counts[id], readable = new(int), append(readable, id)
			}
		}
		var rows []activeRow
		err = s.db.Client().Activity.Query().Where(activity.Month(month.String()), activity.OrganizationIDIn(readable...)).
			Modify(func(q *entsql.Selector) {
				q.Select(q.C(activity.FieldOrganizationID), entsql.As(entsql.Count("*"), "people")).GroupBy(q.C(activity.FieldOrganizationID))
			}).
			Scan(ctx, &rows)
		if err != nil {
			return nil, fmt.Errorf("count active people: %w", err)
		}
		for _, row := range rows {
			*counts[row.OrganizationID] = row.People
		}
		return counts, nil
	})
}
