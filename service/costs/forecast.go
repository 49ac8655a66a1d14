package costs

import (
	"context"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/spending"
)

// Forecast returns what the period will have come to at its end in the
// organization's currency, under the conditions and at the prices of the report;
// spending.Forecast says how. It returns nil for a period that does not contain
// today, and where fewer than spending.ForecastDays complete days have usage.
func (r *Report) Forecast(ctx context.Context) (*money.Amount, error) {
	if r.at.Before(r.query.From) || !r.at.Before(r.query.To) {
		return nil, nil //nolint:nilnil // there is no forecast
	}
	days, err := r.days(ctx)
	if err != nil {
		return nil, err
	}
	forecast, ok := spending.Forecast(days, spending.DaysBetween(r.query.From, r.at), len(days))
	if !ok {
		return nil, nil //nolint:nilnil // there is no forecast
	}
	return &money.Amount{Decimal: forecast, Currency: r.Total.Currency}, nil
}

// days returns what each day of the period has cost so far.
func (r *Report) days(ctx context.Context) ([]spending.Day, error) {
	query := r.query
	query.Key, query.Step = database.CostKey{Column: database.KeyCategory}, database.StepDay
	query.Filter.Currency = r.Total.Currency
	sums, err := r.service.sums(ctx, query)
	if err != nil {
		return nil, err
	}
	days := make([]spending.Day, spending.DaysBetween(query.From, query.To))
	for _, sum := range sums {
		start, err := startOf(query.Step, sum.Step)
		if err != nil {
			return nil, err
		}
		day := &days[spending.DaysBetween(query.From, start)]
		if sum.Key == string(pricing.Usage) {
			day.Usage, day.Used = sum.Amount, true
			continue
		}
		day.Other = day.Other.Add(sum.Amount)
	}
	return days, nil
}

// sums reads sums outside of any other transaction.
func (s *Service) sums(ctx context.Context, query database.CostQuery) ([]database.CostSum, error) {
	var sums []database.CostSum
	err := s.db.Read(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		sums, err = tx.CostSums(ctx, query)
		return err
	})
	return sums, err
}
