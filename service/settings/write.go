package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
)

// writing is one edit of one directive on its way to the store.
type writing struct {
	target     Target
	edit       edit
	definition *waterfall.Definition
	scope      Scope
	place      place
	author     uuid.UUID
}

func (s *Service) write(ctx context.Context, tx *database.Tx, w writing) error {
	if _, err := roster.LockOrganization(ctx, tx, w.place.organization.ID); err != nil {
		return err
	}
	live, err := liveRow(ctx, tx, w)
	if err != nil {
		return err
	}
	before, version, err := w.before(live)
	if err != nil {
		return err
	}
	if err := database.CheckVersion(version, w.target.ExpectedVersion); err != nil {
		return err
	}
	after, err := w.edit.apply(w.definition, before)
	if err != nil {
		return err
	}
	if w.edit.change != "" {
		if err := s.checkWaterfall(ctx, tx, w, after); err != nil {
			return err
		}
	}
	return s.store(ctx, tx, w, live, after)
}

// liveRow returns the directive's live row, or nil if there never was one.
func liveRow(ctx context.Context, tx *database.Tx, w writing) (*ent.SettingDirective, error) {
	rows, err := tx.SettingDirective.Query().
		Where(
			settingdirective.ScopeID(w.scope.ID),
			settingdirective.Key(w.target.Key),
			settingdirective.AuthorOrganizationID(w.author),
			settingdirective.ValidToIsNil(),
		).
		Limit(1).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load directive: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil //nolint:nilnil // no row is an answer here
	}
	return rows[0], nil
}

// before returns the directive as it stands and its version.
func (w writing) before(live *ent.SettingDirective) (waterfall.Directive, int, error) {
	if live == nil {
		side := waterfall.SideOwn
		if w.author != w.place.organization.ID {
			side = waterfall.SideManager
		}
		return waterfall.Directive{Node: waterfall.Node{ID: orgtree.ID(w.scope.ID)}, Author: orgtree.ID(w.author), Side: side}, 0, nil
	}
	directive, err := records.Directive(w.definition, live)
	return directive, live.Version, err
}

// checkWaterfall refuses what an earlier lock or guard does not permit. It is a
// courtesy to the writer: the fold decides whatever is stored.
func (s *Service) checkWaterfall(ctx context.Context, tx *database.Tx, w writing, after waterfall.Directive) error {
	nodes := w.place.nodes()
	directives, err := s.records.In(tx).Directives(ctx, records.Scopes(nodes), []string{w.target.Key}, nil)
	if err != nil {
		return err
	}
	after.Node = nodes[len(nodes)-1]
	steps, ok := waterfall.Before(nodes, directives[w.target.Key], after)
	if !ok {
		return fault.Missing("manager")
	}
	err = waterfall.CheckWrite(w.definition, steps, after, w.edit.change)
	var refusal *waterfall.Refusal
	if errors.As(err, &refusal) {
		return w.refuse(ctx, refusal)
	}
	return err
}

// refuse tells a refusal in the words that the viewer may hear.
func (w writing) refuse(ctx context.Context, r *waterfall.Refusal) error {
	n := newNarrator(ctx, w.place)
	if r.Code == fault.Invalid {
		return fault.Invalidf(r.Field, "%s", r.Message(n.name))
	}
	by := n.source(r.By)
	decided := map[string]any{"level": by.Level}
	if by.Organization != nil {
		organization := map[string]any{"name": by.Organization.Name}
		if by.Organization.ID != nil {
			organization["id"] = by.Organization.ID.String()
		}
		decided["organization"] = organization
	}
	if by.Group != nil {
		decided["group"] = map[string]any{"id": by.Group.ID.String(), "name": by.Group.Name}
	}
	key := "decidedBy"
	if r.Code == fault.SettingLocked {
		key = "lockedBy"
	}
	return fault.New(r.Code, "%s", r.Message(n.name)).With(key, decided)
}

// store closes the live row and writes the next version, unless they say the
// same.
func (s *Service) store(ctx context.Context, tx *database.Tx, w writing, live *ent.SettingDirective, after waterfall.Directive) error {
	operation, guard, err := encode(after)
	if err != nil {
		return err
	}
	if same(live, operation, guard, after.Locked) {
		return nil
	}
	next := tx.SettingDirective.Create().
		SetID(s.db.NewID()).SetOrganizationID(w.place.organization.ID).
		SetScopeKind(settingdirective.ScopeKind(w.scope.Kind)).SetScopeID(w.scope.ID).SetKey(w.target.Key).
		SetAuthorOrganizationID(w.author).
		SetNillableOperation(operation).SetNillableGuard(guard).SetLocked(after.Locked).
		SetVersion(1).SetValidFrom(s.db.Now()).SetReason(w.target.Reason)
	if viewer := access.ViewerFrom(ctx); !viewer.ID.IsZero() {
		next.SetActorID(uuid.UUID(viewer.ID))
	}
	if live != nil {
		end, err := tx.CloseDirective(ctx, live, s.db.Now())
		if err != nil {
			return err
		}
		next.SetVersion(live.Version + 1).SetValidFrom(end)
	}
	row, err := next.Save(ctx)
	if err != nil {
		return fmt.Errorf("write directive: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Directive, ID: row.ID, Organization: row.OrganizationID, After: row})
	return nil
}

func encode(d waterfall.Directive) (operation, guard *string, err error) {
	if d.Operation != nil {
		encoded, err := d.Operation.Encode()
		if err != nil {
			return nil, nil, fmt.Errorf("encode operation: %w", err)
		}
		text := string(encoded)
		operation = &text
	}
	if d.Guard != nil {
		encoded, err := d.Guard.Encode()
		if err != nil {
			return nil, nil, fmt.Errorf("encode guard: %w", err)
		}
		text := string(encoded)
		guard = &text
	}
	return operation, guard, nil
}

// same reports whether the live row already says this. No row says nothing.
func same(live *ent.SettingDirective, operation, guard *string, locked bool) bool {
	if live == nil {
		return operation == nil && guard == nil && !locked
	}
	return sameDocument(live.Operation, operation) && sameDocument(live.Guard, guard) && live.Locked == locked
}

// sameDocument compares JSON, because PostgreSQL hands it back in a form of its
// own.
func sameDocument(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(canonical(*a), canonical(*b))
}

func canonical(document string) []byte {
	var value any
	decoder := json.NewDecoder(bytes.NewReader([]byte(document)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return []byte(document)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return []byte(document)
	}
	return slices.Clone(encoded)
}
