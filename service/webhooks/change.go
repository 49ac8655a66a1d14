package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/outbound"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

const (
	// maxName bounds a name, in characters.
	maxName = 64
	// maxWebhooks is how many an organization has.
	maxWebhooks = 20
	// formerSigns is for how long a secret that was replaced signs, too.
	formerSigns = 24 * time.Hour
)

// NewWebhook is what createWebhook is asked for.
type NewWebhook struct {
	Organization   uuid.UUID
	Name           string
	URL            string
	Events         []string
	IncludeManaged bool
}

// look is what of a webhook somebody chooses.
type look struct {
	name, url      string
	events         []string
	includeManaged bool
}

// check returns INVALID for what no webhook can be.
func (l look) check(policy outbound.Policy) error {
	if l.name == "" || !fault.IsLine(l.name, maxName) {
		return fault.Invalidf("name", "a name is one line of 1 to %d printable characters", maxName)
	}
	if err := policy.CheckURL(l.url); err != nil {
		return fault.Invalidf("url", "%s", err)
	}
	return checkEvents(l.events)
}

// Create has an address called and returns the webhook with the secret that
// signs the calls, which nobody can read again. Needs webhooks:write in the
// viewer's own hands, and the right to read what the events tell. INVALID for what
// no webhook can be, CONFLICT for a name that is taken, LIMIT_EXCEEDED beyond 20.
func (s *Service) Create(ctx context.Context, n NewWebhook) (*Webhook, string, error) {
	org, err := s.records.Check(ctx, access.WebhooksWrite, n.Organization)
	if err != nil {
		return nil, "", err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, "", err
	}
	if err := (look{n.Name, n.URL, n.Events, n.IncludeManaged}).check(s.policy); err != nil {
		return nil, "", err
	}
	if err := checkMayHear(ctx, org, n.Events, n.IncludeManaged); err != nil {
		return nil, "", err
	}
	id := s.db.NewID()
	secret, sealed, err := s.newSecret(id)
	if err != nil {
		return nil, "", err
	}
	var row *ent.Webhook
	_, err = s.db.Write(ctx, database.Entry{Action: "createWebhook", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := checkRoom(ctx, tx, org.ID); err != nil {
			return err
		}
		row, err = tx.Webhook.Create().SetID(id).SetOrganizationID(org.ID).SetName(n.Name).SetURL(n.URL).SetEvents(n.Events).
			SetIncludeManaged(n.IncludeManaged).SetSecret(sealed).SetCreatedAt(tx.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("create webhook: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Webhook, ID: id, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return s.wrap(ctx, org, row, batch.Of(id)), secret, nil
}

// checkRoom returns LIMIT_EXCEEDED if an organization has as many webhooks as it
// may.
func checkRoom(ctx context.Context, tx *database.Tx, organization uuid.UUID) error {
	if _, err := roster.LockOrganization(ctx, tx, organization); err != nil {
		return err
	}
	n, err := tx.Webhook.Query().Where(webhook.OrganizationID(organization)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count webhooks: %w", err)
	}
	if n >= maxWebhooks {
		return fault.New(fault.LimitExceeded, "an organization has at most %d webhooks", maxWebhooks)
	}
	return nil
}

// Update is what updateWebhook is asked for. What is nil stays.
type Update struct {
	Webhook         uuid.UUID
	Name            *string
	URL             *string
	Events          []string
	IncludeManaged  *bool
	Enabled         *bool
	ExpectedVersion *int
}

// of returns what a webhook looks like after the update.
func (u Update) of(row *ent.Webhook) look {
	after := look{row.Name, row.URL, row.Events, row.IncludeManaged}
	if u.Name != nil {
		after.name = *u.Name
	}
	if u.URL != nil {
		after.url = *u.URL
	}
	if u.Events != nil {
		after.events = u.Events
	}
	if u.IncludeManaged != nil {
		after.includeManaged = *u.IncludeManaged
	}
	return after
}

// Change changes a webhook. Needs what Create needs for the events that it has
// from then on: another address hears all of them. NOT_FOUND for one that the
// viewer does not see, INVALID for what no webhook can be, CONFLICT for another
// version than expected.
func (s *Service) Change(ctx context.Context, u Update) (*Webhook, error) {
	_, org, err := s.find(ctx, u.Webhook)
	if err != nil {
		return nil, err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, err
	}
	var after *ent.Webhook
	_, err = s.db.Write(ctx, database.Entry{Action: "updateWebhook", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lock(ctx, tx, u.Webhook)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(before.Version, u.ExpectedVersion); err != nil {
			return err
		}
		wanted := u.of(before)
		if err := wanted.check(s.policy); err != nil {
			return err
		}
		if err := checkMayHear(ctx, org, wanted.events, wanted.includeManaged); err != nil {
			return err
		}
		update := before.Update().SetName(wanted.name).SetURL(wanted.url).SetEvents(wanted.events).SetIncludeManaged(wanted.includeManaged).
			SetVersion(before.Version + 1)
		if u.Enabled != nil {
			trustAgain(update.SetEnabled(*u.Enabled))
		}
		if after, err = update.Save(ctx); err != nil {
			return fmt.Errorf("update webhook: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Webhook, ID: after.ID, Organization: org.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.wrap(ctx, org, after, batch.Of(after.ID)), nil
}

// trustAgain forgets that calls have failed.
func trustAgain(update *ent.WebhookUpdateOne) *ent.WebhookUpdateOne {
	return update.ClearDisabledReason().SetFailures(0).ClearFailingSince().ClearRetryAt()
}

// Rotate gives a webhook another secret and returns it; the former one signs, too,
// for 24 hours. Needs what Create needs: the secret proves to the receiver what
// the platform says.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID) (*Webhook, string, error) {
	_, org, err := s.find(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, "", err
	}
	secret, sealed, err := s.newSecret(id)
	if err != nil {
		return nil, "", err
	}
	var after *ent.Webhook
	_, err = s.db.Write(ctx, database.Entry{Action: "rotateWebhookSecret", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkMayHear(ctx, org, before.Events, before.IncludeManaged); err != nil {
			return err
		}
		after, err = before.Update().SetSecret(sealed).SetFormerSecret(before.Secret).SetFormerSecretUntil(tx.Now().Add(formerSigns)).
			SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("rotate secret of webhook: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Webhook, ID: id, Organization: org.ID, Before: before, After: after})
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return s.wrap(ctx, org, after, batch.Of(id)), secret, nil
}

// Delete ends a webhook with its deliveries. Needs webhooks:write; NOT_FOUND for
// one that the viewer does not see.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	_, org, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteWebhook", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		before, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.Webhook.DeleteOne(before).Exec(ctx); err != nil {
			return fmt.Errorf("delete webhook: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Webhook, ID: id, Organization: org.ID, Before: before})
		return nil
	})
	return err
}

// Test sends a webhook the event webhook.test, at once even if calls have failed.
// Needs webhooks:write; NOT_FOUND for one that the viewer does not see, CONFLICT
// for one that is disabled.
func (s *Service) Test(ctx context.Context, id uuid.UUID) (*Delivery, error) {
	_, org, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, "testWebhook", org, id, func(to *ent.Webhook, at time.Time) (records.Message, error) {
		return records.NewMessage(to, records.Announcement{Event: records.WebhookTest, Data: testData{typeid.New(typeid.Webhook, to.ID), to.Name}}, at)
	})
}

// testData is what webhook.test tells.
type testData struct {
	WebhookID typeid.ID `json:"webhookId"`
	Name      string    `json:"name"`
}

// Replay sends the message of a delivery once more, in a delivery of its own.
// Needs webhooks:write; NOT_FOUND for one that the viewer does not see, CONFLICT
// for one that is on its way and for a webhook that is disabled.
func (s *Service) Replay(ctx context.Context, id uuid.UUID) (*Delivery, error) {
	before, org, err := s.findDelivery(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, "replayWebhookDelivery", org, before.WebhookID, func(to *ent.Webhook, _ time.Time) (records.Message, error) {
		if before.NextAttemptAt != nil {
			return records.Message{}, fault.New(fault.Conflict, "the delivery is on its way")
		}
		return records.Message{Webhook: to, Event: records.Event(before.Event), Body: before.Payload, Of: before.MessageID}, nil
	})
}

// send dispatches one message to a webhook that the viewer may change.
func (s *Service) send(ctx context.Context, action string, org records.Organization, id uuid.UUID, write func(*ent.Webhook, time.Time) (records.Message, error)) (*Delivery, error) {
	var sent []*ent.WebhookDelivery
	_, err := s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		to, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if !to.Enabled {
			return fault.New(fault.Conflict, "the webhook is disabled")
		}
		message, err := write(to, tx.Now())
		if err != nil {
			return err
		}
		if to.RetryAt != nil {
			if err := to.Update().ClearRetryAt().Exec(ctx); err != nil {
				return fmt.Errorf("let webhook be called at once: %w", err)
			}
		}
		if sent, err = records.Dispatch(ctx, tx, []records.Message{message}); err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.WebhookDelivery, ID: sent[0].ID, Organization: org.ID, After: sent[0]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapDelivery(sent[0], batch.Of(id)), nil
}
