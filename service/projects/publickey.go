package projects

import (
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"github.com/headwater-platform/headwater/fault"
)

// maxPublicKey bounds a public key, in bytes.
const maxPublicKey = 65_000

// maxKeyName bounds the name of an SSH key, in characters.
const maxKeyName = 1000

// keyDSA is a type that new keys do not have, while old ones are still about.
const keyDSA = "ssh-dss"

// isKeyType reports whether keys of the type are accepted.
func isKeyType(name string) bool {
	switch name {
	case ssh.KeyAlgoRSA, keyDSA, ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return true
	}
	return false
}

// parseKey reads one line as OpenSSH writes it into a .pub file: type, key and
// an optional comment. It returns the line in canonical form and the key's
// SHA-256 fingerprint. INVALID never repeats what was given, which may be a
// private key by mistake.
func parseKey(text string) (line, fingerprint string, err error) {
	text = strings.TrimSpace(text)
	if len(text) > maxPublicKey {
		return "", "", fault.Invalidf("publicKey", "a public key has at most %d bytes", maxPublicKey)
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		return "", "", fault.Invalidf("publicKey", "this is a private key: keep it to yourself and give the public one")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", "", fault.Invalidf("publicKey", "a public key is one line")
	}
	key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil || len(options) > 0 {
		return "", "", fault.Invalidf("publicKey", "this is no public key as OpenSSH writes it: a type, the key and a comment")
	}
	if !isKeyType(key.Type()) {
		return "", "", fault.Invalidf("publicKey", "keys are of the types ssh-rsa, ssh-dss, ssh-ed25519 and ecdsa-sha2-nistp256, -384 and -521")
	}
	line = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if comment = strings.TrimSpace(comment); comment != "" {
		line += " " + comment
	}
	return line, ssh.FingerprintSHA256(key), nil
}
