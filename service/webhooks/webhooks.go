package webhooks

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/hook"
	"github.com/headwater-platform/headwater/outbound"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Service reads, changes and calls webhooks.
type Service struct {
	db      *database.DB
	records *records.Store
	keys    *token.Keys
	random  io.Reader
	policy  outbound.Policy
	sender  *hook.Sender
}

// Options are what the service needs beside the database.
type Options struct {
	// Keys seal the secrets.
	Keys   *token.Keys
	Random io.Reader
	// Policy says what may be called.
	Policy outbound.Policy
}

// New returns the service.
func New(db *database.DB, store *records.Store, o Options) *Service {
	return &Service{db: db, records: store, keys: o.Keys, random: o.Random, policy: o.Policy, sender: hook.NewSender(o.Policy)}
}

// Webhook is an address that is called when something happens to an
// organization.
type Webhook struct {
	ID             typeid.ID
	Organization   *records.Reference
	Name           string
	URL            string
	Events         []string
	IncludeManaged bool
	Enabled        bool
	// DisabledReason is why the platform has disabled it, or nil.
	DisabledReason *DisabledReason
	// FailingSince is nil while calls succeed.
	FailingSince *time.Time
	// FormerSecretUntil is until when the former secret signs, too, or nil.
	FormerSecretUntil *time.Time
	CreatedAt         time.Time
	Version           int

	home     uuid.UUID
	siblings *batch.Siblings
}

// Identity returns the id.
func (w *Webhook) Identity() typeid.ID { return w.ID }

// DisabledReason is why the platform has disabled a webhook.
type DisabledReason string

// The reasons.
const (
	Gone    DisabledReason = "GONE"
	Failing DisabledReason = "FAILING"
)

// sees reports whether the viewer sees the webhooks of an organization: whoever
// may change them does.
func sees(ctx context.Context, org records.Organization) bool {
	return access.Check(access.ViewerFrom(ctx), access.WebhooksWrite, org.Target()) == nil
}

// Get returns a webhook that the viewer may change, or NOT_FOUND.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (*Webhook, error) {
	row, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.wrap(ctx, org, row, batch.Of(id)), nil
}

// find returns a webhook that the viewer may change and its organization, or
// NOT_FOUND.
func (s *Service) find(ctx context.Context, id uuid.UUID) (*ent.Webhook, records.Organization, error) {
	row, err := s.db.Client().Webhook.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("webhook")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get webhook: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if !sees(ctx, org) {
		return nil, records.Organization{}, fault.Missing("webhook")
	}
	return row, org, nil
}

func (s *Service) wrap(ctx context.Context, org records.Organization, row *ent.Webhook, siblings *batch.Siblings) *Webhook {
	told := &Webhook{
		ID: typeid.New(typeid.Webhook, row.ID), Organization: org.Refer(ctx), Name: row.Name, URL: row.URL, Events: row.Events,
		IncludeManaged: row.IncludeManaged, Enabled: row.Enabled, FailingSince: database.InUTC(row.FailingSince), CreatedAt: row.CreatedAt.UTC(),
		Version: row.Version, home: org.ID, siblings: siblings,
	}
	if row.DisabledReason != nil {
		reason := DisabledReason(*row.DisabledReason)
		told.DisabledReason = &reason
	}
	if until := row.FormerSecretUntil; until != nil && s.db.Now().Before(*until) {
		told.FormerSecretUntil = database.InUTC(until)
	}
	return told
}

// lock returns a webhook as it is now, locked until the transaction ends.
func lock(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Webhook, error) {
	query := tx.Webhook.Query().Where(webhook.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("webhook")
	}
	if err != nil {
		return nil, fmt.Errorf("lock webhook: %w", err)
	}
	return row, nil
}
