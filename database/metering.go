package database

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
)

// MeteredOwner is whose usage events are.
type MeteredOwner struct {
	Owner uuid.UUID
	Group uuid.NullUUID
}

// MeteredOwners returns whose the usage of a dataset is that was metered: none for
// one that a file states.
func (tx *Tx) MeteredOwners(ctx context.Context, dataset int64) ([]MeteredOwner, error) {
	s := tx.db.statement()
	s.write("SELECT DISTINCT owner_id, group_id FROM usage_events WHERE dataset_id = ", s.arg(dataset))
	var owners []MeteredOwner
	err := tx.each(ctx, s, func(rows *sql.Rows) error {
		var o MeteredOwner
		err := rows.Scan(&o.Owner, &o.Group)
		owners = append(owners, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find owners of metered usage: %w", err)
	}
	return owners, nil
}
