-- Lines say no longer whose they are: their rated lines do, by rating. Those of
-- before are of the first. The tables that are made anew are referred to by none.
-- add column "rating" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `rating` integer NOT NULL DEFAULT 1;
-- add column "rating_wanted" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `rating_wanted` integer NOT NULL DEFAULT 1;
-- add column "rating_loading" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `rating_loading` integer NOT NULL DEFAULT 0;
-- add column "rating_reached" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `rating_reached` integer NOT NULL DEFAULT 0;
-- add column "rating_claim" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `rating_claim` integer NOT NULL DEFAULT 0;
-- create index "usage_dataset_to_rate" to table: "usage_datasets"
CREATE INDEX `usage_dataset_to_rate` ON `usage_datasets` (`organization_id`) WHERE status = 'ACTIVE' AND rating <> rating_wanted;
-- add column "first_month" to table: "usage_mappings"
ALTER TABLE `usage_mappings` ADD COLUMN `first_month` text NOT NULL DEFAULT '';
-- add column "last_month" to table: "usage_mappings"
ALTER TABLE `usage_mappings` ADD COLUMN `last_month` text NULL;
DROP INDEX `usagemapping_importer_id_sub_account_id_tag_key_tag_value`;
-- create index "usage_mapping_pattern" to table: "usage_mappings"
CREATE UNIQUE INDEX `usage_mapping_pattern` ON `usage_mappings` (`importer_id`, `sub_account_id`, `tag_key`, `tag_value`, `first_month`);
-- create "new_cost_rollups" table
CREATE TABLE `new_cost_rollups` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `rating` integer NOT NULL,
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
-- copy rows
INSERT INTO `new_cost_rollups` (`id`, `rating`, `organization_id`, `customer_id`, `owner_id`, `group_id`, `day`, `provider`, `service`, `sku`, `region`, `charge_category`, `currency`, `buy`, `sell`, `lines`, `dataset_id`)
SELECT `id`, 1, `organization_id`, `customer_id`, `owner_id`, `group_id`, `day`, `provider`, `service`, `sku`, `region`, `charge_category`, `currency`, `buy`, `sell`, `lines`, `dataset_id` FROM `cost_rollups`;
DROP TABLE `cost_rollups`;
ALTER TABLE `new_cost_rollups` RENAME TO `cost_rollups`;
-- create index "costrollup_organization_id_day" to table: "cost_rollups"
CREATE INDEX `costrollup_organization_id_day` ON `cost_rollups` (`organization_id`, `day`);
-- create index "costrollup_dataset_id_rating" to table: "cost_rollups"
CREATE INDEX `costrollup_dataset_id_rating` ON `cost_rollups` (`dataset_id`, `rating`);
-- create "new_rated_lines" table
CREATE TABLE `new_rated_lines` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `rating` integer NOT NULL,
  `usage_line_id` integer NOT NULL,
  `position` integer NOT NULL,
  `month` text NOT NULL,
  `seller_id` uuid NULL,
  `buyer_id` uuid NOT NULL,
  `owner_id` uuid NOT NULL,
  `group_id` uuid NULL,
  `attributed` bool NOT NULL,
  `multiplier_id` uuid NULL,
  `amount` text NOT NULL,
  `dataset_id` integer NOT NULL,
  CONSTRAINT `rated_lines_usage_datasets_rated_lines` FOREIGN KEY (`dataset_id`) REFERENCES `usage_datasets` (`id`) ON DELETE CASCADE
);
-- copy rows, whose positions count from the provider now
INSERT INTO `new_rated_lines` (`id`, `rating`, `usage_line_id`, `position`, `month`, `seller_id`, `buyer_id`, `owner_id`, `group_id`, `attributed`, `multiplier_id`, `amount`, `dataset_id`)
SELECT r.`id`, 1, r.`usage_line_id`, r.`position` + 1, r.`month`, r.`seller_id`, r.`buyer_id`, l.`organization_id`, l.`group_id`, l.`attributed`, r.`multiplier_id`, r.`amount`, r.`dataset_id`
FROM `rated_lines` r JOIN `usage_lines` l ON l.`id` = r.`usage_line_id`;
-- what the importing organizations pay the providers
INSERT INTO `new_rated_lines` (`id`, `rating`, `usage_line_id`, `position`, `month`, `seller_id`, `buyer_id`, `owner_id`, `group_id`, `attributed`, `multiplier_id`, `amount`, `dataset_id`)
SELECT (SELECT COALESCE(MAX(`value`), 0) FROM `counters` WHERE `id` = 'rated_lines') + ROW_NUMBER() OVER (ORDER BY l.`id`),
  1, l.`id`, 0, l.`month`, NULL, l.`importer_id`, l.`organization_id`, l.`group_id`, l.`attributed`, NULL, l.`billed_cost`, l.`dataset_id`
FROM `usage_lines` l;
UPDATE `counters` SET `value` = (SELECT MAX(`id`) FROM `new_rated_lines`) WHERE `id` = 'rated_lines' AND EXISTS (SELECT 1 FROM `new_rated_lines`);
INSERT INTO `counters` (`id`, `value`, `instant`)
SELECT 'rated_lines', MAX(`id`), 0 FROM `new_rated_lines` WHERE NOT EXISTS (SELECT 1 FROM `counters` WHERE `id` = 'rated_lines') HAVING COUNT(*) > 0;
DROP TABLE `rated_lines`;
ALTER TABLE `new_rated_lines` RENAME TO `rated_lines`;
-- create index "ratedline_buyer_id_month_usage_line_id" to table: "rated_lines"
CREATE INDEX `ratedline_buyer_id_month_usage_line_id` ON `rated_lines` (`buyer_id`, `month`, `usage_line_id`);
-- create index "ratedline_usage_line_id_rating_position" to table: "rated_lines"
CREATE UNIQUE INDEX `ratedline_usage_line_id_rating_position` ON `rated_lines` (`usage_line_id`, `rating`, `position`);
-- create index "ratedline_dataset_id_rating" to table: "rated_lines"
CREATE INDEX `ratedline_dataset_id_rating` ON `rated_lines` (`dataset_id`, `rating`);
-- create "new_usage_lines" table
CREATE TABLE `new_usage_lines` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `line` integer NOT NULL,
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
-- copy rows
INSERT INTO `new_usage_lines` (`id`, `line`, `month`, `charge_period_start`, `charge_period_end`, `provider`, `service`, `sku`, `region`, `sub_account_id`, `resource_id`, `charge_category`, `charge_class`, `description`, `billed_cost`, `list_cost`, `currency`, `quantity`, `unit`, `tags`, `extra`, `dataset_id`)
SELECT `id`, `line`, `month`, `charge_period_start`, `charge_period_end`, `provider`, `service`, `sku`, `region`, `sub_account_id`, `resource_id`, `charge_category`, `charge_class`, `description`, `billed_cost`, `list_cost`, `currency`, `quantity`, `unit`, `tags`, `extra`, `dataset_id` FROM `usage_lines`;
DROP TABLE `usage_lines`;
ALTER TABLE `new_usage_lines` RENAME TO `usage_lines`;
-- create index "usageline_dataset_id_id" to table: "usage_lines"
CREATE INDEX `usageline_dataset_id_id` ON `usage_lines` (`dataset_id`, `id`);
-- create "cloud_accounts" table
CREATE TABLE `cloud_accounts` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `provider` text NOT NULL,
  `provider_account_id` text NOT NULL,
  `status` text NOT NULL,
  `group_ids` json NOT NULL,
  `credentials` text NOT NULL,
  `credentials_at` datetime NULL,
  `last_usage_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  `importer_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `cloud_accounts_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `cloud_accounts_organizations_importer` FOREIGN KEY (`importer_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `cloud_account_active_has_importer` CHECK ((status = 'ACTIVE') = (importer_id IS NOT NULL))
);
-- create index "cloudaccount_organization_id_name" to table: "cloud_accounts"
CREATE UNIQUE INDEX `cloudaccount_organization_id_name` ON `cloud_accounts` (`organization_id`, `name`);
-- create index "cloud_account_active" to table: "cloud_accounts"
CREATE UNIQUE INDEX `cloud_account_active` ON `cloud_accounts` (`provider`, `provider_account_id`) WHERE status = 'ACTIVE';
-- create index "cloudaccount_importer_id" to table: "cloud_accounts"
CREATE INDEX `cloudaccount_importer_id` ON `cloud_accounts` (`importer_id`);
