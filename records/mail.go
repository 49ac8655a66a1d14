package records

import (
	"context"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
)

// MailJob is the kind of the jobs that send mails.
const MailJob = "mail"

// Letter says which mail is to be sent about what. It holds no secret: the links
// of a mail are signed when it is sent.
type Letter struct {
	// Template names the text, such as "invitation".
	Template string `json:"template"`
	// Organization is in whose name, theme and language it is written; nil is the
	// platform.
	Organization uuid.UUID `json:"organization"`
	// User is to whom, unless it is about an invitation or there is an address.
	User uuid.UUID `json:"user"`
	// Invitation, Ticket, Session and Firing are what it is about.
	Invitation uuid.UUID `json:"invitation"`
	Ticket     uuid.UUID `json:"ticket"`
	Session    uuid.UUID `json:"session,omitzero"`
	Firing     uuid.UUID `json:"firing,omitzero"`
	// BudgetAlert, Statement and PaymentMethod are, too.
	BudgetAlert   uuid.UUID `json:"budgetAlert,omitzero"`
	Statement     uuid.UUID `json:"statement,omitzero"`
	PaymentMethod uuid.UUID `json:"paymentMethod,omitzero"`
	// Address is to whom where that is nobody with an account. With a user it is
	// an address of theirs that their account does not have: the one that they want
	// to have, which the link of a VerifyEmailLetter then names, or the one that they
	// had before.
	Address string `json:"address,omitempty"`
}

// The templates of letters.
const (
	InvitationLetter    = "invitation"   // about an invitation, to its address
	TransferLetter      = "transfer"     // about an ownership transfer, to the person
	OwnerLetter         = "owner"        // to a person whom an organization was given to
	FormerOwnerLetter   = "former-owner" // to a person whose organization was given to another
	WelcomeLetter       = "welcome"      // to a person with a new account, to set a password
	ResetPasswordLetter = "reset-password"
	VerifyEmailLetter   = "verify-email"  // to a person, to prove the address
	SecurityLetter      = "security"      // to a person whose password or second factor was changed
	ImpersonationLetter = "impersonation" // to a person in whose place somebody acts
	SignUpAgainLetter   = "sign-up-again" // to an address that has an account and was to get another
	TicketLetter        = "ticket"        // to whoever opened a ticket that was answered
	SpendingLetter      = "spending"      // about a threshold that was reached, to its addresses or the owner
	BudgetLetter        = "budget"        // about an alert of a budget, to its addresses or who is told about bills
	StatementLetter     = "statement"     // about a statement that was issued, to whom the buyer has told about bills
	ExpiryLetter        = "expiry"        // about a payment method that expires, to who is told about bills
)

// Post makes a mail go out once the transaction has committed.
func Post(ctx context.Context, tx *database.Tx, l Letter) error {
	return tx.Enqueue(ctx, database.Job{Kind: MailJob, Payload: l, Organization: l.Organization})
}

// PostAll is Post for many mails, in few statements.
func PostAll(ctx context.Context, tx *database.Tx, letters []Letter) error {
	jobs := make([]database.Job, len(letters))
	for i, l := range letters {
		jobs[i] = database.Job{Kind: MailJob, Payload: l, Organization: l.Organization}
	}
	return tx.EnqueueAll(ctx, jobs)
}
