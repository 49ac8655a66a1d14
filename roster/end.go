package roster

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// EndOrganization turns an organization whose row is locked into its tombstone: its id, name
// and slug stay, so that the address of its login page leads nobody to somebody
// else, and with them the journal, usage, prices, bills and tickets. Everything
// that works ends: resources are released, keys, policies, groups, applications
// and providers go, settings are closed, invitations and requests cancelled,
// sign-ins bound to it ended, and its people leave. Accounts that have their home
// there and no place elsewhere end with it; others have no home from then on.
//
// The state allows it, and nothing is managed by it any more. Each statement
// concerns a bounded number of rows.
func EndOrganization(ctx context.Context, tx *database.Tx, row *ent.Organization) (*ent.Organization, error) {
	ctx = system(ctx)
	e := ending{tx: tx, organization: row.ID, now: tx.Now()}
	for _, step := range []func(context.Context) error{
		e.invitations, e.requests, e.resources, e.sshKeys, e.apiKeys, e.cloudAccounts, e.allocations, e.thresholds, e.budgetAlerts, e.budgets, e.billingContacts, e.paymentMethods, e.webhooks, e.policies, e.groupProjects, e.groupMembers, e.groups,
		e.directives, e.subjects, e.issuers, e.identities, e.flows, e.providers, e.applications, e.sessions, e.memberships,
		e.accounts, e.projects, e.tickets, e.plans,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	after, err := row.Update().
		SetStatus(orgtree.Deleted).SetDeletedAt(e.now).SetVersion(row.Version + 1).
		ClearPurgeAt().ClearPaymentMethodReference().
		ClearLockedBy().ClearLockedByOrganizationID().ClearLockReason().ClearLockedAt().
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("end organization: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Organization, ID: row.ID, Organization: row.ID, Before: row, After: after})
	return after, nil
}

// ending is an organization that comes to its end.
type ending struct {
	tx           *database.Tx
	organization uuid.UUID
	now          time.Time
}

// most is how many rows a statement of an ending concerns.
const most = 500

// erase deletes rows as many at a time as load returns, until there are none.
func erase[R any](e ending, kind typeid.Kind, id func(R) uuid.UUID, load func() ([]R, error), remove func(ids []uuid.UUID) error) error {
	for {
		rows, err := load()
		if err != nil {
			return fmt.Errorf("end organization: load %s: %w", kind, err)
		}
		if len(rows) == 0 {
			return nil
		}
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = id(row)
			e.tx.Record(database.Change{Kind: kind, ID: ids[i], Organization: e.organization, Before: row})
		}
		if err := remove(ids); err != nil {
			return fmt.Errorf("end organization: delete %s: %w", kind, err)
		}
	}
}

// change updates rows as many at a time as load returns, until there are none:
// a row that was updated is not loaded again. find returns rows of these ids.
func change[R any](e ending, kind typeid.Kind, id func(R) uuid.UUID, load func() ([]R, error), update func(ids []uuid.UUID) error, find func(ids []uuid.UUID) ([]R, error)) error {
	for {
		rows, err := load()
		if err != nil {
			return fmt.Errorf("end organization: load %s: %w", kind, err)
		}
		if len(rows) == 0 {
			return nil
		}
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = id(row)
		}
		if err := update(ids); err != nil {
			return fmt.Errorf("end organization: change %s: %w", kind, err)
		}
		changed, err := find(ids)
		if err != nil {
			return fmt.Errorf("end organization: load %s: %w", kind, err)
		}
		after := make(map[uuid.UUID]R, len(changed))
		for _, row := range changed {
			after[id(row)] = row
		}
		for i, row := range rows {
			e.tx.Record(database.Change{Kind: kind, ID: ids[i], Organization: e.organization, Before: row, After: after[ids[i]]})
		}
	}
}
