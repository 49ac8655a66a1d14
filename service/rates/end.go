package rates

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// End is what endBillingMultiplier is asked for.
type End struct {
	ID uuid.UUID
	// LastMonth is inclusive; zero takes an end away.
	LastMonth pricing.Month
	Reason    string
}

// End sets the last month in which a version of a price rule holds and returns
// it with what its author should know. From the next month on an earlier version
// that is still in force holds again, or a rule that names less, or the seller's
// own price. It needs partner:multiplier in the seller; NOT_FOUND for a rule
// that the viewer does not see. INVALID for a month before the first, for months
// in which the seller's manager does not allow the factor, and where the price of
// a month that has begun changes without a reason; PERIOD_CLOSED if
// that of a closed month would change. Usage of the months that change is rated
// again in the background.
func (s *Service) End(ctx context.Context, e End) (*Multiplier, []*Warning, error) {
	if err := database.CheckReason(e.Reason); err != nil {
		return nil, nil, err
	}
	seen, err := s.Get(ctx, e.ID)
	if err != nil {
		return nil, nil, err
	}
	seller, err := s.records.Check(ctx, access.PartnerMultiplier, seen.Seller.ID.UUID)
	if err != nil {
		return nil, nil, err
	}
	warnings, err := s.endWarnings(ctx, seller, e)
	if err != nil {
		return nil, nil, err
	}
	row, err := s.setEnd(ctx, seller, e)
	if err != nil {
		return nil, nil, err
	}
	ended, err := s.records.NewPriceRules(ctx, []*ent.BillingMultiplier{row})
	if err != nil {
		return nil, nil, err
	}
	_, buyer, err := s.parties(ctx, ended[0].Rule)
	if err != nil {
		return nil, nil, err
	}
	return multiplier(ctx, ended[0], seller.Line(), buyer), warnings, nil
}

// endWarnings returns who would lose money by the end that they do not lose
// without it.
func (s *Service) endWarnings(ctx context.Context, seller records.Organization, e End) ([]*Warning, error) {
	rules, err := s.records.RulesAround(ctx, seller)
	if err != nil {
		return nil, err
	}
	months, err := s.months(ctx, s.db.Client(), seller.ID)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if uuid.UUID(rule.ID) != e.ID {
			continue
		}
		if err := pricing.CheckEnd(rule, e.LastMonth, e.Reason, months); err != nil {
			return nil, err
		}
		return s.warnings(ctx, seller, ending(rule, e.LastMonth, rules, months.Current))
	}
	return nil, missing()
}

// setEnd stores the last month. Sellers change their prices one after the other.
func (s *Service) setEnd(ctx context.Context, seller records.Organization, e End) (*ent.BillingMultiplier, error) {
	var after *ent.BillingMultiplier
	_, err := s.db.Write(ctx, database.Entry{Action: "endBillingMultiplier", Organization: seller.ID, Reason: e.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		before, err := tx.BillingMultiplier.Get(ctx, e.ID)
		if err != nil {
			return fmt.Errorf("get billing multiplier: %w", err)
		}
		rule, err := records.Rule(before)
		if err != nil {
			return err
		}
		months, err := s.months(ctx, tx.Client, seller.ID)
		if err != nil {
			return err
		}
		if err := pricing.CheckEnd(rule, e.LastMonth, e.Reason, months); err != nil {
			return err
		}
		ended := rule
		ended.LastMonth = e.LastMonth
		first := pricing.FirstDifference(rule, ended)
		if added := ended; !first.IsZero() && ended.InForce(first) {
			added.FirstMonth = first
			if err := checkBounds(ctx, s.records.In(tx), seller, added); err != nil {
				return err
			}
		}
		if after, err = updateEnd(ctx, before, e.LastMonth); err != nil || after == before {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Multiplier, ID: after.ID, Organization: seller.ID, Before: before, After: after})
		return tx.WantRepriced(ctx, repriced(seller, rule, first))
	})
	return after, err
}

// updateEnd returns the row with another last month, the same row if it has it.
func updateEnd(ctx context.Context, row *ent.BillingMultiplier, last pricing.Month) (*ent.BillingMultiplier, error) {
	if row.LastMonth == nil && last.IsZero() || row.LastMonth != nil && *row.LastMonth == last.String() {
		return row, nil
	}
	update := row.Update()
	if last.IsZero() {
		update.ClearLastMonth()
	} else {
		update.SetLastMonth(last.String())
	}
	after, err := update.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("end billing multiplier: %w", err)
	}
	return after, nil
}
