package invoicing

import (
	"strconv"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// Charge is the exact sum of what a customer was charged for one SKU.
type Charge struct {
	Provider string
	Service  string
	SKU      string
	Category pricing.ChargeCategory
	Amount   money.Decimal
}

// of returns what a filter of a field compares.
func (c Charge) of(f Field) string {
	switch f {
	case Provider:
		return c.Provider
	case Service:
		return c.Service
	case SKU:
		return c.SKU
	case ChargeCategory:
		return string(c.Category)
	default:
		return ""
	}
}

// isOf reports whether two charges are of one line.
func (c Charge) isOf(o Charge) bool {
	return c.Provider == o.Provider && c.Service == o.Service && c.Category == o.Category
}

// Terms are what holds for the customer beside its prices. Discounts are in the
// order in which they are taken; Fee is nil for none.
type Terms struct {
	Discounts []Discount
	Fee       *SupportFee
	Taxes     []TaxRate
}

// Line is what a customer was charged for one service, in whole minor units.
type Line struct {
	Provider string
	Service  string
	Category pricing.ChargeCategory
	// Exact is what it was before it was rounded.
	Exact  money.Decimal
	Amount money.Decimal
}

// Reduction is what a discount takes off, as a negative amount.
type Reduction struct {
	Discount orgtree.ID
	Label    string
	// Percent is that of a rate, nil for a value.
	Percent *money.Decimal
	Amount  money.Decimal
}

// Fee is what is charged beside usage.
type Fee struct {
	Label  string
	Amount money.Decimal
}

// Tax is what is charged by one rate.
type Tax struct {
	Name    string
	Percent money.Decimal
	// Base is what it is a percent of.
	Base          money.Decimal
	Amount        money.Decimal
	ReverseCharge bool
}

// Statement is what a statement says, all of it in whole minor units.
type Statement struct {
	Lines      []Line
	Reductions []Reduction
	Fees       []Fee
	Taxes      []Tax
}

// Discount returns the sum of what discounts take off, which is not above 0.
func (s Statement) Discount() money.Decimal {
	return sum(s.Reductions, func(r Reduction) money.Decimal { return r.Amount })
}

// Fee returns the sum of the fees.
func (s Statement) Fee() money.Decimal {
	return sum(s.Fees, func(f Fee) money.Decimal { return f.Amount })
}

// Tax returns the sum of the taxes.
func (s Statement) Tax() money.Decimal {
	return sum(s.Taxes, func(t Tax) money.Decimal { return t.Amount })
}

// Total returns what is to be paid: lines, discounts, fees and taxes.
func (s Statement) Total() money.Decimal {
	lines := sum(s.Lines, func(l Line) money.Decimal { return l.Amount })
	return lines.Add(s.Discount()).Add(s.Fee()).Add(s.Tax())
}

func sum[T any](items []T, amount func(T) money.Decimal) money.Decimal {
	var total money.Decimal
	for _, item := range items {
		total = total.Add(amount(item))
	}
	return total
}

// Precision is in how many digits after the point amounts are posted, and how they
// are rounded to them.
type Precision struct {
	Places   int32
	Rounding money.Rounding
}

// round rounds one amount.
func (p Precision) round(d money.Decimal) money.Decimal { return d.RoundBy(p.Rounding, p.Places) }

// allocate posts shares so that they add up to their sum, rounded once.
func (p Precision) allocate(shares []money.Share) []money.Decimal {
	total := sum(shares, func(s money.Share) money.Decimal { return s.Amount })
	return money.AllocateTotal(p.round(total), shares, p.Places)
}

// Draw returns what a statement says of charges, which are in the order of their
// lines. Lines are posted by largest remainder, so that they add up to the exact
// sum, rounded once. A discount is rounded once and never more than what is left
// of the charges that it is on. The fee is on what is left after them, and each
// tax is rounded once, on all of that and the fee; what a provider charged as Tax
// is passed on without a discount, a fee or a tax on it.
func Draw(charges []Charge, terms Terms, p Precision) Statement {
	var s Statement
	s.Lines = linesOf(charges, p)
	left := posted(charges, s.Lines, p.Places)
	for _, d := range terms.Discounts {
		amount := d.take(charges, left, p)
		if amount.IsZero() {
			continue
		}
		reduction := Reduction{Discount: d.ID, Label: d.Label, Amount: amount.Neg()}
		if d.Mode == Rate {
			reduction.Percent = &d.Percent
		}
		s.Reductions = append(s.Reductions, reduction)
	}
	var net money.Decimal
	for i, c := range charges {
		if c.Category != pricing.Tax {
			net = net.Add(left[i])
		}
	}
	if terms.Fee != nil {
		if amount := terms.Fee.of(net, p); !amount.IsZero() {
			s.Fees = append(s.Fees, Fee{Label: terms.Fee.Label, Amount: amount})
			net = net.Add(amount)
		}
	}
	for _, rate := range terms.Taxes {
		s.Taxes = append(s.Taxes, Tax{
			Name: rate.Name, Percent: rate.Percent, Base: net, Amount: p.round(net.Mul(fraction(rate.Percent))), ReverseCharge: rate.ReverseCharge,
		})
	}
	return s
}

// linesOf returns the lines of charges.
func linesOf(charges []Charge, p Precision) []Line {
	var lines []Line
	var shares []money.Share
	for i, c := range charges {
		if i == 0 || !c.isOf(charges[i-1]) {
			lines = append(lines, Line{Provider: c.Provider, Service: c.Service, Category: c.Category})
			shares = append(shares, money.Share{Key: strconv.Itoa(len(shares))})
		}
		last := len(lines) - 1
		lines[last].Exact = lines[last].Exact.Add(c.Amount)
		shares[last].Amount = lines[last].Exact
	}
	for i, amount := range p.allocate(shares) {
		lines[i].Amount = amount
	}
	return lines
}

// posted returns the charges in whole minor units, so that those of a line add up
// to it.
func posted(charges []Charge, lines []Line, places int32) []money.Decimal {
	all := make([]money.Decimal, 0, len(charges))
	for _, line := range lines {
		var shares []money.Share
		for len(all)+len(shares) < len(charges) && line.has(charges[len(all)+len(shares)]) {
			shares = append(shares, money.Share{Key: strconv.Itoa(len(shares)), Amount: charges[len(all)+len(shares)].Amount})
		}
		all = append(all, money.AllocateTotal(line.Amount, shares, places)...)
	}
	return all
}

// has reports whether a charge is of the line.
func (l Line) has(c Charge) bool {
	return l.Provider == c.Provider && l.Service == c.Service && l.Category == c.Category
}

// take takes a discount off what is left of the charges that it is on, and returns
// how much that is: at most what they amount to, 0 if that is not above 0.
func (d Discount) take(charges []Charge, left []money.Decimal, p Precision) money.Decimal {
	var on []int
	var base money.Decimal
	for i, c := range charges {
		if d.takes(c) {
			on = append(on, i)
			base = base.Add(left[i])
		}
	}
	if base.Sign() <= 0 {
		return money.Decimal{}
	}
	if d.Mode == Rate {
		return d.takeRate(on, left, p)
	}
	return d.takeValue(on, base, left)
}

// takeRate takes the percent off each of some charges.
func (d Discount) takeRate(on []int, left []money.Decimal, p Precision) money.Decimal {
	shares := make([]money.Share, len(on))
	for i, at := range on {
		shares[i] = money.Share{Key: strconv.Itoa(i), Amount: left[at].Mul(fraction(d.Percent))}
	}
	var taken money.Decimal
	for i, amount := range p.allocate(shares) {
		left[on[i]] = left[on[i]].Sub(amount)
		taken = taken.Add(amount)
	}
	return taken
}

// takeValue takes what remains of the value off some charges that amount to the
// base, from the first that is above 0 on.
func (d Discount) takeValue(on []int, base money.Decimal, left []money.Decimal) money.Decimal {
	taken := least(d.Remaining, base)
	rest := taken
	for _, at := range on {
		if left[at].Sign() <= 0 {
			continue
		}
		some := least(rest, left[at])
		left[at] = left[at].Sub(some)
		rest = rest.Sub(some)
	}
	return taken
}

func least(a, b money.Decimal) money.Decimal {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
