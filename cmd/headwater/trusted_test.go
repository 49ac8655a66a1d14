package main

import (
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// trust makes acme trust a provider of somebody else as the issuer of tokens for
// acme-ci, in which build stands for the application deployer and max for max.
func trust(t *testing.T, db *database.DB, clock *dbtest.Clock) *world {
	t.Helper()
	w := newWorld(t, db)
	w.clock, w.provider = clock, newProvider(t, clock)
	w.arrange(t, "application acme.deployer acme.editors")
	answer := w.must(t, "olga", mutation("createTrustedIssuer", "trustedIssuer { id }"), map[string]any{"i": map[string]any{
		"organizationId": w.ids["acme"], "name": "CI", "issuer": w.provider.url, "audience": "acme-ci",
	}})
	w.name("issuer", dig(answer, "createTrustedIssuer.trustedIssuer.id"))
	for subject, principal := range map[string]map[string]any{
		"build": {"applicationId": w.ids["deployer"]}, "max": {"userId": w.ids["max"]}, "olga": {"userId": w.ids["olga"]},
	} {
		input := map[string]any{"trustedIssuerId": w.ids["issuer"], "subject": subject}
		for key, value := range principal {
			input[key] = value
		}
		answer := w.must(t, "olga", mutation("addTrustedSubject", "trustedSubject { id }"), map[string]any{"i": input})
		w.name("subject "+subject, dig(answer, "addTrustedSubject.trustedSubject.id"))
	}
	return w
}

// claimsOf returns good claims of a subject, changed as it is said.
func claimsOf(w *world, subject string, changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": w.provider.url, "aud": "acme-ci", "sub": subject, "exp": w.clock.Now().Add(5 * time.Minute).Unix(), "iat": w.clock.Now().Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// issued returns a token of the provider with a key.
func issued(t *testing.T, key signingKey, claims map[string]any) string {
	t.Helper()
	signer := one(t, func() (jose.Signer, error) {
		return jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, nil)
	})
	payload := one(t, func() ([]byte, error) { return json.Marshal(claims) })
	return one(t, func() (string, error) {
		signed, err := signer.Sign(payload)
		if err != nil {
			return "", err
		}
		return signed.CompactSerialize()
	})
}

// calls asks who a bearer is, and in which organization.
func (w *world) calls(t *testing.T, bearer string) string {
	t.Helper()
	w.bearers["caller"] = bearer
	raw := w.ask(t, "caller", "{ viewer { principal { name } organization { slug } } organizations { totalCount } }", "")
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Errors) > 0 {
		return dig(answer.Errors[0], "extensions.code") + ": " + dig(answer.Errors[0], "message")
	}
	return dig(answer.Data, "viewer.principal.name") + "@" + dig(answer.Data, "viewer.organization.slug") + " of " + dig(answer.Data, "organizations.totalCount")
}

const noToken = "UNAUTHENTICATED: the token is not valid or has expired"

func TestTrustedIssuer(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := trust(t, db, clock)
		key := w.provider.keys[0]
		good := issued(t, key, claimsOf(w, "build", nil))
		if got := w.calls(t, good); got != "deployer@acme of 1" {
			t.Fatalf("a good token is %s", got)
		}
		if got := w.calls(t, issued(t, key, claimsOf(w, "max", map[string]any{"aud": []string{"other", "acme-ci"}}))); got != "max@acme of 1" {
			t.Errorf("a token with two audiences is %s", got)
		}
		other := newProvider(t, clock)
		stolen := other.keys[0]
		stolen.id = key.id
		head, rest, _ := strings.Cut(good, ".")
		payload, _, _ := strings.Cut(rest, ".")
		public := elliptic.Marshal(elliptic.P256(), key.private.X, key.private.Y) //nolint:staticcheck // as a forger would take it
		for name, bearer := range map[string]string{
			"another audience":        issued(t, key, claimsOf(w, "build", map[string]any{"aud": "bravo-ci"})),
			"no audience":             issued(t, key, claimsOf(w, "build", map[string]any{"aud": nil})),
			"ended":                   issued(t, key, claimsOf(w, "build", map[string]any{"exp": w.clock.Now().Add(-time.Minute).Unix()})),
			"no end":                  issued(t, key, claimsOf(w, "build", map[string]any{"exp": nil})),
			"not yet":                 issued(t, key, claimsOf(w, "build", map[string]any{"nbf": w.clock.Now().Add(time.Hour).Unix()})),
			"unknown subject":         issued(t, key, claimsOf(w, "nobody", nil)),
			"no subject":              issued(t, key, claimsOf(w, "build", map[string]any{"sub": nil})),
			"an issuer nobody trusts": issued(t, other.keys[0], claimsOf(w, "build", map[string]any{"iss": other.url})),
			"another's key":           issued(t, other.keys[0], claimsOf(w, "build", nil)),
			"another's key, known id": issued(t, stolen, claimsOf(w, "build", nil)),
			"changed payload":         head + "." + strings.ToUpper(payload) + "." + good[strings.LastIndex(good, ".")+1:],
			"no signature":            head + "." + payload + ".",
			"none":                    forgedNone(t, key.id, claimsOf(w, "build", nil)),
			"HS256 with public key":   forgedHS256(t, key.id, public, claimsOf(w, "build", nil)),
		} {
			if got := w.calls(t, bearer); got != noToken {
				t.Errorf("%s: the token is %s", name, got)
			}
		}
	})
}

func forgedNone(t *testing.T, kid string, claims map[string]any) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(claims))
	unsigned.Header["kid"] = kid
	return one(t, func() (string, error) { return unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType) })
}

func forgedHS256(t *testing.T, kid string, secret []byte, claims map[string]any) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims))
	unsigned.Header["kid"] = kid
	return one(t, func() (string, error) { return unsigned.SignedString(secret) })
}

func TestTrustEnds(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := trust(t, db, clock)
		token := func(subject string) string { return issued(t, w.provider.keys[0], claimsOf(w, subject, nil)) }
		expect := func(subject, want string) {
			t.Helper()
			if got := w.calls(t, token(subject)); got != want && (want != noToken || !strings.HasPrefix(got, "UNAUTHENTICATED")) {
				t.Errorf("%s is %s, want %s", subject, got, want)
			}
		}
		expect("max", "max@acme of 1")
		w.arrange(t, "membership acme.max locked")
		expect("max", noToken)
		w.arrange(t, "membership acme.max open\naccount max LOCKED")
		expect("max", noToken)
		w.arrange(t, "account max ACTIVE")
		expect("max", "max@acme of 1")
		w.must(t, "olga", mutation("removeTrustedSubject", "trustedSubjectId"), map[string]any{"i": map[string]any{"trustedSubjectId": w.ids["subject max"]}})
		expect("max", noToken)
		enable := func(on bool) {
			t.Helper()
			w.must(t, "olga", mutation("updateTrustedIssuer", "trustedIssuer { enabled }"), map[string]any{"i": map[string]any{"trustedIssuerId": w.ids["issuer"], "enabled": on}})
		}
		enable(false)
		expect("build", noToken)
		enable(true)
		expect("build", "deployer@acme of 1")
		w.must(t, "olga", mutation("deleteTrustedIssuer", "trustedIssuerId"), map[string]any{"i": map[string]any{"trustedIssuerId": w.ids["issuer"]}})
		expect("build", noToken)
	})
}

// TestUnknownKeysAskOnce wants made-up key ids to cost the issuer one request in a
// while, and a new key to be found all the same.
func TestUnknownKeysAskOnce(t *testing.T) {
	t.Parallel()
	db, clock := dbtest.SQLiteTimed(t)
	w := trust(t, db, clock)
	made := w.provider.keys[0]
	made.id = "made-up"
	w.calls(t, issued(t, w.provider.keys[0], claimsOf(w, "build", nil)))
	before := w.provider.reads
	for range 20 {
		if got := w.calls(t, issued(t, made, claimsOf(w, "build", nil))); got != noToken {
			t.Errorf("a made-up key id is %s", got)
		}
	}
	if asked := w.provider.reads - before; asked > 1 {
		t.Errorf("20 made-up key ids ask the issuer %d times", asked)
	}
	clock.Advance(time.Minute)
	old := w.provider.keys[0]
	w.provider.rotate(t)
	if got := w.calls(t, issued(t, w.provider.keys[0], claimsOf(w, "build", nil))); got != "deployer@acme of 1" {
		t.Errorf("a new key is %s", got)
	}
	w.provider.retire()
	clock.Advance(11 * time.Minute)
	if got := w.calls(t, issued(t, old, claimsOf(w, "build", nil))); got != noToken {
		t.Errorf("a key that was taken back is %s", got)
	}
}

// TestTrustIsNoEscalation tries to come to the rights of others by a subject, and
// by a provider.
func TestTrustIsNoEscalation(t *testing.T) {
	t.Parallel()
	dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) {
		w := trust(t, db, clock)
		w.team(t, "acme", "admins", "org:admin")
		w.person(t, "acme", "adam", "acme.admins")
		w.person(t, "acme", "plain")
		v := &visit{world: w, t: t}
		add := func(actor, subject string, principal map[string]any) string {
			t.Helper()
			input := map[string]any{"trustedIssuerId": w.ids["issuer"], "subject": subject}
			for key, value := range principal {
				input[key] = value
			}
			_, refusal := v.tell(actor, mutation("addTrustedSubject", "trustedSubject { id }"), input)
			return refusal
		}
		for _, step := range []struct {
			actor, principal, want string
		}{
			{"adam", "olga", "FORBIDDEN"},  // the owner is nobody else's
			{"adam", "plain", ""},          // adam may write himself any policy
			{"adam", "bob", "NOT_FOUND"},   // no member
			{"adam", "adam", ""},           // himself
			{"paula", "adam", "FORBIDDEN"}, // through the tree, more than flows down
			{"max", "max", "NOT_FOUND"},    // max cannot even see the issuer
			{"rita", "plain", "NOT_FOUND"}, // nor can another partner
			{"nobody", "plain", "UNAUTHENTICATED"},
		} {
			if got := add(step.actor, "of "+step.actor+step.principal, map[string]any{"userId": w.ids[step.principal]}); got != step.want {
				t.Errorf("%s maps a subject onto %s: %q, want %q", step.actor, step.principal, got, step.want)
			}
		}
		if got := add("paula", "bot", map[string]any{"applicationId": w.ids["deployer"]}); got != "NOT_FOUND" {
			t.Errorf("paula maps a subject onto an application of acme: %s", got)
		}
		create := func(actor string, enabled bool) string {
			t.Helper()
			_, refusal := v.tell(actor, mutation("createIdentityProvider", "identityProvider { id }"), map[string]any{
				"organizationId": w.ids["acme"], "name": "of " + actor, "issuer": w.provider.url, "clientId": "x", "enabled": enabled,
			})
			return refusal
		}
		if got := create("paula", true); got != "FORBIDDEN" {
			t.Errorf("a partner puts a provider of a customer into use: %q", got)
		}
		if got := create("paula", false); got != "" {
			t.Errorf("a partner prepares a provider of a customer: %q", got)
		}
		if got := create("adam", true); got != "" {
			t.Errorf("org:admin makes a provider: %q", got)
		}
	})
}
