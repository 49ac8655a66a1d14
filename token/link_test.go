package token_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

func linkIssuer(t *testing.T, fill byte, now time.Time) token.Issuer {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = fill
	keys, err := token.NewKeys(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return token.Issuer{Name: "headwater", Audience: "headwater", Keys: keys, Now: func() time.Time { return now }}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	issuer := linkIssuer(t, 1, now)
	link := token.Link{
		Purpose: token.SetPassword, Subject: typeid.New(typeid.User, uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")),
		Count: 3, ExpiresAt: now.Add(time.Hour),
	}
	raw, err := issuer.SignLink(link)
	if err != nil {
		t.Fatal(err)
	}
	got, err := issuer.VerifyLink(raw, token.SetPassword)
	if err != nil || got != link {
		t.Errorf("%+v, %v", got, err)
	}
	access, err := issuer.Sign(token.Claims{Subject: link.Subject, ExpiresAt: link.ExpiresAt})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Verify(raw); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a link is taken for an access token: %v", err)
	}
	for name, try := range map[string]func() (token.Link, error){
		"another purpose": func() (token.Link, error) { return issuer.VerifyLink(raw, token.VerifyEmail) },
		"too late": func() (token.Link, error) {
			return linkIssuer(t, 1, now.Add(2*time.Hour)).VerifyLink(raw, token.SetPassword)
		},
		"another key":     func() (token.Link, error) { return linkIssuer(t, 2, now).VerifyLink(raw, token.SetPassword) },
		"an access token": func() (token.Link, error) { return issuer.VerifyLink(access, token.SetPassword) },
		"changed":         func() (token.Link, error) { return issuer.VerifyLink(raw[:len(raw)-4]+"AAAA", token.SetPassword) },
		"nothing":         func() (token.Link, error) { return issuer.VerifyLink("", token.SetPassword) },
		"too long": func() (token.Link, error) {
			return issuer.VerifyLink(strings.Repeat("a", token.MaxSize+1), token.SetPassword)
		},
	} {
		if _, err := try(); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]token.Link{
		"no purpose": {Subject: link.Subject, ExpiresAt: link.ExpiresAt},
		"no subject": {Purpose: link.Purpose, ExpiresAt: link.ExpiresAt},
		"no end":     {Purpose: link.Purpose, Subject: link.Subject},
	} {
		if _, err := issuer.SignLink(bad); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

func TestSeals(t *testing.T) {
	t.Parallel()
	keys := linkIssuer(t, 1, time.Time{}).Keys
	sealed, err := keys.Seal("JBSWY3DPEHPK3PXP", "usr_1 totp")
	if err != nil || strings.Contains(sealed, "JBSWY3DPEHPK3PXP") {
		t.Fatalf("%s, %v", sealed, err)
	}
	again, err := keys.Seal("JBSWY3DPEHPK3PXP", "usr_1 totp")
	if err != nil || again == sealed {
		t.Errorf("the same twice: %v", err)
	}
	if plain, err := keys.Open(sealed, "usr_1 totp"); err != nil || plain != "JBSWY3DPEHPK3PXP" {
		t.Errorf("%s, %v", plain, err)
	}
	other := linkIssuer(t, 2, time.Time{}).Keys
	for name, try := range map[string]func() (string, error){
		"another binding": func() (string, error) { return keys.Open(sealed, "usr_2 totp") },
		"another key":     func() (string, error) { return other.Open(sealed, "usr_1 totp") },
		"changed":         func() (string, error) { return keys.Open(sealed[:len(sealed)-2]+"AA", "usr_1 totp") },
		"cut":             func() (string, error) { return keys.Open(sealed[:50], "usr_1 totp") },
		"no base64":       func() (string, error) { return keys.Open(sealed+"=", "usr_1 totp") },
		"nothing":         func() (string, error) { return keys.Open("", "usr_1 totp") },
	} {
		if plain, err := try(); err == nil {
			t.Errorf("%s opens: %s", name, plain)
		}
	}
}
