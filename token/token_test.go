package token_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

func noon() time.Time { return time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC) }

// seeded returns a key that is the same in every run.
func seeded(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+n)), ed25519.SeedSize)))
}

func newIssuer(t testing.TB, private ...ed25519.PrivateKey) token.Issuer {
	t.Helper()
	keys, err := token.NewKeys(private...)
	if err != nil {
		t.Fatal(err)
	}
	return token.Issuer{Name: "headwater-test", Audience: "headwater-api", Keys: keys, Now: noon}
}

func someone() token.Claims {
	return token.Claims{
		Subject:      typeid.New(typeid.User, uuid.UUID{15: 1}),
		Organization: typeid.New(typeid.Organization, uuid.UUID{15: 2}),
		Session:      typeid.New(typeid.Session, uuid.UUID{15: 3}),
		ID:           "one",
		IssuedAt:     noon(),
		ExpiresAt:    noon().Add(15 * time.Minute),
	}
}

func sign(t testing.TB, i token.Issuer, c token.Claims) string {
	t.Helper()
	raw, err := i.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSignThenVerify(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, seeded(0))
	application := token.Claims{
		Subject: typeid.New(typeid.Application, uuid.UUID{15: 9}), ID: "two", IssuedAt: noon(), ExpiresAt: noon().Add(time.Hour),
	}
	ofKey := application
	ofKey.Organization, ofKey.Key = typeid.New(typeid.Organization, uuid.UUID{15: 2}), typeid.New(typeid.APIKey, uuid.UUID{15: 4})
	for _, want := range []token.Claims{someone(), application, ofKey} {
		got, err := issuer.Verify(sign(t, issuer, want))
		if err != nil {
			t.Fatalf("Verify: %v, because %v", err, errors.Unwrap(err))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestSignFills(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, seeded(0))
	claims := someone()
	claims.ID, claims.IssuedAt = "", time.Time{}
	first, err := issuer.Verify(sign(t, issuer, claims))
	if err != nil {
		t.Fatal(err)
	}
	second, err := issuer.Verify(sign(t, issuer, claims))
	if err != nil {
		t.Fatal(err)
	}
	if first.ID == "" || first.ID == second.ID {
		t.Errorf("the ids %q and %q do not tell the tokens apart", first.ID, second.ID)
	}
	if !first.IssuedAt.Equal(noon()) {
		t.Errorf("issued at %v, want the clock's %v", first.IssuedAt, noon())
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*token.Claims){
		"no subject":                 func(c *token.Claims) { c.Subject = typeid.ID{} },
		"a group as subject":         func(c *token.Claims) { c.Subject.Kind = typeid.Group },
		"a project as organization":  func(c *token.Claims) { c.Organization.Kind = typeid.Project },
		"an organization as session": func(c *token.Claims) { c.Session.Kind = typeid.Organization },
		"a session as key":           func(c *token.Claims) { c.Key = c.Session },
		"a key of no organization": func(c *token.Claims) {
			c.Key, c.Organization = typeid.New(typeid.APIKey, uuid.UUID{15: 4}), typeid.ID{}
		},
		"no end": func(c *token.Claims) { c.ExpiresAt = time.Time{} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := someone()
			change(&claims)
			if raw, err := newIssuer(t, seeded(0)).Sign(claims); err == nil {
				t.Errorf("signed %s", raw)
			}
		})
	}
}

func TestIncompleteIssuer(t *testing.T) {
	t.Parallel()
	whole := newIssuer(t, seeded(0))
	raw := sign(t, whole, someone())
	for name, change := range map[string]func(*token.Issuer){
		"name":     func(i *token.Issuer) { i.Name = "" },
		"audience": func(i *token.Issuer) { i.Audience = "" },
		"keys":     func(i *token.Issuer) { i.Keys = nil },
		"clock":    func(i *token.Issuer) { i.Now = nil },
	} {
		issuer := whole
		change(&issuer)
		if _, err := issuer.Verify(raw); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("without %s: Verify says %v", name, err)
		}
		if _, err := issuer.Sign(someone()); err == nil {
			t.Errorf("without %s: signed", name)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, seeded(0))
	raw := sign(t, issuer, someone())
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	kid := unpack(t, header)["kid"].(string)
	with := func(change func(header, claims map[string]any)) string {
		h, c := unpack(t, header), unpack(t, payload)
		change(h, c)
		return pack(t, h, c, seeded(0))
	}
	claim := func(name string, value any) string {
		return with(func(_, c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	expired, early := someone(), someone()
	expired.ExpiresAt = noon().Add(-11 * time.Second)
	early.IssuedAt = noon().Add(11 * time.Second)
	otherName, otherAudience := issuer, issuer
	otherName.Name, otherAudience.Audience = "elsewhere", "another-api"
	tests := map[string]string{
		"nothing":                   "",
		"two parts":                 header + "." + payload,
		"no signature":              header + "." + payload + ".",
		"truncated signature":       raw[:len(raw)-4],
		"signature of nothing":      header + "." + payload + "." + strings.Repeat("A", len(signature)),
		"padding":                   raw + "==",
		"white space":               " " + raw,
		"changed payload":           header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"usr_00000000000000000000000002"}`)) + "." + signature,
		"another key":               sign(t, newIssuer(t, seeded(1)), someone()),
		"another key, our kid":      pack(t, map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, unpack(t, payload), seeded(1)),
		"expired":                   sign(t, issuer, expired),
		"not yet issued":            sign(t, issuer, early),
		"wrong issuer":              sign(t, otherName, someone()),
		"wrong audience":            sign(t, otherAudience, someone()),
		"no issuer":                 claim("iss", nil),
		"no audience":               claim("aud", nil),
		"no end":                    claim("exp", nil),
		"end as text":               claim("exp", "2026-11-05T13:00:00Z"),
		"endless":                   claim("exp", 1e300),
		"no time of issue":          claim("iat", nil),
		"no token id":               claim("jti", nil),
		"no subject":                claim("sub", nil),
		"subject is a group":        claim("sub", "grp_00000000000000000000000001"),
		"subject is a UUID":         claim("sub", uuid.UUID{15: 1}.String()),
		"bad organization":          claim("org", "org_1"),
		"organization is a user":    claim("org", "usr_00000000000000000000000001"),
		"bad session":               claim("sid", "x"),
		"bad key":                   claim("key", "x"),
		"not yet valid":             claim("nbf", noon().Add(time.Minute).Unix()),
		"no kid":                    with(func(h, _ map[string]any) { delete(h, "kid") }),
		"kid is a number":           with(func(h, _ map[string]any) { h["kid"] = 7 }),
		"unknown kid":               with(func(h, _ map[string]any) { h["kid"] = "unknown" }),
		"another type":              with(func(h, _ map[string]any) { h["typ"] = "JWT" }),
		"critical header":           with(func(h, _ map[string]any) { h["crit"] = []string{"b64"} }),
		"one megabyte":              strings.Repeat("a", 1<<20),
		"one megabyte of dots":      strings.Repeat(".", 1<<20),
		"one megabyte of kid":       with(func(h, _ map[string]any) { h["x"] = strings.Repeat("a", 1<<20) }),
		"alg none":                  forgeNone(t, kid, payload),
		"alg None":                  forge(t, "None", kid, payload, ""),
		"no alg":                    with(func(h, _ map[string]any) { delete(h, "alg") }),
		"HS256 with our public key": forgeHS256(t, kid, payload),
		"RS256":                     forgeRS256(t, kid, payload),
		"ES256 by name":             forge(t, "ES256", kid, payload, signature),
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := issuer.Verify(bad)
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Unauthenticated {
				t.Fatalf("Verify = %v, %v", claims, err)
			}
			if f.Message != "the token is not valid or has expired" {
				t.Errorf("the message %q tells more than it should", f.Message)
			}
			if f.Err == nil {
				t.Error("the log learns no cause")
			}
			if claims != (token.Claims{}) {
				t.Errorf("claims of a bad token: %v", claims)
			}
		})
	}
	if _, err := issuer.Verify(with(func(_, _ map[string]any) {})); err != nil {
		t.Errorf("the forger's unchanged token is refused, so the table proves nothing: %v", errors.Unwrap(err))
	}
}

func TestLeeway(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, seeded(0))
	claims := someone()
	claims.ExpiresAt = noon().Add(-9 * time.Second)
	if _, err := issuer.Verify(sign(t, issuer, claims)); err != nil {
		t.Errorf("nine seconds late: %v", err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, during, after := newIssuer(t, seeded(0)), newIssuer(t, seeded(0), seeded(1)), newIssuer(t, seeded(1))
	old, recent := sign(t, before, someone()), sign(t, during, someone())
	tests := []struct {
		name   string
		issuer token.Issuer
		raw    string
		ok     bool
	}{
		{"the retiring key still verifies", during, old, true},
		{"the newest key signs", after, recent, true},
		{"the retired key does not verify", after, old, false},
		{"a newer key is unknown to who has not got it", before, recent, false},
	}
	for _, test := range tests {
		if _, err := test.issuer.Verify(test.raw); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	issuer := newIssuer(f, seeded(0))
	raw := sign(f, issuer, someone())
	for _, seed := range []string{raw, raw[:40], "", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", raw + "."} {
		f.Add(seed)
	}
	want, err := issuer.Verify(raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := issuer.Verify(s)
		if err == nil && got != want {
			t.Fatalf("Verify(%q) = %v without our signature", s, got)
		}
		if err != nil && fault.CodeOf(err) != fault.Unauthenticated {
			t.Fatalf("Verify(%q) = %v", s, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	issuer := newIssuer(b, seeded(0))
	raw := sign(b, issuer, someone())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func unpack(t testing.TB, part string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// pack signs any header and claims with an Ed25519 key, as a forger who has it.
func pack(t testing.TB, header, claims map[string]any, private ed25519.PrivateKey) string {
	t.Helper()
	text := part(t, header) + "." + part(t, claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
}

func part(t testing.TB, m map[string]any) string {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func forge(t testing.TB, alg, kid, payload, signature string) string {
	t.Helper()
	return part(t, map[string]any{"alg": alg, "typ": "at+jwt", "kid": kid}) + "." + payload + "." + signature
}

func forgeNone(t testing.TB, kid, payload string) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(unpack(t, payload)))
	unsigned.Header["typ"], unsigned.Header["kid"] = "at+jwt", kid
	raw, err := unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// forgeHS256 takes what everybody knows, the public key, for a shared secret.
func forgeHS256(t testing.TB, kid, payload string) string {
	t.Helper()
	public := seeded(0).Public().(ed25519.PublicKey)
	text := strings.TrimSuffix(forge(t, "HS256", kid, payload, ""), ".")
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func forgeRS256(t testing.TB, kid, payload string) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(unpack(t, payload)))
	unsigned.Header["typ"], unsigned.Header["kid"] = "at+jwt", kid
	raw, err := unsigned.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
