package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// migrateCommand brings the database to the schema of the binary.
type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Apply what is missing."`
	Status migrateStatusCommand `cmd:"" help:"Show what is applied and what is missing."`
}

type migrateUpCommand struct {
	config.Database `embed:""`
}

// Run applies what is missing and prints it.
func (c migrateUpCommand) Run(ctx context.Context, io streams) (err error) {
	db, err := database.Open(ctx, string(c.URL), database.Options{Now: clock, NewID: newID, Create: true})
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, db.Close()) }()
	applied, err := db.Migrate(ctx)
	for _, version := range applied {
		fmt.Fprintln(io.out, "applied", version)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(io.err, "nothing to apply")
	}
	return err
}

type migrateStatusCommand struct {
	config.Database `embed:""`
}

// Run prints one line per migration.
func (c migrateStatusCommand) Run(ctx context.Context, io streams) (err error) {
	db, err := openDatabase(ctx, string(c.URL))
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, db.Close()) }()
	known, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range known {
		state := "missing"
		if m.AppliedAt != nil {
			state = m.AppliedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(io.out, "%s\t%s\n", m.Version, state)
	}
	return nil
}

// bootstrapCommand makes the root of the tree.
type bootstrapCommand struct {
	config.Database `embed:""`

	Username     string `required:"" help:"The first administrator's username."`
	Email        string `required:"" help:"The first administrator's e-mail address."`
	PasswordFile string `placeholder:"FILE" help:"File that holds the password; - for standard input."`
}

// Help shows examples.
func (bootstrapCommand) Help() string {
	return "Example:\n  headwater bootstrap --username ada --email ada@example.com --password-file secret.txt"
}

// Run makes the platform organization and prints its id.
func (c bootstrapCommand) Run(ctx context.Context, io streams) (err error) {
	p, err := openPlatform(ctx, string(c.URL), commandBounds())
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	hash, err := hashOf(ctx, c.PasswordFile)
	if err != nil {
		return err
	}
	root, _, err := p.services.Organizations.Bootstrap(ctx, organizations.FirstAdministrator{Username: c.Username, Email: c.Email, PasswordHash: hash})
	if err != nil {
		return err
	}
	fmt.Fprintln(io.out, typeid.New(typeid.Organization, root))
	return nil
}

// hashOf returns the hash of the password in a file, "" for no file.
func hashOf(ctx context.Context, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	if file == "-" {
		file = "/dev/stdin"
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	plain := strings.TrimRight(string(content), "\r\n")
	if plain == "" {
		return "", errors.New("the password file is empty")
	}
	return password.NewHasher(1).Hash(ctx, plain)
}

// tokenCommand prints an access token.
type tokenCommand struct {
	config.Database `embed:""`
	config.Tokens   `embed:""`

	User         string        `required:"" help:"Username."`
	Organization string        `placeholder:"SLUG" help:"Bind the token to one organization of the user."`
	TTL          time.Duration `default:"1h" help:"How long the token lives."`
}

// Help shows examples.
func (tokenCommand) Help() string {
	return "Example:\n  curl -H \"Authorization: Bearer $(headwater token --user ada)\" …"
}

// Run prints the token and nothing else.
func (c tokenCommand) Run(ctx context.Context, io streams) (err error) {
	if c.TTL <= 0 {
		return errors.New("--ttl must be above 0")
	}
	p, err := openPlatform(ctx, string(c.URL), commandBounds())
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	issuer, err := openIssuer(c.Tokens)
	if err != nil {
		return err
	}
	signed, err := p.tokenFor(ctx, issuer, c.User, c.Organization, c.TTL)
	if err != nil {
		return err
	}
	fmt.Fprintln(io.out, signed)
	return nil
}

// tokenFor returns a token of a user, bound to an organization if a slug is
// given. It fails for users and organizations that the token would not work
// for.
func (p *platform) tokenFor(ctx context.Context, issuer token.Issuer, username, slug string, ttl time.Duration) (string, error) {
	ctx = asSystem(ctx, "token")
	id, err := p.db.Client().User.Query().Where(user.UsernameKey(strings.ToLower(username))).OnlyID(ctx)
	if err != nil {
		return "", fmt.Errorf("there is no user %q", username)
	}
	claims := token.Claims{Subject: typeid.New(typeid.User, id), ExpiresAt: clock().Add(ttl)}
	if slug != "" {
		org, err := p.records.BySlug(ctx, slug)
		if err != nil {
			return "", fmt.Errorf("there is no organization %q", slug)
		}
		claims.Organization = typeid.New(typeid.Organization, org.ID)
	}
	return p.sign(ctx, issuer, claims, username)
}

// tokenOf returns a token of a user or an application.
func (p *platform) tokenOf(ctx context.Context, issuer token.Issuer, principal typeid.ID, ttl time.Duration) (string, error) {
	return p.sign(asSystem(ctx, "token"), issuer, token.Claims{Subject: principal, ExpiresAt: clock().Add(ttl)}, principal.String())
}

// sign returns the token that says the claims, unless it would not work. name is
// whose it is.
func (p *platform) sign(ctx context.Context, issuer token.Issuer, claims token.Claims, name string) (string, error) {
	if _, err := p.records.Viewer(ctx, records.Session{Principal: claims.Subject, Organization: claims.Organization.UUID}); err != nil {
		return "", fmt.Errorf("%s is locked or no member of the organization", name)
	}
	return issuer.Sign(claims)
}

// versionCommand prints what was built.
type versionCommand struct{}

// Run prints the version of the module and of Go.
func (versionCommand) Run(io streams) error {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("the binary holds no build information")
	}
	fmt.Fprintf(io.out, "headwater %s %s\n", build.Main.Version, build.GoVersion)
	return nil
}
