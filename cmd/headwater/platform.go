package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/outbound"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/resolvers"
	"github.com/headwater-platform/headwater/scim"
	"github.com/headwater-platform/headwater/server"
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/budgets"
	"github.com/headwater-platform/headwater/service/checks"
	"github.com/headwater-platform/headwater/service/costs"
	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/service/groups"
	"github.com/headwater-platform/headwater/service/invitations"
	"github.com/headwater-platform/headwater/service/jobs"
	"github.com/headwater-platform/headwater/service/keys"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/payments"
	"github.com/headwater-platform/headwater/service/people"
	platforms "github.com/headwater-platform/headwater/service/platform"
	"github.com/headwater-platform/headwater/service/policies"
	"github.com/headwater-platform/headwater/service/projects"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/requests"
	"github.com/headwater-platform/headwater/service/resources"
	"github.com/headwater-platform/headwater/service/sessions"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/statements"
	"github.com/headwater-platform/headwater/service/support"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/token"
)

// hashes is how many passwords are hashed at a time; each takes 64 MiB.
const hashes = 2

// platform is the store and the services on it.
type platform struct {
	db       *database.DB
	records  *records.Store
	hasher   *password.Hasher
	services resolvers.Resolver
}

// clock is the wall clock, in UTC.
func clock() time.Time { return time.Now().UTC() }

// newID returns a UUIDv7. It panics where the system has no randomness.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// openDatabase opens the database that is there.
func openDatabase(ctx context.Context, url string) (*database.DB, error) {
	return database.Open(ctx, url, database.Options{Now: clock, NewID: newID})
}

// bounds say how large a platform may grow.
type bounds struct {
	// depth is that of the tree.
	depth int
	// recordsBytes is what records may take in memory.
	recordsBytes int64
}

// boundsOf returns what the configuration says.
func boundsOf(l config.Limits) bounds {
	return bounds{depth: l.TreeDepth, recordsBytes: l.RecordsBytes}
}

// commandBounds are those of a command that ends soon and remembers nothing.
func commandBounds() bounds { return bounds{depth: orgtree.MaxDepth} }

// openPlatform opens a database that is migrated and wires the services to it.
func openPlatform(ctx context.Context, url string, b bounds) (*platform, error) {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := db.CheckMigrated(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return newPlatform(db, b), nil
}

func newPlatform(db *database.DB, b bounds) *platform {
	store := records.NewWithin(db, b.recordsBytes)
	db.HoldWith(store.Hold)
	hasher := password.NewHasher(hashes)
	p := &platform{
		db:      db,
		records: store,
		hasher:  hasher,
		services: resolvers.Resolver{
			Allocations:   allocations.New(db, store),
			Budgets:       budgets.New(db, store),
			Checks:        checks.New(db, store),
			Costs:         costs.New(db, store),
			Directory:     directory.New(db, store, rand.Reader),
			Groups:        groups.New(db, store),
			Jobs:          jobs.New(db, store),
			Keys:          keys.New(db, store, rand.Reader),
			Organizations: organizations.New(db, store, b.depth),
			Payments:      payments.New(db, store),
			People:        people.New(db, store, hasher),
			Policies:      policies.New(db, store),
			Projects:      projects.New(db, store),
			Rates:         rates.New(db, store),
			Resources:     resources.New(db, store),
			Requests:      requests.New(db, store),
			Settings:      settings.New(db, store),
			Statements:    statements.New(db, store),
			Support:       support.New(db, store),
			Terms:         terms.New(db, store, rand.Reader),
			Usage:         usage.New(db, store),
		},
	}
	p.register()
	return p
}

// follow makes the platform hear of what other processes change, which is what
// it takes to answer from memory, until stop is called.
func (p *platform) follow(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.db.Follow(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// checkRoot returns an error that says what to run where nobody set the
// platform up.
func (p *platform) checkRoot(ctx context.Context) error {
	_, err := p.records.Root(ctx)
	if fault.CodeOf(err) == fault.NotFound {
		return errors.New("the platform has no administrator yet; run: headwater bootstrap --username NAME --email ADDRESS")
	}
	return err
}

// signWith adds the services that need the signing keys and the address at which
// people reach the platform.
func (p *platform) signWith(issuer token.Issuer, _ string) {
	p.services.Platform = platforms.New(p.db, p.records, issuer)
	p.services.Sessions = sessions.New(p.db, p.records, issuer, p.hasher, rand.Reader)
	p.services.Invitations = invitations.New(p.db, p.records, issuer)
}

// serving is what a server needs beside the platform.
type serving struct {
	issuer token.Issuer
	limits config.Limits
	http   config.HTTP
	// outbound is what may be called of what people configure.
	outbound config.Outbound
	address  string
	demo     bool
	logger   *slog.Logger
	// sender takes mails away; nil keeps them in a mailbox.
	sender mail.Sender
}

// handler returns the HTTP surface of the platform.
func (p *platform) handler(s serving) (http.Handler, error) {
	proxies, err := s.http.Proxies()
	if err != nil {
		return nil, err
	}
	networks, err := s.outbound.Allowed()
	if err != nil {
		return nil, err
	}
	p.signWith(s.issuer, s.address)
	p.identifyWith(s.issuer, s.address, outbound.Policy{Networks: networks})
	mailbox := p.sendBy(s)
	return server.Handler(server.Options{
		Mailbox:      mailbox,
		Schema:       resolvers.NewSchema(&p.services),
		Authenticate: p.authenticate(s.issuer),
		Annotate: func(ctx context.Context, request server.Request) context.Context {
			ctx = access.WithCircumstances(ctx, access.Circumstances{Address: request.Address, At: p.db.Now(), Agent: request.Agent})
			ctx = access.WithViewer(ctx, access.Viewer{}) // Nobody yet; who signs in is the viewer of the rest.
			return database.WithRequestID(ctx, request.ID)
		},
		Ready:    p.db.Ping,
		Revision: func() string { return strconv.FormatInt(p.db.Seen(), 10) },
		WaitFor:  p.db.WaitFor,
		JWKS:     s.issuer.Keys.JWKS,
		OpenIDConfiguration: func() ([]byte, error) {
			return s.issuer.OpenIDConfiguration(s.address)
		},
		SignIn:      p.signIn(s.address),
		Directories: p.directories(s.address),
		UsageExport: p.usageExport,
		Limits: server.Limits{
			BodyBytes: s.limits.BodyBytes, UploadBytes: s.limits.UploadBytes,
			Tokens: s.limits.QueryTokens, Depth: s.limits.QueryDepth, Cost: s.limits.QueryCost,
			Timeout: s.limits.RequestTimeout, PerToken: s.limits.RatePerMinute, PerAddress: s.limits.GuestRate,
		},
		TrustedProxies: proxies,
		Demo:           s.demo,
		Logger:         s.logger,
		Metrics:        p.metrics(),
	}), nil
}

// directories returns what the directories of organizations call.
func (p *platform) directories(address string) *server.Protocol {
	return &server.Protocol{
		Root: scim.Root, Refuse: scim.Refuse, Status: scim.Status,
		Handler: func(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
			return scim.Handler(p.services.Directory, p.services.Groups, address, refuse)
		},
	}
}

// authenticate returns the function that turns a bearer, which is an access token
// or an API key, into the viewer of a request.
func (p *platform) authenticate(issuer token.Issuer) func(context.Context, string) (context.Context, error) {
	return func(ctx context.Context, bearer string) (context.Context, error) {
		session, err := p.session(ctx, issuer, bearer)
		if err != nil {
			return ctx, err
		}
		viewer, err := p.records.Viewer(ctx, session)
		if err != nil {
			return ctx, err
		}
		return access.WithViewer(ctx, viewer), nil
	}
}

// session returns what a bearer stands for.
func (p *platform) session(ctx context.Context, issuer token.Issuer, bearer string) (records.Session, error) {
	at := access.CircumstancesFrom(ctx)
	if token.IsAPIKey(bearer) {
		key, err := token.ParseAPIKey(bearer)
		if err != nil {
			return records.Session{}, err
		}
		return p.records.Bearer(ctx, key.AccessKey(), key.Hash(), at)
	}
	if isForeign(issuer, bearer) {
		return p.services.Identity.Bearer(ctx, bearer, at)
	}
	claims, err := issuer.Verify(bearer)
	if err != nil {
		return records.Session{}, err
	}
	session := records.Session{Principal: claims.Subject, Organization: claims.Organization.UUID, SignIn: claims.Session.UUID, Circumstances: at}
	if claims.Key.IsZero() {
		return session, nil
	}
	// A token that was given for a key is worth what the key is worth now.
	ofKey, err := p.records.BearerOf(ctx, claims.Key.UUID, at)
	if err != nil {
		return records.Session{}, err
	}
	if ofKey.Principal != session.Principal || ofKey.Organization != session.Organization {
		return records.Session{}, fault.New(fault.Unauthenticated, "the token is not valid")
	}
	return ofKey, nil
}

// openIssuer reads the signing keys, which are made on the first start.
func openIssuer(t config.Tokens) (token.Issuer, error) {
	keys, err := token.OpenKeys(t.SigningKeyFile)
	if err != nil {
		return token.Issuer{}, err
	}
	return token.Issuer{Name: t.Issuer, Audience: t.Audience, Keys: keys, Now: clock}, nil
}

// asSystem returns a context in which the platform itself acts under a name.
func asSystem(ctx context.Context, name string) context.Context {
	return access.WithViewer(ctx, access.SystemViewer(name))
}

func closing(what string, err, closeErr error) error {
	if closeErr != nil {
		closeErr = fmt.Errorf("close %s: %w", what, closeErr)
	}
	return errors.Join(err, closeErr)
}
