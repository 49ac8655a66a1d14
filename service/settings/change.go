package settings

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// ScopeKind says what a setting is written at.
type ScopeKind string

// The kinds of scope.
const (
	OrganizationScope ScopeKind = "ORGANIZATION"
	GroupScope        ScopeKind = "GROUP"
	MembershipScope   ScopeKind = "MEMBERSHIP"
)

// Scope is what a setting is written at.
type Scope struct {
	Kind ScopeKind
	ID   uuid.UUID
}

// ScopeOf returns the scope that an id names, or INVALID for an id of anything
// but an organization, a group or a membership.
func ScopeOf(id typeid.ID) (Scope, error) {
	switch id.Kind {
	case typeid.Organization:
		return Scope{Kind: OrganizationScope, ID: id.UUID}, nil
	case typeid.Group:
		return Scope{Kind: GroupScope, ID: id.UUID}, nil
	case typeid.Membership:
		return Scope{Kind: MembershipScope, ID: id.UUID}, nil
	default:
		return Scope{}, fault.Invalidf("scopeId", "settings are written at an organization, a group or a membership")
	}
}

// Target names the directive that a change is about.
type Target struct {
	ScopeID typeid.ID
	Key     string
	// Side is OWN if empty.
	Side waterfall.Side
	// PlacedBy is the manager for the side MANAGER; nil for the nearest one in
	// which the viewer has the right.
	PlacedBy        *uuid.UUID
	ExpectedVersion *int
	Reason          string
}

// Changed is the answer to a change: the setting as it applies now, and the
// revision.
type Changed struct {
	Setting  *Effective
	Revision int64
}

// edit changes one part of a directive.
type edit struct {
	action string
	// change says which part a write touches, for the waterfall's check; the
	// parts that only take back need none.
	change waterfall.Change
	apply  func(d *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error)
}

// Set writes a value operation. SETTING_LOCKED and SETTING_OUT_OF_BOUNDS name
// who decided it.
func (s *Service) Set(ctx context.Context, target Target, kind waterfall.OperationKind, value json.RawMessage) (*Changed, error) {
	if kind == "" {
		kind = waterfall.OperationSet
	}
	return s.change(ctx, target, edit{
		action: "setSetting", change: waterfall.ChangeValue,
		apply: func(d *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
			operation, err := d.ParseOperation(kind, value)
			if err != nil {
				return before, err
			}
			if before.Operation != nil {
				operation = before.Operation.Then(operation)
			}
			if err := d.Fits(operation); err != nil {
				return before, err
			}
			before.Operation = &operation
			return before, nil
		},
	})
}

// Unset takes the value operation back. It is always possible.
func (s *Service) Unset(ctx context.Context, target Target) (*Changed, error) {
	return s.change(ctx, target, edit{
		action: "unsetSetting",
		apply: func(_ *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
			before.Operation = nil
			return before, nil
		},
	})
}

// Guard bounds what may be chosen; without any bound it takes the guard back.
func (s *Service) Guard(ctx context.Context, target Target, input waterfall.GuardInput) (*Changed, error) {
	e := edit{
		action: "guardSetting", change: waterfall.ChangeGuard,
		apply: func(d *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
			guard, err := d.ParseGuard(input)
			if err != nil {
				return before, err
			}
			before.Guard = &guard
			return before, nil
		},
	}
	if input.IsEmpty() {
		e = edit{
			action: "guardSetting",
			apply: func(_ *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
				before.Guard = nil
				return before, nil
			},
		}
	}
	return s.change(ctx, target, e)
}

// Lock fixes the value that applies at the scope for everything below.
func (s *Service) Lock(ctx context.Context, target Target) (*Changed, error) {
	return s.change(ctx, target, edit{
		action: "lockSetting", change: waterfall.ChangeLock,
		apply: func(_ *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
			before.Locked = true
			return before, nil
		},
	})
}

// Unlock takes a lock back.
func (s *Service) Unlock(ctx context.Context, target Target) (*Changed, error) {
	return s.change(ctx, target, edit{
		action: "unlockSetting",
		apply: func(_ *waterfall.Definition, before waterfall.Directive) (waterfall.Directive, error) {
			before.Locked = false
			return before, nil
		},
	})
}

// change checks, applies and journals one edit of one directive.
func (s *Service) change(ctx context.Context, target Target, e edit) (*Changed, error) {
	definition, ok := catalogue.Lookup(target.Key)
	if !ok {
		return nil, fault.Invalidf("key", "there is no setting %.100q", target.Key)
	}
	if err := database.CheckReason(target.Reason); err != nil {
		return nil, err
	}
	scope, err := ScopeOf(target.ScopeID)
	if err != nil {
		return nil, err
	}
	p, err := s.placeOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	if !definition.SetAt(p.level()) {
		return nil, fault.Invalidf("scopeId", "%s cannot be set at the level %s", target.Key, p.level())
	}
	author, err := p.author(access.ViewerFrom(ctx), definition, target)
	if err != nil {
		return nil, err
	}
	write := func(ctx context.Context, tx *database.Tx) error {
		return s.write(ctx, tx, writing{target: target, edit: e, definition: definition, scope: scope, place: p, author: author})
	}
	revision, err := s.db.Write(ctx, database.Entry{Action: e.action, Organization: p.organization.ID, Reason: target.Reason}, write)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, p, definition, revision)
}

func (s *Service) answer(ctx context.Context, p place, definition *waterfall.Definition, revision int64) (*Changed, error) {
	if revision == 0 {
		latest, err := s.db.Revision(ctx)
		if err != nil {
			return nil, err
		}
		revision = latest
	}
	all, err := s.effective(ctx, map[uuid.UUID]place{p.id(): p}, []*waterfall.Definition{definition}, nil)
	if err != nil {
		return nil, err
	}
	return &Changed{Setting: all[p.id()][0], Revision: revision}, nil
}

// checkWrite returns nil if the viewer may write the setting at the place on its
// own side.
func (p place) checkWrite(viewer access.Viewer, d *waterfall.Definition) error {
	if d.Personal && p.isSelf(viewer) {
		return access.CheckSelf(viewer, p.organization.Target())
	}
	permission := access.Permission(d.Permission(p.level(), waterfall.SideOwn))
	if err := access.Check(viewer, permission, p.organization.Target()); err != nil {
		return err
	}
	return p.checkMember(viewer)
}

// checkMember returns nil unless the place is a member with rights that the
// viewer does not hold.
func (p place) checkMember(viewer access.Viewer) error {
	if p.member == nil || p.isSelf(viewer) {
		return nil
	}
	return access.CheckMember(viewer, p.member.standing, p.organization.Target())
}

// author returns the organization in whose name the viewer writes: the place's
// own or, for the side MANAGER, one above it in which they have the right.
func (p place) author(viewer access.Viewer, d *waterfall.Definition, target Target) (uuid.UUID, error) {
	if p.builtin {
		return uuid.Nil, fault.New(fault.Conflict, "built-in groups hold no settings").Because(fault.BuiltinImmutable)
	}
	if target.Side != waterfall.SideManager {
		if target.PlacedBy != nil {
			return uuid.Nil, fault.Invalidf("placedById", "only the side MANAGER is placed by a manager")
		}
		return p.organization.ID, p.checkWrite(viewer, d)
	}
	if err := p.checkMember(viewer); err != nil {
		return uuid.Nil, err
	}
	permission := access.Permission(d.Permission(p.level(), waterfall.SideManager))
	if target.PlacedBy != nil {
		return *target.PlacedBy, p.checkManager(viewer, permission, *target.PlacedBy)
	}
	above := p.organization.Above
	for i := len(above) - 1; i >= 0; i-- {
		err := access.CheckThrough(viewer, permission, p.organization.Target(), orgtree.ID(above[i].ID))
		if code := fault.CodeOf(err); code != fault.Forbidden && code != fault.NotFound {
			return above[i].ID, err
		}
	}
	return uuid.Nil, fault.New(fault.Forbidden, "none of the managers in which you have the permission %s manages this", permission)
}

// checkManager returns nil if the viewer may write in the name of an
// organization above the place. NOT_FOUND for one that is not above it and
// alike for one that the viewer may not know of.
func (p place) checkManager(viewer access.Viewer, permission access.Permission, manager uuid.UUID) error {
	for i, a := range p.organization.Above {
		if a.ID == manager && records.Sees(viewer.Reach(), p.organization.Above[:i+1]) {
			return access.CheckThrough(viewer, permission, p.organization.Target(), orgtree.ID(manager))
		}
	}
	return fault.Missing("manager")
}
