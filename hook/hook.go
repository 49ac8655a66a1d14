// Package hook sends signed messages to addresses that users name, as Standard
// Webhooks 1.0 has it.
//
// It owns the secrets' form, the signature and what an answer means. It does not
// own which addresses may be called (outbound), nor what is sent to whom and when
// again (service/webhooks).
package hook

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/headwater-platform/headwater/outbound"
)

const (
	// secretPrefix is how Standard Webhooks tells secrets from other texts.
	secretPrefix = "whsec_"
	// secretSize is in bytes.
	secretSize = 32
	// maxRead is how much of an answer is read, in bytes, so that the connection can
	// be used again. Nothing of it is kept.
	maxRead = 64 << 10
)

// NewSecret returns a secret that signs messages, from a source of randomness.
func NewSecret(random io.Reader) (string, error) {
	raw := make([]byte, secretSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make webhook secret: %w", err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(raw), nil
}

// Message is what is sent.
type Message struct {
	// ID is the same whenever the message is sent.
	ID   string
	Body string
	// At is when it is sent.
	At time.Time
	// Secrets sign it, each by itself.
	Secrets []string
}

// Answer is how a call went.
type Answer struct {
	// Status is the HTTP status, 0 where there was no answer.
	Status int
	// TimedOut says that there was none in time.
	TimedOut bool
}

// Arrived reports whether the receiver has taken the message.
func (a Answer) Arrived() bool { return a.Status >= 200 && a.Status <= 299 }

// Gone reports whether the receiver wants no message any more.
func (a Answer) Gone() bool { return a.Status == http.StatusGone }

// Sender sends messages.
type Sender struct{ client *http.Client }

// NewSender returns a sender that calls what the policy allows.
func NewSender(policy outbound.Policy) *Sender { return &Sender{client: policy.Client()} }

// Send sends a message to a URL. It fails only where there is nothing to send: for
// secrets and URLs that are none.
func (s *Sender) Send(ctx context.Context, url string, m Message) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(m.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("call webhook: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Headwater-Webhooks")
	if err := sign(request.Header, m); err != nil {
		return Answer{}, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		var failure net.Error
		return Answer{TimedOut: errors.As(err, &failure) && failure.Timeout()}, nil
	}
	defer response.Body.Close()                                        //nolint:errcheck // nothing of it is kept
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxRead)) // the status says it all
	return Answer{Status: response.StatusCode}, nil
}

// sign sets the headers by which a receiver knows a message and who sends it.
func sign(header http.Header, m Message) error {
	signatures := make([]string, len(m.Secrets))
	for i, secret := range m.Secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return errors.New("sign webhook: the secret is none") // The error would say what it is.
		}
		if signatures[i], err = signer.Sign(m.ID, m.At, []byte(m.Body)); err != nil {
			return fmt.Errorf("sign webhook: %w", err)
		}
	}
	header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
