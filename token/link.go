package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// Purpose says what a link that is mailed is good for. One for something else is
// not taken.
type Purpose string

// The purposes. Their subjects are an invitation, or else a user.
const (
	AcceptInvitation Purpose = "accept-invitation"
	SetPassword      Purpose = "set-password"
	VerifyEmail      Purpose = "verify-email"
)

// linkType is the type of the JWT in a link, so that it is never taken for an
// access token.
const linkType = "link+jwt"

// Link is what the token in a mailed link says. Nothing of it is stored: it is
// worth nothing once what it names counts further than it, so each is good once
// at the most.
type Link struct {
	Purpose Purpose
	// Subject is the invitation or the user.
	Subject typeid.ID
	// Count is how often an invitation was sent, or the version of a user's
	// credentials.
	Count int
	// Address is the one that a user is to have once the link is followed, or ""
	// for the one that they have. The link was mailed to it.
	Address string
	// ExpiresAt is exact to the second.
	ExpiresAt time.Time
}

type linkClaims struct {
	jwt.RegisteredClaims
	Purpose Purpose `json:"use"`
	Count   int     `json:"n"`
	Address string  `json:"address,omitempty"`
}

// SignLink returns the token that says a link.
func (i Issuer) SignLink(l Link) (string, error) {
	if err := i.check(); err != nil {
		return "", err
	}
	if l.Subject.IsZero() || l.Purpose == "" || l.ExpiresAt.IsZero() {
		return "", errors.New("sign link: a link needs a purpose, a subject and an end")
	}
	key := i.Keys.newest()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, linkClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.Name, Audience: jwt.ClaimStrings{i.Audience}, Subject: l.Subject.String(),
			ExpiresAt: jwt.NewNumericDate(l.ExpiresAt),
		},
		Purpose: l.Purpose, Count: l.Count, Address: l.Address,
	})
	unsigned.Header["typ"] = linkType
	unsigned.Header["kid"] = key.id
	raw, err := unsigned.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign link: %w", err)
	}
	return raw, nil
}

// VerifyLink returns what the token of a link says. It returns the same INVALID
// error of the field "token" for whatever is wrong with it. Whether the link has
// been used is for those to say who know its subject.
func (i Issuer) VerifyLink(raw string, purpose Purpose) (Link, error) {
	l, err := i.verifyLink(raw, purpose)
	if err != nil {
		return Link{}, &fault.Error{Code: fault.Invalid, Field: "token", Message: "the link is not valid or has expired", Err: err}
	}
	return l, nil
}

func (i Issuer) verifyLink(raw string, purpose Purpose) (Link, error) {
	if err := i.check(); err != nil {
		return Link{}, err
	}
	if len(raw) > MaxSize {
		return Link{}, fmt.Errorf("the link has %d bytes, the limit is %d", len(raw), MaxSize)
	}
	var claims linkClaims
	if _, err := i.parser().ParseWithClaims(raw, &claims, i.keyOf(linkType)); err != nil {
		return Link{}, err
	}
	if claims.Purpose != purpose {
		return Link{}, fmt.Errorf("the link is for %q", claims.Purpose)
	}
	subject, err := typeid.Parse(claims.Subject)
	if err != nil {
		return Link{}, fmt.Errorf("read sub: %w", err)
	}
	return Link{Purpose: purpose, Subject: subject, Count: claims.Count, Address: claims.Address, ExpiresAt: claims.ExpiresAt.UTC()}, nil
}
