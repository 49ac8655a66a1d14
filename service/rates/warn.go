package rates

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// warnings returns who would lose money by a rule that they do not lose without
// it, found by selling last month's usage again with and without the rule. It
// returns what CheckChange returns for a rule that cannot be set, before the
// usage is read.
func (s *Service) warnings(ctx context.Context, seller records.Organization, rule pricing.Rule, reason string) ([]*Warning, error) {
	rules, err := s.records.RulesAround(ctx, seller)
	if err != nil {
		return nil, err
	}
	months := s.months()
	if err := pricing.CheckChange(pricing.Change{Rule: rule, Reason: reason}, rules, months); err != nil {
		return nil, err
	}
	rule.Version = pricing.NextVersion(rule.Subject(), rules)
	var losses []pricing.Margin
	err = s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, err := newReplay(ctx, tx, seller, rule, months.Current)
		if err != nil {
			return err
		}
		losses, err = r.losses(ctx, tx, rules)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("replay usage: %w", err)
	}
	return s.warn(ctx, losses)
}

// replay sells the usage of last month on the edges below a seller, at the
// prices of a month in which its rule is in force.
type replay struct {
	rule pricing.Rule
	// above leads from the root to the seller. Whoever is on it may have brought
	// in what is sold.
	above orgtree.Path
	// parents are the managers of the organizations at and below the seller.
	parents map[orgtree.ID]orgtree.ID
	usage   pricing.Month
	priced  pricing.Month
	// lists says that a price depends on the list cost.
	lists bool
}

func newReplay(ctx context.Context, tx *database.Tx, seller records.Organization, rule pricing.Rule, current pricing.Month) (*replay, error) {
	parents, err := tx.ParentsBelow(ctx, seller.ID)
	if err != nil {
		return nil, err
	}
	r := &replay{rule: rule, above: seller.Path(), parents: parents, usage: current.Prev(), priced: max(current, rule.FirstMonth)}
	if !rule.LastMonth.IsZero() {
		r.priced = min(r.priced, rule.LastMonth)
	}
	return r, nil
}

// losses returns the margins that the rule makes negative, or more so.
func (r *replay) losses(ctx context.Context, tx *database.Tx, rules []pricing.Rule) ([]pricing.Margin, error) {
	changed := append(slices.Clip(rules), r.rule)
	r.lists = slices.ContainsFunc(changed, func(rule pricing.Rule) bool { return rule.Basis == pricing.List })
	before, err := r.margins(ctx, tx, pricing.NewBook(rules))
	if err != nil {
		return nil, err
	}
	after, err := r.margins(ctx, tx, pricing.NewBook(changed))
	if err != nil {
		return nil, err
	}
	return pricing.Losses(before, after), nil
}

func (r *replay) margins(ctx context.Context, tx *database.Tx, book *pricing.Book) ([]pricing.Margin, error) {
	importers := make([]uuid.UUID, len(r.above))
	for i, id := range r.above {
		importers[i] = uuid.UUID(id)
	}
	owner := r.rule.Buyer
	if owner.IsZero() {
		owner = r.rule.Seller
	}
	var failure error
	margins, err := book.Margins(func(yield func(pricing.Charge) bool) {
		failure = tx.UsageSums(ctx, importers, uuid.UUID(owner), r.usage, r.lists, func(sum database.UsageSum) bool {
			chain := r.chain(orgtree.ID(sum.Importer), orgtree.ID(sum.Owner))
			return chain == nil || yield(pricing.Charge{Chain: chain, Line: pricing.Line{
				Facts: sum.Facts, Month: r.priced, Currency: sum.Currency, SourceCost: sum.Source, ListCost: sum.List,
			}})
		})
	})
	return margins, errors.Join(failure, err)
}

// chain returns the path from an importer at or above the seller down to an
// owner below it, nil for an owner that is not.
func (r *replay) chain(importer, owner orgtree.ID) orgtree.Path {
	var up orgtree.Path
	for id := owner; id != r.rule.Seller; id = r.parents[id] {
		if id.IsZero() {
			return nil
		}
		up = append(up, id)
	}
	slices.Reverse(up)
	return append(slices.Clone(r.above[slices.Index(r.above, importer):]), up...)
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
