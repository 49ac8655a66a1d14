package password_test

import (
	"context"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/headwater-platform/headwater/password"
)

func TestHash(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(1)
	hash, err := h.Hash(t.Context(), "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	for plain, want := range map[string]bool{"correct horse battery staple": true, "wrong": false} {
		if got, err := argon2id.ComparePasswordAndHash(plain, hash); err != nil || got != want {
			t.Errorf("compare %q: %v, %v, want %v", plain, got, err, want)
		}
	}
}

func TestHashWaitsNoLongerThanTheContext(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "anything"); err == nil {
		t.Error("hashed without a turn")
	}
}
