package payments

import (
	"context"
	"fmt"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// sweptAtOnce is how many payment methods are looked at in one transaction.
const sweptAtOnce = 200

// Sweep tells about the payment methods whose last month has begun, each once, as
// the platform.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		told := 0
		_, err := s.db.Write(ctx, database.Entry{Action: "tellExpiry"}, func(ctx context.Context, tx *database.Tx) error {
			query := tx.PaymentMethod.Query().
				Where(paymentmethod.LastMonthLTE(pricing.MonthOf(tx.Now()).String()), paymentmethod.ExpiryToldAtIsNil()).
				Order(ent.Asc(paymentmethod.FieldID)).Limit(sweptAtOnce)
			query.Modify(tx.Lock)
			rows, err := query.All(ctx)
			if err != nil {
				return fmt.Errorf("list expiring payment methods: %w", err)
			}
			told = len(rows)
			letters := make([]records.Letter, len(rows))
			for i, before := range rows {
				after, err := before.Update().SetExpiryToldAt(tx.Now()).Save(ctx)
				if err != nil {
					return fmt.Errorf("tell of an expiring payment method: %w", err)
				}
				tx.Record(database.Change{Kind: typeid.PaymentMethod, ID: after.ID, Organization: after.OrganizationID, Before: before, After: after})
				letters[i] = records.Letter{Template: records.ExpiryLetter, Organization: after.OrganizationID, PaymentMethod: after.ID}
			}
			return records.PostToBilling(ctx, tx, letters)
		})
		if err != nil || told < sweptAtOnce {
			return err
		}
	}
}
