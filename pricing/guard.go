package pricing

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Guard bounds the factors at which a seller may sell. The organization that
// manages the seller sets it.
type Guard struct {
	ID      orgtree.ID
	Manager orgtree.ID
	// Seller is one organization that the manager manages, or zero for all that
	// it does.
	Seller orgtree.ID
	// Basis is that of the rules it bounds, "" for every one.
	Basis Basis
	// Min and Max are bounds of the factor, inclusive, NUMERIC(12,6) above 0.
	// Zero is no bound; one of them is there.
	Min money.Decimal
	Max money.Decimal
	// FirstMonth had not begun when the guard was set.
	FirstMonth Month
	// LastMonth is the last month in force, or zero for no end.
	LastMonth Month
	// Version counts the guards of one manager, seller and basis; the later of two
	// that are in force in a month is the one that counts.
	Version int
}

// guardSubject is what a guard is about. Those of one subject replace one
// another; those of several hold together.
type guardSubject struct {
	manager, seller orgtree.ID
	basis           Basis
}

func (g Guard) subject() guardSubject {
	return guardSubject{manager: g.Manager, seller: g.Seller, basis: g.Basis}
}

// InForce reports whether the guard is in force in the month, unless a later
// version is.
func (g Guard) InForce(m Month) bool {
	return g.FirstMonth <= m && (g.LastMonth.IsZero() || m <= g.LastMonth)
}

// CheckGuard returns nil if the guard may be added to the existing ones of its
// manager, in a month that is the current one. INVALID for bounds that are no
// factors, absent or the wrong way round, for a month that has begun – what is
// sold in it was agreed on – and for one that leaves no factor at all together
// with another guard of the manager.
func CheckGuard(g Guard, existing []Guard, current Month) error {
	if g.Manager == g.Seller {
		return fault.Invalidf("sellerId", "an organization does not manage itself")
	}
	if g.Basis != "" && !slices.Contains(g.Basis.Values(), string(g.Basis)) {
		return fault.Invalidf("basis", "the basis is SOURCE, UPSTREAM or LIST")
	}
	if err := g.checkBounds(); err != nil {
		return err
	}
	if g.FirstMonth <= current {
		return fault.Invalidf("firstMonth", "a guard begins in a month that has not begun")
	}
	if !g.LastMonth.IsZero() && g.LastMonth < g.FirstMonth {
		return fault.Invalidf("lastMonth", "the last month is before the first")
	}
	g.Version = NextGuardVersion(g, existing)
	return checkRoom(append(slices.Clip(existing), g), g)
}

func (g Guard) checkBounds() error {
	if g.Min.IsZero() && g.Max.IsZero() {
		return fault.Invalidf("min", "a guard has a min, a max or both")
	}
	for _, bound := range []struct {
		field string
		value money.Decimal
	}{{"min", g.Min}, {"max", g.Max}} {
		if !bound.value.IsZero() && money.CheckFactor(bound.value) != nil {
			return fault.Invalidf(bound.field, "a bound is greater than 0 with at most 6 digits before and after the decimal point")
		}
	}
	if !g.Max.IsZero() && g.Min.Cmp(g.Max) > 0 {
		return fault.Invalidf("max", "the max is less than the min")
	}
	return nil
}

// checkRoom returns INVALID if the guards of one manager leave some seller and
// basis no factor in a month in which one of them is in force.
func checkRoom(all []Guard, added Guard) error {
	bases := []Basis{added.Basis}
	if added.Basis == "" {
		bases = []Basis{Source, Upstream, List}
	}
	sellers := map[orgtree.ID]bool{added.Seller: true}
	if added.Seller.IsZero() {
		for _, g := range all {
			sellers[g.Seller] = true
		}
	}
	for _, m := range turns(all, added.FirstMonth, added.LastMonth) {
		for seller := range sellers {
			for _, basis := range bases {
				b := BoundsOf(all, added.Manager, seller, basis, m)
				if b.Max != nil && b.Min != nil && b.Min.Min.Cmp(b.Max.Max) > 0 {
					return fault.Invalidf("min", "in %s a min of %s and a max of %s would leave no factor for the basis %s", m, b.Min.Min, b.Max.Max, basis)
				}
			}
		}
	}
	return nil
}

// NextGuardVersion returns the version of a new guard: one more than the latest
// of the same manager, seller and basis, 1 for the first.
func NextGuardVersion(g Guard, existing []Guard) int {
	latest := 0
	for _, e := range existing {
		if e.subject() == g.subject() {
			latest = max(latest, e.Version)
		}
	}
	return latest + 1
}

// CheckGuardEnd returns nil if the guard's last month, inclusive, may be set to
// the given one. Only months that have not begun may change: INVALID otherwise,
// and for an end that is before the guard begins or would make it last longer.
func CheckGuardEnd(g Guard, last, current Month) error {
	if last < current {
		return fault.Invalidf("lastMonth", "a guard ends with the current month or a later one")
	}
	if !g.LastMonth.IsZero() && last > g.LastMonth {
		return fault.Invalidf("lastMonth", "a guard that is to last longer is set anew")
	}
	return nil
}

// Bounds are the guards that bound a factor most, nil where there is no bound.
type Bounds struct {
	Min *Guard
	Max *Guard
}

// BoundsOf returns what bounds a seller's factors of a basis in a month: of the
// guards that name the seller or all that the manager manages, and the basis or
// every one, the greatest min and the least max.
func BoundsOf(guards []Guard, manager, seller orgtree.ID, basis Basis, m Month) Bounds {
	latest := map[guardSubject]*Guard{}
	for i := range guards {
		g := &guards[i]
		if g.Manager != manager || g.Seller != seller && !g.Seller.IsZero() || g.Basis != basis && g.Basis != "" || !g.InForce(m) {
			continue
		}
		if l := latest[g.subject()]; l == nil || l.Version < g.Version {
			latest[g.subject()] = g
		}
	}
	var b Bounds
	for _, g := range latest {
		if !g.Min.IsZero() && (b.Min == nil || tighter(g.Min.Cmp(b.Min.Min), g, b.Min)) {
			b.Min = g
		}
		if !g.Max.IsZero() && (b.Max == nil || tighter(b.Max.Max.Cmp(g.Max), g, b.Max)) {
			b.Max = g
		}
	}
	return b
}

// tighter reports whether a guard is the one to name: its bound is the tighter
// one, or as tight and the guard the one that says more.
func tighter(compared int, g, than *Guard) bool {
	named := func(g *Guard) int {
		n := 0
		if !g.Seller.IsZero() {
			n += 2
		}
		if g.Basis != "" {
			n++
		}
		return n
	}
	return cmp.Or(compared, cmp.Compare(named(g), named(than))) > 0
}

// Breach returns how the factor is out of the bounds, as a sentence; "" if it is
// within them.
func (b Bounds) Breach(factor money.Decimal) string {
	switch {
	case b.Min != nil && factor.Cmp(b.Min.Min) < 0:
		return fmt.Sprintf("The factor %s is less than %s, the min that holds from %s on.", factor, b.Min.Min, b.Min.FirstMonth)
	case b.Max != nil && factor.Cmp(b.Max.Max) > 0:
		return fmt.Sprintf("The factor %s is greater than %s, the max that holds from %s on.", factor, b.Max.Max, b.Max.FirstMonth)
	default:
		return ""
	}
}

// Suspension is a span of months in which a rule that was set before does not
// hold, because its factor is out of the bounds of a guard. Rules that name less,
// or the seller's own price, hold instead; no earlier version does. A price is
// never moved into the bounds: nobody has agreed on that one.
type Suspension struct {
	FirstMonth Month
	// LastMonth is inclusive, zero for no end.
	LastMonth Month
	// Because is a sentence that names the factor, the bound and its first month.
	Because string
}

// Suspensions returns when the guards of the seller's manager suspend a rule, in
// order; neighbouring months with the same reason are one span.
func Suspensions(r Rule, guards []Guard, manager orgtree.ID) []Suspension {
	var list []Suspension
	months := turns(guards, r.FirstMonth, r.LastMonth)
	for i, m := range months {
		because := BoundsOf(guards, manager, r.Seller, r.Basis, m).Breach(r.Factor)
		if because == "" {
			continue
		}
		last := r.LastMonth
		if i+1 < len(months) {
			last = months[i+1].Prev()
		}
		if n := len(list); n > 0 && list[n-1].Because == because && list[n-1].LastMonth.Next() == m {
			list[n-1].LastMonth = last
			continue
		}
		list = append(list, Suspension{FirstMonth: m, LastMonth: last, Because: because})
	}
	return list
}

// turns returns the months from first through last, which is zero for no end, in
// which the guards in force may be others than in the month before, and the
// first; in order.
func turns(guards []Guard, first, last Month) []Month {
	months := []Month{first}
	for _, g := range guards {
		months = append(months, g.FirstMonth)
		if !g.LastMonth.IsZero() {
			months = append(months, g.LastMonth.Next())
		}
	}
	slices.Sort(months)
	months = slices.Compact(months)
	return slices.DeleteFunc(months, func(m Month) bool { return m < first || !last.IsZero() && m > last })
}

// suspended reports whether a guard suspends the rule in the month.
func (r *Rule) suspended(m Month) bool {
	return slices.ContainsFunc(r.Suspensions, func(s Suspension) bool {
		return s.FirstMonth <= m && (s.LastMonth.IsZero() || m <= s.LastMonth)
	})
}

// CheckBounds returns INVALID for a rule that guards suspend in a month in which
// it is in force.
func CheckBounds(r Rule) error {
	if len(r.Suspensions) == 0 {
		return nil
	}
	s := r.Suspensions[0]
	return fault.Invalidf("factor", "your manager does not allow this in %s: %s", s.FirstMonth, s.Because)
}
