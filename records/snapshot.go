package records

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// readAt returns a read of records in one snapshot of the database, with its
// revision.
func (s *Store) readAt(read func(ctx context.Context, tx *database.Tx) ([]stored[record], error)) func(context.Context) (snapshot[record], error) {
	return func(ctx context.Context) (snapshot[record], error) {
		var snap snapshot[record]
		err := s.db.Read(unscoped(ctx), func(ctx context.Context, tx *database.Tx) error {
			var err error
			if snap.revision, err = tx.Revision(ctx); err != nil {
				return err
			}
			snap.records, err = read(ctx, tx)
			return err
		})
		return snap, err
	}
}

// readPaths returns the read of organizations and all above them.
func (s *Store) readPaths(ids []uuid.UUID) func(context.Context) (snapshot[record], error) {
	return s.readAt(func(ctx context.Context, tx *database.Tx) ([]stored[record], error) {
		lines, err := tx.Ancestry.Query().Where(ancestry.OrganizationIDIn(ids...)).WithAncestor().All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load paths: %w", err)
		}
		found := map[uuid.UUID]*organizationRecord{}
		var all []uuid.UUID
		for _, line := range lines {
			if _, ok := found[line.AncestorID]; !ok {
				found[line.AncestorID] = newOrganizationRecord(line.Edges.Ancestor)
				all = append(all, line.AncestorID)
			}
		}
		if err := readGroups(ctx, tx, all, found); err != nil {
			return nil, err
		}
		if err := readDirectives(ctx, tx, found); err != nil {
			return nil, err
		}
		if err := readAllowances(ctx, tx, all, found); err != nil {
			return nil, err
		}
		if err := readUnits(ctx, tx, all, found); err != nil {
			return nil, err
		}
		records := make([]stored[record], len(all))
		for i, id := range all {
			records[i] = stored[record]{
				key: id, aliases: slices.Collect(maps.Keys(found[id].groups)), size: found[id].size(), record: record{organization: found[id]},
			}
		}
		return records, nil
	})
}

func newOrganizationRecord(row *ent.Organization) *organizationRecord {
	o := &organizationRecord{id: row.ID, name: row.Name, slug: row.Slug, kind: row.Kind, status: row.Status}
	if row.ParentID != nil {
		o.parent = *row.ParentID
	}
	return o
}

// readDirectives adds the live directives of organizations, and of their groups, to
// them.
func readDirectives(ctx context.Context, tx *database.Tx, found map[uuid.UUID]*organizationRecord) error {
	homes := map[uuid.UUID]*organizationRecord{}
	for id, o := range found {
		homes[id] = o
		for group := range o.groups {
			homes[group] = o
		}
	}
	for scopes := range slices.Chunk(slices.Collect(maps.Keys(homes)), scopesAtOnce) {
		rows, err := tx.SettingDirective.Query().
			Where(settingdirective.ScopeIDIn(scopes...), settingdirective.ValidToIsNil()).
			Order(ent.Asc(settingdirective.FieldID)).
			All(ctx)
		if err != nil {
			return fmt.Errorf("load directives: %w", err)
		}
		for _, row := range rows {
			homes[row.ScopeID].addDirective(row)
		}
	}
	return nil
}

// scopesAtOnce keeps a statement below the drivers' limits on parameters.
const scopesAtOnce = 10_000

// addDirective adds a live directive of the organization or of one of its groups.
func (o *organizationRecord) addDirective(row *ent.SettingDirective) {
	definition, ok := catalogue.Lookup(row.Key)
	if !ok {
		return // A newer binary's setting means nothing to this one.
	}
	directive, err := Directive(definition, row)
	if err == nil && directive.Side == waterfall.SideManager && directive.IsEmpty() {
		return // What a manager took back is no step.
	}
	d := directiveRecord{key: definition.Key, directive: directive, err: err, length: length(row.Operation) + length(row.Guard)}
	if row.ScopeID == o.id {
		o.directives = append(o.directives, d)
		return
	}
	if o.groupDirectives == nil {
		o.groupDirectives = map[uuid.UUID][]directiveRecord{}
	}
	o.groupDirectives[row.ScopeID] = append(o.groupDirectives[row.ScopeID], d)
}

func length(text *string) int {
	if text == nil {
		return 0
	}
	return len(*text)
}

// readGroups adds their groups to organizations.
func readGroups(ctx context.Context, tx *database.Tx, ids []uuid.UUID, found map[uuid.UUID]*organizationRecord) error {
	rows, err := tx.Group.Query().Where(group.OrganizationIDIn(ids...)).WithGroupProjects().WithPolicies().All(ctx)
	if err != nil {
		return fmt.Errorf("load groups: %w", err)
	}
	for _, row := range rows {
		o := found[row.OrganizationID]
		if o.groups == nil {
			o.groups = map[uuid.UUID]access.Group{}
		}
		o.groups[row.ID] = GroupOf(row)
	}
	return nil
}

// readPrincipal returns the read of a user or an application.
func (s *Store) readPrincipal(id typeid.ID) func(context.Context) (snapshot[record], error) {
	return s.readAt(func(ctx context.Context, tx *database.Tx) ([]stored[record], error) {
		read := readUser
		if id.Kind == typeid.Application {
			read = readApplication
		}
		p, err := read(ctx, tx, id.UUID)
		if ent.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("load principal: %w", err)
		}
		s := stored[record]{key: p.id, size: p.size(), record: record{principal: p}}
		for _, place := range p.places {
			if place.membership != uuid.Nil {
				s.aliases = append(s.aliases, place.membership)
			}
		}
		return []stored[record]{s}, nil
	})
}

func readUser(ctx context.Context, tx *database.Tx, id uuid.UUID) (*principalRecord, error) {
	row, err := tx.User.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Membership.Query().Where(membership.UserID(id)).WithPolicies().WithGroupMembers().All(ctx)
	if err != nil {
		return nil, err
	}
	sessions, err := tx.Session.Query().Where(session.UserID(id), session.EndedAtIsNil()).All(ctx)
	if err != nil {
		return nil, err
	}
	p := &principalRecord{
		id: id, kind: access.User, name: row.Username, locked: !isUsable(row),
		sessions: make(map[uuid.UUID]sessionRecord, len(sessions)), secondFactor: row.MfaEnabled, ownPassword: row.CredentialsSetBy == nil,
	}
	for _, s := range sessions {
		p.sessions[s.ID] = sessionOf(s)
	}
	for _, m := range rows {
		p.places = append(p.places, placeRecord{
			organization: m.OrganizationID, membership: m.ID, owner: m.Owner, locked: m.Locked, graceUntil: graceOf(m),
			groups: groupIDs(m.Edges.GroupMembers), policies: policiesOf(m.Edges.Policies),
		})
	}
	return p, nil
}

func sessionOf(row *ent.Session) sessionRecord {
	r := sessionRecord{method: access.SignInMethod(row.Method), at: row.CreatedAt, end: row.ExpiresAt, secondFactor: row.Mfa}
	if row.ImpersonatorID != nil {
		r.impersonator = *row.ImpersonatorID
	}
	return r
}

// isUsable reports whether an account can be used at all.
func isUsable(row *ent.User) bool {
	return row.Status != user.StatusLOCKED && row.Status != user.StatusDELETED
}

// graceOf returns when a member is shut out, or the zero time.
func graceOf(row *ent.Membership) time.Time {
	if row.GraceUntil == nil {
		return time.Time{}
	}
	return *row.GraceUntil
}

func readApplication(ctx context.Context, tx *database.Tx, id uuid.UUID) (*principalRecord, error) {
	row, err := tx.Application.Query().Where(application.ID(id)).WithPolicies().WithGroupMembers().Only(ctx)
	if err != nil {
		return nil, err
	}
	place := placeRecord{organization: row.OrganizationID, groups: groupIDs(row.Edges.GroupMembers), policies: policiesOf(row.Edges.Policies)}
	return &principalRecord{id: id, kind: access.Application, name: row.Name, places: []placeRecord{place}}, nil
}

func groupIDs(members []*ent.GroupMember) []uuid.UUID {
	ids := make([]uuid.UUID, len(members))
	for i, m := range members {
		ids[i] = m.GroupID
	}
	return ids
}
