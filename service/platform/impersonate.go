package platform

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Bounds of an impersonation: how long it lasts, in minutes, and its reason, in
// characters.
const (
	maxMinutes = 60
	maxReason  = 500
)

// NewImpersonation is what impersonate is asked for.
type NewImpersonation struct {
	User   uuid.UUID
	Reason string
	// Minutes is how long it lasts, nil for as long as it may.
	Minutes *int
}

// Impersonated is what whoever impersonates is given.
type Impersonated struct {
	AccessToken string
	ExpiresAt   time.Time
	SessionID   typeid.ID
}

// Impersonate lets the viewer act in the place of a person for an hour at most.
// The person is told by mail, the owner of each of their organizations by a
// notice, and everything that is done names both. NOT_FOUND for somebody whom the
// viewer cannot see, FORBIDDEN as access.CheckImpersonation says, CONFLICT for an
// account that is locked, INVALID for a reason of none or more than 500
// characters.
func (s *Service) Impersonate(ctx context.Context, n NewImpersonation) (*Impersonated, error) {
	root, err := s.records.CheckPlatform(ctx, access.PlatformWrite)
	if err != nil {
		return nil, err
	}
	n.Reason = strings.TrimSpace(n.Reason)
	if length := utf8.RuneCountInString(n.Reason); length == 0 || length > maxReason {
		return nil, fault.Invalidf("reason", "a reason has 1 to %d characters", maxReason)
	}
	minutes := maxMinutes
	if n.Minutes != nil {
		minutes = *n.Minutes
	}
	if minutes < 1 || minutes > maxMinutes {
		return nil, fault.Invalidf("minutes", "an impersonation lasts 1 to %d minutes", maxMinutes)
	}
	person, err := s.person(ctx, n.User)
	if err != nil {
		return nil, err
	}
	home := root.ID
	if person.HomeOrganizationID != nil {
		home = *person.HomeOrganizationID
	}
	var row *ent.Session
	_, err = s.db.Write(ctx, database.Entry{Action: "impersonate", Organization: home, Reason: n.Reason}, func(ctx context.Context, tx *database.Tx) error {
		if err := s.checkPerson(ctx, tx, n.User, root); err != nil {
			return err
		}
		row, err = begin(ctx, tx, n, time.Duration(minutes)*time.Minute)
		if err != nil {
			return err
		}
		tx.Record(database.Change{Kind: typeid.Session, ID: row.ID, Organization: home, After: row})
		return s.announce(ctx, tx, person, home, row.ID)
	})
	if err != nil {
		return nil, err
	}
	return s.sign(row)
}

// person returns an account that the viewer can see, or NOT_FOUND.
func (s *Service) person(ctx context.Context, id uuid.UUID) (*ent.User, error) {
	row, err := s.db.Client().User.Query().Where(user.ID(id)).WithMemberships().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("user")
	}
	if err != nil {
		return nil, fmt.Errorf("get user: %w", err)
	}
	homes := make([]uuid.UUID, len(row.Edges.Memberships))
	for i, m := range row.Edges.Memberships {
		homes[i] = m.OrganizationID
	}
	found, err := s.records.Organizations(ctx, homes)
	if err != nil {
		return nil, err
	}
	for _, org := range found {
		if access.Check(access.ViewerFrom(ctx), access.UsersRead, org.Target()) == nil {
			return row, nil
		}
	}
	return nil, fault.Missing("user")
}

// checkPerson returns nil if the viewer may act in the place of a person. The
// person's account is locked until the transaction ends.
func (s *Service) checkPerson(ctx context.Context, tx *database.Tx, id uuid.UUID, root records.Organization) error {
	query := tx.User.Query().Where(user.ID(id))
	query.Modify(tx.Lock)
	person, err := query.Only(ctx)
	if ent.IsNotFound(err) || err == nil && person.Status == user.StatusDELETED {
		return fault.Missing("user")
	}
	if err != nil {
		return fmt.Errorf("lock user: %w", err)
	}
	there, err := s.standingIn(ctx, tx, id, root)
	if err != nil {
		return err
	}
	if err := access.CheckImpersonation(access.ViewerFrom(ctx), orgtree.ID(id), there, root.Target()); err != nil {
		return err
	}
	if person.Status == user.StatusLOCKED {
		return fault.New(fault.Conflict, "the account is locked")
	}
	return nil
}

// standingIn returns what a person is in the root, also while the membership is
// locked, or nil for somebody who is not in it.
func (s *Service) standingIn(ctx context.Context, tx *database.Tx, person uuid.UUID, root records.Organization) (*access.Standing, error) {
	rows, err := records.WithPlace(tx.Membership.Query().Where(membership.OrganizationID(root.ID), membership.UserID(person))).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load membership of the platform: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil //nolint:nilnil // not to be there is an answer
	}
	standings, err := s.records.In(tx).Standings(ctx, rows)
	if err != nil {
		return nil, err
	}
	return standings[rows[0].ID], nil
}

// begin writes the session of an impersonation.
func begin(ctx context.Context, tx *database.Tx, n NewImpersonation, lasting time.Duration) (*ent.Session, error) {
	viewer, now := access.ViewerFrom(ctx), tx.Now()
	address := ""
	if viewer.Address.IsValid() {
		address = viewer.Address.WithZone("").Unmap().String()
	}
	// The session is another person's, which is the point of it.
	row, err := tx.Session.Create().
		SetID(tx.NewID()).SetUserID(n.User).SetMethod(session.MethodIMPERSONATION).SetImpersonatorID(uuid.UUID(viewer.ID)).
		SetReason(n.Reason).SetAddress(address).SetUserAgent("").SetLastSeenAt(now).
		SetExpiresAt(now.Add(lasting).Truncate(time.Second)).SetCreatedAt(now).
		Save(database.Unguarded(ctx))
	if err != nil {
		return nil, fmt.Errorf("begin impersonation: %w", err)
	}
	return row, nil
}

// announce tells a person, and the owners of the organizations that they are a
// member of, that somebody acts in their place.
func (s *Service) announce(ctx context.Context, tx *database.Tx, person *ent.User, home, session uuid.UUID) error {
	rows, err := tx.Membership.Query().Where(membership.UserID(person.ID)).Order(ent.Asc(membership.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load memberships: %w", err)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.OrganizationID
	}
	organizations, err := s.records.In(tx).Organizations(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := records.AnnounceImpersonation(ctx, tx, organizations[id], person.Name); err != nil {
			return err
		}
	}
	return records.Post(ctx, tx, records.Letter{
		Template: records.ImpersonationLetter, Organization: home, User: person.ID, Session: session,
	})
}

// sign returns the token of an impersonation. There is no other, and no way to
// renew it.
func (s *Service) sign(row *ent.Session) (*Impersonated, error) {
	id, end := typeid.New(typeid.Session, row.ID), row.ExpiresAt.UTC()
	signed, err := s.issuer.Sign(token.Claims{Subject: typeid.New(typeid.User, row.UserID), Session: id, IssuedAt: row.CreatedAt.UTC(), ExpiresAt: end})
	if err != nil {
		return nil, fmt.Errorf("impersonate: %w", err)
	}
	return &Impersonated{AccessToken: signed, ExpiresAt: end, SessionID: id}, nil
}

// End ends the impersonation that the request belongs to and returns its
// session. The rest of the request is nobody's. FORBIDDEN for whoever acts in
// their own place.
func (s *Service) End(ctx context.Context) (typeid.ID, error) {
	viewer := access.ViewerFrom(ctx)
	switch {
	case viewer.IsAnonymous():
		return typeid.ID{}, fault.New(fault.Unauthenticated, "sign in first")
	case !viewer.IsImpersonated():
		return typeid.ID{}, fault.New(fault.Forbidden, "you act in your own place")
	}
	person, err := s.db.Client().User.Get(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return typeid.ID{}, fmt.Errorf("get user: %w", err)
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return typeid.ID{}, err
	}
	home, id := root.ID, uuid.UUID(viewer.SignIn.Session)
	if person.HomeOrganizationID != nil {
		home = *person.HomeOrganizationID
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "endImpersonation", Organization: home}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.Session.Query().Where(session.ID(id), session.EndedAtIsNil())
		query.Modify(tx.Lock)
		before, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return fault.New(fault.Unauthenticated, "the impersonation has ended")
		}
		if err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		after, err := before.Update().SetEndedAt(tx.Now()).SetEndReason(session.EndReasonSIGNED_OUT).SetVersion(before.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("end impersonation: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Session, ID: id, Organization: home, Before: before, After: after})
		return nil
	})
	if err != nil {
		return typeid.ID{}, err
	}
	access.Renew(ctx, access.Viewer{})
	return typeid.New(typeid.Session, id), nil
}

// Impersonation is what a front end shows as long as somebody acts in another's
// place.
type Impersonation struct {
	By        Impersonator
	Reason    string
	StartedAt time.Time
	EndsAt    time.Time
}

// Impersonator is who acts.
type Impersonator struct {
	ID   typeid.ID
	Name string
}

// Current returns the impersonation that the request belongs to, or nil.
func (s *Service) Current(ctx context.Context) (*Impersonation, error) {
	viewer := access.ViewerFrom(ctx)
	if !viewer.IsImpersonated() {
		return nil, nil //nolint:nilnil // no impersonation is an answer
	}
	row, err := s.db.Client().Session.Get(ctx, uuid.UUID(viewer.SignIn.Session))
	if err != nil {
		return nil, fmt.Errorf("get session: %w", err)
	}
	return &Impersonation{
		By:     Impersonator{ID: typeid.New(typeid.User, uuid.UUID(viewer.By.ID)), Name: viewer.By.Name},
		Reason: row.Reason, StartedAt: row.CreatedAt.UTC(), EndsAt: row.ExpiresAt.UTC(),
	}, nil
}
