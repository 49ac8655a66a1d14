// Package password hashes passwords and checks them against their hashes.
//
// It owns the algorithm, argon2id, and how many hashes are computed at a time:
// each takes 64 MiB. It does not own the rules that a password must satisfy.
package password

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// Hasher computes at most a fixed number of hashes at a time.
type Hasher struct {
	params *argon2id.Params
	slots  chan struct{}
}

// NewHasher returns a hasher that computes at most n hashes at a time.
func NewHasher(n int) *Hasher {
	return &Hasher{params: argon2id.DefaultParams, slots: make(chan struct{}, n)}
}

// Hash returns the encoded hash of a password, with its parameters and a random
// salt. It waits for its turn or the end of the context.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	hash, err := argon2id.CreateHash(plain, h.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}
