package token_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/token"
)

func newRefresh(t testing.TB, session uuid.UUID) token.Refresh {
	t.Helper()
	r, err := token.NewRefresh(session, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRefreshIsReadAsWritten(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^hwr_[0-9a-z]{26}[A-Za-z0-9_-]{22}[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 100 {
		r := newRefresh(t, uuid.New())
		if !form.MatchString(r.Text()) || token.IsAPIKey(r.Text()) {
			t.Errorf("the form is %q", r.Text())
		}
		read, err := token.ParseRefresh(r.Text())
		if err != nil || read != r || read.Session() != r.Session() {
			t.Errorf("%q was read as %q, %v", r.Text(), read.Text(), err)
		}
		seen[r.Hash()], seen[r.FamilyHash()] = true, true
	}
	if len(seen) != 200 {
		t.Errorf("%d hashes of 100 tokens", len(seen))
	}
}

func TestNextRefreshKeepsTheFamily(t *testing.T) {
	t.Parallel()
	first := newRefresh(t, uuid.New())
	next, err := first.Next(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case next.Session() != first.Session(), !next.IsOfFamily(first.FamilyHash()):
		t.Errorf("%s follows %s", next, first)
	case next.IsCurrent(first.Hash()), !next.IsCurrent(next.Hash()), next.Text() == first.Text():
		t.Error("the secret is the same")
	case newRefresh(t, first.Session()).IsOfFamily(first.FamilyHash()):
		t.Error("another sign-in is of the same family")
	}
}

func TestRefreshWithoutRandomness(t *testing.T) {
	t.Parallel()
	for n := range 48 {
		if _, err := token.NewRefresh(uuid.New(), bytes.NewReader(make([]byte, n))); err == nil {
			t.Errorf("%d bytes make a token", n)
		}
	}
}

func TestRefreshIsNotPrinted(t *testing.T) {
	t.Parallel()
	r := newRefresh(t, uuid.New())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if printed := fmt.Sprintf(verb, r) + fmt.Sprintf(verb, &r); strings.Contains(printed, r.Text()[30:]) {
			t.Errorf("%s prints %s", verb, printed)
		}
	}
}

func TestParseRefreshRefuses(t *testing.T) {
	t.Parallel()
	good := newRefresh(t, uuid.Max).Text()
	zero := good[:30] + strings.Repeat("A", 22) + strings.Repeat("A", 43)
	if _, err := token.ParseRefresh(zero); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":                 "",
		"the prefix alone":        "hwr_",
		"truncated":               good[:len(good)-1],
		"longer":                  good + "A",
		"one million bytes":       good + strings.Repeat("A", 1<<20),
		"another prefix":          "hws_" + good[4:],
		"an id that is too large": "hwr_" + strings.Repeat("z", 26) + zero[30:],
		"the other alphabet":      zero[:40] + "+" + zero[41:],
		"bits beyond the family":  zero[:51] + "B" + zero[52:],
		"bits beyond the secret":  zero[:len(zero)-1] + "B",
		"a line break":            zero[:len(zero)-1] + "\n",
	} {
		r, err := token.ParseRefresh(text)
		if fault.CodeOf(err) != fault.Unauthenticated || err.Error() != "UNAUTHENTICATED: the token is not valid" {
			t.Errorf("%s: %.100q, %v", name, r.Text(), err)
		}
	}
}

// FuzzParseRefresh wants that whatever is read is written the same.
func FuzzParseRefresh(f *testing.F) {
	f.Add("hwr_" + strings.Repeat("0", 26) + strings.Repeat("A", 65))
	f.Add("hwr_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := token.ParseRefresh(text)
		if err == nil && r.Text() != text {
			t.Errorf("%q was read as %q", text, r.Text())
		}
	})
}
