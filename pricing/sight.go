package pricing

// Disclosure is how much of a price a seller shows the buyer, beside the
// amount.
type Disclosure string

// The disclosures. ShowFactor shows factor and basis, ShowChain also what the
// seller itself is shown of the prices above.
const (
	ShowNone   Disclosure = "NONE"
	ShowFactor Disclosure = "FACTOR"
	ShowChain  Disclosure = "CHAIN"
)

// Tier is an organization on a chain and what a viewer is in it.
type Tier struct {
	// Disclosure is what the organization shows its direct customers.
	Disclosure Disclosure
	// Closed says that the organization is a seller that must not learn the
	// source cost. It is shown no factor, by which it could divide.
	Closed bool
	// Buys says that the viewer reads what the organization pays.
	Buys bool
	// Sells says that the viewer sees the prices that the organization sets.
	Sells bool
}

// Sight is what a viewer sees of the prices along a chain. A seller's people
// see the prices that it sets, a buyer's what the seller shows them, and nobody
// the prices between two others.
type Sight struct {
	everything bool
	tiers      []Tier
}

// NewSight returns what a viewer sees who is these things in the organizations
// of a chain, top seller first.
func NewSight(tiers []Tier) Sight { return Sight{tiers: tiers} }

// FullSight returns the sight of a viewer who sees every price.
func FullSight() Sight { return Sight{everything: true} }

// Everything reports whether the viewer sees every price.
func (s Sight) Everything() bool { return s.everything }

// Sets reports whether the viewer sees every price that the i-th organization
// from the top sets, because they belong to it.
func (s Sight) Sets(i int) bool { return s.everything || s.tiers[i].Sells }

// Edge reports whether the viewer sees the price on the i-th edge from the top,
// which leads from the i-th organization of the chain to the next.
func (s Sight) Edge(i int) bool {
	if s.Sets(i) {
		return true
	}
	for j := i + 1; j < len(s.tiers); j++ {
		if s.tiers[j].Buys && s.discloses(j, i) {
			return true
		}
	}
	return false
}

// discloses reports whether the j-th organization is shown the price on the
// i-th edge, above it. A seller shows no more than it is shown itself.
func (s Sight) discloses(j, i int) bool {
	switch {
	case !s.informs(j):
		return false
	case i == j-1:
		return true
	default:
		return s.tiers[j-1].Disclosure == ShowChain && s.discloses(j-1, i)
	}
}

// informs reports whether the j-th organization is shown its own price.
func (s Sight) informs(j int) bool {
	shown := s.tiers[j-1].Disclosure
	return (shown == ShowFactor || shown == ShowChain) && !s.tiers[j].Closed
}

// Chain reports whether the viewer is shown the edges above the last
// organization, as far as Edge says, and not the factor alone.
func (s Sight) Chain() bool {
	if s.everything {
		return true
	}
	last := len(s.tiers) - 1
	for _, t := range s.tiers[:last] {
		if t.Sells {
			return true
		}
	}
	if !s.tiers[last].Buys {
		return false
	}
	return last == 0 || s.tiers[last-1].Disclosure == ShowChain && s.informs(last)
}

// Price reports whether the viewer sees what makes the price of the last
// organization, whose prices along the chain are given. Where the seller
// charges its own buy price, that is what makes the seller's, as far as the
// seller is shown that.
func (s Sight) Price(prices []Price) bool {
	last := len(prices)
	switch {
	case s.everything:
		return true
	case s.tiers[last].Buys && s.explained(last, prices):
		return true
	case last == 0 || !s.tiers[last-1].Sells:
		return false
	default:
		return !prices[last-1].Inherited() || s.tiers[last-1].Buys && s.explained(last-1, prices)
	}
}

// explained reports whether the j-th organization is shown what makes its
// price. The top seller pays the source cost, which needs no explanation.
func (s Sight) explained(j int, prices []Price) bool {
	if j == 0 {
		return true
	}
	return s.informs(j) && (!prices[j-1].Inherited() || s.explained(j-1, prices))
}

// Known reports whether the viewer may learn of the prices on the i-th edge in
// any way, by Edge or through sellers below it that charge their own buy price.
// The rules of an edge that is not known must not make a difference to any
// answer.
func (s Sight) Known(i int) bool {
	if s.Edge(i) {
		return true
	}
	for j := i + 1; j < len(s.tiers) && s.informs(j); j++ {
		if s.tiers[j].Buys {
			return true
		}
	}
	return false
}

// Explains reports whether what the viewer sees of an entry accounts for its
// selector. An entry that only hidden rules set apart from a more general one
// would tell that they exist.
func (s Sight) Explains(e *EffectiveMultiplier) bool {
	seen := make([]Price, len(e.Chain))
	shown := s.Price(e.Chain)
	for i := len(e.Chain) - 1; i >= 0; i-- {
		if s.Edge(i) || shown {
			seen[i] = e.Chain[i]
		}
		// Above the rule that decides, a price that is shown tells nothing.
		shown = shown && e.Chain[i].Inherited()
	}
	return e.Selector == joined(seen)
}
