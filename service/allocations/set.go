package allocations

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/spending"
	"github.com/headwater-platform/headwater/typeid"
)

// NewAllocation is what setAllocation is asked for.
type NewAllocation struct {
	// Scope is an organization or a group.
	Scope typeid.ID
	// Author is the organization or its manager; nil for the first of them in
	// whose name the viewer may set it.
	Author *uuid.UUID
	Total  money.Decimal
	// Unit is an ISO 4217 currency, or the id or the name of a billing unit.
	Unit   string
	Period spending.Period
	// Parent is the allocation that it is a part of, nil for none.
	Parent          *uuid.UUID
	ExpectedVersion *int
}

// check returns INVALID for what no allocation can be.
func (n NewAllocation) check() error {
	if err := money.CheckAmount(n.Total); err != nil || n.Total.Sign() < 0 {
		return fault.Invalidf("total", "a total is at least 0, with at most 20 digits before and 18 after the point")
	}
	return nil
}

// holder is who an allocation is for, and who sets it.
type holder struct {
	organization records.Organization
	group        *uuid.UUID
	author       uuid.UUID
}

// Set says how much an organization or a group may use in a period: one total for
// each author, unit and period, which takes the place of the one before. A higher
// total arms the thresholds again that are out of reach with it, and takes a
// shutdown by them back. Thresholds that are reached fire at once. Needs
// allocations:write in the organization or, for the allocation of a customer,
// partner:limits in its manager. INVALID for what no allocation can be, for a billing
// unit that the viewer may not limit by, and for a parent that it cannot be a part
// of; CONFLICT for another version than expected.
func (s *Service) Set(ctx context.Context, n NewAllocation) (*Allocation, error) {
	return s.setBy(ctx, "setAllocation", n)
}

// setBy is Set by a mutation.
func (s *Service) setBy(ctx context.Context, action string, n NewAllocation) (*Allocation, error) {
	org, group, err := s.records.Scope(ctx, n.Scope)
	if err != nil {
		return nil, err
	}
	h := holder{organization: org, group: group}
	if h.author, err = author(ctx, org, group, n.Author); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	var row *ent.Allocation
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: h.author}, func(ctx context.Context, tx *database.Tx) error {
		row, err = s.set(ctx, tx, h, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

// author returns in whose name the viewer sets the allocations of an organization
// or a group of it: the one that is asked for or, if none is, the first in which
// they may. People of the organization set its own. Those who come in through its
// manager set the manager's, but for groups, which are the organization's own
// business.
func author(ctx context.Context, org records.Organization, group, asked *uuid.UUID) (uuid.UUID, error) {
	viewer := access.ViewerFrom(ctx)
	own := func() (uuid.UUID, error) {
		if err := access.Check(viewer, access.AllocationsWrite, org.Target()); err != nil {
			return uuid.Nil, err
		}
		if !sees(ctx, org, nil) {
			return uuid.Nil, fault.New(fault.Forbidden, "the allocations of this organization are its own business and its manager's")
		}
		return org.ID, nil
	}
	manager, managed := org.Manager()
	if !managed || group != nil {
		if asked != nil && *asked != org.ID {
			return uuid.Nil, fault.Invalidf("authorId", "this allocation is set by the organization itself")
		}
		return own()
	}
	managers := func() (uuid.UUID, error) {
		if !limitsCustomer(ctx, org) && !records.ReadsBillsOf(ctx, org) {
			return uuid.Nil, fault.New(fault.Forbidden, "the manager's allocations need the permission %s there", access.PartnerLimits)
		}
		return manager.ID, access.CheckThrough(viewer, access.PartnerLimits, org.Target(), orgtree.ID(manager.ID))
	}
	_, there := viewer.Standings[orgtree.ID(org.ID)]
	switch {
	case asked != nil && *asked == org.ID:
		return own()
	case asked != nil && *asked == manager.ID:
		return managers()
	case asked != nil:
		return uuid.Nil, fault.Invalidf("authorId", "an allocation is set by the organization itself or by its manager")
	}
	if id, err := managers(); err == nil && !there {
		return id, nil
	}
	return own()
}

// set stores an allocation and looks at what it has left.
func (s *Service) set(ctx context.Context, tx *database.Tx, h holder, n NewAllocation) (*ent.Allocation, error) {
	if h.group != nil {
		found, err := records.HoldGroup(ctx, tx, h.organization.ID, *h.group)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fault.Missing("group")
		}
	}
	var err error
	if n.Unit, err = s.holdUnit(ctx, tx, h, n.Unit); err != nil {
		return nil, err
	}
	if err := s.checkParent(ctx, tx, h, n); err != nil {
		return nil, err
	}
	before, err := lockAllocation(ctx, tx, h.of(n))
	if err != nil {
		return nil, err
	}
	var row *ent.Allocation
	if before == nil {
		row, err = s.create(ctx, tx, h, n)
	} else {
		row, err = s.update(ctx, tx, before, n)
	}
	if err != nil {
		return nil, err
	}
	looked, err := s.look(ctx, tx, []*ent.Allocation{row})
	if err != nil {
		return nil, err
	}
	tx.Record(database.Change{Kind: typeid.Allocation, ID: row.ID, Organization: row.OrganizationID, Before: image(before), After: looked[0]})
	return looked[0], nil
}

// holdUnit returns the unit that an allocation is asked for in, as it is stored. What
// was used tells how many units there are in usage, and that is the business of
// those who meter it: so the billing units are those of the organization and all
// above it in which the viewer imports usage, and those that they are told about by
// an allocation there. INVALID for all others.
func (s *Service) holdUnit(ctx context.Context, tx *database.Tx, h holder, asked string) (string, error) {
	if _, err := money.ParseCurrency(asked); err == nil {
		return asked, nil
	}
	inside := s.records.In(tx)
	importers, err := inside.OrganizationsWith(ctx, access.UsageImport, h.organization.LineIDs())
	if err != nil {
		return "", err
	}
	allowance, err := inside.Allowance(ctx, h.organization, h.group)
	if err != nil {
		return "", err
	}
	line := h.organization.Line()
	var told []string
	for _, a := range allowance.Allocations {
		if sees(ctx, placeOf(line, a.Organization), a.Group) {
			told = append(told, a.Unit)
		}
	}
	unit, found, err := records.HoldUnit(ctx, tx, h.organization, asked, importers, told)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fault.Invalidf("unit", "an allocation is in an ISO 4217 currency or a billing unit")
	}
	return unit, nil
}

// image returns a row as the journal takes it: nothing for none.
func image(row *ent.Allocation) any {
	if row == nil {
		return nil
	}
	return row
}

// of returns the predicate of the allocation that is asked for.
func (h holder) of(n NewAllocation) predicate.Allocation {
	group := allocation.GroupIDIsNil()
	if h.group != nil {
		group = allocation.GroupID(*h.group)
	}
	return allocation.And(
		allocation.OrganizationID(h.organization.ID), group, allocation.AuthorID(h.author),
		allocation.Unit(n.Unit), allocation.PeriodEQ(allocation.Period(n.Period)),
	)
}

// lockAllocation returns an allocation that nobody changes until the transaction
// ends, nil if there is none.
func lockAllocation(ctx context.Context, tx *database.Tx, which predicate.Allocation) (*ent.Allocation, error) {
	query := tx.Allocation.Query().Where(which)
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("lock allocation: %w", err)
	}
	return row, nil
}

func (s *Service) create(ctx context.Context, tx *database.Tx, h holder, n NewAllocation) (*ent.Allocation, error) {
	if n.ExpectedVersion != nil {
		return nil, database.CheckVersion(0, n.ExpectedVersion)
	}
	row, err := tx.Allocation.Create().
		SetID(tx.NewID()).SetOrganizationID(h.organization.ID).SetNillableGroupID(h.group).SetAuthorID(h.author).
		SetNillableParentID(n.Parent).SetUnit(n.Unit).SetPeriod(allocation.Period(n.Period)).
		SetTotal(n.Total.String()).SetUsed("0").SetReserved("0").SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("create allocation: %w", err)
	}
	return row, nil
}

// update gives an allocation another total and parent.
func (s *Service) update(ctx context.Context, tx *database.Tx, before *ent.Allocation, n NewAllocation) (*ent.Allocation, error) {
	if err := database.CheckVersion(before.Version, n.ExpectedVersion); err != nil {
		return nil, err
	}
	update := before.Update().SetTotal(n.Total.String()).SetVersion(before.Version + 1).SetNillableParentID(n.Parent)
	if n.Parent == nil {
		update.ClearParentID()
	}
	unlocked, err := s.rearm(ctx, tx, before, n.Total)
	if err != nil {
		return nil, err
	}
	if unlocked {
		update.ClearShutBy()
	}
	row, err := update.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("update allocation: %w", err)
	}
	return row, nil
}

// checkParent returns INVALID for an allocation that is not one of an organization
// that the holder is in, as the viewer sees it, in the same unit and for a period
// that is not shorter.
func (s *Service) checkParent(ctx context.Context, tx *database.Tx, h holder, n NewAllocation) error {
	if n.Parent == nil {
		return nil
	}
	parent, err := tx.Allocation.Query().Where(allocation.ID(*n.Parent)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return fmt.Errorf("find parent: %w", err)
	}
	line := h.organization.Line()
	if err != nil || !sees(ctx, placeOf(line, parent.OrganizationID), parent.GroupID) {
		return fault.Invalidf("parentId", "there is no such allocation")
	}
	contains := parent.GroupID == nil && slices.ContainsFunc(line, func(a records.Ancestor) bool {
		return a.ID == parent.OrganizationID && (h.group != nil || a.ID != h.organization.ID)
	})
	if !contains {
		return fault.Invalidf("parentId", "the parent is an allocation of an organization above, or of the group's own")
	}
	if parent.Unit != n.Unit || !spending.Period(parent.Period).Contains(n.Period) {
		return fault.Invalidf("parentId", "the parent is in the same unit and for a period that is not shorter")
	}
	return nil
}

// GroupTotal is the total of one group in a batch.
type GroupTotal struct {
	Group typeid.ID
	Total money.Decimal
	Unit  string
}

// GroupResult is what became of one group in a batch: an allocation or an error.
type GroupResult struct {
	GroupID    typeid.ID
	Allocation *Allocation
	Error      *Refusal
}

// Refusal says why an allocation was not set.
type Refusal struct {
	Code    string
	Message string
}

// maxBatch bounds how many groups a batch is about.
const maxBatch = 200

// SetGroups sets the monthly allocations of groups of an organization, each by
// itself: one that cannot be set leaves the others as they are asked for. Needs
// allocations:write. INVALID for more than 200.
func (s *Service) SetGroups(ctx context.Context, organization uuid.UUID, period spending.Period, totals []GroupTotal) ([]*GroupResult, error) {
	if _, err := s.records.Check(ctx, access.AllocationsWrite, organization); err != nil {
		return nil, err
	}
	if len(totals) > maxBatch {
		return nil, fault.Invalidf("allocations", "at most %d groups at a time", maxBatch)
	}
	results := make([]*GroupResult, len(totals))
	for i, t := range totals {
		set, err := s.setGroup(ctx, organization, period, t)
		results[i] = &GroupResult{GroupID: t.Group, Allocation: set}
		var refused *fault.Error
		if err != nil && !errors.As(err, &refused) {
			return nil, err
		}
		if refused != nil {
			results[i].Error = &Refusal{Code: string(refused.Code), Message: refused.Message}
		}
	}
	return results, nil
}

func (s *Service) setGroup(ctx context.Context, organization uuid.UUID, period spending.Period, t GroupTotal) (*Allocation, error) {
	if _, err := t.Group.Expect("groupId", typeid.Group); err != nil {
		return nil, err
	}
	org, _, err := s.records.Scope(ctx, t.Group)
	if err != nil {
		return nil, err
	}
	if org.ID != organization {
		return nil, fault.Missing("group")
	}
	return s.setBy(ctx, "setGroupAllocations", NewAllocation{Scope: t.Group, Author: &organization, Total: t.Total, Unit: t.Unit, Period: period})
}

// Delete takes an allocation away, with what its thresholds have done. Needs what
// Set needs; NOT_FOUND for one that the viewer does not see.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	row, err := s.changeable(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteAllocation", Organization: row.AuthorID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockAllocation(ctx, tx, allocation.ID(id))
		if err != nil {
			return err
		}
		if before == nil {
			return fault.Missing("allocation")
		}
		if err := tx.Allocation.DeleteOne(before).Exec(ctx); err != nil {
			return fmt.Errorf("delete allocation: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Allocation, ID: id, Organization: before.OrganizationID, Before: before})
		return nil
	})
	return err
}

// Resume takes a shutdown back, which nothing else does but a higher total. Needs
// what Set needs; NOT_FOUND for an allocation that the viewer does not see,
// CONFLICT while the threshold is still reached. Resuming one that is not shut
// down changes nothing.
func (s *Service) Resume(ctx context.Context, id uuid.UUID) (*Allocation, error) {
	row, err := s.changeable(ctx, id)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "resumeAllocation", Organization: row.AuthorID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lockAllocation(ctx, tx, allocation.ID(id))
		if err != nil {
			return err
		}
		if before == nil {
			return fault.Missing("allocation")
		}
		row, err = s.resume(ctx, tx, before)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.wrapOne(ctx, row)
}

func (s *Service) resume(ctx context.Context, tx *database.Tx, before *ent.Allocation) (*ent.Allocation, error) {
	if before.ShutBy == nil {
		return before, nil
	}
	thresholds, err := records.Thresholds(ctx, tx.Client, []uuid.UUID{before.AuthorID})
	if err != nil {
		return nil, err
	}
	a, err := records.NewAllocation(before)
	if err != nil {
		return nil, err
	}
	a.ShutBy = nil
	if a.Holder(tx.Now(), thresholds[a.Author]).State == spending.ShutDown {
		return nil, fault.New(fault.Conflict, "the threshold is still reached: raise the total first")
	}
	after, err := before.Update().ClearShutBy().SetVersion(before.Version + 1).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("resume allocation: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Allocation, ID: after.ID, Organization: after.OrganizationID, Before: before, After: after})
	return after, nil
}

// changeable returns an allocation that the viewer may change, NOT_FOUND for one
// that they do not see.
func (s *Service) changeable(ctx context.Context, id uuid.UUID) (*ent.Allocation, error) {
	if _, err := s.Get(ctx, id); err != nil {
		return nil, err
	}
	row, err := s.db.Client().Allocation.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("allocation")
	}
	if err != nil {
		return nil, fmt.Errorf("get allocation: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	_, err = author(ctx, org, row.GroupID, &row.AuthorID)
	return row, err
}
