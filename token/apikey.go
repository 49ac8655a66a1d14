package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/headwater-platform/headwater/fault"
)

// The text of an API key is the prefix, the access key, an underscore and the
// secret.
const (
	apiKeyPrefix = "hw_"

	// accessKeyAlphabet has so many characters that 252 = 7·36 of the values of a
	// byte fall on them evenly.
	accessKeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	accessKeySize     = 20

	// secretSize is in bytes.
	secretSize = 32
)

// apiKeySize is how long the text of every API key is, in bytes.
func apiKeySize() int {
	return len(apiKeyPrefix) + accessKeySize + len("_") + secretEncoding().EncodedLen(secretSize)
}

// secretEncoding has one text for each secret only.
func secretEncoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// APIKey is a secret that a person or an application calls the API with. The
// store keeps its access key, by which it is found, and its hash.
type APIKey struct {
	accessKey string
	secret    [secretSize]byte
}

// NewAPIKey returns a new key from a source of randomness.
func NewAPIKey(random io.Reader) (APIKey, error) {
	var k APIKey
	var err error
	if k.accessKey, err = newAccessKey(random); err != nil {
		return APIKey{}, fmt.Errorf("make API key: %w", err)
	}
	if _, err := io.ReadFull(random, k.secret[:]); err != nil {
		return APIKey{}, fmt.Errorf("make API key: %w", err)
	}
	return k, nil
}

// newAccessKey returns one of 36^20 names, all equally likely.
func newAccessKey(random io.Reader) (string, error) {
	const n = len(accessKeyAlphabet)
	var name [accessKeySize]byte
	var drawn [1]byte
	for i := 0; i < len(name); {
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return "", err
		}
		if int(drawn[0]) >= 256/n*n {
			continue
		}
		name[i] = accessKeyAlphabet[int(drawn[0])%n]
		i++
	}
	return string(name[:]), nil
}

// RenewAPIKey returns a key of an access key with another secret.
func RenewAPIKey(accessKey string, random io.Reader) (APIKey, error) {
	k := APIKey{accessKey: accessKey}
	if _, err := io.ReadFull(random, k.secret[:]); err != nil {
		return APIKey{}, fmt.Errorf("renew API key: %w", err)
	}
	return k, nil
}

// IsAPIKey reports whether a bearer is meant to be an API key and not an access
// token.
func IsAPIKey(bearer string) bool { return strings.HasPrefix(bearer, apiKeyPrefix) }

// ParseAPIKey reads what Text writes and nothing else. Whatever is wrong, it
// returns the same UNAUTHENTICATED error.
func ParseAPIKey(text string) (APIKey, error) {
	refused := fault.New(fault.Unauthenticated, "the token is not valid")
	if len(text) != apiKeySize() || !IsAPIKey(text) {
		return APIKey{}, refused
	}
	rest := text[len(apiKeyPrefix):]
	accessKey, separator, encoded := rest[:accessKeySize], rest[accessKeySize], rest[accessKeySize+1:]
	if separator != '_' || strings.Trim(accessKey, accessKeyAlphabet) != "" {
		return APIKey{}, refused
	}
	secret, err := secretEncoding().DecodeString(encoded)
	if err != nil || len(secret) != secretSize {
		return APIKey{}, refused
	}
	return APIKey{accessKey: accessKey, secret: [secretSize]byte(secret)}, nil
}

// AccessKey returns the public half: 20 characters of A–Z and 0–9.
func (k APIKey) AccessKey() string { return k.accessKey }

// Text returns the key as its bearer sends it. It is told once and kept nowhere.
func (k APIKey) Text() string {
	return apiKeyPrefix + k.accessKey + "_" + secretEncoding().EncodeToString(k.secret[:])
}

// Hash returns the hash that the store keeps, SHA-256 in hexadecimal. The secret
// has 256 random bits, so that a slow hash would add nothing.
func (k APIKey) Hash() string {
	sum := sha256.Sum256([]byte(k.Text()))
	return hex.EncodeToString(sum[:])
}

// String returns the public half, so that a log or an error never holds the
// secret.
func (k APIKey) String() string { return apiKeyPrefix + k.accessKey }

// GoString does what String does, for %#v.
func (k APIKey) GoString() string { return k.String() }
