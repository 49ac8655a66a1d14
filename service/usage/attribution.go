package usage

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// owner is whose rows are, with the cells that all of those rows share.
type owner struct {
	// chain leads from the importing organization down to the owner.
	chain      orgtree.Path
	attributed bool
	// tiers are the ids of the chain and group that of the group, as cells.
	tiers []any
	group any
}

func newOwner(chain orgtree.Path, group *uuid.UUID, attributed bool) *owner {
	o := &owner{chain: chain, attributed: attributed}
	for _, id := range chain {
		o.tiers = append(o.tiers, uuid.UUID(id).String())
	}
	if group != nil {
		o.group = group.String()
	}
	return o
}

// edges returns how often the rows are sold on their way.
func (o *owner) edges() int { return len(o.chain) - 1 }

// attribution finds the owner of a row. It must not be used by several
// goroutines at once.
type attribution struct {
	// terms are, by pattern, when which owner has the rows, the latest first.
	terms map[pattern][]term
	// keys are the tags that mappings name.
	keys map[string]bool
	// nobody's are the rows that no mapping fits.
	nobody *owner
	// events are the owners that events name.
	events map[database.MeteredOwner]*owner

	tags []string // those of the current row that mappings name
}

// term is the months in which an owner has the rows that a mapping fits, zero for
// no bound.
type term struct {
	first, last pricing.Month
	owner       *owner
}

func (t term) covers(m pricing.Month) bool { return t.first <= m && (t.last.IsZero() || m <= t.last) }

func newAttribution(nobody *owner) *attribution {
	return &attribution{terms: map[pattern][]term{}, keys: map[string]bool{}, nobody: nobody, events: map[database.MeteredOwner]*owner{}}
}

func (a *attribution) add(p pattern, t term) {
	a.terms[p] = append(a.terms[p], t)
	slices.SortFunc(a.terms[p], func(a, b term) int { return cmp.Compare(b.first, a.first) })
	if p.key != "" {
		a.keys[p.key] = true
	}
}

// name notes an owner that events name, a path down from the importing
// organization. The rows of one that is not below it any more are nobody's.
func (a *attribution) name(of database.MeteredOwner, chain orgtree.Path) {
	if len(chain) == 0 {
		return
	}
	var group *uuid.UUID
	if of.Group.Valid {
		group = &of.Group.UUID
	}
	a.events[of] = newOwner(chain, group, true)
}

// named returns the owner that an event names.
func (a *attribution) named(of database.MeteredOwner) *owner {
	if o, ok := a.events[of]; ok {
		return o
	}
	return a.nobody
}

// find returns the owner that has the rows of a pattern in a month.
func (a *attribution) find(p pattern, m pricing.Month) (*owner, bool) {
	for _, t := range a.terms[p] {
		if t.covers(m) {
			return t.owner, true
		}
	}
	return nil, false
}

// ownerOf returns the owner that the closest mapping names; the package's
// documentation has the order.
func (a *attribution) ownerOf(row *focus.Row) *owner {
	a.tags = a.tags[:0]
	for key := range row.Tags {
		if a.keys[key] {
			a.tags = append(a.tags, key)
		}
	}
	slices.Sort(a.tags)
	month := pricing.MonthOf(row.ChargePeriodStart)
	for _, fits := range []func(key string) pattern{
		func(key string) pattern { return pattern{subAccount: row.SubAccountID, key: key, value: row.Tags[key]} },
		func(key string) pattern { return pattern{key: key, value: row.Tags[key]} },
		func(key string) pattern { return pattern{subAccount: row.SubAccountID, key: key} },
		func(key string) pattern { return pattern{key: key} },
	} {
		for _, key := range a.tags {
			if o, ok := a.find(fits(key), month); ok {
				return o
			}
		}
	}
	if o, ok := a.find(pattern{subAccount: row.SubAccountID}, month); ok {
		return o
	}
	return a.nobody
}
