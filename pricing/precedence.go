package pricing

import "github.com/headwater-platform/headwater/orgtree"

// precedence says which fields a rule names, the weightiest in the highest
// bit, so that of two rules that match a line the greater precedence wins.
type precedence uint8

const (
	namesBuyer precedence = 1 << iota
	namesCategory
	namesRegion
	namesProvider
	namesService
	namesSKU
)

// precedenceOf returns which fields the selector and the buyer name.
func precedenceOf(s Selector, buyer orgtree.ID) precedence {
	var p precedence
	for _, field := range []struct {
		named bool
		bit   precedence
	}{
		{!buyer.IsZero(), namesBuyer},
		{s.ChargeCategory != "", namesCategory},
		{s.Region != "", namesRegion},
		{s.Provider != "", namesProvider},
		{s.Service != "", namesService},
		{s.SKU != "", namesSKU},
	} {
		if field.named {
			p |= field.bit
		}
	}
	return p
}

// target is what the rules of one seller for one subject have in common.
type target struct {
	buyer    orgtree.ID
	selector Selector
}

// target returns the target that rules of the precedence must have to match
// the facts and the buyer, or false if none can match: a line that lacks a
// field is not matched by a rule that names it.
func (p precedence) target(facts Facts, buyer orgtree.ID) (target, bool) {
	if !p.has(namesCategory) && !facts.ChargeCategory.ordinary() {
		return target{}, false
	}
	if p&^precedenceOf(Selector(facts), buyer) != 0 {
		return target{}, false
	}
	t := target{selector: Selector(facts)}
	if p.has(namesBuyer) {
		t.buyer = buyer
	}
	if !p.has(namesCategory) {
		t.selector.ChargeCategory = ""
	}
	if !p.has(namesRegion) {
		t.selector.Region = ""
	}
	if !p.has(namesProvider) {
		t.selector.Provider = ""
	}
	if !p.has(namesService) {
		t.selector.Service = ""
	}
	if !p.has(namesSKU) {
		t.selector.SKU = ""
	}
	return t, true
}

func (p precedence) has(field precedence) bool { return p&field != 0 }
