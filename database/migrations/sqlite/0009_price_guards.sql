-- create "price_guards" table
CREATE TABLE `price_guards` (
  `id` uuid NOT NULL,
  `basis` text NOT NULL,
  `min` text NULL,
  `max` text NULL,
  `first_month` text NOT NULL,
  `last_month` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `actor_id` uuid NULL,
  `reason` text NOT NULL,
  `created_at` datetime NOT NULL,
  `manager_id` uuid NOT NULL,
  `seller_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `price_guards_organizations_manager` FOREIGN KEY (`manager_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `price_guards_organizations_seller` FOREIGN KEY (`seller_id`) REFERENCES `organizations` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `price_guard_bounds` CHECK (min IS NOT NULL OR max IS NOT NULL)
);
-- create index "price_guard_version_seller" to table: "price_guards"
CREATE UNIQUE INDEX `price_guard_version_seller` ON `price_guards` (`manager_id`, `seller_id`, `basis`, `version`) WHERE seller_id IS NOT NULL;
-- create index "price_guard_version_all" to table: "price_guards"
CREATE UNIQUE INDEX `price_guard_version_all` ON `price_guards` (`manager_id`, `basis`, `version`) WHERE seller_id IS NULL;
-- create index "priceguard_seller_id" to table: "price_guards"
CREATE INDEX `priceguard_seller_id` ON `price_guards` (`seller_id`);
