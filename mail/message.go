package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a message takes from others, in characters; an address in bytes.
const (
	maxAddress = 254
	maxName    = 80
	maxSubject = 150
	maxReason  = 500
)

// Address is where a mail goes. The name may be empty.
type Address struct {
	Name  string
	Email string
}

// NewAddress returns an address. It fails unless the e-mail address is one as it
// stands, so that it cannot become another header, and shortens the name.
func NewAddress(name, email string) (Address, error) {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Name != "" || parsed.Address != email || len(email) > maxAddress || hasControl(email) {
		return Address{}, errors.New("not an e-mail address")
	}
	return Address{Name: oneLine(name, maxName), Email: email}, nil
}

// ParseSender reads an address with or without a name, such as
// "Headwater <no-reply@cloud.example>".
func ParseSender(text string) (Address, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || hasControl(text) {
		return Address{}, errors.New("not an e-mail address such as no-reply@cloud.example or Cloud <no-reply@cloud.example>")
	}
	return NewAddress(parsed.Name, parsed.Address)
}

// Message is a mail that is ready to be sent. There is a text part always.
type Message struct {
	To      Address
	Subject string
	Text    string
	HTML    string
}

// check returns an error for a message whose header could say something else.
func (m Message) check() error {
	if _, err := NewAddress(m.To.Name, m.To.Email); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	if hasControl(m.To.Name) || hasControl(m.Subject) || m.Subject == "" {
		return errors.New("the name or the subject is not one line of text")
	}
	if m.Text == "" {
		return errors.New("the mail has no text")
	}
	return nil
}

// Sender takes mails to where they are read.
type Sender interface {
	// Send hands a message over. The error holds nothing of its text.
	Send(ctx context.Context, m Message) error
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// oneLine returns a text that others wrote without line breaks, control
// characters and marks that turn the direction of writing, and not longer than a
// number of characters.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		default:
			return r
		}
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:limit-1])) + "…"
}
