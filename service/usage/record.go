package usage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/sku"
	"github.com/headwater-platform/headwater/ent/usageevent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// maxEvents bounds how many events are recorded at a time.
const maxEvents = 1000

// RecordUsage records usage that an organization has metered, all events or none,
// and returns them in the order given and how many of them are new. Each is priced
// by the rates that hold when it starts, and counts in costs from then on. An event
// whose key is known and which says the same changes nothing, however much later it
// comes again.
//
// Needs usage:import. INVALID for what no event can say, for an archived SKU and
// for a correction that goes too far; NOT_FOUND for a SKU, an owner that is not at
// or below the organization, a group of another, and an event to be corrected that
// there is not; CONFLICT for a known key with an event that says something else;
// PERIOD_CLOSED for usage of a closed month, which corrections alone reach.
func (s *Service) RecordUsage(ctx context.Context, organization uuid.UUID, events []metering.Event) (recorded []*Event, added int, err error) {
	org, err := s.checkImporter(ctx, access.UsageImport, organization)
	if err != nil {
		return nil, 0, err
	}
	events = slices.Clone(events)
	if err := s.checkEvents(events); err != nil {
		return nil, 0, err
	}
	ids, err := s.reserve(ctx, len(events))
	if err != nil {
		return nil, 0, err
	}
	var rows []*ent.UsageEvent
	_, err = s.db.Write(ctx, database.Entry{Action: "recordUsage", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		r := &recording{service: s, tx: tx, metering: org, ids: ids, known: map[string]*ent.UsageEvent{}, skus: map[string]*tariff{}}
		rows, err = r.record(ctx, events)
		added = len(r.added)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	recorded, err = s.wrapEvents(ctx, rows)
	return recorded, added, err
}

// checkEvents returns INVALID for what no event can say, and brings the others into
// the form in which they are stored.
func (s *Service) checkEvents(events []metering.Event) error {
	if len(events) == 0 || len(events) > maxEvents {
		return fault.Invalidf("events", "1 to %d events are recorded at a time", maxEvents)
	}
	now := s.db.Now()
	for i := range events {
		e := &events[i]
		e.Start, e.End = e.Start.UTC().Truncate(time.Microsecond), e.End.UTC().Truncate(time.Microsecond)
		if err := e.Check(now); err != nil {
			return ofEvent(i, err)
		}
		if e.SKU == "" || len(e.SKU) > maxName || !isText(e.SKU) {
			return missing("SKU", eventField(i, "sku"))
		}
	}
	return nil
}

// eventField returns the path of an input field of the ith event.
func eventField(i int, name string) string { return fmt.Sprintf("events.%d.%s", i, name) }

// ofEvent returns an error that names a field of an event as one about the ith.
func ofEvent(i int, err error) error {
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Field == "" {
		return err
	}
	named := *refused
	named.Field = eventField(i, refused.Field)
	return &named
}

// recording is a call of RecordUsage in its transaction, which nobody else records,
// prices or closes usage of the organization beside.
type recording struct {
	service  *Service
	tx       *database.Tx
	metering records.Organization
	ids      lineIDs
	closed   pricing.Month
	// known are the events that there are, by key, with their SKUs: those of the
	// database and those that were added.
	known map[string]*ent.UsageEvent
	skus  map[string]*tariff
	// owners are the organizations that events name, groups the organizations of
	// groups.
	owners map[uuid.UUID]records.Organization
	groups map[uuid.UUID]uuid.UUID
	// left is how much of an event there is with its corrections.
	left map[uuid.UUID]money.Decimal

	added []*ent.UsageEvent
}

// tariff is a SKU with what it is priced by.
type tariff struct {
	*ent.SKU
	rates, unitRates metering.Rates
}

// record returns the rows of events, and stores those that are new.
func (r *recording) record(ctx context.Context, events []metering.Event) ([]*ent.UsageEvent, error) {
	if err := r.load(ctx, events); err != nil {
		return nil, err
	}
	rows := make([]*ent.UsageEvent, len(events))
	for i, e := range events {
		row, err := r.one(e)
		if err != nil {
			return nil, ofEvent(i, err)
		}
		rows[i] = row
	}
	if len(r.added) == 0 {
		return rows, nil
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	return rows, r.store(ctx)
}

// load locks the usage of the organization and reads everything that decides about
// the events.
func (r *recording) load(ctx context.Context, events []metering.Event) (err error) {
	if err := r.tx.LockUsage(ctx, r.metering.ID); err != nil {
		return err
	}
	if r.closed, err = r.tx.ClosedThrough(ctx, r.metering.ID); err != nil {
		return err
	}
	if err := r.loadKnown(ctx, events); err != nil {
		return err
	}
	if err := r.loadSKUs(ctx, events); err != nil {
		return err
	}
	return r.loadOwners(ctx, events)
}

func (r *recording) loadKnown(ctx context.Context, events []metering.Event) error {
	var keys []string
	for _, e := range events {
		keys = append(keys, e.Key)
		if e.Corrects != "" {
			keys = append(keys, e.Corrects)
		}
	}
	rows, err := r.tx.UsageEvent.Query().
		Where(usageevent.OrganizationID(r.metering.ID), usageevent.IdempotencyKeyIn(keys...)).
		WithSku().WithCorrects().WithCorrections().All(ctx)
	if err != nil {
		return fmt.Errorf("look for the events: %w", err)
	}
	r.left = make(map[uuid.UUID]money.Decimal, len(rows))
	for _, row := range rows {
		r.known[row.IdempotencyKey] = row
		if r.left[row.ID], err = remaining(row); err != nil {
			return err
		}
	}
	return nil
}

// remaining returns the quantity of an event with its corrections.
func remaining(row *ent.UsageEvent) (money.Decimal, error) {
	var left money.Decimal
	for _, part := range append([]*ent.UsageEvent{row}, row.Edges.Corrections...) {
		quantity, err := money.Parse(part.Quantity)
		if err != nil {
			return money.Decimal{}, fmt.Errorf("read the quantity of event %s: %w", part.ID, err)
		}
		left = left.Add(quantity)
	}
	return left, nil
}

func (r *recording) loadSKUs(ctx context.Context, events []metering.Event) error {
	var codes []string
	for _, e := range events {
		codes = append(codes, e.SKU)
	}
	rows, err := r.tx.SKU.Query().Where(sku.OrganizationID(r.metering.ID), sku.CodeIn(codes...)).WithUnit().All(ctx)
	if err != nil {
		return fmt.Errorf("load SKUs: %w", err)
	}
	var ids, units []uuid.UUID
	for _, row := range rows {
		ids, units = append(ids, row.ID), append(units, row.UnitID)
	}
	rates, err := ratesOfSKUs(ctx, r.tx.Client, ids)
	if err != nil {
		return err
	}
	unitRates, err := ratesOfUnits(ctx, r.tx.Client, units)
	if err != nil {
		return err
	}
	for _, row := range rows {
		r.skus[row.Code] = &tariff{row, rates[row.ID], unitRates[row.UnitID]}
	}
	return nil
}

func (r *recording) loadOwners(ctx context.Context, events []metering.Event) (err error) {
	var ids, groupIDs []uuid.UUID
	for _, e := range events {
		ids, groupIDs = append(ids, uuid.UUID(e.Owner)), append(groupIDs, uuid.UUID(e.Group))
	}
	if r.owners, err = r.service.records.In(r.tx).Organizations(ctx, unique(ids)); err != nil {
		return err
	}
	// Which groups the owner has does not depend on what the viewer sees.
	groups, err := r.tx.Group.Query().Where(group.IDIn(unique(groupIDs)...)).All(database.Unguarded(ctx))
	if err != nil {
		return fmt.Errorf("load groups: %w", err)
	}
	r.groups = make(map[uuid.UUID]uuid.UUID, len(groups))
	for _, g := range groups {
		r.groups[g.ID] = g.OrganizationID
	}
	return nil
}

// one returns the row of an event: the one that is known, or a new one.
func (r *recording) one(e metering.Event) (*ent.UsageEvent, error) {
	if row, ok := r.known[e.Key]; ok {
		known, err := eventOf(row)
		if err != nil {
			return nil, err
		}
		if !known.Same(e) {
			return nil, conflict("idempotencyKey", "usage was recorded under this key that says something else")
		}
		return row, nil
	}
	its, ok := r.skus[e.SKU]
	if !ok {
		return nil, missing("SKU", "sku")
	}
	if err := r.checkOwner(e); err != nil {
		return nil, err
	}
	row, err := r.price(e, its)
	if err != nil {
		return nil, err
	}
	r.known[e.Key] = row
	r.added = append(r.added, row)
	return row, nil
}

func conflict(field, message string) error {
	e := fault.New(fault.Conflict, "%s", message)
	e.Field = field
	return e
}

func (r *recording) checkOwner(e metering.Event) error {
	owner, ok := r.owners[uuid.UUID(e.Owner)]
	if !ok || owner.Status == orgtree.Deleted || !owner.Path().Contains(orgtree.ID(r.metering.ID)) {
		return missing("organization", "organizationId")
	}
	if !e.Group.IsZero() && r.groups[uuid.UUID(e.Group)] != owner.ID {
		return missing("group", "groupId")
	}
	return nil
}

// price returns the row of a new event with its month, its rates and its amount.
func (r *recording) price(e metering.Event, its *tariff) (*ent.UsageEvent, error) {
	row := &ent.UsageEvent{
		ID: r.tx.NewID(), OrganizationID: r.metering.ID, SkuID: its.ID, IdempotencyKey: e.Key,
		OwnerID: uuid.UUID(e.Owner), ProjectName: e.Project, UserName: e.User,
		Quantity: e.Quantity.String(), Currency: its.Edges.Unit.Currency,
		StartedAt: e.Start, EndedAt: e.End, Tags: e.Tags, CreatedAt: r.tx.Now(),
	}
	if row.Tags == nil {
		row.Tags = map[string]string{}
	}
	if !e.Group.IsZero() {
		id := uuid.UUID(e.Group)
		row.GroupID = &id
	}
	row.Edges.Sku = its.SKU
	var err error
	if e.Corrects != "" {
		err = r.correct(row, e)
	} else {
		err = r.rate(row, e, its)
	}
	if err != nil {
		return nil, err
	}
	return row, setAmount(row, e.Quantity)
}

// rate gives an event the rates that hold when it starts.
func (r *recording) rate(row *ent.UsageEvent, e metering.Event, its *tariff) error {
	if its.ArchivedAt != nil {
		return fault.Invalidf("sku", "this SKU is archived")
	}
	month := pricing.MonthOf(e.Start)
	if month <= r.closed {
		closed := fault.New(fault.PeriodClosed, "%s is closed: usage of it is corrected, and billed in a later month", month).With("month", month.String())
		closed.Field = "startedAt"
		return closed
	}
	row.Month, row.Rate, row.UnitRate = month.String(), its.rates.At(e.Start).Amount.String(), its.unitRates.At(e.Start).Amount.String()
	r.left[row.ID] = e.Quantity
	return nil
}

// correct gives a correction the rates of the event that it corrects, and the first
// month from that one's on that is not closed.
func (r *recording) correct(row *ent.UsageEvent, e metering.Event) error {
	of, ok := r.known[e.Corrects]
	if !ok {
		return missing("event", "corrects")
	}
	corrected, err := eventOf(of)
	if err != nil {
		return err
	}
	if err := e.CheckCorrection(corrected, r.left[of.ID]); err != nil {
		return err
	}
	r.left[of.ID] = r.left[of.ID].Add(e.Quantity)
	month := max(pricing.MonthOf(e.Start), r.closed.Next())
	row.Month, row.Rate, row.UnitRate, row.Currency = month.String(), of.Rate, of.UnitRate, of.Currency
	row.CorrectsID, row.Edges.Corrects = &of.ID, of
	return nil
}

// setAmount gives an event the amount of a quantity by its rates.
func setAmount(row *ent.UsageEvent, quantity money.Decimal) error {
	rate, err := money.Parse(row.Rate)
	if err != nil {
		return fmt.Errorf("read the rate of event %s: %w", row.ID, err)
	}
	unitRate, err := money.Parse(row.UnitRate)
	if err != nil {
		return fmt.Errorf("read the rate of event %s: %w", row.ID, err)
	}
	amount, err := metering.Cost(quantity, rate, unitRate)
	row.Amount = amount.String()
	return err
}

// eventOf returns what a row says, which was read with its SKU and with what it
// corrects.
func eventOf(row *ent.UsageEvent) (metering.Event, error) {
	quantity, err := money.Parse(row.Quantity)
	if err != nil {
		return metering.Event{}, fmt.Errorf("read the quantity of event %s: %w", row.ID, err)
	}
	e := metering.Event{
		Key: row.IdempotencyKey, SKU: row.Edges.Sku.Code, Quantity: quantity, Owner: orgtree.ID(row.OwnerID),
		Project: row.ProjectName, User: row.UserName, Start: row.StartedAt.UTC(), End: row.EndedAt.UTC(), Tags: row.Tags,
	}
	if row.GroupID != nil {
		e.Group = orgtree.ID(*row.GroupID)
	}
	if row.Edges.Corrects != nil {
		e.Corrects = row.Edges.Corrects.IdempotencyKey
	}
	return e, nil
}

// store writes the new events, and has the allocations looked at that they count
// in.
func (r *recording) store(ctx context.Context) error {
	creates := make([]*ent.UsageEventCreate, len(r.added))
	for i, row := range r.added {
		if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
			id := uuid.UUID(actor)
			row.ActorID = &id
		}
		creates[i] = r.tx.UsageEvent.Create().
			SetID(row.ID).SetOrganizationID(row.OrganizationID).SetSkuID(row.SkuID).SetIdempotencyKey(row.IdempotencyKey).
			SetOwnerID(row.OwnerID).SetNillableGroupID(row.GroupID).SetProjectName(row.ProjectName).SetUserName(row.UserName).
			SetQuantity(row.Quantity).SetRate(row.Rate).SetUnitRate(row.UnitRate).SetAmount(row.Amount).SetCurrency(row.Currency).
			SetStartedAt(row.StartedAt).SetEndedAt(row.EndedAt).SetTags(row.Tags).SetNillableCorrectsID(row.CorrectsID).
			SetMonth(row.Month).SetDatasetID(row.DatasetID).SetUsageLineID(row.UsageLineID).
			SetNillableActorID(row.ActorID).SetCreatedAt(row.CreatedAt)
		r.tx.Record(database.Change{Kind: typeid.UsageEvent, ID: row.ID, Organization: row.OrganizationID, After: row})
	}
	if err := r.tx.UsageEvent.CreateBulk(creates...).Exec(ctx); err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	return r.tx.EnqueueCheck(ctx, r.metering.ID, r.added[0].ID.String())
}
