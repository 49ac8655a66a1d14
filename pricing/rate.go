package pricing

import (
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Facts are what rules select a line by. A field that the line lacks is "",
// and no rule that names the field matches then.
type Facts struct {
	Provider       string
	Service        string
	SKU            string
	Region         string
	ChargeCategory ChargeCategory
}

// Line is a line of usage as far as its price is concerned.
type Line struct {
	Facts Facts
	// Month is whose rules price the line; see MonthFor.
	Month      Month
	Currency   money.Currency
	SourceCost money.Decimal
	ListCost   money.Decimal
}

// Price is what lines of the same facts and month cost on an edge, relative to
// their own costs. It must not be changed.
type Price struct {
	Edge Edge
	// Rule is the seller's rule that won, or nil if the buyer inherits the
	// seller's own buy price.
	Rule *Rule
	// Decider is Rule or, where that is nil, the rule nearest above that made
	// the price inherited. It is nil if no rule up to the top seller matches.
	Decider *Rule
	// Anchor is the cost of the line that Multiplier multiplies: Source or List.
	Anchor Basis
	// Multiplier is the exact product of the factors since the anchor.
	Multiplier money.Decimal
}

// Inherited reports whether the buyer pays the seller's own buy price because
// the seller has no rule that matches.
func (p *Price) Inherited() bool { return p.Rule == nil }

// Basis returns the basis of the edge alone. An inherited price is the
// seller's buy price at a factor of 1.
func (p *Price) Basis() Basis {
	if p.Inherited() {
		return Upstream
	}
	return p.Rule.Basis
}

// Factor returns the factor of the edge alone; see Basis.
func (p *Price) Factor() money.Decimal {
	if p.Inherited() {
		return money.FromInt(1)
	}
	return p.Rule.Factor
}

// Exact returns what the line costs the buyer, before rounding.
func (p *Price) Exact(line *Line) money.Decimal {
	if p.Anchor == List {
		return line.ListCost.Mul(p.Multiplier)
	}
	return line.SourceCost.Mul(p.Multiplier)
}

// Amount returns what the line costs the buyer as it is stored, rounded half
// to even. It returns INVALID if that has too many digits to be stored.
func (p *Price) Amount(line *Line) (money.Decimal, error) {
	amount := p.Exact(line).Round(money.AmountPlaces)
	if err := money.CheckAmount(amount); err != nil {
		return money.Decimal{}, err
	}
	return amount, nil
}

// Rated is what a line costs on an edge.
type Rated struct {
	Price  *Price
	Amount money.Decimal
}

// Prices returns what lines of the facts and month cost on each edge of the
// chain, which leads from the importing organization, the top seller, down to
// the owner of the lines. An organization's own usage has no edge.
func (b *Book) Prices(chain orgtree.Path, facts Facts, m Month) []Price {
	prices := make([]Price, 0, len(chain))
	buy := Price{Anchor: Source, Multiplier: money.FromInt(1)} // the source cost
	for i := range len(chain) - 1 {
		buy = b.sell(buy, Edge{Seller: chain[i], Buyer: chain[i+1]}, facts, m)
		prices = append(prices, buy)
	}
	return prices
}

// sell returns the price on an edge whose seller buys at the given price.
func (b *Book) sell(buy Price, e Edge, facts Facts, m Month) Price {
	price := buy
	price.Edge = e
	rule, ok := b.Winner(e, facts, m)
	if !ok {
		price.Rule = nil
		return price
	}
	price.Rule, price.Decider = rule, rule
	switch rule.Basis {
	case Upstream:
		price.Multiplier = buy.Multiplier.Mul(rule.Factor)
	case Source, List:
		price.Anchor, price.Multiplier = rule.Basis, rule.Factor
	}
	return price
}

// Rate appends to rated what the line costs on each edge of the chain, top
// seller first. It returns INVALID if an amount has too many digits to be
// stored. To rate many lines use a Rater.
func (b *Book) Rate(rated []Rated, chain orgtree.Path, line *Line) ([]Rated, error) {
	return appendRated(rated, b.Prices(chain, line.Facts, line.Month), line)
}

func appendRated(rated []Rated, prices []Price, line *Line) ([]Rated, error) {
	for i := range prices {
		amount, err := prices[i].Amount(line)
		if err != nil {
			return nil, err
		}
		rated = append(rated, Rated{Price: &prices[i], Amount: amount})
	}
	return rated, nil
}

// maxRemembered bounds the prices that a Rater keeps, which are some hundred
// bytes per edge each.
const maxRemembered = 16384

// Rater rates many lines by one book and remembers the prices of facts it has
// met. Its memory is bounded and its answers are those of the book. It must
// not be used by several goroutines at once.
type Rater struct {
	book  *Book
	known map[question]answer
}

type question struct {
	owner orgtree.ID
	facts Facts
	month Month
}

// answer holds the chain it was found for: the owner may have moved since.
type answer struct {
	chain  orgtree.Path
	prices []Price
}

// Rater returns a new rater by the book.
func (b *Book) Rater() *Rater {
	return &Rater{book: b, known: make(map[question]answer)}
}

// Rate does what Book.Rate does.
func (r *Rater) Rate(rated []Rated, chain orgtree.Path, line *Line) ([]Rated, error) {
	return appendRated(rated, r.prices(chain, line.Facts, line.Month), line)
}

func (r *Rater) prices(chain orgtree.Path, facts Facts, m Month) []Price {
	q := question{owner: chain.Leaf(), facts: facts, month: m}
	if a, ok := r.known[q]; ok && slices.Equal(a.chain, chain) {
		return a.prices
	}
	if len(r.known) >= maxRemembered {
		clear(r.known)
	}
	q.facts = facts.clone()
	a := answer{chain: slices.Clone(chain), prices: r.book.Prices(chain, facts, m)}
	r.known[q] = a
	return a.prices
}

// clone returns the facts without the text that they were cut from, which may
// be a whole row of a file.
func (f Facts) clone() Facts {
	f.Provider = strings.Clone(f.Provider)
	f.Service = strings.Clone(f.Service)
	f.SKU = strings.Clone(f.SKU)
	f.Region = strings.Clone(f.Region)
	f.ChargeCategory = ChargeCategory(strings.Clone(string(f.ChargeCategory)))
	return f
}
