package budgets

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
	"github.com/headwater-platform/headwater/ent/budget"
	"github.com/headwater-platform/headwater/ent/budgetalert"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes budgets.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Budget is what an organization means to spend in a month.
type Budget struct {
	Amount  money.Amount
	Enabled bool
	// Spent is what the usage of the current month costs it so far.
	Spent   money.Amount
	Alerts  []*Alert
	Version int
}

// Alert is a part of a budget at which somebody is told.
type Alert struct {
	ID      typeid.ID
	Percent money.Decimal
	// Emails are who is told; whoever is told about bills if there are none.
	Emails []string
	// FiredAt is when it fired in the current month, nil if it has not.
	FiredAt   *time.Time
	CreatedAt time.Time

	home uuid.UUID
}

// Identity returns the id.
func (a *Alert) Identity() typeid.ID { return a.ID }

// billingCurrency is the setting that says in what an organization thinks.
const billingCurrency = "billing.currency"

// checkOwn returns the organization if the viewer keeps its bills: by holding
// billing:write there, or in the platform. Whoever sets a budget and is told when
// parts of it are spent learns what the organization pays.
func (s *Service) checkOwn(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	org, err := s.records.Check(ctx, access.BillingWrite, id)
	if err != nil {
		return records.Organization{}, err
	}
	if !records.ReadsBillsOf(ctx, org) {
		return records.Organization{}, fault.New(fault.Forbidden, "an organization's own people keep its budget")
	}
	return org, nil
}

// Of returns the budget of an organization, nil where there is none and for viewers
// who do not read its bills. It is loaded for all siblings at once.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID) (*Budget, error) {
	return batch.Load(ctx, siblings, "budget", organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Budget, error) {
		_, readable, err := s.records.Seen(ctx, ids, records.ReadsBillsOf)
		if err != nil {
			return nil, err
		}
		budgets := make(map[uuid.UUID]*Budget, len(ids))
		for _, id := range ids {
			budgets[id] = nil
		}
		return budgets, s.load(ctx, readable, budgets)
	})
}

// load adds the budgets of organizations, with what is spent now.
func (s *Service) load(ctx context.Context, ids []uuid.UUID, budgets map[uuid.UUID]*Budget) error {
	return s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		rows, err := tx.Budget.Query().Where(budget.OrganizationIDIn(ids...)).WithAlerts(byPercent).All(ctx)
		if err != nil {
			return fmt.Errorf("load budgets: %w", err)
		}
		known, err := measure(ctx, tx, rows)
		if err != nil {
			return err
		}
		for _, k := range known {
			if budgets[k.row.OrganizationID], err = k.told(); err != nil {
				return err
			}
		}
		return nil
	})
}

// byPercent is in which order alerts are loaded. Percentages are compared by what
// decides (spending), not by the database.
func byPercent(q *ent.BudgetAlertQuery) { q.Order(ent.Asc(budgetalert.FieldID)) }

// known is a budget with what is spent in the current month.
type known struct {
	row   *ent.Budget
	month string
	spending.Spent
	alerts []spending.Threshold
}

// measure returns what has been spent of budgets in the current month, at the
// prices that the organizations themselves pay.
func measure(ctx context.Context, tx *database.Tx, rows []*ent.Budget) ([]known, error) {
	var of database.Holders
	for _, row := range rows {
		of.Organizations = append(of.Organizations, row.OrganizationID)
	}
	from, to := spending.Month.Bounds(tx.Now())
	spent, err := tx.SpentOn(ctx, of, from, to)
	if err != nil {
		return nil, err
	}
	list := make([]known, len(rows))
	for i, row := range rows {
		k := known{row: row, month: from.Format("2006-01")}
		if k.Total, err = money.Parse(row.Amount); err != nil {
			return nil, fmt.Errorf("budget %s: amount: %w", row.ID, err)
		}
		k.Used = spent[database.SpendKey{Holder: row.OrganizationID, Unit: row.Currency}]
		for _, alert := range row.Edges.Alerts {
			percent, err := money.Parse(alert.Percent)
			if err != nil {
				return nil, fmt.Errorf("budget alert %s: percent: %w", alert.ID, err)
			}
			k.alerts = append(k.alerts, spending.Threshold{
				ID: orgtree.ID(alert.ID), Percent: &percent, Basis: spending.Actual, Severity: spending.Alert,
			})
		}
		list[i] = k
	}
	return list, nil
}

// told returns a budget as its readers see it, its alerts by percent.
func (k known) told() (*Budget, error) {
	currency := money.Currency(k.row.Currency)
	b := &Budget{
		Amount: money.Amount{Decimal: k.Total, Currency: currency}, Spent: money.Amount{Decimal: k.Used, Currency: currency},
		Enabled: k.row.Enabled, Version: k.row.Version, Alerts: []*Alert{},
	}
	for _, row := range k.row.Edges.Alerts {
		a, err := wrapAlert(row, k.month)
		if err != nil {
			return nil, err
		}
		b.Alerts = append(b.Alerts, a)
	}
	slices.SortStableFunc(b.Alerts, func(x, y *Alert) int { return x.Percent.Cmp(y.Percent) })
	return b, nil
}

func wrapAlert(row *ent.BudgetAlert, month string) (*Alert, error) {
	a := &Alert{ID: typeid.New(typeid.BudgetAlert, row.ID), Emails: row.Emails, CreatedAt: row.CreatedAt.UTC(), home: row.OrganizationID}
	var err error
	if a.Percent, err = money.Parse(row.Percent); err != nil {
		return nil, fmt.Errorf("budget alert %s: percent: %w", row.ID, err)
	}
	if hasFired(row, month) {
		at := row.FiredAt.UTC()
		a.FiredAt = &at
	}
	return a, nil
}

// hasFired reports whether an alert has fired in a month.
func hasFired(row *ent.BudgetAlert, month string) bool {
	return row.FiredMonth != nil && *row.FiredMonth == month
}

// Alert returns an alert of an organization whose bills the viewer reads, or
// NOT_FOUND.
func (s *Service) Alert(ctx context.Context, id uuid.UUID) (*Alert, error) {
	row, err := s.db.Client().BudgetAlert.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("budget alert")
	}
	if err != nil {
		return nil, fmt.Errorf("get budget alert: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	if !records.ReadsBillsOf(ctx, org) {
		return nil, fault.Missing("budget alert")
	}
	from, _ := spending.Month.Bounds(s.db.Now())
	return wrapAlert(row, from.Format("2006-01"))
}
