package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/headwater-platform/headwater/fault"
)

// maxErrors is the most errors that one answer lists: a short document can
// break a rule thousands of times.
const maxErrors = 50

// present is the one place where an error becomes what a client sees. What is
// not known to be meant for the client is logged and shown as INTERNAL.
func (e *edge) present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	var raised *gqlerror.Error
	if errors.As(err, &raised) {
		shown.Path, shown.Locations = raised.Path, raised.Locations
	}
	f, internal := e.classify(ctx, err, raised), ""
	if f.Code == fault.Internal {
		internal = exchangeOf(ctx).ID
		e.logInternal(ctx, err, shown.Path)
	}
	answerPath, field := splitPath(ctx, shown.Path)
	if f.Field == "" && (f.Code == fault.Invalid || f.Code == fault.GraphQLValidationFailed) {
		f.Field = field
	}
	shown.Path, shown.Message, shown.Extensions = answerPath, f.Message, extensions(f, internal)
	return shown
}

// classify finds out what kind of failure an error is. The result is a copy.
func (e *edge) classify(ctx context.Context, err error, raised *gqlerror.Error) fault.Error {
	var (
		known    *fault.Error
		panicked *panicError
	)
	code, coded := codeOf(raised)
	switch {
	case errors.As(err, &panicked):
		return internalError()
	case errors.As(err, &known) && known.Code == fault.Internal:
		return internalError()
	case known != nil && known.Code != "":
		return *known
	case coded:
		return fault.Error{Code: code, Message: raised.Message}
	case ctx.Err() != nil: // or the client has gone away and reads nothing
		return fault.Error{Code: fault.LimitExceeded, Message: "the request took too long and was stopped"}
	case readsArguments(ctx):
		return fault.Error{Code: fault.Invalid, Message: messageOf(err, raised)}
	}
	return internalError()
}

func internalError() fault.Error {
	return fault.Error{Code: fault.Internal, Message: "internal error"}
}

// codeOf returns the code that the executor has put on an error of its own.
func codeOf(raised *gqlerror.Error) (fault.Code, bool) {
	if raised == nil {
		return "", false
	}
	text, _ := raised.Extensions["code"].(string)
	code := fault.Code(text)
	return code, code != fault.Internal && slices.Contains(fault.Codes(), code)
}

// readsArguments reports whether the executor is still turning the arguments of
// a field into Go values. What fails there is the client's input, even where a
// built-in scalar says so with a plain error.
func readsArguments(ctx context.Context) bool {
	fc := graphql.GetFieldContext(ctx)
	if fc == nil || fc.Field.Field == nil || fc.Field.Definition == nil {
		return false
	}
	return len(fc.Field.Definition.Arguments) > 0 && fc.Args == nil
}

// messageOf is the text of an error without the position that gqlerror adds.
func messageOf(err error, raised *gqlerror.Error) string {
	if raised != nil {
		return raised.Message
	}
	return err.Error()
}

// splitPath parts the path of an input error into that of the answer's field
// and that of the input field, such as "name" or "rules.2.percent". Variables
// have no field in the answer.
func splitPath(ctx context.Context, path ast.Path) (answer ast.Path, field string) {
	if len(path) > 1 && path[0] == ast.PathName("variable") {
		return nil, inputField(path[1:])
	}
	fc := graphql.GetFieldContext(ctx)
	if fc == nil || len(path) <= len(fc.Path()) || !readsArguments(ctx) {
		return path, ""
	}
	end := len(fc.Path())
	return path[:end], inputField(path[end:])
}

// inputField drops the argument that every mutation has.
func inputField(path ast.Path) string {
	if len(path) > 1 && path[0] == ast.PathName("input") {
		path = path[1:]
	}
	parts := make([]string, len(path))
	for i, part := range path {
		parts[i] = fmt.Sprint(part)
	}
	return strings.Join(parts, ".")
}

func extensions(f fault.Error, requestID string) map[string]any {
	x := maps.Clone(f.Details)
	if x == nil {
		x = map[string]any{}
	}
	x["code"] = f.Code
	if f.Field != "" {
		x["field"] = f.Field
	}
	if f.Reason != "" {
		x["reason"] = f.Reason
	}
	if requestID != "" {
		x["requestId"] = requestID
	}
	return x
}

// logInternal says what the client is not told.
func (e *edge) logInternal(ctx context.Context, err error, path ast.Path) {
	e.Logger.LogAttrs(ctx, slog.LevelError, "internal error",
		slog.String("requestId", exchangeOf(ctx).ID),
		slog.String("path", path.String()),
		slog.String("cause", causes(err)),
	)
}

// causes spells out the chain, because faults keep their cause to themselves.
func causes(err error) string {
	text := err.Error()
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		if !strings.Contains(text, cause.Error()) {
			text += ": " + cause.Error()
		}
	}
	return text
}

// answer is a GraphQL response. Data is left out where nothing was executed.
type answer struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// refuse answers a request that does not get as far as the executor.
func (e *edge) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if d := e.Directories; d != nil && strings.HasPrefix(r.URL.Path, d.Root+"/") {
		e.refuseDirectory(w, r, status, err)
		return
	}
	shown := e.present(r.Context(), err)
	shown.Path, shown.Locations = nil, nil
	e.write(w, r, status, answer{Errors: gqlerror.List{shown}})
}

// statusOf is the status of a request that a fault stopped before the executor.
func statusOf(err error) int {
	switch fault.CodeOf(err) { //nolint:exhaustive // every other fault is a bad request
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden, fault.OrganizationLocked, fault.OrganizationDeactivated:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// write puts an answer on the wire and notes its codes.
func (e *edge) write(w http.ResponseWriter, r *http.Request, status int, a answer) {
	if len(a.Errors) > maxErrors {
		a.Errors = a.Errors[:maxErrors]
	}
	x := exchangeOf(r.Context())
	for _, err := range a.Errors {
		if code, ok := err.Extensions["code"].(fault.Code); ok {
			x.codes = append(x.codes, code)
		}
	}
	body, err := json.Marshal(a)
	if err != nil {
		e.logInternal(r.Context(), fmt.Errorf("write answer: %w", err), nil)
		status, body = http.StatusInternalServerError, []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", contentType(r))
	if e.Revision != nil {
		h.Set("X-Headwater-Revision", e.Revision())
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to tell
}
