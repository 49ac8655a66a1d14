-- create "billing_units" table
CREATE TABLE `billing_units` (
  `id` uuid NOT NULL,
  `name` text NOT NULL,
  `currency` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `billing_units_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "billing_unit_name" to table: "billing_units"
CREATE UNIQUE INDEX `billing_unit_name` ON `billing_units` (`organization_id`, `name`);
-- create "metering_rates" table
CREATE TABLE `metering_rates` (
  `id` uuid NOT NULL,
  `rate` text NOT NULL,
  `effective_from` datetime NULL,
  `actor_id` uuid NULL,
  `created_at` datetime NOT NULL,
  `unit_id` uuid NULL,
  `organization_id` uuid NOT NULL,
  `sku_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `metering_rates_billing_units_rates` FOREIGN KEY (`unit_id`) REFERENCES `billing_units` (`id`) ON DELETE CASCADE,
  CONSTRAINT `metering_rates_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `metering_rates_skus_rates` FOREIGN KEY (`sku_id`) REFERENCES `skus` (`id`) ON DELETE CASCADE,
  CONSTRAINT `metering_rate_of_one` CHECK ((unit_id IS NULL) <> (sku_id IS NULL))
);
-- create index "metering_rate_of_unit" to table: "metering_rates"
CREATE UNIQUE INDEX `metering_rate_of_unit` ON `metering_rates` (`unit_id`, `effective_from`);
-- create index "metering_rate_of_sku" to table: "metering_rates"
CREATE UNIQUE INDEX `metering_rate_of_sku` ON `metering_rates` (`sku_id`, `effective_from`);
-- create "skus" table
CREATE TABLE `skus` (
  `id` uuid NOT NULL,
  `code` text NOT NULL,
  `name` text NOT NULL,
  `type` text NOT NULL,
  `subtype` text NOT NULL,
  `service` text NOT NULL,
  `archived_at` datetime NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_at` datetime NOT NULL,
  `unit_id` uuid NOT NULL,
  `organization_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `skus_billing_units_skus` FOREIGN KEY (`unit_id`) REFERENCES `billing_units` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `skus_organizations_organization` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT
);
-- create index "sku_code" to table: "skus"
CREATE UNIQUE INDEX `sku_code` ON `skus` (`organization_id`, `code`);
-- create index "sku_unit_id" to table: "skus"
CREATE INDEX `sku_unit_id` ON `skus` (`unit_id`);
