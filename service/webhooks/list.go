package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/ent/webhookdelivery"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Connection is a page of webhooks.
type Connection struct {
	Edges    []Edge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many webhooks there are on all pages.
func (c *Connection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Edge is a webhook in a page.
type Edge struct {
	Cursor string
	Node   *Webhook
}

// Of returns a page of an organization's webhooks, the oldest first: none for
// viewers who may not change them. INVALID for arguments out of bounds.
func (s *Service) Of(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID, args page.Args) (*Connection, error) {
	type key struct{ webhooks page.Window }
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	return batch.Load(ctx, siblings, key{window}, organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Connection, error) {
		return s.pages(ctx, ids, window)
	})
}

func (s *Service) pages(ctx context.Context, ids []uuid.UUID, window page.Window) (map[uuid.UUID]*Connection, error) {
	organizations, seen, err := s.records.Seen(ctx, ids, sees)
	if err != nil {
		return nil, err
	}
	var order database.Order
	modify, err := order.Page(window, webhook.FieldOrganizationID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().Webhook.Query().Where(webhook.OrganizationIDIn(seen...))
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	all := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		all[i] = row.ID
	}
	siblings := batch.Of(all...)
	webhooks := make([]*Webhook, len(rows))
	for i, row := range rows {
		webhooks[i] = s.wrap(ctx, organizations[row.OrganizationID], row, siblings)
	}
	parts := batch.Parts(ids, window, webhooks,
		func(w *Webhook) uuid.UUID { return w.home },
		func(w *Webhook) string { return order.Cursor("", w.ID.UUID.String()) },
		func(cursor string, w *Webhook) Edge { return Edge{Cursor: cursor, Node: w} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) { return s.count(ctx, ids, seen) })
	pages := make(map[uuid.UUID]*Connection, len(parts))
	for id, part := range parts {
		pages[id] = &Connection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) count(ctx context.Context, ids, seen []uuid.UUID) (map[uuid.UUID]int, error) {
	var rows []struct {
		OrganizationID uuid.UUID `json:"organization_id"`
		Count          int       `json:"count"`
	}
	err := s.db.Client().Webhook.Query().Where(webhook.OrganizationIDIn(seen...)).
		GroupBy(webhook.FieldOrganizationID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count webhooks: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.OrganizationID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}

// Status is what became of a delivery.
type Status string

// The statuses.
const (
	Pending   Status = "PENDING"
	Delivered Status = "DELIVERED"
	Failed    Status = "FAILED"
)

// Problem is why a delivery failed.
type Problem string

// The problems.
const (
	Unreachable      Problem = "UNREACHABLE"
	TimedOut         Problem = "TIMED_OUT"
	Refused          Problem = "REFUSED"
	Disabled         Problem = "DISABLED"
	UnreadableSecret Problem = "UNREADABLE_SECRET" //nolint:gosec // the name of a problem
)

// Delivery is one message to one webhook.
type Delivery struct {
	ID typeid.ID
	// MessageID is the first delivery that carried the message.
	MessageID typeid.ID
	Event     string
	// Attempt is how often it was tried.
	Attempt int
	Status  Status
	// ResponseStatus is that of the last answer, nil without one.
	ResponseStatus *int
	// Problem is why the last attempt failed, or nil.
	Problem *Problem
	// NextAttemptAt is nil once it has ended, FinishedAt before.
	NextAttemptAt, FinishedAt *time.Time
	CreatedAt                 time.Time

	webhook  uuid.UUID
	webhooks *batch.Siblings
}

// Identity returns the id.
func (d *Delivery) Identity() typeid.ID { return d.ID }

func wrapDelivery(row *ent.WebhookDelivery, webhooks *batch.Siblings) *Delivery {
	told := &Delivery{
		ID: typeid.New(typeid.WebhookDelivery, row.ID), MessageID: typeid.New(typeid.WebhookDelivery, row.MessageID), Event: row.Event,
		Attempt: row.Attempts, Status: Status(row.Status), ResponseStatus: row.ResponseStatus,
		NextAttemptAt: database.InUTC(row.NextAttemptAt), FinishedAt: database.InUTC(row.FinishedAt), CreatedAt: row.CreatedAt.UTC(),
		webhook: row.WebhookID, webhooks: webhooks,
	}
	if row.Problem != nil {
		problem := Problem(*row.Problem)
		told.Problem = &problem
	}
	return told
}

// Delivery returns a delivery of a webhook that the viewer may change, or
// NOT_FOUND.
func (s *Service) Delivery(ctx context.Context, id uuid.UUID) (*Delivery, error) {
	row, _, err := s.findDelivery(ctx, id)
	if err != nil {
		return nil, err
	}
	return wrapDelivery(row, batch.Of(row.WebhookID)), nil
}

func (s *Service) findDelivery(ctx context.Context, id uuid.UUID) (*ent.WebhookDelivery, records.Organization, error) {
	row, err := s.db.Client().WebhookDelivery.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, fault.Missing("webhook delivery")
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get webhook delivery: %w", err)
	}
	org, err := s.records.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	if !sees(ctx, org) {
		return nil, records.Organization{}, fault.Missing("webhook delivery")
	}
	return row, org, nil
}

// WebhookOf returns the webhook of a delivery that the viewer sees.
func (s *Service) WebhookOf(ctx context.Context, d *Delivery) (*Webhook, error) {
	return batch.Load(ctx, d.webhooks, "webhook", d.webhook, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Webhook, error) {
		rows, err := s.db.Client().Webhook.Query().Where(webhook.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("load webhooks: %w", err)
		}
		homes := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			homes[i] = row.OrganizationID
		}
		organizations, err := s.records.Organizations(ctx, homes)
		if err != nil {
			return nil, err
		}
		found := make(map[uuid.UUID]*Webhook, len(rows))
		for _, row := range rows {
			found[row.ID] = s.wrap(ctx, organizations[row.OrganizationID], row, d.webhooks)
		}
		return found, nil
	})
}

// DeliveryConnection is a page of deliveries.
type DeliveryConnection struct {
	Edges    []DeliveryEdge
	PageInfo page.Info

	count func(ctx context.Context) (int, error)
}

// TotalCount returns how many deliveries there are on all pages.
func (c *DeliveryConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// DeliveryEdge is a delivery in a page.
type DeliveryEdge struct {
	Cursor string
	Node   *Delivery
}

// Deliveries returns a page of the deliveries of a webhook that the viewer sees,
// the latest first, of one status or, if that is nil, of all. INVALID for
// arguments out of bounds.
func (s *Service) Deliveries(ctx context.Context, w *Webhook, status *Status, args page.Args) (*DeliveryConnection, error) {
	type key struct {
		status Status
		window page.Window
	}
	window, err := args.Window()
	if err != nil {
		return nil, err
	}
	k := key{window: window}
	var which []predicate.WebhookDelivery
	if status != nil {
		k.status = *status
		which = append(which, webhookdelivery.StatusEQ(webhookdelivery.Status(*status)))
	}
	return batch.Load(ctx, w.siblings, k, w.ID.UUID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*DeliveryConnection, error) {
		return s.deliveryPages(ctx, ids, which, window)
	})
}

func (s *Service) deliveryPages(ctx context.Context, ids []uuid.UUID, which []predicate.WebhookDelivery, window page.Window) (map[uuid.UUID]*DeliveryConnection, error) {
	order := database.Order{Descending: true}
	modify, err := order.Page(window, webhookdelivery.FieldWebhookID)
	if err != nil {
		return nil, err
	}
	query := s.db.Client().WebhookDelivery.Query().Where(webhookdelivery.WebhookIDIn(ids...)).Where(which...)
	query.Modify(modify)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list webhook deliveries: %w", err)
	}
	siblings := batch.Of(ids...)
	deliveries := make([]*Delivery, len(rows))
	for i, row := range rows {
		deliveries[i] = wrapDelivery(row, siblings)
	}
	parts := batch.Parts(ids, window, deliveries,
		func(d *Delivery) uuid.UUID { return d.webhook },
		func(d *Delivery) string { return order.Cursor("", d.ID.UUID.String()) },
		func(cursor string, d *Delivery) DeliveryEdge { return DeliveryEdge{Cursor: cursor, Node: d} },
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
			return s.countDeliveries(ctx, ids, which)
		})
	pages := make(map[uuid.UUID]*DeliveryConnection, len(parts))
	for id, part := range parts {
		pages[id] = &DeliveryConnection{Edges: part.Edges, PageInfo: part.Info, count: part.Count}
	}
	return pages, nil
}

func (s *Service) countDeliveries(ctx context.Context, ids []uuid.UUID, which []predicate.WebhookDelivery) (map[uuid.UUID]int, error) {
	var rows []struct {
		WebhookID uuid.UUID `json:"webhook_id"`
		Count     int       `json:"count"`
	}
	err := s.db.Client().WebhookDelivery.Query().Where(webhookdelivery.WebhookIDIn(ids...)).Where(which...).
		GroupBy(webhookdelivery.FieldWebhookID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count webhook deliveries: %w", err)
	}
	counted := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		counted[row.WebhookID] = row.Count
	}
	return batch.Counts(ids, counted), nil
}
