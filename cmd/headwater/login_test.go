package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/signinflow"
	"github.com/headwater-platform/headwater/ent/user"
)

// visit is a world with a provider of acme's and a browser.
type visit struct {
	*world
	t       *testing.T
	browser *http.Client
	// stop says at which path the browser does not go on.
	stop string
}

// newVisit makes a world in which acme has a provider in use, which is known as
// idp.
func newVisit(t *testing.T, db *database.DB, clock *dbtest.Clock, more map[string]any) *visit {
	t.Helper()
	w := newWorld(t, db)
	w.clock, w.provider = clock, newProvider(t, clock)
	v := &visit{world: w, t: t}
	v.browser = v.newBrowser()
	w.must(t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
		"scopeId": w.ids["acme"], "key": "authentication.methods", "operation": "APPEND", "value": []string{"oidc"},
	}})
	input := map[string]any{"organizationId": w.ids["acme"], "name": "Staff", "issuer": w.provider.url, "clientId": clientID, "clientSecret": clientSecret}
	for key, value := range more {
		input[key] = value
	}
	answer := w.must(t, "olga", mutation("createIdentityProvider", "identityProvider { id }"), map[string]any{"i": input})
	w.name("idp", dig(answer, "createIdentityProvider.identityProvider.id"))
	return v
}

// eachVisit plays a visit on both databases.
func eachVisit(t *testing.T, more map[string]any, play func(v *visit)) {
	t.Helper()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) { play(newVisit(t, db, clock, more)) })
}

// newBrowser returns a browser that knows where the platform is.
func (v *visit) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	server := strings.TrimPrefix(v.url, "http://")
	return &http.Client{
		Jar: jar,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "headwater.test:") {
				address = server
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if v.stop != "" && r.URL.Path == v.stop {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// open opens an address and returns where the browser ends, the status and the
// page.
func (v *visit) open(address string) (*url.URL, int, string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.browser.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	end := response.Request.URL
	if location, err := response.Location(); err == nil {
		end = location // where the browser does not go
	}
	return end, response.StatusCode, string(page)
}

func (v *visit) startURL(returnTo string) string {
	return "http://headwater.test/auth/oidc/" + v.ids["idp"] + "/start?return_to=" + url.QueryEscape(returnTo)
}

// signIn signs in as somebody and returns the code, or "" if that is refused.
func (v *visit) signIn(who subject) string {
	v.t.Helper()
	v.provider.is(who)
	end, _, page := v.open(v.startURL("/done?step=2"))
	code := end.Query().Get("code")
	if end.Path != "/done" {
		v.isRefused(end, page)
		return ""
	}
	if end.Host != "headwater.test" || end.Query().Get("step") != "2" || code == "" {
		v.t.Errorf("the browser ends at %s", end)
	}
	return code
}

// isRefused wants the page that says no more than that it did not work.
func (v *visit) isRefused(end *url.URL, page string) {
	v.t.Helper()
	if !strings.HasPrefix(end.Path, "/auth/oidc/") || !strings.Contains(page, "Sign-in failed") || !strings.Contains(page, "Go back to where you came from") {
		v.t.Errorf("the browser ends at %s with %s", end, page)
	}
}

// exchange takes the session with a code and returns the answer's data, or the
// code of its error.
func (v *visit) exchange(code string) (data any, refusal string) {
	v.t.Helper()
	return v.tell("nobody", mutation("exchangeSignInCode", "accessToken refreshToken viewer { user { username email } organization { slug } }"), map[string]any{"code": code})
}

// tell asks a mutation and returns the data, or the code of the error.
func (v *visit) tell(actor, document string, input map[string]any) (data any, refusal string) {
	v.t.Helper()
	encoded, err := json.Marshal(map[string]any{"i": input})
	if err != nil {
		v.t.Fatal(err)
	}
	var answer struct {
		Data   any
		Errors []any
	}
	raw := v.ask(v.t, actor, document, string(encoded))
	if err := json.Unmarshal(raw, &answer); err != nil {
		v.t.Fatal(err)
	}
	if len(answer.Errors) > 0 {
		return nil, dig(answer.Errors[0], "extensions.code")
	}
	return answer.Data, ""
}

// enter signs in as somebody, all the way, and returns who they are then. Their
// token is known by the name.
func (v *visit) enter(name string, who subject) string {
	v.t.Helper()
	code := v.signIn(who)
	if code == "" {
		return ""
	}
	data, refusal := v.exchange(code)
	if refusal != "" {
		v.t.Errorf("the code is refused: %s", refusal)
		return ""
	}
	if organization := dig(data, "exchangeSignInCode.viewer.organization.slug"); organization != "acme" {
		v.t.Errorf("the session is bound to %q", organization)
	}
	v.bearers[name] = dig(data, "exchangeSignInCode.accessToken")
	return dig(data, "exchangeSignInCode.viewer.user.username")
}

func theMax() subject {
	return subject{id: "max-at-idp", email: "max@acme.example", verified: true, name: "Max"}
}

// links returns how many identities are linked to somebody.
func (v *visit) links(username string) int {
	v.t.Helper()
	return one(v.t, func() (int, error) {
		return v.platform.db.Client().LinkedIdentity.Query().
			Where(linkedidentity.HasUserWith(user.Username(username))).Count(v.system(v.t))
	})
}

func TestSignInThroughProvider(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		if who := v.enter("session", theMax()); who != "max" {
			v.t.Fatalf("somebody came in as %q", who)
		}
		answer := v.must(v.t, "session", `{ viewer { linkedIdentities { subject providerName } memberships { totalCount } } bravo: organizations { totalCount } }`, nil)
		if dig(answer, "viewer.linkedIdentities.0.subject") != "max-at-idp" || dig(answer, "viewer.linkedIdentities.0.providerName") != "Staff" {
			v.t.Errorf("links: %v", answer)
		}
		// The second time the link is what counts, whatever the address is now.
		moved := theMax()
		moved.email, moved.verified = "maximilian@elsewhere.example", false
		if who := v.enter("again", moved); who != "max" || v.links("max") != 1 {
			v.t.Errorf("the second sign-in is as %q, with %d links", who, v.links("max"))
		}
	})
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	eachVisit(t, map[string]any{"createsUsers": true}, func(v *visit) {
		v.arrange(v.t, "account rita LOCKED\nperson acme lock\nmembership acme.lock locked")
		for name, who := range map[string]subject{
			"an address that is not verified":       {id: "1", email: "max@acme.example"},
			"no address":                            {id: "2", verified: true},
			"somebody whose home is elsewhere":      {id: "3", email: "bob@bravo.example", verified: true},
			"somebody of the organization above":    {id: "4", email: "paula@northwind.example", verified: true},
			"an administrator of the platform":      {id: "5", email: "ada@platform.example", verified: true},
			"the owner, who has not linked":         {id: "6", email: "olga@acme.example", verified: true},
			"a member who is locked":                {id: "7", email: "lock@acme.example", verified: true},
			"an account that is locked":             {id: "8", email: "rita@southgate.example", verified: true},
			"a new address that is not verified":    {id: "9", email: "new@acme.example"},
			"a verified address that is no address": {id: "10", email: "nobody", verified: true},
		} {
			if code := v.signIn(who); code != "" {
				v.t.Errorf("%s comes in", name)
			}
		}
		if n := one(v.t, func() (int, error) { return v.platform.db.Client().LinkedIdentity.Query().Count(v.system(v.t)) }); n != 0 {
			v.t.Errorf("%d links were made", n)
		}
	})
}

func TestSignInMakesPeople(t *testing.T) {
	t.Parallel()
	eachVisit(t, map[string]any{"createsUsers": true, "vouchesForMfa": true}, func(v *visit) {
		v.provider.lean = true // All but the subject is asked for with the access token.
		if who := v.enter("session", subject{id: "nina", email: "nina@acme.example", verified: true, name: "Nina"}); who != "nina" {
			v.t.Fatalf("the new person is %q", who)
		}
		row := one(v.t, func() (*ent.User, error) {
			return v.platform.db.Client().User.Query().Where(user.Username("nina")).WithSessions().Only(v.system(v.t))
		})
		if row.Status != user.StatusACTIVE || row.HomeOrganizationID == nil || *row.HomeOrganizationID != v.key(v.t, "acme") || row.EmailVerifiedAt != nil || row.Name != "Nina" {
			v.t.Errorf("the new account is %v", row)
		}
		if len(row.Edges.Sessions) != 1 || !row.Edges.Sessions[0].Mfa || row.Edges.Sessions[0].Method != "OIDC" {
			v.t.Errorf("the session is %v", row.Edges.Sessions)
		}
		v.must(v.t, "ada", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": v.ids["acme"], "key": "quotas.users", "operation": "SET", "value": 3,
		}})
		if v.signIn(subject{id: "one", email: "one@acme.example", verified: true}) != "" {
			v.t.Error("somebody comes in where there is no room")
		}
	})
}

// TestProviderVouchesForSecondFactor lets max in through a provider that does not
// vouch for a second factor, which acme demands, and later through one that does.
func TestProviderVouchesForSecondFactor(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.must(v.t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": v.ids["acme"], "key": "authentication.mfa_required", "value": true,
		}})
		grace := func() *time.Time {
			row := one(v.t, func() (*ent.Membership, error) {
				return v.platform.db.Client().Membership.Query().
					Where(membership.OrganizationID(v.key(v.t, "acme")), membership.HasUserWith(user.Username("max"))).Only(v.system(v.t))
			})
			return row.GraceUntil
		}
		if v.enter("plain", theMax()) != "max" || grace() == nil {
			v.t.Fatal("max has all the time in the world")
		}
		v.advance(73 * time.Hour)
		if _, refusal := v.exchange(v.signIn(theMax())); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("the time is over, and max is told %q", refusal)
		}
		v.must(v.t, "olga", mutation("updateIdentityProvider", "clientMutationId"), map[string]any{"i": map[string]any{
			"identityProviderId": v.ids["idp"], "vouchesForMfa": true,
		}})
		if v.enter("vouched", theMax()) != "max" || grace() != nil {
			v.t.Error("the provider vouches in vain")
		}
		if got := told(v.t, v.ask(v.t, "vouched", `{ organization(id: "`+v.ids["acme"]+`") { name } }`, "")); got != "y" {
			v.t.Error(got)
		}
	})
}

func TestSignInIsOfOneBrowserAndOnce(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.provider.is(theMax())
		v.stop = "/auth/oidc/callback"
		callback, _, _ := v.open(v.startURL("/done"))
		if callback.Query().Get("state") == "" || callback.Query().Get("code") == "" {
			v.t.Fatalf("the provider answers %s", callback)
		}
		own := v.browser
		v.browser = v.newBrowser()
		end, _, page := v.open(callback.String())
		v.isRefused(end, page) // Another browser has no cookie.
		v.browser = own
		wrong := *callback
		query := wrong.Query()
		query.Set("state", "made-up")
		wrong.RawQuery = query.Encode()
		end, _, page = v.open(wrong.String())
		v.isRefused(end, page)
		v.stop = ""
		end, _, _ = v.open(callback.String())
		code := end.Query().Get("code")
		if end.Path != "/done" || code == "" {
			v.t.Fatalf("the right browser ends at %s", end)
		}
		end, _, page = v.open(callback.String())
		v.isRefused(end, page) // The answer of the provider is good once.
		if _, refusal := v.exchange(code); refusal != "" {
			v.t.Errorf("the code is refused: %s", refusal)
		}
		if _, refusal := v.exchange(code); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("the code is taken twice: %s", refusal)
		}
	})
}

func TestSignInEnds(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.provider.is(theMax())
		v.stop = "/auth/oidc/callback"
		callback, _, _ := v.open(v.startURL("/done"))
		v.stop = ""
		v.clock.Advance(11 * time.Minute)
		end, _, page := v.open(callback.String())
		v.isRefused(end, page)
		code := v.signIn(theMax())
		v.clock.Advance(61 * time.Second)
		if _, refusal := v.exchange(code); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("a code is taken after a minute: %s", refusal)
		}
		if err := v.platform.services.Identity.Sweep(v.t.Context()); err != nil {
			v.t.Fatal(err)
		}
		if n := one(v.t, func() (int, error) { return v.platform.db.Client().SignInFlow.Query().Count(v.system(v.t)) }); n != 0 {
			v.t.Errorf("%d sign-ins are left", n)
		}
	})
}

func TestSignInChecksTheToken(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.provider.nonce = "another"
		if v.signIn(theMax()) != "" {
			v.t.Error("an id token with another nonce is taken")
		}
		v.provider.nonce, v.provider.life = "", -time.Second
		if v.signIn(theMax()) != "" {
			v.t.Error("an id token that has ended is taken")
		}
		v.provider.life = 5 * time.Minute
		if v.signIn(theMax()) == "" {
			v.t.Error("a good id token is refused, so this proves nothing")
		}
	})
}

func TestProviderRotatesKeys(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		if v.signIn(theMax()) == "" {
			v.t.Fatal("the first key is refused")
		}
		v.clock.Advance(time.Minute)
		v.provider.rotate(v.t)
		if v.signIn(theMax()) == "" {
			v.t.Error("a new key is refused")
		}
		old := v.provider.keys[1]
		v.provider.retire()
		v.clock.Advance(11 * time.Minute)
		if v.signIn(theMax()) == "" {
			v.t.Error("the key that is left is refused")
		}
		v.provider.sign(old)
		if v.signIn(theMax()) != "" {
			v.t.Error("a key that was taken back is accepted")
		}
	})
}

func TestReturnToIsOfThePlatform(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.provider.is(theMax())
		for _, returnTo := range []string{
			"https://evil.example", "//evil.example", "/\\evil.example", "http://headwater.test.evil.example/", "http://headwater.test@evil.example/",
			"javascript:alert(1)", "evil", "/a\nb", "///evil.example", "\\\\evil.example", "/" + strings.Repeat("a", 2000),
		} {
			end, status, page := v.open(v.startURL(returnTo))
			if v.isRefused(end, page); status != http.StatusBadRequest {
				v.t.Errorf("%q: the status is %d", returnTo, status)
			}
		}
		for _, returnTo := range []string{"/here", "http://headwater.test/here", "/here?a=b", ""} {
			if end, _, _ := v.open(v.startURL(returnTo)); end.Host != "headwater.test" || end.Query().Get("code") == "" {
				v.t.Errorf("%q ends at %s", returnTo, end)
			}
		}
	})
}

func TestMethodsAndProvidersGoOutOfUse(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		if v.enter("session", theMax()) != "max" {
			v.t.Fatal("max does not come in")
		}
		late := v.signIn(theMax())
		v.must(v.t, "olga", mutation("updateIdentityProvider", "identityProvider { enabled }"), map[string]any{"i": map[string]any{"identityProviderId": v.ids["idp"], "enabled": false}})
		if _, refusal := v.exchange(late); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("a code of a provider out of use: %s", refusal)
		}
		if raw := string(v.ask(v.t, "session", "{ viewer { user { id } } }", "")); !strings.Contains(raw, "UNAUTHENTICATED") {
			v.t.Errorf("a session outlives its provider: %s", raw)
		}
		end, _, page := v.open(v.startURL("/"))
		v.isRefused(end, page)
		v.must(v.t, "olga", mutation("updateIdentityProvider", "identityProvider { enabled }"), map[string]any{"i": map[string]any{"identityProviderId": v.ids["idp"], "enabled": true}})
		v.must(v.t, "olga", mutation("setSetting", "revision"), map[string]any{"i": map[string]any{
			"scopeId": v.ids["acme"], "key": "authentication.methods", "operation": "REMOVE", "value": []string{"oidc"},
		}})
		end, _, page = v.open(v.startURL("/"))
		v.isRefused(end, page)
	})
}

func TestGroupClaims(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		v := newVisit(t, db, clock, map[string]any{"groupClaim": "groups"})
		for _, name := range []string{"devs", "ops", "own"} {
			v.team(t, "acme", name)
		}
		v.must(t, "olga", mutation("updateIdentityProvider", "identityProvider { version }"), map[string]any{"i": map[string]any{
			"identityProviderId": v.ids["idp"], "groupMappings": []map[string]any{
				{"value": "engineering", "groupId": v.ids["acme.devs"]}, {"value": "operations", "groupId": v.ids["acme.ops"]}, {"value": "sre", "groupId": v.ids["acme.ops"]},
			},
		}})
		v.must(t, "olga", mutation("addGroupMembers", "group { id }"), map[string]any{"i": map[string]any{"groupId": v.ids["acme.own"], "principalIds": []string{v.ids["max"]}}})
		groups := func() string {
			t.Helper()
			rows := one(t, func() ([]*ent.Membership, error) {
				return db.Client().Membership.Query().Where(membership.ID(v.key(t, "acme.max"))).
					WithGroupMembers(func(q *ent.GroupMemberQuery) { q.WithGroup() }).All(v.system(t))
			})
			var names []string
			for _, m := range rows[0].Edges.GroupMembers {
				names = append(names, m.Edges.Group.Name)
			}
			slices.Sort(names)
			return strings.Join(names, " ")
		}
		for _, step := range []struct {
			claim []string
			want  string
		}{
			{[]string{"engineering", "unknown"}, "devs own"},
			{[]string{"engineering", "sre"}, "devs ops own"},
			{[]string{"operations"}, "ops own"},
			{nil, "own"},
		} {
			who := theMax()
			who.groups = step.claim
			if v.signIn(who) == "" {
				t.Fatalf("%v: max does not come in", step.claim)
			}
			if got := groups(); got != step.want {
				t.Errorf("the claim %v puts max into %q, want %q", step.claim, got, step.want)
			}
		}
		for name, groupID := range map[string]string{"built in": v.ids["acme.administrators"], "elsewhere": v.ids["bravo.administrators"]} {
			_, refusal := v.tell("olga", mutation("updateIdentityProvider", "identityProvider { version }"), map[string]any{
				"identityProviderId": v.ids["idp"], "groupMappings": []map[string]any{{"value": "x", "groupId": groupID}},
			})
			if refusal != "INVALID" {
				t.Errorf("a group that is %s is mapped: %s", name, refusal)
			}
		}
	})
}

func TestLinkIdentity(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		begin := func(actor string) (string, string) {
			v.t.Helper()
			data, refusal := v.tell(actor, mutation("beginLinkIdentity", "url"), map[string]any{"identityProviderId": v.ids["idp"], "returnTo": "/linked"})
			return dig(data, "beginLinkIdentity.url"), refusal
		}
		link := func(actor, code string) string {
			v.t.Helper()
			_, refusal := v.tell(actor, mutation("linkIdentity", "linkedIdentity { id }"), map[string]any{"code": code})
			return refusal
		}
		if _, refusal := begin("bob"); refusal != "NOT_FOUND" {
			v.t.Errorf("bob, who is elsewhere, begins: %s", refusal)
		}
		if _, refusal := begin("paula"); refusal != "NOT_FOUND" {
			v.t.Errorf("paula, who is above, begins: %s", refusal)
		}
		address, _ := begin("olga")
		v.provider.is(subject{id: "olga-at-idp", email: "private@mail.example"})
		end, _, _ := v.open(address)
		code := end.Query().Get("code")
		if end.Path != "/linked" || code == "" {
			v.t.Fatalf("the browser ends at %s", end)
		}
		if refusal := link("max", code); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("max links what olga began: %s", refusal)
		}
		if _, refusal := v.exchange(code); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("the code of a link is taken for a session: %s", refusal)
		}
		if refusal := link("olga", code); refusal != "" {
			v.t.Errorf("olga does not link herself: %s", refusal)
		}
		if refusal := link("olga", code); refusal != "UNAUTHENTICATED" {
			v.t.Errorf("the code is taken twice: %s", refusal)
		}
		if end, _, page := v.open(address); end.Path == "/linked" {
			v.t.Errorf("a link departs twice: %s", page)
		}
		if who := v.enter("session", subject{id: "olga-at-idp"}); who != "olga" {
			v.t.Errorf("olga comes in as %q", who)
		}
		address, _ = begin("max")
		v.provider.is(subject{id: "olga-at-idp"})
		end, _, _ = v.open(address)
		if refusal := link("max", end.Query().Get("code")); refusal != "CONFLICT" {
			v.t.Errorf("max links what is olga's: %s", refusal)
		}
		id := dig(v.must(v.t, "olga", `{ viewer { linkedIdentities { id } } }`, nil), "viewer.linkedIdentities.0.id")
		if _, refusal := v.tell("max", mutation("unlinkIdentity", "linkedIdentityId"), map[string]any{"linkedIdentityId": id}); refusal != "NOT_FOUND" {
			v.t.Errorf("max unlinks olga: %s", refusal)
		}
		if _, refusal := v.tell("olga", mutation("unlinkIdentity", "linkedIdentityId"), map[string]any{"linkedIdentityId": id}); refusal != "" {
			v.t.Errorf("olga does not unlink herself: %s", refusal)
		}
		if v.signIn(subject{id: "olga-at-idp"}) != "" {
			v.t.Error("a link that is gone lets olga in")
		}
	})
}

// TestSecretsOfSignInStayHidden looks for them in the journal and in the tables.
func TestSecretsOfSignInStayHidden(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		code := v.signIn(theMax())
		ctx := v.system(v.t)
		changes := one(v.t, func() ([]*ent.JournalChange, error) { return v.platform.db.Client().JournalChange.Query().All(ctx) })
		rows := one(v.t, func() ([]*ent.IdentityProvider, error) {
			return v.platform.db.Client().IdentityProvider.Query().All(ctx)
		})
		flows := one(v.t, func() ([]*ent.SignInFlow, error) {
			return v.platform.db.Client().SignInFlow.Query().Where(signinflow.CodeHashNotNil()).All(ctx)
		})
		if len(flows) != 1 || flows[0].Nonce != "" || flows[0].Verifier != "" || *flows[0].CodeHash == code {
			v.t.Errorf("the sign-in keeps %v", flows)
		}
		if strings.Contains(rows[0].ClientSecret, clientSecret) {
			v.t.Error("the secret of the client is stored as it is")
		}
		for _, change := range changes {
			if text, _ := json.Marshal(change); strings.Contains(string(text), clientSecret) || strings.Contains(string(text), rows[0].ClientSecret) || strings.Contains(string(text), code) {
				v.t.Errorf("the journal holds a secret: %s", text)
			}
		}
	})
}

// TestFirstSignInsAtOnce lets somebody whom nobody knows come in several times at
// once: there is one account, one link and one place.
func TestFirstSignInsAtOnce(t *testing.T) {
	t.Parallel()
	const browsers = 3
	db, clock := dbtest.PostgresTimed(t)
	v := newVisit(t, db, clock, map[string]any{"createsUsers": true})
	for round := range max(2, rounds()/4) {
		name := fmt.Sprintf("first%d", round)
		v.provider.is(subject{id: name, email: name + "@acme.example", verified: true})
		results := together(browsers, func(int) string {
			own := *v
			own.browser = v.newBrowser()
			end, _, _ := own.open(own.startURL("/done"))
			code := end.Query().Get("code")
			if code == "" {
				return "refused"
			}
			data, refusal := own.exchange(code)
			return dig(data, "exchangeSignInCode.viewer.user.username") + refusal
		})
		in := 0
		for _, who := range results {
			if who == name {
				in++
			} else if who != "refused" {
				t.Errorf("round %d: somebody is %q", round, who)
			}
		}
		rows := one(t, func() ([]*ent.User, error) {
			return db.Client().User.Query().Where(user.Email(name + "@acme.example")).WithMemberships().All(v.system(t))
		})
		if in == 0 || len(rows) != 1 || len(rows[0].Edges.Memberships) != 1 || v.links(name) != 1 {
			t.Fatalf("round %d: %v come in, there are %d accounts and %d links", round, results, len(rows), v.links(name))
		}
	}
}

// TestTrustIsForOwnHands tries, in somebody else's place, what decides who gets in
// later.
func TestTrustIsForOwnHands(t *testing.T) {
	t.Parallel()
	eachVisit(t, nil, func(v *visit) {
		v.arrange(v.t, "application acme.deployer")
		issuer := dig(v.must(v.t, "olga", mutation("createTrustedIssuer", "trustedIssuer { id }"), map[string]any{"i": map[string]any{
			"organizationId": v.ids["acme"], "name": "CI", "issuer": "https://ci.acme.example", "audience": "headwater", "jwksUrl": v.provider.url + "/keys",
		}}), "createTrustedIssuer.trustedIssuer.id")
		subject := dig(v.must(v.t, "olga", mutation("addTrustedSubject", "trustedSubject { id }"), map[string]any{"i": map[string]any{
			"trustedIssuerId": issuer, "subject": "main", "applicationId": v.ids["deployer"],
		}}), "addTrustedSubject.trustedSubject.id")
		begun := v.must(v.t, "olga", mutation("beginLinkIdentity", "url"), map[string]any{"i": map[string]any{"identityProviderId": v.ids["idp"], "returnTo": "/linked"}})
		v.provider.is(subjectOfOlga())
		end, _, _ := v.open(dig(begun, "beginLinkIdentity.url"))
		code := end.Query().Get("code")
		v.actAs(v.t, "olga", "ada")
		acme := v.ids["acme"]
		for _, tt := range []struct {
			name  string
			input map[string]any
		}{
			{"createIdentityProvider", map[string]any{"organizationId": acme, "name": "Mine", "issuer": v.provider.url, "clientId": "x"}},
			{"updateIdentityProvider", map[string]any{"identityProviderId": v.ids["idp"], "clientId": "x"}},
			{"deleteIdentityProvider", map[string]any{"identityProviderId": v.ids["idp"]}},
			{"createTrustedIssuer", map[string]any{"organizationId": acme, "name": "Mine", "issuer": "https://mine.example", "audience": "x", "jwksUrl": v.provider.url + "/keys"}},
			{"updateTrustedIssuer", map[string]any{"trustedIssuerId": issuer, "enabled": false}},
			{"deleteTrustedIssuer", map[string]any{"trustedIssuerId": issuer}},
			{"addTrustedSubject", map[string]any{"trustedIssuerId": issuer, "subject": "mine", "applicationId": v.ids["deployer"]}},
			{"removeTrustedSubject", map[string]any{"trustedSubjectId": subject}},
			{"createScimToken", map[string]any{"organizationId": acme, "name": "Mine"}},
			{"beginLinkIdentity", map[string]any{"identityProviderId": v.ids["idp"], "returnTo": "/linked"}},
			{"linkIdentity", map[string]any{"code": code}},
		} {
			if _, refusal := v.tell("olga", mutation(tt.name, "clientMutationId"), tt.input); refusal != "FORBIDDEN" {
				v.t.Errorf("%s in somebody else's place: %q", tt.name, refusal)
			}
		}
	})
}
