package allocations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads and changes allocations and thresholds.
type Service struct {
	db      *database.DB
	records *records.Store
}

// New returns the service.
func New(db *database.DB, store *records.Store) *Service { return &Service{db: db, records: store} }

// Allocation is how much an organization or a group may use in a period.
type Allocation struct {
	ID           typeid.ID
	Organization *records.Reference
	// WholeOrganization says that it is for no group.
	WholeOrganization bool
	// Group is nil for the whole organization and for one that the viewer may not
	// see.
	Group *records.GroupReference
	// Author is who has set it: the organization or its manager.
	Author *records.Reference
	// ParentID is the allocation that it is a part of, nil for none, with the set of
	// those that were loaded together.
	ParentID *uuid.UUID
	Parents  *batch.Siblings
	Period   spending.Period
	// PeriodStart and PeriodEnd bound the current period; nil for one without
	// bounds.
	PeriodStart, PeriodEnd *time.Time
	Total                  spending.Quantity
	Used                   spending.Quantity
	Estimated              spending.Quantity
	// Forecast is nil where it cannot be said.
	Forecast *spending.Quantity
	Headroom spending.Quantity
	State    spending.State
	// ThresholdID is the threshold that decides about the state, nil for none, with
	// the set of those that were loaded together.
	ThresholdID *uuid.UUID
	Thresholds  *batch.Siblings
	Version     int
	CreatedAt   time.Time
	// Siblings are the allocations that were loaded together.
	Siblings *batch.Siblings

	OrganizationID uuid.UUID
}

// Identity returns the id.
func (a *Allocation) Identity() typeid.ID { return a.ID }

// Get returns an allocation that the viewer may see, or NOT_FOUND. Who reads the
// organization's bills sees it, who may set it, and who is in the group.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Allocation, error) {
	row, err := s.db.Client().Allocation.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("allocation")
	}
	if err != nil {
		return nil, fmt.Errorf("get allocation: %w", err)
	}
	seen, err := s.visible(ctx, []*ent.Allocation{row})
	if err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		return nil, fault.Missing("allocation")
	}
	return s.wrapOne(ctx, row)
}

// ByID returns one of the allocations that are named together, or NOT_FOUND for
// viewers who may not see it.
func (s *Service) ByID(ctx context.Context, named *batch.Siblings, id uuid.UUID) (*Allocation, error) {
	return batch.Load(ctx, named, "allocation", id, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Allocation, error) {
		rows, err := s.db.Client().Allocation.Query().Where(allocation.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load allocations: %w", err)
		}
		visible, err := s.visible(ctx, rows)
		if err != nil {
			return nil, err
		}
		wrapped, err := s.wrap(ctx, visible)
		if err != nil {
			return nil, err
		}
		seen := make(map[uuid.UUID]*Allocation, len(wrapped))
		for _, a := range wrapped {
			seen[a.ID.UUID] = a
		}
		return seen, nil
	})
}

// visible returns those of some allocations that the viewer may see.
func (s *Service) visible(ctx context.Context, rows []*ent.Allocation) ([]*ent.Allocation, error) {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.OrganizationID
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	seen := make([]*ent.Allocation, 0, len(rows))
	for _, row := range rows {
		if sees(ctx, organizations[row.OrganizationID], row.GroupID) {
			seen = append(seen, row)
		}
	}
	return seen, nil
}

// sees reports whether the viewer may see the allocations of an organization or,
// if it is not nil, a group of it. They tell what the organization pays, so
// besides its own people and the platform's only those of its manager do, who sell
// it that.
func sees(ctx context.Context, org records.Organization, group *uuid.UUID) bool {
	viewer := access.ViewerFrom(ctx)
	inGroup := group != nil && viewer.Standing(orgtree.ID(org.ID)).IsIn(orgtree.ID(*group))
	return inGroup || records.ReadsBillsOf(ctx, org) || limitsOwn(ctx, org) || limitsCustomer(ctx, org)
}

// limitsOwn reports whether the viewer, by being in the organization, sets its
// allocations.
func limitsOwn(ctx context.Context, org records.Organization) bool {
	viewer, there := access.ViewerFrom(ctx).In(orgtree.ID(org.ID))
	return there && access.Check(viewer, access.AllocationsWrite, org.Target()) == nil
}

// limitsCustomer reports whether the viewer sets allocations of the organization
// in the place of its manager.
func limitsCustomer(ctx context.Context, org records.Organization) bool {
	manager, ok := org.Manager()
	if !ok {
		return false
	}
	viewer, there := access.ViewerFrom(ctx).In(orgtree.ID(manager.ID))
	return there && access.CheckThrough(viewer, access.PartnerLimits, org.Target(), orgtree.ID(manager.ID)) == nil
}

// wrap returns allocations as they are now, with their organizations and groups in
// a statement each.
func (s *Service) wrap(ctx context.Context, rows []*ent.Allocation) ([]*Allocation, error) {
	var ids, authors, groupIDs []uuid.UUID
	var units []string
	for _, row := range rows {
		units = append(units, row.Unit)
		ids = append(ids, row.OrganizationID, row.AuthorID)
		authors = append(authors, row.AuthorID)
		if row.GroupID != nil {
			groupIDs = append(groupIDs, *row.GroupID)
		}
	}
	organizations, err := s.records.Organizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	groups, err := s.groupsNamed(ctx, groupIDs)
	if err != nil {
		return nil, err
	}
	thresholds, err := records.Thresholds(ctx, s.db.Client(), authors)
	if err != nil {
		return nil, err
	}
	names, err := records.NamesOf(ctx, s.db.Client(), units)
	if err != nil {
		return nil, err
	}
	wrapped := make([]*Allocation, len(rows))
	var all, parents, deciding []uuid.UUID
	for i, row := range rows {
		a, err := records.NewAllocation(row)
		if err != nil {
			return nil, err
		}
		wrapped[i] = tell(a, a.Holder(s.db.Now(), thresholds[row.AuthorID]), names.Of(row.Unit), s.db.Now())
		wrapped[i].Organization = organizations[row.OrganizationID].Refer(ctx)
		wrapped[i].Author = organizations[row.AuthorID].Refer(ctx)
		wrapped[i].ParentID, wrapped[i].Version, wrapped[i].CreatedAt = row.ParentID, row.Version, row.CreatedAt.UTC()
		wrapped[i].WholeOrganization = row.GroupID == nil
		if row.GroupID != nil && records.SeesGroup(ctx, organizations[row.OrganizationID], *row.GroupID) {
			wrapped[i].Group = groups[*row.GroupID]
		}
		all = append(all, row.ID)
		parents = appendNamed(parents, row.ParentID)
		deciding = appendNamed(deciding, wrapped[i].ThresholdID)
	}
	siblings, above, levels := batch.Of(all...), batch.Of(parents...), batch.Of(deciding...)
	for _, a := range wrapped {
		a.Siblings, a.Parents, a.Thresholds = siblings, above, levels
	}
	return wrapped, nil
}

func (s *Service) wrapOne(ctx context.Context, row *ent.Allocation) (*Allocation, error) {
	wrapped, err := s.wrap(ctx, []*ent.Allocation{row})
	if err != nil {
		return nil, err
	}
	return wrapped[0], nil
}

// tell returns what an allocation and its state say, in a unit as it is called.
func tell(a records.Allocation, h spending.Holder, unit string, now time.Time) *Allocation {
	of := func(amount money.Decimal) spending.Quantity { return spending.Quantity{Amount: amount, Unit: unit} }
	told := &Allocation{
		ID: typeid.New(typeid.Allocation, a.ID), OrganizationID: a.Organization, Period: a.Period,
		Total: of(h.Total), Used: of(h.Used), Estimated: of(h.Reserved), Headroom: of(h.Headroom()),
		State: h.State, ThresholdID: (*uuid.UUID)(h.By),
	}
	if h.Forecast != nil {
		forecast := of(*h.Forecast)
		told.Forecast = &forecast
	}
	if from, to := a.Period.Bounds(now); !to.IsZero() {
		told.PeriodStart, told.PeriodEnd = &from, &to
	}
	return told
}

func (s *Service) groupsNamed(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*records.GroupReference, error) {
	named := make(map[uuid.UUID]*records.GroupReference, len(ids))
	if len(ids) == 0 {
		return named, nil
	}
	rows, err := s.db.Client().Group.Query().Where(group.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	for _, row := range rows {
		named[row.ID] = &records.GroupReference{ID: typeid.New(typeid.Group, row.ID), Name: row.Name}
	}
	return named, nil
}

func appendNamed(ids []uuid.UUID, id *uuid.UUID) []uuid.UUID {
	if id == nil {
		return ids
	}
	return append(ids, *id)
}
