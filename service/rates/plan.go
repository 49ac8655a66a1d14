package rates

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
)

// Plan is what a price would do, as far as the viewer may see it.
type Plan struct {
	// Digest is of everything else in the plan and of the rule. Set takes it.
	Digest string
	// Month is whose usage was sold again.
	Month pricing.Month
	// Deltas are those that make a difference, the largest first, at most
	// maxDeltas.
	Deltas []*Delta
	// DeltaCount is how many there are in all.
	DeltaCount int
	Warnings   []*Warning
}

// Role is what an organization is to a price.
type Role string

// The roles: who sets the price, who pays it, and who buys below.
const (
	Seller     Role = "SELLER"
	Buyer      Role = "BUYER"
	Downstream Role = "DOWNSTREAM"
)

// Delta is what a price would do to one organization in one currency.
type Delta struct {
	Organization *records.Reference
	Role         Role
	// Before and After are what a seller takes, and what everybody else pays.
	Before, After money.Amount
	// MarginBefore and MarginAfter are nil for who sells nothing on, and where
	// they are another's business.
	MarginBefore, MarginAfter *money.Amount
}

// maxDeltas bounds the deltas of a plan.
const maxDeltas = 1000

// Plan returns what Set would do, and changes nothing: last month's usage sold
// again at the price. It needs what Set needs and fails as that does.
func (s *Service) Plan(ctx context.Context, n NewMultiplier) (*Plan, error) {
	d, err := s.draft(ctx, n)
	if err != nil {
		return nil, err
	}
	return s.plan(ctx, d)
}

func (s *Service) plan(ctx context.Context, d draft) (*Plan, error) {
	before, after, err := s.compare(ctx, d.seller, d.change)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Month: s.current().Prev()}
	if plan.Warnings, err = s.warn(ctx, pricing.Losses(before, after)); err != nil {
		return nil, err
	}
	if plan.Deltas, err = s.deltas(ctx, d.change.rule, pricing.Deltas(before, after)); err != nil {
		return nil, err
	}
	plan.DeltaCount = len(plan.Deltas)
	plan.Digest = plan.digest(d.change.rule)
	plan.Deltas = plan.Deltas[:min(len(plan.Deltas), maxDeltas)]
	return plan, nil
}

// deltas returns those that the viewer may see, the largest first.
func (s *Service) deltas(ctx context.Context, rule pricing.Rule, deltas []pricing.Delta) ([]*Delta, error) {
	var ids []uuid.UUID
	for _, d := range deltas {
		ids = append(ids, uuid.UUID(d.Organization))
		if !d.Seller.IsZero() {
			ids = append(ids, uuid.UUID(d.Seller))
		}
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	seen := []*Delta{}
	for _, d := range deltas {
		if delta, ok := tellDelta(ctx, rule, d, organizations); ok {
			seen = append(seen, delta)
		}
	}
	slices.SortStableFunc(seen, func(a, b *Delta) int { return b.size().Cmp(a.size()) })
	return seen, nil
}

// size returns by how much the delta changes what is paid or taken.
func (d *Delta) size() money.Decimal {
	if d.After.Decimal.Cmp(d.Before.Decimal) < 0 {
		return d.Before.Decimal.Sub(d.After.Decimal)
	}
	return d.After.Decimal.Sub(d.Before.Decimal)
}

// tellDelta returns a delta as the viewer may see it: what is paid to those who
// see the prices of its seller or read the bill, margins to those who see both
// sides of them.
func tellDelta(ctx context.Context, rule pricing.Rule, d pricing.Delta, organizations map[uuid.UUID]records.Organization) (*Delta, bool) {
	org := organizations[uuid.UUID(d.Organization)]
	amount := func(decimal money.Decimal) money.Amount { return money.Amount{Decimal: decimal, Currency: d.Currency} }
	told := &Delta{Organization: refer(ctx, org.Line()), Role: roleOf(rule, d)}
	sells, pays := records.SeesPricesOf(ctx, org), records.ReadsBillsOf(ctx, org)
	if told.Role == Seller {
		told.Before, told.After = amount(d.Before.Taken), amount(d.After.Taken)
		if !sells {
			return nil, false
		}
	} else {
		told.Before, told.After = amount(d.Before.Paid), amount(d.After.Paid)
		pays = pays || records.SeesPricesOf(ctx, organizations[uuid.UUID(d.Seller)])
		if !pays {
			return nil, false
		}
	}
	if sellsOn := !d.Before.Taken.IsZero() || !d.After.Taken.IsZero(); sells && pays && sellsOn {
		before, after := amount(d.Before.Margin()), amount(d.After.Margin())
		told.MarginBefore, told.MarginAfter = &before, &after
	}
	return told, true
}

func roleOf(rule pricing.Rule, d pricing.Delta) Role {
	switch rule.Seller {
	case d.Organization:
		return Seller
	case d.Seller:
		return Buyer
	default:
		return Downstream
	}
}

// digest returns a hash of the rule and of what the plan shows, and of nothing
// that it hides: a digest must not tell what a plan does not.
func (p *Plan) digest(rule pricing.Rule) string {
	h := sha256.New()
	rule.ID = orgtree.ID{}
	line(h, rule.Subject(), rule.Basis, rule.Factor.String(), rule.FirstMonth, rule.LastMonth, rule.Version, p.Month)
	for _, d := range p.Deltas {
		line(h, d.Organization.ID, d.Role, d.Before.String(), d.After.String(), text(d.MarginBefore), text(d.MarginAfter))
	}
	for _, w := range p.Warnings {
		line(h, w.Code, w.Organization.ID, text(w.Amount))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// line writes values so that they cannot be mistaken for others.
func line(w io.Writer, values ...any) {
	for _, value := range values {
		_, _ = fmt.Fprintf(w, "%q ", fmt.Sprint(value))
	}
	_, _ = io.WriteString(w, "\n")
}

// text returns an amount that may be absent.
func text(a *money.Amount) string {
	return cmp.Or(a, &money.Amount{}).String()
}
