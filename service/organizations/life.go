package organizations

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/roster"
)

// Activation is what activateOrganization is asked for.
type Activation struct {
	ID uuid.UUID
	// TermsVersion names the terms that the owner agrees to.
	TermsVersion string
	// PaymentMethod is what an external processor calls the means of payment.
	PaymentMethod string
}

// paymentDemanded is the setting that makes activation need a means of payment.
const paymentDemanded = "platform.activation_requires_payment_method"

// Activate takes a dormant organization into use. It is for the owner in person:
// FORBIDDEN for others, for API keys and for those who act in the owner's place.
// INVALID without the version of the terms; CONFLICT with
// PAYMENT_METHOD_REQUIRED where the platform demands one; CONFLICT for an
// organization that is active.
func (s *Service) Activate(ctx context.Context, a Activation) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgRead, a.ID)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if !viewer.Standing(orgtree.ID(org.ID)).Owner || !viewer.Key.IsZero() || viewer.IsImpersonated() {
		return nil, fault.New(fault.Forbidden, "only the owner can agree to the terms, in person")
	}
	if err := s.checkActivation(ctx, a); err != nil {
		return nil, err
	}
	activated, err := s.change(ctx, making{action: "activateOrganization"}, org, func(_ context.Context, tx *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		to, err := orgtree.Next(before.Status, orgtree.Activating, before.LockedBy != nil)
		if err != nil {
			return err
		}
		set.SetStatus(to).SetTermsVersion(a.TermsVersion).SetTermsAcceptedAt(tx.Now())
		if a.PaymentMethod != "" {
			set.SetPaymentMethodReference(a.PaymentMethod)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return activated, s.records.Renew(ctx)
}

func (s *Service) checkActivation(ctx context.Context, a Activation) error {
	const maxVersion, maxPayment = 100, 200
	if n := utf8.RuneCountInString(a.TermsVersion); n == 0 || n > maxVersion {
		return fault.Invalidf("termsVersion", "the version of the terms has 1 to %d characters", maxVersion)
	}
	if utf8.RuneCountInString(a.PaymentMethod) > maxPayment {
		return fault.Invalidf("paymentMethodReference", "a reference to a means of payment has at most %d characters", maxPayment)
	}
	root, err := s.records.Root(ctx)
	if err != nil {
		return err
	}
	demanded, err := s.records.Value(ctx, root, paymentDemanded)
	if err != nil {
		return err
	}
	if demanded.Bool() && a.PaymentMethod == "" {
		return fault.New(fault.Conflict, "the platform demands a means of payment before an organization is activated").Because(fault.PaymentMethodRequired)
	}
	return nil
}

// confirmation is the word that whoever deactivates an organization types.
const confirmation = "Deactivate"

// Deactivation is what deactivateOrganization is asked for.
type Deactivation struct {
	ID      uuid.UUID
	Confirm string
	// Reason may be empty.
	Reason string
}

// Deactivate closes an organization, which can be reopened until it is purged.
// Needs org:deactivate. INVALID for another word than the one to type; CONFLICT
// for the platform and, with HAS_MANAGED_ORGS, while it manages others. An
// ownership transfer that is under way is cancelled.
func (s *Service) Deactivate(ctx context.Context, d Deactivation) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgDeactivate, d.ID)
	if err != nil {
		return nil, err
	}
	if org.Kind == orgtree.Platform {
		return nil, ofThePlatform()
	}
	if d.Confirm != confirmation {
		return nil, fault.Invalidf("confirm", "type %s to close the organization", confirmation)
	}
	d.Reason, err = reasonOf(d.Reason, false)
	if err != nil {
		return nil, err
	}
	made := making{action: "deactivateOrganization", reason: d.Reason}
	deactivated, err := s.change(ctx, made, org, func(ctx context.Context, tx *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		to, err := orgtree.Next(before.Status, orgtree.Deactivating, before.LockedBy != nil)
		if err != nil {
			return err
		}
		if err := checkManagesNobody(ctx, tx, org.ID); err != nil {
			return err
		}
		if err := roster.CancelTransfers(ctx, tx, org.ID); err != nil {
			return err
		}
		now := tx.Now()
		purge := now.Add(orgtree.Grace)
		set.SetStatus(to).SetDeactivatedAt(now).SetDeactivationReason(d.Reason).SetPurgeAt(purge)
		return enqueuePurge(ctx, tx, org.ID, purge)
	})
	if err != nil {
		return nil, err
	}
	return deactivated, s.records.Renew(ctx)
}

// Reopen takes a deactivated organization back into use, or back under the lock
// that it was under. Needs org:reopen. CONFLICT once the time for it is over.
func (s *Service) Reopen(ctx context.Context, id uuid.UUID) (*Organization, error) {
	org, err := s.records.Check(ctx, access.OrgReopen, id)
	if err != nil {
		return nil, err
	}
	reopened, err := s.change(ctx, making{action: "reopenOrganization"}, org, func(_ context.Context, tx *database.Tx, before *ent.Organization, set *ent.OrganizationUpdateOne) error {
		to, err := orgtree.Next(before.Status, orgtree.Reopening, before.LockedBy != nil)
		if err != nil {
			return err
		}
		if before.PurgeAt != nil && !tx.Now().Before(*before.PurgeAt) {
			return fault.New(fault.Conflict, "the time in which it could be reopened is over")
		}
		set.SetStatus(to).ClearDeactivatedAt().ClearDeactivationReason().ClearPurgeAt()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reopened, s.records.Renew(ctx)
}

// Delete ends an organization that is empty at once. Needs org:delete. CONFLICT
// for the platform, with HAS_MANAGED_ORGS while it manages others, and with
// ORG_NOT_EMPTY while it has another project than an empty default one.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	org, err := s.records.Check(ctx, access.OrgDelete, id)
	if err != nil {
		return err
	}
	if org.Kind == orgtree.Platform {
		return ofThePlatform()
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteOrganization", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockAs(ctx, tx, org)
		if err != nil {
			return err
		}
		if _, err := orgtree.Next(row.Status, orgtree.Deleting, row.LockedBy != nil); err != nil {
			return err
		}
		if err := checkManagesNobody(ctx, tx, org.ID); err != nil {
			return err
		}
		if err := checkEmpty(ctx, tx, org.ID); err != nil {
			return err
		}
		_, err = roster.EndOrganization(ctx, tx, row)
		return err
	})
	if err != nil {
		return err
	}
	return s.renewOrLeave(ctx)
}

// renewOrLeave renews the viewer, who is nobody from now on if their account has
// ended with the organization.
func (s *Service) renewOrLeave(ctx context.Context) error {
	err := s.records.Renew(ctx)
	if fault.CodeOf(err) == fault.Unauthenticated {
		access.Renew(ctx, access.Viewer{})
		return nil
	}
	return err
}

// PurgeJob is the kind of the jobs that end deactivated organizations.
const PurgeJob = "purge"

// purging is what a purge job is told.
type purging struct {
	Organization uuid.UUID `json:"organization"`
}

// enqueuePurge makes an organization end at a time, unless it was reopened. Every
// deactivation has a job of its own: that of an earlier one finds nothing to do.
func enqueuePurge(ctx context.Context, tx *database.Tx, id uuid.UUID, at time.Time) error {
	return tx.Enqueue(ctx, database.Job{
		Kind: PurgeJob, Payload: purging{Organization: id}, Organization: id,
		Key: fmt.Sprintf("%s %d", id, at.UnixMicro()), At: at,
	})
}

// DoPurge does a job of the kind PurgeJob.
func (s *Service) DoPurge(ctx context.Context, payload []byte) error {
	var p purging
	if err := json.Unmarshal(payload, &p); err != nil {
		return database.Hopeless(fmt.Errorf("read purge: %w", err))
	}
	return s.Purge(ctx, p.Organization)
}

// Purge ends an organization whose time is over: one that is deactivated, and was
// so for as long as it could be reopened. It does nothing to any other, whether
// it was reopened, deactivated again or purged before. It acts as the system.
func (s *Service) Purge(ctx context.Context, id uuid.UUID) error {
	ctx = access.WithViewer(ctx, access.SystemViewer(PurgeJob))
	_, err := s.db.Write(ctx, database.Entry{Action: "purgeOrganization", Organization: id}, func(ctx context.Context, tx *database.Tx) error {
		row, err := roster.LockOrganization(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.Status != orgtree.Deactivated || row.PurgeAt == nil || tx.Now().Before(*row.PurgeAt) {
			return nil
		}
		if _, err := orgtree.Next(row.Status, orgtree.Purging, row.LockedBy != nil); err != nil {
			return err
		}
		_, err = roster.EndOrganization(ctx, tx, row)
		return err
	})
	return err
}
