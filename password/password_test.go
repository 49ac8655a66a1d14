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

func TestVerify(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(1)
	hash, err := h.Hash(t.Context(), "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		plain, hash string
		want        bool
	}{
		{"correct horse battery staple", hash, true},
		{"correct horse battery stapl", hash, false},
		{"", hash, false},
		{"", "", false},
		{"correct horse battery staple", "", false},
	} {
		before := h.Computed()
		if got, err := h.Verify(t.Context(), tt.plain, tt.hash); err != nil || got != tt.want {
			t.Errorf("verify %q against %q: %v, %v, want %v", tt.plain, tt.hash, got, err, tt.want)
		}
		if n := h.Computed() - before; n != 1 {
			t.Errorf("verify %q against %q computed %d hashes", tt.plain, tt.hash, n)
		}
	}
	if _, err := h.Verify(t.Context(), "anything", "no hash"); err == nil {
		t.Error("what is no hash was compared")
	}
}

// TestNobodysHashCostsAsMuch wants that the hash which stands for no account has
// the parameters of the others.
func TestNobodysHashCostsAsMuch(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(1)
	hash, err := h.Hash(t.Context(), "anything")
	if err != nil {
		t.Fatal(err)
	}
	want, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		t.Fatal(err)
	}
	got, salt, key, err := argon2id.DecodeHash(password.Nobodys(h))
	if err != nil || *got != *want || len(salt) != int(want.SaltLength) || len(key) != int(want.KeyLength) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestVerifyWaitsNoLongerThanTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := password.NewHasher(0).Verify(ctx, "anything", ""); err == nil {
		t.Error("verified without a turn")
	}
}
