package records

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/journalentry"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// Directives are the setting directives at some nodes, by key.
type Directives map[string][]waterfall.Directive

// Directives returns the directives at these scopes – organizations, groups,
// memberships – for some keys, or all if none is named, in one statement at most.
// They are those of an instant, or the live ones for a nil instant. They may be
// shared and are not changed.
func (s *Store) Directives(ctx context.Context, scopes []uuid.UUID, keys []string, at *time.Time) (Directives, error) {
	if at == nil && s.recalls() {
		found, ok, err := s.recallDirectives(scopes, keys)
		if ok || err != nil {
			return found, err
		}
	}
	query := s.client.SettingDirective.Query().Where(settingdirective.ScopeIDIn(scopes...))
	if len(keys) > 0 {
		query.Where(settingdirective.KeyIn(keys...))
	}
	if at == nil {
		query.Where(settingdirective.ValidToIsNil())
	} else {
		query.Where(
			settingdirective.ValidFromLTE(*at),
			settingdirective.Or(settingdirective.ValidToIsNil(), settingdirective.ValidToGT(*at)),
		)
	}
	rows, err := query.All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load directives: %w", err)
	}
	found := Directives{}
	for _, row := range rows {
		definition, ok := catalogue.Lookup(row.Key)
		if !ok {
			continue // A newer binary's setting means nothing to this one.
		}
		directive, err := Directive(definition, row)
		if err != nil {
			return nil, err
		}
		if directive.Side == waterfall.SideManager && directive.IsEmpty() {
			continue // What a manager took back is no step.
		}
		found[row.Key] = append(found[row.Key], directive)
	}
	return found, nil
}

// Directive returns a stored row as the waterfall reads it.
func Directive(definition *waterfall.Definition, row *ent.SettingDirective) (waterfall.Directive, error) {
	d := waterfall.Directive{
		Node:    waterfall.Node{ID: orgtree.ID(row.ScopeID)},
		Author:  orgtree.ID(row.AuthorOrganizationID),
		Side:    waterfall.SideOwn,
		Locked:  row.Locked,
		Version: int64(row.Version),
	}
	if row.AuthorOrganizationID != row.OrganizationID {
		d.Side = waterfall.SideManager
	}
	if row.Operation != nil {
		operation, err := definition.DecodeOperation([]byte(*row.Operation))
		if err != nil {
			return waterfall.Directive{}, fmt.Errorf("directive %s of %s: %w", row.ID, row.Key, err)
		}
		d.Operation = &operation
	}
	if row.Guard != nil {
		guard, err := definition.DecodeGuard([]byte(*row.Guard))
		if err != nil {
			return waterfall.Directive{}, fmt.Errorf("directive %s of %s: %w", row.ID, row.Key, err)
		}
		d.Guard = &guard
	}
	return d, nil
}

// Nodes returns the nodes of the waterfall from the root to an organization.
func (o Organization) Nodes() []waterfall.Node {
	line := o.Line()
	nodes := make([]waterfall.Node, len(line))
	for i, a := range line {
		nodes[i] = waterfall.Node{Level: waterfall.LevelOf(a.Kind), ID: orgtree.ID(a.ID)}
	}
	return nodes
}

// Values returns the effective values of some settings in some organizations, by
// organization and key, reading the directives of all of them in one statement at
// most.
func (s *Store) Values(ctx context.Context, organizations map[uuid.UUID]Organization, definitions []*waterfall.Definition) (map[uuid.UUID]map[string]waterfall.Value, error) {
	keys := make([]string, len(definitions))
	for i, d := range definitions {
		keys[i] = d.Key
	}
	directives, err := s.Directives(ctx, scopesOf(organizations), keys, nil)
	if err != nil {
		return nil, err
	}
	values := make(map[uuid.UUID]map[string]waterfall.Value, len(organizations))
	for id, org := range organizations {
		values[id] = valuesOf(org, directives, definitions)
	}
	return values, nil
}

// valuesOf folds the directives on the path of an organization, for some
// settings.
func valuesOf(org Organization, directives Directives, definitions []*waterfall.Definition) map[string]waterfall.Value {
	nodes := org.Nodes()
	values := make(map[string]waterfall.Value, len(definitions))
	for _, d := range definitions {
		values[d.Key] = ValueAt(d, nodes, directives)
	}
	return values
}

// ValueAt returns the effective value of a setting at the last of some nodes,
// which follow each other down the tree, by the directives at these.
func ValueAt(d *waterfall.Definition, nodes []waterfall.Node, directives Directives) waterfall.Value {
	state := waterfall.Start(d)
	for _, step := range waterfall.Steps(nodes, directives[d.Key]) {
		state = state.Apply(step)
	}
	return state.Value()
}

// scopesOf returns the ids of all organizations on some paths, each once.
func scopesOf(organizations map[uuid.UUID]Organization) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var scopes []uuid.UUID
	for _, org := range organizations {
		for _, id := range org.LineIDs() {
			if !seen[id] {
				seen[id] = true
				scopes = append(scopes, id)
			}
		}
	}
	return scopes
}

// Value returns the effective value of one setting in an organization.
func (s *Store) Value(ctx context.Context, org Organization, key string) (waterfall.Value, error) {
	definition, ok := catalogue.Lookup(key)
	if !ok {
		return waterfall.Value{}, fmt.Errorf("there is no setting %s", key)
	}
	values, err := s.Values(ctx, map[uuid.UUID]Organization{org.ID: org}, []*waterfall.Definition{definition})
	return values[org.ID][key], err
}

// InSettingOrder returns the groups of a member in the order in which their settings apply: by rank, then id. Built-in groups hold no
// settings and are left out.
func InSettingOrder(groups []*ent.Group) []*ent.Group {
	ordered := slices.DeleteFunc(slices.Clone(groups), func(g *ent.Group) bool { return g.Builtin != nil })
	slices.SortFunc(ordered, func(a, b *ent.Group) int {
		if a.Rank != b.Rank {
			return a.Rank - b.Rank
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return ordered
}

// Scopes returns the ids of nodes.
func Scopes(nodes []waterfall.Node) []uuid.UUID {
	ids := make([]uuid.UUID, len(nodes))
	for i, n := range nodes {
		ids[i] = uuid.UUID(n.ID)
	}
	return ids
}

// KindsAt returns the kinds that organizations had at an instant, for those
// whose kind the journal says changed since.
func (s *Store) KindsAt(ctx context.Context, ids []uuid.UUID, at time.Time) (map[uuid.UUID]orgtree.Kind, error) {
	changes, err := s.client.JournalChange.Query().
		Where(
			journalchange.ResourceKind(string(typeid.Organization)),
			journalchange.ResourceIDIn(ids...),
			journalchange.BeforeNotNil(),
			journalchange.HasEntryWith(journalentry.AtGT(at)),
		).
		Order(ent.Desc(journalchange.FieldRevision), ent.Desc(journalchange.FieldSequence)).
		All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load kinds: %w", err)
	}
	kinds := map[uuid.UUID]orgtree.Kind{}
	for _, change := range changes {
		var before struct {
			Kind orgtree.Kind `json:"kind"`
		}
		if err := json.Unmarshal([]byte(*change.Before), &before); err != nil {
			return nil, fmt.Errorf("image of organization %s: %w", change.ResourceID, err)
		}
		kinds[change.ResourceID] = before.Kind // The earliest change comes last.
	}
	return kinds, nil
}
