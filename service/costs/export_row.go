package costs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// row returns a line as it is told to the buyer.
//
// What the buyer brought in itself is told as the provider wrote it. On an edge
// between organizations the invoice issuer is the seller and the billing account
// the buyer; BilledCost, EffectiveCost and ContractedCost are the price; and what
// the seller could be divided by is left out: unit prices, price ids and
// categories, commitments, every column of the provider's own, and texts in which
// a price may stand. ListCost is the provider's where the price is a factor of it
// that the seller shows, so that it tells nothing that the buyer could not compute;
// elsewhere it is the price, because FOCUS wants one.
//
// Tags, accounts and resources of an owner whom the viewer does not reach are left
// out too.
func (e *Export) row(t *exportTeller, line *database.ExportLine) (focus.Row, error) {
	extra, tags := map[string]string{}, map[string]string{}
	if err := json.Unmarshal([]byte(line.Extra), &extra); err != nil {
		return focus.Row{}, fmt.Errorf("read line %d: %w", line.Line, err)
	}
	if err := json.Unmarshal([]byte(line.Tags), &tags); err != nil {
		return focus.Row{}, fmt.Errorf("read tags of line %d: %w", line.Line, err)
	}
	row := facts(line)
	r := &rowReader{row: &row, extra: extra}
	r.usage(line)
	r.periods(e.query.Month)
	if line.Seller == nil {
		r.provider(line)
	} else {
		r.edge(line, t.organizations[*line.Seller], e.buyer)
		if e.tellsListCost(line) {
			r.amount(&row.ListCost, *line.ListCost)
		}
	}
	if t.reaches(e.query.Scope.Reach, line.Owner) {
		r.owner(line, tags)
	}
	if r.err != nil {
		return focus.Row{}, fmt.Errorf("read line %d: %w", line.Line, r.err)
	}
	return row, nil
}

// tellsListCost reports whether the list cost of a line tells the buyer no more
// than its price and the factor that it is shown.
func (e *Export) tellsListCost(line *database.ExportLine) bool {
	manager, ok := e.buyer.Manager()
	return e.showsPrice && ok && manager.ID == *line.Seller && line.Basis == pricing.List && line.ListCost != nil
}

// facts returns the columns that everybody is told.
func facts(line *database.ExportLine) focus.Row {
	return focus.Row{
		BilledCost: line.Amount.Decimal, BillingCurrency: string(line.Amount.Currency),
		ChargePeriodStart: line.ChargePeriodStart, ChargePeriodEnd: line.ChargePeriodEnd,
		ChargeCategory: chargeCategory(line.Facts.ChargeCategory), ChargeClass: line.ChargeClass,
		Provider: line.Facts.Provider, ServiceName: line.Facts.Service, SKU: line.Facts.SKU, Region: line.Facts.Region,
		PricingUnit: line.Unit,
	}
}

// chargeCategory returns a charge category as FOCUS writes it.
func chargeCategory(c pricing.ChargeCategory) string {
	switch c {
	case pricing.Usage:
		return focus.CategoryUsage
	case pricing.Purchase:
		return focus.CategoryPurchase
	case pricing.Tax:
		return focus.CategoryTax
	case pricing.Credit:
		return focus.CategoryCredit
	case pricing.Adjustment:
		return focus.CategoryAdjustment
	default:
		return string(c)
	}
}

// rowReader fills a row from what is stored of it.
type rowReader struct {
	row   *focus.Row
	extra map[string]string
	err   error
}

// amount reads a decimal, "" for none.
func (r *rowReader) amount(into *focus.NullDecimal, text string) {
	if text == "" || r.err != nil {
		return
	}
	d, err := money.Parse(text)
	*into, r.err = focus.Some(d), err
}

// time reads a time, "" for the one that is there.
func (r *rowReader) time(into *time.Time, text string) {
	if text == "" || r.err != nil {
		return
	}
	*into, r.err = time.Parse(time.RFC3339Nano, text)
}

// usage reads how much was used of what.
func (r *rowReader) usage(line *database.ExportLine) {
	if line.Quantity != nil {
		r.amount(&r.row.PricingQuantity, *line.Quantity)
	}
	r.amount(&r.row.ConsumedQuantity, r.extra["ConsumedQuantity"])
	r.row.ConsumedUnit = r.extra["ConsumedUnit"]
	r.row.ChargeFrequency = r.extra["ChargeFrequency"]
	r.row.HostProvider = r.extra["HostProviderName"]
	r.row.ServiceCategory = r.extra["ServiceCategory"]
	r.row.RegionName = r.extra["RegionName"]
	r.row.AvailabilityZone = r.extra["AvailabilityZone"]
	r.row.ResourceType = r.extra["ResourceType"]
}

// periods reads the billing period, which is the month unless the provider says
// otherwise.
func (r *rowReader) periods(month pricing.Month) {
	r.row.BillingPeriodStart, r.row.BillingPeriodEnd = month.Start(), month.Next().Start()
	r.time(&r.row.BillingPeriodStart, r.extra["BillingPeriodStart"])
	r.time(&r.row.BillingPeriodEnd, r.extra["BillingPeriodEnd"])
}

// provider reads what the provider said to whom it billed the line.
func (r *rowReader) provider(line *database.ExportLine) {
	r.amount(&r.row.EffectiveCost, r.extra["EffectiveCost"])
	r.amount(&r.row.ContractedCost, r.extra["ContractedCost"])
	if line.ListCost != nil {
		r.amount(&r.row.ListCost, *line.ListCost)
	}
	r.row.BillingAccountID, r.row.BillingAccountName = line.BillingAccountID, r.extra["BillingAccountName"]
	r.row.InvoiceIssuer = r.extra["InvoiceIssuerName"]
	r.row.ChargeDescription = line.Description
	r.row.SKUPrice = r.extra["SkuPriceId"]
	r.row.PricingCategory = r.extra["PricingCategory"]
}

// edge says who sold the line to whom at what price, and takes away what could
// tell another price. Providers put prices into columns where they do not belong.
func (r *rowReader) edge(line *database.ExportLine, seller, buyer records.Organization) {
	price := focus.Some(line.Amount.Decimal)
	r.row.EffectiveCost, r.row.ContractedCost, r.row.ListCost = price, price, price
	r.row.InvoiceIssuer = seller.Name
	r.row.BillingAccountID = typeid.New(typeid.Organization, buyer.ID).String()
	r.row.BillingAccountName = buyer.Name
	r.row.ChargeDescription = wordsOnly(line.Description)
	for _, text := range []*string{
		&r.row.PricingUnit, &r.row.ConsumedUnit, &r.row.ChargeFrequency, &r.row.HostProvider,
		&r.row.ServiceCategory, &r.row.RegionName, &r.row.AvailabilityZone, &r.row.ResourceType,
	} {
		*text = noNumber(*text)
	}
	// FOCUS wants these of every row.
	if r.row.HostProvider == "" {
		r.row.HostProvider = r.row.Provider
	}
	if r.row.ServiceCategory == "" {
		r.row.ServiceCategory = "Other"
	}
}

// owner reads what belongs to who used the service.
func (r *rowReader) owner(line *database.ExportLine, tags map[string]string) {
	r.row.SubAccountID, r.row.SubAccountName = line.SubAccountID, r.extra["SubAccountName"]
	r.row.ResourceID, r.row.ResourceName = line.ResourceID, r.extra["ResourceName"]
	r.row.Tags = tags
}

// noNumber returns a text that is no number, "" for one that is: there are files
// with unit prices among the availability zones.
func noNumber(text string) string {
	if _, err := money.Parse(strings.TrimSpace(text)); err == nil {
		return ""
	}
	return text
}

// exportTeller knows the organizations that an export names.
type exportTeller struct {
	service       *Service
	organizations map[uuid.UUID]records.Organization
}

// learn loads the organizations of lines that are not known yet. Their number is
// bounded by that of the organizations below one and of their sellers.
func (t *exportTeller) learn(ctx context.Context, lines []database.ExportLine) error {
	seen := map[uuid.UUID]bool{}
	var unknown []uuid.UUID
	note := func(id uuid.UUID) {
		if _, known := t.organizations[id]; !known && !seen[id] {
			seen[id] = true
			unknown = append(unknown, id)
		}
	}
	for _, line := range lines {
		note(line.Owner)
		if line.Seller != nil {
			note(*line.Seller)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := t.service.records.Organizations(ctx, unknown)
	for id, org := range found {
		t.organizations[id] = org
	}
	return err
}

func (t *exportTeller) reaches(reach access.Reach, owner uuid.UUID) bool {
	org, ok := t.organizations[owner]
	return ok && records.Sees(reach, org.Line())
}

// owner names whose usage a line is, as Lines do.
func (t *exportTeller) owner(ctx context.Context, id uuid.UUID) *records.Reference {
	return ownerOf(ctx, t.organizations[id].Line())
}
