package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// refusal is what a bearer is told that is worth nothing.
type refusal struct {
	Status    int
	Code      string
	Message   string
	Challenge string
}

// present asks with a bearer who it is, and returns the refusal, or the name of
// the principal.
func present(t *testing.T, url, bearer string) (refusal, string) {
	t.Helper()
	body := strings.NewReader(`{"query": "{ viewer { principal { name } } }"}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   any
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("status %d: %v: %.200s", response.StatusCode, err, raw)
	}
	told := refusal{Status: response.StatusCode, Challenge: response.Header.Get("WWW-Authenticate")}
	if len(answer.Errors) > 0 {
		told.Code, told.Message = answer.Errors[0].Extensions.Code, answer.Errors[0].Message
	}
	return told, dig(answer.Data, "viewer.principal.name")
}

// refused is what every bad bearer is told.
func refused(message string) refusal {
	return refusal{Status: http.StatusUnauthorized, Code: "UNAUTHENTICATED", Message: message, Challenge: `Bearer error="invalid_token"`}
}

// forger makes tokens out of a good one.
type forger struct {
	t               *testing.T
	header, payload map[string]any
	signature       string
}

func newForger(t *testing.T, good string) forger {
	t.Helper()
	parts := strings.Split(good, ".")
	read := func(part string) map[string]any {
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
	return forger{t: t, header: read(parts[0]), payload: read(parts[1]), signature: parts[2]}
}

// text returns the signed part with some members of the header replaced.
func (f forger) text(header map[string]any) string {
	f.t.Helper()
	merged := map[string]any{}
	for _, m := range []map[string]any{f.header, header} {
		for name, value := range m {
			merged[name] = value
		}
	}
	encode := func(m map[string]any) string {
		text, err := json.Marshal(m)
		if err != nil {
			f.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return encode(merged) + "." + encode(f.payload)
}

func (f forger) signedBy(private ed25519.PrivateKey, header map[string]any) string {
	f.t.Helper()
	text := f.text(header)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
}

// withHMAC takes what everybody knows, the public key, for a shared secret.
func (f forger) withHMAC(public ed25519.PublicKey) string {
	f.t.Helper()
	text := f.text(map[string]any{"alg": "HS256"})
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (f forger) withRSA() string {
	f.t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.t.Fatal(err)
	}
	text := f.text(map[string]any{"alg": "RS256"})
	signature, err := jwt.SigningMethodRS256.Sign(text, private)
	if err != nil {
		f.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestBadTokens presents tokens that are worth nothing, to the server as a client
// would.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.arrange(t, "application acme.deployer\napplication acme.gone\nperson acme lisa")
		w.issueKey(t, "key", "olga", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]})
		w.issueKey(t, "lost", "olga", map[string]any{"organizationId": w.ids["acme"], "applicationId": w.ids["deployer"]})
		good := w.token(t, "max")
		ofKey := func(subject, organization, key string) string {
			return w.sign(t, w.issuer, token.Claims{Subject: w.id(t, subject), Organization: w.id(t, organization), Key: w.id(t, key)})
		}
		for bearer, name := range map[string]string{good: "max", ofKey("deployer", "acme", "key"): "deployer", ofKey("deployer", "acme", "lost"): "deployer"} {
			if told, who := present(t, w.url, bearer); told.Status != http.StatusOK || who != name {
				t.Fatalf("a good token of %s is told %+v: the table proves nothing", name, told)
			}
		}
		deleted := w.sign(t, w.issuer, token.Claims{Subject: w.id(t, "gone")})
		w.must(t, "olga", mutation("deleteApplication", "applicationId"), map[string]any{"i": map[string]any{"applicationId": w.ids["gone"]}})
		w.must(t, "olga", mutation("deleteApiKey", "apiKeyId"), map[string]any{"i": map[string]any{"apiKeyId": w.ids["lost"]}})
		w.arrange(t, "account lisa LOCKED")

		const wrong, dead = "the token is not valid or has expired", "the token is not valid"
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
		stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
		f := newForger(t, good)
		otherName, otherAudience := w.issuer, w.issuer
		otherName.Name, otherAudience.Audience = "elsewhere", "another-api"
		claims := token.Claims{Subject: w.id(t, "max")}
		late := claims
		late.ExpiresAt = dbtest.Start().Add(-time.Minute)
		for name, tt := range map[string]struct{ bearer, message string }{
			"forged":                     {f.signedBy(stranger, nil), wrong},
			"forged, unknown kid":        {f.signedBy(stranger, map[string]any{"kid": "unknown"}), wrong},
			"our key, unknown kid":       {f.signedBy(private, map[string]any{"kid": "unknown"}), wrong},
			"another type":               {f.signedBy(private, map[string]any{"typ": "JWT"}), wrong},
			"expired":                    {w.sign(t, w.issuer, late), wrong},
			"alg none":                   {f.text(map[string]any{"alg": "none"}) + ".", wrong},
			"alg none with a signature":  {f.text(map[string]any{"alg": "none"}) + "." + f.signature, wrong},
			"HS256 with our public key":  {f.withHMAC(private.Public().(ed25519.PublicKey)), wrong},
			"RS256":                      {f.withRSA(), wrong},
			"wrong issuer":               {w.sign(t, otherName, claims), wrong},
			"wrong audience":             {w.sign(t, otherAudience, claims), wrong},
			"truncated":                  {good[:len(good)-7], wrong},
			"without its signature":      {good[:strings.LastIndex(good, ".")+1], wrong},
			"one megabyte":               {strings.Repeat("a", 1<<20), wrong},
			"one megabyte of dots":       {strings.Repeat(".", 1<<20), wrong},
			"a word":                     {"secret", wrong},
			"nobody there is":            {w.sign(t, w.issuer, token.Claims{Subject: typeid.New(typeid.User, uuid.UUID{6: 0x70, 8: 0x80, 15: 9})}), dead},
			"deleted application":        {deleted, dead},
			"a person as an application": {w.sign(t, w.issuer, token.Claims{Subject: typeid.New(typeid.Application, w.key(t, "max"))}), dead},
			"locked person":              {w.token(t, "lisa"), dead},
			"of elsewhere":               {w.token(t, "max@bravo"), dead},
			"of a deleted key":           {ofKey("deployer", "acme", "lost"), dead},
			"of another's key":           {ofKey("max", "acme", "key"), dead},
			"of a key of elsewhere":      {ofKey("deployer", "bravo", "key"), dead},
		} {
			got, who := present(t, w.url, tt.bearer)
			if diff := cmp.Diff(refused(tt.message), got); diff != "" || who != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, who, diff)
			}
		}
	})
}

// sign signs claims, which last unless they say otherwise.
func (w *world) sign(t *testing.T, issuer token.Issuer, claims token.Claims) string {
	t.Helper()
	if claims.ExpiresAt.IsZero() {
		claims.ExpiresAt = dbtest.Start().Add(time.Hour)
	}
	return one(t, func() (string, error) { return issuer.Sign(claims) })
}

// id returns the id of a thing that is known by name.
func (w *world) id(t *testing.T, name string) typeid.ID {
	t.Helper()
	return one(t, func() (typeid.ID, error) { return typeid.Parse(w.ids[name]) })
}

// badKeys returns texts that are no key that is in force: of a key, and of two
// that are.
func badKeys(t *testing.T, good, other string) map[string]string {
	t.Helper()
	fresh := one(t, func() (token.APIKey, error) { return token.NewAPIKey(rand.Reader) })
	const size = len("hw_") + 20 + len("_") // up to the secret
	flip := func(text string, at int) string {
		letter := byte('A')
		if text[at] == letter {
			letter = 'B'
		}
		return text[:at] + string(letter) + text[at+1:]
	}
	return map[string]string{
		"the prefix alone":          "hw_",
		"truncated":                 good[:len(good)-1],
		"without its secret":        good[:size],
		"longer":                    good + "A",
		"one megabyte":              "hw_" + strings.Repeat("A", 1<<20-3),
		"lower case":                "hw_" + strings.ToLower(good[3:]),
		"a lower-case access key":   good[:3] + strings.ToLower(good[3:size]) + good[size:],
		"one letter of the secret":  flip(good, size+5),
		"one letter of the key":     flip(good, 5),
		"the secret of another key": good[:size] + other[size:],
		"a key that never was":      fresh.Text(),
		"a space within":            good[:10] + " " + good[11:],
		"a line break, escaped":     good[:10] + "%0a" + good[13:],
	}
}

// TestBadKeys presents keys that are worth nothing, as bearers and to be
// exchanged.
func TestBadKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.issueKey(t, "one", "max", map[string]any{"organizationId": w.ids["acme"]})
		w.issueKey(t, "two", "max", map[string]any{"organizationId": w.ids["acme"]})
		for _, name := range []string{"one", "two"} {
			if told, who := present(t, w.url, w.bearers[name]); told.Status != http.StatusOK || who != "max" {
				t.Fatalf("a good key is told %+v: the table proves nothing", told)
			}
		}
		for name, text := range badKeys(t, w.bearers["one"], w.bearers["two"]) {
			got, who := present(t, w.url, text)
			if diff := cmp.Diff(refused("the token is not valid"), got); diff != "" || who != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, who, diff)
			}
			if len(text) > 1<<19 {
				continue // No request has room for it.
			}
			answer := w.askWith(t, "nobody", mutation("exchangeApiKey", "accessToken"), map[string]any{"i": map[string]any{"secret": text}})
			if got := told(t, answer); got != "UNAUTHENTICATED (the token is not valid)" || !strings.Contains(string(answer), `"data":null`) {
				t.Errorf("%s in exchange: %s", name, answer)
			}
		}
		// Another prefix makes it a token, and a bad one.
		if got, _ := present(t, w.url, "HW_"+w.bearers["one"][3:]); got != refused("the token is not valid or has expired") {
			t.Errorf("another prefix: %+v", got)
		}
		tooLong := map[string]any{"i": map[string]any{"secret": strings.Repeat("A", 1<<20)}}
		if got := told(t, w.askWith(t, "nobody", mutation("exchangeApiKey", "accessToken"), tooLong)); !strings.HasPrefix(got, "LIMIT_EXCEEDED") {
			t.Errorf("one megabyte in exchange: %s", got)
		}
	})
}

// TestBadKeysCostTheSame counts the statements of bad keys: a key that there is
// and one that there is not take the same time.
func TestBadKeysCostTheSame(t *testing.T) {
	t.Parallel()
	db, c := counted(t, dbtest.SQLiteURL(t))
	w := newWorld(t, db)
	w.issueKey(t, "one", "max", map[string]any{"organizationId": w.ids["acme"]})
	w.issueKey(t, "two", "max", map[string]any{"organizationId": w.ids["acme"]})
	bad := badKeys(t, w.bearers["one"], w.bearers["two"])
	for _, way := range []func(text string){
		func(text string) { present(t, w.url, text) },
		func(text string) {
			w.askWith(t, "nobody", mutation("exchangeApiKey", "accessToken"), map[string]any{"i": map[string]any{"secret": text}})
		},
	} {
		statements := map[string]string{}
		for _, name := range []string{"the secret of another key", "one letter of the secret", "a key that never was", "one letter of the key"} {
			c.take()
			way(bad[name])
			statements[name] = strings.Join(c.take(), "\n")
		}
		for name, got := range statements {
			if want := statements["a key that never was"]; got == "" || got != want {
				t.Errorf("%s takes the statements\n%s\nwant\n%s", name, got, want)
			}
		}
	}
}

// TestEachKeyHasItsOwnRate exhausts the rate of one key and asks with another.
func TestEachKeyHasItsOwnRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	w.issueKey(t, "one", "max", map[string]any{"organizationId": w.ids["acme"]})
	w.issueKey(t, "two", "max", map[string]any{"organizationId": w.ids["acme"]})
	url := w.serveAgain(t, io.Discard, 3)
	for i := range 5 {
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if told, _ := present(t, url, w.bearers["one"]); told.Status != want {
			t.Errorf("request %d: %+v, want %d", i, told, want)
		}
	}
	if told, _ := present(t, url, w.bearers["two"]); told.Status != http.StatusOK {
		t.Errorf("the other key: %+v", told)
	}
}

// serveAgain serves the world once more, with a log and a rate of its own.
func (w *world) serveAgain(t *testing.T, log io.Writer, rate int) string {
	t.Helper()
	handler, err := w.platform.handler(serving{
		issuer: w.issuer, address: "http://headwater.test", logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		limits: config.Limits{
			QueryCost: 100_000, QueryDepth: 20, QueryTokens: 10_000, BodyBytes: 1 << 20, UploadBytes: 64 << 20,
			RequestTimeout: time.Minute, RatePerMinute: rate,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// TestKeysAreToldOnce makes, uses, changes, lists and ends keys, and looks for
// secrets and hashes in every answer but the one, in the journal and in the log.
func TestKeysAreToldOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		log := &lockedBuffer{}
		w.url = w.serveAgain(t, log, 1_000_000)
		w.issueKey(t, "one", "max", map[string]any{"organizationId": w.ids["acme"], "description": "seen"})
		w.issueKey(t, "two", "olga", map[string]any{"organizationId": w.ids["acme"], "projectId": w.ids["acme.project"]})
		rotated := w.must(t, "max", mutation("rotateApiKey", "secret"), map[string]any{"i": map[string]any{"apiKeyId": w.ids["one"]}})
		w.bearers["three"] = dig(rotated, "rotateApiKey.secret")
		var secrets []string
		for _, name := range []string{"one", "two", "three"} {
			key := one(t, func() (token.APIKey, error) { return token.ParseAPIKey(w.bearers[name]) })
			secrets = append(secrets, key.Text()[24:], key.Hash())
		}
		everything := `{ viewer { apiKey { id accessKey } } organization(id: "` + w.ids["acme"] + `") { apiKeys { edges { node { id accessKey description } } } } }`
		for _, actor := range []string{"three", "two", "max", "olga", "ada", "one"} {
			answers := w.askWith(t, actor, everything, nil)
			answers = append(answers, w.askWith(t, actor, mutation("updateApiKey", "apiKey { id accessKey description }"), map[string]any{"i": map[string]any{"apiKeyId": w.ids["one"], "description": actor}})...)
			answers = append(answers, w.askWith(t, actor, mutation("exchangeApiKey", "accessToken"), map[string]any{"i": map[string]any{"secret": w.bearers["one"]}})...)
			holdsNone(t, "an answer", string(answers), secrets)
		}
		w.must(t, "three", mutation("deleteApiKey", "apiKeyId"), map[string]any{"i": map[string]any{"apiKeyId": w.ids["one"]}})
		journal := journalText(t, w)
		if !strings.Contains(journal, "seen") || !strings.Contains(journal, `"access_key"`) {
			t.Errorf("the journal says nothing of keys: %s", journal)
		}
		holdsNone(t, "the journal", journal, append(secrets, "secret_hash"))
		if log.String() == "" {
			t.Error("nothing was logged")
		}
		holdsNone(t, "the log", log.String(), secrets)
	})
}

func holdsNone(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds %s: %.2000s", what, secret, text)
		}
	}
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the log.
func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
