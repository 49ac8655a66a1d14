package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/usagedataset"
	"github.com/headwater-platform/headwater/ent/usageimport"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/typeid"
)

// MeteredProvider is the provider of usage that organizations meter themselves, in
// costs, on statements and in price rules.
const MeteredProvider = "Metering"

// partLines is from how many lines on a part of a month is complete. Its roll-ups,
// of which every call adds some, are then made anew by another rating.
const partLines = 20_000

// lineIDs are the ids of lines of usage and of what they are rated to.
type lineIDs struct{ datasets, lines, rated, rollups sequence }

// reserve takes the ids that n events need at most. In the transaction that records
// them there is no time to wait for others who take some.
func (s *Service) reserve(ctx context.Context, n int) (lineIDs, error) {
	ids := lineIDs{
		datasets: sequence{db: s.db, table: "usage_datasets"},
		lines:    sequence{db: s.db, table: "usage_lines"},
		rated:    sequence{db: s.db, table: "rated_lines"},
		rollups:  sequence{db: s.db, table: "cost_rollups"},
	}
	const tiers = orgtree.MaxDepth + 1
	if err := ids.datasets.hold(ctx, int64(n)); err != nil { // one a month
		return lineIDs{}, err
	}
	if err := ids.lines.hold(ctx, int64(n)); err != nil {
		return lineIDs{}, err
	}
	if err := ids.rated.hold(ctx, int64(n)*tiers); err != nil {
		return lineIDs{}, err
	}
	return ids, ids.rollups.hold(ctx, int64(n)*tiers)
}

// enter adds the new events as lines of usage to the parts of their months, priced
// on each edge by the prices of now. That they count from the commit on is why they
// need no import: nobody changes a price, a mapping or a month beside it.
func (r *recording) enter(ctx context.Context) error {
	a := r.namedOwners()
	rules, err := r.service.records.In(r.tx).Rules(ctx, sellers(a))
	if err != nil {
		return err
	}
	l := newLedger(r.service.db, pricing.NewBook(rules).Rater(), maxRollups)
	l.ratedIDs, l.rollupIDs = &r.ids.rated, &r.ids.rollups
	byMonth := map[string][]*ent.UsageEvent{}
	for _, row := range r.added {
		byMonth[row.Month] = append(byMonth[row.Month], row)
	}
	months := make([]string, 0, len(byMonth))
	for month := range byMonth {
		months = append(months, month)
	}
	slices.Sort(months)
	for _, month := range months {
		if err := r.enterMonth(ctx, month, byMonth[month], a, l); err != nil {
			return err
		}
	}
	return nil
}

// namedOwners returns the attribution of the new events.
func (r *recording) namedOwners() *attribution {
	top := orgtree.ID(r.metering.ID)
	a := newAttribution(newOwner(orgtree.Path{top}, nil, false))
	for _, row := range r.added {
		of := ownerNamed(row)
		if _, ok := a.events[of]; !ok {
			a.name(of, r.owners[row.OwnerID].Path().From(top))
		}
	}
	return a
}

func ownerNamed(row *ent.UsageEvent) database.MeteredOwner {
	of := database.MeteredOwner{Owner: row.OwnerID}
	if row.GroupID != nil {
		of.Group = uuid.NullUUID{UUID: *row.GroupID, Valid: true}
	}
	return of
}

// enterMonth adds the events of a month to its last part.
func (r *recording) enterMonth(ctx context.Context, text string, events []*ent.UsageEvent, a *attribution, l *ledger) error {
	month, err := pricing.ParseMonth(text)
	if err != nil {
		return err
	}
	p, err := r.openPart(ctx, month)
	if err != nil {
		return err
	}
	b := newBatch()
	for _, event := range events {
		if event.UsageLineID, err = r.ids.lines.take(ctx, 1); err != nil {
			return err
		}
		event.DatasetID = p.dataset.ID
		p.stored++
		row, err := lineOf(event, month, p.stored)
		if err != nil {
			return err
		}
		o := a.named(ownerNamed(event))
		if err := l.rate(row, o, priceMonth(row)); err != nil {
			return beyond(err)
		}
		b.addLine(event.UsageLineID, p.dataset.ID, month, noMonth, row)
		if err := l.enter(ctx, b, entry{dataset: p.dataset.ID, rating: p.dataset.Rating, line: event.UsageLineID, month: month}, row, o); err != nil {
			return err
		}
		p.totals.Add(money.Amount{Decimal: row.BilledCost, Currency: money.Currency(row.BillingCurrency)})
	}
	if err := l.flush(ctx, p.dataset.Rating, func() (*batch, error) { return b, nil }); err != nil {
		return beyond(err)
	}
	if err := r.tx.Load(ctx, b.lines, b.rated, b.rollups); err != nil {
		return err
	}
	return r.closePart(ctx, p)
}

// beyond returns an error of pricing about events instead of a file.
func beyond(err error) error {
	var row *focus.RowError
	var file *focus.FileError
	if errors.As(err, &row) || errors.As(err, &file) {
		return fault.Invalidf("events", "this costs more than an amount can hold")
	}
	return err
}

// lineOf returns the line of usage that an event becomes, the nth of its part.
func lineOf(event *ent.UsageEvent, month pricing.Month, n int) (*focus.Row, error) {
	e, err := eventOf(event)
	if err != nil {
		return nil, err
	}
	amount, err := money.Parse(event.Amount)
	if err != nil {
		return nil, fmt.Errorf("read the amount of event %s: %w", event.ID, err)
	}
	row := &focus.Row{
		Line: n, BilledCost: amount, EffectiveCost: focus.Some(amount), BillingCurrency: event.Currency,
		BillingAccountID:   typeid.New(typeid.Organization, event.OrganizationID).String(),
		SubAccountID:       typeid.New(typeid.Organization, event.OwnerID).String(),
		BillingPeriodStart: month.Start(), BillingPeriodEnd: month.Next().Start(),
		ChargePeriodStart: e.Start, ChargePeriodEnd: e.End, ChargeCategory: focus.CategoryUsage,
		ChargeDescription: event.Edges.Sku.Name, Provider: MeteredProvider, ServiceName: event.Edges.Sku.Service, SKU: e.SKU,
		PricingQuantity: focus.Some(e.Quantity), PricingUnit: event.Edges.Sku.Subtype, Tags: e.AllTags(),
	}
	if event.CorrectsID != nil {
		row.ChargeClass = string(pricing.Correction)
	}
	return row, nil
}

// part is the dataset that lines of a month are added to, with the import that it
// is of, which holds what is in it.
type part struct {
	dataset *ent.UsageDataset
	of      *ent.UsageImport
	stored  int
	totals  money.Totals
}

// openPart returns the last part of a month, or a new one if there is none or if
// that is to be rated again: what is added to it would be left out.
func (r *recording) openPart(ctx context.Context, month pricing.Month) (*part, error) {
	query := r.tx.UsageDataset.Query().
		Where(usagedataset.OrganizationID(r.metering.ID), usagedataset.Month(month.String()), usagedataset.PartGT(0),
			usagedataset.StatusEQ(usagedataset.StatusACTIVE)).
		Order(ent.Desc(usagedataset.FieldPart))
	query.Modify(r.tx.Lock)
	last, err := query.First(ctx)
	if ent.IsNotFound(err) {
		return r.newPart(ctx, month, 1)
	}
	if err != nil {
		return nil, fmt.Errorf("find the last part: %w", err)
	}
	if last.Rating != last.RatingWanted {
		return r.newPart(ctx, month, last.Part+1)
	}
	of, err := r.tx.UsageImport.Get(ctx, last.ImportID)
	if err != nil {
		return nil, fmt.Errorf("get the import of a part: %w", err)
	}
	p := &part{dataset: last, of: of, stored: int(of.RowsStored)}
	var costs []cost
	if err := json.Unmarshal([]byte(of.BilledCosts), &costs); err != nil {
		return nil, fmt.Errorf("read the billed costs of import %s: %w", of.ID, err)
	}
	for _, c := range costs {
		p.totals.Add(money.Amount(c))
	}
	return p, nil
}

func (r *recording) newPart(ctx context.Context, month pricing.Month, number int) (*part, error) {
	id, now := r.tx.NewID(), r.tx.Now()
	create := r.tx.UsageImport.Create().
		SetID(id).SetOrganizationID(r.metering.ID).SetStatus(usageimport.StatusACTIVE).
		SetContentHash("metered " + id.String()). // what no content has
		SetErrors("[]").SetBilledCosts("[]").SetCreatedAt(now).SetTouchedAt(now).SetFinishedAt(now)
	if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
		create.SetActorID(uuid.UUID(actor))
	}
	of, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a part: %w", err)
	}
	key, err := r.ids.datasets.take(ctx, 1)
	if err != nil {
		return nil, err
	}
	dataset, err := r.tx.UsageDataset.Create().
		SetID(key).SetImportID(id).SetOrganizationID(r.metering.ID).
		SetProvider(MeteredProvider).SetBillingAccountID(typeid.New(typeid.Organization, r.metering.ID).String()).
		SetMonth(month.String()).SetPart(number).SetStatus(usagedataset.StatusACTIVE).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a part: %w", err)
	}
	return &part{dataset: dataset, of: of}, nil
}

// closePart writes down what is in a part, and has one that is complete rated again,
// which leaves it to no more lines.
func (r *recording) closePart(ctx context.Context, p *part) error {
	var costs []cost
	for _, total := range p.totals.Amounts() {
		if err := money.CheckAmount(total.Decimal); err != nil {
			return fault.Invalidf("events", "this costs more than an amount can hold")
		}
		costs = append(costs, cost(total))
	}
	written, err := document(costs)
	if err != nil {
		return err
	}
	err = p.of.Update().SetRowsRead(int64(p.stored)).SetRowsStored(int64(p.stored)).SetBilledCosts(written).SetTouchedAt(r.tx.Now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write down a part: %w", err)
	}
	if p.stored < r.service.partLines {
		return nil
	}
	return r.tx.WantRated(ctx, p.of.ID)
}
