package rates

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/waterfall"
)

// answer is what Effective returns for one organization.
type answer struct {
	entries []*EffectiveMultiplier
	err     error
}

// Effective returns what an organization pays in a month, the current one if
// nil, and why: one entry per selector that makes a difference to it and whose
// difference the viewer may see, the most general first. It is loaded for all
// siblings at once. Needs billing:read.
func (s *Service) Effective(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, month *pricing.Month) ([]*EffectiveMultiplier, error) {
	type key struct{ month pricing.Month }
	m := pricing.MonthOf(s.db.Now())
	if month != nil {
		m = *month
	}
	a, err := batch.Load(ctx, siblings, key{m}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]answer, error) {
		return s.effective(ctx, ids, m)
	})
	if err != nil {
		return nil, err
	}
	return a.entries, a.err
}

// effective answers for several organizations, reading the paths, the rules and
// the settings of all of them in one statement each.
func (s *Service) effective(ctx context.Context, ids []uuid.UUID, month pricing.Month) (map[uuid.UUID]answer, error) {
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	sights, err := s.records.Sights(ctx, organizations)
	if err != nil {
		return nil, err
	}
	rules, err := s.records.PriceRules(ctx, sellersAbove(organizations))
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	answers := make(map[uuid.UUID]answer, len(organizations))
	for id, org := range organizations {
		if err := access.Check(viewer, access.BillingRead, org.Target()); err != nil {
			answers[id] = answer{err: err}
			continue
		}
		t := teller{line: org.Line(), sight: sights[id], rules: map[orgtree.ID]records.PriceRule{}}
		answers[id] = answer{entries: t.tell(ctx, org.Path(), rules, month)}
	}
	return answers, nil
}

// sellersAbove returns the ids of all organizations that may sell on a path.
func sellersAbove(organizations map[uuid.UUID]records.Organization) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var sellers []uuid.UUID
	for _, org := range organizations {
		for _, a := range org.Above {
			if !seen[a.ID] {
				seen[a.ID] = true
				sellers = append(sellers, a.ID)
			}
		}
	}
	return sellers
}

// teller tells what one organization pays, as far as its viewer sees it.
type teller struct {
	// line leads from the root to the organization.
	line  []records.Ancestor
	sight pricing.Sight
	// rules are those that the viewer may know of.
	rules map[orgtree.ID]records.PriceRule
}

func (t *teller) tell(ctx context.Context, chain orgtree.Path, rules []records.PriceRule, month pricing.Month) []*EffectiveMultiplier {
	var entries []*EffectiveMultiplier
	for _, e := range t.book(chain, rules).EffectiveMultipliers(chain, month) {
		if e.Selector != (pricing.Selector{}) && !t.sight.Explains(&e) {
			continue
		}
		entries = append(entries, t.entry(ctx, &e))
	}
	return entries
}

// book returns the rules on the chain that the viewer may know of. What is made
// of them alone cannot tell of the others.
func (t *teller) book(chain orgtree.Path, rules []records.PriceRule) *pricing.Book {
	known := map[orgtree.ID]bool{}
	for i, seller := range chain[:len(chain)-1] {
		known[seller] = t.sight.Known(i)
	}
	var list []pricing.Rule
	for _, r := range rules {
		if known[r.Seller] {
			list = append(list, r.Rule)
			t.rules[r.ID] = r
		}
	}
	return pricing.NewBook(list)
}

func (t *teller) entry(ctx context.Context, e *pricing.EffectiveMultiplier) *EffectiveMultiplier {
	entry := &EffectiveMultiplier{Selector: selector(e.Selector)}
	if t.sight.Price(e.Chain) {
		factor, basis := e.Factor(), e.Basis()
		entry.Factor, entry.Basis = &factor, &basis
		if t.sight.Chain() && e.Rule != nil {
			entry.Source = t.source(ctx, e.Rule)
		}
	}
	if t.sight.Chain() {
		entry.Chain = make([]*records.PriceEdge, len(e.Chain))
		for i := range e.Chain {
			entry.Chain[i] = t.edge(ctx, i, &e.Chain[i])
		}
	}
	return entry
}

// source names the seller of the rule that decides, and the rule itself to the
// seller's own people.
func (t *teller) source(ctx context.Context, rule *pricing.Rule) *Source {
	i := slices.IndexFunc(t.line, func(a records.Ancestor) bool { return orgtree.ID(a.ID) == rule.Seller })
	source := &Source{Level: waterfall.LevelOf(t.line[i].Kind), Organization: refer(ctx, t.line[:i+1])}
	if t.sight.Sets(i) {
		source.BillingMultiplier = multiplier(ctx, t.rules[rule.ID], t.line[:i+1], t.line[:i+2])
	}
	return source
}

func (t *teller) edge(ctx context.Context, i int, p *pricing.Price) *records.PriceEdge {
	edge := records.HiddenEdge(ctx, t.line[:i+1], t.line[:i+2])
	switch {
	case !t.sight.Edge(i):
		return edge
	case p.Inherited():
		return edge.Priced(money.Decimal{}, "")
	default:
		return edge.Priced(p.Factor(), p.Basis())
	}
}
