package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// Session is a sign-in of the viewer as the API shows it.
type Session struct {
	ID     typeid.ID
	Method access.SignInMethod
	// SecondFactor says that one was shown or vouched for.
	SecondFactor bool
	// Address and Agent are where it began, "" if that is not known.
	Address    string
	UserAgent  string
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	// Current says that the request belongs to it.
	Current bool
}

// Mine returns the viewer's live sessions, the latest first. Who acts in the
// viewer's place, with an API key or with a token for one organization sees the
// own at most.
func (s *Service) Mine(ctx context.Context) ([]*Session, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return []*Session{}, nil
	}
	query := s.db.Client().Session.Query().
		Where(session.UserID(uuid.UUID(viewer.ID)), session.EndedAtIsNil(), session.ExpiresAtGT(s.db.Now())).
		Order(ent.Desc(session.FieldCreatedAt, session.FieldID)).Limit(2 * maxSessions)
	if checkOwnHands(viewer) != nil {
		query.Where(session.ID(uuid.UUID(viewer.SignIn.Session)))
	}
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	list := make([]*Session, len(rows))
	for i, row := range rows {
		list[i] = &Session{
			ID: typeid.New(typeid.Session, row.ID), Method: access.SignInMethod(row.Method), SecondFactor: row.Mfa,
			Address: row.Address, UserAgent: row.UserAgent, CreatedAt: row.CreatedAt.UTC(), LastSeenAt: row.LastSeenAt.UTC(),
			ExpiresAt: row.ExpiresAt.UTC(), Current: viewer.SignIn.Session == orgtree.ID(row.ID),
		}
	}
	return list, nil
}

// checkOwnHands returns nil for a person who acts themself and reaches all that
// is theirs. What they sign in with is for nobody else: not for an administrator
// in their place, not for a program with an API key of theirs, and not for whom
// one organization let in, which is not to become the way into the others.
func checkOwnHands(viewer access.Viewer) error {
	switch {
	case viewer.IsAnonymous():
		return fault.New(fault.Unauthenticated, "sign in first")
	case viewer.Kind != access.User:
		return fault.New(fault.Forbidden, "only people sign in")
	case viewer.IsImpersonated():
		return access.CheckOwnHands(viewer)
	case !viewer.Key.IsZero():
		return fault.New(fault.Forbidden, "a person does this, not an API key")
	case !viewer.Organization.IsZero():
		return fault.New(fault.Forbidden, "this takes a session that is not bound to one organization")
	default:
		return nil
	}
}

// SignOut ends the session that the request belongs to. CONFLICT for a token
// that has none.
func (s *Service) SignOut(ctx context.Context) error {
	viewer := access.ViewerFrom(ctx)
	if viewer.IsAnonymous() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	if viewer.SignIn.Session.IsZero() {
		return fault.New(fault.Conflict, "this request belongs to no session")
	}
	if err := s.endOne(ctx, uuid.UUID(viewer.SignIn.Session), signingOut, "signOut"); err != nil {
		return err
	}
	access.Renew(ctx, access.Viewer{})
	return nil
}

// Revoke ends a session of the viewer, which may be that of the request.
// NOT_FOUND for those of others and for one that is over.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) error {
	viewer := access.ViewerFrom(ctx)
	if err := checkOwnHands(viewer); err != nil {
		return err
	}
	if err := s.endOne(ctx, id, revoking, "revokeSession"); err != nil {
		return err
	}
	if viewer.SignIn.Session == orgtree.ID(id) {
		access.Renew(ctx, access.Viewer{})
	}
	return nil
}

// endOne ends a live session of the viewer, or returns NOT_FOUND.
func (s *Service) endOne(ctx context.Context, id uuid.UUID, by step, action string) error {
	_, err := s.db.Write(ctx, database.Entry{Action: action}, func(ctx context.Context, tx *database.Tx) error {
		home, err := homeOf(ctx, tx)
		if err != nil {
			return err
		}
		row, err := lockSession(ctx, tx, id)
		if err != nil {
			return err
		}
		if stateAt(row, tx.Now()) != Live {
			return fault.Missing("session")
		}
		return end(ctx, tx, row, by, home)
	})
	return err
}

// homeOf returns the organization that administers the viewer's account, or nil,
// and makes the entry of the journal one of it.
func homeOf(ctx context.Context, tx *database.Tx) (uuid.UUID, error) {
	row, err := tx.User.Get(ctx, uuid.UUID(access.ViewerFrom(ctx).ID))
	if err != nil {
		return uuid.Nil, fmt.Errorf("get account: %w", err)
	}
	if row.HomeOrganizationID == nil {
		return uuid.Nil, nil
	}
	tx.About(*row.HomeOrganizationID)
	return *row.HomeOrganizationID, nil
}

// RevokeOthers ends all sessions of the viewer but that of the request, and
// returns how many there were.
func (s *Service) RevokeOthers(ctx context.Context) (int, error) {
	viewer := access.ViewerFrom(ctx)
	if err := checkOwnHands(viewer); err != nil {
		return 0, err
	}
	ended := 0
	_, err := s.db.Write(ctx, database.Entry{Action: "revokeSessions"}, func(ctx context.Context, tx *database.Tx) error {
		home, err := homeOf(ctx, tx)
		if err != nil {
			return err
		}
		ended, err = endAll(ctx, tx, uuid.UUID(viewer.ID), uuid.UUID(viewer.SignIn.Session), revoking, home)
		return err
	})
	return ended, err
}

// endAll ends the live sessions of a person but one, which may be nil, and
// returns how many there were.
func endAll(ctx context.Context, tx *database.Tx, person, but uuid.UUID, by step, home uuid.UUID) (int, error) {
	query := tx.Session.Query().Where(session.UserID(person), session.IDNEQ(but), session.EndedAtIsNil(), session.ExpiresAtGT(tx.Now())).
		Order(ent.Asc(session.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return 0, fmt.Errorf("lock sessions: %w", err)
	}
	for _, row := range rows {
		if err := end(ctx, tx, row, by, home); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
