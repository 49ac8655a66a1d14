package allocations

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// State is what work in an organization or a group may do now.
type State struct {
	State spending.State
	// Headroom is what is left of that allocation, among those that the viewer may
	// see, of which least is left; nil where there is none.
	Headroom *spending.Quantity
	// DecidedBy is nil where nothing limits the work.
	DecidedBy *Reason
}

// Reason is what decides about a state. What the viewer may not see is nil.
type Reason struct {
	AllocationID *uuid.UUID
	ThresholdID  *uuid.UUID
	// Organization is whose spending it is that decides.
	Organization *records.Reference
}

// State returns what work in an organization or a group may do: the worst state
// of its allocations and of all above it. The viewer sees the scope, else
// NOT_FOUND. It is answered from memory.
func (s *Service) State(ctx context.Context, scope typeid.ID) (*State, error) {
	org, group, err := s.records.Scope(ctx, scope)
	if err != nil {
		return nil, err
	}
	allowance, err := s.records.Allowance(ctx, org, group)
	if err != nil {
		return nil, err
	}
	holders := allowance.Holders(s.db.Now())
	worst, limited := spending.Join(holders)
	if !limited {
		return &State{State: spending.OK}, nil
	}
	told := &State{State: worst.State, DecidedBy: &Reason{}}
	var visible []spending.Holder
	line := org.Line()
	for i, a := range allowance.Allocations {
		place := placeOf(line, a.Organization)
		seen := sees(ctx, place, a.Group)
		if seen {
			visible = append(visible, holders[i])
		}
		if holders[i].ID != worst.ID {
			continue
		}
		told.DecidedBy.Organization = place.Refer(ctx)
		if seen {
			id := a.ID
			told.DecidedBy.AllocationID = &id
		}
		if worst.By != nil && seesThresholds(ctx, placeOf(line, a.Author)) {
			told.DecidedBy.ThresholdID = (*uuid.UUID)(worst.By)
		}
	}
	if tightest, ok := spending.Tightest(visible); ok {
		told.Headroom = &spending.Quantity{Amount: tightest.Headroom(), Unit: allowance.Names.Of(tightest.Unit)}
	}
	return told, nil
}

// placeOf returns the organization of a line with its path.
func placeOf(line []records.Ancestor, id uuid.UUID) records.Organization {
	for i, a := range line {
		if a.ID == id {
			return records.Organization{ID: a.ID, Name: a.Name, Kind: a.Kind, Status: orgtree.Active, Above: line[:i]}
		}
	}
	return records.Organization{}
}
