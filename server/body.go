package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/headwater-platform/headwater/fault"
)

const (
	// maxFiles is the most files of one multipart request.
	maxFiles = 10

	// inMemory is the size up to which an uploaded file is kept in memory.
	inMemory = 1 << 20

	// maxDrain is how much of a refused body is read all the same: a client
	// that is still writing would otherwise see a broken connection instead of
	// the answer.
	maxDrain = 32 << 20
)

// body is an operation as it came in, with the files that it brought.
type body struct {
	params graphql.RawParams
	files  []*os.File
}

// close removes what the files took on the disk.
func (b *body) close() {
	for _, file := range b.files {
		_ = file.Close()
		_ = os.Remove(file.Name()) //nolint:gosec // the name is CreateTemp's
	}
}

// The refusals that have a status of their own.
var (
	errTooLarge    = errors.New("body too large")
	errContentType = errors.New("unsupported content type")
)

func bodyStatus(err error) int {
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errContentType):
		return http.StatusUnsupportedMediaType
	}
	return statusOf(err)
}

// readBody returns the operation of a request. The body is never nil, and to be
// closed even after an error. Errors are INVALID, LIMIT_EXCEEDED for the size,
// and UNAUTHENTICATED for files from nobody.
func (e *edge) readBody(r *http.Request) (*body, error) {
	b := &body{}
	switch mediaType(r) {
	case typeJSON:
		return b, b.readJSON(r.Body, e.Limits.BodyBytes)
	case typeMultipart:
		if !exchangeOf(r.Context()).authenticated {
			return b, fault.New(fault.Unauthenticated, "files need a token")
		}
		return b, b.readMultipart(r, e.Limits)
	}
	return b, &fault.Error{
		Code: fault.Invalid, Message: "send " + typeJSON + ", or " + typeMultipart + " with files", Err: errContentType,
	}
}

const typeMultipart = "multipart/form-data"

func mediaType(r *http.Request) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

func isMultipart(r *http.Request) bool { return mediaType(r) == typeMultipart }

// drain reads on for a while, see maxDrain.
func drain(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, maxDrain) }

func (b *body) readJSON(from io.Reader, limit int64) error {
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err != nil {
		return fault.New(fault.Invalid, "the request body ends early or comes too slowly")
	}
	if int64(len(text)) > limit {
		return tooLarge("the request body", limit)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&b.params); err != nil {
		return notJSON(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "something follows the JSON object of the request")
	}
	return nil
}

func tooLarge(what string, limit int64) error {
	return &fault.Error{
		Code: fault.LimitExceeded, Message: fmt.Sprintf("%s is larger than %d bytes", what, limit), Err: errTooLarge,
	}
}

// notJSON says where the reading stopped and never repeats what was read.
func notJSON(err error) error {
	var (
		syntax   *json.SyntaxError
		mismatch *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return fault.New(fault.Invalid, "the request body is one JSON object, not an array or a %s", mismatch.Value)
	case errors.As(err, &mismatch):
		return fault.Invalidf(mismatch.Field, "%s cannot be a JSON %s", mismatch.Field, mismatch.Value)
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "the request body is not JSON: %v at byte %d", syntax, syntax.Offset)
	case errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "the request body is empty")
	}
	return fault.New(fault.Invalid, "the request body is not JSON: it ends early")
}

// readMultipart follows the GraphQL multipart request specification: first the
// operation, then the map from files to variables, then the files.
func (b *body) readMultipart(r *http.Request, limits Limits) error {
	r.Body = http.MaxBytesReader(nil, r.Body, limits.UploadBytes)
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.New(fault.Invalid, "the multipart form has no boundary")
	}
	operations, err := nextPart(parts, "operations")
	if err != nil {
		return sized(err, limits)
	}
	if err := b.readJSON(operations, limits.BodyBytes); err != nil {
		return err
	}
	places, err := readPlaces(parts, limits)
	if err != nil {
		return sized(err, limits)
	}
	for range len(places) {
		if err := b.readFile(parts, places); err != nil {
			return sized(err, limits)
		}
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		return sized(fault.New(fault.Invalid, "the form has a part that the map does not name"), limits)
	}
	return nil
}

// sized tells a form that is too large from one that is wrong.
func sized(err error, limits Limits) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return tooLarge("the upload", limits.UploadBytes)
	}
	return err
}

func nextPart(parts *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := parts.NextPart()
	if err != nil {
		return nil, incomplete(err)
	}
	if part.FormName() != name {
		return nil, fault.New(fault.Invalid, "the parts of the form are operations, map and the files, in this order")
	}
	return part, nil
}

func incomplete(err error) error {
	return &fault.Error{Code: fault.Invalid, Message: "the multipart form is incomplete", Err: err}
}

// readPlaces reads which variables each file is for.
func readPlaces(parts *multipart.Reader, limits Limits) (map[string][]string, error) {
	part, err := nextPart(parts, "map")
	if err != nil {
		return nil, err
	}
	places := map[string][]string{}
	if err := json.NewDecoder(io.LimitReader(part, limits.BodyBytes)).Decode(&places); err != nil {
		return nil, &fault.Error{Code: fault.Invalid, Message: "the part map is not a JSON object of lists", Field: "map", Err: err}
	}
	if len(places) > maxFiles {
		return nil, fault.New(fault.LimitExceeded, "a request has at most %d files", maxFiles)
	}
	return places, nil
}

// readFile takes in the next file and puts it where the map says.
func (b *body) readFile(parts *multipart.Reader, places map[string][]string) error {
	part, err := parts.NextPart()
	if err != nil {
		return incomplete(err)
	}
	paths, named := places[part.FormName()]
	if !named {
		return fault.New(fault.Invalid, "the map does not name the part %.40q, or it comes twice", part.FormName())
	}
	delete(places, part.FormName())
	content, size, err := b.spool(part)
	if err != nil {
		return err
	}
	for _, path := range paths {
		upload := graphql.Upload{
			File: io.NewSectionReader(content, 0, size), Size: size,
			Filename: part.FileName(), ContentType: part.Header.Get("Content-Type"),
		}
		if !place(b.params.Variables, path, upload) {
			return fault.Invalidf("map", "%.80q is not the path of a variable that is null", path)
		}
	}
	return nil
}

// spool keeps a small file in memory and a large one on the disk.
func (b *body) spool(from io.Reader) (io.ReaderAt, int64, error) {
	head, err := io.ReadAll(io.LimitReader(from, inMemory+1))
	if err != nil {
		return nil, 0, incomplete(err)
	}
	if len(head) <= inMemory {
		return bytes.NewReader(head), int64(len(head)), nil
	}
	file, err := os.CreateTemp("", "headwater-upload-*")
	if err != nil {
		return nil, 0, fmt.Errorf("keep upload: %w", err)
	}
	b.files = append(b.files, file)
	if _, err := file.Write(head); err != nil {
		return nil, 0, fmt.Errorf("keep upload: %w", err)
	}
	rest, err := io.Copy(file, readFailure{from})
	var failed *readError
	switch {
	case errors.As(err, &failed):
		return nil, 0, incomplete(failed.err)
	case err != nil:
		return nil, 0, fmt.Errorf("keep upload: %w", err)
	}
	return file, int64(len(head)) + rest, nil
}

// readFailure marks the errors of a reader, so that a client that stops sending
// is not taken for a disk that is full.
type readFailure struct{ from io.Reader }

type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

func (r readFailure) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &readError{err}
	}
	return n, err
}

// place puts a file at a path such as variables.input.files.0, where the
// operation must have left a null. It reports whether there was one.
func place(variables map[string]any, path string, upload graphql.Upload) bool {
	segments := strings.Split(path, ".")
	if len(segments) < 2 || segments[0] != "variables" {
		return false
	}
	var at any = variables
	for _, segment := range segments[1 : len(segments)-1] {
		at, _ = child(at, segment)
	}
	last := segments[len(segments)-1]
	if value, ok := child(at, last); !ok || value != nil {
		return false
	}
	switch container := at.(type) {
	case map[string]any:
		container[last] = upload
	case []any:
		index, _ := strconv.Atoi(last)
		container[index] = upload
	}
	return true
}

// child returns the element of a JSON object or array and whether it exists.
func child(of any, segment string) (any, bool) {
	switch container := of.(type) {
	case map[string]any:
		value, ok := container[segment]
		return value, ok
	case []any:
		index, err := strconv.Atoi(segment)
		if err != nil || index < 0 || index >= len(container) {
			return nil, false
		}
		return container[index], true
	}
	return nil, false
}
