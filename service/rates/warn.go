package rates

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// warnings returns who would lose money by a change that they do not lose
// without it.
func (s *Service) warnings(ctx context.Context, seller records.Organization, c change) ([]*Warning, error) {
	before, after, err := s.compare(ctx, seller, c)
	if err != nil {
		return nil, err
	}
	return s.warn(ctx, pricing.Losses(before, after))
}

// warn returns a warning for each organization that loses. The amount is told
// to the loser's own people alone.
func (s *Service) warn(ctx context.Context, losses []pricing.Margin) ([]*Warning, error) {
	var ids []uuid.UUID
	for _, loss := range losses {
		ids = append(ids, uuid.UUID(loss.Edge.Seller))
	}
	losers, err := s.records.Organizations(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	warnings := []*Warning{}
	for id, totals := range lossesOf(losses) {
		loser := losers[uuid.UUID(id)]
		if !records.Sees(access.ViewerFrom(ctx).Reach(), loser.Line()) {
			continue
		}
		if !records.SeesPricesOf(ctx, loser) {
			warnings = append(warnings, &Warning{
				Code: NegativeMargin, Organization: refer(ctx, loser.Line()),
				Message: fmt.Sprintf("At this price %s would sell at a loss.", loser.Name),
			})
			continue
		}
		for _, amount := range totals.Amounts() {
			warnings = append(warnings, &Warning{
				Code: NegativeMargin, Organization: refer(ctx, loser.Line()), Amount: &amount,
				Message: fmt.Sprintf("At this price %s would have lost money on last month's usage.", loser.Name),
			})
		}
	}
	return warnings, nil
}

// lossesOf returns the losing margins by seller and currency, in the order of
// the sellers. A seller's other customers may make up for them.
func lossesOf(losses []pricing.Margin) iter.Seq2[orgtree.ID, *money.Totals] {
	return func(yield func(orgtree.ID, *money.Totals) bool) {
		for start := 0; start < len(losses); {
			seller, totals := losses[start].Edge.Seller, &money.Totals{}
			for ; start < len(losses) && losses[start].Edge.Seller == seller; start++ {
				totals.Add(money.Amount{Decimal: losses[start].Amount(), Currency: losses[start].Currency})
			}
			if !yield(seller, totals) {
				return
			}
		}
	}
}
