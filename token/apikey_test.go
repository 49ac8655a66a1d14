package token_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/token"
)

func newKey(t testing.TB, random io.Reader) token.APIKey {
	t.Helper()
	key, err := token.NewAPIKey(random)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAPIKeyIsReadAsWritten(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^hw_[A-Z0-9]{20}_[A-Za-z0-9_-]{43}$`)
	texts, hashes := map[string]bool{}, map[string]bool{}
	for range 200 {
		key := newKey(t, rand.Reader)
		if !form.MatchString(key.Text()) || !token.IsAPIKey(key.Text()) {
			t.Errorf("the form is %q", key.Text())
		}
		read, err := token.ParseAPIKey(key.Text())
		if err != nil || read != key || read.AccessKey() != key.Text()[3:23] {
			t.Errorf("%s was read as %s, %v", key.Text(), read.Text(), err)
		}
		texts[key.AccessKey()], hashes[key.Hash()] = true, true
	}
	if len(texts) != 200 || len(hashes) != 200 {
		t.Errorf("%d access keys and %d hashes of 200 keys", len(texts), len(hashes))
	}
}

// TestAPIKeyIsOfItsRandomness also wants that no byte makes a character more
// likely: those from 252 on are passed over.
func TestAPIKeyIsOfItsRandomness(t *testing.T) {
	t.Parallel()
	random := append([]byte{255, 252, 253, 254, 251, 0, 36, 35}, bytes.Repeat([]byte{1}, 16)...)
	random = append(random, bytes.Repeat([]byte{0}, 32)...)
	key := newKey(t, bytes.NewReader(random))
	if want := "hw_9AA9" + strings.Repeat("B", 16) + "_" + strings.Repeat("A", 43); key.Text() != want {
		t.Errorf("got %s, want %s", key.Text(), want)
	}
	if want := "5c348ef885670e679b86ca7111b7345694274ccfd09692632b32f7c9ceb0bc2d"; key.Hash() != want {
		t.Errorf("the hash is %s, want SHA-256 of the text, %s", key.Hash(), want)
	}
}

func TestAPIKeyWithoutRandomness(t *testing.T) {
	t.Parallel()
	for n := range 52 {
		if key, err := token.NewAPIKey(bytes.NewReader(make([]byte, n))); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes make %s, %v", n, key.Text(), err)
		}
	}
	if _, err := token.RenewAPIKey("A", bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("31 bytes make a secret")
	}
}

func TestRenewedAPIKey(t *testing.T) {
	t.Parallel()
	old := newKey(t, rand.Reader)
	renewed, err := token.RenewAPIKey(old.AccessKey(), rand.Reader)
	if err != nil || renewed.AccessKey() != old.AccessKey() || renewed.Hash() == old.Hash() || renewed.Text() == old.Text() {
		t.Errorf("%s became %s, %v", old.Text(), renewed.Text(), err)
	}
}

// TestAPIKeyIsNotPrinted prints a key in every way that a log or an error does.
func TestAPIKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := newKey(t, rand.Reader)
	secret := key.Text()[24:]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if printed := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, &key); strings.Contains(printed, secret) || !strings.Contains(printed, key.AccessKey()) {
			t.Errorf("%s prints %s", verb, printed)
		}
	}
}

func TestParseAPIKeyRefuses(t *testing.T) {
	t.Parallel()
	good := newKey(t, rand.Reader).Text()
	zero := "hw_" + strings.Repeat("A", 20) + "_" + strings.Repeat("A", 43)
	if _, err := token.ParseAPIKey(zero); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":                        "",
		"the prefix alone":               "hw_",
		"truncated":                      good[:len(good)-1],
		"without its secret":             good[:24],
		"longer":                         good + "A",
		"with a space":                   good + " ",
		"with a line break":              good[:len(good)-1] + "\n",
		"one million bytes":              good + strings.Repeat("A", 1<<20),
		"another prefix":                 "HW_" + good[3:],
		"a lower-case access key":        "hw_" + strings.Repeat("a", 20) + zero[23:],
		"an access key with a sign":      "hw_" + strings.Repeat("A", 19) + "-" + zero[23:],
		"an access key with ß":           "hw_" + strings.Repeat("A", 18) + "ß" + zero[23:],
		"another separator":              zero[:23] + "-" + zero[24:],
		"padding":                        zero[:len(zero)-1] + "=",
		"the other alphabet":             zero[:24] + "+" + zero[25:],
		"bits beyond the secret":         zero[:len(zero)-1] + "B",
		"a token of three parts":         "eyJhbGciOiJub25lIn0.e30.",
		"a break within, which is legal": zero[:30] + "\r\n" + zero[32:],
	} {
		key, err := token.ParseAPIKey(text)
		if fault.CodeOf(err) != fault.Unauthenticated || err.Error() != "UNAUTHENTICATED: the token is not valid" {
			t.Errorf("%s: %.100q, %v", name, key.Text(), err)
		}
	}
}

// FuzzParseAPIKey wants that whatever is read is written the same.
func FuzzParseAPIKey(f *testing.F) {
	f.Add("hw_" + strings.Repeat("A", 20) + "_" + strings.Repeat("A", 43))
	f.Add("hw_" + strings.Repeat("Z9", 10) + "_" + strings.Repeat("_-", 21) + "8")
	f.Add("hw_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := token.ParseAPIKey(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if key.Text() != text || !token.IsAPIKey(text) {
			t.Errorf("%q was read as %q", text, key.Text())
		}
	})
}
