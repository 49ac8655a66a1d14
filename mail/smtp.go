package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// patience is how long a server may take to answer.
const patience = 30 * time.Second

// Server says how an SMTP server is reached.
type Server struct {
	Host               string
	Port               int
	Username, Password string
	// Implicit says that the connection is encrypted from its beginning.
	Implicit bool
	// Policy says whether a connection that begins in the clear is encrypted:
	// "required", "opportunistic" or "none".
	Policy string
}

// ParseServer reads a URL of the form smtp://USER:PASSWORD@HOST:PORT?tls=… or
// smtps://…. Without more it takes port 587 and demands STARTTLS; with smtps it
// takes port 465. The error never repeats the URL, which may hold a password.
func ParseServer(text string) (Server, error) {
	address, err := url.Parse(text)
	if err != nil {
		return Server{}, errors.New("not a URL of the form smtp://USER:PASSWORD@HOST:PORT; escape special characters of the password with %")
	}
	s := Server{Host: address.Hostname(), Port: 587, Policy: "required"}
	switch address.Scheme {
	case "smtp":
	case "smtps":
		s.Port, s.Implicit = 465, true
	default:
		return Server{}, errors.New("must begin with smtp:// or smtps://")
	}
	if s.Host == "" {
		return Server{}, errors.New("names no host")
	}
	if port := address.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return Server{}, errors.New("has no port from 1 to 65535")
		}
	}
	if path := address.Path; path != "" && path != "/" || address.Fragment != "" {
		return Server{}, errors.New("has something behind the host that is not ?tls=")
	}
	s.Username = address.User.Username()
	s.Password, _ = address.User.Password()
	return s, s.readOptions(address.Query())
}

func (s *Server) readOptions(options url.Values) error {
	for name, values := range options {
		if name != "tls" || s.Implicit || len(values) != 1 {
			return errors.New("takes no option but one tls, and that only with smtp://")
		}
		switch values[0] {
		case "required", "opportunistic", "none":
			s.Policy = values[0]
		default:
			return errors.New("tls is not required, opportunistic or none")
		}
	}
	return nil
}

// SMTP hands mails to an SMTP server.
type SMTP struct {
	server  Server
	from    Address
	options []mail.Option
}

// NewSMTP returns a sender whose mails come from an address. Options are added
// to those that follow from the server; tests trust their own certificates so.
func NewSMTP(server Server, from Address, options ...mail.Option) (*SMTP, error) {
	policies := map[string]mail.TLSPolicy{"required": mail.TLSMandatory, "opportunistic": mail.TLSOpportunistic, "none": mail.NoTLS}
	all := []mail.Option{mail.WithPort(server.Port), mail.WithTimeout(patience), mail.WithTLSPolicy(policies[server.Policy])}
	if server.Implicit {
		all = append(all, mail.WithSSL())
	}
	if server.Username != "" {
		all = append(all, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(server.Username), mail.WithPassword(server.Password))
	}
	s := &SMTP{server: server, from: from, options: append(all, options...)}
	_, err := mail.NewClient(server.Host, s.options...)
	if err != nil {
		return nil, fmt.Errorf("set up SMTP: %w", err)
	}
	return s, nil
}

// Send hands a message over on a connection of its own.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	written := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := written.FromFormat(s.from.Name, s.from.Email); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	if err := written.AddToFormat(m.To.Name, m.To.Email); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	written.Subject(m.Subject)
	written.SetGenHeader("Auto-Submitted", "auto-generated")
	written.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		written.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	client, err := mail.NewClient(s.server.Host, s.options...)
	if err != nil {
		return fmt.Errorf("set up SMTP: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, written); err != nil {
		return s.refused(err)
	}
	return nil
}

// RefusedError is why a server did not take a mail. It holds the server's number
// alone, because servers repeat what they were told.
type RefusedError struct {
	// Code is the server's, such as 550, or 0 where none was told.
	Code int
	// Enhanced is the server's finer code, such as "5.1.1", or "".
	Enhanced string
	// While is what was being done.
	While string
}

// Error tells the code and never the text of a mail.
func (r *RefusedError) Error() string {
	text := "the mail server failed while " + r.While
	if r.Code != 0 {
		text += ": " + strconv.Itoa(r.Code)
	}
	if r.Enhanced != "" {
		text += " " + r.Enhanced
	}
	return text
}

// Permanent reports whether the server will refuse the mail again.
func (r *RefusedError) Permanent() bool { return r.Code >= 500 && r.Code < 600 }

func (s *SMTP) refused(err error) error {
	var failure *mail.SendError
	if errors.As(err, &failure) {
		return &RefusedError{Code: failure.ErrorCode(), Enhanced: failure.EnhancedStatusCode(), While: failure.Reason.String()}
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return &RefusedError{While: "connecting to " + net.JoinHostPort(s.server.Host, strconv.Itoa(s.server.Port))}
	}
	return &RefusedError{While: "signing in or agreeing on encryption"}
}
