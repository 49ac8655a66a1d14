package mail_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big" //nolint:depguard // what certificates are numbered with
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	gomail "github.com/wneessen/go-mail"

	"github.com/headwater-platform/headwater/mail"
)

// postOffice is an SMTP server that keeps what it is told.
type postOffice struct {
	mu       sync.Mutex
	mails    []string
	signedIn string
	// refusal is told to each recipient, unless it is nil.
	refusal *smtp.SMTPError
}

type visit struct{ office *postOffice }

func (o *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{o}, nil }
func (*visit) Reset()                                             {}
func (*visit) Logout() error                                      { return nil }
func (*visit) AuthMechanisms() []string                           { return []string{sasl.Plain} }
func (*visit) Mail(string, *smtp.MailOptions) error               { return nil }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if password != "p@ss/word" {
			return errors.New("wrong")
		}
		v.office.mu.Lock()
		defer v.office.mu.Unlock()
		v.office.signedIn = username
		return nil
	}), nil
}

func (v *visit) Rcpt(string, *smtp.RcptOptions) error {
	if v.office.refusal != nil {
		return v.office.refusal
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	v.office.mails = append(v.office.mails, string(text))
	return err
}

// open starts the office on the loopback and returns its port and how to trust
// its certificate.
func open(t *testing.T, office *postOffice, implicit bool) (port string, trust gomail.Option) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	server := smtp.NewServer(office)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Domain = "post.example"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return port, gomail.WithTLSConfig(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
}

func sender(t *testing.T, url string, options ...gomail.Option) *mail.SMTP {
	t.Helper()
	server, err := mail.ParseServer(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mail.NewSMTP(server, mail.Address{Name: "Cloud, Inc.", Email: "no-reply@cloud.example"}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message() mail.Message {
	return mail.Message{To: mail.Address{Name: "Jürgen", Email: "max@acme.example"}, Subject: "Grüße", Text: "plain äöü\n", HTML: "<p>coloured</p>"}
}

func TestSMTPOverTLS(t *testing.T) {
	t.Parallel()
	for scheme, implicit := range map[string]bool{"smtp": false, "smtps": true} {
		office := &postOffice{}
		port, trust := open(t, office, implicit)
		if err := sender(t, scheme+"://mailer:p%40ss%2Fword@127.0.0.1:"+port, trust).Send(t.Context(), message()); err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if len(office.mails) != 1 || office.signedIn != "mailer" {
			t.Fatalf("%s: %d mails of %q", scheme, len(office.mails), office.signedIn)
		}
		got, err := netmail.ReadMessage(strings.NewReader(office.mails[0]))
		if err != nil {
			t.Fatal(err)
		}
		to, err := got.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Name != "Jürgen" || to[0].Address != "max@acme.example" {
			t.Errorf("%s: to %v, %v", scheme, to, err)
		}
		from, err := got.Header.AddressList("From")
		if err != nil || from[0].Name != "Cloud, Inc." {
			t.Errorf("%s: from %v, %v", scheme, from, err)
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "multipart/alternative") || got.Header.Get("Auto-Submitted") != "auto-generated" || got.Header.Get("Message-Id") == "" {
			t.Errorf("%s: headers %v", scheme, got.Header)
		}
		body, _ := io.ReadAll(got.Body)
		if plain, coloured := bytes.Index(body, []byte("text/plain")), bytes.Index(body, []byte("text/html")); plain < 0 || coloured < plain {
			t.Errorf("%s: %s", scheme, body)
		}
	}
}

func TestSMTPDemandsEncryption(t *testing.T) {
	t.Parallel()
	office := &postOffice{}
	port, _ := open(t, office, false)
	for _, url := range []string{"smtp://127.0.0.1:" + port, "smtp://127.0.0.1:" + port + "?tls=required"} {
		err := sender(t, url).Send(t.Context(), message()) // The certificate is nobody's.
		var refused *mail.RefusedError
		if !errors.As(err, &refused) || refused.Permanent() {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := sender(t, "smtp://127.0.0.1:"+port+"?tls=none").Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	if len(office.mails) != 1 {
		t.Errorf("%d mails", len(office.mails))
	}
}

func TestRefusalsAreForNowOrForGood(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code      int
		permanent bool
	}{{451, false}, {421, false}, {550, true}, {552, true}} {
		office := &postOffice{refusal: &smtp.SMTPError{Code: tt.code, EnhancedCode: smtp.EnhancedCode{tt.code / 100, 1, 1}, Message: "secret-of-the-server"}}
		port, _ := open(t, office, false)
		err := sender(t, "smtp://127.0.0.1:"+port+"?tls=none").Send(t.Context(), message())
		var refused *mail.RefusedError
		if !errors.As(err, &refused) || refused.Permanent() != tt.permanent || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", tt.code, err)
		}
	}
}

func TestNobodyThereIsForNow(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	err = sender(t, "smtp://me:secret@"+address).Send(t.Context(), message())
	var refused *mail.RefusedError
	if !errors.As(err, &refused) || refused.Permanent() || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestServers(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]mail.Server{
		"smtp://mail.example":                                {Host: "mail.example", Port: 587, Policy: "required"},
		"smtps://mail.example/":                              {Host: "mail.example", Port: 465, Implicit: true, Policy: "required"},
		"smtp://me:p%40ss@mail.example:25?tls=opportunistic": {Host: "mail.example", Port: 25, Username: "me", Password: "p@ss", Policy: "opportunistic"},
		"smtp://[::1]:1025?tls=none":                         {Host: "::1", Port: 1025, Policy: "none"},
	} {
		if got, err := mail.ParseServer(url); err != nil || got != want {
			t.Errorf("%s is %+v, %v", url, got, err)
		}
	}
	for _, url := range []string{
		"", "mail.example:25", "http://mail.example", "smtp://", "smtp://me:secret@", "smtp://me:secret%@mail.example", "smtp://mail.example:0", "smtp://mail.example:secret",
		"smtp://mail.example/secret", "smtp://mail.example?tls=maybe", "smtp://mail.example?auth=secret", "smtps://mail.example?tls=none", "smtp://mail.example?tls=none&tls=required", "smtp://mail.example#secret",
	} {
		if got, err := mail.ParseServer(url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is %+v, %v", url, got, err)
		}
	}
}
