// Package token makes and checks access tokens: JWTs that this installation
// signs with Ed25519 and nobody else can.
//
// It owns the signing keys, the claims and what is published about them. It
// does not own what a token allows (access), whether its session still lives
// (the services) nor refresh tokens. The text of API keys, which are random
// secrets, is here too; their lives are the services'.
package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

const (
	// MaxSize is the longest text, in bytes, that Verify looks at.
	MaxSize = 8 << 10

	// algorithm is the only one that is signed with or accepted.
	algorithm = "EdDSA"

	// tokenType keeps other JWTs that the same keys may sign one day from
	// being taken for access tokens.
	tokenType = "at+jwt"

	// leeway is how far the clocks of two processes may differ.
	leeway = 10 * time.Second
)

// Claims is what an access token says.
type Claims struct {
	// Subject is the user or application that bears the token.
	Subject typeid.ID
	// Organization confines the token to an organization and what flows down
	// from it. The zero ID confines it to nothing.
	Organization typeid.ID
	// Session is the login the token belongs to, or the zero ID for a token
	// that was made without one.
	Session typeid.ID
	// Key is the API key that the token was given for, or the zero ID. The token
	// is worth nothing without it.
	Key typeid.ID
	// ID names this token. Sign makes one where it is empty.
	ID string
	// IssuedAt is when the token was made. Sign takes the clock where it is zero.
	IssuedAt time.Time
	// ExpiresAt is when the token ends. It is required and exact to the second.
	ExpiresAt time.Time
}

// Issuer signs and verifies the tokens of one installation. Name and Audience
// are constants of the installation, not derived from its address, so that
// tokens outlive a move. All fields are required.
type Issuer struct {
	Name     string
	Audience string
	Keys     *Keys
	Now      func() time.Time
}

// wireClaims is the payload of the JWT.
type wireClaims struct {
	jwt.RegisteredClaims
	Organization string `json:"org,omitempty"`
	Session      string `json:"sid,omitempty"`
	Key          string `json:"key,omitempty"`
}

// Sign returns the token that says the claims.
func (i Issuer) Sign(c Claims) (string, error) {
	if err := i.check(); err != nil {
		return "", err
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	if c.IssuedAt.IsZero() {
		c.IssuedAt = i.Now()
	}
	key := i.Keys.newest()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    i.Name,
			Audience:  jwt.ClaimStrings{i.Audience},
			Subject:   c.Subject.String(),
			ID:        c.ID,
			IssuedAt:  jwt.NewNumericDate(c.IssuedAt),
			ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		Organization: c.Organization.String(),
		Session:      c.Session.String(),
		Key:          c.Key.String(),
	})
	unsigned.Header["typ"] = tokenType
	unsigned.Header["kid"] = key.id
	raw, err := unsigned.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return raw, nil
}

// Verify returns what a token says. Whatever is wrong with it, the answer is
// the same UNAUTHENTICATED error; only its cause tells what.
func (i Issuer) Verify(raw string) (Claims, error) {
	c, err := i.verify(raw)
	if err != nil {
		return Claims{}, &fault.Error{Code: fault.Unauthenticated, Message: "the token is not valid or has expired", Err: err}
	}
	return c, nil
}

func (i Issuer) verify(raw string) (Claims, error) {
	if err := i.check(); err != nil {
		return Claims{}, err
	}
	if len(raw) > MaxSize {
		return Claims{}, fmt.Errorf("the token has %d bytes, the limit is %d", len(raw), MaxSize)
	}
	var wire wireClaims
	if _, err := i.parser().ParseWithClaims(raw, &wire, i.keyOf(tokenType)); err != nil {
		return Claims{}, err
	}
	return wire.read()
}

// parser returns the one way in which tokens of the installation are read.
func (i Issuer) parser() *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithIssuer(i.Name),
		jwt.WithAudience(i.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(i.Now),
		jwt.WithStrictDecoding(),
	)
}

// keyOf returns the function that finds the key of a token of one type by its
// name and never tries one after another.
func (i Issuer) keyOf(wanted string) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != wanted {
			return nil, fmt.Errorf("the token is not of type %s", wanted)
		}
		if _, critical := t.Header["crit"]; critical {
			return nil, errors.New("critical header parameters are not understood")
		}
		id, _ := t.Header["kid"].(string)
		public, ok := i.Keys.find(id)
		if !ok {
			return nil, fmt.Errorf("unknown key %q", id)
		}
		return public, nil
	}
}

// check refuses an issuer that would verify less than it seems to: an empty
// name or audience switches the comparison off in the JWT library.
func (i Issuer) check() error {
	if i.Name == "" || i.Audience == "" || i.Keys == nil || i.Now == nil {
		return errors.New("a token issuer needs a name, an audience, keys and a clock")
	}
	return nil
}

func (c Claims) check() error {
	switch {
	case c.Subject.Kind != typeid.User && c.Subject.Kind != typeid.Application:
		return fmt.Errorf("the subject %q is neither a user nor an application", c.Subject)
	case !c.Organization.IsZero() && c.Organization.Kind != typeid.Organization:
		return fmt.Errorf("%q is not an organization", c.Organization)
	case !c.Session.IsZero() && c.Session.Kind != typeid.Session:
		return fmt.Errorf("%q is not a session", c.Session)
	case !c.Key.IsZero() && (c.Key.Kind != typeid.APIKey || c.Organization.IsZero()):
		return fmt.Errorf("%q is not an API key of an organization", c.Key)
	case c.ExpiresAt.IsZero():
		return errors.New("a token needs an end")
	}
	return nil
}

func (w wireClaims) read() (Claims, error) {
	if w.ID == "" || w.IssuedAt == nil {
		return Claims{}, errors.New("jti and iat are required")
	}
	c := Claims{ID: w.ID, IssuedAt: w.IssuedAt.UTC(), ExpiresAt: w.ExpiresAt.UTC()}
	var err error
	if c.Subject, err = typeid.Parse(w.Subject); err != nil {
		return Claims{}, fmt.Errorf("read sub: %w", err)
	}
	if c.Organization, err = parseOptional(w.Organization); err != nil {
		return Claims{}, fmt.Errorf("read org: %w", err)
	}
	if c.Session, err = parseOptional(w.Session); err != nil {
		return Claims{}, fmt.Errorf("read sid: %w", err)
	}
	if c.Key, err = parseOptional(w.Key); err != nil {
		return Claims{}, fmt.Errorf("read key: %w", err)
	}
	return c, c.check()
}

func parseOptional(s string) (typeid.ID, error) {
	if s == "" {
		return typeid.ID{}, nil
	}
	return typeid.Parse(s)
}

// OpenIDConfiguration returns the discovery document for an installation that
// clients reach at the address, such as https://cloud.example.
func (i Issuer) OpenIDConfiguration(address string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"issuer":                                i.Name,
		"jwks_uri":                              strings.TrimSuffix(address, "/") + "/.well-known/jwks.json",
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{algorithm},
		"claims_supported":                      []string{"iss", "aud", "sub", "org", "sid", "key", "jti", "iat", "exp"},
	})
}
