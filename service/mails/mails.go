package mails

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/thresholdfiring"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// How long links live. Those of invitations live as long as these do.
const (
	welcomeLives = 7 * 24 * time.Hour
	resetLives   = 24 * time.Hour
	verifyLives  = 24 * time.Hour
)

// Service writes and sends mails.
type Service struct {
	db      *database.DB
	records *records.Store
	issuer  token.Issuer
	// address is where people reach the platform, without a slash at its end.
	address string
	sender  mail.Sender
}

// New returns the service.
func New(db *database.DB, store *records.Store, issuer token.Issuer, address string, sender mail.Sender) *Service {
	return &Service{db: db, records: store, issuer: issuer, address: address, sender: sender}
}

// errStale says that there is nothing to say any more.
var errStale = errors.New("nothing to say any more")

// Send does a job of the kind records.MailJob, as the platform. It sends nothing
// and returns nil if what the letter is about is no longer so. It is hopeless if
// the server refuses the mail for good. The error holds no link.
func (s *Service) Send(ctx context.Context, payload []byte) error {
	var posted records.Letter
	if err := json.Unmarshal(payload, &posted); err != nil {
		return database.Hopeless(fmt.Errorf("read letter: %w", err))
	}
	letter, err := s.compose(ctx, posted)
	if errors.Is(err, errStale) {
		return nil
	}
	if err != nil {
		return err
	}
	message, err := mail.Render(letter)
	if err != nil {
		return database.Hopeless(err)
	}
	err = s.sender.Send(ctx, message)
	var refused *mail.RefusedError
	if errors.As(err, &refused) && refused.Permanent() {
		return database.Hopeless(err)
	}
	return err
}

// compose returns what a letter says now.
func (s *Service) compose(ctx context.Context, posted records.Letter) (mail.Letter, error) {
	letter := mail.Letter{Template: posted.Template}
	var err error
	switch posted.Template {
	case records.InvitationLetter, records.TransferLetter:
		err = s.invite(ctx, posted, &letter)
	case records.WelcomeLetter, records.ResetPasswordLetter, records.VerifyEmailLetter, records.SecurityLetter,
		records.OwnerLetter, records.FormerOwnerLetter:
		err = s.tellPerson(ctx, posted, &letter)
	case records.ImpersonationLetter:
		err = s.warn(ctx, posted, &letter)
	case records.SignUpAgainLetter:
		letter.To.Email, letter.Link = posted.Address, s.address
	case records.TicketLetter:
		err = s.answer(ctx, posted, &letter)
	case records.SpendingLetter:
		err = s.alert(ctx, posted, &letter)
	case records.BudgetLetter:
		err = s.tellBudget(ctx, posted, &letter)
	case records.StatementLetter:
		err = s.tellStatement(ctx, posted, &letter)
	case records.ExpiryLetter:
		err = s.tellExpiry(ctx, posted, &letter)
	default:
		err = database.Hopeless(fmt.Errorf("there is no letter %q", posted.Template))
	}
	if err != nil {
		return mail.Letter{}, err
	}
	return letter, s.dress(ctx, posted, &letter)
}

// invite fills in the letter of an invitation that still waits for an answer.
func (s *Service) invite(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().Invitation.Get(ctx, posted.Invitation)
	if err != nil {
		return staleIfGone(err, "invitation")
	}
	if row.Status != invitation.StatusPENDING || !s.db.Now().Before(row.ExpiresAt) {
		return errStale
	}
	letter.To.Email = row.Email
	if row.UserID != nil {
		person, err := s.person(ctx, *row.UserID)
		if err != nil {
			return err
		}
		letter.To.Name = person.Name
	}
	if letter.By, err = s.nameOf(ctx, row.InvitedBy); err != nil {
		return err
	}
	return s.link(letter, "/accept-invitation", token.Link{
		Purpose: token.AcceptInvitation, Subject: typeid.New(typeid.Invitation, row.ID), Count: row.SentCount, ExpiresAt: row.ExpiresAt,
	})
}

// tellPerson fills in a letter to somebody with an account.
func (s *Service) tellPerson(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	person, err := s.person(ctx, posted.User)
	if err != nil {
		return err
	}
	letter.To.Name, letter.To.Email = person.Name, person.Email
	if posted.Address != "" {
		letter.To.Email = posted.Address
	}
	link := token.Link{Subject: typeid.New(typeid.User, person.ID), Count: person.CredentialsVersion}
	switch posted.Template {
	case records.WelcomeLetter:
		if person.PasswordHash != "" {
			return errStale // They have chosen one.
		}
		link.Purpose, link.ExpiresAt = token.SetPassword, s.db.Now().Add(welcomeLives)
		return s.link(letter, "/set-password", link)
	case records.ResetPasswordLetter:
		link.Purpose, link.ExpiresAt = token.SetPassword, s.db.Now().Add(resetLives)
		return s.link(letter, "/set-password", link)
	case records.VerifyEmailLetter:
		if posted.Address == "" && person.EmailVerifiedAt != nil {
			return errStale
		}
		link.Purpose, link.Address, link.ExpiresAt = token.VerifyEmail, posted.Address, s.db.Now().Add(verifyLives)
		return s.link(letter, "/verify-email", link)
	default:
		return nil // It only tells.
	}
}

// warn fills in the letter about an impersonation, to the person.
func (s *Service) warn(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().Session.Get(ctx, posted.Session)
	if err != nil {
		return staleIfGone(err, "session")
	}
	person, err := s.person(ctx, row.UserID)
	if err != nil {
		return err
	}
	letter.To.Name, letter.To.Email = person.Name, person.Email
	letter.Reason, letter.Ends = row.Reason, row.ExpiresAt.UTC()
	if row.ImpersonatorID != nil {
		letter.By, err = s.nameOf(ctx, *row.ImpersonatorID)
	}
	return err
}

// alert fills in the letter about a threshold that was reached, to the address or
// the person that it is posted to.
func (s *Service) alert(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	row, err := s.db.Client().ThresholdFiring.Query().
		Where(thresholdfiring.ID(posted.Firing)).WithAllocation(func(q *ent.AllocationQuery) { q.WithGroup() }).Only(ctx)
	if err != nil {
		return staleIfGone(err, "firing")
	}
	if err := s.addressed(ctx, posted, letter); err != nil {
		return err
	}
	holder := row.Edges.Allocation
	names, err := records.NamesOf(ctx, s.db.Client(), []string{holder.Unit})
	if err != nil {
		return err
	}
	letter.Subject, letter.Since, letter.Severity, letter.Link = row.ThresholdName, row.Period, string(row.Severity), s.address
	if letter.Used, err = written(row.Used, names.Of(holder.Unit)); err == nil {
		letter.Total, err = written(row.Total, names.Of(holder.Unit))
	}
	if holder.Edges.Group != nil {
		letter.Group = holder.Edges.Group.Name
	}
	return err
}

// addressed fills in to whom a letter goes: the address or the person that it is
// posted to.
func (s *Service) addressed(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	if posted.Address != "" {
		letter.To.Email = posted.Address
		return nil
	}
	person, err := s.person(ctx, posted.User)
	if err != nil {
		return err
	}
	letter.To.Name, letter.To.Email = person.Name, person.Email
	return nil
}

// written returns a stored amount as a letter shows it.
func written(amount, unit string) (string, error) {
	d, err := money.Parse(amount)
	if err != nil {
		return "", fmt.Errorf("read amount: %w", err)
	}
	if currency, err := money.ParseCurrency(unit); err == nil {
		d = d.Round(currency.Digits())
	}
	return d.String() + " " + unit, nil
}

// answer fills in the letter about an answer to a ticket, to whoever opened it.
func (s *Service) answer(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	ticket, err := s.db.Client().Ticket.Get(ctx, posted.Ticket)
	if err != nil {
		return staleIfGone(err, "ticket")
	}
	to := posted.User
	if to == uuid.Nil {
		to = ticket.CreatedBy
	}
	person, err := s.person(ctx, to)
	if err != nil {
		return err
	}
	letter.To.Name, letter.To.Email = person.Name, person.Email
	letter.Subject, letter.Link = ticket.Subject, s.address
	return nil
}

// person returns somebody who has an account that is not locked.
func (s *Service) person(ctx context.Context, id uuid.UUID) (*ent.User, error) {
	row, err := s.db.Client().User.Get(ctx, id)
	if err != nil {
		return nil, staleIfGone(err, "account")
	}
	if row.Status == user.StatusLOCKED || row.Status == user.StatusDELETED {
		return nil, errStale
	}
	return row, nil
}

// nameOf returns the name of a person, "" for whoever is none.
func (s *Service) nameOf(ctx context.Context, id uuid.UUID) (string, error) {
	row, err := s.db.Client().User.Get(ctx, id)
	if ent.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("load who invites: %w", err)
	}
	return row.Name, nil
}

func staleIfGone(err error, what string) error {
	if ent.IsNotFound(err) {
		return errStale
	}
	return fmt.Errorf("load %s: %w", what, err)
}

// link signs a link to a page and puts it into a letter.
func (s *Service) link(letter *mail.Letter, page string, link token.Link) error {
	signed, err := s.issuer.SignLink(link)
	if err != nil {
		return err
	}
	letter.Link = s.address + page + "?token=" + url.QueryEscape(signed)
	letter.ExpiresAt = link.ExpiresAt
	return nil
}

// dress gives a letter the language and the look of its organization, which is
// the platform where it names none. What the person chose there goes first.
func (s *Service) dress(ctx context.Context, posted records.Letter, letter *mail.Letter) error {
	org, err := s.organization(ctx, posted.Organization)
	if err != nil {
		return err
	}
	if posted.Organization != uuid.Nil {
		letter.Organization = org.Name
	}
	values, err := s.valuesFor(ctx, org, posted.User)
	if err != nil {
		return err
	}
	if letter.Platform, err = textOf(values[publicName]); err != nil {
		return err
	}
	if letter.Locale, err = textOf(values[locale]); err != nil {
		return err
	}
	letter.Theme, err = themeOf(values[theme])
	return err
}

// organization returns an organization, the platform for nil.
func (s *Service) organization(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	if id == uuid.Nil {
		return s.records.Root(ctx)
	}
	org, err := s.records.Organization(ctx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return records.Organization{}, errStale
	}
	return org, err
}
