package organizations

import (
	"context"
	"fmt"
	"net/mail"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// FirstAdministrator is who bootstraps a platform.
type FirstAdministrator struct {
	Username string
	Email    string
	// PasswordHash is empty for an account that cannot sign in with a password.
	PasswordHash string
}

// Bootstrap makes the root of the tree and its owner, the first platform
// administrator, and returns their ids. It is run by the command line as the
// system; CONFLICT if there is a root.
func (s *Service) Bootstrap(ctx context.Context, first FirstAdministrator) (root, owner uuid.UUID, err error) {
	if first.Username == "" || strings.ContainsAny(first.Username, " @") {
		return uuid.Nil, uuid.Nil, fault.Invalidf("username", "a username has letters, digits, . and -")
	}
	if _, err := mail.ParseAddress(first.Email); err != nil {
		return uuid.Nil, uuid.Nil, fault.Invalidf("email", "this is no e-mail address")
	}
	root, owner = s.db.NewID(), s.db.NewID()
	ctx = access.WithViewer(ctx, access.SystemViewer("bootstrap"))
	_, err = s.db.Write(ctx, database.Entry{Action: "bootstrap", Organization: root}, func(ctx context.Context, tx *database.Tx) error {
		exists, err := tx.Organization.Query().Where(organization.KindEQ(orgtree.Platform)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look for the platform: %w", err)
		}
		if exists {
			return fault.New(fault.Conflict, "the platform is set up already")
		}
		return s.plant(ctx, tx, root, owner, first)
	})
	return root, owner, err
}

func (s *Service) plant(ctx context.Context, tx *database.Tx, root, owner uuid.UUID, first FirstAdministrator) error {
	_, err := roster.FoundAs(ctx, tx, root, roster.NewOrganization{Kind: orgtree.Platform, Status: orgtree.Active, Name: "Platform", Slug: "platform"})
	if err != nil {
		return err
	}
	now := s.db.Now()
	account, err := tx.User.Create().
		SetID(owner).
		SetUsername(first.Username).SetUsernameKey(strings.ToLower(first.Username)).
		SetEmail(first.Email).SetEmailKey(roster.EmailKey(first.Email)).SetEmailVerifiedAt(now).SetName(first.Username).
		SetStatus(user.StatusACTIVE).SetHomeOrganizationID(root).SetPasswordHash(first.PasswordHash).
		SetCreatedAt(now).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("create the first administrator: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.User, ID: owner, Organization: root, After: account})
	return roster.Own(ctx, tx, root, owner)
}
