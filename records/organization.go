package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// DefaultBytes is how much a store keeps in memory unless told otherwise.
const DefaultBytes = 256 << 20

// Store reads records. That of a database answers from memory while the
// database is fresh; what it answers is what the database holds at the revision
// that it has heard of.
type Store struct {
	client *ent.Client
	// db, memory and running are nil in a transaction.
	db      *database.DB
	memory  *memory[record]
	running *memory[running]
}

// New returns the store of a database, which keeps DefaultBytes in memory.
func New(db *database.DB) *Store { return NewWithin(db, DefaultBytes) }

// NewWithin returns the store of a database, which keeps about so many bytes in
// memory.
func NewWithin(db *database.DB, bytes int64) *Store {
	s := &Store{
		client: db.Client(), db: db,
		memory:  newMemory[record](bytes-bytes/runningShare, db.Heard),
		running: newMemory[running](bytes/runningShare, db.Heard),
	}
	db.Subscribe(func(revision int64, changes []database.Touched) {
		if changes == nil {
			s.memory.forget()
			s.running.forget()
			return
		}
		var keys, runs []uuid.UUID
		for _, change := range changes {
			keys = append(keys, touchedKeys(change)...)
			if change.Kind == typeid.Resource {
				runs = append(runs, change.Organization)
			}
		}
		s.memory.touch(revision, keys)
		s.running.touch(revision, runs)
	})
	return s
}

// In returns the store as a transaction sees it.
func (s *Store) In(tx *database.Tx) *Store { return In(tx) }

// In returns a store that reads as a transaction does, for those who have none.
func In(tx *database.Tx) *Store { return &Store{client: tx.Client} }

// Statistics says how the memory of the store is doing.
func (s *Store) Statistics() Statistics { return s.memory.statistics() }

// unscoped returns a context in which the guard lets everything through.
func unscoped(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("records"))
}

// Organization is one organization with its path.
type Organization struct {
	ID     uuid.UUID
	Name   string
	Slug   string
	Kind   orgtree.Kind
	Status orgtree.Status
	// Above are the organizations above it, root first. They may be shared and
	// are not changed.
	Above []Ancestor

	// path is what Path returns, if it is known.
	path orgtree.Path
}

// Ancestor is an organization on a path.
type Ancestor struct {
	ID   uuid.UUID
	Name string
	Kind orgtree.Kind
}

// Named is a thing with a name, such as a group in a chain.
type Named struct {
	ID   uuid.UUID
	Name string
}

// Path returns the ids from the root to the organization. They may be shared and
// are not changed.
func (o Organization) Path() orgtree.Path {
	if o.path != nil {
		return o.path
	}
	path := make(orgtree.Path, 0, len(o.Above)+1)
	for _, a := range o.Above {
		path = append(path, orgtree.ID(a.ID))
	}
	return append(path, orgtree.ID(o.ID))
}

// Target returns the organization as access checks see it.
func (o Organization) Target() access.Target {
	return access.Target{Path: o.Path(), Kind: o.Kind, Status: o.Status}
}

// Self returns the organization as it stands on a path.
func (o Organization) Self() Ancestor { return Ancestor{ID: o.ID, Name: o.Name, Kind: o.Kind} }

// Line returns the organizations from the root to the organization, both
// included.
func (o Organization) Line() []Ancestor { return append(slices.Clone(o.Above), o.Self()) }

// LineIDs returns the ids of the line.
func (o Organization) LineIDs() []uuid.UUID {
	line := o.Line()
	ids := make([]uuid.UUID, len(line))
	for i, a := range line {
		ids[i] = a.ID
	}
	return ids
}

// WithKinds returns the organization with other kinds on its path.
func (o Organization) WithKinds(kinds map[uuid.UUID]orgtree.Kind) Organization {
	if kind, ok := kinds[o.ID]; ok {
		o.Kind = kind
	}
	o.Above = slices.Clone(o.Above)
	for i, a := range o.Above {
		if kind, ok := kinds[a.ID]; ok {
			o.Above[i].Kind = kind
		}
	}
	return o
}

// Manager returns the organization directly above, or false for the root.
func (o Organization) Manager() (Ancestor, bool) {
	if len(o.Above) == 0 {
		return Ancestor{}, false
	}
	return o.Above[len(o.Above)-1], true
}

// Organizations returns the organizations with these ids that exist, each with
// its path, in a fixed number of statements at most.
func (s *Store) Organizations(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Organization, error) {
	if len(ids) == 0 {
		return map[uuid.UUID]Organization{}, nil
	}
	if !s.recalls() {
		return s.organizations(ctx, ids)
	}
	paths, err := s.paths(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Organization, len(paths))
	for id, p := range paths {
		found[id] = p.Organization
	}
	return found, nil
}

// organizations reads organizations from the database.
func (s *Store) organizations(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Organization, error) {
	lines, err := s.client.Ancestry.Query().
		Where(ancestry.OrganizationIDIn(ids...)).
		Order(ent.Desc(ancestry.FieldDistance)).
		WithAncestor().
		All(unscoped(ctx))
	if err != nil {
		return nil, fmt.Errorf("load paths: %w", err)
	}
	found := make(map[uuid.UUID]Organization, len(ids))
	for _, line := range lines {
		above := line.Edges.Ancestor
		org := found[line.OrganizationID]
		if line.Distance == 0 {
			org.ID, org.Name, org.Slug, org.Kind, org.Status = above.ID, above.Name, above.Slug, above.Kind, above.Status
		} else {
			org.Above = append(org.Above, Ancestor{ID: above.ID, Name: above.Name, Kind: above.Kind})
		}
		found[line.OrganizationID] = org
	}
	return found, nil
}

// Organization returns one organization with its path, or NOT_FOUND.
func (s *Store) Organization(ctx context.Context, id uuid.UUID) (Organization, error) {
	if s.recalls() {
		if p, ok := s.path(id); ok {
			return p.Organization, nil
		}
	}
	found, err := s.Organizations(ctx, []uuid.UUID{id})
	if err != nil {
		return Organization{}, err
	}
	org, ok := found[id]
	if !ok {
		return Organization{}, fault.Missing("organization")
	}
	return org, nil
}

// BySlug returns one organization with its path, or NOT_FOUND.
func (s *Store) BySlug(ctx context.Context, slug string) (Organization, error) {
	id, err := s.client.Organization.Query().Where(organization.Slug(slug)).OnlyID(unscoped(ctx))
	if ent.IsNotFound(err) {
		return Organization{}, fault.Missing("organization")
	}
	if err != nil {
		return Organization{}, fmt.Errorf("find organization by slug: %w", err)
	}
	return s.Organization(ctx, id)
}

// Seen returns organizations, as Organizations does, and those of the ids of which
// the context's viewer sees something.
func (s *Store) Seen(ctx context.Context, ids []uuid.UUID, sees func(context.Context, Organization) bool) (map[uuid.UUID]Organization, []uuid.UUID, error) {
	organizations, err := s.Organizations(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var seen []uuid.UUID
	for _, id := range ids {
		if sees(ctx, organizations[id]) {
			seen = append(seen, id)
		}
	}
	return organizations, seen, nil
}

// Root returns the platform organization, or NOT_FOUND before the bootstrap.
func (s *Store) Root(ctx context.Context) (Organization, error) {
	id, err := s.client.Organization.Query().Where(organization.KindEQ(orgtree.Platform)).OnlyID(unscoped(ctx))
	if ent.IsNotFound(err) {
		return Organization{}, fault.Missing("platform")
	}
	if err != nil {
		return Organization{}, fmt.Errorf("find the platform: %w", err)
	}
	return s.Organization(ctx, id)
}

// Check returns the organization if the context's viewer holds the permission
// in it; else what access.Check returns, and NOT_FOUND alike for an organization
// that does not exist.
func (s *Store) Check(ctx context.Context, p access.Permission, id uuid.UUID) (Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return Organization{}, access.Check(viewer, p, access.Target{})
	}
	org, err := s.Organization(ctx, id)
	if err != nil {
		return Organization{}, err
	}
	return org, access.Check(viewer, p, org.Target())
}

// CheckPlatform returns the root if the context's viewer holds the permission by
// being in it, UNAUTHENTICATED for nobody and FORBIDDEN for all others: that
// there is a platform is no secret.
func (s *Store) CheckPlatform(ctx context.Context, p access.Permission) (Organization, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return Organization{}, access.Check(viewer, p, access.Target{})
	}
	root, err := s.Root(ctx)
	if err != nil {
		return Organization{}, err
	}
	err = access.Check(viewer, p, root.Target())
	if fault.CodeOf(err) == fault.NotFound {
		err = fault.New(fault.Forbidden, "this needs the permission %s in the platform", p)
	}
	return root, err
}

// Reference is an organization as it is named in a chain, a source or a lock.
type Reference struct {
	// ID is nil where redacted.
	ID       *typeid.ID
	Name     string
	Kind     orgtree.Kind
	Redacted bool
}

// Principal is someone or something that rights can be given to: a user, an
// application or a group.
type Principal interface {
	typeid.Identified
	IsPrincipal()
}

// Refer returns how the context's viewer may see an organization on a path:
// by name within their own tree, by tier above it. line is the path to the
// organization, itself included.
func Refer(ctx context.Context, line []Ancestor) Reference {
	self := line[len(line)-1]
	if Sees(access.ViewerFrom(ctx).Reach(), line) {
		id := typeid.New(typeid.Organization, self.ID)
		return Reference{ID: &id, Name: self.Name, Kind: self.Kind}
	}
	return Reference{Name: tier(self.Kind), Kind: self.Kind, Redacted: true}
}

// Refer returns how the context's viewer may see the organization.
func (o Organization) Refer(ctx context.Context) *Reference {
	reference := Refer(ctx, o.Line())
	return &reference
}

// Sees reports whether the last organization of a path is within reach.
func Sees(reach access.Reach, line []Ancestor) bool {
	if reach.Everything || slices.Contains(reach.Organizations, orgtree.ID(line[len(line)-1].ID)) {
		return true
	}
	return slices.ContainsFunc(line, func(a Ancestor) bool { return slices.Contains(reach.Subtrees, orgtree.ID(a.ID)) })
}

func tier(kind orgtree.Kind) string {
	switch kind {
	case orgtree.Platform:
		return "the platform"
	case orgtree.Partner:
		return "your partner"
	case orgtree.Standard:
		return "your organization"
	}
	return string(kind)
}
