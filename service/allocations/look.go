package allocations

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/thresholdfiring"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// lookAtOnce is how many allocations are looked at in one transaction.
const lookAtOnce = 200

// Check does a job of the kind database.CheckSpending, as the platform: it looks at
// what the allocations of some organizations have left, and fires the thresholds
// that are reached. Done again it changes nothing.
func (s *Service) Check(ctx context.Context, payload []byte) error {
	var job database.CheckSpendingJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return database.Hopeless(fmt.Errorf("read job: %w", err))
	}
	return s.check(ctx, job.Organization)
}

// CheckAll looks at all allocations: periods begin and end without anything else
// happening.
func (s *Service) CheckAll(ctx context.Context) error { return s.check(ctx, uuid.Nil) }

func (s *Service) check(ctx context.Context, organization uuid.UUID) error {
	for after := uuid.Nil; ; {
		var ids []uuid.UUID
		err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
			var err error
			ids, err = tx.AllocationsBelow(ctx, organization, after, lookAtOnce)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := s.checkSome(ctx, organization, ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// checkSome looks at some allocations in one transaction. What is used is summed
// once nobody else can change them, so that the latest sum is the one that stays.
func (s *Service) checkSome(ctx context.Context, organization uuid.UUID, ids []uuid.UUID) error {
	_, err := s.db.Write(ctx, database.Entry{Action: "checkSpending", Organization: organization}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Allocation.Query().Where(allocation.IDIn(ids...)).Order(ent.Asc(allocation.FieldID))
		query.Modify(tx.Lock)
		rows, err := query.All(ctx)
		if err != nil {
			return fmt.Errorf("lock allocations: %w", err)
		}
		looked, err := s.look(ctx, tx, rows)
		if err != nil {
			return err
		}
		for i, after := range looked {
			if after != rows[i] {
				tx.Record(database.Change{Kind: typeid.Allocation, ID: after.ID, Organization: after.OrganizationID, Before: rows[i], After: after})
			}
		}
		return nil
	})
	return err
}

// look brings what is known about allocations up to date and fires what is
// reached. It returns the rows as they are now: the same ones where nothing has
// changed. The caller has locked them and journals their change.
func (s *Service) look(ctx context.Context, tx *database.Tx, rows []*ent.Allocation) ([]*ent.Allocation, error) {
	known, err := allocationsOf(rows)
	if err != nil {
		return nil, err
	}
	thresholds, err := records.Thresholds(ctx, tx.Client, authorsOf(known))
	if err != nil {
		return nil, err
	}
	if err := measure(ctx, tx, known); err != nil {
		return nil, err
	}
	if err := forecast(ctx, tx, known, thresholds); err != nil {
		return nil, err
	}
	fired, err := firedOf(ctx, tx, known)
	if err != nil {
		return nil, err
	}
	looked := make([]*ent.Allocation, 0, len(rows))
	names, err := records.NamesOf(ctx, tx.Client, records.Units(known))
	if err != nil {
		return nil, err
	}
	var announcements []records.Announcement
	for i, row := range rows {
		a := &known[i]
		spent := a.Spent(tx.Now())
		fires, tell := spending.Fire(spent, thresholds[a.Author], func(id orgtree.ID) bool {
			return fired[firing{a.ID, uuid.UUID(id), periodText(*a)}]
		})
		if err := s.fire(ctx, tx, a, spent, fires, tell); err != nil {
			return nil, err
		}
		for _, t := range tell {
			announcements = append(announcements, announcement(*a, names.Of(a.Unit), t))
		}
		after, err := store(ctx, row, *a)
		if err != nil {
			return nil, err
		}
		looked = append(looked, after)
	}
	return looked, records.Announce(ctx, tx, announcements)
}

func allocationsOf(rows []*ent.Allocation) ([]records.Allocation, error) {
	known := make([]records.Allocation, len(rows))
	for i, row := range rows {
		var err error
		if known[i], err = records.NewAllocation(row); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func authorsOf(known []records.Allocation) []uuid.UUID {
	var authors []uuid.UUID
	for _, a := range known {
		if !slices.Contains(authors, a.Author) {
			authors = append(authors, a.Author)
		}
	}
	return authors
}

// periods are holders whose spending is summed over the same time.
type periods map[spending.Period]*database.Holders

// periodsOf returns the holders of those of some allocations that apply to, by
// period.
func periodsOf(known []records.Allocation, applies func(records.Allocation) bool) periods {
	found := periods{}
	for _, a := range known {
		if !applies(a) {
			continue
		}
		of, ok := found[a.Period]
		if !ok {
			of = &database.Holders{}
			found[a.Period] = of
		}
		include(of, a)
	}
	return found
}

// include adds whose an allocation is, and in what.
func include(of *database.Holders, a records.Allocation) {
	if a.Group != nil {
		of.Groups = append(of.Groups, *a.Group)
	} else {
		of.Organizations = append(of.Organizations, a.Organization)
	}
	if unit, ok := database.UnitID(a.Unit); ok && !slices.Contains(of.Units, unit) {
		of.Units = append(of.Units, unit)
	}
}

// measure writes into allocations what is used and reserved now.
func measure(ctx context.Context, tx *database.Tx, known []records.Allocation) error {
	var all database.Holders
	for _, a := range known {
		include(&all, a)
	}
	reserved, err := tx.EstimatedOn(ctx, all)
	if err != nil {
		return err
	}
	every := func(records.Allocation) bool { return true }
	for period, of := range periodsOf(known, every) {
		from, to := period.Bounds(tx.Now())
		used, err := tx.SpentOn(ctx, *of, from, to)
		if err != nil {
			return err
		}
		for i := range known {
			a := &known[i]
			if a.Period == period {
				key := keyOf(*a)
				a.PeriodStart, a.Used, a.Reserved = from, money.FitAmount(used[key]), reserved[key]
			}
		}
	}
	return nil
}

// forecast writes into allocations what will have been used at the end of their
// period, where a threshold depends on it.
func forecast(ctx context.Context, tx *database.Tx, known []records.Allocation, thresholds map[uuid.UUID][]spending.Threshold) error {
	foretold := func(a records.Allocation) bool {
		return a.Period != spending.Forever &&
			slices.ContainsFunc(thresholds[a.Author], func(t spending.Threshold) bool { return t.Basis == spending.Forecasted })
	}
	for i := range known {
		known[i].Forecast = nil
	}
	for period, of := range periodsOf(known, foretold) {
		from, to := period.Bounds(tx.Now())
		days, err := tx.SpentByDay(ctx, *of, from, to)
		if err != nil {
			return err
		}
		complete := spending.DaysBetween(from, tx.Now())
		for i := range known {
			a := &known[i]
			its := days[keyOf(*a)]
			if a.Period != period {
				continue
			}
			if sum, ok := spending.Forecast(its, complete, len(its)); ok {
				sum = money.FitAmount(sum)
				a.Forecast = &sum
			}
		}
	}
	return nil
}

func keyOf(a records.Allocation) database.SpendKey {
	if a.Group != nil {
		return database.SpendKey{Holder: *a.Group, Unit: a.Unit}
	}
	return database.SpendKey{Holder: a.Organization, Unit: a.Unit}
}

// firing is a threshold that has fired for an allocation in a period.
type firing struct {
	allocation, threshold uuid.UUID
	period                string
}

// periodText returns the period that an allocation was looked at in, as it is
// stored: its first day, "" for one without bounds.
func periodText(a records.Allocation) string {
	if a.PeriodStart.IsZero() {
		return ""
	}
	return a.PeriodStart.Format(time.DateOnly)
}

// firedOf returns what has fired and was not armed again.
func firedOf(ctx context.Context, tx *database.Tx, known []records.Allocation) (map[firing]bool, error) {
	ids := make([]uuid.UUID, len(known))
	for i, a := range known {
		ids[i] = a.ID
	}
	rows, err := tx.ThresholdFiring.Query().Where(thresholdfiring.AllocationIDIn(ids...), thresholdfiring.RearmedAtIsNil()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load firings: %w", err)
	}
	fired := make(map[firing]bool, len(rows))
	for _, row := range rows {
		fired[firing{row.AllocationID, row.ThresholdID, row.Period}] = true
	}
	return fired, nil
}

// fire writes down the thresholds that have been reached, shuts the allocation
// down if one of them does, and tells about those that are to be told about.
func (s *Service) fire(ctx context.Context, tx *database.Tx, a *records.Allocation, spent spending.Spent, fires, tell []spending.Threshold) error {
	for _, t := range fires {
		row, err := tx.ThresholdFiring.Create().
			SetID(tx.NewID()).SetOrganizationID(a.Organization).SetAllocationID(a.ID).
			SetThresholdID(uuid.UUID(t.ID)).SetThresholdName(t.Name).SetSeverity(thresholdfiring.Severity(t.Severity)).
			SetPeriod(periodText(*a)).SetUsed(spent.Used.String()).SetTotal(spent.Total.String()).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("write down firing: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Firing, ID: row.ID, Organization: a.Organization, After: row})
		if t.Severity == spending.Shutdown {
			id := uuid.UUID(t.ID)
			a.ShutBy = &id
		}
		if slices.ContainsFunc(tell, func(told spending.Threshold) bool { return told.ID == t.ID }) {
			if err := s.tell(ctx, tx, *a, t, row.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell mails the addresses of a threshold that it was reached, or the owner of the
// organization where there are none.
func (s *Service) tell(ctx context.Context, tx *database.Tx, a records.Allocation, t spending.Threshold, fired uuid.UUID) error {
	row, err := tx.Threshold.Get(database.Unguarded(ctx), uuid.UUID(t.ID)) // that of a manager tells too
	if err != nil {
		return fmt.Errorf("get threshold: %w", err)
	}
	letter := records.Letter{Template: records.SpendingLetter, Organization: a.Organization, Firing: fired}
	if len(row.Emails) == 0 {
		owner, err := tx.Membership.Query().Where(membership.OrganizationID(a.Organization), membership.Owner(true)).Only(database.Unguarded(ctx)) // whoever acts
		if ent.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find owner: %w", err)
		}
		letter.User = owner.UserID
		return records.Post(ctx, tx, letter)
	}
	letters := make([]records.Letter, len(row.Emails))
	for i, address := range row.Emails {
		letters[i] = letter
		letters[i].Address = address
	}
	return records.PostAll(ctx, tx, letters)
}

// reached is what spending.threshold_reached tells.
type reached struct {
	OrganizationID typeid.ID        `json:"organizationId"`
	GroupID        *typeid.ID       `json:"groupId,omitempty"`
	AllocationID   typeid.ID        `json:"allocationId"`
	Threshold      reachedThreshold `json:"threshold"`
	Unit           string           `json:"unit"`
	Period         spending.Period  `json:"period"`
	PeriodStart    string           `json:"periodStart,omitempty"`
	Total          money.Decimal    `json:"total"`
	Used           money.Decimal    `json:"used"`
	Estimated      money.Decimal    `json:"estimated"`
	Forecast       *money.Decimal   `json:"forecast,omitempty"`
}

type reachedThreshold struct {
	ID       typeid.ID         `json:"id"`
	Name     string            `json:"name"`
	Severity spending.Severity `json:"severity"`
	Basis    spending.Basis    `json:"basis"`
	Percent  *money.Decimal    `json:"percent,omitempty"`
	Amount   *money.Decimal    `json:"amount,omitempty"`
}

// announcement tells the organization and its manager, who may both see the
// allocation, that a threshold was reached.
func announcement(a records.Allocation, unit string, t spending.Threshold) records.Announcement {
	data := reached{
		OrganizationID: typeid.New(typeid.Organization, a.Organization), AllocationID: typeid.New(typeid.Allocation, a.ID),
		Threshold: reachedThreshold{
			ID: typeid.New(typeid.Threshold, uuid.UUID(t.ID)), Name: t.Name, Severity: t.Severity, Basis: t.Basis, Percent: t.Percent, Amount: t.Amount,
		},
		Unit: unit, Period: a.Period, PeriodStart: periodText(a), Total: a.Total, Used: a.Used, Estimated: a.Reserved, Forecast: a.Forecast,
	}
	if a.Group != nil {
		group := typeid.New(typeid.Group, *a.Group)
		data.GroupID = &group
	}
	return records.Announcement{Event: records.ThresholdReached, Organization: a.Organization, ToManager: true, Data: data}
}

// store writes what is known about an allocation if it is something else than
// before.
func store(ctx context.Context, row *ent.Allocation, a records.Allocation) (*ent.Allocation, error) {
	before, err := records.NewAllocation(row)
	if err != nil {
		return nil, err
	}
	same := before.Used.Equal(a.Used) && before.Reserved.Equal(a.Reserved) && before.PeriodStart.Equal(a.PeriodStart) &&
		equal(before.Forecast, a.Forecast) && (before.ShutBy == nil) == (a.ShutBy == nil)
	if same {
		return row, nil
	}
	update := row.Update().SetUsed(a.Used.String()).SetReserved(a.Reserved.String()).
		SetNillableForecast(text(a.Forecast)).SetNillableShutBy(a.ShutBy)
	if a.Forecast == nil {
		update.ClearForecast()
	}
	if !a.PeriodStart.IsZero() {
		update.SetPeriodStart(a.PeriodStart)
	}
	after, err := update.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("store what an allocation has left: %w", err)
	}
	return after, nil
}

func equal(a, b *money.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// rearm lets those thresholds fire again that a new total puts out of reach, and
// reports whether one of them, or one that is gone, has shut the allocation down.
func (s *Service) rearm(ctx context.Context, tx *database.Tx, row *ent.Allocation, total money.Decimal) (unlocked bool, err error) {
	a, err := records.NewAllocation(row)
	if err != nil {
		return false, err
	}
	of, err := records.Thresholds(ctx, tx.Client, []uuid.UUID{a.Author})
	if err != nil {
		return false, err
	}
	before := a.Spent(tx.Now())
	after := before
	after.Total = total
	armed := spending.Rearmed(before, after, of[a.Author])
	for _, t := range armed {
		err := tx.ThresholdFiring.Update().
			Where(thresholdfiring.AllocationID(a.ID), thresholdfiring.ThresholdID(uuid.UUID(t.ID)), thresholdfiring.RearmedAtIsNil()).
			SetRearmedAt(tx.Now()).Exec(ctx)
		if err != nil {
			return false, fmt.Errorf("arm threshold: %w", err)
		}
	}
	if a.ShutBy == nil || total.Cmp(before.Total) <= 0 {
		return false, nil
	}
	by := func(list []spending.Threshold) bool {
		return slices.ContainsFunc(list, func(t spending.Threshold) bool { return uuid.UUID(t.ID) == *a.ShutBy })
	}
	return by(armed) || !by(of[a.Author]), nil
}
