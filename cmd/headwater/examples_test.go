package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/demo"
)

// TestExamples asks every example of the playground as the administrator of the
// platform, who is offered as signed in, and as one of a partner.
func TestExamples(t *testing.T) {
	t.Parallel()
	url, logins := serveDemo(t)
	examples := examplesAt(t, url)
	if len(examples) < 10 {
		t.Errorf("there are only %d examples", len(examples))
	}
	for _, role := range []demo.Role{demo.PlatformAdmin, demo.PartnerAdmin} {
		for _, e := range examples {
			t.Run(string(role)+" "+e.name(), func(t *testing.T) {
				t.Parallel()
				answer := ask(t, url, logins[role], e.Query, withDates(t, e.Variables))
				var decoded struct {
					Data   json.RawMessage
					Errors []json.RawMessage
				}
				if err := json.Unmarshal(answer, &decoded); err != nil || len(decoded.Errors) > 0 {
					t.Fatalf("%v: %.2000s", err, answer)
				}
				if !strings.Contains(string(decoded.Data), `"name":`) && !strings.Contains(string(decoded.Data), `"key":`) {
					t.Errorf("it shows nothing: %.2000s", answer)
				}
			})
		}
	}
}

// serveDemo serves a small demo and returns its address and tokens by role.
func serveDemo(t *testing.T) (url string, tokens map[demo.Role]string) {
	t.Helper()
	timeline := demo.NewTimeline(1, clock, newID)
	options := dbtest.Options()
	options.Now, options.NewID = timeline.Now, timeline.NewID
	db, err := database.Open(t.Context(), dbtest.SQLiteURL(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := newPlatform(db, testBounds())
	made, err := demo.Generate(t.Context(), db, timeline, p.demoServices(), demo.Options{Seed: 1, Size: demo.Size{Organizations: 6, Users: 50}})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := temporaryIssuer()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := p.handler(serving{
		issuer: issuer, address: "http://headwater.test", demo: true, logger: slog.New(slog.DiscardHandler),
		limits: config.Limits{
			QueryCost: 100_000, QueryDepth: 20, QueryTokens: 10_000, BodyBytes: 1 << 20, UploadBytes: 64 << 20,
			RequestTimeout: time.Minute, RatePerMinute: 100_000, GuestRate: 100_000,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	tokens = map[demo.Role]string{}
	for _, login := range made.Logins {
		if tokens[login.Role] != "" {
			continue
		}
		if tokens[login.Role], err = p.tokenOf(t.Context(), issuer, login.Principal, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return server.URL, tokens
}

// playgroundExample is an example as the playground loads it.
type playgroundExample struct{ Query, Variables string }

// name returns the name of the operation, which titles the tab.
func (e playgroundExample) name() string {
	return regexp.MustCompile(`(?m)^query (\w+)`).FindStringSubmatch(e.Query)[1]
}

func examplesAt(t *testing.T, url string) []playgroundExample {
	t.Helper()
	response, err := http.Get(url + "/playground/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var examples []playgroundExample
	if err := json.Unmarshal(content, &examples); err != nil {
		t.Fatal(err)
	}
	return examples
}

// withDates puts in the days and months that variables ask for, as the
// playground does.
func withDates(t *testing.T, variables string) string {
	t.Helper()
	now := clock()
	return regexp.MustCompile(`\{\{(today|month)([+-]\d+)?\}\}`).ReplaceAllStringFunc(variables, func(hole string) string {
		unit, offset := hole[2:7], 0
		if text := hole[7 : len(hole)-2]; text != "" {
			var err error
			if offset, err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
		}
		if unit == "today" {
			return time.Date(now.Year(), now.Month(), now.Day()+offset, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		}
		return time.Date(now.Year(), now.Month()+time.Month(offset), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	})
}

func ask(t *testing.T, url, token, document, variables string) []byte {
	t.Helper()
	if strings.TrimSpace(variables) == "" {
		variables = "{}"
	}
	body, err := json.Marshal(map[string]any{"query": document, "variables": json.RawMessage(variables)})
	if err != nil {
		t.Fatalf("variables %s: %v", variables, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
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
