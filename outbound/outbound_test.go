package outbound_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/headwater-platform/headwater/outbound"
)

func loopback() outbound.Policy {
	return outbound.Policy{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"1.1.1.1": true, "93.184.215.14": true, "2606:4700:4700::1111": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false, "::ffff:10.0.0.1": false,
		"169.254.169.254": false, "fe80::1": false, "100.64.0.1": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:1::1": false, "::7f00:1": false, "192.0.0.192": false, "240.0.0.1": false,
	} {
		if got := (outbound.Policy{}).Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s may be called: %v, want %v", address, got, want)
		}
	}
	for address, want := range map[string]bool{"127.0.0.1": true, "::ffff:127.0.0.1": true, "10.0.0.1": false, "1.1.1.1": true} {
		if got := loopback().Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s may be called by whoever may call loopback: %v, want %v", address, got, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"https://login.example": true, "https://login.example/tenant/v2.0": true, "https://1.1.1.1:8443/x": true, "HTTPS://login.example": true,
		"http://login.example": false, "http://127.0.0.1:8080": false, "https://127.0.0.1": false, "https://[::1]": false, "https://169.254.169.254/latest": false,
		"https://user@login.example": false, "https://login.example?x=1": false, "https://login.example?": false, "https://login.example#x": false,
		"https://": false, "https://:443": false, "login.example": false, "/login": false, "ftp://login.example": false, "": false, "https://a b": false,
		"https://" + strings.Repeat("a", 500): false,
	} {
		if err := (outbound.Policy{}).CheckURL(text); (err == nil) != want {
			t.Errorf("%q: %v, want it to pass: %v", text, err, want)
		}
	}
	for text, want := range map[string]bool{"http://127.0.0.1:8080": true, "http://localhost:8080": false, "http://10.0.0.1": false, "https://127.0.0.1": true} {
		if err := loopback().CheckURL(text); (err == nil) != want {
			t.Errorf("%q with loopback: %v, want it to pass: %v", text, err, want)
		}
	}
}

func TestClientUpholdsThePolicy(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 2<<20))
		default:
			_, _ = io.WriteString(w, "here")
		}
	}))
	t.Cleanup(server.Close)
	get := func(p outbound.Policy, url string) (int, string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := p.Client().Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, string(text), err
	}
	if status, text, err := get(loopback(), server.URL+"/here"); err != nil || status != http.StatusOK || text != "here" {
		t.Errorf("an allowed address answers %d %q, %v", status, text, err)
	}
	if status, _, err := get(loopback(), server.URL+"/away"); err != nil || status != http.StatusFound {
		t.Errorf("a redirect answers %d, %v: it is not followed", status, err)
	}
	if _, _, err := get(loopback(), server.URL+"/long"); err == nil {
		t.Error("an endless answer is read to its end")
	}
	if _, _, err := get(outbound.Policy{}, server.URL); err == nil {
		t.Error("plain HTTP is called")
	}
	// A name that leads to a loopback address is found out when it is called.
	if _, _, err := get(outbound.Policy{}, "https://localhost"+server.URL[strings.LastIndex(server.URL, ":"):]); err == nil || !strings.Contains(err.Error(), "may not be called") {
		t.Errorf("a name that stands for a loopback address: %v", err)
	}
}
