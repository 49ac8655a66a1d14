package invoicing

import (
	"slices"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// Customer is what terms depend on of whom a statement is for.
type Customer struct {
	ID orgtree.ID
	// Country is that of its billing profile, "" for none.
	Country string
	// VATID is its VAT number, "" for none.
	VATID string
}

// Months are those in which terms hold, both inclusive. Without a last month they
// hold from the first one on.
type Months struct{ First, Last pricing.Month }

// Hold reports whether m is among the months.
func (s Months) Hold(m pricing.Month) bool {
	return s.First <= m && (s.Last.IsZero() || m <= s.Last)
}

// Check returns INVALID for months without a first one, and for a last one before
// it.
func (s Months) Check() error {
	if s.First.IsZero() {
		return fault.Invalidf("firstMonth", "terms need the first month in which they hold")
	}
	if !s.Last.IsZero() && s.Last < s.First {
		return fault.Invalidf("lastMonth", "the last month is before the first")
	}
	return nil
}

// percentPlaces is how many digits a percent has after the point.
const percentPlaces = 4

// CheckPercent returns INVALID for the field unless a percent is 0 to 100 with at
// most four digits after the point.
func CheckPercent(field string, percent money.Decimal) error {
	if percent.Sign() < 0 || percent.Cmp(money.FromInt(100)) > 0 || !percent.Round(percentPlaces).Equal(percent) {
		return fault.Invalidf(field, "a percent is 0 to 100 with at most %d digits after the decimal point", percentPlaces)
	}
	return nil
}

// fraction returns the part of 1 that a percent is, exactly.
func fraction(percent money.Decimal) money.Decimal { return percent.Mul(money.New(1, 2)) }

// TaxRate is a tax that a seller charges.
type TaxRate struct {
	ID   orgtree.ID
	Name string
	// Percent is 0 to 100, with at most four places.
	Percent money.Decimal
	// Buyer is one direct customer, or zero for all of them.
	Buyer orgtree.ID
	// Country is where customers are, or "" for anywhere.
	Country string
	// ReverseCharge says that customers with a VAT number owe the tax themselves.
	ReverseCharge bool
	Months        Months
}

// rank is how much a rate says of whom it is for.
func (r TaxRate) rank() int {
	switch {
	case !r.Buyer.IsZero():
		return 2
	case r.Country != "":
		return 1
	default:
		return 0
	}
}

// is reports whether the rate is for a customer in a month.
func (r TaxRate) is(c Customer, m pricing.Month) bool {
	return r.Months.Hold(m) &&
		(r.Buyer.IsZero() || r.Buyer == c.ID) &&
		(r.Country == "" || r.Country == c.Country) &&
		(!r.ReverseCharge || c.VATID != "")
}

// RatesFor returns the rates that a customer is charged in a month, in the order
// given. Rates that name the customer take the place of those that name its
// country, and these of those that name neither. Among rates of one kind a reverse
// charge takes the place of the others; else all are charged, each on the same
// base.
func RatesFor(rates []TaxRate, c Customer, m pricing.Month) []TaxRate {
	best, reverse := -1, false
	for _, r := range rates {
		if !r.is(c, m) || r.rank() < best {
			continue
		}
		if r.rank() > best {
			best, reverse = r.rank(), false
		}
		reverse = reverse || r.ReverseCharge
	}
	var chosen []TaxRate
	for _, r := range rates {
		if r.is(c, m) && r.rank() == best && r.ReverseCharge == reverse {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// Mode says how much a discount is.
type Mode string

// The modes: a percent of each statement, or an amount that statements use up.
const (
	Rate  Mode = "RATE"
	Value Mode = "VALUE"
)

// Field is what a filter looks at.
type Field string

// The fields.
const (
	Provider       Field = "PROVIDER"
	Service        Field = "SERVICE"
	SKU            Field = "SKU"
	ChargeCategory Field = "CHARGE_CATEGORY"
)

// Filter takes charges into a discount, or out of it.
type Filter struct {
	Field   Field  `json:"field"`
	Value   string `json:"value"`
	Exclude bool   `json:"exclude,omitempty"`
}

// The bounds of filters: how many, and of each value in bytes.
const (
	MaxFilters = 20
	maxValue   = 200
)

// CheckFilters returns INVALID for filters that no discount can have.
func CheckFilters(filters []Filter) error {
	if len(filters) > MaxFilters {
		return fault.Invalidf("filters", "a discount has at most %d filters", MaxFilters)
	}
	for _, f := range filters {
		if f.Value == "" || len(f.Value) > maxValue {
			return fault.Invalidf("filters", "the value of a filter has 1 to %d bytes", maxValue)
		}
		if f.Field == ChargeCategory && !discountable(pricing.ChargeCategory(f.Value)) {
			return fault.Invalidf("filters", "a discount is on charges of the category Usage, Purchase, Credit or Adjustment")
		}
	}
	return nil
}

// discountable reports whether discounts are on charges of a category: on all but
// taxes, which are passed on as they are.
func discountable(c pricing.ChargeCategory) bool {
	return c != pricing.Tax && slices.Contains(c.Values(), string(c))
}

// Discount is what a seller takes off the statements of customers.
type Discount struct {
	ID orgtree.ID
	// Label is what statements call it.
	Label string
	// Buyer is one direct customer, or zero for all of them.
	Buyer orgtree.ID
	Mode  Mode
	// Percent is that of a RATE, above 0.
	Percent money.Decimal
	// Remaining is how much of a VALUE is left, in Currency.
	Remaining money.Decimal
	Currency  money.Currency
	Filters   []Filter
	Months    Months
}

// is reports whether there may be something of the discount on the statement of a
// customer.
func (d Discount) is(c Customer, m pricing.Month, currency money.Currency) bool {
	return d.Months.Hold(m) && (d.Buyer.IsZero() || d.Buyer == c.ID) && (d.Mode == Rate || d.Currency == currency)
}

// takes reports whether a charge is among those that the discount is on: one that
// a filter of each field that has any takes in, and none takes out.
func (d Discount) takes(c Charge) bool {
	if !discountable(c.Category) {
		return false
	}
	wanted, found := map[Field]bool{}, map[Field]bool{}
	for _, f := range d.Filters {
		same := f.Value == c.of(f.Field)
		if f.Exclude && same {
			return false
		}
		if !f.Exclude {
			wanted[f.Field] = true
			found[f.Field] = found[f.Field] || same
		}
	}
	return len(wanted) == countTrue(found)
}

func countTrue(of map[Field]bool) int {
	n := 0
	for _, is := range of {
		if is {
			n++
		}
	}
	return n
}

// DiscountsFor returns the discounts that may be on a statement of a customer, in
// the order in which they are taken: rates before values, each in the order given,
// which is that in which they were made.
func DiscountsFor(discounts []Discount, c Customer, m pricing.Month, currency money.Currency) []Discount {
	var chosen []Discount
	for _, mode := range []Mode{Rate, Value} {
		for _, d := range discounts {
			if d.Mode == mode && d.is(c, m, currency) {
				chosen = append(chosen, d)
			}
		}
	}
	return chosen
}

// SupportFee is what a seller charges for a support plan in a month: the larger of
// the minimum and a percent of what the customer is charged in the currency after
// discounts, without taxes.
type SupportFee struct {
	Label    string
	Minimum  money.Decimal
	Percent  money.Decimal
	Currency money.Currency
}

// of returns the fee on a net amount.
func (f SupportFee) of(net money.Decimal, p Precision) money.Decimal {
	part := p.round(net.Mul(fraction(f.Percent)))
	if part.Cmp(f.Minimum) > 0 {
		return part
	}
	return f.Minimum
}

// Differ reports whether terms of these months and of others hold in different
// months up to one, which is how a change of terms would change months that are
// closed. Zero is no month.
func (s Months) Differ(o Months, through pricing.Month) bool {
	firstA, lastA := s.through(through)
	firstB, lastB := o.through(through)
	return firstA != firstB || lastA != lastB
}

// through returns the first and the last of the months up to one, zero for none.
func (s Months) through(m pricing.Month) (first, last pricing.Month) {
	if s.First.IsZero() || s.First > m {
		return 0, 0
	}
	if s.Last.IsZero() || s.Last > m {
		return s.First, m
	}
	return s.First, s.Last
}
