package mail

import (
	"context"
	"slices"
	"sync"
	"time"
)

// kept is how many mails a mailbox holds.
const kept = 200

// Mailbox keeps mails in memory where there is no SMTP, the latest 200, for
// whoever tries the platform out. It is gone with the process.
type Mailbox struct {
	now func() time.Time

	mu       sync.Mutex
	messages []Delivered
	count    int
}

// Delivered is a message in a mailbox.
type Delivered struct {
	// Number counts the messages of the mailbox, from 1.
	Number int
	At     time.Time
	Message
}

// NewMailbox returns an empty mailbox with a clock.
func NewMailbox(now func() time.Time) *Mailbox { return &Mailbox{now: now} }

// Send keeps a message.
func (b *Mailbox) Send(_ context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	at := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	b.messages = append(b.messages, Delivered{Number: b.count, At: at, Message: m})
	if len(b.messages) > kept {
		b.messages = slices.Delete(b.messages, 0, len(b.messages)-kept)
	}
	return nil
}

// Messages returns what is in the mailbox, the newest first.
func (b *Mailbox) Messages() []Delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Clone(b.messages)
	slices.Reverse(list)
	return list
}
