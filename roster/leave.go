package roster

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// OwnerCannotLeave is why the owner stays: an organization has one.
func OwnerCannotLeave() error {
	return fault.New(fault.OwnerImmutable, "the owner cannot leave; hand the organization over first").Because(fault.OwnerCannotLeave)
}

// Leave ends a locked membership with all that hangs on it: API keys, places in
// groups, own settings, trusted subjects, the sign-ins that are bound to the
// organization and an offer to take it over. Policies stay as orphans; invitations
// to other organizations, applications and their keys stay as they are. An account
// that the organization administers ends with its last membership, and belongs to
// its person alone if there is another. OWNER_IMMUTABLE for the owner.
func Leave(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	if member.Owner {
		return OwnerCannotLeave()
	}
	return End(ctx, tx, member)
}

// End is Leave for any member, also the owner of an organization that ends.
func End(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	ctx = system(ctx)
	for _, end := range []func(context.Context, *database.Tx, *ent.Membership) error{
		deleteKeys, orphanPolicies, leaveGroups, closeSettings, forgetSubjects, endVisits,
	} {
		if err := end(ctx, tx, member); err != nil {
			return err
		}
	}
	if err := CancelTransfersTo(ctx, tx, member.OrganizationID, member.UserID); err != nil {
		return err
	}
	if err := tx.Membership.DeleteOne(member).Exec(ctx); err != nil {
		return fmt.Errorf("delete membership: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Membership, ID: member.ID, Organization: member.OrganizationID, Before: member})
	return leaveHome(ctx, tx, member)
}

func deleteKeys(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	keys, err := tx.APIKey.Query().Where(apikey.MembershipID(member.ID)).Order(ent.Asc(apikey.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load API keys: %w", err)
	}
	for _, key := range keys {
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: key.OrganizationID, Before: key})
	}
	if _, err := tx.APIKey.Delete().Where(apikey.MembershipID(member.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete API keys: %w", err)
	}
	return nil
}

func orphanPolicies(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	return records.OrphanPolicies(ctx, tx, records.Recipients{Memberships: []uuid.UUID{member.ID}})
}

// leaveGroups records the places in groups, which end with the membership.
func leaveGroups(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	places, err := tx.GroupMember.Query().Where(groupmember.MembershipID(member.ID)).Order(ent.Asc(groupmember.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups of member: %w", err)
	}
	for _, place := range places {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: place.OrganizationID, Before: place})
	}
	return nil
}

func closeSettings(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	live, err := tx.SettingDirective.Query().Where(settingdirective.ScopeID(member.ID), settingdirective.ValidToIsNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("load settings of member: %w", err)
	}
	for _, row := range live {
		if _, err := tx.CloseDirective(ctx, row, tx.Now()); err != nil {
			return err
		}
	}
	return nil
}

func forgetSubjects(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	subjects, err := tx.TrustedSubject.Query().Where(trustedsubject.MembershipID(member.ID)).Order(ent.Asc(trustedsubject.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load trusted subjects: %w", err)
	}
	for _, subject := range subjects {
		tx.Record(database.Change{Kind: typeid.TrustedSubject, ID: subject.ID, Organization: subject.OrganizationID, Before: subject})
	}
	if _, err := tx.TrustedSubject.Delete().Where(trustedsubject.MembershipID(member.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete trusted subjects: %w", err)
	}
	return nil
}

// endVisits ends the sign-ins that are bound to the organization.
func endVisits(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	return EndSessions(ctx, tx, session.EndReasonREMOVED, session.UserID(member.UserID), session.OrganizationID(member.OrganizationID))
}

// leaveHome ends an account whose home was the organization of its last
// membership, or gives it to its person if there are others.
func leaveHome(ctx context.Context, tx *database.Tx, member *ent.Membership) error {
	query := tx.User.Query().Where(user.ID(member.UserID))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	if row.HomeOrganizationID == nil || *row.HomeOrganizationID != member.OrganizationID {
		return nil
	}
	elsewhere, err := tx.Membership.Query().Where(membership.UserID(row.ID)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for other memberships: %w", err)
	}
	if !elsewhere {
		return endAccount(ctx, tx, row, member.OrganizationID)
	}
	after, err := tx.User.UpdateOne(row).ClearHomeOrganizationID().SetVersion(row.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("leave home: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.User, ID: row.ID, Organization: member.OrganizationID, Before: row, After: after})
	return nil
}

// endAccount makes a locked account a tombstone, which says nothing about its
// person: the username and the address are free again.
func endAccount(ctx context.Context, tx *database.Tx, row *ent.User, home uuid.UUID) error {
	if err := EndSessions(ctx, tx, session.EndReasonREMOVED, session.UserID(row.ID)); err != nil {
		return err
	}
	links, err := tx.LinkedIdentity.Query().Where(linkedidentity.UserID(row.ID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load linked identities: %w", err)
	}
	for _, link := range links {
		tx.Record(database.Change{Kind: typeid.LinkedIdentity, ID: link.ID, Organization: link.OrganizationID, Before: link})
	}
	if _, err := tx.LinkedIdentity.Delete().Where(linkedidentity.UserID(row.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete linked identities: %w", err)
	}
	address := row.ID.String() + "@deleted.invalid"
	after, err := tx.User.UpdateOne(row).
		SetStatus(user.StatusDELETED).
		SetUsername("deleted").SetUsernameKey("deleted").SetEmail(address).SetEmailKey(address).SetName("Deleted user").
		ClearHomeOrganizationID().ClearEmailVerifiedAt().ClearCredentialsSetBy().
		SetPasswordHash("").SetTotpSecret("").SetMfaEnabled(false).ClearRecoveryCodes().
		SetCredentialsVersion(row.CredentialsVersion + 1).SetVersion(row.Version + 1).
		Save(ctx)
	if err != nil {
		return fmt.Errorf("end account: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.User, ID: row.ID, Organization: home, Before: row, After: after})
	return nil
}
