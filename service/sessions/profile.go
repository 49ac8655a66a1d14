package sessions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/roster"
)

// ProfileUpdate is what updateProfile is asked for; nil leaves a part as it is.
type ProfileUpdate struct {
	Username        *string
	Name            *string
	ExpectedVersion *int
}

// UpdateProfile changes what the viewer is called. The username of an account
// that an organization administers is for those who hold users:write there:
// FORBIDDEN for others. CONFLICT for a username that is taken.
func (s *Service) UpdateProfile(ctx context.Context, u ProfileUpdate) error {
	a, err := s.own(ctx)
	if err != nil {
		return err
	}
	if u.Username != nil && *u.Username != a.row.Username {
		if err := roster.CheckUsername(*u.Username); err != nil {
			return err
		}
		if err := s.checkRenaming(ctx, a); err != nil {
			return err
		}
	}
	if u.Name != nil {
		if err := roster.CheckName(*u.Name); err != nil {
			return err
		}
		if strings.TrimSpace(*u.Name) == "" {
			return fault.Invalidf("name", "a name has 1 to 200 characters")
		}
	}
	return s.change(ctx, a, "updateProfile", func(_ context.Context, _ *database.Tx, row *ent.User, set *ent.UserUpdateOne) error {
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		if u.Username != nil {
			set.SetUsername(*u.Username).SetUsernameKey(strings.ToLower(*u.Username))
		}
		if u.Name != nil {
			set.SetName(strings.TrimSpace(*u.Name))
		}
		return nil
	})
}

// checkRenaming returns FORBIDDEN unless the viewer may change usernames in the
// organization that administers the own account.
func (s *Service) checkRenaming(ctx context.Context, a account) error {
	if a.row.HomeOrganizationID == nil {
		return nil
	}
	if _, err := s.records.Check(ctx, access.UsersWrite, a.home()); err != nil {
		return fault.New(fault.Forbidden, "your organization chose the username; those who manage its users change it")
	}
	return nil
}

// Security is how safe the viewer's account is, for the viewer alone.
type Security struct {
	SecondFactor      bool
	RecoveryCodesLeft int
	EmailVerified     bool
	HasPassword       bool
	// OwnPassword is false as long as whoever set the password may know it.
	OwnPassword bool
}

// Security returns how safe the viewer's account is, or nil for an application.
func (s *Service) Security(ctx context.Context) (*Security, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return nil, nil //nolint:nilnil // an application has no account
	}
	row, err := s.db.Client().User.Get(ctx, uuid.UUID(viewer.ID))
	if err != nil {
		return nil, fmt.Errorf("get account: %w", err)
	}
	return &Security{
		SecondFactor: row.MfaEnabled, RecoveryCodesLeft: len(row.RecoveryCodes), EmailVerified: row.EmailVerifiedAt != nil,
		HasPassword: row.PasswordHash != "", OwnPassword: row.CredentialsSetBy == nil,
	}, nil
}

// GraceUntil returns when the first of the organizations that the token reaches
// shuts the viewer out, or has, unless they do what it demands; nil if none does.
func (s *Service) GraceUntil(ctx context.Context) (*time.Time, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind != access.User {
		return nil, nil //nolint:nilnil // nobody demands anything of an application
	}
	where := []predicate.Membership{membership.UserID(uuid.UUID(viewer.ID)), membership.Locked(false), membership.GraceUntilNotNil()}
	if !viewer.Organization.IsZero() {
		where = append(where, membership.OrganizationID(uuid.UUID(viewer.Organization)))
	}
	// An organization that has shut them out is in their reach no more.
	row, err := s.db.Client().Membership.Query().Where(where...).Order(ent.Asc(membership.FieldGraceUntil)).First(database.Unguarded(ctx))
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // nothing is demanded that is not done
	}
	if err != nil {
		return nil, fmt.Errorf("find grace period: %w", err)
	}
	until := row.GraceUntil.UTC()
	return &until, nil
}
