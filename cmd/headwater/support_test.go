package main

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// letters returns to whom which mails wait to go out, the first one first.
func (w *world) letters(t *testing.T) []string {
	t.Helper()
	rows := one(t, func() ([]*ent.Job, error) {
		return w.platform.db.Client().Job.Query().Where(job.Kind(records.MailJob)).Order(ent.Asc(job.FieldID)).All(w.system(t))
	})
	var list []string
	for _, row := range rows {
		var l records.Letter
		if err := json.Unmarshal([]byte(row.Payload), &l); err != nil {
			t.Fatal(err)
		}
		if l.User != uuid.Nil {
			list = append(list, l.Template+" to "+w.names[typeid.New(typeid.User, l.User).String()])
		}
	}
	return list
}

// TestWhoIsToldByMail impersonates a person and answers their ticket, also when
// they are gone.
func TestWhoIsToldByMail(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		before := len(w.letters(t))
		w.must(t, "ada", mutation("impersonate", "sessionId"), map[string]any{"i": map[string]any{"userId": w.ids["max"], "reason": "To help."}})
		ticket := dig(w.must(t, "max", mutation("openTicket", "ticket { id }"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "subject": "Help", "description": "Please.",
		}}), "openTicket.ticket.id")
		reply := func(actor string) {
			w.must(t, actor, mutation("replyTicket", "ticket { id }"), map[string]any{"i": map[string]any{"ticketId": ticket, "body": "So."}})
		}
		reply("ada")
		reply("max")
		w.must(t, "ada", mutation("resolveTicket", "ticket { id }"), map[string]any{"i": map[string]any{"ticketId": ticket}})
		w.arrange(t, "leave acme.max")
		reply("ada")
		want := []string{"impersonation to max", "ticket to max", "ticket to max", "ticket to olga"}
		if diff := cmp.Diff(want, w.letters(t)[before:]); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
	})
}

// TestPlansChangeOneAfterAnother lets many change the plan of an organization at
// once: whatever they are told, its periods have no gap and one is open.
func TestPlansChangeOneAfterAnother(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		var done sync.WaitGroup
		for _, plan := range []string{"ADVANCED", "BUSINESS", "ENTERPRISE", "BASIC", "BUSINESS", "ADVANCED", "BASIC", "ENTERPRISE"} {
			done.Add(1)
			go func() {
				defer done.Done()
				switch got := told(t, w.askWith(t, "olga", mutation("changeSupportPlan", "clientMutationId"), map[string]any{"i": map[string]any{
					"organizationId": w.ids["acme"], "plan": plan, "confirm": "I understand",
				}})); {
				case got == "y":
				case len(got) >= 8 && got[:8] == "CONFLICT":
				default:
					t.Errorf("%s: %s", plan, got)
				}
			}()
		}
		done.Wait()
		rows := one(t, func() ([]*ent.SupportPlanPeriod, error) {
			return db.Client().SupportPlanPeriod.Query().
				Where(supportplanperiod.OrganizationID(w.key(t, "acme"))).
				Order(ent.Asc(supportplanperiod.FieldStartsAt)).
				All(w.system(t))
		})
		if len(rows) < 2 {
			t.Errorf("%d periods", len(rows))
		}
		for i, row := range rows {
			isLast := i == len(rows)-1
			if isLast != (row.EndsAt == nil) || !isLast && !row.EndsAt.Equal(rows[i+1].StartsAt) {
				t.Errorf("period %d of %v", i, rows)
			}
		}
	})
}
