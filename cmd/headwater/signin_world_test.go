package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// goodPassword is that of the people who sign in.
const goodPassword = "correct horse battery"

// withPassword makes a member of acme who can sign in. Their id is known by the
// username.
func (w *world) withPassword(t testing.TB, username string) {
	t.Helper()
	w.withPasswordIn(t, "acme", username)
}

func (w *world) withPasswordIn(t testing.TB, slug, username string) {
	t.Helper()
	answer := w.must(t, "ada", `mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } membership { id } } }`,
		map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "username": username, "email": username + "@" + slug + ".example", "password": goodPassword,
		}})
	w.name(username, dig(answer, "createUser.user.id"))
	w.name(slug+"."+username, dig(answer, "createUser.membership.id"))
}

// signIn signs somebody in and returns the refresh token. Who asks as the name
// asks with the access token.
func (w *world) signIn(t *testing.T, as, username, totp string) string {
	t.Helper()
	data := w.must(t, "nobody", contract(t, "Login"), map[string]any{"input": map[string]any{"username": username, "password": goodPassword, "totp": totp}})
	w.bearers[as] = dig(data, "login.accessToken")
	return dig(data, "login.refreshToken")
}

// codeOf returns the one-time code of the moment.
func (w *world) codeOf(t testing.TB, secret string) string {
	t.Helper()
	return one(t, func() (string, error) { return hotp.GenerateCode(secret, uint64(w.now().Unix()/30)) })
}

// linkOf returns what a mailed link holds: "set-password" or "verify-email" of a
// person, maybe with an address that they want to have.
func (w *world) linkOf(t testing.TB, words string) string {
	t.Helper()
	word := strings.Fields(words)
	link := token.Link{Purpose: token.Purpose(word[0]), ExpiresAt: w.now().Add(24 * time.Hour)}
	link.Subject = one(t, func() (typeid.ID, error) {
		if id, ok := w.ids[word[1]]; ok {
			return typeid.Parse(id)
		}
		return typeid.Parse(word[1])
	})
	if len(word) > 2 {
		link.Address = word[2]
	}
	row := one(t, func() (*ent.User, error) { return w.platform.db.Client().User.Get(w.system(t), link.Subject.UUID) })
	link.Count = row.CredentialsVersion
	return one(t, func() (string, error) { return w.issuer.SignLink(link) })
}

// failsToSignIn tries to sign in and fails the test unless it is refused as all
// are.
func (w *world) failsToSignIn(t *testing.T, username, password, totp string) {
	t.Helper()
	got := told(t, w.askWith(t, "nobody", contract(t, "Login"), map[string]any{"input": map[string]any{"username": username, "password": password, "totp": totp}}))
	if !strings.HasPrefix(got, "UNAUTHENTICATED") {
		t.Errorf("%s with %s and %s is told %s", username, strconv.Quote(password), strconv.Quote(totp), got)
	}
}
