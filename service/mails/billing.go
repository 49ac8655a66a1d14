package mails

import (
	"context"

	"github.com/headwater-platform/headwater/ent/budgetalert"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/records"
)

// tellBudget fills in the letter about an alert of a budget that has fired.
func (s *Service) tellBudget(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().BudgetAlert.Query().Where(budgetalert.ID(posted.BudgetAlert)).WithBudget().Only(ctx)
	if err != nil {
		return staleIfGone(err, "budget alert")
	}
	if row.FiredMonth == nil {
		return errStale // A greater budget has armed it again.
	}
	if err := s.addressed(ctx, posted, letter); err != nil {
		return err
	}
	letter.Since, letter.Link = *row.FiredMonth, s.address
	if letter.Used, err = written(*row.FiredSpent, row.Edges.Budget.Currency); err == nil {
		letter.Total, err = written(row.Edges.Budget.Amount, row.Edges.Budget.Currency)
	}
	return err
}

// tellStatement fills in the letter about a statement that was issued. Who has
// issued it the statement itself says, to those who may know.
func (s *Service) tellStatement(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().Statement.Get(ctx, posted.Statement)
	if err != nil {
		return staleIfGone(err, "statement")
	}
	if row.DueAt == nil {
		return errStale
	}
	if err := s.addressed(ctx, posted, letter); err != nil {
		return err
	}
	letter.Since, letter.Ends, letter.Link = row.Month, row.DueAt.UTC(), s.address
	letter.Total, err = written(row.Total, row.Currency)
	return err
}

// tellExpiry fills in the letter about a payment method that expires.
func (s *Service) tellExpiry(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().PaymentMethod.Get(ctx, posted.PaymentMethod)
	if err != nil {
		return staleIfGone(err, "payment method")
	}
	if row.LastMonth == nil {
		return errStale
	}
	letter.Subject, letter.Since, letter.Link = row.Label, *row.LastMonth, s.address
	return s.addressed(ctx, posted, letter)
}
