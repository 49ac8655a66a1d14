package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/signinflow"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Linking has three steps, so that nobody's identity is linked to an account that
// is not theirs. A person who is signed in begins; a browser goes to the provider
// and comes back with a code; the same person, signed in, hands in the code. Were
// the browser to link by itself, somebody could send a person the address that
// they began with, and that person's identity would be linked to their account.

// BeginLink returns where the viewer goes to link themself to a provider of an
// organization that they are a member of. FORBIDDEN for applications, API keys
// and whoever acts in another's place; NOT_FOUND for a provider of an
// organization that they are no member of, or that is not in use.
func (s *Service) BeginLink(ctx context.Context, provider uuid.UUID, returnTo string) (string, error) {
	viewer := access.ViewerFrom(ctx)
	if err := checkPerson(viewer); err != nil {
		return "", err
	}
	row, err := ownProvider(ctx, s.db.Client(), s.records, viewer, provider)
	if err != nil {
		return "", err
	}
	place, err := s.placeOf(returnTo)
	if err != nil {
		return "", fault.Invalidf("returnTo", "this is neither a path nor a URL of the platform")
	}
	ticket, err := s.secret()
	if err != nil {
		return "", err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "beginLinkIdentity", Organization: row.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		err := tx.SignInFlow.Create().
			SetID(tx.NewID()).SetProviderID(row.ID).SetOrganizationID(row.OrganizationID).SetLinking(true).SetUserID(uuid.UUID(viewer.ID)).
			SetStateHash(ticketHash(ticket)).SetNonce("").SetVerifier("").SetReturnTo(place).
			SetExpiresAt(tx.Now().Add(flowLifetime)).SetCreatedAt(tx.Now()).
			Exec(asPlatform(ctx)) // The guard keeps sign-ins that are under way for the platform.
		if err != nil {
			return fmt.Errorf("begin link: %w", err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return s.Address + startPath(row.ID) + "?" + url.Values{"link": {ticket}}.Encode(), nil
}

// ownProvider returns a provider in use of an organization that the viewer is a
// member of.
func ownProvider(ctx context.Context, client *ent.Client, store *records.Store, viewer access.Viewer, id uuid.UUID) (*ent.IdentityProvider, error) {
	row, err := client.IdentityProvider.Query().Where(identityprovider.ID(id), identityprovider.Enabled(true)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("identity provider")
	}
	if err != nil {
		return nil, fmt.Errorf("get identity provider: %w", err)
	}
	if _, ok := viewer.Standings[orgtree.ID(row.OrganizationID)]; !ok {
		return nil, fault.Missing("identity provider")
	}
	org, err := store.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, err
	}
	return row, access.CheckSelf(viewer, org.Target())
}

func ticketHash(ticket string) string { return hashOf("ticket " + ticket) }

// departToLink lets the browser that has the ticket of a link depart, once.
func departToLink(ctx context.Context, tx *database.Tx, provider *ent.IdentityProvider, a idp.Attempt, cookie, ticket string) error {
	query := tx.SignInFlow.Query().Where(signinflow.StateHash(ticketHash(ticket)), signinflow.Linking(true), signinflow.ProviderID(provider.ID))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return refused(errors.New("nobody began this link, or it departed before"))
	}
	if err != nil {
		return fmt.Errorf("find link: %w", err)
	}
	if !tx.Now().Before(row.ExpiresAt) {
		return refused(errors.New("the link took too long"))
	}
	err = row.Update().SetStateHash(stateHash(a.State, cookie)).SetNonce(a.Nonce).SetVerifier(a.Verifier).
		SetExpiresAt(tx.Now().Add(flowLifetime)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("begin sign-in: %w", err)
	}
	return nil
}

// linkCode returns a code that carries the subject, sealed, to the step in which
// it is linked.
func (s *Service) linkCode(flow *ent.SignInFlow, who idp.Identity, secret string) (string, error) {
	sealed, err := s.Keys.Seal(who.Subject, linkBinding(flow.ID))
	if err != nil {
		return "", err
	}
	return secret + "." + sealed, nil
}

func linkBinding(flow uuid.UUID) string { return "link " + flow.String() }

// Link links the viewer to what a provider calls them, for the code that their
// browser brought back from there. A code is good once and for a minute, and for
// whoever began: UNAUTHENTICATED else. CONFLICT for an identity that is
// somebody's already.
func (s *Service) Link(ctx context.Context, code string) (*LinkedIdentity, error) {
	viewer := access.ViewerFrom(ctx)
	if err := checkPerson(viewer); err != nil {
		return nil, err
	}
	organization, err := s.organizationOfCode(asPlatform(ctx), code)
	if err != nil {
		return nil, err
	}
	var made uuid.UUID
	_, err = s.db.Write(ctx, database.Entry{Action: "linkIdentity", Organization: organization}, func(ctx context.Context, tx *database.Tx) error {
		flow, err := takeCode(ctx, tx, code, true)
		if err != nil {
			return err
		}
		if *flow.UserID != uuid.UUID(viewer.ID) {
			return invalidCode()
		}
		_, sealed, _ := strings.Cut(code, ".")
		subject, err := s.Keys.Open(sealed, linkBinding(flow.ID))
		if err != nil {
			return fmt.Errorf("read the code: %w", err)
		}
		provider, err := ownProvider(ctx, tx.Client, s.records.In(tx), viewer, flow.ProviderID)
		if err != nil {
			return err
		}
		made, err = link(ctx, tx, provider, uuid.UUID(viewer.ID), subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.LinkedIdentity(ctx, made)
}

// ownLinks returns the predicate of the viewer's links, as far as their token
// reaches.
func ownLinks(viewer access.Viewer) predicate.LinkedIdentity {
	if viewer.Kind != access.User {
		return linkedidentity.IDIn()
	}
	own := linkedidentity.UserID(uuid.UUID(viewer.ID))
	if viewer.Organization.IsZero() {
		return own
	}
	return linkedidentity.And(own, linkedidentity.OrganizationID(uuid.UUID(viewer.Organization)))
}

// LinkedIdentities returns the viewer's links, the oldest first.
func (s *Service) LinkedIdentities(ctx context.Context) ([]*LinkedIdentity, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	return s.links(ctx, ownLinks(viewer))
}

// LinkedIdentity returns a link of the viewer's, or NOT_FOUND.
func (s *Service) LinkedIdentity(ctx context.Context, id uuid.UUID) (*LinkedIdentity, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	found, err := s.links(ctx, linkedidentity.And(linkedidentity.ID(id), ownLinks(viewer)))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.Missing("linked identity")
	}
	return found[0], nil
}

func (s *Service) links(ctx context.Context, where predicate.LinkedIdentity) ([]*LinkedIdentity, error) {
	rows, err := s.db.Client().LinkedIdentity.Query().Where(where).Order(ent.Asc(linkedidentity.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	homes, providers := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		homes[i], providers[i] = row.OrganizationID, row.ProviderID
	}
	organizations, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	names, err := s.providerNames(ctx, providers)
	if err != nil {
		return nil, err
	}
	list := make([]*LinkedIdentity, len(rows))
	for i, row := range rows {
		list[i] = &LinkedIdentity{
			ID: typeid.New(typeid.LinkedIdentity, row.ID), ProviderName: names[row.ProviderID], Organization: records.Refer(ctx, organizations[row.OrganizationID].Line()),
			Issuer: row.Issuer, Subject: row.Subject, CreatedAt: row.CreatedAt.UTC(),
		}
	}
	return list, nil
}

// providerNames returns what providers are called. Whoever is linked to one may
// know, even where they are a member of its organization no more, so the
// platform looks it up.
func (s *Service) providerNames(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	rows, err := s.db.Client().IdentityProvider.Query().Where(identityprovider.IDIn(ids...)).All(asPlatform(ctx))
	if err != nil {
		return nil, fmt.Errorf("load names of providers: %w", err)
	}
	names := make(map[uuid.UUID]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}

// Unlink removes a link of the viewer's. Sessions that are open stay open.
func (s *Service) Unlink(ctx context.Context, id uuid.UUID) error {
	viewer := access.ViewerFrom(ctx)
	if err := checkPerson(viewer); err != nil {
		return err
	}
	if _, err := s.LinkedIdentity(ctx, id); err != nil {
		return err
	}
	if err := s.records.CheckMaintenance(ctx); err != nil {
		return err
	}
	_, err := s.db.Write(ctx, database.Entry{Action: "unlinkIdentity"}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.LinkedIdentity.Query().Where(linkedidentity.ID(id), ownLinks(viewer))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return fault.Missing("linked identity")
		}
		if err != nil {
			return fmt.Errorf("lock link: %w", err)
		}
		tx.About(row.OrganizationID)
		if err := tx.LinkedIdentity.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete link: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.LinkedIdentity, ID: id, Organization: row.OrganizationID, Before: row})
		return nil
	})
	return err
}
