package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/typeid"
)

// request asks for access and returns the id of the request.
func (w *world) request(t *testing.T, actor, slug, role string) string {
	t.Helper()
	input := map[string]any{"organizationId": w.ids[slug], "reason": "To help."}
	if role != "" {
		input["role"] = role
	}
	return dig(w.must(t, actor, mutation("requestAccess", "accessRequest { id }"), map[string]any{"i": input}), "requestAccess.accessRequest.id")
}

// answer takes a step with a request and says what came of it.
func (w *world) answer(t *testing.T, actor, step, id string) string {
	t.Helper()
	return told(t, w.askWith(t, actor, mutation(step+"AccessRequest", "accessRequest { status }"), map[string]any{"i": map[string]any{"accessRequestId": id}}))
}

func (w *world) isMember(t *testing.T, slug, person string) bool {
	t.Helper()
	return one(t, func() (bool, error) {
		return w.platform.db.Client().Membership.Query().
			Where(membership.OrganizationID(w.key(t, slug)), membership.UserID(w.key(t, person))).
			Exist(w.system(t))
	})
}

func (w *world) statusOf(t *testing.T, id string) string {
	t.Helper()
	key := one(t, func() (typeid.ID, error) { return typeid.Parse(id) })
	row, err := w.platform.db.Client().AccessRequest.Query().Where(accessrequest.ID(key.UUID)).Only(w.system(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(row.Status)
}

// TestOneAnswerToARequest lets everybody answer the same request at once.
func TestOneAnswerToARequest(t *testing.T) {
	t.Parallel()
	type answer struct{ actor, step string }
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		for round := range rounds() {
			slug, owner := fmt.Sprintf("customer-%d", round), fmt.Sprintf("owner%d", round)
			w.organization(t, slug, "STANDARD", "northwind", owner)
			id := w.request(t, "paula", slug, "EDITORS")
			answers := []answer{{owner, "accept"}, {"paula", "cancel"}, {owner, "accept"}, {owner, "decline"}, {"paula", "cancel"}, {owner, "accept"}}
			results := together(len(answers), func(i int) string { return w.answer(t, answers[i].actor, answers[i].step, id) })
			if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != len(answers)-1 {
				t.Fatalf("round %d: %v", round, results)
			}
			var taken string
			for i, result := range results {
				if result == "y" {
					taken = answers[i].step
				}
			}
			want := map[string]string{"accept": "ACCEPTED", "cancel": "CANCELLED", "decline": "DECLINED"}[taken]
			if status := w.statusOf(t, id); status != want {
				t.Errorf("round %d: to %s made it %s", round, taken, status)
			}
			if member := w.isMember(t, slug, "paula"); member != (taken == "accept") {
				t.Errorf("round %d: to %s made a member: %t", round, taken, member)
			}
		}
	})
}

// TestOneRequestIsOpen lets one person ask many times at once.
func TestOneRequestIsOpen(t *testing.T) {
	t.Parallel()
	const times = 6
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		results := together(times, func(int) string {
			return told(t, w.askWith(t, "paula", mutation("requestAccess", "accessRequest { id }"), map[string]any{"i": map[string]any{
				"organizationId": w.ids["acme"], "reason": "To help.",
			}}))
		})
		if counts := tallyOf(results); counts["y"] != 1 || counts["CONFLICT"] != times-1 {
			t.Fatal(results)
		}
	})
}

// TestAcceptedRequestsKeepTheQuota accepts more requests at once than there is
// room for.
func TestAcceptedRequestsKeepTheQuota(t *testing.T) {
	t.Parallel()
	const people, room = 6, 2
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "northwind", "admins", "org:admin")
		ids := make([]string, people)
		for i := range ids {
			name := fmt.Sprintf("helper%d", i)
			w.person(t, "northwind", name, "northwind.admins")
			ids[i] = w.request(t, name, "acme", "")
		}
		w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["acme"], "key": "quotas.users", "value": 2 + room}})
		results := together(people, func(i int) string { return w.answer(t, "olga", "accept", ids[i]) })
		if counts := tallyOf(results); counts["y"] != room || counts["LIMIT_EXCEEDED"] != people-room {
			t.Fatal(results)
		}
		for i, result := range results {
			if want := map[bool]string{true: "ACCEPTED", false: "PENDING"}[result == "y"]; w.statusOf(t, ids[i]) != want {
				t.Errorf("%s: the request is %s", result, w.statusOf(t, ids[i]))
			}
		}
	})
}

// TestRequestsExpire lets the time of a request pass: nobody has to write that
// down for it to be over.
func TestRequestsExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		id := w.request(t, "paula", "acme", "")
		key := one(t, func() (typeid.ID, error) { return typeid.Parse(id) })
		w.expire(t, key.UUID)
		for actor, steps := range map[string][]string{"olga": {"accept", "decline"}, "paula": {"cancel"}} {
			for _, step := range steps {
				if got := w.answer(t, actor, step, id); !strings.HasPrefix(got, "CONFLICT") {
					t.Errorf("%s is told %s", step, got)
				}
			}
			shown := w.must(t, actor, `query($id: ID!) { node(id: $id) { ... on AccessRequest { status } } }`, map[string]any{"id": id})
			if got := dig(shown, "node.status"); got != "EXPIRED" {
				t.Errorf("%s is shown %s", actor, got)
			}
		}
		again := w.request(t, "paula", "acme", "")
		if old, fresh := w.statusOf(t, id), w.statusOf(t, again); old != "EXPIRED" || fresh != "PENDING" {
			t.Errorf("the old request is %s, the new one %s", old, fresh)
		}
		if got := w.answer(t, "olga", "accept", again); got != "y" {
			t.Error(got)
		}
	})
}

// expire makes a request one whose time has just passed.
func (w *world) expire(t *testing.T, id uuid.UUID) {
	t.Helper()
	_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "arrange"}, func(ctx context.Context, tx *database.Tx) error {
		before, err := tx.AccessRequest.Get(ctx, id)
		if err != nil {
			return err
		}
		after, err := before.Update().SetExpiresAt(tx.Now().Add(-time.Second)).Save(ctx)
		tx.Record(database.Change{Kind: typeid.AccessRequest, ID: id, Organization: before.OrganizationID, Before: before, After: after})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRequestsOfPeopleWhoLeft accepts a request whose maker has lost the door.
func TestRequestsOfPeopleWhoLeft(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "northwind", "admins", "org:admin")
		w.person(t, "northwind", "pia", "northwind.admins")
		id := w.request(t, "pia", "acme", "ADMINISTRATORS")
		w.must(t, "paula", mutation("removeGroupMembers", "group { id }"), map[string]any{"i": map[string]any{"groupId": w.ids["northwind.admins"], "principalIds": []string{w.ids["pia"]}}})
		if got := w.answer(t, "olga", "accept", id); !strings.HasPrefix(got, "CONFLICT") || w.isMember(t, "acme", "pia") {
			t.Errorf("accepted: %s", got)
		}
		if got := w.answer(t, "pia", "cancel", id); got != "-" {
			t.Errorf("pia sees no more of acme and is told %s", got)
		}
	})
}
