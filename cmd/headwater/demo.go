package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/demo"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/server"
	"github.com/headwater-platform/headwater/token"
)

// demoCommand serves a generated platform on a database that is gone afterwards.
type demoCommand struct {
	HTTP     config.HTTP        `embed:"" group:"HTTP"`
	Limits   config.Limits      `embed:"" group:"Limits"`
	Database config.DatabaseURL `name:"database-url" env:"HEADWATER_DATABASE_URL" placeholder:"URL" help:"A postgres:// server on which to make the temporary database; else it is a temporary SQLite file."`

	LogLevel  string `name:"log-level" env:"HEADWATER_LOG_LEVEL" default:"warn" group:"Log" help:"debug, info, warn or error; from info on there is a line for each request."`
	LogFormat string `name:"log-format" env:"HEADWATER_LOG_FORMAT" default:"text" group:"Log" help:"text or json."`

	Seed          uint64 `default:"1" help:"The same seed makes the same platform."`
	Organizations int    `default:"20" help:"How many customers the partners have."`
	Users         int    `placeholder:"N" help:"How many people there are in all; unset, ten for each customer."`
	PrintJSON     bool   `name:"print-json" help:"Print one line of JSON with addresses, logins and tokens on stdout when ready."`
	WriteUsage    string `name:"write-usage" placeholder:"FILE" help:"Write the usage of the platform as a FOCUS file, compressed if it ends in .gz, - for stdout, and serve nothing."`
}

// Help shows examples.
func (demoCommand) Help() string {
	return "Examples:\n  headwater demo\n  HEADWATER_DATABASE_URL=postgres://postgres@localhost/postgres headwater demo --seed 7\n" +
		"  headwater demo --organizations 50 --write-usage usage.csv.gz"
}

// demoTokens is how long the tokens of the logins live.
const demoTokens = 24 * time.Hour

// Run makes the platform and serves it until the context ends.
func (c demoCommand) Run(ctx context.Context, io streams) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.WriteUsage != "" {
		return c.writeUsage(io)
	}
	began := clock()
	// Whoever closes standard output must not end the process before it has
	// cleared away: writing fails then instead.
	signal.Ignore(syscall.SIGPIPE)
	// An occupied port is told before there is anything to clear away.
	listener, err := listen(ctx, c.HTTP.Addr)
	if err != nil {
		return err
	}
	defer func() { err = closing("listener", err, ignoreClosed(listener.Close())) }()
	location, remove, err := database.Temporary(ctx, string(c.Database))
	if err != nil {
		return err
	}
	defer func() { err = closing("temporary database", err, remove(context.WithoutCancel(ctx))) }()
	p, made, err := c.make(ctx, io, location)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	return c.serve(ctx, io, listener, shown{platform: p, made: made, began: began})
}

// Validate checks the settings, the URL of the database if there is one, and the
// size.
func (c demoCommand) Validate() error {
	parts := []interface{ Validate() error }{c.HTTP, c.Limits, c.log(), c.size()}
	if c.Database != "" {
		parts = append(parts, config.Database{URL: c.Database})
	}
	for _, part := range parts {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// log returns what is logged: less than a server does, so that the logins stay
// in sight.
func (c demoCommand) log() config.Log { return config.Log{Level: c.LogLevel, Format: c.LogFormat} }

// size returns how large the platform is to be.
func (c demoCommand) size() demo.Size {
	users := c.Users
	if users == 0 {
		users = max(10*c.Organizations, demo.LeastUsers(c.Organizations))
	}
	return demo.Size{Organizations: c.Organizations, Users: users}
}

// interrupted returns a plain word for what a signal broke off.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// ignoreClosed passes over that the server closed the listener before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// make migrates and fills the database at the location.
func (c demoCommand) make(ctx context.Context, io streams, location string) (*platform, *demo.Platform, error) {
	timeline := demo.NewTimeline(c.Seed, clock, newID)
	db, err := database.Open(ctx, location, timeline.Options())
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	p := newPlatform(db, boundsOf(c.Limits))
	show := newProgress(io.err)
	made, err := demo.Generate(ctx, db, timeline, p.demoServices(), demo.Options{
		Seed: c.Seed, Size: c.size(), Progress: func(what string) { show.line("making " + what) },
	})
	show.clear()
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return p, made, nil
}

// demoServices returns what the demo is made with.
func (p *platform) demoServices() demo.Services {
	return demo.Services{
		Allocations: p.services.Allocations, Budgets: p.services.Budgets, Groups: p.services.Groups,
		Organizations: p.services.Organizations, People: p.services.People, Rates: p.services.Rates, Settings: p.services.Settings,
		Statements: p.services.Statements, Terms: p.services.Terms, Usage: p.services.Usage,
		Records: p.records, Hasher: password.NewHasher(hashes),
	}
}

// shown is a platform that is ready to be shown.
type shown struct {
	platform *platform
	made     *demo.Platform
	began    time.Time
	address  string
	logins   []demoLogin
}

// serve announces the platform and serves it.
func (c demoCommand) serve(ctx context.Context, io streams, listener net.Listener, s shown) (err error) {
	issuer, err := temporaryIssuer()
	if err != nil {
		return err
	}
	s.address = c.HTTP.BaseURL(listener.Addr())
	logger := c.log().Logger(io.err)
	handler, err := s.platform.handler(serving{
		issuer: issuer, limits: c.Limits, http: c.HTTP, address: s.address, demo: true, logger: logger,
	})
	if err != nil {
		return err
	}
	defer s.platform.work(ctx, logger)()
	stop := s.platform.follow(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	if err := s.signIn(ctx, issuer); err != nil {
		return interrupted(ctx, err)
	}
	if err := s.announce(io, c.PrintJSON); err != nil {
		return err
	}
	return server.Serve(ctx, listener, handler)
}

// temporaryIssuer returns an issuer with a key that nobody keeps.
func temporaryIssuer() (token.Issuer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return token.Issuer{}, fmt.Errorf("make a signing key: %w", err)
	}
	keys, err := token.NewKeys(key)
	if err != nil {
		return token.Issuer{}, err
	}
	return token.Issuer{Name: "headwater", Audience: "headwater", Keys: keys, Now: clock}, nil
}

// demoLogin is a login as --print-json shows it.
type demoLogin struct {
	Username       string `json:"username"`
	Password       string `json:"password"`
	Role           string `json:"role"`
	OrganizationID string `json:"organizationId"`
	Token          string `json:"token"`

	organization string
}

// signIn gives every login a token.
func (s *shown) signIn(ctx context.Context, issuer token.Issuer) error {
	for _, login := range s.made.Logins {
		signed, err := s.platform.tokenOf(ctx, issuer, login.Principal, demoTokens)
		if err != nil {
			return err
		}
		s.logins = append(s.logins, demoLogin{
			Username: login.Username, Password: login.Password, Role: string(login.Role),
			OrganizationID: login.Organization.String(), Token: signed, organization: login.OrganizationName,
		})
	}
	return nil
}

// announce says where everything is, for a program or a person.
func (s *shown) announce(io streams, asJSON bool) error {
	if asJSON {
		return printJSON(io.out, struct {
			ready
			Users []demoLogin `json:"users"`
		}{readyAt(s.address), s.logins})
	}
	text, err := s.describe()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(io.out, text)
	return err
}

// describe returns the addresses, the logins and a first question.
func (s *shown) describe() (string, error) {
	out, first := &strings.Builder{}, s.logins[0]
	fmt.Fprintf(out, "Headwater demo, ready after %.1f s. All of it is gone when you stop it with Ctrl-C.\n\n", time.Since(s.began).Seconds())
	fmt.Fprintf(out, "  Start page  %[1]s\n  Playground  %[1]s/playground\n  GraphQL     %[1]s/graphql\n\n", s.address)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  ROLE\tUSERNAME\tPASSWORD\tORGANIZATION\tORGANIZATION ID")
	for _, login := range s.logins {
		fmt.Fprintln(table, "  "+strings.Join([]string{login.Role, login.Username, cmp.Or(login.Password, "–"), login.organization, login.OrganizationID}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return "", err
	}
	fmt.Fprintf(out, "\nThe playground with %s signed in:\n\n  %s/playground#token=%s\n", first.Username, s.address, first.Token)
	fmt.Fprintf(out, "\nA token of %s for 24 hours, and a first question:\n\n  TOKEN=%s\n  curl -s %s/graphql -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n    -d '%s'\n\n",
		first.Username, first.Token, s.address, `{"query":"{ organizations(first: 5) { totalCount edges { node { name kind memberCount } } } }"}`)
	return out.String(), nil
}

// writeUsage writes the usage of the platform and nothing else.
func (c demoCommand) writeUsage(io streams) (err error) {
	if c.WriteUsage == "-" {
		return demo.WriteUsage(io.out, c.Seed, c.size(), clock(), false)
	}
	file, err := os.Create(c.WriteUsage)
	if err != nil {
		return fmt.Errorf("write usage: %w", err)
	}
	defer func() { err = closing(c.WriteUsage, err, file.Close()) }()
	return demo.WriteUsage(file, c.Seed, c.size(), clock(), strings.HasSuffix(c.WriteUsage, ".gz"))
}
