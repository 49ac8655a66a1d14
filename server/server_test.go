package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/server"
)

const goodToken = "good-token"

type viewerKey struct{}

// testOptions authenticate one token and log into the buffer.
func testOptions(log io.Writer) server.Options {
	return server.Options{
		Schema: newTinySchema(),
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Authenticate: func(ctx context.Context, bearer string) (context.Context, error) {
			switch bearer {
			case goodToken, "another-token":
				return context.WithValue(ctx, viewerKey{}, bearer), nil
			case "locked":
				return nil, fault.New(fault.OrganizationLocked, "the organization is locked")
			case "broken":
				return nil, errors.New("database secret")
			}
			return nil, fault.New(fault.Unauthenticated, "the token is not valid or has expired")
		},
	}
}

type call struct {
	method, path, body string
	header             http.Header
}

// query is a call with a document and variables.
func query(document string, variables ...any) call {
	params := map[string]any{"query": document}
	if len(variables) > 0 {
		params["variables"] = variables[0]
	}
	text, err := json.Marshal(params)
	if err != nil {
		panic(err)
	}
	return raw(string(text))
}

func raw(body string) call {
	return call{method: http.MethodPost, path: "/graphql", body: body, header: http.Header{"Content-Type": {"application/json"}}}
}

func (c call) with(header, value string) call {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Add(header, value)
	return c
}

func (c call) as(token string) call { return c.with("Authorization", "Bearer "+token) }

func do(handler http.Handler, c call) *httptest.ResponseRecorder {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	for name, values := range c.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// wireError is an error as a client reads it.
type wireError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

type wireAnswer struct {
	Data       json.RawMessage `json:"data"`
	Errors     []wireError     `json:"errors"`
	Extensions map[string]any  `json:"extensions"`
}

func decode(t *testing.T, w *httptest.ResponseRecorder) wireAnswer {
	t.Helper()
	var a wireAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("status %d, not JSON: %v\n%.300s", w.Code, err, w.Body)
	}
	return a
}

// only returns the only error of an answer.
func only(t *testing.T, w *httptest.ResponseRecorder) wireError {
	t.Helper()
	a := decode(t, w)
	if len(a.Errors) != 1 {
		t.Fatalf("status %d, %d errors, want 1: %.300s", w.Code, len(a.Errors), w.Body)
	}
	return a.Errors[0]
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	w := do(server.Handler(testOptions(io.Discard)), query("query Fine { a: ok b: child { ok } }").as(goodToken))
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	want := `{"data":{"a":"ok","b":{"ok":"ok"}},"extensions":{"cost":{"limit":50000,"requested":3}}}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	bomb := fragmentBomb(40)
	tests := map[string]struct {
		call   call
		status int
		code   fault.Code
		says   string
	}{
		"GET":                          {call{method: "GET", path: "/graphql?query={ok}"}, 405, fault.Invalid, "use POST"},
		"PUT":                          {call{method: "PUT", path: "/graphql"}, 405, fault.Invalid, "use POST"},
		"OPTIONS":                      {call{method: "OPTIONS", path: "/graphql"}, 405, fault.Invalid, "use POST"},
		"POST to a page":               {call{method: "POST", path: "/"}, 405, fault.Invalid, "use GET"},
		"unknown route":                {call{method: "GET", path: "/nothing"}, 404, fault.NotFound, "nothing at this address"},
		"no content type":              {call{method: "POST", path: "/graphql", body: `{"query":"{ok}"}`}, 415, fault.Invalid, "application/json"},
		"another content type":         {call{method: "POST", path: "/graphql", body: `{ok}`, header: http.Header{"Content-Type": {"application/graphql"}}}, 415, fault.Invalid, "application/json"},
		"odd content type":             {call{method: "POST", path: "/graphql", body: `{}`, header: http.Header{"Content-Type": {";;"}}}, 415, fault.Invalid, "application/json"},
		"empty body":                   {raw(""), 400, fault.Invalid, "empty"},
		"JSON cut off":                 {raw(`{"query":"{ok}`), 400, fault.Invalid, "ends early"},
		"not JSON":                     {raw(`query { ok }`), 400, fault.Invalid, "at byte 1"},
		"not UTF-8":                    {raw("\xff\xfe"), 400, fault.Invalid, "not JSON"},
		"null":                         {raw(`null`), 200, fault.GraphQLValidationFailed, "no operation"},
		"several operations":           {raw(`[{"query":"{ok}"}]`), 400, fault.Invalid, "one JSON object"},
		"something behind":             {raw(`{"query":"{ok}"} {}`), 400, fault.Invalid, "follows the JSON object"},
		"query is a number":            {raw(`{"query":1}`), 400, fault.Invalid, "query cannot be a JSON number"},
		"variables are a list":         {raw(`{"query":"{ok}","variables":[]}`), 400, fault.Invalid, "variables cannot be a JSON array"},
		"nested JSON":                  {raw(`{"variables":{"a":` + strings.Repeat("[", 20_000) + `}}`), 400, fault.Invalid, "not JSON"},
		"ten megabytes":                {query("{" + strings.Repeat(" ok", 10<<20/3) + "}"), 413, fault.LimitExceeded, "1048576 bytes"},
		"no document":                  {raw(`{}`), 200, fault.GraphQLValidationFailed, "no operation"},
		"comment only":                 {query("# nothing"), 200, fault.GraphQLValidationFailed, "no operation"},
		"cut off":                      {query("{ ok"), 200, fault.GraphQLParseFailed, "Expected Name"},
		"not GraphQL":                  {query("SELECT 1"), 200, fault.GraphQLParseFailed, "Unexpected Name"},
		"NUL":                          {query("{ ok \x00 }"), 200, fault.GraphQLParseFailed, "Expected Name"},
		"unknown field":                {query("{ nope }"), 200, fault.GraphQLValidationFailed, "Cannot query field"},
		"unknown operation":            {raw(`{"query":"query A { ok }","operationName":"B"}`), 200, fault.GraphQLValidationFailed, "operation B not found"},
		"unknown directive":            {query("{ ok @nope }"), 200, fault.GraphQLValidationFailed, "nope"},
		"deferred":                     {query("{ ... @defer { ok } }"), 200, fault.GraphQLValidationFailed, "not supported"},
		"fragment cycle":               {query("{ ...a } fragment a on Query { ok ...a }"), 200, fault.GraphQLValidationFailed, "Cannot spread"},
		"missing variable":             {query("query($h: String!) { fails(how: $h) }"), 200, fault.GraphQLValidationFailed, "must be defined"},
		"variable of a wrong type":     {query("query($n: Int) { number(value: $n) }", map[string]any{"n": "one"}), 200, fault.GraphQLValidationFailed, "Int"},
		"null decides":                 {query("query($x: Boolean = true) { ok @include(if: $x) }", map[string]any{"x": nil}), 200, fault.GraphQLValidationFailed, "$x"},
		"integer beyond 32 bits":       {query("{ number(value: 99999999999999999999) }"), 200, fault.GraphQLValidationFailed, "Int"},
		"decimal beyond 64 bits":       {query("{ decimal(value: 99999999999999999999) }"), 200, fault.GraphQLValidationFailed, "write it as a string"},
		"endless decimal":              {query("{ decimal(value: 1e999) }"), 200, fault.GraphQLValidationFailed, "write it as a string"},
		"too many tokens":              {query("{" + strings.Repeat(" ok", 5_000) + "}"), 200, fault.GraphQLParseFailed, "token limit of 5000"},
		"too many selections":          {query("{" + strings.Repeat(" ok", 1_001) + "}"), 200, fault.ComplexityLimitExceeded, "limit of 1000"},
		"too deep":                     {query(strings.Repeat("{ child ", 20) + "{ ok }" + strings.Repeat("}", 20)), 200, fault.ComplexityLimitExceeded, "21 fields deep"},
		"too deep by fragments":        {query("{ child { ...a } } fragment a on Query " + strings.Repeat("{ child ", 19) + "{ ok }" + strings.Repeat("}", 19)), 200, fault.ComplexityLimitExceeded, "21 fields deep"},
		"nested beyond parsing":        {query(strings.Repeat("{ child ", 1_200) + "{ ok }" + strings.Repeat("}", 1_200)), 200, fault.GraphQLParseFailed, "nesting depth"},
		"too dear":                     {query("{ list(first: 100) { list(first: 100) { list(first: 100) { ok } } } }"), 200, fault.ComplexityLimitExceeded, "limit of 50000"},
		"too dear by aliases":          {query("{ a: list(first: 40000) { ok } b: list(first: 40000) { ok } }"), 200, fault.ComplexityLimitExceeded, "limit of 50000"},
		"too dear without first":       {query("{ list { list { list { ok } } } }"), 200, fault.ComplexityLimitExceeded, "limit of 50000"},
		"fragment bomb":                {query(bomb), 200, fault.ComplexityLimitExceeded, "unfolds"},
		"introspection by nobody":      {query("{ __schema { types { name } } }"), 200, fault.Unauthenticated, "needs a token"},
		"introspection by name":        {query(`query IntrospectionQuery { ...f } fragment f on Query { __type(name: "Query") { name } }`), 200, fault.Unauthenticated, "needs a token"},
		"subscription":                 {query("subscription { ticks }"), 400, fault.Invalid, "subscription"},
		"bad token":                    {query("{ ok }").as("nonsense"), 401, fault.Unauthenticated, "not valid"},
		"no token behind Bearer":       {query("{ ok }").with("Authorization", "Bearer "), 401, fault.Unauthenticated, "the word Bearer"},
		"another scheme":               {query("{ ok }").with("Authorization", "Basic Zm9vOmJhcg=="), 401, fault.Unauthenticated, "the word Bearer"},
		"two tokens":                   {query("{ ok }").as(goodToken).as(goodToken), 401, fault.Unauthenticated, "one token"},
		"locked organization":          {query("{ ok }").as("locked"), 403, fault.OrganizationLocked, "locked"},
		"authentication breaks":        {query("{ ok }").as("broken"), 500, fault.Internal, "internal error"},
		"unknown persisted query":      {persisted("", strings.Repeat("0", 64), 1), 200, fault.PersistedQueryNotFound, "PersistedQueryNotFound"},
		"persisted under a wrong hash": {persisted("{ ok }", strings.Repeat("0", 64), 1), 200, fault.Invalid, "hash does not match"},
		"persisted in a new version":   {persisted("{ ok }", "", 2), 200, fault.Invalid, "version"},
		"persisted as text":            {raw(`{"query":"{ok}","extensions":{"persistedQuery":"x"}}`), 200, fault.Invalid, "APQ"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := do(server.Handler(testOptions(io.Discard)), test.call)
			got := only(t, w)
			if w.Code != test.status || got.Extensions["code"] != string(test.code) {
				t.Errorf("status %d, code %v, want %d, %s", w.Code, got.Extensions["code"], test.status, test.code)
			}
			if !strings.Contains(got.Message, test.says) {
				t.Errorf("message %q, want it to say %q", got.Message, test.says)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got != "") != (test.status == 401) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
			if w.Body.Len() > 1_000 {
				t.Errorf("the answer has %d bytes", w.Body.Len())
			}
			if decode(t, w).Data != nil {
				t.Errorf("data of an operation that did not run: %s", w.Body)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("a secret is shown: %s", w.Body)
			}
		})
	}
}

// fragmentBomb is a document of n lines that unfolds to 2^n fields.
func fragmentBomb(n int) string {
	var b strings.Builder
	b.WriteString("{ ...f0 }")
	for i := range n {
		// The levels are not nested, so that the depth is not what stops it.
		fmt.Fprintf(&b, " fragment f%d on Query { ...f%d ...f%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query { ok }", n)
	return b.String()
}

func persisted(document, hash string, version int) call {
	text, err := json.Marshal(map[string]any{
		"query":      document,
		"extensions": map[string]any{"persistedQuery": map[string]any{"version": version, "sha256Hash": hash}},
	})
	if err != nil {
		panic(err)
	}
	return raw(string(text))
}

func TestErrorsAreCapped(t *testing.T) {
	t.Parallel()
	w := do(server.Handler(testOptions(io.Discard)), query("{"+strings.Repeat(" nope", 900)+"}"))
	if n := len(decode(t, w).Errors); n != 50 {
		t.Errorf("%d errors, want 50", n)
	}
}

func TestStatusOfGraphQLResponse(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	const accept = "application/graphql-response+json"
	tests := []struct {
		document string
		status   int
	}{
		{"{ ok }", 200},
		{`{ fails(how: "invalid") }`, 200},
		{"{ nope }", 400},
		{"{", 400},
		{"{ list { list { list { ok } } } }", 400},
	}
	for _, test := range tests {
		w := do(handler, query(test.document).with("Accept", accept+", application/json;q=0.5"))
		if w.Code != test.status || w.Header().Get("Content-Type") != accept+"; charset=utf-8" {
			t.Errorf("%s: status %d as %q, want %d", test.document, w.Code, w.Header().Get("Content-Type"), test.status)
		}
	}
}

func TestPersistedQuery(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	sum := sha256.Sum256([]byte("{ ok }"))
	hash := hex.EncodeToString(sum[:])
	do(handler, persisted("{ ok }", hash, 1))
	if got := decode(t, do(handler, persisted("", hash, 1))); string(got.Data) != `{"ok":"ok"}` {
		t.Errorf("by its hash alone: %s, %v", got.Data, got.Errors)
	}
	large := "{ ok }" + strings.Repeat(" ", 8<<10)
	sum = sha256.Sum256([]byte(large))
	hash = hex.EncodeToString(sum[:])
	do(handler, persisted(large, hash, 1))
	if got := only(t, do(handler, persisted("", hash, 1))); got.Extensions["code"] != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("a large document is kept: %v", got)
	}
}

func TestPresenter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call call
		want wireError
	}{
		"fault with a field": {
			query(`{ fails(how: "invalid") }`),
			wireError{"a name has at most 80 characters", []any{"fails"}, map[string]any{"code": "INVALID", "field": "name"}},
		},
		"wrapped fault": {
			query(`{ child { a: fails(how: "wrapped") } }`),
			wireError{"organization not found", []any{"child", "a"}, map[string]any{"code": "NOT_FOUND"}},
		},
		"fault beside another error": {
			query(`{ fails(how: "joined") }`),
			wireError{"the name is taken", []any{"fails"}, map[string]any{"code": "CONFLICT", "reason": "NAME_TAKEN"}},
		},
		"details do not replace the code": {
			query(`{ fails(how: "details") }`),
			wireError{"locked above", []any{"fails"}, map[string]any{"code": "SETTING_LOCKED", "lockedBy": "org_1"}},
		},
		"cause of a fault": {
			query(`{ fails(how: "cause") }`),
			wireError{"group not found", []any{"fails"}, map[string]any{"code": "NOT_FOUND"}},
		},
		"plain error": {
			query(`{ fails(how: "plain") }`),
			wireError{"internal error", []any{"fails"}, map[string]any{"code": "INTERNAL", "requestId": "test-1"}},
		},
		"internal fault": {
			query(`{ fails(how: "fault internal") }`),
			wireError{"internal error", []any{"fails"}, map[string]any{"code": "INTERNAL", "requestId": "test-1"}},
		},
		"panic of a resolver": {
			query("{ panics }"),
			wireError{"internal error", []any{"panics"}, map[string]any{"code": "INTERNAL", "requestId": "test-1"}},
		},
		"null where there must be a value": {
			query("{ child { must } }"),
			wireError{"internal error", []any{"child", "must"}, map[string]any{"code": "INTERNAL", "requestId": "test-1"}},
		},
		"scalar refuses a literal": {
			query(`{ decimal(value: "x") }`),
			wireError{"not a decimal", []any{"decimal"}, map[string]any{"code": "INVALID", "field": "value"}},
		},
		"scalar refuses a variable": {
			query("query($v: Decimal!) { decimal(value: $v) }", map[string]any{"v": "x"}),
			wireError{"not a decimal", []any{"decimal"}, map[string]any{"code": "INVALID", "field": "value"}},
		},
		"scalar refuses deep in an input": {
			query("mutation($i: AddInput!) { add(input: $i) }", map[string]any{"i": map[string]any{
				"lines": []any{map[string]any{"name": "a"}, map[string]any{"name": "b", "amount": "x"}},
			}}),
			wireError{"not a decimal", []any{"add"}, map[string]any{"code": "INVALID", "field": "lines.1.amount"}},
		},
		"built-in scalar refuses with a plain error": {
			query("{ bare(id: 7) }"),
			wireError{"int64 is not odd", []any{"bare"}, map[string]any{"code": "INVALID", "field": "id"}},
		},
		"plain error deep in an input": {
			query("mutation($i: AddInput!) { add(input: $i) }", map[string]any{"i": map[string]any{"odd": 2, "lines": []any{}}}),
			wireError{"json.Number is not odd", []any{"add"}, map[string]any{"code": "INVALID", "field": "odd"}},
		},
		"scalar panics": {
			query(`{ decimal(value: "panic") }`),
			wireError{"internal error", []any{"decimal"}, map[string]any{"code": "INTERNAL", "requestId": "test-1"}},
		},
		"variable misses a field": {
			query("mutation($input: AddInput!) { add(input: $input) }", map[string]any{"input": map[string]any{"lines": []any{map[string]any{}}}}),
			wireError{"must be defined", nil, map[string]any{"code": "GRAPHQL_VALIDATION_FAILED", "field": "lines.0.name"}},
		},
		"variable has an unknown field": {
			query("mutation($input: AddInput!) { add(input: $input) }", map[string]any{"input": map[string]any{"lines": []any{}, "nope": 1}}),
			wireError{"unknown field", nil, map[string]any{"code": "GRAPHQL_VALIDATION_FAILED", "field": "nope"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := do(server.Handler(testOptions(io.Discard)), test.call.with("X-Request-Id", "test-1"))
			if diff := cmp.Diff(test.want, only(t, w)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("a secret is shown: %s", w.Body)
			}
		})
	}
}

func TestInternalErrorsAreLogged(t *testing.T) {
	t.Parallel()
	for how, says := range map[string]string{"plain": "password secret", "fault internal": "deeper"} {
		var log bytes.Buffer
		do(server.Handler(testOptions(&log)), query(`query Q($h: String!) { fails(how: $h) }`, map[string]any{"h": how}).with("X-Request-Id", "trace-7"))
		if !strings.Contains(log.String(), says) || !strings.Contains(log.String(), `"requestId":"trace-7"`) {
			t.Errorf("%s: the log says\n%s", how, &log)
		}
	}
	var log bytes.Buffer
	do(server.Handler(testOptions(&log)), query("{ panics }"))
	if !strings.Contains(log.String(), "the resolver's secret") || !strings.Contains(log.String(), "schema_test.go") {
		t.Errorf("a panic is logged without its value or stack:\n%s", &log)
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := query("query Find($h: String!) { fails(how: $h) } # document-secret", map[string]any{"h": "invalid", "x": "variable-secret"})
	do(server.Handler(testOptions(&log)), c.as(goodToken).with("X-Request-Id", "trace-8"))
	var got map[string]any
	if err := json.Unmarshal(log.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for key, want := range map[string]any{
		"msg": "request", "level": "INFO", "requestId": "trace-8", "method": "POST", "route": "/graphql", "status": 200.0,
		"operation": "Find", "authenticated": true, "address": "192.0.2.1",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if diff := cmp.Diff([]any{"INVALID"}, got["codes"]); diff != "" {
		t.Errorf("codes -want +got\n%s", diff)
	}
	for _, secret := range []string{"secret", goodToken} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is logged:\n%s", secret, &log)
		}
	}
}

func TestUnmarshalableAnswer(t *testing.T) {
	t.Parallel()
	w := do(server.Handler(testOptions(io.Discard)), query(`{ fails(how: "unmarshalable") }`))
	if got := only(t, w); w.Code != 500 || got.Extensions["code"] != "INTERNAL" {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestViewerReachesResolvers(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	var noted server.Request
	options.Annotate = func(ctx context.Context, r server.Request) context.Context {
		noted = r
		return ctx
	}
	handler := server.Handler(options)
	if w := do(handler, query("{ __schema { types { name } } }").as(goodToken)); !strings.Contains(w.Body.String(), "the schema") {
		t.Errorf("introspection with a token: %s", w.Body)
	}
	do(handler, query("{ ok }").with("X-Request-Id", "trace-9"))
	if diff := cmp.Diff(server.Request{ID: "trace-9", Address: netip.MustParseAddr("192.0.2.1")}, noted, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	options.Demo = true
	if w := do(server.Handler(options), query("{ __schema { types { name } } }")); !strings.Contains(w.Body.String(), "the schema") {
		t.Errorf("introspection in the demo: %s", w.Body)
	}
	options.Authenticate = nil
	if got := only(t, do(server.Handler(options), query("{ ok }").as(goodToken))); got.Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("without an authenticator: %v", got)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	for given, keep := range map[string]bool{
		"abc-1.2_X": true, "": false, "two words": false, "a\nb": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "é": false,
	} {
		c := query("{ ok }")
		c.header["X-Request-Id"] = []string{given}
		got := do(handler, c).Header().Get("X-Request-Id")
		if got == "" || (got == given) != keep {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	seen := func(prefixes []netip.Prefix, forwarded string) string {
		options := testOptions(io.Discard)
		options.TrustedProxies = prefixes
		var address netip.Addr
		options.Annotate = func(ctx context.Context, r server.Request) context.Context {
			address = r.Address
			return ctx
		}
		do(server.Handler(options), query("{ ok }").with("X-Forwarded-For", forwarded))
		return address.String()
	}
	proxy := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if got := seen(nil, "203.0.113.9"); got != "192.0.2.1" {
		t.Errorf("nobody is trusted, yet the client is %s", got)
	}
	if got := seen(proxy, "198.51.100.1, 203.0.113.9"); got != "203.0.113.9" {
		t.Errorf("behind a trusted proxy the client is %s", got)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.Limits.Timeout = 20 * time.Millisecond
	handler := server.Handler(options)
	for _, document := range []string{"{ slow }", "{ cancelled }", "{ child { slow } }"} {
		got := only(t, do(handler, query(document)))
		if got.Extensions["code"] != "LIMIT_EXCEEDED" || !strings.Contains(got.Message, "too long") {
			t.Errorf("%s: %v", document, got)
		}
	}
}

// TestDeadlineBeforeExecution ends the time while the request is still being
// authenticated.
func TestDeadlineBeforeExecution(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.Limits.Timeout = time.Millisecond
	options.Authenticate = func(ctx context.Context, _ string) (context.Context, error) {
		<-ctx.Done()
		return ctx, nil
	}
	got := only(t, do(server.Handler(options), query("{ ok }").as(goodToken)))
	if got.Extensions["code"] != "LIMIT_EXCEEDED" {
		t.Errorf("%v", got)
	}
}

// TestClientGoesAway must not look like a failure of the platform.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	options := testOptions(&log)
	ctx, leave := context.WithCancel(t.Context())
	options.Authenticate = func(ctx context.Context, _ string) (context.Context, error) {
		leave()
		return ctx, nil
	}
	c := query("{ slow }").as(goodToken)
	r := httptest.NewRequestWithContext(ctx, c.method, c.path, strings.NewReader(c.body))
	r.Header = c.header
	w := httptest.NewRecorder()
	server.Handler(options).ServeHTTP(w, r)
	if got := only(t, w); got.Extensions["code"] == "INTERNAL" || strings.Contains(log.String(), "ERROR") {
		t.Errorf("%v\n%s", got, &log)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.Limits.RevisionWait = 20 * time.Millisecond
	options.Revision = func() string { return "41" }
	options.WaitFor = func(ctx context.Context, revision int64) error {
		switch revision {
		case 41:
			return nil
		case 42:
			<-ctx.Done()
			return fmt.Errorf("wait for revision: %w", ctx.Err())
		}
		return errors.New("secret")
	}
	handler := server.Handler(options)
	tests := []struct {
		revision string
		status   int
		code     any
	}{
		{"41", 200, nil},
		{"42", 503, "LIMIT_EXCEEDED"},
		{"43", 500, "INTERNAL"},
		{"-1", 400, "INVALID"},
		{"new", 400, "INVALID"},
		{"9223372036854775808", 400, "INVALID"},
	}
	for _, test := range tests {
		w := do(handler, query("{ ok }").with("X-Headwater-Min-Revision", test.revision))
		var code any
		if errs := decode(t, w).Errors; len(errs) > 0 {
			code = errs[0].Extensions["code"]
		}
		if w.Code != test.status || code != test.code {
			t.Errorf("revision %s: status %d, code %v, want %d, %v", test.revision, w.Code, code, test.status, test.code)
		}
		if got := w.Header().Get("Retry-After"); (got != "") != (test.status == 503) {
			t.Errorf("revision %s: Retry-After is %q", test.revision, got)
		}
		if got := w.Header().Get("X-Headwater-Revision"); got != "41" {
			t.Errorf("revision %s: the answer is of revision %q", test.revision, got)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.Limits.PerToken, options.Limits.PerAddress = 4, 2
	handler := server.Handler(options)
	statuses := func(n int, c call) (got []int) {
		for range n {
			got = append(got, do(handler, c).Code)
		}
		return got
	}
	steps := []struct {
		name string
		call call
		want []int
	}{
		{"a token", query("{ ok }").as(goodToken), []int{200, 200, 200, 200, 429}},
		{"another token", query("{ ok }").as("another-token"), []int{200}},
		{"guesses share the address", query("{ ok }").as("guess"), []int{401, 401, 429}},
		{"nobody shares the address", query("{ ok }"), []int{429}},
		{"pages are free", call{method: "GET", path: "/healthz"}, []int{200, 200, 200}},
	}
	for _, step := range steps {
		if diff := cmp.Diff(step.want, statuses(len(step.want), step.call)); diff != "" {
			t.Errorf("%s: -want +got\n%s", step.name, diff)
		}
	}
	w := do(handler, query("{ ok }"))
	if got := only(t, w); got.Extensions["code"] != "RATE_LIMITED" {
		t.Errorf("%v", got)
	}
	if wait, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
		t.Errorf("Retry-After: %q", w.Header().Get("Retry-After"))
	}
}

func TestRateOff(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.Limits.PerAddress = -1
	handler := server.Handler(options)
	for range 700 {
		if w := do(handler, query("{ ok }")); w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
	}
}

// part of a multipart form. A part with a file name is a file.
type part struct{ name, file, text string }

func form(parts ...part) call {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		create := func() (io.Writer, error) { return w.CreateFormField(p.name) }
		if p.file != "" {
			create = func() (io.Writer, error) { return w.CreateFormFile(p.name, p.file) }
		}
		to, err := create()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(to, p.text)
	}
	_ = w.Close()
	return call{
		method: http.MethodPost, path: "/graphql", body: body.String(),
		header: http.Header{"Content-Type": {w.FormDataContentType()}},
	}
}

const storeOperation = `{"query":"mutation($f: Upload!) { store(file: $f) }","variables":{"f":null}}`

func TestUpload(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	describe := func(name, text string) string {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf("%s application/octet-stream %d %d %s", name, len(text), len(text), hex.EncodeToString(sum[:4]))
	}
	for _, size := range []int{0, 10, 1 << 20, 1<<20 + 1, 3 << 20} {
		text := strings.Repeat("x", size)
		got := decode(t, do(handler, form(
			part{"operations", "", storeOperation}, part{"map", "", `{"0":["variables.f"]}`}, part{"0", "usage.csv", text},
		).as(goodToken)))
		if want := `{"store":"` + describe("usage.csv", text) + `"}`; string(got.Data) != want {
			t.Errorf("%d bytes: %s, %v, want %s", size, got.Data, got.Errors, want)
		}
	}
	large := strings.Repeat("y", 2<<20)
	got := decode(t, do(handler, form(
		part{"operations", "", `{"query":"mutation($f: [Upload!]!) { storeAll(files: $f) }","variables":{"f":[null,null,null]}}`},
		part{"map", "", `{"a":["variables.f.0","variables.f.2"],"b":["variables.f.1"]}`},
		part{"b", "small", "z"}, part{"a", "large", large},
	).as(goodToken)))
	if want := describe("large", large) + ";" + describe("small", "z") + ";" + describe("large", large) + ";"; string(got.Data) != `{"storeAll":"`+want+`"}` {
		t.Errorf("two files in three places: %s, %v", got.Data, got.Errors)
	}
}

func TestUploadLeavesNothing(t *testing.T) { // not parallel: it looks into the directory for temporary files
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	handler := server.Handler(testOptions(io.Discard))
	large := strings.Repeat("x", 2<<20)
	for _, operation := range []string{storeOperation, `{"query":"{ nope }","variables":{"f":null}}`, `{"query":"{ panics }","variables":{"f":null}}`} {
		do(handler, form(part{"operations", "", operation}, part{"map", "", `{"0":["variables.f"]}`}, part{"0", "a", large}).as(goodToken))
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("after %s: %v", operation, left)
		}
	}
	// The directory was in use at all: without it the upload is the platform's failure.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w := do(handler, form(part{"operations", "", storeOperation}, part{"map", "", `{"0":["variables.f"]}`}, part{"0", "a", large}).as(goodToken))
	if got := only(t, w); w.Code != 500 || got.Extensions["code"] != "INTERNAL" {
		t.Errorf("status %d: %v", w.Code, got)
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	operation, file := part{"operations", "", storeOperation}, part{"0", "a", "x"}
	places := func(m string) part { return part{"map", "", m} }
	cut := form(operation, places(`{"0":["variables.f"]}`), part{"0", "a", strings.Repeat("x", 2<<20)})
	cutSmall := cut
	cut.body, cutSmall.body = cut.body[:len(cut.body)-100], cut.body[:500]
	many := map[string][]string{}
	for i := range 11 {
		many[strconv.Itoa(i)] = nil
	}
	manyText, _ := json.Marshal(many)
	tests := map[string]struct {
		call   call
		status int
		code   string
	}{
		"no parts":            {form(), 400, "INVALID"},
		"wrong order":         {form(places(`{}`), operation), 400, "INVALID"},
		"no map":              {form(operation), 400, "INVALID"},
		"file instead of map": {form(operation, file), 400, "INVALID"},
		"operation not JSON":  {form(part{"operations", "", "{"}, places(`{}`)), 400, "INVALID"},
		"map not JSON":        {form(operation, places("[]")), 400, "INVALID"},
		"file not sent":       {form(operation, places(`{"0":["variables.f"]}`)), 400, "INVALID"},
		"file not in the map": {form(operation, places(`{"0":["variables.f"]}`), part{"1", "a", "x"}), 400, "INVALID"},
		"file twice":          {form(operation, places(`{"0":[],"1":["variables.f"]}`), file, file), 400, "INVALID"},
		"file too many":       {form(operation, places(`{"0":["variables.f"]}`), file, file), 400, "INVALID"},
		"no variable":         {form(operation, places(`{"0":["variables.g"]}`), file), 400, "INVALID"},
		"not a variable":      {form(operation, places(`{"0":["query"]}`), file), 400, "INVALID"},
		"no path":             {form(operation, places(`{"0":[""]}`), file), 400, "INVALID"},
		"index out of range":  {form(part{"operations", "", `{"variables":{"f":[null]}}`}, places(`{"0":["variables.f.1"]}`), file), 400, "INVALID"},
		"negative index":      {form(part{"operations", "", `{"variables":{"f":[null]}}`}, places(`{"0":["variables.f.-1"]}`), file), 400, "INVALID"},
		"path through a text": {form(part{"operations", "", `{"variables":{"f":"x"}}`}, places(`{"0":["variables.f.g.h"]}`), file), 400, "INVALID"},
		"place is taken":      {form(operation, places(`{"0":["variables.f","variables.f"]}`), file), 400, "INVALID"},
		"no variables":        {form(part{"operations", "", `{"query":"{ok}"}`}, places(`{"0":["variables.f"]}`), file), 400, "INVALID"},
		"eleven files":        {form(operation, places(string(manyText))), 400, "LIMIT_EXCEEDED"},
		"form cut off":        {cutSmall, 400, "INVALID"},
		"large form cut off":  {cut, 400, "INVALID"},
		"operation too large": {form(part{"operations", "", strings.Repeat(" ", 1<<20+1)}, places(`{}`)), 413, "LIMIT_EXCEEDED"},
		"upload too large":    {form(operation, places(`{"0":["variables.f"]}`), part{"0", "a", strings.Repeat("x", 8<<20)}), 413, "LIMIT_EXCEEDED"},
		"map too large":       {form(operation, places(`{"0":["`+strings.Repeat("x", 8<<20)+`"]}`)), 400, "INVALID"},
		"no boundary":         {call{method: "POST", path: "/graphql", header: http.Header{"Content-Type": {"multipart/form-data"}}}, 400, "INVALID"},
	}
	options := testOptions(io.Discard)
	options.Limits.UploadBytes = 4 << 20
	handler := server.Handler(options)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := do(handler, test.call.as(goodToken))
			if got := only(t, w); w.Code != test.status || got.Extensions["code"] != test.code {
				t.Errorf("status %d, %v, want %d, %s", w.Code, got, test.status, test.code)
			}
		})
	}
	w := do(handler, form(operation, places(`{"0":["variables.f"]}`), file))
	if got := only(t, w); w.Code != 401 || got.Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("files from nobody: status %d, %v", w.Code, got)
	}
}

func TestPanicOutsideResolvers(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.JWKS = func() ([]byte, error) { panic("secret") }
	options.Authenticate = func(context.Context, string) (context.Context, error) { panic("secret") }
	handler := server.Handler(options)
	for _, c := range []call{{method: "GET", path: "/.well-known/jwks.json"}, query("{ ok }").as("x")} {
		w := do(handler, c.with("X-Request-Id", "trace-1"))
		want := wireError{"internal error", nil, map[string]any{"code": "INTERNAL", "requestId": "trace-1"}}
		if diff := cmp.Diff(want, only(t, w)); diff != "" || w.Code != 500 {
			t.Errorf("%s: status %d, -want +got\n%s", c.path, w.Code, diff)
		}
	}
}

// TestAbortIsNotAnswered keeps the signal of handlers that cut a connection.
func TestAbortIsNotAnswered(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.JWKS = func() ([]byte, error) { panic(http.ErrAbortHandler) }
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	do(server.Handler(options), call{method: "GET", path: "/.well-known/jwks.json"})
}

func TestHealth(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	var broken error
	options.Ready = func(context.Context) error { return broken }
	handler := server.Handler(options)
	get := func(path string) (int, string) {
		w := do(handler, call{method: "GET", path: path})
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, body := get("/readyz"); code != 200 || body != `{"status":"ready"}` {
		t.Errorf("ready: %d %s", code, body)
	}
	broken = errors.New("secret")
	if code, body := get("/readyz"); code != 503 || body != `{"status":"not ready"}` {
		t.Errorf("not ready: %d %s", code, body)
	}
	if code, body := get("/healthz"); code != 200 || body != `{"status":"ok"}` {
		t.Errorf("health: %d %s", code, body)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	do(handler, query("{ ok }"))
	do(handler, query("{ nope }"))
	do(handler, call{method: "GET", path: "/nothing/1"})
	do(handler, call{method: "BREW", path: "/nothing/2"})
	text := do(handler, call{method: "GET", path: "/metrics"}).Body.String()
	for _, line := range []string{
		`headwater_http_requests_total{method="POST",route="/graphql",status="200"} 2`,
		`headwater_http_requests_total{method="GET",route="none",status="404"} 1`,
		`headwater_http_requests_total{method="other",route="none",status="405"} 1`,
		`headwater_graphql_errors_total{code="GRAPHQL_VALIDATION_FAILED"} 1`,
		`headwater_graphql_errors_total{code="INTERNAL"} 0`,
		`headwater_http_request_duration_seconds_count{route="/graphql"} 2`,
		`headwater_http_requests_in_flight 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	options := testOptions(io.Discard)
	options.JWKS = func() ([]byte, error) { return []byte(`{"keys":[]}`), nil }
	handler := server.Handler(options)
	w := do(handler, call{method: "GET", path: "/.well-known/jwks.json"})
	if w.Code != 200 || w.Body.String() != `{"keys":[]}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d as %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if w := do(handler, call{method: "GET", path: "/.well-known/openid-configuration"}); w.Code != 404 {
		t.Errorf("a document that is not there: status %d", w.Code)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	const desk = "https://desk.example"
	preflight := call{method: "OPTIONS", path: "/graphql", header: http.Header{"Origin": {desk}, "Access-Control-Request-Method": {"POST"}}}
	if w := do(server.Handler(testOptions(io.Discard)), query("{ ok }").with("Origin", desk)); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("open by default")
	}
	options := testOptions(io.Discard)
	options.AllowedOrigins = []string{desk}
	handler := server.Handler(options)
	if w := do(handler, preflight); w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != desk ||
		!strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: status %d, %v", w.Code, w.Header())
	}
	if w := do(handler, query("{ ok }").with("Origin", desk)); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != desk {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	if w := do(handler, query("{ ok }").with("Origin", "https://evil.example")); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin is let in: %v", w.Header())
	}
}

// TestConcurrentRequests is for the race detector.
func TestConcurrentRequests(t *testing.T) {
	t.Parallel()
	handler := server.Handler(testOptions(io.Discard))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, document := range []string{`{ ok a: fails(how: "plain") b: fails(how: "details") panics }`, "{ nope }", "{ __schema { types { name } } }"} {
				do(handler, query(document))
			}
		})
	}
	group.Wait()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestServe(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-leave
		if r.Context().Err() == nil {
			_, _ = io.WriteString(w, "done")
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	listener := listen(t)
	ended, answered := make(chan error, 1), make(chan string, 1)
	go func() { ended <- server.Serve(ctx, listener, handler) }()
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-entered
	stop()
	for { // until nobody new is let in
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(leave)
	if got := <-answered; got != "done" {
		t.Errorf("the running request got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := server.Serve(t.Context(), listener, handler); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("on a closed listener: %v", err)
	}
}

// TestLargeBodyOverTheNetwork writes far more than is accepted before it reads:
// a client that does so must find the answer and not a broken connection, and
// can use the connection again.
func TestLargeBodyOverTheNetwork(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	listener := listen(t)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener, server.Handler(testOptions(io.Discard))) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	tenMegabytes := `{"query":"{` + strings.Repeat(" ok", 10<<20/3) + `}"}`
	for _, test := range []struct {
		name, body, token string
		status            int
	}{
		{"ten megabytes", tenMegabytes, goodToken, 413},
		{"ten megabytes with a bad token", tenMegabytes, "guess", 401},
		{"a request as usual", `{"query":"{ ok }"}`, goodToken, 200},
	} {
		_, err := fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"+
			"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", test.token, len(test.body), test.body)
		if err != nil {
			t.Fatalf("%s: write: %v", test.name, err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("%s: read: %v", test.name, err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d: %.200s", test.name, response.StatusCode, test.status, text)
		}
	}
	_ = conn.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// FuzzBody checks that no body is the platform's failure.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"query":"{ ok }"}`, `{"query":"query($x: Boolean = true) { ok @skip(if: $x) }","variables":{"x":null}}`, `[]`, `{"query":"{ decimal(value: 1e999) }"}`,
		`{"query":"mutation($i: AddInput!) { add(input: $i) }","variables":{"i":{"lines":[{"name":1}]}}}`, `{"query":"{ ...f } fragment f on Query { ...f }"}`,
		`{"query":"{ a: list(first: -1) { child { ok } } }","operationName":"x","extensions":{"persistedQuery":{"version":1}}}`, "\xff", `{"query":"{ __typename }"}`,
	} {
		f.Add(body)
	}
	options := testOptions(io.Discard)
	options.Limits.PerAddress = -1
	options.Limits.Timeout = time.Second
	handler := server.Handler(options)
	f.Fuzz(func(t *testing.T, body string) {
		for _, word := range []string{"panic", "must", "fails", "slow", "cancelled", "store"} {
			if strings.Contains(body, word) || strings.Contains(body, `\u`) {
				t.Skip("asks for a failure")
			}
		}
		w := do(handler, raw(body))
		for _, err := range decode(t, w).Errors {
			if err.Extensions["code"] == "INTERNAL" {
				t.Fatalf("%q is answered with %v", body, err)
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	options := testOptions(io.Discard)
	options.Limits.PerToken = -1
	options.Logger = slog.New(slog.DiscardHandler)
	handler := server.Handler(options)
	c := query("query Fine($n: Int) { ok child { ok } number(value: $n) }", map[string]any{"n": 7}).as(goodToken)
	b.ReportAllocs()
	for b.Loop() {
		if w := do(handler, c); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
