package allocations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/thresholdfiring"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
)

// Firing is a threshold that was reached.
type Firing struct {
	// Name is what the threshold was called.
	Name     string
	Severity spending.Severity
	Used     spending.Quantity
	Total    spending.Quantity
	At       time.Time
	// RearmedAt is when a higher total armed it again, nil while it is not.
	RearmedAt *time.Time

	allocation uuid.UUID
}

// Firings returns what has fired for an allocation, the latest first: 20, or as
// many as are asked for, from 1 to 100.
func (s *Service) Firings(ctx context.Context, a *Allocation, first *int) ([]*Firing, error) {
	window, err := page.Args{First: first}.Window()
	if err != nil {
		return nil, err
	}
	type key struct {
		what   string
		window page.Window
	}
	return batch.Load(ctx, a.Siblings, key{"firings", window}, a.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]*Firing, error) {
		modify, err := database.Order{Descending: true}.Page(window, thresholdfiring.FieldAllocationID)
		if err != nil {
			return nil, err
		}
		query := s.db.Client().ThresholdFiring.Query().Where(thresholdfiring.AllocationIDIn(ids...)).WithAllocation()
		query.Modify(modify)
		rows, err := query.All(ctx)
		if err != nil {
			return nil, fmt.Errorf("list firings: %w", err)
		}
		var units []string
		for _, row := range rows {
			units = append(units, row.Edges.Allocation.Unit)
		}
		names, err := records.NamesOf(ctx, s.db.Client(), units)
		if err != nil {
			return nil, err
		}
		firings := make(map[uuid.UUID][]*Firing, len(ids))
		for _, id := range ids {
			firings[id] = []*Firing{}
		}
		for _, row := range rows {
			f, err := wrapFiring(row, names.Of(row.Edges.Allocation.Unit))
			if err != nil {
				return nil, err
			}
			if len(firings[f.allocation]) < window.Size {
				firings[f.allocation] = append(firings[f.allocation], f)
			}
		}
		return firings, nil
	})
}

func wrapFiring(row *ent.ThresholdFiring, unit string) (*Firing, error) {
	used, err := money.Parse(row.Used)
	if err != nil {
		return nil, fmt.Errorf("read firing: %w", err)
	}
	total, err := money.Parse(row.Total)
	if err != nil {
		return nil, fmt.Errorf("read firing: %w", err)
	}
	f := &Firing{
		Name: row.ThresholdName, Severity: spending.Severity(row.Severity), allocation: row.AllocationID, At: row.CreatedAt.UTC(),
		Used: spending.Quantity{Amount: used, Unit: unit}, Total: spending.Quantity{Amount: total, Unit: unit},
	}
	if row.RearmedAt != nil {
		at := row.RearmedAt.UTC()
		f.RearmedAt = &at
	}
	return f, nil
}
