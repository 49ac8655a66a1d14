package rates

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// change is what the prices of one rule's edges are made of before and after,
// in a month in which it makes a difference.
type change struct {
	rule          pricing.Rule
	before, after []pricing.Rule
	// month is whose rules price the usage.
	month pricing.Month
}

// addition returns what adding the rule to the others changes.
func addition(rule pricing.Rule, rules []pricing.Rule, current pricing.Month) change {
	rule.Version = pricing.NextVersion(rule.Subject(), rules)
	c := change{rule: rule, before: rules, after: append(slices.Clip(rules), rule), month: max(current, rule.FirstMonth)}
	if !rule.LastMonth.IsZero() {
		c.month = min(c.month, rule.LastMonth)
	}
	return c
}

// ending returns what another last month of the rule, which is among the
// others, changes.
func ending(rule pricing.Rule, last pricing.Month, rules []pricing.Rule, current pricing.Month) change {
	ended := rule
	ended.LastMonth = last
	c := change{rule: rule, before: rules, after: slices.Clone(rules), month: max(current, pricing.FirstDifference(rule, ended))}
	for i := range c.after {
		if c.after[i].ID == rule.ID {
			c.after[i] = ended
		}
	}
	return c
}

// compare sells last month's usage again on the edges at and below the rule's,
// before and after the change.
func (s *Service) compare(ctx context.Context, seller records.Organization, c change) (before, after []pricing.Margin, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, err := newReplay(ctx, tx, seller, c, s.current().Prev())
		if err != nil {
			return err
		}
		before, after, err = r.margins(ctx, tx, pricing.NewBook(c.before), pricing.NewBook(c.after))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("replay usage: %w", err)
	}
	return before, after, nil
}

// replay sells the usage of a month on the edges below a seller, at the prices
// of another.
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

func newReplay(ctx context.Context, tx *database.Tx, seller records.Organization, c change, usage pricing.Month) (*replay, error) {
	parents, err := tx.ParentsBelow(ctx, seller.ID)
	if err != nil {
		return nil, err
	}
	return &replay{
		rule: c.rule, above: seller.Path(), parents: parents, usage: usage, priced: c.month,
		lists: slices.ContainsFunc(c.after, func(rule pricing.Rule) bool { return rule.Basis == pricing.List }),
	}, nil
}

// margins returns the margins of the usage by two books. The usage is read once,
// which is most of the work.
func (r *replay) margins(ctx context.Context, tx *database.Tx, first, second *pricing.Book) (before, after []pricing.Margin, err error) {
	importers := make([]uuid.UUID, len(r.above))
	for i, id := range r.above {
		importers[i] = uuid.UUID(id)
	}
	owner := r.rule.Buyer
	if owner.IsZero() {
		owner = r.rule.Seller
	}
	var failure error
	before, after, err = pricing.Compare(first, second, func(yield func(pricing.Charge) bool) {
		failure = tx.UsageSums(ctx, importers, uuid.UUID(owner), r.usage, r.lists, func(sum database.UsageSum) bool {
			chain := r.chain(orgtree.ID(sum.Importer), orgtree.ID(sum.Owner))
			return chain == nil || yield(pricing.Charge{Chain: chain, Line: pricing.Line{
				Facts: sum.Facts, Month: r.priced, Currency: sum.Currency, SourceCost: sum.Source, ListCost: sum.List,
			}})
		})
	})
	return before, after, errors.Join(failure, err)
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
