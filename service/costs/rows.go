package costs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Report is the costs of a period.
type Report struct {
	// Total is the sum in the organization's currency, OtherTotals those in every
	// other currency that occurs, by its code.
	Total       money.Amount
	OtherTotals []money.Amount
	// PreviousTotal is the sum in the organization's currency of the period of
	// the same length before.
	PreviousTotal money.Amount

	service *Service
	query   database.CostQuery
	groupBy *GroupBy
	// at is when the report was asked for.
	at time.Time
	// hides says that usage may be summed whose owner the viewer is not told.
	hides bool
	// sums are those of all rows in the organization's currency, largest first,
	// equal ones by key.
	sums []database.CostSum
	// previous are the sums of the period before, by key.
	previous map[string]money.Decimal
}

// Row is one row of a report.
type Row struct {
	// Key is the id or value that the row stands for, "" where the usage has none
	// or the viewer is not told.
	Key   string
	Label string
	Total money.Amount
	// PreviousTotal is the sum of the period of the same length before.
	PreviousTotal money.Amount
	Series        []*Point
}

// Point is one step of a series.
type Point struct {
	Start  time.Time
	Amount money.Decimal
}

// load reads the sums of the period and of the one before.
func (r *Report) load(ctx context.Context, tx *database.Tx) error {
	query := r.query
	query.Step = database.StepNone
	sums, err := tx.CostSums(ctx, query)
	if err != nil {
		return err
	}
	var totals money.Totals
	for _, sum := range sums {
		totals.Add(money.Amount{Decimal: sum.Amount, Currency: sum.Currency})
	}
	for _, total := range totals.Amounts() {
		if total.Currency != r.Total.Currency {
			r.OtherTotals = append(r.OtherTotals, total)
		}
	}
	r.Total.Decimal = totals.Of(r.Total.Currency)
	r.sums = slices.DeleteFunc(sums, func(sum database.CostSum) bool { return sum.Currency != r.Total.Currency })
	slices.SortFunc(r.sums, func(a, b database.CostSum) int {
		return cmp.Or(b.Amount.Cmp(a.Amount), cmp.Compare(a.Key, b.Key))
	})
	return r.loadPrevious(ctx, tx, query)
}

// loadPrevious reads the sums of the period before that of a query.
func (r *Report) loadPrevious(ctx context.Context, tx *database.Tx, query database.CostQuery) error {
	query.From, query.To = query.From.Add(query.From.Sub(query.To)), query.From
	query.Filter.Currency = r.Total.Currency
	sums, err := tx.CostSums(ctx, query)
	if err != nil {
		return err
	}
	r.PreviousTotal.Currency = r.Total.Currency
	r.previous = make(map[string]money.Decimal, len(sums))
	for _, sum := range sums {
		r.previous[sum.Key] = sum.Amount
		r.PreviousTotal.Decimal = r.PreviousTotal.Decimal.Add(sum.Amount)
	}
	return nil
}

// Rows returns the largest rows in the organization's currency, 50 unless said
// otherwise, equal ones by key. INVALID for a number out of bounds.
func (r *Report) Rows(ctx context.Context, first *int) ([]*Row, error) {
	sums, err := r.largest(first)
	if err != nil {
		return nil, err
	}
	labels, err := r.labels(ctx, sums)
	if err != nil {
		return nil, err
	}
	series, err := r.series(ctx, sums)
	if err != nil {
		return nil, err
	}
	rows := make([]*Row, len(sums))
	for i, sum := range sums {
		rows[i] = &Row{
			Key: r.keyText(sum.Key), Label: labels[sum.Key], Series: series[sum.Key],
			Total:         money.Amount{Decimal: sum.Amount, Currency: sum.Currency},
			PreviousTotal: money.Amount{Decimal: r.previous[sum.Key], Currency: sum.Currency},
		}
	}
	return rows, nil
}

// Other returns what Rows of the same number leaves out.
func (r *Report) Other(first *int) (money.Amount, error) {
	sums, err := r.largest(first)
	if err != nil {
		return money.Amount{}, err
	}
	other := r.Total
	for _, sum := range sums {
		other.Decimal = other.Decimal.Sub(sum.Amount)
	}
	return other, nil
}

func (r *Report) largest(first *int) ([]database.CostSum, error) {
	window, err := page.Args{First: first}.Window()
	if err != nil {
		return nil, err
	}
	return r.sums[:min(len(r.sums), window.Size)], nil
}

// keyText returns a key as clients see it: ids with their prefix.
func (r *Report) keyText(key string) string {
	var kind typeid.Kind
	switch r.query.Key.Column {
	case database.KeyOwner, database.KeyCustomer:
		kind = typeid.Organization
	case database.KeyGroup:
		kind = typeid.Group
	default:
		return key
	}
	id, err := uuid.Parse(key)
	if err != nil {
		return "" // Usage without a group, or of an owner who is not told.
	}
	return typeid.New(kind, id).String()
}

// labels returns how to show the keys of rows.
func (r *Report) labels(ctx context.Context, sums []database.CostSum) (map[string]string, error) {
	labels := make(map[string]string, len(sums))
	var ids []uuid.UUID
	for _, sum := range sums {
		labels[sum.Key] = sum.Key
		if id, err := uuid.Parse(sum.Key); err == nil {
			ids = append(ids, id)
		}
	}
	if _, ok := labels[""]; ok {
		labels[""] = r.unnamed()
	}
	switch r.query.Key.Column {
	case database.KeyOwner, database.KeyCustomer:
		return labels, r.service.nameOrganizations(ctx, ids, labels)
	case database.KeyGroup:
		return labels, r.service.nameGroups(ctx, ids, labels)
	default:
		return labels, nil
	}
}

// unnamed returns the label of the row without a key.
func (r *Report) unnamed() string {
	switch {
	case r.groupBy == nil:
		return "Total"
	case *r.groupBy == ByOrganization, *r.groupBy == ByCustomer:
		return "Customers"
	case r.hides:
		return "None, or not shown"
	default:
		return "None"
	}
}

// nameOrganizations labels owners and customers by name. They are within the
// viewer's reach.
func (s *Service) nameOrganizations(ctx context.Context, ids []uuid.UUID, labels map[string]string) error {
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return err
	}
	for id, org := range organizations {
		labels[id.String()] = records.Refer(ctx, org.Line()).Name
	}
	return nil
}

// nameGroups labels groups by name. They are within the viewer's reach, or gone.
func (s *Service) nameGroups(ctx context.Context, ids []uuid.UUID, labels map[string]string) error {
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups: %w", err)
	}
	for _, id := range ids {
		labels[id.String()] = "A deleted group"
	}
	for _, row := range rows {
		labels[row.ID.String()] = row.Name
	}
	return nil
}

// series returns the steps of the rows, oldest first, by key.
func (r *Report) series(ctx context.Context, sums []database.CostSum) (map[string][]*Point, error) {
	series := make(map[string][]*Point, len(sums))
	for _, sum := range sums {
		series[sum.Key] = []*Point{}
	}
	if r.query.Step == database.StepNone || len(sums) == 0 {
		return series, nil
	}
	query := r.query
	query.Filter.Currency = r.Total.Currency
	for _, sum := range sums {
		query.Filter.Keys = append(query.Filter.Keys, sum.Key)
	}
	steps, err := r.service.sums(ctx, query)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(steps, func(a, b database.CostSum) int { return cmp.Compare(a.Step, b.Step) })
	for _, step := range steps {
		start, err := startOf(query.Step, step.Step)
		if err != nil {
			return nil, err
		}
		series[step.Key] = append(series[step.Key], &Point{Start: start, Amount: step.Amount})
	}
	return series, nil
}

// startOf returns when a day or month begins.
func startOf(step database.CostStep, text string) (time.Time, error) {
	layout := time.DateOnly
	if step == database.StepMonth {
		layout = "2006-01"
	}
	start, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read step: %w", err)
	}
	return start, nil
}
