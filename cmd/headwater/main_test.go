package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain forgets the settings of the shell that runs the tests, and puts the
// binary on the PATH as headwater for tests that start it.
func TestMain(m *testing.M) {
	testscript.Main(withoutSettings{m}, map[string]func(){"headwater": main, "headwater-rating": rateUsage})
}

type withoutSettings struct{ tests *testing.M }

func (w withoutSettings) Run() int {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "HEADWATER_") && name != "HEADWATER_TEST_EFFORT" {
			os.Unsetenv(name)
		}
	}
	return w.tests.Run()
}

// command runs a command line in this process and returns what it said.
func command(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	exit = run(args, streams{out: &out, err: &err})
	return exit, out.String(), err.String()
}

// mustRun runs a command line that succeeds and returns its stdout.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	exit, stdout, stderr := command(t, args...)
	if exit != 0 {
		t.Fatalf("headwater %s: exit status %d: %s", strings.Join(args, " "), exit, stderr)
	}
	return stdout
}

// mustFail runs a command line that fails with one line, which is returned, and
// no result.
func mustFail(t *testing.T, args ...string) string {
	t.Helper()
	exit, stdout, stderr := command(t, args...)
	if exit == 0 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "headwater: ") {
		t.Errorf("headwater %s: exit status %d, said %q and failed with %q", strings.Join(args, " "), exit, stdout, stderr)
	}
	return stderr
}

// start returns a process of the binary with the further environment.
func start(t *testing.T, environment []string, args ...string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(t.Context(), "headwater", args...)
	process.Env = append(os.Environ(), environment...)
	return process
}

// exitOf returns the exit status of a process that ended.
func exitOf(err error) int {
	var failure *exec.ExitError
	if errors.As(err, &failure) {
		return failure.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}
