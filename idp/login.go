package idp

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Client is the platform as an identity provider knows it.
type Client struct {
	Issuer string
	ID     string
	// Secret is empty for a client that proves itself by PKCE alone.
	Secret string
	// Scopes are asked for beside openid.
	Scopes []string
	// RedirectURL is where the provider sends people back to.
	RedirectURL string
	// Claims are those that the provider is asked for once more if its id token
	// leaves them out.
	Claims []string
}

// Attempt is what one sign-in is recognized by when it comes back.
type Attempt struct {
	State    string
	Nonce    string
	Verifier string
}

// Identity is who a provider says that somebody is.
type Identity struct {
	Issuer        string
	Subject       string
	Email         string
	EmailVerified bool
	Name          string

	claims map[string]json.RawMessage
}

// Texts returns the texts of a claim, which is a list of them or a single one.
func (i Identity) Texts(claim string) []string {
	raw, ok := i.claims[claim]
	if !ok {
		return nil
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var single string
	if json.Unmarshal(raw, &single) == nil {
		return []string{single}
	}
	return nil
}

// maxSubject is how long a subject is, in bytes; OpenID Connect says so.
const maxSubject = 255

func (d *Directory) config(c Client, said *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if len(said.AuthMethods) > 0 && !slices.Contains(said.AuthMethods, "client_secret_basic") || c.Secret == "" {
		style = oauth2.AuthStyleInParams
	}
	scopes := []string{oidc.ScopeOpenID}
	for _, scope := range c.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: c.RedirectURL, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: said.AuthorizationEndpoint, TokenURL: said.TokenEndpoint, AuthStyle: style},
	}
}

// AuthorizeURL returns where to lead somebody who signs in.
func (d *Directory) AuthorizeURL(ctx context.Context, c Client, a Attempt) (string, error) {
	said, err := d.find(ctx, c.Issuer)
	if err != nil {
		return "", err
	}
	if err := d.checkLogin(said); err != nil {
		return "", err
	}
	return d.config(c, said).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Exchange returns who the provider says that somebody is who came back with a
// code. named is the issuer that the answer names itself, if it does.
func (d *Directory) Exchange(ctx context.Context, c Client, a Attempt, code, named string) (Identity, error) {
	said, err := d.find(ctx, c.Issuer)
	if err != nil {
		return Identity{}, err
	}
	if err := d.checkLogin(said); err != nil {
		return Identity{}, err
	}
	if named != "" && named != c.Issuer || named == "" && said.NamesItself {
		return Identity{}, fmt.Errorf("the answer comes from %.100q", named)
	}
	told, err := d.config(c, said).Exchange(oidc.ClientContext(ctx, d.client), code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Identity{}, exchangeFailed(err)
	}
	raw, _ := told.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, errors.New("the provider gives no id token")
	}
	claims, err := d.checkIDToken(ctx, c, said, a.Nonce, raw)
	if err != nil {
		return Identity{}, err
	}
	if err := d.addUserinfo(ctx, c, said, told.AccessToken, claims); err != nil {
		return Identity{}, err
	}
	return identityOf(c.Issuer, claims)
}

// exchangeFailed keeps what the provider answered out of the log, which could be
// anything, but for the name of its error.
func exchangeFailed(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Errorf("the provider does not take the code: %.100q", refused.ErrorCode)
	}
	return fmt.Errorf("exchange the code: %w", err)
}

// checkIDToken returns the claims of an id token that the server made for this
// client and this attempt.
func (d *Directory) checkIDToken(ctx context.Context, c Client, said *metadata, nonce, raw string) (map[string]json.RawMessage, error) {
	verifier := oidc.NewVerifier(c.Issuer, signatures{d, said.JWKSURL}, &oidc.Config{
		ClientID: c.ID, SupportedSigningAlgs: said.signing(), Now: d.now,
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("check the id token: %w", err)
	}
	if token.Issuer != c.Issuer {
		return nil, fmt.Errorf("the id token is from %.100q", token.Issuer)
	}
	if nonce == "" || subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 {
		return nil, errors.New("the id token is not for this sign-in: its nonce is another")
	}
	claims := map[string]json.RawMessage{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the id token: %w", err)
	}
	party := text(claims, "azp")
	if party != "" && party != c.ID || party == "" && len(token.Audience) > 1 {
		return nil, fmt.Errorf("the id token is for the party %.100q", party)
	}
	return claims, nil
}

// addUserinfo adds the claims that a server tells of a person only when it is
// asked for them. What the id token says is signed and stays.
func (d *Directory) addUserinfo(ctx context.Context, c Client, said *metadata, bearer string, claims map[string]json.RawMessage) error {
	isMissing := func(name string) bool { _, ok := claims[name]; return !ok }
	if said.UserinfoEndpoint == "" || bearer == "" || !slices.ContainsFunc(c.Claims, isMissing) {
		return nil
	}
	if err := d.policy.CheckURL(said.UserinfoEndpoint); err != nil {
		return fmt.Errorf("the userinfo endpoint: %w", err)
	}
	more := map[string]json.RawMessage{}
	if err := d.getJSON(ctx, said.UserinfoEndpoint, bearer, &more); err != nil {
		return err
	}
	if text(more, "sub") != text(claims, "sub") {
		return errors.New("the userinfo is about somebody else")
	}
	// An address and whether it is verified come from one place together.
	if _, ok := claims["email"]; ok {
		delete(more, "email")
		delete(more, "email_verified")
	} else {
		delete(claims, "email_verified")
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
	return nil
}

func identityOf(issuer string, claims map[string]json.RawMessage) (Identity, error) {
	who := Identity{
		Issuer: issuer, Subject: text(claims, "sub"), Email: text(claims, "email"), Name: strings.TrimSpace(text(claims, "name")),
		EmailVerified: isTrue(claims["email_verified"]), claims: claims,
	}
	if who.Subject == "" || len(who.Subject) > maxSubject {
		return Identity{}, fmt.Errorf("the id token has a subject of %d bytes", len(who.Subject))
	}
	return who, nil
}

func text(claims map[string]json.RawMessage, name string) string {
	var value string
	if json.Unmarshal(claims[name], &value) != nil {
		return ""
	}
	return value
}

// isTrue reports whether a claim is true. Some servers say so with a text.
func isTrue(raw json.RawMessage) bool { return string(raw) == "true" || string(raw) == `"true"` }
