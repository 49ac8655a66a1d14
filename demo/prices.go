package demo

import (
	"context"
	"fmt"

	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/service/rates"
)

// price is what a seller asks of one or all of its direct customers.
type price struct {
	seller *organization
	buyer  *organization // nil for all
	on     pricing.Selector
	factor string
	// basis is that of the seller's billing.chain_mode if empty.
	basis       pricing.Basis
	first, last pricing.Month // last is zero for no end
	reason      string
}

// price sets prices in the name of their sellers, in order.
func (b *builder) price(ctx context.Context, prices ...price) error {
	for _, p := range prices {
		b.pause()
		as, err := b.as(ctx, p.seller.administrator())
		if err != nil {
			return err
		}
		wanted, err := p.wanted()
		if err != nil {
			return err
		}
		if _, _, err := b.Rates.Set(as, wanted); err != nil {
			return fmt.Errorf("price of %s: %w", p.seller.name, err)
		}
	}
	return nil
}

func (p price) wanted() (rates.NewMultiplier, error) {
	factor, err := money.ParseFactor(p.factor)
	if err != nil {
		return rates.NewMultiplier{}, fmt.Errorf("factor %q: %w", p.factor, err)
	}
	wanted := rates.NewMultiplier{
		Seller: p.seller.id, Factor: factor, FirstMonth: p.first, Reason: p.reason,
		Selector: rates.Selector{
			Provider: named(p.on.Provider), Service: named(p.on.Service), SKU: named(p.on.SKU), Region: named(p.on.Region),
			ChargeCategory: named(p.on.ChargeCategory),
		},
	}
	if p.buyer != nil {
		wanted.Buyer = &p.buyer.id
	}
	if p.basis != "" {
		wanted.Basis = &p.basis
	}
	if !p.last.IsZero() {
		wanted.LastMonth = &p.last
	}
	return wanted, nil
}

// named returns nil for what a selector does not name.
func named[T ~string](name T) *T {
	if name == "" {
		return nil
	}
	return &name
}

// firstPrices are in force from the first month with usage: on every kind of
// edge, in every basis. Nordlys has none of its own, so its customers pay what
// it pays.
func (p *plan) firstPrices(c calendar) []price {
	first := c.months[0]
	return []price{
		{seller: p.root, factor: "1.06", basis: pricing.Source, first: first},
		{seller: p.root, buyer: p.alpine, factor: "1.04", basis: pricing.Source, first: first, reason: "volume agreement"},
		{seller: p.root, buyer: p.nordlys, factor: "0.97", basis: pricing.List, first: first, reason: "priced off the list"},
		{seller: p.root, on: pricing.Selector{ChargeCategory: pricing.Credit}, factor: "0.9", basis: pricing.Source, first: first, reason: "handling of credits"},
		{seller: p.alpine, factor: "1.12", first: first},
		{seller: p.alpine, buyer: p.jura, factor: "1.05", basis: pricing.Upstream, first: first},
		{seller: p.alpine, on: pricing.Selector{Provider: aws, Service: s3}, factor: "1.2", basis: pricing.Upstream, first: first},
		{seller: p.jura, factor: "1.15", basis: pricing.Upstream, first: first},
		{seller: p.jura, on: pricing.Selector{SKU: gpuSKU}, factor: "1.3", basis: pricing.Source, first: first, reason: "scarce"},
		{seller: p.harbor, factor: "1.18", basis: pricing.Source, first: first},
		{seller: p.harbor, on: pricing.Selector{Provider: google, Region: "europe-west4"}, factor: "0.99", basis: pricing.List, first: first},
	}
}

// laterPrices come with the second month: for single customers, for a while,
// and a better price that is told in advance.
func (p *plan) laterPrices(c calendar) []price {
	second, third := c.months[1], c.months[2]
	prices := []price{
		{seller: p.alpine, buyer: p.customers[0], factor: "1.08", basis: pricing.Upstream, first: second, reason: "renewal"},
		{seller: p.root, buyer: p.harbor, factor: "1.05", basis: pricing.Source, first: third, reason: "second tier of the volume agreement"},
	}
	for _, seller := range []*organization{p.jura, p.harbor} {
		for i, customer := range p.of(seller) {
			if i%2 == 0 {
				prices = append(prices, price{seller: seller, buyer: customer, factor: "1.1", basis: pricing.Upstream, first: second, last: third, reason: "introductory price"})
			}
		}
	}
	for i, customer := range p.of(p.nordlys) {
		if i == 0 {
			prices = append(prices, price{seller: p.nordlys, buyer: customer, factor: "1.25", basis: pricing.Upstream, first: second, reason: "includes support"})
		}
	}
	return prices
}

// latestPrices replace some in the present month.
func (p *plan) latestPrices(c calendar) []price {
	return []price{
		{seller: p.alpine, factor: "1.14", first: c.months[2], reason: "costs of energy"},
		{seller: p.alpine, buyer: p.customers[0], factor: "1.1", basis: pricing.Source, first: c.months[2], reason: "price now follows the provider"},
	}
}
