package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// admit returns who comes in by the word of a provider: whoever linked this
// identity; else the account with its verified address whose home is the
// provider's organization; else somebody new, where the provider may make people.
// They are put into the groups that the provider says.
func (s *Service) admit(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, org records.Organization, who idp.Identity) (uuid.UUID, error) {
	person, err := linkedTo(ctx, tx, provider, who)
	if err != nil {
		return uuid.Nil, err
	}
	if person == uuid.Nil {
		if person, err = s.introduce(ctx, tx, provider, org, who); err != nil {
			return uuid.Nil, err
		}
		if _, err := link(ctx, tx, provider, person, who.Subject); err != nil {
			return uuid.Nil, err
		}
	}
	account, member, err := usablePerson(ctx, tx, org.ID, person)
	if err != nil {
		return uuid.Nil, err
	}
	if err := activate(ctx, tx, account); err != nil {
		return uuid.Nil, err
	}
	return person, regroup(ctx, tx, provider, member, who.Texts(provider.GroupClaim))
}

// linkedTo returns who has linked an identity, or nil.
func linkedTo(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, who idp.Identity) (uuid.UUID, error) {
	row, err := tx.LinkedIdentity.Query().
		Where(linkedidentity.ProviderID(provider.ID), linkedidentity.Subject(who.Subject), linkedidentity.Issuer(who.Issuer)).
		Only(ctx)
	if ent.IsNotFound(err) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("find link: %w", err)
	}
	return row.UserID, nil
}

// introduce returns the account that an identity is to be linked to by its
// address, which is made where there is none. A verified address reaches nobody
// whose home is elsewhere, and not the owner: whoever configures a provider must
// not become them by it.
func (s *Service) introduce(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, org records.Organization, who idp.Identity) (uuid.UUID, error) {
	if !who.EmailVerified || roster.CheckEmail("email", who.Email) != nil {
		return uuid.Nil, refused(errors.New("the provider vouches for no address"))
	}
	account, err := roster.AccountByEmail(ctx, tx, who.Email)
	if err != nil {
		return uuid.Nil, err
	}
	if account == nil {
		return s.create(ctx, tx, provider, org, who)
	}
	if account.HomeOrganizationID == nil || *account.HomeOrganizationID != org.ID {
		return uuid.Nil, refused(fmt.Errorf("the home of account %s is elsewhere", account.ID))
	}
	_, member, err := usablePerson(ctx, tx, org.ID, account.ID)
	if err != nil {
		return uuid.Nil, err
	}
	if member.Owner {
		return uuid.Nil, refused(fmt.Errorf("account %s owns the organization and has not linked itself", account.ID))
	}
	return account.ID, nil
}

// create makes the account of somebody whom the organization does not know yet.
// That the provider vouches for the address counts in this organization only, so
// it is not kept as proof of it.
func (s *Service) create(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, org records.Organization, who idp.Identity) (uuid.UUID, error) {
	if !provider.CreatesUsers {
		return uuid.Nil, refused(errors.New("nobody has the address, and the provider makes no accounts"))
	}
	if org.Status != orgtree.Active {
		return uuid.Nil, refused(fmt.Errorf("the organization is %s", org.Status))
	}
	if err := roster.CheckRoom(ctx, tx, org, 1); err != nil {
		return uuid.Nil, err
	}
	name := who.Name
	if utf8.RuneCountInString(name) > maxPersonName {
		name = string([]rune(name)[:maxPersonName])
	}
	account, err := roster.CreateAccount(ctx, tx, roster.NewAccount{Email: who.Email, Name: name, Home: &org.ID})
	if err != nil {
		return uuid.Nil, err
	}
	_, err = roster.Join(ctx, tx, org, account.ID, roster.Joining{})
	return account.ID, err
}

// maxPersonName is how many characters the name of a person has.
const maxPersonName = 200

// link stores that an identity is a person's, and returns the link's id.
func link(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, person uuid.UUID, subject string) (uuid.UUID, error) {
	row, err := tx.LinkedIdentity.Create().
		SetID(tx.NewID()).SetUserID(person).SetOrganizationID(provider.OrganizationID).SetProviderID(provider.ID).
		SetIssuer(provider.Issuer).SetSubject(subject).SetCreatedAt(tx.Now()).
		Save(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("link identity: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.LinkedIdentity, ID: row.ID, Organization: row.OrganizationID, After: row})
	return row.ID, nil
}

// usablePerson returns an account and its place in an organization, unless one of
// them is locked or gone.
func usablePerson(ctx context.Context, tx *database.Tx, organization, person uuid.UUID) (*ent.User, *ent.Membership, error) {
	query := tx.User.Query().Where(user.ID(person), user.StatusNotIn(user.StatusLOCKED, user.StatusDELETED))
	query.Modify(tx.Lock)
	account, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil, refused(fmt.Errorf("account %s is locked or gone", person))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lock account: %w", err)
	}
	member, err := tx.Membership.Query().
		Where(membership.OrganizationID(organization), membership.UserID(person), membership.Locked(false)).
		Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil, refused(fmt.Errorf("account %s is no member of the organization, or locked there", person))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find membership: %w", err)
	}
	return account, member, nil
}

// activate puts an account into use that waited for its first sign-in.
func activate(ctx context.Context, tx *database.Tx, account *ent.User) error {
	if account.Status != user.StatusINVITED {
		return nil
	}
	after, err := account.Update().SetStatus(user.StatusACTIVE).SetVersion(account.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("activate account: %w", err)
	}
	change := database.Change{Kind: typeid.User, ID: account.ID, Before: account, After: after}
	if account.HomeOrganizationID != nil {
		change.Organization = *account.HomeOrganizationID
	}
	tx.Record(change)
	return nil
}

// LinkedIdentity is what a provider calls the viewer.
type LinkedIdentity struct {
	ID           typeid.ID
	ProviderName string
	Organization records.Reference
	Issuer       string
	Subject      string
	CreatedAt    time.Time
}

// Identity returns the id.
func (l *LinkedIdentity) Identity() typeid.ID { return l.ID }
