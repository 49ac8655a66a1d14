package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// sealing is what the keys that seal are derived for.
const sealing = "headwater seal v1"

// Seal returns a secret that the platform has to be able to read again, such as
// the one of a second factor, in a form that is worth nothing without the
// signing keys: AES-256-GCM under a key that HKDF-SHA-256 derives from the newest
// one. The binding says what it belongs to; it opens with the same only.
func (k *Keys) Seal(secret, binding string) (string, error) {
	key := k.newest()
	box, err := key.box()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	sealed := box.Seal(nonce, nonce, []byte(secret), []byte(binding))
	return key.id + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open returns what was sealed. It fails where the key is no longer in the file,
// where the binding is another, and where the text was changed.
func (k *Keys) Open(sealed, binding string) (string, error) {
	id, text, _ := strings.Cut(sealed, ".")
	for _, key := range k.keys {
		if key.id != id {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return "", fmt.Errorf("open seal: %w", err)
		}
		box, err := key.box()
		if err != nil {
			return "", err
		}
		if len(raw) < box.NonceSize() {
			return "", errors.New("open seal: it is too short")
		}
		plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], []byte(binding))
		if err != nil {
			return "", fmt.Errorf("open seal: %w", err)
		}
		return string(plain), nil
	}
	return "", errors.New("open seal: its key is not among the signing keys")
}

// box returns the cipher that a signing key seals with.
func (k key) box() (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k.private.Seed(), nil, sealing, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCM(block)
}
