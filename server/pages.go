package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

//go:embed pages playground
var files embed.FS

// The policies of the pages. They load nothing from elsewhere and run no script
// that is not a file of ours; the playground's editor styles its elements.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	playgroundPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// addPages serves the start page and the playground from the binary.
func (e *edge) addPages(r chi.Router) {
	r.Get("/", page("pages/index.html", pagePolicy))
	r.Get("/style.css", page("pages/style.css", pagePolicy))
	r.Get("/favicon.svg", page("pages/favicon.svg", pagePolicy))
	r.Get("/playground", page("playground/index.html", playgroundPolicy))
	for _, name := range playgroundFiles() {
		r.Get("/playground/"+name, page("playground/"+name, playgroundPolicy))
	}
	r.Get("/playground/examples.json", content("examples.json", examples(), playgroundPolicy))
}

// playgroundFiles are those that the page loads.
func playgroundFiles() []string {
	return []string{
		"playground.js", "playground.css",
		"graphiql.min.js", "graphiql.min.css", "react.production.min.js", "react-dom.production.min.js",
	}
}

func page(name, policy string) http.HandlerFunc {
	return content(name, mustRead(name), policy)
}

// content serves a file that browsers keep as long as it stays the same.
func content(name string, text []byte, policy string) http.HandlerFunc {
	sum := sha256.Sum256(text)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Content-Type", fileType(name))
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
	}
}

// fileType does not ask the operating system, which may not know.
func fileType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".json":
		return typeJSON
	case ".svg":
		return "image/svg+xml"
	}
	return "text/html; charset=utf-8"
}

// example is a tab of the playground.
type example struct {
	Query     string `json:"query"`
	Variables string `json:"variables,omitempty"`
}

// examples reads the example operations in the order of their file names, such
// as 02-effective-settings.graphql, each with the variables of the file of the
// same name that ends in .json, if there is one. A tab is titled by the name of
// its operation.
func examples() []byte {
	names, err := fs.Glob(files, "playground/examples/*.graphql")
	if err != nil {
		panic(err) // the pattern is constant
	}
	list := make([]example, 0, len(names))
	for _, name := range names {
		variables, err := files.ReadFile(strings.TrimSuffix(name, ".graphql") + ".json")
		if err != nil {
			variables = nil // an example without variables
		}
		list = append(list, example{Query: string(mustRead(name)), Variables: string(variables)})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings can be written as JSON
	}
	return text
}

// mustRead returns a file of the binary. That one is missing shows in any test.
func mustRead(name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return text
}
