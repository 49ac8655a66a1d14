package invoicing

import (
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// Credited is what a statement charged and how much of it credit notes have taken
// back.
type Credited struct {
	// Untaxed and Credited are without taxes.
	Untaxed, Credited money.Decimal
	Taxes             []CreditedTax
}

// CreditedTax is a tax of a statement and how much of it was taken back.
type CreditedTax struct{ Amount, Credited money.Decimal }

// Credit returns how much of each tax a credit note takes back that takes back
// some amounts of a statement. Of each tax there is taken back in all what of the
// statement is, rounded half to even; so all of it with the last of the statement.
// INVALID for an amount that is not above 0 or has more digits than the currency,
// LIMIT_EXCEEDED where that would be more than what is left of the statement.
func Credit(of Credited, amounts []money.Decimal, places int32) ([]money.Decimal, error) {
	credited := of.Credited
	for _, amount := range amounts {
		if amount.Sign() <= 0 || !amount.Round(places).Equal(amount) {
			return nil, fault.Invalidf("lines", "an amount is above 0 and in whole units of the currency")
		}
		credited = credited.Add(amount)
	}
	if credited.Cmp(of.Untaxed) > 0 {
		return nil, fault.New(fault.LimitExceeded, "the statement has %s left to be credited", left(of))
	}
	taxes := make([]money.Decimal, len(of.Taxes))
	for i, tax := range of.Taxes {
		taxes[i] = tax.Amount.Part(credited, of.Untaxed, places).Sub(tax.Credited)
	}
	return taxes, nil
}

// left returns how much of a statement may be taken back, without taxes.
func left(of Credited) money.Decimal {
	rest := of.Untaxed.Sub(of.Credited)
	if rest.Sign() < 0 {
		return money.Decimal{}
	}
	return rest
}
