package pricing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
)

// span is a rule of the platform for the distributor between two months, ""
// for no end.
func span(t testing.TB, first, last string) pricing.Rule {
	t.Helper()
	r := pricing.Rule{
		Seller: platform, Buyer: distributor, Basis: pricing.Source, Factor: dec(t, "1.1"),
		FirstMonth: month(t, first), Version: 1,
	}
	if last != "" {
		r.LastMonth = month(t, last)
	}
	return r
}

func TestCheckChange(t *testing.T) {
	t.Parallel()
	// It is May; March's statement is closed, April's not yet.
	months := pricing.Months{Current: month(t, "2026-05"), Closed: []pricing.Month{month(t, "2026-03"), month(t, "2026-02")}}
	other := span(t, "2026-04", "")
	other.Selector.Provider = "AWS"
	for _, tc := range []struct {
		name     string
		rule     pricing.Rule
		reason   string
		existing []pricing.Rule
		code     fault.Code
		field    string
	}{
		{name: "first, in a future month", rule: span(t, "2026-06", "")},
		{name: "first, in the current month", rule: span(t, "2026-05", "")},
		{name: "first, in a past month that is open", rule: span(t, "2026-04", "")},
		{name: "first, from a closed month on", rule: span(t, "2026-03", ""), reason: "late", code: fault.PeriodClosed},
		{name: "first, across closed months", rule: span(t, "2026-01", "2026-06"), reason: "late", code: fault.PeriodClosed},
		{name: "first, before all closed months", rule: span(t, "2026-01", "2026-01")},
		{name: "replacing in a future month", rule: span(t, "2026-06", ""), existing: []pricing.Rule{span(t, "2026-01", "")}},
		{name: "replacing in the current month", rule: span(t, "2026-05", ""), existing: []pricing.Rule{span(t, "2026-01", "")}, code: fault.Invalid, field: "reason"},
		{name: "replacing in a past open month", rule: span(t, "2026-04", ""), reason: " ", existing: []pricing.Rule{span(t, "2026-01", "")}, code: fault.Invalid, field: "reason"},
		{name: "replacing with a reason", rule: span(t, "2026-05", ""), reason: "a slip", existing: []pricing.Rule{span(t, "2026-01", "")}},
		{name: "after one that has ended", rule: span(t, "2026-05", ""), existing: []pricing.Rule{span(t, "2026-01", "2026-04")}},
		{name: "before one of the future", rule: span(t, "2026-05", ""), existing: []pricing.Rule{span(t, "2026-06", "")}},
		{name: "before one of the current month", rule: span(t, "2026-04", ""), existing: []pricing.Rule{span(t, "2026-05", "")}, code: fault.Invalid, field: "reason"},
		{name: "beside one of another selector", rule: span(t, "2026-05", ""), existing: []pricing.Rule{other}},
		{name: "not a rule", rule: span(t, "2026-05", "2026-04"), code: fault.Invalid, field: "lastMonth"},
	} {
		err := pricing.CheckChange(pricing.Change{Rule: tc.rule, Reason: tc.reason}, tc.existing, months)
		checkFault(t, tc.name, err, tc.code, tc.field)
	}
}

func checkFault(t *testing.T, name string, err error, code fault.Code, field string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %q", name, err, code)
		return
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Field != field {
		t.Errorf("%s: the field is %q, want %q", name, f.Field, field)
	}
}

func TestCheckEnd(t *testing.T) {
	t.Parallel()
	months := pricing.Months{Current: month(t, "2026-05"), Closed: []pricing.Month{month(t, "2026-03"), month(t, "2026-02")}}
	for _, tc := range []struct {
		name, first, last, end, reason string
		code                           fault.Code
		field                          string
	}{
		{name: "after the last closed month", first: "2026-01", end: "2026-03", reason: "because"},
		{name: "after the last closed month, without a reason", first: "2026-01", end: "2026-03", code: fault.Invalid, field: "reason"},
		{name: "before this month", first: "2026-01", end: "2026-04", reason: " ", code: fault.Invalid, field: "reason"},
		{name: "after this month", first: "2026-01", end: "2026-05"},
		{name: "in the future", first: "2026-01", end: "2026-09"},
		{name: "before a closed month", first: "2026-01", end: "2026-02", reason: "because", code: fault.PeriodClosed},
		{name: "before it starts", first: "2026-04", end: "2026-03", code: fault.Invalid, field: "lastMonth"},
		{name: "later, over open months", first: "2026-01", last: "2026-03", end: "2026-07", reason: "because"},
		{name: "later, over open months, without a reason", first: "2026-01", last: "2026-03", end: "2026-07", code: fault.Invalid, field: "reason"},
		{name: "later, over a closed month", first: "2026-01", last: "2026-02", end: "2026-07", code: fault.PeriodClosed},
		{name: "not any more, over a closed month", first: "2026-01", last: "2026-01", code: fault.PeriodClosed},
		{name: "not any more", first: "2026-01", last: "2026-06"},
		{name: "as it is", first: "2026-01", last: "2026-02", end: "2026-02"},
	} {
		var end pricing.Month
		if tc.end != "" {
			end = month(t, tc.end)
		}
		checkFault(t, tc.name, pricing.CheckEnd(span(t, tc.first, tc.last), end, tc.reason, months), tc.code, tc.field)
	}
}

func TestFirstDifference(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ a, b, want string }{
		{"", "", ""},
		{"2026-03", "2026-03", ""},
		{"2026-03", "", "2026-04"},
		{"", "2026-03", "2026-04"},
		{"2026-03", "2026-07", "2026-04"},
		{"2026-07", "2026-03", "2026-04"},
	} {
		a, b := span(t, "2026-01", tc.a), span(t, "2026-01", tc.b)
		got := pricing.FirstDifference(a, b)
		if got.String() != tc.want {
			t.Errorf("%q and %q differ first in %q, want %q", tc.a, tc.b, got, tc.want)
		}
		if !got.IsZero() && (a.InForce(got) == b.InForce(got) || a.InForce(got.Prev()) != b.InForce(got.Prev())) {
			t.Errorf("%q and %q do not differ first in %q", tc.a, tc.b, got)
		}
	}
}

func TestPeriodClosedNamesTheFirstMonth(t *testing.T) {
	t.Parallel()
	months := pricing.Months{Closed: []pricing.Month{month(t, "2026-03"), month(t, "2026-02")}}
	err := pricing.CheckChange(pricing.Change{Rule: span(t, "2026-01", "")}, nil, months)
	var f *fault.Error
	if !errors.As(err, &f) || f.Details["month"] != "2026-02" {
		t.Errorf("got %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, field string
		change      func(*pricing.Rule)
	}{
		{"as it is", "", func(*pricing.Rule) {}},
		{"for all customers", "", func(r *pricing.Rule) { r.Buyer = orgtree.ID{} }},
		{"to itself", "buyerId", func(r *pricing.Rule) { r.Buyer = r.Seller }},
		{"no basis", "basis", func(r *pricing.Rule) { r.Basis = "" }},
		{"unknown basis", "basis", func(r *pricing.Rule) { r.Basis = "CONTRACTED" }},
		{"no factor", "factor", func(r *pricing.Rule) { r.Factor = money.Decimal{} }},
		{"negative factor", "factor", func(r *pricing.Rule) { r.Factor = money.FromInt(-1) }},
		{"fine factor", "factor", func(r *pricing.Rule) { r.Factor = money.New(1, 7) }},
		{"large factor", "factor", func(r *pricing.Rule) { r.Factor = money.FromInt(1_000_000) }},
		{"no first month", "firstMonth", func(r *pricing.Rule) { r.FirstMonth = 0 }},
		{"one month", "", func(r *pricing.Rule) { r.LastMonth = r.FirstMonth }},
		{"ends first", "lastMonth", func(r *pricing.Rule) { r.LastMonth = r.FirstMonth.Prev() }},
		{"unknown category", "selector.chargeCategory", func(r *pricing.Rule) { r.Selector.ChargeCategory = "usage" }},
		{"long SKU", "selector.sku", func(r *pricing.Rule) { r.Selector.SKU = strings.Repeat("x", 201) }},
		{"long region", "selector.region", func(r *pricing.Rule) { r.Selector.Region = strings.Repeat("x", 201) }},
		{"zero byte", "selector.service", func(r *pricing.Rule) { r.Selector.Service = "a\x00b" }},
	} {
		r := span(t, "2026-05", "")
		tc.change(&r)
		code := fault.Invalid
		if tc.field == "" {
			code = ""
		}
		checkFault(t, tc.name, r.Validate(), code, tc.field)
	}
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	first, second, third := span(t, "2026-01", ""), span(t, "2026-03", "2026-04"), span(t, "2026-06", "")
	second.Version, third.Version = 2, 3
	other := first
	other.Buyer = orgtree.ID{}
	existing := []pricing.Rule{first, second, third, other}
	var versions []int
	for _, r := range pricing.Replaced(span(t, "2026-04", "2026-05"), existing) {
		versions = append(versions, r.Version)
	}
	if len(versions) != 2 || versions[0] != 2 || versions[1] != 1 {
		t.Errorf("replaces versions %v", versions)
	}
	if got := pricing.NextVersion(first.Subject(), existing); got != 4 {
		t.Errorf("the next version is %d", got)
	}
	if got := pricing.NextVersion(pricing.Subject{Seller: reseller}, existing); got != 1 {
		t.Errorf("the first version is %d", got)
	}
}
