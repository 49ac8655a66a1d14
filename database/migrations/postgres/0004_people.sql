-- create "jobs" table
CREATE TABLE "jobs" (
  "id" uuid NOT NULL,
  "kind" character varying NOT NULL,
  "payload" jsonb NOT NULL,
  "organization_id" uuid NULL,
  "unique_key" character varying NULL,
  "status" character varying NOT NULL,
  "attempts" bigint NOT NULL DEFAULT 0,
  "run_at" timestamptz NOT NULL,
  "last_error" character varying NOT NULL,
  "finished_at" timestamptz NULL,
  "created_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
-- create index "job_due" to table: "jobs"
CREATE INDEX "job_due" ON "jobs" ("run_at") WHERE ((status)::text = 'PENDING'::text);
-- create index "job_finished_at" to table: "jobs"
CREATE INDEX "job_finished_at" ON "jobs" ("finished_at");
-- create index "job_one_waiting" to table: "jobs"
CREATE UNIQUE INDEX "job_one_waiting" ON "jobs" ("kind", "unique_key") WHERE (((status)::text = 'PENDING'::text) AND (unique_key IS NOT NULL));
-- create index "job_organization_id" to table: "jobs"
CREATE INDEX "job_organization_id" ON "jobs" ("organization_id");
-- modify "groups" table
ALTER TABLE "groups" ADD COLUMN "tags" jsonb NOT NULL DEFAULT '[]', ADD COLUMN "external_id" character varying NOT NULL DEFAULT '';
-- create index "group_external_id" to table: "groups"
CREATE UNIQUE INDEX "group_external_id" ON "groups" ("organization_id", "external_id") WHERE ((external_id)::text <> ''::text);
-- modify "journal_entries" table
ALTER TABLE "journal_entries" ADD COLUMN "acting_as_id" uuid NULL, ADD COLUMN "acting_as_name" character varying NULL;
-- create "sign_in_flows" table
CREATE TABLE "sign_in_flows" (
  "id" uuid NOT NULL,
  "provider_id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "state_hash" character varying NOT NULL,
  "nonce" character varying NOT NULL,
  "verifier" character varying NOT NULL,
  "return_to" character varying NOT NULL,
  "linking" boolean NOT NULL DEFAULT false,
  "user_id" uuid NULL,
  "mfa" boolean NOT NULL DEFAULT false,
  "code_hash" character varying NULL,
  "expires_at" timestamptz NOT NULL,
  "created_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
-- create index "signinflow_code_hash" to table: "sign_in_flows"
CREATE UNIQUE INDEX "signinflow_code_hash" ON "sign_in_flows" ("code_hash");
-- create index "signinflow_expires_at" to table: "sign_in_flows"
CREATE INDEX "signinflow_expires_at" ON "sign_in_flows" ("expires_at");
-- create index "signinflow_state_hash" to table: "sign_in_flows"
CREATE UNIQUE INDEX "signinflow_state_hash" ON "sign_in_flows" ("state_hash");
-- modify "organizations" table
ALTER TABLE "organizations" ADD COLUMN "customer_reference_month" character varying(7) NULL, ADD COLUMN "customer_reference_before" character varying NULL, ADD COLUMN "personal" boolean NOT NULL DEFAULT false, ADD COLUMN "name_source" character varying NOT NULL DEFAULT 'GIVEN', ADD COLUMN "locked_by" character varying NULL, ADD COLUMN "locked_by_organization_id" uuid NULL, ADD COLUMN "lock_reason" character varying NULL, ADD COLUMN "locked_at" timestamptz NULL, ADD COLUMN "deactivated_at" timestamptz NULL, ADD COLUMN "deactivation_reason" character varying NULL, ADD COLUMN "purge_at" timestamptz NULL, ADD COLUMN "deleted_at" timestamptz NULL, ADD COLUMN "terms_version" character varying NULL, ADD COLUMN "terms_accepted_at" timestamptz NULL, ADD COLUMN "payment_method_reference" character varying NULL;
-- create index "organization_purge_at" to table: "organizations"
CREATE INDEX "organization_purge_at" ON "organizations" ("purge_at") WHERE (purge_at IS NOT NULL);
-- create "sign_in_attempts" table
CREATE TABLE "sign_in_attempts" (
  "id" character varying NOT NULL,
  "failures" bigint NOT NULL,
  "retry_at" timestamptz NOT NULL,
  "updated_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
-- create index "signinattempts_updated_at" to table: "sign_in_attempts"
CREATE INDEX "signinattempts_updated_at" ON "sign_in_attempts" ("updated_at");
-- create "activities" table
CREATE TABLE "activities" (
  "id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "month" character varying(7) NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "activities_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "activity_month_organization_id_user_id" to table: "activities"
CREATE UNIQUE INDEX "activity_month_organization_id_user_id" ON "activities" ("month", "organization_id", "user_id");
-- create index "activity_organization_id" to table: "activities"
CREATE INDEX "activity_organization_id" ON "activities" ("organization_id");
-- create "announcements" table
CREATE TABLE "announcements" (
  "id" uuid NOT NULL,
  "title" character varying NOT NULL,
  "body" character varying NOT NULL,
  "severity" character varying NOT NULL,
  "starts_at" timestamptz NOT NULL,
  "ends_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "announcements_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "announcement_organization_id" to table: "announcements"
CREATE INDEX "announcement_organization_id" ON "announcements" ("organization_id");
-- create index "announcement_starts_at" to table: "announcements"
CREATE INDEX "announcement_starts_at" ON "announcements" ("starts_at");
-- create "identity_providers" table
CREATE TABLE "identity_providers" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "issuer" character varying NOT NULL,
  "client_id" character varying NOT NULL,
  "client_secret" character varying NULL,
  "scopes" jsonb NOT NULL,
  "enabled" boolean NOT NULL DEFAULT true,
  "creates_users" boolean NOT NULL DEFAULT false,
  "vouches_for_mfa" boolean NOT NULL DEFAULT false,
  "group_claim" character varying NOT NULL,
  "group_mapping" jsonb NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "identity_providers_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "identityprovider_organization_id_name" to table: "identity_providers"
CREATE UNIQUE INDEX "identityprovider_organization_id_name" ON "identity_providers" ("organization_id", "name");
-- drop index "user_email_key" from table: "users"
DROP INDEX "user_email_key";
-- drop index "user_username_key" from table: "users"
DROP INDEX "user_username_key";
-- modify "users" table
ALTER TABLE "users" ADD COLUMN "email_verified_at" timestamptz NULL, ADD COLUMN "credentials_version" bigint NOT NULL DEFAULT 1, ADD COLUMN "totp_secret" character varying NULL, ADD COLUMN "totp_step" bigint NOT NULL DEFAULT 0, ADD COLUMN "recovery_codes" jsonb NULL;
-- create index "user_email_key" to table: "users"
CREATE UNIQUE INDEX "user_email_key" ON "users" ("email_key") WHERE ((status)::text <> 'DELETED'::text);
-- create index "user_username_key" to table: "users"
CREATE UNIQUE INDEX "user_username_key" ON "users" ("username_key") WHERE ((status)::text <> 'DELETED'::text);
-- create index "user_home_organization_id" to table: "users"
CREATE INDEX "user_home_organization_id" ON "users" ("home_organization_id");
-- create "invitations" table
CREATE TABLE "invitations" (
  "id" uuid NOT NULL,
  "kind" character varying NOT NULL,
  "status" character varying NOT NULL,
  "email" character varying NOT NULL,
  "email_key" character varying NOT NULL,
  "builtin" character varying NULL,
  "groups" jsonb NOT NULL,
  "tags" jsonb NOT NULL,
  "external_id" character varying NOT NULL DEFAULT '',
  "directory_name" character varying NOT NULL DEFAULT '',
  "directory_key" character varying NOT NULL DEFAULT '',
  "name" character varying NOT NULL DEFAULT '',
  "given_name" character varying NOT NULL DEFAULT '',
  "family_name" character varying NOT NULL DEFAULT '',
  "locked" boolean NOT NULL DEFAULT false,
  "sent_count" bigint NOT NULL DEFAULT 1,
  "expires_at" timestamptz NOT NULL,
  "invited_by" uuid NOT NULL,
  "decided_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "user_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "invitations_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "invitations_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "invitation_email_key" to table: "invitations"
CREATE INDEX "invitation_email_key" ON "invitations" ("email_key");
-- create index "invitation_one_pending" to table: "invitations"
CREATE UNIQUE INDEX "invitation_one_pending" ON "invitations" ("organization_id", "email_key") WHERE (((status)::text = 'PENDING'::text) AND ((kind)::text = 'MEMBERSHIP'::text));
-- create index "invitation_one_transfer" to table: "invitations"
CREATE UNIQUE INDEX "invitation_one_transfer" ON "invitations" ("organization_id") WHERE (((status)::text = 'PENDING'::text) AND ((kind)::text = 'OWNERSHIP_TRANSFER'::text));
-- create index "invitation_organization_id_created_at" to table: "invitations"
CREATE INDEX "invitation_organization_id_created_at" ON "invitations" ("organization_id", "created_at");
-- create index "invitation_organization_id_directory_key" to table: "invitations"
CREATE INDEX "invitation_organization_id_directory_key" ON "invitations" ("organization_id", "directory_key") WHERE (((status)::text = 'PENDING'::text) AND ((directory_key)::text <> ''::text));
-- create index "invitation_status_expires_at" to table: "invitations"
CREATE INDEX "invitation_status_expires_at" ON "invitations" ("status", "expires_at");
-- create index "invitation_user_id" to table: "invitations"
CREATE INDEX "invitation_user_id" ON "invitations" ("user_id");
-- create "linked_identities" table
CREATE TABLE "linked_identities" (
  "id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "issuer" character varying NOT NULL,
  "subject" character varying NOT NULL,
  "created_at" timestamptz NOT NULL,
  "user_id" uuid NOT NULL,
  "provider_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "linked_identities_identity_providers_provider" FOREIGN KEY ("provider_id") REFERENCES "identity_providers" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "linked_identities_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "linkedidentity_provider_id_subject" to table: "linked_identities"
CREATE UNIQUE INDEX "linkedidentity_provider_id_subject" ON "linked_identities" ("provider_id", "subject");
-- create index "linkedidentity_user_id" to table: "linked_identities"
CREATE INDEX "linkedidentity_user_id" ON "linked_identities" ("user_id");
-- create "sessions" table
CREATE TABLE "sessions" (
  "id" uuid NOT NULL,
  "method" character varying NOT NULL,
  "mfa" boolean NOT NULL DEFAULT false,
  "provider_id" uuid NULL,
  "organization_id" uuid NULL,
  "impersonator_id" uuid NULL,
  "reason" character varying NULL,
  "address" character varying NOT NULL,
  "user_agent" character varying NOT NULL,
  "family_hash" character varying NULL,
  "refresh_hash" character varying NULL,
  "last_seen_at" timestamptz NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "ended_at" timestamptz NULL,
  "end_reason" character varying NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "user_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "sessions_users_sessions" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "session_impersonator_id" to table: "sessions"
CREATE INDEX "session_impersonator_id" ON "sessions" ("impersonator_id") WHERE (impersonator_id IS NOT NULL);
-- create index "session_provider_id" to table: "sessions"
CREATE INDEX "session_provider_id" ON "sessions" ("provider_id") WHERE (provider_id IS NOT NULL);
-- create index "session_user_id_ended_at" to table: "sessions"
CREATE INDEX "session_user_id_ended_at" ON "sessions" ("user_id", "ended_at");
-- create "support_plan_periods" table
CREATE TABLE "support_plan_periods" (
  "id" uuid NOT NULL,
  "plan" character varying NOT NULL,
  "starts_at" timestamptz NOT NULL,
  "ends_at" timestamptz NULL,
  "changed_by" uuid NOT NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "support_plan_periods_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "support_plan_one_open" to table: "support_plan_periods"
CREATE UNIQUE INDEX "support_plan_one_open" ON "support_plan_periods" ("organization_id") WHERE (ends_at IS NULL);
-- create index "supportplanperiod_organization_id_starts_at" to table: "support_plan_periods"
CREATE UNIQUE INDEX "supportplanperiod_organization_id_starts_at" ON "support_plan_periods" ("organization_id", "starts_at");
-- create "tickets" table
CREATE TABLE "tickets" (
  "id" uuid NOT NULL,
  "subject" character varying NOT NULL,
  "product" character varying NOT NULL,
  "priority" character varying NOT NULL,
  "status" character varying NOT NULL,
  "created_by" uuid NOT NULL,
  "created_by_name" character varying NOT NULL,
  "updated_at" timestamptz NOT NULL,
  "closed_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "resource_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "tickets_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "tickets_resources_resource" FOREIGN KEY ("resource_id") REFERENCES "resources" ("id") ON UPDATE NO ACTION ON DELETE SET NULL
);
-- create index "ticket_created_by" to table: "tickets"
CREATE INDEX "ticket_created_by" ON "tickets" ("created_by");
-- create index "ticket_organization_id_created_at" to table: "tickets"
CREATE INDEX "ticket_organization_id_created_at" ON "tickets" ("organization_id", "created_at");
-- create index "ticket_resource_id" to table: "tickets"
CREATE INDEX "ticket_resource_id" ON "tickets" ("resource_id");
-- create "ticket_messages" table
CREATE TABLE "ticket_messages" (
  "id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "author_id" uuid NOT NULL,
  "author_name" character varying NOT NULL,
  "from_support" boolean NOT NULL DEFAULT false,
  "body" character varying NOT NULL,
  "created_at" timestamptz NOT NULL,
  "ticket_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "ticket_messages_tickets_messages" FOREIGN KEY ("ticket_id") REFERENCES "tickets" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "ticketmessage_ticket_id_created_at" to table: "ticket_messages"
CREATE INDEX "ticketmessage_ticket_id_created_at" ON "ticket_messages" ("ticket_id", "created_at");
-- create "trusted_issuers" table
CREATE TABLE "trusted_issuers" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "issuer" character varying NOT NULL,
  "audience" character varying NOT NULL,
  "jwks_url" character varying NOT NULL,
  "enabled" boolean NOT NULL DEFAULT true,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "trusted_issuers_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "trustedissuer_issuer_audience" to table: "trusted_issuers"
CREATE UNIQUE INDEX "trustedissuer_issuer_audience" ON "trusted_issuers" ("issuer", "audience");
-- create index "trustedissuer_organization_id_name" to table: "trusted_issuers"
CREATE UNIQUE INDEX "trustedissuer_organization_id_name" ON "trusted_issuers" ("organization_id", "name");
-- modify "applications" table
ALTER TABLE "applications" ADD COLUMN "tags" jsonb NOT NULL DEFAULT '[]';
-- modify "resources" table
ALTER TABLE "resources" ADD COLUMN "spec" jsonb NOT NULL DEFAULT '{}';
-- modify "memberships" table
ALTER TABLE "memberships" ADD COLUMN "lock_reason" character varying NULL, ADD COLUMN "grace_until" timestamptz NULL, ADD COLUMN "seated" boolean NOT NULL DEFAULT true, ADD COLUMN "tags" jsonb NOT NULL DEFAULT '[]', ADD COLUMN "external_id" character varying NOT NULL DEFAULT '', ADD COLUMN "directory_name" character varying NOT NULL DEFAULT '', ADD COLUMN "directory_key" character varying NOT NULL DEFAULT '', ADD COLUMN "given_name" character varying NOT NULL DEFAULT '', ADD COLUMN "family_name" character varying NOT NULL DEFAULT '';
-- create index "membership_directory_name" to table: "memberships"
CREATE UNIQUE INDEX "membership_directory_name" ON "memberships" ("organization_id", "directory_key") WHERE ((directory_key)::text <> ''::text);
-- create index "membership_external_id" to table: "memberships"
CREATE UNIQUE INDEX "membership_external_id" ON "memberships" ("organization_id", "external_id") WHERE ((external_id)::text <> ''::text);
-- create "trusted_subjects" table
CREATE TABLE "trusted_subjects" (
  "id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "subject" character varying NOT NULL,
  "created_at" timestamptz NOT NULL,
  "issuer_id" uuid NOT NULL,
  "membership_id" uuid NULL,
  "application_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "trusted_subjects_applications_application" FOREIGN KEY ("application_id") REFERENCES "applications" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "trusted_subjects_memberships_membership" FOREIGN KEY ("membership_id") REFERENCES "memberships" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "trusted_subjects_trusted_issuers_subjects" FOREIGN KEY ("issuer_id") REFERENCES "trusted_issuers" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "trusted_subject_is_one_principal" CHECK ((membership_id IS NULL) <> (application_id IS NULL))
);
-- create index "trustedsubject_application_id" to table: "trusted_subjects"
CREATE INDEX "trustedsubject_application_id" ON "trusted_subjects" ("application_id");
-- create index "trustedsubject_issuer_id_subject" to table: "trusted_subjects"
CREATE UNIQUE INDEX "trustedsubject_issuer_id_subject" ON "trusted_subjects" ("issuer_id", "subject");
-- create index "trustedsubject_membership_id" to table: "trusted_subjects"
CREATE INDEX "trustedsubject_membership_id" ON "trusted_subjects" ("membership_id");
