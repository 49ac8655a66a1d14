// Package password hashes passwords and checks them against their hashes.
//
// It owns the algorithm, argon2id, and how many hashes are computed at a time:
// each takes 64 MiB. It does not own the rules that a password must satisfy.
package password

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// Hasher computes at most a fixed number of hashes at a time.
type Hasher struct {
	params   *argon2id.Params
	slots    chan struct{}
	computed atomic.Int64
}

// NewHasher returns a hasher that computes at most n hashes at a time.
func NewHasher(n int) *Hasher {
	return &Hasher{params: argon2id.DefaultParams, slots: make(chan struct{}, n)}
}

// Hash returns the encoded hash of a password, with its parameters and a random
// salt. It waits for its turn or the end of the context.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	hash, err := argon2id.CreateHash(plain, h.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// Verify reports whether a hash is that of a password. Where there is no hash it
// computes one all the same, so that it takes as long to say no. It waits as Hash
// does.
func (h *Hasher) Verify(ctx context.Context, plain, hash string) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	against := hash
	if hash == "" {
		against = h.nobodys()
	}
	same, err := argon2id.ComparePasswordAndHash(plain, against)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return same && hash != "", nil
}

// Computed returns how many hashes were computed.
func (h *Hasher) Computed() int64 { return h.computed.Load() }

// turn returns once a hash may be computed; done is called when it is.
func (h *Hasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.slots <- struct{}{}:
		h.computed.Add(1)
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// nobodys returns what a hash looks like, of which nobody knows the password. It
// costs as much to check as any other.
func (h *Hasher) nobodys() string {
	zeros := func(n uint32) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		h.params.Memory, h.params.Iterations, h.params.Parallelism, zeros(h.params.SaltLength), zeros(h.params.KeyLength))
}
