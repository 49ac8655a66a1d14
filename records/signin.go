package records

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/typeid"
)

// sessionNamed returns the sign-in of a person with an id, unless it is nil or
// has ended.
func (s *Store) sessionNamed(ctx context.Context, person, id uuid.UUID) (map[uuid.UUID]sessionRecord, error) {
	if id == uuid.Nil {
		return nil, nil //nolint:nilnil // no session is an answer here
	}
	row, err := s.client.Session.Query().Where(session.ID(id), session.UserID(person), session.EndedAtIsNil()).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // no session is an answer here
	}
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	return map[uuid.UUID]sessionRecord{id: sessionOf(row)}, nil
}

// signedIn returns a viewer as the sign-in of a request makes it: without the
// organizations that do not admit it, and with who acts in the viewer's place.
// sessions are those of the person that have not ended. It returns
// UNAUTHENTICATED for a sign-in that is over.
func (s *Store) signedIn(ctx context.Context, viewer access.Viewer, asked Session, sessions map[uuid.UUID]sessionRecord) (access.Viewer, error) {
	viewer.Circumstances = asked.Circumstances
	if asked.SignIn == uuid.Nil {
		return viewer.Admitted(), nil
	}
	in, ok := sessions[asked.SignIn]
	if !ok || !asked.At.Before(in.end) {
		return access.Viewer{}, invalidToken()
	}
	viewer.SignIn = access.SignIn{Session: orgtree.ID(asked.SignIn), Method: in.method, At: in.at, SecondFactor: in.secondFactor}
	if in.impersonator != uuid.Nil {
		by, err := s.impersonator(ctx, in.impersonator, viewer)
		if err != nil {
			return access.Viewer{}, err
		}
		viewer.By = by
	}
	return viewer.Admitted(), nil
}

// impersonator returns who acts in a person's place, or UNAUTHENTICATED if they
// may no more: they lost the platform, or the person got hold of it.
func (s *Store) impersonator(ctx context.Context, id uuid.UUID, person access.Viewer) (access.Actor, error) {
	viewer, err := s.Viewer(ctx, Session{Principal: typeid.New(typeid.User, id), Circumstances: person.Circumstances})
	if err != nil {
		return access.Actor{}, err
	}
	root, err := s.Root(ctx)
	if err != nil {
		return access.Actor{}, err
	}
	if access.CheckImpersonation(viewer, person.ID, person.Standings[orgtree.ID(root.ID)], root.Target()) != nil {
		return access.Actor{}, invalidToken()
	}
	return access.Actor{ID: viewer.ID, Name: viewer.Name}, nil
}
