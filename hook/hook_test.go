package hook_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/hook"
	"github.com/headwater-platform/headwater/outbound"
)

// loopback may be called.
func loopback() outbound.Policy {
	return outbound.Policy{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func send(t *testing.T, ctx context.Context, url string) hook.Answer { //nolint:revive // the test comes first
	t.Helper()
	answer, err := hook.NewSender(loopback()).Send(ctx, url, message())
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// message is signed with 32 known bytes.
func message() hook.Message {
	return hook.Message{ID: "id", Body: "{}", At: time.Unix(1, 0), Secrets: []string{"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}
}

// TestSignature compares with what openssl says:
//
//	printf id.1.{} | openssl dgst -sha256 -hmac 01234567890123456789012345678901 -binary | base64
func TestSignature(t *testing.T) {
	t.Parallel()
	var got http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	if answer := send(t, t.Context(), server.URL); !answer.Arrived() {
		t.Errorf("answered %+v", answer)
	}
	for name, want := range map[string]string{
		"Webhook-Id": "id", "Webhook-Timestamp": "1", "Content-Type": "application/json",
		"Webhook-Signature": "v1,AL6ikMe4A9+Qqz+KrsKOA/8zPYKCmb1KYLz6tQLLjis=",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if string(body) != "{}" {
		t.Errorf("the body is %q", body)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect is followed") }))
	defer elsewhere.Close()
	for _, tt := range []struct {
		status        int
		arrived, gone bool
	}{
		{200, true, false}, {204, true, false}, {299, true, false}, {302, false, false}, {400, false, false}, {410, false, true}, {503, false, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(tt.status)
		}))
		answer := send(t, t.Context(), server.URL)
		server.Close()
		if answer.Status != tt.status || answer.Arrived() != tt.arrived || answer.Gone() != tt.gone || answer.TimedOut {
			t.Errorf("%d is %+v", tt.status, answer)
		}
		if closed := send(t, t.Context(), server.URL); closed.Status != 0 || closed.TimedOut {
			t.Errorf("nobody is there and it is %+v", closed)
		}
	}
}

func TestSlowReceiversTimeOut(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if answer := send(t, ctx, server.URL); !answer.TimedOut || answer.Arrived() {
		t.Errorf("answered %+v", answer)
	}
}

func TestAddressesInsideAreNotCalled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer server.Close()
	answer, err := hook.NewSender(outbound.Policy{}).Send(t.Context(), server.URL, message())
	if err != nil || answer.Status != 0 {
		t.Errorf("answered %+v, %v", answer, err)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	secret, err := hook.NewSecret(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil || secret != "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" {
		t.Errorf("got %q, %v", secret, err)
	}
	if _, err := hook.NewSecret(strings.NewReader("short")); err == nil {
		t.Error("there is a secret of too little")
	}
	m := message()
	m.Secrets = []string{"whsec_%hush%"}
	if _, err := hook.NewSender(loopback()).Send(t.Context(), "http://127.0.0.1", m); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}
