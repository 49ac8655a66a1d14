//go:build unix

package cluster

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// superuser is the database role of the tests in a private cluster.
const superuser = "headwater"

// linger is how long a private cluster waits for its next user, in seconds: the
// next package of a run may still have to be compiled.
const linger = 5

// longestBase bounds the base directory, in bytes: a socket's path must stay
// below 104 with the cluster's directory and the socket's name added.
const longestBase = 70

//go:embed keeper.sh
var keeper string

// place is where the private clusters of one user live and who runs them.
type place struct {
	base   string              // each cluster is a directory in it
	runAs  *syscall.Credential // nil: the caller
	owner  int                 // the user id that runs the clusters
	linger int                 // seconds
	find   func(ctx context.Context, base string) (string, error)
}

// defaultPlace returns the place that all test processes of the user share.
func defaultPlace() (place, error) {
	p := place{owner: os.Getuid(), linger: linger, find: findBinaries}
	parent := os.TempDir()
	if os.Getuid() == 0 {
		var err error
		if p.runAs, err = unprivileged(); err != nil {
			return place{}, err
		}
		p.owner = int(p.runAs.Uid)
		parent = "/tmp" // the other user must be able to reach it
	}
	name := "headwater-postgres-" + strconv.Itoa(os.Getuid())
	if len(parent)+len(name) >= longestBase {
		parent = "/tmp"
	}
	p.base = filepath.Join(parent, name)
	return p, nil
}

// unprivileged returns whom root runs PostgreSQL as, which refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read the ids of the user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root and there is no user postgres or nobody to drop to")
}

// join returns the directory of a running cluster, which it starts if there is
// none, and the file that keeps it running while it is open.
func (p place) join(ctx context.Context) (dir string, hold *os.File, err error) {
	if err := p.prepareBase(); err != nil {
		return "", nil, err
	}
	unlock, err := lock(filepath.Join(p.base, "lock"))
	if err != nil {
		return "", nil, err
	}
	defer unlock()

	dirs, err := filepath.Glob(filepath.Join(p.base, "c*"))
	if err != nil {
		return "", nil, fmt.Errorf("list the clusters: %w", err)
	}
	for _, dir := range dirs {
		hold, err := enter(dir)
		switch {
		case err == nil:
			return dir, hold, nil
		case errors.Is(err, syscall.ENXIO): // nobody keeps it
			p.remove(ctx, dir)
		case errors.Is(err, os.ErrNotExist): // its keeper is about to remove it
		default:
			return "", nil, fmt.Errorf("join the cluster in %s: %w", dir, err)
		}
	}
	return p.start(ctx)
}

// prepareBase makes the base directory and refuses one that somebody else made.
func (p place) prepareBase() error {
	if err := os.Mkdir(p.base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the directory of the clusters: %w", err)
	}
	info, err := os.Lstat(p.base)
	if err != nil {
		return fmt.Errorf("look at the directory of the clusters: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || (int(stat.Uid) != p.owner && int(stat.Uid) != os.Getuid()) {
		return fmt.Errorf("%s belongs to somebody else", p.base)
	}
	return p.handOver(p.base)
}

// handOver gives the file to the user who runs the clusters.
func (p place) handOver(path string) error {
	if p.runAs == nil {
		return nil
	}
	if err := os.Chown(path, int(p.runAs.Uid), int(p.runAs.Gid)); err != nil {
		return fmt.Errorf("hand over %s: %w", path, err)
	}
	return nil
}

// lock waits until no other process starts or joins a cluster.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the clusters: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the clusters: %w", err), f.Close())
	}
	return func() { f.Close() }, nil
}

// enter makes the process a user of the cluster. The error is ENXIO where nobody
// keeps the cluster and ErrNotExist where its keeper has begun to stop it.
func enter(dir string) (*os.File, error) {
	hold, err := os.OpenFile(filepath.Join(dir, "users"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if _, err := hold.Write([]byte{'.'}); err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	return hold, nil
}

// remove ends a cluster whose keeper was killed.
func (p place) remove(ctx context.Context, dir string) {
	if bin, err := p.find(ctx, p.base); err == nil {
		stop := exec.CommandContext(ctx, filepath.Join(bin, "pg_ctl"), "stop", "-s", "-m", "immediate", "-D", "data")
		p.prepare(stop, dir)
		_ = stop.Run() // most often it has already ended
	}
	_ = os.RemoveAll(dir) // a rest of it harms nobody
}

// start makes a new cluster and its keeper, and enters it.
func (p place) start(ctx context.Context) (string, *os.File, error) {
	bin, err := p.find(ctx, p.base)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(p.base, "c")
	if err != nil {
		return "", nil, fmt.Errorf("make the directory of a cluster: %w", err)
	}
	pipe := filepath.Join(dir, "users")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), p.handOver(pipe), p.handOver(dir)); err != nil {
		return "", nil, fmt.Errorf("make the pipe of a cluster: %w", err)
	}
	// A pipe can be entered only while somebody reads it, and the keeper reads it
	// only once somebody has entered.
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", nil, fmt.Errorf("open the pipe of a cluster: %w", err)
	}
	defer reader.Close()
	hold, err := enter(dir)
	if err != nil {
		return "", nil, fmt.Errorf("enter a new cluster: %w", err)
	}
	if err := p.keep(dir, bin); err != nil {
		return "", nil, errors.Join(err, hold.Close(), os.RemoveAll(dir))
	}
	return dir, hold, nil
}

// keep starts the keeper, which outlives this process, and waits until it says
// that the server is ready.
func (p place) keep(dir, bin string) error {
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, superuser, strconv.Itoa(p.linger))
	p.prepare(cmd, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	said := bufio.NewReader(out)
	line, _ := said.ReadString('\n')
	if line == "ready\n" {
		return out.Close()
	}
	rest, _ := io.ReadAll(said)
	return fmt.Errorf("start PostgreSQL of %s: %w: %s", bin, cmd.Wait(), strings.TrimSpace(line+string(rest)))
}

// prepare makes the command run in dir, as the clusters' user, apart from the
// terminal and from PG variables that would send it elsewhere.
func (p place) prepare(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.runAs, Setsid: true}
}
