package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/tools/txtar"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

var update = flag.Bool("update", false, "rewrite the answers of the conversations")

// TestConversations plays every file of testdata/conversations against a fresh
// world on each database. A file is a story: its comment says what happens, and
// each step is who asks, what they ask and what they are told.
//
//	-- 1.paula.graphql --      a document, asked by paula
//	-- 1.variables.json --     its variables, if it has any
//	-- 1.json --               the answer
//	-- 2.olga.CreateGroup --   an operation of testdata/contract; the content is its variables
//	-- 2.json --
//
// In documents and variables {{acme}} stands for the id of a thing of the world
// and {{1.createGroup.group.id}} for a part of an earlier answer. Ids of answers
// that the world or an earlier step named are written as {{…}} again.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/conversations/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			if *update {
				play(t, file, dbtest.SQLite(t))
				return
			}
			dbtest.Each(t, func(t *testing.T, db *database.DB) { play(t, file, db) })
		})
	}
}

// play asks what a file asks and compares the answers.
func play(t *testing.T, file string, db *database.DB) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, db)
	answers := map[string]any{}
	changed := false
	for _, s := range stepsOf(t, archive) {
		answer := w.ask(t, s.actor, w.fill(t, s.document, answers), w.fill(t, s.variables, answers))
		var decoded map[string]any
		if err := json.Unmarshal(answer, &decoded); err != nil {
			t.Fatalf("step %s: the answer is no JSON: %v\n%s", s.number, err, answer)
		}
		answers[s.number] = decoded["data"]
		delete(decoded, "extensions")
		got := w.mask(pretty(t, decoded))
		if *update {
			changed = setFile(archive, s.number+".json", got) || changed
			continue
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("step %s by %s (-want +got):\n%s", s.number, s.actor, diff)
		}
	}
	if changed {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// step is one question of a conversation.
type step struct {
	number    string
	actor     string
	document  string
	variables string
	want      string
}

func stepsOf(t *testing.T, archive *txtar.Archive) []step {
	t.Helper()
	byNumber := map[string]*step{}
	var order []string
	for _, f := range archive.Files {
		number, rest, _ := strings.Cut(f.Name, ".")
		s := byNumber[number]
		if s == nil {
			s = &step{number: number}
			byNumber[number] = s
			order = append(order, number)
		}
		switch content := string(f.Data); {
		case rest == "json":
			s.want = content
		case rest == "variables.json":
			s.variables = content
		case strings.HasSuffix(rest, ".graphql"):
			s.actor, s.document = strings.TrimSuffix(rest, ".graphql"), content
		default:
			actor, operation, ok := strings.Cut(rest, ".")
			if !ok {
				t.Fatalf("what is %q?", f.Name)
			}
			s.actor, s.document, s.variables = actor, contract(t, operation), content
		}
	}
	list := make([]step, len(order))
	for i, number := range order {
		list[i] = *byNumber[number]
	}
	return list
}

// contract returns the operation of the client documents with this name, with
// the fragments that its document defines.
func contract(t *testing.T, operation string) string {
	t.Helper()
	files, err := filepath.Glob("testdata/contract/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if document, ok := operationOf(string(content), operation); ok {
			return document
		}
	}
	t.Fatalf("no client document has the operation %s", operation)
	return ""
}

// definition splits a document at the definitions, which begin at the margin.
func operationOf(content, name string) (string, bool) {
	definition := regexp.MustCompile(`(?m)^(query|mutation|fragment|subscription) (\w+)`)
	marks := definition.FindAllStringSubmatchIndex(content, -1)
	found, fragments := "", ""
	for i, mark := range marks {
		end := len(content)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		text := content[mark[0]:end]
		switch {
		case content[mark[2]:mark[3]] == "fragment":
			fragments += text
		case content[mark[4]:mark[5]] == name:
			found = text
		}
	}
	if strings.Contains(found, "...Effective") {
		found += fragments
	}
	return found, found != ""
}

func setFile(archive *txtar.Archive, name, content string) bool {
	for i, f := range archive.Files {
		if f.Name == name {
			same := string(f.Data) == content
			archive.Files[i].Data = []byte(content)
			return !same
		}
	}
	number, _, _ := strings.Cut(name, ".")
	at := len(archive.Files)
	for i, f := range archive.Files {
		if n, _, _ := strings.Cut(f.Name, "."); n == number {
			at = i + 1
		}
	}
	archive.Files = append(archive.Files[:at], append([]txtar.File{{Name: name, Data: []byte(content)}}, archive.Files[at:]...)...)
	return true
}

func pretty(t *testing.T, value any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// world is a small platform with people whom the conversations know by name.
//
//	platform            ada, its owner
//	└ northwind         a partner of paula's
//	  ├ fjord           a partner below it, of sven's
//	  │ └ cove          a customer of fjord, of cora's
//	  ├ acme            a customer, of olga's; max is a plain member
//	  └ bravo           a customer, of bob's
//	└ southgate         a partner of rita's, a stranger to northwind
type world struct {
	platform *platform
	url      string
	issuer   token.Issuer
	ids      map[string]string
	names    map[string]string
}

func newWorld(t *testing.T, db *database.DB) *world {
	t.Helper()
	w := &world{platform: newPlatform(db, orgtree.MaxDepth), ids: map[string]string{}, names: map[string]string{}}
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	keys, err := token.NewKeys(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = token.Issuer{Name: "headwater", Audience: "headwater", Keys: keys, Now: dbtest.Start}
	handler, err := w.platform.handler(serving{
		issuer: w.issuer, address: "http://headwater.test", demo: true, logger: slog.New(slog.DiscardHandler),
		limits: config.Limits{
			QueryCost: 100_000, QueryDepth: 20, QueryTokens: 10_000, BodyBytes: 1 << 20, UploadBytes: 64 << 20,
			RequestTimeout: time.Minute, RatePerMinute: 100_000,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.people(t)
	return w
}

// people makes the organizations and people of the world.
func (w *world) people(t *testing.T) {
	t.Helper()
	root, owner := bootstrapWorld(t, w.platform)
	w.name("platform", typeid.New(typeid.Organization, root))
	w.name("ada", typeid.New(typeid.User, owner))
	w.organization(t, "northwind", "PARTNER", "platform", "paula")
	w.organization(t, "southgate", "PARTNER", "platform", "rita")
	w.organization(t, "fjord", "PARTNER", "northwind", "sven")
	w.organization(t, "acme", "STANDARD", "northwind", "olga")
	w.organization(t, "bravo", "STANDARD", "northwind", "bob")
	w.organization(t, "cove", "STANDARD", "fjord", "cora")
	answer := w.must(t, "ada", `mutation($o: ID!) { createUser(input: {organizationId: $o, username: "max", email: "max@acme.example"}) { user { id } } }`,
		map[string]any{"o": w.ids["acme"]})
	w.ids["max"] = dig(answer, "createUser.user.id")
	w.names[w.ids["max"]] = "max"
}

func (w *world) name(name string, id typeid.ID) {
	w.ids[name] = id.String()
	w.names[id.String()] = name
}

func (w *world) organization(t *testing.T, slug, kind, manager, owner string) {
	t.Helper()
	answer := w.must(t, "ada", `mutation($i: CreateOrganizationInput!) { createOrganization(input: $i) { organization { id owner { id } } } }`,
		map[string]any{"i": map[string]any{
			"managedById": w.ids[manager], "slug": slug, "name": strings.ToUpper(slug[:1]) + slug[1:], "kind": kind,
			"ownerEmail": owner + "@" + slug + ".example",
		}})
	for name, path := range map[string]string{slug: "id", owner: "owner.id"} {
		id := dig(answer, "createOrganization.organization."+path)
		w.ids[name], w.names[id] = id, name
	}
}

// must asks and fails the test on errors.
func (w *world) must(t *testing.T, actor, document string, variables map[string]any) any {
	t.Helper()
	encoded, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   any
		Errors []any
	}
	raw := w.ask(t, actor, document, string(encoded))
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s asks %s: %s", actor, document, raw)
	}
	return answer.Data
}

// ask posts a document as an actor; "nobody" has no token, and "olga@acme" one
// that is bound to the organization.
func (w *world) ask(t *testing.T, actor, document, variables string) []byte {
	t.Helper()
	if strings.TrimSpace(variables) == "" {
		variables = "{}"
	}
	body, err := json.Marshal(map[string]any{"query": document, "variables": json.RawMessage(variables)})
	if err != nil {
		t.Fatalf("variables of %s: %v", actor, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if actor != "nobody" {
		request.Header.Set("Authorization", "Bearer "+w.token(t, actor))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (w *world) token(t *testing.T, actor string) string {
	t.Helper()
	username, slug, _ := strings.Cut(actor, "@")
	signed, err := w.platform.tokenFor(context.Background(), w.issuer, username, slug, time.Until(dbtest.Start())+20*365*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// fill puts ids and parts of earlier answers where {{…}} asks for them.
func (w *world) fill(t *testing.T, text string, answers map[string]any) string {
	t.Helper()
	return regexp.MustCompile(`\{\{[^}]+\}\}`).ReplaceAllStringFunc(text, func(hole string) string {
		name := strings.TrimSpace(hole[2 : len(hole)-2])
		if id, ok := w.ids[name]; ok {
			return id
		}
		number, path, _ := strings.Cut(name, ".")
		value := dig(answers[number], path)
		if value == "" {
			t.Fatalf("nothing is known of %s", hole)
		}
		if _, known := w.names[value]; !known {
			if _, err := typeid.Parse(value); err == nil {
				w.names[value] = name
			}
		}
		return value
	})
}

// mask writes known ids by their names, the longest first.
func (w *world) mask(text string) string {
	ids := make([]string, 0, len(w.names))
	for id := range w.names {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		text = strings.ReplaceAll(text, id, "{{"+w.names[id]+"}}")
	}
	return text
}

// dig returns the text at a path of fields and indexes, or "".
func dig(value any, path string) string {
	for _, part := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return ""
			}
			value = v[i]
		default:
			return ""
		}
	}
	text, ok := value.(string)
	if !ok && value != nil {
		return fmt.Sprint(value)
	}
	return text
}

func bootstrapWorld(t *testing.T, p *platform) (root, owner uuid.UUID) {
	t.Helper()
	root, owner, err := p.services.Organizations.Bootstrap(t.Context(), firstAdministrator())
	if err != nil {
		t.Fatal(err)
	}
	return root, owner
}
