package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/headwater-platform/headwater/fault"
)

// cachedDocuments is how many parsed and how many persisted documents are kept.
const cachedDocuments = 1_000

// graphQL is the endpoint: everything that a request must pass, then gqlgen.
func (e *edge) graphQL() http.Handler {
	documents := newDocumentCache[*ast.QueryDocument](cachedDocuments, func(query string, _ *ast.QueryDocument) int { return len(query) })
	persisted := newDocumentCache[string](cachedDocuments, func(_, query string) int { return len(query) })

	s := handler.New(e.Schema)
	s.AddTransport(post{e})
	s.SetQueryCache(documents)
	s.SetParserTokenLimit(e.Limits.Tokens)
	s.SetValidationRulesFn(validationRules)
	s.SetErrorPresenter(e.present)
	s.SetRecoverFunc(e.recovered)
	s.Use(extension.AutomaticPersistedQuery{Cache: persisted})
	s.Use(sizeLimit{limits: e.Limits, documents: documents})
	s.Use(shapeLimit{limits: e.Limits, mayIntrospect: e.mayIntrospect})
	s.Use(extension.FixedComplexityLimit(e.Limits.Cost))
	s.Use(costEcho{})
	for _, x := range e.Extensions {
		s.Use(x)
	}
	return e.crossOrigin(e.onlyPost(e.deadline(e.revision(e.authenticate(s)))))
}

// mayIntrospect reports whether the caller may read the schema.
func (e *edge) mayIntrospect(ctx context.Context) bool {
	return e.Demo || exchangeOf(ctx).authenticated
}

func (e *edge) onlyPost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			e.refuseMethod(http.MethodPost)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deadline ends the request's context in time, and its connection if the body
// comes too slowly or nobody reads the answer.
func (e *edge) deadline(next http.Handler) http.Handler {
	const toWrite = 30 * time.Second
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := e.Limits.Timeout
		if isMultipart(r) || r.URL.Path == exportPath {
			limit = e.Limits.UploadTimeout
		}
		end := time.Now().Add(limit)
		ctx, cancel := context.WithDeadline(r.Context(), end)
		defer cancel()
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(end) // not every writer of a test has a connection
		_ = control.SetWriteDeadline(end.Add(toWrite))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// revision waits, so that a client reads its own write on every process.
func (e *edge) revision(next http.Handler) http.Handler {
	const header = "X-Headwater-Min-Revision"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.Header.Get(header)
		if text == "" || e.WaitFor == nil {
			next.ServeHTTP(w, r)
			return
		}
		revision, err := strconv.ParseInt(text, 10, 64)
		if err != nil || revision < 0 {
			e.refuse(w, r, http.StatusBadRequest, fault.Invalidf(header, "%s is a whole number that is not negative", header))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), e.Limits.RevisionWait)
		defer cancel()
		switch err := e.WaitFor(ctx, revision); {
		case err == nil:
			next.ServeHTTP(w, r)
		case errors.Is(err, context.DeadlineExceeded):
			w.Header().Set("Retry-After", "1")
			e.refuse(w, r, http.StatusServiceUnavailable, fault.New(fault.LimitExceeded, "this node has not seen revision %d yet", revision))
		default:
			e.refuse(w, r, statusOf(err), err)
		}
	})
}

// authenticate turns the bearer token into the viewer's context. Who has no
// valid token shares the budget of an address, so that tokens cannot be guessed
// at the rate that a valid one is served.
func (e *edge) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, bearer, err := e.viewer(r)
		switch {
		case bearer == "" && e.perAddress.exceeded(w, r, addressKey(r)), bearer != "" && e.perToken.exceeded(w, r, tokenKey(bearer)):
			drain(r)
			e.refuse(w, r, http.StatusTooManyRequests, fault.New(fault.RateLimited, "too many requests: wait as long as Retry-After says"))
		case err != nil:
			if fault.CodeOf(err) == fault.Unauthenticated {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			}
			drain(r)
			e.refuse(w, r, statusOf(err), err)
		default:
			exchangeOf(ctx).authenticated = bearer != ""
			next.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

// viewer returns the context of the bearer and the bearer if it is valid.
func (e *edge) viewer(r *http.Request) (ctx context.Context, bearer string, err error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return r.Context(), "", nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.TrimSpace(token)
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, "", fault.New(fault.Unauthenticated, "the Authorization header is the word Bearer and one token")
	}
	if e.Authenticate == nil {
		return nil, "", fault.New(fault.Unauthenticated, "this server accepts no tokens")
	}
	ctx, err = e.Authenticate(r.Context(), token)
	if err != nil {
		return nil, "", err
	}
	return ctx, token, nil
}

// crossOrigin lets the pages of the allowed origins call the API. Tokens travel
// in a header and never in a cookie, so no other protection is needed.
func (e *edge) crossOrigin(next http.Handler) http.Handler {
	if len(e.AllowedOrigins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(e.AllowedOrigins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Content-Disposition, Retry-After, X-Headwater-Revision, X-Request-Id")
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", http.MethodGet+", "+http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Headwater-Min-Revision, X-Request-Id")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// post is the transport: one operation per POST, as JSON or, with files, as a
// multipart form. gqlgen's own would echo bodies and answer without codes.
type post struct{ edge *edge }

// Supports takes every request, so that every refusal has the same form.
func (post) Supports(*http.Request) bool { return true }

// Do runs the operation and writes the answer.
func (p post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	defer func() {
		if v := recover(); v != nil {
			p.edge.refuse(w, r, http.StatusInternalServerError, p.edge.recovered(r.Context(), v))
		}
	}()
	operation, err := p.edge.readBody(r)
	defer operation.close()
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // or it would end the context of a slow answer
	if err != nil {
		drain(r)
		p.edge.refuse(w, r, bodyStatus(err), err)
		return
	}
	p.run(w, r, exec, &operation.params)
}

func (p post) run(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, params *graphql.RawParams) {
	operation, errs := exec.CreateOperationContext(r.Context(), params)
	ctx := graphql.WithOperationContext(r.Context(), operation)
	if len(errs) > 0 {
		for _, err := range errs {
			if err.Extensions["code"] == nil && err.Err == nil {
				errcode.Set(err, string(fault.Invalid)) // a persisted query that makes no sense
			}
		}
		response := exec.DispatchError(ctx, errs)
		p.edge.write(w, r, refusedStatus(r), answer{Errors: response.Errors, Extensions: response.Extensions})
		return
	}
	exchangeOf(ctx).operation = logged(operation.Operation.Name)
	if operation.Operation.Operation == ast.Subscription {
		p.edge.refuse(w, r, http.StatusBadRequest, fault.New(fault.Invalid, "a subscription cannot be sent as a POST"))
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, operation)
	response := responses(ctx)
	if response == nil { // the context ended before the first field
		p.edge.refuse(w, r, refusedStatus(r), cmp.Or(ctx.Err(), errors.New("the executor gave no answer")))
		return
	}
	data := response.Data
	if data == nil {
		data = []byte("null")
	}
	p.edge.write(w, r, http.StatusOK, answer{Errors: response.Errors, Data: data, Extensions: response.Extensions})
}

// logged cuts a name that the client chose to what a log line can bear.
func logged(name string) string {
	const most = 64
	return name[:min(len(name), most)]
}

const (
	typeJSON            = "application/json"
	typeGraphQLResponse = "application/graphql-response+json"
)

// contentType is the form of the answer: plain JSON unless the newer type is
// asked for by name.
func contentType(r *http.Request) string {
	if strings.Contains(r.Header.Get("Accept"), typeGraphQLResponse) {
		return typeGraphQLResponse + "; charset=utf-8"
	}
	return typeJSON + "; charset=utf-8"
}

// refusedStatus is the status of a well-formed request whose operation did not
// run.
func refusedStatus(r *http.Request) int {
	if strings.Contains(r.Header.Get("Accept"), typeGraphQLResponse) {
		return http.StatusBadRequest
	}
	return http.StatusOK
}
