//go:build unix

package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// oldest is the lowest major version that Headwater supports.
const oldest = 14

// findBinaries returns the directory of initdb, pg_ctl and postgres: installed
// ones, else fetched ones, which are kept in base.
func findBinaries(ctx context.Context, base string) (string, error) {
	if bin, ok := newestUsable(ctx, installed(ctx)); ok {
		return bin, nil
	}
	bin, err := fetch(base)
	if err != nil {
		return "", fmt.Errorf("no initdb, pg_ctl and postgres of version %d or newer are installed, and fetching them does not work: %w",
			oldest, err)
	}
	return bin, nil
}

// installed returns the directories that may hold a PostgreSQL, in groups: what
// PATH and pg_config name counts before what package managers put aside.
func installed(ctx context.Context) [][]string {
	var groups [][]string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			groups = append(groups, []string{filepath.Dir(path)})
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		groups = append(groups, []string{strings.TrimSpace(string(out))})
	}
	var aside []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		dirs, err := filepath.Glob(pattern)
		if err == nil {
			aside = append(aside, dirs...)
		}
	}
	return append(groups, aside)
}

// newestUsable returns the newest supported PostgreSQL of the first group that
// has one.
func newestUsable(ctx context.Context, groups [][]string) (string, bool) {
	for _, dirs := range groups {
		versions := map[string]int{}
		for _, dir := range dirs {
			if v := majorVersion(ctx, dir); v >= oldest {
				versions[dir] = v
			}
		}
		usable := slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return versions[dir] == 0 })
		if len(usable) > 0 {
			return slices.MaxFunc(usable, func(a, b string) int { return cmp.Compare(versions[a], versions[b]) }), true
		}
	}
	return "", false
}

// majorVersion returns the version of the PostgreSQL in dir, 0 where it is not
// complete.
func majorVersion(ctx context.Context, dir string) int {
	if !complete(dir) {
		return 0
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	var major int
	if _, err := fmt.Sscanf(string(out), "postgres (PostgreSQL) %d", &major); err != nil {
		return 0
	}
	return major
}

// fetch downloads a PostgreSQL once and returns the directory of its binaries.
func fetch(base string) (string, error) {
	kept := filepath.Join(base, "fetched-"+string(embeddedpostgres.V17))
	if bin := filepath.Join(kept, "bin"); complete(bin) {
		return bin, nil
	}
	work, err := os.MkdirTemp(base, "fetching")
	if err != nil {
		return "", fmt.Errorf("make a directory for the download: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil {
		return "", fmt.Errorf("open the download to the user of the clusters: %w", err)
	}
	if err := download(work); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(work, "postgres"), kept); err != nil {
		return "", fmt.Errorf("keep the download: %w", err)
	}
	return filepath.Join(kept, "bin"), nil
}

// download leaves the binaries in work/postgres. The library knows how to fetch
// only on the way to a running server; that server is not wanted, and as root it
// cannot even be, so what counts is whether the binaries have arrived.
func download(work string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	var log strings.Builder
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V17).Port(port).Logger(&log).
		BinariesPath(filepath.Join(work, "postgres")).RuntimePath(filepath.Join(work, "run")))
	err = server.Start()
	if err == nil {
		err = server.Stop()
	}
	if complete(filepath.Join(work, "postgres", "bin")) {
		return nil
	}
	if err == nil {
		err = errors.New("the download holds no PostgreSQL")
	}
	return err
}

// complete says whether dir holds all the binaries of a PostgreSQL.
func complete(dir string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// freePort returns a port that nobody listens on right now.
func freePort() (uint32, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %s is no TCP address", l.Addr())
	}
	return uint32(address.Port), nil
}
