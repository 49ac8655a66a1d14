package pricing

import (
	"cmp"
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/fault"
)

// Months says which months prices may still change in, on the edges that a
// rule is about: one edge, or all of the seller's for a rule that names no
// buyer.
type Months struct {
	// Current is the month of now. It and the months before it have started.
	Current Month
	// Closed are the months whose statement is closed on any of the edges, in
	// any order.
	Closed []Month
}

// Change is a new rule with the author's reason.
type Change struct {
	Rule   Rule
	Reason string
}

// CheckChange returns nil if the rule may be added to the existing ones, of
// which those of another subject do not count. The first rule of a subject may
// start in any open month. One that replaces another in a month that has
// started needs a reason, else INVALID. A rule that is in force in a closed
// month is PERIOD_CLOSED: what was invoiced is corrected by new lines.
func CheckChange(c Change, existing []Rule, months Months) error {
	if err := c.Rule.Validate(); err != nil {
		return err
	}
	if err := months.checkOpen(c.Rule.InForce); err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) != "" {
		return nil
	}
	for _, r := range Replaced(c.Rule, existing) {
		if max(r.FirstMonth, c.Rule.FirstMonth) <= months.Current {
			return fault.Invalidf("reason", "replacing a price in a month that has started needs a reason")
		}
	}
	return nil
}

// CheckEnd returns nil if the rule's last month, inclusive, may be set to the
// given one, or taken away by zero. It returns INVALID for an end before the
// rule starts and where the price of a month that has started would change
// without a reason, PERIOD_CLOSED if that of a closed month would.
func CheckEnd(r Rule, last Month, reason string, months Months) error {
	ended := r
	ended.LastMonth = last
	if err := ended.Validate(); err != nil {
		return err
	}
	if err := months.checkOpen(func(m Month) bool { return r.InForce(m) != ended.InForce(m) }); err != nil {
		return err
	}
	first := FirstDifference(r, ended)
	if first.IsZero() || first > months.Current || strings.TrimSpace(reason) != "" {
		return nil
	}
	return fault.Invalidf("reason", "changing a price in a month that has started needs a reason")
}

// FirstDifference returns the first month in which only one of two versions of
// a rule, alike but for their last months, is in force; zero if there is none.
func FirstDifference(a, b Rule) Month {
	switch {
	case a.LastMonth == b.LastMonth:
		return 0
	case a.LastMonth.IsZero():
		return b.LastMonth.Next()
	case b.LastMonth.IsZero():
		return a.LastMonth.Next()
	default:
		return min(a.LastMonth, b.LastMonth).Next()
	}
}

// checkOpen returns PERIOD_CLOSED if a closed month is among those affected.
func (m Months) checkOpen(affected func(Month) bool) error {
	for _, closed := range slices.Sorted(slices.Values(m.Closed)) {
		if affected(closed) {
			return fault.New(fault.PeriodClosed, "the statement of %s is closed", closed).With("month", closed.String())
		}
	}
	return nil
}

// Replaced returns the existing rules of the rule's subject that are in force
// in one of its months, the latest version first. In those months the rule
// wins if its version is NextVersion.
func Replaced(r Rule, existing []Rule) []Rule {
	var replaced []Rule
	for _, e := range existing {
		if e.Subject() == r.Subject() && e.overlaps(r) {
			replaced = append(replaced, e)
		}
	}
	slices.SortFunc(replaced, func(a, b Rule) int { return cmp.Compare(b.Version, a.Version) })
	return replaced
}

// NextVersion returns the version of a new rule of the subject: one more than
// the latest of the existing rules, 1 for the first.
func NextVersion(s Subject, existing []Rule) int {
	latest := 0
	for _, e := range existing {
		if e.Subject() == s {
			latest = max(latest, e.Version)
		}
	}
	return latest + 1
}
