package idp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 8 << 10

// Issuer is a server whose tokens are trusted as they come.
type Issuer struct {
	Issuer   string
	Audience string
	// JWKSURL is where its keys are; they are discovered if it is empty.
	JWKSURL string
}

// Claimed is what a token says of itself before anybody has checked it.
type Claimed struct {
	Issuer    string
	Audiences []string
}

// Peek returns who a token claims to be from and for. It proves nothing.
func Peek(raw string) (Claimed, error) {
	if len(raw) > maxToken {
		return Claimed{}, fmt.Errorf("the token has %d bytes, the limit is %d", len(raw), maxToken)
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return Claimed{}, errors.New("the token has not three parts")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claimed{}, fmt.Errorf("read token: %w", err)
	}
	var claims struct {
		Issuer   string          `json:"iss"`
		Audience json.RawMessage `json:"aud"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claimed{}, fmt.Errorf("read token: %w", err)
	}
	audiences := Identity{claims: map[string]json.RawMessage{"aud": claims.Audience}}.Texts("aud")
	return Claimed{Issuer: claims.Issuer, Audiences: audiences}, nil
}

// Subject returns the subject of a token that the issuer made for the audience
// and that has not ended.
func (d *Directory) Subject(ctx context.Context, from Issuer, raw string) (string, error) {
	if len(raw) > maxToken || from.Issuer == "" || from.Audience == "" {
		return "", errors.New("the token is too long, or nobody's")
	}
	if from.JWKSURL == "" {
		said, err := d.find(ctx, from.Issuer)
		if err != nil {
			return "", err
		}
		from.JWKSURL = said.JWKSURL
	}
	verifier := oidc.NewVerifier(from.Issuer, signatures{d, from.JWKSURL}, &oidc.Config{
		ClientID: from.Audience, SupportedSigningAlgs: algorithms(), Now: d.now,
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("check token: %w", err)
	}
	if token.Issuer != from.Issuer || token.Subject == "" {
		return "", fmt.Errorf("the token of %.100q has the issuer %.100q", token.Subject, token.Issuer)
	}
	return token.Subject, nil
}
