//go:build unix

package cluster

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperBase makes the test binary a process that joins the cluster in that
// directory, says so, and stays until its input ends.
const helperBase = "CLUSTER_TEST_BASE"

func TestMain(m *testing.M) {
	if base := os.Getenv(helperBase); base != "" {
		helper(base)
		return
	}
	os.Exit(m.Run())
}

func helper(base string) {
	p, err := defaultPlace()
	p.base, p.linger = base, 0
	if err == nil {
		var dir string
		if dir, _, err = p.join(context.Background()); err == nil {
			fmt.Println("joined", dir)
			_, err = io.Copy(io.Discard, os.Stdin)
		}
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func TestPrivateCluster(t *testing.T) {
	t.Parallel()
	p := testPlace(t)
	first, hold1 := join(t, p)
	second, hold2 := join(t, p)
	if first != second {
		t.Fatalf("the second user got %s, want %s", second, first)
	}
	if listen := show(t, first, "listen_addresses"); listen != "" {
		t.Errorf("listens on %q, want the socket alone", listen)
	}
	data, err := os.Stat(filepath.Join(first, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := data.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("the cluster runs as root")
	}

	hold1.Close()
	if got := show(t, first, "fsync"); got != "off" {
		t.Errorf("with one user left fsync is %q, want off", got)
	}
	hold2.Close()
	waitUntilGone(t, first)
}

func TestPrivateClusterEndsThoughItsDirectoryIsCleanedUp(t *testing.T) {
	t.Parallel()
	dir, hold := join(t, testPlace(t))
	conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := errors.Join(os.RemoveAll(dir), conn.SetDeadline(time.Now().Add(30*time.Second)), hold.Close()); err != nil {
		t.Fatal(err)
	}
	// The server closes the connection when it ends; by itself it would notice
	// the loss of its directory after a minute.
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

func TestPrivateClusterOutlivesTheProcessThatStartedIt(t *testing.T) {
	t.Parallel()
	p := testPlace(t)
	starter := startHelper(t, p.base, os.Args[0], nil)
	dir, hold := join(t, p)
	if dir != starter.dir {
		t.Fatalf("joined %s, want %s", dir, starter.dir)
	}
	starter.kill(t)
	if got := show(t, dir, "fsync"); got != "off" {
		t.Errorf("fsync is %q, want off", got)
	}
	hold.Close()
	waitUntilGone(t, dir)
}

func TestPrivateClusterEndsWhenItsLastUserIsKilled(t *testing.T) {
	t.Parallel()
	p := testPlace(t)
	only := startHelper(t, p.base, os.Args[0], nil)
	only.kill(t)
	waitUntilGone(t, only.dir)
}

func TestPrivateClusterOfKilledKeeperIsReplaced(t *testing.T) {
	t.Parallel()
	p := testPlace(t)
	if err := p.prepareBase(); err != nil {
		t.Fatal(err)
	}
	// What a killed keeper leaves: a pipe that nobody reads.
	stale := filepath.Join(p.base, "cstale")
	if err := errors.Join(os.Mkdir(stale, 0o700), syscall.Mkfifo(filepath.Join(stale, "users"), 0o600), p.handOver(stale)); err != nil {
		t.Fatal(err)
	}
	dir, _ := join(t, p)
	if dir == stale {
		t.Error("joined a cluster that nobody keeps")
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale cluster is still there: %v", err)
	}
}

func TestPrivateClusterAsAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("the other tests run as a user already")
		return
	}
	needBinaries(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	home := shortDir(t)
	binary := filepath.Join(home, "cluster.test")
	copyFile(t, os.Args[0], binary)
	if err := os.Chown(home, uid, gid); err != nil {
		t.Fatal(err)
	}
	who := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	h := startHelper(t, filepath.Join(home, "base"), binary, who)
	info, err := os.Stat(filepath.Join(h.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Sys().(*syscall.Stat_t).Uid; int(got) != uid {
		t.Errorf("the cluster of user %d runs as %d", uid, got)
	}
	h.kill(t)
	waitUntilGone(t, h.dir)
}

func TestJoinFails(t *testing.T) {
	t.Parallel()
	t.Run("without binaries", func(t *testing.T) {
		t.Parallel()
		p := testPlace(t)
		p.find = func(context.Context, string) (string, error) { return "", errors.New("nothing installed") }
		if _, _, err := p.join(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing installed") {
			t.Errorf("got %v, want the reason", err)
		}
	})
	t.Run("with the end of the log when initdb fails", func(t *testing.T) {
		t.Parallel()
		p := testPlace(t)
		bin := fakeBinaries(t, p.base+"-bin", "postgres (PostgreSQL) 16.1", "echo disk on fire; exit 1")
		p.find = func(context.Context, string) (string, error) { return bin, nil }
		if _, _, err := p.join(t.Context()); err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("got %v, want what initdb said", err)
		}
		if left, _ := filepath.Glob(filepath.Join(p.base, "c*")); len(left) > 0 {
			t.Errorf("left behind %q", left)
		}
	})
	t.Run("in a directory of somebody else", func(t *testing.T) {
		t.Parallel()
		p := testPlace(t)
		p.base = "/"
		if os.Getuid() == 0 {
			p.base = shortDir(t)
			if err := os.Chown(p.base, p.owner+1, -1); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := p.join(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs to somebody else") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}

func TestNewestUsable(t *testing.T) {
	t.Parallel()
	root := shortDir(t)
	old := fakeBinaries(t, root+"/13", "postgres (PostgreSQL) 13.9", "")
	nine := fakeBinaries(t, root+"/9", "postgres (PostgreSQL) 9.6.24", "")
	fourteen := fakeBinaries(t, root+"/14", "postgres (PostgreSQL) 14.2 (Debian 14.2-1)", "")
	eighteen := fakeBinaries(t, root+"/18", "postgres (PostgreSQL) 18beta1", "")
	partial := fakeBinaries(t, root+"/17", "postgres (PostgreSQL) 17.0", "")
	if err := os.Remove(filepath.Join(partial, "pg_ctl")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		groups [][]string
		want   string
	}{
		"the first group that has one":    {[][]string{{old}, {fourteen}, {eighteen}}, fourteen},
		"the newest of a group":           {[][]string{{fourteen, eighteen, nine}}, eighteen},
		"none too old, partial or absent": {[][]string{{old, nine, partial, root + "/none"}, nil}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := newestUsable(t.Context(), test.groups)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %t, want %q", got, ok, test.want)
			}
		})
	}
}

// testPlace is a place of the test's own whose clusters end at once.
func testPlace(t *testing.T) place {
	t.Helper()
	needBinaries(t)
	p, err := defaultPlace()
	if err != nil {
		t.Fatal(err)
	}
	p.base, p.linger = filepath.Join(shortDir(t), "base"), 0
	t.Cleanup(func() {
		eventually(t, "the end of all clusters in "+p.base, func() bool {
			left, err := filepath.Glob(filepath.Join(p.base, "c*"))
			return err == nil && len(left) == 0
		})
	})
	return p
}

// needBinaries lets the private cluster untested on a machine that names another
// server and has nothing to make a private one of.
func needBinaries(t *testing.T) {
	t.Helper()
	if _, ok := newestUsable(t.Context(), installed(t.Context())); !ok && os.Getenv(Variable) != "" {
		t.Skip("the tests use " + Variable + " and no PostgreSQL is installed here")
	}
}

// shortDir is a directory whose path leaves room for a socket's and that other
// users can reach.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hw") //nolint:usetesting // t.TempDir is too long for a socket and closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func join(t *testing.T, p place) (string, *os.File) {
	t.Helper()
	dir, hold, err := p.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hold.Close() })
	return dir, hold
}

func show(t *testing.T, dir, setting string) string {
	t.Helper()
	db, err := sql.Open("postgres", socketAddress(dir).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var value string
	if err := db.QueryRowContext(t.Context(), "SELECT current_setting($1)", setting).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func waitUntilGone(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "the end of the cluster "+dir, func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist)
	})
}

// helperProcess is another test process that uses the cluster in dir.
type helperProcess struct {
	cmd *exec.Cmd
	dir string
}

func startHelper(t *testing.T, base, binary string, who *syscall.Credential) helperProcess {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), helperBase+"="+base)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir, ok := strings.CutPrefix(strings.TrimSpace(line), "joined ")
	if !ok {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	return helperProcess{cmd, dir}
}

func (h helperProcess) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = h.cmd.Wait() // says that it was killed
}

// fakeBinaries makes a directory of scripts that pass for a PostgreSQL.
func fakeBinaries(t *testing.T, dir, version, initdb string) string {
	t.Helper()
	scripts := map[string]string{"initdb": initdb, "pg_ctl": "", "postgres": "echo '" + version + "'"}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range scripts {
		writeProgram(t, filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"))
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeProgram(t, to, content)
}

// writeProgram writes a file that is run. No other test starts a process meanwhile:
// that process would have the file open for writing, and until it runs something
// else the file could not be run ("text file busy").
func writeProgram(t *testing.T, path string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
}
