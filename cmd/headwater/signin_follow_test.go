package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
)

// TestEndedSessionsReachEveryProcess ends sessions through one of two processes:
// that one refuses their tokens from the very next request, and the other within
// a second.
func TestEndedSessionsReachEveryProcess(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newNeighbours(t, url(t))
			p.must(t, `mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } } }`, "createUser.user.id",
				map[string]any{"organizationId": p.root, "username": "nina", "email": "nina@platform.example", "password": goodPassword})
			for round := range effort.Cases(60) {
				p.enter(t, "nina")
				if !p.recognizes(t, p.first, "nina") || !p.recognizes(t, p.second, "nina") {
					t.Fatal("the session is not known everywhere")
				}
				p.tokens["other"] = p.tokens["nina"]
				end := `mutation { signOut(input: {}) { clientMutationId } }`
				if round%2 == 1 {
					p.enter(t, "other")
					p.tokens["nina"], p.tokens["other"] = p.tokens["other"], p.tokens["nina"]
					end = `mutation { revokeSessions(input: {}) { count } }`
				}
				if answer := p.ask(t, p.first, "nina", end, nil); strings.Contains(answer, "errors") {
					t.Fatal(answer)
				}
				ended := time.Now()
				if p.recognizes(t, p.first, "other") {
					t.Fatal("the process that ended the session recognizes it")
				}
				for asked := time.Now(); p.recognizes(t, p.second, "other"); asked = time.Now() {
					if asked.Sub(ended) > revokedWithin {
						t.Fatalf("the other process recognizes the session %s after its end", asked.Sub(ended))
					}
				}
			}
		})
	}
}

// enter signs in nina through the second process; as is whose token it is.
func (p *neighbours) enter(t *testing.T, as string) {
	t.Helper()
	p.tokens["nobody"] = ""
	var answer struct {
		Data struct {
			Login struct{ AccessToken string }
		}
	}
	raw := p.ask(t, p.second, "nobody", contract(t, "Login"), map[string]any{"input": map[string]any{"username": "nina", "password": goodPassword}})
	if err := json.Unmarshal([]byte(raw), &answer); err != nil || answer.Data.Login.AccessToken == "" {
		t.Fatalf("login: %s", raw)
	}
	p.tokens[as] = answer.Data.Login.AccessToken
}

// recognizes reports whether a process lets somebody in.
func (p *neighbours) recognizes(t *testing.T, url, as string) bool {
	t.Helper()
	answer := p.ask(t, url, as, `{ viewer { user { username } } }`, nil)
	refused := strings.Contains(answer, "UNAUTHENTICATED")
	if !refused && !strings.Contains(answer, `"nina"`) {
		t.Fatalf("the answer is %s", answer)
	}
	return !refused
}
