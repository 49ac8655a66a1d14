package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// receiver is a server that webhooks call, each at a path of its own.
type receiver struct {
	url string

	mu    sync.Mutex
	calls []hookCall
	// answers are the statuses of the next answers by path; 204 where there is none.
	answers map[string][]int
}

// hookCall is what a receiver was sent.
type hookCall struct {
	path   string
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answers: map[string][]int{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, hookCall{request.URL.Path, request.Header, body})
	status := http.StatusNoContent
	if next := r.answers[request.URL.Path]; len(next) > 0 {
		status, r.answers[request.URL.Path] = next[0], next[1:]
	}
	w.WriteHeader(status)
}

// answer sets what a path is answered next.
func (r *receiver) answer(path string, statuses ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[path] = statuses
}

// taken returns the calls since it was asked last.
func (r *receiver) taken() []hookCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// signature returns what Standard Webhooks says a call is signed with.
func (c hookCall) signature(t *testing.T, secret string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 {
		t.Fatalf("%q is no secret of 32 bytes: %v", secret, err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", c.header.Get("webhook-id"), c.header.Get("webhook-timestamp"), c.body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// hook makes a webhook that calls the receiver at the path of its name, and
// returns its secret.
func (w *world) hook(t *testing.T, r *receiver, actor, organization string, input map[string]any) (secret string) {
	t.Helper()
	input["organizationId"] = w.ids[organization]
	if input["name"] == nil {
		input["name"] = organization
	}
	input["url"] = fmt.Sprintf("%s/%s", r.url, input["name"])
	answer := w.must(t, actor, mutation("createWebhook", "webhook { id } signingSecret"), map[string]any{"i": input})
	w.name(fmt.Sprintf("hook.%s", input["name"]), dig(answer, "createWebhook.webhook.id"))
	return dig(answer, "createWebhook.signingSecret")
}

// TestWebhooksHearWhatTheyMay has a budget, a threshold and statements told to
// whoever may know, and to nobody else.
func TestWebhooksHearWhatTheyMay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w, r := newWorld(t, db), newReceiver(t)
		spending := []string{"spending.threshold_reached"}
		bills := []string{"statement.issued", "statement.paid", "statement.voided", "statement.credited"}
		all := slices.Concat(spending, bills, []string{"spending.budget_alert_reached"})
		secrets := map[string]string{}
		for _, h := range []struct {
			actor, organization, name string
			events                    []string
			managed                   bool
		}{
			{"ada", "platform", "platform", all, true},
			{"paula", "northwind", "northwind", all, true},
			{"paula", "northwind", "northwind-itself", all, false},
			{"sven", "fjord", "fjord", all, true},
			{"olga", "acme", "acme", all, false},
			{"olga", "acme", "acme-spending", spending, false},
			{"bob", "bravo", "bravo", all, false},
		} {
			secrets["/"+h.name] = w.hook(t, r, h.actor, h.organization, map[string]any{"name": h.name, "events": h.events, "includeManaged": h.managed})
		}
		w.must(t, "olga", mutation("setBudget", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "amount": "15"}})
		w.must(t, "olga", mutation("addBudgetAlert", "clientMutationId"), map[string]any{"i": map[string]any{"organizationId": w.ids["acme"], "percent": "80"}})
		w.must(t, "olga", mutation("createThreshold", "clientMutationId"), map[string]any{"i": map[string]any{
			"organizationId": w.ids["acme"], "name": "half", "percent": "50", "severity": "ALERT", "basis": "ACTUAL",
		}})
		w.must(t, "olga", mutation("setAllocation", "clientMutationId"), map[string]any{"i": map[string]any{
			"scopeId": w.ids["acme"], "total": "20", "unit": "USD", "period": "MONTH",
		}})
		w.useAcme(t)
		w.jobs(t)
		closed := w.must(t, "paula", mutation("closeBillingMonth", "statements { id }"), map[string]any{"i": map[string]any{
			"sellerId": w.ids["northwind"], "month": walkMonth().Format("2006-01"),
		}})
		statement := dig(closed, "closeBillingMonth.statements.0.id")
		w.must(t, "paula", mutation("issueCreditNote", "clientMutationId"), map[string]any{"i": map[string]any{
			"statementId": statement, "lines": []map[string]any{{"reason": "an outage", "amount": "0.5"}},
		}})
		w.must(t, "paula", mutation("markStatementPaid", "clientMutationId"), map[string]any{"i": map[string]any{"statementId": statement, "paymentReference": "wire"}})
		w.jobs(t)

		var got []string
		for _, c := range r.taken() {
			if want := c.signature(t, secrets[c.path]); c.header.Get("webhook-signature") != want {
				t.Errorf("%s is signed with %q, want %q", c.path, c.header.Get("webhook-signature"), want)
			}
			var message struct {
				Type      string
				Timestamp time.Time
				Data      struct {
					Side, BuyerID, OrganizationID, Used string
					Spent, Total                        any
				}
			}
			if err := json.Unmarshal(c.body, &message); err != nil || message.Timestamp.IsZero() {
				t.Errorf("%s: %v: %s", c.path, err, c.body)
			}
			if bytes.Contains(c.body, []byte(w.ids["northwind"])) || bytes.Contains(c.body, []byte(w.ids["platform"])) {
				t.Errorf("%s learns who sells: %s", c.path, c.body)
			}
			got = append(got, strings.TrimRight(fmt.Sprintf("%s %s %s", c.path, message.Type, message.Data.Side), " "))
		}
		slices.Sort(got)
		want := []string{
			"/acme spending.budget_alert_reached",
			"/acme spending.threshold_reached",
			"/acme statement.credited BUYER",
			"/acme statement.issued BUYER",
			"/acme statement.paid BUYER",
			"/acme-spending spending.threshold_reached",
			"/northwind spending.threshold_reached",
			"/northwind statement.credited SELLER",
			"/northwind statement.issued SELLER",
			"/northwind statement.paid SELLER",
			"/northwind-itself statement.credited SELLER",
			"/northwind-itself statement.issued SELLER",
			"/northwind-itself statement.paid SELLER",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// deliveriesOf returns what a webhook says of its deliveries, the latest first.
func (w *world) deliveriesOf(t *testing.T, actor, hook string) (list []string) {
	t.Helper()
	answer := w.must(t, actor, `query($id: ID!) { node(id: $id) { ... on Webhook { deliveries(first: 50) { edges { node { status attempt responseStatus problem } } } } } }`,
		map[string]any{"id": w.ids["hook."+hook]})
	for _, edge := range answer.(map[string]any)["node"].(map[string]any)["deliveries"].(map[string]any)["edges"].([]any) {
		node := edge.(map[string]any)["node"].(map[string]any)
		text := fmt.Sprintf("%s %v", node["status"], node["attempt"])
		for _, more := range []string{"responseStatus", "problem"} {
			if node[more] != nil {
				text += fmt.Sprintf(" %v", node[more])
			}
		}
		list = append(list, text)
	}
	return list
}

// try has a webhook tested by olga.
func (w *world) try(t *testing.T, hook string) (delivery string) {
	t.Helper()
	answer := w.must(t, "olga", mutation("testWebhook", "delivery { id status }"), map[string]any{"i": map[string]any{"webhookId": w.ids["hook."+hook]}})
	return dig(answer, "testWebhook.delivery.id")
}

// wantDeliveries compares what a webhook says of its deliveries.
func (w *world) wantDeliveries(t *testing.T, hook string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.deliveriesOf(t, "olga", hook)); diff != "" {
		t.Errorf("deliveries of %s: %s", hook, diff)
	}
}

// TestWebhooksAreCalledAgain follows deliveries that fail: one comes through, one
// is given up after 8 attempts, one is told that nobody is there any more.
func TestWebhooksAreCalledAgain(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w, r := newWorld(t, db), newReceiver(t)
		w.clock = clock
		events := map[string]any{"events": []string{"spending.threshold_reached"}}
		with := func(name string) map[string]any { return map[string]any{"name": name, "events": events["events"]} }
		for _, name := range []string{"late", "never", "gone"} {
			w.hook(t, r, "olga", "acme", with(name))
		}
		r.answer("/late", 503, 500)
		first := w.try(t, "late")
		w.jobs(t)
		w.wantDeliveries(t, "late", "PENDING 1 503 REFUSED")
		w.jobs(t) // Not due yet.
		w.advance(6 * time.Second)
		w.jobs(t)
		w.wantDeliveries(t, "late", "PENDING 2 500 REFUSED")
		w.advance(6 * time.Minute)
		w.jobs(t)
		w.wantDeliveries(t, "late", "DELIVERED 3 204")
		calls := r.taken()
		if len(calls) != 3 {
			t.Fatalf("%d calls, want 3", len(calls))
		}
		for _, c := range calls {
			if c.header.Get("webhook-id") != first || !bytes.Equal(c.body, calls[0].body) {
				t.Errorf("another message came again: %v %s", c.header, c.body)
			}
		}

		replayed := w.must(t, "olga", mutation("replayWebhookDelivery", "delivery { id messageId status }"), map[string]any{"i": map[string]any{"deliveryId": first}})
		w.jobs(t)
		w.wantDeliveries(t, "late", "DELIVERED 1 204", "DELIVERED 3 204")
		if calls := r.taken(); len(calls) != 1 || calls[0].header.Get("webhook-id") != first || dig(replayed, "replayWebhookDelivery.delivery.id") == first {
			t.Errorf("replayed as %v: %v", replayed, calls)
		}

		r.answer("/gone", 410)
		w.try(t, "gone")
		w.jobs(t)
		w.wantDeliveries(t, "gone", "FAILED 1 410 REFUSED")
		hook := w.must(t, "olga", `query($id: ID!) { node(id: $id) { ... on Webhook { enabled disabledReason version } } }`, map[string]any{"id": w.ids["hook.gone"]})
		if got, want := fmt.Sprint(hook), "map[node:map[disabledReason:GONE enabled:false version:2]]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}

		r.answer("/never", slices.Repeat([]int{500}, 100)...)
		w.try(t, "never")
		for range 200 {
			w.jobs(t)
			w.advance(30 * time.Minute)
		}
		w.wantDeliveries(t, "never", "FAILED 8 500 REFUSED")
	})
}

// TestWebhooksThatFailAreLeftAlone has many messages for a receiver that is not
// there: each but the first waits without a call until it is time for the next,
// and after five days nobody is called any more.
func TestWebhooksThatFailAreLeftAlone(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w, r := newWorld(t, db), newReceiver(t)
		w.clock = clock
		w.hook(t, r, "olga", "acme", map[string]any{"events": []string{"statement.issued"}})
		r.answer("/acme", slices.Repeat([]int{500}, 1000)...)
		const many = 10
		for range many {
			w.try(t, "acme")
		}
		w.jobs(t)
		if n := len(r.taken()); n != 1 {
			t.Errorf("a receiver that fails is called %d times at once, want once", n)
		}
		w.advance(5 * time.Second)
		w.jobs(t)
		if n := len(r.taken()); n != 1 {
			t.Errorf("and %d times when it is called again, want once", n)
		}
		for range 6 { // Something happens every day, and nobody is there.
			w.advance(24 * time.Hour)
			w.ask(t, "olga", mutation("testWebhook", "delivery { id }"), fmt.Sprintf(`{"i": {"webhookId": %q}}`, w.ids["hook.acme"]))
			w.jobs(t)
		}
		w.jobs(t)
		answer := w.must(t, "olga", `query($id: ID!) { node(id: $id) { ... on Webhook { enabled disabledReason deliveries(status: PENDING) { totalCount } } } }`, map[string]any{"id": w.ids["hook.acme"]})
		if got, want := fmt.Sprint(answer), "map[node:map[deliveries:map[totalCount:0] disabledReason:FAILING enabled:false]]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		r.taken()
		r.answer("/acme")
		w.must(t, "olga", mutation("updateWebhook", "webhook { enabled }"), map[string]any{"i": map[string]any{"webhookId": w.ids["hook.acme"], "enabled": true}})
		w.try(t, "acme")
		w.jobs(t)
		if n := len(r.taken()); n != 1 {
			t.Errorf("enabled again it is called %d times, want once", n)
		}
		w.advance(31 * 24 * time.Hour)
		w.jobs(t)
		if list := w.deliveriesOf(t, "olga", "acme"); len(list) != 0 {
			t.Errorf("after 31 days there are %v", list)
		}
	})
}

// TestSecretsOfWebhooksRotate signs with both secrets for a day, and tells none of
// them twice.
func TestSecretsOfWebhooksRotate(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w, r := newWorld(t, db), newReceiver(t)
		w.clock = clock
		old := w.hook(t, r, "olga", "acme", map[string]any{"events": []string{"statement.issued"}})
		answer := w.must(t, "olga", mutation("rotateWebhookSecret", "signingSecret"), map[string]any{"i": map[string]any{"webhookId": w.ids["hook.acme"]}})
		young := dig(answer, "rotateWebhookSecret.signingSecret")
		for _, secret := range []string{old, young} {
			w.wantNowhere(t, secret)
		}
		for _, after := range []time.Duration{0, 25 * time.Hour} {
			w.advance(after)
			w.try(t, "acme")
			w.jobs(t)
			calls := r.taken()
			if len(calls) != 1 {
				t.Fatalf("%d calls, want 1", len(calls))
			}
			want := calls[0].signature(t, young)
			if after == 0 {
				want += " " + calls[0].signature(t, old)
			}
			if got := calls[0].header.Get("webhook-signature"); got != want {
				t.Errorf("after %s it is signed with %q, want %q", after, got, want)
			}
		}
	})
}
