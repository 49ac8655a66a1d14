package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/internal/effort"
)

// revokedWithin is how long another process may still allow what was revoked.
const revokedWithin = time.Second

// neighbours are two processes that serve one database.
type neighbours struct {
	first, second string // where they answer
	location      string
	key           string      // the file of the signing keys
	root          string      // the platform organization
	process       *os.Process // the second one
	// tokens are by username.
	tokens map[string]string
}

// newNeighbours starts two processes on a database with an administrator, ada.
func newNeighbours(t *testing.T, location string) *neighbours {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key.pem")
	database := []string{"--database-url", location}
	mustRun(t, append([]string{"migrate", "up"}, database...)...)
	root := strings.TrimSpace(mustRun(t, append([]string{"bootstrap", "--username", "ada", "--email", "ada@platform.example"}, database...)...))
	p := &neighbours{location: location, key: key, root: root, tokens: map[string]string{}}
	p.signIn(t, "ada")
	p.first, _ = serveOn(t, location, key)
	p.second, p.process = serveOn(t, location, key)
	return p
}

// signIn gets a token for a user.
func (p *neighbours) signIn(t *testing.T, username string) {
	t.Helper()
	p.tokens[username] = strings.TrimSpace(mustRun(t, "token", "--user", username, "--database-url", p.location, "--signing-key-file", p.key))
}

// serveOn starts a process that ends with the test, and returns its URL.
func serveOn(t *testing.T, location, key string) (string, *os.Process) {
	t.Helper()
	process := start(t, []string{
		"HEADWATER_DATABASE_URL=" + location, "HEADWATER_SIGNING_KEY_FILE=" + key, "HEADWATER_ADDR=127.0.0.1:0",
		"HEADWATER_LIMIT_RATE_PER_MINUTE=1000000", "HEADWATER_LOG_LEVEL=warn",
	}, "serve", "--print-json")
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	var said bytes.Buffer
	process.Stderr = &said
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// That the test is over told it to end.
		if err := process.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the server ended with %v: %s", err, &said)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the server says %q: %s", line, &said)
	}
	var told ready
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		t.Fatal(err)
	}
	return told.URL, process.Process
}

// ask asks one of the processes as a user.
func (p *neighbours) ask(t *testing.T, url, username, document string, variables map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token := p.tokens[username]; token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return fetched(t, request)
}

func fetched(t *testing.T, request *http.Request) string {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// must asks the first process as ada and returns what is at the path of the
// answer.
func (p *neighbours) must(t *testing.T, document, path string, input map[string]any) string {
	t.Helper()
	raw := p.ask(t, p.first, "ada", document, map[string]any{"i": input})
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal([]byte(raw), &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s: %s", document, raw)
	}
	return dig(answer.Data, path)
}

// team is a group of an organization, of which max comes and goes, and which lets
// its members see another group.
type team struct {
	*neighbours
	id, member, secret string
}

// newTeam makes the team through two processes.
func newTeam(t *testing.T, location string) *team {
	t.Helper()
	p := newNeighbours(t, location)
	organization := p.must(t, `mutation($i: CreateOrganizationInput!) { createOrganization(input: $i) { organization { id } } }`,
		"createOrganization.organization.id", map[string]any{"managedById": p.root, "name": "Acme", "slug": "acme", "ownerEmail": "olga@acme.example"})
	member := p.must(t, `mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } } }`, "createUser.user.id",
		map[string]any{"organizationId": organization, "username": "max", "email": "max@acme.example"})
	group := func(name string, roles ...string) string {
		return p.must(t, `mutation($i: CreateGroupInput!) { createGroup(input: $i) { group { id } } }`, "createGroup.group.id",
			map[string]any{"organizationId": organization, "name": name, "roles": roles})
	}
	p.signIn(t, "max")
	return &team{neighbours: p, member: member, id: group("Team", "org:groups"), secret: group("Secret")}
}

// give puts max into the team, and take takes him out, through the first process.
func (m *team) give(t *testing.T) { t.Helper(); m.change(t, "addGroupMembers", "AddGroupMembersInput") }

func (m *team) take(t *testing.T) {
	t.Helper()
	m.change(t, "removeGroupMembers", "RemoveGroupMembersInput")
}

func (m *team) change(t *testing.T, mutation, input string) {
	t.Helper()
	m.must(t, "mutation($i: "+input+"!) { "+mutation+"(input: $i) { group { id } } }", mutation+".group.id",
		map[string]any{"groupId": m.id, "principalIds": []string{m.member}})
}

// allowed reports whether a process lets max see the other group.
func (m *team) allowed(t *testing.T, url string) bool {
	t.Helper()
	answer := m.ask(t, url, "max", `query($g: ID!) { node(id: $g) { ... on Group { name } } }`, map[string]any{"g": m.secret})
	refused := strings.Contains(answer, "NOT_FOUND")
	if !refused && !strings.Contains(answer, `"Secret"`) {
		t.Fatalf("the answer is %s", answer)
	}
	return !refused
}

// awaitGiven returns when the second process allows.
func (m *team) awaitGiven(t *testing.T) {
	t.Helper()
	for given := time.Now(); !m.allowed(t, m.second); {
		if time.Since(given) > 10*revokedWithin {
			t.Fatal("the other process did not hear of the right")
		}
	}
}

// TestRevocationReachesEveryProcess takes a right away through one of two
// processes, again and again: that one refuses from the very next request, and
// the other within a second. Now and then the connections over which PostgreSQL
// notifies are cut just before.
func TestRevocationReachesEveryProcess(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			revokeAgainAndAgain(t, url(t), name == "postgres")
		})
	}
}

func revokeAgainAndAgain(t *testing.T, location string, notified bool) {
	t.Helper()
	m := newTeam(t, location)
	if m.allowed(t, m.first) || m.allowed(t, m.second) {
		t.Fatal("the right is there before it is given")
	}
	cut := func() {}
	if notified {
		cut = cutter(t, location)
	}
	var latest time.Duration
	for round := range effort.Cases(300) {
		m.give(t)
		if !m.allowed(t, m.first) {
			t.Fatal("the process that gave the right refuses")
		}
		m.awaitGiven(t)
		if round%3 == 2 {
			cut()
		}
		m.take(t)
		taken := time.Now()
		if m.allowed(t, m.first) {
			t.Fatal("the process that took the right allows")
		}
		for asked := time.Now(); m.allowed(t, m.second); asked = time.Now() {
			// A slow machine may answer late what was decided in time.
			latest = max(latest, asked.Sub(taken))
			if asked.Sub(taken) > revokedWithin {
				t.Fatalf("the other process allows what was asked %s after the right was taken", asked.Sub(taken))
			}
		}
	}
	t.Logf("the other process allowed for %s at most", latest)
	for _, url := range []string{m.first, m.second} {
		usedMemory(t, url)
	}
}

// TestAStoppedProcessTrustsNothing stops the second process while a right is
// taken through the first one, and asks it as soon as it goes on.
func TestAStoppedProcessTrustsNothing(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t, url(t))
			for range effort.Cases(40) {
				m.give(t)
				m.awaitGiven(t)
				for before := metricOf(t, m.second, "headwater_records_hits_total"); metricOf(t, m.second, "headwater_records_hits_total") == before; {
					m.allowed(t, m.second) // Until it is answered from memory.
				}
				m.signal(t, syscall.SIGSTOP)
				m.take(t)
				// This is not to be waited for: it is the time that is granted.
				<-time.After(revokedWithin)
				answered := make(chan bool, 1)
				go func() { answered <- m.allowed(t, m.second) }()
				m.signal(t, syscall.SIGCONT)
				if <-answered {
					t.Fatal("a process that stood still allows what was taken meanwhile")
				}
			}
		})
	}
}

// signal sends a signal to the second process.
func (p *neighbours) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// cutter returns what ends the connections over which a database notifies.
func cutter(t *testing.T, location string) func() {
	t.Helper()
	db, err := sql.Open("postgres", location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return func() {
		_, err := db.ExecContext(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// usedMemory fails the test unless a process answered from memory.
func usedMemory(t *testing.T, url string) {
	t.Helper()
	for _, name := range []string{"headwater_records_hits_total", "headwater_records_drops_total", "headwater_records_bytes", "headwater_records_fresh"} {
		if metricOf(t, url, name) == "0" {
			t.Errorf("%s: memory was not used: %s is 0", url, name)
		}
	}
}

// metricOf returns the value of a metric of a process.
func metricOf(t *testing.T, url, name string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, value, ok := strings.Cut(fetched(t, request), "\n"+name+" ")
	if !ok {
		t.Fatalf("%s has no metric %s", url, name)
	}
	value, _, _ = strings.Cut(value, "\n")
	return value
}
