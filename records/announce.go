package records

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/ent/webhookdelivery"
	"github.com/headwater-platform/headwater/money"
)

// DeliverJob is the kind of the jobs that call webhooks.
const DeliverJob = "webhook-delivery"

// Delivery is what a job that calls a webhook is told.
type Delivery struct {
	ID uuid.UUID `json:"id"`
}

// DeliveryJob returns the job that sends a delivery at an instant. It waits once,
// however often it is asked for.
func DeliveryJob(organization, delivery uuid.UUID, at time.Time) database.Job {
	return database.Job{
		Kind: DeliverJob, Payload: Delivery{ID: delivery}, Organization: organization, At: at,
		Key: delivery.String() + " " + strconv.FormatInt(at.UnixMicro(), 10),
	}
}

// Event is the name of something that webhooks can be told about.
type Event string

// The events.
const (
	ThresholdReached   Event = "spending.threshold_reached"
	BudgetAlertReached Event = "spending.budget_alert_reached"
	StatementIssued    Event = "statement.issued"
	StatementPaid      Event = "statement.paid"
	StatementVoided    Event = "statement.voided"
	StatementCredited  Event = "statement.credited"
	WebhookTest        Event = "webhook.test"
)

// Announcement is something that has happened, to be told to webhooks. Whoever
// makes it says who may know: that does not follow from the change in the journal.
type Announcement struct {
	Event Event
	// Organization is whose webhooks are told.
	Organization uuid.UUID
	// ToManager has its manager told, too, by webhooks that include what it manages.
	ToManager bool
	// Data is what is told: nothing that those who are told may not read. It is
	// sent as JSON.
	Data any
}

// MessageAmount is an amount of money as a message tells it.
type MessageAmount struct {
	Amount   money.Decimal `json:"amount"`
	Currency string        `json:"currency"`
}

// Announce tells webhooks what has happened once the transaction has committed,
// whoever acts.
func Announce(ctx context.Context, tx *database.Tx, announcements []Announcement) error {
	if len(announcements) == 0 {
		return nil
	}
	ctx = database.Unguarded(ctx)
	managers, err := managersOf(ctx, tx, announcements)
	if err != nil {
		return err
	}
	hooks, err := listening(ctx, tx, announcements, managers)
	if err != nil || len(hooks) == 0 {
		return err
	}
	var messages []Message
	for _, a := range announcements {
		body, err := bodyOf(a, tx.Now())
		if err != nil {
			return err
		}
		for _, hook := range a.heardBy(hooks, managers) {
			messages = append(messages, Message{Webhook: hook, Event: a.Event, Body: body})
		}
	}
	_, err = Dispatch(ctx, tx, messages)
	return err
}

// heardBy returns the webhooks that are told.
func (a Announcement) heardBy(hooks map[uuid.UUID][]*ent.Webhook, managers map[uuid.UUID]uuid.UUID) []*ent.Webhook {
	var heard []*ent.Webhook
	for _, hook := range hooks[a.Organization] {
		if slices.Contains(hook.Events, string(a.Event)) {
			heard = append(heard, hook)
		}
	}
	if !a.ToManager {
		return heard
	}
	for _, hook := range hooks[managers[a.Organization]] {
		if hook.IncludeManaged && slices.Contains(hook.Events, string(a.Event)) {
			heard = append(heard, hook)
		}
	}
	return heard
}

// managersOf returns the managers of organizations whose managers are told.
func managersOf(ctx context.Context, tx *database.Tx, announcements []Announcement) (map[uuid.UUID]uuid.UUID, error) {
	var managed []uuid.UUID
	for _, a := range announcements {
		if a.ToManager {
			managed = append(managed, a.Organization)
		}
	}
	managers := map[uuid.UUID]uuid.UUID{}
	if len(managed) == 0 {
		return managers, nil
	}
	rows, err := tx.Organization.Query().Where(organization.IDIn(managed...), organization.ParentIDNotNil()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load organizations: %w", err)
	}
	for _, row := range rows {
		managers[row.ID] = *row.ParentID
	}
	return managers, nil
}

// listening returns the webhooks of everybody who may be told, in a statement, by
// organization.
func listening(ctx context.Context, tx *database.Tx, announcements []Announcement, managers map[uuid.UUID]uuid.UUID) (map[uuid.UUID][]*ent.Webhook, error) {
	ids := slices.Collect(maps.Values(managers))
	for _, a := range announcements {
		ids = append(ids, a.Organization)
	}
	rows, err := tx.Webhook.Query().Where(webhook.OrganizationIDIn(ids...), webhook.Enabled(true)).Order(ent.Asc(webhook.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	hooks := map[uuid.UUID][]*ent.Webhook{}
	for _, row := range rows {
		hooks[row.OrganizationID] = append(hooks[row.OrganizationID], row)
	}
	return hooks, nil
}

// bodyOf returns what a webhook is sent, as Standard Webhooks has it.
func bodyOf(a Announcement, at time.Time) (string, error) {
	body, err := json.Marshal(struct {
		Type      Event     `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      any       `json:"data"`
	}{a.Event, at.UTC(), a.Data})
	if err != nil {
		return "", fmt.Errorf("write the message of %s: %w", a.Event, err)
	}
	return string(body), nil
}

// Message is what one webhook is sent.
type Message struct {
	Webhook *ent.Webhook
	Event   Event
	Body    string
	// Of is the delivery that was the first to carry it, nil for a new message.
	Of uuid.UUID
}

// NewMessage returns what an announcement tells one webhook, whether or not it
// listens.
func NewMessage(hook *ent.Webhook, a Announcement, at time.Time) (Message, error) {
	body, err := bodyOf(a, at)
	return Message{Webhook: hook, Event: a.Event, Body: body}, err
}

// messageBatch keeps an INSERT of deliveries below the drivers' limits on
// parameters.
const messageBatch = 500

// Dispatch writes messages down and has them sent once the transaction has
// committed. It returns their deliveries in the order of the messages.
func Dispatch(ctx context.Context, tx *database.Tx, messages []Message) ([]*ent.WebhookDelivery, error) {
	var deliveries []*ent.WebhookDelivery
	for some := range slices.Chunk(messages, messageBatch) {
		creates := make([]*ent.WebhookDeliveryCreate, len(some))
		jobs := make([]database.Job, len(some))
		for i, m := range some {
			id := tx.NewID()
			if m.Of == uuid.Nil {
				m.Of = id
			}
			creates[i] = tx.WebhookDelivery.Create().
				SetID(id).SetOrganizationID(m.Webhook.OrganizationID).SetWebhookID(m.Webhook.ID).SetMessageID(m.Of).
				SetEvent(string(m.Event)).SetPayload(m.Body).SetStatus(webhookdelivery.StatusPENDING).
				SetNextAttemptAt(tx.Now()).SetCreatedAt(tx.Now())
			jobs[i] = DeliveryJob(m.Webhook.OrganizationID, id, tx.Now())
		}
		rows, err := tx.WebhookDelivery.CreateBulk(creates...).Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("write webhook deliveries: %w", err)
		}
		if err := tx.EnqueueAll(ctx, jobs); err != nil {
			return nil, err
		}
		deliveries = append(deliveries, rows...)
	}
	return deliveries, nil
}
