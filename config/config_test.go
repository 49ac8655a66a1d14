package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// TestMain forgets the settings of the shell that runs the tests.
func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "HEADWATER_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// parse reads the settings as a command does.
func parse(t *testing.T, file string, args ...string) (Config, error) {
	t.Helper()
	var cli struct {
		Config Config `embed:""`
	}
	options := []kong.Option{kong.Name("headwater"), kong.Writers(io.Discard, io.Discard)}
	if file != "" {
		resolver, err := File(strings.NewReader(file))
		if err != nil {
			return Config{}, err
		}
		options = append(options, kong.Resolvers(resolver))
	}
	parser, err := kong.New(&cli, options...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return cli.Config, err
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	got, err := parse(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		HTTP:     HTTP{Addr: "127.0.0.1:8080"},
		Database: Database{URL: "sqlite://headwater.db"},
		Tokens:   Tokens{SigningKeyFile: "headwater-signing-key.pem", Issuer: "headwater", Audience: "headwater"},
		Limits: Limits{
			QueryCost: 100_000, QueryDepth: 20, QueryTokens: 10_000, BodyBytes: 1 << 20, UploadBytes: 256 << 20,
			RequestTimeout: 30 * time.Second, RatePerMinute: 6000, GuestRate: 600, TreeDepth: 16, RecordsBytes: 256 << 20,
		},
		Log: Log{Level: "info", Format: "text"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOrderOfSources(t *testing.T) {
	const file = `
# where to listen
HEADWATER_ADDR = file:1
HEADWATER_ISSUER=from = the file
`
	t.Setenv("HEADWATER_AUDIENCE", "from-environment")
	got, err := parse(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTP.Addr != "file:1" || got.Tokens.Issuer != "from = the file" || got.Tokens.Audience != "from-environment" {
		t.Errorf("file over default: got %+v", got)
	}

	t.Setenv("HEADWATER_ADDR", "environment:2")
	if got, err = parse(t, file); err != nil || got.HTTP.Addr != "environment:2" {
		t.Errorf("environment over file: got %q, %v", got.HTTP.Addr, err)
	}
	if got, err = parse(t, file, "--addr=flag:3"); err != nil || got.HTTP.Addr != "flag:3" {
		t.Errorf("flag over environment: got %q, %v", got.HTTP.Addr, err)
	}
}

func TestBadFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, want string }{
		"unknown name":     {"HEADWATER_ADR=:1\nHEADWATER_BAT=", "there is no setting HEADWATER_ADR"},
		"no value":         {"\nHEADWATER_ADDR", "line 2: not NAME=VALUE"},
		"no name":          {"=x", "line 1: not NAME=VALUE"},
		"twice":            {"HEADWATER_ADDR=:1\nHEADWATER_ADDR=:2", "line 2: HEADWATER_ADDR is set twice"},
		"line too long":    {strings.Repeat("x", 1<<17), "read configuration file"},
		"not a number":     {"HEADWATER_LIMIT_QUERY_COST=many", "--limit-query-cost"},
		"out of its range": {"HEADWATER_LIMIT_QUERY_COST=0", "HEADWATER_LIMIT_QUERY_COST: 0 is not from 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, test.file)
			checkLine(t, err, test.want)
		})
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	tests := []struct{ variable, value string }{
		{"HEADWATER_ADDR", ""},
		{"HEADWATER_ADDR", "8080"},
		{"HEADWATER_ADDR", "localhost:http"},
		{"HEADWATER_ADDR", "localhost:65536"},
		{"HEADWATER_ADDR", "localhost:-1"},
		{"HEADWATER_ADDR", "a:1\nb"},
		{"HEADWATER_PUBLIC_URL", "cloud.example"},
		{"HEADWATER_PUBLIC_URL", "ftp://cloud.example"},
		{"HEADWATER_PUBLIC_URL", "https://"},
		{"HEADWATER_PUBLIC_URL", "https://me:secret@cloud.example"},
		{"HEADWATER_PUBLIC_URL", "https://cloud.example/?a=b"},
		{"HEADWATER_PUBLIC_URL", "https://cloud.example/#a"},
		{"HEADWATER_PUBLIC_URL", "https://%zzsecret"},
		{"HEADWATER_TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"},
		{"HEADWATER_TRUSTED_PROXIES", "10.0.0.0/33"},
		{"HEADWATER_TRUSTED_PROXIES", "10.0.0.1,,10.0.0.2"},
		{"HEADWATER_DATABASE_URL", ""},
		{"HEADWATER_DATABASE_URL", "headwater.db"},
		{"HEADWATER_DATABASE_URL", "sqlite://"},
		{"HEADWATER_SMTP_URL", "smtp://me:secret%@mail.example"},
		{"HEADWATER_SMTP_URL", "http://me:secret@mail.example"},
		{"HEADWATER_SMTP_URL", "smtp://me:secret@mail.example?tls=maybe"},
		{"HEADWATER_MAIL_FROM", "secret"},
		{"HEADWATER_DATABASE_URL", "sqlite://a.db?_pragma=secret"},
		{"HEADWATER_DATABASE_URL", "mysql://me:secret@localhost/db"},
		{"HEADWATER_DATABASE_URL", "postgres://me:secret@/db"},
		{"HEADWATER_DATABASE_URL", "postgres://me:secret%@localhost/db"},
		{"HEADWATER_DATABASE_URL", "host=localhost password=secret"},
		{"HEADWATER_SIGNING_KEY_FILE", ""},
		{"HEADWATER_ISSUER", " "},
		{"HEADWATER_AUDIENCE", ""},
		{"HEADWATER_LIMIT_QUERY_COST", "0"},
		{"HEADWATER_LIMIT_QUERY_COST", "1e6"},
		{"HEADWATER_LIMIT_QUERY_DEPTH", "101"},
		{"HEADWATER_LIMIT_QUERY_TOKENS", "-1"},
		{"HEADWATER_LIMIT_BODY_BYTES", "1023"},
		{"HEADWATER_LIMIT_UPLOAD_BYTES", "1099511627777"},
		{"HEADWATER_LIMIT_REQUEST_TIMEOUT", "999ms"},
		{"HEADWATER_LIMIT_REQUEST_TIMEOUT", "61m"},
		{"HEADWATER_LIMIT_REQUEST_TIMEOUT", "soon"},
		{"HEADWATER_LIMIT_RATE_PER_MINUTE", "0"},
		{"HEADWATER_LIMIT_GUEST_RATE_PER_MINUTE", "0"},
		{"HEADWATER_LIMIT_TREE_DEPTH", "17"},
		{"HEADWATER_LIMIT_TREE_DEPTH", "0"},
		{"HEADWATER_RECORDS_BYTES", "-1"},
		{"HEADWATER_LOG_LEVEL", "loud"},
		{"HEADWATER_LOG_FORMAT", "xml"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s=%q", test.variable, test.value), func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			_, err := parse(t, "")
			checkLine(t, err, test.variable)
		})
	}
}

func checkLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want an error with %q", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("tells a secret: %v", err)
	}
}

func TestRightValuesPass(t *testing.T) {
	tests := []struct{ variable, value string }{
		{"HEADWATER_ADDR", ":0"},
		{"HEADWATER_ADDR", "[::1]:8443"},
		{"HEADWATER_PUBLIC_URL", "https://cloud.example/base/"},
		{"HEADWATER_DATABASE_URL", "sqlite:///var/lib/headwater/a b%20c.db"},
		{"HEADWATER_DATABASE_URL", "postgres://me:secret@db.example:5433/headwater?sslmode=verify-full"},
		{"HEADWATER_DATABASE_URL", "postgresql://me@/headwater?host=/run/postgresql"},
		{"HEADWATER_LIMIT_REQUEST_TIMEOUT", "1m30s"},
		{"HEADWATER_LIMIT_TREE_DEPTH", "1"},
		{"HEADWATER_LOG_LEVEL", "debug"},
		{"HEADWATER_LOG_FORMAT", "json"},
	}
	for _, test := range tests {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			if _, err := parse(t, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	got, err := HTTP{TrustedProxies: []string{"10.1.2.3/8", " 192.0.2.7", "2001:db8::1"}}.Proxies()
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::1/128"),
	}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	listening := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	if got, want := (HTTP{}).BaseURL(listening), "http://127.0.0.1:4711"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	everywhere := &net.TCPAddr{IP: net.IPv6unspecified, Port: 4711}
	if got, want := (HTTP{}).BaseURL(everywhere), "http://localhost:4711"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (HTTP{PublicURL: "https://cloud.example/"}).BaseURL(listening), "https://cloud.example"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDatabaseURLHidesThePassword(t *testing.T) {
	t.Parallel()
	tests := map[DatabaseURL]string{
		"sqlite://data/headwater.db":                         "sqlite://data/headwater.db",
		"postgres://me:secret@db/x?sslmode=disable":          "postgres://me:xxxxx@db/x?sslmode=disable",
		"postgres://db/x?password=secret&sslpassword=secret": "postgres://db/x?password=xxxxx&sslpassword=xxxxx",
		"postgres://me:secret%@db/x":                         "xxxxx",
		"secret":                                             "xxxxx",
		"host=db password=secret://":                         "xxxxx",
	}
	for u, want := range tests {
		if got := u.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("start", "database", Database{u}, "url", u)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "database", Database{u}, "url", u)
		marshalled, err := json.Marshal(Database{u})
		if err != nil {
			t.Fatal(err)
		}
		if text := log.String() + string(marshalled) + fmt.Sprintf("%v %+v", u, Database{u}); strings.Contains(text, "secret") {
			t.Errorf("tells the secret: %s", text)
		}
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"debug", "info", "warn", "error"} {
		for format, want := range map[string]string{"text": "level=", "json": `"level":"`} {
			var out bytes.Buffer
			l := Log{Level: level, Format: format}.Logger(&out)
			for _, at := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
				l.Log(t.Context(), at, "x")
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if first := want + strings.ToUpper(level); !strings.Contains(lines[0], first) {
				t.Errorf("%s, %s: the first line is %q, want %q in it", level, format, lines[0], first)
			}
		}
	}
}
