package statements

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/statementitem"
	"github.com/headwater-platform/headwater/money"
)

// Discount is what a discount takes off a statement.
type Discount struct {
	Label string
	// Percent is nil for a value.
	Percent *money.Decimal
	// Amount is below 0.
	Amount money.Amount
}

// Fee is what is charged beside usage.
type Fee struct {
	Label  string
	Amount money.Amount
}

// Tax is what is charged by one tax rate.
type Tax struct {
	Name    string
	Percent money.Decimal
	// Base is what it is a percent of.
	Base          money.Amount
	Amount        money.Amount
	ReverseCharge bool

	id uuid.UUID
}

// items are what a statement has beside its lines.
type items struct {
	discounts []*Discount
	fees      []*Fee
	taxes     []*Tax
}

// Discounts returns what discounts take off a statement that the viewer sees, in
// the order in which they are taken.
func (s *Service) Discounts(ctx context.Context, st *Statement) ([]*Discount, error) {
	of, err := s.items(ctx, st)
	if err != nil {
		return nil, err
	}
	return of.discounts, nil
}

// Fees returns what a statement that the viewer sees charges beside usage.
func (s *Service) Fees(ctx context.Context, st *Statement) ([]*Fee, error) {
	of, err := s.items(ctx, st)
	if err != nil {
		return nil, err
	}
	return of.fees, nil
}

// Taxes returns the taxes of a statement that the viewer sees.
func (s *Service) Taxes(ctx context.Context, st *Statement) ([]*Tax, error) {
	of, err := s.items(ctx, st)
	if err != nil {
		return nil, err
	}
	return of.taxes, nil
}

// items loads what statements have beside their lines, for all siblings at once.
func (s *Service) items(ctx context.Context, st *Statement) (*items, error) {
	ctx = asSystem(ctx) // whoever sees the statement sees what is on it
	return batch.Load(ctx, st.Siblings, "items", st.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*items, error) {
		rows, err := s.db.Client().StatementItem.Query().Where(statementitem.StatementIDIn(ids...)).
			WithStatement().Order(ent.Asc(statementitem.FieldPosition)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("list statement items: %w", err)
		}
		of := make(map[uuid.UUID]*items, len(ids))
		for _, id := range ids {
			of[id] = &items{discounts: []*Discount{}, fees: []*Fee{}, taxes: []*Tax{}}
		}
		for _, row := range rows {
			if err := of[row.StatementID].add(row); err != nil {
				return nil, fmt.Errorf("read statement item %s: %w", row.ID, err)
			}
		}
		return of, nil
	})
}

// add adds an item as it is stored.
func (i *items) add(row *ent.StatementItem) error {
	amount, err := amountOf(row, row.Amount)
	if err != nil {
		return err
	}
	var percent *money.Decimal
	if row.Percent != nil {
		read, err := money.Parse(*row.Percent)
		if err != nil {
			return err
		}
		percent = &read
	}
	switch row.Kind {
	case statementitem.KindDISCOUNT:
		i.discounts = append(i.discounts, &Discount{Label: row.Label, Percent: percent, Amount: amount})
	case statementitem.KindFEE:
		i.fees = append(i.fees, &Fee{Label: row.Label, Amount: amount})
	case statementitem.KindTAX:
		base, err := amountOf(row, *row.Base)
		if err != nil {
			return err
		}
		i.taxes = append(i.taxes, &Tax{Name: row.Label, Percent: *percent, Base: base, Amount: amount, ReverseCharge: row.ReverseCharge, id: row.ID})
	}
	return nil
}

func amountOf(row *ent.StatementItem, text string) (money.Amount, error) {
	read, err := money.Parse(text)
	return money.Amount{Decimal: read, Currency: money.Currency(row.Edges.Statement.Currency)}, err
}
