-- drop index "usage_dataset_one_active" from table: "usage_datasets"
DROP INDEX `usage_dataset_one_active`;
-- add column "part" to table: "usage_datasets"
ALTER TABLE `usage_datasets` ADD COLUMN `part` integer NOT NULL DEFAULT (0);
-- create index "usage_dataset_one_active" to table: "usage_datasets"
CREATE UNIQUE INDEX `usage_dataset_one_active` ON `usage_datasets` (`organization_id`, `provider`, `billing_account_id`, `month`, `part`) WHERE status = 'ACTIVE';
-- create "usage_events" table
CREATE TABLE `usage_events` (
  `id` uuid NOT NULL,
  `idempotency_key` text NOT NULL,
  `owner_id` uuid NOT NULL,
  `group_id` uuid NULL,
  `project_name` text NOT NULL,
  `user_name` text NOT NULL,
  `quantity` text NOT NULL,
  `rate` text NOT NULL,
  `unit_rate` text NOT NULL,
  `amount` text NOT NULL,
  `currency` text NOT NULL,
  `started_at` datetime NOT NULL,
  `ended_at` datetime NOT NULL,
  `tags` json NOT NULL,
  `month` text NOT NULL,
  `dataset_id` integer NOT NULL,
  `usage_line_id` integer NOT NULL,
  `actor_id` uuid NULL,
  `created_at` datetime NOT NULL,
  `sku_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  `corrects_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `usage_events_skus_events` FOREIGN KEY (`sku_id`) REFERENCES `skus` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `usage_events_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `usage_events_usage_events_corrections` FOREIGN KEY (`corrects_id`) REFERENCES `usage_events` (`id`) ON DELETE RESTRICT
);
-- create index "usage_event_key" to table: "usage_events"
CREATE UNIQUE INDEX `usage_event_key` ON `usage_events` (`organization_id`, `idempotency_key`);
-- create index "usageevent_organization_id_month" to table: "usage_events"
CREATE INDEX `usageevent_organization_id_month` ON `usage_events` (`organization_id`, `month`);
-- create index "usageevent_usage_line_id" to table: "usage_events"
CREATE UNIQUE INDEX `usageevent_usage_line_id` ON `usage_events` (`usage_line_id`);
-- create index "usageevent_dataset_id" to table: "usage_events"
CREATE INDEX `usageevent_dataset_id` ON `usage_events` (`dataset_id`);
-- create index "usageevent_sku_id" to table: "usage_events"
CREATE INDEX `usageevent_sku_id` ON `usage_events` (`sku_id`);
-- create index "usageevent_corrects_id" to table: "usage_events"
CREATE INDEX `usageevent_corrects_id` ON `usage_events` (`corrects_id`);
