package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/journalchange"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/internal/effort"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// seesOrganization reports whether an actor sees an organization.
func (w *world) seesOrganization(t *testing.T, actor, slug string) bool {
	t.Helper()
	answer := w.askWith(t, actor, `query($id: ID!) { organization(id: $id) { name } }`, map[string]any{"id": w.ids[slug]})
	return told(t, answer) == "y"
}

// refreshed gets the next tokens of a session, asks as the name from then on, and
// returns the next refresh token.
func (w *world) refreshed(t *testing.T, as, refresh string) string {
	t.Helper()
	data := w.must(t, "nobody", contract(t, "RefreshSession"), map[string]any{"input": map[string]any{"refreshToken": refresh}})
	w.bearers[as] = dig(data, "refreshSession.accessToken")
	return dig(data, "refreshSession.refreshToken")
}

// set sets a setting of an organization as ada.
func (w *world) set(t *testing.T, slug, key string, value any) {
	t.Helper()
	w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids[slug], "key": key, "value": value, "side": "MANAGER"}})
}

// withFactor gives a person who can sign in a second factor, and returns its
// secret.
func (w *world) withFactor(t *testing.T, username string) string {
	t.Helper()
	w.withPassword(t, username)
	w.signIn(t, username+"+session", username, "")
	data := w.must(t, username+"+session", mutation("beginSecondFactor", "secret"), map[string]any{"i": map[string]any{"password": goodPassword}})
	secret := dig(data, "beginSecondFactor.secret")
	w.must(t, username+"+session", mutation("confirmSecondFactor", "recoveryCodes"), map[string]any{"i": map[string]any{"code": w.codeOf(t, secret)}})
	return secret
}

// refusals are the ways in which a sign-in fails, each by somebody else so that
// all have failed as often. They are usernames, passwords and codes.
func (w *world) refusals(t *testing.T) map[string][3]string {
	t.Helper()
	for _, name := range []string{"wrong", "locked", "slow"} {
		w.withPassword(t, name)
	}
	w.withPasswordIn(t, "cove", "elsewhere")
	w.set(t, "cove", "authentication.methods", []string{"oidc"})
	w.arrange(t, "account locked LOCKED")
	w.withFactor(t, "missing")
	w.withFactor(t, "mistaken")
	for range 3 {
		w.failsToSignIn(t, "slow", "not it", "")
	}
	return map[string][3]string{
		"nobody":                    {"nobody.at.all", goodPassword, ""},
		"nobody's address":          {"nobody@nowhere.example", goodPassword, ""},
		"a wrong password":          {"wrong", "not it", ""},
		"no password":               {"max", goodPassword, ""},
		"a locked account":          {"locked", goodPassword, ""},
		"another way of signing in": {"elsewhere", goodPassword, ""},
		"a code that is missing":    {"missing", goodPassword, ""},
		"a wrong code":              {"mistaken", goodPassword, "no code"},
		"too many attempts":         {"slow", goodPassword, ""},
	}
}

// TestRefusedSignInsAreAlike wants the same answer, one hash and the same
// statements for whatever is wrong with a sign-in.
func TestRefusedSignInsAreAlike(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, statements := counted(t, url(t))
			w := newForgetfulWorld(t, db)
			many := regexp.MustCompile(`\((\$\d+|\?)(, (\$\d+|\?))*\)`)
			var answers, work []string
			for class, c := range w.refusals(t) {
				hashes := w.platform.hasher.Computed()
				statements.take()
				answer := w.askWith(t, "nobody", contract(t, "Login"), map[string]any{"input": map[string]any{"username": c[0], "password": c[1], "totp": c[2]}})
				done := statements.take()
				for i, statement := range done {
					done[i] = many.ReplaceAllString(statement, "(…)")
				}
				if n := w.platform.hasher.Computed() - hashes; n != 1 {
					t.Errorf("%s: %d hashes", class, n)
				}
				answers, work = append(answers, regexp.MustCompile(`"extensions":\{"cost.*`).ReplaceAllString(string(answer), "")), append(work, strings.Join(done, "\n"))
				if diff := cmp.Diff(work[0], work[len(work)-1]); diff != "" || answers[0] != answers[len(answers)-1] {
					t.Errorf("%s is told %s; %s", class, answer, diff)
				}
			}
			if !strings.Contains(answers[0], "UNAUTHENTICATED") || len(work[0]) == 0 {
				t.Errorf("the answer is %s after %s", answers[0], work[0])
			}
		})
	}
}

// TestRefusedSignInsTakeAsLong compares how long it takes to refuse, in turns. It
// is for a machine that does nothing else, so all of the cases are tried or none.
// The quick quarter is compared: what else the machine does only makes slower.
func TestRefusedSignInsTakeAsLong(t *testing.T) {
	t.Parallel()
	const samples = 40
	if effort.Cases(samples) < samples {
		t.Skip("only with full effort")
	}
	db, clock := dbtest.SQLiteTimed(t)
	w := newWorld(t, db)
	w.clock = clock
	classes := w.refusals(t)
	took := map[string][]time.Duration{}
	for range samples {
		for class, c := range classes {
			w.advance(15 * time.Minute) // Nobody has to wait,
			if class == "too many attempts" {
				w.failsToSignIn(t, c[0], "not it", "") // but for who failed just now.
			}
			start := time.Now()
			w.failsToSignIn(t, c[0], c[1], c[2])
			took[class] = append(took[class], time.Since(start))
		}
	}
	var quick []time.Duration
	for class, times := range took {
		slices.Sort(times)
		quick = append(quick, times[len(times)/4])
		t.Logf("%s takes %s", class, times[len(times)/4])
	}
	if low, high := slices.Min(quick), slices.Max(quick); high > low+low/4 {
		t.Errorf("a refusal takes %s or %s", low, high)
	}
}

// TestFailedSignInsAreSlowedDown lets time pass between attempts at one account.
func TestFailedSignInsAreSlowedDown(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		w.withPassword(t, "nina")
		for range 3 {
			w.failsToSignIn(t, "nina", "not it", "")
		}
		w.failsToSignIn(t, "nina", goodPassword, "") // The wait is a second.
		w.failsToSignIn(t, "NINA@acme.example", goodPassword, "")
		w.advance(time.Second)
		w.failsToSignIn(t, "nina", "not it", "")
		w.advance(1900 * time.Millisecond)
		w.failsToSignIn(t, "nina", goodPassword, "") // Two seconds.
		w.advance(100 * time.Millisecond)
		w.signIn(t, "nina", "nina", "")
		for range 2 {
			w.failsToSignIn(t, "nina", "not it", "") // It begins anew.
		}
		w.signIn(t, "nina", "nina", "")
	})
}

// TestAddressesAreSlowedDown tries many names from one address.
func TestAddressesAreSlowedDown(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		w.withPassword(t, "nina")
		for i := range 20 {
			w.failsToSignIn(t, fmt.Sprintf("nobody%d", i), "not it", "")
			if i == 10 {
				w.signIn(t, "nina", "nina", "") // It takes nothing of what others did back.
			}
		}
		w.failsToSignIn(t, "nina", goodPassword, "")
		w.advance(time.Second)
		w.signIn(t, "nina", "nina", "")
		w.signIn(t, "nina", "nina", "")
	})
}

// TestManyFailuresLockOut fails to sign in until memberships are locked, and as
// often as an owner.
func TestManyFailuresLockOut(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		w.withPassword(t, "nina")
		w.arrange(t, "member bravo nina")
		w.set(t, "acme", "authentication.login_attempts_before_lock", 5)
		w.must(t, "nobody", mutation("resetPassword", "clientMutationId"), map[string]any{"i": map[string]any{
			"token": w.linkOf(t, "set-password olga"), "newPassword": goodPassword,
		}})
		fail := func(username string, times int) {
			for range times {
				w.failsToSignIn(t, username, "not it", "")
				w.advance(15 * time.Minute)
			}
		}
		fail("nina", 4)
		refresh := w.signIn(t, "nina", "nina", "")
		fail("nina", 4)
		w.refreshed(t, "nina", refresh)
		if !w.seesOrganization(t, "nina", "acme") {
			t.Error("four failures lock out")
		}
		before := w.latest(t)
		fail("nina", 1)
		fail("olga", 12)
		ctx, client := w.system(t), db.Client()
		row, err := client.Membership.Query().Where(membership.OrganizationID(w.key(t, "acme")), membership.UserID(w.key(t, "nina"))).Only(ctx)
		if err != nil || !row.Locked || row.LockReason == nil || *row.LockReason != membership.LockReasonFAILED_SIGN_INS {
			t.Errorf("five failures leave %v, %v", row, err)
		}
		if diff := cmp.Diff([]string{"sign-in lockAfterFailedSignIns"}, w.doneAfter(t, before)); diff != "" {
			t.Errorf("the journal (-want +got):\n%s", diff)
		}
		w.signIn(t, "nina", "nina", "")
		if w.seesOrganization(t, "nina", "acme") || !w.seesOrganization(t, "nina", "bravo") {
			t.Error("the lock is not where it belongs")
		}
		w.signIn(t, "olga", "olga", "")
		if !w.seesOrganization(t, "olga", "acme") {
			t.Error("an owner was locked out")
		}
	})
}

// TestSignInsAtOnce guesses at once, shows a one-time code at once and refreshes
// at once.
func TestSignInsAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		login := func(username, password, code string) string {
			return told(t, w.askWith(t, "nobody", contract(t, "Login"), map[string]any{"input": map[string]any{"username": username, "password": password, "totp": code}}))
		}
		w.withPassword(t, "nina")
		guesses := together(12, func(i int) string { return login("nina", fmt.Sprint("guess ", i), "") })
		if slices.Contains(guesses, "y") {
			t.Error("a guess is right")
		}
		counts, err := db.Client().SignInAttempts.Query().All(w.system(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range counts {
			if row.Failures > 3 {
				t.Errorf("of twelve guesses at once %d were made", row.Failures)
			}
		}
		w.advance(time.Minute)
		refresh := w.signIn(t, "nina", "nina", "")
		for range effort.Cases(100) {
			answers := together(3, func(int) string {
				return told(t, w.askWith(t, "nobody", contract(t, "RefreshSession"), map[string]any{"input": map[string]any{"refreshToken": refresh}}))
			})
			if n := tallyOf(answers)["y"]; n != 1 {
				t.Errorf("%d of three who refresh at once succeed: %v", n, answers)
			}
			ended, err := db.Client().Session.Query().Where(session.UserID(w.key(t, "nina")), session.EndReasonEQ(session.EndReasonREUSED)).Count(w.system(t))
			if err != nil || ended == 0 {
				t.Errorf("%d sessions ended, %v", ended, err)
			}
			refresh = w.signIn(t, "nina", "nina", "")
		}
		secret := w.withFactor(t, "fay")
		w.advance(time.Minute)
		code := w.codeOf(t, secret)
		if n := tallyOf(together(3, func(int) string { return login("fay", goodPassword, code) }))["y"]; n != 1 {
			t.Errorf("one code lets %d in", n)
		}
	})
}

// TestSessionsAreBound changes what an organization wants of sign-ins while a
// session is open: what the person is there goes and comes back.
func TestSessionsAreBound(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		w.withPassword(t, "nina")
		w.arrange(t, "member bravo nina")
		refresh := w.signIn(t, "nina", "nina", "")
		expect := func(when string, acme bool) {
			t.Helper()
			if got := w.seesOrganization(t, "nina", "acme"); got != acme || !w.seesOrganization(t, "nina", "bravo") {
				t.Errorf("%s: acme is seen: %v", when, got)
			}
		}
		expect("at first", true)
		w.set(t, "acme", "authentication.methods", []string{"oidc"})
		expect("without passwords", false)
		w.failsToSignIn(t, "nina", goodPassword, "")
		w.set(t, "acme", "authentication.methods", []string{"password"})
		expect("with passwords", true)
		w.set(t, "acme", "authentication.session_max_duration", "PT1H")
		expect("within the hour", true)
		w.advance(time.Hour)
		refresh = w.refreshed(t, "nina", refresh)
		expect("after the hour", false)
		w.set(t, "acme", "authentication.session_max_duration", "P1D")
		expect("within the day", true)
		w.advance(31 * 24 * time.Hour)
		answer := told(t, w.askWith(t, "nobody", contract(t, "RefreshSession"), map[string]any{"input": map[string]any{"refreshToken": refresh}}))
		if !strings.HasPrefix(answer, "UNAUTHENTICATED") {
			t.Errorf("after a month the session is told %s", answer)
		}
	})
}

// TestLettersOfAccounts does what makes mails go out, and what must not.
func TestLettersOfAccounts(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		w.withPassword(t, "nina")
		w.signIn(t, "nina+session", "nina", "")
		w.set(t, "cove", "authentication.methods", []string{"oidc"})
		w.must(t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{"scopeId": w.ids["platform"], "key": "platform.self_service_signup", "value": true}})
		known := map[uuid.UUID]bool{}
		posted := func() []string {
			jobs := one(t, func() ([]*ent.Job, error) {
				return db.Client().Job.Query().Where(job.Kind(records.MailJob)).Order(ent.Asc(job.FieldID)).All(w.system(t))
			})
			letters := []string{}
			for _, row := range jobs {
				var l records.Letter
				if err := json.Unmarshal([]byte(row.Payload), &l); err != nil {
					t.Fatal(err)
				}
				if known[row.ID] {
					continue
				}
				known[row.ID] = true
				letters = append(letters, strings.TrimSpace(l.Template+" "+w.names[typeid.New(typeid.User, l.User).String()]+" "+l.Address))
			}
			return letters
		}
		posted()
		for _, tt := range []struct {
			actor, name string
			input       map[string]any
			want        []string
		}{
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "NINA@acme.example"}, []string{"reset-password nina"}},
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "nobody.at.all"}, []string{}},
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "cora"}, []string{}}, // There are no passwords there.
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "max"}, []string{"reset-password max"}},
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "nina"}, []string{"reset-password nina"}},
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "nina"}, []string{"reset-password nina"}},
			{"nobody", "requestPasswordReset", map[string]any{"usernameOrEmail": "nina"}, []string{}}, // Three are enough.
			{"nina+session", "requestEmailVerification", nil, []string{"verify-email nina"}},
			{"nina+session", "changeEmail", map[string]any{"email": "nina@nova.example", "password": goodPassword}, []string{"verify-email nina nina@nova.example"}},
			{"nina+session", "changeEmail", map[string]any{"email": "Max@acme.example", "password": goodPassword}, []string{"sign-up-again  max@acme.example"}},
			{"nobody", "verifyEmail", map[string]any{"token": w.linkOf(t, "verify-email nina nina@nova.example")}, []string{"security nina nina@acme.example"}},
			{"nina+session", "changePassword", map[string]any{"currentPassword": goodPassword, "newPassword": goodPassword + "!"}, []string{"security nina"}},
			{"nobody", "signUp", map[string]any{"username": "walt", "email": "walt@elsewhere.example", "password": goodPassword}, []string{"verify-email"}},
			{"nobody", "signUp", map[string]any{"username": "walter", "email": "Walt@elsewhere.example", "password": goodPassword}, []string{"sign-up-again  walt@elsewhere.example"}},
		} {
			if tt.input == nil {
				tt.input = map[string]any{}
			}
			w.must(t, tt.actor, mutation(tt.name, "clientMutationId"), map[string]any{"i": tt.input})
			if diff := cmp.Diff(tt.want, posted()); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", tt.name, tt.input, diff)
			}
		}
	})
}

// TestTheOldestSessionMakesRoom signs in more often than there is room for.
func TestTheOldestSessionMakesRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	w.withPassword(t, "nina")
	for range 52 {
		w.signIn(t, "nina", "nina", "")
	}
	ctx, client := w.system(t), w.platform.db.Client()
	live, err := client.Session.Query().Where(session.EndedAtIsNil()).Count(ctx)
	if err != nil || live != 50 {
		t.Errorf("%d live sessions, %v", live, err)
	}
	replaced, err := client.Session.Query().Where(session.EndReasonEQ(session.EndReasonREPLACED)).Count(ctx)
	if err != nil || replaced != 2 {
		t.Errorf("%d made room, %v", replaced, err)
	}
}

// TestSignInsAreJournaled signs in and out and looks at what the journal says.
func TestSignInsAreJournaled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.withPassword(t, "nina")
		before := w.latest(t)
		refresh := w.signIn(t, "nina+1", "nina", "")
		refresh = w.refreshed(t, "nina+1", refresh)
		w.refreshed(t, "nina+1", refresh)
		w.signIn(t, "nina+2", "nina", "")
		w.signIn(t, "nina+3", "nina", "")
		w.must(t, "nina+1", mutation("revokeSessions", "count"), map[string]any{"i": map[string]any{}})
		w.must(t, "nina+1", mutation("updateProfile", "clientMutationId"), map[string]any{"i": map[string]any{"name": "Nina N."}})
		w.must(t, "nina+1", mutation("requestEmailVerification", "clientMutationId"), map[string]any{"i": map[string]any{}})
		w.must(t, "nobody", mutation("verifyEmail", "clientMutationId"), map[string]any{"i": map[string]any{"token": w.linkOf(t, "verify-email nina")}})
		w.must(t, "nobody", mutation("requestPasswordReset", "clientMutationId"), map[string]any{"i": map[string]any{"usernameOrEmail": "nina"}})
		w.must(t, "nina+1", mutation("changePassword", "clientMutationId"), map[string]any{"i": map[string]any{"currentPassword": goodPassword, "newPassword": goodPassword + "!"}})
		w.must(t, "nina+1", mutation("signOut", "clientMutationId"), map[string]any{"i": map[string]any{}})
		want := []string{
			"nina login", "nina login", "nina login", "nina revokeSessions", "nina updateProfile", "nina verifyEmail", "nina changePassword", "nina signOut",
		}
		if diff := cmp.Diff(want, w.doneAfter(t, before)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		changes, err := db.Client().JournalChange.Query().Where(journalchange.ResourceKind(string(typeid.Session)), journalchange.OrganizationIDNEQ(w.key(t, "acme"))).Count(w.system(t))
		if err != nil || changes != 0 {
			t.Errorf("%d changes of sessions are not acme's, %v", changes, err)
		}
	})
}

// ownAccount are the mutations that people make of their own accounts, with why
// they hand on no right.
func ownAccount() map[string]string {
	list := map[string]string{}
	for _, name := range []string{
		"login", "refreshSession", "signOut", "revokeSession", "revokeSessions", "beginSecondFactor", "confirmSecondFactor",
		"disableSecondFactor", "regenerateRecoveryCodes", "changePassword", "requestPasswordReset", "resetPassword",
		"changeEmail", "requestEmailVerification", "verifyEmail", "updateProfile", "signUp",
	} {
		list[name] = "the own account"
	}
	return list
}

// TestSecretsOfSignInsAreNeverKept signs in, makes secrets, shows wrong ones in
// their places, and looks for all of them in the journal, in what waits to be
// done, in the log and in what those are told who are refused.
func TestSecretsOfSignInsAreNeverKept(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := newWorld(t, db)
		w.clock = clock
		secret := w.withFactor(t, "nina")
		w.advance(time.Minute)
		refresh := w.signIn(t, "nina", "nina", w.codeOf(t, secret))
		w.advance(time.Minute)
		data := w.must(t, "nina", mutation("regenerateRecoveryCodes", "recoveryCodes"), map[string]any{"i": map[string]any{"code": w.codeOf(t, secret)}})
		link := w.linkOf(t, "set-password nina")
		refusals := ""
		refuse := func(actor, name string, input map[string]any) {
			t.Helper()
			answer := w.askWith(t, actor, mutation(name, "clientMutationId"), map[string]any{"i": input})
			if told(t, answer) == "y" {
				t.Errorf("%s is not refused", name)
			}
			refusals += string(answer)
		}
		const wrong = "what nobody should repeat"
		refuse("nobody", "login", map[string]any{"username": "nina", "password": wrong, "totp": wrong})
		refuse("nobody", "refreshSession", map[string]any{"refreshToken": wrong})
		refuse("nobody", "refreshSession", map[string]any{"refreshToken": refresh + wrong})
		refuse("nobody", "resetPassword", map[string]any{"token": link, "newPassword": "short"})
		refuse("nobody", "resetPassword", map[string]any{"token": link + wrong, "newPassword": wrong})
		refuse("nobody", "verifyEmail", map[string]any{"token": link})
		refuse("nina", "changePassword", map[string]any{"currentPassword": goodPassword, "newPassword": goodPassword})
		refuse("nina", "changePassword", map[string]any{"currentPassword": wrong, "newPassword": wrong + "!"})
		refuse("nina", "disableSecondFactor", map[string]any{"code": wrong})
		refuse("nina", "confirmSecondFactor", map[string]any{"code": wrong})
		refuse("nobody", "signUp", map[string]any{"username": "new", "email": "new@acme.example", "password": wrong, "invitationToken": wrong})
		w.must(t, "nobody", mutation("resetPassword", "clientMutationId"), map[string]any{"i": map[string]any{"token": link, "newPassword": "battery staple " + goodPassword}})
		secrets := []string{goodPassword, secret, refresh, refresh[30:52], refresh[52:], w.bearers["nina"], link, "argon2id", wrong}
		for i := range 10 {
			secrets = append(secrets, dig(data, fmt.Sprintf("regenerateRecoveryCodes.recoveryCodes.%d", i)))
		}
		text := journalText(t, w) + refusals + w.log.String()
		jobs, err := db.Client().Job.Query().All(w.system(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range jobs {
			text += job.Payload
		}
		sessions, err := db.Client().Session.Query().All(w.system(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range sessions {
			text += row.FamilyHash + row.RefreshHash + row.UserAgent
		}
		if !strings.Contains(w.log.String(), "login") && !strings.Contains(w.log.String(), "graphql") {
			t.Errorf("the log is %.500s", w.log.String())
		}
		if len(jobs) == 0 || len(sessions) == 0 || !strings.Contains(text, "regenerateRecoveryCodes") {
			t.Error("nothing was looked at")
		}
		for _, s := range secrets {
			if s == "" || strings.Contains(text, s) {
				t.Errorf("%.8s… is kept", s)
			}
		}
		row, err := db.Client().User.Get(w.system(t), w.key(t, "nina"))
		if err != nil || strings.Contains(fmt.Sprint(row.TotpSecret, row.RecoveryCodes), secret) || row.TotpSecret == "" {
			t.Errorf("the secret of the second factor is kept as it is, %v", err)
		}
	})
}
