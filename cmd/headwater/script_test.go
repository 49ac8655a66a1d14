package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/database/dbtest/cluster"
)

// TestScripts runs the command line as operators do, on an empty database of
// each kind. Beside testscript's own commands a script has:
//
//	serve ARGS             starts headwater serve on a free port and sets $URL
//	quit                   ends it with SIGTERM, after which it exits with 0
//	http STATUS URL        asks for a page
//	graphql TOKEN QUERY    prints what the server answers to the bearer of the file TOKEN
//	occupy                 takes a port and sets $OCCUPIED to its address
//	sql STATEMENT          changes the database behind the platform's back
//	count N QUERY          wants that number
//	oneline                wants that the last command failed with one line
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return dbtest.SQLiteURL(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return cluster.Database(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			urls := make(chan string, len(scripts))
			for range scripts {
				urls <- url(t)
			}
			testscript.Run(t, testscript.Params{
				Files: scripts,
				Setup: func(env *testscript.Env) error {
					env.Setenv("HEADWATER_DATABASE_URL", <-urls)
					env.Setenv("HEADWATER_ADDR", "127.0.0.1:0")
					env.Values[serverKey{}] = &background{}
					return nil
				},
				Condition: func(condition string) (bool, error) { return condition == name, nil },
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"serve": serveInScript, "quit": quitInScript, "http": httpInScript, "graphql": graphQLInScript,
					"occupy": occupyInScript, "sql": sqlInScript, "count": countInScript, "oneline": oneLineInScript,
				},
			})
		})
	}
}

type serverKey struct{}

// background is the server that a script started.
type background struct {
	process *exec.Cmd
	stderr  strings.Builder
}

func serverOf(ts *testscript.TestScript) *background {
	s, ok := ts.Value(serverKey{}).(*background)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return s
}

func serveInScript(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts)
	process := exec.Command("headwater", append([]string{"serve", "--print-json"}, args...)...)
	process.Dir = ts.MkAbs(".")
	process.Env = append(os.Environ(), "HEADWATER_DATABASE_URL="+ts.Getenv("HEADWATER_DATABASE_URL"), "HEADWATER_ADDR=127.0.0.1:0")
	process.Stderr = &s.stderr
	stdout, err := process.StdoutPipe()
	ts.Check(err)
	ts.Check(process.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		ts.Fatalf("the server says %q and fails with %v: %s", line, process.Wait(), &s.stderr)
	}
	s.process = process
	ts.Defer(func() { s.quit(ts) })
	var said ready
	ts.Check(json.Unmarshal([]byte(line), &said))
	if said.PID != process.Process.Pid || said.GraphQL != said.URL+"/graphql" || said.Playground != said.URL+"/playground" {
		ts.Fatalf("the server says %s", line)
	}
	ts.Setenv("URL", said.URL)
}

// quit ends the server if it runs.
func (s *background) quit(ts *testscript.TestScript) {
	if s.process == nil {
		return
	}
	process := s.process
	s.process = nil
	ts.Check(process.Process.Signal(syscall.SIGTERM))
	if err := process.Wait(); err != nil {
		ts.Fatalf("the server ended with %v: %s", err, &s.stderr)
	}
}

func quitInScript(ts *testscript.TestScript, _ bool, _ []string) {
	if serverOf(ts).process == nil {
		ts.Fatalf("there is no server")
	}
	serverOf(ts).quit(ts)
}

func httpInScript(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get(args[1])
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if strconv.Itoa(response.StatusCode) != args[0] {
		ts.Fatalf("%s answers %s, want %s: %s", args[1], response.Status, args[0], body)
	}
}

func graphQLInScript(ts *testscript.TestScript, _ bool, args []string) {
	body, err := json.Marshal(map[string]string{"query": args[1]})
	ts.Check(err)
	request, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+"/graphql", strings.NewReader(string(body)))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[0])))
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	answer, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	_, err = ts.Stdout().Write(answer)
	ts.Check(err)
}

func occupyInScript(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv("OCCUPIED", listener.Addr().String())
}

// pool opens the database of a script behind the platform's back.
func pool(ts *testscript.TestScript) *sql.DB {
	driver, source := "postgres", ts.Getenv("HEADWATER_DATABASE_URL")
	if file, ok := strings.CutPrefix(source, "sqlite://"); ok {
		driver, source = "sqlite", "file:"+file+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	ts.Check(err)
	return db
}

func sqlInScript(ts *testscript.TestScript, _ bool, args []string) {
	db := pool(ts)
	_, err := db.ExecContext(context.Background(), args[0])
	ts.Check(errors.Join(err, db.Close()))
}

func countInScript(ts *testscript.TestScript, _ bool, args []string) {
	db, n := pool(ts), ""
	err := db.QueryRowContext(context.Background(), args[1]).Scan(&n)
	ts.Check(errors.Join(err, db.Close()))
	if n != args[0] {
		ts.Fatalf("%s is %s, want %s", args[1], n, args[0])
	}
}

func oneLineInScript(ts *testscript.TestScript, _ bool, _ []string) {
	if said := ts.ReadFile("stderr"); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "headwater: ") {
		ts.Fatalf("want one line on stderr, got %q", said)
	}
	if said := ts.ReadFile("stdout"); said != "" {
		ts.Fatalf("want nothing on stdout, got %q", said)
	}
}
