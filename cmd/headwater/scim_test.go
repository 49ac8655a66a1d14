package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent/groupmember"
)

// scimStep is a request to SCIM and what must come back. Texts in braces are what
// earlier steps kept.
type scimStep struct {
	// name is that of the published list where the step is of one.
	name    string
	method  string
	path    string
	body    string
	headers map[string]string
	status  int
	// want are values by their paths: as JSON, "*" for something, "-" for nothing.
	want map[string]string
	// keep are paths of the answer by the names that later steps call them.
	keep map[string]string
}

// provisioner is a client of SCIM.
type provisioner struct {
	w      *world
	bearer string
	kept   map[string]string
}

// connect makes a token of an organization, by an actor.
func (w *world) connect(t testing.TB, actor, slug string) *provisioner {
	t.Helper()
	answer := w.must(t, actor, `mutation($i: CreateScimTokenInput!) { createScimToken(input: $i) { secret scimToken { id } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids[slug], "name": "Entra"}})
	w.name("scim of "+slug, dig(answer, "createScimToken.scimToken.id"))
	return &provisioner{w: w, bearer: dig(answer, "createScimToken.secret"), kept: map[string]string{}}
}

func (d *provisioner) fill(text string) string {
	for name, value := range d.kept {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// do takes a step and returns the answer.
func (d *provisioner) do(t testing.TB, s scimStep) map[string]any {
	t.Helper()
	path, query, _ := strings.Cut(d.fill(s.path), "?")
	if query != "" {
		values := url.Values{}
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			values.Set(name, value)
		}
		path += "?" + values.Encode()
	}
	request, err := http.NewRequestWithContext(t.Context(), s.method, d.w.url+"/scim/v2"+path, strings.NewReader(d.fill(s.body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.bearer)
	request.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	for name, value := range s.headers {
		request.Header.Set(name, d.fill(value))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != s.status {
		t.Errorf("%s: %s %s answers %d, want %d: %s", s.name, s.method, path, response.StatusCode, s.status, raw)
	}
	var answer map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("%s: %v: %s", s.name, err, raw)
		}
		if got := response.Header.Get("Content-Type"); got != "application/scim+json" {
			t.Errorf("%s: the answer is %s", s.name, got)
		}
	}
	for path, want := range s.want {
		d.check(t, s.name, answer, path, d.fill(want))
	}
	for name, path := range s.keep {
		d.kept[name] = fmt.Sprint(at(answer, path))
	}
	return answer
}

func (d *provisioner) check(t testing.TB, step string, answer any, path, want string) {
	t.Helper()
	got := at(answer, path)
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	switch want {
	case "*":
		if got == nil || got == "" {
			t.Errorf("%s: there is no %s", step, path)
		}
	case "-":
		if got != nil {
			t.Errorf("%s: %s is %s", step, path, encoded)
		}
	default:
		if string(encoded) != want {
			t.Errorf("%s: %s is %s, want %s", step, path, encoded, want)
		}
	}
}

// at returns the value at a path of names, numbers and #, which is how many there
// are.
func at(value any, path string) any {
	for part := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			if part == "#" {
				return len(v)
			}
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

const (
	okUser  = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	okGroup = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
)

func patchOf(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

// oktaSpec is the published list "Okta SCIM 2.0 SPEC Test" (the file
// Okta-SCIM-20-SPEC-Test.json for Runscope), step by step under its own names.
func oktaSpec() []scimStep {
	const listed, failed = `["urn:ietf:params:scim:api:messages:2.0:ListResponse"]`, `["urn:ietf:params:scim:api:messages:2.0:Error"]`
	const random = `{` + okUser + `,"userName":"Ran.Dom@example.com","name":{"givenName":"Ran","familyName":"Dom"},"emails":[{"primary":true,"value":"%s","type":"work"}],"displayName":"Ran Dom","active":true}`
	return []scimStep{
		{name: "Required Test: Test Users endpoint", method: "GET", path: "/Users?count=1&startIndex=1", status: 200, want: map[string]string{
			"schemas": listed, "itemsPerPage": "1", "startIndex": "1", "totalResults": "2", "Resources/0/id": "*", "Resources/0/name/familyName": "*",
			"Resources/0/name/givenName": "*", "Resources/0/userName": "*", "Resources/0/active": "true", "Resources/0/emails/0/value": "*",
		}, keep: map[string]string{"ISVUserid": "Resources/0/id"}},
		{name: "Required Test: Get Users/{{id}}", method: "GET", path: "/Users/{ISVUserid}", status: 200, want: map[string]string{
			"id": `"{ISVUserid}"`, "name/familyName": "*", "name/givenName": "*", "userName": "*", "active": "*", "emails/0/value": "*",
		}},
		{
			name: "Required Test: Test invalid User by username", method: "GET", path: `/Users?filter=userName eq "abcdefgh@atko.com"`, status: 200,
			want: map[string]string{"schemas": listed, "totalResults": "0"},
		},
		{
			name: "Required Test: Test invalid User by ID", method: "GET", path: "/Users/010101001010101011001010101011", status: 404,
			want: map[string]string{"schemas": failed, "detail": "*"},
		},
		{
			name: "Required Test: Make sure random user doesn't exist", method: "GET", path: `/Users?filter=userName eq "ran.dom@example.com"`, status: 200,
			want: map[string]string{"schemas": listed, "totalResults": "0"},
		},
		{
			name: "Required Test: Create Okta user with realistic values", method: "POST", path: "/Users", body: fmt.Sprintf(random, "dom@mail.example"), status: 201,
			headers: map[string]string{"Content-Type": "application/json", "Accept": "application/scim+json; charset=utf-8"},
			want: map[string]string{
				"active": "true", "id": "*", "name/familyName": `"Dom"`, "name/givenName": `"Ran"`, "userName": `"Ran.Dom@example.com"`,
				"schemas": `["urn:ietf:params:scim:schemas:core:2.0:User"]`, "emails/0/value": `"dom@mail.example"`,
			}, keep: map[string]string{"idUserOne": "id"},
		},
		{name: "Required Test: Verify that user was created", method: "GET", path: "/Users/{idUserOne}", status: 200, want: map[string]string{
			"userName": `"Ran.Dom@example.com"`, "name/familyName": `"Dom"`, "name/givenName": `"Ran"`,
		}},
		{
			name: "Required Test: Expect failure when recreating user with same values", method: "POST", path: "/Users", body: fmt.Sprintf(random, "Ran.Dom@example.com"), status: 409,
			want: map[string]string{"scimType": `"uniqueness"`},
		},
		{
			name: "Required Test: Username Case Sensitivity Check", method: "GET", path: `/Users?filter=userName eq "RAN.DOM@EXAMPLE.COM"`, status: 200,
			want: map[string]string{"totalResults": "1", "Resources/0/id": `"{idUserOne}"`},
		},
		{name: "Optional Test: Verify Groups endpoint", method: "GET", path: "/Groups", status: 200, want: map[string]string{"schemas": listed, "totalResults": "4", "Resources/#": "4"}},
		{
			name: "Required Test: Check status 401", method: "GET", path: `/Users?filter=userName eq "RAN.DOM@EXAMPLE.COM"`, status: 401,
			headers: map[string]string{"Authorization": "non-token"}, want: map[string]string{"schemas": failed, "status": `"401"`, "detail": "*"},
		},
		{
			name: "Required Test: Check status 404", method: "GET", path: "/Users/00919288221112222", status: 404,
			want: map[string]string{"schemas": failed, "status": `"404"`, "detail": "*"},
		},
	}
}

// TestOktaSpecTest takes every step of "Okta SCIM 2.0 SPEC Test".
func TestOktaSpecTest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		if err := db.Client().User.UpdateOneID(w.key(t, "olga")).SetName("Olga Ek").Exec(w.system(t)); err != nil {
			t.Fatal(err)
		}
		d := w.connect(t, "olga", "acme")
		for _, s := range oktaSpec() {
			d.do(t, s)
		}
	})
}

// scimTour goes through what the RFCs have and Entra and Okta send.
func scimTour() []scimStep {
	member := `{` + okUser + `,"userName":"%[1]s","externalId":"ext-%[1]s","name":{"givenName":"Mary Ann","familyName":"van Dyke"},"emails":[{"value":"%[1]s@dir.example"}]}`
	return []scimStep{
		{name: "what there is", method: "GET", path: "/ServiceProviderConfig", status: 200, want: map[string]string{
			"patch/supported": "true", "bulk/supported": "false", "filter/maxResults": "200", "sort/supported": "true", "etag/supported": "true", "changePassword/supported": "false",
		}},
		{name: "types", method: "GET", path: "/ResourceTypes", status: 200, want: map[string]string{"totalResults": "2", "Resources/0/endpoint": `"/Users"`}},
		{name: "one type", method: "GET", path: "/ResourceTypes/Group", status: 200, want: map[string]string{"schema": `"urn:ietf:params:scim:schemas:core:2.0:Group"`}},
		{name: "schemas", method: "GET", path: "/Schemas", status: 200, want: map[string]string{"totalResults": "2"}},
		{name: "one schema", method: "GET", path: "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", status: 200, want: map[string]string{"name": `"User"`}},
		{name: "no schema", method: "GET", path: "/Schemas/urn:example", status: 404},
		{name: "discovery is not filtered", method: "GET", path: `/Schemas?filter=id pr`, status: 403},
		{name: "no bulk", method: "POST", path: "/Bulk", body: "{}", status: 501},
		{name: "no me", method: "GET", path: "/Me", status: 501},
		{name: "nothing there", method: "GET", path: "/Devices", status: 404},

		{name: "create", method: "POST", path: "/Users", body: fmt.Sprintf(member, "mary"), status: 201, want: map[string]string{
			"userName": `"mary"`, "displayName": `"Mary Ann van Dyke"`, "name/givenName": `"Mary Ann"`, "name/familyName": `"van Dyke"`, "active": "true",
			"meta/resourceType": `"User"`, "meta/version": "*", "meta/created": "*", "meta/lastModified": "*", "groups/#": "0",
		}, keep: map[string]string{"mary": "id", "tag": "meta/version"}},
		{
			name: "an address is enough", method: "POST", path: "/Users", body: `{` + okUser + `,"userName":"solo@dir.example"}`, status: 201,
			want: map[string]string{"emails/0/value": `"solo@dir.example"`, "displayName": `"solo@dir.example"`}, keep: map[string]string{"solo": "id"},
		},
		{name: "no schema of the body", method: "POST", path: "/Users", body: `{"userName":"x@dir.example"}`, status: 400, want: map[string]string{"scimType": `"invalidSyntax"`}},
		{name: "no name", method: "POST", path: "/Users", body: `{` + okUser + `,"emails":[{"value":"x@dir.example"}]}`, status: 400, want: map[string]string{"scimType": `"invalidValue"`}},
		{name: "no address", method: "POST", path: "/Users", body: `{` + okUser + `,"userName":"x"}`, status: 400, want: map[string]string{"scimType": `"invalidValue"`}},
		{name: "no JSON", method: "POST", path: "/Users", body: `{`, status: 400, want: map[string]string{"scimType": `"invalidSyntax"`}},
		{name: "the same external id", method: "POST", path: "/Users", body: strings.ReplaceAll(fmt.Sprintf(member, "other"), "ext-other", "ext-mary"), status: 409, want: map[string]string{"scimType": `"uniqueness"`}},

		{name: "it is the same", method: "GET", path: "/Users/{mary}", headers: map[string]string{"If-None-Match": "{tag}"}, status: 304},
		{
			name: "another version", method: "PATCH", path: "/Users/{mary}", headers: map[string]string{"If-Match": `W/"0000"`},
			body: patchOf(`{"op":"replace","path":"displayName","value":"Mary"}`), status: 412,
		},
		{
			name: "this version", method: "PATCH", path: "/Users/{mary}", headers: map[string]string{"If-Match": "{tag}"},
			body: patchOf(`{"op":"replace","path":"name.familyName","value":"Dyke"}`), status: 200, want: map[string]string{"name/familyName": `"Dyke"`, "displayName": `"Mary Ann Dyke"`},
		},
		{name: "Entra deactivates", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"Replace","path":"active","value":"False"}`), status: 200, want: map[string]string{"active": "false"}},
		{name: "Okta activates", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"replace","value":{"active":true}}`), status: 200, want: map[string]string{"active": "true"}},
		{
			name: "Entra names", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"Replace","value":{"displayName":"Mary D","name.givenName":"Mary","userName":"mary@corp.example"}},
			{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"IT"},{"op":"Add","path":"title","value":"Dr"},{"op":"Replace","path":"emails[type eq \"work\"].value","value":"mary@dir.example"}`),
			status: 200, want: map[string]string{"displayName": `"Mary D"`, "name/givenName": `"Mary"`, "userName": `"mary@corp.example"`},
		},
		{name: "the address stays", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"else@dir.example"}`), status: 400, want: map[string]string{"scimType": `"mutability"`}},
		{name: "no such attribute", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"replace","path":"shoeSize","value":44}`), status: 400, want: map[string]string{"scimType": `"invalidPath"`}},
		{name: "groups are not written here", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"add","path":"groups","value":[]}`), status: 400, want: map[string]string{"scimType": `"mutability"`}},
		{name: "remove what", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"remove"}`), status: 400, want: map[string]string{"scimType": `"noTarget"`}},
		{name: "all or nothing", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"replace","path":"displayName","value":"X"},{"op":"replace","path":"active","value":"maybe"}`), status: 400},
		{name: "nothing was", method: "GET", path: "/Users/{mary}", status: 200, want: map[string]string{"displayName": `"Mary D"`}},
		{
			name: "replace", method: "PUT", path: "/Users/{mary}", body: `{` + okUser + `,"id":"{mary}","userName":"mary","externalId":"ext-mary","displayName":"Mary Dyke","name":{"givenName":"Mary","familyName":"Dyke"},"active":true,"emails":[{"value":"mary@dir.example"}]}`,
			status: 200, want: map[string]string{"displayName": `"Mary Dyke"`, "userName": `"mary"`},
		},
		{name: "the name of another", method: "PATCH", path: "/Users/{mary}", body: patchOf(`{"op":"replace","path":"userName","value":"SOLO@dir.example"}`), status: 409, want: map[string]string{"scimType": `"uniqueness"`}},

		{name: "and, or, not", method: "GET", path: `/Users?filter=(userName sw "mar" or userName eq "nobody") and not (active eq false)`, status: 200, want: map[string]string{"totalResults": "1", "Resources/0/id": `"{mary}"`}},
		{name: "by external id", method: "GET", path: `/Users?filter=externalId eq "ext-mary"`, status: 200, want: map[string]string{"totalResults": "1"}},
		{name: "external ids have a case", method: "GET", path: `/Users?filter=externalId eq "EXT-MARY"`, status: 200, want: map[string]string{"totalResults": "0"}},
		{name: "by address", method: "GET", path: `/Users?filter=emails[type eq "work" and value eq "MARY@dir.example"]`, status: 200, want: map[string]string{"totalResults": "1"}},
		{name: "by the end of an address", method: "GET", path: `/Users?filter=emails.value ew "@dir.example"`, status: 200, want: map[string]string{"totalResults": "2"}},
		{name: "by names", method: "GET", path: `/Users?filter=name.familyName co "yk" and name.givenName eq "mary" and displayName pr`, status: 200, want: map[string]string{"totalResults": "1"}},
		{name: "by times", method: "GET", path: `/Users?filter=meta.created gt "2020-01-01T00:00:00Z" and meta.lastModified lt "2099-01-01T00:00:00Z"`, status: 200, want: map[string]string{"totalResults": "4"}},
		{name: "by a time to come", method: "GET", path: `/Users?filter=meta.lastModified ge "2099-01-01T00:00:00Z"`, status: 200, want: map[string]string{"totalResults": "0"}},
		{name: "by id", method: "GET", path: `/Users?filter=id eq "{mary}"`, status: 200, want: map[string]string{"totalResults": "1"}},
		{name: "with the name of the schema", method: "GET", path: `/Users?filter=urn:ietf:params:scim:schemas:core:2.0:User:userName eq "mary"`, status: 200, want: map[string]string{"totalResults": "1"}},
		{name: "no filter", method: "GET", path: `/Users?filter=userName is "mary"`, status: 400, want: map[string]string{"scimType": `"invalidFilter"`}},
		{name: "no attribute", method: "GET", path: `/Users?filter=password eq "x"`, status: 400, want: map[string]string{"scimType": `"invalidFilter"`}},
		{name: "a quote is a quote", method: "GET", path: `/Users?filter=userName eq "x' OR '1'='1"`, status: 200, want: map[string]string{"totalResults": "0"}},
		{name: "sorted", method: "GET", path: `/Users?sortBy=userName&sortOrder=descending&attributes=userName`, status: 200, want: map[string]string{
			"Resources/0/userName": `"solo@dir.example"`, "Resources/0/displayName": "-", "Resources/0/meta": "-", "Resources/0/id": "*",
		}},
		{name: "a page", method: "GET", path: `/Users?startIndex=3&count=1&excludedAttributes=emails,name.familyName`, status: 200, want: map[string]string{
			"totalResults": "4", "itemsPerPage": "1", "startIndex": "3", "Resources/0/emails": "-", "Resources/0/name/familyName": "-", "Resources/0/name/givenName": "*",
		}},
		{name: "how many", method: "GET", path: `/Users?count=0`, status: 200, want: map[string]string{"totalResults": "4", "Resources/#": "0"}},
		{
			name: "search", method: "POST", path: "/Users/.search", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"mary\"","attributes":["userName"]}`, status: 200,
			want: map[string]string{"totalResults": "1", "Resources/0/displayName": "-"},
		},

		{
			name: "a group", method: "POST", path: "/Groups", body: `{` + okGroup + `,"displayName":"Sales","externalId":"g-1","members":[{"value":"{mary}"}]}`, status: 201,
			want: map[string]string{"displayName": `"Sales"`, "members/0/value": `"{mary}"`, "members/0/display": `"Mary Dyke"`}, keep: map[string]string{"sales": "id"},
		},
		{name: "the same group", method: "POST", path: "/Groups", body: `{` + okGroup + `,"displayName":"SALES"}`, status: 409, want: map[string]string{"scimType": `"uniqueness"`}},
		{name: "no name of a group", method: "POST", path: "/Groups", body: `{` + okGroup + `}`, status: 400},
		{name: "it shows", method: "GET", path: "/Users/{mary}", status: 200, want: map[string]string{"groups/0/value": `"{sales}"`, "groups/0/display": `"Sales"`}},
		{name: "Entra adds", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"Add","path":"members","value":[{"$ref":null,"value":"{solo}"}]}`), status: 200, want: map[string]string{"members/#": "2"}},
		{name: "adding again changes nothing", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"add","path":"members","value":[{"value":"{solo}"}]}`), status: 200, want: map[string]string{"members/#": "2"}},
		{name: "Entra asks who is in", method: "GET", path: `/Groups?filter=id eq "{sales}" and members eq "{solo}"&attributes=displayName`, status: 200, want: map[string]string{"totalResults": "1", "Resources/0/members": "-"}},
		{name: "Okta removes", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"remove","path":"members[value eq \"{solo}\"]"}`), status: 200, want: map[string]string{"members/#": "1"}},
		{name: "Entra removes", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"Remove","path":"members","value":[{"value":"{mary}"}]}`), status: 200, want: map[string]string{"members/#": "0"}},
		{name: "Okta renames", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"replace","value":{"id":"{sales}","displayName":"Sales EMEA"}}`), status: 200, want: map[string]string{"displayName": `"Sales EMEA"`}},
		{name: "Okta replaces members", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"replace","path":"members","value":[{"value":"{mary}"},{"value":"{solo}"}]}`), status: 200, want: map[string]string{"members/#": "2"}},
		{name: "replace a group", method: "PUT", path: "/Groups/{sales}", body: `{` + okGroup + `,"displayName":"Sales","externalId":"g-1","members":[{"value":"{solo}"}]}`, status: 200, want: map[string]string{"members/#": "1", "members/0/value": `"{solo}"`}},
		{name: "remove all", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"remove","path":"members"}`), status: 200, want: map[string]string{"members/#": "0"}},
		{name: "nobody", method: "PATCH", path: "/Groups/{sales}", body: patchOf(`{"op":"add","path":"members","value":[{"value":"{sales}"}]}`), status: 400, want: map[string]string{"scimType": `"invalidValue"`}},
		{name: "groups without members", method: "GET", path: `/Groups?filter=displayName eq "sales"&excludedAttributes=members`, status: 200, want: map[string]string{"totalResults": "1", "Resources/0/members": "-"}},
		{name: "delete a group", method: "DELETE", path: "/Groups/{sales}", status: 204},
		{name: "it is gone", method: "GET", path: "/Groups/{sales}", status: 404},
		{name: "delete", method: "DELETE", path: "/Users/{solo}", status: 204},
		{name: "and gone", method: "GET", path: "/Users/{solo}", status: 404},
		{name: "and again", method: "DELETE", path: "/Users/{solo}", status: 404},
		{name: "the address is free", method: "POST", path: "/Users", body: `{` + okUser + `,"userName":"solo@dir.example"}`, status: 201},
	}
}

// TestSCIM goes through the protocol.
func TestSCIM(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		d := newWorld(t, db).connect(t, "olga", "acme")
		for _, s := range scimTour() {
			d.do(t, s)
		}
	})
}

// TestSCIMGivesNoRights tries what would lead beyond the rights of a token: the
// owner and administrators stay as they are, nobody gets into a group that gives
// more than the token has, and other organizations are not there.
func TestSCIMGivesNoRights(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.team(t, "acme", "bosses", "org:admin")
		w.person(t, "acme", "gail", "acme.bosses")
		d := w.connect(t, "olga", "acme")
		foreign := w.connect(t, "bob", "bravo")
		for _, who := range []string{"olga", "gail", "max"} {
			d.do(t, scimStep{
				name: who, method: "GET", path: `/Users?filter=userName eq "` + who + `" or emails.value sw "` + who + `@"`, status: 200,
				want: map[string]string{"totalResults": "1"}, keep: map[string]string{who: "Resources/0/id"},
			})
		}
		foreign.do(t, scimStep{name: "bob", method: "GET", path: `/Users`, status: 200, want: map[string]string{"totalResults": "1"}, keep: map[string]string{"bob": "Resources/0/id"}})
		d.kept["bob"], d.kept["bosses"], d.kept["administrators"] = foreign.kept["bob"], w.ids["acme.bosses"], w.ids["acme.administrators"]
		d.kept["theirs"] = w.ids["bravo.administrators"]
		lock := patchOf(`{"op":"replace","path":"active","value":false}`)
		join := patchOf(`{"op":"add","path":"members","value":[{"value":"{max}"}]}`)
		for _, s := range []scimStep{
			{name: "lock the owner", method: "PATCH", path: "/Users/{olga}", body: lock, status: 403},
			{name: "remove the owner", method: "DELETE", path: "/Users/{olga}", status: 403},
			{name: "rename the owner", method: "PATCH", path: "/Users/{olga}", body: patchOf(`{"op":"replace","path":"userName","value":"x"}`), status: 403},
			{name: "lock an administrator", method: "PATCH", path: "/Users/{gail}", body: lock, status: 403},
			{name: "remove an administrator", method: "DELETE", path: "/Users/{gail}", status: 403},
			{name: "make an administrator", method: "PATCH", path: "/Groups/{bosses}", body: join, status: 403},
			{name: "unmake one", method: "PATCH", path: "/Groups/{bosses}", body: patchOf(`{"op":"remove","path":"members[value eq \"{gail}\"]"}`), status: 403},
			{name: "delete the group of administrators", method: "DELETE", path: "/Groups/{bosses}", status: 403},
			{name: "into a built-in group", method: "PATCH", path: "/Groups/{administrators}", body: join, status: 403},
			{name: "rename a built-in group", method: "PATCH", path: "/Groups/{administrators}", body: patchOf(`{"op":"replace","path":"displayName","value":"Bosses"}`), status: 400, want: map[string]string{"scimType": `"mutability"`}},
			{name: "delete a built-in group", method: "DELETE", path: "/Groups/{administrators}", status: 400},
			{name: "somebody elsewhere", method: "GET", path: "/Users/{bob}", status: 404},
			{name: "lock somebody elsewhere", method: "PATCH", path: "/Users/{bob}", body: lock, status: 404},
			{name: "remove somebody elsewhere", method: "DELETE", path: "/Users/{bob}", status: 404},
			{name: "a group elsewhere", method: "GET", path: "/Groups/{theirs}", status: 404},
			{name: "delete a group elsewhere", method: "DELETE", path: "/Groups/{theirs}", status: 404},
			{name: "somebody elsewhere into a group", method: "POST", path: "/Groups", body: `{` + okGroup + `,"displayName":"X","members":[{"value":"{bob}"}]}`, status: 400},
			{name: "a plain member is locked", method: "PATCH", path: "/Users/{max}", body: lock, status: 200, want: map[string]string{"active": "false"}},
		} {
			d.do(t, s)
		}
		d.bearer = w.token(t, "olga")
		d.do(t, scimStep{name: "a token of no single organization", method: "GET", path: "/Users", status: 403})
		d.do(t, scimStep{name: "nobody", method: "GET", path: "/Users", headers: map[string]string{"Authorization": "Bearer hw_nothing"}, status: 401})
	})
}

// TestSCIMTellsNobodyElse takes in somebody who has an account elsewhere and
// somebody who has none: the answers are alike, to every question.
func TestSCIMTellsNobodyElse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		d := w.connect(t, "olga", "acme")
		alike := func(what string, ask func(who string) scimStep) {
			t.Helper()
			var answers [2]string
			for i, who := range []string{"bob", "new"} {
				answer := d.do(t, ask(who))
				raw, err := json.Marshal(answer)
				if err != nil {
					t.Fatal(err)
				}
				answers[i] = strings.NewReplacer(who, "who", d.kept[who+"-id"], "id").Replace(string(raw))
				meta, _ := answer["meta"].(map[string]any)
				for _, name := range []string{"version", "created", "lastModified"} {
					if text, ok := meta[name].(string); ok {
						quoted, _ := json.Marshal(text)
						answers[i] = strings.ReplaceAll(answers[i], string(quoted), "")
					}
				}
			}
			if answers[0] != answers[1] {
				t.Errorf("%s: whoever has an account is told from who has none:\n%s\n%s", what, answers[0], answers[1])
			}
		}
		alike("create", func(who string) scimStep {
			return scimStep{
				name: who, method: "POST", path: "/Users", status: 201, keep: map[string]string{who + "-id": "id"},
				body: `{` + okUser + `,"userName":"` + who + `@bravo.example","displayName":"X ` + who + `","name":{"givenName":"A","familyName":"B"}}`,
			}
		})
		alike("get", func(who string) scimStep {
			return scimStep{name: who, method: "GET", path: "/Users/{" + who + "-id}", status: 200}
		})
		alike("again", func(who string) scimStep {
			return scimStep{name: who, method: "POST", path: "/Users", status: 409, body: `{` + okUser + `,"userName":"` + who + `@bravo.example"}`}
		})
		alike("lock", func(who string) scimStep {
			return scimStep{name: who, method: "PATCH", path: "/Users/{" + who + "-id}", status: 200, body: patchOf(`{"op":"replace","value":{"active":false,"displayName":"Y"}}`)}
		})
		alike("delete", func(who string) scimStep {
			return scimStep{name: who, method: "DELETE", path: "/Users/{" + who + "-id}", status: 204}
		})
		alike("gone", func(who string) scimStep {
			return scimStep{name: who, method: "GET", path: "/Users/{" + who + "-id}", status: 404}
		})
	})
}

// TestSCIMKeepsWhoAccepts finds somebody who was invited because they have an
// account elsewhere under the same id once they have accepted, in the group and with
// all that the directory said.
func TestSCIMKeepsWhoAccepts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		d := w.connect(t, "olga", "acme")
		d.do(t, scimStep{
			name: "create", method: "POST", path: "/Users", status: 201, keep: map[string]string{"bob": "id"},
			body: `{` + okUser + `,"userName":"bob@corp.example","externalId":"b-1","emails":[{"value":"bob@bravo.example"}],"name":{"givenName":"Bob","familyName":"de Boer"}}`,
		})
		d.do(t, scimStep{
			name: "group", method: "POST", path: "/Groups", status: 201, keep: map[string]string{"sales": "id"},
			body: `{` + okGroup + `,"displayName":"Sales","members":[{"value":"{bob}"}]}`, want: map[string]string{"members/#": "0"},
		})
		if err := db.Client().User.UpdateOneID(w.key(t, "bob")).SetEmailVerifiedAt(dbtest.Start()).Exec(w.system(t)); err != nil {
			t.Fatal(err)
		}
		w.must(t, "bob", `mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { membership { id } } }`,
			map[string]any{"i": map[string]any{"invitationId": strings.Replace(d.kept["bob"], "mem_", "inv_", 1)}})
		d.do(t, scimStep{name: "the member", method: "GET", path: "/Users/{bob}", status: 200, want: map[string]string{
			"userName": `"bob@corp.example"`, "externalId": `"b-1"`, "name/familyName": `"de Boer"`, "groups/0/value": `"{sales}"`, "emails/0/value": `"bob@bravo.example"`,
		}})
		d.do(t, scimStep{
			name: "the name is not ours", method: "PATCH", path: "/Users/{bob}", body: patchOf(`{"op":"replace","path":"displayName","value":"Robert"}`), status: 200,
			want: map[string]string{"displayName": `"bob"`},
		})
	})
}

// TestSCIMStatements lists few and many people and groups, and counts statements.
func TestSCIMStatements(t *testing.T) {
	t.Parallel()
	db, c := counted(t, dbtest.SQLiteURL(t))
	d := newForgetfulWorld(t, db).connect(t, "olga", "acme")
	count := func(path string) int {
		d.do(t, scimStep{name: path, method: "GET", path: path, status: 200})
		c.take()
		d.do(t, scimStep{name: path, method: "GET", path: path, status: 200})
		return len(c.take())
	}
	paths := []string{"/Users?count=200", `/Users?filter=userName co "p" and not (active eq false)&sortBy=name.familyName`, "/Groups?count=200"}
	fill := func(i int) {
		d.do(t, scimStep{name: "create", method: "POST", path: "/Users", body: fmt.Sprintf(`{%s,"userName":"p%d@dir.example"}`, okUser, i), status: 201, keep: map[string]string{"last": "id"}})
		d.do(t, scimStep{name: "create", method: "POST", path: "/Groups", body: fmt.Sprintf(`{%s,"displayName":"g%d","members":[{"value":"{last}"}]}`, okGroup, i), status: 201})
	}
	var few []int
	fill(0)
	for _, path := range paths {
		few = append(few, count(path))
	}
	for i := range 30 {
		fill(i + 1)
	}
	for i, path := range paths {
		if many := count(path); many != few[i] {
			t.Errorf("%s takes %d statements for few and %d for many", path, few[i], many)
		}
	}
}

// patch is the body of a patch with one operation.
func patch(op, path string, value any) string {
	encoded, err := json.Marshal(map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": op, "path": path, "value": value}},
	})
	if err != nil {
		panic(err) // texts can be written as JSON
	}
	return string(encoded)
}

// status sends a request and returns what it answers, as a text.
func (d *provisioner) status(t testing.TB, method, path, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, d.w.url+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.bearer)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return strconv.Itoa(response.StatusCode)
}

// TestSCIMMakesPeopleOnce creates one person several times at once.
func TestSCIMMakesPeopleOnce(t *testing.T) {
	t.Parallel()
	d := newWorld(t, dbtest.Postgres(t)).connect(t, "olga", "acme")
	for round := range rounds() {
		body := fmt.Sprintf(`{%s,"userName":"twin%d@dir.example"}`, okUser, round)
		counts := tallyOf(together(4, func(int) string { return d.status(t, "POST", "/Users", body) }))
		if counts["201"] != 1 || counts["409"] != 3 {
			t.Fatalf("round %d: told %v", round, counts)
		}
		d.do(t, scimStep{name: "list", method: "GET", path: fmt.Sprintf(`/Users?filter=userName eq "twin%d@dir.example"`, round), status: 200, want: map[string]string{"totalResults": "1"}})
	}
}

// TestSCIMPlacesWhoGoes puts a person into a group while the person is deleted: the
// group never holds who is not there.
func TestSCIMPlacesWhoGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Postgres(t))
	d := w.connect(t, "olga", "acme")
	d.do(t, scimStep{name: "group", method: "POST", path: "/Groups", body: fmt.Sprintf(`{%s,"displayName":"crew"}`, okGroup), status: 201, keep: map[string]string{"group": "id"}})
	for round := range rounds() {
		d.do(t, scimStep{name: "person", method: "POST", path: "/Users", body: fmt.Sprintf(`{%s,"userName":"brief%d@dir.example"}`, okUser, round), status: 201, keep: map[string]string{"person": "id"}})
		results := together(2, func(i int) string {
			if i == 0 {
				return d.status(t, "DELETE", "/Users/"+d.kept["person"], "")
			}
			return d.status(t, "PATCH", "/Groups/"+d.kept["group"], patch("add", "members", []any{map[string]any{"value": d.kept["person"]}}))
		})
		if results[0] != "204" || results[1] == "500" {
			t.Fatalf("round %d: told %v", round, results)
		}
		d.do(t, scimStep{name: "members", method: "GET", path: "/Groups/{group}", status: 200, want: map[string]string{"members": "[]"}})
	}
	left := one(t, func() (int, error) {
		return w.platform.db.Client().GroupMember.Query().Where(groupmember.GroupID(w.parsed(t, d.kept["group"])), groupmember.MembershipIDNotNil()).Count(w.system(t))
	})
	if left != 0 {
		t.Errorf("%d places are left", left)
	}
}

// TestSCIMPatchesGroupsInFewStatements puts few and many people into a group at a
// time, and takes them out again.
func TestSCIMPatchesGroupsInFewStatements(t *testing.T) {
	t.Parallel()
	eachCounted(t, func(t *testing.T, w *world, c *tally) {
		d := w.connect(t, "olga", "acme")
		d.do(t, scimStep{name: "group", method: "POST", path: "/Groups", body: fmt.Sprintf(`{%s,"displayName":"crew"}`, okGroup), status: 201, keep: map[string]string{"group": "id"}})
		const many = 40
		var members []any
		for i := range many {
			d.do(t, scimStep{name: "person", method: "POST", path: "/Users", body: fmt.Sprintf(`{%s,"userName":"p%d@dir.example"}`, okUser, i), status: 201, keep: map[string]string{"person": "id"}})
			members = append(members, map[string]any{"value": d.kept["person"]})
		}
		step := func(op string, members []any) int {
			c.take()
			if got := d.status(t, "PATCH", "/Groups/"+d.kept["group"], patch(op, "members", members)); got != "200" && got != "204" {
				t.Errorf("%s of %d answers %s", op, len(members), got)
			}
			return len(c.take())
		}
		for _, op := range []string{"add", "remove"} {
			few, all := step(op, members[:2]), step(op, members[2:])
			if few == 0 || all > few {
				t.Errorf("%s: few take %d statements, many %d", op, few, all)
			}
		}
	})
}
