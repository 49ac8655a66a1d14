package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/server"
)

// exporting returns options whose exports the parameter "how" describes.
func exporting(log io.Writer) server.Options {
	options := testOptions(log)
	options.UsageExport = func(ctx context.Context, query url.Values) (*server.File, error) {
		file := &server.File{Name: "usage-acme-2026-10.csv", Type: "text/csv; charset=utf-8", Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "amount\n1\n")
			return err
		}}
		switch query.Get("how") {
		case "missing":
			return nil, fault.Missing("organization")
		case "invalid":
			return nil, fault.Invalidf("month", "no month")
		case "broken":
			return nil, errors.New("database secret")
		case "late":
			file.Write = func(io.Writer) error { return fault.New(fault.Conflict, "priced again") }
		case "breaks":
			file.Write = func(w io.Writer) error {
				_, _ = io.WriteString(w, strings.Repeat("1\n", 100_000))
				return fault.New(fault.Conflict, "priced again")
			}
		case "panics":
			file.Write = func(w io.Writer) error {
				_, _ = io.WriteString(w, strings.Repeat("1\n", 100_000))
				panic("out of bounds")
			}
		case "panics early":
			file.Write = func(io.Writer) error { panic("out of bounds") }
		case "empty":
			file.Write = func(io.Writer) error { return nil }
		}
		if ctx.Value(viewerKey{}) == nil {
			return nil, errors.New("nobody came through")
		}
		return file, nil
	}
	return options
}

func export(how string) call { return call{method: http.MethodGet, path: "/exports/usage?how=" + how} }

func TestUsageExport(t *testing.T) {
	t.Parallel()
	handler := server.Handler(exporting(io.Discard))
	w := do(handler, export("").as(goodToken))
	if w.Code != http.StatusOK || w.Body.String() != "amount\n1\n" {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": "attachment; filename=usage-acme-2026-10.csv",
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Error("the answer has no request id")
	}
	head := export("").as(goodToken)
	head.method = http.MethodHead
	if w := do(handler, head); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("HEAD: %d, %v, %s", w.Code, w.Header(), w.Body)
	}
	if w := do(handler, export("empty").as(goodToken)); w.Code != http.StatusOK || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("an empty file: %d, %v", w.Code, w.Header())
	}
	if w := do(server.Handler(testOptions(io.Discard)), export("").as(goodToken)); w.Code != http.StatusNotFound {
		t.Errorf("without exports: %d", w.Code)
	}
}

func TestUsageExportRefuses(t *testing.T) {
	t.Parallel()
	handler := server.Handler(exporting(io.Discard))
	posted := export("").as(goodToken)
	posted.method = http.MethodPost
	for name, tc := range map[string]struct {
		call   call
		status int
		code   string
	}{
		"nobody":              {export(""), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"a bad token":         {export("").as("bad"), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"of a locked one":     {export("").as("locked"), http.StatusForbidden, "ORGANIZATION_LOCKED"},
		"nothing there":       {export("missing").as(goodToken), http.StatusNotFound, "NOT_FOUND"},
		"a bad parameter":     {export("invalid").as(goodToken), http.StatusBadRequest, "INVALID"},
		"a failure":           {export("broken").as(goodToken), http.StatusInternalServerError, "INTERNAL"},
		"a panic":             {export("panics+early").as(goodToken), http.StatusInternalServerError, "INTERNAL"},
		"before the content":  {export("late").as(goodToken), http.StatusConflict, "CONFLICT"},
		"with another method": {posted, http.StatusMethodNotAllowed, "INVALID"},
	} {
		w := do(handler, tc.call)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), `"code":"`+tc.code+`"`) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d: %s", name, w.Code, w.Body)
		}
		if w.Header().Get("Content-Disposition") != "" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// TestUsageExportBreaksOff wants a client to see that a file is not whole, and the
// log to say why.
func TestUsageExportBreaksOff(t *testing.T) {
	t.Parallel()
	for how, why := range map[string]string{"breaks": "priced again", "panics": "out of bounds"} {
		var log bytes.Buffer
		s := httptest.NewServer(server.Handler(exporting(&log)))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/exports/usage?how="+how, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+goodToken)
		answer, err := s.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(answer.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: read %d bytes, %v", how, len(content), err)
		}
		_ = answer.Body.Close()
		s.Close() // waits for the handler
		if text := log.String(); !strings.Contains(text, why) || !strings.Contains(text, `"route":"/exports/usage"`) {
			t.Errorf("%s: the log is %s", how, text)
		}
	}
}
