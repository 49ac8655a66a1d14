package pricing

import (
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Basis is what the factor of a rule multiplies.
type Basis string

// The bases. Source is the line's cost at the provider, Upstream what the
// seller itself pays for the line, List the provider's list price of it.
const (
	Source   Basis = "SOURCE"
	Upstream Basis = "UPSTREAM"
	List     Basis = "LIST"
)

// Values returns every basis, for the store's enum.
func (Basis) Values() []string { return []string{string(Source), string(Upstream), string(List)} }

// ChargeCategory is the kind of a charge, as FOCUS spells it.
type ChargeCategory string

// The charge categories.
const (
	Usage      ChargeCategory = "Usage"
	Purchase   ChargeCategory = "Purchase"
	Tax        ChargeCategory = "Tax"
	Credit     ChargeCategory = "Credit"
	Adjustment ChargeCategory = "Adjustment"
)

// Values returns every charge category, for the store's enum.
func (ChargeCategory) Values() []string {
	return []string{string(Usage), string(Purchase), string(Tax), string(Credit), string(Adjustment)}
}

// ordinary reports whether rules that name no category match the category, as
// they do a line that lacks it.
func (c ChargeCategory) ordinary() bool { return c == Usage || c == Purchase || c == "" }

// ChargeClass marks a line that corrects an invoiced one; it is "" otherwise.
type ChargeClass string

// Correction is the only class, as FOCUS spells it.
const Correction ChargeClass = "Correction"

// Selector says which lines a rule prices. A field that is "" is not named and
// leaves the field open, but for the category: a rule that names none prices
// Usage and Purchase alone.
type Selector struct {
	Provider       string
	Service        string
	SKU            string
	Region         string
	ChargeCategory ChargeCategory
}

// Edge is where a price applies: the seller manages the buyer.
type Edge struct {
	Seller orgtree.ID
	Buyer  orgtree.ID
}

// Rule is the price that a seller sets for a buyer's lines.
type Rule struct {
	ID     orgtree.ID
	Seller orgtree.ID
	// Buyer is one direct customer of the seller, or zero for all of them.
	Buyer    orgtree.ID
	Selector Selector
	Basis    Basis
	// Factor is above 0, NUMERIC(12,6).
	Factor     money.Decimal
	FirstMonth Month
	// LastMonth is the last month in force, or zero for no end.
	LastMonth Month
	// Version counts the rules of one Subject; the later of two that are in
	// force in a month wins.
	Version int
	// Suspensions say when guards keep the rule from holding; see Suspensions.
	Suspensions []Suspension
}

// Subject is what a rule is about. The rules of one subject replace one
// another.
type Subject struct {
	Seller   orgtree.ID
	Buyer    orgtree.ID
	Selector Selector
}

// Subject returns what the rule is about.
func (r Rule) Subject() Subject {
	return Subject{Seller: r.Seller, Buyer: r.Buyer, Selector: r.Selector}
}

// InForce reports whether the rule is in force in the month.
func (r Rule) InForce(m Month) bool {
	return r.FirstMonth <= m && (r.LastMonth.IsZero() || m <= r.LastMonth)
}

// overlaps reports whether both rules are in force in some month.
func (r Rule) overlaps(o Rule) bool {
	return r.InForce(o.FirstMonth) || o.InForce(r.FirstMonth)
}

// maxName bounds the names in a selector, in bytes.
const maxName = 200

// Validate returns INVALID, with the field of the input, for a rule that can
// never be right. It does not judge when the rule starts; see CheckChange.
func (r Rule) Validate() error {
	if r.Buyer == r.Seller {
		return fault.Invalidf("buyerId", "an organization does not sell to itself")
	}
	if !slices.Contains(r.Basis.Values(), string(r.Basis)) {
		return fault.Invalidf("basis", "the basis is SOURCE, UPSTREAM or LIST")
	}
	if err := money.CheckFactor(r.Factor); err != nil {
		return fault.Invalidf("factor", "a factor is greater than 0 with at most 6 digits before and after the decimal point")
	}
	if r.FirstMonth.IsZero() {
		return fault.Invalidf("firstMonth", "a price needs the first month it applies to")
	}
	if !r.LastMonth.IsZero() && r.LastMonth < r.FirstMonth {
		return fault.Invalidf("lastMonth", "the last month is before the first")
	}
	return r.Selector.validate()
}

func (s Selector) validate() error {
	if s.ChargeCategory != "" && !slices.Contains(s.ChargeCategory.Values(), string(s.ChargeCategory)) {
		return fault.Invalidf("selector.chargeCategory", "the charge category is Usage, Purchase, Tax, Credit or Adjustment")
	}
	for _, name := range []struct{ field, value string }{
		{"selector.provider", s.Provider},
		{"selector.service", s.Service},
		{"selector.sku", s.SKU},
		{"selector.region", s.Region},
	} {
		if len(name.value) > maxName {
			return fault.Invalidf(name.field, "a name has at most %d bytes", maxName)
		}
		if strings.ContainsRune(name.value, 0) {
			return fault.Invalidf(name.field, "a name is a text without control characters")
		}
	}
	return nil
}
