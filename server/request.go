package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/fault"
)

// Request is what is known about a request before anybody looks into it.
type Request struct {
	// ID names the request in the log, in the journal and to the client.
	ID string
	// Address is the client's, or the zero address where it cannot be known.
	Address netip.Addr
	// Agent is what the client calls itself, at most 500 bytes of it.
	Agent string
}

// maxAgent is how much of what a client calls itself is kept, in bytes.
const maxAgent = 500

// exchange is the notes that the edge takes on one request while it travels.
// Only the goroutine of the request writes to it.
type exchange struct {
	Request
	authenticated bool
	operation     string
	codes         []fault.Code
}

type exchangeKey struct{}

// exchangeOf returns the notes on the request, which are empty outside of one.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

const headerRequestID = "X-Request-Id"

// identify gives the request its id, the client's own where that is sane, so
// that a call can be followed through several systems.
func (e *edge) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Request: Request{
			ID: r.Header.Get(headerRequestID), Address: middleware.GetClientIPAddr(r.Context()), Agent: agentOf(r),
		}}
		if !saneID(x.ID) {
			x.ID = uuid.NewString()
		}
		w.Header().Set(headerRequestID, x.ID)
		ctx := context.WithValue(r.Context(), exchangeKey{}, x)
		if e.Annotate != nil {
			ctx = e.Annotate(ctx, x.Request)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// agentOf returns what the client calls itself, as text that can be stored.
func agentOf(r *http.Request) string {
	agent := r.UserAgent()
	return strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "")
}

// saneID keeps ids that could break or flood a log from getting in.
func saneID(id string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return id != "" && len(id) <= 64 && strings.Trim(id, allowed) == ""
}

// observe logs and counts the request. Documents and variables are never
// logged: they may hold secrets.
func (e *edge) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e.metrics.inFlight.Inc()
		defer e.metrics.inFlight.Dec()
		recorder := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer e.note(r, recorder, start) // of a file that is broken off too
		next.ServeHTTP(recorder, r)
	})
}

// note logs and counts a request that has ended.
func (e *edge) note(r *http.Request, recorder middleware.WrapResponseWriter, start time.Time) {
	x, took, route, status := exchangeOf(r.Context()), time.Since(start), routeOf(r), recorder.Status()
	if status == 0 {
		status = http.StatusOK
	}
	e.metrics.count(route, r.Method, status, took, x.codes)
	e.Logger.LogAttrs(r.Context(), levelOf(route, status), "request",
		slog.String("requestId", x.ID),
		slog.String("method", r.Method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Duration("took", took),
		slog.Int("bytes", recorder.BytesWritten()),
		slog.String("address", x.Address.String()),
		slog.Bool("authenticated", x.authenticated),
		slog.String("operation", x.operation),
		slog.Any("codes", x.codes),
	)
}

// routeOf is the pattern of the route, which bounds the number of labels.
func routeOf(r *http.Request) string {
	if pattern := chi.RouteContext(r.Context()).RoutePattern(); pattern != "" {
		return pattern
	}
	return "none"
}

// levelOf keeps what machines ask every few seconds out of the usual log.
func levelOf(route string, status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelWarn
	case route == "/healthz" || route == "/readyz" || route == "/metrics":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// recoverPanics answers INTERNAL for whatever went wrong outside of a resolver.
func (e *edge) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				e.refuse(w, r, http.StatusInternalServerError, e.recovered(r.Context(), p))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// panicError is a panic on its way to the presenter, which must not take it for
// anything but the platform's own failure.
type panicError struct{ value any }

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recovered logs a panic with its stack, which only exists where it is caught.
func (e *edge) recovered(ctx context.Context, p any) error {
	e.Logger.ErrorContext(ctx, "panic",
		slog.String("requestId", exchangeOf(ctx).ID),
		slog.Any("value", p),
		slog.String("stack", string(debug.Stack())),
	)
	return &panicError{value: p}
}

// secureHeaders are those of answers that no browser should render. Pages
// replace the policy with one of their own.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
