package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/headwater-platform/headwater/database/dbtest"
)

// provider is an OpenID provider as others run it, over HTTP in this process. It
// lets everybody in as whoever it is told that they are.
type provider struct {
	url string

	mu    sync.Mutex
	clock *dbtest.Clock
	// person is who signs in next.
	person subject
	// keys are published; the first one signs, unless there is a signer.
	keys   []signingKey
	signer *signingKey
	// nonce replaces that of the next sign-ins, unless it is empty.
	nonce string
	// life is how long id tokens are good.
	life time.Duration
	// lean says that id tokens name the subject alone, and the rest is asked for.
	lean bool

	requests map[string]*authRequest
	codes    map[string]string
	tokens   map[string]subject
	serial   int
	// reads counts how often the keys were asked for.
	reads int
}

// subject is a person as the provider knows them.
type subject struct {
	id, email, name string
	verified        bool
	groups          []string
}

// The client that the provider knows.
const (
	clientID     = "headwater"
	clientSecret = "a secret that nobody reads"
)

// newProvider starts a provider whose tokens end by a clock of tests.
func newProvider(t testing.TB, clock *dbtest.Clock) *provider {
	t.Helper()
	p := &provider{
		clock: clock, life: 5 * time.Minute,
		requests: map[string]*authRequest{}, codes: map[string]string{}, tokens: map[string]subject{},
	}
	p.rotate(t)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	p.url = server.URL
	open, err := op.NewOpenIDProvider( //nolint:staticcheck // the short way
		p.url, &op.Config{CryptoKey: [32]byte{1}, CodeMethodS256: true, AuthMethodPost: true}, p, op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		p.letIn(id)
		http.Redirect(w, r, op.AuthCallbackURL(open)(op.ContextWithIssuer(r.Context(), p.url), id), http.StatusFound)
	})
	routes.Handle("/", open)
	handler = routes
	return p
}

// providerURL returns the address of the world's provider, which is started where
// it is first needed.
func (w *world) providerURL(t testing.TB) string {
	t.Helper()
	if w.provider == nil {
		w.provider = newProvider(t, w.clock)
	}
	return w.provider.url
}

// rotate makes a new key that signs from now on, beside those that there are.
func (p *provider) rotate(t testing.TB) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.Insert(p.keys, 0, signingKey{id: "key-" + strconv.Itoa(len(p.keys)+1), private: private})
}

// retire takes back all keys but the newest.
func (p *provider) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = p.keys[:1]
}

// is says who signs in next.
func (p *provider) is(s subject) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = s
}

func (p *provider) next(prefix string) string {
	p.serial++
	return prefix + strconv.Itoa(p.serial)
}

// letIn is the login page of the provider.
func (p *provider) letIn(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.requests[id]; ok {
		r.who, r.done = p.person, true
	}
}

type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) ID() string                                  { return k.id }

type publishedKey struct{ signingKey }

func (k publishedKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publishedKey) Use() string                        { return "sig" }
func (k publishedKey) Key() any                           { return &k.private.PublicKey }

// authRequest is a sign-in at the provider.
type authRequest struct {
	oidc.AuthRequest
	id   string
	at   time.Time
	who  subject
	done bool
}

func (r *authRequest) GetID() string                      { return r.id }
func (r *authRequest) GetACR() string                     { return "" }
func (r *authRequest) GetAMR() []string                   { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string              { return []string{r.ClientID} }
func (r *authRequest) GetAuthTime() time.Time             { return r.at }
func (r *authRequest) GetClientID() string                { return r.ClientID }
func (r *authRequest) GetNonce() string                   { return r.Nonce }
func (r *authRequest) GetRedirectURI() string             { return r.RedirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *authRequest) GetScopes() []string                { return r.Scopes }
func (r *authRequest) GetState() string                   { return r.State }
func (r *authRequest) GetSubject() string                 { return r.who.id }
func (r *authRequest) Done() bool                         { return r.done }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	if r.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// The provider is its own store.

func (p *provider) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made := &authRequest{AuthRequest: *r, id: p.next("request-"), at: p.clock.Now()}
	if p.nonce != "" {
		made.Nonce = p.nonce
	}
	p.requests[made.id] = made
	return made, nil
}

func (p *provider) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.requests[id]; ok {
		return r, nil
	}
	return nil, errors.New("no such request")
}

func (p *provider) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	p.mu.Lock()
	id := p.codes[code]
	p.mu.Unlock()
	return p.AuthRequestByID(ctx, id)
}

func (p *provider) SaveAuthCode(_ context.Context, id, code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = id
	return nil
}

func (p *provider) DeleteAuthRequest(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.requests, id)
	return nil
}

func (p *provider) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.next("token-")
	if request, ok := r.(*authRequest); ok {
		p.tokens[id] = request.who
	}
	return id, time.Now().Add(time.Hour), nil
}

func (p *provider) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errors.New("there are no refresh tokens")
}

func (p *provider) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}
func (p *provider) TerminateSession(context.Context, string, string) error { return nil }
func (p *provider) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return nil
}

func (p *provider) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signer != nil {
		return *p.signer, nil
	}
	return p.keys[0], nil
}

func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (p *provider) KeySet(context.Context) ([]op.Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	keys := make([]op.Key, len(p.keys))
	for i, k := range p.keys {
		keys[i] = publishedKey{k}
	}
	return keys, nil
}

func (p *provider) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != clientID {
		return nil, errors.New("no such client")
	}
	return client{p}, nil
}

func (p *provider) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != clientID || secret != clientSecret {
		return errors.New("no such client")
	}
	return nil
}

func (p *provider) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest says in the id token who somebody is.
func (p *provider) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	request, ok := r.(*authRequest)
	switch {
	case ok && p.lean:
		info.Subject = request.who.id
	case ok:
		request.who.tell(info)
	}
	return nil
}

// SetUserinfoFromToken says it to whoever asks with an access token.
func (p *provider) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, _, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[id].tell(info)
	return nil
}

func (s subject) tell(info *oidc.UserInfo) {
	info.Subject, info.Email, info.EmailVerified, info.Name = s.id, s.email, oidc.Bool(s.verified), s.name
	if s.groups != nil {
		info.AppendClaims("groups", s.groups)
	}
}

func (p *provider) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return nil
}

func (p *provider) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

func (p *provider) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("no such key")
}

func (p *provider) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, nil
}
func (p *provider) Health(context.Context) error { return nil }

// client is the platform as the provider knows it.
type client struct{ p *provider }

func (client) GetID() string                        { return clientID }
func (client) RedirectURIs() []string               { return []string{"http://headwater.test/auth/oidc/callback"} }
func (client) PostLogoutRedirectURIs() []string     { return nil }
func (client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeWeb }
func (client) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodBasic }
func (client) ResponseTypes() []oidc.ResponseType   { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (client) LoginURL(id string) string            { return "/login?id=" + id }
func (client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (client) DevMode() bool                        { return true }
func (client) IsScopeAllowed(string) bool           { return true }
func (client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (client) ClockSkew() time.Duration             { return 0 }

// IDTokenLifetime lets id tokens end by the clock of the test, though the
// provider itself lives in real time.
func (c client) IDTokenLifetime() time.Duration {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return time.Until(c.p.clock.Now().Add(c.p.life))
}

func (client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// sign makes a key sign, whether or not it is published.
func (p *provider) sign(with signingKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signer = &with
}
