package projects

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/headwater-platform/headwater/fault"
)

// TestParseKey reads keys of every type. The fingerprints are those that
// ssh-keygen tells.
func TestParseKey(t *testing.T) {
	t.Parallel()
	const (
		rsa     = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDpb6hxuZ7pt1ygtk42VVHEnCe+aF3h9lsNtfLaLsSjjUVSpIrZJSSsn+U+Tbp23OA1g94esm71V/H1SxiAijdjcc3NWeQ9Ti7PyKJWBwFF0gFlu53NqYwaE/3PnjBGtqIPX99AhqVgIKWXwMg72xuD/zFNgrC53jQDzzCk6Bf/hGjWfnJND13cPMkb5WIDYJyNjwzfK/9Ftdrr0yBMhpD51JlnbN4y2rldycLYwhfcDKyNe4/Fno7dW4eJW8kMqGTaPcoTFDwn5jLrWX580Tm8KnxpYdD4Sv4GzXZYsm4kmYq1PuVh8bePSMy6saVNfhTr23eDaImYfvbaQ6vvI/LZ"
		ed      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPI0AszoKHhPGu3DbmFSWxndkK9unq/Y/LiXkciAycmQ"
		nistp25 = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBB8bFbibQMlTGk8tw5bwoE2QgQkzWEpZXMnyLq6LDvNA7hQfgPBZcB7K/VIXTS7ZzV+osD4rpeSLQ2axc5cdcQ0="
		nistp38 = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBHVGpZeFI1jNMgHOqVBlkW3xEtSiAzADYP/EV3AKDHbfOroItaLACHnS/HpkhBP1BRl6KdbEY9XIrd3PdjqoIXpL8LyJq0n7yLatnp6X+XhuV8epzmq8QCCInHgg+rJhHA=="
		nistp52 = "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAG4vdxFMB8FXTTkHrMtVuH8s2UxBwdOX0PHSAFtKLxc1IhhkxfSaoI38ZoD522A9rjSBmsSHmLfRk9cFL9F8dEfxABD/spQjWezbeu2thItWHx9/7BCHKWNoNNZc+GQ/IgbD709YEqa3V79l5eXvdjVz56KPuoAiZEmjstG4N8vxsF1NA=="
		dsa     = "ssh-dss AAAAB3NzaC1kc3MAAACBAP5W8NM1iBC3fjH52pr1buraCU7eQy6C5FILJm6ImVW1uNH4mBjXlzyBn7HYPOalen3Avk6fN4deNSOJKbD+ypVX21nMwZk45NZPhI54pP6cqN61v2bTWj5FkyWXDkldwCsjdoxCz0/LOXgm9pOxsW9bbJcalC2YEjYXkbUqIYfLAAAAFQDbabUrJbtOE2Zs3xNKwTJpBx82OQAAAIBpYfLRvf1IHuK9IQ8gU1vMUm+o2RUVWm15Wg/xjnDs+L0FQtIRsUWOfdOPzZCDSOU3aG+UpYwUOcdMzl1sxd6+nSOs6jeS9I4BkxDnclkYcbjk9BSZXSu0Ylb5PKI1Z1f4mX7q7uQjS2V0Tyfm9Aw6hjDCVq1dXQezRC3EzvSdmAAAAIBptZYneXR6nk5mBX5XFmh0zE9g2cXInBCugDP8P1v+mY7G8+Cr2vo0UOlmzvKLgFTXStrxvN5A2ex/TvTSri56Ty/ujqGu1H/B5b4cb8rXfe9bfOO0vTtC9LuAVbr780mMbfiGPqqQ1z2lLW6orfI0frqYCnTTC41Ryug7ejLAPQ=="
	)
	for key, want := range map[string]string{
		rsa:     "SHA256:Ksdb0kF1MhaBSHrz8l0QXFi/o0UTnTYHWvg4/La2c5s",
		ed:      "SHA256:3BX0OnoDdb4VzJVVtN7dIKx+xfjgIX29n0H1yLhROv0",
		nistp25: "SHA256:R43s7kQvm8JTZopMg8qLpRHbKrMQ0Tv97DsR7YMw46k",
		nistp38: "SHA256:pVbZtg2xNPmw1LsB2kSdXwJHCvIArxv8xtGio0G2aMs",
		nistp52: "SHA256:qLaEyA2ueztZbvUwQ+XNx1ry4dOxySKP1yzCRcFrYE0",
		dsa:     "SHA256:kK7bpKIsU+V3UmM2qLMnwd6vo7aQDhFb3y3cd8XG/VA",
	} {
		for given, kept := range map[string]string{
			key:                                key,
			"  " + key + "\n":                  key,
			key + " max@laptop  ":              key + " max@laptop",
			key + "  two words":                key + " two words",
			strings.Replace(key, " ", "  ", 1): key,
		} {
			line, fingerprint, err := parseKey(given)
			if err != nil || line != kept || fingerprint != want {
				t.Errorf("%.40q: %.40q, %s, %v", given, line, fingerprint, err)
			}
		}
	}
}

// TestParseKeyRefuses what is no public key of a type that is accepted, and
// never says what was given.
func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	good := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	certificate := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, Nonce: []byte("secret")}
	if err := certificate.SignCert(zeroes{}, signer); err != nil {
		t.Fatal(err)
	}
	hardware := ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, private.Public().(ed25519.PublicKey), "ssh:"})
	for name, given := range map[string]string{
		"nothing":           "",
		"blanks":            " \n ",
		"a word":            "secret",
		"another type":      "ssh-rsa" + strings.TrimPrefix(good, "ssh-ed25519"),
		"no base64":         "ssh-ed25519 secret*",
		"a truncated one":   good[:len(good)-8],
		"options":           `command="secret" ` + good,
		"two lines":         good + "\n" + good,
		"a control":         good + " secret\x00",
		"a private key":     "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----",
		"a certificate":     string(ssh.MarshalAuthorizedKey(certificate)),
		"a hardware key":    ssh.KeyAlgoSKED25519 + " " + base64.StdEncoding.EncodeToString(hardware),
		"a comment of 64 k": good + " " + strings.Repeat("secret", 11_000),
	} {
		_, _, err := parseKey(given)
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is repeated: %v", name, err)
		}
	}
	if _, _, err := parseKey(good); err != nil {
		t.Error(err)
	}
}

// zeroes is where nothing random comes from.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

// FuzzParseKey wants what was accepted to be accepted again, as the same key.
func FuzzParseKey(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPI0AszoKHhPGu3DbmFSWxndkK9unq/Y/LiXkciAycmQ max@laptop")
	f.Fuzz(func(t *testing.T, text string) {
		line, fingerprint, err := parseKey(text)
		if err != nil {
			return
		}
		again, same, err := parseKey(line)
		if err != nil || again != line || same != fingerprint {
			t.Errorf("%q became %q: %q, %v", text, line, again, err)
		}
	})
}
