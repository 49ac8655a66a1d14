package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/typeid"
)

// The text of a refresh token is the prefix, the 26 characters of its session's
// id, the family and the secret.
const (
	refreshPrefix = "hwr_"
	sessionSize   = 26

	// familySize is in bytes.
	familySize = 16
)

// Refresh is a refresh token: what a client gets the next access token of its
// session with. The family is the same as long as the session lives, the secret
// is another each time. The store keeps a hash of each, so that a token that was
// used before is told from one that never was.
type Refresh struct {
	session uuid.UUID
	family  [familySize]byte
	secret  [secretSize]byte
}

// NewRefresh returns the first refresh token of a session.
func NewRefresh(session uuid.UUID, random io.Reader) (Refresh, error) {
	r := Refresh{session: session}
	if _, err := io.ReadFull(random, r.family[:]); err != nil {
		return Refresh{}, fmt.Errorf("make refresh token: %w", err)
	}
	return r.Next(random)
}

// Next returns a token of the same family with another secret.
func (r Refresh) Next(random io.Reader) (Refresh, error) {
	if _, err := io.ReadFull(random, r.secret[:]); err != nil {
		return Refresh{}, fmt.Errorf("make refresh token: %w", err)
	}
	return r, nil
}

// ParseRefresh reads what Text writes and nothing else. Whatever is wrong, it
// returns the same UNAUTHENTICATED error.
func ParseRefresh(text string) (Refresh, error) {
	refused := fault.New(fault.Unauthenticated, "the token is not valid")
	family := secretEncoding().EncodedLen(familySize)
	rest, ok := strings.CutPrefix(text, refreshPrefix)
	if !ok || len(rest) != sessionSize+family+secretEncoding().EncodedLen(secretSize) {
		return Refresh{}, refused
	}
	session, err := typeid.Parse(string(typeid.Session) + "_" + rest[:sessionSize])
	if err != nil {
		return Refresh{}, refused
	}
	r := Refresh{session: session.UUID}
	if !decode(r.family[:], rest[sessionSize:sessionSize+family]) || !decode(r.secret[:], rest[sessionSize+family:]) {
		return Refresh{}, refused
	}
	return r, nil
}

// decode fills the bytes with what a text says, or returns false.
func decode(into []byte, text string) bool {
	read, err := secretEncoding().DecodeString(text)
	return err == nil && copy(into, read) == len(into) && len(read) == len(into)
}

// Session returns the session whose token it is.
func (r Refresh) Session() uuid.UUID { return r.session }

// Text returns the token as the client sends it. It is told once and kept
// nowhere.
func (r Refresh) Text() string {
	_, id, _ := strings.Cut(typeid.New(typeid.Session, r.session).String(), "_")
	return refreshPrefix + id + secretEncoding().EncodeToString(r.family[:]) + secretEncoding().EncodeToString(r.secret[:])
}

// FamilyHash returns the hash of the part that stays, SHA-256 in hexadecimal.
func (r Refresh) FamilyHash() string { return hexOf(r.family[:]) }

// Hash returns the hash of the part that is new each time.
func (r Refresh) Hash() string { return hexOf(r.secret[:]) }

func hexOf(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}

// IsOfFamily reports whether a hash is that of the token's family, and IsCurrent
// whether one is that of its secret. Both take as long for a hash that begins
// alike as for any other.
func (r Refresh) IsOfFamily(hash string) bool { return equal(r.FamilyHash(), hash) }

// IsCurrent is explained with IsOfFamily.
func (r Refresh) IsCurrent(hash string) bool { return equal(r.Hash(), hash) }

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// String returns the public half, so that a log or an error never holds the
// secret.
func (r Refresh) String() string {
	return refreshPrefix + typeid.New(typeid.Session, r.session).String()
}

// GoString does what String does, for %#v.
func (r Refresh) GoString() string { return r.String() }
