package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"golang.org/x/tools/txtar"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/resolvers"
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
//	-- 2.olga.CreateGroup --   an operation of testdata/contract or testdata/operations;
//	                           the content is its variables
//	-- 2.json --
//	-- 3.store --              what no mutation does yet; see world.arrange
//	-- 4.max.raw --            the body of a request, as it stands
//	-- 6.paula.csv --          a file of usage, uploaded with ImportUsage
//	-- 6.variables.json --     its input, but for the file
//	-- 5.key2.graphql --       a document, asked with the API key or the token that
//	                           step 2 was told
//
// In documents and variables {{acme}} stands for the id of a thing of the world,
// {{1.createGroup.group.id}} for a part of an earlier answer, {{time 2}} for the
// time after step 2, {{invitation 1.….id 2}} for the link to an invitation as it
// was sent the second time, {{link set-password max}} for what another mailed link
// holds, see world.linkOf, {{code 2.beginSecondFactor.secret}} for a one-time code
// of a second factor, and {{provider}} for the address of an OpenID provider of
// somebody else. Answers are recorded so that they read well and do not
// depend on the order of the world's making: an id is the name of its thing or
// where it appeared first, a cursor shows what is in it, a revision counts from
// the finished world, and the time of a making is left open, as are secrets. Of steps, sources
// and whatever else has a level of the waterfall, members that are null are left
// out.
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
				db, clock := dbtest.SQLiteTimed(t)
				play(t, file, db, clock)
				return
			}
			dbtest.EachTimed(t, func(t *testing.T, db *database.DB, clock *dbtest.Clock) { play(t, file, db, clock) })
		})
	}
}

// play asks what a file asks and compares the answers.
func play(t *testing.T, file string, db *database.DB, clock *dbtest.Clock) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := conversation{world: newWorld(t, db), answers: map[string]any{}, times: map[string]string{}}
	c.world.clock = clock
	changed := false
	for _, s := range stepsOf(t, archive) {
		got := c.take(t, s)
		if strings.Contains(string(txtar.Format(archive)), "{{time "+s.number+"}}") {
			c.times[s.number] = db.Now().Format(time.RFC3339Nano)
		}
		switch {
		case s.actor == "":
		case *update:
			changed = setFile(archive, s.number+".json", got) || changed
		default:
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("step %s by %s (-want +got):\n%s", s.number, s.actor, diff)
			}
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
	number string
	// actor is empty where the store is arranged.
	actor     string
	document  string
	variables string
	// raw is a request body in place of document and variables, usage a file that
	// is uploaded.
	raw     string
	usage   string
	arrange string
	want    string
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
		case rest == "store":
			s.arrange = content
		case strings.HasSuffix(rest, ".raw"):
			s.actor, s.raw = strings.TrimSuffix(rest, ".raw"), strings.TrimSuffix(content, "\n")
		case strings.HasSuffix(rest, ".csv"):
			s.actor, s.usage, s.document = strings.TrimSuffix(rest, ".csv"), content, contract(t, "ImportUsage")
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

// contract returns the operation of the client documents with this name, or one
// of the tests' own, with the fragments that its document defines.
func contract(t *testing.T, operation string) string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.graphql")
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

// operationOf splits a document at its definitions, which begin at the margin,
// and returns the operation of the name with the fragments that it spreads.
func operationOf(content, name string) (string, bool) {
	definition := regexp.MustCompile(`(?m)^(query|mutation|fragment|subscription) (\w+)`)
	marks := definition.FindAllStringSubmatchIndex(content, -1)
	found, fragments := "", map[string]string{}
	for i, mark := range marks {
		end := len(content)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		text := content[mark[0]:end]
		switch {
		case content[mark[2]:mark[3]] == "fragment":
			fragments[content[mark[4]:mark[5]]] = text
		case content[mark[4]:mark[5]] == name:
			found = text
		}
	}
	if found == "" {
		return "", false
	}
	for fragment, text := range fragments {
		if regexp.MustCompile(`\.\.\.` + fragment + `\b`).MatchString(found) {
			found += text
		}
	}
	return found, true
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
	archive.Files = slices.Insert(archive.Files, at, txtar.File{Name: name, Data: []byte(content)})
	return true
}

// conversation is a world with what was said in it so far.
type conversation struct {
	world *world
	// answers are the data of earlier steps, times when they had been given.
	answers map[string]any
	times   map[string]string
}

// take asks what a step asks and returns the answer as it is recorded.
func (c *conversation) take(t *testing.T, s step) string {
	t.Helper()
	if s.actor == "" {
		c.world.arrange(t, c.fill(t, s.arrange))
		return ""
	}
	var answer []byte
	switch {
	case s.raw != "":
		answer = c.world.post(t, s.actor, []byte(c.fill(t, s.raw)))
	case s.usage != "":
		answer = c.world.upload(t, s.actor, s.document, json.RawMessage(c.fill(t, s.variables)), "variables.input.file", []byte(c.fill(t, s.usage)))
	default:
		answer = c.world.ask(t, s.actor, c.fill(t, s.document), c.fill(t, s.variables))
	}
	var decoded map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("step %s: the answer is no JSON: %v\n%s", s.number, err, answer)
	}
	c.remember(t, s.number, answer)
	delete(decoded, "extensions")
	c.christen(s.number, decoded["data"])
	if errors, ok := decoded["errors"].([]any); ok {
		// Fields are resolved at the same time, so their errors come in any order.
		slices.SortFunc(errors, func(a, b any) int { return strings.Compare(onOneLine(t, a), onOneLine(t, b)) })
	}
	return c.mask(pretty(t, c.plain(decoded, "")))
}

// remember keeps the data of an answer as they were told, and who can be asked
// with their secrets.
func (c *conversation) remember(t *testing.T, number string, answer []byte) {
	t.Helper()
	var told struct{ Data any }
	if err := json.Unmarshal(answer, &told); err != nil {
		t.Fatal(err)
	}
	c.answers[number] = told.Data
	fields, _ := told.Data.(map[string]any)
	for field := range fields {
		for _, secret := range []string{"secret", "accessToken"} {
			if bearer := dig(told.Data, field+"."+secret); bearer != "" {
				c.world.bearers["key"+number] = bearer
			}
		}
	}
}

// fill puts ids and parts of earlier answers where {{…}} asks for them.
func (c *conversation) fill(t *testing.T, text string) string {
	t.Helper()
	return regexp.MustCompile(`\{\{[^}]+\}\}`).ReplaceAllStringFunc(text, func(hole string) string {
		name := strings.TrimSpace(hole[2 : len(hole)-2])
		if id, ok := c.world.ids[name]; ok {
			return id
		}
		if name == "provider" {
			return c.world.providerURL(t)
		}
		if step, ok := strings.CutPrefix(name, "time "); ok && c.times[step] != "" {
			return c.times[step]
		}
		if rest, ok := strings.CutPrefix(name, "invitation "); ok {
			id, n, _ := strings.Cut(rest, " ")
			return c.world.invitationLink(t, c.fill(t, "{{"+id+"}}"), one(t, func() (int, error) { return strconv.Atoi(n) }))
		}
		if words, ok := strings.CutPrefix(name, "link "); ok {
			return c.world.linkOf(t, regexp.MustCompile(`\b[0-9]+\.\S+`).ReplaceAllStringFunc(words, func(path string) string { return c.told(path) }))
		}
		if path, ok := strings.CutPrefix(name, "code "); ok {
			return c.world.codeOf(t, c.told(path))
		}
		value := c.told(name)
		if value == "" {
			t.Fatalf("nothing is known of %s", hole)
		}
		return value
	})
}

// told returns a part of an earlier answer, such as 1.createGroup.group.id, or "".
func (c *conversation) told(name string) string {
	number, path, _ := strings.Cut(name, ".")
	return dig(c.answers[number], path)
}

// christen names the ids of an answer that nobody has named, by where they are.
func (c *conversation) christen(path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			c.christen(path+"."+key, v[key])
		}
	case []any:
		for i, element := range v {
			c.christen(path+"."+strconv.Itoa(i), element)
		}
	case string:
		if _, err := typeid.Parse(v); err == nil && c.world.names[v] == "" {
			c.world.name(path, v)
		}
	}
}

// plain returns an answer without what depends on the world's making and
// without the places of errors in documents.
func (c *conversation) plain(value any, key string) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = c.plain(member, name)
		}
		if id, _ := v["id"].(string); strings.HasPrefix(id, "inv_") && v["expiresAt"] != nil {
			v["expiresAt"] = "{{time}}" // So many days after its making.
		}
		if _, isError := v["message"]; isError {
			delete(v, "locations")
		}
		if _, isTold := v["accessToken"]; isTold && v["expiresAt"] != nil {
			v["expiresAt"] = "{{time}}"
		}
		if _, ofWaterfall := v["level"]; ofWaterfall {
			maps.DeleteFunc(v, func(_ string, member any) bool { return member == nil })
		}
		return v
	case []any:
		for i, element := range v {
			v[i] = c.plain(element, key)
		}
		return v
	case string:
		return c.plainText(v, key)
	default:
		return v
	}
}

func (c *conversation) plainText(text, key string) string {
	switch key {
	case "createdAt", "at", "lastSeenAt":
		return "{{time}}"
	case "purgeAt", "deactivatedAt", "deletedAt":
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at.Truncate(time.Minute).Format(time.RFC3339) // How often the clock was read does not matter.
		}
	case "secret", "signingSecret", "accessToken", "refreshToken", "accessKey", "uri", "recoveryCodes", "digest":
		return "{{" + key + "}}"
	case "code":
		if regexp.MustCompile(`^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$`).MatchString(text) { // of a voucher
			return "{{code}}"
		}
	case "cursor", "startCursor", "endCursor":
		return c.plainCursor(text)
	case "revision":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return fmt.Sprintf("%+d", n-c.world.revision)
		}
	}
	return plainSecond(text)
}

// plainSecond cuts a moment to its second, for the clock of a conversation goes
// on by a millisecond whenever it is looked at. Ends of days and years, which
// are a microsecond before the next, stay.
func plainSecond(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Nanosecond() == 999_999_000 {
		return text
	}
	return at.Truncate(time.Second).Format(time.RFC3339)
}

// plainCursor shows the values in a cursor, ids by name.
func (c *conversation) plainCursor(cursor string) string {
	var values []string
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(decoded, &values) != nil {
		return cursor
	}
	for i, value := range values {
		key, err := uuid.Parse(value)
		if err != nil {
			continue
		}
		values[i] = "?"
		for id, name := range c.world.names {
			if parsed, err := typeid.Parse(id); err == nil && parsed.UUID == key {
				values[i] = "{{" + name + "}}"
			}
		}
	}
	return "cursor of " + strings.Join(values, ", ")
}

// mask writes ids by their names.
func (c *conversation) mask(text string) string {
	if c.world.provider != nil {
		text = strings.ReplaceAll(text, c.world.provider.url, "{{provider}}")
	}
	return regexp.MustCompile(`\b[a-z]{3}_[0-9a-z]{26}\b`).ReplaceAllStringFunc(text, func(id string) string {
		if name, ok := c.world.names[id]; ok {
			return "{{" + name + "}}"
		}
		return id
	})
}

// lineWidth is how much of an answer stands on one line.
const lineWidth = 220

// pretty writes JSON with its keys sorted, short objects and lists on one line.
func pretty(t *testing.T, value any) string {
	t.Helper()
	return layOut(t, value, "") + "\n"
}

func layOut(t *testing.T, value any, indent string) string {
	t.Helper()
	line := onOneLine(t, value)
	if len(indent)+len(line) <= lineWidth {
		return line
	}
	var parts []string
	opening, closing := "{", "}"
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			parts = append(parts, onOneLine(t, key)+": "+layOut(t, v[key], indent+"  "))
		}
	case []any:
		opening, closing = "[", "]"
		for _, element := range v {
			parts = append(parts, layOut(t, element, indent+"  "))
		}
	default:
		return line
	}
	return opening + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + closing
}

func onOneLine(t *testing.T, value any) string {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range sortedKeys(v) {
			parts = append(parts, onOneLine(t, key)+": "+onOneLine(t, v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = onOneLine(t, element)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
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
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// TestEveryClientOperationIsPlayed wants a step for each operation of the tree,
// its people and its settings that the schema serves.
func TestEveryClientOperationIsPlayed(t *testing.T) {
	t.Parallel()
	played := map[string]bool{"SettingDefinitions": true} // by TestEverySettingAnswersEverywhere, for its length
	files, err := filepath.Glob("testdata/conversations/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			parts := strings.Split(f.Name, ".")
			played[parts[len(parts)-1]] = true
		}
	}
	schema, served := resolvers.NewSchema(&resolvers.Resolver{}).Schema(), 0
	for _, name := range []string{"1-identity", "2-tree", "3-settings"} {
		content, err := os.ReadFile("testdata/contract/" + name + ".graphql")
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range regexp.MustCompile(`(?m)^(?:query|mutation) (\w+)`).FindAllStringSubmatch(string(content), -1) {
			document, _ := operationOf(string(content), mark[1])
			if _, errs := gqlparser.LoadQueryWithRules(schema, document, rules.NewDefaultRules()); len(errs) > 0 {
				continue // It comes later.
			}
			served++
			if !played[mark[1]] {
				t.Errorf("nobody asks %s", mark[1])
			}
		}
	}
	if served < 25 {
		t.Errorf("only %d operations are served", served)
	}
}
