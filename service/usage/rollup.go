package usage

import (
	"strings"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
)

// Bounds of how many roll-ups are kept in memory, some hundred bytes each. An
// import writes them in several batches, a rating in one transaction with what it
// has reached.
const (
	maxRollups      = 30_000
	maxRatedRollups = 8_000
)

// rollups add up rows of the same day and facts.
type rollups struct {
	sums map[rollupKey]*rollup
	// most is how many may be kept.
	most int
}

// rollupKey is what rows of one roll-up have in common.
type rollupKey struct {
	dataset  int64
	owner    *owner
	day      int64 // since 1970, in UTC
	provider string
	service  string
	sku      string
	region   string
	category string
	currency string
}

type rollup struct {
	lines int64
	// buys holds what each tier of the chain pays, top seller first.
	buys []money.Decimal
}

func newRollups(most int) *rollups { return &rollups{sums: map[rollupKey]*rollup{}, most: most} }

const secondsPerDay = 24 * 60 * 60

// full reports whether the roll-ups are as many as may be kept.
func (r *rollups) full() bool { return len(r.sums) >= r.most }

// add adds a row with its prices.
func (r *rollups) add(dataset int64, row *focus.Row, o *owner, rated []pricing.Rated) {
	key := rollupKey{
		dataset: dataset, owner: o, day: row.ChargePeriodStart.Unix() / secondsPerDay,
		provider: row.Provider, service: row.ServiceName, sku: row.SKU, region: row.Region,
		category: row.ChargeCategory, currency: row.BillingCurrency,
	}
	sum, ok := r.sums[key]
	if !ok {
		sum = &rollup{buys: make([]money.Decimal, len(o.chain))}
		r.sums[key.clone()] = sum
	}
	sum.lines++
	sum.buys[0] = sum.buys[0].Add(row.BilledCost)
	for i := range rated {
		sum.buys[i+1] = sum.buys[i+1].Add(rated[i].Amount)
	}
}

// addTo adds one row of a rating per tier, under ids from the given one.
func (r *rollup) addTo(rows *database.Rows, id int64, rating int, key *rollupKey) error {
	o, day := key.owner, time.Unix(key.day*secondsPerDay, 0).UTC()
	for tier, buy := range r.buys {
		if err := money.CheckAmount(buy); err != nil {
			return tooLarge(key.currency)
		}
		rows.Add(
			id+int64(tier), key.dataset, int64(rating), o.tiers[tier], customerCell(o, tier), o.tiers[o.edges()], o.group, day,
			key.provider, key.service, key.sku, key.region, key.category, key.currency,
			buy.String(), r.sell(tier).String(), r.lines,
		)
	}
	return nil
}

// sell returns what a tier charges the next, 0 for the owner.
func (r *rollup) sell(tier int) money.Decimal {
	if tier+1 == len(r.buys) {
		return money.Decimal{}
	}
	return r.buys[tier+1]
}

// customerCell returns the tier below as a cell, NULL for the owner's own.
func customerCell(o *owner, tier int) any {
	if tier == o.edges() {
		return nil
	}
	return o.tiers[tier+1]
}

// clone returns the key without the text that it was cut from, which may be a
// whole row of a file.
func (k rollupKey) clone() rollupKey {
	k.provider = strings.Clone(k.provider)
	k.service = strings.Clone(k.service)
	k.sku = strings.Clone(k.sku)
	k.region = strings.Clone(k.region)
	k.category = strings.Clone(k.category)
	k.currency = strings.Clone(k.currency)
	return k
}
