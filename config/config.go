package config

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/orgtree"
)

// Config is what a serving process reads. A command that reads less embeds the
// parts that it needs.
type Config struct {
	HTTP     HTTP     `embed:"" group:"HTTP"`
	Database Database `embed:"" group:"Database"`
	Tokens   Tokens   `embed:"" group:"Tokens"`
	Outbound Outbound `embed:"" group:"Outbound"`
	Mail     Mail     `embed:"" group:"Mail"`
	Limits   Limits   `embed:"" group:"Limits"`
	Log      Log      `embed:"" group:"Log"`
}

// HTTP says where the process listens and how others see it.
type HTTP struct {
	Addr           string   `name:"addr" env:"HEADWATER_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen; port 0 takes a free one."`
	PublicURL      string   `name:"public-url" env:"HEADWATER_PUBLIC_URL" placeholder:"URL" help:"How clients reach the server; unset, the address it listens on."`
	TrustedProxies []string `name:"trusted-proxies" env:"HEADWATER_TRUSTED_PROXIES" placeholder:"IP-OR-CIDR" help:"Proxies whose X-Forwarded-For is believed; unset, none."`
}

// Database says where the data lives.
type Database struct {
	URL DatabaseURL `name:"database-url" env:"HEADWATER_DATABASE_URL" default:"sqlite://headwater.db" placeholder:"URL" help:"sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE."`
}

// Tokens says how access tokens are signed and whom they are for.
type Tokens struct {
	SigningKeyFile string `name:"signing-key-file" env:"HEADWATER_SIGNING_KEY_FILE" default:"headwater-signing-key.pem" placeholder:"FILE" help:"Ed25519 keys in PEM; created where there is none."`
	Issuer         string `name:"issuer" env:"HEADWATER_ISSUER" default:"headwater" help:"The issuer that tokens name; a constant of the installation."`
	Audience       string `name:"audience" env:"HEADWATER_AUDIENCE" default:"headwater" help:"The audience that tokens name."`
}

// Outbound says what the process may call, beside public addresses over TLS, when
// people configure where to.
type Outbound struct {
	Networks []string `name:"outbound-networks" env:"HEADWATER_OUTBOUND_NETWORKS" placeholder:"IP-OR-CIDR" help:"Networks that are not public and may be called all the same, such as that of an identity provider; unset, none. Loopback addresses among them are called without TLS too."`
}

// Mail says how mails leave. Without a server they stay in memory, where
// administrators of the platform read them at /mailbox.
type Mail struct {
	Server SMTPURL `name:"smtp-url" env:"HEADWATER_SMTP_URL" placeholder:"URL" help:"smtp://USER:PASSWORD@HOST:PORT, with ?tls=opportunistic or none where the server has no STARTTLS, or smtps://…; unset, mails are shown at /mailbox."`
	From   string  `name:"mail-from" env:"HEADWATER_MAIL_FROM" placeholder:"ADDRESS" help:"Whom mails come from, with or without a name; needed with an SMTP server."`
}

// Limits bound what one request, one client and one tree may take.
type Limits struct {
	QueryCost      int           `name:"limit-query-cost" env:"HEADWATER_LIMIT_QUERY_COST" default:"100000" help:"Greatest static cost of a GraphQL operation."`
	QueryDepth     int           `name:"limit-query-depth" env:"HEADWATER_LIMIT_QUERY_DEPTH" default:"20" help:"Greatest depth of a GraphQL operation."`
	QueryTokens    int           `name:"limit-query-tokens" env:"HEADWATER_LIMIT_QUERY_TOKENS" default:"10000" help:"Most tokens in a GraphQL document."`
	BodyBytes      int64         `name:"limit-body-bytes" env:"HEADWATER_LIMIT_BODY_BYTES" default:"1048576" help:"Greatest request body without files."`
	UploadBytes    int64         `name:"limit-upload-bytes" env:"HEADWATER_LIMIT_UPLOAD_BYTES" default:"268435456" help:"Greatest request body with files."`
	RequestTimeout time.Duration `name:"limit-request-timeout" env:"HEADWATER_LIMIT_REQUEST_TIMEOUT" default:"30s" help:"Longest time a request may take."`
	RatePerMinute  int           `name:"limit-rate-per-minute" env:"HEADWATER_LIMIT_RATE_PER_MINUTE" default:"6000" help:"Most requests per minute of one token."`
	GuestRate      int           `name:"limit-guest-rate-per-minute" env:"HEADWATER_LIMIT_GUEST_RATE_PER_MINUTE" default:"600" help:"Most requests per minute of one address without a valid token."`
	TreeDepth      int           `name:"limit-tree-depth" env:"HEADWATER_LIMIT_TREE_DEPTH" default:"16" help:"Greatest depth of an organization; the root has 0."`
	RecordsBytes   int64         `name:"records-bytes" env:"HEADWATER_RECORDS_BYTES" default:"268435456" help:"About how much memory records of organizations and people may take; 0 keeps none."`
}

// Log says what is written to standard error.
type Log struct {
	Level  string `name:"log-level" env:"HEADWATER_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	Format string `name:"log-format" env:"HEADWATER_LOG_FORMAT" default:"text" help:"text or json."`
}

// Validate checks all parts, in the order of their fields.
func (c Config) Validate() error {
	for _, part := range []interface{ Validate() error }{c.HTTP, c.Database, c.Tokens, c.Outbound, c.Mail, c.Limits, c.Log} {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks the address, the public URL and the proxies.
func (h HTTP) Validate() error {
	if err := checkAddr(h.Addr); err != nil {
		return err
	}
	if err := checkPublicURL(h.PublicURL); err != nil {
		return err
	}
	_, err := h.Proxies()
	return err
}

// BaseURL returns the URL, without a slash at its end, by which clients reach the
// server that listens on the address.
func (h HTTP) BaseURL(listening net.Addr) string {
	if h.PublicURL != "" {
		return strings.TrimSuffix(h.PublicURL, "/")
	}
	if tcp, ok := listening.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return "http://localhost:" + strconv.Itoa(tcp.Port)
	}
	return "http://" + listening.String()
}

// Proxies returns the trusted proxies; a single address is a network of one.
func (h HTTP) Proxies() ([]netip.Prefix, error) {
	return parseNetworks("HEADWATER_TRUSTED_PROXIES", h.TrustedProxies)
}

// Validate checks that the URL names a database of a known kind.
func (d Database) Validate() error { return d.URL.check() }

// Validate checks that nothing is empty.
func (t Tokens) Validate() error {
	for _, setting := range []struct{ variable, value string }{
		{"HEADWATER_SIGNING_KEY_FILE", t.SigningKeyFile},
		{"HEADWATER_ISSUER", t.Issuer},
		{"HEADWATER_AUDIENCE", t.Audience},
	} {
		if strings.TrimSpace(setting.value) == "" {
			return wrong(setting.variable, "must not be empty")
		}
	}
	return nil
}

// Validate checks the networks.
func (o Outbound) Validate() error {
	_, err := o.Allowed()
	return err
}

// Allowed returns the networks; a single address is a network of one.
func (o Outbound) Allowed() ([]netip.Prefix, error) {
	return parseNetworks("HEADWATER_OUTBOUND_NETWORKS", o.Networks)
}

// Validate checks the address of the server and whom mails come from.
func (m Mail) Validate() error {
	if m.Server != "" {
		if _, err := mail.ParseServer(string(m.Server)); err != nil {
			return wrong("HEADWATER_SMTP_URL", "%v", err)
		}
		if m.From == "" {
			return wrong("HEADWATER_MAIL_FROM", "must not be empty with an SMTP server")
		}
	}
	if m.From != "" {
		if _, err := mail.ParseSender(m.From); err != nil {
			return wrong("HEADWATER_MAIL_FROM", "%v", err)
		}
	}
	return nil
}

// Validate checks that each limit is in its range.
func (l Limits) Validate() error {
	for _, limit := range []struct {
		variable             string
		value, least, utmost int64
	}{
		{"HEADWATER_LIMIT_QUERY_COST", int64(l.QueryCost), 1, 1e9},
		{"HEADWATER_LIMIT_QUERY_DEPTH", int64(l.QueryDepth), 1, 100},
		{"HEADWATER_LIMIT_QUERY_TOKENS", int64(l.QueryTokens), 1, 1e6},
		{"HEADWATER_LIMIT_BODY_BYTES", l.BodyBytes, 1 << 10, 1 << 30},
		{"HEADWATER_LIMIT_UPLOAD_BYTES", l.UploadBytes, 1 << 10, 1 << 40},
		{"HEADWATER_LIMIT_RATE_PER_MINUTE", int64(l.RatePerMinute), 1, 1e6},
		{"HEADWATER_LIMIT_GUEST_RATE_PER_MINUTE", int64(l.GuestRate), 1, 1e6},
		{"HEADWATER_LIMIT_TREE_DEPTH", int64(l.TreeDepth), 1, orgtree.MaxDepth},
		{"HEADWATER_RECORDS_BYTES", l.RecordsBytes, 0, 1 << 40},
	} {
		if limit.value < limit.least || limit.value > limit.utmost {
			return wrong(limit.variable, "%d is not from %d to %d", limit.value, limit.least, limit.utmost)
		}
	}
	if l.RequestTimeout < time.Second || l.RequestTimeout > time.Hour {
		return wrong("HEADWATER_LIMIT_REQUEST_TIMEOUT", "%s is not from 1s to 1h", l.RequestTimeout)
	}
	return nil
}

// Validate checks the level and the format.
func (l Log) Validate() error {
	if _, ok := l.level(); !ok {
		return wrong("HEADWATER_LOG_LEVEL", "%q is not debug, info, warn or error", l.Level)
	}
	if l.Format != "text" && l.Format != "json" {
		return wrong("HEADWATER_LOG_FORMAT", "%q is not text or json", l.Format)
	}
	return nil
}

// Logger returns the logger that the valid settings describe.
func (l Log) Logger(w io.Writer) *slog.Logger {
	level, _ := l.level()
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (l Log) level() (slog.Level, bool) {
	switch l.Level {
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	default:
		return 0, false
	}
}

func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return wrong("HEADWATER_ADDR", "%q is not HOST:PORT", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return wrong("HEADWATER_ADDR", "%q has no port from 0 to 65535", addr)
	}
	return nil
}

func checkPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return wrong("HEADWATER_PUBLIC_URL", "not a URL such as https://cloud.example")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return wrong("HEADWATER_PUBLIC_URL", "must hold no user, query or fragment")
	}
	return nil
}

// parseNetworks returns the networks of a variable.
func parseNetworks(variable string, texts []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		network, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			return nil, wrong(variable, "%q is neither an IP address nor a network such as 10.0.0.0/8", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		return network.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}

// wrong returns the one line that stops the start.
func wrong(variable, format string, args ...any) error {
	return fmt.Errorf(variable+": "+format, args...)
}
