package budgets

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/budget"
)

// lookAtOnce is how many budgets are looked at in one transaction.
const lookAtOnce = 200

// Check does a job of the kind database.CheckSpending, as the platform: it looks at
// the budgets at and below an organization, and fires the alerts that are reached.
// Done again it changes nothing.
func (s *Service) Check(ctx context.Context, payload []byte) error {
	var job database.CheckSpendingJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return database.Hopeless(fmt.Errorf("read job: %w", err))
	}
	return s.check(ctx, job.Organization)
}

// CheckAll looks at all budgets: months begin without anything else happening.
func (s *Service) CheckAll(ctx context.Context) error { return s.check(ctx, uuid.Nil) }

func (s *Service) check(ctx context.Context, organization uuid.UUID) error {
	for after := uuid.Nil; ; {
		var ids []uuid.UUID
		err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
			var err error
			ids, err = tx.BudgetsBelow(ctx, organization, after, lookAtOnce)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		_, err = s.db.Write(ctx, database.Entry{Action: "checkBudgets", Organization: organization}, func(ctx context.Context, tx *database.Tx) error {
			query := tx.Budget.Query().Where(budget.IDIn(ids...)).WithAlerts(byPercent).Order(ent.Asc(budget.FieldID))
			query.Modify(tx.Lock)
			rows, err := query.All(ctx)
			if err != nil {
				return fmt.Errorf("lock budgets: %w", err)
			}
			return look(ctx, tx, rows)
		})
		if err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}
