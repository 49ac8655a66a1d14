package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/mails"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/token"
)

// mailbox reads the mailbox of a world, the newest mail first.
func (w *world) mailbox(t *testing.T, actor string) (status int, list []shownMail) { //nolint:unparam // whoever may not read it is told so by the status
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/mailbox/messages", nil)
	if err != nil {
		t.Fatal(err)
	}
	if actor != "nobody" {
		request.Header.Set("Authorization", "Bearer "+w.token(t, actor))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode, list
}

// tokenIn returns the token of the link in a mail to a page.
func tokenIn(t *testing.T, text, page string) string {
	t.Helper()
	found := regexp.MustCompile(`http://headwater\.test/` + page + `\?token=(\S+)`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no link to %s: %s", page, text)
	}
	raw, err := url.QueryUnescape(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestMailsHoldWhatIsTrueWhenTheyAreSent posts letters and reads them.
func TestMailsHoldWhatIsTrueWhenTheyAreSent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.jobs(t)
		_, before := w.mailbox(t, "nobody")
		w.must(t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": w.ids["acme"], "key": "customize.theme", "operation": "SET", "value": map[string]any{"accent": "#aa3300"},
		}})
		w.must(t, "max", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["acme.max"], "key": "customize.locale", "value": "de-AT"}})
		w.letter(t, records.Letter{Template: records.ResetPasswordLetter, Organization: w.key(t, "acme"), User: w.key(t, "max")})
		w.letter(t, records.Letter{Template: records.InvitationLetter, Organization: w.key(t, "acme"), Invitation: db.NewID()})
		w.jobs(t)
		_, list := w.mailbox(t, "nobody")
		if len(list) != len(before)+1 {
			t.Fatalf("%d mails, want one more than %d", len(list), len(before))
		}
		m := list[0]
		if m.To.Email != "max@acme.example" || m.Subject != "Ein neues Passwort für Headwater" || !strings.Contains(m.HTML, "#aa3300") || !strings.Contains(m.HTML, "Acme") {
			t.Errorf("got %+v", m)
		}
		raw := tokenIn(t, m.Text, "set-password")
		link, err := w.issuer.VerifyLink(raw, token.SetPassword)
		if err != nil || link.Subject.String() != w.ids["max"] || link.Count != 1 {
			t.Errorf("the link says %+v, %v", link, err)
		}
		w.wantNowhere(t, raw)
		locked := db.Client().User.UpdateOneID(w.key(t, "max")).SetStatus(user.StatusLOCKED)
		if err := locked.Exec(w.system(t)); err != nil {
			t.Fatal(err)
		}
		w.letter(t, records.Letter{Template: records.ResetPasswordLetter, User: w.key(t, "max")})
		w.jobs(t)
		if _, after := w.mailbox(t, "nobody"); len(after) != len(list) {
			t.Errorf("a locked account gets mails: %+v", after[0])
		}
	})
}

// TestLetterOfAnImpersonation says who acts in somebody's place, why and until
// when.
func TestLetterOfAnImpersonation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.jobs(t)
		w.must(t, "ada", mutation("impersonate", "sessionId"), map[string]any{"i": map[string]any{"userId": w.ids["max"], "reason": "A <bill>\nthat is wrong.", "minutes": 30}})
		w.jobs(t)
		_, list := w.mailbox(t, "nobody")
		m := list[0]
		if m.To.Email != "max@acme.example" || m.Subject != "Somebody acts in your place" ||
			!strings.Contains(m.Text, "ada, who runs Headwater, acts in your place until 2026-11-21 09:30 UTC") || !strings.Contains(m.Text, "A <bill> that is wrong.") ||
			strings.Contains(m.HTML, "<bill>") {
			t.Errorf("got %+v", m)
		}
	})
}

// letter posts one letter.
func (w *world) letter(t *testing.T, l records.Letter) {
	t.Helper()
	_, err := w.platform.db.Write(w.system(t), database.Entry{}, func(ctx context.Context, tx *database.Tx) error { return records.Post(ctx, tx, l) })
	if err != nil {
		t.Fatal(err)
	}
}

// wantNowhere looks for a token of a mail in the log, the jobs and the journal.
func (w *world) wantNowhere(t *testing.T, raw string) {
	t.Helper()
	if strings.Contains(w.log.String(), raw) {
		t.Error("the token is in the log")
	}
	ctx, client := w.system(t), w.platform.db.Client()
	for _, row := range one(t, func() ([]*ent.Job, error) { return client.Job.Query().All(ctx) }) {
		if strings.Contains(row.Payload+row.LastError, raw) {
			t.Errorf("the token is in job %s", row.ID)
		}
	}
	for _, row := range one(t, func() ([]*ent.JournalChange, error) { return client.JournalChange.Query().All(ctx) }) {
		if row.After != nil && strings.Contains(*row.After, raw) {
			t.Errorf("the token is in the journal, revision %d", row.Revision)
		}
	}
}

// moody is an SMTP server that answers each mail with the next code.
type moody struct {
	mu    sync.Mutex
	codes []int
	taken []string
}

func (s *moody) NewSession(*smtp.Conn) (smtp.Session, error) { return s, nil }
func (*moody) Reset()                                        {}
func (*moody) Logout() error                                 { return nil }
func (*moody) Mail(string, *smtp.MailOptions) error          { return nil }
func (*moody) Rcpt(string, *smtp.RcptOptions) error          { return nil }

func (s *moody) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.codes[0]
	s.codes = s.codes[1:]
	if code != 250 {
		return &smtp.SMTPError{Code: code, Message: string(text[max(0, len(text)-200):])} // as some repeat what they were sent
	}
	s.taken = append(s.taken, string(text))
	return err
}

// TestRefusedMailsAreTriedAgainOrGivenUp lets a server refuse for now and for good.
func TestRefusedMailsAreTriedAgainOrGivenUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.jobs(t)
		server := &moody{codes: []int{451, 250, 550}}
		listening := smtp.NewServer(server)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = listening.Serve(listener) }()
		t.Cleanup(func() { _ = listening.Close() })
		sender, err := openSMTP(config.Mail{Server: config.SMTPURL("smtp://" + listener.Addr().String() + "?tls=none"), From: "Cloud <no-reply@cloud.example>"})
		if err != nil {
			t.Fatal(err)
		}
		w.sendBy(sender)
		w.letter(t, records.Letter{Template: records.ResetPasswordLetter, User: w.key(t, "max")})
		if n, err := w.platform.services.Jobs.RunDue(t.Context()); n != 1 || err == nil || !strings.Contains(err.Error(), "451") || strings.Contains(err.Error(), "token") {
			t.Fatalf("%d jobs: %v", n, err)
		}
		waiting := db.Client().Job.Update().Where(job.Kind(records.MailJob), job.StatusEQ(job.StatusPENDING)).SetRunAt(db.Now().Add(-time.Second))
		if n, err := waiting.Save(w.system(t)); n != 1 || err != nil {
			t.Fatalf("%d mails wait: %v", n, err)
		}
		w.jobs(t)
		if len(server.taken) != 1 || !strings.Contains(server.taken[0], "To: ") {
			t.Fatalf("the server took %q", server.taken)
		}
		w.letter(t, records.Letter{Template: records.SecurityLetter, User: w.key(t, "max")})
		if _, err := w.platform.services.Jobs.RunDue(t.Context()); err == nil {
			t.Error("a refusal was no error")
		}
		failed := one(t, func() (*ent.Job, error) {
			return db.Client().Job.Query().Where(job.Kind(records.MailJob), job.StatusEQ(job.StatusFAILED)).Only(w.system(t))
		})
		if !strings.Contains(failed.LastError, "550") || failed.Attempts != 1 {
			t.Errorf("got %v", failed)
		}
	})
}

// sendBy makes the mails of a world leave by a sender.
func (w *world) sendBy(sender mail.Sender) {
	p := w.platform
	p.services.Jobs.Handle(records.MailJob, mails.New(p.db, p.records, w.issuer, "http://headwater.test", sender).Send)
}

// TestTheMailboxIsForAdministrators asks as those of a server that is no demo.
func TestTheMailboxIsForAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	read := w.platform.readerOf(mail.NewMailbox(w.platform.db.Now), false)
	for actor, want := range map[string]string{"ada": "", "paula": "FORBIDDEN", "max": "FORBIDDEN", "nobody": "UNAUTHENTICATED"} {
		ctx := t.Context()
		if actor != "nobody" {
			var err error
			if ctx, err = w.platform.authenticate(w.issuer)(ctx, w.token(t, actor)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := read(ctx)
		if got := string(fault.CodeOf(err)); got != want {
			t.Errorf("%s: %q, want %q", actor, got, want)
		}
	}
}

// useAcme has northwind import what acme has used in two months.
func (w *world) useAcme(t *testing.T) {
	t.Helper()
	w.must(t, "paula", mutation("mapUsage", "clientMutationId"), map[string]any{"i": map[string]any{
		"organizationId": w.ids["northwind"], "mappings": []map[string]any{{"subAccountId": "account-of-acme", "organizationId": w.ids["acme"]}},
	}})
	for _, month := range []time.Time{walkMonth(), walkMonth().AddDate(0, 1, 0)} {
		file := w.usageFile(t, month, "acme")
		if _, err := w.platform.services.Usage.Import(w.system(t), w.key(t, "northwind"), bytes.NewReader(file), usage.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLettersAboutBills reads what is told about a budget, a statement and a payment
// method, and to whom: the addresses of an alert, the contacts, else the owner.
func TestLettersAboutBills(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.jobs(t)
		_, before := w.mailbox(t, "nobody")
		acme := func(more map[string]any) map[string]any {
			more["organizationId"] = w.ids["acme"]
			return map[string]any{"i": more}
		}
		w.must(t, "olga", mutation("addPaymentMethod", "clientMutationId"), acme(map[string]any{
			"kind": "CARD", "processor": "acquirer", "reference": "1", "label": "Visa ending in 4242", "lastMonth": "2026-11",
		}))
		if err := w.platform.services.Payments.Sweep(w.system(t)); err != nil {
			t.Fatal(err)
		}
		w.must(t, "olga", mutation("addBillingContact", "clientMutationId"), acme(map[string]any{"email": "bills@acme.example"}))
		w.must(t, "olga", mutation("setBudget", "clientMutationId"), acme(map[string]any{"amount": "15"}))
		w.must(t, "olga", mutation("addBudgetAlert", "clientMutationId"), acme(map[string]any{"percent": "50"}))
		w.must(t, "olga", mutation("addBudgetAlert", "clientMutationId"), acme(map[string]any{"percent": "80", "emails": []string{"boss@acme.example"}}))
		w.useAcme(t)
		w.must(t, "paula", mutation("closeBillingMonth", "clientMutationId"), map[string]any{"i": map[string]any{
			"sellerId": w.ids["northwind"], "month": walkMonth().Format("2006-01"),
		}})
		w.jobs(t)
		if err := w.platform.services.Payments.Sweep(w.system(t)); err != nil {
			t.Fatal(err)
		}
		w.jobs(t)
		_, list := w.mailbox(t, "nobody")
		var got []string
		for _, m := range list[:len(list)-len(before)] {
			got = append(got, m.To.Email+": "+m.Subject)
		}
		slices.Sort(got)
		want := []string{
			"bills@acme.example: The statement of 2026-10 is there: 12.5 USD",
			"boss@acme.example: Acme has spent 12.5 USD of its budget",
			"olga@acme.example: The payment method “Visa ending in 4242” expires",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
