package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/ent/webhookdelivery"
	"github.com/headwater-platform/headwater/hook"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

const (
	// givenUpAfter is for how long all calls of a webhook may fail.
	givenUpAfter = 5 * 24 * time.Hour
	// keep is how long a delivery stays once it has ended.
	keep = 30 * 24 * time.Hour
	// lostAfter is when a delivery that is due has lost its job.
	lostAfter = time.Hour
	// maxPause is how long a webhook that fails is left alone at most.
	maxPause = time.Hour
)

// delays returns after how long a delivery that has failed is tried again, by how
// often it was tried: together a day and seven hours.
func delays() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	}
}

// pauseAfter returns for how long a webhook is not called after so many failures
// in a row: so that one that is not there keeps nobody waiting but itself.
func pauseAfter(failures int) time.Duration {
	pause := 5 * time.Second
	for range failures - 1 {
		if pause *= 4; pause > maxPause {
			return maxPause
		}
	}
	return pause
}

// Deliver does a job of the kind records.DeliverJob, as the platform: it sends a
// message if it is due. Done again it may send it again.
func (s *Service) Deliver(ctx context.Context, payload []byte) error {
	var job records.Delivery
	if err := json.Unmarshal(payload, &job); err != nil {
		return database.Hopeless(fmt.Errorf("read job: %w", err))
	}
	row, err := s.db.Client().WebhookDelivery.Query().Where(webhookdelivery.ID(job.ID)).WithWebhook().Only(ctx)
	if ent.IsNotFound(err) {
		return nil // The webhook was deleted.
	}
	if err != nil {
		return fmt.Errorf("load webhook delivery: %w", err)
	}
	now, to := s.db.Now(), row.Edges.Webhook
	switch {
	case row.NextAttemptAt == nil || now.Before(*row.NextAttemptAt):
		return nil // It has ended, or another job sends it later.
	case !to.Enabled:
		return s.settle(ctx, row, attempt{problem: Disabled})
	case to.RetryAt != nil && now.Before(*to.RetryAt):
		return s.postpone(ctx, row, *to.RetryAt)
	default:
		return s.settle(ctx, row, s.call(ctx, row, to))
	}
}

// attempt is how a delivery went.
type attempt struct {
	answer hook.Answer
	// problem is empty where it arrived.
	problem Problem
}

// isCall reports whether the receiver has to do with how it went.
func (a attempt) isCall() bool {
	return a.problem != Disabled && a.problem != UnreadableSecret
}

// call sends a message.
func (s *Service) call(ctx context.Context, row *ent.WebhookDelivery, to *ent.Webhook) attempt {
	at := s.db.Now()
	secrets, err := s.secretsOf(to, at)
	if err != nil {
		return attempt{problem: UnreadableSecret}
	}
	answer, err := s.sender.Send(ctx, to.URL, hook.Message{
		ID: typeid.New(typeid.WebhookDelivery, row.MessageID).String(), Body: row.Payload, At: at, Secrets: secrets,
	})
	switch {
	case err != nil:
		return attempt{problem: Unreachable}
	case answer.TimedOut:
		return attempt{answer, TimedOut}
	case answer.Status == 0:
		return attempt{answer, Unreachable}
	case !answer.Arrived():
		return attempt{answer, Refused}
	default:
		return attempt{answer: answer}
	}
}

// settle writes down how an attempt went, and has a delivery that failed tried
// again if it is worth it. It does nothing for one that somebody else has settled
// or deleted meanwhile.
func (s *Service) settle(ctx context.Context, row *ent.WebhookDelivery, a attempt) error {
	_, err := s.db.Write(ctx, database.Entry{Action: "deliverWebhook", Organization: row.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Webhook.Query().Where(webhook.ID(row.WebhookID))
		query.Modify(tx.Lock)
		to, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock webhook: %w", err)
		}
		mine, err := write(ctx, tx, row, a)
		if err != nil || !mine || !a.isCall() {
			return err
		}
		return note(ctx, tx, to, a)
	})
	return err
}

// write writes down how an attempt at a delivery went. It reports whether it was
// still to be settled.
func write(ctx context.Context, tx *database.Tx, row *ent.WebhookDelivery, a attempt) (mine bool, err error) {
	attempts := row.Attempts + 1
	update := tx.WebhookDelivery.Update().
		Where(webhookdelivery.ID(row.ID), webhookdelivery.Attempts(row.Attempts), webhookdelivery.StatusEQ(webhookdelivery.StatusPENDING)).
		SetAttempts(attempts)
	if a.answer.Status != 0 {
		update.SetResponseStatus(a.answer.Status)
	} else {
		update.ClearResponseStatus()
	}
	if a.problem != "" {
		update.SetProblem(webhookdelivery.Problem(a.problem))
	} else {
		update.ClearProblem()
	}
	again := time.Time{}
	switch {
	case a.problem == "":
		update.SetStatus(webhookdelivery.StatusDELIVERED).ClearNextAttemptAt().SetFinishedAt(tx.Now())
	case a.problem == Disabled || a.answer.Gone() || attempts > len(delays()):
		update.SetStatus(webhookdelivery.StatusFAILED).ClearNextAttemptAt().SetFinishedAt(tx.Now())
	default:
		again = tx.Now().Add(delays()[attempts-1])
		update.SetNextAttemptAt(again)
	}
	changed, err := update.Save(ctx)
	if err != nil {
		return false, fmt.Errorf("settle webhook delivery: %w", err)
	}
	if changed == 0 || again.IsZero() {
		return changed == 1, nil
	}
	return true, tx.Enqueue(ctx, records.DeliveryJob(row.OrganizationID, row.ID, again))
}

// note writes down what a call says of the webhook, which is locked.
func note(ctx context.Context, tx *database.Tx, to *ent.Webhook, a attempt) error {
	if a.problem == "" {
		if to.Failures == 0 {
			return nil
		}
		if err := trustAgain(to.Update()).Exec(ctx); err != nil {
			return fmt.Errorf("note that webhook is reached: %w", err)
		}
		return nil
	}
	since := tx.Now()
	if to.FailingSince != nil {
		since = *to.FailingSince
	}
	update := to.Update().SetFailures(to.Failures + 1).SetFailingSince(since).SetRetryAt(tx.Now().Add(pauseAfter(to.Failures + 1)))
	reason := webhook.DisabledReason("")
	if a.answer.Gone() {
		reason = webhook.DisabledReasonGONE
	} else if !tx.Now().Before(since.Add(givenUpAfter)) {
		reason = webhook.DisabledReasonFAILING
	}
	disabled := to.Enabled && reason != ""
	if disabled {
		update.SetEnabled(false).SetDisabledReason(reason).SetVersion(to.Version + 1)
	}
	after, err := update.Save(ctx)
	if err != nil {
		return fmt.Errorf("note that webhook is not reached: %w", err)
	}
	if disabled {
		tx.Record(database.Change{Kind: typeid.Webhook, ID: to.ID, Organization: to.OrganizationID, Before: to, After: after})
	}
	return nil
}

// postpone has a delivery tried when its webhook is called again. That is no
// attempt.
func (s *Service) postpone(ctx context.Context, row *ent.WebhookDelivery, until time.Time) error {
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		changed, err := tx.WebhookDelivery.Update().
			Where(webhookdelivery.ID(row.ID), webhookdelivery.Attempts(row.Attempts), webhookdelivery.StatusEQ(webhookdelivery.StatusPENDING)).
			SetNextAttemptAt(until).Save(ctx)
		if err != nil {
			return fmt.Errorf("postpone webhook delivery: %w", err)
		}
		if changed == 0 {
			return nil
		}
		return tx.Enqueue(ctx, records.DeliveryJob(row.OrganizationID, row.ID, until))
	})
	return err
}

// Sweep deletes deliveries that ended long ago, and sends what has lost its job. It
// acts as the system.
func (s *Service) Sweep(ctx context.Context) error {
	_, err := s.db.Write(ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.WebhookDelivery.Delete().
			Where(webhookdelivery.StatusNEQ(webhookdelivery.StatusPENDING), webhookdelivery.CreatedAtLT(tx.Now().Add(-keep))).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("delete old webhook deliveries: %w", err)
		}
		lost, err := tx.WebhookDelivery.Query().
			Where(webhookdelivery.StatusEQ(webhookdelivery.StatusPENDING), webhookdelivery.NextAttemptAtLT(tx.Now().Add(-lostAfter))).All(ctx)
		if err != nil {
			return fmt.Errorf("look for lost webhook deliveries: %w", err)
		}
		jobs := make([]database.Job, len(lost))
		for i, row := range lost {
			jobs[i] = records.DeliveryJob(row.OrganizationID, row.ID, *row.NextAttemptAt)
		}
		return tx.EnqueueAll(ctx, jobs)
	})
	return err
}
