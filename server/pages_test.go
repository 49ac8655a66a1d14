package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/headwater-platform/headwater/server"
)

func get(path string) call { return call{method: http.MethodGet, path: path} }

func TestPages(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	tests := map[string]string{
		"/":                                       "text/html; charset=utf-8",
		"/style.css":                              "text/css; charset=utf-8",
		"/favicon.svg":                            "image/svg+xml",
		"/accept-invitation":                      "text/html; charset=utf-8",
		"/set-password":                           "text/html; charset=utf-8",
		"/verify-email":                           "text/html; charset=utf-8",
		"/account.js":                             "text/javascript; charset=utf-8",
		"/account.css":                            "text/css; charset=utf-8",
		"/playground":                             "text/html; charset=utf-8",
		"/playground/playground.js":               "text/javascript; charset=utf-8",
		"/playground/playground.css":              "text/css; charset=utf-8",
		"/playground/graphiql.min.js":             "text/javascript; charset=utf-8",
		"/playground/graphiql.min.css":            "text/css; charset=utf-8",
		"/playground/react.production.min.js":     "text/javascript; charset=utf-8",
		"/playground/react-dom.production.min.js": "text/javascript; charset=utf-8",
		"/playground/examples.json":               "application/json",
	}
	for path, kind := range tests {
		w := do(handler, get(path))
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
			t.Errorf("%s: status %d as %q, %d bytes, want %q", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len(), kind)
		}
		if w := do(handler, call{method: http.MethodHead, path: path}); w.Code != 200 {
			t.Errorf("HEAD %s: status %d", path, w.Code)
		}
		if w := do(handler, get(path).with("If-None-Match", w.Header().Get("ETag"))); w.Code != 304 {
			t.Errorf("%s again: status %d, want 304", path, w.Code)
		}
	}
	for _, path := range []string{"/playground/", "/playground/LICENSES.md", "/playground/examples/", "/playground/../server.go", "/pages/index.html"} {
		if w := do(handler, get(path)); w.Code != 404 {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
}

func TestSecureHeaders(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	for _, c := range []call{get("/"), get("/playground"), get("/healthz"), get("/metrics"), get("/nothing"), query("{ ok }")} {
		h := do(handler, c).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, h.Get(name), want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", c.path, policy)
		}
		if strings.Contains(policy, "http") || strings.Contains(policy, "*") || strings.Contains(policy, "unsafe-eval") ||
			strings.Contains(policy, "script-src 'self' 'unsafe-inline'") {
			t.Errorf("%s: the policy %q lets in more than our own files", c.path, policy)
		}
	}
}

// TestPagesLoadNothingFromElsewhere also keeps scripts out of the pages, which
// the policy would refuse.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	loads := regexp.MustCompile(`(?i)(?:src|href)="([^"]*)"`)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|\son[a-z]+=|<style|\sstyle=`)
	for _, path := range []string{"/", "/playground", "/accept-invitation", "/set-password", "/verify-email"} {
		text := do(handler, get(path)).Body.String()
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %q within the page", path, found)
		}
		for _, match := range loads.FindAllStringSubmatch(text, -1) {
			target := match[1]
			if target == "https://github.com/headwater-platform/headwater" || target == "/.well-known/jwks.json" {
				continue // a link to follow, and a document that this handler has not got
			}
			if w := do(handler, get(target)); !strings.HasPrefix(target, "/") || w.Code != 200 {
				t.Errorf("%s loads or links %s: status %d", path, target, w.Code)
			}
		}
	}
}

func TestFilesOfOthersAreUnchanged(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("playground/LICENSES.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*`([0-9a-f]{64})` \\|$").FindAllSubmatch(table, -1)
	named := map[string]bool{}
	for _, row := range rows {
		name := string(row[1])
		text, err := os.ReadFile(filepath.Join("playground", name))
		if err != nil {
			t.Error(err)
			continue
		}
		named[name] = true
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != string(row[2]) {
			t.Errorf("%s is not the file that LICENSES.md names", name)
		}
	}
	files, err := filepath.Glob("playground/*.min.*")
	if err != nil || len(files) != len(named) {
		t.Errorf("%d files of others, %d named, %v", len(files), len(named), err)
	}
}

// TestExamples checks the form of the examples. Whether they work is tested
// where there is a schema.
func TestExamples(t *testing.T) {
	t.Parallel()
	var examples []struct{ Query, Variables string }
	text := do(server.Handler(testOptions(io.Discard)), get("/playground/examples.json")).Body.Bytes()
	if err := json.Unmarshal(text, &examples); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("playground/examples/*.graphql")
	if len(examples) != len(files) || len(files) == 0 {
		t.Errorf("%d examples of %d files", len(examples), len(files))
	}
	for _, example := range examples {
		document, err := parser.ParseQuery(&ast.Source{Input: example.Query})
		if err != nil || len(document.Operations) != 1 || document.Operations[0].Name == "" {
			t.Errorf("an example is one operation with a name, which titles its tab: %v\n%s", err, example.Query)
		}
		if example.Variables != "" && !json.Valid([]byte(example.Variables)) {
			t.Errorf("the variables are not JSON: %s", example.Variables)
		}
	}
}
