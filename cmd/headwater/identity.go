package main

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/outbound"
	"github.com/headwater-platform/headwater/server"
	"github.com/headwater-platform/headwater/service/identity"
	"github.com/headwater-platform/headwater/service/sessions"
	"github.com/headwater-platform/headwater/service/webhooks"
	"github.com/headwater-platform/headwater/token"
)

// identifyWith adds the service that lets organizations say in their own ways who
// somebody is, and the one that calls their webhooks. They may call what the policy
// allows. What has to be read again is sealed with the issuer's keys from then on.
func (p *platform) identifyWith(issuer token.Issuer, address string, policy outbound.Policy) {
	p.services.Usage.SealWith(issuer.Keys)
	p.services.Webhooks = webhooks.New(p.db, p.records, webhooks.Options{Keys: issuer.Keys, Random: rand.Reader, Policy: policy})
	p.services.Identity = identity.New(p.db, p.records, identity.Options{
		Directory: idp.NewDirectory(policy, p.db.Now), Keys: issuer.Keys, Random: rand.Reader,
		Address: address, OwnIssuer: issuer.Name,
		Open: p.openSession,
	})
}

// signIn returns what the server needs to lead browsers to identity providers.
func (p *platform) signIn(address string) *server.SignIn {
	return &server.SignIn{
		Depart: func(ctx context.Context, provider, returnTo, link string) (server.Departure, error) {
			to, err := p.services.Identity.Depart(ctx, provider, returnTo, link)
			if err != nil {
				return server.Departure{}, err
			}
			return server.Departure{URL: to.URL, CookieName: to.Cookie.Name, CookieValue: to.Cookie.Value, CookieLife: to.Cookie.Life}, nil
		},
		Arrive: func(ctx context.Context, a server.Arrival) (string, error) {
			return p.services.Identity.Arrive(ctx, identity.Arrival{
				State: a.State, Code: a.Code, Error: a.Error, Issuer: a.Issuer, Cookie: a.Cookie(identity.CookieName(a.State)),
			})
		},
		Secure: strings.HasPrefix(address, "https://"),
	}
}

// isForeign reports whether a bearer claims to be of an issuer other than the
// platform. That proves nothing: it decides who checks the bearer.
func isForeign(issuer token.Issuer, bearer string) bool {
	claimed, err := idp.Peek(bearer)
	return err == nil && claimed.Issuer != "" && claimed.Issuer != issuer.Name
}

// openSession opens the session of somebody who signed in through a provider.
func (p *platform) openSession(ctx context.Context, s identity.SignedIn) (*identity.Session, error) {
	tokens, err := p.services.Sessions.Open(ctx, sessions.Opening{
		User: s.User, Method: access.ByOIDC, SecondFactor: s.MFA, Organization: s.Organization, Provider: s.Provider, Action: "exchangeSignInCode",
	})
	if err != nil {
		return nil, err
	}
	return &identity.Session{AccessToken: tokens.AccessToken, ExpiresAt: tokens.ExpiresAt, RefreshToken: tokens.RefreshToken}, nil
}
