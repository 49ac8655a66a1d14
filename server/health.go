package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// healthy says that the process runs, whatever its database does: restarting it
// would not help.
func (e *edge) healthy(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w, http.StatusOK, "ok")
}

// ready says whether requests should be sent here. Why not is in the log.
func (e *edge) ready(w http.ResponseWriter, r *http.Request) {
	if e.Ready == nil {
		writeStatus(w, http.StatusOK, "ready")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := e.Ready(ctx); err != nil {
		e.Logger.WarnContext(ctx, "not ready", slog.String("cause", err.Error()))
		writeStatus(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

func writeStatus(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", typeJSON)
	w.WriteHeader(code)
	_, _ = w.Write([]byte(`{"status":"` + status + `"}` + "\n")) // nobody is left to tell
}

// document serves a JSON document that clients may keep for a while.
func (e *edge) document(read func() ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if read == nil {
			e.refuse(w, r, http.StatusNotFound, fault.Missing("document"))
			return
		}
		text, err := read()
		if err != nil {
			e.refuse(w, r, statusOf(err), err)
			return
		}
		w.Header().Set("Content-Type", typeJSON)
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(text) // nobody is left to tell
	}
}
