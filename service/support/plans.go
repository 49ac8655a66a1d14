package support

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Service changes support plans, and reads and changes tickets.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Catalogue returns the support plans that there are, to whoever is signed in.
func (s *Service) Catalogue(ctx context.Context) ([]*Plan, error) {
	if access.ViewerFrom(ctx).IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	return Plans(), nil
}

// Period is a time in which an organization has a plan.
type Period struct {
	Plan     *Plan
	StartsAt time.Time
	// EndsAt is nil for the last.
	EndsAt *time.Time
}

// PeriodConnection is a page of periods.
type PeriodConnection struct {
	Edges    []PeriodEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many periods there are on all pages.
func (c *PeriodConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// PeriodEdge is a period in a page.
type PeriodEdge struct {
	Cursor string
	Node   *Period
}

// PlanOf returns the plan that an organization has now, or nil for viewers
// without plan:read there.
func (s *Service) PlanOf(ctx context.Context, siblings *batch.Siblings, id uuid.UUID) (*Plan, error) {
	return batch.Load(ctx, siblings, "support plan", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Plan, error) {
		held, err := s.records.OrganizationsWith(ctx, access.PlanRead, ids)
		if err != nil {
			return nil, err
		}
		now := s.db.Now()
		rows, err := s.db.Client().SupportPlanPeriod.Query().
			Where(
				supportplanperiod.OrganizationIDIn(held...), supportplanperiod.StartsAtLTE(now),
				supportplanperiod.Or(supportplanperiod.EndsAtIsNil(), supportplanperiod.EndsAtGT(now)),
			).
			All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load support plans: %w", err)
		}
		plans := make(map[uuid.UUID]*Plan, len(ids))
		for _, id := range ids {
			plans[id] = nil
		}
		for _, id := range held {
			plans[id] = planNamed(Basic) // That of organizations that never changed it.
		}
		for _, row := range rows {
			plans[row.OrganizationID] = planNamed(PlanName(row.Plan))
		}
		return plans, nil
	})
}

// History returns a page of the plans that an organization had, has and will
// have, the latest first: none for viewers without plan:read there.
func (s *Service) History(ctx context.Context, siblings *batch.Siblings, id uuid.UUID, args page.Args) (*PeriodConnection, error) {
	type key struct{ window page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*PeriodConnection, error) {
		return s.histories(ctx, ids, window)
	})
}

// histories reads a page of the history of each organization. One that never
// changed its plan has one period, which nobody has written down.
func (s *Service) histories(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*PeriodConnection, error) {
	held, err := s.records.OrganizationsWith(ctx, access.PlanRead, ids)
	if err != nil {
		return nil, err
	}
	order := database.Order{Descending: true}
	modify, err := order.Page(window, supportplanperiod.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	where := supportplanperiod.OrganizationIDIn(held...)
	query := s.db.Client().SupportPlanPeriod.Query().Where(where)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list support plans: %w", err)
	}
	if window.After == "" && window.Before == "" {
		unchanged, err := s.unchanged(ctx, held, rows)
		if err != nil {
			return nil, err
		}
		rows = append(rows, unchanged...)
	}
	parts := batch.Parts(ids, window, rows,
		func(row *ent.SupportPlanPeriod) uuid.UUID { return row.OrganizationID },
		func(row *ent.SupportPlanPeriod) string { return order.Cursor("", row.ID.String()) },
		func(cursor string, row *ent.SupportPlanPeriod) PeriodEdge {
			return PeriodEdge{Cursor: cursor, Node: shownPeriod(row)}
		},
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countPeriods(ctx, ids, held)
		})
	connections := make(map[uuid.UUID]*PeriodConnection, len(parts))
	for id, part := range parts {
		connections[id] = &PeriodConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return connections, nil
}

func shownPeriod(row *ent.SupportPlanPeriod) *Period {
	shown := &Period{Plan: planNamed(PlanName(row.Plan)), StartsAt: row.StartsAt.UTC()}
	if row.EndsAt != nil {
		end := row.EndsAt.UTC()
		shown.EndsAt = &end
	}
	return shown
}

// unchanged returns the one period of each organization that has no rows: BASIC
// since it was made.
func (s *Service) unchanged(ctx context.Context, ids []uuid.UUID, rows []*ent.SupportPlanPeriod) ([]*ent.SupportPlanPeriod, error) {
	rest := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool {
		return slices.ContainsFunc(rows, func(row *ent.SupportPlanPeriod) bool { return row.OrganizationID == id })
	})
	made, err := s.db.Client().Organization.Query().
		Where(organization.IDIn(rest...)).
		Select(organization.FieldID, organization.FieldCreatedAt).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load when organizations were made: %w", err)
	}
	periods := make([]*ent.SupportPlanPeriod, len(made))
	for i, org := range made {
		periods[i] = &ent.SupportPlanPeriod{ID: org.ID, OrganizationID: org.ID, Plan: supportplanperiod.PlanBASIC, StartsAt: org.CreatedAt}
	}
	return periods, nil
}

// countPeriods counts the periods of organizations; those that have no rows have
// one period if the viewer may read it.
func (s *Service) countPeriods(ctx context.Context, ids, held []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().SupportPlanPeriod.Query().Where(supportplanperiod.OrganizationIDIn(held...)).
		GroupBy(supportplanperiod.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count support plans: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(held))
	for _, id := range held {
		counted[id] = 1
	}
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}

// Agreement is what whoever changes a plan types: it costs money.
const Agreement = "I understand"

// ChangePlan changes the plan of an organization, which needs plan:write there:
// to more now, to less when the month ends. INVALID unless the word of agreement
// is typed, CONFLICT where nothing would change.
func (s *Service) ChangePlan(ctx context.Context, id uuid.UUID, to PlanName, confirm string) error {
	org, err := s.records.Check(ctx, access.PlanWrite, id)
	if err != nil {
		return err
	}
	if confirm != Agreement {
		return fault.Invalidf("confirm", "type %q to change the support plan", Agreement)
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "changeSupportPlan", Organization: id}, func(ctx context.Context, tx *database.Tx) error {
		rows, err := tx.SupportPlanPeriod.Query().
			Where(supportplanperiod.OrganizationID(id)).
			Order(ent.Asc(supportplanperiod.FieldStartsAt)).
			All(ctx)
		if err != nil {
			return fmt.Errorf("load support plans: %w", err)
		}
		before, err := historyOf(ctx, tx, org, rows)
		if err != nil {
			return err
		}
		after, err := changed(before, to, tx.Now())
		if err != nil {
			return err
		}
		return writeHistory(ctx, tx, id, rows, after)
	})
	return err
}

// historyOf returns rows as a history. Without rows it is BASIC since the
// organization was made.
func historyOf(ctx context.Context, tx *database.Tx, org records.Organization, rows []*ent.SupportPlanPeriod) ([]period, error) {
	if len(rows) == 0 {
		row, err := tx.Organization.Get(ctx, org.ID)
		if err != nil {
			return nil, fmt.Errorf("get organization: %w", err)
		}
		return []period{{plan: Basic, start: row.CreatedAt}}, nil
	}
	history := make([]period, len(rows))
	for i, row := range rows {
		history[i] = period{id: row.ID, plan: PlanName(row.Plan), start: row.StartsAt}
		if row.EndsAt != nil {
			history[i].end = *row.EndsAt
		}
	}
	return history, nil
}

// writeHistory makes the rows of an organization those of a history: what is
// planned no more goes first, so that one period at a time is open.
func writeHistory(ctx context.Context, tx *database.Tx, organization uuid.UUID, rows []*ent.SupportPlanPeriod, history []period) error {
	for _, row := range rows {
		if slices.ContainsFunc(history, func(p period) bool { return p.id == row.ID }) {
			continue
		}
		if err := tx.SupportPlanPeriod.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("drop planned support plan: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.SupportPlan, ID: row.ID, Organization: organization, Before: row})
	}
	for _, p := range history {
		i := slices.IndexFunc(rows, func(row *ent.SupportPlanPeriod) bool { return row.ID == p.id })
		if i < 0 {
			if err := createPeriod(ctx, tx, organization, p); err != nil {
				return err
			}
			continue
		}
		if err := updatePeriod(ctx, tx, rows[i], p); err != nil {
			return err
		}
	}
	return nil
}

func createPeriod(ctx context.Context, tx *database.Tx, organization uuid.UUID, p period) error {
	create := tx.SupportPlanPeriod.Create().
		SetID(tx.NewID()).SetOrganizationID(organization).SetPlan(supportplanperiod.Plan(p.plan)).SetStartsAt(p.start).
		SetChangedBy(uuid.UUID(access.ViewerFrom(ctx).ID)).SetCreatedAt(tx.Now())
	if !p.end.IsZero() {
		create.SetEndsAt(p.end)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return fmt.Errorf("write support plan: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.SupportPlan, ID: row.ID, Organization: organization, After: row})
	return nil
}

// updatePeriod makes a row what a period says, if it is not.
func updatePeriod(ctx context.Context, tx *database.Tx, row *ent.SupportPlanPeriod, p period) error {
	end := time.Time{}
	if row.EndsAt != nil {
		end = *row.EndsAt
	}
	if PlanName(row.Plan) == p.plan && end.Equal(p.end) {
		return nil
	}
	update := row.Update().SetPlan(supportplanperiod.Plan(p.plan))
	if p.end.IsZero() {
		update.ClearEndsAt()
	} else {
		update.SetEndsAt(p.end)
	}
	after, err := update.Save(ctx)
	if err != nil {
		return fmt.Errorf("write support plan: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.SupportPlan, ID: row.ID, Organization: row.OrganizationID, Before: row, After: after})
	return nil
}
