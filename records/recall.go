package records

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// path is an organization as its record and those above it make it.
type path struct {
	Organization
	said
	// err is what is wrong with the directives that it comes from.
	err error
	// records are those from the root to the organization.
	records []*kept[record]
}

// current reports whether nothing that the path was made of was dropped.
func (p *path) current() bool { return allCurrent(p.records) }

func allCurrent(records []*kept[record]) bool {
	for _, k := range records {
		if !k.current() {
			return false
		}
	}
	return true
}

// recalls reports whether memory may be asked: it is the store of a database,
// not of a transaction, and it has missed nothing.
func (s *Store) recalls() bool { return s.memory != nil && s.db.Fresh() }

// path returns the path of an organization that is in memory.
func (s *Store) path(id uuid.UUID) (*path, bool) {
	k, ok := s.memory.get(id)
	if !ok || k.record.organization == nil {
		return nil, false
	}
	if p := k.record.organization.path.Load(); p != nil && p.current() {
		return p, true
	}
	return assemble(id, s.memory.get)
}

// paths returns the paths of the organizations that exist. Those that are not
// in memory are read, all in one snapshot.
func (s *Store) paths(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*path, error) {
	found := make(map[uuid.UUID]*path, len(ids))
	var missing []uuid.UUID
	for _, id := range ids {
		if p, ok := s.path(id); ok {
			found[id] = p
		} else if !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := s.loadPaths(ctx, missing)
	if err != nil {
		return nil, err
	}
	read := func(id uuid.UUID) (*kept[record], bool) { k, ok := loaded[id]; return k, ok }
	for _, id := range missing {
		if p, ok := assembleFrom(id, read); ok {
			found[id] = p
		}
	}
	return found, nil
}

func (s *Store) loadPaths(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*kept[record], error) {
	if len(ids) == 1 {
		return s.memory.load(ctx, ids[0], s.readPaths(ids))
	}
	return s.memory.loadAll(ctx, ids, s.readPaths(ids))
}

// assemble makes a path of records that are in memory. It returns false if one
// is missing or was dropped meanwhile: records that are current together are of
// one revision.
func assemble(id uuid.UUID, get func(uuid.UUID) (*kept[record], bool)) (*path, bool) {
	p, ok := assembleFrom(id, get)
	return p, ok && p.current()
}

// assembleFrom makes a path of the records that get returns, and remembers it as
// long as they are current.
func assembleFrom(id uuid.UUID, get func(uuid.UUID) (*kept[record], bool)) (*path, bool) {
	records := make([]*kept[record], 0, orgtree.MaxDepth+1)
	for next := id; next != uuid.Nil; {
		k, ok := get(next)
		if !ok || k.record.organization == nil || len(records) > orgtree.MaxDepth {
			return nil, false
		}
		records = append(records, k)
		next = k.record.organization.parent
	}
	if len(records) == 0 {
		return nil, false // No organization has the nil id.
	}
	slices.Reverse(records)
	p := &path{records: slices.Clip(records)}
	p.fill()
	if p.current() {
		records[len(records)-1].record.organization.path.Store(p)
	}
	return p, true
}

// fill derives the rest of the path from its records.
func (p *path) fill() {
	p.path = make(orgtree.Path, len(p.records))
	p.Above = make([]Ancestor, len(p.records)-1)
	for i, k := range p.records {
		o := k.record.organization
		p.path[i] = orgtree.ID(o.id)
		if i < len(p.Above) {
			p.Above[i] = Ancestor{ID: o.id, Name: o.name, Kind: o.kind}
			continue
		}
		p.ID, p.Name, p.Slug, p.Kind, p.Status = o.id, o.name, o.slug, o.kind, o.status
	}
	directives, err := p.directives(saidKeys())
	if err == nil {
		p.said, err = saidBy(p.Organization, directives)
	}
	p.err = err
}

// directives returns the live directives on the path, for some keys.
func (p *path) directives(keys []string) (Directives, error) {
	found := Directives{}
	for _, k := range p.records {
		if err := addDirectives(found, k.record.organization.directives, keys); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// addDirectives adds the directives for some keys, or all if none is named.
func addDirectives(found Directives, list []directiveRecord, keys []string) error {
	for _, d := range list {
		if len(keys) > 0 && !slices.Contains(keys, d.key) {
			continue
		}
		if d.err != nil {
			return d.err
		}
		found[d.key] = append(found[d.key], d.directive)
	}
	return nil
}

// recallDirectives returns the live directives at these scopes for some keys, or
// all if none is named. It returns false unless all scopes are organizations in
// memory, and groups of such.
func (s *Store) recallDirectives(scopes []uuid.UUID, keys []string) (Directives, bool, error) {
	found := Directives{}
	records := make([]*kept[record], len(scopes))
	for i, scope := range scopes {
		k, ok := s.memory.get(scope)
		if !ok {
			k, ok = s.memory.byAlias(scope)
		}
		if !ok || k.record.organization == nil {
			return nil, false, nil
		}
		records[i] = k
		list := k.record.organization.directives
		if scope != k.key {
			list = k.record.organization.groupDirectives[scope]
		}
		if err := addDirectives(found, list, keys); err != nil {
			return nil, false, err
		}
	}
	return found, allCurrent(records), nil
}

// remembered is a viewer as the records make it, without what a session adds.
type remembered struct {
	viewer access.Viewer
	// conditional says that a standing depends on the circumstances.
	conditional bool
	// records are those of the principal and of its organizations.
	records []*kept[record]
}

// under returns the viewer under the circumstances of a session.
func (r *remembered) under(at access.Circumstances) access.Viewer {
	viewer := r.viewer
	if !r.conditional {
		return viewer
	}
	viewer.Standings = make(map[orgtree.ID]*access.Standing, len(r.viewer.Standings))
	for id, standing := range r.viewer.Standings {
		if standing.Conditional {
			standing = access.NewStanding(standing.Place, at)
		}
		viewer.Standings[id] = standing
	}
	return viewer
}

// recallAttempts bounds how often a viewer is made of records before it is read
// from the database.
const recallAttempts = 2

// recallViewer returns the viewer of a session as its sign-in makes it, or false
// if its records change faster than they can be put together or do not know the
// sign-in. It returns UNAUTHENTICATED as Viewer does.
func (s *Store) recallViewer(ctx context.Context, session Session) (access.Viewer, bool, error) {
	for range recallAttempts {
		k, err := s.principal(ctx, session.Principal)
		if err != nil {
			return access.Viewer{}, false, err
		}
		r := k.record.principal.viewer.Load()
		if r == nil || !r.current() {
			if r, err = s.remember(ctx, k); err != nil {
				return access.Viewer{}, false, err
			}
		}
		if r.current() {
			k.record.principal.viewer.Store(r)
			if _, known := k.record.principal.sessions[session.SignIn]; !known && session.SignIn != uuid.Nil {
				return access.Viewer{}, false, nil // It has ended, or began on another process just now.
			}
			viewer, err := s.signedIn(ctx, r.under(session.Circumstances), session, k.record.principal.sessions)
			return viewer, true, err
		}
	}
	return access.Viewer{}, false, nil
}

func (r *remembered) current() bool { return allCurrent(r.records) }

// principal returns the record of a user or an application, or UNAUTHENTICATED
// if it is gone or locked.
func (s *Store) principal(ctx context.Context, id typeid.ID) (*kept[record], error) {
	kind := access.User
	if id.Kind == typeid.Application {
		kind = access.Application
	}
	k, ok := s.memory.get(id.UUID)
	if !ok {
		loaded, err := s.memory.load(ctx, id.UUID, s.readPrincipal(id))
		if err != nil {
			return nil, err
		}
		k = loaded[id.UUID]
	}
	if k == nil || k.record.principal == nil || k.record.principal.kind != kind || k.record.principal.locked {
		return nil, invalidToken()
	}
	return k, nil
}

// remember makes a viewer of a principal's record and those of its
// organizations.
func (s *Store) remember(ctx context.Context, k *kept[record]) (*remembered, error) {
	p := k.record.principal
	r := &remembered{records: []*kept[record]{k}}
	r.viewer = access.Viewer{Kind: p.kind, ID: orgtree.ID(p.id), Name: p.name, Standings: make(map[orgtree.ID]*access.Standing, len(p.places))}
	ids := make([]uuid.UUID, 0, len(p.places))
	for _, place := range p.places {
		if !place.locked {
			ids = append(ids, place.organization)
		}
	}
	paths, err := s.paths(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, place := range p.places {
		org, ok := paths[place.organization]
		if place.locked || !ok {
			continue
		}
		if org.err != nil {
			return nil, org.err
		}
		for _, k := range org.records {
			if !slices.Contains(r.records, k) {
				r.records = append(r.records, k)
			}
		}
		if org.Status == orgtree.Deleted {
			continue
		}
		standing := access.NewStanding(org.placeOf(p, place), access.Circumstances{})
		r.conditional = r.conditional || standing.Conditional
		r.viewer.Standings[standing.Organization] = standing
	}
	return r, nil
}

// placeOf returns a principal's place in the organization of the path.
func (p *path) placeOf(who *principalRecord, record placeRecord) access.Place {
	place := access.Place{
		Organization: orgtree.ID(p.ID), Kind: p.Kind, Status: p.Status, Switches: p.switches,
		Membership: orgtree.ID(record.membership), Owner: record.owner, Policies: record.policies,
		Demands:    p.demands,
		Compliance: access.Compliance{SecondFactor: who.secondFactor, OwnPassword: who.ownPassword, GraceUntil: record.graceUntil},
	}
	own := p.records[len(p.records)-1].record.organization
	for _, id := range record.groups {
		// A group that was just removed is in one of the records only.
		if g, ok := own.groups[id]; ok {
			place.Groups = append(place.Groups, g)
		}
	}
	return place
}
