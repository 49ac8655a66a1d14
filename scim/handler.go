package scim

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/elimity-com/scim/errors"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/service/groups"
	"github.com/headwater-platform/headwater/typeid"
)

// Root is where the endpoints are.
const Root = "/scim/v2"

// The sizes of a page: what it has if nobody says, and at most.
const (
	defaultResults = 100
	maxResults     = 200
)

type handler struct {
	service      *directory.Service
	groupService *groups.Service
	base         string
	refuse       func(http.ResponseWriter, *http.Request, error)
}

// Handler returns the endpoints of SCIM below Root, for requests whose bearer is
// known and whose body is bounded. address is where people reach the platform;
// refuse puts an error on the wire.
func Handler(service *directory.Service, groupService *groups.Service, address string, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	h := &handler{service: service, groupService: groupService, base: strings.TrimSuffix(address, "/") + Root, refuse: refuse}
	mux := http.NewServeMux()
	answer := func(pattern string, do func(http.ResponseWriter, *http.Request) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+Root+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				h.refuse(w, r, err)
			}
		})
	}
	for _, endpoint := range []string{"ResourceTypes", "Schemas"} {
		answer("GET /"+endpoint, func(w http.ResponseWriter, r *http.Request) error { return h.discover(w, r, endpoint) })
		answer("GET /"+endpoint+"/{id}", func(w http.ResponseWriter, r *http.Request) error { return h.discoverOne(w, r, endpoint) })
	}
	answer("GET /ServiceProviderConfig", func(w http.ResponseWriter, _ *http.Request) error { return write(w, http.StatusOK, h.config()) })
	answer("GET /Users", h.listUsers)
	answer("POST /Users/.search", h.searchUsers)
	answer("POST /Users", h.createUser)
	answer("GET /Users/{id}", h.getUser)
	answer("PUT /Users/{id}", h.replaceUser)
	answer("PATCH /Users/{id}", h.patchUser)
	answer("DELETE /Users/{id}", h.deleteUser)
	answer("GET /Groups", h.listGroups)
	answer("POST /Groups/.search", h.searchGroups)
	answer("POST /Groups", h.createGroup)
	answer("GET /Groups/{id}", h.getGroup)
	answer("PUT /Groups/{id}", h.replaceGroup)
	answer("PATCH /Groups/{id}", h.patchGroup)
	answer("DELETE /Groups/{id}", h.deleteGroup)
	for _, path := range []string{"/Bulk", "/Me", "/.search"} {
		mux.HandleFunc(Root+path, func(w http.ResponseWriter, _ *http.Request) {
			Refuse(w, fault.Error{Message: "this platform does not do that"}, http.StatusNotImplemented)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, fault.Error{Message: "there is nothing at this address"}, http.StatusNotFound)
	})
	return mux
}

// write puts a resource or a list on the wire.
func write(w http.ResponseWriter, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client has gone away if this fails
	return nil
}

// writeResource puts a resource on the wire, as much of it as was asked for.
func writeResource(w http.ResponseWriter, status int, p projection, r resource) error {
	meta, _ := r["meta"].(map[string]any)
	tag, _ := meta["version"].(string)
	location, _ := meta["location"].(string)
	w.Header().Set("ETag", tag)
	w.Header().Set("Location", location)
	return write(w, status, p.of(r))
}

// body reads the object that a request has.
func body(r *http.Request) (map[string]any, error) {
	if given := r.Header.Get("Content-Type"); given != "" {
		media, _, err := mime.ParseMediaType(given)
		if err != nil || media != contentType && media != "application/json" {
			return nil, refused(errors.ScimTypeInvalidSyntax, "send %s", contentType)
		}
	}
	decoder := json.NewDecoder(r.Body)
	var read map[string]any
	err := decoder.Decode(&read)
	var size *http.MaxBytesError
	if stderrors.As(err, &size) {
		return nil, fault.New(fault.LimitExceeded, "the request body is larger than %d bytes", size.Limit)
	}
	if err != nil || read == nil || decoder.More() {
		return nil, refused(errors.ScimTypeInvalidSyntax, "the request body is one JSON object")
	}
	return read, nil
}

// idOf returns the id in the path of a request, or NOT_FOUND for what is none.
func idOf(r *http.Request, kind typeid.Kind, noun string) (uuid.UUID, error) {
	id, err := typeid.Parse(r.PathValue("id"))
	if err != nil || id.Kind != kind {
		return uuid.Nil, fault.Missing(noun)
	}
	return id.UUID, nil
}

// precondition returns an error if a request is for another version.
func precondition(r *http.Request, version string) error {
	given := r.Header.Get("If-Match")
	if given == "" || matches(given, etag(version)) {
		return nil
	}
	return errPrecondition()
}

// matches reports whether one of some tags is a tag, compared weakly.
func matches(tags, tag string) bool {
	for one := range strings.SplitSeq(tags, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// request is what is asked of a list.
type request struct {
	filter, sortBy, sortOrder string
	startIndex, count         int
	projection
}

func requestOf(r *http.Request) (request, error) {
	q := r.URL.Query()
	asked := request{
		filter: q.Get("filter"), sortBy: q.Get("sortBy"), sortOrder: q.Get("sortOrder"), startIndex: 1, count: defaultResults,
		projection: projectionOf(q.Get("attributes"), q.Get("excludedAttributes")),
	}
	for name, into := range map[string]*int{"startIndex": &asked.startIndex, "count": &asked.count} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return asked, refused(errors.ScimTypeInvalidValue, "%s is a whole number", name)
			}
			*into = n
		}
	}
	return asked.bounded(), nil
}

// bounded returns the request with numbers that a list has.
func (q request) bounded() request {
	q.startIndex, q.count = max(q.startIndex, 1), min(max(q.count, 0), maxResults)
	return q
}

// searchOf reads what is asked of a list from the body of a request.
func searchOf(r *http.Request) (request, error) {
	said, err := body(r)
	if err != nil {
		return request{}, err
	}
	if schemas, _ := find(said, "schemas"); !slices.Contains(list(schemas), any(searchMessage)) {
		return request{}, refused(errors.ScimTypeInvalidSyntax, "a search has the schema %s", searchMessage)
	}
	text := func(name string) string { v, _ := find(said, name); s, _ := v.(string); return s }
	number := func(name string, otherwise int) int {
		v, _ := find(said, name)
		if n, ok := v.(float64); ok {
			return int(max(min(n, 1e9), -1))
		}
		return otherwise
	}
	names := func(name string) string {
		v, _ := find(said, name)
		var texts []string
		for _, one := range list(v) {
			if s, ok := one.(string); ok {
				texts = append(texts, s)
			}
		}
		return strings.Join(texts, ",")
	}
	return request{
		filter: text("filter"), sortBy: text("sortBy"), sortOrder: text("sortOrder"),
		startIndex: number("startIndex", 1), count: number("count", defaultResults),
		projection: projectionOf(names("attributes"), names("excludedAttributes")),
	}.bounded(), nil
}

// query turns what is asked of a list into a query.
func (t resourceType) query(q request) (directory.Query, error) {
	where, err := t.parseFilter(q.filter)
	if err != nil {
		return directory.Query{}, err
	}
	asked := directory.Query{Where: where, Offset: q.startIndex - 1, Limit: q.count}
	if q.sortBy == "" {
		return asked, nil
	}
	by, ok := t.columns()[strings.ToLower(withoutPrefix(q.sortBy))]
	if !ok || by.name == database.DirectoryMembers || by.name == database.DirectoryGroups {
		return asked, refused(errors.ScimTypeInvalidValue, "%.60s cannot be sorted by", q.sortBy)
	}
	asked.Sort, asked.Descending = by.name, strings.EqualFold(q.sortOrder, "descending")
	return asked, nil
}

func writeList(w http.ResponseWriter, q request, total int, resources []resource) error {
	shown := make([]any, len(resources))
	for i, r := range resources {
		shown[i] = q.of(r)
	}
	return write(w, http.StatusOK, map[string]any{
		"schemas": []string{listMessage}, "totalResults": total, "startIndex": q.startIndex, "itemsPerPage": len(shown), "Resources": shown,
	})
}

// discover lists schemas or types of resources. They cannot be filtered: RFC 7644,
// section 4.
func (h *handler) discover(w http.ResponseWriter, r *http.Request, endpoint string) error {
	if r.URL.Query().Has("filter") {
		return fault.New(fault.Forbidden, "what describes the service cannot be filtered")
	}
	found := h.discoverable(endpoint)
	return writeList(w, request{startIndex: 1}, len(found), found)
}

func (h *handler) discoverOne(w http.ResponseWriter, r *http.Request, endpoint string) error {
	for _, one := range h.discoverable(endpoint) {
		if one["id"] == r.PathValue("id") {
			return write(w, http.StatusOK, one)
		}
	}
	return fault.Missing("resource")
}

func (h *handler) listUsers(w http.ResponseWriter, r *http.Request) error {
	q, err := requestOf(r)
	if err != nil {
		return err
	}
	return h.users(w, r, q)
}

func (h *handler) searchUsers(w http.ResponseWriter, r *http.Request) error {
	q, err := searchOf(r)
	if err != nil {
		return err
	}
	return h.users(w, r, q)
}

func (h *handler) users(w http.ResponseWriter, r *http.Request, q request) error {
	asked, err := userType().query(q)
	if err != nil {
		return err
	}
	people, total, err := h.service.People(r.Context(), asked)
	if err != nil {
		return err
	}
	resources := make([]resource, len(people))
	for i, p := range people {
		resources[i] = h.user(p)
	}
	return writeList(w, q, total, resources)
}

func (h *handler) createUser(w http.ResponseWriter, r *http.Request) error {
	said, err := body(r)
	if err != nil {
		return err
	}
	checked, err := userType().validate(said)
	if err != nil {
		return err
	}
	var p directory.Person
	p.Active = true
	if err := readUser(checked, &p); err != nil {
		return err
	}
	made, err := h.service.Create(r.Context(), p)
	if err != nil {
		return err
	}
	return writeResource(w, http.StatusCreated, projectionIn(r), h.user(*made))
}

func (h *handler) getUser(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, typeid.Membership, "user")
	if err != nil {
		return err
	}
	p, err := h.service.Person(r.Context(), id)
	if err != nil {
		return err
	}
	if unchanged(w, r, p.Version) {
		return nil
	}
	return writeResource(w, http.StatusOK, projectionIn(r), h.user(*p))
}

// unchanged answers that a client has the resource already, if it has.
func unchanged(w http.ResponseWriter, r *http.Request, version string) bool {
	if given := r.Header.Get("If-None-Match"); given == "" || !matches(given, etag(version)) {
		return false
	}
	w.Header().Set("ETag", etag(version))
	w.WriteHeader(http.StatusNotModified)
	return true
}

func (h *handler) replaceUser(w http.ResponseWriter, r *http.Request) error {
	said, err := body(r)
	if err != nil {
		return err
	}
	checked, err := userType().validate(said)
	if err != nil {
		return err
	}
	return h.changeUser(w, r, func(p *directory.Person) error { return readUser(checked, p) })
}

func (h *handler) patchUser(w http.ResponseWriter, r *http.Request) error {
	said, err := body(r)
	if err != nil {
		return err
	}
	operations, err := userType().parsePatch(said)
	if err != nil {
		return err
	}
	return h.changeUser(w, r, func(p *directory.Person) error {
		patched, err := patchUser(*p, operations)
		if err != nil {
			return err
		}
		checked, err := userType().validate(patched)
		if err != nil {
			return err
		}
		return readUser(checked, p)
	})
}

func (h *handler) changeUser(w http.ResponseWriter, r *http.Request, change func(*directory.Person) error) error {
	id, err := idOf(r, typeid.Membership, "user")
	if err != nil {
		return err
	}
	after, err := h.service.Change(r.Context(), id, func(p *directory.Person) error {
		if err := precondition(r, p.Version); err != nil {
			return err
		}
		return change(p)
	})
	if err != nil {
		return err
	}
	return writeResource(w, http.StatusOK, projectionIn(r), h.user(*after))
}

func (h *handler) deleteUser(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, typeid.Membership, "user")
	if err != nil {
		return err
	}
	if err := h.service.Remove(r.Context(), id, func(p *directory.Person) error { return precondition(r, p.Version) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) listGroups(w http.ResponseWriter, r *http.Request) error {
	q, err := requestOf(r)
	if err != nil {
		return err
	}
	return h.groups(w, r.Context(), q)
}

func (h *handler) searchGroups(w http.ResponseWriter, r *http.Request) error {
	q, err := searchOf(r)
	if err != nil {
		return err
	}
	return h.groups(w, r.Context(), q)
}

func (h *handler) groups(w http.ResponseWriter, ctx context.Context, q request) error { //nolint:revive // as http has it
	asked, err := groupType().query(q)
	if err != nil {
		return err
	}
	withMembers := q.has("members")
	found, total, err := h.service.Groups(ctx, asked, withMembers)
	if err != nil {
		return err
	}
	resources := make([]resource, len(found))
	for i, g := range found {
		resources[i] = h.group(g, withMembers)
	}
	return writeList(w, q, total, resources)
}

func (h *handler) createGroup(w http.ResponseWriter, r *http.Request) error {
	step, err := groupBody(r)
	if err != nil {
		return err
	}
	made, err := h.service.CreateGroup(r.Context(), directory.NewGroup{Name: *step.Name, ExternalID: *step.ExternalID, Members: *step.All})
	if err != nil {
		return err
	}
	return writeResource(w, http.StatusCreated, projectionIn(r), h.group(*made, true))
}

// groupBody reads a whole group: what it says replaces what is there.
func groupBody(r *http.Request) (directory.Step, error) {
	said, err := body(r)
	if err != nil {
		return directory.Step{}, err
	}
	checked, err := groupType().validate(said)
	if err != nil {
		return directory.Step{}, err
	}
	name, _ := textOf(checked, "displayName")
	externalID, _ := textOf(checked, "externalId")
	members, err := membersOf(checked["members"])
	return directory.Step{Name: &name, ExternalID: &externalID, All: &members}, err
}

func (h *handler) getGroup(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, typeid.Group, "group")
	if err != nil {
		return err
	}
	p := projectionIn(r)
	withMembers := p.has("members")
	g, err := h.service.Group(r.Context(), id, withMembers)
	if err != nil {
		return err
	}
	if unchanged(w, r, g.Version) {
		return nil
	}
	return writeResource(w, http.StatusOK, p, h.group(*g, withMembers))
}

func (h *handler) replaceGroup(w http.ResponseWriter, r *http.Request) error {
	step, err := groupBody(r)
	if err != nil {
		return err
	}
	return h.changeGroup(w, r, []directory.Step{step})
}

func (h *handler) patchGroup(w http.ResponseWriter, r *http.Request) error {
	said, err := body(r)
	if err != nil {
		return err
	}
	operations, err := groupType().parsePatch(said)
	if err != nil {
		return err
	}
	steps, err := groupSteps(operations)
	if err != nil {
		return err
	}
	return h.changeGroup(w, r, steps)
}

func (h *handler) changeGroup(w http.ResponseWriter, r *http.Request, steps []directory.Step) error {
	id, err := idOf(r, typeid.Group, "group")
	if err != nil {
		return err
	}
	after, err := h.service.ChangeGroup(r.Context(), id, steps, func(g *directory.Group) error { return precondition(r, g.Version) })
	if err != nil {
		return err
	}
	return writeResource(w, http.StatusOK, projectionIn(r), h.group(*after, true))
}

func (h *handler) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, typeid.Group, "group")
	if err != nil {
		return err
	}
	g, err := h.service.Group(r.Context(), id, false)
	if err != nil {
		return err
	}
	if err := precondition(r, g.Version); err != nil {
		return err
	}
	if err := h.groupService.Delete(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
