-- Columns are added in place: making a table anew, as the generator would, drops
-- rows that refer to it, since a transaction cannot put off foreign keys.
-- add column "tags" to table: "applications"
ALTER TABLE `applications` ADD COLUMN `tags` json NOT NULL DEFAULT '[]';
-- add column "tags" to table: "groups"
ALTER TABLE `groups` ADD COLUMN `tags` json NOT NULL DEFAULT '[]';
-- add column "external_id" to table: "groups"
ALTER TABLE `groups` ADD COLUMN `external_id` text NOT NULL DEFAULT '';
-- create index "group_external_id" to table: "groups"
CREATE UNIQUE INDEX `group_external_id` ON `groups` (`organization_id`, `external_id`) WHERE external_id <> '';
-- add column "acting_as_id" to table: "journal_entries"
ALTER TABLE `journal_entries` ADD COLUMN `acting_as_id` uuid NULL;
-- add column "acting_as_name" to table: "journal_entries"
ALTER TABLE `journal_entries` ADD COLUMN `acting_as_name` text NULL;
-- add column "lock_reason" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `lock_reason` text NULL;
-- add column "grace_until" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `grace_until` datetime NULL;
-- add column "spec" to table: "resources"
ALTER TABLE `resources` ADD COLUMN `spec` json NOT NULL DEFAULT '{}';
-- add column "seated" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `seated` bool NOT NULL DEFAULT true;
-- add column "tags" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `tags` json NOT NULL DEFAULT '[]';
-- add column "external_id" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `external_id` text NOT NULL DEFAULT '';
-- add column "directory_name" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `directory_name` text NOT NULL DEFAULT '';
-- add column "directory_key" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `directory_key` text NOT NULL DEFAULT '';
-- add column "given_name" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `given_name` text NOT NULL DEFAULT '';
-- add column "family_name" to table: "memberships"
ALTER TABLE `memberships` ADD COLUMN `family_name` text NOT NULL DEFAULT '';
-- create index "membership_directory_name" to table: "memberships"
CREATE UNIQUE INDEX `membership_directory_name` ON `memberships` (`organization_id`, `directory_key`) WHERE directory_key <> '';
-- create index "membership_external_id" to table: "memberships"
CREATE UNIQUE INDEX `membership_external_id` ON `memberships` (`organization_id`, `external_id`) WHERE external_id <> '';
-- add column "customer_reference_month" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `customer_reference_month` text NULL;
-- add column "customer_reference_before" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `customer_reference_before` text NULL;
-- add column "personal" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `personal` bool NOT NULL DEFAULT false;
-- add column "name_source" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `name_source` text NOT NULL DEFAULT 'GIVEN';
-- add column "locked_by" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `locked_by` text NULL;
-- add column "locked_by_organization_id" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `locked_by_organization_id` uuid NULL;
-- add column "lock_reason" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `lock_reason` text NULL;
-- add column "locked_at" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `locked_at` datetime NULL;
-- add column "deactivated_at" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `deactivated_at` datetime NULL;
-- add column "deactivation_reason" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `deactivation_reason` text NULL;
-- add column "purge_at" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `purge_at` datetime NULL;
-- add column "deleted_at" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `deleted_at` datetime NULL;
-- add column "terms_version" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `terms_version` text NULL;
-- add column "terms_accepted_at" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `terms_accepted_at` datetime NULL;
-- add column "payment_method_reference" to table: "organizations"
ALTER TABLE `organizations` ADD COLUMN `payment_method_reference` text NULL;
-- create index "organization_purge_at" to table: "organizations"
CREATE INDEX `organization_purge_at` ON `organizations` (`purge_at`) WHERE purge_at IS NOT NULL;
-- add column "email_verified_at" to table: "users"
ALTER TABLE `users` ADD COLUMN `email_verified_at` datetime NULL;
-- add column "credentials_version" to table: "users"
ALTER TABLE `users` ADD COLUMN `credentials_version` integer NOT NULL DEFAULT 1;
-- add column "totp_secret" to table: "users"
ALTER TABLE `users` ADD COLUMN `totp_secret` text NULL;
-- add column "totp_step" to table: "users"
ALTER TABLE `users` ADD COLUMN `totp_step` integer NOT NULL DEFAULT 0;
-- add column "recovery_codes" to table: "users"
ALTER TABLE `users` ADD COLUMN `recovery_codes` json NULL;
-- drop index "user_username_key" from table: "users"
DROP INDEX `user_username_key`;
-- create index "user_username_key" to table: "users"
CREATE UNIQUE INDEX `user_username_key` ON `users` (`username_key`) WHERE status <> 'DELETED';
-- drop index "user_email_key" from table: "users"
DROP INDEX `user_email_key`;
-- create index "user_email_key" to table: "users"
CREATE UNIQUE INDEX `user_email_key` ON `users` (`email_key`) WHERE status <> 'DELETED';
-- create index "user_home_organization_id" to table: "users"
CREATE INDEX `user_home_organization_id` ON `users` (`home_organization_id`);
-- create "activities" table
CREATE TABLE `activities` (
  `id` uuid NOT NULL,
  `user_id` uuid NOT NULL,
  `month` text NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `activities_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE CASCADE
);
-- create index "activity_month_organization_id_user_id" to table: "activities"
CREATE UNIQUE INDEX `activity_month_organization_id_user_id` ON `activities` (`month`, `organization_id`, `user_id`);
-- create index "activity_organization_id" to table: "activities"
CREATE INDEX `activity_organization_id` ON `activities` (`organization_id`);
-- create "announcements" table
CREATE TABLE `announcements` (
  `id` uuid NOT NULL,
  `title` text NOT NULL,
  `body` text NOT NULL,
  `severity` text NOT NULL,
  `starts_at` datetime NOT NULL,
  `ends_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `announcements_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "announcement_organization_id" to table: "announcements"
CREATE INDEX `announcement_organization_id` ON `announcements` (`organization_id`);
-- create index "announcement_starts_at" to table: "announcements"
CREATE INDEX `announcement_starts_at` ON `announcements` (`starts_at`);
-- create "identity_providers" table
CREATE TABLE `identity_providers` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `issuer` text NOT NULL,
  `client_id` text NOT NULL,
  `client_secret` text NULL,
  `scopes` json NOT NULL,
  `enabled` bool NOT NULL DEFAULT (true),
  `creates_users` bool NOT NULL DEFAULT (false),
  `vouches_for_mfa` bool NOT NULL DEFAULT (false),
  `group_claim` text NOT NULL,
  `group_mapping` json NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `identity_providers_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "identityprovider_organization_id_name" to table: "identity_providers"
CREATE UNIQUE INDEX `identityprovider_organization_id_name` ON `identity_providers` (`organization_id`, `name`);
-- create "invitations" table
CREATE TABLE `invitations` (
  `id` uuid NOT NULL,
  `kind` text NOT NULL,
  `status` text NOT NULL,
  `email` text NOT NULL,
  `email_key` text NOT NULL,
  `builtin` text NULL,
  `groups` json NOT NULL,
  `tags` json NOT NULL,
  `external_id` text NOT NULL DEFAULT '',
  `directory_name` text NOT NULL DEFAULT '',
  `directory_key` text NOT NULL DEFAULT '',
  `name` text NOT NULL DEFAULT '',
  `given_name` text NOT NULL DEFAULT '',
  `family_name` text NOT NULL DEFAULT '',
  `locked` bool NOT NULL DEFAULT (false),
  `sent_count` integer NOT NULL DEFAULT (1),
  `expires_at` datetime NOT NULL,
  `invited_by` uuid NOT NULL,
  `decided_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  `user_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `invitations_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `invitations_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE RESTRICT
);
-- create index "invitation_one_pending" to table: "invitations"
CREATE UNIQUE INDEX `invitation_one_pending` ON `invitations` (`organization_id`, `email_key`) WHERE status = 'PENDING' AND kind = 'MEMBERSHIP';
-- create index "invitation_one_transfer" to table: "invitations"
CREATE UNIQUE INDEX `invitation_one_transfer` ON `invitations` (`organization_id`) WHERE status = 'PENDING' AND kind = 'OWNERSHIP_TRANSFER';
-- create index "invitation_organization_id_created_at" to table: "invitations"
CREATE INDEX `invitation_organization_id_created_at` ON `invitations` (`organization_id`, `created_at`);
-- create index "invitation_organization_id_directory_key" to table: "invitations"
CREATE INDEX `invitation_organization_id_directory_key` ON `invitations` (`organization_id`, `directory_key`) WHERE status = 'PENDING' AND directory_key <> '';
-- create index "invitation_email_key" to table: "invitations"
CREATE INDEX `invitation_email_key` ON `invitations` (`email_key`);
-- create index "invitation_user_id" to table: "invitations"
CREATE INDEX `invitation_user_id` ON `invitations` (`user_id`);
-- create index "invitation_status_expires_at" to table: "invitations"
CREATE INDEX `invitation_status_expires_at` ON `invitations` (`status`, `expires_at`);
-- create "jobs" table
CREATE TABLE `jobs` (
  `id` uuid NOT NULL,
  `kind` text NOT NULL,
  `payload` json NOT NULL,
  `organization_id` uuid NULL,
  `unique_key` text NULL,
  `status` text NOT NULL,
  `attempts` integer NOT NULL DEFAULT (0),
  `run_at` datetime NOT NULL,
  `last_error` text NOT NULL,
  `finished_at` datetime NULL,
  `created_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- create index "job_due" to table: "jobs"
CREATE INDEX `job_due` ON `jobs` (`run_at`) WHERE status = 'PENDING';
-- create index "job_one_waiting" to table: "jobs"
CREATE UNIQUE INDEX `job_one_waiting` ON `jobs` (`kind`, `unique_key`) WHERE status = 'PENDING' AND unique_key IS NOT NULL;
-- create index "job_organization_id" to table: "jobs"
CREATE INDEX `job_organization_id` ON `jobs` (`organization_id`);
-- create index "job_finished_at" to table: "jobs"
CREATE INDEX `job_finished_at` ON `jobs` (`finished_at`);
-- create "linked_identities" table
CREATE TABLE `linked_identities` (
  `id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `issuer` text NOT NULL,
  `subject` text NOT NULL,
  `created_at` datetime NOT NULL,
  `user_id` uuid NOT NULL,
  `provider_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `linked_identities_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `linked_identities_identity_providers_provider` FOREIGN KEY (`provider_id`) REFERENCES `identity_providers` (`id`) ON DELETE CASCADE
);
-- create index "linkedidentity_provider_id_subject" to table: "linked_identities"
CREATE UNIQUE INDEX `linkedidentity_provider_id_subject` ON `linked_identities` (`provider_id`, `subject`);
-- create index "linkedidentity_user_id" to table: "linked_identities"
CREATE INDEX `linkedidentity_user_id` ON `linked_identities` (`user_id`);
-- create "sessions" table
CREATE TABLE `sessions` (
  `id` uuid NOT NULL,
  `method` text NOT NULL,
  `mfa` bool NOT NULL DEFAULT (false),
  `provider_id` uuid NULL,
  `organization_id` uuid NULL,
  `impersonator_id` uuid NULL,
  `reason` text NULL,
  `address` text NOT NULL,
  `user_agent` text NOT NULL,
  `family_hash` text NULL,
  `refresh_hash` text NULL,
  `last_seen_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `ended_at` datetime NULL,
  `end_reason` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `user_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `sessions_users_sessions` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- create index "session_user_id_ended_at" to table: "sessions"
CREATE INDEX `session_user_id_ended_at` ON `sessions` (`user_id`, `ended_at`);
-- create index "session_impersonator_id" to table: "sessions"
CREATE INDEX `session_impersonator_id` ON `sessions` (`impersonator_id`) WHERE impersonator_id IS NOT NULL;
-- create index "session_provider_id" to table: "sessions"
CREATE INDEX `session_provider_id` ON `sessions` (`provider_id`) WHERE provider_id IS NOT NULL;
-- create "sign_in_attempts" table
CREATE TABLE `sign_in_attempts` (
  `id` text NOT NULL,
  `failures` integer NOT NULL,
  `retry_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- create index "signinattempts_updated_at" to table: "sign_in_attempts"
CREATE INDEX `signinattempts_updated_at` ON `sign_in_attempts` (`updated_at`);
-- create "sign_in_flows" table
CREATE TABLE `sign_in_flows` (
  `id` uuid NOT NULL,
  `provider_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `state_hash` text NOT NULL,
  `nonce` text NOT NULL,
  `verifier` text NOT NULL,
  `return_to` text NOT NULL,
  `linking` bool NOT NULL DEFAULT (false),
  `user_id` uuid NULL,
  `mfa` bool NOT NULL DEFAULT (false),
  `code_hash` text NULL,
  `expires_at` datetime NOT NULL,
  `created_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- create index "signinflow_state_hash" to table: "sign_in_flows"
CREATE UNIQUE INDEX `signinflow_state_hash` ON `sign_in_flows` (`state_hash`);
-- create index "signinflow_code_hash" to table: "sign_in_flows"
CREATE UNIQUE INDEX `signinflow_code_hash` ON `sign_in_flows` (`code_hash`);
-- create index "signinflow_expires_at" to table: "sign_in_flows"
CREATE INDEX `signinflow_expires_at` ON `sign_in_flows` (`expires_at`);
-- create "support_plan_periods" table
CREATE TABLE `support_plan_periods` (
  `id` uuid NOT NULL,
  `plan` text NOT NULL,
  `starts_at` datetime NOT NULL,
  `ends_at` datetime NULL,
  `changed_by` uuid NOT NULL,
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `support_plan_periods_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "supportplanperiod_organization_id_starts_at" to table: "support_plan_periods"
CREATE UNIQUE INDEX `supportplanperiod_organization_id_starts_at` ON `support_plan_periods` (`organization_id`, `starts_at`);
-- create index "support_plan_one_open" to table: "support_plan_periods"
CREATE UNIQUE INDEX `support_plan_one_open` ON `support_plan_periods` (`organization_id`) WHERE ends_at IS NULL;
-- create "tickets" table
CREATE TABLE `tickets` (
  `id` uuid NOT NULL,
  `subject` text NOT NULL,
  `product` text NOT NULL,
  `priority` text NOT NULL,
  `status` text NOT NULL,
  `created_by` uuid NOT NULL,
  `created_by_name` text NOT NULL,
  `updated_at` datetime NOT NULL,
  `closed_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  `resource_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `tickets_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `tickets_resources_resource` FOREIGN KEY (`resource_id`) REFERENCES `resources` (`id`) ON DELETE SET NULL
);
-- create index "ticket_organization_id_created_at" to table: "tickets"
CREATE INDEX `ticket_organization_id_created_at` ON `tickets` (`organization_id`, `created_at`);
-- create index "ticket_created_by" to table: "tickets"
CREATE INDEX `ticket_created_by` ON `tickets` (`created_by`);
-- create index "ticket_resource_id" to table: "tickets"
CREATE INDEX `ticket_resource_id` ON `tickets` (`resource_id`);
-- create "ticket_messages" table
CREATE TABLE `ticket_messages` (
  `id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `author_id` uuid NOT NULL,
  `author_name` text NOT NULL,
  `from_support` bool NOT NULL DEFAULT (false),
  `body` text NOT NULL,
  `created_at` datetime NOT NULL,
  `ticket_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `ticket_messages_tickets_messages` FOREIGN KEY (`ticket_id`) REFERENCES `tickets` (`id`) ON DELETE CASCADE
);
-- create index "ticketmessage_ticket_id_created_at" to table: "ticket_messages"
CREATE INDEX `ticketmessage_ticket_id_created_at` ON `ticket_messages` (`ticket_id`, `created_at`);
-- create "trusted_issuers" table
CREATE TABLE `trusted_issuers` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `issuer` text NOT NULL,
  `audience` text NOT NULL,
  `jwks_url` text NOT NULL,
  `enabled` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `trusted_issuers_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "trustedissuer_issuer_audience" to table: "trusted_issuers"
CREATE UNIQUE INDEX `trustedissuer_issuer_audience` ON `trusted_issuers` (`issuer`, `audience`);
-- create index "trustedissuer_organization_id_name" to table: "trusted_issuers"
CREATE UNIQUE INDEX `trustedissuer_organization_id_name` ON `trusted_issuers` (`organization_id`, `name`);
-- create "trusted_subjects" table
CREATE TABLE `trusted_subjects` (
  `id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `subject` text NOT NULL,
  `created_at` datetime NOT NULL,
  `issuer_id` uuid NOT NULL,
  `membership_id` uuid NULL,
  `application_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `trusted_subjects_trusted_issuers_subjects` FOREIGN KEY (`issuer_id`) REFERENCES `trusted_issuers` (`id`) ON DELETE CASCADE,
  CONSTRAINT `trusted_subjects_memberships_membership` FOREIGN KEY (`membership_id`) REFERENCES `memberships` (`id`) ON DELETE CASCADE,
  CONSTRAINT `trusted_subjects_applications_application` FOREIGN KEY (`application_id`) REFERENCES `applications` (`id`) ON DELETE CASCADE,
  CONSTRAINT `trusted_subject_is_one_principal` CHECK ((membership_id IS NULL) <> (application_id IS NULL))
);
-- create index "trustedsubject_issuer_id_subject" to table: "trusted_subjects"
CREATE UNIQUE INDEX `trustedsubject_issuer_id_subject` ON `trusted_subjects` (`issuer_id`, `subject`);
-- create index "trustedsubject_membership_id" to table: "trusted_subjects"
CREATE INDEX `trustedsubject_membership_id` ON `trusted_subjects` (`membership_id`);
-- create index "trustedsubject_application_id" to table: "trusted_subjects"
CREATE INDEX `trustedsubject_application_id` ON `trusted_subjects` (`application_id`);
