package usage

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/pricing"
)

// tagsDocument returns the JSON object of a row's tags, its keys in order.
func tagsDocument(tags map[string]string) string {
	if len(tags) == 0 {
		return "{}"
	}
	var o object
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		o.add(key, tags[key])
	}
	return o.String()
}

// extraDocument returns the JSON object of everything in a row that has no
// column of its own, under the names of FOCUS and of the file. What is null is
// left out, and so is a billing period that is the calendar month.
func extraDocument(row *focus.Row) string {
	var o object
	o.addAmount("EffectiveCost", row.EffectiveCost)
	o.addAmount("ContractedCost", row.ContractedCost)
	o.addAmount("ConsumedQuantity", row.ConsumedQuantity)
	if month := pricing.MonthOf(row.BillingPeriodStart); !row.BillingPeriodStart.Equal(month.Start()) ||
		!row.BillingPeriodEnd.Equal(month.Next().Start()) {
		o.add("BillingPeriodStart", row.BillingPeriodStart.Format(time.RFC3339Nano))
		o.add("BillingPeriodEnd", row.BillingPeriodEnd.Format(time.RFC3339Nano))
	}
	for _, f := range []focus.Field{
		{Name: "ConsumedUnit", Value: row.ConsumedUnit},
		{Name: "BillingAccountName", Value: row.BillingAccountName},
		{Name: "SubAccountName", Value: row.SubAccountName},
		{Name: "ChargeFrequency", Value: row.ChargeFrequency},
		{Name: "HostProviderName", Value: row.HostProvider},
		{Name: "InvoiceIssuerName", Value: row.InvoiceIssuer},
		{Name: "ServiceCategory", Value: row.ServiceCategory},
		{Name: "SkuPriceId", Value: row.SKUPrice},
		{Name: "RegionName", Value: row.RegionName},
		{Name: "AvailabilityZone", Value: row.AvailabilityZone},
		{Name: "ResourceName", Value: row.ResourceName},
		{Name: "ResourceType", Value: row.ResourceType},
		{Name: "PricingCategory", Value: row.PricingCategory},
	} {
		if f.Value != "" {
			o.add(f.Name, f.Value)
		}
	}
	for _, f := range row.Extra {
		o.add(f.Name, f.Value)
	}
	return o.String()
}

// object is a JSON object of texts that is being written. The texts are UTF-8.
type object struct{ text []byte }

func (o *object) add(key, value string) {
	if len(o.text) == 0 {
		o.text = make([]byte, 0, 512)
		o.text = append(o.text, '{')
	} else {
		o.text = append(o.text, ',')
	}
	o.text = appendText(o.text, key)
	o.text = append(o.text, ':')
	o.text = appendText(o.text, value)
}

func (o *object) addAmount(key string, value focus.NullDecimal) {
	if value.Valid {
		o.add(key, value.Decimal.String())
	}
}

// String returns the object.
func (o *object) String() string {
	if len(o.text) == 0 {
		return "{}"
	}
	return string(append(o.text, '}'))
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
