package server

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// File is a file on its way to a client.
type File struct {
	// Name is what the client may call it, in ASCII, and Type its media type.
	Name, Type string
	// Write writes the content.
	Write func(w io.Writer) error
}

// exportPath is where the usage of a billing month is fetched.
const exportPath = "/exports/usage"

// usageExport is the endpoint of exports: what a request to GraphQL passes, and
// nobody without a token.
func (e *edge) usageExport() http.Handler {
	return e.crossOrigin(e.onlyGet(e.deadline(e.revision(e.authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !exchangeOf(r.Context()).authenticated {
			w.Header().Set("WWW-Authenticate", "Bearer")
			e.refuse(w, r, http.StatusUnauthorized, fault.New(fault.Unauthenticated, "an export needs a token"))
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // or it would end the context of a slow answer
		file, err := e.UsageExport(r.Context(), r.URL.Query())
		if err != nil {
			e.refuse(w, r, statusOf(err), err)
			return
		}
		e.send(w, r, file)
	}))))))
}

func (e *edge) onlyGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			e.refuseMethod(http.MethodGet)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// send sends a file. A failure before the first byte is answered as any other; one
// after it breaks the connection off, so that no client takes half a file for
// whole.
func (e *edge) send(w http.ResponseWriter, r *http.Request, file *File) {
	out := &download{w: w, file: file, revision: e.Revision}
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			if !out.begun {
				panic(v)
			}
			e.breakOff(r.Context(), e.recovered(r.Context(), v))
		}
	}()
	if r.Method == http.MethodHead {
		out.begin()
		return
	}
	switch err := file.Write(out); {
	case err == nil:
		out.begin()
	case !out.begun:
		e.refuse(w, r, statusOf(err), err)
	default:
		e.breakOff(r.Context(), err)
	}
}

// breakOff logs why a file does not get to its end, and ends the connection.
func (e *edge) breakOff(ctx context.Context, err error) {
	e.Logger.LogAttrs(ctx, slog.LevelWarn, "download broken off",
		slog.String("requestId", exchangeOf(ctx).ID),
		slog.String("cause", causes(err)),
	)
	panic(http.ErrAbortHandler)
}

// download writes the header of a file when its first byte comes.
type download struct {
	w        http.ResponseWriter
	file     *File
	revision func() string
	begun    bool
}

// Write sends a part of the file.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	return d.w.Write(p)
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	h := d.w.Header()
	h.Set("Content-Type", d.file.Type)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.file.Name}))
	if d.revision != nil {
		h.Set("X-Headwater-Revision", d.revision())
	}
	d.w.WriteHeader(http.StatusOK)
}
