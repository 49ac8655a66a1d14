// Package outbound is how the platform calls addresses that its users name: the
// servers of identity providers and whatever else is configured by URL.
//
// It owns which addresses may be called, how long a call may take and how much
// it may answer. It does not own what is asked or what an answer means.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Policy says what may be called beside public addresses over TLS. The zero
// Policy allows nothing else.
type Policy struct {
	// Networks are not public and may be called all the same, such as those of
	// an identity provider inside a company. Over plain HTTP nothing is called
	// but loopback addresses in one of them.
	Networks []netip.Prefix
}

// What a call may take.
const (
	timeout     = 10 * time.Second
	connectTime = 5 * time.Second
	maxAnswer   = 1 << 20
	maxHeaders  = 64 << 10
)

// maxURL is how long a URL may be, in bytes.
const maxURL = 500

// CheckURL returns what is wrong with a URL that somebody wants called, in words
// that may be shown: it has to be absolute, without user, query and fragment, and
// https, or else a loopback address that the policy allows.
func (p Policy) CheckURL(text string) error {
	if len(text) > maxURL {
		return fmt.Errorf("a URL has at most %d bytes", maxURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return errors.New("this is no URL such as https://login.example")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return errors.New("the URL holds no user, query or fragment")
	}
	if !p.allowsScheme(u) {
		return errors.New("the URL begins with https://")
	}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil && !p.Allows(address) {
		return errors.New("this address may not be called")
	}
	return nil
}

// allowsScheme reports whether a URL may be called by its scheme.
func (p Policy) allowsScheme(u *url.URL) bool {
	switch strings.ToLower(u.Scheme) {
	case "https":
		return true
	case "http":
		address, err := netip.ParseAddr(u.Hostname())
		return err == nil && address.Unmap().IsLoopback() && p.Allows(address)
	default:
		return false
	}
}

// Allows reports whether an address may be called.
func (p Policy) Allows(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return isPublic(address) || slices.ContainsFunc(p.Networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// reserved are the networks that are no single public host's, beside those that
// netip knows: shared and special addresses, and those that lead to IPv4
// addresses by another name.
func reserved() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}

// isPublic reports whether an address is that of a host on the public internet.
func isPublic(address netip.Addr) bool {
	if !address.IsValid() || !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(reserved(), func(network string) bool { return netip.MustParsePrefix(network).Contains(address) })
}

// Client returns the client that upholds the policy. It looks at the address
// that a name stands for when it connects, so that a name cannot change its mind
// after it was checked; it follows no redirects, uses no proxy, and ends calls
// that take or answer too much.
func (p Policy) Client() *http.Client {
	dialer := &net.Dialer{Timeout: connectTime, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return p.checkAddress(address)
	}}
	return &http.Client{
		Timeout: timeout,
		Transport: transport{p, &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    connectTime,
			ResponseHeaderTimeout:  timeout,
			MaxResponseHeaderBytes: maxHeaders,
			MaxConnsPerHost:        4,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p Policy) checkAddress(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("call %s: %w", address, err)
	}
	if !p.Allows(to.Addr()) {
		return fmt.Errorf("the address %s may not be called", to.Addr())
	}
	return nil
}

// transport refuses schemes and cuts answers off.
type transport struct {
	policy Policy
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.policy.allowsScheme(r.URL) {
		return nil, fmt.Errorf("%s://%s is not called without TLS", r.URL.Scheme, r.URL.Host)
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &limited{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

// limited is a body that fails where it is too long.
type limited struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	n, err := l.ReadCloser.Read(b)
	if l.left -= n; l.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return n, err
}
