package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// pemType is the PEM label of a PKCS #8 key.
const pemType = "PRIVATE KEY"

// Keys is the signing keys of an installation. The newest signs; all of them
// verify, so that a key can be retired once its last token has expired.
type Keys struct {
	// keys is in the order of the file: the last is the newest.
	keys []key
}

type key struct {
	id      string
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// NewKeys returns a set of the keys, oldest first. It refuses an empty set.
func NewKeys(private ...ed25519.PrivateKey) (*Keys, error) {
	if len(private) == 0 {
		return nil, errors.New("a key set needs at least one key")
	}
	set := &Keys{keys: make([]key, 0, len(private))}
	for _, p := range private {
		public, ok := p.Public().(ed25519.PublicKey)
		if !ok || len(p) != ed25519.PrivateKeySize {
			return nil, errors.New("not an Ed25519 private key")
		}
		set.keys = append(set.keys, key{id: thumbprint(public), private: p, public: public})
	}
	return set, nil
}

// OpenKeys reads the key file, which it creates with one new key where there is
// none. The file holds one or more PKCS #8 keys in PEM, and the last one signs:
// append a key to rotate, remove the first when its tokens have expired.
//
// The file must not be accessible to others nor writable by its group; a group
// may read it, because that is how secrets are mounted for a service account.
func OpenKeys(path string) (*Keys, error) {
	set, err := readKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return set, err
	}
	if err := createKeyFile(path); err != nil {
		return nil, fmt.Errorf("create signing key file %s: %w", path, err)
	}
	return readKeys(path)
}

func readKeys(path string) (*Keys, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("read signing key file: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := checkMode(file); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(file); err != nil {
		return nil, fmt.Errorf("read signing key file: %w", err)
	}
	set, err := parseKeys(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read signing key file %s: %w", path, err)
	}
	return set, nil
}

// checkMode looks at the open file, not at the path, so that what is checked is
// what is read.
func checkMode(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read signing key file: %w", err)
	}
	const forbidden = 0o037
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&forbidden != 0 {
		return fmt.Errorf("signing key file %s has mode %04o, which lets others use it: run chmod 600 on it", file.Name(), mode)
	}
	return nil
}

func parseKeys(text []byte) (*Keys, error) {
	var private []ed25519.PrivateKey
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("there is something that is not PEM")
		}
		p, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(private)+1, err)
		}
		private, text = append(private, p), rest
	}
	return NewKeys(private...)
}

func parseKey(block *pem.Block) (ed25519.PrivateKey, error) {
	if block.Type != pemType {
		return nil, fmt.Errorf("want a PEM block %q, not %q", pemType, block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse PKCS #8: %w", err)
	}
	p, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("want an Ed25519 key, not %T", parsed)
	}
	return p, nil
}

// createKeyFile writes a file that appears whole or not at all, so that of two
// processes that start at once both read the same key.
func createKeyFile(path string) error {
	text, err := newKeyText()
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".signing-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func newKeyText() ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

func (k *Keys) newest() key { return k.keys[len(k.keys)-1] }

func (k *Keys) find(id string) (ed25519.PublicKey, bool) {
	for _, key := range k.keys {
		if key.id == id {
			return key.public, true
		}
	}
	return nil, false
}

// JWKS returns the public keys as a JSON Web Key Set, newest first.
func (k *Keys) JWKS() ([]byte, error) {
	type webKey struct {
		KeyType   string `json:"kty"`
		Curve     string `json:"crv"`
		X         string `json:"x"`
		ID        string `json:"kid"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
	}
	set := struct {
		Keys []webKey `json:"keys"`
	}{Keys: make([]webKey, 0, len(k.keys))}
	for i := len(k.keys) - 1; i >= 0; i-- {
		set.Keys = append(set.Keys, webKey{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(k.keys[i].public),
			ID: k.keys[i].id, Use: "sig", Algorithm: algorithm,
		})
	}
	return json.Marshal(set)
}

// thumbprint is the key's RFC 7638 name: the hash of its required members in
// alphabetical order, for Ed25519 as RFC 8037 lists them.
func thumbprint(public ed25519.PublicKey) string {
	x := base64.RawURLEncoding.EncodeToString(public)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
