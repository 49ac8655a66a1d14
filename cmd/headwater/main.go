// Command headwater is the whole platform in one binary: the server, its
// command line and the demonstration.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/headwater-platform/headwater/config"
)

// commandLine is what the binary understands.
type commandLine struct {
	ConfigFile kong.ConfigFlag `name:"config" placeholder:"FILE" help:"File of NAME=VALUE lines; flags and the environment win over it."`

	Serve     serveCommand     `cmd:"" help:"Serve the API until a signal."`
	Demo      demoCommand      `cmd:"" help:"Serve a generated platform on a fresh temporary database."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database to this binary's schema, or show what is missing."`
	Bootstrap bootstrapCommand `cmd:"" help:"Make the platform organization and its first administrator."`
	Token     tokenCommand     `cmd:"" help:"Print an access token for a user."`
	Usage     usageCommand     `cmd:"" help:"Bring usage in, and hand it out."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	out io.Writer
	err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], streams{out: os.Stdout, err: os.Stderr}))
}

// run parses and runs a command line and returns the exit status: 0, 1 for a
// failure, 2 for a command line that makes no sense. A failure is one line.
func run(args []string, io streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var line commandLine
	exit := -1
	parser, err := kong.New(&line,
		kong.Name("headwater"),
		kong.Description("Settings, rights and prices of a tree of cloud resellers, each with its reason."),
		kong.UsageOnError(),
		kong.Configuration(config.File),
		kong.Writers(io.out, io.err),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
	if err != nil {
		return fail(io, err)
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fail(io, err)
		return 2
	}
	if err := command.Run(); err != nil {
		return fail(io, err)
	}
	return 0
}

func fail(io streams, err error) int {
	fmt.Fprintln(io.err, "headwater: "+strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
	return 1
}
