package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database/dbtest"
)

// demoLine is the line of --print-json.
type demoLine struct {
	URL, GraphQL, Playground string
	PID                      int
	Users                    []demoLogin
}

// startDemo starts a small demo in a temporary directory of its own and returns
// what it says when it is ready and how to stop it, which returns the rest of
// its output and the exit status.
func startDemo(t *testing.T, environment ...string) (line demoLine, temporary string, stop func() (string, int)) {
	t.Helper()
	temporary = t.TempDir()
	process := start(t, append(environment, "TMPDIR="+temporary),
		"demo", "--print-json", "--addr", "127.0.0.1:0", "--organizations", "4", "--users", "30")
	var stderr bytes.Buffer
	process.Stderr = &stderr
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	first, err := output.ReadString('\n')
	if err != nil {
		t.Fatalf("the demo says %q: %v: %s, %v", first, err, &stderr, process.Wait())
	}
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	if line.PID != process.Process.Pid {
		t.Errorf("it says that it is process %d, it is %d", line.PID, process.Process.Pid)
	}
	return line, temporary, func() (string, int) {
		if err := process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		rest, err := io.ReadAll(output)
		if err != nil {
			t.Error(err)
		}
		return string(rest), exitOf(process.Wait())
	}
}

func post(t *testing.T, url, token, document string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
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

// checkDemo wants that every login works and sees its own part of the tree.
func checkDemo(t *testing.T, line demoLine) {
	t.Helper()
	if line.GraphQL != line.URL+"/graphql" || line.Playground != line.URL+"/playground" {
		t.Errorf("got %+v", line)
	}
	want := map[string]int{
		"platform-admin": 9, "partner-admin": 4, "subpartner-admin": 2, "customer-owner": 1, "customer-admin": 1, "editor": 1,
		"billing-admin": 1, "org-users": 1, "org-groups": 1, "org-settings": 1, "member": 1,
		"application": 1, "other-partner-admin": 2, "other-customer-owner": 1,
	}
	seen := map[string]bool{}
	for _, login := range line.Users {
		answer := post(t, line.GraphQL, login.Token, `{ viewer { principal { __typename ... on Application { name organization { id } } } user { username } memberships(first: 5) { edges { node { organization { id } } } } } organizations(first: 1) { totalCount } }`)
		name := `"username":"` + login.Username + `"`
		if login.Role == "application" {
			name = `"__typename":"Application","name":"` + login.Username + `"`
		}
		for _, part := range []string{name, `"organization":{"id":"` + login.OrganizationID + `"}`} {
			if (login.Password == "") != (login.Role == "application") || !strings.Contains(answer, part) || strings.Contains(answer, `"errors"`) {
				t.Errorf("%s is told %s, want %s", login.Role, answer, part)
			}
		}
		if count := fmt.Sprintf(`"totalCount":%d`, want[login.Role]); !seen[login.Role] && !strings.Contains(answer, count) {
			t.Errorf("%s is told %s, want %s", login.Role, answer, count)
		}
		seen[login.Role] = true
	}
	if len(seen) != len(want) {
		t.Errorf("there are logins of the roles %v", seen)
	}
}

func TestDemoOnSQLite(t *testing.T) {
	t.Parallel()
	line, temporary, stop := startDemo(t)
	checkDemo(t, line)
	if files, err := filepath.Glob(temporary + "/headwater-demo-*/*.db"); err != nil || len(files) != 1 {
		t.Errorf("the database is not in %s: %v, %v", temporary, files, err)
	}
	checkStopped(t, temporary, stop)
}

// checkStopped wants that a demo ends well and leaves no file.
func checkStopped(t *testing.T, temporary string, stop func() (string, int)) {
	t.Helper()
	if rest, exit := stop(); rest != "" || exit != 0 {
		t.Errorf("exit status %d, also said %q", exit, rest)
	}
	checkEmpty(t, temporary)
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("this is left: %v, %v", left, err)
	}
}

func TestDemoOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := dbtest.PostgresURL(t)
	mark := fmt.Sprintf("demo-%d", time.Now().UnixNano())
	line, temporary, stop := startDemo(t, "HEADWATER_DATABASE_URL="+server+"&application_name="+mark)
	checkDemo(t, line)
	databases := texts(t, server, `SELECT DISTINCT datname FROM pg_stat_activity WHERE application_name = '`+mark+`'`)
	if len(databases) != 1 || !strings.HasPrefix(databases[0], "headwater_demo_") {
		t.Fatalf("the demo is in %v", databases)
	}
	checkStopped(t, temporary, stop)
	if left := texts(t, server, `SELECT datname FROM pg_database`); slices.Contains(left, databases[0]) {
		t.Errorf("%s is left", databases[0])
	}
}

// texts returns the texts that a query gives.
func texts(t *testing.T, server, query string) []string {
	t.Helper()
	rows, err := openPool(t, server).QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		found = append(found, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDemoForPeople(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	process := start(t, []string{"TMPDIR=" + temporary}, "demo", "--addr", "127.0.0.1:0", "--organizations", "1", "--users", "19")
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	text := ""
	for !strings.Contains(text, "/graphql -H") && lines.Scan() {
		text += lines.Text() + "\n"
	}
	for _, want := range []string{"  Playground  http://127.0.0.1:", "platform-admin", "org_", "/playground#token=ey", "TOKEN=ey"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q: %s", want, text)
		}
	}
	if err := process.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
		text += lines.Text()
	}
	if exit := exitOf(process.Wait()); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	checkEmpty(t, temporary)
}

func TestDemoWhoseOutputIsClosedClearsAway(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	process := start(t, []string{"TMPDIR=" + temporary}, "demo", "--addr", "127.0.0.1:0", "--organizations", "1")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stdout = writer
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if exit := exitOf(process.Wait()); exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	checkEmpty(t, temporary)
}

func TestDemoThatCannotBeMade(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"occupied port":          {[]string{"--addr", taken.Addr().String()}, "address already in use"},
		"no organization":        {[]string{"--organizations", "0"}, "--organizations: 0 is not from 1"},
		"too few people":         {[]string{"--users", "5"}, "--users: 5 is not from 38"},
		"not a number":           {[]string{"--users", "many"}, "--users"},
		"database of a kind":     {[]string{"--database-url", "mysql://me:secret@localhost/db"}, "HEADWATER_DATABASE_URL"},
		"server that is not up":  {[]string{"--addr", "127.0.0.1:0", "--database-url", "postgres://127.0.0.1:1/x?sslmode=disable"}, "connection refused"},
		"address that is wrong":  {[]string{"--addr", "nowhere"}, "HEADWATER_ADDR"},
		"file that cannot be":    {[]string{"--write-usage", temporary + "/missing/usage.csv"}, "no such file"},
		"limit that is no limit": {[]string{"--limit-query-cost", "0"}, "HEADWATER_LIMIT_QUERY_COST"},
	} {
		t.Run(name, func(t *testing.T) {
			if line := mustFail(t, append([]string{"demo"}, test.args...)...); !strings.Contains(line, test.want) || strings.Contains(line, "secret") {
				t.Errorf("got %q, want %q", line, test.want)
			}
		})
	}
	checkEmpty(t, temporary)
}
