package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// decision is what somebody says about a setting at one place: a value, a guard,
// a lock, or several of them.
type decision struct {
	by  *person
	at  place
	key string
	// operation is SET if empty; without a value nothing is set.
	operation waterfall.OperationKind
	value     string
	guard     waterfall.GuardInput
	lock      bool
	// placedBy is the manager that places the decision on somebody below it, nil
	// for the place's own.
	placedBy *organization
	reason   string
}

// place is where a setting can be set: an organization, a group or a person.
type place interface{ scope() typeid.ID }

func (o *organization) scope() typeid.ID { return typeid.New(typeid.Organization, o.id) }
func (g *group) scope() typeid.ID        { return typeid.New(typeid.Group, g.id) }
func (p *person) scope() typeid.ID       { return typeid.New(typeid.Membership, p.membership) }

// decide carries decisions out, in order.
func (b *builder) decide(ctx context.Context, decisions ...decision) error {
	for _, d := range decisions {
		b.pause()
		as, err := b.as(ctx, d.by)
		if err != nil {
			return err
		}
		if err := b.carryOut(as, d); err != nil {
			return fmt.Errorf("%s sets %s of %s: %w", d.by.username, d.key, d.at.scope(), err)
		}
	}
	return nil
}

func (b *builder) carryOut(ctx context.Context, d decision) error {
	target := settings.Target{ScopeID: d.at.scope(), Key: d.key, Reason: d.reason}
	if d.placedBy != nil {
		target.Side, target.PlacedBy = waterfall.SideManager, &d.placedBy.id
	}
	if d.value != "" {
		if _, err := b.Settings.Set(ctx, target, d.operation, json.RawMessage(d.value)); err != nil {
			return err
		}
	}
	if !d.guard.IsEmpty() {
		if _, err := b.Settings.Guard(ctx, target, d.guard); err != nil {
			return fmt.Errorf("guard: %w", err)
		}
	}
	if !d.lock {
		return nil
	}
	if _, err := b.Settings.Lock(ctx, target); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// allowed returns the guard that permits nothing but a JSON list.
func allowed(list string) waterfall.GuardInput {
	return waterfall.GuardInput{Allowed: json.RawMessage(list)}
}

// required returns the guard that a set holds a JSON list.
func required(list string) waterfall.GuardInput {
	return waterfall.GuardInput{Required: json.RawMessage(list)}
}

// within returns the guard of an interval; an empty bound does not bind.
func within(low, high string) waterfall.GuardInput {
	return waterfall.GuardInput{Min: json.RawMessage(low), Max: json.RawMessage(high)}
}
