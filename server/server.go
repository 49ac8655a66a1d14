// Package server is the HTTP edge: it takes requests in, holds the limits that
// protect the platform from them, and puts answers and errors on the wire.
//
// It owns the routes, the request's identity, size, time, depth, cost and rate,
// the error presenter, the access log and the metrics, the playground and the
// start page. It does not own the schema (graph, resolvers), who a token speaks
// for (access, token) nor the database: all of these come in as functions.
//
// # Status codes
//
// An answer to a well-formed GraphQL request is 200 as application/json, errors
// or not. A client that asks for application/graphql-response+json gets 400
// when the operation was refused before it ran. Everything that stops a request
// earlier has a status of its own in both forms: 400 malformed, 401 bad token,
// 405 not POST, 413 too large, 415 not JSON, 429 too many, 503 this node has
// not seen the wanted revision. Files have these too, and 403, 404 and 409. The
// body is a GraphQL error in every case, so a client needs to look at
// extensions.code only.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/headwater-platform/headwater/fault"
)

// Options is what the edge is made of. Only Schema is required.
type Options struct {
	// Schema runs the operations.
	Schema graphql.ExecutableSchema

	// Extensions are added to the executor after the edge's own, for loaders
	// and tracing.
	Extensions []graphql.HandlerExtension

	// Authenticate returns the context of the bearer's viewer. Its *fault.Error
	// is shown; any other error is the platform's own. It is not called for a
	// request without an Authorization header, which stays anonymous. Without
	// this function every bearer is refused.
	Authenticate func(ctx context.Context, bearer string) (context.Context, error)

	// Annotate puts what is known about a request where services find it. It
	// is called once per request, before Authenticate.
	Annotate func(ctx context.Context, request Request) context.Context

	// Ready says why the process cannot serve, or nil. Nil means always ready.
	Ready func(ctx context.Context) error

	// Revision is the newest revision that answers reflect, for the header
	// X-Headwater-Revision. Without it there is no such header.
	Revision func() string

	// WaitFor returns once this process has seen the revision, for the header
	// X-Headwater-Min-Revision. Its context ends after Limits.RevisionWait.
	WaitFor func(ctx context.Context, revision int64) error

	// JWKS and OpenIDConfiguration are the documents under /.well-known.
	JWKS, OpenIDConfiguration func() ([]byte, error)

	// SignIn leads browsers to identity providers. Without it there are no such
	// addresses.
	SignIn *SignIn

	// Mailbox returns as JSON what is in the mailbox, or why the viewer may not see
	// it, for the page /mailbox. Without it there is no such page.
	Mailbox func(ctx context.Context) ([]byte, error)

	// Directories is what the directories of organizations call, or nil.
	Directories *Protocol

	// UsageExport returns the file that the parameters of an address ask for, as
	// far as the viewer may have it. Without it there is no such address.
	UsageExport func(ctx context.Context, query url.Values) (*File, error)

	// Limits bound each request.
	Limits Limits

	// TrustedProxies may say in X-Forwarded-For who the client is.
	TrustedProxies []netip.Prefix

	// AllowedOrigins are the web origins, such as https://desk.example, whose
	// pages may call the API from a browser. None by default; "*" is not one.
	AllowedOrigins []string

	// Demo opens introspection to anonymous callers.
	Demo bool

	// Logger gets one record per request and every internal error. The default
	// is slog.Default.
	Logger *slog.Logger

	// Metrics is the registry that /metrics shows and that the edge adds its
	// own to. The default is a new one.
	Metrics *prometheus.Registry
}

// Protocol is another surface than GraphQL. Its requests pass the same limits, and
// what is refused has its form.
type Protocol struct {
	// Root is the path that all of its endpoints are below.
	Root string
	// Handler returns the endpoints; they hand their errors to refuse.
	Handler func(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler
	// Refuse writes an error that is shown as it is. The status is 0 where it is
	// that of the error.
	Refuse func(w http.ResponseWriter, shown fault.Error, status int)
	// Status returns the status of an error.
	Status func(err error) int
}

// Limits bound what one request may ask of the platform. A zero value takes the
// default; the rates can be switched off with a negative one.
type Limits struct {
	BodyBytes     int64         // size of a JSON body; 1 MiB
	UploadBytes   int64         // size of a multipart body; 64 MiB
	Tokens        int           // lexical tokens of a document; 5,000
	Selections    int           // fields and fragments as written; 1,000
	Depth         int           // fields within fields; 20
	Cost          int           // static cost of an operation; 50,000
	Timeout       time.Duration // time to answer; 30 s
	UploadTimeout time.Duration // time to answer a multipart request, and to send a file; 10 min
	RevisionWait  time.Duration // longest wait for a revision; 5 s
	PerToken      int           // requests per minute and token; 6,000
	PerAddress    int           // requests per minute and address without a valid token; 600
}

func (l Limits) withDefaults() Limits {
	return Limits{
		BodyBytes:     orDefault(l.BodyBytes, 1<<20),
		UploadBytes:   orDefault(l.UploadBytes, 64<<20),
		Tokens:        orDefault(l.Tokens, 5_000),
		Selections:    orDefault(l.Selections, 1_000),
		Depth:         orDefault(l.Depth, 20),
		Cost:          orDefault(l.Cost, 50_000),
		Timeout:       orDefault(l.Timeout, 30*time.Second),
		UploadTimeout: orDefault(l.UploadTimeout, 10*time.Minute),
		RevisionWait:  orDefault(l.RevisionWait, 5*time.Second),
		PerToken:      orDefault(l.PerToken, 6_000),
		PerAddress:    orDefault(l.PerAddress, 600),
	}
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// edge is the assembled server.
type edge struct {
	Options
	metrics    *metrics
	perToken   *limiter
	perAddress *limiter
}

// Handler returns the whole HTTP surface.
func Handler(options Options) http.Handler {
	options.Limits = options.Limits.withDefaults()
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Metrics == nil {
		options.Metrics = prometheus.NewRegistry()
	}
	e := &edge{
		Options:    options,
		metrics:    newMetrics(options.Metrics),
		perToken:   newLimiter(options.Limits.PerToken),
		perAddress: newLimiter(options.Limits.PerAddress),
	}
	return e.routes()
}

func (e *edge) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(e.clientAddress(), e.identify, e.observe, e.recoverPanics, secureHeaders, middleware.GetHead)
	r.Handle("/graphql", e.graphQL())
	if d := e.Directories; d != nil {
		r.Handle(d.Root+"/*", e.directories(d))
	}
	if e.UsageExport != nil {
		r.Handle(exportPath, e.usageExport())
	}
	r.Get("/healthz", e.healthy)
	r.Get("/readyz", e.ready)
	r.Get("/metrics", e.metrics.handler().ServeHTTP)
	r.Get("/.well-known/jwks.json", e.document(e.JWKS))
	r.Get("/.well-known/openid-configuration", e.document(e.OpenIDConfiguration))
	e.addPages(r)
	e.addSignIn(r)
	e.addMailPages(r)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		e.refuse(w, r, http.StatusNotFound, fault.New(fault.NotFound, "there is nothing at this address"))
	})
	r.MethodNotAllowed(e.refuseMethod(http.MethodGet))
	return r
}

// clientAddress finds out who the client is, behind proxies only as far as they
// are trusted.
func (e *edge) clientAddress() func(http.Handler) http.Handler {
	if len(e.TrustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	trusted := make([]string, len(e.TrustedProxies))
	for i, prefix := range e.TrustedProxies {
		trusted[i] = prefix.String()
	}
	return middleware.ClientIPFromXFF(trusted...)
}

// refuseMethod answers 405 and says which method there is.
func (e *edge) refuseMethod(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		e.refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.Invalid, "use %s here", allowed))
	}
}
