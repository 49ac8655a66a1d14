// Package idp talks to the servers of others that say who somebody is: identity
// providers, which people are led to by redirect, and issuers, whose tokens are
// trusted as they come.
//
// It owns the protocol – discovery, published keys, the authorization code flow
// with PKCE, the checks of a token – and what of it is remembered. It does not
// own whom a subject stands for nor who may configure what (the services), nor
// which addresses may be called (outbound).
package idp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/headwater-platform/headwater/outbound"
)

const (
	// remembered is how long what a server says of itself is good, and its keys:
	// a key that it takes back is not accepted for longer.
	remembered = 10 * time.Minute
	// pause is how long nothing is asked again of a server after it was asked, so
	// that tokens with made-up keys do not become requests to others.
	pause = 10 * time.Second
	// maxServers bounds the memory.
	maxServers = 1000
)

// Directory knows servers as far as they were asked for. It is shared by all
// who ask.
type Directory struct {
	policy outbound.Policy
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	servers map[string]*server
	keys    map[string]*keySet
}

// NewDirectory returns a directory that calls what the policy allows.
func NewDirectory(policy outbound.Policy, now func() time.Time) *Directory {
	return &Directory{
		policy: policy, client: policy.Client(), now: now,
		servers: map[string]*server{}, keys: map[string]*keySet{},
	}
}

// CheckURL returns what is wrong with the URL of a server, in words that may be
// shown.
func (d *Directory) CheckURL(text string) error { return d.policy.CheckURL(text) }

// metadata is what a server says of itself.
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURL               string   `json:"jwks_uri"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself           bool     `json:"authorization_response_iss_parameter_supported"`
}

// server is a server that was asked what it is.
type server struct {
	mu    sync.Mutex
	at    time.Time
	tried time.Time
	said  *metadata
	err   error
}

// algorithms are those whose signatures nobody but the holder of a private key
// can make.
func algorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
}

// Discover asks a server anew what it is, and returns an error unless people can
// be led to it: it names itself as it is called, and its endpoints may be called.
func (d *Directory) Discover(ctx context.Context, issuer string) error {
	said, err := d.ask(ctx, issuer)
	if err != nil {
		return err
	}
	return d.checkLogin(said)
}

// DiscoverKeys asks a server anew where its keys are, and reads them.
func (d *Directory) DiscoverKeys(ctx context.Context, issuer, jwksURL string) error {
	if jwksURL == "" {
		said, err := d.ask(ctx, issuer)
		if err != nil {
			return err
		}
		jwksURL = said.JWKSURL
	}
	_, err := d.readKeys(ctx, jwksURL)
	return err
}

// ask reads the discovery document of a server.
func (d *Directory) ask(ctx context.Context, issuer string) (*metadata, error) {
	if err := d.policy.CheckURL(issuer); err != nil {
		return nil, err
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, d.client), issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", issuer, err)
	}
	said := &metadata{}
	if err := provider.Claims(said); err != nil {
		return nil, fmt.Errorf("read what %s says of itself: %w", issuer, err)
	}
	if err := d.policy.CheckURL(said.JWKSURL); err != nil {
		return nil, fmt.Errorf("the keys of %s: %w", issuer, err)
	}
	return said, nil
}

// checkLogin returns an error unless people can be led to a server.
func (d *Directory) checkLogin(said *metadata) error {
	for name, endpoint := range map[string]string{"authorization": said.AuthorizationEndpoint, "token": said.TokenEndpoint} {
		if err := d.policy.CheckURL(endpoint); err != nil {
			return fmt.Errorf("the %s endpoint of %s: %w", name, said.Issuer, err)
		}
	}
	if len(said.signing()) == 0 {
		return fmt.Errorf("%s signs with no algorithm that is accepted", said.Issuer)
	}
	return nil
}

// signing returns the algorithms that the server signs with and that are
// accepted. One that names none signs with RS256.
func (m *metadata) signing() []string {
	if len(m.Algorithms) == 0 {
		return []string{oidc.RS256}
	}
	accepted := algorithms()
	return slices.DeleteFunc(slices.Clone(m.Algorithms), func(name string) bool { return !slices.Contains(accepted, name) })
}

// find returns what a server says of itself, from memory if that is recent.
func (d *Directory) find(ctx context.Context, issuer string) (*metadata, error) {
	s := d.server(issuer)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := d.now()
	if s.said != nil && now.Before(s.at.Add(remembered)) {
		return s.said, nil
	}
	if s.err != nil && now.Before(s.tried.Add(pause)) {
		return nil, s.err
	}
	s.tried = now
	said, err := d.ask(ctx, issuer)
	if err != nil {
		if ctx.Err() == nil { // It is the server's fault, and not that of a client who went away.
			s.err = err
		}
		return nil, err
	}
	s.at, s.said, s.err = now, said, nil
	return said, nil
}

// server returns the place where a server is remembered.
func (d *Directory) server(issuer string) *server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return place(d.servers, issuer)
}

// place returns the value of a key, which is made where there is none. Where
// there is no room, all others are forgotten.
func place[V any](of map[string]*V, key string) *V {
	if found, ok := of[key]; ok {
		return found
	}
	if len(of) >= maxServers {
		clear(of)
	}
	made := new(V)
	of[key] = made
	return made
}

// getJSON reads a JSON document.
func (d *Directory) getJSON(ctx context.Context, url, bearer string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	request.Header.Set("Accept", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	err = decode(response, into)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}

func decode(response *http.Response, into any) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %d", response.StatusCode)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
