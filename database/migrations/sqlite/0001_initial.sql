-- create "organization_ancestries" table
CREATE TABLE `organization_ancestries` (
  `distance` integer NOT NULL,
  `organization_id` uuid NOT NULL,
  `ancestor_id` uuid NOT NULL,
  PRIMARY KEY (`organization_id`, `ancestor_id`),
  CONSTRAINT `organization_ancestries_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE CASCADE,
  CONSTRAINT `organization_ancestries_organizations_ancestor` FOREIGN KEY (`ancestor_id`) REFERENCES `organizations` (`id`) ON DELETE CASCADE,
  CONSTRAINT `ancestry_self` CHECK ((distance = 0) = (ancestor_id = organization_id))
);
-- create index "ancestry_ancestor_id_distance" to table: "organization_ancestries"
CREATE INDEX `ancestry_ancestor_id_distance` ON `organization_ancestries` (`ancestor_id`, `distance`);
-- create index "ancestry_organization_id_distance" to table: "organization_ancestries"
CREATE UNIQUE INDEX `ancestry_organization_id_distance` ON `organization_ancestries` (`organization_id`, `distance`);
-- create "applications" table
CREATE TABLE `applications` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `description` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `applications_organizations_applications` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "application_organization_id_name" to table: "applications"
CREATE UNIQUE INDEX `application_organization_id_name` ON `applications` (`organization_id`, `name`);
-- create "billing_multipliers" table
CREATE TABLE `billing_multipliers` (
  `id` uuid NOT NULL,
  `provider` text NOT NULL,
  `service` text NOT NULL,
  `sku` text NOT NULL,
  `region` text NOT NULL,
  `charge_category` text NOT NULL,
  `basis` text NOT NULL,
  `factor` text NOT NULL,
  `first_month` text NOT NULL,
  `last_month` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `actor_id` uuid NULL,
  `reason` text NOT NULL,
  `created_at` datetime NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `billing_multipliers_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `billing_multipliers_organizations_buyer` FOREIGN KEY (`buyer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "billing_multiplier_version_buyer" to table: "billing_multipliers"
CREATE UNIQUE INDEX `billing_multiplier_version_buyer` ON `billing_multipliers` (`seller_id`, `buyer_id`, `provider`, `service`, `sku`, `region`, `charge_category`, `version`) WHERE buyer_id IS NOT NULL;
-- create index "billing_multiplier_version_all" to table: "billing_multipliers"
CREATE UNIQUE INDEX `billing_multiplier_version_all` ON `billing_multipliers` (`seller_id`, `provider`, `service`, `sku`, `region`, `charge_category`, `version`) WHERE buyer_id IS NULL;
-- create index "billingmultiplier_buyer_id" to table: "billing_multipliers"
CREATE INDEX `billingmultiplier_buyer_id` ON `billing_multipliers` (`buyer_id`);
-- create "cost_rollups" table
CREATE TABLE `cost_rollups` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `organization_id` uuid NOT NULL,
  `customer_id` uuid NULL,
  `owner_id` uuid NOT NULL,
  `group_id` uuid NULL,
  `day` datetime NOT NULL,
  `provider` text NOT NULL,
  `service` text NOT NULL,
  `sku` text NOT NULL,
  `region` text NOT NULL,
  `charge_category` text NOT NULL,
  `currency` text NOT NULL,
  `buy` text NOT NULL,
  `sell` text NOT NULL,
  `lines` integer NOT NULL,
  `dataset_id` integer NOT NULL,
  CONSTRAINT `cost_rollups_usage_datasets_cost_rollups` FOREIGN KEY (`dataset_id`) REFERENCES `usage_datasets` (`id`) ON DELETE CASCADE
);
-- create index "costrollup_organization_id_day" to table: "cost_rollups"
CREATE INDEX `costrollup_organization_id_day` ON `cost_rollups` (`organization_id`, `day`);
-- create index "costrollup_dataset_id" to table: "cost_rollups"
CREATE INDEX `costrollup_dataset_id` ON `cost_rollups` (`dataset_id`);
-- create "counters" table
CREATE TABLE `counters` (
  `id` text NOT NULL,
  `value` integer NOT NULL,
  `instant` integer NOT NULL,
  PRIMARY KEY (`id`)
);
-- create "groups" table
CREATE TABLE `groups` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `name_key` text NOT NULL,
  `description` text NOT NULL,
  `roles` json NOT NULL,
  `rank` integer NOT NULL,
  `builtin` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `groups_organizations_groups` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "group_organization_id_name_key" to table: "groups"
CREATE UNIQUE INDEX `group_organization_id_name_key` ON `groups` (`organization_id`, `name_key`);
-- create index "group_organization_id_builtin" to table: "groups"
CREATE UNIQUE INDEX `group_organization_id_builtin` ON `groups` (`organization_id`, `builtin`) WHERE builtin IS NOT NULL;
-- create index "group_organization_id_rank" to table: "groups"
CREATE INDEX `group_organization_id_rank` ON `groups` (`organization_id`, `rank`);
-- create "group_members" table
CREATE TABLE `group_members` (
  `id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `created_at` datetime NOT NULL,
  `application_id` uuid NULL,
  `group_id` uuid NOT NULL,
  `membership_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `group_members_applications_group_members` FOREIGN KEY (`application_id`) REFERENCES `applications` (`id`) ON DELETE CASCADE,
  CONSTRAINT `group_members_groups_members` FOREIGN KEY (`group_id`) REFERENCES `groups` (`id`) ON DELETE CASCADE,
  CONSTRAINT `group_members_memberships_group_members` FOREIGN KEY (`membership_id`) REFERENCES `memberships` (`id`) ON DELETE CASCADE,
  CONSTRAINT `group_member_is_one_principal` CHECK ((membership_id IS NULL) <> (application_id IS NULL))
);
-- create index "groupmember_group_id_membership_id" to table: "group_members"
CREATE UNIQUE INDEX `groupmember_group_id_membership_id` ON `group_members` (`group_id`, `membership_id`) WHERE membership_id IS NOT NULL;
-- create index "groupmember_group_id_application_id" to table: "group_members"
CREATE UNIQUE INDEX `groupmember_group_id_application_id` ON `group_members` (`group_id`, `application_id`) WHERE application_id IS NOT NULL;
-- create index "groupmember_membership_id" to table: "group_members"
CREATE INDEX `groupmember_membership_id` ON `group_members` (`membership_id`);
-- create index "groupmember_application_id" to table: "group_members"
CREATE INDEX `groupmember_application_id` ON `group_members` (`application_id`);
-- create "journal_changes" table
CREATE TABLE `journal_changes` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `sequence` integer NOT NULL,
  `resource_kind` text NOT NULL,
  `resource_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `before` json NULL,
  `after` json NULL,
  `revision` integer NOT NULL,
  CONSTRAINT `journal_changes_journal_entries_changes` FOREIGN KEY (`revision`) REFERENCES `journal_entries` (`id`) ON DELETE RESTRICT
);
-- create index "journalchange_revision_sequence" to table: "journal_changes"
CREATE UNIQUE INDEX `journalchange_revision_sequence` ON `journal_changes` (`revision`, `sequence`);
-- create index "journalchange_resource_id_revision" to table: "journal_changes"
CREATE INDEX `journalchange_resource_id_revision` ON `journal_changes` (`resource_id`, `revision`);
-- create "journal_entries" table
CREATE TABLE `journal_entries` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `at` datetime NOT NULL,
  `actor_kind` text NOT NULL,
  `actor_id` uuid NULL,
  `actor_name` text NOT NULL,
  `action` text NOT NULL,
  `organization_id` uuid NOT NULL,
  `reason` text NOT NULL,
  `request_id` text NOT NULL
);
-- create index "journalentry_organization_id_id" to table: "journal_entries"
CREATE INDEX `journalentry_organization_id_id` ON `journal_entries` (`organization_id`, `id`);
-- create "memberships" table
CREATE TABLE `memberships` (
  `id` uuid NOT NULL,
  `owner` bool NOT NULL DEFAULT (false),
  `locked` bool NOT NULL DEFAULT (false),
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  `user_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `memberships_organizations_memberships` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `memberships_users_memberships` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE RESTRICT
);
-- create index "membership_organization_id_user_id" to table: "memberships"
CREATE UNIQUE INDEX `membership_organization_id_user_id` ON `memberships` (`organization_id`, `user_id`);
-- create index "membership_user_id" to table: "memberships"
CREATE INDEX `membership_user_id` ON `memberships` (`user_id`);
-- create index "membership_one_owner" to table: "memberships"
CREATE UNIQUE INDEX `membership_one_owner` ON `memberships` (`organization_id`) WHERE owner;
-- create "organizations" table
CREATE TABLE `organizations` (
  `id` uuid NOT NULL,
  `kind` text NOT NULL,
  `depth` integer NOT NULL,
  `name` text NOT NULL,
  `slug` text NOT NULL,
  `status` text NOT NULL,
  `customer_reference` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `parent_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `organizations_organizations_children` FOREIGN KEY (`parent_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `organization_depth` CHECK ((depth = 0) = (parent_id IS NULL)),
  CONSTRAINT `organization_depth_limit` CHECK (depth <= 16),
  CONSTRAINT `organization_not_below_itself` CHECK (parent_id <> id),
  CONSTRAINT `organization_root_has_no_parent` CHECK ((kind = 'PLATFORM') = (parent_id IS NULL))
);
-- create index "organization_slug" to table: "organizations"
CREATE UNIQUE INDEX `organization_slug` ON `organizations` (`slug`);
-- create index "organization_one_root" to table: "organizations"
CREATE UNIQUE INDEX `organization_one_root` ON `organizations` (`kind`) WHERE kind = 'PLATFORM';
-- create index "organization_parent_id" to table: "organizations"
CREATE INDEX `organization_parent_id` ON `organizations` (`parent_id`);
-- create "projects" table
CREATE TABLE `projects` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `region` text NOT NULL,
  `is_default` bool NOT NULL DEFAULT (false),
  `status` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `projects_organizations_projects` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "project_organization_id_name" to table: "projects"
CREATE UNIQUE INDEX `project_organization_id_name` ON `projects` (`organization_id`, `name`);
-- create index "project_one_default" to table: "projects"
CREATE UNIQUE INDEX `project_one_default` ON `projects` (`organization_id`) WHERE is_default;
-- create "rated_lines" table
CREATE TABLE `rated_lines` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `usage_line_id` integer NOT NULL,
  `position` integer NOT NULL,
  `month` text NOT NULL,
  `seller_id` uuid NOT NULL,
  `buyer_id` uuid NOT NULL,
  `multiplier_id` uuid NULL,
  `amount` text NOT NULL,
  `dataset_id` integer NOT NULL,
  CONSTRAINT `rated_lines_usage_datasets_rated_lines` FOREIGN KEY (`dataset_id`) REFERENCES `usage_datasets` (`id`) ON DELETE CASCADE
);
-- create index "ratedline_buyer_id_month_usage_line_id" to table: "rated_lines"
CREATE INDEX `ratedline_buyer_id_month_usage_line_id` ON `rated_lines` (`buyer_id`, `month`, `usage_line_id`);
-- create index "ratedline_usage_line_id_position" to table: "rated_lines"
CREATE UNIQUE INDEX `ratedline_usage_line_id_position` ON `rated_lines` (`usage_line_id`, `position`);
-- create index "ratedline_dataset_id" to table: "rated_lines"
CREATE INDEX `ratedline_dataset_id` ON `rated_lines` (`dataset_id`);
-- create "setting_directives" table
CREATE TABLE `setting_directives` (
  `id` uuid NOT NULL,
  `scope_kind` text NOT NULL,
  `scope_id` uuid NOT NULL,
  `key` text NOT NULL,
  `operation` json NULL,
  `guard` json NULL,
  `locked` bool NOT NULL DEFAULT (false),
  `version` integer NOT NULL DEFAULT (1),
  `valid_from` datetime NOT NULL,
  `valid_to` datetime NULL,
  `actor_id` uuid NULL,
  `reason` text NOT NULL,
  `organization_id` uuid NOT NULL,
  `author_organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `setting_directives_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `setting_directives_organizations_author_organization` FOREIGN KEY (`author_organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `setting_directive_ends_after_start` CHECK (valid_to IS NULL OR valid_to > valid_from)
);
-- create index "setting_directive_one_live" to table: "setting_directives"
CREATE UNIQUE INDEX `setting_directive_one_live` ON `setting_directives` (`scope_id`, `key`, `author_organization_id`) WHERE valid_to IS NULL;
-- create index "settingdirective_scope_id_key_author_organization_id_version" to table: "setting_directives"
CREATE UNIQUE INDEX `settingdirective_scope_id_key_author_organization_id_version` ON `setting_directives` (`scope_id`, `key`, `author_organization_id`, `version`);
-- create index "settingdirective_organization_id" to table: "setting_directives"
CREATE INDEX `settingdirective_organization_id` ON `setting_directives` (`organization_id`);
-- create index "settingdirective_author_organization_id" to table: "setting_directives"
CREATE INDEX `settingdirective_author_organization_id` ON `setting_directives` (`author_organization_id`);
-- create "usage_datasets" table
CREATE TABLE `usage_datasets` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `provider` text NOT NULL,
  `billing_account_id` text NOT NULL,
  `month` text NOT NULL,
  `status` text NOT NULL,
  `organization_id` uuid NOT NULL,
  `import_id` uuid NOT NULL,
  CONSTRAINT `usage_datasets_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `usage_datasets_usage_imports_datasets` FOREIGN KEY (`import_id`) REFERENCES `usage_imports` (`id`) ON DELETE CASCADE
);
-- create index "usage_dataset_one_active" to table: "usage_datasets"
CREATE UNIQUE INDEX `usage_dataset_one_active` ON `usage_datasets` (`organization_id`, `provider`, `billing_account_id`, `month`) WHERE status = 'ACTIVE';
-- create index "usagedataset_import_id" to table: "usage_datasets"
CREATE INDEX `usagedataset_import_id` ON `usage_datasets` (`import_id`);
-- create "usage_imports" table
CREATE TABLE `usage_imports` (
  `id` uuid NOT NULL,
  `status` text NOT NULL,
  `content_hash` text NOT NULL,
  `rows_read` integer NOT NULL DEFAULT (0),
  `rows_stored` integer NOT NULL DEFAULT (0),
  `rows_skipped` integer NOT NULL DEFAULT (0),
  `unattributed_rows` integer NOT NULL DEFAULT (0),
  `error_count` integer NOT NULL DEFAULT (0),
  `errors` json NOT NULL,
  `billed_costs` json NOT NULL,
  `actor_id` uuid NULL,
  `created_at` datetime NOT NULL,
  `touched_at` datetime NOT NULL,
  `finished_at` datetime NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `usage_imports_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "usage_import_same_content" to table: "usage_imports"
CREATE UNIQUE INDEX `usage_import_same_content` ON `usage_imports` (`organization_id`, `content_hash`) WHERE status = 'ACTIVE';
-- create "usage_lines" table
CREATE TABLE `usage_lines` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `line` integer NOT NULL,
  `importer_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `group_id` uuid NULL,
  `attributed` bool NOT NULL,
  `month` text NOT NULL,
  `charge_period_start` datetime NOT NULL,
  `charge_period_end` datetime NOT NULL,
  `provider` text NOT NULL,
  `service` text NOT NULL,
  `sku` text NOT NULL,
  `region` text NOT NULL,
  `sub_account_id` text NOT NULL,
  `resource_id` text NOT NULL,
  `charge_category` text NOT NULL,
  `charge_class` text NOT NULL,
  `description` text NOT NULL,
  `billed_cost` text NOT NULL,
  `list_cost` text NULL,
  `currency` text NOT NULL,
  `quantity` text NULL,
  `unit` text NOT NULL,
  `tags` json NOT NULL,
  `extra` json NOT NULL,
  `dataset_id` integer NOT NULL,
  CONSTRAINT `usage_lines_usage_datasets_usage_lines` FOREIGN KEY (`dataset_id`) REFERENCES `usage_datasets` (`id`) ON DELETE CASCADE
);
-- create index "usageline_importer_id_month_id" to table: "usage_lines"
CREATE INDEX `usageline_importer_id_month_id` ON `usage_lines` (`importer_id`, `month`, `id`);
-- create index "usageline_dataset_id" to table: "usage_lines"
CREATE INDEX `usageline_dataset_id` ON `usage_lines` (`dataset_id`);
-- create "usage_mappings" table
CREATE TABLE `usage_mappings` (
  `id` uuid NOT NULL,
  `sub_account_id` text NOT NULL,
  `tag_key` text NOT NULL,
  `tag_value` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `importer_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `group_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `usage_mappings_organizations_importer` FOREIGN KEY (`importer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `usage_mappings_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `usage_mappings_groups_group` FOREIGN KEY (`group_id`) REFERENCES `groups` (`id`) ON DELETE SET NULL,
  CONSTRAINT `usage_mapping_names_something` CHECK (sub_account_id <> '' OR tag_key <> '')
);
-- create index "usagemapping_importer_id_sub_account_id_tag_key_tag_value" to table: "usage_mappings"
CREATE UNIQUE INDEX `usagemapping_importer_id_sub_account_id_tag_key_tag_value` ON `usage_mappings` (`importer_id`, `sub_account_id`, `tag_key`, `tag_value`);
-- create index "usagemapping_organization_id" to table: "usage_mappings"
CREATE INDEX `usagemapping_organization_id` ON `usage_mappings` (`organization_id`);
-- create "users" table
CREATE TABLE `users` (
  `id` uuid NOT NULL,
  `username` text NOT NULL,
  `username_key` text NOT NULL,
  `email` text NOT NULL,
  `email_key` text NOT NULL,
  `name` text NOT NULL,
  `status` text NOT NULL,
  `password_hash` text NULL,
  `mfa_enabled` bool NOT NULL DEFAULT (false),
  `last_login_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `home_organization_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `users_organizations_home_organization` FOREIGN KEY (`home_organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "user_username_key" to table: "users"
CREATE UNIQUE INDEX `user_username_key` ON `users` (`username_key`);
-- create index "user_email_key" to table: "users"
CREATE UNIQUE INDEX `user_email_key` ON `users` (`email_key`);
