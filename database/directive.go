package database

import (
	"context"
	"fmt"
	"time"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// CloseDirective ends a live setting directive, journals that and returns when:
// at the given time, or just after the directive's start if that is later.
func (tx *Tx) CloseDirective(ctx context.Context, live *ent.SettingDirective, at time.Time) (time.Time, error) {
	if !at.After(live.ValidFrom) {
		at = live.ValidFrom.UTC().Add(time.Microsecond)
	}
	closed, err := live.Update().SetValidTo(at).Save(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("close directive: %w", err)
	}
	tx.Record(Change{Kind: typeid.Directive, ID: live.ID, Organization: live.OrganizationID, Before: live, After: closed})
	return at, nil
}

// concealed returns a directive as the journal keeps it: without the secrets
// that its operation may hold.
func concealed(row *ent.SettingDirective) *ent.SettingDirective {
	definition, ok := catalogue.Lookup(row.Key)
	if row.Operation == nil || (ok && !definition.Sensitive) {
		return row
	}
	shown := *row
	operation := `"concealed"`
	if ok {
		if decoded, err := definition.DecodeOperation([]byte(*row.Operation)); err == nil {
			operation = string(decoded.Requested())
		}
	}
	shown.Operation = &operation
	return &shown
}
