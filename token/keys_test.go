package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/token"
)

func TestOpenKeysCreatesOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signing.pem")
	sets := make([][]byte, 8)
	var group sync.WaitGroup
	for i := range sets {
		group.Go(func() {
			keys, err := token.OpenKeys(path)
			if err != nil {
				t.Error(err)
				return
			}
			sets[i], _ = keys.JWKS()
		})
	}
	group.Wait()
	for _, set := range sets {
		if !bytes.Equal(set, sets[0]) {
			t.Errorf("two starts at once have the keys %s and %s", set, sets[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v, want mode 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("drafts are left: %v", left)
	}
}

func TestOpenKeysReadsSeveral(t *testing.T) {
	t.Parallel()
	path := writeKeys(t, 0o600, pkcs8(t, seeded(0)), pkcs8(t, seeded(1)))
	keys, err := token.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t, seeded(0))
	issuer.Keys = keys
	raw := sign(t, issuer, someone())
	if _, err := newIssuer(t, seeded(1)).Verify(raw); err != nil {
		t.Errorf("the last key of the file did not sign: %v", err)
	}
	if _, err := issuer.Verify(sign(t, newIssuer(t, seeded(0)), someone())); err != nil {
		t.Errorf("the first key of the file does not verify: %v", err)
	}
}

func TestOpenKeysRefuses(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := pkcs8(t, seeded(0))
	tests := map[string]struct {
		mode os.FileMode
		text [][]byte
		says string
	}{
		"readable by all":     {0o644, [][]byte{good}, "chmod 600"},
		"writable by group":   {0o620, [][]byte{good}, "chmod 600"},
		"empty":               {0o600, nil, "at least one key"},
		"not PEM":             {0o600, [][]byte{[]byte("hello\n")}, "not PEM"},
		"something after":     {0o600, [][]byte{good, []byte("hello\n")}, "not PEM"},
		"truncated":           {0o600, [][]byte{good[:60]}, "not PEM"},
		"RSA":                 {0o600, [][]byte{pkcs8(t, rsaKey)}, "want an Ed25519 key"},
		"second is RSA":       {0o600, [][]byte{good, pkcs8(t, rsaKey)}, "key 2"},
		"a certificate":       {0o600, [][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"})}, "CERTIFICATE"},
		"no key in the block": {0o600, [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})}, "PKCS #8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeKeys(t, test.mode, test.text...)
			_, err := token.OpenKeys(path)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("OpenKeys says %v, want it to name the file and say %q", err, test.says)
			}
		})
	}
}

func TestOpenKeysAllowsGroupToRead(t *testing.T) {
	t.Parallel()
	if _, err := token.OpenKeys(writeKeys(t, 0o640, pkcs8(t, seeded(0)))); err != nil {
		t.Error(err)
	}
}

func TestOpenKeysWithoutDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "signing.pem")
	if _, err := token.OpenKeys(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("OpenKeys says %v, want it to name the file", err)
	}
}

// TestJWKS uses the key pair and thumbprint that RFC 8037, appendix A, publishes.
func TestJWKS(t *testing.T) {
	t.Parallel()
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.NewKeys(seeded(0), ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Keys []map[string]string }
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Keys) != 2 {
		t.Fatalf("%d keys, want 2", len(got.Keys))
	}
	want := map[string]string{
		"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
		"x":   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		"kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	}
	if diff := cmp.Diff(want, got.Keys[0]); diff != "" {
		t.Errorf("the newest key comes first; -want +got\n%s", diff)
	}
	if bytes.Contains(text, []byte(`"d"`)) {
		t.Error("the private key is published")
	}
}

func TestOpenIDConfiguration(t *testing.T) {
	t.Parallel()
	text, err := newIssuer(t, seeded(0)).OpenIDConfiguration("https://cloud.example/")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got["issuer"] != "headwater-test" || got["jwks_uri"] != "https://cloud.example/.well-known/jwks.json" {
		t.Errorf("issuer %v, keys at %v", got["issuer"], got["jwks_uri"])
	}
}

func pkcs8(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func writeKeys(t *testing.T, mode os.FileMode, text ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := os.WriteFile(path, bytes.Join(text, nil), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the mask of the process may have taken bits
		t.Fatal(err)
	}
	return path
}
