package idp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keySet is the keys that a server publishes. They are read anew when they are
// no longer recent, and when a token names one that is not there, but not more
// often than once per pause: what somebody makes up costs the server nothing.
type keySet struct {
	mu    sync.Mutex
	at    time.Time
	tried time.Time
	keys  *jose.JSONWebKeySet
	err   error
}

// maxKeys is how many keys of a server are looked at.
const maxKeys = 100

// signatures checks signatures with the keys at an address. It implements
// oidc.KeySet.
type signatures struct {
	directory *Directory
	jwksURL   string
}

// VerifySignature returns the payload of a token that is signed with one of the
// keys. The algorithms were pinned before.
func (s signatures) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	supported := make([]jose.SignatureAlgorithm, 0, len(algorithms()))
	for _, name := range algorithms() {
		supported = append(supported, jose.SignatureAlgorithm(name))
	}
	signed, err := jose.ParseSignedCompact(raw, supported)
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	if len(signed.Signatures) != 1 {
		return nil, errors.New("a token has one signature")
	}
	header := signed.Signatures[0].Protected
	keys, err := s.directory.keysFor(ctx, s.jwksURL, header.KeyID, header.Algorithm)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if payload, err := signed.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("no key %.40q of the server has signed the token", header.KeyID)
}

// keysFor returns the keys that a token may be signed with: that which it names,
// or all if it names none.
func (d *Directory) keysFor(ctx context.Context, jwksURL, id, algorithm string) ([]any, error) {
	d.mu.Lock()
	s := place(d.keys, jwksURL)
	d.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := d.now()
	if s.keys == nil || !now.Before(s.at.Add(remembered)) {
		// What is too old is not used, whether or not there is anything newer.
		s.keys = nil
		if err := d.refresh(ctx, s, jwksURL, now); err != nil {
			return nil, err
		}
	}
	found := usable(s.keys, id, algorithm)
	if len(found) == 0 && !now.Before(s.tried.Add(pause)) {
		if err := d.refresh(ctx, s, jwksURL, now); err != nil {
			return nil, err
		}
		found = usable(s.keys, id, algorithm)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the server has no key %.40q", id)
	}
	return found, nil
}

// refresh reads the keys at an address, unless that failed a moment ago.
func (d *Directory) refresh(ctx context.Context, s *keySet, jwksURL string, now time.Time) error {
	if s.err != nil && now.Before(s.tried.Add(pause)) {
		return s.err
	}
	keys, err := d.readKeys(ctx, jwksURL)
	if err != nil {
		if ctx.Err() == nil { // It is the server's fault, and not that of a client who went away.
			s.tried, s.err = now, err
		}
		return err
	}
	s.at, s.tried, s.keys, s.err = now, now, keys, nil
	return nil
}

// readKeys reads the keys at an address.
func (d *Directory) readKeys(ctx context.Context, jwksURL string) (*jose.JSONWebKeySet, error) {
	if err := d.policy.CheckURL(jwksURL); err != nil {
		return nil, fmt.Errorf("the keys at %s: %w", jwksURL, err)
	}
	var keys jose.JSONWebKeySet
	if err := d.getJSON(ctx, jwksURL, "", &keys); err != nil {
		return nil, err
	}
	if len(keys.Keys) > maxKeys {
		return nil, fmt.Errorf("there are %d keys at %s, the limit is %d", len(keys.Keys), jwksURL, maxKeys)
	}
	return &keys, nil
}

// usable returns the public keys of a set that have the id, all for no id, and
// that are for signatures with the algorithm. Shared secrets are never among
// them.
func usable(set *jose.JSONWebKeySet, id, algorithm string) []any {
	var found []any
	for _, key := range set.Keys {
		switch {
		case id != "" && key.KeyID != id,
			key.Use != "" && key.Use != "sig",
			key.Algorithm != "" && key.Algorithm != algorithm,
			!key.Valid(), !key.IsPublic():
		default:
			found = append(found, key.Key)
		}
	}
	return found
}
