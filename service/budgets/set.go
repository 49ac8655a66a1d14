package budgets

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/budget"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// The bounds of a budget: how many alerts it has, and how many addresses each of
// them tells.
const (
	maxAlerts = 10
	maxEmails = 10
)

// NewBudget is what setBudget is asked for.
type NewBudget struct {
	Organization    uuid.UUID
	Amount          money.Decimal
	Enabled         bool
	ExpectedVersion *int
}

// Set says what an organization means to spend in a month, in its billing.currency.
// Alerts that a greater amount puts out of reach fire again; what is beyond a
// smaller one by now fires at once. Needs billing:write by being there. INVALID for
// an amount that is not above 0, CONFLICT for another version than expected.
func (s *Service) Set(ctx context.Context, n NewBudget) (*Budget, error) {
	org, err := s.checkOwn(ctx, n.Organization)
	if err != nil {
		return nil, err
	}
	if n.Amount.Sign() <= 0 || money.CheckAmount(n.Amount) != nil {
		return nil, fault.Invalidf("amount", "a budget is above 0, with at most 20 digits before and 18 after the point")
	}
	currency, err := s.records.Value(ctx, org, billingCurrency)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "setBudget", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockBudget(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		after, err := store(ctx, tx, org.ID, before, n, currency.String())
		if err != nil {
			return err
		}
		return look(ctx, tx, []*ent.Budget{after})
	})
	if err != nil {
		return nil, err
	}
	return s.get(ctx, org.ID)
}

// lockBudget returns the budget of an organization with its alerts, nil if there is
// none. It changes for one after the other, and nothing looks at it meanwhile.
func lockBudget(ctx context.Context, tx *database.Tx, org uuid.UUID) (*ent.Budget, error) {
	if _, err := roster.LockOrganization(ctx, tx, org); err != nil {
		return nil, err
	}
	query := tx.Budget.Query().Where(budget.OrganizationID(org)).WithAlerts(byPercent)
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there may be none
	}
	if err != nil {
		return nil, fmt.Errorf("load budget: %w", err)
	}
	return row, nil
}

// store writes a budget and returns it with its alerts, armed again where the
// amount puts them out of reach.
func store(ctx context.Context, tx *database.Tx, org uuid.UUID, before *ent.Budget, n NewBudget, currency string) (*ent.Budget, error) {
	change := database.Change{Kind: typeid.Budget, Organization: org}
	var after *ent.Budget
	var err error
	if before == nil {
		if err := database.CheckVersion(0, n.ExpectedVersion); err != nil {
			return nil, err
		}
		after, err = tx.Budget.Create().SetID(tx.NewID()).SetOrganizationID(org).SetCurrency(currency).
			SetAmount(n.Amount.String()).SetEnabled(n.Enabled).SetCreatedAt(tx.Now()).Save(ctx)
	} else {
		if err := database.CheckVersion(before.Version, n.ExpectedVersion); err != nil {
			return nil, err
		}
		change.Before = before
		after, err = before.Update().SetCurrency(currency).SetAmount(n.Amount.String()).SetEnabled(n.Enabled).SetVersion(before.Version + 1).Save(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("store budget: %w", err)
	}
	change.ID, change.After = after.ID, after
	tx.Record(change)
	if before == nil {
		return after, nil
	}
	after.Edges.Alerts = before.Edges.Alerts
	return after, rearm(ctx, tx, after)
}

// rearm lets those alerts fire again that are out of reach now.
func rearm(ctx context.Context, tx *database.Tx, row *ent.Budget) error {
	of, err := measure(ctx, tx, []*ent.Budget{row})
	if err != nil {
		return err
	}
	for i, alert := range row.Edges.Alerts {
		if !hasFired(alert, of[0].month) || of[0].Reaches(of[0].alerts[i]) {
			continue
		}
		after, err := alert.Update().ClearFiredMonth().ClearFiredAt().ClearFiredSpent().Save(ctx)
		if err != nil {
			return fmt.Errorf("arm budget alert: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BudgetAlert, ID: after.ID, Organization: after.OrganizationID, Before: alert, After: after})
		row.Edges.Alerts[i] = after
	}
	return nil
}

// Delete takes the budget of an organization away with its alerts. Needs what Set
// needs; NOT_FOUND where there is none.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	org, err := s.checkOwn(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteBudget", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := existing(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		for _, alert := range row.Edges.Alerts {
			tx.Record(database.Change{Kind: typeid.BudgetAlert, ID: alert.ID, Organization: org.ID, Before: alert})
		}
		if err := tx.Budget.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete budget: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Budget, ID: row.ID, Organization: org.ID, Before: row})
		return nil
	})
	return err
}

// existing returns the budget of an organization, or NOT_FOUND.
func existing(ctx context.Context, tx *database.Tx, org uuid.UUID) (*ent.Budget, error) {
	row, err := lockBudget(ctx, tx, org)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fault.Missing("budget")
	}
	return row, nil
}

// NewAlert is what addBudgetAlert is asked for.
type NewAlert struct {
	Organization uuid.UUID
	Percent      money.Decimal
	Emails       []string
}

func (n NewAlert) check() error {
	if len(n.Emails) > maxEmails {
		return fault.Invalidf("emails", "at most %d addresses are told", maxEmails)
	}
	for i, address := range n.Emails {
		if err := roster.CheckEmail(fmt.Sprintf("emails.%d", i), address); err != nil {
			return err
		}
	}
	return spending.Threshold{Percent: &n.Percent, Basis: spending.Actual, Severity: spending.Alert}.Check()
}

// AddAlert has somebody told when a part of the budget is spent. What is beyond it
// by now fires at once. Needs what Set needs; NOT_FOUND without a budget, INVALID
// for a percent or addresses out of bounds, CONFLICT for a percent that has an
// alert, LIMIT_EXCEEDED beyond 10 alerts.
func (s *Service) AddAlert(ctx context.Context, n NewAlert) (*Budget, error) {
	org, err := s.checkOwn(ctx, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "addBudgetAlert", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := existing(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		if len(row.Edges.Alerts) >= maxAlerts {
			return fault.New(fault.LimitExceeded, "a budget has at most %d alerts", maxAlerts)
		}
		of, err := measure(ctx, tx, []*ent.Budget{row})
		if err != nil {
			return err
		}
		for _, other := range of[0].alerts {
			if other.Percent.Equal(n.Percent) {
				return fault.New(fault.Conflict, "the budget has an alert at %s percent", n.Percent)
			}
		}
		emails := n.Emails
		if emails == nil {
			emails = []string{}
		}
		alert, err := tx.BudgetAlert.Create().SetID(tx.NewID()).SetOrganizationID(org.ID).SetBudgetID(row.ID).
			SetPercent(n.Percent.String()).SetEmails(emails).SetCreatedAt(tx.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("create budget alert: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BudgetAlert, ID: alert.ID, Organization: org.ID, After: alert})
		row.Edges.Alerts = append(row.Edges.Alerts, alert)
		return look(ctx, tx, []*ent.Budget{row})
	})
	if err != nil {
		return nil, err
	}
	return s.get(ctx, org.ID)
}

// RemoveAlert takes an alert away. Needs what Set needs; NOT_FOUND for one that the
// viewer does not see.
func (s *Service) RemoveAlert(ctx context.Context, id uuid.UUID) error {
	seen, err := s.Alert(ctx, id)
	if err != nil {
		return err
	}
	org, err := s.checkOwn(ctx, seen.home)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "removeBudgetAlert", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := existing(ctx, tx, org.ID)
		if err != nil {
			return err
		}
		for _, alert := range row.Edges.Alerts {
			if alert.ID != id {
				continue
			}
			if err := tx.BudgetAlert.DeleteOne(alert).Exec(ctx); err != nil {
				return fmt.Errorf("delete budget alert: %w", err)
			}
			tx.Record(database.Change{Kind: typeid.BudgetAlert, ID: id, Organization: org.ID, Before: alert})
			return nil
		}
		return fault.Missing("budget alert")
	})
	return err
}

// get returns the budget of an organization.
func (s *Service) get(ctx context.Context, organization uuid.UUID) (*Budget, error) {
	budgets := map[uuid.UUID]*Budget{}
	err := s.load(ctx, []uuid.UUID{organization}, budgets)
	return budgets[organization], err
}

// look fires the alerts that are reached and have not fired in the month, and tells
// about the highest of them. The caller has locked the budgets, and loaded them
// with their alerts.
func look(ctx context.Context, tx *database.Tx, rows []*ent.Budget) error {
	list, err := measure(ctx, tx, rows)
	if err != nil {
		return err
	}
	var announcements []records.Announcement
	for _, k := range list {
		if !k.row.Enabled {
			continue
		}
		alerts := make(map[orgtree.ID]*ent.BudgetAlert, len(k.row.Edges.Alerts))
		for _, row := range k.row.Edges.Alerts {
			alerts[orgtree.ID(row.ID)] = row
		}
		fires, tell := spending.Fire(k.Spent, k.alerts, func(id orgtree.ID) bool { return hasFired(alerts[id], k.month) })
		for _, t := range fires {
			if err := fire(ctx, tx, alerts[t.ID], k); err != nil {
				return err
			}
		}
		for _, t := range tell {
			if err := post(ctx, tx, alerts[t.ID]); err != nil {
				return err
			}
			announcements = append(announcements, announcement(alerts[t.ID], k))
		}
	}
	return records.Announce(ctx, tx, announcements)
}

func fire(ctx context.Context, tx *database.Tx, before *ent.BudgetAlert, k known) error {
	after, err := before.Update().SetFiredMonth(k.month).SetFiredAt(tx.Now()).SetFiredSpent(k.Used.String()).Save(ctx)
	if err != nil {
		return fmt.Errorf("fire budget alert: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.BudgetAlert, ID: after.ID, Organization: after.OrganizationID, Before: before, After: after})
	return nil
}

// post mails the addresses of an alert or, where there are none, those who are told
// about bills.
func post(ctx context.Context, tx *database.Tx, alert *ent.BudgetAlert) error {
	letter := records.Letter{Template: records.BudgetLetter, Organization: alert.OrganizationID, BudgetAlert: alert.ID}
	if len(alert.Emails) == 0 {
		return records.PostToBilling(ctx, tx, []records.Letter{letter})
	}
	letters := make([]records.Letter, len(alert.Emails))
	for i, address := range alert.Emails {
		letters[i] = letter
		letters[i].Address = address
	}
	return records.PostAll(ctx, tx, letters)
}

// reached is what spending.budget_alert_reached tells.
type reached struct {
	OrganizationID typeid.ID             `json:"organizationId"`
	BudgetAlertID  typeid.ID             `json:"budgetAlertId"`
	Percent        string                `json:"percent"`
	Month          string                `json:"month"`
	Budget         records.MessageAmount `json:"budget"`
	Spent          records.MessageAmount `json:"spent"`
}

// announcement tells the organization, and nobody else, that a part of its budget is
// spent.
func announcement(alert *ent.BudgetAlert, k known) records.Announcement {
	data := reached{
		OrganizationID: typeid.New(typeid.Organization, alert.OrganizationID), BudgetAlertID: typeid.New(typeid.BudgetAlert, alert.ID),
		Percent: alert.Percent, Month: k.month,
		Budget: records.MessageAmount{Amount: k.Total, Currency: k.row.Currency}, Spent: records.MessageAmount{Amount: k.Used, Currency: k.row.Currency},
	}
	return records.Announcement{Event: records.BudgetAlertReached, Organization: alert.OrganizationID, Data: data}
}
