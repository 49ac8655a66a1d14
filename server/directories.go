package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// directories is the endpoint of the directories of organizations: what a request
// to GraphQL passes, and no more anonymous ones.
func (e *edge) directories(d *Protocol) http.Handler {
	inner := d.Handler(func(w http.ResponseWriter, r *http.Request, err error) { e.refuse(w, r, d.Status(err), err) })
	return e.deadline(e.revision(e.authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				e.refuse(w, r, http.StatusInternalServerError, e.recovered(r.Context(), v))
			}
		}()
		if !exchangeOf(r.Context()).authenticated {
			w.Header().Set("WWW-Authenticate", "Bearer")
			e.refuse(w, r, http.StatusUnauthorized, fault.New(fault.Unauthenticated, "a directory needs a token"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, e.Limits.BodyBytes)
		if r.Method == http.MethodGet || r.Method == http.MethodDelete {
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // or it would end the context of a slow answer
		}
		inner.ServeHTTP(w, r)
	}))))
}

// refuseDirectory puts an error on the wire in the form of the protocol, with all
// that present does.
func (e *edge) refuseDirectory(w http.ResponseWriter, r *http.Request, status int, err error) {
	presented := e.present(r.Context(), err)
	code, _ := presented.Extensions["code"].(fault.Code)
	exchangeOf(r.Context()).codes = append(exchangeOf(r.Context()).codes, code)
	shown := fault.Error{Code: code, Message: presented.Message}
	var known *fault.Error
	if errors.As(err, &known) && code == known.Code {
		shown.Field, shown.Reason, shown.Details = known.Field, known.Reason, known.Details
	}
	if code == fault.Internal {
		status, shown.Message = http.StatusInternalServerError, "internal error; the request is "+exchangeOf(r.Context()).ID
	}
	if e.Revision != nil {
		w.Header().Set("X-Headwater-Revision", e.Revision())
	}
	e.Directories.Refuse(w, shown, status)
}
