package settings

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// Effective is what applies at a place and why, as a viewer may see it. Values
// are JSON; secrets in them are concealed.
type Effective struct {
	Key       string
	Value     json.RawMessage
	Inherited bool
	Pinned    bool
	Locked    bool
	// Version is that of the place's own directive, 0 if there never was one.
	Version           int
	Source            *Source
	LockedBy          *Source
	ClampedBy         *Clamp
	Guard             *Guard
	Chain             []*Step
	IfUnset           json.RawMessage
	Parts             []*Part
	AllowedOperations []waterfall.Action
}

// Source is who decided something. For a directive that a manager placed it is
// the manager.
type Source struct {
	Level        waterfall.Level
	Organization *records.Reference
	Group        *records.GroupReference
	User         *UserReference
	Side         waterfall.Side
}

// UserReference is a person as named in a chain.
type UserReference struct {
	ID       typeid.ID
	Username string
}

// Clamp is a guard that moved a requested value.
type Clamp struct {
	Level        waterfall.Level
	Bound        json.RawMessage
	Requested    json.RawMessage
	Organization *records.Reference
	Group        *records.GroupReference
}

// Guard is what may be chosen, with who set each bound last; nil bounds do not
// bind.
type Guard struct {
	Min, Max, Allowed, Required         json.RawMessage
	MinBy, MaxBy, AllowedBy, RequiredBy *Source
}

// Step is one step of the waterfall.
type Step struct {
	Level        waterfall.Level
	Organization *records.Reference
	Group        *records.GroupReference
	User         *UserReference
	Side         waterfall.Side
	PlacedBy     *records.Reference
	Operation    *waterfall.OperationKind
	Requested    json.RawMessage
	Locks        bool
	Guards       bool
	Status       waterfall.Status
	Because      string
}

// Part is where an element of a set or a key of a map comes from.
type Part struct {
	Key     *string
	Element json.RawMessage
	Source  *Source
}

// effective folds settings at places, reading the directives of all of them in
// one statement.
func (s *Service) effective(ctx context.Context, places map[uuid.UUID]place, definitions []*waterfall.Definition, asOf *time.Time) (map[uuid.UUID][]*Effective, error) {
	seen := map[uuid.UUID]bool{}
	var scopes []uuid.UUID
	for _, p := range places {
		for _, id := range records.Scopes(p.nodes()) {
			if !seen[id] {
				seen[id] = true
				scopes = append(scopes, id)
			}
		}
	}
	directives, err := s.records.Directives(ctx, scopes, keysOf(definitions), asOf)
	if err != nil {
		return nil, err
	}
	all := make(map[uuid.UUID][]*Effective, len(places))
	for id, p := range places {
		n := newNarrator(ctx, p)
		n.past = asOf != nil
		list := make([]*Effective, len(definitions))
		for i, d := range definitions {
			list[i] = n.tell(d, directives[d.Key])
		}
		all[id] = list
	}
	return all, nil
}

// narrator tells what applies at a place in the words that the viewer may hear.
type narrator struct {
	viewer access.Viewer
	place  place
	// past says that the story is of an instant that is over.
	past  bool
	nodes []waterfall.Node
	line  map[orgtree.ID]lineEntry
}

type lineEntry struct {
	level     waterfall.Level
	reference records.Reference
}

func newNarrator(ctx context.Context, p place) *narrator {
	n := &narrator{viewer: access.ViewerFrom(ctx), place: p, nodes: p.nodes(), line: map[orgtree.ID]lineEntry{}}
	line := p.organization.Line()
	for i, a := range line {
		n.line[orgtree.ID(a.ID)] = lineEntry{level: waterfall.LevelOf(a.Kind), reference: records.Refer(ctx, line[:i+1])}
	}
	return n
}

func (n *narrator) tell(d *waterfall.Definition, directives []waterfall.Directive) *Effective {
	steps := waterfall.Steps(n.nodes, directives)
	r := waterfall.Resolve(d, steps)
	e := &Effective{
		Key: d.Key, Value: r.Value.JSON(), Inherited: r.Inherited, Pinned: r.Pinned, Locked: r.IsLocked(),
		Source: n.source(r.Source), IfUnset: r.IfUnset.JSON(), Guard: n.guard(r.Guard),
		Parts: n.parts(r.Parts), Chain: n.chain(r), AllowedOperations: n.actions(d, r.Actions),
	}
	if own := steps[len(steps)-1].Directive; own != nil {
		e.Version = int(own.Version)
	}
	if r.LockedBy != nil {
		e.LockedBy = n.source(*r.LockedBy)
	}
	if r.ClampedBy != nil {
		by := n.source(r.ClampedBy.By)
		e.ClampedBy = &Clamp{Level: by.Level, Bound: r.ClampedBy.Bound, Requested: r.ClampedBy.Requested, Organization: by.Organization, Group: by.Group}
	}
	return e
}

// source names who spoke: the manager where a manager placed the directive, the
// node otherwise.
func (n *narrator) source(o waterfall.Origin) *Source {
	if o.Side == waterfall.SideManager {
		author := n.line[o.Author]
		return &Source{Level: author.level, Organization: &author.reference, Side: o.Side}
	}
	organization, group, user := n.at(o.Node)
	return &Source{Level: o.Node.Level, Organization: organization, Group: group, User: user, Side: waterfall.SideOwn}
}

// at names a node.
func (n *narrator) at(node waterfall.Node) (*records.Reference, *records.GroupReference, *UserReference) {
	switch node.Level {
	case waterfall.LevelDefault:
		return nil, nil, nil
	case waterfall.LevelGroup:
		return n.home(), n.group(node.ID), nil
	case waterfall.LevelUser:
		m := n.place.member
		return n.home(), nil, &UserReference{ID: typeid.New(typeid.User, m.user), Username: m.username}
	case waterfall.LevelPlatform, waterfall.LevelPartner, waterfall.LevelOrganization:
	}
	reference := n.line[node.ID].reference
	return &reference, nil, nil
}

func (n *narrator) home() *records.Reference {
	reference := n.line[orgtree.ID(n.place.organization.ID)].reference
	return &reference
}

func (n *narrator) group(id orgtree.ID) *records.GroupReference {
	for _, g := range n.place.groups {
		if orgtree.ID(g.ID) == id {
			return &records.GroupReference{ID: typeid.New(typeid.Group, g.ID), Name: g.Name}
		}
	}
	return nil
}

// name is how sentences call whoever spoke.
func (n *narrator) name(o waterfall.Origin) string {
	by := n.source(o)
	switch {
	case by.User != nil:
		return by.User.Username
	case by.Group != nil:
		return "the group " + by.Group.Name
	case by.Organization != nil:
		return by.Organization.Name
	default:
		return "the default"
	}
}

func (n *narrator) chain(r waterfall.Resolution) []*Step {
	chain := make([]*Step, len(r.Chain))
	for i, entry := range r.Chain {
		step := &Step{
			Level: entry.Node.Level, Side: waterfall.SideOwn, Requested: entry.Requested, Locks: entry.Locked, Guards: entry.Guarded,
			Status: entry.Status, Because: r.Because(i, n.name),
		}
		step.Organization, step.Group, step.User = n.at(entry.Node)
		if entry.Side == waterfall.SideManager {
			author := n.line[entry.Author].reference
			step.Side, step.PlacedBy = entry.Side, &author
		}
		if entry.Kind != "" {
			step.Operation = &entry.Kind
		}
		chain[i] = step
	}
	return chain
}

func (n *narrator) guard(b waterfall.Bounds) *Guard {
	if b.Min == nil && b.Max == nil && b.Allowed == nil && b.Required == nil {
		return nil
	}
	g := &Guard{}
	g.Min, g.MinBy = n.bound(b.Min)
	g.Max, g.MaxBy = n.bound(b.Max)
	g.Allowed, g.AllowedBy = n.bound(b.Allowed)
	g.Required, g.RequiredBy = n.bound(b.Required)
	return g
}

func (n *narrator) bound(b *waterfall.Bound) (json.RawMessage, *Source) {
	if b == nil {
		return nil, nil
	}
	if len(b.By) == 0 {
		return b.JSON, nil
	}
	return b.JSON, n.source(b.By[len(b.By)-1])
}

func (n *narrator) parts(parts []waterfall.Part) []*Part {
	told := make([]*Part, len(parts))
	for i, part := range parts {
		p := &Part{Source: n.source(part.Source)}
		if part.Key != "" {
			p.Key = &part.Key
		}
		if part.Element != "" {
			p.Element = json.RawMessage(quoted(part.Element))
		}
		told[i] = p
	}
	return told
}

// quoted returns a text as JSON.
func quoted(text string) []byte {
	encoded, err := json.Marshal(text)
	if err != nil {
		return []byte("null") // Text always encodes.
	}
	return encoded
}

// actions returns what the viewer may do of what the setting permits: nothing
// in the past, and nothing at built-in groups, which hold no settings.
func (n *narrator) actions(d *waterfall.Definition, possible []waterfall.Action) []waterfall.Action {
	if n.past || n.place.builtin || n.place.checkWrite(n.viewer, d) != nil {
		return []waterfall.Action{}
	}
	return possible
}
