package database

import (
	"errors"
	"strings"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/fault"
)

// constraint is a rule that the database itself upholds and the fault that a
// client sees when a write breaks it. PostgreSQL names the index, SQLite the
// columns.
type constraint struct {
	index   string
	columns string
	fault   *fault.Error
}

func constraints() []constraint {
	taken := func(field, message string) *fault.Error {
		return (&fault.Error{Code: fault.Conflict, Message: message, Field: field}).Because(fault.NameTaken)
	}
	inUse := func(field, message string) *fault.Error {
		return &fault.Error{Code: fault.Conflict, Message: message, Field: field}
	}
	return []constraint{
		{"organization_slug", "organizations.slug", taken("slug", "this slug is taken")},
		{"organization_one_root", "organizations.kind", fault.New(fault.Conflict, "there is one platform organization already")},
		{"user_username_key", "users.username_key", taken("username", "this username is taken")},
		{"user_email_key", "users.email_key", taken("email", "this e-mail address is taken")},
		{"membership_organization_id_user_id", "memberships.organization_id, memberships.user_id", fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember)},
		{"membership_external_id", "memberships.organization_id, memberships.external_id", taken("externalId", "a member of the organization has this external id")},
		{"membership_directory_name", "memberships.organization_id, memberships.directory_key", taken("userName", "a member of the organization has this name")},
		{"access_request_one_pending", "access_requests.organization_id, access_requests.user_id", fault.New(fault.Conflict, "you have asked already and wait for an answer").Because(fault.AlreadyInvited)},
		{"invitation_one_pending", "invitations.organization_id, invitations.email_key", fault.New(fault.Conflict, "this address is invited already").Because(fault.AlreadyInvited)},
		{"invitation_one_transfer", "invitations.organization_id", fault.New(fault.Conflict, "somebody is asked to take the organization over already").Because(fault.AlreadyInvited)},
		{"membership_one_owner", "memberships.organization_id", fault.New(fault.OwnerImmutable, "an organization has exactly one owner")},
		{"group_organization_id_name_key", "groups.organization_id, groups.name_key", taken("name", "the organization has a group of this name")},
		{"group_external_id", "groups.organization_id, groups.external_id", taken("externalId", "a group of the organization has this external id")},
		{"project_organization_id_name", "projects.organization_id, projects.name", taken("name", "the organization has a project of this name")},
		{"sshkey_project_id_fingerprint", "ssh_keys.project_id, ssh_keys.fingerprint", inUse("publicKey", "the project has this key already")},
		{"resource_external_id", "resources.organization_id, resources.provider, resources.external_id", inUse("externalId", "an active resource of this provider has this external id")},
		{"cloudaccount_organization_id_name", "cloud_accounts.organization_id, cloud_accounts.name", taken("name", "the organization has a cloud account of this name")},
		{"cloud_account_active", "cloud_accounts.provider, cloud_accounts.provider_account_id", inUse("providerAccountId", "the account is somebody's already")},
		{"billing_unit_name", "billing_units.organization_id, billing_units.name", taken("name", "the organization has a billing unit of this name")},
		{"sku_code", "skus.organization_id, skus.code", taken("code", "the organization has a SKU of this code")},
		{"metering_rate_of_unit", "metering_rates.unit_id, metering_rates.effective_from", inUse("effectiveFrom", "a rate begins at this instant already")},
		{"metering_rate_of_sku", "metering_rates.sku_id, metering_rates.effective_from", inUse("effectiveFrom", "a rate begins at this instant already")},
		{"usage_event_key", "usage_events.organization_id, usage_events.idempotency_key", fault.New(fault.Conflict, "usage was recorded under this key at the same time")},
		{"threshold_name", "thresholds.organization_id, thresholds.name", taken("name", "the organization has a threshold of this name")},
		{"allocation_of_organization", "allocations.organization_id, allocations.author_id, allocations.unit, allocations.period", fault.New(fault.Conflict, "somebody has set this allocation at the same time")},
		{"allocation_of_group", "allocations.organization_id, allocations.group_id, allocations.author_id, allocations.unit, allocations.period", fault.New(fault.Conflict, "somebody has set this allocation at the same time")},
		{"threshold_fires_once", "threshold_firings.allocation_id, threshold_firings.threshold_id, threshold_firings.period", fault.New(fault.Conflict, "the threshold has fired already")},
		{"billing_contact_email", "billing_contacts.organization_id, billing_contacts.email", inUse("email", "this address is a billing contact already")},
		{"payment_method_once", "payment_methods.processor, payment_methods.reference", inUse("reference", "this payment method is known already")},
		{"payment_method_default", "payment_methods.organization_id", fault.New(fault.Conflict, "somebody has chosen the default at the same time")},
		{"webhook_name", "webhooks.organization_id, webhooks.name", taken("name", "the organization has a webhook of this name")},
		{"budget_of_organization", "budgets.organization_id", fault.New(fault.Conflict, "somebody has set the budget at the same time")},
		{"billing_profile_once", "billing_profiles.organization_id", fault.New(fault.Conflict, "somebody has written the profile at the same time")},
		{"billing_month_once", "billing_months.seller_id, billing_months.month", fault.New(fault.Conflict, "somebody closes this month at the same time")},
		{"statement_once", "statements.seller_id, statements.month, statements.buyer_id, statements.currency", fault.New(fault.Conflict, "this statement has been made already")},
		{"statement_number", "statements.seller_id, statements.number", fault.New(fault.Conflict, "this number has been given already")},
		{"statement_item_position", "statement_items.statement_id, statement_items.position", fault.New(fault.Conflict, "this statement has been made already")},
		{"voucher_redeemed_once", "discounts.voucher_id, discounts.buyer_id", fault.New(fault.Conflict, "the organization has redeemed this voucher already")},
		{"voucher_code", "vouchers.code_hash", fault.New(fault.Conflict, "there is a voucher with this code already")},
		{"support_fee_version", "support_fees.seller_id, support_fees.plan, support_fees.version", fault.New(fault.Conflict, "somebody has changed the fee at the same time")},
		{"credit_note_number", "credit_notes.seller_id, credit_notes.number", fault.New(fault.Conflict, "this number has been given already")},
		{"credit_note_item_position", "credit_note_items.credit_note_id, credit_note_items.position", fault.New(fault.Conflict, "this credit note has been made already")},
		{"statement_line_position", "statement_lines.statement_id, statement_lines.position", fault.New(fault.Conflict, "this statement has been made already")},
		{"identityprovider_organization_id_name", "identity_providers.organization_id, identity_providers.name", taken("name", "the organization has an identity provider of this name")},
		{"linkedidentity_provider_id_subject", "linked_identities.provider_id, linked_identities.subject", fault.New(fault.Conflict, "this identity is linked already")},
		{"trustedissuer_organization_id_name", "trusted_issuers.organization_id, trusted_issuers.name", taken("name", "the organization has a trusted issuer of this name")},
		{"trustedissuer_issuer_audience", "trusted_issuers.issuer, trusted_issuers.audience", inUse("audience", "tokens of this issuer for this audience are somebody's already")},
		{"trustedsubject_issuer_id_subject", "trusted_subjects.issuer_id, trusted_subjects.subject", inUse("subject", "this subject stands for somebody already")},
		{"application_organization_id_name", "applications.organization_id, applications.name", taken("name", "the organization has an application of this name")},
	}
}

// translate turns what the drivers and ent report into faults. It is the only
// place that knows their errors; an error that means nothing to a client is
// returned as it is.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, errOvertaken) {
		return overtaken()
	}
	if ent.IsNotFound(err) {
		missing := fault.Missing("object")
		missing.Err = err
		return missing
	}
	name := violated(err)
	if name == "" {
		return err
	}
	for _, c := range constraints() {
		if name == c.index || name == c.columns {
			found := *c.fault
			found.Err = err
			return &found
		}
	}
	return err
}

// violated returns the constraint that a write broke, as its database names it,
// or "".
func violated(err error) string {
	var postgres *pq.Error
	if errors.As(err, &postgres) && postgres.Code.Class() == "23" {
		return postgres.Constraint
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&0xff == sqlitecode.SQLITE_CONSTRAINT {
		_, columns, _ := strings.Cut(lite.Error(), "constraint failed: ")
		columns, _, _ = strings.Cut(columns, " (")
		// The driver repeats the class before the columns.
		if _, rest, found := strings.Cut(columns, "constraint failed: "); found {
			columns = rest
		}
		return columns
	}
	return ""
}
