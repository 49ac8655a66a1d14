package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// NewUser is what createUser is asked for.
type NewUser struct {
	Organization uuid.UUID
	Username     string
	Email        string
	// Name is the username if empty.
	Name string
	// Password makes the account ACTIVE; without one it is INVITED.
	Password string
	Groups   []uuid.UUID
}

// maxPassword bounds the work of hashing.
const maxPassword = 1000

// Create makes an account with a membership and places in groups. A person without
// a password is mailed a link to set one. Needs
// users:write, and for the groups the right to grant what they grant. CONFLICT
// for a username or e-mail address that is taken.
func (s *Service) Create(ctx context.Context, n NewUser) (*Membership, error) {
	org, err := s.records.Check(ctx, access.UsersWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if n.Name == "" {
		n.Name = n.Username
	}
	if err := s.check(ctx, n, org); err != nil {
		return nil, err
	}
	hash := ""
	if n.Password != "" {
		hash, err = s.hasher.Hash(ctx, n.Password)
		if err != nil {
			return nil, err
		}
	}
	var id uuid.UUID
	_, err = s.db.Write(ctx, database.Entry{Action: "createUser", Organization: n.Organization}, func(ctx context.Context, tx *database.Tx) error {
		var err error
		id, err = s.create(ctx, tx, n, hash, org)
		return err
	})
	if err != nil {
		return nil, err
	}
	row, err := withPeople(s.db.Client().Membership.Query().Where(membership.ID(id))).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("get membership: %w", err)
	}
	return wrapMemberships([]*ent.Membership{row})[0], nil
}

func (s *Service) check(ctx context.Context, n NewUser, org records.Organization) error {
	for _, err := range []error{roster.CheckUsername(n.Username), roster.CheckEmail("email", n.Email), roster.CheckName(n.Name)} {
		if err != nil {
			return err
		}
	}
	if n.Password == "" {
		return nil
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return err
	}
	return s.checkPassword(ctx, n.Password, org)
}

func (s *Service) create(ctx context.Context, tx *database.Tx, n NewUser, hash string, org records.Organization) (uuid.UUID, error) {
	if err := roster.CheckRoom(ctx, tx, org, 1); err != nil {
		return uuid.Nil, err
	}
	groups, err := roster.GroupsToJoin(ctx, tx, n.Groups, org)
	if err != nil {
		return uuid.Nil, err
	}
	by, err := setter(ctx, tx, hash)
	if err != nil {
		return uuid.Nil, err
	}
	account, err := roster.CreateAccount(ctx, tx, roster.NewAccount{
		Username: n.Username, Email: n.Email, Name: n.Name, PasswordHash: hash, SetBy: by, Home: &n.Organization,
	})
	if err != nil {
		return uuid.Nil, err
	}
	if err := roster.CheckPlacing(ctx, tx, groups, records.Recipients{People: []uuid.UUID{account.ID}}, org, "createUser"); err != nil {
		return uuid.Nil, err
	}
	var joining roster.Joining
	for _, g := range groups {
		joining.Groups = append(joining.Groups, g.ID)
	}
	row, err := roster.Join(ctx, tx, org, account.ID, joining)
	if err != nil {
		return uuid.Nil, err
	}
	if hash != "" {
		return row.ID, nil
	}
	return row.ID, roster.Welcome(ctx, tx, org.ID, account)
}

// setter returns who knows the password of a new account: whoever makes it with
// one.
func setter(ctx context.Context, tx *database.Tx, hash string) (*uuid.UUID, error) {
	if hash == "" || access.ViewerFrom(ctx).IsSystem() {
		return nil, nil //nolint:nilnil // nobody is an answer here
	}
	id, err := records.Maker(ctx, tx)
	return &id, err
}
