package rates

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// Service reads and changes prices.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Selector says which usage a rule prices; nil fields match all.
type Selector struct {
	Provider       *string
	Service        *string
	SKU            *string
	Region         *string
	ChargeCategory *pricing.ChargeCategory
}

// Multiplier is one version of one price rule of a seller.
type Multiplier struct {
	ID     typeid.ID
	Seller *records.Reference
	// Buyer is nil for all direct customers.
	Buyer      *records.Reference
	Selector   *Selector
	Factor     money.Decimal
	Basis      pricing.Basis
	FirstMonth pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	Version   int
	Reason    string
	CreatedAt time.Time
	// Suspensions say when guards keep the rule from holding.
	Suspensions []*Suspension
}

// Suspension is a time in which a price rule does not hold.
type Suspension struct {
	FirstMonth pricing.Month
	// LastMonth is nil for no end.
	LastMonth *pricing.Month
	// Because is a sentence.
	Because string
}

// Identity returns the id.
func (m *Multiplier) Identity() typeid.ID { return m.ID }

// EffectiveMultiplier is what an organization pays for the usage of a selector,
// as the viewer may see it. Nil fields are not shown.
type EffectiveMultiplier struct {
	Selector *Selector
	// Factor and Basis are those of the rule that decides, which is the seller's
	// own or, if it has none, that of its own price. Without any rule the factor
	// is 1 of the source cost.
	Factor *money.Decimal
	Basis  *pricing.Basis
	Source *Source
	Chain  []*records.PriceEdge
}

// Source is where a price comes from.
type Source struct {
	// Level is the tier of the seller.
	Level        waterfall.Level
	Organization *records.Reference
	// BillingMultiplier is nil where the viewer does not belong to the seller.
	BillingMultiplier *Multiplier
}

// NegativeMargin is the code of a warning that a price makes a seller lose
// money.
const NegativeMargin = "NEGATIVE_MARGIN"

// Warning is something that the author of a price should know.
type Warning struct {
	Code    string
	Message string
	// Organization is who would lose money.
	Organization *records.Reference
	// Amount is the margin on last month's usage, which is below 0. It is nil
	// where that is another's business.
	Amount *money.Amount
}

// Get returns a rule whose seller's prices the viewer sees, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Multiplier, error) {
	row, err := s.db.Client().BillingMultiplier.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, missing()
	}
	if err != nil {
		return nil, fmt.Errorf("get billing multiplier: %w", err)
	}
	rules, err := s.records.NewPriceRules(ctx, []*ent.BillingMultiplier{row})
	if err != nil {
		return nil, err
	}
	seller, buyer, err := s.parties(ctx, rules[0].Rule)
	if err != nil {
		return nil, err
	}
	if !records.SeesPricesOf(ctx, seller) {
		return nil, missing()
	}
	return multiplier(ctx, rules[0], seller.Line(), buyer), nil
}

func missing() error { return fault.Missing("billing multiplier") }

// parties returns the seller of a rule and the line of its buyer, nil for all.
func (s *Service) parties(ctx context.Context, r pricing.Rule) (seller records.Organization, buyer []records.Ancestor, err error) {
	ids := []uuid.UUID{uuid.UUID(r.Seller)}
	if !r.Buyer.IsZero() {
		ids = append(ids, uuid.UUID(r.Buyer))
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return records.Organization{}, nil, err
	}
	if !r.Buyer.IsZero() {
		buyer = organizations[uuid.UUID(r.Buyer)].Line()
	}
	return organizations[uuid.UUID(r.Seller)], buyer, nil
}

// multiplier returns a rule as the viewer sees it. seller and buyer are lines;
// that of the buyer is not read for a rule that names none.
func multiplier(ctx context.Context, r records.PriceRule, seller, buyer []records.Ancestor) *Multiplier {
	m := &Multiplier{
		ID:         typeid.New(typeid.Multiplier, uuid.UUID(r.ID)),
		Seller:     refer(ctx, seller),
		Selector:   selector(r.Selector),
		Factor:     r.Factor,
		Basis:      r.Basis,
		FirstMonth: r.FirstMonth,
		Version:    r.Version,
		Reason:     r.Reason,
		CreatedAt:  r.CreatedAt,

		Suspensions: []*Suspension{},
	}
	for _, span := range r.Suspensions {
		m.Suspensions = append(m.Suspensions, &Suspension{FirstMonth: span.FirstMonth, LastMonth: lastMonth(span.LastMonth), Because: span.Because})
	}
	if !r.Buyer.IsZero() {
		m.Buyer = refer(ctx, buyer)
	}
	m.LastMonth = lastMonth(r.LastMonth)
	return m
}

// lastMonth returns nil for no end.
func lastMonth(m pricing.Month) *pricing.Month {
	if m.IsZero() {
		return nil
	}
	return &m
}

func refer(ctx context.Context, line []records.Ancestor) *records.Reference {
	reference := records.Refer(ctx, line)
	return &reference
}

// selector returns what a rule names.
func selector(s pricing.Selector) *Selector {
	return &Selector{
		Provider: named(s.Provider), Service: named(s.Service), SKU: named(s.SKU), Region: named(s.Region),
		ChargeCategory: named(s.ChargeCategory),
	}
}

// named returns nil for an empty name.
func named[T ~string](name T) *T {
	if name == "" {
		return nil
	}
	return &name
}

// facts returns the selector as pricing reads it. An empty name is none.
func (s Selector) facts() pricing.Selector {
	return pricing.Selector{
		Provider: value(s.Provider), Service: value(s.Service), SKU: value(s.SKU), Region: value(s.Region),
		ChargeCategory: value(s.ChargeCategory),
	}
}

func value[T ~string](name *T) T {
	if name == nil {
		return ""
	}
	return *name
}
