package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
)

// BenchmarkCheckAccess asks one check per request beside a field that needs
// nothing, by the same clients on the same server in turns, and reports the
// requests per second of both and their ratio.
func BenchmarkCheckAccess(b *testing.B) {
	const turn = 100 // requests of each client
	for name, open := range map[string]func(testing.TB) *database.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			clients := newClients(b, w, "cora", 2*runtime.GOMAXPROCS(0))
			nothing := clients.body(b, `{ __typename }`, nil)
			check := clients.body(b, checkDocument, map[string]any{"checks": []map[string]any{{"permission": "settings:write", "resourceId": w.ids["cove"]}}})
			for _, body := range [][]byte{nothing, check} {
				clients.ask(b, body, turn)
			}
			var idle, checking time.Duration
			requests := 0
			for b.Loop() {
				idle += clients.ask(b, nothing, turn)
				checking += clients.ask(b, check, turn)
				requests += turn * clients.n
			}
			b.ReportMetric(float64(requests)/idle.Seconds(), "typename-req/s")
			b.ReportMetric(float64(requests)/checking.Seconds(), "checkAccess-req/s")
			b.ReportMetric(idle.Seconds()/checking.Seconds(), "ratio")
		})
	}
}

// clients ask at the same time, each over a connection of its own.
type clients struct {
	n      int
	url    string
	bearer string
	http   *http.Client
}

func newClients(b *testing.B, w *world, actor string, n int) *clients {
	b.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	b.Cleanup(transport.CloseIdleConnections)
	return &clients{n: n, url: w.url + "/graphql", bearer: "Bearer " + w.token(b, actor), http: &http.Client{Transport: transport}}
}

func (c *clients) body(b *testing.B, document string, variables map[string]any) []byte {
	b.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// ask lets every client ask n times and returns how long it took them.
func (c *clients) ask(b *testing.B, body []byte, n int) time.Duration {
	b.Helper()
	failures := make(chan error, c.n)
	var done sync.WaitGroup
	start := time.Now()
	for range c.n {
		done.Go(func() {
			for range n {
				if err := c.post(b, body); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	done.Wait()
	took := time.Since(start)
	close(failures)
	for err := range failures {
		b.Fatal(err)
	}
	return took
}

func (c *clients) post(b *testing.B, body []byte) error {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", c.bearer)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"errors"`))) {
		err = fmt.Errorf("%d: %s", response.StatusCode, answer)
	}
	return err
}
