package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/mails"
)

// openSMTP returns what hands mails to the server of the configuration, or nil
// if that names none.
func openSMTP(m config.Mail) (mail.Sender, error) {
	if m.Server == "" {
		return nil, nil //nolint:nilnil // without a server there is a mailbox
	}
	server, err := mail.ParseServer(string(m.Server))
	if err != nil {
		return nil, err
	}
	from, err := mail.ParseSender(m.From)
	if err != nil {
		return nil, err
	}
	return mail.NewSMTP(server, from)
}

// sendBy makes the platform send mails. Without a sender they go into a mailbox,
// whose reader is returned, else nil.
func (p *platform) sendBy(s serving) func(context.Context) ([]byte, error) {
	sender := s.sender
	var read func(context.Context) ([]byte, error)
	if sender == nil {
		box := mail.NewMailbox(p.db.Now)
		sender, read = box, p.readerOf(box, s.demo)
	}
	p.services.Jobs.Handle(records.MailJob, mails.New(p.db, p.records, s.issuer, s.address, sender).Send)
	return read
}

// shownMail is a mail as the mailbox page reads it.
type shownMail struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	To     struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// readerOf returns what reads a mailbox: for everybody if it is open, else for
// administrators of the platform alone, because mails hold links that sign
// people in. UNAUTHENTICATED and FORBIDDEN for others.
func (p *platform) readerOf(box *mail.Mailbox, open bool) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		if err := p.checkReader(ctx, open); err != nil {
			return nil, err
		}
		list := []shownMail{}
		for _, m := range box.Messages() {
			shown := shownMail{Number: m.Number, At: m.At, Subject: m.Subject, Text: m.Text, HTML: m.HTML}
			shown.To.Name, shown.To.Email = m.To.Name, m.To.Email
			list = append(list, shown)
		}
		encoded, err := json.Marshal(list)
		if err != nil {
			return nil, fmt.Errorf("encode mails: %w", err)
		}
		return encoded, nil
	}
}

func (p *platform) checkReader(ctx context.Context, open bool) error {
	if open {
		return nil
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	root, err := p.records.Root(ctx)
	if err != nil {
		return err
	}
	if access.Check(viewer, access.PlatformWrite, root.Target()) != nil {
		return fault.New(fault.Forbidden, "only administrators of the platform read the mailbox")
	}
	return nil
}
