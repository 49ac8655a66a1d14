package sessions

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/token"
)

func invalidToken() error { return fault.New(fault.Unauthenticated, "the token is not valid") }

// Refresh returns new tokens for the refresh token of a session: the access token
// reaches one organization, or all if it is nil and the session is not bound to
// one. UNAUTHENTICATED, in the same words, for whatever is wrong with the token;
// NOT_FOUND for an organization that the session does not reach, which spends no
// token.
//
// A refresh token is good once. One that was used before ends the session:
// somebody has a copy, and nobody can tell who of the two is the person. Of two
// who come at once one is the second, so that this ends the session as well.
//
// The journal keeps none of it but the end of a session and the beginning of a
// grace period: another secret and a later time are nobody's decision.
func (s *Service) Refresh(ctx context.Context, text string, organization uuid.UUID) (*Tokens, error) {
	shown, err := token.ParseRefresh(text)
	if err != nil {
		return nil, err
	}
	row, err := s.shownSession(ctx, shown)
	if err != nil {
		return nil, err
	}
	a, err := s.withID(ctx, row.UserID)
	if err != nil {
		return nil, err
	}
	if !a.isOpen() {
		return nil, invalidToken()
	}
	b := begun{id: row.ID, person: row.UserID, organization: organization, expiresAt: row.ExpiresAt.UTC()}
	if shown.IsCurrent(row.RefreshHash) {
		if b.organization, err = s.reached(ctx, row, organization); err != nil {
			return nil, err
		}
	}
	if b.refresh, err = shown.Next(s.random); err != nil {
		return nil, err
	}
	rotated := false
	_, err = s.db.Write(asPerson(ctx, a.id(), a.row.Username), database.Entry{Action: "refreshSession"}, func(ctx context.Context, tx *database.Tx) error {
		tx.About(a.home())
		rotated, err = rotate(ctx, tx, a, shown, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !rotated {
		return nil, invalidToken()
	}
	return s.sign(b)
}

// shownSession returns the live session that a refresh token was made for.
func (s *Service) shownSession(ctx context.Context, shown token.Refresh) (*ent.Session, error) {
	row, err := s.db.Client().Session.Query().Where(session.ID(shown.Session())).Only(asSystem(ctx))
	if ent.IsNotFound(err) {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if !shown.IsOfFamily(row.FamilyHash) || stateAt(row, s.db.Now()) != Live {
		return nil, invalidToken()
	}
	return row, nil
}

// reached returns the organization that the next access token of a session is
// bound to: the one that is asked for, if the session gets into it, else the one
// that the session itself is bound to.
func (s *Service) reached(ctx context.Context, row *ent.Session, organization uuid.UUID) (uuid.UUID, error) {
	bound := uuid.Nil
	if row.OrganizationID != nil {
		bound = *row.OrganizationID
	}
	viewer, err := s.viewerOf(ctx, begun{id: row.ID, person: row.UserID, organization: bound})
	if err != nil {
		return uuid.Nil, err
	}
	if organization == uuid.Nil {
		return bound, nil
	}
	if _, ok := viewer.In(orgtree.ID(organization)); !ok {
		return uuid.Nil, fault.Missing("organization")
	}
	return organization, nil
}

// rotate gives a session its next secret. It ends the session and returns false
// if the token that was shown is not the current one. Who comes at the same time
// waits.
func rotate(ctx context.Context, tx *database.Tx, a account, shown token.Refresh, b begun) (bool, error) {
	row, err := lockSession(ctx, tx, b.id)
	if err != nil || stateAt(row, tx.Now()) != Live {
		return false, err
	}
	if !shown.IsCurrent(row.RefreshHash) {
		return false, end(ctx, tx, row, reusing, a.home())
	}
	if err := row.Update().SetRefreshHash(b.refresh.Hash()).SetLastSeenAt(tx.Now()).Exec(ctx); err != nil {
		return false, fmt.Errorf("rotate refresh token: %w", err)
	}
	bound := uuid.Nil
	if row.OrganizationID != nil {
		bound = *row.OrganizationID
	}
	if err := noteActivity(ctx, tx, a, bound); err != nil {
		return false, err
	}
	return true, settleGrace(ctx, tx, a, a.row, vouched(bound, row.Mfa))
}

// lockSession returns a session that stays as it is until the transaction ends,
// or NOT_FOUND.
func lockSession(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.Session, error) {
	query := tx.Session.Query().Where(session.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("session")
	}
	if err != nil {
		return nil, fmt.Errorf("lock session: %w", err)
	}
	return row, nil
}
